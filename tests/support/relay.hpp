//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A relay between a client and a server that ends the connection after a number of octets.

#ifndef POSTHORN_TESTS_SUPPORT_RELAY_HPP
#define POSTHORN_TESTS_SUPPORT_RELAY_HPP

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/ip/address_v4.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/socket_base.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <system_error>
#include <tuple>

namespace support {

inline constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

/// Where the connection ends.
struct cut
{
    std::size_t to_server = unlimited; ///< Octets of the client that pass.
    std::size_t to_client = unlimited; ///< Octets of the server that pass.
    bool        reset     = false;     ///< RST towards both, else FIN.
};

/// Passes one connection on, and ends it where it was told to.
class relay
{
    using tcp = asio::ip::tcp;

public:
    relay(asio::any_io_executor const& ex, std::uint16_t to, cut how)
        : state_(std::make_shared<state>(ex, to, how))
    {
    }
    relay(relay const&)            = delete;
    relay& operator=(relay const&) = delete;
    ~relay() { state_->end(); }

    std::uint16_t port() const { return state_->acceptor.local_endpoint().port(); }

    void start()
    {
        posthorn::spawn(state_->acceptor.get_executor(), run(state_), [](std::exception_ptr) {});
    }

    std::size_t to_server() const noexcept { return state_->to_server; }
    std::size_t to_client() const noexcept { return state_->to_client; }

private:
    struct state
    {
        state(asio::any_io_executor const& ex, std::uint16_t to, cut c)
            : acceptor(ex, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), client(ex), server(ex),
              target(to), how(c)
        {
        }

        void end() noexcept
        {
            std::error_code ignored;
            acceptor.close(ignored);
            for (auto* const s : {&client, &server})
            {
                if (s->is_open() && how.reset)
                    s->set_option(asio::socket_base::linger(true, 0), ignored);
                s->close(ignored);
            }
        }

        tcp::acceptor acceptor;
        tcp::socket   client;
        tcp::socket   server;
        std::uint16_t target;
        cut           how;
        std::size_t   to_server = 0; ///< Passed.
        std::size_t   to_client = 0;
    };

    static posthorn::task<void> run(std::shared_ptr<state> s)
    {
        s->client = co_await s->acceptor.async_accept(posthorn::use_task);
        tcp::endpoint const to(asio::ip::address_v4::loopback(), s->target);
        co_await s->server.async_connect(to, posthorn::use_task);
        std::ignore =
            co_await posthorn::when_all(pass(s, s->client, s->server, s->how.to_server, s->to_server),
                                        pass(s, s->server, s->client, s->how.to_client, s->to_client));
    }

    static posthorn::task<void> pass(std::shared_ptr<state> s, tcp::socket& from, tcp::socket& to,
                                     std::size_t most, std::size_t& passed)
    {
        std::array<char, 65536> chunk;
        while (passed != most)
        {
            auto const room     = asio::buffer(chunk);
            auto const got      = co_await from.async_read_some(room, posthorn::use_task_nothrow);
            auto const& [ec, n] = got;
            if (ec)
            {
                std::error_code ignored;
                to.shutdown(tcp::socket::shutdown_send, ignored);
                co_return;
            }
            std::size_t const size  = std::min(n, most - passed);
            auto const        piece = asio::buffer(chunk.data(), size);
            passed += size;
            std::ignore = co_await asio::async_write(to, piece, posthorn::use_task_nothrow);
        }
        s->end();
    }

    std::shared_ptr<state> state_;
};

} // namespace support

#endif
