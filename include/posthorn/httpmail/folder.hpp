//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A folder as a value: where it is, what it is for, what is in it.

#ifndef POSTHORN_HTTPMAIL_FOLDER_HPP
#define POSTHORN_HTTPMAIL_FOLDER_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/dav/request_body.hpp>
#include <posthorn/dav/response.hpp>
#include <posthorn/dav/value.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/locate.hpp>
#include <posthorn/httpmail/names.hpp>
#include <posthorn/httpmail/root.hpp>
#include <posthorn/httpmail/segment_text.hpp>
#include <posthorn/xml/writer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::httpmail {

/// What a folder is for.
enum class folder_kind : unsigned char
{
    ordinary, ///< Somebody's own.
    inbox,
    sent_items,
    deleted_items,
    drafts,
    outbox,
    junk_email,
    contacts,
    calendar,
    promotions,  ///< `msnpromo`
    unrecognised ///< It has a role that is not known here: folder::special.
};

/// As in commands of programs, e.g. "inbox", "deleted".
constexpr std::string_view to_string(folder_kind k) noexcept
{
    switch (k)
    {
    case folder_kind::ordinary: return "folder";
    case folder_kind::inbox: return "inbox";
    case folder_kind::sent_items: return "sent";
    case folder_kind::deleted_items: return "deleted";
    case folder_kind::drafts: return "drafts";
    case folder_kind::outbox: return "outbox";
    case folder_kind::junk_email: return "junk";
    case folder_kind::contacts: return "contacts";
    case folder_kind::calendar: return "calendar";
    case folder_kind::promotions: return "promotions";
    case folder_kind::unrecognised: return "special";
    }
    return "unknown";
}

/// The meaning of the property `special`.
constexpr folder_kind parse_special(std::string_view text) noexcept
{
    struct entry
    {
        std::string_view text;
        folder_kind      kind;
    };
    constexpr entry known[] = {{"inbox", folder_kind::inbox},           {"sentitems", folder_kind::sent_items},
                               {"drafts", folder_kind::drafts},         {"deleteditems", folder_kind::deleted_items},
                               {"outbox", folder_kind::outbox},         {"junkemail", folder_kind::junk_email},
                               {"bulkmail", folder_kind::junk_email},   {"contacts", folder_kind::contacts},
                               {"calendar", folder_kind::calendar},     {"msnpromo", folder_kind::promotions}};
    text = dav::trim_value(text);
    if (text.empty())
        return folder_kind::ordinary;
    for (auto const& e : known)
        if (ascii::iequals(e.text, text))
            return e.kind;
    return folder_kind::unrecognised;
}

/// A well-known folder by a word for it: "inbox", "sent", "sentitems", "deleted", "trash", "junk" ... Else nothing.
constexpr std::optional<folder_kind> parse_folder_kind(std::string_view word) noexcept
{
    for (auto const k : {folder_kind::inbox, folder_kind::sent_items, folder_kind::deleted_items, folder_kind::drafts,
                         folder_kind::outbox, folder_kind::junk_email, folder_kind::contacts, folder_kind::calendar})
        if (ascii::iequals(word, to_string(k)) || parse_special(word) == k)
            return k;
    if (ascii::iequals(word, "trash"))
        return folder_kind::deleted_items;
    return std::nullopt;
}

/// Where the root says that a folder is; empty if it does not, or the kind is none of these.
inline http::url url_of(root_properties const& root, folder_kind k)
{
    switch (k)
    {
    case folder_kind::inbox: return root.inbox;
    case folder_kind::sent_items: return root.sent_items;
    case folder_kind::deleted_items: return root.deleted_items;
    case folder_kind::drafts: return root.drafts;
    case folder_kind::outbox: return root.outbox;
    case folder_kind::junk_email: return root.junk_email;
    case folder_kind::contacts: return root.contacts;
    case folder_kind::calendar: return root.calendar;
    default: return http::url();
    }
}

