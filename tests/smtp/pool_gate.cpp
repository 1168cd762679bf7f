//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/error.hpp>
#include <posthorn/smtp/detail/pool_gate.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

using namespace posthorn;
using namespace std::chrono_literals;
using smtp::disposition;
using smtp::phase;
using smtp::detail::pool_gate;

TEST_SUITE_BEGIN("smtp/pool_gate");

namespace {

using moment = pool_gate::clock::time_point;

constexpr moment start {std::chrono::hours(1)};

smtp::pool_settings settings(std::size_t connections = 5)
{
    smtp::pool_settings s;
    s.max_connections = connections;
    return s;
}

smtp::reply reply_of(std::string line)
{
    line += "\r\n";
    smtp::reply        r;
    smtp::reply_parser parser;
    std::error_code    ec;
    parser.parse(line, r, ec);
    CHECK(parser.done());
    return r;
}

smtp::session_error failure(std::error_code code, phase where, std::string line = {})
{
    if (line.empty())
        return smtp::session_error(code, where, error_context());
    auto const r = reply_of(std::move(line));
    return smtp::session_error(code, where, error_context(), &r);
}

bool complains(std::string line)
{
    auto const r = reply_of(std::move(line));
    return smtp::detail::complains_about_load(r.code(), r.enhanced());
}

/// The report of a message to two, both decided by one reply.
smtp::report report(disposition d, phase where, std::string line)
{
    smtp::message const m("a@b.test", {"x@y.test", "z@y.test"}, "Subject: t\r\n\r\n");
    auto const          said = reply_of(std::move(line));
    smtp::report        r;
    smtp::transaction::reset(r, m.envelope);
    for (auto& one : r.recipients())
    {
        one.outcome  = d;
        one.phase    = where;
        one.code     = said.code();
        one.enhanced = said.enhanced();
    }
    return r;
}

} // namespace

TEST_CASE("which replies complain about load and which about the message")
{
    for (std::string_view const line :
         {"421 bye", "421 4.2.1 bye", "432 later", "451 4.7.1 slow down", "451 4.7.0 x", "454 4.7.0 x", "450 4.3.2 full", "451 4.3.2 full"})
    {
        CAPTURE(line);
        CHECK(complains(std::string(line)));
    }
    // 450 4.7.x is how greylisting and policies about one sender speak.
    for (std::string_view const line : {"250 ok", "354 go", "450 later", "450 4.7.1 greylisted", "450 4.2.0 x", "451 later",
                                        "451 4.2.2 full", "451 4.3.0 x", "452 4.3.1 no space", "454 TLS", "550 5.7.1 no", "552 5.3.4 big"})
    {
        CAPTURE(line);
        CHECK(!complains(std::string(line)));
    }
}

TEST_CASE("a message was put off only if nothing of it was judged")
{
    using smtp::detail::put_off;
    CHECK(put_off(report(disposition::refused_temporarily, phase::mail, "451 4.7.1 x")));
    CHECK(put_off(report(disposition::not_sent, phase::mail, "421 x")));
    CHECK(put_off(report(disposition::not_sent, phase::prepare, "421 x")));
    CHECK(!put_off(report(disposition::refused_temporarily, phase::rcpt, "451 4.7.1 x"))); // greylisting
    CHECK(!put_off(report(disposition::not_sent, phase::rcpt, "421 x")));
    CHECK(!put_off(report(disposition::refused_temporarily, phase::content, "451 4.3.2 x")));
    CHECK(!put_off(report(disposition::in_doubt, phase::mail, "421 x")));
    CHECK(!put_off(report(disposition::accepted, phase::mail, "421 x")));
    CHECK(!put_off(report(disposition::refused_permanently, phase::mail, "550 5.7.1 x")));
    CHECK(!put_off(smtp::report()));
    auto r = report(disposition::refused_temporarily, phase::mail, "451 4.7.1 x");
    r.recipients()[1].code = 450;
    CHECK(!put_off(r));

    CHECK(smtp::detail::closed_upon(report(disposition::in_doubt, phase::content, "421 x")));
    CHECK(!smtp::detail::closed_upon(report(disposition::accepted, phase::content, "250 x")));
}

TEST_CASE("connections can be put off as well")
{
    using smtp::detail::put_off;
    CHECK(put_off(failure(smtp::errc::service_unavailable, phase::greeting)));
    CHECK(put_off(failure(smtp::errc::service_unavailable, phase::auth)));
    CHECK(put_off(failure(smtp::errc::greeting_deferred, phase::greeting)));
    CHECK(put_off(failure(smtp::errc::connection_used_up, phase::mail)));
    CHECK(put_off(failure(smtp::errc::auth_temporary, phase::auth, "454 4.7.0 x")));
    CHECK(put_off(failure(smtp::errc::auth_temporary, phase::auth, "432 x")));
    CHECK(!put_off(failure(smtp::errc::auth_temporary, phase::auth, "454 x")));
    CHECK(!put_off(failure(smtp::errc::auth_temporary, phase::auth)));
    CHECK(!put_off(failure(smtp::errc::service_unavailable, phase::content)));
    CHECK(!put_off(failure(smtp::errc::greeting_refused, phase::greeting)));
    CHECK(!put_off(failure(smtp::errc::auth_failed, phase::auth, "535 5.7.8 x")));
    CHECK(!put_off(failure(posthorn::errc::connection_lost, phase::greeting)));
}

