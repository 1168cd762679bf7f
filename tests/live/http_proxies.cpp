//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The HTTP client by way of real proxies, to Apache httpd, in the clear and under TLS.

#include <posthorn/coro/task.hpp>
#include <posthorn/http/client.hpp>
#include <posthorn/net/error.hpp>
#include <posthorn/net/proxy.hpp>

#include <doctest/doctest.h>

#include <support/apache.hpp>
#include <support/certs.hpp>
#include <support/proxies.hpp>
#include <support/run_task.hpp>
#include <support/temp_dir.hpp>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

using namespace posthorn;
using support::apache;
using support::apache_options;
using support::proxy;

TEST_SUITE_BEGIN("live/http_proxies");

namespace {

struct outcome
{
    outcome() = default;

    std::string     text; ///< Of two requests.
    std::error_code code;
};

/// Two requests, logged in at the server by Digest.
outcome ask(std::string const& by, apache const& server, std::filesystem::path const& ca)
{
    http::client_settings s;
    s.proxy         = net::proxy_settings(by);
    s.tls.ca_file   = ca;
    s.login         = sasl::credentials("alice", secret_string("open sesame"));
    s.rules.origins = {http::url(server.url("/")).origin()};
    return support::run([&]() -> task<outcome> {
        outcome      o;
        http::client c(std::move(s));
        for (int i = 0; i != 2 && !o.code; ++i)
        {
            try
            {
                auto answer = co_await c.get(http::url(server.url("/dav/a")));
                auto text   = co_await answer.text();
                o.text += std::to_string(answer.status()) + ' ' + text + ' ';
            }
            catch (http::request_error const& e)
            {
                o.code = e.code();
                CHECK(std::string(e.what()).find("secret") == std::string::npos);
            }
        }
        co_return o;
    });
}

} // namespace

TEST_CASE("tinyproxy: absolute targets and CONNECT, with Basic and without; microsocks")
{
    support::certificates const certs;
    auto const                  open   = proxy::tinyproxy("");
    auto const                  closed = proxy::tinyproxy("user secret");
    auto const                  socks  = proxy::microsocks();
    auto const                  at     = [](proxy const& p) { return "localhost:" + std::to_string(p.port); };
    for (bool const tls : {false, true})
    {
        CAPTURE(tls);
        apache_options o;
        o.auth = apache_options::login::digest;
        if (tls)
            o.tls = certs.server();
        apache const server(o);
        support::write_file(server.dav() / "a", "text");
        CHECK(ask("http://" + at(*open), server, certs.ca()).text == "200 text 200 text ");
        CHECK(ask("http://user:secret@" + at(*closed), server, certs.ca()).text == "200 text 200 text ");
        CHECK(ask("socks5://" + at(*socks), server, certs.ca()).text == "200 text 200 text ");
        CHECK(ask("socks5h://" + at(*socks), server, certs.ca()).text == "200 text 200 text ");
        auto const wrong = ask("http://user:wrong@" + at(*closed), server, certs.ca());
        if (tls)
            CHECK(wrong.code == net::errc::proxy_login_refused);
        else
            CHECK(wrong.code == condition::authentication);
        auto const none = ask("http://" + at(*closed), server, certs.ca());
        if (tls)
            CHECK(none.code == net::errc::proxy_login_refused);
        else
            CHECK(none.text.substr(0, 3) == "407"); // the proxy's response, as there is nothing to answer it with
    }
}

TEST_SUITE_END();
