//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What became of requests that change something: done, refused, not done, or nobody knows.

#ifndef POSTHORN_HTTPMAIL_OUTCOME_HPP
#define POSTHORN_HTTPMAIL_OUTCOME_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/dav/status_error.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/error.hpp>
#include <posthorn/net/tls_error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::httpmail {

/// What became of a message, or of one item of many.
enum class fate : unsigned char
{
    done,     ///< The server says that it did it.
    refused,  ///< The server says that it did not.
    not_done, ///< The server was not asked, or certainly did not get all of the request: doing it again is safe.
    in_doubt  ///< The server may have done it and nothing was heard of it: look before doing it again.
};

/// A word for texts and JSON.
constexpr std::string_view to_string(fate f) noexcept
{
    switch (f)
    {
    case fate::done: return "done";
    case fate::refused: return "refused";
    case fate::not_done: return "not_done";
    case fate::in_doubt: return "in_doubt";
    }
    return "unknown";
}

/** What a failed request that changes something has done.
    @param ec     Why it failed.
    @param begun  Could the server have had all of it by then?
    @param status Of the answer; 0: there was none.
*/
inline fate fate_of(std::error_code const& ec, bool begun, int status = 0) noexcept
{
    // An answer that cannot be read says nothing, and gateways do not know what became of a request.
    bool const unreadable = ec == dav::errc::not_multistatus || ec == dav::errc::too_many_responses ||
                            ec == dav::errc::response_too_large;
    if (ec.category() == dav::category())
        return unreadable || status == 502 || status == 504 ? fate::in_doubt : fate::refused;
    if (!begun || ec == condition::unreachable)
        return fate::not_done;
    if (ec.category() == http::category())
        switch (static_cast<http::errc>(ec.value()))
        {
        // There was an answer, which was no success; or nothing left.
        case http::errc::too_many_redirects:
        case http::errc::redirect_loop:
        case http::errc::redirect_refused:
        case http::errc::redirect_downgrade:
        case http::errc::bad_redirect:
        case http::errc::auth_failed:
        case http::errc::auth_unavailable:
        case http::errc::auth_not_allowed:
        case http::errc::cannot_repeat:
        case http::errc::connection_ended:
        case http::errc::bad_url:
        case http::errc::bad_method:
        case http::errc::bad_header: return fate::not_done;
        default: break;
        }
    if (ec.category() == net::tls_category())
        switch (static_cast<net::tls_errc>(ec.value()))
        {
        // These come before the request can leave.
        case net::tls_errc::handshake_failed:
        case net::tls_errc::not_tls:
        case net::tls_errc::protocol_version:
        case net::tls_errc::certificate_rejected:
        case net::tls_errc::host_name_mismatch:
        case net::tls_errc::expired:
        case net::tls_errc::not_yet_valid:
        case net::tls_errc::untrusted:
        case net::tls_errc::self_signed:
        case net::tls_errc::pin_mismatch:
        case net::tls_errc::dane_mismatch:
        case net::tls_errc::no_certificate:
        case net::tls_errc::configuration: return fate::not_done;
        default: break;
        }
    if (ec.category() == category() || ec == posthorn::errc::invalid_argument)
        return fate::not_done;
    return fate::in_doubt;
}

/// What became of one message, folder or contact. A value.
struct item_outcome
{
    item_outcome() = default;
    explicit item_outcome(http::url u) : item(std::move(u)) {}

    http::url                item;                    ///< As the caller gave it.
    httpmail::fate           fate = fate::not_done;
    int                      status = 0;              ///< What the server said about it; 0: nothing.
    std::error_code          error;                   ///< None if it is done.
    std::string              text;                    ///< What there is to say about it. Safe to show.
    std::optional<http::url> location;                ///< Where it is now, if the server says so.

    bool ok() const noexcept { return fate == fate::done; }
};

/// Are all done?
inline bool all_done(std::vector<item_outcome> const& items) noexcept
{
    return std::all_of(items.begin(), items.end(), [](item_outcome const& i) { return i.ok(); });
}

/** Work on many items ended early: a connection failed, time was up, or it was cancelled.

    What each item came to is kept. code() is that of the failure. Copying never throws.
*/
class bulk_error : public error
{
public:
    bulk_error(std::error_code why, std::vector<item_outcome> items, std::string detail)
        : error(why, context_of(items, std::move(detail))),
          items_(std::make_shared<std::vector<item_outcome> const>(std::move(items)))
    {
    }

    /// One for each item, in the order of the request.
    std::vector<item_outcome> const& items() const noexcept { return *items_; }

private:
    static error_context context_of(std::vector<item_outcome> const& items, std::string detail)
    {
        auto const count = [&](fate f) {
            return std::to_string(std::count_if(items.begin(), items.end(), [f](auto const& i) { return i.fate == f; }));
        };
        error_context c;
        c.detail = std::move(detail);
        c.detail += (c.detail.empty() ? "" : "; ") + count(fate::done) + " done, " + count(fate::refused) +
                    " refused, " + count(fate::in_doubt) + " in doubt, " + count(fate::not_done) + " not done";
        return c;
    }

    std::shared_ptr<std::vector<item_outcome> const> items_;
};

/** What became of a message that was sent. A server answers for all recipients at once. */
struct send_report
{
    send_report() = default;

    httpmail::fate           fate   = fate::not_done;
    int                      status = 0;              ///< Of the answer; 0: there was none.
    std::error_code          error;                   ///< None if it is done.
    std::string              text;                    ///< The server's words. Safe to show.
    std::optional<http::url> location;                ///< The copy that was kept, if the server says where.
    std::vector<std::string> recipients;              ///< As they were sent.
    std::uint64_t            content_bytes = 0;       ///< Of the message, without the envelope.

    bool accepted() const noexcept { return fate == fate::done; }
};

/** A message could not be handed over, or nobody knows whether it was: see report().fate.

    What a server refuses is no exception but a report. Copying never throws.
*/
class send_error : public error
{
public:
    send_error(std::error_code why, error_context context, send_report r)
        : error(why, std::move(context)), report_(std::make_shared<send_report const>(std::move(r)))
    {
    }

    send_report const& report() const noexcept { return *report_; }

private:
    std::shared_ptr<send_report const> report_;
};

} // namespace posthorn::httpmail

#endif
