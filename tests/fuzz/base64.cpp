//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Base64 and xtext: what is encoded decodes to itself, and what is accepted re-encodes to itself.

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/xtext.hpp>

#include <support/fuzzing.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace codec = posthorn::codec;
using support::require;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    std::string_view const in(reinterpret_cast<char const*>(data), size);

    auto const text = codec::base64_encode(in);
    require(text.size() == codec::base64_encoded_size(size) && codec::is_base64(text));
    require(codec::base64_decode(text) == in);
    auto const octets = codec::base64_decode(in);
    require(octets.has_value() == codec::is_base64(in));
    if (octets)
        require(codec::base64_encode(*octets) == in);
    std::string out = "kept";
    require(codec::base64_decode(in, out) || out == "kept");

    auto const x = codec::xtext_encode(in);
    require(codec::xtext_decode(x) == in);
    if (auto const plain = codec::xtext_decode(in))
        require(codec::xtext_decode(codec::xtext_encode(*plain)) == plain);
    for (auto const form : {codec::utf8_address_form::xtext, codec::utf8_address_form::unitext})
    {
        std::string address;
        if (codec::utf8_address_encode(in, form, address))
            require(codec::utf8_address_decode(address) == in);
    }
    if (auto const plain = codec::utf8_address_decode(in))
    {
        std::string address;
        require(codec::utf8_address_encode(*plain, codec::utf8_address_form::unitext, address));
        require(codec::utf8_address_decode(address) == plain);
    }
    return 0;
}
