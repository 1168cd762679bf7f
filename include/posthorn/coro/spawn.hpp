//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The bridge out: a task as an Asio asynchronous operation, for any completion token.

#ifndef POSTHORN_CORO_SPAWN_HPP
#define POSTHORN_CORO_SPAWN_HPP

#include <posthorn/coro/task.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/dispatch.hpp>
#include <asio/execution/outstanding_work.hpp>
#include <asio/execution_context.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>

#include <exception>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>

namespace posthorn {

namespace detail {

/** What a cancellation signal from outside finds: the running chain, or nothing any more.

    The slot that leads here may outlive the chain, its executor and the executor's context.
*/
class cancellation_door
{
public:
    explicit cancellation_door(asio::any_io_executor ex) noexcept : executor_(std::move(ex)) {}

    /// The signal that the chain obeys; to be used on the chain's executor only.
    asio::cancellation_signal& signal() noexcept { return signal_; }

    /// The chain has ended. Called on its executor.
    void close() noexcept
    {
        signal_.slot().clear(); // what operations have left there may belong to the context, too
        asio::any_io_executor gone; // freed after the lock
        std::lock_guard       lock(mutex_);
        gone = std::exchange(executor_, {});
    }

    /// Carries a request to cancel from any thread to the executor of the chain.
    static void knock(std::shared_ptr<cancellation_door> const& door, asio::cancellation_type_t type)
    {
        if (auto const ex = door->executor())
            asio::dispatch(ex, [door, type] {
                if (door->executor())
                    door->signal_.emit(type);
            });
    }

private:
    asio::any_io_executor executor()
    {
        std::lock_guard lock(mutex_);
        return executor_;
    }

    std::mutex                mutex_;
    asio::any_io_executor     executor_;
    asio::cancellation_signal signal_;
};

template <class T>
struct spawn_signature
{
    using type = void(std::exception_ptr, T);
};
template <>
struct spawn_signature<void>
{
    using type = void(std::exception_ptr);
};

/// Calls a completion handler with what a task left.
template <class Handler, class... Results>
class completion
{
public:
    completion(Handler&& handler, Results... results)
        : handler_(std::move(handler)), results_(std::move(results)...)
    {
    }

    void operator()()
    {
        std::apply([this](auto&... r) { std::move(handler_)(std::move(r)...); }, results_);
    }

private:
    Handler                handler_;
    std::tuple<Results...> results_;
};

/// Keeps an event loop from ending while the copy lives.
template <class Executor>
auto tracked(Executor const& ex)
{
    return asio::prefer(ex, asio::execution::outstanding_work.tracked);
}

/** The root of a spawned chain. It frees itself when the task has ended or was abandoned.

    Work is tracked for both executors, the task's and the handler's, so that neither event loop ends early.
*/
template <class T, class Handler>
class spawned final : private chain
{
public:
    spawned(asio::any_io_executor const& ex, task<T>&& t, Handler&& handler)
        : chain(&on_finish, &on_abandon), handler_(std::move(handler)), task_(std::move(t)),
          guard_(tracked(ex)), home_(tracked(asio::get_associated_executor(handler_, ex)))
    {
        env_.owner    = this;
        env_.executor = ex; // untracked: objects made with it may outlive the task without keeping the loop running
        if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected())
        {
            door_             = std::make_shared<cancellation_door>(ex);
            env_.cancellation = make_cancellation(door_->signal());
            slot.assign([door = door_](asio::cancellation_type_t type) { cancellation_door::knock(door, type); });
        }
    }

    static void* operator new(std::size_t size) { return frame_memory::allocate(size); }
    static void  operator delete(void* p, std::size_t size) noexcept { frame_memory::deallocate(p, size); }

    /// Enters the chain. The object may be gone afterwards.
    void begin()
    {
        auto const root      = task_.native_handle();
        root.promise().env   = &env_;
        this->run(root);
    }

    ~spawned()
    {
        task_ = task<T>(); // its frames still use what the door closes
        if (door_)
            door_->close();
    }

private:
    using home_executor = std::decay_t<decltype(tracked(asio::get_associated_executor(
        std::declval<Handler const&>(), std::declval<asio::any_io_executor const&>())))>;

