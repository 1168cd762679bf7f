//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/client.hpp>

#include <posthorn/codec/base64.hpp>
#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_error.hpp>
#include <posthorn/source/generator.hpp>

#include <doctest/doctest.h>

#include <support/http_server.hpp>
#include <support/run_task.hpp>
#include <support/steps.hpp>
#include <support/tls_pair.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using support::http_answer;
using support::http_response;
using support::http_server;
using settings = http::client_settings;

TEST_SUITE_BEGIN("http/client");

namespace {

using handler = std::function<http_answer(support::http_request const&)>;

/// A server, a client that may log in there, and what the test does with them.
using scene = std::function<task<void>(http_server&, http::client&)>;

task<void> play(handler h, settings s, scene body, std::optional<net::tls_context> tls)
{
    auto const  ex = co_await this_coro::executor;
    http_server server(ex, std::move(h), std::move(tls));
    s.rules.origins.push_back(server.url().origin());
    if (tls)
        s.tls = support::tls_client_settings();
    http::client client(std::move(s));
    co_await body(server, client);
}

void run(handler h, settings s, scene body)
{
    support::run([&] { return play(std::move(h), std::move(s), std::move(body), std::nullopt); });
}

settings with_login()
{
    settings s;
    s.login                 = sasl::credentials("user", secret_string("hunter2"));
    s.rules.allow_plaintext = true;
    return s;
}

/// How the request ends: its error, or the status.
task<std::optional<http::request_error>> failure_of(http::client& c, http::request r)
{
    std::optional<http::request_error> result;
    try
    {
        auto answer = co_await c.send(std::move(r));
        static_cast<void>(answer);
    }
    catch (http::request_error const& e)
    {
        CHECK(std::string_view(e.what()).find("hunter2") == std::string_view::npos);
        result.emplace(e);
    }
    co_return result;
}

task<std::string> text_of(http::client& c, http::request r)
{
    auto answer = co_await c.send(std::move(r));
    auto text   = co_await answer.text();
    co_return std::to_string(answer.status()) + ' ' + text;
}

async_generator<std::string> pieces(std::vector<std::string> all)
{
    for (auto& one : all)
        co_yield std::move(one);
}

/// A body that cannot start again and does not know its size.
std::shared_ptr<source> stream_of(std::vector<std::string> all)
{
    return std::make_shared<generator_source>(pieces(std::move(all)));
}

http::request with_body(std::string method, http::url to, std::string body)
{
    http::request r(std::move(method), std::move(to));
    r.set_body(std::move(body), "text/plain");
    return r;
}

constexpr char const* basic = "Basic dXNlcjpodW50ZXIy";

} // namespace

TEST_CASE("a response, its head, its body, and the connection kept")
{
    run([](auto const&) { return http_response("207 Multi-Status", "<x/>", "X-Dav-Error: 200 No error\r\n"); }, {},
        [](http_server& server, http::client& c) -> task<void> {
            for (int i = 0; i != 3; ++i)
            {
                auto answer = co_await c.get(server.url("/a?"));
                CHECK(answer.status() == 207);
                CHECK(answer.ok());
                CHECK(answer.reason() == "Multi-Status");
                CHECK(answer.fields().get("x-dav-error") == "200 No error");
                CHECK(answer.size() == 4);
                CHECK(answer.url() == server.url("/a?"));
                auto const text = co_await answer.text();
                CHECK(text == "<x/>");
                CHECK(c.idle() == 1);
            }
            CHECK(server.connections() == 1);
            CHECK(server.last().target == "/a?");
            CHECK(server.last().field("User-Agent") == "posthorn");
            CHECK(server.last().field("Host") == server.url().origin().authority());
        });
}

