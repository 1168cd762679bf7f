//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A burst over one conversation: keeps as many messages on their way as may be, and tells of each when it is decided.

#ifndef POSTHORN_SMTP_DETAIL_BURST_RUN_HPP
#define POSTHORN_SMTP_DETAIL_BURST_RUN_HPP

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/smtp/burst.hpp>
#include <posthorn/smtp/detail/conversation.hpp>
#include <posthorn/smtp/detail/delivery.hpp>
#include <posthorn/smtp/detail/introduction.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/send_options.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_type.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace posthorn::smtp::detail {

/// Must outlive its tasks. If it goes before its end the connection is closed, because replies are due.
class burst_run
{
public:
    burst_run(conversation& c, delivery& d, introduction& i, std::unique_ptr<message_feed> feed, burst_options o)
        : c_(&c), delivery_(&d), introduction_(&i), feed_(std::move(feed)), options_(std::move(o))
    {
        options_.window = std::max<std::size_t>(options_.window, 1);
        delivery_->begin(introduction_->offered, true);
    }
    burst_run(burst_run const&)            = delete;
    burst_run& operator=(burst_run const&) = delete;
    ~burst_run()
    {
        if (!slots_.empty() && !ended_)
            delivery_->end(std::make_exception_ptr(c_->make_error(posthorn::errc::canceled, phase::content, "burst")));
    }

    /// Takes the next message that is decided already. @return Whether there was one.
    bool take(burst_result& into)
    {
        auto const at = first_decided();
        if (at == slots_.end())
            return false;
        slot& s = **at;
        into.index              = s.index;
        into.report             = std::move(s.report);
        into.failure            = std::move(s.on_its_way->failure);
        s.on_its_way->at        = parcel::stage::idle;
        octets_ -= s.octets;
        s.mail.reset();
        spare_ = std::move(*at);
        slots_.erase(at);
        return true;
    }

    /** Waits until a message is decided.

        After the connection was lost, all that are on their way are, and then nothing more: what the feed has left was
        not asked for.
        @return Whether there is one to take().
        @throws What the feed throws, after all that were on their way are decided. */
    task<bool> next()
    {
        auto const ex = co_await this_coro::executor;
        for (;;)
        {
            if (first_decided() != slots_.end())
                co_return true;
            bool const renewing = held_ && slots_.empty();
            if (renewing)
                dispatch(std::exchange(held_, nullptr));
            else if (wants_more())
                admit(ex);
            if (slots_.empty() && !held_ && takes_no_more())
                break;
            if (slots_.empty() && held_)
                continue;
            std::exception_ptr broken;
            try
            {
                if (!renewing && delivery_->has_work() && !(wants_more() && !delivery_->can_write()))
                    co_await delivery_->step();
                else if (!renewing)
                    co_await go_on();
                else if (!delivery_->stopped())
                    co_await introduction_->renew();
                auto const how = co_await this_coro::cancelled;
                if (!renewing && how != asio::cancellation_type::none)
                    throw c_->make_error(posthorn::errc::canceled, phase::content, "burst");
            }
            catch (...)
            {
                broken = std::current_exception();
            }
            if (broken || delivery_->over() || (renewing && delivery_->stopped()))
            {
                ended_ = true;
                if (held_) // it shares the fate of the others
                    dispatch(std::exchange(held_, nullptr));
                delivery_->end(broken);
            }
        }
        if (delivery_->must_leave())
            co_await c_->leave();
        if (feed_failure_)
            std::rethrow_exception(std::exchange(feed_failure_, nullptr));
        co_return false;
    }

private:
    /// A message that was taken from the feed.
    struct slot
    {
        std::size_t     index  = 0;
        std::uint64_t   octets = 0;
        message_pointer mail;
        smtp::report    report;
        parcel*         on_its_way = nullptr;
    };

    bool takes_no_more() const noexcept
    {
        return ended_ || exhausted_ || delivery_->stopped() || delivery_->used_up(introduction_->offered);
    }

    bool has_room() const noexcept
    {
        return slots_.empty() || (slots_.size() < options_.window && octets_ < options_.octets);
    }

    /// Asks for more when the window is half empty, so that many leave together.
    bool wants_more() const noexcept
    {
        return !held_ && !takes_no_more() && has_room() && (refilling_ || slots_.size() <= options_.window / 2);
    }

    /// Takes messages from the feed as long as they are there at once and there is room for them.
    void admit(asio::any_io_executor const& ex)
    {
        refilling_ = true;
        while (has_room())
        {
            if (!feed_->ask(ex))
                return;
            message_pointer mail;
            try
            {
                mail = feed_->take();
            }
            catch (...)
            {
                feed_failure_ = std::current_exception();
            }
            if (mail == nullptr)
            {
                exhausted_ = true;
                return;
            }
            if (introduction_->worth_renewing(mail->envelope))
            {
                held_ = std::move(mail);
                break;
            }
            dispatch(std::move(mail));
        }
        refilling_ = false;
    }

    void dispatch(message_pointer mail)
    {
        auto one        = spare_ ? std::move(spare_) : std::make_unique<slot>();
        one->index      = index_++;
        one->octets     = mail->content ? mail->content->size().value_or(0) : 0;
        one->mail       = std::move(mail);
        one->on_its_way = &delivery_->add(*one->mail, options_.sending, one->report);
        octets_ += one->octets;
        slots_.push_back(std::move(one));
    }

    std::vector<std::unique_ptr<slot>>::iterator first_decided() noexcept
    {
        return std::find_if(slots_.begin(), slots_.end(), [this](auto const& s) {
            return s->on_its_way->at == parcel::stage::done && (s->on_its_way->owed == 0 || ended_);
        });
    }

    /// Waits for the feed, or for it and the server.
    task<void> go_on()
    {
        if (!delivery_->has_work())
            co_await feed_->wait();
        else
        {
            auto reply   = c_->await_some();
            auto message = feed_->wait();
            co_await when_any(std::move(reply), std::move(message));
            delivery_->take_replies();
        }
    }

    conversation*                      c_;
    delivery*                          delivery_;
    introduction*                      introduction_;
    std::unique_ptr<message_feed>      feed_;
    burst_options                      options_;
    std::vector<std::unique_ptr<slot>> slots_;
    std::unique_ptr<slot>              spare_; ///< To be used again.
    message_pointer                    held_; ///< Waits until the server is idle, to be asked what it offers by now.
    std::exception_ptr                 feed_failure_;
    std::size_t                        index_     = 0;
    std::uint64_t                      octets_    = 0;     ///< On their way.
    bool                               refilling_ = false; ///< The feed was asked and has not answered.
    bool                               exhausted_ = false; ///< The feed has no more.
    bool                               ended_     = false; ///< The connection is of no more use.
};

} // namespace posthorn::smtp::detail

#endif
