//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// One connection of an SMTP transport, from Connect to IXP_DISCONNECTED: a task that sets up a session and does what the
// client asks for. It decides nothing about SMTP; the session does.

#ifndef POSTHORN_LEGACY_DETAIL_SMTP_CONNECTION_HPP
#define POSTHORN_LEGACY_DETAIL_SMTP_CONNECTION_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/legacy/detail/logon_texts.hpp>
#include <posthorn/legacy/detail/outcome.hpp>
#include <posthorn/legacy/detail/smtp_front.hpp>
#include <posthorn/legacy/detail/smtp_link.hpp>
#include <posthorn/legacy/detail/stream_source.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/resolve.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_settings.hpp>
#include <posthorn/sasl/mechanism.hpp>
#include <posthorn/sasl/select.hpp>
#include <posthorn/smtp/address.hpp>
#include <posthorn/smtp/domain.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/parameters.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/smtp/settings.hpp>
#include <posthorn/source/memory.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/ip/host_name.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace posthorn::legacy::detail {

/// A message and who it is from and for, checked.
struct letter
{
    letter() = default;

    smtp::reverse_path             from;
    std::string                    from_text;
    smtp::mail_parameters          parameters;
    std::vector<smtp::recipient>   recipients;
    std::vector<std::string>       recipient_texts;
    std::shared_ptr<stream_source> content;
};

/// How a CommandAUTH logs on.
struct logon_order
{
    logon_order() = default;

    std::string                                  mechanism;
    std::function<sasl::mechanism_factory()>     custom; ///< Empty: one that is known here.
};

class smtp_connection final : public smtp_link, public std::enable_shared_from_this<smtp_connection>
{
public:
    /// What the client wants to be done.
    using request = std::function<task<void>(smtp_connection&)>;

    /// @param trust For TLS: made by make_tls_context(), or nothing if there is no TLS.
    smtp_connection(std::shared_ptr<smtp_front> f, bool authenticate, std::optional<net::tls_context> trust,
                    std::shared_ptr<std::vector<net::certificate_flaw>> flaws)
        : smtp_link(std::move(f)), trust_(std::move(trust)), flaws_(std::move(flaws)), authenticate_(authenticate)
    {
    }

    /// Starts it. @throws std::bad_alloc
    void start()
    {
        auto const self = shared_from_this();
        spawn(executor_, run(self), asio::bind_cancellation_slot(stop_.slot(), [self](std::exception_ptr const&) {}));
    }

    // From the transport's methods -----------------------------------------------------------------------------

    smtp::session*       session() noexcept { return session_.get(); }
    bool                 is_leaving() const noexcept { return leaving_; }
    bool                 content_open() const noexcept { return session_ && session_->content_open(); }

    /// Is there anything on the other side, as far as can be told without asking?
    bool looks_alive() { return session_ && session_->looks_alive(); }

    /// @param stream The client's stream, if that is read. @pre nothing is asked for at present
    void submit(request r, std::shared_ptr<stream_source> stream)
    {
        request_ = std::move(r);
        stream_  = std::move(stream);
        wake();
    }

    /// Disconnect: what runs is not finished.
    void leave()
    {
        leaving_ = true;
        report_as(SMTP_NONE, false);
        wake();
    }

    /// The client wants to hear nothing more, and the connection to end at once.
    void drop() noexcept
    {
        dropped_ = true;
        request_ = nullptr;
        for (auto* const one : {&stream_, &held_})
            if (auto const stream = std::exchange(*one, nullptr))
                stream->release(); // now and here: what still refers to it may end on another thread
        if (session_)
            session_->close();
        try
        {
            wake();
            stop_.emit(asio::cancellation_type::terminal);
        }
        catch (...)
        {
            // Without memory for the message it ends when the socket is found closed.
        }
    }

    /// The client has heard of everything.
    void hear_quiet() { wake(); }

    // Operations, see request ----------------------------------------------------------------------------------

    /// One command and its reply.
    task<void> exchange(SMTPCOMMAND what, task<smtp::reply> operation)
    {
        report_as(what, true);
        auto const reply = co_await watched(std::move(operation));
        report_as(SMTP_NONE, false);
    }

    /// EHLO or HELO.
    task<void> introduce(SMTPCOMMAND what)
    {
        report_as(what, true);
        try
        {
            co_await say_hello(what == SMTP_EHLO, false);
        }
        catch (smtp::session_error const& e)
        {
            if (e.code() != smtp::errc::ehlo_refused)
                throw; // a refusal was told as the reply that it is
        }
        report_as(SMTP_NONE, false);
    }

