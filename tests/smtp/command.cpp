//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/command.hpp>

#include <doctest/doctest.h>

#include <posthorn/core/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace smtp = posthorn::smtp;
using smtp::address;
using smtp::command_writer;
using smtp::errc;
using smtp::mail_parameters;
using smtp::rcpt_parameters;
using smtp::reverse_path;

namespace {

/// The line that a call writes, without CRLF; or the error, in which case nothing may have been written.
struct line
{
    std::string     text;
    std::error_code ec;
    std::string     detail;
};

line write(std::function<std::error_code(command_writer&)> const& f)
{
    posthorn::byte_buffer buffer;
    command_writer        writer(buffer);
    buffer.append("before");
    line l;
    l.ec     = f(writer);
    l.detail = writer.detail();
    REQUIRE(buffer.data().substr(0, 6) == "before");
    auto const written = buffer.data().substr(6);
    if (l.ec)
    {
        CHECK(written.empty());
        CHECK_FALSE(l.detail.empty());
        return l;
    }
    CHECK(l.detail.empty());
    REQUIRE(written.size() >= 2);
    CHECK(writer.last_line() == written);
    CHECK(written.find_first_of("\r\n") == written.size() - 2);
    CHECK(written.substr(written.size() - 2) == "\r\n");
    l.text = written.substr(0, written.size() - 2);
    return l;
}

line mail(mail_parameters const& p, reverse_path const& from = reverse_path("a@b"))
{
    return write([&](command_writer& w) { return w.mail(from, p); });
}

line rcpt(rcpt_parameters const& p, bool smtputf8 = false)
{
    return write([&](command_writer& w) { return w.rcpt(address("a@b"), p, smtputf8); });
}

template <class F>
mail_parameters mail_with(F f)
{
    mail_parameters p;
    f(p);
    return p;
}

template <class F>
rcpt_parameters rcpt_with(F f)
{
    rcpt_parameters p;
    f(p);
    return p;
}

} // namespace

TEST_SUITE_BEGIN("smtp/command");

TEST_CASE("commands are spelled as RFC 5321 has them")
{
    using w = command_writer;
    CHECK(write([](w& c) { return c.ehlo("mx.example"); }).text == "EHLO mx.example");
    CHECK(write([](w& c) { return c.helo("mx.example"); }).text == "HELO mx.example");
    CHECK(write([](w& c) { return c.lhlo("[IPv6:::1]"); }).text == "LHLO [IPv6:::1]");
    CHECK(write([](w& c) { return c.starttls(); }).text == "STARTTLS");
    CHECK(write([](w& c) { return c.data(); }).text == "DATA");
    CHECK(write([](w& c) { return c.rset(); }).text == "RSET");
    CHECK(write([](w& c) { return c.quit(); }).text == "QUIT");
    CHECK(write([](w& c) { return c.noop(); }).text == "NOOP");
    CHECK(write([](w& c) { return c.noop("a b"); }).text == "NOOP a b");
    CHECK(write([](w& c) { return c.help(); }).text == "HELP");
    CHECK(write([](w& c) { return c.help("MAIL"); }).text == "HELP MAIL");
    CHECK(write([](w& c) { return c.vrfy("Joe"); }).text == "VRFY Joe");
    CHECK(write([](w& c) { return c.vrfy("Jo\xc3\xab", true); }).text == "VRFY Jo\xc3\xab SMTPUTF8");
    CHECK(write([](w& c) { return c.expn("list"); }).text == "EXPN list");
    CHECK(write([](w& c) { return c.etrn("example.com"); }).text == "ETRN example.com");
    CHECK(write([](w& c) { return c.bdat(0, true); }).text == "BDAT 0 LAST");
    CHECK(write([](w& c) { return c.bdat(UINT64_MAX, false); }).text == "BDAT 18446744073709551615");
    CHECK(write([](w& c) { return c.raw("XDEBUG on"); }).text == "XDEBUG on");
    CHECK(write([](w& c) { return c.mail(reverse_path()); }).text == "MAIL FROM:<>");
    CHECK(write([](w& c) { return c.mail(reverse_path("a@b")); }).text == "MAIL FROM:<a@b>");
    CHECK(write([](w& c) { return c.rcpt(address("\"a b\"@c")); }).text == "RCPT TO:<\"a b\"@c>");
    CHECK(write([](w& c) { return c.rcpt(address::postmaster()); }).text == "RCPT TO:<postmaster>");
}

