//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the body of a response is: XML by its type, or the login page of an expired session.

#ifndef POSTHORN_DAV_SNIFF_HPP
#define POSTHORN_DAV_SNIFF_HPP

#include <posthorn/core/ascii.hpp>

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
