//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What became of a message: one outcome for each recipient, and the final reply.

#ifndef POSTHORN_SMTP_OUTCOME_HPP
#define POSTHORN_SMTP_OUTCOME_HPP

#include <posthorn/core/printable.hpp>
#include <posthorn/smtp/flight.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::smtp {

namespace detail {
class settlement;
}

/// What became of the message for one recipient.
enum class disposition : unsigned char
{
    accepted,            ///< The server has taken responsibility.
    refused_permanently, ///< 5xx: trying again will not help.
    refused_temporarily, ///< 4xx: try again later.
    not_sent,            ///< The server certainly does not have it: safe to send again.
    in_doubt             ///< The end of the content may have arrived and no reply was seen: sending again may duplicate.
};

/// A word for texts and JSON, e.g. "refused_permanently".
constexpr std::string_view to_string(disposition d) noexcept
{
    switch (d)
    {
    case disposition::accepted: return "accepted";
    case disposition::refused_permanently: return "refused_permanently";
    case disposition::refused_temporarily: return "refused_temporarily";
    case disposition::not_sent: return "not_sent";
    case disposition::in_doubt: return "in_doubt";
    }
    return "unknown";
}

/// The message as a whole.
enum class overall : unsigned char
{
    accepted,  ///< For every recipient.
    partial,   ///< For some, and nothing is in doubt.
    refused,   ///< For none, and trying again will help none.
    temporary, ///< For none, and some may be accepted later.
    in_doubt,  ///< It is not known for some.
    not_sent   ///< For none: nothing was handed over.
};

constexpr std::string_view to_string(overall o) noexcept
{
    switch (o)
    {
    case overall::accepted: return "accepted";
    case overall::partial: return "partial";
    case overall::refused: return "refused";
    case overall::temporary: return "temporary";
    case overall::in_doubt: return "in_doubt";
    case overall::not_sent: return "not_sent";
    }
    return "unknown";
}

/// One recipient of a message.
struct recipient_report
{
    recipient_report() = default;

    std::string                  address;                           ///< As it was sent, without angle brackets.
    disposition                  outcome = disposition::not_sent;
    smtp::phase                  phase   = phase::prepare;          ///< Where it was decided.
    int                          code    = 0;                       ///< Of the deciding reply; 0 if there was none.
    std::optional<enhanced_code> enhanced;                          ///< Of the deciding reply.
    std::string                  text;                              ///< Its text, or why nothing was sent. Safe to show.

    bool accepted() const noexcept { return outcome == disposition::accepted; }
};

/** The result of sending one message.

    Recipients stand in the order of the envelope. What the server does after its final reply (to RSET, QUIT, by
    closing) never changes a report. A report that is used again keeps its memory.
*/
class report
{
public:
    report() = default;

    std::span<recipient_report const> recipients() const noexcept { return recipients_; }
    std::span<recipient_report>       recipients() noexcept { return recipients_; }

    /// The server's last word on the content, with its queue id; code() == 0 if there was none.
    reply const& final_reply() const noexcept { return final_; }

    std::size_t accepted() const noexcept { return count(disposition::accepted); }
    bool        all_accepted() const noexcept { return accepted() == recipients_.size(); }
    std::size_t count(disposition d) const noexcept
    {
        return static_cast<std::size_t>(std::count_if(recipients_.begin(), recipients_.end(),
                                                      [d](recipient_report const& r) { return r.outcome == d; }));
    }

    smtp::overall outcome() const noexcept
    {
        if (count(disposition::in_doubt) != 0)
            return overall::in_doubt;
        if (all_accepted() && !recipients_.empty())
            return overall::accepted;
        if (accepted() != 0)
            return overall::partial;
        if (count(disposition::refused_temporarily) != 0)
            return overall::temporary;
        return count(disposition::not_sent) != 0 || recipients_.empty() ? overall::not_sent : overall::refused;
    }

    /// How often the client had to wait for the server.
    std::uint32_t round_trips() const noexcept { return round_trips_; }

    /// Octets of content that were handed to the transport, as on the wire.
    std::uint64_t content_bytes() const noexcept { return content_bytes_; }

    /// How the content was carried.
    smtp::transfer transfer() const noexcept { return transfer_; }

    /// Keywords of extensions whose parameters were left out, because the server does not offer them and
    /// send_options::unsupported allowed it.
    std::span<std::string_view const> dropped() const noexcept { return dropped_; }

    /// A line for each recipient, safe to show.
    std::string describe() const
    {
        std::string text;
        for (auto const& r : recipients_)
        {
            text += r.address + ": " + std::string(to_string(r.outcome));
            if (r.code != 0 || !r.text.empty())
                text += " (" + std::string(to_string(r.phase)) + (r.code != 0 ? " " + std::to_string(r.code) : "") +
                        (r.enhanced ? " " + r.enhanced->to_string() : "") + (r.text.empty() ? "" : " " + r.text) + ")";
            text += '\n';
        }
        return text;
    }

private:
    friend class detail::settlement;

    std::vector<recipient_report> recipients_;
    reply                         final_;
    std::uint64_t                 content_bytes_ = 0;
    std::vector<std::string_view> dropped_;
    std::uint32_t                 round_trips_   = 0;
    smtp::transfer                transfer_      = smtp::transfer::data;
};

} // namespace posthorn::smtp

#endif
