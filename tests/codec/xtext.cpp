//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/codec/xtext.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace codec = posthorn::codec;
using codec::utf8_address_form;

namespace {

/// The encoded address; "invalid" if it cannot be encoded.
std::string utf8(std::string_view in, utf8_address_form form)
{
    std::string out;
    return codec::utf8_address_encode(in, form, out) ? out : "invalid";
}

} // namespace

TEST_SUITE_BEGIN("codec/xtext");

TEST_CASE("xtext escapes plus, equals, and all that is not printable")
{
    CHECK(codec::xtext_encode("") == "");
    CHECK(codec::xtext_encode("user@example.com") == "user@example.com");
    CHECK(codec::xtext_encode("a+b=c d") == "a+2Bb+3Dc+20d");
    CHECK(codec::xtext_encode(std::string_view("\0\r\n\x7f\xff", 5)) == "+00+0D+0A+7F+FF");
    std::string out = "x";
    codec::xtext_encode("+", out);
    CHECK(out == "x+2B");
}

TEST_CASE("every octet survives xtext, in printable form")
{
    for (int octet = 0; octet < 256; ++octet)
    {
        std::string const in(1, static_cast<char>(octet));
        auto const        text = codec::xtext_encode(in);
        CAPTURE(octet);
        for (char const c : text)
            CHECK((c > ' ' && c < 0x7f && c != '='));
        CHECK(codec::xtext_decode(text) == in);
    }
}

TEST_CASE("what is not xtext is refused")
{
    for (std::string_view const text : {"+", "+2", "a+", "a+2", "+2b", "+b2", "+2G", "+G2", "++2B", "+ 2",
                                        "a b", "a=b", "a\n", "a\x7f", "\xc3\xa9"})
    {
        CAPTURE(text);
        CHECK_FALSE(codec::xtext_decode(text));
    }
    CHECK(codec::xtext_decode("+41") == "A"); // needlessly escaped, but xtext
}

TEST_CASE("addresses of type utf-8 in both forms")
{
    auto const x = utf8_address_form::xtext;
    auto const u = utf8_address_form::unitext;
    CHECK(utf8("a@b", x) == "a@b");
    CHECK(utf8("a+b=c\\d e", x) == "a\\x{2B}b\\x{3D}c\\x{5C}d\\x{20}e");
    CHECK(utf8("a+b=c\\d e", u) == "a\\x{2B}b\\x{3D}c\\x{5C}d\\x{20}e");
    CHECK(utf8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xaf", x) == "\\x{E9}\\x{20AC}\\x{1F4EF}");
    CHECK(utf8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xaf", u) == "\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xaf");
    CHECK(utf8("\xf4\x8f\xbf\xbf", x) == "\\x{10FFFF}");
    CHECK(utf8("\n", x) == "\\x{0A}");
    CHECK(utf8("a\xff", x) == "invalid");
    CHECK(utf8("\xed\xa0\x80", u) == "invalid");
}

TEST_CASE("addresses of type utf-8 are decoded from both forms")
{
    for (std::string_view const in :
         {"", "a@b", "a+b=c\\d e", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xaf", "\xf4\x8f\xbf\xbf", "\x01\x7f",
          "\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80"})
        for (auto const form : {utf8_address_form::xtext, utf8_address_form::unitext})
        {
            CAPTURE(in);
            CHECK(codec::utf8_address_decode(utf8(in, form)) == in);
        }
}

TEST_CASE("what is no address of type utf-8 is refused")
{
    for (std::string_view const text :
         {"a+b",     "a=b",     "a b",     "\\",        "\\x",       "\\x{",        "\\x{}",
          "\\x{4}",  "\\x{41}", "\\x{e9}", "\\x{00E9}", "\\x{D800}", "\\x{110000}", "\\x{1000000}",
          "\\x{2G}", "\\x{20",  "\\y{20}", "\\X{20}",   "\xff",      "\xc3"})
    {
        CAPTURE(text);
        CHECK_FALSE(codec::utf8_address_decode(text));
    }
}

TEST_SUITE_END();
