//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/sasl/oauth.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace posthorn;

TEST_SUITE_BEGIN("sasl/oauth");

namespace {

sasl::credentials somebody(std::string user, std::string_view token)
{
    sasl::credentials c;
    c.user  = std::move(user);
    c.token = secret_string(token);
    return c;
}

} // namespace

TEST_CASE("XOAUTH2 sends user and token, and an empty answer to an error")
{
    sasl::xoauth2 m(somebody("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"));
    CHECK(m.name() == "XOAUTH2");
    CHECK(m.plaintext());
    CHECK(m.initial_response()->view() ==
          "user=someuser@example.com\001auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\001\001");
    CHECK(m.respond("{\"status\":\"401\"}").view() == "");
    CHECK(m.problem() == "{\"status\":\"401\"}");
    CHECK_THROWS_AS(m.respond("{}"), error);
}

TEST_CASE("OAUTHBEARER of RFC 7628, 4.1, with a single octet 1 after an error")
{
    sasl::oauthbearer m(somebody("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="), "server.example.com",
                        143);
    CHECK(m.name() == "OAUTHBEARER");
    CHECK(m.initial_response()->view() == "n,a=user@example.com,\001host=server.example.com\001port=143\001auth=Bearer "
                                          "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\001\001");
    CHECK(m.respond("{\"status\":\"invalid_token\"}").view() == "\001");
    sasl::oauthbearer short_form(somebody("", "t"), "", 0);
    CHECK(short_form.initial_response()->view() == "n,,\001auth=Bearer t\001\001");
    sasl::oauthbearer escaped(somebody("a,b=c", "t"), "", 0);
    CHECK(escaped.initial_response()->view() == "n,a=a=2Cb=3Dc,\001auth=Bearer t\001\001");
}

TEST_CASE("a server that skips the initial response gets it after an empty challenge")
{
    sasl::xoauth2 m(somebody("u", "t"));
    CHECK(m.respond("").view() == "user=u\001auth=Bearer t\001\001");
    CHECK_THROWS_AS(m.respond(""), error);
}

TEST_CASE("what would break the message is refused, and the token is never in the error")
{
    for (auto const token : {"", "a b", "a\001b", "a\nb", "t\xc3\xa4", "a,b"})
    {
        sasl::xoauth2     x(somebody("u", token));
        sasl::oauthbearer o(somebody("u", token), "h", 1);
        CHECK_THROWS_AS(x.initial_response(), error);
        CHECK_THROWS_AS(o.initial_response(), error);
    }
    sasl::xoauth2 injected(somebody("u\001auth=Bearer other", "t"));
    CHECK_THROWS_AS(injected.initial_response(), error);
    sasl::xoauth2 secret(somebody("u", "hunter2 "));
    try
    {
        secret.initial_response();
        FAIL("no error");
    }
    catch (error const& e)
    {
        CHECK(e.code() == sasl::errc::unusable_credentials);
        CHECK(std::string_view(e.what()).find("hunter2") == std::string_view::npos);
    }
}

TEST_SUITE_END();
