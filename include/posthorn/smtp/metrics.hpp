//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Counters of what sessions did, for whoever exports them.

#ifndef POSTHORN_SMTP_METRICS_HPP
#define POSTHORN_SMTP_METRICS_HPP

#include <posthorn/smtp/event.hpp>
#include <posthorn/smtp/outcome.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace posthorn::smtp {

/** Counts events of any number of sessions. All counters only grow.

    @par Example
    @code
    auto counters = std::make_shared<smtp::metrics>();
    settings.session.on_event = smtp::count_events(counters);
    ...
    counters->each([](std::string_view name, std::string_view label, std::uint64_t value) { ... });
    @endcode

    @par Thread safety
    Safe. Counters are read one by one, so that sums taken meanwhile may differ by what is just happening.
*/
class metrics
{
public:
    metrics()                          = default;
    metrics(metrics const&)            = delete;
    metrics& operator=(metrics const&) = delete;

    std::uint64_t connections() const noexcept { return read(connections_); } ///< Made.
    std::uint64_t secured() const noexcept { return read(secured_); }         ///< TLS handshakes that succeeded.
    std::uint64_t resumed() const noexcept { return read(resumed_); }         ///< Those that resumed a session.
    std::uint64_t logins() const noexcept { return read(logins_); }           ///< That were accepted.
    std::uint64_t lost() const noexcept { return read(lost_); }               ///< Connections that ended with an error.
    std::uint64_t commands() const noexcept { return read(commands_); }
    std::uint64_t replies() const noexcept { return read(replies_); }
    std::uint64_t round_trips() const noexcept { return read(round_trips_); } ///< Of messages.
    std::uint64_t bytes() const noexcept { return read(bytes_); }             ///< Content handed to the transport.
    /// Messages that moved to another connection or were tried again by a pool.
    std::uint64_t retries() const noexcept { return read(retries_); }

    std::uint64_t messages(overall o) const noexcept { return read(messages_[static_cast<std::size_t>(o)]); }
    std::uint64_t recipients(disposition d) const noexcept { return read(recipients_[static_cast<std::size_t>(d)]); }

    /** Calls `f(name, label, value)` for each counter: names in snake_case with a unit where there is one, the label for
        the outcome, or empty. */
    template <class F>
    void each(F&& f) const
    {
        constexpr std::string_view none;
        f(std::string_view("connections"), none, connections());
        f(std::string_view("tls_handshakes"), none, secured());
        f(std::string_view("tls_resumptions"), none, resumed());
        f(std::string_view("logins"), none, logins());
        f(std::string_view("connections_lost"), none, lost());
        f(std::string_view("commands"), none, commands());
        f(std::string_view("replies"), none, replies());
        f(std::string_view("round_trips"), none, round_trips());
        f(std::string_view("content_bytes"), none, bytes());
        f(std::string_view("retries"), none, retries());
        for (std::size_t i = 0; i != messages_.size(); ++i)
            f(std::string_view("messages"), to_string(static_cast<overall>(i)), read(messages_[i]));
        for (std::size_t i = 0; i != recipients_.size(); ++i)
            f(std::string_view("recipients"), to_string(static_cast<disposition>(i)), read(recipients_[i]));
    }

    /// Counts one event.
    void count(event const& e) noexcept
    {
        if (std::holds_alternative<events::connected>(e))
            add(connections_);
        else if (auto const* const s = std::get_if<events::secured>(&e))
        {
            add(secured_);
            add(resumed_, s->resumed ? 1 : 0);
        }
        else if (std::holds_alternative<events::authenticated>(e))
            add(logins_);
        else if (std::holds_alternative<events::command>(e))
            add(commands_);
        else if (std::holds_alternative<events::replied>(e))
            add(replies_);
        else if (auto const* const p = std::get_if<events::progress>(&e))
            add(bytes_, p->increment);
        else if (std::holds_alternative<events::moved>(e))
            add(retries_);
        else if (auto const* const c = std::get_if<events::closed>(&e))
            add(lost_, c->reason ? 1 : 0);
        else if (auto const* const f = std::get_if<events::finished>(&e))
            count(f->report);
    }

private:
    using counter = std::atomic<std::uint64_t>;

    static std::uint64_t read(counter const& c) noexcept { return c.load(std::memory_order_relaxed); }
    static void          add(counter& c, std::uint64_t n = 1) noexcept { c.fetch_add(n, std::memory_order_relaxed); }

    void count(report const& r) noexcept
    {
        add(messages_[static_cast<std::size_t>(r.outcome())]);
        add(round_trips_, r.round_trips());
        for (auto const& one : r.recipients())
            add(recipients_[static_cast<std::size_t>(one.outcome)]);
    }

    counter                connections_ {0};
    counter                secured_ {0};
    counter                resumed_ {0};
    counter                logins_ {0};
    counter                lost_ {0};
    counter                commands_ {0};
    counter                replies_ {0};
    counter                round_trips_ {0};
    counter                bytes_ {0};
    counter                retries_ {0};
    std::array<counter, 6> messages_ {};
    std::array<counter, 5> recipients_ {};
};

/// A handler that counts, and then calls `next` if there is one.
inline event_handler count_events(std::shared_ptr<metrics> into, event_handler next)
{
    return [into = std::move(into), next = std::move(next)](event const& e) {
        into->count(e);
        if (next)
            next(e);
    };
}
inline event_handler count_events(std::shared_ptr<metrics> into)
{
    return count_events(std::move(into), event_handler());
}

} // namespace posthorn::smtp

#endif
