//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The typed parameters of MAIL and RCPT, each on the command its RFC names, and their check against a server.

#ifndef POSTHORN_SMTP_PARAMETERS_HPP
#define POSTHORN_SMTP_PARAMETERS_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/smtp/address.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::smtp {

/// BODY (RFC 6152, RFC 3030): what the content consists of.
enum class body_type
{
    unspecified, ///< No parameter: 7-bit by definition.
    seven_bit,   ///< BODY=7BIT
    eight_bit,   ///< BODY=8BITMIME
    binary       ///< BODY=BINARYMIME: BDAT only.
};

/// RET (RFC 3461, 4.3): what of the message a report of failure contains.
enum class return_content
{
    unspecified,
    full,
    headers
};

/// NOTIFY (RFC 3461, 4.1): what to report about a recipient. A set: combine with `|`.
enum class notify : unsigned
{
    unspecified = 0,
    never       = 1, ///< Excludes all others.
    success     = 2,
    failure     = 4,
    delay       = 8
};

constexpr notify operator|(notify a, notify b) noexcept
{
    return static_cast<notify>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

/// Does the set `all` contain `one`?
constexpr bool contains(notify all, notify one) noexcept
{
    return (static_cast<unsigned>(all) & static_cast<unsigned>(one)) != 0;
}

/// BY (RFC 2852): until when a message is to be delivered, and what happens if it is not.
struct deliver_by
{
    enum class on_failure
    {
        return_message, ///< `R`: give up and report. The time must be positive.
        notify_delay    ///< `N`: report and go on.
    };

    std::int64_t seconds = 0; ///< From now; negative if it has passed already (then `N` only).
    on_failure   mode    = on_failure::return_message;
    bool         trace   = false; ///< Ask each relay that does not support it for a report.
};

/// RRVS (RFC 7293): deliver only if the recipient has owned the mailbox since then.
struct require_valid_since
{
    enum class action
    {
        unspecified,
        proceed, ///< `C`: deliver even where this cannot be checked on the way.
        reject   ///< `R`: bounce then.
    };

    require_valid_since() = default;
    explicit require_valid_since(std::string date_time, action what = action::unspecified)
        : since(std::move(date_time)), otherwise(what)
    {
    }

    std::string since; ///< RFC 3339, e.g. "2026-04-03T23:01:00Z".
    action      otherwise = action::unspecified;
};

/// A parameter this library does not know: `KEYWORD` or `KEYWORD=value`, sent as it is.
struct extra_parameter
{
    extra_parameter() = default;
    explicit extra_parameter(std::string name) : keyword(std::move(name)) {}
    extra_parameter(std::string name, std::string text) : keyword(std::move(name)), value(std::move(text)) {}

    std::string                keyword; ///< Letters, digits, hyphens.
    std::optional<std::string> value;   ///< Printable ASCII but space and "="; encode it as its RFC asks.
};

/// ORCPT (RFC 3461, 4.2): the address this message was first sent to.
struct original_recipient
{
    original_recipient() = default;
    explicit original_recipient(std::string text) : address(std::move(text)) {}
    original_recipient(std::string kind, std::string text)
        : type(std::move(kind)), address(std::move(text))
    {
    }

    std::string type; ///< An address type, e.g. "rfc822", "utf-8"; empty: one of these two, by the address.
    std::string address; ///< Not encoded.
};

/// Parameters of MAIL. Unset ones are not sent.
struct mail_parameters
{
    mail_parameters() = default;

    std::optional<std::uint64_t> size; ///< RFC 1870: octets with CRLF, without stuffing and final dot.
    body_type                    body     = body_type::unspecified;
    bool                         smtputf8 = false; ///< RFC 6531
    return_content               ret      = return_content::unspecified;
    std::string                  envid; ///< RFC 3461, 4.4: printable ASCII, at most 100 octets as xtext.
    std::optional<reverse_path>  auth;  ///< RFC 4954, 5: who submitted it; the null path: unknown.
    bool                         require_tls = false; ///< RFC 8689
    bool                         prdr        = false; ///< Exim's PRDR: a reply to the content for each recipient.
    std::optional<int>           mt_priority;         ///< RFC 6710: -9 to 9.
    std::optional<deliver_by>    by;                  ///< RFC 2852
    std::optional<std::uint32_t> hold_for;            ///< RFC 4865: seconds, 1 to 999999999.
    std::string                  hold_until; ///< RFC 4865: an RFC 3339 date and time; excludes hold_for.
    std::vector<extra_parameter> extra;
};

/// Parameters of RCPT. Unset ones are not sent.
struct rcpt_parameters
{
    rcpt_parameters() = default;

    notify                             notify_on = notify::unspecified;
    std::optional<original_recipient>  orcpt;
    std::optional<require_valid_since> valid_since;
    std::vector<extra_parameter>       extra;
};

namespace detail {

/// An RFC 3339 date-time with a real date.
constexpr bool is_date_time(std::string_view s) noexcept
{
    // "2026-08-21T10:20:30" [ "." 1*DIGIT ] ( "Z" / "+hh:mm" / "-hh:mm" )
    constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
    if (s.size() < shape.size() + 1)
        return false;
    for (std::size_t i = 0; i < shape.size(); ++i)
        if (shape[i] == 'd' ? !ascii::is_digit(s[i]) : s[i] != shape[i])
            return false;
    auto const two = [&](std::size_t i) { return (s[i] - '0') * 10 + (s[i + 1] - '0'); };

    int const  year   = two(0) * 100 + two(2);
    int const  month  = two(5);
    int const  day    = two(8);
    bool const leap   = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int const  in_feb = leap ? 29 : 28;
    int const  days   = month == 2 ? in_feb : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    if (month < 1 || month > 12 || day < 1 || day > days || two(11) > 23 || two(14) > 59 || two(17) > 60)
        return false;

    s.remove_prefix(shape.size());
    if (s[0] == '.')
    {
        std::size_t n = 1;
        while (n < s.size() && ascii::is_digit(s[n]))
            ++n;
        if (n == 1)
            return false;
        s.remove_prefix(n);
    }
    if (s == "Z")
        return true;
    return s.size() == 6 && (s[0] == '+' || s[0] == '-') && ascii::is_digit(s[1]) && ascii::is_digit(s[2]) &&
           s[3] == ':' && ascii::is_digit(s[4]) && ascii::is_digit(s[5]) && two(1) <= 23 && two(4) <= 59;
}

inline defect missing(feature f) noexcept
{
    defect d;
    d.code   = errc::extension_missing;
    d.detail = keyword(f);
    return d;
}

} // namespace detail

/** Can these parameters be sent to a server with these capabilities?

    @return errc::extension_missing with the keyword that is not offered as detail; errc::message_too_big if
        the size exceeds the server's; errc::bad_parameter if it cannot deliver within the time asked for, or
        hold so long. Extra parameters are not checked: nothing is known about them.
*/
inline defect check(mail_parameters const& p, capabilities const& server)
{
    auto const bad = [](errc code, std::string_view what) {
        defect d;
        d.code   = code;
        d.detail = what;
        return d;
    };
    if (p.size && !server.has(feature::size))
        return detail::missing(feature::size);
    if (p.size && server.max_size() && *p.size > *server.max_size())
        return bad(errc::message_too_big, "SIZE");
    if (p.body == body_type::binary)
    {
        for (auto const f : {feature::binarymime, feature::chunking})
            if (!server.has(f))
                return detail::missing(f);
    }
    else if (p.body != body_type::unspecified && !server.has(feature::eight_bit_mime))
        return detail::missing(feature::eight_bit_mime);
    if (p.smtputf8 && !server.has(feature::smtputf8))
        return detail::missing(feature::smtputf8);
    if ((p.ret != return_content::unspecified || !p.envid.empty()) && !server.has(feature::dsn))
        return detail::missing(feature::dsn);
    if (p.auth && !server.has(feature::auth))
        return detail::missing(feature::auth);
    if (p.require_tls && !server.has(feature::require_tls))
        return detail::missing(feature::require_tls);
    if (p.prdr && !server.has(feature::prdr))
        return detail::missing(feature::prdr);
    if (p.mt_priority && !server.has(feature::mt_priority))
        return detail::missing(feature::mt_priority);
    if (p.by)
    {
        if (!server.has(feature::deliver_by))
            return detail::missing(feature::deliver_by);
        if (p.by->mode == deliver_by::on_failure::return_message && p.by->seconds > 0 &&
            static_cast<std::uint64_t>(p.by->seconds) < server.min_deliver_by())
            return bad(errc::bad_parameter, "BY is shorter than the server's minimum");
    }
    if (p.hold_for || !p.hold_until.empty())
    {
        if (!server.has(feature::future_release))
            return detail::missing(feature::future_release);
        auto const most = server.future_release().max_interval;
        if (p.hold_for && most != 0 && *p.hold_for > most)
            return bad(errc::bad_parameter, "HOLDFOR is longer than the server's maximum");
    }
    return {};
}

/// The same for the parameters of RCPT.
inline defect check(rcpt_parameters const& p, capabilities const& server)
{
    if ((p.notify_on != notify::unspecified || p.orcpt) && !server.has(feature::dsn))
        return detail::missing(feature::dsn);
    if (p.valid_since && !server.has(feature::rrvs))
        return detail::missing(feature::rrvs);
    return {};
}

/** Removes what the server does not offer and the message can do without.

    Kept, so that check() still fails: SMTPUTF8 and BODY for 8-bit and binary content, because the content
    depends on them, and REQUIRETLS and RRVS, because sending without them breaks a promise.
    @return The keywords of the extensions whose parameters were removed.
*/
inline std::vector<std::string_view> drop_unsupported(mail_parameters& p, capabilities const& server)
{
    std::vector<std::string_view> dropped;
    auto const drop = [&](feature f, bool present, auto&& clear) {
        if (present && !server.has(f))
        {
            clear();
            dropped.push_back(keyword(f));
        }
    };
    drop(feature::size, p.size.has_value(), [&] { p.size.reset(); });
    drop(feature::eight_bit_mime, p.body == body_type::seven_bit, [&] { p.body = body_type::unspecified; });
    drop(feature::dsn, p.ret != return_content::unspecified || !p.envid.empty(), [&] {
        p.ret = return_content::unspecified;
        p.envid.clear();
    });
    drop(feature::auth, p.auth.has_value(), [&] { p.auth.reset(); });
    drop(feature::prdr, p.prdr, [&] { p.prdr = false; });
    drop(feature::mt_priority, p.mt_priority.has_value(), [&] { p.mt_priority.reset(); });
    drop(feature::deliver_by, p.by.has_value(), [&] { p.by.reset(); });
    drop(feature::future_release, p.hold_for || !p.hold_until.empty(), [&] {
        p.hold_for.reset();
        p.hold_until.clear();
    });
    return dropped;
}

/// The same for the parameters of RCPT.
inline std::vector<std::string_view> drop_unsupported(rcpt_parameters& p, capabilities const& server)
{
    std::vector<std::string_view> dropped;
    if ((p.notify_on != notify::unspecified || p.orcpt) && !server.has(feature::dsn))
    {
        p.notify_on = notify::unspecified;
        p.orcpt.reset();
        dropped.push_back(keyword(feature::dsn));
    }
    return dropped;
}

} // namespace posthorn::smtp

#endif
