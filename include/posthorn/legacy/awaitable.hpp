//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Any ISMTPTransport, of this library or a foreign one, as tasks: so that old transports and new code can live together.

#ifndef POSTHORN_LEGACY_AWAITABLE_HPP
#define POSTHORN_LEGACY_AWAITABLE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/legacy/com_error.hpp>
#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/outcome.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace posthorn::legacy {

/// What a transport told at the end of something: an SMTPRESPONSE with texts of its own.
struct smtp_answer
{
    smtp_answer() = default;

    SMTPCOMMAND command  = SMTP_NONE;
    HRESULT     result   = S_OK;
    std::string response; ///< The last line of the server; empty if there was none.
    unsigned    number   = 0; ///< Of that line.
    HRESULT     meaning  = S_OK; ///< The code for the number.
    unsigned    socket   = 0;    ///< As Winsock numbers them.
    std::string problem;         ///< E.g. the address that was refused.

    bool ok() const noexcept { return SUCCEEDED(result); }
};

/** Thrown where a transport ended with OnError, or where a method did not take what it was given. code() tells the HRESULT
    for both; for the former answer() tells the rest. */
class transport_error : public com_error
{
public:
    transport_error(smtp_answer a, char const* what) : com_error(a.result, what), answer_(std::make_shared<smtp_answer const>(std::move(a))) {}

    smtp_answer const& answer() const noexcept { return *answer_; }

private:
    std::shared_ptr<smtp_answer const> answer_;
};

/// The questions of a transport, and what it tells by the way. Called on the thread where the transport makes its callbacks.
struct smtp_hooks
{
    smtp_hooks() = default;

    std::function<bool(INETSERVER&)>        on_logon;   ///< Fill in name and password; false, or no hook: give up.
    std::function<bool(HRESULT)>            on_flaw;    ///< Go on in spite of this flaw of the certificate? No hook: no.
    std::function<bool(DWORD& seconds)>     on_timeout; ///< Wait on? No hook: no.
    std::function<void(IXPSTATUS)>          on_status;
    std::function<void(SMTPSTREAM const&)>  on_progress;
    std::function<void(CMDTYPE, char const*)> on_line; ///< Each line of the protocol, if connect() was told so.
};

namespace detail {

/// The callback object: carries what it hears from the thread of the transport to a task.
class awaited_callback final : public unknown<ISMTPCallback, ITransportCallback>
{
public:
    explicit awaited_callback(smtp_hooks h) : hooks_(std::move(h)) {}

    STDMETHODIMP OnTimeout(DWORD* seconds, IInternetTransport*) override
    {
        return hooks_.on_timeout && hooks_.on_timeout(*seconds) ? S_OK : S_FALSE;
    }
    STDMETHODIMP OnLogonPrompt(LPINETSERVER server, IInternetTransport*) override
    {
        return hooks_.on_logon && hooks_.on_logon(*server) ? S_OK : S_FALSE;
    }
    STDMETHODIMP_(INT) OnPrompt(HRESULT flaw, LPCTSTR, LPCTSTR, UINT, IInternetTransport*) override
    {
        return hooks_.on_flaw && hooks_.on_flaw(flaw) ? IDYES : IDNO;
    }
    STDMETHODIMP OnStatus(IXPSTATUS status, IInternetTransport*) override
    {
        if (hooks_.on_status)
            hooks_.on_status(status);
        if (status == IXP_DISCONNECTED)
        {
            event e;
            e.end = true;
            add(std::move(e));
        }
        return S_OK;
    }
    STDMETHODIMP OnError(IXPSTATUS, LPIXPRESULT result, IInternetTransport*) override
    {
        event e;
        e.failed = true;
        e.answer = copy(SMTP_NONE, *result);
        add(std::move(e));
        return S_OK;
    }
    STDMETHODIMP OnCommand(CMDTYPE type, LPSTR line, HRESULT, IInternetTransport*) override
    {
        if (hooks_.on_line)
            hooks_.on_line(type, line);
        return S_OK;
    }
    STDMETHODIMP OnResponse(LPSMTPRESPONSE r) override
    {
        if (r->command == SMTP_SEND_STREAM)
        {
            if (hooks_.on_progress)
                hooks_.on_progress(r->rStreamInfo);
            return S_OK;
        }
        if (!r->fDone)
            return S_OK;
        event e;
        e.answer = copy(r->command, r->rIxpResult);
        add(std::move(e));
        return S_OK;
    }

    struct event
    {
        event() = default;

        bool        end    = false; ///< IXP_DISCONNECTED.
        bool        failed = false; ///< OnError.
        smtp_answer answer;
    };

