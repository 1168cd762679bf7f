//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What can be said with a request, and what a server says it can do.

#ifndef POSTHORN_DAV_OPTIONS_HPP
#define POSTHORN_DAV_OPTIONS_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/dav/depth.hpp>
#include <posthorn/http/headers.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::dav {

/// For any request.
struct request_options
{
    request_options() = default;

    /** `Brief: t`: what went well is left out of the answer to PROPPATCH, what is missing out of that to PROPFIND
        (Exchange, SOGo). Servers that do not know it ignore it. */
    bool brief = false;
    bool translate =
        true; ///< False sends `Translate: f`: the stored source of a resource instead of a page made of it.
    std::string
        if_match; ///< An ETag or `*`; empty: none. `*` keeps Exchange from creating what is not there.
    std::string   if_none_match; ///< An ETag or `*`; empty: none.
    http::headers fields;        ///< Any others.

    std::optional<bool> repeatable; ///< As http::request::repeatable.
};

/// For COPY, MOVE and their bulk forms.
struct transfer_options : request_options
{
    transfer_options() = default;

    bool overwrite = true; ///< False: 412 if the destination exists.
    bool allow_rename =
        false; ///< The server may choose another name if it exists, and says so in `location`.
    depth reach = depth::infinity; ///< Of a COPY of a collection: zero leaves its members behind.

    /** If the destination has no slash at its end and the server answers 400, 404 or 409, it is tried once more with one. The
        slash of the source is never changed, since to b1gMail the one without is another resource. */
    bool retry_with_slash = false;
};

/// The answer to OPTIONS.
struct server_features
{
    server_features() = default;

    int                      status = 0;
    std::vector<std::string> classes; ///< Of the field DAV: "1", "2" ...
    std::vector<std::string> methods; ///< Of the fields Allow and Public.
    http::headers            fields;

    bool has_class(std::string_view c) const noexcept
    {
        return std::find(classes.begin(), classes.end(), c) != classes.end();
    }
    bool has_method(std::string_view m) const noexcept
    {
        return std::find(methods.begin(), methods.end(), m) != methods.end();
    }
};

} // namespace posthorn::dav

#endif
