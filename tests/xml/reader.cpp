//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/xml/reader.hpp>

#include <doctest/doctest.h>

#include <support/xml_events.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace xml = posthorn::xml;
using support::read_xml;

TEST_SUITE_BEGIN("xml/reader");

TEST_CASE("a document is the same wherever the network cuts it")
{
    constexpr std::string_view document =
        "<?xml version=\"1.0\" encoding=\"Windows-1252\"?>\r\n"
        "<D:a xmlns:D=\"DAV:\" xmlns='urn:default'><b c='d' D:e=\"&lt;f&#233;\">caf\xe9 &amp; "
        "&#55357;&#56832;</b>"
        "<!-- no --><![CDATA[<x>]]><x:y xmlns:x=\"xml:\">\x80</x:y><z xmlns=''/></D:a>\r\n";
    auto const whole = read_xml(document);
    REQUIRE_FALSE(whole.ec);
    CHECK(whole.events ==
          "<{DAV:}a><{urn:default}b c='d' {DAV:}e='<f\xc3\xa9'>caf\xc3\xa9 & \xf0\x9f\x98\x80</>"
          "<x><{xml:}y>\xe2\x82\xac</><z></></>");
    CHECK(whole.repairs.references == 1);
    for (std::size_t cut = 0; cut <= document.size(); ++cut)
    {
        CAPTURE(cut);
        auto const r = read_xml(document, {}, cut);
        CHECK_FALSE(r.ec);
        CHECK(r.events == whole.events);
        CHECK(r.repairs == whole.repairs);
    }
    CHECK(read_xml(document, {}, 1, 1).events == whole.events);
}

TEST_CASE("names mean their namespace, whatever the prefix")
{
    CHECK(read_xml("<a:x xmlns:a='urn:1'><a:x xmlns:a='urn:2'/><a:x/></a:x>").events ==
          "<{urn:1}x><{urn:2}x></><{urn:1}x></></>");
    CHECK(read_xml("<x xmlns='urn:1' b='c'><x xmlns='urn:2'><y xmlns=''/></x><x/></x>").events ==
          "<{urn:1}x b='c'><{urn:2}x><y></></><{urn:1}x></></>");
    CHECK(read_xml("<a xml:lang='de'/>").events == "<a {http://www.w3.org/XML/1998/namespace}lang='de'></>");
}

TEST_CASE("the names of Exchange that begin with a digit are read")
{
    CHECK(
        read_xml("<d:0x8104 xmlns:d=\"http://schemas.microsoft.com/mapi/id/{0006}/\">x</d:0x8104>").events ==
        "<{http://schemas.microsoft.com/mapi/id/{0006}/}0x8104>x</>");
}

TEST_CASE("a known prefix that was never declared can be assumed")
{
    static constexpr xml::assumed_prefix assumed[] = {{"D", "DAV:"}};
    xml::reader_settings                 settings;
    settings.assumed = assumed;
    CHECK(read_xml("<D:a><E:b xmlns:E='urn:e'/></D:a>", settings).events == "<{DAV:}a><{urn:e}b></></>");
    CHECK(read_xml("<D:a xmlns:D='urn:own'/>", settings).events == "<{urn:own}a></>");
    CHECK(read_xml("<E:a/>", settings).ec == xml::errc::unbound_prefix);
    settings.mend = false;
    CHECK(read_xml("<D:a/>", settings).ec == xml::errc::unbound_prefix);
}

TEST_CASE("an attribute is found by its expanded name")
{
    struct finder final : xml::handler
    {
        void start(xml::element const& e) override
        {
            if (auto const* v = e.find({"urn:t", "dt"}))
                found += *v;
            none = e.find({"", "dt"}) == nullptr;
        }
        void        text(std::string_view) override {}
        void        end(xml::name const&) override {}
        std::string found;
        bool        none = false;
    } f;
    xml::reader r(f);
    CHECK_FALSE(r.feed("<a xmlns:x='urn:t' x:dt='boolean'/>"));
    CHECK(r.complete());
    CHECK_FALSE(r.finish());
    CHECK(f.found == "boolean");
    CHECK(f.none);
}

