//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The authorities of the system on Windows: those of its own store, unless a variable names others.

#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/certificates.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

TEST_SUITE_BEGIN("windows/authorities");

namespace {

using posthorn::net::detail::bio_handle;
using posthorn::net::detail::x509_handle;

x509_handle certificate_in(std::string const& pem)
{
    bio_handle const  text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    x509_handle       certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    REQUIRE(certificate);
    return certificate;
}

/// Trusted by the user of this program for as long as the object lives.
class trusted_root
{
public:
    explicit trusted_root(X509* certificate) : store_(::CertOpenSystemStoreW(0, L"ROOT"))
    {
        unsigned char* der    = nullptr;
        int const      length = i2d_X509(certificate, &der);
        REQUIRE(length > 0);
        posthorn::net::detail::openssl_octets const octets(der);
        REQUIRE(store_ != nullptr);
        REQUIRE(::CertAddEncodedCertificateToStore(store_, X509_ASN_ENCODING, der, static_cast<DWORD>(length), CERT_STORE_ADD_ALWAYS, &entry_));
        REQUIRE(::CertControlStore(store_, 0, CERT_STORE_CTRL_COMMIT, nullptr)); // Wine writes it down late
    }
    trusted_root(trusted_root const&)            = delete;
    trusted_root& operator=(trusted_root const&) = delete;
    ~trusted_root()
    {
        ::CertDeleteCertificateFromStore(entry_);
        ::CertControlStore(store_, 0, CERT_STORE_CTRL_COMMIT, nullptr);
        ::CertCloseStore(store_, 0);
    }

private:
    HCERTSTORE     store_;
    PCCERT_CONTEXT entry_ = nullptr;
};

/// Sets a variable, which takes it away if the value is empty; also for OpenSSL, which asks the system and not the C library.
void set_variable(char const* name, char const* value)
{
    REQUIRE(::_putenv_s(name, value) == 0);
    ::SetEnvironmentVariableA(name, *value == '\0' ? nullptr : value);
}
void name_file(char const* path) { set_variable("SSL_CERT_FILE", path); }
void name_folder(char const* path) { set_variable("SSL_CERT_DIR", path); }

/// Does the system vouch for it?
bool is_trusted(X509* certificate)
{
    auto const store = posthorn::net::detail::load_system_authorities();
    REQUIRE(store);
    X509_STORE_CTX* const check = X509_STORE_CTX_new();
    REQUIRE(check != nullptr);
    bool const good = X509_STORE_CTX_init(check, store.get(), certificate, nullptr) == 1 && X509_verify_cert(check) == 1;
    X509_STORE_CTX_free(check);
    return good;
}

} // namespace

TEST_CASE("an authority of the system's store is trusted, until it is taken out")
{
    name_file("");
    name_folder("");
    posthorn::testing::certificate_authority const authority;
    auto const                                     root = certificate_in(authority.pem());
    auto const                                     leaf = certificate_in(authority.issue().chain_pem);
    CHECK_FALSE(is_trusted(leaf.get()));
    {
        trusted_root const here(root.get());
        CHECK(is_trusted(leaf.get()));
        name_file(POSTHORN_SOURCE_DIR "/LICENSE"); // a file that is there, and has none
        CHECK_FALSE(is_trusted(leaf.get()));
        name_file("");
        CHECK(is_trusted(leaf.get()));
    }
    CHECK_FALSE(is_trusted(leaf.get()));
}

TEST_SUITE_END();
