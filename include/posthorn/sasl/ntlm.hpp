//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// NTLM, version 2 only ([MS-NLMP]), without its security layers: for servers of Microsoft that have nothing better.

#ifndef POSTHORN_SASL_NTLM_HPP
#define POSTHORN_SASL_NTLM_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/crypto/md4.hpp>
#include <posthorn/crypto/random.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::sasl {

namespace detail {

/// Numbers of NTLM are little-endian.
class ntlm_writer
{
public:
    void octets(std::string_view s) { text_.append(s); }

    template <class Number>
    void number(Number n)
    {
        for (std::size_t i = 0; i != sizeof n; ++i)
            text_.push_back(static_cast<char>(static_cast<unsigned char>(n >> (8 * i) & 0xffU)));
    }

    /// Where a field lies: its size, twice, and its offset.
    void field(std::size_t size, std::size_t offset)
    {
        number(static_cast<std::uint16_t>(size));
        number(static_cast<std::uint16_t>(size));
        number(static_cast<std::uint32_t>(offset));
    }

    std::size_t          size() const noexcept { return text_.size(); }
    secret_string const& text() const noexcept { return text_; }

private:
    secret_string text_;
};

/// UTF-8 to UTF-16LE. Nothing if it is not UTF-8.
inline std::optional<secret_string> to_utf16(std::string_view utf8)
{
    ntlm_writer out;
    for (std::size_t i = 0; i < utf8.size();)
    {
        auto const    first  = static_cast<unsigned char>(utf8[i]);
        std::size_t   size   = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
        std::uint32_t code   = size == 1 ? first : size == 2 ? first & 0x1fU : size == 3 ? first & 0x0fU : first & 0x07U;
        if (size == 0 || first > 0xf4 || i + size > utf8.size())
            return std::nullopt;
        for (std::size_t k = 1; k != size; ++k)
        {
            auto const next = static_cast<unsigned char>(utf8[i + k]);
            if ((next & 0xc0U) != 0x80U)
                return std::nullopt;
            code = code << 6U | (next & 0x3fU);
        }
        i += size;
        if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) || (size == 3 && code < 0x800) ||
            (size == 4 && code < 0x10000))
            return std::nullopt;
        if (code < 0x10000)
            out.number(static_cast<std::uint16_t>(code));
        else
        {
            out.number(static_cast<std::uint16_t>(0xd800U + ((code - 0x10000U) >> 10U)));
            out.number(static_cast<std::uint16_t>(0xdc00U + ((code - 0x10000U) & 0x3ffU)));
        }
    }
    return out.text();
}

/// Upper case of ASCII and Latin-1 letters, as Windows does it for user names.
inline std::string to_upper_name(std::string_view utf8)
{
    std::string out;
    for (std::size_t i = 0; i != utf8.size(); ++i)
    {
        bool const after_c3 = i != 0 && utf8[i - 1] == '\xc3';
        auto const c        = static_cast<unsigned char>(utf8[i]);
        bool const small    = after_c3 && c >= 0xa0 && c <= 0xbe && c != 0xb7;
        out += small ? static_cast<char>(c - 0x20) : ascii::to_upper(utf8[i]);
    }
    return out;
}

} // namespace detail

/// One login by NTLM.
class ntlm final : public mechanism
{
public:
    /// What is random or depends on the clock; for tests.
    struct circumstances
    {
        std::string                  client_challenge; ///< 8 octets; empty: random.
        std::optional<std::uint64_t> time; ///< 100 ns since 1601, if the server does not tell it; empty: now.
    };

    explicit ntlm(credentials c, circumstances how = {}) : credentials_(std::move(c)), how_(std::move(how))
    {
        auto const slash = credentials_.user.find('\\');
        if (slash != credentials_.user.npos && credentials_.domain.empty())
        {
            credentials_.domain = credentials_.user.substr(0, slash);
            credentials_.user.erase(0, slash + 1);
        }
        if (how_.client_challenge.empty())
            how_.client_challenge = crypto::random_octets(8);
    }

    std::string_view name() const noexcept override { return "NTLM"; }
    bool             plaintext() const noexcept override { return false; }

    std::optional<secret_string> initial_response() override
    {
        if (credentials_.user.empty())
            throw error(errc::unusable_credentials, "NTLM needs a user name");
        auto const name     = detail::to_utf16(credentials_.user);
        auto const upper    = detail::to_utf16(detail::to_upper_name(credentials_.user));
        auto const domain   = detail::to_utf16(credentials_.domain);
        auto const password = detail::to_utf16(credentials_.password.view());
        bool const fits     = name && upper && domain && password && name->size() < 1024 && domain->size() < 1024;
        if (!fits)
            throw error(errc::unusable_credentials, "NTLM needs a name, a domain and a password in UTF-8, of sensible length");
        name_   = *name;
        domain_ = *domain;
        secret_string identity(*upper);
        identity.append(domain_.view());
        key_ = crypto::hmac(crypto::hash::md5, crypto::md4(password->view()).view(), identity.view());

        detail::ntlm_writer w;
        w.octets(signature());
        w.number(std::uint32_t(1));
        w.number(wanted);
        w.field(0, 40);
        w.field(0, 40);
        w.octets(version());
        negotiate_ = w.text();
        return negotiate_;
    }

    secret_string respond(std::string_view challenge) override
    {
        if (challenge.empty() && !std::exchange(asked_, true)) // the initial response was ignored
            return *initial_response();
        if (std::exchange(answered_, true))
            throw error(errc::bad_challenge, "NTLM answers one challenge only");
        return authenticate(read(challenge), challenge);
    }

private:
    enum : std::uint32_t
    {
        unicode           = 0x00000001,
        request_target    = 0x00000004,
        ntlm_itself       = 0x00000200,
        always_sign       = 0x00008000,
        extended_security = 0x00080000,
        target_info       = 0x00800000,
        with_version      = 0x02000000,
        bits_128          = 0x20000000,
        bits_56           = 0x80000000,
        wanted = unicode | request_target | ntlm_itself | always_sign | extended_security | target_info | with_version |
                 bits_128 | bits_56
    };

