//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What OpenSSL would not compute, as an error that says why.

#ifndef POSTHORN_CRYPTO_ERROR_HPP
#define POSTHORN_CRYPTO_ERROR_HPP

#include <posthorn/core/error.hpp>

#include <openssl/err.h>

#include <string>
#include <string_view>

namespace posthorn::crypto::detail {

/// Takes the reason out of OpenSSL's queue. @param what Was to be computed.
[[noreturn]] inline void fail(std::string_view what)
{
    unsigned long const last = ERR_peek_last_error();
    char const* const   why  = last == 0 ? nullptr : ERR_reason_error_string(last);
    ERR_clear_error();
    throw error(errc::unsupported,
                std::string(what) + " cannot be computed by this OpenSSL: " + (why == nullptr ? "unknown reason" : why));
}

} // namespace posthorn::crypto::detail

#endif
