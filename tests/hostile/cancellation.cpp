//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Cancellation, and the end of the event loop, at every place where sending a message waits.

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/source/source.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <support/dialogue.hpp>
#include <support/failures.hpp>
#include <support/run_task.hpp>
#include <support/run_to_end.hpp>
#include <support/steps.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using support::code_in;
using support::lines;
using support::run_to_end;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("hostile/cancellation");

namespace {

/// One way to send one message.
struct way
{
    char const* name;
    bool        tls; ///< STARTTLS and a login, or neither.
    bool        pipelining;
    std::size_t size;   ///< Of the content.
    bool        stream; ///< From a source that waits between blocks.
    bool        chunking = false; ///< The content goes by BDAT.
};

constexpr way ways[] = {
    {"sequential", false, false, 100, false},     {"pipelined", false, true, 100, false},
    {"TLS, sequential", true, false, 100, false}, {"TLS, pipelined", true, true, 100, false},
    {"large", false, true, 6000000, false},       {"TLS, large", true, true, 2000000, false},
    {"streamed", false, true, 20000, true},       {"chunked", false, true, 100, false, true},
    {"chunked, large", false, true, 6000000, false, true},
    {"TLS, chunked, large", true, true, 2000000, false, true},
    {"chunk by chunk", false, false, 20000, false, true},
    {"chunked, streamed", false, true, 20000, true, true}};

/// Blocks that are not there at once.
class slow_blocks final : public source
{
public:
    explicit slow_blocks(std::string text) : text_(std::move(text)) {}

    task<std::string_view> next() override
    {
        co_await support::hop();
        auto const block = std::string_view(text_).substr(at_, 4000);
        at_ += block.size();
        co_return block;
    }
    task<void> rewind() override
    {
        at_ = 0;
        co_return;
    }
    bool rewindable() const override { return true; }

private:
    std::string text_;
    std::size_t at_ = 0;
};

smtp_sink_settings sink_settings(way const& w)
{
    smtp_sink_settings s;
    s.retention = smtp_sink_settings::keep::totals;
    if (!w.pipelining)
        s.withdraw("PIPELINING");
    if (w.tls)
    {
        s.tls           = smtp_sink_settings::tls_mode::starttls;
        s.tls_context   = support::server_tls();
        s.users["user"] = "secret";
        s.require_auth  = true;
    }
    return s;
}

smtp::client_settings settings_for(way const& w, std::uint16_t port)
{
    auto s = support::client_settings(port);
    if (w.tls)
    {
        s.tls   = smtp::tls_mode::required;
        s.login = sasl::credentials("user", secret_string("secret"));
    }
    return s;
}

smtp::message message_for(way const& w)
{
    std::string text;
    while (text.size() < w.size)
        text += "A line of some length, and the next one will be the same as this is.\r\n";
    smtp::message m("a@b.test", {"x@y.test", "z@y.test"}, text);
    if (w.stream)
        m.content = std::make_shared<slow_blocks>(std::move(text));
    return m;
}

smtp::send_options options_for(way const& w)
{
    smtp::send_options o;
    o.chunking   = w.chunking ? smtp::chunking::on : smtp::chunking::off;
    o.chunk_size = w.size > 100000 ? o.chunk_size : 3000;
    return o;
}

/// What a send that may be cancelled ends with.
struct ended
{
    bool               done = false;
    std::exception_ptr failure;
    smtp::report       report;
};

void start(asio::io_context& io, smtp::client& client, smtp::message const& message,
           smtp::send_options const& options, ended& into, asio::cancellation_signal& stop)
{
    spawn(io, client.send(message, options, into.report),
          asio::bind_cancellation_slot(stop.slot(), [&into](std::exception_ptr e) {
              into.done    = true;
              into.failure = e;
          }));
}

/// Cancels after n steps. @return Whether the send was over before.
bool cancel_after(way const& w, std::size_t n, bool kept, asio::cancellation_type type,
                  std::set<smtp::disposition>& seen)
{
    asio::io_context          io(1);
    smtp_sink                 sink(io.get_executor(), sink_settings(w));
    smtp::client              client(settings_for(w, sink.port()));
    auto const                message = message_for(w);
    auto const                options = options_for(w);
    asio::cancellation_signal stop;
    sink.start();
    if (kept)
    {
        REQUIRE(run_to_end(io, client.connect()));
        io.poll();
    }

    ended first;
    start(io, client, message, options, first, stop);
    for (std::size_t i = 0; i != n && !first.done; ++i)
        io.run_one();
    bool const over = first.done;
    if (!over)
    {
        auto const at = std::chrono::steady_clock::now();
        stop.emit(type);
        REQUIRE(run_to_end(io, first.done));
        CHECK(std::chrono::steady_clock::now() - at < 3s);
    }

    std::error_code const code = code_in(first.failure);
    CHECK((code == condition::canceled || !first.failure));
    REQUIRE(first.report.recipients().size() == 2);
    auto const outcome = first.report.recipients()[0].outcome;
    seen.insert(outcome);
    CHECK(first.report.recipients()[1].outcome == outcome);
    CHECK((outcome == smtp::disposition::accepted) == !first.failure);
    CHECK((outcome == smtp::disposition::accepted || outcome == smtp::disposition::not_sent ||
           outcome == smtp::disposition::in_doubt));
    if (client.is_connected())
        CHECK(client.current()->looks_alive());

    // The client is usable, whatever happened.
    if (message.content->rewindable())
        REQUIRE(run_to_end(io, message.content->rewind()));
    ended                     second;
    asio::cancellation_signal unused;
    start(io, client, message, options, second, unused);
    REQUIRE(run_to_end(io, second.done));
    CHECK(!second.failure);
    CHECK(second.report.all_accepted());
    REQUIRE(run_to_end(io, client.quit()));
    REQUIRE(run_to_end(io, sink.until_idle()));
    auto const stored = sink.totals().messages - 1;
    if (outcome == smtp::disposition::accepted)
        CHECK(stored == 1);
    if (outcome == smtp::disposition::not_sent)
        CHECK(stored == 0);
    CHECK(stored <= 1);
    CHECK(sink.violations() == lines());
    return over;
}

} // namespace

