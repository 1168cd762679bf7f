//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Mechanisms over the wire: what follows from challenges, refusals and proofs. The mechanisms alone are tested in
// sasl/, PLAIN and LOGIN over the wire in session.cpp.

#include <posthorn/codec/base64.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/parameters.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/testing/script.hpp>

#include <doctest/doctest.h>

#include <support/burst.hpp>
#include <support/dialogue.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::string_literals;
using codec::base64_encode;
using support::lines;
using testing::script;

TEST_SUITE_BEGIN("smtp/login");

namespace {

/// A mechanism that says what the test wants, so that its messages are known.
class told final : public sasl::mechanism
{
public:
    explicit told(std::vector<std::string> answers, bool proves, bool slow)
        : answers_(std::move(answers)), proves_(proves), slow_(slow)
    {
    }

    std::string_view             name() const noexcept override { return "X-TOLD"; }
    bool                         plaintext() const noexcept override { return false; }
    bool                         expensive() const noexcept override { return slow_; }
    bool                         satisfied() const noexcept override { return !proves_; }
    std::optional<secret_string> initial_response() override { return std::nullopt; }
    secret_string                respond(std::string_view challenge) override
    {
        if (challenge == "forged")
            throw error(sasl::errc::server_not_verified, "the server's signature is wrong");
        if (challenge == "nonsense")
            throw error(sasl::errc::bad_challenge, "this makes no sense");
        if (challenge == "refused")
            throw error(sasl::errc::refused, "the server says no");
        return secret_string(answers_.at(next_++));
    }

private:
    std::vector<std::string> answers_;
    std::size_t              next_ = 0;
    bool                     proves_;
    bool                     slow_;
};

/// Logs in by X-TOLD, and by PLAIN if that is tried next.
support::played by_told(script const& dialogue, bool proves, bool slow,
                        std::function<void(smtp::session&, std::optional<smtp::session_error> const&, std::string const&)> check)
{
    return support::talk(script().opening({"AUTH X-TOLD PLAIN"}).then(dialogue).expect_close(),
                         [=](smtp::session& s) -> task<void> {
                             std::ignore = co_await s.greet();
                             co_await s.hello();
                             sasl::selection how;
                             how.allow_plaintext  = true;
                             how.custom["X-TOLD"] = [=](sasl::credentials const&) {
                                 return std::make_unique<told>(std::vector<std::string>{"one", "two"}, proves, slow);
                             };
                             sasl::credentials const            who("user", secret_string("hunter2"));
                             std::string                        used;
                             std::optional<smtp::session_error> failure;
                             try
                             {
                                 used = co_await s.authenticate(who, how);
                             }
                             catch (smtp::session_error const& e)
                             {
                                 failure.emplace(e);
                             }
                             check(s, failure, used);
                         });
}

script challenge(std::string const& text) { return script().reply("334 " + base64_encode(text)); }

smtp::client_settings with_token(smtp::client_settings s, std::vector<bool>& asked)
{
    s.tls                   = smtp::tls_mode::implicit;
    s.login.user            = "user@x.test";
    s.mechanisms.allowed    = {"XOAUTH2"};
    s.token_source          = [&asked](bool refresh) -> task<secret_string> {
        asked.push_back(refresh);
        co_return secret_string(refresh ? "fresh" : "old");
    };
    return s;
}

std::string xoauth2(std::string const& token)
{
    return "AUTH XOAUTH2 " + base64_encode("user=user@x.test\001auth=Bearer " + token + "\001\001");
}

/// A server that offers nothing but logins, up to the end of one.
script logged_in()
{
    return script().opening({"AUTH PLAIN"}).expect("AUTH PLAIN " + base64_encode("\0user\0hunter2"s)).reply("235 ok");
}

task<void> log_in(smtp::session& s)
{
    std::ignore = co_await s.greet();
    co_await s.hello();
    sasl::selection how;
    how.allow_plaintext = true;
    sasl::credentials const who("user", secret_string("hunter2"));
    std::ignore = co_await s.authenticate(who, how);
}

smtp::message with_notification()
{
    auto m                                            = support::mail();
    m.envelope.parameters.ret                         = smtp::return_content::headers;
    m.envelope.recipients.at(0).parameters.notify_on  = smtp::notify::success;
    return m;
}

/// One message, each command on its own.
script sent(std::string mail, std::string rcpt)
{
    return script()
        .expect(std::move(mail))
        .reply("250 ok")
        .expect(std::move(rcpt))
        .reply("250 ok")
        .expect("DATA")
        .reply("354 go")
        .expect_data()
        .reply("250 taken");
}

} // namespace

