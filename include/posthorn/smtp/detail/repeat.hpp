//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Whether a message may be sent once more without a risk of duplicates, and how its content starts again.

#ifndef POSTHORN_SMTP_DETAIL_REPEAT_HPP
#define POSTHORN_SMTP_DETAIL_REPEAT_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/smtp/flight.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/phase.hpp>

#include <algorithm>

namespace posthorn::smtp::detail {

/// Did the connection end before MAIL was judged? 421 is how servers end one that was idle for too long.
inline bool unseen(report const& r)
{
    return std::all_of(r.recipients().begin(), r.recipients().end(), [](recipient_report const& one) {
        return one.phase <= phase::mail && (one.outcome == disposition::not_sent || one.code == 421);
    });
}

/// Can content that may have been read in part be sent again?
inline bool can_repeat(message const& m, report const& r)
{
    if (m.content == nullptr)
        return false;
    return m.content->contiguous() || m.content->rewindable() || r.transfer() == transfer::data;
}

/// Content that was looked at starts again. What can be read only once was not looked at.
inline task<void> rewind(message const& m)
{
    if (!m.content->contiguous() && m.content->rewindable())
        co_await m.content->rewind();
}

} // namespace posthorn::smtp::detail

#endif
