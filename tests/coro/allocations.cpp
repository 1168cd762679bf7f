//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The steady state takes nothing from the heap: frames, handlers, deadlines and groups are recycled.

#include <posthorn/coro/frame_memory.hpp>

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/generator.hpp>
#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/coro/with_timeout.hpp>

#include <doctest/doctest.h>

#include "support/allocations.hpp"
#include "support/foreign_task.hpp"
#include "support/run_task.hpp"

#include <asio/buffer.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS)

namespace {

std::size_t& counter() noexcept
{
    static thread_local std::size_t n = 0;
    return n;
}

std::size_t& aligned_counter() noexcept
{
    static thread_local std::size_t n = 0;
    return n;
}

/// How many more succeed; negative: all.
std::ptrdiff_t& granted() noexcept
{
    static thread_local std::ptrdiff_t n = -1;
    return n;
}

void* counted_allocation(std::size_t size, std::size_t alignment = alignof(std::max_align_t))
{
    ++counter();
    if (granted() == 0)
        throw std::bad_alloc();
    if (granted() > 0)
        --granted();
    void* p = nullptr;
    if (alignment <= alignof(std::max_align_t))
        p = std::malloc(size == 0 ? 1 : size);
    else if (::posix_memalign(&p, alignment, size) != 0)
        p = nullptr;
    if (p == nullptr)
        throw std::bad_alloc();
    return p;
}

} // namespace

// The forms not named here call one of these. Not inlined: g++ 12 takes a free() that it sees for a mismatch.
#define POSTHORN_TESTS_NOINLINE __attribute__((noinline))
POSTHORN_TESTS_NOINLINE void* operator new(std::size_t size)
{
    return counted_allocation(size);
}
POSTHORN_TESTS_NOINLINE void* operator new(std::size_t size, std::align_val_t alignment)
{
    return counted_allocation(size, static_cast<std::size_t>(alignment));
}
POSTHORN_TESTS_NOINLINE void operator delete(void* p) noexcept
{
    std::free(p);
}
POSTHORN_TESTS_NOINLINE void operator delete(void* p, std::size_t) noexcept
{
    std::free(p);
}
POSTHORN_TESTS_NOINLINE void operator delete(void* p, std::align_val_t) noexcept
{
    std::free(p);
}
POSTHORN_TESTS_NOINLINE void operator delete(void* p, std::size_t, std::align_val_t) noexcept
{
    std::free(p);
}

#if defined(__GLIBC__)
extern "C" void* __libc_memalign(std::size_t alignment, std::size_t size);
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    ++aligned_counter();
    return __libc_memalign(alignment, size);
}
#endif

void support::grant_allocations(std::ptrdiff_t n) noexcept
{
    granted() = n;
}

std::size_t support::allocations() noexcept
{
    return counter();
}

std::size_t support::aligned_allocations() noexcept
{
    return aligned_counter();
}

#else

void support::grant_allocations(std::ptrdiff_t) noexcept {}

std::size_t support::allocations() noexcept
{
    return 0;
}

std::size_t support::aligned_allocations() noexcept
{
    return 0;
}

#endif

using namespace std::chrono_literals;
using namespace support;
using posthorn::scope;
using posthorn::task;
using posthorn::use_task;
using posthorn::detail::frame_memory;

namespace {

task<int> one()
{
    co_return 1;
}

task<int> waits_once()
{
    auto const ex = co_await posthorn::this_coro::executor;
    co_await asio::post(ex, use_task);
    co_return 1;
}

/// Loses a race without an exception, whose text would come from the heap.
task<void> waits_quietly()
{
    auto const         ex = co_await posthorn::this_coro::executor;
    asio::steady_timer timer(ex, 1h);
    std::ignore           = co_await timer.async_wait(posthorn::use_task_nothrow);
}

task<int> nested(int n)
{
    if (n == 0)
        co_return 0;
    int const below = co_await nested(n - 1);
    co_return below + 1;
}

constexpr std::size_t rounds = 200;

struct cost
{
    cost(std::size_t n, std::size_t a) noexcept : plain(n), aligned(a) {}
    std::size_t plain;   ///< operator new
    std::size_t aligned; ///< std::aligned_alloc
};

/// What `rounds` calls of `step` take, after as many to warm up.
template <class Step>
task<cost> steady(Step const& step)
{
    for (std::size_t i = 0; i != rounds; ++i)
        co_await step();
    cost const before(allocations(), aligned_allocations());
    for (std::size_t i = 0; i != rounds; ++i)
        co_await step();
    co_return cost(allocations() - before.plain, aligned_allocations() - before.aligned);
}

template <class Step>
void costs_nothing(std::string what, Step step)
{
    CAPTURE(what);
    auto const taken = posthorn::sync_wait(steady(step));
    CHECK(taken.plain == 0);
    CHECK(taken.aligned == 0);
}

/** The same, but for the handlers that Asio puts into cancellation slots.

    Asio keeps the memory of two of them for each thread; where more than two slots are in use at a time the others come
    from std::aligned_alloc.
*/
template <class Step>
void costs_slots(std::string what, std::size_t most, Step step)
{
    CAPTURE(what);
    auto const taken = posthorn::sync_wait(steady(step));
    CHECK(taken.plain == 0);
    CHECK(taken.aligned <= most * rounds);
}

foreign::lazy_task<int> foreign_one()
{
    co_return 1;
}

posthorn::generator<int> ten()
{
    for (int i = 0; i != 10; ++i)
        co_yield i;
}

posthorn::async_generator<int> ten_slowly()
{
    for (int i = 0; i != 10; ++i)
    {
        co_await hop();
        co_yield i;
    }
}

} // namespace

