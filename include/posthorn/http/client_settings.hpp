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
#include <posthorn/http/event.hpp>
#include <posthorn/http/login_rules.hpp>
#include <posthorn/http/response_head.hpp>
#include <posthorn/http/timeouts.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/net/connect.hpp>
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

    event_handler on_event; ///< Watches all that is sent and received, without secrets; see protocol_log.
};

} // namespace posthorn::http

#endif
