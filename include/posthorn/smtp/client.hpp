//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// client: one call to send a message; connects, secures, logs in and reconnects as needed.

#ifndef POSTHORN_SMTP_CLIENT_HPP
#define POSTHORN_SMTP_CLIENT_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/net/proxy.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/smtp/burst.hpp>
#include <posthorn/smtp/client_settings.hpp>
#include <posthorn/smtp/detail/burst_replay.hpp>
#include <posthorn/smtp/detail/repeat.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/send_options.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::smtp {

/** Sends mail to one server over one connection, which is opened when it is needed and kept for the next message.

    @par Example
    @code
    smtp::client client(smtp::client_settings("smtps://user:secret@mail.example.org"));
    smtp::message mail("me@example.org", {"you@example.net"}, "Subject: hi\r\n\r\nHello!\r\n");
    auto report = co_await client.send(mail);
    @endcode

    It runs on the executor of the task that calls it; all calls must come from tasks of the same executor, one at a
    time. Destroying it closes the connection without QUIT; await quit() for a polite end. While it is connected it must
    not outlive its event loop: with sync_wait() it lives inside of the task.

    @par Errors
    send_error and session_error; net::connect_error (condition::unreachable, with every address that was tried) if there
    is no connection; condition::tls if it cannot be protected as required; condition::authentication if the login
    fails.

    @par Cancellation
    Supported everywhere, see session.
*/
class client
{
public:
    explicit client(client_settings settings) : settings_(std::move(settings))
    {
        if (settings_.tls_host.empty())
            settings_.tls_host = settings_.server.host();
        if (settings_.session.server.empty())
            settings_.session.server = net::to_string(settings_.server);
    }
    client(client const&)            = delete;
    client& operator=(client const&) = delete;

    /** Connects, secures and logs in, unless that was done and the connection looks alive.

        Awaited by send(); useful alone to find out whether the settings work. */
    task<void> connect()
    {
        operation const guard(*this);
        bool const usable = co_await has_usable_session();
        if (!usable)
            co_await open(total_deadline());
    }

    /** Sends one message, with the default options of the settings.
        @return The outcome for each recipient. */
    task<report> send(message const& m) { return send(m, settings_.sending); }

    /** Sends one message.

        If a kept connection turns out to be dead before the server has accepted MAIL, the message moves to a fresh
        connection, once: nothing of it can have arrived.

        @param m       Must stay as it is until the task ends.
        @param options For this message. */
    task<report> send(message const& m, send_options const& options)
    {
        report r;
        co_await send(m, options, r);
        co_return r;
    }

    /// The same into a report that keeps its memory from message to message.
    task<void> send(message const& m, send_options const& options, report& into)
    {
        operation const guard(*this);
        transaction::reset(into, m.envelope);
        auto const deadline = total_deadline();
        bool       kept     = looks_usable();
        if (kept)
            session_->looked(); // just now: once is enough
        else
            kept = co_await has_usable_session();
        if (!kept)
            co_await open(deadline);
        session_->expires_at(deadline);
        bool stale = false;
        try
        {
            co_await session_->send(m, options, into);
            stale = kept && !session_->is_open() && detail::unseen(into) && detail::can_repeat(m, into);
        }
        catch (session_error const& e)
        {
            stale = kept && is_stale(e, into) && detail::can_repeat(m, into);
            if (!stale)
                throw;
        }
        if (!stale)
            co_return;
        note_move();
        session_.reset();
        co_await detail::rewind(m); // its beginning may have been looked at
        co_await open(deadline);
        session_->expires_at(deadline);
        co_await session_->send(m, options, into);
    }

    /** Sends many messages, each without waiting for the reply to the one before, see session::send_burst().

        If the connection ends, messages of which nothing can have arrived move to a fresh one, and the burst goes on. A
        message with which two connections have ended stays behind. The burst ends with an exception if there is no
        fresh connection to be had, or if two connections in turn have ended before any message was judged.

        @param messages As for session::send_burst(). What it gives must be able to start again (memory, files) to move.
        @return A result for each message that was taken from `messages`, as soon as it is known. */
    template <detail::message_range Messages>
    async_generator<burst_result> send_burst(Messages&& messages, burst_options options)
    {
        return burst(std::make_unique<detail::range_feed<Messages>>(std::forward<Messages>(messages)), std::move(options));
    }
    template <detail::message_like T>
    async_generator<burst_result> send_burst(async_generator<T> messages, burst_options options)
    {
        return burst(std::make_unique<detail::generator_feed<T>>(std::move(messages)), std::move(options));
    }

