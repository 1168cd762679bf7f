//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The URLs of settings and tools: which protocol, whose account, which host, read strictly.

#ifndef POSTHORN_NET_URL_HPP
#define POSTHORN_NET_URL_HPP

#include <posthorn/codec/percent.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::net {

/// What a URL may begin with.
enum class url_scheme : unsigned char
{
    smtp,
    smtps,
    submission,
    submissions,
    lmtp,
    smtp_unix, ///< `smtp+unix:path`
    lmtp_unix, ///< `lmtp+unix:path`
    socks5,
    socks5h,
    http,
    https
};

/// The scheme as it is written in a URL.
constexpr std::string_view name_of(url_scheme s) noexcept
{
    constexpr std::string_view names[] = {"smtp",    "smtps",     "submission", "submissions",
                                          "lmtp",    "smtp+unix", "lmtp+unix",  "socks5",
                                          "socks5h", "http",      "https"};
    return names[static_cast<std::size_t>(s)];
}

/// Does the path of a Unix socket follow the scheme?
constexpr bool is_local(url_scheme s) noexcept
{
    return s == url_scheme::smtp_unix || s == url_scheme::lmtp_unix;
}

/// Does TLS begin with the connection?
constexpr bool is_implicit_tls(url_scheme s) noexcept
{
    return s == url_scheme::smtps || s == url_scheme::submissions || s == url_scheme::https;
}

/// Why a text is no URL that can be used.
enum class url_offence : unsigned char
{
    none,
    empty,               ///< Nothing there.
    too_long,            ///< More than 8192 octets.
    missing_scheme,      ///< No `scheme:` at the beginning.
    unknown_scheme,      ///< A scheme that is not one of url_scheme.
    missing_authority,   ///< No `//` after the scheme.
    forbidden_character, ///< A control character, a space, or what must be written as `%NN`.
    bad_percent,         ///< A `%` without two hexadecimal digits.
    encoded_control,     ///< `%NN` that stands for a control character.
    bad_utf8,            ///< An octet above 127 that is not part of UTF-8 text.
    empty_user,          ///< Nothing before the `:` or `@`.
    second_at,           ///< An `@` in the user name or the password; it is written `%40`.
    bad_host,            ///< The host is missing or malformed; url_problem::host tells more.
    open_bracket,        ///< An IPv6 address without the closing bracket.
    bad_port,            ///< The port is not a number from 1 to 65535.
    fragment,            ///< A `#`.
    bad_local_path       ///< The path of the Unix socket is missing, or a host stands before it.
};

/// What was wrong with a URL, and where. Nothing of the text itself is kept: it may contain a password.
struct url_problem
{
    url_offence  offence  = url_offence::none;
    std::size_t  position = 0; ///< Octets before the offence.
    host_offence host     = host_offence::none;

    constexpr bool ok() const noexcept { return offence == url_offence::none; }
};

/// One clause for an error text.
constexpr std::string_view describe(url_problem const& p) noexcept
{
    switch (p.offence)
    {
    case url_offence::none: return "the URL is well-formed";
    case url_offence::empty: return "the URL is empty";
    case url_offence::too_long: return "the URL is longer than 8192 octets";
    case url_offence::missing_scheme: return "the URL does not begin with a scheme such as 'smtp:'";
    case url_offence::unknown_scheme: return "the scheme is not known";
    case url_offence::missing_authority: return "'//' and a host must follow the scheme";
    case url_offence::forbidden_character: return "this character must be written as %NN";
    case url_offence::bad_percent: return "two hexadecimal digits must follow '%'";
    case url_offence::encoded_control: return "this stands for a control character";
    case url_offence::bad_utf8: return "this is not UTF-8";
    case url_offence::empty_user: return "the user name is missing";
    case url_offence::second_at: return "'@' inside a user name or password must be written as %40";
    case url_offence::bad_host: return describe(p.host);
    case url_offence::open_bracket: return "the bracket before an IPv6 address is not closed";
    case url_offence::bad_port: return "the port is not a number from 1 to 65535";
    case url_offence::fragment: return "'#' has no meaning here";
    case url_offence::bad_local_path: return "the path of a Unix socket must follow the scheme";
    }
    return "unknown offence";
}

/// Thrown by parse_url(): errc::bad_url. The text names the offence and the position, never the URL.
class url_error : public error
{
public:
    explicit url_error(url_problem problem)
        : error(errc::bad_url,
                "at octet " + std::to_string(problem.position) + ": " + std::string(describe(problem))),
          problem_(problem)
    {
    }

    url_problem const& problem() const noexcept { return problem_; }

private:
    url_problem problem_;
};

/// A URL in parts, user and password decoded.
struct url
{
    url() = default;

