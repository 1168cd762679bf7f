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

/** Reads the header section, as far as it is there.

    @param beginning The first octets of a message, with any line ends. */
inline header_facts look_at_header(std::string_view beginning)
{
    header_facts facts;
    bool         eight_bit = false, malformed = false;
    while (!beginning.empty())
    {
        std::size_t const end  = beginning.find('\n');
        auto              line = beginning.substr(0, end);
        if (!line.empty() && line.back() == '\r')
            line.remove_suffix(1);
        if (line.empty())
            break;
        if (ascii::has_eight_bit(line))
        {
            eight_bit = true;
            malformed = malformed || (end != beginning.npos && !detail::is_clean_utf8(line));
        }
        constexpr std::string_view name = "TLS-Required:";
        if (ascii::istarts_with(line, name) && ascii::iequals(ascii::trim(line.substr(name.size())), "No"))
            facts.tls_optional = true;
        beginning.remove_prefix(end == beginning.npos ? beginning.size() : end + 1);
    }
    facts.utf8 = eight_bit && !malformed;
    return facts;
}

} // namespace posthorn::smtp

#endif
