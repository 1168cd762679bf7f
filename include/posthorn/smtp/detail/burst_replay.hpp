//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The messages of a burst that may need more than one connection: which were taken, and which come once more.

#ifndef POSTHORN_SMTP_DETAIL_BURST_REPLAY_HPP
#define POSTHORN_SMTP_DETAIL_BURST_REPLAY_HPP

#include <posthorn/core/config.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/smtp/burst.hpp>
#include <posthorn/smtp/detail/settlement.hpp>
#include <posthorn/smtp/session_error.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_type.hpp>

#include <cstddef>
#include <deque>
#include <exception>
#include <optional>
#include <utility>

namespace posthorn::smtp::detail {

/** Gives each connection the messages that the one before lost, and then the others.

    Failures of the feed are kept until everything that it gave before is decided.
*/
class replaying_feed final : public message_feed
{
public:
    explicit replaying_feed(message_feed& from) noexcept : from_(&from) {}

    /// Is there a message for another connection? Waits until that is known. @throws error if it is cancelled
    task<bool> more()
    {
        auto const ex = co_await this_coro::executor;
        while (again_.empty() && !exhausted_)
        {
            if (from_->ask(ex))
            {
                entry one = fetch();
                if (one.mail != nullptr)
                    again_.push_back(std::move(one));
                continue;
            }
            co_await from_->wait();
            auto const how = co_await this_coro::cancelled;
            if (how != asio::cancellation_type::none)
                throw error(posthorn::errc::canceled);
        }
        co_return !again_.empty();
    }

    bool ask(asio::any_io_executor const& ex) override { return !again_.empty() || exhausted_ || from_->ask(ex); }

    task<void> wait() override
    {
        if (again_.empty() && !exhausted_)
            co_await from_->wait();
    }

    message_pointer take() override
    {
        entry one;
        if (!again_.empty())
        {
            one = std::move(again_.front());
            again_.pop_front();
        }
        else
            one = fetch();
        if (one.mail == nullptr)
            return nullptr;
        taken_.push_back(std::move(one));
        return taken_.back().mail;
    }

    /// A fresh connection counts from 0 again.
    void begin()
    {
        taken_.clear();
        forgotten_ = 0;
    }

    /// The message that is number `index` on this connection.
    message_pointer const& message(std::size_t index) { return at(index).mail; }

    /// Has a connection ended with it before?
    bool is_suspect(std::size_t index) { return at(index).suspect; }

    /** It comes once more.
        @param r       What to report if there is no other connection.
        @param suspect The connection ended with this message, not only while it was waiting behind another. */
    void move(std::size_t index, burst_result r, bool suspect)
    {
        entry& one  = at(index);
        r.index     = one.number;
        one.suspect = one.suspect || suspect;
        one.last.emplace(std::move(r));
        again_.push_back(one);
        forget(one);
    }

    /// It is decided. @return Its number in the whole burst.
    std::size_t decide(std::size_t index)
    {
        entry&            one    = at(index);
        std::size_t const number = one.number;
        forget(one);
        return number;
    }

    /** The result of a message that waits for another connection, and will have none.
        @param why If it had no connection at all. */
    std::optional<burst_result> take_lost(session_error const& why)
    {
        if (again_.empty())
            return std::nullopt;
        entry one = std::move(again_.front());
        again_.pop_front();
        if (!one.last)
        {
            one.last.emplace();
            one.last->index = one.number;
            settlement::reset(one.last->report, one.mail->envelope);
            settlement::explain(one.last->report, why.code().message());
            one.last->failure.emplace(why);
        }
        return std::move(one.last);
    }

    /// What the feed has thrown.
    std::exception_ptr const& failure() const noexcept { return failure_; }

private:
    struct entry
    {
        message_pointer             mail;
        std::size_t                 number  = 0;
        bool                        done    = false;
        bool                        suspect = false;
        std::optional<burst_result> last;
    };

    /// @pre the feed knows
    entry fetch()
    {
        entry one;
        if (exhausted_)
            return one;
        try
        {
            one.mail = from_->take();
        }
        catch (...)
        {
            failure_ = std::current_exception();
        }
        exhausted_ = one.mail == nullptr;
        one.number = number_;
        ++number_;
        return one;
    }

    entry& at(std::size_t index)
    {
        POSTHORN_ASSERT(index >= forgotten_ && index - forgotten_ < taken_.size());
        return taken_[index - forgotten_];
    }

    /// Memory must not grow with the burst.
    void forget(entry& one)
    {
        one.done = true;
        one.mail.reset();
        one.last.reset();
        while (!taken_.empty() && taken_.front().done)
        {
            taken_.pop_front();
            ++forgotten_;
        }
    }

    message_feed*      from_;
    std::deque<entry>  taken_; ///< By this connection, without the first that are decided.
    std::deque<entry>  again_; ///< Before whatever the feed has left.
    std::exception_ptr failure_;
    std::size_t        forgotten_ = 0;
    std::size_t        number_    = 0;
    bool               exhausted_ = false;
};

/// A feed that somebody else keeps.
class borrowed_feed final : public message_feed
{
public:
    explicit borrowed_feed(message_feed& from) noexcept : from_(&from) {}

    bool            ask(asio::any_io_executor const& ex) override { return from_->ask(ex); }
    task<void>      wait() override { return from_->wait(); }
    message_pointer take() override { return from_->take(); }

private:
    message_feed* from_;
};

} // namespace posthorn::smtp::detail

#endif
