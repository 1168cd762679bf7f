//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Which redirects are followed, and what of a request goes along (RFC 9110, 15.4, and what mail needs).

#ifndef POSTHORN_HTTP_REDIRECT_HPP
#define POSTHORN_HTTP_REDIRECT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/headers.hpp>
#include <posthorn/http/response_head.hpp>
#include <posthorn/http/url.hpp>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace posthorn::http {

/// Does the method only read? Then it may follow a redirect with its body, and be sent any number of times.
inline bool is_reading(std::string_view method) noexcept
{
    constexpr std::string_view methods[] = {"GET", "HEAD", "OPTIONS", "PROPFIND", "BPROPFIND", "SEARCH", "REPORT"};
    return std::find(std::begin(methods), std::end(methods), method) != std::end(methods);
}

/// May it follow a redirect to another origin? A query names what it looks for and where, so its body is nobody else's business.
inline bool may_leave_origin(std::string_view method) noexcept
{
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PROPFIND";
}

/// May it be sent again when a connection was lost? Doing these twice is the same as once.
inline bool is_repeatable(std::string_view method) noexcept
{
    return is_reading(method) || method == "PUT" || method == "DELETE" || method == "PROPPATCH" || method == "BPROPPATCH";
}

/// Where a request goes next.
struct redirection
{
    redirection() = default;

    url         to;
    std::string method;
    bool        without_body = false; ///< 303: the other resource is only looked at.
    bool        other_origin = false; ///< Then only keep_public_fields() may go along.
};

/** Decides about a response that may be a redirect.

    301, 302, 307 and 308 keep method and body. A method that only reads is followed within its origin, and if may_leave_origin()
    anywhere but from https to http. Any other one is followed on 307 and 308 within its origin; elsewhere doing it again is the
    caller's business. 303 becomes GET.

    @param from Who answered. @param method What was asked.
    @param ec   redirect_refused, redirect_downgrade or bad_redirect.
    @return Nothing if it is no redirect (ec is clear), or not to be followed (ec is set). */
inline std::optional<redirection> redirect_of(response_head const& h, url const& from, std::string_view method, std::error_code& ec)
{
    ec.clear();
    bool const kept = h.status == 301 || h.status == 302 || h.status == 307 || h.status == 308;
    if ((!kept && h.status != 303) || !h.fields.has("Location"))
        return std::nullopt;
    auto const locations = h.fields.all("Location");
    bool const one = std::all_of(locations.begin(), locations.end(), [&](auto l) { return l == locations.front(); });
    auto       to  = from.resolve(locations.front());
    if (!one || !to)
    {
        ec = errc::bad_redirect;
        return std::nullopt;
    }
    redirection r;
    r.to           = std::move(*to);
    r.other_origin = r.to.origin() != from.origin();
    r.without_body = h.status == 303;
    r.method       = h.status == 303 ? (method == "HEAD" ? "HEAD" : "GET") : std::string(method);
    if (from.secure() && !r.to.secure())
        ec = errc::redirect_downgrade;
    else if (r.other_origin ? !may_leave_origin(method) : !is_reading(method) && (h.status == 301 || h.status == 302))
        ec = errc::redirect_refused;
    if (ec)
        return std::nullopt;
    return r;
}

/** Keeps the fields that may go to another origin: those that say what is wanted in which form. All others, known or not, may name
    private URLs, states or secrets. */
inline void keep_public_fields(headers& fields)
{
    fields.retain([](std::string_view name) {
        constexpr std::string_view fine[] = {"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Brief", "Cache-Control",
                                             "Content-Type", "Content-Language", "Depth", "Pragma", "Prefer", "Translate", "User-Agent"};
        return std::any_of(std::begin(fine), std::end(fine), [name](auto f) { return ascii::iequals(f, name); });
    });
}

/// Drops what describes a body, for a request that goes on without it.
inline void drop_body_fields(headers& fields)
{
    fields.retain([](std::string_view name) { return !ascii::istarts_with(name, "Content-"); });
}

} // namespace posthorn::http

#endif
