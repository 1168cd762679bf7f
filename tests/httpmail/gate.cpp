//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/coro/scope.hpp>
#include <posthorn/httpmail/detail/gate.hpp>

#include <doctest/doctest.h>

#include <support/run_task.hpp>

#include <algorithm>
#include <string>
#include <utility>

using namespace posthorn;
using httpmail::detail::gate;

TEST_SUITE_BEGIN("httpmail/gate");

TEST_CASE("no more are in than may be, and all come in, in their order")
{
    support::run([]() -> task<void> {
        gate        g(2);
        int         in = 0, most = 0;
        std::string order;
        auto const  one = [&](char name) -> task<void> {
            auto const permit = co_await g.enter();
            order += name;
            most = std::max(most, ++in);
            co_await support::hop();
            co_await support::hop();
            --in;
        };
        auto const all = [&](scope& s) -> task<void> {
            for (char c = 'a'; c != 'k'; ++c)
                s.spawn(one(c));
            CHECK(g.waiting() == 8);
            co_return;
        };
        co_await with_scope(all);
        CHECK(most == 2);
        CHECK(order == "abcdefghij");
        CHECK(g.waiting() == 0);
    });
}

TEST_CASE("who stops waiting leaves the queue; permits move and outlive the gate")
{
    support::run([]() -> task<void> {
        gate::permit kept;
        int          stopped = 0;
        {
            gate       g(0); // one all the same
            auto       first  = co_await g.enter();
            auto const waiter = [&]() -> task<void> {
                try
                {
                    auto const permit = co_await g.enter();
                }
                catch (error const& e)
                {
                    stopped += e.code() == condition::canceled ? 1 : 0;
                }
            };
            auto const all = [&](scope& s) -> task<void> {
                s.spawn(waiter());
                s.spawn(waiter());
                CHECK(g.waiting() == 2);
                s.cancel();
                co_return;
            };
            co_await with_scope(all);
            CHECK(stopped == 2);
            CHECK(g.waiting() == 0);
            first.leave();
            first.leave();
            auto second = co_await g.enter();
            kept        = std::move(second);
            int        done = 0;
            auto const last = [&]() -> task<void> {
                auto const permit = co_await g.enter();
                ++done;
            };
            auto const more = [&](scope& s) -> task<void> {
                s.spawn(last());
                CHECK(g.waiting() == 1);
                kept = gate::permit();
                co_return;
            };
            co_await with_scope(more);
            CHECK(done == 1);
            kept = co_await g.enter();
        }
        kept.leave();
    });
}

TEST_SUITE_END();
