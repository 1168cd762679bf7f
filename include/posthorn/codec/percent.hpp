//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Percent-encoding (RFC 3986, 2.1), as URLs and extended parameters of header fields (RFC 8187) use it.

#ifndef POSTHORN_CODEC_PERCENT_HPP
#define POSTHORN_CODEC_PERCENT_HPP

#include <posthorn/core/ascii.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::codec {

/// Encodes what is not a letter, a digit or one of `allowed`.
inline std::string percent_encode(std::string_view text, std::string_view allowed)
{
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string           out;
    for (char const c : text)
    {
        auto const u = static_cast<unsigned char>(c);
        if (ascii::is_alnum(c) || allowed.find(c) != std::string_view::npos)
            out += c;
        else
        {
            out += '%';
            out += digits[u >> 4];
            out += digits[u & 15U];
        }
    }
    return out;
}

/// Decodes `%NN`; what only looks like it stays. The result can be any octets, controls too.
inline std::string percent_decode(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        if (text[i] == '%' && text.size() - i > 2 && ascii::hex_value(text[i + 1]) >= 0 && ascii::hex_value(text[i + 2]) >= 0)
        {
            out += static_cast<char>(static_cast<unsigned char>(ascii::hex_value(text[i + 1]) * 16 + ascii::hex_value(text[i + 2])));
            i += 2;
        }
        else
            out += text[i];
    }
    return out;
}

} // namespace posthorn::codec

#endif
