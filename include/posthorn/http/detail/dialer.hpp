//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A connection of a client, with what belongs to it, and how one is made: directly, by way of a proxy, under TLS.

#ifndef POSTHORN_HTTP_DETAIL_DIALER_HPP
#define POSTHORN_HTTP_DETAIL_DIALER_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/http/authenticator.hpp>
#include <posthorn/http/client_settings.hpp>
#include <posthorn/http/connection.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/request_head.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/error.hpp>
#include <posthorn/net/proxy.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/net/tls_context.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace posthorn::http::detail {

/// One connection and whom it leads to.
struct link
{
    link(net::stream s, client_settings const& how, origin o, bool proxy)
        : conn(std::move(s), how.timeouts, how.head), to(std::move(o)), by_proxy(proxy)
    {
        conn.limit_body(how.longest_body);
        conn.watch(how.on_event);
    }

    connection  conn;
    origin      to;
    bool        by_proxy   = false; ///< It ends at the proxy, which wants absolute targets.
    bool        reused     = false; ///< It may have died while nobody looked.
    bool        server_in  = false; ///< Logged in by NTLM.
    bool        proxy_in   = false; ///< The same, at the proxy.
    std::size_t generation = 0;     ///< Of the credentials.
    net::clock::time_point since{}; ///< When it became idle.
};

/// The end of a body that nobody wants, so that the connection can go on. False if it is too long for that.
inline task<bool> drain(connection& c)
{
    constexpr std::size_t most = 256 * 1024;
    std::size_t           done = 0;
    while (!c.body_done())
    {
        auto const block = co_await c.read();
        done += block.size();
        if (done > most)
        {
            c.close();
            co_return false;
        }
    }
    co_return true;
}

inline net::clock::time_point sooner(net::clock::time_point total, net::clock::duration most)
{
    auto const now = net::clock::now();
    return most >= net::deadline::never - now ? total : std::min(total, now + most);
}

/// Makes connections by the settings of a client.
class dialer
{
public:
    /// @param how Stays where it is.
    explicit dialer(client_settings const& how) : how_(&how)
    {
        if (uses_http_proxy())
        {
            proxy_origin_ = origin(false, ascii::to_lower(how.proxy.server.host()), how.proxy.server.port().value_or(8080));
            login_rules everything;
            everything.origins         = {proxy_origin_};
            everything.allow_plaintext = true;
            sasl::credentials who;
            who.user     = how.proxy.user;
            who.password = how.proxy.password;
            proxy_auth_  = authenticator(std::move(who), std::move(everything), false, auth_party::proxy);
        }
    }

    bool uses_http_proxy() const noexcept { return how_->proxy.kind == net::proxy_settings::protocol::http; }

    origin const&  proxy_origin() const noexcept { return proxy_origin_; }
    authenticator& proxy_auth() noexcept { return proxy_auth_; }

    /// @param total Nothing may take longer.
    task<std::unique_ptr<link>> dial(origin to, net::clock::time_point total)
    {
        bool const  plain_by_proxy = uses_http_proxy() && !to.secure;
        net::stream s;
        if (plain_by_proxy)
            s = co_await reach_proxy(total);
        else if (uses_http_proxy())
            s = co_await tunnel(to, total);
        else
            s = co_await reach(net::host_port(to.host, to.port), how_->proxy, total);
        if (to.secure)
        {
            s.expires_at(sooner(total, how_->timeouts.handshake));
            std::string const session = to.str();
            co_await s.start_tls(context(), net::tls_role::client, to.host, session);
            s.expires_never();
        }
        co_return std::make_unique<link>(std::move(s), *how_, std::move(to), plain_by_proxy);
    }

private:
    task<net::stream> reach(net::host_port peer, net::proxy_settings proxy, net::clock::time_point total)
    {
        auto       how   = how_->connection;
        auto const limit = std::chrono::duration_cast<std::chrono::milliseconds>(how_->timeouts.connect);
        if (how.total_timeout.count() == 0 || limit < how.total_timeout)
            how.total_timeout = limit;
        std::string const name   = net::to_string(peer);
        auto              making = net::connect(std::move(peer), std::move(proxy), std::move(how));
        if (total == net::deadline::never)
        {
            auto socket = co_await std::move(making);
            co_return net::stream(std::move(socket), name);
        }
        auto socket = co_await with_deadline(std::move(making), total);
        co_return net::stream(std::move(socket), name);
    }

