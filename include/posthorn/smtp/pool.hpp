//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// pool: many connections to one server, shared by all who send.

#ifndef POSTHORN_SMTP_POOL_HPP
#define POSTHORN_SMTP_POOL_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/detail/pool_gate.hpp>
#include <posthorn/smtp/detail/repeat.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/pool_settings.hpp>
#include <posthorn/smtp/send_options.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::smtp {

namespace detail {

/// What the pool and all that runs in it share. It lives on `strand`, but for what `mutex` guards.
class pool_state : public std::enable_shared_from_this<pool_state>
{
public:
    using clock = pool_gate::clock;

    /// One connection, on a strand of its own.
    struct slot
    {
        slot(asio::any_io_executor const& ex, client_settings const& s) : strand(asio::make_strand(ex)), client(s) {}

        asio::any_io_executor strand;
        smtp::client          client;       ///< Used on its strand, by who has taken the slot.
        std::size_t           messages = 0; ///< On this connection.
        clock::time_point     since {};     ///< Of the connection.
        clock::time_point     unused {};    ///< When it was given back.
        bool                  open = false; ///< As far as was known then.
    };

    pool_state(asio::any_io_executor const& ex, pool_settings s)
        : settings(std::move(s)), executor(ex), strand(asio::make_strand(ex)), gate(settings), janitor_(strand)
    {
        if (settings.client.session.server.empty())
            settings.client.session.server = net::to_string(settings.client.server);
    }

    /// A slot that may be used now. On the strand.
    task<slot*> acquire()
    {
        refuse_if_useless();
        if (!waiters_.empty() || !gate.has_room(inside_))
            co_await wait_for_room();
        ++inside_;
        share_statistics();
        inside_guard guard(*this);
        auto const   start = gate.take_turn(clock::now());
        if (start > clock::now())
        {
            asio::steady_timer pause(strand, start);
            co_await pause.async_wait(use_task);
        }
        refuse_if_useless();
        slot* const taken = take();
        guard.keep();
        co_return taken;
    }

    /// Gives a slot back. From any thread; the pool may be gone.
    static void release(std::shared_ptr<pool_state> const& state, slot* s, bool open)
    {
        asio::post(state->strand, [state, s, open] {
            s->open   = open;
            s->unused = clock::now();
            state->free_.push_back(s);
            state->leave();
            state->look_after_idle();
        });
    }

    /// Nobody gets in any more; waits until nobody is inside, and ends all connections. On the strand.
    task<void> drain()
    {
        draining_ = true;
        for (auto* const w : waiters_)
            w->bell.cancel();
        janitor_.cancel();
        while (inside_ != 0)
        {
            emptied_.emplace(strand, clock::time_point::max());
            auto const woken  = co_await emptied_->async_wait(use_task_nothrow);
            auto const how    = co_await this_coro::cancelled;
            auto const& [ec]  = woken;
            if (how != asio::cancellation_type::none)
                throw std::system_error(ec);
        }
        for (slot* const s : free_)
        {
            auto polite = s->client.quit();
            co_await spawn(s->strand, std::move(polite), use_task);
            s->open = false;
        }
        share_statistics();
    }

    pool_statistics statistics()
    {
        std::lock_guard const lock(mutex_);
        return statistics_;
    }

    host_memory memory()
    {
        std::lock_guard const lock(mutex_);
        return memory_;
    }

    void forget()
    {
        std::lock_guard const lock(mutex_);
        memory_ = host_memory();
    }

    void remember(bool pipelining, bool chunking, std::string reason)
    {
        std::lock_guard const lock(mutex_);
        memory_.no_pipelining = memory_.no_pipelining || pipelining;
        memory_.no_chunking   = memory_.no_chunking || chunking;
        memory_.reason        = std::move(reason);
    }

    /// What the gate learns from a message. On any thread.
    template <class F>
    static void tell(std::shared_ptr<pool_state> const& state, F f)
    {
        asio::post(state->strand, [state, f = std::move(f)]() mutable {
            f(state->gate, state->inside_);
            state->wake();
            state->share_statistics();
        });
    }

    pool_settings         settings;
    asio::any_io_executor executor;
    asio::any_io_executor strand;
    pool_gate             gate;

private:
    struct waiter
    {
        explicit waiter(asio::any_io_executor const& ex) : bell(ex, clock::time_point::max()) {}

        asio::steady_timer bell;
        bool               called = false; ///< A place was kept.
    };

    /// Leaves again unless it is kept.
    class inside_guard
    {
    public:
        explicit inside_guard(pool_state& s) noexcept : state_(&s) {}
        inside_guard(inside_guard const&)            = delete;
        inside_guard& operator=(inside_guard const&) = delete;
        ~inside_guard()
        {
            if (state_ != nullptr)
                state_->leave();
        }
        void keep() noexcept { state_ = nullptr; }

