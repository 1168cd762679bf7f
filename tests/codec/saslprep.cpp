//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/codec/saslprep.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using posthorn::codec::has_saslprep;
using posthorn::codec::saslprep;

TEST_SUITE_BEGIN("codec/saslprep");

namespace {

std::string prepared(std::string_view text)
{
    auto const s = saslprep(text);
    return s ? std::string(s->view()) : std::string("refused");
}

} // namespace

TEST_CASE("ASCII is left as it is, without control characters")
{
    CHECK(prepared("user") == "user");
    CHECK(prepared("USER") == "USER");
    CHECK(prepared("") == "");
    for (char c = 0; c != 32; ++c)
        CHECK(prepared(std::string(1, c)) == "refused");
    CHECK(prepared("\x7f") == "refused");
}

TEST_CASE("the examples of RFC 4013, 3")
{
    if (!has_saslprep)
        return;
    CHECK(prepared("I\xc2\xadX") == "IX");
    CHECK(prepared("\xc2\xaa") == "a");
    CHECK(prepared("\xe2\x85\xa8") == "IX");
    CHECK(prepared("\xd8\xa7\x31") == "refused");
    CHECK(prepared("a\xc2\xa0" "b") == "a b");         // a space is a space
    CHECK(prepared("A\xcc\x8a") == "\xc3\x85");        // composed
    CHECK(prepared("\xff") == "refused");              // no UTF-8
    CHECK(prepared("\xee\x80\x80") == "refused");      // private use
}

TEST_SUITE_END();
