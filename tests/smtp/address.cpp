//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/address.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace smtp = posthorn::smtp;
using smtp::address;
using smtp::errc;

namespace {

/// The detail of the defect; empty if there is none.
std::string_view why(std::string_view text, smtp::address_options const& options = {})
{
    smtp::defect d;
    auto const   a = address::parse(text, &d, options);
    CHECK(a.has_value() == !d);
    CHECK((!d || d.code == errc::bad_address));
    return d.detail;
}

} // namespace

TEST_SUITE_BEGIN("smtp/address");

TEST_CASE("addresses have one spelling, which parses to an equal address")
{
    struct
    {
        std::string text;
        std::string spelled;
    } const cases[] = {
        {"a@b", "a@b"},
        {"first.last+tag@example.com", "first.last+tag@example.com"},
        {"!#$%&'*+-/=?^_`{|}~@x.example", "!#$%&'*+-/=?^_`{|}~@x.example"},
        {"-X/tmp/x@example.com", "-X/tmp/x@example.com"},
        {"\"john\"@example.com", "john@example.com"},
        {"\"j\\ohn\"@example.com", "john@example.com"},
        {"\"john.doe\"@example.com", "john.doe@example.com"},
        {"\"john doe\"@example.com", "\"john doe\"@example.com"},
        {"\"john\\ doe\"@example.com", "\"john doe\"@example.com"},
        {"\"a..b\"@example.com", "\"a..b\"@example.com"},
        {"\".a\"@example.com", "\".a\"@example.com"},
        {"\"a.\"@example.com", "\"a.\"@example.com"},
        {"\"\"@example.com", "\"\"@example.com"},
        {"\"a@b\"@example.com", "\"a@b\"@example.com"},
        {"\"a\\@b\"@example.com", "\"a@b\"@example.com"},
        {"\"a\\\"b\"@example.com", "\"a\\\"b\"@example.com"},
        {"\"a\\\\b\"@example.com", "\"a\\\\b\"@example.com"},
        {"\"a> SIZE=1 <\"@example.com", "\"a> SIZE=1 <\"@example.com"},
        {"\"(comment)\"@example.com", "\"(comment)\"@example.com"},
        {"a@[192.0.2.1]", "a@[192.0.2.1]"},
        {"a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]"},
        {"a@[tag:content]", "a@[tag:content]"},
        {"a@EXAMPLE.com", "a@EXAMPLE.com"},
        {"\xd0\xb8@example.com", "\xd0\xb8@example.com"},
        {"a@b\xc3\xbc"
         "cher.example",
         "a@b\xc3\xbc"
         "cher.example"},
        {"\"\xd0\xb8 \xd0\xb8\"@example.com", "\"\xd0\xb8 \xd0\xb8\"@example.com"},
        {"\"\xd0\xb8\"@example.com", "\xd0\xb8@example.com"},
        {std::string(64, 'a') + "@b", std::string(64, 'a') + "@b"},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.text);
        address const a(c.text);
        CHECK(a.str() == c.spelled);
        CHECK(a.view() == c.spelled);
        address const again(a.view());
        CHECK(again.str() == c.spelled);
        CHECK(again == a);
        CHECK(std::string(a.local_part()) + '@' + std::string(a.domain()) == c.spelled);
    }
}

