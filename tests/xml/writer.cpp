//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/xml/writer.hpp>

#include <doctest/doctest.h>

#include <support/xml_events.hpp>

#include <string>
#include <string_view>

namespace xml = posthorn::xml;

TEST_SUITE_BEGIN("xml/writer");

TEST_CASE("elements stand on lines of their own, texts inside")
{
    std::string out;
    xml::writer w(out);
    w.bind("D", "DAV:");
    w.bind("hm", "urn:schemas:httpmail:");
    w.bind("again", "DAV:");
    w.start({"DAV:", "propertyupdate"});
    w.start({"DAV:", "prop"});
    w.element({"urn:schemas:httpmail:", "read"}, "1");
    w.empty({"DAV:", "displayname"});
    w.end();
    w.end();
    CHECK(out == "<?xml version=\"1.0\"?>\r\n"
                 "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:hm=\"urn:schemas:httpmail:\">\r\n"
                 "\t<D:prop>\r\n"
                 "\t\t<hm:read>1</hm:read>\r\n"
                 "\t\t<D:displayname/>\r\n"
                 "\t</D:prop>\r\n"
                 "</D:propertyupdate>\r\n");
}

TEST_CASE("a text is read back as it was written")
{
    for (std::string_view const text : {"", "a & b < c > d \"e\" 'f'", "]]>", "&amp;", "tab\tline\r\nline\n",
                                        "caf\xc3\xa9 \xf0\x9f\x98\x80"})
    {
        CAPTURE(text);
        std::string out;
        xml::writer w(out);
        w.bind("urn:x");
        w.element({"urn:x", "a"}, text);
        auto const r = support::read_xml(out);
        REQUIRE_FALSE(r.ec);
        CHECK(r.events == "<{urn:x}a>" + std::string(text) + "</>");
        std::string attribute = "<a b=\"";
        xml::escape(text, attribute, true);
        auto const again = support::read_xml(attribute + "\"/>");
        CHECK(again.events == "<a b='" + std::string(text) + "'></>");
        CHECK_FALSE(again.repairs.any());
    }
}

TEST_CASE("what cannot be written is refused and leaves the output alone")
{
    std::string out = "x";
    for (std::string_view const text :
         {std::string_view("\x01"), std::string_view("a\0b", 3), std::string_view("\xe9"),
          std::string_view("\xef\xbf\xbf"), std::string_view("\x1b[0m")})
    {
        CHECK_THROWS_WITH_AS(xml::escape(text, out), doctest::Contains("cannot be written"), posthorn::error);
        CHECK(out == "x");
    }
}

TEST_CASE("names are checked")
{
    for (std::string_view const name : {"", "1a", "a b", "a>", "a:b", "-a", ".a", "\xe9", "0x8104"})
    {
        CAPTURE(name);
        std::string out;
        xml::writer w(out);
        w.bind("D", "DAV:");
        std::error_code ec;
        try
        {
            w.empty({"DAV:", name});
        }
        catch (posthorn::error const& e)
        {
            ec = e.code();
        }
        CHECK(ec == xml::errc::bad_name);
        CHECK(out == "<?xml version=\"1.0\"?>\r\n");
    }
    std::string out;
    xml::writer w(out);
    CHECK_THROWS_AS(w.start({"urn:unbound", "a"}), posthorn::error);
    w.empty({"", "caf\xc3\xa9"});
    CHECK(out.ends_with("<caf\xc3\xa9/>\r\n"));
}

TEST_CASE("attributes follow the start of an element")
{
    std::string out;
    xml::writer w(out);
    w.bind("T", "urn:t");
    w.start({"", "a"});
    w.attribute({"urn:t", "dt"}, "a<\"b\">\n");
    w.start({"", "b"});
    w.attribute({"", "c"}, "1");
    w.text("x");
    w.end();
    w.end();
    CHECK(support::read_xml(out).events == "<a {urn:t}dt='a<\"b\">\n'>\n\t<b c='1'>x</>\n</>");
}

TEST_CASE("a namespace is escaped where it is declared")
{
    std::string out;
    xml::writer w(out);
    w.bind("urn:a\"><b x=\"&");
    w.empty({"urn:a\"><b x=\"&", "a"});
    CHECK(support::read_xml(out).events == "<{urn:a\"><b x=\"&}a></>");
}

TEST_SUITE_END();
