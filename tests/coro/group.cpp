//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// when_all, when_any, with_scope, with_timeout and shielded: results, failures, cancellation, and how they nest.

#include <posthorn/coro/group.hpp>

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/coro/with_timeout.hpp>

#include <doctest/doctest.h>

#include "support/run_task.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/associated_executor.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using posthorn::condition;
using posthorn::errc;
using posthorn::scope;
using posthorn::shielded;
using posthorn::spawn;
using posthorn::sync_wait;
using posthorn::task;
using posthorn::use_task;
using posthorn::when_all;
using posthorn::when_any;
using posthorn::with_deadline;
using posthorn::with_scope;
using posthorn::with_timeout;

namespace {

/// What happened to the leaves of a tree of tasks.
struct record
{
    int                       started  = 0;
    int                       canceled = 0;
    int                       ended    = 0;
    asio::cancellation_type_t type     = asio::cancellation_type::none;
};

task<int> leaf(record& r)
{
    ++r.started;
    try
    {
        co_await forever();
    }
    catch (std::system_error const& e)
    {
        r.canceled += e.code() == condition::canceled ? 1 : 0;
        ++r.ended;
    }
    auto const type = co_await posthorn::this_coro::cancelled;
    r.type          = type;
    throw std::system_error(asio::error::operation_aborted);
}

task<void> quiet_leaf(record& r)
{
    std::ignore = co_await leaf(r);
}

/// Ends with success in spite of its cancellation.
task<int> stubborn(record& r, int value)
{
    try
    {
        std::ignore = co_await leaf(r);
    }
    catch (std::system_error const&)
    {
    }
    co_return value;
}

task<std::unique_ptr<int>> unique_later(int value)
{
    co_await hop();
    co_return std::make_unique<int>(value);
}

task<int&> reference_later(int& x)
{
    co_await hop();
    co_return x;
}

/// Its operation is dropped without a call; `now`: inside the initiating function.
task<int> dropped(bool now)
{
    counted const local;
    auto const    drops = [now](auto handler) {
        if (now)
        {
            auto const gone = std::move(handler);
            return;
        }
        auto const ex = asio::get_associated_executor(handler);
        asio::post(ex, [h = std::move(handler)] { static_cast<void>(h); });
    };
    co_await operation<void()>(drops);
    FAIL("must not go on");
    co_return 0;
}

posthorn::async_generator<int> endless(record& r)
{
    std::ignore = co_await leaf(r);
    co_yield 1;
}

/// Runs `make(record)` until it waits, emits `type`, and tells what became of it.
template <class Make>
std::error_code cancel_with(asio::cancellation_type type, record& r, Make make)
{
    asio::io_context          io;
    asio::cancellation_signal signal;
    std::error_code           code;
    int                       calls = 0;
    auto const                body  = [&]() -> task<void> { std::ignore = co_await make(r); };
    spawn(io, body(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
              ++calls;
              try
              {
                  if (e)
                      std::rethrow_exception(e);
              }
              catch (std::system_error const& s)
              {
                  code = s.code();
              }
          }));
    io.poll();
    CHECK(calls == 0);
    signal.emit(type);
    io.run();
    CHECK(calls == 1);
    return code;
}

task<int> in_scope(record& r)
{
    auto const body = [&r](scope& s) -> task<int> {
        s.spawn(quiet_leaf(r));
        s.spawn(quiet_leaf(r));
        int const x = co_await leaf(r);
        co_return x;
    };
    int const x = co_await with_scope(body);
    co_return x;
}

task<int> spawn_here(asio::any_io_executor ex, record& r)
{
    int const x = co_await spawn(ex, leaf(r), use_task);
    co_return x;
}

task<void> ignore_failure(record& r)
{
    std::ignore = co_await stubborn(r, 0);
}

task<int> from_generator(record& r)
{
    auto       g = endless(r);
    auto const x = co_await g.next();
    co_return *x;
}

} // namespace

TEST_SUITE_BEGIN("coro/group");

// ---- when_all ----------------------------------------------------------------------------------------------

