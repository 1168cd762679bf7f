//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/source/source.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_future.hpp>
#include <doctest/doctest.h>

#include <support/dialogue.hpp>
#include <support/failures.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using support::code_in;
using support::failure_of;
using support::lines;
using support::mail;
using support::send_failure_of;
using support::serve;
using testing::script;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("smtp/client");

namespace {

using scripts  = std::vector<script>;
using settings = smtp::client_settings;

task<void> wait(std::chrono::milliseconds time)
{
    auto const         ex = co_await this_coro::executor;
    asio::steady_timer timer(ex, time);
    co_await timer.async_wait(use_task);
}

/// Waits until the client has noticed that its idle connection is not quiet any more.
task<void> until_stale(smtp::client& c)
{
    while (c.current()->looks_alive())
        co_await wait(1ms);
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

script tls_opening(std::vector<std::string> const& keywords)
{
    return script().opening({"STARTTLS"}).expect("STARTTLS").reply("220 go").start_tls().hello(keywords);
}

void user(settings& s) { s.login = sasl::credentials("user", secret_string("secret")); }

smtp_sink_settings sink_settings(smtp_sink_settings::tls_mode mode)
{
    smtp_sink_settings s;
    s.tls = mode;
    if (mode != smtp_sink_settings::tls_mode::none)
        s.tls_context = support::server_tls();
    s.users["user"] = "secret";
    return s;
}

/// One send against a sink that demands everything.
task<void> send_to_sink(smtp_sink_settings server_settings, smtp::tls_mode mode)
{
    auto const ex = co_await this_coro::executor;
    smtp_sink  sink(ex, std::move(server_settings));
    sink.start();
    auto s = support::client_settings(sink.port());
    s.tls  = mode;
    user(s);
    s.mechanisms.allow_plaintext = mode == smtp::tls_mode::none;
    smtp::client client(s);
    auto const   message = mail();
    auto const   first   = co_await client.send(message);
    CHECK(first.all_accepted());
    CHECK(client.is_connected());
    CHECK(client.mechanism() == "PLAIN");
    CHECK(client.current()->is_secure() == (mode != smtp::tls_mode::none));
    auto const second = co_await client.send(message);
    CHECK(second.all_accepted());
    co_await client.quit();
    CHECK(!client.is_connected());
    CHECK(client.current() == nullptr);
    co_await sink.until_idle();
    CHECK(sink.totals().connections == 1);
    CHECK(sink.totals().messages == 2);
    CHECK(sink.violations() == lines());
    for (auto const& m : sink.messages())
    {
        CHECK(m.user == "user");
        CHECK(m.secure == (mode != smtp::tls_mode::none));
        CHECK(m.content == "Subject: t\r\n\r\nHello\r\n");
    }
    CHECK(sink.connections()[0].ending == "QUIT");
}

} // namespace

TEST_CASE("a client connects when it is needed, keeps the connection, and quits politely")
{
    using mode = smtp_sink_settings::tls_mode;
    sync_wait(with_timeout(send_to_sink(sink_settings(mode::none), smtp::tls_mode::none), support::no_hang));
    auto with_tls                 = sink_settings(mode::starttls);
    with_tls.require_tls          = true;
    with_tls.require_tls_for_auth = true;
    with_tls.require_auth         = true;
    sync_wait(with_timeout(send_to_sink(with_tls, smtp::tls_mode::required), support::no_hang));
    sync_wait(with_timeout(send_to_sink(with_tls, smtp::tls_mode::opportunistic), support::no_hang));
    sync_wait(with_timeout(send_to_sink(sink_settings(mode::implicit), smtp::tls_mode::implicit),
                           support::no_hang));
}

TEST_CASE("connect alone finds out whether the settings work, and is not repeated")
{
    auto const result =
        serve({script().opening().then(transaction()).quit()}, [](smtp::client& c) -> task<void> {
            CHECK(!c.is_connected());
            co_await c.connect();
            CHECK(c.is_connected());
            co_await c.connect();
            auto const message = mail();
            auto const r       = co_await c.send(message);
            CHECK(r.all_accepted());
            co_await c.quit();
            co_await c.quit();
        });
    CHECK_PLAYED(result);
}

TEST_CASE("a server that cannot be reached is an error with every address that was tried")
{
    std::uint16_t port = 0;
    {
        asio::io_context loop;
        smtp_sink        gone(loop.get_executor());
        port = gone.port();
    }
    smtp::client client(support::client_settings(port));
    auto const   message = mail();
    bool         caught  = false;
    try
    {
        std::ignore = sync_wait(client.send(message));
    }
    catch (posthorn::error const& e)
    {
        caught = true;
        CHECK(e.code() == condition::unreachable);
        CHECK(std::string(e.what()).find("127.0.0.1") != std::string::npos);
    }
    CHECK(caught);
    CHECK(!client.is_connected());
}

// A kept connection that is gone -------------------------------------------------------------------------------

TEST_CASE("a kept connection that ended or spoke meanwhile is replaced without a word to it")
{
    for (auto const& end : {script().close(), script().reply("421 4.4.2 idle").close(), script().reset(),
                            script().reply("250 what?").stall()})
    {
        auto const result = serve(
            {script().opening().then(transaction()).then(end), script().opening().then(transaction()).quit()},
            [](smtp::client& c) -> task<void> {
                auto const message = mail();
                auto const first   = co_await c.send(message);
                CHECK(first.all_accepted());
                co_await until_stale(c);
                auto const second = co_await c.send(message);
                CHECK(second.all_accepted());
                co_await c.quit();
            });
        CHECK_PLAYED(result);
        CHECK(result.connections == 2);
    }
}

TEST_CASE("a message moves to a fresh connection exactly once if the kept one ends before MAIL was judged")
{
    struct row
    {
        script      first;
        script      second;
        std::size_t connections;
        bool        delivered;
    };
    script const kept = script().opening().then(transaction()).expect_prefix("MAIL");
    for (auto const& r :
         {row{script(kept).close(), script().opening().then(transaction()).quit(), 2, true},
          row{script(kept).reset(), script().opening().then(transaction()).quit(), 2, true},
          row{script(kept).reply("421 4.4.2 timeout").close(), script().opening().then(transaction()).quit(),
              2, true},
          row{script(kept).send("25").close(), script().opening().then(transaction()).quit(), 2, true},
          // never a second time
          row{script(kept).close(), script().opening().expect_prefix("MAIL").close(), 2, false}})
        for (auto const policy : {smtp::recipient_policy::each, smtp::recipient_policy::at_least_one})
        {
            auto const result = serve({r.first, r.second}, [&r, policy](smtp::client& c) -> task<void> {
                auto const         message = mail();
                smtp::send_options options;
                options.policy = policy;
                smtp::report report;
                co_await c.send(message, options, report);
                CHECK(report.all_accepted());
                auto const e = co_await failure_of(c.send(message, options, report));
                CHECK(e.has_value() == !r.delivered);
                CHECK(report.all_accepted() == r.delivered);
                if (!r.delivered)
                {
                    CHECK(report.recipients()[0].outcome == smtp::disposition::not_sent);
                    CHECK(code_in(e) == posthorn::errc::connection_lost);
                }
                co_await c.quit();
            });
            CHECK_PLAYED(result);
            CHECK(result.connections == r.connections);
        }
}

TEST_CASE("there is no second attempt after MAIL was accepted, after a refusal, or on a fresh connection")
{
    script const mail_ok = script().expect_prefix("MAIL").reply("250 ok");
    script const at_data =
        script(mail_ok).expect_prefix("RCPT").reply("250 ok").expect("DATA").reply("354 go");
    struct row
    {
        script            end;
        smtp::disposition outcome;
    };
    for (auto const& r :
         {row{script(mail_ok).expect_any().close(), smtp::disposition::not_sent},
          row{script(at_data).read_some().close(), smtp::disposition::in_doubt},
          row{script(at_data).expect_data().reply("421 bye").close(), smtp::disposition::refused_temporarily},
          row{script(mail_ok).expect_any().reply("421 bye").close(), smtp::disposition::refused_temporarily},
          row{script().expect_prefix("MAIL").reply("550 no").stall(), smtp::disposition::refused_permanently},
          row{script().expect_prefix("MAIL").reply("451 no").stall(),
              smtp::disposition::refused_temporarily}})
        for (bool const kept : {false, true})
        {
            script s;
            s.opening();
            if (kept)
                s.then(transaction());
            auto const result = serve({s.then(r.end)}, [&r, kept](smtp::client& c) -> task<void> {
                auto const         message = mail();
                smtp::send_options options;
                smtp::report       report;
                if (kept)
                    co_await c.send(message, options, report);
                std::ignore = co_await failure_of(c.send(message, options, report));
                CHECK(report.recipients()[0].outcome == r.outcome);
            });
            CHECK_PLAYED(result);
            CHECK(result.connections == 1);
        }
    auto const fresh =
        serve({script().opening().expect_prefix("MAIL").close()}, [](smtp::client& c) -> task<void> {
            auto const message = mail();
            auto const e       = co_await send_failure_of(c.send(message));
            REQUIRE(e);
            CHECK(e->report().recipients()[0].outcome == smtp::disposition::not_sent);
        });
    CHECK_PLAYED(fresh);
}

TEST_CASE("a limit or close that ends the wait for MAIL on a kept connection is no reason to try again")
{
    auto const slow = serve(
        {script().opening().then(transaction()).expect_prefix("MAIL").stall()},
        [](smtp::client& c) -> task<void> {
            auto const message = mail();
            std::ignore        = co_await c.send(message);
            auto const e       = co_await failure_of(c.send(message));
            CHECK(code_in(e) == condition::timeout);
        },
        [](settings& s) { s.session.timeouts.mail = 60ms; });
    CHECK_PLAYED(slow);

    auto const closed = serve({script().opening().then(transaction()).expect_prefix("MAIL").stall()},
                              [](smtp::client& c) -> task<void> {
                                  auto const message = mail();
                                  std::ignore        = co_await c.send(message);
                                  auto const closer  = [&c]() -> task<void> {
                                      c.close();
                                      co_return;
                                  };
                                  auto const sender = [&]() -> task<void> {
                                      auto const e = co_await failure_of(c.send(message));
                                      CHECK(code_in(e) == posthorn::errc::closed);
                                  };
                                  std::ignore = co_await when_all(sender(), closer());
                                  CHECK(!c.is_connected());
                              });
    CHECK_PLAYED(closed);
}

TEST_CASE("a report does not tell of the message before if there is no connection any more")
{
    auto const result =
        serve({script().opening().then(transaction()).close()}, [](smtp::client& c) -> task<void> {
            auto const         message = mail();
            smtp::send_options options;
            smtp::report       report;
            co_await c.send(message, options, report);
            CHECK(report.all_accepted());
            co_await until_stale(c);
            std::error_code code;
            try
            {
                co_await c.send(message, options, report);
            }
            catch (posthorn::error const& e)
            {
                code = e.code();
            }
            CHECK(code == condition::unreachable);
            CHECK(report.recipients()[0].outcome == smtp::disposition::not_sent);
            CHECK(report.final_reply().empty());
        });
    CHECK_PLAYED(result);
}

// One at a time ------------------------------------------------------------------------------------------------

TEST_CASE("a second operation of a client is refused, also while it is still connecting")
{
    auto const result =
        serve({script()
                   .pause(30ms)
                   .opening()
                   .then(transaction())
                   .expect("NOOP")
                   .pause(30ms)
                   .reply("250 ok")
                   .quit()},
              [](smtp::client& c) -> task<void> {
                  auto const message = mail();
                  auto const first   = [&]() -> task<void> {
                      auto const r = co_await c.send(message);
                      CHECK(r.all_accepted());
                  };
                  auto const second = [&]() -> task<void> {
                      auto e = co_await failure_of(c.send(message));
                      CHECK(code_in(e) == posthorn::errc::busy);
                      e = co_await failure_of(c.connect());
                      CHECK(code_in(e) == posthorn::errc::busy);
                      e = co_await failure_of(c.quit());
                      CHECK(code_in(e) == posthorn::errc::busy);
                  };
                  std::ignore = co_await when_all(first(), second());
                  // A command of the session occupies the client as well.
                  auto const command = [&]() -> task<void> { std::ignore = co_await c.current()->noop(); };
                  std::ignore        = co_await when_all(command(), second());
                  co_await c.quit();
              });
    CHECK_PLAYED(result);
}

// Time ---------------------------------------------------------------------------------------------------------

TEST_CASE("the total limit holds for connecting and sending together, and for one message only")
{
    for (auto const& stalling : {script().stall(), script().opening().stall(),
                                 script().opening().expect_prefix("MAIL").reply("250 ok").stall(),
                                 script()
                                     .opening()
                                     .expect_prefix("MAIL")
                                     .reply("250 ok")
                                     .expect_prefix("RCPT")
                                     .reply("250 ok")
                                     .expect("DATA")
                                     .reply("354 go")
                                     .expect_data()
                                     .stall()})
    {
        auto const result = serve(
            {stalling},
            [](smtp::client& c) -> task<void> {
                auto const message = mail();
                auto const e       = co_await failure_of(c.send(message));
                CHECK(code_in(e) == condition::timeout);
                CHECK(!c.is_connected());
            },
            [](settings& s) { s.session.timeouts.total = 80ms; });
        CHECK_PLAYED(result);
    }
    auto const later = serve(
        {script().opening().then(transaction()).expect("NOOP").reply("250 ok").then(transaction()).quit()},
        [](smtp::client& c) -> task<void> {
            auto const message = mail();
            auto       r       = co_await c.send(message);
            CHECK(r.all_accepted());
            co_await wait(250ms);
            auto const reply = co_await c.current()->noop();
            CHECK(reply.positive());
            r = co_await c.send(message);
            CHECK(r.all_accepted());
            co_await wait(250ms);
            co_await c.quit();
        },
        [](settings& s) { s.session.timeouts.total = 200ms; });
    CHECK_PLAYED(later);
}

namespace {

/// Content that comes drop by drop for ever.
class dripping final : public source
{
public:
    task<std::string_view> next() override
    {
        co_await wait(5ms);
        co_return std::string_view("x\r\n");
    }
    task<void> rewind() override { co_return; }
};

} // namespace

TEST_CASE("content that moves slower than the minimum rate ends in a timeout, and is certainly not delivered")
{
    auto const result = serve(
        {script()
             .opening()
             .expect_prefix("MAIL")
             .reply("250 ok")
             .expect_prefix("RCPT")
             .reply("250 ok")
             .expect("DATA")
             .reply("354 go")
             .stall()},
        [](smtp::client& c) -> task<void> {
            smtp::message const message(smtp::envelope("a@b.test", {"x@y.test"}),
                                        std::make_shared<dripping>());
            auto const          e = co_await send_failure_of(c.send(message));
            REQUIRE(e);
            CHECK(e->code() == condition::timeout);
            CHECK(e->report().recipients()[0].outcome == smtp::disposition::not_sent);
            CHECK(!c.is_connected());
        },
        [](settings& s) {
            s.session.timeouts.block        = 150ms;
            s.session.timeouts.minimum_rate = 100000;
        });
    CHECK_PLAYED(result);
}

TEST_CASE("a server that stops reading the content is given up after the limit for a block")
{
    auto const result = serve(
        {script()
             .opening()
             .expect_prefix("MAIL")
             .reply("250 ok")
             .expect_prefix("RCPT")
             .reply("250 ok")
             .expect("DATA")
             .reply("354 go")
             .pause(400ms)},
        [](smtp::client& c) -> task<void> {
            std::string text;
            for (int i = 0; i != 400000; ++i)
                text += "A line of content that fills all buffers.\r\n";
            auto const message = mail(std::move(text));
            auto const e       = co_await send_failure_of(c.send(message));
            REQUIRE(e);
            CHECK(e->code() == condition::timeout);
            CHECK(e->phase() == smtp::phase::content);
            CHECK(e->report().recipients()[0].outcome == smtp::disposition::not_sent);
        },
        [](settings& s) { s.session.timeouts.block = 100ms; });
    CHECK(result.connections == 1);
}

// TLS and login ------------------------------------------------------------------------------------------------

TEST_CASE("each TLS mode does what it promises, whatever the server offers")
{
    using smtp::tls_mode;
    struct row
    {
        tls_mode        mode;
        script          server;
        std::error_code code;
        bool            secure;
    };
    row const rows[]{
        {tls_mode::required, tls_opening({}).quit(), {}, true},
        {tls_mode::required, script().opening({"SIZE"}).quit(), smtp::errc::tls_required_unavailable, false},
        {tls_mode::required, script().opening({"STARTTLS"}).expect("STARTTLS").reply("454 no").quit(),
         smtp::errc::tls_refused, false},
        {tls_mode::required, script().reply("220 x").expect_prefix("EHLO").reply("502 no").quit(),
         smtp::errc::ehlo_refused, false},
        {tls_mode::opportunistic, tls_opening({}).quit(), {}, true},
        {tls_mode::opportunistic, script().opening({"SIZE"}).quit(), {}, false},
        {tls_mode::opportunistic,
         script().opening({"STARTTLS"}).expect("STARTTLS").reply("454 no").quit(),
         {},
         false},
        {tls_mode::opportunistic,
         script()
             .reply("220 x")
             .expect_prefix("EHLO")
             .reply("502 no")
             .expect_prefix("HELO")
             .reply("250 hi")
             .quit(),
         {},
         false},
        {tls_mode::none, script().opening({"STARTTLS"}).quit(), {}, false},
        {tls_mode::implicit, script().start_tls().opening({}).quit(), {}, true},
        {tls_mode::implicit, script().start_tls().opening({"STARTTLS"}).quit(), {}, true},
    };
    for (auto const& r : rows)
    {
        CAPTURE(static_cast<int>(r.mode));
        auto const result = serve(
            {r.server},
            [&r](smtp::client& c) -> task<void> {
                auto const e = co_await failure_of(c.connect());
                CHECK(code_in(e) == r.code);
                CHECK(c.is_connected() == !r.code);
                if (!e)
                    CHECK(c.current()->is_secure() == r.secure);
                co_await c.quit();
            },
            [&r](settings& s) { s.tls = r.mode; });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("opportunistic TLS accepts any certificate, the other modes only the right one")
{
    auto const        stranger = testing::self_signed();
    net::tls_settings own;
    own.certificate_pem = stranger.chain_pem;
    own.key_pem         = stranger.key_pem;
    net::tls_context const context(own);
    script const           plain = script().opening({"STARTTLS"}).expect("STARTTLS").reply("220 go");
    auto const             any   = serve(
                      {script(plain).start_tls(context).hello({}).quit()},
                      [](smtp::client& c) -> task<void> {
            co_await c.connect();
            CHECK(c.current()->is_secure());
            CHECK(!c.current()->stream().tls().verified);
            co_await c.quit();
        },
                      [](settings& s) { s.tls = smtp::tls_mode::opportunistic; });
    CHECK_PLAYED(any);
    for (auto const mode : {smtp::tls_mode::required, smtp::tls_mode::implicit})
    {
        script const begin  = mode == smtp::tls_mode::required ? plain : script();
        auto const   result = serve(
              {script(begin).expect_tls_failure(context)},
              [](smtp::client& c) -> task<void> {
                auto const e = co_await failure_of(c.connect());
                CHECK(code_in(e) == condition::tls);
                CHECK(!c.is_connected());
            },
              [mode](settings& s) { s.tls = mode; });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("the certificate is expected for the host of the URL unless another name is set")
{
    auto const wrong = serve(
        {script().start_tls().opening().quit()},
        [](smtp::client& c) -> task<void> {
            co_await c.connect();
            co_await c.quit();
        },
        [](settings& s) {
            s.tls      = smtp::tls_mode::implicit;
            s.tls_host = "localhost"; // on the certificate as well
        });
    CHECK_PLAYED(wrong);
    auto const other = serve(
        {script().expect_tls_failure()},
        [](smtp::client& c) -> task<void> {
            auto const e = co_await failure_of(c.connect());
            CHECK(code_in(e) == condition::tls);
        },
        [](settings& s) {
            s.tls      = smtp::tls_mode::implicit;
            s.tls_host = "other.test";
        });
    CHECK_PLAYED(other);
}

TEST_CASE("a login that fails ends the connection with QUIT and says why")
{
    auto const result = serve(
        {script().opening({"AUTH PLAIN"}).expect_prefix("AUTH PLAIN ").reply("535 5.7.8 wrong").quit()},
        [](smtp::client& c) -> task<void> {
            auto const message = mail();
            auto const e       = co_await failure_of(c.send(message));
            CHECK(code_in(e) == smtp::errc::auth_failed);
            CHECK(code_in(e) == condition::authentication);
            CHECK(!c.is_connected());
        },
        [](settings& s) {
            user(s);
            s.mechanisms.allow_plaintext = true;
        });
    CHECK_PLAYED(result);
}

TEST_CASE("a message the server refuses leaves the client connected")
{
    auto const result = serve({script()
                                   .opening()
                                   .expect_prefix("MAIL")
                                   .reply("550 5.7.1 not you")
                                   .then(script().expect("RSET").reply("250 ok"))
                                   .then(transaction())
                                   .quit()},
                              [](smtp::client& c) -> task<void> {
                                  auto const         message = mail();
                                  smtp::send_options options;
                                  options.policy = smtp::recipient_policy::all_or_nothing;
                                  auto const e   = co_await send_failure_of(c.send(message, options));
                                  REQUIRE(e);
                                  CHECK(e->code() == smtp::errc::all_refused);
                                  CHECK(c.is_connected());
                                  auto const r = co_await c.send(message);
                                  CHECK(r.all_accepted());
                                  co_await c.quit();
                              });
    CHECK_PLAYED(result);
}

TEST_CASE("an unusable URL is refused without its password in the text")
{
    for (auto const url :
         {"http://user:s3cr3t@mail.test", "smtp://user:s3cr3t@", "smtp://user:s3cr3t@host:99999", "nonsense"})
    {
        bool caught = false;
        try
        {
            smtp::client_settings const s{std::string_view(url)};
        }
        catch (posthorn::error const& e)
        {
            caught = true;
            CHECK(std::string(e.what()).find("s3cr3t") == std::string::npos);
        }
        CHECK(caught);
    }
}

// Other ways to run it -----------------------------------------------------------------------------------------

TEST_CASE("a client is used from callbacks, futures and blocking code alike")
{
    testing::server_thread<smtp_sink> sink;
    auto const                        message = mail();
    {
        // The client belongs to the loop that sync_wait() makes, so it lives inside of it.
        auto const one_shot = [&]() -> task<smtp::report> {
            smtp::client client(support::client_settings(sink->port()));
            co_return co_await client.send(message);
        };
        auto const r = sync_wait(one_shot());
        CHECK(r.all_accepted());
    }
    {
        asio::io_context loop(1);
        smtp::client     client(support::client_settings(sink->port()));
        bool             called = false;
        spawn(loop, client.send(message), [&](std::exception_ptr e, smtp::report r) {
            called = true;
            CHECK(!e);
            CHECK(r.all_accepted());
        });
        loop.run(); // ends although the connection is kept
        CHECK(called);
        CHECK(client.is_connected());
        loop.restart();
        spawn(loop, client.quit(), [](std::exception_ptr e) { CHECK(!e); });
        loop.run();
        CHECK(!client.is_connected());
    }
    {
        asio::io_context loop(1);
        smtp::client     client(support::client_settings(sink->port()));
        auto             result = spawn(loop, client.send(message), asio::use_future);
        loop.run();
        CHECK(result.get().all_accepted());
    }
    sink.call(sink->until_idle(3));
    CHECK(sink->totals().messages == 3);
    CHECK(sink->violations() == lines());
}

TEST_CASE("cancellation before the start sends nothing")
{
    asio::io_context          loop(1);
    smtp_sink                 sink(loop.get_executor());
    asio::cancellation_signal stop;
    smtp::client              client(support::client_settings(sink.port()));
    auto const                message = mail();
    std::exception_ptr        failure;
    spawn(
        loop, client.send(message),
        asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr e, smtp::report) { failure = e; }));
    stop.emit(asio::cancellation_type::terminal);
    loop.run();
    REQUIRE(failure);
    std::error_code code;
    try
    {
        std::rethrow_exception(failure);
    }
    catch (std::system_error const& e)
    {
        code = e.code();
    }
    CHECK(code == condition::canceled);
    CHECK(sink.totals().commands == 0);
    CHECK(!client.is_connected());
}

TEST_SUITE_END();