    /// QUIT, and the end.
    task<void> quit()
    {
        quitting_ = true;
        report_as(SMTP_QUIT, false); // what would come after it?
        co_await session_->quit();
        throw left();
    }

    /// The text of a message, or nothing, and the dot.
    task<void> finish_data(std::shared_ptr<stream_source> text)
    {
        report_as(SMTP_DOT, true);
        string_source nothing {std::string()};
        source&       from  = text ? static_cast<source&>(*text) : nothing;
        auto const    reply = co_await send_content(std::move(text), from);
        report_as(SMTP_NONE, false);
    }

    /// A whole message. The client hears of the content's progress and of the end.
    task<void> send(std::shared_ptr<letter> l)
    {
        report_as(SMTP_NONE, false);
        auto reply = co_await watched(session_->mail(l->from, l->parameters));
        auto said  = outcome_of(reply);
        if (!reply.positive())
        {
            said.result  = IXP_E_SMTP_REJECTED_SENDER;
            said.problem = l->from_text;
            co_return co_await give_up(std::move(said));
        }
        for (std::size_t i = 0; i != l->recipients.size(); ++i)
        {
            co_await settle();
            auto const& to = l->recipients[i];
            reply          = co_await watched(session_->rcpt(to.address, to.parameters));
            said           = outcome_of(reply);
            if (reply.positive())
                continue;
            said.result  = IXP_E_SMTP_REJECTED_RECIPIENTS;
            said.problem = l->recipient_texts[i];
            co_return co_await give_up(std::move(said));
        }
        co_await settle();
        reply = co_await watched(session_->open_data());
        if (session_->content_open())
        {
            co_await settle();
            reply = co_await send_content(l->content, *l->content);
        }
        said = outcome_of(reply);
        if (!reply.positive())
            co_return co_await give_up(std::move(said));
        said.result = S_OK;
        if (!leaving_)
            respond(SMTP_SEND_MESSAGE, true, std::move(said), true);
    }

    /// Nothing is sent, but the client is answered as if it had been tried.
    task<void> answer(SMTPCOMMAND what, HRESULT result)
    {
        respond(what, true, outcome(result), true);
        co_return;
    }

    /// AUTH as the client wants it.
    task<void> log_on_by(std::shared_ptr<logon_order> order)
    {
        bool const nameless = ascii::iequals(order->mechanism, "EXTERNAL") || ascii::iequals(order->mechanism, "ANONYMOUS");
        if (!order->custom && !nameless && needs_prompt())
            co_await prompt(outcome());
        sasl::selection how = selection();
        how.allowed.assign(1, order->mechanism);
        how.allow_plaintext = true; // asked for by name
        if (order->custom)
            how.custom.emplace(order->mechanism, order->custom());
        std::vector<std::string> offered(1, order->mechanism);
        auto const               refusal = co_await try_logon(std::move(how), std::move(offered));
        if (!refusal)
            tell([](smtp_front& f) { f.authenticated = true; });
        settle_judgement(refusal, true);
    }

private:
    std::weak_ptr<transport_link<smtp_front>> weak() override { return weak_from_this(); }

    static task<void> run(std::shared_ptr<smtp_connection> self)
    {
        session_end        end_of_session(*self);
        std::exception_ptr failure;
        bool               by_client = false;
        try
        {
            co_await self->establish();
            co_await self->serve();
        }
        catch (left const&)
        {
            by_client = true;
        }
        catch (...)
        {
            failure = std::current_exception();
        }
        self->stream_.reset(); // QUIT may take its time
        self->held_.reset();
        if (!self->dropped_ && failure)
            self->tell_failure(failure);
        if (!self->dropped_)
            co_await self->say_goodbye(by_client);
        if (!self->dropped_)
            self->end();
        end_of_session.finished();
    }

    /// A session must not outlive its event loop, which may be destroyed with the task in it.
    class session_end
    {
    public:
        explicit session_end(smtp_connection& c) noexcept : connection_(&c) {}
        session_end(session_end const&)            = delete;
        session_end& operator=(session_end const&) = delete;
        ~session_end()
        {
            connection_->session_.reset();
            if (!finished_)
                connection_->front_->box->close(); // what it would post to is gone
        }

        void finished() noexcept { finished_ = true; }

    private:
        smtp_connection* connection_;
        bool             finished_ = false;
    };

    // The end --------------------------------------------------------------------------------------------------

    void tell_failure(std::exception_ptr const& failure)
    {
        outcome    what      = outcome_of(failure, stage_);
        bool const cancelled = what.result == IXP_E_USER_CANCEL;
        tell([o = std::move(what)](smtp_front& f) mutable { f.on_error(o); });
        if (cancelled)
            set_stage(IXP_DISCONNECTING);
    }