TEST_CASE("a mechanism of several steps runs to its end, also where each is computed on another thread")
{
    for (bool const slow : {false, true})
    {
        auto const result = by_told(script()
                                        .expect("AUTH X-TOLD")
                                        .then(challenge("1"))
                                        .expect(base64_encode("one"))
                                        .then(challenge("2"))
                                        .expect(base64_encode("two"))
                                        .reply("235 ok"),
                                    false, slow, [](smtp::session& s, auto const& e, std::string const& used) {
                                        CHECK(!e);
                                        CHECK(used == "X-TOLD");
                                        CHECK(s.is_open());
                                    });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("what a mechanism begins with is computed on another thread as well, where that takes long")
{
    /// Needs a ticket from a server of its own, say.
    class waiting final : public sasl::mechanism
    {
    public:
        explicit waiting(std::thread::id& where) : where_(&where) {}

        std::string_view             name() const noexcept override { return "X-WAITING"; }
        bool                         plaintext() const noexcept override { return false; }
        bool                         expensive() const noexcept override { return true; }
        std::optional<secret_string> initial_response() override
        {
            if (std::exchange(*where_, std::this_thread::get_id()) != std::thread::id())
                throw error(sasl::errc::unusable_credentials, "no ticket");
            return secret_string("begin");
        }
        secret_string respond(std::string_view) override { return {}; }

    private:
        std::thread::id* where_;
    };

    auto const result = support::talk(
        script().opening({"AUTH X-WAITING"}).expect("AUTH X-WAITING " + base64_encode("begin")).reply("235 ok").expect_close(),
        [](smtp::session& s) -> task<void> {
            std::ignore = co_await s.greet();
            co_await s.hello();
            std::thread::id where;
            sasl::selection how;
            how.custom["X-WAITING"] = [&where](sasl::credentials const&) { return std::make_unique<waiting>(where); };
            sasl::credentials const who;
            auto const              used = co_await s.authenticate(who, how);
            CHECK(used == "X-WAITING");
            CHECK(where != std::thread::id());
            CHECK(where != std::this_thread::get_id());
            auto const failure = co_await support::failure_of(s.authenticate(who, how)); // nothing is sent
            REQUIRE(failure);
            CHECK(failure->code() == sasl::errc::unusable_credentials);
            CHECK(s.is_open());
        });
    CHECK_PLAYED(result);
}

TEST_CASE("S10 after a forged proof, or a refusal within the mechanism, no other mechanism gets the password")
{
    for (bool const slow : {false, true})
        for (auto const* const what : {"forged", "refused"})
        {
            auto const result = by_told(script()
                                            .expect("AUTH X-TOLD")
                                            .then(challenge(what))
                                            .expect("*")
                                            .reply("501 cancelled"),
                                        true, slow, [](smtp::session&, std::optional<smtp::session_error> const& e, auto const&) {
                                            REQUIRE(e);
                                            CHECK(e->code().category() == sasl::category());
                                            CHECK(e->code() == condition::authentication);
                                        });
            CHECK_PLAYED(result);
        }
    // Success without the proof that the mechanism asks for.
    auto const unproved = by_told(script().expect("AUTH X-TOLD").then(challenge("1")).expect(base64_encode("one")).reply("235 ok"),
                                  true, false, [](smtp::session& s, std::optional<smtp::session_error> const& e, auto const&) {
                                      REQUIRE(e);
                                      CHECK(e->code() == sasl::errc::server_not_verified);
                                      CHECK_FALSE(s.is_open());
                                  });
    CHECK_PLAYED(unproved);
}

TEST_CASE("a challenge that makes no sense cancels the mechanism, and the next one is tried")
{
    auto const result = by_told(script()
                                    .expect("AUTH X-TOLD")
                                    .then(challenge("nonsense"))
                                    .expect("*")
                                    .reply("501 cancelled")
                                    .expect("AUTH PLAIN " + base64_encode("\0user\0hunter2"s))
                                    .reply("235 ok"),
                                false, false, [](smtp::session&, auto const& e, std::string const& used) {
                                    CHECK(!e);
                                    CHECK(used == "PLAIN");
                                });
    CHECK_PLAYED(result);
}

TEST_CASE("a token that was refused is replaced once")
{
    std::vector<bool> asked;
    auto const        expired = script()
                             .start_tls()
                             .opening({"AUTH XOAUTH2 PLAIN"})
                             .expect(xoauth2("old"))
                             .then(challenge("{\"status\":\"401\"}"))
                             .expect("")
                             .reply("535 5.7.8 expired");
    auto const renewed = support::serve({script(expired).expect(xoauth2("fresh")).reply("235 ok").quit()},
                                        [](smtp::client& c) -> task<void> {
                                            co_await c.connect();
                                            CHECK(c.mechanism() == "XOAUTH2");
                                            co_await c.quit();
                                        },
                                        [&asked](smtp::client_settings& s) { s = with_token(s, asked); });
    CHECK_PLAYED(renewed);
    CHECK(asked == std::vector<bool>{false, true});

    asked.clear();
    auto const in_vain = support::serve(
        {script(expired)
             .expect(xoauth2("fresh"))
             .then(challenge("{\"status\":\"401\"}"))
             .expect("")
             .reply("535 5.7.8 no")
             .quit()},
        [](smtp::client& c) -> task<void> {
            auto const e = co_await support::failure_of(c.connect());
            REQUIRE(e);
            CHECK(e->code() == smtp::errc::auth_failed);
            std::string_view const text = e->what();
            CHECK(text.find("401") != text.npos);
            CHECK(text.find("fresh") == text.npos);
        },
        [&asked](smtp::client_settings& s) { s = with_token(s, asked); });
    CHECK_PLAYED(in_vain);
    CHECK(asked == std::vector<bool>{false, true});

    asked.clear();
    auto const deferred = support::serve(
        {script().start_tls().opening({"AUTH XOAUTH2"}).expect(xoauth2("old")).reply("454 4.7.0 later").quit()},
        [](smtp::client& c) -> task<void> {
            auto const e = co_await support::failure_of(c.connect());
            REQUIRE(e);
            CHECK(e->code() == smtp::errc::auth_temporary); // says nothing about the token
        },
        [&asked](smtp::client_settings& s) { s = with_token(s, asked); });
    CHECK_PLAYED(deferred);
    CHECK(asked == std::vector<bool>{false});
}

TEST_CASE("what the token source throws ends the login, politely")
{
    auto const result = support::serve(
        {script().start_tls().opening({"AUTH XOAUTH2"}).quit()},
        [](smtp::client& c) -> task<void> {
            std::string text;
            try
            {
                co_await c.connect();
            }
            catch (std::runtime_error const& e)
            {
                text = e.what();
            }
            CHECK(text == "no token today");
        },
        [](smtp::client_settings& s) {
            s.tls          = smtp::tls_mode::implicit;
            s.token_source = [](bool) -> task<secret_string> {
                throw std::runtime_error("no token today");
                co_return secret_string();
            };
        });
    CHECK_PLAYED(result);
}

TEST_CASE("what was not offered is asked for again after the login, once, if a message needs it")
{
    struct row
    {
        char const*               name;
        script                    first, second; ///< What follows the login for the two messages.
        bool                      accepted;
    };
    auto const  plain  = sent("MAIL FROM:<a@b.test>", "RCPT TO:<x@y.test>");
    auto const  asking = sent("MAIL FROM:<a@b.test> RET=HDRS", "RCPT TO:<x@y.test> NOTIFY=SUCCESS");
    auto const  ehlo   = script().expect("EHLO client.test");
    row const   rows[] = {
        {"offered by now", plain, script(ehlo).reply("250-server.test\r\n250-AUTH PLAIN\r\n250 DSN").then(asking), true},
        {"not offered", plain, script(ehlo).reply("250 server.test"), false},
        {"not to be asked", plain, script(ehlo).reply("503 5.5.1 once is enough"), false},
    };
    for (auto const& r : rows)
    {
        CAPTURE(std::string(r.name));
        auto const again = r.accepted ? asking : script(); // what is known is not asked for again
        auto const result = support::talk(logged_in().then(r.first).then(r.second).then(again).quit(), [&](smtp::session& s) -> task<void> {
            co_await log_in(s);
            auto const first  = support::mail();
            auto const second = with_notification();
            auto const one    = co_await s.send(first);
            CHECK(one.all_accepted());
            for (int i = 0; i != 2; ++i)
            {
                auto const failure = co_await support::send_failure_of(s.send(second));
                CHECK(!failure == r.accepted);
                if (failure)
                    CHECK(failure->code() == smtp::errc::extension_missing);
            }
            co_await s.quit();
        });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("asking again what is offered may end the connection; then nothing was sent")
{
    for (bool const said : {false, true})
    {
        CAPTURE(said);
        auto const end    = said ? script().reply("421 4.3.2 closing").expect_close() : script().close();
        auto const result = support::talk(logged_in().expect("EHLO client.test").then(end), [&](smtp::session& s) -> task<void> {
            co_await log_in(s);
            auto const         mail = with_notification();
            smtp::send_options options;
            smtp::report       report;
            auto const         failure = co_await support::failure_of(s.send(mail, options, report));
            REQUIRE(failure);
            CHECK(failure->code() == (said ? make_error_code(smtp::errc::service_unavailable) : posthorn::errc::connection_lost));
            CHECK(report.recipients()[0].outcome == smtp::disposition::not_sent);
            CHECK_FALSE(s.is_open());
        });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("in a burst it is asked for again between two messages")
{
    std::vector<smtp::message> const mails = {support::mail(), with_notification(), support::mail(), with_notification()};
    SUBCASE("and the burst goes on")
    {
        auto const result = support::talk(
            logged_in()
                .then(sent("MAIL FROM:<a@b.test>", "RCPT TO:<x@y.test>"))
                .expect("EHLO client.test")
                .reply("250-server.test\r\n250 DSN")
                .then(sent("MAIL FROM:<a@b.test> RET=HDRS", "RCPT TO:<x@y.test> NOTIFY=SUCCESS"))
                .then(sent("MAIL FROM:<a@b.test>", "RCPT TO:<x@y.test>"))
                .then(sent("MAIL FROM:<a@b.test> RET=HDRS", "RCPT TO:<x@y.test> NOTIFY=SUCCESS"))
                .quit(),
            [&](smtp::session& s) -> task<void> {
                co_await log_in(s);
                support::burst_results all;
                co_await support::collect(s.send_burst(mails), all);
                CHECK_FALSE(all.failure);
                CHECK(all.complete(4));
                CHECK(all.accepted() == 4);
                co_await s.quit();
            });
        CHECK_PLAYED(result);
    }
    SUBCASE("a connection that ends there leaves the message, and what is after it, unsent")
    {
        auto const result = support::talk(
            logged_in().then(sent("MAIL FROM:<a@b.test>", "RCPT TO:<x@y.test>")).expect("EHLO client.test").close(),
            [&](smtp::session& s) -> task<void> {
                co_await log_in(s);
                support::burst_results all;
                co_await support::collect(s.send_burst(mails), all);
                CHECK(all.complete(2));
                CHECK(all.accepted() == 1);
                CHECK(all.outcome(1) == smtp::disposition::not_sent);
                CHECK(all.failure_of(1) == posthorn::errc::connection_lost);
                CHECK_FALSE(s.is_open());
            });
        CHECK_PLAYED(result);
    }
    SUBCASE("a connection that ends before that takes it along")
    {
        for (bool const said : {false, true})
        {
            CAPTURE(said);
            auto const end = said ? script().reply("421 4.3.2 closing").expect_close() : script().close();
            auto const result =
                support::talk(logged_in().expect("MAIL FROM:<a@b.test>").then(end), [&](smtp::session& s) -> task<void> {
                    co_await log_in(s);
                    support::burst_results all;
                    co_await support::collect(s.send_burst(mails), all);
                    CHECK(all.complete(2));
                    CHECK(all.outcome(0) == (said ? smtp::disposition::refused_temporarily : smtp::disposition::not_sent));
                    CHECK(all.outcome(1) == smtp::disposition::not_sent);
                    CHECK(all.failure_of(1) == // which tells a client that it can move
                          (said ? make_error_code(smtp::errc::service_unavailable) : posthorn::errc::connection_lost));
                });
            CHECK_PLAYED(result);
        }
    }
    SUBCASE("of a client it moves to another connection")
    {
        auto const result = support::serve(
            {script(logged_in()).then(sent("MAIL FROM:<a@b.test>", "RCPT TO:<x@y.test>")).expect("EHLO client.test").close(),
             script(logged_in())
                 .expect("EHLO client.test")
                 .reply("250-server.test\r\n250 DSN")
                 .then(sent("MAIL FROM:<a@b.test> RET=HDRS", "RCPT TO:<x@y.test> NOTIFY=SUCCESS"))
                 .then(sent("MAIL FROM:<a@b.test>", "RCPT TO:<x@y.test>"))
                 .then(sent("MAIL FROM:<a@b.test> RET=HDRS", "RCPT TO:<x@y.test> NOTIFY=SUCCESS"))
                 .quit()},
            [&](smtp::client& c) -> task<void> {
                support::burst_results all;
                co_await support::collect(c.send_burst(mails), all);
                CHECK_FALSE(all.failure);
                CHECK(all.complete(4));
                CHECK(all.accepted() == 4);
                co_await c.quit();
            },
            [](smtp::client_settings& s) {
                s.login                      = sasl::credentials("user", secret_string("hunter2"));
                s.mechanisms.allow_plaintext = true;
            });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("EXTERNAL is used where it is named, without credentials")
{
    auto const result = support::serve(
        {script().start_tls().opening({"AUTH EXTERNAL PLAIN"}).expect("AUTH EXTERNAL =").reply("235 ok").quit()},
        [](smtp::client& c) -> task<void> {
            co_await c.connect();
            CHECK(c.mechanism() == "EXTERNAL");
            co_await c.quit();
        },
        [](smtp::client_settings& s) {
            s.tls                = smtp::tls_mode::implicit;
            s.mechanisms.allowed = {"EXTERNAL"};
        });
    CHECK_PLAYED(result);
}

TEST_SUITE_END();
