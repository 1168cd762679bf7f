//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/contact.hpp>

#include <doctest/doctest.h>

#include <support/responses.hpp>

#include <map>

namespace dav  = posthorn::dav;
namespace http = posthorn::http;
using namespace posthorn::httpmail;
using support::response_with;

TEST_SUITE_BEGIN("httpmail/contact");

TEST_CASE("every field has a word and a property")
{
    contact_map const map;
    for (auto const& n : contact_names)
    {
        CHECK(parse_contact_field(to_string(n.field)) == n.field);
        REQUIRE(map.find(n.field) != nullptr);
        CHECK(map.field_of(n.property) == n.field);
    }
    CHECK_FALSE(parse_contact_field("shoe_size"));
    CHECK(to_string(static_cast<contact_field>(99)) == "unknown");
    CHECK(map.question(dialect::hotmail).some().size() == 2 + std::size(contact_names));
    CHECK(map.question(dialect::exchange).some().size() == 3 + std::size(contact_names));
}

TEST_CASE("the table can be changed")
{
    contact_map map;
    map.set(contact_field::email, dav::property_name(dav::contacts_space, "mail")).drop(contact_field::pager);
    CHECK(map.find(contact_field::pager) == nullptr);
    auto const c = read_contact(response_with("<c:mail>a@b</c:mail><c:email1>no</c:email1><c:PAGER>1</c:PAGER><c:HOMEFAX>2</c:HOMEFAX>"
                                              "<ex:outlookmessageclass>IPM.DistList</ex:outlookmessageclass>"),
                                http::url("http://h/c"), map);
    REQUIRE(c);
    CHECK(c->get(contact_field::email) == "a@b");
    CHECK(c->get(contact_field::home_fax) == "2");
    CHECK(c->get(contact_field::pager).empty());
    CHECK(c->fields.size() == 2);
    CHECK(c->is_group);
    CHECK(c->url.str() == "http://h/c");
    CHECK_FALSE(map.field_of({"DAV:", "mail"}));
}

TEST_CASE("what is no contact")
{
    contact_map const map;
    CHECK_FALSE(read_contact(response_with("<D:isfolder>1</D:isfolder>"), http::url("http://h/c"), map));
    CHECK_FALSE(read_contact(response_with("", "<D:status>HTTP/1.1 404 No</D:status>"), http::url("http://h/c"), map));
}

TEST_CASE("changes: texts are set, empty ones are taken away, unknown ones left out")
{
    contact_map map;
    map.drop(contact_field::pager);
    std::map<contact_field, std::string> const fields = {
        {contact_field::surname, "Example"}, {contact_field::nickname, ""}, {contact_field::pager, "1"}};
    auto const update = contact_update(fields, map);
    REQUIRE(update.changes().size() == 2);
    CHECK(update.changes()[0].name.local == "sn");
    CHECK(update.changes()[0].value == "Example");
    CHECK_FALSE(update.changes()[0].removed);
    CHECK(update.changes()[1].name.local == "nickname");
    CHECK(update.changes()[1].removed);
}

TEST_SUITE_END();
