//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/smtp/pool.hpp>
#include <posthorn/source/source.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/scripted_server.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <support/dialogue.hpp>
#include <support/run_task.hpp>
#include <support/steps.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using support::failure_of;
using support::lines;
using support::mail;
using support::sleep_for;
using testing::script;
using testing::smtp_reply;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("smtp/pool");

namespace {

using clock_type = std::chrono::steady_clock;
using change     = std::function<void(smtp::pool_settings&)>;

/// A pool of connections in the clear, that does not take its time.
smtp::pool_settings pool_settings(std::uint16_t port)
{
    smtp::pool_settings s(support::client_settings(port));
    s.throttle_pause = 5ms;
    s.login_pause    = 100ms;
    s.recovery       = 20ms;
    return s;
}

smtp_sink_settings slow(std::chrono::milliseconds delay)
{
    smtp_sink_settings s;
    s.delay = delay;
    return s;
}

std::string sender(std::size_t i) { return "m" + std::to_string(i) + "@b.test"; }

smtp::message numbered(std::size_t i)
{
    return smtp::message(sender(i), {"x@y.test"}, "Subject: t\r\n\r\nHello\r\n");
}

/// A word for what became of one message.
std::string word_for(std::exception_ptr const& failure)
{
    try
    {
        std::rethrow_exception(failure);
    }
    catch (std::system_error const& e)
    {
        if (e.code() == posthorn::errc::closed)
            return "closed";
        if (e.code() == condition::canceled)
            return "canceled";
        if (e.code() == condition::timeout)
            return "timeout";
        return e.what();
    }
    catch (std::exception const& e)
    {
        return e.what();
    }
}

task<std::string> send(smtp::pool& pool, std::size_t i)
{
    auto const         m = numbered(i);
    std::string        word;
    std::exception_ptr failure;
    try
    {
        auto const r = co_await pool.send(m);
        word         = to_string(r.outcome());
    }
    catch (...)
    {
        failure = std::current_exception();
    }
    if (failure)
        word = word_for(failure);
    co_return word;
}

/// Sends messages first, first + 1 ... at once.
task<lines> send_many(smtp::pool& pool, std::size_t first, std::size_t count)
{
    std::vector<task<std::string>> all;
    for (std::size_t i = 0; i != count; ++i)
        all.push_back(send(pool, first + i));
    co_return co_await when_all(std::move(all));
}

lines times(std::size_t n, std::string word) { return lines(n, std::move(word)); }

lines senders(smtp_sink const& sink)
{
    lines all;
    for (auto const& m : sink.messages())
        all.push_back(m.from.address);
    return all;
}

lines senders(std::size_t first, std::size_t count)
{
    lines all;
    for (std::size_t i = 0; i != count; ++i)
        all.push_back(sender(first + i));
    return all;
}

lines sorted(lines l)
{
    std::sort(l.begin(), l.end());
    return l;
}

lines endings(smtp_sink const& sink)
{
    lines all;
    for (auto const& c : sink.connections())
        all.push_back(c.ending);
    return all;
}

using body = std::function<task<void>(smtp_sink&, smtp::pool&)>;

task<void> visit_sink(smtp_sink_settings server, change const& c, body const& b)
{
    auto const ex = co_await this_coro::executor;
    smtp_sink  sink(ex, std::move(server));
    sink.start();
    auto s = pool_settings(sink.port());
    if (c)
        c(s);
    smtp::pool pool(ex, std::move(s));
    co_await b(sink, pool);
    CHECK(sink.violations() == lines());
}

/// A pool and a server in one event loop.
void visit(smtp_sink_settings server, change c, body b)
{
    sync_wait(with_timeout(visit_sink(std::move(server), c, b), support::no_hang));
}

using scripted_body = std::function<task<void>(smtp::pool&)>;

task<void> visit_script(std::vector<script> scripts, change const& c, scripted_body const& b, support::played& into)
{
    auto const               ex = co_await this_coro::executor;
    testing::scripted_server server(ex, std::move(scripts), support::server_settings());
    server.start();
    {
        auto s = pool_settings(server.port());
        if (c)
            c(s);
        smtp::pool pool(ex, std::move(s));
        co_await b(pool);
    }
    co_await support::detail::finish(server, into);
}

support::played visit(std::vector<script> scripts, change c, scripted_body b)
{
    support::played result;
    sync_wait(with_timeout(visit_script(std::move(scripts), c, b, result), support::no_hang));
    return result;
}

/// The server's side of one message, sequential.
script transaction()
{
    return script()
        .expect_prefix("MAIL")
        .reply("250 ok")
        .expect_prefix("RCPT")
        .reply("250 ok")
        .expect("DATA")
        .reply("354 go")
        .expect_data()
        .reply("250 2.0.0 queued");
}

void user(smtp::pool_settings& s, char const* password)
{
    s.client.login                      = sasl::credentials("user", secret_string(password));
    s.client.mechanisms.allow_plaintext = true;
}

/// Replies to the first MAILs, or greetings; afterwards everything is accepted.
auto first_replies(std::vector<smtp_reply> replies)
{
    return [left = std::make_shared<std::vector<smtp_reply>>(std::move(replies))](auto const&) {
        if (left->empty())
            return smtp_reply();
        auto r = left->front();
        left->erase(left->begin());
        return r;
    };
}

/// Content in one block.
class blocks final : public source
{
public:
    blocks(std::string text, bool rewindable) : text_(std::move(text)), rewindable_(rewindable) {}

    task<std::string_view> next() override
    {
        bool const first = !std::exchange(given_, true);
        co_await support::hop();
        std::string_view block;
        if (first)
            block = text_;
        co_return block;
    }

