//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The body of a request that carries a message: lines before it, the message filtered, its size known beforehand.

#ifndef POSTHORN_HTTPMAIL_DETAIL_MAIL_BODY_HPP
#define POSTHORN_HTTPMAIL_DETAIL_MAIL_BODY_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/httpmail/mail_filter.hpp>
#include <posthorn/source/source.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::httpmail::detail {

/** A source of lines and a message.

    Servers want a Content-Length, and to know it the message is read once before it is sent. A source that cannot start again is
    kept in memory instead, which makes it one that can.
*/
class mail_body final : public source
{
public:
    mail_body(std::string lines, std::shared_ptr<source> content, filter_options options)
        : lines_(std::move(lines)), content_(std::move(content)), filter_(options), options_(options)
    {
    }

    /** To be awaited before anything else.
        @param most Octets to keep in memory. @throws error posthorn::errc::limit_exceeded, or what the source throws. */
    task<void> prepare(std::uint64_t most)
    {
        bool const again = content_->rewindable();
        content_size_    = 0;
        std::string kept;
        for (;;)
        {
            bool const more = co_await refill();
            content_size_ += block_.size();
            if (!again)
            {
                if (content_size_ > most)
                    throw error(posthorn::errc::limit_exceeded,
                                "a message that cannot start again is longer than " + std::to_string(most) + " octets");
                kept += block_;
            }
            if (!more)
                break;
        }
        if (again)
            co_await content_->rewind();
        else
        {
            memory_ = std::move(kept);
            content_.reset();
        }
        start();
    }

    task<std::string_view> next() override
    {
        std::string_view block;
        if (at_ == place::lines)
        {
            at_   = place::message;
            block = lines_;
        }
        if (block.empty() && memory_ && at_ == place::message)
        {
            at_   = place::end;
            block = *memory_;
        }
        while (block.empty() && at_ == place::message)
        {
            bool const more = co_await refill();
            block           = block_;
            if (!more)
                at_ = place::end;
        }
        given_ += block.size();
        co_return block;
    }

    std::optional<std::uint64_t> size() const override { return lines_.size() + content_size_; }
    bool                         rewindable() const override { return true; }

    task<void> rewind() override
    {
        if (content_)
            co_await content_->rewind();
        start();
    }

    std::uint64_t content_size() const noexcept { return content_size_; }

    /// Was the last octet handed over since the last start?
    bool complete() const noexcept { return begun_ && given_ >= lines_.size() + content_size_; }

private:
    enum class place : unsigned char
    {
        lines,
        message,
        end
    };

    void start()
    {
        begun_  = true;
        at_     = place::lines;
        given_  = 0;
        filter_ = mail_filter(options_);
    }

    /// Filters the next block into block_. @return False after the last.
    task<bool> refill()
    {
        block_.clear();
        auto const raw = co_await content_->next();
        if (raw.empty())
            filter_.finish(block_);
        else
            filter_.feed(raw, block_);
        co_return !raw.empty();
    }

    std::string                lines_;
    std::shared_ptr<source>    content_;
    mail_filter                filter_;
    filter_options             options_;
    std::optional<std::string> memory_;
    std::string                block_;
    std::uint64_t              content_size_ = 0;
    std::uint64_t              given_        = 0;
    place                      at_           = place::lines;
    bool                       begun_        = false;
};

} // namespace posthorn::httpmail::detail

#endif
