//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The client's side of CONNECT (RFC 9110, 9.3.6), without I/O.

#ifndef POSTHORN_NET_DETAIL_HTTP_CONNECT_HPP
#define POSTHORN_NET_DETAIL_HTTP_CONNECT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/net/error.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::net::detail {

/// The head of an answer may be so long.
inline constexpr std::size_t longest_connect_answer = 16 * 1024;

/** The request.

    @param authority Host and port; the host is checked, so nothing can be injected.
    @param login     `user:password` in base64; empty for none. */
inline secret_string connect_request(std::string_view authority, secret_string const& login)
{
    secret_string request("CONNECT ");
    request.append(authority);
    request.append(" HTTP/1.1\r\nHost: ");
    request.append(authority);
    if (!login.empty())
    {
        request.append("\r\nProxy-Authorization: Basic ");
        request.append(login.view());
    }
    request.append("\r\n\r\n");
    return request;
}

/** Where the head of the answer ends.

    @param arrived What has arrived so far; octets behind the head belong to the peer and must not be taken.
    @return Its size, or nothing if it is not complete.
    @throws error with errc::proxy_protocol if this is not HTTP or goes on for too long. */
inline std::optional<std::size_t> connect_answer_size(std::string_view arrived)
{
    constexpr std::string_view start = "HTTP/1.";
    if (arrived.substr(0, start.size()) != start.substr(0, arrived.size()))
        throw error(errc::proxy_protocol, "it does not speak HTTP, but says: " + printable(arrived.substr(0, 100)));
    auto const end = arrived.find("\r\n\r\n");
    if (end != arrived.npos && end + 4 <= longest_connect_answer)
        return end + 4;
    if (arrived.size() >= longest_connect_answer)
        throw error(errc::proxy_protocol, "the head of its answer has more than 16 KiB");
    return std::nullopt;
}

/// @param head A complete head. @throws error unless the proxy has connected.
inline void check_connect_answer(std::string_view head)
{
    auto const        line = head.substr(0, head.find("\r\n"));
    std::string const text = printable(line, 200);
    bool const digits = line.size() >= 12 && line[8] == ' ' && ascii::is_digit(line[9]) && ascii::is_digit(line[10]) &&
                        ascii::is_digit(line[11]) && (line.size() == 12 || line[12] == ' ');
    if (!digits)
        throw error(errc::proxy_protocol, "its answer has no status: " + text);
    if (line[9] == '2')
        return;
    if (line.substr(9, 3) == "407")
        throw error(errc::proxy_login_refused, text);
    throw error(errc::proxy_refused, text);
}

} // namespace posthorn::net::detail

#endif
