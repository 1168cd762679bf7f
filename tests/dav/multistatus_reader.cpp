//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/multistatus_reader.hpp>

#include <doctest/doctest.h>

#include <support/allocations.hpp>
#include <support/multistatus.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dav = posthorn::dav;
namespace xml = posthorn::xml;
using support::read_multistatus;

namespace {

/// Whole, in two pieces for every cut, and octet by octet; all must agree.
support::multistatus_result read(std::string_view body)
{
    auto const whole = read_multistatus(body);
    for (std::size_t cut = 0; cut <= body.size(); ++cut)
    {
        CAPTURE(cut);
        auto const r = read_multistatus(body, {}, cut);
        CHECK(r.ec == whole.ec);
        CHECK(r.responses == whole.responses);
        CHECK(r.repairs == whole.repairs);
    }
    CHECK(read_multistatus(body, {}, 1, 1).responses == whole.responses);
    return whole;
}

/// One response with one property text, as the reader gives it back.
std::string value_of(std::string_view element)
{
    auto const r = read(
        "<D:multistatus xmlns:D=\"DAV:\" xmlns:m=\"urn:schemas:mailheader:\"><D:response><D:href>/a</D:href>"
        "<D:propstat><D:prop>" +
        std::string(element) +
        "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
        "</D:response></D:multistatus>");
    CHECK_FALSE(r.ec);
    REQUIRE(r.responses.size() == 1);
    return r.responses[0].substr(r.responses[0].find('=') + 1);
}

} // namespace

TEST_SUITE_BEGIN("dav/multistatus_reader");

TEST_CASE("Hotmail's layout: properties, then status, in Windows-1252")
{
    auto const r = read("<?xml version=\"1.0\" encoding=\"Windows-1252\"?>\r\n"
                        "<D:multistatus xmlns:D=\"DAV:\" xmlns:m=\"urn:schemas:mailheader:\" "
                        "xmlns:hm=\"urn:schemas:httpmail:\">\r\n"
                        "\t<D:response>\r\n"
                        "\t\t<D:href>http://h.example/folders/ACTIVE/MSG1.2</D:href>\r\n"
                        "\t\t<D:propstat>\r\n"
                        "\t\t\t<D:prop>\r\n"
                        "\t\t\t\t<hm:read>0</hm:read>\r\n"
                        "\t\t\t\t<m:subject>caf\xe9 \x80</m:subject>\r\n"
                        "\t\t\t\t<m:to/>\r\n"
                        "\t\t\t</D:prop>\r\n"
                        "\t\t\t<D:status>HTTP/1.1 200 OK</D:status>\r\n"
                        "\t\t</D:propstat>\r\n"
                        "\t\t<D:propstat>\r\n"
                        "\t\t\t<D:prop><hm:outbox/></D:prop>\r\n"
                        "\t\t\t<D:status>HTTP/1.1 404 Not Found</D:status>\r\n"
                        "\t\t</D:propstat>\r\n"
                        "\t</D:response>\r\n"
                        "</D:multistatus>\r\n");
    CHECK_FALSE(r.ec);
    CHECK(r.responses ==
          std::vector<std::string>{"http://h.example/folders/ACTIVE/MSG1.2 {urn:schemas:httpmail:}read=0 "
                                   "{urn:schemas:mailheader:}subject=caf\xc3\xa9 \xe2\x82\xac "
                                   "{urn:schemas:mailheader:}to= {urn:schemas:httpmail:}outbox!404="});
    CHECK_FALSE(r.repairs.any());
}

