//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Contacts: listed, read, created, changed, deleted.

#ifndef POSTHORN_HTTPMAIL_DETAIL_CONTACT_BOOK_HPP
#define POSTHORN_HTTPMAIL_DETAIL_CONTACT_BOOK_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/httpmail/contact.hpp>
#include <posthorn/httpmail/detail/listing.hpp>
#include <posthorn/httpmail/detail/mailbox_state.hpp>
#include <posthorn/httpmail/detail/names_made_up.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace posthorn::httpmail::detail {

class contact_book
{
public:
    explicit contact_book(mailbox_state& s) noexcept : s_(&s) {}

    task<std::vector<contact>> list()
    {
        auto const           at   = home();
        auto                 what = s_->settings.contacts.question(s_->rules.is);
        auto                 list = co_await list_members(*s_, at, std::move(what));
        std::vector<contact> all;
        dav::response        r;
        for (;;)
        {
            bool const found = co_await list.next(r);
            if (!found)
                co_return all;
            auto const url = s_->located(list.url(), r.href());
            if (!url || same_resource(*url, list.url()))
                continue;
            if (auto c = read_contact(r, *url, s_->settings.contacts))
                all.push_back(std::move(*c));
        }
    }

    /// @throws status_error dav::errc::not_found.
    task<contact> read(http::url at)
    {
        s_->admit(at);
        auto const lane = co_await s_->lanes.enter();
        auto       what = s_->settings.contacts.question(s_->rules.is);
        auto       o    = s_->options();
        auto       list = co_await s_->dav.propfind(at, dav::depth::zero, std::move(what), std::move(o));
        s_->admit_answer(at, list.url());
        auto       all  = co_await list.collect();
        for (auto const& r : all)
            if (auto const url = s_->located(list.url(), r.href()); url && same_resource(*url, at))
                if (auto c = read_contact(r, at, s_->settings.contacts))
                    co_return std::move(*c);
        dav::status_error::facts f;
        f.method = "PROPFIND";
        f.url    = at.str();
        f.status = list.status();
        throw dav::status_error(dav::errc::not_found, std::move(f));
    }

    /// @return Where it is; empty if the server does not say.
    task<http::url> add(contact c)
    {
        auto const at = home();
        co_return co_await add(at, std::move(c));
    }

    /// Into another folder of contacts.
    task<http::url> add(http::url to, contact c)
    {
        auto const at     = s_->folder_url(to);
        auto       update = update_of(c.fields);
        switch (s_->rules.is)
        {
        case dialect::hotmail: co_return co_await add_by_post(at, std::move(update));
        case dialect::exchange: co_return co_await add_by_proppatch(at, std::move(update));
        case dialect::dav: break;
        }
        co_return co_await add_by_put(at, std::move(update));
    }

    task<void> change(http::url at, std::map<contact_field, std::string> fields)
    {
        s_->admit(at);
        auto update = update_of(fields);
        if (update.changes().empty())
            co_return;
        auto const lane = co_await s_->lanes.enter();
        std::string const match = s_->rules.match_any ? "*" : "";
        co_await patch(std::move(at), std::move(update), match);
    }

    task<void> remove(http::url at)
    {
        s_->admit(at);
        auto const           lane = co_await s_->lanes.enter();
        dav::request_options o    = s_->options();
        o.brief                   = false;
        o.repeatable              = false;
        auto const done           = co_await s_->dav.remove(std::move(at), std::move(o));
        mailbox_state::demand(done, "DELETE");
    }

private:
    http::url home() const
    {
        if (s_->root.contacts.empty())
            throw error(errc::no_such_folder, "contacts");
        return s_->folder_url(s_->root.contacts);
    }

    dav::property_update update_of(std::map<contact_field, std::string> const& fields) const
    {
        auto update = contact_update(fields, s_->settings.contacts);
        if (s_->rules.is == dialect::dav)
            update.apart(); // there are servers that keep one of several
        return update;
    }

