//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// task, sync_wait, generator and async_generator: laziness, results, exceptions, depth, lifetime.

#include <posthorn/coro/task.hpp>

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/generator.hpp>
#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/coro/with_timeout.hpp>

#include <doctest/doctest.h>

#include "support/run_task.hpp"

#include <asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using posthorn::async_generator;
using posthorn::condition;
using posthorn::errc;
using posthorn::generator;
using posthorn::sync_wait;
using posthorn::task;

namespace {

static_assert(std::is_nothrow_move_constructible_v<task<int>> && std::is_nothrow_move_assignable_v<task<int>>);
static_assert(!std::is_copy_constructible_v<task<int>> && !std::is_copy_assignable_v<task<int>>);
static_assert(!std::is_copy_constructible_v<async_generator<int>> && !std::is_copy_constructible_v<generator<int>>);
static_assert(std::ranges::input_range<generator<int>> && std::ranges::input_range<generator<int const&>>);
static_assert(std::is_same_v<std::ranges::range_reference_t<generator<int const&>>, int const&>);

// Nothing in it can be moved without being noticed, and it has no default constructor.
struct picky
{
    explicit picky(std::unique_ptr<int> p) : owned(std::move(p)) {}
    std::unique_ptr<int> owned;
};

task<void> set_flag(bool& flag)
{
    flag = true;
    co_return;
}

task<int> take_counted(counted c)
{
    co_return c.value;
}

task<int> take_three(counted a, std::unique_ptr<counted> b, counted const c)
{
    co_await hop();
    co_return a.value + b->value + c.value;
}

task<int> depth(int n, stack_meter& meter)
{
    meter.note();
    if (n == 0)
        co_return 0;
    int const below = co_await depth(n - 1, meter);
    meter.note();
    co_return below + 1;
}

task<int> depth_that_waits(int n)
{
    if (n == 0)
    {
        co_await hop();
        co_return 0;
    }
    int const below = co_await depth_that_waits(n - 1);
    co_return below + 1;
}

task<void> depth_that_fails(int n, bool wait)
{
    if (n == 0)
    {
        if (wait)
            co_await hop();
        throw boom(n);
    }
    co_await depth_that_fails(n - 1, wait);
}

task<int> noted(stack_meter& meter, int value)
{
    meter.note();
    co_return value;
}

task<void> noted_failure(stack_meter& meter)
{
    meter.note();
    throw boom(1);
    co_return;
}

generator<int> numbers(int from, int to)
{
    for (int i = from; i < to; ++i)
        co_yield i;
}

generator<int> numbers_then_boom(int count)
{
    for (int i = 0; i < count; ++i)
        co_yield i;
    throw boom(count);
}

generator<std::string const&> words(std::string const& a, std::string const& b)
{
    co_yield a;
    co_yield b;
    co_yield a + b; // the temporary lives until the next step
}

generator<int> counting(counted c)
{
    counted local(c.value);
    co_yield local.value;
    co_yield c.value + 1;
}

async_generator<int> slow_numbers(int count)
{
    for (int i = 0; i < count; ++i)
    {
        co_await hop();
        co_yield i;
    }
}

async_generator<int> quick_numbers(int count, stack_meter& meter)
{
    for (int i = 0; i < count; ++i)
    {
        meter.note();
        co_yield i;
    }
}

async_generator<std::unique_ptr<int>> owners(counted c)
{
    counted const local(c.value);
    for (int i = 0;; ++i)
        co_yield std::make_unique<int>(i + local.value);
}

async_generator<int> numbers_then_wait(int count)
{
    for (int i = 0; i < count; ++i)
        co_yield i;
    co_await forever();
}

async_generator<int> numbers_then_fail(int count, bool wait)
{
    for (int i = 0; i < count; ++i)
        co_yield i;
    if (wait)
        co_await hop();
    throw boom(count);
}

task<int> sum(async_generator<int> g)
{
    int total = 0;
    auto x = co_await g.next();
    while (x)
    {
        total += *x;
        x = co_await g.next();
    }
    co_return total;
}

} // namespace

TEST_SUITE_BEGIN("coro/task");

TEST_CASE("a task does nothing until it is awaited")
{
    bool flag = false;
    {
        task<void> t = set_flag(flag);
        CHECK(t.valid());
        CHECK_FALSE(flag);
    }
    CHECK_FALSE(flag);
    sync_wait(set_flag(flag));
    CHECK(flag);
}