TEST_CASE("AUTH carries base64, and equals for an empty initial response")
{
    using w = command_writer;
    CHECK(write([](w& c) { return c.auth("login"); }).text == "AUTH LOGIN");
    CHECK(write([](w& c) { return c.auth("PLAIN", std::string_view("\0u\0p", 4)); }).text ==
          "AUTH PLAIN AHUAcA==");
    CHECK(write([](w& c) { return c.auth("EXTERNAL", ""); }).text == "AUTH EXTERNAL =");
    CHECK(write([](w& c) { return c.auth_response("user"); }).text == "dXNlcg==");
    CHECK(write([](w& c) { return c.auth_response(""); }).text.empty());
    CHECK(write([](w& c) { return c.auth_cancel(); }).text == "*");

    // "AUTH PLAIN " and CRLF leave 499 of 512 octets: 124 groups of four.
    CHECK(write([](w& c) { return c.auth("PLAIN", std::string(372, 'x')); }).text.size() == 507);
    CHECK(write([](w& c) { return c.auth("PLAIN", std::string(373, 'x')); }).ec == errc::line_too_long);
    CHECK_FALSE(write([](w& c) { return c.auth("XOAUTH2", std::string(3000, 'x'), w::max_auth_line); }).ec);
    CHECK(write([](w& c) { return c.auth("XOAUTH2", std::string(9300, 'x'), SIZE_MAX); }).ec ==
          errc::line_too_long);
    CHECK_FALSE(write([](w& c) { return c.auth_response(std::string(9213, 'x')); }).ec);
    CHECK(write([](w& c) { return c.auth_response(std::string(9217, 'x')); }).ec == errc::line_too_long);
    for (std::string_view const bad :
         {"", "PL AIN", "PLAIN\r\n", "A23456789012345678901", "PL.AIN", "\xc3\xa9"})
        CHECK(write([&](w& c) { return c.auth(bad); }).ec == errc::bad_argument);
}

