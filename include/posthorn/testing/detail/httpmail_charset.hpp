//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Characters as the HTTPMail server writes them: Windows-1252, UTF-8 with repairs, percent-encoding.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_CHARSET_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_CHARSET_HPP

#include <posthorn/core/ascii.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::testing::detail {

/// The characters of Windows-1252 from 0x80 to 0x9f; 0 for those it lacks.
inline constexpr std::array<char16_t, 32> httpmail_windows_1252 = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

inline void httpmail_append_utf_8(char32_t c, std::string& out)
{
    auto const put = [&out](char32_t octet) { out += static_cast<char>(static_cast<unsigned char>(octet)); };
    if (c < 0x80)
        put(c);
    else if (c < 0x800)
    {
        put(0xc0U | c >> 6U);
        put(0x80U | (c & 0x3fU));
    }
    else if (c < 0x10000)
    {
        put(0xe0U | c >> 12U);
        put(0x80U | (c >> 6U & 0x3fU));
        put(0x80U | (c & 0x3fU));
    }
    else
    {
        put(0xf0U | c >> 18U);
        put(0x80U | (c >> 12U & 0x3fU));
        put(0x80U | (c >> 6U & 0x3fU));
        put(0x80U | (c & 0x3fU));
    }
}

/** Takes one character of UTF-8 from the front of a text that is not empty.
    @param valid Set to false if it was none; then one octet is taken and U+FFFD returned.
*/
inline char32_t httpmail_take_utf_8(std::string_view& text, bool& valid)
{
    auto const  first  = static_cast<unsigned char>(text.front());
    std::size_t length = first < 0x80   ? 1
                         : first < 0xc2 ? 0
                         : first < 0xe0 ? 2
                         : first < 0xf0 ? 3
                         : first < 0xf5 ? 4
                                        : 0;
    char32_t    c      = length == 1 ? first : first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i)
    {
        auto const next = i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
        if ((next & 0xc0U) != 0x80U)
        {
            length = 0;
            break;
        }
        c = c << 6U | (next & 0x3fU);
    }
    bool const bad = length == 0 || (length == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
                     (length == 4 && (c < 0x10000 || c > 0x10ffff));
    if (bad)
    {
        valid = false;
        text.remove_prefix(1);
        return 0xfffd;
    }
    text.remove_prefix(length);
    return c;
}

inline bool httpmail_is_utf_8(std::string_view text)
{
    bool valid = true;
    while (valid && !text.empty())
        httpmail_take_utf_8(text, valid);
    return valid;
}

/// @param strict ISO-8859-1: 0x80 to 0x9f are control characters.
inline std::string httpmail_from_code_page(std::string_view octets, bool strict = false)
{
    std::string text;
    for (char const octet : octets)
    {
        char32_t const c     = static_cast<unsigned char>(octet);
        bool const     table = !strict && c >= 0x80 && c < 0xa0;
        char32_t const told  = table ? httpmail_windows_1252[c - 0x80] : c;
        httpmail_append_utf_8(told == 0 ? 0xfffd : told, text);
    }
    return text;
}

/// The octet of Windows-1252 for a character, or -1.
inline int httpmail_code_page_octet(char32_t c)
{
    if (c < 0x80 || (c >= 0xa0 && c < 0x100))
        return static_cast<int>(c);
    for (std::size_t i = 0; i < httpmail_windows_1252.size(); ++i)
        if (c != 0 && httpmail_windows_1252[i] == c)
            return static_cast<int>(0x80 + i);
    return -1;
}

/// Characters that Windows-1252 lacks become question marks.
inline std::string httpmail_to_code_page(std::string_view text)
{
    std::string octets;
    bool        valid = true;
    while (!text.empty())
    {
        int const octet = httpmail_code_page_octet(httpmail_take_utf_8(text, valid));
        octets += octet < 0 ? '?' : static_cast<char>(static_cast<unsigned char>(octet));
    }
    return octets;
}

/// Decodes %XX; what is no triplet stays.
inline std::string httpmail_percent_decode(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        int const high = text[i] == '%' && i + 2 < text.size() ? ascii::hex_value(text[i + 1]) : -1;
        int const low  = high >= 0 ? ascii::hex_value(text[i + 2]) : -1;
        if (low < 0)
        {
            out += text[i];
            continue;
        }
        out += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
        i += 2;
    }
    return out;
}

/// Encodes all that may not stand in a segment of a path.
inline std::string httpmail_percent_encode(std::string_view segment)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string                out;
    for (char const c : segment)
    {
        if (ascii::is_alnum(c) || std::string_view("-._~!$&'()*+,;=:@").find(c) != std::string_view::npos)
        {
            out += c;
            continue;
        }
        auto const octet = static_cast<unsigned char>(c);
        out += '%';
        out += digits[octet >> 4U];
        out += digits[octet & 15U];
    }
    return out;
}

} // namespace posthorn::testing::detail

#endif
