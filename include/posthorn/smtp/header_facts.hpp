//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the header section of a message tells about how it must be sent.

#ifndef POSTHORN_SMTP_HEADER_FACTS_HPP
#define POSTHORN_SMTP_HEADER_FACTS_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/smtp/detail/command_line.hpp>

#include <cstddef>
#include <string_view>

namespace posthorn::smtp {

struct header_facts
{
    bool utf8         = false; ///< It has octets above 127, and they are UTF-8: RFC 6532.
    bool tls_optional = false; ///< It says `TLS-Required: No` (RFC 8689, 5), which REQUIRETLS overrides.
};

namespace detail {

/// Without a UTF-8 character at the end that is not complete.
constexpr std::string_view without_cut_character(std::string_view s) noexcept
{
    for (std::size_t n = 1; n <= 3 && n <= s.size(); ++n)
    {
        auto const octet = static_cast<unsigned char>(s[s.size() - n]);
        if (octet >= 0xc0 && n < (octet >= 0xf0 ? 4U : octet >= 0xe0 ? 3U : 2U))
            return s.substr(0, s.size() - n);
        if (octet < 0x80 || octet >= 0xc0)
            break;
    }
    return s;
}

/// The name of the field that begins in this line; empty if none does.
constexpr std::string_view field_name(std::string_view line) noexcept
{
    auto const colon = line.find(':');
    if (colon == line.npos)
        return {};
    auto const name = ascii::trim(line.substr(0, colon));
    for (char const c : name)
        if (c <= ' ' || c > '~') // octets above 127 are negative or large
            return {};
    return name;
}

} // namespace detail

/** Reads the header section, as far as it is there. It ends with an empty line, or before one that is no field.

    @param beginning The first octets of a message, with any line ends. */
constexpr header_facts look_at_header(std::string_view beginning) noexcept
{
    header_facts     facts;
    bool             eight_bit = false, malformed = false;
    bool             about_tls = false; // the field is TLS-Required
    std::string_view value;             // of it, as far as it was one piece
    auto const       end_field = [&] {
        facts.tls_optional = facts.tls_optional || (about_tls && ascii::iequals(value, "No"));
        about_tls          = false;
        value              = {};
    };
    while (!beginning.empty())
    {
        std::size_t const end  = beginning.find_first_of("\r\n");
        bool const        cut  = end == beginning.npos;
        auto              line = beginning.substr(0, end);
        beginning.remove_prefix(cut ? beginning.size() : end + (beginning.substr(end, 2) == "\r\n" ? 2 : 1));
        bool const continued = !line.empty() && ascii::is_blank(line.front());
        auto const name      = continued ? std::string_view() : detail::field_name(line);
        if (!continued && name.empty())
            break;
        if (cut)
            line = detail::without_cut_character(line);
        eight_bit = eight_bit || ascii::has_eight_bit(line);
        malformed = malformed || !detail::is_clean_utf8(line);
        if (!continued)
        {
            end_field();
            about_tls = ascii::iequals(name, "TLS-Required");
        }
        auto const piece = ascii::trim(continued ? line : line.substr(line.find(':') + 1));
        if (about_tls && !piece.empty())
            value = value.empty() ? piece : std::string_view("several");
    }
    end_field();
    facts.utf8 = eight_bit && !malformed;
    return facts;
}

} // namespace posthorn::smtp

#endif
