//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The exit codes of the tools, which are those of sysexits.h, and which errors they stand for.

#ifndef POSTHORN_EXAMPLES_TOOL_EXIT_CODE_HPP
#define POSTHORN_EXAMPLES_TOOL_EXIT_CODE_HPP

#include <posthorn/core/error.hpp>

#include <initializer_list>
#include <system_error>

namespace tool {

enum exit_code : int
{
    success        = 0,
    usage          = 64,
    refused        = 65,
    unreachable    = 69,
    in_doubt       = 74,
    temporary      = 75,
    protocol_error = 76,
    login_refused  = 77
};

/// Where several apply, the one that counts.
constexpr exit_code worse(exit_code a, exit_code b) noexcept
{
    for (auto const one : {in_doubt, protocol_error, login_refused, unreachable, refused, temporary, usage})
        if (a == one || b == one)
            return one;
    return success;
}

/// What an error of any protocol amounts to.
inline exit_code code_of(std::error_code const& ec)
{
    using posthorn::condition;
    if (!ec)
        return success;
    if (ec.category() == std::generic_category())
        return usage; // a file could not be read or written
    if (ec == condition::authentication && ec != condition::temporary)
        return login_refused;
    if (ec == condition::unreachable)
        return unreachable;
    if (ec == condition::protocol || ec == condition::tls)
        return protocol_error;
    if (ec == condition::permanent)
        return refused;
    return temporary;
}

} // namespace tool

#endif
