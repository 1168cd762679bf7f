//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The bridge out: a task under every completion token, on the right executor, cancelled through the token's slot.

#include <posthorn/coro/spawn.hpp>

#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/with_timeout.hpp>

#include <doctest/doctest.h>

#include "support/run_task.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/detached.hpp>
#include <asio/error.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/use_future.hpp>

#if __has_include(<asio/deferred.hpp>)
#include <asio/deferred.hpp>
#else
#include <asio/experimental/deferred.hpp>
#endif

#if defined(ASIO_HAS_CO_AWAIT)
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#endif

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
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
using posthorn::condition;
using posthorn::errc;
using posthorn::spawn;
using posthorn::task;
using posthorn::use_task;

namespace {

#if __has_include(<asio/deferred.hpp>)
constexpr asio::deferred_t deferred {};
#else
constexpr asio::experimental::deferred_t deferred {};
#endif

task<int> boom_of(int number, bool wait)
{
    if (wait)
        co_await hop();
    throw boom(number);
    co_return 0;
}

task<int> take_value(counted c)
{
    co_return c.value;
}

task<std::unique_ptr<int>> unique_of(int value)
{
    co_await hop();
    co_return std::make_unique<int>(value);
}

/// A handler that cannot be copied and counts its living instances.
struct move_only_handler
{
    explicit move_only_handler(int& r) : result(&r) {}
    move_only_handler(move_only_handler&&)            = default;
    move_only_handler& operator=(move_only_handler&&) = delete;

    void operator()(std::exception_ptr e, std::unique_ptr<int> value) &&
    {
        CHECK(e == nullptr);
        *result = *value;
    }

    int*                     result;
    std::unique_ptr<counted> owned = std::make_unique<counted>();
};

int number_in(std::exception_ptr const& e)
{
    try
    {
        std::rethrow_exception(e);
    }
    catch (boom const& b)
    {
        return b.number;
    }
    catch (...)
    {
        return -1;
    }
}

std::error_code code_in(std::exception_ptr const& e)
{
    try
    {
        std::rethrow_exception(e);
    }
    catch (std::system_error const& s)
    {
        return s.code();
    }
    catch (...)
    {
        return {};
    }
}

} // namespace

TEST_SUITE_BEGIN("coro/spawn");

TEST_CASE("a callback gets a result or an exception")
{
    asio::io_context io;
    int              value = 0;
    int              wrong = 0;
    bool             plain = false;
    spawn(io, later(5), [&](std::exception_ptr e, int v) {
        CHECK(e == nullptr);
        value = v;
    });
    spawn(io, boom_of(6, false), [&](std::exception_ptr e, int v) {
        CHECK(v == 0);
        wrong += number_in(e);
    });
    spawn(io, boom_of(7, true), [&](std::exception_ptr e, int) { wrong += number_in(e); });
    spawn(io.get_executor(), hop(), [&](std::exception_ptr e) { plain = e == nullptr; });
    io.run();
    CHECK(value == 5);
    CHECK(wrong == 13);
    CHECK(plain);

    int unique = 0;
    io.restart();
    spawn(io, unique_of(8), move_only_handler(unique));
    CHECK(counted::alive() == 1);
    io.run();
    CHECK(unique == 8);
    CHECK(counted::alive() == 0);
}

TEST_CASE("a task never starts inside the call that spawns it")
{
    asio::io_context io;
    bool             started = false;
    auto const       body    = [&]() -> task<void> {
        started = true;
        co_return;
    };
    spawn(io, body(), asio::detached);
    CHECK_FALSE(started);

    // Not even from a thread that runs the executor.
    io.run();
    io.restart();
    asio::post(io, [&] {
        started = false;
        spawn(io, body(), asio::detached);
        CHECK_FALSE(started);
    });
    io.run();
    CHECK(started);
}

TEST_CASE("a future gets a result or an exception")
{
    asio::io_context io;
    auto             one    = spawn(io, later(1), asio::use_future);
    auto             unique = spawn(io, unique_of(2), asio::use_future);
    auto             wrong  = spawn(io, boom_of(3, true), asio::use_future);
    auto             plain  = spawn(io, hop(), asio::use_future);
    static_assert(std::is_same_v<decltype(unique), std::future<std::unique_ptr<int>>>);
    io.run();
    CHECK(one.get() == 1);
    CHECK(*unique.get() == 2);
    CHECK_THROWS_AS(wrong.get(), boom);
    CHECK_NOTHROW(plain.get());
}

