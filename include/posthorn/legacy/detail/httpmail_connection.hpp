//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// One connection of an HTTPMail transport, from Connect to IXP_DISCONNECTED: it runs requests, asks for logins, and sees to it
// that each request has its end. What a request says to the server is in httpmail_requests.hpp.

#ifndef POSTHORN_LEGACY_DETAIL_HTTPMAIL_CONNECTION_HPP
#define POSTHORN_LEGACY_DETAIL_HTTPMAIL_CONNECTION_HPP

#include <posthorn/core/secret.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/httpmail/mailbox.hpp>
#include <posthorn/legacy/detail/http_result.hpp>
#include <posthorn/legacy/detail/httpmail_front.hpp>
#include <posthorn/legacy/detail/httpmail_reply.hpp>
#include <posthorn/legacy/detail/logon_texts.hpp>
#include <posthorn/legacy/detail/transport_link.hpp>
#include <posthorn/legacy/detail/upload_body.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/net/tls_settings.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace posthorn::legacy::detail {

class httpmail_connection;

/// What the last answer to a request is made of.
using final_reply = std::shared_ptr<httpmail_reply>;

/// A request of the client on its way.
struct httpmail_order
{
    using runner = std::function<task<final_reply>(httpmail_connection&, httpmail_order&)>;

    httpmail_order(HTTPMAILCOMMAND c, DWORD with, http::url where, runner r)
        : command(c), context(with), at(std::move(where)), run(std::move(r))
    {
    }

    /// An answer to it.
    final_reply reply(bool done) const { return std::make_shared<httpmail_reply>(command, context, done); }

    HTTPMAILCOMMAND              command;
    DWORD                        context;
    http::url                    at;            ///< Where to: a redirect may change it.
    runner                       run;           ///< One try.
    bool                         reads = false; ///< Changes nothing: may run beside others of that kind.
    std::shared_ptr<upload_body> body;          ///< Null: none.

    bool                      answered = false; ///< The client has had its last answer, or wants none.
    unsigned                  hops     = 0;     ///< Redirects followed here.
    std::uint64_t             sent     = 0;     ///< Octets of the body that the client knows of.
    std::uint64_t             ticks    = 0;     ///< Grows with everything that happens.
    asio::cancellation_signal stop;
};

/// What the client has said about certificates of its server.
struct certificate_opinions
{
    certificate_opinions() = default;

    std::set<net::certificate_flaw> seen; ///< In the last handshake.
    std::set<net::certificate_flaw> fine;
};

class httpmail_connection final : public transport_link<httpmail_front>, public std::enable_shared_from_this<httpmail_connection>
{
public:
    using order_ptr = std::shared_ptr<httpmail_order>;

    static constexpr std::size_t most_at_once   = 4;
    static constexpr unsigned    most_redirects = 10;

    httpmail_connection(std::shared_ptr<httpmail_front> f, bool authenticate, http::url entry, httpmail::mailbox_settings settings,
                        std::shared_ptr<certificate_opinions> opinions)
        : transport_link(std::move(f)), box_(std::move(entry), std::move(settings)), opinions_(std::move(opinions)),
          authenticate_(authenticate), has_login_(authenticate && front_->server.szUserName[0] != '\0')
    {
    }

    /// @throws std::bad_alloc
    void start()
    {
        auto const self = shared_from_this();
        spawn(executor_, keep(self), asio::bind_cancellation_slot(stop_.slot(), [self](std::exception_ptr const&) {}));
        set_stage(IXP_CONNECTING);
        set_stage(IXP_CONNECTED);
    }

    // From the transport's methods -----------------------------------------------------------------------------

    bool is_leaving() const noexcept { return leaving_; }

    void submit(order_ptr o)
    {
        auto const self = shared_from_this();
        front_->box->post(step([self] { self->start_due(); }));
        waiting_orders_.push_back(std::move(o));
    }

    /// Disconnect. @throws std::bad_alloc It was not called then.
    void leave()
    {
        auto const self = shared_from_this();
        front_->box->post(step([self] { self->take_leave(); }));
        leaving_ = true;
    }

