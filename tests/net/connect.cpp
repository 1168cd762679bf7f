//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/connect.hpp>

#include <posthorn/coro/spawn.hpp>

#include <doctest/doctest.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/socket_base.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <unistd.h>
#endif

TEST_SUITE_BEGIN("net/connect");

namespace net = posthorn::net;
using net::connect_attempt;
using net::connect_options;
using net::tcp;
using posthorn::condition;
using posthorn::task;
using std::chrono::milliseconds;
using steady    = std::chrono::steady_clock;
using endpoints = std::vector<tcp::endpoint>;

namespace {

tcp::endpoint at(char const* address, unsigned port)
{
    return tcp::endpoint(asio::ip::make_address(address), static_cast<asio::ip::port_type>(port));
}

std::string text_of(tcp::endpoint const& e)
{
    std::string const a = e.address().to_string();
    return (e.address().is_v6() ? '[' + a + ']' : a) + ':' + std::to_string(e.port());
}

/// How many descriptors this process has open: what leaks, shows here.
int open_descriptors()
{
    int count = 0;
#if defined(__unix__) || defined(__APPLE__)
    for (int fd = 0; fd != 1024; ++fd)
        count += ::fcntl(fd, F_GETFD) != -1 ? 1 : 0;
#endif
    return count;
}

/// Accepts nothing by itself; the system completes connections as long as the queue has room.
class listener
{
public:
    explicit listener(char const* address = "127.0.0.1", int backlog = 16) : acceptor_(loop_)
    {
        tcp::endpoint const where = at(address, 0);
        acceptor_.open(where.protocol());
        acceptor_.bind(where);
        acceptor_.listen(backlog);
    }

    tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }
    tcp::socket   accept() { return acceptor_.accept(); }

private:
    asio::io_context loop_ {1};
    tcp::acceptor    acceptor_;
};

/// A port of which nothing answers but refusals: bound, so that nobody else gets it, and not listening.
class closed_port
{
public:
    explicit closed_port(char const* address = "127.0.0.1") : socket_(loop_)
    {
        tcp::endpoint const where = at(address, 0);
        socket_.open(where.protocol());
        socket_.bind(where);
    }

    tcp::endpoint endpoint() const { return socket_.local_endpoint(); }

private:
    asio::io_context loop_ {1};
    tcp::socket      socket_;
};

/// A listener whose queue is full, so that the system drops further requests for a connection.
class silent_port
{
public:
    explicit silent_port(char const* address = "127.0.0.1") : listener_(address, 0)
    {
        // Fill the queue until a connection does not come about any more.
        for (int i = 0; i != 8 && !silent_; ++i)
        {
            auto& socket = fillers_.emplace_back(loop_);
            bool  done   = false;
            socket.async_connect(listener_.endpoint(), [&done](std::error_code ec) { done = !ec; });
            loop_.restart();
            loop_.run_for(milliseconds(60));
            silent_ = !done;
        }
        REQUIRE(silent_);
    }

    tcp::endpoint endpoint() const { return listener_.endpoint(); }

    /// Makes room: requests that are repeated from now on are answered.
    void wake_up()
    {
        for (std::size_t i = 0; i + 1 < fillers_.size(); ++i)
            accepted_.push_back(listener_.accept());
        fillers_.back().close();
    }

private:
    listener                 listener_;
    asio::io_context         loop_ {1};
    std::vector<tcp::socket> fillers_;
    std::vector<tcp::socket> accepted_;
    bool                     silent_ = false;
};

bool have_v6()
{
    static bool const have = [] {
        try
        {
            listener const probe("::1");
            return true;
        }
        catch (std::system_error const&)
        {
            MESSAGE("this machine has no IPv6 loopback: what needs it is left out");
            return false;
        }
    }();
    return have;
}

/// What on_attempt was told.
struct record
{
    tcp::endpoint   endpoint;
    std::error_code error;
};

template <class T>
task<void> keep(task<T> t, std::optional<T>& to)
{
    auto value = co_await std::move(t);
    to.emplace(std::move(value));
}

