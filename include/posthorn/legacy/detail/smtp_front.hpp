//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the client of an SMTP transport sees: its state, and the callbacks that tell of each change, one at a time and in order.

#ifndef POSTHORN_LEGACY_DETAIL_SMTP_FRONT_HPP
#define POSTHORN_LEGACY_DETAIL_SMTP_FRONT_HPP

#include <posthorn/legacy/detail/outcome.hpp>
#include <posthorn/legacy/detail/transport_front.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>

#include <memory>

namespace posthorn::legacy::detail {

class smtp_connection;

/// What every SMTP transport is.
using smtp_object = unknown<ISMTPTransport2, ISMTPTransport, IInternetTransport>;

/// See transport_front.
class smtp_front final : public transport_front<smtp_front, ISMTPCallback, ISMTPTransport2, smtp_object>
{
public:
    using transport_front::transport_front;

    void set_status(IXPSTATUS s)
    {
        status = s;
        if (s == IXP_CONNECTED)
            connected = true;
        if (s == IXP_DISCONNECTED)
            forget_session();
        call_status(s);
    }

    bool is_busy() const noexcept { return busy; }
    bool is_ready() const noexcept { return ready && !busy; }
    bool is_authenticated() const noexcept { return ready && authenticated; }

    void forget_session() noexcept { connected = ready = busy = authenticated = false; }

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

    bool ready = false; ///< Has SMTP_CONNECTED been reached?
    bool busy  = false;

    std::shared_ptr<smtp_connection> connection; ///< From Connect to IXP_DISCONNECTED.
};

} // namespace posthorn::legacy::detail

#endif
