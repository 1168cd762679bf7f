//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Brute force against lifetime errors: a program is stopped after each of its scheduler steps, and destroyed.

#ifndef POSTHORN_TESTS_SUPPORT_STEPS_HPP
#define POSTHORN_TESTS_SUPPORT_STEPS_HPP

#include <asio/io_context.hpp>

#include <cstddef>

namespace support {

/** Runs `start(io)` in a fresh event loop for n handlers and destroys the loop, for n = 0, 1, 2, ...

    The last round is the first in which the loop runs out of work by itself.

    @param start  Starts the program; it is called once a round.
    @param finish Called with n and whether the loop ran out of work, after it was destroyed.
    @return The number of steps that the whole program takes.
*/
template <class Start, class Finish>
std::size_t destroy_after_each_step(Start start, Finish finish)
{
    for (std::size_t n = 0;; ++n)
    {
        bool complete = false;
        {
            asio::io_context io(1);
            start(io);
            for (std::size_t i = 0; i != n && !complete; ++i)
                complete = io.run_one() == 0;
        }
        finish(n, complete);
        if (complete)
            return n - 1;
    }
}

} // namespace support

#endif
