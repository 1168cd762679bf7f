//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What each request of the HTTPMail transport says to the server, and what becomes of the answer. The engine does the rest.

#ifndef POSTHORN_LEGACY_DETAIL_HTTPMAIL_REQUESTS_HPP
#define POSTHORN_LEGACY_DETAIL_HTTPMAIL_REQUESTS_HPP

#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/dav/multistatus.hpp>
#include <posthorn/httpmail/contact.hpp>
#include <posthorn/httpmail/mailbox.hpp>
#include <posthorn/httpmail/timestamps.hpp>
#include <posthorn/legacy/detail/dav_answers.hpp>
#include <posthorn/legacy/detail/http_result.hpp>
#include <posthorn/legacy/detail/httpmail_connection.hpp>
#include <posthorn/legacy/detail/httpmail_entries.hpp>
#include <posthorn/legacy/detail/httpmail_reply.hpp>
#include <posthorn/legacy/imnxport.h>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::legacy::detail {

/// Entries of a list that are told at once.
inline constexpr std::size_t slice_size = 32;

/// Ends a request whose answer is a refusal as a whole.
inline void demand(dav::outcome const& done)
{
    if (done.ok())
        return;
    std::string said;
    for (auto const& r : done.details)
        if (said.empty() && r.worst_status() / 100 != 2)
            said = r.description();
    throw legacy_failure(refused(done.status, printable(said)));
}

// GET ------------------------------------------------------------------------------------------------------------

inline task<final_reply> do_get(httpmail_connection& c, httpmail_order& o, std::string accept, bool translate)
{
    dav::request_options how;
    how.translate = !translate;
    if (!accept.empty())
        how.fields.set("Accept", accept);
    auto answer = co_await c.dav().get(o.at, std::move(how));
    if (!answer.ok())
        throw legacy_failure(refused(answer.status(), printable(answer.reason())));
    c.note_answer(o);
    auto const  type  = answer.fields().get("Content-Type").value_or("");
    auto const  total = answer.size();
    HTTPMAILGET so_far = {};
    so_far.fTotalKnown = total ? TRUE : FALSE;
    so_far.cbTotal     = saturated(total.value_or(0));
    std::uint64_t sum  = 0;
    for (;;)
    {
        auto const block = co_await answer.next();
        auto       r     = o.reply(block.empty());
        sum += block.size();
        so_far.cbIncrement       = saturated(block.size());
        so_far.cbCurrent         = saturated(sum);
        r->value.rGetInfo        = so_far;
        r->value.rGetInfo.pvBody = block.empty() ? nullptr : r->text(block);
        r->value.rGetInfo.pszContentType = r->text_or_null(type);
        if (block.empty())
            co_return r;
        co_await c.indicate(o, std::move(r));
    }
}

// PUT, POST, SendMessage -----------------------------------------------------------------------------------------

/// @param fields Besides those that the client makes.
inline task<final_reply> do_upload(httpmail_connection& c, httpmail_order& o, std::string method, http::headers fields)
{
    http::request r(method, o.at);
    r.fields    = std::move(fields);
    r.body      = o.body;
    r.on_upload = [&c, &o](std::uint64_t done, std::optional<std::uint64_t> total) { c.note_upload(o, done, total); };
    auto const done = co_await c.dav().send(std::move(r));
    demand(done);
    auto         last = o.reply(true);
    HTTPMAILPOST p    = {};
    p.cbCurrent       = saturated(o.sent);
    p.cbTotal         = saturated(o.body->size().value_or(o.sent));
    if (done.location)
        p.pszLocation = last->text(done.location->str());
    last->value.rPutInfo = p;
    co_return last;
}

// DELETE, MKCOL, COPY, MOVE, PROPPATCH ---------------------------------------------------------------------------

inline task<final_reply> do_delete(httpmail_connection& c, httpmail_order& o)
{
    auto const done = co_await c.dav().remove(o.at);
    demand(done);
    co_return o.reply(true);
}

/// The answer of what makes a resource.
inline final_reply located(httpmail_order const& o, dav::outcome const& done)
{
    demand(done);
    auto             r = o.reply(true);
    HTTPMAILLOCATION l = {};
    if (done.location)
        l.pszLocation = r->text(done.location->str());
    r->value.rCopyMoveInfo = l;
    return r;
}

