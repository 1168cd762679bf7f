//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A response: its head as data, its body as a source that is read from the connection while it is consumed.

#ifndef POSTHORN_HTTP_RESPONSE_HPP
#define POSTHORN_HTTP_RESPONSE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/headers.hpp>
#include <posthorn/http/response_head.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/source/source.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::http {

namespace detail {

/// Where the body of a response comes from.
class incoming
{
public:
    virtual ~incoming() = default;

    /// The next block, valid until the next call; empty at the end.
    virtual task<std::string_view> next() = 0;

    virtual std::optional<std::uint64_t> size() const noexcept = 0;

    /// Complete at the end of the body.
    virtual headers const& trailers() const noexcept = 0;
};

} // namespace detail

/** The final response to a request, after redirects and logins.

    Its body is pulled: nothing of it is in memory but one block. Read to the end the connection goes back to the client; destroyed
    before, it is closed.

    @par Errors
    Reading throws request_error: truncated_body, bad_chunk, ambiguous framing and the like, posthorn::errc::timeout,
    connection_lost, condition::canceled. After any of them the connection is closed.

    @par Thread safety
    One task at a time, on the executor of the client.
*/
class response final : public source
{
public:
    response() = default;

    /// For tests too: any head, any body. @param body Null for none.
    response(response_head head, http::url from, std::unique_ptr<detail::incoming> body)
        : head_(std::move(head)), url_(std::move(from)), body_(std::move(body))
    {
    }
    response(response&&) noexcept            = default;
    response& operator=(response&&) noexcept = default;

    int                status() const noexcept { return head_.status; }
    bool               ok() const noexcept { return head_.status / 100 == 2; } ///< 2xx.
    std::string const& reason() const noexcept { return head_.reason; }        ///< As the server wrote it; show it by printable().
    headers const&     fields() const noexcept { return head_.fields; }
    response_head const& head() const noexcept { return head_; }

    /// Who gave it: the URL of the last request, against which references in the body are to be resolved.
    http::url const& url() const noexcept { return url_; }

    /// How many redirects led to it.
    unsigned redirects() const noexcept { return redirects_; }
    void     set_redirects(unsigned n) noexcept { redirects_ = n; }

    /// Fields behind a chunked body; complete at its end. They are never mixed with fields().
    headers const& trailers() const noexcept
    {
        static headers const none;
        return body_ ? body_->trailers() : none;
    }

    task<std::string_view> next() override
    {
        std::string_view block;
        if (body_)
            block = co_await body_->next();
        co_return block;
    }

    std::optional<std::uint64_t> size() const override
    {
        return body_ ? body_->size() : std::optional<std::uint64_t>(0);
    }

    /// A response cannot start again. @throws error with posthorn::errc::unsupported
    task<void> rewind() override
    {
        throw error(posthorn::errc::unsupported, "the body of a response cannot start again");
        co_return;
    }

    /** Reads the rest of the body into a string.
        @param most Octets to accept. @throws error with errc::body_too_long if there are more; the connection is closed. */
    task<std::string> text(std::size_t most)
    {
        std::string all;
        for (;;)
        {
            auto const block = co_await next();
            if (block.empty())
                co_return all;
            if (block.size() > most - all.size())
            {
                body_.reset();
                throw error(errc::body_too_long, "more than " + std::to_string(most) + " octets");
            }
            all.append(block);
        }
    }

    /// At most 1 MiB.
    task<std::string> text() { return text(std::size_t(1) << 20U); }

    /** Reads the rest of the body and drops it, so that the connection can be used again.
        @param most If there is more the connection is closed instead; that is no error. */
    task<void> discard(std::size_t most)
    {
        std::size_t done = 0;
        for (;;)
        {
            auto const block = co_await next();
            if (block.empty())
                co_return;
            done += block.size();
            if (done > most)
                break;
        }
        body_.reset();
    }
    task<void> discard() { return discard(std::size_t(1) << 20U); }

private:
    response_head                     head_;
    http::url                         url_;
    std::unique_ptr<detail::incoming> body_;
    unsigned                          redirects_ = 0;
};

} // namespace posthorn::http

#endif
