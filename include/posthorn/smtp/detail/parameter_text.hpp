//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The text of MAIL and RCPT parameters: their grammar, their ranges, their share of the command line.

#ifndef POSTHORN_SMTP_DETAIL_PARAMETER_TEXT_HPP
#define POSTHORN_SMTP_DETAIL_PARAMETER_TEXT_HPP

#include <posthorn/codec/xtext.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/detail/command_line.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/parameters.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace posthorn::smtp::detail {

struct parameter_size
{
    std::size_t bound     = 0; ///< The text will not be longer.
    std::size_t allowance = 0; ///< What the RFCs add to the 512 octets of a command line.

    /// @param most Octets the parameter can take. @param added By its RFC to the longest line.
    void add(std::size_t most, std::size_t added) noexcept
    {
        bound += most;
        allowance += added;
    }
};

inline defect bad_parameter(std::string_view what, errc code = errc::bad_parameter) noexcept
{
    defect d;
    d.code   = code;
    d.detail = what;
    return d;
}

inline bool is_orcpt_utf8(original_recipient const& o) noexcept
{
    return o.type.empty() ? ascii::has_eight_bit(o.address) : ascii::iequals(o.type, "utf-8");
}

inline constexpr std::size_t longest_extra = 4096;

inline defect check_extra(std::vector<extra_parameter> const& extra, bool smtputf8,
                          parameter_size& size) noexcept
{
    for (auto const& e : extra)
    {
        if (!is_keyword(e.keyword))
            return bad_parameter("the keyword of an extra parameter");
        std::size_t most = 1 + e.keyword.size();
        if (e.value)
        {
            if (e.value->empty())
                return bad_parameter("the empty value of an extra parameter");
            for (char const c : *e.value)
                if (ascii::is_control(c) || c == ' ' || c == '=')
                    return bad_parameter("the value of an extra parameter");
            if (ascii::has_eight_bit(*e.value))
            {
                if (!smtputf8)
                    return bad_parameter("an extra parameter", errc::smtputf8_required);
                if (!is_clean_utf8(*e.value))
                    return bad_parameter("an extra parameter that is not UTF-8");
            }
            most += 1 + e.value->size();
        }
        if (most > longest_extra || size.bound > longest_extra)
            return bad_parameter("the extra parameters", errc::line_too_long);
        size.add(most, most); // its RFC, which is not known here, allows for it
    }
    return {};
}

/// Appends extra parameters; refuses to send a keyword twice.
/// @param begin Where the parameters begin in the line.
inline defect append_extra(std::vector<extra_parameter> const& extra, std::size_t begin, line_builder& b)
{
    for (auto const& e : extra)
    {
        auto rest = b.line().substr(begin);
        for (auto word = next_word(rest); !word.empty(); word = next_word(rest))
            if (ascii::iequals(word.substr(0, word.find('=')), e.keyword))
                return bad_parameter("the same parameter twice");
        b.push_back(' ');
        b.append(e.keyword);
        if (e.value)
        {
            b.push_back('=');
            b.append(*e.value);
        }
    }
    return {};
}

/// Everything that can be wrong with the parameters of MAIL.
inline defect check_parameters(mail_parameters const& p, bool smtputf8, parameter_size& size) noexcept
{
    constexpr std::uint32_t longest_hold = 999999999;
    constexpr std::int64_t  longest_by   = 999999999;
    if (p.size)
        size.add(26, 26); // RFC 1870, 3
    if (p.body != body_type::unspecified)
        size.add(17, 17); // RFC 6152, 2
    if (p.smtputf8)
        size.add(10, 10); // RFC 6531, 3.1
    if (p.ret != return_content::unspecified)
        size.add(9, 9);
    if (!p.envid.empty())
    {
        if (ascii::has_control(p.envid) || ascii::has_eight_bit(p.envid))
            return bad_parameter("ENVID is not printable ASCII");
        std::size_t encoded = 0;
        for (char const c : p.envid)
            encoded += codec::detail::is_xchar(c) ? 1U : 3U;
        if (encoded > 100) // RFC 3461, 4.4
            return bad_parameter("ENVID is longer than 100 octets");
        size.add(7 + encoded, 107);
    }
    if (p.auth)
        size.add(6 + 2 + 3 * p.auth->view().size(), 500); // RFC 4954, 5
    if (p.require_tls)
        size.add(11, 11); // RFC 8689, 2
    if (p.prdr)
        size.add(5, 5);
    if (p.mt_priority)
    {
        if (*p.mt_priority < -9 || *p.mt_priority > 9)
            return bad_parameter("MT-PRIORITY is not from -9 to 9");
        size.add(15, 15); // RFC 6710, 3
    }
    if (p.by)
    {
        if (p.by->seconds > longest_by || p.by->seconds < -longest_by)
            return bad_parameter("BY has more than nine digits");
        if (p.by->mode == deliver_by::on_failure::return_message && p.by->seconds <= 0)
            return bad_parameter("BY is not positive, which mode R does not allow");
        size.add(17, 17); // RFC 2852, 4
    }
    if (p.hold_for)
    {
        if (!p.hold_until.empty())
            return bad_parameter("HOLDFOR and HOLDUNTIL exclude each other");
        if (*p.hold_for == 0 || *p.hold_for > longest_hold)
            return bad_parameter("HOLDFOR is not from 1 to 999999999");
        size.add(18, 34); // RFC 4865, 4
    }
    if (!p.hold_until.empty())
    {
        if (p.hold_until.size() > 64 || !is_date_time(p.hold_until))
            return bad_parameter("HOLDUNTIL is no date and time of RFC 3339");
        size.add(11 + p.hold_until.size(), 34 + p.hold_until.size());
    }
    return check_extra(p.extra, smtputf8, size);
}

