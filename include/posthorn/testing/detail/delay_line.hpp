//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Holds back what a server writes, as a long line does, while the server goes on reading.

#ifndef POSTHORN_TESTING_DETAIL_DELAY_LINE_HPP
#define POSTHORN_TESTING_DETAIL_DELAY_LINE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/net/stream.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace posthorn::testing::detail {

/// Batches on their way to the peer. Each leaves `delay` after it was given, in order.
class delay_line
{
public:
    delay_line(asio::any_io_executor const& ex, net::stream& stream, std::chrono::milliseconds delay)
        : stream_(&stream), delay_(delay), timer_(ex),
          given_(ex, std::chrono::steady_clock::time_point::max()),
          empty_(ex, std::chrono::steady_clock::time_point::max())
    {
    }

    void give(std::string_view bytes)
    {
        batches_.emplace_back(std::chrono::steady_clock::now() + delay_, std::string(bytes));
        given_.cancel();
    }

    /// Nothing more will be given: run() ends when all is written.
    void finish()
    {
        finished_ = true;
        given_.cancel();
    }

    /// Waits until all is written.
    task<void> drained()
    {
        while (!batches_.empty())
        {
            std::ignore = co_await empty_.async_wait(use_task_nothrow);
            co_await stop_if_cancelled();
        }
    }

    /// Writes what is given. If it fails, drained() has to be cancelled.
    task<void> run()
    {
        for (;;)
        {
            if (batches_.empty())
            {
                empty_.cancel();
                if (finished_)
                    break;
                std::ignore = co_await given_.async_wait(use_task_nothrow);
                co_await stop_if_cancelled();
                continue;
            }
            timer_.expires_at(batches_.front().first);
            co_await timer_.async_wait(use_task);
            std::string_view const            piece = batches_.front().second;
            std::span<std::string_view const> pieces(&piece, 1);
            co_await stream_->write(pieces);
            batches_.pop_front();
        }
    }

private:
    /// The timers are cancelled to wake a waiter; only the task itself knows whether it was meant.
    static task<void> stop_if_cancelled()
    {
        auto const how = co_await this_coro::cancelled;
        if (how != asio::cancellation_type::none)
            throw error(errc::canceled);
    }

    using batch = std::pair<std::chrono::steady_clock::time_point, std::string>;

    net::stream*              stream_;
    std::chrono::milliseconds delay_;
    asio::steady_timer        timer_;
    asio::steady_timer        given_;
    asio::steady_timer        empty_;
    std::deque<batch>         batches_;
    bool                      finished_ = false;
};

} // namespace posthorn::testing::detail

#endif
