//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Answers of servers in the structures of the HTTPMail transport.

#ifndef POSTHORN_LEGACY_DETAIL_HTTPMAIL_ENTRIES_HPP
#define POSTHORN_LEGACY_DETAIL_HTTPMAIL_ENTRIES_HPP

#include <posthorn/dav/depth.hpp>
#include <posthorn/dav/names.hpp>
#include <posthorn/dav/request_body.hpp>
#include <posthorn/dav/response.hpp>
#include <posthorn/httpmail/contact.hpp>
#include <posthorn/httpmail/folder.hpp>
#include <posthorn/httpmail/names.hpp>
#include <posthorn/httpmail/root.hpp>
#include <posthorn/legacy/detail/httpmail_reply.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/xml/writer.hpp>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::legacy::detail {

// Properties of the account --------------------------------------------------------------------------------------

/// Is it a property that is a text?
inline bool is_text_property(HTTPMAILPROPTYPE p) noexcept
{
    return p > HTTPMAIL_PROP_INVALID && p < HTTPMAIL_PROP_LAST && p != HTTPMAIL_PROP_MAXPOLLINGINTERVAL;
}

/// A property of the account; empty if the server does not tell it. @pre is_text_property()
inline std::string root_text(httpmail::root_properties const& root, HTTPMAILPROPTYPE p)
{
    switch (p)
    {
    case HTTPMAIL_PROP_ADBAR: return root.adbar;
    case HTTPMAIL_PROP_CONTACTS: return root.contacts.str();
    case HTTPMAIL_PROP_INBOX: return root.inbox.str();
    case HTTPMAIL_PROP_OUTBOX: return root.outbox.str();
    case HTTPMAIL_PROP_SENDMSG: return root.send_message.str();
    case HTTPMAIL_PROP_SENTITEMS: return root.sent_items.str();
    case HTTPMAIL_PROP_DELETEDITEMS: return root.deleted_items.str();
    case HTTPMAIL_PROP_DRAFTS: return root.drafts.str();
    case HTTPMAIL_PROP_MSGFOLDERROOT: return root.folder_root.str();
    case HTTPMAIL_PROP_SIG: return root.signature;
    default: return std::string();
    }
}

// Folders and messages -------------------------------------------------------------------------------------------

inline HTTPMAILSPECIALFOLDER special_folder(std::string_view special) noexcept
{
    if (ascii::iequals(dav::trim_value(special), "bulkmail"))
        return HTTPMAIL_SF_BULKMAIL;
    switch (httpmail::parse_special(special))
    {
    case httpmail::folder_kind::ordinary: return HTTPMAIL_SF_NONE;
    case httpmail::folder_kind::inbox: return HTTPMAIL_SF_INBOX;
    case httpmail::folder_kind::sent_items: return HTTPMAIL_SF_SENTITEMS;
    case httpmail::folder_kind::deleted_items: return HTTPMAIL_SF_DELETEDITEMS;
    case httpmail::folder_kind::drafts: return HTTPMAIL_SF_DRAFTS;
    case httpmail::folder_kind::outbox: return HTTPMAIL_SF_OUTBOX;
    case httpmail::folder_kind::junk_email: return HTTPMAIL_SF_BULKMAIL;
    case httpmail::folder_kind::contacts: return HTTPMAIL_SF_CONTACTS;
    case httpmail::folder_kind::calendar: return HTTPMAIL_SF_CALENDAR;
    case httpmail::folder_kind::promotions: return HTTPMAIL_SF_MSNPROMO;
    case httpmail::folder_kind::unrecognised: break;
    }
    return HTTPMAIL_SF_UNRECOGNIZED;
}

