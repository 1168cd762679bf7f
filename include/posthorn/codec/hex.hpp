//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Octets as hexadecimal digits.

#ifndef POSTHORN_CODEC_HEX_HPP
#define POSTHORN_CODEC_HEX_HPP

#include <string>
#include <string_view>

namespace posthorn::codec {

/// Two lower-case digits for each octet.
inline std::string hex_encode(std::string_view octets)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string                text;
    text.reserve(octets.size() * 2);
    for (char const c : octets)
    {
        auto const octet = static_cast<unsigned char>(c);
        text += digits[octet >> 4U];
        text += digits[octet & 15U];
    }
    return text;
}

} // namespace posthorn::codec

#endif
