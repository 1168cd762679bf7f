//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Finds line ends, dots, NULs and 8-bit octets, 64 octets at a time.

#ifndef POSTHORN_SMTP_DETAIL_CONTENT_SCAN_HPP
#define POSTHORN_SMTP_DETAIL_CONTENT_SCAN_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace posthorn::smtp::detail {

inline constexpr std::size_t scan_block = 64;

/// One bit for each octet of a block, the first octet in bit 0.
struct scan_masks
{
    std::uint64_t cr    = 0;
    std::uint64_t lf    = 0;
    std::uint64_t dot   = 0;
    std::uint64_t nul   = 0;
    std::uint64_t eight = 0; ///< Octets above 127.
};

/// The portable form, eight octets at a time.
inline scan_masks scan_portable(char const* p) noexcept
{
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t low7 = 0x7f7f7f7f7f7f7f7fU;

    // Bit 7 of every octet of `v`, gathered in octet order.
    auto const gather = [](std::uint64_t v) { return (v >> 7U) * 0x0102040810204080U >> 56U; };
    // Bit 7 of every octet that is zero; exact, no carries between octets.
    auto const zero = [](std::uint64_t v) { return ~(((v & low7) + low7) | v | low7); };

    scan_masks m;
    for (unsigned i = 0; i < 8; ++i)
    {
        std::uint64_t v = 0;
        std::memcpy(&v, p + std::size_t{i} * 8, 8);
        if constexpr (std::endian::native == std::endian::big)
        {
            std::uint64_t swapped = 0;
            for (unsigned k = 0; k < 8; ++k)
                swapped |= (v >> (8 * k) & 0xffU) << (56 - 8 * k);
            v = swapped;
        }
        unsigned const at = 8 * i;
        m.cr |= gather(zero(v ^ ones * 0x0dU)) << at;
        m.lf |= gather(zero(v ^ ones * 0x0aU)) << at;
        m.dot |= gather(zero(v ^ ones * 0x2eU)) << at;
        m.nul |= gather(zero(v)) << at;
        m.eight |= gather(v & ~low7) << at;
    }
    return m;
}

/// @param p 64 octets.
inline scan_masks scan(char const* p) noexcept
{
#if defined(__SSE2__)
    scan_masks    m;
    __m128i const cr  = _mm_set1_epi8('\r');
    __m128i const lf  = _mm_set1_epi8('\n');
    __m128i const dot = _mm_set1_epi8('.');
    __m128i const nul = _mm_setzero_si128();
    for (unsigned i = 0; i < 4; ++i)
    {
        __m128i v;
        std::memcpy(&v, p + std::size_t{i} * 16, 16);
        unsigned const at   = 16 * i;
        auto const     bits = [at](__m128i x) {
            return std::uint64_t{static_cast<unsigned>(_mm_movemask_epi8(x))} << at;
        };
        m.cr |= bits(_mm_cmpeq_epi8(v, cr));
        m.lf |= bits(_mm_cmpeq_epi8(v, lf));
        m.dot |= bits(_mm_cmpeq_epi8(v, dot));
        m.nul |= bits(_mm_cmpeq_epi8(v, nul));
        m.eight |= bits(v);
    }
    return m;
#else
    return scan_portable(p);
#endif
}

/// The masks of up to 64 octets; bits behind the end are clear.
inline scan_masks scan(std::string_view block) noexcept
{
    if (block.size() == scan_block)
        return scan(block.data());
    char padded[scan_block];
    std::memset(padded, 'x', sizeof padded);
    if (!block.empty())
        std::memcpy(padded, block.data(), block.size());
    return scan(padded);
}

/// The low `n` bits, n from 0 to 64.
constexpr std::uint64_t low_bits(std::size_t n) noexcept
{
    return n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
}

} // namespace posthorn::smtp::detail

#endif
