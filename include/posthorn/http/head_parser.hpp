//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// head_parser: octets to the head of a response, or to the trailers behind a chunked body (RFC 9112), strictly.

#ifndef POSTHORN_HTTP_HEAD_PARSER_HPP
#define POSTHORN_HTTP_HEAD_PARSER_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/headers.hpp>
#include <posthorn/http/response_head.hpp>
#include <posthorn/http/syntax.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::http {

/** Reads one head, without I/O, cut wherever the network cuts.

    Strict where two readers could disagree: lines end with CRLF, nothing stands between name and colon, no controls, and a folded
    Content-Length or Transfer-Encoding is refused (other folded lines are joined by a space, RFC 9112, 5.2).
    The outcome does not depend on the cuts, and no more is kept than the limits allow.
*/
class head_parser
{
public:
    /// What is read.
    enum class part : unsigned char
    {
        response,
        trailers ///< Fields only, with the empty line that ends them.
    };

    explicit head_parser(head_limits limits = {}, part what = part::response) noexcept
        : limits_(limits), what_(what), status_line_(what == part::response)
    {
    }

    /** Takes octets up to the end of the head.
        @param in Not kept.
        @param ec Set if this is no head; nothing more can be read then.
        @return How many were taken: all, unless done(). */
    std::size_t parse(std::string_view in, std::error_code& ec)
    {
        ec.clear();
        std::size_t taken = 0;
        while (!done_ && taken != in.size())
        {
            auto const  rest = in.substr(taken);
            auto const  lf   = rest.find('\n');
            auto const  line = rest.substr(0, lf == rest.npos ? lf : lf + 1);
            begun_           = true;
            taken += line.size();
            if (status_line_ && !begins_well(line))
            {
                fail(errc::bad_status_line, line, ec);
                return taken;
            }
            auto const left = limits_.total - total_;
            if (line_.size() + line.size() > std::min(limits_.line, left))
            {
                ec = limits_.line <= left ? errc::line_too_long : errc::head_too_long;
                return taken;
            }
            if (lf == rest.npos)
            {
                line_.append(line);
                continue;
            }
            total_ += line_.size() + line.size();
            if (line_.empty())
                take_line(line, ec);
            else
            {
                line_.append(line);
                take_line(line_, ec);
                line_.clear();
            }
            if (ec)
                return taken;
        }
        return taken;
    }

    bool done() const noexcept { return done_; }
    bool begun() const noexcept { return begun_; } ///< Has any octet of it come?

    /// What was wrong, fit to be shown; often empty.
    std::string const& detail() const noexcept { return detail_; }

    /// What was read; the parser is then ready for the next one. @pre done()
    response_head take()
    {
        response_head result = std::move(head_);
        *this                = head_parser(limits_, what_);
        return result;
    }

private:
    void fail(errc code, std::string_view text, std::error_code& ec)
    {
        ec      = code;
        detail_ = "it sent: " + printable(text.substr(0, 100));
    }

    /// Other protocols are told at their first octets.
    bool begins_well(std::string_view more) const noexcept
    {
        constexpr std::string_view start = "HTTP/";
        for (std::size_t i = line_.size(); i < start.size() && i - line_.size() < more.size(); ++i)
            if (more[i - line_.size()] != start[i])
                return false;
        return true;
    }

    void take_line(std::string_view line, std::error_code& ec)
    {
        if (line.size() < 2 || line[line.size() - 2] != '\r')
            return fail(errc::bare_line_ending, line, ec);
        line.remove_suffix(2);
        if (line.find('\r') != line.npos)
            return fail(errc::bare_line_ending, line, ec);
        if (std::exchange(status_line_, false))
            take_status(line, ec);
        else if (line.empty())
            done_ = true;
        else if (ascii::is_blank(line.front()))
            take_fold(line, ec);
        else
            take_field(line, ec);
    }

    /// `HTTP/1.1 200 OK`; a missing reason, even with its space, is common.
    void take_status(std::string_view line, std::error_code& ec)
    {
        auto const digit = [line](std::size_t at) { return line.size() > at && ascii::is_digit(line[at]); };
        bool const shape = digit(5) && line.substr(6, 1) == "." && digit(7) && line.substr(8, 1) == " ";
        if (!shape)
            return fail(errc::bad_status_line, line, ec);
        if (line[5] != '1')
            return fail(errc::bad_version, line, ec);
        bool const status = digit(9) && digit(10) && digit(11) && line[9] != '0' && (line.size() == 12 || line[12] == ' ');
        auto const reason = line.substr(std::min<std::size_t>(line.size(), 13));
        bool const clean  = std::all_of(reason.begin(), reason.end(), [](char c) { return c == '\t' || !ascii::is_control(c); });
        if (!status || !clean)
            return fail(errc::bad_status_line, line, ec);
        head_.minor_version = line[7] == '0' ? 0 : 1;
        head_.status        = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
        head_.reason        = reason;
    }

    void take_field(std::string_view line, std::error_code& ec)
    {
        auto const colon = line.find(':');
        auto const name  = line.substr(0, colon);
        if (colon == line.npos || !is_token(name))
            return fail(errc::bad_field, line, ec);
        auto const value = ascii::trim(line.substr(colon + 1));
        if (!is_field_value(value))
            return fail(errc::bad_field, line, ec);
        if (head_.fields.size() == limits_.fields)
        {
            ec = errc::too_many_fields;
            return;
        }
        head_.fields.add(std::string(name), std::string(value));
    }

    /// Folding is obsolete; in a field that says where the body ends it is an attack.
    void take_fold(std::string_view line, std::error_code& ec)
    {
        auto const  value = ascii::trim(line);
        auto* const last  = head_.fields.last();
        bool const  framing =
            last != nullptr && (ascii::iequals(last->name, "Content-Length") || ascii::iequals(last->name, "Transfer-Encoding"));
        if (last == nullptr || framing || !is_field_value(value))
            return fail(errc::bad_field, line, ec);
        last->value += last->value.empty() || value.empty() ? "" : " ";
        last->value += value;
    }

    head_limits   limits_;
    part          what_;
    bool          status_line_;
    bool          done_  = false;
    bool          begun_ = false;
    std::size_t   total_ = 0;
    std::string   line_;
    response_head head_;
    std::string   detail_;
};

} // namespace posthorn::http

#endif