/// What the root says a folder is for.
inline folder_kind kind_of(root_properties const& root, http::url const& folder)
{
    for (auto const k : {folder_kind::inbox, folder_kind::sent_items, folder_kind::deleted_items, folder_kind::drafts,
                         folder_kind::outbox, folder_kind::junk_email, folder_kind::contacts, folder_kind::calendar})
        if (auto const u = url_of(root, k); !u.empty() && same_resource(u, folder))
            return k;
    return folder_kind::ordinary;
}

/** A folder. What the server does not tell is nothing. Texts are the server's: show them by printable().

    A value; thread-safe like std::string.
*/
struct folder
{
    folder() = default;

    http::url   url; ///< With a slash at its end.
    folder_kind kind = folder_kind::ordinary;
    std::string special;      ///< The role in the server's word; empty: none.
    std::string display_name; ///< As the server has it; special folders often have none.

    std::optional<std::uint64_t> unread;   ///< Messages not read.
    std::optional<std::uint64_t> messages; ///< All messages.
    std::optional<bool>          has_children;
    std::optional<bool>          may_have_children; ///< False: no folder can be created in it.
    std::string                  item_class;        ///< Exchange: `IPF.Note`, `IPF.Contact` ...

    unsigned depth = 0; ///< In mailbox::folder_tree(): how many folders it lies in, below the root.

    /// For people: the display name, else what the kind is called, else the last segment of the URL, decoded.
    std::string name() const
    {
        if (!dav::trim_value(display_name).empty())
            return display_name;
        if (kind == folder_kind::unrecognised)
            return special;
        if (kind != folder_kind::ordinary)
            return std::string(to_string(kind));
        return segment_text(dav::last_segment(url.target()));
    }
};

/// The seven properties that every client asks for, and on Exchange one more.
inline dav::property_list folder_question(dialect d)
{
    if (d == dialect::exchange)
        return dav::property_list(names::isfolder, dav::names::displayname, names::special, names::hassubs,
                                  names::nosubs, names::unreadcount, names::visiblecount, names::ishidden,
                                  names::outlookfolderclass);
    if (d == dialect::dav)
        return dav::property_list(names::isfolder, dav::names::displayname, names::special, names::hassubs,
                                  names::nosubs, names::unreadcount, names::visiblecount, dav::names::resourcetype);
    return dav::property_list(names::isfolder, dav::names::displayname, names::special, names::hassubs, names::nosubs,
                              names::unreadcount, names::visiblecount);
}

/** Reads one response of a list of folders.
    @param url  Of the response.
    @param root What is known about special folders.
    @return Nothing if it is no folder, or a hidden one.
*/
inline std::optional<folder> read_folder(dav::response const& r, http::url const& url, root_properties const& root)
{
    auto const flag = [&](xml::name const& n) {
        auto const p = r.find(n);
        return p ? p->as_boolean() : std::nullopt;
    };
    auto const count = [&](xml::name const& n) -> std::optional<std::uint64_t> {
        auto const p = r.find(n);
        auto const v = p ? p->as_integer() : std::nullopt;
        return v && *v >= 0 ? std::optional(static_cast<std::uint64_t>(*v)) : std::nullopt;
    };
    if (!r.is_collection() || flag(names::ishidden) == true)
        return std::nullopt;
    folder f;
    f.url          = dav::with_slash(url);
    f.display_name = r.text(dav::names::displayname).value_or("");
    f.special      = dav::trim_value(r.text(names::special).value_or(""));
    f.kind         = parse_special(f.special);
    if (auto const known = kind_of(root, f.url); known != folder_kind::ordinary)
        f.kind = known;
    f.unread       = count(names::unreadcount);
    f.messages     = count(names::visiblecount);
    f.has_children = flag(names::hassubs);
    if (auto const none = flag(names::nosubs))
        f.may_have_children = !*none;
    f.item_class = r.text(names::outlookfolderclass).value_or("");
    return f;
}

/** Can a folder be called that? No control characters, UTF-8, something but `.` and `..`, and no slash, which would name a
    folder in another one. */
inline bool is_folder_name(std::string_view name) noexcept
{
    return !name.empty() && name.size() <= 1000 && name != "." && name != ".." && name.find('/') == name.npos &&
           !ascii::has_control(name) && xml::is_text(name);
}

} // namespace posthorn::httpmail

#endif
