//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How many connections a pool keeps, for how long, and how fast they may be used.

#ifndef POSTHORN_SMTP_POOL_SETTINGS_HPP
#define POSTHORN_SMTP_POOL_SETTINGS_HPP

#include <posthorn/smtp/client_settings.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

namespace posthorn::smtp {

/// Settings of a pool. All connections go to one server.
struct pool_settings
{
    using duration = std::chrono::steady_clock::duration;

    pool_settings() = default;
    explicit pool_settings(client_settings c) : client(std::move(c)) {}

    client_settings client; ///< Of each connection.

    std::size_t max_connections = 5;   ///< At once, at the most; at least one. The server may make them fewer for a while.
    std::size_t max_messages    = 100; ///< On one connection; 0 for any number. pool::use() counts as one.
    duration    max_age         = std::chrono::minutes(10); ///< Of a connection that is used again.
    duration    max_idle        = std::chrono::seconds(30); ///< Then an unused connection is closed with QUIT.

    /// How long a message may wait for a connection and its turn, each time it is tried; duration::max() for as long as it
    /// takes.
    duration acquire_timeout = duration::max();

    std::size_t rate_messages = 0; ///< So many messages may begin in rate_interval, evenly spread; 0 for any number.
    duration    rate_interval = std::chrono::seconds(1);

    /// How often a message is tried again that the server put off because of its own load, before it said anything about it.
    std::size_t throttle_retries = 4;
    duration    throttle_pause   = std::chrono::seconds(1);  ///< Before the first of them; it doubles each time.
    duration    recovery         = std::chrono::seconds(10); ///< Without complaints until one more connection is dared.

    /// How long a refused password is not tried again: servers lock accounts. Then one connection alone tries it.
    duration login_memory = std::chrono::minutes(1);
    duration login_pause  = std::chrono::seconds(5); ///< After a login that was put off; it doubles up to five minutes.
};

/// What a pool has learned about its server.
struct host_memory
{
    bool        no_pipelining = false; ///< It answered a pipelined flight with something that made no sense.
    bool        no_chunking   = false; ///< A connection broke or hung over BDAT.
    std::string reason;                ///< What happened last; empty if nothing did.
};

/// A pool at a moment.
struct pool_statistics
{
    std::size_t connections = 0; ///< Open, being opened or being closed, as far as the pool knows.
    std::size_t busy        = 0; ///< Of these, in use or being closed.
    std::size_t waiting     = 0; ///< Messages that wait for one, or for their turn.
    std::size_t limit       = 0; ///< How many may be in use at once now.
    std::size_t throttled   = 0; ///< How often the server complained about load, in all.
};

} // namespace posthorn::smtp

#endif
