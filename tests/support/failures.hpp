//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Failures as values that a test can compare.

#ifndef POSTHORN_TESTS_SUPPORT_FAILURES_HPP
#define POSTHORN_TESTS_SUPPORT_FAILURES_HPP

#include <posthorn/coro/task.hpp>

#include <exception>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

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

/// The error code that a task ends with.
template <class T>
posthorn::task<std::error_code> code_of_failure(posthorn::task<T> t)
{
    std::error_code ec;
    try
    {
        if constexpr (std::is_void_v<T>)
            co_await std::move(t);
        else
        {
            auto const value = co_await std::move(t);
            static_cast<void>(value);
        }
    }
    catch (std::system_error const& e)
    {
        ec = e.code();
    }
    co_return ec;
}

} // namespace support

#endif
