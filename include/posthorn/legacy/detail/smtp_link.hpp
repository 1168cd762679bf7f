//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Between a session and what the client sees of it: events become callbacks, questions wait for their answers, silence is
// noticed.

#ifndef POSTHORN_LEGACY_DETAIL_SMTP_LINK_HPP
#define POSTHORN_LEGACY_DETAIL_SMTP_LINK_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/legacy/detail/outcome.hpp>
#include <posthorn/legacy/detail/smtp_front.hpp>
#include <posthorn/legacy/detail/stream_source.hpp>
#include <posthorn/legacy/detail/transport_link.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/smtp/event.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/session.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace posthorn::legacy::detail {

/// Thrown through a connection whose client has called Disconnect.
class left : public std::exception
{
public:
    char const* what() const noexcept override { return "the client disconnects"; }
};

/// What an SMTP connection's coroutines stand on. One thread at a time, as the mailbox has it.
class smtp_link : public transport_link<smtp_front>
{
public:
    explicit smtp_link(std::shared_ptr<smtp_front> f) : transport_link(std::move(f)) {}

protected:
    ~smtp_link() = default;

    // To the client --------------------------------------------------------------------------------------------

    void set_stage(IXPSTATUS s)
    {
        stage_ = s;
        transport_link::set_stage(s);
    }

    /// @param frees The client may give another command.
    void respond(SMTPCOMMAND command, bool done, outcome what, bool frees, SMTPSTREAM const& progress)
    {
        tell([command, done, o = std::move(what), frees, progress](smtp_front& f) mutable {
            if (frees)
                f.busy = false;
            f.on_response(command, done, o, progress);
        });
    }
    void respond(SMTPCOMMAND command, bool done, outcome what, bool frees)
    {
        respond(command, done, std::move(what), frees, SMTPSTREAM());
    }

    /// Waits until the client has heard of everything. @throws left; error errc::closed if nobody listens any more.
    task<void> settle()
    {
        while (front_->has_news() && !leaving_ && !is_over())
            co_await wait_news(clock::time_point::max());
        if (is_over())
            throw error(posthorn::errc::closed);
        if (leaving_)
            throw left();
    }

    // Time -----------------------------------------------------------------------------------------------------

    /** Runs an operation that waits for the server, and asks the client when it takes too long.
        @throws left if the client leaves and the operation does not end soon; error with errc::timeout. */
    template <class T>
    task<T> watched(task<T> operation)
    {
        auto guard = watchdog();
        auto first = co_await when_any(std::move(operation), std::move(guard));
        if constexpr (!std::is_void_v<T>)
            co_return std::get<0>(std::move(first));
    }

    // Events ---------------------------------------------------------------------------------------------------

    void on_event(smtp::event const& e)
    {
        last_traffic_ = clock::now();
        if (dropped_)
            return; // the log, too, is the next connection's now
        if (auto const* const c = std::get_if<smtp::events::command>(&e))
            on_command(*c);
        else if (auto const* const r = std::get_if<smtp::events::replied>(&e))
            on_reply(*r);
        else if (std::holds_alternative<smtp::events::progress>(e))
            on_progress();
    }

    /// How the client hears of the replies to come. @param frees The last line of a reply ends the client's command.
    void report_as(SMTPCOMMAND command, bool frees) noexcept
    {
        reporting_ = command;
        frees_     = frees;
        if (leaving_ && command != SMTP_QUIT)
            reporting_ = SMTP_NONE;
    }

    std::unique_ptr<smtp::session> session_;
    std::shared_ptr<stream_source> content_;             ///< Of the client, while it is sent.
    std::optional<outcome>         judgement_;           ///< The last word on a logon, until it is clear what follows.
    std::optional<outcome>         farewell_;            ///< A reply by which the server closes.
    IXPSTATUS                      stage_     = IXP_FINDINGHOST;
    bool                           greeted_   = false;   ///< The server has said hello.
    bool                           leaving_   = false;   ///< Disconnect was called.
    bool                           logging_on_ = false;  ///< During Connect, as opposed to CommandAUTH.

private:
    /// Time that a server gets to answer the last command when the client leaves.
    static constexpr std::chrono::seconds patience_at_the_end {5};

