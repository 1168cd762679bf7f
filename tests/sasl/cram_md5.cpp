//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/sasl/cram_md5.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <doctest/doctest.h>

using namespace posthorn;

TEST_SUITE_BEGIN("sasl/cram_md5");

TEST_CASE("the exchange of RFC 2195")
{
    sasl::cram_md5 m(sasl::credentials("tim", secret_string("tanstaaftanstaaf")));
    CHECK(m.name() == "CRAM-MD5");
    CHECK_FALSE(m.plaintext());
    CHECK_FALSE(m.initial_response());
    CHECK(m.respond("<1896.697170952@postoffice.reston.mci.net>").view() == "tim b913a602c7eda7a495b4e6e7334d3890");
    CHECK(m.satisfied());
    CHECK_THROWS_AS(m.respond("<again>"), error);
}

TEST_CASE("an empty challenge and unusable credentials are refused")
{
    sasl::cram_md5 m(sasl::credentials("tim", secret_string("x")));
    m.initial_response();
    CHECK_THROWS_AS(m.respond(""), error);
    sasl::cram_md5 nobody(sasl::credentials("", secret_string("x")));
    CHECK_THROWS_AS(nobody.initial_response(), error);
    sasl::credentials other("tim", secret_string("x"));
    other.authorization_identity = "tom";
    sasl::cram_md5 as_other(other);
    CHECK_THROWS_AS(as_other.initial_response(), error);
}

TEST_SUITE_END();
