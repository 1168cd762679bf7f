//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What tasks cost, beside asio::awaitable in the same run.

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <benchmark/benchmark.h>

#include <memory>
#include <system_error>
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

/// One octet there and one back over a pair of connected sockets, in one thread.
class socket_pair
{
public:
    explicit socket_pair(asio::any_io_executor const& ex) : near(ex), far(ex) { asio::local::connect_pair(near, far); }

    asio::local::stream_protocol::socket near;
    asio::local::stream_protocol::socket far;
    char                                 octet = 'x';
};

posthorn::task<> echo(std::shared_ptr<socket_pair> s)
{
    for (char octet = 0;;)
    {
        auto const  got     = co_await s->far.async_read_some(asio::buffer(&octet, 1), posthorn::use_task_nothrow);
        auto const& [ec, n] = got;
        if (ec)
            co_return;
        co_await s->far.async_write_some(asio::buffer(&octet, n), posthorn::use_task);
    }
}

posthorn::task<> ping_pongs(benchmark::State& state, std::shared_ptr<socket_pair> s)
{
    for (auto _ : state)
    {
        co_await s->near.async_write_some(asio::buffer(&s->octet, 1), posthorn::use_task);
        co_await s->near.async_read_some(asio::buffer(&s->octet, 1), posthorn::use_task);
    }
    s->near.close();
}

void task_ping_pong(benchmark::State& state)
{
    asio::io_context loop(1);
    auto const       s = std::make_shared<socket_pair>(loop.get_executor());
    posthorn::spawn(loop, echo(s), asio::detached);
    posthorn::spawn(loop, ping_pongs(state, s), asio::detached);
    loop.run();
}

BENCHMARK(task_ping_pong);
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

asio::awaitable<void> asio_echo(std::shared_ptr<socket_pair> s)
{
    for (char octet = 0;;)
    {
        std::error_code ec;
        auto            token = asio::redirect_error(asio::use_awaitable, ec);
        auto const      n     = co_await s->far.async_read_some(asio::buffer(&octet, 1), token);
        if (ec)
            co_return;
        co_await s->far.async_write_some(asio::buffer(&octet, n), asio::use_awaitable);
    }
}

asio::awaitable<void> asio_ping_pongs(benchmark::State& state, std::shared_ptr<socket_pair> s)
{
    for (auto _ : state)
    {
        co_await s->near.async_write_some(asio::buffer(&s->octet, 1), asio::use_awaitable);
        co_await s->near.async_read_some(asio::buffer(&s->octet, 1), asio::use_awaitable);
    }
    s->near.close();
}

void asio_ping_pong(benchmark::State& state)
{
    asio::io_context loop(1);
    auto const       s = std::make_shared<socket_pair>(loop.get_executor());
    asio::co_spawn(loop, asio_echo(s), asio::detached);
    asio::co_spawn(loop, asio_ping_pongs(state, s), asio::detached);
    loop.run();
}

void run(asio::awaitable<void> a)
{
    asio::io_context loop(1);
    asio::co_spawn(loop, std::move(a), asio::detached);
    loop.run();
}

void asio_call(benchmark::State& state) { run(asio_calls(state)); }
void asio_post(benchmark::State& state) { run(asio_posts(state)); }

BENCHMARK(asio_ping_pong);
BENCHMARK(asio_call);
BENCHMARK(asio_post);
#endif

} // namespace
