//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The exit codes of posthorn-send, which are those of sysexits.h.

#ifndef POSTHORN_EXAMPLES_SEND_EXIT_CODE_HPP
#define POSTHORN_EXAMPLES_SEND_EXIT_CODE_HPP

#include <initializer_list>

namespace tool {

enum exit_code : int
{
    all_accepted   = 0,
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
    return all_accepted;
}

} // namespace tool

#endif
