//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Windows keeps the authorities that it trusts in a store of its own, which OpenSSL before 3.2 does not look into.

#ifndef POSTHORN_NET_DETAIL_TLS_WINDOWS_HPP
#define POSTHORN_NET_DETAIL_TLS_WINDOWS_HPP

#if defined(_WIN32)

#include <posthorn/net/detail/tls_handles.hpp>

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

#include <wincrypt.h>

// These are macros there and names of types in OpenSSL.
#undef OCSP_REQUEST
#undef OCSP_RESPONSE
#undef PKCS7_ISSUER_AND_SERIAL
#undef PKCS7_SIGNER_INFO
#undef X509_CERT_PAIR
#undef X509_EXTENSIONS
#undef X509_NAME

#include <openssl/x509.h>

#include <climits>
#include <memory>

namespace posthorn::net::detail {

/// Adds the root authorities that the user and the machine trust; what OpenSSL cannot read is left out.
inline void add_windows_authorities(X509_STORE& to)
{
    struct closer
    {
        void operator()(void* s) const noexcept { ::CertCloseStore(s, 0); }
    };
    std::unique_ptr<void, closer> const system(::CertOpenSystemStoreW(0, L"ROOT"));
    if (!system)
        return;
    // Each call gives the one before back.
    for (PCCERT_CONTEXT one = nullptr; (one = ::CertEnumCertificatesInStore(system.get(), one)) != nullptr;)
    {
        unsigned char const* at = one->pbCertEncoded;
        if (one->cbCertEncoded > LONG_MAX)
            continue;
        x509_handle const certificate(d2i_X509(nullptr, &at, static_cast<long>(one->cbCertEncoded)));
        if (certificate)
            X509_STORE_add_cert(&to, certificate.get());
    }
}

} // namespace posthorn::net::detail

#endif

#endif
