//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/capabilities.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace smtp = posthorn::smtp;
using smtp::feature;

namespace {

/// From the keyword lines only.
smtp::capabilities offered(std::string_view lines)
{
    return smtp::capabilities(smtp::reply(250, "mx.example greets you\n" + std::string(lines)));
}

std::vector<std::string> mechanisms(smtp::capabilities const& c)
{
    return {c.auth_mechanisms().begin(), c.auth_mechanisms().end()};
}

using list = std::vector<std::string>;

} // namespace

TEST_SUITE_BEGIN("smtp/capabilities");

TEST_CASE("the first line is the server's name and never a keyword")
{
    smtp::capabilities const c(smtp::reply(250, "PIPELINING STARTTLS AUTH PLAIN\nSIZE"));
    CHECK(c.server_name() == "PIPELINING");
    CHECK(c.greeting() == "STARTTLS AUTH PLAIN");
    CHECK_FALSE(c.has(feature::pipelining));
    CHECK(c.auth_mechanisms().empty());
    CHECK(c.keywords().size() == 1);
    CHECK(c.has(feature::size));
    CHECK(c.extended());
}

TEST_CASE("a server can offer nothing")
{
    smtp::capabilities const c(smtp::reply(250, "mx.example"));
    CHECK(c.server_name() == "mx.example");
    CHECK(c.greeting().empty());
    CHECK(c.keywords().empty());
    CHECK(c.extended());
    CHECK(smtp::capabilities().keywords().empty());
    CHECK_FALSE(smtp::capabilities().extended());
    CHECK(smtp::capabilities(smtp::reply()).server_name().empty());
}

TEST_CASE("HELO gives no extensions, whatever the answer says")
{
    auto const c = smtp::capabilities::from_helo(smtp::reply(250, "mx.example\nPIPELINING\nAUTH PLAIN"));
    CHECK(c.server_name() == "mx.example");
    CHECK_FALSE(c.extended());
    CHECK(c.keywords().empty());
    CHECK_FALSE(c.has(feature::pipelining));
}

TEST_CASE("every known keyword is found whatever its case")
{
    for (unsigned i = 0; i <= static_cast<unsigned>(feature::x_exps); ++i)
    {
        auto const f    = static_cast<feature>(i);
        auto const name = smtp::keyword(f);
        CAPTURE(name);
        CHECK_FALSE(name.empty());
        for (auto const& spelled : {std::string(name), posthorn::ascii::to_lower(name)})
        {
            auto const c = offered(spelled + " some text");
            CHECK(c.has(f));
            CHECK(c.has(name));
            CHECK(c.parameters(f) == "some text");
            REQUIRE(c.keywords().size() == 1);
            CHECK(c.keywords()[0].keyword == spelled);
            for (unsigned k = 0; k <= static_cast<unsigned>(feature::x_exps); ++k)
                CHECK(c.has(static_cast<feature>(k)) == (k == i));
        }
    }
}

TEST_CASE("Postfix")
{
    auto const c = offered("PIPELINING\nSIZE 10240000\nVRFY\nETRN\nSTARTTLS\nAUTH DIGEST-MD5 PLAIN\n"
                           "AUTH=DIGEST-MD5 PLAIN\nENHANCEDSTATUSCODES\n8BITMIME\nDSN\nSMTPUTF8\nCHUNKING\n"
                           "XCLIENT NAME addr PORT\nXFORWARD NAME ADDR");
    for (auto const f : {feature::pipelining, feature::size, feature::vrfy, feature::etrn, feature::starttls,
                         feature::auth, feature::enhanced_status_codes, feature::eight_bit_mime, feature::dsn,
                         feature::smtputf8, feature::chunking, feature::xclient, feature::xforward})
        CHECK(c.has(f));
    CHECK_FALSE(c.has(feature::binarymime));
    CHECK(c.max_size() == std::uint64_t{10240000});
    CHECK(mechanisms(c) == list{"DIGEST-MD5", "PLAIN"});
    CHECK(c.attributes(feature::xclient) == list{"NAME", "ADDR", "PORT"});
    CHECK(c.attributes(feature::xforward) == list{"NAME", "ADDR"});
    CHECK(c.attributes(feature::limits).empty());
}

