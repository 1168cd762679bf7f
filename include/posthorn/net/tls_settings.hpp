//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What can be set about TLS: trust, names, keys, versions. Plain data; tls_context makes use of it.

#ifndef POSTHORN_NET_TLS_SETTINGS_HPP
#define POSTHORN_NET_TLS_SETTINGS_HPP

#include <posthorn/core/secret.hpp>
#include <posthorn/net/tlsa.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace posthorn::net {

/// Versions in use; the older ones are never spoken (RFC 8996).
enum class tls_version : unsigned char
{
    tls_1_2,
    tls_1_3
};

/// Which side of the connection we are.
enum class tls_role : unsigned char
{
    client,
    server
};

/// What a server does about certificates of clients.
enum class tls_client_auth : unsigned char
{
    none,     ///< Asks for none.
    optional, ///< Asks; verifies what comes.
    required  ///< A client without an acceptable certificate is turned away.
};

/// What can be wrong with a certificate that a trusted authority has signed.
enum class certificate_flaw : unsigned char
{
    wrong_host,
    expired,
    not_yet_valid
};

/** How TLS is to be done. The defaults are right for a client on the open Internet.

    Trust: if `ca_file`, `ca_directory` and `ca_pem` are all empty, the system's authorities are trusted;
    otherwise only those given, unless `system_authorities` is set. An intermediate authority, or the
    peer's own certificate, may be given too: it is trusted by itself, whatever signed it.
*/
struct tls_settings
{
    tls_settings() = default;

    /// Is the chain of the peer verified? Without it TLS protects only from those who listen, not from those
    /// who act.
    bool verify_peer = true;

    /// Must the certificate be for the host that was asked for? Only DNS names and addresses in the subject
    /// alternative name count, never the common name (RFC 9525).
    bool verify_host = true;

    /** Asked in the middle of a handshake whether to go on in spite of a flaw, once for each; it must not block. Empty: no.

        For those who ask the user after the handshake and close the connection then. It counts as not verified. */
    std::function<bool(certificate_flaw)> tolerate;

    std::filesystem::path ca_file;      ///< Authorities to trust, PEM.
    std::filesystem::path ca_directory; ///< Authorities to trust, as made by `openssl rehash`.
    std::string           ca_pem;       ///< Authorities to trust, PEM text.
    bool system_authorities = false;    ///< The system's authorities as well as those given above.

    /// SHA-256 of public keys (SPKI) in base64, with or without "sha256//" before it. If any is given, a key
    /// of the verified chain must match; without verify_peer, the key of the peer itself.
    std::vector<std::string> pins;

    /** What DNSSEC says about the peer's certificate (DANE, RFC 7672). If any is given, the peer of a client is verified
        by these records and no longer by authorities: usage 3 needs neither the right name nor a date that has not
        passed, usage 2 does. Records of usage 0 and 1 are not used (RFC 7672, 3.1.3). */
    std::vector<tlsa_record> tlsa;

    /// Our certificate, followed by its intermediates, PEM. Servers need it; clients present it when asked.
    std::filesystem::path certificate_file;
    std::string           certificate_pem;

    /// The key of our certificate, PEM. If neither is given, the key is looked for beside the certificate.
    std::filesystem::path key_file;
    secret_string         key_pem;
    secret_string         key_password; ///< For an encrypted key. Nobody is ever asked at a terminal.

    tls_version minimum_version = tls_version::tls_1_2;
    tls_version maximum_version = tls_version::tls_1_3;
    std::string ciphers;      ///< For TLS 1.2, in OpenSSL's notation; empty: OpenSSL's default.
    std::string ciphersuites; ///< For TLS 1.3, e.g. "TLS_AES_128_GCM_SHA256"; empty: OpenSSL's default.

    /// Application protocols (RFC 7301): offered by a client, most wanted first by a server.
    std::vector<std::string> alpn;

    bool        resumption   = true; ///< Are sessions resumed, and can clients resume theirs?
    std::size_t max_sessions = 256;  ///< Bound of the sessions a client remembers for resumption.

    tls_client_auth client_auth =
        tls_client_auth::none; ///< Servers only; verified against the authorities above.
};

} // namespace posthorn::net

#endif
