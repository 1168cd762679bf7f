//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A server that reads requests of HTTP and answers with whatever octets a test gives it, right or wrong.

#ifndef POSTHORN_TESTS_SUPPORT_HTTP_SERVER_HPP
#define POSTHORN_TESTS_SUPPORT_HTTP_SERVER_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/detail/server_base.hpp>

#include <asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

/// What a server has received.
struct http_request
{
    std::uint64_t connection = 0; ///< From 1.
    std::string   method;
    std::string   target;
    std::string   head; ///< All of it, with the empty line.
    std::string   body; ///< Its first MiB, without any chunked coding.
    std::uint64_t body_size = 0;

    /// The value of a field; nothing if there is none.
    std::optional<std::string> field(std::string_view name) const
    {
        std::string_view rest = head;
        while (!rest.empty())
        {
            auto const line  = rest.substr(0, rest.find("\r\n"));
            auto const colon = line.find(':');
            rest.remove_prefix(std::min(rest.size(), line.size() + 2));
            if (colon != line.npos && posthorn::ascii::iequals(line.substr(0, colon), name))
                return std::string(posthorn::ascii::trim(line.substr(colon + 1)));
        }
        return std::nullopt;
    }

    bool has(std::string_view name) const { return field(name).has_value(); }
};

/// What a server does about it.
struct http_answer
{
    http_answer() = default;
    http_answer(std::string b) : bytes(std::move(b)) {}
    http_answer(char const* b) : bytes(b) {}

    std::string   bytes;
    std::string   pattern;     ///< Sent behind them, `times` times, as fast as possible.
    std::uint64_t times = 0;
    std::string   end; ///< Sent behind these.
    std::chrono::milliseconds pause{0}; ///< Before each time.
    bool          close = false; ///< Afterwards.
    bool          cut   = false; ///< Closes without a word; under TLS without close_notify.
    bool          hold  = false; ///< Says nothing more until the client closes.
    bool          goes_on = false; ///< For on_head: the body is read all the same.

    http_answer& closing() { close = true; return *this; }
};

