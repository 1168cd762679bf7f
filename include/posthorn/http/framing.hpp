//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Where the body of a response ends (RFC 9112, 6.3), and whether the connection can be used after it (9.3).

#ifndef POSTHORN_HTTP_FRAMING_HPP
#define POSTHORN_HTTP_FRAMING_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/response_head.hpp>
#include <posthorn/http/syntax.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace posthorn::http {

/// What marks the end of a body.
enum class body_end : unsigned char
{
    none,    ///< There is no body.
    length,  ///< Content-Length.
    chunked, ///< The last chunk.
    close    ///< The end of the connection, which cannot be told from a broken one unless TLS is in use.
};

struct framing
{
    framing() = default;
    framing(body_end e, std::uint64_t n) : end(e), length(n) {}

    body_end      end    = body_end::none;
    std::uint64_t length = 0;     ///< For body_end::length.
    bool          reusable = false; ///< May the next request go over the same connection, once the body was read?
};

/** Finds out where the body ends. Whatever could be read in two ways is refused.

    @param method Of the request.
    @param ec     Set to bad_content_length, bad_transfer_encoding or ambiguous_framing. */
inline framing frame_of(response_head const& h, std::string_view method, std::error_code& ec)
{
    ec.clear();
    auto const coding  = h.fields.count("Transfer-Encoding");
    auto const lengths = h.fields.count("Content-Length");
    framing    result;
    if (coding != 0)
    {
        // A reader that knows only one of both would see another body; version 1.0 has no codings.
        if (lengths != 0 || h.minor_version == 0)
            ec = errc::ambiguous_framing;
        else if (coding != 1 || !ascii::iequals(*h.fields.get("Transfer-Encoding"), "chunked"))
            ec = errc::bad_transfer_encoding;
        result.end = body_end::chunked;
    }
    else if (lengths != 0)
    {
        auto const number = parse_number(*h.fields.get("Content-Length"));
        if (lengths != 1)
            ec = errc::ambiguous_framing;
        else if (!number)
            ec = errc::bad_content_length;
        else
            result = framing(body_end::length, *number);
    }
    else
        result.end = body_end::close;
    if (ec)
        return framing();

    bool const tunnel  = method == "CONNECT" && h.status / 100 == 2;
    bool const no_body = method == "HEAD" || h.interim() || h.status == 204 || h.status == 304 || tunnel;
    bool       lies    = false; // a body is announced where there is none
    if (no_body)
    {
        lies   = (h.interim() || h.status == 204) && (result.end == body_end::chunked || result.length != 0);
        result = framing();
    }
    if (lies && h.interim())
        ec = errc::ambiguous_framing;
    bool const persists = h.minor_version == 0 ? h.fields.has_member("Connection", "keep-alive") : true;
    result.reusable     = persists && !lies && result.end != body_end::close && !h.fields.has_member("Connection", "close") &&
                      !h.fields.has_member("Proxy-Connection", "close");
    return result;
}

/// What the server says about how long it keeps an idle connection: `Keep-Alive: timeout=5`. Nothing if it does not say.
inline std::optional<std::chrono::seconds> keep_alive_of(response_head const& h)
{
    for (auto const& field : h.fields)
    {
        if (!ascii::iequals(field.name, "Keep-Alive"))
            continue;
        std::string_view list = field.value, member;
        while (next_member(list, member))
            if (ascii::istarts_with(member, "timeout="))
                if (auto const n = parse_number(member.substr(8)); n && *n < 1'000'000)
                    return std::chrono::seconds(*n);
    }
    return std::nullopt;
}

} // namespace posthorn::http

#endif
