//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The conversation: bytes between a stream and the reply accounting, with time limits, events and errors.
// Everything else about a session is built from these few exchanges.

#ifndef POSTHORN_SMTP_DETAIL_CONVERSATION_HPP
#define POSTHORN_SMTP_DETAIL_CONVERSATION_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/smtp/command.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/event.hpp>
#include <posthorn/smtp/ledger.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/settings.hpp>

#include <asio/cancellation_type.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::smtp::detail {

/// What a phase waits for, in words.
constexpr std::string_view waiting_for(phase p) noexcept
{
    switch (p)
    {
    case phase::greeting: return "waiting for the greeting";
    case phase::hello: return "EHLO";
    case phase::starttls: return "STARTTLS";
    case phase::tls: return "TLS handshake";
    case phase::auth: return "AUTH";
    case phase::mail: return "MAIL FROM";
    case phase::rcpt: return "RCPT TO";
    case phase::data: return "DATA";
    case phase::content: return "end of the content";
    case phase::rset: return "RSET";
    case phase::quit: return "QUIT";
    default: return "command";
    }
}

/** One connection and all that is known about where the dialogue stands.

    Every failure of the connection goes through fail(), which closes it: what the server would say next could not be
    told apart any more.
*/
class conversation
{
public:
    conversation(net::stream s, session_settings given)
        : settings(std::move(given)), stream(std::move(s)), due(settings.limits)
    {
        if (settings.server.empty())
            settings.server = stream.peer();
    }

    // Errors ---------------------------------------------------------------------------------------------------

    /// @param r The reply it is about, if it is about one. @param operation What was done, in words or as a command.
    session_error make_error(std::error_code code, phase p, std::string_view operation, reply const* r = nullptr,
                             std::string detail = {}, std::string hint = {}) const
    {
        error_context context;
        context.operation = operation;
        context.peer      = settings.server;
        context.detail    = std::move(detail);
        context.hint      = hint.empty() ? hint_for(code) : std::move(hint);
        if (r != nullptr && !r->empty())
        {
            std::string const said = "the server said: " + r->describe();
            context.detail         = context.detail.empty() ? said : said + "; " + context.detail;
        }
        return session_error(code, p, std::move(context), r);
    }

    /// A refusal by the server that leaves the connection usable, unless it was 421.
    [[noreturn]] void refuse(errc code, phase p, std::string_view operation)
    {
        bool const          closing = last.code() == 421;
        session_error const e       = make_error(closing ? errc::service_unavailable : code, p, operation, &last);
        if (closing)
            close(e.code());
        throw e;
    }

    /// The end of the connection as far as we are concerned.
    [[noreturn]] void fail(std::error_code code, phase p, std::string_view operation, error_context const* why = nullptr)
    {
        std::string detail = why ? why->detail : std::string();
        // What was heard last often tells the reason.
        if (!last.wire().empty() && detail.empty())
            detail = (due.inside_reply() ? "it had sent: " : "it had said: ") + last_words();
        session_error const e = make_error(code, p, operation, nullptr, std::move(detail), why ? why->hint : std::string());
        close(code);
        throw e;
    }

    /// Closes without a word to the server, and tells who watches, once.
    void close(std::error_code why) noexcept
    {
        bool const was_open = std::exchange(open_, false);
        stream.close();
        due.clear();
        if (was_open)
            emit(events::closed {why});
    }

    bool is_open() const noexcept { return open_ && stream.is_open(); }

    /// Throws if a command could not be spelled; nothing of it was written.
    void spelled(std::error_code ec, command_writer const& w, phase p) const
    {
        if (ec)
            throw make_error(ec, p, {}, nullptr, std::string(w.detail()));
    }

    void emit(event const& e) const
    {
        if (settings.on_event)
            settings.on_event(e);
    }

    // Time -----------------------------------------------------------------------------------------------------

    /// Limits waiting to `most` from now, and to what is left in all.
    void arm(net::clock::duration most)
    {
        auto const now = net::clock::now();
        stream.expires_at(most >= net::deadline::never - now ? total : std::min(total, now + most));
    }

