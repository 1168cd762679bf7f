//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a server offers: the keywords of an EHLO or LHLO reply, with typed access to their parameters.

#ifndef POSTHORN_SMTP_CAPABILITIES_HPP
#define POSTHORN_SMTP_CAPABILITIES_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/smtp/reply.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::smtp {

/// The extensions this library knows by name. Others are found by their keyword.
enum class feature : unsigned
{
    auth,                  ///< RFC 4954
    binarymime,            ///< RFC 3030
    burl,                  ///< RFC 4468
    chunking,              ///< RFC 3030
    deliver_by,            ///< RFC 2852
    dsn,                   ///< RFC 3461
    eight_bit_mime,        ///< RFC 6152
    enhanced_status_codes, ///< RFC 2034
    etrn,                  ///< RFC 1985
    expn,                  ///< RFC 5321
    future_release,        ///< RFC 4865
    help,                  ///< RFC 5321
    limits,                ///< RFC 9422
    mt_priority,           ///< RFC 6710
    pipe_connect,          ///< Exim's early pipelining
    pipelining,            ///< RFC 2920
    prdr,                  ///< per-recipient data response (Exim)
    require_tls,           ///< RFC 8689
    rrvs,                  ///< RFC 7293
    size,                  ///< RFC 1870
    smtputf8,              ///< RFC 6531
    starttls,              ///< RFC 3207
    vrfy,                  ///< RFC 5321
    xclient,               ///< Postfix
    xforward,              ///< Postfix
    x_exps                 ///< Exchange's own name for AUTH between its servers
};

namespace detail {

inline constexpr std::array<std::string_view, 26> feature_keywords = {
    "AUTH",      "BINARYMIME",  "BURL",          "CHUNKING",
    "DELIVERBY", "DSN",         "8BITMIME",      "ENHANCEDSTATUSCODES",
    "ETRN",      "EXPN",        "FUTURERELEASE", "HELP",
    "LIMITS",    "MT-PRIORITY", "PIPECONNECT",   "PIPELINING",
    "PRDR",      "REQUIRETLS",  "RRVS",          "SIZE",
    "SMTPUTF8",  "STARTTLS",    "VRFY",          "XCLIENT",
    "XFORWARD",  "X-EXPS"};

constexpr std::optional<feature> find_feature(std::string_view keyword) noexcept
{
    for (unsigned i = 0; i < feature_keywords.size(); ++i)
        if (ascii::iequals(feature_keywords[i], keyword))
            return static_cast<feature>(i);
    if (ascii::iequals(keyword, "X_PIPE_CONNECT") || ascii::iequals(keyword, "PIPE_CONNECT"))
        return feature::pipe_connect;
    return std::nullopt;
}

/// All of `text` as a decimal number; nothing if it is not one or is too large.
constexpr std::optional<std::uint64_t> parse_number(std::string_view text) noexcept
{
    constexpr auto most  = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t  value = 0;
    if (text.empty())
        return std::nullopt;
    for (char const c : text)
    {
        auto const digit = static_cast<std::uint64_t>(c - '0');
        if (!ascii::is_digit(c) || value > most / 10 || value * 10 > most - digit)
            return std::nullopt;
        value = value * 10 + digit;
    }
    return value;
}

/// Takes the next word, of blanks and without them, from the front of `text`; empty at the end.
constexpr std::string_view next_word(std::string_view& text) noexcept
{
    while (!text.empty() && ascii::is_blank(text.front()))
        text.remove_prefix(1);
    std::size_t n = 0;
    while (n < text.size() && !ascii::is_blank(text[n]))
        ++n;
    auto const word = text.substr(0, n);
    text.remove_prefix(n);
    return word;
}

} // namespace detail

/// The keyword of a feature as its RFC spells it.
constexpr std::string_view keyword(feature f) noexcept
{
    return detail::feature_keywords[static_cast<unsigned>(f)];
}

/// One line of the EHLO reply.
struct capability
{
    std::string keyword;    ///< As the server spelled it.
    std::string parameters; ///< The rest of the line, without blanks at both ends.
};

/// What LIMITS promises (RFC 9422); nothing where the server names no limit.
struct server_limits
{
    std::optional<std::uint64_t> mail_max;        ///< Transactions in one connection.
    std::optional<std::uint64_t> rcpt_max;        ///< Recipients in one transaction.
    std::optional<std::uint64_t> rcpt_domain_max; ///< Different recipient domains in one transaction.
};

