//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Octets of Windows-1252, and such as should be UTF-8, made into UTF-8.

#ifndef POSTHORN_HTTPMAIL_DETAIL_CODE_PAGE_HPP
#define POSTHORN_HTTPMAIL_DETAIL_CODE_PAGE_HPP

#include <posthorn/core/printable.hpp>
#include <posthorn/xml/charset.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::httpmail::detail {

/// Windows-1252, which ISO-8859-1 is a part of for all that occurs in mail.
inline std::string from_windows_1252(std::string_view octets)
{
    std::string text;
    for (char const c : octets)
    {
        unsigned code = static_cast<unsigned char>(c);
        if (code >= 0x80 && code < 0xa0)
            code = xml::detail::windows_1252_high[code - 0x80];
        if (code == 0 && c != '\0')
            code = 0xfffd;
        if (code < 0x80)
            text += static_cast<char>(code);
        else if (code < 0x800)
        {
            text += static_cast<char>(0xc0U | (code >> 6U));
            text += static_cast<char>(0x80U | (code & 0x3fU));
        }
        else
        {
            text += static_cast<char>(0xe0U | (code >> 12U));
            text += static_cast<char>(0x80U | ((code >> 6U) & 0x3fU));
            text += static_cast<char>(0x80U | (code & 0x3fU));
        }
    }
    return text;
}

/// Is all of it UTF-8?
inline bool is_utf8(std::string_view octets) noexcept
{
    while (!octets.empty())
    {
        auto const n = posthorn::detail::utf8_sequence(octets);
        if (n == 0)
            return false;
        octets.remove_prefix(n);
    }
    return true;
}

/// UTF-8, what is none of it replaced by U+FFFD.
inline std::string from_utf8(std::string_view octets)
{
    std::string text;
    while (!octets.empty())
    {
        auto const n = posthorn::detail::utf8_sequence(octets);
        text += n == 0 ? std::string_view("\xef\xbf\xbd") : octets.substr(0, n);
        octets.remove_prefix(std::max<std::size_t>(n, 1));
    }
    return text;
}

} // namespace posthorn::httpmail::detail

#endif