TEST_CASE("no control octet gets through any string argument, and nothing is written then")
{
    struct target
    {
        char const*                                                  name;
        std::function<std::error_code(command_writer&, std::string)> call;
    };
    auto const in_mail = [](auto set) {
        return [set](command_writer& w, std::string s) {
            mail_parameters p;
            set(p, s);
            return w.mail(reverse_path("a@b"), p);
        };
    };
    auto const in_rcpt = [](auto set) {
        return [set](command_writer& w, std::string s) {
            rcpt_parameters p;
            set(p, s);
            return w.rcpt(address("a@b"), p, true);
        };
    };
    std::vector<target> const targets = {
        {"ehlo", [](auto& w, std::string s) { return w.ehlo(s); }},
        {"helo", [](auto& w, std::string s) { return w.helo(s); }},
        {"lhlo", [](auto& w, std::string s) { return w.lhlo(s); }},
        {"noop", [](auto& w, std::string s) { return w.noop(s); }},
        {"help", [](auto& w, std::string s) { return w.help(s); }},
        {"vrfy", [](auto& w, std::string s) { return w.vrfy(s); }},
        {"vrfy utf8", [](auto& w, std::string s) { return w.vrfy(s, true); }},
        {"expn", [](auto& w, std::string s) { return w.expn(s); }},
        {"etrn", [](auto& w, std::string s) { return w.etrn(s); }},
        {"raw", [](auto& w, std::string s) { return w.raw(s); }},
        {"raw utf8", [](auto& w, std::string s) { return w.raw(s, true); }},
        {"auth", [](auto& w, std::string s) { return w.auth(s); }},
        {"auth with response", [](auto& w, std::string s) { return w.auth(s, "x"); }},
        {"xclient name",
         [](auto& w, std::string s) {
             smtp::proxy_attribute const a[] = {{s, "x"}};
             return w.xclient(a);
         }},
        {"xclient value",
         [](auto& w, std::string s) {
             smtp::proxy_attribute const a[] = {{"NAME", s}};
             return w.xclient(a);
         }},
        {"xforward value",
         [](auto& w, std::string s) {
             smtp::proxy_attribute const a[] = {{"NAME", s}};
             return w.xforward(a);
         }},
        {"envid", in_mail([](auto& p, std::string s) { p.envid = s; })},
        {"hold until",
         in_mail([](auto& p, std::string s) { p.hold_until = "2026-08-21T10:20:30" + s.substr(2); })},
        {"extra keyword", in_mail([](auto& p, std::string s) { p.extra.emplace_back(s); })},
        {"extra value", in_mail([](auto& p, std::string s) { p.extra.emplace_back("X", s); })},
        {"extra utf8 value", in_mail([](auto& p, std::string s) {
             p.smtputf8 = true;
             p.extra.emplace_back("X", s);
         })},
        {"orcpt", in_rcpt([](auto& p, std::string s) { p.orcpt = smtp::original_recipient(s); })},
        {"orcpt utf-8",
         in_rcpt([](auto& p, std::string s) { p.orcpt = smtp::original_recipient("utf-8", s); })},
        {"orcpt type", in_rcpt([](auto& p, std::string s) { p.orcpt = smtp::original_recipient(s, "x"); })},
        {"rrvs", in_rcpt([](auto& p, std::string s) {
             p.valid_since = smtp::require_valid_since("2026-08-21T10:20:30" + s.substr(2));
         })},
        {"rcpt extra", in_rcpt([](auto& p, std::string s) { p.extra.emplace_back("X", s); })},
    };
    for (auto const& t : targets)
    {
        CAPTURE(t.name);
        for (int octet = 0; octet < 128; octet = octet == 31 ? 127 : octet + 1)
            for (std::size_t at = 0; at <= 3; ++at)
            {
                std::string text = "abZ";
                text.insert(at, 1, static_cast<char>(octet));
                CAPTURE(octet);
                auto const l = write([&](command_writer& w) { return t.call(w, text); });
                REQUIRE(l.ec);
                REQUIRE(l.ec.category() == smtp::category());
            }
    }
}

TEST_CASE("8-bit octets leave only where SMTPUTF8 is in effect, and only as UTF-8")
{
    using w          = command_writer;
    auto const utf8  = std::string("Jo\xc3\xab");
    auto const bytes = std::string("Jo\xeb");
    CHECK(write([&](w& c) { return c.vrfy(utf8); }).ec == errc::smtputf8_required);
    CHECK(write([&](w& c) { return c.vrfy(bytes, true); }).ec == errc::bad_argument);
    CHECK(write([&](w& c) { return c.vrfy("\xc2\x9b", true); }).ec == errc::bad_argument);
    CHECK(write([&](w& c) { return c.raw(utf8); }).ec == errc::smtputf8_required);
    CHECK(write([&](w& c) { return c.raw(utf8, true); }).text == utf8);
    CHECK(write([&](w& c) { return c.noop(utf8); }).ec == errc::smtputf8_required);
    CHECK(write([&](w& c) { return c.ehlo(utf8); }).ec == errc::bad_ehlo_name);

    reverse_path const from("\xd0\xb8@b");
    CHECK(mail({}, from).ec == errc::smtputf8_required);
    CHECK(mail(mail_with([](auto& p) { p.smtputf8 = true; }), from).text ==
          "MAIL FROM:<\xd0\xb8@b> SMTPUTF8");
    address const to("a@\xd0\xb8");
    CHECK(write([&](w& c) { return c.rcpt(to); }).ec == errc::smtputf8_required);
    CHECK(write([&](w& c) { return c.rcpt(to, {}, true); }).text == "RCPT TO:<a@\xd0\xb8>");
    CHECK(mail(mail_with([](auto& p) { p.extra.emplace_back("X", "\xd0\xb8"); })).ec ==
          errc::smtputf8_required);
}

