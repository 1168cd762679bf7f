//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The messages of a burst that may need more than one connection: which were taken, and which come once more.

#ifndef POSTHORN_SMTP_DETAIL_BURST_REPLAY_HPP
#define POSTHORN_SMTP_DETAIL_BURST_REPLAY_HPP

#include <posthorn/core/config.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/smtp/burst.hpp>

#include <asio/any_io_executor.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace posthorn::smtp::detail {

/// Gives each connection the messages that the one before lost, and then the others.
class replaying_feed final : public message_feed
{
public:
    explicit replaying_feed(message_feed& from) noexcept : from_(&from) {}

    bool ask(asio::any_io_executor const& ex) override { return !again_.empty() || from_->ask(ex); }

    task<void> wait() override
    {
        if (again_.empty())
            co_await from_->wait();
    }

    message_pointer take() override
    {
        if (!again_.empty())
        {
            taken_.push_back(std::move(again_.front()));
            again_.pop_front();
            return taken_.back().mail;
        }
        entry one;
        one.mail   = from_->take();
        one.number = number_;
        if (one.mail == nullptr)
        {
            exhausted_ = true;
            return nullptr;
        }
        ++number_;
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

    /// Did it have a second chance already?
    bool was_moved(std::size_t index) { return at(index).last.has_value(); }

    /// It comes once more. @param r What to report if there is no other connection.
    void move(std::size_t index, burst_result r)
    {
        entry& one = at(index);
        r.index    = one.number;
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

    /// The result of a message that waits for its second chance, and will have none.
    std::optional<burst_result> take_lost()
    {
        if (again_.empty())
            return std::nullopt;
        auto last = std::move(again_.front().last);
        again_.pop_front();
        return last;
    }

    bool finished() const noexcept { return exhausted_ && again_.empty(); }

private:
    struct entry
    {
        message_pointer             mail;
        std::size_t                 number = 0;
        bool                        done   = false;
        std::optional<burst_result> last;
    };

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
        while (!taken_.empty() && taken_.front().done)
        {
            taken_.pop_front();
            ++forgotten_;
        }
    }

    message_feed*     from_;
    std::deque<entry> taken_; ///< By this connection, without the first that are decided.
    std::deque<entry> again_;
    std::size_t       forgotten_ = 0;
    std::size_t       number_    = 0;
    bool              exhausted_ = false;
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
