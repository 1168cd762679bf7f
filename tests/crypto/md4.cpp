//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/crypto/md4.hpp>

#include <posthorn/codec/hex.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using posthorn::codec::hex_encode;
using posthorn::crypto::md4;

TEST_SUITE_BEGIN("crypto/md4");

TEST_CASE("the test suite of RFC 1320")
{
    CHECK(hex_encode(md4("").view()) == "31d6cfe0d16ae931b73c59d7e0c089c0");
    CHECK(hex_encode(md4("a").view()) == "bde52cb31de33e46245e05fbdbd6fb24");
    CHECK(hex_encode(md4("abc").view()) == "a448017aaf21d8525fc10ae87aa6729d");
    CHECK(hex_encode(md4("message digest").view()) == "d9130a8164549fe818874806e1c7014b");
    CHECK(hex_encode(md4("abcdefghijklmnopqrstuvwxyz").view()) == "d79e1c308aa5bbcdeea8ed63df412da9");
    CHECK(hex_encode(md4("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").view()) ==
          "043f8582f241db351ce627e153e7f0e4");
    CHECK(hex_encode(
              md4("12345678901234567890123456789012345678901234567890123456789012345678901234567890").view()) ==
          "e33b4ddc9c38f2199c3e7b164fcc0536");
}

TEST_CASE("every length around the bounds of blocks has a digest of its own")
{
    std::string seen;
    for (std::size_t n = 0; n != 200; ++n)
    {
        auto const d = hex_encode(md4(std::string(n, 'x')).view());
        CHECK(seen.find(d) == seen.npos);
        seen += d + ' ';
    }
}

TEST_SUITE_END();