TEST_CASE("EHLO names are validated")
{
    for (std::string_view const bad : {"", "my_host", "a b", "-a", "a..b", "[1.2.3]", "::1"})
    {
        CAPTURE(bad);
        auto const l = write([&](command_writer& w) { return w.ehlo(bad); });
        CHECK(l.ec == errc::bad_ehlo_name);
    }
    CHECK(write([](command_writer& w) { return w.ehlo("my_host"); }).detail == "an underscore in the domain");
}

TEST_CASE("a sender needs a domain") { CHECK(mail({}, address::postmaster()).ec == errc::bad_address); }

TEST_CASE("parameters of MAIL")
{
    struct
    {
        mail_parameters p;
        char const*     expected;
    } const cases[] = {
        {{}, ""},
        {mail_with([](auto& p) { p.size = 0; }), " SIZE=0"},
        {mail_with([](auto& p) { p.size = UINT64_MAX; }), " SIZE=18446744073709551615"},
        {mail_with([](auto& p) { p.body = smtp::body_type::seven_bit; }), " BODY=7BIT"},
        {mail_with([](auto& p) { p.body = smtp::body_type::eight_bit; }), " BODY=8BITMIME"},
        {mail_with([](auto& p) { p.body = smtp::body_type::binary; }), " BODY=BINARYMIME"},
        {mail_with([](auto& p) { p.smtputf8 = true; }), " SMTPUTF8"},
        {mail_with([](auto& p) { p.ret = smtp::return_content::full; }), " RET=FULL"},
        {mail_with([](auto& p) { p.ret = smtp::return_content::headers; }), " RET=HDRS"},
        {mail_with([](auto& p) { p.envid = "a+b=c d"; }), " ENVID=a+2Bb+3Dc+20d"},
        {mail_with([](auto& p) { p.auth = reverse_path(); }), " AUTH=<>"},
        {mail_with([](auto& p) { p.auth = reverse_path("e+mc2=x@b"); }), " AUTH=e+2Bmc2+3Dx@b"},
        {mail_with([](auto& p) { p.require_tls = true; }), " REQUIRETLS"},
        {mail_with([](auto& p) { p.mt_priority = -9; }), " MT-PRIORITY=-9"},
        {mail_with([](auto& p) { p.mt_priority = 0; }), " MT-PRIORITY=0"},
        {mail_with([](auto& p) {
             p.by          = smtp::deliver_by();
             p.by->seconds = 120;
         }),
         " BY=120;R"},
        {mail_with([](auto& p) {
             p.by          = smtp::deliver_by();
             p.by->seconds = -999999999;
             p.by->mode    = smtp::deliver_by::on_failure::notify_delay;
             p.by->trace   = true;
         }),
         " BY=-999999999;NT"},
        {mail_with([](auto& p) { p.hold_for = 999999999; }), " HOLDFOR=999999999"},
        {mail_with([](auto& p) { p.hold_until = "2026-02-28T23:59:60.5+01:00"; }),
         " HOLDUNTIL=2026-02-28T23:59:60.5+01:00"},
        {mail_with([](auto& p) {
             p.extra.emplace_back("X-ONE");
             p.extra.emplace_back("2", "a;b<c>");
         }),
         " X-ONE 2=a;b<c>"},
        {mail_with([](auto& p) {
             p.size        = 10;
             p.body        = smtp::body_type::eight_bit;
             p.smtputf8    = true;
             p.ret         = smtp::return_content::headers;
             p.envid       = "id";
             p.auth        = reverse_path();
             p.require_tls = true;
             p.mt_priority = 3;
         }),
         " SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id AUTH=<> REQUIRETLS MT-PRIORITY=3"},
    };
    for (auto const& c : cases)
        CHECK(mail(c.p).text == "MAIL FROM:<a@b>" + std::string(c.expected));
}

