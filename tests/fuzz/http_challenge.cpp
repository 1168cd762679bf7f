//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Challenges: whatever a server asks, the answer is a field that can be sent, or none. The whole input is one field.

#include <posthorn/core/error.hpp>
#include <posthorn/http/authenticator.hpp>
#include <posthorn/http/challenge.hpp>
#include <posthorn/http/digest.hpp>
#include <posthorn/http/syntax.hpp>

#include <support/fuzzing.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace http = posthorn::http;
using posthorn::error;
using support::require;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    std::string const in(reinterpret_cast<char const*>(data), size);
    if (!http::is_field_value(in)) // it comes out of a head
        return 0;
    http::headers const fields{{"WWW-Authenticate", in}};
    bool                malformed = false;
    auto const          all       = http::parse_challenges(fields, "WWW-Authenticate", malformed);
    require(all.size() <= 16);
    posthorn::sasl::credentials const who("user", posthorn::secret_string("pass"));
    for (auto const& c : all)
    {
        require(http::is_token(c.scheme));
        auto const digest = http::read_digest_challenge(c);
        if (!digest)
            continue;
        try
        {
            http::digest_session s(*digest, who, "cnonce");
            auto const           value = s.authorization("GET", "/x", "0123456789abcdef");
            require(http::is_field_value(value.view()));
            auto const parsed = http::parse_auth_info(value.view().substr(7));
            require(parsed && parsed->get("nonce") == digest->nonce && parsed->get("realm") == digest->realm);
        }
        catch (error const& e)
        {
            require(e.code() == http::errc::bad_challenge);
        }
    }
    if (auto const info = http::parse_auth_info(in))
        require(info->size() <= 32);

    http::login_rules rules;
    http::origin const o(true, "h", 443);
    rules.origins = {o};
    http::authenticator a(who, rules, false);
    http::auth_attempt  t;
    try
    {
        for (int round = 0;; ++round)
        {
            require(round < 20);
            auto const next = a.on_challenge(o, fields, t);
            if (next != http::authenticator::next::again)
                break;
            auto const value = a.authorization(o, "GET", "/x", "0123456789abcdef", t);
            require(!value.empty() && http::is_field_value(value.view()));
        }
    }
    catch (error const& e)
    {
        require(e.code() == posthorn::condition::authentication);
        require(std::string_view(e.what()).find("pass\"") == std::string_view::npos);
    }
    http::ntlm_exchange talk(who, "NTLM");
    static_cast<void>(talk.first());
    try
    {
        if (auto const second = talk.second(fields, "WWW-Authenticate"))
            require(http::is_field_value(second->view()));
    }
    catch (error const& e)
    {
        require(e.code() == posthorn::condition::authentication);
    }
    return 0;
}
