//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Internationalised domain names as ASCII: U-labels become A-labels (IDNA 2008, RFC 5891, with the mapping of UTS 46).

#ifndef POSTHORN_CODEC_IDNA_HPP
#define POSTHORN_CODEC_IDNA_HPP

#include <posthorn/core/ascii.hpp>

#include <cstdlib>
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

/** The ASCII form of a domain name.

    @param domain UTF-8. ASCII names are returned as they are.
    @return Nothing if the name is not allowed by IDNA 2008, or cannot be converted because there is no libidn2.
*/
inline std::optional<std::string> domain_to_ascii(std::string_view domain)
{
    if (!ascii::has_eight_bit(domain))
        return std::string(domain);
#if defined(POSTHORN_WITH_IDN2)
    std::string const name(domain);
    char*             converted = nullptr;
    if (idn2_to_ascii_8z(name.c_str(), &converted,
                         IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES) != IDN2_OK)
        return std::nullopt;
    std::unique_ptr<char, void (*)(void*)> const owner(converted, &idn2_free);
    return std::string(converted);
#else
    return std::nullopt;
#endif
}

} // namespace posthorn::codec

#endif
