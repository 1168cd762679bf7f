//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/protocol_log.hpp>

#include <posthorn/coro/this_coro.hpp>
#include <posthorn/http/client.hpp>

#include <doctest/doctest.h>

#include <support/http_server.hpp>
#include <support/run_task.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

using namespace posthorn;
using support::http_response;

TEST_SUITE_BEGIN("http/protocol_log");

namespace {

using handler = std::function<support::http_answer(support::http_request const&)>;

/// What the log says while `r` is sent and its answer is read.
std::string log_of(handler h, http::request r)
{
    std::string all;
    support::run([&]() -> task<void> {
        auto const           ex = co_await this_coro::executor;
        support::http_server server(ex, std::move(h));
        r.url = server.url("/mail");
        http::client_settings s;
        s.login                 = {"alice", "open sesame"};
        s.rules.allow_plaintext = true;
        s.rules.origins         = {r.url.origin()};
        s.on_event              = http::protocol_log([&all](std::string_view line) { all.append(line).append("\n"); });
        {
            http::client web(s);
            auto         answer = co_await web.send(std::move(r));
            auto const   text   = co_await answer.text();
            CHECK(answer.status() == 207);
            CHECK(text.size() == 15);
        }
        auto const host = server.url().origin().authority();
        for (auto at = all.find(host); at != all.npos; at = all.find(host))
            all.replace(at, host.size(), "HOST");
    });
    return all;
}

} // namespace

TEST_CASE("heads and XML are shown; secrets are not, nor is what is no XML")
{
    auto const answer = [](support::http_request const& r) -> support::http_answer {
        if (!r.field("Authorization"))
            return http_response("401 Unauthorized", "no", "WWW-Authenticate: Basic realm=\"x\"\r\nContent-Type: text/html\r\n");
        return http_response("207 Multi-Status", "<a>\r\n\t<b/>\x01</a>", "Content-Type: text/xml; charset=utf-8\r\nSet-Cookie: id=1234\r\n");
    };
    http::request r("PROPFIND", http::url());
    r.fields.set("X-Api-Key", "5678");
    r.set_body("<q/>", "application/xml");
    auto const text = log_of(answer, r);
    auto const ask  = [](std::string const& login) {
        return "C: PROPFIND /mail HTTP/1.1\nC: Host: HOST\nC: User-Agent: posthorn\nC: X-Api-Key: [hidden]\n"
               "C: Content-Type: application/xml\n" + login + "C: Content-Length: 4\nC: \nC: <q/>\n";
    };
    CHECK(text == ask("") +
                      "S: HTTP/1.1 401 Unauthorized\nS: WWW-Authenticate: Basic realm=\"x\"\nS: Content-Type: text/html\n"
                      "S: Content-Length: 2\nS: \nS: [2 octets]\n" +
                      ask("C: Authorization: Basic [hidden]\n") +
                      "S: HTTP/1.1 207 Multi-Status\nS: Content-Type: text/xml; charset=utf-8\nS: Set-Cookie: [hidden]\n"
                      "S: Content-Length: 15\nS: \nS: <a>\nS: \t<b/>\\x01</a>\n");
}

TEST_CASE("forms and messages are shown by their size only, small and large ones")
{
    for (std::size_t const size : {7U, 100'000U})
    {
        http::request r("POST", http::url());
        r.set_body(std::string(size, 'p'), "application/x-www-form-urlencoded");
        auto const text = log_of(
            [](auto const&) -> support::http_answer { return http_response("207 Multi-Status", "From: ab\r\n\r\nb\r\n"); }, r);
        CHECK(text.find("C: [" + std::to_string(size) + " octets]\n") != text.npos);
        CHECK(text.find("S: [15 octets]\n") != text.npos);
        CHECK(text.find("ppp") == text.npos);
        CHECK(text.find("From") == text.npos);
    }
}

TEST_CASE("which fields let others in")
{
    for (auto const* name : {"Authorization", "proxy-authorization", "Cookie", "Set-Cookie", "X-Auth-Token", "X-Password", "Api-Key"})
        CHECK(http::is_secret_field(name));
    for (auto const* name : {"WWW-Authenticate", "Authentication-Info", "Depth", "Content-Type"})
        CHECK_FALSE(http::is_secret_field(name));
    CHECK(http::public_value("Authorization", "Bearer abc") == "Bearer [hidden]");
    CHECK(http::public_value("Authorization", "abc") == "[hidden]");
    CHECK(http::public_value("Cookie", "a b") == "[hidden]");
    CHECK(http::public_value("Depth", "0") == "0");
}
