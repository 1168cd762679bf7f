//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a client needs to know: the server, how to secure the connection, who to log in as.

#ifndef POSTHORN_SMTP_CLIENT_SETTINGS_HPP
#define POSTHORN_SMTP_CLIENT_SETTINGS_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/proxy.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_settings.hpp>
#include <posthorn/net/url.hpp>
#include <posthorn/sasl/mechanism.hpp>
#include <posthorn/sasl/select.hpp>
#include <posthorn/smtp/send_options.hpp>
#include <posthorn/smtp/settings.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::smtp {

/// How a connection is protected.
enum class tls_mode : unsigned char
{
    required,      ///< STARTTLS must succeed and the server's certificate must be right. The default.
    implicit,      ///< TLS from the first octet (RFC 8314), certificate checked.
    opportunistic, ///< STARTTLS if the server offers it, without checking who it is; in the clear otherwise.
    none           ///< In the clear.
};

/** Settings of a client.

    @par Example
    @code
    smtp::client_settings settings("smtps://mail.example.org");
    settings.login = {"user", "secret"};
    @endcode
*/
struct client_settings
{
    client_settings() = default;

    /** From a URL: `smtp://host[:port]` (port 25, TLS required by STARTTLS), `submission://host` (port 587, the same),
        `smtps://host` or `submissions://host` (port 465, implicit TLS), `lmtp://host` (port 24, as smtp), `smtp+unix:/path`
        and `lmtp+unix:/path` (without TLS: a local socket does not need it, and has no name that a certificate could
        be for). User and password in the URL become the login.

        @throws posthorn::error if the URL cannot be understood; the text never contains its password. */
    explicit client_settings(std::string_view url)
    {
        net::url const u = net::parse_url(url);
        switch (u.scheme)
        {
        case net::url_scheme::smtp: server = net::to_host_port(u, 25); break;
        case net::url_scheme::submission: server = net::to_host_port(u, 587); break;
        case net::url_scheme::smtps:
        case net::url_scheme::submissions:
            server = net::to_host_port(u, 465);
            tls    = tls_mode::implicit;
            break;
        case net::url_scheme::smtp_unix:
            server = net::to_host_port(u, 0);
            tls    = tls_mode::none;
            break;
        case net::url_scheme::lmtp:
            server           = net::to_host_port(u, 24);
            session.protocol = protocol::lmtp;
            break;
        case net::url_scheme::lmtp_unix:
            server           = net::to_host_port(u, 0);
            session.protocol = protocol::lmtp;
            tls              = tls_mode::none;
            break;
        default:
            throw error(posthorn::errc::invalid_argument,
                        "not a URL of an SMTP server: the scheme is " + std::string(net::name_of(u.scheme)));
        }
        if (u.user)
            login.user = *u.user;
        if (u.password)
            login.password = *u.password;
    }

    net::host_port      server;
    tls_mode            tls = tls_mode::required;
    net::tls_settings   tls_settings;      ///< Trust, pins, client certificate, versions.
    /// Shared by several clients, so that authorities are loaded once and sessions are resumed across connections;
    /// instead of `tls_settings`. See make_tls_context().
    std::optional<net::tls_context> tls_context;
    std::string         tls_host;          ///< Whose certificate is expected; empty for the host of `server`.
    sasl::credentials   login;             ///< Empty: no login.

    /** Gives the access token for OAUTHBEARER and XOAUTH2 each time one is needed; empty: login.token is used.

        @param refresh The token it gave before was refused: get another one. Asked for at most once for each login.
        What it throws is thrown by the operation that needed the login. */
    std::function<task<secret_string>(bool refresh)> token_source;

    sasl::selection     mechanisms;        ///< Which mechanisms may be used for it.
    net::connect_options connection;       ///< Addresses, families, source address.
    net::proxy_settings proxy;             ///< By way of which the server is reached; none by default.
    session_settings    session;           ///< EHLO name, time limits, bounds, events.
    send_options        sending;           ///< Defaults for every message.

    /** What TLS means on the way to the server: where DNSSEC says what its certificate is, TLS is no matter of opportunity
        (RFC 7672, 2.2). */
    tls_mode effective_tls() const noexcept
    {
        return tls == tls_mode::opportunistic && !tls_settings.tlsa.empty() ? tls_mode::required : tls;
    }

    /// A context by `tls_settings`. @throws posthorn::error with net::tls_errc::configuration.
    net::tls_context make_tls_context() const
    {
        auto how = tls_settings;
        if (effective_tls() == tls_mode::opportunistic)
            how.verify_peer = false; // better than in the clear, and nothing more is promised
        return net::tls_context(how);
    }

    /// Is there anything to log in with, or a mechanism named that needs nothing?
    bool wants_login() const noexcept { return !login.empty() || token_source || !mechanisms.allowed.empty(); }
};

} // namespace posthorn::smtp

#endif