TEST_CASE("when_all gives the results in order, whoever ends first")
{
    int        object = 1;
    auto const body   = [&]() -> task<void> {
        auto const slow = []() -> task<std::string> {
            co_await hop();
            co_await hop();
            co_return "slow";
        };
        auto all = co_await when_all(slow(), ready(2), hop(), unique_later(4), reference_later(object));
        static_assert(std::is_same_v<decltype(all), std::tuple<std::string, int, std::monostate,
                                                               std::unique_ptr<int>, int&>>);
        CHECK(std::get<0>(all) == "slow");
        CHECK(std::get<1>(all) == 2);
        CHECK(*std::get<3>(all) == 4);
        CHECK(&std::get<4>(all) == &object);

        auto const none = co_await when_all();
        static_assert(std::is_same_v<decltype(none), std::tuple<> const>);
    };
    run(body);
}

TEST_CASE("when_all takes vectors of tasks, empty ones too")
{
    auto const body = []() -> task<void> {
        std::vector<task<std::unique_ptr<int>>> values;
        std::vector<task<void>>                 plain;
        for (int i = 0; i != 20; ++i)
        {
            values.push_back(unique_later(i));
            plain.push_back(hop());
        }
        auto const all = co_await when_all(std::move(values));
        REQUIRE(all.size() == 20);
        for (std::size_t i = 0; i != all.size(); ++i)
            CHECK(*all[i] == static_cast<int>(i));
        co_await when_all(std::move(plain));

        std::vector<task<int>>  no_values;
        std::vector<task<void>> no_tasks;
        auto const              nothing = co_await when_all(std::move(no_values));
        CHECK(nothing.empty());
        co_await when_all(std::move(no_tasks));
    };
    run(body);
}

TEST_CASE("tasks of when_all run beside each other")
{
    std::string order;
    auto const  writes = [&](char c) -> task<void> {
        for (int i = 0; i != 3; ++i)
        {
            order += c;
            co_await hop();
        }
    };
    auto const body = [&]() -> task<void> { std::ignore = co_await when_all(writes('a'), writes('b')); };
    run(body);
    CHECK(order == "ababab");
}

TEST_CASE("when_all throws the first failure, after the others were cancelled and have ended")
{
    record     r;
    auto const body = [&]() -> task<void> { std::ignore = co_await when_all(leaf(r), fail_later(1), leaf(r), fail_later(2)); };
    try
    {
        run(body);
        FAIL("nothing was thrown");
    }
    catch (boom const& e)
    {
        CHECK(e.number == 1);
    }
    CHECK(r.started == 2);
    CHECK(r.canceled == 2);

    record                 s;
    std::vector<task<int>> many;
    for (int i = 0; i != 5; ++i)
        many.push_back(leaf(s));
    auto const fails = []() -> task<int> {
        co_await hop();
        throw boom(3);
    };
    many.push_back(fails());
    CHECK_THROWS_AS(sync_wait(when_all(std::move(many))), boom);
    CHECK(s.canceled == 5);
}

TEST_CASE("a first child that fails at once cancels those that start after it")
{
    record     r;
    auto const body = [&]() -> task<void> { std::ignore = co_await when_all(fail(1), leaf(r), stubborn(r, 2), ready(3)); };
    CHECK_THROWS_AS(run(body), boom);
    CHECK(r.started == 2);
    CHECK(r.canceled == 2);
}

TEST_CASE("when_all inside a cancelled task starts its children cancelled")
{
    record     r;
    auto const body = [&](record& outer) -> task<int> {
        std::ignore = co_await stubborn(outer, 1); // from here on we are cancelled
        auto const both = co_await when_all(stubborn(r, 2), stubborn(r, 3));
        CHECK(std::get<0>(both) + std::get<1>(both) == 5);
        co_return 0;
    };
    record outer;
    CHECK(cancel_with(asio::cancellation_type::partial, outer, body) == std::error_code());
    CHECK(r.canceled == 2);
    CHECK(r.type == asio::cancellation_type::partial);
}

// ---- when_any ----------------------------------------------------------------------------------------------

TEST_CASE("when_any gives the result of the first to end, after the others were cancelled and have ended")
{
    record     r;
    auto const body = [&]() -> task<void> {
        auto const any = co_await when_any(leaf(r), later(std::string("first")), hop(), quiet_leaf(r));
        static_assert(std::is_same_v<std::remove_const_t<decltype(any)>,
                                     std::variant<int, std::string, std::monostate, std::monostate>>);
        CHECK(any.index() == 1);
        CHECK(std::get<1>(any) == "first");
        CHECK(r.canceled == 2);

        auto unique = co_await when_any(unique_later(7));
        CHECK(*std::get<0>(unique) == 7);
        auto const at_once = co_await when_any(ready(8), leaf(r));
        CHECK(std::get<0>(at_once) == 8);
    };
    run(body);
    CHECK(r.started == 3);
    CHECK(r.canceled == 3);
}