TEST_CASE("Exchange's layout: status, then properties, other prefixes, types, an href inside as well")
{
    auto const r =
        read("<?xml version=\"1.0\"?><a:multistatus "
             "xmlns:b=\"urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/\" xmlns:d=\"urn:schemas:httpmail:\" "
             "xmlns:c=\"xml:\" "
             "xmlns:a=\"DAV:\"><a:response><a:href>https://h/Inbox/Re:%20foo.EML</a:href><a:propstat>"
             "<a:status>HTTP/1.1 200 OK</a:status><a:prop><a:href>https://h/other</a:href><d:read "
             "b:dt=\"boolean\">0</d:read>"
             "<d:keywords b:dt=\"mv.string\"><c:v>one</c:v><c:v>two</c:v></d:keywords></a:prop></a:propstat>"
             "<a:propstat><a:status>HTTP/1.1 404 Resource Not "
             "Found</a:status><a:prop><d:date/></a:prop></a:propstat></a:response>"
             "<a:response><a:href>/x</a:href><a:propstat><a:status>HTTP/1.1 200 "
             "OK</a:status><a:prop/></a:propstat></a:response></a:multistatus>");
    CHECK_FALSE(r.ec);
    CHECK(r.responses ==
          std::vector<std::string>{"https://h/Inbox/Re:%20foo.EML {DAV:}href=https://h/other "
                                   "{urn:schemas:httpmail:}read:2=0 {urn:schemas:httpmail:}keywords:1*= "
                                   "{urn:schemas:httpmail:}date!404=",
                                   "/x"});
}

TEST_CASE("a status beside the href, with a location in both styles, and for several hrefs")
{
    auto const r =
        read("<D:multistatus "
             "xmlns:D='DAV:'><D:response><D:href>/a</D:href><D:location>http://h/b</"
             "D:location><D:status>HTTP/1.1 201 Created</D:status></D:response>"
             "<D:response><D:href>/c</D:href><D:status>HTTP/1.1 301 Moved</D:status><D:location> "
             "<D:href>http://h/d</D:href>\n</D:location></D:response>"
             "<D:response><D:href>/e</D:href><D:href>/f</D:href><D:status>HTTP/1.1 423 Locked</D:status>"
             "<D:error><D:lock-token-submitted><D:href>/e</D:href></D:lock-token-submitted></D:error>"
             "<D:responsedescription> come back later </D:responsedescription></D:response>"
             "<D:responsedescription>some failed</D:responsedescription></D:multistatus>");
    CHECK_FALSE(r.ec);
    CHECK(r.responses ==
          std::vector<std::string>{
              "/a status=201 location=http://h/b", "/c status=301 location=http://h/d",
              "/e,/f status=423 description=come back later condition={DAV:}lock-token-submitted"});
    CHECK(r.description == "some failed");
}

TEST_CASE("properties directly in a response, and a prop without propstat")
{
    auto const r = read("<D:multistatus xmlns:D='DAV:' "
                        "xmlns:x='urn:x'><D:response><D:href>/a</D:href><D:displayname>n</"
                        "D:displayname><x:y>z</x:y></D:response>"
                        "<D:response><D:href>/b</D:href><D:prop><x:y>1</x:y></D:prop><D:status>HTTP/1.1 403 "
                        "No</D:status></D:response></D:multistatus>");
    CHECK_FALSE(r.ec);
    CHECK(r.responses ==
          std::vector<std::string>{"/a {DAV:}displayname=n {urn:x}y=z", "/b status=403 {urn:x}y!403=1"});
}

TEST_CASE("a response may say nothing, and a multistatus too")
{
    CHECK(read("<D:multistatus xmlns:D='DAV:'/>").responses.empty());
    CHECK_FALSE(read("<D:multistatus xmlns:D='DAV:'/>").ec);
    CHECK(read("<multistatus xmlns='DAV:'><response/></multistatus>").responses ==
          std::vector<std::string>{""});
}

