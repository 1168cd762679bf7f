//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/resolve.hpp>

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/sync_wait.hpp>

#include <doctest/doctest.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

TEST_SUITE_BEGIN("net/resolve");

namespace net = posthorn::net;
using net::address_family;
using net::resolve_options;
using net::tcp;
using posthorn::condition;
using posthorn::task;
using endpoints = std::vector<tcp::endpoint>;

namespace {

tcp::endpoint at(char const* address, unsigned port)
{
    return tcp::endpoint(asio::ip::make_address(address), static_cast<asio::ip::port_type>(port));
}

task<endpoints> give(endpoints list)
{
    co_return list;
}

task<endpoints> refuse(std::error_code why)
{
    throw std::system_error(why);
    co_return endpoints();
}

task<endpoints> hang()
{
    auto const         ex = co_await posthorn::this_coro::executor;
    asio::steady_timer never(ex, std::chrono::steady_clock::time_point::max());
    co_await never.async_wait(posthorn::use_task);
    co_return endpoints();
}

resolve_options refusing(std::error_code why)
{
    resolve_options o;
    o.resolver = [why](std::string const&, std::string const&) { return refuse(why); };
    return o;
}

struct failure
{
    std::error_code code;
    std::error_code reason;
    std::string     text;
};

failure fail(std::string host, std::string service, resolve_options options)
{
    failure f;
    try
    {
        std::ignore =
            posthorn::sync_wait(net::resolve(std::move(host), std::move(service), std::move(options)));
    }
    catch (net::resolve_error const& e)
    {
        f.code   = e.code();
        f.reason = e.reason();
        f.text   = e.what();
    }
    catch (std::system_error const& e)
    {
        f.code = e.code();
        f.text = e.what();
    }
    return f;
}

endpoints ask(std::string host, std::string service, resolve_options options = {})
{
    return posthorn::sync_wait(net::resolve(std::move(host), std::move(service), std::move(options)));
}

resolve_options only(address_family family)
{
    resolve_options o;
    o.family = family;
    return o;
}

} // namespace

TEST_CASE("addresses need no lookup, with or without brackets")
{
    bool            asked = false;
    resolve_options o;
    o.resolver = [&asked](std::string const&, std::string const&) {
        asked = true;
        return give(endpoints());
    };
    CHECK(ask("192.0.2.1", "25", o) == endpoints {at("192.0.2.1", 25)});
    CHECK(ask("2001:db8::1", "submission", o) == endpoints {at("2001:db8::1", 587)});
    CHECK(ask("[2001:db8::1]", "submissions", o) == endpoints {at("2001:db8::1", 465)});
    CHECK_FALSE(asked);
}

TEST_CASE("the system's resolver knows this machine")
{
    auto const found = ask("localhost", "2525");
    REQUIRE_FALSE(found.empty());
    for (auto const& e : found)
    {
        CHECK(e.address().is_loopback());
        CHECK(e.port() == 2525);
    }
    for (auto const& e : ask("localhost", "2525", only(address_family::v4)))
        CHECK(e.address().is_v4());
}

TEST_CASE("a family can be required of every source of addresses")
{
    endpoints const both {at("2001:db8::1", 25), at("192.0.2.1", 25)};
    resolve_options o;
    o.resolver = [&both](std::string const&, std::string const&) { return give(both); };
    CHECK(ask("mx.example", "25", o) == both);
    o.family = address_family::v4;
    CHECK(ask("mx.example", "25", o) == endpoints {both[1]});
    o.family = address_family::v6;
    CHECK(ask("mx.example", "25", o) == endpoints {both[0]});

    auto const wrong = fail("192.0.2.1", "25", only(address_family::v6));
    CHECK(wrong.code == net::errc::no_addresses);
    CHECK(wrong.code == condition::unreachable);
    CHECK(wrong.text.find("192.0.2.1") != std::string::npos);
}

TEST_CASE("a caller's resolver gets host and service as they were given")
{
    std::string     host, service;
    resolve_options o;
    o.resolver = [&](std::string const& h, std::string const& s) {
        host    = h;
        service = s;
        return give(endpoints {at("192.0.2.1", 465)});
    };
    ask("MX.example.", "submissions", o);
    CHECK(host == "MX.example.");
    CHECK(service == "submissions");
}

TEST_CASE("a failure tells the host, the reason and whether it lasts")
{
    struct row
    {
        std::error_code reason;
        net::errc       expected;
    };
    row const rows[] = {
        {asio::error::host_not_found, net::errc::resolve_permanent},
        {asio::error::no_data, net::errc::resolve_permanent},
        {asio::error::no_recovery, net::errc::resolve_permanent},
        {asio::error::service_not_found, net::errc::resolve_permanent},
        {asio::error::host_not_found_try_again, net::errc::resolve_temporary},
        {asio::error::no_memory, net::errc::resolve_temporary},
        {asio::error::no_descriptors, net::errc::resolve_temporary},
        {posthorn::errc::connection_lost, net::errc::resolve_temporary},
    };
    for (row const& r : rows)
    {
        CAPTURE(r.reason.message());
        auto const f = fail("mx.example", "25", refusing(r.reason));
        CHECK(f.code == r.expected);
        CHECK(f.reason == r.reason);
        CHECK((f.code == condition::temporary) == (r.expected == net::errc::resolve_temporary));
        CHECK((f.code == condition::permanent) == (r.expected == net::errc::resolve_permanent));
        CHECK(f.code == condition::unreachable);
        CHECK(f.text.find("mx.example") != std::string::npos);
        CHECK(f.text.find(r.reason.message()) != std::string::npos);
    }
    CHECK(fail("mx.example", "25", refusing(net::errc::resolve_timed_out)).code ==
          net::errc::resolve_timed_out);

    resolve_options o;
    o.resolver = [](std::string const&, std::string const&) { return give(endpoints()); };
    CHECK(fail("mx.example", "25", o).code == net::errc::no_addresses);

    o.resolver = [](std::string const&, std::string const&) -> task<endpoints> {
        throw std::runtime_error("broken");
    };
    CHECK_THROWS_AS(ask("mx.example", "25", o), std::runtime_error);
}

