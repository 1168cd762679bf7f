//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The grammar of SMTP commands as a strict server reads it; written apart from the client, which it is to prove right.

#ifndef POSTHORN_TESTING_DETAIL_SMTP_GRAMMAR_HPP
#define POSTHORN_TESTING_DETAIL_SMTP_GRAMMAR_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/testing/smtp_sink_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/// A decimal number of at most 19 digits.
inline std::optional<std::uint64_t> read_number(std::string_view text) noexcept
{
    if (text.empty() || text.size() > 19 || !std::all_of(text.begin(), text.end(), ascii::is_digit))
        return std::nullopt;
    std::uint64_t value = 0;
    for (char const c : text)
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    return value;
}

/// Base64 with its padding and nothing else.
inline std::optional<std::string> read_base64(std::string_view text)
{
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.size() % 4 != 0)
        return std::nullopt;
    std::size_t padding = 0;
    while (padding != 2 && !text.empty() && text.back() == '=')
    {
        text.remove_suffix(1);
        ++padding;
    }
    std::string   out;
    std::uint32_t bits  = 0;
    unsigned      count = 0;
    for (char const c : text)
    {
        std::size_t const value = alphabet.find(c);
        if (value == alphabet.npos)
            return std::nullopt;
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8)
        {
            count -= 8;
            out += static_cast<char>((bits >> count) & 0xffU);
        }
    }
    if ((bits & ((1U << count) - 1U)) != 0)
        return std::nullopt; // the bits that belong to no octet
    return out;
}

/// RFC 3461 4: printable ASCII but "+" and "=", or "+" with two upper-case hexadecimal digits.
inline bool is_xtext(std::string_view s) noexcept
{
    auto const hex = [](char c) { return ascii::is_digit(c) || (c >= 'A' && c <= 'F'); };
    for (std::size_t i = 0; i < s.size(); ++i)
    {
        if (s[i] == '+')
        {
            if (i + 2 >= s.size() || !hex(s[i + 1]) || !hex(s[i + 2]))
                return false;
            i += 2;
        }
        else if (s[i] < '!' || s[i] > '~' || s[i] == '=')
            return false;
    }
    return true;
}

/// What xtext means, or nothing if it is none.
inline std::optional<std::string> read_xtext(std::string_view s)
{
    if (!is_xtext(s))
        return std::nullopt;
    auto const  digit = [](char c) { return ascii::is_digit(c) ? c - '0' : c - 'A' + 10; };
    std::string plain;
    for (std::size_t i = 0; i != s.size(); ++i)
    {
        bool const coded = s[i] == '+';
        plain += coded ? static_cast<char>(digit(s[i + 1]) * 16 + digit(s[i + 2])) : s[i];
        i += coded ? 2 : 0;
    }
    return plain;
}

inline bool is_utf8(std::string_view s) noexcept
{
    while (!s.empty())
    {
        std::size_t const n = posthorn::detail::utf8_sequence(s);
        if (n == 0)
            return false;
        s.remove_prefix(n);
    }
    return true;
}

/// Labels of letters, digits, hyphens and UTF-8, or an address in brackets.
inline bool is_domain(std::string_view s) noexcept
{
    if (s.size() > 255)
        return false;
    if (s.size() > 2 && s.front() == '[' && s.back() == ']')
    {
        s = s.substr(1, s.size() - 2);
        return std::all_of(s.begin(), s.end(),
                           [](char c) { return ascii::is_alnum(c) || c == '.' || c == ':' || c == '-'; });
    }
    bool label = false; // is there a character before the next dot?
    char last  = '.';
    for (char const c : s)
    {
        if (c == '.')
        {
            if (!label || last == '-')
                return false;
            label = false;
        }
        else if (ascii::is_alnum(c) || ascii::is_eight_bit(c) || (c == '-' && label))
            label = true;
        else
            return false;
        last = c;
    }
    return label && last != '-';
}

/// A dot-string or a quoted string.
inline bool is_local_part(std::string_view s) noexcept
{
    if (s.size() >= 2 && s.front() == '"' && s.back() == '"')
    {
        s = s.substr(1, s.size() - 2);
        for (std::size_t i = 0; i < s.size(); ++i)
        {
            bool const escaped = s[i] == '\\';
            if (escaped && ++i == s.size())
                return false;
            if (ascii::is_control(s[i]) || (s[i] == '"' && !escaped))
                return false;
        }
        return true;
    }
    static constexpr std::string_view special = "!#$%&'*+-/=?^_`{|}~";
    bool                              atom    = false;
    for (char const c : s)
    {
        if (c == '.')
        {
            if (!atom)
                return false;
            atom = false;
        }
        else if (ascii::is_alnum(c) || ascii::is_eight_bit(c) || special.find(c) != special.npos)
            atom = true;
        else
            return false;
    }
    return atom;
}