    // Exchanges ------------------------------------------------------------------------------------------------

    task<void> check_cancelled(phase p)
    {
        auto const how = co_await this_coro::cancelled;
        if (how != asio::cancellation_type::none)
            throw make_error(posthorn::errc::canceled, p, {}, nullptr, "nothing was sent");
    }

    /// Before an operation: not cancelled, open, and nothing has arrived that nothing asked for.
    task<void> begin(phase p)
    {
        co_await check_cancelled(p);
        if (!is_open())
            throw make_error(posthorn::errc::closed, p, {}, nullptr, "the connection was closed before");
        out.clear();
        if (in.empty())
        {
            if (std::exchange(looked, false))
                co_return;
            auto const state = stream.peek();
            if (state == net::stream::idle_state::quiet)
                co_return;
            if (state == net::stream::idle_state::ended)
                fail(posthorn::errc::connection_lost, p, "idle connection");
        }
        arm(settings.timeouts.quit);
        for (;;) // nothing is due, so the ledger will refuse whatever comes, once it is complete
        {
            std::error_code ec;
            due.next(in, answered, last, ec);
            if (ec)
                fail(ec, p, "idle connection");
            co_await receive(p);
        }
    }

    /// Before something is written that will be answered: what has arrived already cannot be the answer.
    void require_quiet(phase p)
    {
        if (in.empty() || !due.idle())
            return;
        std::error_code ec;
        due.next(in, answered, last, ec);
        fail(ec ? ec : errc::unsolicited_reply, p, waiting_for(p));
    }

    /// Whatever was to be written is written, and what is left is to wait for the server.
    void count_turn() noexcept
    {
        if (std::exchange(fresh_output, false))
            ++turns;
    }

    /** Reads what there is.
        @param optional A cancellation is no failure then: nothing was read, and nothing is lost. */
    task<void> receive(phase p, bool optional = false)
    {
        if (!writing && !optional)
            count_turn();
        std::optional<posthorn::error> failed;
        std::size_t                    n = 0;
        auto const                     room = in.prepare(due.due() > few_replies ? read_size : small_read_size);
        try
        {
            n = co_await stream.read_some(room);
        }
        catch (posthorn::error const& e)
        {
            failed.emplace(e);
        }
        if (failed && optional && failed->code() == condition::canceled)
            co_return;
        if (failed)
            fail(failed->code(), p, waiting_for(p), &failed->context());
        if (optional)
            count_turn();
        if (n == 0)
            fail(posthorn::errc::connection_lost, p, waiting_for(p));
        in.commit(n);
    }

    /// Waits for the next reply: `last`, and what it answers: `answered`. @pre one is due
    task<void> await_reply()
    {
        phase const p     = due.front().what;
        bool        armed = false;
        while (!next_reply())
        {
            if (!armed && !writing)
                arm(std::min(limit_of(settings.timeouts, p), patience));
            armed = true;
            co_await receive(p);
        }
    }

    /// Waits for some part of a reply, or until this task is cancelled, which does no harm. @pre one is due
    task<void> await_some()
    {
        phase const p = due.front().what;
        arm(std::min(limit_of(settings.timeouts, p), patience));
        return receive(p, true);
    }

    /// Takes the next reply, if one is due and has arrived already.
    bool next_reply()
    {
        if (due.idle())
            return false;
        phase const     p = due.front().what;
        std::error_code ec;
        if (due.next(in, answered, last, ec))
        {
            emit(events::replied {answered.what, last});
            return true;
        }
        if (ec)
            fail(ec, p, waiting_for(p));
        return false;
    }

    /// Writes all; a failure closes the connection.
    task<void> write(std::string_view bytes, phase p)
    {
        fresh_output = true;
        std::optional<posthorn::error> failed;
        try
        {
            co_await stream.write(std::span<std::string_view const>(&bytes, 1));
        }
        catch (posthorn::error const& e)
        {
            failed.emplace(e);
        }
        if (failed)
            fail(failed->code(), p, waiting_for(p), &failed->context());
    }

