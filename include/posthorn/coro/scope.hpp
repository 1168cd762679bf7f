//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// with_scope: a place to start tasks from, which is not left before all of them have ended.

#ifndef POSTHORN_CORO_SCOPE_HPP
#define POSTHORN_CORO_SCOPE_HPP

#include <posthorn/coro/group.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace posthorn {

template <class F>
auto with_scope(F body) -> std::invoke_result_t<F&, class scope&>;

/** Where the body of with_scope() starts tasks that run beside it.

    Valid inside that body and the tasks started from it.

    @par Thread safety
    As a task: one thread at a time.
*/
class scope
{
public:
    scope(scope const&)            = delete;
    scope& operator=(scope const&) = delete;

    /** Starts a task beside the body, on the same executor. It runs until it first waits before this returns.

        If it fails, everything in the scope is cancelled, and with_scope() throws the first failure.
    */
    void spawn(task<void> t)
    {
        auto* const b = new child(*this, std::move(t));
        b->start();
    }

    /// Requests that everything in the scope stops: the body, the tasks, and what will be started yet.
    void cancel() { group_.cancel(); }

    /// How many tasks started from the scope are running.
    std::size_t running() const noexcept { return running_; }

private:
    template <class F>
    friend auto with_scope(F body) -> std::invoke_result_t<F&, class scope&>;

    scope() = default;

    /// A task of the scope: frees itself when it ends.
    class child final : public detail::branch_base
    {
    public:
        child(scope& s, task<void>&& t)
            : branch_base(s.group_, &on_finish, &on_abandon), scope_(&s), task_(std::move(t))
        {
        }

        void start()
        {
            ++scope_->running_;
            group_->add(*this);
            enter(task_.native_handle());
        }

        static void* operator new(std::size_t size) { return detail::frame_memory::allocate(size); }
        static void  operator delete(void* p, std::size_t size) noexcept
        {
            detail::frame_memory::deallocate(p, size);
        }

    private:
        static void on_finish(detail::chain& c) { static_cast<child&>(c).end(false); }
        static void on_abandon(detail::chain& c) { static_cast<child&>(c).end(true); }

        void end(bool abandoned)
        {
            std::unique_ptr<child> self(this);
            scope&                 s = *scope_;
            s.group_.remove(*this);
            --s.running_;
            std::exception_ptr const failure = task_.native_handle().promise().result.failure();
            self.reset();
            if (failure)
                s.fail(failure);
            s.group_.done(abandoned);
        }

        scope*     scope_;
        task<void> task_;
    };

    /// The body itself is a branch like the others, so that nothing is unwound while another one is in flight.
    class body_observer final : public detail::branch_observer
    {
    public:
        explicit body_observer(scope& s) noexcept : scope_(&s) {}

        void on_end(std::size_t, bool failed) override
        {
            if (failed)
                scope_->fail(nullptr);
        }

    private:
        scope* scope_;
    };

    /// Calls the body only inside its own branch: it may be a plain function that uses the scope at once.
    template <class F>
    static std::invoke_result_t<F&, scope&> enter(F& body, scope& s)
    {
        co_return co_await body(s);
    }

    void fail(std::exception_ptr e)
    {
        if (failed_)
            return;
        failed_  = true;
        failure_ = std::move(e);
        group_.cancel();
    }

    template <class T>
    T conclude(detail::branch<T>& body)
    {
        if (failure_)
            std::rethrow_exception(failure_);
        return body.result().take(); // throws if the body was the first to fail
    }

    detail::group      group_;
    std::exception_ptr failure_;
    std::size_t        running_ = 0;
    bool               failed_  = false;
};

/** Runs `body(scope)` and everything it starts with scope::spawn(), and ends when all of it has ended.

    @param body A function object that takes a `scope&` and returns a task. It is kept until the end, so captures of
                a lambda stay valid.
    @return What the body returns.
    @throws The first failure of the body or of a task; the others are cancelled and waited for before.

    @par Cancellation
    Reaches the body and every task.
*/
template <class F>
auto with_scope(F body) -> std::invoke_result_t<F&, class scope&>
{
    using result = typename std::invoke_result_t<F&, scope&>::value_type;
    scope                  s;
    scope::body_observer   observer(s);
    detail::branch<result> main(s.group_, observer, 0, scope::enter(body, s));
    co_await s.group_.join(main);
    co_return s.conclude(main);
}

} // namespace posthorn

#endif
