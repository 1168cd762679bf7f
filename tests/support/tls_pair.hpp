//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Two TLS engines that face each other in memory.

#ifndef POSTHORN_TESTS_SUPPORT_TLS_PAIR_HPP
#define POSTHORN_TESTS_SUPPORT_TLS_PAIR_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_engine.hpp>
#include <posthorn/net/tls_settings.hpp>
#include <posthorn/testing/certificates.hpp>

#include <support/tls_server_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace support {

/// The authority of all tests that need no particular one.
inline posthorn::testing::certificate_authority const& test_authority()
{
    static posthorn::testing::certificate_authority const ca;
    return ca;
}

/// For mail.example.test, signed by test_authority().
inline posthorn::net::tls_settings tls_server_settings()
{
    static posthorn::testing::certificate const own = test_authority().issue({"mail.example.test"});
    return tls_server_settings(own);
}

/// Trusts test_authority().
inline posthorn::net::tls_settings tls_client_settings()
{
    posthorn::net::tls_settings s;
    s.ca_pem = test_authority().pem();
    return s;
}

/// A client and a server; what one puts out is carried to the other in pieces of any size.
struct tls_pair
{
    using engine = posthorn::net::tls_engine;
    using status = posthorn::net::tls_status;

    explicit tls_pair(
        posthorn::net::tls_context client_context = posthorn::net::tls_context(tls_client_settings()),
        posthorn::net::tls_context server_context = posthorn::net::tls_context(tls_server_settings()),
        std::string host = "mail.example.test", std::string session = {})
        : client(std::move(client_context), posthorn::net::tls_role::client, std::move(host),
                 std::move(session)),
          server(std::move(server_context), posthorn::net::tls_role::server)
    {
    }

    /// Carries at most `most` octets, into memory that was not there before. @return How many.
    static std::size_t carry(engine& from, engine& to, std::size_t most)
    {
        std::size_t const n = std::min(most, from.output().size());
        to.input().append(from.output().data().substr(0, n));
        from.output().consume(n);
        return n;
    }

    /// Both handshakes, until each is done or has failed; or until nothing moves any more.
    void shake_hands(std::function<std::size_t()> const& chunk = [] { return std::size_t{1} << 20U; })
    {
        for (bool moved = true; moved;)
        {
            moved = step(client, client_done, client_error);
            moved = carry(client, server, chunk()) != 0 || moved;
            moved = step(server, server_done, server_error) || moved;
            moved = carry(server, client, chunk()) != 0 || moved;
        }
    }

    bool ok() const noexcept { return client_done && server_done; }

    /// Reads what has arrived.
    static std::string read_all(engine& from, std::error_code& ec, status& last)
    {
        std::string text;
        char        room[5000];
        do
        {
            std::size_t const n = from.read(room, last, ec);
            text.append(room, n);
        } while (last == status::done && !ec);
        return text;
    }

    /// Carries everything from `from` to `to` and reads it there; anything but more to come is an error of
    /// the test.
    static std::string pass(engine& from, engine& to)
    {
        carry(from, to, from.output().size());
        std::error_code ec;
        status          last = status::done;
        auto            text = read_all(to, ec, last);
        if (ec || last != status::want_read)
            throw std::runtime_error("reading failed: " + ec.message());
        return text;
    }

    static void write(engine& to, std::string_view text)
    {
        std::error_code ec;
        if (to.write(text, ec) != text.size() || ec)
            throw std::runtime_error("writing failed: " + ec.message());
    }

    engine          client;
    engine          server;
    bool            client_done = false;
    bool            server_done = false;
    std::error_code client_error;
    std::error_code server_error;

private:
    static bool step(engine& e, bool& done, std::error_code& error)
    {
        if (done || error)
            return false;
        done = e.handshake(error) == status::done;
        return done || error;
    }
};

} // namespace support

#endif
