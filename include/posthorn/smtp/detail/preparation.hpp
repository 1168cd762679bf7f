//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What will be sent of a message to this very server: parameters, spellings of addresses, the way the content goes, and
// how the recipients are parted. Decided before the first octet leaves.

#ifndef POSTHORN_SMTP_DETAIL_PREPARATION_HPP
#define POSTHORN_SMTP_DETAIL_PREPARATION_HPP

#include <posthorn/codec/idna.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/config.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/detail/settlement.hpp>
#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/flight.hpp>
#include <posthorn/smtp/header_facts.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/parameters.hpp>
#include <posthorn/smtp/send_options.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace posthorn::smtp::detail {

/// What is known of content before it is sent.
struct known_content
{
    std::string_view             beginning;        ///< Its first octets, maybe all.
    bool                         complete = false; ///< They are all.
    std::optional<std::uint64_t> size;             ///< Of the whole, if the source knows.
};

/// The server and the connection to it.
struct known_server
{
    smtp::capabilities const* offers = nullptr;
    bool                      secure = false; ///< By TLS, with a certificate that was verified.
    bool                      lmtp   = false;
    bool                      burst  = false; ///< The message is one of many.
};

/// Used again, it keeps its memory.
class preparation
{
public:
    /** @param e    Must stay as it is while this is used.
        @param into Reset; recipients who cannot be reached here are refused in it.
        @return Why nothing can be sent; the report says so for all recipients then. */
    defect prepare(smtp::envelope const& e, known_content const& content, send_options const& o, known_server const& s,
                   report& into)
    {
        settlement::reset(into, e);
        envelope_   = &e;
        options_    = &o;
        server_     = s;
        parameters_ = e.parameters;
        copied_     = false;
        parts_ = next_ = 0;
        todo_.clear();
        auto d      = plan_content(content);
        if (!d)
            d = plan_addresses(content, into);
        if (!d)
            d = plan_parameters(into);
        if (!d)
            group_domains();
        if (!d && o.policy == recipient_policy::all_or_nothing && next_part().size() != todo_.size())
            d = refusal(errc::too_many_recipients, "LIMITS of the server");
        if (d)
        {
            for (auto& one : into.recipients()) // who is the reason keeps code and text
                one.outcome = disposition::not_sent;
            settlement::explain(into, d.code.message() + ": " + std::string(d.detail));
            todo_.clear();
        }
        return d;
    }

    mail_parameters const& parameters() const noexcept { return parameters_; }
    smtp::envelope const&  envelope() const noexcept { return copied_ ? copy_ : *envelope_; }
    smtp::transfer         transfer() const noexcept { return transfer_; }
    content_options const& content() const noexcept { return content_; }

    /// What the content consists of; null if it was not seen whole.
    content_facts const* measured() const noexcept { return facts_ ? &*facts_ : nullptr; }

    /** The recipients of the next transaction, as many as the server takes at once (RFC 9422); empty if all had theirs.

        The span is valid until take_part() or postpone(). */
    std::span<std::uint32_t const> next_part() const
    {
        auto const limits = server_.offers->limits();
        auto const rest   = std::span(todo_).subspan(next_);
        auto const most   = std::min<std::uint64_t>(limits.rcpt_max.value_or(rest.size()), rest.size());
        if (!limits.rcpt_domain_max)
            return rest.first(static_cast<std::size_t>(most));
        std::uint64_t domains = 0; // they are grouped
        std::size_t   n       = 0;
        for (; n != most; ++n)
        {
            bool const another = n == 0 || !ascii::iequals(domain_of(rest[n]), domain_of(rest[n - 1]));
            if (another && domains++ == *limits.rcpt_domain_max)
                break;
        }
        return rest.first(n);
    }

    /// The next part is being sent.
    void take_part()
    {
        ++parts_;
        last_ = todo_[next_];
        next_ += next_part().size();
    }

    /// These were too many, and come once more. @pre they are of the last part
    void postpone(std::span<std::uint32_t const> who)
    {
        POSTHORN_ASSERT(who.size() <= next_);
        next_ -= who.size();
        std::copy(who.begin(), who.end(), todo_.begin() + static_cast<std::ptrdiff_t>(next_));
    }

    /// MAIL was refused, for whomever it was: what became of the last part became of the rest as well.
    void share_verdict(report& into)
    {
        settlement::share(into, std::span(todo_).subspan(next_), last_);
        next_ = todo_.size();
    }

    bool        has_more() const noexcept { return next_ != todo_.size(); }
    std::size_t parts() const noexcept { return parts_; } ///< That were taken so far.

    /// Those who had no transaction will have none. @param why Shown in the report.
    void give_up(report& into, std::string_view why)
    {
        settlement rest;
        rest.begin(into, std::span(todo_).subspan(next_));
        rest.settle_pending(disposition::not_sent, phase::prepare, why);
        next_ = todo_.size();
    }

private:
    static defect refusal(std::error_code code, std::string_view what) noexcept
    {
        defect d;
        d.code   = code;
        d.detail = what;
        return d;
    }

    bool offers(feature f) const noexcept { return server_.offers->has(f); }

