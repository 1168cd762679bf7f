//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What tasks cost, beside asio::awaitable in the same run.

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <benchmark/benchmark.h>

#include <utility>

namespace {

// Loops inside of one coroutine: what is measured is the call, not the start.

posthorn::task<int> one() { co_return 1; }

posthorn::task<> calls(benchmark::State& state)
{
    for (auto _ : state)
    {
        auto const x = co_await one();
        benchmark::DoNotOptimize(x);
    }
}

void task_call(benchmark::State& state) { posthorn::sync_wait(calls(state)); }

posthorn::task<> posts(benchmark::State& state)
{
    auto const ex = co_await posthorn::this_coro::executor;
    for (auto _ : state)
        co_await asio::post(ex, posthorn::use_task);
}

void task_post(benchmark::State& state) { posthorn::sync_wait(posts(state)); }

posthorn::task<> pairs(benchmark::State& state)
{
    for (auto _ : state)
    {
        auto const both = co_await posthorn::when_all(one(), one());
        benchmark::DoNotOptimize(both);
    }
}

void task_when_all(benchmark::State& state) { posthorn::sync_wait(pairs(state)); }

BENCHMARK(task_call);
BENCHMARK(task_post);
BENCHMARK(task_when_all);

#if defined(ASIO_HAS_CO_AWAIT)
asio::awaitable<int> asio_one() { co_return 1; }

asio::awaitable<void> asio_calls(benchmark::State& state)
{
    for (auto _ : state)
    {
        auto const x = co_await asio_one();
        benchmark::DoNotOptimize(x);
    }
}

asio::awaitable<void> asio_posts(benchmark::State& state)
{
    auto const ex = co_await asio::this_coro::executor;
    for (auto _ : state)
        co_await asio::post(ex, asio::use_awaitable);
}

void run(asio::awaitable<void> a)
{
    asio::io_context loop(1);
    asio::co_spawn(loop, std::move(a), asio::detached);
    loop.run();
}

void asio_call(benchmark::State& state) { run(asio_calls(state)); }
void asio_post(benchmark::State& state) { run(asio_posts(state)); }

BENCHMARK(asio_call);
BENCHMARK(asio_post);
#endif

} // namespace
