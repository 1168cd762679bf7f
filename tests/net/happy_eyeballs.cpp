//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/happy_eyeballs.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

TEST_SUITE_BEGIN("net/happy_eyeballs");

using posthorn::net::connection_race;
using posthorn::net::interleave;
using posthorn::net::race_settings;
using std::chrono::milliseconds;

namespace {

// Addresses for tests: "6a" is IPv6, "4a" is IPv4.
std::string order(std::vector<std::string> addresses, std::size_t first_family_count = 1)
{
    std::string all;
    for (auto const& a : interleave(std::move(addresses), first_family_count,
                                    [](std::string const& s) { return s[0] == '6'; }))
        all += (all.empty() ? "" : " ") + a;
    return all;
}

struct fake_clock
{
    connection_race::time_point now {milliseconds(1'000'000)};
    void                        pass(long long ms) { now += milliseconds(ms); }
};

race_settings delay(long long ms)
{
    race_settings s;
    s.attempt_delay = milliseconds(ms);
    return s;
}

} // namespace

TEST_CASE("families take turns, beginning with that of the first address, and keep their own order")
{
    struct row
    {
        std::vector<std::string> given;
        std::size_t              count;
        char const*              expected;
    };
    row const rows[] = {
        {{}, 1, ""},
        {{"6a"}, 1, "6a"},
        {{"6a", "6b", "4a", "4b"}, 1, "6a 4a 6b 4b"},
        {{"4a", "4b", "6a", "6b"}, 1, "4a 6a 4b 6b"},
        {{"6a", "6b", "6c", "6d", "4a"}, 1, "6a 4a 6b 6c 6d"},
        {{"6a", "4a", "4b", "4c"}, 1, "6a 4a 4b 4c"},
        {{"6a", "6b", "6c", "4a", "4b"}, 2, "6a 6b 4a 6c 4b"},
        {{"6a", "6b", "4a", "4b", "4c"}, 2, "6a 6b 4a 4b 4c"},
        {{"6a", "4a", "4b"}, 3, "6a 4a 4b"},
        {{"6a", "6b", "4a"}, 0, "6a 4a 6b"},
        {{"6a", "6b", "6c"}, 1, "6a 6b 6c"},
        {{"6a", "4a", "6a", "4a", "6b"}, 1, "6a 4a 6b"},
    };
    for (row const& r : rows)
    {
        CAPTURE(r.expected);
        CHECK(order(r.given, r.count) == r.expected);
    }
}

TEST_CASE("the first attempt starts at once, the next after the delay, not before")
{
    fake_clock      clock;
    connection_race race(3, delay(250));
    REQUIRE(race.wake_at());
    CHECK(*race.wake_at() <= clock.now);
    CHECK(race.next(clock.now) == std::optional<std::size_t>(0));
    CHECK_FALSE(race.next(clock.now));
    CHECK(race.wake_at() == clock.now + milliseconds(250));
    clock.pass(249);
    CHECK_FALSE(race.next(clock.now));
    clock.pass(1);
    CHECK(race.next(clock.now) == std::optional<std::size_t>(1));
    CHECK_FALSE(race.next(clock.now));
    CHECK(race.wake_at() == clock.now + milliseconds(250));
    CHECK(race.started() == 2);
    CHECK(race.running() == 2);
}

TEST_CASE("a failure starts the next attempt at once, and the delay counts anew from there")
{
    fake_clock      clock;
    connection_race race(4, delay(250));
    CHECK(race.next(clock.now) == std::optional<std::size_t>(0));
    clock.pass(100);
    race.failed();
    REQUIRE(race.wake_at());
    CHECK(*race.wake_at() <= clock.now);
    CHECK(race.next(clock.now) == std::optional<std::size_t>(1));
    CHECK_FALSE(race.next(clock.now));
    clock.pass(150); // when the delay of the first attempt would have ended
    CHECK_FALSE(race.next(clock.now));
    clock.pass(100);
    CHECK(race.next(clock.now) == std::optional<std::size_t>(2));
    race.failed(); // the second, while the third runs
    CHECK(race.next(clock.now) == std::optional<std::size_t>(3));
    CHECK_FALSE(race.next(clock.now));
    CHECK_FALSE(race.wake_at());
}

TEST_CASE("the race is lost when the last attempt has failed and none is left")
{
    fake_clock      clock;
    connection_race race(2, delay(250));
    CHECK(race.undecided());
    race.next(clock.now);
    race.failed();
    CHECK(race.undecided());
    race.next(clock.now);
    CHECK(race.undecided());
    race.failed();
    CHECK_FALSE(race.undecided());
    CHECK_FALSE(race.winner());
    CHECK_FALSE(race.next(clock.now));
    CHECK_FALSE(race.wake_at());
}

TEST_CASE("without candidates the race is lost before it begins")
{
    connection_race race(0, race_settings());
    CHECK_FALSE(race.undecided());
    CHECK_FALSE(race.winner());
    CHECK_FALSE(race.wake_at());
    CHECK_FALSE(race.next(connection_race::time_point()));
}

TEST_CASE("the first success wins, a later one is not wanted, and nothing is started any more")
{
    fake_clock      clock;
    connection_race race(4, delay(250));
    race.next(clock.now);
    clock.pass(250);
    race.next(clock.now);
    CHECK(race.succeeded(1));
    CHECK_FALSE(race.undecided());
    CHECK(race.winner() == std::optional<std::size_t>(1));
    CHECK_FALSE(race.succeeded(0));
    CHECK(race.winner() == std::optional<std::size_t>(1));
    clock.pass(1000);
    CHECK_FALSE(race.next(clock.now));
    CHECK_FALSE(race.wake_at());
    CHECK(race.running() == 0);
}

TEST_CASE("a failure after the decision starts nothing")
{
    fake_clock      clock;
    connection_race race(3, delay(250));
    race.next(clock.now);
    clock.pass(250);
    race.next(clock.now);
    REQUIRE(race.succeeded(0));
    race.failed();
    CHECK_FALSE(race.next(clock.now));
    CHECK_FALSE(race.undecided());
}

TEST_CASE("the delay is 250 ms by default, never less than 10 ms, and may be absurdly long")
{
    struct row
    {
        race_settings settings;
        long long     expected;
    };
    row const rows[] = {
        {race_settings(), 250}, {delay(0), 10}, {delay(-5), 10}, {delay(9), 10}, {delay(11), 11}};
    for (row const& r : rows)
    {
        fake_clock      clock;
        connection_race race(2, r.settings);
        race.next(clock.now);
        CHECK(race.wake_at() == clock.now + milliseconds(r.expected));
    }
    fake_clock    clock;
    race_settings longest;
    longest.attempt_delay = milliseconds::max();
    connection_race race(2, longest);
    race.next(clock.now);
    REQUIRE(race.wake_at());
    CHECK(*race.wake_at() > clock.now);
    connection_race late(2, longest);
    late.next(connection_race::time_point::max());
    CHECK(late.wake_at() == connection_race::time_point::max());
}

TEST_SUITE_END();