TEST_CASE("when_any throws if the first to end failed, and drops what losers say")
{
    record     r;
    auto const failing = [&]() -> task<void> { std::ignore = co_await when_any(leaf(r), fail_later(1)); };
    CHECK_THROWS_AS(run(failing), boom);
    CHECK(r.canceled == 1);

    auto const loser = [&]() -> task<int> {
        auto const throws = [&]() -> task<int> {
            std::ignore = co_await stubborn(r, 1);
            throw boom(2);
        };
        auto const any = co_await when_any(throws(), later(3), stubborn(r, 4));
        co_return std::get<1>(any);
    };
    CHECK(run(loser) == 3);
}

TEST_CASE("when_any takes vectors of tasks, but no empty one")
{
    record     r;
    auto const body = [&]() -> task<void> {
        std::vector<task<int>> values;
        values.push_back(stubborn(r, 0));
        values.push_back(later(1));
        values.push_back(stubborn(r, 2));
        auto const first = co_await when_any(std::move(values));
        CHECK(first.index == 1);
        CHECK(first.value == 1);

        std::vector<task<void>> plain;
        plain.push_back(quiet_leaf(r));
        plain.push_back(hop());
        auto const next = co_await when_any(std::move(plain));
        CHECK(next.index == 1);
    };
    run(body);
    CHECK(r.canceled == 3);

    std::vector<task<int>> none;
    auto const             empty = [&]() -> task<void> { std::ignore = co_await when_any(std::move(none)); };
    CHECK(code_of(empty) == errc::invalid_argument);
}

// ---- with_scope --------------------------------------------------------------------------------------------

TEST_CASE("with_scope ends when its body and every task in it have ended")
{
    int        ended = 0;
    auto const slow  = [&](int hops) -> task<void> {
        for (int i = 0; i != hops; ++i)
            co_await hop();
        ++ended;
    };
    auto const spawns = [&](scope& s) -> task<void> {
        co_await hop();
        s.spawn(slow(30));
    };
    auto const body = [&](scope& s) -> task<int> {
        for (int i = 0; i != 10; ++i)
            s.spawn(slow(i));
        CHECK(s.running() == 9); // the first has ended already
        s.spawn(spawns(s));
        co_return 5;
    };
    auto const outer = [&]() -> task<int> {
        int const x = co_await with_scope(body);
        CHECK(ended == 11);
        co_return x;
    };
    CHECK(run(outer) == 5);
}

TEST_CASE("the body of a scope may be any callable that returns a task, and return anything")
{
    int        object = 0;
    int        ran    = 0;
    auto const counts = [&]() -> task<void> {
        ++ran;
        co_return;
    };
    // Not a coroutine itself, and it uses the scope at once.
    auto const plain = [&](scope& s) {
        s.spawn(counts());
        s.spawn(counts());
        return ready(4);
    };
    auto const reference = [&](scope&) -> task<int&> { co_return object; };
    auto const unique    = [](scope&) { return unique_later(6); };
    auto const nothing   = [&](scope& s) -> task<void> {
        s.spawn(counts());
        co_await hop();
    };
    auto const throwing = [](scope&) -> task<void> { throw boom(1); };
    auto const body     = [&]() -> task<void> {
        int const x = co_await with_scope(plain);
        CHECK(x == 4);
        int& y = co_await with_scope(reference);
        CHECK(&y == &object);
        auto z = co_await with_scope(unique);
        CHECK(*z == 6);
        co_await with_scope(nothing);
        CHECK(ran == 3);
        co_await with_scope(throwing);
    };
    CHECK_THROWS_AS(run(body), boom);

    // A lambda with captures, handed over as a temporary, is kept until the end.
    auto const kept = [](counted c) {
        return with_scope([held = std::move(c)](scope&) -> task<int> {
            co_await hop();
            co_return held.value;
        });
    };
    CHECK(sync_wait(kept(counted(9))) == 9);
    CHECK(counted::alive() == 0);
}

