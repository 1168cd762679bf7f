//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// OpenSSL at the end of threads and of the program: what it keeps for a thread is freed, and it is there until the last one has ended.

#ifndef POSTHORN_CRYPTO_LIFETIME_HPP
#define POSTHORN_CRYPTO_LIFETIME_HPP

#include <openssl/crypto.h>

namespace posthorn::crypto {

/// To be called by the constructor of a static object whose threads use OpenSSL: OpenSSL's own end then comes after the object's.
inline void outlive_caller() noexcept
{
    // Without any option it would return at once. It fails only where every use of OpenSSL will, and tell it.
    static_cast<void>(::OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr));
}

/// To be called when a thread ends that may be the last to do so: what OpenSSL keeps for it (its random generator) is freed.
inline void leave_thread() noexcept
{
    ::OPENSSL_thread_stop();
}

} // namespace posthorn::crypto

#endif
