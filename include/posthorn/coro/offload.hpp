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

struct initiate_offload
{
    template <class Handler, class F>
    void operator()(Handler&& handler, asio::any_io_executor const& ex, F function) const
    {
        using result = std::invoke_result_t<F&>;
        auto& pool   = asio::use_service<worker_service>(asio::query(ex, asio::execution::context)).pool();
        auto  home   = tracked(asio::get_associated_executor(handler, ex));
        asio::post(pool, [h = std::decay_t<Handler>(std::forward<Handler>(handler)), home,
                          f = std::move(function)]() mutable {
            std::exception_ptr failure;
            if constexpr (std::is_void_v<result>)
            {
                try
                {
                    f();
                }
                catch (...)
                {
                    failure = std::current_exception();
                }
                asio::post(home, completion<std::decay_t<Handler>, std::exception_ptr>(std::move(h), std::move(failure)));
            }
            else
            {
                result value {};
                try
                {
                    value = f();
                }
                catch (...)
                {
                    failure = std::current_exception();
                }
                asio::post(home, completion<std::decay_t<Handler>, std::exception_ptr, result>(
                                     std::move(h), std::move(failure), std::move(value)));
            }
        });
    }
};

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
    auto const ex = co_await this_coro::executor;
    if (!ex)
        throw error(errc::no_executor, "blocking work needs an event loop to come back to: use spawn() or sync_wait()");
    using signature = typename detail::spawn_signature<std::invoke_result_t<F&>>::type;
    auto operation =
        asio::async_initiate<use_task_t const&, signature>(detail::initiate_offload(), use_task, ex, std::move(f));
    co_return co_await std::move(operation);
}

} // namespace posthorn

#endif