TEST_CASE("a deferred operation starts when it is called, and may be dropped")
{
    asio::io_context io;
    int              value = 0;
    auto             op    = spawn(io, take_value(counted(3)), deferred);
    auto             never = spawn(io, take_value(counted(4)), deferred);
    io.poll();
    io.restart();
    CHECK(value == 0);
    std::move(op)([&](std::exception_ptr, int v) { value = v; });
    io.run();
    CHECK(value == 3);
    CHECK(counted::alive() == 1);
    static_cast<void>(never);
}

TEST_CASE("detached ignores results and exceptions")
{
    asio::io_context io;
    spawn(io, take_value(counted(1)), asio::detached);
    spawn(io, boom_of(1, false), asio::detached);
    spawn(io, boom_of(1, true), asio::detached);
    CHECK_NOTHROW(io.run());
    CHECK(counted::alive() == 0);
}

TEST_CASE("a task awaits a spawned one on another executor and comes back")
{
    asio::io_context here;
    asio::io_context there;
    auto             guard = asio::make_work_guard(there);
    std::thread      thread([&] { there.run(); });
    auto const       inner = [&](bool wrong) -> task<std::thread::id> {
        co_await hop();
        if (wrong)
            throw boom(5);
        co_return std::this_thread::get_id();
    };
    auto const outer = [&]() -> task<void> {
        auto const home = std::this_thread::get_id();
        auto const id   = co_await spawn(there, inner(false), use_task);
        CHECK(id == thread.get_id());
        CHECK(std::this_thread::get_id() == home);
        int number = 0;
        try
        {
            std::ignore = co_await spawn(there, inner(true), use_task);
        }
        catch (boom const& e)
        {
            number = e.number;
        }
        CHECK(number == 5);
        auto const all = co_await spawn(there, later(6), posthorn::use_task_nothrow);
        CHECK(std::get<0>(all) == nullptr);
        CHECK(std::get<1>(all) == 6);
        CHECK(std::this_thread::get_id() == home);
    };
    auto done = spawn(here, outer(), asio::use_future);
    here.run();
    done.get();
    guard.reset();
    thread.join();
}

#if defined(ASIO_HAS_CO_AWAIT)

TEST_CASE("asio's own coroutines await spawned tasks")
{
    asio::io_context io;
    bool             ended = false;
    auto const       body  = [&]() -> asio::awaitable<void> {
        int const one = co_await spawn(io, later(1), asio::use_awaitable);
        CHECK(one == 1);
        auto unique = co_await spawn(io, unique_of(2), asio::use_awaitable);
        CHECK(*unique == 2);
        co_await spawn(io, hop(), asio::use_awaitable);
        int number = 0;
        try
        {
            std::ignore = co_await spawn(io, boom_of(3, true), asio::use_awaitable);
        }
        catch (boom const& e)
        {
            number = e.number;
        }
        CHECK(number == 3);
        ended = true;
    };
    asio::co_spawn(io, body(), [](std::exception_ptr e) { CHECK(e == nullptr); });
    io.run();
    CHECK(ended);
}

TEST_CASE("asio's own coroutines are awaited by tasks")
{
    asio::io_context io;
    auto const       inner = [&](int v) -> asio::awaitable<int> {
        auto const         ex = co_await asio::this_coro::executor;
        asio::steady_timer timer(ex, 0ms);
        co_await timer.async_wait(asio::use_awaitable);
        if (v == 0)
            throw boom(4);
        co_return v;
    };
    auto const body = [&]() -> task<int> {
        int const one = co_await asio::co_spawn(io, inner(1), use_task);
        int       two = 0;
        try
        {
            std::ignore = co_await asio::co_spawn(io, inner(0), use_task);
        }
        catch (boom const& e)
        {
            two = e.number;
        }
        co_return one * 10 + two;
    };
    auto result = spawn(io, body(), asio::use_future);
    io.run();
    CHECK(result.get() == 14);
}

TEST_CASE("cancelling asio's own coroutine reaches the task it waits for")
{
    asio::io_context          io;
    asio::cancellation_signal signal;
    std::error_code           leaf;
    std::exception_ptr        result;
    auto const                inner = [&]() -> task<void> {
        try
        {
            co_await forever();
        }
        catch (std::system_error const& e)
        {
            leaf = e.code();
            throw;
        }
    };
    auto const body = [&]() -> asio::awaitable<void> { co_await spawn(io, inner(), asio::use_awaitable); };
    asio::co_spawn(io, body(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { result = e; }));
    io.poll();
    signal.emit(asio::cancellation_type::terminal);
    io.run();
    CHECK(leaf == condition::canceled);
    CHECK(result != nullptr);
}

