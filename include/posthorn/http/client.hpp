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
#include <posthorn/http/detail/client_state.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/request.hpp>
#include <posthorn/http/response.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace posthorn::http {

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
    explicit client(client_settings settings) : state_(std::make_shared<detail::client_state>(std::move(settings))) {}
    client(client const&)            = delete;
    client& operator=(client const&) = delete;
    ~client() { close_idle(); }

    /** Sends a request and receives the head of the response.

        @param r Kept until the head has come, its functions until the body was read.
        @return The final response, whose body has yet to be read. */
    task<response> send(request r) { return detail::client_state::send(state_, std::move(r)); }

    /// GET.
    task<response> get(url from) { return send(request("GET", std::move(from))); }

    cookie_jar&            cookies() noexcept { return state_->cookies; }
    client_settings const& settings() const noexcept { return state_->settings; }

    /// Replaces the credentials, and forgets what was proved with the old ones.
    void set_login(sasl::credentials login) { state_->set_login(std::move(login)); }

    /// Closes idle connections; those in use go on, and are kept again afterwards.
    void close_idle() noexcept { state_->idle.clear(); }

    std::size_t idle() const noexcept { return state_->idle.size(); }    ///< How many connections are kept and not in use.
    std::size_t connections() const noexcept { return state_->made; } ///< How many were made so far.

private:
    std::shared_ptr<detail::client_state> state_;
};

} // namespace posthorn::http

#endif
