//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Both borders to coroutines of other libraries: they await our tasks, our tasks await whatever is awaitable.

#include <posthorn/coro/foreign.hpp>

#include <posthorn/coro/offload.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/coro/with_timeout.hpp>

#include <doctest/doctest.h>

#include "support/foreign_task.hpp"
#include "support/run_task.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/bind_executor.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/use_future.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using foreign::eager_task;
using foreign::lazy_task;
using posthorn::condition;
using posthorn::errc;
using posthorn::spawn;
using posthorn::task;
using posthorn::use_task;

namespace {

task<int> noted(stack_meter& meter, int value)
{
    meter.note();
    co_return value;
}

lazy_task<int> foreign_noted(stack_meter& meter, int value)
{
    meter.note();
    co_return value;
}

lazy_task<int> foreign_value(counted c)
{
    co_return c.value;
}

lazy_task<int> foreign_boom()
{
    throw boom(3);
    co_return 0;
}

task<int> wait_on(asio::io_context& io, int value)
{
    asio::steady_timer timer(io, 1ms);
    co_await timer.async_wait(use_task);
    co_return value;
}

task<int> fails_on(asio::io_context& io)
{
    asio::steady_timer timer(io, 1ms);
    co_await timer.async_wait(use_task);
    throw boom(9);
}

/// A loop that another thread runs.
class io_thread
{
public:
    io_thread() : thread_([this] { io.run(); }) {}
    ~io_thread() { join(); }
    io_thread(io_thread const&)            = delete;
    io_thread& operator=(io_thread const&) = delete;

    void join()
    {
        work_.reset();
        if (thread_.joinable())
            thread_.join();
    }
    std::thread::id id() const noexcept { return thread_.get_id(); }

    asio::io_context io;

private:
    asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io);
    std::thread                                                thread_;
};

} // namespace

TEST_SUITE_BEGIN("coro/foreign");

// ---- they await us -----------------------------------------------------------------------------------------

TEST_CASE("a foreign coroutine gets the result of a task that ends at once")
{
    auto const lazy = []() -> lazy_task<int> {
        int const one = co_await ready(1);
        auto      two = co_await ready(std::make_unique<int>(2));
        bool      set = false;
        int       obj = 3;
        auto      ref = [](int& x) -> task<int&> { co_return x; };
        int&      got = co_await ref(obj);
        auto      nil = [](bool& b) -> task<void> {
            b = true;
            co_return;
        };
        co_await nil(set);
        CHECK(set);
        CHECK(&got == &obj);
        co_return one * 10 + *two;
    };
    CHECK(foreign::start(lazy()).get() == 12);

    auto const eager = []() -> eager_task<int> {
        int const x = co_await ready(5);
        co_return x;
    };
    auto const both = [&]() -> lazy_task<int> {
        auto      started = eager();
        int const x       = co_await std::move(started);
        co_return x;
    };
    CHECK(foreign::start(both()).get() == 5);
}

TEST_CASE("a foreign coroutine awaits a million tasks that end at once without stack")
{
    stack_meter meter;
    auto const  body = [&]() -> lazy_task<int> {
        int count = 0;
        for (int i = 0; i != a_million; ++i)
        {
            int const one = co_await noted(meter, 1);
            count += one;
        }
        co_return count;
    };
    CHECK(foreign::start(body()).get() == a_million);
    CHECK(meter.spread() < stack_meter::limit);
}

TEST_CASE("a foreign coroutine goes on where the task ended")
{
    io_thread  other;
    auto const body = [&]() -> lazy_task<std::thread::id> {
        int const x = co_await wait_on(other.io, 4);
        CHECK(x == 4);
        co_return std::this_thread::get_id();
    };
    CHECK(foreign::start(body()).get() == other.id());

    auto const eager = [&]() -> eager_task<std::thread::id> {
        int const x = co_await wait_on(other.io, 5);
        CHECK(x == 5);
        co_return std::this_thread::get_id();
    };
    auto const joined = [&]() -> lazy_task<std::thread::id> {
        auto started = eager();
        auto id      = co_await std::move(started);
        co_return id;
    };
    CHECK(foreign::start(joined()).get() == other.id());
}

TEST_CASE("foreign coroutines and tasks race for the end from different threads")
{
    io_thread  other;
    auto const body = [&]() -> lazy_task<int> {
        int sum = 0;
        for (int i = 0; i != 2000; ++i)
        {
            auto const hop_there = [&other](int value) -> task<int> {
                co_await asio::post(other.io, use_task);
                co_return value;
            };
            int const x = co_await hop_there(1);
            sum += x;
        }
        co_return sum;
    };
    std::vector<std::future<int>> sums;
    for (int i = 0; i != 4; ++i)
        sums.push_back(foreign::start(body()));
    for (auto& s : sums)
        CHECK(s.get() == 2000);
}

