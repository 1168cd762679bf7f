//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// TLSA records (RFC 6698): which certificates the owner of a name says are right, told by DNSSEC.

#ifndef POSTHORN_NET_TLSA_HPP
#define POSTHORN_NET_TLSA_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::net {

/** One record, as the caller's resolver found it and DNSSEC proved it: this library asks no DNS.

    Numbers are those of RFC 7218: usage 2 is DANE-TA, 3 is DANE-EE; selector 0 is the certificate, 1 its key; matching 0
    is the data itself, 1 its SHA-256, 2 its SHA-512. */
struct tlsa_record
{
    tlsa_record() = default;
    tlsa_record(std::uint8_t u, std::uint8_t s, std::uint8_t m, std::string d)
        : usage(u), selector(s), matching(m), data(std::move(d))
    {
    }

    /** From its text, as `dig` shows it: `3 1 1 A4B2...`; blanks may part the digits.
        @throws error with posthorn::errc::invalid_argument. */
    explicit tlsa_record(std::string_view text)
    {
        auto const whole = text;
        usage            = take_number(text, whole);
        selector         = take_number(text, whole);
        matching         = take_number(text, whole);
        int high         = -1;
        for (char const c : text)
        {
            if (ascii::is_blank(c))
                continue;
            int const digit = ascii::hex_value(c);
            if (digit < 0)
                fail(whole);
            if (high >= 0)
                data += static_cast<char>(static_cast<unsigned char>(high << 4 | digit));
            high = high >= 0 ? -1 : digit;
        }
        if (high >= 0 || data.empty())
            fail(whole);
    }

    std::uint8_t usage    = 3;
    std::uint8_t selector = 1;
    std::uint8_t matching = 1;
    std::string  data; ///< Octets.

private:
    [[noreturn]] static void fail(std::string_view text)
    {
        throw error(posthorn::errc::invalid_argument, "\"" + printable(text, 100) + "\" is no TLSA record: `3 1 1 A4B2...` is one");
    }

    static std::uint8_t take_number(std::string_view& text, std::string_view whole)
    {
        while (!text.empty() && ascii::is_blank(text.front()))
            text.remove_prefix(1);
        unsigned    value = 0;
        std::size_t n     = 0;
        for (; n < text.size() && ascii::is_digit(text[n]) && n < 3; ++n)
            value = value * 10 + static_cast<unsigned>(text[n] - '0');
        if (n == 0 || value > 255 || n == text.size() || !ascii::is_blank(text[n]))
            fail(whole);
        text.remove_prefix(n);
        return static_cast<std::uint8_t>(value);
    }
};

} // namespace posthorn::net

#endif
