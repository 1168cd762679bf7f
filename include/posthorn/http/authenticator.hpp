//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// authenticator: which credentials go with a request, and what a 401 or 407 means for it. Without I/O.

#ifndef POSTHORN_HTTP_AUTHENTICATOR_HPP
#define POSTHORN_HTTP_AUTHENTICATOR_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/http/challenge.hpp>
#include <posthorn/http/digest.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/headers.hpp>
#include <posthorn/http/login_rules.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/sasl/mechanism.hpp>
#include <posthorn/sasl/ntlm.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::http {

/// Who asks for credentials: the server (401), or the proxy on the way to it (407).
enum class auth_party : unsigned char
{
    server,
    proxy
};

/// What one request has tried so far.
struct auth_attempt
{
    auth_attempt() = default;

    std::optional<auth_scheme> sent;   ///< With the last try; nothing: no credentials.
    std::string                nonce;  ///< Of Digest.
    bool                       proved = false; ///< Had the server accepted this session before?
    bool                       refreshed = false; ///< Is the token the second one?
    unsigned                   rounds = 0;
};

/// NTLM on one connection: two messages of ours, one of the server's (RFC 4559 describes the wrapping).
class ntlm_exchange
{
public:
    /// @param scheme `NTLM`, or `Negotiate` where only that is offered.
    ntlm_exchange(sasl::credentials c, std::string scheme) : mechanism_(std::move(c)), scheme_(std::move(scheme)) {}

    /// The first Authorization. @throws error if the credentials cannot be used.
    secret_string first() { return wrapped(*mechanism_.initial_response()); }

    /** The second one.
        @return Nothing if the server did not answer with a challenge: it refuses, or needs no login.
        @throws error with errc::bad_challenge or sasl::errc::bad_challenge. */
    std::optional<secret_string> second(headers const& fields, std::string_view name)
    {
        bool malformed = false;
        for (auto const& c : parse_challenges(fields, name, malformed))
        {
            if (!c.is(scheme_) || c.token68.empty())
                continue;
            auto const message = codec::base64_decode(c.token68);
            if (!message)
                throw error(errc::bad_challenge, "NTLM: it is not base64");
            return wrapped(mechanism_.respond(*message));
        }
        return std::nullopt;
    }

private:
    secret_string wrapped(secret_string const& message) const
    {
        secret_string value(scheme_ + ' ');
        codec::base64_encode(message.view(), value);
        return value;
    }

    sasl::ntlm  mechanism_;
    std::string scheme_;
};

/** Remembers for each origin what it accepts, and answers its challenges within the rules.

    Thread-safe like std::map.
*/
class authenticator
{
public:
    /// What is to be done about a challenge.
    enum class next : unsigned char
    {
        nothing,   ///< There is nothing to answer with: the response stands.
        again,     ///< Send the request again; authorization() has something new.
        handshake, ///< Log the connection in by NTLM, then send the request again.
        new_token  ///< Get a token, call set_token(), then send the request again.
    };

    authenticator() = default;

    /// @param gets_tokens Can set_token() be called on demand?
    authenticator(sasl::credentials who, login_rules rules, bool gets_tokens, auth_party party = auth_party::server)
        : who_(std::move(who)), rules_(std::move(rules)), gets_tokens_(gets_tokens), party_(party)
    {
    }

    bool has_credentials() const noexcept { return !who_.empty() || gets_tokens_; }

    sasl::credentials const& who() const noexcept { return who_; }

    void set_token(secret_string token) { who_.token = std::move(token); }

    /// Forgets what origins accepted.
    void set_login(sasl::credentials who)
    {
        who_ = std::move(who);
        spaces_.clear();
    }

    /// The digest of the body that authorization() will need; nothing: none.
    std::optional<crypto::hash> wants_body_hash(origin const& o) const
    {
        auto const found = spaces_.find(o);
        if (found == spaces_.end() || !found->second.digest || !found->second.digest->challenge().needs_body_hash())
            return std::nullopt;
        return found->second.digest->challenge().hash;
    }

    /// The scheme by which connections to this origin log in, `NTLM` or `Negotiate`; empty: they need not.
    std::string connection_scheme(origin const& o) const
    {
        auto const found = spaces_.find(o);
        bool const ntlm  = found != spaces_.end() && found->second.scheme == auth_scheme::ntlm && rules_.allows(o, auth_scheme::ntlm);
        return ntlm ? found->second.ntlm_name : std::string();
    }