TEST_CASE("parameters of MAIL outside of their range are refused")
{
    mail_parameters const cases[] = {
        mail_with([](auto& p) { p.envid = std::string(101, 'x'); }),
        mail_with([](auto& p) { p.envid = std::string(34, '+'); }),
        mail_with([](auto& p) { p.envid = "\xc3\xa9"; }),
        mail_with([](auto& p) { p.mt_priority = 10; }),
        mail_with([](auto& p) { p.mt_priority = -10; }),
        mail_with([](auto& p) { p.by = smtp::deliver_by(); }),
        mail_with([](auto& p) {
            p.by          = smtp::deliver_by();
            p.by->seconds = 1000000000;
        }),
        mail_with([](auto& p) {
            p.by          = smtp::deliver_by();
            p.by->seconds = INT64_MIN;
            p.by->mode    = smtp::deliver_by::on_failure::notify_delay;
        }),
        mail_with([](auto& p) { p.hold_for = 0; }),
        mail_with([](auto& p) { p.hold_for = 1000000000; }),
        mail_with([](auto& p) {
            p.hold_for   = 1;
            p.hold_until = "2026-08-21T10:20:30Z";
        }),
        mail_with([](auto& p) { p.extra.emplace_back(""); }),
        mail_with([](auto& p) { p.extra.emplace_back("-X"); }),
        mail_with([](auto& p) { p.extra.emplace_back("X Y"); }),
        mail_with([](auto& p) { p.extra.emplace_back("X=Y"); }),
        mail_with([](auto& p) { p.extra.emplace_back("X", ""); }),
        mail_with([](auto& p) { p.extra.emplace_back("X", "a b"); }),
        mail_with([](auto& p) { p.extra.emplace_back("X", "a=b"); }),
        mail_with([](auto& p) {
            p.size = 1;
            p.extra.emplace_back("size", "2");
        }),
        mail_with([](auto& p) {
            p.extra.emplace_back("X");
            p.extra.emplace_back("x", "2");
        }),
    };
    int index = 0;
    for (auto const& p : cases)
    {
        CAPTURE(index++);
        CHECK(mail(p).ec == errc::bad_parameter);
    }
}

TEST_CASE("dates are those of RFC 3339 and of the calendar")
{
    auto const valid = [](std::string date) {
        return !mail(mail_with([&](auto& p) { p.hold_until = date; })).ec;
    };
    CHECK(valid("2026-08-21T10:20:30Z"));
    CHECK(valid("2024-02-29T00:00:00-12:30"));
    CHECK(valid("2000-02-29T00:00:00Z"));
    CHECK(valid("2026-08-21T10:20:30.123456Z"));
    for (char const* const date : {"2026-08-21",
                                   "2026-08-21T10:20:30",
                                   "2026-08-21 10:20:30Z",
                                   "2026-13-01T10:20:30Z",
                                   "2026-00-01T10:20:30Z",
                                   "2026-04-31T10:20:30Z",
                                   "2023-02-29T10:20:30Z",
                                   "1900-02-29T10:20:30Z",
                                   "2026-08-00T10:20:30Z",
                                   "2026-08-21T24:20:30Z",
                                   "2026-08-21T10:60:30Z",
                                   "2026-08-21T10:20:61Z",
                                   "2026-08-21T10:20:30z",
                                   "2026-08-21T10:20:30.Z",
                                   "2026-08-21T10:20:30+0100",
                                   "2026-08-21T10:20:30+24:00",
                                   "2026-08-21T10:20:30+01:60",
                                   "2026-08-21T10:20:30ZZ",
                                   "x026-08-21T10:20:30Z",
                                   "2026-08-21T10:20:30.12345678901234567890123456789012345678901234567890Z"})
    {
        CAPTURE(date);
        CHECK_FALSE(valid(date));
    }
}

