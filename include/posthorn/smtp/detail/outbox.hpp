//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What waits to be written in one go, and how far what was written can have come.

#ifndef POSTHORN_SMTP_DETAIL_OUTBOX_HPP
#define POSTHORN_SMTP_DETAIL_OUTBOX_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/smtp/detail/conversation.hpp>
#include <posthorn/smtp/gather_list.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace posthorn::smtp::detail {

/** Gathers commands and content of one or more messages, and writes them.

    Octets are counted from the first one that ever passed, so that a mark set at the end of a message tells later
    whether that end can have left.
*/
class outbox
{
public:
    explicit outbox(conversation& c) noexcept : c_(&c) {}

    /// Room for some more pieces? Otherwise flush() first.
    bool has_room(std::size_t pieces) const noexcept
    {
        return list_.room() > pieces && list_.scratch_room() > gather_list::short_run;
    }

    /// To add slices to. What they refer to must stay until the next flush().
    gather_list& list() noexcept { return list_; }

    bool          empty() const noexcept { return list_.empty(); }
    std::size_t   size() const noexcept { return list_.size(); }
    std::uint64_t end() const noexcept { return written_ + list_.size(); } ///< Of what was added so far.

    /// Can the octets before `mark` all have left?
    bool may_have_left(std::uint64_t mark) const noexcept
    {
        return mark <= written_ + (flushing_ ? c_->stream.possibly_sent() : 0);
    }

    /// Has writing failed? Nothing more leaves then; what the server said before may still be read.
    bool failed() const noexcept { return failed_; }

    /** Writes all that was added.

        A connection that breaks is not an error yet: the server may have said why, and that is read next.
        @param limit When to give up.
        @param p     What is being sent, for errors.
        @param over  Is it known that the connection ends? Then a failure is none.
        @throws session_error after a timeout or a cancellation. */
    task<void> flush(net::clock::time_point limit, phase p, bool const& over)
    {
        if (flush_now())
            co_return;
        co_await flush_rest(limit, p, over);
    }

    /// Writes what can leave without waiting. @return Whether nothing is left; if not, flush_rest() must be next.
    bool flush_now() noexcept
    {
        if (list_.empty() || failed_)
        {
            list_.clear();
            return true;
        }
        c_->fresh_output = true;
        flushing_        = !c_->stream.write_now(list_.slices());
        if (flushing_)
            return false;
        written_ += list_.size();
        list_.clear();
        return true;
    }

    /// What flush_now() has left; as flush().
    task<void> flush_rest(net::clock::time_point limit, phase p, bool const& over)
    {
        c_->stream.expires_at(std::min(limit, c_->total));
        std::optional<posthorn::error> failure;
        try
        {
            co_await c_->stream.write_rest(list_.slices());
        }
        catch (posthorn::error const& e)
        {
            failure.emplace(e);
        }
        written_ += failure ? c_->stream.possibly_sent() : list_.size();
        flushing_ = false;
        list_.clear();
        if (!failure)
            co_return;
        failed_ = true;
        if (over)
            co_return; // the reader has closed the connection, with the reason in hand
        bool const broken = failure->code() != condition::canceled && failure->code() != condition::timeout &&
                            failure->code() != posthorn::errc::closed;
        if (!broken)
            c_->fail(failure->code(), p, waiting_for(p), &failure->context());
        c_->patience = last_words_limit;
    }

    /// Forgets what was not written, for the next message.
    void reset() noexcept
    {
        list_.clear();
        failed_ = flushing_ = false;
    }

    static constexpr auto last_words_limit = std::chrono::seconds(5); ///< For a reply after a broken write.

private:
    conversation* c_;
    gather_list   list_;
    std::uint64_t written_  = 0;
    bool          flushing_ = false;
    bool          failed_   = false;
};

} // namespace posthorn::smtp::detail

#endif
