//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A message to be sent: its envelope and where its content comes from.

#ifndef POSTHORN_SMTP_MESSAGE_HPP
#define POSTHORN_SMTP_MESSAGE_HPP

#include <posthorn/smtp/envelope.hpp>
#include <posthorn/source/memory.hpp>
#include <posthorn/source/source.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::smtp {

/// Envelope and content. Copies share the content's source, so only one of them may be sent at a time.
struct message
{
    message() = default;

    message(smtp::envelope e, std::shared_ptr<source> c) : envelope(std::move(e)), content(std::move(c)) {}

    /** A message in memory.
        @param text Header section, empty line, body; line ends are normalised when it is sent.
        @throws posthorn::error with errc::bad_address. */
    message(std::string_view from, std::initializer_list<std::string_view> to, std::string text)
        : envelope(from, to), content(std::make_shared<string_source>(std::move(text)))
    {
    }

    smtp::envelope          envelope;
    std::shared_ptr<source> content;
};

} // namespace posthorn::smtp

#endif