    /// The client wants to hear nothing more, and the connection to end at once.
    void drop() noexcept
    {
        dropped_ = true;
        try
        {
            stop_orders();
            wake();
            stop_.emit(asio::cancellation_type::terminal);
        }
        catch (...)
        {
            // Without memory for the message it ends when the socket is found closed.
        }
        waiting_orders_.clear();
        box_.web().close_idle();
    }

    /// The client has heard of everything.
    void hear_quiet() { wake(); }

    // For requests ---------------------------------------------------------------------------------------------

    httpmail::mailbox& box() noexcept { return box_; }
    dav::client&       dav() noexcept { return box_.dav(); }
    http::client&      web() noexcept { return box_.web(); }

    /// The server answers, and not by asking who this is.
    void note_answer(httpmail_order& o)
    {
        ++o.ticks;
        if (is_over())
            return;
        if (std::exchange(proving_, false))
        {
            set_stage(IXP_AUTHORIZED);
            set_stage(IXP_CONNECTED);
        }
        if (has_login_)
            front_->authenticated = true;
    }

    /// What the server says of the account is known, for GetProperty.
    void keep_root(std::shared_ptr<httpmail::root_properties const> root)
    {
        if (!is_over())
            front_->root = std::move(root);
    }

    /// Tells a part of the answer, and waits until the client has heard it.
    task<void> indicate(httpmail_order& o, final_reply r)
    {
        ++o.ticks;
        respond(o, std::move(r));
        co_await settle();
        ++o.ticks; // waiting for the client is not waiting for the server
    }

    /// Progress of a body. Called while it is sent.
    void note_upload(httpmail_order& o, std::uint64_t done, std::optional<std::uint64_t> total)
    {
        ++o.ticks;
        bool const again = o.body && o.body->was_restarted() && o.sent != 0;
        if (again)
            o.sent = 0;
        if (done == o.sent && !again)
            return;
        auto            r = o.reply(false);
        HTTPMAILPOST    p = {};
        p.fResend         = again ? TRUE : FALSE;
        p.cbIncrement     = saturated(done - o.sent);
        p.cbCurrent       = saturated(done);
        p.cbTotal         = saturated(total.value_or(0));
        o.sent            = done;
        r->value.rPutInfo = p;
        respond(o, std::move(r));
    }

    using transport_link::line; // what http::event tells

private:
    std::weak_ptr<transport_link<httpmail_front>> weak() override { return weak_from_this(); }

    // The life of the connection -------------------------------------------------------------------------------

    /// Waits for the end, so that idle sockets do not outlive their event loop.
    static task<void> keep(std::shared_ptr<httpmail_connection> self)
    {
        loop_guard guard(*self);
        try
        {
            while (!self->is_over())
                co_await self->wait_news(clock::time_point::max());
        }
        catch (error const&)
        {
            // The connection is dropped.
        }
        guard.finished();
    }

    class loop_guard
    {
    public:
        explicit loop_guard(httpmail_connection& c) noexcept : connection_(&c) {}
        loop_guard(loop_guard const&)            = delete;
        loop_guard& operator=(loop_guard const&) = delete;
        ~loop_guard()
        {
            connection_->web().close_idle();
            if (!finished_)
                connection_->front_->box->close(); // what it would post to is gone
        }

        void finished() noexcept { finished_ = true; }

    private:
        httpmail_connection* connection_;
        bool                 finished_ = false;
    };

    void end()
    {
        tell([self = shared_from_this()](httpmail_front& f) {
            if (f.connection == self)
                f.connection.reset();
            f.set_status(IXP_DISCONNECTED);
        });
        ended_ = true;
        box_.web().close_idle();
        wake();
    }

    void take_leave()
    {
        if (is_over())
            return;
        set_stage(IXP_DISCONNECTING);
        end_all(outcome(IXP_E_USER_CANCEL), nullptr);
        end();
    }

    /// Gives streams back and cancels what runs.
    void stop_orders()
    {
        auto const all = running_; // it may change
        for (auto const& o : waiting_orders_)
            release(*o);
        for (auto const& o : all)
        {
            o->answered = true;
            release(*o);
        }
        for (auto const& o : all)
            o->stop.emit(asio::cancellation_type::terminal);
    }

