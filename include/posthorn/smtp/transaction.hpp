//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The flight planner: which commands of a mail transaction leave together, and what every possible pattern of
// replies means for each recipient.

#ifndef POSTHORN_SMTP_TRANSACTION_HPP
#define POSTHORN_SMTP_TRANSACTION_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/smtp/command.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/ledger.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace posthorn::smtp {

/// Who must be accepted for the message to be handed over.
enum class recipient_policy : unsigned char
{
    each,          ///< Deliver to whom the server accepts and report the others. Nothing is an error.
    at_least_one,  ///< The same, but it is an error if nobody gets the message.
    all_or_nothing ///< Hand the message over only if every recipient was accepted; anything else is an error.
};

/// How commands are grouped.
enum class flight : unsigned char
{
    sequential, ///< One command at a time.
    pipelined   ///< The envelope and, where the policy allows, DATA in one flight (RFC 2920).
};

/// How a transaction is run.
struct transaction_options
{
    recipient_policy policy     = recipient_policy::each;
    smtp::flight     flight     = smtp::flight::sequential;
    bool             rset_first = false; ///< An earlier transaction may still be open on the server.
    bool             lmtp       = false; ///< One reply to the content for each accepted recipient (RFC 2033).
};

/** One mail transaction, without I/O.

    begin() spells all commands, so that what cannot be sent is known before the first octet leaves. Then, in a loop:
    announce() and write output(), do what next() says, and hand over replies with on_reply(). The report is exact
    whatever the server answers: replies that are due are always counted, replies to commands that a refused MAIL made pointless
    are not taken for refusals of recipients, and no empty message can reach anybody.

    A transaction that is used again keeps its memory.
*/
class transaction
{
public:
    /// What the connection has to do next.
    enum class step : unsigned char
    {
        await_reply,  ///< Write output(), then wait for the next reply.
        send_content, ///< Call content_begins(), write the content, call content_ends(), write its end.
        send_nothing, ///< The same with an empty content, which no recipient will get.
        finished,     ///< The report is complete.
        give_up       ///< The report is complete, and the connection must be closed without another command.
    };

    /** Plans the transaction and resets the report.

        @param e        Must stay as it is until the transaction is finished.
        @param actual   The parameters of MAIL as they will be sent.
        @param into     Where outcomes are kept.
        @return A defect of a command; then nothing may be sent, and the report says not_sent for all.
    */
    defect begin(envelope const& e, mail_parameters const& actual, transaction_options const& options, report& into)
    {
        options_  = options;
        report_   = &into;
        accepted_ = refused_ = answered_ = raw_accepted_ = 0;
        mail_ok_ = data_sent_ = content_begun_ = content_ended_ = false;
        closing_ = transaction_open_ = rset_failed_ = claimed_ = false;
        data_reply_                                 = data_state::none;
        unanswered_content_                         = 0;
        commands_.clear();
        ends_.clear();
        next_command_ = announced_ = pending_end_ = written_ = 0;
        reset(into, e);
        for (auto& one : into.recipients_)
            one.code = undecided;
        return spell(e, actual);
    }

    /// Makes `r` the report of a message of which nothing has been sent. Its memory is kept.
    static void reset(report& r, envelope const& e)
    {
        r.recipients_.resize(e.recipients.size());
        for (std::size_t i = 0; i != e.recipients.size(); ++i)
        {
            auto& one = r.recipients_[i];
            one.address.assign(e.recipients[i].address.view());
            one.outcome = disposition::not_sent;
            one.phase   = phase::prepare;
            one.code    = 0;
            one.enhanced.reset();
            one.text.clear();
        }
        r.final_.clear();
        r.content_bytes_ = 0;
        r.round_trips_   = 0;
    }

    /// The bytes that may leave now, possibly none. Valid until consume().
    std::string_view output() const noexcept { return commands_.data().substr(0, pending_end_ - written_); }

    /// Enters the replies that output() will cause as due. To be called before it is written.
    void announce(ledger& due)
    {
        for (; announced_ != next_command_; ++announced_)
        {
            expectation const what = command_at(announced_);
            due.expect(what.what, what.index);
        }
    }

    /// `size` octets of output() were written.
    void consume(std::size_t size) noexcept
    {
        commands_.consume(size);
        written_ += size;
    }

    /// How many commands wait to be announced, and what each is, for the protocol log.
    std::size_t pending_commands() const noexcept { return next_command_ - announced_; }
    expectation pending_command(std::size_t i) const noexcept { return command_at(announced_ + i); }
    std::string_view pending_text(std::size_t i) const noexcept
    {
        std::size_t const k     = announced_ + i;
        std::size_t const begin = (k == 0 ? 0 : ends_[k - 1]) - written_;
        return commands_.data().substr(begin, ends_[k] - written_ - begin);
    }

