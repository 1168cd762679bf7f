//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What is known about an established TLS session and about the certificates in it.

#ifndef POSTHORN_NET_TLS_INFO_HPP
#define POSTHORN_NET_TLS_INFO_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/net/detail/tls_handles.hpp>

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::net {

/// A certificate in words. All texts are printable.
struct tls_certificate
{
    std::string              subject; ///< As in RFC 2253, e.g. "CN=mail.example,O=Example".
    std::string              issuer;
    std::vector<std::string> names;  ///< DNS names, then addresses, of the subject alternative name.
    std::string              serial; ///< Hexadecimal.

    std::chrono::system_clock::time_point not_before;
    std::chrono::system_clock::time_point not_after;

    std::string spki_sha256; ///< SHA-256 of the public key in base64, fit for tls_settings::pins.
};

/// Facts about a TLS session.
struct tls_info
{
    std::string version;     ///< "TLSv1.2" or "TLSv1.3".
    std::string cipher;      ///< The name in OpenSSL, e.g. "TLS_AES_256_GCM_SHA384".
    int         bits = 0;    ///< Strength of the cipher.
    std::string alpn;        ///< The application protocol agreed on; empty for none.
    std::string server_name; ///< SNI: asked for by us or by the client; empty for none.

    /// Was the chain verified, and the host name where asked for? Of a server: did the client prove a
    /// certificate?
    bool verified = false;
    bool resumed  = false; ///< An earlier session was resumed; its verification counts.

    /// What the peer presented: its own certificate, then its intermediates. Empty if none.
    std::vector<tls_certificate> chain;

    /// Channel binding of RFC 9266; empty if TLS 1.2 was spoken without the extended master secret.
    std::string tls_exporter;
    /// Channel binding of RFC 5929, 4: the hash of the server's certificate; empty if the algorithm has none.
    std::string tls_server_end_point;

    /// The peer's own certificate, or null.
    tls_certificate const* peer() const noexcept { return chain.empty() ? nullptr : &chain.front(); }
};

namespace detail {

inline std::string name_text(X509_NAME const* name)
{
    bio_handle const out(BIO_new(BIO_s_mem()));
    // RFC 2253 but with UTF-8 as it is: printable() takes care of the rest.
    unsigned long const flags = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    if (!out || X509_NAME_print_ex(out.get(), name, 0, flags) < 0)
        return {};
    char*      text = nullptr;
    long const size = BIO_get_mem_data(out.get(), &text);
    return printable(std::string_view(text, size < 0 ? 0 : static_cast<std::size_t>(size)), 256);
}

inline std::chrono::system_clock::time_point time_of(ASN1_TIME const* t)
{
    std::tm parts{};
    if (t == nullptr || ASN1_TIME_to_tm(t, &parts) != 1)
        return {};
    using namespace std::chrono;
    auto const day = sys_days(year(parts.tm_year + 1900) / month(static_cast<unsigned>(parts.tm_mon + 1)) /
                              std::chrono::day(static_cast<unsigned>(parts.tm_mday)));
    // The clock counts nanoseconds here and there, and certificates may outlive it (year 9999:
    // RFC 5280, 4.1.2.5).
    auto const limit = duration_cast<seconds>(system_clock::time_point::max().time_since_epoch());
    auto const since =
        day.time_since_epoch() + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
    return since >= limit ? system_clock::time_point::max()
                          : system_clock::time_point(duration_cast<system_clock::duration>(since));
}

inline std::string time_text(std::chrono::system_clock::time_point t)
{
    using namespace std::chrono;
    auto const           midnight = floor<days>(t);
    year_month_day const date(midnight);
    hh_mm_ss const       clock(floor<seconds>(t - midnight));
    std::array<char, 64> text{};
    int const            n =
        std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d UTC",
                      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
    return {text.data(), n < 0 ? 0 : static_cast<std::size_t>(n)};
}

inline std::string address_text(std::string_view octets)
{
    std::string text;
    auto const  at = [&](std::size_t i) {
        return static_cast<unsigned>(static_cast<unsigned char>(octets[i]));
    };
    if (octets.size() == 4)
        for (std::size_t i = 0; i != 4; ++i)
            text += (i == 0 ? "" : ".") + std::to_string(at(i));
    else if (octets.size() == 16)
        for (std::size_t i = 0; i != 16; i += 2)
        {
            std::array<char, 8> group{};
            std::snprintf(group.data(), group.size(), "%x", at(i) << 8U | at(i + 1));
            text += (i == 0 ? "" : ":") + std::string(group.data());
        }
    return text;
}

/// The names of the subject alternative name that a host can be checked against.
inline std::vector<std::string> names_of(X509 const* certificate)
{
    std::vector<std::string>   names;
    std::vector<std::string>   addresses;
    general_names_handle const all(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; all && i != sk_GENERAL_NAME_num(all.get()); ++i)
    {
        int               type  = 0;
        auto const* const value = static_cast<ASN1_STRING const*>(
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type));
        if (type != GEN_DNS && type != GEN_IPADD)
            continue;
        std::string_view const octets(reinterpret_cast<char const*>(ASN1_STRING_get0_data(value)),
                                      static_cast<std::size_t>(ASN1_STRING_length(value)));
        if (type == GEN_DNS)
            names.push_back(printable(octets, 255));
        else
            addresses.push_back(address_text(octets));
    }
    names.insert(names.end(), addresses.begin(), addresses.end());
    return names;
}

using sha256_digest = std::array<unsigned char, 32>;

inline std::string_view octets_of(sha256_digest const& digest) noexcept
{
    return {reinterpret_cast<char const*>(digest.data()), digest.size()};
}

/// SHA-256 of the SubjectPublicKeyInfo (RFC 7469, 2.4), or nothing if there is no key.
inline std::optional<sha256_digest> spki_digest(X509 const* certificate)
{
    X509_PUBKEY const* const key  = X509_get_X509_PUBKEY(certificate);
    unsigned char*           der  = nullptr;
    int const                size = key == nullptr ? 0 : i2d_X509_PUBKEY(key, &der);
    openssl_octets const     owner(der);
    sha256_digest            digest{};
    if (size <= 0 ||
        EVP_Digest(der, static_cast<std::size_t>(size), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
        return std::nullopt;
    return digest;
}

inline tls_certificate describe(X509 const* certificate)
{
    tls_certificate c;
    c.subject    = name_text(X509_get_subject_name(certificate));
    c.issuer     = name_text(X509_get_issuer_name(certificate));
    c.names      = names_of(certificate);
    c.not_before = time_of(X509_get0_notBefore(certificate));
    c.not_after  = time_of(X509_get0_notAfter(certificate));
    if (auto const digest = spki_digest(certificate))
        c.spki_sha256 = codec::base64_encode(octets_of(*digest));

    ASN1_INTEGER const* const serial = X509_get0_serialNumber(certificate);
    auto const*               octets = ASN1_STRING_get0_data(serial);
    for (int i = 0; i != ASN1_STRING_length(serial) && i != 32; ++i)
    {
        std::array<char, 4> two{};
        std::snprintf(two.data(), two.size(), "%02x", static_cast<unsigned>(octets[i]));
        c.serial += two.data();
    }
    return c;
}

/// RFC 5929, 4.1: the hash of the certificate's signature, SHA-256 in place of MD5 and SHA-1.
inline std::string end_point_binding(X509 const* certificate)
{
    int nid = NID_undef;
    if (certificate == nullptr ||
        X509_get_signature_info(const_cast<X509*>(certificate), &nid, nullptr, nullptr, nullptr) != 1)
        return {};
    if (nid == NID_md5 || nid == NID_sha1)
        nid = NID_sha256;
    EVP_MD const* const                        hash = nid == NID_undef ? nullptr : EVP_get_digestbynid(nid);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int                               size = 0;
    if (hash == nullptr || X509_digest(certificate, hash, digest.data(), &size) != 1)
        return {};
    return {reinterpret_cast<char const*>(digest.data()), size};
}

/// RFC 9266: 32 octets of keying material; unsafe, and so left out, on TLS 1.2 without extended master
/// secret.
inline std::string exporter_binding(SSL* ssl)
{
    static constexpr char          label[] = "EXPORTER-Channel-Binding";
    std::array<unsigned char, 32>  key{};
    static constexpr unsigned char no_context = 0;
    bool const safe = SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1;
    if (!safe || SSL_export_keying_material(ssl, key.data(), key.size(), label, sizeof label - 1, &no_context,
                                            0, 1) != 1)
        return {};
    return {reinterpret_cast<char const*>(key.data()), key.size()};
}

/// Everything but `verified`, which is for the engine to say.
inline tls_info describe(SSL* ssl)
{
    tls_info info;
    info.version = SSL_get_version(ssl);
    if (SSL_CIPHER const* const cipher = SSL_get_current_cipher(ssl))
    {
        info.cipher = SSL_CIPHER_get_name(cipher);
        info.bits   = SSL_CIPHER_get_bits(cipher, nullptr);
    }
    unsigned char const* protocol = nullptr;
    unsigned int         size     = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &size);
    if (size != 0)
        info.alpn = printable(std::string_view(reinterpret_cast<char const*>(protocol), size));
    if (char const* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
        info.server_name = printable(name, 255);
    info.resumed = SSL_session_reused(ssl) == 1;

    // OpenSSL lists the peer's own certificate for clients only.
    X509 const* const peer = SSL_get0_peer_certificate(ssl);
    if (peer != nullptr)
        info.chain.push_back(describe(peer));
    STACK_OF(X509) const* const sent = SSL_get_peer_cert_chain(ssl);
    for (int i = 0; peer != nullptr && sent != nullptr && i < sk_X509_num(sent); ++i)
        if (X509 const* const other = sk_X509_value(sent, i); X509_cmp(other, peer) != 0)
            info.chain.push_back(describe(other));

    info.tls_exporter         = exporter_binding(ssl);
    info.tls_server_end_point = end_point_binding(SSL_is_server(ssl) == 1 ? SSL_get_certificate(ssl) : peer);
    return info;
}

} // namespace detail

} // namespace posthorn::net

#endif
