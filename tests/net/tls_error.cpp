//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/error.hpp>
#include <posthorn/net/tls_error.hpp>

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <cerrno>
#include <cstddef>
#include <set>
#include <string>
#include <system_error>

TEST_SUITE_BEGIN("net/tls_error");

namespace net = posthorn::net;
using net::tls_errc;
using posthorn::condition;

TEST_CASE("every code is a TLS failure with a sentence of its own")
{
    std::set<std::string> sentences;
    int const             last = static_cast<int>(tls_errc::configuration);
    for (int i = 1; i <= last; ++i)
    {
        std::error_code const ec = static_cast<tls_errc>(i);
        CHECK(ec.category() == net::tls_category());
        CHECK(ec == condition::tls);
        CHECK(ec != condition::canceled);
        CHECK(ec.message() != "unknown TLS error");
        sentences.insert(ec.message());
    }
    CHECK(sentences.size() == static_cast<std::size_t>(last));
    CHECK(net::tls_category().message(last + 1) == "unknown TLS error");
    CHECK(std::string(net::tls_category().name()) == "posthorn.tls");
}

TEST_CASE("codes tell what else they mean")
{
    CHECK(std::error_code(tls_errc::truncated) == condition::temporary);
    CHECK(std::error_code(tls_errc::configuration) == condition::permanent);
    CHECK(std::error_code(tls_errc::not_tls) == condition::protocol);
    CHECK(std::error_code(tls_errc::protocol_error) == condition::protocol);
    CHECK(std::error_code(tls_errc::expired) != condition::permanent);
    CHECK(std::error_code(tls_errc::expired) != condition::temporary);
}

TEST_CASE("the oldest entry of the TLS part of the error queue decides, and all are told")
{
    REQUIRE(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr) ==
            1); // loads the texts, as any use of TLS does
    ERR_clear_error();
    ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
    ERR_raise(ERR_LIB_SSL, SSL_R_UNSUPPORTED_PROTOCOL);
    ERR_raise(ERR_LIB_SSL, SSL_R_UNSUPPORTED_PROTOCOL);
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_MESSAGE);
    auto const found = net::detail::take_openssl_failure();
    CHECK(found.code == tls_errc::protocol_version);
    CHECK(found.alert == -1);
    CHECK(found.text == "bad decrypt; unsupported protocol; unexpected message");
    CHECK(ERR_peek_error() == 0);

    auto const none = net::detail::take_openssl_failure();
    CHECK(none.code == tls_errc::handshake_failed);
    CHECK(none.text.empty());
}

TEST_CASE("alerts are told by number and name")
{
    ERR_raise(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + 48);
    auto const authority = net::detail::take_openssl_failure();
    CHECK(authority.code == tls_errc::alert_received);
    CHECK(authority.alert == 48);
    CHECK(net::detail::alert_name(48) == "unknown CA");

    ERR_raise(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + 70);
    auto const version = net::detail::take_openssl_failure();
    CHECK(version.code == tls_errc::protocol_version);
    CHECK(version.alert == 70);
    CHECK(net::detail::alert_name(199) == "an unknown one");
}

TEST_CASE("errors of the system are told in its words")
{
    ERR_clear_error();
    ERR_raise(ERR_LIB_SYS, ENOENT);
    CHECK(net::detail::take_openssl_errors() == std::generic_category().message(ENOENT));
}

TEST_CASE("the guard clears the error queue when it comes and when it goes")
{
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_MESSAGE);
    {
        net::detail::openssl_errors_guard const clean;
        CHECK(ERR_peek_error() == 0);
        ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_MESSAGE);
    }
    CHECK(ERR_peek_error() == 0);
}

TEST_CASE("failed checks of certificates have codes")
{
    CHECK(net::detail::tls_code_of_check(X509_V_ERR_HOSTNAME_MISMATCH) == tls_errc::host_name_mismatch);
    CHECK(net::detail::tls_code_of_check(X509_V_ERR_IP_ADDRESS_MISMATCH) == tls_errc::host_name_mismatch);
    CHECK(net::detail::tls_code_of_check(X509_V_ERR_CERT_HAS_EXPIRED) == tls_errc::expired);
    CHECK(net::detail::tls_code_of_check(X509_V_ERR_CERT_NOT_YET_VALID) == tls_errc::not_yet_valid);
    CHECK(net::detail::tls_code_of_check(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT) == tls_errc::self_signed);
    CHECK(net::detail::tls_code_of_check(X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN) == tls_errc::untrusted);
    CHECK(net::detail::tls_code_of_check(X509_V_ERR_EE_KEY_TOO_SMALL) == tls_errc::certificate_rejected);
}

TEST_SUITE_END();
