//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Who may use the HTTPMail server: Basic, Digest (RFC 2617, RFC 7616), a bearer token, a login form, cookies.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_GATE_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_GATE_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/hex.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/crypto/random.hpp>
#include <posthorn/testing/detail/httpmail_charset.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::testing::detail {

/// The parameters of an Authorization field, by name in lower case; nothing if they are malformed.
inline std::optional<std::map<std::string, std::string>> httpmail_parameters(std::string_view text)
{
    std::map<std::string, std::string> all;
    for (;;)
    {
        while (!text.empty() && (ascii::is_blank(text.front()) || text.front() == ','))
            text.remove_prefix(1);
        if (text.empty())
            return all;
        std::size_t const equals = text.find('=');
        if (equals == text.npos || all.size() > 30)
            return std::nullopt;
        auto const  name = ascii::to_lower(ascii::trim(text.substr(0, equals)));
        std::string value;
        text.remove_prefix(equals + 1);
        text = ascii::trim(text);
        if (text.starts_with('"'))
        {
            std::size_t i = 1;
            for (; i < text.size() && text[i] != '"'; ++i)
            {
                if (text[i] == '\\' && i + 1 < text.size())
                    ++i;
                value += text[i];
            }
            if (i >= text.size())
                return std::nullopt;
            text.remove_prefix(i + 1);
        }
        else
        {
            std::size_t const end = text.find(',');
            value                 = std::string(ascii::trim(text.substr(0, end)));
            text.remove_prefix(end == text.npos ? text.size() : end);
        }
        if (!all.emplace(name, value).second)
            return std::nullopt;
    }
}

/// Checks credentials and remembers nonces and sessions. Not thread-safe.
class httpmail_gate
{
public:
    explicit httpmail_gate(httpmail_server_settings const& s) : settings_(&s) {}

    /// @return An answer that refuses, or one with status 0.
    httpmail_response admit(httpmail_request const& request)
    {
        auto const& o = settings_->auth;
        if (!o.required)
            return httpmail_response();
        if (o.form)
            return admit_session(request);
        auto outcome = judge(request);
        if (outcome == verdict::good && o.session_cookie &&
            (session_.empty() || cookie(request, "HMSC") != session_))
            outcome = verdict::none;
        if (outcome == verdict::good)
            return httpmail_response();
        if (outcome == verdict::malformed)
            return httpmail_response(400);
        return challenge(outcome);
    }

    /// The field that b1gMail adds to every answer.
    std::string password_cookie() const
    {
        return "httpmail_auth=" + codec::base64_encode(settings_->user) + "%3A" +
               codec::base64_encode(settings_->password) + "; Max-Age=0; path=/";
    }

    /// All nonces become stale, and all sessions end.
    void forget()
    {
        for (auto& [nonce, facts] : nonces_)
            facts.stale = true;
        session_.clear();
    }

    /// The login form: `username` and `password` of a form. @return The answer.
    httpmail_response log_in(httpmail_request const& request)
    {
        std::map<std::string, std::string> fields;
        std::string_view                   rest = request.body;
        while (!rest.empty() && fields.size() < 30)
        {
            auto const        pair   = rest.substr(0, rest.find('&'));
            std::size_t const equals = pair.find('=');
            rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
            if (equals == pair.npos)
                continue;
            std::string value(pair.substr(equals + 1));
            std::replace(value.begin(), value.end(), '+', ' ');
            fields[std::string(pair.substr(0, equals))] = httpmail_percent_decode(value);
        }
        auto const user       = fields["username"];
        auto const short_name = user.substr(user.find('\\') == user.npos ? 0 : user.find('\\') + 1);
        // Like Exchange 2007: the same answer for a wrong password, with a cookie that is worth nothing.
        bool const good = short_name == settings_->user && fields["password"] == settings_->password;
        auto const made = codec::hex_encode(crypto::random_octets(8));
        if (good)
            session_ = made;
        httpmail_response answer(302);
        answer.with("Location", fields["destination"].find_first_of("\r\n") == std::string::npos
                                    ? fields["destination"]
                                    : "/");
        answer.with("Set-Cookie", "sessionid=" + made + "; path=/");
        answer.with("Set-Cookie", "cadata=\"" + made + "\"; HttpOnly; path=/");
        return answer;
    }

    static bool is_form(httpmail_request const& request)
    {
        return request.target.starts_with("/exchweb/bin/auth/owaauth.dll");
    }

private:
    enum class verdict
    {
        none,
        wrong,
        stale,
        malformed,
        good
    };

    struct nonce_facts
    {
        std::size_t           uses  = 0;
        bool                  stale = false;
        std::set<std::string> counts;
    };

    static constexpr std::size_t most_nonces = 1000;

    static std::string cookie(httpmail_request const& request, std::string_view wanted)
    {
        for (auto const& [name, value] : request.fields)
        {
            if (!ascii::iequals(name, "Cookie"))
                continue;
            std::string_view rest = value;
            while (!rest.empty())
            {
                auto const        pair   = ascii::trim(rest.substr(0, rest.find(';')));
                std::size_t const equals = pair.find('=');
                if (equals != pair.npos && pair.substr(0, equals) == wanted)
                    return std::string(pair.substr(equals + 1));
                std::size_t const end = rest.find(';');
                rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
            }
        }
        return {};
    }

    httpmail_response admit_session(httpmail_request const& request) const
    {
        auto const sent = cookie(request, "sessionid");
        if (!session_.empty() && sent == session_)
            return httpmail_response();
        httpmail_response answer(440);
        answer.close = true;
        return answer;
    }

