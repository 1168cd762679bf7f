//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// One pool in many threads against a server that throttles, goes away and comes back: what reports say is what the server
// has, message by message.

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/smtp/metrics.hpp>
#include <posthorn/smtp/pool.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <asio/io_context.hpp>
#include <asio/strand.hpp>
#include <doctest/doctest.h>

#include <support/allocations.hpp>
#include <support/dialogue.hpp>
#include <support/run_task.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using smtp::overall;
using testing::smtp_reply;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("hostile/pool");

namespace {

#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS)
constexpr std::size_t how_many = 20000;
#else
constexpr std::size_t how_many = 2000; // sanitizers are slow
#endif
constexpr std::size_t threads  = 8;
constexpr std::size_t couriers = 64;

/// A server on a port that stays the same, and what it and those before it were given.
class changing_server
{
public:
    changing_server() : stored_(how_many, 0) { open(0); }

    std::uint16_t port() const { return port_; }

    std::uint64_t messages() const { return (*sink_)->totals().messages; }

    void close()
    {
        auto& sink = *sink_;
        sink->stop();
        sink.call(sink->until_idle(0));
        for (auto const& m : sink->messages())
            ++stored_.at(std::stoul(m.from.address.substr(1)));
        violations += sink->totals().violations;
        sink_.reset();
    }

    void open(std::uint16_t port)
    {
        smtp_sink_settings s;
        s.listen.port     = port;
        s.retention       = smtp_sink_settings::keep::fingerprints;
        s.log             = false;
        s.max_connections = 6;
        s.on_mail         = [n = 0](auto const&) mutable {
            return ++n % 97 == 0 ? smtp_reply(451, "4.7.1 slow down") : smtp_reply();
        };
        sink_ = std::make_unique<testing::server_thread<smtp_sink>>(s);
        port_ = (*sink_)->port();
    }

    std::vector<int> const& stored() const { return stored_; }

    std::uint64_t violations = 0;

private:
    std::vector<int>                                    stored_; ///< How often, by number.
    std::unique_ptr<testing::server_thread<smtp_sink>> sink_;
    std::uint16_t                                       port_ = 0;
};

/// What the senders share.
struct office
{
    explicit office(asio::any_io_executor const& ex, smtp::pool_settings const& s)
        : pool(ex, s), outcomes(how_many, overall::not_sent)
    {
    }

    smtp::pool               pool;
    std::vector<overall>     outcomes; ///< By number, each written by its courier.
    std::atomic<std::size_t> repeated {0};
    std::atomic<std::size_t> doubtful {0};
    std::atomic<std::size_t> odd {0}; ///< Failures that must not be.
    std::atomic<std::size_t> at_work {couriers};
};

/// Sends one message. Whether it was thrown or not, the report tells what became of it.
task<overall> deliver(office& o, std::size_t n, smtp::report& into, bool hurried)
{
    smtp::message const      m("m" + std::to_string(n) + "@b.test", {"x@y.test"}, "Subject: t\r\n\r\nHello\r\n");
    smtp::send_options const options;
    bool                     failed = false;
    try
    {
        auto sending = o.pool.send(m, options, into);
        if (hurried)
            co_await with_timeout(std::move(sending), 1ms);
        else
            co_await std::move(sending);
    }
    catch (std::system_error const& e)
    {
        failed = true;
        if (e.code() == posthorn::errc::closed || e.code() == posthorn::errc::busy)
            ++o.odd;
    }
    auto const outcome = into.outcome();
    if (failed && outcome == overall::accepted && !hurried)
        ++o.odd;
    if (!failed && (outcome == overall::not_sent || outcome == overall::in_doubt))
        o.odd += into.recipients()[0].code == 421 ? 0 : 1;
    co_return outcome;
}

/// Sends every so-manyth message, again and again until the server has it or nobody knows.
task<void> courier(office& o, std::size_t first)
{
    smtp::report into;
    for (std::size_t n = first; n < how_many; n += couriers)
    {
        bool settled = false;
        for (std::size_t attempt = 0; !settled; ++attempt)
        {
            bool const hurried = attempt == 0 && n % 53 == 0;
            auto const outcome = co_await deliver(o, n, into, hurried);
            o.outcomes[n]      = outcome;
            settled            = outcome == overall::accepted || outcome == overall::in_doubt || outcome == overall::refused;
            if (settled)
                continue;
            ++o.repeated;
            co_await support::sleep_for(5ms);
        }
        if (o.outcomes[n] == overall::in_doubt)
            ++o.doubtful;
    }
    bool const last = --o.at_work == 0;
    if (last)
        co_await o.pool.drain();
}

} // namespace

TEST_CASE("eight threads, a server that throttles and restarts: reports say what the server has")
{
    changing_server     server;
    auto const          counters = std::make_shared<smtp::metrics>();
    smtp::pool_settings s(support::client_settings(server.port()));
    s.client.session.on_event = smtp::count_events(counters);
    s.max_connections         = 12;
    s.max_messages            = 500;
    s.throttle_pause          = 1ms;
    s.recovery                = 5ms;
    s.max_idle                = 50ms;
    asio::io_context io(static_cast<int>(threads));
    office           o(io.get_executor(), s);
    for (std::size_t i = 0; i != couriers; ++i)
        spawn(asio::make_strand(io), courier(o, i), [&](std::exception_ptr e) { o.odd += e ? 1 : 0; });
    std::vector<std::thread> running;
    for (std::size_t i = 0; i != threads; ++i)
        running.emplace_back([&] { io.run(); });

    for (int restarts = 0; restarts != 2; ++restarts)
    {
        while (server.messages() < how_many / 3)
            std::this_thread::sleep_for(1ms);
        server.close();
        std::this_thread::sleep_for(30ms);
        server.open(server.port());
    }
    for (auto& t : running)
        t.join();
    server.close();

    CHECK(o.odd == 0);
    CHECK(o.at_work == 0);
    CHECK(server.violations == 0);
    CHECK(o.pool.statistics().busy == 0);
    CHECK(o.pool.statistics().waiting == 0);
    CHECK(o.pool.statistics().connections == 0);
    CHECK(o.pool.statistics().throttled > 0);
    CHECK(counters->retries() > 0);
    std::size_t wrong    = 0;
    std::size_t accepted = 0;
    std::size_t both     = 0;
    for (std::size_t n = 0; n != how_many; ++n)
    {
        int const stored = server.stored()[n];
        bool      right  = false;
        if (o.outcomes[n] == overall::accepted)
            right = stored == 1;
        else if (o.outcomes[n] == overall::in_doubt)
            right = stored <= 1;
        accepted += o.outcomes[n] == overall::accepted ? 1 : 0;
        both += o.outcomes[n] == overall::in_doubt && stored == 1 ? 1 : 0;
        if (right)
            continue;
        ++wrong;
        CAPTURE(n);
        CAPTURE(stored);
        CAPTURE(to_string(o.outcomes[n]));
        CHECK(right);
    }
    CHECK(wrong == 0);
    CHECK(accepted + o.doubtful == how_many);
    INFO("in doubt, and there: " << both);
    CHECK(both <= o.doubtful);
}

TEST_SUITE_END();
