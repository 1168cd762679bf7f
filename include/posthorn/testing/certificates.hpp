//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Certification authorities and certificates made on the spot, good ones and bad ones, for tests of TLS.

#ifndef POSTHORN_TESTING_CERTIFICATES_HPP
#define POSTHORN_TESTING_CERTIFICATES_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/net/detail/tls_handles.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/tls_error.hpp>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::testing {

/// What goes into a certificate.
struct certificate_options
{
    certificate_options() = default;

    /// A certificate for these names and addresses; the first one is also the common name.
    explicit certificate_options(std::vector<std::string> names_to_use) : names(std::move(names_to_use))
    {
        if (!names.empty())
            common_name = names.front();
    }

    std::string common_name = "localhost";

    /// DNS names, wildcards (`*.example`) and IP addresses of the subject alternative name; empty: no such
    /// extension.
    std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};

    std::chrono::seconds not_before = -std::chrono::hours(1);      ///< Counted from now.
    std::chrono::seconds not_after  = std::chrono::hours(24 * 90); ///< Counted from now.
};

/// A certificate with its key.
struct certificate
{
    std::string pem;       ///< The certificate itself, PEM.
    std::string chain_pem; ///< The certificate and the intermediates above it, as a server sends them.
    std::string key_pem;   ///< The private key, PEM, not encrypted.

    /** Writes `chain_pem` and `key_pem` into two files, for servers that want files.

        @throws std::system_error if they cannot be written.
    */
    void write(std::filesystem::path const& certificate_file, std::filesystem::path const& key_file) const;
};

