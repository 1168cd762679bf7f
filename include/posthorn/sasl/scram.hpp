//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// SCRAM-SHA-1 (RFC 5802), SCRAM-SHA-256 (RFC 7677) and SCRAM-SHA-512, also with channel binding (-PLUS): both sides prove
// that they know the password, and with -PLUS that nobody sits between them.

#ifndef POSTHORN_SASL_SCRAM_HPP
#define POSTHORN_SASL_SCRAM_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/saslprep.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/crypto/random.hpp>
#include <posthorn/sasl/detail/gs2.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::sasl {

/// What a SCRAM client says about channel binding.
struct scram_binding
{
    enum class use : unsigned char
    {
        impossible, ///< `n`: there is none.
        unoffered,  ///< `y`: there is one, and the server did not offer -PLUS. If it did, somebody removed the offer.
        bound       ///< `p`: with -PLUS.
    };

    use         how = use::impossible;
    std::string type; ///< "tls-exporter" or "tls-server-end-point".
    std::string data;
};

/// One login by SCRAM.
class scram final : public mechanism
{
public:
    /// More work than this for one login is an attack on the client. 4096 is the least that RFC 7677 allows.
    static constexpr unsigned long most_iterations = 1'000'000;

    /// @param nonce Printable ASCII without comma; for tests. Empty: a fresh one.
    scram(crypto::hash h, credentials c, scram_binding binding, std::string nonce = {})
        : hash_(h), credentials_(std::move(c)), binding_(std::move(binding)), nonce_(std::move(nonce))
    {
        switch (hash_)
        {
        case crypto::hash::sha512: name_ = "SCRAM-SHA-512"; break;
        case crypto::hash::sha256: name_ = "SCRAM-SHA-256"; break;
        default: name_ = "SCRAM-SHA-1"; break;
        }
        if (binding_.how == scram_binding::use::bound)
            name_ += "-PLUS";
        if (nonce_.empty())
            nonce_ = codec::base64_encode(crypto::random_octets(24));
    }

    std::string_view name() const noexcept override { return name_; }
    bool             plaintext() const noexcept override { return false; }
    bool             expensive() const noexcept override { return true; }
    bool             satisfied() const noexcept override { return step_ == step::verified; }

    std::optional<secret_string> initial_response() override
    {
        if (credentials_.user.empty())
            throw error(errc::unusable_credentials, name_ + " needs a user name");
        auto const user     = codec::saslprep(credentials_.user);
        auto const password = codec::saslprep(credentials_.password.view());
        if (!user || user->empty())
            throw error(errc::unusable_credentials, "the user name holds what SASLprep (RFC 4013) does not allow");
        if (!password)
            throw error(errc::unusable_credentials, "the password holds what SASLprep (RFC 4013) does not allow");
        password_ = *password;
        gs2_header_ =
            binding_.how == scram_binding::use::bound       ? "p=" + binding_.type + ","
            : binding_.how == scram_binding::use::unoffered ? "y,"
                                                            : "n,";
        if (!credentials_.authorization_identity.empty())
            gs2_header_ += "a=" + detail::gs2_name(credentials_.authorization_identity);
        gs2_header_ += ',';
        first_bare_ = "n=" + detail::gs2_name(user->view()) + ",r=" + nonce_;
        step_       = step::first_sent;
        return secret_string(gs2_header_ + first_bare_);
    }

    secret_string respond(std::string_view challenge) override
    {
        switch (step_)
        {
        case step::begin: return *initial_response(); // the server did not take an initial response
        case step::first_sent:
            if (challenge.empty() && !std::exchange(repeated_, true))
                return secret_string(gs2_header_ + first_bare_);
            return prove(challenge);
        case step::proved: verify(challenge); return {};
        case step::verified: break;
        }
        throw error(errc::bad_challenge, name_ + " has ended, and the server goes on");
    }

    /// What the server gave as the reason of a failure (`e=`); empty if it gave none.
    std::string_view problem() const noexcept override { return problem_; }

private:
    enum class step : unsigned char { begin, first_sent, proved, verified };

