//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The interface of a caller's own byte transport: a tunnel, a test, an exotic socket.

#ifndef POSTHORN_NET_TRANSPORT_HPP
#define POSTHORN_NET_TRANSPORT_HPP

#include <posthorn/coro/task.hpp>

#include <asio/any_io_executor.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace posthorn::net {

/** Bytes both ways, in order. One read and one write may be in flight at the same time.

    Implement it to run the protocols over something that is neither TCP nor a Unix socket; TLS works over it. While
    an operation goes on without waiting nothing else runs, so that one which can do so for long must go through the
    executor now and then.
*/
class transport
{
public:
    virtual ~transport() = default;

    /// Where its operations complete.
    virtual asio::any_io_executor get_executor() = 0;

    /** Reads at least one byte. @return How many; 0 at the end of the stream.
        @throws std::system_error; a code equal to condition::canceled after cancel(). */
    virtual task<std::size_t> read_some(std::span<char> into) = 0;

    /// Writes at least one byte of `bytes`, which stay valid until the task ends. @return How many.
    virtual task<std::size_t> write_some(std::string_view bytes) = 0;

    /// Ends operations in flight promptly, with condition::canceled.
    virtual void cancel() noexcept = 0;

    /// Ends the connection at once; operations in flight fail.
    virtual void close() noexcept = 0;

    /// A name for error texts and logs, e.g. "tunnel to mx.example".
    virtual std::string description() const { return "custom transport"; }
};

} // namespace posthorn::net

#endif
