//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The connections of a pool, who has them and who waits for one.

#ifndef POSTHORN_SMTP_DETAIL_POOL_STATE_HPP
#define POSTHORN_SMTP_DETAIL_POOL_STATE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/detail/bell.hpp>
#include <posthorn/smtp/detail/loop_watch.hpp>
#include <posthorn/smtp/detail/pool_gate.hpp>
#include <posthorn/smtp/detail/pool_lease.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/pool_settings.hpp>
#include <posthorn/smtp/session_error.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::smtp::detail {

/** What the pool and all that runs in it share, guarded by a mutex.

    Nothing that gives back, or that wakes those who wait, allocates or throws: it happens in destructors.
*/
class pool_state final : public loop_observer,
                         public pool_owner,
                         public std::enable_shared_from_this<pool_state>
{
public:
    using clock = pool_gate::clock;

    static std::shared_ptr<pool_state> make(asio::any_io_executor const& ex, pool_settings s)
    {
        auto state = std::make_shared<pool_state>(ex, std::move(s));
        loop_watch::add(ex, state);
        return state;
    }

    pool_state(asio::any_io_executor const& ex, pool_settings s)
        : settings(std::move(s)), executor_(ex), gate_(settings), timer_(std::in_place, ex)
    {
        if (settings.client.session.server.empty())
            settings.client.session.server = net::to_string(settings.client.server);
        if (settings.client.tls != tls_mode::none && !settings.client.tls_context)
            settings.client.tls_context.emplace(settings.client.make_tls_context());
    }

    /// A connection that may be used now, first come first served.
    task<pool_lease> acquire()
    {
        co_await refuse_if_cancelled();
        pool_lease place = enter_at_once();
        if (!place)
        {
            auto const ex = co_await this_coro::executor;
            waiter     w(*this, ex);
            while (!may_enter(w))
                co_await wait(w);
            place = w.take();
        }
        choose(place);
        co_return place;
    }

    /// Waits, but not beyond the moment when drain() begins.
    task<void> rest(clock::duration time)
    {
        auto const ex = co_await this_coro::executor;
        resting    r(*this, resting_, ex, posthorn::detail::from_now(time));
        co_await wait(r);
    }

    /// Nobody gets in any more; waits until nobody is inside, and ends all connections.
    task<void> drain()
    {
        auto const ex = co_await this_coro::executor;
        begin_to_drain();
        resting r(*this, draining_tasks_, ex, clock::time_point::max());
        while (!is_empty(r))
            co_await wait(r);
    }

    /// Back from who had it.
    void give_back(std::unique_ptr<pool_slot> s) noexcept override
    {
        std::unique_ptr<pool_slot> gone;
        bool                       send_off = false;
        {
            std::lock_guard const lock(mutex_);
            --inside_;
            if (s && (ended_ || retired_))
                gone = std::move(s);
            else if (s)
            {
                s->open   = s->client.is_connected();
                s->unused = clock::now();
                send_off  = draining_ && s->open && !s->leaving;
                if (send_off)
                    ++inside_;
                else
                    keep(std::move(s));
            }
            go_on();
        }
        if (send_off)
            say_goodbye(std::move(s));
    }

    // What is learned ------------------------------------------------------------------------------------------

    void succeeded() noexcept
    {
        std::lock_guard const lock(mutex_);
        gate_.succeed(clock::now());
        go_on();
    }

    void complained() noexcept
    {
        std::lock_guard const lock(mutex_);
        gate_.throttle(inside_, clock::now());
        go_on();
    }

    void login_deferred() noexcept
    {
        std::lock_guard const lock(mutex_);
        gate_.login_deferred(clock::now());
        go_on();
    }

    void login_refused(session_error const& e) noexcept
    {
        std::lock_guard const lock(mutex_);
        gate_.login_refused(e, clock::now());
        for (auto* const w : waiting_)
            ring(*w);
    }

    void remember(bool pipelining, bool chunking, session_error const& why) noexcept
    {
        std::lock_guard const lock(mutex_);
        memory_.no_pipelining = memory_.no_pipelining || pipelining;
        memory_.no_chunking   = memory_.no_chunking || chunking;
        try
        {
            memory_.reason = why.what();
        }
        catch (std::exception const&)
        {
            // No memory for words.
        }
    }

    host_memory memory() const
    {
        std::lock_guard const lock(mutex_);
        return memory_;
    }

    void forget() noexcept
    {
        std::lock_guard const lock(mutex_);
        memory_ = host_memory();
    }

    pool_statistics statistics() const noexcept
    {
        std::lock_guard const lock(mutex_);
        pool_statistics       s;
        auto const idle = std::count_if(free_.begin(), free_.end(), [](auto const& one) { return one->open; });
        s.connections   = inside_ + static_cast<std::size_t>(idle);
        s.busy          = inside_;
        s.waiting       = waiting_.size();
        s.limit         = gate_.limit();
        s.throttled     = gate_.throttled();
        return s;
    }

    clock::duration pause_before(std::size_t attempt) const { return gate_.pause_before(attempt); } // of settings alone

    // The end --------------------------------------------------------------------------------------------------

    /// The pool goes. Its connections end on their strands, where timers of theirs may be about to look at them.
    void retire() noexcept
    {
        std::vector<std::unique_ptr<pool_slot>> gone;
        {
            std::lock_guard const lock(mutex_);
            gone.swap(free_);
            retired_ = true;
            timer_.reset();
        }
        for (auto& s : gone)
        {
            try
            {
                auto const strand = s->strand;
                asio::post(strand, [last = std::move(s)] {});
            }
            catch (std::exception const&)
            {
                // No memory: it went here.
            }
        }
    }

    void loop_ended() noexcept override
    {
        std::vector<std::unique_ptr<pool_slot>> gone;
        asio::any_io_executor                   executor;
        {
            std::lock_guard const lock(mutex_);
            ended_ = true;
            gone.swap(free_);
            executor.swap(executor_);
            timer_.reset();
            ring_all(waiting_);
            ring_all(resting_);
            ring_all(draining_tasks_);
        }
    }

    pool_settings settings;

private:
    // Waiting --------------------------------------------------------------------------------------------------

    /// A task that waits, for as long as it waits.
    class resting : public bell
    {
    public:
        resting(pool_state& s, std::list<bell*>& among, asio::any_io_executor const& ex, clock::time_point when)
            : bell(s.executor_or(ex), when), state_(&s), among_(&among)
        {
            std::lock_guard const lock(s.mutex_);
            at_  = among.insert(among.end(), this);
            rung = s.draining_ || s.ended_;
        }
        ~resting()
        {
            std::lock_guard const lock(state_->mutex_);
            among_->erase(at_);
        }

    private:
        pool_state*                state_;
        std::list<bell*>*          among_;
        std::list<bell*>::iterator at_;
    };

    /// A task in the queue. Whatever ends its wait, the place that it got and does not take goes to the next.
    class waiter : public bell
    {
    public:
        waiter(pool_state& s, asio::any_io_executor const& ex)
            : bell(s.executor_or(ex), posthorn::detail::from_now(s.settings.acquire_timeout)), state_(&s)
        {
            std::lock_guard const lock(s.mutex_);
            at_ = s.waiting_.insert(s.waiting_.end(), this);
            s.go_on();
        }
        ~waiter()
        {
            bool place = false;
            {
                std::lock_guard const lock(state_->mutex_);
                if (queued)
                    state_->waiting_.erase(at_);
                place = admitted;
                state_->go_on();
            }
            if (place)
                state_->give_back(nullptr);
        }

        pool_lease take() noexcept
        {
            admitted = false; // nobody else looks at it any more
            return pool_lease(state_->shared_from_this());
        }

        bool queued   = true;
        bool admitted = false; ///< It counts as inside, and is out of the queue.
        bool starved  = false; ///< There was no memory for the timer that would have let it in.

    private:
        pool_state*                  state_;
        std::list<waiter*>::iterator at_;
    };

    /// Waits until it rings.
    task<void> wait(bell& b)
    {
        co_await until_rung(b, mutex_);
        co_await refuse_if_cancelled();
    }

    asio::any_io_executor executor_or(asio::any_io_executor const& own) const
    {
        if (own)
            return own;
        std::lock_guard const lock(mutex_);
        return executor_;
    }

    // Getting in -----------------------------------------------------------------------------------------------

    session_error make_error(std::error_code code, std::string detail, std::string hint = {}) const
    {
        error_context context;
        context.peer   = settings.client.session.server;
        context.detail = std::move(detail);
        context.hint   = std::move(hint);
        return session_error(code, phase::prepare, std::move(context));
    }

    task<void> refuse_if_cancelled()
    {
        auto const how = co_await this_coro::cancelled;
        if (how != asio::cancellation_type::none)
            throw make_error(posthorn::errc::canceled, "nothing was sent");
    }

    void refuse_if_useless()
    {
        if (draining_ || ended_)
            throw make_error(posthorn::errc::closed, draining_ ? "the pool was drained" : "its event loop has ended");
        if (auto const& refused = gate_.refusal(clock::now()))
            throw session_error(*refused);
    }

    pool_lease enter_at_once()
    {
        std::lock_guard const lock(mutex_);
        refuse_if_useless();
        auto const now = clock::now();
        if (!waiting_.empty() || !gate_.has_room(inside_) || gate_.opens_at() > now)
            return pool_lease();
        gate_.begin(now);
        ++inside_;
        return pool_lease(shared_from_this());
    }

    /// A waiter looks around: was it let in, or is there nothing more to wait for?
    bool may_enter(waiter& w)
    {
        std::lock_guard const lock(mutex_);
        refuse_if_useless();
        if (w.admitted)
            return true;
        if (w.starved)
            throw std::bad_alloc();
        if (clock::now() >= w.limit)
            throw make_error(posthorn::errc::timeout, "no connection of the pool was free in time",
                             "allow more connections, or more time");
        w.rung = false;
        return false;
    }

    /// The connection that was used last, so that the others may go; a new one only if none is open.
    void choose(pool_lease& place)
    {
        std::lock_guard const lock(mutex_);
        if (ended_)
            refuse_if_useless();
        if (free_.empty())
        {
            free_.reserve(slots_ + 1); // so that giving it back needs no memory
            place.choose(std::make_unique<pool_slot>(executor_, settings.client));
            ++slots_;
            return;
        }
        free_.back()->leaving = false;
        place.choose(std::move(free_.back()));
        free_.pop_back();
    }

    /// Open connections stand behind the others, in the order in which they were given back.
    void keep(std::unique_ptr<pool_slot> s) noexcept
    {
        if (s->open)
            free_.push_back(std::move(s));
        else
            free_.insert(free_.begin(), std::move(s));
    }

    /// After every change: lets in who may come in, and sees to it that what is to happen later happens.
    void go_on() noexcept
    {
        auto const now = clock::now();
        while (!ended_ && !waiting_.empty() && gate_.has_room(inside_) && gate_.opens_at() <= now)
        {
            waiter& w = *waiting_.front();
            waiting_.pop_front();
            gate_.begin(now);
            ++inside_;
            w.queued   = false;
            w.admitted = true;
            ring(w);
        }
        if (inside_ == 0)
            ring_all(draining_tasks_);
        look_later();
    }

    // Later ----------------------------------------------------------------------------------------------------

    /// When something is to be done although nobody asks for it.
    clock::time_point next_moment() const noexcept
    {
        auto next = clock::time_point::max();
        if (draining_)
            return next;
        if (!waiting_.empty() && gate_.has_room(inside_))
            next = gate_.opens_at();
        auto const first = first_open();
        if (first != free_.end())
            next = std::min(next, idle_until(**first));
        return next;
    }

    /// The unused connection that was given back first and is to be ended some time.
    std::vector<std::unique_ptr<pool_slot>>::const_iterator first_open() const noexcept
    {
        return std::find_if(free_.begin(), free_.end(), [](auto const& s) { return s->open && !s->leaving; });
    }

    clock::time_point idle_until(pool_slot const& s) const noexcept
    {
        bool const for_ever = settings.max_idle >= clock::time_point::max() - s.unused;
        return for_ever ? clock::time_point::max() : s.unused + settings.max_idle;
    }

    /// Sets the timer, which keeps the event loop running only while there is something to be done.
    void look_later() noexcept
    {
        if (!timer_)
            return;
        auto const next = next_moment();
        if (next == clock::time_point::max())
        {
            if (looks_at_ != next)
                timer_->cancel();
            looks_at_ = next;
            return;
        }
        if (looks_at_ <= next)
            return; // and sees that it is too early
        try
        {
            timer_->expires_at(next);
            timer_->async_wait([self = weak_from_this()](std::error_code ec) {
                auto const state = self.lock();
                if (!ec && state)
                    state->look();
            });
            looks_at_ = next;
        }
        catch (std::exception const&)
        {
            looks_at_ = clock::time_point::max(); // idle connections stay until somebody comes
            if (!gate_.has_room(inside_))
                return; // those who wait are called by those who leave
            for (auto* const w : waiting_)
            {
                w->starved = true;
                ring(*w);
            }
        }
    }

    void look() noexcept
    {
        {
            std::lock_guard const lock(mutex_);
            looks_at_ = clock::time_point::max();
        }
        while (auto s = take_idle())
            say_goodbye(std::move(s));
        std::lock_guard const lock(mutex_);
        go_on();
    }

    /// A connection that nobody has used for long; while it is being ended it counts as used.
    std::unique_ptr<pool_slot> take_idle() noexcept
    {
        std::lock_guard const lock(mutex_);
        auto const            first = first_open();
        if (first == free_.end() || (!draining_ && clock::now() < idle_until(**first)))
            return nullptr;
        auto const at = free_.begin() + (first - free_.begin());
        auto       s  = std::move(*at);
        free_.erase(at);
        ++inside_;
        return s;
    }

    void begin_to_drain()
    {
        {
            std::lock_guard const lock(mutex_);
            draining_ = true;
            ring_all(waiting_);
            ring_all(resting_);
            go_on();
        }
        while (auto s = take_idle())
            say_goodbye(std::move(s));
    }

    bool is_empty(bell& b)
    {
        std::lock_guard const lock(mutex_);
        b.rung = false;
        return inside_ == 0 || ended_;
    }

    /// Gives a connection back after QUIT.
    class farewell
    {
    public:
        explicit farewell(pool_lease s) noexcept : lease_(std::move(s)) {}
        void operator()(std::exception_ptr) noexcept { pool_lease const last(std::move(lease_)); }

    private:
        pool_lease lease_;
    };

    /// Ends a connection that counts as used, behind the back of whoever asked for it.
    void say_goodbye(std::unique_ptr<pool_slot> s) noexcept
    {
        s->leaving = true;
        pool_lease lease(shared_from_this(), std::move(s));
        try
        {
            auto const strand = lease->strand;
            auto       polite = lease->client.quit();
            spawn(strand, std::move(polite), farewell(std::move(lease)));
        }
        catch (std::exception const&)
        {
            // No memory: it stays open until somebody uses it or the pool goes.
        }
    }

    mutable std::mutex                      mutex_;
    asio::any_io_executor                   executor_;
    pool_gate                               gate_;
    std::vector<std::unique_ptr<pool_slot>> free_;
    std::size_t                             slots_ = 0; ///< Free and in use.
    std::list<waiter*>                      waiting_;
    std::list<bell*>                        resting_;
    std::list<bell*>                        draining_tasks_;
    std::size_t                             inside_   = 0; ///< Who has, or is about to have, a connection.
    std::optional<asio::steady_timer>       timer_;
    clock::time_point                       looks_at_ = clock::time_point::max(); ///< When the timer is set to.
    bool                                    draining_ = false;
    bool                                    ended_    = false; ///< The event loop.
    bool                                    retired_  = false;
    host_memory                             memory_;
};

} // namespace posthorn::smtp::detail

#endif