TEST_CASE(
    "cancelled after any number of steps a send ends at once, tells the truth, and leaves the client usable")
{
    for (auto const& w : ways)
        for (bool const kept : {false, true})
        {
            std::set<smtp::disposition> seen;
            CAPTURE(std::string(w.name));
            CAPTURE(kept);
            std::size_t n    = 0;
            bool        over = false;
            for (; !over; ++n)
            {
                CAPTURE(n);
                over = cancel_after(w, n, kept, asio::cancellation_type::terminal, seen);
                REQUIRE(n < 100000);
            }
            // Accepted, not_sent and in_doubt; but on a kept connection small chunked messages leave in the first step.
            bool const at_once = kept && w.chunking && w.pipelining && w.size < 1000;
            CHECK(n > (at_once ? 3 : 5));
            CHECK(seen.size() == (at_once ? 2 : 3));
        }
}

TEST_CASE("every type of cancellation ends a send")
{
    for (auto const type : {asio::cancellation_type::total, asio::cancellation_type::partial,
                            asio::cancellation_type::terminal})
        for (std::size_t const n : {0u, 3u, 8u, 15u, 20u})
        {
            CAPTURE(n);
            std::set<smtp::disposition> seen;
            cancel_after(ways[1], n, false, type, seen);
        }
}

namespace {

/// A whole life in one coroutine, which owns everything.
task<void> whole_life(way w)
{
    auto const ex = co_await this_coro::executor;
    smtp_sink  sink(ex, sink_settings(w));
    sink.start();
    smtp::client client(settings_for(w, sink.port()));
    auto const   message = message_for(w);
    auto const   options = options_for(w);
    auto const   r       = co_await client.send(message, options);
    CHECK(r.all_accepted());
    co_await client.quit();
    co_await sink.until_idle();
}

} // namespace

TEST_CASE("the event loop can be destroyed after any number of steps of a send")
{
    for (auto const& w : ways)
    {
        if (w.size > 1000000)
            continue; // nothing that the others have not
        CAPTURE(std::string(w.name));
        std::exception_ptr failure;
        auto const         steps = support::destroy_after_each_step(
            [&](asio::io_context& io) {
                spawn(io, whole_life(w), [&](std::exception_ptr e) { failure = e; });
            },
            [&](std::size_t n, bool complete) {
                CAPTURE(n);
                CHECK(!failure);
                static_cast<void>(complete);
            });
        CHECK(steps > 20);
    }
}

TEST_SUITE_END();