/// Runs a task in a loop that the caller keeps, since sockets live in it.
template <class T>
T run(asio::io_context& loop, task<T> t)
{
    std::optional<T>   result;
    std::exception_ptr failure;
    bool               done = false;
    posthorn::spawn(loop, keep(std::move(t), result), [&](std::exception_ptr e) {
        failure = e;
        done    = true;
    });
    loop.restart();
    loop.run();
    REQUIRE(done);
    if (failure)
        std::rethrow_exception(failure);
    return std::move(*result);
}

struct failure
{
    std::error_code              code;
    std::string                  text;
    std::vector<connect_attempt> attempts;
};

template <class T>
failure fail(asio::io_context& loop, task<T> t)
{
    failure f;
    try
    {
        run(loop, std::move(t));
        FAIL_CHECK("there is a connection");
    }
    catch (net::connect_error const& e)
    {
        f.code     = e.code();
        f.text     = e.what();
        f.attempts = e.attempts();
    }
    catch (std::system_error const& e)
    {
        f.code = e.code();
        f.text = e.what();
    }
    return f;
}

/// Options with which only what happens decides, not the time.
connect_options patient(std::vector<record>& records)
{
    connect_options o;
    o.race.attempt_delay = std::chrono::hours(1);
    o.on_attempt         = [&records](tcp::endpoint const& e, std::error_code ec) {
        records.push_back(record {e, ec});
    };
    return o;
}

connect_options hasty(std::vector<record>& records, int delay_ms)
{
    connect_options o    = patient(records);
    o.race.attempt_delay = milliseconds(delay_ms);
    return o;
}

bool contains(std::string const& text, std::string const& part)
{
    return text.find(part) != std::string::npos;
}

task<endpoints> give(endpoints list)
{
    co_return list;
}

task<endpoints> hang()
{
    auto const         ex = co_await posthorn::this_coro::executor;
    asio::steady_timer never(ex, steady::time_point::max());
    co_await never.async_wait(posthorn::use_task);
    co_return endpoints();
}

} // namespace

TEST_CASE("a connection carries data both ways, without delay, and the other side sees it")
{
    listener         peer;
    asio::io_context loop(1);
    tcp::socket      socket = run(loop, net::connect(endpoints {peer.endpoint()}));
    CHECK(socket.remote_endpoint() == peer.endpoint());
    tcp::no_delay no_delay;
    socket.get_option(no_delay);
    CHECK(no_delay.value());
    asio::socket_base::keep_alive keep_alive;
    socket.get_option(keep_alive);
    CHECK_FALSE(keep_alive.value());

    tcp::socket other = peer.accept();
    asio::write(socket, asio::buffer("hello", 5));
    char text[5];
    asio::read(other, asio::buffer(text));
    CHECK(std::string(text, 5) == "hello");
}

TEST_CASE("keep-alive can be asked for")
{
    listener         peer;
    asio::io_context loop(1);
    connect_options  o;
    o.keep_alive       = true;
    tcp::socket socket = run(loop, net::connect(endpoints {peer.endpoint()}, o));
    asio::socket_base::keep_alive keep_alive;
    socket.get_option(keep_alive);
    CHECK(keep_alive.value());
}

TEST_CASE("neither a socket that is kept nor a timer keeps the event loop from ending")
{
    listener                 good;
    silent_port              silent;
    asio::io_context         loop(1);
    std::vector<record>      records;
    auto const               begun  = steady::now();
    connect_options          o      = hasty(records, 20); // and timeouts of 30 seconds
    o.total_timeout                 = std::chrono::minutes(5);
    tcp::socket const socket = run(loop, net::connect(endpoints {silent.endpoint(), good.endpoint()}, o));
    CHECK(socket.is_open());
    CHECK(steady::now() - begun < std::chrono::seconds(15));
    loop.restart();
    CHECK(loop.poll() == 0);
    CHECK(loop.stopped());
}

TEST_CASE("a refusal starts the next attempt at once")
{
    closed_port         closed;
    listener            good;
    asio::io_context    loop(1);
    std::vector<record> records;
    auto const          begun = steady::now();
    tcp::socket const   socket =
        run(loop, net::connect(endpoints {closed.endpoint(), good.endpoint()}, patient(records)));
    CHECK(socket.remote_endpoint() == good.endpoint());
    CHECK(steady::now() - begun < std::chrono::seconds(15)); // the delay is an hour
    REQUIRE(records.size() == 2);
    CHECK(records[0].endpoint == closed.endpoint());
    CHECK(records[0].error == condition::unreachable);
    CHECK(records[1].endpoint == good.endpoint());
    CHECK_FALSE(records[1].error);
}

