//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Coroutines and awaitables of "another library", which knows nothing of this one: a lazy task with symmetric
// transfer after the rules of cppcoro, an eager one, and awaitables of every shape the language allows.

#ifndef POSTHORN_TESTS_SUPPORT_FOREIGN_TASK_HPP
#define POSTHORN_TESTS_SUPPORT_FOREIGN_TASK_HPP

#include <atomic>
#include <coroutine>
#include <exception>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace support::foreign {

/// Where both tasks keep their result.
template <class T>
class result_slot
{
public:
    template <class U>
    void return_value(U&& value)
    {
        value_.emplace(std::forward<U>(value));
    }
    void unhandled_exception() noexcept { failure_ = std::current_exception(); }

    T take()
    {
        if (failure_)
            std::rethrow_exception(failure_);
        return std::move(*value_);
    }

private:
    std::optional<T>   value_;
    std::exception_ptr failure_;
};

template <>
class result_slot<void>
{
public:
    void return_void() noexcept {}
    void unhandled_exception() noexcept { failure_ = std::current_exception(); }
    void take()
    {
        if (failure_)
            std::rethrow_exception(failure_);
    }

private:
    std::exception_ptr failure_;
};

/// Lazy; both ways by symmetric transfer.
template <class T = void>
class [[nodiscard]] lazy_task
{
public:
    struct promise_type : result_slot<T>
    {
        struct final_awaiter
        {
            bool                    await_ready() const noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) const noexcept
            {
                return h.promise().continuation;
            }
            void await_resume() const noexcept {}
        };

        lazy_task get_return_object() noexcept
        {
            return lazy_task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        final_awaiter       final_suspend() const noexcept { return {}; }

        std::coroutine_handle<> continuation = std::noop_coroutine();
    };

    lazy_task(lazy_task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    lazy_task& operator=(lazy_task&&) = delete;
    ~lazy_task()
    {
        if (handle_)
            handle_.destroy();
    }

    auto operator co_await() && noexcept
    {
        struct awaiter
        {
            std::coroutine_handle<promise_type> child;

            bool                    await_ready() const noexcept { return child.done(); }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) const noexcept
            {
                child.promise().continuation = parent;
                return child;
            }
            T await_resume() const { return child.promise().take(); }
        };
        return awaiter {handle_};
    }

private:
    explicit lazy_task(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}

    std::coroutine_handle<promise_type> handle_ {};
};

/// Runs from the call on; it may be awaited from one other coroutine, in whatever thread either of them ends.
template <class T = void>
class [[nodiscard]] eager_task
{
public:
    struct promise_type : result_slot<T>
    {
        struct final_awaiter
        {
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<promise_type> h) const noexcept
            {
                // Whoever comes second, the awaiting coroutine or this end, goes on.
                promise_type& p = h.promise();
                if (p.arrived.exchange(true))
                    p.continuation.resume();
            }
            void await_resume() const noexcept {}
        };

        eager_task get_return_object() noexcept
        {
            return eager_task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        final_awaiter      final_suspend() const noexcept { return {}; }

        std::coroutine_handle<> continuation {};
        std::atomic<bool>       arrived {false};
    };

    eager_task(eager_task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    eager_task& operator=(eager_task&&) = delete;
    ~eager_task()
    {
        if (handle_)
            handle_.destroy();
    }

    auto operator co_await() && noexcept
    {
        struct awaiter
        {
            std::coroutine_handle<promise_type> child;

            bool await_ready() const noexcept { return false; }
            bool await_suspend(std::coroutine_handle<> parent) const noexcept
            {
                child.promise().continuation = parent;
                return !child.promise().arrived.exchange(true);
            }
            T await_resume() const { return child.promise().take(); }
        };
        return awaiter {handle_};
    }

private:
    explicit eager_task(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}

    std::coroutine_handle<promise_type> handle_ {};
};

namespace detail {

struct detached
{
    struct promise_type
    {
        detached           get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void               return_void() const noexcept {}
        void               unhandled_exception() const noexcept { std::terminate(); }
    };
};

template <class T>
detached drive(lazy_task<T> t, std::promise<T> result)
{
    try
    {
        if constexpr (std::is_void_v<T>)
        {
            co_await std::move(t);
            result.set_value();
        }
        else
        {
            auto value = co_await std::move(t);
            result.set_value(std::move(value));
        }
    }
    catch (...)
    {
        result.set_exception(std::current_exception());
    }
}

} // namespace detail

/// Starts `t` on this thread; the future is ready when it has ended.
template <class T>
std::future<T> start(lazy_task<T> t)
{
    std::promise<T> result;
    auto            future = result.get_future();
    detail::drive(std::move(t), std::move(result));
    return future;
}

/// Threads that resume coroutines. All have ended when it is gone.
class thread_pool
{
public:
    thread_pool()                              = default;
    thread_pool(thread_pool const&)            = delete;
    thread_pool& operator=(thread_pool const&) = delete;
    ~thread_pool()
    {
        // Only now: a coroutine that was resumed may ask for another thread.
        for (;;)
        {
            std::thread t;
            {
                std::lock_guard lock(mutex_);
                if (threads_.empty())
                    return;
                t = std::move(threads_.back());
                threads_.pop_back();
            }
            t.join();
        }
    }

