//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the client of an HTTPMail transport sees.

#ifndef POSTHORN_LEGACY_DETAIL_HTTPMAIL_FRONT_HPP
#define POSTHORN_LEGACY_DETAIL_HTTPMAIL_FRONT_HPP

#include <posthorn/httpmail/root.hpp>
#include <posthorn/legacy/detail/httpmail_reply.hpp>
#include <posthorn/legacy/detail/transport_front.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>

#include <cstddef>
#include <memory>
#include <string>

namespace posthorn::legacy::detail {

class httpmail_connection;

/// What every HTTPMail transport is.
using httpmail_object = unknown<IHTTPMailTransport2, IHTTPMailTransport, IInternetTransport>;

/// See transport_front.
class httpmail_front final : public transport_front<httpmail_front, IHTTPMailCallback, IHTTPMailTransport2, httpmail_object>
{
public:
    using transport_front::transport_front;

    void set_status(IXPSTATUS s)
    {
        status = s;
        if (s == IXP_CONNECTED)
            connected = true;
        if (s == IXP_AUTHORIZED)
            authenticated = true;
        if (s == IXP_DISCONNECTED)
            forget_session();
        call_status(s);
    }

    bool is_busy() const noexcept { return !is_ready(); }
    bool is_ready() const noexcept { return connected && pending == 0; }
    bool is_authenticated() const noexcept { return authenticated; }

    void forget_session() noexcept
    {
        connected = authenticated = false;
        pending                   = 0;
        root.reset();
    }

    void on_response(httpmail_reply& r)
    {
        auto const call = [&](IHTTPMailCallback& c, IHTTPMailTransport2* t) {
            r.value.rIxpResult = r.what.view();
            r.value.pTransport = t;
            r.seal();
            return c.OnResponse(&r.value);
        };
        ask(call, S_OK);
    }

    std::string user_agent;
    std::size_t pending = 0; ///< Requests that have not had their last answer.

    /// What the server says of the account, once it is known.
    std::shared_ptr<httpmail::root_properties const> root;

    std::shared_ptr<httpmail_connection> connection; ///< From Connect to IXP_DISCONNECTED.
};

} // namespace posthorn::legacy::detail

#endif
