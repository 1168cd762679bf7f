//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Child processes that never outlive their test, and the TCP ports they listen on.

#ifndef POSTHORN_TESTS_SUPPORT_PROCESS_HPP
#define POSTHORN_TESTS_SUPPORT_PROCESS_HPP

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <support/temp_dir.hpp>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

namespace support {

using milliseconds = std::chrono::milliseconds;

/// How long a test waits for what should take a moment, before it fails.
inline constexpr milliseconds default_patience = std::chrono::seconds(30);

/// Calls `done` until it answers true or `limit` has passed; returns its last answer.
template <class Predicate>
bool poll_until(milliseconds limit, Predicate done)
{
    auto const deadline = std::chrono::steady_clock::now() + limit;
    for (auto pause = milliseconds(1);; pause = std::min(pause * 2, milliseconds(20)))
    {
        if (done())
            return true;
        if (std::chrono::steady_clock::now() >= deadline)
            return false;
        std::this_thread::sleep_for(pause);
    }
}

/** The path of a program, from PATH and from the folders where daemons live.

    @param package What to install if there is no such program; the error names it.
*/
inline std::filesystem::path find_program(std::string_view name, std::string_view package = {})
{
    std::string folders;
    if (char const* path = std::getenv("PATH"))
        folders = std::string(path) + ':';
    folders += "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    for (std::size_t begin = 0; begin <= folders.size();)
    {
        auto const end  = std::min(folders.find(':', begin), folders.size());
        auto const file = std::filesystem::path(folders.substr(begin, end - begin)) / name;
        if (end != begin && ::access(file.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(file))
            return file;
        begin = end + 1;
    }
    throw std::runtime_error("this test needs the program " + std::string(name) + ", which is not in " +
                             folders +
                             (package.empty() ? "" : ": install the package " + std::string(package)));
}

/// Fails with a clear text unless the test runs as root, which servers need to switch users.
inline void require_root(std::string_view what)
{
    if (::geteuid() != 0)
        throw std::runtime_error("this test starts " + std::string(what) +
                                 " with a configuration of its own, which only root can do: run it as root");
}

/// A user of the system.
struct user_ids
{
    uid_t uid;
    gid_t gid;
};

/// Looks up a user; the error names the package that creates it.
inline user_ids find_user(std::string const& name, std::string_view package)
{
    auto const* entry = ::getpwnam(name.c_str());
    if (entry == nullptr)
        throw std::runtime_error("this test needs the user " + name + ": install the package " +
                                 std::string(package));
    return {entry->pw_uid, entry->pw_gid};
}

/** The living processes of a process group.

    A zombie does not count: in a container nobody may ever collect the orphans.
*/
inline std::vector<pid_t> group_members(pid_t group)
{
    std::vector<pid_t> found;
    if (::kill(-group, 0) != 0 && errno == ESRCH)
        return found;
    std::error_code ec;
    auto            entries = std::filesystem::directory_iterator("/proc", ec);
    if (ec || !std::filesystem::exists("/proc/self/stat", ec))
        return {group};
    for (; entries != std::filesystem::directory_iterator(); entries.increment(ec))
    {
        auto const name = entries->path().filename().string();
        if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
            continue;
        // "pid (command) state ppid pgrp ...", where the command may hold anything.
        // Not by a stream, which throws when the process ends before it is read.
        std::array<char, 512> text;
        int const             file = ::open((entries->path() / "stat").c_str(), O_RDONLY | O_CLOEXEC);
        ssize_t const         size = file < 0 ? -1 : ::read(file, text.data(), text.size());
        if (file >= 0)
            ::close(file);
        if (size <= 0)
            continue;
        std::string const stat(text.data(), static_cast<std::size_t>(size));
        auto const        paren = stat.rfind(')');
        if (paren == std::string::npos || paren + 4 >= stat.size())
            continue;
        char const state = stat[paren + 2];
        char*      next  = nullptr;
        std::strtol(stat.c_str() + paren + 3, &next, 10);
        auto const pgrp = static_cast<pid_t>(std::strtol(next, nullptr, 10));
        if (pgrp == group && state != 'Z' && state != 'X')
            found.push_back(static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10)));
    }
    return found;
}