inline task<final_reply> do_mkcol(httpmail_connection& c, httpmail_order& o)
{
    auto const done = co_await c.dav().mkcol(o.at);
    co_return located(o, done);
}

inline dav::transfer_options transfer_of(bool rename)
{
    dav::transfer_options how;
    how.allow_rename = rename;
    if (rename)
        how.fields.set("Overwrite", "T"); // the documents say so, the server's dialect has the other one
    return how;
}

inline task<final_reply> do_transfer(httpmail_connection& c, httpmail_order& o, http::url to, bool rename)
{
    bool const   moves = o.command == HTTPMAIL_MOVE;
    auto         how   = transfer_of(rename);
    dav::outcome done;
    if (moves)
        done = co_await c.dav().move(o.at, std::move(to), std::move(how));
    else
        done = co_await c.dav().copy(o.at, std::move(to), std::move(how));
    co_return located(o, done);
}

inline task<final_reply> do_proppatch(httpmail_connection& c, httpmail_order& o, std::string body)
{
    http::request r("PROPPATCH", o.at);
    r.set_body(std::move(body), "text/xml");
    auto const done = co_await c.dav().send(std::move(r));
    demand(done);
    co_return o.reply(true);
}

// Many resources at once -----------------------------------------------------------------------------------------

/// The whole URL of a target, or what the client called it.
inline std::string whole(http::url const& collection, std::string const& href)
{
    auto const u = dav::resolve_href(dav::with_slash(collection), href);
    return u ? u->str() : href;
}

/// The answer that lists what failed.
inline final_reply failures(httpmail_order const& o, dav::bulk_outcome const& done)
{
    auto       r   = o.reply(true);
    auto const add = [&](std::string const& href, int status) {
        HTTPMEMBERERROR e = {};
        e.pszHref         = r->text(whole(o.at, href));
        e.hrResult        = from_http_status(status);
        r->errors.push_back(e);
    };
    for (auto const& i : done.items)
        if (!i.ok())
            add(i.href, i.status);
    for (auto const& other : done.others)
        if (other.worst_status() / 100 != 2)
            add(std::string(other.href()), other.worst_status());
    return r;
}

inline task<final_reply> do_bdelete(httpmail_connection& c, httpmail_order& o, std::vector<dav::target> targets)
{
    auto const done = co_await c.dav().bdelete(o.at, std::move(targets));
    co_return failures(o, done);
}

/// @param targets None: the resource itself.
inline task<final_reply> do_mark(httpmail_connection& c, httpmail_order& o, std::vector<dav::target> targets, bool read)
{
    dav::property_update update;
    update.set(httpmail::names::read, read ? "1" : "0");
    if (!targets.empty())
    {
        dav::request_options how;
        auto const           done = co_await c.dav().bproppatch(o.at, std::move(targets), std::move(update), std::move(how));
        co_return failures(o, done);
    }
    auto const done = co_await c.dav().proppatch(o.at, std::move(update));
    demand(done);
    co_return o.reply(true);
}

inline task<final_reply> do_bulk_transfer(httpmail_connection& c, httpmail_order& o, http::url to, std::vector<dav::target> targets,
                                          bool rename)
{
    bool const        moves = o.command == HTTPMAIL_BMOVE;
    auto              how   = transfer_of(rename);
    dav::bulk_outcome done;
    if (moves)
        done = co_await c.dav().bmove(o.at, std::move(to), std::move(targets), std::move(how));
    else
        done = co_await c.dav().bcopy(o.at, std::move(to), std::move(targets), std::move(how));
    auto r = o.reply(true);
    for (auto const& i : done.items)
    {
        HTTPMAILBCOPYMOVE one = {};
        one.pszHref           = r->text(whole(o.at, i.href));
        one.pszLocation       = i.location ? r->text(i.location->str()) : nullptr;
        one.hrResult          = from_http_status(i.status);
        r->transfers.push_back(one);
    }
    co_return r;
}

// Lists ----------------------------------------------------------------------------------------------------------

