//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/sasl/plain.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sasl = posthorn::sasl;

TEST_SUITE_BEGIN("sasl/plain");

namespace {

std::string message(std::string const& identity, std::string const& user, std::string_view password)
{
    sasl::credentials c(user, password);
    c.authorization_identity = identity;
    sasl::plain m(c);
    auto const  response = m.initial_response();
    REQUIRE(response.has_value());
    return std::string(response->view());
}

std::string refusal(std::string const& identity, std::string const& user, std::string_view password)
{
    sasl::credentials c(user, password);
    c.authorization_identity = identity;
    sasl::plain m(c);
    try
    {
        static_cast<void>(m.initial_response());
    }
    catch (posthorn::error const& e)
    {
        CHECK(e.code() == sasl::errc::unusable_credentials);
        CHECK(e.code() == posthorn::condition::authentication);
        return e.what();
    }
    return "accepted";
}

} // namespace

TEST_CASE("the examples of RFC 4616")
{
    using namespace std::string_literals;
    CHECK(message("", "tim", "tanstaaftanstaaf") == "\0tim\0tanstaaftanstaaf"s);
    CHECK(message("Ursel", "Kurt", "xipj3plmq") == "Ursel\0Kurt\0xipj3plmq"s);
}

TEST_CASE("UTF-8 and an empty password are carried as they are")
{
    using namespace std::string_literals;
    CHECK(message("", "j\xc3\xb6rg", "p\xc3\xa4ss w\xc3\xb6rd") == "\0j\xc3\xb6rg\0p\xc3\xa4ss w\xc3\xb6rd"s);
    CHECK(message("", "user", "") == "\0user\0"s);
}

TEST_CASE("a NUL anywhere would end a field early, so it is refused, and the password is not told")
{
    using namespace std::string_literals;
    for (std::string const& text : {refusal("", "us\0er"s, "hunter2"), refusal("", "user", "hunter2\0"s),
                                    refusal("\0"s, "user", "hunter2")})
    {
        CHECK(text.find("NUL") != text.npos);
        CHECK(text.find("hunter2") == text.npos);
    }
}

TEST_CASE("an empty user name is refused")
{
    CHECK(refusal("", "", "hunter2").find("user name") != std::string::npos);
    CHECK(refusal("act as", "", "hunter2").find("hunter2") == std::string::npos);
}

TEST_CASE("a server that overlooked the initial response may ask for it, once")
{
    sasl::plain       m(sasl::credentials("user", "hunter2"));
    std::string const first(m.initial_response()->view());
    CHECK(m.respond("").view() == first);
    CHECK_THROWS_AS(m.respond(""), posthorn::error);

    sasl::plain asked(sasl::credentials("user", "hunter2"));
    try
    {
        asked.respond("what is your password?");
        FAIL("a challenge was answered");
    }
    catch (posthorn::error const& e)
    {
        CHECK(e.code() == sasl::errc::bad_challenge);
        CHECK(std::string(e.what()).find("hunter2") == std::string::npos);
    }
}

TEST_CASE("it shows the password, and needs no proof of the server")
{
    sasl::plain const m(sasl::credentials("user", "hunter2"));
    CHECK(m.name() == "PLAIN");
    CHECK(m.plaintext());
    CHECK(m.satisfied());
}

TEST_SUITE_END();
