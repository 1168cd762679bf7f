//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/connection.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/http/request_head.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/net/transport.hpp>
#include <posthorn/source/memory.hpp>

#include <asio/error.hpp>
#include <doctest/doctest.h>

#include <support/run_task.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

using namespace posthorn;

TEST_SUITE_BEGIN("http/connection");

namespace {

/// What a server says, how it arrives, and what it was told.
struct tape
{
    std::string     reply;
    std::size_t     piece = 1 << 20; ///< The most that one read gives.
    std::size_t     cut   = ~std::size_t(0); ///< After so many octets the connection ends,
    std::error_code how;   ///< with this, or in good order.
    std::string     heard;
    std::size_t     most_heard = ~std::size_t(0); ///< Then writes fail.
};

class player final : public net::transport
{
public:
    player(asio::any_io_executor ex, tape& t) : ex_(std::move(ex)), tape_(&t) {}

    asio::any_io_executor get_executor() override { return ex_; }

    task<std::size_t> read_some(std::span<char> into) override
    {
        co_await support::hop();
        auto const n = std::min({into.size(), tape_->piece, tape_->reply.size() - at_, tape_->cut - at_});
        if (n == 0 && tape_->how)
            throw std::system_error(tape_->how);
        std::copy_n(tape_->reply.data() + at_, n, into.data());
        at_ += n;
        co_return n;
    }

    task<std::size_t> write_some(std::string_view bytes) override
    {
        co_await support::hop();
        auto const n = std::min({bytes.size(), tape_->piece, tape_->most_heard - tape_->heard.size()});
        if (n == 0)
            throw std::system_error(asio::error::make_error_code(asio::error::broken_pipe));
        tape_->heard.append(bytes.substr(0, n));
        co_return n;
    }

    void cancel() noexcept override {}
    void close() noexcept override {}

private:
    asio::any_io_executor ex_;
    tape*                 tape_;
    std::size_t           at_ = 0;
};

http::outgoing asking(std::string_view method, source* body = nullptr)
{
    http::request_extras more;
    http::outgoing       out;
    out.method = method;
    out.body   = body;
    if (body != nullptr)
    {
        out.length   = body->size();
        more.length  = out.length;
        more.chunked = !out.length;
    }
    out.head = http::write_request_head(method, http::url("http://h.example/"), {}, more);
    return out;
}

struct result
{
    result() = default;

    std::error_code code;
    int             status = 0;
    std::string     body;
    http::headers   trailers;
    bool            reusable = false;
};

task<result> converse(tape& t, http::outgoing const& out)
{
    result           r;
    auto const       ex = co_await this_coro::executor;
    http::connection c(net::stream(std::make_unique<player>(ex, t)), http::timeouts(), http::head_limits());
    try
    {
        auto const head = co_await c.exchange(out);
        r.status        = head.status;
        for (;;)
        {
            auto const block = co_await c.read();
            if (block.empty())
                break;
            r.body.append(block);
        }
        r.trailers = c.trailers();
        r.reusable = c.is_reusable();
    }
    catch (error const& e)
    {
        r.code = e.code();
        CHECK_FALSE(c.is_open());
    }
    co_return r;
}

result play(tape& t, std::string_view method = "GET", source* body = nullptr)
{
    auto const out = asking(method, body);
    return support::run([&] { return converse(t, out); });
}

constexpr std::string_view heads   = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view chunked = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nSum: 11\r\n\r\n";

std::string whole() { return std::string(heads) + std::string(chunked); }

} // namespace

TEST_CASE("the same response in pieces of every size, both ways")
{
    for (std::size_t piece = 1; piece <= whole().size(); ++piece)
    {
        CAPTURE(piece);
        tape t;
        t.reply = whole();
        t.piece = piece;
        string_source body("body");
        auto const    r = play(t, "PUT", &body);
        CHECK_FALSE(r.code);
        CHECK(r.status == 207);
        CHECK(r.body == "hello world");
        CHECK(r.trailers == http::headers{{"Sum", "11"}});
        CHECK(r.reusable);
        CHECK(t.heard == "PUT / HTTP/1.1\r\nHost: h.example\r\nContent-Length: 4\r\n\r\nbody");
    }
}

