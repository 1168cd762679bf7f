//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/metrics.hpp>
#include <posthorn/smtp/pool.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include <support/dialogue.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using smtp::disposition;
using smtp::overall;
using support::lines;
using testing::script;
using testing::smtp_reply;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("smtp/metrics");

namespace {

using counters = std::shared_ptr<smtp::metrics>;

std::map<std::string, std::uint64_t> all_of(smtp::metrics const& m)
{
    std::map<std::string, std::uint64_t> all;
    m.each([&](std::string_view name, std::string_view label, std::uint64_t value) {
        std::string key(name);
        if (!label.empty())
            key += '/' + std::string(label);
        CHECK(all.count(key) == 0);
        all[key] = value;
    });
    return all;
}

/// Three messages over TLS with a login, then two more on a second connection.
task<void> work(counters c)
{
    auto const         ex = co_await this_coro::executor;
    smtp_sink_settings server;
    server.tls                        = smtp_sink_settings::tls_mode::starttls;
    server.tls_context                = support::server_tls();
    server.users["user"]              = "secret";
    server.refuse["no@y.test"]        = smtp_reply(550, "5.1.1 nobody");
    server.refuse["later@y.test"]     = smtp_reply(450, "4.2.1 later");
    smtp_sink sink(ex, server);
    sink.start();
    auto s             = support::client_settings(sink.port());
    s.tls              = smtp::tls_mode::required;
    s.login            = sasl::credentials("user", secret_string("secret"));
    s.session.on_event = smtp::count_events(c);
    smtp::client client(s);

    smtp::message const good("a@b.test", {"x@y.test"}, "Subject: t\r\n\r\nHello\r\n");
    smtp::message const mixed("a@b.test", {"x@y.test", "no@y.test", "later@y.test"}, "Subject: t\r\n\r\nHello\r\n");
    smtp::message const bad("a@b.test", {"no@y.test"}, "Subject: t\r\n\r\nHello\r\n");
    std::ignore = co_await client.send(good);
    std::ignore = co_await client.send(mixed);
    std::ignore = co_await client.send(bad);
    co_await client.quit();
    std::ignore = co_await client.send(good);
    std::ignore = co_await client.send(good);
    co_await client.quit();
    co_await sink.until_idle();

    CHECK(c->connections() == sink.totals().connections);
    CHECK(c->connections() == 2);
    CHECK(c->secured() == sink.totals().secured);
    CHECK(c->logins() == 2);
    CHECK(c->lost() == 0);
    CHECK(c->commands() == sink.totals().commands);
    CHECK(c->retries() == 0);
    CHECK(c->messages(overall::accepted) == 3);
    CHECK(c->messages(overall::partial) == 1);
    CHECK(c->messages(overall::refused) == 1);
    CHECK(c->messages(overall::temporary) == 0);
    CHECK(c->messages(overall::accepted) + c->messages(overall::partial) == sink.totals().messages);
    CHECK(c->recipients(disposition::accepted) == sink.totals().recipients);
    CHECK(c->recipients(disposition::accepted) == 4);
    CHECK(c->recipients(disposition::refused_permanently) == 2);
    CHECK(c->recipients(disposition::refused_temporarily) == 1);
    CHECK(c->recipients(disposition::not_sent) == 0);
    CHECK(c->bytes() >= sink.totals().octets);
    CHECK(c->replies() > c->commands()); // greetings, ends of content
    CHECK(c->round_trips() >= 5);
    CHECK(sink.violations() == lines());
}

} // namespace

TEST_CASE("counters agree with what the server saw")
{
    auto const c = std::make_shared<smtp::metrics>();
    sync_wait(with_timeout(work(c), support::no_hang));
    auto const all = all_of(*c);
    CHECK(all.at("connections") == c->connections());
    CHECK(all.at("tls_handshakes") == c->secured());
    CHECK(all.at("tls_resumptions") == c->resumed());
    CHECK(all.at("logins") == 2);
    CHECK(all.at("commands") == c->commands());
    CHECK(all.at("replies") == c->replies());
    CHECK(all.at("round_trips") == c->round_trips());
    CHECK(all.at("content_bytes") == c->bytes());
    CHECK(all.at("messages/accepted") == 3);
    CHECK(all.at("messages/partial") == 1);
    CHECK(all.at("recipients/accepted") == 4);
    CHECK(all.at("recipients/refused_permanently") == 2);
}

TEST_CASE("every counter has a name of its own, and begins with nothing")
{
    smtp::metrics const none;
    auto const          all = all_of(none);
    std::set<std::string> names;
    for (auto const& [name, value] : all)
    {
        CHECK(value == 0);
        names.insert(name);
        CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_/") == std::string::npos);
    }
    CHECK(names == std::set<std::string> {"connections", "tls_handshakes", "tls_resumptions", "logins", "connections_lost", "commands",
                                          "replies", "round_trips", "content_bytes", "retries", "messages/accepted", "messages/partial",
                                          "messages/refused", "messages/temporary", "messages/in_doubt", "messages/not_sent",
                                          "recipients/accepted", "recipients/refused_permanently", "recipients/refused_temporarily",
                                          "recipients/not_sent", "recipients/in_doubt"});
}

