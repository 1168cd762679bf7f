//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/request_body.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace dav = posthorn::dav;
namespace xml = posthorn::xml;

namespace {

constexpr xml::name hm(std::string_view local) { return {dav::httpmail_space, local}; }
constexpr xml::name h(std::string_view local) { return {dav::hotmail_space, local}; }

} // namespace

TEST_SUITE_BEGIN("dav/request_body");

TEST_CASE("the PROPFIND of the root is octet for octet what all clients of Hotmail sent")
{
    std::string const body = dav::propfind_body(dav::property_list(
        h("adbar"), hm("contacts"), hm("inbox"), hm("outbox"), hm("sendmsg"), hm("sentitems"),
        hm("deleteditems"), hm("drafts"), hm("msgfolderroot"), h("maxpoll"), h("sig")));
    CHECK(body.size() == 359);
    CHECK(
        body ==
        "<?xml version=\"1.0\"?>\r\n"
        "<D:propfind xmlns:D=\"DAV:\" xmlns:h=\"http://schemas.microsoft.com/hotmail/\" "
        "xmlns:hm=\"urn:schemas:httpmail:\">\r\n"
        "\t<D:prop>\r\n"
        "\t\t<h:adbar/>\r\n\t\t<hm:contacts/>\r\n\t\t<hm:inbox/>\r\n\t\t<hm:outbox/>\r\n\t\t<hm:sendmsg/>\r\n"
        "\t\t<hm:sentitems/>\r\n\t\t<hm:deleteditems/>\r\n\t\t<hm:drafts/>\r\n\t\t<hm:msgfolderroot/>\r\n"
        "\t\t<h:maxpoll/>\r\n\t\t<h:sig/>\r\n"
        "\t</D:prop>\r\n"
        "</D:propfind>\r\n");
}

TEST_CASE("allprop, propname and nothing")
{
    std::string const head = "<?xml version=\"1.0\"?>\r\n<D:propfind xmlns:D=\"DAV:\">\r\n\t";
    CHECK(dav::propfind_body(dav::property_list::all()) == head + "<D:allprop/>\r\n</D:propfind>\r\n");
    CHECK(dav::propfind_body(dav::property_list::names_only()) ==
          head + "<D:propname/>\r\n</D:propfind>\r\n");
    CHECK(dav::propfind_body(dav::property_list()) == head + "<D:prop/>\r\n</D:propfind>\r\n");
}

TEST_CASE("targets stand before what is done to them")
{
    std::vector<dav::target> const targets = {dav::target("MSG1086862331.2"), dav::target("MSG1086861000.1")};
    dav::property_update           update;
    update.set(hm("read"), "0");
    CHECK(dav::proppatch_body(update, targets) ==
          "<?xml version=\"1.0\"?>\r\n"
          "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:hm=\"urn:schemas:httpmail:\">\r\n"
          "\t<D:target>\r\n\t\t<D:href>MSG1086862331.2</D:href>\r\n\t\t<D:href>MSG1086861000.1</"
          "D:href>\r\n\t</D:target>\r\n"
          "\t<D:set>\r\n\t\t<D:prop>\r\n\t\t\t<hm:read>0</hm:read>\r\n\t\t</D:prop>\r\n\t</D:set>\r\n"
          "</D:propertyupdate>\r\n");
    std::string const bpropfind = dav::propfind_body(dav::property_list(dav::names::displayname), targets);
    CHECK(bpropfind.find("<D:target>") < bpropfind.find("<D:prop>"));
}

