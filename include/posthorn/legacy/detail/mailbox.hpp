//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A mailbox: the steps of one transport, in order, and who runs them: a thread that pumps, an executor, or nobody for now.

#ifndef POSTHORN_LEGACY_DETAIL_MAILBOX_HPP
#define POSTHORN_LEGACY_DETAIL_MAILBOX_HPP

#include <posthorn/legacy/detail/pump_queue.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/execution.hpp>
#include <asio/execution_context.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace posthorn::legacy::detail {

/// A function object that can only be moved, to be called once.
class step
{
public:
    template <class F>
    explicit step(F f) : body_(std::make_unique<body<F>>(std::move(f)))
    {
    }

    void operator()()
    {
        auto const owned = std::move(body_);
        owned->call();
    }

private:
    struct base
    {
        base()                       = default;
        base(base const&)            = delete;
        base& operator=(base const&) = delete;
        virtual ~base()              = default;
        virtual void call()          = 0;
    };

    template <class F>
    struct body final : base
    {
        explicit body(F&& f) : function(std::move(f)) {}
        void call() override
        {
            F local(std::move(function)); // its memory may be wanted by what it starts
            std::move(local)();
        }
        F function;
    };

    std::unique_ptr<base> body_;
};

/** The queue of one transport. Its steps never run at the same time.

    They can move to another thread while I/O is in flight: sockets belong to an event loop of their own, and only what follows
    when they are ready comes here.

    @par Thread safety
    post() from any thread; the rest from the thread that runs its steps, or, while it is held back, from the one that is
    to run them.
*/
class mailbox : public std::enable_shared_from_this<mailbox>
{
public:
    /// @param io The executor of the event loop that sockets belong to.
    explicit mailbox(asio::any_io_executor io) : io_(std::move(io)), context_(&asio::query(io_, asio::execution::context)) {}
    mailbox(mailbox const&)            = delete;
    mailbox& operator=(mailbox const&) = delete;

    asio::any_io_executor const& io() const noexcept { return io_; }
    asio::execution_context&     context() const noexcept { return *context_; }

    void post(step s)
    {
        std::lock_guard lock(mutex_);
        if (closed_)
            return; // dropped by the caller's hands, after the lock
        steps_.push_back(std::move(s));
        try
        {
            announce();
        }
        catch (...)
        {
            steps_.pop_back();
            throw;
        }
    }

    /// From now on the thread of this queue runs the steps.
    void move_to(std::shared_ptr<pump_queue> queue)
    {
        std::lock_guard lock(mutex_);
        queue_    = std::move(queue);
        executor_ = {};
        announce_all();
    }

    /// From now on this executor runs the steps.
    void move_to(asio::any_io_executor const& ex)
    {
        std::lock_guard lock(mutex_);
        queue_.reset();
        executor_ = ex;
        announce_all();
    }

    /// Nobody runs steps until it is moved.
    void hold()
    {
        std::lock_guard lock(mutex_);
        queue_.reset();
        executor_ = {};
        ++generation_;
    }

    bool is_held() const
    {
        std::lock_guard lock(mutex_);
        return !queue_ && !executor_;
    }

    /** Leaves the last step to the thread that has the say: the one that runs a step, or else pumps. It comes next there; or
        when the thread ends, if it does not pump any more.
        @return False if that is the calling thread, or none: the caller does it. The step is not taken then. */
    bool bequeath(step& last) noexcept
    {
        std::lock_guard lock(mutex_);
        if (depth_ != 0 ? runner_ == std::this_thread::get_id() : !queue_ || queue_->is_mine())
            return false;
        will_.emplace(std::move(last));
        try
        {
            announce();
        }
        catch (...)
        {
            // Without memory for the message it comes with the next one.
        }
        if (depth_ != 0 || queue_)
            return true;
        last = std::move(*will_); // that thread has ended
        will_.reset();
        return false;
    }

    /// Nobody will ever pump for it again: from now on, or after the step that is running here, this executor does what is left.
    void give_to(asio::any_io_executor const& ex)
    {
        bool const now = !is_running_here();
        if (now)
            return move_to(ex);
        std::lock_guard lock(mutex_);
        heir_ = ex;
    }

    /// Is a step of it running on another thread?
    bool is_running_elsewhere() const
    {
        std::lock_guard lock(mutex_);
        return depth_ != 0 && runner_ != std::this_thread::get_id();
    }

    /// Drops all steps, present and future.
    void close()
    {
        std::deque<step> rest; // destroyed after the lock
        std::lock_guard  lock(mutex_);
        closed_ = true;
        rest.swap(steps_);
    }

