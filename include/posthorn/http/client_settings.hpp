//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What an HTTP client needs to know: who to log in as and where, trust, limits of time and size.

#ifndef POSTHORN_HTTP_CLIENT_SETTINGS_HPP
#define POSTHORN_HTTP_CLIENT_SETTINGS_HPP

#include <posthorn/core/secret.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/http/login_rules.hpp>
#include <posthorn/http/response_head.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/net/proxy.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_settings.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::http {

/// How long may be waited, for each request.
struct timeouts
{
    timeouts() = default;

    std::chrono::steady_clock::duration connect       = std::chrono::seconds(30);  ///< Lookup, connection, proxy; each of them.
    std::chrono::steady_clock::duration handshake     = std::chrono::seconds(30);  ///< TLS.
    std::chrono::steady_clock::duration head          = std::chrono::seconds(120); ///< From the end of the request to the end of the head.
    std::chrono::steady_clock::duration idle          = std::chrono::seconds(60);  ///< For the next octets of a body, either way.
    std::chrono::steady_clock::duration continue_wait = std::chrono::seconds(1);   ///< For `100 Continue`.
    std::chrono::steady_clock::duration keep_alive    = std::chrono::seconds(90);  ///< How long an idle connection is kept.
    /// From the call to the end of the response's body, redirects and logins included; by default no limit.
    std::chrono::steady_clock::duration total = std::chrono::steady_clock::duration::max();
    /// Bodies slower than this end with posthorn::errc::timeout: a head that comes drop by drop is bounded by `head`.
    net::minimum_rate body_rate;
};

/** Settings of a client.

    @par Example
    @code
    http::client_settings settings;
    settings.login         = {"user@example.org", "secret"};
    settings.rules.origins = {http::url("https://mail.example.org").origin()};
    @endcode
*/
struct client_settings
{
    client_settings() = default;

    sasl::credentials login; ///< Empty: 401 is a response like others.
    login_rules       rules; ///< Who may get them, and how.

    /** Gives the Bearer token each time one is needed; empty: login.token is used.
        @param refresh The token it gave before was refused: get another one. */
    std::function<task<secret_string>(bool refresh)> token_source;

    net::tls_settings               tls; ///< Trust, pins, client certificate, versions.
    std::optional<net::tls_context> tls_context; ///< Shared by several clients, instead of `tls`.

    net::connect_options connection; ///< Addresses, families, source address.
    net::proxy_settings  proxy;      ///< For everything; none by default. Its login may be Basic, Digest or NTLM, by what the proxy asks for.

    http::timeouts timeouts;
    head_limits    head;
    /// Octets of a response's body, before errc::body_too_long. No limit by default: bodies are streams.
    std::uint64_t  longest_body = std::numeric_limits<std::uint64_t>::max();

    std::string user_agent = "posthorn"; ///< Empty: none is sent.
    unsigned    most_redirects = 10;
    std::size_t most_idle      = 4;      ///< Idle connections kept for each origin.
    bool        use_cookies    = true;
};

} // namespace posthorn::http

#endif
