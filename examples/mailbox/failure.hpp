//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What errors of a mailbox mean to whoever runs posthorn-mailbox: an exit code, and what to do.

#ifndef POSTHORN_EXAMPLES_MAILBOX_FAILURE_HPP
#define POSTHORN_EXAMPLES_MAILBOX_FAILURE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/httpmail/outcome.hpp>

#include "../tool/exit_code.hpp"

#include <string>
#include <string_view>
#include <system_error>

namespace tool {

/// The exit code of an operation that failed.
exit_code code_of_failure(std::error_code const& ec);

/// The exit code of something that was to be changed.
exit_code code_of_fate(posthorn::httpmail::fate f, std::error_code const& ec);

/// What to do about it; empty if there is nothing to say.
std::string_view advice(std::error_code const& ec);

/// The error in one line, and what to do.
std::string explain(posthorn::error const& e);

} // namespace tool

#endif