TEST_SUITE_BEGIN("coro/allocations");

#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS)
/// An optimiser may leave out a pair of new and delete whose pointer nobody else sees: clang does.
void show(void const* p) noexcept
{
    [[maybe_unused]] static void const* volatile seen;
    seen = p;
}

TEST_CASE("the counter counts")
{
    auto const before = allocations();
    auto const p      = std::make_unique<int>(1);
    show(p.get());
    CHECK(allocations() == before + 1);
    auto const v = std::vector<int>(10, *p);
    show(v.data());
    CHECK(allocations() == before + 2);
    struct alignas(256) wide
    {
        std::array<char, 256> bytes {};
    };
    auto const w = std::make_unique<wide>();
    show(w.get());
    CHECK(reinterpret_cast<std::uintptr_t>(w.get()) % 256 == 0);
    CHECK(allocations() == before + 3);
#if defined(__GLIBC__)
    auto const  aligned_before = aligned_allocations();
    void* const a              = std::aligned_alloc(64, 128);
    show(a);
    CHECK(aligned_allocations() == aligned_before + 1);
    std::free(a);
#endif
}
#endif

TEST_CASE("calls of tasks take nothing from the heap")
{
    costs_nothing("one call", []() -> task<void> { std::ignore = co_await one(); });
    costs_nothing("a hundred nested calls", []() -> task<void> { std::ignore = co_await nested(100); });
    costs_nothing("a call that waits", []() -> task<void> { std::ignore = co_await waits_once(); });
}

TEST_CASE("timers and sockets take nothing from the heap")
{
    costs_nothing("a timer", []() -> task<void> { co_await sleep_for(0ms); });

    auto const body = []() -> task<void> {
        auto const                           ex = co_await posthorn::this_coro::executor;
        asio::local::stream_protocol::socket a(ex);
        asio::local::stream_protocol::socket b(ex);
        asio::local::connect_pair(a, b);
        auto const exchange = [&]() -> task<void> {
            std::array<char, 4> bytes {'p', 'i', 'n', 'g'};
            auto const          buffer = asio::buffer(bytes);
            std::ignore                = co_await asio::async_write(a, buffer, use_task);
            std::ignore                = co_await b.async_read_some(buffer, use_task);
            std::ignore                = co_await asio::async_write(b, buffer, use_task);
            std::ignore                = co_await asio::async_read(a, buffer, use_task);
        };
        auto const taken = co_await steady(exchange);
        CHECK(taken.plain == 0);
        CHECK(taken.aligned == 0);
    };
    posthorn::sync_wait(body());
}

TEST_CASE("when_all of two and when_any of two take nothing but slots from the heap")
{
    costs_nothing("at once", []() -> task<void> { std::ignore = co_await posthorn::when_all(one(), one()); });
    costs_nothing("posts", []() -> task<void> {
        std::ignore = co_await posthorn::when_all(waits_once(), waits_once());
    });
    costs_slots("timers", 4, []() -> task<void> {
        std::ignore = co_await posthorn::when_all(sleep_for(0ms), sleep_for(0ms));
    });
    costs_slots("a race", 4, []() -> task<void> {
        std::ignore = co_await posthorn::when_any(waits_once(), waits_quietly());
    });
}

