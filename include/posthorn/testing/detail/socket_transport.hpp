//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A transport over a socket that can be ended in every way a socket can: orderly, half, or by a reset.

#ifndef POSTHORN_TESTING_DETAIL_SOCKET_TRANSPORT_HPP
#define POSTHORN_TESTING_DETAIL_SOCKET_TRANSPORT_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/net/transport.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/socket_base.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::testing::detail {

/// What a scripted server speaks through.
class socket_transport final : public net::transport
{
public:
    using socket_type = asio::generic::stream_protocol::socket;

    socket_transport(socket_type socket, std::string name)
        : socket_(std::move(socket)), name_(std::move(name))
    {
    }

    asio::any_io_executor get_executor() override { return socket_.get_executor(); }

    task<std::size_t> read_some(std::span<char> into) override
    {
        auto const room     = asio::buffer(into.data(), into.size());
        auto const outcome  = co_await socket_.async_read_some(room, use_task_nothrow);
        auto const& [ec, n] = outcome;
        if (ec && ec != asio::error::eof)
            throw std::system_error(ec);
        co_return n;
    }

    task<std::size_t> write_some(std::string_view bytes) override
    {
        auto const piece = asio::buffer(bytes.data(), bytes.size());
        co_return co_await socket_.async_write_some(piece, use_task);
    }

    void cancel() noexcept override
    {
        std::error_code ignored;
        socket_.cancel(ignored);
    }

    void close() noexcept override
    {
        std::error_code ignored;
        socket_.close(ignored);
    }

    std::string description() const override { return name_; }

    /// No more from us; the peer may go on.
    void half_close()
    {
        std::error_code ignored;
        socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    }

    /// Ends with RST: the peer sees an error, and may lose what it has not read yet.
    void reset()
    {
        std::error_code ignored;
        socket_.set_option(asio::socket_base::linger(true, 0), ignored);
        socket_.close(ignored);
    }

    /// What has arrived and was not read: closing over it would be a reset.
    std::string take_arrived()
    {
        std::string            all;
        std::array<char, 4096> chunk{};
        std::error_code        ec;
        socket_.non_blocking(true, ec);
        while (!ec)
        {
            std::size_t const n = socket_.read_some(asio::buffer(chunk), ec);
            all.append(chunk.data(), n);
        }
        return all;
    }

private:
    socket_type socket_;
    std::string name_;
};

} // namespace posthorn::testing::detail

#endif
