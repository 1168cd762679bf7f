//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How long may be waited for what.

#ifndef POSTHORN_HTTP_TIMEOUTS_HPP
#define POSTHORN_HTTP_TIMEOUTS_HPP

#include <posthorn/net/deadline.hpp>

#include <chrono>

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

} // namespace posthorn::http

#endif