/// What FUTURERELEASE allows (RFC 4865).
struct future_release_limits
{
    std::uint64_t max_interval = 0; ///< Seconds; 0 if the server did not say.
    std::string   max_date_time;    ///< As the server spelled it; empty if it did not.
};

/** The extensions offered by a server.

    Defects of a value never break the rest: a malformed number counts as not given. A feature can be masked,
    for servers known to offer what they break. Thread-safe like std::string.
*/
class capabilities
{
public:
    /// Keywords beyond this many are ignored.
    static constexpr std::size_t max_keywords = 128;

    /// Nothing offered.
    capabilities() = default;

    /// From a positive reply to EHLO or LHLO. Its first line is the server's name and greeting, never a
    /// keyword.
    explicit capabilities(reply const& r) { assign(r, true); }

    /// From a positive reply to HELO: the name and no extensions.
    static capabilities from_helo(reply const& r)
    {
        capabilities c;
        c.assign(r, false);
        return c;
    }

    /// The name the server gives itself: the first word of its answer. Unchecked text.
    std::string const& server_name() const noexcept { return name_; }

    /// The rest of the first line. Unchecked text.
    std::string const& greeting() const noexcept { return greeting_; }

    /// False after HELO.
    bool extended() const noexcept { return extended_; }

    /// Every keyword in the server's order, masked ones too.
    std::span<capability const> keywords() const noexcept { return keywords_; }

    /// Is the feature offered and not masked?
    bool has(feature f) const noexcept { return (offered_ & ~masked_ & bit(f)) != 0; }

    /// Is the keyword offered, whatever its case, and not masked?
    bool has(std::string_view name) const noexcept { return find(name) != nullptr; }

    /// The first line with this keyword, or null if there is none or the feature is masked.
    capability const* find(std::string_view name) const noexcept
    {
        auto const known = detail::find_feature(name);
        if (known && !has(*known))
            return nullptr;
        for (auto const& k : keywords_)
            if (ascii::iequals(k.keyword, name) || (known && detail::find_feature(k.keyword) == known))
                return &k;
        return nullptr;
    }

    /// Masks a feature: has() tells that it is not there. The mask survives assign().
    void disable(feature f) noexcept { masked_ |= bit(f); }
    void enable(feature f) noexcept { masked_ &= ~bit(f); }
    bool disabled(feature f) const noexcept { return (masked_ & bit(f)) != 0; }

    /// The largest message in octets; nothing if the server names no limit, or none that can be understood.
    std::optional<std::uint64_t> max_size() const noexcept
    {
        return has(feature::size) && max_size_ != 0 ? std::optional<std::uint64_t>(max_size_) : std::nullopt;
    }

    /** The mechanisms of AUTH, `AUTH=` and X-EXPS, upper case, each once, in the server's order.

        Empty if AUTH is masked.
    */
    std::span<std::string const> auth_mechanisms() const noexcept
    {
        if (disabled(feature::auth))
            return {};
        return mechanisms_;
    }

    bool has_auth(std::string_view mechanism) const noexcept
    {
        for (auto const& m : auth_mechanisms())
            if (ascii::iequals(m, mechanism))
                return true;
        return false;
    }

    server_limits limits() const noexcept { return has(feature::limits) ? limits_ : server_limits(); }

    /// The shortest DELIVERBY time the server guarantees to honour, in seconds; 0 if it does not say.
    std::uint64_t min_deliver_by() const noexcept { return has(feature::deliver_by) ? min_deliver_by_ : 0; }

    future_release_limits future_release() const
    {
        return has(feature::future_release) ? future_release_ : future_release_limits();
    }

    /// The priority profile of MT-PRIORITY, e.g. "MIXER"; empty if the server names none.
    std::string_view mt_priority_profile() const noexcept { return parameters(feature::mt_priority); }

    /// The attributes that XCLIENT or XFORWARD takes, upper case.
    std::vector<std::string> attributes(feature f) const
    {
        std::vector<std::string> list;
        auto                     rest = parameters(f);
        for (auto word = detail::next_word(rest); !word.empty(); word = detail::next_word(rest))
            list.push_back(ascii::to_upper(word));
        return list;
    }

