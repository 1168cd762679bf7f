//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Names in URLs for people: a segment is UTF-8 on some servers, in a code page on others.

#ifndef POSTHORN_HTTPMAIL_SEGMENT_TEXT_HPP
#define POSTHORN_HTTPMAIL_SEGMENT_TEXT_HPP

#include <posthorn/core/printable.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/xml/charset.hpp>

#include <string>
#include <string_view>

namespace posthorn::httpmail {

/** A segment of a URL as text: decoded, and what is not UTF-8 taken for Windows-1252, as Hotmail encoded its folders.
    @return UTF-8, safe to show.
*/
inline std::string segment_text(std::string_view segment)
{
    std::string const octets = http::percent_decode(segment);
    std::string       text;
    for (std::string_view rest = octets; !rest.empty();)
    {
        auto const n = posthorn::detail::utf8_sequence(rest);
        if (n == 0)
        {
            text.clear();
            break;
        }
        text.append(rest.substr(0, n));
        rest.remove_prefix(n);
    }
    if (!text.empty() || octets.empty())
        return printable(text, 1000);
    for (char const c : octets)
    {
        unsigned code = static_cast<unsigned char>(c);
        if (code >= 0x80 && code < 0xa0)
            code = xml::detail::windows_1252_high[code - 0x80];
        if (code == 0)
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
    return printable(text, 1000);
}

} // namespace posthorn::httpmail

#endif
