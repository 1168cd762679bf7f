//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Real proxies: microsocks and tinyproxy, with a login and without, in front of a sink.

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/net/error.hpp>
#include <posthorn/net/proxy.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include <support/dialogue.hpp>
#include <support/proxies.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using namespace posthorn;
using support::proxy;
using testing::smtp_sink;

TEST_SUITE_BEGIN("live/proxies");

namespace {

struct outcome
{
    bool            sent = false;
    std::error_code code;
    std::string     text;
};

task<void> send(smtp::client_settings settings, outcome& into)
{
    smtp::client        client(std::move(settings));
    smtp::message const mail("a@b.test", {"x@y.test"}, "Subject: by way of a proxy\r\n\r\nHello\r\n");
    try
    {
        auto const report = co_await client.send(mail);
        into.sent         = report.all_accepted();
    }
    catch (error const& e)
    {
        into.code = e.code();
        into.text = e.what();
    }
    co_await client.quit();
}

outcome send_by(std::string const& url, std::uint16_t server, bool tls)
{
    outcome o;
    auto    s = support::client_settings(server);
    s.server  = net::host_port(std::string("localhost"), server);
    s.proxy   = net::proxy_settings(url);
    if (tls)
    {
        s.tls                     = smtp::tls_mode::required;
        s.tls_settings.resumption = false;
    }
    sync_wait(send(std::move(s), o));
    return o;
}

testing::smtp_sink_settings with_tls()
{
    testing::smtp_sink_settings s;
    s.tls         = testing::smtp_sink_settings::tls_mode::starttls;
    s.tls_context = support::server_tls();
    return s;
}

std::string url(std::string const& scheme, std::string const& login, proxy const& p)
{
    return scheme + "://" + login + "127.0.0.1:" + std::to_string(p.port);
}

} // namespace

TEST_CASE("SOCKS5 by microsocks, with a password and without, names looked up here and there")
{
    testing::server_thread<smtp_sink> sink(with_tls());
    auto const                        open = proxy::microsocks();
    for (auto const* scheme : {"socks5", "socks5h"})
    {
        CAPTURE(std::string(scheme));
        CHECK(send_by(url(scheme, "", *open), sink->port(), false).sent);
        auto const secured = send_by(url(scheme, "", *open), sink->port(), true);
        INFO(secured.text);
        CHECK(secured.sent);
    }
    auto const closed = proxy::microsocks({"-u", "user", "-P", "pass word"});
    CHECK(send_by(url("socks5h", "user:pass%20word@", *closed), sink->port(), true).sent);
    auto const wrong = send_by(url("socks5h", "user:wrong@", *closed), sink->port(), true);
    CHECK(wrong.code == net::errc::proxy_login_refused);
    auto const none = send_by(url("socks5h", "", *closed), sink->port(), true);
    CHECK(none.code == net::errc::proxy_login_refused);
    CHECK(none.text.find("by way of 127.0.0.1:") != none.text.npos);
    auto const nobody = send_by(url("socks5h", "", *open), support::free_port(), true);
    CHECK(nobody.code == net::errc::proxy_refused);
    CHECK(nobody.code == condition::unreachable);
    CHECK(sink->totals().messages == 5);
    CHECK(sink->violations().empty());
}

TEST_CASE("CONNECT by tinyproxy, with Basic and without")
{
    testing::server_thread<smtp_sink> sink(with_tls());
    auto const                        open = proxy::tinyproxy("");
    CHECK(send_by(url("http", "", *open), sink->port(), false).sent);
    auto const secured = send_by(url("http", "", *open), sink->port(), true);
    INFO(secured.text);
    CHECK(secured.sent);
    auto const closed = proxy::tinyproxy("user password");
    CHECK(send_by(url("http", "user:password@", *closed), sink->port(), true).sent);
    auto const wrong = send_by(url("http", "user:wrong@", *closed), sink->port(), true);
    INFO(wrong.text);
    CHECK(wrong.code);
    CHECK((wrong.code == net::errc::proxy_login_refused || wrong.code == net::errc::proxy_refused));
    auto const none = send_by(url("http", "", *closed), sink->port(), true);
    CHECK(none.code == net::errc::proxy_login_refused);
    auto const nobody = send_by(url("http", "", *open), support::free_port(), true);
    CHECK(nobody.code == net::errc::proxy_refused);
    CHECK(sink->totals().messages == 3);
    CHECK(sink->violations().empty());
}

TEST_CASE("a proxy that is not there is unreachable, and the error names it")
{
    auto const o = send_by("socks5h://127.0.0.1:" + std::to_string(support::free_port()), 2525, true);
    CHECK(o.code == condition::unreachable);
    CHECK(o.text.find("127.0.0.1") != o.text.npos);
}

TEST_SUITE_END();
