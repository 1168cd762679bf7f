//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// offload: runs a blocking function on a worker thread, so that no thread of the executor ever blocks.

#ifndef POSTHORN_CORO_OFFLOAD_HPP
#define POSTHORN_CORO_OFFLOAD_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/use_task.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/execution/context.hpp>
#include <asio/execution_context.hpp>
#include <asio/post.hpp>
#include <asio/query.hpp>
#include <asio/thread_pool.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace posthorn {

namespace detail {

/** The worker threads of an execution context, ended together with it.

    A service of the context: when the context is destroyed the workers are joined first, so that none of them can
    complete into a dead context.
*/
class worker_service final : public asio::execution_context::service
{
public:
    using key_type = worker_service;

    static inline asio::execution_context::id id;

    explicit worker_service(asio::execution_context& owner) : service(owner), pool_(std::in_place, 2) {}

    asio::thread_pool& pool() noexcept { return *pool_; }

private:
    // What still waits for a worker is dropped here and not in the destructor: the tasks behind it own objects of
    // other services, which may be destroyed before this one.
    void shutdown() override
    {
        pool_->stop();
        pool_->join();
        pool_.reset();
    }

    std::optional<asio::thread_pool> pool_;
};

/// A function on its way to a worker, and what it left. Shared with the worker, which may outlive the event loop.
class offloaded_work
{
public:
    offloaded_work()                                 = default;
    offloaded_work(offloaded_work const&)            = delete;
    offloaded_work& operator=(offloaded_work const&) = delete;
    virtual ~offloaded_work()                        = default;

    /// Calls the function; reports what it throws.
    virtual std::exception_ptr run() noexcept = 0;
};

struct nothing
{
};

template <class F>
class offloaded final : public offloaded_work
{
public:
    explicit offloaded(F&& f) : function_(std::move(f)) {}

    std::exception_ptr run() noexcept override
    {
        try
        {
            if constexpr (std::is_void_v<result>)
                function_();
            else
                value_ = function_();
        }
        catch (...)
        {
            return std::current_exception();
        }
        return nullptr;
    }

    /// What it returned. @pre run() has reported no failure, and F returns something
    auto take() { return std::move(value_); }

private:
    using result = std::invoke_result_t<F&>;
    using stored = std::conditional_t<std::is_void_v<result>, nothing, std::decay_t<result>>;

    F      function_;
    stored value_ {};
};

// The same for every function, since what Asio makes of it takes a compiler long.
struct initiate_offload
{
    template <class Handler>
    void operator()(Handler&& handler, asio::any_io_executor const& ex, std::shared_ptr<offloaded_work> work) const
    {
        auto& pool = asio::use_service<worker_service>(asio::query(ex, asio::execution::context)).pool();
        auto  home = tracked(asio::get_associated_executor(handler, ex));
        asio::post(pool, [h = std::decay_t<Handler>(std::forward<Handler>(handler)), home,
                          w = std::move(work)]() mutable {
            auto failure = w->run();
            w.reset(); // the waiting task has it, too, and comes to an end on its own thread
            asio::post(home, completion<std::decay_t<Handler>, std::exception_ptr>(std::move(h), std::move(failure)));
        });
    }
};

inline task<void> run_on_worker(std::shared_ptr<offloaded_work> work)
{
    auto const ex = co_await this_coro::executor;
    if (!ex)
        throw error(errc::no_executor, "blocking work needs an event loop to come back to: use spawn() or sync_wait()");
    auto operation = asio::async_initiate<use_task_t const&, void(std::exception_ptr)>(initiate_offload(), use_task, ex,
                                                                                       std::move(work));
    co_await std::move(operation);
}

} // namespace detail

/** Calls `f()` on a worker thread and returns its result; for file reads and everything else that can block.

    @param f A function object that owns what it uses, or uses what outlives the call. A result must be
             default-constructible.
    @throws What `f` throws; error with errc::no_executor if the root of the chain is a foreign coroutine.

    @par Cancellation
    Not supported: the function runs to its end, so it should be short.
*/
template <class F>
task<std::invoke_result_t<F&>> offload(F f)
{
    auto const work = std::make_shared<detail::offloaded<F>>(std::move(f));
    co_await detail::run_on_worker(work);
    if constexpr (!std::is_void_v<std::invoke_result_t<F&>>)
        co_return work->take();
}

} // namespace posthorn

#endif
