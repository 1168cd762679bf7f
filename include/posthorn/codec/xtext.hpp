//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The encodings of values in SMTP parameters: xtext (RFC 3461, section 4) and the UTF-8 address forms of
// ORCPT (RFC 6533, section 3).

#ifndef POSTHORN_CODEC_XTEXT_HPP
#define POSTHORN_CODEC_XTEXT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::codec {

namespace detail {

inline constexpr char upper_hex[] = "0123456789ABCDEF";

/// May it stand for itself in xtext?
constexpr bool is_xchar(char c) noexcept { return c >= '!' && c <= '~' && c != '+' && c != '='; }

/// May it stand for itself in the UTF-8 address forms?
constexpr bool is_qchar(char c) noexcept { return is_xchar(c) && c != '\\'; }

/// The code point of the well-formed UTF-8 sequence `s`.
constexpr std::uint32_t code_point(std::string_view s) noexcept
{
    auto const at = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(s[i])}; };
    switch (s.size())
    {
    case 1: return at(0);
    case 2: return (at(0) & 0x1fU) << 6U | (at(1) & 0x3fU);
    case 3: return (at(0) & 0x0fU) << 12U | (at(1) & 0x3fU) << 6U | (at(2) & 0x3fU);
    default: return (at(0) & 0x07U) << 18U | (at(1) & 0x3fU) << 12U | (at(2) & 0x3fU) << 6U | (at(3) & 0x3fU);
    }
}

/// `\x{HEX}` without leading zeros, but with two digits at least.
template <class Out>
void put_embedded(std::uint32_t point, Out& out)
{
    out.append(std::string_view("\\x{"));
    bool started = false;
    for (unsigned shift = 20;; shift -= 4)
    {
        std::uint32_t const digit = point >> shift & 15U;
        started                   = started || digit != 0 || shift <= 4;
        if (started)
            out.push_back(upper_hex[digit]);
        if (shift == 0)
            break;
    }
    out.push_back('}');
}

} // namespace detail

/** Encode any octets as xtext, onto the end of a container.
    @param out Anything with `push_back(char)`.
*/
template <class Out>
void xtext_encode(std::string_view in, Out& out)
{
    for (char const c : in)
    {
        if (detail::is_xchar(c))
        {
            out.push_back(c);
            continue;
        }
        auto const u = static_cast<unsigned char>(c);
        out.push_back('+');
        out.push_back(detail::upper_hex[u >> 4U]);
        out.push_back(detail::upper_hex[u & 15U]);
    }
}

/// The xtext form as a string.
inline std::string xtext_encode(std::string_view in)
{
    std::string out;
    xtext_encode(in, out);
    return out;
}

/// The octets that xtext stands for, or nothing if `in` is not xtext. Hexadecimal digits must be upper case.
inline std::optional<std::string> xtext_decode(std::string_view in)
{
    std::optional<std::string> out(std::in_place);
    out->reserve(in.size());
    for (std::size_t i = 0; i < in.size(); ++i)
    {
        if (detail::is_xchar(in[i]))
        {
            out->push_back(in[i]);
            continue;
        }
        if (in[i] != '+' || in.size() - i < 3 || ascii::is_lower(in[i + 1]) || ascii::is_lower(in[i + 2]))
            return std::nullopt;
        int const high = ascii::hex_value(in[i + 1]);
        int const low  = ascii::hex_value(in[i + 2]);
        if (high < 0 || low < 0)
            return std::nullopt;
        out->push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return out;
}

/// How the UTF-8 address of an ORCPT parameter is spelled.
enum class utf8_address_form
{
    xtext,  ///< ASCII only: for servers without SMTPUTF8.
    unitext ///< UTF-8 as it is: where SMTPUTF8 is in effect.
};

/** Encode an address of type "utf-8" (RFC 6533: utf-8-addr-xtext, utf-8-addr-unitext).
    @param in Well-formed UTF-8.
    @param out Anything with `push_back(char)` and `append(std::string_view)`.
    @return False if `in` is not UTF-8; `out` then holds a part.
*/
template <class Out>
[[nodiscard]] bool utf8_address_encode(std::string_view in, utf8_address_form form, Out& out)
{
    while (!in.empty())
    {
        std::size_t const n = posthorn::detail::utf8_sequence(in);
        if (n == 0)
            return false;
        auto const sequence = in.substr(0, n);
        if (n == 1 ? detail::is_qchar(in[0]) : form == utf8_address_form::unitext)
            out.append(sequence);
        else
            detail::put_embedded(detail::code_point(sequence), out);
        in.remove_prefix(n);
    }
    return true;
}

/// The address that either form stands for, or nothing if `in` is neither.
inline std::optional<std::string> utf8_address_decode(std::string_view in)
{
    std::optional<std::string> out(std::in_place);
    auto const put = [&](std::uint32_t p) {
        auto const tail = [&](std::uint32_t bits) {
            out->push_back(static_cast<char>(0x80U | (bits & 0x3fU)));
        };
        if (p < 0x80)
            out->push_back(static_cast<char>(p));
        else if (p < 0x800)
            out->push_back(static_cast<char>(0xc0U | p >> 6U)), tail(p);
        else if (p < 0x10000)
            out->push_back(static_cast<char>(0xe0U | p >> 12U)), tail(p >> 6U), tail(p);
        else
            out->push_back(static_cast<char>(0xf0U | p >> 18U)), tail(p >> 12U), tail(p >> 6U), tail(p);
    };
    while (!in.empty())
    {
        std::size_t const n = posthorn::detail::utf8_sequence(in);
        if (n == 0)
            return std::nullopt;
        if (n > 1 || detail::is_qchar(in[0]))
        {
            out->append(in.substr(0, n));
            in.remove_prefix(n);
            continue;
        }
        auto const end = in.find('}');
        if (in.substr(0, 3) != "\\x{" || end == in.npos || end < 5 || end > 9)
            return std::nullopt;
        std::uint32_t point = 0;
        for (char const c : in.substr(3, end - 3))
        {
            int const digit = ascii::hex_value(c);
            if (digit < 0 || ascii::is_lower(c))
                return std::nullopt;
            point = point * 16 + static_cast<std::uint32_t>(digit);
        }
        bool const padded = in[3] == '0' && end > 5;
        bool const plain  = point < 0x80 && detail::is_qchar(static_cast<char>(point));
        if (padded || plain || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return std::nullopt;
        put(point);
        in.remove_prefix(end + 1);
    }
    return out;
}

} // namespace posthorn::codec

#endif
