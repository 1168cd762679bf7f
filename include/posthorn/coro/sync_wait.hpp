//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Runs a task to its end on the calling thread, for programs without an event loop.

#ifndef POSTHORN_CORO_SYNC_WAIT_HPP
#define POSTHORN_CORO_SYNC_WAIT_HPP

#include <posthorn/coro/spawn.hpp>

#include <asio/io_context.hpp>

#include <exception>
#include <type_traits>
#include <utility>

namespace posthorn {

namespace detail {

template <class T>
task<void> deliver(task<T> t, outcome<T>& to)
{
    if constexpr (std::is_void_v<T>)
    {
        co_await std::move(t);
        to.emplace();
    }
    else if constexpr (std::is_reference_v<T>)
    {
        auto& value = co_await std::move(t);
        to.emplace(value);
    }
    else
    {
        auto value = co_await std::move(t);
        to.emplace(std::move(value));
    }
}

} // namespace detail

/** Runs `t` in an event loop made for the call, and returns its result or throws its exception.

    Do not call it from a coroutine or a completion handler: it blocks the thread. I/O objects used by the task must
    belong to the task's own executor (`co_await this_coro::executor`) or to a context that another thread runs.

    @throws error with errc::abandoned if the task can never end, because what it waits for was dropped.
*/
template <class T>
T sync_wait(task<T> t)
{
    detail::outcome<T> result;
    {
        asio::io_context loop(1);
        spawn(loop, detail::deliver(std::move(t), result), [&result](std::exception_ptr e) {
            if (e)
                result.fail(std::move(e));
        });
        loop.run();
    }
    if (!result.has_value() && !result.failure())
        throw error(errc::abandoned, "the task waits for something that will never happen");
    return result.take();
}

} // namespace posthorn

#endif
