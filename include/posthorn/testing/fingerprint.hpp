//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A fast hash of content that arrives in pieces of any size, to compare what was sent with what arrived.

#ifndef POSTHORN_TESTING_FINGERPRINT_HPP
#define POSTHORN_TESTING_FINGERPRINT_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace posthorn::testing {

namespace detail {

consteval std::uint64_t power(unsigned n)
{
    std::uint64_t p = 1;
    for (; n != 0; --n)
        p *= 0x9e3779b97f4a7c15U; // odd, so that nothing is lost
    return p;
}

} // namespace detail

/** A polynomial over the octets, modulo 2^64. It tells accidents, not attacks: lost, doubled, swapped or changed octets.

    How the content is cut into pieces makes no difference.
*/
class fingerprint
{
public:
    void feed(std::string_view bytes) noexcept
    {
        using detail::power;
        std::size_t i = 0;
        for (; bytes.size() - i >= 8; i += 8)
        {
            auto const at = [&](std::size_t k) {
                return std::uint64_t{static_cast<unsigned char>(bytes[i + k])};
            };
            std::uint64_t const head =
                at(0) * power(7) + at(1) * power(6) + at(2) * power(5) + at(3) * power(4);
            std::uint64_t const tail = at(4) * power(3) + at(5) * power(2) + at(6) * power(1) + at(7);
            value_                   = value_ * power(8) + head + tail;
        }
        for (; i != bytes.size(); ++i)
            value_ = value_ * power(1) + static_cast<unsigned char>(bytes[i]);
    }

    std::uint64_t value() const noexcept { return value_; }

    /// Of content that is there as a whole.
    static std::uint64_t of(std::string_view content) noexcept
    {
        fingerprint f;
        f.feed(content);
        return f.value();
    }

private:
    std::uint64_t value_ = 0xcbf29ce484222325U; // not 0, or octets of 0 at the front would not count
};

} // namespace posthorn::testing

#endif
