//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/codec/quoted_string.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace posthorn;

TEST_SUITE_BEGIN("codec/quoted_string");

TEST_CASE("every text comes back, and what stands behind it is left")
{
    for (std::string const text : {"", "plain", "\"", "\\", "a\"b\\c", "\\\"", "a, b=c"})
    {
        auto const       wire = codec::quoted_string(text) + ", next";
        std::string_view rest = wire;
        auto const       back = codec::take_quoted(rest);
        REQUIRE(back);
        CHECK(*back == text);
        CHECK(rest == ", next");
    }
    CHECK(codec::quoted_string("a\"b\\c") == "\"a\\\"b\\\\c\"");
}

TEST_CASE("what does not begin or not end is none, and stays")
{
    for (std::string_view const text : {"", "a", "a\"", "\"", "\"a", "\"a\\\"", "\"a\\"})
    {
        auto rest = text;
        CHECK_FALSE(codec::take_quoted(rest));
        CHECK(rest == text);
    }
}

TEST_SUITE_END();