TEST_CASE("exceptions of a task reach the foreign coroutine")
{
    auto const at_once = []() -> lazy_task<int> {
        try
        {
            co_await support::fail(7);
        }
        catch (boom const& e)
        {
            co_return e.number;
        }
        co_return 0;
    };
    CHECK(foreign::start(at_once()).get() == 7);

    io_thread  other;
    auto const body = [&]() -> lazy_task<int> {
        int const x = co_await fails_on(other.io);
        co_return x;
    };
    auto result = foreign::start(body());
    other.join(); // ThreadSanitizer cannot see how libstdc++ counts the owners of an exception
    CHECK_THROWS_AS(result.get(), boom);
}

TEST_CASE("what needs an executor says so when a foreign coroutine is at the root")
{
    auto const code = [](auto make) {
        auto const body = [&]() -> lazy_task<std::error_code> {
            try
            {
                std::ignore = co_await make();
            }
            catch (std::system_error const& e)
            {
                co_return e.code();
            }
            co_return std::error_code();
        };
        return foreign::start(body()).get();
    };
    CHECK(code([] { return posthorn::with_timeout(ready(1), 1s); }) == errc::no_executor);
    CHECK(code([] { return posthorn::offload([] { return 1; }); }) == errc::no_executor);
    CHECK(code([] { return posthorn::when_all(ready(1), posthorn::with_timeout(ready(1), 1s)); }) == errc::no_executor);
    CHECK(code([] { return posthorn::shielded(ready(1)); }) == std::error_code());

    auto const asks = []() -> lazy_task<bool> {
        auto const question = []() -> task<bool> {
            auto const ex  = co_await posthorn::this_coro::executor;
            auto const how = co_await posthorn::this_coro::cancelled;
            co_return !ex && how == asio::cancellation_type::none;
        };
        bool const answer = co_await question();
        co_return answer;
    };
    CHECK(foreign::start(asks()).get());
}

TEST_CASE("combinators work with a foreign coroutine at the root")
{
    asio::io_context io;
    auto const       body = [&]() -> lazy_task<int> {
        auto const both = co_await posthorn::when_all(wait_on(io, 1), wait_on(io, 2));
        auto const any  = co_await posthorn::when_any(wait_on(io, 3), fails_on(io));
        auto const none = co_await posthorn::when_all(ready(4), ready(5));
        co_return std::get<0>(both) + std::get<1>(both) + static_cast<int>(any.index()) + std::get<1>(none);
    };
    auto result = foreign::start(body());
    io.run();
    REQUIRE(result.wait_for(0s) == std::future_status::ready);
    try
    {
        CHECK(result.get() == 8);
    }
    catch (boom const& e)
    {
        CHECK(e.number == 9); // the other one was first
    }
}

TEST_CASE("a foreign coroutine is told when the event loop of its task ends")
{
    std::future<int> result;
    {
        asio::io_context io;
        auto const       body = [](asio::io_context& loop, counted) -> lazy_task<int> {
            counted const local;
            int const     x = co_await wait_on(loop, 1);
            co_return x;
        };
        result = foreign::start(body(io, counted()));
        CHECK(counted::alive() > 0);
    }
    CHECK(counted::alive() == 0);
    REQUIRE(result.wait_for(0s) == std::future_status::ready);
    try
    {
        result.get();
        FAIL("nothing was thrown");
    }
    catch (std::system_error const& e)
    {
        CHECK(e.code() == errc::abandoned);
    }

    // The same when the handler is dropped before the initiation returns.
    auto const dropped = [](auto&& handler) { auto const gone = std::move(handler); };
    auto const inner   = [&]() -> task<void> { co_await operation<void()>(dropped); };
    auto const outer   = [&]() -> lazy_task<int> {
        co_await inner();
        co_return 1;
    };
    CHECK_THROWS_AS(foreign::start(outer()).get(), posthorn::error);
}

TEST_CASE("combinators of a foreign coroutine end with the event loop")
{
    std::future<int> result;
    {
        asio::io_context io;
        auto const       body = [](asio::io_context& loop) -> lazy_task<int> {
            counted const local;
            std::ignore = co_await posthorn::when_all(wait_on(loop, 1), posthorn::when_all(wait_on(loop, 2), wait_on(loop, 3)));
            co_return 1;
        };
        result = foreign::start(body(io));
    }
    CHECK_THROWS_AS(result.get(), posthorn::error);
    CHECK(counted::alive() == 0);
}