    static void on_abandon(chain& c) { delete static_cast<spawned*>(&c); }

    // Memory is released before the handler runs, so that the handler can use it for the next operation. The slot
    // keeps its handler: it belongs to the thread that emits, which need not be this one.
    static void on_finish(chain& c)
    {
        std::unique_ptr<spawned> self(static_cast<spawned*>(&c));
        auto const home    = self->home_;
        auto&      result  = self->task_.native_handle().promise().result;
        auto       failure = result.failure();
        if constexpr (std::is_void_v<T>)
        {
            completion<Handler, std::exception_ptr> done(std::move(self->handler_), std::move(failure));
            self.reset();
            asio::dispatch(home, std::move(done));
        }
        else
        {
            T value = failure ? T() : result.take();
            completion<Handler, std::exception_ptr, T> done(std::move(self->handler_), std::move(failure),
                                                            std::move(value));
            self.reset();
            asio::dispatch(home, std::move(done));
        }
    }

    Handler                            handler_;
    std::shared_ptr<cancellation_door> door_;
    environment                        env_;
    task<T>                            task_; // its frames use env_
    asio::any_io_executor              guard_;
    home_executor                      home_;
};

/// Posted to the task's executor; dropped unrun, it drops task and handler.
template <class T, class Handler>
class starter
{
public:
    explicit starter(std::unique_ptr<spawned<T, Handler>> s) noexcept : spawned_(std::move(s)) {}

    void operator()() { spawned_.release()->begin(); }

    using allocator_type = frame_allocator<void>;
    allocator_type get_allocator() const noexcept { return {}; }

private:
    std::unique_ptr<spawned<T, Handler>> spawned_;
};

struct initiate_spawn
{
    using executor_type = asio::any_io_executor;
    executor_type get_executor() const noexcept { return executor; }

    template <class Handler, class T>
    void operator()(Handler&& handler, task<T> t) const
    {
        using state = spawned<T, std::decay_t<Handler>>;
        std::decay_t<Handler> kept(std::forward<Handler>(handler));
        std::unique_ptr<state> s(new state(executor, std::move(t), std::move(kept)));
        asio::post(executor, starter<T, std::decay_t<Handler>>(std::move(s)));
    }

    asio::any_io_executor executor;
};

} // namespace detail

/** Runs a task on an executor, as an Asio asynchronous operation.

    Completion signature: `void(std::exception_ptr, T)`, or `void(std::exception_ptr)` for `task<void>`. The task never
    starts inside the call; it is posted. The handler runs on its associated executor, after the
    task's memory was released.

    @param ex    Where the task runs. It must not run handlers concurrently: an io_context run by one thread, or a
                 strand.
    @param t     The task. @pre t.valid()
    @param token A callback, asio::use_future, asio::use_awaitable, asio::deferred, asio::detached, use_task, ...

    @tparam T void or a default-constructible object type.

    @par Cancellation
    The slot associated with the handler, all types. The request is carried to `ex` and on to the operation the
    task is suspended in; it may be emitted from any thread that may use the slot.

    @par Abandonment
    If the event loop is destroyed, the task's frames are destroyed and the handler is dropped uncalled.
*/
template <class T, class Token>
auto spawn(asio::any_io_executor ex, task<T> t, Token&& token)
{
    static_assert(std::is_void_v<T> || std::is_default_constructible_v<T>,
                  "spawn() needs a value for the handler even if the task failed: give the result a default "
                  "constructor, or wrap it in std::optional");
    POSTHORN_ASSERT(t.valid());
    return asio::async_initiate<Token, typename detail::spawn_signature<T>::type>(
        detail::initiate_spawn {std::move(ex)}, token, std::move(t));
}

/// The same on the executor of an execution context.
template <class Context, class T, class Token>
    requires std::is_convertible_v<Context&, asio::execution_context&>
auto spawn(Context& context, task<T> t, Token&& token)
{
    return spawn(asio::any_io_executor(context.get_executor()), std::move(t), std::forward<Token>(token));
}

} // namespace posthorn

#endif