TEST_CASE("lost connections, moves and doubt are counted")
{
    auto const c        = std::make_shared<smtp::metrics>();
    auto const envelope = script().expect_prefix("MAIL").reply("250 ok").expect_prefix("RCPT").reply("250 ok").expect("DATA").reply("354 go").expect_data();
    auto const whole    = script().then(envelope).reply("250 queued");
    auto const result   = support::serve(
        {script().opening().then(whole).expect_prefix("MAIL").reply("421 bye").close(),
         script().opening().then(whole).then(envelope).close()},
        [&](smtp::client& client) -> task<void> {
            auto const m = support::mail();
            std::ignore  = co_await client.send(m);
            auto const r = co_await client.send(m); // moves
            CHECK(r.all_accepted());
            auto const e = co_await support::send_failure_of(client.send(m));
            REQUIRE(e);
            CHECK(e->report().outcome() == overall::in_doubt);
        },
        [&](smtp::client_settings& s) { s.session.on_event = smtp::count_events(c); });
    CHECK_PLAYED(result);
    CHECK(c->connections() == 2);
    CHECK(c->lost() == 2);
    CHECK(c->retries() == 1);
    CHECK(c->messages(overall::in_doubt) == 1);
    CHECK(c->messages(overall::accepted) == 2);
    CHECK(c->recipients(disposition::in_doubt) == 1);
    // Every move was reported as finished once more than there are messages.
    std::uint64_t finished = 0;
    for (auto const o : {overall::accepted, overall::partial, overall::refused, overall::temporary, overall::in_doubt, overall::not_sent})
        finished += c->messages(o);
    CHECK(finished - c->retries() == 3);
}

namespace {

task<void> put_off(counters c)
{
    auto const         ex = co_await this_coro::executor;
    smtp_sink_settings server;
    int                left = 3;
    server.on_mail          = [&left](auto const&) { return left-- > 0 ? smtp_reply(451, "4.7.1 slow down") : smtp_reply(); };
    smtp_sink sink(ex, server);
    sink.start();
    smtp::pool_settings s(support::client_settings(sink.port()));
    s.client.session.on_event = smtp::count_events(c);
    s.throttle_pause          = 1ms;
    smtp::pool pool(ex, s);
    auto const m = support::mail();
    auto const r = co_await pool.send(m);
    CHECK(r.all_accepted());
    co_await pool.drain();
}

} // namespace

TEST_CASE("messages that a pool tries again are counted like those that move")
{
    auto const c = std::make_shared<smtp::metrics>();
    sync_wait(with_timeout(put_off(c), support::no_hang));
    CHECK(c->retries() == 3);
    CHECK(c->messages(overall::temporary) == 3);
    CHECK(c->messages(overall::accepted) == 1);
}

TEST_CASE("a handler that counts passes events on")
{
    auto const  c    = std::make_shared<smtp::metrics>();
    std::size_t seen = 0;
    auto const  h    = smtp::count_events(c, [&](smtp::event const&) { ++seen; });
    h(smtp::events::moved {});
    h(smtp::events::connected {"x"});
    h(smtp::events::secured {"TLSv1.3", "x", true, true});
    h(smtp::events::secured {"TLSv1.3", "x", true, false});
    h(smtp::events::authenticated {"PLAIN"});
    h(smtp::events::progress {5, 5, std::nullopt});
    h(smtp::events::closed {std::make_error_code(std::errc::connection_reset)});
    h(smtp::events::closed {std::error_code()});
    CHECK(seen == 8);
    CHECK(c->retries() == 1);
    CHECK(c->connections() == 1);
    CHECK(c->secured() == 2);
    CHECK(c->resumed() == 1);
    CHECK(c->logins() == 1);
    CHECK(c->bytes() == 5);
    CHECK(c->lost() == 1);
    smtp::count_events(c)(smtp::events::moved {});
    CHECK(c->retries() == 2);
}

TEST_CASE("many threads count, and nothing is lost")
{
    auto const                 c = std::make_shared<smtp::metrics>();
    auto const                 h = smtp::count_events(c);
    constexpr std::uint64_t    each = 20000;
    std::vector<std::thread>   threads;
    smtp::report const         none;
    for (int t = 0; t != 8; ++t)
        threads.emplace_back([&] {
            for (std::uint64_t i = 0; i != each; ++i)
            {
                h(smtp::events::moved {});
                h(smtp::events::progress {3, 3, std::nullopt});
                h(smtp::events::finished {none});
            }
        });
    std::uint64_t last = 0;
    for (int i = 0; i != 1000; ++i)
    {
        auto const now = c->retries(); // only grows
        CHECK(now >= last);
        last = now;
    }
    for (auto& t : threads)
        t.join();
    CHECK(c->retries() == 8 * each);
    CHECK(c->bytes() == 8 * each * 3);
    CHECK(c->messages(overall::not_sent) == 8 * each);
}

TEST_SUITE_END();
