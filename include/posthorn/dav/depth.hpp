//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How deep a request reaches: the field Depth.

#ifndef POSTHORN_DAV_DEPTH_HPP
#define POSTHORN_DAV_DEPTH_HPP

#include <string_view>

namespace posthorn::dav {

/// RFC 4918, 10.2, and the extension `noroot` of Microsoft's servers.
enum class depth : unsigned char
{
    zero,           ///< The resource itself.
    one,            ///< It and its members.
    one_noroot,     ///< Its members only.
    infinity,       ///< It and all below.
    infinity_noroot ///< All below.
};

/// As in the field.
constexpr std::string_view to_string(depth d) noexcept
{
    switch (d)
    {
    case depth::zero: return "0";
    case depth::one: return "1";
    case depth::one_noroot: return "1,noroot";
    case depth::infinity: return "infinity";
    case depth::infinity_noroot: return "infinity,noroot";
    }
    return "0";
}

/// Is the resource itself left out?
constexpr bool leaves_out_root(depth d) noexcept
{
    return d == depth::one_noroot || d == depth::infinity_noroot;
}

/// The same reach in the words of RFC 4918, for servers that know no others.
constexpr depth without_noroot(depth d) noexcept
{
    return d == depth::one_noroot ? depth::one : d == depth::infinity_noroot ? depth::infinity : d;
}

} // namespace posthorn::dav

#endif
