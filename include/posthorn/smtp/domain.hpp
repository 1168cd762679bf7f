//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The right-hand side of addresses and the EHLO name: domain names and address literals (RFC 5321, 4.1.2,
// 4.1.3).

#ifndef POSTHORN_SMTP_DOMAIN_HPP
#define POSTHORN_SMTP_DOMAIN_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/smtp/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace posthorn::smtp {

/// How strictly a domain is read.
struct domain_options
{
    std::size_t max_size         = 255;   ///< Octets.
    bool        allow_utf8       = true;  ///< U-labels (RFC 6531).
    bool        allow_underscore = false; ///< Not in RFC 5321, but in some host names.
};

namespace detail {

/// A character of a U-label or a local part: well-formed UTF-8 that is no C1 control. Its size, or 0.
constexpr std::size_t utf8_non_ascii(std::string_view s) noexcept
{
    std::size_t const n = posthorn::detail::utf8_sequence(s);
    if (n < 2 || (n == 2 && s[0] == '\xc2' && static_cast<unsigned char>(s[1]) < 0xa0))
        return 0;
    return n;
}

/// IDNA maps these to ".": two readers of the name would disagree about its labels.
constexpr bool is_foreign_dot(std::string_view sequence) noexcept
{
    return sequence == "\xe3\x80\x82" || sequence == "\xef\xbc\x8e" || sequence == "\xef\xbd\xa1";
}

constexpr bool is_snum(std::string_view s) noexcept
{
    int value = 0;
    for (char const c : s)
    {
        if (!ascii::is_digit(c) || s.size() > 3)
            return false;
        value = value * 10 + (c - '0');
    }
    return !s.empty() && value <= 255;
}

constexpr bool is_ipv4(std::string_view s) noexcept
{
    for (int part = 0; part < 4; ++part)
    {
        auto const dot  = s.find('.');
        bool const last = part == 3;
        if ((dot == s.npos) != last || !is_snum(s.substr(0, dot)))
            return false;
        s.remove_prefix(last ? s.size() : dot + 1);
    }
    return true;
}

/// RFC 5321's IPv6-addr; like RFC 4291 it may also write "::" for a single group.
constexpr bool is_ipv6(std::string_view s) noexcept
{
    int  groups     = 0;
    bool compressed = false;
    if (s.substr(0, 2) == "::")
    {
        compressed = true;
        s.remove_prefix(2);
        if (s.empty())
            return true;
    }
    for (;;)
    {
        std::size_t n = 0;
        while (n < s.size() && ascii::hex_value(s[n]) >= 0)
            ++n;
        if (n < s.size() && s[n] == '.') // an IPv4 address stands for the last two groups
            return is_ipv4(s) && (compressed ? groups <= 5 : groups == 6);
        if (n == 0 || n > 4 || ++groups > 8)
            return false;
        s.remove_prefix(n);
        if (s.empty())
            return compressed ? groups <= 7 : groups == 8;
        if (s[0] != ':')
            return false;
        s.remove_prefix(1);
        if (!s.empty() && s[0] == ':')
        {
            if (compressed)
                return false;
            compressed = true;
            s.remove_prefix(1);
            if (s.empty())
                return groups <= 7;
        }
    }
}

} // namespace detail

/** Checks an address literal, brackets included: `[192.0.2.1]`, `[IPv6:2001:db8::1]`, `[tag:content]`.

    Narrower than the RFC in one point: the content of an unknown tag has none of `<>"@(),;`, at which a
    careless reader of the command line would stop. No registered tag uses them.
*/
constexpr bool is_address_literal(std::string_view s) noexcept
{
    if (s.size() < 3 || s.front() != '[' || s.back() != ']')
        return false;
    s = s.substr(1, s.size() - 2);
    if (detail::is_ipv4(s))
        return true;
    auto const colon = s.find(':');
    if (colon == s.npos || colon == 0 || colon + 1 == s.size())
        return false;
    auto const tag     = s.substr(0, colon);
    auto const content = s.substr(colon + 1);
    if (ascii::iequals(tag, "IPv6"))
        return detail::is_ipv6(content);
    if (detail::is_ipv6(s)) // its first group is no tag: "IPv6:" was forgotten
        return false;
    for (char const c : tag)
        if (!ascii::is_alnum(c) && c != '-')
            return false;
    if (tag.back() == '-')
        return false;
    for (char const c : content)
        if (c < '!' || c > '~' || (c >= '[' && c <= ']') || std::string_view("<>\"@(),;").find(c) != s.npos)
            return false;
    return true;
}

