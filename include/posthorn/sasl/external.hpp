//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// EXTERNAL (RFC 4422, A) and ANONYMOUS (RFC 4505): who one is was shown elsewhere, as by a client certificate, or nowhere.

#ifndef POSTHORN_SASL_EXTERNAL_HPP
#define POSTHORN_SASL_EXTERNAL_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::sasl {

/// Sends nothing but, if it is given, the authorization identity.
class external final : public mechanism
{
public:
    explicit external(credentials c) : identity_(std::move(c.authorization_identity)) {}

    std::string_view name() const noexcept override { return "EXTERNAL"; }
    bool             plaintext() const noexcept override { return false; }

    std::optional<secret_string> initial_response() override
    {
        if (identity_.find('\0') != identity_.npos)
            throw error(errc::unusable_credentials, "EXTERNAL cannot carry a NUL in the authorization identity");
        return secret_string(identity_);
    }

    secret_string respond(std::string_view challenge) override
    {
        if (!challenge.empty() || std::exchange(answered_, true))
            throw error(errc::bad_challenge, "EXTERNAL has only one message");
        return *initial_response();
    }

private:
    std::string identity_;
    bool        answered_ = false;
};

/// Sends the user name, if there is one, as a trace: a mail address or any short text.
class anonymous final : public mechanism
{
public:
    explicit anonymous(credentials c) : trace_(std::move(c.user)) {}

    std::string_view name() const noexcept override { return "ANONYMOUS"; }
    bool             plaintext() const noexcept override { return false; }

    std::optional<secret_string> initial_response() override
    {
        if (trace_.size() > 255 || ascii::has_control(trace_))
            throw error(errc::unusable_credentials, "the trace of ANONYMOUS is printable and has at most 255 octets");
        return secret_string(trace_);
    }

    secret_string respond(std::string_view challenge) override
    {
        if (!challenge.empty() || std::exchange(answered_, true))
            throw error(errc::bad_challenge, "ANONYMOUS has only one message");
        return *initial_response();
    }

private:
    std::string trace_;
    bool        answered_ = false;
};

} // namespace posthorn::sasl

#endif