    step next() const noexcept { return step_; }

    /** Ends the transaction before anything of it was written.
        @param why Shown in the report. */
    void withdraw(std::string_view why)
    {
        commands_.clear();
        ends_.clear();
        next_command_ = announced_ = pending_end_ = written_ = 0;
        for (std::size_t i = 0; i != report_->recipients_.size(); ++i)
            settle(i, disposition::not_sent, phase::prepare, nullptr, why);
        step_ = step::finished;
    }

    /** Takes a reply in.

        @return An error if the reply makes no sense: the connection is unusable then, and fail() must be called.
    */
    std::error_code on_reply(expectation const& answered, reply const& r)
    {
        switch (answered.what)
        {
        case phase::rset: rset_failed_ = !r.positive(); break;
        case phase::mail: on_mail(r); break;
        case phase::rcpt: on_rcpt(answered.index, r); break;
        case phase::data: on_data(r); break;
        case phase::content:
            if (auto const ec = on_content(answered.index, r))
                return ec;
            break;
        default: return errc::unexpected_code;
        }
        if (r.code() == 421)
            on_closing(answered.what == phase::rset ? phase::mail : answered.what, r);
        else
            plan();
        return {};
    }

    /// The content, empty or not, begins to leave: from now on the server may answer it, if only to refuse it early.
    void content_begins(ledger& due)
    {
        step_ = step::await_reply;
        for (std::size_t i = 0; options_.lmtp && i != report_->recipients_.size(); ++i)
            if (pending(i))
            {
                due.expect(phase::content, static_cast<std::uint32_t>(i));
                ++unanswered_content_;
            }
        if (unanswered_content_ == 0)
        {
            due.expect(phase::content);
            unanswered_content_ = 1;
        }
    }

    /// The end of the content is about to be written: from now on a lost connection leaves recipients in doubt.
    void content_ends() noexcept { content_ended_ = true; }

    /// The last octet of the content certainly did not leave, although content_ends() was called.
    void content_not_ended() noexcept { content_ended_ = claimed_; }

    /** The connection ended, timed out or was cancelled: decides what is still open.

        @param why Shown in the report for recipients that have no reply of their own.
    */
    void fail(std::string_view why)
    {
        auto const left = content_ended_ ? disposition::in_doubt : disposition::not_sent;
        for (std::size_t i = 0; i != report_->recipients_.size(); ++i)
            if (pending(i))
                settle(i, left, content_begun_ ? phase::content : current_phase(), nullptr, why);
        transaction_open_ = false;
        step_             = step::give_up;
    }

    /// Enters what it cost into the report.
    void count(std::uint64_t round_trips, std::uint64_t content_bytes) noexcept
    {
        report_->round_trips_   = static_cast<std::uint32_t>(round_trips);
        report_->content_bytes_ = content_bytes;
    }

    /// Was MAIL accepted? Until then a lost connection says nothing about the message.
    bool mail_accepted() const noexcept { return mail_ok_; }

    /// Must RSET precede the next transaction on this connection?
    bool needs_rset() const noexcept { return transaction_open_; }

    /// Should the connection be closed although it works: the server does not know RSET.
    bool reset_refused() const noexcept { return rset_failed_; }

    /// Was the policy satisfied? Otherwise why not.
    std::error_code verdict() const noexcept
    {
        if (options_.policy == recipient_policy::each)
            return {};
        report const& r = *report_;
        if (options_.policy == recipient_policy::at_least_one ? r.accepted() != 0 : r.all_accepted())
            return {};
        if (r.count(disposition::in_doubt) != 0)
            return errc::in_doubt;
        if (options_.policy == recipient_policy::all_or_nothing && mail_ok_ && (refused_ != 0 || r.accepted() != 0))
            return errc::not_all_accepted;
        // Who was not sent to may have better luck: the server closed before it said anything about that recipient.
        bool const worth_retry =
            r.count(disposition::refused_temporarily) != 0 || r.count(disposition::not_sent) != 0;
        if (content_begun_ || (accepted_ != 0 && data_reply_ == data_state::refused))
            return worth_retry ? errc::message_deferred : errc::message_refused;
        return worth_retry ? errc::all_deferred : errc::all_refused;
    }

private:
    enum class data_state : unsigned char { none, ready, refused };

    // A recipient without a verdict carries this mark: accepted in RCPT or not answered yet.
    static constexpr int undecided = -1;

    bool pending(std::size_t i) const noexcept { return report_->recipients_[i].code == undecided; }

