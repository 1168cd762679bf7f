//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Known ways to attack SMTP clients and their users, each with the number it has in the list of pitfalls.

#include <posthorn/codec/base64.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/net/url.hpp>
#include <posthorn/smtp/address.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/domain.hpp>
#include <posthorn/smtp/header_facts.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/source/memory.hpp>
#include <posthorn/source/source.hpp>
#include <posthorn/sasl/select.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <support/dialogue.hpp>
#include <support/failures.hpp>
#include <support/memory_watch.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
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
using support::talk;
using testing::script;

TEST_SUITE_BEGIN("hostile/security");

namespace {

task<void> open(smtp::session& s)
{
    std::ignore = co_await s.greet();
    co_await s.hello();
}

task<void> start_tls(smtp::session& s)
{
    co_await s.start_tls(support::client_tls(), std::string("127.0.0.1"), std::string());
}

task<void> wait(std::chrono::milliseconds time)
{
    auto const         ex = co_await this_coro::executor;
    asio::steady_timer timer(ex, time);
    co_await timer.async_wait(use_task);
}

/// Is the text safe for a terminal?
bool printable_only(std::string_view text)
{
    return std::none_of(text.begin(), text.end(), [](char c) {
        auto const u = static_cast<unsigned char>(c);
        return u < 0x20 || u == 0x7f;
    });
}

/// Octets 0 to 31 and 127.
std::string controls()
{
    std::string all;
    for (char c = 0; c != 32; ++c)
        all += c;
    return all + '\x7f';
}

std::vector<std::string> every_extension()
{
    return {
        "DSN", "AUTH PLAIN LOGIN", "SMTPUTF8", "8BITMIME", "FUTURERELEASE 10000 2030-01-01T00:00:00Z", "RRVS",
        "HELP"};
}

std::string large_text(std::size_t size)
{
    std::string text = "Subject: large\r\n\r\n";
    while (text.size() < size)
        text += "All work and no play makes the buffers of everybody full, one line after the other.\r\n";
    return text;
}

script up_to_content()
{
    return script()
        .expect_prefix("MAIL")
        .reply("250 ok")
        .expect_prefix("RCPT")
        .reply("250 ok")
        .expect("DATA")
        .reply("354 go");
}

} // namespace

// S1, S2: what the caller gives ----------------------------------------------------------------------------------

TEST_CASE("S1 injection: no control octet in any argument ever reaches the wire")
{
    using attempt = std::function<task<void>(smtp::session&, std::string const&)>;
    struct row
    {
        char const* what;
        attempt     act;
    };
    auto const ok_sender = smtp::reverse_path("a@b.test");
    auto const ok_rcpt   = smtp::address("x@y.test");
    auto const mail_with = [ok_sender](smtp::session&                              s,
                                       std::function<void(smtp::mail_parameters&)> change) -> task<void> {
        smtp::mail_parameters p;
        change(p);
        std::ignore = co_await s.mail(ok_sender, p);
    };
    auto const rcpt_with = [ok_rcpt](smtp::session&                              s,
                                     std::function<void(smtp::rcpt_parameters&)> change) -> task<void> {
        smtp::rcpt_parameters p;
        change(p);
        std::ignore = co_await s.rcpt(ok_rcpt, p);
    };
    auto const send_with = [](smtp::session& s, std::function<void(smtp::envelope&)> change) -> task<void> {
        auto m = mail();
        change(m.envelope);
        std::ignore = co_await s.send(m);
    };
    std::vector<row> const rows{
        {"sender",
         [](smtp::session& s, std::string const& bad) -> task<void> {
             smtp::reverse_path const from("a" + bad + "@b.test");
             smtp::mail_parameters    none;
             std::ignore = co_await s.mail(from, none);
         }},
        {"quoted sender",
         [](smtp::session& s, std::string const& bad) -> task<void> {
             smtp::reverse_path const from("\"a" + bad + "\"@b.test");
             smtp::mail_parameters    none;
             std::ignore = co_await s.mail(from, none);
         }},
        {"escaped sender",
         [](smtp::session& s, std::string const& bad) -> task<void> {
             smtp::reverse_path const from("\"a\\" + bad + "\"@b.test");
             smtp::mail_parameters    none;
             std::ignore = co_await s.mail(from, none);
         }},
        {"recipient",
         [](smtp::session& s, std::string const& bad) -> task<void> {
             smtp::message const m("a@b.test", {std::string_view("x@y" + bad + ".test")}, "x");
             std::ignore = co_await s.send(m);
         }},
        {"literal",
         [](smtp::session& s, std::string const& bad) -> task<void> {
             smtp::address const   to("x@[127.0.0.1" + bad + "]");
             smtp::rcpt_parameters none;
             std::ignore = co_await s.rcpt(to, none);
         }},
        {"ENVID",
         [&](smtp::session& s, std::string const& bad) {
             return mail_with(s, [bad](auto& p) { p.envid = "a" + bad; });
         }},
        {"AUTH=",
         [&](smtp::session& s, std::string const& bad) {
             return mail_with(s, [bad](auto& p) { p.auth = smtp::reverse_path("a" + bad + "@b.test"); });
         }},
        {"HOLDUNTIL",
         [&](smtp::session& s, std::string const& bad) {
             return mail_with(s, [bad](auto& p) { p.hold_until = "2029-01-01T00:00:00Z" + bad; });
         }},
        {"keyword of MAIL",
         [&](smtp::session& s, std::string const& bad) {
             return mail_with(s, [bad](auto& p) { p.extra.emplace_back("X" + bad); });
         }},
        {"value of MAIL",
         [&](smtp::session& s, std::string const& bad) {
             return mail_with(s, [bad](auto& p) { p.extra.emplace_back("X", "y" + bad); });
         }},
        {"type of ORCPT",
         [&](smtp::session& s, std::string const& bad) {
             return rcpt_with(
                 s, [bad](auto& p) { p.orcpt = smtp::original_recipient("rfc822" + bad, "a@b.test"); });
         }},
        {"ORCPT",
         [&](smtp::session& s, std::string const& bad) {
             return rcpt_with(s,
                              [bad](auto& p) { p.orcpt = smtp::original_recipient("a" + bad + "@b.test"); });
         }},
        {"RRVS",
         [&](smtp::session& s, std::string const& bad) {
             return rcpt_with(s, [bad](auto& p) {
                 p.valid_since = smtp::require_valid_since("2020-01-01T00:00:00Z" + bad);
             });
         }},
        {"value of RCPT",
         [&](smtp::session& s, std::string const& bad) {
             return rcpt_with(s, [bad](auto& p) { p.extra.emplace_back("X", "y" + bad); });
         }},
        {"ENVID of a message",
         [&](smtp::session& s, std::string const& bad) {
             return send_with(s, [bad](auto& e) { e.parameters.envid = bad; });
         }},
        {"value of a message",
         [&](smtp::session& s, std::string const& bad) {
             return send_with(s, [bad](auto& e) { e.recipients[0].parameters.extra.emplace_back("X", bad); });
         }},
        {"HELP",
         [](smtp::session& s, std::string const& bad) -> task<void> {
             std::ignore = co_await s.help("MAIL" + bad);
         }},
        {"VRFY",
         [](smtp::session& s, std::string const& bad) -> task<void> {
             std::ignore = co_await s.vrfy("x" + bad);
         }},
        {"EXPN",
         [](smtp::session& s, std::string const& bad) -> task<void> {
             std::ignore = co_await s.expn(bad + "x");
         }},
        {"raw",
         [](smtp::session& s, std::string const& bad) -> task<void> {
             std::ignore = co_await s.command("X-CMD a" + bad + "b");
         }},
        {"raw verb",
         [](smtp::session& s, std::string const& bad) -> task<void> {
             std::ignore = co_await s.command("DATA" + bad);
         }},
    };
    auto const result =
        talk(script().opening(every_extension()).expect("NOOP").reply("250 ok").quit(),
             [&](smtp::session& s) -> task<void> {
                 co_await open(s);
                 for (auto const& r : rows)
                     for (char const c : controls())
                     {
                         CAPTURE(std::string(r.what));
                         CAPTURE(static_cast<int>(c));
                         std::string const bad =
                             c == '\n' ? std::string("\r\nRCPT TO:<evil@x.test>") : std::string(1, c);
                         bool        refused = false;
                         std::string text;
                         try
                         {
                             co_await r.act(s, bad);
                         }
                         catch (posthorn::error const& e)
                         {
                             refused = true;
                             text    = e.what();
                         }
                         CHECK(refused);
                         CHECK(!text.empty());
                         CHECK(printable_only(text));
                         CHECK(s.is_open());
                     }
                 auto const r = co_await s.noop();
                 CHECK(r.positive());
                 co_await s.quit();
             });
    CHECK_PLAYED(result);
    CHECK(result.received == "EHLO client.test\r\nNOOP\r\nQUIT\r\n");
}

