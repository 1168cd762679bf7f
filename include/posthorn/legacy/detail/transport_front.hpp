//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the client of a transport sees, whatever the protocol: the queue of callbacks and the status.

#ifndef POSTHORN_LEGACY_DETAIL_TRANSPORT_FRONT_HPP
#define POSTHORN_LEGACY_DETAIL_TRANSPORT_FRONT_HPP

#include <posthorn/core/secret.hpp>
#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/mailbox.hpp>
#include <posthorn/legacy/detail/outcome.hpp>
#include <posthorn/legacy/detail/protocol_file.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/transport_settings.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace posthorn::legacy::detail {

/** State and callbacks.

    News are queued; each becomes one step of the mailbox, which first changes the state and then calls the client. So the client
    always sees the state that the callback tells, and may do in a callback what it likes: nothing of the engine is on the
    stack then.

    @tparam Self   The class that derives from it.
    @tparam Object The transport, as derived from unknown.
*/
template <class Self, class Callback, class Transport, class Object>
class transport_front : public std::enable_shared_from_this<Self>
{
public:
    using news = std::function<void(Self&)>;

    explicit transport_front(std::shared_ptr<mailbox> b) : box(std::move(b)) {}
    transport_front(transport_front const&)            = delete;
    transport_front& operator=(transport_front const&) = delete;

    // Queue ----------------------------------------------------------------------------------------------------

    /// To be told to the client when it is its turn.
    void tell(news n)
    {
        step turn([self = this->shared_from_this()] { self->deliver(); });
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
        com_ptr<Callback> const whom = callback;
        if (!whom || transport == nullptr || !transport->hold()) // its last Release may be on the way from another thread
            return otherwise;
        auto const self = com_ptr<Transport>::attach(transport);
        return std::forward<F>(f)(*whom, self.get());
    }

    void call_status(IXPSTATUS s)
    {
        ask([s](Callback& c, Transport* t) { return c.OnStatus(s, t); }, S_OK);
    }

    void on_error(outcome& what)
    {
        auto const call = [&](Callback& c, Transport* t) {
            IXPRESULT r = what.view();
            return c.OnError(status, &r, t);
        };
        ask(call, S_OK);
    }

    void on_line(CMDTYPE direction, std::string& line, HRESULT meaning)
    {
        ask([&](Callback& c, Transport* t) { return c.OnCommand(direction, line.data(), meaning, t); }, S_OK);
    }

    // State ----------------------------------------------------------------------------------------------------

    std::shared_ptr<mailbox> const box;
    com_ptr<Callback>              callback;
    Object*                        transport = nullptr; ///< Not held: it holds this.
    transport_settings             settings;
    std::unique_ptr<protocol_file> log; ///< Null: none.
    bool                           initialised = false;
    bool                           wants_lines = false; ///< OnCommand.
    INETSERVER                     server      = {};    ///< Of the last Connect.
    bool                           has_server  = false;

    IXPSTATUS status        = IXP_DISCONNECTED;
    bool      connected     = false; ///< Has IXP_CONNECTED been reached?
    bool      authenticated = false;

protected:
    ~transport_front() { secure_wipe(server.szPassword, sizeof server.szPassword); }

private:
    void deliver()
    {
        if (queue_.empty())
            return;
        auto const next = std::move(queue_.front());
        queue_.pop_front();
        quiet_guard const after(*this);
        next(static_cast<Self&>(*this));
    }

    /// Also when the callback throws.
    class quiet_guard
    {
    public:
        explicit quiet_guard(transport_front& f) noexcept : front_(&f) {}
        quiet_guard(quiet_guard const&)            = delete;
        quiet_guard& operator=(quiet_guard const&) = delete;
        ~quiet_guard()
        {
            if (front_->queue_.empty() && front_->on_quiet)
                front_->on_quiet();
        }

    private:
        transport_front* front_;
    };

    std::deque<news> queue_;
};

} // namespace posthorn::legacy::detail

#endif