    /** What goes with a request; empty for nothing.

        @param body_hash See wants_body_hash().
        @param a         Remembers it. */
    secret_string authorization(origin const& o, std::string_view method, std::string_view target, std::string_view body_hash,
                                auth_attempt& a)
    {
        a.sent.reset();
        auto const found = spaces_.find(o);
        if (found == spaces_.end() || !rules_.allows(o, found->second.scheme))
            return {};
        auto& s = found->second;
        if (s.scheme == auth_scheme::ntlm)
            return {}; // goes with the connection
        a.sent   = s.scheme;
        a.proved = s.proved;
        switch (s.scheme)
        {
        case auth_scheme::digest_sha256:
        case auth_scheme::digest_md5:
            a.nonce = s.digest->challenge().nonce;
            return s.digest->authorization(method, target, body_hash);
        case auth_scheme::bearer: return bearer();
        case auth_scheme::basic: return basic();
        case auth_scheme::ntlm: break;
        }
        return {};
    }

    /** Decides about a 401 or 407.

        @throws error with errc::auth_failed, auth_unavailable, auth_not_allowed or bad_challenge. */
    next on_challenge(origin const& o, headers const& fields, auth_attempt& a)
    {
        if (!has_credentials())
            return next::nothing;
        bool       malformed = false;
        auto const offered   = parse_challenges(fields, field_name(), malformed);
        if (++a.rounds > most_rounds)
            refused(o, "it goes on asking");
        if (a.sent)
            return after_refusal(o, offered, a);
        if (offered.empty() && !malformed)
            return next::nothing;
        return choose(o, offered, malformed);
    }

    /// Tells that a connection was refused after the NTLM handshake. @throws error with errc::auth_failed
    [[noreturn]] void on_handshake_refused(origin const& o)
    {
        refused(o, "by NTLM");
    }

    /// Tells that a request with credentials was answered by something else than 401 or 407. @throws error with errc::bad_challenge
    void on_success(origin const& o, headers const& fields, auth_attempt const& a)
    {
        auto const found = spaces_.find(o);
        if (!a.sent || found == spaces_.end() || found->second.scheme != *a.sent)
            return;
        found->second.proved = true;
        auto& digest         = found->second.digest;
        auto const info      = fields.get(party_ == auth_party::server ? "Authentication-Info" : "Proxy-Authentication-Info");
        if (!digest || !info || digest->challenge().nonce != a.nonce)
            return;
        if (auto const parameters = parse_auth_info(*info))
            digest->on_success(*parameters);
    }

    /// `WWW-Authenticate` or `Proxy-Authenticate`
    std::string_view field_name() const noexcept
    {
        return party_ == auth_party::server ? "WWW-Authenticate" : "Proxy-Authenticate";
    }

private:
    static constexpr unsigned    most_rounds = 6;
    static constexpr std::size_t most_spaces = 256;

    struct space
    {
        auth_scheme                   scheme = auth_scheme::basic;
        std::optional<digest_session> digest;
        std::string                   ntlm_name;
        bool                          proved = false;
    };

    [[noreturn]] void refused(origin const& o, std::string const& how)
    {
        spaces_.erase(o);
        throw error(errc::auth_failed, (party_ == auth_party::server ? "of " : "of the proxy ") + printable(o.str()) + ", " + how);
    }

    secret_string basic() const
    {
        if (who_.user.find(':') != who_.user.npos)
            throw error(errc::auth_unavailable, "a user name for Basic cannot have a colon");
        secret_string both(who_.user);
        both.push_back(':');
        both.append(who_.password.view());
        secret_string value("Basic ");
        codec::base64_encode(both.view(), value);
        return value;
    }

    secret_string bearer() const
    {
        secret_string value("Bearer ");
        value.append(who_.token.view());
        return value;
    }

