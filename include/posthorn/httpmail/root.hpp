//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The properties of the root of a mailbox: where its folders are, where to send to, how often to look.

#ifndef POSTHORN_HTTPMAIL_ROOT_HPP
#define POSTHORN_HTTPMAIL_ROOT_HPP

#include <posthorn/dav/request_body.hpp>
#include <posthorn/dav/response.hpp>
#include <posthorn/dav/value.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/dialect.hpp>
#include <posthorn/httpmail/locate.hpp>
#include <posthorn/httpmail/names.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace posthorn::httpmail {

/** What a server says about a mailbox. What it lacks or leaves empty is an empty URL. A value. */
struct root_properties
{
    root_properties() = default;

    http::url at; ///< Who answered, after redirects: the home of the mailbox.
    http::url inbox, sent_items, deleted_items, drafts, outbox, junk_email, contacts, calendar;
    http::url folder_root; ///< The folder that holds the others.
    http::url send_message;

    std::optional<std::chrono::minutes> polling_interval; ///< The server wants to be asked no more often.

    std::string signature; ///< Text to put under messages.
    std::string adbar;     ///< Settings of an advertisement, `Key=Value*Key=Value`.
};

/** Which properties to ask for.
    @param d Nothing: not known yet. Hotmail's list is taken then, which every client sent in this order.
*/
inline dav::property_list root_question(std::optional<dialect> d)
{
    if (d == dialect::exchange)
        return dav::property_list(names::inbox, names::deleteditems, names::sentitems, names::drafts, names::outbox,
                                  names::sendmsg, names::msgfolderroot, names::junkemail, names::contacts,
                                  names::calendar);
    if (d == dialect::dav)
        return dav::property_list(names::contacts, names::inbox, names::outbox, names::sendmsg, names::sentitems,
                                  names::deleteditems, names::drafts, names::msgfolderroot, names::junkemail,
                                  names::maxpoll, names::sig);
    return dav::property_list(names::adbar, names::contacts, names::inbox, names::outbox, names::sendmsg,
                              names::sentitems, names::deleteditems, names::drafts, names::msgfolderroot,
                              names::maxpoll, names::sig);
}

/** Reads the answer.
    @param at  Who gave it.
    @param how What to do with URLs elsewhere.
*/
inline root_properties read_root(dav::response const& r, http::url const& at, foreign_urls how)
{
    root_properties p;
    p.at            = at;
    auto const take = [&](xml::name const& n, http::url& to) {
        auto const text = r.text(n);
        if (text && !dav::trim_value(*text).empty())
            if (auto u = locate(at, dav::trim_value(*text), how))
                to = std::move(*u);
    };
    take(names::inbox, p.inbox);
    take(names::sentitems, p.sent_items);
    take(names::deleteditems, p.deleted_items);
    take(names::drafts, p.drafts);
    take(names::outbox, p.outbox);
    take(names::junkemail, p.junk_email);
    take(names::contacts, p.contacts);
    take(names::calendar, p.calendar);
    take(names::msgfolderroot, p.folder_root);
    take(names::sendmsg, p.send_message);
    if (auto const poll = r.find(names::maxpoll))
        if (auto const minutes = poll->as_integer(); minutes && *minutes >= 0)
        {
            constexpr std::int64_t a_week = 7 * 24 * 60;
            p.polling_interval = std::chrono::minutes(std::clamp<std::int64_t>(*minutes, 1, a_week));
        }
    p.signature = r.text(names::sig).value_or("");
    p.adbar     = r.text(names::adbar).value_or("");
    return p;
}

} // namespace posthorn::httpmail

#endif
