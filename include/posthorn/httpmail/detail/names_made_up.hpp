//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Names for new resources that nobody else has.

#ifndef POSTHORN_HTTPMAIL_DETAIL_NAMES_MADE_UP_HPP
#define POSTHORN_HTTPMAIL_DETAIL_NAMES_MADE_UP_HPP

#include <posthorn/codec/hex.hpp>
#include <posthorn/crypto/random.hpp>

#include <string>
#include <string_view>

namespace posthorn::httpmail::detail {

/// 16 digits that were never used before.
inline std::string unique_digits()
{
    return codec::hex_encode(crypto::random_octets(8));
}

/// A name like another one, but free: `a.eml` becomes `a-0f3c... .eml`. @param name As it stands in URLs.
inline std::string other_name(std::string_view name)
{
    auto const dot = name.rfind('.');
    auto const end = dot == name.npos || dot == 0 ? name.size() : dot;
    return std::string(name.substr(0, end)) + '-' + unique_digits() + std::string(name.substr(end));
}

} // namespace posthorn::httpmail::detail

#endif
