//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What an httpmail_server holds and remembers: messages, contacts, folders, requests, and mail given to it to send.

#ifndef POSTHORN_TESTING_HTTPMAIL_CONTENTS_HPP
#define POSTHORN_TESTING_HTTPMAIL_CONTENTS_HPP

#include <posthorn/core/ascii.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing {

/// The name of a property: a namespace and a local name.
struct httpmail_name
{
    httpmail_name() = default;
    httpmail_name(std::string_view s, std::string_view l) : space(s), local(l) {}

    std::string space; ///< E.g. "urn:schemas:httpmail:".
    std::string local; ///< E.g. "read".

    friend bool operator==(httpmail_name const&, httpmail_name const&)  = default;
    friend auto operator<=>(httpmail_name const&, httpmail_name const&) = default;
};

/// A message or a contact. Times are seconds since 1970, UTC.
struct httpmail_item
{
    httpmail_item() = default;

    std::string   segment;          ///< The last part of its URL, decoded.
    std::string   content;          ///< The message as it is stored; empty for a contact.
    bool          contact  = false; ///< A contact, whose values are in `properties`.
    bool          read     = false;
    bool          locked   = false; ///< Every change is answered by 423.
    std::uint64_t id       = 0;     ///< Never used twice in a mailbox.
    std::int64_t  received = 0;
    std::int64_t  modified = 0;

    /// What clients have set, and what a contact consists of. A value that begins with U+0001 is XML.
    std::map<httpmail_name, std::string> properties;
};

/// A folder with what is in it, as it was at one moment.
struct httpmail_folder
{
    httpmail_folder() = default;

    std::string                path;         ///< The request target, e.g. "/exchange/alice/Inbox/".
    std::string                segment;      ///< The last part of its URL, decoded.
    std::string                name;         ///< For people, UTF-8.
    std::string                special;      ///< "inbox", "sentitems" ...; empty for others.
    std::int64_t               modified = 0; ///< Changes with its items.
    std::vector<httpmail_item> items;

    std::size_t unread() const noexcept
    {
        std::size_t n = 0;
        for (auto const& item : items)
            n += item.read ? 0U : 1U;
        return n;
    }
};

/// Mail that was given to the server to send.
struct httpmail_submission
{
    httpmail_submission() = default;

    std::string              from;       ///< Without angle brackets.
    std::vector<std::string> recipients; ///< Likewise, in the order of the envelope.
    std::string              content;    ///< The message, as it arrived.
    std::string              type;       ///< The media type: "message/rfc821" or "message/rfc822".
    std::optional<bool>      save;       ///< What SAVEINSENT said.
    std::string              saved_as;   ///< The target of the copy that was kept; empty if none was.
};

/// A field of a request or a response.
using httpmail_field = std::pair<std::string, std::string>;

/// A request as it arrived.
struct httpmail_request
{
    httpmail_request() = default;

    std::uint64_t               connection = 0; ///< From 1, in the order in which they were accepted.
    std::uint64_t               number     = 0; ///< From 1, in the order in which their heads were complete.
    std::string                 method;
    std::string                 target;     ///< With its query, byte for byte.
    int                         minor = 1;  ///< The version is HTTP/1.minor.
    std::vector<httpmail_field> fields;     ///< In order, with the names as they were sent.
    std::string                 head;       ///< All octets of the head, with its empty line.
    std::string                 body;       ///< Without a transfer coding.
    int                         status = 0; ///< How it was answered; 0 if it was not.

    /// The value of the first field with this name, in any case.
    std::optional<std::string> field(std::string_view name) const
    {
        for (auto const& [n, value] : fields)
            if (ascii::iequals(n, name))
                return value;
        return std::nullopt;
    }

    bool has(std::string_view name) const { return field(name).has_value(); }
};

/// An answer, as a hook gives it. The length and the end of the connection are added by the server.
struct httpmail_response
{
    httpmail_response() = default;
    explicit httpmail_response(int s, std::string b = {}) : status(s), body(std::move(b)) {}

    int                         status = 0; ///< 0: none.
    std::string                 reason;     ///< Empty for the usual one.
    std::vector<httpmail_field> fields;
    std::string                 body;
    bool                        close = false; ///< End the connection afterwards.

    httpmail_response& with(std::string name, std::string value)
    {
        fields.emplace_back(std::move(name), std::move(value));
        return *this;
    }
};

/// Sums over all connections of an httpmail_server.
struct httpmail_totals
{
    std::uint64_t connections  = 0; ///< Accepted.
    std::uint64_t open         = 0; ///< Now.
    std::uint64_t peak         = 0; ///< The most that were open at the same time.
    std::uint64_t requests     = 0; ///< With a complete head.
    std::uint64_t responses    = 0; ///< Final ones, written completely.
    std::uint64_t refused      = 0; ///< Input that was no request.
    std::uint64_t octets_in    = 0; ///< Of all requests, after TLS.
    std::uint64_t octets_out   = 0; ///< Of all responses, before TLS.
    std::uint64_t in_progress  = 0; ///< Requests whose response is not complete, now.
    std::uint64_t most_at_once = 0; ///< The most of them at the same time.
};

} // namespace posthorn::testing

#endif