    static void release(httpmail_order& o) noexcept
    {
        if (o.body)
            o.body->release();
    }

    /// Each request has its end. @param but One that has it already.
    void end_all(outcome const& what, httpmail_order const* but)
    {
        auto all = running_;
        all.insert(all.end(), waiting_orders_.begin(), waiting_orders_.end());
        for (auto const& o : all)
            if (o.get() != but && !o->answered)
                finish(*o, failed(*o, what));
        stop_orders();
        waiting_orders_.clear();
    }

    /// The transport goes down.
    void go_down(outcome const& why, outcome const& others, httpmail_order const& because, bool as_error)
    {
        leaving_ = true;
        end_all(others, &because);
        if (as_error)
            tell([o = why](httpmail_front& f) mutable { f.on_error(o); });
        end();
    }

    // Requests -------------------------------------------------------------------------------------------------

    /// Requests that read run beside each other; one that changes something runs alone, when its turn has come.
    void start_due()
    {
        while (!is_over() && !waiting_orders_.empty() && running_.size() < most_at_once)
        {
            auto const next  = waiting_orders_.front();
            bool const alone = !next->reads || std::any_of(running_.begin(), running_.end(), [](auto const& o) { return !o->reads; });
            if (alone && !running_.empty())
                return;
            running_.push_back(next);
            waiting_orders_.pop_front();
            auto const self = shared_from_this();
            try
            {
                spawn(executor_, run(self, next), asio::bind_cancellation_slot(next->stop.slot(), [self, next](std::exception_ptr const&) {}));
            }
            catch (...)
            {
                running_.pop_back();
                conclude(*next, nullptr, std::current_exception());
            }
        }
    }

    /// Takes a request off the list, whatever ended it.
    class running_mark
    {
    public:
        running_mark(httpmail_connection& c, httpmail_order& o) noexcept : connection_(&c), order_(&o) {}
        running_mark(running_mark const&)            = delete;
        running_mark& operator=(running_mark const&) = delete;
        ~running_mark()
        {
            release(*order_);
            std::erase_if(connection_->running_, [this](auto const& o) { return o.get() == order_; });
        }

    private:
        httpmail_connection* connection_;
        httpmail_order*      order_;
    };

    static task<void> run(std::shared_ptr<httpmail_connection> self, order_ptr o)
    {
        {
            running_mark const mark(*self, *o);
            final_reply        last;
            std::exception_ptr failure;
            try
            {
                last = co_await self->perform(*o);
            }
            catch (...)
            {
                failure = std::current_exception();
            }
            if (!o->answered && !self->dropped_)
                self->conclude(*o, std::move(last), failure);
        }
        self->start_due();
    }

    void conclude(httpmail_order& o, final_reply last, std::exception_ptr const& failure)
    {
        release(o); // before the client hears that it is over
        if (!failure)
        {
            note_answer(o);
            finish(o, std::move(last));
            return;
        }
        outcome const what = outcome_of_request(failure);
        if (what.number != 0 && what.number != 401 && what.number != 407)
            note_answer(o); // a refusal by somebody who knows who asks
        finish(o, failed(o, what));
        if (what.result == IXP_E_USER_CANCEL)
            go_down(what, outcome(IXP_E_USER_CANCEL), o, false);
        else if (what.result == IXP_E_TIMEOUT)
            go_down(what, outcome(IXP_E_CONNECTION_DROPPED), o, true);
        else if (what.result == IXP_E_INVALID_CERT_CN || what.result == IXP_E_INVALID_CERT_DATE)
            go_down(what, outcome(what.result), o, true);
    }

    static final_reply failed(httpmail_order const& o, outcome what)
    {
        auto r  = o.reply(true);
        r->what = std::move(what);
        return r;
    }

    void finish(httpmail_order& o, final_reply r)
    {
        o.answered = true;
        tell([r = std::move(r)](httpmail_front& f) {
            if (f.pending != 0)
                --f.pending;
            f.on_response(*r);
        });
    }

    void respond(httpmail_order& o, final_reply r)
    {
        if (o.answered)
            return;
        tell([r = std::move(r)](httpmail_front& f) { f.on_response(*r); });
    }

