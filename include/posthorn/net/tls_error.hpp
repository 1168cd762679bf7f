//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What can go wrong with TLS, and the words for what OpenSSL says about it.

#ifndef POSTHORN_NET_TLS_ERROR_HPP
#define POSTHORN_NET_TLS_ERROR_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace posthorn::net {

/** Why TLS failed. Each of them equals posthorn::condition::tls.

    The exception made by tls_engine::make_error() says which check failed on which certificate.
*/
enum class tls_errc
{
    handshake_failed = 1,  ///< The handshake failed for a reason that has no code of its own.
    not_tls,               ///< The peer sent something else where TLS was expected, e.g. a plain "220 ...".
    protocol_version,      ///< The two sides allow no common version of TLS.
    protocol_error,        ///< The peer broke the rules of TLS, or its bytes were altered.
    alert_received,        ///< The peer gave up and named the reason in an alert.
    certificate_rejected,  ///< A certificate failed a check that has no code of its own.
    host_name_mismatch,    ///< The certificate belongs to another host (RFC 9525).
    expired,               ///< A certificate of the chain has expired.
    not_yet_valid,         ///< A certificate of the chain is not valid yet.
    untrusted,             ///< The chain does not lead to a trusted authority.
    self_signed,           ///< The peer's certificate is signed by itself and not trusted.
    pin_mismatch,          ///< No key of the chain is among the pinned ones.
    dane_mismatch,         ///< No certificate of the chain fits the TLSA records.
    no_certificate,        ///< The peer presented no certificate where one is needed.
    renegotiation_refused, ///< One side asked for a renegotiation, which is never done.
    truncated,             ///< The connection ended without TLS's own end: somebody may have cut it.
    closed,                ///< The peer has properly ended its side.
    configuration          ///< The settings cannot be used; nothing was sent.
};

namespace detail {

class tls_category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn.tls"; }

    std::string message(int value) const override
    {
        switch (static_cast<tls_errc>(value))
        {
        case tls_errc::handshake_failed: return "the TLS handshake failed";
        case tls_errc::not_tls: return "the peer does not speak TLS here";
        case tls_errc::protocol_version: return "no common version of TLS";
        case tls_errc::protocol_error: return "the peer broke the TLS protocol";
        case tls_errc::alert_received: return "the peer ended TLS with an alert";
        case tls_errc::certificate_rejected: return "the peer's certificate was rejected";
        case tls_errc::host_name_mismatch: return "the peer's certificate is for another host";
        case tls_errc::expired: return "the peer's certificate has expired";
        case tls_errc::not_yet_valid: return "the peer's certificate is not valid yet";
        case tls_errc::untrusted: return "the peer's certificate is not signed by a trusted authority";
        case tls_errc::self_signed: return "the peer's certificate is self-signed and not trusted";
        case tls_errc::pin_mismatch: return "the peer's key is not one of the pinned keys";
        case tls_errc::dane_mismatch: return "the peer's certificate does not fit its TLSA records";
        case tls_errc::no_certificate: return "the peer presented no certificate";
        case tls_errc::renegotiation_refused: return "TLS renegotiation was refused";
        case tls_errc::truncated: return "the connection ended without the end of TLS";
        case tls_errc::closed: return "the peer has closed TLS";
        case tls_errc::configuration: return "unusable TLS settings";
        }
        return "unknown TLS error";
    }

    bool equivalent(int value, std::error_condition const& asked) const noexcept override
    {
        auto const is = [&](condition c) { return asked == make_error_condition(c); };
        if (is(condition::tls))
            return true;
        switch (static_cast<tls_errc>(value))
        {
        case tls_errc::truncated: return is(condition::temporary);
        case tls_errc::configuration: return is(condition::permanent);
        case tls_errc::not_tls:
        case tls_errc::protocol_error: return is(condition::protocol);
        default: return false;
        }
    }
};

} // namespace detail

/// The category of tls_errc.
inline std::error_category const& tls_category() noexcept
{
    static detail::tls_category_type const instance;
    return instance;
}

inline std::error_code make_error_code(tls_errc e) noexcept { return {static_cast<int>(e), tls_category()}; }