    /// The text behind a keyword; empty if it is not offered.
    std::string_view parameters(feature f) const noexcept
    {
        auto const* const c = find(keyword(f));
        return c ? std::string_view(c->parameters) : std::string_view();
    }

    /// Replaces everything but the mask.
    void assign(reply const& r, bool extended)
    {
        auto const mask = masked_;
        *this           = capabilities();
        masked_         = mask;
        extended_       = extended;
        bool first      = true;
        for (auto const& line : r)
        {
            auto rest = ascii::trim(line.raw);
            if (first)
            {
                first     = false;
                name_     = detail::next_word(rest);
                greeting_ = ascii::trim(rest);
            }
            else if (extended && !rest.empty() && keywords_.size() != max_keywords)
                add(rest);
        }
    }

private:
    static constexpr std::uint64_t bit(feature f) noexcept
    {
        return std::uint64_t{1} << static_cast<unsigned>(f);
    }

    void add(std::string_view line)
    {
        auto rest = line;
        auto word = detail::next_word(rest);
        rest      = ascii::trim(rest);
        // "AUTH=LOGIN" is older than RFC 2554, and others imitate it. A keyword itself has no equals sign.
        auto const equals = word.find('=');
        if (equals != word.npos && detail::find_feature(word.substr(0, equals)))
        {
            rest = ascii::trim(line.substr(equals + 1));
            word = word.substr(0, equals);
        }
        if (word == "8" && ascii::iequals(rest, "BITMIME")) // Yahoo's spelling
        {
            word = keyword(feature::eight_bit_mime);
            rest = {};
        }
        auto& added      = keywords_.emplace_back();
        added.keyword    = word;
        added.parameters = rest;
        auto const known = detail::find_feature(word);
        if (!known)
            return;
        bool const again = (offered_ & bit(*known)) != 0;
        offered_ |= bit(*known);
        switch (*known)
        {
        case feature::auth:
        case feature::x_exps: add_mechanisms(rest); break;
        case feature::size:
            if (!again)
                max_size_ = detail::parse_number(detail::next_word(rest)).value_or(0);
            break;
        case feature::limits: add_limits(rest); break;
        case feature::deliver_by:
            if (!again)
                min_deliver_by_ = detail::parse_number(detail::next_word(rest)).value_or(0);
            break;
        case feature::future_release:
            if (!again)
            {
                future_release_.max_interval  = detail::parse_number(detail::next_word(rest)).value_or(0);
                future_release_.max_date_time = detail::next_word(rest);
            }
            break;
        default: break;
        }
    }

    void add_mechanisms(std::string_view rest)
    {
        for (auto word = detail::next_word(rest); !word.empty(); word = detail::next_word(rest))
        {
            bool legal = word.size() <= 20;
            for (char const c : word)
                legal = legal && (ascii::is_alnum(c) || c == '-' || c == '_');
            bool known = false;
            for (auto const& m : mechanisms_)
                known = known || ascii::iequals(m, word);
            if (legal && !known)
                mechanisms_.push_back(ascii::to_upper(word));
        }
    }

    void add_limits(std::string_view rest)
    {
        for (auto word = detail::next_word(rest); !word.empty(); word = detail::next_word(rest))
        {
            auto const equals = word.find('=');
            if (equals == word.npos)
                continue;
            auto const name  = word.substr(0, equals);
            auto const value = detail::parse_number(word.substr(equals + 1));
            if (!value || *value == 0)
                continue;
            if (ascii::iequals(name, "MAILMAX"))
                limits_.mail_max = value;
            else if (ascii::iequals(name, "RCPTMAX"))
                limits_.rcpt_max = value;
            else if (ascii::iequals(name, "RCPTDOMAINMAX"))
                limits_.rcpt_domain_max = value;
        }
    }

    std::string              name_;
    std::string              greeting_;
    std::vector<capability>  keywords_;
    std::vector<std::string> mechanisms_;
    future_release_limits    future_release_;
    server_limits            limits_;
    std::uint64_t            max_size_       = 0;
    std::uint64_t            min_deliver_by_ = 0;
    std::uint64_t            offered_        = 0;
    std::uint64_t            masked_         = 0;
    bool                     extended_       = false;
};

} // namespace posthorn::smtp

#endif