    /// Spells every command; the first flight becomes pending.
    defect spell(envelope const& e, mail_parameters const& actual)
    {
        command_writer w(commands_);
        auto const     add = [&](std::error_code ec) {
            ends_.push_back(commands_.size());
            return !ec;
        };
        auto const fault = [&](std::error_code ec) {
            defect d;
            d.code   = ec;
            d.detail = w.detail();
            withdraw(w.detail());
            return d;
        };
        if (e.recipients.empty())
            return fault(errc::no_recipients);
        if (options_.rset_first)
            if (auto const ec = w.rset(); !add(ec))
                return fault(ec);
        if (auto const ec = w.mail(e.sender, actual); !add(ec))
            return fault(ec);
        for (auto const& r : e.recipients)
            if (auto const ec = w.rcpt(r.address, r.parameters, actual.smtputf8); !add(ec))
                return fault(ec);
        if (auto const ec = w.data(); !add(ec))
            return fault(ec);

        std::size_t const data_at = ends_.size() - 1;
        if (options_.flight == flight::sequential)
            release(1);
        else // an empty or partial message can then not happen under all_or_nothing
            release(options_.policy == recipient_policy::all_or_nothing ? data_at : data_at + 1);
        step_ = step::await_reply;
        return {};
    }

    expectation command_at(std::size_t k) const noexcept
    {
        std::size_t const mail = options_.rset_first ? 1 : 0;
        if (k < mail)
            return {phase::rset, 0};
        if (k == mail)
            return {phase::mail, 0};
        if (k == ends_.size() - 1)
            return {phase::data, 0};
        return {phase::rcpt, static_cast<std::uint32_t>(k - mail - 1)};
    }

    /// Lets all commands before number `end` go.
    void release(std::size_t end) noexcept
    {
        next_command_ = end;
        pending_end_  = ends_[end - 1];
        data_sent_    = end == ends_.size();
    }

    phase current_phase() const noexcept
    {
        if (data_sent_ && answered_ == report_->recipients_.size())
            return phase::data;
        return mail_ok_ ? phase::rcpt : phase::mail;
    }

    void settle(std::size_t i, disposition d, phase p, reply const* r, std::string_view why)
    {
        auto& entry   = report_->recipients_[i];
        entry.outcome = d;
        entry.phase   = p;
        entry.code    = r ? r->code() : 0;
        entry.enhanced.reset();
        if (r == nullptr)
        {
            entry.text.assign(why);
            return;
        }
        entry.enhanced = r->enhanced();
        entry.text.clear();
        for (auto const& line : *r)
        {
            if (entry.text.size() > 1000) // there is a copy for each recipient
            {
                entry.text += " ...";
                break;
            }
            if (!entry.text.empty())
                entry.text += ' ';
            append_printable(entry.text, line.text);
        }
    }

    /// Clean text, the usual case, needs no copy of its own.
    static void append_printable(std::string& to, std::string_view text)
    {
        if (ascii::has_control(text) || ascii::has_eight_bit(text) || text.size() > 1000)
            to += printable(text);
        else
            to += text;
    }

    static disposition refusal_of(reply const& r) noexcept
    {
        return r.permanent() ? disposition::refused_permanently : disposition::refused_temporarily;
    }

    void settle_pending(disposition d, phase p, reply const& r)
    {
        for (std::size_t i = 0; i != report_->recipients_.size(); ++i)
            if (pending(i))
                settle(i, d, p, &r, {});
    }

    void on_mail(reply const& r)
    {
        mail_ok_ = r.positive();
        // After a refusal too: some servers go on refusing until they are reset.
        transaction_open_ = true;
        if (mail_ok_)
            return;
        // The replies to the rest of the flight, mostly 503, are counted but say nothing about recipients.
        settle_pending(refusal_of(r), phase::mail, r);
        refused_ = report_->recipients_.size();
    }

    void on_rcpt(std::uint32_t i, reply const& r)
    {
        ++answered_;
        if (r.positive())
            ++raw_accepted_;
        if (!mail_ok_)
            return;
        if (r.positive())
        {
            ++accepted_;
            return;
        }
        ++refused_;
        settle(i, refusal_of(r), phase::rcpt, &r, {});
    }

    void on_data(reply const& r)
    {
        data_reply_ = r.intermediate() ? data_state::ready : data_state::refused;
        if (data_reply_ == data_state::refused)
            settle_pending(refusal_of(r), phase::data, r);
    }

    std::error_code on_content(std::uint32_t i, reply const& r)
    {
        if (!content_ended_)
            return early_reply(i, r);
        report_->final_ = r;
        --unanswered_content_;
        if (options_.lmtp)
            settle(i, r.positive() ? disposition::accepted : refusal_of(r), phase::content, &r, {});
        else
            settle_pending(r.positive() ? disposition::accepted : refusal_of(r), phase::content, r);
        return {};
    }

