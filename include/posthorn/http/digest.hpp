//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Digest (RFC 7616 and 2617): proves the password without showing it, one nonce for many requests.

#ifndef POSTHORN_HTTP_DIGEST_HPP
#define POSTHORN_HTTP_DIGEST_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/hex.hpp>
#include <posthorn/codec/percent.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/crypto/random.hpp>
#include <posthorn/http/challenge.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/syntax.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::http {

/// What a challenge of Digest asks for.
struct digest_challenge
{
    digest_challenge() = default;

    std::string  realm;
    std::string  nonce;
    std::optional<std::string> opaque;
    std::optional<std::string> algorithm; ///< As written, to be repeated; none means MD5.
    crypto::hash hash      = crypto::hash::md5;
    bool         session   = false; ///< `-sess`
    bool         auth      = false; ///< `qop=auth` is offered.
    bool         auth_int  = false; ///< `qop=auth-int` is offered.
    bool         stale     = false; ///< The nonce was too old; the password may be right.
    bool         user_hash = false;
    bool         utf8      = false; ///< `charset=UTF-8`

    /// Must the body be hashed before the request is sent?
    bool needs_body_hash() const noexcept { return auth_int && !auth; }
};

/// @return Nothing if it is no challenge of Digest, or one with an algorithm or protection that is not known here.
inline std::optional<digest_challenge> read_digest_challenge(challenge const& c)
{
    auto const nonce = c.parameters.get("nonce");
    if (!c.is("digest") || !nonce)
        return std::nullopt;
    std::optional<digest_challenge> result(std::in_place);
    auto&                           d = *result;
    auto const text = [&c](std::string_view name) { return c.parameters.get(name).value_or(std::string_view()); };
    d.realm     = text("realm");
    d.nonce     = *nonce;
    d.stale     = ascii::iequals(text("stale"), "true");
    d.user_hash = ascii::iequals(text("userhash"), "true");
    d.utf8      = ascii::iequals(text("charset"), "UTF-8");
    if (auto const opaque = c.parameters.get("opaque"))
        d.opaque = *opaque;
    if (auto const algorithm = c.parameters.get("algorithm"))
    {
        d.algorithm          = *algorithm;
        std::string_view name = *d.algorithm;
        d.session            = name.size() > 5 && ascii::iequals(name.substr(name.size() - 5), "-sess");
        if (d.session)
            name.remove_suffix(5);
        if (ascii::iequals(name, "SHA-256"))
            d.hash = crypto::hash::sha256;
        else if (!ascii::iequals(name, "MD5"))
            return std::nullopt;
    }
    if (auto const qop = c.parameters.get("qop"))
    {
        std::string_view list = *qop, one;
        while (next_member(list, one))
        {
            d.auth     = d.auth || ascii::iequals(one, "auth");
            d.auth_int = d.auth_int || ascii::iequals(one, "auth-int");
        }
        if (!d.auth && !d.auth_int)
            return std::nullopt;
    }
    else if (d.session)
        return std::nullopt; // it needs a cnonce, which cannot be told to such a server
    return result;
}

/** The answers to one challenge: one nonce, one cnonce, a counter.

    Holds a hash that is as good as the password for this realm, and wipes it.
*/
class digest_session
{
public:
    /** @param cnonce For tests; empty: a fresh one.
        @throws error with errc::bad_challenge or bad_header if something cannot be written down as it is. */
    digest_session(digest_challenge c, sasl::credentials const& who, std::string cnonce = {})
        : challenge_(std::move(c)), cnonce_(std::move(cnonce)), user_(who.user)
    {
        if (cnonce_.empty())
            cnonce_ = codec::base64_encode(crypto::random_octets(24));
        if (ascii::has_control(user_))
            throw error(errc::bad_header, "the user name has a control character");
        for (std::string const* part : {&challenge_.realm, &challenge_.nonce})
            if (ascii::has_control(*part))
                throw error(errc::bad_challenge, "it has a control character");
        secret_string text(user_);
        text.append(":");
        text.append(challenge_.realm);
        if (challenge_.user_hash)
            user_ = hex(text.view());
        text.append(":");
        text.append(who.password.view());
        key_ = hex_secret(text.view());
        if (challenge_.session)
        {
            key_.append(":" + challenge_.nonce + ':' + cnonce_);
            key_ = hex_secret(key_.view());
        }
    }

