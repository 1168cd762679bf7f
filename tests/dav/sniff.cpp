//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/sniff.hpp>

#include <doctest/doctest.h>

namespace dav = posthorn::dav;

TEST_SUITE_BEGIN("dav/sniff");

TEST_CASE("types of XML")
{
    for (auto const* yes :
         {"text/xml", "TEXT/XML; charset=utf-8", "application/xml", "application/foo+xml ; x=y"})
        CHECK(dav::is_xml_type(yes));
    for (auto const* no : {"", "text/html", "text/xmlx", "+xml", "text/plain; a=text/xml"})
        CHECK_FALSE(dav::is_xml_type(no));
}

TEST_CASE("the charset parameter")
{
    CHECK(dav::charset_parameter("text/xml; charset=utf-8") == "utf-8");
    CHECK(dav::charset_parameter("text/xml;x=y ; Charset = \"ISO-8859-1\" ; z") == "ISO-8859-1");
    CHECK(dav::charset_parameter("text/xml; charset=utf-8;x") == "utf-8");
    for (auto const* none :
         {"", "text/xml", "text/xml; charset", "text/xml; charsets=a", "text/xml; charset="})
        CHECK(dav::charset_parameter(none).empty());
}

TEST_CASE("a page that asks for a password")
{
    CHECK(dav::is_login_page("<html><FORM action='/x'><Input name=u><INPUT Type=\"password\"></form>"));
    CHECK(dav::is_login_page("<form><input type=password>"));
    CHECK_FALSE(dav::is_login_page("<html><form><input type=text></form> type=password"));
    CHECK_FALSE(dav::is_login_page("<input type=password>"));
    CHECK_FALSE(dav::is_login_page("<form>"));
    CHECK_FALSE(dav::is_login_page(""));
}

TEST_SUITE_END();
