//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Internationalised domain names as ASCII: U-labels become A-labels (IDNA 2008, RFC 5891, with the mapping of UTS 46).

#ifndef POSTHORN_CODEC_IDNA_HPP
#define POSTHORN_CODEC_IDNA_HPP

#include <posthorn/core/ascii.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#if defined(POSTHORN_WITH_IDN2)
#include <idn2.h>
#endif

namespace posthorn::codec {

/// Was the library built with libidn2 (POSTHORN_WITH_IDN2)? Without it only ASCII names can be converted.
#if defined(POSTHORN_WITH_IDN2)
inline constexpr bool has_idna = true;
#else
inline constexpr bool has_idna = false;
#endif

namespace detail {

/// Labels of letters, digits and inner hyphens. What libidn2 gives is not always that.
constexpr bool is_host_name(std::string_view s) noexcept
{
    constexpr std::size_t longest_label = 63, longest = 253;
    std::size_t           label = 0; // its size so far
    char                  last  = '.';
    for (char const c : s)
    {
        bool const dot = c == '.';
        if (dot || c == '-' ? last == '.' || (dot && last == '-') : !ascii::is_alnum(c))
            return false;
        label = dot ? 0 : label + 1;
        if (label > longest_label)
            return false;
        last = c;
    }
    return label != 0 && last != '-' && s.size() <= longest;
}

} // namespace detail

/** The ASCII form of a domain name.

    @param domain UTF-8. ASCII names are returned as they are.
    @return Nothing if the name is not allowed by IDNA 2008, or cannot be converted because there is no libidn2.
*/
inline std::optional<std::string> domain_to_ascii(std::string_view domain)
{
    if (!ascii::has_eight_bit(domain))
        return std::string(domain);
#if defined(POSTHORN_WITH_IDN2)
    if (domain.find('\0') != domain.npos) // where libidn2 would stop reading
        return std::nullopt;
    std::string const name(domain);
    char*             converted = nullptr;
    // Not IDN2_USE_STD3_ASCII_RULES: it removes what these rules forbid, and the name would be another one.
    if (idn2_to_ascii_8z(name.c_str(), &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return std::nullopt;
    std::unique_ptr<char, void (*)(void*)> const owner(converted, &idn2_free);
    std::optional<std::string> ascii(converted);
    if (!detail::is_host_name(*ascii))
        ascii.reset();
    return ascii;
#else
    return std::nullopt;
#endif
}

} // namespace posthorn::codec

#endif