TEST_CASE("layers of foreign coroutines and tasks in turn work")
{
    struct layers
    {
        static task<int> ours(int n)
        {
            if (n == 0)
            {
                co_await hop();
                co_return 0;
            }
            int const below = co_await theirs(n - 1);
            co_return below + 1;
        }
        static lazy_task<int> theirs(int n)
        {
            if (n == 0)
                co_return 0;
            int const below = co_await ours_without_executor(n - 1);
            co_return below + 1;
        }
        static task<int> ours_without_executor(int n)
        {
            if (n == 0)
                co_return 0;
            int const below = co_await theirs(n - 1);
            co_return below + 1;
        }
    };
    CHECK(posthorn::sync_wait(layers::ours(0)) == 0);
    CHECK(posthorn::sync_wait(layers::ours(301)) == 301);
    CHECK(posthorn::sync_wait(layers::ours(300)) == 300);
}

// ---- we await them -----------------------------------------------------------------------------------------

TEST_CASE("a task awaits foreign tasks, lazy and eager")
{
    auto const body = []() -> task<int> {
        int const one     = co_await foreign_value(counted(1));
        auto      started = [](int v) -> eager_task<int> { co_return v; }(2);
        int const two     = co_await std::move(started);
        co_return one * 10 + two;
    };
    CHECK(run(body) == 12);
    CHECK(counted::alive() == 0);
}

TEST_CASE("a task awaits awaitables of every shape")
{
    auto const body = []() -> task<int> {
        std::vector<int> seen;
        int              target = 8;

        foreign::suspends_void const by_void {1};
        seen.push_back(0);
        seen.back() = co_await by_void;
        for (bool flag : {false, true})
        {
            foreign::suspends_bool const by_bool {2, flag};
            int const                    x = co_await by_bool;
            seen.push_back(x);
            foreign::suspends_handle const by_handle {3, flag};
            int const                      y = co_await by_handle;
            seen.push_back(y);
        }
        int const member = co_await foreign::with_member(4);
        seen.push_back(member);
        int const free = co_await foreign::with_free(5);
        seen.push_back(free);
        foreign::with_free lvalue(6);
        int const          again = co_await lvalue;
        seen.push_back(again);
        co_await std::suspend_never();

        foreign::is_ready const ready_at_once {&target};
        int&                    reference = co_await ready_at_once;
        CHECK(&reference == &target);

        CHECK(seen == std::vector {1, 2, 3, 2, 3, 4, 5, 6});
        co_return static_cast<int>(seen.size());
    };
    CHECK(run(body) == 8);
}

TEST_CASE("exceptions of foreign awaitables are exceptions of the task, wherever they come from")
{
    auto const code = [](auto awaitable) {
        auto const body = [&]() -> task<int> {
            counted const local;
            int           caught = -1;
            try
            {
                std::ignore = co_await awaitable();
            }
            catch (boom const& e)
            {
                caught = e.number;
            }
            co_await hop(); // the task is in good health
            co_return caught;
        };
        int const number = run(body);
        CHECK(counted::alive() == 0);
        return number;
    };
    CHECK(code([] { return foreign_boom(); }) == 3);

    auto const thrown = [](auto awaitable) {
        auto const body = [&]() -> task<bool> {
            bool caught = false;
            try
            {
                co_await awaitable();
            }
            catch (boom const&)
            {
                caught = true;
            }
            co_await hop();
            co_return caught;
        };
        return run(body);
    };
    CHECK(thrown([] { return foreign::throws_in_suspend<boom>(); }));
    CHECK(thrown([] { return foreign::throws_in_ready<boom>(); }));
    CHECK(thrown([] { return foreign::throws_in_resume<boom>(); }));
}

TEST_CASE("a task awaits a million foreign awaitables that end at once without stack")
{
    constexpr int times = a_million;
    stack_meter   meter;
    auto const    body = [&]() -> task<int> {
        int count = 0;
        for (int i = 0; i != times; ++i)
        {
            int const one = co_await foreign_noted(meter, 1);
            count += one;
        }
        for (int i = 0; i != times; ++i)
        {
            foreign::suspends_handle const awaitable {1, true};
            int const                      one = co_await awaitable;
            meter.note();
            count += one;
        }
        for (int i = 0; i != times; ++i)
        {
            foreign::suspends_void const awaitable {1};
            int const                    one = co_await awaitable;
            meter.note();
            count += one;
        }
        for (int i = 0; i != times; ++i)
        {
            foreign::suspends_bool const awaitable {1, i % 2 == 0};
            int const                    one = co_await awaitable;
            meter.note();
            count += one;
        }
        co_return count;
    };
    CHECK(run(body) == 4 * times);
    CHECK(meter.spread() < stack_meter::limit);

    // And the same without an executor.
    auto const outer = [&]() -> lazy_task<int> {
        int const count = co_await body();
        co_return count;
    };
    CHECK(foreign::start(outer()).get() == 4 * times);
    CHECK(meter.spread() < 2 * stack_meter::limit);
}

