//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// task<T>: a lazy coroutine with one result, awaitable from any coroutine.

#ifndef POSTHORN_CORO_TASK_HPP
#define POSTHORN_CORO_TASK_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/environment.hpp>
#include <posthorn/coro/foreign.hpp>
#include <posthorn/coro/outcome.hpp>
#include <posthorn/coro/this_coro.hpp>

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace posthorn {

template <class T = void>
class task;

namespace detail {

template <class T>
class task_awaiter;

template <class T>
struct is_task : std::false_type
{
};
template <class T>
struct is_task<task<T>> : std::true_type
{
};

/// What may stand behind co_await inside a coroutine of this library.
class awaiting_promise : public promise_base
{
public:
    template <class T>
    task_awaiter<T> await_transform(task<T>&& t) const noexcept;

    ask<this_coro::executor_t>  await_transform(this_coro::executor_t) const noexcept { return {env}; }
    ask<this_coro::cancelled_t> await_transform(this_coro::cancelled_t) const noexcept { return {env}; }
    ask<own_environment_t>      await_transform(own_environment_t) const noexcept { return {env}; }

    template <native_awaiter Awaiter>
    Awaiter&& await_transform(Awaiter&& a) const noexcept
    {
        return static_cast<Awaiter&&>(a);
    }

    template <class Awaitable>
        requires(!native_awaiter<Awaitable> && !is_task<std::remove_cvref_t<Awaitable>>::value)
    foreign_awaiter<Awaitable&&> await_transform(Awaitable&& a) const
    {
        return foreign_awaiter<Awaitable&&>(static_cast<Awaitable&&>(a));
    }
};

template <class T>
class task_promise final : public awaiting_promise
{
public:
    task<T> get_return_object() noexcept;
    void    unhandled_exception() noexcept { result.fail(std::current_exception()); }

    template <class U>
        requires std::is_constructible_v<T, U&&>
    void return_value(U&& value)
    {
        result.emplace(std::forward<U>(value));
    }

    void return_value(T value)
        requires(!std::is_reference_v<T>)
    {
        result.emplace(std::move(value));
    }

    outcome<T> result;
};

template <>
class task_promise<void> final : public awaiting_promise
{
public:
    task<void> get_return_object() noexcept;
    void       unhandled_exception() noexcept { result.fail(std::current_exception()); }
    void       return_void() noexcept { result.emplace(); }

    outcome<void> result;
};

/// Awaits a task inside a coroutine of this library: same chain, same environment.
template <class T>
class task_awaiter
{
public:
    using handle_type = std::coroutine_handle<task_promise<T>>;

    explicit task_awaiter(handle_type child) noexcept : child_(child) {}

    bool await_ready() const noexcept { return false; }

    template <own_promise Promise>
    void await_suspend(std::coroutine_handle<Promise> parent) const noexcept
    {
        environment* env            = parent.promise().env;
        child_.promise().env          = env;
        child_.promise().continuation = parent;
        env->owner->running().next    = child_;
    }

    T await_resume() const { return child_.promise().result.take(); }

protected:
    handle_type child_;
};

/// Awaits a task under a given environment of the same chain: a deadline, a shield.
template <class T>
class task_awaiter_in : public task_awaiter<T>
{
public:
    using posthorn_native = void;

    task_awaiter_in(typename task_awaiter<T>::handle_type child, environment& env) noexcept
        : task_awaiter<T>(child), env_(&env)
    {
    }

    template <own_promise Promise>
    void await_suspend(std::coroutine_handle<Promise> parent) const noexcept
    {
        task_awaiter<T>::await_suspend(parent);
        this->child_.promise().env = env_;
    }

private:
    environment* env_;
};

/** Awaits a task in a coroutine of another library: the task becomes the root of a chain of its own.

    The foreign coroutine goes on after the last suspension of the chain, on the thread where it ended. If
    everything was done at once, it does not suspend at all.
*/
template <class T>
class foreign_task_awaiter : private chain
{
public:
    explicit foreign_task_awaiter(std::coroutine_handle<task_promise<T>> root) noexcept
        : chain(&on_finish, &on_abandon), root_(root)
    {
        env_.owner = this;
    }

    bool await_ready() const noexcept { return false; }

    bool await_suspend(std::coroutine_handle<> foreign)
    {
        foreign_             = foreign;
        root_.promise().env = &env_;
        switch (this->run_and_tell(root_))
        {
        case pump::verdict::none: return true; // `this` may be gone already
        case pump::verdict::finished: return false;
        case pump::verdict::abandoned: abandoned_ = true; return false;
        }
        return true;
    }

    T await_resume()
    {
        if (abandoned_)
            throw error(errc::abandoned, "the event loop ended while the task was waiting");
        return root_.promise().result.take();
    }

private:
    static foreign_task_awaiter& self(chain& c) noexcept { return static_cast<foreign_task_awaiter&>(c); }

    static void on_finish(chain& c) { self(c).foreign_.resume(); }

    // The frames of the task are freed by its owner, the foreign coroutine, when it goes on.
    static void on_abandon(chain& c)
    {
        self(c).abandoned_ = true;
        self(c).foreign_.resume();
    }

    environment                            env_;
    std::coroutine_handle<task_promise<T>> root_;
    std::coroutine_handle<>                foreign_ {};
    bool                                   abandoned_ = false;
};

} // namespace detail

/** A coroutine that runs when it is awaited, and gives one result.

    Lazy: calling the function only copies its arguments; nothing runs before `co_await`, spawn() or sync_wait().
    Move-only, and awaited once, as an rvalue: `co_await f()` or `co_await std::move(t)`. An exception that leaves
    the coroutine is thrown from the await expression.

    @tparam T The result: an object type, a reference, or void.

    @par Awaiting from other coroutine types
    `operator co_await` accepts every coroutine. If the awaiting coroutine is not one of this library's, the
    task has no executor of its own: operations complete on the executor of their I/O object, and
    what needs an executor (timers, connecting) must be given one or throws errc::no_executor. Use
    spawn() to run a task on a chosen executor.

    @par Cancellation
    Comes from the completion token of spawn(), from with_timeout(), when_any(), when_all() or a scope,
    and reaches the operation the task is suspended in. After it, further operations fail at once.

    @par Lifetime
    Dropping a task that was not started is free. A started task must not be destroyed while it is suspended
    in an operation; the functions above see to that.

    @par Thread safety
    A chain of tasks runs on one executor, which must not run handlers concurrently (an io_context with one
    thread, or a strand).
*/
template <class T>
class [[nodiscard("a task does nothing until it is awaited, spawned or waited for")]] task
{
public:
    using promise_type = detail::task_promise<T>;
    using value_type   = T;

    task() noexcept = default; ///< Empty: may only be assigned to, moved or destroyed.
    task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    task& operator=(task&& other) noexcept
    {
        if (this != &other)
        {
            reset();
            handle_ = std::exchange(other.handle_, {});
        }
        return *this;
    }
    ~task() { reset(); }

    /// False if the task is empty or was moved from.
    bool valid() const noexcept { return static_cast<bool>(handle_); }

    /// For coroutines of other libraries; see above. @pre valid()
    detail::foreign_task_awaiter<T> operator co_await() && noexcept
    {
        POSTHORN_ASSERT(valid());
        return detail::foreign_task_awaiter<T>(handle_);
    }

    /// The frame, for spawn and the combinators.
    std::coroutine_handle<promise_type> native_handle() const noexcept { return handle_; }

private:
    friend promise_type;
    explicit task(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}

    void reset() noexcept
    {
        if (handle_)
            std::exchange(handle_, {}).destroy();
    }

    std::coroutine_handle<promise_type> handle_ {};
};

namespace detail {

template <class T>
task_awaiter<T> awaiting_promise::await_transform(task<T>&& t) const noexcept
{
    POSTHORN_ASSERT(t.valid());
    return task_awaiter<T>(t.native_handle());
}

template <class T>
task<T> task_promise<T>::get_return_object() noexcept
{
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}

inline task<void> task_promise<void>::get_return_object() noexcept
{
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

} // namespace detail

} // namespace posthorn

#endif