    /// Waits, on the task's own executor, for the next event.
    task<event> next()
    {
        auto const self = com_ptr<awaited_callback>(this);
        auto const ex   = co_await this_coro::executor;
        auto const wake = std::make_shared<asio::steady_timer>(ex, asio::steady_timer::time_point::max());
        for (;;)
        {
            bool const there = look(wake, ex);
            if (there)
                break;
            std::ignore    = co_await wake->async_wait(use_task_nothrow);
            auto const how = co_await this_coro::cancelled;
            if (how != asio::cancellation_type::none)
                throw error(posthorn::errc::canceled, "waiting for a transport");
        }
        std::lock_guard lock(mutex_);
        event           e = std::move(events_.front());
        events_.pop_front();
        co_return e;
    }

    /// Nothing that was told before counts any more.
    void forget()
    {
        std::lock_guard lock(mutex_);
        events_.clear();
    }

private:
    static smtp_answer copy(SMTPCOMMAND command, IXPRESULT const& r)
    {
        smtp_answer a;
        a.command  = command;
        a.result   = r.hrResult;
        a.response = r.pszResponse == nullptr ? "" : r.pszResponse;
        a.number   = r.uiServerError;
        a.meaning  = r.hrServerError;
        a.socket   = r.dwSocketError;
        a.problem  = r.pszProblem == nullptr ? "" : r.pszProblem;
        return a;
    }

    bool look(std::shared_ptr<asio::steady_timer> const& wake, asio::any_io_executor const& ex)
    {
        std::lock_guard lock(mutex_);
        waiting_  = wake;
        executor_ = ex;
        if (!events_.empty())
            waiting_.reset();
        return !events_.empty();
    }

    void add(event e)
    {
        std::shared_ptr<asio::steady_timer> whom;
        asio::any_io_executor               ex;
        {
            std::lock_guard lock(mutex_);
            events_.push_back(std::move(e));
            whom = std::exchange(waiting_, nullptr);
            ex   = std::exchange(executor_, {});
        }
        if (whom) // a timer belongs to the thread of its task
            asio::post(ex, [whom] { whom->cancel(); });
    }

    smtp_hooks const                    hooks_;
    std::mutex                          mutex_;
    std::deque<event>                   events_;
    std::shared_ptr<asio::steady_timer> waiting_;
    asio::any_io_executor               executor_;
};

} // namespace detail

/** An ISMTPTransport as tasks.

    @par Example
    @code
    legacy::awaitable_transport mail(legacy::create_smtp_transport(executor));
    co_await mail.connect(server, iitAUTHENTICATE);
    auto answer = co_await mail.send(message);
    co_await mail.disconnect();
    @endcode

    The transport may be one of this library or a foreign one. One that needs its thread to pump still needs it: await
    pump_along() beside the tasks, on the same thread, or pump elsewhere. The transport's methods are called on the task's executor:
    for one that belongs to a thread, that has to be an event loop of the same thread.

    One operation at a time. The transport's callback is this object's from its construction on.

    @par Errors
    transport_error where the connection ends with OnError, or ends at all during an operation; com_error with what a method
    returns. A refusal by the server is an answer, not an error.

    @par Cancellation
    Supported. What the transport does goes on, and its answer is dropped when the next operation begins.
*/
class awaitable_transport
{
public:
    /// @param log_file For InitNew; empty for none. @throws com_error
    awaitable_transport(com_ptr<ISMTPTransport> t, smtp_hooks hooks, std::string log_file = {})
        : transport_(std::move(t)), callback_(com_ptr<detail::awaited_callback>::attach(new detail::awaited_callback(std::move(hooks))))
    {
        check(transport_->InitNew(log_file.empty() ? nullptr : log_file.data(), callback_.get()), "InitNew");
    }
    explicit awaitable_transport(com_ptr<ISMTPTransport> t) : awaitable_transport(std::move(t), smtp_hooks()) {}
    awaitable_transport(awaitable_transport const&)            = delete;
    awaitable_transport& operator=(awaitable_transport const&) = delete;

    /// Ends a connection without a word.
    ~awaitable_transport() { transport_->HandsOffCallback(); }

    /// Connects, until SMTP_CONNECTED. @param lines Whether hooks get each line of the protocol.
    task<void> connect(INETSERVER server, bool authenticate, bool lines)
    {
        callback_->forget();
        check(transport_->Connect(&server, authenticate ? TRUE : FALSE, lines ? TRUE : FALSE), "Connect");
        auto const answer = co_await until(SMTP_CONNECTED, "Connect");
    }
    task<void> connect(INETSERVER server, bool authenticate) { return connect(server, authenticate, false); }

    /// Sends a message. What it refers to must stay until the task has begun, the stream until it has ended.
    task<smtp_answer> send(SMTPMESSAGE message)
    {
        callback_->forget();
        check(transport_->SendMessage(&message), "SendMessage");
        co_return co_await until(SMTP_SEND_MESSAGE, "SendMessage");
    }

