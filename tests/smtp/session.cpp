//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/source/generator.hpp>
#include <posthorn/source/memory.hpp>
#include <posthorn/source/source.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/script.hpp>

#include <asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <support/dialogue.hpp>
#include <support/failures.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using support::code_in;
using support::failure_of;
using support::lines;
using support::mail;
using support::send_failure_of;
using support::talk;
using testing::script;

TEST_SUITE_BEGIN("smtp/session");

namespace {

/// Greeting and EHLO.
task<void> open(smtp::session& s)
{
    std::ignore = co_await s.greet();
    co_await s.hello();
}

/// Greeting, EHLO, and the same under TLS.
task<void> open_tls(smtp::session& s)
{
    co_await open(s);
    co_await s.start_tls(support::client_tls(), std::string("127.0.0.1"), std::string());
}

script tls_opening(std::vector<std::string> const& keywords)
{
    return script().opening({"STARTTLS"}).expect("STARTTLS").reply("220 go").start_tls().hello(keywords);
}

smtp::mail_parameters no_mail_parameters() { return smtp::mail_parameters(); }
smtp::rcpt_parameters no_rcpt_parameters() { return smtp::rcpt_parameters(); }

sasl::credentials user() { return sasl::credentials("user", secret_string("secret")); }

sasl::selection plaintext(std::initializer_list<char const*> names = {})
{
    sasl::selection s;
    s.allow_plaintext = true;
    s.allowed.assign(names.begin(), names.end());
    return s;
}

/// Lets everything else in the event loop go on.
task<void> a_turn()
{
    auto const         ex = co_await this_coro::executor;
    asio::steady_timer timer(ex, 1ms);
    co_await timer.async_wait(use_task);
}

task<void> wait_for(std::chrono::seconds time)
{
    auto const         ex = co_await this_coro::executor;
    asio::steady_timer timer(ex, time);
    co_await timer.async_wait(use_task);
}

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

// base64 of "\0user\0secret", "user", "secret"
constexpr auto plain_response = "AHVzZXIAc2VjcmV0";
constexpr auto user_base64    = "dXNlcg==";
constexpr auto secret_base64  = "c2VjcmV0";

/// A source that gives blocks one by one and does not know its size.
class blocks final : public source
{
public:
    explicit blocks(std::vector<std::string> all) : all_(std::move(all)) {}

    task<std::string_view> next() override
    {
        if (at_ == all_.size())
            co_return std::string_view();
        co_return all_[at_++];
    }
    task<void> rewind() override
    {
        at_ = 0;
        co_return;
    }

private:
    std::vector<std::string> all_;
    std::size_t              at_ = 0;
};

smtp::message mail_of(std::shared_ptr<source> content)
{
    return smtp::message(smtp::envelope("a@b.test", {"x@y.test"}), std::move(content));
}

std::vector<smtp::disposition> outcomes(smtp::report const& r)
{
    std::vector<smtp::disposition> all;
    for (auto const& one : r.recipients())
        all.push_back(one.outcome);
    return all;
}

using dispositions      = std::vector<smtp::disposition>;
constexpr auto accepted = smtp::disposition::accepted;
constexpr auto perm     = smtp::disposition::refused_permanently;
constexpr auto temp     = smtp::disposition::refused_temporarily;
constexpr auto not_sent = smtp::disposition::not_sent;
constexpr auto in_doubt = smtp::disposition::in_doubt;

} // namespace

// Greeting -----------------------------------------------------------------------------------------------------

