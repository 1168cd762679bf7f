//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Where a peer is: a host with a port, or the path of a Unix socket; read, checked and written.

#ifndef POSTHORN_NET_ENDPOINT_HPP
#define POSTHORN_NET_ENDPOINT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/net/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::net {

/// Why a text is no host.
enum class host_offence : unsigned char
{
    none,
    empty,         ///< Nothing there.
    too_long,      ///< More than 253 octets (RFC 1035 2.3.4).
    empty_label,   ///< Two dots in a row, or one at the beginning.
    long_label,    ///< More than 63 octets between two dots.
    edge_hyphen,   ///< A label begins or ends with a hyphen.
    bad_character, ///< Not a letter, digit, hyphen or underscore.
    bad_utf8,      ///< An octet above 127 that is not part of UTF-8 text.
    bad_address    ///< Looks like an IP address but is none.
};

/// One clause for an error text.
constexpr std::string_view describe(host_offence o) noexcept
{
    switch (o)
    {
    case host_offence::none: return "the host is well-formed";
    case host_offence::empty: return "the host is missing";
    case host_offence::too_long: return "the host name is longer than 253 octets";
    case host_offence::empty_label: return "the host name has an empty label";
    case host_offence::long_label: return "a label of the host name is longer than 63 octets";
    case host_offence::edge_hyphen: return "a label of the host name begins or ends with a hyphen";
    case host_offence::bad_character: return "the host name has a character that host names cannot have";
    case host_offence::bad_utf8: return "the host name is not UTF-8";
    case host_offence::bad_address: return "the host looks like an IP address but is none";
    }
    return "unknown offence";
}

/// What check_host() found, and where.
struct host_check
{
    host_offence offence  = host_offence::none;
    std::size_t  position = 0; ///< Octets before the offence.

    constexpr bool ok() const noexcept { return offence == host_offence::none; }
};

/// Four decimal numbers without leading zeros.
constexpr bool is_ipv4_literal(std::string_view s) noexcept
{
    for (int part = 0; part != 4; ++part)
    {
        if (part != 0)
        {
            if (s.empty() || s.front() != '.')
                return false;
            s.remove_prefix(1);
        }
        std::size_t n     = 0;
        int         value = 0;
        while (n < s.size() && n < 4 && ascii::is_digit(s[n]))
            value = value * 10 + (s[n++] - '0');
        if (n == 0 || n > 3 || value > 255 || (n > 1 && s.front() == '0'))
            return false;
        s.remove_prefix(n);
    }
    return s.empty();
}

/// An IPv6 address (RFC 4291 2.2) without brackets, perhaps with a zone: `fe80::1%eth0` (RFC 4007 11).
constexpr bool is_ipv6_literal(std::string_view s) noexcept
{
    if (std::size_t const percent = s.find('%'); percent != s.npos)
    {
        std::string_view const zone = s.substr(percent + 1);
        if (zone.empty() || zone.size() > 63)
            return false;
        for (char const c : zone)
            if (!ascii::is_alnum(c) && c != '.' && c != '_' && c != '-' && c != '~')
                return false;
        s = s.substr(0, percent);
    }
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
        while (n < s.size() && n < 5 && ascii::hex_value(s[n]) >= 0)
            ++n;
        if (n < s.size() && s[n] == '.')
        {
            groups += 2;
            if (!is_ipv4_literal(s))
                return false;
            break;
        }
        if (n == 0 || n > 4)
            return false;
        ++groups;
        s.remove_prefix(n);
        if (s.empty())
            break;
        if (s.front() != ':')
            return false;
        s.remove_prefix(1);
        if (s.empty())
            return false;
        if (s.front() == ':')
        {
            if (compressed)
                return false;
            compressed = true;
            s.remove_prefix(1);
            if (s.empty())
                break;
        }
    }
    return compressed ? groups <= 7 : groups == 8;
}

