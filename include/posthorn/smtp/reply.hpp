//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Server replies: the value and the parser that makes it from octets.

#ifndef POSTHORN_SMTP_REPLY_HPP
#define POSTHORN_SMTP_REPLY_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/config.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/smtp/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace posthorn::smtp {

/// An enhanced status code: class.subject.detail (RFC 3463).
struct enhanced_code
{
    int status_class = 0; ///< 2 success, 4 temporary, 5 permanent.
    int subject      = 0; ///< 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    int detail       = 0;

    friend bool operator==(enhanced_code const&, enhanced_code const&) = default;

    /// As on the wire, e.g. "5.1.1".
    std::string to_string() const
    {
        return std::to_string(status_class) + '.' + std::to_string(subject) + '.' + std::to_string(detail);
    }
};

namespace detail {

/** The enhanced code at the front of a line.
    @param first_digit Of the reply code: RFC 2034 demands that both agree.
    @param size Set to the octets to drop before the text proper, 0 if there is no code.
*/
constexpr enhanced_code parse_enhanced_code(std::string_view line, char first_digit,
                                            std::size_t& size) noexcept
{
    enhanced_code code;
    std::size_t   at     = 0;
    auto const    number = [&](int& value) {
        std::size_t const begin = at;
        while (at < line.size() && at - begin < 3 && ascii::is_digit(line[at]))
            value = value * 10 + (line[at++] - '0');
        return at != begin;
    };
    size = 0;
    if (line.empty() || line[0] != first_digit ||
        (first_digit != '2' && first_digit != '4' && first_digit != '5'))
        return {};
    code.status_class = first_digit - '0';
    at                = 1;
    for (int* const part : {&code.subject, &code.detail})
    {
        if (at == line.size() || line[at] != '.')
            return {};
        ++at;
        if (!number(*part))
            return {};
    }
    if (at != line.size() && !ascii::is_blank(line[at]))
        return {};
    while (at != line.size() && ascii::is_blank(line[at]))
        ++at;
    size = at;
    return code;
}

} // namespace detail

/// One line of a reply. The views are valid while the reply is unchanged.
struct reply_line
{
    std::string_view             raw;      ///< All after the code and its separator, without the line end.
    std::string_view             text;     ///< `raw` without the enhanced code.
    std::optional<enhanced_code> enhanced; ///< Only if its class agrees with the reply code.
};

/** A server reply: one code and one or more lines of text (RFC 5321, 4.2).

    A value that owns its text. The text is whatever the server sent, control characters included: pass it
    through printable() before it is shown, or use describe(). Thread-safe like std::string.
*/
class reply
{
public:
    /// No reply: code() == 0.
    reply() = default;

    /** A reply made by hand.
        @param code 200 to 599.
        @param text One or more lines, separated by LF.
    */
    reply(int code, std::string_view text)
    {
        POSTHORN_ASSERT(code >= 200 && code <= 599);
        code_ = code;
        for (;;)
        {
            auto const line = text.substr(0, text.find('\n'));
            bool const last = line.size() == text.size();
            auto const from = wire_.size();
            wire_ += std::to_string(code);
            wire_ += last ? ' ' : '-';
            wire_ += line;
            add_line(from);
            wire_ += "\r\n";
            if (last)
                break;
            text.remove_prefix(line.size() + 1);
        }
    }

    /// The three-digit code; 0 if there is no reply.
    int code() const noexcept { return code_; }

    bool empty() const noexcept { return code_ == 0; }

    bool positive() const noexcept { return code_ / 100 == 2; }     ///< 2xx: done.
    bool intermediate() const noexcept { return code_ / 100 == 3; } ///< 3xx: the server waits for more.
    bool transient() const noexcept { return code_ / 100 == 4; }    ///< 4xx: the same may work later.
    bool permanent() const noexcept { return code_ / 100 == 5; }    ///< 5xx: the same will fail again.
    bool negative() const noexcept { return code_ >= 400; }         ///< 4xx or 5xx.

