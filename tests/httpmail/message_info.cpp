//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/message_info.hpp>

#include <doctest/doctest.h>

#include <support/responses.hpp>

namespace dav  = posthorn::dav;
namespace http = posthorn::http;
using namespace posthorn::httpmail;
using support::response_with;

namespace {

message_info info(std::string const& props)
{
    auto const m = read_message(response_with(props), http::url("http://h/m"));
    REQUIRE(m);
    return *m;
}

} // namespace

TEST_SUITE_BEGIN("httpmail/message_info");

TEST_CASE("attachments are told of under either name")
{
    CHECK(info("<m:hasattachment>1</m:hasattachment>").has_attachment == true);
    CHECK(info("<hm:hasattachment>0</hm:hasattachment>").has_attachment == false);
    CHECK(info("<m:hasattachment/><hm:hasattachment>1</hm:hasattachment>").has_attachment == true);
    CHECK_FALSE(info("").has_attachment);
}

TEST_CASE("dates come in three forms and under several names")
{
    auto const when = dav::to_time("2004-06-07T08:15:30Z");
    CHECK(info("<m:date>2004-06-07T08:15:30</m:date>").date == when);
    CHECK(info("<hm:datereceived>2004-06-07T08:15:30.000Z</hm:datereceived><m:date>2001-01-01T00:00:00</m:date>").date == when);
    CHECK(info("<hm:date>Mon, 07 Jun 2004 08:15:30 GMT</hm:date>").date == when);
    CHECK(info("<D:getlastmodified>Mon, 07 Jun 2004 08:15:30 +0000</D:getlastmodified>").date == when);
    auto const odd = info("<m:date>yesterday</m:date>");
    CHECK_FALSE(odd.date);
    CHECK(odd.date_text == "yesterday");
    auto const second = info("<m:date>yesterday</m:date><D:getlastmodified>Mon, 07 Jun 2004 08:15:30 GMT</D:getlastmodified>");
    CHECK(second.date == when);
    CHECK(second.date_text == "Mon, 07 Jun 2004 08:15:30 GMT");
}

TEST_CASE("texts lose their indentation, decoded twins win")
{
    auto const m = info("<m:subject>  padded</m:subject><m:from>=?utf-8?q?x?=</m:from><hm:from>x</hm:from><m:to/><hm:fromemail>a@b</hm:fromemail><D:uid>u1</D:uid>");
    CHECK(m.subject == "padded");
    CHECK(m.from == "x");
    CHECK(m.to.empty());
    CHECK(m.from_address == "a@b");
    CHECK(m.id == "u1");
    CHECK(info("<m:subject>=?iso-8859-1?q?caf=E9?=</m:subject>").subject == "caf\xc3\xa9");
}

TEST_CASE("flags and sizes that make no sense are as good as none")
{
    auto const m = info("<hm:read>perhaps</hm:read><D:getcontentlength>-1</D:getcontentlength>");
    CHECK_FALSE(m.read);
    CHECK_FALSE(m.size);
    CHECK(info("<hm:read>2</hm:read>").read == true);
    CHECK(info("<D:getcontentlength> 12 </D:getcontentlength>").size == 12U);
}

TEST_CASE("folders, hidden things and what is not there are no messages")
{
    http::url const u("http://h/m");
    CHECK_FALSE(read_message(response_with("<D:isfolder>1</D:isfolder>"), u));
    CHECK_FALSE(read_message(response_with("<D:resourcetype><D:collection/></D:resourcetype>"), u));
    CHECK_FALSE(read_message(response_with("<D:ishidden>1</D:ishidden>"), u));
    CHECK_FALSE(read_message(response_with("", "<D:status>HTTP/1.1 404 Not Found</D:status>"), u));
    CHECK(read_message(response_with("", "<D:status>HTTP/1.1 200 OK</D:status>"), u));
}

TEST_CASE("further properties")
{
    std::vector<dav::property_name> const more = {names::m_message_id, names::id};
    auto const m = read_message(response_with("<m:message-id>&lt;1@x&gt;</m:message-id>"), http::url("http://h/m"), more);
    REQUIRE(m);
    CHECK(m->get(names::m_message_id) == "<1@x>");
    CHECK_FALSE(m->get(names::id));
    CHECK(message_question(dialect::hotmail, false).some().size() == 8);
    CHECK(message_question(dialect::hotmail, false, more).some().size() == 10);
    CHECK(message_question(dialect::dav, true, more).some().size() == 5);
    CHECK(message_question(dialect::dav, false).some().size() == 12);
}

TEST_CASE("the question as SQL")
{
    auto const sql = message_search();
    CHECK(sql.starts_with("\nSELECT \"DAV:isfolder\", \"DAV:uid\", \"urn:schemas:httpmail:read\", "));
    CHECK(sql.find("FROM SCOPE('SHALLOW TRAVERSAL OF \"\"')\nWHERE \"DAV:isfolder\" = false AND \"DAV:ishidden\" = false\n") != sql.npos);
    CHECK(message_search({dav::property_name("x:", "a\"b")}).find(", \"x:a\"\"b\"\nFROM") != sql.npos);
}

TEST_SUITE_END();
