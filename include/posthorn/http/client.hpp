//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// client: the way to speak HTTP. Keeps connections, follows redirects, logs in and remembers cookies, within the rules.

#ifndef POSTHORN_HTTP_CLIENT_HPP
#define POSTHORN_HTTP_CLIENT_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/http/client_settings.hpp>
#include <posthorn/http/cookie_jar.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/request.hpp>
#include <posthorn/http/response.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace posthorn::http {

namespace detail {
class client_state;
}

/** A client for any number of servers.

    @code
    http::client web(settings);
    auto answer = co_await web.get(http::url("https://mail.example/folders/"));
    auto page   = co_await answer.text();
    @endcode

    Any number of requests may run at the same time, each on a connection of its own; idle ones are kept for each origin. It runs on
    the executor of the tasks that call it, which must be one and the same and not concurrent. While it keeps connections it must not
    outlive its event loop: with sync_wait() it lives inside of the task. Responses may outlive it.

    @par Errors
    request_error with http::errc, posthorn::errc::timeout, connection_lost or closed; net::connect_error (condition::unreachable);
    condition::tls; condition::authentication. A response of whatever status is no error, but for 401 and 407 where
    there are credentials: they are answered, and if that fails it is errc::auth_failed, auth_unavailable or auth_not_allowed.

    @par Cancellation
    Supported everywhere. The connection in use is closed; the client stays usable.
*/
class client
{
public:
    client() : client(client_settings()) {}
    explicit client(client_settings settings);
    client(client const&)            = delete;
    client& operator=(client const&) = delete;
    ~client();

    /** Sends a request and receives the head of the response.

        @param r Kept until the head has come.
        @return The final response, whose body has yet to be read. */
    task<response> send(request r);

    /// GET.
    task<response> get(url from);

    cookie_jar&            cookies() noexcept;
    client_settings const& settings() const noexcept;

    /// Replaces the credentials, and forgets what was proved with the old ones.
    void set_login(sasl::credentials login);

    /// Closes idle connections; those in use are closed when their response has been read.
    void close_idle() noexcept;

    std::size_t idle() const noexcept;        ///< How many connections are kept and not in use.
    std::size_t connections() const noexcept; ///< How many were made so far.

private:
    std::shared_ptr<detail::client_state> state_;
};

} // namespace posthorn::http

#endif
