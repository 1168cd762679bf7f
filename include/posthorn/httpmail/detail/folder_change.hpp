//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Folders created, renamed, deleted; those that a mailbox cannot do without are left alone.

#ifndef POSTHORN_HTTPMAIL_DETAIL_FOLDER_CHANGE_HPP
#define POSTHORN_HTTPMAIL_DETAIL_FOLDER_CHANGE_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/httpmail/detail/listing.hpp>
#include <posthorn/httpmail/detail/mailbox_state.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::httpmail::detail {

class folder_change
{
public:
    explicit folder_change(mailbox_state& s) noexcept : s_(&s) {}

    /// MKCOL. @return Where it is by the server's word.
    task<http::url> create(http::url parent, std::string name)
    {
        check_name(name);
        parent              = s_->folder_url(parent);
        auto const   wanted = dav::child_url(parent, name, true);
        dav::outcome done;
        {
            auto const lane = co_await s_->lanes.enter();
            try
            {
                dav::property_update none;
                auto                 o = options();
                done                   = co_await s_->dav.mkcol(wanted, std::move(none), std::move(o));
            }
            catch (dav::status_error const& e)
            {
                if (e.status() == 405) // RFC 4918, 9.3.1
                    exists(e);
                throw;
            }
        }
        mailbox_state::demand(done, "MKCOL");
        co_return co_await whereabouts(std::move(done), std::move(parent), wanted, std::move(name));
    }

    /// MOVE within its parent.
    task<http::url> rename(http::url folder, std::string name)
    {
        check_name(name);
        folder              = s_->folder_url(folder);
        keep_special(folder);
        auto const   parent = parent_of(folder);
        auto const   wanted = dav::child_url(parent, name, true);
        dav::outcome done;
        {
            auto const lane = co_await s_->lanes.enter();
            try
            {
                dav::transfer_options o;
                o.fields    = s_->settings.fields;
                o.overwrite = false; // else a folder of this name would be gone
                done        = co_await s_->dav.move(folder, wanted, std::move(o));
            }
            catch (dav::status_error const& e)
            {
                if (e.status() == 412)
                    exists(e);
                throw;
            }
        }
        // lighttpd says so in a list.
        if (!done.ok() && std::any_of(done.details.begin(), done.details.end(), [](auto const& r) { return r.worst_status() == 412; }))
            throw dav::status_error(errc::folder_exists, mailbox_state::facts_of(done, "MOVE"));
        mailbox_state::demand(done, "MOVE");
        co_return co_await whereabouts(std::move(done), parent, wanted, std::move(name));
    }

    /// DELETE, with all that is in it.
    task<void> remove(http::url folder)
    {
        folder = s_->folder_url(folder);
        keep_special(folder);
        auto const lane = co_await s_->lanes.enter();
        auto       o    = options();
        auto const done = co_await s_->dav.remove(std::move(folder), std::move(o));
        mailbox_state::demand(done, "DELETE");
    }

private:
    dav::request_options options() const
    {
        auto o       = s_->options();
        o.brief      = false;
        o.repeatable = false;
        return o;
    }

    static void check_name(std::string_view name)
    {
        if (!is_folder_name(name))
            throw error(errc::bad_name, printable(name, 200));
    }

    [[noreturn]] static void exists(dav::status_error const& e)
    {
        dav::status_error::facts f;
        f.method    = e.method();
        f.url       = e.url();
        f.status    = e.status();
        f.reason    = e.reason();
        f.dav_error = e.dav_error();
        throw dav::status_error(errc::folder_exists, std::move(f));
    }

    /// Servers have refused to rename and delete these, or said that they did.
    void keep_special(http::url const& folder) const
    {
        auto const& root = s_->root;
        auto const  mine = key_of(folder);
        for (auto const& u : {root.at, root.folder_root, root.inbox, root.sent_items, root.deleted_items, root.drafts,
                              root.outbox, root.junk_email, root.contacts, root.calendar})
        {
            if (u.empty())
                continue;
            auto const other = key_of(u);
            if (other == mine || other.starts_with(mine + '/'))
                throw error(errc::special_folder, folder.str());
        }
    }

    /// Exchange does not care about the case of letters.
    std::string key_of(http::url const& u) const
    {
        auto key = u.comparable();
        return s_->rules.is == dialect::exchange ? ascii::to_lower(key) : key;
    }

    /// Servers give names of their own, and some do not tell: then the list does.
    task<http::url> whereabouts(dav::outcome done, http::url parent, http::url wanted, std::string name)
    {
        if (auto const where = s_->located(done.url, done.location))
            co_return dav::with_slash(*where);
        auto const all = co_await list_folders(*s_, std::move(parent));
        std::optional<http::url> by_name;
        for (auto const& f : all)
        {
            if (same_resource(f.url, wanted))
                co_return f.url;
            if (f.display_name == name)
                by_name = f.url;
        }
        co_return by_name ? *by_name : wanted;
    }

    mailbox_state* s_;
};

} // namespace posthorn::httpmail::detail

#endif
