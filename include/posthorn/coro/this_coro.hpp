//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Questions a task can ask about itself: its executor and whether it was cancelled.

#ifndef POSTHORN_CORO_THIS_CORO_HPP
#define POSTHORN_CORO_THIS_CORO_HPP

#include <posthorn/coro/environment.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_type.hpp>

namespace posthorn {

namespace this_coro {

struct executor_t
{
};
struct cancelled_t
{
};

/** `auto ex = co_await this_coro::executor;` gives the executor the task runs on.

    It is empty if a coroutine of another library awaits the task directly, without spawn().
*/
inline constexpr executor_t executor {};

/** `auto how = co_await this_coro::cancelled;` tells whether cancellation was requested, and how.

    Operations started after a request fail at once with a code equal to condition::canceled; a task that
    computes for long can ask by itself.
*/
inline constexpr cancelled_t cancelled {};

} // namespace this_coro

namespace detail {

/// Answers from the environment, without suspending.
template <class Answer>
struct ask
{
    using posthorn_native = void;

    environment* env;

    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}

    auto await_resume() const noexcept
    {
        if constexpr (std::is_same_v<Answer, this_coro::executor_t>)
            return env->executor;
        else if constexpr (std::is_same_v<Answer, this_coro::cancelled_t>)
            return env->cancellation.cancelled();
        else
            return env;
    }
};

/// The environment itself, for the combinators.
struct own_environment_t
{
};
inline constexpr own_environment_t own_environment {};

} // namespace detail

} // namespace posthorn

#endif