inline task<final_reply> do_propfind(httpmail_connection& c, httpmail_order& o, std::string body, std::string depth,
                                     std::shared_ptr<namespace_list const> spaces)
{
    http::request q("PROPFIND", o.at);
    q.set_body(std::move(body), "text/xml");
    q.fields.set("Depth", std::move(depth));
    auto answer = co_await c.web().send(std::move(q));
    if (answer.status() != 207 && answer.status() != 200)
    {
        auto what = refused(answer.status(), printable(answer.reason()));
        co_await answer.discard();
        if (what.number == 401) // others may be welcome
            throw dav::status_error(dav::errc::auth_required, {"PROPFIND", o.at.str(), 401, what.response, std::string()});
        throw legacy_failure(std::move(what));
    }
    c.note_answer(o);
    dav::multistatus list(std::move(answer), "PROPFIND", false, dav::multistatus_limits());
    auto             all = com_ptr<prop_find_multi_response>::attach(new prop_find_multi_response);
    dav::response    one;
    for (std::size_t n = 0;; ++n)
    {
        bool const found = co_await list.next(one);
        if (!found)
            break;
        if (n != 0 && n % slice_size == 0)
        {
            auto r   = o.reply(false);
            r->found = all;
            co_await c.indicate(o, std::move(r));
        }
        auto const url = list.url_of(one);
        std::string href = url ? url->str() : std::string(one.href());
        all->add(com_ptr<IPropFindResponse>::attach(new prop_find_response(std::move(href), std::move(one), spaces)));
        one = dav::response();
    }
    all->complete();
    auto last   = o.reply(true);
    last->found = all;
    co_return last;
}

/// Time stamps that a client has, for RootMemberInfo and FolderMemberInfo.
struct stamp_question
{
    stamp_question() = default;

    std::string field;  ///< X-Timestamp; empty: none.
    std::string folder; ///< Which name in it is the folder's.
};

/// Puts the stamps of an answer where they belong.
inline void tell_stamps(httpmail_reply& r, stamp_question const& asked, std::string const& field)
{
    if (asked.folder.empty())
        return;
    auto const stamps = httpmail::parse_timestamps(field);
    auto const text   = [&](std::string_view name) -> LPSTR {
        auto const t = stamps.get(name);
        return t ? r.text(std::to_string(*t)) : nullptr;
    };
    r.value.rMemberInfoList.pszRootTimeStamp   = text(httpmail::timestamps::folders);
    r.value.rMemberInfoList.pszFolderTimeStamp = text(asked.folder);
}

/// A list of folders and messages, as it arrives.
inline task<final_reply> tell_members(httpmail_connection& c, httpmail_order& o, dav::multistatus list, MEMBERINFOFLAGS flags,
                                      stamp_question asked, bool without_root)
{
    c.note_answer(o);
    std::string const stamps(list.fields().get("X-Timestamp").value_or(""));
    auto              r      = o.reply(true);
    dav::response     one;
    for (;;)
    {
        bool const found = co_await list.next(one);
        if (!found)
            break;
        auto const url = list.url_of(one);
        if (without_root && url && same_resource(*url, list.url()))
            continue;
        if (r->members.size() == slice_size)
        {
            r->value.fDone = FALSE;
            tell_stamps(*r, asked, stamps);
            co_await c.indicate(o, std::move(r));
            r = o.reply(true);
        }
        std::string const href = url ? url->str() : std::string(one.href());
        r->members.push_back(member_of(*r, one, href, flags));
    }
    tell_stamps(*r, asked, stamps);
    co_return r;
}

inline task<final_reply> do_members(httpmail_connection& c, httpmail_order& o, MEMBERINFOFLAGS flags, dav::depth depth,
                                    stamp_question asked)
{
    dav::request_options how;
    if (!asked.field.empty())
        how.fields.set("X-Timestamp", asked.field);
    auto what = member_question(flags);
    std::optional<dav::multistatus> list;
    try
    {
        auto found = co_await c.dav().propfind(o.at, depth, std::move(what), std::move(how));
        list.emplace(std::move(found));
    }
    catch (dav::status_error const& e)
    {
        if (e.status() != 304 || asked.field.empty())
            throw;
    }
    if (list)
        co_return co_await tell_members(c, o, std::move(*list), flags, std::move(asked), false);
    auto r = o.reply(true); // nothing is newer than what the client has
    tell_stamps(*r, asked, asked.field);
    co_return r;
}

