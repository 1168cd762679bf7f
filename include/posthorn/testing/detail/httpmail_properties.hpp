//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The properties of the mailbox, folders, messages and contacts, as the HTTPMail server shows them.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_PROPERTIES_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_PROPERTIES_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/detail/httpmail_headers.hpp>
#include <posthorn/testing/detail/httpmail_store.hpp>
#include <posthorn/testing/detail/httpmail_text.hpp>
#include <posthorn/testing/detail/httpmail_urls.hpp>
#include <posthorn/testing/detail/httpmail_xml.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/// What has properties: an item of a folder, a folder, or the mailbox.
struct httpmail_entity
{
    httpmail_node* folder  = nullptr;
    httpmail_item* item    = nullptr;
    bool           mailbox = false; ///< The properties of the root count.
    bool           listed  = false;
};

/// Values of properties for one request.
class httpmail_properties
{
public:
    httpmail_properties(httpmail_server_settings const& s, httpmail_store& store, httpmail_urls const& urls)
        : settings_(&s), store_(&store), urls_(&urls)
    {
    }

    std::string path_of(httpmail_entity const& e) const
    {
        if (e.item != nullptr)
            return urls_->path(*e.folder, *e.item, e.listed);
        return e.mailbox ? urls_->mailbox() : urls_->path(*e.folder);
    }

    /// The value, or nothing if it has no such property.
    std::optional<httpmail_value> find(httpmail_entity const& e, httpmail_name const& name) const
    {
        auto const& stored = e.item != nullptr ? e.item->properties : e.folder->properties;
        if (auto const at = stored.find(name); at != stored.end())
            return httpmail_value(name, at->second);
        auto value = ascii::iequals(name.space, httpmail_ns_dav) ? dav(e, name) : std::nullopt;
        if (!value && e.mailbox)
            value = mailbox(name);
        if (!value && settings_->dialect != httpmail_dialect::dav)
            value = e.item == nullptr ? folder(e, name)
                    : e.item->contact ? contact(e, name)
                                      : message(e, name);
        return value;
    }

    /// The names of all that it has.
    std::vector<httpmail_name> names(httpmail_entity const& e) const
    {
        std::vector<httpmail_name> all;
        auto const consider = [&](std::string_view space, std::initializer_list<char const*> locals) {
            for (auto const* local : locals)
                if (httpmail_name const name(space, local); find(e, name))
                    all.push_back(name);
        };
        consider(httpmail_ns_dav,
                 {"isfolder", "displayname", "resourcetype", "ishidden", "iscollection", "hassubs", "nosubs",
                  "visiblecount", "objectcount", "childcount", "getcontentlength", "getcontenttype",
                  "getlastmodified", "creationdate", "getetag", "id", "uid", "contentclass"});
        consider(httpmail_ns_hotmail, {"adbar", "maxpoll", "sig", "modified", "fromaddr"});
        consider(httpmail_ns_mail, {"inbox", "outbox", "sentitems", "deleteditems", "drafts", "junkemail",
                                    "contacts", "msgfolderroot", "sendmsg", "special", "unreadcount", "read",
                                    "hasattachment", "subject", "from", "to", "date", "datereceived"});
        consider(httpmail_ns_header, {"hasattachment", "to", "from", "cc", "subject", "date", "message-id"});
        consider(httpmail_ns_exchange, {"outlookfolderclass", "outlookmessageclass", "permanenturl"});
        auto const& stored = e.item != nullptr ? e.item->properties : e.folder->properties;
        for (auto const& [name, value] : stored)
            if (std::find(all.begin(), all.end(), name) == all.end())
                all.push_back(name);
        return all;
    }

    bool lacks_received(httpmail_item const& item) const
    {
        return !item.contact && !httpmail_raw_header(item.content, "Received");
    }

private:
    using maybe = std::optional<httpmail_value>;

    static maybe text(httpmail_name const& n, std::string value)
    {
        return httpmail_value(n, std::move(value));
    }
    static maybe number(httpmail_name const& n, std::uint64_t v)
    {
        return httpmail_value(n, std::to_string(v), "int");
    }
    static maybe flag(httpmail_name const& n, bool v) { return httpmail_value(n, v ? "1" : "0", "boolean"); }

