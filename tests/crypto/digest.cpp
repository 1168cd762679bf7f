//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/crypto/digest.hpp>

#include <posthorn/codec/hex.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/secret.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace posthorn;
using crypto::hash;

TEST_SUITE_BEGIN("crypto/digest");

namespace {

std::string hex(secret_string const& s)
{
    return codec::hex_encode(s.view());
}

} // namespace

TEST_CASE("digests of RFC 1321, FIPS 180")
{
    CHECK(hex(crypto::digest(hash::md5, "")) == "d41d8cd98f00b204e9800998ecf8427e");
    CHECK(hex(crypto::digest(hash::md5, "abc")) == "900150983cd24fb0d6963f7d28e17f72");
    CHECK(hex(crypto::digest(hash::sha1, "abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(hex(crypto::digest(hash::sha256, "abc")) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(crypto::digest(hash::sha512, "abc")).substr(0, 32) == "ddaf35a193617abacc417349ae204131");
    for (auto const h : {hash::md5, hash::sha1, hash::sha256, hash::sha512})
        CHECK(crypto::digest(h, "x").size() == crypto::size_of(h));
}

TEST_CASE("keyed digests of RFC 2202 and RFC 4231, also with an empty key")
{
    std::string const eleven(16, '\x0b');
    CHECK(hex(crypto::hmac(hash::md5, eleven, "Hi There")) == "9294727a3638bb1c13f48ef8158bfc9d");
    CHECK(hex(crypto::hmac(hash::md5, "Jefe", "what do ya want for nothing?")) == "750c783e6ab0b503eaa86e310a5db738");
    CHECK(hex(crypto::hmac(hash::sha1, "Jefe", "what do ya want for nothing?")) ==
          "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    CHECK(hex(crypto::hmac(hash::sha256, "Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(crypto::hmac(hash::md5, "", "")) == "74e6f7298a9c2d168935f58c001bad88");
}

TEST_CASE("keys from passwords of RFC 6070 and RFC 7914")
{
    CHECK(hex(crypto::pbkdf2(hash::sha1, "password", "salt", 1)) == "0c60c80f961f0e71f3a9b524af6012062fe037a6");
    CHECK(hex(crypto::pbkdf2(hash::sha1, "password", "salt", 4096)) == "4b007901b765489abead49d926f721d065a429c1");
    CHECK(hex(crypto::pbkdf2(hash::sha256, "passwd", "salt", 1)).substr(0, 32) == "55ac046e56e3089fec1691c22544b605");
    CHECK_THROWS_AS(crypto::pbkdf2(hash::sha1, "password", "salt", 0), error);
}

TEST_SUITE_END();
