//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Servers that attack clients of HTTP: each attack ends in a typed error, soon, with bounded memory, and nothing secret goes
// where it does not belong.

#include <posthorn/codec/base64.hpp>
#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/http/client.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/source/source.hpp>
#include <posthorn/testing/server_thread.hpp>

#include <doctest/doctest.h>

#include <support/http_server.hpp>
#include <support/memory_watch.hpp>
#include <support/peak_memory.hpp>
#include <support/run_task.hpp>
#include <support/tls_pair.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using namespace std::string_literals;
using support::http_answer;
using support::http_response;
using support::http_server;
using support::peak_memory;

TEST_SUITE_BEGIN("hostile/http");

namespace {

constexpr std::size_t   mib = std::size_t(1) << 20U;
constexpr std::uint64_t gib = std::uint64_t(1) << 30U;

using handler  = std::function<http_answer(support::http_request const&)>;
using settings = http::client_settings;

settings with_login()
{
    settings s;
    s.login                 = sasl::credentials("user", secret_string("hunter2"));
    s.rules.allow_plaintext = true;
    return s;
}

/// How a request and the reading of its response ended.
struct ending
{
    ending() = default;

    std::error_code code;
    std::string     what;
    std::string     location;
    int             status   = 0;
    std::uint64_t   octets   = 0; ///< Of the body.
    std::size_t     requests = 0; ///< That the server has seen.
};

task<ending> finish(http::client& c, http::request r)
{
    ending e;
    try
    {
        auto answer = co_await c.send(std::move(r));
        e.status    = answer.status();
        for (;;)
        {
            auto const block = co_await answer.next();
            if (block.empty())
                break;
            e.octets += block.size();
        }
    }
    catch (http::request_error const& x)
    {
        e.code     = x.code();
        e.what     = x.what();
        e.location = x.location();
        CHECK(e.what.find("hunter2") == std::string::npos);
        CHECK_FALSE(ascii::has_control(e.what));
    }
    co_return e;
}

task<ending> attack_once(handler h, settings s, std::string method, std::optional<net::tls_context> tls)
{
    auto const  ex = co_await this_coro::executor;
    http_server server(ex, std::move(h), tls);
    s.rules.origins.push_back(server.url().origin());
    if (tls)
        s.tls = support::tls_client_settings();
    http::client  client(s);
    http::request r(std::move(method), server.url("/", tls ? "mail.example.test" : "127.0.0.1"));
    auto          e = co_await finish(client, std::move(r));
    e.requests      = server.requests().size();
    CHECK(client.idle() == (e.code || e.requests == 0 ? 0 : client.idle()));
    co_return e;
}

/// One request to a server that answers like this.
ending attack(handler h, settings s = {}, std::string method = "GET")
{
    return support::run([&] { return attack_once(std::move(h), std::move(s), std::move(method), std::nullopt); });
}

/// The same; afterwards the server closes.
ending attack(std::string const& bytes, settings s = {})
{
    return attack([bytes](auto const&) { return http_answer(bytes).closing(); }, std::move(s));
}

http_answer flood(std::string before, std::string pattern, std::uint64_t times = std::uint64_t(1) << 40U)
{
    http_answer a(std::move(before));
    a.pattern = std::move(pattern);
    a.times   = times;
    return a;
}

http_answer drip(std::string before, std::string pattern)
{
    auto a  = flood(std::move(before), std::move(pattern));
    a.pause = 20ms;
    return a;
}

/// Two servers: the first one lures a client to the second.
using lure = std::function<task<void>(http_server& first, http_server& second, http::client& c)>;

task<void> play_lure(std::function<http_answer(support::http_request const&, std::string const& second)> first, handler second, bool secure_first, settings s, lure body)
{
    auto const  ex = co_await this_coro::executor;
    http_server target(ex, std::move(second));
    auto        to = target.url().str();
    std::optional<net::tls_context> tls;
    if (secure_first)
    {
        tls.emplace(support::tls_server_settings(support::test_authority().issue({"localhost"})));
        s.tls = support::tls_client_settings();
    }
    http_server bait(ex, [first, to](support::http_request const& r) { return first(r, to); }, tls);
    s.rules.origins.push_back(bait.url("/", "localhost").origin());
    http::client client(s);
    co_await body(bait, target, client);
}

} // namespace

