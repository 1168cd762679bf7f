//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a body that should be a multistatus looks like, before or after it turned out to be none.

#ifndef POSTHORN_DAV_SNIFF_HPP
#define POSTHORN_DAV_SNIFF_HPP

#include <posthorn/core/ascii.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::dav {

/// Is this a media type of XML (RFC 7303)? @param content_type The value of Content-Type, with or without parameters.
inline bool is_xml_type(std::string_view content_type) noexcept
{
    auto const type = ascii::trim(content_type.substr(0, content_type.find(';')));
    if (ascii::iequals(type, "text/xml") || ascii::iequals(type, "application/xml"))
        return true;
    return type.size() > 4 && ascii::iequals(type.substr(type.size() - 4), "+xml");
}

/// The `charset` parameter of a Content-Type, without quotes; empty if there is none.
inline std::string charset_parameter(std::string_view content_type)
{
    std::string_view rest = content_type;
    for (auto semicolon = rest.find(';'); semicolon != rest.npos; semicolon = rest.find(';'))
    {
        rest.remove_prefix(semicolon + 1);
        auto const parameter = ascii::trim(rest);
        if (!ascii::istarts_with(parameter, "charset"))
            continue;
        auto value = ascii::trim(parameter.substr(7));
        if (value.empty() || value[0] != '=')
            continue;
        value = ascii::trim(value.substr(1));
        if (!value.empty() && value[0] == '"')
            return std::string(value.substr(1, value.find('"', 1) - 1));
        return std::string(ascii::trim(value.substr(0, value.find(';'))));
    }
    return {};
}

/** Can a body that begins like this be a multistatus?

    It begins with `<?xml`, or with an element whose name ends in "multistatus", after white space or a byte order mark; UTF-16
    counts as well. The reader has the last word.
*/
inline bool may_be_multistatus(std::string_view front) noexcept
{
    if (front.substr(0, 2) == "\xff\xfe" || front.substr(0, 2) == "\xfe\xff")
        return true;
    if (front.substr(0, 3) == "\xef\xbb\xbf")
        front.remove_prefix(3);
    front = front.substr(std::min(front.find_first_not_of(" \t\r\n"), front.size()));
    if (front.substr(0, 5) == "<?xml")
        return true;
    if (front.substr(0, 1) != "<")
        return false;
    auto const name = front.substr(1, front.find_first_of(" \t\r\n/>", 1) - 1);
    return name.ends_with("multistatus");
}

/// Is this a page with a form that asks for a password? Servers send one, with 200, when a session has expired.
inline bool is_login_page(std::string_view html)
{
    auto const page = ascii::to_lower(html);
    auto const form = page.find("<form");
    if (form == page.npos)
        return false;
    for (auto input = page.find("<input", form); input != page.npos; input = page.find("<input", input + 1))
    {
        auto const tag = page.substr(input, page.find('>', input) - input);
        for (std::string_view const type : {"type=\"password\"", "type='password'", "type=password"})
            if (tag.find(type) != tag.npos)
                return true;
    }
    return false;
}

} // namespace posthorn::dav

#endif
