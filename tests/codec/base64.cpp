//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/codec/base64.hpp>

#include <doctest/doctest.h>

#include <posthorn/core/buffer.hpp>
#include <posthorn/core/secret.hpp>

#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <string_view>

namespace codec = posthorn::codec;

TEST_SUITE_BEGIN("codec/base64");

TEST_CASE("the vectors of RFC 4648")
{
    struct
    {
        char const* plain;
        char const* encoded;
    } const cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xff\xfe", "///+"},
    };
    for (auto const& c : cases)
    {
        CHECK(codec::base64_encode(c.plain) == c.encoded);
        CHECK(codec::base64_decode(c.encoded) == std::string(c.plain));
        CHECK(codec::base64_encoded_size(std::string_view(c.plain).size()) ==
              std::string_view(c.encoded).size());
    }
}

TEST_CASE("every octet survives at every size and place")
{
    std::mt19937 random(1);
    for (std::size_t size = 0; size < 3000; size += size < 70 ? 1 : 97)
    {
        std::string plain(size, 0);
        for (char& c : plain)
            c = static_cast<char>(random());
        auto const text = codec::base64_encode(plain);
        CHECK(text.size() == codec::base64_encoded_size(size));
        CHECK(codec::is_base64(text));
        REQUIRE(codec::base64_decode(text) == plain);
    }
    for (int high = 0; high < 256; ++high)
        for (int low = 0; low < 256; ++low)
        {
            std::string const plain = {static_cast<char>(high), static_cast<char>(low),
                                       static_cast<char>(high)};
            if (codec::base64_decode(codec::base64_encode(plain)) != plain)
                FAIL("octets ", high, " and ", low);
        }
}

TEST_CASE("what is not exactly one encoding is refused, and nothing is appended")
{
    for (std::string_view const text :
         {"Z",      "Zg",       "Zg=",   "Zg===",  "=",        "==",       "====",    "Z===", "=Zg=",
          "Zg=a",   "Z=g=",     "Zm9v=", "Zm9vZg", "Zg==Zg==", "Zm8=Zm9v", "Zh==",    "Zm9=", "Zm 9v",
          "Zm9v\n", "Zm9v\r\n", " Zm9",  "Zm-_",   "Zm9\xc3",  "Zm9*",     "Zm9\x7f", "Zg= ", "===="})
    {
        CAPTURE(text);
        CHECK_FALSE(codec::is_base64(text));
        CHECK_FALSE(codec::base64_decode(text));
        std::string out = "kept";
        CHECK_FALSE(codec::base64_decode(text, out));
        CHECK(out == "kept");
    }
    CHECK_FALSE(codec::is_base64(std::string_view("Zm9\0", 4)));
}

TEST_CASE("only the 64 characters are accepted")
{
    std::string_view const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int octet = 0; octet < 256; ++octet)
        for (std::size_t at = 0; at < 3; ++at)
        {
            std::string text = "AAAA";
            text[at]         = static_cast<char>(octet);
            CAPTURE(octet);
            CHECK(codec::is_base64(text) == (alphabet.find(text[at]) != alphabet.npos));
        }
}

TEST_CASE("containers of all kinds take both directions at their end")
{
    std::string const plain = std::string(2000, 'x') + "y";
    auto const        text  = codec::base64_encode(plain);

    std::string s = "=";
    codec::base64_encode(plain, s);
    CHECK(s == "=" + text);

    posthorn::byte_buffer b;
    b.append("=");
    codec::base64_encode(plain, b);
    CHECK(b.data() == "=" + text);

    posthorn::secret_string secret("=");
    codec::base64_encode(plain, secret);
    CHECK(secret.view() == "=" + text);

    posthorn::secret_string decoded("=");
    CHECK(codec::base64_decode(text, decoded));
    CHECK(decoded.view() == "=" + plain);
}

TEST_CASE("no octet outside of the input is read or written")
{
    for (std::size_t size = 0; size < 20; ++size)
    {
        std::unique_ptr<char[]> in(new char[size]);
        for (std::size_t i = 0; i < size; ++i)
            in[i] = static_cast<char>(i * 37);
        std::unique_ptr<char[]> out(new char[codec::base64_encoded_size(size)]);
        char* const             end = codec::base64_encode_to({in.get(), size}, out.get());
        CHECK(static_cast<std::size_t>(end - out.get()) == codec::base64_encoded_size(size));
        auto const back = codec::base64_decode({out.get(), codec::base64_encoded_size(size)});
        CHECK(back == std::string(in.get(), size));
    }
}

TEST_SUITE_END();
