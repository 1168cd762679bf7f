//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/sasl/ntlm.hpp>

#include <posthorn/codec/hex.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace posthorn;
using namespace std::string_literals;
using sasl::ntlm;

TEST_SUITE_BEGIN("sasl/ntlm");

namespace {

std::string from_hex(std::string_view hex)
{
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return out;
}

std::string utf16(std::string_view ascii)
{
    std::string out;
    for (char const c : ascii)
        (out += c) += '\0';
    return out;
}

std::string number(std::uint64_t n, std::size_t octets)
{
    std::string out;
    for (std::size_t i = 0; i != octets; ++i)
        out += static_cast<char>(static_cast<unsigned char>(n >> (8 * i)));
    return out;
}

std::string attribute(unsigned id, std::string const& value)
{
    return number(id, 2) + number(value.size(), 2) + value;
}

/// A challenge as in [MS-NLMP], 4.2.4.
std::string challenge(std::string const& attributes)
{
    std::string const target = utf16("Server");
    std::string const info   = attributes + attribute(0, "");
    return "NTLMSSP\0"s + number(2, 4) + number(target.size(), 2) + number(target.size(), 2) + number(56, 4) +
           number(0xe28a8233U, 4) + from_hex("0123456789abcdef") + number(0, 8) + number(info.size(), 2) +
           number(info.size(), 2) + number(56 + target.size(), 4) + from_hex("0600707100000000") + target + info;
}

std::string names()
{
    return attribute(2, utf16("Domain")) + attribute(1, utf16("Server"));
}

ntlm example()
{
    sasl::credentials c("User", secret_string("Password"));
    c.domain = "Domain";
    ntlm::circumstances how;
    how.client_challenge = std::string(8, '\xaa');
    how.time             = 0;
    return ntlm(c, how);
}

std::string field(std::string const& message, std::size_t at)
{
    auto const octet = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(message[i])); };
    std::size_t const size   = octet(at) | octet(at + 1) << 8;
    std::size_t const offset = octet(at + 4) | octet(at + 5) << 8;
    return message.substr(offset, size);
}

} // namespace

TEST_CASE("the values of [MS-NLMP], 4.2.4")
{
    auto       m     = example();
    auto const first = m.initial_response();
    REQUIRE(first);
    CHECK(first->view().substr(0, 12) == "NTLMSSP\0\x01\0\0\0"s);
    CHECK(first->view().size() == 40);
    auto const third = std::string(m.respond(challenge(names())).view());
    CHECK(third.substr(0, 12) == "NTLMSSP\0\x03\0\0\0"s);
    CHECK(codec::hex_encode(field(third, 12)) == "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa");
    CHECK(codec::hex_encode(field(third, 20).substr(0, 16)) == "68cd0ab851e51c96aabc927bebef6a1c");
    CHECK(field(third, 28) == utf16("Domain"));
    CHECK(field(third, 36) == utf16("User"));
    CHECK_THROWS_AS(m.respond("x"), error);
}

TEST_CASE("where the server tells its time the messages are sealed, and LM is not answered")
{
    auto              m      = example();
    auto const        first  = std::string(m.initial_response()->view());
    std::string const second = challenge(names() + attribute(7, number(0x01d0000000000000U, 8)));
    auto              third  = std::string(m.respond(second).view());
    CHECK(field(third, 12) == std::string(24, '\0'));
    auto const response = field(third, 20);
    CHECK(response.find(attribute(6, number(2, 4))) != response.npos);
    CHECK(response.substr(24, 8) == number(0x01d0000000000000U, 8));
    auto const mic = third.substr(72, 16);
    third.replace(72, 16, 16, '\0');
    auto const ntowf = from_hex("0c868a403bfd7a93a3001ef22ef02e3f"); // [MS-NLMP], 4.2.4.1.1
    auto const key   = crypto::hmac(crypto::hash::md5, ntowf, response.substr(0, 16));
    CHECK(crypto::hmac(crypto::hash::md5, key.view(), first + second + third).view() == mic);
}

TEST_CASE("the domain may stand before the user")
{
    ntlm m(sasl::credentials("DOM\\user", secret_string("x")));
    m.initial_response();
    auto const third = std::string(m.respond(challenge(names())).view());
    CHECK(field(third, 28) == utf16("DOM"));
    CHECK(field(third, 36) == utf16("user"));
}

TEST_CASE("challenges that are cut, or point outside of themselves, are refused")
{
    std::string const whole = challenge(names());
    for (std::size_t n = 0; n != whole.size(); ++n)
    {
        auto m = example();
        m.initial_response();
        CAPTURE(n);
        if (n == 0) // an empty challenge asks for the first message
            CHECK(m.respond("").size() == 40);
        else
            CHECK_THROWS_AS(m.respond(whole.substr(0, n)), error);
    }
    for (std::size_t const at : {40u, 44u, 45u, 46u, 47u})
    {
        auto m = example();
        m.initial_response();
        auto broken = whole;
        broken[at]  = '\x7f';
        CHECK_THROWS_AS(m.respond(broken), error);
    }
    auto m = example();
    m.initial_response();
    CHECK_THROWS_AS(m.respond(challenge(number(1, 2) + number(0xffff, 2))), error);
}

TEST_CASE("names beyond ASCII are UTF-16, and what is not UTF-8 is refused")
{
    CHECK(sasl::detail::to_utf16("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")->view() == "\xe4\x00\xac\x20\x3d\xd8\x00\xde"s);
    for (auto const bad : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe0\x80\x80"})
        CHECK_FALSE(sasl::detail::to_utf16(bad));
    CHECK(sasl::detail::to_upper_name("a\xc3\xa4\xc3\xb7z") == "A\xc3\x84\xc3\xb7Z");
    ntlm m(sasl::credentials("\xff", secret_string("x")));
    CHECK_THROWS_AS(m.initial_response(), error);
    ntlm nobody(sasl::credentials("", secret_string("x")));
    CHECK_THROWS_AS(nobody.initial_response(), error);
}

TEST_SUITE_END();
