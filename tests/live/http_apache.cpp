//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The HTTP client against Apache httpd: logins, TLS, redirects, 100-continue, kept connections, large bodies.

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/http/client.hpp>
#include <posthorn/source/generator.hpp>

#include <doctest/doctest.h>

#include <support/apache.hpp>
#include <support/certs.hpp>
#include <support/run_task.hpp>
#include <support/temp_dir.hpp>

#include <algorithm>
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
using support::apache;
using support::apache_options;

TEST_SUITE_BEGIN("live/http_apache");

namespace {

support::certificates const& certs()
{
    static support::certificates const made;
    return made;
}

http::client_settings settings_for(apache const& server, char const* password = "open sesame")
{
    http::client_settings s;
    s.login                 = sasl::credentials("alice", secret_string(password));
    s.rules.origins         = {http::url(server.url("/")).origin()};
    s.rules.allow_plaintext = true;
    s.tls.ca_file           = certs().ca();
    return s;
}

http::request with_body(std::string method, std::string const& to, std::string body)
{
    http::request r(std::move(method), http::url(to));
    r.set_body(std::move(body), "text/plain");
    return r;
}

/// Status and body.
task<std::string> text_of(http::client& c, http::request r)
{
    auto answer = co_await c.send(std::move(r));
    auto text   = co_await answer.text();
    co_return std::to_string(answer.status()) + ' ' + text;
}

task<int> status_of(http::client& c, http::request r)
{
    auto answer = co_await c.send(std::move(r));
    co_await answer.discard();
    co_return answer.status();
}

task<std::error_code> code_of(http::client& c, http::request r)
{
    std::error_code code;
    try
    {
        auto answer = co_await c.send(std::move(r));
    }
    catch (http::request_error const& e)
    {
        code = e.code();
    }
    co_return code;
}

std::size_t lines_with(std::string const& text, std::string_view what)
{
    std::size_t n = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1))
        ++n;
    return n;
}

async_generator<std::string> blocks(std::size_t count)
{
    for (std::size_t i = 0; i != count; ++i)
        co_yield std::string(10'000, 'x');
}

/// Runs `body(client)` with these settings.
void with_client(http::client_settings s, std::function<task<void>(http::client&)> body)
{
    support::run([&]() -> task<void> {
        http::client c(std::move(s));
        co_await body(c);
    });
}

} // namespace

TEST_CASE("a file, what is not there, and HEAD, over one connection")
{
    apache const server;
    support::write_file(server.plain() / "mail.eml", "Subject: hi\r\n\r\nhello\r\n");
    with_client(settings_for(server), [&](http::client& c) -> task<void> {
        auto answer = co_await c.get(http::url(server.url("/plain/mail.eml")));
        CHECK(answer.status() == 200);
        CHECK(answer.fields().get("Content-Type") == "message/rfc822");
        CHECK(answer.size() == 22);
        auto const text = co_await answer.text();
        CHECK(text == "Subject: hi\r\n\r\nhello\r\n");
        auto status = co_await status_of(c, http::request("GET", http::url(server.url("/plain/none"))));
        CHECK(status == 404);
        auto const head = co_await c.send(http::request("HEAD", http::url(server.url("/plain/mail.eml"))));
        CHECK(head.status() == 200);
        CHECK(head.fields().get("Content-Length") == "22");
        CHECK(c.connections() == 1);
        CHECK(c.idle() == 1);
        auto const date = head.fields().get("Date");
        REQUIRE(date);
        CHECK(http::parse_date(*date));
    });
}