    /// Is a step of it running on this thread? It may have called, or pumped, steps of others meanwhile.
    bool is_running_here() const
    {
        std::lock_guard lock(mutex_);
        return depth_ != 0 && runner_ == std::this_thread::get_id();
    }

    /// Is it a step of it that this thread runs at present, and not one that was pumped from inside of that?
    bool is_innermost() const noexcept { return running() == this; }

private:
    /// Stands in somebody's queue for one step. Dropped without being run, it drops the step.
    class ticket final : public due_item
    {
    public:
        ticket(std::shared_ptr<mailbox> box, std::uint64_t generation) noexcept
            : box_(std::move(box)), generation_(generation)
        {
        }
        ~ticket() override
        {
            if (box_)
                static_cast<void>(box_->take(generation_));
        }

        void disarm() noexcept { box_.reset(); }

        bool is_live() const override { return box_->has_step(generation_); }
        void retire() noexcept override
        {
            if (auto const box = std::move(box_))
                box->end_with(generation_);
        }

        bool run() override
        {
            auto const box  = std::move(box_);
            auto       next = box->take(generation_);
            if (!next)
                return false;
            present const here(box);
            (*next)();
            return true;
        }

    private:
        std::shared_ptr<mailbox> box_;
        std::uint64_t            generation_;
    };

    /// Marks the mailbox whose step runs on this thread.
    class present
    {
    public:
        explicit present(std::shared_ptr<mailbox> box) noexcept : box_(std::move(box)), before_(std::exchange(running(), box_.get()))
        {
            std::lock_guard lock(box_->mutex_);
            ++box_->depth_;
            box_->runner_ = std::this_thread::get_id();
        }
        present(present const&)            = delete;
        present& operator=(present const&) = delete;
        ~present()
        {
            running() = before_;
            asio::any_io_executor heir;
            std::optional<step>   last;
            {
                std::lock_guard lock(box_->mutex_);
                if (--box_->depth_ == 0)
                {
                    heir = std::exchange(box_->heir_, {});
                    if (!box_->queue_ && !box_->executor_)
                        last.swap(box_->will_); // it was held back meanwhile, and nobody is left who could move it
                }
            }
            if (heir)
                box_->move_to(heir);
            if (last)
                box_->run_last(*last);
        }

    private:
        std::shared_ptr<mailbox> box_;
        mailbox const*           before_;
    };

    void run_last(step& last)
    {
        present const here(shared_from_this());
        last();
    }

    /// The thread ends that pumped for it. What is left waits for another one, unless nobody can move it there.
    void end_with(std::uint64_t generation)
    {
        std::optional<step> last;
        {
            std::lock_guard lock(mutex_);
            if (generation == generation_)
                last.swap(will_);
        }
        if (last)
            run_last(*last);
    }

    /// Stands in an executor for all steps, one after the other. Dropped without being run, it drops them: the event loop is gone.
    class turn
    {
    public:
        turn(std::shared_ptr<mailbox> box, std::uint64_t generation) noexcept : box_(std::move(box)), generation_(generation) {}
        turn(turn const&)            = delete;
        turn& operator=(turn const&) = delete;
        ~turn()
        {
            if (box_)
                box_->drop(generation_);
        }

        void disarm() noexcept { box_.reset(); }

        void operator()()
        {
            auto const box  = std::move(box_);
            auto       next = box->take(generation_);
            try
            {
                present const here(box);
                if (next)
                    (*next)();
            }
            catch (...)
            {
                box->end_turn(generation_);
                throw;
            }
            box->end_turn(generation_);
        }

    private:
        std::shared_ptr<mailbox> box_;
        std::uint64_t            generation_;
    };

    void end_turn(std::uint64_t generation)
    {
        std::lock_guard lock(mutex_);
        if (generation != generation_)
            return;
        has_turn_ = false;
        if (!steps_.empty() || will_)
            announce();
    }

    void drop(std::uint64_t generation)
    {
        std::deque<step> rest; // destroyed after the lock
        std::lock_guard  lock(mutex_);
        if (generation != generation_)
            return;
        has_turn_ = false;
        closed_   = true; // nobody will ever come
        rest.swap(steps_);
    }

    static mailbox const*& running() noexcept
    {
        thread_local mailbox const* current = nullptr;
        return current;
    }

    bool has_step(std::uint64_t generation) const
    {
        std::lock_guard lock(mutex_);
        return generation == generation_ && (will_ || !steps_.empty());
    }

