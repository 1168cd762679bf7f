//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Characters of XML 1.0 (section 2.2) and their spelling in UTF-8.

#ifndef POSTHORN_XML_DETAIL_CHARACTERS_HPP
#define POSTHORN_XML_DETAIL_CHARACTERS_HPP

#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::xml::detail {

/// U+FFFD in UTF-8: stands for what could not be read.
inline constexpr std::string_view replacement = "\xef\xbf\xbd";

constexpr bool is_high_surrogate(std::uint32_t c) noexcept { return c >= 0xd800 && c <= 0xdbff; }
constexpr bool is_low_surrogate(std::uint32_t c) noexcept { return c >= 0xdc00 && c <= 0xdfff; }

constexpr std::uint32_t join_surrogates(std::uint32_t high, std::uint32_t low) noexcept
{
    return 0x10000U + ((high - 0xd800U) << 10U) + (low - 0xdc00U);
}

/// May this character stand in a document?
constexpr bool is_character(std::uint32_t c) noexcept
{
    if (c < 0x20)
        return c == 0x9 || c == 0xa || c == 0xd;
    return c <= 0xd7ff || (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

/// @pre c <= 0x10ffff and no surrogate
inline void append_utf8(std::uint32_t c, std::string& out)
{
    auto const put = [&](std::uint32_t octet) {
        out += static_cast<char>(static_cast<unsigned char>(octet));
    };
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

} // namespace posthorn::xml::detail

#endif
