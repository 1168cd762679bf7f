//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/codec/percent.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace posthorn;

TEST_SUITE_BEGIN("codec/percent");

TEST_CASE("what is not allowed becomes two hexadecimal digits")
{
    CHECK(codec::percent_encode("", "-._~") == "");
    CHECK(codec::percent_encode("a b/\xc3\xa4?-._~", "-._~") == "a%20b%2F%C3%A4%3F-._~");
    CHECK(codec::percent_encode("a/b~", "/") == "a/b%7E");
    CHECK(codec::percent_encode(std::string("\0%", 2), "") == "%00%25");
}

TEST_CASE("decoding takes only what is well-formed, and undoes the encoding of every octet")
{
    CHECK(codec::percent_decode("a%20b%2f%zz%4") == "a b/%zz%4");
    CHECK(codec::percent_decode("%") == "%");
    CHECK(codec::percent_decode("%%41") == "%A");
    std::string all;
    for (int i = 0; i != 256; ++i)
        all += static_cast<char>(i);
    CHECK(codec::percent_decode(codec::percent_encode(all, "-._~")) == all);
}

TEST_SUITE_END();
