//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a WebDAV server's refusal can amount to, and what is no answer of a WebDAV server at all.

#ifndef POSTHORN_DAV_ERROR_HPP
#define POSTHORN_DAV_ERROR_HPP

#include <posthorn/core/error.hpp>

#include <string>
#include <system_error>
#include <type_traits>

namespace posthorn::dav {

enum class errc
{
    auth_required = 1,     ///< 401 or 407, and no credentials were given that could be used.
    session_expired,       ///< 440, or a login page in place of an answer: log in again.
    subscription_required, ///< 402: the account would have to be paid for.
    forbidden,             ///< 403
    not_found,             ///< 404 or 410
    conflict,              ///< 409 or 412: something is in the way, or missing above.
    not_supported,         ///< 405, 415 or 501: the server does not do this here.
    bad_request,           ///< Other 4xx: the server does not take the request as it is.
    storage_full,          ///< 413, 507, and 425, which meant it before it was "too early".
    locked,                ///< 423
    dependency_failed,     ///< 424: something else in the same request failed.
    range_end,             ///< 416: past the last row.
    server_busy,           ///< 408, 429, 503 or 504: the same may work later.
    server_error,          ///< Other 5xx.
    unexpected_status,     ///< A status that makes no sense for the request.

    not_multistatus,    ///< A body was due that lists responses, and something else came.
    too_many_responses, ///< More than multistatus_limits::responses.
    response_too_large  ///< One response breaches multistatus_limits.
};

namespace detail {

class category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn.dav"; }

    std::string message(int value) const override
    {
        switch (static_cast<errc>(value))
        {
        case errc::auth_required: return "the server asks for a login";
        case errc::session_expired: return "the session has expired";
        case errc::subscription_required: return "the account needs a subscription";
        case errc::forbidden: return "the server forbids it";
        case errc::not_found: return "there is no such resource";
        case errc::conflict: return "the state of the resource does not allow it";
        case errc::not_supported: return "the server does not support it";
        case errc::bad_request: return "the server does not take the request";
        case errc::storage_full: return "the server has no room left";
        case errc::locked: return "the resource is locked";
        case errc::dependency_failed: return "another part of the request failed";
        case errc::range_end: return "there are no more rows";
        case errc::server_busy: return "the server is busy";
        case errc::server_error: return "the server failed";
        case errc::unexpected_status: return "the server answers with an unexpected status";
        case errc::not_multistatus: return "the answer is no list of responses";
        case errc::too_many_responses: return "the answer lists too many resources";
        case errc::response_too_large: return "the answer about one resource is too large";
        }
        return "unknown WebDAV error";
    }

    bool equivalent(int value, std::error_condition const& c) const noexcept override
    {
        switch (static_cast<errc>(value))
        {
        case errc::auth_required: return c == condition::authentication || c == condition::permanent;
        case errc::session_expired: return c == condition::authentication || c == condition::temporary;
        case errc::locked:
        case errc::server_busy:
        case errc::server_error: return c == condition::temporary;
        case errc::unexpected_status:
        case errc::not_multistatus:
        case errc::too_many_responses:
        case errc::response_too_large: return c == condition::protocol;
        default: return c == condition::permanent;
        }
    }
};

} // namespace detail

/// The category of errc.
inline std::error_category const& category() noexcept
{
    static detail::category_type const instance;
    return instance;
}

inline std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), category()}; }

} // namespace posthorn::dav

template <>
struct std::is_error_code_enum<posthorn::dav::errc> : std::true_type
{
};

#endif
