//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// SCRAM bound to the TLS session, with a server that checks it. No mail server of Debian 12 offers -PLUS, but PostgreSQL does:
// the mechanism and the binding are the library's, only the frames around them are those of another protocol.

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/sasl/select.hpp>

#include <doctest/doctest.h>

#include <support/certs.hpp>
#include <support/postgresql.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

using namespace posthorn;

TEST_SUITE_BEGIN("live/scram_plus");

namespace {

constexpr char const* password = "pencil & Stift";

/// Numbers of the protocol are big-endian.
std::string number(std::size_t n)
{
    std::string s;
    for (int shift = 24; shift >= 0; shift -= 8)
        s += static_cast<char>((n >> shift) & 0xff);
    return s;
}

std::uint32_t number_in(std::string_view s)
{
    std::uint32_t n = 0;
    for (auto const c : s.substr(0, 4))
        n = n << 8 | static_cast<unsigned char>(c);
    return n;
}

/// How to log in.
struct attempt
{
    std::string mechanism    = "SCRAM-SHA-256-PLUS";
    std::string with         = password;
    bool        plus_offered = true;  ///< What the mechanism is told.
    bool        tampered     = false; ///< Another certificate than the server's is bound.
};

struct outcome
{
    std::string offered; ///< The names of mechanisms, with a space after each.
    std::string error;   ///< The server's, its fields joined by a space; empty if it has let us in.
    bool        proved = false;
};

/// One connection of a client of PostgreSQL, up to the login.
class connection
{
public:
    connection(net::stream s) : stream_(std::move(s)) {}

    net::stream& stream() noexcept { return stream_; }

    task<void> send(std::string bytes)
    {
        std::string_view const piece = bytes;
        co_await stream_.write(std::span(&piece, 1));
    }

    task<std::string> receive(std::size_t size)
    {
        std::string s(size, '\0');
        for (std::size_t got = 0; got != size;)
        {
            auto const n = co_await stream_.read_some(std::span(s).subspan(got));
            if (n == 0)
                throw std::runtime_error("PostgreSQL has closed the connection");
            got += n;
        }
        co_return s;
    }

    /// The type and the content of a message.
    task<std::pair<char, std::string>> message()
    {
        auto const head = co_await receive(5);
        auto       body = co_await receive(number_in(std::string_view(head).substr(1)) - 4);
        co_return std::pair(head[0], std::move(body));
    }

private:
    net::stream stream_;
};

task<void> log_in(std::uint16_t port, std::string ca, attempt how, outcome& into)
{
    auto       socket = co_await net::connect(net::host_port(std::string("localhost"), port));
    connection c {net::stream(std::move(socket))};
    co_await c.send(number(8) + number(80877103)); // "TLS, please"
    auto const yes = co_await c.receive(1);
    REQUIRE(yes == "S");
    net::tls_settings trust;
    trust.ca_file = ca;
    co_await c.stream().start_tls(net::tls_context(trust), net::tls_role::client, "localhost", "");

    std::string start = number(3 << 16) + std::string("user\0alice\0database\0postgres\0\0", 30);
    start             = number(start.size() + 4) + start;
    co_await c.send(std::move(start));
    auto message = co_await c.message();
    REQUIRE(message.first == 'R');
    REQUIRE(number_in(message.second) == 10);
    for (auto const ch : std::string_view(message.second).substr(4))
        into.offered += ch == '\0' ? ' ' : ch;

    sasl::selection about;
    about.tls_server_end_point = c.stream().tls().tls_server_end_point;
    REQUIRE_FALSE(about.tls_server_end_point.empty());
    if (how.tampered)
        about.tls_server_end_point.back() = static_cast<char>(about.tls_server_end_point.back() ^ 1);
    auto const m = sasl::make_mechanism(how.mechanism, sasl::credentials("alice", secret_string(how.with)), about, how.plus_offered);
    REQUIRE(m);
    auto const  first   = m->initial_response();
    std::string initial = how.mechanism + '\0' + number(first->size());
    initial.append(first->view());
    std::string frame = 'p' + number(initial.size() + 4) + initial;
    co_await c.send(std::move(frame));
    for (;;)
    {
        message = co_await c.message();
        if (message.first == 'E')
        {
            for (auto const ch : message.second)
                into.error += ch == '\0' ? ' ' : ch;
            co_return;
        }
        REQUIRE(message.first == 'R');
        auto const step = number_in(message.second);
        if (step == 0)
        {
            into.proved = m->satisfied();
            co_return;
        }
        auto const answer = m->respond(std::string_view(message.second).substr(4));
        if (step == 12) // the end of SASL: there is nothing to answer
            continue;
        REQUIRE(step == 11);
        frame = 'p' + number(answer.size() + 4) + std::string(answer.view());
        co_await c.send(std::move(frame));
    }
}

bool has(std::string_view text, std::string_view part)
{
    return text.find(part) != text.npos;
}

} // namespace

TEST_CASE("PostgreSQL: SCRAM-SHA-256-PLUS by tls-server-end-point lets in, and each lie is refused")
{
    support::certificates authority;
    support::postgresql   server("alice", password, authority.server());
    auto const            tried = [&](attempt how) {
        outcome o;
        sync_wait(log_in(server.port(), authority.ca(), std::move(how), o));
        return o;
    };

    auto const good = tried({});
    CHECK(good.offered == "SCRAM-SHA-256-PLUS SCRAM-SHA-256  ");
    CHECK(good.error == "");
    CHECK(good.proved);

    attempt wrong;
    wrong.with = "wrong";
    CHECK(has(tried(wrong).error, " C28P01 ")); // invalid_password

    attempt elsewhere; // as if somebody stood between, with a certificate of his own
    elsewhere.tampered = true;
    auto const caught  = tried(elsewhere);
    CHECK(has(caught.error, "channel binding check failed"));
    CHECK_FALSE(caught.proved);

    attempt unbound; // the client knows that -PLUS was there and uses the other on purpose
    unbound.mechanism = "SCRAM-SHA-256";
    auto const plain  = tried(unbound);
    CHECK(plain.error == "");
    CHECK(plain.proved);

    attempt stripped; // somebody has taken -PLUS out of the list: the server sees that the client never saw it
    stripped.mechanism    = "SCRAM-SHA-256";
    stripped.plus_offered = false;
    CHECK(has(tried(stripped).error, "channel binding negotiation error"));
}

TEST_SUITE_END();
