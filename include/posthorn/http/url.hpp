//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// URLs of HTTP as they go around on the wire: kept as written, resolved, compared; and the origin they belong to.

#ifndef POSTHORN_HTTP_URL_HPP
#define POSTHORN_HTTP_URL_HPP

#include <posthorn/codec/idna.hpp>
#include <posthorn/codec/percent.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/net/endpoint.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::http {

/** Scheme, host and port: what credentials, cookies and connections belong to (RFC 9110, 4.3.1).

    Thread-safe like std::string.
*/
struct origin
{
    origin() = default;
    origin(bool s, std::string h, std::uint16_t p) : secure(s), host(std::move(h)), port(p) {}

    bool          secure = false; ///< https.
    std::string   host;           ///< Lower case, ASCII; an IPv6 address without brackets.
    std::uint16_t port = 0;

    std::uint16_t default_port() const noexcept { return secure ? 443 : 80; }

    /// `host[:port]` as in the Host field; the port is left out where it is the usual one.
    std::string authority() const
    {
        std::string text = host.find(':') == host.npos ? host : '[' + host + ']';
        if (port != default_port())
            text += ':' + std::to_string(port);
        return text;
    }

    /// `https://host[:port]`
    std::string str() const { return (secure ? "https://" : "http://") + authority(); }

    friend bool operator==(origin const&, origin const&) = default;
    friend auto operator<=>(origin const&, origin const&) = default;
};

/// What a `#` in a reference is.
enum class hash_sign : unsigned char
{
    fragment, ///< It and what follows is dropped, as in a Location.
    literal   ///< Part of the path, and sent as `%23`: servers forget to encode it in hrefs.
};

/** An absolute http or https URL.

    Path and query are kept octet by octet: never decoded, never normalised, since servers are not consistent and some keep
    their whole tree in the query. Only what cannot stand in a request is encoded: controls, spaces, `"<>`, backslash, octets above 127,
    and a `%` without two digits.

    A value is either empty or well-formed. Thread-safe like std::string.
*/
class url
{
public:
    url() = default;

    /** Reads an absolute URL.

        @param text Without user and password: those go into the settings. A fragment is dropped.
        @throws error with errc::bad_url, which tells why but does not quote the URL. */
    explicit url(std::string_view text) : url(text, hash_sign::fragment) {}
    url(std::string_view text, hash_sign hash)
    {
        char const* const why = parse(text, hash, *this);
        if (why != nullptr)
            throw error(errc::bad_url, why);
    }

    /// The same without exceptions. Nothing if it is none.
    static std::optional<url> read(std::string_view text, hash_sign hash = hash_sign::fragment)
    {
        std::optional<url> result(std::in_place);
        if (parse(text, hash, *result) != nullptr)
            result.reset();
        return result;
    }

    bool empty() const noexcept { return origin_.host.empty(); }

    http::origin const& origin() const noexcept { return origin_; }
    bool                secure() const noexcept { return origin_.secure; }

    /// Path and query as they are sent: never empty, begins with `/`.
    std::string const& target() const noexcept { return target_; }

    std::string_view path() const noexcept { return std::string_view(target_).substr(0, target_.find('?')); }

    /// With the `?`, which may be all there is; empty if there is none.
    std::string_view query() const noexcept
    {
        auto const mark = target_.find('?');
        return mark == target_.npos ? std::string_view() : std::string_view(target_).substr(mark);
    }

    /// The whole. Free of credentials, so it may be shown.
    std::string str() const { return empty() ? std::string() : origin_.str() + target_; }

    /** Resolves a reference against this URL (RFC 3986, 5.2), with this one's origin kept unless the reference names another.

        Dot segments are removed from relative paths only.
        @return Nothing if it is a URL of another scheme, or malformed. */
    std::optional<url> resolve(std::string_view reference, hash_sign hash = hash_sign::fragment) const
    {
        reference = trimmed(reference);
        if (has_scheme(reference))
            return read(reference, hash);
        if (reference.substr(0, 2) == "//")
            return read((secure() ? "https:" : "http:") + std::string(reference), hash);
        if (hash == hash_sign::fragment)
            reference = reference.substr(0, reference.find('#'));
        if (reference.size() > longest)
            return std::nullopt;
        url result(*this);
        if (reference.empty())
            return result;
        if (reference.front() == '/')
            result.target_ = encoded(reference);
        else if (reference.front() == '?')
            result.target_ = std::string(path()) + encoded(reference);
        else
        {
            auto const base  = path().substr(0, path().rfind('/') + 1);
            auto const mark  = std::min(reference.find('?'), reference.size());
            auto const whole = std::string(base) + encoded(reference.substr(0, mark));
            result.target_   = without_dots(whole) + encoded(reference.substr(mark));
        }
        return result;
    }

    /// The same resource but for percent-encoding and one slash at the end? For hrefs, not for security.
    friend bool same_resource(url const& a, url const& b) { return a.comparable() == b.comparable(); }

    /** A text that is equal for URLs of the same resource: what need not be encoded is decoded, digits of `%NN` are upper
        case, one slash at the end is left out. Never to be sent. */
    std::string comparable() const
    {
        std::string text = origin_.str();
        for (std::size_t i = 0; i < target_.size(); ++i)
        {
            if (target_[i] != '%')
            {
                text += target_[i];
                continue;
            }
            auto const octet = static_cast<char>(
                static_cast<unsigned char>(ascii::hex_value(target_[i + 1]) * 16 + ascii::hex_value(target_[i + 2])));
            if (ascii::is_alnum(octet) || std::string_view("-._~").find(octet) != std::string_view::npos)
                text += octet;
            else
            {
                text += '%';
                text += ascii::to_upper(target_[i + 1]);
                text += ascii::to_upper(target_[i + 2]);
            }
            i += 2;
        }
        if (text.back() == '/')
            text.pop_back();
        return text;
    }