    url_scheme                   scheme = url_scheme::smtp;
    std::optional<std::string>   user;
    std::optional<secret_string> password; ///< Only with a user.
    std::string                  host;     ///< Without brackets; empty if is_local(scheme).
    std::optional<std::uint16_t> port;     ///< What stands for a missing one is up to the user of the URL.
    std::string path; ///< From the first `/` on, as written; for a Unix socket its path, decoded.
};

namespace detail {

class url_parser
{
public:
    url_parser(std::string_view text, url& out) noexcept : text_(text), out_(&out) {}

    url_problem run()
    {
        if (text_.empty())
            return {url_offence::empty, 0};
        if (text_.size() > 8192)
            return {url_offence::too_long, 8192};
        for (std::size_t i = 0; i != text_.size(); ++i)
            if (ascii::is_control(text_[i]) || text_[i] == ' ')
                return {url_offence::forbidden_character, i};
        if (auto const p = scheme(); !p.ok())
            return p;
        return is_local(out_->scheme) ? local_path() : authority_and_path();
    }

private:
    static constexpr bool is_unreserved(char c) noexcept
    {
        return ascii::is_alnum(c) || std::string_view("-._~").find(c) != std::string_view::npos;
    }
    static constexpr bool is_sub_delimiter(char c) noexcept
    {
        return std::string_view("!$&'()*+,;=").find(c) != std::string_view::npos;
    }

    url_problem scheme()
    {
        std::size_t const colon = text_.find(':');
        if (colon == text_.npos || colon == 0)
            return {url_offence::missing_scheme, 0};
        std::string_view const name = text_.substr(0, colon);
        for (std::size_t i = 0; i != name.size(); ++i)
            if (!ascii::is_alnum(name[i]) && name[i] != '+' && name[i] != '-' && name[i] != '.')
                return {url_offence::missing_scheme, 0};
        at_ = colon + 1;
        for (int s = 0; s <= static_cast<int>(url_scheme::https); ++s)
            if (ascii::iequals(name, name_of(static_cast<url_scheme>(s))))
            {
                out_->scheme = static_cast<url_scheme>(s);
                return {};
            }
        // "host:port" is not a URL with an unknown scheme.
        if (text_.substr(at_, 2) != "//" && (at_ == text_.size() || ascii::is_digit(text_[at_])))
            return {url_offence::missing_scheme, 0};
        return {url_offence::unknown_scheme, 0};
    }

    url_problem local_path()
    {
        if (text_.substr(at_, 2) == "//") // as in file: URLs, with no host before the path
        {
            if (text_.substr(at_ + 2, 1) != "/")
                return {url_offence::bad_local_path, at_};
            at_ += 2;
        }
        if (at_ == text_.size())
            return {url_offence::bad_local_path, at_};
        return decode(text_.size(), "/:@", out_->path);
    }

    url_problem authority_and_path()
    {
        if (text_.substr(at_, 2) != "//")
            return {url_offence::missing_authority, at_};
        at_ += 2;
        std::size_t const end = std::min(text_.find_first_of("/?#", at_), text_.size());
        if (auto const p = user_info(end); !p.ok())
            return p;
        if (auto const p = host_and_port(end); !p.ok())
            return p;
        for (; at_ != text_.size(); ++at_)
        {
            char const c = text_[at_];
            if (c == '#')
                return {url_offence::fragment, at_};
            if (c == '%' && !percent(at_, text_.size()))
                return {url_offence::bad_percent, at_};
            if (!is_unreserved(c) && !is_sub_delimiter(c) &&
                std::string_view("/?:@%").find(c) == std::string_view::npos)
                return {url_offence::forbidden_character, at_};
        }
        out_->path = text_.substr(end);
        return {};
    }

    url_problem user_info(std::size_t end)
    {
        std::size_t const at_sign = text_.substr(0, end).find('@', at_);
        if (at_sign == text_.npos)
            return {};
        if (text_.substr(0, end).find('@', at_sign + 1) != text_.npos)
            return {url_offence::second_at, at_sign};
        std::size_t const colon = std::min(text_.find(':', at_), at_sign);
        if (colon == at_)
            return {url_offence::empty_user, at_};
        if (auto const p = decode(colon, "", out_->user.emplace()); !p.ok())
            return p;
        if (colon != at_sign)
        {
            ++at_;
            if (auto const p = decode(at_sign, ":", out_->password.emplace()); !p.ok())
                return p;
        }
        at_ = at_sign + 1;
        return {};
    }