TEST_CASE("asio's own coroutine and its task are destroyed with the event loop")
{
    {
        asio::io_context io;
        auto const       inner = [](counted) -> task<void> {
            counted const local;
            co_await forever();
        };
        auto const body = [&]() -> asio::awaitable<void> {
            counted const local;
            co_await spawn(io, inner(counted()), asio::use_awaitable);
        };
        asio::co_spawn(io, body(), asio::detached);
        io.poll();
        CHECK(counted::alive() >= 3);
    }
    CHECK(counted::alive() == 0);
}

#endif

// ---- executors ---------------------------------------------------------------------------------------------

TEST_CASE("the handler runs on its associated executor, the task on the one it was given")
{
    asio::io_context home;
    asio::io_context work;
    auto             strand    = asio::make_strand(work);
    bool             in_strand = true;
    std::thread::id  task_on;
    std::thread::id  handler_on;
    auto const       body = [&]() -> task<int> {
        auto const ex = co_await posthorn::this_coro::executor;
        CHECK(ex == strand);
        in_strand = in_strand && strand.running_in_this_thread();
        co_await hop();
        in_strand = in_strand && strand.running_in_this_thread();
        co_await sleep_for(1ms);
        in_strand = in_strand && strand.running_in_this_thread();
        task_on   = std::this_thread::get_id();
        co_return 3;
    };
    int value = 0;
    spawn(strand, body(), asio::bind_executor(home, [&](std::exception_ptr, int v) {
              handler_on = std::this_thread::get_id();
              value      = v;
          }));
    std::thread thread([&] { work.run(); });
    home.run(); // does not return before the handler was called
    auto const expected = thread.get_id();
    thread.join();
    CHECK(value == 3);
    CHECK(in_strand);
    CHECK(task_on == expected);
    CHECK(handler_on == std::this_thread::get_id());
}

TEST_CASE("an operation on an object of another executor comes back to the task's")
{
    asio::io_context   here;
    asio::io_context   there;
    auto               guard = asio::make_work_guard(there);
    std::thread        thread([&] { there.run(); });
    auto const         body = [&]() -> task<bool> {
        auto const         home = std::this_thread::get_id();
        asio::steady_timer timer(there, 1ms);
        co_await timer.async_wait(use_task);
        co_return std::this_thread::get_id() == home;
    };
    auto result = spawn(here, body(), asio::use_future);
    here.run();
    CHECK(result.get());
    guard.reset();
    thread.join();
}

TEST_CASE("a handler without an executor runs on the task's; one that throws ends run() and nothing else")
{
    asio::io_context io;
    bool             other = false;
    spawn(io, take_value(counted(1)), [](std::exception_ptr, int) { throw boom(2); });
    spawn(io, later(1), [&](std::exception_ptr, int) { other = true; });
    int thrown = 0;
    for (;;)
    {
        try
        {
            io.run();
            break;
        }
        catch (boom const& e)
        {
            thrown += e.number;
        }
    }
    CHECK(thrown == 2);
    CHECK(other);
    CHECK(counted::alive() == 0);
}

TEST_CASE("the frames of a task are gone before its handler runs")
{
    asio::io_context io;
    int              alive = -1;
    auto const       body  = [](counted) -> task<int> {
        counted const local;
        co_await hop();
        co_return 1;
    };
    spawn(io, body(counted()), [&](std::exception_ptr, int) { alive = counted::alive(); });
    io.run();
    CHECK(alive == 0);
}

TEST_CASE("a spawned task keeps its event loop running, and no longer than needed")
{
    asio::io_context io;
    bool             ended = false;
    auto const       body  = [&]() -> task<void> {
        co_await posthorn::with_timeout(sleep_for(1ms), 1h); // the deadline goes with the task
        ended = true;
    };
    spawn(io, body(), asio::detached);
    io.run();
    CHECK(ended);
}

// ---- cancellation ------------------------------------------------------------------------------------------