inline bool is_mailbox(std::string_view s) noexcept
{
    std::size_t const at = s.rfind('@');
    return at != s.npos && is_local_part(s.substr(0, at)) && is_domain(s.substr(at + 1));
}

/** What follows "MAIL FROM:" or "RCPT TO:": a path in angle brackets, parameters each after one space.

    @param text  What is read.
    @param empty Is `<>` allowed?
    @return The path, without its source route; or nothing, and `fault` says why.
*/
inline std::optional<smtp_path> read_path(std::string_view text, bool empty, std::string& fault)
{
    if (text.empty() || text.front() != '<')
    {
        fault = "the path must begin with < right after the colon";
        return std::nullopt;
    }
    std::size_t end    = 1;
    bool        quoted = false;
    for (; end < text.size() && (quoted || text[end] != '>'); ++end)
    {
        if (text[end] == '"')
            quoted = !quoted;
        else if (quoted && text[end] == '\\')
            ++end;
    }
    if (end >= text.size())
    {
        fault = "the path has no >";
        return std::nullopt;
    }
    smtp_path        path;
    std::string_view address = text.substr(1, end - 1);
    if (!address.empty() && address.front() == '@')
        address.remove_prefix(std::min(address.size(), address.find(':')) +
                              (address.find(':') == address.npos ? 0 : 1));
    bool const postmaster = !empty && ascii::iequals(address, "postmaster");
    if (address.size() > 254 || (address.empty() ? !empty : !postmaster && !is_mailbox(address)) ||
        (text[1] != '>' && address.empty()) || !is_utf8(address))
    {
        fault = "the path is no mailbox";
        return std::nullopt;
    }
    path.address = address;

    text.remove_prefix(end + 1);
    while (!text.empty())
    {
        if (text.front() != ' ')
        {
            fault = "something follows the path without a space";
            return std::nullopt;
        }
        text.remove_prefix(1);
        std::string_view const one    = text.substr(0, text.find(' '));
        std::size_t const      equals = one.find('=');
        std::string_view const name   = one.substr(0, equals);
        std::string_view const value  = equals == one.npos ? std::string_view() : one.substr(equals + 1);
        bool const             name_ok =
            !name.empty() && name.front() != '-' &&
            std::all_of(name.begin(), name.end(), [](char c) { return ascii::is_alnum(c) || c == '-'; });
        if (!name_ok || (equals != one.npos && value.empty()) || value.find('=') != value.npos ||
            !is_utf8(value))
        {
            fault = "a parameter is malformed";
            return std::nullopt;
        }
        if (path.parameter(name))
        {
            fault = "a parameter is given twice";
            return std::nullopt;
        }
        path.parameters.emplace_back(ascii::to_upper(name), std::string(value));
        text.remove_prefix(one.size());
    }
    return path;
}

/** The attributes of XCLIENT or XFORWARD: names with values in xtext, each after one space.

    @param text    What follows the command.
    @param offered The names that the server has announced, after the keyword.
    @return The attributes, or nothing if they are malformed or not offered. */
inline std::optional<std::vector<smtp_parameter>> read_attributes(std::string_view text, std::string_view offered)
{
    std::vector<smtp_parameter> all;
    for (bool more = true; more;)
    {
        std::size_t const      space  = text.find(' ');
        std::string_view const one    = text.substr(0, space);
        std::size_t const      equals = one.find('=');
        std::string const      name   = ascii::to_upper(one.substr(0, equals));
        auto value = equals == one.npos ? std::nullopt : read_xtext(one.substr(equals + 1));
        if (name.empty() || !value || value->empty() ||
            (' ' + ascii::to_upper(offered) + ' ').find(' ' + name + ' ') == std::string::npos)
            return std::nullopt;
        all.emplace_back(name, std::move(*value));
        more = space != text.npos;
        text.remove_prefix(more ? space + 1 : text.size());
    }
    return all;
}

