//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Who may use a connection of a pool, and when: limits, rates and pauses, without I/O.

#ifndef POSTHORN_SMTP_DETAIL_POOL_GATE_HPP
#define POSTHORN_SMTP_DETAIL_POOL_GATE_HPP

#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/pool_settings.hpp>
#include <posthorn/smtp/reply.hpp>
#include <posthorn/smtp/session_error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <system_error>

namespace posthorn::smtp::detail {

/// Does a reply complain about load and not about the message? 421 and 432 by nature, others by their enhanced code.
inline bool complains_about_load(int code, std::optional<enhanced_code> const& e)
{
    if (code == 421 || code == 432)
        return true;
    if (code != 450 && code != 451 && code != 454)
        return false;
    return e && ((e->subject == 7 && code != 450) || (e->subject == 3 && e->detail == 2));
}

/// Was the message put off because of load, before MAIL was accepted? Then nothing of it can have arrived.
inline bool put_off(report const& r)
{
    return !r.recipients().empty() &&
           std::all_of(r.recipients().begin(), r.recipients().end(), [](recipient_report const& one) {
               bool const undecided = one.outcome == disposition::not_sent || one.outcome == disposition::refused_temporarily;
               return undecided && one.phase <= phase::mail && complains_about_load(one.code, one.enhanced);
           });
}

/// Did the server close the connection upon the message? That is a complaint as well, if not one that allows to repeat it.
inline bool closed_upon(report const& r)
{
    return std::any_of(r.recipients().begin(), r.recipients().end(),
                       [](recipient_report const& one) { return one.code == 421; });
}

/// Like put_off(), of an error of setting up a connection or of sending.
inline bool put_off(session_error const& e)
{
    if (e.code() == errc::connection_used_up)
        return true;
    if (e.code() == errc::service_unavailable || e.code() == errc::greeting_deferred)
        return e.phase() <= phase::auth;
    return e.code() == errc::auth_temporary && e.reply() != nullptr &&
           complains_about_load(e.reply()->code(), e.reply()->enhanced());
}

/// Decides how many may be let in, and not before when. It is told the time.
class pool_gate
{
public:
    using clock = std::chrono::steady_clock;

    explicit pool_gate(pool_settings const& s) : settings_(&s), limit_(std::max<std::size_t>(s.max_connections, 1)) {}

    std::size_t limit() const noexcept { return suspect_ ? 1 : limit_; }
    std::size_t throttled() const noexcept { return throttled_; }

    /// May one more be let in beside `inside` others?
    bool has_room(std::size_t inside) const noexcept { return inside < limit(); }

    /// When the next message may begin.
    clock::time_point opens_at() const noexcept { return std::max(next_start_, login_pause_until_); }

    /// A message begins. The next ones stay on a grid if it is a little late, so that timers do not slow the rate down.
    void begin(clock::time_point now) noexcept
    {
        if (settings_->rate_messages == 0)
            return;
        auto const gap = settings_->rate_interval / static_cast<clock::rep>(settings_->rate_messages);
        next_start_    = (now - next_start_ < gap ? next_start_ : now) + gap;
    }

    /// The server complained while `inside` were let in.
    void throttle(std::size_t inside, clock::time_point now) noexcept
    {
        ++throttled_;
        limit_     = std::max<std::size_t>(1, std::min(limit_, inside) - (inside > 1 ? 1 : 0));
        grow_from_ = now + settings_->recovery;
    }

    /// A message went well: after some time without complaints one more is dared.
    void succeed(clock::time_point now) noexcept
    {
        login_wait_ = {};
        suspect_    = false;
        if (limit_ < std::max<std::size_t>(settings_->max_connections, 1) && now >= grow_from_)
        {
            ++limit_;
            grow_from_ = now + settings_->recovery;
        }
    }

    /// A login was put off. Others that had begun before the pause say nothing new.
    void login_deferred(clock::time_point now) noexcept
    {
        constexpr clock::duration most = std::chrono::minutes(5);
        if (now < login_pause_until_)
            return;
        login_wait_        = login_wait_ == clock::duration() ? settings_->login_pause : std::min(login_wait_ * 2, most);
        login_pause_until_ = now + login_wait_;
    }

    /// A login was refused for good. Until a message goes well, one at a time tries it again.
    void login_refused(session_error const& e, clock::time_point now) noexcept
    {
        suspect_ = true;
        refusal_.emplace(e);
        refused_until_ = now + settings_->login_memory;
    }

    /// The refusal of a login that must not be tried again yet.
    std::optional<session_error> const& refusal(clock::time_point now) noexcept
    {
        if (refusal_ && now >= refused_until_)
            refusal_.reset();
        return refusal_;
    }

    /// The pause before attempt number `attempt`, counted from 1.
    clock::duration pause_before(std::size_t attempt) const
    {
        return settings_->throttle_pause * (clock::rep(1) << std::min<std::size_t>(attempt - 1, 8));
    }

private:
    pool_settings const*         settings_;
    std::size_t                  limit_;
    std::size_t                  throttled_ = 0;
    clock::time_point            grow_from_ {};
    clock::time_point            next_start_ {};
    clock::time_point            login_pause_until_ {};
    clock::duration              login_wait_ {};
    std::optional<session_error> refusal_;
    clock::time_point            refused_until_ {};
    bool                         suspect_ = false;
};

} // namespace posthorn::smtp::detail

#endif
