//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A server in a thread of its own, for programs that have no event loop.

#ifndef POSTHORN_TESTING_SERVER_THREAD_HPP
#define POSTHORN_TESTING_SERVER_THREAD_HPP

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <thread>
#include <utility>

namespace posthorn::testing {

/** Runs a server in a background thread, from construction to destruction.

    @code
    testing::server_thread<testing::smtp_sink> sink;
    // ... blocking code that sends to 127.0.0.1, sink->port() ...
    sink.call(sink->until_messages(1));
    @endcode

    @tparam Server smtp_sink, scripted_server, or a class like them: constructed from an executor and `Args`, with start()
                   and stop().

    @par Thread safety
    Reach the server's thread-safe functions through `->`, and everything else by call().
*/
template <class Server>
class server_thread
{
public:
    /// @param args What the server's constructor takes after the executor. @throws What the constructor throws.
    template <class... Args>
    explicit server_thread(Args&&... args)
        : loop_(1), work_(loop_.get_executor()), server_(loop_.get_executor(), std::forward<Args>(args)...)
    {
        server_.start();
        thread_ = std::thread([this] { loop_.run(); });
    }
    server_thread(server_thread const&)            = delete;
    server_thread& operator=(server_thread const&) = delete;
    ~server_thread()
    {
        server_.stop();
        work_.reset();
        thread_.join();
    }

    Server*       operator->() noexcept { return &server_; }
    Server const* operator->() const noexcept { return &server_; }
    Server&       operator*() noexcept { return server_; }
    Server const& operator*() const noexcept { return server_; }

    /** Runs a task in the server's thread and waits for it. Not to be called from that thread.
        @return What the task returns. @throws What it throws.
    */
    template <class T>
    T call(task<T> t)
    {
        auto result = spawn(loop_, std::move(t), asio::use_future);
        return result.get();
    }

private:
    asio::io_context                                           loop_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    Server                                                     server_;
    std::thread                                                thread_;
};

} // namespace posthorn::testing

#endif