/// What MemberInfo asks for.
inline dav::property_list member_question(MEMBERINFOFLAGS flags)
{
    namespace n = httpmail::names;
    std::vector<dav::property_name> all = {n::isfolder};
    auto const add = [&](std::initializer_list<xml::name> list) { all.insert(all.end(), list.begin(), list.end()); };
    if ((flags & HTTP_MEMBERINFO_FOLDERPROPS) != 0)
        add({dav::names::displayname, n::special, n::hassubs, n::nosubs, n::unreadcount, n::visiblecount});
    if ((flags & HTTP_MEMBERINFO_MESSAGEPROPS) != 0)
        add({n::read, n::m_hasattachment, n::m_to, n::m_from, n::m_subject, n::m_date, dav::names::getcontentlength});
    return dav::property_list(std::move(all));
}

/// All folders below one, as SEARCH has it.
inline std::string folder_search()
{
    namespace n = httpmail::names;
    auto const  list = member_question(HTTP_MEMBERINFO_FOLDERPROPS);
    std::string sql  = "SELECT ";
    bool        next = false;
    for (auto const& name : list.some())
        sql += (std::exchange(next, true) ? ", " : "") + dav::sql_name(name);
    return sql + " FROM SCOPE('HIERARCHICAL TRAVERSAL OF \"\"') WHERE " + dav::sql_name(n::isfolder) + " = true AND " +
           dav::sql_name(n::ishidden) + " = false";
}

/// Fills in what was asked for and is there. @param url The resource's whole URL.
inline HTTPMEMBERINFO member_of(httpmail_reply& keeper, dav::response const& r, std::string const& url, MEMBERINFOFLAGS flags)
{
    namespace n = httpmail::names;
    auto const text = [&](xml::name const& name) -> LPSTR {
        auto const t = r.text(name);
        return t ? keeper.text(dav::trim_value(*t)) : nullptr;
    };
    auto const flag = [&](xml::name const& name) -> BOOL {
        auto const p = r.find(name);
        return p && p->as_boolean().value_or(false) ? TRUE : FALSE;
    };
    auto const count = [&](xml::name const& name) -> DWORD {
        auto const p = r.find(name);
        auto const v = p ? p->as_integer() : std::nullopt;
        return v && *v > 0 ? saturated(static_cast<std::uint64_t>(*v)) : 0;
    };
    HTTPMEMBERINFO m = {};
    m.pszHref        = keeper.text(url);
    m.fIsFolder      = r.is_collection() ? TRUE : FALSE;
    if ((flags & HTTP_MEMBERINFO_FOLDERPROPS) != 0)
    {
        m.pszDisplayName = text(dav::names::displayname);
        m.fHasSubs       = flag(n::hassubs);
        m.fNoSubs        = flag(n::nosubs);
        m.dwUnreadCount  = count(n::unreadcount);
        m.dwVisibleCount = count(n::visiblecount);
        m.tySpecial      = special_folder(r.text(n::special).value_or(""));
    }
    if ((flags & HTTP_MEMBERINFO_MESSAGEPROPS) != 0)
    {
        m.fRead           = flag(n::read);
        m.fHasAttachment  = flag(n::m_hasattachment);
        m.pszTo           = text(n::m_to);
        m.pszFrom         = text(n::m_from);
        m.pszSubject      = text(n::m_subject);
        m.pszDate         = text(n::m_date);
        m.dwContentLength = count(dav::names::getcontentlength);
    }
    return m;
}

/// @return Nothing for a depth that is none. @param root Whether the resource itself is told, too.
inline std::optional<dav::depth> depth_of(DWORD depth, bool root) noexcept
{
    switch (depth)
    {
    case 0: return dav::depth::zero;
    case 1: return root ? dav::depth::one : dav::depth::one_noroot;
    case DEPTH_INFINITY: return root ? dav::depth::infinity : dav::depth::infinity_noroot;
    default: return std::nullopt;
    }
}

// Contacts -------------------------------------------------------------------------------------------------------

struct contact_member
{
    httpmail::contact_field field;
    LPSTR HTTPCONTACTINFO::*member;
};