TEST_CASE("values are read by type, and structure is kept")
{
    dav::multistatus_reader reader;
    REQUIRE_FALSE(reader.feed(
        "<D:multistatus xmlns:D='DAV:' xmlns:t='urn:schemas-microsoft-com:datatypes' xmlns:v='xml:' "
        "xmlns:x='urn:x'><D:response>"
        "<D:href> /a\n</D:href><D:propstat><D:prop>"
        "<D:resourcetype><D:collection/></D:resourcetype>"
        "<x:flag t:dt='boolean'>T</x:flag><x:n t:dt='int'> 812 </x:n><x:r t:dt='r8'>1.5</x:r><x:m "
        "t:dt='fixed.14.4'>2.5</x:m>"
        "<x:t t:dt='dateTime.tz'>2004-06-10T10:12:09.000Z</x:t><x:h t:dt='bin.hex'>00ff</x:h><x:b "
        "t:dt='bin.base64'>aGk=</x:b>"
        "<x:l "
        "t:dt='mv.int'><v:v>1</v:v>\n<v:v>2</v:v></x:l><x:deep>a<x:b>c<x:d>e</x:d>f</x:b>g<x:b/></x:deep>"
        "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"));
    dav::response r;
    REQUIRE(reader.next(r));
    CHECK_FALSE(reader.finish());
    CHECK(r.href() == "/a");
    CHECK(r.is_collection());
    CHECK(r.find({"urn:x", "flag"})->as_boolean() == true);
    CHECK(r.find({"urn:x", "n"})->as_integer() == 812);
    CHECK(r.find({"urn:x", "n"})->kind().type == dav::value_type::integer);
    CHECK(r.find({"urn:x", "r"})->as_real() == 1.5);
    CHECK(r.find({"urn:x", "m"})->as_fixed_14_4() == 25000);
    CHECK(r.find({"urn:x", "t"})->as_time().has_value());
    CHECK(r.find({"urn:x", "h"})->as_octets() == std::string("\0\xff", 2));
    CHECK(r.find({"urn:x", "b"})->as_octets() == std::string("hi"));
    CHECK(r.find({"urn:x", "l"})->as_list() == std::vector<std::string_view>{"1", "2"});
    CHECK(r.find({"urn:x", "n"})->as_list() == std::vector<std::string_view>{" 812 "});
    auto const deep = r.find({"urn:x", "deep"});
    REQUIRE(deep);
    CHECK(deep->text() == "ag");
    CHECK(deep->has_children());
    auto const inner = deep->child({"urn:x", "b"});
    REQUIRE(inner);
    CHECK(inner->text() == "cf");
    CHECK(inner->child({"urn:x", "d"})->text() == "e");
    CHECK_FALSE(deep->child({"urn:x", "d"}));
    CHECK_FALSE(r.find({"urn:x", "b2"}));
    CHECK_FALSE(r.text({"urn:x", "d"})); // inside of another
    CHECK_FALSE(reader.next(r));
}

TEST_CASE("absent, empty and refused are three things")
{
    dav::multistatus_reader reader;
    REQUIRE_FALSE(reader.feed(
        "<D:multistatus xmlns:D='DAV:' xmlns:x='urn:x'><D:response><D:href>/a</D:href>"
        "<D:propstat><D:prop><x:empty/></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
        "<D:propstat><D:status>HTTP/1.1 409 Conflict</D:status><D:prop><x:refused>v</x:refused></D:prop>"
        "<D:responsedescription>too long</D:responsedescription></D:propstat></D:response>"
        "<D:response><D:href>/b</D:href><D:propstat><D:prop><x:a>1</x:a></D:prop></D:propstat></D:response></"
        "D:multistatus>"));
    dav::response r;
    REQUIRE(reader.next(r));
    CHECK(r.text({"urn:x", "empty"}) == "");
    CHECK_FALSE(r.text({"urn:x", "refused"}));
    CHECK_FALSE(r.text({"urn:x", "absent"}));
    CHECK(r.worst_status() == 409);
    int seen = 0;
    for (auto const& p : r.properties())
        if (!p.ok())
        {
            CHECK(p.status() == 409);
            CHECK(p.description() == "too long");
            ++seen;
        }
    CHECK(seen == 1);
    REQUIRE(reader.next(r));
    CHECK(r.text({"urn:x", "a"}) == "1"); // a missing status counts as success
    CHECK(r.worst_status() == 200);
}

