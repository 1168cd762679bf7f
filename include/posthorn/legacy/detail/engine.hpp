//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The event loop that waits for the sockets of all transports that threads pump for, in a thread of its own. It never runs
// a callback: what follows when a socket is ready goes to the mailbox of its transport.

#ifndef POSTHORN_LEGACY_DETAIL_ENGINE_HPP
#define POSTHORN_LEGACY_DETAIL_ENGINE_HPP

#include <posthorn/crypto/lifetime.hpp>
#include <posthorn/legacy/detail/mailbox.hpp>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <csignal>
#endif

namespace posthorn::legacy::detail {

/// One for the program, from the first connection to the end.
class engine
{
public:
    /// @throws std::system_error if the system has no means for it; the next call tries again.
    static engine& instance()
    {
        static engine only;
        return only;
    }

    /// Is it there? Objects that are destroyed at the end of the program must ask.
    static bool is_alive() noexcept { return alive().load(); }

    engine(engine const&)            = delete;
    engine& operator=(engine const&) = delete;

    asio::any_io_executor executor() { return loop_.get_executor(); }

    /// A mailbox whose sockets wait here.
    std::shared_ptr<mailbox> make_mailbox()
    {
        auto            box = std::make_shared<mailbox>(executor());
        std::lock_guard lock(mutex_);
        boxes_.erase(std::remove_if(boxes_.begin(), boxes_.end(), [](auto const& one) { return one.expired(); }), boxes_.end());
        boxes_.push_back(box);
        return box;
    }

private:
    engine() : work_(loop_.get_executor())
    {
        crypto::outlive_caller();
#if !defined(_WIN32)
        // Signals are for the threads of the program.
        sigset_t all, before;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
        try
        {
            thread_ = std::thread([this] {
                loop_.run();
                crypto::leave_thread();
            });
        }
        catch (...)
        {
#if !defined(_WIN32)
            ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
            throw;
        }
#if !defined(_WIN32)
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
        alive() = true;
    }

    ~engine()
    {
        alive() = false;
        loop_.stop();
        thread_.join();
        // What waits in mailboxes owns sockets of the loop.
        for (auto const& one : boxes_)
            if (auto const box = one.lock())
                box->close();
    }

    static std::atomic<bool>& alive() noexcept
    {
        static std::atomic<bool> is {false};
        return is;
    }

    asio::io_context                                           loop_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::mutex                                                 mutex_;
    std::vector<std::weak_ptr<mailbox>>                        boxes_;
    std::thread                                                thread_;
};

} // namespace posthorn::legacy::detail

#endif