    /// The first enhanced code of the lines.
    std::optional<enhanced_code> enhanced() const noexcept
    {
        for (std::size_t i = 0; i < lines_.size(); ++i)
            if (lines_[i].prefix != 0)
                return line(i).enhanced;
        return std::nullopt;
    }

    std::size_t line_count() const noexcept { return lines_.size(); }

    /// @pre i < line_count()
    reply_line line(std::size_t i) const noexcept
    {
        POSTHORN_ASSERT(i < lines_.size());
        reply_line r;
        r.raw  = std::string_view(wire_).substr(lines_[i].begin, lines_[i].size);
        r.text = r.raw.substr(lines_[i].prefix);
        if (lines_[i].prefix != 0)
        {
            std::size_t size = 0;
            r.enhanced       = detail::parse_enhanced_code(r.raw, static_cast<char>('0' + code_ / 100), size);
        }
        return r;
    }

    class iterator
    {
    public:
        using value_type        = reply_line;
        using difference_type   = std::ptrdiff_t;
        using reference         = reply_line;
        using pointer           = void;
        using iterator_category = std::input_iterator_tag;

        iterator() = default;
        iterator(reply const& owner, std::size_t index) noexcept : owner_(&owner), index_(index) {}

        reply_line operator*() const noexcept { return owner_->line(index_); }
        iterator&  operator++() noexcept
        {
            ++index_;
            return *this;
        }
        iterator operator++(int) noexcept
        {
            auto const before = *this;
            ++index_;
            return before;
        }
        friend bool operator==(iterator const& a, iterator const& b) noexcept { return a.index_ == b.index_; }

    private:
        reply const* owner_ = nullptr;
        std::size_t  index_ = 0;
    };

    /// Iteration over the lines.
    iterator begin() const noexcept { return {*this, 0}; }
    iterator end() const noexcept { return {*this, lines_.size()}; }

    /// The texts of all lines without enhanced codes, joined by LF. Not safe to show: see describe().
    std::string text() const
    {
        std::string joined;
        for (auto const& l : *this)
        {
            if (l.raw.data() != line(0).raw.data())
                joined += '\n';
            joined += l.text;
        }
        return joined;
    }

    /// Every octet as received, line ends included; of an unfinished or broken reply, what arrived so far.
    std::string_view wire() const noexcept { return wire_; }

    /** The reply in one line that is safe to show, e.g. "550 5.1.1 no such user".
        @param most Octets of the reply to show.
    */
    std::string describe(std::size_t most = 1000) const
    {
        if (code_ == 0)
            return printable(wire_, most);
        std::string joined = std::to_string(code_);
        for (auto const& l : *this)
        {
            if (!l.raw.empty())
                (joined += l.raw.data() == line(0).raw.data() ? " " : " / ") += l.raw;
            if (joined.size() > most)
                break;
        }
        return printable(joined, most);
    }

    /// Forgets the reply and keeps its memory.
    void clear() noexcept
    {
        code_ = 0;
        wire_.clear();
        lines_.clear();
    }

private:
    friend class reply_parser;

    struct extent
    {
        std::uint32_t begin  = 0; ///< Of the text after code and separator, in wire_.
        std::uint32_t size   = 0;
        std::uint32_t prefix = 0; ///< Octets of the enhanced code and the blanks after it.
    };

    /// Registers the line from `from` to the end of wire_, which holds no line end yet.
    void add_line(std::size_t from)
    {
        auto const  all    = std::string_view(wire_).substr(from);
        auto const  raw    = all.substr(all.size() > 3 ? 4 : 3);
        std::size_t prefix = 0;
        detail::parse_enhanced_code(raw, all[0], prefix);
        extent e;
        e.begin  = static_cast<std::uint32_t>(wire_.size() - raw.size());
        e.size   = static_cast<std::uint32_t>(raw.size());
        e.prefix = static_cast<std::uint32_t>(prefix);
        lines_.push_back(e);
    }