    /// QUIT, where that makes sense.
    task<void> say_goodbye(bool by_client)
    {
        if (!session_ || !session_->is_open() || session_->content_open() || !greeted_)
            co_return;
        report_as(by_client ? SMTP_QUIT : SMTP_NONE, false);
        co_await session_->quit();
    }

    void end()
    {
        if (session_)
            session_->close();
        if (quitting_ && !leaving_)
            set_stage(IXP_DISCONNECTING);
        tell([self = shared_from_this()](smtp_front& f) {
            if (f.connection == self)
                f.connection.reset();
            f.set_status(IXP_DISCONNECTED);
        });
    }

    // The beginning --------------------------------------------------------------------------------------------

    /// From nothing to SMTP_CONNECTED.
    task<void> establish()
    {
        logging_on_    = true;
        bool ready     = false;
        bool once_more = false;
        while (!ready)
        {
            co_await open();
            co_await settle();
            ready     = co_await log_on(once_more);
            once_more = true;
        }
        logging_on_ = false;
        set_stage(IXP_AUTHORIZED);
        set_stage(IXP_CONNECTED);
        tell([](smtp_front& f) { f.ready = true; });
        respond(SMTP_CONNECTED, true, outcome(S_OK), true);
    }

    /// From nothing to a session that has been introduced, inside TLS if that was asked for.
    task<void> open()
    {
        INETSERVER const&  server   = front_->server;
        std::string const  host     = server.szServerName;
        bool const         starttls = (server.dwFlags & ISF_SSLONSAMEPORT) != 0;
        net::host_port     where(host, static_cast<std::uint16_t>(server.dwPort));
        net::connect_options how;
        how.attempt_timeout = std::chrono::milliseconds(0); // how long is too long the client says
        how.resolve.timeout = std::chrono::milliseconds(0);
        session_.reset();
        greeted_ = false;
        set_stage(IXP_FINDINGHOST);
        co_await settle();
        auto addresses = co_await watched(net::resolve(where.host(), where.service(), how.resolve));
        set_stage(IXP_CONNECTING);
        co_await settle();
        auto        socket = co_await watched(net::connect(std::move(addresses), how));
        net::stream stream(std::move(socket), net::to_string(where));
        make_session(std::move(stream), net::to_string(where));
        if (server.fSSL && !starttls)
        {
            set_stage(IXP_SECURING);
            co_await settle();
            flaws_->clear();
            co_await watched(session_->secure(*trust_, host, std::string()));
            co_await ask_about_flaws();
        }
        set_stage(IXP_CONNECTED);
        co_await settle();
        report_as(SMTP_BANNER, false);
        auto const greeting = co_await watched(session_->greet());
        greeted_            = true;
        co_await settle();
        bool const extended = starttls || wants_logon() || (server.dwFlags & (ISF_QUERYDSNSUPPORT | ISF_QUERYAUTHSUPPORT)) != 0;
        co_await say_hello(extended, true);
        if (!starttls)
            co_return;
        co_await settle();
        report_as(SMTP_NONE, false);
        flaws_->clear();
        co_await watched(session_->upgrade_tls(*trust_, host, std::string()));
        co_await ask_about_flaws();
        set_stage(IXP_CONNECTED);
        co_await settle();
        co_await say_hello(true, true);
    }

    void make_session(net::stream stream, std::string name)
    {
        smtp::session_settings s;
        auto const             never = smtp::timeouts::duration::max();
        s.server                     = std::move(name);
        s.ehlo_name                  = own_name(stream.local_address());
        // The watchdog has the client's own idea of time.
        s.timeouts.greeting = s.timeouts.hello = s.timeouts.tls = s.timeouts.auth = s.timeouts.mail = s.timeouts.rcpt = never;
        s.timeouts.data = s.timeouts.block = s.timeouts.final = s.timeouts.command = never;
        s.timeouts.minimum_rate = 0;
        s.on_event              = [this](smtp::event const& e) { on_event(e); };
        session_                = std::make_unique<smtp::session>(std::move(stream), std::move(s));
    }

    std::string own_name(std::string const& local) const
    {
        std::string const literal = smtp::address_literal(local);
        if ((front_->server.dwFlags & ISF_SMTP_USEIPFORHELO) != 0 && !literal.empty())
            return literal;
        std::string name = front_->settings.hello_name;
        if (name.empty())
        {
            std::error_code ignored;
            name = asio::ip::host_name(ignored);
        }
        return smtp::check_ehlo_name(name) ? std::string("localhost") : name;
    }

