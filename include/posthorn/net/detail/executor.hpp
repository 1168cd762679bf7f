//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What every operation of the network needs: an executor to work on, durations that can be added.

#ifndef POSTHORN_NET_DETAIL_EXECUTOR_HPP
#define POSTHORN_NET_DETAIL_EXECUTOR_HPP

#include <posthorn/core/error.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/execution/outstanding_work.hpp>
#include <asio/prefer.hpp>

#include <algorithm>
#include <chrono>
#include <string>

namespace posthorn::net::detail {

/** The executor for I/O objects that may outlive the task.

    A task's own executor tracks work; a socket that kept a copy would keep the event loop from ever ending.

    @throws error with errc::no_executor if `ex` is empty.
*/
inline asio::any_io_executor io_executor(asio::any_io_executor const& ex, char const* what)
{
    if (!ex)
        throw error(posthorn::errc::no_executor,
                    std::string(what) + " needs an event loop: use spawn() or sync_wait()");
    return asio::prefer(ex, asio::execution::outstanding_work.untracked);
}

/// A duration that can be added to any point in time: at most a year.
inline std::chrono::milliseconds bounded(std::chrono::milliseconds d) noexcept
{
    return std::min<std::chrono::milliseconds>(d, std::chrono::hours(24 * 365));
}

} // namespace posthorn::net::detail

#endif
