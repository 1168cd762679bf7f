//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How tasks that wait for each other are woken, from any thread and without needing memory for it.

#ifndef POSTHORN_SMTP_DETAIL_BELL_HPP
#define POSTHORN_SMTP_DETAIL_BELL_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <mutex>
#include <system_error>
#include <tuple>
#include <utility>

namespace posthorn::smtp::detail {

/** Wakes one task. Everything about it is guarded by a mutex of its owner's, its timer too: who rings is in another
    thread. */
struct bell
{
    using clock = std::chrono::steady_clock;

    bell(asio::any_io_executor const& ex, clock::time_point when) : timer(ex), limit(when) {}
    bell(bell const&)            = delete;
    bell& operator=(bell const&) = delete;

    asio::steady_timer timer;
    clock::time_point  limit; ///< It rings by itself then.
    bool               rung = false;
};

/// @pre the mutex is locked
inline void ring(bell& b) noexcept
{
    b.rung = true;
    b.timer.cancel();
}

/// @pre the mutex is locked
template <class Bells>
void ring_all(Bells& all) noexcept
{
    for (auto* const b : all)
        ring(*b);
}

/// Starts the timer of a bell; if it rang before, one that is over.
struct start_waiting
{
    template <class Handler>
    void operator()(Handler&& handler) const
    {
        std::lock_guard const lock(*mutex);
        b->timer.expires_at(b->rung ? bell::clock::time_point() : b->limit);
        b->timer.async_wait(std::forward<Handler>(handler));
    }

    bell*       b;
    std::mutex* mutex;
};

/// Waits until it rings, or the task is cancelled. @pre the mutex is not locked
inline task<void> until_rung(bell& b, std::mutex& mutex)
{
    start_waiting start {&b, &mutex};
    auto          rings = asio::async_initiate<use_task_nothrow_t const, void(std::error_code)>(start, use_task_nothrow);
    std::ignore         = co_await std::move(rings);
}

} // namespace posthorn::smtp::detail

#endif