    int                 code_ = 0;
    std::string         wire_;
    std::vector<extent> lines_;
};

/// The error a refusal amounts to where success is needed: none for 2xx and 3xx.
inline std::error_code refusal(reply const& r) noexcept
{
    if (r.code() == 421)
        return errc::service_unavailable;
    if (r.transient())
        return errc::command_deferred;
    if (r.permanent())
        return errc::command_refused;
    return {};
}

/// Upper bounds for one reply. RFC 5321 allows 512 octets a line; real servers send more.
struct reply_limits
{
    std::size_t line  = 8 * 1024;  ///< Octets in one line, line end included.
    std::size_t total = 64 * 1024; ///< Octets in one reply.
    std::size_t lines = 256;       ///< Lines in one reply.
};

/** Turns octets into replies, one at a time, without doing any I/O.

    It takes no more than the octets of the current reply: the start of the next one, which a pipelining
    server sends early, stays with the caller. Every octet is looked at once, wherever the input is cut. A
    parser and a reply that are used again and again allocate nothing once they have seen replies of similar
    size.

    Lines may end in CRLF or LF; the code is 200 to 599; "250" alone is a reply. Text is kept as it is.

    @par Example
    @code
    reply_parser    parser;
    reply           r;
    std::error_code ec;
    auto n = parser.parse("250-mx.example\r\n250 SIZE\r\n354 go", r, ec); // n == 26, !ec, parser.done()
    @endcode
*/
class reply_parser
{
public:
    explicit reply_parser(reply_limits limits = {}) noexcept : limits_(limits) {}

    /** Consume input until the current reply is complete.

        @param in New octets; not kept.
        @param out The reply under construction: cleared when a new one begins, and to be given again until
            done().
        @param ec Cleared, or one of errc::bad_reply, mixed_codes, reply_line_too_long, reply_too_long,
            reply_too_many_lines and, before the first reply was complete, tls_where_plain_expected or
            not_smtp. After an error the connection is unusable and every further call gives the same error;
            `out.wire()` has what was read.
        @return The number of octets taken from the front of `in`: all of it, unless done() or an error.

        @par Exception safety
        Only std::bad_alloc can be thrown.
    */
    std::size_t parse(std::string_view in, reply& out, std::error_code& ec)
    {
        std::size_t taken = 0;
        if (!failed_ && state_ != state::inside)
        {
            if (in.empty())
            {
                ec.clear();
                return 0;
            }
            out.clear();
            state_      = state::inside;
            line_begin_ = 0;
        }
        while (!failed_ && state_ == state::inside && taken != in.size())
        {
            auto const        rest  = in.substr(taken);
            auto const*       found = static_cast<char const*>(std::memchr(rest.data(), '\n', rest.size()));
            auto const        size  = found ? static_cast<std::size_t>(found - rest.data()) + 1 : rest.size();
            auto const        piece = rest.substr(0, size);
            std::size_t const have  = out.wire_.size() - line_begin_;

            std::size_t const line_room = limits_.line > have ? limits_.line - have : 0;
            std::size_t const total_room =
                limits_.total > out.wire_.size() ? limits_.total - out.wire_.size() : 0;
            std::size_t const room = line_room < total_room ? line_room : total_room;
            out.wire_.append(piece.substr(0, room));
            taken += piece.size() < room ? piece.size() : room;

            if (have < prefix_size)
                failed_ = check_prefix(out);
            if (!failed_ && piece.size() > room)
                failed_ = line_room <= total_room ? errc::reply_line_too_long : errc::reply_too_long;
            if (!failed_ && found)
                failed_ = end_of_line(out);
        }
        ec = failed_;
        return taken;
    }

    /// True if the last call of parse() completed a reply.
    bool done() const noexcept { return state_ == state::done && !failed_; }

