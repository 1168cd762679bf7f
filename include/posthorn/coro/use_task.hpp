//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The bridge in: completion tokens that make every Asio operation awaitable inside a task.

#ifndef POSTHORN_CORO_USE_TASK_HPP
#define POSTHORN_CORO_USE_TASK_HPP

#include <posthorn/coro/environment.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

namespace posthorn {

/** Completion token: `auto n = co_await socket.async_read_some(buffer, use_task);` inside a task.

    The result comes by value (nothing, one value, or a tuple). A failure is thrown: an `error_code` as
    std::system_error, an `exception_ptr` as what it holds. The operation inherits the task's executor, cancellation
    and memory. Works with every Asio from 1.22.1 on.

    @par Cancellation
    Whatever the operation supports; it then fails with condition::canceled.
*/
struct use_task_t
{
};
inline constexpr use_task_t use_task {};

/** Like use_task, but throws nothing: `auto [ec, n] = ...` as a tuple of all that the operation reports.

    An operation that is not started because the task was cancelled before gives condition::canceled, if its first
    result is an `error_code`.
*/
struct use_task_nothrow_t
{
};
inline constexpr use_task_nothrow_t use_task_nothrow {};

namespace detail {

/** Tells a handler that dies inside the initiating function from one that dies later.

    In the first case the coroutine is not suspended yet from its own point of view, and cannot be unwound
    before the initiation has returned.
*/
class initiation_scope
{
public:
    explicit initiation_scope(void const* operation) noexcept : operation_(operation), outer_(top())
    {
        top() = this;
    }
    initiation_scope(initiation_scope const&)            = delete;
    initiation_scope& operator=(initiation_scope const&) = delete;
    ~initiation_scope() { top() = outer_; }

    static initiation_scope* of(void const* operation) noexcept
    {
        for (auto* s = top(); s != nullptr; s = s->outer_)
            if (s->operation_ == operation)
                return s;
        return nullptr;
    }

    bool dropped = false;

private:
    static initiation_scope*& top() noexcept
    {
        static thread_local initiation_scope* innermost = nullptr;
        return innermost;
    }

    void const*       operation_;
    initiation_scope* outer_;
};

/// Where an operation leaves its results, in the frame of the coroutine that awaits it.
template <class... Results>
struct operation_state
{
    environment*                         env = nullptr;
    std::coroutine_handle<>              waiter {};
    std::optional<std::tuple<Results...>> results;
};

/// The completion handler of an awaited operation.
template <class... Results>
class operation_handler
{
public:
    explicit operation_handler(operation_state<Results...>& state) noexcept : state_(&state) {}
    operation_handler(operation_handler&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    operation_handler(operation_handler const&)            = delete;
    operation_handler& operator=(operation_handler const&) = delete;
    operation_handler& operator=(operation_handler&&)      = delete;

    /// Dropped without a call, as by ~io_context: the chain unwinds, nothing leaks.
    ~operation_handler()
    {
        if (state_ == nullptr)
            return;
        if (auto* scope = initiation_scope::of(state_))
            scope->dropped = true;
        else
            state_->env->owner->abandon();
    }

    template <class... Args>
    void operator()(Args&&... args)
    {
        auto* const s = std::exchange(state_, nullptr);
        s->results.emplace(std::forward<Args>(args)...);
        s->env->cancellation.slot().clear();
        s->env->owner->resume(s->waiter);
    }

    using cancellation_slot_type = asio::cancellation_slot;
    cancellation_slot_type get_cancellation_slot() const noexcept { return state_->env->cancellation.slot(); }

    using allocator_type = frame_allocator<void>;
    allocator_type get_allocator() const noexcept { return {}; }

    asio::any_io_executor const& environment_executor() const noexcept { return state_->env->executor; }

private:
    operation_state<Results...>* state_;
};

/// Throws what the first result reports, if it can report failure, and drops it.
template <class First, class... Rest>
auto unwrap(std::tuple<First, Rest...>&& all)
{
    if constexpr (std::is_same_v<First, std::error_code>)
    {
        if (std::get<0>(all))
            throw std::system_error(std::get<0>(all));
    }
    else if constexpr (std::is_same_v<First, std::exception_ptr>)
    {
        if (std::get<0>(all))
            std::rethrow_exception(std::get<0>(all));
    }
    constexpr bool reports =
        std::is_same_v<First, std::error_code> || std::is_same_v<First, std::exception_ptr>;
    if constexpr (!reports && sizeof...(Rest) == 0)
        return std::get<0>(std::move(all));
    else if constexpr (!reports)
        return std::move(all);
    else if constexpr (sizeof...(Rest) == 0)
        return;
    else if constexpr (sizeof...(Rest) == 1)
        return std::get<1>(std::move(all));
    else
        return std::apply(
            [](auto&&, auto&&... rest) { return std::tuple<Rest...>(std::move(rest)...); }, std::move(all));
}

inline void unwrap(std::tuple<>&&) noexcept {}

/// An Asio operation, started when a task awaits it.
template <bool Throws, class Initiation, class Arguments, class... Results>
class asio_operation
{
public:
    using posthorn_native = void;

