//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The small pieces of HTTP's grammar (RFC 9110, 5.6): tokens, field values, lists, quoted strings.

#ifndef POSTHORN_HTTP_SYNTAX_HPP
#define POSTHORN_HTTP_SYNTAX_HPP

#include <posthorn/codec/quoted_string.hpp>
#include <posthorn/core/ascii.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::http {

/// What methods, field names and parameters are made of.
constexpr bool is_token_char(char c) noexcept
{
    return ascii::is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

constexpr bool is_token(std::string_view s) noexcept
{
    return !s.empty() && std::all_of(s.begin(), s.end(), is_token_char);
}

/// May it be the value of a field? Visible characters, octets above 127, and blanks that are not at an end.
constexpr bool is_field_value(std::string_view s) noexcept
{
    return ascii::trim(s).size() == s.size() &&
           std::all_of(s.begin(), s.end(), [](char c) { return c == '\t' || !ascii::is_control(c); });
}

/// Decimal digits and nothing else. Nothing if there are none or the number has no room in 63 bits.
constexpr std::optional<std::uint64_t> parse_number(std::string_view s) noexcept
{
    constexpr auto most  = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    std::uint64_t  value = 0;
    if (s.empty())
        return std::nullopt;
    for (char const c : s)
    {
        if (!ascii::is_digit(c))
            return std::nullopt;
        auto const digit = static_cast<std::uint64_t>(c - '0');
        if (value > (most - digit) / 10)
            return std::nullopt;
        value = value * 10 + digit;
    }
    return value;
}

/** Takes the next member off a comma-separated list; empty members are left out (RFC 9110, 5.6.1).

    Commas within quoted strings do not count.
    @return False at the end. */
constexpr bool next_member(std::string_view& list, std::string_view& member) noexcept
{
    for (;;)
    {
        while (!list.empty() && (list.front() == ',' || ascii::is_blank(list.front())))
            list.remove_prefix(1);
        if (list.empty())
            return false;
        bool        quoted = false;
        std::size_t i      = 0;
        for (; i != list.size() && (quoted || list[i] != ','); ++i)
        {
            if (quoted && list[i] == '\\' && i + 1 != list.size())
                ++i;
            else if (list[i] == '"')
                quoted = !quoted;
        }
        member = ascii::trim(list.substr(0, i));
        list.remove_prefix(i);
        if (!member.empty())
            return true;
    }
}

using codec::quoted_string;
using codec::take_quoted;

} // namespace posthorn::http

#endif
