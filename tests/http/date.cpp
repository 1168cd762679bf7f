//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/date.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string_view>

using namespace posthorn;

TEST_SUITE_BEGIN("http/date");

TEST_CASE("the three forms of RFC 9110, 5.6.7")
{
    CHECK(http::parse_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
    CHECK(http::parse_date("Sunday, 06-Nov-94 08:49:37 GMT") == 784111777);
    CHECK(http::parse_date("Sun Nov  6 08:49:37 1994") == 784111777);
    CHECK(http::parse_date("Thu, 10 Jun 2004 10:30:00 +0000") == 1086863400);
    CHECK(http::parse_date("Tuesday, 01-Jan-80 00:00:00 GMT") == 315532800);
    CHECK(http::parse_date("Sat, 31 Dec 2016 23:59:60 GMT") == 1483228799);
}

TEST_CASE("what is no date")
{
    for (std::string_view bad : {"", "0", "-1", "now", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
                                 "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Xxx 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
                                 "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 8:49:37 GMT", "Sun Nov  6 08:49:37 94", "Sun Nov  6"})
    {
        CAPTURE(bad);
        CHECK_FALSE(http::parse_date(bad));
    }
}

TEST_CASE("years of two digits lie within fifty years")
{
    CHECK(http::parse_date("Sunday, 06-Nov-94 08:49:37 GMT", 2040) == 784111777);
    CHECK(http::parse_date("Sunday, 06-Nov-94 08:49:37 GMT", 2050) == 784111777 + std::int64_t(36525) * 86400);
}

TEST_CASE("what is written reads back")
{
    CHECK(http::format_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
    for (std::int64_t t : {std::int64_t(0), std::int64_t(-1), std::int64_t(951782400), std::int64_t(253402300799)})
        CHECK(http::parse_date(http::format_date(t)) == t);
}

TEST_CASE("dates of cookies have their parts in any order")
{
    for (std::string_view good : {"Wed, 09 Jun 2021 10:18:14 GMT", "Wed, 09-Jun-2021 10:18:14 GMT", "Wed, 09-Jun-21 10:18:14 GMT",
                                  "10:18:14 9 june 2021", "2021 Jun 9 10:18:14", "Wed Jun  9 10:18:14 2021", "9/Jun/2021/10:18:14"})
    {
        CAPTURE(good);
        CHECK(http::parse_cookie_date(good) == 1623233894);
    }
    CHECK(http::parse_cookie_date("Thu, 01-Jan-1970 00:00:01 GMT") == 1);
    CHECK(http::parse_cookie_date("1 Jan 69 00:00:00") == 3124224000);
    for (std::string_view bad : {"", "tomorrow", "9 Jun 2021", "9 Jun 10:18:14", "Jun 2021 10:18:14", "32 Jun 2021 10:18:14", "9 Jun 1600 10:18:14",
                                 "9 Jun 2021 25:18:14", "9 Jun 2021 10:18:60"})
    {
        CAPTURE(bad);
        CHECK_FALSE(http::parse_cookie_date(bad));
    }
}

TEST_SUITE_END();