    bool rewindable() const override { return rewindable_; }

    task<void> rewind() override
    {
        given_ = false;
        co_return;
    }

private:
    std::string text_;
    bool        rewindable_;
    bool        given_ = false;
};

/// A message in the background, and the means to stop it.
struct errand
{
    void start(asio::any_io_executor const& ex, smtp::pool& pool, std::size_t i)
    {
        spawn(ex, send(pool, i), asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr, std::string w) {
                  done = true;
                  word = std::move(w);
              }));
    }

    asio::cancellation_signal stop;
    std::string               word;
    bool                      done = false;
};

task<void> wait_for(errand const& e)
{
    while (!e.done)
        co_await sleep_for(1ms);
}

task<void> until_busy(smtp::pool& pool, std::size_t n)
{
    while (pool.statistics().busy != n)
        co_await sleep_for(1ms);
}

task<void> until_waiting(smtp::pool& pool, std::size_t n)
{
    while (pool.statistics().waiting != n)
        co_await sleep_for(1ms);
}

/// Until the one message of the pool pauses before it is tried again.
task<void> until_put_off(smtp::pool& pool)
{
    while (pool.statistics().throttled != 1 || pool.statistics().busy != 0)
        co_await sleep_for(1ms);
}

} // namespace

// Limits -------------------------------------------------------------------------------------------------------

TEST_CASE("there are never more connections than allowed, and all are used")
{
    visit(slow(2ms), [](auto& s) { s.max_connections = 3; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const words = co_await send_many(pool, 0, 40);
              CHECK(words == times(40, "accepted"));
              CHECK(sorted(senders(sink)) == sorted(senders(0, 40)));
              CHECK(sink.totals().peak == 3);
              CHECK(sink.totals().connections == 3);
              CHECK(pool.statistics().connections == 3);
              CHECK(pool.statistics().busy == 0);
              CHECK(pool.statistics().waiting == 0);
              CHECK(pool.statistics().limit == 3);
              CHECK(pool.statistics().throttled == 0);
              co_await pool.drain();
              co_await sink.until_idle();
              CHECK(endings(sink) == times(3, "QUIT"));
              CHECK(pool.statistics().connections == 0);
          });
}

TEST_CASE("messages go first come first served")
{
    visit(slow(1ms), [](auto& s) { s.max_connections = 1; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const words = co_await send_many(pool, 0, 20);
              CHECK(words == times(20, "accepted"));
              CHECK(senders(sink) == senders(0, 20));
              CHECK(sink.totals().connections == 1);
          });
}

TEST_CASE("the connection that was used last is used next")
{
    visit(slow(2ms), {}, [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
        std::ignore = co_await send_many(pool, 0, 3);
        CHECK(sink.totals().connections == 3);
        auto const last = sink.messages().back().connection;
        for (std::size_t i = 3; i != 8; ++i)
        {
            std::ignore = co_await send(pool, i);
            CHECK(sink.messages().back().connection == last);
        }
        CHECK(sink.totals().connections == 3);
    });
}

TEST_CASE("a new connection is made only where none is open: after a complaint the open ones are used")
{
    smtp_sink_settings server = slow(2ms);
    server.max_connections    = 2;
    visit(server, [](auto& s) { s.max_connections = 4; s.recovery = 1h; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const words = co_await send_many(pool, 0, 12);
              CHECK(words == times(12, "accepted"));
              auto const away = sink.totals().turned_away;
              CHECK(away == 2);
              CHECK(pool.statistics().throttled == 2);
              for (std::size_t i = 12; i != 16; ++i)
                  std::ignore = co_await send(pool, i);
              CHECK(sink.totals().turned_away == away);
              CHECK(sorted(senders(sink)) == sorted(senders(0, 16)));
          });
}

TEST_CASE("connections end after some messages")
{
    visit({}, [](auto& s) { s.max_connections = 1; s.max_messages = 3; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              std::ignore = co_await send_many(pool, 0, 7);
              CHECK(sink.totals().connections == 3);
              CHECK(sink.totals().peak == 1);
              auto const all = sink.connections();
              CHECK(all[0].messages == 3);
              CHECK(all[0].ending == "QUIT");
              CHECK(all[1].messages == 3);
              CHECK(all[1].ending == "QUIT");
              CHECK(all[2].messages == 1);
          });
}

TEST_CASE("connections end when they are old")
{
    visit({}, [](auto& s) { s.max_age = 30ms; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              std::ignore = co_await send(pool, 0);
              std::ignore = co_await send(pool, 1);
              CHECK(sink.totals().connections == 1);
              co_await sleep_for(40ms);
              std::ignore = co_await send(pool, 2);
              CHECK(sink.totals().connections == 2);
              CHECK(sink.connections()[0].ending == "QUIT");
              CHECK(sink.totals().peak == 1);
          });
}

TEST_CASE("unused connections are closed with QUIT, and the event loop ends after that")
{
    testing::server_thread<smtp_sink> sink(slow(1ms));
    asio::io_context                  io(1);
    auto                              s = pool_settings(sink->port());
    s.max_idle                          = 60ms;
    smtp::pool pool(io.get_executor(), s);
    lines      words;
    spawn(io, send_many(pool, 0, 3), [&](std::exception_ptr, lines w) { words = std::move(w); });
    auto const begin = clock_type::now();
    io.run_for(support::no_hang);
    CHECK(io.stopped());
    CHECK(words == times(3, "accepted"));
    CHECK(clock_type::now() - begin >= 60ms);
    CHECK(pool.statistics().connections == 0);
    sink.call(sink->until_idle());
    CHECK(endings(*sink) == times(3, "QUIT"));
}

