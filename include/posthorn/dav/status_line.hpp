//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Status lines inside a multistatus, as servers write them.

#ifndef POSTHORN_DAV_STATUS_LINE_HPP
#define POSTHORN_DAV_STATUS_LINE_HPP

#include <posthorn/core/ascii.hpp>

#include <cstddef>
#include <string_view>

namespace posthorn::dav {

/** The code of a status line such as `HTTP/1.1 200 OK`.

    The three digits after the first space; the version and the reason are not looked at, since servers leave the one out
    and write anything as the other.
    @return 0 if there is no code from 100 to 999.
*/
constexpr int parse_status_line(std::string_view line) noexcept
{
    constexpr auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };

    std::size_t at = 0;
    while (at < line.size() && is_space(line[at]))
        ++at;
    if (at < line.size() && ascii::is_alpha(line[at]))
    {
        while (at < line.size() && !is_space(line[at]))
            ++at;
        while (at < line.size() && is_space(line[at]))
            ++at;
    }
    int code = 0;
    for (std::size_t i = at; i < at + 3; ++i)
    {
        if (i >= line.size() || !ascii::is_digit(line[i]))
            return 0;
        code = code * 10 + (line[i] - '0');
    }
    if (at + 3 < line.size() && ascii::is_digit(line[at + 3]))
        return 0;
    return code >= 100 ? code : 0;
}

} // namespace posthorn::dav

#endif
