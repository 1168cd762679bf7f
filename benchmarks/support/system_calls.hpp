//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Counts the system calls of a program, also those of the shared libraries it uses: the functions below stand before those of
// the C library. To be included by one file of a program. A count costs an addition, so that it does not change what is timed.

#ifndef POSTHORN_BENCHMARKS_SUPPORT_SYSTEM_CALLS_HPP
#define POSTHORN_BENCHMARKS_SUPPORT_SYSTEM_CALLS_HPP

#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <poll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>

namespace support {

struct system_calls
{
    std::uint64_t writes  = 0; ///< Of any kind, to whatever descriptor.
    std::uint64_t reads   = 0;
    std::uint64_t waits   = 0; ///< epoll_wait, poll, select.
    std::uint64_t changes = 0; ///< epoll_ctl.
    std::uint64_t timers  = 0; ///< timerfd_settime.
    std::uint64_t flights = 0; ///< Writes to a connection that are the first, or follow upon something that was read from it.
};

inline system_calls counted_calls;

/// What happened last on a descriptor.
enum class last_call : unsigned char
{
    none, ///< It is no connection.
    read,
    write
};

inline std::array<last_call, 32768> last_calls {};

inline void note_connection(int fd) noexcept
{
    auto const at = static_cast<std::size_t>(fd);
    if (at < last_calls.size())
        last_calls[at] = last_call::read;
}

inline void note_write(int fd) noexcept
{
    ++counted_calls.writes;
    auto const at = static_cast<std::size_t>(fd);
    if (at < last_calls.size() && last_calls[at] == last_call::read)
    {
        last_calls[at] = last_call::write;
        ++counted_calls.flights;
    }
}

inline ssize_t note_read(int fd, ssize_t got) noexcept
{
    ++counted_calls.reads;
    auto const at = static_cast<std::size_t>(fd);
    if (got > 0 && at < last_calls.size() && last_calls[at] == last_call::write)
        last_calls[at] = last_call::read;
    return got;
}

} // namespace support

extern "C" {

int connect(int fd, sockaddr const* to, socklen_t size)
{
    support::note_connection(fd);
    return static_cast<int>(syscall(SYS_connect, fd, to, size));
}
ssize_t write(int fd, void const* data, std::size_t size)
{
    support::note_write(fd);
    return syscall(SYS_write, fd, data, size);
}
ssize_t writev(int fd, iovec const* parts, int count)
{
    support::note_write(fd);
    return syscall(SYS_writev, fd, parts, count);
}
ssize_t send(int fd, void const* data, std::size_t size, int flags)
{
    support::note_write(fd);
    return syscall(SYS_sendto, fd, data, size, flags, nullptr, 0);
}
ssize_t sendmsg(int fd, msghdr const* message, int flags)
{
    support::note_write(fd);
    return syscall(SYS_sendmsg, fd, message, flags);
}
ssize_t sendfile(int out, int in, off_t* offset, std::size_t size) noexcept
{
    support::note_write(out);
    return syscall(SYS_sendfile, out, in, offset, size);
}
ssize_t read(int fd, void* data, std::size_t size)
{
    return support::note_read(fd, syscall(SYS_read, fd, data, size));
}
ssize_t readv(int fd, iovec const* parts, int count)
{
    return support::note_read(fd, syscall(SYS_readv, fd, parts, count));
}
ssize_t recv(int fd, void* data, std::size_t size, int flags)
{
    return support::note_read(fd, syscall(SYS_recvfrom, fd, data, size, flags, nullptr, nullptr));
}
ssize_t recvmsg(int fd, msghdr* message, int flags)
{
    return support::note_read(fd, syscall(SYS_recvmsg, fd, message, flags));
}
int epoll_wait(int fd, epoll_event* events, int most, int timeout)
{
    ++support::counted_calls.waits;
    return static_cast<int>(syscall(SYS_epoll_wait, fd, events, most, timeout));
}
int poll(pollfd* fds, nfds_t count, int timeout)
{
    ++support::counted_calls.waits;
    return static_cast<int>(syscall(SYS_poll, fds, count, timeout));
}
int epoll_ctl(int fd, int what, int which, epoll_event* event) noexcept
{
    ++support::counted_calls.changes;
    return static_cast<int>(syscall(SYS_epoll_ctl, fd, what, which, event));
}
int timerfd_settime(int fd, int flags, itimerspec const* when, itimerspec* before) noexcept
{
    ++support::counted_calls.timers;
    return static_cast<int>(syscall(SYS_timerfd_settime, fd, flags, when, before));
}

} // extern "C"

#endif
