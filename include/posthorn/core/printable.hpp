//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Makes text of unknown origin safe to show: in errors, logs and terminals.

#ifndef POSTHORN_CORE_PRINTABLE_HPP
#define POSTHORN_CORE_PRINTABLE_HPP

#include <posthorn/core/ascii.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn {

namespace detail {

/// The length of the well-formed UTF-8 sequence at the front of `s` (RFC 3629), or 0.
constexpr std::size_t utf8_sequence(std::string_view s) noexcept
{
    auto const at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    auto const tail = [&](std::size_t i, unsigned lo = 0x80, unsigned hi = 0xbf) {
        return i < s.size() && at(i) >= lo && at(i) <= hi;
    };
    if (s.empty())
        return 0;
    unsigned const lead = at(0);
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return tail(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef)
        return tail(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && tail(2) ? 3 : 0;
    if (lead >= 0xf0 && lead <= 0xf4)
        return tail(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && tail(2) && tail(3) ? 4 : 0;
    return 0;
}

} // namespace detail

/** A copy of `text` in which every control character and every octet that is not UTF-8 is shown as `\xNN`.

    C1 controls (U+0080 to U+009F) are escaped as well: some terminals obey them.
    @param text Anything.
    @param most Octets of `text` to show, less those of a character that would be cut in two; the rest becomes "...".
*/
inline std::string printable(std::string_view text, std::size_t most = 1000)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string           out;
    out.reserve(text.size() < most ? text.size() : most);
    while (!text.empty())
    {
        std::size_t n = detail::utf8_sequence(text);
        if (n == 2 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0)
            n = 0; // C1
        bool const        escaped = n == 0 || ascii::is_control(text[0]);
        std::size_t const taken   = n == 0 ? 1 : n;
        if (taken > most)
        {
            out += "...";
            break;
        }
        most -= taken;
        if (escaped)
        {
            auto const u = static_cast<unsigned char>(text[0]);
            out += "\\x";
            out += digits[u >> 4];
            out += digits[u & 15U];
        }
        else
            out += text.substr(0, taken);
        text.remove_prefix(taken);
    }
    return out;
}

} // namespace posthorn

#endif
