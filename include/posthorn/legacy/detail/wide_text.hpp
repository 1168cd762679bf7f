//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// UTF-8 to wide characters and back, for the names of files.

#ifndef POSTHORN_LEGACY_DETAIL_WIDE_TEXT_HPP
#define POSTHORN_LEGACY_DETAIL_WIDE_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::legacy::detail {

/// Octets that are no UTF-8 become lone surrogates, which cannot occur otherwise: each name comes back as it was.
inline constexpr std::uint32_t raw_octet = 0xDC00;

/** The code point at the start of `text` and how many octets it has. An octet that is no UTF-8 is one of its own.

    @pre `text` is not empty.
*/
constexpr std::uint32_t first_code_point(std::string_view text, std::size_t& length) noexcept
{
    auto const octet = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };

    std::uint32_t const lead = octet(0);
    length                   = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0x80)
        return lead;
    bool          good  = lead >= 0xC2 && lead <= 0xF4 && length <= text.size();
    std::uint32_t value = lead & (0x7Fu >> length);
    for (std::size_t i = 1; good && i != length; ++i)
    {
        good  = (octet(i) & 0xC0) == 0x80;
        value = value << 6 | (octet(i) & 0x3F);
    }
    bool const shortest = value >= (length == 4 ? 0x10000u : length == 3 ? 0x800u : 0x80u);
    if (good && shortest && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF))
        return value;
    length = 1;
    return raw_octet + lead;
}

inline std::wstring to_wide(std::string_view text)
{
    std::wstring wide;
    wide.reserve(text.size());
    while (!text.empty())
    {
        std::size_t         length = 0;
        std::uint32_t const point  = first_code_point(text, length);
        wide += static_cast<wchar_t>(point); // 32 bits wherever this is used: Windows has functions of its own
        text.remove_prefix(length);
    }
    return wide;
}

/// The reverse. What is no character becomes '?'.
inline std::string to_narrow(std::wstring_view wide)
{
    std::string text;
    auto const  add = [&](std::uint32_t octet) { text += static_cast<char>(static_cast<unsigned char>(octet)); };
    for (wchar_t const c : wide)
    {
        auto const point = static_cast<std::uint32_t>(c);
        if (point < 0x80)
            add(point);
        else if (point < 0x800)
        {
            add(0xC0 | point >> 6);
            add(0x80 | (point & 0x3F));
        }
        else if (point >= raw_octet + 0x80 && point <= raw_octet + 0xFF)
            add(point - raw_octet);
        else if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            add('?');
        else if (point < 0x10000)
        {
            add(0xE0 | point >> 12);
            add(0x80 | (point >> 6 & 0x3F));
            add(0x80 | (point & 0x3F));
        }
        else
        {
            add(0xF0 | point >> 18);
            add(0x80 | (point >> 12 & 0x3F));
            add(0x80 | (point >> 6 & 0x3F));
            add(0x80 | (point & 0x3F));
        }
    }
    return text;
}

} // namespace posthorn::legacy::detail

#endif
