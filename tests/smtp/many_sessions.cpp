//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Thousands of sessions at once on one thread, and what each costs in memory. The server is another process, so that
// only the client is measured.

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include <support/allocations.hpp>
#include <support/dialogue.hpp>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace posthorn;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("smtp/many_sessions");

namespace {

constexpr std::size_t how_many = 5000;
constexpr std::size_t at_once  = 250; ///< Connections that are being made: a listener's queue is bounded.

struct counts
{
    std::uint64_t port        = 0;
    std::uint64_t connections = 0;
    std::uint64_t peak        = 0;
    std::uint64_t messages    = 0;
    std::uint64_t violations  = 0;
};

/// A sink in a process of its own, until the pipe to it is closed.
class sink_process
{
public:
    sink_process()
    {
        REQUIRE(::pipe(up_.data()) == 0);
        REQUIRE(::pipe(down_.data()) == 0);
        child_ = ::fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0)
        {
            ::close(up_[0]);
            ::close(down_[1]);
            serve();
        }
        ::close(up_[1]);
        ::close(down_[0]);
        port = receive().port;
    }
    sink_process(sink_process const&)            = delete;
    sink_process& operator=(sink_process const&) = delete;
    ~sink_process()
    {
        stop();
        ::close(up_[0]);
    }

    counts finish()
    {
        stop();
        return receive();
    }

    std::uint64_t port = 0;

private:
    void stop()
    {
        if (down_[1] < 0)
            return;
        ::close(std::exchange(down_[1], -1));
        int status = 0;
        ::waitpid(child_, &status, 0);
    }

    counts receive() const
    {
        counts c;
        REQUIRE(::read(up_[0], &c, sizeof c) == static_cast<ssize_t>(sizeof c));
        return c;
    }

    [[noreturn]] void serve()
    {
        try
        {
            asio::io_context   io(1);
            smtp_sink_settings settings;
            settings.retention = smtp_sink_settings::keep::totals;
            settings.log       = false;
            smtp_sink sink(io.get_executor(), settings);
            sink.start();
            counts c;
            c.port             = sink.port();
            bool const told    = ::write(up_[1], &c, sizeof c) == static_cast<ssize_t>(sizeof c);
            char       unused  = 0;
            asio::posix::stream_descriptor parent(io, down_[0]);
            parent.async_read_some(asio::buffer(&unused, 1), [&](std::error_code, std::size_t) {
                auto const t  = sink.totals();
                c.connections = t.connections;
                c.peak        = t.peak;
                c.messages    = t.messages;
                c.violations  = t.violations;
                static_cast<void>(::write(up_[1], &c, sizeof c) == 0);
                ::_exit(0);
            });
            if (told)
                io.run();
        }
        catch (...)
        {
            ::_exit(2);
        }
        ::_exit(1);
    }

    std::array<int, 2> up_ {};
    std::array<int, 2> down_ {};
    ::pid_t            child_ = -1;
};

/// Memory of this process that is in use, in octets.
std::size_t resident()
{
    std::ifstream statm("/proc/self/statm");
    std::size_t   all = 0, in_use = 0;
    statm >> all >> in_use;
    return in_use * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

template <class F>
task<void> in_batches(std::size_t size, F start)
{
    for (std::size_t i = 0; i < how_many; i += size)
    {
        std::vector<task<void>> batch;
        for (std::size_t k = i; k != std::min(i + size, how_many); ++k)
            batch.push_back(start(k));
        co_await when_all(std::move(batch));
    }
}

task<void> send_one(smtp::client& client, smtp::message const& message, std::size_t& accepted)
{
    auto const report = co_await client.send(message);
    accepted += report.all_accepted() ? 1 : 0;
}

} // namespace

TEST_CASE("five thousand sessions at once on one thread")
{
    ::rlimit files {};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
    REQUIRE(files.rlim_cur > how_many + 100);

    sink_process        sink;
    asio::io_context    io(1);
    smtp::message const message("a@b.test", {"x@y.test"}, "Subject: one of many\r\n\r\n" + std::string(900, 'x') + "\r\n");
    std::vector<std::unique_ptr<smtp::client>> clients;
    for (std::size_t i = 0; i != how_many; ++i)
        clients.push_back(std::make_unique<smtp::client>(support::client_settings(static_cast<std::uint16_t>(sink.port))));
    std::size_t accepted = 0, idle_before = 0, connected = 0, after_mail = 0;

    auto const connect    = [&](std::size_t i) { return clients[i]->connect(); };
    auto const send       = [&](std::size_t i) { return send_one(*clients[i], message, accepted); };
    auto const quit       = [&](std::size_t i) { return clients[i]->quit(); };
    auto const everything = [&]() -> task<void> {
        idle_before = resident();
        co_await in_batches(at_once, connect);
        connected = resident();
        co_await in_batches(how_many, send);
        after_mail = resident();
        co_await in_batches(how_many, quit);
    };
    std::exception_ptr failure;
    spawn(io, everything(), [&failure](std::exception_ptr e) { failure = e; });
    io.run();
    if (failure)
        std::rethrow_exception(failure);

    CHECK(accepted == how_many);
    auto const seen = sink.finish();
    CHECK(seen.connections == how_many);
    CHECK(seen.peak == how_many);
    CHECK(seen.messages == how_many);
    CHECK(seen.violations == 0);
    auto const each = [&](std::size_t now) { return static_cast<double>(now - idle_before) / how_many / 1024; };
    MESSAGE("KiB for each session: connected " << each(connected) << ", after all have sent at once " << each(after_mail));
#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS) // sanitizers add memory of their own
    CHECK(each(connected) < 24);
    CHECK(each(after_mail) < 40); // clang 19 at -O1 takes 32, g++ 12 takes 19
#endif
}

TEST_SUITE_END();
