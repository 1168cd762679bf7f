//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The bridge in: Asio operations of every signature awaited in tasks, how they start, fail, and are dropped; offload.

#include <posthorn/coro/use_task.hpp>

#include <posthorn/coro/offload.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/with_timeout.hpp>

#include <doctest/doctest.h>

#include "support/run_task.hpp"

#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/compose.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using posthorn::condition;
using posthorn::errc;
using posthorn::offload;
using posthorn::spawn;
using posthorn::task;
using posthorn::use_task;
using posthorn::use_task_nothrow;

namespace {

/// Posts a call of its handler with the given values, as a well-behaved operation does.
template <class... Values>
auto completes_with(Values... values)
{
    return [... v = std::move(values)](auto handler) mutable {
        auto const ex = asio::get_associated_executor(handler);
        asio::post(ex, [h = std::move(handler), ... w = std::move(v)]() mutable { std::move(h)(std::move(w)...); });
    };
}

/// Calls its handler before it returns, which no operation should do.
template <class... Values>
auto completes_at_once_with(Values... values)
{
    return [... v = std::move(values)](auto handler) mutable { std::move(handler)(std::move(v)...); };
}

struct handler_traits
{
    asio::any_io_executor executor;
    bool                  slot_connected = false;
};

/// Looks at what is associated with the handler, and completes.
auto inspects(handler_traits& seen)
{
    return [&seen](auto handler) {
        seen.executor       = asio::get_associated_executor(handler, asio::system_executor());
        seen.slot_connected = asio::get_associated_cancellation_slot(handler).is_connected();
        static_assert(!std::is_same_v<typename asio::associated_allocator<decltype(handler)>::type, std::allocator<void>>);
        using rebound = typename std::allocator_traits<
            typename asio::associated_allocator<decltype(handler)>::type>::template rebind_alloc<long>;
        rebound    allocator(asio::get_associated_allocator(handler));
        long* const p = allocator.allocate(3);
        allocator.deallocate(p, 3);
        asio::post(std::move(handler));
    };
}

/// An operation that can be cancelled, and tells by which types.
class cancellable
{
public:
    asio::cancellation_type_t seen = asio::cancellation_type::none;

    auto wait()
    {
        return [this](auto handler) {
            using handler_type = decltype(handler);
            auto slot          = asio::get_associated_cancellation_slot(handler);
            REQUIRE(slot.is_connected());
            auto shared = std::make_shared<handler_type>(std::move(handler));
            slot.assign([this, shared](asio::cancellation_type_t type) mutable {
                seen          = type;
                auto const ex = asio::get_associated_executor(*shared);
                asio::post(ex, [h = std::move(shared)] { std::move (*h)(std::error_code(asio::error::operation_aborted)); });
            });
        };
    }
};

} // namespace

TEST_SUITE_BEGIN("coro/use_task");

TEST_CASE("results come by value: nothing, one value, or a tuple")
{
    auto const body = []() -> task<void> {
        using std::error_code;
        static_assert(std::is_void_v<decltype(operation<void()>(completes_with()).await_resume())>);
        co_await operation<void()>(completes_with());

        int const one = co_await operation<void(int)>(completes_with(1));
        CHECK(one == 1);
        auto const two = co_await operation<void(int, std::string)>(completes_with(2, std::string("two")));
        static_assert(std::is_same_v<decltype(two), std::tuple<int, std::string> const>);
        CHECK(std::get<1>(two) == "two");

        static_assert(std::is_void_v<decltype(operation<void(error_code)>(completes_with(error_code())).await_resume())>);
        co_await operation<void(error_code)>(completes_with(error_code()));
        auto unique = co_await operation<void(error_code, std::unique_ptr<int>)>(
            completes_with(error_code(), std::make_unique<int>(3)));
        CHECK(*unique == 3);
        auto const three = co_await operation<void(error_code, int, char, std::string)>(
            completes_with(error_code(), 3, 'c', std::string("three")));
        static_assert(std::is_same_v<decltype(three), std::tuple<int, char, std::string> const>);
        CHECK(std::get<2>(three) == "three");

        co_await operation<void(std::exception_ptr)>(completes_with(std::exception_ptr()));
        int const four = co_await operation<void(std::exception_ptr, int)>(completes_with(std::exception_ptr(), 4));
        CHECK(four == 4);

        auto const referenced = co_await operation<void(std::string const&)>(completes_with(std::string("by value")));
        CHECK(referenced == "by value");
    };
    run(body);
}

