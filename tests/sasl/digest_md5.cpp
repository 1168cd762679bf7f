//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/sasl/digest_md5.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <system_error>

using namespace posthorn;
using sasl::digest_md5;

TEST_SUITE_BEGIN("sasl/digest_md5");

namespace {

constexpr char const* challenge =
    "realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",algorithm=md5-sess,charset=utf-8";

digest_md5 chris()
{
    return digest_md5(sasl::credentials("chris", secret_string("secret")), "imap", "elwood.innosoft.com", "OA6MHXh6VqTrRk");
}

std::error_code refusal(std::string_view text)
{
    auto m = chris();
    m.initial_response();
    try
    {
        m.respond(text);
    }
    catch (error const& e)
    {
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("the exchange of RFC 2831, 4")
{
    auto m = chris();
    CHECK(m.name() == "DIGEST-MD5");
    CHECK_FALSE(m.initial_response());
    CHECK(m.respond(challenge).view() ==
          "charset=utf-8,username=\"chris\",realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",nc=00000001,"
          "cnonce=\"OA6MHXh6VqTrRk\",digest-uri=\"imap/elwood.innosoft.com\","
          "response=d388dad90d4bbd760a152321f2143af7,qop=auth");
    CHECK_FALSE(m.satisfied());
    CHECK(m.respond("rspauth=ea40f60335c427b5527b84dbabcdfffd").view() == "");
    CHECK(m.satisfied());
    CHECK_THROWS_AS(m.respond(""), error);
}

TEST_CASE("a server that does not know the password is found out")
{
    for (auto const wrong : {"rspauth=ea40f60335c427b5527b84dbabcdfffe", "rspauth=", "", "other=1"})
    {
        auto m = chris();
        m.initial_response();
        m.respond(challenge);
        try
        {
            m.respond(wrong);
            FAIL("believed");
        }
        catch (error const& e)
        {
            CHECK(e.code() == sasl::errc::server_not_verified);
        }
        CHECK_FALSE(m.satisfied());
    }
}

TEST_CASE("challenges that make no sense are refused")
{
    for (auto const text :
         {"", "nonce", "=x", "nonce=\"x", "nonce=\"x\",algorithm=md5", "algorithm=md5-sess",
          "nonce=\"x\",algorithm=md5-sess,qop=\"auth-conf\"", "nonce=\"x\",nonce=\"y\",algorithm=md5-sess",
          "nonce=\"x\x01\",algorithm=md5-sess"})
    {
        CAPTURE(std::string(text));
        CHECK(refusal(text) == sasl::errc::bad_challenge);
    }
    CHECK(refusal(std::string(9000, ',')) == sasl::errc::bad_challenge);
    CHECK_FALSE(refusal("nonce=\"x\",algorithm=md5-sess,realm=\"a\",realm=\"b\",maxbuf=65536,cipher=\"rc4\""));
}

TEST_CASE("quotes are escaped, and Latin-1 names are hashed as such")
{
    digest_md5 m(sasl::credentials("a\"b\\c", secret_string("x")), "smtp", "h", "c");
    m.initial_response();
    auto const response = std::string(m.respond("nonce=\"n\\\"n\",algorithm=md5-sess,charset=utf-8").view());
    CHECK(response.find("username=\"a\\\"b\\\\c\"") != response.npos);
    CHECK(response.find("nonce=\"n\\\"n\"") != response.npos);
    CHECK(response.find("realm") == response.npos);
    // The same person, whichever way the names travel.
    std::string answers[2];
    for (int i = 0; i != 2; ++i)
    {
        digest_md5 u(sasl::credentials("\xc3\xbc", secret_string("\xc3\xa4")), "smtp", "h", "c");
        u.initial_response();
        auto const r = std::string(
            u.respond(i == 0 ? "nonce=\"n\",algorithm=md5-sess,charset=utf-8" : "nonce=\"n\",algorithm=md5-sess").view());
        answers[i] = r.substr(r.find("response="), 41);
        CHECK((r.find("\xc3\xbc") != r.npos) == (i == 0));
    }
    CHECK(answers[0] == answers[1]);
}

TEST_SUITE_END();
