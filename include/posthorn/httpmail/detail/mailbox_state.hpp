//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the operations of a mailbox share: the client, the dialect, what was found out about the server.

#ifndef POSTHORN_HTTPMAIL_DETAIL_MAILBOX_STATE_HPP
#define POSTHORN_HTTPMAIL_DETAIL_MAILBOX_STATE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/http/client.hpp>
#include <posthorn/httpmail/detail/form_login.hpp>
#include <posthorn/httpmail/detail/gate.hpp>
#include <posthorn/httpmail/error.hpp>
#include <posthorn/httpmail/folder.hpp>
#include <posthorn/httpmail/locate.hpp>
#include <posthorn/httpmail/root.hpp>
#include <posthorn/httpmail/settings.hpp>
#include <posthorn/httpmail/timestamps.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::httpmail::detail {

/// What bulk requests do, and their place in mailbox_state::bulk.
enum class bulk_kind : unsigned char
{
    mark,
    move,
    copy,
    remove
};

/// Whether a server knows a method.
enum class support : unsigned char
{
    unknown,
    yes,
    no
};

/// Shared by everything that comes from one mailbox.
class mailbox_state
{
public:
    mailbox_state(http::url where, mailbox_settings s)
        : settings(with_entry(std::move(s), where)), entry(std::move(where)), web(settings.http),
          dav(web, dav_settings(settings)), lanes(settings.connections), opening_(1)
    {
        if (settings.dialect)
            adopt(*settings.dialect);
    }
    mailbox_state(mailbox_state const&)            = delete;
    mailbox_state& operator=(mailbox_state const&) = delete;

    mailbox_settings settings;
    http::url        entry;
    http::client     web;
    dav::client      dav;
    gate             lanes; ///< As many requests as there may be connections.
    dialect_rules    rules;
    root_properties  root;
    timestamps       seen; ///< What the server said last.

    // Found out by trying.
    support bulk[4]       = {};
    support search        = support::unknown;
    support one_proppatch = support::unknown;

    bool is_open() const noexcept { return open_; }

    /// Finds out where everything is, once; several tasks may ask at the same time.
    task<void> open()
    {
        if (open_)
            co_return;
        auto const turn = co_await opening_.enter();
        if (!open_)
            co_await discover();
    }

    /** Asks the entry URL, whatever is known. Where that is answered by a login page it logs in and asks again.
        @throws error errc::not_a_mailbox, errc::foreign_url, http::errc::auth_failed; what dav::client throws. */
    task<void> discover()
    {
        bool expired = false;
        try
        {
            co_await ask_entry();
        }
        catch (dav::status_error const& e)
        {
            expired = e.code() == dav::errc::session_expired;
            if (!expired || settings.http.login.password.empty())
                throw;
        }
        if (!expired)
            co_return;
        co_await log_in_by_form(web, entry);
        bool refused = false;
        try
        {
            co_await ask_entry();
        }
        catch (dav::status_error const& e)
        {
            refused = e.code() == dav::errc::session_expired;
            if (!refused)
                throw;
        }
        if (refused)
            throw error(http::errc::auth_failed, "by the form of " + entry.str());
    }

    task<void> ask_entry()
    {
        auto const         lane = co_await lanes.enter();
        dav::request_options o  = options();
        o.brief                 = settings.dialect && rules.brief;
        auto question           = root_question(settings.dialect);
        auto list               = co_await dav.propfind(entry, dav::depth::zero, std::move(question), std::move(o));
        admit_answer(entry, list.url());
        auto first              = co_await list.next();
        http::headers const fields = list.fields();
        auto const          at     = list.url();
        dav::response       rest;
        for (bool more = first.has_value(); more;) // to its end, so that the connection can be used again
            more = co_await list.next(rest);
        if (!first)
            throw error(errc::not_a_mailbox, at.str());
        if (!settings.dialect)
            adopt(guess_dialect(fields, first->text(names::sendmsg).value_or("")));
        auto found = read_root(*first, at, rules.foreign);
        if (rules.is == dialect::hotmail && found.folder_root.empty() && found.inbox.empty())
            throw error(errc::not_a_mailbox, at.str() + " tells neither an inbox nor a root of folders");
        if (found.folder_root.empty())
            found.folder_root = dav::with_slash(at);
        root  = std::move(found);
        open_ = true;
        note(fields);
    }

    /// For a request of this dialect.
    dav::request_options options() const
    {
        dav::request_options o;
        o.fields = settings.fields;
        o.brief  = rules.brief;
        return o;
    }

