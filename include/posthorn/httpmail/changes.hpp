//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What has changed in a mailbox between two looks at its folders.

#ifndef POSTHORN_HTTPMAIL_CHANGES_HPP
#define POSTHORN_HTTPMAIL_CHANGES_HPP

#include <posthorn/dav/href.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/folder.hpp>
#include <posthorn/httpmail/root.hpp>
#include <posthorn/httpmail/timestamps.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::httpmail {

/// What has changed since the last look. A value.
struct changes
{
    changes() = default;

    bool first   = false; ///< There was no look before: nothing could be compared.
    bool folders = false; ///< Folders came, went, or were renamed.
    bool inbox   = false; ///< Something in the inbox.

    std::vector<http::url> contents; ///< Folders in which something is new, gone, read or unread.

    bool any() const noexcept { return folders || inbox || !contents.empty(); }
};

/// The folders of a mailbox as one look saw them. A value.
class folder_snapshot
{
public:
    folder_snapshot() = default;

    /// @param modified,etag Whatever the server says; empty: nothing.
    void add(folder const& f, std::string_view modified = {}, std::string_view etag = {})
    {
        entry      e;
        auto const number = [](auto const& n) { return n ? std::to_string(*n) : std::string("?"); };
        e.url      = f.url;
        e.name     = f.name();
        e.contents = number(f.unread) + ' ' + number(f.messages) + ' ' + std::string(modified) + ' ' + std::string(etag);
        folders_.insert_or_assign(f.url.comparable(), std::move(e));
    }

    friend changes compare(folder_snapshot const& before, folder_snapshot const& now, root_properties const& root)
    {
        changes c;
        for (auto const& [key, e] : now.folders_)
        {
            auto const old = before.folders_.find(key);
            if (old == before.folders_.end() || old->second.name != e.name)
                c.folders = true;
            if (old != before.folders_.end() && old->second.contents != e.contents)
                c.contents.push_back(e.url);
        }
        for (auto const& [key, e] : before.folders_)
            c.folders = c.folders || !now.folders_.contains(key);
        c.inbox = std::any_of(c.contents.begin(), c.contents.end(), [&](http::url const& u) {
            return !root.inbox.empty() && same_resource(u, root.inbox);
        });
        return c;
    }

private:
    struct entry
    {
        http::url   url;
        std::string name;
        std::string contents;
    };

    std::map<std::string, entry> folders_;
};

/// Adds what the server's own times tell: `folders`, and the inbox under the last segment of its URL.
inline void note_times(changes& c, timestamps const& before, timestamps const& now, root_properties const& root)
{
    auto const moved = [&](std::string_view name) {
        auto const then = before.get(name), at = now.get(name);
        return at && then && *at != *then;
    };
    c.folders = c.folders || moved(timestamps::folders);
    if (!root.inbox.empty() && moved(dav::last_segment(root.inbox.target())))
        c.inbox = true;
}

} // namespace posthorn::httpmail

#endif