    maybe date(httpmail_name const& n, std::int64_t when) const
    {
        return httpmail_value(n, httpmail_write_date(when, settings_->values.dates), "dateTime.tz");
    }

    maybe dav(httpmail_entity const& e, httpmail_name const& n) const
    {
        bool const  plain = settings_->dialect == httpmail_dialect::dav;
        auto const  zoned = httpmail_value_options::date_form::zoned;
        auto const  http  = httpmail_value_options::date_form::http;
        auto const& local = n.local;
        if (local == "resourcetype")
            return text(n, e.item != nullptr
                               ? std::string()
                               : std::string(1, httpmail_markup) + "<collection xmlns=\"DAV:\"/>");
        if (local == "creationdate")
            return httpmail_value(
                n, httpmail_write_date(e.item != nullptr ? e.item->received : e.folder->created, zoned),
                "dateTime.tz");
        if (local == "getlastmodified")
            return httpmail_value(
                n,
                httpmail_write_date(e.item != nullptr ? e.item->modified : e.folder->modified,
                                    settings_->text.typed ? zoned : http),
                "dateTime.tz");
        if (local == "getetag")
            return text(n, etag(e));
        if (e.item != nullptr && local == "getcontentlength")
            return number(n, length(*e.item));
        if (e.item != nullptr && local == "getcontenttype")
            return text(n, "message/rfc822");
        if (plain)
            return std::nullopt;
        if (local == "isfolder" || local == "iscollection")
            return flag(n, e.item == nullptr);
        if (local == "ishidden")
            return flag(n, false);
        if (local == "href")
            return text(n, urls_->href(path_of(e)));
        if (local == "id" || local == "uid")
            return text(n, e.item != nullptr && e.item->contact
                               ? e.item->segment
                               : std::to_string(e.item != nullptr ? e.item->id : e.folder->id));
        return std::nullopt;
    }

    std::string etag(httpmail_entity const& e) const
    {
        if (settings_->values.one_etag)
            return "\"0-0\"";
        auto const id   = e.item != nullptr ? e.item->id : e.folder->id;
        auto const when = e.item != nullptr ? e.item->modified : e.folder->modified;
        return "\"" + std::to_string(id) + "-" + std::to_string(when) + "\"";
    }

    std::uint64_t length(httpmail_item const& item) const
    {
        auto const size = item.content.size();
        if (settings_->values.lengths_count_crlf || !settings_->verbs.gives_bare_lf)
            return size;
        std::size_t crlf = 0;
        for (std::size_t at = item.content.find("\r\n"); at != std::string::npos;
             at             = item.content.find("\r\n", at + 2))
            ++crlf;
        return size - crlf;
    }

    maybe mailbox(httpmail_name const& n) const
    {
        if (n.space == httpmail_ns_hotmail && settings_->dialect == httpmail_dialect::hotmail)
        {
            if (n.local == "adbar")
                return text(n, settings_->adbar);
            if (n.local == "sig")
                return text(n, settings_->signature);
            if (n.local == "maxpoll")
                return text(n, std::to_string(settings_->max_poll));
            if (n.local == "modified")
                return text(n, std::to_string(store_->root().modified));
        }
        if (n.space != httpmail_ns_mail)
            return std::nullopt;
        if (n.local == "msgfolderroot")
            return text(n, urls_->absolute(urls_->path(store_->root())));
        if (n.local == "sendmsg" && settings_->dialect != httpmail_dialect::dav)
            return text(n, urls_->absolute(urls_->submission()));
        if (auto const* special = store_->special(n.local); special != nullptr)
        {
            auto path = urls_->path(*special);
            if (settings_->dialect == httpmail_dialect::exchange)
                path.pop_back(); // Exchange writes these without a slash
            return text(n, urls_->absolute(path));
        }
        return std::nullopt;
    }

