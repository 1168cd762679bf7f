//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a sink has seen, from any thread: messages, lines, connections, sums, and what clients did wrong.

#ifndef POSTHORN_TESTING_DETAIL_SMTP_RECORD_HPP
#define POSTHORN_TESTING_DETAIL_SMTP_RECORD_HPP

#include <posthorn/testing/smtp_sink_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/** The memory of a sink. Written on its executor, read from anywhere.

    Connections have consecutive numbers from 1, so a number finds its entry.
*/
class smtp_record
{
public:
    explicit smtp_record(smtp_sink_settings const& s) : retention_(s.retention), log_(s.log) {}

    void opened(std::uint64_t number)
    {
        std::lock_guard const lock(mutex_);
        ++totals_.connections;
        totals_.peak = std::max(totals_.peak, ++totals_.open);
        if (log_)
        {
            connections_.emplace_back();
            connections_.back().number = number;
        }
    }

    void ended(std::uint64_t number, std::string_view why)
    {
        std::lock_guard const lock(mutex_);
        --totals_.open;
        if (log_)
        {
            entry(number).open   = false;
            entry(number).ending = why;
        }
    }

    void secured(std::uint64_t number)
    {
        std::lock_guard const lock(mutex_);
        ++totals_.secured;
        if (log_)
            entry(number).secure = true;
    }

    void turned_away()
    {
        std::lock_guard const lock(mutex_);
        ++totals_.turned_away;
    }

    void said_hello(std::uint64_t number, std::string const& name)
    {
        std::lock_guard const lock(mutex_);
        if (log_)
            entry(number).hello = name;
    }

    void authenticated(std::uint64_t number, std::string const& user)
    {
        std::lock_guard const lock(mutex_);
        if (log_)
            entry(number).user = user;
    }

    void received_line(std::uint64_t number, std::string_view line)
    {
        std::lock_guard const lock(mutex_);
        ++totals_.commands;
        if (!log_)
            return;
        ++entry(number).commands;
        commands_.push_back({number, std::string(line)});
    }

    void read(std::uint64_t number)
    {
        std::lock_guard const lock(mutex_);
        ++totals_.reads;
        if (log_)
            ++entry(number).reads;
    }

    void answered(std::uint64_t number)
    {
        std::lock_guard const lock(mutex_);
        ++totals_.round_trips;
        if (log_)
            ++entry(number).round_trips;
    }

    void accepted(smtp_sink_message&& message)
    {
        std::lock_guard const lock(mutex_);
        ++totals_.messages;
        for (auto const& r : message.recipients)
            totals_.recipients += r.delivery.empty() || r.delivery.positive() ? 1U : 0U;
        totals_.octets += message.size;
        totals_.fingerprints += message.fingerprint;
        if (log_)
            ++entry(message.connection).messages;
        if (retention_ != smtp_sink_settings::keep::totals)
            messages_.push_back(std::move(message));
    }

    void refused(smtp_sink_message&& message)
    {
        std::lock_guard const lock(mutex_);
        ++totals_.refused;
        if (retention_ != smtp_sink_settings::keep::totals)
            refused_.push_back(std::move(message));
    }

    void incomplete()
    {
        std::lock_guard const lock(mutex_);
        ++totals_.incomplete;
    }

    void violation(std::uint64_t number, std::string_view what)
    {
        std::lock_guard const lock(mutex_);
        ++totals_.violations;
        if (violations_.size() < most_violations)
            violations_.push_back("connection " + std::to_string(number) + ": " + std::string(what));
    }

    smtp_sink_totals totals() const
    {
        std::lock_guard const lock(mutex_);
        return totals_;
    }

    std::vector<smtp_sink_message>    messages() const { return copy(messages_); }
    std::vector<smtp_sink_message>    refused_messages() const { return copy(refused_); }
    std::vector<smtp_sink_command>    commands() const { return copy(commands_); }
    std::vector<smtp_sink_connection> connections() const { return copy(connections_); }
    std::vector<std::string>          violations() const { return copy(violations_); }

    void forget()
    {
        std::lock_guard const lock(mutex_);
        messages_.clear();
        refused_.clear();
        commands_.clear();
        violations_.clear();
        std::uint64_t const open = totals_.open;
        totals_                  = smtp_sink_totals();
        totals_.open = totals_.peak = open;
        while (!connections_.empty() && !connections_.front().open)
        {
            connections_.pop_front();
            ++forgotten_;
        }
        for (auto& c : connections_)
            c.commands = c.messages = c.reads = c.round_trips = 0;
    }

private:
    static constexpr std::size_t most_violations = 1000;

    smtp_sink_connection& entry(std::uint64_t number)
    {
        return connections_[static_cast<std::size_t>(number - 1 - forgotten_)];
    }

    template <class T>
    std::vector<T> copy(std::deque<T> const& all) const
    {
        std::lock_guard const lock(mutex_);
        return std::vector<T>(all.begin(), all.end());
    }

    mutable std::mutex               mutex_;
    smtp_sink_settings::keep         retention_;
    bool                             log_;
    std::uint64_t                    forgotten_ = 0;
    smtp_sink_totals                 totals_;
    std::deque<smtp_sink_message>    messages_;
    std::deque<smtp_sink_message>    refused_;
    std::deque<smtp_sink_command>    commands_;
    std::deque<smtp_sink_connection> connections_;
    std::deque<std::string>          violations_;
};

} // namespace posthorn::testing::detail

#endif