TEST_CASE("parameters of RCPT")
{
    using smtp::notify;
    auto const with_notify = [](notify n) { return rcpt(rcpt_with([&](auto& p) { p.notify_on = n; })); };
    CHECK(with_notify(notify::never).text == "RCPT TO:<a@b> NOTIFY=NEVER");
    CHECK(with_notify(notify::delay).text == "RCPT TO:<a@b> NOTIFY=DELAY");
    CHECK(with_notify(notify::success | notify::failure | notify::delay).text ==
          "RCPT TO:<a@b> NOTIFY=SUCCESS,FAILURE,DELAY");
    CHECK(with_notify(notify::never | notify::delay).ec == errc::bad_parameter);
    CHECK(with_notify(static_cast<notify>(16)).ec == errc::bad_parameter);

    auto const orcpt = [](std::string type, std::string text, bool utf8 = false) {
        return rcpt(rcpt_with([&](auto& p) { p.orcpt = smtp::original_recipient(type, text); }), utf8);
    };
    CHECK(orcpt("", "a+b@c").text == "RCPT TO:<a@b> ORCPT=rfc822;a+2Bb@c");
    CHECK(orcpt("x400", "a b").text == "RCPT TO:<a@b> ORCPT=x400;a+20b");
    CHECK(orcpt("", "\xd0\xb8@c").text == "RCPT TO:<a@b> ORCPT=utf-8;\\x{438}@c");
    CHECK(orcpt("", "\xd0\xb8+@c", true).text == "RCPT TO:<a@b> ORCPT=utf-8;\xd0\xb8\\x{2B}@c");
    CHECK(orcpt("UTF-8", "a@c").text == "RCPT TO:<a@b> ORCPT=UTF-8;a@c");
    CHECK(orcpt("rfc822", "\xd0\xb8@c", true).ec == errc::bad_parameter);
    CHECK(orcpt("utf-8", "\xff@c", true).ec == errc::bad_parameter);
    CHECK(orcpt("", "").ec == errc::bad_parameter);
    CHECK(orcpt("rfc;822", "a").ec == errc::bad_parameter);
    CHECK_FALSE(orcpt("", std::string(493, 'x')).ec);
    CHECK(orcpt("", std::string(494, 'x')).ec == errc::bad_parameter);
    CHECK(orcpt("", std::string(200, '=')).ec == errc::bad_parameter);

    auto const rrvs = [](smtp::require_valid_since::action a) {
        return rcpt(rcpt_with(
            [&](auto& p) { p.valid_since = smtp::require_valid_since("2014-04-03T23:01:00Z", a); }));
    };
    using action = smtp::require_valid_since::action;
    CHECK(rrvs(action::unspecified).text == "RCPT TO:<a@b> RRVS=2014-04-03T23:01:00Z");
    CHECK(rrvs(action::proceed).text == "RCPT TO:<a@b> RRVS=2014-04-03T23:01:00Z;C");
    CHECK(rrvs(action::reject).text == "RCPT TO:<a@b> RRVS=2014-04-03T23:01:00Z;R");
    CHECK(rcpt(rcpt_with([](auto& p) { p.valid_since = smtp::require_valid_since("yesterday"); })).ec ==
          errc::bad_parameter);
    CHECK(rcpt(rcpt_with([](auto& p) { p.extra.emplace_back("X", "y"); })).text == "RCPT TO:<a@b> X=y");
    CHECK(rcpt(rcpt_with([](auto& p) {
              p.notify_on = notify::never;
              p.extra.emplace_back("NOTIFY", "SUCCESS");
          })).ec == errc::bad_parameter);
}

TEST_CASE("XCLIENT and XFORWARD encode their values")
{
    smtp::proxy_attribute const attributes[] = {{"NAME", "a b=c"}, {"ADDR", ""}, {"LOGIN", "\xc3\xa9"}};
    CHECK(write([&](command_writer& w) { return w.xclient(attributes); }).text ==
          "XCLIENT NAME=a+20b+3Dc ADDR=[UNAVAILABLE] LOGIN=+C3+A9");
    CHECK(write([&](command_writer& w) { return w.xforward(attributes); }).text.substr(0, 13) ==
          "XFORWARD NAME");
    CHECK(write([](command_writer& w) { return w.xclient({}); }).ec == errc::bad_argument);
    std::string const           huge(200, '=');
    smtp::proxy_attribute const long_one[] = {{"NAME", huge}};
    CHECK(write([&](command_writer& w) { return w.xclient(long_one); }).ec == errc::line_too_long);
}

