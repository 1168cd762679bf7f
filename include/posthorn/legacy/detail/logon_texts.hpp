//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What questions to the client are made of.

#ifndef POSTHORN_LEGACY_DETAIL_LOGON_TEXTS_HPP
#define POSTHORN_LEGACY_DETAIL_LOGON_TEXTS_HPP

#include <posthorn/core/secret.hpp>

#include <cstddef>
#include <string>

namespace posthorn::legacy::detail {

/// A name and a password that the client gave.
struct logon_texts
{
    logon_texts() = default;

    std::string   user;
    secret_string password;
};

/// Copies what fits of a text, and leaves nothing else behind.
template <std::size_t N>
void take_text(char (&to)[N], char const (&from)[N]) noexcept
{
    secure_wipe(to, N);
    for (std::size_t i = 0; i + 1 != N && from[i] != '\0'; ++i)
        to[i] = from[i];
}

/// @param host Whether it is the name in the certificate that is wrong, else its date.
inline std::string certificate_question(bool host, std::string const& name)
{
    return host ? "The certificate of the server is not for " + name + ". Continue anyway?"
                : "The certificate of " + name + " is not valid at this date. Continue anyway?";
}

} // namespace posthorn::legacy::detail

#endif
