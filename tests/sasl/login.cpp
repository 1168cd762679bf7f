//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/sasl/login.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>

namespace sasl = posthorn::sasl;

TEST_SUITE_BEGIN("sasl/login");

TEST_CASE("user and password answer the first and the second prompt, whatever they say")
{
    using namespace std::string_view_literals;
    for (auto const& [first, second] : {std::pair {"Username:"sv, "Password:"sv}, {"User Name\0"sv, "Password\0"sv},
                                        {""sv, ""sv}, {"Password:"sv, "Username:"sv}, {"\xff\n"sv, "\x1b"sv}})
    {
        sasl::login m(sasl::credentials("user", "hunter2"));
        CHECK_FALSE(m.initial_response().has_value());
        CHECK(m.respond(first).view() == "user");
        CHECK(m.respond(second).view() == "hunter2");
        try
        {
            static_cast<void>(m.respond("Anything else?"));
            FAIL("a third prompt was answered");
        }
        catch (posthorn::error const& e)
        {
            CHECK(e.code() == sasl::errc::bad_challenge);
            CHECK(e.code() == posthorn::condition::authentication);
            CHECK(std::string(e.what()).find("hunter2") == std::string::npos);
        }
        CHECK_THROWS_AS(m.respond(""), posthorn::error);
    }
}

TEST_CASE("what it cannot carry is refused before anything is sent")
{
    auto const refused = [](sasl::credentials c) {
        sasl::login m(std::move(c));
        try
        {
            static_cast<void>(m.initial_response());
        }
        catch (posthorn::error const& e)
        {
            CHECK(e.code() == sasl::errc::unusable_credentials);
            CHECK(std::string(e.what()).find("hunter2") == std::string::npos);
            return true;
        }
        return false;
    };
    CHECK(refused(sasl::credentials("", "hunter2")));
    sasl::credentials other("user", "hunter2");
    other.authorization_identity = "somebody else";
    CHECK(refused(other));
    CHECK_FALSE(refused(sasl::credentials("user", "")));
}

TEST_CASE("it shows the password, and needs no proof of the server")
{
    sasl::login const m(sasl::credentials("user", "hunter2"));
    CHECK(m.name() == "LOGIN");
    CHECK(m.plaintext());
    CHECK(m.satisfied());
}

TEST_SUITE_END();