// ---- request smuggling shapes ----------------------------------------------------------------------------------

TEST_CASE("smuggling: a length and a transfer coding")
{
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX").code == http::errc::ambiguous_framing);
    CHECK(attack("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nX").code == http::errc::ambiguous_framing);
}

TEST_CASE("smuggling: two lengths, equal or not, in two fields or in one")
{
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!").code == http::errc::ambiguous_framing);
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello").code == http::errc::ambiguous_framing);
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello!").code == http::errc::bad_content_length);
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n 0\r\n\r\nhello").code == http::errc::bad_field);
}

TEST_CASE("smuggling: transfer codings that only some readers know")
{
    for (char const* coding : {"xchunked", "chunked, identity", "gzip, chunked", "chunked\r\nTransfer-Encoding: identity", "\x0b" "chunked", "chunked;"})
    {
        CAPTURE(coding);
        auto const e = attack("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + std::string(coding) + "\r\n\r\n0\r\n\r\n");
        CHECK((e.code == http::errc::bad_transfer_encoding || e.code == http::errc::bad_field));
    }
    CHECK(attack("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").code == http::errc::ambiguous_framing);
}

TEST_CASE("smuggling: names and line endings that only some readers accept")
{
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello").code == http::errc::bad_field);
    CHECK(attack("HTTP/1.1 200 OK\r\n Content-Length: 5\r\n\r\nhello").code == http::errc::bad_field);
    CHECK(attack("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello").code == http::errc::bare_line_ending);
    CHECK(attack("HTTP/1.1 200 OK\r\nX: y\rContent-Length: 5\r\n\r\nhello").code == http::errc::bare_line_ending);
    CHECK(attack("HTTP/1.1 200 OK\r\nX: y\0\r\n\r\n"s).code == http::errc::bad_field);
    CHECK(attack("\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").code == http::errc::bad_status_line);
}

TEST_CASE("smuggling: bodies where none can be")
{
    CHECK(attack("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello").code == http::errc::ambiguous_framing);
    CHECK(attack("HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n").code == http::errc::unexpected_upgrade);
}

TEST_CASE("smuggling: what follows a response is never the answer to the next request")
{
    std::string const evil = http_response("200 OK", "evil");
    for (std::string const& first : {http_response("200 OK", "a") + evil, "HTTP/1.1 204 No\r\nContent-Length: " + std::to_string(evil.size()) + "\r\n\r\n" + evil,
                                     "HTTP/1.1 304 No\r\n\r\n" + evil, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + evil})
    {
        support::run([&]() -> task<void> {
            auto const   ex = co_await this_coro::executor;
            http_server  server(ex, [&](support::http_request const& r) { return r.target == "/1" ? first : http_response("200 OK", "good!"); });
            http::client c;
            auto const   one = co_await finish(c, http::request("GET", server.url("/1")));
            CHECK_FALSE(one.code);
            auto const two = co_await finish(c, http::request("GET", server.url("/2")));
            CHECK(two.octets == 5);
            CHECK(server.connections() == 2);
        });
    }
}

// ---- endless things --------------------------------------------------------------------------------------------

TEST_CASE("endless: heads, lines, fields, reasons, interim responses, trailers, extensions")
{
    struct
    {
        char const*     before;
        std::string     pattern;
        std::error_code code;
    } const attacks[] = {
        {"HTTP/1.1 200 OK\r\n", "X-Long-Name-Of-A-Field: " + std::string(1000, 'x') + "\r\n", http::errc::head_too_long},
        {"HTTP/1.1 200 OK\r\nX: ", std::string(64, 'x'), http::errc::line_too_long},
        {"HTTP/1.1 200 OK\r\nX: y\r\n", " fold\r\n", http::errc::head_too_long},
        {"HTTP/1.1 200 OK\r\n", "a:\r\n", http::errc::too_many_fields},
        {"HTTP/1.1 200 ", std::string(64, 'x'), http::errc::line_too_long},
        {"", "HTTP/1.1 100 Continue\r\n\r\n", http::errc::too_many_interim},
        {"", "x", http::errc::bad_status_line},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "a:\r\n", http::errc::too_many_fields},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", std::string(64, 'x'), http::errc::bad_chunk},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;" + std::string(1000, 'x') + "\r\na\r\n", http::errc::bad_chunk},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0", http::errc::bad_chunk},
    };
    peak_memory const memory;
    for (auto const& a : attacks)
    {
        CAPTURE(a.before);
        CAPTURE(a.pattern.substr(0, 30));
        auto const e = attack([&a](auto const&) { return flood(a.before, a.pattern); });
        CHECK(e.code == a.code);
        CHECK(e.code == condition::protocol);
    }
    CHECK(memory.within(8 * mib));
}