TEST_CASE("the slot of the token cancels the operation the task is suspended in")
{
    asio::io_context          io;
    asio::cancellation_signal signal;
    std::exception_ptr        result;
    int                       levels = 0;
    auto const                leaf   = [&]() -> task<void> {
        try
        {
            co_await forever();
        }
        catch (std::system_error const& e)
        {
            CHECK(e.code() == asio::error::operation_aborted);
            ++levels;
            throw;
        }
    };
    auto const body = [&]() -> task<int> {
        try
        {
            co_await leaf();
        }
        catch (...)
        {
            ++levels;
            throw;
        }
        co_return 1;
    };
    spawn(io, body(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e, int) { result = e; }));
    io.poll();
    CHECK(levels == 0);
    signal.emit(asio::cancellation_type::terminal);
    io.run();
    CHECK(levels == 2);
    CHECK(code_in(result) == condition::canceled);

    // Too late: nothing happens.
    signal.emit(asio::cancellation_type::terminal);
    signal.emit(asio::cancellation_type::terminal);
}

TEST_CASE("a signal that comes after task and event loop touches neither")
{
    asio::cancellation_signal ended;
    asio::cancellation_signal abandoned;
    {
        asio::io_context io;
        auto const       strand = asio::make_strand(io);
        spawn(strand, hop(), asio::bind_cancellation_slot(ended.slot(), [](std::exception_ptr) {}));
        spawn(strand, forever(), asio::bind_cancellation_slot(abandoned.slot(), [](std::exception_ptr) {}));
        io.poll();
    }
    ended.emit(asio::cancellation_type::terminal);
    abandoned.emit(asio::cancellation_type::terminal);
}

TEST_CASE("a task cancelled before its first step ends at its first operation")
{
    asio::io_context          io;
    asio::cancellation_signal signal;
    std::exception_ptr        result;
    bool                      entered = false;
    auto const                body    = [&]() -> task<void> {
        entered = true;
        co_await hop();
        FAIL("must not go on");
    };
    asio::post(io, [&] {
        spawn(io, body(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { result = e; }));
        signal.emit(asio::cancellation_type::total);
        CHECK_FALSE(entered);
    });
    io.run();
    CHECK(entered);
    CHECK(code_in(result) == condition::canceled);

    // From outside of the loop the request queues up behind the start.
    io.restart();
    spawn(io, forever(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { result = e; }));
    result = nullptr;
    signal.emit(asio::cancellation_type::total);
    io.run();
    CHECK(code_in(result) == condition::canceled);
}

TEST_CASE("a slot can be used for one task after the other")
{
    asio::io_context          io;
    asio::cancellation_signal signal;
    for (int i = 0; i != 3; ++i)
    {
        std::exception_ptr first;
        std::exception_ptr next;
        spawn(io, later(1), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e, int) { first = e; }));
        io.run();
        io.restart();
        spawn(io, forever(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { next = e; }));
        io.poll();
        signal.emit(asio::cancellation_type::partial);
        io.run();
        io.restart();
        CHECK(first == nullptr);
        CHECK(code_in(next) == condition::canceled);
    }
}

TEST_CASE("cancellation crosses executors, and races with the end of the task")
{
    asio::io_context here;
    asio::io_context there;
    auto             guard = asio::make_work_guard(there);
    std::thread      thread([&] { there.run(); });
    int              ended    = 0;
    auto const       body     = [&]() -> task<void> {
        for (int i = 0; i != 300; ++i)
        {
            // The deadline passes at about the moment the inner task ends.
            auto const inner = [](int n) -> task<int> {
                for (int k = 0; k != n; ++k)
                    co_await hop();
                co_return n;
            };
            auto const remote = [&]() -> task<int> {
                int const n = co_await spawn(there, inner(i % 20), use_task);
                co_return n;
            };
            try
            {
                std::ignore = co_await posthorn::with_timeout(remote(), std::chrono::microseconds(i));
            }
            catch (std::system_error const& e)
            {
                CHECK(e.code() == errc::timeout);
            }
            ++ended;
        }
    };
    auto done = spawn(here, body(), asio::use_future);
    here.run();
    done.get();
    CHECK(ended == 300);
    guard.reset();
    thread.join();
}

TEST_CASE("a signal may be emitted in the thread that owns it while the task ends in another")
{
    asio::io_context io;
    auto             guard = asio::make_work_guard(io);
    std::thread      thread([&] { io.run(); });
    int              outcomes = 0;
    for (int i = 0; i != 300; ++i)
    {
        asio::cancellation_signal signal;
        std::promise<bool>        ended;
        auto const                body = [](int n) -> task<void> {
            for (int k = 0; k != n; ++k)
                co_await hop();
        };
        spawn(io, body(i % 20), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
                  ended.set_value(e == nullptr || code_in(e) == condition::canceled);
              }));
        for (int k = 0; k != i % 7; ++k)
            std::this_thread::yield();
        signal.emit(asio::cancellation_type::terminal);
        outcomes += ended.get_future().get() ? 1 : 0;
    }
    CHECK(outcomes == 300);
    guard.reset();
    thread.join();
}