TEST_CASE("failures are thrown")
{
    auto const code = std::make_error_code(std::errc::broken_pipe);
    auto const one  = [&]() -> task<void> { co_await operation<void(std::error_code)>(completes_with(code)); };
    CHECK(code_of(one) == code);
    auto const two = [&]() -> task<void> {
        std::ignore = co_await operation<void(std::error_code, int)>(completes_with(code, 1));
    };
    CHECK(code_of(two) == code);
    auto const three = [&]() -> task<void> {
        std::ignore =
            co_await operation<void(std::exception_ptr, int)>(completes_with(std::make_exception_ptr(boom(1)), 1));
    };
    CHECK_THROWS_AS(run(three), boom);
}

TEST_CASE("use_task_nothrow gives everything that the operation reports")
{
    auto const body = []() -> task<void> {
        auto const code = std::make_error_code(std::errc::broken_pipe);
        auto const all  = co_await operation<void(std::error_code, int)>(completes_with(code, 5), use_task_nothrow);
        static_assert(std::is_same_v<decltype(all), std::tuple<std::error_code, int> const>);
        auto const& [ec, n] = all;
        CHECK(ec == code);
        CHECK(n == 5);
        auto const thrown = co_await operation<void(std::exception_ptr)>(
            completes_with(std::make_exception_ptr(boom(1))), use_task_nothrow);
        CHECK(std::get<0>(thrown) != nullptr);
        auto const nothing = co_await operation<void()>(completes_with(), use_task_nothrow);
        static_assert(std::tuple_size_v<std::remove_const_t<decltype(nothing)>> == 0);
    };
    run(body);
}

TEST_CASE("the handler carries the executor, the cancellation slot and the memory of the task")
{
    asio::io_context   io;
    auto               strand = asio::make_strand(io);
    handler_traits     plain;
    handler_traits     slotted;
    handler_traits     inside;
    auto const         body = [](handler_traits& seen) -> task<void> { co_await operation<void()>(inspects(seen)); };
    asio::cancellation_signal signal;
    spawn(strand, body(plain), [](std::exception_ptr) {});
    spawn(strand, body(slotted), asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr) {}));
    spawn(strand, posthorn::with_timeout(body(inside), 1h), [](std::exception_ptr) {});
    io.run();
    CHECK_FALSE(plain.slot_connected);
    CHECK(slotted.slot_connected);
    CHECK(inside.slot_connected);
    CHECK(plain.executor == strand);
    CHECK(inside.executor == strand);
}

TEST_CASE("every type of cancellation reaches the operation as it was emitted")
{
    using asio::cancellation_type;
    for (auto type : {cancellation_type::terminal, cancellation_type::partial, cancellation_type::total})
    {
        asio::io_context          io;
        asio::cancellation_signal signal;
        cancellable               op;
        std::exception_ptr        result;
        auto const                leaf = [&]() -> task<void> { co_await operation<void(std::error_code)>(op.wait()); };
        auto const                body = [&]() -> task<void> {
            auto const inner = [&]() -> task<void> { co_await posthorn::with_timeout(leaf(), 1h); };
            std::ignore      = co_await posthorn::when_all(inner(), ready(1));
        };
        spawn(io, body(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { result = e; }));
        io.poll();
        signal.emit(type);
        io.run();
        CHECK(op.seen == type);
        REQUIRE(result != nullptr);
        CHECK_THROWS_AS(std::rethrow_exception(result), std::system_error);
    }
}

