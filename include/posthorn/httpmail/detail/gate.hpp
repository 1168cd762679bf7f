//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Lets so many in at once; the others wait in a queue, each with its own cancellation.

#ifndef POSTHORN_HTTPMAIL_DETAIL_GATE_HPP
#define POSTHORN_HTTPMAIL_DETAIL_GATE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <tuple>
#include <utility>

namespace posthorn::httpmail::detail {

/** A semaphore for tasks of one executor.

    First come, first served. A permit may outlive the gate.
*/
class gate
{
    struct waiter;

    struct state
    {
        std::size_t        free;
        std::list<waiter*> queue;

        /// Somebody leaves.
        void pass_on() noexcept
        {
            if (queue.empty())
            {
                ++free;
                return;
            }
            waiter* const w = queue.front();
            queue.pop_front();
            w->ring();
        }
    };

    struct waiter
    {
        waiter(std::shared_ptr<state> s, asio::any_io_executor const& ex)
            : owner(std::move(s)), timer(ex, std::chrono::steady_clock::time_point::max())
        {
            owner->queue.push_back(this);
        }
        waiter(waiter const&)            = delete;
        waiter& operator=(waiter const&) = delete;
        ~waiter()
        {
            if (let_in && !taken)
                owner->pass_on();
            else if (!let_in)
                owner->queue.remove(this);
        }

        void ring() noexcept
        {
            let_in = true;
            try
            {
                timer.cancel();
            }
            catch (...)
            {
                // Of a timer that is not in use it cannot fail; of one that is, neither.
            }
        }

        std::shared_ptr<state> owner;
        asio::steady_timer     timer;
        bool                   let_in = false;
        bool                   taken  = false;
    };

public:
    /// @param width How many may be in at once; at least 1.
    explicit gate(std::size_t width) : state_(std::make_shared<state>())
    {
        state_->free = width == 0 ? 1 : width;
    }

    /// The right to be inside, until it is destroyed. Move-only.
    class permit
    {
    public:
        permit() noexcept = default;
        permit(permit&&) noexcept = default;
        permit& operator=(permit&& other) noexcept
        {
            auto const old = std::exchange(state_, std::move(other.state_));
            if (old)
                old->pass_on();
            return *this;
        }
        ~permit() { leave(); }

        void leave() noexcept
        {
            if (auto const s = std::exchange(state_, nullptr))
                s->pass_on();
        }

    private:
        friend class gate;
        explicit permit(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

        std::shared_ptr<state> state_;
    };

    /// @throws error with posthorn::errc::canceled, also to who was let in but should stop: nothing is begun then.
    task<permit> enter()
    {
        auto const before = co_await this_coro::cancelled;
        if (before != asio::cancellation_type::none)
            throw error(posthorn::errc::canceled);
        if (state_->free != 0)
        {
            --state_->free;
            permit now(state_);
            co_return now;
        }
        auto const ex = co_await this_coro::executor;
        waiter     w(state_, ex);
        auto const why = co_await w.timer.async_wait(use_task_nothrow);
        std::ignore    = why;
        auto const how = co_await this_coro::cancelled;
        if (!w.let_in || how != asio::cancellation_type::none)
            throw error(posthorn::errc::canceled);
        w.taken = true;
        permit later(state_);
        co_return later;
    }

    /// How many wait.
    std::size_t waiting() const noexcept { return state_->queue.size(); }

private:
    std::shared_ptr<state> state_;
};

} // namespace posthorn::httpmail::detail

#endif