    /// Tries until there is an answer that is none of: go elsewhere, who are you, look at this certificate.
    task<final_reply> perform(httpmail_order& o)
    {
        for (;;)
        {
            auto const         logins = logins_;
            std::exception_ptr why;
            final_reply        answer;
            opinions_->seen.clear();
            try
            {
                answer = co_await attempt(o);
            }
            catch (...)
            {
                why = std::current_exception();
            }
            if (!why)
                co_return answer;
            if (is_over() || o.answered)
                std::rethrow_exception(why);
            if (follows(o, why))
                continue;
            if (is_flawed(why))
            {
                co_await ask_about_flaws();
                continue;
            }
            auto refusal = login_wanted(why);
            if (!refusal)
                std::rethrow_exception(why);
            co_await log_on(std::move(*refusal), logins);
        }
    }

    task<final_reply> attempt(httpmail_order& o)
    {
        if (o.body && o.body->begun())
        {
            if (!o.body->rewindable())
                throw error(http::errc::cannot_repeat);
            co_await o.body->rewind();
        }
        auto work  = o.run(*this, o);
        auto guard = watchdog(o);
        auto first = co_await when_any(std::move(work), std::move(guard));
        co_return std::get<0>(std::move(first));
    }

    /// A redirect of something that changes things: here the client's word is that of its interface's contract.
    bool follows(httpmail_order& o, std::exception_ptr const& why) const
    {
        try
        {
            std::rethrow_exception(why);
        }
        catch (http::request_error const& e)
        {
            auto const to = http::url::read(e.location());
            if (e.code() != http::errc::redirect_refused || !to || ++o.hops > most_redirects)
                return false;
            o.at = *to;
            return true;
        }
        catch (...)
        {
            return false;
        }
    }

    // Certificates ---------------------------------------------------------------------------------------------

    bool is_flawed(std::exception_ptr const& why) const
    {
        bool const news = std::any_of(opinions_->seen.begin(), opinions_->seen.end(), [this](auto f) { return !opinions_->fine.contains(f); });
        if (!news)
            return false;
        try
        {
            std::rethrow_exception(why);
        }
        catch (error const& e)
        {
            return e.code() == condition::tls;
        }
        catch (...)
        {
            return false;
        }
    }

    /// The handshake failed because of something that the client may not mind. Nothing was sent yet.
    task<void> ask_about_flaws()
    {
        while (asking_)
            co_await wait_news(clock::time_point::max());
        auto const   seen = opinions_->seen;
        asking_mark const mark(*this);
        for (auto const flaw : seen)
        {
            if (opinions_->fine.contains(flaw))
                continue;
            bool const        host = flaw == net::certificate_flaw::wrong_host;
            HRESULT const     why  = host ? IXP_E_INVALID_CERT_CN : IXP_E_INVALID_CERT_DATE;
            std::string const name = box_.web().settings().rules.origins.empty() ? std::string() : box_.web().settings().rules.origins.front().host;
            std::string const text = certificate_question(host, name);
            auto question = [why, text](httpmail_front& f) {
                auto const call = [&](IHTTPMailCallback& c, IHTTPMailTransport2* t) {
                    return c.OnPrompt(why, text.c_str(), "Security Warning", MB_YESNO | MB_ICONEXCLAMATION | MB_SETFOREGROUND, t);
                };
                return static_cast<HRESULT>(f.ask(call, INT(IDNO)));
            };
            HRESULT const answer = co_await ask(std::move(question), IDNO);
            if (answer != IDYES && answer != IDOK)
                throw legacy_failure(outcome(why));
            opinions_->fine.insert(flaw);
        }
    }

    // Logging on -----------------------------------------------------------------------------------------------

    /// What the server said, if other credentials may help.
    std::optional<outcome> login_wanted(std::exception_ptr const& why) const
    {
        if (!authenticate_)
            return std::nullopt;
        bool helps = false;
        try
        {
            std::rethrow_exception(why);
        }
        catch (dav::status_error const& e)
        {
            helps = e.status() == 401;
        }
        catch (http::request_error const& e)
        {
            helps = e.code() == http::errc::auth_failed && e.status() != 407;
        }
        catch (...)
        {
        }
        return helps ? std::optional<outcome>(outcome_of_request(why)) : std::nullopt;
    }