    url_problem host_and_port(std::size_t end)
    {
        std::size_t after = 0;
        if (text_.substr(at_, 1) == "[")
        {
            std::size_t const close = text_.substr(0, end).find(']', at_);
            if (close == text_.npos)
                return {url_offence::open_bracket, at_};
            // A zone follows "%25" here (RFC 6874).
            out_->host = text_.substr(at_ + 1, close - at_ - 1);
            if (std::size_t const percent = out_->host.find('%'); percent != std::string::npos)
            {
                if (out_->host.compare(percent, 3, "%25") != 0)
                    return {url_offence::bad_percent, at_ + 1 + percent};
                out_->host.erase(percent + 1, 2);
            }
            if (!is_ipv6_literal(out_->host))
                return {url_offence::bad_host, at_ + 1, host_offence::bad_address};
            after = close + 1;
            if (after != end && text_[after] != ':')
                return {url_offence::bad_host, after, host_offence::bad_character};
        }
        else
        {
            after      = std::min(text_.find(':', at_), end);
            out_->host = text_.substr(at_, after - at_);
            if (auto const check = check_host(out_->host); !check.ok())
                return {url_offence::bad_host, at_ + check.position, check.offence};
        }
        at_ = end;
        if (after == end)
            return {};
        out_->port = parse_port(text_.substr(after + 1, end - after - 1));
        if (!out_->port)
            return {url_offence::bad_port, after + 1};
        return {};
    }

    bool percent(std::size_t at, std::size_t end) const noexcept
    {
        return end - at > 2 && ascii::hex_value(text_[at + 1]) >= 0 && ascii::hex_value(text_[at + 2]) >= 0;
    }

    /// Decodes from the present position to `end`; the decoded octets go straight to their owner.
    template <class String>
    url_problem decode(std::size_t end, std::string_view also_allowed, String& to)
    {
        while (at_ != end)
        {
            char const c = text_[at_];
            if (c == '%')
            {
                if (!percent(at_, end))
                    return {url_offence::bad_percent, at_};
                auto const octet = static_cast<char>(static_cast<unsigned char>(
                    ascii::hex_value(text_[at_ + 1]) * 16 + ascii::hex_value(text_[at_ + 2])));
                if (ascii::is_control(octet))
                    return {url_offence::encoded_control, at_};
                to.push_back(octet);
                at_ += 3;
            }
            else if (ascii::is_eight_bit(c))
            {
                std::size_t const n = posthorn::detail::utf8_sequence(text_.substr(at_, end - at_));
                if (n == 0)
                    return {url_offence::bad_utf8, at_};
                to.append(text_.substr(at_, n));
                at_ += n;
            }
            else if (is_unreserved(c) || is_sub_delimiter(c) ||
                     also_allowed.find(c) != std::string_view::npos)
            {
                to.push_back(c);
                ++at_;
            }
            else
                return {c == '#' ? url_offence::fragment : url_offence::forbidden_character, at_};
        }
        return {};
    }

    std::string_view text_;
    url*             out_;
    std::size_t      at_ = 0;
};

} // namespace detail

/** Reads `scheme://[user[:password]@]host[:port][/path]`, or `smtp+unix:path` and the like
    (RFC 3986, strictly).

    IPv6 addresses stand in brackets. User, password and the path of a Unix socket are percent-decoded; UTF-8
    may also stand for itself there. Control characters and spaces are refused, encoded ones too.

    @param text What a user wrote.
    @param out  The parts; of no use unless the result is ok().
*/
inline url_problem parse_url(std::string_view text, url& out)
{
    out = url();
    return detail::url_parser(text, out).run();
}

/// The same, throwing. @throws url_error
inline url parse_url(std::string_view text)
{
    url result;
    if (auto const problem = parse_url(text, result); !problem.ok())
        throw url_error(problem);
    return result;
}

/// The URL as text for people and logs: a password is shown as `***`.
inline std::string to_string(url const& u)
{
    std::string text(name_of(u.scheme));
    if (is_local(u.scheme))
        return text + ':' + codec::percent_encode(u.path, "-._~/:@+");
    text += "://";
    if (u.user)
        text += codec::percent_encode(*u.user, "-._~") + (u.password ? ":***@" : "@");
    if (u.host.find(':') == std::string::npos)
        text += printable(u.host);
    else
    {
        std::size_t const percent = std::min(u.host.find('%'), u.host.size());
        text += '[' + printable(u.host.substr(0, percent));
        if (percent != u.host.size())
            text += "%25" + printable(u.host.substr(percent + 1));
        text += ']';
    }
    if (u.port)
        text += ':' + std::to_string(*u.port);
    return text + printable(u.path, 8192);
}

/// Where the URL points to. @param default_port Used if the URL names none.
inline host_port to_host_port(url const& u, std::uint16_t default_port)
{
    if (is_local(u.scheme))
        return host_port::local(u.path);
    return host_port(u.host, u.port.value_or(default_port));
}

} // namespace posthorn::net

#endif