TEST_CASE("Basic and Digest, in the clear and under TLS")
{
    for (bool const tls : {false, true})
        for (auto const login : {apache_options::login::basic, apache_options::login::digest})
        {
            apache_options o;
            o.auth = login;
            if (tls)
                o.tls = certs().server();
            apache const server(o);
            CAPTURE(server.url("/"));
            with_client(settings_for(server), [&](http::client& c) -> task<void> {
                auto status = co_await status_of(c, with_body("PUT", server.url("/dav/a?b=c"), "hello"));
                CHECK(status == 201);
                auto const text = co_await text_of(c, http::request("GET", http::url(server.url("/dav/a?b=/c"))));
                CHECK(text == "200 hello");
                status = co_await status_of(c, http::request("DELETE", http::url(server.url("/dav/a"))));
                CHECK(status == 204);
                CHECK(c.connections() == 1);
            });
            CHECK(lines_with(server.access_log_with(" 401\n", 1), " 401\n") == 1); // asked once
            with_client(settings_for(server, "wrong"), [&](http::client& c) -> task<void> {
                auto const code = co_await code_of(c, http::request("GET", http::url(server.url("/dav/a"))));
                CHECK(code == http::errc::auth_failed);
                CHECK(code == condition::authentication);
            });
            CHECK(lines_with(server.access_log_with(" 401\n", 3), " 401\n") == 3);
        }
}

TEST_CASE("Digest goes on when the server has forgotten its nonces")
{
    apache_options o;
    o.auth = apache_options::login::digest;
    apache server(o);
    support::write_file(server.dav() / "a", "text");
    with_client(settings_for(server), [&](http::client& c) -> task<void> {
        auto text = co_await text_of(c, http::request("GET", http::url(server.url("/dav/a"))));
        CHECK(text == "200 text");
        server.stop();
        server.start(); // makes a new secret for nonces
        text = co_await text_of(c, http::request("GET", http::url(server.url("/dav/a"))));
        CHECK(text == "200 text");
    });
}

TEST_CASE("Basic needs the caller's word where there is no TLS")
{
    apache_options o;
    o.auth = apache_options::login::basic;
    apache const server(o);
    auto         s          = settings_for(server);
    s.rules.allow_plaintext = false;
    with_client(s, [&](http::client& c) -> task<void> {
        auto const code = co_await code_of(c, http::request("GET", http::url(server.url("/dav/a"))));
        CHECK(code == http::errc::auth_not_allowed);
    });
}

TEST_CASE("certificates: of whom nobody is trusted, and for another name")
{
    apache_options o;
    o.tls = certs().server();
    apache const server(o);
    with_client(http::client_settings(), [&](http::client& c) -> task<void> {
        auto const code = co_await code_of(c, http::request("GET", http::url(server.url("/plain/"))));
        CHECK(code == condition::tls);
    });
    with_client(settings_for(server), [&](http::client& c) -> task<void> {
        auto const status = co_await status_of(c, http::request("GET", http::url(server.url("/plain/none", "127.0.0.1"))));
        CHECK(status == 404);
    });
    support::certificate_request other;
    other.names = {"DNS:other.example.test"};
    support::certificates authority;
    o.tls = authority.issue("other", other);
    apache const stranger(o);
    auto         s = settings_for(stranger);
    s.tls.ca_file  = authority.ca();
    with_client(s, [&](http::client& c) -> task<void> {
        auto const code = co_await code_of(c, http::request("GET", http::url(stranger.url("/plain/"))));
        CHECK(code == condition::tls);
    });
}

TEST_CASE("redirects")
{
    apache_options o;
    o.extra = "Redirect 302 /entry /plain/home?\n"
              "Redirect 307 /moved /dav/moved\n"
              "Redirect 301 /loop /loop\n"
              "Redirect 308 /away http://localhost:1/\n"
              "Redirect 303 /see /plain/home\n";
    apache const server(o);
    support::write_file(server.plain() / "home", "home");
    with_client(settings_for(server), [&](http::client& c) -> task<void> {
        auto answer = co_await c.get(http::url(server.url("/entry")));
        CHECK(answer.url() == http::url(server.url("/plain/home?")));
        CHECK(answer.redirects() == 1);
        auto text = co_await answer.text();
        CHECK(text == "home");
        auto const status = co_await status_of(c, with_body("PUT", server.url("/moved"), "went along"));
        CHECK(status == 201);
        text = support::read_file(server.dav() / "moved");
        CHECK(text == "went along");
        auto code = co_await code_of(c, http::request("GET", http::url(server.url("/loop"))));
        CHECK((code == http::errc::redirect_loop || code == http::errc::too_many_redirects));
        code = co_await code_of(c, with_body("PUT", server.url("/away"), "mail"));
        CHECK(code == http::errc::redirect_refused);
        text = co_await text_of(c, with_body("POST", server.url("/see"), "x"));
        CHECK(text == "200 home");
    });
}