TEST_CASE("the limit shrinks to fewer than there were, and grows one at a time after quiet times")
{
    auto s     = settings(8);
    s.recovery = 10s;
    pool_gate gate(s);
    CHECK(gate.limit() == 8);
    CHECK(gate.has_room(7));
    CHECK(!gate.has_room(8));

    gate.throttle(5, start);
    CHECK(gate.limit() == 4);
    CHECK(gate.throttled() == 1);
    CHECK(!gate.has_room(4));
    // Three of five complain at once: two remain.
    gate.throttle(4, start);
    gate.throttle(3, start + 1s);
    CHECK(gate.limit() == 2);
    gate.throttle(5, start + 1s); // more than the limit are still inside
    CHECK(gate.limit() == 1);
    gate.throttle(1, start + 2s);
    CHECK(gate.limit() == 1);
    CHECK(gate.has_room(0));
    CHECK(gate.throttled() == 5);

    gate.succeed(start + 11s);
    CHECK(gate.limit() == 1);
    gate.succeed(start + 12s);
    CHECK(gate.limit() == 2);
    gate.succeed(start + 12s); // each step takes its time
    gate.succeed(start + 21s);
    CHECK(gate.limit() == 2);
    gate.succeed(start + 22s);
    CHECK(gate.limit() == 3);
    gate.throttle(3, start + 23s);
    CHECK(gate.limit() == 2);
    for (int i = 0; i != 20; ++i)
        gate.succeed(start + 1h + i * 10s);
    CHECK(gate.limit() == 8);
}

TEST_CASE("there is always room for one")
{
    auto const none = settings(0);
    pool_gate  gate(none);
    CHECK(gate.limit() == 1);
    CHECK(gate.has_room(0));
    gate.throttle(1, start);
    gate.throttle(0, start);
    CHECK(gate.limit() == 1);
    gate.succeed(start + 1h);
    CHECK(gate.limit() == 1);
}

TEST_CASE("messages begin at a rate, on a grid that the lateness of timers does not stretch")
{
    auto s          = settings();
    s.rate_messages = 10;
    pool_gate gate(s);
    CHECK(gate.opens_at() <= start);
    gate.begin(start);
    CHECK(gate.opens_at() == start + 100ms);
    gate.begin(start + 130ms);
    CHECK(gate.opens_at() == start + 200ms);
    gate.begin(start + 200ms);
    CHECK(gate.opens_at() == start + 300ms);
    // After a pause there is no credit.
    gate.begin(start + 10s);
    CHECK(gate.opens_at() == start + 10s + 100ms);

    // A thousand messages, each as soon as it may and up to half a gap late.
    moment now = start + 1min;
    for (int i = 0; i != 1000; ++i)
    {
        now = std::max(now, gate.opens_at()) + std::chrono::milliseconds(i % 50);
        gate.begin(now);
    }
    CHECK(now - (start + 1min) < 100s);
    CHECK(now - (start + 1min) > 99s);
}

TEST_CASE("asking for a turn takes none: who gives up while waiting delays nobody")
{
    auto s          = settings();
    s.rate_messages = 1;
    pool_gate gate(s);
    gate.begin(start);
    for (int i = 0; i != 100; ++i)
        CHECK(gate.opens_at() == start + 1s);
}

TEST_CASE("without a rate nobody waits")
{
    auto const s = settings();
    pool_gate  gate(s);
    for (int i = 0; i != 100; ++i)
        gate.begin(start);
    CHECK(gate.opens_at() <= start);
}

TEST_CASE("logins that are put off pause everybody, longer each time, but once for those at the same time")
{
    auto s        = settings();
    s.login_pause = 5s;
    pool_gate gate(s);
    gate.login_deferred(start);
    CHECK(gate.opens_at() == start + 5s);
    gate.login_deferred(start + 1s); // had begun before
    gate.login_deferred(start + 4s);
    CHECK(gate.opens_at() == start + 5s);
    gate.login_deferred(start + 5s);
    CHECK(gate.opens_at() == start + 15s);
    gate.login_deferred(start + 20s);
    CHECK(gate.opens_at() == start + 40s);
    moment at = start + 1h;
    for (int i = 0; i != 10; ++i, at += 10min)
        gate.login_deferred(at);
    CHECK(gate.opens_at() == at - 10min + 5min);
    gate.succeed(at);
    gate.login_deferred(at + 1s);
    CHECK(gate.opens_at() == at + 1s + 5s);
}

TEST_CASE("a refused login is remembered for a time, and then tried by one alone")
{
    auto s         = settings(4);
    s.login_memory = 60s;
    pool_gate gate(s);
    CHECK(!gate.refusal(start));
    gate.login_refused(failure(smtp::errc::auth_failed, phase::auth, "535 5.7.8 wrong"), start);
    REQUIRE(gate.refusal(start + 59s));
    CHECK(gate.refusal(start + 59s)->code() == smtp::errc::auth_failed);
    CHECK(gate.refusal(start + 59s)->reply()->code() == 535);
    CHECK(!gate.refusal(start + 60s));
    CHECK(gate.limit() == 1);
    CHECK(!gate.has_room(1));
    gate.succeed(start + 61s);
    CHECK(gate.limit() == 4);
}

TEST_CASE("pauses before attempts double, and end somewhere")
{
    auto s           = settings();
    s.throttle_pause = 100ms;
    pool_gate const gate(s);
    CHECK(gate.pause_before(1) == 100ms);
    CHECK(gate.pause_before(2) == 200ms);
    CHECK(gate.pause_before(5) == 1600ms);
    CHECK(gate.pause_before(1000) == 25600ms);
}

TEST_SUITE_END();
