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
#include <posthorn/coro/use_task.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/detail/pool_gate.hpp>
#include <posthorn/smtp/detail/pool_state.hpp>
#include <posthorn/smtp/detail/repeat.hpp>
#include <posthorn/smtp/event.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/pool_settings.hpp>
#include <posthorn/smtp/send_options.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <asio/any_io_executor.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

namespace posthorn::smtp {

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
    own. Tasks of the pool may be awaited on other executors, one that does not run handlers concurrently for each (see
    task), whose event loops must last until the tasks have ended.

    @par Thread safety
    All member functions but the destructor are safe. Handlers of events (session_settings::on_event), token sources and
    sources of messages are called on strands of the pool, several at a time where they are shared; events::moved comes
    on the executor of the task where a message is tried again.

    @par Lifetime
    It must outlive its tasks. Await drain() before its end; otherwise unused connections close without QUIT, in their event
    loop. It may outlive that: then its connections have ended with the loop, and nothing more can be sent. An unused
    connection keeps the event loop running until it is closed, after max_idle.

    @par Cancellation
    Supported everywhere: a message that waits has not been sent, for one that is being sent see client.
*/
class pool
{
public:
    pool(asio::any_io_executor const& ex, pool_settings settings)
        : state_(detail::pool_state::make(ex, std::move(settings)))
    {
    }
    pool(pool const&)            = delete;
    pool& operator=(pool const&) = delete;
    ~pool() { state_->retire(); }

    /** Sends one message, with the default options of the settings.

        A message that the server put off because of its load goes behind those that wait by then.

        @param m Must stay as it is until the task ends.
        @throws as client::send(); session_error with posthorn::errc::closed after drain(), with posthorn::errc::timeout if no
                connection was free in time, with the refusal of the last login if that is not tried again yet. */
    task<report> send(message const& m) { return send(m, state_->settings.client.sending); }

    /// The same with options for this message, which must stay as well.
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
                bool const once_more = attempt > 1;
                co_await send_once(m, options, into, once_more);
            }
            catch (session_error const& e)
            {
                failure = std::current_exception();
                again   = detail::put_off(e) && detail::unseen(into);
            }
            bool const judged = detail::put_off(into); // by the server, whatever the policy makes of it
            again             = again || judged;
            again = again && attempt <= state_->settings.throttle_retries && detail::can_repeat(m, into);
            if (!again && failure)
                std::rethrow_exception(failure);
            if (!again)
                co_return;
            auto const pause = state_->pause_before(attempt);
            co_await state_->rest(pause);
            if (judged)
                note_move();
        }
    }

    /** Runs a task with one of the connections, for what send() does not do: bursts, single commands.

        It counts as one message. What it throws about logins and load is heeded as for send(), but it is not tried again.

        @param f Called with a client, on the connection's strand; gives a task<void>. What it refers to must stay until
                 the task ends. Neither the client nor what came of it, as a sequence of results, may be used afterwards.
        @throws as send() before it was called; then what it throws. */
    task<void> use(std::function<task<void>(client&)> f)
    {
        auto               lease = co_await state_->acquire();
        auto const         where = lease->strand;
        std::exception_ptr failure;
        try
        {
            auto run = run_on(*lease, std::move(f));
            co_await spawn(where, std::move(run), use_task);
        }
        catch (...)
        {
            failure = std::current_exception();
        }
        bool const none = false;
        learn(report(), failure, none);
        if (failure)
            std::rethrow_exception(failure);
    }

    /** Lets what is being sent finish, lets nothing else in, and ends all connections with QUIT. Messages that wait, for a
        connection or to be tried again, fail with errc::closed. The pool cannot be used again.

        @par Cancellation
        Ends the wait only. */
    task<void> drain() { return state_->drain(); }

    pool_statistics statistics() const { return state_->statistics(); }

    /// What was learned about the server, and is avoided since.
    host_memory memory() const { return state_->memory(); }

    /// Forgets it: the server was mended. Connections that are open keep avoiding it.
    void forget() { state_->forget(); }

    pool_settings const& settings() const noexcept { return state_->settings; }

