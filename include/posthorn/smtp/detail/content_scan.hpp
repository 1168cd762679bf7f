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

#if defined(__SSE2__) && defined(__x86_64__) && defined(__GNUC__)
#define POSTHORN_SCAN_AVX2 1 // without <immintrin.h>, which takes longer to compile than all of this folder
#endif
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
    __m128i v[4];
    std::memcpy(v, p, sizeof v);
    auto const gather = [](__m128i a, __m128i b, __m128i c, __m128i d) {
        auto const bits = [](__m128i x) { return static_cast<unsigned>(_mm_movemask_epi8(x)); };
        return std::uint64_t{bits(a) | bits(b) << 16U} | std::uint64_t{bits(c) | bits(d) << 16U} << 32U;
    };
    auto const equal = [&](char octet) {
        __m128i const x = _mm_set1_epi8(octet);
        return gather(_mm_cmpeq_epi8(v[0], x), _mm_cmpeq_epi8(v[1], x), _mm_cmpeq_epi8(v[2], x), _mm_cmpeq_epi8(v[3], x));
    };
    scan_masks m;
    m.cr  = equal('\r');
    m.lf  = equal('\n');
    m.dot = equal('.');
    // Rare in most content, so all four are looked at together first.
    __m128i const least = _mm_min_epu8(_mm_min_epu8(v[0], v[1]), _mm_min_epu8(v[2], v[3]));
    __m128i const any   = _mm_or_si128(_mm_or_si128(v[0], v[1]), _mm_or_si128(v[2], v[3]));
    if (_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(least, _mm_setzero_si128()), any)) != 0)
    {
        m.nul   = equal('\0');
        m.eight = gather(v[0], v[1], v[2], v[3]);
    }
    return m;
#else
    return scan_portable(p);
#endif
}

/// What passing over clean content needs of a block: dots count only at line starts, and those are few.
struct line_masks
{
    std::uint64_t cr    = 0;
    std::uint64_t lf    = 0;
    bool          nul   = false;
    bool          eight = false;
};

/// The form for the machine that is compiled for.
struct line_scan
{
    /// @param p 64 octets.
    static line_masks at(char const* p) noexcept
{
#if defined(__SSE2__)
        __m128i v[4];
        std::memcpy(v, p, sizeof v);
        auto const bits   = [](__m128i x) { return static_cast<unsigned>(_mm_movemask_epi8(x)); };
        auto const gather = [&](char octet) {
            __m128i const x = _mm_set1_epi8(octet);
            return std::uint64_t {bits(_mm_cmpeq_epi8(v[0], x)) | bits(_mm_cmpeq_epi8(v[1], x)) << 16U} |
                   std::uint64_t {bits(_mm_cmpeq_epi8(v[2], x)) | bits(_mm_cmpeq_epi8(v[3], x)) << 16U} << 32U;
        };
        // Lines are longer than a block, mostly: where nothing is below a space, there is nothing to be found.
        __m128i const least = _mm_min_epu8(_mm_min_epu8(v[0], v[1]), _mm_min_epu8(v[2], v[3]));
        __m128i const any   = _mm_or_si128(_mm_or_si128(v[0], v[1]), _mm_or_si128(v[2], v[3]));
        line_masks    m;
        m.eight = bits(any) != 0;
        if (bits(_mm_cmpeq_epi8(_mm_min_epu8(least, _mm_set1_epi8(0x1f)), least)) == 0)
            return m;
        m.nul = bits(_mm_cmpeq_epi8(least, _mm_setzero_si128())) != 0;
        m.cr  = gather('\r');
        m.lf  = gather('\n');
        return m;
#else
        scan_masks const all = scan_portable(p);
        return {all.cr, all.lf, all.nul != 0, all.eight != 0};
#endif
    }
};

#if defined(POSTHORN_SCAN_AVX2)
/// Half as many steps. Only where cpu_has_avx2().
struct line_scan_avx2
{
    __attribute__((target("avx2"))) static inline line_masks at(char const* p) noexcept
    {
        octets a, b;
        std::memcpy(&a, p, sizeof a);
        std::memcpy(&b, p + sizeof a, sizeof b);
        line_masks m;
        m.eight = __builtin_ia32_pmovmskb256(reinterpret_cast<signed_octets>(a | b)) != 0;
        if (__builtin_ia32_pmovmskb256(reinterpret_cast<signed_octets>((a < 0x20) | (b < 0x20))) == 0)
            return m;
        m.nul = __builtin_ia32_pmovmskb256(reinterpret_cast<signed_octets>((a == 0) | (b == 0))) != 0;
        m.cr  = joined(__builtin_ia32_pmovmskb256(reinterpret_cast<signed_octets>(a == '\r')),
                       __builtin_ia32_pmovmskb256(reinterpret_cast<signed_octets>(b == '\r')));
        m.lf  = joined(__builtin_ia32_pmovmskb256(reinterpret_cast<signed_octets>(a == '\n')),
                       __builtin_ia32_pmovmskb256(reinterpret_cast<signed_octets>(b == '\n')));
        return m;
    }

private:
    using octets        = unsigned char __attribute__((vector_size(32)));
    using signed_octets = char __attribute__((vector_size(32)));

    static std::uint64_t joined(int a, int b) noexcept
    {
        return std::uint64_t {static_cast<std::uint32_t>(a)} | std::uint64_t {static_cast<std::uint32_t>(b)} << 32U;
    }
};

inline bool cpu_has_avx2() noexcept
{
    static bool const has = __builtin_cpu_supports("avx2") != 0;
    return has;
}
#endif

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
