//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Octets that nobody can guess.

#ifndef POSTHORN_CRYPTO_RANDOM_HPP
#define POSTHORN_CRYPTO_RANDOM_HPP

#include <posthorn/crypto/error.hpp>

#include <openssl/rand.h>

#include <cstddef>
#include <string>

namespace posthorn::crypto {

/// @param size At most INT_MAX. @throws error with errc::unsupported if the generator is not seeded.
inline std::string random_octets(std::size_t size)
{
    std::string octets(size, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(octets.data()), static_cast<int>(size)) != 1)
        detail::fail("a random number");
    return octets;
}

} // namespace posthorn::crypto

#endif