TEST_CASE("a task that was never started frees its arguments")
{
    REQUIRE(counted::alive() == 0);
    {
        task<int> t = take_three(counted(1), std::make_unique<counted>(2), counted(3));
        CHECK(counted::alive() == 3);
        task<int> other = std::move(t);
        CHECK_FALSE(t.valid());
        CHECK(other.valid());
        CHECK(counted::alive() == 3);
        other = take_three(counted(4), std::make_unique<counted>(5), counted(6));
        CHECK(counted::alive() == 3);
        other = task<int>();
        CHECK_FALSE(other.valid());
        CHECK(counted::alive() == 0);
    }

    static_cast<void>(posthorn::when_all(take_counted(counted(1)), take_counted(counted(2))));
    static_cast<void>(posthorn::when_any(take_counted(counted(1)), take_counted(counted(2))));
    static_cast<void>(posthorn::with_timeout(take_counted(counted(1)), 1s));
    static_cast<void>(posthorn::shielded(take_counted(counted(1))));
    static_cast<void>(posthorn::detail::deliver(take_counted(counted(1)), *std::make_unique<posthorn::detail::outcome<int>>()));
    std::vector<task<int>> many;
    for (int i = 0; i != 5; ++i)
        many.push_back(take_counted(counted(i)));
    CHECK(counted::alive() == 5);
    static_cast<void>(posthorn::when_all(std::move(many)));
    CHECK(counted::alive() == 0);
}

TEST_CASE("a task that ran frees its arguments, locals and result, each once")
{
    CHECK(sync_wait(take_three(counted(1), std::make_unique<counted>(2), counted(3))) == 6);
    CHECK(counted::alive() == 0);
    auto const body = []() -> task<counted> {
        counted const local(1);
        counted       c = co_await ready(counted(2));
        c.value += local.value;
        co_return c;
    };
    {
        counted const c = run(body);
        CHECK(c.value == 3);
        CHECK(counted::alive() == 1);
    }
    CHECK(counted::alive() == 0);
}

TEST_CASE("an unstarted task can be kept, moved and awaited later")
{
    auto const body = []() -> task<int> {
        task<int> t;
        CHECK_FALSE(t.valid());
        t           = later(1);
        task<int> u = std::move(t);
        co_await hop();
        int const first = co_await std::move(u);
        u               = ready(2);
        int const next  = co_await std::move(u);
        co_return first * 10 + next;
    };
    CHECK(run(body) == 12);
}

TEST_CASE("results may be move-only, without a default constructor, references or void")
{
    auto const unique = [](int v) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(v); };
    CHECK(*sync_wait(unique(7)) == 7);

    auto const picky_task = [&]() -> task<picky> {
        auto p = co_await unique(8);
        co_return picky(std::move(p));
    };
    auto const outer = [&]() -> task<int> {
        picky p = co_await picky_task();
        co_return *p.owned;
    };
    CHECK(run(outer) == 8);
    CHECK(*run(picky_task).owned == 8);

    int        target    = 1;
    auto const reference = [](int& x) -> task<int&> { co_return x; };
    auto const through   = [&]() -> task<int&> {
        int& x = co_await reference(target);
        x      = 2;
        co_return x;
    };
    int& got = run(through);
    CHECK(&got == &target);
    CHECK(target == 2);
    int const  fixed    = 3;
    auto const constant = [](int const& x) -> task<int const&> { co_return x; };
    CHECK(&sync_wait(constant(fixed)) == &fixed);

    auto const nothing = []() -> task<> { co_await hop(); };
    static_assert(std::is_void_v<decltype(run(nothing))>);
    run(nothing);

    auto const braced = []() -> task<std::pair<int, std::string>> { co_return {1, "one"}; };
    CHECK(run(braced).second == "one");
    auto const converting = []() -> task<std::string> { co_return "text"; };
    CHECK(run(converting) == "text");
    auto const optional = []() -> task<std::optional<int>> { co_return std::nullopt; };
    CHECK_FALSE(run(optional).has_value());
    auto const holds_exception = []() -> task<std::exception_ptr> { co_return std::make_exception_ptr(boom(1)); };
    CHECK(run(holds_exception) != nullptr);
}

