//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A blocking connection that sends and receives exactly what a test says, in the clear or under TLS.

#ifndef POSTHORN_TESTS_SUPPORT_WIRE_HPP
#define POSTHORN_TESTS_SUPPORT_WIRE_HPP

#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_engine.hpp>

#include <poll.h>
#include <support/process.hpp>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace support {

/// Every function throws when the peer is late; the end of the connection is a result.
class wire
{
public:
    explicit wire(std::uint16_t port) : socket_(connect_tcp(port)) { require_connection(); }
    explicit wire(std::filesystem::path const& path) : socket_(connect_unix(path)) { require_connection(); }

    int fd() const noexcept { return socket_.get(); }

    /// Sends all of it. @return Whether the peer still listens.
    bool send(std::string_view bytes)
    {
        if (!tls_)
            return send_raw(bytes);
        std::error_code ec;
        tls_->write(bytes, ec);
        return !ec && flush();
    }

    /// Receives until the text contains `end`, or the connection ends. @return All that came, and was not returned before.
    std::string receive_until(std::string_view end)
    {
        std::size_t at = 0;
        while ((at = received_.find(end)) == std::string::npos)
            if (!fill())
                return std::exchange(received_, std::string());
        auto result = received_.substr(0, at + end.size());
        received_.erase(0, result.size());
        return result;
    }

    /// Receives at least one octet and at most `most`; nothing at the end of the connection.
    std::string receive_some(std::size_t most)
    {
        if (received_.empty())
            fill();
        auto result = received_.substr(0, most);
        received_.erase(0, result.size());
        return result;
    }

    std::string receive_line() { return receive_until("\r\n"); }

    /// Receives one reply, with all its lines.
    std::string receive_reply()
    {
        std::string all;
        for (;;)
        {
            auto const line = receive_line();
            all += line;
            if (line.size() < 4 || line[3] != '-')
                return all;
        }
    }

    std::string ask(std::string_view line)
    {
        send(std::string(line) + "\r\n");
        return receive_reply();
    }

    /// Receives until the connection ends.
    std::string receive_all()
    {
        while (fill())
        {
        }
        return std::exchange(received_, std::string());
    }

    /// Was the end that was seen a reset?
    bool was_reset() const noexcept { return reset_; }

    /// Under TLS: did the peer end without close_notify?
    bool was_truncated() const noexcept { return truncated_; }

    /// No more from us.
    void half_close() { ::shutdown(socket_.get(), SHUT_WR); }

    void close()
    {
        if (tls_)
        {
            tls_->shutdown();
            flush();
        }
        drop();
    }

    /// Without close_notify.
    void drop() { socket_ = unique_socket(); }

    /// @return Why the handshake failed; empty if it did not.
    std::string start_tls(posthorn::net::tls_context const& context, std::string const& host)
    {
        namespace net = posthorn::net;
        tls_          = std::make_unique<net::tls_engine>(context, net::tls_role::client, host);
        for (;;)
        {
            std::error_code ec;
            auto const      status = tls_->handshake(ec);
            flush();
            if (ec)
                return tls_->make_error(ec).what();
            if (status == net::tls_status::done)
                return {};
            if (!fill_engine())
                return "the peer closed";
        }
    }

private:
    void require_connection() const
    {
        if (!socket_)
            throw std::runtime_error("wire: cannot connect");
    }

    bool fill()
    {
        std::array<char, 65536> chunk;
        if (!tls_)
        {
            std::size_t const n = receive_raw(chunk);
            received_.append(chunk.data(), n);
            return n != 0;
        }
        for (;;)
        {
            std::error_code   ec;
            auto              status = posthorn::net::tls_status::done;
            std::size_t const n      = tls_->read(chunk, status, ec);
            received_.append(chunk.data(), n);
            if (n != 0)
                return true;
            if (ec || status == posthorn::net::tls_status::closed)
            {
                truncated_ = ec == posthorn::net::tls_errc::truncated;
                return false;
            }
            fill_engine();
        }
    }

    bool fill_engine()
    {
        std::array<char, 16384> chunk;
        std::size_t const       n = receive_raw(chunk);
        if (n == 0)
            tls_->on_eof();
        else
            tls_->input().append(std::string_view(chunk.data(), n));
        return n != 0;
    }

    bool flush()
    {
        bool const sent = send_raw(tls_->output().data());
        tls_->output().clear();
        return sent;
    }

    bool send_raw(std::string_view bytes)
    {
        while (!bytes.empty())
        {
            wait_for(POLLOUT);
            auto const n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0 && (errno == EAGAIN || errno == EINTR))
                continue;
            if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
                return false;
            if (n < 0)
                throw std::system_error(errno, std::generic_category(), "wire: send");
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }

    std::size_t receive_raw(std::span<char> into)
    {
        for (;;)
        {
            wait_for(POLLIN);
            auto const n = ::recv(socket_.get(), into.data(), into.size(), 0);
            if (n >= 0)
                return static_cast<std::size_t>(n);
            if (errno == EINTR)
                continue;
            if (errno != ECONNRESET)
                throw std::system_error(errno, std::generic_category(), "wire: receive");
            reset_ = true;
            return 0;
        }
    }

    void wait_for(short events)
    {
        pollfd p{socket_.get(), events, 0};
        int    ready = 0;
        do
            ready = ::poll(&p, 1, static_cast<int>(default_patience.count()));
        while (ready < 0 && errno == EINTR);
        if (ready <= 0)
            throw std::runtime_error("wire: the peer is late; so far: " + received_);
    }

    unique_socket                              socket_;
    std::unique_ptr<posthorn::net::tls_engine> tls_;
    std::string                                received_;
    bool                                       reset_     = false;
    bool                                       truncated_ = false;
};

} // namespace support

#endif
