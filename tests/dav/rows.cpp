//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/rows.hpp>

#include <doctest/doctest.h>

namespace dav = posthorn::dav;

TEST_SUITE_BEGIN("dav/rows");

TEST_CASE("a range as it is asked for")
{
    CHECK(dav::row_range(0, 49).str() == "rows=0-49");
    dav::row_range rest;
    rest.first = 228;
    CHECK(rest.str() == "rows=228-");
}

TEST_CASE("a range as it is answered")
{
    CHECK(dav::parse_row_content("rows 0-49; total=228") == dav::row_content{0, 49, 228});
    CHECK(dav::parse_row_content(" Rows  3-3 ;total=4") == dav::row_content{3, 3, 4});
    CHECK(dav::parse_row_content("rows 0-8") == dav::row_content{0, 8, {}});
    CHECK(dav::parse_row_content("rows 0-8; total=*") == dav::row_content{0, 8, {}});
    for (auto const* none : {"", "rows", "rows ", "bytes 0-8/9", "rows 8-0", "rows x-8", "rows 0", "rows=0-8",
                             "rows 99999999999999999999-1"})
    {
        CAPTURE(none);
        CHECK_FALSE(dav::parse_row_content(none).has_value());
    }
}

TEST_SUITE_END();