    /// Remembers what an answer says about changes.
    void note(http::headers const& fields)
    {
        if (auto const field = fields.get("X-Timestamp"))
            seen.merge(parse_timestamps(*field));
    }

    /// Is the server of this URL trusted with the mailbox?
    bool is_trusted(http::url const& u) const
    {
        auto const& o = u.origin();
        if (o == entry.origin() || (open_ && o == root.at.origin()))
            return true;
        auto const& allowed = settings.http.rules;
        if (std::find(allowed.origins.begin(), allowed.origins.end(), o) != allowed.origins.end())
            return true;
        return (o.secure || !entry.secure()) && (allowed.allows(o, http::auth_scheme::digest_md5) ||
                                                 allowed.allows(o, http::auth_scheme::digest_sha256));
    }

    /// The one place where URLs become requests. @throws error errc::foreign_url; http::errc::bad_url if it is empty.
    void admit(http::url const& u) const
    {
        if (u.empty())
            throw error(http::errc::bad_url, "there is none");
        if (!is_trusted(u))
            throw error(errc::foreign_url, u.origin().str());
    }

    /** Who answered, after redirects, which may lead to anybody: nobody else gives lists and messages. To be called before
        anything of the answer is used. @throws error errc::foreign_url. */
    void admit_answer(http::url const& asked, http::url const& answered) const
    {
        if (is_trusted(answered))
            return;
        error_context c;
        c.operation = "asking for " + asked.str();
        c.detail    = "it leads to " + answered.origin().str();
        c.hint      = "name that server in http.rules if it is the right one";
        throw error(errc::foreign_url, std::move(c));
    }

    /// A folder: admitted, with a slash at its end.
    http::url folder_url(http::url const& u) const
    {
        admit(u);
        return dav::with_slash(u);
    }

    /** A message: admitted. Where the tree is in the query a slash at its end is not to be missed: without it b1gMail takes a
        message for a folder. */
    http::url message_url(http::url const& u) const
    {
        admit(u);
        return rules.is == dialect::hotmail && has_tree_in_query(u) ? dav::with_slash(u) : u;
    }

    /// The URL of an href, nothing if it is unusable.
    std::optional<http::url> located(http::url const& base, std::string_view href) const
    {
        return locate(base, href, rules.foreign);
    }

    std::optional<http::url> located(http::url const& base, std::optional<http::url> const& u) const
    {
        return u ? located(base, u->str()) : std::nullopt;
    }

    /// Throws what an outcome amounts to if it is none of success.
    static void demand(dav::outcome const& o, char const* method)
    {
        if (o.ok())
            return;
        throw dav::status_error(o.error(), facts_of(o, method));
    }

    static dav::status_error::facts facts_of(dav::outcome const& o, char const* method)
    {
        dav::status_error::facts f;
        f.method = method;
        f.url    = o.url.str();
        f.status = o.status;
        for (auto const& r : o.details)
            if (r.worst_status() / 100 != 2 && f.reason.empty())
                f.reason = r.description();
        return f;
    }

    static dav::status_error::facts facts_of(http::response const& answer, std::string method)
    {
        dav::status_error::facts f;
        f.method    = std::move(method);
        f.url       = answer.url().str();
        f.status    = answer.status();
        f.reason    = answer.reason();
        f.dav_error = answer.fields().get("X-Dav-Error").value_or("");
        return f;
    }

private:
    /// Who gave the credentials named the entry URL along with them.
    static mailbox_settings with_entry(mailbox_settings s, http::url const& where)
    {
        auto& known = s.http.rules.origins;
        if (std::find(known.begin(), known.end(), where.origin()) == known.end())
            known.push_back(where.origin());
        s.connections    = std::max<std::size_t>(s.connections, 1);
        s.bulk_size      = std::max<std::size_t>(s.bulk_size, 1);
        s.page_size      = std::max<std::size_t>(s.page_size, 1);
        s.http.most_idle = std::max(s.http.most_idle, s.connections);
        return s;
    }

    static dav::client_settings dav_settings(mailbox_settings const& s)
    {
        dav::client_settings d;
        d.limits = s.limits;
        return d;
    }

    void adopt(dialect d)
    {
        rules = rules_of(d);
        if (settings.foreign)
            rules.foreign = *settings.foreign;
    }

    gate opening_;
    bool open_ = false;
};

} // namespace posthorn::httpmail::detail

#endif
