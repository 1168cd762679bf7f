//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A request as a value: method, URL, fields, where the body comes from, and how redirects and repetition are meant.

#ifndef POSTHORN_HTTP_REQUEST_HPP
#define POSTHORN_HTTP_REQUEST_HPP

#include <posthorn/http/headers.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/source/memory.hpp>
#include <posthorn/source/source.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace posthorn::http {

/// What happens on 301, 302, 303, 307 and 308.
enum class redirects : unsigned char
{
    follow, ///< By the rules of redirect.hpp; what they forbid is an error.
    keep    ///< The redirect is the response.
};

/// Told how far a body is. @param done Octets so far. @param total All, if known.
using progress_function = std::function<void(std::uint64_t done, std::optional<std::uint64_t> total)>;

/** One request.

    @par Example
    @code
    http::request r("PROPFIND", http::url("https://mail.example/dav/"));
    r.fields.set("Depth", "1");
    r.set_body("<propfind xmlns='DAV:'><allprop/></propfind>", "text/xml");
    auto answer = co_await client.send(r);
    @endcode
*/
struct request
{
    request() = default;
    request(std::string m, http::url u) : method(std::move(m)), url(std::move(u)) {}

    std::string   method = "GET"; ///< A token, case-sensitive.
    http::url     url;

    /** Everything but what the client sets itself: Host, Connection, Keep-Alive, Content-Length, Transfer-Encoding, TE, Trailer,
        Upgrade, Expect, Proxy-Authorization and Proxy-Connection are refused. An Authorization or Cookie here takes the place of
        the client's own, and stays with the first origin. */
    http::headers fields;

    /** The body; null for none. It must not be used elsewhere until the response was received. If its size() is not known it is sent
        chunked, which some servers refuse. To be sent again, after a redirect, a challenge or on a fresh connection, it must be rewindable(). */
    std::shared_ptr<source> body;

    /// Sends the body only after `100 Continue`, or after timeouts::continue_wait without a word.
    bool expect_continue = false;

    http::redirects redirects = http::redirects::follow;

    /** May it be sent again if a kept connection dies before any answer? By default for GET, HEAD, OPTIONS, PROPFIND, BPROPFIND, SEARCH, REPORT,
        PUT, DELETE and PROPPATCH. What certainly did not leave is always sent again. */
    std::optional<bool> repeatable;

    /// Instead of timeouts::total.
    std::optional<std::chrono::steady_clock::duration> total_timeout;

    progress_function on_upload;   ///< May be called again from 0 when the request is repeated. What it throws ends the request.
    progress_function on_download; ///< What it throws ends the reading.

    /// A body in memory, and its type.
    void set_body(std::string text, std::string content_type)
    {
        body = std::make_shared<string_source>(std::move(text));
        fields.set("Content-Type", std::move(content_type));
    }
};

} // namespace posthorn::http

#endif