TEST_CASE("the greeting may have one line or many, with pauses between them")
{
    for (auto const& greeting :
         {script().reply("220 mx.test ESMTP"), script().send("220-one\r\n220-two\r\n220 three\r\n"),
          script().send_segments({"220-wait\r\n", "220-wait\r\n", "220 go\r\n"}, 30ms),
          script().send("220\r\n"), script().send_slowly("220-a\r\n220 b\r\n", 1, 1ms)})
    {
        auto const result = talk(script(greeting).expect_close(), [](smtp::session& s) -> task<void> {
            auto const r = co_await s.greet();
            CHECK(r.code() == 220);
            CHECK(s.is_open());
        });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("nothing is written before the last line of the greeting")
{
    auto const result = talk(script()
                                 .send("220-wait\r\n")
                                 .expect_nothing(100ms)
                                 .reply("220 go")
                                 .expect("EHLO client.test")
                                 .reply("250 ok")
                                 .expect_close(),
                             [](smtp::session& s) -> task<void> { co_await open(s); });
    CHECK_PLAYED(result);
}

TEST_CASE("a greeting that refuses is answered by QUIT, and its code and text are in the error")
{
    struct row
    {
        char const* greeting;
        smtp::errc  code;
        condition   kind;
    };
    for (auto const& r : {row{"554 5.7.1 go away", smtp::errc::greeting_refused, condition::permanent},
                          row{"550 no", smtp::errc::greeting_refused, condition::permanent},
                          row{"450 4.3.2 later", smtp::errc::greeting_deferred, condition::temporary}})
    {
        auto const result = talk(script().reply(r.greeting).quit(), [&r](smtp::session& s) -> task<void> {
            auto const e = co_await failure_of(s.greet());
            REQUIRE(e);
            CHECK(e->code() == r.code);
            CHECK(e->code() == r.kind);
            CHECK(e->phase() == smtp::phase::greeting);
            REQUIRE(e->reply() != nullptr);
            CHECK(e->reply()->code() == std::stoi(r.greeting));
            CHECK(std::string(e->what()).find(std::string(r.greeting).substr(4)) != std::string::npos);
            CHECK(std::string(e->what()).find("server.test:25") != std::string::npos);
            CHECK(!s.is_open());
        });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("after the greeting 421 the connection is closed without a word")
{
    auto const result =
        talk(script().reply("421 4.3.2 shutting down").expect_close(), [](smtp::session& s) -> task<void> {
            auto const e = co_await failure_of(s.greet());
            REQUIRE(e);
            CHECK(e->code() == smtp::errc::service_unavailable);
            CHECK(e->code() == condition::temporary);
            CHECK(!s.is_open());
        });
    CHECK_PLAYED(result);
}

TEST_CASE("each phase has a time limit of its own")
{
    using duration = smtp::timeouts::duration;
    struct row
    {
        smtp::phase phase;
        duration smtp::timeouts::*limit;
        script                    before;
        support::session_body     act;
    };
    auto const greeted  = script().opening({"PIPELINING", "STARTTLS", "AUTH PLAIN"});
    auto const greet    = [](smtp::session& s) -> task<void> { std::ignore = co_await s.greet(); };
    auto const hello    = [](smtp::session& s) -> task<void> { co_await open(s); };
    auto const starttls = [](smtp::session& s) -> task<void> { co_await open_tls(s); };
    auto const auth     = [](smtp::session& s) -> task<void> {
        co_await open(s);
        auto const how = plaintext();
        std::ignore    = co_await s.authenticate(user(), how);
    };
    auto const from = [](smtp::session& s) -> task<void> {
        co_await open(s);
        smtp::reverse_path const sender("a@b.test");
        std::ignore = co_await s.mail(sender, no_mail_parameters());
    };
    auto const to = [](smtp::session& s) -> task<void> {
        co_await open(s);
        smtp::address const x("x@y.test");
        std::ignore = co_await s.rcpt(x, no_rcpt_parameters());
    };
    auto const data = [](smtp::session& s) -> task<void> {
        co_await open(s);
        string_source      content("x\r\n");
        smtp::send_options options;
        std::ignore = co_await s.data(content, options);
    };
    auto const noop = [](smtp::session& s) -> task<void> {
        co_await open(s);
        std::ignore = co_await s.noop();
    };
    auto const rset = [](smtp::session& s) -> task<void> {
        co_await open(s);
        std::ignore = co_await s.rset();
    };
    auto const             line = [&](char const* l) { return script(greeted).expect_prefix(l).stall(); };
    std::vector<row> const rows{
        {smtp::phase::greeting, &smtp::timeouts::greeting, script().send("220-").stall(), greet},
        {smtp::phase::hello, &smtp::timeouts::hello,
         script().reply("220 x").expect_any().send("250-").stall(), hello},
        {smtp::phase::starttls, &smtp::timeouts::tls, line("STARTTLS"), starttls},
        {smtp::phase::tls, &smtp::timeouts::tls, script(greeted).expect("STARTTLS").reply("220 go").stall(),
         starttls},
        {smtp::phase::auth, &smtp::timeouts::auth, line("AUTH PLAIN"), auth},
        {smtp::phase::mail, &smtp::timeouts::mail, line("MAIL"), from},
        {smtp::phase::rcpt, &smtp::timeouts::rcpt, line("RCPT"), to},
        {smtp::phase::data, &smtp::timeouts::data, line("DATA"), data},
        {smtp::phase::content, &smtp::timeouts::final,
         script(greeted).expect("DATA").reply("354 go").expect_data().stall(), data},
        {smtp::phase::command, &smtp::timeouts::command, line("NOOP"), noop},
        {smtp::phase::rset, &smtp::timeouts::command, line("RSET"), rset},
    };
    for (auto const& r : rows)
    {
        CAPTURE(std::string(to_string(r.phase)));
        auto settings              = support::session_settings();
        settings.timeouts.*r.limit = 60ms;
        auto const before          = net::clock::now();
        auto const result          = talk(
                     r.before,
                     [&r](smtp::session& s) -> task<void> {
                auto const e = co_await failure_of(r.act(s));
                REQUIRE(e);
                CHECK(e->code() == condition::timeout);
                CHECK(e->code() == posthorn::errc::timeout);
                CHECK(e->phase() == r.phase);
                CHECK(!s.is_open());
            },
                     settings);
        CHECK_PLAYED(result);
        CHECK(net::clock::now() - before >= 60ms);
    }
}

TEST_CASE("a reply that comes drop by drop is bounded by the limit of its phase, not of each drop")
{
    auto settings              = support::session_settings();
    settings.timeouts.greeting = 150ms;
    auto const result          = talk(
                 script().send_slowly(std::string(1000, 'x'), 1, 20ms),
                 [](smtp::session& s) -> task<void> {
            auto const e = co_await failure_of(s.greet());
            REQUIRE(e);
            CHECK(!s.is_open());
        },
                 settings);
    CHECK_PLAYED(result);
}

TEST_CASE("a server that never answers QUIT is left after the short limit for it")
{
    auto settings          = support::session_settings();
    settings.timeouts.quit = 60ms;
    auto const result      = talk(
             script().opening().expect("QUIT").stall(),
             [](smtp::session& s) -> task<void> {
            co_await open(s);
            co_await s.quit();
            CHECK(!s.is_open());
        },
             settings);
    CHECK_PLAYED(result);
}

TEST_CASE("expires_at limits everything beside the limits of the phases")
{
    auto const result = talk(script().opening().expect("NOOP").stall(), [](smtp::session& s) -> task<void> {
        co_await open(s);
        s.expires_at(net::clock::now() + 60ms);
        auto const e = co_await failure_of(s.noop());
        CHECK(code_in(e) == condition::timeout);
    });
    CHECK_PLAYED(result);
}

// EHLO ---------------------------------------------------------------------------------------------------------

TEST_CASE("what the server offers is known after EHLO, and its first line is no offer")
{
    auto const result = talk(script()
                                 .reply("220 x")
                                 .expect("EHLO client.test")
                                 .send("250-PIPELINING at your service\r\n"
                                       "250-SIZE 1000\r\n250-X-NEW a b\r\n250 auth plain LOGIN\r\n")
                                 .expect_close(),
                             [](smtp::session& s) -> task<void> {
                                 co_await open(s);
                                 CHECK(!s.capabilities().has(smtp::feature::pipelining));
                                 CHECK(s.capabilities().has(smtp::feature::size));
                                 CHECK(s.capabilities().max_size() == 1000u);
                                 CHECK(s.capabilities().auth_mechanisms().size() == 2);
                             });
    CHECK_PLAYED(result);
}

TEST_CASE("HELO follows where EHLO is not known, but not after 4xx, 421, or where it is not allowed")
{
    auto const known = talk(script()
                                .reply("220 x")
                                .expect("EHLO client.test")
                                .reply("500 what?")
                                .expect("HELO client.test")
                                .reply("250 hi")
                                .expect_close(),
                            [](smtp::session& s) -> task<void> {
                                co_await open(s);
                                CHECK(s.is_open());
                                CHECK(!s.capabilities().has(smtp::feature::pipelining));
                            });
    CHECK_PLAYED(known);

    auto const both = talk(script()
                               .reply("220 x")
                               .expect_prefix("EHLO")
                               .reply("502 no")
                               .expect_prefix("HELO")
                               .reply("504 no")
                               .expect("NOOP")
                               .reply("250 ok")
                               .expect_close(),
                           [](smtp::session& s) -> task<void> {
                               auto const e = co_await failure_of(open(s));
                               CHECK(code_in(e) == smtp::errc::ehlo_refused);
                               CHECK(s.is_open()); // a refusal, not a broken connection
                               auto const r = co_await s.noop();
                               CHECK(r.code() == 250);
                           });
    CHECK_PLAYED(both);

    auto const deferred =
        talk(script().reply("220 x").expect_prefix("EHLO").reply("451 later").expect_close(),
             [](smtp::session& s) -> task<void> {
                 auto const e = co_await failure_of(open(s));
                 CHECK(code_in(e) == smtp::errc::ehlo_refused);
             });
    CHECK_PLAYED(deferred);

    auto const closing = talk(script().reply("220 x").expect_prefix("EHLO").reply("421 bye").expect_close(),
                              [](smtp::session& s) -> task<void> {
                                  auto const e = co_await failure_of(open(s));
                                  CHECK(code_in(e) == smtp::errc::service_unavailable);
                                  CHECK(!s.is_open());
                              });
    CHECK_PLAYED(closing);

    auto const forbidden = talk(script().reply("220 x").expect_prefix("EHLO").reply("502 no").expect_close(),
                                [](smtp::session& s) -> task<void> {
                                    std::ignore  = co_await s.greet();
                                    auto const e = co_await failure_of(s.hello(false));
                                    CHECK(code_in(e) == smtp::errc::ehlo_refused);
                                    CHECK(s.is_open());
                                });
    CHECK_PLAYED(forbidden);
}

TEST_CASE("an EHLO name that is given must be a domain or an address literal, or nothing is sent")
{
    for (std::string const name :
         {"host.test", "host", "[192.0.2.1]", "[IPv6:2001:db8::1]", "xn--bcher-kva.test"})
    {
        auto settings      = support::session_settings();
        settings.ehlo_name = name;
        auto const result  = talk(
             script().reply("220 x").expect("EHLO " + name).reply("250 ok").expect_close(),
             [](smtp::session& s) -> task<void> { co_await open(s); }, settings);
        CHECK_PLAYED(result);
    }
    for (std::string const name :
         {"a b", "under_score.test", "-a.test", "a..b", "[1.2.3]", "[IPv6:zz]", "a.test\r\nRSET",
          "b\xc3\xbc"
          "cher.test",
          "[192.0.2.1", "a\x7f"})
    {
        CAPTURE(name);
        auto settings      = support::session_settings();
        settings.ehlo_name = name;
        auto const result  = talk(
             script().reply("220 x").expect_close(),
             [](smtp::session& s) -> task<void> {
                auto const e = co_await failure_of(open(s));
                CHECK(code_in(e) == smtp::errc::bad_ehlo_name);
                CHECK(s.is_open());
            },
             settings);
        CHECK_PLAYED(result);
        CHECK(result.received.empty());
    }
}

TEST_CASE("without a name EHLO carries the full name of the host, or the address of the connection")
{
    auto settings      = support::session_settings();
    settings.ehlo_name = "";
    auto const result  = talk(
         script()
             .reply("220 x")
             .expect_match(R"(EHLO (\[127\.0\.0\.1\]|[-A-Za-z0-9]+\.[-A-Za-z0-9.]+))")
             .reply("250 ok")
             .expect_close(),
         [](smtp::session& s) -> task<void> { co_await open(s); }, settings);
    CHECK_PLAYED(result);
}

// TLS ----------------------------------------------------------------------------------------------------------

TEST_CASE("after STARTTLS everything that was offered before is forgotten")
{
    auto const result = talk(script()
                                 .opening({"STARTTLS", "PIPELINING", "AUTH PLAIN", "8BITMIME"})
                                 .expect("STARTTLS")
                                 .reply("220 go")
                                 .start_tls()
                                 .hello({"SIZE"})
                                 .expect_close(),
                             [](smtp::session& s) -> task<void> {
                                 co_await open_tls(s);
                                 CHECK(s.is_secure());
                                 CHECK(!s.capabilities().has(smtp::feature::pipelining));
                                 CHECK(!s.capabilities().has(smtp::feature::auth));
                                 CHECK(!s.capabilities().has(smtp::feature::eight_bit_mime));
                                 CHECK(!s.capabilities().has(smtp::feature::starttls));
                                 CHECK(s.capabilities().has(smtp::feature::size));
                             });
    CHECK_PLAYED(result);
}

TEST_CASE("a feature that is masked stays masked when TLS starts")
{
    auto const result = talk(tls_opening({"PIPELINING", "SIZE"}), [](smtp::session& s) -> task<void> {
        s.capabilities().disable(smtp::feature::pipelining);
        co_await open_tls(s);
        CHECK(!s.capabilities().has(smtp::feature::pipelining));
        CHECK(s.capabilities().has(smtp::feature::size));
    });
    CHECK_PLAYED(result);
}

TEST_CASE("a session without TLS stays usable where STARTTLS is not offered or refused")
{
    auto const missing = talk(script().opening({"SIZE"}).expect("NOOP").reply("250 ok").expect_close(),
                              [](smtp::session& s) -> task<void> {
                                  auto const e = co_await failure_of(open_tls(s));
                                  CHECK(code_in(e) == smtp::errc::tls_required_unavailable);
                                  CHECK(code_in(e) == condition::tls);
                                  auto const r = co_await s.noop();
                                  CHECK(r.positive());
                              });
    CHECK_PLAYED(missing);
    for (auto const refusal : {"454 4.7.0 TLS not available", "502 5.5.1 no", "501 no"})
    {
        auto const refused = talk(script()
                                      .opening({"STARTTLS"})
                                      .expect("STARTTLS")
                                      .reply(refusal)
                                      .expect("NOOP")
                                      .reply("250 ok")
                                      .expect_close(),
                                  [](smtp::session& s) -> task<void> {
                                      auto const e = co_await failure_of(open_tls(s));
                                      CHECK(code_in(e) == smtp::errc::tls_refused);
                                      CHECK(!s.is_secure());
                                      auto const r = co_await s.noop();
                                      CHECK(r.positive());
                                  });
        CHECK_PLAYED(refused);
    }
}

TEST_CASE("a certificate that cannot be verified ends the connection before anything is sent")
{
    auto const        stranger = testing::self_signed();
    net::tls_settings own;
    own.certificate_pem = stranger.chain_pem;
    own.key_pem         = stranger.key_pem;
    net::tls_context const context(own);
    auto const             result =
        talk(script().opening({"STARTTLS"}).expect("STARTTLS").reply("220 go").expect_tls_failure(context),
             [](smtp::session& s) -> task<void> {
                 auto const e = co_await failure_of(open_tls(s));
                 REQUIRE(e);
                 CHECK(e->code() == condition::tls);
                 CHECK(e->phase() == smtp::phase::tls);
                 CHECK(!s.is_open());
             });
    CHECK_PLAYED(result);
    auto const wrong_name =
        talk(script().opening({"STARTTLS"}).expect("STARTTLS").reply("220 go").expect_tls_failure(),
             [](smtp::session& s) -> task<void> {
                 co_await open(s);
                 auto const e = co_await failure_of(
                     s.start_tls(support::client_tls(), std::string("other.test"), std::string()));
                 CHECK(code_in(e) == condition::tls);
             });
    CHECK_PLAYED(wrong_name);
}

TEST_CASE("implicit TLS comes before the greeting")
{
    auto const result =
        talk(script().start_tls().opening({"PIPELINING"}).quit(), [](smtp::session& s) -> task<void> {
            co_await s.secure(support::client_tls(), std::string("127.0.0.1"), std::string());
            CHECK(s.is_secure());
            co_await open(s);
            co_await s.quit();
        });
    CHECK_PLAYED(result);
}

// AUTH ---------------------------------------------------------------------------------------------------------

namespace {

/// Logs in with a script in place of the server's side of AUTH.
support::played login(
    std::string const& offer, script const& dialogue, sasl::selection how,
    std::function<void(smtp::session&, std::optional<smtp::session_error> const&, std::string const&)> check)
{
    return talk(script().opening({offer}).then(dialogue).expect_close(),
                [how, check](smtp::session& s) -> task<void> {
                    co_await open(s);
                    std::string                        used;
                    std::optional<smtp::session_error> failure;
                    try
                    {
                        used = co_await s.authenticate(user(), how);
                    }
                    catch (smtp::session_error const& e)
                    {
                        failure.emplace(e);
                    }
                    check(s, failure, used);
                });
}

script auth_plain() { return script().expect(std::string("AUTH PLAIN ") + plain_response); }

} // namespace

TEST_CASE("PLAIN logs in with its initial response, or after an empty challenge in any spelling")
{
    auto const good = [](smtp::session& s, std::optional<smtp::session_error> const& e,
                         std::string const& used) {
        CHECK(!e);
        CHECK(used == "PLAIN");
        CHECK(s.is_open());
    };
    CHECK_PLAYED(login("AUTH PLAIN", auth_plain().reply("235 2.7.0 ok"), plaintext(), good));
    for (auto const challenge : {"334", "334 ", "334 =", "334  "})
        CHECK_PLAYED(login("AUTH PLAIN", auth_plain().reply(challenge).expect(plain_response).reply("235 ok"),
                           plaintext(), good));
    CHECK_PLAYED(login("AUTH=PLAIN LOGIN", auth_plain().reply("235 ok"), plaintext(), good));
}

TEST_CASE("LOGIN answers any two prompts")
{
    for (auto const& prompts : {std::pair("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"), std::pair("334 ", "334"),
                                std::pair("334 eA==", "334 =")})
        CHECK_PLAYED(login("AUTH LOGIN",
                           script()
                               .expect("AUTH LOGIN")
                               .reply(prompts.first)
                               .expect(user_base64)
                               .reply(prompts.second)
                               .expect(secret_base64)
                               .reply("235 ok"),
                           plaintext(), [](smtp::session&, auto const& e, std::string const& used) {
                               CHECK(!e);
                               CHECK(used == "LOGIN");
                           }));
}

TEST_CASE("wrong credentials end the login at once, and every other refusal has a code of its own")
{
    struct row
    {
        char const* reply;
        smtp::errc  code;
    };
    for (auto const& r :
         {row{"535 5.7.8 no", smtp::errc::auth_failed}, row{"550 no", smtp::errc::auth_failed},
          row{"454 4.7.0 later", smtp::errc::auth_temporary}, row{"432 change", smtp::errc::auth_temporary}})
    {
        auto const result =
            login("AUTH PLAIN LOGIN", auth_plain().reply(r.reply), plaintext(),
                  [&r](smtp::session& s, std::optional<smtp::session_error> const& e, auto const&) {
                      REQUIRE(e);
                      CHECK(e->code() == r.code);
                      CHECK(e->phase() == smtp::phase::auth);
                      CHECK(e->reply() != nullptr);
                      CHECK(s.is_open());
                  });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("a mechanism that the server rejects is followed by the next one")
{
    for (auto const refusal : {"534 5.7.9 too weak", "504 5.5.4 no such mechanism", "502 5.5.1 what?",
                               "500 what?", "501 bad", "538 encrypt first"})
    {
        auto const result = login("AUTH PLAIN LOGIN",
                                  auth_plain()
                                      .reply(refusal)
                                      .expect("AUTH LOGIN")
                                      .reply("334 ")
                                      .expect(user_base64)
                                      .reply("334 ")
                                      .expect(secret_base64)
                                      .reply("235 ok"),
                                  plaintext(), [](smtp::session&, auto const& e, std::string const& used) {
                                      CHECK(!e);
                                      CHECK(used == "LOGIN");
                                  });
        CHECK_PLAYED(result);
    }
    auto const none =
        login("AUTH PLAIN LOGIN", auth_plain().reply("534 no").expect("AUTH LOGIN").reply("534 5.7.9 no"),
              plaintext(), [](smtp::session& s, std::optional<smtp::session_error> const& e, auto const&) {
                  CHECK(code_in(e) == smtp::errc::auth_too_weak);
                  CHECK(s.is_open());
              });
    CHECK_PLAYED(none);
}

TEST_CASE("a challenge that is not base64 cancels the mechanism and the next one is tried")
{
    for (auto const challenge : {"334 no base64!", "334 abc", "334 ====", "334 YWJj ZGVm"})
    {
        auto const result = login("AUTH PLAIN LOGIN",
                                  auth_plain()
                                      .reply(challenge)
                                      .expect("*")
                                      .reply("501 5.7.0 cancelled")
                                      .expect("AUTH LOGIN")
                                      .reply("334 ")
                                      .expect(user_base64)
                                      .reply("334 ")
                                      .expect(secret_base64)
                                      .reply("235 ok"),
                                  plaintext(), [](smtp::session&, auto const& e, std::string const& used) {
                                      CHECK(!e);
                                      CHECK(used == "LOGIN");
                                  });
        CHECK_PLAYED(result);
    }
    auto const only =
        login("AUTH PLAIN", auth_plain().reply("334 ?").expect("*").reply("501 cancelled"), plaintext(),
              [](smtp::session& s, std::optional<smtp::session_error> const& e, auto const&) {
                  CHECK(code_in(e) == smtp::errc::bad_challenge);
                  CHECK(s.is_open());
              });
    CHECK_PLAYED(only);
}

TEST_CASE("a server that does not end a cancelled login cannot be talked to any more")
{
    for (auto const after : {"334 ", "235 ok", "421 bye"})
    {
        auto const result =
            login("AUTH PLAIN LOGIN", auth_plain().reply("334 ?").expect("*").reply(after), plaintext(),
                  [after](smtp::session& s, std::optional<smtp::session_error> const& e, auto const&) {
                      bool const closing = std::string_view(after).substr(0, 3) == "421";
                      CHECK(code_in(e) ==
                            (closing ? smtp::errc::service_unavailable : smtp::errc::unexpected_code));
                      CHECK(!s.is_open());
                  });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("more challenges than a mechanism has answers are cancelled")
{
    auto const result =
        login("AUTH LOGIN",
              script()
                  .expect("AUTH LOGIN")
                  .reply("334 ")
                  .expect(user_base64)
                  .reply("334 ")
                  .expect(secret_base64)
                  .reply("334 ")
                  .expect("*")
                  .reply("501 no"),
              plaintext(), [](smtp::session& s, std::optional<smtp::session_error> const& e, auto const&) {
                  CHECK(code_in(e) == condition::authentication);
                  CHECK(s.is_open());
              });
    CHECK_PLAYED(result);
}

TEST_CASE("421 during a login closes the connection")
{
    auto const result = login("AUTH PLAIN LOGIN", auth_plain().reply("421 4.7.0 bye"), plaintext(),
                              [](smtp::session& s, std::optional<smtp::session_error> const& e, auto const&) {
                                  CHECK(code_in(e) == smtp::errc::service_unavailable);
                                  CHECK(!s.is_open());
                              });
    CHECK_PLAYED(result);
}

TEST_CASE("no mechanism that is offered and allowed means no AUTH at all")
{
    auto const unavailable = [](smtp::session& s, std::optional<smtp::session_error> const& e, auto const&) {
        CHECK(code_in(e) == smtp::errc::auth_unavailable);
        CHECK(s.is_open());
    };
    CHECK_PLAYED(login("AUTH PLAIN LOGIN", script(), sasl::selection(), unavailable)); // no TLS
    CHECK_PLAYED(login("AUTH KERBEROS_V4", script(), plaintext(), unavailable)); // nobody knows it
    CHECK_PLAYED(login("SIZE", script(), plaintext(), unavailable));
    CHECK_PLAYED(login("AUTH", script(), plaintext(), unavailable));
    CHECK_PLAYED(login("AUTH PLAIN", script(), plaintext({"LOGIN"}), unavailable));
}

TEST_CASE("an initial response that is too long for the line follows the first challenge")
{
    std::string const long_name(400, 'u');
    auto const        result = talk(script()
                                        .opening({"AUTH PLAIN"})
                                        .expect("AUTH PLAIN")
                                        .reply("334 ")
                                        .expect_prefix("AHV1dXV1")
                                        .reply("235 ok")
                                        .expect_close(),
                                    [&](smtp::session& s) -> task<void> {
                                 co_await open(s);
                                 sasl::credentials const who(long_name, secret_string("secret"));
                                 auto const              how  = plaintext();
                                 auto const              used = co_await s.authenticate(who, how);
                                 CHECK(used == "PLAIN");
                             });
    CHECK_PLAYED(result);
}

// Single commands ----------------------------------------------------------------------------------------------

TEST_CASE("every single command returns the reply, whatever it says")
{
    for (auto const answer :
         {"250 2.0.0 fine", "252 perhaps", "450 4.2.1 later", "550 5.1.1 no", "502 5.5.1 not here"})
    {
        script s;
        s.opening({"SIZE"});
        for (auto const line :
             {"NOOP", "HELP", "HELP MAIL", "VRFY someone", "EXPN list", "RSET", "X-SPECIAL a  b",
              "MAIL FROM:<a@b.test> SIZE=10", "RCPT TO:<x@y.test>", "MAIL FROM:<>"})
            s.expect(line).reply(answer);
        auto const result = talk(s.expect_close(), [answer](smtp::session& c) -> task<void> {
            int const code = std::stoi(answer);
            co_await open(c);
            auto r = co_await c.noop();
            CHECK(r.code() == code);
            auto const none = std::string();
            r               = co_await c.help(none);
            CHECK(r.code() == code);
            r = co_await c.help(std::string("MAIL"));
            CHECK(r.code() == code);
            r = co_await c.vrfy(std::string("someone"));
            CHECK(r.code() == code);
            r = co_await c.expn(std::string("list"));
            CHECK(r.code() == code);
            r = co_await c.rset();
            CHECK(r.code() == code);
            r = co_await c.command(std::string("X-SPECIAL a  b"));
            CHECK(r.code() == code);
            smtp::mail_parameters sized;
            sized.size = 10;
            smtp::reverse_path const from("a@b.test");
            r = co_await c.mail(from, sized);
            CHECK(r.code() == code);
            smtp::address const to("x@y.test");
            r = co_await c.rcpt(to, no_rcpt_parameters());
            CHECK(r.code() == code);
            smtp::reverse_path const nobody;
            r = co_await c.mail(nobody, no_mail_parameters());
            CHECK(r.code() == code);
            CHECK(std::string(answer).find(std::string(r.line(0).raw)) != std::string::npos);
            CHECK(c.is_open());
        });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("421 to a single command is its result, and closes the connection")
{
    auto const result =
        talk(script().opening().expect("NOOP").reply("421 4.4.2 idle for too long").expect_close(),
             [](smtp::session& s) -> task<void> {
                 co_await open(s);
                 auto const r = co_await s.noop();
                 CHECK(r.code() == 421);
                 CHECK(!s.is_open());
                 auto const e = co_await failure_of(s.noop());
                 CHECK(code_in(e) == posthorn::errc::closed);
             });
    CHECK_PLAYED(result);
}

TEST_CASE("a message can be sent command by command")
{
    auto const result = talk(script()
                                 .opening({"PIPELINING", "SIZE"})
                                 .expect("MAIL FROM:<a@b.test>")
                                 .reply("250 ok")
                                 .expect("RCPT TO:<x@y.test>")
                                 .reply("250 ok")
                                 .expect("DATA")
                                 .reply("354 go")
                                 .expect_data("a\r\n.b\r\n")
                                 .reply("250 2.0.0 queued as 1")
                                 .expect("NOOP")
                                 .reply("250 ok")
                                 .expect_close(),
                             [](smtp::session& s) -> task<void> {
                                 co_await open(s);
                                 smtp::reverse_path const from("a@b.test");
                                 auto                     r = co_await s.mail(from, no_mail_parameters());
                                 CHECK(r.positive());
                                 smtp::address const to("x@y.test");
                                 r = co_await s.rcpt(to, no_rcpt_parameters());
                                 CHECK(r.positive());
                                 string_source            content("a\n.b\n");
                                 smtp::send_options const options;
                                 r = co_await s.data(content, options);
                                 CHECK(r.code() == 250);
                                 r = co_await s.noop();
                                 CHECK(r.positive());
                             });
    CHECK_PLAYED(result);
}

TEST_CASE("data returns the refusal of DATA, and content that must not be sent closes the connection")
{
    auto const refused = talk(script()
                                  .opening()
                                  .expect("DATA")
                                  .reply("503 5.5.1 no recipients")
                                  .expect("NOOP")
                                  .reply("250 ok")
                                  .expect_close(),
                              [](smtp::session& s) -> task<void> {
                                  co_await open(s);
                                  string_source            content("x\r\n");
                                  smtp::send_options const options;
                                  auto                     r = co_await s.data(content, options);
                                  CHECK(r.code() == 503);
                                  r = co_await s.noop();
                                  CHECK(r.positive());
                              });
    CHECK_PLAYED(refused);
    auto const bad = talk(script().opening().expect("DATA").reply("354 go").expect_close(),
                          [](smtp::session& s) -> task<void> {
                              co_await open(s);
                              string_source            content("8-bit: \xe4\r\n");
                              smtp::send_options const options;
                              auto const               e = co_await failure_of(s.data(content, options));
                              CHECK(code_in(e) == smtp::errc::eight_bit_refused);
                              CHECK(!s.is_open());
                          });
    CHECK_PLAYED(bad);
}

TEST_CASE("a code that cannot answer the command makes the connection unusable")
{
    struct row
    {
        char const*           line;
        char const*           answer;
        support::session_body act;
    };
    auto const data = [](smtp::session& s) -> task<void> {
        string_source            content("x\r\n");
        smtp::send_options const options;
        std::ignore = co_await s.data(content, options);
    };
    auto const rset = [](smtp::session& s) -> task<void> { std::ignore = co_await s.rset(); };
    for (auto const& r :
         {row{"DATA", "250 ok", data}, row{"RSET", "354 go", rset}, row{"RSET", "334 ", rset}})
    {
        auto const result = talk(script().opening().expect(r.line).reply(r.answer).expect_close(),
                                 [&r](smtp::session& s) -> task<void> {
                                     co_await open(s);
                                     auto const e = co_await failure_of(r.act(s));
                                     CHECK(code_in(e) == smtp::errc::unexpected_code);
                                     CHECK(code_in(e) == condition::protocol);
                                     CHECK(!s.is_open());
                                 });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("raw commands that change what the session knows are refused before they are written")
{
    auto const result =
        talk(script().opening({"STARTTLS"}).expect("NOOP").reply("250 ok").expect_close(),
             [](smtp::session& s) -> task<void> {
                 co_await open(s);
                 for (auto const line :
                      {"MAIL FROM:<a@b>", "data", "StartTLS", "AUTH PLAIN x", "EHLO x", "HELO x", "LHLO x",
                       "RCPT TO:<a@b>", "BDAT 10 LAST", "RSET", "QUIT", "XCLIENT NAME=x", ""})
                 {
                     CAPTURE(std::string(line));
                     auto const e = co_await failure_of(s.command(std::string(line)));
                     CHECK(e);
                     CHECK(s.is_open());
                 }
                 auto const r = co_await s.noop();
                 CHECK(r.positive());
             });
    CHECK_PLAYED(result);
}

TEST_CASE("a second operation is refused, and the first one is not disturbed")
{
    auto const result = talk(script()
                                 .opening()
                                 .expect("NOOP")
                                 .pause(50ms)
                                 .reply("250 ok")
                                 .expect("HELP")
                                 .reply("214 help")
                                 .expect_close(),
                             [](smtp::session& s) -> task<void> {
                                 co_await open(s);
                                 auto const message = mail();
                                 auto const second  = [&]() -> task<void> {
                                     CHECK(s.is_busy());
                                     CHECK(!s.looks_alive());
                                     for (int i = 0; i != 5; ++i)
                                     {
                                         std::optional<smtp::session_error> e;
                                         if (i == 0)
                                             e = co_await failure_of(s.noop());
                                         else if (i == 1)
                                             e = co_await failure_of(s.send(message));
                                         else if (i == 2)
                                             e = co_await failure_of(s.quit());
                                         else if (i == 3)
                                             e = co_await failure_of(s.hello());
                                         else
                                             e = co_await failure_of(s.rset());
                                         CHECK(code_in(e) == posthorn::errc::busy);
                                     }
                                 };
                                 std::ignore  = co_await when_all(s.noop(), second());
                                 auto const r = co_await s.help(std::string());
                                 CHECK(r.code() == 214);
                             });
    CHECK_PLAYED(result);
}

TEST_CASE("close ends a running operation with errc::closed")
{
    auto const result =
        talk(script().opening().expect("NOOP").expect_close(), [](smtp::session& s) -> task<void> {
            co_await open(s);
            auto const closer = [&s]() -> task<void> {
                s.close();
                co_return;
            };
            auto const waiting = [&s]() -> task<void> {
                auto const e = co_await failure_of(s.noop());
                CHECK(code_in(e) == posthorn::errc::closed);
            };
            std::ignore = co_await when_all(waiting(), closer());
            CHECK(!s.is_open());
            co_await s.quit(); // nothing left to do
        });
    CHECK_PLAYED(result);
}

TEST_CASE("an operation that is cancelled before it wrote anything leaves the session usable")
{
    auto const result = talk(script().opening().expect("NOOP").reply("250 ok").then(transaction()).quit(),
                             [](smtp::session& s) -> task<void> {
                                 co_await open(s);
                                 auto const too_late = [&s]() -> task<void> {
                                     bool cancelled = false;
                                     try
                                     {
                                         co_await wait_for(10s);
                                     }
                                     catch (std::system_error const&)
                                     {
                                         cancelled = true;
                                     }
                                     CHECK(cancelled);
                                     auto e = co_await failure_of(s.noop());
                                     CHECK(code_in(e) == condition::canceled);
                                     auto const         message = mail();
                                     smtp::send_options options;
                                     smtp::report       report;
                                     e = co_await failure_of(s.send(message, options, report));
                                     CHECK(code_in(e) == condition::canceled);
                                     CHECK(outcomes(report) == dispositions{not_sent});
                                     e = co_await failure_of(s.hello());
                                     CHECK(code_in(e) == condition::canceled);
                                     CHECK(s.is_open());
                                 };
                                 co_await with_timeout(too_late(), 20ms);
                                 auto const r = co_await s.noop();
                                 CHECK(r.positive());
                                 auto const message = mail();
                                 auto const sent    = co_await s.send(message);
                                 CHECK(sent.all_accepted());
                                 co_await s.quit();
                             });
    CHECK_PLAYED(result);
}

TEST_CASE("an operation that is cancelled while it waits closes the connection")
{
    auto const result =
        talk(script().opening().expect("NOOP").expect_close(), [](smtp::session& s) -> task<void> {
            co_await open(s);
            auto const waiting = [&s]() -> task<void> {
                auto const e = co_await failure_of(s.noop());
                CHECK(code_in(e) == condition::canceled);
                CHECK(!s.is_open());
            };
            co_await with_timeout(waiting(), 20ms);
        });
    CHECK_PLAYED(result);
}

// Sending ------------------------------------------------------------------------------------------------------

namespace {

/// Three recipients.
smtp::message mail_to_three()
{
    return smtp::message("a@b.test", {"x@y.test", "y@y.test", "z@y.test"}, "Subject: t\r\n\r\nHello\r\n");
}

/// The envelope of mail_to_three(), answered one by one, and content; `replies` may be fewer.
script sequential(std::vector<std::string> const& replies)
{
    static char const* const commands[] = {"MAIL FROM:<a@b.test>", "RCPT TO:<x@y.test>", "RCPT TO:<y@y.test>",
                                           "RCPT TO:<z@y.test>", "DATA"};
    script                   s;
    for (std::size_t i = 0; i != replies.size(); ++i)
    {
        if (i < std::size(commands))
            s.expect(commands[i]);
        else
            s.expect_data("Subject: t\r\n\r\nHello\r\n");
        s.expect_nothing(1ms).reply(replies[i]);
    }
    return s;
}

/// The same, all commands in one flight.
script pipelined(std::vector<std::string> const& replies, bool data = true)
{
    std::string all;
    for (std::size_t i = 0; i != replies.size() && i != (data ? 5u : 4u); ++i)
        all += replies[i] + "\r\n";
    script s;
    s.expect("MAIL FROM:<a@b.test>")
        .expect("RCPT TO:<x@y.test>")
        .expect("RCPT TO:<y@y.test>")
        .expect("RCPT TO:<z@y.test>");
    if (data)
        s.expect("DATA");
    s.expect_nothing(1ms).send(all);
    for (std::size_t i = data ? 5 : 4; i < replies.size(); ++i)
    {
        if (i == 4)
            s.expect("DATA");
        else
            s.expect_data("Subject: t\r\n\r\nHello\r\n");
        s.expect_nothing(1ms).reply(replies[i]);
    }
    return s;
}

smtp::send_options with(smtp::recipient_policy policy)
{
    smtp::send_options o;
    o.policy = policy;
    return o;
}

} // namespace

TEST_CASE("one message without PIPELINING takes a round trip for each command, with it two in all")
{
    std::vector<std::string> const replies{"250 ok", "250 ok", "250 ok",
                                           "250 ok", "354 go", "250 2.0.0 queued as 7"};
    for (bool const fast : {false, true})
    {
        CAPTURE(fast);
        support::log_lines log;
        auto               settings = support::session_settings();
        settings.on_event           = log.handler();
        auto const dialogue         = fast ? pipelined(replies) : sequential(replies);
        auto const result           = talk(
                      script()
                          .opening(fast ? std::vector<std::string>{"PIPELINING"} : std::vector<std::string>())
                          .then(dialogue)
                          .quit(),
                      [fast](smtp::session& s) -> task<void> {
                co_await open(s);
                auto const message = mail_to_three();
                auto const turns   = s.round_trips();
                auto const r       = co_await s.send(message);
                CHECK(r.outcome() == smtp::overall::accepted);
                CHECK(r.accepted() == 3);
                CHECK(r.all_accepted());
                CHECK(r.round_trips() == (fast ? 2 : 6));
                CHECK(s.round_trips() - turns == r.round_trips());
                CHECK(r.content_bytes() == std::string_view("Subject: t\r\n\r\nHello\r\n.\r\n").size());
                CHECK(r.final_reply().code() == 250);
                for (auto const& one : r.recipients())
                {
                    CHECK(one.phase == smtp::phase::content);
                    CHECK(one.code == 250);
                    CHECK(one.text == "queued as 7");
                    CHECK(one.enhanced);
                }
                CHECK(r.recipients()[1].address == "y@y.test");
                co_await s.quit();
            },
                      settings);
        CHECK_PLAYED(result);
        lines expected{"*: connected to server.test:25", "S: 220 scripted.test ESMTP", "C: EHLO client.test"};
        expected.emplace_back(fast ? "S: 250-scripted.test" : "S: 250 scripted.test");
        if (fast)
            for (auto const l : {"S: 250 PIPELINING", "C: MAIL FROM:<a@b.test>", "C: RCPT TO:<x@y.test>",
                                 "C: RCPT TO:<y@y.test>", "C: RCPT TO:<z@y.test>", "C: DATA", "S: 250 ok",
                                 "S: 250 ok", "S: 250 ok", "S: 250 ok", "S: 354 go"})
                expected.emplace_back(l);
        else
            for (auto const l : {"C: MAIL FROM:<a@b.test>", "S: 250 ok", "C: RCPT TO:<x@y.test>", "S: 250 ok",
                                 "C: RCPT TO:<y@y.test>", "S: 250 ok", "C: RCPT TO:<z@y.test>", "S: 250 ok",
                                 "C: DATA", "S: 354 go"})
                expected.emplace_back(l);
        for (auto const l : {"C: [24 octets of content]", "S: 250 2.0.0 queued as 7", "C: QUIT",
                             "S: 221 2.0.0 bye", "*: closed"})
            expected.emplace_back(l);
        CHECK(log.get() == expected);
    }
}

TEST_CASE("events come in the order of what happens, with their numbers")
{
    std::vector<std::string> seen;
    auto                     settings = support::session_settings();
    settings.on_event                 = [&seen](smtp::event const& e) {
        if (auto const* p = std::get_if<smtp::events::progress>(&e))
            seen.push_back("progress " + std::to_string(p->increment) + " " + std::to_string(p->current) +
                                           " " + (p->total ? std::to_string(*p->total) : "?"));
        else if (auto const* f = std::get_if<smtp::events::finished>(&e))
            seen.push_back("finished " + std::to_string(f->report.accepted()));
        else if (auto const* r = std::get_if<smtp::events::replied>(&e))
            seen.push_back("replied " + std::string(to_string(r->phase)) + " " +
                                           std::to_string(r->reply.code()));
        else if (auto const* c = std::get_if<smtp::events::command>(&e))
            seen.push_back("command " + std::string(to_string(c->phase)));
        else if (auto const* s = std::get_if<smtp::events::secured>(&e))
            seen.push_back(s->verified ? "secured verified" : "secured");
        else if (auto const* a = std::get_if<smtp::events::authenticated>(&e))
            seen.push_back("authenticated " + std::string(a->mechanism));
        else if (auto const* x = std::get_if<smtp::events::closed>(&e))
            seen.push_back(x->reason ? "closed by " + x->reason.message() : "closed");
        else
            seen.push_back("connected");
    };
    auto const result = talk(
        tls_opening({"AUTH PLAIN"})
            .then(auth_plain())
            .reply("235 ok")
            .expect_prefix("MAIL")
            .reply("250 ok")
            .expect_prefix("RCPT")
            .reply("250 ok")
            .expect("DATA")
            .reply("354 go")
            .expect_data()
            .reply("250 ok")
            .quit(),
        [](smtp::session& s) -> task<void> {
            co_await open_tls(s);
            sasl::selection const how;
            std::ignore        = co_await s.authenticate(user(), how);
            auto const message = mail("12345\r\n");
            std::ignore        = co_await s.send(message);
            co_await s.quit();
        },
        settings);
    CHECK_PLAYED(result);
    CHECK(seen ==
          lines{"connected",         "replied greeting 220", "command hello",    "replied hello 250",
                "command starttls",  "replied starttls 220", "secured verified", "command hello",
                "replied hello 250", "command auth",         "replied auth 235", "authenticated PLAIN",
                "command mail",      "replied mail 250",     "command rcpt",     "replied rcpt 250",
                "command data",      "replied data 354",     "progress 10 10 7", "replied content 250",
                "finished 1",        "command quit",         "replied quit 221", "closed"});
}

TEST_CASE("under `each` refused recipients are reported, and the others get the message")
{
    std::vector<std::string> const replies{"250 ok",          "250 ok", "550 5.1.1 nobody",
                                           "450 4.2.1 later", "354 go", "250 queued"};
    for (bool const fast : {false, true})
    {
        auto const dialogue = fast ? pipelined(replies) : sequential(replies);
        auto const result =
            talk(script().opening({fast ? "PIPELINING" : "HELP"}).then(dialogue).expect_close(),
                 [](smtp::session& s) -> task<void> {
                     co_await open(s);
                     auto const message = mail_to_three();
                     auto const options = with(smtp::recipient_policy::each);
                     auto const r       = co_await s.send(message, options);
                     CHECK(outcomes(r) == dispositions{accepted, perm, temp});
                     CHECK(r.outcome() == smtp::overall::partial);
                     CHECK(r.recipients()[1].phase == smtp::phase::rcpt);
                     CHECK(r.recipients()[1].text == "nobody");
                     CHECK(r.recipients()[1].enhanced->to_string() == "5.1.1");
                     CHECK(r.recipients()[2].code == 450);
                 });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("what a policy makes of refusals is an error with the report, and the session stays usable")
{
    struct row
    {
        smtp::recipient_policy   policy;
        std::vector<std::string> replies; // to MAIL, three RCPT, DATA, content
        std::error_code          code;
        dispositions             outcome;
    };
    using enum smtp::recipient_policy;
    row const rows[]{
        {at_least_one,
         {"250 ok", "550 no", "250 ok", "450 no", "354 go", "250 queued"},
         {},
         {perm, accepted, temp}},
        {at_least_one,
         {"250 ok", "250 ok", "250 ok", "250 ok", "354 go", "550 spam"},
         smtp::errc::message_refused,
         {perm, perm, perm}},
        {at_least_one,
         {"250 ok", "250 ok", "250 ok", "250 ok", "354 go", "451 later"},
         smtp::errc::message_deferred,
         {temp, temp, temp}},
        {each, {"250 ok", "250 ok", "250 ok", "250 ok", "354 go", "550 spam"}, {}, {perm, perm, perm}},
        {all_or_nothing,
         {"250 ok", "250 ok", "250 ok", "250 ok", "354 go", "250 queued"},
         {},
         {accepted, accepted, accepted}},
        {all_or_nothing,
         {"250 ok", "250 ok", "250 ok", "250 ok", "354 go", "452 full"},
         smtp::errc::message_deferred,
         {temp, temp, temp}},
        {all_or_nothing,
         {"250 ok", "250 ok", "550 no", "250 ok"},
         smtp::errc::not_all_accepted,
         {not_sent, perm, not_sent}},
        {all_or_nothing,
         {"250 ok", "250 ok", "450 no", "250 ok"},
         smtp::errc::not_all_accepted,
         {not_sent, temp, not_sent}},
    };
    for (bool const fast : {false, true})
        for (auto const& r : rows)
        {
            CAPTURE(fast);
            CAPTURE(r.replies.back());
            bool const data_too = r.policy != all_or_nothing;
            auto const dialogue = fast ? pipelined(r.replies, data_too) : sequential(r.replies);
            // RSET is sent before the next message, and not earlier; refused content may have left a transaction open.
            bool const unfinished = r.replies.size() < 6 || r.replies.back()[0] > '3';
            script then;
            if (unfinished)
                then.expect("RSET");
            if (unfinished && !fast)
                then.reply("250 ok");
            then.expect_prefix("MAIL");
            if (unfinished && fast)
                then.expect_prefix("RCPT").expect("DATA").send("250 ok\r\n");
            then.reply("550 no");
            if (fast && !unfinished)
                then.expect_prefix("RCPT").expect("DATA");
            if (fast)
                then.send("503 no\r\n503 no\r\n");
            auto const result =
                talk(script().opening({fast ? "PIPELINING" : "HELP"}).then(dialogue).then(then).quit(),
                     [&r](smtp::session& s) -> task<void> {
                         co_await open(s);
                         auto const   message = mail_to_three();
                         auto const   options = with(r.policy);
                         smtp::report report;
                         auto const   e = co_await send_failure_of(s.send(message, options, report));
                         CHECK((e ? e->code() : std::error_code()) == r.code);
                         CHECK(outcomes(report) == r.outcome);
                         if (e)
                         {
                             CHECK(outcomes(e->report()) == r.outcome);
                             CHECK(e->code() != condition::canceled);
                         }
                         CHECK(s.is_open());
                         auto const next   = mail();
                         auto const second = co_await s.send(next);
                         CHECK(outcomes(second) == dispositions{perm});
                         CHECK(second.recipients()[0].phase == smtp::phase::mail);
                         co_await s.quit();
                     });
            CHECK_PLAYED(result);
        }
}

TEST_CASE("if nobody is accepted the server gets no message, not even an empty one")
{
    auto const one_by_one = talk(script()
                                     .opening()
                                     .expect_prefix("MAIL")
                                     .reply("250 ok")
                                     .expect_prefix("RCPT")
                                     .reply("550 no")
                                     .expect("RSET")
                                     .reply("250 ok")
                                     .expect_prefix("MAIL")
                                     .reply("450 later")
                                     .quit(),
                                 [](smtp::session& s) -> task<void> {
                                     co_await open(s);
                                     auto const message = mail();
                                     auto       r       = co_await s.send(message);
                                     CHECK(outcomes(r) == dispositions{perm});
                                     auto const options = with(smtp::recipient_policy::at_least_one);
                                     auto const e       = co_await send_failure_of(s.send(message, options));
                                     REQUIRE(e);
                                     CHECK(e->code() == smtp::errc::all_deferred);
                                     CHECK(e->code() == condition::temporary);
                                     co_await s.quit();
                                 });
    CHECK_PLAYED(one_by_one);
    // 354 although there is no recipient: only the dot is sent, and its refusal awaited (RFC 2920, 3.1)
    auto const ready = talk(script()
                                .opening({"PIPELINING"})
                                .expect_prefix("MAIL")
                                .expect_prefix("RCPT")
                                .expect("DATA")
                                .send("250 ok\r\n550 no\r\n354 go\r\n")
                                .expect(".")
                                .reply("554 no valid recipients")
                                .quit(),
                            [](smtp::session& s) -> task<void> {
                                co_await open(s);
                                auto const message = mail();
                                auto const r       = co_await s.send(message);
                                CHECK(outcomes(r) == dispositions{perm});
                                CHECK(r.recipients()[0].phase == smtp::phase::rcpt);
                                CHECK(r.content_bytes() == 0);
                                CHECK(s.is_open());
                                co_await s.quit();
                            });
    CHECK_PLAYED(ready);
}

TEST_CASE("a refused MAIL is the outcome of all recipients, whatever the rest of the flight is answered")
{
    auto const result = talk(script()
                                 .opening({"PIPELINING"})
                                 .expect_prefix("MAIL")
                                 .expect_prefix("RCPT")
                                 .expect_prefix("RCPT")
                                 .expect_prefix("RCPT")
                                 .expect("DATA")
                                 .send("450 4.7.1 wait\r\n503 a\r\n250 b\r\n503 c\r\n503 d\r\n")
                                 .expect_close(),
                             [](smtp::session& s) -> task<void> {
                                 co_await open(s);
                                 auto const message = mail_to_three();
                                 auto const r       = co_await s.send(message);
                                 CHECK(outcomes(r) == dispositions{temp, temp, temp});
                                 for (auto const& one : r.recipients())
                                 {
                                     CHECK(one.phase == smtp::phase::mail);
                                     CHECK(one.text == "wait");
                                 }
                                 CHECK(r.round_trips() == 1);
                             });
    CHECK_PLAYED(result);
}

TEST_CASE("RSET is sent only where a transaction is left open")
{
    auto const result = talk(script()
                                 .opening()
                                 .repeat(3, transaction())
                                 .expect_prefix("MAIL")
                                 .reply("250 ok")
                                 .expect("RSET")
                                 .reply("250 ok")
                                 .then(transaction())
                                 .expect_prefix("MAIL")
                                 .reply("250 ok")
                                 .expect("RSET")
                                 .reply("250 ok")
                                 .then(transaction())
                                 .quit(),
                             [](smtp::session& s) -> task<void> {
                                 co_await open(s);
                                 auto const message = mail();
                                 for (int i = 0; i != 3; ++i)
                                 {
                                     auto const r = co_await s.send(message);
                                     CHECK(r.all_accepted());
                                 }
                                 smtp::reverse_path const from("a@b.test");
                                 std::ignore  = co_await s.mail(from, no_mail_parameters());
                                 auto const r = co_await s.send(message); // sends RSET first
                                 CHECK(r.all_accepted());
                                 std::ignore      = co_await s.mail(from, no_mail_parameters());
                                 std::ignore      = co_await s.rset(); // so it is not sent again
                                 auto const again = co_await s.send(message);
                                 CHECK(again.all_accepted());
                                 co_await s.quit();
                             });
    CHECK_PLAYED(result);
}

TEST_CASE("a server that does not know RSET is left after the message, which is delivered all the same")
{
    auto const result = talk(script()
                                 .opening()
                                 .expect_prefix("MAIL")
                                 .reply("250 ok")
                                 .expect("RSET")
                                 .reply("502 what?")
                                 .expect_prefix("MAIL")
                                 .reply("250 ok")
                                 .expect_prefix("RCPT")
                                 .reply("250 ok")
                                 .expect("DATA")
                                 .reply("354 go")
                                 .expect_data()
                                 .reply("250 ok")
                                 .quit(),
                             [](smtp::session& s) -> task<void> {
                                 co_await open(s);
                                 smtp::reverse_path const from("a@b.test");
                                 std::ignore        = co_await s.mail(from, no_mail_parameters());
                                 auto const message = mail();
                                 auto const r       = co_await s.send(message);
                                 CHECK(r.all_accepted());
                                 CHECK(!s.is_open());
                             });
    CHECK_PLAYED(result);
}

TEST_CASE("421 anywhere in a transaction ends the connection, and the report says what is certain")
{
    struct row
    {
        std::size_t  before; ///< Replies before 421.
        dispositions outcome;
        smtp::phase  phase;
    };
    std::vector<std::string> const good{"250 ok", "250 ok", "250 ok", "250 ok", "354 go"};
    for (bool const fast : {false, true})
        for (auto const& r : {row{0, {temp, temp, temp}, smtp::phase::mail},
                              row{1, {temp, not_sent, not_sent}, smtp::phase::rcpt},
                              row{2, {not_sent, temp, not_sent}, smtp::phase::rcpt},
                              row{4, {temp, temp, temp}, smtp::phase::data},
                              row{5, {temp, temp, temp}, smtp::phase::content}})
        {
            CAPTURE(fast);
            CAPTURE(r.before);
            std::vector<std::string> replies(good.begin(),
                                             good.begin() + static_cast<std::ptrdiff_t>(r.before));
            replies.emplace_back("421 4.3.2 bye");
            auto const dialogue = fast ? pipelined(replies) : sequential(replies);
            auto const result =
                talk(script().opening({fast ? "PIPELINING" : "HELP"}).then(dialogue).expect_close(),
                     [&r](smtp::session& s) -> task<void> {
                         co_await open(s);
                         auto const   message = mail_to_three();
                         auto const   options = with(smtp::recipient_policy::each);
                         smtp::report report;
                         std::ignore = co_await failure_of(s.send(message, options, report));
                         CHECK(outcomes(report) == r.outcome);
                         for (auto const& one : report.recipients())
                         {
                             CHECK(one.phase == r.phase);
                             CHECK(one.code == 421);
                         }
                         CHECK(!s.is_open());
                     });
            CHECK_PLAYED(result);
        }
}

TEST_CASE("a lost connection leaves recipients not_sent before the end of the content, and in_doubt after it")
{
    for (bool const fast : {false, true})
        for (std::size_t answered = 0; answered != 6; ++answered)
        {
            CAPTURE(fast);
            CAPTURE(answered);
            std::vector<std::string> const good{"250 ok", "250 ok", "250 ok", "250 ok", "354 go"};
            std::vector<std::string> const replies(good.begin(),
                                                   good.begin() + static_cast<std::ptrdiff_t>(answered));
            script                         dialogue;
            if (!fast)
                dialogue = sequential(replies).read_some();
            else if (answered == 5)
                dialogue = pipelined(replies).read_some();
            else
            {
                dialogue.expect_prefix("MAIL")
                    .expect_prefix("RCPT")
                    .expect_prefix("RCPT")
                    .expect_prefix("RCPT")
                    .expect("DATA");
                for (auto const& r : replies)
                    dialogue.reply(r);
            }
            auto const result = talk(script().opening({fast ? "PIPELINING" : "HELP"}).then(dialogue).close(),
                                     [&](smtp::session& s) -> task<void> {
                                         co_await open(s);
                                         auto const   message = mail_to_three();
                                         auto const   options = with(smtp::recipient_policy::each);
                                         smtp::report report;
                                         auto const   e =
                                             co_await send_failure_of(s.send(message, options, report));
                                         REQUIRE(e);
                                         CHECK(e->code() == posthorn::errc::connection_lost);
                                         auto const all = answered == 5 ? in_doubt : not_sent;
                                         CHECK(outcomes(report) == dispositions{all, all, all});
                                         CHECK(outcomes(e->report()) == outcomes(report));
                                         CHECK(!s.is_open());
                                     });
            CHECK_PLAYED(result);
        }
}

TEST_CASE("a report that is used again never tells of the message before")
{
    auto const result = talk(script()
                                 .opening()
                                 .expect_prefix("MAIL")
                                 .reply("250 ok")
                                 .expect_prefix("RCPT")
                                 .reply("250 ok")
                                 .expect("DATA")
                                 .reply("354 go")
                                 .expect_data()
                                 .reply("250 2.0.0 queued")
                                 .close(),
                             [](smtp::session& s) -> task<void> {
                                 co_await open(s);
                                 auto const               message = mail();
                                 smtp::send_options const options;
                                 smtp::report             report;
                                 co_await s.send(message, options, report);
                                 CHECK(report.all_accepted());
                                 while (s.looks_alive()) // until the end of the connection has arrived
                                     co_await a_turn();
                                 auto const e = co_await failure_of(s.send(message, options, report));
                                 REQUIRE(e);
                                 CHECK(dynamic_cast<smtp::send_error const*>(&*e) == nullptr);
                                 CHECK(outcomes(report) == dispositions{not_sent});
                                 CHECK(report.final_reply().empty());
                                 CHECK(report.recipients()[0].text.empty());
                                 CHECK(report.content_bytes() == 0);
                             });
    CHECK_PLAYED(result);
}

TEST_CASE("what cannot be sent to this server is known before anything is written")
{
    struct row
    {
        char const*     offer;
        smtp::message   message;
        std::error_code code;
    };
    auto const with_parameters = [](auto change) {
        auto m = mail();
        change(m.envelope);
        return m;
    };
    smtp::message empty("a@b.test", {"x@y.test"}, "");
    empty.content = nullptr;
    smtp::message nobody("a@b.test", {}, "x\r\n");
    row const     rows[]{
            {"HELP", with_parameters([](auto& e) { e.parameters.envid = "x"; }), smtp::errc::extension_missing},
            {"HELP", with_parameters([](auto& e) { e.parameters.require_tls = true; }),
             smtp::errc::extension_missing},
            {"HELP", with_parameters([](auto& e) { e.recipients[0].parameters.notify_on = smtp::notify::never; }),
             smtp::errc::extension_missing},
            {"HELP", smtp::message("a@b.test", {"\xc3\xbc@y.test"}, "x"), smtp::errc::smtputf8_required},
            {"HELP", mail("8-bit \xe4"), smtp::errc::eight_bit_refused},
            {"8BITMIME", mail(std::string("NUL \0", 5)), smtp::errc::binary_refused},
            {"HELP", mail(std::string(999, 'x')), smtp::errc::line_length},
            {"SIZE 10", mail("12345678901"), smtp::errc::message_too_big},
            {"HELP", empty, posthorn::errc::invalid_argument},
            {"HELP", nobody, smtp::errc::no_recipients},
            {"DSN", with_parameters([](auto& e) { e.parameters.envid = "a\nb"; }), smtp::errc::bad_parameter},
            {"HELP", with_parameters([](auto& e) { e.parameters.body = smtp::body_type::binary; }),
             smtp::errc::extension_missing},
    };
    for (auto const& r : rows)
    {
        CAPTURE(r.code.message());
        auto const result =
            talk(script().opening({r.offer}).expect("NOOP").reply("250 ok").expect_close(),
                 [&r](smtp::session& s) -> task<void> {
                     co_await open(s);
                     auto const e = co_await send_failure_of(s.send(r.message));
                     REQUIRE(e);
                     CHECK(e->code() == r.code);
                     CHECK(e->phase() == smtp::phase::prepare);
                     CHECK(e->report().recipients().size() == r.message.envelope.recipients.size());
                     CHECK(e->report().accepted() == 0);
                     CHECK(e->report().outcome() == smtp::overall::not_sent);
                     for (auto const& one : e->report().recipients())
                         CHECK_FALSE(one.text.empty());
                     auto const reply = co_await s.noop();
                     CHECK(reply.positive());
                 });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("parameters follow from the content and from what the server offers")
{
    struct row
    {
        std::vector<std::string> offer;
        smtp::message            message;
        char const*              mail;
    };
    row const rows[]{
        {{"SIZE 1000"}, mail("a\nb\n"), "MAIL FROM:<a@b.test> SIZE=6"},
        {{"SIZE", "8BITMIME"}, mail("\xc3\xbc"), "MAIL FROM:<a@b.test> SIZE=4 BODY=8BITMIME"},
        {{"8BITMIME"}, mail("plain"), "MAIL FROM:<a@b.test>"},
        {{"8BITMIME", "SMTPUTF8"},
         smtp::message("\xc3\xbc@b.test", {"x@y.test"}, "x"),
         "MAIL FROM:<\xc3\xbc@b.test> SMTPUTF8"},
    };
    for (auto const& r : rows)
    {
        auto const result = talk(script().opening(r.offer).expect(r.mail).reply("550 no").expect_close(),
                                 [&r](smtp::session& s) -> task<void> {
                                     co_await open(s);
                                     std::ignore = co_await s.send(r.message);
                                 });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("content of unknown size is sent block by block, and may fail on the way without harm")
{
    auto const accepting = script()
                               .expect_prefix("MAIL")
                               .reply("250 ok")
                               .expect_prefix("RCPT")
                               .reply("250 ok")
                               .expect("DATA")
                               .reply("354 go");
    auto const good = talk(script()
                               .opening()
                               .then(accepting)
                               .expect_data(".one\r\ntwo\r\n" + std::string(900, 'x') + "\r\n")
                               .reply("250 ok")
                               .expect_close(),
                           [](smtp::session& s) -> task<void> {
                               co_await open(s);
                               auto const message = mail_of(std::make_shared<blocks>(
                                   lines{".on", "e\r", "\ntwo", "\n" + std::string(900, 'x')}));
                               auto const r       = co_await s.send(message);
                               CHECK(r.all_accepted());
                               CHECK(r.content_bytes() == 6 + 1 + 5 + 902 + 3);
                           });
    CHECK_PLAYED(good);

    auto const failing = talk(script().opening().then(accepting).read_some().expect_close(),
                              [](smtp::session& s) -> task<void> {
                                  co_await open(s);
                                  auto const broken = []() -> async_generator<std::string> {
                                      co_yield std::string("first\r\n");
                                      throw std::runtime_error("the file\x1b[31m is gone\r\n");
                                  };
                                  auto const message = mail_of(std::make_shared<generator_source>(broken()));
                                  auto const e       = co_await send_failure_of(s.send(message));
                                  REQUIRE(e);
                                  CHECK(outcomes(e->report()) == dispositions{not_sent});
                                  CHECK(e->phase() == smtp::phase::content);
                                  CHECK(std::string(e->what()).find("the file") != std::string::npos);
                                  CHECK(std::string(e->what()).find('\x1b') == std::string::npos);
                                  CHECK(!s.is_open());
                              });
    CHECK_PLAYED(failing);

    auto const dirty = talk(
        script().opening({"8BITMIME"}).then(accepting).expect_close(), [](smtp::session& s) -> task<void> {
            co_await open(s);
            auto const message = mail_of(std::make_shared<blocks>(lines{std::string("a\0b", 3)}));
            auto const e       = co_await send_failure_of(s.send(message));
            REQUIRE(e);
            CHECK(e->code() == smtp::errc::binary_refused);
            CHECK(outcomes(e->report()) == dispositions{not_sent});
            CHECK(!s.is_open());
        });
    CHECK_PLAYED(dirty);
}

TEST_CASE("a flight that is larger than every buffer cannot block both ends")
{
    for (std::size_t const count : {1000u, 20000u})
    {
        script s;
        s.opening({"PIPELINING"}).expect_prefix("MAIL").reply("250 ok");
        smtp::message message("a@b.test", {}, "x\r\n");
        for (std::size_t i = 0; i != count; ++i)
            message.envelope.add("recipient-number-" + std::to_string(i) + "@y.test");
        // Answers everything as it comes, with long replies that fill the way back.
        std::string const answer = "250 2.1.5 " + std::string(200, 'k');
        s.within(20000ms)
            .repeat(count, script().expect_prefix("RCPT").reply(answer))
            .expect("DATA")
            .reply("354 go")
            .expect_data()
            .reply("250 ok");
        auto const result = talk(s.expect_close(), [&](smtp::session& c) -> task<void> {
            co_await open(c);
            auto const r = co_await c.send(message);
            CHECK(r.accepted() == count);
        });
        CHECK(result.failures == lines());
    }
}

TEST_CASE("a session that is idle and quiet looks alive, one that heard something or nothing more does not")
{
    struct row
    {
        script then;
        bool   alive;
    };
    for (bool const tls : {false, true})
        for (auto const& r :
             {row{script().expect_nothing(1ms), true}, row{script().reply("421 idle for too long"), false},
              row{script().close(), false}, row{script().send("2"), false}})
        {
            auto const result = talk((tls ? tls_opening({}) : script().opening())
                                         .expect("NOOP")
                                         .reply("250 ok")
                                         .then(r.then)
                                         .stall(),
                                     [&r, tls](smtp::session& s) -> task<void> {
                                         if (tls)
                                             co_await open_tls(s);
                                         else
                                             co_await open(s);
                                         std::ignore      = co_await s.noop();
                                         auto const until = net::clock::now() + 300ms;
                                         while (s.looks_alive() && net::clock::now() < until)
                                             co_await a_turn();
                                         CHECK(s.looks_alive() == r.alive);
                                         CHECK(s.is_open()); // looking changes nothing
                                     });
            CHECK(result.failures.size() <= 1); // a script cannot stall after it has closed
        }
}

TEST_SUITE_END();
