//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The stages of an SMTP conversation: what timeouts, errors and reports are named after.

#ifndef POSTHORN_SMTP_PHASE_HPP
#define POSTHORN_SMTP_PHASE_HPP

#include <string_view>

namespace posthorn::smtp {

/// Where in the conversation something happened.
enum class phase : unsigned char
{
    prepare,  ///< Before anything was sent: checks of what the caller gave.
    connect,  ///< Resolving and connecting.
    greeting, ///< Waiting for the server's first reply.
    hello,    ///< EHLO, HELO or LHLO.
    starttls, ///< The STARTTLS command.
    tls,      ///< The TLS handshake.
    auth,     ///< AUTH and its challenges.
    mail,     ///< MAIL FROM.
    rcpt,     ///< RCPT TO.
    data,     ///< DATA, until the server is ready for the content.
    content,  ///< Sending the content, and the reply to its end.
    rset,     ///< RSET.
    quit,     ///< QUIT.
    command   ///< Any other command.
};

/// A word for texts, e.g. "rcpt".
constexpr std::string_view to_string(phase p) noexcept
{
    switch (p)
    {
    case phase::prepare: return "prepare";
    case phase::connect: return "connect";
    case phase::greeting: return "greeting";
    case phase::hello: return "hello";
    case phase::starttls: return "starttls";
    case phase::tls: return "tls";
    case phase::auth: return "auth";
    case phase::mail: return "mail";
    case phase::rcpt: return "rcpt";
    case phase::data: return "data";
    case phase::content: return "content";
    case phase::rset: return "rset";
    case phase::quit: return "quit";
    case phase::command: return "command";
    }
    return "unknown";
}

} // namespace posthorn::smtp

#endif
