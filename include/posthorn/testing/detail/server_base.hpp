//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the testing servers have in common: accept, run a task for each connection, stop, wait for an event.

#ifndef POSTHORN_TESTING_DETAIL_SERVER_BASE_HPP
#define POSTHORN_TESTING_DETAIL_SERVER_BASE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/testing/listener.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/dispatch.hpp>
#include <asio/execution/outstanding_work.hpp>
#include <asio/prefer.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>

namespace posthorn::testing::detail {

/** Accepts connections and runs converse() for each of them, all on one executor.

    Shared by the server's handle and the task serve(), so that the handle may go away while connections are open.
*/
class server_base : public std::enable_shared_from_this<server_base>
{
public:
    using socket_type = listener::socket_type;

    server_base(asio::any_io_executor const& ex, listen_settings const& where)
        : executor_(asio::prefer(ex, asio::execution::outstanding_work.untracked)),
          listener_(executor_, where), changed_(executor_, std::chrono::steady_clock::time_point::max()),
          pause_(executor_)
    {
    }
    server_base(server_base const&)            = delete;
    server_base& operator=(server_base const&) = delete;
    virtual ~server_base()                     = default;

    asio::any_io_executor const& executor() const noexcept { return executor_; }
    listener const&              where() const noexcept { return listener_; }

    /// Serves until stop(), and throws only if the caller cancels it.
    static task<void> serve(std::shared_ptr<server_base> self)
    {
        scope_mark const mark(*self);
        auto             body = [server = self.get()](scope& s) { return server->accept_all(s); };
        co_await with_scope(std::move(body));
    }

    void start()
    {
        spawn(executor_, serve(shared_from_this()), [](std::exception_ptr) {});
    }

    /// May be called from any thread; what is left to do is done on the executor.
    void stop()
    {
        asio::dispatch(executor_, [self = shared_from_this()] { self->halt(); });
    }

    bool stopping() const noexcept { return stopping_; }

    /// Looks again at what until() waits for.
    void notify() { changed_.cancel(); }

    /// Waits until `reached()` is true or the server was stopped.
    static task<void> until(std::shared_ptr<server_base> self, std::function<bool()> reached)
    {
        while (!self->stopping_ && !reached())
        {
            std::ignore    = co_await self->changed_.async_wait(use_task_nothrow);
            auto const how = co_await this_coro::cancelled;
            if (how != asio::cancellation_type::none)
                throw error(errc::canceled);
        }
    }

protected:
    /// The life of one connection. Connections are numbered from 1 in the order in which they were accepted.
    virtual task<void> converse(socket_type socket, std::uint64_t number) = 0;

    /// Is another connection wanted, after `accepted` of them?
    virtual bool wants_more(std::uint64_t) const { return true; }

private:
    /// Names the scope of the connections as long as it exists.
    class scope_mark
    {
    public:
        explicit scope_mark(server_base& server) noexcept : server_(&server) {}
        scope_mark(scope_mark const&)            = delete;
        scope_mark& operator=(scope_mark const&) = delete;
        ~scope_mark() { server_->scope_ = nullptr; }

    private:
        server_base* server_;
    };

    task<void> accept_all(scope& s)
    {
        scope_ = &s;
        while (!stopping_ && listener_.is_open())
        {
            socket_type socket(executor_);
            auto const  outcome      = co_await listener_.acceptor().async_accept(socket, use_task_nothrow);
            std::error_code const ec = std::get<0>(outcome);
            if (stopping_ || !listener_.is_open())
                break;
            if (!ec)
            {
                listener_.prepare(socket);
                ++accepted_;
                if (!wants_more(accepted_))
                    listener_.close();
                s.spawn(contained(std::move(socket), accepted_));
                continue;
            }
            if (ec == condition::canceled)
                throw error(ec);
            // The client gave up before it was accepted, or descriptors ran out: that may pass.
            pause_.expires_after(std::chrono::milliseconds(10));
            std::ignore = co_await pause_.async_wait(use_task_nothrow);
        }
    }

    /// A connection that fails must not end the others.
    task<void> contained(socket_type socket, std::uint64_t number)
    {
        try
        {
            co_await converse(std::move(socket), number);
        }
        catch (std::exception const&)
        {
            // converse() has taken note of it.
        }
        notify();
    }

    void halt()
    {
        stopping_ = true;
        listener_.close();
        if (scope_ != nullptr)
            scope_->cancel();
        notify();
    }

    asio::any_io_executor executor_;
    listener              listener_;
    asio::steady_timer    changed_;
    asio::steady_timer    pause_;
    scope*                scope_    = nullptr;
    std::uint64_t         accepted_ = 0;
    bool                  stopping_ = false;
};

} // namespace posthorn::testing::detail

#endif