TEST_CASE("a redirect to another server takes no login along, and one from https to http is not followed")
{
    std::string const with_logins = "CustomLog access.log \"login [%{Authorization}i]\"\n";
    apache_options    o;
    o.extra = with_logins;
    apache const other(o);
    support::write_file(other.plain() / "home", "over there");
    for (bool const secure : {false, true})
    {
        o.auth  = apache_options::login::basic;
        o.extra = with_logins + "Redirect 302 /dav/entry " + other.url("/plain/home") + '\n';
        if (secure)
            o.tls = certs().server();
        apache const server(o);
        support::write_file(server.dav() / "a", "here");
        auto settings        = settings_for(server);
        settings.tls.ca_file = certs().ca();
        with_client(settings, [&](http::client& c) -> task<void> {
            auto text = co_await text_of(c, http::request("GET", http::url(server.url("/dav/a"))));
            CHECK(text == "200 here");
            if (!secure)
            {
                text = co_await text_of(c, http::request("GET", http::url(server.url("/dav/entry"))));
                CHECK(text == "200 over there");
            }
            else
            {
                auto const code = co_await code_of(c, http::request("GET", http::url(server.url("/dav/entry"))));
                CHECK(code == http::errc::redirect_downgrade);
            }
        });
        CHECK(server.access_log_with("login [Basic ", 1).find("login [Basic ") != std::string::npos);
    }
    auto const seen = other.access_log_with("login [-]", 1);
    CHECK(seen.find("GET /plain/home 200") != std::string::npos);
    CHECK(seen.find("GET /plain/home 200") == seen.rfind("GET /plain/home 200")); // once
    CHECK(seen.find("login [-]") != std::string::npos);
    CHECK(seen.find("login [Basic") == std::string::npos);
}