inline task<final_reply> do_find_folders(httpmail_connection& c, httpmail_order& o)
{
    auto sql  = folder_search();
    auto list = co_await c.dav().search(o.at, std::move(sql));
    co_return co_await tell_members(c, o, std::move(list), HTTP_MEMBERINFO_FOLDERPROPS, stamp_question(), true);
}

/// Contacts of a folder, or one; told as the command wants it.
inline task<final_reply> do_contacts(httpmail_connection& c, httpmail_order& o, dav::depth depth)
{
    httpmail::contact_map const map;
    bool const                  ids = o.command == HTTPMAIL_LISTCONTACTS;
    auto what = ids ? dav::property_list(httpmail::names::isfolder, httpmail::names::id, httpmail::names::modified,
                                         httpmail::names::outlookmessageclass)
                    : map.question(httpmail::dialect::exchange); // which asks for the mark of groups
    auto list = co_await c.dav().propfind(o.at, depth, std::move(what));
    c.note_answer(o);
    auto          r = o.reply(true);
    dav::response one;
    for (;;)
    {
        bool const found = co_await list.next(one);
        if (!found)
            co_return r;
        auto const url     = list.url_of(one);
        auto const contact = url ? httpmail::read_contact(one, *url, map) : std::nullopt;
        if (!contact)
            continue;
        if (r->contact_ids.size() == slice_size || r->contacts.size() == slice_size)
        {
            r->value.fDone = FALSE;
            co_await c.indicate(o, std::move(r));
            r = o.reply(true);
        }
        if (ids)
            r->contact_ids.push_back(contact_id_of(*r, *contact));
        else
            r->contacts.push_back(contact_info_of(*r, *contact));
    }
}

// Contacts, changed ----------------------------------------------------------------------------------------------

/// Where a contact is now, and what the server says of it, if it says something.
inline task<final_reply> tell_contact(httpmail_connection& c, httpmail_order& o, http::url where)
{
    auto              r = o.reply(true);
    httpmail::contact known;
    known.url = where;
    if (!where.empty())
        try
        {
            known = co_await c.box().read_contact(where);
        }
        catch (error const& e)
        {
            if (e.code() == condition::canceled)
                throw; // else: it was done, and no more than that is known
        }
    r->value.rPostContactInfo = contact_id_of(*r, known);
    co_return r;
}

inline task<final_reply> do_post_contact(httpmail_connection& c, httpmail_order& o, std::map<httpmail::contact_field, std::string> fields)
{
    httpmail::contact made;
    made.fields = std::move(fields);
    auto where = co_await c.box().add_contact(o.at, std::move(made));
    co_return co_await tell_contact(c, o, std::move(where));
}

inline task<final_reply> do_patch_contact(httpmail_connection& c, httpmail_order& o, std::map<httpmail::contact_field, std::string> fields)
{
    co_await c.box().change_contact(o.at, std::move(fields));
    co_return co_await tell_contact(c, o, o.at);
}

// Properties of the account --------------------------------------------------------------------------------------

/// Finds them out, for the front, and tells one.
inline task<final_reply> do_root(httpmail_connection& c, httpmail_order& o, HTTPMAILPROPTYPE wanted)
{
    auto found = co_await c.box().open();
    auto root  = std::make_shared<httpmail::root_properties const>(std::move(found));
    c.keep_root(root);
    auto            r = o.reply(true);
    HTTPMAILGETPROP p = {};
    p.type            = wanted;
    if (wanted == HTTPMAIL_PROP_MAXPOLLINGINTERVAL)
        p.dwProp = root->polling_interval ? saturated(static_cast<std::uint64_t>(root->polling_interval->count())) : 0;
    else
        p.pszProp = r->text_or_null(root_text(*root, wanted));
    bool const there = wanted == HTTPMAIL_PROP_MAXPOLLINGINTERVAL ? root->polling_interval.has_value() : p.pszProp != nullptr;
    if (there)
        r->value.rGetPropInfo = p;
    else
    {
        r->what                    = outcome(IXP_E_HTTP_ROOT_PROP_NOT_FOUND);
        r->value.rGetPropInfo.type = wanted;
    }
    co_return r;
}

} // namespace posthorn::legacy::detail

#endif