TEST_CASE("what is no mailbox is refused, and the offence is named")
{
    struct
    {
        std::string text;
        char const* detail;
    } const cases[] = {
        {"", "the address is empty"},
        {"a", "there is no @ and domain"},
        {"postmaster", "there is no @ and domain"},
        {"a@", "the domain is empty"},
        {"@b", "the local part is empty, or this is a source route"},
        {"@a,@b:c@d", "the local part is empty, or this is a source route"},
        {"<a@b>", "angle brackets are no part of an address"},
        {"a@b>", "a character that no domain may have"},
        {"a@b> SIZE=1 <", "a character that no domain may have"},
        {"a@b>\r\nRCPT TO:<c@d", "a character that no domain may have"},
        {"a@b\r\n", "a control character in the domain"},
        {"a\n@b", "a control character in the local part"},
        {"\"a\r\nb\"@c", "a control character in the local part"},
        {"\"a\\\rb\"@c", "a control character in the local part"},
        {"\"a\tb\"@c", "a control character in the local part"},
        {"a b@c", "a space outside of quotes"},
        {" a@b", "a space outside of quotes"},
        {"a@b ", "a space in the domain"},
        {"a@b@c", "a second @"},
        {".a@b", "the local part begins with a dot"},
        {"a.@b", "the local part ends with a dot"},
        {"a..b@c", "two dots in the local part"},
        {"a(comment)@b", "a comment is no part of an address"},
        {"group:a@b;", "groups and routes are no addresses"},
        {"a,b@c", "a character that must be quoted"},
        {"a\\b@c", "a character that must be quoted"},
        {"a>b@c", "a character that must be quoted"},
        {"a\"b\"@c", "a quote inside of the local part"},
        {"\"a\"b@c", "something stands between the quoted local part and the @"},
        {"\"a\".b@c", "something stands between the quoted local part and the @"},
        {"\"a\" @c", "something stands between the quoted local part and the @"},
        {"\"a", "the quoted local part does not end"},
        {"\"a\\", "the quoted local part does not end"},
        {"\"", "the quoted local part does not end"},
        {"\"a\"", "there is no @ and domain"},
        {"\"a\\\xd0\xb8\"@b", "a non-ASCII character must not be escaped"},
        {"a\xff@b", "an octet in the local part that is not UTF-8"},
        {"\"\xc3\"@b", "an octet in the local part that is not UTF-8"},
        {"a\xc2\x9b@b", "an octet in the local part that is not UTF-8"},
        {"a\xed\xa0\x80@b", "an octet in the local part that is not UTF-8"},
        {"a\xc0\xae@b", "an octet in the local part that is not UTF-8"},
        {"a@b..c", "the domain has an empty label"},
        {"a@b.", "the domain ends with a dot"},
        {"a@[1.2.3.4", "not a valid address literal"},
        {"a@[1.2.3.4]x", "not a valid address literal"},
        {std::string(65, 'a') + "@b", "the local part is too long"},
        {"a@" + std::string(63, 'b') + "." + std::string(63, 'b') + "." + std::string(63, 'b') + "." +
             std::string(62, 'b'),
         "the address is too long"},
        {"Joe <joe@b>", "a space outside of quotes"},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.text);
        CHECK(why(c.text) == c.detail);
    }
}

TEST_CASE("the place of the offence is told")
{
    smtp::defect d;
    CHECK_FALSE(address::parse("abc d@e", &d));
    CHECK(d.position == 3);
    CHECK_FALSE(address::parse("abc@d_e", &d));
    CHECK(d.position == 5);
    CHECK_FALSE(address::parse("abc@", &d));
    CHECK(d.position == 4);
}

TEST_CASE("every control octet is refused everywhere in an address")
{
    for (int octet = 0; octet < 128; octet = octet == 31 ? 127 : octet + 1)
        for (std::string_view const text : {"ab@cd.ef", "\"a b\"@cd.ef", "a@[192.0.2.1]", "a@[IPv6:::1]"})
            for (std::size_t at = 0; at <= text.size(); ++at)
            {
                std::string with(text);
                with.insert(at, 1, static_cast<char>(octet));
                CAPTURE(with);
                REQUIRE_FALSE(address::parse(with));
                if (text[0] == '"' && at > 0 && at < 4) // and escaped
                {
                    with.insert(at, 1, '\\');
                    REQUIRE_FALSE(address::parse(with));
                }
            }
}

TEST_CASE("an exception names address, offence and place, and shows nothing dangerous")
{
    try
    {
        address("a\x1b@b");
        FAIL("no exception");
    }
    catch (posthorn::error const& e)
    {
        CHECK(e.code() == errc::bad_address);
        CHECK(e.context().detail == "a control character in the local part at octet 1 of 'a\\x1b@b'");
    }
    CHECK_THROWS_AS(address(std::string(1000000, '\x01')), posthorn::error);
}

TEST_CASE("limits are of RFC 5321 and can be relaxed")
{
    smtp::address_options o;
    o.max_local_part  = 100;
    o.max_size        = 1000;
    o.domain.max_size = 500;
    CHECK(why(std::string(100, 'a') + "@b", o).empty());
    CHECK(why(std::string(101, 'a') + "@b", o) == "the local part is too long");
    // The quotes that are sent count, those that are dropped do not.
    CHECK(why("\"" + std::string(64, 'a') + "\"@b").empty());
    CHECK(why("\"" + std::string(62, ' ') + "\"@b").empty());
    CHECK(why("\"" + std::string(63, ' ') + "\"@b") == "the local part is too long");
    CHECK(why(std::string(100000, 'a')) == "the address is too long");
}

