//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Makes of a message what goes to a mailbox: lines end with CRLF, and no field Bcc gives away blind recipients.

#ifndef POSTHORN_HTTPMAIL_MAIL_FILTER_HPP
#define POSTHORN_HTTPMAIL_MAIL_FILTER_HPP

#include <posthorn/core/ascii.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::httpmail {

/// What is done to a message on its way.
struct filter_options
{
    bool normalise = true;  ///< Bare CR and LF become CRLF.
    bool drop_bcc  = false; ///< Fields Bcc and Resent-Bcc of the header section are left out.
};

/** Filters a message, wherever it is cut.

    Lines of whatever length; no memory grows with the message. Thread-safe like std::string.
*/
class mail_filter
{
public:
    explicit mail_filter(filter_options o) noexcept : options_(o), in_header_(o.drop_bcc) {}

    /// @param out Gets what is to be sent of this piece, or later of the next.
    void feed(std::string_view in, std::string& out)
    {
        if (!options_.normalise)
            return sift(in, out);
        if (after_cr_ && !in.empty())
        {
            after_cr_ = false;
            sift("\r\n", out);
            if (in.front() == '\n')
                in.remove_prefix(1);
        }
        while (!in.empty())
        {
            auto const end = in.find_first_of("\r\n");
            sift(in.substr(0, end), out);
            if (end == in.npos)
                return;
            bool const cr = in[end] == '\r';
            in.remove_prefix(end + 1);
            if (cr && in.empty())
            {
                after_cr_ = true;
                return;
            }
            if (cr && in.front() == '\n')
                in.remove_prefix(1);
            sift("\r\n", out);
        }
    }

    /// The end of the message.
    void finish(std::string& out)
    {
        if (after_cr_)
            sift("\r\n", out);
        if (at_ == place::name)
            out += name_;
        *this = mail_filter(options_);
    }

private:
    enum class place : unsigned char
    {
        line_start,
        name, ///< In what may be the name of a field.
        rest  ///< Of a line.
    };

    static constexpr std::size_t longest_name = 16;

    void sift(std::string_view s, std::string& out)
    {
        while (in_header_ && !s.empty())
            switch (at_)
            {
            case place::line_start: begin_line(s.front()); break;
            case place::name: take_name(s, out); break;
            case place::rest:
            {
                auto const end  = s.find('\n');
                auto const part = s.substr(0, end == s.npos ? end : end + 1);
                if (!dropping_)
                    out += part;
                if (end != s.npos)
                    at_ = place::line_start;
                s.remove_prefix(part.size());
                break;
            }
            }
        out += s;
    }

    void begin_line(char c)
    {
        if (c == '\r' || c == '\n')
            in_header_ = false;
        else if (ascii::is_blank(c))
            at_ = place::rest; // goes with the line before
        else
        {
            name_.clear();
            dropping_ = false;
            at_       = place::name;
        }
    }

    void take_name(std::string_view& s, std::string& out)
    {
        char const c = s.front();
        s.remove_prefix(1);
        if (c == ':')
        {
            auto const name = ascii::trim(name_);
            dropping_       = ascii::iequals(name, "bcc") || ascii::iequals(name, "resent-bcc");
        }
        name_ += c;
        if (c != ':' && c != '\n' && name_.size() < longest_name)
            return;
        if (!dropping_)
            out += name_;
        name_.clear();
        at_ = c == '\n' ? place::line_start : place::rest;
    }

    filter_options options_;
    bool           in_header_;
    bool           after_cr_ = false;
    bool           dropping_ = false;
    place          at_       = place::line_start;
    std::string    name_;
};

} // namespace posthorn::httpmail

#endif
