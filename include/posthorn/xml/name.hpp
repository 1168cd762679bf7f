//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Expanded names: a namespace and a local name. Prefixes mean nothing.

#ifndef POSTHORN_XML_NAME_HPP
#define POSTHORN_XML_NAME_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::xml {

/// The name of an element or attribute (Namespaces in XML 1.0). Views: see where they came from.
struct name
{
    std::string_view space; ///< The namespace, byte for byte; empty: none.
    std::string_view local;

    friend constexpr bool operator==(name const&, name const&) = default;
};

/// As James Clark writes names, e.g. "{DAV:}href"; safe to show.
inline std::string to_string(name const& n)
{
    std::string text;
    if (!n.space.empty())
        text = '{' + printable(n.space, 200) + '}';
    return text + printable(n.local, 200);
}

/** Can this be the local part of a name?

    Letters, digits, `_`, `-`, `.` and anything beyond ASCII that is UTF-8; not beginning with a digit, `-` or
    `.`. Stricter than XML in nothing that occurs, more lenient beyond ASCII.
*/
constexpr bool is_local_name(std::string_view text) noexcept
{
    if (text.empty() || ascii::is_digit(text[0]) || text[0] == '-' || text[0] == '.')
        return false;
    while (!text.empty())
    {
        char const c = text[0];
        if (ascii::is_eight_bit(c))
        {
            std::size_t const n = posthorn::detail::utf8_sequence(text);
            if (n == 0)
                return false;
            text.remove_prefix(n);
            continue;
        }
        if (!ascii::is_alnum(c) && c != '_' && c != '-' && c != '.')
            return false;
        text.remove_prefix(1);
    }
    return true;
}

} // namespace posthorn::xml

#endif