TEST_CASE("a failure in a scope cancels all of it; the first one is thrown")
{
    record     r;
    auto const by_child = [&](scope& s) -> task<void> {
        s.spawn(quiet_leaf(r));
        s.spawn(fail_later(1));
        s.spawn(fail_later(2));
        co_await quiet_leaf(r);
    };
    try
    {
        sync_wait(with_scope(by_child));
        FAIL("nothing was thrown");
    }
    catch (boom const& e)
    {
        CHECK(e.number == 1);
    }
    CHECK(r.canceled == 2);

    record     q;
    auto const by_body = [&](scope& s) -> task<void> {
        s.spawn(quiet_leaf(q));
        co_await hop();
        throw boom(3);
    };
    try
    {
        sync_wait(with_scope(by_body));
        FAIL("nothing was thrown");
    }
    catch (boom const& e)
    {
        CHECK(e.number == 3);
    }
    CHECK(q.canceled == 1);

    record     p;
    auto const at_once = [&](scope& s) -> task<void> {
        s.spawn(fail(4));
        s.spawn(quiet_leaf(p)); // starts cancelled
        CHECK(p.canceled == 1);
        co_await hop();
        FAIL("must not go on");
    };
    CHECK_THROWS_AS(sync_wait(with_scope(at_once)), boom);
}

TEST_CASE("a scope can be cancelled from inside, and a body that succeeds all the same counts")
{
    record     r;
    auto const body = [&](scope& s) -> task<int> {
        for (int i = 0; i != 5; ++i)
            s.spawn(ignore_failure(r));
        co_await hop();
        s.cancel();
        s.cancel();
        co_return 7;
    };
    CHECK(sync_wait(with_scope(body)) == 7);
    CHECK(r.canceled == 5);
}

// ---- with_timeout ------------------------------------------------------------------------------------------

TEST_CASE("a task that ends before its deadline is as if there was none")
{
    int        object = 0;
    auto const body   = [&]() -> task<void> {
        int const one = co_await with_timeout(ready(1), 1h);
        CHECK(one == 1);
        auto two = co_await with_timeout(unique_later(2), 1h);
        CHECK(*two == 2);
        int& ref = co_await with_timeout(reference_later(object), 1h);
        CHECK(&ref == &object);
        co_await with_timeout(hop(), 1h);
        co_await with_deadline(hop(), std::chrono::steady_clock::time_point::max());
        co_await with_timeout(fail_later(3), 1h);
    };
    CHECK_THROWS_AS(run(body), boom);
}

TEST_CASE("any duration is a good one")
{
    auto const body = []() -> task<void> {
        co_await with_timeout(hop(), std::chrono::hours::max());
        co_await with_timeout(hop(), std::chrono::nanoseconds::max());
        co_await with_timeout(hop(), std::chrono::duration<double>(1e300));
        co_await with_timeout(hop(), std::chrono::seconds::max());
        co_await with_timeout(ready(1), std::chrono::hours::min());
        co_await with_timeout(ready(1), std::chrono::nanoseconds::min());
    };
    run(body);
    auto const past = []() -> task<void> { co_await with_timeout(forever(), std::chrono::hours::min()); };
    CHECK(code_of(past) == errc::timeout);
    auto const zero = []() -> task<void> { co_await with_timeout(forever(), 0s); };
    CHECK(code_of(zero) == errc::timeout);
}

TEST_CASE("a deadline cancels the task and is reported as a timeout")
{
    record     r;
    auto const body = [&]() -> task<int> {
        int const x = co_await with_timeout(leaf(r), 1ms);
        co_return x;
    };
    auto const code = code_of(body);
    CHECK(code == errc::timeout);
    CHECK(code == condition::timeout);
    CHECK_FALSE(code == condition::canceled);
    CHECK(r.canceled == 1);
    CHECK(r.type == asio::cancellation_type::terminal);
}

TEST_CASE("after a timeout the caller goes on unharmed")
{
    record     r;
    auto const body = [&]() -> task<int> {
        int timeouts = 0;
        for (int i = 0; i != 5; ++i)
        {
            try
            {
                std::ignore = co_await with_timeout(leaf(r), 1ms);
            }
            catch (posthorn::error const& e)
            {
                timeouts += e.code() == errc::timeout ? 1 : 0;
            }
            co_await hop();
        }
        co_return timeouts;
    };
    CHECK(run(body) == 5);
}