TEST_CASE("what is wrong has a code and says where")
{
    struct
    {
        char const*      name;
        std::string_view document;
        xml::errc        expected;
    } const cases[] = {
        {"nothing", "", xml::errc::empty},
        {"white space", " \r\n", xml::errc::empty},
        {"a declaration only", "<?xml version='1.0'?>", xml::errc::empty},
        {"text only", "hello", xml::errc::not_well_formed},
        {"no end tag", "<a>", xml::errc::truncated},
        {"half an end tag", "<a></", xml::errc::truncated},
        {"half a start tag", "<a b='", xml::errc::truncated},
        {"in CDATA", "<a><![CDATA[x", xml::errc::truncated},
        {"in a comment", "<a><!-- x", xml::errc::truncated},
        {"in a reference", "<a>&am", xml::errc::truncated},
        {"wrong end tag", "<a></b>", xml::errc::not_well_formed},
        {"two roots", "<a/><b/>", xml::errc::not_well_formed},
        {"junk after the root", "<a/>x", xml::errc::not_well_formed},
        {"same attribute", "<a b='' b=''/>", xml::errc::duplicate_attribute},
        {"same expanded attribute", "<a xmlns:x='urn:1' xmlns:y='urn:1' x:b='' y:b=''/>",
         xml::errc::duplicate_attribute},
        {"unknown prefix", "<x:a/>", xml::errc::unbound_prefix},
        {"unknown prefix of an attribute", "<a x:b=''/>", xml::errc::unbound_prefix},
        {"prefix undeclared", "<a xmlns:x='urn:1'><x:b xmlns:x=''/></a>", xml::errc::unbound_prefix},
        {"two colons", "<a:b:c xmlns:a='urn:1'/>", xml::errc::not_well_formed},
        {"empty prefix", "<:a/>", xml::errc::not_well_formed},
        {"DOCTYPE", "<!DOCTYPE a><a/>", xml::errc::doctype_refused},
        {"HTML", "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"><html><br></html>",
         xml::errc::doctype_refused},
        {"HTML 5", "<!doctype html><html><br></html>", xml::errc::doctype_refused},
        {"charset", "<?xml version='1.0' encoding='ebcdic'?><a/>", xml::errc::unsupported_charset},
        {"end of CDATA in text", "<a>]]></a>", xml::errc::not_well_formed},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.name);
        auto const whole = read_xml(c.document);
        CHECK(whole.ec == c.expected);
        CHECK(whole.ec == posthorn::condition::protocol);
        for (std::size_t cut = 0; cut <= c.document.size(); ++cut)
            CHECK(read_xml(c.document, {}, cut).ec == c.expected);
    }
    CHECK(read_xml("<a>\n<b></c></a>").detail == "mismatched tag at line 2, column 6");
    CHECK(read_xml("<x\x1b:a/>").detail.find('\x1b') == std::string::npos);
}

TEST_CASE("an error stays")
{
    support::xml_events events;
    xml::reader         r(events);
    CHECK(r.feed("<a></b>") == xml::errc::not_well_formed);
    CHECK(r.feed("<a/>") == xml::errc::not_well_formed);
    CHECK(r.finish() == xml::errc::not_well_formed);
}

TEST_CASE("without mending the parser is a conforming one")
{
    xml::reader_settings strict;
    strict.mend = false;
    CHECK(read_xml("<a>Fish & chips</a>", strict).ec == xml::errc::not_well_formed);
    CHECK(read_xml("<a>&nbsp;</a>", strict).ec == xml::errc::unknown_entity);
    CHECK(read_xml("<a>&#1;</a>", strict).ec == xml::errc::not_well_formed);
    CHECK(read_xml("<a>&amp;</a>", strict).events == "<a>&</>");
    CHECK(read_xml("<a>Fish & chips&nbsp;&#1;</a>").events == "<a>Fish & chips\xc2\xa0</>");
}

TEST_CASE("the limits hold")
{
    xml::reader_settings s;
    s.limits.depth      = 3;
    s.limits.attributes = 2;
    s.limits.markup     = 100;
    s.limits.total      = 300;
    CHECK_FALSE(read_xml("<a><a><a></a></a></a>", s).ec);
    CHECK(read_xml("<a><a><a><a/></a></a></a>", s).ec == xml::errc::too_deep);
    CHECK_FALSE(read_xml("<a b='' xmlns:c=''/>", s).ec);
    CHECK(read_xml("<a b='' xmlns:c='' d=''/>", s).ec == xml::errc::too_many_attributes);
    CHECK(read_xml("<a b='" + std::string(100, 'x') + "'/>", s).ec == xml::errc::markup_too_long);
    CHECK_FALSE(read_xml("<a>" + std::string(293, 'x') + "</a>", s).ec);
    CHECK(read_xml("<a>" + std::string(294, 'x') + "</a>", s).ec == xml::errc::too_large);
    CHECK(read_xml("<a>" + std::string(294, 'x') + "</a>", s, 1, 1).ec == xml::errc::too_large);
}

TEST_CASE("names that never repeat do not fill the memory")
{
    xml::reader_settings s;
    s.limits.memory      = 256 * 1024;
    std::string document = "<a>";
    for (int i = 0; i < 20000; ++i)
        document += "<n" + std::to_string(i) + "/>";
    CHECK(read_xml(document + "</a>", s).ec == xml::errc::too_large);
    CHECK_FALSE(read_xml(document + "</a>").ec);
}

TEST_CASE("what the handler throws leaves feed() as it is")
{
    struct thrower final : xml::handler
    {
        void start(xml::element const&) override {}
        void text(std::string_view) override { throw std::runtime_error("enough"); }
        void end(xml::name const&) override { ++ends; }
        int  ends = 0;
    } t;
    xml::reader r(t);
    CHECK_THROWS_WITH_AS(static_cast<void>(r.feed("<a>x</a><!--")), "enough", std::runtime_error);
    CHECK(t.ends == 0);
    CHECK(r.feed("x") == posthorn::errc::closed);
}

TEST_SUITE_END();