    /// The same with the options of the settings.
    template <class Messages>
    async_generator<burst_result> send_burst(Messages&& messages)
    {
        return send_burst(std::forward<Messages>(messages), burst_options(settings_.sending));
    }

    /// QUIT and an orderly close, if there is a connection. Fails only with errc::busy.
    task<void> quit()
    {
        operation const guard(*this);
        if (session_)
            co_await session_->quit();
        session_.reset();
    }

    /// Ends the connection at once. A running operation fails with errc::closed; one that is still connecting has to be
    /// cancelled instead.
    void close() noexcept
    {
        if (session_)
            session_->close();
    }

    bool is_connected() const noexcept { return session_ && session_->is_open(); }

    /// The connection, for single commands and facts; null if there is none.
    smtp::session*       current() noexcept { return session_.get(); }
    smtp::session const* current() const noexcept { return session_.get(); }

    /// The mechanism of the login; empty if there was none.
    std::string const& mechanism() const noexcept { return mechanism_; }

    client_settings const& settings() const noexcept { return settings_; }

    /// Makes no use of a feature from now on, although the server may offer it: it is known to break it.
    void mask(feature f)
    {
        if (std::find(masked_.begin(), masked_.end(), f) == masked_.end())
            masked_.push_back(f);
        if (session_)
            session_->capabilities().disable(f);
    }

    /// Uses again what was masked, from the next connection on.
    void unmask() noexcept { masked_.clear(); }

    /// How many connections could be used so far: tells whether it is still the same one.
    std::size_t connections() const noexcept { return connections_; }

private:
    net::clock::time_point total_deadline() const
    {
        auto const most = settings_.session.timeouts.total;
        auto const now  = net::clock::now();
        return most >= net::deadline::never - now ? net::deadline::never : now + most;
    }

    /// One operation at a time; the limit of one does not bind what comes later.
    class operation
    {
    public:
        explicit operation(client& c) : client_(&c)
        {
            if (c.busy_ || (c.session_ && c.session_->is_busy()))
            {
                error_context context;
                context.peer = c.settings_.session.server;
                context.hint = "await the running operation first, or use a client for each";
                throw session_error(posthorn::errc::busy, phase::prepare, std::move(context));
            }
            c.busy_ = true;
        }
        operation(operation const&)            = delete;
        operation& operator=(operation const&) = delete;
        ~operation()
        {
            client_->busy_ = false;
            if (client_->session_)
                client_->session_->expires_at(net::deadline::never);
        }

    private:
        client* client_;
    };

    /// Is there a connection that more messages can use? If not there is none afterwards.
    task<bool> has_usable_session()
    {
        if (looks_usable())
            co_return true;
        if (session_ && session_->used_up() && session_->looks_alive())
            co_await session_->quit();
        session_.reset();
        co_return false;
    }

    bool looks_usable() { return session_ && !session_->used_up() && session_->looks_alive(); }

    /// Does the kept connection still answer? If not there is none afterwards.
    task<bool> answers()
    {
        bool alive = false;
        try
        {
            auto const reply = co_await session_->noop();
            alive            = reply.positive();
        }
        catch (session_error const& e)
        {
            if (e.code() == condition::canceled)
                throw;
        }
        if (!alive)
            session_.reset();
        co_return alive;
    }