    task<void> watchdog()
    {
        DWORD                            period      = front_->server.dwTimeout;
        auto                             quiet_since = clock::now();
        std::uint64_t                    moved       = traffic();
        std::optional<clock::time_point> leave_by;
        for (;;)
        {
            if (leaving_ && !leave_by)
            {
                if (content_ || !greeted_)
                    throw left(); // QUIT would be part of the message, or is no use yet
                leave_by = clock::now() + patience_at_the_end;
            }
            auto until = leave_by.value_or(clock::time_point::max());
            if (!leave_by && period != 0)
                until = quiet_since + std::chrono::seconds(period);
            co_await wait_news(until);
            auto const now = clock::now();
            if (leave_by && now >= *leave_by)
                throw left();
            auto const all = traffic();
            if (all != std::exchange(moved, all))
                quiet_since = std::max(quiet_since, last_traffic_ > quiet_since ? last_traffic_ : now);
            if (leave_by || period == 0 || now < quiet_since + std::chrono::seconds(period))
                continue;
            auto const limit    = std::make_shared<DWORD>(period);
            auto       question = [limit](smtp_front& f) {
                return f.ask([&](ISMTPCallback& c, ISMTPTransport2* t) { return c.OnTimeout(limit.get(), t); }, HRESULT(S_FALSE));
            };
            HRESULT const answer = co_await ask(std::move(question), S_FALSE);
            if (answer != S_OK)
                throw error(posthorn::errc::timeout);
            period      = *limit;
            quiet_since = clock::now();
        }
    }

    /// Changes with every octet and every event.
    std::uint64_t traffic() const
    {
        std::uint64_t sum = static_cast<std::uint64_t>(last_traffic_.time_since_epoch().count());
        if (session_)
        {
            auto const& c = session_->stream().counters();
            sum += c.bytes_read + c.bytes_written;
        }
        return sum;
    }

    void on_command(smtp::events::command const& e)
    {
        if (e.phase == smtp::phase::hello && (reporting_ == SMTP_EHLO || reporting_ == SMTP_HELO))
            reporting_ = e.text.substr(0, 4) == "HELO" ? SMTP_HELO : SMTP_EHLO;
        if (e.phase == smtp::phase::auth && judgement_) // that was not the last word: another mechanism is tried
        {
            respond(SMTP_AUTH, false, *std::exchange(judgement_, std::nullopt), false);
            if (logging_on_)
                set_stage(IXP_AUTHRETRY);
        }
        line(CMD_SEND, std::string(e.text), S_OK);
    }

    void on_reply(smtp::events::replied const& e)
    {
        int const code = e.reply.code();
        if (code == 421)
            farewell_ = outcome_of(e.reply);
        if (e.phase == smtp::phase::content && std::exchange(dot_due_, false))
            line(CMD_SEND, ".", S_OK); // it left with the end of the content
        for (std::size_t i = 0; i != e.reply.line_count(); ++i)
        {
            bool const last = i + 1 == e.reply.line_count();
            outcome    o(code, line_text(e.reply, i));
            line(CMD_RESP, o.response, o.result);
            if (!belongs(e.phase))
                continue;
            if (reporting_ == SMTP_AUTH && !e.reply.intermediate() && last)
                judgement_ = std::move(o);
            else
                respond(reporting_, last && reporting_ != SMTP_AUTH, std::move(o), last && frees_ && reporting_ != SMTP_AUTH);
        }
        if (e.phase == smtp::phase::starttls && e.reply.positive())
            set_stage(IXP_SECURING);
    }

    /// Is it a reply that the client is waiting for?
    bool belongs(smtp::phase p) const noexcept
    {
        switch (reporting_)
        {
        case SMTP_BANNER: return p == smtp::phase::greeting;
        case SMTP_EHLO:
        case SMTP_HELO: return p == smtp::phase::hello;
        case SMTP_AUTH: return p == smtp::phase::auth;
        case SMTP_MAIL: return p == smtp::phase::mail;
        case SMTP_RCPT: return p == smtp::phase::rcpt;
        case SMTP_RSET: return p == smtp::phase::rset;
        case SMTP_DATA: return p == smtp::phase::data;
        case SMTP_DOT: return p == smtp::phase::content;
        case SMTP_QUIT: return p == smtp::phase::quit;
        default: return false;
        }
    }

    void on_progress()
    {
        if (!content_ || leaving_)
            return;
        std::uint64_t const taken = content_->taken();
        std::uint64_t const part  = taken - told_.value_or(0);
        if (part == 0 && told_)
            return;
        told_ = taken;
        SMTPSTREAM s;
        s.cbIncrement = static_cast<DWORD>(part);
        s.cbCurrent   = static_cast<DWORD>(taken);
        s.cbTotal     = static_cast<DWORD>(content_->size().value_or(taken));
        respond(SMTP_SEND_STREAM, false, outcome(S_OK), false, s);
    }

protected:
    std::optional<std::uint64_t> told_; ///< Octets of content that the client knows of.
    bool                         dot_due_ = false; ///< The client has not been told of the dot.

private:
    clock::time_point last_traffic_ {};
    SMTPCOMMAND       reporting_ = SMTP_NONE;
    bool              frees_     = false;
};

} // namespace posthorn::legacy::detail

#endif