/// Checks a domain name or an address literal; the defect's code is errc::bad_address.
inline defect check_domain(std::string_view s, domain_options const& options = {}) noexcept
{
    auto const bad = [](std::string_view what, std::size_t at) {
        defect d;
        d.code     = errc::bad_address;
        d.detail   = what;
        d.position = at;
        return d;
    };
    if (s.empty())
        return bad("the domain is empty", 0);
    if (s.size() > options.max_size)
        return bad("the domain is too long", options.max_size);
    if (s[0] == '[')
        return is_address_literal(s) ? defect() : bad("not a valid address literal", 0);

    std::size_t label = 0;     // where the label begins
    bool        utf8  = false; // in this label; DNS limits the A-label, which is not known here
    for (std::size_t i = 0; i <= s.size();)
    {
        if (i == s.size() || s[i] == '.')
        {
            if (i == label)
                return bad(label == 0      ? "the domain begins with a dot"
                           : i == s.size() ? "the domain ends with a dot"
                                           : "the domain has an empty label",
                           i == 0 ? 0 : i - 1);
            if (!utf8 && i - label > 63)
                return bad("a label of the domain is longer than 63 octets", label);
            if (s[i - 1] == '-')
                return bad("a label of the domain ends with a hyphen", i - 1);
            label = ++i;
            utf8  = false;
            continue;
        }
        char const c = s[i];
        if (ascii::is_alnum(c) || (c == '-' && i != label) || (c == '_' && options.allow_underscore))
        {
            ++i;
            continue;
        }
        if (c == '-')
            return bad("a label of the domain begins with a hyphen", i);
        if (ascii::is_eight_bit(c))
        {
            if (!options.allow_utf8)
                return bad("a non-ASCII octet in the domain", i);
            std::size_t const n = detail::utf8_non_ascii(s.substr(i));
            if (n == 0)
                return bad("an octet in the domain that is not UTF-8", i);
            if (detail::is_foreign_dot(s.substr(i, n)))
                return bad("a dot of another script in the domain", i);
            utf8 = true;
            i += n;
            continue;
        }
        return bad(c == '_'               ? "an underscore in the domain"
                   : ascii::is_control(c) ? "a control character in the domain"
                   : ascii::is_blank(c)   ? "a space in the domain"
                   : c == '@'             ? "a second @"
                   : c == '[' || c == ']' ? "a misplaced bracket in the domain"
                                          : "a character that no domain may have",
                   i);
    }
    return {};
}

/// An IP address as it is written in place of a domain (RFC 5321, 4.1.3), e.g. "[192.0.2.1]", "[IPv6:2001:db8::1]".
inline std::string address_literal(std::string ip)
{
    ip = ip.substr(0, ip.find('%')); // a zone means nothing to the server
    if (ip.rfind("::ffff:", 0) == 0 && ip.find('.') != ip.npos)
        ip.erase(0, 7);
    if (ip.empty())
        return ip;
    return ip.find(':') != ip.npos ? "[IPv6:" + ip + "]" : "[" + ip + "]";
}

/** Checks the name given with EHLO, HELO or LHLO: an ASCII domain name or an address literal.

    The defect's code is errc::bad_ehlo_name.
*/
inline defect check_ehlo_name(std::string_view s) noexcept
{
    domain_options strict;
    strict.allow_utf8 = false;
    defect d          = check_domain(s, strict);
    if (d)
        d.code = errc::bad_ehlo_name;
    return d;
}

} // namespace posthorn::smtp

#endif
