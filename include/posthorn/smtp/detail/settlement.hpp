//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Enters outcomes into a report: which recipients a transaction is about, who of them is undecided, and why who was
// decided.

#ifndef POSTHORN_SMTP_DETAIL_SETTLEMENT_HPP
#define POSTHORN_SMTP_DETAIL_SETTLEMENT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/flight.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::smtp::detail {

/** The recipients of one transaction within the report of a message, which may need several.

    Positions count the recipients of the transaction, indices those of the report. Used again, it keeps its memory.
*/
class settlement
{
public:
    /// Makes `r` the report of a message of which nothing has been sent.
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
        r.transfer_      = transfer::data;
        r.dropped_.clear();
    }

    /// All recipients of the report are undecided.
    void begin(report& r)
    {
        chosen_.resize(r.recipients_.size());
        for (std::uint32_t i = 0; auto& index : chosen_)
            index = i++;
        mark(r);
    }

    /// Some are; the others are no business of this transaction.
    void begin(report& r, std::span<std::uint32_t const> who)
    {
        chosen_.assign(who.begin(), who.end());
        mark(r);
    }

    std::size_t   size() const noexcept { return chosen_.size(); }
    std::uint32_t index(std::size_t position) const noexcept { return chosen_[position]; }
    report&       whole() const noexcept { return *report_; }

    bool pending(std::uint32_t index) const noexcept { return report_->recipients_[index].code == undecided; }

    /// The first position from `at` on whose recipient is undecided; size() if there is none.
    std::size_t next_pending(std::size_t at) const noexcept
    {
        while (at != chosen_.size() && !pending(chosen_[at]))
            ++at;
        return at;
    }
    bool any_pending() const noexcept { return next_pending(0) != chosen_.size(); }

    void settle(std::uint32_t index, disposition d, phase p, reply const& r)
    {
        auto& entry    = enter(index, d, p, r.code());
        entry.enhanced = r.enhanced();
        entry.text.clear();
        for (auto const& line : r)
        {
            if (entry.text.size() > longest_text) // there is a copy for each recipient
            {
                entry.text += " ...";
                break;
            }
            if (!entry.text.empty())
                entry.text += ' ';
            append_printable(entry.text, line.text);
        }
    }

    void settle(std::uint32_t index, disposition d, phase p, std::string_view why)
    {
        auto& entry = enter(index, d, p, 0);
        entry.enhanced.reset();
        entry.text.assign(why);
    }

    /// @param why A reply, or words.
    template <class Why>
    void settle_pending(disposition d, phase p, Why const& why)
    {
        for (auto const i : chosen_)
            if (pending(i))
                settle(i, d, p, why);
    }

    /// Everybody whom RCPT did not refuse is in doubt, whatever was thought before.
    void doubt(std::string_view why)
    {
        for (auto const i : chosen_)
            if (pending(i) || report_->recipients_[i].phase != phase::rcpt)
                settle(i, disposition::in_doubt, phase::content, why);
    }

    void final_reply(reply const& r) { report_->final_ = r; }

    static disposition refusal_of(reply const& r) noexcept
    {
        return r.permanent() ? disposition::refused_permanently : disposition::refused_temporarily;
    }

    /// Enters what it cost.
    static void count(report& r, std::uint64_t round_trips, std::uint64_t content_bytes, transfer how) noexcept
    {
        r.round_trips_   = static_cast<std::uint32_t>(round_trips);
        r.content_bytes_ = content_bytes;
        r.transfer_      = how;
    }

    static void note_dropped(report& r, std::string_view keyword) { r.dropped_.push_back(keyword); }

    /// Why nothing was sent, for all whom nothing else was said about.
    static void explain(report& r, std::string_view why)
    {
        for (auto& one : r.recipients_)
            if (one.outcome == disposition::not_sent && one.code == 0 && one.text.empty())
                one.text.assign(why);
    }

    /// What became of one recipient became of these as well.
    static void share(report& r, std::span<std::uint32_t const> who, std::size_t with)
    {
        auto const& one = r.recipients_[with];
        for (auto const i : who)
        {
            auto& entry    = r.recipients_[i];
            entry.outcome  = one.outcome;
            entry.phase    = one.phase;
            entry.code     = one.code;
            entry.enhanced = one.enhanced;
            entry.text     = one.text;
        }
    }

    /// Decides about a recipient before anything is sent.
    static void refuse(report& r, std::size_t index, enhanced_code code, std::string_view why)
    {
        auto& one    = r.recipients_[index];
        one.outcome  = disposition::refused_permanently;
        one.phase    = phase::prepare;
        one.code     = 0;
        one.enhanced = code;
        one.text.assign(why);
    }

private:
    // A recipient without a verdict carries this mark: accepted in RCPT or not answered yet.
    static constexpr int         undecided    = -1;
    static constexpr std::size_t longest_text = 1000;

    void mark(report& r)
    {
        report_ = &r;
        for (auto const i : chosen_)
            r.recipients_[i].code = undecided;
    }

    recipient_report& enter(std::uint32_t index, disposition d, phase p, int code)
    {
        auto& entry   = report_->recipients_[index];
        entry.outcome = d;
        entry.phase   = p;
        entry.code    = code;
        return entry;
    }

    /// Clean text, the usual case, needs no copy of its own.
    static void append_printable(std::string& to, std::string_view text)
    {
        if (ascii::has_control(text) || ascii::has_eight_bit(text) || text.size() > longest_text)
            to += printable(text);
        else
            to += text;
    }

    report*                    report_ = nullptr;
    std::vector<std::uint32_t> chosen_;
};

} // namespace posthorn::smtp::detail

#endif
