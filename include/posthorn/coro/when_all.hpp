//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// when_all: several tasks at once, all results or the first failure.

#ifndef POSTHORN_CORO_WHEN_ALL_HPP
#define POSTHORN_CORO_WHEN_ALL_HPP

#include <posthorn/coro/group.hpp>

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace posthorn {

namespace detail {

/// Remembers the first failure and stops the others.
class first_failure final : public branch_observer
{
public:
    explicit first_failure(group& g) noexcept : group_(&g) {}

    void on_end(std::size_t index, bool failed) override
    {
        if (!failed || failed_)
            return;
        failed_ = true;
        index_  = index;
        group_->cancel();
    }

    /// Throws the first failure, if there was one.
    template <class Branches>
    void raise(Branches const& branches) const
    {
        if (failed_)
            std::rethrow_exception(branches.failure(index_));
    }

private:
    group*      group_;
    std::size_t index_  = 0;
    bool        failed_ = false;
};

} // namespace detail

/** Runs tasks concurrently on the caller's executor and waits for all of them.

    The tasks are entered in order, each until it waits for something. If one fails, the others are
    cancelled and waited for; then the first failure is thrown.

    @return The results in order; std::monostate for `task<void>`.

    @par Cancellation
    Reaches every task.
*/
template <class... Ts>
task<std::tuple<detail::storable<Ts>...>> when_all(task<Ts>... tasks)
{
    detail::group              g;
    detail::first_failure      first(g);
    detail::branch_pack<Ts...> branches(g, first, std::move(tasks)...);
    co_await g.join(branches);
    first.raise(branches);
    co_return branches.take_all();
}

/// The same for any number of tasks of one type. @return The results in order.
template <class T>
    requires(!std::is_void_v<T>)
task<std::vector<T>> when_all(std::vector<task<T>> tasks)
{
    detail::group          g;
    detail::first_failure  first(g);
    detail::branch_list<T> branches(g, first, std::move(tasks));
    co_await g.join(branches);
    first.raise(branches);
    std::vector<T> results;
    results.reserve(branches.size());
    for (std::size_t i = 0; i != branches.size(); ++i)
        results.push_back(branches.take_one(i));
    co_return results;
}

/// The same for tasks without a result.
inline task<void> when_all(std::vector<task<void>> tasks)
{
    detail::group             g;
    detail::first_failure     first(g);
    detail::branch_list<void> branches(g, first, std::move(tasks));
    co_await g.join(branches);
    first.raise(branches);
}

} // namespace posthorn

#endif
