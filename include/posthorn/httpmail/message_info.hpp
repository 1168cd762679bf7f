//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a list tells about a message, and how to ask for it.

#ifndef POSTHORN_HTTPMAIL_MESSAGE_INFO_HPP
#define POSTHORN_HTTPMAIL_MESSAGE_INFO_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/dav/request_body.hpp>
#include <posthorn/dav/response.hpp>
#include <posthorn/dav/value.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/dialect.hpp>
#include <posthorn/httpmail/encoded_words.hpp>
#include <posthorn/httpmail/names.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::httpmail {

/** A message in a list. What the server does not tell is nothing, or empty.

    Texts are the server's: some give whole header fields, some names without addresses. Encoded words are decoded (RFC 2047). Show
    them by printable(). A value; thread-safe like std::string.
*/
struct message_info
{
    message_info() = default;

    http::url                      url; ///< For all that can be done with the message.
    std::optional<bool>            read;
    std::optional<bool>            has_attachment;
    std::string                    to, from, subject;
    std::string                    from_address; ///< Where the server gives it besides `from`.
    std::optional<dav::time_point> date;         ///< Of the header or of its arrival, as the server likes.
    std::string                    date_text;    ///< As the server wrote it.
    std::optional<std::uint64_t>   size;         ///< Octets. A hint: what is fetched can have another size.
    std::string                    id;           ///< For life, where there is one.

    /// Values of list_options::more that the server gave.
    std::vector<std::pair<dav::property_name, std::string>> more;

    /// A value of `more`; nothing if it was not given.
    std::optional<std::string_view> get(xml::name const& n) const noexcept
    {
        for (auto const& [name, value] : more)
            if (n == xml::name(name))
                return value;
        return std::nullopt;
    }
};

/** Which properties a list of messages asks for.
    @param few  As little as possible, for servers that fail because of one of them.
    @param more Besides.
*/
inline dav::property_list message_question(dialect d, bool few, std::vector<dav::property_name> const& more = {})
{
    std::vector<dav::property_name> all;
    auto const add = [&](std::initializer_list<xml::name> list) { all.insert(all.end(), list.begin(), list.end()); };
    if (few)
        add({names::isfolder, names::read, dav::names::getcontentlength});
    else if (d == dialect::hotmail)
        add({names::isfolder, names::read, names::m_hasattachment, names::m_to, names::m_from, names::m_subject,
             names::m_date, dav::names::getcontentlength});
    else if (d == dialect::exchange)
        add({names::isfolder, names::uid, names::read, names::hm_hasattachment, names::hm_to, names::hm_from,
             names::hm_subject, names::hm_datereceived, names::m_date, names::hm_fromemail,
             dav::names::getcontentlength});
    else
        add({names::isfolder, dav::names::resourcetype, names::read, names::m_hasattachment, names::hm_hasattachment,
             names::m_to, names::m_from, names::m_subject, names::m_date, names::hm_date,
             dav::names::getlastmodified, dav::names::getcontentlength});
    all.insert(all.end(), more.begin(), more.end());
    return dav::property_list(std::move(all));
}

/// The same question as SQL, for SEARCH: the messages of the folder it is sent to, newest first.
inline std::string message_search(std::vector<dav::property_name> const& more = {})
{
    auto const  list = message_question(dialect::exchange, false, more);
    std::string sql  = "\nSELECT ";
    bool        next = false;
    for (auto const& n : list.some())
    {
        sql += (next ? ", " : "") + dav::sql_name(n);
        next = true;
    }
    return sql + "\nFROM SCOPE('SHALLOW TRAVERSAL OF \"\"')\nWHERE " + dav::sql_name(names::isfolder) +
           " = false AND " + dav::sql_name(names::ishidden) + " = false\nORDER BY " +
           dav::sql_name(names::hm_datereceived) + " DESC\n";
}

/** Reads one response of a list.
    @param url  Of the response.
    @param more As in message_question().
    @return Nothing if it is a folder, hidden, or said not to be there.
*/
inline std::optional<message_info> read_message(dav::response const& r, http::url const& url,
                                                std::vector<dav::property_name> const& more = {})
{
    auto const first = [&](std::initializer_list<xml::name> names) -> std::string_view {
        for (auto const& n : names)
            if (auto const text = r.text(n); text && !dav::trim_value(*text).empty())
                return dav::trim_value(*text); // Lycos indents subjects
        return {};
    };
    auto const flag = [&](std::initializer_list<xml::name> names) -> std::optional<bool> {
        for (auto const& n : names)
            if (auto const p = r.find(n))
                if (auto const value = p->as_boolean())
                    return value;
        return std::nullopt;
    };
    if (r.is_collection() || flag({names::ishidden}) == true || (r.status() != 0 && r.status() / 100 != 2))
        return std::nullopt;
    message_info m;
    m.url            = url;
    m.read           = flag({names::read});
    m.has_attachment = flag({names::m_hasattachment, names::hm_hasattachment});
    m.to             = decode_words(first({names::hm_to, names::m_to}));
    m.from           = decode_words(first({names::hm_from, names::m_from}));
    m.subject        = decode_words(first({names::hm_subject, names::m_subject}));
    m.from_address   = first({names::fromaddr, names::hm_fromemail});
    m.id             = first({names::id, names::uid});
    for (auto const& n : {names::hm_datereceived, names::m_date, names::hm_date, dav::names::getlastmodified})
    {
        auto const text = first({n});
        if (m.date_text.empty())
            m.date_text = text;
        if (auto const t = dav::to_time(text); t && !m.date)
        {
            m.date      = t;
            m.date_text = text;
        }
    }
    if (auto const p = r.find(dav::names::getcontentlength))
        if (auto const n = p->as_integer(); n && *n >= 0)
            m.size = static_cast<std::uint64_t>(*n);
    for (auto const& n : more)
        if (auto const text = r.text(n))
            m.more.emplace_back(n, std::string(*text));
    return m;
}

} // namespace posthorn::httpmail

#endif
