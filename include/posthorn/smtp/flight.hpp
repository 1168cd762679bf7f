//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How a mail transaction is run: what leaves together, how content is carried, and who must be accepted.

#ifndef POSTHORN_SMTP_FLIGHT_HPP
#define POSTHORN_SMTP_FLIGHT_HPP

#include <string_view>

namespace posthorn::smtp {

/// Who must be accepted for the message to be handed over.
enum class recipient_policy : unsigned char
{
    each,          ///< Deliver to whom the server accepts and report the others. Nothing is an error.
    at_least_one,  ///< The same, but it is an error if nobody gets the message.
    all_or_nothing ///< Hand the message over only if every recipient was accepted; anything else is an error.
};

/// How commands are grouped.
enum class flight : unsigned char
{
    sequential, ///< One command at a time.
    pipelined   ///< The envelope and, where the policy allows, DATA or the content in one flight (RFC 2920, RFC 3030).
};

/// How content is carried.
enum class transfer : unsigned char
{
    data, ///< DATA, with dots doubled (RFC 5321, 4.5.2).
    bdat  ///< BDAT, in chunks of known size (RFC 3030).
};

/// "DATA" or "BDAT".
constexpr std::string_view to_string(transfer t) noexcept
{
    return t == transfer::bdat ? "BDAT" : "DATA";
}

/// How a transaction is run.
struct transaction_options
{
    recipient_policy policy     = recipient_policy::each;
    smtp::flight     flight     = smtp::flight::sequential;
    smtp::transfer   transfer   = smtp::transfer::data;
    bool             rset_first = false; ///< An earlier transaction may still be open on the server.
    bool             lmtp       = false; ///< One reply to the content for each accepted recipient (RFC 2033).
};

} // namespace posthorn::smtp

#endif
