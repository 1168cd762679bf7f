//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The errors of HTTP: broken protocol, values that cannot be put on the wire, refused redirects and logins.

#ifndef POSTHORN_HTTP_ERROR_HPP
#define POSTHORN_HTTP_ERROR_HPP

#include <posthorn/core/error.hpp>

#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace posthorn::http {

/** Why an HTTP operation failed.

    Compare to posthorn::condition to ask for the kind: protocol, temporary, permanent, authentication. What a server answers in
    good order, whatever its status, is a response and no error.
*/
enum class errc
{
    // The peer does not speak HTTP as it must: the connection is unusable.
    bad_status_line = 1,  ///< Not `HTTP/1.x`, three digits and a reason.
    bad_version,          ///< HTTP, but no version 1.
    bad_field,            ///< A header field that is none: no colon, a blank before it, a forbidden character.
    bare_line_ending,     ///< A CR or LF in the head that is not part of CRLF.
    head_too_long,        ///< A head breaches head_limits::total.
    line_too_long,        ///< A line of a head breaches head_limits::line.
    too_many_fields,      ///< A head breaches head_limits::fields.
    too_many_interim,     ///< More 1xx responses to one request than head_limits::interim.
    bad_content_length,   ///< Not one decimal number, or one that cannot be true.
    bad_transfer_encoding, ///< A transfer coding other than `chunked` alone.
    ambiguous_framing,    ///< The head says in two ways where the body ends, or a body where none can be.
    bad_chunk,            ///< The chunked coding is broken.
    truncated_body,       ///< The connection ended before the body did.
    body_too_long,        ///< The body breaches the limit that the caller set.
    unexpected_upgrade,   ///< 101 although nothing asked for another protocol.
    connection_ended,     ///< The connection ended before the response came, and the request cannot have been carried out twice.
    in_doubt,             ///< The connection ended before the response came; the request may have been carried out.

    // What the caller gave cannot be sent: nothing was written.
    bad_url,         ///< Not a URL of HTTP.
    bad_method,      ///< Not a token.
    bad_header,      ///< A header field that cannot be sent, or that only the client itself may set.
    bad_body,        ///< The source of the body gave more or fewer octets than it promised.
    cannot_repeat,   ///< The request must be sent again, and its body cannot start again.

    // Redirects.
    too_many_redirects, ///< More than client_settings::most_redirects.
    redirect_loop,      ///< A redirect to where this request has been before.
    redirect_refused,   ///< A redirect that must not be followed without the caller's word; see request_error::location().
    redirect_downgrade, ///< A redirect from https to http.
    bad_redirect,       ///< A redirect to something that is no URL of HTTP, or to two places.

    // Authentication.
    auth_failed,      ///< The server (or the proxy) refused the credentials.
    auth_unavailable, ///< It offers no scheme that is known and allowed here.
    auth_not_allowed, ///< It asks for credentials that must not be given to this origin, or not without TLS.
    bad_challenge     ///< A challenge that does not follow its grammar, or a proof of the server that is wrong.
};

namespace detail {

class category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn.http"; }

    std::string message(int value) const override { return text(static_cast<errc>(value)); }

