//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Multistatus bodies meant to hurt: each gives a typed error or a documented repair, and never takes much memory.

#include <posthorn/dav/multistatus_reader.hpp>

#include <doctest/doctest.h>

#include <support/multistatus.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace dav = posthorn::dav;
namespace xml = posthorn::xml;
using support::read_multistatus;

namespace {

constexpr std::string_view opening =
    "<D:multistatus xmlns:D='DAV:' xmlns:m='urn:schemas:mailheader:'><D:response><D:href>/a</D:href>";
constexpr std::string_view closing = "</D:response></D:multistatus>";

std::string body_with(std::string_view inside)
{
    return std::string(opening) + std::string(inside) + std::string(closing);
}

struct flood_result
{
    std::error_code ec;
    std::size_t     fed    = 0;
    std::size_t     memory = 0; ///< The most the parser held.
    std::uint64_t   count  = 0;
};

/// Feeds `front`, then `again` until an error or `most` octets: an attacker who never stops.
flood_result flood(std::string_view front, std::string_view again, std::size_t most,
                   dav::multistatus_limits const& limits = {})
{
    dav::multistatus_reader reader(limits);
    dav::response           r;
    flood_result            result;
    std::string             block;
    while (block.size() < 16 * 1024)
        block += again;
    result.ec = reader.feed(front);
    while (!result.ec && result.fed < most)
    {
        result.ec = reader.feed(block);
        result.fed += block.size();
        result.memory = std::max(result.memory, reader.memory());
        while (reader.next(r))
        {
        }
    }
    result.count = reader.count();
    return result;
}

constexpr std::size_t megabyte = 1024 * 1024;

} // namespace

TEST_SUITE_BEGIN("hostile/xml");

TEST_CASE("billion laughs: the declaration is refused before an entity exists")
{
    std::string bomb = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\">";
    for (int i = 1; i < 10; ++i)
    {
        std::string const last = i == 1 ? "lol" : "lol" + std::to_string(i - 1);
        bomb += "<!ENTITY lol" + std::to_string(i) + " \"";
        for (int j = 0; j < 10; ++j)
            bomb += '&' + last + ';';
        bomb += "\">";
    }
    bomb += "]>" + body_with("<D:displayname>&lol9;</D:displayname>");
    for (std::size_t const piece : {bomb.size(), std::size_t(1), std::size_t(7)})
    {
        auto const r = read_multistatus(bomb, {}, piece, piece);
        CHECK(r.ec == xml::errc::doctype_refused);
        CHECK(r.responses.empty());
    }
}

