//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/cookie.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

using namespace posthorn;

TEST_SUITE_BEGIN("http/cookie");

TEST_CASE("name, value and attributes")
{
    auto const c = http::parse_cookie("SID=31d4 ; Path=/a; Domain=.Example.COM; Secure; HttpOnly; Expires=Wed, 09 Jun 2021 10:18:14 GMT; X=y", 0);
    REQUIRE(c);
    CHECK(c->name == "SID");
    CHECK(c->value.view() == "31d4");
    CHECK(c->path == "/a");
    CHECK(c->domain == "example.com");
    CHECK(c->secure);
    CHECK(c->http_only);
    CHECK(c->expires == 1623233894);
}

TEST_CASE("values keep their quotes and equals signs, and may be empty")
{
    CHECK(http::parse_cookie("cadata=\"2bX=9\"", 0)->value.view() == "\"2bX=9\"");
    CHECK(http::parse_cookie("a=", 0)->value.empty());
    CHECK(http::parse_cookie("alone", 0)->name.empty());
    CHECK(http::parse_cookie("alone", 0)->value.view() == "alone");
}

TEST_CASE("Max-Age comes before Expires, wherever it stands")
{
    CHECK(http::parse_cookie("a=b; Max-Age=60; Expires=Wed, 09 Jun 2021 10:18:14 GMT", 1000)->expires == 1060);
    CHECK(http::parse_cookie("a=b; Expires=Wed, 09 Jun 2021 10:18:14 GMT; Max-Age=0", 1000)->expires == std::numeric_limits<std::int64_t>::min());
    CHECK(http::parse_cookie("a=b; Max-Age=-5", 1000)->expires == std::numeric_limits<std::int64_t>::min());
    CHECK(http::parse_cookie("a=b; Max-Age=99999999999999999999999999", 1000)->expires == 1000 + 400 * 86400);
    for (std::string_view odd : {"a=b; Max-Age=", "a=b; Max-Age=x", "a=b; Max-Age=1x", "a=b; Max-Age=-", "a=b; Expires=never"})
        CHECK_FALSE(http::parse_cookie(odd, 1000)->expires);
}

TEST_CASE("what is no cookie")
{
    CHECK_FALSE(http::parse_cookie("", 0));
    CHECK_FALSE(http::parse_cookie("=", 0));
    CHECK_FALSE(http::parse_cookie("; Path=/", 0));
    CHECK_FALSE(http::parse_cookie("a=b\r\nX: y", 0));
    CHECK_FALSE(http::parse_cookie(std::string_view("a=\0b", 4), 0));
    CHECK_FALSE(http::parse_cookie("a=" + std::string(9000, 'x'), 0));
    CHECK(http::parse_cookie("a=b; Path=" + std::string(9000, 'x'), 0)->path.empty());
}

TEST_SUITE_END();
