//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How a message is sent.

#ifndef POSTHORN_SMTP_SEND_OPTIONS_HPP
#define POSTHORN_SMTP_SEND_OPTIONS_HPP

#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <cstddef>

namespace posthorn::smtp {

/// Settings of one message. The defaults suit mail that was made by a mail library.
struct send_options
{
    send_options() = default;

    recipient_policy   policy     = recipient_policy::each;
    smtp::line_endings endings    = line_endings::normalise;
    bool               pipelining = true; ///< Use it if the server offers it.

    /** Octets in a line of content without its end: 998 by RFC 5321, 4.5.3.1.6; 0 for any.
        Longer lines are an error, since servers break or refuse them. */
    std::size_t max_line = 998;
};

} // namespace posthorn::smtp

#endif
