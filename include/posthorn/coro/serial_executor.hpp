//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// An executor that runs one thing at a time, as asio::strand does, but with a handle of one pointer: any_io_executor holds it without
// memory of its own, where a strand of any_io_executor is allocated and built anew with every copy, several for each operation.

#ifndef POSTHORN_CORO_SERIAL_EXECUTOR_HPP
#define POSTHORN_CORO_SERIAL_EXECUTOR_HPP

#include <asio/any_io_executor.hpp>
#include <asio/execution/blocking.hpp>
#include <asio/execution/context.hpp>
#include <asio/execution/outstanding_work.hpp>
#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <asio/prefer.hpp>
#include <asio/query.hpp>
#include <asio/require.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

namespace posthorn {

/** What is submitted runs on the inner executor, never two at the same time, in the order in which it was submitted; at once, if the
    caller runs on it already.

    @par Thread safety
    All functions may be called from any thread; copies share one queue.
*/
class serial_executor
{
public:
    /// @param inner Runs everything; its context must outlive what is submitted. @throws std::bad_alloc
    template <std::same_as<asio::any_io_executor> Inner> // no conversion: whether it is an executor would depend on itself
    explicit serial_executor(Inner const& inner) : queue_(new queue(inner))
    {
    }

    serial_executor(serial_executor const& other) noexcept
        : queue_(other.queue_), never_blocking_(other.never_blocking_), tracked_(other.tracked_)
    {
        queue_->hold();
        if (tracked_)
            queue_->add_work();
    }
    serial_executor(serial_executor&& other) noexcept
        : queue_(std::exchange(other.queue_, nullptr)), never_blocking_(other.never_blocking_), tracked_(other.tracked_)
    {
    }
    serial_executor& operator=(serial_executor other) noexcept
    {
        std::swap(queue_, other.queue_);
        std::swap(never_blocking_, other.never_blocking_);
        std::swap(tracked_, other.tracked_);
        return *this;
    }
    ~serial_executor()
    {
        if (queue_ == nullptr) // moved from
            return;
        if (tracked_)
            queue_->remove_work();
        queue_->release();
    }

    /// Does the caller run on it?
    bool running_in_this_thread() const noexcept { return queue_->runs_here(); }

    template <class F>
    void execute(F&& f) const
    {
        if (never_blocking_)
            return queue_->submit(std::forward<F>(f), false);
        if (queue_->runs_here())
        {
            std::decay_t<F> local(std::forward<F>(f));
            std::move(local)();
            return;
        }
        queue_->submit(std::forward<F>(f), true);
    }

    asio::execution_context& query(asio::execution::context_t) const noexcept { return queue_->context(); }

    asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept
    {
        if (never_blocking_)
            return asio::execution::blocking.never;
        return asio::execution::blocking.possibly;
    }

    asio::execution::outstanding_work_t query(asio::execution::outstanding_work_t) const noexcept
    {
        if (tracked_)
            return asio::execution::outstanding_work.tracked;
        return asio::execution::outstanding_work.untracked;
    }

    serial_executor require(asio::execution::blocking_t::never_t) const noexcept { return serial_executor(*queue_, true, tracked_); }
    serial_executor require(asio::execution::blocking_t::possibly_t) const noexcept { return serial_executor(*queue_, false, tracked_); }
    serial_executor require(asio::execution::outstanding_work_t::tracked_t) const noexcept
    {
        return serial_executor(*queue_, never_blocking_, true);
    }
    serial_executor require(asio::execution::outstanding_work_t::untracked_t) const noexcept
    {
        return serial_executor(*queue_, never_blocking_, false);
    }

    friend bool operator==(serial_executor const& a, serial_executor const& b) noexcept
    {
        return a.queue_ == b.queue_ && a.never_blocking_ == b.never_blocking_ && a.tracked_ == b.tracked_;
    }
    friend bool operator!=(serial_executor const& a, serial_executor const& b) noexcept { return !(a == b); }

private:
    /// Something to be run, in a list.
    struct job
    {
        job()                      = default;
        job(job const&)            = delete;
        job& operator=(job const&) = delete;
        virtual ~job()             = default;
        virtual void run()         = 0;

        std::unique_ptr<job> next;
    };

    template <class F>
    struct job_of final : job
    {
        explicit job_of(F&& f) : function(std::move(f)) {}
        explicit job_of(F const& f) : function(f) {}
        void run() override { std::move(function)(); }
        F    function;
    };

    class queue
    {
    public:
        explicit queue(asio::any_io_executor const& inner)
            : inner_(inner), loop_(inner_.target<asio::io_context::executor_type>()),
              context_(&asio::query(inner_, asio::execution::context))
        {
        }
        queue(queue const&)            = delete;
        queue& operator=(queue const&) = delete;

        void hold() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
        void release() noexcept
        {
            if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
                delete this;
        }

        asio::execution_context& context() const noexcept { return *context_; }

