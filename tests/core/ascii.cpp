//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/ascii.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace ascii = posthorn::ascii;

TEST_SUITE_BEGIN("core/ascii");

TEST_CASE("every octet is in the classes it belongs to, whatever the locale")
{
    for (int u = 0; u != 256; ++u)
    {
        CAPTURE(u);
        char const c     = static_cast<char>(static_cast<unsigned char>(u));
        bool const digit = u >= '0' && u <= '9', upper = u >= 'A' && u <= 'Z', lower = u >= 'a' && u <= 'z';
        CHECK(ascii::is_digit(c) == digit);
        CHECK(ascii::is_upper(c) == upper);
        CHECK(ascii::is_lower(c) == lower);
        CHECK(ascii::is_alpha(c) == (upper || lower));
        CHECK(ascii::is_alnum(c) == (upper || lower || digit));
        CHECK(ascii::is_blank(c) == (u == ' ' || u == '\t'));
        CHECK(ascii::is_control(c) == (u < 32 || u == 127));
        CHECK(ascii::is_eight_bit(c) == (u > 127));
        CHECK(ascii::to_lower(c) == (upper ? static_cast<char>(u + 32) : c));
        CHECK(ascii::to_upper(c) == (lower ? static_cast<char>(u - 32) : c));

        int value = -1;
        if (digit)
            value = u - '0';
        else if (u >= 'a' && u <= 'f')
            value = u - 'a' + 10;
        else if (u >= 'A' && u <= 'F')
            value = u - 'A' + 10;
        CHECK(ascii::hex_value(c) == value);
    }
}

TEST_CASE("comparison ignores the case of ASCII letters and of nothing else")
{
    CHECK(ascii::iequals("", ""));
    CHECK(ascii::iequals("STARTTLS", "StartTls"));
    CHECK_FALSE(ascii::iequals("AUTH", "AUTH "));
    CHECK_FALSE(ascii::iequals("AUTH", "AUT"));
    CHECK_FALSE(ascii::iequals("[", "{"));  // 32 apart, like letters
    CHECK_FALSE(ascii::iequals("@", "`"));
    CHECK_FALSE(ascii::iequals("\xc3\x84", "\xc3\xa4")); // A umlaut, a umlaut
    CHECK_FALSE(ascii::iequals(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));

    CHECK(ascii::istarts_with("Size 100", "SIZE"));
    CHECK(ascii::istarts_with("x", ""));
    CHECK(ascii::istarts_with("", ""));
    CHECK_FALSE(ascii::istarts_with("SIZ", "SIZE"));
    CHECK_FALSE(ascii::istarts_with("XSIZE", "SIZE"));

    ascii::iless const less;
    CHECK(less("ALPHA", "beta"));
    CHECK(less("alpha", "BETA"));
    CHECK_FALSE(less("Alpha", "aLPHA"));
    CHECK_FALSE(less("aLPHA", "Alpha"));
    CHECK(less("a", "AA"));
    CHECK_FALSE(less("", ""));
}

TEST_CASE("trimming takes blanks from both ends only")
{
    CHECK(ascii::trim("") == "");
    CHECK(ascii::trim(" \t ") == "");
    CHECK(ascii::trim(" a b\t") == "a b");
    CHECK(ascii::trim("a") == "a");
    CHECK(ascii::trim("\na\r") == "\na\r");
}

TEST_CASE("whole strings change case and are searched for what must not be on a command line")
{
    CHECK(ascii::to_lower(std::string_view("Ab\xc3\x84[Z")) == "ab\xc3\x84[z");
    CHECK(ascii::to_upper(std::string_view("Ab\xc3\xa4{z")) == "AB\xc3\xa4{Z");
    CHECK_FALSE(ascii::has_control(""));
    CHECK_FALSE(ascii::has_control("abc \x80\xff"));
    CHECK(ascii::has_control("abc\x7f"));
    CHECK(ascii::has_control(std::string_view("\0", 1)));
    CHECK_FALSE(ascii::has_eight_bit("abc\x7f"));
    CHECK(ascii::has_eight_bit("abc\x80"));
}

TEST_CASE("all of it works at compile time")
{
    static_assert(ascii::iequals("a", "A") && ascii::trim(" a ") == "a" && ascii::hex_value('f') == 15);
    static_assert(ascii::has_control("\r") && !ascii::has_eight_bit("a") && ascii::istarts_with("Ab", "a"));
    CHECK(ascii::iless()("a", "B"));
}

TEST_SUITE_END();