    /** Asks for a name and a password.
        @param why   What the server said.
        @param tried Which ones it said that of.
        @throws legacy_failure */
    task<void> log_on(outcome why, std::size_t tried)
    {
        while (asking_)
            co_await wait_news(clock::time_point::max());
        if (tried != logins_)
            co_return; // there are newer ones
        asking_mark const mark(*this);
        proving_ = false;
        set_stage(IXP_AUTHORIZING);
        auto const given    = std::make_shared<logon_texts>();
        auto       question = [given, who = weak_from_this()](httpmail_front& f) {
            auto const asked = who.lock();
            INETSERVER record = f.server;
            HRESULT const answer =
                f.ask([&](IHTTPMailCallback& c, IHTTPMailTransport2* t) { return c.OnLogonPrompt(&record, t); }, HRESULT(S_FALSE));
            if (answer == S_OK && asked && f.connection == asked) // else it is another server's record by now
            {
                take_text(f.server.szUserName, record.szUserName);
                take_text(f.server.szPassword, record.szPassword);
                given->user     = f.server.szUserName;
                given->password = secret_string(f.server.szPassword);
            }
            secure_wipe(record.szPassword, sizeof record.szPassword);
            return answer;
        };
        HRESULT const answer = co_await ask(std::move(question), S_FALSE);
        if (answer != S_OK)
        {
            why.result = IXP_E_USER_CANCEL;
            throw legacy_failure(std::move(why));
        }
        box_.web().set_login(sasl::credentials(given->user, std::move(given->password)));
        ++logins_;
        proving_   = true;
        has_login_ = false; // until it is proved
        set_stage(IXP_AUTHRETRY);
    }

    class asking_mark
    {
    public:
        explicit asking_mark(httpmail_connection& c) noexcept : connection_(&c) { c.asking_ = true; }
        asking_mark(asking_mark const&)            = delete;
        asking_mark& operator=(asking_mark const&) = delete;
        ~asking_mark()
        {
            connection_->asking_ = false;
            try
            {
                connection_->wake();
            }
            catch (...)
            {
                // Timers that cannot be cancelled are asked again by the next news.
            }
        }

    private:
        httpmail_connection* connection_;
    };

    // Time -----------------------------------------------------------------------------------------------------

    /// Asks the client when the server is silent for too long.
    task<void> watchdog(httpmail_order& o)
    {
        DWORD period      = front_->server.dwTimeout;
        auto  quiet_since = clock::now();
        auto  moved       = o.ticks;
        for (;;)
        {
            auto const until = period == 0 ? clock::time_point::max() : quiet_since + std::chrono::seconds(period);
            co_await wait_news(until);
            auto const now = clock::now();
            if (o.ticks != std::exchange(moved, o.ticks))
                quiet_since = now;
            if (period == 0 || now < quiet_since + std::chrono::seconds(period))
                continue;
            auto const limit    = std::make_shared<DWORD>(period);
            auto       question = [limit](httpmail_front& f) {
                return f.ask([&](IHTTPMailCallback& c, IHTTPMailTransport2* t) { return c.OnTimeout(limit.get(), t); }, HRESULT(S_FALSE));
            };
            HRESULT const answer = co_await ask(std::move(question), S_FALSE);
            if (answer != S_OK)
                throw error(posthorn::errc::timeout);
            period      = *limit;
            quiet_since = clock::now();
        }
    }

    httpmail::mailbox                     box_;
    std::shared_ptr<certificate_opinions> opinions_;
    std::deque<order_ptr>                 waiting_orders_;
    std::vector<order_ptr>                running_;
    asio::cancellation_signal             stop_;
    std::size_t                           logins_ = 0; ///< How often the client has given credentials.
    bool                                  authenticate_;
    bool                                  has_login_;        ///< Credentials that were given with Connect.
    bool                                  asking_  = false;  ///< A question is being asked.
    bool                                  proving_ = false;  ///< Credentials of OnLogonPrompt are being tried.
    bool                                  leaving_ = false;
};

} // namespace posthorn::legacy::detail

#endif
