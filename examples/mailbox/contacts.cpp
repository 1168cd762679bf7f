//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The commands for contacts.

#include "commands.hpp"

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/httpmail/contact.hpp>

#include "../tool/checks.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tool {

namespace {

namespace httpmail = posthorn::httpmail;

record to_record(httpmail::contact const& c, httpmail::contact_map const& names)
{
    record r;
    for (auto const& [field, text] : c.fields)
        if (auto const* const name = names.find(field))
            r[std::string(name->local)] = text;
    r["id"]       = c.id.empty() ? record(nullptr) : record(c.id);
    r["modified"] = c.modified.empty() ? record(nullptr) : record(c.modified);
    r["href"]     = shown(c.url);
    return r;
}

/// By the library's word, or by the name of the property.
std::optional<httpmail::contact_field> field_of(std::string_view text, httpmail::contact_map const& names)
{
    if (auto const known = httpmail::parse_contact_field(text))
        return known;
    for (auto const& one : httpmail::contact_names)
        if (auto const* const name = names.find(one.field); name != nullptr && posthorn::ascii::iequals(name->local, text))
            return one.field;
    return std::nullopt;
}

std::map<httpmail::contact_field, std::string> fields_of(session const& s)
{
    auto const& names = s.box.settings().contacts;
    std::string known;
    for (auto const& one : httpmail::contact_names)
        known += ' ' + std::string(one.text);
    std::map<httpmail::contact_field, std::string> all;
    for (auto const& text : s.given().fields)
    {
        auto const equals = text.find('=');
        require(equals != text.npos, in_quotes(text) + " is not FIELD=VALUE; give e.g. email=bob@example.net");
        auto const name  = std::string_view(text).substr(0, equals);
        auto const field = field_of(name, names);
        require(field.has_value(), "there is no field " + in_quotes(name) + " of contacts; there are" + known);
        require(all.emplace(*field, text.substr(equals + 1)).second, "the field " + in_quotes(name) + " is given twice; leave one out");
    }
    return all;
}

} // namespace

posthorn::task<void> list_contacts(session& s)
{
    auto const          all = co_await s.box.contacts();
    std::vector<record> rows;
    for (auto const& c : all)
        rows.push_back(to_record(c, s.box.settings().contacts));
    s.print(rows, {"cn", "givenName", "sn", "email1", "href"});
}

posthorn::task<void> show_contact(session& s)
{
    auto       at = co_await s.item(s.given().place);
    auto const c  = co_await s.box.read_contact(std::move(at));
    s.print(to_record(c, s.box.settings().contacts));
}

posthorn::task<void> add_contact(session& s)
{
    httpmail::contact c;
    c.fields      = fields_of(s);
    auto const at = co_await s.box.add_contact(std::move(c));
    std::vector<record> rows;
    rows.push_back(record{{"href", shown(at)}});
    s.print(rows, {"href"});
}

posthorn::task<void> edit_contact(session& s)
{
    auto       fields = fields_of(s);
    auto const at     = co_await s.item(s.given().place);
    co_await s.box.change_contact(at, std::move(fields));
    std::vector<record> rows;
    rows.push_back(record{{"href", at.str()}});
    s.print(rows, {"href"});
}

posthorn::task<void> remove_contacts(session& s)
{
    auto const                     all = co_await s.items();
    std::vector<record>            rows;
    std::optional<posthorn::error> failed;
    for (auto const& at : all)
    {
        try
        {
            co_await s.box.delete_contact(at);
        }
        catch (posthorn::error const& e)
        {
            failed.emplace(e);
        }
        if (failed)
            break;
        rows.push_back(record{{"href", at.str()}});
    }
    s.print(rows, {"href"}); // what was done, in any case
    if (failed)
        throw posthorn::error(*failed);
}

} // namespace tool
