//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// DIGEST-MD5 (RFC 2831), without its security layers: obsolete since RFC 6331, and all that some old servers have.

#ifndef POSTHORN_SASL_DIGEST_MD5_HPP
#define POSTHORN_SASL_DIGEST_MD5_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/hex.hpp>
#include <posthorn/codec/quoted_string.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/crypto/random.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::sasl {

class digest_md5 final : public mechanism
{
public:
    /// @param service E.g. "smtp". @param host Of the server. @param cnonce For tests; empty: a fresh one.
    digest_md5(credentials c, std::string service, std::string host, std::string cnonce = {})
        : credentials_(std::move(c)), uri_(std::move(service) + '/' + std::move(host)), cnonce_(std::move(cnonce))
    {
        if (cnonce_.empty())
            cnonce_ = codec::base64_encode(crypto::random_octets(24));
    }

    std::string_view name() const noexcept override { return "DIGEST-MD5"; }
    bool             plaintext() const noexcept override { return false; }
    bool             satisfied() const noexcept override { return step_ == step::verified; }

    std::optional<secret_string> initial_response() override
    {
        if (credentials_.user.empty())
            throw error(errc::unusable_credentials, "DIGEST-MD5 needs a user name");
        if (ascii::has_control(credentials_.user) || ascii::has_control(credentials_.authorization_identity))
            throw error(errc::unusable_credentials, "DIGEST-MD5 cannot carry control characters in a name");
        return std::nullopt;
    }

    secret_string respond(std::string_view challenge) override
    {
        switch (step_)
        {
        case step::begin: return prove(read(challenge));
        case step::proved: verify(read(challenge)); return {};
        case step::verified: break;
        }
        throw error(errc::bad_challenge, "DIGEST-MD5 has ended, and the server goes on");
    }

private:
    enum class step : unsigned char { begin, proved, verified };
    using directives = std::map<std::string, std::string>;

    [[noreturn]] static void malformed(std::string const& what)
    {
        throw error(errc::bad_challenge, "DIGEST-MD5: " + what);
    }

    /// `name=token` and `name="quoted \" string"`, with commas between.
    static directives read(std::string_view text)
    {
        directives all;
        if (text.size() > 8192)
            malformed("the challenge is too long");
        while (true)
        {
            while (!text.empty() && (text[0] == ',' || ascii::is_blank(text[0])))
                text.remove_prefix(1);
            if (text.empty())
                return all;
            auto const equals = text.find('=');
            if (equals == text.npos || equals == 0)
                malformed("the challenge is not a list of directives");
            std::string name = ascii::to_lower(ascii::trim(text.substr(0, equals)));
            text.remove_prefix(equals + 1);
            std::string value;
            if (!text.empty() && text[0] == '"')
            {
                auto quoted = codec::take_quoted(text);
                if (!quoted)
                    malformed("a quoted string does not end");
                value = std::move(*quoted);
            }
            else
            {
                auto const end = text.find(',');
                value          = ascii::trim(text.substr(0, end));
                text.remove_prefix(end == text.npos ? text.size() : end);
            }
            if (!all.emplace(std::move(name), std::move(value)).second && name != "realm")
                malformed("a directive comes twice");
        }
    }

    static std::string value_of(directives const& d, char const* name)
    {
        auto const found = d.find(name);
        return found == d.end() ? std::string() : found->second;
    }

    static bool has_word(std::string_view list, std::string_view word)
    {
        while (!list.empty())
        {
            auto const end = list.find(',');
            if (ascii::iequals(ascii::trim(list.substr(0, end)), word))
                return true;
            list.remove_prefix(end == list.npos ? list.size() : end + 1);
        }
        return false;
    }

    /// RFC 2831, 2.1.2.1: names that ISO 8859-1 can express are hashed in it.
    static secret_string to_latin_1(std::string_view utf8)
    {
        secret_string out;
        for (std::size_t i = 0; i < utf8.size(); ++i)
        {
            auto const c = static_cast<unsigned char>(utf8[i]);
            if (c < 0x80)
                out.push_back(utf8[i]);
            else if ((c == 0xc2 || c == 0xc3) && i + 1 < utf8.size())
            {
                auto const next = static_cast<unsigned char>(utf8[++i]);
                out.push_back(static_cast<char>(static_cast<unsigned char>((c & 3U) << 6U | (next & 0x3fU))));
            }
            else
                return secret_string(utf8);
        }
        return out;
    }

    static std::string hex(secret_string const& s) { return codec::hex_encode(s.view()); }

    secret_string prove(directives const& d)
    {
        nonce_ = value_of(d, "nonce");
        if (nonce_.empty())
            malformed("the challenge has no nonce");
        if (!ascii::iequals(value_of(d, "algorithm"), "md5-sess"))
            malformed("the algorithm is not md5-sess");
        auto const qop = value_of(d, "qop");
        if (!qop.empty() && !has_word(qop, "auth"))
            malformed("the server demands a security layer: " + printable(qop, 60));
        bool const utf8 = ascii::iequals(value_of(d, "charset"), "utf-8");
        realm_          = value_of(d, "realm");
        if (ascii::has_control(realm_) || ascii::has_control(nonce_))
            malformed("a control character in the challenge");

        secret_string names = to_latin_1(credentials_.user);
        names.push_back(':');
        names.append(to_latin_1(realm_).view());
        names.push_back(':');
        names.append(to_latin_1(credentials_.password.view()).view());
        secret_string a1(crypto::digest(crypto::hash::md5, names.view()));
        a1.append(':' + nonce_ + ':' + cnonce_);
        if (!credentials_.authorization_identity.empty())
            a1.append(':' + credentials_.authorization_identity);
        key_ = crypto::digest(crypto::hash::md5, a1.view());

        secret_string response;
        if (utf8)
            response.append("charset=utf-8,");
        response.append("username=" + codec::quoted_string(utf8 ? std::string_view(credentials_.user) : to_latin_1(credentials_.user).view()));
        if (!realm_.empty())
            response.append(",realm=" + codec::quoted_string(realm_));
        response.append(",nonce=" + codec::quoted_string(nonce_) + ",nc=00000001,cnonce=" + codec::quoted_string(cnonce_) + ",digest-uri=" +
                        codec::quoted_string(uri_) + ",response=" + answer("AUTHENTICATE") + ",qop=auth");
        if (!credentials_.authorization_identity.empty())
            response.append(",authzid=" + codec::quoted_string(credentials_.authorization_identity));
        step_ = step::proved;
        return response;
    }

    /// @param method Empty for the answer of the server.
    std::string answer(std::string_view method) const
    {
        auto const a2 = crypto::digest(crypto::hash::md5, std::string(method) + ':' + uri_);
        return hex(crypto::digest(crypto::hash::md5, hex(key_) + ':' + nonce_ + ":00000001:" + cnonce_ + ":auth:" + hex(a2)));
    }

    void verify(directives const& d)
    {
        if (!(secret_string(value_of(d, "rspauth")) == secret_string(answer({}))))
            throw error(errc::server_not_verified, "DIGEST-MD5: the server's answer is wrong");
        step_ = step::verified;
    }

    credentials   credentials_;
    std::string   uri_;
    std::string   cnonce_;
    std::string   nonce_;
    std::string   realm_;
    secret_string key_;
    step          step_ = step::begin;
};

} // namespace posthorn::sasl

#endif