    async_generator<burst_result> burst(std::unique_ptr<detail::message_feed> feed, burst_options options)
    {
        operation const        guard(*this);
        detail::replaying_feed replay(*feed);
        std::exception_ptr     failure;
        bool                   fruitless = false; // the connection before took nothing
        while (!failure)
        {
            bool more = false;
            try
            {
                more = co_await replay.more();
                if (more)
                    co_await renew();
            }
            catch (...)
            {
                failure = std::current_exception();
            }
            if (failure || !more)
                break;
            replay.begin();
            auto feed_of_session = std::make_unique<detail::borrowed_feed>(replay);
            auto results         = session_->burst(std::move(feed_of_session), options);
            bool blamed = false, decided = false, moved = false, progress = false;
            for (;;)
            {
                burst_result*      result = nullptr;
                std::exception_ptr broken; // before any message was taken
                try
                {
                    result = co_await results.advance();
                }
                catch (...)
                {
                    broken = std::current_exception();
                }
                if (broken && (fruitless || session_->is_open()))
                    failure = broken;
                if (!result)
                    break;
                bool const ended   = ended_unseen(*result);
                bool const suspect = ended && !is_used_up(*result) && !std::exchange(blamed, true);
                bool       moves   = ended && detail::can_repeat(*replay.message(result->index), result->report) &&
                             !(suspect && replay.is_suspect(result->index));
                if (moves)
                    moves = co_await rewound(replay.message(result->index));
                progress = progress || is_judged(*result);
                if (moves)
                {
                    moved = true;
                    note_move();
                    replay.move(result->index, std::move(*result), suspect);
                    continue;
                }
                if (result->failure && is_stop(result->failure->code()))
                    failure = std::make_exception_ptr(*result->failure);
                decided       = true;
                result->index = replay.decide(result->index);
                co_yield std::move(*result);
            }
            // A server that closes every connection at once must not be given the whole burst, one by one.
            bool const nothing = !progress && (moved || !decided || !session_->is_open());
            if (nothing && fruitless && !failure)
                failure = std::make_exception_ptr(nothing_taken());
            fruitless = nothing;
        }
        session_error const why = reason(failure);
        while (auto lost = replay.take_lost(why))
            co_yield std::move(*lost);
        if (failure)
            std::rethrow_exception(failure);
        if (replay.failure())
            std::rethrow_exception(replay.failure());
    }

    /// A connection for more messages of a burst.
    task<void> renew()
    {
        bool usable = co_await has_usable_session();
        if (usable) // so much leaves at once that a connection that died unnoticed would put it all in doubt
            usable = co_await answers();
        if (!usable)
            co_await open(net::deadline::never);
    }

    void note_move() const
    {
        if (settings_.session.on_event)
            settings_.session.on_event(events::moved {});
    }

    session_error nothing_taken() const
    {
        error_context context;
        context.operation = "burst";
        context.peer      = settings_.session.server;
        context.detail    = "connection after connection ended before a message was judged";
        return session_error(errc::service_unavailable, phase::mail, std::move(context));
    }

    /// Why the messages that are left are not tried: what has ended the burst, where a session has told it.
    session_error reason(std::exception_ptr const& failure) const
    {
        try
        {
            if (failure)
                std::rethrow_exception(failure);
        }
        catch (session_error const& e)
        {
            return e;
        }
        catch (posthorn::error const& e)
        {
            if (e.code() == condition::unreachable)
                return session_error(e.code(), phase::connect, e.context());
        }
        catch (...) // it is rethrown when all messages are accounted for
        {
        }
        return nothing_taken();
    }

    /// Did the connection end, or had it had enough, before anything of the message was judged?
    static bool ended_unseen(burst_result const& r)
    {
        if (!detail::unseen(r.report))
            return false;
        if (!r.failure)
            return true; // 421
        auto const code = r.failure->code();
        return code == errc::connection_used_up ||
               (r.failure->phase() != phase::prepare && code != condition::timeout && !is_stop(code));
    }

    static bool is_used_up(burst_result const& r) { return r.failure && r.failure->code() == errc::connection_used_up; }

    /// Does the caller want nothing more to be sent?
    static bool is_stop(std::error_code code)
    {
        return code == condition::canceled || code == posthorn::errc::closed;
    }

    /// Has the server said anything about the message?
    static bool is_judged(burst_result const& r)
    {
        auto const all = r.report.recipients();
        return std::any_of(all.begin(), all.end(),
                           [](recipient_report const& one) { return one.code != 0 && one.code != 421; });
    }

    /// Brings the content back to its beginning. @return Whether that was possible.
    static task<bool> rewound(message_pointer m)
    {
        try
        {
            co_await detail::rewind(*m);
        }
        catch (std::exception const&)
        {
            m.reset();
        }
        co_return m != nullptr;
    }