    std::unique_ptr<step> take(std::uint64_t generation)
    {
        std::lock_guard lock(mutex_);
        if (generation != generation_ || (steps_.empty() && !will_))
            return nullptr;
        if (will_)
        {
            auto last = std::make_unique<step>(std::move(*will_));
            will_.reset();
            return last;
        }
        auto next = std::make_unique<step>(std::move(steps_.front()));
        steps_.pop_front();
        return next;
    }

    void announce_all()
    {
        ++generation_;
        has_turn_ = false;
        for (std::size_t n = steps_.size(); n != 0; --n)
            announce();
    }

    void announce()
    {
        if (queue_)
            announce_to_thread();
        else if (executor_ && !has_turn_)
            announce_to_executor();
    }

    void announce_to_thread()
    {
        auto const                mine  = std::make_shared<ticket>(shared_from_this(), generation_);
        std::shared_ptr<due_item> one   = mine;
        bool                      taken = false;
        try
        {
            taken = queue_->push(std::move(one));
        }
        catch (...)
        {
            mine->disarm();
            throw;
        }
        if (taken)
            return;
        mine->disarm(); // the thread has ended: what is left waits for another one
        queue_.reset();
        ++generation_;
    }

    void announce_to_executor()
    {
        auto const one = std::make_shared<turn>(shared_from_this(), generation_);
        try
        {
            asio::post(executor_, [one] { (*one)(); });
        }
        catch (...)
        {
            one->disarm();
            throw;
        }
        has_turn_ = true;
    }

    mutable std::mutex             mutex_;
    std::deque<step>               steps_;
    std::shared_ptr<pump_queue>    queue_;
    asio::any_io_executor          executor_;
    asio::any_io_executor          io_;
    asio::execution_context*       context_;
    asio::any_io_executor          heir_;
    std::optional<step>            will_;           ///< Comes before all other steps: nobody needs those any more.
    std::uint64_t                  generation_ = 0;
    std::size_t                    depth_      = 0; ///< Steps that are running: more than one if a step pumps.
    std::thread::id                runner_;         ///< Where they run.
    bool                           has_turn_   = false; ///< Something stands in the executor.
    bool                           closed_     = false;
};

/** The executor of a mailbox: what is submitted becomes a step. Tasks of a transport run on it.

    Its context is that of the event loop for sockets, so that sockets and timers can be made with it.
*/
class mailbox_executor
{
public:
    explicit mailbox_executor(std::shared_ptr<mailbox> box) noexcept : box_(std::move(box)) {}

    template <class F>
    void execute(F&& f) const
    {
        if (!never_blocking_ && box_->is_innermost())
        {
            std::decay_t<F> local(std::forward<F>(f));
            std::move(local)();
            return;
        }
        box_->post(step(std::decay_t<F>(std::forward<F>(f))));
    }

    asio::execution_context& query(asio::execution::context_t) const noexcept { return box_->context(); }

    asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept
    {
        if (never_blocking_)
            return asio::execution::blocking.never;
        return asio::execution::blocking.possibly;
    }

    mailbox_executor require(asio::execution::blocking_t::never_t) const { return with(true, work_); }
    mailbox_executor require(asio::execution::blocking_t::possibly_t) const { return with(false, work_); }

    mailbox_executor require(asio::execution::outstanding_work_t::tracked_t) const
    {
        return with(never_blocking_, asio::prefer(box_->io(), asio::execution::outstanding_work.tracked));
    }
    mailbox_executor require(asio::execution::outstanding_work_t::untracked_t) const
    {
        return with(never_blocking_, asio::any_io_executor());
    }

    asio::execution::outstanding_work_t query(asio::execution::outstanding_work_t) const noexcept
    {
        if (work_)
            return asio::execution::outstanding_work.tracked;
        return asio::execution::outstanding_work.untracked;
    }

    friend bool operator==(mailbox_executor const& a, mailbox_executor const& b) noexcept
    {
        return a.box_ == b.box_ && a.never_blocking_ == b.never_blocking_;
    }
    friend bool operator!=(mailbox_executor const& a, mailbox_executor const& b) noexcept { return !(a == b); }

private:
    mailbox_executor with(bool never, asio::any_io_executor work) const
    {
        mailbox_executor other(*this);
        other.never_blocking_ = never;
        other.work_           = std::move(work);
        return other;
    }

    std::shared_ptr<mailbox> box_;
    asio::any_io_executor    work_; ///< Keeps the event loop for sockets running; empty if it need not.
    bool                     never_blocking_ = false;
};

} // namespace posthorn::legacy::detail

#endif
