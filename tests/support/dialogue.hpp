//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// SMTP sessions and clients against scripted servers: a script on one side, a coroutine on the other.

#ifndef POSTHORN_TESTS_SUPPORT_DIALOGUE_HPP
#define POSTHORN_TESTS_SUPPORT_DIALOGUE_HPP

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_settings.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/client_settings.hpp>
#include <posthorn/smtp/event.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/protocol_log.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/settings.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/scripted_server.hpp>

#include <support/tls_server_settings.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace support {

using lines = std::vector<std::string>;

/// No test waits longer than this for anything: what hangs fails with errc::timeout.
inline constexpr auto no_hang = std::chrono::seconds(30);

// TLS ----------------------------------------------------------------------------------------------------------

/// An authority, a certificate for 127.0.0.1, and one that nobody trusts.
struct loopback_trust
{
    posthorn::testing::certificate_authority authority;
    posthorn::testing::certificate           own = authority.issue({"localhost", "127.0.0.1"});
};

inline loopback_trust const& trust()
{
    static loopback_trust const t;
    return t;
}

inline posthorn::net::tls_context const& server_tls()
{
    static posthorn::net::tls_context const context(tls_server_settings(trust().own));
    return context;
}

inline posthorn::net::tls_settings trusting()
{
    posthorn::net::tls_settings s;
    s.ca_pem = trust().authority.pem();
    return s;
}

inline posthorn::net::tls_context const& client_tls()
{
    static posthorn::net::tls_context const context = [] {
        auto s       = trusting();
        s.resumption = false; // every handshake is a full one
        return posthorn::net::tls_context(s);
    }();
    return context;
}

// One side -----------------------------------------------------------------------------------------------------

/// The log of a session as lines.
class log_lines
{
public:
    log_lines() : lines_(std::make_shared<lines>()) {}

    posthorn::smtp::event_handler handler() const
    {
        return posthorn::smtp::protocol_log([to = lines_](std::string_view line) { to->emplace_back(line); });
    }

    lines const& get() const noexcept { return *lines_; }

    std::string text() const
    {
        std::string all;
        for (auto const& line : *lines_)
            all += line + '\n';
        return all;
    }

private:
    std::shared_ptr<lines> lines_;
};

inline posthorn::smtp::session_settings session_settings()
{
    posthorn::smtp::session_settings s;
    s.ehlo_name = "client.test";
    s.server    = "server.test:25";
    return s;
}

inline posthorn::task<posthorn::net::stream> dial(std::uint16_t port)
{
    posthorn::net::host_port const to(std::string("127.0.0.1"), port);
    auto                           socket = co_await posthorn::net::connect(to);
    co_return posthorn::net::stream(std::move(socket), std::string("server.test:25"));
}

/// A client in the clear.
inline posthorn::smtp::client_settings client_settings(std::uint16_t port)
{
    posthorn::smtp::client_settings s;
    s.server            = posthorn::net::host_port(std::string("127.0.0.1"), port);
    s.tls               = posthorn::smtp::tls_mode::none;
    s.tls_settings      = trusting();
    s.session.ehlo_name = "client.test";
    return s;
}

inline posthorn::smtp::message mail(std::string text = "Subject: t\r\n\r\nHello\r\n")
{
    return posthorn::smtp::message("a@b.test", {"x@y.test"}, std::move(text));
}

/// The session_error that `t` ends with, or nothing.
template <class T>
posthorn::task<std::optional<posthorn::smtp::session_error>> failure_of(posthorn::task<T> t)
{
    std::optional<posthorn::smtp::session_error> failure;
    try
    {
        if constexpr (std::is_void_v<T>)
            co_await std::move(t);
        else
            std::ignore = co_await std::move(t);
    }
    catch (posthorn::smtp::session_error const& e)
    {
        failure.emplace(e);
    }
    co_return failure;
}

/// The send_error that `t` ends with, or nothing.
template <class T>
posthorn::task<std::optional<posthorn::smtp::send_error>> send_failure_of(posthorn::task<T> t)
{
    std::optional<posthorn::smtp::send_error> failure;
    try
    {
        if constexpr (std::is_void_v<T>)
            co_await std::move(t);
        else
            std::ignore = co_await std::move(t);
    }
    catch (posthorn::smtp::send_error const& e)
    {
        failure.emplace(e);
    }
    co_return failure;
}

// Both sides ---------------------------------------------------------------------------------------------------

/// What is left of a dialogue.
struct played
{
    lines       failures;   ///< Where the client departed from the script.
    std::string received;   ///< What the server got from the first connection.
    std::string transcript; ///< Of all connections.
    std::size_t connections = 0;
};

using session_body = std::function<posthorn::task<void>(posthorn::smtp::session&)>;
using client_body  = std::function<posthorn::task<void>(posthorn::smtp::client&)>;

inline posthorn::testing::scripted_server_settings server_settings()
{
    posthorn::testing::scripted_server_settings s;
    s.tls_context = server_tls();
    return s;
}

namespace detail {

inline posthorn::task<void> finish(posthorn::testing::scripted_server& server, played& into)
{
    co_await server.until_done();
    into.failures    = server.failures();
    into.connections = server.connections();
    into.received    = server.received();
    for (std::size_t i = 1; i <= into.connections; ++i)
        into.transcript += server.transcript(i);
}

inline posthorn::task<void> talk(posthorn::testing::script s, posthorn::smtp::session_settings settings,
                                 session_body body, played& into)
{
    auto const                         ex = co_await posthorn::this_coro::executor;
    posthorn::testing::scripted_server server(ex, std::move(s), server_settings());
    server.start();
    {
        auto                    stream = co_await dial(server.port());
        posthorn::smtp::session session(std::move(stream), std::move(settings));
        co_await body(session);
    }
    co_await finish(server, into);
}

inline posthorn::task<void> serve(std::vector<posthorn::testing::script>                scripts,
                                  std::function<void(posthorn::smtp::client_settings&)> change,
                                  client_body body, played& into)
{
    auto const                         ex = co_await posthorn::this_coro::executor;
    posthorn::testing::scripted_server server(ex, std::move(scripts), server_settings());
    server.start();
    {
        auto settings = client_settings(server.port());
        if (change)
            change(settings);
        posthorn::smtp::client client(std::move(settings));
        co_await body(client);
    }
    co_await finish(server, into);
}

} // namespace detail

/// Plays a script against a session that is connected, and nothing more.
inline played talk(posthorn::testing::script s, session_body body,
                   posthorn::smtp::session_settings settings = session_settings())
{
    played result;
    posthorn::sync_wait(posthorn::with_timeout(
        detail::talk(std::move(s), std::move(settings), std::move(body), result), no_hang));
    return result;
}

/// Plays scripts, one for each connection, against a client.
inline played serve(std::vector<posthorn::testing::script> scripts, client_body body,
                    std::function<void(posthorn::smtp::client_settings&)> change = {})
{
    played result;
    posthorn::sync_wait(posthorn::with_timeout(
        detail::serve(std::move(scripts), std::move(change), std::move(body), result), no_hang));
    return result;
}

} // namespace support

/// The client kept to the script. The argument is evaluated once: INFO would do it again, while doctest holds its lock.
#define CHECK_PLAYED(result)                                \
    do                                                      \
    {                                                       \
        auto const& result_played = (result);               \
        INFO(result_played.transcript);                     \
        CHECK(result_played.failures == support::lines());  \
    } while (false)

#endif
