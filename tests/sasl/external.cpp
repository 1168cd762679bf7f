//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/sasl/external.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace posthorn;

TEST_SUITE_BEGIN("sasl/external");

TEST_CASE("EXTERNAL sends the authorization identity, or nothing")
{
    sasl::credentials c("ignored", secret_string("ignored"));
    sasl::external    plain(c);
    CHECK(plain.name() == "EXTERNAL");
    CHECK_FALSE(plain.plaintext());
    CHECK(plain.initial_response()->view() == "");
    c.authorization_identity = "fred@example.com";
    sasl::external as(c);
    CHECK(as.initial_response()->view() == "fred@example.com");
    CHECK(as.respond("").view() == "fred@example.com");
    CHECK_THROWS_AS(as.respond(""), error);
    sasl::external surprised(c);
    CHECK_THROWS_AS(surprised.respond("what?"), error);
    c.authorization_identity = std::string("a\0b", 3);
    sasl::external nul(c);
    CHECK_THROWS_AS(nul.initial_response(), error);
}

TEST_CASE("ANONYMOUS sends a trace")
{
    sasl::anonymous m(sasl::credentials("sirhc", secret_string()));
    CHECK(m.name() == "ANONYMOUS");
    CHECK(m.initial_response()->view() == "sirhc");
    sasl::anonymous bad(sasl::credentials("a\nb", secret_string()));
    CHECK_THROWS_AS(bad.initial_response(), error);
    sasl::anonymous longer(sasl::credentials(std::string(256, 'x'), secret_string()));
    CHECK_THROWS_AS(longer.initial_response(), error);
}

TEST_SUITE_END();