private:
    using clock = detail::pool_state::clock;

    task<void> send_once(message const& m, send_options const& options, report& into, bool once_more)
    {
        auto               lease = co_await state_->acquire();
        auto const         where = lease->strand;
        bool               pipelined = false;
        std::exception_ptr failure;
        try
        {
            sending what {&m, &options, &into, once_more, &pipelined};
            auto    run = send_on(*lease, what);
            co_await spawn(where, std::move(run), use_task);
        }
        catch (...)
        {
            failure = std::current_exception();
        }
        learn(into, failure, pipelined);
        if (failure)
            std::rethrow_exception(failure);
    }

    void note_move() const
    {
        auto const& tell = state_->settings.client.session.on_event;
        if (tell)
            tell(events::moved {});
    }

    // On the strand of the slot. ------------------------------------------------------------------------------

    /// One message on its way.
    struct sending
    {
        message const*      mail;
        send_options const* options;
        report*             into;
        bool                once_more; ///< Its content may have been looked at.
        bool*               pipelined; ///< Was it sent so?
    };

    task<void> send_on(detail::pool_slot& s, sending what)
    {
        co_await make_ready(s);
        if (what.once_more)
            co_await detail::rewind(*what.mail);
        auto const         begin = clock::now();
        std::exception_ptr failure;
        try
        {
            co_await s.client.send(*what.mail, *what.options, *what.into);
        }
        catch (...)
        {
            failure = std::current_exception();
        }
        count(s, begin);
        auto const* const session = s.client.current();
        *what.pipelined =
            what.options->pipelining && session != nullptr && session->capabilities().has(feature::pipelining);
        if (failure)
            std::rethrow_exception(failure);
    }

    task<void> run_on(detail::pool_slot& s, std::function<task<void>(client&)> f)
    {
        co_await make_ready(s);
        auto const         begin = clock::now();
        std::exception_ptr failure;
        try
        {
            co_await f(s.client);
        }
        catch (...)
        {
            failure = std::current_exception();
        }
        count(s, begin);
        if (failure)
            std::rethrow_exception(failure);
    }

    /// Ends a connection that had enough, and avoids what is known to break.
    task<void> make_ready(detail::pool_slot& s)
    {
        auto const& limits = state_->settings;
        auto const  known  = state_->memory();
        s.client.unmask();
        if (known.no_pipelining)
            s.client.mask(feature::pipelining);
        if (known.no_chunking)
            s.client.mask(feature::chunking);
        bool const full = limits.max_messages != 0 && s.messages >= limits.max_messages;
        bool const old  = clock::now() - s.since >= limits.max_age;
        if (s.client.is_connected() && (full || old))
            co_await s.client.quit();
    }

    /// One message more. The client may have taken a fresh connection for it. @param begin Of the message.
    static void count(detail::pool_slot& s, clock::time_point begin) noexcept
    {
        if (s.connection != s.client.connections())
        {
            s.connection = s.client.connections();
            s.messages   = 0;
            s.since      = begin;
        }
        ++s.messages;
    }

    // ---------------------------------------------------------------------------------------------------------

    /// What a message that was sent, or was not, tells about the server. Whatever comes of it, the outcome of the message
    /// stays what it is.
    void learn(report const& r, std::exception_ptr const& failure, bool pipelined) noexcept
    {
        if (detail::put_off(r) || detail::closed_upon(r))
            return state_->complained();
        if (!failure)
            return state_->succeeded();
        try
        {
            std::rethrow_exception(failure);
        }
        catch (session_error const& e)
        {
            learn(r, e, pipelined);
        }
        catch (...)
        {
            // No connection, or the caller's own: nothing about what the server can do.
        }
    }

    void learn(report const& r, session_error const& e, bool pipelined) noexcept
    {
        bool const out_of_step = e.code() == errc::unsolicited_reply || e.code() == errc::unexpected_code;
        if (out_of_step && pipelined && e.phase() >= phase::mail && e.phase() <= phase::content)
            state_->remember(true, false, e);
        bool const broke = e.code() == condition::timeout || e.code() == posthorn::errc::connection_lost;
        if (broke && e.phase() == phase::content && r.transfer() == transfer::bdat)
            state_->remember(false, true, e);
        if (e.code() == errc::auth_failed)
            state_->login_refused(e);
        if (e.code() == errc::auth_temporary)
            state_->login_deferred();
        if (detail::put_off(e) && e.code() != errc::connection_used_up)
            state_->complained();
    }

    std::shared_ptr<detail::pool_state> state_;
};

} // namespace posthorn::smtp

#endif
