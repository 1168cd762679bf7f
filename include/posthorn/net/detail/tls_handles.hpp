//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Owners of OpenSSL's objects, for the TLS headers only.

#ifndef POSTHORN_NET_DETAIL_TLS_HANDLES_HPP
#define POSTHORN_NET_DETAIL_TLS_HANDLES_HPP

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace posthorn::net::detail {

template <auto Free>
struct tls_deleter
{
    template <class T>
    void operator()(T* object) const noexcept
    {
        Free(object);
    }
};

inline void free_openssl_memory(void* memory) noexcept { OPENSSL_free(memory); }

using bio_handle           = std::unique_ptr<BIO, tls_deleter<&BIO_free_all>>;
using key_handle           = std::unique_ptr<EVP_PKEY, tls_deleter<&EVP_PKEY_free>>;
using x509_handle          = std::unique_ptr<X509, tls_deleter<&X509_free>>;
using x509_store_handle    = std::unique_ptr<X509_STORE, tls_deleter<&X509_STORE_free>>;
using general_names_handle = std::unique_ptr<GENERAL_NAMES, tls_deleter<&GENERAL_NAMES_free>>;
using ssl_context_handle   = std::unique_ptr<SSL_CTX, tls_deleter<&SSL_CTX_free>>;
using ssl_handle           = std::unique_ptr<SSL, tls_deleter<&SSL_free>>;
using ssl_session_handle   = std::unique_ptr<SSL_SESSION, tls_deleter<&SSL_SESSION_free>>;
using openssl_octets       = std::unique_ptr<unsigned char, tls_deleter<&free_openssl_memory>>;

} // namespace posthorn::net::detail

#endif