    /// Content in memory is measured before, so that nothing is sent that would have to be given up half-way.
    defect plan_content(known_content const& c)
    {
        constexpr std::string_view reencode = "re-encode the content, e.g. as quoted-printable";
        auto const&                o        = *options_;
        bool const can_chunk = o.chunking != chunking::off && offers(feature::chunking);
        bool const verbatim  = o.endings == line_endings::verbatim;
        bool       binary    = verbatim || parameters_.body == body_type::binary;
        auto       size      = c.size;
        eight_bit_           = true;
        facts_.reset();
        if (c.complete)
        {
            content_measure measure(o.endings);
            measure.update(c.beginning);
            facts_           = measure.finish();
            auto const& facts = *facts_;
            size             = facts.size;
            eight_bit_       = facts.eight_bit;
            bool const overlong = o.max_line != 0 && facts.longest_line > o.max_line;
            if (facts.bare_endings && o.endings == line_endings::strict)
                return refusal(errc::bare_line_ending, "the content");
            if ((facts.nul || overlong) && can_chunk && offers(feature::binarymime) &&
                parameters_.body == body_type::unspecified)
                binary = true;
            if (!binary && facts.nul)
                return refusal(errc::binary_refused, "a NUL in the content: re-encode it, e.g. as base64");
            if (!binary && overlong)
                return refusal(errc::line_length, reencode);
            if (!binary && facts.eight_bit && !offers(feature::eight_bit_mime))
                return refusal(errc::eight_bit_refused, reencode);
            if (facts.eight_bit && parameters_.body == body_type::seven_bit)
                return refusal(errc::bad_parameter, "BODY=7BIT, and the content has octets above 127");
            if (facts.eight_bit && parameters_.body == body_type::unspecified)
                parameters_.body = body_type::eight_bit;
        }
        else if (parameters_.body == body_type::unspecified && offers(feature::eight_bit_mime))
            parameters_.body = body_type::eight_bit; // what will come is not known, and may be 8-bit then
        if (binary)
            parameters_.body = body_type::binary;
        if (binary && o.chunking == chunking::off)
            return refusal(errc::bad_parameter, "binary content and verbatim line ends need BDAT, which is turned off");
        if (o.chunking == chunking::on && !can_chunk)
            return missing(feature::chunking);
        transfer_ = binary || o.chunking == chunking::on || (can_chunk && server_.burst) ? transfer::bdat
                                                                                          : transfer::data;
        if (!parameters_.size && size && offers(feature::size))
            parameters_.size = size;

        content_                 = content_options();
        content_.endings         = o.endings;
        content_.max_line        = binary ? 0 : o.max_line;
        content_.allow_eight_bit =
            binary || (offers(feature::eight_bit_mime) && parameters_.body != body_type::seven_bit);
        content_.allow_nul       = binary;
        content_.dot_stuffing    = transfer_ == transfer::data;
        return {};
    }

    /// SMTPUTF8 or A-labels, and who cannot be reached by either.
    defect plan_addresses(known_content const& c, report& into)
    {
        auto const& e       = *envelope_;
        bool const  wanted  = options_->smtputf8 != smtputf8_use::never;
        bool const  offered = offers(feature::smtputf8) && wanted;
        bool const  header  = wanted && eight_bit_ && look_at_header(c.beginning).utf8;
        bool        utf8    = options_->smtputf8 == smtputf8_use::force || parameters_.smtputf8;
        bool        plain   = !e.sender.needs_smtputf8();
        bool        locals  = !e.sender.is_null() && e.sender.sender().local_part_is_utf8();
        for (auto const& r : e.recipients)
            if (r.address.needs_smtputf8())
            {
                plain  = false;
                locals = locals || r.address.local_part_is_utf8();
            }
        if (offered && !utf8)
            utf8 = locals || header || needs_idna(plain);
        parameters_.smtputf8 = utf8;

        for (std::size_t i = 0; i != e.recipients.size(); ++i)
            todo_.push_back(static_cast<std::uint32_t>(i));
        if (!utf8 && header) // RFC 6531, 3.2
            return refusal(errc::smtputf8_required, "the header section is UTF-8, and the server does not offer "
                                                    "SMTPUTF8: encode its fields (RFC 2047)");
        if (utf8 || plain)
            return {};

        smtp::envelope& spelled = copy();
        if (!e.sender.is_null() && e.sender.needs_smtputf8())
        {
            auto sender = spell(e.sender.sender());
            if (!sender)
                return refusal(errc::smtputf8_required, why_unspellable(e.sender.sender()));
            spelled.sender = reverse_path(std::move(*sender));
        }
        std::erase_if(todo_, [&](std::uint32_t i) {
            auto address = spell(e.recipients[i].address);
            if (address)
                spelled.recipients[i].address = std::move(*address);
            else
                settlement::refuse(into, i, {5, 6, 7}, why_unspellable(e.recipients[i].address));
            return !address;
        });
        bool const some_refused = todo_.size() != e.recipients.size();
        if (some_refused && todo_.empty())
            return refusal(errc::smtputf8_required, why_unspellable(e.recipients.front().address));
        if (some_refused && options_->policy == recipient_policy::all_or_nothing)
            return refusal(errc::smtputf8_required,
                           "another recipient cannot be reached, and the policy is all or nothing");
        return {};
    }

