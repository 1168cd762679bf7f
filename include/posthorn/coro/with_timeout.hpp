//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// with_timeout: a deadline for a task, enforced by cancellation; and its opposite, a shield against it.

#ifndef POSTHORN_CORO_WITH_TIMEOUT_HPP
#define POSTHORN_CORO_WITH_TIMEOUT_HPP

#include <posthorn/coro/task.hpp>

#include <asio/bind_allocator.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

namespace posthorn {

namespace detail {

/// An environment on the same chain with a cancellation of its own.
class derived_environment
{
public:
    explicit derived_environment(environment& parent) : parent_(&parent)
    {
        env_.owner        = parent.owner;
        env_.executor     = parent.executor;
        env_.cancellation = make_cancellation(signal_);
    }
    derived_environment(derived_environment const&)            = delete;
    derived_environment& operator=(derived_environment const&) = delete;
    ~derived_environment()
    {
        if (listening_)
            parent_->cancellation.slot().clear();
    }

    environment& get() noexcept { return env_; }
    void         cancel(asio::cancellation_type_t type = asio::cancellation_type::terminal) { signal_.emit(type); }

    /// Passes on what the parent was and will be told.
    void obey_parent()
    {
        if (parent_->cancelled())
            cancel(parent_->cancellation.cancelled());
        if (auto slot = parent_->cancellation.slot(); slot.is_connected())
        {
            slot.assign([this](asio::cancellation_type_t type) { cancel(type); });
            listening_ = true;
        }
    }

private:
    environment*              parent_;
    asio::cancellation_signal signal_;
    environment               env_;
    bool                      listening_ = false;
};

/// A deadline that cancels a derived environment; shared with the timer's handler, which may come late.
class deadline_switch : public std::enable_shared_from_this<deadline_switch>
{
public:
    deadline_switch(asio::any_io_executor const& ex, derived_environment& env) : timer_(ex), env_(&env) {}

    void arm(std::chrono::steady_clock::time_point when)
    {
        timer_.expires_at(when);
        timer_.async_wait(asio::bind_allocator(
            frame_allocator<void>(), [self = this->shared_from_this()](std::error_code ec) {
                if (ec || self->env_ == nullptr)
                    return;
                self->fired_ = true;
                self->env_->cancel();
            }));
    }

    void disarm()
    {
        env_ = nullptr;
        timer_.cancel();
    }

    bool fired() const noexcept { return fired_; }

private:
    asio::steady_timer   timer_;
    derived_environment* env_;
    bool                 fired_ = false;
};

/// Disarms the deadline however the scope is left, also when the chain is abandoned.
class deadline_guard
{
public:
    deadline_guard(asio::any_io_executor const& ex, derived_environment& env)
        : switch_(std::allocate_shared<deadline_switch>(frame_allocator<deadline_switch>(), ex, env))
    {
    }
    deadline_guard(deadline_guard const&)            = delete;
    deadline_guard& operator=(deadline_guard const&) = delete;
    ~deadline_guard() { switch_->disarm(); }

    deadline_switch* operator->() const noexcept { return switch_.get(); }

private:
    std::shared_ptr<deadline_switch> switch_;
};

/// The code of the exception being handled, if it carries one.
inline std::error_code current_code() noexcept
{
    try
    {
        throw;
    }
    catch (std::system_error const& e)
    {
        return e.code();
    }
    catch (...)
    {
        return {};
    }
}

/// The moment `most` from now, or the end of time if that is sooner.
template <class Rep, class Period>
std::chrono::steady_clock::time_point from_now(std::chrono::duration<Rep, Period> most)
{
    using clock    = std::chrono::steady_clock;
    using seconds  = std::chrono::duration<double>;
    auto const now = clock::now();
    if (seconds(most) >= seconds(clock::time_point::max() - now))
        return clock::time_point::max();
    if (most <= most.zero())
        return now;
    return now + std::chrono::duration_cast<clock::duration>(most);
}

} // namespace detail

/** Runs a task and cancels it when the deadline passes.

    The task is always waited for, so it must obey cancellation in a timely manner, as every operation of this
    library does. If it succeeds in spite of the deadline, its result counts.

    @throws error with errc::timeout if the deadline passed and the task ended as cancelled; otherwise what the task
    throws; error with errc::no_executor if the root of the chain is a foreign coroutine.

    @par Cancellation
    Reaches the task.
*/
template <class T>
task<T> with_deadline(task<T> t, std::chrono::steady_clock::time_point when)
{
    auto* const env = co_await detail::own_environment;
    if (!env->executor)
        throw error(errc::no_executor, "a deadline needs a timer: run the task with spawn() or sync_wait()");
    detail::derived_environment inner(*env);
    detail::deadline_guard      deadline(env->executor, inner);
    task<T>                     child = std::move(t); // parameters die after locals, but its frames use `inner`
    inner.obey_parent();
    deadline->arm(when);
    try
    {
        co_return co_await detail::task_awaiter_in<T>(child.native_handle(), inner.get());
    }
    catch (...)
    {
        bool const stopped = detail::current_code() == condition::canceled;
        if (!stopped || !deadline->fired() || env->cancelled())
            throw;
    }
    throw error(errc::timeout, "the task was cancelled at its deadline");
}

/// The same with a duration from the moment the task is awaited.
template <class T, class Rep, class Period>
task<T> with_timeout(task<T> t, std::chrono::duration<Rep, Period> most)
{
    auto const when = detail::from_now(most);
    co_return co_await with_deadline(std::move(t), when);
}

/** Runs a task out of reach of the caller's cancellation: for short clean-up that must still happen.

    Combine it with with_timeout() inside, so that it cannot hang.
*/
template <class T>
task<T> shielded(task<T> t)
{
    auto* const                 env = co_await detail::own_environment;
    detail::derived_environment inner(*env);
    task<T>                     child = std::move(t); // as above
    co_return co_await detail::task_awaiter_in<T>(child.native_handle(), inner.get());
}

} // namespace posthorn

#endif
