//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Statuses of HTTP as a WebDAV client takes them, and the exception for those that are refusals.

#ifndef POSTHORN_DAV_STATUS_ERROR_HPP
#define POSTHORN_DAV_STATUS_ERROR_HPP

#include <posthorn/core/printable.hpp>
#include <posthorn/dav/error.hpp>

#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace posthorn::dav {

/// What a status that is not 2xx amounts to; no error for 2xx.
inline std::error_code refusal(int status) noexcept
{
    if (status / 100 == 2)
        return {};
    switch (status)
    {
    case 401:
    case 407: return errc::auth_required;
    case 440: return errc::session_expired;
    case 402: return errc::subscription_required;
    case 403: return errc::forbidden;
    case 404:
    case 410: return errc::not_found;
    case 409:
    case 412: return errc::conflict;
    case 405:
    case 415:
    case 501: return errc::not_supported;
    case 413:
    case 425:
    case 507: return errc::storage_full;
    case 423: return errc::locked;
    case 424: return errc::dependency_failed;
    case 416: return errc::range_end;
    case 408:
    case 429:
    case 503:
    case 504: return errc::server_busy;
    default: break;
    }
    return status / 100 == 4   ? errc::bad_request
           : status / 100 == 5 ? errc::server_error
                               : errc::unexpected_status;
}

/// A server said no. What it said is kept; texts are free of control characters.
class status_error : public error
{
public:
    /// What is known about the refusal.
    struct facts
    {
        std::string method;     ///< E.g. "MKCOL".
        std::string url;        ///< Absolute.
        int         status = 0; ///< Of the response.
        std::string reason;     ///< The server's own words, to be shown to people: see 402.
        std::string dav_error;  ///< Of the field X-Dav-Error, which Hotmail's servers sent.
    };

    status_error(std::error_code code, facts f) : error(code, context_of(f)), facts_(shared(std::move(f))) {}

    std::string const& method() const noexcept { return facts_->method; }
    std::string const& url() const noexcept { return facts_->url; }
    int                status() const noexcept { return facts_->status; }
    std::string const& reason() const noexcept { return facts_->reason; }
    std::string const& dav_error() const noexcept { return facts_->dav_error; }

private:
    static std::shared_ptr<facts const> shared(facts f)
    {
        f.reason    = printable(f.reason, 500);
        f.dav_error = printable(f.dav_error, 500);
        return std::make_shared<facts const>(std::move(f));
    }

    static error_context context_of(facts const& f)
    {
        error_context c;
        c.operation = f.method + ' ' + f.url;
        c.detail    = std::to_string(f.status);
        if (!f.reason.empty())
            c.detail += ' ' + printable(f.reason, 500);
        if (!f.dav_error.empty())
            c.detail += ", X-Dav-Error: " + printable(f.dav_error, 500);
        return c;
    }

    std::shared_ptr<facts const> facts_;
};

} // namespace posthorn::dav

#endif