TEST_CASE("wherever the connection ends, the error says what is lost")
{
    for (std::error_code const how : {std::error_code(), asio::error::make_error_code(asio::error::connection_reset)})
        for (std::size_t cut = 0; cut < whole().size(); ++cut)
        {
            CAPTURE(cut);
            tape t;
            t.reply = whole();
            t.cut   = cut;
            t.how   = how;
            auto r  = play(t);
            CHECK(r.code == (cut < heads.size() ? http::errc::connection_ended : http::errc::truncated_body));
            tape again = t;
            again.heard.clear();
            r = play(again, "POST");
            CHECK(r.code == (cut < heads.size() ? http::errc::in_doubt : http::errc::truncated_body));
        }
}

TEST_CASE("a write that fails lets the answer through that was sent before")
{
    tape t;
    t.reply      = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";
    t.most_heard = 20;
    for (std::size_t const size : {std::size_t(10), std::size_t(100'000)})
    {
        t.heard.clear();
        string_source body(std::string(size, 'x'));
        auto const    r = play(t, "PUT", &body);
        CHECK_FALSE(r.code);
        CHECK(r.status == 413);
        CHECK(r.body == "no");
        CHECK_FALSE(r.reusable);
    }
    t.reply.clear();
    t.heard.clear();
    string_source body(std::string(100'000, 'x'));
    CHECK(play(t, "POST", &body).code == http::errc::connection_ended); // the server cannot have had all of it
}

TEST_CASE("what follows the response makes the connection unusable")
{
    tape t;
    t.reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n";
    support::run([&]() -> task<void> {
        auto const       ex = co_await this_coro::executor;
        http::connection c(net::stream(std::make_unique<player>(ex, t)), http::timeouts(), http::head_limits());
        auto const       out  = asking("GET");
        auto const       head = co_await c.exchange(out);
        CHECK(head.status == 200);
        auto const block = co_await c.read();
        CHECK(block == "ok");
        auto const end = co_await c.read();
        CHECK(end.empty());
        CHECK_FALSE(c.is_reusable());
        std::error_code code;
        try
        {
            std::ignore = co_await c.exchange(out);
        }
        catch (error const& e)
        {
            code = e.code();
        }
        CHECK(code == posthorn::errc::bad_sequence);
    });
}

TEST_CASE("many exchanges over one connection, and none before the last body was read")
{
    tape t;
    for (int i = 0; i != 50; ++i)
        t.reply += "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    t.piece = 39; // one response for each read
    support::run([&]() -> task<void> {
        auto const       ex = co_await this_coro::executor;
        http::connection c(net::stream(std::make_unique<player>(ex, t)), http::timeouts(), http::head_limits());
        auto const       out = asking("GET");
        for (int i = 0; i != 50; ++i)
        {
            auto const head  = co_await c.exchange(out);
            auto const block = co_await c.read();
            CHECK(block == "x");
            auto const end = co_await c.read();
            CHECK(end.empty());
            CHECK(c.is_reusable());
        }
    });
    tape u = t;
    support::run([&]() -> task<void> {
        auto const       ex = co_await this_coro::executor;
        http::connection c(net::stream(std::make_unique<player>(ex, u)), http::timeouts(), http::head_limits());
        auto const       out = asking("GET");
        std::ignore          = co_await c.exchange(out);
        std::error_code code;
        try
        {
            std::ignore = co_await c.exchange(out);
        }
        catch (error const& e)
        {
            code = e.code();
        }
        CHECK(code == posthorn::errc::bad_sequence);
    });
}

TEST_SUITE_END();