TEST_CASE("an address that ignores us is joined by the next one after the delay, and loses")
{
    silent_port         silent_a;
    silent_port         silent_b("127.0.0.2");
    listener            good("127.0.0.3");
    listener            unused;
    asio::io_context    loop(1);
    std::vector<record> records;
    auto const          begun = steady::now();
    endpoints const     all {silent_a.endpoint(), silent_b.endpoint(), good.endpoint(), unused.endpoint()};
    tcp::socket const   socket  = run(loop, net::connect(all, hasty(records, 300)));
    auto const          elapsed = steady::now() - begun;
    CHECK(socket.remote_endpoint() == good.endpoint());
    CHECK(elapsed >= milliseconds(590));
    CHECK(elapsed < std::chrono::seconds(20));
    // The silent ones were told to stop; the winner is told first. On a slow machine the last one may have
    // been started.
    REQUIRE(records.size() >= 3);
    CHECK(records[0].endpoint == good.endpoint());
    CHECK_FALSE(records[0].error);
    for (std::size_t i = 1; i != records.size(); ++i)
        CHECK(records[i].error == condition::canceled);
}

TEST_CASE("families take turns, so that one broken family costs one delay")
{
    if (!have_v6())
        return;
    silent_port         silent("::1");
    listener            good("127.0.0.1");
    asio::io_context    loop(1);
    std::vector<record> records;
    closed_port         closed("::1");
    endpoints const     all {silent.endpoint(), closed.endpoint(), good.endpoint()};
    auto const          begun   = steady::now();
    tcp::socket const   socket  = run(loop, net::connect(all, hasty(records, 300)));
    CHECK(socket.remote_endpoint() == good.endpoint());
    CHECK(steady::now() - begun >= milliseconds(290));
    REQUIRE_FALSE(records.empty());
    CHECK(records[0].endpoint == good.endpoint()); // the closed port never had its turn before
}

TEST_CASE("more of the first family may come first")
{
    if (!have_v6())
        return;
    closed_port         a("::1");
    closed_port         b("::1");
    listener            good("127.0.0.1");
    asio::io_context    loop(1);
    std::vector<record> records;
    connect_options     o     = patient(records);
    o.race.first_family_count = 2;
    run(loop, net::connect(endpoints {a.endpoint(), b.endpoint(), good.endpoint()}, o));
    REQUIRE(records.size() == 3);
    CHECK(records[0].endpoint == a.endpoint());
    CHECK(records[1].endpoint == b.endpoint());
    CHECK(records[2].endpoint == good.endpoint());
}

TEST_CASE("an attempt that is answered late still wins if nothing else does")
{
    silent_port         late;
    closed_port         closed;
    asio::io_context    loop(1);
    std::vector<record> records;
    asio::steady_timer  timer(loop, milliseconds(300));
    timer.async_wait([&](std::error_code) { late.wake_up(); });
    tcp::socket const socket =
        run(loop, net::connect(endpoints {late.endpoint(), closed.endpoint()}, hasty(records, 50)));
    CHECK(socket.remote_endpoint() == late.endpoint());
    REQUIRE(records.size() == 2);
    CHECK(records[0].endpoint == closed.endpoint());
    CHECK(records[1].endpoint == late.endpoint());
    CHECK_FALSE(records[1].error);
}

TEST_CASE("when all attempts fail, the error lists every address and its reason")
{
    std::vector<closed_port> ports(3);
    endpoints                all;
    for (auto const& p : ports)
        all.push_back(p.endpoint());
    if (have_v6())
        all.push_back(at("::1", ports[0].endpoint().port()));
    asio::io_context    loop(1);
    std::vector<record> records;
    auto const          f = fail(loop, net::connect(all, patient(records)));
    CHECK(f.code == net::errc::connect_failed);
    CHECK(f.code == condition::unreachable);
    CHECK(f.code == condition::temporary);
    CHECK(f.code != condition::timeout);
    REQUIRE(f.attempts.size() == all.size());
    CHECK(records.size() == all.size());
    CAPTURE(f.text);
    for (auto const& e : all)
    {
        auto const found = std::find_if(f.attempts.begin(), f.attempts.end(),
                                        [&e](connect_attempt const& a) { return a.endpoint == e; });
        REQUIRE(found != f.attempts.end());
        CHECK(found->error == condition::unreachable);
        CHECK(contains(f.text, text_of(e) + ": " + found->error.message()));
    }
}