TEST_CASE("chunked bodies and their trailers")
{
    run([](auto const&) { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nSum: 5\r\n\r\n"; }, {},
        [](http_server& server, http::client& c) -> task<void> {
            auto answer = co_await c.get(server.url());
            CHECK_FALSE(answer.size());
            auto const text = co_await answer.text();
            CHECK(text == "abcde");
            CHECK(answer.trailers() == http::headers{{"Sum", "5"}});
            CHECK_FALSE(answer.fields().has("Sum"));
            CHECK(c.idle() == 1);
        });
}

TEST_CASE("a body up to the end of the connection")
{
    run([](auto const&) { return http_answer("HTTP/1.0 200 OK\r\n\r\nold style").closing(); }, {},
        [](http_server& server, http::client& c) -> task<void> {
            auto answer = co_await c.get(server.url());
            auto const text = co_await answer.text();
            CHECK(text == "old style");
            CHECK(c.idle() == 0);
        });
}

TEST_CASE("a response that is not read closes its connection")
{
    run([](auto const&) { return http_response("200 OK", "body"); }, {}, [](http_server& server, http::client& c) -> task<void> {
        {
            auto answer = co_await c.get(server.url());
        }
        CHECK(c.idle() == 0);
        auto again = co_await c.get(server.url());
        co_await again.discard();
        CHECK(server.connections() == 2);
    });
}

TEST_CASE("a response without body gives its connection back at once")
{
    run([](auto const&) { return "HTTP/1.1 204 No Content\r\n\r\n"; }, {}, [](http_server& server, http::client& c) -> task<void> {
        auto answer = co_await c.send(http::request("DELETE", server.url("/x")));
        CHECK(c.idle() == 1);
        auto const text = co_await answer.text();
        CHECK(text.empty());
    });
}

TEST_CASE("a response may outlive its client, and is a source")
{
    run([](auto const&) { return http_response("200 OK", "body"); }, {}, [](http_server& server, http::client&) -> task<void> {
        http::response answer;
        {
            http::client other;
            answer = co_await other.get(server.url());
        }
        source&    as_source = answer;
        auto const block     = co_await as_source.next();
        CHECK(block == "body");
        CHECK_FALSE(as_source.rewindable());
    });
}

TEST_CASE("interim responses are skipped")
{
    run([](auto const&) { return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n" + http_response("200 OK", "done"); }, {},
        [](http_server& server, http::client& c) -> task<void> {
            auto const text = co_await text_of(c, http::request("GET", server.url()));
            CHECK(text == "200 done");
        });
}

TEST_CASE("bodies of requests, of known and unknown size")
{
    run([](support::http_request const& r) { return http_response("200 OK", std::to_string(r.body_size) + ' ' + r.field("Content-Length").value_or("-")); }, {},
        [](http_server& server, http::client& c) -> task<void> {
            auto text = co_await text_of(c, with_body("PUT", server.url(), "small"));
            CHECK(text == "200 5 5");
            CHECK(server.last().body == "small");
            CHECK(server.last().field("Content-Type") == "text/plain");
            std::string const large(300'000, 'x');
            text = co_await text_of(c, with_body("PUT", server.url(), large));
            CHECK(text == "200 300000 300000");
            http::request chunked("PUT", server.url());
            std::vector<std::string> parts{"one", "", "two", std::string(100'000, 'y')};
            chunked.body = stream_of(parts);
            text         = co_await text_of(c, chunked);
            CHECK(text == "200 100006 -");
            CHECK(server.last().body.substr(0, 7) == "onetwoy");
            text = co_await text_of(c, with_body("PUT", server.url(), ""));
            CHECK(text == "200 0 0");
            text = co_await text_of(c, http::request("POST", server.url()));
            CHECK(text == "200 0 0");
            CHECK(server.connections() == 1);
        });
}

TEST_CASE("progress is told both ways")
{
    run([](auto const&) { return http_response("200 OK", std::string(200'000, 'z')); }, {}, [](http_server& server, http::client& c) -> task<void> {
        std::uint64_t up = 0, down = 0;
        auto          r  = with_body("PUT", server.url(), std::string(500'000, 'x'));
        r.on_upload      = [&up](std::uint64_t n, std::optional<std::uint64_t> all) {
            CHECK(n > up);
            CHECK(all == 500'000);
            up = n;
        };
        r.on_download = [&down](std::uint64_t n, std::optional<std::uint64_t> all) {
            CHECK(n > down);
            CHECK(all == 200'000);
            down = n;
        };
        auto answer = co_await c.send(r);
        co_await answer.discard();
        CHECK(up == 500'000);
        CHECK(down == 200'000);
    });
}

TEST_CASE("a source that lies about its size does not leave half a request behind")
{
    struct liar final : source
    {
        explicit liar(std::uint64_t n) : claimed(n) {}
        task<std::string_view> next() override
        {
            std::string_view const block = given ? "" : "12345";
            given                        = true;
            co_return block;
        }
        std::optional<std::uint64_t> size() const override { return claimed; }
        task<void>                   rewind() override { co_return; }
        std::uint64_t                claimed;
        bool                         given = false;
    };
    run([](auto const&) { return http_response("200 OK"); }, {}, [](http_server& server, http::client& c) -> task<void> {
        for (std::uint64_t n : {std::uint64_t(3), std::uint64_t(9)})
        {
            http::request r("PUT", server.url());
            r.body          = std::make_shared<liar>(n);
            auto const e    = co_await failure_of(c, r);
            REQUIRE(e);
            CHECK(e->code() == http::errc::bad_body);
        }
        CHECK(server.requests().empty());
    });
}

TEST_CASE("what a source throws ends the request, and is thrown")
{
    struct broken final : source
    {
        task<std::string_view> next() override
        {
            throw support::boom(7);
            co_return std::string_view();
        }
        task<void> rewind() override { co_return; }
    };
    run([](auto const&) { return http_response("200 OK"); }, {}, [](http_server& server, http::client& c) -> task<void> {
        http::request r("PUT", server.url());
        r.body     = std::make_shared<broken>();
        int number = 0;
        try
        {
            auto answer = co_await c.send(r);
        }
        catch (support::boom const& e)
        {
            number = e.number;
        }
        CHECK(number == 7);
    });
}

TEST_CASE("Expect: 100-continue waits for the word, or a while, and spares the body after a refusal")
{
    run([](support::http_request const& r) { return http_response("200 OK", std::to_string(r.body_size)); }, {}, [](http_server& server, http::client& c) -> task<void> {
        server.on_head([](support::http_request const& r) -> std::optional<http_answer> {
            if (r.target == "/no")
                return http_answer(http_response("413 Too Large")).closing();
            http_answer a(r.target == "/yes" ? "HTTP/1.1 100 Continue\r\n\r\n" : "");
            a.goes_on = true;
            return a;
        });
        auto r            = with_body("PUT", server.url("/yes"), "hello");
        r.expect_continue = true;
        auto text         = co_await text_of(c, r);
        CHECK(text == "200 5");
        CHECK(server.last().field("Expect") == "100-continue");
        r.url = server.url("/silent");
        text  = co_await text_of(c, r);
        CHECK(text == "200 5");
        r.url = server.url("/no");
        text  = co_await text_of(c, r);
        CHECK(text == "413 ");
        CHECK(server.last().body_size == 0);
    });
}

TEST_CASE("417 is answered without the expectation")
{
    run([](support::http_request const& r) { return r.has("Expect") ? http_response("417 No") : http_response("200 OK", r.body); }, {},
        [](http_server& server, http::client& c) -> task<void> {
            server.on_head([](support::http_request const& r) -> std::optional<http_answer> {
                if (!r.has("Expect"))
                    return std::nullopt;
                return http_answer(http_response("417 No")).closing();
            });
            auto r            = with_body("PUT", server.url(), "hello");
            r.expect_continue = true;
            auto const text   = co_await text_of(c, r);
            CHECK(text == "200 hello");
        });
}

TEST_CASE("a refusal that comes early ends the sending")
{
    run([](auto const&) { return http_response("200 OK"); }, {}, [](http_server& server, http::client& c) -> task<void> {
        server.on_head([](support::http_request const&) -> std::optional<http_answer> {
            http_answer a(http_response("403 Forbidden", "no"));
            a.hold = true; // reads on, and would take all of it
            return a;
        });
        auto const text = co_await text_of(c, with_body("PUT", server.url(), std::string(std::size_t(64) << 20U, 'x')));
        CHECK(text == "403 no");
        CHECK(c.idle() == 0);
    });
}

TEST_CASE("a kept connection that has died is replaced, once, for what may be repeated")
{
    int  count = 0;
    auto dying = [&count](support::http_request const& r) {
        http_answer a(http_response("200 OK", r.method + r.body));
        if (++count % 2 == 0) // the second one on a connection finds it dead
        {
            a.bytes.clear();
            a.close = true;
        }
        return a;
    };
    run(dying, {}, [&](http_server& server, http::client& c) -> task<void> {
        for (char const* method : {"GET", "PUT", "PROPFIND"})
        {
            count     = 0;
            auto text = co_await text_of(c, with_body(method, server.url(), "b"));
            CHECK(text == std::string("200 ") + method + "b");
            text = co_await text_of(c, with_body(method, server.url(), "b"));
            CHECK(text == std::string("200 ") + method + "b");
            c.close_idle();
        }
        for (char const* method : {"POST", "BMOVE", "MKCOL"})
        {
            count     = 0;
            auto text = co_await text_of(c, with_body(method, server.url(), "b"));
            CHECK(text == std::string("200 ") + method + "b");
            auto const e = co_await failure_of(c, with_body(method, server.url(), "b"));
            REQUIRE(e);
            CHECK(e->code() == http::errc::in_doubt);
            CHECK(e->method() == method);
        }
        count = 1; // a fresh connection that gives no answer is the server's matter
        auto e = co_await failure_of(c, http::request("GET", server.url()));
        REQUIRE(e);
        CHECK(e->code() == http::errc::connection_ended);
        CHECK(e->code() == condition::temporary);
        count        = 0;
        auto         text = co_await text_of(c, with_body("GET", server.url(), "b"));
        http::request r("GET", server.url());
        r.repeatable = false;
        e            = co_await failure_of(c, r);
        REQUIRE(e);
    });
}

TEST_CASE("a connection on which the server has spoken out of turn is not used again")
{
    run([](auto const&) { return http_response("200 OK", "a") + http_response("200 OK", "smuggled"); }, {}, [](http_server& server, http::client& c) -> task<void> {
        for (int i = 0; i != 2; ++i)
        {
            auto const text = co_await text_of(c, http::request("GET", server.url()));
            CHECK(text == "200 a");
        }
        CHECK(server.connections() == 2);
    });
}

TEST_CASE("Connection: close and Keep-Alive are believed")
{
    run([](support::http_request const& r) { return http_response("200 OK", "", r.target == "/close" ? "Connection: close\r\n" : "Keep-Alive: timeout=1\r\n"); }, {},
        [](http_server& server, http::client& c) -> task<void> {
            auto answer = co_await c.get(server.url("/close"));
            CHECK(c.idle() == 0);
            answer = co_await c.get(server.url("/short")); // less than the margin
            answer = co_await c.get(server.url("/short"));
            CHECK(server.connections() == 3);
        });
}

TEST_CASE("idle connections are bounded; requests at the same time have one each")
{
    settings s;
    s.most_idle = 2;
    run([](auto const&) { return http_response("200 OK", "x"); }, s, [](http_server& server, http::client& c) -> task<void> {
        auto a = text_of(c, http::request("GET", server.url("/1")));
        auto b = text_of(c, http::request("GET", server.url("/2")));
        auto d = text_of(c, http::request("GET", server.url("/3")));
        co_await when_all(std::move(a), std::move(b), std::move(d));
        CHECK(server.connections() == 3);
        CHECK(c.idle() == 2);
        CHECK(c.connections() == 3);
    });
}

TEST_CASE("Basic: asked once, then sent at once")
{
    auto guard = [](support::http_request const& r) {
        return r.field("Authorization") == basic ? http_response("200 OK", r.body) : http_response("401 No", "who?", "Www-Authenticate: basic realm=\"SOGo\"\r\n");
    };
    run(guard, with_login(), [](http_server& server, http::client& c) -> task<void> {
        auto text = co_await text_of(c, with_body("PROPFIND", server.url("/a"), "b"));
        CHECK(text == "200 b");
        text = co_await text_of(c, with_body("PROPFIND", server.url("/b"), "c"));
        CHECK(text == "200 c");
        CHECK(server.requests().size() == 3);
        CHECK(server.connections() == 1);
    });
}

TEST_CASE("a wrong password is tried once")
{
    run([](auto const&) { return http_response("401 No", "", "WWW-Authenticate: Basic realm=x\r\n"); }, with_login(), [](http_server& server, http::client& c) -> task<void> {
        auto const e = co_await failure_of(c, http::request("GET", server.url("/a")));
        REQUIRE(e);
        CHECK(e->code() == http::errc::auth_failed);
        CHECK(e->code() == condition::authentication);
        CHECK(e->status() == 401);
        CHECK(e->url() == server.url("/a").str());
        CHECK(server.requests().size() == 2);
    });
}

TEST_CASE("without a login 401 is a response, and so it is with an Authorization of the caller's own")
{
    run([](auto const&) { return http_response("401 No", "text", "WWW-Authenticate: Basic realm=x\r\n"); }, {}, [](http_server& server, http::client& c) -> task<void> {
        auto text = co_await text_of(c, http::request("GET", server.url()));
        CHECK(text == "401 text");
        http::request r("GET", server.url());
        r.fields.set("Authorization", "Custom x");
        text = co_await text_of(c, r);
        CHECK(text == "401 text");
        CHECK(server.last().field("Authorization") == "Custom x");
    });
}

TEST_CASE("Digest: a header for each request, a stale nonce replaced, the next one used")
{
    int  nonce = 1;
    auto guard = [&nonce](support::http_request const& r) {
        auto const given   = r.field("Authorization").value_or("");
        auto const current = "nonce=\"n" + std::to_string(nonce) + "\"";
        if (given.find(current) == std::string::npos)
            return http_response("401 No", "", "WWW-Authenticate: Digest realm=\"hotmail.com\", " + current + ", qop=\"auth\"" + (given.empty() ? "" : ", stale=true") + "\r\n");
        CHECK(given.find("uri=\"" + r.target + "\"") != std::string::npos);
        return http_response("207 Multi", given.substr(given.find("nc="), 11), r.target == "/next?" ? "Authentication-Info: nextnonce=\"n" + std::to_string(++nonce) + "\"\r\n" : "");
    };
    run(guard, with_login(), [&](http_server& server, http::client& c) -> task<void> {
        auto text = co_await text_of(c, with_body("PROPFIND", server.url("/a?"), "b"));
        CHECK(text == "207 nc=00000001");
        text = co_await text_of(c, with_body("BMOVE", server.url("/a?"), "b"));
        CHECK(text == "207 nc=00000002");
        ++nonce;
        text = co_await text_of(c, with_body("PROPFIND", server.url("/a?"), "b"));
        CHECK(text == "207 nc=00000001");
        text = co_await text_of(c, http::request("GET", server.url("/next?")));
        CHECK(text == "207 nc=00000002");
        text = co_await text_of(c, http::request("GET", server.url("/a?")));
        CHECK(text == "207 nc=00000001");
        CHECK(server.requests().size() == 7); // two challenges in all
    });
}

TEST_CASE("Digest: auth-int hashes the body before it is sent")
{
    auto guard = [](support::http_request const& r) {
        if (!r.has("Authorization"))
            return http_response("401 No", "", "WWW-Authenticate: Digest realm=r, nonce=n, qop=\"auth-int\"\r\n");
        auto const field = [&](std::string_view name) {
            auto const all = http::parse_auth_info(std::string_view(*r.field("Authorization")).substr(7));
            return std::string(all->get(name).value_or(""));
        };
        auto const hex = [](std::string_view s) { return codec::hex_encode(crypto::digest(crypto::hash::md5, s).view()); };
        auto const ha2 = hex(r.method + ':' + r.target + ':' + hex(r.body));
        auto const all = hex(hex("user:r:hunter2") + ":n:" + field("nc") + ':' + field("cnonce") + ":auth-int:" + ha2);
        return http_response(all == field("response") ? "200 OK" : "403 Wrong");
    };
    run(guard, with_login(), [](http_server& server, http::client& c) -> task<void> {
        auto text = co_await text_of(c, with_body("PUT", server.url(), "hello"));
        CHECK(text == "200 ");
        text = co_await text_of(c, http::request("GET", server.url()));
        CHECK(text == "200 ");
    });
}

TEST_CASE("a body that cannot start again is not sent to a server that asks for a login later")
{
    run([](support::http_request const& r) { return r.has("Authorization") ? http_response("200 OK", r.body) : http_response("401 No", "", "WWW-Authenticate: Basic realm=x\r\n"); },
        with_login(), [](http_server& server, http::client& c) -> task<void> {
            http::request            r("PUT", server.url());
            std::vector<std::string> parts{"once"};
            r.body       = stream_of(parts);
            auto const e = co_await failure_of(c, r);
            REQUIRE(e);
            CHECK(e->code() == http::errc::cannot_repeat);
            r.body          = stream_of(parts);
            auto const text = co_await text_of(c, r); // by now it is known what the server wants
            CHECK(text == "200 once");
        });
}

TEST_CASE("Bearer: a token is asked for, and once more when it is refused")
{
    settings          s = with_login();
    std::vector<bool> asked;
    s.token_source = [&asked](bool refresh) -> task<secret_string> {
        asked.push_back(refresh);
        co_return secret_string(refresh ? "new" : "old");
    };
    run([](support::http_request const& r) { return r.field("Authorization") == "Bearer new" ? http_response("200 OK") : http_response("401 No", "", "WWW-Authenticate: Bearer\r\n"); },
        s, [&](http_server& server, http::client& c) -> task<void> {
            auto const text = co_await text_of(c, http::request("GET", server.url()));
            CHECK(text == "200 ");
            CHECK(asked == std::vector<bool>{false, true});
        });
}

TEST_CASE("NTLM logs the connection in before a body goes")
{
    std::string const challenge = "TlRMTVNTUAACAAAADAAMADgAAAAzgoriASNFZ4mrze8AAAAAAAAAACQAJABEAAAABgBwFwAAAA9TAGUAcgB2AGUAcgACAAwARABvAG0AYQBpAG4AAQAMAFMAZQByAHYAZQByAAAAAAA=";
    std::vector<std::uint64_t> in; // connections that have logged in
    auto guard = [&](support::http_request const& r) {
        auto const given = r.field("Authorization").value_or("");
        if (given.substr(0, 21) == "NTLM TlRMTVNTUAABAAAA")
            return http_response("401 No", "", "WWW-Authenticate: NTLM " + challenge + "\r\n");
        if (given.substr(0, 21) == "NTLM TlRMTVNTUAADAAAA")
            in.push_back(r.connection);
        bool const known = !in.empty() && in.back() == r.connection;
        return known ? http_response("200 OK", r.method == "HEAD" ? "" : r.method + r.body) : http_response("401 No", "", "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n");
    };
    run(guard, with_login(), [&](http_server& server, http::client& c) -> task<void> {
        auto text = co_await text_of(c, with_body("PUT", server.url(), "mail"));
        CHECK(text == "200 PUTmail");
        text = co_await text_of(c, http::request("GET", server.url()));
        CHECK(text == "200 GET");
        CHECK(server.connections() == 1);
        for (auto const& r : server.requests())
            CHECK((r.body.empty() || r.method == "PUT"));
        c.close_idle(); // a fresh connection logs in first: the body goes once
        auto const before = server.requests().size();
        http::request            once("PUT", server.url());
        std::vector<std::string> parts{"once"};
        once.body = stream_of(parts);
        text      = co_await text_of(c, once);
        CHECK(text == "200 PUTonce");
        CHECK(server.requests().size() == before + 3);
    });
}

TEST_CASE("NTLM that is refused, and a server that ends the connection within it")
{
    bool closes = false;
    auto guard  = [&closes](support::http_request const& r) {
        http_answer a(http_response("401 No", "", "WWW-Authenticate: NTLM\r\n"));
        a.close = closes && r.has("Authorization");
        return a;
    };
    run(guard, with_login(), [&](http_server& server, http::client& c) -> task<void> {
        auto e = co_await failure_of(c, with_body("PUT", server.url(), "mail"));
        REQUIRE(e);
        CHECK(e->code() == http::errc::auth_failed);
        closes = true;
        e      = co_await failure_of(c, http::request("GET", server.url()));
        REQUIRE(e);
        CHECK(e->code() == http::errc::auth_failed);
    });
}

TEST_CASE("a redirect is followed with method and body, its cookie goes along")
{
    auto cluster = [](support::http_request const& r) {
        if (r.target == "/svcs/hotmail/httpmail.asp")
            return http_response("302 Moved", "<html>", "Location: /cgi-bin/hmdata?\r\nSet-Cookie: s=1; path=/\r\n");
        return http_response("207 Multi", r.method + r.body + r.field("Cookie").value_or("-"));
    };
    run(cluster, {}, [](http_server& server, http::client& c) -> task<void> {
        auto answer = co_await c.send(with_body("PROPFIND", server.url("/svcs/hotmail/httpmail.asp"), "b"));
        CHECK(answer.redirects() == 1);
        CHECK(answer.url() == server.url("/cgi-bin/hmdata?"));
        auto const text = co_await answer.text();
        CHECK(text == "PROPFINDbs=1");
        CHECK(server.connections() == 1);
        http::request keep("GET", server.url("/svcs/hotmail/httpmail.asp"));
        keep.redirects = http::redirects::keep;
        auto const kept = co_await text_of(c, keep);
        CHECK(kept == "302 <html>");
    });
}

TEST_CASE("303 after a POST is fetched with GET")
{
    run([](support::http_request const& r) { return r.method == "POST" ? http_response("303 See", "", "Location: done\r\n") : http_response("200 OK", r.method + r.field("Content-Type").value_or("-")); },
        {}, [](http_server& server, http::client& c) -> task<void> {
            auto const text = co_await text_of(c, with_body("POST", server.url("/a/send"), "mail"));
            CHECK(text == "200 GET-");
            CHECK(server.last().target == "/a/done");
        });
}

TEST_CASE("a server that leads back after setting a cookie is no loop")
{
    run([](support::http_request const& r) { return r.has("Cookie") ? http_response("200 OK") : http_response("302 Moved", "", "Location: /\r\nSet-Cookie: a=b\r\n"); }, {},
        [](http_server& server, http::client& c) -> task<void> {
            auto const text = co_await text_of(c, http::request("GET", server.url()));
            CHECK(text == "200 ");
        });
}

TEST_CASE("TLS: trusted, not trusted, and the session closed in order")
{
    auto const hello = [](auto const&) { return http_response("200 OK", "secret"); };
    auto const body  = [](http_server& server, http::client& c) -> task<void> {
        auto const text = co_await text_of(c, http::request("GET", server.url("/", "localhost")));
        CHECK(text == "200 secret");
        http::client stranger;
        auto const   e = co_await failure_of(stranger, http::request("GET", server.url("/", "localhost")));
        REQUIRE(e);
        CHECK(e->code() == condition::tls);
    };
    net::tls_context const tls(support::tls_server_settings(support::test_authority().issue({"localhost"})));
    support::run([&] { return play(hello, {}, body, tls); });
}

TEST_CASE("limits of time")
{
    settings s;
    s.timeouts.head = 50ms;
    s.timeouts.idle = 50ms;
    auto slow       = [](support::http_request const& r) {
        http_answer a(r.target == "/body" ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf" : r.target == "/head" ? "HTTP/1.1 200 OK\r\nX" : "");
        a.hold = true;
        return a;
    };
    run(slow, s, [](http_server& server, http::client& c) -> task<void> {
        for (char const* target : {"/nothing", "/head"})
        {
            auto const e = co_await failure_of(c, http::request("GET", server.url(target)));
            REQUIRE(e);
            CHECK(e->code() == posthorn::errc::timeout);
        }
        auto                               answer = co_await c.get(server.url("/body"));
        std::optional<http::request_error> e;
        try
        {
            auto const text = co_await answer.text();
        }
        catch (http::request_error const& x)
        {
            e.emplace(x);
        }
        REQUIRE(e);
        CHECK(e->code() == posthorn::errc::timeout);
        CHECK(e->status() == 200);
        http::request r("GET", server.url("/nothing"));
        r.total_timeout = 10ms;
        auto const f    = co_await failure_of(c, r);
        REQUIRE(f);
        CHECK(f->code() == posthorn::errc::timeout);
    });
}

TEST_CASE("a request that cannot be written leaves nothing on the wire and the client usable")
{
    run([](auto const&) { return http_response("200 OK"); }, {}, [](http_server& server, http::client& c) -> task<void> {
        http::request r("GET", server.url());
        r.fields.set("Host", "evil.example");
        auto e = co_await failure_of(c, r);
        REQUIRE(e);
        CHECK(e->code() == http::errc::bad_header);
        e = co_await failure_of(c, http::request("G T", server.url()));
        REQUIRE(e);
        CHECK(e->code() == http::errc::bad_method);
        e = co_await failure_of(c, http::request());
        REQUIRE(e);
        CHECK(e->code() == http::errc::bad_url);
        CHECK(server.requests().empty());
        auto const text = co_await text_of(c, http::request("GET", server.url()));
        CHECK(text == "200 ");
    });
}

TEST_CASE("an HTTP proxy gets absolute targets, and its login never reaches the server's field")
{
    auto proxy = [](support::http_request const& r) {
        if (r.field("Proxy-Authorization") != "Basic cHJveHk6c2VjcmV0")
            return http_response("407 Who", "", "Proxy-Authenticate: Basic realm=p\r\n");
        if (r.field("Authorization") != basic)
            return http_response("401 Who", "", "WWW-Authenticate: Basic realm=s\r\n");
        return http_response("200 OK", r.target);
    };
    run(proxy, {}, [](http_server& server, http::client&) -> task<void> {
        auto s                = with_login();
        s.proxy.kind          = net::proxy_settings::protocol::http;
        s.proxy.server        = net::host_port("127.0.0.1", server.port());
        s.proxy.user          = "proxy";
        s.proxy.password      = "secret";
        s.rules.origins.push_back(http::url("http://mail.example/").origin());
        http::client c(s);
        auto         text = co_await text_of(c, http::request("GET", http::url("http://mail.example/a?")));
        CHECK(text == "200 http://mail.example/a?");
        CHECK(server.requests().size() == 3);
        CHECK(server.last().field("Host") == "mail.example");
        text = co_await text_of(c, http::request("GET", http::url("http://mail.example/b")));
        CHECK(server.requests().size() == 4);
        auto const e = co_await failure_of(c, http::request("GET", http::url("http://other.example/")));
        REQUIRE(e);
        CHECK(e->code() == http::errc::auth_not_allowed);
        CHECK_FALSE(server.last().has("Authorization"));
    });
}

TEST_CASE("a proxy that wants Digest, refuses, or answers nonsense to CONNECT")
{
    auto proxy = [](support::http_request const& r) {
        if (r.target == "refused.example:443")
            return http_response("502 Bad Gateway");
        if (r.target == "early.example:443")
            return std::string("HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x");
        if (!r.has("Proxy-Authorization"))
            return http_response("407 Who", "", "Proxy-Authenticate: Digest realm=p, nonce=n, qop=\"auth\"\r\n");
        auto const given = *r.field("Proxy-Authorization");
        CHECK(given.find("uri=\"mail.example:443\"") != std::string::npos);
        return http_response("407 Who", "", "Proxy-Authenticate: Digest realm=p, nonce=m, qop=\"auth\"\r\n");
    };
    run(proxy, {}, [](http_server& server, http::client&) -> task<void> {
        settings s;
        s.proxy.kind     = net::proxy_settings::protocol::http;
        s.proxy.server   = net::host_port("127.0.0.1", server.port());
        s.proxy.user     = "proxy";
        s.proxy.password = "hunter2";
        http::client c(s);
        auto         e = co_await failure_of(c, http::request("GET", http::url("https://mail.example/")));
        REQUIRE(e);
        CHECK(e->code() == http::errc::auth_failed);
        CHECK(server.requests().size() == 2);
        e = co_await failure_of(c, http::request("GET", http::url("https://refused.example/")));
        REQUIRE(e);
        CHECK(e->code() == net::errc::proxy_refused);
        e = co_await failure_of(c, http::request("GET", http::url("https://early.example/")));
        REQUIRE(e);
        CHECK(e->code() == http::errc::ambiguous_framing);
    });
}

TEST_CASE("cancellation closes the connection and leaves the client usable")
{
    run([](support::http_request const& r) {
            http_answer a(r.target == "/hang" ? std::string() : http_response("200 OK", "x"));
            a.hold = r.target == "/hang";
            return a;
        },
        {}, [](http_server& server, http::client& c) -> task<void> {
            std::error_code code;
            try
            {
                auto hanging = c.get(server.url("/hang"));
                auto answer  = co_await with_timeout(std::move(hanging), 20ms);
            }
            catch (std::system_error const& e)
            {
                code = e.code();
            }
            CHECK(code == condition::timeout);
            CHECK(c.idle() == 0);
            auto const text = co_await text_of(c, http::request("GET", server.url("/")));
            CHECK(text == "200 x");
        });
}

TEST_CASE("destroyed after every step, nothing is leaked or touched afterwards")
{
    struct program
    {
        static task<void> main()
        {
            auto h = [](support::http_request const& r) {
                return r.has("Authorization") ? http_response("200 OK", std::string(1000, 'x')) : http_response("401 No", "", "WWW-Authenticate: Basic realm=x\r\n");
            };
            auto body = [](http_server& server, http::client& c) -> task<void> {
                auto const text = co_await text_of(c, with_body("PUT", server.url(), std::string(100'000, 'x')));
                CHECK(text.size() == 1004);
            };
            return play(h, with_login(), body, std::nullopt);
        }
    };
    auto const steps = support::destroy_after_each_step([](asio::io_context& io) { spawn(io, program::main(), [](std::exception_ptr) {}); }, [](std::size_t, bool) {});
    CHECK(steps > 10);
}

TEST_SUITE_END();