TEST_CASE("endless: a body ends where the caller's limit is")
{
    settings s;
    s.longest_body = mib;
    for (char const* before : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"})
    {
        std::string const pattern = std::string_view(before).find("chunked") == std::string_view::npos ? std::string(1000, 'x') : "a\r\n0123456789\r\n";
        auto const        e       = attack([&](auto const&) { return flood(before, pattern); }, s);
        CHECK(e.code == http::errc::body_too_long);
        CHECK(e.octets <= mib);
    }
    auto const e = attack("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", s);
    CHECK(e.code == http::errc::body_too_long);
    CHECK(e.octets == 0);
}

TEST_CASE("endless: the body of a challenge or a redirect is not read for ever")
{
    auto const redirecting = [](support::http_request const& r) {
        return r.target == "/" ? flood("HTTP/1.1 302 Moved\r\nLocation: /x\r\n\r\n", std::string(1000, 'x')) : http_answer(http_response("200 OK", "here"));
    };
    auto const e = attack(redirecting);
    CHECK_FALSE(e.code);
    CHECK(e.octets == 4);
    auto const asking = [](support::http_request const& r) {
        return r.has("Authorization") ? http_answer(http_response("200 OK", "in"))
                                      : flood("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n");
    };
    CHECK(attack(asking, with_login()).octets == 2);
}

// ---- broken and cut bodies -------------------------------------------------------------------------------------

TEST_CASE("bad chunks")
{
    for (char const* chunks : {"x\r\n", "-1\r\n", "5\r\nhelloX", "5\nhello", "\r\n", "5 5\r\nhello\r\n", "0x1\r\na\r\n", "ffffffffffffffff\r\n", "10000000000000000\r\n"})
    {
        CAPTURE(chunks);
        CHECK(attack("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks)).code == http::errc::bad_chunk);
    }
}

TEST_CASE("truncated bodies and heads")
{
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").code == http::errc::truncated_body);
    CHECK(attack("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").code == http::errc::truncated_body);
    CHECK(attack("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n").code == http::errc::truncated_body);
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Len").code == http::errc::connection_ended);
    CHECK(attack("").code == http::errc::connection_ended);
    CHECK(attack([](auto const&) { return http_answer("HTTP/1.1 201 Crea").closing(); }, {}, "POST").code == http::errc::in_doubt);
}

TEST_CASE("truncated under TLS: an end without close_notify is no end")
{
    net::tls_context const tls(support::tls_server_settings(support::test_authority().issue({"localhost"})));
    auto const             body = [](http_server& server, http::client& c) -> task<void> {
        auto e = co_await finish(c, http::request("GET", server.url("/body", "localhost")));
        CHECK(e.code == http::errc::truncated_body);
        e = co_await finish(c, http::request("GET", server.url("/chunks", "localhost")));
        CHECK(e.code == http::errc::truncated_body);
        e = co_await finish(c, http::request("GET", server.url("/", "localhost")));
        CHECK(e.code == http::errc::connection_ended);
        e = co_await finish(c, http::request("GET", server.url("/end", "localhost")));
        CHECK_FALSE(e.code);
        CHECK(e.octets == 4);
    };
    support::run([&]() -> task<void> {
        auto const  ex = co_await this_coro::executor;
        http_server server(ex, [](support::http_request const& r) {
            http_answer a(r.target == "/" ? "" : r.target == "/chunks" ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf" : "HTTP/1.1 200 OK\r\n\r\nhalf");
            a.cut   = r.target != "/end";
            a.close = !a.cut;
            return a;
        }, tls);
        settings s;
        s.tls = support::tls_client_settings();
        http::client c(s);
        co_await body(server, c);
    });
}

TEST_CASE("gigantic lengths")
{
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\nx").code == http::errc::bad_content_length);
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\nx").code == http::errc::bad_content_length);
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx").code == http::errc::bad_content_length);
    peak_memory const memory;
    CHECK(attack("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nx").code == http::errc::truncated_body);
    CHECK(attack("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nx").code == http::errc::truncated_body);
    CHECK(memory.within(4 * mib));
}

TEST_CASE("other protocols")
{
    for (char const* greeting : {"220 mail.example ESMTP\r\n", "SSH-2.0-OpenSSH\r\n", "* OK IMAP4rev1\r\n", "\x15\x03\x01", "<html>"})
        CHECK(attack(greeting).code == http::errc::bad_status_line);
    CHECK(attack("HTTP/2 200\r\n\r\n").code == http::errc::bad_status_line);
    CHECK(attack("HTTP/2.0 200 OK\r\n\r\n").code == http::errc::bad_version);
}

TEST_CASE("text of the server cannot reach a terminal")
{
    auto const e = attack("HTTP/1.1 200 OK\r\nX\x1b[2J: y\r\n\r\n");
    CHECK(e.code == http::errc::bad_field);
    CHECK(e.what.find("\\x1b") != std::string::npos);
}

// ---- slowness --------------------------------------------------------------------------------------------------

TEST_CASE("slow drip: heads, interim responses and bodies")
{
    settings s;
    s.timeouts.head                      = 100ms;
    s.timeouts.idle                      = 10s;
    s.timeouts.body_rate.grace           = 100ms;
    s.timeouts.body_rate.bytes_per_second = 100'000;
    CHECK(attack([](auto const&) { return drip("HTTP/1.1 200 OK\r\nX: ", "x"); }, s).code == posthorn::errc::timeout);
    CHECK(attack([](auto const&) { return drip("", "HTTP/1.1 102 Processing\r\n\r\n"); }, s).code == posthorn::errc::timeout);
    CHECK(attack([](auto const&) { return drip("HTTP/1.1 200 OK\r\n\r\n", "x"); }, s).code == posthorn::errc::timeout);
    CHECK(attack([](auto const&) { return drip("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"); }, s).code == posthorn::errc::timeout);
    settings total;
    total.timeouts.total = 100ms;
    CHECK(attack([](auto const&) { return drip("HTTP/1.1 200 OK\r\n\r\n", "x"); }, total).code == posthorn::errc::timeout);
}

TEST_CASE("slow drip: a server that does not read")
{
    auto const e = support::run([]() -> task<ending> {
        auto const  ex = co_await this_coro::executor;
        http_server server(ex, [](auto const&) { return http_response("200 OK"); });
        server.on_head([](auto const&) -> std::optional<http_answer> {
            auto a  = flood("", "", 1);
            a.pause = 10s;
            return a;
        });
        settings s;
        s.timeouts.idle = 100ms;
        http::client  c(s);
        http::request r("PUT", server.url());
        r.set_body(std::string(64 * mib, 'x'), "text/plain");
        co_return co_await finish(c, std::move(r));
    });
    CHECK(e.code == posthorn::errc::timeout);
}

// ---- redirects -------------------------------------------------------------------------------------------------

TEST_CASE("redirect loops")
{
    auto const to = [](std::string const& where) { return http_response("302 Moved", "", "Location: " + where + "\r\n"); };
    auto       e  = attack([&](auto const&) { return to("/"); });
    CHECK(e.code == http::errc::redirect_loop);
    CHECK(e.requests == 1);
    e = attack([&](support::http_request const& r) { return to(r.target == "/" ? "/a" : r.target == "/a" ? "/b" : "/"); });
    CHECK(e.code == http::errc::redirect_loop);
    CHECK(e.requests == 3);
    int n = 0;
    e     = attack([&](auto const&) { return to("/" + std::to_string(++n)); });
    CHECK(e.code == http::errc::too_many_redirects);
    CHECK(e.requests == 11);
    e = attack([&](auto const&) { return http_response("302 Moved", "", "Location: /\r\nSet-Cookie: n=" + std::to_string(++n) + "\r\n"); });
    CHECK(e.code == http::errc::too_many_redirects);
    CHECK(e.requests == 11);
}

TEST_CASE("redirects to nowhere")
{
    for (char const* where : {"javascript:alert(1)", "file:///etc/passwd", "http://u:hunter2@h/", "ftp://h/", "http://[::1/"})
    {
        auto const e = attack([&](auto const&) { return http_response("302 Moved", "", "Location: " + std::string(where) + "\r\n"); });
        CHECK(e.code == http::errc::bad_redirect);
    }
    CHECK(attack("HTTP/1.1 302 Moved\r\nLocation: /a\r\nLocation: /b\r\n\r\n").code == http::errc::bad_redirect);
}

TEST_CASE("a redirect to another host takes no credentials, cookies or private fields along")
{
    auto const first = [](support::http_request const& r, std::string const& second) {
        if (!r.has("Authorization"))
            return http_response("401 No", "", "WWW-Authenticate: Basic realm=x\r\nSet-Cookie: secret=1\r\n");
        return http_response("302 Moved", "", "Location: " + second + "\r\nSet-Cookie: other=2; Domain=localhost\r\n");
    };
    auto const body = [](http_server& bait, http_server& target, http::client& c) -> task<void> {
        http::request r("PROPFIND", bait.url("/", "localhost"));
        for (char const* name : {"Destination", "Referer", "If-Match", "Range", "X-Timestamp", "Savedestination", "X-Key"})
            r.fields.set(name, "private");
        r.fields.set("Depth", "0");
        r.set_body("<propfind/>", "text/xml");
        auto const e = co_await finish(c, r);
        CHECK_FALSE(e.code);
        CHECK(bait.last().has("Authorization"));
        CHECK(bait.last().field("Cookie") == "secret=1");
        REQUIRE(target.requests().size() == 1);
        auto const& got = target.last();
        CHECK(got.head.find("private") == std::string::npos);
        CHECK_FALSE(got.has("Authorization"));
        CHECK_FALSE(got.has("Cookie"));
        CHECK(got.field("Depth") == "0");
        CHECK(got.body == "<propfind/>");
    };
    support::run([&] { return play_lure(first, [](auto const&) { return http_response("207 Multi"); }, false, with_login(), body); });
}

TEST_CASE("an Authorization of the caller's own stays with the first origin")
{
    auto const body = [](http_server& bait, http_server& target, http::client& c) -> task<void> {
        http::request r("GET", bait.url("/", "localhost"));
        r.fields.set("Authorization", "Custom x");
        auto const e = co_await finish(c, r);
        CHECK(e.status == 200);
        CHECK(bait.last().has("Authorization"));
        CHECK_FALSE(target.last().has("Authorization"));
    };
    auto const first = [](auto const&, std::string const& second) { return http_response("307 Moved", "", "Location: " + second + "\r\n"); };
    support::run([&] { return play_lure(first, [](auto const&) { return http_response("200 OK"); }, false, {}, body); });
}

TEST_CASE("a host that was not named gets no proof of the password either")
{
    for (char const* challenge : {"Basic realm=x", "Digest realm=x, nonce=y, qop=\"auth\"", "NTLM", "Negotiate", "Bearer"})
    {
        auto const body = [](http_server& bait, http_server& target, http::client& c) -> task<void> {
            auto const e = co_await finish(c, http::request("PROPFIND", bait.url("/", "localhost")));
            CHECK((e.code == http::errc::auth_not_allowed || e.code == http::errc::auth_unavailable));
            CHECK(target.requests().size() == 1);
            CHECK_FALSE(target.last().has("Authorization"));
        };
        auto const first  = [](auto const&, std::string const& second) { return http_response("302 Moved", "", "Location: " + second + "\r\n"); };
        auto const second = [challenge](auto const&) { return http_response("401 No", "", "WWW-Authenticate: " + std::string(challenge) + "\r\n"); };
        support::run([&] { return play_lure(first, second, false, with_login(), body); });
    }
}

TEST_CASE("a redirect from https to http is not followed")
{
    for (char const* method : {"GET", "PROPFIND", "POST"})
    {
        auto const body = [method](http_server& bait, http_server& target, http::client& c) -> task<void> {
            auto const e = co_await finish(c, http::request(method, bait.url("/", "localhost")));
            CHECK(e.code == http::errc::redirect_downgrade);
            CHECK(e.location == target.url().str());
            CHECK(target.connections() == 0);
        };
        auto const first = [](auto const&, std::string const& second) { return http_response("302 Moved", "", "Location: " + second + "\r\n"); };
        support::run([&] { return play_lure(first, [](auto const&) { return http_response("200 OK"); }, true, with_login(), body); });
    }
}

TEST_CASE("mail is not sent to where a redirect leads")
{
    for (char const* status : {"301 Moved", "302 Moved", "303 See", "307 Temporary", "308 Permanent"})
    {
        auto const body = [](http_server& bait, http_server& target, http::client& c) -> task<void> {
            http::request r("POST", bait.url("/", "localhost"));
            r.set_body("MAIL FROM:<a@b>", "message/rfc821");
            auto const e = co_await finish(c, r);
            CHECK(e.code == http::errc::redirect_refused);
            CHECK(e.location == target.url().str());
            CHECK(target.connections() == 0);
            CHECK(bait.requests().size() == 1);
        };
        auto const first = [status](auto const&, std::string const& second) { return http_response(status, "", "Location: " + second + "\r\n"); };
        support::run([&] { return play_lure(first, [](auto const&) { return http_response("200 OK"); }, false, {}, body); });
    }
}

// ---- logins ----------------------------------------------------------------------------------------------------

TEST_CASE("401 loops")
{
    int        n      = 0;
    auto const asking = [&n](std::string const& challenge) {
        return [&n, challenge](auto const&) { return http_response("401 No", "", "WWW-Authenticate: " + challenge + std::to_string(++n) + "\r\n"); };
    };
    auto e = attack(asking("Basic realm=x"), with_login());
    CHECK(e.code == http::errc::auth_failed);
    CHECK(e.requests == 2);
    e = attack(asking("Digest realm=x, nonce=n"), with_login());
    CHECK(e.code == http::errc::auth_failed);
    CHECK(e.requests == 2);
    e = attack(asking("Digest realm=x, stale=true, nonce=n"), with_login());
    CHECK(e.code == http::errc::auth_failed);
    CHECK(e.requests < 10);
    e = attack([](auto const&) { return http_response("401 No", "", "WWW-Authenticate: NTLM\r\n"); }, with_login());
    CHECK(e.code == http::errc::auth_failed);
    CHECK(e.requests < 5);
    e = attack([](auto const&) { return http_response("401 No", "", "WWW-Authenticate: NTLM TlRMTVNTUAACAAAA\r\n"); }, with_login());
    CHECK(e.code == condition::authentication);
    CHECK(e.requests < 5);
    e = attack([](auto const&) { return http_response("407 No", "", "Proxy-Authenticate: Basic realm=x\r\n"); }, with_login());
    CHECK_FALSE(e.code); // there is no proxy, so nobody may ask for that
    CHECK(e.status == 407);
    CHECK(e.requests == 1);
}

TEST_CASE("a server that cannot prove that it knows the password is not trusted")
{
    auto const liar = [](support::http_request const& r) {
        if (!r.has("Authorization"))
            return http_response("401 No", "", "WWW-Authenticate: Digest realm=x, nonce=y, qop=\"auth\"\r\n");
        return http_response("200 OK", "", "Authentication-Info: rspauth=\"00000000000000000000000000000000\", nc=00000001\r\n");
    };
    auto const e = attack(liar, with_login());
    CHECK(e.code == http::errc::bad_challenge);
    CHECK(e.code == condition::authentication);
}

TEST_CASE("hostile challenges")
{
    std::string many;
    for (int i = 0; i != 200; ++i)
        many += "S" + std::to_string(i) + ", ";
    for (std::string const& challenge : {many, std::string("Digest realm=\"never ends"), "Digest realm=x, nonce=\"" + std::string(15000, 'x') + "\"", std::string("Digest nonce=a, nonce=b"),
                                         std::string("Digest realm=\"\\"), std::string("=,=,="), std::string("NTLM NTLM NTLM"), std::string(10000, ',')})
    {
        CAPTURE(challenge.substr(0, 40));
        auto const e = attack([&](auto const&) { return http_response("401 No", "", "WWW-Authenticate: " + challenge + "\r\n"); }, with_login());
        CHECK((e.code == condition::authentication || e.status == 401));
        CHECK(e.requests < 5);
    }
}

#if defined(POSTHORN_HAS_ASAN)

TEST_CASE("a login leaves nothing of the password in memory that was freed")
{
    std::string const secret(support::needle);
    auto const        guard = [](support::http_request const& r) {
        if (r.has("Authorization") && r.target != "/refused")
            return http_response("200 OK", "in");
        return http_response("401 No", "", "WWW-Authenticate: " + (r.target == "/refused" ? "Basic realm=x" : http::percent_decode(r.target).substr(1)) + "\r\n");
    };
    net::tls_context const tls(support::tls_server_settings(support::test_authority().issue({"localhost"})));
    testing::server_thread<http_server> server(guard, tls); // another thread, which is not watched
    for (std::string const target : {"/Basic", "/Digest%20realm=x,nonce=y,qop=auth", "/refused"})
        for (bool const encrypted : {true, false})
        {
            CAPTURE(target);
            settings s;
            s.login         = sasl::credentials("user", secret_string(support::needle));
            s.tls           = support::tls_client_settings();
            s.rules.origins = {server->url("/", "localhost").origin()};
            testing::server_thread<http_server> plain(guard, std::nullopt);
            auto const at = encrypted ? server->url(target, "localhost") : plain->url(target, "localhost");
            s.rules.origins.push_back(at.origin());
            s.rules.allow_plaintext = true;
            auto const login        = [&]() -> task<void> {
                http::client c(s);
                std::ignore = co_await finish(c, http::request("GET", at));
            };
            sync_wait(login()); // what OpenSSL keeps for later is there now
            auto const w = support::watched([&] { sync_wait(login()); }, {codec::base64_encode(secret), codec::base64_encode("user:" + secret)});
            CHECK(w.freed != 0);
            CHECK(w.leaked == 0);
        }
}

#endif

// ---- large bodies ----------------------------------------------------------------------------------------------

namespace {

/// Gives the same block again and again.
class endless final : public source
{
public:
    explicit endless(std::uint64_t size) : block_(128 * 1024, 'x'), size_(size), left_(size) {}

    task<std::string_view> next() override
    {
        auto const n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, block_.size()));
        left_ -= n;
        co_return std::string_view(block_).substr(0, n);
    }

    std::optional<std::uint64_t> size() const override { return size_; }
    bool                         rewindable() const override { return true; }

    task<void> rewind() override
    {
        left_ = size_;
        co_return;
    }

private:
    std::string   block_;
    std::uint64_t size_;
    std::uint64_t left_;
};

} // namespace

TEST_CASE("bodies of one GiB up and down take less than 16 MiB")
{
    support::run([]() -> task<void> {
        auto const  ex = co_await this_coro::executor;
        http_server server(ex, [](support::http_request const& r) {
            if (r.method == "PUT")
                return http_answer(http_response("201 Created", std::to_string(r.body_size)));
            if (r.target == "/length")
                return flood("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(gib) + "\r\n\r\n", std::string(1024, 'x'), gib / 1024);
            auto a = flood("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "8000\r\n" + std::string(0x8000, 'x') + "\r\n", gib / 0x8000);
            return a;
        });
        http::client  c;
        peak_memory const memory;
        http::request r("PUT", server.url());
        r.body          = std::make_shared<endless>(gib);
        auto const up   = co_await c.send(r);
        CHECK(up.status() == 201);
        CHECK(server.last().body_size == gib);
        CHECK(memory.within(16 * mib));
        auto const down = co_await finish(c, http::request("GET", server.url("/length")));
        CHECK_FALSE(down.code);
        CHECK(down.octets == gib);
        CHECK(memory.within(16 * mib));
        auto          answer = co_await c.get(server.url("/chunked"));
        std::uint64_t octets = 0;
        while (octets != gib)
        {
            auto const block = co_await answer.next();
            if (block.empty())
                break;
            octets += block.size();
        }
        CHECK(octets == gib);
        CHECK(memory.within(16 * mib));
        MESSAGE("peak: " << memory.grown() / 1024 << " KiB");
    });
}

TEST_SUITE_END();
