//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Base64 (RFC 4648, section 4): encoding onto any container, strict decoding.

#ifndef POSTHORN_CODEC_BASE64_HPP
#define POSTHORN_CODEC_BASE64_HPP

#include <posthorn/core/secret.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::codec {

namespace detail {

inline constexpr char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Two characters for twelve bits: half the look-ups of the plain alphabet.
struct base64_pairs
{
    std::array<std::array<char, 2>, 4096> text{};

    constexpr base64_pairs()
    {
        for (std::size_t i = 0; i < text.size(); ++i)
            text[i] = {base64_alphabet[i >> 6U], base64_alphabet[i & 63U]};
    }
};

inline constexpr base64_pairs base64_table;

inline constexpr std::uint8_t base64_invalid = 0x80;

/// The six bits of a character, or base64_invalid.
inline constexpr auto base64_values = [] {
    std::array<std::uint8_t, 256> v{};
    v.fill(base64_invalid);
    for (std::uint8_t i = 0; i < 64; ++i)
        v[static_cast<unsigned char>(base64_alphabet[i])] = i;
    return v;
}();

inline std::uint32_t base64_value(char c) noexcept { return base64_values[static_cast<unsigned char>(c)]; }

} // namespace detail

/// The number of characters that encode `size` octets, padding included.
constexpr std::size_t base64_encoded_size(std::size_t size) noexcept { return (size + 2) / 3 * 4; }

/** Encode into memory.
    @param out Room for base64_encoded_size(in.size()) characters; must not overlap `in`.
    @return The end of what was written.
*/
inline char* base64_encode_to(std::string_view in, char* out) noexcept
{
    auto const at  = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(in[i])}; };
    auto const put = [&](std::uint32_t twelve_bits) {
        auto const& pair = detail::base64_table.text[twelve_bits];
        *out++           = pair[0];
        *out++           = pair[1];
    };
    std::size_t i = 0;
    for (; in.size() - i >= 3; i += 3)
    {
        std::uint32_t const bits = at(i) << 16U | at(i + 1) << 8U | at(i + 2);
        put(bits >> 12U);
        put(bits & 0xfffU);
    }
    switch (in.size() - i)
    {
    case 1:
        put(at(i) << 4U);
        *out++ = '=';
        *out++ = '=';
        break;
    case 2:
        put(at(i) << 4U | at(i + 1) >> 4U);
        *out++ = detail::base64_alphabet[(at(i + 1) & 15U) << 2U];
        *out++ = '=';
        break;
    default: break;
    }
    return out;
}

/** Encode onto the end of a container.
    @param out Anything with `append(std::string_view)`: std::string, secret_string, byte_buffer.
*/
template <class Out>
void base64_encode(std::string_view in, Out& out)
{
    char part[1024];
    while (!in.empty())
    {
        auto const  piece = in.substr(0, sizeof part / 4 * 3);
        char* const end   = base64_encode_to(piece, part);
        out.append(std::string_view(part, static_cast<std::size_t>(end - part)));
        in.remove_prefix(piece.size());
    }
    secure_wipe(part, sizeof part); // it may have been a password
}

inline void base64_encode(std::string_view in, std::string& out)
{
    std::size_t const before = out.size();
    out.resize(before + base64_encoded_size(in.size()));
    base64_encode_to(in, out.data() + before);
}

/// The encoded form as a string.
inline std::string base64_encode(std::string_view in)
{
    std::string out;
    base64_encode(in, out);
    return out;
}

/** Is this exactly one base64 encoding?

    No white space, no line breaks, padding complete, and no stray bits before the padding: an accepted text
    re-encodes to itself. The empty text is the encoding of nothing.
*/
inline bool is_base64(std::string_view in) noexcept
{
    if (in.size() % 4 != 0)
        return false;
    if (in.empty())
        return true;
    std::size_t const padding = in[in.size() - 1] != '=' ? 0 : in[in.size() - 2] != '=' ? 1 : 2;
    auto const        digits  = in.substr(0, in.size() - padding);
    std::uint32_t     all     = 0;
    for (char const c : digits)
        all |= detail::base64_value(c);
    if ((all & detail::base64_invalid) != 0)
        return false;
    std::uint32_t const unused = padding == 0 ? 0 : padding == 1 ? 3 : 15;
    return (detail::base64_value(digits.back()) & unused) == 0;
}

/** Decode onto the end of a container.
    @param out Anything with `append(std::string_view)`; unchanged if the text is not base64.
    @return False if `in` is not is_base64().
*/
template <class Out>
[[nodiscard]] bool base64_decode(std::string_view in, Out& out)
{
    if (!is_base64(in))
        return false;
    char part[768];
    while (!in.empty())
    {
        auto const  piece = in.substr(0, sizeof part / 3 * 4);
        char*       p     = part;
        std::size_t i     = 0;
        in.remove_prefix(piece.size());
        for (; i != piece.size() && (!in.empty() || piece.back() != '=' || i + 4 != piece.size()); i += 4)
        {
            std::uint32_t const bits =
                detail::base64_value(piece[i]) << 18U | detail::base64_value(piece[i + 1]) << 12U |
                detail::base64_value(piece[i + 2]) << 6U | detail::base64_value(piece[i + 3]);
            *p++ = static_cast<char>(bits >> 16U);
            *p++ = static_cast<char>(bits >> 8U & 0xffU);
            *p++ = static_cast<char>(bits & 0xffU);
        }
        if (i != piece.size()) // the last four, padded
        {
            std::uint32_t bits = detail::base64_value(piece[i]) << 18U;
            bits |= detail::base64_value(piece[i + 1]) << 12U;
            *p++ = static_cast<char>(bits >> 16U);
            if (piece[i + 2] != '=')
            {
                bits |= detail::base64_value(piece[i + 2]) << 6U;
                *p++ = static_cast<char>(bits >> 8U & 0xffU);
            }
        }
        out.append(std::string_view(part, static_cast<std::size_t>(p - part)));
    }
    secure_wipe(part, sizeof part);
    return true;
}

/// The decoded octets, or nothing if `in` is not is_base64().
inline std::optional<std::string> base64_decode(std::string_view in)
{
    std::optional<std::string> out(std::in_place);
    out->reserve(in.size() / 4 * 3);
    if (!base64_decode(in, *out))
        out.reset();
    return out;
}

} // namespace posthorn::codec

#endif