    /// The same with DSN. @throws com_error with E_NOINTERFACE if the transport has no ISMTPTransport2.
    task<smtp_answer> send(SMTPMESSAGE2 message)
    {
        auto const two = transport_.as<ISMTPTransport2>();
        callback_->forget();
        check(two->SendMessage2(&message), "SendMessage2");
        co_return co_await until(SMTP_SEND_MESSAGE, "SendMessage2");
    }

    // Single commands.

    task<smtp_answer> mail(std::string from) { return text(SMTP_MAIL, &ISMTPTransport::CommandMAIL, std::move(from), "CommandMAIL"); }
    task<smtp_answer> rcpt(std::string to) { return text(SMTP_RCPT, &ISMTPTransport::CommandRCPT, std::move(to), "CommandRCPT"); }

    /// RCPT with bits ADDR_DSN_... @throws com_error with E_NOINTERFACE if the transport has no ISMTPTransport2.
    task<smtp_answer> rcpt(std::string to, INETADDRTYPE dsn)
    {
        auto const two = transport_.as<ISMTPTransport2>();
        callback_->forget();
        check(two->CommandRCPT2(to.data(), dsn), "CommandRCPT2");
        co_return co_await until(SMTP_RCPT, "CommandRCPT2");
    }

    task<smtp_answer> auth(std::string how) { return text(SMTP_AUTH, &ISMTPTransport::CommandAUTH, std::move(how), "CommandAUTH"); }
    task<smtp_answer> ehlo() { return plain(SMTP_EHLO, &ISMTPTransport::CommandEHLO, "CommandEHLO"); }
    task<smtp_answer> helo() { return plain(SMTP_HELO, &ISMTPTransport::CommandHELO, "CommandHELO"); }
    task<smtp_answer> rset() { return plain(SMTP_RSET, &ISMTPTransport::CommandRSET, "CommandRSET"); }
    task<smtp_answer> data() { return plain(SMTP_DATA, &ISMTPTransport::CommandDATA, "CommandDATA"); }
    task<smtp_answer> dot() { return plain(SMTP_DOT, &ISMTPTransport::CommandDOT, "CommandDOT"); }

    /// The content after data(). @param size In bytes; 0 for all of it.
    task<smtp_answer> stream(com_ptr<IStream> content, ULONG size)
    {
        callback_->forget();
        check(transport_->SendDataStream(content.get(), size), "SendDataStream");
        co_return co_await until(SMTP_DOT, "SendDataStream");
    }

    /// QUIT, until IXP_DISCONNECTED. @return What the server said to it; transport_error if it said nothing.
    task<smtp_answer> quit()
    {
        callback_->forget();
        check(transport_->CommandQUIT(), "CommandQUIT");
        auto answer = co_await until(SMTP_QUIT, "CommandQUIT");
        for (bool ended = false; !ended;)
        {
            auto const e = co_await callback_->next();
            ended        = e.end;
        }
        co_return answer;
    }

    /// Disconnects, until IXP_DISCONNECTED. Does nothing if there is no connection.
    task<void> disconnect()
    {
        callback_->forget();
        HRESULT const result = transport_->Disconnect();
        if (result == IXP_E_NOT_CONNECTED)
            co_return;
        check(result, "Disconnect");
        for (;;)
        {
            auto const e = co_await callback_->next();
            if (e.end)
                co_return;
        }
    }

    /// For everything else.
    ISMTPTransport* get() const noexcept { return transport_.get(); }

private:
    using text_method  = HRESULT (STDMETHODCALLTYPE ISMTPTransport::*)(LPSTR);
    using plain_method = HRESULT (STDMETHODCALLTYPE ISMTPTransport::*)();

    task<smtp_answer> text(SMTPCOMMAND answer, text_method method, std::string argument, char const* what)
    {
        callback_->forget();
        check((transport_.get()->*method)(argument.data()), what);
        co_return co_await until(answer, what);
    }

    task<smtp_answer> plain(SMTPCOMMAND answer, plain_method method, char const* what)
    {
        callback_->forget();
        check((transport_.get()->*method)(), what);
        co_return co_await until(answer, what);
    }

    task<smtp_answer> until(SMTPCOMMAND wanted, char const* what)
    {
        std::optional<smtp_answer> failure;
        for (;;)
        {
            auto e = co_await callback_->next();
            if (e.failed)
                failure = std::move(e.answer);
            else if (e.end)
                break;
            else if (e.answer.command == wanted)
                co_return std::move(e.answer);
        }
        if (!failure)
        {
            failure.emplace();
            failure->result = IXP_E_CONNECTION_DROPPED;
        }
        throw transport_error(std::move(*failure), what);
    }

    com_ptr<ISMTPTransport>            transport_;
    com_ptr<detail::awaited_callback>  callback_;
};

} // namespace posthorn::legacy

#endif
