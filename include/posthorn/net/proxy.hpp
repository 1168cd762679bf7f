//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Connections by way of a proxy: SOCKS5 (RFC 1928) and HTTP CONNECT.

#ifndef POSTHORN_NET_PROXY_HPP
#define POSTHORN_NET_PROXY_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/detail/http_connect.hpp>
#include <posthorn/net/detail/socks5.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/error.hpp>
#include <posthorn/net/resolve.hpp>
#include <posthorn/net/url.hpp>

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::net {

/// By which proxy to connect.
struct proxy_settings
{
    enum class protocol : unsigned char
    {
        none,
        socks5,      ///< The name is looked up here, and the proxy gets an address.
        socks5_name, ///< The proxy gets the name, and looks it up.
        http         ///< CONNECT; the proxy gets the name.
    };

    proxy_settings() = default;

    /** `socks5://[user:password@]host[:1080]`, `socks5h://...` (the proxy looks names up), `http://[user:password@]host[:8080]`.
        @throws error with errc::bad_url, also for other schemes. */
    explicit proxy_settings(std::string_view url)
    {
        net::url const u = parse_url(url);
        switch (u.scheme)
        {
        case url_scheme::socks5: kind = protocol::socks5; break;
        case url_scheme::socks5h: kind = protocol::socks5_name; break;
        case url_scheme::http: kind = protocol::http; break;
        default:
            throw error(errc::bad_url, "not a URL of a proxy that can be used: the scheme is " + std::string(name_of(u.scheme)));
        }
        server = to_host_port(u, kind == protocol::http ? 8080 : 1080);
        if (u.user)
            user = *u.user;
        if (u.password)
            password = *u.password;
    }

    protocol      kind = protocol::none;
    host_port     server;
    std::string   user; ///< Empty: no login.
    secret_string password;
};

namespace detail {

inline task<void> talk_socks5(tcp::socket& socket, std::string host, std::uint16_t port, proxy_settings const& proxy)
{
    socks5_dialogue talk(host, port, proxy.user, proxy.password);
    std::string     octets;
    while (!talk.done())
    {
        auto const out = asio::buffer(talk.output().view().data(), talk.output().size());
        if (out.size() != 0)
            co_await asio::async_write(socket, out, use_task);
        octets.resize(talk.wanted());
        co_await asio::async_read(socket, asio::buffer(octets), use_task);
        talk.take(octets);
    }
}

inline task<void> talk_http_connect(tcp::socket& socket, std::string authority, proxy_settings const& proxy)
{
    secret_string login;
    if (!proxy.user.empty())
    {
        if (proxy.user.find(':') != proxy.user.npos)
            throw error(errc::proxy_login_refused, "a user name for Basic cannot have a colon");
        secret_string both(proxy.user);
        both.push_back(':');
        both.append(proxy.password.view());
        codec::base64_encode(both.view(), login);
    }
    auto const request = connect_request(authority, login);
    auto const out     = asio::buffer(request.view().data(), request.size());
    co_await asio::async_write(socket, out, use_task);
    // What comes behind the head is the peer's, so it is looked at before it is taken.
    std::string                head;
    std::optional<std::size_t> size;
    while (!size)
    {
        co_await socket.async_wait(tcp::socket::wait_read, use_task);
        std::size_t const before = head.size();
        std::error_code   ec;
        head.resize(before + 1024);
        std::size_t const n = socket.receive(asio::buffer(&head[before], 1024), tcp::socket::message_peek, ec);
        head.resize(before + (ec ? 0 : n));
        if (ec == asio::error::would_block || ec == asio::error::try_again)
            continue;
        if (ec || n == 0)
            throw error(errc::proxy_protocol, "it closed the connection within its answer");
        size = connect_answer_size(head);
        head.resize(size.value_or(head.size()));
        co_await asio::async_read(socket, asio::buffer(&head[before], head.size() - before), use_task);
    }
    check_connect_answer(head);
}

} // namespace detail

/** Connects to a peer, by way of a proxy if there is one.

    @param peer    Not local.
    @param options For reaching the proxy; total_timeout, or else attempt_timeout, also bounds the talk with it.
    @throws connect_error, or error with an errc of proxies, which names proxy, peer and the proxy's reason. */
inline task<tcp::socket> connect(host_port peer, proxy_settings proxy, connect_options options)
{
    if (proxy.kind == proxy_settings::protocol::none)
        co_return co_await connect(std::move(peer), std::move(options));
    auto const     port = peer.port();
    error_context  context;
    context.phase     = "connecting";
    context.operation = "by way of " + to_string(proxy.server);
    context.peer      = to_string(peer);
    if (!port)
    {
        context.detail = "the port must be a number";
        throw error(errc::bad_port, std::move(context));
    }
    std::string host = peer.host();
    if (proxy.kind == proxy_settings::protocol::socks5)
    {
        auto const found = co_await resolve(peer.host(), peer.service(), options.resolve);
        host             = found.front().address().to_string();
    }
    auto const most = options.total_timeout.count() != 0 ? options.total_timeout : options.attempt_timeout;
    auto       socket = co_await connect(proxy.server, std::move(options));
    std::optional<error> failure;
    try
    {
        auto talk = proxy.kind == proxy_settings::protocol::http ? detail::talk_http_connect(socket, to_string(peer), proxy)
                                                                 : detail::talk_socks5(socket, host, *port, proxy);
        if (most.count() != 0)
            co_await with_timeout(std::move(talk), most);
        else
            co_await std::move(talk);
    }
    catch (error const& e)
    {
        context.detail = e.context().detail;
        failure.emplace(e.code(), context);
    }
    catch (std::system_error const& e)
    {
        bool const ended = e.code() == asio::error::eof;
        context.detail   = ended ? "it closed the connection" : e.code().message();
        failure.emplace(ended ? make_error_code(errc::proxy_protocol) : e.code(), context);
    }
    if (failure)
        throw *failure;
    co_return socket;
}

} // namespace posthorn::net

#endif