/// Everything that can be wrong with the parameters of RCPT.
inline defect check_parameters(rcpt_parameters const& p, bool smtputf8, parameter_size& size) noexcept
{
    if (p.notify_on != notify::unspecified)
    {
        if (static_cast<unsigned>(p.notify_on) > 15)
            return bad_parameter("NOTIFY has an unknown value");
        if (contains(p.notify_on, notify::never) && p.notify_on != notify::never)
            return bad_parameter("NOTIFY=NEVER excludes all others");
        size.add(29, 29);
    }
    if (p.orcpt)
    {
        auto const& o = *p.orcpt;
        if (!o.type.empty() && !is_keyword(o.type))
            return bad_parameter("the address type of ORCPT");
        if (o.address.empty() || o.type.size() + o.address.size() > 500) // RFC 3461, 4.2
            return bad_parameter("ORCPT is empty or longer than 500 octets");
        if (ascii::has_control(o.address))
            return bad_parameter("a control character in ORCPT");
        if (is_orcpt_utf8(o) ? !is_clean_utf8(o.address) : ascii::has_eight_bit(o.address))
            return bad_parameter("ORCPT is not UTF-8, or its address type is not utf-8");
        size.add(7 + std::max<std::size_t>(o.type.size(), 6) + 1 + 6 * o.address.size(), 507);
    }
    if (p.valid_since)
    {
        auto const& date = p.valid_since->since;
        if (date.size() > 64 || !is_date_time(date))
            return bad_parameter("RRVS is no date and time of RFC 3339");
        size.add(6 + date.size() + 2, 8 + date.size());
    }
    return check_extra(p.extra, smtputf8, size);
}

/// @pre check_parameters() found nothing, and `b` has the room it asked for.
inline defect append_parameters(mail_parameters const& p, bool, line_builder& b)
{
    std::size_t const begin  = b.line().size();
    auto const        number = [&](std::int64_t n) {
        if (n < 0)
            b.push_back('-');
        b.append_number(static_cast<std::uint64_t>(n < 0 ? -n : n));
    };
    if (p.size)
    {
        b.append(" SIZE=");
        b.append_number(*p.size);
    }
    switch (p.body)
    {
    case body_type::unspecified: break;
    case body_type::seven_bit: b.append(" BODY=7BIT"); break;
    case body_type::eight_bit: b.append(" BODY=8BITMIME"); break;
    case body_type::binary: b.append(" BODY=BINARYMIME"); break;
    }
    if (p.smtputf8)
        b.append(" SMTPUTF8");
    if (p.ret != return_content::unspecified)
        b.append(p.ret == return_content::full ? " RET=FULL" : " RET=HDRS");
    if (!p.envid.empty())
    {
        b.append(" ENVID=");
        codec::xtext_encode(p.envid, b);
    }
    if (p.auth)
    {
        b.append(" AUTH=");
        if (p.auth->is_null())
            b.append("<>");
        else
            codec::xtext_encode(p.auth->view(), b);
    }
    if (p.require_tls)
        b.append(" REQUIRETLS");
    if (p.prdr)
        b.append(" PRDR");
    if (p.mt_priority)
    {
        b.append(" MT-PRIORITY=");
        number(*p.mt_priority);
    }
    if (p.by)
    {
        b.append(" BY=");
        number(p.by->seconds);
        b.append(p.by->mode == deliver_by::on_failure::return_message ? ";R" : ";N");
        if (p.by->trace)
            b.push_back('T');
    }
    if (p.hold_for)
    {
        b.append(" HOLDFOR=");
        b.append_number(*p.hold_for);
    }
    if (!p.hold_until.empty())
    {
        b.append(" HOLDUNTIL=");
        b.append(p.hold_until);
    }
    return append_extra(p.extra, begin, b);
}

/// @pre check_parameters() found nothing, and `b` has the room it asked for.
inline defect append_parameters(rcpt_parameters const& p, bool smtputf8, line_builder& b)
{
    std::size_t const begin = b.line().size();
    if (p.notify_on != notify::unspecified)
    {
        char separator = '=';
        b.append(" NOTIFY");
        auto const name = [&](notify one, std::string_view text) {
            if (!contains(p.notify_on, one))
                return;
            b.push_back(separator);
            b.append(text);
            separator = ',';
        };
        name(notify::never, "NEVER");
        name(notify::success, "SUCCESS");
        name(notify::failure, "FAILURE");
        name(notify::delay, "DELAY");
    }
    if (p.orcpt)
    {
        bool const utf8 = is_orcpt_utf8(*p.orcpt);
        b.append(" ORCPT=");
        std::size_t const value = b.line().size();
        if (p.orcpt->type.empty())
            b.append(utf8 ? "utf-8" : "rfc822");
        else
            b.append(p.orcpt->type);
        b.push_back(';');
        if (!utf8)
            codec::xtext_encode(p.orcpt->address, b);
        else
        {
            auto const form = smtputf8 ? codec::utf8_address_form::unitext : codec::utf8_address_form::xtext;
            if (!codec::utf8_address_encode(p.orcpt->address, form, b))
                return bad_parameter("ORCPT is not UTF-8");
        }
        if (b.line().size() - value > 500)
            return bad_parameter("ORCPT is empty or longer than 500 octets");
    }
    if (p.valid_since)
    {
        b.append(" RRVS=");
        b.append(p.valid_since->since);
        if (p.valid_since->otherwise != require_valid_since::action::unspecified)
            b.append(p.valid_since->otherwise == require_valid_since::action::proceed ? ";C" : ";R");
    }
    return append_extra(p.extra, begin, b);
}

} // namespace posthorn::smtp::detail

#endif
