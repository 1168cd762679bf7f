//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Bearer tokens of OAuth 2.0: OAUTHBEARER (RFC 7628), and XOAUTH2, which was there before.

#ifndef POSTHORN_SASL_OAUTH_HPP
#define POSTHORN_SASL_OAUTH_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/sasl/detail/gs2.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::sasl {

namespace detail {

/// What both have in common: a single message, and an error that comes as a challenge.
class bearer : public mechanism
{
public:
    bool plaintext() const noexcept override { return true; } // whoever sees the token can use it

    secret_string respond(std::string_view challenge) override
    {
        if (challenge.empty() && !std::exchange(answered_, true)) // the initial response was ignored
            return *initial_response();
        if (challenge.empty() || !problem_.empty())
            throw error(errc::bad_challenge, std::string(name()) + " has only one message");
        problem_ = printable(challenge, 500); // JSON; the refusal itself follows our answer
        return secret_string(farewell());
    }

    std::string_view problem() const noexcept override { return problem_; }

protected:
    explicit bearer(credentials c) : credentials_(std::move(c)) {}

    void check() const
    {
        auto const token = credentials_.token.view();
        if (token.empty())
            throw error(errc::unusable_credentials, std::string(name()) + " needs a token");
        for (char const c : token) // RFC 6750, 2.1
            if (!ascii::is_alnum(c) && std::string_view("-._~+/=").find(c) == std::string_view::npos)
                throw error(errc::unusable_credentials, "the token holds an octet that no bearer token has");
        if (ascii::has_control(credentials_.user) || ascii::has_control(credentials_.authorization_identity))
            throw error(errc::unusable_credentials, std::string(name()) + " cannot carry control characters in a name");
    }

    credentials credentials_;

private:
    /// What answers the error.
    virtual std::string_view farewell() const noexcept = 0;

    std::string problem_;
    bool        answered_ = false;
};

} // namespace detail

class xoauth2 final : public detail::bearer
{
public:
    explicit xoauth2(credentials c) : bearer(std::move(c)) {}

    std::string_view name() const noexcept override { return "XOAUTH2"; }

    std::optional<secret_string> initial_response() override
    {
        check();
        if (credentials_.user.empty())
            throw error(errc::unusable_credentials, "XOAUTH2 needs a user name");
        secret_string message("user=");
        message.append(credentials_.user);
        message.append("\001auth=Bearer ");
        message.append(credentials_.token.view());
        message.append("\001\001");
        return message;
    }

private:
    std::string_view farewell() const noexcept override { return {}; }
};

class oauthbearer final : public detail::bearer
{
public:
    /// @param host Of the server, as the caller knows it. @param port 0 to leave it out.
    oauthbearer(credentials c, std::string host, std::uint16_t port)
        : bearer(std::move(c)), host_(std::move(host)), port_(port)
    {
    }

    std::string_view name() const noexcept override { return "OAUTHBEARER"; }

    std::optional<secret_string> initial_response() override
    {
        check();
        std::string const& identity =
            credentials_.authorization_identity.empty() ? credentials_.user : credentials_.authorization_identity;
        secret_string message("n,");
        if (!identity.empty())
            message.append("a=" + detail::gs2_name(identity));
        message.push_back(',');
        if (!host_.empty() && !ascii::has_control(host_))
            message.append("\001host=" + host_);
        if (port_ != 0)
            message.append("\001port=" + std::to_string(port_));
        message.append("\001auth=Bearer ");
        message.append(credentials_.token.view());
        message.append("\001\001");
        return message;
    }

private:
    std::string_view farewell() const noexcept override { return "\001"; }

    std::string   host_;
    std::uint16_t port_;
};

} // namespace posthorn::sasl

#endif
