//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a server asks for: WWW-Authenticate and Proxy-Authenticate as challenges, lists of parameters (RFC 9110, 11).

#ifndef POSTHORN_HTTP_CHALLENGE_HPP
#define POSTHORN_HTTP_CHALLENGE_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/http/headers.hpp>
#include <posthorn/http/syntax.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::http {

/// `name=value` pairs, values without their quotes.
class auth_parameters
{
public:
    auth_parameters() = default;

    /// @param name In lower case. Valid until the next change.
    std::optional<std::string_view> get(std::string_view name) const noexcept
    {
        for (auto const& [n, v] : pairs_)
            if (n == name)
                return v;
        return std::nullopt;
    }

    std::size_t size() const noexcept { return pairs_.size(); }

    /// @return False if there is one of this name, or there are too many.
    bool add(std::string name, std::string value)
    {
        if (pairs_.size() == 32 || get(name))
            return false;
        pairs_.emplace_back(std::move(name), std::move(value));
        return true;
    }

private:
    std::vector<std::pair<std::string, std::string>> pairs_;
};

/// One scheme with what it needs.
struct challenge
{
    challenge() = default;

    std::string     scheme;  ///< In lower case.
    std::string     token68; ///< Base64 of NTLM and Negotiate; mostly empty.
    auth_parameters parameters;

    bool is(std::string_view name) const noexcept { return ascii::iequals(scheme, name); }
};

namespace detail {

/// Reads one field; stops at what it cannot read, so that what came before is still of use.
class challenge_parser
{
public:
    explicit challenge_parser(std::string_view text) noexcept : text_(text) {}

    /// @return Was all of it well-formed?
    bool challenges(std::vector<challenge>& out)
    {
        constexpr std::size_t most = 16;
        std::size_t const     first = out.size();
        for (skip_separators(); !text_.empty(); skip_separators())
        {
            auto const word = take_token();
            if (word.empty())
                return false;
            std::string_view const behind = text_;
            skip_blanks();
            if (!text_.empty() && text_.front() == '=')
            {
                if (out.size() == first || !out.back().token68.empty() || !parameter(word, out.back().parameters))
                    return drop(out, first);
                continue;
            }
            text_ = behind;
            if (out.size() == most)
                return false;
            out.emplace_back();
            out.back().scheme = ascii::to_lower(word);
            if (!text_.empty() && !ascii::is_blank(text_.front()) && text_.front() != ',')
                return drop(out, first);
            skip_blanks();
            out.back().token68 = take_token68();
        }
        return true;
    }

    bool parameters(auth_parameters& out)
    {
        for (skip_separators(); !text_.empty(); skip_separators())
        {
            auto const name = take_token();
            skip_blanks();
            if (name.empty() || text_.empty() || text_.front() != '=' || !parameter(name, out))
                return false;
        }
        return true;
    }

private:
    static bool drop(std::vector<challenge>& out, std::size_t first)
    {
        if (out.size() > first)
            out.pop_back();
        return false;
    }

    void skip_separators() noexcept
    {
        while (!text_.empty() && (text_.front() == ',' || ascii::is_blank(text_.front())))
            text_.remove_prefix(1);
    }

    void skip_blanks() noexcept
    {
        while (!text_.empty() && ascii::is_blank(text_.front()))
            text_.remove_prefix(1);
    }

    std::string_view take_token() noexcept
    {
        std::size_t n = 0;
        while (n != text_.size() && is_token_char(text_[n]))
            ++n;
        auto const word = text_.substr(0, n);
        text_.remove_prefix(n);
        return word;
    }

    /// Base64 up to a comma or the end; anything else is left alone.
    std::string take_token68()
    {
        std::size_t n = 0;
        while (n != text_.size() && (ascii::is_alnum(text_[n]) || std::string_view("-._~+/").find(text_[n]) != std::string_view::npos))
            ++n;
        bool const some = n != 0;
        while (some && n != text_.size() && text_[n] == '=')
            ++n;
        std::size_t end = n;
        while (end != text_.size() && ascii::is_blank(text_[end]))
            ++end;
        // Followed by something it is a parameter, or the next scheme if a comma is missing.
        if (!some || (end != text_.size() && text_[end] != ','))
            return {};
        std::string token(text_.substr(0, n));
        text_.remove_prefix(end);
        return token;
    }

    /// From the `=` on.
    bool parameter(std::string_view name, auth_parameters& out)
    {
        text_.remove_prefix(1);
        skip_blanks();
        std::string value;
        if (!text_.empty() && text_.front() == '"')
        {
            auto quoted = take_quoted(text_);
            if (!quoted)
                return false;
            value = std::move(*quoted);
        }
        else
        {
            // Not only tokens: servers leave the quotes out around anything.
            auto const end = std::min(text_.find_first_of(",\""), text_.size());
            value          = ascii::trim(text_.substr(0, end));
            text_.remove_prefix(end);
            if (value.empty() || value.find_first_of(" \t") != value.npos)
                return false;
        }
        skip_blanks();
        return (text_.empty() || text_.front() == ',') && out.add(ascii::to_lower(name), std::move(value));
    }

    std::string_view text_;
};

} // namespace detail

/** The challenges of all fields of this name, in their order.

    @param name      `WWW-Authenticate` or `Proxy-Authenticate`.
    @param malformed Set if a field had something that is no challenge: it and what follows it in that field are missing. */
inline std::vector<challenge> parse_challenges(headers const& fields, std::string_view name, bool& malformed)
{
    std::vector<challenge> all;
    malformed = false;
    for (auto const& f : fields)
        if (ascii::iequals(f.name, name) && !detail::challenge_parser(f.value).challenges(all))
            malformed = true;
    return all;
}

/// The parameters of Authentication-Info. Nothing if they are malformed.
inline std::optional<auth_parameters> parse_auth_info(std::string_view text)
{
    std::optional<auth_parameters> result(std::in_place);
    if (!detail::challenge_parser(text).parameters(*result))
        result.reset();
    return result;
}

} // namespace posthorn::http

#endif
