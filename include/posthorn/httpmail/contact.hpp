//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Contacts as values, and the table of the properties that their fields are on the wire.

#ifndef POSTHORN_HTTPMAIL_CONTACT_HPP
#define POSTHORN_HTTPMAIL_CONTACT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/dav/request_body.hpp>
#include <posthorn/dav/response.hpp>
#include <posthorn/dav/value.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/dialect.hpp>
#include <posthorn/httpmail/names.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::httpmail {

/// The fields that clients of HTTPMail know.
enum class contact_field : unsigned char
{
    display_name,
    given_name,
    surname,
    nickname,
    email,
    home_street,
    home_city,
    home_state,
    home_postal_code,
    home_country,
    company,
    work_street,
    work_city,
    work_state,
    work_postal_code,
    work_country,
    home_phone,
    home_fax,
    work_phone,
    work_fax,
    mobile_phone,
    other_phone,
    birthday,
    pager
};

/// One row of the table.
struct contact_name
{
    contact_field     field;
    std::string_view  text;     ///< For programs, e.g. "given_name".
    xml::name         property;
};

/// What the fields are on Exchange, and as far as is known on Hotmail.
inline constexpr contact_name contact_names[] = {
    {contact_field::display_name, "display_name", {dav::contacts_space, "cn"}},
    {contact_field::given_name, "given_name", {dav::contacts_space, "givenName"}},
    {contact_field::surname, "surname", {dav::contacts_space, "sn"}},
    {contact_field::nickname, "nickname", {dav::contacts_space, "nickname"}},
    {contact_field::email, "email", {dav::contacts_space, "email1"}},
    {contact_field::home_street, "home_street", {dav::contacts_space, "homeStreet"}},
    {contact_field::home_city, "home_city", {dav::contacts_space, "homeCity"}},
    {contact_field::home_state, "home_state", {dav::contacts_space, "homeState"}},
    {contact_field::home_postal_code, "home_postal_code", {dav::contacts_space, "homePostalCode"}},
    {contact_field::home_country, "home_country", {dav::contacts_space, "homeCountry"}},
    {contact_field::company, "company", {dav::contacts_space, "o"}},
    {contact_field::work_street, "work_street", {dav::contacts_space, "street"}},
    {contact_field::work_city, "work_city", {dav::contacts_space, "l"}},
    {contact_field::work_state, "work_state", {dav::contacts_space, "st"}},
    {contact_field::work_postal_code, "work_postal_code", {dav::contacts_space, "postalcode"}},
    {contact_field::work_country, "work_country", {dav::contacts_space, "co"}},
    {contact_field::home_phone, "home_phone", {dav::contacts_space, "homePhone"}},
    {contact_field::home_fax, "home_fax", {dav::contacts_space, "homefax"}},
    {contact_field::work_phone, "work_phone", {dav::contacts_space, "telephoneNumber"}},
    {contact_field::work_fax, "work_fax", {dav::contacts_space, "facsimiletelephonenumber"}},
    {contact_field::mobile_phone, "mobile_phone", {dav::contacts_space, "mobile"}},
    {contact_field::other_phone, "other_phone", {dav::contacts_space, "otherTelephone"}},
    {contact_field::birthday, "birthday", {dav::contacts_space, "bday"}},
    {contact_field::pager, "pager", {dav::contacts_space, "pager"}},
};

constexpr std::string_view to_string(contact_field f) noexcept
{
    for (auto const& n : contact_names)
        if (n.field == f)
            return n.text;
    return "unknown";
}

constexpr std::optional<contact_field> parse_contact_field(std::string_view text) noexcept
{
    for (auto const& n : contact_names)
        if (ascii::iequals(n.text, text))
            return n.field;
    return std::nullopt;
}

/** The properties of the fields; a caller who knows better can replace any of them, or drop it.

    Nothing was ever published about Hotmail's.
*/
class contact_map
{
public:
    contact_map()
    {
        for (auto const& n : contact_names)
            names_.emplace(n.field, n.property);
    }

    contact_map& set(contact_field f, dav::property_name n)
    {
        names_.insert_or_assign(f, std::move(n));
        return *this;
    }
    contact_map& drop(contact_field f)
    {
        names_.erase(f);
        return *this;
    }
    /// Lists do not ask for this field, which keeps them short; it is written, and read where a server tells it unasked.
    contact_map& leave_unasked(contact_field f)
    {
        unasked_.insert(f);
        return *this;
    }

    /// Null if the field has none.
    dav::property_name const* find(contact_field f) const noexcept
    {
        auto const at = names_.find(f);
        return at == names_.end() ? nullptr : &at->second;
    }

    /// The field of a property; the case of names does not matter, since `homefax` and `homeFax` both occur.
    std::optional<contact_field> field_of(xml::name const& n) const noexcept
    {
        for (auto const& [field, known] : names_)
            if (n.space == known.space && ascii::iequals(n.local, known.local))
                return field;
        return std::nullopt;
    }

    /// What a list of contacts asks for.
    dav::property_list question(dialect d) const
    {
        std::vector<dav::property_name> all = {names::id, names::modified};
        if (d == dialect::exchange)
            all.push_back(names::outlookmessageclass);
        for (auto const& [field, name] : names_)
            if (!unasked_.contains(field))
                all.push_back(name);
        return dav::property_list(std::move(all));
    }

private:
    std::map<contact_field, dav::property_name> names_;
    std::set<contact_field>                     unasked_;
};

/// A contact, or a group of them. A value; texts are the server's: show them by printable().
struct contact
{
    contact() = default;

    http::url                            url;      ///< Empty: not stored yet.
    std::string                          id;       ///< Where the server gives one.
    std::string                          modified; ///< A stamp that changes with the contact; its form is the server's.
    bool                                 is_group = false;
    std::map<contact_field, std::string> fields;

    /// A field's text; empty if it has none.
    std::string_view get(contact_field f) const noexcept
    {
        auto const at = fields.find(f);
        return at == fields.end() ? std::string_view() : std::string_view(at->second);
    }
    contact& set(contact_field f, std::string text)
    {
        fields.insert_or_assign(f, std::move(text));
        return *this;
    }
};

/// Reads one response of a list of contacts. @return Nothing if it is a folder, or said not to be there.
inline std::optional<contact> read_contact(dav::response const& r, http::url const& url, contact_map const& map)
{
    if (r.is_collection() || (r.status() != 0 && r.status() / 100 != 2))
        return std::nullopt;
    contact c;
    c.url      = url;
    c.id       = dav::trim_value(r.text(names::id).value_or(""));
    c.modified = dav::trim_value(r.text(names::modified).value_or(""));
    c.is_group = ascii::iequals(dav::trim_value(r.text(names::outlookmessageclass).value_or("")), "IPM.DistList");
    for (auto const& p : r.properties())
        if (p.ok() && !p.text().empty())
            if (auto const field = map.field_of(p.name()))
                c.set(*field, std::string(p.text()));
    return c;
}

/** The changes that make a stored contact like this one.

    An empty text takes a field away. What the map has no property for is left out.
*/
inline dav::property_update contact_update(std::map<contact_field, std::string> const& fields, contact_map const& map)
{
    dav::property_update update;
    for (auto const& [field, text] : fields)
        if (auto const* const name = map.find(field))
        {
            if (text.empty())
                update.remove(*name);
            else
                update.set(*name, text);
        }
    return update;
}

} // namespace posthorn::httpmail

#endif