    [[noreturn]] void malformed(std::string_view what) const
    {
        throw error(errc::bad_challenge, name_ + ": " + std::string(what));
    }

    /// Takes `k=value` from the front of a message.
    std::string_view take(std::string_view& message, char key) const
    {
        if (message.size() < 2 || message[0] != key || message[1] != '=')
            malformed(std::string("the server's message lacks '") + key + "='");
        auto const end   = message.find(',');
        auto const value = message.substr(2, end == message.npos ? end : end - 2);
        message.remove_prefix(end == message.npos ? message.size() : end + 1);
        return value;
    }

    secret_string prove(std::string_view challenge)
    {
        if (challenge.substr(0, 2) == "m=")
            malformed("the server demands an extension that nobody knows");
        auto       rest  = challenge;
        auto const nonce = take(rest, 'r');
        auto const salt  = codec::base64_decode(take(rest, 's'));
        auto const count = take(rest, 'i');
        if (nonce.size() <= nonce_.size() || nonce.substr(0, nonce_.size()) != nonce_)
            malformed("the server's nonce does not go on from ours");
        for (char const c : nonce)
            if (c < 0x21 || c > 0x7e)
                malformed("the server's nonce is not printable");
        if (!salt || salt->empty())
            malformed("the salt is missing, or not base64");
        unsigned long iterations = 0;
        for (char const c : count)
        {
            if (!ascii::is_digit(c) || iterations > most_iterations)
                malformed("the iteration count is not a number in bounds");
            iterations = iterations * 10 + static_cast<unsigned long>(c - '0');
        }
        if (iterations == 0 || iterations > most_iterations)
            malformed("the iteration count is zero or more than " + std::to_string(most_iterations));

        auto const salted     = crypto::pbkdf2(hash_, password_.view(), *salt, static_cast<unsigned>(iterations));
        auto const client_key = crypto::hmac(hash_, salted.view(), "Client Key");
        auto const stored_key = crypto::digest(hash_, client_key.view());
        auto const server_key = crypto::hmac(hash_, salted.view(), "Server Key");
        std::string const bound =
            binding_.how == scram_binding::use::bound ? gs2_header_ + binding_.data : gs2_header_;
        std::string const without_proof = "c=" + codec::base64_encode(bound) + ",r=" + std::string(nonce);
        std::string const everything    = first_bare_ + ',' + std::string(challenge) + ',' + without_proof;
        auto const        signature     = crypto::hmac(hash_, stored_key.view(), everything);
        secret_string     proof;
        for (std::size_t i = 0; i != signature.size(); ++i)
            proof.push_back(static_cast<char>(signature.view()[i] ^ client_key.view()[i]));
        expected_ = crypto::hmac(hash_, server_key.view(), everything);
        password_.clear();
        step_ = step::proved;
        secret_string response(without_proof);
        response.append(",p=" + codec::base64_encode(proof.view()));
        return response;
    }

    void verify(std::string_view challenge)
    {
        auto rest = challenge;
        if (challenge.substr(0, 2) == "e=")
        {
            problem_ = printable(take(rest, 'e'), 100);
            if (problem_ == "unsupported-channel-binding-type") // another mechanism may do
                malformed("the server does not know " + binding_.type);
            throw error(errc::refused, name_ + ": the server says " + problem_);
        }
        auto const given = codec::base64_decode(take(rest, 'v'));
        if (!given || !(secret_string(*given) == expected_))
        {
            error_context context;
            context.detail = name_ + ": the server's signature is wrong";
            context.hint   = "it does not know the password: somebody may be pretending to be the server";
            throw error(errc::server_not_verified, std::move(context));
        }
        step_ = step::verified;
    }

    crypto::hash  hash_;
    credentials   credentials_;
    scram_binding binding_;
    std::string   nonce_;
    std::string   name_;
    std::string   gs2_header_;
    std::string   first_bare_;
    std::string   problem_;
    secret_string password_;
    secret_string expected_; ///< The server's signature.
    step          step_     = step::begin;
    bool          repeated_ = false;
};

} // namespace posthorn::sasl

#endif