/// The extensions that a parameter can belong to, and what its value looks like.
struct parameter_rule
{
    std::string_view name;
    std::string_view extensions[2];
    bool             of_mail; ///< Of MAIL, else of RCPT.
    bool (*valid)(std::string_view value);
};

inline bool is_one_of(std::string_view value, std::initializer_list<std::string_view> choices)
{
    return std::any_of(choices.begin(), choices.end(), [&](auto c) { return ascii::iequals(value, c); });
}

/// "NEVER", or a list of the other words (RFC 3461 4.1).
inline bool is_notify(std::string_view value)
{
    if (ascii::iequals(value, "NEVER"))
        return true;
    for (;;)
    {
        std::size_t const comma = value.find(',');
        if (!is_one_of(value.substr(0, comma), {"SUCCESS", "FAILURE", "DELAY"}))
            return false;
        if (comma == value.npos)
            return true;
        value.remove_prefix(comma + 1);
    }
}

/// A type and an address in xtext, or UTF-8 for the type "utf-8" (RFC 3461 4.2, RFC 6533 3).
inline bool is_orcpt(std::string_view value)
{
    std::size_t const semicolon = value.find(';');
    if (semicolon == 0 || semicolon == value.npos || semicolon + 1 == value.size() || value.size() > 500)
        return false;
    return ascii::iequals(value.substr(0, semicolon), "utf-8") || is_xtext(value.substr(semicolon + 1));
}

/// Seconds, perhaps negative, and "R" or "N", perhaps "T" (RFC 2852 4).
inline bool is_deliver_by(std::string_view value)
{
    std::size_t const semicolon = value.find(';');
    if (semicolon == value.npos || !is_one_of(value.substr(semicolon + 1), {"R", "N", "RT", "NT"}))
        return false;
    value = value.substr(0, semicolon);
    if (!value.empty() && value.front() == '-')
        value.remove_prefix(1);
    return value.size() <= 9 && read_number(value);
}

/// -9 to 9 (RFC 6710 3).
inline bool is_priority(std::string_view value)
{
    if (!value.empty() && value.front() == '-')
        value.remove_prefix(1);
    return value.size() == 1 && ascii::is_digit(value.front());
}

/// Date and time as in RFC 3339, at least in length and outline.
inline bool is_date_time(std::string_view value)
{
    return value.size() >= 20 && value[4] == '-' && value[7] == '-' && ascii::to_upper(value[10]) == 'T' &&
           value[13] == ':' && value[16] == ':';
}

inline parameter_rule const* find_rule(std::string_view name)
{
    static constexpr auto       none    = [](std::string_view v) { return v.empty(); };
    static parameter_rule const rules[] = {
        {"SIZE", {"SIZE"}, true, [](std::string_view v) { return read_number(v).has_value(); }},
        {"BODY",
         {"8BITMIME", "BINARYMIME"},
         true,
         [](std::string_view v) {
             return is_one_of(v, {"7BIT", "8BITMIME", "BINARYMIME"});
         }},
        {"SMTPUTF8", {"SMTPUTF8"}, true, none},
        {"RET",
         {"DSN"},
         true,
         [](std::string_view v) {
             return is_one_of(v, {"FULL", "HDRS"});
         }},
        {"ENVID",
         {"DSN"},
         true,
         [](std::string_view v) { return !v.empty() && v.size() <= 100 && is_xtext(v); }},
        {"AUTH", {"AUTH"}, true, [](std::string_view v) { return !v.empty() && is_xtext(v); }},
        {"REQUIRETLS", {"REQUIRETLS"}, true, none},
        {"MT-PRIORITY", {"MT-PRIORITY"}, true, is_priority},
        {"BY", {"DELIVERBY"}, true, is_deliver_by},
        {"HOLDFOR",
         {"FUTURERELEASE"},
         true,
         [](std::string_view v) { return v.size() <= 9 && read_number(v); }},
        {"HOLDUNTIL", {"FUTURERELEASE"}, true, is_date_time},
        {"PRDR", {"PRDR"}, true, none},
        {"NOTIFY", {"DSN"}, false, is_notify},
        {"ORCPT", {"DSN"}, false, is_orcpt},
        {"RRVS", {"RRVS"}, false, [](std::string_view v) { return is_date_time(v.substr(0, v.find(';'))); }},
    };
    for (auto const& rule : rules)
        if (rule.name == name)
            return &rule;
    return nullptr;
}

} // namespace posthorn::testing::detail

#endif