namespace detail {

/// Clears OpenSSL's error queue of this thread when it comes and when it goes: no call sees or leaves rubbish.
class openssl_errors_guard
{
public:
    openssl_errors_guard() noexcept { ERR_clear_error(); }
    openssl_errors_guard(openssl_errors_guard const&)            = delete;
    openssl_errors_guard& operator=(openssl_errors_guard const&) = delete;
    ~openssl_errors_guard() { ERR_clear_error(); }
};

/// The reason of one entry of the error queue, e.g. "unsupported protocol".
inline std::string openssl_reason(unsigned long entry)
{
    if (ERR_SYSTEM_ERROR(entry))
        return std::generic_category().message(ERR_GET_REASON(entry));
    if (char const* const text = ERR_reason_error_string(entry))
        return text;
    return "OpenSSL error " + std::to_string(entry);
}

/// The code for a fatal entry of the error queue.
inline tls_errc tls_code_of(unsigned long entry) noexcept
{
    if (ERR_GET_LIB(entry) != ERR_LIB_SSL)
        return tls_errc::handshake_failed;
    int const reason = ERR_GET_REASON(entry);
    switch (reason)
    {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNSUPPORTED_SSL_VERSION:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_UNKNOWN_SSL_VERSION:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_BAD_PROTOCOL_VERSION_NUMBER:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return tls_errc::protocol_version;
    case SSL_R_NO_RENEGOTIATION:
    case SSL_R_RENEGOTIATION_MISMATCH:
    case SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED: return tls_errc::renegotiation_refused;
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return tls_errc::certificate_rejected;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return tls_errc::no_certificate;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return tls_errc::truncated;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST: return tls_errc::not_tls;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_INAPPROPRIATE_FALLBACK: return tls_errc::handshake_failed;
    default: break;
    }
    return reason >= SSL_AD_REASON_OFFSET ? tls_errc::alert_received : tls_errc::protocol_error;
}

/// The name of an alert (RFC 8446, 6; RFC 5246, 7.2).
constexpr std::string_view alert_name(int alert) noexcept
{
    switch (alert)
    {
    case 0: return "close notify";
    case 10: return "unexpected message";
    case 20: return "bad record MAC";
    case 21: return "decryption failed";
    case 22: return "record overflow";
    case 30: return "decompression failure";
    case 40: return "handshake failure";
    case 42: return "bad certificate";
    case 43: return "unsupported certificate";
    case 44: return "certificate revoked";
    case 45: return "certificate expired";
    case 46: return "certificate unknown";
    case 47: return "illegal parameter";
    case 48: return "unknown CA";
    case 49: return "access denied";
    case 50: return "decode error";
    case 51: return "decrypt error";
    case 70: return "protocol version";
    case 71: return "insufficient security";
    case 80: return "internal error";
    case 86: return "inappropriate fallback";
    case 90: return "user canceled";
    case 100: return "no renegotiation";
    case 109: return "missing extension";
    case 110: return "unsupported extension";
    case 111: return "certificate unobtainable";
    case 112: return "unrecognized name";
    case 113: return "bad certificate status response";
    case 115: return "unknown PSK identity";
    case 116: return "certificate required";
    case 120: return "no application protocol";
    default: return "an unknown one";
    }
}

/// What the error queue says about a call on a connection.
struct openssl_failure
{
    tls_errc    code  = tls_errc::handshake_failed;
    int         alert = -1; ///< The number of the alert that was received, if that is the reason.
    std::string text;
};

/// Empties the error queue of this thread. The oldest entry of the TLS part decides.
inline openssl_failure take_openssl_failure()
{
    openssl_failure found;
    bool            decided = false;
    std::string     last;
    while (unsigned long const entry = ERR_get_error())
    {
        if (!decided && ERR_GET_LIB(entry) == ERR_LIB_SSL)
        {
            decided          = true;
            found.code       = tls_code_of(entry);
            int const number = ERR_GET_REASON(entry) - SSL_AD_REASON_OFFSET;
            found.alert      = number >= 0 && number < 256 ? number : -1;
        }
        std::string reason = openssl_reason(entry);
        if (reason == last)
            continue;
        if (!found.text.empty())
            found.text += "; ";
        found.text += reason;
        last = std::move(reason);
    }
    found.text = printable(found.text);
    return found;
}

/// Empties the error queue of this thread. @return Its reasons, oldest first: "a; b".
inline std::string take_openssl_errors() { return take_openssl_failure().text; }

/// The code for a failed check of a certificate (X509_V_ERR_*).
constexpr tls_errc tls_code_of_check(int check) noexcept
{
    switch (check)
    {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return tls_errc::host_name_mismatch;
    case X509_V_ERR_DANE_NO_MATCH: return tls_errc::dane_mismatch;
    case X509_V_ERR_CERT_HAS_EXPIRED: return tls_errc::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return tls_errc::not_yet_valid;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return tls_errc::self_signed;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED: return tls_errc::untrusted;
    default: return tls_errc::certificate_rejected;
    }
}

} // namespace detail

} // namespace posthorn::net

template <>
struct std::is_error_code_enum<posthorn::net::tls_errc> : std::true_type
{
};

#endif
