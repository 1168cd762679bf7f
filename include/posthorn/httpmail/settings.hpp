//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a mailbox needs to know, and what can be asked of its operations.

#ifndef POSTHORN_HTTPMAIL_SETTINGS_HPP
#define POSTHORN_HTTPMAIL_SETTINGS_HPP

#include <posthorn/dav/multistatus_reader.hpp>
#include <posthorn/dav/names.hpp>
#include <posthorn/http/client_settings.hpp>
#include <posthorn/http/headers.hpp>
#include <posthorn/http/request.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/contact.hpp>
#include <posthorn/httpmail/dialect.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::httpmail {

/** Settings of a mailbox.

    Credentials go to the origin of the entry URL. Where that leads elsewhere, as Hotmail's did, the other hosts must be
    named in `http.rules`: nothing of the mailbox goes to a server that is trusted neither there nor by the entry URL.

    @code
    settings.http.login              = {"alice@example.com", "secret"};
    settings.http.rules.digest_hosts = {"*.example.com"};
    @endcode
*/
struct mailbox_settings
{
    mailbox_settings() = default;

    http::client_settings http;

    std::optional<httpmail::dialect>      dialect; ///< Nothing: found out from the first answer.
    std::optional<httpmail::foreign_urls> foreign; ///< Instead of what the dialect does about URLs elsewhere.

    std::size_t connections = 4;   ///< Requests at the same time, of all operations together; at least 1.
    std::size_t bulk_size   = 50;  ///< Items in one bulk request; at least 1.
    std::size_t page_size   = 100; ///< Messages in one page of a list, where there are pages; at least 1.
    bool        use_bulk    = true; ///< False: single verbs only.

    /** Sends what is known of X-Timestamp with poll(), so that the server need not answer. Hotmail only; what it really
        did is not on record. */
    bool use_timestamps = false;

    /// The largest message that is held in memory, because its source tells no size and cannot start again.
    std::uint64_t most_in_memory = std::uint64_t(32) << 20U;

    std::size_t most_folders = 10'000; ///< In a list or tree, before posthorn::errc::limit_exceeded.
    std::size_t most_levels  = 32;     ///< Of folders below each other; deeper ones are not looked at.

    dav::multistatus_limits limits;  ///< Of lists.
    http::headers           fields;  ///< Sent with every request.
    contact_map             contacts; ///< What the fields of contacts are called.
};

/// For lists of messages.
struct list_options
{
    list_options() = default;

    std::size_t most = std::numeric_limits<std::size_t>::max(); ///< The list ends after so many.
    std::vector<dav::property_name> more; ///< Further properties, to be found in message_info::more.
};

/// For fetching a message.
struct fetch_options
{
    fetch_options() = default;

    http::progress_function on_progress; ///< What it throws ends the reading.
};

/// For messages on their way to the server.
struct upload_options
{
    upload_options() = default;

    bool                    normalise = true; ///< Bare CR and LF become CRLF.
    http::progress_function on_progress;      ///< May start again at 0. What it throws ends the request.
};

/// For sending.
struct send_options : upload_options
{
    send_options() = default;

    /** A copy is kept among the sent items. b1gMail keeps one always; Exchange's copy has the envelope in it, so append() one
        there instead. */
    bool save_in_sent = true;

    http::url save_to; ///< Exchange: keep it in this folder instead; empty: as usual.

    bool keep_bcc = false; ///< Fields Bcc are sent along: then everybody can read them.
};

/// For storing a message in a folder.
struct append_options : upload_options
{
    append_options() = default;

    /** Where messages have names that clients choose (Exchange, WebDAV): the last part of the URL, as text. Empty: one that is
        made up here. */
    std::string name;
};

} // namespace posthorn::httpmail

#endif
