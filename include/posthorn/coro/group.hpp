//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The common ground of when_all, when_any and scopes: several chains that a coroutine waits for together.

#ifndef POSTHORN_CORO_GROUP_HPP
#define POSTHORN_CORO_GROUP_HPP

#include <posthorn/coro/task.hpp>

#include <asio/cancellation_signal.hpp>

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace posthorn::detail {

class group;

/// A void result has no place in a tuple: std::monostate stands for it.
template <class T>
using storable = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// A chain inside a group: linked, so that the group can reach all that still run.
class branch_base : protected chain
{
public:
    void cancel(asio::cancellation_type_t type) { signal_.emit(type); }

protected:
    branch_base(group& g, hook finished, hook abandoned) noexcept : chain(finished, abandoned), group_(&g)
    {
        env_.owner        = this;
        env_.cancellation = make_cancellation(signal_);
    }
    ~branch_base() = default;

    /// Enters the chain; `this` may be gone afterwards.
    template <class Promise>
    void enter(std::coroutine_handle<Promise> root)
    {
        root.promise().env = &env_;
        this->run(root);
    }

    friend class group;

    group*                    group_;
    asio::cancellation_signal signal_;
    environment               env_;
    branch_base*              next_     = nullptr;
    branch_base*              previous_ = nullptr;
};

/** Counts running branches and resumes the waiting coroutine after the last.

    A branch whose operation was dropped ends without a result. The others are cancelled then, and when all have
    ended the waiting chain is given up as well: it can only be unwound once nothing of it is in flight any more.
*/
class group
{
public:
    group() noexcept               = default;
    group(group const&)            = delete;
    group& operator=(group const&) = delete;

    /// Makes `b` part of the group; its chain inherits the executor, and a cancellation that already happened.
    void add(branch_base& b)
    {
        b.env_.executor = parent_env_->executor;
        pending_.fetch_add(1, std::memory_order_relaxed);
        b.next_ = first_;
        if (first_ != nullptr)
            first_->previous_ = &b;
        first_ = &b;
        if (cancel_requested_ != asio::cancellation_type::none)
            b.cancel(cancel_requested_);
    }

    /// The branch leaves the list, before it can be destroyed.
    void remove(branch_base& b) noexcept
    {
        (b.previous_ != nullptr ? b.previous_->next_ : first_) = b.next_;
        if (b.next_ != nullptr)
            b.next_->previous_ = b.previous_;
        b.next_ = b.previous_ = nullptr;
    }

    /// Cancels what runs and what will be added.
    void cancel(asio::cancellation_type_t type = asio::cancellation_type::terminal)
    {
        cancel_requested_ = cancel_requested_ | type;
        for (branch_base* b = first_; b != nullptr;)
        {
            branch_base* const next = b->next_;
            b->cancel(type);
            b = next;
        }
    }

    /// A branch has ended. If it was the last one the waiting coroutine goes on, and the group may be gone.
    void done(bool abandoned)
    {
        if (abandoned)
        {
            abandoned_.store(true, std::memory_order_relaxed);
            cancel(); // nobody will ask for the results of the others
        }
        if (pending_.fetch_sub(1, std::memory_order_acq_rel) != 1)
            return;
        parent_env_->cancellation.slot().clear();
        if (abandoned_.load(std::memory_order_relaxed))
            parent_env_->owner->abandon();
        else
            parent_env_->owner->run(parent_);
    }

    environment& parent_environment() const noexcept { return *parent_env_; }

    /// Suspends the caller, calls `branches.start()`, which adds and enters branches, and waits for all of them.
    template <class Branches>
    class joined
    {
    public:
        using posthorn_native = void;

        joined(group& g, Branches& branches) noexcept : group_(&g), branches_(&branches) {}

        bool await_ready() const noexcept { return false; }

        template <own_promise Promise>
        bool await_suspend(std::coroutine_handle<Promise> h)
        {
            group& g      = *group_;
            g.parent_     = h;
            g.parent_env_ = h.promise().env;
            chain* const owner = g.parent_env_->owner;
            pump&        run   = owner->running();
            g.pending_.store(1, std::memory_order_relaxed); // our own, until all have been started
            g.cancel_requested_ = g.cancel_requested_ | g.parent_env_->cancellation.cancelled();
            if (auto slot = g.parent_env_->cancellation.slot(); slot.is_connected())
                slot.assign([&g](asio::cancellation_type_t type) { g.cancel(type); });
            branches_->start();
            if (g.pending_.fetch_sub(1, std::memory_order_acq_rel) != 1)
                return true; // the last branch will resume us, maybe has already
            g.parent_env_->cancellation.slot().clear();
            if (!g.abandoned_.load(std::memory_order_relaxed))
                return false;
            run.owner = owner;
            run.after = pump::verdict::abandoned;
            return true;
        }

        void await_resume() const noexcept {}

    private:
        group*    group_;
        Branches* branches_;
    };

    template <class Branches>
    joined<Branches> join(Branches& branches) noexcept
    {
        return joined<Branches>(*this, branches);
    }

private:
    environment*              parent_env_ = nullptr;
    std::coroutine_handle<>   parent_ {};
    std::atomic<std::size_t>  pending_ {0};
    std::atomic<bool>         abandoned_ {false};
    asio::cancellation_type_t cancel_requested_ = asio::cancellation_type::none;
    branch_base*              first_            = nullptr;
};

/// What is told when a branch ends.
class branch_observer
{
public:
    virtual void on_end(std::size_t index, bool failed) = 0;

protected:
    ~branch_observer() = default;
};

/// A branch that keeps its result until the waiting coroutine takes it.
template <class T>
class branch final : public branch_base
{
public:
    branch(group& g, branch_observer& observer, std::size_t index, task<T>&& t)
        : branch_base(g, &on_finish, &on_abandon), observer_(&observer), task_(std::move(t)), index_(index)
    {
    }

    void start()
    {
        group_->add(*this);
        enter(task_.native_handle());
    }

    outcome<T>& result() const noexcept { return task_.native_handle().promise().result; }

    /// The result of a branch that did not fail; std::monostate for void.
    storable<T> take()
    {
        if constexpr (std::is_void_v<T>)
        {
            result().take();
            return {};
        }
        else
            return result().take();
    }

private:
    static void on_finish(chain& c)
    {
        auto&  self = static_cast<branch&>(c);
        group& g    = *self.group_;
        g.remove(self);
        self.observer_->on_end(self.index_, static_cast<bool>(self.result().failure()));
        g.done(false);
    }

    static void on_abandon(chain& c)
    {
        auto&  self = static_cast<branch&>(c);
        group& g    = *self.group_;
        g.remove(self);
        self.task_ = task<T>(); // unwinds what is left of the branch
        g.done(true);
    }

    branch_observer* observer_;
    task<T>          task_;
    std::size_t      index_;
};

/// The tasks of when_all and when_any given as a pack.
template <class... Ts>
class branch_pack
{
public:
    branch_pack(group& g, branch_observer& observer, task<Ts>&&... tasks)
    {
        emplace(g, observer, std::index_sequence_for<Ts...>(), std::move(tasks)...);
    }

    void start()
    {
        std::apply([](auto&... b) { (b->start(), ...); }, branches_);
    }

    /// The failure of branch `index`, or null.
    std::exception_ptr failure(std::size_t index) const
    {
        std::exception_ptr found;
        std::size_t        i   = 0;
        auto const         see = [&](auto const& b) {
            if (i++ == index)
                found = b->result().failure();
        };
        std::apply([&](auto const&... b) { (see(b), ...); }, branches_);
        return found;
    }

    std::tuple<storable<Ts>...> take_all()
    {
        return std::apply([](auto&... b) { return std::tuple<storable<Ts>...>(b->take()...); }, branches_);
    }

    std::variant<storable<Ts>...> take_one(std::size_t index)
    {
        return take_one(index, std::index_sequence_for<Ts...>());
    }

private:
    template <std::size_t... I>
    void emplace(group& g, branch_observer& observer, std::index_sequence<I...>, task<Ts>&&... tasks)
    {
        (std::get<I>(branches_).emplace(g, observer, I, std::move(tasks)), ...);
    }

    template <std::size_t... I>
    std::variant<storable<Ts>...> take_one(std::size_t index, std::index_sequence<I...>)
    {
        std::optional<std::variant<storable<Ts>...>> found;
        auto const                                   see = [&](auto i) {
            if (i == index)
                found.emplace(std::in_place_index<decltype(i)::value>, std::get<decltype(i)::value>(branches_)->take());
        };
        (see(std::integral_constant<std::size_t, I>()), ...);
        return std::move(*found);
    }

    std::tuple<std::optional<branch<Ts>>...> branches_;
};

/// The tasks of when_all and when_any given as a vector.
template <class T>
class branch_list
{
public:
    branch_list(group& g, branch_observer& observer, std::vector<task<T>>&& tasks)
    {
        for (auto& t : tasks)
            branches_.emplace_back(g, observer, branches_.size(), std::move(t));
    }

    void start()
    {
        for (auto& b : branches_)
            b.start();
    }

    std::size_t        size() const noexcept { return branches_.size(); }
    std::exception_ptr failure(std::size_t index) const { return branches_[index].result().failure(); }
    storable<T>        take_one(std::size_t index) { return branches_[index].take(); }

private:
    std::deque<branch<T>> branches_; // a deque: branches cannot move
};

} // namespace posthorn::detail

#endif
