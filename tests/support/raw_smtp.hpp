//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The plainest SMTP and LMTP client: one blocking socket, one line at a time, for tests of servers.

#ifndef POSTHORN_TESTS_SUPPORT_RAW_SMTP_HPP
#define POSTHORN_TESTS_SUPPORT_RAW_SMTP_HPP

#include <poll.h>
#include <support/process.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace support {

/// A reply of an SMTP server.
struct raw_reply
{
    int                      code = 0;
    std::vector<std::string> lines; ///< What follows "250-" and "250 ".

    /// All lines, joined by LF.
    std::string text() const
    {
        std::string all;
        for (auto const& line : lines)
            all += (all.empty() ? "" : "\n") + line;
        return all;
    }

    /// Is there a line that starts with the keyword, as a whole word?
    bool offers(std::string_view keyword) const
    {
        return std::any_of(lines.begin(), lines.end(), [keyword](std::string const& line) {
            return line.compare(0, keyword.size(), keyword) == 0 &&
                   (line.size() == keyword.size() || line[keyword.size()] == ' ');
        });
    }
};

/// A connection that speaks SMTP or LMTP, exactly as told. Every function throws when the peer is late or
/// gone.
class raw_smtp
{
public:
    explicit raw_smtp(unique_socket connected, milliseconds patience = default_patience)
        : socket_(std::move(connected)), patience_(patience)
    {
        if (!socket_)
            throw std::runtime_error("raw_smtp: cannot connect");
    }
    explicit raw_smtp(std::uint16_t port) : raw_smtp(connect_tcp(port)) {}
    explicit raw_smtp(std::filesystem::path const& unix_socket) : raw_smtp(connect_unix(unix_socket)) {}

    /// Reads one whole reply, of one or more lines.
    raw_reply read_reply()
    {
        raw_reply reply;
        for (;;)
        {
            auto const line = read_line();
            if (line.size() < 3 || !std::all_of(line.begin(), line.begin() + 3,
                                                [](unsigned char c) { return std::isdigit(c) != 0; }))
                throw std::runtime_error("raw_smtp: not a reply: " + line);
            reply.code = std::stoi(line.substr(0, 3));
            reply.lines.push_back(line.size() > 4 ? line.substr(4) : std::string());
            if (line.size() == 3 || line[3] != '-')
                return reply;
        }
    }

    /// Sends the bytes as they are.
    void send(std::string_view bytes)
    {
        while (!bytes.empty())
        {
            wait_for(POLLOUT);
            auto const n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0 && (errno == EAGAIN || errno == EINTR))
                continue;
            if (n < 0)
                throw std::system_error(errno, std::generic_category(), "raw_smtp: send");
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    /// Sends a line and reads the reply to it.
    raw_reply command(std::string_view line)
    {
        send(std::string(line) + "\r\n");
        return read_reply();
    }

    /// Sends DATA and the message (lines ended by CRLF), with dots doubled; returns the reply to the last
    /// dot.
    raw_reply data(std::string_view message)
    {
        auto reply = command("DATA");
        if (reply.code != 354)
            return reply;
        std::string stuffed;
        bool        line_start = true;
        for (char c : message)
        {
            if (line_start && c == '.')
                stuffed += '.';
            stuffed += c;
            line_start = c == '\n';
        }
        send(stuffed + (line_start ? ".\r\n" : "\r\n.\r\n"));
        return read_reply();
    }

    /// Has the peer closed the connection, with nothing left to read? Waits for either.
    bool at_end() { return buffer_.empty() && !fill(); }

private:
    std::string read_line()
    {
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n")) == std::string::npos)
            if (!fill())
                throw std::runtime_error("raw_smtp: the server closed the connection, after: " + buffer_);
        auto line = buffer_.substr(0, end);
        buffer_.erase(0, end + 2);
        return line;
    }

    bool fill()
    {
        wait_for(POLLIN);
        std::array<char, 4096> chunk;
        auto const             n = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
        if (n < 0)
            throw std::system_error(errno, std::generic_category(), "raw_smtp: receive");
        buffer_.append(chunk.data(), static_cast<std::size_t>(n));
        return n > 0;
    }

    void wait_for(short events)
    {
        pollfd p{socket_.get(), events, 0};
        int    ready = 0;
        do
            ready = ::poll(&p, 1, static_cast<int>(patience_.count()));
        while (ready < 0 && errno == EINTR);
        if (ready < 0)
            throw std::system_error(errno, std::generic_category(), "raw_smtp: poll");
        if (ready == 0)
            throw std::runtime_error("raw_smtp: the server did not answer in time");
    }

    unique_socket socket_;
    milliseconds  patience_;
    std::string   buffer_;
};

} // namespace support

#endif
