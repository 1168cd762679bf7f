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
#include <posthorn/smtp/detail/content_reader.hpp>
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
    void clear() noexcept
    {
        slices_.clear();
        gathered_.clear();
        size_       = 0;
        own_memory_ = false;
    }

    /** Takes content until there are `most` octets, it ends, or the next block must be read first. What was taken of the
        blocks before is safe then.
        @return Whether it ends here. */
    bool take(content_reader& content, std::size_t most, std::error_code& ec)
    {
        while (size_ < most && !content.needs_block())
        {
            if (slices_.room() <= content_reader::few_pieces)
                gather();
            std::size_t const before = slices_.size();
            bool const        last   = content.encode(slices_, most - size_, ec);
            size_ += slices_.size() - before;
            if (ec || last)
                return last;
        }
        if (content.needs_block() && size_ < most)
            gather();
        return false;
    }

    /// Nothing more is taken. @param whole Is the content in memory, where it stays?
    void complete(bool whole)
    {
        bool const scattered = !gathered_.empty() || !whole;
        if (scattered)
        {
            gather();
            slices_.add(gathered_.data());
        }
        own_memory_ = scattered || slices_.uses_scratch();
    }

    /// Makes one slice of all, by copying, where there is no room for many. @pre It is complete.
    void join()
    {
        gather();
        slices_.add(gathered_.data());
        own_memory_ = true;
    }

    /// Once it is complete.
    std::span<std::string_view const> slices() const noexcept { return slices_.slices(); }

    /// Octets taken.
    std::size_t size() const noexcept { return size_; }

    /// Do the slices refer to memory of this object? Then they must have left before it is filled again.
    bool owns_memory() const noexcept { return own_memory_; }

private:
    /// Copies the slices behind what was there before.
    void gather()
    {
        for (auto const slice : slices_.slices())
            gathered_.append(slice);
        slices_.clear();
    }

    gather_list slices_;
    byte_buffer gathered_; ///< Content that is not in memory elsewhere.
    std::size_t size_       = 0;
    bool        own_memory_ = false;
};

} // namespace posthorn::smtp::detail

#endif