TEST_CASE("a host is looked up, and the error names it")
{
    listener         good;
    closed_port      closed;
    asio::io_context loop(1);
    connect_options  o;
    o.resolve.resolver = [&](std::string const& host, std::string const&) {
        return give(endpoints {host == "good.example" ? good.endpoint() : closed.endpoint()});
    };
    tcp::socket const socket = run(loop, net::connect(net::host_port("good.example", 25), o));
    CHECK(socket.remote_endpoint() == good.endpoint());

    auto const f = fail(loop, net::connect(net::host_port("bad.example", 25), o));
    CHECK(f.code == net::errc::connect_failed);
    CHECK(contains(f.text, "bad.example:25"));
    CHECK(contains(f.text, text_of(closed.endpoint())));

    tcp::socket const system = run(
        loop, net::connect(net::host_port("127.0.0.1", static_cast<std::uint16_t>(good.endpoint().port()))));
    CHECK(system.remote_endpoint() == good.endpoint());
}

TEST_CASE("the family restriction holds for connecting")
{
    listener         good;
    asio::io_context loop(1);
    connect_options  o;
    o.resolve.family   = net::address_family::v6;
    o.resolve.resolver = [&](std::string const&, std::string const&) {
        return give(endpoints {good.endpoint()});
    };
    CHECK(fail(loop, net::connect(net::host_port("mx.example", 25), o)).code == net::errc::no_addresses);
}

TEST_CASE("what cannot be connected to is refused before anything is tried")
{
    asio::io_context loop(1);
    CHECK(fail(loop, net::connect(net::host_port())).code == net::errc::bad_host_name);
    CHECK(fail(loop, net::connect(net::host_port::local("/run/lmtp"))).code ==
          posthorn::errc::invalid_argument);
    auto const none = fail(loop, net::connect(endpoints()));
    CHECK(none.code == net::errc::no_addresses);
    CHECK(none.attempts.empty());
}

TEST_CASE("each attempt has its own time limit")
{
    silent_port         a;
    silent_port         b;
    asio::io_context    loop(1);
    std::vector<record> records;
    connect_options     o = patient(records);
    o.attempt_timeout     = milliseconds(100);
    auto const begun      = steady::now();
    auto const f          = fail(loop, net::connect(endpoints {a.endpoint(), b.endpoint()}, o));
    CHECK(steady::now() - begun >= milliseconds(195));
    CHECK(f.code == net::errc::connect_timed_out);
    CHECK(f.code == condition::timeout);
    CHECK(f.code == condition::unreachable);
    REQUIRE(f.attempts.size() == 2);
    for (auto const& attempt : f.attempts)
    {
        CHECK(attempt.error == condition::timeout);
        CHECK(attempt.elapsed >= milliseconds(95));
        CHECK(contains(f.text, text_of(attempt.endpoint)));
    }
    CHECK(contains(f.text, " ms"));

    closed_port closed;
    auto const  mixed = fail(loop, net::connect(endpoints {a.endpoint(), closed.endpoint()}, o));
    CHECK(mixed.code == net::errc::connect_failed);
    CHECK(mixed.code != condition::timeout);
    REQUIRE(mixed.attempts.size() == 2);
    CHECK(mixed.attempts[0].error == condition::timeout);
    CHECK(mixed.attempts[1].error == condition::unreachable);
}

