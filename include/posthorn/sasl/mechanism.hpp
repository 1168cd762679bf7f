//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The interface of a SASL mechanism: pure steps from challenges to responses (RFC 4422).

#ifndef POSTHORN_SASL_MECHANISM_HPP
#define POSTHORN_SASL_MECHANISM_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/secret.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::sasl {

/** One run of one mechanism, without I/O. The protocol carries the octets, in base64 or otherwise.

    Responses are secrets: they are wiped when they go.
*/
class mechanism
{
public:
    virtual ~mechanism() = default;

    /// The registered name, e.g. "PLAIN".
    virtual std::string_view name() const noexcept = 0;

    /// Does it show the password, or something as good, to whoever reads along? Then it needs TLS.
    virtual bool plaintext() const noexcept = 0;

    /** The initial response, if the mechanism begins with the client.

        An empty response is not the same as none.
        @throws error if the credentials cannot be used with this mechanism, before anything was sent. */
    virtual std::optional<secret_string> initial_response() = 0;

    /** Answers a challenge of the server.

        @param challenge Decoded; it may be anything.
        @throws error with a code equal to condition::authentication if the challenge makes no sense or proves that
                the server does not know the secret: the exchange must be cancelled. */
    virtual secret_string respond(std::string_view challenge) = 0;

    /** Has the server proved what the mechanism asks it to prove? Asked when the server reports success.

        A mechanism without such a proof is always satisfied. */
    virtual bool satisfied() const noexcept { return true; }

    /// Do initial_response() and respond() compute or wait for long, so that they should not run on the thread of an
    /// event loop?
    virtual bool expensive() const noexcept { return false; }

    /// What the server said, within the mechanism, about why it refuses; empty if nothing. Safe to show.
    virtual std::string_view problem() const noexcept { return {}; }

protected:
    mechanism()                            = default;
    mechanism(mechanism const&)            = default;
    mechanism& operator=(mechanism const&) = default;
};

/// Who to log in as.
struct credentials
{
    credentials() = default;
    credentials(std::string u, secret_string p) : user(std::move(u)), password(std::move(p)) {}

    std::string   user;               ///< Authentication identity, UTF-8.
    secret_string password;           ///< UTF-8.
    std::string   authorization_identity; ///< Act as; usually empty, which means as the user.
    secret_string token;                  ///< OAuth 2.0 access token, for OAUTHBEARER and XOAUTH2.
    std::string   domain;                 ///< Of Windows, for NTLM; also given as `DOMAIN\\user`. Usually empty.

    /// Is there anything to log in with?
    bool empty() const noexcept { return user.empty() && password.empty() && token.empty(); }
};

} // namespace posthorn::sasl

#endif