/// How to start a process.
struct process_options
{
    std::vector<std::string> argv;        ///< The program (a path) and its arguments.
    std::vector<std::string> environment; ///< NAME=value, in addition to a fixed PATH and LANG=C.
    std::filesystem::path    input;       ///< Standard input; empty: nothing to read.
    std::filesystem::path    output;      ///< Standard output and error are appended here; empty: dropped.
    std::filesystem::path    directory;   ///< Where it runs; empty: in the root folder.
};

/** A child process, leader of its own session and group.

    The destructor ends the whole group. So that even a crashed or killed test leaves no server behind, a
    guard process waits for the end of the test and then ends the group in its place.

    @par Thread safety One thread at a time.
*/
class process
{
public:
    explicit process(process_options const& options) { start(options); }
    process(process&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)), status_(other.status_), guard_(std::exchange(other.guard_, 0)),
          guard_pipe_(std::exchange(other.guard_pipe_, -1))
    {
    }
    process& operator=(process&&)      = delete;
    process(process const&)            = delete;
    process& operator=(process const&) = delete;
    ~process()
    {
        stop(std::chrono::seconds(0));
        dismiss_guard();
    }

    /// The process, which is also the number of its group.
    pid_t pid() const noexcept { return pid_; }

    /// Waits for its end: the exit status, 128 + n after signal n, or nothing if it still runs at the
    /// deadline.
    std::optional<int> wait(milliseconds limit = default_patience)
    {
        poll_until(limit, [this] { return reap(); });
        return status_;
    }

    bool running() { return !reap(); }

    void signal(int number)
    {
        if (running())
            ::kill(pid_, number);
    }

    /** Sends SIGTERM to the group and waits for the process, then a moment for its children; kills what is
        left.

        The children get the signal too: Dovecot's would outlive their master as long as somebody is
        connected. And they are killed in the end: one that Postfix's master is about to turn into a daemon is
        deaf to it.

        @param grace How long the process itself may take.
        @return Did it end by itself?
    */
    bool stop(milliseconds grace = std::chrono::seconds(10))
    {
        if (pid_ == 0)
            return true;
        auto const gone = [this] { return reap() && group_members(pid_).empty(); };
        if (gone())
            return true;
        ::kill(-pid_, SIGTERM);
        bool const clean = poll_until(grace, [this] { return reap(); });
        if (!clean || !poll_until(std::min(grace, milliseconds(100)), gone))
        {
            ::kill(-pid_, SIGKILL);
            poll_until(std::chrono::seconds(10), gone);
        }
        return clean;
    }