    /// A reply while the content is still on its way: a refusal is believed, anything else is not.
    std::error_code early_reply(std::uint32_t i, reply const& r)
    {
        if (!r.negative())
        {
            content_ended_ = claimed_ = true; // the server thinks it has a message, whatever it is
            return errc::unsolicited_reply;
        }
        report_->final_ = r;
        if (options_.lmtp) // it is the word on one recipient
            settle(i, refusal_of(r), phase::content, &r, {});
        else
            settle_pending(refusal_of(r), phase::content, r);
        on_closing(phase::content, r);
        return {};
    }

    /// 421, or a refusal of content that was not complete: the server does not want anything any more.
    void on_closing(phase where, reply const& r)
    {
        closing_          = true;
        transaction_open_ = false;
        for (std::size_t i = 0; i != report_->recipients_.size(); ++i)
            if (pending(i))
                settle(i, content_ended_ ? disposition::in_doubt : disposition::not_sent, where, &r, {});
        step_ = step::give_up;
    }

    /// Decides what follows, after a reply was taken in.
    void plan()
    {
        if (closing_)
            return;
        std::size_t const all = report_->recipients_.size();
        if (content_ended_)
        {
            if (unanswered_content_ != 0)
                return;
            transaction_open_ = false;
            step_             = step::finished;
            return;
        }
        bool const unanswered = announced_ != next_command_ || !everything_answered();
        if (options_.flight == flight::pipelined && unanswered)
            return;
        if (!mail_ok_)
        {
            if (options_.flight == flight::sequential && !mail_answered())
                return release(next_command_ + 1); // RSET was answered, MAIL goes now
            return conclude_without_content();
        }
        if (answered_ != all)
            return release(next_command_ + 1);
        bool const wanted =
            accepted_ != 0 && (options_.policy != recipient_policy::all_or_nothing || refused_ == 0);
        if (!data_sent_)
        {
            if (wanted)
                return release(ends_.size());
            return conclude_without_content();
        }
        if (data_reply_ == data_state::none)
            return;
        if (wanted && data_reply_ == data_state::ready)
        {
            content_begun_ = true;
            step_          = step::send_content;
            return;
        }
        conclude_without_content();
    }

    // Every reply to what was released has come: MAIL, then the recipients, then DATA.
    bool everything_answered() const noexcept
    {
        if (!mail_answered() || answered_ != report_->recipients_.size())
            return false;
        return !data_sent_ || data_reply_ != data_state::none;
    }

    bool mail_answered() const noexcept { return mail_ok_ || (refused_ == report_->recipients_.size()); }

    /// Nobody will get the message. If the server waits for it all the same, it must not get an empty one.
    void conclude_without_content()
    {
        for (std::size_t i = 0; i != report_->recipients_.size(); ++i)
            if (pending(i))
                settle(i, disposition::not_sent, phase::rcpt, nullptr,
                       "accepted, but another recipient was not and the policy is all or nothing");
        if (data_reply_ != data_state::ready)
            step_ = step::finished;
        else if (raw_accepted_ == 0 && !rset_failed_ && !options_.lmtp)
            step_ = step::send_nothing; // RFC 2920, 3.1: the server refuses it, since it has no recipient
        else
        {
            transaction_open_ = false;
            step_             = step::give_up; // it might deliver an empty message, or (LMTP) answer nothing
        }
    }

    transaction_options      options_;
    report*                  report_ = nullptr;
    byte_buffer              commands_;          ///< What was spelled and not yet written.
    std::vector<std::size_t> ends_;              ///< The end of each command, counted from the first octet.
    std::size_t              next_command_ = 0;  ///< The first command that must wait.
    std::size_t              announced_    = 0;  ///< The first command whose reply is not entered as due.
    std::size_t              pending_end_  = 0;  ///< The end of the last command that may leave.
    std::size_t              written_      = 0;  ///< Octets that have left.
    std::size_t              accepted_     = 0;
    std::size_t              refused_      = 0;
    std::size_t              answered_     = 0;  ///< Recipients with a reply.
    std::size_t              raw_accepted_ = 0;  ///< Positive replies to RCPT, whatever became of MAIL.
    std::size_t              unanswered_content_ = 0;
    data_state               data_reply_         = data_state::none;
    step                     step_               = step::finished;
    bool                     mail_ok_            = false;
    bool                     data_sent_          = false;
    bool                     content_begun_      = false;
    bool                     content_ended_      = false;
    bool                     closing_            = false;
    bool                     transaction_open_   = false;
    bool                     rset_failed_        = false;
    bool                     claimed_            = false; ///< The server accepted content that had not ended.
};

} // namespace posthorn::smtp

#endif
