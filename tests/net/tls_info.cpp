//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_info.hpp>
#include <posthorn/testing/certificates.hpp>

#include <doctest/doctest.h>
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

TEST_SUITE_BEGIN("net/tls_info");

namespace net = posthorn::net;
namespace pt  = posthorn::testing;

namespace {

net::detail::x509_handle parse(std::string const& pem)
{
    return std::move(net::detail::pem_input::text(pem, "test").certificates().front());
}

using time_handle = std::unique_ptr<ASN1_TIME, net::detail::tls_deleter<&ASN1_TIME_free>>;

std::chrono::system_clock::time_point time_of(char const* text)
{
    time_handle const t(ASN1_TIME_new());
    REQUIRE(ASN1_TIME_set_string(t.get(), text) == 1);
    return net::detail::time_of(t.get());
}

} // namespace

TEST_CASE("a certificate is described in words")
{
    using namespace std::chrono_literals;
    pt::certificate_authority const ca("an authority");
    pt::certificate_options options({"mail.example.test", "192.0.2.7", "*.example.test", "2001:db8::1"});
    options.not_before = -2h;
    options.not_after  = 3h;
    auto const before  = std::chrono::system_clock::now();
    auto const x       = parse(ca.issue(options).pem);
    auto const after   = std::chrono::system_clock::now();
    auto const c       = net::detail::describe(x.get());
    CHECK(c.subject == "CN=mail.example.test");
    CHECK(c.issuer == "CN=an authority");
    CHECK(c.names == std::vector<std::string>{"mail.example.test", "*.example.test", "192.0.2.7",
                                              "2001:db8:0:0:0:0:0:1"});
    CHECK(c.not_before >= before - 2h - 1s);
    CHECK(c.not_before <= after - 2h);
    CHECK(c.not_after >= before + 3h - 1s);
    CHECK(c.not_after <= after + 3h);
    CHECK(c.serial.size() == 16);
    CHECK(c.spki_sha256.size() == 44);
}

TEST_CASE("names cannot smuggle control characters into a text")
{
    pt::certificate_options options({"mail.example.test"});
    options.common_name = "a\r\nb\x1b[1m \xc3\xbc";
    auto const c        = net::detail::describe(parse(pt::self_signed(options).pem).get());
    CHECK(c.subject.find('\r') == std::string::npos);
    CHECK(c.subject.find('\x1b') == std::string::npos);
    CHECK(c.subject.find("\xc3\xbc") != std::string::npos);
}

TEST_CASE("the digest of a key is that of its SubjectPublicKeyInfo")
{
    auto const     x   = parse(pt::self_signed().pem);
    unsigned char* der = nullptr;
    int const      n   = i2d_PUBKEY(X509_get0_pubkey(x.get()), &der);
    REQUIRE(n > 0);
    net::detail::openssl_octets const owner(der);
    net::detail::sha256_digest        expected{};
    REQUIRE(EVP_Digest(der, static_cast<std::size_t>(n), expected.data(), nullptr, EVP_sha256(), nullptr) ==
            1);
    CHECK(net::detail::spki_digest(x.get()) == expected);
}

TEST_CASE("times of certificates are read in both forms, even beyond the clock")
{
    using namespace std::chrono;
    CHECK(net::detail::time_text(time_of("700101000000Z")) == "1970-01-01 00:00:00 UTC");
    CHECK(net::detail::time_text(time_of("20240229235958Z")) == "2024-02-29 23:59:58 UTC");
    CHECK(net::detail::time_text(time_of("500101000000Z")) == "1950-01-01 00:00:00 UTC");
    CHECK(time_of("20240229235958Z") == system_clock::time_point(seconds(1709251198)));
    CHECK(time_of("99991231235959Z") > time_of("22000101000000Z"));
    CHECK(net::detail::time_of(nullptr) == system_clock::time_point());
}

TEST_CASE("addresses are written as text")
{
    using namespace std::string_view_literals;
    CHECK(net::detail::address_text("\xc0\x00\x02\x07"sv) == "192.0.2.7");
    CHECK(net::detail::address_text("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"sv) ==
          "2001:db8:0:0:0:0:0:1");
    CHECK(net::detail::address_text("abc"sv).empty());
}

TEST_CASE("the binding to an end point is the hash of its certificate")
{
    auto const                 x = parse(pt::self_signed().pem);
    net::detail::sha256_digest expected{};
    unsigned int               size = 0;
    REQUIRE(X509_digest(x.get(), EVP_sha256(), expected.data(), &size) == 1);
    CHECK(net::detail::end_point_binding(x.get()) == net::detail::octets_of(expected));
    CHECK(net::detail::end_point_binding(nullptr).empty());
}

TEST_SUITE_END();