/// A response with a Content-Length. @param fields Lines with CRLF.
inline std::string http_response(std::string const& status, std::string const& body = {}, std::string const& fields = {})
{
    return "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

namespace detail {

class http_responder final : public posthorn::testing::detail::server_base
{
public:
    using handler = std::function<http_answer(http_request const&)>;

    http_responder(asio::any_io_executor const& ex, handler h, std::optional<posthorn::net::tls_context> tls)
        : server_base(ex, {}), handle_(std::move(h)), tls_(std::move(tls))
    {
    }

    std::vector<http_request> requests;
    std::size_t               connections = 0;
    std::function<std::optional<http_answer>(http_request const&)> on_head;

private:
    struct reader
    {
        explicit reader(posthorn::net::stream& s) : from(&s) {}

        /// False at the end of the connection.
        posthorn::task<bool> fill()
        {
            std::array<char, 65536> chunk;
            std::span<char>         room(chunk);
            auto const n = co_await from->read_some(room);
            text.append(chunk.data(), n);
            co_return n != 0;
        }

        /// Up to and including `end`; empty at the end of the connection.
        posthorn::task<std::string> until(std::string_view end)
        {
            for (;;)
            {
                auto const at = text.find(end);
                if (at != text.npos)
                {
                    auto result = text.substr(0, at + end.size());
                    text.erase(0, result.size());
                    co_return result;
                }
                bool const more = co_await fill();
                if (!more)
                    co_return std::string();
            }
        }

        posthorn::task<void> skip(std::uint64_t size, http_request& into)
        {
            while (size != 0)
            {
                if (text.empty())
                {
                    bool const more = co_await fill();
                    if (!more)
                        throw std::runtime_error("the body is cut short");
                }
                auto const n = static_cast<std::size_t>(std::min<std::uint64_t>(size, text.size()));
                if (into.body.size() < 1024 * 1024)
                    into.body.append(text, 0, n);
                into.body_size += n;
                text.erase(0, n);
                size -= n;
            }
        }

        posthorn::net::stream* from;
        std::string            text;
    };

    static posthorn::task<void> say(posthorn::net::stream& to, std::string const& text)
    {
        std::string_view const piece = text;
        co_await to.write(std::span(&piece, 1));
    }

    static posthorn::task<void> read_body(reader& in, http_request& r)
    {
        if (r.field("Transfer-Encoding").value_or("") == "chunked")
        {
            for (std::uint64_t size = 1; size != 0;)
            {
                auto const line = co_await in.until("\r\n");
                size            = std::stoull(line, nullptr, 16);
                co_await in.skip(size, r);
                auto const end = co_await in.until("\r\n");
                if (end != "\r\n")
                    throw std::runtime_error("a chunk does not end");
            }
            co_return;
        }
        auto const length = r.field("Content-Length");
        if (length)
            co_await in.skip(std::stoull(*length), r);
    }

    /// @return Whether the connection goes on.
    posthorn::task<bool> play(posthorn::net::stream& s, reader& in, http_answer const& a)
    {
        co_await say(s, a.bytes);
        std::string block;
        std::uint64_t per_block = a.pause.count() != 0 || a.pattern.empty() ? 1 : std::max<std::size_t>(1, 65536 / a.pattern.size());
        for (std::uint64_t done = 0; done != a.times;)
        {
            if (a.pause.count() != 0)
            {
                asio::steady_timer timer(executor(), a.pause);
                co_await timer.async_wait(posthorn::use_task);
            }
            auto const n = std::min(per_block, a.times - done);
            if (block.size() != n * a.pattern.size())
            {
                block.clear();
                for (std::uint64_t i = 0; i != n; ++i)
                    block += a.pattern;
            }
            co_await say(s, block);
            done += n;
        }
        if (!a.end.empty())
            co_await say(s, a.end);
        if (a.hold)
        {
            bool more = true;
            while (more)
                more = co_await in.fill();
        }
        co_return !a.close && !a.hold;
    }

    posthorn::task<void> converse(socket_type socket, std::uint64_t number) override
    {
        ++connections;
        posthorn::net::stream s(std::move(socket), "client");
        if (tls_)
            co_await s.start_tls(*tls_, posthorn::net::tls_role::server, std::string(), std::string());
        reader in(s);
        for (bool more = true; more;)
        {
            http_request r;
            r.connection = number;
            r.head       = co_await in.until("\r\n\r\n");
            if (r.head.empty())
                break;
            auto const space = r.head.find(' ');
            r.method         = r.head.substr(0, space);
            r.target         = r.head.substr(space + 1, r.head.find(' ', space + 1) - space - 1);
            if (on_head)
            {
                auto const early = on_head(r);
                if (early)
                {
                    bool const on = early->goes_on;
                    if (!on)
                        requests.push_back(r);
                    more = co_await play(s, in, *early);
                    if (early->cut)
                        co_return s.close();
                    if (!on)
                        continue;
                }
            }
            co_await read_body(in, r);
            requests.push_back(r);
            auto const answer = handle_(r);
            more              = co_await play(s, in, answer);
            if (answer.cut)
                co_return s.close();
        }
        co_await s.shutdown();
    }

    handler                                    handle_;
    std::optional<posthorn::net::tls_context> tls_;
};

} // namespace detail

/** Runs in the event loop of the test. The handler is asked for every request, when its body was read.

    @code
    support::http_server server(ex, [](auto const&) { return support::http_response("200 OK", "hello"); });
    auto answer = co_await client.get(server.url("/"));
    @endcode */
class http_server
{
public:
    http_server(asio::any_io_executor const& ex, detail::http_responder::handler h,
                std::optional<posthorn::net::tls_context> tls = {})
        : impl_(std::make_shared<detail::http_responder>(ex, std::move(h), tls)), secure_(tls.has_value())
    {
        impl_->start();
    }
    http_server(http_server const&)            = delete;
    http_server& operator=(http_server const&) = delete;
    ~http_server() { stop(); }

    void start() {} ///< It has started already; for testing::server_thread.
    void stop() { impl_->stop(); }

    std::uint16_t port() const noexcept { return impl_->where().port(); }

    /// @param host A name for 127.0.0.1.
    posthorn::http::url url(std::string const& target = "/", std::string const& host = "127.0.0.1") const
    {
        return posthorn::http::url((secure_ ? "https://" : "http://") + host + ":" + std::to_string(port()) + target);
    }

    std::vector<http_request> const& requests() const noexcept { return impl_->requests; }
    http_request const&              last() const { return impl_->requests.at(impl_->requests.size() - 1); }
    std::size_t                      connections() const noexcept { return impl_->connections; }

    /// Asked when the head has come: an answer is sent without reading the body, unless it goes_on.
    void on_head(std::function<std::optional<http_answer>(http_request const&)> f) { impl_->on_head = std::move(f); }

private:
    std::shared_ptr<detail::http_responder> impl_;
    bool                                    secure_;
};

} // namespace support

#endif