    private:
        pool_state* state_;
    };

    void refuse_if_useless()
    {
        if (draining_)
        {
            error_context context;
            context.peer   = settings.client.session.server;
            context.detail = "the pool was drained";
            throw session_error(posthorn::errc::closed, phase::prepare, std::move(context));
        }
        if (auto const& refused = gate.refusal(clock::now()))
            throw session_error(*refused);
    }

    task<void> wait_for_room()
    {
        waiter     w(strand);
        auto const at = waiters_.insert(waiters_.end(), &w);
        share_statistics();
        /// Out of the queue, however the wait ends; a place that was kept and is not used goes to the next.
        struct guard
        {
            pool_state*                  state;
            std::list<waiter*>::iterator at;
            waiter*                      w;
            bool                         used = false;

            ~guard()
            {
                state->waiters_.erase(at);
                if (w->called)
                    --state->promised_;
                if (w->called && !used)
                    state->wake();
            }
        } leaving {this, at, &w};
        auto const woken = co_await w.bell.async_wait(use_task_nothrow);
        auto const how   = co_await this_coro::cancelled;
        if (how != asio::cancellation_type::none)
        {
            auto const& [ec] = woken;
            throw std::system_error(ec);
        }
        refuse_if_useless();
        leaving.used = true;
    }

    /// Calls those who wait, first come first served.
    void wake()
    {
        for (auto* const w : waiters_)
        {
            if (w->called)
                continue;
            if (!gate.has_room(inside_ + promised_))
                break;
            w->called = true;
            ++promised_;
            w->bell.cancel();
        }
    }

    void leave()
    {
        --inside_;
        wake();
        share_statistics();
        if (inside_ == 0 && emptied_)
            emptied_->cancel();
    }

    /// The connection that was used last, or a new one: the others may go.
    slot* take()
    {
        if (free_.empty())
        {
            slots_.push_back(std::make_unique<slot>(executor, settings.client));
            return slots_.back().get();
        }
        slot* const s = free_.back();
        free_.pop_back();
        return s;
    }

    void share_statistics()
    {
        std::lock_guard const lock(mutex_);
        statistics_.busy        = inside_;
        statistics_.waiting     = waiters_.size();
        statistics_.limit       = gate.limit();
        statistics_.throttled   = gate.throttled();
        statistics_.connections = static_cast<std::size_t>(
            std::count_if(slots_.begin(), slots_.end(), [](auto const& s) { return s->open; }));
    }

    /// Closes connections that nobody has used for long. Its timer keeps the event loop running until they are closed.
    void look_after_idle()
    {
        if (draining_ || closing_idle_ || settings.max_idle == pool_settings::duration::max())
            return;
        auto oldest = clock::time_point::max();
        for (slot* const s : free_)
            if (s->open)
                oldest = std::min(oldest, s->unused);
        if (oldest == clock::time_point::max())
            return;
        janitor_.expires_at(oldest + settings.max_idle);
        janitor_.async_wait([self = weak_from_this()](std::error_code ec) {
            auto const state = self.lock();
            if (!ec && state)
                state->close_one_idle();
        });
    }

    void close_one_idle()
    {
        auto const now = clock::now();
        auto const at  = std::find_if(free_.begin(), free_.end(), [&](slot const* s) {
            return s->open && now - s->unused >= settings.max_idle;
        });
        if (at == free_.end())
            return look_after_idle();
        slot* const s = *at;
        free_.erase(at); // nobody else may take it meanwhile
        closing_idle_ = true;
        auto polite   = s->client.quit();
        spawn(s->strand, std::move(polite), [self = shared_from_this(), s](std::exception_ptr) {
            asio::post(self->strand, [self, s] {
                s->open             = false;
                self->closing_idle_ = false;
                self->free_.insert(self->free_.begin(), s);
                self->share_statistics();
                self->look_after_idle();
            });
        });
    }

    std::vector<std::unique_ptr<slot>> slots_;
    std::vector<slot*>                 free_; ///< The one used last at the end.
    std::list<waiter*>                 waiters_;
    std::size_t                        inside_   = 0; ///< Who has, or is about to have, a slot.
    std::size_t                        promised_ = 0; ///< Waiters that were called and have not come yet.
    std::optional<asio::steady_timer>  emptied_;
    asio::steady_timer                 janitor_;
    bool                               draining_     = false;
    bool                               closing_idle_ = false;

    std::mutex      mutex_;
    pool_statistics statistics_;
    host_memory     memory_;
};

/// A slot in use, given back when this goes, even if that is because an event loop was destroyed.
class pool_lease
{
public:
    pool_lease(std::shared_ptr<pool_state> state, pool_state::slot* s) noexcept : state_(std::move(state)), slot_(s) {}
    pool_lease(pool_lease const&)            = delete;
    pool_lease& operator=(pool_lease const&) = delete;
    ~pool_lease() { pool_state::release(state_, slot_, open); }

