//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// An IStream of the client as the source of a message.

#ifndef POSTHORN_LEGACY_DETAIL_STREAM_SOURCE_HPP
#define POSTHORN_LEGACY_DETAIL_STREAM_SOURCE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/outcome.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/source/source.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace posthorn::legacy::detail {

/** Reads a stream on the thread of its transport, and holds it until the end.

    Where it begins and ends: at the stream's position; at the stream's start, if less than `size` bytes follow the position
    and the whole stream holds that many. It ends after `size` bytes, or, if that is 0, with the stream.
*/
class stream_source final : public source
{
public:
    static constexpr ULONG block_size = 16 * 1024;

    /// @param stream Gets a reference. @param size In bytes; 0 for all that follows.
    stream_source(IStream* stream, ULONG size) : stream_(stream), block_(block_size)
    {
        auto const begin = position(0, STREAM_SEEK_CUR);
        auto const end   = begin ? position(0, STREAM_SEEK_END) : std::nullopt;
        if (end)
        {
            bool const from_start = size > rest(*begin, *end) && *end >= size;
            position(from_start ? 0 : static_cast<std::int64_t>(*begin), STREAM_SEEK_SET);
            std::uint64_t const there = from_start ? *end : rest(*begin, *end);
            total_                    = size == 0 ? there : std::min<std::uint64_t>(size, there);
        }
        else if (size != 0)
            total_ = size;
    }

    task<std::string_view> next() override
    {
        if (!stream_)
            throw error(posthorn::errc::canceled, "the stream was given back");
        std::uint64_t const left = total_.value_or(std::numeric_limits<std::uint64_t>::max()) - taken_;
        ULONG const         most = static_cast<ULONG>(std::min<std::uint64_t>(left, block_size));
        ULONG               got  = 0;
        if (most != 0)
        {
            auto const    held   = stream_; // it may be given back while it reads
            HRESULT const result = held->Read(block_.data(), most, &got);
            if (FAILED(result))
                throw legacy_failure(outcome(result));
            got = std::min(got, most);
        }
        taken_ += got;
        co_return std::string_view(block_.data(), got);
    }

    std::optional<std::uint64_t> size() const override { return total_; }

    task<void> rewind() override
    {
        throw error(posthorn::errc::unsupported, "a stream of a legacy client is read once");
        co_return;
    }

    std::uint64_t taken() const noexcept { return taken_; } ///< Bytes read so far.

    /// Gives the stream back before the end.
    void release() noexcept { stream_ = nullptr; }

private:
    static std::uint64_t rest(std::uint64_t begin, std::uint64_t end) noexcept { return end > begin ? end - begin : 0; }

    std::optional<std::uint64_t> position(std::int64_t move, DWORD origin)
    {
        LARGE_INTEGER  to;
        ULARGE_INTEGER at;
        to.QuadPart = move;
        at.QuadPart = 0;
        if (FAILED(stream_->Seek(to, origin, &at)))
            return std::nullopt;
        return at.QuadPart;
    }

    com_ptr<IStream>             stream_;
    std::vector<char>            block_;
    std::optional<std::uint64_t> total_;
    std::uint64_t                taken_ = 0;
};

} // namespace posthorn::legacy::detail

#endif
