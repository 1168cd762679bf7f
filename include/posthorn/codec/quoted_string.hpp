//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Quoted strings, as HTTP (RFC 9110, 5.6.4) and DIGEST-MD5 (RFC 2831, 7.2) write them.

#ifndef POSTHORN_CODEC_QUOTED_STRING_HPP
#define POSTHORN_CODEC_QUOTED_STRING_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::codec {

/// Takes a quoted string off the front. Nothing if there is none or it does not end.
inline std::optional<std::string> take_quoted(std::string_view& text)
{
    if (text.empty() || text.front() != '"')
        return std::nullopt;
    std::string value;
    for (std::size_t i = 1; i < text.size(); ++i)
    {
        if (text[i] == '"')
        {
            text.remove_prefix(i + 1);
            return value;
        }
        if (text[i] == '\\' && ++i == text.size())
            break;
        value += text[i];
    }
    return std::nullopt;
}

/// As a quoted string. Controls stay as they are: where they must not be, the caller has checked.
inline std::string quoted_string(std::string_view text)
{
    std::string out("\"");
    for (char const c : text)
    {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out += '"';
}

} // namespace posthorn::codec

#endif