private:
    bool reap()
    {
        if (!status_ && pid_ != 0)
        {
            int         raw    = 0;
            pid_t const result = ::waitpid(pid_, &raw, WNOHANG);
            if (result == pid_)
                status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
            else if (result < 0 && errno == ECHILD)
                status_ = -1;
        }
        return status_.has_value() || pid_ == 0;
    }

    static std::vector<char*> pointers(std::vector<std::string>& strings)
    {
        std::vector<char*> result;
        result.reserve(strings.size() + 1);
        for (auto& s : strings)
            result.push_back(s.data());
        result.push_back(nullptr);
        return result;
    }

    void start(process_options const& options)
    {
        if (options.argv.empty())
            throw std::invalid_argument("process: no program given");
        std::vector<std::string> arguments   = options.argv;
        std::vector<std::string> environment = {
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C"};
        environment.insert(environment.end(), options.environment.begin(), options.environment.end());
        auto const        argv      = pointers(arguments);
        auto const        envp      = pointers(environment);
        std::string const input     = options.input.empty() ? "/dev/null" : options.input.string();
        std::string const output    = options.output.empty() ? "/dev/null" : options.output.string();
        std::string const directory = options.directory.empty() ? "/" : options.directory.string();

        int report[2];
        if (::pipe(report) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe");
        pid_t const child = ::fork();
        if (child == 0)
        {
            // Other threads may hold any lock: only async-signal-safe calls from here on.
            ::setsid();
            // The error report survives as descriptor 3 until exec; no socket of the test is inherited.
            int const keep = ::fcntl(report[1], F_DUPFD, 10);
            int const in   = ::open(input.c_str(), O_RDONLY);
            int const out  = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
            if (keep < 0 || in < 0 || out < 0 || ::chdir(directory.c_str()) != 0)
                fail(report[1]);
            int const in_copy  = ::fcntl(in, F_DUPFD, 10);
            int const out_copy = ::fcntl(out, F_DUPFD, 10);
            ::dup2(in_copy, 0);
            ::dup2(out_copy, 1);
            ::dup2(out_copy, 2);
            ::dup2(keep, 3);
            ::fcntl(3, F_SETFD, FD_CLOEXEC);
            close_from(4);
            for (int n : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGCHLD})
                ::signal(n, SIG_DFL);
            sigset_t none;
            ::sigemptyset(&none);
            ::sigprocmask(SIG_SETMASK, &none, nullptr);
            ::execve(argv[0], argv.data(), envp.data());
            fail(3);
        }
        int const fork_error = errno;
        ::close(report[1]);
        if (child < 0)
        {
            ::close(report[0]);
            throw std::system_error(fork_error, std::generic_category(), "fork");
        }
        int     error = 0;
        ssize_t got   = 0;
        do
            got = ::read(report[0], &error, sizeof error);
        while (got < 0 && errno == EINTR);
        ::close(report[0]);
        if (got != 0)
        {
            ::waitpid(child, nullptr, 0);
            throw std::system_error(error, std::generic_category(), "cannot run " + options.argv.front());
        }
        pid_ = child;
        start_guard();
    }

    /// A process that sees the end of this one, of whatever kind it is, as the end of a pipe.
    void start_guard()
    {
        int pipe[2];
        if (::pipe(pipe) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe");
        ::fcntl(pipe[1], F_SETFD, FD_CLOEXEC);
        guard_ = ::fork();
        if (guard_ == 0)
        {
            // Async-signal-safe calls only, as above.
            ::setsid();
            // Who ends the test by its name means the guard too, which bears the same.
            for (int n : {SIGTERM, SIGINT, SIGHUP})
                ::signal(n, SIG_IGN);
            ::dup2(pipe[0], 0);
            close_from(1);
            char byte = 0;
            while (::read(0, &byte, 1) < 0 && errno == EINTR)
            {
            }
            ::kill(-pid_, SIGTERM);
            for (int i = 0; i < 50 && ::kill(-pid_, 0) == 0; ++i)
                ::poll(nullptr, 0, 100);
            ::kill(-pid_, SIGKILL);
            ::_exit(0);
        }
        int const error = errno;
        ::close(pipe[0]);
        guard_pipe_ = pipe[1];
        if (guard_ < 0)
        {
            ::kill(-pid_, SIGKILL);
            ::close(guard_pipe_);
            throw std::system_error(error, std::generic_category(), "fork");
        }
    }

    void dismiss_guard()
    {
        if (guard_pipe_ < 0)
            return;
        ::kill(guard_, SIGKILL);
        ::close(guard_pipe_);
        ::waitpid(guard_, nullptr, 0);
    }

    [[noreturn]] static void fail(int descriptor)
    {
        int const error = errno;
        if (::write(descriptor, &error, sizeof error) < 0)
            ::_exit(126);
        ::_exit(127);
    }

    static void close_from(int first)
    {
#if defined(__linux__) && defined(SYS_close_range)
        if (::syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U) == 0)
            return;
#endif
        long const limit = ::sysconf(_SC_OPEN_MAX);
        for (int fd = first; fd < limit; ++fd)
            ::close(fd);
    }

    pid_t              pid_ = 0;
    std::optional<int> status_;
    pid_t              guard_      = 0;
    int                guard_pipe_ = -1;
};

/// What run() returns.
struct run_result
{
    int         status = 0; ///< As of process::wait().
    std::string output;     ///< Standard output and error.
};