TEST_CASE("an operation of a cancelled task is not started")
{
    asio::io_context          io;
    asio::cancellation_signal signal;
    int                       started = 0;
    std::vector<std::string>  log;
    auto const                starts = [&](auto handler) {
        ++started;
        asio::post(std::move(handler));
    };
    auto const starts_code = [&](auto handler) {
        ++started;
        std::move(handler)(std::error_code(), 1);
    };
    auto const body = [&]() -> task<void> {
        try
        {
            co_await forever();
        }
        catch (std::system_error const& e)
        {
            CHECK(e.code() == condition::canceled);
            log.emplace_back("leaf");
        }
        auto const how = co_await posthorn::this_coro::cancelled;
        CHECK(how == asio::cancellation_type::total);
        try
        {
            co_await operation<void()>(starts);
        }
        catch (std::system_error const& e)
        {
            CHECK(e.code() == condition::canceled);
            log.emplace_back("refused");
        }
        auto const all = co_await operation<void(std::error_code, int)>(starts_code, use_task_nothrow);
        CHECK(std::get<0>(all) == condition::canceled);
        log.emplace_back("told");
    };
    // The timer obeys every type.
    spawn(io, body(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { CHECK(e == nullptr); }));
    io.poll();
    signal.emit(asio::cancellation_type::total);
    io.run();
    CHECK(log == std::vector<std::string> {"leaf", "refused", "told"});
    CHECK(started == 0);
}

TEST_CASE("an exception out of an initiating function is thrown from the await expression")
{
    auto const before = [](auto&&) { throw boom(1); }; // takes no handler
    auto const after  = [](auto handler) {
        auto const taken = std::move(handler);
        throw boom(2);
    };
    // Moved once on the way into the awaitable, then once more when it starts.
    struct argument
    {
        explicit argument(int m) : moves_left(m) {}
        argument(argument&& other) : moves_left(other.moves_left - 1)
        {
            if (moves_left == 0)
                throw boom(3);
        }
        int moves_left;
    };
    auto const body = [&]() -> task<int> {
        counted const local;
        int           sum = 0;
        for (int i = 0; i != 3; ++i)
        {
            try
            {
                co_await operation<void()>(before);
            }
            catch (boom const& e)
            {
                sum += e.number;
            }
            try
            {
                co_await operation<void()>(after);
            }
            catch (boom const& e)
            {
                sum += 10 * e.number;
            }
        }
        co_await hop();
        co_return sum;
    };
    CHECK(run(body) == 63);
    CHECK(counted::alive() == 0);

    // Not even an argument that cannot be moved when it matters ends the program.
    auto const moves = [&]() -> task<int> {
        int        number = 0;
        auto const never  = [](auto&&, argument&&) { FAIL("must not be started"); };
        auto       op     = asio::async_initiate<posthorn::use_task_t const, void()>(never, use_task, argument(2));
        try
        {
            co_await std::move(op);
        }
        catch (boom const& e)
        {
            number = e.number;
        }
        co_return number;
    };
    CHECK(run(moves) == 3);
}

TEST_CASE("an operation that completes inside its initiating function is like any other")
{
    auto const body = []() -> task<int> {
        int const one = co_await operation<void(int)>(completes_at_once_with(1));
        co_await hop();
        int failures = 0;
        try
        {
            co_await operation<void(std::error_code)>(
                completes_at_once_with(std::make_error_code(std::errc::broken_pipe)));
        }
        catch (std::system_error const&)
        {
            ++failures;
        }
        co_return one * 10 + failures;
    };
    CHECK(run(body) == 11);

    // As the very last step, too.
    auto const last = []() -> task<int> { co_return co_await operation<void(int)>(completes_at_once_with(3)); };
    CHECK(run(last) == 3);
}

TEST_CASE("a million operations that complete inside their initiating function need no stack")
{
    stack_meter meter;
    auto const  body = [&]() -> task<int> {
        int        count = 0;
        auto const ex    = co_await posthorn::this_coro::executor;
        for (int i = 0; i != a_million; ++i)
        {
            int const one = co_await operation<void(int)>(completes_at_once_with(1));
            meter.note();
            count += one;
        }
        for (int i = 0; i != a_million; ++i)
        {
            co_await asio::dispatch(ex, use_task);
            meter.note();
        }
        co_return count;
    };
    CHECK(run(body) == a_million);
    CHECK(meter.spread() < stack_meter::limit);
}