    struct server_challenge
    {
        std::uint32_t                flags = 0;
        std::string                  nonce;
        std::string                  info; ///< The target's attributes, without the end mark.
        std::optional<std::uint64_t> time;
    };

    static std::string_view signature() noexcept { return {"NTLMSSP\0", 8}; }
    static std::string_view version() noexcept { return {"\x0a\x00\x61\x4a\x00\x00\x00\x0f", 8}; }

    [[noreturn]] static void malformed(std::string const& what) { throw error(errc::bad_challenge, "NTLM: " + what); }

    template <class Number>
    static Number number_at(std::string_view from, std::size_t at)
    {
        if (from.size() < sizeof(Number) || at > from.size() - sizeof(Number))
            malformed("the challenge is too short");
        Number n = 0;
        for (std::size_t i = 0; i != sizeof n; ++i)
            n = static_cast<Number>(n | static_cast<Number>(static_cast<Number>(static_cast<unsigned char>(from[at + i]))
                                                            << (8 * i)));
        return n;
    }

    static server_challenge read(std::string_view message)
    {
        if (message.substr(0, 8) != signature() || number_at<std::uint32_t>(message, 8) != 2)
            malformed("this is no challenge of NTLM");
        server_challenge c;
        c.flags = number_at<std::uint32_t>(message, 20);
        if (message.size() < 32)
            malformed("the challenge is too short");
        c.nonce = message.substr(24, 8);
        if ((c.flags & unicode) == 0)
            malformed("the server does not know Unicode");
        if ((c.flags & target_info) == 0)
            return c;
        std::size_t const size   = number_at<std::uint16_t>(message, 40);
        std::size_t const offset = number_at<std::uint32_t>(message, 44);
        if (offset > message.size() || size > message.size() - offset)
            malformed("the target's attributes lie outside of the challenge");
        auto const info = message.substr(offset, size);
        for (std::size_t at = 0;;)
        {
            auto const id     = number_at<std::uint16_t>(info, at);
            auto const length = number_at<std::uint16_t>(info, at + 2);
            if (id == 0)
                break;
            if (info.size() - at - 4 < length)
                malformed("an attribute of the target is longer than all of them");
            if (id == 7)
                c.time = number_at<std::uint64_t>(info.substr(at + 4, length), 0);
            if (id != 6) // flags: ours are put in their place
                c.info += info.substr(at, 4U + length);
            at += 4U + length;
        }
        return c;
    }

    static std::uint64_t now()
    {
        using namespace std::chrono;
        auto const since_1970 = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
        return static_cast<std::uint64_t>(since_1970) * 10 + 116444736000000000U;
    }

    secret_string authenticate(server_challenge const& c, std::string_view challenge)
    {
        bool const          with_mic = c.time.has_value();
        detail::ntlm_writer blob;
        blob.octets({"\x01\x01\0\0\0\0\0\0", 8});
        blob.number(c.time ? *c.time : how_.time.value_or(now()));
        blob.octets(how_.client_challenge);
        blob.number(std::uint32_t(0));
        blob.octets(c.info);
        if (with_mic)
        {
            blob.number(std::uint16_t(6));
            blob.number(std::uint16_t(4));
            blob.number(std::uint32_t(2)); // a MIC is there
        }
        blob.number(std::uint32_t(0)); // the end mark of the attributes
        blob.number(std::uint32_t(0));

        auto const    mac = [this](std::string_view a, std::string_view b) {
            secret_string both(a);
            both.append(b);
            return crypto::hmac(crypto::hash::md5, key_.view(), both.view());
        };
        auto const    proof = mac(c.nonce, blob.text().view());
        secret_string response(proof);
        response.append(blob.text().view());
        secret_string lm(std::string(24, '\0')); // where the server tells its time nothing else is wanted
        if (!with_mic)
        {
            lm = mac(c.nonce, how_.client_challenge);
            lm.append(how_.client_challenge);
        }

        std::uint32_t const flags = (c.flags & wanted) | unicode | ntlm_itself;
        std::size_t         at    = with_mic ? 88 : 72;
        detail::ntlm_writer w;
        w.octets(signature());
        w.number(std::uint32_t(3));
        for (std::size_t const size : {lm.size(), response.size(), domain_.size(), name_.size(), std::size_t(0), std::size_t(0)})
        {
            w.field(size, at);
            at += size;
        }
        w.number(flags);
        w.octets(version());
        secret_string const head(w.text());
        secret_string       rest(lm);
        rest.append(response.view());
        rest.append(domain_.view());
        rest.append(name_.view());
        secret_string message(head);
        if (!with_mic)
        {
            message.append(rest.view());
            return message;
        }
        auto const    session_key = crypto::hmac(crypto::hash::md5, key_.view(), proof.view());
        secret_string covered(negotiate_);
        covered.append(challenge);
        covered.append(head.view());
        covered.append(std::string(16, '\0'));
        covered.append(rest.view());
        message.append(crypto::hmac(crypto::hash::md5, session_key.view(), covered.view()).view());
        message.append(rest.view());
        return message;
    }

    credentials   credentials_;
    circumstances how_;
    secret_string name_;
    secret_string domain_;
    secret_string key_; ///< NTOWFv2.
    secret_string negotiate_;
    bool          asked_    = false;
    bool          answered_ = false;
};

} // namespace posthorn::sasl

#endif