/// Runs a program to its end; throws if it lasts longer than `limit`.
inline run_result run(process_options options, milliseconds limit = default_patience)
{
    temp_dir const scratch("run");
    options.output = scratch / "output";
    process    child(options);
    auto const status = child.wait(limit);
    if (!status)
        throw std::runtime_error(options.argv.front() + " did not end in time; it wrote:\n" +
                                 file_tail(options.output));
    return {*status, read_file(options.output)};
}

/// Runs a program that must succeed; returns its output.
inline std::string run_checked(process_options const& options, milliseconds limit = default_patience)
{
    auto result = run(options, limit);
    if (result.status != 0)
    {
        std::string command;
        for (auto const& word : options.argv)
            command += word + ' ';
        throw std::runtime_error(command + "failed with status " + std::to_string(result.status) + ":\n" +
                                 result.output);
    }
    return std::move(result.output);
}

namespace detail {

inline sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family      = AF_INET;
    address.sin_port        = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

inline bool bind_loopback(int fd, std::uint16_t port)
{
    auto const address = loopback(port);
    return ::bind(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0;
}

} // namespace detail

/// A blocking socket; closed by the destructor.
class unique_socket
{
public:
    explicit unique_socket(int fd = -1) noexcept : fd_(fd) {}
    unique_socket(unique_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    unique_socket& operator=(unique_socket&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~unique_socket()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int      get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_;
};

/// A connection to 127.0.0.1, or an empty socket when it is refused.
inline unique_socket connect_tcp(std::uint16_t port)
{
    unique_socket s(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto const    address = detail::loopback(port);
    if (!s || ::connect(s.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0)
        return unique_socket();
    return s;
}

/// A connection to a Unix-domain socket, or an empty socket when there is none.
inline unique_socket connect_unix(std::filesystem::path const& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto const& name   = path.native();
    if (name.size() >= sizeof address.sun_path)
        throw std::invalid_argument("the socket's path is too long: " + name);
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
    unique_socket s(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!s || ::connect(s.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0)
        return unique_socket();
    return s;
}

/** A port of 127.0.0.1 on which nothing listens, for a server about to start.

    It lies below the range from which outgoing connections take theirs, so that traffic cannot steal it, and
    is never given out twice: the UDP port of the same number is held as a mark that the tests of all
    processes see. The mark lasts as long as the process.
*/
inline std::uint16_t free_port()
{
    std::random_device                           seed;
    std::uniform_int_distribution<std::uint16_t> any(12000, 31999);
    for (int attempt = 0; attempt < 1000; ++attempt)
    {
        std::uint16_t const port = any(seed);
        int const           mark = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        int const           test = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (mark < 0 || test < 0)
            throw std::system_error(errno, std::generic_category(), "socket");
        bool const mine = detail::bind_loopback(mark, port) && detail::bind_loopback(test, port);
        ::close(test);
        if (mine)
            return port;
        ::close(mark);
    }
    throw std::runtime_error("no free port on 127.0.0.1");
}

/// Waits until something accepts connections at the port; false if nothing does by the deadline.
inline bool wait_for_port(std::uint16_t port, milliseconds limit = default_patience)
{
    return poll_until(limit, [port] { return static_cast<bool>(connect_tcp(port)); });
}

namespace detail {

/// Does the peer's first line start with `expected`?
inline bool greets(unique_socket const& s, std::string_view expected, milliseconds limit)
{
    if (!s)
        return false;
    std::string got;
    auto const  deadline = std::chrono::steady_clock::now() + limit;
    while (got.size() < expected.size())
    {
        auto const left =
            std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd p{s.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&p, 1, static_cast<int>(left.count())) <= 0)
            return false;
        std::array<char, 512> chunk;
        auto const            n = ::read(s.get(), chunk.data(), chunk.size());
        if (n <= 0)
            return false;
        got.append(chunk.data(), static_cast<std::size_t>(n));
    }
    return got.compare(0, expected.size(), expected) == 0;
}

} // namespace detail

} // namespace support

#endif