    /// Did a kept connection die before the server can have seen anything of the message?
    static bool is_stale(session_error const& e, report const& r)
    {
        if (e.code() == condition::canceled || e.code() == condition::timeout ||
            e.code() == posthorn::errc::closed || e.phase() == phase::prepare)
            return false;
        if (dynamic_cast<send_error const*>(&e) == nullptr)
            return e.code() == posthorn::errc::connection_lost || e.code() == errc::service_unavailable ||
                   e.code() == errc::unsolicited_reply;
        return detail::unseen(r);
    }

    task<net::stream> dial()
    {
        std::string const name = settings_.session.server;
        auto              how  = settings_.connection;
        how.attempt_timeout    = std::chrono::duration_cast<std::chrono::milliseconds>(settings_.session.timeouts.connect);
        if (settings_.server.is_local())
        {
            auto socket = co_await net::connect_unix(settings_.server.path(), how);
            co_return net::stream(std::move(socket), name);
        }
        auto socket = co_await net::connect(settings_.server, settings_.proxy, how);
        co_return net::stream(std::move(socket), name);
    }

    task<void> open(net::clock::time_point deadline)
    {
        mechanism_.clear();
        net::stream stream;
        if (deadline == net::deadline::never)
            stream = co_await dial();
        else
            stream = co_await with_deadline(dial(), deadline);
        auto fresh = std::make_unique<smtp::session>(std::move(stream), settings_.session);
        fresh->expires_at(deadline);
        for (auto const f : masked_)
            fresh->capabilities().disable(f);
        std::exception_ptr failure;
        try
        {
            co_await set_up(*fresh);
        }
        catch (...)
        {
            failure = std::current_exception();
        }
        if (failure)
        {
            co_await fresh->quit(); // servers count clients that vanish
            std::rethrow_exception(failure);
        }
        session_ = std::move(fresh);
        ++connections_;
    }

    /// From a connected stream to a session that can send.
    task<void> set_up(smtp::session& s)
    {
        bool const needs_ehlo = settings_.effective_tls() == tls_mode::required || settings_.wants_login();
        if (settings_.effective_tls() == tls_mode::implicit)
            co_await s.secure(context(), settings_.tls_host, session_key());
        co_await s.greet();
        co_await s.hello(!needs_ehlo);
        if (settings_.effective_tls() == tls_mode::required)
            co_await s.start_tls(context(), settings_.tls_host, session_key());
        else if (settings_.effective_tls() == tls_mode::opportunistic && s.capabilities().has(feature::starttls))
            co_await try_tls(s);
        if (settings_.wants_login())
            co_await log_in(s);
    }

    task<void> log_in(smtp::session& s)
    {
        auto who = settings_.login;
        auto how = settings_.mechanisms;
        how.host = settings_.tls_host;
        how.port = settings_.server.port().value_or(0);
        if (settings_.token_source)
            who.token = co_await settings_.token_source(false);
        bool expired = false;
        try
        {
            mechanism_ = co_await s.authenticate(who, how);
        }
        catch (session_error const& e)
        {
            expired = settings_.token_source && e.code() == errc::auth_failed && s.is_open();
            if (!expired)
                throw;
        }
        if (!expired)
            co_return;
        who.token  = co_await settings_.token_source(true); // once: more would lock the account
        mechanism_ = co_await s.authenticate(who, how);
    }

    /// STARTTLS where a refusal is no error.
    task<void> try_tls(smtp::session& s)
    {
        try
        {
            co_await s.start_tls(context(), settings_.tls_host, session_key());
        }
        catch (session_error const& e)
        {
            if (e.code() != errc::tls_refused || !s.is_open())
                throw;
        }
    }

    /// One context for all connections: it holds the trusted certificates and the sessions to resume.
    net::tls_context const& context()
    {
        if (!settings_.tls_context)
            settings_.tls_context.emplace(settings_.make_tls_context());
        return *settings_.tls_context;
    }

    std::string session_key() const { return net::to_string(settings_.server); }

    client_settings                  settings_;
    std::unique_ptr<smtp::session>   session_;
    std::string                      mechanism_;
    std::vector<feature>             masked_; ///< Of the server, on every connection.
    std::size_t                      connections_ = 0;
    bool                             busy_        = false;
};

} // namespace posthorn::smtp

#endif
