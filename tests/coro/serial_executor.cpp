//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// An executor that runs one thing at a time: order, threads, nested calls, work that keeps a loop running, and its end.

#include <posthorn/coro/serial_executor.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>

#include <doctest/doctest.h>

#include <asio/any_io_executor.hpp>
#include <asio/dispatch.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

TEST_SUITE_BEGIN("coro/serial_executor");

namespace {

using posthorn::serial_executor;

asio::any_io_executor of(asio::io_context& io)
{
    return io.get_executor();
}

} // namespace

TEST_CASE("what is posted runs in order, what is dispatched from inside at once")
{
    asio::io_context      io;
    serial_executor const ex(of(io));
    std::string           seen;
    asio::post(ex, [&] {
        CHECK(ex.running_in_this_thread());
        seen += 'a';
        asio::post(ex, [&] { seen += 'd'; });
        asio::dispatch(ex, [&] { seen += 'b'; });
        seen += 'c';
    });
    CHECK(!ex.running_in_this_thread());
    CHECK(seen.empty());
    io.run();
    CHECK(seen == "abcd");
}

TEST_CASE("dispatched on the loop's thread, it runs at once; while it runs, others wait")
{
    asio::io_context      io;
    serial_executor const ex(of(io)), other(of(io));
    std::string           seen;
    asio::post(io, [&] {
        asio::dispatch(ex, [&] {
            seen += '1';
            asio::dispatch(other, [&] {
                seen += '2';
                asio::dispatch(ex, [&] { seen += '3'; }); // it runs here already
                asio::post(ex, [&] { seen += '5'; });
            });
            seen += '4';
        });
    });
    io.run();
    CHECK(seen == "12345");
}

TEST_CASE("never two at a time, on many threads; nothing is lost, and each thread's order stays")
{
    asio::thread_pool          pool(4);
    asio::any_io_executor      inner = pool.get_executor();
    serial_executor const      ex(inner);
    int                        running = 0; // not atomic: that nobody else is there is what is tested
    int                        done    = 0;
    std::vector<int>           last(4, -1);
    bool                       alone = true, ordered = true;
    std::vector<std::thread>   threads;
    for (std::size_t t = 0; t != last.size(); ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i != 2000; ++i)
            {
                auto job = [&, t, i] {
                    alone   = alone && ++running == 1;
                    ordered = ordered && last[t] < i;
                    last[t] = i;
                    ++done;
                    --running;
                };
                if (i % 2 == 0)
                    asio::post(ex, job);
                else
                    asio::dispatch(ex, job);
            }
        });
    for (auto& t : threads)
        t.join();
    pool.join();
    CHECK(done == 8000);
    CHECK(alone);
    CHECK(ordered);
}

TEST_CASE("on a loop run by many threads, what is dispatched there takes turns, too")
{
    asio::io_context      io;
    serial_executor const ex(of(io));
    int                   done = 0, running = 0;
    bool                  alone = true;
    for (int i = 0; i != 4000; ++i)
        asio::post(io, [&] {
            asio::dispatch(ex, [&] {
                alone = alone && ++running == 1;
                ++done;
                --running;
            });
        });
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t)
        threads.emplace_back([&] { io.run(); });
    for (auto& t : threads)
        t.join();
    CHECK(done == 4000);
    CHECK(alone);
}

TEST_CASE("any_io_executor holds and copies it; equal if it is the same queue")
{
    asio::io_context            io;
    serial_executor const       a(of(io)), b(of(io));
    asio::any_io_executor       one = a;
    asio::any_io_executor const two = one;
    CHECK(one == two);
    CHECK(one == asio::any_io_executor(a));
    CHECK(one != asio::any_io_executor(b));
    CHECK(one.target<serial_executor>() != nullptr);
    CHECK(&asio::query(one, asio::execution::context) == static_cast<asio::execution_context*>(&io));
    auto const moved = std::move(one);
    CHECK(moved == two);
}

TEST_CASE("a handle that tracks work keeps the loop running, until the last one goes")
{
    asio::io_context      io;
    serial_executor const ex(of(io));
    auto                  first  = std::make_unique<asio::any_io_executor>(asio::prefer(asio::any_io_executor(ex), asio::execution::outstanding_work.tracked));
    auto                  second = std::make_unique<asio::any_io_executor>(*first);
    io.poll();
    CHECK(!io.stopped());
    first.reset();
    io.poll();
    CHECK(!io.stopped());
    second.reset();
    io.poll();
    CHECK(io.stopped());
}

TEST_CASE("an exception leaves run(), and the next job still has its turn")
{
    asio::io_context      io;
    serial_executor const ex(of(io));
    bool                  reached = false;
    asio::post(ex, [] { throw std::runtime_error("out"); });
    asio::post(ex, [&] { reached = true; });
    CHECK_THROWS_AS(io.run(), std::runtime_error);
    CHECK(!reached);
    io.run();
    CHECK(reached);
}

TEST_CASE("what waits when the loop is destroyed is destroyed with it, not run; a handle may live on")
{
    auto const                           token = std::make_shared<int>(7);
    std::unique_ptr<asio::any_io_executor> survivor;
    {
        asio::io_context      io;
        serial_executor const ex(of(io));
        survivor = std::make_unique<asio::any_io_executor>(ex);
        for (int i = 0; i != 3; ++i)
            asio::post(ex, [token] { FAIL("run"); });
        CHECK(token.use_count() == 4);
    }
    CHECK(token.use_count() == 1);
}

TEST_CASE("a task runs on it, over waits")
{
    asio::io_context      io;
    serial_executor const ex(of(io));
    bool                  there = false;
    auto                  work  = [&]() -> posthorn::task<void> {
        auto const         where = co_await posthorn::this_coro::executor;
        asio::steady_timer timer(where, std::chrono::milliseconds(1));
        co_await timer.async_wait(posthorn::use_task);
        there = ex.running_in_this_thread();
    };
    std::exception_ptr failure;
    posthorn::spawn(asio::any_io_executor(ex), work(), [&](std::exception_ptr e) { failure = std::move(e); });
    io.run();
    CHECK(!failure);
    CHECK(there);
}

TEST_SUITE_END();
