//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Making transports in modern code: with settings, and for an executor in place of a thread that pumps.

#ifndef POSTHORN_LEGACY_CREATE_HPP
#define POSTHORN_LEGACY_CREATE_HPP

#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/httpmail_transport.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/smtp_transport.hpp>
#include <posthorn/legacy/transport_settings.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/execution_context.hpp>

#include <type_traits>
#include <utility>

namespace posthorn::legacy {

/** An SMTP transport for an executor: callbacks come from there, sockets wait in its event loop, and nobody has to pump.

    @param ex       It may run handlers on several threads; the callbacks of a transport never overlap. The transport's methods
                    are to be called from inside of its callbacks, from the executor if that has one thread, or while
                    there is no connection. If its event loop is destroyed, a connection ends without a word, and all that
                    is left to do with the transport is to release it.
    @param settings What INETSERVER cannot say.
    @throws std::bad_alloc
*/
inline com_ptr<ISMTPTransport2> create_smtp_transport(asio::any_io_executor const& ex, transport_settings settings)
{
    return com_ptr<ISMTPTransport2>::attach(new smtp_transport(ex, std::move(settings)));
}

/// The same with the default settings.
inline com_ptr<ISMTPTransport2> create_smtp_transport(asio::any_io_executor const& ex)
{
    return create_smtp_transport(ex, default_transport_settings());
}

/// The same on an execution context.
template <class Context>
    requires std::is_convertible_v<Context&, asio::execution_context&>
com_ptr<ISMTPTransport2> create_smtp_transport(Context& context)
{
    return create_smtp_transport(asio::any_io_executor(context.get_executor()));
}

/** An SMTP transport for the calling thread, which has to pump: what CreateSMTPTransport makes, with settings of its own.
    @throws std::bad_alloc; std::system_error if there is no thread for sockets to be had. */
inline com_ptr<ISMTPTransport2> create_smtp_transport(transport_settings settings)
{
    return com_ptr<ISMTPTransport2>::attach(new smtp_transport(std::move(settings)));
}

/** An HTTPMail transport for an executor; see create_smtp_transport().
    @throws std::bad_alloc */
inline com_ptr<IHTTPMailTransport2> create_httpmail_transport(asio::any_io_executor const& ex, transport_settings settings)
{
    return com_ptr<IHTTPMailTransport2>::attach(new httpmail_transport(ex, std::move(settings)));
}

/// The same with the default settings.
inline com_ptr<IHTTPMailTransport2> create_httpmail_transport(asio::any_io_executor const& ex)
{
    return create_httpmail_transport(ex, default_transport_settings());
}

/// The same on an execution context.
template <class Context>
    requires std::is_convertible_v<Context&, asio::execution_context&>
com_ptr<IHTTPMailTransport2> create_httpmail_transport(Context& context)
{
    return create_httpmail_transport(asio::any_io_executor(context.get_executor()));
}

/** An HTTPMail transport for the calling thread, which has to pump: what CoCreateInstance makes, with settings of its own.
    @throws std::bad_alloc; std::system_error if there is no thread for sockets to be had. */
inline com_ptr<IHTTPMailTransport2> create_httpmail_transport(transport_settings settings)
{
    return com_ptr<IHTTPMailTransport2>::attach(new httpmail_transport(std::move(settings)));
}

} // namespace posthorn::legacy

#endif
