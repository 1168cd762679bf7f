//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Envelope addresses: a mailbox that was checked once and is spelled in one way from then on.

#ifndef POSTHORN_SMTP_ADDRESS_HPP
#define POSTHORN_SMTP_ADDRESS_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/config.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/smtp/domain.hpp>
#include <posthorn/smtp/error.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::smtp {

/// The limits of RFC 5321, 4.5.3.1, which some systems relax.
struct address_options
{
    std::size_t    max_local_part   = 64;    ///< Octets as sent, quotes included.
    std::size_t    max_size         = 254;   ///< Octets of the whole, without the angle brackets.
    bool           allow_postmaster = false; ///< Accept "postmaster" without a domain.
    domain_options domain;
};

/** A Mailbox of RFC 5321, 4.1.2, with the UTF-8 of RFC 6531.

    It is always valid and always in one spelling: the local part is quoted only where it must be, and inside
    the quotes only `"` and `\` are escaped. So what was checked is what is sent, and parsing view() gives an
    equal address. Display names, comments, groups, angle brackets and source routes are no part of an
    address.

    Thread-safe like std::string.
*/
class address
{
public:
    /** Parse or throw.
        @throws posthorn::error with errc::bad_address, its text naming the offence and the place.
    */
    explicit address(std::string_view text, address_options const& options = {})
    {
        if (defect const d = assign(text, options))
            fail(text, d);
    }

    /// Parse without exceptions: on a defect `out` is unchanged.
    [[nodiscard]] static defect parse(std::string_view text, address& out,
                                      address_options const& options = {})
    {
        address      parsed;
        defect const d = parsed.assign(text, options);
        if (!d)
            out = std::move(parsed);
        return d;
    }

    /// Parse without exceptions; nothing on a defect, which is stored in `*why` if given.
    static std::optional<address> parse(std::string_view text, defect* why = nullptr,
                                        address_options const& options = {})
    {
        std::optional<address> parsed(address{});
        defect const           d = parsed->assign(text, options);
        if (why)
            *why = d;
        if (d)
            parsed.reset();
        return parsed;
    }

    /// The address that every server accepts in RCPT, without a domain (RFC 5321, 4.5.1).
    static address postmaster()
    {
        address a;
        a.text_ = "postmaster";
        a.at_   = a.text_.size();
        return a;
    }

    /// The whole as it is sent, without angle brackets.
    std::string const& str() const noexcept { return text_; }
    std::string_view   view() const noexcept { return text_; }

    /// The local part as it is sent, with quotes if it needs them.
    std::string_view local_part() const noexcept { return view().substr(0, at_); }

    /// What the local part means: without quotes and escapes.
    std::string mailbox_name() const
    {
        auto const local = local_part();
        if (local.empty() || local[0] != '"')
            return std::string(local);
        std::string name;
        for (std::size_t i = 1; i + 1 < local.size(); ++i)
        {
            if (local[i] == '\\')
                ++i;
            name += local[i];
        }
        return name;
    }

    /// Domain or address literal; empty only for postmaster().
    std::string_view domain() const noexcept
    {
        return has_domain() ? view().substr(at_ + 1) : std::string_view();
    }

    bool has_domain() const noexcept { return at_ != text_.size(); }

    /// Replaces the domain, e.g. by its A-labels. On a defect nothing changes.
    [[nodiscard]] defect set_domain(std::string_view domain, address_options const& options = {})
    {
        if (defect const d = check_domain(domain, options.domain))
            return d;
        if (at_ + 1 + domain.size() > options.max_size)
            return bad("the address is too long", options.max_size);
        std::string fresh(local_part());
        fresh += '@';
        fresh += domain;
        text_ = std::move(fresh);
        return {};
    }

    /// A non-ASCII local part: this recipient is reachable by SMTPUTF8 only.
    bool local_part_is_utf8() const noexcept { return ascii::has_eight_bit(local_part()); }

    /// A non-ASCII domain: SMTPUTF8, or set_domain() with A-labels.
    bool domain_is_utf8() const noexcept { return ascii::has_eight_bit(domain()); }

    /// Can it be sent only where SMTPUTF8 is in effect?
    bool needs_smtputf8() const noexcept { return ascii::has_eight_bit(text_); }

    /// Is the domain an address literal?
    bool has_address_literal() const noexcept { return has_domain() && text_[at_ + 1] == '['; }

    /// The same mailbox: local parts are equal, domains equal but for case.
    friend bool operator==(address const& a, address const& b) noexcept
    {
        return a.at_ == b.at_ && a.local_part() == b.local_part() && ascii::iequals(a.domain(), b.domain());
    }

private:
    address() = default;

    static defect bad(std::string_view what, std::size_t at) noexcept
    {
        defect d;
        d.code     = errc::bad_address;
        d.detail   = what;
        d.position = at;
        return d;
    }

    [[noreturn]] static void fail(std::string_view text, defect const& d)
    {
        std::string detail(d.detail);
        detail += " at octet " + std::to_string(d.position) + " of '" + printable(text, 300) + '\'';
        throw error(d.code, std::move(detail));
    }

    static bool is_atext(char c) noexcept
    {
        return ascii::is_alnum(c) ||
               (c > ' ' && c < 0x7f && std::string_view("()<>[]:;@\\,.\"").find(c) == std::string_view::npos);
    }

