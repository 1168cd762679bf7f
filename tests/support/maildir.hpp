//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Delivered messages: what a maildir holds, and what a delivering server put above the message that was sent.

#ifndef POSTHORN_TESTS_SUPPORT_MAILDIR_HPP
#define POSTHORN_TESTS_SUPPORT_MAILDIR_HPP

#include <support/temp_dir.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace support {

/// The messages of a maildir, new and seen, oldest first. A maildir that does not exist yet is empty.
inline std::vector<std::filesystem::path> maildir_files(std::filesystem::path const& maildir)
{
    using entry = std::pair<std::filesystem::file_time_type, std::filesystem::path>;
    std::vector<entry> found;
    for (auto const* part : {"new", "cur"})
    {
        std::error_code ec;
        for (auto it = std::filesystem::directory_iterator(maildir / part, ec);
             !ec && it != std::filesystem::directory_iterator(); it.increment(ec))
            found.emplace_back(it->last_write_time(), it->path());
    }
    std::sort(found.begin(), found.end());
    std::vector<std::filesystem::path> files;
    files.reserve(found.size());
    for (auto& e : found)
        files.push_back(std::move(e.second));
    return files;
}

/// Every LF becomes CRLF: a maildir stores lines without the CR they were sent with.
inline std::string to_crlf(std::string_view stored)
{
    std::string result;
    result.reserve(stored.size() + static_cast<std::size_t>(std::count(stored.begin(), stored.end(), '\n')));
    for (char c : stored)
    {
        if (c == '\n')
            result += '\r';
        result += c;
    }
    return result;
}

/// A delivered message, taken apart. Header values are unfolded and trimmed.
struct delivered_message
{
    std::string              return_path;  ///< The envelope sender, without the angle brackets.
    std::string              original_to;  ///< X-Original-To: the recipient as the client named it.
    std::string              delivered_to; ///< Delivered-To: the mailbox.
    std::vector<std::string> received;     ///< The servers' Received lines, the last hop first.
    std::string              message;      ///< The bytes below the trace, with LF as stored.

    /// The message with CRLF, to compare with what was sent.
    std::string as_sent() const { return to_crlf(message); }
};

/** Takes the trace headers off a delivered message.

    A server adds Return-Path, X-Original-To and Delivered-To at most once each and one Received per hop;
    anything below is the message, even if it begins with headers of the same names.

    @param hops How many servers the message passed.
*/
inline delivered_message parse_delivered(std::string_view stored, int hops = 1)
{
    delivered_message result;
    bool              seen[3] = {};
    std::size_t       pos     = 0;
    while (pos < stored.size())
    {
        // One header field with its continuation lines.
        auto end = pos;
        do
            end = std::min(stored.find('\n', end), stored.size() - 1) + 1;
        while (end < stored.size() && (stored[end] == ' ' || stored[end] == '\t'));

        auto const  field = stored.substr(pos, end - pos);
        auto const  colon = std::min(field.find(':'), field.size());
        std::string name(field.substr(0, colon));
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        std::string value;
        for (char c : field.substr(std::min(colon + 1, field.size())))
            if (c != '\n' && c != '\r')
                value += c;
        value.erase(0, std::min(value.find_first_not_of(" \t"), value.size()));
        value.erase(value.find_last_not_of(" \t") + 1);

        if (name == "return-path" && !std::exchange(seen[0], true))
            result.return_path = value.size() >= 2 && value.front() == '<' && value.back() == '>'
                                     ? value.substr(1, value.size() - 2)
                                     : value;
        else if (name == "x-original-to" && !std::exchange(seen[1], true))
            result.original_to = value;
        else if (name == "delivered-to" && !std::exchange(seen[2], true))
            result.delivered_to = value;
        else if (name == "received" && hops-- > 0)
            result.received.push_back(value);
        else
            break;
        // Received ends what a hop added; of one hop nothing can follow it.
        pos = end;
        if (hops == 0)
            break;
    }
    result.message = stored.substr(pos);
    return result;
}

/// The bytes of the message as stored, without the trace headers on top.
inline std::string below_trace(std::string_view stored, int hops = 1)
{
    return parse_delivered(stored, hops).message;
}

} // namespace support

#endif
