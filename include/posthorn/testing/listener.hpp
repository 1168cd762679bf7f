//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Where a testing server listens, and the socket that does it.

#ifndef POSTHORN_TESTING_LISTENER_HPP
#define POSTHORN_TESTING_LISTENER_HPP

#include <asio/any_io_executor.hpp>
#include <asio/basic_socket_acceptor.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/socket_base.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace posthorn::testing {

/// Where a server listens: a TCP port, or a Unix socket if `path` is given.
struct listen_settings
{
    listen_settings() = default;

    std::string   address = "127.0.0.1"; ///< An IPv4 or IPv6 address; names are not looked up.
    std::uint16_t port    = 0;           ///< 0 lets the system choose one; the server tells which.
    std::string   path;                  ///< Of a Unix socket; created by the server, and removed by it.
};

namespace detail {

/// A listening socket of either family.
class listener
{
public:
    using protocol_type = asio::generic::stream_protocol;
    using socket_type   = protocol_type::socket;

    /// @throws std::system_error if the address is none, is taken or may not be used.
    listener(asio::any_io_executor const& ex, listen_settings const& where) : acceptor_(ex), path_(where.path)
    {
        if (path_.empty())
        {
            asio::ip::tcp::endpoint const endpoint(asio::ip::make_address(where.address), where.port);
            acceptor_.open(protocol_type(endpoint.protocol()));
#if !defined(_WIN32)
            acceptor_.set_option(asio::socket_base::reuse_address(true));
#endif
            acceptor_.bind(endpoint);
        }
        else
        {
#if defined(ASIO_HAS_LOCAL_SOCKETS)
            asio::local::stream_protocol::endpoint const endpoint(path_);
            acceptor_.open(protocol_type(endpoint.protocol()));
            std::string const mine = std::exchange(path_, std::string()); // not ours before bind() succeeds
            acceptor_.bind(endpoint);
            path_ = mine;
#else
            throw std::system_error(std::make_error_code(std::errc::address_family_not_supported));
#endif
        }
        acceptor_.listen(asio::socket_base::max_listen_connections);
        if (path_.empty())
            port_ = bound_port();
    }
    listener(listener const&)            = delete;
    listener& operator=(listener const&) = delete;
    ~listener() { close(); }

    asio::basic_socket_acceptor<protocol_type>& acceptor() noexcept { return acceptor_; }

    std::uint16_t      port() const noexcept { return port_; }
    std::string const& path() const noexcept { return path_; }
    bool               is_open() const noexcept { return acceptor_.is_open(); }

    /// From now on connections are refused.
    void close() noexcept
    {
        if (!acceptor_.is_open())
            return;
        std::error_code ignored;
        acceptor_.close(ignored);
        if (!path_.empty())
            std::remove(path_.c_str());
    }

    /// Small replies must leave at once, however many of them are on the way.
    void prepare(socket_type& accepted) const
    {
        std::error_code ignored;
        if (path_.empty())
            accepted.set_option(asio::ip::tcp::no_delay(true), ignored);
    }

private:
    std::uint16_t bound_port() const
    {
        auto const              bound = acceptor_.local_endpoint();
        asio::ip::tcp::endpoint tcp;
        tcp.resize(bound.size());
        std::memcpy(tcp.data(), bound.data(), bound.size());
        return tcp.port();
    }

    asio::basic_socket_acceptor<protocol_type> acceptor_;
    std::string                                path_;
    std::uint16_t                              port_ = 0;
};

} // namespace detail

} // namespace posthorn::testing

#endif