    /// True if a part of a reply was read: the end of the connection now is an error.
    bool in_reply() const noexcept { return state_ == state::inside; }

    /// A new connection, or a new layer on the old one: forget everything, expect a greeting.
    void reset() noexcept
    {
        state_  = state::idle;
        failed_ = {};
        first_  = true;
    }

    reply_limits const& limits() const noexcept { return limits_; }

private:
    enum class state
    {
        idle,
        inside,
        done
    };

    /// A line cannot be told from another protocol's before this many octets.
    static constexpr std::size_t prefix_size = 5;

    static bool is_code_digit(std::size_t i, char c) noexcept
    {
        return i == 0 ? c >= '2' && c <= '5' : ascii::is_digit(c);
    }

    /// Checks the first octets of the unfinished line as soon as they are there: a peer that speaks something
    /// else may never send a line end.
    std::error_code check_prefix(reply const& out) const noexcept
    {
        auto const line = std::string_view(out.wire_).substr(line_begin_);
        for (std::size_t i = 0; i < line.size() && i < 4; ++i)
        {
            char const c = line[i];
            if (i < 3 ? is_code_digit(i, c) : c == ' ' || c == '-')
                continue;
            if (i == 3 && (c == '\n' || (c == '\r' && (line.size() == 4 || line[4] == '\n'))))
                return {};
            return first_ && line_begin_ == 0 ? other_protocol(line) : errc::bad_reply;
        }
        return {};
    }

    /// What a first line that is no reply tells; nothing while it can still become a known protocol.
    static std::error_code other_protocol(std::string_view line) noexcept
    {
        auto const begins = [&](std::string_view known) {
            auto const n = line.size() < known.size() ? line.size() : known.size();
            return line.substr(0, n) == known.substr(0, n);
        };
        auto const u = [&](std::size_t i) { return static_cast<unsigned char>(line[i]); };
        if (u(0) >= 0x14 && u(0) <= 0x17) // the record types of TLS, then version 3.x
        {
            if (line.size() == 1 || (u(1) == 3 && line.size() == 2))
                return {};
            return u(1) == 3 && u(2) <= 4 ? errc::tls_where_plain_expected : errc::bad_reply;
        }
        for (std::string_view const known : {"HTTP/", "SSH-", "* ", "+OK", "RFB "})
            if (begins(known))
                return line.size() < known.size() ? std::error_code() : errc::not_smtp;
        return errc::bad_reply;
    }

    std::error_code end_of_line(reply& out)
    {
        auto line = std::string_view(out.wire_).substr(line_begin_);
        line.remove_suffix(1);
        if (!line.empty() && line.back() == '\r')
            line.remove_suffix(1);
        for (std::size_t i = 0; i < 3; ++i)
            if (i >= line.size() || !is_code_digit(i, line[i]))
                return errc::bad_reply;
        if (line.size() > 3 && line[3] != ' ' && line[3] != '-')
            return errc::bad_reply;

        int const code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        if (!out.lines_.empty() && code != out.code_)
            return errc::mixed_codes;
        if (out.lines_.size() >= limits_.lines)
            return errc::reply_too_many_lines;
        bool const last = line.size() == 3 || line[3] == ' ';

        // add_line() wants the line without its end.
        std::size_t const end_size = out.wire_.size() - line_begin_ - line.size();
        out.code_                  = code;
        out.wire_.resize(out.wire_.size() - end_size);
        out.add_line(line_begin_);
        out.wire_.append(end_size == 2 ? "\r\n" : "\n");
        line_begin_ = out.wire_.size();
        if (last)
        {
            state_ = state::done;
            first_ = false;
        }
        return {};
    }

    reply_limits    limits_;
    std::error_code failed_;
    std::size_t     line_begin_ = 0; ///< Of the unfinished line, in the reply.
    state           state_      = state::idle;
    bool            first_      = true;
};

} // namespace posthorn::smtp

#endif
