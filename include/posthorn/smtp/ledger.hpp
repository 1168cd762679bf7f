//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Reply accounting: whatever is written is entered as expected, and every reply is matched with what it answers.

#ifndef POSTHORN_SMTP_LEDGER_HPP
#define POSTHORN_SMTP_LEDGER_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/core/config.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <vector>

namespace posthorn::smtp {

/// A reply that is due.
struct expectation
{
    smtp::phase   what  = phase::command;
    std::uint32_t index = 0; ///< Which recipient or chunk, where there are several.
};

/// Can a reply with this code answer it at all? If not, both sides have lost track of each other.
constexpr bool admissible(phase what, int code) noexcept
{
    switch (code / 100)
    {
    case 2: return what != phase::data;
    case 3: // to content: 353 of PRDR
        return what == phase::data || what == phase::auth || what == phase::command || what == phase::content;
    default: return true;
    }
}

/** Matches replies with what they answer (DESIGN of all pipelining: nothing is ever off by one).

    Sans-I/O. Steady use allocates nothing.
*/
class ledger
{
public:
    explicit ledger(reply_limits limits = {}) : parser_(limits) {}

    /// Enters a reply that the bytes just written will cause.
    void expect(phase what, std::uint32_t index = 0)
    {
        if (head_ == due_.size() || (head_ >= 64 && head_ >= due_.size() / 2)) // a busy ledger may never be idle
        {
            due_.erase(due_.begin(), due_.begin() + static_cast<std::ptrdiff_t>(head_));
            head_ = 0;
        }
        due_.push_back({what, index});
    }

    std::size_t due() const noexcept { return due_.size() - head_; }
    bool        idle() const noexcept { return due() == 0; }

    /// For how many replies there is memory; bounded by what is due at once, however long it is in use.
    std::size_t capacity() const noexcept { return due_.capacity(); }

    /// What the next reply will answer. @pre !idle()
    expectation const& front() const noexcept
    {
        POSTHORN_ASSERT(!idle());
        return due_[head_];
    }

    /** Takes the next complete reply out of `in`.

        @param in  What has arrived; the octets of the reply, or of its beginning, are consumed.
        @param what Set to what the reply answers.
        @param out  The reply, also in parts; pass the same object until the result is true.
        @param ec  The errors of reply_parser; errc::unsolicited_reply if none is due, errc::unexpected_code if the
                   code cannot answer what is due, errc::service_unavailable if 421 came unasked. The connection is
                   unusable then.
        @return True if `what` and `out` were set; false if more octets are needed or there was an error.
    */
    bool next(byte_buffer& in, expectation& what, reply& out, std::error_code& ec)
    {
        ec.clear();
        if (in.empty())
            return false;
        std::size_t const n = parser_.parse(in.data(), out, ec);
        in.consume(n);
        if (ec || !parser_.done())
            return false;
        if (idle())
        {
            ec = out.code() == 421 ? errc::service_unavailable : errc::unsolicited_reply;
            return false;
        }
        what = due_[head_++];
        if (!admissible(what.what, out.code()))
            ec = errc::unexpected_code;
        return !ec;
    }

    /// What was answered last will be answered once more. @pre the last call of next() returned true
    void repeat() noexcept
    {
        POSTHORN_ASSERT(head_ != 0);
        --head_;
    }

    /// Has a reply begun to arrive that is not complete?
    bool inside_reply() const noexcept { return parser_.in_reply(); }

    /// Forgets all that is due: the connection was given up.
    void clear() noexcept
    {
        due_.clear();
        head_ = 0;
    }

private:
    reply_parser             parser_;
    std::vector<expectation> due_;
    std::size_t              head_ = 0;
};

} // namespace posthorn::smtp

#endif
