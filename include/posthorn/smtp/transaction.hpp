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
#include <posthorn/smtp/command.hpp>
#include <posthorn/smtp/detail/settlement.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/flight.hpp>
#include <posthorn/smtp/ledger.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace posthorn::smtp {

/** One mail transaction, without I/O.

    begin() spells all commands, so that what cannot be sent is known before the first octet leaves. Then, in a loop:
    announce() and write output(), do what next() says, and hand over replies with on_reply(). The report is exact
    whatever the server answers: replies that are due are always counted, replies to commands that a refused MAIL made pointless
    are not taken for refusals of recipients, and no empty message can reach anybody.

    Content that is carried by BDAT may leave behind a pipelined envelope at once, before anything was answered.

    A transaction that is used again keeps its memory.
*/
class transaction
{
public:
    /// What the connection has to do next.
    enum class step : unsigned char
    {
        await_reply,  ///< Write output(), then wait for the next reply.
        /// With DATA call content_begins(), write the content, call content_ends(), write its end. With BDAT call
        /// chunk_begins(), with the last one content_ends(), and write the chunk; then ask again.
        send_content,
        send_nothing, ///< DATA with an empty content, which no recipient will get.
        finished,     ///< The report is complete.
        give_up       ///< The report is complete, and the connection must be closed without another command.
    };

    /** Plans a transaction for all recipients and resets the report.

        @param e        Must stay as it is until the transaction is finished.
        @param actual   The parameters of MAIL as they will be sent.
        @param into     Where outcomes are kept.
        @return A defect of a command; then nothing may be sent, and the report says not_sent for all.
    */
    defect begin(envelope const& e, mail_parameters const& actual, transaction_options const& options, report& into)
    {
        reset(into, e);
        who_.begin(into);
        return plan_all(e, actual, options);
    }

    /** Plans a transaction for some of the recipients.

        @param who  Their indices, in the order in which they will be sent; outcomes of others stay as they are.
        @param into The report of the message, reset() before the first of its transactions. */
    defect begin(envelope const& e, std::span<std::uint32_t const> who, mail_parameters const& actual,
                 transaction_options const& options, report& into)
    {
        who_.begin(into, who);
        return plan_all(e, actual, options);
    }

    /// Makes `r` the report of a message of which nothing has been sent. Its memory is kept.
    static void reset(report& r, envelope const& e) { detail::settlement::reset(r, e); }