TEST_CASE("S1 injection: a control octet in the EHLO name is refused before EHLO")
{
    for (char const c : controls())
    {
        auto settings      = support::session_settings();
        settings.ehlo_name = std::string("host") + c + ".test";
        auto const result  = talk(
             script().reply("220 x").expect_close(),
             [](smtp::session& s) -> task<void> {
                auto const e = co_await failure_of(open(s));
                CHECK(code_in(e) == smtp::errc::bad_ehlo_name);
                CHECK((e && printable_only(e->what())));
            },
             settings);
        CHECK_PLAYED(result);
        CHECK(result.received.empty());
    }
}

TEST_CASE("S1 injection: credentials of any octets stay inside base64, and a NUL is refused by PLAIN")
{
    for (char const c : controls())
    {
        std::string const       name = std::string("us") + c + "er";
        sasl::credentials const who(name, secret_string("pass" + std::string(1, c) + "word"));
        std::string const       nul(1, '\0');
        std::string const       blob = codec::base64_encode(nul + name + nul + "pass" + c + "word");
        script                  s;
        s.opening({"AUTH PLAIN"});
        if (c != '\0')
            s.expect("AUTH PLAIN " + blob).reply("235 ok");
        auto const result = talk(s.quit(), [&](smtp::session& session) -> task<void> {
            co_await open(session);
            sasl::selection how;
            how.allow_plaintext = true;
            auto const e        = co_await failure_of(session.authenticate(who, how));
            CHECK(e.has_value() == (c == '\0'));
            co_await session.quit();
        });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("S2 smuggling of parameters: nothing outside of quotes ends the path")
{
    for (auto const text :
         {"a@b.test> SIZE=1 <", "a@b.test>", "a b@c.test", "<a@b.test>", "a@b.test ", " a@b.test",
          "a>b@c.test", "\"a\">@b.test", "a@b.test>\"", "\"a\"b@c.test", "a@[127.0.0.1]>", "a@[IPv6:::1] X"})
    {
        CAPTURE(std::string(text));
        CHECK_THROWS_AS(smtp::address{std::string_view(text)}, posthorn::error);
    }
    // Inside of quotes it is legal, and stays inside.
    auto const result =
        talk(script().opening().expect("RCPT TO:<\"a> SIZE=1 <\"@b.test>").reply("550 no").expect_close(),
             [](smtp::session& s) -> task<void> {
                 co_await open(s);
                 smtp::address const         to("\"a> SIZE=1 <\"@b.test");
                 smtp::rcpt_parameters const none;
                 std::ignore = co_await s.rcpt(to, none);
             });
    CHECK_PLAYED(result);
    for (auto const value : {"a b", "a=b", "a b=c", "\xc3\xbc", ""})
    {
        CAPTURE(std::string(value));
        auto const refused = talk(script().opening().expect_close(), [value](smtp::session& s) -> task<void> {
            co_await open(s);
            smtp::mail_parameters p;
            p.extra.emplace_back("X-P", value);
            smtp::reverse_path const from("a@b.test");
            auto const               e = co_await failure_of(s.mail(from, p));
            CHECK(e);
        });
        CHECK_PLAYED(refused);
    }
}

// S3, S4: addresses ----------------------------------------------------------------------------------------------

TEST_CASE("S3 differential: what is delivered to is what was checked, in one spelling")
{
    struct row
    {
        char const* given;
        char const* sent; ///< Null: refused.
    };
    row const rows[] = {
        {"plain@x.test", "plain@x.test"},
        {"\"plain\"@x.test", "plain@x.test"},
        {"\"a b\"@x.test", "\"a b\"@x.test"},
        {"\"\\a\\b\"@x.test", "ab@x.test"},
        {"\"a@evil.test\"@x.test", "\"a@evil.test\"@x.test"},
        {"\"a@evil.test> \"@x.test", "\"a@evil.test> \"@x.test"},
        {"\"\\\"@evil.test\"@x.test", "\"\\\"@evil.test\"@x.test"},
        {"a@[192.0.2.1]", "a@[192.0.2.1]"},
        // Whatever only some parsers take for an address.
        {"a@x.test, b@evil.test", nullptr},
        {"Name <a@x.test>", nullptr},
        {"a@x.test (comment)", nullptr},
        {"(comment)a@x.test", nullptr},
        {"a(comment)@x.test", nullptr},
        {"group: a@x.test;", nullptr},
        {"@relay.test:a@x.test", nullptr},
        {"a@x.test@evil.test", nullptr},
        {"a@x.test\xe3\x80\x82" "evil.test", nullptr}, // a dot for IDNA, a letter for others
        {"a%evil.test@", nullptr},
        {"a@x_y.test", nullptr},
        {"a@-x.test", nullptr},
        {"\"a\" \"b\"@x.test", nullptr},
    };
    for (auto const& r : rows)
    {
        CAPTURE(std::string(r.given));
        auto const parsed = smtp::address::parse(r.given);
        REQUIRE(parsed.has_value() == (r.sent != nullptr));
        if (!parsed)
            continue;
        CHECK(parsed->view() == r.sent);
        auto const again = smtp::address::parse(parsed->view());
        REQUIRE(again);
        CHECK(*again == *parsed);
        auto const result = talk(script()
                                     .opening()
                                     .expect("MAIL FROM:<" + std::string(r.sent) + ">")
                                     .reply("250 ok")
                                     .expect("RCPT TO:<" + std::string(r.sent) + ">")
                                     .reply("550 no")
                                     .expect_close(),
                                 [&](smtp::session& s) -> task<void> {
                                     co_await open(s);
                                     smtp::reverse_path const    from(*parsed);
                                     smtp::mail_parameters const of_mail;
                                     smtp::rcpt_parameters const of_rcpt;
                                     std::ignore = co_await s.mail(from, of_mail);
                                     std::ignore = co_await s.rcpt(*parsed, of_rcpt);
                                 });
        CHECK_PLAYED(result);
    }
    for (char const c : controls())
    {
        std::string text("a@x.test");
        text.insert(1, 1, c);
        CHECK_FALSE(smtp::address::parse(text));
        CHECK_FALSE(smtp::address::parse("\"" + text.substr(0, 2) + "\"@x.test"));
    }
}

TEST_CASE("S4 exhaustion: a megabyte of anything is refused in linear time, without stack")
{
    constexpr std::size_t size = 1'000'000; // quadratic work would go on for hours
    for (std::string_view const piece : {"(", "<", ",", ":", "\"", "\\", "\"\\", "@", ".", "a.", "a@", "[", "[IPv6:", "::",
                                         "\xc3\xbc", "\xff", " ", "a", "-", "((", "<<>", "x@y.test,"})
    {
        std::string text;
        while (text.size() < size)
            text += piece;
        CAPTURE(std::string(piece));
        CHECK_FALSE(smtp::address::parse(text));
        CHECK_FALSE(smtp::address::parse("\"" + text));
        CHECK_FALSE(smtp::address::parse("a@" + text));
        CHECK(smtp::check_domain(text, smtp::domain_options()));
        CHECK(smtp::check_ehlo_name(text));
        CHECK_THROWS_AS(net::parse_url("smtp://" + text), posthorn::error);
        std::ignore = smtp::look_at_header(text);
    }
}

// S6 to S9: TLS --------------------------------------------------------------------------------------------------

TEST_CASE("S6 STARTTLS injection: plaintext behind the reply ends the connection before the handshake")
{
    for (auto const extra :
         {"250-evil\r\n250 AUTH PLAIN\r\n", "250 ok\r\n", "2", "\r\n", "\x16\x03\x01", "220 go\r\n"})
    {
        auto const result = talk(script()
                                     .opening({"STARTTLS"})
                                     .expect("STARTTLS")
                                     .send(std::string("220 go\r\n") + extra)
                                     .expect_close(),
                                 [](smtp::session& s) -> task<void> {
                                     co_await open(s);
                                     auto const e = co_await failure_of(start_tls(s));
                                     CHECK(code_in(e) == smtp::errc::tls_leftover);
                                     CHECK(code_in(e) == condition::tls);
                                     CHECK(!s.is_open());
                                     CHECK(!s.is_secure());
                                 });
        CHECK_PLAYED(result);
    }
    // Arriving later it is no TLS record.
    auto const late = talk(script()
                               .opening({"STARTTLS"})
                               .expect("STARTTLS")
                               .send_segments({"220 go\r\n", "250 evil\r\n"}, 30ms)
                               .stall(),
                           [](smtp::session& s) -> task<void> {
                               co_await open(s);
                               auto const e = co_await failure_of(start_tls(s));
                               CHECK(code_in(e) == condition::tls);
                               CHECK(!s.is_open());
                           });
    CHECK_PLAYED(late);
}

TEST_CASE("S6 STARTTLS injection: a second reply that came with EHLO's is not taken for the one to STARTTLS")
{
    auto const result = talk(script()
                                 .reply("220 x")
                                 .expect_prefix("EHLO")
                                 .send("250-x\r\n250 STARTTLS\r\n220 go\r\n")
                                 .expect_close(),
                             [](smtp::session& s) -> task<void> {
                                 co_await open(s);
                                 auto const e = co_await failure_of(start_tls(s));
                                 CHECK(code_in(e) == smtp::errc::unsolicited_reply);
                                 CHECK(!s.is_open());
                             });
    CHECK_PLAYED(result);
}

TEST_CASE("S7 capabilities from before TLS are used for nothing after it")
{
    // AUTH, PIPELINING and SIZE were offered by somebody in the clear.
    auto const result = serve(
        {script()
             .opening({"STARTTLS", "AUTH PLAIN LOGIN", "PIPELINING", "SIZE"})
             .expect("STARTTLS")
             .reply("220 go")
             .start_tls()
             .hello({})
             .quit()},
        [](smtp::client& c) -> task<void> {
            auto const e = co_await failure_of(c.connect());
            CHECK(code_in(e) == smtp::errc::auth_unavailable);
        },
        [](smtp::client_settings& s) {
            s.tls   = smtp::tls_mode::required;
            s.login = sasl::credentials("user", secret_string("secret"));
        });
    CHECK_PLAYED(result);
    auto const unpipelined = serve(
        {script()
             .opening({"STARTTLS", "PIPELINING", "SIZE"})
             .expect("STARTTLS")
             .reply("220 go")
             .start_tls()
             .hello({})
             .expect("MAIL FROM:<a@b.test>")
             .expect_nothing(30ms)
             .reply("550 no")
             .quit()},
        [](smtp::client& c) -> task<void> {
            auto const message = mail();
            std::ignore        = co_await c.send(message);
            co_await c.quit();
        },
        [](smtp::client_settings& s) { s.tls = smtp::tls_mode::required; });
    CHECK_PLAYED(unpipelined);
}

TEST_CASE("S8 stripping: where TLS is required nothing but QUIT follows a missing or refused STARTTLS")
{
    script const begin = script().reply("220 x").expect_prefix("EHLO");
    struct row
    {
        script          server;
        std::error_code code;
    };
    for (auto const& r :
         {row{script(begin).send("250-x\r\n250 AUTH PLAIN\r\n").quit(), smtp::errc::tls_required_unavailable},
          row{script(begin).send("250-x\r\n250 XSTARTTLS\r\n").quit(), smtp::errc::tls_required_unavailable},
          row{script(begin).send("250-x\r\n250 START TLS\r\n").quit(), smtp::errc::tls_required_unavailable},
          row{script(begin).send("250 STARTTLS\r\n").quit(),
              smtp::errc::tls_required_unavailable}, // the name, not a keyword
          row{script(begin).send("250-x\r\n250 STARTTLS\r\n").expect("STARTTLS").reply("454 no").quit(),
              smtp::errc::tls_refused},
          row{script(begin).send("250-x\r\n250 STARTTLS\r\n").expect("STARTTLS").reply("502 no").quit(),
              smtp::errc::tls_refused},
          row{script(begin).send("250-x\r\n250 STARTTLS\r\n").expect("STARTTLS").reply("334 ").expect_close(),
              smtp::errc::unexpected_code},
          row{script(begin).reply("502 no").quit(), smtp::errc::ehlo_refused},
          row{script(begin).reply("450 no").quit(), smtp::errc::ehlo_refused}})
    {
        auto const result = serve(
            {r.server},
            [&r](smtp::client& c) -> task<void> {
                auto const message = mail();
                auto const e       = co_await failure_of(c.send(message));
                CHECK(code_in(e) == r.code);
                CHECK(!c.is_connected());
            },
            [](smtp::client_settings& s) {
                s.tls                        = smtp::tls_mode::required;
                s.login                      = sasl::credentials("user", secret_string("secret"));
                s.mechanisms.allow_plaintext = true; // even then
            });
        CHECK_PLAYED(result);
        for (auto const word : {"AUTH", "MAIL", "HELO"})
            CHECK(result.received.find(word) == std::string::npos);
    }
}

TEST_CASE("S9 cleartext: no password leaves without TLS, whatever is offered")
{
    for (auto const offer : {"AUTH PLAIN LOGIN", "AUTH=PLAIN", "AUTH LOGIN", "AUTH PLAIN XOAUTH2 OAUTHBEARER"})
        for (auto const mode : {smtp::tls_mode::none, smtp::tls_mode::opportunistic})
        {
            auto const result = serve(
                {script().opening({offer}).quit()},
                [](smtp::client& c) -> task<void> {
                    auto const message = mail();
                    auto const e       = co_await failure_of(c.send(message));
                    CHECK(code_in(e) == smtp::errc::auth_unavailable);
                    CHECK((e && std::string(e->what()).find("TLS") != std::string::npos));
                },
                [mode](smtp::client_settings& s) {
                    s.tls   = mode;
                    s.login = sasl::credentials("user", secret_string("secret"));
                });
            CHECK_PLAYED(result);
            CHECK(result.received == "EHLO client.test\r\nQUIT\r\n");
        }
}

// S12, S13, S16: content -----------------------------------------------------------------------------------------

namespace {

/// One octet after the other.
class octets final : public source
{
public:
    explicit octets(std::string text) : text_(std::move(text)) {}
    task<std::string_view> next() override
    {
        auto const rest = std::string_view(text_).substr(at_, 1);
        at_ += rest.size();
        co_return rest;
    }
    task<void> rewind() override
    {
        at_ = 0;
        co_return;
    }

private:
    std::string text_;
    std::size_t at_ = 0;
};

/// CR, LF and CRLF become CRLF; text does not end without one.
std::string normalised(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i != text.size(); ++i)
    {
        if (text[i] == '\r' && i + 1 != text.size() && text[i + 1] == '\n')
            continue;
        if (text[i] == '\r' || text[i] == '\n')
            out += "\r\n";
        else
            out += text[i];
    }
    if (!out.empty() && out.back() != '\n')
        out += "\r\n";
    return out;
}

task<void> smuggle(bool tls, bool pipelining)
{
    auto const                  ex = co_await this_coro::executor;
    testing::smtp_sink_settings how;
    if (!pipelining)
        how.withdraw("PIPELINING");
    if (tls)
    {
        how.tls         = testing::smtp_sink_settings::tls_mode::implicit;
        how.tls_context = support::server_tls();
    }
    testing::smtp_sink sink(ex, how);
    sink.start();
    auto settings = support::client_settings(sink.port());
    if (tls)
        settings.tls = smtp::tls_mode::implicit;
    smtp::client             client(settings);
    std::vector<std::string> expected;
    std::string_view const   alphabet("\r\n.x");
    std::vector<std::string> texts{""};
    for (std::size_t i = 0; texts[i].size() < 4; ++i)
        for (char const c : alphabet)
            texts.push_back(texts[i] + c);
    for (auto const line :
         {"a\r\n.\r\nMAIL FROM:<evil@x.test>\r\nRCPT TO:<y@y.test>\r\nDATA\r\nsmuggled\r\n.\r\n",
          "a\n.\r\nMAIL FROM:<evil@x.test>\r\n", "a\r.\rMAIL FROM:<evil@x.test>\r", "a\n.\nQUIT\n",
          "a\r\n.\n", "a\r.\r\n", "\n.\n", ".\r\n", "a\r\n\r.\r\nRSET\r\n"})
        texts.emplace_back(line);
    for (auto const& text : texts)
        for (bool const whole : {true, false})
        {
            smtp::message message("a@b.test", {"x@y.test"}, text);
            if (!whole)
                message.content = std::make_shared<octets>(text);
            auto const r = co_await client.send(message);
            CHECK(r.all_accepted());
            expected.push_back(normalised(text));
        }
    co_await client.quit();
    co_await sink.until_idle();
    auto const messages = sink.messages();
    REQUIRE(messages.size() == expected.size());
    for (std::size_t i = 0; i != expected.size(); ++i)
    {
        CAPTURE(i);
        CHECK(messages[i].content == expected[i]);
        CHECK(messages[i].bare_newlines == 0);
        CHECK(messages[i].from.address == "a@b.test");
    }
    CHECK(sink.totals().connections == 1);
    CHECK(sink.violations() == lines());
}

} // namespace

TEST_CASE("S12 smuggling, S13 dot-stuffing: no content ends early for any server, however it is given")
{
    for (bool const pipelining : {true, false})
        sync_wait(with_timeout(smuggle(false, pipelining), support::no_hang));
    sync_wait(with_timeout(smuggle(true, true), support::no_hang));
}

TEST_CASE(
    "S12 smuggling: bare line ends are refused under line_endings::strict, and verbatim is no way around")
{
    for (auto const text : {"a\nb", "a\rb", "a\r\n.\rb", "\n", "\r\r\n"})
        for (bool const whole : {true, false})
        {
            script s;
            s.opening();
            if (!whole) // only found on the way
                s.then(up_to_content());
            auto const result = talk(s.expect_close(), [text, whole](smtp::session& session) -> task<void> {
                co_await open(session);
                smtp::message message("a@b.test", {"x@y.test"}, text);
                if (!whole)
                    message.content = std::make_shared<octets>(text);
                smtp::send_options strict;
                strict.endings = smtp::line_endings::strict;
                auto const e   = co_await send_failure_of(session.send(message, strict));
                REQUIRE(e);
                CHECK(e->code() == smtp::errc::bare_line_ending);
                CHECK(e->report().recipients()[0].outcome == smtp::disposition::not_sent);
                CHECK(session.is_open() == whole);
            });
            CHECK(result.failures.size() <= (whole ? 0u : 1u)); // a first octet may have left
        }
    auto const verbatim =
        talk(script().opening({"8BITMIME"}).expect_close(), [](smtp::session& s) -> task<void> {
            co_await open(s);
            auto const         message = mail("a\n.\nb");
            smtp::send_options raw;
            raw.endings  = smtp::line_endings::verbatim;
            auto const e = co_await send_failure_of(s.send(message, raw));
            CHECK(e);
            CHECK(s.is_open());
            string_source content("a\n.\nb");
            auto const    single = co_await failure_of(s.data(content, raw));
            CHECK(single);
            CHECK(s.is_open());
        });
    CHECK_PLAYED(verbatim);
}

TEST_CASE("S16 NUL and 8-bit content reach only servers that announced it")
{
    struct row
    {
        char const* offer;
        std::string text;
        smtp::errc  code;
    };
    for (auto const& r : {row{"HELP", "\xe4", smtp::errc::eight_bit_refused},
                          row{"8BITMIME", std::string("a\0b", 3), smtp::errc::binary_refused},
                          row{"HELP", std::string("a\0b", 3), smtp::errc::binary_refused}})
    {
        auto const whole =
            talk(script().opening({r.offer}).expect_close(), [&r](smtp::session& s) -> task<void> {
                co_await open(s);
                auto const message = mail(r.text);
                auto const e       = co_await send_failure_of(s.send(message));
                REQUIRE(e);
                CHECK(e->code() == r.code);
                CHECK(s.is_open());
            });
        CHECK_PLAYED(whole);
        auto const blockwise = talk(
            script().opening({r.offer}).then(up_to_content()).stall(), [&r](smtp::session& s) -> task<void> {
                co_await open(s);
                smtp::message message = mail();
                message.content       = std::make_shared<octets>("first\r\n" + r.text + "\r\nlast\r\n");
                auto const e          = co_await send_failure_of(s.send(message));
                REQUIRE(e);
                CHECK(e->code() == r.code);
                CHECK(e->report().recipients()[0].outcome == smtp::disposition::not_sent);
                CHECK(!s.is_open());
            });
        CHECK_PLAYED(blockwise);
        CHECK(blockwise.received.find("last") == std::string::npos);
        CHECK(blockwise.received.find("\r\n.\r\n") == std::string::npos);
    }
}

// S14, S15: replies ----------------------------------------------------------------------------------------------

TEST_CASE("S14 endless replies end in a typed error soon, and take bounded memory")
{
    struct row
    {
        char const*     pattern;
        std::error_code code;
    };
    std::string const long_line = "250-" + std::string(4000, 'y') + "\r\n";
    row const         rows[]{{"250-x\r\n", smtp::errc::reply_too_many_lines},
                             {"x", smtp::errc::bad_reply},
                             {"250 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", smtp::errc::reply_line_too_long},
                             {long_line.c_str(), smtp::errc::reply_too_long},
                             {"\r\n", smtp::errc::bad_reply},
                             {"250", smtp::errc::bad_reply}};
    for (auto const& r : rows)
        for (int at = 0; at != 4; ++at)
            for (bool const tls : {false, true})
            {
                CAPTURE(std::string(r.pattern).substr(0, 20));
                CAPTURE(at);
                CAPTURE(tls);
                script s;
                if (tls)
                    s.start_tls();
                if (at == 0)
                    s.send("250-x\r\n"); // the codes of all lines agree
                else
                    s.reply("220 x").expect_prefix("EHLO");
                if (at > 1)
                    s.reply("250 x").expect_prefix("MAIL");
                if (at > 2)
                    s.reply("250 x").expect_prefix("RCPT");
                s.send_flood(r.pattern, 1000000000);
                auto const before = net::clock::now();
                auto const result = talk(s, [&](smtp::session& session) -> task<void> {
                    if (tls)
                        co_await session.secure(support::client_tls(), std::string("127.0.0.1"),
                                                std::string());
                    auto const message = mail();
                    auto const all     = [&]() -> task<void> {
                        co_await open(session);
                        std::ignore = co_await session.send(message);
                    };
                    auto const e = co_await failure_of(all());
                    REQUIRE(e);
                    CHECK(e->code() == condition::protocol);
                    if (at != 0)
                        CHECK(e->code() == r.code);
                    CHECK(!session.is_open());
                    CHECK(session.stream().counters().bytes_read < 300000);
                    CHECK(std::string_view(e->what()).size() < 2000);
                });
                CHECK_PLAYED(result);
                CHECK(net::clock::now() - before < 5s);
            }
}

TEST_CASE("S14 the connection ends inside of a reply")
{
    std::string const reply = "250-first\r\n250-second\r\n250 third\r\n";
    for (std::size_t n = 0; n != reply.size(); ++n)
    {
        CAPTURE(n);
        auto const result =
            talk(script().reply("220 x").expect_prefix("EHLO").send(reply.substr(0, n)).close(),
                 [](smtp::session& s) -> task<void> {
                     auto const e = co_await failure_of(open(s));
                     CHECK(code_in(e) == posthorn::errc::connection_lost);
                     CHECK(!s.is_open());
                 });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("S15 desync: a reply that nothing asked for is never matched with the next command")
{
    // After each command an extra reply in the same segment: nobody is told that the message was accepted.
    for (int at = 0; at != 5; ++at)
        for (auto const extra :
             {"250 2.0.0 queued\r\n", "354 go\r\n", "550 no\r\n", "421 bye\r\n", "250-incompl"})
        {
            CAPTURE(at);
            CAPTURE(std::string(extra));
            auto const tail = [&](int here) { return here == at ? std::string(extra) : std::string(); };
            script     s;
            s.send("220 x\r\n" + tail(0));
            if (at > 0)
                s.expect_prefix("EHLO").send("250 x\r\n" + tail(1));
            if (at > 1)
                s.expect_prefix("MAIL").send("250 ok\r\n" + tail(2));
            if (at > 2)
                s.expect_prefix("RCPT").send("250 ok\r\n" + tail(3));
            if (at > 3)
                s.expect("DATA").send("354 go\r\n" + tail(4));
            bool const complete    = std::string_view(extra).back() == '\n';
            auto       settings    = support::session_settings();
            settings.timeouts.quit = 50ms;
            auto const result      = talk(
                     s.expect_close(),
                     [complete](smtp::session& session) -> task<void> {
                    auto const         message = mail();
                    smtp::report       report;
                    smtp::send_options options;
                    auto const         all = [&]() -> task<void> {
                        co_await open(session);
                        co_await session.send(message, options, report);
                    };
                    auto const e = co_await failure_of(all());
                    REQUIRE(e);
                    bool const typed = e->code() == smtp::errc::unsolicited_reply ||
                                       e->code() == smtp::errc::service_unavailable;
                    CHECK(
                             (typed || (!complete && e->code() == condition::timeout))); // the rest was waited for
                    CHECK(!session.is_open());
                    for (auto const& one : report.recipients())
                        CHECK(one.outcome == smtp::disposition::not_sent);
                },
                     settings);
            CHECK_PLAYED(result);
        }
}

TEST_CASE("S15 desync: an extra reply in a pipelined flight never becomes a delivery that did not happen")
{
    std::vector<std::string> const good{"250 ok\r\n", "250 ok\r\n", "354 go\r\n"};
    for (std::size_t at = 0; at != 4; ++at)
        for (auto const extra : {"250 x\r\n", "354 go\r\n", "550 no\r\n"})
        {
            CAPTURE(at);
            CAPTURE(std::string(extra));
            std::string replies;
            for (std::size_t i = 0; i != 4; ++i)
            {
                if (i == at)
                    replies += extra;
                if (i != 3)
                    replies += good[i];
            }
            script s;
            s.opening({"PIPELINING"})
                .expect_prefix("MAIL")
                .expect_prefix("RCPT")
                .expect("DATA")
                .send(replies)
                .within(300ms)
                .stall();
            auto const result = talk(s, [](smtp::session& session) -> task<void> {
                co_await open(session);
                auto const         message = mail();
                smtp::report       report;
                smtp::send_options options;
                session.expires_at(net::clock::now() + 200ms);
                std::ignore = co_await failure_of(session.send(message, options, report));
                CHECK(report.recipients()[0].outcome != smtp::disposition::accepted);
                CHECK(!session.looks_alive());
            });
            CHECK(result.connections == 1);
        }
}

TEST_CASE("S15 while idle: the next operation fails with what was said, and writes nothing")
{
    struct row
    {
        char const*     said;
        std::error_code code;
    };
    for (auto const& r :
         {row{"421 4.4.2 idle for too long\r\n", smtp::errc::service_unavailable},
          row{"250 ok\r\n", smtp::errc::unsolicited_reply}, row{"NOTICE\r\n", smtp::errc::bad_reply}})
        for (bool const tls : {false, true})
        {
            script s;
            if (tls)
                s.start_tls();
            auto const result = talk(s.opening().send(r.said).expect_close(),
                                     [&r, tls](smtp::session& session) -> task<void> {
                                         if (tls)
                                             co_await session.secure(support::client_tls(),
                                                                     std::string("127.0.0.1"), std::string());
                                         std::ignore = co_await session.greet();
                                         co_await session.hello();
                                         while (session.looks_alive())
                                             co_await wait(1ms);
                                         auto const e = co_await failure_of(session.noop());
                                         CHECK(code_in(e) == r.code);
                                         CHECK(!session.is_open());
                                     });
            CHECK_PLAYED(result);
        }
}

// S17, S22, S23: texts -------------------------------------------------------------------------------------------

TEST_CASE("S17 no password, and nothing made of it, is ever in a log, an event or an error")
{
    std::string const marker = "m4rk3r-S3cr3t-w0rd";
    std::string const nul(1, '\0');
    std::string const name  = "user";
    lines const       taboo = {marker, codec::base64_encode(marker),
                               codec::base64_encode(nul + name + nul + marker),
                               codec::base64_encode(name).substr(0, 5) + "=="};
    script const      plain = script().expect_prefix("AUTH PLAIN");
    script const      login = script()
                             .expect("AUTH LOGIN")
                             .reply("334 VXNlcm5hbWU6")
                             .expect_any()
                             .reply("334 UGFzc3dvcmQ6")
                             .expect_any();
    for (auto const& dialogue :
         {script(plain).reply("235 ok"), script(plain).reply("535 5.7.8 no"),
          script(plain).reply("334 ").expect_any().reply("235 ok"),
          script(plain).reply("334 ?").expect("*").reply("501 no").then(login).reply("535 no"),
          script(plain).reply("504 no").then(login).reply("235 ok"), script(plain).reply("454 no"),
          script(plain).reply("421 bye"), script(plain).close(), script(plain).reply("gibberish"),
          script(plain).reset(),
          script(plain).reply("534 no").expect("AUTH LOGIN").reply("334 ").expect_any().close()})
        for (bool const tls : {false, true})
        {
            support::log_lines log;
            std::string        texts;
            auto               settings = support::session_settings();
            auto const         to_log   = log.handler();
            settings.on_event           = [&](smtp::event const& e) {
                to_log(e);
                if (auto const* c = std::get_if<smtp::events::command>(&e))
                    texts += std::string(c->text) + '\n';
            };
            script s;
            if (tls)
                s.start_tls();
            auto const result = talk(
                s.opening({"AUTH PLAIN LOGIN"}).then(dialogue),
                [&](smtp::session& session) -> task<void> {
                    if (tls)
                        co_await session.secure(support::client_tls(), std::string("127.0.0.1"),
                                                std::string());
                    co_await open(session);
                    sasl::credentials const who(name, secret_string(marker));
                    sasl::selection         how;
                    how.allow_plaintext = true;
                    auto const e        = co_await failure_of(session.authenticate(who, how));
                    if (e)
                    {
                        auto const& c = e->context();
                        texts += e->what() + c.detail + c.hint + c.operation + c.peer + c.phase;
                    }
                    auto const later = co_await failure_of(session.noop());
                    if (later)
                        texts += later->what();
                },
                settings);
            texts += log.text();
            CHECK(texts.find("AUTH PLAIN") != std::string::npos); // the log works
            for (auto const& secret : taboo)
                CHECK(texts.find(secret) == std::string::npos);
        }
}

#if defined(POSTHORN_HAS_ASAN)

TEST_CASE("S18 a login leaves nothing of the password in memory that was freed")
{
    std::string const                  secret(support::needle);
    std::string const                  plain = codec::base64_encode(std::string("\0user\0", 6) + secret);
    testing::smtp_sink_settings        settings;
    settings.tls           = testing::smtp_sink_settings::tls_mode::implicit;
    settings.tls_context   = support::server_tls();
    settings.users["user"] = secret;
    testing::server_thread<testing::smtp_sink> sink(settings); // another thread, which is not watched
    for (auto const mechanism : {"PLAIN", "LOGIN"})
        for (bool const right : {true, false})
        {
            CAPTURE(std::string(mechanism));
            CAPTURE(right);
            auto of_client               = support::client_settings(sink->port());
            of_client.tls                = smtp::tls_mode::implicit;
            of_client.login              = sasl::credentials("user", secret_string(support::needle));
            of_client.mechanisms.allowed = {mechanism};
            if (!right)
                of_client.login.password.push_back('!');
            auto const one_login = [&of_client]() -> task<void> {
                smtp::client client(of_client);
                std::ignore = co_await failure_of(client.connect());
                co_await client.quit();
            };
            sync_wait(one_login()); // what OpenSSL keeps for later is there now
            auto const w = support::watched([&] { sync_wait(one_login()); }, {codec::base64_encode(secret), plain});
            CHECK(w.freed != 0);
            CHECK(w.leaked == 0);
        }
    for (auto const mechanism : {"CRAM-MD5", "SCRAM-SHA-256", "DIGEST-MD5", "NTLM", "PLAIN", "LOGIN"})
    {
        CAPTURE(std::string(mechanism));
        auto const w = support::watched([mechanism] {
            sasl::credentials const who("user", secret_string(support::needle));
            sasl::selection const   how;
            auto                    m = sasl::make_mechanism(mechanism, who, how, false);
            std::ignore               = m->initial_response();
            for (auto const challenge : {"", "<1@x>", "nonce=\"n\",algorithm=md5-sess", "r=nonsense"})
                try
                {
                    std::ignore = m->respond(challenge);
                }
                catch (error const&)
                {
                    // Mechanisms end in the middle, too.
                }
        });
        CHECK(w.freed != 0);
        CHECK(w.leaked == 0);
    }
}

#endif

TEST_CASE("S22 malformed offers are harmless")
{
    auto const result =
        talk(script()
                 .reply("220 x")
                 .expect_prefix("EHLO")
                 .send("250-x\r\n250-SIZE 99999999999999999999999\r\n250-AUTH\r\n"
                       "250-8 BITMIME\r\n250-\r\n250- PIPELINING\r\n250-size\r\n250-" +
                       std::string(3000, 'K') +
                       "\r\n250-LIMITS RCPTMAX=x\r\n250-DELIVERBY -1\r\n"
                       "250 \xff\xfe\x01\r\n")
                 .then(up_to_content())
                 .expect_data()
                 .reply("250 ok")
                 .expect_close(),
             [](smtp::session& s) -> task<void> {
                 co_await open(s);
                 CHECK(!s.capabilities().max_size());
                 CHECK(s.capabilities().has(smtp::feature::eight_bit_mime)); // Yahoo has spelled it so
                 CHECK(s.capabilities().auth_mechanisms().empty());
                 smtp::send_options options;
                 options.pipelining = false;
                 auto const message = mail();
                 auto const r       = co_await s.send(message, options);
                 CHECK(r.all_accepted());
             });
    CHECK_PLAYED(result);
    for (std::size_t const count : {200u, 127u})
    {
        std::string offer = "250-x\r\n";
        for (std::size_t i = 0; i != count; ++i)
            offer += "250-X-KEYWORD-" + std::to_string(i) + "\r\n";
        auto const many =
            talk(script().reply("220 x").expect_prefix("EHLO").send(offer + "250 HELP\r\n").expect_close(),
                 [](smtp::session& s) -> task<void> {
                     co_await open(s);
                     CHECK(s.capabilities().keywords().size() <= smtp::capabilities::max_keywords);
                 });
        CHECK_PLAYED(many);
    }
}

TEST_CASE("S23 control octets in replies are shown escaped everywhere, and are available raw")
{
    std::string const evil =
        "5.1.1 \x1b[31mred\x07 \x7f NUL:" + std::string(1, '\0') + " \xff\xfe \xc2\x9b C1";
    support::log_lines log;
    auto               settings = support::session_settings();
    settings.on_event           = log.handler();
    auto const result           = talk(
                  script()
                      .opening()
                      .expect("NOOP")
                      .reply("550 " + evil)
                      .expect_prefix("MAIL")
                      .reply("250 ok")
                      .expect_prefix("RCPT")
                      .reply("550 " + evil)
                      .expect("RSET")
                      .reply("250 " + evil)
                      .expect_prefix("MAIL")
                      .reply("421 " + evil)
                      .expect_close(),
                  [&](smtp::session& s) -> task<void> {
            co_await open(s);
            auto const raw = co_await s.noop();
            CHECK(raw.line(0).raw == evil);
            CHECK(printable_only(raw.describe()));
            auto const message = mail();
            auto const first   = co_await s.send(message);
            CHECK(printable_only(first.recipients()[0].text));
            CHECK(first.recipients()[0].text.find("red") != std::string::npos);
            smtp::send_options all;
            all.policy   = smtp::recipient_policy::at_least_one;
            auto const e = co_await send_failure_of(s.send(message, all));
            REQUIRE(e);
            CHECK(std::string(e->what()).find('\x1b') == std::string::npos);
            CHECK(printable_only(e->report().recipients()[0].text));
        },
                  settings);
    CHECK_PLAYED(result);
    for (auto const& line : log.get())
    {
        CHECK(printable_only(line));
        CHECK(line.find("\xc2\x9b") == std::string::npos);
    }
    // What is quoted when the connection fails.
    for (auto const& last :
         {std::string("\x1b[2J\x1b]0;title\x07\r\n"), "220-" + evil + "\r\n", "220 " + evil + "\r\n"})
    {
        auto const lost = talk(script().send(last).close(), [](smtp::session& s) -> task<void> {
            auto const e = co_await failure_of(open(s));
            REQUIRE(e);
            CHECK(printable_only(e->what()));
        });
        CHECK_PLAYED(lost);
    }
}

// S24, S25: TLS truncated, or with something before its time -------------------------------------------------------

TEST_CASE("S24 truncation: a cut TLS connection is an error while a reply is due, and nothing after QUIT")
{
    script const begin = script().start_tls();
    for (int at = 0; at != 7; ++at)
        for (bool const proper : {true, false})
        {
            CAPTURE(at);
            script s = begin;
            if (at > 0)
                s.reply("220 x").expect_prefix("EHLO");
            if (at > 1)
                s.reply("250 x").expect_prefix("MAIL");
            if (at > 2)
                s.reply("250 x").expect_prefix("RCPT");
            if (at > 3)
                s.reply("250 x").expect("DATA");
            if (at > 4)
                s.reply("354 x").expect_data();
            if (at > 5)
                s.reply("250 x").expect("QUIT");
            s                 = proper ? script(s).close() : script(s).cut();
            auto const result = talk(s, [at, proper](smtp::session& session) -> task<void> {
                co_await session.secure(support::client_tls(), std::string("127.0.0.1"), std::string());
                auto const         message = mail();
                smtp::report       report;
                smtp::send_options options;
                auto const         all = [&]() -> task<void> {
                    co_await open(session);
                    co_await session.send(message, options, report);
                    co_await session.quit();
                };
                auto const e = co_await failure_of(all());
                CHECK(e.has_value() == (at != 6));
                if (e && proper)
                    CHECK(e->code() == posthorn::errc::connection_lost);
                if (e && !proper)
                    CHECK(e->code() == condition::tls);
                CHECK(!session.is_open());
                if (at >= 2)
                    CHECK(report.recipients()[0].outcome == (at == 6   ? smtp::disposition::accepted
                                                             : at == 5 ? smtp::disposition::in_doubt
                                                                       : smtp::disposition::not_sent));
            });
            CHECK_PLAYED(result);
        }
}

TEST_CASE("S25 a reply that comes before EHLO under TLS makes the connection unusable")
{
    auto const result =
        talk(script()
                 .opening({"STARTTLS"})
                 .expect("STARTTLS")
                 .reply("220 go")
                 .start_tls()
                 .send("250-x\r\n250 AUTH PLAIN\r\n")
                 .pause(20ms)
                 .send("250 x\r\n")
                 .stall(),
             [](smtp::session& s) -> task<void> {
                 co_await open(s);
                 auto e = co_await failure_of(start_tls(s));
                 if (!e) // it was so early that it looks like an answer: then the real one is one too many
                 {
                     co_await wait(50ms);
                     e = co_await failure_of(s.noop());
                 }
                 CHECK(code_in(e) == smtp::errc::unsolicited_reply);
                 CHECK(!s.is_open());
             });
    CHECK_PLAYED(result);
}

// Others ---------------------------------------------------------------------------------------------------------

TEST_CASE("what greets in another language than SMTP is told apart")
{
    struct row
    {
        std::string     greeting;
        std::error_code code;
    };
    for (auto const& r :
         {row{"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", smtp::errc::not_smtp},
          row{"* OK IMAP4rev1 ready\r\n", smtp::errc::not_smtp},
          row{"+OK POP3 ready\r\n", smtp::errc::not_smtp}, row{"SSH-2.0-OpenSSH_9\r\n", smtp::errc::not_smtp},
          row{std::string("\x15\x03\x01\x00\x02\x02\x46", 7), smtp::errc::tls_where_plain_expected},
          row{std::string("\x16\x03\x03\x00\x7a\x02\x00", 7), smtp::errc::tls_where_plain_expected},
          row{"hello\r\n", smtp::errc::bad_reply}, row{"\r\n", smtp::errc::bad_reply},
          row{"25\r\n", smtp::errc::bad_reply}, row{"2500 x\r\n", smtp::errc::bad_reply},
          row{"199 x\r\n", smtp::errc::bad_reply}, row{"600 x\r\n", smtp::errc::bad_reply},
          row{"220?x\r\n", smtp::errc::bad_reply}, row{std::string(7, '\0') + "\r\n", smtp::errc::bad_reply},
          row{"220-a\r\n250 b\r\n", smtp::errc::mixed_codes}, row{" 220 x\r\n", smtp::errc::bad_reply},
          row{"354 go\r\n", smtp::errc::unexpected_code}})
    {
        CAPTURE(r.greeting);
        auto const result =
            talk(script().send(r.greeting).expect_close(), [&r](smtp::session& s) -> task<void> {
                auto const e = co_await failure_of(s.greet());
                CHECK(code_in(e) == r.code);
                CHECK(!s.is_open());
            });
        CHECK_PLAYED(result);
        CHECK(result.received.empty());
    }
}

TEST_CASE("a large message that is refused on its way ends promptly, with the reason")
{
    std::string const text = large_text(20 * 1024 * 1024);
    enum class end
    {
        reads_on,
        closes,
        resets
    };
    for (auto const how : {end::reads_on, end::closes, end::resets})
        for (auto const reply : {"552 5.3.4 too big", "421 4.3.2 shutting down", "451 4.3.0 disk full"})
            for (bool const tls : {false, true})
            {
                CAPTURE(static_cast<int>(how));
                CAPTURE(std::string(reply));
                CAPTURE(tls);
                script s;
                if (tls)
                    s.start_tls();
                s.opening().then(up_to_content()).read_some().read_some().reply(reply);
                if (how == end::reads_on)
                    s.stall();
                else if (how == end::closes)
                    s.pause(20ms).close();
                else
                    s.pause(20ms).reset();
                auto const result = talk(s, [&](smtp::session& session) -> task<void> {
                    if (tls)
                        co_await session.secure(support::client_tls(), std::string("127.0.0.1"),
                                                std::string());
                    co_await open(session);
                    smtp::message message("a@b.test", {"x@y.test"}, std::string());
                    message.content = std::make_shared<memory_source>(text);
                    smtp::send_options options;
                    smtp::report       report;
                    std::ignore     = co_await failure_of(session.send(message, options, report));
                    auto const& one = report.recipients()[0];
                    CHECK(one.outcome == (reply[0] == '5' ? smtp::disposition::refused_permanently
                                                          : smtp::disposition::refused_temporarily));
                    CHECK(one.code == std::stoi(reply));
                    CHECK(one.phase == smtp::phase::content);
                    CHECK(report.final_reply().code() == one.code);
                    CHECK(report.content_bytes() < text.size());
                    CHECK(!session.is_open());
                });
                CHECK(result.failures == lines());
            }
}

TEST_CASE("a positive reply while content is on its way is not believed")
{
    std::string const text = large_text(8 * 1024 * 1024);
    auto const        result =
        talk(script().opening().then(up_to_content()).read_some().reply("250 2.0.0 queued").stall(),
             [&](smtp::session& s) -> task<void> {
                 co_await open(s);
                 auto const message = mail(text);
                 auto const e       = co_await send_failure_of(s.send(message));
                 REQUIRE(e);
                 CHECK(e->code() == smtp::errc::unsolicited_reply);
                 CHECK(e->report().recipients()[0].outcome ==
                       smtp::disposition::in_doubt); // who knows what it has
                 CHECK(!s.is_open());
             });
    CHECK(result.failures == lines());
}

TEST_CASE("a server that never reads is given up after the limit for a part to leave")
{
    auto settings             = support::session_settings();
    settings.timeouts.block   = 150ms;
    std::string const text    = large_text(16 * 1024 * 1024);
    auto const        content = talk(
               script().opening().then(up_to_content()).pause(600ms),
               [&](smtp::session& s) -> task<void> {
            co_await open(s);
            auto const message = mail(text);
            auto const e       = co_await send_failure_of(s.send(message));
            REQUIRE(e);
            CHECK(e->code() == condition::timeout);
            CHECK(e->report().recipients()[0].outcome == smtp::disposition::not_sent);
        },
               settings);
    CHECK(content.connections == 1);
    smtp::message many("a@b.test", {}, "x\r\n");
    for (int i = 0; i != 100000; ++i)
        many.envelope.add("recipient-number-" + std::to_string(i) + "@a-long-domain-name.test");
    auto const envelope = talk(
        script().opening({"PIPELINING"}).pause(2500ms),
        [&](smtp::session& s) -> task<void> {
            co_await open(s);
            auto const e = co_await send_failure_of(s.send(many));
            REQUIRE(e);
            INFO(std::string(e->what()).substr(0, 300));
            CHECK(e->code() == condition::timeout);
            CHECK(e->report().count(smtp::disposition::not_sent) == many.envelope.recipients.size());
        },
        settings);
    CHECK(envelope.connections == 1);
}

TEST_CASE("replies may come octet by octet")
{
    auto const slow = [](char const* text) {
        return script().send_slowly(std::string(text) + "\r\n", 1, 0ms);
    };
    for (bool const tls : {false, true})
    {
        script s;
        if (tls)
            s.start_tls();
        s.then(slow("220-x\r\n220 y"))
            .expect_prefix("EHLO")
            .then(slow("250-x\r\n250-SIZE\r\n250 8BITMIME"))
            .expect_prefix("MAIL")
            .then(slow("250 2.1.0 ok"))
            .expect_prefix("RCPT")
            .then(slow("250 2.1.5 ok"))
            .expect("DATA")
            .then(slow("354 go"))
            .expect_data()
            .then(slow("250-2.0.0 queued\r\n250 2.0.0 as 1"))
            .expect("QUIT")
            .then(slow("221 bye"))
            .expect_close();
        auto const result = talk(s, [tls](smtp::session& session) -> task<void> {
            if (tls)
                co_await session.secure(support::client_tls(), std::string("127.0.0.1"), std::string());
            co_await open(session);
            auto const message = mail();
            auto const r       = co_await session.send(message);
            CHECK(r.all_accepted());
            CHECK(r.recipients()[0].text == "queued as 1");
            co_await session.quit();
        });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("the replies to a flight may be split anywhere")
{
    std::string const replies = "250 2.1.0 ok\r\n550-5.1.1 no\r\n550 5.1.1 body\r\n250 ok\r\n354 go\r\n";
    for (std::size_t n = 0; n <= replies.size(); ++n)
    {
        auto const result =
            talk(script()
                     .opening({"PIPELINING"})
                     .expect_prefix("MAIL")
                     .expect_prefix("RCPT")
                     .expect_prefix("RCPT")
                     .expect("DATA")
                     .send_segments({replies.substr(0, n), replies.substr(n)}, 1ms)
                     .expect_data()
                     .reply("250 ok")
                     .expect_close(),
                 [](smtp::session& s) -> task<void> {
                     co_await open(s);
                     smtp::message const message("a@b.test", {"x@y.test", "z@y.test"}, "x\r\n");
                     auto const          r = co_await s.send(message);
                     CHECK(r.recipients()[0].text == "no body");
                     CHECK(r.recipients()[1].accepted());
                 });
        CHECK_PLAYED(result);
    }
}

TEST_SUITE_END();
