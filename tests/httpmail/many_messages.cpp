//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Thousands of messages: how many requests and connections they take, and what is left when they are cancelled.

#include <posthorn/coro/scope.hpp>
#include <posthorn/httpmail/mailbox.hpp>

#include <doctest/doctest.h>

#include <support/failures.hpp>
#include <support/mail_site.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace posthorn::httpmail;
using support::code_of_failure;
using support::mail_answer;
using support::mail_answers;
using support::mail_site;
using support::member;
using support::with_mailbox;

namespace {

constexpr int                       total = 5000, fetched = 500;
constexpr std::chrono::milliseconds round_trip{50};

mail_answers crowd()
{
    mail_answers a;
    a["PROPFIND /hm"] = {mail_answer::list(member("/hm", "<hm:inbox>$H/in/</hm:inbox>"), "X-Dav-Error: 200 No error\r\n")};
    std::string items;
    for (int i = 0; i != total; ++i)
    {
        auto const at = "/in/MSG" + std::to_string(i);
        items += member(at, "<D:isfolder>0</D:isfolder><hm:read>0</hm:read><m:subject>number " + std::to_string(i) + "</m:subject>");
        mail_answer one("200 OK", "mail " + std::to_string(i));
        one.delay = round_trip;
        a["GET " + at] = {one};
    }
    auto list          = mail_answer::list(items);
    list.delay         = round_trip;
    a["PROPFIND /in/"] = {list};
    return a;
}

} // namespace

TEST_SUITE_BEGIN("httpmail/many_messages");

TEST_CASE("5000 messages listed in one request, 500 fetched over 4 connections, one round trip for each")
{
    with_mailbox(crowd(), mailbox_settings(), "/hm", [](mail_site& s) -> task<void> {
        auto const root = co_await s.box.open();
        auto const begun = std::chrono::steady_clock::now();
        auto const all   = co_await s.box.list(root.inbox);
        auto const since = [&begun] {
            return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count();
        };
        auto const listing = since();
        REQUIRE(all.size() == total);
        CHECK(all[4999].subject == "number 4999");
        int        got = 0;
        auto const one = [&](std::size_t i) -> task<void> {
            auto const mail = co_await s.box.fetch_text(all[i * 10].url);
            got += mail == "mail " + std::to_string(i * 10) ? 1 : 0;
        };
        co_await httpmail::detail::in_parallel(fetched, fetched, one);
        CHECK(got == fetched);
        CHECK(s.server.requests().size() == 2 + fetched);
        MESSAGE(total << " listed in " << listing << " ms, and " << fetched << " fetched, in all after " << since() << " ms; "
                      << s.server.requests().size() - 1 << " round trips of " << round_trip.count() << " ms on "
                      << s.server.connections() << " connections");
        CHECK(s.server.connections() == 4);
        CHECK(s.box.web().connections() == 4);
        CHECK(s.box.web().idle() == 4);
    });
}

TEST_CASE("cancelled in the middle nothing is left behind, and the mailbox goes on")
{
    with_mailbox(crowd(), mailbox_settings(), "/hm", [](mail_site& s) -> task<void> {
        auto const root = co_await s.box.open();
        auto const all  = co_await s.box.list(root.inbox);
        int        got = 0, stopped = 0;
        auto const one = [&](std::size_t i) -> task<void> {
            auto const ec = co_await code_of_failure(s.box.fetch_text(all[i].url));
            got += ec ? 0 : 1;
            stopped += ec == condition::canceled ? 1 : 0;
        };
        auto const some = [&](scope& inner) -> task<void> {
            for (std::size_t i = 0; i != fetched; ++i)
                inner.spawn(one(i));
            while (got < 100)
                co_await support::hop();
            inner.cancel();
        };
        co_await with_scope(some);
        CHECK(got >= 100);
        CHECK(got + stopped == fetched);
        CHECK(s.server.requests().size() <= static_cast<std::size_t>(2 + got + 4)); // those that waited never asked
        CHECK(s.box.web().idle() <= 4);
        // All lanes are free again.
        got            = 0;
        auto const few = [&](std::size_t i) -> task<void> { return one(i); };
        co_await httpmail::detail::in_parallel(20, 20, few);
        CHECK(got == 20);
        CHECK(s.box.web().idle() <= 4);
    });
}

TEST_CASE("a list that is not read to its end costs its connection and nothing else")
{
    with_mailbox(crowd(), mailbox_settings(), "/hm", [](mail_site& s) -> task<void> {
        auto const root = co_await s.box.open();
        {
            auto       list = s.box.messages(root.inbox);
            auto const m    = co_await list.next();
            REQUIRE(m);
            CHECK(m->subject == "number 0");
        }
        auto const mail = co_await s.box.fetch_text(s.url("/in/MSG7"));
        CHECK(mail == "mail 7");
        CHECK(s.box.web().idle() == 1);
    });
}

TEST_SUITE_END();