    /// @param connecting As a part of Connect; else at the client's request.
    task<void> say_hello(bool extended, bool connecting)
    {
        if (connecting)
            report_as(extended ? SMTP_EHLO : SMTP_HELO, false);
        if (extended)
            co_await watched(session_->hello(connecting));
        else
            co_await watched(session_->helo());
    }

    /// Certificates that are in order but for the host or the date are for the client to judge.
    task<void> ask_about_flaws()
    {
        bool asked_host = false, asked_date = false;
        for (auto const flaw : *flaws_)
        {
            bool const host  = flaw == net::certificate_flaw::wrong_host;
            bool&      asked = host ? asked_host : asked_date;
            if (std::exchange(asked, true))
                continue;
            HRESULT const     why  = host ? IXP_E_INVALID_CERT_CN : IXP_E_INVALID_CERT_DATE;
            std::string const name = front_->server.szServerName;
            std::string const text = certificate_question(host, name);
            auto question = [why, text](smtp_front& f) {
                auto const call = [&](ISMTPCallback& c, ISMTPTransport2* t) {
                    return c.OnPrompt(why, text.c_str(), "Security Warning", MB_YESNO | MB_ICONEXCLAMATION | MB_SETFOREGROUND, t);
                };
                return static_cast<HRESULT>(f.ask(call, INT(IDNO)));
            };
            HRESULT const answer = co_await ask(std::move(question), IDNO);
            if (leaving_)
                throw left();
            if (answer != IDYES && answer != IDOK)
                throw legacy_failure(outcome(why));
        }
    }

    // Logging on -----------------------------------------------------------------------------------------------

    bool wants_logon() const noexcept
    {
        INETSERVER const& s = front_->server;
        return authenticate_ && (s.szUserName[0] != '\0' || s.fTrySicily || (s.dwFlags & ISF_ALWAYSPROMPTFORPASSWORD) != 0);
    }

    bool needs_prompt() const noexcept
    {
        return front_->server.szUserName[0] == '\0' || front_->server.szPassword[0] == '\0';
    }

    sasl::selection selection() const
    {
        sasl::selection how;
        how.allow_plaintext = front_->settings.allow_plaintext_logon;
        how.host            = front_->server.szServerName;
        how.port            = static_cast<std::uint16_t>(front_->server.dwPort);
        if (front_->server.fTrySicily)
            how.allowed.assign(1, "NTLM");
        return how;
    }

    /// @return False if the connection has to be made once more, since the server has ended it.
    task<bool> log_on(bool again)
    {
        if (!wants_logon())
            co_return true;
        auto const offer = session_->capabilities().auth_mechanisms();
        std::vector<std::string> offered(offer.begin(), offer.end());
        if (offered.empty() && front_->server.szUserName[0] == '\0')
            co_return true;
        set_stage(again ? IXP_AUTHRETRY : IXP_AUTHORIZING);
        co_await settle();
        if (offered.empty())
            throw legacy_failure(outcome(IXP_E_SICILY_LOGON_FAILED));
        if (needs_prompt())
            co_await prompt(outcome());
        for (bool retry = false;; retry = true)
        {
            std::optional<outcome> refusal;
            bool                   lost = false;
            try
            {
                refusal = co_await try_logon(selection(), offered);
            }
            catch (error const& e)
            {
                // The server may have closed after the refusal, and the client have been faster than that news.
                lost = retry && is_loss(e);
                if (!lost)
                    throw;
            }
            if (lost)
                co_return false;
            settle_judgement(refusal, false);
            if (!refusal)
                break;
            co_await settle();
            co_await prompt(*refusal);
            if (!session_->looks_alive())
                co_return false;
            set_stage(IXP_AUTHRETRY);
        }
        tell([](smtp_front& f) { f.authenticated = true; });
        co_return true;
    }

    /// Has the other side ended the connection?
    bool is_loss(error const& e) const noexcept
    {
        bool const ended = e.code() == smtp::errc::service_unavailable || result_of_error(e.code(), stage_) == IXP_E_CONNECTION_DROPPED;
        return ended && !leaving_ && !dropped_ && !session_->is_open();
    }

