//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A message on its way: its plan, its transaction, how far its content has come, and what became of it.

#ifndef POSTHORN_SMTP_DETAIL_PARCEL_HPP
#define POSTHORN_SMTP_DETAIL_PARCEL_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/smtp/detail/preparation.hpp>
#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/gather_list.hpp>
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

/// Content as it is read and encoded.
class content_reader
{
public:
    /** Gets hold of the beginning, if that does no harm: what can be read only once is left untouched, so that the
        message can still move to another connection. What is in memory is seen whole. */
    task<void> open(source& from)
    {
        from_            = &from;
        auto const whole = from.contiguous();
        ended_ = whole_ = whole.has_value();
        block_          = whole.value_or(std::string_view());
        if (!whole_ && from.rewindable())
            co_await next_block();
    }

    /// Starts again from the beginning. @pre can_rewind()
    task<void> rewind()
    {
        if (!whole_)
            co_await from_->rewind();
        co_await open(*from_);
    }

    bool can_rewind() const { return whole_ || from_->rewindable(); }
    bool whole() const noexcept { return whole_; } ///< Is it in memory?

    known_content known() const
    {
        known_content k;
        k.beginning = block_;
        k.complete  = ended_;
        k.size      = from_->size();
        return k;
    }
    std::optional<std::uint64_t> size() const { return from_->size(); }

    void reset(content_options const& o) noexcept { encoder_.reset(o); }

    std::uint64_t offset() const noexcept { return encoder_.offset(); }

    /// Must next_block() be awaited before there is more to encode?
    bool needs_block() const noexcept { return block_.empty() && !ended_; }

    /// Invalidates what was encoded before and refers to the block before.
    task<void> next_block()
    {
        block_ = co_await from_->next();
        ended_ = block_.empty();
    }

    /** Encodes as much as there is, fits in, and is wanted.
        @param most Octets of content.
        @return Whether this was the end. */
    bool encode(gather_list& out, std::size_t most, std::error_code& ec)
    {
        block_.remove_prefix(encoder_.encode(block_.substr(0, most), out, ec));
        if (ec || !ended_ || !block_.empty())
            return false;
        encoder_.finish(out, ec);
        return !ec;
    }

private:
    source*          from_ = nullptr;
    std::string_view block_;
    content_encoder  encoder_;
    bool             whole_ = false;
    bool             ended_ = false; ///< The source has nothing behind the block.
};

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
