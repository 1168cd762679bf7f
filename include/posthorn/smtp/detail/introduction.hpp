//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// EHLO: who we are, and what the server offers to us. After a login that may be more than before.

#ifndef POSTHORN_SMTP_DETAIL_INTRODUCTION_HPP
#define POSTHORN_SMTP_DETAIL_INTRODUCTION_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/command.hpp>
#include <posthorn/smtp/detail/conversation.hpp>
#include <posthorn/smtp/domain.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/parameters.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/settings.hpp>

#include <asio/ip/host_name.hpp>

#include <algorithm>
#include <string>
#include <system_error>

namespace posthorn::smtp::detail {

/// Must outlive its tasks.
class introduction
{
public:
    explicit introduction(conversation& c) noexcept : c_(&c) {}

    /// @param allow_helo Fall back to HELO on 5xx.
    task<void> hello(bool allow_helo)
    {
        command_writer w(c_->out);
        spell(w);
        co_await c_->exchange(phase::hello);
        bool const extended = c_->last.positive();
        if (!extended)
        {
            if (!c_->last.permanent() || !allow_helo || is_lmtp())
                c_->refuse(errc::ehlo_refused, phase::hello, is_lmtp() ? "LHLO" : "EHLO");
            c_->spelled(w.helo(name()), w, phase::hello);
            co_await c_->exchange(phase::hello);
            if (!c_->last.positive())
                c_->refuse(errc::ehlo_refused, phase::hello, "HELO");
        }
        offered.assign(c_->last, extended);
        may_offer_more_ = false;
    }

    /// HELO: nothing is asked for, and the server offers nothing.
    task<void> helo()
    {
        command_writer w(c_->out);
        c_->spelled(w.helo(name()), w, phase::hello);
        co_await c_->exchange(phase::hello);
        if (!c_->last.positive())
            c_->refuse(errc::ehlo_refused, phase::hello, "HELO");
        offered.assign(c_->last, false);
        may_offer_more_ = false;
    }

    /// From now on the server may offer more than it said: Dovecot's submission service what it passes on, e.g. DSN.
    void logged_in() noexcept { may_offer_more_ = true; }

    /// Is something needed that the server did not offer, and may offer by now?
    bool worth_renewing(envelope const& e) const
    {
        if (!may_offer_more_)
            return false;
        auto const lacks = [this](recipient const& r) {
            return (r.address.needs_smtputf8() && !offered.has(feature::smtputf8)) ||
                   check(r.parameters, offered);
        };
        return (e.sender.needs_smtputf8() && !offered.has(feature::smtputf8)) ||
               check(e.parameters, offered) || std::any_of(e.recipients.begin(), e.recipients.end(), lacks);
    }

    /// Asks again, once for each login. A refusal leaves things as they are.
    task<void> renew()
    {
        may_offer_more_ = false;
        co_await c_->begin(phase::hello);
        command_writer w(c_->out);
        spell(w);
        co_await c_->exchange(phase::hello);
        if (c_->last.code() == 421)
            c_->refuse(errc::service_unavailable, phase::hello, is_lmtp() ? "LHLO" : "EHLO");
        if (c_->last.positive())
            offered.assign(c_->last, true);
    }

    capabilities offered; ///< As the server said last.

private:
    bool is_lmtp() const noexcept { return c_->settings.protocol == protocol::lmtp; }

    void spell(command_writer& w) const
    {
        std::string const own = name();
        c_->spelled(is_lmtp() ? w.lhlo(own) : w.ehlo(own), w, phase::hello);
    }

    std::string name() const
    {
        if (!c_->settings.ehlo_name.empty())
            return c_->settings.ehlo_name;
        std::error_code   ignored;
        std::string const host = asio::ip::host_name(ignored);
        if (host.find('.') != host.npos && !check_ehlo_name(host))
            return host;
        auto const literal = address_literal(c_->stream.local_address());
        return literal.empty() ? std::string("localhost") : literal;
    }

    conversation* c_;
    bool          may_offer_more_ = false;
};

} // namespace posthorn::smtp::detail

#endif