inline constexpr contact_member contact_members[] = {
    {httpmail::contact_field::display_name, &HTTPCONTACTINFO::pszDisplayName},
    {httpmail::contact_field::given_name, &HTTPCONTACTINFO::pszGivenName},
    {httpmail::contact_field::surname, &HTTPCONTACTINFO::pszSurname},
    {httpmail::contact_field::nickname, &HTTPCONTACTINFO::pszNickname},
    {httpmail::contact_field::email, &HTTPCONTACTINFO::pszEmail},
    {httpmail::contact_field::home_street, &HTTPCONTACTINFO::pszHomeStreet},
    {httpmail::contact_field::home_city, &HTTPCONTACTINFO::pszHomeCity},
    {httpmail::contact_field::home_state, &HTTPCONTACTINFO::pszHomeState},
    {httpmail::contact_field::home_postal_code, &HTTPCONTACTINFO::pszHomePostalCode},
    {httpmail::contact_field::home_country, &HTTPCONTACTINFO::pszHomeCountry},
    {httpmail::contact_field::company, &HTTPCONTACTINFO::pszCompany},
    {httpmail::contact_field::work_street, &HTTPCONTACTINFO::pszWorkStreet},
    {httpmail::contact_field::work_city, &HTTPCONTACTINFO::pszWorkCity},
    {httpmail::contact_field::work_state, &HTTPCONTACTINFO::pszWorkState},
    {httpmail::contact_field::work_postal_code, &HTTPCONTACTINFO::pszWorkPostalCode},
    {httpmail::contact_field::work_country, &HTTPCONTACTINFO::pszWorkCountry},
    {httpmail::contact_field::home_phone, &HTTPCONTACTINFO::pszHomePhone},
    {httpmail::contact_field::home_fax, &HTTPCONTACTINFO::pszHomeFax},
    {httpmail::contact_field::work_phone, &HTTPCONTACTINFO::pszWorkPhone},
    {httpmail::contact_field::work_fax, &HTTPCONTACTINFO::pszWorkFax},
    {httpmail::contact_field::mobile_phone, &HTTPCONTACTINFO::pszMobilePhone},
    {httpmail::contact_field::other_phone, &HTTPCONTACTINFO::pszOtherPhone},
    {httpmail::contact_field::birthday, &HTTPCONTACTINFO::pszBday},
    {httpmail::contact_field::pager, &HTTPCONTACTINFO::pszPager},
};

/// What a client wants a contact to be; NULL members are left out.
inline std::map<httpmail::contact_field, std::string> fields_of(HTTPCONTACTINFO const& info)
{
    std::map<httpmail::contact_field, std::string> fields;
    for (auto const& m : contact_members)
        if (char const* const text = info.*m.member)
            fields.emplace(m.field, text);
    return fields;
}

/// Can all of it be written?
inline bool is_contact(HTTPCONTACTINFO const& info)
{
    for (auto const& m : contact_members)
        if (char const* const text = info.*m.member; text != nullptr && !xml::is_text(text))
            return false;
    return true;
}

inline HTTPCONTACTID contact_id_of(httpmail_reply& keeper, httpmail::contact const& c)
{
    HTTPCONTACTID id = {};
    id.pszHref       = keeper.text_or_null(c.url.str());
    id.pszId         = keeper.text_or_null(c.id);
    id.tyContact     = c.is_group ? HTTPMAIL_CT_GROUP : HTTPMAIL_CT_CONTACT;
    id.pszModified   = keeper.text_or_null(c.modified);
    return id;
}

inline HTTPCONTACTINFO contact_info_of(httpmail_reply& keeper, httpmail::contact const& c)
{
    HTTPCONTACTID const id   = contact_id_of(keeper, c);
    HTTPCONTACTINFO     info = {};
    info.pszHref             = id.pszHref;
    info.pszId               = id.pszId;
    info.tyContact           = id.tyContact;
    info.pszModified         = id.pszModified;
    for (auto const& m : contact_members)
        info.*m.member = keeper.text_or_null(c.get(m.field));
    return info;
}

} // namespace posthorn::legacy::detail

#endif