    digest_challenge const& challenge() const noexcept { return challenge_; }

    /// How many requests were answered for.
    std::uint32_t uses() const noexcept { return count_; }

    /** The value of Authorization for one request.

        @param method    As sent.
        @param target    As sent, with the query.
        @param body_hash Digest of the body, raw; only used if challenge().needs_body_hash(). */
    secret_string authorization(std::string_view method, std::string_view target, std::string_view body_hash)
    {
        ++count_;
        std::string const nc  = counter();
        std::string const qop = protection();
        std::string       a2  = std::string(method) + ':' + std::string(target);
        if (challenge_.needs_body_hash())
            a2 += ':' + codec::hex_encode(body_hash);
        last_target_      = target;
        std::string value = "Digest ";
        if (!challenge_.user_hash && challenge_.utf8 && ascii::has_eight_bit(user_))
            value += "username*=UTF-8''" + encoded_name();
        else
            value += "username=" + quoted_string(user_);
        value += ", realm=" + quoted_string(challenge_.realm) + ", nonce=" + quoted_string(challenge_.nonce) + ", uri=" + quoted_string(target);
        value += ", response=\"" + response(nc, qop, hex(a2)) + '"';
        if (challenge_.algorithm)
            value += ", algorithm=" + *challenge_.algorithm;
        if (challenge_.opaque)
            value += ", opaque=" + quoted_string(*challenge_.opaque);
        if (!qop.empty())
            value += ", qop=" + qop + ", nc=" + nc + ", cnonce=" + quoted_string(cnonce_);
        if (challenge_.user_hash)
            value += ", userhash=true";
        return secret_string(value);
    }

    /** Reads what the server says after a success (Authentication-Info): a proof of its own, the next nonce.

        @throws error with errc::bad_challenge if the proof is wrong: the server does not know the password. */
    void on_success(auth_parameters const& info)
    {
        auto const proof = info.get("rspauth");
        auto const nc    = info.get("nc");
        bool const ours  = nc && *nc == counter() && info.get("cnonce").value_or(cnonce_) == cnonce_;
        // Of auth-int it covers a body that has not been read yet.
        if (proof && ours && challenge_.auth && !ascii::iequals(*proof, response(counter(), protection(), hex(':' + last_target_))))
            throw error(errc::bad_challenge, "the server does not prove that it knows the password");
        if (auto const next = info.get("nextnonce"); next && !ascii::has_control(*next) && !next->empty())
        {
            challenge_.nonce = *next; // the key of -sess stays that of the first nonce (RFC 7616, 3.4.2)
            count_           = 0;
        }
    }

private:
    std::string hex(std::string_view text) const { return codec::hex_encode(crypto::digest(challenge_.hash, text).view()); }

    secret_string hex_secret(std::string_view text) const
    {
        std::string   plain = hex(text);
        secret_string result(plain);
        secure_wipe(plain.data(), plain.size());
        return result;
    }

    std::string protection() const { return challenge_.auth ? "auth" : challenge_.auth_int ? "auth-int" : ""; }

    std::string counter() const
    {
        std::string octets;
        for (unsigned shift = 32; shift != 0; shift -= 8)
            octets += static_cast<char>(static_cast<unsigned char>(count_ >> (shift - 8) & 0xffU));
        return codec::hex_encode(octets);
    }

    std::string response(std::string const& nc, std::string const& qop, std::string const& ha2) const
    {
        secret_string text(key_);
        text.append(":" + challenge_.nonce + ':');
        if (!qop.empty())
            text.append(nc + ':' + cnonce_ + ':' + qop + ':');
        text.append(ha2);
        return hex(text.view());
    }

    /// RFC 8187.
    std::string encoded_name() const { return codec::percent_encode(user_, "!#$&+-.^_`|~"); }

    digest_challenge challenge_;
    std::string      cnonce_;
    std::string      user_; ///< As it is sent.
    secret_string    key_;  ///< H(A1)
    std::string      last_target_;
    std::uint32_t    count_ = 0;
};

} // namespace posthorn::http

#endif