TEST_CASE("quadratic blow-up: one long entity used many times is refused as well")
{
    std::string const bomb =
        "<!DOCTYPE a [<!ENTITY x \"" + std::string(50'000, 'x') + "\">]>" + body_with("<D:a>&x;&x;&x;</D:a>");
    CHECK(read_multistatus(bomb).ec == xml::errc::doctype_refused);
}

TEST_CASE("external entities are never fetched: their declaration is refused")
{
    for (std::string_view const doctype : {"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
                                           "<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\">",
                                           "<!DOCTYPE a [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/x\"> %p;]>",
                                           "<!DOCTYPE a PUBLIC \"-//X\" \"x.dtd\">", "<!doctype a>"})
    {
        CAPTURE(doctype);
        CHECK(read_multistatus(std::string(doctype) + body_with("<D:displayname>&x;</D:displayname>")).ec ==
              xml::errc::doctype_refused);
    }
}

TEST_CASE("the parser underneath refuses declarations by itself, when nothing is mended")
{
    struct none final : xml::handler
    {
        void start(xml::element const&) override { ++elements; }
        void text(std::string_view) override {}
        void end(xml::name const&) override {}
        int  elements = 0;
    } handler;
    xml::reader_settings settings;
    settings.mend = false;
    xml::reader reader(handler, settings);
    CHECK(reader.feed("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>") == xml::errc::doctype_refused);
    CHECK(handler.elements == 0);
}

TEST_CASE("an entity nobody can have declared is text")
{
    auto const r = read_multistatus(body_with("<D:displayname>&xxe; &lol9;</D:displayname>"));
    CHECK_FALSE(r.ec);
    CHECK(r.responses == std::vector<std::string>{"/a {DAV:}displayname=&xxe; &lol9;"});
    CHECK(r.repairs.ampersands == 2);
}

TEST_CASE("deep nesting ends at the limit, wherever it stands")
{
    for (std::string_view const front : {"", "<D:multistatus xmlns:D='DAV:'>",
                                         "<D:multistatus xmlns:D='DAV:'><D:response><D:propstat><D:prop>",
                                         "<D:multistatus xmlns:D='DAV:'><D:response><D:href>"})
    {
        CAPTURE(front);
        auto const r = flood(front, "<a>", 64 * megabyte);
        CHECK((r.ec == xml::errc::too_deep || (front.empty() && r.ec == dav::errc::not_multistatus)));
        CHECK(r.fed <= 16 * 1024 + 2);
    }
}

TEST_CASE("truncation at every octet is an error, and what was complete is given")
{
    std::string const body =
        body_with("<D:propstat><D:prop><m:subject>Fish &amp; chips</m:subject></D:prop><D:status>HTTP/1.1 "
                  "200 OK</D:status></D:propstat>");
    REQUIRE_FALSE(read_multistatus(body).ec);
    std::size_t const whole_response = body.find("</D:response>") + 13;
    for (std::size_t size = 0; size < body.size(); ++size)
    {
        CAPTURE(size);
        auto const r = read_multistatus(std::string_view(body).substr(0, size));
        CHECK(r.ec == (size == 0 ? xml::errc::empty : xml::errc::truncated));
        CHECK(r.responses.size() == (size >= whole_response ? 1 : 0));
    }
}

TEST_CASE("wrong namespaces are not WebDAV")
{
    CHECK(read_multistatus("<D:multistatus xmlns:D='urn:evil'><D:response/></D:multistatus>").ec ==
          dav::errc::not_multistatus);
    CHECK(read_multistatus("<multistatus><response><href>/a</href></response></multistatus>").ec ==
          dav::errc::not_multistatus);
    CHECK(read_multistatus("<D:multistatus xmlns:D='DAV:'><x:response/></D:multistatus>").ec ==
          xml::errc::unbound_prefix);
    // The right names in a wrong namespace say nothing about the resource.
    auto const r = read_multistatus("<D:multistatus xmlns:D='DAV:' "
                                    "xmlns:E='urn:evil'><D:response><E:href>/evil</E:href><D:href>/a</D:href>"
                                    "<E:status>HTTP/1.1 200 OK</E:status><D:status>HTTP/1.1 404 Not "
                                    "Found</D:status></D:response></D:multistatus>");
    CHECK_FALSE(r.ec);
    REQUIRE(r.responses.size() == 1);
    CHECK(r.responses[0].starts_with("/a status=404"));
    // A prefix that changes its meaning half way.
    auto const changed = read_multistatus(
        "<D:multistatus xmlns:D='DAV:'><D:response xmlns:D='urn:evil'><D:href>/evil</D:href></D:response>"
        "<D:response><D:href>/a</D:href></D:response></D:multistatus>");
    CHECK(changed.responses == std::vector<std::string>{"/a"});
}

TEST_CASE("references to forbidden characters are dropped")
{
    auto const r = read_multistatus(
        body_with("<m:subject>a&#1;b&#x0;c&#11;d&#27;[31me&#xFFFF;f&#1114112;g</m:subject>"));
    CHECK_FALSE(r.ec);
    CHECK(r.responses == std::vector<std::string>{"/a {urn:schemas:mailheader:}subject=abcd[31mefg"});
    CHECK(r.repairs.references == 6);
}

TEST_CASE("lone surrogates become U+FFFD, pairs the character that was meant")
{
    auto const r = read_multistatus(
        body_with("<m:subject>&#55357;&#56832; &#55357; &#56832; &#xD83D;&#x41;</m:subject>"));
    CHECK_FALSE(r.ec);
    CHECK(r.responses ==
          std::vector<std::string>{
              "/a {urn:schemas:mailheader:}subject=\xf0\x9f\x98\x80 \xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd"
              "A"});
    CHECK(r.repairs.references == 4);
}

TEST_CASE("a surrogate written as three octets of UTF-8 is invalid, octet by octet")
{
    auto const r = read_multistatus(body_with("<m:subject>\xed\xa0\xbd\xed\xb8\x80</m:subject>"));
    CHECK_FALSE(r.ec);
    CHECK(r.repairs.octets == 6);
}

TEST_CASE("endless markup is cut off at the limit, with little memory")
{
    struct
    {
        char const*      name;
        std::string_view front, again;
    } const cases[] = {
        {"a start tag", "<D:multistatus xmlns:D='DAV:'><a ", "b "},
        {"an attribute", "<D:multistatus xmlns:D='DAV:'><a b='", "xxxxxxxx"},
        {"an attribute of references", "<D:multistatus xmlns:D='DAV:'><a b='", "&amp;"},
        {"an attribute of bare ampersands", "<D:multistatus xmlns:D='DAV:'><a b='", "&"},
        {"quotes", "<D:multistatus xmlns:D='DAV:'><a ", "\"'"},
        {"an end tag", "<D:multistatus xmlns:D='DAV:'></", "x"},
        {"a comment", "<D:multistatus xmlns:D='DAV:'><!--", "x"},
        {"a comment that seems to end", "<D:multistatus xmlns:D='DAV:'><!-->", "x"},
        {"a comment of dashes", "<D:multistatus xmlns:D='DAV:'><!--", "- "},
        {"an instruction", "<D:multistatus xmlns:D='DAV:'><?x ", "x"},
        {"a name", "<D:multistatus xmlns:D='DAV:'><", "x"},
        {"control characters in a tag", "<D:multistatus xmlns:D='DAV:'><a ", "\x01"},
        {"angle brackets", "<D:multistatus xmlns:D='DAV:'>", "<"},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.name);
        auto const r = flood(c.front, c.again, 64 * megabyte);
        CHECK((r.ec == xml::errc::markup_too_long || r.ec == xml::errc::not_well_formed));
        CHECK(r.fed <= 256 * 1024);
        CHECK(r.memory <= megabyte);
    }
}

