//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The pump as a task: an event loop of Asio works off what is due on its thread.

#ifndef POSTHORN_LEGACY_PUMP_TASK_HPP
#define POSTHORN_LEGACY_PUMP_TASK_HPP

#if !defined(_WIN32) // there a message loop does this

#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/legacy/pump.hpp>

#include <asio/posix/stream_descriptor.hpp>

#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace posthorn::legacy {

/** Pumps, on the thread that runs it, whenever something is due there, until it is cancelled.

    For transports that belong to a thread whose event loop is Asio's: await it beside the tasks that use them.
    @throws std::system_error if there are no descriptors; what a callback throws. */
inline task<void> pump_along()
{
    auto const ex   = co_await this_coro::executor;
    int const  copy = ::dup(pump_handle());
    if (copy < 0)
        throw std::system_error(errno, std::generic_category(), "a copy of the handle of the message pump");
    asio::posix::stream_descriptor handle(ex, copy);
    for (;;)
    {
        pump(0);
        co_await handle.async_wait(asio::posix::stream_descriptor::wait_read, use_task);
    }
}

} // namespace posthorn::legacy

#endif

#endif
