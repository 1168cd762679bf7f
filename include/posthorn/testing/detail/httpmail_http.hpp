//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// HTTP/1.1 as the HTTPMail server speaks it: reads heads and bodies strictly, writes responses in every framing.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_HTTP_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_HTTP_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/detail/httpmail_text.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::testing::detail {

/// How the body of a request is delimited.
struct httpmail_framing
{
    bool          chunked    = false;
    bool          has_length = false;
    std::uint64_t length     = 0;
    bool          keep       = true;  ///< The client wants to go on.
    bool          expects    = false; ///< 100-continue.
};

inline bool httpmail_is_token(std::string_view s)
{
    return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
        return ascii::is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

/** Reads a head with its empty line.
    @return 0, or the status of a refusal, after which the connection cannot go on.
*/
inline int httpmail_read_head(std::string_view head, httpmail_request& request, httpmail_framing& framing)
{
    request.head    = std::string(head);
    auto const take = [&head] {
        std::size_t const end  = head.find("\r\n");
        auto const        line = head.substr(0, end);
        head.remove_prefix(std::min(head.size(), end == head.npos ? head.size() : end + 2));
        return line;
    };
    auto const        line = take();
    std::size_t const one  = line.find(' ');
    std::size_t const two  = one == line.npos ? one : line.find(' ', one + 1);
    if (two == line.npos || line.find(' ', two + 1) != line.npos)
        return 400;
    request.method     = std::string(line.substr(0, one));
    request.target     = std::string(line.substr(one + 1, two - one - 1));
    auto const version = line.substr(two + 1);
    if (!httpmail_is_token(request.method) || request.target.empty() || ascii::has_control(request.target) ||
        ascii::has_eight_bit(request.target)) // # may stand there: Exchange took its submission URI so
        return 400;
    if (version.size() != 8 || !version.starts_with("HTTP/") || !ascii::is_digit(version[7]))
        return 400;
    if (!version.starts_with("HTTP/1."))
        return 505;
    request.minor     = version[7] == '0' ? 0 : 1;
    framing.keep      = request.minor == 1;
    std::size_t hosts = 0;
    while (!head.empty())
    {
        auto const field = take();
        if (field.empty())
            break;
        std::size_t const colon = field.find(':');
        if (colon == field.npos || !httpmail_is_token(field.substr(0, colon)) || request.fields.size() >= 200)
            return 400; // folded lines too
        auto const name  = field.substr(0, colon);
        auto const value = ascii::trim(field.substr(colon + 1));
        if (value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos)
            return 400;
        request.fields.emplace_back(std::string(name), std::string(value));
        hosts += ascii::iequals(name, "Host") ? 1U : 0U;
        if (ascii::iequals(name, "Content-Length"))
        {
            if (framing.has_length || value.empty() || value.size() > 18 ||
                !std::all_of(value.begin(), value.end(), ascii::is_digit))
                return 400;
            framing.has_length = true;
            for (char const c : value)
                framing.length = framing.length * 10 + static_cast<std::uint64_t>(c - '0');
        }
        else if (ascii::iequals(name, "Transfer-Encoding"))
        {
            if (framing.chunked || !ascii::iequals(value, "chunked"))
                return 501;
            framing.chunked = true;
        }
        else if (ascii::iequals(name, "Connection"))
        {
            auto const text = ascii::to_lower(value);
            if (text.find("close") != text.npos)
                framing.keep = false;
            else if (text.find("keep-alive") != text.npos)
                framing.keep = true;
        }
        else if (ascii::iequals(name, "Expect"))
            framing.expects = ascii::iequals(value, "100-continue");
    }
    if ((framing.chunked && framing.has_length) || hosts > 1 || (hosts == 0 && request.minor == 1))
        return 400;
    return 0;
}

/// Takes the body of a request out of what arrives.
class httpmail_body_reader
{
public:
    httpmail_body_reader(httpmail_framing const& framing, std::size_t most)
        : chunked_(framing.chunked), left_(framing.length), most_(most),
          done_(!framing.chunked && framing.length == 0)
    {
        if (!chunked_ && left_ > most_)
            status_ = 413;
    }

    bool done() const noexcept { return done_; }
    int  status() const noexcept { return status_; } ///< 0, or why it cannot go on.

    /// Adds to `body`. @return How many octets were used.
    std::size_t feed(std::string_view input, std::string& body)
    {
        std::size_t const before = input.size();
        while (!done_ && status_ == 0 && !input.empty())
        {
            if (!chunked_ || left_ != 0)
            {
                auto const piece =
                    input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
                body += piece;
                input.remove_prefix(piece.size());
                left_ -= piece.size();
                done_ = !chunked_ && left_ == 0;
                continue;
            }
            std::size_t const end = input.find("\r\n");
            if (end == input.npos)
            {
                status_ = input.size() > 4096 ? 400 : 0;
                break;
            }
            line(input.substr(0, end), body.size());
            input.remove_prefix(end + 2);
        }
        return before - input.size();
    }

private:
    enum class part
    {
        size,
        after_chunk,
        trailer
    };

    void line(std::string_view text, std::size_t so_far)
    {
        if (part_ == part::after_chunk)
        {
            status_ = text.empty() ? 0 : 400;
            part_   = part::size;
            return;
        }
        if (part_ == part::trailer)
        {
            done_ = text.empty();
            return;
        }
        auto const digits = ascii::trim(text.substr(0, text.find(';')));
        if (digits.empty() || digits.size() > 8)
        {
            status_ = 400;
            return;
        }
        std::uint64_t size = 0;
        for (char const c : digits)
        {
            int const value = ascii::hex_value(c);
            if (value < 0)
            {
                status_ = 400;
                return;
            }
            size = size * 16 + static_cast<std::uint64_t>(value);
        }
        if (size > most_ || so_far > most_ - size)
            status_ = 413;
        left_ = size;
        part_ = size == 0 ? part::trailer : part::after_chunk;
    }

    bool          chunked_;
    std::uint64_t left_;
    std::size_t   most_;
    bool          done_;
    int           status_ = 0;
    part          part_   = part::size;
};

/// A response in octets.
struct httpmail_octets
{
    std::string head;
    std::string body;
    bool        close = false;
};

inline httpmail_octets httpmail_write(httpmail_response const& r, httpmail_request const& request,
                                      httpmail_transfer_options const& transfer, bool keep)
{
    httpmail_octets out;
    bool const      no_body  = r.status == 204 || r.status == 304 || r.status < 200;
    bool const      headless = request.method == "HEAD";
    bool const      chunked  = request.minor == 1 && !no_body && !r.body.empty() &&
                         (transfer.chunked || (transfer.chunked_get && request.method == "GET"));
    bool const endless = !no_body && !chunked && transfer.until_close;
    out.close          = r.close || !keep || endless || (transfer.close_207 && r.status == 207);
    std::string reason = r.reason.empty() ? std::string(httpmail_reason(r.status)) : r.reason;
    std::erase_if(reason, ascii::is_control);
    out.head = "HTTP/1.1 " + std::to_string(r.status) + " " + reason + "\r\n";
    for (auto const& [name, value] : r.fields)
        out.head += name + ": " + value + "\r\n";
    if (out.close)
        out.head += "Connection: close\r\n";
    if (chunked)
        out.head += "Transfer-Encoding: chunked\r\n";
    else if (!no_body && !endless)
        out.head += "Content-Length: " + std::to_string(r.body.size()) + "\r\n";
    out.head += "\r\n";
    if (no_body || headless)
        return out;
    if (!chunked)
    {
        out.body = r.body;
        return out;
    }
    std::size_t const step = std::max<std::size_t>(transfer.chunk, 1);
    for (std::size_t at = 0; at < r.body.size(); at += step)
    {
        auto const piece = std::string_view(r.body).substr(at, step);
        char       size[24];
        std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
        out.body += size;
        out.body += piece;
        out.body += "\r\n";
    }
    out.body += "0\r\n\r\n";
    return out;
}

} // namespace posthorn::testing::detail

#endif
