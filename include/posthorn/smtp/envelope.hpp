//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The envelope: who sends to whom, and with which parameters (RFC 5321, 2.3.1).

#ifndef POSTHORN_SMTP_ENVELOPE_HPP
#define POSTHORN_SMTP_ENVELOPE_HPP

#include <posthorn/smtp/address.hpp>
#include <posthorn/smtp/parameters.hpp>

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::smtp {

/// One recipient and what is asked for it.
struct recipient
{
    recipient(smtp::address a, rcpt_parameters p = {}) : address(std::move(a)), parameters(std::move(p)) {}

    /// @throws posthorn::error with errc::bad_address.
    explicit recipient(std::string_view text) : address(text) {}

    smtp::address   address;
    rcpt_parameters parameters;
};

/** Who sends to whom. It has nothing to do with the header fields of the message.

    Addresses are checked when they are made, so an envelope is always well-formed.
*/
struct envelope
{
    envelope() = default;

    /// @throws posthorn::error with errc::bad_address, naming the offence. An empty sender is the null path `<>`.
    envelope(std::string_view from, std::initializer_list<std::string_view> to) : sender(from)
    {
        for (auto const& r : to)
            recipients.emplace_back(r);
    }

    /// @throws posthorn::error with errc::bad_address.
    envelope& add(std::string_view to)
    {
        recipients.emplace_back(to);
        return *this;
    }

    reverse_path           sender;
    std::vector<recipient> recipients;
    mail_parameters        parameters;
};

} // namespace posthorn::smtp

#endif