TEST_CASE("a service that nobody knows is a permanent failure")
{
    auto const f = fail("127.0.0.1", "no-such-service-here", resolve_options());
    CHECK(f.code == net::errc::resolve_permanent);
    CHECK(f.text.find("127.0.0.1") != std::string::npos);
}

TEST_CASE("a malformed host or service is refused before anybody is asked")
{
    bool            asked = false;
    resolve_options o;
    o.resolver = [&asked](std::string const&, std::string const&) {
        asked = true;
        return give(endpoints());
    };
    CHECK(fail("", "25", o).code == net::errc::bad_host_name);
    CHECK(fail("a b", "25", o).code == net::errc::bad_host_name);
    CHECK(fail("127.1", "25", o).code == net::errc::bad_host_name);
    CHECK(fail("a", "", o).code == net::errc::bad_port);
    CHECK_FALSE(asked);
}

TEST_CASE("a lookup that takes too long ends at its deadline")
{
    resolve_options o;
    o.resolver   = [](std::string const&, std::string const&) { return hang(); };
    o.timeout    = std::chrono::milliseconds(20);
    auto const f = fail("slow.example", "25", o);
    CHECK(f.code == net::errc::resolve_timed_out);
    CHECK(f.code == condition::timeout);
    CHECK(f.code == condition::temporary);
    CHECK(f.text.find("slow.example") != std::string::npos);
}

TEST_CASE("the longest timeout is no timeout")
{
    resolve_options o;
    o.timeout = std::chrono::milliseconds::max();
    CHECK_FALSE(ask("localhost", "25", o).empty());
    o.timeout = std::chrono::milliseconds(0);
    CHECK_FALSE(ask("localhost", "25", o).empty());
}

TEST_CASE("a lookup can be cancelled at any step, and says so")
{
    bool finished = false;
    bool stopped  = false;
    for (int steps = 0; !finished && steps < 100; ++steps)
    {
        for (bool own : {false, true})
        {
            resolve_options o;
            if (own)
                o.resolver = [](std::string const&, std::string const&) { return hang(); };
            asio::io_context          loop(1);
            asio::cancellation_signal stop;
            std::exception_ptr        error;
            bool                      done = false;
            auto const                ended = [&](std::exception_ptr e, endpoints const&) {
                error = e;
                done  = true;
            };
            posthorn::spawn(loop, net::resolve("localhost", "25", o),
                            asio::bind_cancellation_slot(stop.slot(), ended));
            for (int i = 0; i != steps && !done && !(own && i == 1); ++i)
                loop.run_one();
            finished = finished || (done && !error);
            stop.emit(asio::cancellation_type::terminal);
            loop.run();
            REQUIRE(done);
            if (!error)
                continue;
            stopped = true;
            try
            {
                std::rethrow_exception(error);
            }
            catch (posthorn::error const& e)
            {
                CHECK(e.code() == posthorn::errc::canceled);
            }
        }
    }
    CHECK(finished);
    CHECK(stopped);
}

TEST_CASE("the event loop can be destroyed at any step of a lookup")
{
    bool finished = false;
    for (int steps = 0; !finished && steps < 100; ++steps)
    {
        asio::io_context loop(1);
        auto const       ended = [&](std::exception_ptr, endpoints const&) { finished = true; };
        posthorn::spawn(loop, net::resolve("localhost", "25"), ended);
        for (int i = 0; i != steps && !finished; ++i)
            loop.run_one();
    }
    CHECK(finished);
}

namespace {

/// A coroutine of another library: no executor comes with it.
struct fire_and_forget
{
    struct promise_type
    {
        fire_and_forget     get_return_object() const noexcept { return {}; }
        std::suspend_never  initial_suspend() const noexcept { return {}; }
        std::suspend_never  final_suspend() const noexcept { return {}; }
        void                return_void() const noexcept {}
        void                unhandled_exception() const noexcept { std::terminate(); }
    };
};

fire_and_forget without_executor(std::error_code& result, std::string host)
{
    try
    {
        std::ignore = co_await net::resolve(std::move(host), "25");
    }
    catch (std::system_error const& e)
    {
        result = e.code();
    }
}

} // namespace

TEST_CASE("without an executor a name cannot be looked up")
{
    std::error_code result;
    without_executor(result, "localhost");
    CHECK(result == posthorn::errc::no_executor);
}

TEST_SUITE_END();
