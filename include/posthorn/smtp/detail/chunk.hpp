//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The content of one BDAT command. Its size must be known before it is sent, so what does not stay where it is
// has to be gathered.

#ifndef POSTHORN_SMTP_DETAIL_CHUNK_HPP
#define POSTHORN_SMTP_DETAIL_CHUNK_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/smtp/detail/conversation.hpp>
#include <posthorn/smtp/detail/parcel.hpp>
#include <posthorn/smtp/detail/reasons.hpp>
#include <posthorn/smtp/gather_list.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>

namespace posthorn::smtp::detail {

/// Used again, it keeps its memory.
class chunk
{
public:
    /** Takes content until there are `most` octets or it ends.

        @param before_reading Awaited before the source is, which may take a while: a callable that returns a task.
        @return Whether it ends here. @throws session_error for content that cannot be sent; what the source throws. */
    template <class BeforeReading>
    task<bool> fill(conversation const& c, content_reader& content, std::size_t most, BeforeReading before_reading)
    {
        std::error_code ec;
        bool            last = false;
        slices_.clear();
        gathered_.clear();
        for (std::size_t size = 0; !last && size < most; size = gathered_.size() + slices_.size())
        {
            if (content.needs_block() || slices_.room() <= few_pieces)
                gather();
            if (content.needs_block())
            {
                co_await before_reading();
                co_await content.next_block();
            }
            last = content.encode(slices_, most - size, ec);
            if (ec)
                throw content_error(c, ec, content.offset());
        }
        bool const scattered = !gathered_.empty() || !content.whole();
        if (scattered)
        {
            gather();
            slices_.add(gathered_.data());
        }
        own_memory_ = scattered || slices_.uses_scratch();
        co_return last;
    }

    std::span<std::string_view const> slices() const noexcept { return slices_.slices(); }
    std::size_t                       size() const noexcept { return slices_.size(); }

    /// Do the slices refer to memory of this object? Then they must have left before it is filled again.
    bool owns_memory() const noexcept { return own_memory_; }

private:
    static constexpr std::size_t few_pieces = 8; ///< Room that the encoder wants.

    /// Copies the slices behind what was there before.
    void gather()
    {
        for (auto const slice : slices_.slices())
            gathered_.append(slice);
        slices_.clear();
    }

    gather_list slices_;
    byte_buffer gathered_; ///< Content that is not in memory elsewhere.
    bool        own_memory_ = false;
};

} // namespace posthorn::smtp::detail

#endif