TEST_CASE("lines end at 512 octets plus what extensions allow")
{
    using w = command_writer;
    CHECK(write([](w& c) { return c.noop(std::string(505, 'x')); }).text.size() == 510);
    CHECK(write([](w& c) { return c.noop(std::string(506, 'x')); }).ec == errc::line_too_long);
    CHECK(write([](w& c) { return c.raw(std::string(510, 'x')); }).text.size() == 510);
    CHECK(write([](w& c) { return c.raw(std::string(511, 'x')); }).ec == errc::line_too_long);
    CHECK_FALSE(write([](w& c) { return c.raw(std::string(998, 'x'), false, 1000); }).ec);
    CHECK(write([](w& c) { return c.raw(std::string(10000000, 'x')); }).ec == errc::line_too_long);
    CHECK(write([](w& c) { return c.noop(std::string(10000000, 'x')); }).ec == errc::line_too_long);

    smtp::address_options relaxed;
    relaxed.max_local_part = 2000;
    relaxed.max_size       = 2000;
    address const longest(std::string(496, 'x') + "@b", relaxed); // "RCPT TO:<", ">", CRLF: 510
    CHECK_FALSE(write([&](w& c) { return c.rcpt(longest); }).ec);
    address const too_long(std::string(499, 'x') + "@b", relaxed);
    CHECK(write([&](w& c) { return c.rcpt(too_long); }).ec == errc::line_too_long);
    CHECK(write([&](w& c) { return c.mail(too_long); }).ec == errc::line_too_long);

    // The longest mail that uses everything at once fits.
    mail_parameters p;
    p.size        = UINT64_MAX;
    p.body        = smtp::body_type::binary;
    p.smtputf8    = true;
    p.ret         = smtp::return_content::full;
    p.envid       = std::string(100, 'x');
    p.auth        = reverse_path(address("\"" + std::string(62, ' ') + "\"@" + std::string(60, 'b')));
    p.require_tls = true;
    p.mt_priority = -9;
    p.by          = smtp::deliver_by();
    p.by->seconds = 999999999;
    p.hold_until  = "2026-08-21T10:20:30Z";
    p.extra.emplace_back("X", std::string(1000, 'x'));
    CHECK_FALSE(mail(p, reverse_path(address(std::string(64, 'a') + "@" + std::string(63, 'b')))).ec);
    p.extra.emplace_back("Y", std::string(5000, 'x'));
    CHECK(mail(p).ec == errc::line_too_long);
}

TEST_CASE("commands follow each other in one buffer, and nothing is allocated while it has room")
{
    posthorn::byte_buffer buffer;
    buffer.prepare(64 * 1024);
    auto const      capacity = buffer.capacity();
    command_writer  writer(buffer);
    address const   a("someone@example.com");
    mail_parameters p;
    p.size = 1000;
    for (int i = 0; i < 1000; ++i)
    {
        buffer.clear();
        REQUIRE_FALSE(writer.mail(a, p));
        for (int k = 0; k < 10; ++k)
            REQUIRE_FALSE(writer.rcpt(a));
        REQUIRE_FALSE(writer.data());
    }
    CHECK(buffer.capacity() == capacity);
    CHECK(buffer.data().substr(0, 44) == "MAIL FROM:<someone@example.com> SIZE=1000\r\nR");
    CHECK(writer.noop("\n") == errc::bad_argument);
    CHECK(writer.detail() == "a control character in an argument");
    CHECK(writer.last_verb() == smtp::verb::data);
    CHECK(writer.last_line() == "DATA\r\n");
}

TEST_CASE("the line written last is described without what AUTH carries")
{
    posthorn::byte_buffer buffer;
    command_writer        writer(buffer);
    REQUIRE_FALSE(writer.auth("PLAIN", "secret"));
    CHECK(writer.describe_last() == "AUTH PLAIN ***");
    REQUIRE_FALSE(writer.auth_response("secret"));
    CHECK(writer.describe_last() == "***");
}

TEST_SUITE_END();