    /// Why an address cannot be sent without SMTPUTF8.
    std::string_view why_unspellable(address const& a) const noexcept
    {
        bool const offered = offers(feature::smtputf8);
        if (a.local_part_is_utf8())
            return offered ? "the local part of the address needs SMTPUTF8, which smtputf8_use::never forbids"
                           : "the local part of the address needs SMTPUTF8, which the server does not offer";
        if (!codec::has_idna)
            return "the domain of the address needs SMTPUTF8, or a library built with libidn2 (POSTHORN_WITH_IDN2)";
        return offered ? "the domain of the address has no ASCII form (IDNA), and smtputf8_use::never forbids SMTPUTF8"
                       : "the domain of the address has no ASCII form (IDNA), and the server does not offer SMTPUTF8";
    }

    std::string_view domain_of(std::uint32_t i) const noexcept { return envelope().recipients[i].address.domain(); }

    /// Brings together who may share a transaction, in the order in which their domains appear.
    void group_domains()
    {
        if (!server_.offers->limits().rcpt_domain_max)
            return;
        std::unordered_map<std::string, std::size_t> rank;
        std::vector<std::size_t>                     of(envelope().recipients.size());
        for (auto const i : todo_)
            of[i] = rank.try_emplace(ascii::to_lower(domain_of(i)), rank.size()).first->second;
        std::sort(todo_.begin(), todo_.end(),
                  [&](std::uint32_t a, std::uint32_t b) { return of[a] != of[b] ? of[a] < of[b] : a < b; });
    }

    /// A domain that libidn2 cannot spell leaves only SMTPUTF8.
    bool needs_idna(bool plain) const
    {
        if (plain)
            return false;
        auto const unspellable = [](address const& a) { return a.domain_is_utf8() && !spell(a); };
        auto const& e = *envelope_;
        return (!e.sender.is_null() && unspellable(e.sender.sender())) ||
               std::any_of(e.recipients.begin(), e.recipients.end(),
                           [&](recipient const& r) { return unspellable(r.address); });
    }

    /// The address in ASCII, if that is possible.
    static std::optional<address> spell(address const& a)
    {
        if (a.local_part_is_utf8())
            return std::nullopt;
        std::optional<address> spelled(a);
        auto const             domain = codec::domain_to_ascii(a.domain());
        if (!domain || spelled->set_domain(*domain))
            spelled.reset();
        return spelled;
    }

    defect plan_parameters(report& into)
    {
        auto const& server = *server_.offers;
        // Under all_or_nothing one verdict for all is just what is wanted.
        if (options_->prdr && options_->policy != recipient_policy::all_or_nothing && !server_.lmtp &&
            offers(feature::prdr) && todo_.size() > 1)
            parameters_.prdr = true;
        if (options_->unsupported == unsupported::drop)
            drop(into);
        if (auto d = check(parameters_, server))
        {
            if (d.detail == keyword(feature::require_tls) && !server_.secure)
                d.detail = "REQUIRETLS, which servers offer under TLS only";
            return d;
        }
        if (parameters_.require_tls && !server_.secure) // RFC 8689, 4.2.1
            return refusal(errc::tls_required_unavailable, "REQUIRETLS needs TLS with a verified certificate");
        for (auto const i : todo_)
            if (auto const d = check(envelope().recipients[i].parameters, server))
                return d;
        return {};
    }

    void drop(report& into)
    {
        auto const& server = *server_.offers;
        auto const  note   = [&](std::vector<std::string_view> const& keywords) {
            for (auto const one : keywords)
                if (std::find(into.dropped().begin(), into.dropped().end(), one) == into.dropped().end())
                    settlement::note_dropped(into, one);
        };
        note(drop_unsupported(parameters_, server));
        for (auto const i : todo_)
            if (check(envelope().recipients[i].parameters, server))
                note(drop_unsupported(copy().recipients[i].parameters, server));
    }

    /// The caller's envelope must not change.
    smtp::envelope& copy()
    {
        if (!std::exchange(copied_, true))
            copy_ = *envelope_;
        return copy_;
    }

    smtp::envelope const*      envelope_ = nullptr;
    send_options const*        options_  = nullptr;
    known_server               server_;
    smtp::envelope             copy_; ///< With other spellings and parameters, if there are any.
    mail_parameters            parameters_;
    content_options            content_;
    std::optional<content_facts> facts_;
    std::vector<std::uint32_t> todo_; ///< Recipients who can be reached, in the order of their transactions.
    std::size_t                next_     = 0; ///< The first in it who had no transaction yet.
    std::size_t                parts_    = 0;
    std::uint32_t              last_     = 0; ///< One of the last part.
    smtp::transfer             transfer_ = smtp::transfer::data;
    bool                       copied_   = false;
    bool                       eight_bit_ = false; ///< There may be octets above 127 in the content.
};

} // namespace posthorn::smtp::detail

#endif