TEST_CASE("endless text is cut off at the limit, with little memory")
{
    constexpr std::string_view front =
        "<D:multistatus xmlns:D='DAV:' xmlns:m='urn:schemas:mailheader:'><D:response>";
    for (std::string_view const element :
         {"<D:href>", "<D:status>", "<D:location>", "<D:displayname>", "<m:subject>",
          "<D:displayname><![CDATA[", "<D:responsedescription>"})
        for (std::string_view const text : {"x", "&amp;", "&", "]", "&#1;&eacute;"})
        {
            CAPTURE(element);
            CAPTURE(text);
            auto const r = flood(std::string(front) + std::string(element), text, 64 * megabyte);
            CHECK((r.ec == dav::errc::response_too_large || r.ec == xml::errc::text_too_long ||
                   r.ec == xml::errc::not_well_formed));
            CHECK(r.fed <= 8 * megabyte);
            CHECK(r.memory <= megabyte);
        }
}

TEST_CASE("free text that never ends after a stray bracket is cut off at the limit")
{
    for (std::string_view const text : {"x", ">", "</", "</m:subject", "<![CDATA[", "[", "&lt;", "<"})
    {
        CAPTURE(text);
        auto const r = flood(std::string(opening) + "<m:subject>a <b", text, 64 * megabyte);
        CHECK(r.ec == xml::errc::text_too_long);
        CHECK(r.fed <= 256 * 1024);
    }
}