TEST_CASE("a pool that is not drained closes its connections, and holds up no event loop where they may stay for ever")
{
    testing::server_thread<smtp_sink> sink;
    asio::io_context                  io(1);
    auto                              s = pool_settings(sink->port());
    s.max_idle                          = smtp::pool_settings::duration::max();
    std::optional<smtp::pool> pool(std::in_place, io.get_executor(), s);
    std::string               word;
    spawn(io, send(*pool, 0), [&](std::exception_ptr, std::string w) { word = std::move(w); });
    io.run_for(support::no_hang);
    CHECK(io.stopped());
    CHECK(word == "accepted");
    CHECK(pool->statistics().connections == 1);
    pool.reset();
    io.restart();
    io.run_for(support::no_hang);
    sink.call(sink->until_idle());
    CHECK(endings(*sink) == times(1, "closed by the client"));
}

TEST_CASE("a connection that is being closed counts: there is no other one meanwhile")
{
    visit(slow(60ms), [](auto& s) { s.max_connections = 1; s.max_idle = 10ms; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              std::ignore = co_await send(pool, 0);
              co_await sleep_for(30ms); // QUIT is on its way
              std::ignore = co_await send(pool, 1);
              CHECK(sink.totals().connections == 2);
              CHECK(sink.totals().peak == 1);
              CHECK(sink.connections()[0].ending == "QUIT");
          });
}

TEST_CASE("messages do not wait for a connection for ever")
{
    visit(slow(50ms), [](auto& s) { s.max_connections = 1; s.acquire_timeout = 20ms; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const ex = co_await this_coro::executor;
              errand     first;
              first.start(ex, pool, 0);
              co_await until_busy(pool, 1);
              auto const m = numbered(1);
              auto const e = co_await failure_of(pool.send(m));
              REQUIRE(e);
              CHECK(e->code() == posthorn::errc::timeout);
              CHECK(e->phase() == smtp::phase::prepare);
              CHECK(std::string(e->what()).find("no connection of the pool was free") != std::string::npos);
              CHECK(pool.statistics().waiting == 0);
              co_await wait_for(first);
              CHECK(first.word == "accepted");
              CHECK(senders(sink) == senders(0, 1));
              auto const word = co_await send(pool, 2);
              CHECK(word == "accepted");
          });
}

TEST_CASE("messages begin at a rate")
{
    visit({}, [](auto& s) { s.rate_messages = 100; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const begin = clock_type::now();
              auto const words = co_await send_many(pool, 0, 21);
              auto const took  = clock_type::now() - begin;
              CHECK(words == times(21, "accepted"));
              CHECK(took >= 200ms - 11ms);
              CHECK(took < 5s);
              CHECK(sink.totals().messages == 21);
          });
}

TEST_CASE("who gives up waiting for the rate takes no turn away")
{
    visit({}, [](auto& s) { s.rate_messages = 5; s.acquire_timeout = 300ms; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const begin = clock_type::now();
              auto const words = co_await send_many(pool, 0, 20); // the first at once, the second after 200 ms
              CHECK(std::count(words.begin(), words.end(), "accepted") == 2);
              CHECK(std::count(words.begin(), words.end(), "timeout") == 18);
              auto const word = co_await send(pool, 20);
              CHECK(word == "accepted");
              CHECK(clock_type::now() - begin < 5s);
              CHECK(senders(sink) == lines {sender(0), sender(1), sender(20)});
          });
}

// Cancellation -------------------------------------------------------------------------------------------------

TEST_CASE("a message that waits for a connection can be cancelled, and those behind it move up")
{
    visit(slow(30ms), [](auto& s) { s.max_connections = 1; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const          ex = co_await this_coro::executor;
              std::vector<errand> all(4);
              for (std::size_t i = 0; i != all.size(); ++i)
                  all[i].start(ex, pool, i);
              co_await until_waiting(pool, 3);
              all[1].stop.emit(asio::cancellation_type::terminal);
              co_await wait_for(all[1]);
              CHECK(all[1].word == "canceled");
              CHECK(pool.statistics().waiting == 2);
              co_await wait_for(all[3]);
              CHECK(senders(sink) == lines {sender(0), sender(2), sender(3)});
          });
}

TEST_CASE("a message that is called and cancelled at the same time passes its place on")
{
    visit({}, [](auto& s) { s.max_connections = 1; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const          ex = co_await this_coro::executor;
              std::vector<errand> all(2);
              auto const          hold = [&](smtp::client&) -> task<void> {
                  all[0].start(ex, pool, 0);
                  all[1].start(ex, pool, 1);
                  co_await until_waiting(pool, 2);
              };
              co_await pool.use(hold);
              CHECK(pool.statistics().waiting == 1); // the first one has the place, and does not know it yet
              all[0].stop.emit(asio::cancellation_type::terminal);
              co_await wait_for(all[0]);
              CHECK(all[0].word == "canceled");
              co_await wait_for(all[1]);
              CHECK(all[1].word == "accepted");
              CHECK(pool.statistics().busy == 0);
              CHECK(senders(sink) == senders(1, 1));
          });
}

TEST_CASE("a message that pauses for the rate, or before it is tried again, can be cancelled")
{
    smtp_sink_settings server;
    server.on_mail = first_replies({smtp_reply(451, "4.7.1 slow down")});
    visit(server, [](auto& s) { s.throttle_pause = 1h; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const ex = co_await this_coro::executor;
              errand     one;
              one.start(ex, pool, 0);
              co_await until_put_off(pool);
              CHECK(!one.done);
              one.stop.emit(asio::cancellation_type::terminal);
              co_await wait_for(one);
              CHECK(one.word == "canceled");
              CHECK(sink.messages().empty());
          });
    visit({}, [](auto& s) { s.rate_messages = 1; s.rate_interval = 1h; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const ex = co_await this_coro::executor;
              std::ignore   = co_await send(pool, 0);
              errand one;
              one.start(ex, pool, 1);
              co_await until_waiting(pool, 1);
              CHECK(pool.statistics().busy == 0); // a pause takes no connection
              one.stop.emit(asio::cancellation_type::terminal);
              co_await wait_for(one);
              CHECK(one.word == "canceled");
              CHECK(senders(sink) == senders(0, 1));
          });
}

