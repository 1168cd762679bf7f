//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// CRAM-MD5 (RFC 2195): proves the password without showing it, to a server that proves nothing.

#ifndef POSTHORN_SASL_CRAM_MD5_HPP
#define POSTHORN_SASL_CRAM_MD5_HPP

#include <posthorn/codec/hex.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <optional>
#include <string_view>
#include <utility>

namespace posthorn::sasl {

class cram_md5 final : public mechanism
{
public:
    explicit cram_md5(credentials c) : credentials_(std::move(c)) {}

    std::string_view name() const noexcept override { return "CRAM-MD5"; }
    bool             plaintext() const noexcept override { return false; }

    std::optional<secret_string> initial_response() override
    {
        if (credentials_.user.empty())
            throw error(errc::unusable_credentials, "CRAM-MD5 needs a user name");
        if (!credentials_.authorization_identity.empty())
            throw error(errc::unusable_credentials, "CRAM-MD5 cannot carry an authorization identity");
        return std::nullopt;
    }

    secret_string respond(std::string_view challenge) override
    {
        if (challenge.empty() || std::exchange(answered_, true))
            throw error(errc::bad_challenge, "CRAM-MD5 answers one challenge, which is not empty");
        auto const    proof = crypto::hmac(crypto::hash::md5, credentials_.password.view(), challenge);
        secret_string response(credentials_.user);
        response.push_back(' ');
        response.append(codec::hex_encode(proof.view()));
        return response;
    }

private:
    credentials credentials_;
    bool        answered_ = false;
};

} // namespace posthorn::sasl

#endif
