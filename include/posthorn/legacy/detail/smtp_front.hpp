//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the client of an SMTP transport sees: its state, and the callbacks that tell of each change, one at a time and in order.

#ifndef POSTHORN_LEGACY_DETAIL_SMTP_FRONT_HPP
#define POSTHORN_LEGACY_DETAIL_SMTP_FRONT_HPP

#include <posthorn/core/secret.hpp>
#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/mailbox.hpp>
#include <posthorn/legacy/detail/outcome.hpp>
#include <posthorn/legacy/detail/protocol_file.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/transport_settings.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace posthorn::legacy::detail {

class smtp_connection;

/// What every SMTP transport is.
using smtp_object = unknown<ISMTPTransport2, ISMTPTransport, IInternetTransport>;

/** State and callbacks.

    News of a connection are queued; each becomes one step of the mailbox, which first changes the state and then calls the
    client. So the client always sees the state that the callback tells, whatever the connection does meanwhile, and may
    do in a callback what it likes: nothing of the engine is on the stack then.
*/
class smtp_front : public std::enable_shared_from_this<smtp_front>
{
public:
    using news = std::function<void(smtp_front&)>;

    explicit smtp_front(std::shared_ptr<mailbox> b) : box(std::move(b)) {}
    smtp_front(smtp_front const&)            = delete;
    smtp_front& operator=(smtp_front const&) = delete;
    ~smtp_front() { secure_wipe(server.szPassword, sizeof server.szPassword); }

    // Queue ----------------------------------------------------------------------------------------------------

    /// To be told to the client when it is its turn.
    void tell(news n)
    {
        step turn([self = shared_from_this()] { self->deliver(); });
        queue_.push_back(std::move(n));
        try
        {
            box->post(std::move(turn));
        }
        catch (...)
        {
            queue_.pop_back(); // news without a turn would never be told
            throw;
        }
    }

    bool has_news() const noexcept { return !queue_.empty(); }

    /// Nobody shall hear of what is queued.
    void forget_news() noexcept { queue_.clear(); }

    /// Called when the last news was told.
    std::function<void()> on_quiet;

    // Callbacks ------------------------------------------------------------------------------------------------

    /** Calls the client, if there is one to be called, with the transport held for as long as that takes.
        @return What the callback answers; `otherwise` if there is none. */
    template <class F, class R>
    R ask(F&& f, R otherwise)
    {
        com_ptr<ISMTPCallback> const whom = callback;
        if (!whom || transport == nullptr || !transport->hold()) // its last Release may be on the way from another thread
            return otherwise;
        auto const self = com_ptr<ISMTPTransport2>::attach(transport);
        return std::forward<F>(f)(*whom, self.get());
    }

    void set_status(IXPSTATUS s)
    {
        status = s;
        if (s == IXP_CONNECTED)
            connected = true;
        if (s == IXP_DISCONNECTED)
            connected = ready = busy = authenticated = false;
        ask([s](ISMTPCallback& c, ISMTPTransport2* t) { return c.OnStatus(s, t); }, S_OK);
    }

    void on_response(SMTPCOMMAND command, bool done, outcome& what, SMTPSTREAM const& progress)
    {
        auto const call = [&](ISMTPCallback& c, ISMTPTransport2* t) {
            SMTPRESPONSE r = {};
            r.command      = command;
            r.fDone        = done ? TRUE : FALSE;
            r.rIxpResult   = what.view();
            r.pTransport   = t;
            r.rStreamInfo  = progress;
            return c.OnResponse(&r);
        };
        ask(call, S_OK);
    }

    void on_error(outcome& what)
    {
        auto const call = [&](ISMTPCallback& c, ISMTPTransport2* t) {
            IXPRESULT r = what.view();
            return c.OnError(status, &r, t);
        };
        ask(call, S_OK);
    }

    void on_line(CMDTYPE direction, std::string& line, HRESULT meaning)
    {
        ask([&](ISMTPCallback& c, ISMTPTransport2* t) { return c.OnCommand(direction, line.data(), meaning, t); }, S_OK);
    }

    // State ----------------------------------------------------------------------------------------------------

    std::shared_ptr<mailbox> const box;
    com_ptr<ISMTPCallback>         callback;
    smtp_object*                   transport = nullptr; ///< Not held: it holds this.
    transport_settings             settings;
    std::unique_ptr<protocol_file> log; ///< Null: none.
    bool                           initialised = false;
    bool                           wants_lines = false; ///< OnCommand.
    INETSERVER                     server      = {};    ///< Of the last Connect.
    bool                           has_server  = false;

    IXPSTATUS status        = IXP_DISCONNECTED;
    bool      connected     = false; ///< Has IXP_CONNECTED been reached?
    bool      ready         = false; ///< Has SMTP_CONNECTED been reached?
    bool      busy          = false;
    bool      authenticated = false;

    std::shared_ptr<smtp_connection> connection; ///< From Connect to IXP_DISCONNECTED.

private:
    void deliver()
    {
        if (queue_.empty())
            return;
        auto const next = std::move(queue_.front());
        queue_.pop_front();
        quiet_guard const after(*this);
        next(*this);
    }

    /// Also when the callback throws.
    class quiet_guard
    {
    public:
        explicit quiet_guard(smtp_front& f) noexcept : front_(&f) {}
        quiet_guard(quiet_guard const&)            = delete;
        quiet_guard& operator=(quiet_guard const&) = delete;
        ~quiet_guard()
        {
            if (front_->queue_.empty() && front_->on_quiet)
                front_->on_quiet();
        }

    private:
        smtp_front* front_;
    };

    std::deque<news> queue_;
};

} // namespace posthorn::legacy::detail

#endif
