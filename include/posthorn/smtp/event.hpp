//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What happens on a connection, as typed events: for logs, progress bars, metrics and adapters.

#ifndef POSTHORN_SMTP_EVENT_HPP
#define POSTHORN_SMTP_EVENT_HPP

#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <system_error>
#include <variant>

namespace posthorn::smtp {

/// Views in events are valid during the call of the handler. No event ever carries a secret.
namespace events {

/// The transport is connected.
struct connected
{
    std::string_view peer;
};

/// The connection is inside TLS.
struct secured
{
    std::string_view version;
    std::string_view cipher;
    bool             verified; ///< Was the server's certificate checked?
    bool             resumed;
};

/// The login was accepted.
struct authenticated
{
    std::string_view mechanism;
};

/// A command is about to be written. Credentials in it are replaced by a mark.
struct command
{
    smtp::phase      phase;
    std::string_view text; ///< Without the line end.
};

/// A complete reply was received.
struct replied
{
    smtp::phase        phase; ///< Of the command it answers.
    smtp::reply const& reply;
};

/// Content was handed to the transport.
struct progress
{
    std::uint64_t                increment;
    std::uint64_t                current;
    std::optional<std::uint64_t> total; ///< As far as the source knows; line ends may add some.
};

/// A message is finished, one way or another.
struct finished
{
    smtp::report const& report;
};

/// A message of which nothing can have arrived moves to a fresh connection, or is tried again by a pool. It was reported as
/// finished once, and will be once more.
struct moved
{
};

/// The connection has ended.
struct closed
{
    std::error_code reason; ///< Empty after QUIT or close().
};

} // namespace events

using event = std::variant<events::connected, events::secured, events::authenticated, events::command, events::replied,
                           events::progress, events::finished, events::moved, events::closed>;

/** Is told every event, on the executor of the session. Must not throw, and must not call the session.

    An empty handler costs nothing.
*/
using event_handler = std::function<void(event const&)>;

} // namespace posthorn::smtp

#endif