TEST_CASE("an exception reaches the await expression with its type, and unwinds what it passes")
{
    std::vector<int> order;
    struct witness
    {
        witness(std::vector<int>& o, int i) : order(&o), id(i) {}
        ~witness() { order->push_back(id); }
        std::vector<int>* order;
        int               id;
    };
    auto const inner = [&](bool wait) -> task<int> {
        witness const w(order, 1);
        if (wait)
            co_await hop();
        throw boom(42);
    };
    auto const middle = [&](bool wait) -> task<int> {
        witness const w(order, 2);
        int const     x = co_await inner(wait);
        order.push_back(-1);
        co_return x;
    };
    auto const outer = [&](bool wait) -> task<int> {
        witness const w(order, 3);
        int           number = 0;
        try
        {
            std::ignore = co_await middle(wait);
        }
        catch (boom const& e)
        {
            number = e.number;
        }
        co_await hop();
        co_return number;
    };
    for (bool wait : {false, true})
    {
        CAPTURE(wait);
        order.clear();
        CHECK(sync_wait(outer(wait)) == 42);
        CHECK(order == std::vector {1, 2, 3});
        CHECK_THROWS_AS(sync_wait(middle(wait)), boom);
    }
    auto const number = []() -> task<void> {
        throw 5;
        co_return;
    };
    CHECK_THROWS_AS(run(number), int);
}

TEST_CASE("an exception from copying or moving a result or an argument is an exception of the task")
{
    struct bad_copy
    {
        bad_copy() = default;
        bad_copy(bad_copy const&) { throw boom(1); }
        bad_copy& operator=(bad_copy const&) = delete;
    };
    auto const returns = []() -> task<bad_copy> {
        bad_copy const b;
        co_return b;
    };
    CHECK_THROWS_AS(static_cast<void>(run(returns)), boom);
    auto const takes   = [](bad_copy) -> task<void> { co_return; };
    auto const called  = [&]() -> task<void> {
        bad_copy const b;
        co_await takes(b);
    };
    CHECK_THROWS_AS(run(called), boom);
}

TEST_CASE("a million nested tasks need no stack")
{
    stack_meter meter;
    CHECK(sync_wait(depth(a_million, meter)) == a_million);
    CHECK(meter.spread() < stack_meter::limit);
    CHECK(sync_wait(depth_that_waits(a_million)) == a_million);
}

