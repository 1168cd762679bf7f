//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Lets a task await whatever is awaitable by the standard's rules: the foreign awaitable is given a small
// coroutine to resume, which brings the task back to its own executor.

#ifndef POSTHORN_CORO_FOREIGN_HPP
#define POSTHORN_CORO_FOREIGN_HPP

#include <posthorn/coro/environment.hpp>

#include <asio/dispatch.hpp>

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace posthorn::detail {

template <class A>
concept has_member_co_await = requires(A&& a) { static_cast<A&&>(a).operator co_await(); };
template <class A>
concept has_free_co_await = requires(A&& a) { operator co_await(static_cast<A&&>(a)); };

/// The awaiter of an awaitable, found as the language finds it.
template <class A>
decltype(auto) get_awaiter(A&& a)
{
    if constexpr (has_member_co_await<A>)
        return static_cast<A&&>(a).operator co_await();
    else if constexpr (has_free_co_await<A>)
        return operator co_await(static_cast<A&&>(a));
    else
        return static_cast<A&&>(a);
}

/** The coroutine handed to a foreign awaitable in place of the task.

    Once it is resumed it belongs to nobody and frees itself, since the task that it brings back may be
    finished, with its awaiter gone, before this body ends.
*/
class return_ticket
{
public:
    struct promise_type
    {
        return_ticket get_return_object() noexcept
        {
            return return_ticket(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_never  final_suspend() const noexcept { return {}; }
        void                return_void() const noexcept {}
        // Only a completion handler at the end of the chain can throw; it belongs to who resumed us.
        void unhandled_exception() const { throw; }
        static void* operator new(std::size_t size) { return frame_memory::allocate(size); }
        static void  operator delete(void* frame, std::size_t size) noexcept
        {
            frame_memory::deallocate(frame, size);
        }
    };

    explicit return_ticket(std::coroutine_handle<promise_type> h) noexcept : handle(h) {}
    std::coroutine_handle<promise_type> handle;
};

/// Continues a chain on its executor; dropped without a call, it ends the chain.
class come_home
{
public:
    come_home(chain& owner, std::coroutine_handle<> h) noexcept : owner_(&owner), handle_(h) {}
    come_home(come_home&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), handle_(other.handle_)
    {
    }
    come_home(come_home const&)            = delete;
    come_home& operator=(come_home const&) = delete;
    ~come_home()
    {
        if (owner_ != nullptr)
            owner_->abandon();
    }

    void operator()() { std::exchange(owner_, nullptr)->resume(handle_); }

    using allocator_type = frame_allocator<void>;
    allocator_type get_allocator() const noexcept { return {}; }

private:
    chain*                  owner_;
    std::coroutine_handle<> handle_;
};

/// Awaits `Awaitable` on behalf of an own coroutine.
template <class Awaitable>
class foreign_awaiter
{
public:
    using posthorn_native = void;

    explicit foreign_awaiter(Awaitable&& a) : awaiter_(get_awaiter(static_cast<Awaitable&&>(a))) {}
    foreign_awaiter(foreign_awaiter const&)            = delete;
    foreign_awaiter& operator=(foreign_awaiter const&) = delete;
    ~foreign_awaiter()
    {
        if (ticket_)
            ticket_.destroy(); // never used: the awaitable refused to suspend, or was dropped
    }

    bool await_ready() { return static_cast<bool>(awaiter_.await_ready()); }

    template <own_promise Promise>
    bool await_suspend(std::coroutine_handle<Promise> h)
    {
        environment* env = h.promise().env;
        pump&        run = env->owner->running();
        ticket_ = travel(*this, env, h).handle;
        auto const ticket = ticket_; // after the call below `this` may be gone
        using result = decltype(awaiter_.await_suspend(ticket));
        if constexpr (std::is_void_v<result>)
        {
            awaiter_.await_suspend(ticket);
            return true;
        }
        else if constexpr (std::is_same_v<result, bool>)
            return awaiter_.await_suspend(ticket);
        else
        {
            std::coroutine_handle<> const other = awaiter_.await_suspend(ticket);
            if (run.next)
                other.resume(); // the task is back already, and goes on after it
            else
                run.next = other;
            return true;
        }
    }

    decltype(auto) await_resume() { return awaiter_.await_resume(); }

private:
    static return_ticket travel(foreign_awaiter& self, environment* env, std::coroutine_handle<> home)
    {
        self.ticket_     = nullptr; // from here on this coroutine owns itself
        chain&     owner = *env->owner;
        auto const ex    = env->executor;
        come_home  back(owner, home);
        if (ex)
            asio::dispatch(ex, std::move(back));
        else
            back();
        co_return;
    }

    using awaiter_type = decltype(get_awaiter(std::declval<Awaitable>()));

    using ticket_type  = std::coroutine_handle<return_ticket::promise_type>;

    awaiter_type awaiter_;
    ticket_type  ticket_ {};
};

template <class A>
foreign_awaiter(A&&) -> foreign_awaiter<A&&>;

} // namespace posthorn::detail

#endif
