//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The decisions of RFC 8305, without I/O: the order in which addresses are tried, and when.

#ifndef POSTHORN_NET_HAPPY_EYEBALLS_HPP
#define POSTHORN_NET_HAPPY_EYEBALLS_HPP

#include <posthorn/core/config.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace posthorn::net {

/// How connection attempts are staggered (RFC 8305 section 8).
struct race_settings
{
    race_settings() = default;

    /// How long an attempt runs alone before the next one joins it; never less than 10 ms.
    std::chrono::milliseconds attempt_delay {250};

    /// How many addresses of the preferred family come first; at least 1.
    std::size_t first_family_count = 1;
};

/** Orders addresses as RFC 8305 section 4 asks: the families take turns.

    The order inside a family, and which family is first, are the resolver's (RFC 6724). Repeated addresses
    are dropped.

    @param addresses          As the resolver sorted them.
    @param first_family_count How many of the first family come before the first of the other; at least 1.
    @param is_v6              Tells the family of an address.
*/
template <class Address, class IsV6>
std::vector<Address> interleave(std::vector<Address> addresses, std::size_t first_family_count, IsV6 is_v6)
{
    std::vector<Address> families[2]; // of the first address, and the other
    for (Address& a : addresses)
    {
        auto& family = families[is_v6(a) == is_v6(addresses.front()) ? 0 : 1];
        if (std::find(family.begin(), family.end(), a) == family.end())
            family.push_back(a);
    }
    std::vector<Address> ordered;
    ordered.reserve(families[0].size() + families[1].size());
    std::size_t next[2]  = {0, 0};
    std::size_t of_first = std::max<std::size_t>(first_family_count, 1);
    while (next[0] != families[0].size() || next[1] != families[1].size())
    {
        for (; of_first != 0 && next[0] != families[0].size(); --of_first)
            ordered.push_back(std::move(families[0][next[0]++]));
        if (next[1] != families[1].size())
            ordered.push_back(std::move(families[1][next[1]++]));
        of_first = 1;
    }
    return ordered;
}

/** Decides when connection attempts start, and which one wins (RFC 8305 section 5).

    The driver tells what happened (failed(), succeeded()), calls next() until it gives nothing, and sleeps
    until wake_at() or the next event. The first attempt starts at once, each further one when the one started
    last has been alone for the attempt delay, or as soon as any attempt fails.

    Pure: no clock, no I/O.
*/
class connection_race
{
public:
    using time_point = std::chrono::steady_clock::time_point;

    connection_race(std::size_t candidates, race_settings const& settings) noexcept
        : candidates_(candidates),
          delay_(std::clamp<std::chrono::milliseconds>(settings.attempt_delay, std::chrono::milliseconds(10),
                                                       std::chrono::hours(24)))
    {
    }

    /// The attempt to start now, if any. Call it again until there is none.
    std::optional<std::size_t> next(time_point now) noexcept
    {
        if (!undecided() || started_ == candidates_ || (started_ != 0 && !at_once_ && now < due_))
            return std::nullopt;
        at_once_ = false;
        due_     = now >= time_point::max() - delay_ ? time_point::max() : now + delay_;
        ++running_;
        return started_++;
    }

    /// When next() will have something even if nothing happens; nothing if only events matter.
    std::optional<time_point> wake_at() const noexcept
    {
        if (!undecided() || started_ == candidates_)
            return std::nullopt;
        return started_ == 0 || at_once_ ? time_point::min() : due_;
    }

    /// An attempt has ended without a connection.
    void failed() noexcept
    {
        POSTHORN_ASSERT(running_ != 0);
        --running_;
        at_once_ = true;
    }

    /// An attempt has a connection. @return Whether it is the first; if not, its connection is not wanted.
    bool succeeded(std::size_t attempt) noexcept
    {
        POSTHORN_ASSERT(running_ != 0 && attempt < started_);
        --running_;
        if (winner_)
            return false;
        winner_ = attempt;
        return true;
    }

    /// The attempt that won.
    std::optional<std::size_t> winner() const noexcept { return winner_; }

    /// False once there is a winner, or nothing left that could win.
    bool undecided() const noexcept { return !winner_ && (running_ != 0 || started_ != candidates_); }

    std::size_t started() const noexcept { return started_; } ///< How many attempts were started.
    std::size_t running() const noexcept { return running_; } ///< How many of them have not ended.

private:
    std::size_t                         candidates_;
    std::chrono::steady_clock::duration delay_;
    std::size_t                         started_ = 0;
    std::size_t                         running_ = 0;
    std::optional<std::size_t>          winner_;
    time_point                          due_ {};
    bool                                at_once_ = false;
};

} // namespace posthorn::net

#endif