namespace detail {

namespace handles = net::detail;

/// @throws posthorn::error unless `good`.
inline void require(bool good, char const* what)
{
    if (!good)
        throw error(net::tls_errc::configuration,
                    std::string(what) + ": " + net::detail::take_openssl_errors());
}

inline handles::key_handle new_key()
{
    handles::key_handle key(EVP_EC_gen("P-256"));
    require(key != nullptr, "making a key");
    return key;
}

template <class Write>
std::string pem_of(Write const& write)
{
    handles::bio_handle const out(BIO_new(BIO_s_mem()));
    require(out && write(out.get()) == 1, "writing PEM");
    char*      text = nullptr;
    long const size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

inline std::string pem_of(X509* certificate)
{
    return pem_of([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

inline std::string pem_of(EVP_PKEY* key, std::string_view password = {})
{
    return pem_of([&](BIO* out) {
        return PEM_write_bio_PKCS8PrivateKey(out, key, password.empty() ? nullptr : EVP_aes_256_cbc(),
                                             password.data(), static_cast<int>(password.size()), nullptr,
                                             nullptr);
    });
}

inline void add_extension(X509* to, X509* issuer, int nid, std::string const& value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    std::unique_ptr<X509_EXTENSION, handles::tls_deleter<&X509_EXTENSION_free>> const extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    require(extension && X509_add_ext(to, extension.get(), -1) == 1, "adding an extension");
}

/// What signs, and what is signed.
struct certificate_request
{
    X509*     issuer     = nullptr; ///< Null: signed by itself.
    EVP_PKEY* issuer_key = nullptr;
    bool      authority  = false;
};

inline handles::x509_handle sign(certificate_options const& o, EVP_PKEY* key,
                                 certificate_request const& request)
{
    net::detail::openssl_errors_guard const clean;
    handles::x509_handle                    made(X509_new());
    require(made != nullptr, "making a certificate");
    X509* const c      = made.get();
    X509* const issuer = request.issuer == nullptr ? c : request.issuer;

    std::array<unsigned char, 8> serial{};
    require(RAND_bytes(serial.data(), static_cast<int>(serial.size())) == 1, "making a serial number");
    serial[0] = static_cast<unsigned char>((serial[0] & 0x3fU) | 0x40U); // positive and of full length
    std::unique_ptr<BIGNUM, handles::tls_deleter<&BN_free>> const number(
        BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));

    auto const       now  = std::time(nullptr);
    X509_NAME* const name = X509_get_subject_name(c);
    bool             good = X509_set_version(c, X509_VERSION_3) == 1 && number != nullptr &&
                BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(c)) != nullptr &&
                ASN1_TIME_set(X509_getm_notBefore(c), now + static_cast<std::time_t>(o.not_before.count())) !=
                    nullptr &&
                ASN1_TIME_set(X509_getm_notAfter(c), now + static_cast<std::time_t>(o.not_after.count())) !=
                    nullptr &&
                X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                           reinterpret_cast<unsigned char const*>(o.common_name.data()),
                                           static_cast<int>(o.common_name.size()), -1, 0) == 1 &&
                X509_set_issuer_name(c, X509_get_subject_name(issuer)) == 1 && X509_set_pubkey(c, key) == 1;
    require(good, "filling in a certificate");

    add_extension(c, issuer, NID_basic_constraints,
                  request.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add_extension(c, issuer, NID_key_usage,
                  request.authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    if (!request.authority)
        add_extension(c, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
    add_extension(c, issuer, NID_subject_key_identifier, "hash");
    if (request.issuer != nullptr)
        add_extension(c, issuer, NID_authority_key_identifier, "keyid");
    std::string names;
    for (auto const& n : o.names)
    {
        bool const address = net::is_ipv4_literal(n) || net::is_ipv6_literal(n);
        names += (names.empty() ? "" : ",") + std::string(address ? "IP:" : "DNS:") + n;
    }
    if (!names.empty() && !request.authority)
        add_extension(c, issuer, NID_subject_alt_name, names);
    require(X509_sign(c, request.issuer == nullptr ? key : request.issuer_key, EVP_sha256()) > 0,
            "signing a certificate");
    return made;
}

} // namespace detail

/** An authority with a key on P-256, which takes no time to make, and as long as it lives.

    @code
    posthorn::testing::certificate_authority ca;
    auto const server = ca.issue({"mail.example.test"});
    server_settings.certificate_pem = server.chain_pem;
    server_settings.key_pem         = server.key_pem;
    client_settings.ca_pem          = ca.pem();
    @endcode

    Errors are thrown as posthorn::error.

    @par Thread safety
    Distinct objects are independent; a const object may be used by several threads.
*/
class certificate_authority
{
public:
    /// An authority that has signed itself.
    explicit certificate_authority(std::string const& name = "posthorn test authority")
        : certificate_authority(options_for(name), nullptr)
    {
    }

    /// Its own certificate: what a client has to trust, if this is a root.
    std::string const& pem() const noexcept { return pem_; }

    /// A new certificate with a new key.
    certificate issue(certificate_options const& options = {}) const
    {
        auto const                  key = detail::new_key();
        detail::certificate_request by;
        by.issuer       = own_.get();
        by.issuer_key   = key_.get();
        auto const made = detail::sign(options, key.get(), by);
        auto       pem  = detail::pem_of(made.get());
        return {pem, pem + intermediates_, detail::pem_of(key.get())};
    }

    /// A certificate for these names and addresses.
    certificate issue(std::vector<std::string> names) const
    {
        return issue(certificate_options(std::move(names)));
    }

    /// An authority signed by this one, which appears in the `chain_pem` of what it issues.
    certificate_authority intermediate(std::string const& name = "posthorn test intermediate") const
    {
        return certificate_authority(options_for(name), this);
    }

    /// An authority signed by this one, with dates of its own; the names are not used.
    certificate_authority intermediate(certificate_options const& options) const
    {
        return certificate_authority(options, this);
    }

private:
    static certificate_options options_for(std::string const& name)
    {
        certificate_options o;
        o.common_name = name;
        o.not_after   = std::chrono::hours(24 * 3650);
        return o;
    }

    certificate_authority(certificate_options const& options, certificate_authority const* above)
        : key_(detail::new_key())
    {
        detail::certificate_request by;
        by.authority = true;
        if (above != nullptr)
        {
            by.issuer     = above->own_.get();
            by.issuer_key = above->key_.get();
        }
        own_ = detail::sign(options, key_.get(), by);
        pem_ = detail::pem_of(own_.get());
        if (above != nullptr)
            intermediates_ = pem_ + above->intermediates_;
    }

    net::detail::key_handle  key_;
    net::detail::x509_handle own_;
    std::string              pem_;
    std::string              intermediates_; ///< From this authority up to the root, without it.
};

/// A certificate that nobody has signed but its own key.
inline certificate self_signed(certificate_options const& options = {})
{
    auto const key  = detail::new_key();
    auto const made = detail::sign(options, key.get(), {});
    auto       pem  = detail::pem_of(made.get());
    return {pem, pem, detail::pem_of(key.get())};
}

/// The same key, encrypted with a password (PKCS #8, AES-256).
inline std::string encrypt_key(std::string_view key_pem, std::string_view password)
{
    net::detail::openssl_errors_guard const clean;
    net::detail::bio_handle const in(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
    net::detail::key_handle const key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr)
                                         : nullptr);
    detail::require(key != nullptr, "reading a key");
    return detail::pem_of(key.get(), password);
}

inline void certificate::write(std::filesystem::path const& certificate_file,
                               std::filesystem::path const& key_file) const
{
    auto const put = [](std::filesystem::path const& path, std::string const& text) {
        std::FILE* const file = std::fopen(path.string().c_str(), "wb");
        bool const good = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
        int const  why  = errno;
        if ((file != nullptr && std::fclose(file) != 0) || !good)
            throw std::system_error(why, std::generic_category(), "writing " + path.string());
    };
    put(certificate_file, chain_pem);
    put(key_file, key_pem);
    std::filesystem::permissions(key_file,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

} // namespace posthorn::testing

#endif