    /// The same URL with another path and query. @param target Begins with `/`; encoded as in the constructor.
    url with_target(std::string_view target) const
    {
        url result(*this);
        result.target_ = encoded(target.substr(0, 1) == "/" ? std::string(target) : '/' + std::string(target));
        return result;
    }

    friend bool operator==(url const&, url const&) = default;
    friend auto operator<=>(url const&, url const&) = default;

    /// No URL may be longer.
    static constexpr std::size_t longest = 16384;

private:
    static constexpr std::string_view trimmed(std::string_view s) noexcept
    {
        auto const blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
        while (!s.empty() && blank(s.front()))
            s.remove_prefix(1);
        while (!s.empty() && blank(s.back()))
            s.remove_suffix(1);
        return s;
    }

    static constexpr bool has_scheme(std::string_view s) noexcept
    {
        auto const end = s.find_first_of(":/?#");
        if (end == s.npos || end == 0 || s[end] != ':' || !ascii::is_alpha(s.front()))
            return false;
        return std::all_of(s.begin(), s.begin() + static_cast<std::ptrdiff_t>(end),
                           [](char c) { return ascii::is_alnum(c) || c == '+' || c == '-' || c == '.'; });
    }

    /// Encodes what a request target cannot hold.
    static std::string encoded(std::string_view text)
    {
        static constexpr char digits[] = "0123456789ABCDEF";
        std::string           out;
        out.reserve(text.size());
        for (std::size_t i = 0; i != text.size(); ++i)
        {
            char const c       = text[i];
            bool const triplet = c == '%' && text.size() - i > 2 && ascii::hex_value(text[i + 1]) >= 0 && ascii::hex_value(text[i + 2]) >= 0;
            bool const bad = ascii::is_control(c) || ascii::is_eight_bit(c) || (c == '%' && !triplet) ||
                             std::string_view(" \"<>#\\").find(c) != std::string_view::npos;
            if (bad)
            {
                auto const u = static_cast<unsigned char>(c);
                out += '%';
                out += digits[u >> 4];
                out += digits[u & 15U];
            }
            else
                out += c;
        }
        return out;
    }

    /// RFC 3986, 5.2.4. @param path Begins with `/`.
    static std::string without_dots(std::string_view path)
    {
        std::string out;
        while (!path.empty())
        {
            auto const end     = std::min(path.find('/', 1), path.size());
            auto const segment = path.substr(1, end - 1);
            bool const last    = end == path.size();
            if (segment == "..")
                out.erase(out.rfind('/') == out.npos ? 0 : out.rfind('/'));
            if (segment == "." || segment == "..")
                out += last ? "/" : "";
            else
                out.append(path.substr(0, end));
            path.remove_prefix(end);
        }
        return out.empty() ? "/" : out;
    }

    /// @return Why it cannot be used; null if it can.
    static char const* parse(std::string_view text, hash_sign hash, url& out)
    {
        text = trimmed(text);
        if (text.size() > longest)
            return "it is longer than 16384 octets";
        if (ascii::istarts_with(text, "https://"))
            out.origin_.secure = true;
        else if (!ascii::istarts_with(text, "http://"))
            return "it does not begin with http:// or https://";
        text.remove_prefix(out.origin_.secure ? 8 : 7);
        auto const end  = std::min(text.find_first_of("/?#\\"), text.size());
        auto       host = text.substr(0, end);
        auto       rest = text.substr(end);
        if (host.find('@') != host.npos)
            return "user and password cannot stand in it";
        char const* const why = take_host(host, out);
        if (why != nullptr)
            return why;
        if (hash == hash_sign::fragment)
            rest = rest.substr(0, rest.find('#'));
        if (rest.substr(0, 1) == "\\")
            return "a backslash follows the host";
        out.target_ = encoded(rest);
        if (rest.substr(0, 1) != "/")
            out.target_.insert(0, 1, '/');
        return nullptr;
    }

    static char const* take_host(std::string_view host, url& out)
    {
        std::string_view port;
        if (host.substr(0, 1) == "[")
        {
            auto const close = host.find(']');
            if (close == host.npos)
                return "the bracket before an IPv6 address is not closed";
            port = host.substr(close + 1);
            host = host.substr(1, close - 1);
            if (!net::is_ipv6_literal(host) || host.find('%') != host.npos)
                return "brackets enclose an IPv6 address";
        }
        else
        {
            auto const colon = std::min(host.find(':'), host.size());
            port             = host.substr(colon);
            host             = host.substr(0, colon);
            if (auto const check = net::check_host(host); !check.ok())
                return net::describe(check.offence).data();
        }
        if (!port.empty() && port.front() != ':')
            return "something follows the host";
        auto const ascii_host = codec::domain_to_ascii(host);
        if (!ascii_host)
            return "the host name cannot be written in ASCII";
        out.origin_.host = ascii::to_lower(*ascii_host);
        out.origin_.port = out.origin_.default_port();
        if (port.size() > 1)
        {
            auto const number = net::parse_port(port.substr(1));
            if (!number)
                return "the port is not a number from 1 to 65535";
            out.origin_.port = *number;
        }
        return nullptr;
    }

    http::origin origin_;
    std::string  target_;
};

/// Encodes what is not a letter, a digit or one of `-._~`: for a segment of a path or a part of a query.
inline std::string percent_encode(std::string_view text) { return codec::percent_encode(text, "-._~"); }

using codec::percent_decode;

} // namespace posthorn::http

#endif
