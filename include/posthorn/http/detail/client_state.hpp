//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a client does with one request: connections, logins, redirects and cookies, until there is a response for the caller.

#ifndef POSTHORN_HTTP_DETAIL_CLIENT_STATE_HPP
#define POSTHORN_HTTP_DETAIL_CLIENT_STATE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/crypto/hasher.hpp>
#include <posthorn/http/authenticator.hpp>
#include <posthorn/http/client_settings.hpp>
#include <posthorn/http/cookie_jar.hpp>
#include <posthorn/http/detail/dialer.hpp>
#include <posthorn/http/detail/idle_links.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/redirect.hpp>
#include <posthorn/http/request.hpp>
#include <posthorn/http/request_head.hpp>
#include <posthorn/http/response.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/deadline.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace posthorn::http::detail {

/// One request on its way through redirects and challenges.
struct journey
{
    explicit journey(request r) : asked(std::move(r)), at(asked.url), method(asked.method), body(asked.body.get()) {}

    request                asked;
    url                    at;
    std::string            method;
    source*                body;
    bool                   body_used = false;
    bool                   expect    = false;
    unsigned               hops      = 0;
    int                    status    = 0; ///< Of the last response.
    std::string            location;      ///< Of a redirect that is not followed.
    auth_attempt           server_try, proxy_try;
    bool                   moved = false; ///< To a fresh connection, once.
    std::unique_ptr<link>  pinned;        ///< Logged in for the next try.
    net::clock::time_point total = net::deadline::never;
    std::vector<std::pair<std::string, url>> visited;

    /// The same with what is known about the request.
    request_error named(std::error_code code, error_context context) const
    {
        request_error::facts f;
        f.method   = method;
        f.url      = at.str();
        f.status   = status;
        f.location = location;
        return request_error(code, std::move(f), std::move(context));
    }
    request_error named(std::error_code code) const { return named(code, error_context()); }
};

/// Shared by a client and, weakly, by its responses.
class client_state : public std::enable_shared_from_this<client_state>
{
public:
    explicit client_state(client_settings s)
        : settings(std::move(s)), idle(settings.most_idle, settings.timeouts.keep_alive),
          auth_(settings.login, settings.rules, static_cast<bool>(settings.token_source)), dialer_(settings)
    {
    }

    client_settings settings;
    cookie_jar      cookies;
    idle_links      idle;
    std::size_t     made = 0;

    void set_login(sasl::credentials who)
    {
        settings.login = who;
        auth_.set_login(std::move(who));
        idle.clear(); // some may be logged in as somebody else
        ++generation_;
    }

    /// A connection has done its work.
    void give_back(std::unique_ptr<link> l)
    {
        if (l->generation == generation_)
            idle.put(std::move(l));
    }

    static task<response> send(std::shared_ptr<client_state> self, request r)
    {
        journey j(std::move(r));
        j.expect         = j.asked.expect_continue;
        auto const most  = j.asked.total_timeout.value_or(self->settings.timeouts.total);
        j.total          = sooner(net::deadline::never, most);
        std::optional<request_error> failure;
        try
        {
            // Before a connection is made for it.
            std::ignore = write_request_head(j.method, j.at, j.asked.fields, request_extras());
            for (;;)
            {
                auto answer = co_await self->step(j);
                if (answer)
                    co_return std::move(*answer);
            }
        }
        catch (request_error const&)
        {
            throw;
        }
        catch (net::connect_error const&)
        {
            throw; // says more by itself
        }
        catch (error const& e)
        {
            failure.emplace(j.named(e.code(), e.context()));
        }
        throw *failure;
    }

private:
    class body_reader;

    static std::int64_t now()
    {
        using namespace std::chrono;
        return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
    }