    maybe folder(httpmail_entity const& e, httpmail_name const& n) const
    {
        auto const& f       = *e.folder;
        bool const  hotmail = settings_->dialect == httpmail_dialect::hotmail;
        if (n.space == httpmail_ns_dav)
        {
            if (n.local == "displayname")
                return f.special.empty() || settings_->values.special_have_names ? text(n, f.name)
                                                                                 : std::nullopt;
            if (n.local == "hassubs")
                return flag(n, !f.children.empty());
            if (n.local == "nosubs")
                return flag(n, hotmail && f.parent != nullptr);
            if (n.local == "visiblecount" || n.local == "objectcount")
                return number(n, f.items.size());
            if (n.local == "childcount")
                return number(n, f.items.size() + f.children.size());
            if (n.local == "contentclass")
                return text(n, "urn:content-classes:folder");
        }
        if (n.space == httpmail_ns_mail && n.local == "unreadcount")
            return number(n, f.unread());
        if (n.space == httpmail_ns_mail && n.local == "special" && !f.special.empty() && hotmail)
            return text(n, f.special);
        if (n.space == httpmail_ns_exchange && n.local == "outlookfolderclass" && !hotmail)
            return text(n, f.contacts ? "IPF.Contact" : "IPF.Note");
        return std::nullopt;
    }

    maybe message(httpmail_entity const& e, httpmail_name const& n) const
    {
        auto const& m       = *e.item;
        auto const& options = settings_->values;
        bool const  mail    = n.space == httpmail_ns_mail;
        bool const  header  = n.space == httpmail_ns_header;
        if (mail && n.local == "read")
            return flag(n, m.read);
        if (n.local == "hasattachment" &&
            ((mail && options.attachment_in_hm) || (header && options.attachment_in_m)))
            return flag(n,
                        httpmail_raw_header(m.content, "Content-Type").value_or("").find("multipart/mixed") !=
                            std::string::npos);
        if (n.space == httpmail_ns_dav && n.local == "displayname" &&
            settings_->dialect == httpmail_dialect::exchange)
            return text(n, m.segment);
        if (n.space == httpmail_ns_dav && n.local == "contentclass")
            return text(n, "urn:content-classes:message");
        if (mail && n.local == "datereceived")
            return date(n, m.received);
        if (n.local == "date" && (header || mail))
        {
            auto const told = httpmail_read_date(httpmail_raw_header(m.content, "Date").value_or(""));
            if (!told && options.eight_bit == httpmail_value_options::raw_octets::missing)
                return std::nullopt;
            return date(n, told.value_or(m.received));
        }
        if (n.space == httpmail_ns_hotmail && n.local == "fromaddr" && options.from_is_name)
            return text(n, httpmail_bare_address(httpmail_raw_header(m.content, "From").value_or("")));
        if (n.space == httpmail_ns_exchange && n.local == "outlookmessageclass")
            return text(n, "IPM.Note");
        if (n.space == httpmail_ns_exchange && n.local == "permanenturl")
            return text(n, urls_->absolute(urls_->path(*e.folder, m)));
        if (!header && !mail)
            return std::nullopt;
        using form = httpmail_value_options::header_form;
        auto shown = httpmail_header(m.content, n.local, options,
                                     mail && options.headers == form::raw ? form::decoded : options.headers);
        if (!shown)
            return std::nullopt;
        if (header && n.local == "from" && options.from_is_name)
            shown = httpmail_display_name(httpmail_decode_words(*shown));
        return text(n, *shown);
    }

    maybe contact(httpmail_entity const& e, httpmail_name const& n) const
    {
        if (n.space == httpmail_ns_contacts) // names differ in case between servers
            for (auto const& [name, value] : e.item->properties)
                if (name.space == n.space && ascii::iequals(name.local, n.local))
                    return text(n, value);
        if (n.space == httpmail_ns_hotmail && n.local == "modified" &&
            settings_->dialect == httpmail_dialect::hotmail)
            return text(n, std::to_string(e.item->modified));
        if (n.space == httpmail_ns_dav && n.local == "contentclass")
            return text(n, "urn:content-classes:person");
        if (n.space == httpmail_ns_exchange && n.local == "outlookmessageclass" &&
            settings_->dialect == httpmail_dialect::exchange)
            return text(n, "IPM.Contact");
        return std::nullopt;
    }

    httpmail_server_settings const* settings_;
    httpmail_store*                 store_;
    httpmail_urls const*            urls_;
};

} // namespace posthorn::testing::detail

#endif
