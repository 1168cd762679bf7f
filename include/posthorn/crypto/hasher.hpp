//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A digest of data that comes in pieces, by OpenSSL.

#ifndef POSTHORN_CRYPTO_HASHER_HPP
#define POSTHORN_CRYPTO_HASHER_HPP

#include <posthorn/core/secret.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/crypto/error.hpp>

#include <openssl/evp.h>

#include <memory>
#include <string_view>

namespace posthorn::crypto {

/// Computes digest() of all that was added. Holds no more than the state of the digest.
class hasher
{
public:
    /// @throws error with errc::unsupported, for example for MD5 where FIPS rules.
    explicit hasher(hash h) : hash_(h), context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free)
    {
        std::unique_ptr<EVP_MD, void (*)(EVP_MD*)> const md(EVP_MD_fetch(nullptr, detail::name_of(h), nullptr), &EVP_MD_free);
        if (!context_ || !md || EVP_DigestInit_ex2(context_.get(), md.get(), nullptr) != 1)
            detail::fail(detail::name_of(h));
    }

    void add(std::string_view data)
    {
        if (EVP_DigestUpdate(context_.get(), data.data(), data.size()) != 1)
            detail::fail(detail::name_of(hash_));
    }

    /// Of all that was added; nothing can be added after that.
    secret_string result()
    {
        detail::digest_buffer out;
        unsigned              size = 0;
        if (EVP_DigestFinal_ex(context_.get(), out.data(), &size) != 1)
            detail::fail(detail::name_of(hash_));
        return secret_string(out.view(size));
    }

private:
    hash                                                 hash_;
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

} // namespace posthorn::crypto

#endif
