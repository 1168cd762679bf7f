//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Runs an event loop, which others use as well, until something in it has ended, or has had long enough.

#ifndef POSTHORN_TESTS_SUPPORT_RUN_TO_END_HPP
#define POSTHORN_TESTS_SUPPORT_RUN_TO_END_HPP

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>

#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <utility>

namespace support {

/// @return Whether it ended in good time.
inline bool run_to_end(asio::io_context& io, bool const& done)
{
    auto const most = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done && std::chrono::steady_clock::now() < most)
        io.run_one_for(std::chrono::milliseconds(100));
    return done;
}

/// The same for a task, which must not fail.
template <class T>
bool run_to_end(asio::io_context& io, posthorn::task<T> t)
{
    bool done = false;
    posthorn::spawn(io, std::move(t), [&done](std::exception_ptr e) {
        done = true;
        CHECK(!e);
    });
    return run_to_end(io, done);
}

} // namespace support

#endif
