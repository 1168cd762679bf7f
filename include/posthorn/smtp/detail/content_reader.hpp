//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The content of a message as its source gives it and as it is encoded, block by block.

#ifndef POSTHORN_SMTP_DETAIL_CONTENT_READER_HPP
#define POSTHORN_SMTP_DETAIL_CONTENT_READER_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/smtp/detail/preparation.hpp>
#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/gather_list.hpp>
#include <posthorn/source/source.hpp>

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
    static constexpr std::size_t everything = static_cast<std::size_t>(-1); ///< For encode(): whatever there is.
    static constexpr std::size_t few_pieces = 8;                            ///< Room in the list that encode() wants.

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

    /// The same at once. @return False, with nothing done, if it is not in memory.
    bool open_whole(source& from)
    {
        auto const whole = from.contiguous();
        if (!whole)
            return false;
        from_  = &from;
        block_ = *whole;
        ended_ = whole_ = true;
        return true;
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

    /// @param measured What is known of the whole content; null if that was not measured.
    void reset(content_options const& o, content_facts const* measured) noexcept
    {
        encoder_.reset(o);
        if (measured != nullptr && whole_)
            encoder_.trust(*measured);
    }

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

} // namespace posthorn::smtp::detail

#endif
