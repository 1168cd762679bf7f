//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// SASLprep (RFC 4013): one spelling for user names and passwords that look alike.

#ifndef POSTHORN_CODEC_SASLPREP_HPP
#define POSTHORN_CODEC_SASLPREP_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/secret.hpp>

#include <memory>
#include <optional>
#include <string_view>

#if defined(POSTHORN_WITH_LIBIDN)
#include <stringprep.h>

#include <cstdlib>
#include <string>
#endif

namespace posthorn::codec {

/// Was the library built with GNU libidn (POSTHORN_WITH_LIBIDN)? Without it only ASCII is prepared.
#if defined(POSTHORN_WITH_LIBIDN)
inline constexpr bool has_saslprep = true;
#else
inline constexpr bool has_saslprep = false;
#endif

/** Prepares a user name or a password.

    @param text UTF-8.
    @return Nothing if it holds what must not be in it: control characters, a mixture of
            directions. Without libidn, text beyond ASCII is returned as it is, which is right for most of it.
*/
inline std::optional<secret_string> saslprep(std::string_view text)
{
    if (ascii::has_control(text))
        return std::nullopt;
    if (!ascii::has_eight_bit(text))
        return secret_string(text);
#if defined(POSTHORN_WITH_LIBIDN)
    struct wiped
    {
        void operator()(char* p) const noexcept
        {
            secure_wipe(p, std::string_view(p).size());
            std::free(p);
        }
    };
    secret_string given(text);
    given.push_back('\0');
    char* prepared = nullptr;
    if (stringprep_profile(given.view().data(), &prepared, "SASLprep", static_cast<Stringprep_profile_flags>(0)) != STRINGPREP_OK)
        return std::nullopt;
    std::unique_ptr<char, wiped> const owner(prepared);
    return secret_string(std::string_view(prepared));
#else
    return secret_string(text);
#endif
}

} // namespace posthorn::codec

#endif