/** Is `host` a host name or an IP address without brackets?

    Names: letters, digits, hyphens (RFC 1123 2.1), underscores (they occur in DNS), one dot at the end
    allowed. Names that are not ASCII must be UTF-8 and free of control characters; they are not changed:
    convert them to A-labels before a lookup. A name whose last label is a number must be an IPv4 address,
    since resolvers would read `127.1` and `0x7f000001` as one.
*/
constexpr host_check check_host(std::string_view host) noexcept
{
    using enum host_offence;
    if (host.empty())
        return {empty, 0};
    if (host.find(':') != host.npos)
        return {is_ipv6_literal(host) ? none : bad_address, 0};
    std::string_view name = host;
    if (name.back() == '.')
        name.remove_suffix(1);
    if (name.empty())
        return {empty_label, 0};

    bool        eight_bit = false;
    std::size_t start     = 0;
    for (std::size_t i = 0; i <= name.size(); ++i)
    {
        if (i == name.size() || name[i] == '.')
        {
            if (i == start)
                return {empty_label, i};
            if (name[start] == '-')
                return {edge_hyphen, start};
            if (name[i - 1] == '-')
                return {edge_hyphen, i - 1};
            // What a U-label becomes in the DNS is known to IDNA only.
            if (i - start > 63 && !ascii::has_eight_bit(name.substr(start, i - start)))
                return {long_label, start + 63};
            start = i + 1;
        }
        else if (ascii::is_eight_bit(name[i]))
        {
            std::size_t const n = posthorn::detail::utf8_sequence(name.substr(i));
            if (n == 0)
                return {bad_utf8, i};
            if (n == 2 && name[i] == '\xc2' && static_cast<unsigned char>(name[i + 1]) < 0xa0)
                return {bad_character, i};
            eight_bit = true;
            i += n - 1;
        }
        else if (!ascii::is_alnum(name[i]) && name[i] != '-' && name[i] != '_')
            return {bad_character, i};
    }
    if (name.size() > (eight_bit ? 1012U : 253U))
        return {too_long, 253};

    std::size_t const dot  = name.rfind('.');
    std::size_t const last = dot == name.npos ? 0 : dot + 1;
    bool hex = name.size() - last > 1 && name[last] == '0' && ascii::to_lower(name[last + 1]) == 'x';
    bool              number = true;
    for (std::size_t i = last; i < name.size(); ++i)
    {
        number = number && ascii::is_digit(name[i]);
        hex    = hex && (i < last + 2 || ascii::hex_value(name[i]) >= 0);
    }
    if ((number || hex) && !is_ipv4_literal(host))
        return {bad_address, last};
    return {};
}