    bool equivalent(int value, std::error_condition const& c) const noexcept override
    {
        if (c.category() == condition_category())
            return is(static_cast<errc>(value), static_cast<condition>(c.value()));
        return default_error_condition(value) == c;
    }

private:
    static char const* text(errc e) noexcept
    {
        switch (e)
        {
        case errc::bad_status_line: return "the server's answer does not begin like a response of HTTP";
        case errc::bad_version: return "the server speaks another version of HTTP";
        case errc::bad_field: return "the server sent a malformed header field";
        case errc::bare_line_ending: return "the server sent a CR or LF outside of CRLF";
        case errc::head_too_long: return "the head of the response is too long";
        case errc::line_too_long: return "a line of the head of the response is too long";
        case errc::too_many_fields: return "the head of the response has too many fields";
        case errc::too_many_interim: return "the server sent too many interim responses";
        case errc::bad_content_length: return "the Content-Length is not one number";
        case errc::bad_transfer_encoding: return "the transfer coding is not supported";
        case errc::ambiguous_framing: return "the response does not say in one way where its body ends";
        case errc::bad_chunk: return "the chunked body is malformed";
        case errc::truncated_body: return "the connection ended within the body";
        case errc::body_too_long: return "the body is longer than allowed";
        case errc::unexpected_upgrade: return "the server changes to a protocol that nobody asked for";
        case errc::connection_ended: return "the connection ended before the response";
        case errc::in_doubt: return "the connection ended before the server told whether it carried out the request";
        case errc::bad_url: return "not a URL that can be used";
        case errc::bad_method: return "not a method of HTTP";
        case errc::bad_header: return "a header field that cannot be sent";
        case errc::bad_body: return "the body has another size than was announced";
        case errc::cannot_repeat: return "the request must be sent again, and its body cannot start again";
        case errc::too_many_redirects: return "too many redirects";
        case errc::redirect_loop: return "the redirects go in a circle";
        case errc::redirect_refused: return "this redirect is not followed";
        case errc::redirect_downgrade: return "a redirect from https to http is not followed";
        case errc::bad_redirect: return "the redirect leads to nothing that can be used";
        case errc::auth_failed: return "the credentials were refused";
        case errc::auth_unavailable: return "no authentication scheme is both offered and allowed";
        case errc::auth_not_allowed: return "the credentials may not be given to this server";
        case errc::bad_challenge: return "the authentication challenge makes no sense";
        }
        return "unknown error";
    }

    static bool is(errc e, condition c) noexcept
    {
        switch (e)
        {
        case errc::bad_status_line:
        case errc::bad_version:
        case errc::bad_field:
        case errc::bare_line_ending:
        case errc::head_too_long:
        case errc::line_too_long:
        case errc::too_many_fields:
        case errc::too_many_interim:
        case errc::bad_content_length:
        case errc::bad_transfer_encoding:
        case errc::ambiguous_framing:
        case errc::bad_chunk:
        case errc::unexpected_upgrade:
        case errc::bad_redirect: return c == condition::protocol;
        case errc::truncated_body: return c == condition::protocol || c == condition::temporary;
        case errc::connection_ended: return c == condition::temporary;
        case errc::body_too_long:
        case errc::bad_url:
        case errc::bad_method:
        case errc::bad_header:
        case errc::bad_body:
        case errc::cannot_repeat:
        case errc::too_many_redirects:
        case errc::redirect_loop:
        case errc::redirect_refused:
        case errc::redirect_downgrade: return c == condition::permanent;
        case errc::auth_failed:
        case errc::auth_unavailable:
        case errc::auth_not_allowed: return c == condition::authentication || c == condition::permanent;
        case errc::bad_challenge: return c == condition::authentication || c == condition::protocol;
        case errc::in_doubt: return false;
        }
        return false;
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

/** What client and connection throw: what was being done to which URL, and what the server had said by then.

    Its texts are safe to show; no credentials, cookies or bodies are in them.
    Copying never throws.
*/
class request_error : public error
{
public:
    /// What is known about the request.
    struct facts
    {
        std::string method;     ///< E.g. "PROPFIND".
        std::string url;        ///< Absolute, without credentials.
        int         status = 0; ///< Of the last response to it; 0: there was none.
        std::string location;   ///< Where a redirect that was not followed leads to.
    };

    request_error(std::error_code code, facts f, error_context context)
        : error(code, complete(std::move(context), f)), facts_(std::make_shared<facts const>(std::move(f)))
    {
    }

    std::string const& method() const noexcept { return facts_->method; }
    std::string const& url() const noexcept { return facts_->url; }
    int                status() const noexcept { return facts_->status; }
    std::string const& location() const noexcept { return facts_->location; }

private:
    static error_context complete(error_context c, facts const& f)
    {
        if (c.operation.empty())
            c.operation = f.method + ' ' + f.url;
        if (f.status != 0)
            c.detail += (c.detail.empty() ? "" : "; ") + ("status " + std::to_string(f.status));
        return c;
    }

    std::shared_ptr<facts const> facts_;
};

} // namespace posthorn::http

template <>
struct std::is_error_code_enum<posthorn::http::errc> : std::true_type
{
};

#endif
