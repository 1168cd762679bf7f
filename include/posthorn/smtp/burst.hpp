//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Many messages in one go: where they come from, and what becomes of each.

#ifndef POSTHORN_SMTP_BURST_HPP
#define POSTHORN_SMTP_BURST_HPP

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/session_error.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/steady_timer.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace posthorn::smtp {

/// What became of one message of a burst.
struct burst_result
{
    std::size_t  index = 0; ///< Of the message, in the order in which it was given.
    smtp::report report;    ///< Complete: every recipient has an outcome.

    /// What send() of this message alone would have thrown; nothing if it would have returned.
    std::optional<session_error> failure;
};

/// A message that is shared, or owned by somebody else.
using message_pointer = std::shared_ptr<message const>;

namespace detail {

/// A message that the caller keeps.
inline message_pointer borrow(message const& m)
{
    return message_pointer(std::shared_ptr<void>(), &m);
}
/// A message that nobody keeps.
inline message_pointer borrow(message&& m)
{
    return std::make_shared<message const>(std::move(m));
}
/// No message at all is one that cannot be sent; it must not be taken for the end.
inline message_pointer borrow(message_pointer m)
{
    return m ? std::move(m) : std::make_shared<message const>();
}

template <class T>
concept message_like = std::is_same_v<std::remove_cvref_t<T>, message> || std::is_convertible_v<T, message_pointer>;

template <class R>
concept message_range = requires(R& r) {
    { *std::begin(r) } -> message_like;
    { std::begin(r) == std::end(r) } -> std::convertible_to<bool>;
};

/// Where the messages of a burst come from.
class message_feed
{
public:
    message_feed()                               = default;
    message_feed(message_feed const&)            = delete;
    message_feed& operator=(message_feed const&) = delete;
    virtual ~message_feed()                      = default;

    /// Asks for the next message, if that was not done yet. @return Whether it is known.
    virtual bool ask(asio::any_io_executor const& ex) = 0;

    /// Waits until it is.
    virtual task<void> wait() = 0;

    /// The message; null after the last one. @pre it is known @throws what the sequence throws
    virtual message_pointer take() = 0;
};

/// Messages that are there already.
template <class Range>
class range_feed final : public message_feed
{
public:
    explicit range_feed(Range range) : range_(std::forward<Range>(range)), at_(std::begin(range_)) {}

    bool       ask(asio::any_io_executor const&) override { return true; }
    task<void> wait() override { co_return; }

    message_pointer take() override
    {
        if (at_ == std::end(range_))
            return nullptr;
        message_pointer m = borrow(*at_);
        ++at_;
        return m;
    }

private:
    Range                                     range_;
    decltype(std::begin(std::declval<Range&>())) at_;
};

/** Messages that take time.

    The sequence runs beside the burst, so that reports of earlier messages need not wait for the next one. If the burst
    is dropped meanwhile it is cancelled, and goes when it has ended.
*/
template <class T>
class generator_feed final : public message_feed
{
public:
    explicit generator_feed(async_generator<T> g) : state_(std::make_shared<state>(std::move(g))) {}
    ~generator_feed() override
    {
        if (state_->asked)
            state_->stop.emit(asio::cancellation_type::terminal);
    }

    bool ask(asio::any_io_executor const& ex) override
    {
        if (state_->asked)
            return state_->known;
        state_->asked = true;
        state_->known = false;
        spawn(ex, pull(state_), asio::bind_cancellation_slot(state_->stop.slot(), arrival(state_)));
        return false;
    }

    task<void> wait() override
    {
        if (state_->known)
            co_return;
        auto const ex = co_await this_coro::executor;
        state_->bell.emplace(ex, asio::steady_timer::time_point::max());
        co_await state_->bell->async_wait(use_task_nothrow);
    }

    message_pointer take() override
    {
        state_->asked = false;
        if (state_->failure)
            std::rethrow_exception(std::exchange(state_->failure, nullptr));
        auto next = std::exchange(state_->next, std::nullopt);
        if (!next)
            return nullptr;
        return borrow(std::move(*next));
    }

private:
    struct state
    {
        explicit state(async_generator<T> g) : messages(std::move(g)) {}

        async_generator<T>                messages;
        std::optional<T>                  next;
        std::exception_ptr                failure;
        std::optional<asio::steady_timer> bell; ///< Who waits for the message.
        asio::cancellation_signal         stop;
        bool                              asked = false;
        bool                              known = false;
    };

    class arrival
    {
    public:
        explicit arrival(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

        void operator()(std::exception_ptr failure) const
        {
            state_->failure = std::move(failure);
            state_->known   = true;
            if (state_->bell)
                state_->bell->cancel();
        }

    private:
        std::shared_ptr<state> state_;
    };

    static task<void> pull(std::shared_ptr<state> s) { s->next = co_await s->messages.next(); }

    std::shared_ptr<state> state_;
};

} // namespace detail

} // namespace posthorn::smtp

#endif