TEST_CASE("a message that is being sent can be cancelled, and its place is free again")
{
    visit(slow(20ms), [](auto& s) { s.max_connections = 1; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const ex = co_await this_coro::executor;
              errand     one;
              one.start(ex, pool, 0);
              while (sink.totals().commands < 2)
                  co_await sleep_for(1ms);
              one.stop.emit(asio::cancellation_type::terminal);
              co_await wait_for(one);
              CHECK(one.word == "canceled");
              CHECK(pool.statistics().busy == 0);
              CHECK(pool.statistics().connections == 0);
              auto const word = co_await send(pool, 1);
              CHECK(word == "accepted");
              CHECK(senders(sink) == senders(1, 1));
          });
}

TEST_CASE("a message that was cancelled before sends nothing, and harms no connection")
{
    visit({}, {}, [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
        auto const ex = co_await this_coro::executor;
        std::ignore   = co_await send(pool, 0);
        errand one;
        one.start(ex, pool, 1);
        one.stop.emit(asio::cancellation_type::terminal);
        co_await wait_for(one);
        CHECK(one.word == "canceled");
        CHECK(pool.statistics().connections == 1);
        std::ignore = co_await send(pool, 2);
        CHECK(sink.totals().connections == 1);
        CHECK(senders(sink) == lines {sender(0), sender(2)});
    });
}

// Complaints about load ----------------------------------------------------------------------------------------

TEST_CASE("a message that was put off is sent again, and delivered once")
{
    for (auto const& complaint :
         {smtp_reply(421, "4.3.2 busy"), smtp_reply(432, "4.7.12 later"), smtp_reply(451, "4.7.1 slow down"), smtp_reply(451, "4.3.2 busy")})
    {
        CAPTURE(complaint.text);
        smtp_sink_settings server;
        server.on_mail = first_replies({complaint, complaint});
        visit(server, [](auto& s) { s.recovery = 1h; },
              [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
                  auto const word = co_await send(pool, 0);
                  CHECK(word == "accepted");
                  CHECK(senders(sink) == senders(0, 1));
                  CHECK(pool.statistics().throttled == 2);
                  CHECK(pool.statistics().limit == 1);
                  CHECK(pool.statistics().busy == 0);
              });
    }
}

TEST_CASE("whatever the policy makes of a refusal, it is the same complaint")
{
    smtp_sink_settings server;
    server.on_mail = first_replies({smtp_reply(451, "4.7.1 slow down")});
    visit(server, [](auto& s) { s.client.sending.policy = smtp::recipient_policy::all_or_nothing; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const word = co_await send(pool, 0);
              CHECK(word == "accepted");
              CHECK(senders(sink) == senders(0, 1));
              CHECK(pool.statistics().throttled == 1);
          });
}

TEST_CASE("a server that greets with 421 or 450 is asked again")
{
    for (int const code : {421, 450})
    {
        CAPTURE(code);
        smtp_sink_settings server;
        server.on_connect = first_replies({smtp_reply(code, "4.3.2 busy")});
        visit(server, {}, [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
            auto const word = co_await send(pool, 0);
            CHECK(word == "accepted");
            CHECK(senders(sink) == senders(0, 1));
            CHECK(sink.totals().connections == 2);
            CHECK(pool.statistics().throttled == 1);
        });
    }
}

TEST_CASE("after some attempts the answer of the server is the result")
{
    smtp_sink_settings server;
    server.on_mail = [](auto const&) { return smtp_reply(451, "4.7.1 slow down"); };
    visit(server, [](auto& s) { s.throttle_retries = 2; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const m = numbered(0);
              auto const r = co_await pool.send(m);
              CHECK(r.outcome() == smtp::overall::temporary);
              CHECK(r.recipients()[0].code == 451);
              CHECK(pool.statistics().throttled == 3);
              auto const commands = sink.commands();
              CHECK(std::count_if(commands.begin(), commands.end(),
                                  [](auto const& c) { return c.line.starts_with("MAIL"); }) == 3);
          });
    server.on_mail    = nullptr;
    server.on_connect = [](auto const&) { return smtp_reply(421, "4.3.2 busy"); };
    visit(server, [](auto& s) { s.throttle_retries = 2; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const m = numbered(0);
              auto const e = co_await failure_of(pool.send(m));
              REQUIRE(e);
              CHECK(e->code() == smtp::errc::service_unavailable);
              CHECK(sink.totals().connections == 3);
          });
}

TEST_CASE("other temporary refusals are results, and nothing is sent again")
{
    for (auto const& refusal : {smtp_reply(451, "4.2.2 mailbox"), smtp_reply(450, "4.7.1 greylisted"), smtp_reply(452, "4.3.1 disk")})
    {
        CAPTURE(refusal.text);
        smtp_sink_settings server;
        server.on_mail = first_replies({refusal});
        visit(server, {}, [&](smtp_sink& sink, smtp::pool& pool) -> task<void> {
            auto const m = numbered(0);
            auto const r = co_await pool.send(m);
            CHECK(r.outcome() == smtp::overall::temporary);
            CHECK(r.recipients()[0].code == refusal.code);
            CHECK(sink.messages().empty());
            CHECK(pool.statistics().throttled == 0);
            CHECK(pool.statistics().limit == 5);
        });
    }
    // A recipient that was judged is no matter of load either.
    smtp_sink_settings server;
    server.on_rcpt = first_replies({smtp_reply(451, "4.7.1 greylisted")});
    visit(server, {}, [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
        auto const word = co_await send(pool, 0);
        CHECK(word == "temporary");
        CHECK(sink.messages().empty());
        CHECK(pool.statistics().throttled == 0);
    });
}