TEST_CASE("success or another failure after the deadline counts")
{
    record     r;
    auto const body = [&]() -> task<int> {
        int const x = co_await with_timeout(stubborn(r, 4), 1ms);
        co_return x;
    };
    CHECK(run(body) == 4);
    auto const fails = [&]() -> task<void> {
        auto const inner = [&]() -> task<void> {
            std::ignore = co_await stubborn(r, 4);
            throw boom(5);
        };
        co_await with_timeout(inner(), 1ms);
    };
    CHECK_THROWS_AS(run(fails), boom);
    CHECK(r.canceled == 2);
}

TEST_CASE("a cancelled caller sees its cancellation, not a timeout")
{
    record     r;
    auto const body = [](record& rec) -> task<int> {
        int const x = co_await with_timeout(leaf(rec), 1h);
        co_return x;
    };
    auto const code = cancel_with(asio::cancellation_type::terminal, r, body);
    CHECK(code == condition::canceled);
    CHECK_FALSE(code == condition::timeout);

    // Nor if the deadline passes while the cancelled task is still busy.
    auto const slow = [](record& rec) -> task<int> {
        auto const lingers = [&]() -> task<int> {
            std::ignore = co_await stubborn(rec, 0);
            co_await shielded(sleep_for(5ms));
            throw std::system_error(asio::error::operation_aborted);
        };
        int const x = co_await with_timeout(lingers(), 2ms);
        co_return x;
    };
    asio::io_context          io;
    asio::cancellation_signal signal;
    std::error_code           seen;
    auto const                outer = [&]() -> task<void> {
        try
        {
            std::ignore = co_await slow(r);
        }
        catch (std::system_error const& e)
        {
            seen = e.code();
        }
    };
    spawn(io, outer(), asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr) {}));
    io.poll_one();
    signal.emit(asio::cancellation_type::terminal);
    io.run();
    CHECK(seen == condition::canceled);
}

TEST_CASE("of nested deadlines the one that passed is reported where it stands")
{
    auto const body = [](std::chrono::milliseconds outer, std::chrono::milliseconds inner) -> task<std::string> {
        std::string said;
        auto const  middle = [&]() -> task<void> {
            try
            {
                co_await with_timeout(forever(), inner);
            }
            catch (std::system_error const& e)
            {
                said += e.code() == errc::timeout ? "inner " : "canceled ";
            }
            co_await hop();
            said += "on ";
        };
        try
        {
            co_await with_timeout(middle(), outer);
        }
        catch (std::system_error const& e)
        {
            said += e.code() == errc::timeout ? "outer" : "?";
        }
        co_return said;
    };
    CHECK(sync_wait(body(1h, 1ms)) == "inner on ");
    CHECK(sync_wait(body(1ms, 1h)) == "canceled outer");
}

// ---- shielded ----------------------------------------------------------------------------------------------

TEST_CASE("a shielded task does not notice the cancellation of its caller, who does afterwards")
{
    bool       cleaned = false;
    auto const body    = [&](record& rec) -> task<int> {
        std::ignore = co_await stubborn(rec, 1);
        auto const cleanup = [&]() -> task<void> {
            auto const how = co_await posthorn::this_coro::cancelled;
            CHECK(how == asio::cancellation_type::none);
            co_await hop();
            co_await with_timeout(sleep_for(1ms), 1h);
            cleaned = true;
        };
        co_await shielded(cleanup());
        CHECK(cleaned);
        int const x = co_await shielded(later(3));
        CHECK(x == 3);
        co_await hop(); // refused
        FAIL("must not go on");
        co_return 0;
    };
    record r;
    CHECK(cancel_with(asio::cancellation_type::terminal, r, body) == condition::canceled);
    CHECK(cleaned);

    // Also if the request comes while the shield is up.
    asio::io_context          io;
    asio::cancellation_signal signal;
    bool                      through = false;
    std::error_code           after;
    auto const                late = [&]() -> task<void> {
        co_await shielded(sleep_for(2ms));
        through = true;
        try
        {
            co_await hop();
        }
        catch (std::system_error const& e)
        {
            after = e.code();
        }
    };
    spawn(io, late(), asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr) {}));
    io.poll();
    signal.emit(asio::cancellation_type::terminal);
    io.run();
    CHECK(through);
    CHECK(after == condition::canceled);

    auto const fails = []() -> task<void> { co_await shielded(fail_later(1)); };
    CHECK_THROWS_AS(run(fails), boom);
}