TEST_CASE("Expect: 100-continue is answered, or refused before the body goes")
{
    apache_options o;
    o.auth  = apache_options::login::basic;
    o.extra = "LimitRequestBody 1000\n";
    apache const server(o);
    with_client(settings_for(server), [&](http::client& c) -> task<void> {
        std::uint64_t sent = 0;
        auto          r    = with_body("PUT", server.url("/dav/a"), "hello");
        r.expect_continue  = true;
        r.on_upload        = [&sent](std::uint64_t n, std::optional<std::uint64_t>) { sent = n; };
        auto status        = co_await status_of(c, r);
        CHECK(status == 201);
        CHECK(sent == 5);
        CHECK(support::read_file(server.dav() / "a") == "hello");
        sent   = 0;
        r      = with_body("PUT", server.url("/dav/b"), std::string(100'000, 'x'));
        r.expect_continue = true;
        r.on_upload       = [&sent](std::uint64_t n, std::optional<std::uint64_t>) { sent = n; };
        status            = co_await status_of(c, r);
        CHECK(status == 413);
        CHECK(sent == 0);
    });
}

TEST_CASE("the server's limits for kept connections are no failures")
{
    apache_options o;
    o.extra = "KeepAlive On\nMaxKeepAliveRequests 3\n";
    apache const server(o);
    support::write_file(server.plain() / "a", "text");
    with_client(settings_for(server), [&](http::client& c) -> task<void> {
        for (int i = 0; i != 9; ++i)
        {
            auto const text = co_await text_of(c, http::request("GET", http::url(server.url("/plain/a"))));
            CHECK(text == "200 text");
        }
        CHECK(c.connections() == 3);
    });
    apache_options off;
    off.extra = "KeepAlive Off\n";
    apache const closing(off);
    support::write_file(closing.plain() / "a", "text");
    with_client(settings_for(closing), [&](http::client& c) -> task<void> {
        for (int i = 0; i != 2; ++i)
        {
            auto const text = co_await text_of(c, http::request("GET", http::url(closing.url("/plain/a"))));
            CHECK(text == "200 text");
        }
        CHECK(c.connections() == 2);
    });
}

TEST_CASE("a server that was started anew is connected to anew")
{
    apache server;
    support::write_file(server.plain() / "a", "text");
    with_client(settings_for(server), [&](http::client& c) -> task<void> {
        auto text = co_await text_of(c, http::request("GET", http::url(server.url("/plain/a"))));
        CHECK(text == "200 text");
        server.stop();
        server.start();
        text = co_await text_of(c, with_body("PUT", server.url("/dav/x"), "y"));
        CHECK(text.substr(0, 3) == "201");
        CHECK(c.connections() == 2);
    });
}

TEST_CASE("large bodies, of known and unknown size, and an answer in chunks")
{
    apache_options o;
    o.tls     = certs().server();
    o.modules = {"sed", "filter"};
    o.extra   = "<Location /plain/>\n  AddOutputFilter Sed .txt\n  OutputSed \"s/a/b/\"\n</Location>\n"; // changes the length, so it is not told
    apache const server(o);
    std::string  lines;
    for (int i = 0; i != 100'000; ++i)
        lines += "abc\n";
    support::write_file(server.plain() / "lines.txt", lines);
    with_client(settings_for(server), [&](http::client& c) -> task<void> {
        auto              r    = with_body("PUT", server.url("/dav/large"), std::string(std::size_t(8) << 20U, 'z'));
        auto              done = co_await status_of(c, r);
        CHECK(done == 201);
        auto big = co_await c.get(http::url(server.url("/dav/large")));
        std::uint64_t n = 0;
        for (;;)
        {
            auto const block = co_await big.next();
            if (block.empty())
                break;
            n += static_cast<std::uint64_t>(std::count(block.begin(), block.end(), 'z'));
        }
        CHECK(n == std::uint64_t(8) << 20U);
        http::request chunked("PUT", http::url(server.url("/dav/chunked")));
        chunked.body = std::make_shared<generator_source>(blocks(100));
        done         = co_await status_of(c, chunked);
        CHECK(done == 201);
        CHECK(support::read_file(server.dav() / "chunked").size() == 1'000'000);
        auto answer = co_await c.get(http::url(server.url("/plain/lines.txt")));
        CHECK(answer.fields().get("Transfer-Encoding") == "chunked");
        auto const text = co_await answer.text();
        CHECK(text.size() == lines.size());
        CHECK(text.substr(0, 8) == "bbc\nbbc\n");
        CHECK(c.connections() == 1);
    });
}

TEST_CASE("cookies of a server come back to it")
{
    apache_options o;
    o.modules = {"headers", "rewrite"};
    o.extra   = "Header set Set-Cookie \"s=1; Path=/plain/\"\n"
                "RewriteEngine On\nRewriteCond %{HTTP_COOKIE} !s=1\nRewriteRule ^/plain/guarded$ - [F]\n";
    apache const server(o);
    support::write_file(server.plain() / "guarded", "in");
    support::write_file(server.plain() / "login", "welcome");
    with_client(settings_for(server), [&](http::client& c) -> task<void> {
        auto text = co_await text_of(c, http::request("GET", http::url(server.url("/plain/guarded"))));
        CHECK(text.substr(0, 3) == "403");
        CHECK(c.cookies().size() == 0); // not set on errors
        text = co_await text_of(c, http::request("GET", http::url(server.url("/plain/login"))));
        CHECK(text == "200 welcome");
        text = co_await text_of(c, http::request("GET", http::url(server.url("/plain/guarded"))));
        CHECK(text == "200 in");
        CHECK(c.cookies().size() == 1);
    });
}

TEST_SUITE_END();