TEST_CASE("content that was sent in part starts again, and if it cannot the message is not tried again")
{
    for (bool const rewindable : {true, false})
    {
        CAPTURE(rewindable);
        smtp_sink_settings server;
        server.on_mail = first_replies({smtp_reply(451, "4.7.1 slow down")});
        visit(server, [](auto& s) { s.client.sending.chunking = smtp::chunking::on; }, // leaves with MAIL
              [&](smtp_sink& sink, smtp::pool& pool) -> task<void> {
                  auto m    = numbered(0);
                  m.content = std::make_shared<blocks>("Subject: t\r\n\r\nonce\r\n", rewindable);
                  auto const r = co_await pool.send(m);
                  CHECK(r.all_accepted() == rewindable);
                  CHECK(pool.statistics().throttled == 1);
                  REQUIRE(sink.messages().size() == (rewindable ? 1 : 0));
                  if (rewindable)
                      CHECK(sink.messages()[0].content == "Subject: t\r\n\r\nonce\r\n");
                  else
                      CHECK(r.recipients()[0].code == 451);
              });
    }
}

TEST_CASE("the limit shrinks to what the server bears, and grows again in quiet times")
{
    smtp_sink_settings server = slow(1ms);
    server.max_connections    = 2;
    visit(server, [](auto& s) { s.max_connections = 6; s.throttle_retries = 10; s.recovery = 1h; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const words = co_await send_many(pool, 0, 30);
              CHECK(words == times(30, "accepted"));
              CHECK(sorted(senders(sink)) == sorted(senders(0, 30)));
              CHECK(pool.statistics().limit <= 2);
              CHECK(pool.statistics().throttled == sink.totals().turned_away);
          });
    server.on_connect      = first_replies({smtp_reply(421, "busy"), smtp_reply(421, "busy"), smtp_reply(421, "busy")});
    server.max_connections = 0;
    visit(server, [](auto& s) { s.max_connections = 3; s.recovery = 10ms; },
          [](smtp_sink&, smtp::pool& pool) -> task<void> {
              auto const words = co_await send_many(pool, 0, 3);
              CHECK(words == times(3, "accepted"));
              CHECK(pool.statistics().throttled == 3);
              for (std::size_t i = 3; pool.statistics().limit != 3 && i != 1000; ++i)
                  std::ignore = co_await send(pool, i);
              CHECK(pool.statistics().limit == 3);
          });
}

// Logins -------------------------------------------------------------------------------------------------------

TEST_CASE("a refused login is remembered: nothing is tried again until its time has passed")
{
    smtp_sink_settings server;
    server.users["user"] = "secret";
    visit(server,
          [](auto& s) {
              user(s, "wrong");
              s.login_memory = 100ms;
          },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const m = numbered(0);
              auto       e = co_await failure_of(pool.send(m));
              REQUIRE(e);
              CHECK(e->code() == smtp::errc::auth_failed);
              CHECK(sink.totals().connections == 1);
              e = co_await failure_of(pool.send(m));
              REQUIRE(e);
              CHECK(e->code() == smtp::errc::auth_failed);
              REQUIRE(e->reply() != nullptr);
              CHECK(e->reply()->code() == 535);
              auto const connecting = [](smtp::client& c) { return c.connect(); };
              e                     = co_await failure_of(pool.use(connecting));
              REQUIRE(e);
              CHECK(e->code() == smtp::errc::auth_failed);
              CHECK(sink.totals().connections == 1);
              co_await sleep_for(110ms);
              e = co_await failure_of(pool.send(m));
              CHECK(e->code() == smtp::errc::auth_failed);
              CHECK(sink.totals().connections == 2);
          });
}

TEST_CASE("a refused login ends the wait of all that are waiting, and use() learns of it as well")
{
    smtp_sink_settings server = slow(5ms);
    server.users["user"]      = "secret";
    visit(server,
          [](auto& s) {
              user(s, "wrong");
              s.max_connections = 1;
          },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const connecting = [](smtp::client& c) { return c.connect(); };
              auto       used       = failure_of(pool.use(connecting));
              auto       waiting    = send_many(pool, 0, 10);
              auto const all        = co_await when_all(std::move(used), std::move(waiting));
              CHECK(std::get<0>(all)->code() == smtp::errc::auth_failed);
              for (auto const& word : std::get<1>(all))
                  CHECK(word.find("535") != std::string::npos);
              CHECK(sink.totals().connections == 1);
          });
}

TEST_CASE("a login that was put off pauses everybody, and the message is sent later")
{
    auto const hello = std::vector<std::string> {"AUTH PLAIN"};
    auto const result =
        visit({script().opening(hello).expect_prefix("AUTH PLAIN").reply("454 4.7.0 later").quit(),
               script().opening(hello).expect_prefix("AUTH PLAIN").reply("235 ok").then(transaction()).then(transaction()).quit()},
              [](auto& s) {
                  user(s, "secret");
                  s.max_connections = 1;
              },
              [](smtp::pool& pool) -> task<void> {
                  auto const begin = clock_type::now();
                  auto const words = co_await send_many(pool, 0, 2);
                  CHECK(words == times(2, "accepted"));
                  CHECK(clock_type::now() - begin >= 100ms);
                  CHECK(pool.statistics().throttled == 1);
                  co_await pool.drain();
              });
    CHECK_PLAYED(result);
}