    /// One request and what comes of it. Nothing if another one has to follow.
    task<std::optional<response>> step(journey& j)
    {
        auto l = co_await link_for(j);
        if (!l)
            co_return std::nullopt; // it had to log in
        co_await prepare_body(j);
        outgoing out;
        out.head            = co_await spell(j, *l);
        out.method          = j.method;
        out.body            = j.body;
        out.length          = j.body == nullptr ? std::nullopt : j.body->size();
        out.expect_continue = j.expect && j.body != nullptr;
        out.on_upload       = &j.asked.on_upload;
        j.body_used         = j.body != nullptr;
        l->conn.expires_at(j.total);

        response_head        head;
        std::optional<error> failure;
        try
        {
            head = co_await l->conn.exchange(out);
        }
        catch (error const& e)
        {
            failure.emplace(e);
        }
        if (failure)
        {
            after_loss(j, *l, *failure);
            co_return std::nullopt;
        }
        j.status = head.status;
        take_cookies(j, head);
        if (head.status != 407 && l->by_proxy)
            dialer_.proxy_auth().on_success(dialer_.proxy_origin(), head.fields, j.proxy_try);
        if (head.status != 407 && head.status != 401)
            auth_.on_success(j.at.origin(), head.fields, j.server_try);

        bool again = false;
        if (head.status == 407 && l->by_proxy)
            again = co_await answer(j, dialer_.proxy_auth(), dialer_.proxy_origin(), head, l, j.proxy_try);
        else if (head.status == 401 && !j.asked.fields.has("Authorization"))
            again = co_await answer(j, auth_, j.at.origin(), head, l, j.server_try);
        else if (head.status == 417 && std::exchange(j.expect, false))
            again = true;
        else if (j.asked.redirects == redirects::follow)
            again = redirect(j, head);
        if (!again)
            co_return conclude(j, std::move(head), std::move(l));
        if (l)
            co_await recycle(std::move(l));
        co_return std::nullopt;
    }

    // Connections ----------------------------------------------------------------------------------------------

    /// A connection, logged in if the server wants that. Null if it just did and nothing else was possible.
    task<std::unique_ptr<link>> link_for(journey& j)
    {
        auto       l        = std::move(j.pinned);
        bool const by_proxy = dialer_.uses_http_proxy() && !j.at.secure();
        if (l && !l->conn.is_reusable())
            l.reset();
        if (!l)
            l = idle.take(j.at.origin(), by_proxy);
        // One from before it was known that connections have to log in could die under the login.
        if (l && l->reused && !l->server_in && !auth_.connection_scheme(j.at.origin()).empty())
            l.reset();
        if (!l)
        {
            l             = co_await dialer_.dial(j.at.origin(), j.total);
            l->generation = generation_;
            ++made;
        }
        if (by_proxy && !l->proxy_in && !dialer_.proxy_auth().connection_scheme(dialer_.proxy_origin()).empty())
            co_await log_in(j, *l, dialer_.proxy_auth(), dialer_.proxy_origin());
        if (!l->server_in && !auth_.connection_scheme(j.at.origin()).empty())
            co_await log_in(j, *l, auth_, j.at.origin());
        co_return l;
    }

    /// What was read to its end can go on; what is too long for that is closed.
    task<void> recycle(std::unique_ptr<link> l)
    {
        bool ended = false;
        try
        {
            ended = co_await drain(l->conn);
        }
        catch (error const& e)
        {
            if (e.code() == condition::canceled)
                throw;
        }
        if (ended)
            give_back(std::move(l));
    }

    /// The connection ended. @throws the reason, unless the request can go over another one.
    void after_loss(journey& j, link& l, error const& why)
    {
        bool const lost = why.code() == errc::connection_ended || why.code() == errc::in_doubt;
        bool const may  = !l.conn.possibly_complete() || j.asked.repeatable.value_or(is_repeatable(j.method));
        if (!lost || !l.reused || l.conn.was_answered() || !may || std::exchange(j.moved, true))
            throw j.named(why.code(), why.context());
        idle.drop(l.to); // the others are not better
    }

    // The request ----------------------------------------------------------------------------------------------

    /// Brings the body to its beginning.
    task<void> prepare_body(journey& j)
    {
        if (j.body == nullptr || !j.body_used)
            co_return;
        if (!j.body->rewindable())
            throw j.named(errc::cannot_repeat);
        co_await j.body->rewind();
        j.body_used = false;
    }

