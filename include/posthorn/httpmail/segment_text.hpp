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
#include <posthorn/httpmail/detail/code_page.hpp>

#include <string>
#include <string_view>

namespace posthorn::httpmail {

/** A segment of a URL as text: decoded, and what is not UTF-8 taken for Windows-1252, as Hotmail encoded its folders.
    @return UTF-8, safe to show.
*/
inline std::string segment_text(std::string_view segment)
{
    std::string const octets = http::percent_decode(segment);
    return printable(detail::is_utf8(octets) ? octets : detail::from_windows_1252(octets), 1000);
}

} // namespace posthorn::httpmail

#endif