TEST_CASE("a domain can be replaced by its A-labels")
{
    address a("user@b\xc3\xbc"
              "cher.example");
    CHECK(a.domain_is_utf8());
    CHECK_FALSE(a.local_part_is_utf8());
    CHECK(a.needs_smtputf8());
    CHECK_FALSE(a.set_domain("xn--bcher-kva.example"));
    CHECK(a.str() == "user@xn--bcher-kva.example");
    CHECK_FALSE(a.needs_smtputf8());
    CHECK(a.set_domain("bad domain").code == errc::bad_address);
    CHECK(a.set_domain(std::string(250, 'x')).code == errc::bad_address);
    CHECK(a.str() == "user@xn--bcher-kva.example");
    CHECK_FALSE(a.set_domain(a.domain().substr(4)));
    CHECK(a.str() == "user@bcher-kva.example");
    address const b("\xd0\xb8@example.com");
    CHECK(b.local_part_is_utf8());
    CHECK_FALSE(b.domain_is_utf8());
}

TEST_CASE("the name of a mailbox is the local part without its quoting")
{
    CHECK(address("a.b@c").mailbox_name() == "a.b");
    CHECK(address("\"a \\\"\\\\b\"@c").mailbox_name() == "a \"\\b");
    CHECK(address("\"\"@c").mailbox_name().empty());
}

TEST_CASE("domains are compared without case, local parts with it")
{
    CHECK(address("a@EXAMPLE.com") == address("a@example.COM"));
    CHECK(address("\"a\"@b") == address("a@b"));
    CHECK_FALSE(address("A@b") == address("a@b"));
    CHECK_FALSE(address("a@bc") == address("a@b"));
    CHECK_FALSE(address("ab@c") == address("a@c"));
}

TEST_CASE("the postmaster needs no domain")
{
    auto const p = address::postmaster();
    CHECK(p.str() == "postmaster");
    CHECK(p.local_part() == "postmaster");
    CHECK(p.domain().empty());
    CHECK_FALSE(p.has_domain());
    CHECK_FALSE(p.has_address_literal());
    smtp::address_options o;
    o.allow_postmaster = true;
    CHECK(address("PostMaster", o) == p);
    CHECK(why("a", o) == "there is no @ and domain");
    CHECK(address("postmaster@b", o).domain() == "b");
    auto a = p;
    CHECK_FALSE(a.set_domain("b.example"));
    CHECK(a.str() == "postmaster@b.example");
}

TEST_CASE("parsing into an address leaves it alone on a defect")
{
    address a("a@b");
    CHECK(address::parse("bad", a));
    CHECK(a.str() == "a@b");
    CHECK_FALSE(address::parse("c@d", a));
    CHECK(a.str() == "c@d");
    auto const moved = std::move(a);
    CHECK(moved.domain() == "d");
}

TEST_CASE("the reverse path is an address or null")
{
    CHECK(smtp::reverse_path().is_null());
    CHECK(smtp::reverse_path("<>").is_null());
    CHECK(smtp::reverse_path("").is_null());
    CHECK(smtp::reverse_path().view().empty());
    CHECK_FALSE(smtp::reverse_path().needs_smtputf8());
    smtp::reverse_path const p("a@b");
    CHECK_FALSE(p.is_null());
    CHECK(p.sender().str() == "a@b");
    CHECK(p.view() == "a@b");
    CHECK(p == smtp::reverse_path(address("a@B")));
    CHECK_FALSE(p == smtp::reverse_path());
    CHECK(smtp::reverse_path("\xd0\xb8@b").needs_smtputf8());
    CHECK_THROWS_AS(smtp::reverse_path("a"), posthorn::error);
}

TEST_CASE("a megabyte of brackets, quotes or escapes costs linear time at most")
{
    smtp::address_options o;
    o.max_local_part  = 4000000;
    o.max_size        = 4000000;
    o.domain.max_size = 4000000;
    auto const begin  = std::chrono::steady_clock::now();
    for (std::string_view const unit :
         {"(", "<", ">", "\"", "\\", "@", ".", ":", ",", "[", "\"\\\"", "a", "\xd0\xb8"})
        for (std::string_view const prefix : {"", "\"", "a", "a@", "a@[", "a@[IPv6:"})
        {
            std::string text(prefix);
            while (text.size() < 1000000)
                text += unit;
            bool const one_label = prefix == "a@" && unit == "\xd0\xb8"; // DNS limits the A-label, not this
            CHECK(address::parse(text, nullptr, o).has_value() == one_label);
        }
    CHECK(address::parse(std::string(1000000, 'a') + "@b", nullptr, o));
    CHECK(address::parse("\"" + std::string(1000000, ' ') + "\"@b", nullptr, o));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
}

TEST_SUITE_END();