TEST_CASE("Exchange")
{
    auto const c =
        offered("SIZE 37748736\nPIPELINING\nDSN\nENHANCEDSTATUSCODES\nSTARTTLS\nX-ANONYMOUSTLS\n"
                "AUTH NTLM LOGIN\nX-EXPS GSSAPI NTLM\n8BITMIME\nBINARYMIME\nCHUNKING\nXEXCH50\nXRDST\n"
                "XSHADOWREQUEST");
    CHECK(c.has(feature::x_exps));
    CHECK(c.has("XEXCH50"));
    CHECK(c.has("x-anonymoustls"));
    CHECK(c.has(feature::binarymime));
    CHECK(mechanisms(c) == list{"NTLM", "LOGIN", "GSSAPI"});
    CHECK(offered("X-EXPS=LOGIN").has_auth("login"));
}

TEST_CASE("Gmail")
{
    auto const c =
        offered("SIZE 35882577\n8BITMIME\nAUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH\n"
                "ENHANCEDSTATUSCODES\nPIPELINING\nCHUNKING\nSMTPUTF8");
    CHECK(c.has_auth("xoauth2"));
    CHECK(c.has_auth("OAUTHBEARER"));
    CHECK_FALSE(c.has_auth("XOAUTH3"));
    CHECK(c.auth_mechanisms().size() == 6);
    CHECK_FALSE(c.has(feature::starttls));
}

TEST_CASE("Yahoo's 8BITMIME with a space")
{
    for (char const* const line : {"8 BITMIME", "8 bitmime"})
    {
        auto const c = offered(line);
        CHECK(c.has(feature::eight_bit_mime));
        CHECK(c.has("8BITMIME"));
        CHECK(c.keywords()[0].parameters.empty());
    }
    CHECK_FALSE(offered("8 BITS").has(feature::eight_bit_mime));
}

TEST_CASE("keywords nobody knows stay visible, in order, legal or not")
{
    auto const c = offered("263.net\nX-A  b  c \nx-a again\n\n  XB\tc\n=\nFOO=BAR");
    REQUIRE(c.keywords().size() == 6);
    CHECK(c.keywords()[0].keyword == "263.net");
    CHECK(c.keywords()[1].keyword == "X-A");
    CHECK(c.keywords()[1].parameters == "b  c");
    CHECK(c.keywords()[3].keyword == "XB");
    CHECK(c.keywords()[3].parameters == "c");
    CHECK(c.keywords()[5].keyword == "FOO=BAR");
    CHECK(c.has("263.NET"));
    REQUIRE(c.find("X-a"));
    CHECK(c.find("X-a")->parameters == "b  c");
    CHECK(c.find("nothing") == nullptr);
}

TEST_CASE("sizes that are no number, or too large, are no limit")
{
    struct
    {
        char const*                  line;
        std::optional<std::uint64_t> expected;
    } const cases[] = {
        {"SIZE", {}},
        {"SIZE 0", {}},
        {"SIZE 000", {}},
        {"SIZE 1", 1},
        {"size 052428800", 52428800},
        {"SIZE=1000", 1000},
        {"SIZE 1000 2000", 1000},
        {"SIZE  1000 ", 1000},
        {"SIZE 18446744073709551615", 18446744073709551615U},
        {"SIZE 18446744073709551616", {}},
        {"SIZE 18446744073709551617", {}},
        {"SIZE 18446744073709551625", {}},
        {"SIZE 99999999999999999999", {}},
        {"SIZE 184467440737095516150000000001", {}},
        {"SIZE -1", {}},
        {"SIZE +1", {}},
        {"SIZE 10M", {}},
        {"SIZE 0x10", {}},
        {"SIZE unlimited", {}},
        {"SIZE 1000\nSIZE 5", 1000},
        {"XSIZE 5", {}},
        {"PIPELINING", {}},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.line);
        CHECK(offered(c.line).max_size() == c.expected);
    }
}

TEST_CASE("mechanisms are merged, and what cannot be a name is dropped")
{
    struct
    {
        char const* lines;
        list        expected;
    } const cases[] = {
        {"AUTH", {}},
        {"AUTH=", {}},
        {"AUTH PLAIN", {"PLAIN"}},
        {"auth plain login", {"PLAIN", "LOGIN"}},
        {"AUTH=PLAIN", {"PLAIN"}},
        {"AUTH=PLAIN LOGIN", {"PLAIN", "LOGIN"}},
        {"AUTH= PLAIN", {"PLAIN"}},
        {"AUTH =PLAIN", {}},
        {"AUTH PLAIN\nAUTH=LOGIN PLAIN", {"PLAIN", "LOGIN"}},
        {"AUTH  PLAIN\tLOGIN ", {"PLAIN", "LOGIN"}},
        {"AUTH SCRAM-SHA-256-PLUS", {"SCRAM-SHA-256-PLUS"}},
        {"AUTH A23456789012345678901 PLAIN", {"PLAIN"}},
        {"AUTH PL\x01IN \xc3\xa9 a.b <x> LOGIN", {"LOGIN"}},
        {"AUTHPLAIN", {}},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.lines);
        CHECK(mechanisms(offered(c.lines)) == c.expected);
    }
}

