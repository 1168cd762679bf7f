//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The head of a response as data, and the limits within which one is read.

#ifndef POSTHORN_HTTP_RESPONSE_HEAD_HPP
#define POSTHORN_HTTP_RESPONSE_HEAD_HPP

#include <posthorn/http/headers.hpp>

#include <cstddef>
#include <string>

namespace posthorn::http {

/// Upper bounds for the head of a response, and for trailers.
struct head_limits
{
    std::size_t line    = 16 * 1024; ///< Octets of one line, CRLF included.
    std::size_t total   = 64 * 1024; ///< Octets of all lines.
    std::size_t fields  = 256;       ///< Header fields.
    std::size_t interim = 16;        ///< 1xx responses before the final one.
};

/// Status line and fields.
struct response_head
{
    response_head() = default;

    int           minor_version = 1; ///< Of HTTP/1.x; above 1 counts as 1.
    int           status        = 0; ///< From 100 to 999.
    std::string   reason;            ///< Free of controls, but may have octets above 127.
    http::headers fields;

    bool interim() const noexcept { return status / 100 == 1; }
};

} // namespace posthorn::http

#endif
