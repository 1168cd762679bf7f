//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/crypto/hasher.hpp>

#include <posthorn/crypto/digest.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

using namespace posthorn;
using crypto::hash;

TEST_SUITE_BEGIN("crypto/hasher");

TEST_CASE("pieces give the digest of the whole")
{
    std::string const text(1000, 'x');
    for (auto const h : {hash::md5, hash::sha1, hash::sha256, hash::sha512})
        for (std::size_t const piece : {std::size_t(1), std::size_t(7), std::size_t(64), std::size_t(1000)})
        {
            crypto::hasher sum(h);
            for (std::size_t i = 0; i < text.size(); i += piece)
                sum.add(std::string_view(text).substr(i, piece));
            CHECK(sum.result() == crypto::digest(h, text));
        }
}

TEST_CASE("nothing has a digest too")
{
    CHECK(crypto::hasher(hash::sha256).result() == crypto::digest(hash::sha256, ""));
}

TEST_SUITE_END();