    template <class Init, class... Args>
    explicit asio_operation(std::in_place_t, Init&& init, Args&&... args)
        : initiation_(std::forward<Init>(init)), arguments_(std::forward<Args>(args)...)
    {
    }
    // Only before it is awaited.
    asio_operation(asio_operation&& other) noexcept(std::is_nothrow_move_constructible_v<Initiation> &&
                                                    std::is_nothrow_move_constructible_v<Arguments>)
        : initiation_(std::move(other.initiation_)), arguments_(std::move(other.arguments_))
    {
    }
    asio_operation& operator=(asio_operation&&) = delete;

    bool await_ready() const noexcept { return false; }

    template <own_promise Promise>
    bool await_suspend(std::coroutine_handle<Promise> h)
    {
        environment* const env   = h.promise().env;
        chain* const       owner = env->owner;
        pump&              run   = owner->running();
        if (env->cancelled())
        {
            refuse();
            return false;
        }
        state_.env    = env;
        state_.waiter = h;
        // Locals: the operation may complete on another thread and free this frame at once.
        auto             init      = std::move(initiation_);
        auto             arguments = std::move(arguments_);
        initiation_scope scope(&state_);
        try
        {
            std::apply(
                [&](auto&... a) {
                    std::move(init)(operation_handler<Results...>(state_), std::move(a)...);
                },
                arguments);
        }
        catch (...)
        {
            // The handler was not taken, so it died in the initiating function and nothing is in flight.
            if (!scope.dropped)
                std::terminate();
            failure_ = std::current_exception();
            return false;
        }
        if (scope.dropped)
        {
            run.owner = owner;
            run.after = pump::verdict::abandoned;
        }
        return true;
    }

    auto await_resume()
    {
        if (failure_)
            std::rethrow_exception(failure_);
        if constexpr (Throws)
            return unwrap(std::move(*state_.results));
        else
            return std::move(*state_.results);
    }

private:
    static constexpr bool fails_by_code()
    {
        if constexpr (sizeof...(Results) != 0)
            return std::is_same_v<std::tuple_element_t<0, std::tuple<Results...>>, std::error_code>;
        else
            return false;
    }

    void refuse()
    {
        std::error_code const canceled = asio::error::operation_aborted;
        if constexpr (fails_by_code() && (std::is_default_constructible_v<Results> && ...))
        {
            state_.results.emplace();
            std::get<0>(*state_.results) = canceled;
        }
        else
            failure_ = std::make_exception_ptr(std::system_error(canceled));
    }

    Initiation                  initiation_;
    Arguments                   arguments_;
    operation_state<Results...> state_;
    std::exception_ptr          failure_;
};

template <bool Throws, class... Results>
struct task_async_result
{
    template <class Initiation, class Token, class... Args>
    static auto initiate(Initiation&& initiation, Token&&, Args&&... args)
    {
        return asio_operation<Throws, std::decay_t<Initiation>, std::tuple<std::decay_t<Args>...>,
                              std::decay_t<Results>...>(
            std::in_place, std::forward<Initiation>(initiation), std::forward<Args>(args)...);
    }
};

} // namespace detail

} // namespace posthorn

template <class R, class... Results>
class asio::async_result<posthorn::use_task_t, R(Results...)>
    : public posthorn::detail::task_async_result<true, Results...>
{
};

template <class R, class... Results>
class asio::async_result<posthorn::use_task_nothrow_t, R(Results...)>
    : public posthorn::detail::task_async_result<false, Results...>
{
};

/// The task's executor; that of the I/O object if a foreign coroutine is at the root.
template <class... Results, class Candidate>
struct asio::associated_executor<posthorn::detail::operation_handler<Results...>, Candidate>
{
    using type = asio::any_io_executor;

    static type get(posthorn::detail::operation_handler<Results...> const& handler,
                    Candidate const&                                       candidate = Candidate()) noexcept
    {
        if (handler.environment_executor())
            return handler.environment_executor();
        if constexpr (std::is_convertible_v<Candidate const&, asio::any_io_executor>)
            return candidate;
        else
            return asio::system_executor();
    }
};

#endif