// Connections that died ----------------------------------------------------------------------------------------

TEST_CASE("kept connections that died move their messages silently")
{
    auto const restart = []() -> task<void> {
        auto const                ex = co_await this_coro::executor;
        std::optional<smtp_sink> sink(std::in_place, ex);
        sink->start();
        smtp::pool pool(ex, pool_settings(sink->port()));
        auto       words = co_await send_many(pool, 0, 3);
        CHECK(words == times(3, "accepted"));
        smtp_sink_settings again;
        again.listen.port = sink->port();
        sink->stop();
        co_await sink->until_idle();
        sink.reset();
        sink.emplace(ex, again);
        sink->start();
        words = co_await send_many(pool, 3, 3);
        CHECK(words == times(3, "accepted"));
        CHECK(sorted(senders(*sink)) == sorted(senders(3, 3)));
        CHECK(sink->totals().connections == 3);
        CHECK(pool.statistics().throttled == 0);
        co_await pool.drain();
    };
    sync_wait(with_timeout(restart(), support::no_hang));
}

TEST_CASE("a message that moved counts on its new connection")
{
    auto const dies = script().opening().then(transaction()).then(transaction()).close();
    auto const result =
        visit({dies, script().opening().then(transaction()).then(transaction()).then(transaction()).quit(),
               script().opening().then(transaction()).quit()},
              [](auto& s) { s.max_messages = 3; s.max_connections = 1; },
              [](smtp::pool& pool) -> task<void> {
                  for (std::size_t i = 0; i != 6; ++i)
                  {
                      auto const word = co_await send(pool, i);
                      CHECK(word == "accepted");
                      co_await sleep_for(5ms);
                  }
                  co_await pool.drain();
              });
    CHECK_PLAYED(result);
}

// Drain --------------------------------------------------------------------------------------------------------

TEST_CASE("drain lets running messages finish, refuses those that wait, and says goodbye on all connections")
{
    visit(slow(5ms), [](auto& s) { s.max_connections = 2; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const          ex = co_await this_coro::executor;
              std::vector<errand> all(6);
              for (std::size_t i = 0; i != all.size(); ++i)
                  all[i].start(ex, pool, i);
              co_await until_waiting(pool, 4);
              auto first  = pool.drain();
              auto second = pool.drain();
              std::ignore = co_await when_all(std::move(first), std::move(second));
              CHECK(all[0].word == "accepted");
              CHECK(all[1].word == "accepted");
              for (std::size_t i = 2; i != all.size(); ++i)
              {
                  co_await wait_for(all[i]);
                  CHECK(all[i].word == "closed");
              }
              CHECK(pool.statistics().connections == 0);
              co_await sink.until_idle();
              CHECK(endings(sink) == times(2, "QUIT"));
              auto const word = co_await send(pool, 7);
              CHECK(word == "closed");
              auto const nothing = [](smtp::client&) -> task<void> { co_return; };
              auto const e       = co_await failure_of(pool.use(nothing));
              REQUIRE(e);
              CHECK(e->code() == posthorn::errc::closed);
              CHECK(sorted(senders(sink)) == senders(0, 2));
              co_await pool.drain();
          });
}

TEST_CASE("drain ends the pauses of messages that were put off, and can be cancelled itself")
{
    smtp_sink_settings server = slow(20ms);
    server.on_mail            = first_replies({smtp_reply(451, "4.7.1 slow down")});
    visit(server, [](auto& s) { s.throttle_pause = 1h; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const ex = co_await this_coro::executor;
              errand     put_off;
              put_off.start(ex, pool, 0);
              co_await until_put_off(pool);
              errand running;
              running.start(ex, pool, 1);
              co_await until_busy(pool, 1);
              std::error_code ec;
              try
              {
                  co_await with_timeout(pool.drain(), 1ms);
              }
              catch (std::system_error const& e)
              {
                  ec = e.code();
              }
              CHECK(ec == condition::timeout);
              CHECK(!running.done);
              co_await wait_for(put_off);
              CHECK(put_off.word == "closed");
              co_await pool.drain();
              CHECK(running.word == "accepted");
              CHECK(senders(sink) == senders(1, 1));
              co_await sink.until_idle();
              CHECK(endings(sink) == times(1, "QUIT"));
          });
}

TEST_CASE("a message that is put off after drain has begun does not pause")
{
    smtp_sink_settings server = slow(20ms);
    server.on_mail            = first_replies({smtp_reply(451, "4.7.1 slow down")});
    visit(server, [](auto& s) { s.throttle_pause = 1h; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              auto const ex = co_await this_coro::executor;
              errand     one;
              one.start(ex, pool, 0);
              co_await until_busy(pool, 1);
              co_await pool.drain();
              co_await wait_for(one);
              CHECK(one.word == "closed");
              CHECK(sink.messages().empty());
          });
}

TEST_CASE("drain waits for QUIT that was begun before")
{
    visit(slow(30ms), [](auto& s) { s.max_idle = 5ms; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              std::ignore = co_await send(pool, 0);
              co_await until_busy(pool, 1);
              co_await pool.drain();
              co_await sink.until_idle();
              CHECK(endings(sink) == times(1, "QUIT"));
              CHECK(pool.statistics().connections == 0);
          });
}

TEST_CASE("a pool that was never used is drained at once")
{
    visit({}, {}, [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
        co_await pool.drain();
        CHECK(sink.totals().connections == 0);
    });
}

// What breaks --------------------------------------------------------------------------------------------------

