//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/printable.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

using posthorn::printable;

TEST_SUITE_BEGIN("core/printable");

namespace {

/// From an allocation of exactly the right size, so that a look beyond the end is seen.
std::string shown(std::string_view text, std::size_t most = 1000)
{
    std::unique_ptr<char[]> exact(new char[text.size()]);
    if (!text.empty())
        std::memcpy(exact.get(), text.data(), text.size());
    return printable({exact.get(), text.size()}, most);
}

std::string escaped(unsigned octet)
{
    char text[8];
    std::snprintf(text, sizeof(text), "\\x%02x", octet & 0xffU);
    return text;
}

std::string utf8(unsigned c)
{
    auto const  octet = [](unsigned v) { return static_cast<char>(static_cast<unsigned char>(v)); };
    std::string s;
    if (c < 0x80)
        s = {octet(c)};
    else if (c < 0x800)
        s = {octet(0xc0 | (c >> 6)), octet(0x80 | (c & 63))};
    else if (c < 0x10000)
        s = {octet(0xe0 | (c >> 12)), octet(0x80 | ((c >> 6) & 63)), octet(0x80 | (c & 63))};
    else
        s = {octet(0xf0 | (c >> 18)), octet(0x80 | ((c >> 12) & 63)), octet(0x80 | ((c >> 6) & 63)),
             octet(0x80 | (c & 63))};
    return s;
}

} // namespace

TEST_CASE("every single octet is itself if it is printable ASCII, and escaped otherwise")
{
    for (unsigned u = 0; u != 256; ++u)
    {
        std::string const one(1, static_cast<char>(static_cast<unsigned char>(u)));
        CAPTURE(u);
        CHECK(shown(one) == (u >= 0x20 && u < 0x7f ? one : escaped(u)));
    }
}

TEST_CASE("every code point is kept but controls and surrogates")
{
    std::size_t wrong = 0;
    for (unsigned c = 0; c != 0x110000; ++c)
    {
        std::string const s    = utf8(c);
        bool const        kept = c >= 0x20 && !(c >= 0x7f && c < 0xa0) && !(c >= 0xd800 && c < 0xe000);
        std::string       wanted;
        for (char const octet : s)
            wanted += escaped(static_cast<unsigned char>(octet));
        wrong += printable(s) != (kept ? s : wanted);
    }
    CHECK(wrong == 0);
}

TEST_CASE("what is not UTF-8 is escaped octet by octet, and what follows is not swallowed")
{
    CHECK(shown("\xc3") == "\\xc3");
    CHECK(shown("\xc3(") == "\\xc3(");
    CHECK(shown("\xc0\xaf") == "\\xc0\\xaf");                 // overlong
    CHECK(shown("\xe0\x80\xaf") == "\\xe0\\x80\\xaf");        // overlong
    CHECK(shown("\xf0\x80\x80\xaf") == "\\xf0\\x80\\x80\\xaf");
    CHECK(shown("\xed\xa0\x80") == "\\xed\\xa0\\x80");        // a surrogate
    CHECK(shown("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80"); // above U+10FFFF
    CHECK(shown("\xf5\x80\x80\x80") == "\\xf5\\x80\\x80\\x80");
    CHECK(shown("\xe2\x82") == "\\xe2\\x82");
    CHECK(shown("\xe2\x82x") == "\\xe2\\x82x");
    CHECK(shown("\xf0\x9f\x93\n") == "\\xf0\\x9f\\x93\\x0a");
    CHECK(shown("\x80\xbf") == "\\x80\\xbf");
}

TEST_CASE("terminal controls of both kinds are escaped")
{
    CHECK(shown("\x1b[2J\r\n\t\x7f") == "\\x1b[2J\\x0d\\x0a\\x09\\x7f");
    CHECK(shown("\xc2\x9b" "2J") == "\\xc2\\x9b2J");
    CHECK(shown("\xc2\xa0") == "\xc2\xa0");
    CHECK(shown(std::string_view("a\0b", 3)) == "a\\x00b");
}

TEST_CASE("long text is cut, but never inside of a character")
{
    CHECK(shown("", 0) == "");
    CHECK(shown("a", 0) == "...");
    CHECK(shown("abc", 3) == "abc");
    CHECK(shown("abcd", 3) == "abc...");
    CHECK(shown("ab\n", 3) == "ab\\x0a");
    CHECK(shown("a\xe2\x82\xac!", 1) == "a...");
    CHECK(shown("a\xe2\x82\xac!", 2) == "a...");
    CHECK(shown("a\xe2\x82\xac!", 3) == "a...");
    CHECK(shown("a\xe2\x82\xac!", 4) == "a\xe2\x82\xac...");
    CHECK(shown("a\xe2\x82\xac!", 5) == "a\xe2\x82\xac!");
    CHECK(shown("\xc2\x85" "a", 1) == "\\xc2...");
    CHECK(shown("\xc2\x85" "a", 2) == "\\xc2\\x85...");
    CHECK(shown("\xc2\x85" "a", 3) == "\\xc2\\x85" "a");
    CHECK(shown("\xff\xff\xff", 2) == "\\xff\\xff...");
    CHECK(shown(std::string(1000, 'x')) == std::string(1000, 'x'));
    CHECK(shown(std::string(1001, 'x')) == std::string(1000, 'x') + "...");
}

TEST_SUITE_END();