    task<secret_string> spell(journey& j, link& l)
    {
        request_extras more;
        more.form       = l.by_proxy ? target_form::absolute : target_form::origin;
        more.user_agent = settings.user_agent;
        more.chunked    = j.body != nullptr && !j.body->size();
        if (j.body != nullptr)
            more.length = j.body->size();
        more.expect_continue = j.expect;
        if (settings.use_cookies)
            more.cookie = cookies.field(j.at, now());
        std::string const target = l.by_proxy ? j.at.str() : j.at.target();
        if (l.by_proxy)
            more.proxy_authorization = dialer_.proxy_auth().authorization(dialer_.proxy_origin(), j.method, target, {}, j.proxy_try);
        if (!j.asked.fields.has("Authorization"))
        {
            secret_string hash;
            auto const    wanted = auth_.wants_body_hash(j.at.origin());
            if (wanted)
                hash = co_await hash_of(j, *wanted);
            more.authorization = auth_.authorization(j.at.origin(), j.method, target, hash.view(), j.server_try);
        }
        co_return write_request_head(j.method, j.at, j.asked.fields, more);
    }

    /// For auth-int: the body is read once more than it is sent.
    task<secret_string> hash_of(journey& j, crypto::hash h)
    {
        crypto::hasher sum(h);
        if (j.body != nullptr && j.body->contiguous())
            sum.add(*j.body->contiguous());
        else if (j.body != nullptr)
        {
            if (!j.body->rewindable())
                throw j.named(errc::cannot_repeat);
            for (;;)
            {
                auto const block = co_await j.body->next();
                if (block.empty())
                    break;
                sum.add(block);
            }
            co_await j.body->rewind();
        }
        co_return sum.result();
    }

    // Answers --------------------------------------------------------------------------------------------------

    void take_cookies(journey const& j, response_head const& head)
    {
        if (!settings.use_cookies)
            return;
        for (auto const& f : head.fields)
            if (ascii::iequals(f.name, "Set-Cookie"))
                cookies.store(j.at, f.value, now());
    }

    /** Answers a challenge.
        @param l Kept for the next try if it has to be the same connection. @return False: the response stands. */
    task<bool> answer(journey& j, authenticator& who, origin const& o, response_head const& head, std::unique_ptr<link>& l, auth_attempt& a)
    {
        bool const server = &who == &auth_;
        if ((server ? l->server_in : l->proxy_in) && !who.connection_scheme(o).empty())
            who.on_handshake_refused(o);
        switch (who.on_challenge(o, head.fields, a))
        {
        case authenticator::next::nothing: co_return false;
        case authenticator::next::again: break;
        case authenticator::next::new_token:
        {
            auto token = co_await settings.token_source(a.refreshed);
            who.set_token(std::move(token));
            break;
        }
        case authenticator::next::handshake:
        {
            bool const ended = co_await drain(l->conn);
            if (ended)
                j.pinned = std::move(l);
            else
                l.reset();
            break;
        }
        }
        co_return true;
    }

    /** Logs a connection in by NTLM, with requests that have no body and change nothing: the server would refuse the body of the
        first one, and must not take an empty one for the real one. */
    task<void> log_in(journey& j, link& l, authenticator& who, origin const& o)
    {
        bool const     server = &who == &auth_;
        bool const     dav    = is_reading(j.method) && j.method != "GET" && j.method != "OPTIONS";
        std::string const method = dav ? "PROPFIND" : "HEAD";
        ntlm_exchange  talk(who.who(), who.connection_scheme(o));
        secret_string  message = talk.first();
        headers        fields;
        if (dav)
            fields.add("Depth", "0");
        l.conn.expires_at(j.total);
        for (int round = 0;; ++round)
        {
            request_extras more;
            more.form       = l.by_proxy ? target_form::absolute : target_form::origin;
            more.user_agent = settings.user_agent;
            (server ? more.authorization : more.proxy_authorization) = std::move(message);
            outgoing out;
            out.method = method;
            out.head   = write_request_head(method, j.at, fields, more);
            auto const head = co_await l.conn.exchange(out);
            j.status        = head.status;
            bool const ended = co_await drain(l.conn);
            if (head.status != (server ? 401 : 407))
            {
                // Without a challenge this resource needs no login; another one may.
                (server ? l.server_in : l.proxy_in) = true;
                if (!ended || !l.conn.is_reusable())
                    who.on_handshake_refused(o);
                co_return;
            }
            auto second = round == 0 ? talk.second(head.fields, who.field_name()) : std::nullopt;
            if (!second || !ended || !l.conn.is_reusable())
                who.on_handshake_refused(o);
            message = std::move(*second);
        }
    }