TEST_CASE("prefixes mean nothing, namespaces do, and some spellings of DAV: are forgiven")
{
    CHECK(read("<x:multistatus "
               "xmlns:x='Dav:'><x:response><x:href>/a</x:href><x:displayname>n</x:displayname></x:response></"
               "x:multistatus>")
              .responses == std::vector<std::string>{"/a {DAV:}displayname=n"});
    // Lycos: a prefix D that was never declared.
    CHECK(read("<D:multistatus><D:response><D:href>/a</D:href></D:response></D:multistatus>").responses ==
          std::vector<std::string>{"/a"});
    // Elements of other namespaces with the same local names are properties or nothing.
    CHECK(read("<D:multistatus xmlns:D='DAV:' xmlns:x='urn:x'><x:response><D:href>/no</D:href></x:response>"
               "<D:response><D:href>/a</D:href><D:propstat><x:prop><D:displayname>no</D:displayname></"
               "x:prop></D:propstat></D:response></D:multistatus>")
              .responses == std::vector<std::string>{"/a"});
}

TEST_CASE("the defects of real servers are repaired")
{
    auto const subject = [](std::string_view text) {
        return value_of("<m:subject>" + std::string(text) + "</m:subject>");
    };
    CHECK(subject("Fish & chips") == "Fish & chips");
    CHECK(value_of("<m:from>Bob <bob@example.net></m:from>") == "Bob <bob@example.net>");
    CHECK(subject("caf&eacute;&nbsp;bar") == "caf\xc3\xa9\xc2\xa0"
                                             "bar");
    CHECK(value_of("<m:from>&amp;lt;list@example.org&amp;gt;</m:from>") == "&lt;list@example.org&gt;");
    CHECK(subject("  padded") == "  padded");
    CHECK(value_of("<d:0x8104 "
                   "xmlns:d=\"http://schemas.microsoft.com/mapi/id/{00062003-0000-0000-C000-000000000046}/"
                   "\">x</d:0x8104>") == "x");
    CHECK(subject("a&#1;b&#11;c&#27;d") == "abcd");           // b1gMail
    CHECK(subject("&#55357;&#56832;") == "\xf0\x9f\x98\x80"); // SOGo
    CHECK(subject("x\x01y") == "xy");
    CHECK(subject("caf\xe9") == "caf\xef\xbf\xbd");
}

TEST_CASE("what is no multistatus is said to be none")
{
    for (std::string_view const body :
         {"<html><body/></html>", "<D:error xmlns:D='DAV'><x/></D:error>", "<multistatus/>",
          "<D:multistatus xmlns:D='urn:not-dav'/>", "<D:response xmlns:D='DAV:'/>"})
    {
        CAPTURE(body);
        CHECK(read(body).ec == dav::errc::not_multistatus);
    }
    CHECK(read_multistatus("<html/>").detail == "the root element is html");
    CHECK(read("").ec == xml::errc::empty);
    CHECK(read("<!DOCTYPE html><html>").ec == xml::errc::doctype_refused);
    CHECK(read("not found").ec == xml::errc::not_well_formed);
}

TEST_CASE("a body that ends too early gives what was complete, then an error")
{
    std::string const body =
        "<D:multistatus "
        "xmlns:D='DAV:'><D:response><D:href>/a</D:href></D:response><D:response><D:href>/b</D:href>";
    auto const r = read(body);
    CHECK(r.ec == xml::errc::truncated);
    CHECK(r.responses == std::vector<std::string>{"/a"});
}

