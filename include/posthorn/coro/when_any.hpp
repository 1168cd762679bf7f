//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// when_any: several tasks at once, the first to end decides.

#ifndef POSTHORN_CORO_WHEN_ANY_HPP
#define POSTHORN_CORO_WHEN_ANY_HPP

#include <posthorn/coro/group.hpp>

#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace posthorn {

namespace detail {

/// Remembers which branch ended first and stops the others.
class first_end final : public branch_observer
{
public:
    explicit first_end(group& g) noexcept : group_(&g) {}

    void on_end(std::size_t index, bool) override
    {
        if (ended_)
            return;
        ended_ = true;
        index_ = index;
        group_->cancel();
    }

    /// The winner; throws its failure.
    template <class Branches>
    std::size_t winner(Branches const& branches) const
    {
        if (std::exception_ptr e = branches.failure(index_))
            std::rethrow_exception(e);
        return index_;
    }

private:
    group*      group_;
    std::size_t index_ = 0;
    bool        ended_ = false;
};

} // namespace detail

/// What when_any() over a vector gives: which task was first, and its result.
template <class T>
struct any_result
{
    any_result(std::size_t i, detail::storable<T> v) : index(i), value(std::move(v)) {}

    std::size_t         index;
    detail::storable<T> value;
};

/** Runs tasks concurrently on the caller's executor; the first to end decides.

    The others are cancelled and waited for, and their results are dropped: use it where losing a result that came
    a moment too late is harmless. If the first to end failed, its exception is thrown.

    @return The result of the winner at its index; std::monostate for `task<void>`.

    @par Cancellation
    Reaches every task.
*/
template <class... Ts>
    requires(sizeof...(Ts) != 0)
task<std::variant<detail::storable<Ts>...>> when_any(task<Ts>... tasks)
{
    detail::group              g;
    detail::first_end          first(g);
    detail::branch_pack<Ts...> branches(g, first, std::move(tasks)...);
    co_await g.join(branches);
    std::size_t const index = first.winner(branches);
    co_return branches.take_one(index);
}

/// The same for any number of tasks of one type. @throws error with errc::invalid_argument if there is none.
template <class T>
task<any_result<T>> when_any(std::vector<task<T>> tasks)
{
    if (tasks.empty())
        throw error(errc::invalid_argument, "when_any() of no tasks would wait forever");
    detail::group          g;
    detail::first_end      first(g);
    detail::branch_list<T> branches(g, first, std::move(tasks));
    co_await g.join(branches);
    std::size_t const index = first.winner(branches);
    any_result<T>     result(index, branches.take_one(index));
    co_return result;
}

} // namespace posthorn

#endif
