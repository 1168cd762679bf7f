//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What runs next and what is inherited: the chain of coroutines that await each other, the pump that resumes
// them, and the environment handed down from the root to every operation.

#ifndef POSTHORN_CORO_ENVIRONMENT_HPP
#define POSTHORN_CORO_ENVIRONMENT_HPP

#include <posthorn/core/config.hpp>
#include <posthorn/coro/frame_memory.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/cancellation_type.hpp>

#include <coroutine>
#include <cstddef>
#include <utility>

namespace posthorn::detail {

class chain;

/** The loop that resumes the coroutines of a chain, on the stack of the thread that is inside the chain.

    A trampoline: a coroutine that awaits or finishes only names who is next. Symmetric transfer would be a real
    call, not a jump, on g++ 12 below -O2 and under sanitizers, and deep chains would overflow the stack.
*/
struct pump
{
    enum class verdict : unsigned char { none, finished, abandoned };

    std::coroutine_handle<> next {};
    chain*                  owner = nullptr;
    verdict                 after = verdict::none;

    /// The pump that this thread is inside of, if any.
    static pump*& innermost() noexcept
    {
        static thread_local pump* p = nullptr;
        return p;
    }
};

/** One root coroutine and all that it awaits: exactly one of them runs or is suspended in an operation.

    The two hooks belong to whatever started the chain (spawn, a combinator, a foreign coroutine).
*/
class chain
{
public:
    using hook = void (*)(chain&);

    chain(hook finished, hook abandoned) noexcept : finished_(finished), abandoned_(abandoned) {}
    chain(chain const&)            = delete;
    chain& operator=(chain const&) = delete;

    /// Resumes `h` and whatever follows, until the chain waits, ends, or has moved to another thread.
    void run(std::coroutine_handle<> h)
    {
        pump p {h, this};
        drive(p);
        conclude(p);
    }

    /** Goes on with `h`, whose wait is over.

        What ends while it is being started does so below the pump that started it: the pump goes on then. A nested
        one would take stack for every such wait of a loop.
    */
    void resume(std::coroutine_handle<> h)
    {
        pump* const p = pump::innermost();
        if (p != nullptr && p->owner == this && p == running_ && !p->next)
            p->next = h;
        else
            run(h);
    }

    /// Like run(), but leaves it to the caller to act on the end of the chain.
    pump::verdict run_and_tell(std::coroutine_handle<> h)
    {
        pump p {h, this};
        drive(p);
        return p.after;
    }

    /// The pump of the thread that is inside the chain now. Only coroutines of the chain may ask.
    pump& running() const noexcept { return *running_; }

    /// The chain will never be resumed: an operation of it was dropped.
    void abandon() { abandoned_(*this); }

    /// Called by the pump, after the last coroutine of the chain was suspended for good.
    void finish() { finished_(*this); }

private:
    class innermost_scope
    {
    public:
        explicit innermost_scope(pump& p) noexcept : outer_(std::exchange(pump::innermost(), &p)) {}
        innermost_scope(innermost_scope const&)            = delete;
        innermost_scope& operator=(innermost_scope const&) = delete;
        ~innermost_scope() { pump::innermost() = outer_; }

    private:
        pump* outer_;
    };

    // Not inlined, so that no compiler takes the pointer to the caller's local for a dangling one.
    POSTHORN_NOINLINE void enter(pump* p) noexcept { running_ = p; }

    // Once a coroutine has started an operation, the chain may go on in another thread, or be gone: from
    // there on only the pump on this stack is touched.
    void drive(pump& p)
    {
        enter(&p);
        innermost_scope const inside(p);
        while (p.next)
            std::exchange(p.next, nullptr).resume();
    }

    static void conclude(pump& p)
    {
        if (p.after == pump::verdict::finished)
            p.owner->finish();
        else if (p.after == pump::verdict::abandoned)
            p.owner->abandon();
    }

    pump* running_ = nullptr;
    hook  finished_;
    hook  abandoned_;
};

/// What a coroutine inherits from the one that awaits it.
struct environment
{
    chain*                  owner = nullptr;
    asio::any_io_executor   executor; ///< Empty if a foreign coroutine is at the root.
    asio::cancellation_state cancellation;

    bool cancelled() const noexcept { return cancellation.cancelled() != asio::cancellation_type::none; }
};

/// All kinds of cancellation reach the operations; each decides which it supports.
struct every_cancellation
{
    asio::cancellation_type_t operator()(asio::cancellation_type_t type) const noexcept { return type; }
};

/// A cancellation state of its own below `signal`.
inline asio::cancellation_state make_cancellation(asio::cancellation_signal& signal)
{
    return asio::cancellation_state(signal.slot(), every_cancellation(), every_cancellation());
}

/// What all promises of this library share.
class promise_base
{
public:
    environment*            env = nullptr;
    std::coroutine_handle<> continuation {}; ///< Null at the root of a chain.

    static void* operator new(std::size_t size) { return frame_memory::allocate(size); }
    static void  operator delete(void* frame, std::size_t size) noexcept
    {
        frame_memory::deallocate(frame, size);
    }

    std::suspend_always initial_suspend() const noexcept { return {}; }

    /// Names who is next, or that the chain has ended.
    struct final_awaiter
    {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> h) const noexcept
        {
            promise_base& p   = h.promise();
            pump&         run = p.env->owner->running();
            if (p.continuation)
                run.next = p.continuation;
            else
            {
                run.owner = p.env->owner;
                run.after = pump::verdict::finished;
            }
        }
        void await_resume() const noexcept {}
    };

    final_awaiter final_suspend() const noexcept { return {}; }
};

/// Promises of this library, as opposed to foreign coroutines.
template <class Promise>
concept own_promise = requires(Promise& p) { static_cast<promise_base&>(p); };

/// Awaiters written for own promises only; they pass through await_transform unchanged.
template <class Awaiter>
concept native_awaiter = requires { typename std::remove_cvref_t<Awaiter>::posthorn_native; };

} // namespace posthorn::detail

#endif
