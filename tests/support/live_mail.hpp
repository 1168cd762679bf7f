//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The mail that tests hand to real servers.

#ifndef POSTHORN_TESTS_SUPPORT_LIVE_MAIL_HPP
#define POSTHORN_TESTS_SUPPORT_LIVE_MAIL_HPP

#include <posthorn/smtp/message.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace support {

constexpr char const* sender = "sender@elsewhere.test";

/// A message with lines that need dot-stuffing.
inline std::string const dotted_text = "From: Alice <alice@example.test>\r\n"
                                       "Subject: hello\r\n"
                                       "\r\n"
                                       ".a line with a dot\r\n"
                                       "..\r\n"
                                       "last line\r\n";

inline posthorn::smtp::message mail_to(std::initializer_list<std::string_view> to, std::string content = dotted_text)
{
    return posthorn::smtp::message(sender, to, std::move(content));
}

} // namespace support

#endif