TEST_CASE("a total time limit ends everything, and the error tells what was under way")
{
    silent_port         a;
    listener            untried;
    asio::io_context    loop(1);
    std::vector<record> records;
    connect_options     o = patient(records);
    o.total_timeout       = milliseconds(100);
    auto const f          = fail(loop, net::connect(endpoints {a.endpoint(), untried.endpoint()}, o));
    CHECK(f.code == net::errc::connect_timed_out);
    REQUIRE(f.attempts.size() == 1);
    CHECK(f.attempts[0].endpoint == a.endpoint());
    CHECK(f.attempts[0].error == condition::timeout);
    CHECK(contains(f.text, "1 more not tried"));

    o.resolve.resolver = [](std::string const&, std::string const&) { return hang(); };
    auto const lookup  = fail(loop, net::connect(net::host_port("slow.example", 25), o));
    CHECK(lookup.code == net::errc::resolve_timed_out);

    silent_port b;
    o.resolve.resolver = [&b](std::string const&, std::string const&) {
        return give(endpoints {b.endpoint()});
    };
    CHECK(fail(loop, net::connect(net::host_port("slow.example", 25), o)).code ==
          net::errc::connect_timed_out);
}

TEST_CASE("absurdly long limits are no limits")
{
    listener            good;
    closed_port         closed;
    asio::io_context    loop(1);
    std::vector<record> records;
    connect_options     o = patient(records);
    o.attempt_timeout = o.total_timeout = o.race.attempt_delay = o.resolve.timeout = milliseconds::max();
    run(loop, net::connect(endpoints {closed.endpoint(), good.endpoint()}, o));
    o.attempt_timeout = o.total_timeout = o.race.attempt_delay = milliseconds(0);
    run(loop, net::connect(endpoints {closed.endpoint(), good.endpoint()}, o));
}

TEST_CASE("a connection comes from the source address")
{
    listener         peer;
    asio::io_context loop(1);
    connect_options  o;
    o.source_v4              = asio::ip::make_address_v4("127.0.0.9");
    tcp::socket const socket = run(loop, net::connect(endpoints {peer.endpoint()}, o));
    CHECK(socket.local_endpoint().address() == *o.source_v4);
    CHECK(peer.accept().remote_endpoint().address() == *o.source_v4);
}

TEST_CASE("addresses of a family without a source address are left out, and the error says so")
{
    listener            peer;
    asio::io_context    loop(1);
    std::vector<record> records;
    connect_options     o = patient(records);
    o.source_v4           = asio::ip::make_address_v4("127.0.0.9");
    auto const socket     = run(loop, net::connect(endpoints {at("2001:db8::1", 25), peer.endpoint()}, o));
    CHECK(socket.remote_endpoint() == peer.endpoint());
    REQUIRE(records.size() == 2);
    CHECK(records[0].error == net::errc::no_source_address);

    auto const f = fail(loop, net::connect(endpoints {at("2001:db8::1", 25), at("2001:db8::2", 25)}, o));
    CHECK(f.code == net::errc::no_addresses);
    CHECK(f.code == condition::permanent);
    REQUIRE(f.attempts.size() == 2);
    CHECK(f.attempts[1].error == net::errc::no_source_address);
    CHECK(contains(f.text, "[2001:db8::2]:25: "));

    closed_port closed;
    auto const  g = fail(loop, net::connect(endpoints {at("2001:db8::1", 25), closed.endpoint()}, o));
    CHECK(g.code == net::errc::connect_failed);

    if (have_v6())
    {
        listener six("::1");
        o.source_v6 = asio::ip::make_address_v6("::1");
        CHECK(run(loop, net::connect(endpoints {six.endpoint()}, o)).local_endpoint().address().is_v6());
    }
}

TEST_CASE("a source address that this machine does not have fails the attempt")
{
    listener         peer;
    asio::io_context loop(1);
    connect_options  o;
    o.source_v4  = asio::ip::make_address_v4("192.0.2.77");
    auto const f = fail(loop, net::connect(endpoints {peer.endpoint()}, o));
    CHECK(f.code == net::errc::connect_failed);
    REQUIRE(f.attempts.size() == 1);
    CHECK(f.attempts[0].error == asio::error::make_error_code(asio::error::basic_errors(EADDRNOTAVAIL)));
}

