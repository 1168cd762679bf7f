//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/deadline.hpp>

#include <doctest/doctest.h>

#include <asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>

using posthorn::net::deadline;
using posthorn::net::minimum_rate;
using steady = posthorn::net::clock;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("net/deadline");

namespace {

/// An event loop with one deadline, and how often it fired.
struct fixture
{
    /// Runs to the end of all work; a timer that was left behind would take an hour.
    bool run()
    {
        io.restart();
        auto const begun = steady::now();
        io.run_for(30min);
        return steady::now() - begun < 10min;
    }

    asio::io_context io {1};
    int              fired = 0;
    deadline         d {io.get_executor(), [this] { ++fired; }};
};

} // namespace

TEST_CASE("it fires once, not before its moment")
{
    fixture f;
    CHECK(f.d.expiry() == deadline::never);
    auto const when = steady::now() + 20ms;
    f.d.expires_at(when);
    CHECK(f.d.expiry() == when);
    CHECK_FALSE(f.d.expired());
    CHECK(f.run());
    CHECK(steady::now() >= when);
    CHECK(f.fired == 1);
    CHECK(f.d.expired());
    CHECK(f.run());
    CHECK(f.fired == 1);
}

TEST_CASE("a moment that has passed fires as soon as the loop runs, never from inside the call")
{
    fixture f;
    f.d.expires_at(steady::now() - 1h);
    CHECK(f.fired == 0);
    CHECK(f.run());
    CHECK(f.fired == 1);
}

TEST_CASE("it can be moved later, as often as you like")
{
    fixture f;
    f.d.expires_after(1ms);
    auto const when = steady::now() + 40ms;
    for (int i = 0; i != 1000; ++i)
        f.d.expires_at(when);
    CHECK(f.run());
    CHECK(steady::now() >= when);
    CHECK(f.fired == 1);
}

TEST_CASE("it can be moved earlier")
{
    fixture f;
    f.d.expires_after(1h);
    f.d.expires_after(1ms);
    CHECK(f.run());
    CHECK(f.fired == 1);
    f.d.expires_after(1h);
    f.d.expires_after(30min);
    f.d.expires_after(2ms);
    f.d.expires_after(1ms);
    CHECK(f.run());
    CHECK(f.fired == 2);
}

TEST_CASE("disarmed, it neither fires nor keeps the loop running")
{
    fixture f;
    f.d.disarm();
    CHECK(f.run());
    f.d.expires_after(1h);
    f.d.disarm();
    CHECK(f.d.expiry() == deadline::never);
    CHECK(f.run());
    f.d.expires_after(1h);
    f.d.disarm();
    f.d.disarm();
    f.d.expires_after(1ms);
    CHECK(f.run());
    CHECK(f.fired == 1);
    f.d.disarm();
    CHECK(f.run());
    CHECK(f.fired == 1);
}

TEST_CASE("no limit never fires, however it is spelled")
{
    fixture f;
    f.d.expires_at(deadline::never);
    CHECK(f.run());
    f.d.expires_after(steady::duration::max());
    CHECK(f.d.expiry() == deadline::never);
    CHECK(f.run());
    f.d.expires_after(1ms);
    f.d.expires_at(deadline::never);
    CHECK(f.run());
    CHECK(f.fired == 0);
}

TEST_CASE("it can be set again after it fired, also by the function it calls")
{
    fixture f;
    f.d.expires_after(1ms);
    CHECK(f.run());
    f.d.expires_after(1ms);
    CHECK_FALSE(f.d.expired());
    CHECK(f.run());
    CHECK(f.fired == 2);

    asio::io_context          io(1);
    int                       fired = 0;
    std::unique_ptr<deadline> d;
    d = std::make_unique<deadline>(io.get_executor(), [&] {
        if (++fired != 5)
            d->expires_after(1ms);
    });
    d->expires_after(1ms);
    io.run();
    CHECK(fired == 5);
    CHECK(d->expired());
}

TEST_CASE("destroyed before its moment, it leaves nothing behind")
{
    asio::io_context io(1);
    int              fired = 0;
    {
        deadline d(io.get_executor(), [&] { ++fired; });
        d.expires_after(1h);
        d.expires_after(30min);
    }
    auto const begun = steady::now();
    io.run_for(10min);
    CHECK(steady::now() - begun < 5min);
    CHECK(fired == 0);
}

TEST_CASE("it may outlive the run of its loop, or be dropped together with its pending wait")
{
    int fired = 0;
    {
        asio::io_context io(1);
        deadline         d(io.get_executor(), [&] { ++fired; });
        d.expires_after(1h);
        io.poll();
    }
    CHECK(fired == 0);
}

// Two moments that pass together: when the first function runs, the second is on its way already.
TEST_CASE("what is already on its way can still be destroyed, disarmed, moved and set anew")
{
    enum class deed
    {
        destroy,
        disarm,
        later,
        anew
    };
    for (deed const what : {deed::destroy, deed::disarm, deed::later, deed::anew})
    {
        CAPTURE(static_cast<int>(what));
        asio::io_context          io(1);
        int                       first = 0, second = 0;
        std::unique_ptr<deadline> victim;
        steady::time_point         earliest;
        auto const                act = [&] {
            switch (what)
            {
            case deed::destroy: victim.reset(); break;
            case deed::disarm: victim->disarm(); break;
            case deed::anew: victim->disarm(); [[fallthrough]];
            case deed::later:
                earliest = steady::now() + 20ms;
                victim->expires_at(earliest);
                break;
            }
        };
        deadline d(io.get_executor(), [&] {
            ++first;
            act();
        });
        victim           = std::make_unique<deadline>(io.get_executor(), [&] { ++second; });
        auto const early = steady::now() - 1s;
        d.expires_at(early);
        victim->expires_at(early + 1ms);
        io.run();
        CHECK(first == 1);
        if (what == deed::later || what == deed::anew)
        {
            CHECK(second == 1);
            CHECK(steady::now() >= earliest);
        }
        else
            CHECK(second == 0);
    }
}

TEST_CASE("the minimum rate gives a transfer its grace and the time its bytes need")
{
    auto const   begin = steady::now();
    minimum_rate rate {500, 180s};
    CHECK(rate.limit(begin, 0) == begin + 180s);
    CHECK(rate.limit(begin, 499) == begin + 180s);
    CHECK(rate.limit(begin, 500) == begin + 181s);
    CHECK(rate.limit(begin, 500'000) == begin + 180s + 1000s);
    rate.grace = 0s;
    CHECK(rate.limit(begin, 1000) == begin + 2s);
}

TEST_CASE("no rate is no limit, and neither is what the clock cannot express")
{
    auto const             begin = steady::now();
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    CHECK(minimum_rate {0, 1s}.limit(begin, 0) == deadline::never);
    CHECK(minimum_rate {0, 1s}.limit(begin, most) == deadline::never);
    CHECK(minimum_rate {500, steady::duration::max()}.limit(begin, 0) == deadline::never);
    CHECK(minimum_rate {1, steady::duration::max() - 1h}.limit(begin, most) == deadline::never);
    CHECK(minimum_rate {1, 0s}.limit(steady::time_point::max() - 1h, most) == deadline::never);
    CHECK(minimum_rate {1, 0s}.limit(begin, most) > begin + std::chrono::hours(24 * 365 * 10));
    CHECK(minimum_rate {most, 1s}.limit(begin, most) == begin + 2s);
}

TEST_SUITE_END();
