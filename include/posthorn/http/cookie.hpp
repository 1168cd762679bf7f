//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What one Set-Cookie field says (RFC 6265, 5.2).

#ifndef POSTHORN_HTTP_COOKIE_HPP
#define POSTHORN_HTTP_COOKIE_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/http/date.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::http {

/// A cookie as the server set it. Nothing here says whether it may: see cookie_jar.
struct cookie
{
    cookie() = default;

    std::string   name; ///< May be empty.
    secret_string value;
    std::string   domain; ///< Lower case, without a dot before it; empty if there is none.
    std::string   path;   ///< As written; empty if there is none.
    std::optional<std::int64_t> expires; ///< Seconds since 1970; nothing: with the session.
    bool          secure    = false;
    bool          http_only = false;
};

/// Name and value together may be so long.
inline constexpr std::size_t longest_cookie = 8192;

/** Reads the value of a Set-Cookie field.

    @param now Seconds since 1970, for Max-Age, which comes before Expires.
    @return Nothing if it has neither name nor value, is too long, or has a control character. */
inline std::optional<cookie> parse_cookie(std::string_view text, std::int64_t now)
{
    auto const cut = [](std::string_view& rest, char at) {
        auto const end   = rest.find(at);
        auto const first = ascii::trim(rest.substr(0, end));
        rest             = end == rest.npos ? std::string_view() : rest.substr(end + 1);
        return first;
    };
    if (std::any_of(text.begin(), text.end(), [](char c) { return c != '\t' && ascii::is_control(c); }))
        return std::nullopt;
    std::optional<cookie> result(std::in_place);
    std::string_view      pair = cut(text, ';');
    if (pair.size() > longest_cookie)
        return std::nullopt;
    if (pair.find('=') != pair.npos)
        result->name = cut(pair, '=');
    result->value = ascii::trim(pair);
    if (result->name.empty() && result->value.empty())
        return std::nullopt;

    std::optional<std::int64_t> max_age;
    while (!text.empty())
    {
        std::string_view       value = cut(text, ';');
        std::string_view const name  = cut(value, '=');
        value                        = ascii::trim(value);
        if (value.size() > 1024)
            continue;
        if (ascii::iequals(name, "Expires"))
        {
            if (auto const when = parse_cookie_date(value))
                result->expires = when;
        }
        else if (ascii::iequals(name, "Max-Age"))
        {
            bool const negative = value.substr(0, 1) == "-";
            auto const digits   = value.substr(negative ? 1 : 0);
            if (digits.empty() || !std::all_of(digits.begin(), digits.end(), ascii::is_digit))
                continue;
            constexpr std::int64_t long_time = std::int64_t(400) * 86400;
            std::int64_t           seconds   = 0;
            for (char const c : digits)
                seconds = std::min(long_time, seconds * 10 + (c - '0'));
            max_age = negative || seconds == 0 ? std::numeric_limits<std::int64_t>::min() : now + seconds;
        }
        else if (ascii::iequals(name, "Domain"))
        {
            if (value.substr(0, 1) == ".")
                value.remove_prefix(1);
            result->domain = ascii::to_lower(value);
        }
        else if (ascii::iequals(name, "Path"))
            result->path = value;
        else if (ascii::iequals(name, "Secure"))
            result->secure = true;
        else if (ascii::iequals(name, "HttpOnly"))
            result->http_only = true;
    }
    if (max_age)
        result->expires = max_age;
    return result;
}

} // namespace posthorn::http

#endif
