//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A whole program, client and server with everything the kernel has, destroyed after each of its scheduler steps.

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/offload.hpp>
#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/coro/with_timeout.hpp>

#include <doctest/doctest.h>

#include "support/foreign_task.hpp"
#include "support/run_task.hpp"
#include "support/steps.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/detached.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address_v4.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/write.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using asio::ip::tcp;
using posthorn::async_generator;
using posthorn::offload;
using posthorn::scope;
using posthorn::spawn;
using posthorn::task;
using posthorn::use_task;
using posthorn::use_task_nothrow;
using posthorn::when_all;
using posthorn::when_any;
using posthorn::with_scope;
using posthorn::with_timeout;

namespace {

struct tally
{
    int served   = 0; ///< Requests the server has answered.
    int replies  = 0; ///< Answers the client has seen.
    int timeouts = 0;
    int ends     = 0; ///< Completion handlers called.
};

/// The lines of a stream, until its end.
template <class Stream>
async_generator<std::string> lines(Stream& stream, counted c)
{
    counted const local(c.value);
    std::string   buffer;
    for (;;)
    {
        auto const all = co_await asio::async_read_until(stream, asio::dynamic_buffer(buffer), '\n', use_task_nothrow);
        auto const& [ec, n] = all;
        if (ec)
            co_return;
        co_yield buffer.substr(0, n - 1);
        buffer.erase(0, n);
    }
}

template <class Stream>
task<void> send(Stream& stream, std::string text, counted c)
{
    counted const local(c.value);
    text += '\n';
    auto const whole = asio::buffer(text);
    std::ignore      = co_await asio::async_write(stream, whole, use_task);
}

/// Answers every line with its length, computed by a worker, and beside that does nothing for a while.
template <class Stream>
task<void> serve(Stream stream, tally& t)
{
    counted const local;
    auto          requests = lines(stream, counted());
    auto const    idle     = [](scope&) -> task<void> { co_await sleep_for(0ms); };
    for (;;)
    {
        auto request = co_await with_timeout(requests.next(), 1h);
        if (!request)
            break;
        auto const length = [text = *request] { return text.size(); };
        auto const both   = co_await when_all(with_timeout(offload(length), 1h), with_scope(idle));
        co_await send(stream, std::to_string(std::get<0>(both)), counted());
        ++t.served;
    }
}

/// Succeeds when it is cancelled.
task<void> until_cancelled()
{
    try
    {
        co_await forever();
    }
    catch (std::system_error const&)
    {
    }
}

foreign::lazy_task<int> foreign_detour(int x)
{
    counted const local;
    int const     y = co_await ready(x);
    co_return y;
}

template <class Stream>
task<std::string> ask(Stream& stream, async_generator<std::string>& replies, std::string question)
{
    counted const local;
    auto const    both  = co_await when_all(send(stream, std::move(question), counted()), replies.next());
    auto const    reply = std::get<1>(both);
    if (!reply)
        throw std::system_error(asio::error::eof);
    co_return *reply;
}

template <class Stream>
task<int> converse(Stream stream, tally& t)
{
    counted const local;
    auto          replies = lines(stream, counted());
    int           sum     = 0;
    for (std::string const& question : {std::string("1"), std::string("four"), std::string("a longer question")})
    {
        // Deadlines within deadlines, a race that the answer wins, and a scope with work beside it.
        auto inner = with_timeout(ask(stream, replies, question), 2h);
        auto race  = when_any(with_timeout(std::move(inner), 1h), forever());
        auto found = co_await with_timeout(std::move(race), 3h);
        REQUIRE(found.index() == 0);
        int const detour = co_await foreign_detour(std::stoi(std::get<0>(found)));
        sum += detour;
        ++t.replies;
    }
    try
    {
        co_await with_timeout(with_timeout(forever(), 1h), 0ms);
    }
    catch (posthorn::error const& e)
    {
        t.timeouts += e.code() == posthorn::errc::timeout ? 1 : 0;
    }
    auto const in = [](scope& s) -> task<void> {
        s.spawn(until_cancelled());
        s.spawn(posthorn::shielded(hop()));
        co_await hop();
        s.cancel();
    };
    co_await with_scope(in);
    stream.close();
    co_return sum;
}

task<void> connect(tcp::socket& socket, tcp::endpoint where)
{
    co_await socket.async_connect(where, use_task);
}

task<int> client(asio::any_io_executor ex, tcp::endpoint where, tally& t)
{
    counted const local;
    tcp::socket   socket(ex);
    co_await with_timeout(connect(socket, where), 1h);
    int const sum = co_await converse(std::move(socket), t);
    co_return sum;
}

task<tcp::socket> accept(tcp::acceptor& acceptor)
{
    auto socket = co_await acceptor.async_accept(use_task);
    co_return socket;
}

/// Serves `count` connections beside each other.
task<void> server(tcp::acceptor acceptor, int count, tally& t)
{
    counted const local;
    auto const    body = [&](scope& s) -> task<void> {
        for (int i = 0; i != count; ++i)
        {
            auto connection = co_await with_timeout(accept(acceptor), 1h);
            s.spawn(serve(std::move(connection), t));
        }
    };
    co_await with_scope(body);
}

constexpr int expected_sum = 1 + 4 + 17;

/// Two tasks on a pair of sockets.
class pair_program
{
public:
    static constexpr int tasks = 2;