    pool_state::slot& operator*() const noexcept { return *slot_; }
    pool_state::slot* operator->() const noexcept { return slot_; }

    bool open = false; ///< Is its connection open, as was seen last?

private:
    std::shared_ptr<pool_state> state_;
    pool_state::slot*           slot_;
};

} // namespace detail

/** Sends mail to one server over as many connections as the settings and the server allow.

    A message waits for its turn, first come first served. Connections are opened when they are needed, used again after
    a look whether they are alive, and closed with QUIT when they are too old or unused. Where the server complains about
    load (421, 432, 451 4.7.x and the like) fewer are used for a while, and messages that it put off before it judged
    anything about them are tried again. What is known to break with this server is avoided, see memory().

    @code
    smtp::pool pool(io.get_executor(), smtp::pool_settings(smtp::client_settings("smtps://user:secret@mail.example.org")));
    auto report = co_await pool.send(mail); // from any number of tasks
    @endcode

    @par Executors
    The pool works on the executor it is given, which may run handlers on many threads; each connection has a strand of its
    own. Tasks of the pool may be awaited on other executors.

    @par Thread safety
    All member functions but the destructor are safe. Handlers of events (session_settings::on_event), token sources and
    sources of messages are called on strands of the pool, several at a time where they are shared.

    @par Lifetime
    It must outlive its tasks. Await drain() before its end; otherwise connections close without QUIT when the last
    operation has ended. An unused connection keeps the event loop running until it is closed, after max_idle.

    @par Cancellation
    Supported everywhere: a message that waits has not been sent, for one that is being sent see client.
*/
class pool
{
public:
    pool(asio::any_io_executor const& ex, pool_settings settings)
        : state_(std::make_shared<detail::pool_state>(ex, std::move(settings)))
    {
    }
    pool(pool const&)            = delete;
    pool& operator=(pool const&) = delete;

    /** Sends one message, with the default options of the settings.

        @param m Must stay as it is until the task ends.
        @throws as client::send(); session_error with errc::closed after drain(); with posthorn::errc::timeout if no
                connection was free in time. */
    task<report> send(message const& m) { return send(m, state_->settings.client.sending); }

    /// The same with options for this message.
    task<report> send(message const& m, send_options const& options)
    {
        report r;
        co_await send(m, options, r);
        co_return r;
    }

    /// The same into a report that keeps its memory. @param into Complete also if this throws.
    task<void> send(message const& m, send_options const& options, report& into)
    {
        for (std::size_t attempt = 1;; ++attempt)
        {
            transaction::reset(into, m.envelope);
            std::exception_ptr failure;
            bool               again = false;
            try
            {
                co_await send_once(m, options, into);
                again = detail::put_off(into);
            }
            catch (session_error const& e)
            {
                failure = std::current_exception();
                again   = detail::put_off(e) && detail::unseen(into);
            }
            again = again && attempt <= state_->settings.throttle_retries && detail::can_repeat(m, into);
            if (!again && failure)
                std::rethrow_exception(failure);
            if (!again)
                co_return;
            co_await detail::rewind(m);
            auto const         ex = co_await this_coro::executor;
            asio::steady_timer pause(ex, state_->gate.pause_before(attempt));
            co_await pause.async_wait(use_task);
        }
    }

    /** Runs a task with one of the connections, for what send() does not do: bursts, single commands.

        @param f Called with a client, on the connection's strand; gives a task<void>. What it refers to must stay until
                 the task ends. The client must not be used afterwards. */
    task<void> use(std::function<task<void>(client&)> f)
    {
        auto* const slot = co_await acquire();
        detail::pool_lease lease(state_, slot);
        auto               run = run_on(*lease, std::move(f), lease.open);
        co_await spawn(lease->strand, std::move(run), use_task);
    }

    /** Lets what is being sent finish, lets nothing else in, and ends all connections with QUIT. Messages that wait fail with
        errc::closed. The pool cannot be used again. */
    task<void> drain()
    {
        auto work = state_->drain();
        co_await spawn(state_->strand, std::move(work), use_task);
    }

    pool_statistics statistics() const { return state_->statistics(); }

    /// What was learned about the server, and is avoided since.
    host_memory memory() const { return state_->memory(); }

    /// Forgets it: the server was mended. Connections that are open keep avoiding it.
    void forget() { state_->forget(); }

    pool_settings const& settings() const noexcept { return state_->settings; }

private:
    using clock = detail::pool_state::clock;

