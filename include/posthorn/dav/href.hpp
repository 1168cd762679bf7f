//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Hrefs: kept as the server wrote them, resolved for the next request, compared by what they mean.

#ifndef POSTHORN_DAV_HREF_HPP
#define POSTHORN_DAV_HREF_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/http/url.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::dav {

/** The last segment of an href, without a slash behind it.

    All of the string counts, since some servers have their whole tree in the query: `httpmail.php?/folders/0/4711/`
    gives `4711`.
*/
constexpr std::string_view last_segment(std::string_view href) noexcept
{
    if (!href.empty() && href.back() == '/')
        href.remove_suffix(1);
    auto const slash = href.rfind('/');
    return slash == href.npos ? href : href.substr(slash + 1);
}

/** Would this be taken for a URL with a scheme, as `Re:%20foo.EML` is?  (RFC 3986, 4.2) */
constexpr bool is_scheme_like(std::string_view segment) noexcept
{
    auto const end = segment.find_first_of(":/?#");
    return end != segment.npos && segment[end] == ':';
}

/** The URL of an href.

    Absolute, with a path only, or relative to `base`. A `#` belongs to the path: Exchange forgets to encode it. A name
    such as `Re:%20foo.EML`, which looks like a URL of an unknown scheme, is taken as relative.
    @param base The URL the answer came from.
    @return Nothing if no request can be made of it.
*/
inline std::optional<http::url> resolve_href(http::url const& base, std::string_view href)
{
    if (auto u = base.resolve(href, http::hash_sign::literal))
        return u;
    if (!is_scheme_like(href) || ascii::istarts_with(href, "http:") || ascii::istarts_with(href, "https:"))
        return std::nullopt;
    return base.resolve("./" + std::string(href), http::hash_sign::literal);
}

/// Do both mean the same resource? Relative ones are resolved against `base`.
inline bool is_same_href(http::url const& base, std::string_view a, std::string_view b)
{
    auto const x = resolve_href(base, a), y = resolve_href(base, b);
    return x && y ? same_resource(*x, *y) : a == b;
}

/** The URL of a member of a collection: the name is appended, since resolving would lose a tree in the query.
    @param folder Its URL; a missing slash at its end is added.
    @param name   Text, encoded here as UTF-8 in `%NN`.
    @param slash  With a slash behind it, as for folders.
*/
inline http::url child_url(http::url const& folder, std::string_view name, bool slash = false)
{
    std::string target = folder.target();
    if (target.back() != '/')
        target += '/';
    target += http::percent_encode(name);
    if (slash)
        target += '/';
    return folder.with_target(target);
}

/// Does the URL end with a slash, be it in the query?
inline bool ends_with_slash(http::url const& u) noexcept { return u.target().ends_with('/'); }

/// The same URL with a slash at its end.
inline http::url with_slash(http::url const& u)
{
    return ends_with_slash(u) ? u : u.with_target(u.target() + '/');
}

} // namespace posthorn::dav

#endif