    verdict judge(httpmail_request const& request)
    {
        auto const& o = settings_->auth;
        if (o.password_cookie)
            if (auto const sent = cookie(request, "httpmail_auth"); !sent.empty())
                return password_cookie().starts_with("httpmail_auth=" + sent + ";") ? verdict::good
                                                                                    : verdict::wrong;
        auto const given = request.field("Authorization");
        if (!given)
            return verdict::none;
        std::string_view const text   = *given;
        auto const             scheme = text.substr(0, text.find(' '));
        auto const             rest   = ascii::trim(text.substr(scheme.size()));
        if (ascii::iequals(scheme, "Basic") && o.basic)
            return codec::base64_decode(rest) == settings_->user + ":" + settings_->password ? verdict::good
                                                                                             : verdict::wrong;
        if (ascii::iequals(scheme, "Bearer") && !o.bearer.empty())
            return rest == o.bearer ? verdict::good : verdict::wrong;
        if (ascii::iequals(scheme, "Digest") && o.digest)
            return judge_digest(request, rest);
        return verdict::none;
    }

    std::string hashed(std::string_view data) const
    {
        auto const h =
            ascii::iequals(settings_->auth.algorithm, "SHA-256") ? crypto::hash::sha256 : crypto::hash::md5;
        return codec::hex_encode(crypto::digest(h, data).view());
    }

    verdict judge_digest(httpmail_request const& request, std::string_view text)
    {
        auto const& o     = settings_->auth;
        auto        given = httpmail_parameters(text);
        if (!given)
            return verdict::malformed;
        auto& p     = *given;
        auto  known = nonces_.find(p["nonce"]);
        if (p["username"] != settings_->user || p["realm"] != o.realm ||
            (!o.opaque.empty() && p["opaque"] != o.opaque))
            return verdict::wrong;
        auto const algorithm = o.algorithm.empty() ? std::string("MD5") : o.algorithm;
        bool const uses_qop  = !p["qop"].empty();
        if ((!p["algorithm"].empty() && !ascii::iequals(p["algorithm"], algorithm)) ||
            (uses_qop && p["qop"] != "auth") || (o.qop && !uses_qop && !o.lax))
            return verdict::malformed;
        bool const count_is_good =
            p["nc"].size() == 8 && p["nc"].find_first_not_of("0123456789abcdefABCDEF") == p["nc"].npos;
        if (uses_qop && (!count_is_good || p["cnonce"].empty()))
            return verdict::malformed;
        if (!o.lax && p["uri"] != request.target)
            return verdict::malformed;
        if (known == nonces_.end())
            return verdict::stale; // of an earlier life
        auto const& method = o.lax ? std::string("PROPFIND") : request.method;
        auto const  ha1    = hashed(settings_->user + ":" + o.realm + ":" + settings_->password);
        auto const  right  = [&](std::string const& verb) {
            auto const ha2 = hashed(verb + ":" + p["uri"]);
            return hashed(uses_qop ? ha1 + ":" + p["nonce"] + ":" + p["nc"] + ":" + p["cnonce"] + ":" +
                                           p["qop"] + ":" + ha2
                                     : ha1 + ":" + p["nonce"] + ":" + ha2);
        };
        bool const good = right(method) == p["response"] || (o.lax && right(request.method) == p["response"]);
        if (!good)
            return verdict::wrong;
        auto& facts = known->second;
        if (facts.stale || (o.nonce_uses != 0 && facts.uses >= o.nonce_uses))
            return verdict::stale;
        ++facts.uses;
        if (uses_qop && o.once && !o.lax && !facts.counts.insert(p["nc"]).second)
            return verdict::stale; // replayed
        return verdict::good;
    }

    httpmail_response challenge(verdict why)
    {
        auto const&       o = settings_->auth;
        httpmail_response answer(401);
        if (o.digest)
        {
            auto const nonce =
                codec::base64_encode("1086862331:" + codec::hex_encode(crypto::random_octets(16)));
            nonces_.emplace(nonce, nonce_facts());
            order_.push_back(nonce);
            if (order_.size() > most_nonces)
            {
                nonces_.erase(order_.front());
                order_.pop_front();
            }
            std::string text = scheme("Digest") + " realm=\"" + o.realm + "\", nonce=\"" + nonce + "\"";
            text += o.qop ? ", qop=\"auth\"" : "";
            text += o.algorithm.empty() ? "" : ", algorithm=" + o.algorithm;
            text += o.opaque.empty() ? "" : ", opaque=\"" + o.opaque + "\"";
            text += why == verdict::stale && o.hint_stale ? ", stale=true" : "";
            answer.with(o.challenge_name, text);
        }
        if (!o.bearer.empty())
            answer.with(o.challenge_name, scheme("Bearer") + " realm=\"" + o.realm + "\"");
        if (o.basic)
            answer.with(o.challenge_name, scheme("Basic") + " realm=\"" + o.realm + "\"");
        if (o.session_cookie)
        {
            if (session_.empty())
                session_ = codec::hex_encode(crypto::random_octets(4));
            answer.with("Set-Cookie", "HMSC=" + session_ + "; path=/");
        }
        answer.close = o.close_after_401;
        return answer;
    }

    std::string scheme(std::string const& name) const
    {
        return settings_->auth.lower_case ? ascii::to_lower(name) : name;
    }

    httpmail_server_settings const*    settings_;
    std::map<std::string, nonce_facts> nonces_;
    std::deque<std::string>            order_;
    std::string                        session_;
};

} // namespace posthorn::testing::detail

#endif