    auto ended(int* to)
    {
        return [this, to, c = counted()](std::exception_ptr e, int value = 0) {
            ++t.ends;
            failures += e ? 1 : 0;
            if (to != nullptr)
                *to = value;
        };
    }

    void operator()(asio::io_context& io)
    {
        t = tally();
        asio::local::stream_protocol::socket a(io);
        asio::local::stream_protocol::socket b(io);
        asio::local::connect_pair(a, b);
        spawn(io, serve(std::move(a), t), asio::bind_cancellation_slot(signals[0].slot(), ended(nullptr)));
        spawn(io, converse(std::move(b), t), asio::bind_cancellation_slot(signals[1].slot(), ended(&sum)));
    }

    void check_complete() const
    {
        CHECK(t.ends == tasks);
        CHECK(t.served == 3);
        CHECK(t.replies == 3);
        CHECK(t.timeouts == 1);
        CHECK(failures == 0);
        CHECK(sum == expected_sum);
    }

    tally                                    t;
    int                                      sum      = 0;
    int                                      failures = 0;
    std::array<asio::cancellation_signal, 2> signals;
};

/// A server with two clients over TCP, each on a strand.
class tcp_program
{
public:
    static constexpr int tasks = 3;

    auto ended()
    {
        return [this, c = counted()](std::exception_ptr e, int value = 0) {
            ++t.ends;
            failures += e ? 1 : 0;
            sum += value;
        };
    }

    void operator()(asio::io_context& io)
    {
        t   = tally();
        sum = 0;
        tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        auto const    where  = acceptor.local_endpoint();
        auto const    strand = asio::make_strand(io);
        spawn(strand, server(std::move(acceptor), 2, t),
              asio::bind_cancellation_slot(signals[0].slot(), ended()));
        for (std::size_t i = 1; i != signals.size(); ++i)
        {
            asio::any_io_executor const ex = asio::make_strand(io);
            spawn(ex, client(ex, where, t), asio::bind_cancellation_slot(signals[i].slot(), ended()));
        }
    }

    void check_complete() const
    {
        CHECK(t.ends == tasks);
        CHECK(t.served == 6);
        CHECK(t.replies == 6);
        CHECK(t.timeouts == 2);
        CHECK(failures == 0);
        CHECK(sum == 2 * expected_sum);
    }

    tally                                    t;
    int                                      sum      = 0;
    int                                      failures = 0;
    std::array<asio::cancellation_signal, 3> signals;
};

template <class Program>
std::size_t destroy_everywhere()
{
    auto              program = std::make_unique<Program>();
    std::size_t const steps   = destroy_after_each_step(
        [&](asio::io_context& io) { (*program)(io); },
        [&](std::size_t n, bool complete) {
            CAPTURE(n);
            CHECK(counted::alive() == 0);
            if (complete)
                program->check_complete();
            program = std::make_unique<Program>();
        });
    return steps;
}

/// Cancels everything after each number of steps; then lets it end (`more` < 0) or destroys it `more` steps later.
template <class Program>
void cancel_everywhere(std::size_t steps, int more)
{
    for (std::size_t n = 0; n <= steps; ++n)
    {
        CAPTURE(n);
        auto program = std::make_unique<Program>();
        {
            asio::io_context io(1);
            (*program)(io);
            for (std::size_t i = 0; i != n; ++i)
                io.run_one();
            for (auto& signal : program->signals)
                signal.emit(asio::cancellation_type::terminal);
            for (int i = 0; i < more; ++i)
                io.run_one();
            if (more < 0)
            {
                io.run_for(20s);
                CHECK(io.stopped()); // all deadlines are hours away, so cancellation did it
                CHECK(program->t.ends == Program::tasks);
            }
        }
        CHECK(counted::alive() == 0);
    }
}

} // namespace

TEST_SUITE_BEGIN("coro/destruction");

TEST_CASE("a program on a pair of sockets is destroyed after each of its steps")
{
    std::size_t const steps = destroy_everywhere<pair_program>();
    CHECK(steps > 30);
    MESSAGE("steps: " << steps);
}

TEST_CASE("a program with strands over TCP is destroyed after each of its steps")
{
    std::size_t const steps = destroy_everywhere<tcp_program>();
    CHECK(steps > 60);
    MESSAGE("steps: " << steps);
}

TEST_CASE("a program is cancelled after each of its steps, and ends")
{
    cancel_everywhere<pair_program>(100, -1);
}

TEST_CASE("a program is cancelled after each of its steps, and destroyed a little later")
{
    for (int more : {0, 1, 2, 5})
        cancel_everywhere<pair_program>(100, more);
}

TEST_SUITE_END();
