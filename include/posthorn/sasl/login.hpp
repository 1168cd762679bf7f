//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// LOGIN: user name and password on two prompts; obsolete but widespread. Only for use inside TLS.

#ifndef POSTHORN_SASL_LOGIN_HPP
#define POSTHORN_SASL_LOGIN_HPP

#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <optional>
#include <string_view>
#include <utility>

namespace posthorn::sasl {

class login final : public mechanism
{
public:
    explicit login(credentials c) : credentials_(std::move(c)) {}

    std::string_view name() const noexcept override { return "LOGIN"; }
    bool             plaintext() const noexcept override { return true; }

    std::optional<secret_string> initial_response() override
    {
        if (credentials_.user.empty())
            throw error(errc::unusable_credentials, "LOGIN needs a user name");
        if (!credentials_.authorization_identity.empty())
            throw error(errc::unusable_credentials, "LOGIN cannot carry an authorization identity");
        return std::nullopt;
    }

    // Servers word their prompts as they like, so only the order counts.
    secret_string respond(std::string_view) override
    {
        switch (step_++)
        {
        case 0: return secret_string(credentials_.user);
        case 1: return credentials_.password;
        default: throw error(errc::bad_challenge, "LOGIN has only two prompts");
        }
    }

private:
    credentials credentials_;
    int         step_ = 0;
};

} // namespace posthorn::sasl

#endif
