//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/domain.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace smtp = posthorn::smtp;
using smtp::errc;

TEST_SUITE_BEGIN("smtp/domain");

TEST_CASE("domain names of RFC 5321 and RFC 6531 are accepted")
{
    auto const label63 = std::string(63, 'a');
    for (std::string const& name :
         {std::string("a"), std::string("localhost"), std::string("example.com"), std::string("a-b.c--d.e"),
          std::string("1.2"), std::string("xn--bcher-kva.example"),
          std::string("b\xc3\xbc"
                      "cher.example"),
          label63 + "." + label63 + "." + label63 + "." + std::string(63, 'b'), std::string("[192.0.2.1]"),
          std::string("[IPv6:::1]")})
    {
        CAPTURE(name);
        CHECK_FALSE(smtp::check_domain(name));
    }
}

TEST_CASE("what is no domain name is refused with the offence and its place")
{
    struct
    {
        std::string name;
        char const* detail;
        std::size_t position;
    } const cases[] = {
        {"", "the domain is empty", 0},
        {".", "the domain begins with a dot", 0},
        {".a", "the domain begins with a dot", 0},
        {"a.", "the domain ends with a dot", 1},
        {"a..b", "the domain has an empty label", 1},
        {"-a", "a label of the domain begins with a hyphen", 0},
        {"a.-b", "a label of the domain begins with a hyphen", 2},
        {"a-", "a label of the domain ends with a hyphen", 1},
        {"a-.b", "a label of the domain ends with a hyphen", 1},
        {"a_b", "an underscore in the domain", 1},
        {"a b", "a space in the domain", 1},
        {"a\nb", "a control character in the domain", 1},
        {"a@b", "a second @", 1},
        {"a[b", "a misplaced bracket in the domain", 1},
        {"a>", "a character that no domain may have", 1},
        {"ab\xff", "an octet in the domain that is not UTF-8", 2},
        {"a\xc2\x85", "an octet in the domain that is not UTF-8", 1},
        {"a\xe3\x80\x82jp", "a dot of another script in the domain", 1},
        {std::string(64, 'a'), "a label of the domain is longer than 63 octets", 0},
        {"b." + std::string(64, 'a'), "a label of the domain is longer than 63 octets", 2},
        {std::string(256, 'a'), "the domain is too long", 255},
        {"[1.2.3]", "not a valid address literal", 0},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.name);
        auto const d = smtp::check_domain(c.name);
        CHECK(d.code == errc::bad_address);
        CHECK(d.detail == c.detail);
        CHECK(d.position == c.position);
    }
}

TEST_CASE("options relax or tighten")
{
    smtp::domain_options o;
    o.allow_underscore = true;
    CHECK_FALSE(smtp::check_domain("_a.b_c", o));
    o.allow_utf8 = false;
    CHECK(smtp::check_domain("b\xc3\xbc", o));
    o.max_size = 3;
    CHECK(smtp::check_domain("abcd", o));
    CHECK_FALSE(smtp::check_domain("abc", o));
}

TEST_CASE("address literals")
{
    for (std::string_view const s :
         {"[0.0.0.0]", "[255.255.255.255]", "[001.2.3.4]", "[IPv6:::]", "[IPv6:::1]", "[IPv6:1::]",
          "[ipv6:2001:db8::1]", "[IPv6:1:2:3:4:5:6:7:8]", "[IPv6:1:2:3:4:5:6:1.2.3.4]", "[IPv6:::1.2.3.4]",
          "[IPv6:::ffff:1.2.3.4]", "[IPv6:1:2:3:4:5:6:7::]", "[IPv6:::2:3:4:5:6:7:8]", "[IPv6:1::8]",
          "[IPv6:abcd:EF01::]", "[X-tag:anything!]"})
    {
        CAPTURE(s);
        CHECK(smtp::is_address_literal(s));
    }
    for (std::string_view const s : {"",
                                     "[",
                                     "[]",
                                     "[1.2.3.4",
                                     "1.2.3.4]",
                                     "[1.2.3]",
                                     "[1.2.3.4.5]",
                                     "[256.1.1.1]",
                                     "[1.2.3.1000]",
                                     "[1..2.3]",
                                     "[1.2.3.]",
                                     "[.1.2.3]",
                                     "[1.2.3.4 ]",
                                     "[a.b.c.d]",
                                     "[IPv6:]",
                                     "[IPv6:1]",
                                     "[IPv6:1:2:3:4:5:6:7]",
                                     "[IPv6:1:2:3:4:5:6:7:8:9]",
                                     "[IPv6:1:2:3:4:5:6:7:8::]",
                                     "[IPv6:::1:2:3:4:5:6:7:8]",
                                     "[IPv6:1::2::3]",
                                     "[IPv6:12345::]",
                                     "[IPv6:g::]",
                                     "[IPv6::1]",
                                     "[IPv6:1:]",
                                     "[IPv6:1:::2]",
                                     "[IPv6:::]x",
                                     "[IPv6:fe80::1%eth0]",
                                     "[IPv6:1:2:3:4:5:1.2.3.4]",
                                     "[IPv6:1:2:3:4:5:6:7:1.2.3.4]",
                                     "[IPv6:1:2:3:4:5:6::1.2.3.4]",
                                     "[IPv6:::1.2.3]",
                                     "[2001:db8::1]",
                                     "[1:2:3:4:5:6:7:8]",
                                     "[:x]",
                                     "[tag:]",
                                     "[tag-:x]",
                                     "[t_g:x]",
                                     "[tag:x y]",
                                     "[tag:a>b]",
                                     "[tag:<]",
                                     "[tag:\"]",
                                     "[tag:a@b]",
                                     "[tag:x]y]",
                                     "[tag:[x]",
                                     "[tag:\\x]",
                                     "[tag:\xc3\xa9]",
                                     "[tag:\n]"})
    {
        CAPTURE(s);
        CHECK_FALSE(smtp::is_address_literal(s));
    }
}

TEST_CASE("the EHLO name is an ASCII domain or a literal")
{
    CHECK_FALSE(smtp::check_ehlo_name("mail.example.com"));
    CHECK_FALSE(smtp::check_ehlo_name("localhost"));
    CHECK_FALSE(smtp::check_ehlo_name("[192.0.2.1]"));
    CHECK_FALSE(smtp::check_ehlo_name("[IPv6:2001:db8::1]"));
    for (std::string_view const s : {"", "my_host", "a b", "a\r\nQUIT",
                                     "b\xc3\xbc"
                                     "cher.example",
                                     "192.0.2.1 ", "2001:db8::1", "[fe80::1]", "host."})
    {
        CAPTURE(s);
        CHECK(smtp::check_ehlo_name(s).code == errc::bad_ehlo_name);
    }
}

TEST_SUITE_END();
