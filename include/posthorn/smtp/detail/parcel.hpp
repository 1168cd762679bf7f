//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A message on its way: its plan, its transaction, how far its content has come, and what became of it.

#ifndef POSTHORN_SMTP_DETAIL_PARCEL_HPP
#define POSTHORN_SMTP_DETAIL_PARCEL_HPP

#include <posthorn/net/deadline.hpp>
#include <posthorn/smtp/detail/content_reader.hpp>
#include <posthorn/smtp/detail/preparation.hpp>
#include <posthorn/smtp/detail/settlement.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/send_options.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace posthorn::smtp::detail {

/// Used again, it keeps its memory.
struct parcel
{
    parcel()                         = default;
    parcel(parcel const&)            = delete;
    parcel& operator=(parcel const&) = delete;

    enum class stage : unsigned char
    {
        idle,    ///< There is no message.
        waiting, ///< To be begun, or, if its recipients were too many for one transaction, to go on.
        writing,
        written, ///< And not answered completely.
        done
    };

    /// @param r Reset, and used from now on.
    void accept(message const& m, send_options const& o, report& r, std::uint64_t number)
    {
        mail   = &m;
        how    = &o;
        into   = &r;
        ticket = number;
        failure.reset();
        at         = stage::waiting;
        begun_once = false;
        owed       = 0;
        end_mark.reset();
        content_bytes = staged = 0;
        settlement::reset(r, m.envelope);
    }

    bool in_flight() const noexcept { return at == stage::writing || at == stage::written; }

    message const*      mail  = nullptr;
    send_options const* how   = nullptr;
    report*             into  = nullptr;
    stage               at    = stage::idle;
    std::uint64_t       ticket = 0;          ///< Those with lower ones are written, and answered, before.
    bool                begun_once = false;  ///< Its plan is made.
    preparation         plan;
    transaction         dialogue;
    content_reader      content;
    std::size_t         owed = 0;            ///< Replies that are due to it.
    std::optional<std::uint64_t> end_mark;   ///< Where in the output its content ends.
    std::uint64_t       content_bytes = 0;   ///< Handed to the transport.
    std::uint64_t       staged        = 0;   ///< Octets of content that wait in the outbox.
    std::uint64_t       turns         = 0;   ///< Of the conversation, when it began.
    net::clock::time_point begun;            ///< When its content began.
    std::optional<session_error> failure;
};

} // namespace posthorn::smtp::detail

#endif
