//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How a message is sent.

#ifndef POSTHORN_SMTP_SEND_OPTIONS_HPP
#define POSTHORN_SMTP_SEND_OPTIONS_HPP

#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/flight.hpp>

#include <cstddef>

namespace posthorn::smtp {

/// Whether content goes by BDAT (RFC 3030).
enum class chunking : unsigned char
{
    /** In bursts, where it saves most, and for content that DATA cannot carry: NULs, lines of any length, verbatim line
        ends. Other messages go by DATA: it takes a round trip more, but if a kept connection turns out to be dead
        nothing of the message has left, so that it can move to another one. */
    automatic,
    on,  ///< Always; errc::extension_missing where the server does not offer it.
    off  ///< Never.
};

/// Whether SMTPUTF8 (RFC 6531) is asked for.
enum class smtputf8_use : unsigned char
{
    /** If a local part or the header section needs it; domains alone become A-labels. Where the server does not offer it
        such recipients are refused, and a message with such a header section is not sent (RFC 6531, 3.2). Content that
        can be read only once is not looked at. */
    automatic,
    force,     ///< Always; errc::extension_missing where the server does not offer it.
    never      ///< A recipient whose local part needs it is refused, a sender's is an error; header sections go as they are.
};

/// What becomes of parameters whose extension the server does not offer.
enum class unsupported : unsigned char
{
    refuse, ///< errc::extension_missing, and nothing is sent.
    drop    ///< Left out and named in report::dropped(), unless that would break a promise: see drop_unsupported().
};

/// Settings of one message. The defaults suit mail that was made by a mail library.
struct send_options
{
    send_options() = default;

    recipient_policy   policy      = recipient_policy::each;
    smtp::line_endings endings     = line_endings::normalise;
    bool               pipelining  = true; ///< Use it if the server offers it.
    bool               prdr        = true; ///< Use it if the server offers it and there are several recipients.
    smtp::chunking     chunking    = smtp::chunking::automatic;
    smtputf8_use       smtputf8    = smtputf8_use::automatic;
    smtp::unsupported  unsupported = smtp::unsupported::refuse;

    std::size_t chunk_size   = std::size_t(256) * 1024; ///< Octets of content in a BDAT command. Line ends may add some.
    std::size_t chunk_window = 4; ///< Chunks of one message that may be on their way without a reply.

    /** Octets in a line of content without its end: 998 by RFC 5321, 4.5.3.1.6; 0 for any.
        Longer lines are sent as BINARYMIME if the server offers that, and are an error elsewhere, since servers break or
        refuse them. */
    std::size_t max_line = 998;
};

/// Settings of a burst: many messages on one session, each sent without waiting for the one before.
struct burst_options
{
    burst_options() = default;
    explicit burst_options(send_options each) : sending(each) {}

    send_options sending; ///< Of each message.

    /// Messages that may be on their way at once. So many may be in doubt if the connection is lost.
    std::size_t window = 16;
    /// Octets of content that may be on their way at once, as far as sizes are known; one message may always go.
    std::size_t octets = std::size_t(1024) * 1024;
};

} // namespace posthorn::smtp

#endif