    /// The credentials that were sent are not accepted: wrong, or only too old?
    next after_refusal(origin const& o, std::vector<challenge> const& offered, auth_attempt& a)
    {
        if (*a.sent == auth_scheme::bearer && gets_tokens_ && !std::exchange(a.refreshed, true))
            return next::new_token;
        if (*a.sent == auth_scheme::digest_md5 || *a.sent == auth_scheme::digest_sha256)
        {
            auto const fresh = find_digest(offered, *a.sent);
            // Not every server says stale where it forgot a nonce that it had accepted.
            if (fresh && (fresh->stale || a.proved) && fresh->nonce != a.nonce)
            {
                spaces_[o].digest.emplace(*fresh, who_);
                spaces_[o].proved = false;
                spaces_[o].scheme = *a.sent;
                return next::again;
            }
        }
        refused(o, *a.sent == auth_scheme::basic ? "by Basic" : *a.sent == auth_scheme::bearer ? "by Bearer" : "by Digest");
    }

    static std::optional<digest_challenge> find_digest(std::vector<challenge> const& offered, auth_scheme s)
    {
        for (auto const& c : offered)
            if (auto d = read_digest_challenge(c); d && (d->hash == crypto::hash::sha256) == (s == auth_scheme::digest_sha256))
                return d;
        return std::nullopt;
    }

    static char const* ntlm_name_in(std::vector<challenge> const& offered)
    {
        char const* name = nullptr;
        for (auto const& c : offered)
        {
            if (c.is("ntlm"))
                return "NTLM";
            if (c.is("negotiate"))
                name = "Negotiate";
        }
        return name;
    }

    static bool has(std::vector<challenge> const& offered, std::string_view scheme)
    {
        for (auto const& c : offered)
            if (c.is(scheme))
                return true;
        return false;
    }

    next choose(origin const& o, std::vector<challenge> const& offered, bool malformed)
    {
        constexpr auth_scheme order[] = {auth_scheme::bearer, auth_scheme::digest_sha256, auth_scheme::ntlm, auth_scheme::digest_md5,
                                         auth_scheme::basic};
        bool const password  = !who_.user.empty() || !who_.password.empty();
        bool       forbidden = false;
        for (auto const scheme : order)
        {
            space s;
            s.scheme  = scheme;
            bool able = password;
            switch (scheme)
            {
            case auth_scheme::bearer: able = has(offered, "bearer") && (gets_tokens_ || !who_.token.empty()); break;
            case auth_scheme::basic: able = able && has(offered, "basic"); break;
            case auth_scheme::ntlm:
                able = able && ntlm_name_in(offered) != nullptr;
                if (able)
                    s.ntlm_name = ntlm_name_in(offered);
                break;
            case auth_scheme::digest_sha256:
            case auth_scheme::digest_md5: able = able && find_digest(offered, scheme).has_value(); break;
            }
            if (!able)
                continue;
            if (!rules_.allows(o, scheme))
            {
                forbidden = forbidden || !rules_.is_disabled(scheme);
                continue;
            }
            if (scheme == auth_scheme::digest_sha256 || scheme == auth_scheme::digest_md5)
                s.digest.emplace(*find_digest(offered, scheme), who_);
            if (spaces_.size() >= most_spaces)
                spaces_.clear();
            spaces_.insert_or_assign(o, std::move(s));
            if (scheme == auth_scheme::ntlm)
                return next::handshake;
            return scheme == auth_scheme::bearer && who_.token.empty() ? next::new_token : next::again;
        }
        nothing_usable(o, offered, forbidden, malformed);
    }

    [[noreturn]] void nothing_usable(origin const& o, std::vector<challenge> const& offered, bool forbidden, bool malformed) const
    {
        error_context context;
        for (auto const& c : offered)
            context.detail += (context.detail.empty() ? "it offers " : ", ") + printable(c.scheme, 40);
        if (forbidden)
        {
            context.detail = printable(o.str()) + "; " + context.detail;
            context.hint   = o.secure ? "name its origin in the login rules" : "use https, or name its origin in the login rules and allow plaintext";
            throw error(errc::auth_not_allowed, std::move(context));
        }
        if (offered.empty() && malformed)
            throw error(errc::bad_challenge, "of " + printable(o.str()));
        throw error(errc::auth_unavailable, std::move(context));
    }

    sasl::credentials       who_;
    login_rules             rules_;
    bool                    gets_tokens_ = false;
    auth_party              party_       = auth_party::server;
    std::map<origin, space> spaces_;
};

} // namespace posthorn::http

#endif