TEST_CASE("an exception from the hook ends all attempts and is thrown")
{
    silent_port      silent;
    closed_port      closed;
    listener         good;
    asio::io_context loop(1);
    run(loop, net::connect(endpoints {good.endpoint()})); // the loop opens what it needs
    int const       before = open_descriptors();
    connect_options o;
    o.race.attempt_delay = milliseconds(20);
    o.on_attempt         = [](tcp::endpoint const&, std::error_code) { throw std::runtime_error("hook"); };
    CHECK_THROWS_WITH_AS(run(loop, net::connect(endpoints {silent.endpoint(), closed.endpoint()}, o)), "hook",
                         std::runtime_error);
    CHECK_THROWS_WITH_AS(run(loop, net::connect(endpoints {good.endpoint()}, o)), "hook", std::runtime_error);
    o.on_attempt = [](tcp::endpoint const&, std::error_code) {
        throw std::system_error(posthorn::make_error_code(posthorn::errc::timeout));
    };
    try
    {
        run(loop, net::connect(endpoints {good.endpoint()}, o));
        FAIL("connected");
    }
    catch (std::system_error const& e)
    {
        CHECK(e.code() == posthorn::errc::timeout);
    }
    CHECK(open_descriptors() == before);
}

namespace {

/// What happened to a connect that was stopped or dropped after some steps.
struct stepped
{
    bool               finished = false; ///< Before it was stopped.
    std::exception_ptr error;
    bool               connected = false;
};

using starter = std::function<task<tcp::socket>()>;

stepped stop_after(int steps, starter const& start)
{
    asio::io_context           loop(1);
    asio::cancellation_signal  stop;
    std::optional<tcp::socket> socket;
    stepped                    result;
    bool                       done = false;
    auto const                 ended = [&](std::exception_ptr e) {
        result.error = e;
        done         = true;
    };
    posthorn::spawn(loop, keep(start(), socket), asio::bind_cancellation_slot(stop.slot(), ended));
    for (int i = 0; i != steps && !done; ++i)
        loop.run_one();
    result.finished = done;
    stop.emit(asio::cancellation_type::terminal);
    auto const begun = steady::now();
    loop.run();
    CHECK(steady::now() - begun < std::chrono::seconds(15));
    CHECK(done);
    result.connected = socket.has_value();
    return result;
}

stepped destroy_after(int steps, starter const& start)
{
    std::optional<tcp::socket> socket;
    stepped                    result;
    {
        asio::io_context loop(1);
        posthorn::spawn(loop, keep(start(), socket), [&](std::exception_ptr e) {
            result.error    = e;
            result.finished = true;
        });
        for (int i = 0; i != steps && !result.finished; ++i)
            loop.run_one();
        result.connected = socket.has_value();
        socket.reset();
    }
    return result;
}

/// A refusal, two addresses that do not answer, and one that connects; the hook keeps the order.
struct scene
{
    scene()
    {
        options.race.attempt_delay = milliseconds(10);
        options.total_timeout      = std::chrono::minutes(1);
        options.resolve.resolver   = [this](std::string const&, std::string const&) {
            return pause_and_give();
        };
    }

    task<endpoints> pause_and_give()
    {
        auto const         ex = co_await posthorn::this_coro::executor;
        asio::steady_timer timer(ex, milliseconds(5));
        co_await timer.async_wait(posthorn::use_task);
        endpoints all {closed.endpoint(), silent_a.endpoint(), silent_b.endpoint(), good.endpoint()};
        co_return all;
    }

    starter start()
    {
        return [this] { return net::connect(net::host_port("mx.example", 25), options); };
    }

    closed_port     closed;
    silent_port     silent_a;
    silent_port     silent_b;
    listener        good {"127.0.0.1", 512};
    connect_options options;
};

} // namespace

TEST_CASE("cancelled at any step, a connect ends soon, says so, and leaves no descriptor")
{
    scene     s;
    int const before    = open_descriptors();
    int       cancelled = 0;
    bool      finished  = false;
    for (int steps = 0; !finished && steps < 300; ++steps)
    {
        CAPTURE(steps);
        stepped const r = stop_after(steps, s.start());
        CHECK(open_descriptors() == before);
        finished = r.finished;
        if (r.error)
        {
            ++cancelled;
            CHECK_FALSE(r.connected);
            try
            {
                std::rethrow_exception(r.error);
            }
            catch (posthorn::error const& e)
            {
                CHECK(e.code() == posthorn::errc::canceled);
            }
        }
        else
            CHECK(r.connected);
    }
    CHECK(finished);
    CHECK(cancelled > 5);
}

