//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A long way: passes on what it gets after a delay, in both directions.
//
//   relay --to PORT --delay-us N [--port P]
//
// It listens on 127.0.0.1 and prints `listening PORT`. A round trip takes twice the delay.

#include "support/arguments.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

/// One direction.
struct way
{
    struct piece
    {
        clock_type::time_point due;
        std::string            bytes; ///< Empty: the end.
    };

    int               from = -1;
    int               to   = -1;
    std::deque<piece> pieces;
    bool              blocked = false; ///< The receiver takes no more just now.
    bool              ended   = false; ///< All was passed on.
};

struct pair
{
    way there;
    way back;
};

sockaddr_in local(std::uint16_t port)
{
    sockaddr_in a {};
    a.sin_family      = AF_INET;
    a.sin_port        = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

class relay
{
public:
    relay(std::uint16_t to, clock_type::duration delay) : to_(local(to)), delay_(delay)
    {
        poll_  = epoll_create1(EPOLL_CLOEXEC);
        timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        watch(timer_, &timer_, EPOLLIN);
    }

    int listen(std::uint16_t port)
    {
        auto where = local(port);
        listener_  = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0 || ::listen(listener_, 1024) != 0)
            throw std::runtime_error("cannot listen");
        socklen_t size = sizeof where;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
        watch(listener_, &listener_, EPOLLIN);
        return ntohs(where.sin_port);
    }

    void run()
    {
        std::array<epoll_event, 64> events {};
        for (;;)
        {
            int const n = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < n; ++i)
            {
                auto const& e = events[static_cast<std::size_t>(i)];
                if (e.data.ptr == &listener_)
                    accept_one();
                else if (e.data.ptr == &timer_)
                {
                    std::uint64_t ticks = 0;
                    if (read(timer_, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
                        throw std::runtime_error("the timer failed");
                }
                else
                {
                    auto& p = *static_cast<pair*>(e.data.ptr);
                    take(p.there);
                    take(p.back);
                    p.there.blocked = p.back.blocked = false;
                }
            }
            pass_on();
        }
    }

private:
    void watch(int fd, void* what, std::uint32_t events) const
    {
        epoll_event e {};
        e.events   = events;
        e.data.ptr = what;
        epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &e);
    }

    void accept_one()
    {
        int const in = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (in < 0)
            return;
        int const out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int const one = 1;
        setsockopt(in, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(out, reinterpret_cast<sockaddr const*>(&to_), sizeof to_) != 0 && errno != EINPROGRESS)
        {
            close(in);
            close(out);
            return;
        }
        auto& p      = pairs_.emplace_back();
        p.there.from = p.back.to = in;
        p.there.to = p.back.from = out;
        watch(in, &p, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP);
        watch(out, &p, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP);
    }

    void take(way& w)
    {
        for (;;)
        {
            auto const n = recv(w.from, buffer_.data(), buffer_.size(), 0);
            if (n < 0)
                return;
            auto const due = clock_type::now() + delay_;
            if (n == 0)
            {
                if (!w.ended && (w.pieces.empty() || !w.pieces.back().bytes.empty()))
                    w.pieces.push_back({due, std::string()});
                return;
            }
            w.pieces.push_back({due, std::string(buffer_.data(), static_cast<std::size_t>(n))});
        }
    }

    /// What is due, and when the next piece is.
    void pass_on()
    {
        auto next = clock_type::time_point::max();
        for (auto p = pairs_.begin(); p != pairs_.end();)
        {
            deliver(p->there, next);
            deliver(p->back, next);
            if (p->there.ended && p->back.ended)
            {
                close(p->there.from);
                close(p->there.to);
                p = pairs_.erase(p);
            }
            else
                ++p;
        }
        itimerspec when {};
        if (next != clock_type::time_point::max())
        {
            auto const ns         = std::chrono::duration_cast<std::chrono::nanoseconds>(next.time_since_epoch()).count();
            when.it_value.tv_sec  = ns / 1'000'000'000;
            when.it_value.tv_nsec = ns % 1'000'000'000;
        }
        timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
    }

    static void deliver(way& w, clock_type::time_point& next)
    {
        while (!w.pieces.empty() && !w.blocked)
        {
            auto& p = w.pieces.front();
            if (p.due > clock_type::now())
            {
                next = std::min(next, p.due);
                return;
            }
            if (p.bytes.empty())
            {
                shutdown(w.to, SHUT_WR);
                w.ended = true;
                w.pieces.clear();
                return;
            }
            auto const n = send(w.to, p.bytes.data(), p.bytes.size(), MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN)
            {
                w.blocked = true;
                return;
            }
            if (n < 0) // the receiver has gone
            {
                w.ended = true;
                w.pieces.clear();
                shutdown(w.from, SHUT_RD);
                return;
            }
            p.bytes.erase(0, static_cast<std::size_t>(n));
            if (p.bytes.empty())
                w.pieces.pop_front();
        }
    }

    sockaddr_in          to_;
    clock_type::duration delay_;
    std::list<pair>      pairs_;
    std::vector<char>    buffer_ = std::vector<char>(std::size_t(256) * 1024);
    int                  poll_     = -1;
    int                  timer_    = -1;
    int                  listener_ = -1;
};

int run(int argc, char** argv)
{
    support::arguments given(argc, argv);
    auto const         to    = static_cast<std::uint16_t>(given.number("to", 0));
    auto const         port  = static_cast<std::uint16_t>(given.number("port", 0));
    auto const         delay = std::chrono::microseconds(given.number("delay-us", 25000));
    given.finish();
    std::signal(SIGPIPE, SIG_IGN);
    relay r(to, delay);
    std::printf("listening %d\n", r.listen(port));
    std::fflush(stdout);
    r.run();
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    try
    {
        return run(argc, argv);
    }
    catch (std::exception const& e)
    {
        std::fprintf(stderr, "relay: %s\n", e.what());
        return 1;
    }
}