TEST_CASE("a shield can have a deadline inside, and a deadline a shield")
{
    auto const inside = []() -> task<void> { co_await shielded(with_timeout(forever(), 1ms)); };
    CHECK(code_of(inside) == errc::timeout);
    auto const outside = []() -> task<int> {
        int const x = co_await with_timeout(shielded(later(2)), 0ms);
        co_return x;
    };
    CHECK(run(outside) == 2);
}

// ---- cancellation through all of them ----------------------------------------------------------------------

TEST_CASE("every type of cancellation reaches the leaves through nested tasks and all combinators")
{
    using asio::cancellation_type;
    struct
    {
        char const*                        name;
        int                                leaves;
        std::function<task<int>(record&)>  make;
    } const cases[] = {
        {"task", 1, [](record& r) -> task<int> { return leaf(r); }},
        {"nested", 1,
         [](record& r) -> task<int> {
             int const x = co_await leaf(r);
             co_return x;
         }},
        {"when_all", 3,
         [](record& r) -> task<int> {
             std::ignore = co_await when_all(leaf(r), quiet_leaf(r), leaf(r));
             co_return 0;
         }},
        {"when_all of a vector", 5,
         [](record& r) -> task<int> {
             std::vector<task<int>> v;
             for (int i = 0; i != 5; ++i)
                 v.push_back(leaf(r));
             std::ignore = co_await when_all(std::move(v));
             co_return 0;
         }},
        {"when_any", 2,
         [](record& r) -> task<int> {
             std::ignore = co_await when_any(leaf(r), quiet_leaf(r));
             co_return 0;
         }},
        {"with_scope", 3, in_scope},
        {"with_timeout", 1,
         [](record& r) -> task<int> {
             int const x = co_await with_timeout(with_timeout(leaf(r), 2h), 1h);
             co_return x;
         }},
        {"async_generator", 1, from_generator},
        {"spawn", 1,
         [](record& r) -> task<int> {
             auto const ex = co_await posthorn::this_coro::executor;
             int const  x  = co_await spawn_here(ex, r);
             co_return x;
         }},
        {"all of them", 8,
         [](record& r) -> task<int> {
             auto const any = [](record& rec) -> task<int> {
                 std::ignore = co_await when_any(leaf(rec), with_timeout(in_scope(rec), 1h));
                 co_return 0;
             };
             auto const ex = co_await posthorn::this_coro::executor;
             std::ignore   = co_await when_all(with_timeout(any(r), 1h), from_generator(r), spawn_here(ex, r),
                                               with_timeout(when_all(leaf(r), leaf(r)), 1h));
             co_return 0;
         }},
    };
    for (auto const& c : cases)
        for (auto type : {cancellation_type::terminal, cancellation_type::partial, cancellation_type::total})
        {
            CAPTURE(c.name);
            record r;
            CHECK(cancel_with(type, r, c.make) == condition::canceled);
            CHECK(r.started == c.leaves);
            CHECK(r.canceled == c.leaves);
            // Groups that fail by it cancel what is left, with all force.
            CHECK((r.type == type || r.type == cancellation_type::terminal));
        }
}

TEST_CASE("cancellation before the start reaches what is started later")
{
    record     later_ones;
    auto const body = [&](record& rec) -> task<int> {
        std::ignore = co_await stubborn(rec, 0);
        int const  one = co_await with_timeout(stubborn(later_ones, 1), 1h);
        auto const any = co_await when_any(stubborn(later_ones, 2), stubborn(later_ones, 3));
        auto const in  = [&](scope& s) -> task<int> {
            s.spawn(ignore_failure(later_ones));
            int const x = co_await stubborn(later_ones, 4);
            co_return x;
        };
        int const four = co_await with_scope(in);
        auto const type = co_await posthorn::this_coro::cancelled;
        CHECK(type == asio::cancellation_type::total);
        co_return one + four + static_cast<int>(any.index());
    };
    record r;
    CHECK(cancel_with(asio::cancellation_type::total, r, body) == std::error_code());
    CHECK(later_ones.started == 5);
    CHECK(later_ones.canceled == 5);
}

