//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The connections of the HTTPMail server: bytes between streams and the site, with delays and faults.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_CONNECTIONS_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_CONNECTIONS_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/net/tls_settings.hpp>
#include <posthorn/testing/detail/httpmail_http.hpp>
#include <posthorn/testing/detail/httpmail_site.hpp>
#include <posthorn/testing/detail/server_base.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::testing::detail {

/// Serves each connection in turn of its requests.
class httpmail_connections final : public server_base
{
public:
    httpmail_connections(asio::any_io_executor const& ex, httpmail_server_settings s)
        : server_base(ex, s.listen), site_(std::move(s))
    {
    }

    httpmail_site&       site() noexcept { return site_; }
    httpmail_site const& site() const noexcept { return site_; }

private:
    using what = httpmail_fault::what;

    /// One connection.
    struct session
    {
        session(httpmail_connections& s, socket_type socket, std::uint64_t n)
            : server(&s), number(n), stream(std::move(socket), "connection " + std::to_string(n)),
              timer(s.executor()), crowded(!s.site_.opened())
        {
        }
        session(session const&)            = delete;
        session& operator=(session const&) = delete;
        ~session() { server->site_.closed(); }

        httpmail_connections* server;
        std::uint64_t         number;
        net::stream           stream;
        asio::steady_timer    timer;
        byte_buffer           input;
        std::size_t           served = 0;
        bool                  crowded;
        bool                  unread = false; ///< The client may still be sending.
    };

    /// One request, which ends in the record however it ends.
    struct exchange
    {
        explicit exchange(httpmail_connections& s) : server(&s) {}
        exchange(exchange const&)            = delete;
        exchange& operator=(exchange const&) = delete;
        ~exchange()
        {
            if (!begun)
                return;
            if (!noted)
                server->site_.note(request, 0);
            server->site_.end(complete);
            server->notify();
        }

        httpmail_connections*         server;
        httpmail_request              request;
        httpmail_framing              framing;
        std::optional<httpmail_fault> fault;
        bool                          noted    = false;
        bool                          begun    = false;
        bool                          complete = false;
    };

    httpmail_server_settings const&  settings() const noexcept { return site_.settings(); }
    httpmail_transfer_options const& transfer() const noexcept { return site_.settings().transfer; }

    task<void> converse(socket_type socket, std::uint64_t number) override
    {
        session s(*this, std::move(socket), number);
        if (settings().tls_context)
            co_await s.stream.start_tls(*settings().tls_context, net::tls_role::server, std::string(),
                                        std::string());
        bool more = true;
        while (more && !stopping())
            more = co_await serve_one(s);
        if (s.unread)
            co_await linger(s);
        s.stream.expires_at(net::clock::now() + std::chrono::seconds(5)); // for close_notify
        co_await s.stream.shutdown();
    }

    /// @return Whether the connection goes on.
    task<bool> serve_one(session& s)
    {
        exchange          x(*this);
        std::size_t const size = co_await read_head(s);
        if (size == 0)
            co_return false;
        int const bad = size > transfer().max_head
                            ? 431
                            : httpmail_read_head(s.input.data().substr(0, size), x.request, x.framing);
        s.input.consume(std::min(size, s.input.size()));
        if (bad != 0)
        {
            site_.refused();
            s.unread = true;
            httpmail_response refusal(bad);
            refusal.close = true;
            co_await write(s, x, std::move(refusal));
            co_return false;
        }
        x.request.connection = s.number;
        x.fault              = site_.begin(x.request);
        x.begun              = true;
        if (x.fault && x.fault->kind == what::close)
            co_return false;
        httpmail_response early = first_answer(s, x);
        bool const        wants = early.status == 0 || !x.framing.expects;
        if (wants)
        {
            bool const whole = co_await read_body(s, x, early);
            if (!whole)
                co_return false;
        }
        else
            early.close = s.unread = true; // whether the body comes is the client's choice
        if (early.status == 0)
            early = perform(x);
        ++s.served;
        co_return co_await finish(s, x, std::move(early));
    }

    /// What can be said before the body.
    httpmail_response first_answer(session const& s, exchange& x)
    {
        bool const body = x.framing.chunked || x.framing.length != 0;
        if (s.crowded)
        {
            httpmail_response answer(503);
            answer.close = true;
            return answer.with("Retry-After", "1");
        }
        if (transfer().needs_length && x.framing.chunked)
            return httpmail_response(411);
        if (body && x.framing.expects && !transfer().accepts_expect)
            return httpmail_response(417);
        if (x.fault && x.fault->kind == what::answer)
            return x.fault->response;
        return site_.admit(x.request);
    }

    httpmail_response perform(exchange& x)
    {
        auto answer = site_.answer(x.request);
        if (x.fault && x.fault->kind == what::answer_after)
            answer = x.fault->response;
        return answer;
    }

