//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Digests, keyed digests (RFC 2104) and keys from passwords (RFC 8018), by OpenSSL.

#ifndef POSTHORN_CRYPTO_DIGEST_HPP
#define POSTHORN_CRYPTO_DIGEST_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/crypto/error.hpp>

#include <openssl/evp.h>

#include <array>
#include <climits>
#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::crypto {

enum class hash : unsigned char
{
    md5,
    sha1,
    sha256,
    sha512
};

namespace detail {

inline char const* name_of(hash h) noexcept
{
    switch (h)
    {
    case hash::md5: return "MD5";
    case hash::sha1: return "SHA1";
    case hash::sha256: return "SHA256";
    case hash::sha512: return "SHA512";
    }
    return "";
}

inline unsigned char const* octets_of(std::string_view s) noexcept
{
    return reinterpret_cast<unsigned char const*>(s.data());
}

/// A result on the stack, wiped when it goes.
class digest_buffer
{
public:
    digest_buffer() noexcept                       = default;
    digest_buffer(digest_buffer const&)            = delete;
    digest_buffer& operator=(digest_buffer const&) = delete;
    ~digest_buffer() { secure_wipe(octets_.data(), octets_.size()); }

    unsigned char*   data() noexcept { return octets_.data(); }
    std::size_t      capacity() const noexcept { return octets_.size(); }
    std::string_view view(std::size_t size) const noexcept { return {reinterpret_cast<char const*>(octets_.data()), size}; }

private:
    std::array<unsigned char, EVP_MAX_MD_SIZE> octets_ {};
};

} // namespace detail

/// Octets of a digest.
constexpr std::size_t size_of(hash h) noexcept
{
    switch (h)
    {
    case hash::md5: return 16;
    case hash::sha1: return 20;
    case hash::sha256: return 32;
    case hash::sha512: return 64;
    }
    return 0;
}

/// @throws error with errc::unsupported, for example for MD5 where FIPS rules.
inline secret_string digest(hash h, std::string_view data)
{
    detail::digest_buffer out;
    std::size_t           size = 0;
    if (EVP_Q_digest(nullptr, detail::name_of(h), nullptr, data.data(), data.size(), out.data(), &size) != 1)
        detail::fail(detail::name_of(h));
    return secret_string(out.view(size));
}

/// HMAC. @throws as digest() does.
inline secret_string hmac(hash h, std::string_view key, std::string_view data)
{
    detail::digest_buffer out;
    std::size_t           size = 0;
    // An empty key must still be a key for OpenSSL.
    std::string_view const given = key.data() == nullptr ? std::string_view("", 0) : key;
    if (EVP_Q_mac(nullptr, "HMAC", nullptr, detail::name_of(h), nullptr, given.data(), given.size(),
                  detail::octets_of(data), data.size(), out.data(), out.capacity(), &size) == nullptr)
        detail::fail(std::string("HMAC-") + detail::name_of(h));
    return secret_string(out.view(size));
}

/// PBKDF2 with HMAC, as long as the digest. @param iterations At least 1; it takes that much time.
inline secret_string pbkdf2(hash h, std::string_view password, std::string_view salt, unsigned iterations)
{
    detail::digest_buffer out;
    auto const* const     md = h == hash::md5    ? EVP_md5()
                               : h == hash::sha1   ? EVP_sha1()
                               : h == hash::sha256 ? EVP_sha256()
                                                   : EVP_sha512();
    bool const fits = password.size() <= INT_MAX && salt.size() <= INT_MAX && iterations != 0 && iterations <= INT_MAX;
    if (!fits || PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), detail::octets_of(salt),
                                   static_cast<int>(salt.size()), static_cast<int>(iterations), md,
                                   static_cast<int>(size_of(h)), out.data()) != 1)
        detail::fail("PBKDF2");
    return secret_string(out.view(size_of(h)));
}

} // namespace posthorn::crypto

#endif
