//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The same work on many items, a bounded number of them at once.

#ifndef POSTHORN_HTTPMAIL_DETAIL_IN_PARALLEL_HPP
#define POSTHORN_HTTPMAIL_DETAIL_IN_PARALLEL_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/coro/when_all.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace posthorn::httpmail::detail {

template <class Work>
task<void> take_turns(Work& work, std::size_t& next, std::size_t count)
{
    while (next < count)
    {
        std::size_t const mine = next++;
        co_await work(mine);
    }
}

/** Awaits `work(i)` for each i below `count`, at most `width` at a time.

    @param work Returns a task. It must outlive the call: it is not copied.
    @throws The first failure; the others are cancelled and waited for.
*/
template <class Work>
task<void> in_parallel(std::size_t count, std::size_t width, Work& work)
{
    std::size_t             next = 0;
    std::vector<task<void>> hands;
    for (std::size_t i = 0; i != std::min(count, std::max<std::size_t>(width, 1)); ++i)
        hands.push_back(take_turns(work, next, count));
    co_await when_all(std::move(hands));
}

} // namespace posthorn::httpmail::detail

#endif
