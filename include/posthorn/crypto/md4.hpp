//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// MD4 (RFC 1320), for NTLM and nothing else: it is broken, and OpenSSL 3 does not give it without a legacy provider.

#ifndef POSTHORN_CRYPTO_MD4_HPP
#define POSTHORN_CRYPTO_MD4_HPP

#include <posthorn/core/secret.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace posthorn::crypto {

namespace detail {

class md4_state
{
public:
    md4_state() noexcept                   = default;
    md4_state(md4_state const&)            = delete;
    md4_state& operator=(md4_state const&) = delete;
    ~md4_state()
    {
        secure_wipe(words_.data(), sizeof words_);
        secure_wipe(sum_.data(), sizeof sum_);
    }

    /// @param block 64 octets.
    void add(char const* block) noexcept
    {
        for (std::size_t i = 0; i != 16; ++i)
            words_[i] = load(block + 4 * i);
        auto const before = sum_;
        round<0>({3, 7, 11, 19}, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
        round<1>({3, 5, 9, 13}, 0x5a827999U, {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15});
        round<2>({3, 9, 11, 15}, 0x6ed9eba1U, {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15});
        for (std::size_t i = 0; i != 4; ++i)
            sum_[i] += before[i];
    }

    secret_string result() const
    {
        secret_string out;
        for (auto const word : sum_)
            for (unsigned shift = 0; shift != 32; shift += 8)
                out.push_back(static_cast<char>(static_cast<unsigned char>(word >> shift & 0xffU)));
        return out;
    }

private:
    static std::uint32_t load(char const* p) noexcept
    {
        std::uint32_t word = 0;
        for (unsigned i = 0; i != 4; ++i)
            word |= static_cast<std::uint32_t>(static_cast<unsigned char>(p[i])) << (8 * i);
        return word;
    }

    template <int Number>
    static std::uint32_t mix(std::uint32_t x, std::uint32_t y, std::uint32_t z) noexcept
    {
        if constexpr (Number == 0)
            return (x & y) | (~x & z);
        else if constexpr (Number == 1)
            return (x & y) | (x & z) | (y & z);
        else
            return x ^ y ^ z;
    }

    template <int Number>
    void round(std::array<int, 4> shifts, std::uint32_t constant, std::array<std::size_t, 16> order) noexcept
    {
        for (std::size_t i = 0; i != 16; ++i)
        {
            auto& a = sum_[(16 - i) % 4];
            a += mix<Number>(sum_[(17 - i) % 4], sum_[(18 - i) % 4], sum_[(19 - i) % 4]) + words_[order[i]] + constant;
            a = std::rotl(a, shifts[i % 4]);
        }
    }

    std::array<std::uint32_t, 4>  sum_ {0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U};
    std::array<std::uint32_t, 16> words_ {};
};

} // namespace detail

inline secret_string md4(std::string_view data)
{
    detail::md4_state state;
    std::size_t const whole = data.size() / 64 * 64;
    for (std::size_t i = 0; i != whole; i += 64)
        state.add(data.data() + i);
    std::array<char, 128> tail {};
    std::size_t const     rest = data.size() - whole;
    if (rest != 0)
        std::memcpy(tail.data(), data.data() + whole, rest);
    tail[rest]            = static_cast<char>(0x80U);
    std::size_t const end = rest < 56 ? 64 : 128;
    auto const        bits = static_cast<std::uint64_t>(data.size()) * 8;
    for (unsigned i = 0; i != 8; ++i)
        tail[end - 8 + i] = static_cast<char>(static_cast<unsigned char>(bits >> (8 * i) & 0xffU));
    for (std::size_t i = 0; i != end; i += 64)
        state.add(tail.data() + i);
    secure_wipe(tail.data(), tail.size());
    return state.result();
}

} // namespace posthorn::crypto

#endif