TEST_CASE("a task that was resumed on another thread comes back to its executor")
{
    asio::io_context     io;
    foreign::thread_pool threads;
    int                  rounds = 0;
    auto const           body   = [&]() -> task<void> {
        auto const home = std::this_thread::get_id();
        for (int i = 0; i != 50; ++i)
        {
            auto const there = co_await threads.schedule();
            CHECK(there == home); // await_resume is called after the return
            CHECK(std::this_thread::get_id() == home);
            ++rounds;
        }
    };
    auto done = spawn(io, body(), asio::use_future);
    // Nothing else keeps the loop busy: the task itself must.
    io.run();
    done.get();
    CHECK(rounds == 50);
}

TEST_CASE("a task that was resumed on another thread comes back to its strand")
{
    asio::io_context         io;
    foreign::thread_pool     threads;
    auto                     strand = asio::make_strand(io);
    int                      value  = 0; // only the strand protects it
    auto const               body   = [&]() -> task<void> {
        for (int i = 0; i != 25; ++i)
        {
            std::ignore = co_await threads.schedule();
            CHECK(strand.running_in_this_thread());
            ++value;
            auto const inner = [&]() -> task<void> {
                std::ignore = co_await threads.schedule();
                CHECK(strand.running_in_this_thread());
            };
            co_await posthorn::with_timeout(inner(), 1h);
            ++value;
        }
    };
    std::vector<std::future<void>> all;
    for (int i = 0; i != 4; ++i)
        all.push_back(spawn(strand, body(), asio::use_future));
    std::thread helper([&] { io.run(); });
    io.run();
    helper.join();
    for (auto& f : all)
        f.get();
    CHECK(value == 4 * 50);
}

TEST_CASE("without an executor a task goes on where the foreign awaitable resumes it")
{
    foreign::thread_pool threads;
    auto const           inner = [&]() -> task<bool> {
        auto const before = std::this_thread::get_id();
        auto const there  = co_await threads.schedule();
        co_return there != before && there == std::this_thread::get_id();
    };
    auto const outer = [&]() -> lazy_task<bool> {
        bool moved = co_await inner();
        co_return moved;
    };
    CHECK(foreign::start(outer()).get());
}

TEST_CASE("a task is woken from inside another one on the same executor")
{
    foreign::event   event;
    std::vector<int> order;
    auto const       waiting = [&]() -> task<void> {
        order.push_back(1);
        co_await event;
        order.push_back(3);
        co_await hop();
        order.push_back(5);
    };
    auto const waking = [&]() -> task<void> {
        order.push_back(2);
        CHECK(event.awaited());
        event.set();
        order.push_back(4);
        co_await hop();
        co_await hop();
    };
    auto const body = [&]() -> task<void> {
        std::ignore = co_await posthorn::when_all(waiting(), waking());
    };
    run(body);
    CHECK(order == std::vector {1, 2, 3, 4, 5});
}

TEST_CASE("two tasks wake each other a hundred thousand times")
{
    stack_meter    meter;
    foreign::event ping;
    foreign::event pong;
    int            hits   = 0;
    auto const     player = [&](foreign::event& mine, foreign::event& other, bool first) -> task<void> {
        for (int i = 0; i != 100'000; ++i)
        {
            if (!first || i != 0)
            {
                co_await mine;
                mine = foreign::event();
            }
            meter.note();
            ++hits;
            co_await hop();
            other.set();
        }
    };
    auto const body = [&]() -> task<void> {
        std::ignore = co_await posthorn::when_all(player(pong, ping, true), player(ping, pong, false));
    };
    run(body);
    CHECK(hits == 200'000);
    CHECK(meter.spread() < stack_meter::limit);
}

TEST_CASE("an event loop destroyed while a task is on its way home unwinds it")
{
    foreign::event event;
    {
        asio::io_context io;
        auto const       body = [](foreign::event& e, counted) -> task<void> {
            counted const local;
            co_await e;
            FAIL("must not go on");
        };
        spawn(io, body(event, counted()), [](std::exception_ptr) { FAIL("must not be called"); });
        io.poll();
        REQUIRE(event.awaited());
        event.set(); // the way home is queued now
        CHECK(counted::alive() == 2);
    }
    CHECK(counted::alive() == 0);
}

TEST_CASE("a foreign task that awaits an own one with I/O is awaited by a task")
{
    asio::io_context io;
    auto const       foreigner = [&]() -> lazy_task<int> {
        int const x = co_await wait_on(io, 20);
        co_return x + 1;
    };
    auto const body = [&]() -> task<int> {
        int const x = co_await foreigner();
        int const y = co_await foreigner();
        co_return x + y;
    };
    auto result = spawn(io, body(), asio::use_future);
    io.run();
    CHECK(result.get() == 42);
}

TEST_SUITE_END();
