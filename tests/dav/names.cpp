//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/names.hpp>

#include <doctest/doctest.h>

namespace dav = posthorn::dav;

TEST_SUITE_BEGIN("dav/names");

TEST_CASE("the spellings of DAV: that occur")
{
    CHECK(dav::is_dav("DAV:"));
    CHECK(dav::is_dav("Dav:"));
    CHECK(dav::is_dav("DAV"));
    for (auto const* no : {"", "dav", "DAV::", "urn:DAV:", "DAV: "})
        CHECK_FALSE(dav::is_dav(no));
}

TEST_CASE("the prefixes that some servers look at alone")
{
    CHECK(dav::usual_prefix("DAV:") == "D");
    CHECK(dav::usual_prefix("urn:schemas:httpmail:") == "hm");
    CHECK(dav::usual_prefix("urn:schemas:mailheader:") == "m");
    CHECK(dav::usual_prefix("http://schemas.microsoft.com/hotmail/") == "h");
    CHECK(dav::usual_prefix("urn:schemas:contacts:") == "c");
    CHECK(dav::usual_prefix("urn:x").empty());
}

TEST_CASE("a name that owns its text is the same name")
{
    dav::property_name const n(dav::names::displayname);
    CHECK(posthorn::xml::name(n) == dav::names::displayname);
    CHECK(n == dav::property_name("DAV:", "displayname"));
}

TEST_SUITE_END();