TEST_CASE("deadlines take nothing but slots from the heap")
{
    costs_nothing("at once", []() -> task<void> {
        std::ignore = co_await posthorn::with_timeout(one(), 1h);
        co_await hop(); // the loop disposes of the cancelled timer
    });
    costs_nothing("a post", []() -> task<void> {
        std::ignore = co_await posthorn::with_timeout(waits_once(), 1h);
    });
    costs_nothing("a timer", []() -> task<void> { co_await posthorn::with_timeout(sleep_for(0ms), 1h); });
    costs_nothing("a shield", []() -> task<void> { co_await posthorn::shielded(sleep_for(0ms)); });
    costs_slots("a group", 6, []() -> task<void> {
        auto both   = posthorn::when_all(sleep_for(0ms), waits_once());
        std::ignore = co_await posthorn::with_timeout(std::move(both), 1h);
    });
    costs_slots("nested", 6, []() -> task<void> {
        auto inner = posthorn::with_timeout(sleep_for(0ms), 2h);
        co_await posthorn::with_timeout(std::move(inner), 1h);
    });
}

TEST_CASE("scopes and generators take nothing but slots from the heap")
{
    costs_slots("a scope", 4, []() -> task<void> {
        auto const body = [](scope& s) -> task<void> {
            s.spawn(hop());
            co_await hop();
        };
        co_await posthorn::with_scope(body);
    });
    costs_nothing("a generator", []() -> task<void> {
        int sum = 0;
        for (int x : ten())
            sum += x;
        if (sum != 45)
            throw boom(sum);
        co_return;
    });
    costs_nothing("an async_generator", []() -> task<void> {
        auto g = ten_slowly();
        auto x = co_await g.next();
        while (x)
            x = co_await g.next();
    });
}

TEST_CASE("awaiting a foreign coroutine takes nothing but the foreign frame")
{
    auto const step  = []() -> task<void> { std::ignore = co_await foreign_one(); };
    auto const taken = posthorn::sync_wait(steady(step));
    CHECK(taken.plain <= rounds); // a compiler may elide it
}

TEST_CASE("spawned tasks take nothing from the heap")
{
    costs_nothing("awaited", []() -> task<void> {
        auto const ex = co_await posthorn::this_coro::executor;
        std::ignore   = co_await posthorn::spawn(ex, waits_once(), use_task);
    });
    costs_nothing("detached", []() -> task<void> {
        auto const ex = co_await posthorn::this_coro::executor;
        posthorn::spawn(ex, waits_once(), asio::detached);
        co_await hop();
        co_await hop();
    });
}

// ---- the free list itself ----------------------------------------------------------------------------------

TEST_CASE("blocks of every size can be used to their last byte, and do not overlap")
{
    std::vector<std::pair<unsigned char*, std::size_t>> blocks;
    for (int round = 0; round != 3; ++round)
    {
        for (std::size_t size : {std::size_t(0), std::size_t(1), std::size_t(63), std::size_t(64), std::size_t(65),
                                 std::size_t(4095), std::size_t(4096), std::size_t(4097), std::size_t(100'000)})
            for (int i = 0; i != 3; ++i)
            {
                auto* const p = static_cast<unsigned char*>(frame_memory::allocate(size));
                CHECK(reinterpret_cast<std::uintptr_t>(p) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0);
                std::memset(p, static_cast<int>(blocks.size() % 251), size);
                blocks.emplace_back(p, size);
            }
        for (std::size_t i = 0; i != blocks.size(); ++i)
        {
            auto const [p, size] = blocks[i];
            for (std::size_t k = 0; k != size; ++k)
                if (p[k] != i % 251)
                {
                    FAIL("overwritten");
                    break;
                }
            frame_memory::deallocate(p, size);
        }
        blocks.clear();
    }
}

TEST_CASE("blocks may be freed by another thread, and after the thread's own objects")
{
    std::vector<void*> made;
    std::thread        maker([&] {
        for (int i = 0; i != 1000; ++i)
            made.push_back(frame_memory::allocate(100));
    });
    maker.join();
    std::thread breaker([&] {
        for (void* p : made)
            frame_memory::deallocate(p, 100);
    });
    breaker.join();

    // A task that a thread-local object holds until its thread ends.
    std::thread owner([] {
        static thread_local task<int> kept;
        kept = nested(5); // older than the free list: destroyed after it
        CHECK(kept.valid());
    });
    owner.join();
}

TEST_CASE("each thread keeps a bounded number of blocks")
{
#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS)
    std::thread thread([] {
        std::vector<void*> many;
        many.reserve(frame_memory::most_kept * 2);
        for (std::size_t i = 0; i != frame_memory::most_kept * 2; ++i)
            many.push_back(frame_memory::allocate(500));
        for (void* p : many)
            frame_memory::deallocate(p, 500);
        many.clear();
        auto const before = allocations();
        for (std::size_t i = 0; i != frame_memory::most_kept * 2; ++i)
            many.push_back(frame_memory::allocate(500));
        CHECK(allocations() - before == frame_memory::most_kept);
        for (void* p : many)
            frame_memory::deallocate(p, 500);
    });
    thread.join();
#endif
}

TEST_SUITE_END();
