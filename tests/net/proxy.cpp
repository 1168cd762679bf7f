//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/proxy.hpp>

#include <posthorn/codec/base64.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/with_timeout.hpp>

#include <doctest/doctest.h>

#include <support/run_task.hpp>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using namespace std::string_literals;
using net::proxy_settings;
using tcp = asio::ip::tcp;

TEST_SUITE_BEGIN("net/proxy");

namespace {

/// Plays a dialogue with the core. @return The code it ends with.
std::error_code play(net::detail::socks5_dialogue& talk, std::vector<std::string> const& answers)
{
    try
    {
        for (auto const& a : answers)
        {
            REQUIRE_FALSE(talk.done());
            REQUIRE(talk.wanted() == a.size());
            talk.take(a);
        }
    }
    catch (error const& e)
    {
        CHECK(std::string_view(e.what()).find("hunter2") == std::string_view::npos);
        return e.code();
    }
    return {};
}

net::detail::socks5_dialogue dialogue(std::string_view host, std::string_view user = {}, std::string_view password = {})
{
    return net::detail::socks5_dialogue(host, 25, user, secret_string(password));
}

/// One connection of a proxy that does what the test says.
task<void> serve(tcp::acceptor& acceptor, std::function<task<void>(tcp::socket&)> how)
{
    tcp::socket socket = co_await acceptor.async_accept(use_task);
    co_await how(socket);
}

task<std::string> read_exactly(tcp::socket& s, std::size_t n)
{
    std::string octets(n, '\0');
    co_await asio::async_read(s, asio::buffer(octets), use_task);
    co_return octets;
}

task<void> write(tcp::socket& s, std::string octets)
{
    co_await asio::async_write(s, asio::buffer(octets), use_task);
}

task<std::string> read_head(tcp::socket& s)
{
    std::string head;
    while (head.find("\r\n\r\n") == head.npos)
    {
        auto const one = co_await read_exactly(s, 1);
        head += one;
    }
    co_return head;
}

struct outcome
{
    std::string     first; ///< What the peer says first, as the client reads it.
    std::error_code code;
    std::string     text;
};

task<void> go(std::string scheme, std::uint16_t port, std::string peer, outcome& into)
{
    net::connect_options options;
    options.attempt_timeout = 500ms;
    proxy_settings const   proxy(scheme + "127.0.0.1:" + std::to_string(port));
    net::host_port const   target(peer, 2525);
    try
    {
        auto socket = co_await net::connect(target, proxy, options);
        into.first  = co_await read_exactly(socket, 5);
    }
    catch (error const& e)
    {
        into.code = e.code();
        into.text = e.what();
    }
}

task<void> go_with(std::string scheme, std::string peer, std::function<task<void>(tcp::socket&)> how, outcome& into)
{
    auto const    ex = co_await this_coro::executor;
    tcp::acceptor acceptor(ex, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    auto          server = serve(acceptor, std::move(how));
    auto          client = go(std::move(scheme), acceptor.local_endpoint().port(), std::move(peer), into);
    auto          both   = when_all(std::move(server), std::move(client));
    co_await std::move(both);
}

outcome through(std::string scheme, std::string peer, std::function<task<void>(tcp::socket&)> how)
{
    outcome o;
    sync_wait(with_timeout(go_with(std::move(scheme), std::move(peer), std::move(how), o), 20s));
    return o;
}

} // namespace

TEST_CASE("URLs of proxies")
{
    proxy_settings const a("socks5://user:p%40ss@proxy.test");
    CHECK(a.kind == proxy_settings::protocol::socks5);
    CHECK(net::to_string(a.server) == "proxy.test:1080");
    CHECK(a.user == "user");
    CHECK(a.password.view() == "p@ss");
    CHECK(proxy_settings("socks5h://p.test:99").kind == proxy_settings::protocol::socks5_name);
    CHECK(net::to_string(proxy_settings("http://p.test").server) == "p.test:8080");
    CHECK_THROWS_AS(proxy_settings("https://p.test"), error);
    CHECK_THROWS_AS(proxy_settings("smtp://p.test"), error);
    CHECK_THROWS_AS(proxy_settings("nonsense"), error);
}

TEST_CASE("SOCKS5 asks for names and addresses, as RFC 1928 writes them")
{
    auto name = dialogue("mx.test");
    CHECK(name.output().view() == "\x05\x01\x00"s);
    CHECK_FALSE(play(name, {"\x05\x00"s}));
    CHECK(name.output().view() == "\x05\x01\x00\x03\x07mx.test\x00\x19"s);
    CHECK_FALSE(play(name, {"\x05\x00\x00\x01\x7f"s, std::string(5, '\0')}));
    CHECK(name.done());

    auto v4 = dialogue("192.0.2.1");
    CHECK_FALSE(play(v4, {"\x05\x00"s}));
    CHECK(v4.output().view() == "\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x19"s);
    CHECK_FALSE(play(v4, {"\x05\x00\x00\x04\x20"s, std::string(17, '\0')}));
    CHECK(v4.done());

    auto v6 = dialogue("2001:db8::1");
    CHECK_FALSE(play(v6, {"\x05\x00"s}));
    CHECK(v6.output().view() == "\x05\x01\x00\x04\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01\x00\x19"s);
    CHECK_FALSE(play(v6, {"\x05\x00\x00\x03\x03"s, "abc\x00\x19"s}));
    CHECK(v6.done());
}

TEST_CASE("SOCKS5 logs in as RFC 1929 says, if the proxy asks for it")
{
    auto talk = dialogue("mx.test", "user", "hunter2");
    CHECK(talk.output().view() == "\x05\x02\x00\x02"s);
    CHECK_FALSE(play(talk, {"\x05\x02"s}));
    CHECK(talk.output().view() == "\x01\x04user\x07hunter2"s);
    CHECK_FALSE(play(talk, {"\x01\x00"s}));
    CHECK(talk.output().view().substr(0, 4) == "\x05\x01\x00\x03"s);
    auto unasked = dialogue("mx.test", "user", "hunter2");
    CHECK_FALSE(play(unasked, {"\x05\x00"s}));
    CHECK(unasked.output().view().substr(0, 4) == "\x05\x01\x00\x03"s);
    auto wrong = dialogue("mx.test", "user", "hunter2");
    CHECK(play(wrong, {"\x05\x02"s, "\x01\x01"s}) == net::errc::proxy_login_refused);
    auto nothing = dialogue("mx.test");
    CHECK(play(nothing, {"\x05\xff"s}) == net::errc::proxy_login_refused);
    CHECK_THROWS_AS(dialogue("mx.test", "user", ""), error);
    CHECK_THROWS_AS(dialogue("mx.test", std::string(256, 'u'), "x"), error);
    CHECK_THROWS_AS(dialogue(std::string(256, 'h')), error);
}

TEST_CASE("S21 what no SOCKS5 proxy says is refused")
{
    for (auto const& first : {"HT"s, "\x04\x00"s, "\x05\x01"s, "\x05\x02"s, "\x05\x80"s})
    {
        auto talk = dialogue("mx.test");
        CHECK(play(talk, {first}) == net::errc::proxy_protocol);
    }
    for (char code = 1; code != 12; ++code)
    {
        auto talk = dialogue("mx.test");
        CHECK(play(talk, {"\x05\x00"s, "\x05"s + code + "\x00\x01\x00"s}) == net::errc::proxy_refused);
    }
    auto version = dialogue("mx.test");
    CHECK(play(version, {"\x05\x00"s, "\x04\x00\x00\x01\x00"s}) == net::errc::proxy_protocol);
    auto type = dialogue("mx.test");
    CHECK(play(type, {"\x05\x00"s, "\x05\x00\x00\x02\x00"s}) == net::errc::proxy_protocol);
}

TEST_CASE("S21 an answer to CONNECT is found however it is cut, and bounded")
{
    std::string const head = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n";
    for (std::size_t n = 0; n != head.size(); ++n)
        CHECK_FALSE(net::detail::connect_answer_size(head.substr(0, n)));
    CHECK(net::detail::connect_answer_size(head + "220 hello\r\n\r\n") == head.size());
    CHECK_THROWS_AS(net::detail::connect_answer_size("220 this is SMTP\r\n"), error);
    CHECK_THROWS_AS(net::detail::connect_answer_size("H\n"), error);
    CHECK_THROWS_AS(net::detail::connect_answer_size("HTTP/1.1 200 " + std::string(20000, 'x')), error);
    auto const code = [](std::string const& text) {
        try
        {
            net::detail::check_connect_answer(text + "\r\n\r\n");
        }
        catch (error const& e)
        {
            return e.code();
        }
        return std::error_code();
    };
    CHECK_FALSE(code("HTTP/1.0 200 ok"));
    CHECK_FALSE(code("HTTP/1.1 204"));
    CHECK(code("HTTP/1.1 407 Proxy Authentication Required") == net::errc::proxy_login_refused);
    CHECK(code("HTTP/1.1 503 no") == net::errc::proxy_refused);
    CHECK(code("HTTP/1.1 2000 no") == net::errc::proxy_protocol);
    CHECK(code("HTTP/1.1") == net::errc::proxy_protocol);
    CHECK(code("HTTP/1.1 abc") == net::errc::proxy_protocol);
}

TEST_CASE("S21 nothing can be injected by way of the host or the login")
{
    for (char c = 0; c != 33; ++c)
        CHECK_THROWS_AS(net::host_port("mx" + std::string(1, c) + "X: y", 25), error);
    auto const request = net::detail::connect_request("mx.test:25", secret_string("dTpw"));
    CHECK(request.view() == "CONNECT mx.test:25 HTTP/1.1\r\nHost: mx.test:25\r\nProxy-Authorization: Basic dTpw\r\n\r\n");
}

TEST_CASE("what the peer says right behind the answer of the proxy is not lost")
{
    auto const socks = through("socks5h://user:pw@", "mx.test", [](tcp::socket& s) -> task<void> {
        auto const methods = co_await read_exactly(s, 4);
        CHECK(methods == "\x05\x02\x00\x02"s);
        co_await write(s, "\x05\x02"s);
        auto const login = co_await read_exactly(s, 9);
        CHECK(login == "\x01\x04user\x02pw"s);
        co_await write(s, "\x01\x00"s);
        auto const request = co_await read_exactly(s, 14);
        CHECK(request == "\x05\x01\x00\x03\x07mx.test\x09\xdd"s);
        co_await write(s, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                          "220 hello"s);
    });
    CHECK(socks.first == "220 h");
    auto const http = through("http://user:pw@", "mx.test", [](tcp::socket& s) -> task<void> {
        auto const head = co_await read_head(s);
        CHECK(head == "CONNECT mx.test:2525 HTTP/1.1\r\nHost: mx.test:2525\r\nProxy-Authorization: Basic " +
                          codec::base64_encode("user:pw") + "\r\n\r\n");
        for (char const c : std::string_view("HTTP/1.1 200 ok\r\nX: y\r\n\r"))
            co_await write(s, std::string(1, c));
        co_await write(s, "\n220 hello");
    });
    CHECK(http.first == "220 h");
    auto const v6 = through("http://", "2001:db8::1", [](tcp::socket& s) -> task<void> {
        auto const head = co_await read_head(s);
        CHECK(head.substr(0, 27) == "CONNECT [2001:db8::1]:2525 ");
        co_await write(s, "HTTP/1.0 200\r\n\r\n220 hello");
    });
    CHECK(v6.first == "220 h");
    auto const resolved = through("socks5://", "localhost", [](tcp::socket& s) -> task<void> {
        std::ignore = co_await read_exactly(s, 3);
        co_await write(s, "\x05\x00"s);
        auto const request = co_await read_exactly(s, 4);
        CHECK((request == "\x05\x01\x00\x01"s || request == "\x05\x01\x00\x04"s)); // an address, not the name
        std::size_t const rest = request[3] == '\x01' ? 6 : 18;
        std::ignore            = co_await read_exactly(s, rest);
        co_await write(s, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                          "220 hello"s);
    });
    CHECK(resolved.first == "220 h");
}

TEST_CASE("a proxy that refuses, hangs, ends or floods gives an error that names it")
{
    auto const refused = through("http://", "mx.test", [](tcp::socket& s) -> task<void> {
        std::ignore = co_await read_head(s);
        co_await write(s, "HTTP/1.1 403 Forbidden by \x1b[2J policy\r\n\r\n");
    });
    CHECK(refused.code == net::errc::proxy_refused);
    CHECK(refused.code == condition::unreachable);
    CHECK(refused.text.find("by way of 127.0.0.1:") != refused.text.npos);
    CHECK(refused.text.find("mx.test:2525") != refused.text.npos);
    CHECK(refused.text.find("403 Forbidden") != refused.text.npos);
    CHECK(refused.text.find('\x1b') == refused.text.npos);

    for (auto const scheme : {"http://", "socks5h://"})
    {
        CAPTURE(std::string(scheme));
        auto const hangs = through(scheme, "mx.test", [](tcp::socket& s) -> task<void> {
            std::string rest(1000, '\0');
            for (;;) // until the client gives up
            {
                auto const got      = co_await s.async_read_some(asio::buffer(rest), use_task_nothrow);
                auto const& [ec, n] = got;
                if (ec || n == 0)
                    co_return;
            }
        });
        CHECK(hangs.code == condition::timeout);
        auto const ends = through(scheme, "mx.test", [](tcp::socket& s) -> task<void> {
            std::ignore = co_await read_exactly(s, 3);
            s.shutdown(tcp::socket::shutdown_both);
        });
        CHECK(ends.code);
        CHECK((ends.code == net::errc::proxy_protocol || ends.code == std::errc::connection_reset));
        auto const other = through(scheme, "mx.test", [](tcp::socket& s) -> task<void> {
            co_await write(s, "220 this is an SMTP server\r\n");
            std::ignore = co_await read_exactly(s, 3);
        });
        CHECK(other.code == net::errc::proxy_protocol);
    }
    auto const flood = through("http://", "mx.test", [](tcp::socket& s) -> task<void> {
        std::ignore = co_await read_head(s);
        std::string const block = "X: " + std::string(60000, 'x') + "\r\n";
        co_await write(s, "HTTP/1.1 200 ok\r\n");
        for (int i = 0; i != 20; ++i)
        {
            auto const got      = co_await asio::async_write(s, asio::buffer(block), use_task_nothrow);
            auto const& [ec, n] = got;
            if (ec)
                co_return;
        }
    });
    CHECK(flood.code == net::errc::proxy_protocol);
}

TEST_SUITE_END();