TEST_CASE("the event loop can be destroyed at any step of a race")
{
    scene     s;
    int const before   = open_descriptors();
    bool      finished = false;
    int       steps    = 0;
    for (; !finished && steps < 300; ++steps)
    {
        CAPTURE(steps);
        stepped const r = destroy_after(steps, s.start());
        CHECK(open_descriptors() == before);
        finished = r.finished;
        if (finished)
            CHECK(r.connected);
    }
    CHECK(finished);
    CHECK(steps > 5);
}

TEST_CASE("losing sockets are closed before the winner is returned")
{
    silent_port         silent;
    listener            good;
    asio::io_context    loop(1);
    std::vector<record> records;
    run(loop, net::connect(endpoints {good.endpoint()}, patient(records))); // what the loop itself opens
    int const         before = open_descriptors();
    tcp::socket const socket =
        run(loop, net::connect(endpoints {silent.endpoint(), silent.endpoint(), good.endpoint()},
                               hasty(records, 20)));
    if (before != 0)
        CHECK(open_descriptors() == before + 1);
}

TEST_CASE("many connects race at once on a strand of a loop with several threads")
{
    listener                   good("127.0.0.1", 512);
    closed_port                closed;
    asio::io_context           loop(2);
    std::vector<std::optional<tcp::socket>> sockets(40);
    std::vector<std::exception_ptr>         errors(sockets.size());
    connect_options                         o;
    o.race.attempt_delay = milliseconds(10);
    for (std::size_t i = 0; i != sockets.size(); ++i)
    {
        auto strand = asio::make_strand(loop);
        posthorn::spawn(
            strand,
            keep(net::connect(endpoints {closed.endpoint(), good.endpoint(), at("127.0.0.1", 1)}, o),
                 sockets[i]),
            [&errors, i](std::exception_ptr e) { errors[i] = e; });
    }
    std::thread other([&loop] { loop.run(); });
    loop.run();
    other.join();
    for (std::size_t i = 0; i != sockets.size(); ++i)
    {
        CHECK_FALSE(errors[i]);
        REQUIRE(sockets[i]);
        CHECK(sockets[i]->remote_endpoint() == good.endpoint());
    }
}

namespace {

/// A coroutine of another library: no executor comes with it.
struct fire_and_forget
{
    struct promise_type
    {
        fire_and_forget    get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void               return_void() const noexcept {}
        void               unhandled_exception() const noexcept { std::terminate(); }
    };
};

fire_and_forget without_executor(std::error_code& result, endpoints to)
{
    try
    {
        auto socket = co_await net::connect(std::move(to));
    }
    catch (std::system_error const& e)
    {
        result = e.code();
    }
}

} // namespace

TEST_CASE("without an executor nothing can be connected")
{
    std::error_code result;
    without_executor(result, endpoints {at("127.0.0.1", 1)});
    CHECK(result == posthorn::errc::no_executor);
}

TEST_CASE("copies of a connect error share what they tell")
{
    net::connect_error const a(
        net::errc::connect_failed, "mx.example:25",
        std::vector<connect_attempt> {{at("192.0.2.1", 25), posthorn::errc::timeout, milliseconds(1500)}}, 2);
    net::connect_error const b = a;
    CHECK(&a.attempts() == &b.attempts());
    std::string const text = b.what();
    CHECK(text == "connecting with mx.example:25: no connection could be made: 192.0.2.1:25: the deadline "
                  "passed after 1500 ms; "
                  "2 more not tried");
}

#if defined(ASIO_HAS_LOCAL_SOCKETS) && !defined(_WIN32)

namespace {

using asio::local::stream_protocol;

/// A Unix listener in a directory of its own.
class local_listener
{
public:
    explicit local_listener(int backlog = 16) : acceptor_(loop_)
    {
        char name[] = "/tmp/posthorn-connect-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        directory_ = name;
        acceptor_.open();
        acceptor_.bind(stream_protocol::endpoint(path()));
        acceptor_.listen(backlog);
    }
    local_listener(local_listener const&)            = delete;
    local_listener& operator=(local_listener const&) = delete;
    ~local_listener()
    {
        ::unlink(path().c_str());
        ::rmdir(directory_.c_str());
    }