TEST_CASE("bulk bodies name what is done, and targets their own destinations")
{
    std::vector<dav::target> const one = {dav::target("a&b.EML")};
    CHECK(dav::bulk_body(dav::bulk_verb::move, one) ==
          "<?xml version=\"1.0\"?>\r\n<D:move "
          "xmlns:D=\"DAV:\">\r\n\t<D:target>\r\n\t\t<D:href>a&amp;b.EML</D:href>\r\n"
          "\t</D:target>\r\n</D:move>\r\n");
    CHECK(dav::bulk_body(dav::bulk_verb::copy, one).find("<D:copy ") != std::string::npos);
    CHECK(dav::bulk_body(dav::bulk_verb::remove, one).find("<D:delete ") != std::string::npos);
    std::vector<dav::target> const mixed = {dav::target("a"), dav::target("b", "http://h/c"),
                                            dav::target("d"), dav::target("e")};
    std::string                    body  = dav::bulk_body(dav::bulk_verb::move, mixed);
    std::erase_if(body, [](char c) { return c == '\r' || c == '\n' || c == '\t'; });
    CHECK(body.ends_with("<D:target><D:href>a</D:href></D:target>"
                         "<D:target><D:href>b</D:href><D:dest>http://h/c</D:dest></D:target>"
                         "<D:target><D:href>d</D:href><D:href>e</D:href></D:target></D:move>"));
}

TEST_CASE("changes keep their order, and may declare a type")
{
    dav::property_update update;
    update.set({"urn:x", "a"}, "1 < 2")
        .set(hm("read"), "1", "boolean")
        .remove({"urn:x", "b"})
        .set({"urn:x", "c"}, "");
    std::string body = dav::proppatch_body(update);
    std::erase_if(body, [](char c) { return c == '\r' || c == '\n' || c == '\t'; });
    CHECK(body ==
          "<?xml version=\"1.0\"?><D:propertyupdate xmlns:D=\"DAV:\" "
          "xmlns:hm=\"urn:schemas:httpmail:\" xmlns:n2=\"urn:x\" "
          "xmlns:dt=\"urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/\">"
          "<D:set><D:prop><n2:a>1 &lt; 2</n2:a><hm:read dt:dt=\"boolean\">1</hm:read></D:prop></D:set>"
          "<D:remove><D:prop><n2:b/></D:prop></D:remove><D:set><D:prop><n2:c/></D:prop></D:set></"
          "D:propertyupdate>");
}

TEST_CASE("changes that stand apart have an element each")
{
    dav::property_update update;
    update.set(hm("read"), "1").set(hm("x"), "2").remove(hm("y")).remove(hm("z")).apart();
    std::string body = dav::proppatch_body(update);
    std::erase_if(body, [](char c) { return c == '\r' || c == '\n' || c == '\t'; });
    CHECK(body.ends_with("<D:set><D:prop><hm:read>1</hm:read></D:prop></D:set><D:set><D:prop><hm:x>2</hm:x></D:prop></D:set>"
                         "<D:remove><D:prop><hm:y/></D:prop></D:remove><D:remove><D:prop><hm:z/></D:prop></D:remove>"
                         "</D:propertyupdate>"));
}

TEST_CASE("SQL is quoted, then escaped")
{
    CHECK(dav::sql_name(hm("read")) == "\"urn:schemas:httpmail:read\"");
    CHECK(dav::sql_name({"x\"", "y"}) == "\"x\"\"y\"");
    CHECK(dav::sql_text("it's") == "'it''s'");
    CHECK(dav::search_body("SELECT \"DAV:uid\" FROM \"\" WHERE a < 'b'") ==
          "<?xml version=\"1.0\"?>\r\n<D:searchrequest xmlns:D=\"DAV:\">\r\n"
          "\t<D:sql>SELECT \"DAV:uid\" FROM \"\" WHERE a &lt; 'b'</D:sql>\r\n</D:searchrequest>\r\n");
}

TEST_CASE("what cannot be written is refused")
{
    std::vector<dav::target> const bad = {dav::target("a\x01")};
    CHECK_THROWS_AS(dav::bulk_body(dav::bulk_verb::move, bad), posthorn::error);
    CHECK_THROWS_AS(dav::propfind_body(dav::property_list(xml::name{dav::dav_space, "0x8104"})),
                    posthorn::error);
    CHECK_THROWS_AS(dav::search_body("\xff"), posthorn::error);
    dav::property_update update;
    update.set(hm("read"), std::string("\0", 1));
    CHECK_THROWS_AS(dav::proppatch_body(update), posthorn::error);
}

TEST_SUITE_END();