TEST_CASE("a server that breaks pipelining gets one command at a time afterwards, until that is forgotten")
{
    std::vector<std::string> const offer = {"PIPELINING"};
    auto const flight = script().expect_prefix("MAIL").expect_prefix("RCPT").expect("DATA");
    auto const result = visit(
        {script().opening(offer).then(flight).reply("250 a\r\n250 b\r\n250 one too many\r\n354 go").expect_close(),
         script()
             .opening(offer)
             .expect_prefix("MAIL")
             .expect_nothing(20ms)
             .reply("250 ok")
             .expect_prefix("RCPT")
             .expect_nothing(20ms)
             .reply("250 ok")
             .expect("DATA")
             .reply("354 go")
             .expect_data()
             .reply("250 queued")
             .then(transaction())
             .quit(),
         script().opening(offer).then(flight).reply("250 a\r\n250 b\r\n354 go").expect_data().reply("250 queued").quit()},
        [](auto& s) { s.max_connections = 1; },
        [](smtp::pool& pool) -> task<void> {
            CHECK(!pool.memory().no_pipelining);
            CHECK(pool.memory().reason.empty());
            auto const m = numbered(0);
            auto const e = co_await failure_of(pool.send(m));
            REQUIRE(e);
            CHECK(e->code() == condition::protocol);
            CHECK(pool.memory().no_pipelining);
            CHECK(!pool.memory().no_chunking);
            CHECK(pool.memory().reason == e->what());
            auto word = co_await send(pool, 1);
            CHECK(word == "accepted");
            pool.forget();
            CHECK(!pool.memory().no_pipelining);
            CHECK(pool.memory().reason.empty());
            word = co_await send(pool, 2); // on a connection that is open
            CHECK(word == "accepted");
            auto const leave = [](smtp::client& c) { return c.quit(); };
            co_await pool.use(leave);
            word = co_await send(pool, 3);
            CHECK(word == "accepted");
            co_await pool.drain();
        });
    CHECK_PLAYED(result);
}

TEST_CASE("a server that is out of step without pipelining is not blamed for pipelining")
{
    auto const result = visit({script().opening().expect_prefix("MAIL").reply("354 what").expect_close()}, {},
                              [](smtp::pool& pool) -> task<void> {
                                  auto const m = numbered(0);
                                  auto const e = co_await failure_of(pool.send(m));
                                  REQUIRE(e);
                                  CHECK(!pool.memory().no_pipelining);
                              });
    CHECK_PLAYED(result);
}

TEST_CASE("a server that hangs over BDAT gets DATA afterwards")
{
    std::vector<std::string> const offer = {"CHUNKING"};
    auto const envelope = script().opening(offer).expect_prefix("MAIL").reply("250 ok").expect_prefix("RCPT").reply("250 ok");
    auto const result   = visit(
        {script().then(envelope).expect_prefix("BDAT").stall(),
         script().then(envelope).expect("DATA").reply("354 go").expect_data().reply("250 queued").quit(),
         script().opening(offer).quit()},
        [](auto& s) {
            s.max_connections               = 1;
            s.client.session.timeouts.final = 50ms;
        },
        [](smtp::pool& pool) -> task<void> {
            auto const         m = numbered(0);
            smtp::send_options chunked;
            chunked.chunking = smtp::chunking::on;
            auto const e     = co_await failure_of(pool.send(m, chunked));
            REQUIRE(e);
            CHECK(e->code() == condition::timeout);
            CHECK(pool.memory().no_chunking);
            CHECK(!pool.memory().no_pipelining);
            auto const word = co_await send(pool, 1);
            CHECK(word == "accepted");
            bool       masked = false;
            auto const look   = [&masked](smtp::client& c) -> task<void> {
                masked = !c.current()->capabilities().has(smtp::feature::chunking);
                co_await c.quit();
            };
            co_await pool.use(look);
            CHECK(masked);
            pool.forget();
            auto const look_again = [&masked](smtp::client& c) -> task<void> {
                co_await c.connect();
                masked = !c.current()->capabilities().has(smtp::feature::chunking);
            };
            co_await pool.use(look_again);
            CHECK(!masked);
            co_await pool.drain();
        });
    CHECK_PLAYED(result);
}

// use() --------------------------------------------------------------------------------------------------------

TEST_CASE("a connection can be used for a burst")
{
    visit({}, [](auto& s) { s.max_connections = 1; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              std::vector<smtp::message> mails;
              for (std::size_t i = 0; i != 20; ++i)
                  mails.push_back(numbered(i));
              std::size_t accepted = 0;
              auto const  burst    = [&](smtp::client& c) -> task<void> {
                  auto results = c.send_burst(mails);
                  auto result  = co_await results.next();
                  while (result)
                  {
                      accepted += result->report.all_accepted() ? 1 : 0;
                      result = co_await results.next();
                  }
              };
              co_await pool.use(burst);
              CHECK(accepted == 20);
              CHECK(senders(sink) == senders(0, 20));
              auto const word = co_await send(pool, 20);
              CHECK(word == "accepted");
              CHECK(sink.totals().connections == 1);
          });
}

