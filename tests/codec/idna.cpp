//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/codec/idna.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using posthorn::codec::domain_to_ascii;

TEST_SUITE_BEGIN("codec/idna");

TEST_CASE("names in ASCII stay as they are")
{
    for (std::string_view const name : {"", "example.org", "EXAMPLE.Org", "xn--bcher-kva.example",
                                        "[192.0.2.1]", "[IPv6:2001:db8::1]", "under_score.example", "a..b"})
        CHECK(domain_to_ascii(name) == std::string(name));
}

TEST_CASE("names beyond ASCII become A-labels, label by label")
{
    struct row
    {
        char const* name;
        char const* ascii;
    };
    row const rows[]{
        {"b\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example"},
        {"B\xc3\x9c"
         "CHER.example",
         "xn--bcher-kva.example"},
        {"bu\xcc\x88"
         "cher.example",
         "xn--bcher-kva.example"}, // NFC
        {"mail.b\xc3\xbc"
         "cher.example",
         "mail.xn--bcher-kva.example"},
        {"fa\xc3\x9f.example", "xn--fa-hia.example"}, // not transitional: this is not fass.example
        {"\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "xn--r8jz45g.xn--zckzah"},
        {"\xd7\x93\xd7\x95\xd7\x92\xd7\x9e\xd7\x94.\xd7\x98\xd7\xa2\xd7\xa1\xd7\x98",
         "xn--6dbbec0c.xn--deba0ad"},
    };
    for (auto const& r : rows)
    {
        CAPTURE(r.ascii);
        if (posthorn::codec::has_idna)
            CHECK(domain_to_ascii(r.name) == std::string(r.ascii));
        else
            CHECK_FALSE(domain_to_ascii(r.name));
    }
}

TEST_CASE("what IDNA 2008 forbids has no ASCII form")
{
    std::string const u = "\xc3\xbc";
    std::string       long_label;
    for (int i = 0; i != 60; ++i)
        long_label += u;
    for (std::string const& name :
         {long_label + ".example", std::string("\xe4.example"), std::string("\xc3.example"), u + "_x.example",
          u + " x.example", u + "@x.example", u + "\r\nx.example", "-" + u + ".example", u + "-.example",
          "ab--" + u + ".example", std::string("\xcc\x88") + "a.example", u + "\xef\xbc\xa0x.example",
          u + "\xe2\x80\xae.example", u + std::string("\0.example", 9), std::string("\0", 1) + u,
          u + "..example", "." + u})
    {
        CAPTURE(name);
        CHECK_FALSE(domain_to_ascii(name));
    }
}

TEST_CASE("whatever comes out is ASCII")
{
    // All characters of two octets, and some of three and four.
    auto const check = [](std::string const& character) {
        auto const ascii = domain_to_ascii("a" + character + "b.example");
        if (ascii)
            for (char const c : *ascii)
                CHECK_MESSAGE(((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'),
                              *ascii);
    };
    for (int i = 0x80; i != 0x800; ++i)
        check({static_cast<char>(0xc0 | i >> 6), static_cast<char>(0x80 | (i & 0x3f))});
    for (int i = 0x2000; i != 0x2100; ++i)
        check({static_cast<char>(0xe0 | i >> 12), static_cast<char>(0x80 | (i >> 6 & 0x3f)),
               static_cast<char>(0x80 | (i & 0x3f))});
    for (int i = 0xff00; i != 0xff70; ++i)
        check({static_cast<char>(0xe0 | i >> 12), static_cast<char>(0x80 | (i >> 6 & 0x3f)),
               static_cast<char>(0x80 | (i & 0x3f))});
}

TEST_SUITE_END();
