//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What can go wrong inside a SASL exchange, apart from a refusal by the server.

#ifndef POSTHORN_SASL_ERROR_HPP
#define POSTHORN_SASL_ERROR_HPP

#include <posthorn/core/error.hpp>

#include <string>
#include <system_error>
#include <type_traits>

namespace posthorn::sasl {

enum class errc
{
    unusable_credentials = 1, ///< The mechanism cannot carry these credentials; nothing was sent.
    bad_challenge,            ///< The server's challenge makes no sense for the mechanism.
    refused,                  ///< The server refused within the mechanism, for the reason given in the text.
    server_not_verified,      ///< The server did not prove that it knows the secret.
    no_mechanism              ///< No mechanism is offered, allowed and possible with the credentials at once.
};

namespace detail {

class category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn.sasl"; }

    std::string message(int value) const override
    {
        switch (static_cast<errc>(value))
        {
        case errc::unusable_credentials: return "the credentials cannot be used with this mechanism";
        case errc::bad_challenge: return "the server sent a challenge that makes no sense";
        case errc::refused: return "the server refused the login";
        case errc::server_not_verified: return "the server did not prove that it knows the secret";
        case errc::no_mechanism: return "no authentication mechanism can be used";
        }
        return "unknown authentication error";
    }

    bool equivalent(int, std::error_condition const& condition) const noexcept override
    {
        return condition == posthorn::condition::authentication;
    }
};

} // namespace detail

inline std::error_category const& category() noexcept
{
    static detail::category_type const instance;
    return instance;
}

inline std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), category()}; }

} // namespace posthorn::sasl

template <>
struct std::is_error_code_enum<posthorn::sasl::errc> : std::true_type
{
};

#endif
