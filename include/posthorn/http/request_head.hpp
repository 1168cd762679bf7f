//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The head of a request as octets: the one place where everything that goes on the wire is checked (RFC 9112, 3).

#ifndef POSTHORN_HTTP_REQUEST_HEAD_HPP
#define POSTHORN_HTTP_REQUEST_HEAD_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/headers.hpp>
#include <posthorn/http/syntax.hpp>
#include <posthorn/http/url.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::http {

/// How the target of a request is written (RFC 9112, 3.2).
enum class target_form : unsigned char
{
    origin,   ///< `/path?query`
    absolute, ///< `http://host/path?query`, for a proxy.
    authority ///< `host:port`, for CONNECT.
};

/// What the client adds to a request of the caller. Empty means no such field.
struct request_extras
{
    request_extras() = default;

    target_form   form = target_form::origin;
    std::string   user_agent;
    secret_string authorization;
    secret_string proxy_authorization;
    secret_string cookie;
    std::optional<std::uint64_t> length;   ///< Of the body; nothing and not `chunked`: there is none.
    bool          chunked         = false; ///< A body of unknown size.
    bool          expect_continue = false;
};

/// Only the client itself may set these: they say where messages end and whom they are for.
inline bool is_reserved_field(std::string_view name) noexcept
{
    constexpr std::string_view reserved[] = {"Host",    "Connection", "Keep-Alive", "Content-Length",      "Transfer-Encoding", "TE",
                                             "Trailer", "Upgrade",    "Expect",     "Proxy-Authorization", "Proxy-Connection"};
    return std::any_of(std::begin(reserved), std::end(reserved), [name](auto r) { return ascii::iequals(r, name); });
}

/// Does a server expect this method to have a body, so that it is told when there is none? (RFC 9110, 8.6)
inline bool is_body_expected(std::string_view method) noexcept
{
    constexpr std::string_view without[] = {"GET", "HEAD", "OPTIONS", "DELETE", "CONNECT", "TRACE"};
    return std::find(std::begin(without), std::end(without), method) == std::end(without);
}

namespace detail {

class request_head_writer
{
public:
    void field(std::string_view name, std::string_view value)
    {
        if (!is_token(name))
            refuse(name, "its name is no token");
        if (!is_field_value(value))
            refuse(name, "its value has a control character, or a blank at an end");
        out_.append(name);
        out_.append(": ");
        out_.append(value);
        out_.append("\r\n");
    }

    void optional_field(std::string_view name, secret_string const& value)
    {
        if (!value.empty())
            field(name, value.view());
    }

    void raw(std::string_view text) { out_.append(text); }

    [[noreturn]] static void refuse(std::string_view name, std::string_view why)
    {
        throw error(errc::bad_header, printable(name, 100) + ": " + std::string(why));
    }

    secret_string take() { return std::move(out_); }

private:
    secret_string out_;
};

} // namespace detail

/** Writes the head of a request.

    @param method A token.
    @param to     Whom it is for, also if it goes by way of a proxy.
    @param fields The caller's.
    @param more   The client's own.
    @throws error with errc::bad_method, bad_url or bad_header, which names the field and never its value. */
inline secret_string write_request_head(std::string_view method, url const& to, headers const& fields, request_extras const& more)
{
    if (!is_token(method))
        throw error(errc::bad_method, printable(method, 100));
    if (to.empty())
        throw error(errc::bad_url, "there is none");
    detail::request_head_writer out;
    out.raw(method);
    out.raw(" ");
    auto const& o         = to.origin();
    auto const  authority = o.authority();
    switch (more.form)
    {
    case target_form::origin: out.raw(to.target()); break;
    case target_form::absolute: out.raw(to.str()); break;
    case target_form::authority:
        out.raw(authority);
        if (o.port == o.default_port())
            out.raw(':' + std::to_string(o.port));
        break;
    }
    out.raw(" HTTP/1.1\r\n");
    std::string host = authority;
    if (more.form == target_form::authority && o.port == o.default_port())
        host += ':' + std::to_string(o.port);
    out.field("Host", host);
    if (!more.user_agent.empty() && !fields.has("User-Agent"))
        out.field("User-Agent", more.user_agent);
    for (auto const& f : fields)
    {
        if (is_reserved_field(f.name))
            detail::request_head_writer::refuse(f.name, "only the client itself sets it");
        out.field(f.name, f.value);
    }
    if (!fields.has("Authorization"))
        out.optional_field("Authorization", more.authorization);
    out.optional_field("Proxy-Authorization", more.proxy_authorization);
    if (!fields.has("Cookie"))
        out.optional_field("Cookie", more.cookie);
    if (more.expect_continue && (more.chunked || more.length.value_or(0) != 0))
        out.field("Expect", "100-continue");
    if (more.chunked)
        out.field("Transfer-Encoding", "chunked");
    else if (more.length || is_body_expected(method))
        out.field("Content-Length", std::to_string(more.length.value_or(0)));
    out.raw("\r\n");
    return out.take();
}

} // namespace posthorn::http

#endif