    task<void> patch(http::url at, dav::property_update update, std::string if_match)
    {
        auto o          = s_->options();
        o.if_match      = std::move(if_match);
        o.translate     = s_->rules.is != dialect::exchange;
        auto const done = co_await s_->dav.proppatch(std::move(at), std::move(update), std::move(o));
        mailbox_state::demand(done, "PROPPATCH");
    }

    /// The form that is most probable on Hotmail: the changes that make the contact, sent to the collection.
    task<http::url> add_by_post(http::url at, dav::property_update update)
    {
        auto const    lane = co_await s_->lanes.enter();
        http::request r("POST", at);
        r.fields = s_->settings.fields;
        r.set_body(dav::proppatch_body(update), "text/xml");
        r.repeatable = false;
        auto answer  = co_await s_->web.send(std::move(r));
        auto facts   = mailbox_state::facts_of(answer, "POST");
        if (!answer.ok())
        {
            co_await answer.discard();
            throw dav::status_error(dav::refusal(facts.status), std::move(facts));
        }
        http::url where;
        if (auto const field = answer.fields().get("Location"))
            if (auto const u = dav::resolve_href(answer.url(), *field))
                where = s_->located(answer.url(), u).value_or(http::url());
        bool const is_list = facts.status == 207 ||
                             dav::is_xml_type(answer.fields().get("Content-Type").value_or(""));
        if (!is_list || answer.size() == 0U)
        {
            co_await answer.discard();
            co_return where;
        }
        dav::multistatus list(std::move(answer), "POST", false, s_->settings.limits);
        auto const       all = co_await list.collect();
        for (auto const& one : all)
        {
            if (one.worst_status() / 100 != 2)
            {
                facts.status = one.worst_status();
                facts.reason = one.description();
                throw dav::status_error(dav::refusal(facts.status), std::move(facts));
            }
            auto const u = s_->located(list.url(), one.href());
            if (u && where.empty() && !same_resource(*u, at))
                where = *u;
        }
        co_return where;
    }

    /// On Exchange a PROPPATCH makes what is not there.
    task<http::url> add_by_proppatch(http::url at, dav::property_update update)
    {
        auto const lane = co_await s_->lanes.enter();
        auto const to   = dav::child_url(at, unique_digits() + std::string(s_->rules.suffix));
        dav::property_update all;
        all.set(names::contentclass, "urn:content-classes:person").set(names::outlookmessageclass, "IPM.Contact");
        for (auto const& c : update.changes())
            if (!c.removed)
                all.set(c.name, c.value);
        auto o          = s_->options();
        o.if_none_match = "*";
        o.translate     = false;
        o.repeatable    = false;
        auto const done = co_await s_->dav.proppatch(to, std::move(all), std::move(o));
        mailbox_state::demand(done, "PROPPATCH");
        co_return done.location ? *done.location : to;
    }

    /// Elsewhere a contact is an empty file with properties.
    task<http::url> add_by_put(http::url at, dav::property_update update)
    {
        auto const           lane = co_await s_->lanes.enter();
        auto const           to   = dav::child_url(at, unique_digits() + ".contact");
        dav::request_options o    = s_->options();
        o.if_none_match           = "*";
        o.repeatable              = false;
        auto const nothing        = std::make_shared<string_source>(std::string());
        auto const made           = co_await s_->dav.put(to, nothing, "application/octet-stream", std::move(o));
        mailbox_state::demand(made, "PUT");
        std::optional<dav::status_error> why;
        try
        {
            if (!update.changes().empty())
                co_await patch(to, std::move(update), std::string());
        }
        catch (dav::status_error const& e)
        {
            why.emplace(e);
        }
        if (!why)
            co_return to;
        try // half a contact is none
        {
            auto const gone = co_await s_->dav.remove(to);
            std::ignore     = gone;
        }
        catch (posthorn::error const&)
        {
            // What was wrong first is more telling.
        }
        throw dav::status_error(*why);
    }

    mailbox_state* s_;
};

} // namespace posthorn::httpmail::detail

#endif
