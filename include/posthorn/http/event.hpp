//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What goes over a connection, for whoever watches it: heads and bodies, without secrets.

#ifndef POSTHORN_HTTP_EVENT_HPP
#define POSTHORN_HTTP_EVENT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/http/headers.hpp>
#include <posthorn/http/response_head.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>

namespace posthorn::http {

/** Something that was sent or received. Valid during the call.

    Free of secrets: values of fields that log in are hidden, and of bodies only XML is shown, since forms hold passwords and
    messages are private.
*/
struct event
{
    enum class kind : unsigned char
    {
        request_head,  ///< Before it is written.
        request_body,  ///< A block of it, likewise.
        response_head, ///< Of interim responses too.
        response_body  ///< A block of it, without a transfer coding.
    };

    kind             what = kind::request_head;
    std::string_view peer;       ///< With whom, e.g. "mail.example:443".
    std::string_view text;       ///< A head with its lines, without the empty one; a body's octets if they may be shown.
    std::size_t      octets = 0; ///< Of this block of a body.
};

/// Gets each event, on the executor of the client. Must not throw and not wait.
using event_handler = std::function<void(event const&)>;

/// Does a field of this name hold something that lets others in?
inline bool is_secret_field(std::string_view name)
{
    constexpr std::string_view words[] = {"authorization", "cookie", "token", "password", "secret", "api-key"};
    auto const                 lower   = ascii::to_lower(name);
    return std::any_of(std::begin(words), std::end(words), [&](auto w) { return lower.find(w) != lower.npos; });
}

/// The value of a field as it may be shown: of credentials only the scheme.
inline std::string public_value(std::string_view name, std::string_view value)
{
    if (!is_secret_field(name))
        return std::string(value);
    auto const space  = value.find(' ');
    bool const scheme = ascii::iequals(name, "Authorization") || ascii::iequals(name, "Proxy-Authorization");
    return scheme && space != value.npos ? std::string(value.substr(0, space)) + " [hidden]" : "[hidden]";
}

/// May bodies with these fields be shown?
inline bool is_public_body(std::string_view content_type)
{
    auto const type = ascii::to_lower(content_type.substr(0, content_type.find(';')));
    return type == "text/xml" || type == "application/xml" || (type.size() > 4 && type.substr(type.size() - 4) == "+xml");
}

/** A head that was written by write_request_head(), without its secrets and its empty line.
    @param content_type Where to put the Content-Type. */
inline std::string public_head(std::string_view head, std::string& content_type)
{
    std::string out;
    bool        first = true;
    while (!head.empty())
    {
        auto const end  = std::min(head.find("\r\n"), head.size());
        auto const line = head.substr(0, end);
        head.remove_prefix(std::min(head.size(), end + 2));
        if (line.empty())
            break;
        auto const colon = line.find(": ");
        if (first || colon == line.npos)
            out += line;
        else
        {
            auto const name  = line.substr(0, colon);
            auto const value = line.substr(colon + 2);
            out.append(name).append(": ").append(public_value(name, value));
            if (ascii::iequals(name, "Content-Type"))
                content_type = value;
        }
        out += "\r\n";
        first = false;
    }
    return out;
}

/// The same of a response.
inline std::string public_head(response_head const& head)
{
    std::string out = "HTTP/1." + std::to_string(head.minor_version) + ' ' + std::to_string(head.status) + ' ' + head.reason + "\r\n";
    for (auto const& f : head.fields)
        out += f.name + ": " + public_value(f.name, f.value) + "\r\n";
    return out;
}

} // namespace posthorn::http

#endif
