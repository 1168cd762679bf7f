//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// PLAIN (RFC 4616): the password itself, in one message. Only for use inside TLS.

#ifndef POSTHORN_SASL_PLAIN_HPP
#define POSTHORN_SASL_PLAIN_HPP

#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <optional>
#include <string_view>
#include <utility>

namespace posthorn::sasl {

class plain final : public mechanism
{
public:
    explicit plain(credentials c) : credentials_(std::move(c)) {}

    std::string_view name() const noexcept override { return "PLAIN"; }
    bool             plaintext() const noexcept override { return true; }

    std::optional<secret_string> initial_response() override
    {
        auto const has_nul = [](std::string_view s) { return s.find('\0') != s.npos; };
        if (credentials_.user.empty())
            throw error(errc::unusable_credentials, "PLAIN needs a user name");
        if (has_nul(credentials_.user) || has_nul(credentials_.password.view()) ||
            has_nul(credentials_.authorization_identity))
            throw error(errc::unusable_credentials, "PLAIN cannot carry a NUL in a name or password");
        std::string_view const nul("\0", 1);
        secret_string          message(credentials_.authorization_identity);
        message.append(nul);
        message.append(credentials_.user);
        message.append(nul);
        message.append(credentials_.password.view());
        return message;
    }

    // A server that ignores the initial response asks with an empty challenge.
    secret_string respond(std::string_view challenge) override
    {
        if (!challenge.empty() || answered_)
            throw error(errc::bad_challenge, "PLAIN has only one message");
        answered_ = true;
        return *initial_response();
    }

private:
    credentials credentials_;
    bool        answered_ = false;
};

} // namespace posthorn::sasl

#endif
