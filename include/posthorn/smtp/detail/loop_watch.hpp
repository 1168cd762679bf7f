//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Notice of the end of an event loop, for what may outlive it and owns sockets and timers of it.

#ifndef POSTHORN_SMTP_DETAIL_LOOP_WATCH_HPP
#define POSTHORN_SMTP_DETAIL_LOOP_WATCH_HPP

#include <asio/any_io_executor.hpp>
#include <asio/execution/context.hpp>
#include <asio/execution_context.hpp>
#include <asio/query.hpp>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace posthorn::smtp::detail {

/// Wants to know when an event loop ends.
class loop_observer
{
public:
    /// The loop is being destroyed. Sockets, timers and strands of it can be freed now, and not any more afterwards.
    virtual void loop_ended() noexcept = 0;

protected:
    ~loop_observer() = default;
};

/// A service of the execution context: services are told of its end before the first of them is destroyed.
class loop_watch final : public asio::execution_context::service
{
public:
    using key_type = loop_watch;

    static inline asio::execution_context::id id;

    explicit loop_watch(asio::execution_context& owner) : service(owner) {}

    static void add(asio::any_io_executor const& ex, std::weak_ptr<loop_observer> o)
    {
        auto& watch = asio::use_service<loop_watch>(asio::query(ex, asio::execution::context));
        std::lock_guard const lock(watch.mutex_);
        std::erase_if(watch.observers_, [](auto const& one) { return one.expired(); });
        watch.observers_.push_back(std::move(o));
    }

private:
    void shutdown() override
    {
        std::vector<std::weak_ptr<loop_observer>> all;
        {
            std::lock_guard const lock(mutex_);
            all.swap(observers_);
        }
        for (auto const& one : all)
            if (auto const o = one.lock())
                o->loop_ended();
    }

    std::mutex                                mutex_;
    std::vector<std::weak_ptr<loop_observer>> observers_;
};

} // namespace posthorn::smtp::detail

#endif
