//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Failures as values that a test can compare.

#ifndef POSTHORN_TESTS_SUPPORT_FAILURES_HPP
#define POSTHORN_TESTS_SUPPORT_FAILURES_HPP

#include <exception>
#include <optional>
#include <system_error>

namespace support {

/// The exception of the given type that `f` throws; any other is left to fail the test.
template <class Error, class F>
std::optional<Error> thrown(F&& f)
{
    try
    {
        f();
    }
    catch (Error const& e)
    {
        return e;
    }
    return std::nullopt;
}

/// The code of a failure that was caught; empty if there was none.
template <class Error>
std::error_code code_in(std::optional<Error> const& e)
{
    return e ? e->code() : std::error_code();
}

/// The same for one that is still an exception; empty too if it has no code.
inline std::error_code code_in(std::exception_ptr const& e)
{
    try
    {
        if (e)
            std::rethrow_exception(e);
    }
    catch (std::system_error const& s)
    {
        return s.code();
    }
    return {};
}

} // namespace support

#endif