    /** Writes the one command in `out` and waits for its reply. After 421 the connection is closed.
        @param v       How much of it may be shown.
        @param content What follows it without waiting. */
    task<void> exchange(phase p, verb v, std::string_view content)
    {
        require_quiet(p);
        if (settings.on_event)
        {
            std::string const shown = describe(v, out.data());
            emit(events::command {p, shown});
        }
        due.expect(p);
        arm(limit_of(settings.timeouts, p));
        {
            output_guard const forget(out, p == phase::auth);
            co_await write(out.data(), p);
        }
        if (!content.empty())
            co_await write(content, p);
        co_await await_reply();
        if (last.code() == 421)
            close(errc::service_unavailable);
    }

    /// The same without content.
    task<void> exchange(phase p, verb v) { return exchange(p, v, std::string_view()); }
    task<void> exchange(phase p) { return exchange(p, verb::none, std::string_view()); }

    /// QUIT and an orderly close, whatever happens on the way.
    task<void> leave()
    {
        try
        {
            out.clear();
            command_writer w(out);
            spelled(w.quit(), w, phase::quit);
            co_await exchange(phase::quit);
            arm(settings.timeouts.quit);
            co_await stream.shutdown();
        }
        catch (std::exception const&)
        {
            // The connection is done with, whatever the server thinks of it.
        }
        close({});
    }

    static constexpr std::size_t read_size       = 4096;
    static constexpr std::size_t small_read_size = 1024; ///< For an idle session that has sent no burst: sessions may be many.
    static constexpr std::size_t few_replies     = 8;    ///< They fit into it, mostly.

    session_settings       settings;
    net::stream            stream;
    ledger                 due;      ///< The replies that are due.
    byte_buffer            in;       ///< Arrived and not yet read.
    byte_buffer            out;      ///< The command being written.
    reply                  last;     ///< The last reply, or what has arrived of it.
    expectation            answered; ///< What it answers.
    net::clock::time_point total    = net::deadline::never;
    net::clock::duration   patience = net::clock::duration::max(); ///< Bounds the wait for any reply.
    std::uint64_t          turns    = 0;                           ///< How often we had to wait for the server.
    bool                   looked       = false; ///< Was it seen just now that nothing has arrived?
    bool                   fresh_output = false; ///< Something was written since the last wait.
    bool                   writing      = false; ///< Another task is writing, and its progress sets the time limit.

private:
    /// Empties the output however its writing ends, and leaves no credentials in its memory.
    class output_guard
    {
    public:
        output_guard(byte_buffer& out, bool secret) noexcept : out_(&out), secret_(secret) {}
        output_guard(output_guard const&)            = delete;
        output_guard& operator=(output_guard const&) = delete;
        ~output_guard()
        {
            if (secret_)
                out_->wipe();
            else
                out_->clear();
        }

    private:
        byte_buffer* out_;
        bool         secret_;
    };

    static std::string hint_for(std::error_code code)
    {
        if (code == errc::tls_where_plain_expected)
            return "use implicit TLS (smtps) on this port";
        if (code == errc::tls_leftover)
            return "somebody between here and the server may be tampering";
        if (code == errc::tls_required_unavailable || code == errc::tls_refused)
            return "an attacker may have removed the offer: send neither credentials nor mail without TLS";
        if (code == errc::extension_missing)
            return "do without it, or let send_options::unsupported drop what the message can do without";
        if (code == errc::too_many_recipients)
            return "send to fewer, or with recipient_policy::each, which sends in several transactions";
        if (code == errc::connection_used_up)
            return "send on another connection, as smtp::client does";
        if (code == errc::auth_temporary)
            return "try again later; the credentials were not judged";
        return {};
    }

    std::string last_words() const
    {
        std::string_view s = last.wire();
        while (!s.empty() && (s.back() == '\n' || s.back() == '\r'))
            s.remove_suffix(1);
        return printable(s, 300);
    }

    bool open_ = true;
};

} // namespace posthorn::smtp::detail

#endif
