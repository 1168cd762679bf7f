//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/syntax.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace posthorn;

TEST_SUITE_BEGIN("http/syntax");

namespace {

std::vector<std::string> members(std::string_view list)
{
    std::vector<std::string> all;
    std::string_view         one;
    while (http::next_member(list, one))
        all.emplace_back(one);
    return all;
}

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("tokens are letters, digits and fifteen signs")
{
    CHECK(http::is_token("BPROPFIND"));
    CHECK(http::is_token("!#$%&'*+-.^_`|~09azAZ"));
    for (std::string_view bad : {"", " ", "a b", "a:", "a\t", "(a)", "a\x80", "a\r\n", "\"a\"", "a/b", "a=b"})
        CHECK_FALSE(http::is_token(bad));
}

TEST_CASE("field values have no controls and no blanks at the ends")
{
    for (std::string_view good : {"", "a", "a b\tc", "\xff\x80", "\"x\""})
        CHECK(http::is_field_value(good));
    for (std::string_view bad : {" a", "a ", "\ta", "a\r\nb", "a\nb", "a\x7f"})
        CHECK_FALSE(http::is_field_value(bad));
    CHECK_FALSE(http::is_field_value(std::string_view("a\0b", 3)));
}

TEST_CASE("numbers are decimal and have room in 63 bits")
{
    CHECK(http::parse_number("0") == 0);
    CHECK(http::parse_number("0007") == 7);
    CHECK(http::parse_number("9223372036854775807") == std::uint64_t(9223372036854775807U));
    for (std::string_view bad : {"", "-1", "+1", " 1", "1 ", "0x1", "1,1", "9223372036854775808", "99999999999999999999", "1.0"})
        CHECK_FALSE(http::parse_number(bad));
}

TEST_CASE("members of lists")
{
    CHECK(members("") == texts{});
    CHECK(members(" , ,\t") == texts{});
    CHECK(members("a") == texts{"a"});
    CHECK(members("a, b ,,c") == texts{"a", "b", "c"});
    CHECK(members("x=\"1, 2\", y") == texts{"x=\"1, 2\"", "y"});
    CHECK(members("\"a\\\",b\", c") == texts{"\"a\\\",b\"", "c"});
    CHECK(members("\"never ends, c") == texts{"\"never ends, c"});
}

TEST_CASE("quoted strings")
{
    std::string_view text = "\"a\\\"b\\\\c\" rest";
    CHECK(http::take_quoted(text) == "a\"b\\c");
    CHECK(text == " rest");
    for (std::string_view bad : {"", "a", "\"", "\"abc", "\"abc\\", "\"abc\\\""})
    {
        auto copy = bad;
        CHECK_FALSE(http::take_quoted(copy));
        CHECK(copy == bad);
    }
    CHECK(http::quoted_string("a\"b\\c") == "\"a\\\"b\\\\c\"");
}

TEST_SUITE_END();