    /// The bytes that may leave now, possibly none. They stay where they are until begin().
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
        for (std::size_t k = 0; k != who_.size(); ++k)
            who_.settle(who_.index(k), disposition::not_sent, phase::prepare, why);
        step_ = step::finished;
    }

    /** Takes a reply in.

        @param due The ledger it came from: an answer for each recipient makes the same expectation due again.
        @return An error if the reply makes no sense: the connection is unusable then, and fail() must be called.
    */
    std::error_code on_reply(expectation const& answered, reply const& r, ledger& due)
    {
        switch (answered.what)
        {
        case phase::rset: rset_failed_ = !r.positive(); break;
        case phase::mail: on_mail(r); break;
        case phase::rcpt: on_rcpt(answered.index, r); break;
        case phase::data: on_data(r); break;
        case phase::content:
            if (auto const ec = on_content(answered.index, r, due))
                return ec;
            break;
        default: return errc::unexpected_code;
        }
        if (r.code() == 421 && (!closing_ || end_seen_))
            on_closing(answered.what, r);
        else
            plan();
        return {};
    }

    /// The content of DATA, empty or not, begins to leave: from now on the server may answer it, if only to refuse it early.
    void content_begins(ledger& due)
    {
        step_            = step::await_reply;
        content_written_ = true;
        due.expect(phase::content);
        content_due_ = 1;
    }

    /// A chunk begins to leave. @param last It is the last one.
    void chunk_begins(ledger& due, bool last)
    {
        due.expect(phase::content, chunks_++);
        ++content_due_;
        content_begun_ = true;
        if (last)
        {
            content_written_ = true;
            step_            = step::await_reply;
        }
    }

    /** The rest of content that goes in chunks cannot be had: nobody gets the message, and the connection stays usable.
        @param why Shown in the report. */
    void abandon(std::string_view why)
    {
        who_.settle_pending(disposition::not_sent, phase::content, why);
        content_refused_ = true;
        plan();
    }

    /// How many replies to chunks are due.
    std::size_t chunks_due() const noexcept { return content_due_; }

    /// The end of the content is about to be written: from now on a lost connection leaves recipients in doubt.
    void content_ends() noexcept { content_ended_ = true; }

    /// The last octet of the content certainly did not leave, although content_ends() was called.
    void content_not_ended() noexcept { content_ended_ = claimed_; }

    /// Has everything that belongs to this transaction been handed over, so that the next one may follow it?
    bool written() const noexcept { return content_written_ || step_ == step::finished; }

    /** The connection ended, timed out or was cancelled: decides what is still open.

        @param why         Shown in the report for recipients that have no reply of their own.
        @param unprocessed The server has said that it closes, and has then closed: what it did not answer it did
                           not take.
    */
    void fail(std::string_view why, bool unprocessed = false)
    {
        if (step_ == step::finished)
            return;
        bool const doubtful = content_ended_ && (!unprocessed || end_seen_);
        // The refusal of MAIL is not to be believed if what came before or after it contradicts it.
        bool const contradicted = mail_answered_ && !mail_ok_ && (raw_accepted_ != 0 || rset_failed_);
        if (doubtful && content_due_ != 0 && contradicted)
            who_.doubt(why);
        else if (doubtful)
            who_.settle_pending(disposition::in_doubt, current_phase(), why);
        else if (closing_)
            settle_closing();
        else
            who_.settle_pending(disposition::not_sent, current_phase(), why);
        transaction_open_ = false;
        step_             = step::give_up;
    }

    /// Enters what a message cost into its report.
    static void count(report& into, std::uint64_t round_trips, std::uint64_t content_bytes, transfer how) noexcept
    {
        detail::settlement::count(into, round_trips, content_bytes, how);
    }

    /// Was MAIL accepted? Until then a lost connection says nothing about the message.
    bool mail_accepted() const noexcept { return mail_ok_; }

    /// Has the server said that it closes the connection, while replies that matter are due?
    bool closing() const noexcept { return closing_; }

    /// Must RSET precede the next transaction on this connection?
    bool needs_rset() const noexcept { return transaction_open_; }

    /// Should the connection be closed although it works: the server does not know RSET.
    bool reset_refused() const noexcept { return rset_failed_; }

    /// Recipients that were too many for this transaction, and may be sent to in another one. None if it was all or nothing.
    std::span<std::uint32_t const> overflow() const noexcept { return overflow_; }

    /// Was the policy satisfied? Otherwise why not.
    std::error_code verdict() const noexcept
    {
        if (options_.policy == recipient_policy::each)
            return {};
        report const& r = who_.whole();
        if (options_.policy == recipient_policy::at_least_one ? r.accepted() != 0 : r.all_accepted())
            return {};
        if (r.count(disposition::in_doubt) != 0)
            return errc::in_doubt;
        if (options_.policy == recipient_policy::all_or_nothing && mail_ok_ && (refused_ != 0 || r.accepted() != 0))
            return errc::not_all_accepted;
        // Who was not sent to may have better luck: the server closed before it said anything about that recipient.
        bool const worth_retry =
            r.count(disposition::refused_temporarily) != 0 || r.count(disposition::not_sent) != 0;
        bool const judged = accepted_ != 0 && (content_begun_ || data_reply_ == data_state::refused);
        if (judged)
            return worth_retry ? errc::message_deferred : errc::message_refused;
        return worth_retry ? errc::all_deferred : errc::all_refused;
    }