    /// One pass over `text`; text_ and at_ are set on success only.
    defect assign(std::string_view text, address_options const& options)
    {
        if (text.empty())
            return bad("the address is empty", 0);
        if (text.size() > 2 * options.max_size + 2) // escapes can be dropped, but no more than that
            return bad("the address is too long", options.max_size);
        if (text[0] == '@')
            return bad("the local part is empty, or this is a source route", 0);
        if (text[0] == '<')
            return bad("angle brackets are no part of an address", 0);

        std::string  local;
        std::size_t  end    = 0; // of the local part in `text`
        bool const   quoted = text[0] == '"';
        defect const d      = quoted ? read_quoted(text, local, end) : read_dot_string(text, local, end);
        if (d)
            return d;
        if (local.size() > options.max_local_part)
            return bad("the local part is too long", options.max_local_part);
        if (end == text.size())
        {
            if (!options.allow_postmaster || !ascii::iequals(local, "postmaster"))
                return bad("there is no @ and domain", end);
            *this = postmaster();
            return {};
        }
        auto const domain = text.substr(end + 1);
        if (defect in_domain = check_domain(domain, options.domain))
        {
            in_domain.position += end + 1;
            return in_domain;
        }
        if (local.size() + 1 + domain.size() > options.max_size)
            return bad("the address is too long", options.max_size);
        at_ = local.size();
        local += '@';
        local += domain;
        text_ = std::move(local);
        return {};
    }

    static defect read_dot_string(std::string_view text, std::string& local, std::size_t& end)
    {
        std::size_t i = 0;
        while (i < text.size() && text[i] != '@')
        {
            char const c = text[i];
            if (is_atext(c))
                ++i;
            else if (c == '.')
            {
                if (i == 0 || text[i - 1] == '.')
                    return bad(i == 0 ? "the local part begins with a dot" : "two dots in the local part", i);
                ++i;
            }
            else if (ascii::is_eight_bit(c))
            {
                std::size_t const n = detail::utf8_non_ascii(text.substr(i));
                if (n == 0)
                    return bad("an octet in the local part that is not UTF-8", i);
                i += n;
            }
            else
                return bad(ascii::is_control(c)   ? "a control character in the local part"
                           : c == ' '             ? "a space outside of quotes"
                           : c == '"'             ? "a quote inside of the local part"
                           : c == '(' || c == ')' ? "a comment is no part of an address"
                           : c == ':'             ? "groups and routes are no addresses"
                                                  : "a character that must be quoted",
                           i);
        }
        if (i != 0 && text[i - 1] == '.')
            return bad("the local part ends with a dot", i - 1);
        local = text.substr(0, i);
        end   = i;
        return {};
    }

    /// Reads the quoted string and keeps the quotes only if its content is no dot-string.
    static defect read_quoted(std::string_view text, std::string& local, std::size_t& end)
    {
        std::string content; // without escapes
        std::size_t i = 1;
        for (;; ++i)
        {
            if (i == text.size())
                return bad("the quoted local part does not end", i);
            char c = text[i];
            if (c == '"')
                break;
            if (c == '\\')
            {
                if (++i == text.size())
                    return bad("the quoted local part does not end", i);
                c = text[i];
                if (ascii::is_eight_bit(c))
                    return bad("a non-ASCII character must not be escaped", i);
            }
            if (ascii::is_control(c))
                return bad("a control character in the local part", i);
            if (ascii::is_eight_bit(c))
            {
                std::size_t const n = detail::utf8_non_ascii(text.substr(i));
                if (n == 0)
                    return bad("an octet in the local part that is not UTF-8", i);
                content += text.substr(i, n);
                i += n - 1;
                continue;
            }
            content += c;
        }
        end = i + 1;
        if (end != text.size() && text[end] != '@')
            return bad("something stands between the quoted local part and the @", end);

        std::size_t plain_end = 0;
        if (!content.empty() && content.find('@') == content.npos &&
            !read_dot_string(content, local, plain_end))
            return {};
        local = '"';
        for (char const c : content)
        {
            if (c == '"' || c == '\\')
                local += '\\';
            local += c;
        }
        local += '"';
        return {};
    }

    std::string text_;
    std::size_t at_ = 0; ///< Size of the local part.
};

/** The sender of an envelope: an address, or nobody.

    The null path `<>` is for messages that must not be answered, as reports about other messages.
*/
class reverse_path
{
public:
    /// The null path.
    reverse_path() noexcept = default;
    reverse_path(address sender) : sender_(std::move(sender)) {}

    /// An address, or the null path if `text` is empty or "<>". @throws as address does.
    explicit reverse_path(std::string_view text)
    {
        if (!text.empty() && text != "<>")
            sender_.emplace(text);
    }

    bool is_null() const noexcept { return !sender_.has_value(); }

    /// @pre !is_null()
    address const& sender() const noexcept
    {
        POSTHORN_ASSERT(sender_.has_value());
        return *sender_;
    }

    /// As it is sent, without angle brackets; empty for the null path.
    std::string_view view() const noexcept { return sender_ ? sender_->view() : std::string_view(); }

    bool needs_smtputf8() const noexcept { return sender_ && sender_->needs_smtputf8(); }

    friend bool operator==(reverse_path const&, reverse_path const&) = default;

private:
    std::optional<address> sender_;
};

} // namespace posthorn::smtp

#endif