        /// Only this thread can have written its own number.
        bool runs_here() const noexcept { return runner_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

        template <class F>
        void submit(F&& f, bool may_block)
        {
            if (may_block && loop_ != nullptr && loop_->running_in_this_thread() && enter())
            {
                running const here(*this);
                std::decay_t<F> local(std::forward<F>(f));
                std::move(local)();
                return;
            }
            std::unique_ptr<job> one = std::make_unique<job_of<std::decay_t<F>>>(std::forward<F>(f));
            bool                 first = false;
            {
                std::lock_guard lock(mutex_);
                job* const      place = one.get();
                (last_ != nullptr ? last_->next : first_) = std::move(one);
                last_  = place;
                first  = !std::exchange(busy_, true);
            }
            if (first)
                go_on();
        }

        void add_work() noexcept
        {
            if (work_count_.fetch_add(1, std::memory_order_acq_rel) == 0)
                adjust_work();
        }

        void remove_work() noexcept
        {
            if (work_count_.fetch_sub(1, std::memory_order_acq_rel) == 1)
                adjust_work();
        }

    private:
        ~queue() = default;

        /// The loop is kept from ending while there are handles that want it. Others may have come or gone meanwhile.
        void adjust_work() noexcept
        {
            asio::any_io_executor gone; // freed after the lock
            std::lock_guard       lock(mutex_);
            bool const            wanted = work_count_.load(std::memory_order_acquire) != 0;
            if (!wanted)
                gone = std::exchange(work_, {});
            else if (!work_)
                track();
        }

        void track() noexcept
        {
            try
            {
                work_ = asio::prefer(inner_, asio::execution::outstanding_work.tracked);
            }
            catch (...)
            {
                // An inner executor that needs memory for it, and got none. An operation in flight is work by itself.
            }
        }

        /// Takes the turn, if it is nobody's.
        bool enter() noexcept
        {
            std::lock_guard lock(mutex_);
            return !std::exchange(busy_, true);
        }

        /// Has the turn while something runs; then gives it on.
        class running
        {
        public:
            explicit running(queue& q) noexcept : queue_(&q)
            {
                q.hold();
                q.runner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
            }
            running(running const&)            = delete;
            running& operator=(running const&) = delete;
            ~running()
            {
                queue_->runner_.store(std::thread::id(), std::memory_order_relaxed);
                if (queue_->leave())
                    queue_->go_on_or_drop();
                queue_->release();
            }

        private:
            queue* queue_;
        };

        /// @return Whether something waits: the turn is still taken then.
        bool leave() noexcept
        {
            std::lock_guard lock(mutex_);
            if (first_)
                return true;
            busy_ = false;
            return false;
        }

        /// Stands in the inner executor. Dropped without being run, it drops all that waits: the event loop is gone.
        class turn
        {
        public:
            explicit turn(queue& q) noexcept : queue_(&q) { q.hold(); }
            turn(turn&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)) {}
            turn(turn const&)            = delete;
            turn& operator=(turn const&) = delete;
            turn& operator=(turn&&)      = delete;
            ~turn()
            {
                if (queue_ == nullptr)
                    return;
                queue_->drop();
                queue_->release();
            }

            void operator()()
            {
                running const here(*queue_); // which holds the queue from now on
                queue* const  q = std::exchange(queue_, nullptr);
                q->release();
                auto const one = q->take();
                one->run();
            }

        private:
            queue* queue_;
        };

        /// Posts the next turn. @pre The turn is taken, and something waits. @throws std::bad_alloc Everything was dropped then.
        void go_on() { asio::require(inner_, asio::execution::blocking.never).execute(turn(*this)); }

        void go_on_or_drop() noexcept
        {
            try
            {
                go_on();
            }
            catch (...)
            {
                // Without memory for the post; what waited was dropped, which tells those who wait for it.
            }
        }

        std::unique_ptr<job> take() noexcept
        {
            std::lock_guard lock(mutex_);
            auto            one = std::move(first_);
            first_              = std::move(one->next);
            if (!first_)
                last_ = nullptr;
            return one;
        }

        void drop() noexcept
        {
            std::unique_ptr<job> all;
            {
                std::lock_guard lock(mutex_);
                all   = std::move(first_);
                last_ = nullptr;
                busy_ = false;
            }
            while (all) // one by one: a long list is no deep recursion
                all = std::move(all->next);
        }

        std::atomic<std::size_t>               references_ {1};
        std::atomic<std::thread::id>           runner_ {};
        asio::any_io_executor                  inner_;
        asio::io_context::executor_type const* loop_; ///< Of inner_, if it is of an io_context.
        asio::execution_context*               context_;
        std::mutex                             mutex_;
        std::unique_ptr<job>                   first_;
        job*                                   last_ = nullptr;
        std::atomic<std::size_t>               work_count_ {0}; ///< Handles that track work.
        asio::any_io_executor                  work_;           ///< While there are any.
        bool                                   busy_ = false;
    };

    serial_executor(queue& q, bool never, bool work) noexcept : queue_(&q), never_blocking_(never), tracked_(work)
    {
        q.hold();
        if (work)
            q.add_work();
    }

    queue* queue_;
    bool   never_blocking_ = false;
    bool   tracked_        = false;
};

static_assert(sizeof(serial_executor) <= 2 * sizeof(void*), "any_io_executor holds it without memory of its own");

} // namespace posthorn

#endif