private:
    enum class data_state : unsigned char { none, ready, refused };

    defect plan_all(envelope const& e, mail_parameters const& actual, transaction_options const& options)
    {
        options_  = options;
        accepted_ = refused_ = answered_ = raw_accepted_ = 0;
        mail_answered_ = mail_ok_ = data_sent_ = content_begun_ = content_written_ = content_ended_ = false;
        closing_ = transaction_open_ = rset_failed_ = claimed_ = content_refused_ = end_seen_ = false;
        data_reply_                                            = data_state::none;
        content_due_ = per_recipient_ = 0;
        chunks_                       = 0;
        commands_.clear();
        ends_.clear();
        overflow_.clear();
        next_command_ = announced_ = pending_end_ = written_ = 0;
        prdr_ = actual.prdr && !options.lmtp;
        return spell(e, actual);
    }

    bool chunked() const noexcept { return options_.transfer == transfer::bdat; }

    /// May content leave before anything was answered?
    bool eager() const noexcept
    {
        return chunked() && options_.flight == flight::pipelined && options_.policy != recipient_policy::all_or_nothing;
    }

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
        if (who_.size() == 0)
            return fault(errc::no_recipients);
        if (options_.rset_first)
            if (auto const ec = w.rset(); !add(ec))
                return fault(ec);
        if (auto const ec = w.mail(e.sender, actual); !add(ec))
            return fault(ec);
        for (std::size_t k = 0; k != who_.size(); ++k)
        {
            auto const& r = e.recipients[who_.index(k)];
            if (auto const ec = w.rcpt(r.address, r.parameters, actual.smtputf8); !add(ec))
                return fault(ec);
        }
        envelope_end_ = ends_.size();
        if (!chunked())
            if (auto const ec = w.data(); !add(ec))
                return fault(ec);

        if (options_.flight == flight::sequential)
            release(1);
        else // an empty or partial message can then not happen under all_or_nothing
            release(options_.policy == recipient_policy::all_or_nothing ? envelope_end_ : ends_.size());
        step_ = eager() ? step::send_content : step::await_reply;
        return {};
    }

    expectation command_at(std::size_t k) const noexcept
    {
        std::size_t const mail = options_.rset_first ? 1 : 0;
        if (k < mail)
            return {phase::rset, 0};
        if (k == mail)
            return {phase::mail, 0};
        if (k == envelope_end_)
            return {phase::data, 0};
        return {phase::rcpt, who_.index(k - mail - 1)};
    }

    /// Lets all commands before number `end` go.
    void release(std::size_t end) noexcept
    {
        next_command_ = end;
        pending_end_  = ends_[end - 1];
        data_sent_    = end > envelope_end_;
    }

    phase current_phase() const noexcept
    {
        if (!mail_ok_)
            return phase::mail;
        if (!all_answered())
            return phase::rcpt;
        return content_begun_ ? phase::content : data_sent_ ? phase::data : phase::rcpt;
    }

    bool all_answered() const noexcept { return answered_ == who_.size(); }

    void on_mail(reply const& r)
    {
        mail_answered_ = true;
        mail_ok_       = r.positive();
        // After a refusal too: some servers go on refusing until they are reset.
        transaction_open_ = true;
        // The replies to the rest of the flight, mostly 503, are counted but say nothing about recipients.
        if (!mail_ok_ && (r.code() != 421 || !content_ended_))
            who_.settle_pending(who_.refusal_of(r), phase::mail, r);
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
        if (accepted_ != 0 && too_many(r) && options_.policy != recipient_policy::all_or_nothing)
            overflow_.push_back(i); // with that policy another transaction would deliver to these alone
        who_.settle(i, who_.refusal_of(r), phase::rcpt, r);
    }

    /// Does the reply refuse the number of recipients, not this one? RFC 5321, 4.5.3.1.10 asks to take 552 for 452.
    static bool too_many(reply const& r) noexcept
    {
        if (r.code() != 452 && r.code() != 552)
            return false;
        auto const e = r.enhanced();
        return e ? e->subject == 5 && e->detail == 3 : r.code() == 452;
    }

    void on_data(reply const& r)
    {
        data_reply_ = r.intermediate() ? data_state::ready : data_state::refused;
        if (data_reply_ == data_state::refused)
            who_.settle_pending(who_.refusal_of(r), phase::data, r);
    }

    std::error_code on_content(std::uint32_t chunk, reply const& r, ledger& due)
    {
        bool const last = !chunked() || (content_written_ && chunk + 1 == chunks_);
        if (!last)
        {
            --content_due_;
            return r.intermediate() ? make_error_code(errc::unexpected_code) : on_chunk(r);
        }
        if (!content_ended_)
            return early_reply(r);
        if (pointless())
            return on_pointless_end(r);
        end_seen_ = true;
        return on_end(r, due);
    }

    /// Is this content in chunks that nobody should get, by what was answered before?
    bool pointless() const noexcept { return chunked() && (!mail_ok_ || content_refused_ || accepted_ == 0); }

    /// The reply to a chunk that was not the last one.
    std::error_code on_chunk(reply const& r)
    {
        if (!r.negative())
            return {};
        if (!pointless())
        {
            who_.final_reply(r);
            if (r.code() != 421)
                who_.settle_pending(who_.refusal_of(r), phase::content, r);
        }
        content_refused_ = true;
        return {};
    }

    /// The reply to the end of content that nobody should get: it should be a refusal.
    std::error_code on_pointless_end(reply const& r)
    {
        --content_due_;
        content_refused_ = true; // whatever it says, only RSET ends the transaction for certain
        if (r.intermediate() && raw_accepted_ == 0)
            return errc::unexpected_code;
        // In LMTP it may say more: how many replies it has for recipients that it should not have taken is unknown.
        bool const uncounted = options_.lmtp && !mail_ok_ && raw_accepted_ > 1;
        if (raw_accepted_ == 0 || (r.negative() && !uncounted))
            return {};
        who_.doubt("the server accepted content whose envelope or beginning it had refused");
        return errc::unexpected_code;
    }

    /// The reply, or one of the replies, to the end of the content.
    std::error_code on_end(reply const& r, ledger& due)
    {
        if (r.intermediate() != (r.code() == 353 && prdr_ && per_recipient_ == 0))
            return errc::unexpected_code;
        if (r.intermediate())
        {
            per_recipient_ = 1 + who_.next_pending(0);
            due.repeat();
            return {};
        }
        if (prdr_ && per_recipient_ != 0 && per_recipient_ <= who_.size())
        {
            // The word on one recipient. If it is yes, the final reply may still say no.
            std::size_t const k = per_recipient_ - 1;
            if (r.negative() && r.code() != 421)
                who_.settle(who_.index(k), who_.refusal_of(r), phase::content, r);
            per_recipient_ = 1 + who_.next_pending(k + 1);
            due.repeat();
            return {};
        }
        who_.final_reply(r);
        auto const verdict = r.positive() ? disposition::accepted : who_.refusal_of(r);
        if (!options_.lmtp)
            who_.settle_pending(verdict, phase::content, r);
        else if (std::size_t const k = who_.next_pending(0); k != who_.size())
            who_.settle(who_.index(k), verdict, phase::content, r);
        if (options_.lmtp && who_.any_pending())
        {
            due.repeat();
            return {};
        }
        --content_due_;
        content_refused_ = r.negative();
        return {};
    }

    /// A reply while the content is still on its way: a refusal is believed, anything else is not.
    std::error_code early_reply(reply const& r)
    {
        if (!r.negative())
        {
            content_ended_ = claimed_ = true; // the server thinks it has a message, whatever it is
            return errc::unsolicited_reply;
        }
        --content_due_;
        if (!pointless())
            who_.final_reply(r);
        if (std::size_t const k = who_.next_pending(0); options_.lmtp && k != who_.size()) // the word on one recipient
            who_.settle(who_.index(k), who_.refusal_of(r), phase::content, r);
        else
            who_.settle_pending(who_.refusal_of(r), phase::content, r);
        on_closing(phase::content, r);
        return {};
    }

    /// 421, or a refusal of content that was not complete: the server does not want anything any more.
    void on_closing(phase where, reply const& r)
    {
        transaction_open_ = false;
        closing_          = true;
        bool const open = who_.any_pending() || raw_accepted_ != 0 || !all_answered();
        if (content_ended_ && !end_seen_ && content_due_ != 0 && open)
        {
            // The end has left already. The server will not look at it; whether it does is seen when it closes.
            closing_phase_ = where;
            closing_reply_ = r;
            step_          = step::await_reply;
            return;
        }
        who_.settle_pending(content_ended_ ? disposition::in_doubt : disposition::not_sent, reported(where), r);
        step_ = step::give_up;
    }

    /// RSET is no place for a report: it belongs to another transaction.
    static phase reported(phase where) noexcept { return where == phase::rset ? phase::mail : where; }

    /// The server has closed without another look at what is not decided.
    void settle_closing()
    {
        bool const refused = closing_phase_ == phase::mail;
        who_.settle_pending(refused ? disposition::refused_temporarily : disposition::not_sent,
                            reported(closing_phase_), closing_reply_);
    }

    /// Decides what follows, after a reply was taken in.
    void plan()
    {
        if (closing_)
        {
            if (content_due_ != 0)
                return;
            settle_closing();
            transaction_open_ = false;
            step_             = step::give_up;
            return;
        }
        if (content_written_)
        {
            if (content_due_ != 0 || !everything_answered())
                return;
            // RFC 3030, 2: RSET must follow a refused chunk.
            transaction_open_ = chunked() && (content_refused_ || !mail_ok_ || accepted_ == 0);
            step_             = step::finished;
            return;
        }
        bool const unanswered = announced_ != next_command_ || !everything_answered();
        if (eager() && !hopeless())
            return; // the content is on its way
        step_ = step::await_reply;
        if ((options_.flight == flight::pipelined && unanswered) || content_due_ != 0)
        {
            if (chunked() && !unanswered && !hopeless())
                step_ = step::send_content;
            return;
        }
        if (!mail_ok_)
        {
            if (options_.flight == flight::sequential && !mail_answered_)
                return release(next_command_ + 1); // RSET was answered, MAIL goes now
            return conclude_without_content();
        }
        if (!all_answered())
            return release(next_command_ + 1);
        bool const wanted = !hopeless();
        if (chunked() && wanted)
        {
            step_ = step::send_content;
            return;
        }
        if (!chunked() && !data_sent_ && wanted)
            return release(ends_.size());
        if (!data_sent_)
            return conclude_without_content();
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

    /// Is it known that nobody will get the message?
    bool hopeless() const noexcept
    {
        if ((mail_answered_ && !mail_ok_) || content_refused_)
            return true;
        if (!all_answered())
            return false;
        return accepted_ == 0 || (options_.policy == recipient_policy::all_or_nothing && refused_ != 0);
    }

    // Every reply to what was released has come: MAIL, then the recipients, then DATA.
    bool everything_answered() const noexcept
    {
        return mail_answered_ && all_answered() && (!data_sent_ || data_reply_ != data_state::none);
    }

    /// Nobody will get the message. If the server waits for it all the same, it must not get an empty one.
    void conclude_without_content()
    {
        who_.settle_pending(disposition::not_sent, phase::rcpt,
                            std::string_view("accepted, but another recipient was not and the policy is all or nothing"));
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

    transaction_options        options_;
    detail::settlement         who_;
    byte_buffer                commands_;         ///< What was spelled and not yet written.
    std::vector<std::size_t>   ends_;             ///< The end of each command, counted from the first octet.
    std::vector<std::uint32_t> overflow_;         ///< Recipients that were too many.
    std::size_t                envelope_end_ = 0; ///< Number of the commands before DATA.
    std::size_t                next_command_ = 0; ///< The first command that must wait.
    std::size_t                announced_    = 0; ///< The first command whose reply is not entered as due.
    std::size_t                pending_end_  = 0; ///< The end of the last command that may leave.
    std::size_t                written_      = 0; ///< Octets that have left.
    std::size_t                accepted_     = 0;
    std::size_t                refused_      = 0;
    std::size_t                answered_     = 0; ///< Recipients with a reply.
    std::size_t                raw_accepted_ = 0; ///< Positive replies to RCPT, whatever became of MAIL.
    std::size_t                content_due_  = 0; ///< Replies to content that are due.
    std::size_t   per_recipient_ = 0; ///< PRDR: 1 + the position whose reply is next; 0 before they begin.
    std::uint32_t chunks_        = 0;
    phase         closing_phase_ = phase::mail;
    reply         closing_reply_;
    data_state    data_reply_       = data_state::none;
    step          step_             = step::finished;
    bool          prdr_             = false;
    bool          mail_answered_    = false;
    bool          mail_ok_          = false;
    bool          data_sent_        = false;
    bool          content_begun_    = false;
    bool          content_written_  = false; ///< Its end was handed over, or is about to be.
    bool          content_ended_    = false; ///< Its end may have left.
    bool          content_refused_  = false;
    bool          end_seen_         = false; ///< The server has begun to answer the end.
    bool          closing_          = false;
    bool          transaction_open_ = false;
    bool          rset_failed_      = false;
    bool          claimed_          = false; ///< The server accepted content that had not ended.
};

} // namespace posthorn::smtp

#endif