TEST_CASE("the limits hold")
{
    dav::multistatus_limits limits;
    limits.text      = 100;
    limits.response  = 300;
    limits.elements  = 5;
    limits.hrefs     = 3;
    limits.responses = 3;
    auto const with  = [&](std::string const& inside) {
        return read_multistatus("<D:multistatus xmlns:D='DAV:'>" + inside + "</D:multistatus>", limits).ec;
    };
    auto const one = [&](std::string const& inside) {
        return with("<D:response>" + inside + "</D:response>");
    };
    std::string const r = "<D:response/>";
    CHECK_FALSE(with(r + r + r));
    CHECK(with(r + r + r + r) == dav::errc::too_many_responses);
    CHECK_FALSE(one("<D:a>" + std::string(100, 'x') + "</D:a>"));
    CHECK(one("<D:a>" + std::string(101, 'x') + "</D:a>") == dav::errc::response_too_large);
    CHECK(one("<D:href>" + std::string(101, 'x') + "</D:href>") == dav::errc::response_too_large);
    CHECK(one("<D:a>" + std::string(100, 'x') + "</D:a><D:b>" + std::string(100, 'x') + "</D:b><D:c>" +
              std::string(100, 'x') + "</D:c>") == dav::errc::response_too_large);
    CHECK_FALSE(one("<D:a/><D:a/><D:a><D:b/><D:b/></D:a>"));
    CHECK(one("<D:a/><D:a/><D:a><D:b/><D:b/><D:b/></D:a>") == dav::errc::response_too_large);
    CHECK(one("<D:href/><D:href/><D:href/><D:href/>") == dav::errc::response_too_large);
}

TEST_CASE("100 000 responses are read with constant memory")
{
    auto const item = [](int i) {
        return "<D:response><D:href>http://h.example/cgi-bin/hmdata/u@h.example/folders/ACTIVE/MSG" +
               std::to_string(1000000 + i) +
               ".9</D:href><D:propstat><D:prop><D:isfolder>0</D:isfolder><hm:read>1</"
               "hm:read><m:hasattachment>0</m:hasattachment>"
               "<m:to>alice@example.com</m:to><m:from>Bob &lt;bob@example.net&gt;</m:from><m:subject>Message "
               "of some length, with &amp;</m:subject>"
               "<m:date>2004-06-10T10:12:09</m:date><D:getcontentlength>81234</D:getcontentlength></D:prop>"
               "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\r\n";
    };
    dav::multistatus_reader reader;
    dav::response           r;
    std::size_t             seen = 0, octets = 0, warm = 0, parser_memory = 0;
    bool                    all_right = true;
    auto const              feed      = [&](std::string const& piece) {
        octets += piece.size();
        std::size_t const before = support::allocations();
        all_right                = !reader.feed(piece) && all_right;
        while (reader.next(r))
        {
            ++seen;
            all_right =
                all_right && r.text({dav::mailheader_space, "subject"}) == "Message of some length, with &";
        }
        return support::allocations() - before;
    };
    feed("<?xml version=\"1.0\" encoding=\"Windows-1252\"?><D:multistatus xmlns:D=\"DAV:\" "
         "xmlns:m=\"urn:schemas:mailheader:\" xmlns:hm=\"urn:schemas:httpmail:\">");
    std::size_t cold = 0;
    std::string piece;
    for (int i = 0; i < 100'000; ++i)
    {
        piece += item(i);
        if (i % 20 != 19)
            continue;
        (i < 1000 ? cold : warm) += feed(piece);
        piece.clear();
        if (i == 999)
            parser_memory = reader.memory();
    }
    CHECK(parser_memory > 0);
    CHECK(reader.memory() == parser_memory); // Expat takes its memory elsewhere
    feed("</D:multistatus>");
    CHECK_FALSE(reader.finish());
    CHECK(all_right);
    CHECK(seen == 100'000);
    CHECK(reader.count() == 100'000);
    CHECK(octets > 40'000'000);
    MESSAGE("allocations for the first 1000 responses: ", cold, ", for the other 99 000: ", warm);
    CHECK(warm == 0);
}

TEST_SUITE_END();