    task<detail::pool_state::slot*> acquire()
    {
        auto work  = state_->acquire();
        auto there = spawn_acquire(std::move(work));
        auto const most = state_->settings.acquire_timeout;
        if (most == pool_settings::duration::max())
            co_return co_await std::move(there);
        std::error_code late;
        try
        {
            co_return co_await with_timeout(std::move(there), most);
        }
        catch (error const& e)
        {
            late = e.code();
            if (late != condition::timeout)
                throw;
        }
        error_context context;
        context.peer   = state_->settings.client.session.server;
        context.detail = "no connection of the pool was free in time";
        context.hint   = "allow more connections, or more time";
        throw session_error(late, phase::prepare, std::move(context));
    }

    task<detail::pool_state::slot*> spawn_acquire(task<detail::pool_state::slot*> work)
    {
        co_return co_await spawn(state_->strand, std::move(work), use_task);
    }

    task<void> send_once(message const& m, send_options const& options, report& into)
    {
        auto* const        slot = co_await acquire();
        detail::pool_lease lease(state_, slot);
        std::exception_ptr failure;
        try
        {
            auto run = send_on(*lease, m, options, into, lease.open);
            co_await spawn(lease->strand, std::move(run), use_task);
        }
        catch (...)
        {
            failure = std::current_exception();
        }
        learn(options, into, failure);
        if (failure)
            std::rethrow_exception(failure);
    }

    // On the strand of the slot. ------------------------------------------------------------------------------

    task<void> send_on(detail::pool_state::slot& s, message const& m, send_options const& options, report& into, bool& open)
    {
        co_await make_ready(s);
        std::exception_ptr failure;
        try
        {
            co_await s.client.send(m, options, into);
        }
        catch (...)
        {
            failure = std::current_exception();
        }
        ++s.messages;
        open = s.client.is_connected();
        if (failure)
            std::rethrow_exception(failure);
    }

    task<void> run_on(detail::pool_state::slot& s, std::function<task<void>(client&)> f, bool& open)
    {
        co_await make_ready(s);
        std::exception_ptr failure;
        try
        {
            co_await f(s.client);
        }
        catch (...)
        {
            failure = std::current_exception();
        }
        ++s.messages;
        open = s.client.is_connected();
        if (failure)
            std::rethrow_exception(failure);
    }

    /// Ends a connection that had enough, and avoids what is known to break.
    task<void> make_ready(detail::pool_state::slot& s)
    {
        auto const& limits  = state_->settings;
        auto const  known   = state_->memory();
        bool const  enough  = limits.max_messages != 0 && s.messages >= limits.max_messages;
        if (known.no_pipelining)
            s.client.mask(feature::pipelining);
        if (known.no_chunking)
            s.client.mask(feature::chunking);
        if (s.client.is_connected() && (enough || clock::now() - s.since >= limits.max_age))
            co_await s.client.quit();
        if (!s.client.is_connected())
        {
            s.messages = 0;
            s.since    = clock::now();
        }
    }

    // ---------------------------------------------------------------------------------------------------------

    /// What a message that was sent, or was not, tells about the server.
    void learn(send_options const& options, report const& r, std::exception_ptr const& failure)
    {
        if (!failure)
        {
            bool const load = detail::put_off(r);
            detail::pool_state::tell(state_, [load](detail::pool_gate& gate, std::size_t inside) {
                if (load)
                    gate.throttle(inside, clock::now());
                else
                    gate.succeed(clock::now());
            });
            return;
        }
        try
        {
            std::rethrow_exception(failure);
        }
        catch (session_error const& e)
        {
            learn(options, r, e);
        }
        catch (std::exception const&)
        {
            // No connection, or the caller's own: nothing about what the server can do.
        }
    }

    void learn(send_options const& options, report const& r, session_error const& e)
    {
        bool const out_of_step = e.code() == errc::unsolicited_reply || e.code() == errc::unexpected_code;
        if (out_of_step && options.pipelining && e.phase() >= phase::mail && e.phase() <= phase::content)
            state_->remember(true, false, e.what());
        bool const broke = e.code() == condition::timeout || e.code() == posthorn::errc::connection_lost;
        if (broke && e.phase() == phase::content && r.transfer() == transfer::bdat)
            state_->remember(false, true, e.what());
        bool const refused  = e.code() == errc::auth_failed;
        bool const deferred = e.code() == errc::auth_temporary;
        bool const load     = detail::put_off(e) && e.code() != errc::connection_used_up;
        if (!refused && !deferred && !load)
            return;
        detail::pool_state::tell(state_, [e, refused, deferred, load](detail::pool_gate& gate, std::size_t inside) {
            auto const now = clock::now();
            if (refused)
                gate.login_refused(e, now);
            if (deferred)
                gate.login_deferred(now);
            if (load)
                gate.throttle(inside, now);
        });
    }

    std::shared_ptr<detail::pool_state> state_;
};

} // namespace posthorn::smtp

#endif
