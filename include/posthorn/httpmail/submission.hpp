//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The envelope as it stands before a message that is sent over HTTP (message/rfc821).

#ifndef POSTHORN_HTTPMAIL_SUBMISSION_HPP
#define POSTHORN_HTTPMAIL_SUBMISSION_HPP

#include <posthorn/codec/idna.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/httpmail/error.hpp>
#include <posthorn/smtp/address.hpp>

#include <span>
#include <string>

namespace posthorn::httpmail {

/** The address as it is sent: a domain beyond ASCII as A-labels, since no server knows others. */
inline std::string wire_address(smtp::address const& a)
{
    if (!a.domain_is_utf8())
        return a.str();
    auto const plain = codec::domain_to_ascii(a.domain());
    if (!plain)
        throw error(posthorn::errc::invalid_argument, "a domain cannot be written in ASCII");
    return std::string(a.local_part()) + '@' + *plain;
}

/** The lines before the message: `MAIL FROM`, one `RCPT TO` for each recipient, and an empty line.

    In upper case: b1gMail takes nothing else. There is no DATA, no dot-stuffing and no final dot.
    @throws error with errc::no_recipients; posthorn::errc::invalid_argument if an address cannot be written.
*/
inline std::string submission_head(smtp::reverse_path const& from, std::span<smtp::address const> to)
{
    if (to.empty())
        throw error(errc::no_recipients);
    std::string out = "MAIL FROM:<" + (from.is_null() ? std::string() : wire_address(from.sender())) + ">\r\n";
    for (auto const& a : to)
        out += "RCPT TO:<" + wire_address(a) + ">\r\n";
    return out + "\r\n";
}

} // namespace posthorn::httpmail

#endif
