//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/sasl/scram.hpp>

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <system_error>

using namespace posthorn;
using crypto::hash;
using sasl::scram;
using sasl::scram_binding;

TEST_SUITE_BEGIN("sasl/scram");

namespace {

constexpr char const* nonce_1   = "fyko+d2lbbFgONRv9qkxdawL";
constexpr char const* first_1   = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
constexpr char const* final_1   = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=";
constexpr char const* nonce_256 = "rOprNGfwEbeRWgbNEkqO";

sasl::credentials pencil()
{
    return sasl::credentials("user", secret_string("pencil"));
}

scram sha1()
{
    return scram(hash::sha1, pencil(), scram_binding(), nonce_1);
}

/// What the mechanism answers to the server's first message, or the code of its refusal.
std::error_code refusal(std::string_view server_first)
{
    auto m = sha1();
    m.initial_response();
    try
    {
        m.respond(server_first);
    }
    catch (error const& e)
    {
        CHECK(std::string_view(e.what()).find("pencil") == std::string_view::npos);
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("the exchange of RFC 5802, 5")
{
    auto m = sha1();
    CHECK(m.name() == "SCRAM-SHA-1");
    CHECK_FALSE(m.plaintext());
    CHECK(m.initial_response()->view() == "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    CHECK(m.respond(first_1).view() ==
          "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
    CHECK_FALSE(m.satisfied());
    CHECK(m.respond(final_1).view() == "");
    CHECK(m.satisfied());
    CHECK_THROWS_AS(m.respond(""), error);
}

TEST_CASE("the exchange of RFC 7677, 3")
{
    scram m(hash::sha256, pencil(), scram_binding(), nonce_256);
    CHECK(m.name() == "SCRAM-SHA-256");
    CHECK(m.initial_response()->view() == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    CHECK(m.respond("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").view() ==
          "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
          "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    m.respond("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    CHECK(m.satisfied());
}

TEST_CASE("SHA-512 is computed as an independent server computes it")
{
    scram             m(hash::sha512, pencil(), scram_binding(), "abc");
    std::string const server_first = "r=abcdef,s=" + codec::base64_encode("salt") + ",i=4096";
    CHECK(m.name() == "SCRAM-SHA-512");
    m.initial_response();
    auto const        response = std::string(m.respond(server_first).view());
    std::string const everything = "n=user,r=abc," + server_first + ",c=biws,r=abcdef";
    auto const        salted     = crypto::pbkdf2(hash::sha512, "pencil", "salt", 4096);
    auto const        client_key = crypto::hmac(hash::sha512, salted.view(), "Client Key");
    auto const        stored     = crypto::digest(hash::sha512, client_key.view());
    auto const        signature  = crypto::hmac(hash::sha512, stored.view(), everything);
    auto              proof      = *codec::base64_decode(std::string_view(response).substr(response.find(",p=") + 3));
    for (std::size_t i = 0; i != proof.size(); ++i)
        proof[i] = static_cast<char>(proof[i] ^ signature.view()[i]);
    CHECK(crypto::digest(hash::sha512, proof) == stored);
    auto const server_key = crypto::hmac(hash::sha512, salted.view(), "Server Key");
    m.respond("v=" + codec::base64_encode(crypto::hmac(hash::sha512, server_key.view(), everything).view()));
    CHECK(m.satisfied());
}

TEST_CASE("channel binding is announced, and bound into the proof")
{
    scram_binding y;
    y.how = scram_binding::use::unoffered;
    scram could(hash::sha1, pencil(), y, nonce_1);
    CHECK(could.name() == "SCRAM-SHA-1");
    CHECK(could.initial_response()->view() == "y,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    CHECK(could.respond(first_1).view().substr(0, 7) == "c=eSws,");

    scram_binding p;
    p.how  = scram_binding::use::bound;
    p.type = "tls-exporter";
    p.data = std::string("\0\x01\xff", 3);
    scram bound(hash::sha1, pencil(), p, nonce_1);
    CHECK(bound.name() == "SCRAM-SHA-1-PLUS");
    CHECK(bound.initial_response()->view() == "p=tls-exporter,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    auto const c = codec::base64_encode(std::string("p=tls-exporter,,\0\x01\xff", 19));
    CHECK(bound.respond(first_1).view().substr(0, 2 + c.size()) == "c=" + c);
}

TEST_CASE("names are escaped, and an authorization identity is carried")
{
    auto c                   = sasl::credentials("a=b,c", secret_string("pencil"));
    c.authorization_identity = "x,y";
    scram m(hash::sha1, c, scram_binding(), "n");
    CHECK(m.initial_response()->view() == "n,a=x=2Cy,n=a=3Db=2Cc,r=n");
}

TEST_CASE("a server that skips the initial response gets it after an empty challenge, once")
{
    auto m = sha1();
    CHECK(m.respond("").view() == "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    CHECK(m.respond(first_1).view().substr(0, 7) == "c=biws,");
    auto again = sha1();
    again.initial_response();
    CHECK(again.respond("").view() == "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    CHECK_THROWS_AS(again.respond(""), error);
}

TEST_CASE("S10 a server that does not know the password is found out")
{
    for (auto const final : {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ", "v=AmF9pqV8S7suAoZWja4dJRkFsKQ=", "v=", "v=====",
                             "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=AAAA"})
    {
        CAPTURE(std::string(final));
        auto m = sha1();
        m.initial_response();
        m.respond(first_1);
        try
        {
            m.respond(final);
            FAIL("the signature was believed");
        }
        catch (error const& e)
        {
            CHECK(e.code() == sasl::errc::server_not_verified);
        }
        CHECK_FALSE(m.satisfied());
    }
    for (auto const final : {"", "x=y", "V=rmF9pqV8S7suAoZWja4dJRkFsKQ="}) // there is no `v=`
    {
        auto m = sha1();
        m.initial_response();
        m.respond(first_1);
        CHECK_THROWS_AS(m.respond(final), error);
        CHECK_FALSE(m.satisfied());
    }
}

TEST_CASE("S10 nonces, salts and iteration counts of an attacker are refused")
{
    for (auto const first :
         {"r=", "r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096",       // our own nonce and nothing more
          "r=gyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=4096",             // another one
          "r=fyko+d2lbbFgONRv9qkxdawL3\x01,s=QSXCR+Q6sek8bf92,i=4096",
          "r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=,i=4096", "r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=*,i=4096",
          "r=fyko+d2lbbFgONRv9qkxdawL3rfc,i=4096", "r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92",
          "r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=0", "r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=",
          "r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=-1",
          "r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=1000001",
          "r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=2147483648",
          "r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=99999999999999999999999",
          "m=future,r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=4096"})
    {
        CAPTURE(std::string(first));
        CHECK(refusal(first) == sasl::errc::bad_challenge);
    }
    CHECK_FALSE(refusal(std::string(first_1) + ",x=unknown extensions at the end are ignored"));
}

TEST_CASE("the server's reason is told, and an unknown kind of channel binding lets another mechanism try")
{
    auto m = sha1();
    m.initial_response();
    m.respond(first_1);
    CHECK_THROWS_WITH_AS(m.respond("e=invalid-proof"), doctest::Contains("invalid-proof"), error);
    CHECK(m.problem() == "invalid-proof");
    auto other = sha1();
    other.initial_response();
    other.respond(first_1);
    try
    {
        other.respond("e=unsupported-channel-binding-type");
        FAIL("no error");
    }
    catch (error const& e)
    {
        CHECK(e.code() == sasl::errc::bad_challenge);
    }
}

TEST_CASE("nonces are fresh, and credentials that cannot be used are refused before anything is sent")
{
    scram a(hash::sha1, pencil(), scram_binding()), b(hash::sha1, pencil(), scram_binding());
    CHECK(a.initial_response()->view() != b.initial_response()->view());
    for (auto const& c : {sasl::credentials("", secret_string("x")), sasl::credentials("a\nb", secret_string("x")),
                          sasl::credentials("a", secret_string("x\x01"))})
    {
        scram m(hash::sha1, c, scram_binding());
        CHECK_THROWS_AS(m.initial_response(), error);
    }
}

TEST_SUITE_END();