    void resume(std::coroutine_handle<> h)
    {
        std::lock_guard lock(mutex_);
        threads_.emplace_back([h] { h.resume(); });
    }

    /// Awaitable: goes on in a new thread.
    auto schedule() noexcept
    {
        struct awaiter
        {
            thread_pool* pool;

            bool            await_ready() const noexcept { return false; }
            void            await_suspend(std::coroutine_handle<> h) const { pool->resume(h); }
            std::thread::id await_resume() const noexcept { return std::this_thread::get_id(); }
        };
        return awaiter {this};
    }

private:
    std::mutex               mutex_;
    std::vector<std::thread> threads_;
};

/// An awaitable that keeps the handle until somebody calls set().
class event
{
public:
    bool await_ready() const noexcept { return set_; }
    void await_suspend(std::coroutine_handle<> h) noexcept { waiter_ = h; }
    void await_resume() const noexcept {}

    bool awaited() const noexcept { return static_cast<bool>(waiter_); }
    void set()
    {
        set_ = true;
        if (waiter_)
            std::exchange(waiter_, {}).resume();
    }

private:
    std::coroutine_handle<> waiter_ {};
    bool                    set_ = false;
};

// ---- every shape of await_suspend and of operator co_await -----------------------------------------------------

struct suspends_void
{
    int  value;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) const { h.resume(); }
    int  await_resume() const noexcept { return value; }
};

/// Refuses to suspend, or resumes at once and says that it has suspended.
struct suspends_bool
{
    int  value;
    bool suspend;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> h) const
    {
        if (suspend)
            h.resume();
        return suspend;
    }
    int await_resume() const noexcept { return value; }
};

/// Hands the handle back, or resumes it and names a coroutine that does nothing.
struct suspends_handle
{
    int                     value;
    bool                    back;
    bool                    await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) const
    {
        if (back)
            return h;
        h.resume();
        return std::noop_coroutine();
    }
    int await_resume() const noexcept { return value; }
};

struct is_ready
{
    int* value;
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept { std::terminate(); }
    int& await_resume() const noexcept { return *value; }
};

/// Throws where the name says; `E` is what it throws.
template <class E>
struct throws_in_suspend
{
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const { throw E(); }
    void await_resume() const noexcept {}
};

template <class E>
struct throws_in_ready
{
    bool await_ready() const { throw E(); }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
};

template <class E>
struct throws_in_resume
{
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) const { h.resume(); }
    void await_resume() const { throw E(); }
};

/// Awaitable through a member; only as an rvalue. Neither it nor its awaiter can be copied or moved.
struct with_member
{
    explicit with_member(int v) noexcept : value(v) {}
    with_member(with_member const&)            = delete;
    with_member& operator=(with_member const&) = delete;

    struct awaiter
    {
        explicit awaiter(int v) noexcept : inner {v} {}
        awaiter(awaiter const&)            = delete;
        awaiter& operator=(awaiter const&) = delete;

        suspends_void inner;
        bool          await_ready() const noexcept { return false; }
        void          await_suspend(std::coroutine_handle<> h) const { inner.await_suspend(h); }
        int           await_resume() const noexcept { return inner.value; }
    };
    awaiter operator co_await() && noexcept { return awaiter(value); }

    int value;
};

/// Awaitable through a free function.
struct with_free
{
    explicit with_free(int v) noexcept : value(v) {}
    int value;
};

inline suspends_handle operator co_await(with_free const& a) noexcept
{
    return {a.value, true};
}

} // namespace support::foreign

#endif
