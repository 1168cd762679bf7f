//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A body that a client of the HTTPMail transport sends: lines, a block of memory, its stream; again from the start if need be.

#ifndef POSTHORN_LEGACY_DETAIL_UPLOAD_BODY_HPP
#define POSTHORN_LEGACY_DETAIL_UPLOAD_BODY_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/stream_source.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/source/source.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::legacy::detail {

class upload_body final : public source
{
public:
    /// Memory.
    explicit upload_body(std::string bytes) : lines_(std::move(bytes)) {}

    /// Lines, and what follows in a stream from where it stands. @param stream Gets a reference.
    upload_body(std::string lines, IStream* stream) : lines_(std::move(lines)), stream_(stream)
    {
        LARGE_INTEGER  none;
        ULARGE_INTEGER at;
        none.QuadPart = 0;
        at.QuadPart   = 0;
        if (SUCCEEDED(stream_->Seek(none, STREAM_SEEK_CUR, &at)))
            begin_ = at.QuadPart;
        rest_ = std::make_shared<stream_source>(stream, 0);
    }

    task<std::string_view> next() override
    {
        begun_ = true;
        if (!lines_given_ && !lines_.empty())
        {
            lines_given_ = true;
            co_return lines_;
        }
        std::string_view block;
        if (auto const held = rest_) // it may be given back while it reads
            block = co_await held->next();
        co_return block;
    }

    std::optional<std::uint64_t> size() const override
    {
        if (!rest_)
            return lines_.size();
        auto const more = rest_->size();
        return more ? std::optional<std::uint64_t>(*more + lines_.size()) : std::nullopt;
    }

    bool rewindable() const override { return !rest_ || begin_.has_value(); }

    task<void> rewind() override
    {
        lines_given_ = false;
        begun_       = false;
        restarted_   = true;
        if (!rest_)
            co_return;
        auto const held = stream_;
        if (!held || !begin_)
            throw error(posthorn::errc::canceled, "the stream was given back");
        LARGE_INTEGER to;
        to.QuadPart          = static_cast<LONGLONG>(*begin_);
        HRESULT const result = held->Seek(to, STREAM_SEEK_SET, nullptr);
        if (FAILED(result))
            throw legacy_failure(outcome(result));
        auto again = std::make_shared<stream_source>(held.get(), 0);
        if (!stream_)
            again->release();
        rest_ = std::move(again);
    }

    bool begun() const noexcept { return begun_; }                             ///< Was something of it read?
    bool was_restarted() noexcept { return std::exchange(restarted_, false); } ///< Since the last time this was asked?

    /// Gives the stream back before the end.
    void release() noexcept
    {
        if (rest_)
            rest_->release();
        stream_ = nullptr;
    }

private:
    std::string                    lines_;
    com_ptr<IStream>               stream_;
    std::shared_ptr<stream_source> rest_; ///< Null: there is no stream.
    std::optional<std::uint64_t>   begin_;
    bool                           lines_given_ = false;
    bool                           begun_       = false;
    bool                           restarted_   = false;
};

} // namespace posthorn::legacy::detail

#endif
