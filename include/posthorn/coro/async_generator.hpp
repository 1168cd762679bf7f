//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// async_generator<T>: a lazy sequence made by a coroutine that may await between its elements.

#ifndef POSTHORN_CORO_ASYNC_GENERATOR_HPP
#define POSTHORN_CORO_ASYNC_GENERATOR_HPP

#include <posthorn/coro/task.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace posthorn {

template <class T>
class async_generator;

namespace detail {

template <class T>
class async_generator_promise final : public awaiting_promise
{
public:
    async_generator<T> get_return_object() noexcept;

    /// Hands over to the consumer, which gave its continuation with next().
    struct yield_awaiter
    {
        using posthorn_native = void;

        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<async_generator_promise> h) const noexcept
        {
            promise_base& p               = h.promise();
            p.env->owner->running().next = p.continuation;
        }
        void await_resume() const noexcept {}
    };

    template <class U>
        requires std::is_constructible_v<T, U&&>
    yield_awaiter yield_value(U&& value)
    {
        current.emplace(std::forward<U>(value));
        return {};
    }

    yield_awaiter final_suspend() const noexcept { return {}; } // the consumer sees that nothing was left
    void          return_void() const noexcept {}
    void          unhandled_exception() noexcept { failure = std::current_exception(); }

    std::optional<T>   current;
    std::exception_ptr failure;
};

} // namespace detail

/** A sequence whose elements take time: `for (auto x = co_await g.next(); x; x = co_await g.next())`.

    The coroutine uses `co_yield` and `co_await`. It runs only inside next(), on the chain of the caller, and
    inherits the caller's executor and cancellation each time. It may be dropped before its end, but not while a next()
    is running. Move-only.

    @tparam T The element, an object type.

    @par Thread safety
    One next() at a time.
*/
template <class T>
class [[nodiscard]] async_generator
{
    static_assert(std::is_object_v<T>, "elements are handed over by value: use a pointer for references");

public:
    using promise_type = detail::async_generator_promise<T>;
    using value_type   = T;

    async_generator() noexcept = default; ///< Empty sequence.
    async_generator(async_generator&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    async_generator& operator=(async_generator&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~async_generator()
    {
        if (handle_)
            handle_.destroy();
    }

    /** The next element, or nothing after the last.

        @throws What leaves the coroutine, once; the sequence has ended then.

        @par Cancellation
        Reaches the operation the coroutine waits for; what the sequence does then is its own affair, usually it ends
        with that failure.
    */
    task<std::optional<T>> next()
    {
        std::optional<T> element;
        T* const         there = co_await advance();
        if (there != nullptr)
            element = std::exchange(handle_.promise().current, std::nullopt);
        co_return element;
    }

    /** For tasks: awaited, it gives a pointer to the next element where that is, null after the last; without a frame and a move.
        The element stays until the next call.
        @throws As next(). */
    auto advance() noexcept { return advancing(handle_); }

private:
    friend promise_type;
    explicit async_generator(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}

    /// Goes on with the sequence under the consumer's environment: what advance() gives.
    class advancing
    {
    public:
        using posthorn_native = void;

        explicit advancing(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}

        bool await_ready() const noexcept
        {
            bool const over = !handle_ || handle_.done();
            if (!over)
                handle_.promise().current.reset();
            return over;
        }
        template <detail::own_promise Promise>
        void await_suspend(std::coroutine_handle<Promise> consumer) const noexcept
        {
            auto& p                      = handle_.promise();
            p.env                        = consumer.promise().env;
            p.continuation               = consumer;
            p.env->owner->running().next = handle_;
        }
        T* await_resume() const
        {
            if (!handle_)
                return nullptr;
            auto& p = handle_.promise();
            if (p.failure)
                std::rethrow_exception(std::exchange(p.failure, nullptr));
            return p.current && !handle_.done() ? &*p.current : nullptr;
        }

    private:
        std::coroutine_handle<promise_type> handle_;
    };

    std::coroutine_handle<promise_type> handle_ {};
};

namespace detail {

template <class T>
async_generator<T> async_generator_promise<T>::get_return_object() noexcept
{
    return async_generator<T>(std::coroutine_handle<async_generator_promise>::from_promise(*this));
}

} // namespace detail

} // namespace posthorn

#endif