    /// @return Whether the request goes on elsewhere.
    bool redirect(journey& j, response_head const& head)
    {
        std::error_code ec;
        auto const      next = redirect_of(head, j.at, j.method, ec);
        if (auto const location = head.fields.get("Location"); ec && location)
            if (auto const to = j.at.resolve(*location)) // without credentials that may stand there
                j.location = to->str();
        if (ec)
            throw j.named(ec, to_where(j));
        if (!next)
            return false;
        // A server may lead back after it has set a cookie.
        bool const changes = head.fields.has("Set-Cookie");
        if (changes)
            j.visited.clear();
        j.visited.emplace_back(j.method, j.at);
        bool const again = std::find(j.visited.begin(), j.visited.end(), std::pair(next->method, next->to)) != j.visited.end();
        if (again && !changes)
            throw j.named(errc::redirect_loop, to_where(j));
        if (++j.hops > settings.most_redirects)
            throw j.named(errc::too_many_redirects, to_where(j));
        if (next->without_body)
        {
            j.body = nullptr;
            drop_body_fields(j.asked.fields);
        }
        if (next->other_origin)
            keep_public_fields(j.asked.fields);
        j.at         = next->to;
        j.method     = next->method;
        j.server_try = auth_attempt();
        return true;
    }

    static error_context to_where(journey const& j)
    {
        error_context context;
        if (!j.location.empty())
            context.detail = "to " + j.location;
        return context;
    }

    response conclude(journey& j, response_head head, std::unique_ptr<link> l);

    authenticator auth_;
    dialer        dialer_;
    std::size_t   generation_ = 0;
};

/// The body of a response, and the connection it comes from.
class client_state::body_reader final : public incoming
{
public:
    body_reader(std::shared_ptr<client_state> const& owner, std::unique_ptr<link> l, journey&& j)
        : owner_(owner), link_(std::move(l)), journey_(std::move(j))
    {
        if (link_->conn.frame().end == body_end::length)
            size_ = link_->conn.frame().length;
        journey_.asked.body.reset();
    }

    task<std::string_view> next() override
    {
        std::string_view block;
        if (!link_)
            co_return block;
        std::optional<request_error> failure;
        try
        {
            block = co_await link_->conn.read();
        }
        catch (error const& e)
        {
            failure.emplace(journey_.named(e.code(), e.context()));
        }
        if (failure)
        {
            link_.reset();
            throw *failure;
        }
        done_ += block.size();
        if (block.empty())
            end();
        else
            report();
        co_return block;
    }

    std::optional<std::uint64_t> size() const noexcept override { return size_; }
    headers const&               trailers() const noexcept override { return trailers_; }

private:
    void report()
    {
        if (!journey_.asked.on_download)
            return;
        try
        {
            journey_.asked.on_download(done_, size_);
        }
        catch (...)
        {
            link_.reset();
            throw;
        }
    }

    void end()
    {
        trailers_ = link_->conn.trailers();
        if (auto const owner = owner_.lock())
            owner->give_back(std::move(link_));
        link_.reset();
    }

    std::weak_ptr<client_state>  owner_;
    std::unique_ptr<link>        link_;
    journey                      journey_;
    headers                      trailers_;
    std::optional<std::uint64_t> size_;
    std::uint64_t                done_ = 0;
};

inline response client_state::conclude(journey& j, response_head head, std::unique_ptr<link> l)
{
    url const      from = j.at;
    unsigned const hops = j.hops;
    std::unique_ptr<incoming> body;
    if (!l)
        l = std::move(j.pinned);
    if (l->conn.body_done())
        give_back(std::move(l));
    else
        body = std::make_unique<body_reader>(shared_from_this(), std::move(l), std::move(j));
    response result(std::move(head), from, std::move(body));
    result.set_redirects(hops);
    return result;
}

} // namespace posthorn::http::detail

#endif