TEST_CASE("many stray brackets take linear time")
{
    std::string body(opening);
    for (int i = 0; i < 200; ++i)
        body += "<m:subject>" + std::string(10'000, '<') + "</m:subject>";
    auto const r = read_multistatus(body + std::string(closing));
    CHECK_FALSE(r.ec);
    CHECK(r.repairs.markup == 200);
}

TEST_CASE("text that is skipped costs nothing, however long")
{
    dav::multistatus_limits limits;
    limits.xml.total = 32 * megabyte;
    auto const r     = flood("<D:multistatus xmlns:D='DAV:'>", "just text and <x/> ", 64 * megabyte, limits);
    CHECK(r.ec == xml::errc::too_large);
    CHECK(r.memory <= megabyte);
}

TEST_CASE("names that never repeat fill no memory")
{
    dav::multistatus_limits limits;
    limits.xml.memory = megabyte;
    dav::multistatus_reader reader(limits);
    std::error_code         ec = reader.feed("<D:multistatus xmlns:D='DAV:'>");
    std::size_t             n  = 0;
    for (; !ec && n < 1'000'000; ++n)
        ec = reader.feed("<x" + std::to_string(n) + "/>");
    CHECK(ec == xml::errc::too_large);
    CHECK(reader.memory() <= megabyte);
    dav::multistatus_reader attributes(limits);
    ec = attributes.feed("<D:multistatus xmlns:D='DAV:'>");
    for (n = 0; !ec && n < 1'000'000; ++n)
        ec = attributes.feed("<x y" + std::to_string(n) + "='' xmlns:p" + std::to_string(n) + "='q'/>");
    CHECK(ec == xml::errc::too_large);
    CHECK(attributes.memory() <= megabyte);
}

TEST_CASE("endless properties, hrefs and responses end at their limits")
{
    dav::multistatus_limits limits;
    limits.responses = 100'000;
    CHECK(flood("<D:multistatus xmlns:D='DAV:'><D:response>", "<D:a/>", 64 * megabyte).ec ==
          dav::errc::response_too_large);
    CHECK(flood("<D:multistatus xmlns:D='DAV:'><D:response>", "<D:href>/a</D:href>", 64 * megabyte).ec ==
          dav::errc::response_too_large);
    CHECK(flood("<D:multistatus xmlns:D='DAV:'><D:response>", "<D:propstat/>", 64 * megabyte).ec ==
          dav::errc::response_too_large);
    CHECK(flood("<D:multistatus xmlns:D='DAV:'><D:response><D:error>", "<D:a/>", 64 * megabyte).ec ==
          dav::errc::response_too_large);
    auto const many = flood("<D:multistatus xmlns:D='DAV:'>", "<D:response/>", 64 * megabyte, limits);
    CHECK(many.ec == dav::errc::too_many_responses);
    CHECK(many.count == limits.responses + 1);
}

TEST_CASE("a thousand attributes are refused")
{
    std::string tag = "<x";
    for (int i = 0; i < 1000; ++i)
        tag += " a" + std::to_string(i) + "=''";
    CHECK(read_multistatus(body_with(tag + "/>")).ec == xml::errc::too_many_attributes);
}

TEST_CASE("overlapping and unclosed elements are never repaired")
{
    for (std::string_view const inside :
         {"<D:a><D:b></D:a></D:b>", "</D:href>", "<D:propstat><D:prop></D:propstat></D:prop>",
          "<D:status>HTTP/1.1 200 OK", "<m:to>a <b@c></m:to2>"})
    {
        CAPTURE(inside);
        CHECK(read_multistatus(body_with(inside)).ec);
    }
}

TEST_CASE("every octet value in a text, and every byte order mark, comes to an end")
{
    for (int c = 0; c < 256; ++c)
    {
        CAPTURE(c);
        auto const r = read_multistatus(
            body_with("<m:subject>a" + std::string(1, static_cast<char>(c)) + "b</m:subject>"));
        CHECK_FALSE(r.ec);
    }
    for (std::string_view const mark : {"\xff\xfe", "\xfe\xff", "\xef\xbb", "\xef\xbb\xbf\xff\xfe"})
        CHECK(read_multistatus(std::string(mark) + body_with("")).ec);
    CHECK_FALSE(read_multistatus("\xef\xbb\xbf" + body_with("")).ec);
}

TEST_SUITE_END();
