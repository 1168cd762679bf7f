//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Characters and case of US-ASCII, without locale: the alphabet of every protocol here.

#ifndef POSTHORN_CORE_ASCII_HPP
#define POSTHORN_CORE_ASCII_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::ascii {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
constexpr bool is_alpha(char c) noexcept { return is_upper(c) || is_lower(c); }
constexpr bool is_alnum(char c) noexcept { return is_alpha(c) || is_digit(c); }
constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

/// C0 or DEL: what must never reach a command line.
constexpr bool is_control(char c) noexcept
{
    auto const u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
}

/// An octet above 127: part of UTF-8 or of some 8-bit charset.
constexpr bool is_eight_bit(char c) noexcept { return (static_cast<unsigned char>(c) & 0x80U) != 0; }

constexpr char to_lower(char c) noexcept { return is_upper(c) ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr char to_upper(char c) noexcept { return is_lower(c) ? static_cast<char>(c - ('a' - 'A')) : c; }

/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) noexcept
{
    if (is_digit(c))
        return c - '0';
    char const l = to_lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// Equal but for the case of ASCII letters.
constexpr bool iequals(std::string_view a, std::string_view b) noexcept
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return to_lower(x) == to_lower(y); });
}

/// Does `text` begin with `prefix`, but for the case of ASCII letters?
constexpr bool istarts_with(std::string_view text, std::string_view prefix) noexcept
{
    return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

/// Orders like std::less but ignores the case of ASCII letters; transparent, for ordered containers.
struct iless
{
    using is_transparent = void;
    constexpr bool operator()(std::string_view a, std::string_view b) const noexcept
    {
        return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                            [](char x, char y) { return to_lower(x) < to_lower(y); });
    }
};

/// Without blanks (space, tab) at both ends.
constexpr std::string_view trim(std::string_view s) noexcept
{
    while (!s.empty() && is_blank(s.front()))
        s.remove_prefix(1);
    while (!s.empty() && is_blank(s.back()))
        s.remove_suffix(1);
    return s;
}

inline std::string to_lower(std::string_view s)
{
    std::string r(s);
    std::transform(r.begin(), r.end(), r.begin(), [](char c) { return to_lower(c); });
    return r;
}

inline std::string to_upper(std::string_view s)
{
    std::string r(s);
    std::transform(r.begin(), r.end(), r.begin(), [](char c) { return to_upper(c); });
    return r;
}

/// True if any octet is C0 or DEL.
constexpr bool has_control(std::string_view s) noexcept { return std::any_of(s.begin(), s.end(), is_control); }

/// True if any octet is above 127.
constexpr bool has_eight_bit(std::string_view s) noexcept
{
    unsigned char all = 0; // without a branch for each octet
    for (char const c : s)
        all = static_cast<unsigned char>(all | static_cast<unsigned char>(c));
    return (all & 0x80U) != 0;
}

} // namespace posthorn::ascii

#endif
