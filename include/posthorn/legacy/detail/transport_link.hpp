//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Between the tasks of a connection and its client: news go out, questions wait for their answers.

#ifndef POSTHORN_LEGACY_DETAIL_TRANSPORT_LINK_HPP
#define POSTHORN_LEGACY_DETAIL_TRANSPORT_LINK_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/legacy/detail/mailbox.hpp>
#include <posthorn/legacy/imnxport.h>

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace posthorn::legacy::detail {

/** What a connection's coroutines stand on. One thread at a time, as the mailbox has it.
    @tparam Front As transport_front. */
template <class Front>
class transport_link
{
public:
    using clock = std::chrono::steady_clock;

    explicit transport_link(std::shared_ptr<Front> f) : front_(std::move(f)), executor_(mailbox_executor(front_->box)) {}
    transport_link(transport_link const&)            = delete;
    transport_link& operator=(transport_link const&) = delete;

protected:
    ~transport_link() = default;

    bool is_over() const noexcept { return dropped_ || ended_; }

    void tell(typename Front::news n)
    {
        if (!is_over())
            front_->tell(std::move(n));
    }

    void set_stage(IXPSTATUS s)
    {
        tell([s](Front& f) { f.set_status(s); });
    }

    /// A line of the protocol, for the log and for OnCommand. @param meaning Of a reply.
    void line(CMDTYPE direction, std::string text, HRESULT meaning)
    {
        if (is_over())
            return;
        if (front_->log && direction == CMD_SEND)
            front_->log->sent(text);
        else if (front_->log)
            front_->log->received(text);
        if (front_->wants_lines)
            tell([direction, t = std::move(text), meaning](Front& f) mutable { f.on_line(direction, t, meaning); });
    }

    /** Asks the client, and waits for as long as it takes.
        @param question Is given the front, answers a number.
        @param refusal  The answer if the callback throws. */
    template <class F>
    task<HRESULT> ask(F question, HRESULT refusal)
    {
        auto const answer = std::make_shared<std::optional<HRESULT>>();
        auto const self   = weak();
        tell([answer, question, refusal, self](Front& f) {
            answered const when_done(*answer, refusal, self);
            *answer = question(f);
        });
        while (!*answer && !is_over())
            co_await wait_news(clock::time_point::max());
        if (is_over()) // the client has ended it all, maybe from inside of this very question
            throw error(posthorn::errc::closed);
        co_return **answer;
    }

    /// Waits until the client has heard of everything. @throws error errc::closed if nobody listens any more.
    task<void> settle()
    {
        while (front_->has_news() && !is_over())
            co_await wait_news(clock::time_point::max());
        if (is_over())
            throw error(posthorn::errc::closed);
    }

    /// Something has changed for those who wait.
    void wake()
    {
        for (auto* const t : waiting_)
            t->cancel();
    }

    task<void> wait_news(clock::time_point until)
    {
        waiter w(*this, until);
        std::ignore    = co_await w.timer.async_wait(use_task_nothrow);
        auto const how = co_await this_coro::cancelled;
        if (how != asio::cancellation_type::none)
            throw error(posthorn::errc::canceled);
    }

    virtual std::weak_ptr<transport_link> weak() = 0;

    std::shared_ptr<Front> front_;
    asio::any_io_executor  executor_;
    bool                   dropped_ = false; ///< Nobody is interested any more.
    bool                   ended_   = false; ///< The client was told that it is over: nothing may come after that.

private:
    /// Answers for a callback that throws, and tells who waits.
    class answered
    {
    public:
        answered(std::optional<HRESULT>& a, HRESULT refusal, std::weak_ptr<transport_link> who) noexcept
            : answer_(&a), refusal_(refusal), who_(std::move(who))
        {
        }
        answered(answered const&)            = delete;
        answered& operator=(answered const&) = delete;
        ~answered()
        {
            if (!*answer_)
                *answer_ = refusal_;
            if (auto const link = who_.lock())
                link->wake();
        }

    private:
        std::optional<HRESULT>*       answer_;
        HRESULT                       refusal_;
        std::weak_ptr<transport_link> who_;
    };

    struct waiter
    {
        waiter(transport_link& l, clock::time_point until) : link(&l), timer(l.executor_, until)
        {
            link->waiting_.push_back(&timer);
        }
        waiter(waiter const&)            = delete;
        waiter& operator=(waiter const&) = delete;
        ~waiter() { std::erase(link->waiting_, &timer); }

        transport_link*    link;
        asio::steady_timer timer;
    };

    std::vector<asio::steady_timer*> waiting_;
};

} // namespace posthorn::legacy::detail

#endif