    /// Reads what belongs to the request. @return Whether it is complete; `early` may become a refusal.
    task<bool> read_body(session& s, exchange& x, httpmail_response& early)
    {
        httpmail_body_reader reader(x.framing, transfer().max_body);
        if (x.framing.expects && !reader.done() && reader.status() == 0)
        {
            std::string_view const            go = "HTTP/1.1 100 Continue\r\n\r\n";
            std::span<std::string_view const> pieces(&go, 1);
            co_await s.stream.write(pieces);
        }
        while (!reader.done() && reader.status() == 0)
        {
            s.input.consume(reader.feed(s.input.data(), x.request.body));
            if (reader.done() || reader.status() != 0)
                break;
            bool const more = co_await read(s);
            if (!more)
                co_return false;
        }
        if (reader.status() != 0)
        {
            early       = httpmail_response(reader.status());
            early.close = s.unread = true;
        }
        co_return true;
    }

    /// Sends the answer. @return Whether the connection goes on.
    task<bool> finish(session& s, exchange& x, httpmail_response answer)
    {
        auto const kind = x.fault ? x.fault->kind : what::answer;
        if (kind == what::close_after || answer.status == 0)
            co_return false;
        if (kind == what::stall)
        {
            bool more = true;
            while (more)
            {
                s.input.clear();
                more = co_await read(s);
            }
            co_return false;
        }
        auto const pause =
            transfer().delay + (kind == what::delay ? x.fault->pause : std::chrono::milliseconds(0));
        if (pause.count() > 0)
        {
            s.timer.expires_after(pause);
            co_await s.timer.async_wait(use_task);
        }
        co_return co_await write(s, x, std::move(answer));
    }

    task<bool> write(session& s, exchange& x, httpmail_response answer)
    {
        auto const& t    = transfer();
        bool const  last = t.requests_per_connection != 0 && s.served >= t.requests_per_connection;
        auto        out  = httpmail_write(answer, x.request, t, x.framing.keep && !last);
        bool        cut  = x.begun && x.fault && x.fault->kind == what::cut;
        if (cut)
        {
            std::size_t const head = std::min(x.fault->octets, out.head.size());
            out.body.resize(std::min(x.fault->octets - head, out.body.size()));
            out.head.resize(head);
        }
        if (x.begun)
        {
            site_.note(x.request, answer.status);
            x.noted = true;
        }
        std::size_t const                 step   = t.slow_octets == 0 ? out.body.size() : t.slow_octets;
        std::string_view                  rest   = out.body;
        std::string_view                  piece  = out.head;
        std::string_view const            both[] = {piece, t.slow_octets == 0 ? rest : std::string_view()};
        std::span<std::string_view const> first(both, 2);
        co_await s.stream.write(first);
        rest.remove_prefix(both[1].size());
        while (!rest.empty())
        {
            s.timer.expires_after(t.slow_pause);
            co_await s.timer.async_wait(use_task);
            piece = rest.substr(0, step);
            std::span<std::string_view const> next(&piece, 1);
            co_await s.stream.write(next);
            rest.remove_prefix(piece.size());
        }
        site_.moved(0, out.head.size() + out.body.size());
        x.complete = !cut;
        co_return !out.close && !cut;
    }

    /// @return The octets of the head with its empty line, more than allowed if it is too long, 0 at the end.
    task<std::size_t> read_head(session& s)
    {
        std::size_t seen = 0;
        for (;;)
        {
            while (seen == 0 &&
                   s.input.data().starts_with("\r\n")) // empty lines before a request are allowed
                s.input.consume(2);
            std::size_t const from = seen < 3 ? 0 : seen - 3;
            std::size_t const end  = s.input.data().find("\r\n\r\n", from);
            if (end != std::string_view::npos)
                co_return end + 4;
            seen = s.input.size();
            if (seen > transfer().max_head)
                co_return seen;
            if (transfer().idle_timeout.count() > 0)
                s.stream.expires_at(net::clock::now() + transfer().idle_timeout);
            bool const more = co_await read(s);
            if (!more)
                co_return 0;
        }
    }

    /// @return Whether anything came.
    task<bool> read(session& s)
    {
        auto const        room = s.input.prepare(16384);
        std::size_t const n    = co_await s.stream.read_some(room);
        if (stopping())
            throw error(errc::canceled);
        s.input.commit(n);
        site_.moved(n, 0);
        co_return n != 0;
    }

    /// Waits for the client to end: closing over what it has sent would take the answer away from it.
    task<void> linger(session& s)
    {
        s.stream.expires_at(net::clock::now() + std::chrono::seconds(5));
        for (std::size_t octets = 0; octets < transfer().max_body;)
        {
            s.input.clear();
            bool const more = co_await read(s);
            if (!more)
                break;
            octets += s.input.size();
        }
    }

    httpmail_site site_;
};

} // namespace posthorn::testing::detail

#endif
