//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/value.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace dav = posthorn::dav;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("dav/value");

TEST_CASE("declared types are known by name")
{
    struct
    {
        char const*     text;
        dav::value_type type;
        bool            many;
    } const cases[] = {
        {"string", dav::value_type::string, false},
        {"boolean", dav::value_type::boolean, false},
        {"int", dav::value_type::integer, false},
        {"i2", dav::value_type::integer, false},
        {"i4", dav::value_type::integer, false},
        {"i8", dav::value_type::integer, false},
        {"r4", dav::value_type::real, false},
        {"float", dav::value_type::real, false},
        {"r8", dav::value_type::real, false},
        {"fixed.14.4", dav::value_type::fixed_14_4, false},
        {"dateTime.tz", dav::value_type::date_time, false},
        {"dateTime.rfc1123", dav::value_type::date_time, false},
        {"bin.base64", dav::value_type::base64, false},
        {"bin.hex", dav::value_type::hex, false},
        {"uuid", dav::value_type::uuid, false},
        {"uri", dav::value_type::uri, false},
        {"mv.string", dav::value_type::string, true},
        {"mv.int", dav::value_type::integer, true},
        {"colour", dav::value_type::other, false},
        {"", dav::value_type::other, false},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.text);
        CHECK(dav::parse_value_kind(c.text) == dav::value_kind{c.type, c.many});
    }
}

TEST_CASE("booleans")
{
    for (auto const* yes : {"1", "true", "TRUE", "t", " 1 ", "\r\n1\t", "2", "-1"})
        CHECK(dav::to_boolean(yes) == true);
    for (auto const* no : {"0", "false", "False", "F", "00"})
        CHECK(dav::to_boolean(no) == false);
    for (auto const* none : {"", " ", "yes", "1x", "1.0", "tr"})
        CHECK_FALSE(dav::to_boolean(none).has_value());
}

TEST_CASE("integers")
{
    CHECK(dav::to_integer(" 812 ") == 812);
    CHECK(dav::to_integer("-5") == -5);
    CHECK(dav::to_integer("+5") == 5);
    CHECK(dav::to_integer("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
    for (auto const* none : {"", "x", "1x", "1.5", "9223372036854775808", "+-5", "0x10", "1 2"})
        CHECK_FALSE(dav::to_integer(none).has_value());
}

TEST_CASE("reals")
{
    CHECK(dav::to_real("1.5") == 1.5);
    CHECK(dav::to_real(" -2e3 ") == -2000.0);
    CHECK(dav::to_real("+7") == 7.0);
    for (auto const* none : {"", "x", "1,5", "inf", "nan", "1.5x", "1e999", "0x1p3"})
        CHECK_FALSE(dav::to_real(none).has_value());
}

TEST_CASE("fixed.14.4 is exact")
{
    CHECK(dav::to_fixed_14_4("12.34") == 123400);
    CHECK(dav::to_fixed_14_4("-0.0001") == -1);
    CHECK(dav::to_fixed_14_4("7") == 70000);
    CHECK(dav::to_fixed_14_4(".5") == 5000);
    CHECK(dav::to_fixed_14_4("1.23400000") == 12340);
    CHECK(dav::to_fixed_14_4("99999999999999.9999") == 999999999999999999);
    for (auto const* none :
         {"", ".", "-", "1.23456", "1.2.3", "1e2", "9999999999999999999", "999999999999999999"})
        CHECK_FALSE(dav::to_fixed_14_4(none).has_value());
}

TEST_CASE("times in all the forms of servers")
{
    auto const expected = std::chrono::sys_days(std::chrono::year(2004) / 6 / 7) + 8h + 15min + 30s;
    for (auto const* text :
         {"2004-06-07T08:15:30", "2004-06-07T08:15:30Z", "2004-06-07T08:15:30.000Z",
          "2004-06-07T10:15:30+02:00", "2004-06-07T03:15:30-0500", " 2004-06-07t08:15:30z\n",
          "2004-06-07 08:15:30", "Mon, 07 Jun 2004 08:15:30 GMT", "Mon, 7 Jun 2004 08:15:30 +0000",
          "7 jun 2004 10:15:30 +0200", "Monday, 07-Jun-2004 08:15:30 UTC"})
    {
        CAPTURE(text);
        CHECK(dav::to_time(text) == expected);
    }
    CHECK(dav::to_time("2004-06-10T10:12:09.123Z") ==
          std::chrono::sys_days(std::chrono::year(2004) / 6 / 10) + 10h + 12min + 9s + 123ms);
    CHECK(dav::to_time("2004-06-10T10:12:09.1234567Z") == dav::to_time("2004-06-10T10:12:09.123Z"));
    CHECK(dav::to_time("2004-06-07") ==
          dav::time_point(std::chrono::sys_days(std::chrono::year(2004) / 6 / 7)));
    CHECK(dav::to_time("2004-02-29T00:00:00Z").has_value());
    for (auto const* none : {"", "yesterday", "2004-13-01T00:00:00Z", "2003-02-29T00:00:00Z",
                             "2004-06-07T24:00:00Z", "2004-06-07T08:60:00Z", "2004-06-07T08:15:30X",
                             "2004-06-07T08:15:30Zx", "04-06-07T08:15:30Z", "Mon, 07 Foo 2004 08:15:30 GMT",
                             "2004-06-07T08:15:30.", "2004-06-07T", "2004-06-07T08:15:30+25:00"})
    {
        CAPTURE(none);
        CHECK_FALSE(dav::to_time(none).has_value());
    }
}

TEST_CASE("octets")
{
    CHECK(dav::to_octets_from_hex("00fF 10\r\n") == std::string("\x00\xff\x10", 3));
    CHECK(dav::to_octets_from_hex("") == std::string());
    CHECK_FALSE(dav::to_octets_from_hex("0").has_value());
    CHECK_FALSE(dav::to_octets_from_hex("0g").has_value());
    CHECK(dav::to_octets_from_base64("aGVs\r\nbG8=") == std::string("hello"));
    CHECK_FALSE(dav::to_octets_from_base64("aGVsbG8").has_value());
}

TEST_SUITE_END();