TEST_CASE("a child that cancels its own group while it starts")
{
    record                    r;
    asio::cancellation_signal signal;
    asio::io_context          io;
    std::error_code           code;
    auto const                emits = [&]() -> task<int> {
        signal.emit(asio::cancellation_type::terminal);
        co_await hop();
        FAIL("must not go on");
        co_return 0;
    };
    auto const body = [&]() -> task<void> { std::ignore = co_await when_all(leaf(r), emits(), leaf(r)); };
    spawn(io, body(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
              try
              {
                  std::rethrow_exception(e);
              }
              catch (std::system_error const& s)
              {
                  code = s.code();
              }
          }));
    io.run();
    CHECK(code == condition::canceled);
    CHECK(r.started == 2);
    CHECK(r.canceled == 2);
}

// ---- abandonment -------------------------------------------------------------------------------------------

TEST_CASE("a group with an abandoned child is given up: the others are cancelled, nothing leaks")
{
    auto const make = [](int which, bool now, record& r) -> task<void> {
        counted const local;
        auto const    child = [](bool n) -> task<void> { std::ignore = co_await dropped(n); };
        auto const    in    = [&](scope& s) -> task<int> {
            counted const inner;
            s.spawn(quiet_leaf(r));
            s.spawn(child(now));
            s.spawn(quiet_leaf(r));
            int const x = co_await leaf(r);
            co_return x;
        };
        auto const in_body = [&](scope& s) -> task<int> {
            counted const inner;
            s.spawn(quiet_leaf(r));
            int const x = co_await dropped(now);
            co_return x;
        };
        switch (which)
        {
        case 0: std::ignore = co_await when_all(leaf(r), dropped(now), leaf(r)); break;
        case 1: std::ignore = co_await when_any(leaf(r), dropped(now), leaf(r)); break;
        case 2: std::ignore = co_await with_scope(in); break;
        case 3: std::ignore = co_await with_scope(in_body); break;
        case 4: std::ignore = co_await when_all(with_timeout(when_all(dropped(now), leaf(r)), 1h), leaf(r)); break;
        case 5: std::ignore = co_await when_all(dropped(now)); break;
        default: std::ignore = co_await with_timeout(with_timeout(dropped(now), 1h), 1h); break;
        }
        FAIL("must not go on");
    };
    for (int which = 0; which != 7; ++which)
        for (bool now : {true, false})
        {
            CAPTURE(which);
            CAPTURE(now);
            record           r;
            asio::io_context io;
            spawn(io, make(which, now, r), [](std::exception_ptr) { FAIL("must not be called"); });
            io.run_for(10s); // it ends by itself
            CHECK(io.stopped());
            CHECK(r.started == r.ended);
            CHECK(counted::alive() == 0);
        }
}

TEST_CASE("groups and deadlines destroyed with their event loop leak nothing, at any depth")
{
    struct tree
    {
        static task<int> node(int depth, record& r, counted c)
        {
            counted const local(c.value);
            if (depth == 0)
            {
                int const x = co_await leaf(r);
                co_return x;
            }
            auto const in = [&](scope& s) -> task<int> {
                counted const inner;
                s.spawn(as_void(node(depth - 1, r, counted())));
                int const x = co_await node(depth - 1, r, counted());
                co_return x;
            };
            std::ignore = co_await with_timeout(when_all(node(depth - 1, r, counted()), with_scope(in)), 1h);
            std::ignore = co_await shielded(with_timeout(when_any(with_timeout(node(depth - 1, r, counted()), 1h)), 2h));
            co_return 0;
        }
        static task<void> as_void(task<int> t)
        {
            auto moved  = std::move(t);
            std::ignore = co_await std::move(moved);
        }
    };
    record r;
    {
        asio::io_context io;
        spawn(io, with_timeout(shielded(with_timeout(tree::node(4, r, counted()), 1h)), 1h), [](std::exception_ptr, int) {
            FAIL("must not be called");
        });
        io.poll();
        CHECK(r.started == 81);
    }
    CHECK(r.ended == 0);
    CHECK(counted::alive() == 0);
}

TEST_SUITE_END();