    task<net::stream> reach_proxy(net::clock::time_point total)
    {
        auto result = co_await reach(how_->proxy.server, net::proxy_settings(), total);
        co_return result;
    }

    /// CONNECT (RFC 9110, 9.3.6), with whatever login the proxy wants.
    task<net::stream> tunnel(origin to, net::clock::time_point total)
    {
        auth_attempt                 a;
        std::unique_ptr<connection>  conn;
        std::optional<ntlm_exchange> ntlm;
        secret_string                answer; // of NTLM
        url const                    target(to.str() + '/');
        for (;;)
        {
            if (!conn || !conn->is_reusable())
            {
                auto s = co_await reach_proxy(total);
                conn   = std::make_unique<connection>(std::move(s), how_->timeouts, how_->head);
                conn->expires_at(total);
                conn->watch(how_->on_event);
                ntlm.reset();
                answer.clear();
            }
            std::string const authority = to.authority();
            std::string const asked     = authority + (to.port == to.default_port() ? ":" + std::to_string(to.port) : "");
            request_extras    more;
            more.form                = target_form::authority;
            more.user_agent          = how_->user_agent;
            more.proxy_authorization = proxy_auth_.authorization(proxy_origin_, "CONNECT", asked, {}, a);
            std::string const scheme = proxy_auth_.connection_scheme(proxy_origin_);
            if (!answer.empty())
                more.proxy_authorization = answer;
            else if (!scheme.empty())
            {
                ntlm.emplace(proxy_auth_.who(), scheme);
                more.proxy_authorization = ntlm->first();
            }
            outgoing out;
            out.method = "CONNECT";
            out.head   = write_request_head("CONNECT", target, headers(), more);
            auto const head = co_await conn->exchange(out);
            if (head.status / 100 == 2)
            {
                proxy_auth_.on_success(proxy_origin_, head.fields, a);
                co_return conn->release();
            }
            std::ignore = co_await drain(*conn);
            if (head.status != 407) // some say 401 where a login is wrong
                refuse(head.status == 401 ? net::errc::proxy_login_refused : net::errc::proxy_refused, head);
            if (ntlm)
            {
                auto second = answer.empty() ? ntlm->second(head.fields, proxy_auth_.field_name()) : std::nullopt;
                if (!second || !conn->is_reusable())
                    proxy_auth_.on_handshake_refused(proxy_origin_);
                answer = std::move(*second);
                continue;
            }
            if (proxy_auth_.on_challenge(proxy_origin_, head.fields, a) == authenticator::next::nothing)
                refuse(net::errc::proxy_login_refused, head);
        }
    }

    [[noreturn]] void refuse(net::errc code, response_head const& head) const
    {
        error_context context;
        context.phase  = "connecting";
        context.peer   = net::to_string(how_->proxy.server);
        context.detail = "status " + std::to_string(head.status) + ' ' + printable(head.reason, 200);
        throw error(code, std::move(context));
    }

    /// One for all connections: it holds the trusted certificates and the sessions to resume.
    net::tls_context const& context()
    {
        if (how_->tls_context)
            return *how_->tls_context;
        if (!context_)
            context_.emplace(how_->tls);
        return *context_;
    }

    client_settings const*          how_;
    origin                          proxy_origin_;
    authenticator                   proxy_auth_;
    std::optional<net::tls_context> context_;
};

} // namespace posthorn::http::detail

#endif