/// A decimal number from 1 to 65535 without sign or leading zero.
constexpr std::optional<std::uint16_t> parse_port(std::string_view s) noexcept
{
    if (s.empty() || s.size() > 5 || s.front() == '0')
        return std::nullopt;
    unsigned value = 0;
    for (char const c : s)
    {
        if (!ascii::is_digit(c))
            return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    if (value > 65535)
        return std::nullopt;
    return static_cast<std::uint16_t>(value);
}

/// The ports of the services that this library speaks, so that no file of the system is needed for them.
constexpr std::optional<std::uint16_t> well_known_port(std::string_view service) noexcept
{
    struct entry
    {
        std::string_view name;
        std::uint16_t    port;
    };
    constexpr entry known[] = {{"smtp", 25},   {"submission", 587}, {"submissions", 465},
                               {"smtps", 465}, {"ssmtp", 465},      {"lmtp", 24},
                               {"http", 80},   {"https", 443},      {"socks", 1080}};
    for (entry const& e : known)
        if (ascii::iequals(e.name, service))
            return e.port;
    return std::nullopt;
}

/** Where a peer listens: a host and a port, or the path of a Unix socket.

    A value is either empty or well-formed.
    Thread-safe like std::string.
*/
class host_port
{
public:
    host_port() = default;

    /** @param host A name or an address, with or without brackets.
        @param port From 1 to 65535.
        @throws error with errc::bad_host_name or errc::bad_port.
    */
    host_port(std::string host, std::uint16_t port) : host_port(std::move(host), std::to_string(port)) {}

    /// @param service A number, or a name such as "submission".
    host_port(std::string host, std::string service) : host_(std::move(host)), service_(std::move(service))
    {
        if (host_.size() > 1 && host_.front() == '[' && host_.back() == ']' && host_.find(':') != host_.npos)
            host_ = host_.substr(1, host_.size() - 2);
        if (auto const check = check_host(host_); !check.ok())
            throw error(errc::bad_host_name,
                        printable(host_, 253) + ": " + std::string(describe(check.offence)));
        if (!is_service(service_))
            throw error(errc::bad_port, service_.empty() ? "there is none" : printable(service_, 40));
    }

    /// The peer behind a Unix socket.
    /// @throws error with errc::bad_host_name if the path is empty or has a NUL.
    static host_port local(std::string path)
    {
        if (path.empty() || path.find('\0') != path.npos)
            throw error(errc::bad_host_name, "the path of the socket is empty or contains a NUL");
        host_port result;
        result.path_ = std::move(path);
        return result;
    }

    bool empty() const noexcept { return host_.empty() && path_.empty(); }
    bool is_local() const noexcept { return !path_.empty(); }

    std::string const& host() const noexcept { return host_; }       ///< Without brackets; empty if local.
    std::string const& service() const noexcept { return service_; } ///< A number or a name; empty if local.
    std::string const& path() const noexcept { return path_; }       ///< Empty unless local.

    /// The number of the service, if it is one or is well known.
    std::optional<std::uint16_t> port() const noexcept
    {
        auto const number = parse_port(service_);
        return number ? number : well_known_port(service_);
    }

    friend bool operator==(host_port const&, host_port const&) = default;

    /// A number, or a name as in the system's list of services.
    static constexpr bool is_service(std::string_view s) noexcept
    {
        if (parse_port(s))
            return true;
        bool letter = false;
        for (char const c : s)
        {
            letter = letter || ascii::is_alpha(c);
            if (!ascii::is_alnum(c) && c != '-' && c != '_' && c != '.' && c != '+')
                return false;
        }
        return letter && s.size() <= 63;
    }

private:
    std::string host_;
    std::string service_;
    std::string path_;
};

/// `mx.example:25`, `[2001:db8::1]:25`, `unix:/run/lmtp`; parse_host_port() reads it back.
inline std::string to_string(host_port const& peer)
{
    if (peer.is_local())
        return "unix:" + printable(peer.path());
    if (peer.empty())
        return {};
    bool const v6 = peer.host().find(':') != std::string::npos;
    return (v6 ? '[' + peer.host() + ']' : peer.host()) + ':' + peer.service();
}

/** Reads `host`, `host:port`, `host:service`, `[v6]`, `[v6]:port`, a bare IPv6 address, `unix:path` or
    an absolute path.

    @param text            What a user wrote.
    @param default_service Used if the text names none.
    @throws error with errc::bad_host_name or errc::bad_port.
*/
inline host_port parse_host_port(std::string_view text, std::string_view default_service = {})
{
    if (text.substr(0, 5) == "unix:")
        return host_port::local(std::string(text.substr(5)));
    if (text.substr(0, 1) == "/")
        return host_port::local(std::string(text));

    std::string_view host    = text;
    std::string_view service = default_service;
    std::size_t      colon   = text.npos;
    if (text.substr(0, 1) == "[")
    {
        std::size_t const close = text.find(']');
        if (close == text.npos)
            throw error(errc::bad_host_name, printable(text, 253) + ": a bracket is not closed");
        host = text.substr(1, close - 1);
        if (!is_ipv6_literal(host))
            throw error(errc::bad_host_name, printable(text, 253) + ": brackets enclose an IPv6 address");
        if (close + 1 != text.size())
        {
            if (text[close + 1] != ':')
                throw error(errc::bad_host_name, printable(text, 253) + ": something follows the bracket");
            colon = close + 1;
        }
    }
    else if (text.find(':') == text.rfind(':')) // more than one: a bare IPv6 address
    {
        colon = text.find(':');
        host  = text.substr(0, colon);
    }
    if (colon != text.npos)
        service = text.substr(colon + 1);
    return host_port(std::string(host), std::string(service));
}

} // namespace posthorn::net

#endif
