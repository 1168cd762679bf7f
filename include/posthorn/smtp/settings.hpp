//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What can be set about a session: time limits, bounds, the name given in EHLO, and who watches.

#ifndef POSTHORN_SMTP_SETTINGS_HPP
#define POSTHORN_SMTP_SETTINGS_HPP

#include <posthorn/smtp/event.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace posthorn::smtp {

/** How long to wait, per stage. The defaults are those of RFC 5321, 4.5.3.2.

    A shorter limit for the final reply is the classical way to duplicate mail: the server may have taken the message
    when the client gives up.
*/
struct timeouts
{
    using duration = std::chrono::steady_clock::duration;

    duration      connect  = std::chrono::seconds(30);  ///< For each address.
    duration      greeting = std::chrono::minutes(5);
    duration      hello    = std::chrono::minutes(5);
    duration      tls      = std::chrono::minutes(2);   ///< STARTTLS and the handshake.
    duration      auth     = std::chrono::minutes(5);   ///< For each step.
    duration      mail     = std::chrono::minutes(5);
    duration      rcpt     = std::chrono::minutes(5);
    duration      data     = std::chrono::minutes(2);   ///< Until the server is ready for the content.
    duration      block    = std::chrono::minutes(3);   ///< For each part of the content to leave.
    duration      final    = std::chrono::minutes(10);  ///< For the reply to the end of the content.
    duration      command  = std::chrono::minutes(5);   ///< RSET, NOOP, VRFY and others.
    duration      quit     = std::chrono::seconds(5);
    std::uint64_t minimum_rate = 500;                   ///< Octets a second of content, on the whole; 0 for none.
    duration      total    = duration::max();           ///< For connecting and sending one message as a whole.
};

/// The limit for a reply in this phase.
constexpr timeouts::duration limit_of(timeouts const& t, phase p) noexcept
{
    switch (p)
    {
    case phase::prepare: return timeouts::duration::max();
    case phase::connect: return t.connect;
    case phase::greeting: return t.greeting;
    case phase::hello: return t.hello;
    case phase::starttls:
    case phase::tls: return t.tls;
    case phase::auth: return t.auth;
    case phase::mail: return t.mail;
    case phase::rcpt: return t.rcpt;
    case phase::data: return t.data;
    case phase::content: return t.final;
    case phase::rset:
    case phase::command: return t.command;
    case phase::quit: return t.quit;
    }
    return t.command;
}

/// What is spoken.
enum class protocol : unsigned char
{
    smtp,
    lmtp ///< RFC 2033: LHLO, and a reply to the content for each recipient.
};

/// Settings of one session.
struct session_settings
{
    session_settings() = default;

    /// The name given in EHLO: a domain name or an address literal. Empty: the host's full name if it has one, else
    /// the address of the connection.
    std::string ehlo_name;

    smtp::protocol protocol = smtp::protocol::smtp;

    /// With whom, for texts, TLS and the verification of its certificate.
    std::string server;

    smtp::timeouts timeouts;
    reply_limits   limits;

    /// Is told everything that happens; empty for nobody.
    event_handler on_event;
};

} // namespace posthorn::smtp

#endif