    /// @return What the server said if it does not take the credentials.
    task<std::optional<outcome>> try_logon(sasl::selection how, std::vector<std::string> offered)
    {
        report_as(SMTP_AUTH, false);
        judgement_.reset();
        std::optional<outcome> refusal;
        sasl::credentials      who(front_->server.szUserName, secret_string(front_->server.szPassword));
        try
        {
            auto const used = co_await watched(session_->authenticate(std::move(who), std::move(how), std::move(offered)));
        }
        catch (smtp::session_error const& e)
        {
            refusal         = judgement_.value_or(outcome());
            refusal->result = IXP_E_SICILY_LOGON_FAILED;
            bool const mine = session_->is_open() && (!logging_on_ || e.code() == smtp::errc::auth_failed);
            if (!mine && judgement_)
                settle_judgement(refusal, false);
            if (!mine)
                throw;
        }
        report_as(SMTP_NONE, false);
        co_return refusal;
    }

    /// The last word of the server is told now that it is known to be the last.
    void settle_judgement(std::optional<outcome> const& refusal, bool frees)
    {
        auto said = std::exchange(judgement_, std::nullopt);
        if (refusal)
            said = refusal;
        if (said && !leaving_)
            respond(SMTP_AUTH, true, std::move(*said), frees);
    }

    /// Asks for a name and a password. @param why What the server said to those before. @throws legacy_failure
    task<void> prompt(outcome why)
    {
        auto const self     = weak_from_this();
        auto       question = [self](smtp_front& f) {
            INETSERVER    given  = f.server;
            HRESULT const answer = f.ask([&](ISMTPCallback& c, ISMTPTransport2* t) { return c.OnLogonPrompt(&given, t); }, HRESULT(S_FALSE));
            auto const    asked  = self.lock();
            if (answer == S_OK && asked && f.connection == asked) // else it was about another server
            {
                take_text(f.server.szUserName, given.szUserName);
                take_text(f.server.szPassword, given.szPassword);
            }
            secure_wipe(given.szPassword, sizeof given.szPassword);
            return answer;
        };
        HRESULT const answer = co_await ask(std::move(question), S_FALSE);
        if (dropped_)
            throw error(posthorn::errc::closed);
        if (leaving_)
            throw left();
        if (answer == S_OK)
            co_return;
        why.result = IXP_E_USER_CANCEL;
        throw legacy_failure(std::move(why));
    }

    // Work -----------------------------------------------------------------------------------------------------

    /// Until the connection ends, one way or another.
    task<void> serve()
    {
        for (;;)
        {
            co_await idle();
            auto const r = std::exchange(request_, nullptr);
            held_        = std::exchange(stream_, nullptr);
            co_await r(*this);
            held_.reset();
            if (leaving_)
                throw left();
            if (!session_->is_open())
                throw legacy_failure(ended());
        }
    }

    /// Until the client wants something. @throws left; session_error if the server ends the connection meanwhile.
    task<void> idle()
    {
        auto wait  = wait_request();
        auto watch = session_->watch();
        std::ignore = co_await when_any(std::move(wait), std::move(watch));
        if (dropped_)
            throw error(posthorn::errc::closed);
        if (leaving_)
            throw left();
    }

    task<void> wait_request()
    {
        while (!request_ && !leaving_ && !dropped_)
            co_await wait_news(clock::time_point::max());
    }

    outcome ended() const
    {
        outcome o = farewell_.value_or(outcome());
        o.result  = IXP_E_CONNECTION_DROPPED;
        return o;
    }

    task<smtp::reply> send_content(std::shared_ptr<stream_source> text, source& from)
    {
        content_ = std::move(text);
        told_.reset();
        dot_due_ = true;
        content_end const    end(*this);
        smtp::send_options   options;
        options.max_line = 0; // the line ends are the client's
        co_return co_await watched(session_->finish_data(from, options, true));
    }

    class content_end
    {
    public:
        explicit content_end(smtp_connection& c) noexcept : connection_(&c) {}
        content_end(content_end const&)            = delete;
        content_end& operator=(content_end const&) = delete;
        ~content_end() { connection_->content_.reset(); }

    private:
        smtp_connection* connection_;
    };

    /// A message was refused: the server forgets it, and then the client hears of it.
    task<void> give_up(outcome why)
    {
        if (!leaving_ && session_->is_open())
        {
            auto const reply = co_await watched(session_->rset());
        }
        if (!leaving_)
            respond(SMTP_SEND_MESSAGE, true, std::move(why), true);
    }

    std::optional<net::tls_context>                     trust_;
    std::shared_ptr<std::vector<net::certificate_flaw>> flaws_;
    asio::cancellation_signal                           stop_;
    request                                             request_;
    std::shared_ptr<stream_source>                      stream_; ///< The client's, that the request is to read.
    std::shared_ptr<stream_source>                      held_;   ///< The same, while the request is worked off.
    bool                                                authenticate_;
    bool                                                quitting_ = false; ///< By CommandQUIT.
};

} // namespace posthorn::legacy::detail

#endif