// ---- lifetime ----------------------------------------------------------------------------------------------

TEST_CASE("an event loop that never ran frees task and handler")
{
    {
        asio::io_context io;
        spawn(io, take_value(counted(1)), [c = counted()](std::exception_ptr, int) { FAIL("must not be called"); });
        CHECK(counted::alive() == 2);
    }
    CHECK(counted::alive() == 0);
}

TEST_CASE("an event loop that is destroyed frees suspended tasks and their handlers, on whichever loop they wait")
{
    for (bool same : {true, false})
    {
        CAPTURE(same);
        {
            asio::io_context outer_loop;
            {
                asio::io_context          io;
                asio::cancellation_signal signal;
                auto const                body = [&](counted) -> task<int> {
                    counted const      local;
                    asio::steady_timer timer(same ? outer_loop : io, 1h);
                    co_await timer.async_wait(use_task);
                    co_return 1;
                };
                spawn(outer_loop, body(counted()),
                      asio::bind_cancellation_slot(
                          signal.slot(), [c = counted()](std::exception_ptr, int) { FAIL("must not be called"); }));
                outer_loop.poll();
                CHECK(counted::alive() == 3);
            }
            CHECK(counted::alive() == (same ? 3 : 0));
        }
        CHECK(counted::alive() == 0);
    }
}

TEST_CASE("a future of a task whose loop was destroyed is broken")
{
    std::future<int> result;
    {
        asio::io_context io;
        auto const       body = []() -> task<int> {
            co_await forever();
            co_return 1;
        };
        result = spawn(io, body(), asio::use_future);
        io.poll();
    }
    CHECK_THROWS_AS(result.get(), std::future_error);
}

// ---- threads -----------------------------------------------------------------------------------------------

TEST_CASE("64 tasks on strands share 4 threads")
{
    constexpr std::size_t tasks  = 64;
    constexpr int         rounds = 50;

    asio::io_context                 io(4);
    std::vector<std::future<int>>    all;
    std::array<int, 8>               shared {}; // each protected by its strand only
    std::vector<asio::any_io_executor> strands;
    for (std::size_t i = 0; i != shared.size(); ++i)
        strands.emplace_back(asio::make_strand(io));

    auto const body = [&](std::size_t mine) -> task<int> {
        auto&      place = shared[mine % shared.size()];
        auto const other = strands[(mine + 1) % strands.size()];
        int        sum   = 0;
        for (int i = 0; i != rounds; ++i)
        {
            ++place;
            co_await hop();
            ++place;
            auto const both = co_await posthorn::when_all(later(1), posthorn::with_timeout(later(2), 1h));
            ++place;
            sum += std::get<0>(both) + std::get<1>(both);
            int const far = co_await spawn(other, later(3), use_task);
            ++place;
            sum += far;
        }
        co_return sum;
    };
    for (std::size_t i = 0; i != tasks; ++i)
        all.push_back(spawn(strands[i % strands.size()], body(i), asio::use_future));
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i)
        threads.emplace_back([&] { io.run(); });
    for (auto& t : threads)
        t.join();
    for (auto& f : all)
        CHECK(f.get() == rounds * 6);
    int total = 0;
    for (int x : shared)
        total += x;
    CHECK(total == static_cast<int>(tasks) * rounds * 4);
}

TEST_CASE("64 tasks without strands run on an event loop of their own in each of 4 threads")
{
    std::vector<std::thread> threads;
    std::atomic<int>         sum {0};
    for (int t = 0; t != 4; ++t)
        threads.emplace_back([&] {
            asio::io_context io(1);
            auto const       body = []() -> task<int> {
                int s = 0;
                for (int i = 0; i != 50; ++i)
                {
                    int const one = co_await posthorn::with_timeout(later(1), 1h);
                    s += one;
                }
                co_return s;
            };
            for (int i = 0; i != 16; ++i)
                spawn(io, body(), [&](std::exception_ptr, int s) { sum += s; });
            io.run();
        });
    for (auto& t : threads)
        t.join();
    CHECK(sum == 64 * 50);
}

TEST_SUITE_END();