TEST_CASE("what the function of use() throws arrives, and its connection is given back")
{
    visit({}, [](auto& s) { s.max_connections = 1; },
          [](smtp_sink& sink, smtp::pool& pool) -> task<void> {
              std::ignore       = co_await send(pool, 0);
              auto const later  = [](smtp::client&) -> task<void> { return support::fail_later(7); };
              auto const now    = [](smtp::client&) -> task<void> { throw support::boom(8); };
              auto const number = [](int n) -> task<void> { throw n; co_return; };
              auto const odd    = [&number](smtp::client&) -> task<void> { return number(9); };
              int        caught = 0;
              for (std::function<task<void>(smtp::client&)> const& f :
                   std::vector<std::function<task<void>(smtp::client&)>> {later, now, odd})
              {
                  try
                  {
                      co_await pool.use(f);
                  }
                  catch (support::boom const& b)
                  {
                      caught = caught * 10 + b.number;
                  }
                  catch (int n)
                  {
                      caught = caught * 10 + n;
                  }
                  CHECK(pool.statistics().busy == 0);
              }
              CHECK(caught == 789);
              auto const word = co_await send(pool, 1);
              CHECK(word == "accepted");
              CHECK(sink.totals().connections == 1);
              auto const in_the_middle = [](smtp::client& c) -> task<void> {
                  smtp::reverse_path const    from = smtp::message("a@b.test", {"x@y.test"}, "t").envelope.sender;
                  smtp::mail_parameters const none;
                  std::ignore = co_await c.current()->mail(from, none);
                  throw support::boom(1);
              };
              bool thrown = false;
              try
              {
                  co_await pool.use(in_the_middle);
              }
              catch (support::boom const&)
              {
                  thrown = true;
              }
              CHECK(thrown);
              auto const after = co_await send(pool, 2); // RSET goes before it
              CHECK(after == "accepted");
              CHECK(senders(sink) == senders(0, 3));
          });
}

// Executors and ends -------------------------------------------------------------------------------------------

TEST_CASE("tasks of the pool can be awaited in other event loops")
{
    testing::server_thread<smtp_sink> sink;
    asio::io_context                  io(1);
    auto                              keep = asio::make_work_guard(io);
    auto                              s    = pool_settings(sink->port());
    s.max_connections                      = 2;
    smtp::pool  pool(io.get_executor(), s);
    std::thread runner([&] { io.run(); });
    auto const  words = sync_wait(with_timeout(send_many(pool, 0, 30), support::no_hang));
    CHECK(words == times(30, "accepted"));
    sync_wait(with_timeout(pool.drain(), support::no_hang));
    keep.reset();
    runner.join();
    CHECK(sorted(senders(*sink)) == sorted(senders(0, 30)));
    CHECK(sink->totals().peak == 2);
    sink.call(sink->until_idle());
    CHECK(endings(*sink) == times(2, "QUIT"));
}

namespace {

/// Everything that a pool does: messages that run, wait, are put off, are cancelled by the end of the loop; QUIT after idling.
task<void> everything(std::unique_ptr<smtp::pool>& pool, std::size_t& accepted)
{
    auto const         ex = co_await this_coro::executor;
    smtp_sink_settings server;
    server.on_mail = first_replies({smtp_reply(451, "4.7.1 slow down"), smtp_reply(), smtp_reply(421, "busy")});
    smtp_sink sink(ex, server);
    sink.start();
    auto s            = pool_settings(sink.port());
    s.max_connections = 2;
    s.max_idle        = 1ms;
    s.throttle_pause  = 1ms;
    s.recovery        = 1ms;
    s.rate_messages   = 2000;
    pool              = std::make_unique<smtp::pool>(ex, s);
    auto const words  = co_await send_many(*pool, 0, 5);
    accepted          = static_cast<std::size_t>(std::count(words.begin(), words.end(), "accepted"));
    co_await sink.until_idle();
    auto const hold = [](smtp::client& c) { return c.connect(); };
    co_await pool->use(hold);
    co_await pool->drain();
}

} // namespace

TEST_CASE("the event loop can be destroyed at any step, and the pool after it")
{
    std::size_t complete = 0;
    std::size_t accepted = 0;
    std::unique_ptr<smtp::pool> pool;
    auto const steps = support::destroy_after_each_step(
        [&](asio::io_context& io) {
            accepted = 0;
            spawn(io, everything(pool, accepted), [](std::exception_ptr) {});
        },
        [&](std::size_t, bool whole) {
            if (pool)
            {
                CHECK(pool->statistics().busy == 0);
                CHECK(pool->statistics().waiting == 0);
                CHECK(pool->statistics().connections == 0);
                if (!whole)
                {
                    auto const word = sync_wait(send(*pool, 99));
                    CHECK(word == "closed");
                }
            }
            complete += whole ? accepted : 0;
            pool.reset();
        });
    CHECK(complete == 5);
    CHECK(steps > 50);
}

TEST_CASE("the event loop can be destroyed while connections are kept, and the pool after it")
{
    testing::server_thread<smtp_sink> sink;
    std::optional<smtp::pool>         pool;
    {
        asio::io_context io(1);
        auto             s = pool_settings(sink->port());
        s.max_idle         = smtp::pool_settings::duration::max();
        pool.emplace(io.get_executor(), s);
        lines words;
        spawn(io, send_many(*pool, 0, 3), [&](std::exception_ptr, lines w) { words = std::move(w); });
        io.run_for(support::no_hang);
        CHECK(words == times(3, "accepted"));
        CHECK(pool->statistics().connections == 3);
    }
    CHECK(pool->statistics().connections == 0);
    sink.call(sink->until_idle());
    pool.reset();
}

TEST_CASE("a pool can go before its event loop, which ends its connections")
{
    testing::server_thread<smtp_sink> sink;
    {
        asio::io_context io(1);
        {
            smtp::pool pool(io.get_executor(), pool_settings(sink->port()));
            bool       done = false;
            spawn(io, send_many(pool, 0, 3), [&](std::exception_ptr, lines) { done = true; });
            while (!done)
                io.run_one();
        }
        CHECK(sink->totals().open == 3);
    }
    sink.call(sink->until_idle());
}

TEST_SUITE_END();