    std::string             path() const { return directory_ + "/socket"; }
    stream_protocol::socket accept() { return acceptor_.accept(); }
    void                    close() { acceptor_.close(); }

private:
    asio::io_context          loop_ {1};
    std::string               directory_;
    stream_protocol::acceptor acceptor_;
};

} // namespace

TEST_CASE("a Unix socket is connected to by its path")
{
    local_listener   peer;
    asio::io_context loop(1);
    auto             socket = run(loop, net::connect_unix(peer.path()));
    auto             other  = peer.accept();
    asio::write(other, asio::buffer("220", 3));
    char text[3];
    asio::read(socket, asio::buffer(text));
    CHECK(std::string(text, 3) == "220");
    loop.restart();
    CHECK(loop.poll() == 0);
}

TEST_CASE("a Unix socket that is missing, dead or has too long a path is a failure that names it")
{
    asio::io_context loop(1);
    local_listener   peer;
    auto const       missing = fail(loop, net::connect_unix(peer.path() + "-missing"));
    CHECK(missing.code == net::errc::connect_failed);
    CHECK(missing.code == condition::unreachable);
    CHECK(contains(missing.text, "unix:" + peer.path() + "-missing"));
    CHECK(contains(missing.text, std::generic_category().message(ENOENT)));
    peer.close();
    auto const dead = fail(loop, net::connect_unix(peer.path()));
    CHECK(dead.code == net::errc::connect_failed);
    CHECK(contains(dead.text, std::generic_category().message(ECONNREFUSED)));
    CHECK(fail(loop, net::connect_unix("/" + std::string(300, 'a'))).code == net::errc::connect_failed);
}

TEST_CASE("a Unix listener with a full queue is waited for, up to the limit")
{
    local_listener                       peer(0);
    asio::io_context                     loop(1);
    std::vector<stream_protocol::socket> fillers;
    connect_options                      o;
    o.attempt_timeout = milliseconds(150);
    std::error_code full;
    for (int i = 0; i != 8 && !full; ++i)
    {
        try
        {
            fillers.push_back(run(loop, net::connect_unix(peer.path(), o)));
        }
        catch (posthorn::error const& e)
        {
            full = e.code();
        }
    }
    CHECK(full == net::errc::connect_timed_out);
    CHECK(full == condition::timeout);

    o.attempt_timeout = std::chrono::seconds(30);
    asio::steady_timer timer(loop, milliseconds(100));
    timer.async_wait([&](std::error_code) { peer.accept(); });
    auto const socket = run(loop, net::connect_unix(peer.path(), o));
    std::error_code unconnected;
    socket.remote_endpoint(unconnected);
    CHECK_FALSE(unconnected);
}

TEST_CASE("waiting for a Unix listener can be cancelled, and dropped with the loop")
{
    local_listener                         peer(0);
    asio::io_context                       filler_loop(1);
    std::vector<stream_protocol::socket>   fillers;
    connect_options                        o;
    o.attempt_timeout = milliseconds(100);
    bool full         = false;
    for (int i = 0; i != 8 && !full; ++i)
    {
        try
        {
            fillers.push_back(run(filler_loop, net::connect_unix(peer.path(), o)));
        }
        catch (posthorn::error const&)
        {
            full = true;
        }
    }
    REQUIRE(full);
    o.attempt_timeout = std::chrono::minutes(5);
    int const before  = open_descriptors();
    for (int steps = 0; steps != 12; ++steps)
    {
        for (bool destroy : {false, true})
        {
            asio::io_context                       loop(1);
            asio::cancellation_signal              stop;
            std::optional<stream_protocol::socket> socket;
            std::error_code                        result;
            auto const                             ended = [&result](std::exception_ptr e) {
                try
                {
                    if (e)
                        std::rethrow_exception(e);
                }
                catch (std::system_error const& error)
                {
                    result = error.code();
                }
            };
            posthorn::spawn(loop, keep(net::connect_unix(peer.path(), o), socket),
                            asio::bind_cancellation_slot(stop.slot(), ended));
            for (int i = 0; i != steps; ++i)
                loop.run_one();
            if (destroy)
                continue;
            stop.emit(asio::cancellation_type::terminal);
            loop.run();
            CHECK(result == posthorn::errc::canceled);
        }
        CHECK(open_descriptors() == before);
    }
}

#endif

TEST_SUITE_END();