TEST_CASE("LIMITS is read and defects of it are not")
{
    auto const l = offered("LIMITS MAILMAX=10 rcptmax=20 RCPTDOMAINMAX=1 OTHER=5").limits();
    CHECK(l.mail_max == std::uint64_t{10});
    CHECK(l.rcpt_max == std::uint64_t{20});
    CHECK(l.rcpt_domain_max == std::uint64_t{1});
    auto const bad =
        offered("LIMITS MAILMAX=0 RCPTMAX=99999999999999999999 RCPTDOMAINMAX= = MAILMAX RCPTMAX=x").limits();
    CHECK_FALSE(bad.mail_max);
    CHECK_FALSE(bad.rcpt_max);
    CHECK_FALSE(bad.rcpt_domain_max);
}

TEST_CASE("the parameters of the other extensions")
{
    auto const c = offered("DELIVERBY 240\nFUTURERELEASE 86400 2026-12-31T23:59:59Z\nMT-PRIORITY MIXER");
    CHECK(c.min_deliver_by() == 240);
    CHECK(c.future_release().max_interval == 86400);
    CHECK(c.future_release().max_date_time == "2026-12-31T23:59:59Z");
    CHECK(c.mt_priority_profile() == "MIXER");
    auto const bare = offered("DELIVERBY\nFUTURERELEASE x\nMT-PRIORITY");
    CHECK(bare.min_deliver_by() == 0);
    CHECK(bare.future_release().max_interval == 0);
    CHECK(bare.future_release().max_date_time.empty());
    CHECK(bare.mt_priority_profile().empty());
    CHECK(offered("DELIVERBY 99999999999999999999").min_deliver_by() == 0);
    CHECK(offered("X_PIPE_CONNECT").has(feature::pipe_connect));
    CHECK(offered("X_PIPE_CONNECT").has("PIPECONNECT"));
}

TEST_CASE("a masked feature is not there, and the mask outlives the next EHLO")
{
    auto c = offered("PIPELINING\nAUTH PLAIN\nSIZE 10\nLIMITS RCPTMAX=1");
    for (auto const f : {feature::pipelining, feature::auth, feature::size, feature::limits})
        c.disable(f);
    CHECK_FALSE(c.has(feature::pipelining));
    CHECK_FALSE(c.has("pipelining"));
    CHECK(c.disabled(feature::pipelining));
    CHECK(c.auth_mechanisms().empty());
    CHECK_FALSE(c.has_auth("PLAIN"));
    CHECK_FALSE(c.max_size());
    CHECK_FALSE(c.limits().rcpt_max);
    CHECK(c.keywords().size() == 4);

    c.assign(smtp::reply(250, "mx.example\nPIPELINING\nCHUNKING"), true);
    CHECK_FALSE(c.has(feature::pipelining));
    CHECK(c.has(feature::chunking));
    c.enable(feature::pipelining);
    CHECK(c.has(feature::pipelining));
}

TEST_CASE("a new reply replaces everything")
{
    auto c = offered("PIPELINING\nAUTH PLAIN\nSIZE 10\nX-MORE");
    c.assign(smtp::reply(250, "other.example\nDSN"), true);
    CHECK(c.server_name() == "other.example");
    CHECK_FALSE(c.has(feature::pipelining));
    CHECK(c.auth_mechanisms().empty());
    CHECK_FALSE(c.max_size());
    CHECK_FALSE(c.has("X-MORE"));
    CHECK(c.has(feature::dsn));
}

TEST_CASE("no more keywords are kept than the limit")
{
    std::string lines;
    for (int i = 0; i < 200; ++i)
        lines += "X-" + std::to_string(i) + "\n";
    auto const c = offered(lines);
    CHECK(c.keywords().size() == smtp::capabilities::max_keywords);
    CHECK(c.has("X-127"));
    CHECK_FALSE(c.has("X-128"));
}

TEST_SUITE_END();
