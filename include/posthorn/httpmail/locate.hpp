//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// URLs that servers give, made into such as can be asked for; and the parts of them that matter here.

#ifndef POSTHORN_HTTPMAIL_LOCATE_HPP
#define POSTHORN_HTTPMAIL_LOCATE_HPP

#include <posthorn/dav/href.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/dialect.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::httpmail {

/** The URL of an href, byte for byte where that is possible.
    @param base Who gave it.
    @param how  With foreign_urls::rewrite it is always on the origin of `base`.
    @return Nothing if no request can be made of it.
*/
inline std::optional<http::url> locate(http::url const& base, std::string_view href, foreign_urls how)
{
    auto u = dav::resolve_href(base, href);
    if (u && how == foreign_urls::rewrite && u->origin() != base.origin())
        return base.with_target(u->target());
    return u;
}

/** The folder that a message or folder is in: all up to its last segment, with a slash at the end.

    All of the URL counts, its query too: some servers have their whole tree there.
*/
inline http::url parent_of(http::url const& u)
{
    std::string_view target = u.target();
    if (target.size() > 1 && target.back() == '/')
        target.remove_suffix(1);
    return u.with_target(target.substr(0, target.rfind('/') + 1));
}

/// Is the tree of folders in the query of its URLs, as b1gMail has it?
inline bool has_tree_in_query(http::url const& u) noexcept { return u.query().find('/') != std::string_view::npos; }

/** Where a message goes in another folder: the same last segment, and a slash behind it only if the source has one.
    @param name Another last segment, as it stands in URLs; empty: the same.
*/
inline http::url destination_in(http::url const& folder, http::url const& message, std::string_view name = {})
{
    std::string target = dav::with_slash(folder).target();
    target += name.empty() ? dav::last_segment(message.target()) : name;
    if (dav::ends_with_slash(message))
        target += '/';
    return folder.with_target(target);
}

} // namespace posthorn::httpmail

#endif
