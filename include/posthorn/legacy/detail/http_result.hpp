//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Results of HTTP: statuses and errors of the engine as the codes that old programs know.

#ifndef POSTHORN_LEGACY_DETAIL_HTTP_RESULT_HPP
#define POSTHORN_LEGACY_DETAIL_HTTP_RESULT_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/dav/error.hpp>
#include <posthorn/dav/status_error.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/httpmail/error.hpp>
#include <posthorn/legacy/detail/outcome.hpp>
#include <posthorn/legacy/detail/result_codes.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/error.hpp>

#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

namespace posthorn::legacy::detail {

/// About a status that is no success. @param reason Its phrase.
inline outcome refused(int status, std::string reason)
{
    outcome o(from_http_status(status));
    if (SUCCEEDED(o.result)) // a success that is of no use, such as the page of an expired session
        o.result = IXP_E_HTTP_INTERNAL_ERROR;
    o.number   = static_cast<UINT>(status);
    o.meaning  = o.result;
    o.response = std::move(reason);
    return o;
}

/// Of `HTTP/1.1 404 Not Found`; a redirect or an interim status is none.
inline HRESULT meaning_of_status_line(std::string const& line)
{
    auto const blank  = line.find(' ');
    int const  status = blank == line.npos ? 0 : std::atoi(line.c_str() + blank);
    return status >= 400 || status == 305 ? from_http_status(status) : S_OK;
}

/// Whatever ended a request.
inline outcome outcome_of_request(std::exception_ptr const& failure)
{
    try
    {
        std::rethrow_exception(failure);
    }
    catch (dav::status_error const& e)
    {
        bool const page = e.code() == dav::errc::session_expired && e.status() / 100 == 2;
        outcome    o    = refused(e.status(), e.reason());
        if (page)
            o.result = o.meaning = IXP_E_HTTP_UNAUTHORIZED;
        return o;
    }
    catch (net::connect_error const&)
    {
        return outcome_of(failure, IXP_CONNECTING);
    }
    catch (error const& e)
    {
        auto const                       code = e.code();
        auto const* const                r    = dynamic_cast<http::request_error const*>(&e);
        int const                        last = r == nullptr ? 0 : r->status();
        bool const                       name = code == net::errc::resolve_temporary || code == net::errc::resolve_permanent ||
                          code == net::errc::resolve_timed_out;
        if (name)
            return outcome_of(e, IXP_FINDINGHOST);
        if (code == posthorn::errc::timeout)
            return outcome_of(e, IXP_CONNECTED);
        if (code == http::errc::auth_failed || code == http::errc::auth_unavailable || code == http::errc::auth_not_allowed)
            return refused(last == 407 ? 407 : 401, std::string());
        if (code == condition::tls)
            return outcome_of(e, IXP_SECURING);
        if (code == http::errc::truncated_body)
            return outcome(IXP_E_CONNECTION_DROPPED);
        bool const senseless = code == condition::protocol || code == http::errc::too_many_redirects ||
                               code == http::errc::redirect_loop || code == http::errc::redirect_downgrade ||
                               code == http::errc::redirect_refused || code == http::errc::body_too_long ||
                               code == httpmail::errc::not_a_mailbox || code == httpmail::errc::foreign_url;
        if (senseless)
        {
            if (last / 100 > 2)
                return refused(last, std::string());
            outcome o(IXP_E_HTTP_INTERNAL_ERROR); // nothing that could be told came from the server
            o.number = static_cast<UINT>(last);
            return o;
        }
        if (code == http::errc::cannot_repeat || code == posthorn::errc::limit_exceeded)
            return outcome(E_FAIL);
        return outcome_of(e, IXP_CONNECTED);
    }
    catch (...)
    {
        return outcome_of(failure, IXP_CONNECTED);
    }
}

} // namespace posthorn::legacy::detail

#endif
