//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Time limits for waits: one lazily re-armed timer per connection, and the rule for a minimum rate.

#ifndef POSTHORN_NET_DEADLINE_HPP
#define POSTHORN_NET_DEADLINE_HPP

#include <posthorn/coro/frame_memory.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/bind_allocator.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

namespace posthorn::net {

using clock = std::chrono::steady_clock;

/** Calls a function when a moment has passed, unless the moment is moved before.

    Moving the moment into the future only stores a number; the timer looks again when it fires. So a limit for
    every single read and write of a connection costs next to nothing.

    @par Thread safety
    One thread at a time, the executor's.
*/
class deadline
{
public:
    static constexpr clock::time_point never = clock::time_point::max();

    /// @param on_expiry Called on the executor. It must not destroy the deadline.
    template <class F>
    deadline(asio::any_io_executor const& ex, F on_expiry)
        : state_(std::make_shared<state<F>>(ex, std::move(on_expiry)))
    {
    }
    deadline(deadline const&)            = delete;
    deadline& operator=(deadline const&) = delete;
    ~deadline()
    {
        disarm();
        state_->live = false;
    }

    /// Sets the moment, and forgets that an earlier one has passed.
    void expires_at(clock::time_point when)
    {
        state_->when    = when;
        state_->expired = false;
        if (when != never && (!state_->waiting || when < state_->armed_for))
            arm(state_);
    }

    /// However long: what the clock cannot express is no limit.
    void expires_after(clock::duration most)
    {
        auto const now = clock::now();
        expires_at(most >= never - now ? never : now + most);
    }

    /// No limit, and no timer left that would keep an event loop running.
    void disarm() noexcept
    {
        state_->when = never;
        if (state_->waiting)
        {
            ++state_->generation;
            state_->waiting = false;
            state_->timer.cancel();
        }
    }

    /// Has the moment passed, and was the function called?
    bool expired() const noexcept { return state_->expired; }

    clock::time_point expiry() const noexcept { return state_->when; }

private:
    struct state_base
    {
        explicit state_base(asio::any_io_executor const& ex) : timer(ex) {}
        virtual ~state_base()     = default;
        virtual void on_expiry() = 0;

        asio::steady_timer timer;
        clock::time_point  when       = never;
        clock::time_point  armed_for  = never;
        std::uint64_t      generation = 0; ///< Tells the current wait from those that were replaced.
        bool               waiting    = false;
        bool               expired    = false;
        bool               live       = true;
    };

    template <class F>
    struct state final : state_base
    {
        state(asio::any_io_executor const& ex, F&& f) : state_base(ex), function(std::move(f)) {}
        void on_expiry() override { function(); }
        F    function;
    };

    static void arm(std::shared_ptr<state_base> const& s)
    {
        s->armed_for = s->when;
        s->waiting   = true;
        s->timer.expires_at(s->when);
        s->timer.async_wait(asio::bind_allocator(
            posthorn::detail::frame_allocator<void>(), [s, mine = ++s->generation](std::error_code ec) {
                if (ec || !s->live || mine != s->generation)
                    return;
                s->waiting = false;
                if (s->when == never)
                    return;
                if (clock::now() < s->when)
                    return arm(s); // the moment was moved meanwhile
                s->expired = true;
                s->on_expiry();
            }));
    }

    std::shared_ptr<state_base> state_;
};

/** The rule against peers that take a long transfer drop by drop.

    A transfer may take `grace` plus the time its bytes need at `bytes_per_second`; 0 means no rule.
*/
struct minimum_rate
{
    std::uint64_t   bytes_per_second = 500;
    clock::duration grace            = std::chrono::seconds(180);

    /// The moment by which more than `bytes` must have moved.
    clock::time_point limit(clock::time_point begin, std::uint64_t bytes) const noexcept
    {
        if (bytes_per_second == 0)
            return deadline::never;
        auto const seconds = std::chrono::seconds(static_cast<std::int64_t>(
            std::min<std::uint64_t>(bytes / bytes_per_second, 1'000'000'000)));
        auto const left = deadline::never - begin;
        return grace >= left || seconds >= left - grace ? deadline::never : begin + grace + seconds;
    }
};

} // namespace posthorn::net

#endif
