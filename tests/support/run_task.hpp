//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What tests of coroutines share: running a body to its end, small tasks to await, things that are counted.

#ifndef POSTHORN_TESTS_SUPPORT_RUN_TASK_HPP
#define POSTHORN_TESTS_SUPPORT_RUN_TASK_HPP

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>

#include "support/allocations.hpp"

#include <asio/async_result.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace support {

/// Runs the coroutine that `body()` makes, in an event loop of its own, and returns its result.
template <class F>
decltype(auto) run(F&& body)
{
    return posthorn::sync_wait(body());
}

/// The code of the std::system_error that `body()` ends with; empty if it succeeds.
template <class F>
std::error_code code_of(F&& body)
{
    try
    {
        static_cast<void>(run(body));
    }
    catch (std::system_error const& e)
    {
        return e.code();
    }
    return {};
}

/// So often is repeated what must not take stack; sanitizers are slow, and a part of it would overflow all the same.
#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS)
inline constexpr int a_million = 1'000'000;
#else
inline constexpr int a_million = 250'000;
#endif

/// An exception that no code under test throws by itself.
struct boom : std::runtime_error
{
    explicit boom(int n = 0) : std::runtime_error("boom"), number(n) {}
    int number;
};

/// An object whose copies are counted, to see that frames, arguments and results are freed, each once.
class counted
{
public:
    explicit counted(int v = 0) noexcept : value(v) { ++alive_; }
    counted(counted const& other) noexcept : value(other.value) { ++alive_; }
    counted(counted&& other) noexcept : value(other.value) { ++alive_; }
    counted& operator=(counted const&) noexcept = default;
    counted& operator=(counted&&) noexcept      = default;
    ~counted() { --alive_; }

    static int alive() noexcept { return alive_.load(); }

    int value;

private:
    static inline std::atomic<int> alive_ {0};
};

/// How far apart on the stack the places are from which note() was called.
class stack_meter
{
public:
    __attribute__((noinline)) void note() noexcept
    {
        auto const here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        lowest_         = std::min(lowest_, here);
        highest_        = std::max(highest_, here);
    }

    std::size_t spread() const noexcept { return highest_ < lowest_ ? 0 : highest_ - lowest_; }

    /// More than any fixed number of nested calls takes, less than one call for each of a million steps.
    static constexpr std::size_t limit = 64 * 1024;

private:
    std::uintptr_t lowest_  = UINTPTR_MAX;
    std::uintptr_t highest_ = 0;
};

/// Suspends once: goes to the end of the executor's queue.
inline posthorn::task<void> hop()
{
    auto const ex = co_await posthorn::this_coro::executor;
    co_await asio::post(ex, posthorn::use_task);
}

inline posthorn::task<void> sleep_for(std::chrono::steady_clock::duration d)
{
    auto const         ex = co_await posthorn::this_coro::executor;
    asio::steady_timer timer(ex, d);
    co_await timer.async_wait(posthorn::use_task);
}

/// Waits for its cancellation.
inline posthorn::task<void> forever()
{
    auto const         ex = co_await posthorn::this_coro::executor;
    asio::steady_timer timer(ex, std::chrono::steady_clock::time_point::max());
    co_await timer.async_wait(posthorn::use_task);
}

/// An Asio operation of one's own: `initiation(handler)` starts it.
template <class Signature, class Initiation, class Token = posthorn::use_task_t>
auto operation(Initiation initiation, Token const& token = posthorn::use_task)
{
    return asio::async_initiate<Token const, Signature>(std::move(initiation), token);
}

template <class T>
posthorn::task<T> ready(T value)
{
    co_return value;
}

/// Like ready(), but not before the executor had another turn.
template <class T>
posthorn::task<T> later(T value)
{
    co_await hop();
    co_return value;
}

inline posthorn::task<void> fail(int number)
{
    throw boom(number);
    co_return; // makes it a coroutine
}

inline posthorn::task<void> fail_later(int number)
{
    co_await hop();
    throw boom(number);
}

} // namespace support

#endif