TEST_CASE("an operation that drops its handler unwinds the whole chain, and only that")
{
    auto const drops = [](auto handler) { auto const gone = std::move(handler); };
    auto const drops_later = [](auto handler) {
        auto const ex = asio::get_associated_executor(handler);
        asio::post(ex, [h = std::move(handler)] { static_cast<void>(h); });
    };
    auto const leaf = [&](bool now) -> task<void> {
        counted const local;
        if (now)
            co_await operation<void()>(drops);
        else
            co_await operation<void()>(drops_later);
        FAIL("must not go on");
    };
    for (bool now : {false, true})
    {
        CAPTURE(now);
        asio::io_context io;
        bool             other  = false;
        auto const       middle = [&]() -> task<void> {
            counted const local;
            co_await posthorn::with_timeout(leaf(now), 1h);
        };
        auto const bystander = [&]() -> task<void> {
            co_await hop();
            co_await hop();
            other = true;
        };
        spawn(io, middle(), [c = counted()](std::exception_ptr) { FAIL("must not be called"); });
        spawn(io, bystander(), [](std::exception_ptr) {});
        io.run(); // and it ends: no work is left behind, not even the deadline
        CHECK(other);
        CHECK(counted::alive() == 0);
    }
}

TEST_CASE("sockets, timers, composed operations and handlers of operations work together")
{
    auto const body = []() -> task<std::string> {
        auto const                           ex = co_await posthorn::this_coro::executor;
        asio::local::stream_protocol::socket a(ex);
        asio::local::stream_protocol::socket b(ex);
        asio::local::connect_pair(a, b);
        std::string const text = "composed";
        auto const        n    = co_await asio::async_write(a, asio::buffer(text), use_task);
        CHECK(n == text.size());
        std::string got(text.size(), '\0');
        auto const  m = co_await asio::async_read(b, asio::buffer(got), use_task);
        CHECK(m == text.size());
        a.close();
        std::array<char, 1> one {};
        auto const          end = co_await b.async_read_some(asio::buffer(one), use_task_nothrow);
        CHECK(std::get<0>(end) == asio::error::eof);

        auto const twice = [n_ = 0](auto& self, std::error_code = {}) mutable {
            if (n_++ == 2)
                self.complete(std::error_code(), n_);
            else
                asio::post(std::move(self));
        };
        auto composed =
            asio::async_compose<posthorn::use_task_t const, void(std::error_code, int)>(twice, use_task, b);
        int const steps = co_await std::move(composed);
        CHECK(steps == 3);
        co_return got;
    };
    CHECK(run(body) == "composed");
}