TEST_CASE("an exception climbs from great depth without stack")
{
    CHECK_THROWS_AS(sync_wait(depth_that_fails(100'000, false)), boom);
    CHECK_THROWS_AS(sync_wait(depth_that_fails(100'000, true)), boom);
}

TEST_CASE("a loop of a million children that do not wait needs no stack")
{
    stack_meter meter;
    auto const  body = [&]() -> task<int> {
        int count = 0;
        for (int i = 0; i != a_million; ++i)
        {
            int const one = co_await noted(meter, 1);
            count += one;
        }
        co_return count;
    };
    CHECK(run(body) == a_million);
    CHECK(meter.spread() < stack_meter::limit);
}

TEST_CASE("loops over failing children, combinators, scopes and generators need no stack")
{
    constexpr int times = a_million / 10;
    stack_meter   meter;
    auto const    body = [&]() -> task<int> {
        int count = 0;
        for (int i = 0; i != times; ++i)
        {
            try
            {
                co_await noted_failure(meter);
            }
            catch (boom const& e)
            {
                count += e.number;
            }
        }
        for (int i = 0; i != times; ++i)
        {
            auto const both = co_await posthorn::when_all(noted(meter, 1), noted(meter, 0));
            count += std::get<0>(both) + std::get<1>(both);
        }
        for (int i = 0; i != times; ++i)
        {
            auto const any = co_await posthorn::when_any(noted(meter, 1), noted(meter, 0));
            count += any.index() == 0 ? 1 : 0;
        }
        bool       flag     = false;
        auto const in_scope = [&](posthorn::scope& s) -> task<int> {
            s.spawn(set_flag(flag));
            return noted(meter, 1);
        };
        for (int i = 0; i != times; ++i)
        {
            int const one = co_await posthorn::with_scope(in_scope);
            count += one;
        }
        for (int i = 0; i != times; ++i)
        {
            int const one = co_await posthorn::with_timeout(noted(meter, 1), 1h);
            count += one;
            if (i % 100 == 0)
                co_await hop(); // lets the loop dispose of the cancelled timers
        }
        auto g = quick_numbers(times, meter);
        auto x = co_await g.next();
        while (x)
        {
            ++count;
            x = co_await g.next();
        }
        co_return count;
    };
    CHECK(run(body) == 6 * times);
    CHECK(meter.spread() < stack_meter::limit);
}

TEST_CASE("combinators nested in each other to a depth of thousands work")
{
    struct nest
    {
        static task<int> all(int n)
        {
            if (n == 0)
            {
                co_await hop();
                co_return 0;
            }
            auto const both = co_await posthorn::when_all(all(n - 1), ready(1));
            co_return std::get<0>(both) + std::get<1>(both);
        }
        static task<int> timeouts(int n)
        {
            if (n == 0)
            {
                co_await hop();
                co_return 0;
            }
            int const below = co_await posthorn::with_timeout(timeouts(n - 1), 1h);
            co_return below + 1;
        }
    };
    CHECK(sync_wait(nest::all(500)) == 500);
    CHECK(sync_wait(nest::timeouts(2000)) == 2000);
}

TEST_CASE("sync_wait tells when a task can never end")
{
    auto const dropped = [](auto&& handler) { auto const gone = std::move(handler); };
    auto const body    = [&]() -> task<void> {
        counted const local;
        co_await operation<void()>(dropped);
    };
    CHECK(code_of(body) == errc::abandoned);
    CHECK(counted::alive() == 0);
}

TEST_CASE("sync_wait can be used inside a thread of its own and one after the other")
{
    for (int i = 0; i != 100; ++i)
        CHECK(sync_wait(later(i)) == i);
}

TEST_CASE("a task destroyed with its event loop unwinds from the leaf to the root")
{
    std::vector<int> order;
    struct witness
    {
        witness(std::vector<int>& o, int i) : order(&o), id(i) {}
        ~witness() { order->push_back(id); }
        std::vector<int>* order;
        int               id;
    };
    auto const inner = [&]() -> task<void> {
        witness const w(order, 1);
        co_await forever();
    };
    auto const outer = [&]() -> task<void> {
        witness const w(order, 2);
        co_await inner();
    };
    bool called = false;
    {
        asio::io_context io;
        posthorn::spawn(io, outer(), [&](std::exception_ptr) { called = true; });
        io.poll();
        CHECK(order.empty());
    }
    // The frame of the child lives inside the await expression of its parent.
    CHECK(order == std::vector {1, 2});
    CHECK_FALSE(called);
}

// ---- generator ---------------------------------------------------------------------------------------------

TEST_CASE("a generator runs on demand")
{
    std::vector<int> seen;
    for (int x : numbers(1, 5))
        seen.push_back(x);
    CHECK(seen == std::vector {1, 2, 3, 4});
    for (int x : numbers(5, 5))
        seen.push_back(x);
    CHECK(seen.size() == 4);

    generator<int> g  = numbers(0, 1'000'000'000);
    auto           it = g.begin();
    ++it;
    it++;
    CHECK(*it == 2);
    generator<int> moved = std::move(g);
    ++it;
    CHECK(*it == 3);
    CHECK(std::ranges::distance(numbers(0, 1000)) == 1000);
}

TEST_CASE("a generator of references yields the objects themselves")
{
    std::string const        a = "a string that is too long to be stored inside";
    std::string const        b = "b";
    std::vector<std::string> seen;
    std::string const*       first = nullptr;
    for (std::string const& w : words(a, b))
    {
        if (first == nullptr)
            first = &w;
        seen.push_back(w);
    }
    CHECK(first == &a);
    CHECK(seen == std::vector {a, b, a + b});
}

TEST_CASE("an exception leaves a generator through begin or the increment, and ends it")
{
    auto at_once = numbers_then_boom(0);
    CHECK_THROWS_AS(at_once.begin(), boom);

    auto             g  = numbers_then_boom(2);
    auto             it = g.begin();
    std::vector<int> seen {*it};
    ++it;
    seen.push_back(*it);
    CHECK_THROWS_AS(++it, boom);
    CHECK(it == g.end());
    CHECK(seen == std::vector {0, 1});
}

TEST_CASE("a generator that is dropped early frees what it holds")
{
    {
        auto unstarted = counting(counted(1));
        CHECK(counted::alive() == 1);
        auto g  = counting(counted(1));
        auto it = g.begin();
        CHECK(*it == 1);
        CHECK(counted::alive() == 3);
    }
    CHECK(counted::alive() == 0);
}

// ---- async_generator ---------------------------------------------------------------------------------------

TEST_CASE("an async_generator gives its elements and then nothing, for ever")
{
    CHECK(sync_wait(sum(slow_numbers(10))) == 45);
    CHECK(sync_wait(sum(slow_numbers(0))) == 0);
    CHECK(sync_wait(sum(async_generator<int>())) == 0);

    auto const body = []() -> task<int> {
        auto g = slow_numbers(1);
        int  n = 0;
        for (int i = 0; i != 5; ++i)
        {
            auto const x = co_await g.next();
            n += x ? 1 : 0;
        }
        co_return n;
    };
    CHECK(run(body) == 1);
}

TEST_CASE("a million elements of an async_generator need no stack")
{
    stack_meter meter;
    auto const  body = [&]() -> task<int> {
        auto g = quick_numbers(a_million, meter);
        int  n = 0;
        auto x = co_await g.next();
        while (x)
        {
            ++n;
            x = co_await g.next();
        }
        co_return n;
    };
    CHECK(run(body) == a_million);
    CHECK(meter.spread() < stack_meter::limit);
}

TEST_CASE("elements of an async_generator may be move-only, and it may be dropped before its end")
{
    auto const body = []() -> task<int> {
        auto g     = owners(counted(5));
        auto other = owners(counted(6)); // never started
        int  total = 0;
        for (int i = 0; i != 3; ++i)
        {
            auto const x = co_await g.next();
            total += **x;
        }
        CHECK(counted::alive() == 3);
        g = std::move(other);
        co_return total;
    };
    CHECK(run(body) == 5 + 6 + 7);
    CHECK(counted::alive() == 0);
}

TEST_CASE("an exception leaves an async_generator once, and ends it")
{
    for (bool wait : {false, true})
    {
        CAPTURE(wait);
        auto const body = [&]() -> task<int> {
            auto g    = numbers_then_fail(2, wait);
            int  seen = 0;
            try
            {
                auto x = co_await g.next();
                while (x)
                {
                    ++seen;
                    x = co_await g.next();
                }
            }
            catch (boom const& e)
            {
                seen += e.number * 10;
            }
            auto const after = co_await g.next();
            CHECK_FALSE(after.has_value());
            co_return seen;
        };
        CHECK(run(body) == 22);
    }
}

TEST_CASE("an async_generator takes the cancellation of whoever asks for the next element")
{
    auto const body = []() -> task<int> {
        auto g     = numbers_then_wait(2);
        auto first = co_await posthorn::with_timeout(g.next(), 1h);
        auto next  = co_await g.next();
        CHECK(first == 0);
        CHECK(next == 1);
        std::error_code ec;
        try
        {
            std::ignore = co_await posthorn::with_timeout(g.next(), 1ms);
        }
        catch (std::system_error const& e)
        {
            ec = e.code();
        }
        CHECK(ec == errc::timeout);
        auto const after = co_await g.next();
        CHECK_FALSE(after.has_value());
        co_return 1;
    };
    CHECK(run(body) == 1);
}

TEST_CASE("an async_generator can be used from different chains, one after the other")
{
    auto const body = []() -> task<int> {
        auto       g   = slow_numbers(4);
        auto const two = co_await posthorn::when_all(g.next(), hop());
        auto const any = co_await posthorn::when_any(g.next());
        auto const raw = co_await g.next();
        co_return *std::get<0>(two) * 100 + **std::get_if<0>(&any) * 10 + *raw;
    };
    CHECK(run(body) == 12);
}

TEST_CASE("an async_generator that awaits other generators is destroyed with its event loop")
{
    struct nested
    {
        static async_generator<int> level(int n, counted c)
        {
            counted const local(c.value);
            if (n == 0)
            {
                co_yield 1;
                co_await forever();
            }
            else
            {
                auto below = level(n - 1, counted(n));
                auto x = co_await below.next();
                while (x)
                {
                    co_yield *x + 1;
                    x = co_await below.next();
                }
            }
        }
    };
    {
        asio::io_context io;
        auto const       body = [&]() -> task<void> {
            auto       g = nested::level(5, counted());
            auto const x = co_await g.next();
            CHECK(*x == 6);
            std::ignore = co_await g.next();
        };
        posthorn::spawn(io, body(), [](std::exception_ptr) { FAIL("must not be called"); });
        io.poll();
        CHECK(counted::alive() == 12);
    }
    CHECK(counted::alive() == 0);
}

TEST_SUITE_END();