TEST_CASE("an operation that fails in the system throws the system's code")
{
    auto const body = []() -> task<void> {
        auto const             ex = co_await posthorn::this_coro::executor;
        asio::ip::tcp::acceptor acceptor(ex, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        auto const              endpoint = acceptor.local_endpoint();
        acceptor.close();
        asio::ip::tcp::socket socket(ex);
        co_await socket.async_connect(endpoint, use_task);
    };
    CHECK(code_of(body) == condition::unreachable);
}

TEST_CASE("an awaitable operation can be made first and awaited later, and dropped unstarted")
{
    auto const body = []() -> task<int> {
        auto const ex = co_await posthorn::this_coro::executor;
        asio::steady_timer timer(ex, 0ms);
        {
            auto never = timer.async_wait(use_task);
            static_cast<void>(never);
        }
        auto op = operation<void(int)>(completes_with(8));
        co_await hop();
        int const x = co_await std::move(op);
        co_return x;
    };
    CHECK(run(body) == 8);
}

// ---- offload -----------------------------------------------------------------------------------------------

TEST_CASE("offload runs a function on another thread and returns to the executor")
{
    auto const body = []() -> task<void> {
        auto const  home  = std::this_thread::get_id();
        auto const  asks  = [] { return std::this_thread::get_id(); };
        auto const  id    = co_await offload(asks);
        CHECK(id != home);
        CHECK(std::this_thread::get_id() == home);
        bool        ran   = false;
        auto const  sets  = [&ran] { ran = true; };
        co_await offload(sets);
        CHECK(ran);
        auto const  makes = [p = std::make_shared<int>(4)] { return std::make_unique<int>(*p); };
        auto const  got   = co_await offload(makes);
        CHECK(*got == 4);
    };
    run(body);
}

TEST_CASE("offload throws what the function throws, and frees the function")
{
    auto const body = [](bool result) -> task<int> {
        counted const token;
        int           caught = 0;
        try
        {
            if (result)
            {
                auto const f = [token]() -> int { throw boom(token.value + 5); };
                std::ignore  = co_await offload(f);
            }
            else
            {
                auto const f = [token] { throw boom(token.value + 6); };
                co_await offload(f);
            }
        }
        catch (boom const& e)
        {
            caught = e.number;
        }
        co_await hop();
        co_return caught;
    };
    CHECK(posthorn::sync_wait(body(true)) == 5);
    CHECK(posthorn::sync_wait(body(false)) == 6);
    CHECK(counted::alive() == 0);
}

TEST_CASE("offload comes back to a strand, from many tasks at once")
{
    asio::io_context               io;
    auto                           strand = asio::make_strand(io);
    int                            sum    = 0;
    std::vector<std::future<void>> all;
    auto const                     body = [&]() -> task<void> {
        auto const one = [] { return 1; };
        int const  x   = co_await offload(one);
        CHECK(strand.running_in_this_thread());
        sum += x;
    };
    for (int i = 0; i != 50; ++i)
        all.push_back(spawn(strand, body(), asio::use_future));
    std::thread helper([&] { io.run(); });
    io.run();
    helper.join();
    for (auto& f : all)
        f.get();
    CHECK(sum == 50);
}

TEST_CASE("an event loop destroyed while a worker runs waits for the worker and unwinds the task")
{
    std::promise<void> entered;
    std::atomic<bool>  left {false};
    {
        asio::io_context io;
        auto const       work = [&] {
            entered.set_value();
            std::this_thread::sleep_for(20ms);
            left = true;
            return 1;
        };
        auto const body = [&]() -> task<void> {
            counted const      local;
            asio::steady_timer before(io, 1h);
            std::ignore = co_await offload(work);
            FAIL("must not go on");
        };
        spawn(io, body(), [c = counted()](std::exception_ptr) { FAIL("must not be called"); });
        io.poll();
        entered.get_future().wait();
    }
    CHECK(left);
    CHECK(counted::alive() == 0);
}

TEST_CASE("an event loop destroyed while functions wait for a worker drops them and unwinds their tasks")
{
    // Both workers are busy; what waits behind them is dropped with the loop. The tasks own objects of services
    // that are younger than the workers.
    std::atomic<int>   busy {0};
    std::promise<void> release;
    auto const         released = release.get_future().share();
    std::atomic<int>   ran {0};
    std::thread        freeing;
    {
        asio::io_context io;
        auto const       nothing = [] {};
        auto const       warm_up = [&]() -> task<void> { co_await offload(nothing); };
        spawn(io, warm_up(), [](std::exception_ptr) {});
        io.run();
        io.restart();

        auto const blocks = [&] {
            ++busy;
            released.wait();
        };
        auto const blocked = [&]() -> task<void> {
            counted const local;
            co_await offload(blocks);
        };
        auto const counts = [&, c = counted()] { ran += 1 + c.value; };
        auto const queued = [&]() -> task<void> {
            counted const         local;
            asio::steady_timer    timer(io, 1h);
            asio::ip::tcp::socket socket(io, asio::ip::tcp::v4());
            co_await posthorn::with_timeout(offload(counts), 1h);
        };
        for (int i = 0; i != 2; ++i)
            spawn(io, blocked(), [](std::exception_ptr) { FAIL("must not be called"); });
        while (busy != 2)
            io.poll();
        for (int i = 0; i != 5; ++i)
            spawn(io, queued(), [](std::exception_ptr) { FAIL("must not be called"); });
        io.poll();
        CHECK(ran == 0);
        freeing = std::thread([&] {
            std::this_thread::sleep_for(20ms); // the loop is being destroyed meanwhile, or will be soon
            release.set_value();
        });
    }
    freeing.join();
    CHECK(counted::alive() == 0);
}

TEST_CASE("offload works on a thread pool and on the system executor's relatives")
{
    asio::thread_pool pool(2);
    auto              strand = asio::make_strand(pool);
    auto const        body   = []() -> task<int> {
        auto const one = [] { return 1; };
        int const  x   = co_await offload(one);
        co_return x;
    };
    auto result = spawn(strand, body(), asio::use_future);
    CHECK(result.get() == 1);
    pool.join();
}

TEST_SUITE_END();
