//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/codec/base64.hpp>
#include <posthorn/testing/detail/httpmail_query.hpp>
#include <posthorn/testing/httpmail_server.hpp>
#include <posthorn/testing/server_thread.hpp>

#include <doctest/doctest.h>

#include <support/raw_http.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace posthorn;
using support::bulk_body;
using support::patch_body;
using support::propfind_body;
using support::raw_http;
using testing::httpmail_server;
using testing::httpmail_server_settings;

TEST_SUITE_BEGIN("testing/httpmail_dialects");

namespace {

/// A server without login and a client that is connected to it.
struct pair
{
    explicit pair(httpmail_server_settings s) : server(open(std::move(s))), client(server->port()) {}

    static httpmail_server_settings open(httpmail_server_settings s)
    {
        s.auth.required  = false;
        s.redirect.first = testing::httpmail_redirect_options::kind::none;
        return s;
    }

    std::string url(std::string const& path) const { return "http://" + client.host() + path; }

    testing::server_thread<httpmail_server> server;
    raw_http                                client;
};

std::string message(std::string const& subject, std::string const& date = "Thu, 10 Jun 2004 10:12:09 +0000")
{
    return "From: \"Carol, C.\" <carol@example.org>\r\nTo: alice@example.com\r\nSubject: " + subject +
           "\r\nDate: " + date + "\r\n\r\nhello\r\n";
}

std::string search_body(std::string sql)
{
    std::string escaped;
    for (char const c : sql)
        escaped += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
    return "<?xml version=\"1.0\"?><searchrequest xmlns=\"DAV:\"><sql>" + escaped + "</sql></searchrequest>";
}

std::string const php = "/interface/httpmail.php";

} // namespace

// ---- b1gMail ----

TEST_CASE("b1gMail: a tree in the query, no contacts, empty elements for unknown names")
{
    pair       p(httpmail_server_settings::b1gmail());
    auto const root = p.client.ask("PROPFIND", php, {{"Depth", "0"}},
                                   propfind_body({"hm:inbox", "hm:contacts", "hm:outbox", "hm:sendmsg",
                                                  "hm:deleteditems", "hm:nonsense"}));
    CHECK(root.status == 207);
    CHECK(root.contains("<hm:inbox>" + p.url(php) + "?/folders/0/</hm:inbox>"));
    CHECK(root.contains("<hm:deleteditems>" + p.url(php) + "?/folders/-5/</hm:deleteditems>"));
    CHECK(root.contains("<hm:sendmsg>" + p.url(php) + "?/sendmsg/</hm:sendmsg>"));
    CHECK(root.contains("<hm:contacts/>"));
    CHECK(root.contains("<hm:outbox/>"));
    CHECK(root.contains("<hm:nonsense/>"));
    CHECK_FALSE(root.contains("404 Not Found"));
    CHECK(root.field("Connection") == "close"); // 207 ends the connection
    p.client.reconnect();
    CHECK(p.client.ask("PROPFIND", php + "?", {{"Depth", "0"}}).status == 400);
    CHECK(p.client.ask("PROPFIND", php + "?%2Ffolders%2F0%2F", {{"Depth", "1"}}).status == 400);
}

TEST_CASE("b1gMail: Depth and namespaces are ignored, prefixes are not")
{
    pair p(httpmail_server_settings::b1gmail());
    p.server->add_message("inbox", message("one"));
    for (auto const* const depth : {"0", "1", "1,noroot", "infinity"})
    {
        auto const list =
            p.client.ask("PROPFIND", php + "?/folders/0/", {{"Depth", depth}}, propfind_body({"m:subject"}));
        CHECK(list.count("<D:response>") == 1);
        CHECK(list.contains("?/folders/0/1/</D:href>"));
        p.client.reconnect();
    }
    auto const other = p.client.ask(
        "PROPFIND", php + "?/folders/0/", {{"Depth", "1"}},
        "<propfind xmlns='DAV:' xmlns:x='urn:schemas:mailheader:'><prop><x:subject/></prop></propfind>");
    CHECK(other.status == 207);
    CHECK_FALSE(other.contains("subject"));
    p.client.reconnect();
    auto const one =
        p.client.ask("PROPFIND", php + "?/folders/0/1/", {{"Depth", "0"}}, propfind_body({"m:subject"}));
    CHECK(one.contains("?/folders/0/1/1/</D:href>")); // the folder, at wrong places
    p.client.reconnect();
    CHECK(p.client.ask("PROPFIND", php + "?/folders/77/", {{"Depth", "1"}}).count("<D:response>") == 0);
}

TEST_CASE("b1gMail: success that says nothing")
{
    pair       p(httpmail_server_settings::b1gmail());
    auto const one   = p.server->add_message("inbox", message("one"));
    auto const inbox = php + "?/folders/0/";
    CHECK(one == inbox + "1/");
    CHECK(p.client.ask("DELETE", inbox + "99/").status == 201);
    CHECK(p.client.ask("DELETE", inbox).status == 201);
    CHECK(p.server->folder("inbox")->items.size() == 1);
    CHECK(p.client.ask("BDELETE", inbox, {}, bulk_body("delete", {"99"})).status == 201);
    CHECK(p.client.ask("BPROPPATCH", inbox, {}, patch_body("hm:read", "1", {p.url(one)})).status == 201);
    CHECK_FALSE(p.server->folder("inbox")->items[0].read);
    std::string const late =
        "<D:propertyupdate xmlns:D='DAV:' "
        "xmlns:hm='urn:schemas:httpmail:'><D:set><D:prop><hm:read>1</hm:read></D:prop></D:set>"
        "<D:target><D:href>1</D:href></D:target></D:propertyupdate>";
    CHECK(p.client.ask("BPROPPATCH", inbox, {}, late).status == 201);
    CHECK_FALSE(p.server->folder("inbox")->items[0].read);
    CHECK(p.client.ask("BPROPPATCH", inbox, {}, patch_body("hm:read", "1", {"1"})).status == 201);
    CHECK(p.server->folder("inbox")->items[0].read);
    auto const made_up = p.client.ask("BMOVE", inbox, {{"Destination", p.url(php + "?/folders/-5/")}},
                                      bulk_body("move", {"99"}));
    CHECK(made_up.status == 207);
    CHECK(made_up.contains("HTTP/1.1 200 OK"));
    CHECK(made_up.contains("<D:location>"));
    p.client.reconnect();
    auto const gone = p.client.ask("GET", inbox + "99/");
    CHECK(gone.status == 200);
    CHECK(gone.field("Content-Type") == "message/rfc822");
    CHECK(gone.body.empty());
    auto const patched = p.client.ask("PROPPATCH", one, {}, patch_body("hm:read", "0"));
    CHECK(patched.status == 400);
    CHECK_FALSE(p.server->folder("inbox")->items[0].read);
    for (auto const* const verb : {"OPTIONS", "HEAD", "PUT", "SEARCH", "LOCK", "BPROPFIND"})
        CHECK(p.client.ask(verb, inbox).status == 400);
}

TEST_CASE("b1gMail: MOVE needs the last slash on both sides, or does damage")
{
    pair       p(httpmail_server_settings::b1gmail());
    auto const work = p.server->add_folder("work");
    CHECK(work == php + "?/folders/1/");
    auto const one = p.server->add_message("work", message("one"));
    auto const to  = p.url(php + "?/folders/-5/1");
    CHECK(p.client.ask("MOVE", one, {{"Destination", to}}).status == 400);
    CHECK(p.client.ask("MOVE", one, {{"Destination", to + "/"}}).status == 201);
    CHECK(p.server->folder("deleteditems")->items.size() == 1);
    auto const two  = p.server->add_message("work", message("two"));
    auto const bare = two.substr(0, two.size() - 1);
    auto const odd  = p.client.ask("MOVE", bare, {{"Destination", p.url(php + "?/folders/-5/2/")}});
    CHECK(odd.status == 201);
    CHECK(p.server->folder(work)->name == "-5");
    CHECK(p.server->folder(work)->items.size() == 1);
}

TEST_CASE("b1gMail: folders, relative locations, duplicates, mail that survives")
{
    pair       p(httpmail_server_settings::b1gmail());
    auto const made = p.client.ask("MKCOL", php + "?/folders/work/");
    CHECK(made.status == 201);
    CHECK(made.field("Location") == "httpmail.php?/folders/1/");
    CHECK(p.client.ask("MKCOL", php + "?/folders/work/").field("Location") == "httpmail.php?/folders/2/");
    auto const renamed =
        p.client.ask("MOVE", php + "?/folders/1/", {{"Destination", p.url(php + "?/folders/other/")}});
    CHECK(renamed.status == 201);
    CHECK(renamed.field("Location") == "httpmail.php?/folders/1/");
    CHECK(p.server->folder("other")->path == php + "?/folders/1/");
    p.server->add_message("other", message("one"));
    CHECK(p.client.ask("DELETE", php + "?/folders/1/").status == 201);
    CHECK(p.server->folder("deleteditems")->items.size() == 1);
    // A folder that is no number is read as the inbox.
    auto const one = p.server->add_message("inbox", message("in"));
    CHECK(p.client.ask("GET", php + "?/folders/x/" + one.substr(one.size() - 2)).contains("Subject: in"));
    auto const posted =
        p.client.ask("POST", php + "?/folders/-3/", {{"Content-Type", "message/rfc822"}}, message("draft"));
    CHECK(posted.field("Location") == "httpmail.php?/folders/-3/");
    CHECK(p.server->folder("drafts")->items.at(0).content == message("draft") + "\r\n");
    CHECK(p.server->folder("drafts")->items.at(0).read);
    auto const copied = p.client.ask("COPY", one, {{"Destination", p.url(php + "?/folders/-3/9/")}});
    CHECK(copied.status == 201);
    CHECK(p.client.ask("GET", "/interface/" + copied.field("Location"))
              .body.empty()); // it names the old number
    CHECK(p.server->folder("drafts")->items.size() == 2);
}

TEST_CASE("b1gMail: the envelope is in upper case, a copy is always kept, GET is in chunks")
{
    pair       p(httpmail_server_settings::b1gmail());
    auto const send = [&](std::string const& verb) {
        return p.client.ask(
            "POST", php + "?/sendmsg/", {{"Content-Type", "message/rfc821"}, {"SAVEINSENT", "f"}},
            "MAIL FROM:<alice@example.com>\r\n" + verb + ":<bob@example.net>\r\n\r\n" + message("x"));
    };
    CHECK(send("rcpt to").status == 403);
    CHECK(send("RCPT TO").status == 201);
    auto const sent = p.server->folder("sentitems");
    REQUIRE(sent->items.size() == 1);
    auto const got = p.client.ask("GET", p.server->submissions().at(0).saved_as);
    CHECK(got.field("Transfer-Encoding") == "chunked");
    CHECK(got.body == message("x") + "\r\n");
}

TEST_CASE("b1gMail: the cookie with the password, expired, beats Basic")
{
    auto s          = httpmail_server_settings::b1gmail();
    s.auth.required = true;
    testing::server_thread<httpmail_server> server(std::move(s));
    raw_http                                client(server->port());
    auto const good  = "Basic " + codec::base64_encode("alice@example.com:open sesame");
    auto const first = client.ask("GET", php + "?/folders/0/1/", {{"Authorization", good}});
    CHECK(first.status == 200);
    auto const cookie = first.field("Set-Cookie");
    CHECK(cookie == "httpmail_auth=" + codec::base64_encode("alice@example.com") + "%3A" +
                        codec::base64_encode("open sesame") + "; Max-Age=0; path=/");
    CHECK(
        client.ask("GET", php + "?/folders/0/1/", {{"Cookie", cookie.substr(0, cookie.find(';'))}}).status ==
        200);
    CHECK(
        client.ask("GET", php + "?/folders/0/1/", {{"Cookie", "httpmail_auth=old"}, {"Authorization", good}})
            .status == 401);
    CHECK(client.ask("GET", php + "?/folders/0/1/").field("WWW-Authenticate") == "Basic realm=\"HTTPMail\"");
}

TEST_CASE("b1gMail: headers are decoded, octets are Latin-1, control characters are references")
{
    pair p(httpmail_server_settings::b1gmail());
    p.server->add_message("inbox", message("=?utf-8?Q?caf=C3=A9?= \x01 \x1b"));
    p.server->add_message("inbox", message("na\xc3\xafve", "nonsense"));
    auto const list = p.client.ask("PROPFIND", php + "?/folders/0/", {{"Depth", "1"}},
                                   propfind_body({"m:subject", "m:date"}));
    CHECK(list.contains("<m:subject>caf\xc3\xa9 &#1; &#27;</m:subject>"));
    CHECK(list.contains("<m:subject>na\xc3\x83\xc2\xafve</m:subject>"));
    CHECK(list.contains("<m:date>2004-06-10T10:12:09</m:date>"));
    CHECK_FALSE(support::well_formed(list.body));
}

// ---- SOGo ----

TEST_CASE("SOGo: swapped prefixes, relative hrefs with slashes, empty propstats, no coded values")
{
    pair       p(httpmail_server_settings::sogo());
    auto const one = p.server->add_message("inbox", message("x \xf0\x9f\x98\x80 y"));
    CHECK(one == "/exchange/alice/Inbox/x%20%F0%9F%98%80%20y.EML/");
    auto const list = p.client.ask("PROPFIND", "/exchange/alice/Inbox/", {{"Depth", "1,noroot"}},
                                   propfind_body({"hm:date", "m:from", "m:subject", "hm:hasattachment",
                                                  "m:hasattachment", "D:getetag"}));
    CHECK(list.status == 207);
    CHECK(list.contains("xmlns:hm=\"http://schemas.microsoft.com/hotmail/\""));
    CHECK(list.contains("=\"urn:schemas:httpmail:\""));
    CHECK(list.contains("<D:href>" + one + "</D:href>"));
    CHECK(list.count("<D:href>" + one + "</D:href>") == 2); // once more among the values
    CHECK(list.contains("date>Thu, 10 Jun 2004 10:12:09 GMT<"));
    CHECK(list.contains(">Carol, C. &lt;carol@example.org&gt;<"));
    CHECK(list.contains("&#55357;&#56832;"));
    CHECK(list.body.find("<D:status>") < list.body.find("<D:prop>"));
    CHECK(list.contains("404 Not Found"));
    CHECK_FALSE(support::well_formed(list.body));
    auto const none =
        p.client.ask("PROPFIND", "/exchange/alice/Inbox/", {{"Depth", "0"}}, propfind_body({"hm:nonsense"}));
    CHECK(none.contains("<D:status>HTTP/1.1 200 OK</D:status><D:prop>"));
    auto const brief = p.client.ask("PROPFIND", "/exchange/alice/Inbox/", {{"Depth", "0"}, {"Brief", "t"}},
                                    propfind_body({"hm:nonsense"}));
    CHECK_FALSE(brief.contains("404 Not Found"));
}

TEST_CASE("SOGo: what it refuses, and how")
{
    pair       p(httpmail_server_settings::sogo());
    auto const one = p.server->add_message("inbox", message("one"));
    auto const two = p.server->add_message("inbox", "Received: x\r\n" + message("two"));
    auto const to  = raw_http::fields{{"Destination", p.url("/exchange/alice/Drafts/one.EML")}};
    for (auto const* const verb : {"BMOVE", "BCOPY", "BDELETE", "BPROPPATCH"})
    {
        auto const reply = p.client.ask(verb, "/exchange/alice/Inbox/", to, bulk_body("move", {"one.EML"}));
        CHECK(reply.status == 403);
        CHECK(reply.body.empty());
    }
    CHECK(p.client.ask("MOVE", one, to).status == 501);
    CHECK(p.client.ask("COPY", one, to).status == 500);
    CHECK(p.client.ask("POST", "/exchange/alice/Drafts/", {{"Content-Type", "message/rfc822"}}, message("x"))
              .status == 500);
    CHECK(p.client.ask("PUT", "/exchange/alice/Drafts/", {{"Content-Type", "message/rfc822"}}, message("x"))
              .status == 201);
    auto const folder = p.client.ask("MKCOL", "/exchange/alice/work/");
    CHECK(folder.status == 201);
    CHECK(folder.field("Location").empty());
    CHECK(p.server->folder("work")->path == "/exchange/alice/folderwork/");
    CHECK(p.client
              .ask("MOVE", "/exchange/alice/folderwork/", {{"Destination", p.url("/exchange/alice/other/")}})
              .status == 412);
    auto const received = propfind_body({"m:received"});
    CHECK(p.client.ask("PROPFIND", "/exchange/alice/Inbox/", {{"Depth", "1"}}, received).status == 501);
    CHECK(p.client.ask("PROPFIND", two, {{"Depth", "0"}}, received).status == 207);
    auto const missing = p.client.ask("GET", "/exchange/alice/Inbox/none.EML");
    CHECK(missing.status == 404);
    CHECK(missing.contains("<D:error xmlns:D=\"DAV\">"));
    auto const got = p.client.ask("GET", one);
    CHECK(got.body.find('\r') == std::string::npos);
    auto const size = p.client.ask("PROPFIND", one, {{"Depth", "0"}}, propfind_body({"D:getcontentlength"}));
    CHECK(size.contains(">" + std::to_string(message("one").size()) + "<")); // not that of GET
    CHECK(p.client.ask("GET", two, {{"If-None-Match", got.field("ETag")}}).status ==
          304); // never seen, and "unchanged"
    auto const made_up = p.client.ask(
        "BPROPFIND", "/exchange/alice/Inbox/", {{"Depth", "0"}},
        "<D:propfind xmlns:D='DAV:' "
        "xmlns:hm='urn:schemas:httpmail:'><D:target><D:href>one.EML</D:href><D:href>none.EML</D:href>"
        "</D:target><D:prop><hm:read/><hm:subject/></D:prop></D:propfind>");
    CHECK(made_up.count("<D:response>") == 2);
    CHECK(made_up.contains("<D:status>HTTP/1.1 404 Not Found</D:status>"));
}

TEST_CASE("SOGo: all rows whatever Range says, and bad SQL ends the connection")
{
    pair p(httpmail_server_settings::sogo());
    for (int i = 0; i < 9; ++i)
        p.server->add_message("inbox", message(std::to_string(i)));
    auto const sql = search_body("SELECT \"urn:schemas:httpmail:subject\" FROM \"\"");
    for (auto const* const range : {"rows=0-2", "rows=90-99"})
    {
        auto const reply = p.client.ask("SEARCH", "/exchange/alice/Inbox/", {{"Range", range}}, sql);
        CHECK(reply.status == 207);
        CHECK(reply.field("Content-Range") == "rows 0-8; total=9");
        CHECK(reply.count("<D:response>") == 9);
    }
    CHECK(p.client.ask("SEARCH", "/exchange/alice/Inbox/", {}, search_body("SELECT")).status == 0);
    p.client.reconnect();
    CHECK(p.client.ask("PROPPATCH", "/exchange/alice/Inbox/0.EML/", {}, patch_body("hm:read", "1")).status ==
          403);
    CHECK(p.client.ask("MKCOL", "/exchange/alice/Inbox/").status == 500);
}

// ---- Exchange ----

TEST_CASE("Exchange: typed values, lettered prefixes, status first")
{
    pair       p(httpmail_server_settings::exchange());
    auto const one = p.server->add_message("inbox", message("Re: foo"));
    auto const root =
        p.client.ask("PROPFIND", "/exchange/alice/", {{"Depth", "0"}, {"Brief", "t"}},
                     propfind_body({"hm:inbox", "hm:sendmsg", "hm:msgfolderroot", "hm:nonsense"}));
    CHECK(root.body.starts_with("<?xml version=\"1.0\"?><a:multistatus xmlns:a=\"DAV:\""));
    CHECK(root.contains(":inbox>" + p.url("/exchange/alice/Inbox") + "</"));
    CHECK(root.contains(":sendmsg>" + p.url("/exchange/alice/##DavMailSubmissionURI##") + "</"));
    CHECK_FALSE(root.contains("nonsense"));
    CHECK(one == "/exchange/alice/Inbox/Re:%20foo.EML");
    CHECK(p.server->add_message("inbox", message("Re: foo")) == "/exchange/alice/Inbox/Re:%20foo-2.EML");
    auto const list = p.client.ask("PROPFIND", one, {{"Depth", "0"}},
                                   propfind_body({"hm:read", "hm:datereceived", "D:getcontentlength"}));
    CHECK(list.contains(":dt=\"boolean\">0<"));
    CHECK(list.contains(":dt=\"dateTime.tz\">20"));
    CHECK(list.contains(":dt=\"int\">" + std::to_string(message("Re: foo").size()) + "<"));
    CHECK(list.body.find(":status>") < list.body.find(":prop>"));
    CHECK(p.client.ask("GET", one).field("Content-Type") == "text/html");
    CHECK(p.client.ask("GET", one, {{"Translate", "f"}}).body == message("Re: foo"));
    auto const bulk =
        p.client.ask("BPROPPATCH", "/exchange/alice/Inbox/", {{"Brief", "t"}, {"If-Match", "*"}},
                     patch_body("hm:read", "1", {p.url(one), "Re:%20foo-2.EML"}));
    CHECK(bulk.status == 200);
    CHECK(bulk.body.empty());
    CHECK(p.server->folder("inbox")->unread() == 0);
    auto const moved = p.client.ask("BMOVE", "/exchange/alice/Inbox/",
                                    {{"Destination", p.url("/exchange/alice/Deleted%20Items/")},
                                     {"Overwrite", "f"},
                                     {"Allow-Rename", "t"}},
                                    bulk_body("move", {"Re:%20foo.EML"}));
    CHECK(moved.contains("<a:status>HTTP/1.1 201 Created</a:status>"));
    CHECK(moved.contains("<a:location>" + p.url("/exchange/alice/Deleted%20Items/Re:%20foo.EML") +
                         "</a:location>"));
}

TEST_CASE("Exchange: SEARCH with conditions, order, ranges, groups, depths and aliases")
{
    pair p(httpmail_server_settings::exchange());
    p.server->add_folder("sub", "inbox");
    for (int i = 0; i < 5; ++i)
        p.server->add_message(
            "inbox",
            message("m" + std::to_string(i), "Thu, 1" + std::to_string(i) + " Jun 2004 10:00:00 +0200"),
            i % 2 == 0);
    p.server->add_message("sub", message("below"));
    auto const ask = [&](std::string const& sql, raw_http::fields const& more = {}) {
        return p.client.ask("SEARCH", "/exchange/alice/Inbox/", more, search_body(sql));
    };
    std::string const subject = "SELECT \"urn:schemas:httpmail:subject\" ";
    std::string const unread  = "WHERE \"DAV:isfolder\" = false AND \"urn:schemas:httpmail:read\" = false ";
    CHECK(ask(subject + "FROM SCOPE('SHALLOW TRAVERSAL OF \"\"') " + unread).count("<a:response>") == 2);
    CHECK(ask(subject + "FROM SCOPE('DEEP TRAVERSAL OF \"" + p.url("/exchange/alice/") + "\"') " + unread)
              .count("<a:response>") == 3);
    CHECK(ask(subject + "FROM SCOPE('HIERARCHICAL TRAVERSAL OF \"" + p.url("/exchange/alice/") + "\"')")
              .count("<a:response>") == 8);
    auto const ordered =
        ask(subject + "FROM \"\" WHERE \"DAV:isfolder\" = false ORDER BY \"urn:schemas:httpmail:date\" DESC",
            {{"Range", "rows=0-1"}});
    CHECK(ordered.field("Content-Range") == "rows 0-1; total=5");
    CHECK(ordered.body.find(">m4<") < ordered.body.find(">m3<"));
    CHECK(ordered.count("<a:response>") == 2);
    CHECK(ask(subject + "FROM \"\" WHERE \"DAV:isfolder\" = false", {{"Range", "rows=-2"}})
              .field("Content-Range") == "rows 3-4; total=5");
    CHECK(ask(subject + "FROM \"\" WHERE \"DAV:isfolder\" = false", {{"Range", "rows=0-0,3-"}})
              .count("<a:response>") == 3);
    CHECK(ask(subject, {{"Range", "rows=50-"}}).status == 416);
    CHECK(ask(subject + "FROM \"\" WHERE \"urn:schemas:httpmail:date\" < '2004/06/11 12:00:00' AND "
                        "\"DAV:isfolder\"=false")
              .count("<a:response>") == 2);
    CHECK(ask(subject + "FROM \"\" WHERE (\"urn:schemas:httpmail:subject\" LIKE 'm%' AND NOT "
                        "\"urn:schemas:httpmail:subject\" = 'm3') "
                        "OR \"urn:schemas:httpmail:subject\" IS NULL")
              .count("<a:response>") == 5);
    auto const alias = ask("SELECT \"urn:schemas:httpmail:subject\" AS s FROM \"\" WHERE "
                           "\"DAV:getcontentlength\" > CAST(\"1\" AS 'int')");
    CHECK(alias.contains("<s>m0</s>"));
    auto const counts =
        ask("SELECT \"DAV:visiblecount\" FROM \"\" WHERE \"DAV:isfolder\" = false GROUP BY \"DAV:ishidden\"");
    CHECK(counts.contains(">5<"));
    CHECK(ask("SELECT \"DAV:visiblecount\" FROM \"\" WHERE \"DAV:isfolder\" = 7 GROUP BY \"DAV:ishidden\"")
              .count("<a:response>") == 0);
    for (auto const* const bad :
         {"", "SELECT", "SELECT \"a\" FROM", "SELECT \"a\" FROM SCOPE('UP OF \"\"')", "SELECT \"a\" WHERE",
          "SELECT \"a", "SELECT \"a\" WHERE \"a\" = ", "SELECT \"a\" ORDER BY", "SELECT \"a\"; DROP"})
        CHECK(ask(bad).status == 422);
    std::string deep = "SELECT \"a\" WHERE ";
    for (int i = 0; i < 3000; ++i)
        deep += "NOT ";
    CHECK(ask(deep + "\"a\" = 1").status == 422);
}

TEST_CASE("queries without a server: LIKE and comparisons")
{
    using namespace posthorn::testing::detail;
    CHECK(httpmail_like("abcabc", "a%c"));
    CHECK(httpmail_like("ABC", "a_c"));
    CHECK_FALSE(httpmail_like("ab", "a_c"));
    CHECK_FALSE(httpmail_like("abx", "%ab"));
    CHECK(httpmail_like("", "%"));
    CHECK(httpmail_compare("9", "10") < 0);
    CHECK(httpmail_compare("a9", "a10") > 0);
    CHECK(httpmail_compare("2004-06-10T10:12:09.000Z", "2004/06/10 10:12:09") == 0);
}

TEST_CASE("Exchange: submission, drafts by PUT, contacts by PROPPATCH")
{
    pair       p(httpmail_server_settings::exchange());
    auto const rfc821 =
        std::string("MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\n\r\n") + message("hello");
    for (auto const* const target :
         {"/exchange/alice/%23%23DavMailSubmissionURI%23%23", "/exchange/alice/##DavMailSubmissionURI##"})
        CHECK(p.client
                  .ask("PUT", target,
                       {{"Translate", "f"}, {"Saveinsent", "f"}, {"Content-Type", "message/rfc821"}}, rfc821)
                  .status == 200);
    CHECK(p.server->folder("sentitems")->items.empty());
    auto const kept = p.client.ask("PUT", "/exchange/alice/%23%23DavMailSubmissionURI%23%23",
                                   {{"Content-Type", "message/rfc821"}}, rfc821);
    CHECK(kept.status == 200);
    CHECK(p.server->folder("sentitems")->items.at(0).content == rfc821); // with the envelope inside
    auto const own = "From: Alice <alice@example.com>\r\nTo: b@example.net, C <c@example.net>\r\n\r\n";
    CHECK(p.client
              .ask("PUT", "/exchange/alice/%23%23DavMailSubmissionURI%23%23",
                   {{"Content-Type", "message/rfc822"}, {"Saveinsent", "f"}}, own)
              .status == 200);
    CHECK(p.server->submissions().back().recipients ==
          std::vector<std::string>{"b@example.net", "c@example.net"});
    CHECK(p.client.ask("PUT", "/exchange/alice/Drafts/x.EML", {{"Translate", "f"}}, message("x")).status ==
          201);
    CHECK(
        p.client.ask("PUT", "/exchange/alice/Drafts/x.EML", {{"If-None-Match", "*"}}, message("x")).status ==
        412);
    CHECK(p.client.ask("PUT", "/exchange/alice/Drafts/x.EML", {}, message("y")).status == 200);
    CHECK(p.client.ask("PUT", "/exchange/alice/Nowhere/x.EML", {}, message("y")).status == 409);

    auto const contact = "/exchange/alice/Contacts/Bob%20Example.EML";
    CHECK(p.client.ask("PROPPATCH", contact, {{"If-Match", "*"}}, patch_body("c:cn", "Bob")).status == 412);
    auto const made = p.client.ask("PROPPATCH", contact, {{"If-None-Match", "*"}}, patch_body("c:cn", "Bob"));
    CHECK(made.status == 207);
    CHECK(made.contains("201 Created"));
    auto const found = p.client.ask(
        "SEARCH", "/exchange/alice/Contacts/", {},
        search_body("SELECT \"urn:schemas:contacts:cn\" FROM \"\" WHERE "
                    "\"http://schemas.microsoft.com/exchange/outlookmessageclass\" = 'IPM.Contact'"));
    CHECK(found.contains(">Bob<"));
    auto const refused = p.client.ask("PROPPATCH", contact, {}, patch_body("D:getetag", "x"));
    CHECK(refused.contains("403 Forbidden"));

    auto                                    s = httpmail_server_settings::exchange();
    testing::server_thread<httpmail_server> locked(std::move(s));
    raw_http                                stranger(locked->port());
    CHECK(stranger.ask("PUT", "/exchange/alice/%23%23DavMailSubmissionURI%23%23", {}, rfc821).status == 404);
}

TEST_CASE("Exchange: a deep tree, folders copied, moved and deleted with all that is in them")
{
    pair p(httpmail_server_settings::exchange());
    CHECK(p.client.ask("MKCOL", "/exchange/alice/Inbox/a/").status == 201);
    CHECK(p.client.ask("MKCOL", "/exchange/alice/Inbox/a/b/").status == 201);
    CHECK(p.client.ask("MKCOL", "/exchange/alice/Inbox/x/y/").status == 409);
    CHECK(p.client.ask("MKCOL", "/exchange/alice/Inbox/a/").status == 405);
    p.server->add_message("b", message("deep"));
    CHECK(
        p.client
            .ask("MOVE", "/exchange/alice/Inbox/a/", {{"Destination", p.url("/exchange/alice/Inbox/a/b/c/")}})
            .status == 409);
    CHECK(p.client.ask("COPY", "/exchange/alice/Inbox/a/", {{"Destination", p.url("/exchange/alice/c/")}})
              .status == 201);
    CHECK(p.server->folder("/exchange/alice/c/b/")->items.size() == 1);
    CHECK(p.client
              .ask("MOVE", "/exchange/alice/Inbox/a/", {{"Destination", p.url("/exchange/alice/caf%C3%A9/")}})
              .status == 201);
    CHECK(p.server->folder("caf\xc3\xa9")->path == "/exchange/alice/caf%C3%A9/");
    auto const all = p.client.ask("PROPFIND", "/exchange/alice/", {{"Depth", "infinity"}},
                                  propfind_body({"D:displayname"}));
    CHECK(all.contains("caf%C3%A9/b/deep.EML"));
    CHECK(p.client.ask("BDELETE", "/exchange/alice/", {}, bulk_body("delete", {"c/", "Inbox/"}))
              .count("403 Forbidden") == 1);
    CHECK_FALSE(p.server->folder("/exchange/alice/c/").has_value());
}

// ---- plain WebDAV ----

TEST_CASE("plain WebDAV: dead properties, nothing of mail")
{
    pair       p(httpmail_server_settings::dav());
    auto const one  = p.server->add_message("inbox", message("stored"), true);
    auto const list = p.client.ask("PROPFIND", "/dav/alice/Inbox/", {{"Depth", "1"}},
                                   propfind_body({"D:resourcetype", "D:isfolder", "hm:read", "m:subject",
                                                  "D:getcontentlength", "hm:special"}));
    CHECK(list.contains("<collection xmlns=\"DAV:\"/>"));
    CHECK(list.contains("<D:href>" + one + "</D:href>"));
    CHECK(list.contains("<m:subject>stored</m:subject>"));
    CHECK(list.contains("<hm:read>1</hm:read>"));
    CHECK(list.contains("<hm:special>inbox</hm:special>"));
    CHECK(list.contains("<D:isfolder/>")); // 404
    CHECK(p.client.ask("PROPFIND", "/dav/alice/Inbox/", {{"Depth", "1,noroot"}}).status == 400);
    CHECK(p.client.ask("PROPFIND", "/dav/alice/Inbox/", {{"Depth", "infinity"}}).status == 403);
    CHECK(p.client
              .ask("BMOVE", "/dav/alice/Inbox/", {{"Destination", p.url("/dav/alice/x/")}},
                   bulk_body("move", {"a"}))
              .status == 405);
    CHECK(p.client.ask("SEARCH", "/dav/alice/Inbox/").status == 405);
    CHECK(p.client.ask("POST", "/dav/alice/Inbox/", {{"Content-Type", "message/rfc822"}}, message("x"))
              .status == 405);
    CHECK(p.client.ask("PUT", "/dav/alice/Inbox/x.eml", {}, message("x")).status == 201);
    CHECK(p.client.ask("PUT", "/dav/alice/Inbox/x.eml", {}, message("y")).status == 204);
    std::string const nested = "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><x:a xmlns:x='u:x'>1 &lt; "
                               "<x:b>2</x:b></x:a><x:p xmlns:x='u:x'>&lt;a@b&gt;</x:p>"
                               "</D:prop></D:set></D:propertyupdate>";
    CHECK(p.client.ask("PROPPATCH", "/dav/alice/Inbox/x.eml", {}, nested).status == 207);
    auto const back =
        p.client.ask("PROPFIND", "/dav/alice/Inbox/x.eml", {{"Depth", "0"}},
                     "<D:propfind xmlns:D='DAV:' xmlns:x='u:x'><D:prop><x:a/><x:p/></D:prop></D:propfind>");
    CHECK(back.contains(">1 &lt; <b xmlns=\"u:x\">2</b></"));
    CHECK(back.contains(">&lt;a@b&gt;</"));
    CHECK(support::well_formed(back.body));
    CHECK(p.client.ask("MOVE", "/dav/alice/Inbox/x.eml", {{"Destination", p.url("/dav/alice/Drafts/y.eml")}})
              .status == 201);
    CHECK(p.client.ask("PROPFIND", "/dav/alice/Drafts/y.eml", {{"Depth", "0"}})
              .contains("u:x")); // allprop, and it came along
    CHECK(p.client.ask("DELETE", "/dav/alice/Drafts/y.eml").status == 204);
    auto const names = p.client.ask("PROPFIND", one, {{"Depth", "0"}},
                                    "<D:propfind xmlns:D='DAV:'><D:propname/></D:propfind>");
    CHECK(names.contains("<m:subject/>"));
}

// ---- defects of any server ----

TEST_CASE("defects of texts, one by one")
{
    auto const list = [](auto change) {
        httpmail_server_settings s;
        change(s);
        pair p(std::move(s));
        p.server->add_message("inbox", message("Fish & chips caf\xc3\xa9"));
        auto const reply =
            p.client.ask("PROPFIND", "/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/",
                         {{"Depth", "1,noroot"}}, propfind_body({"m:subject", "m:from", "m:nonsense"}));
        CHECK(reply.status == 207);
        return reply.body;
    };
    auto const has = [&](auto change, std::string_view text) {
        return list(change).find(text) != std::string::npos;
    };
    CHECK(has([](auto& s) { s.text.bare_ampersands = true; }, "<m:subject>Fish & chips"));
    CHECK(has([](auto& s) { s.text.bare_angles = true; }, "<carol@example.org></m:from>"));
    CHECK(has([](auto& s) { s.text.html_entities = true; }, "caf&eacute;<"));
    CHECK(has([](auto& s) { s.text.escaped_twice = true; }, "&amp;lt;carol@example.org&amp;gt;"));
    CHECK(has([](auto& s) { s.text.padded_subjects = true; }, "<m:subject>  Fish"));
    CHECK(has([](auto& s) { s.text.digit_names = true; }, "<d:0x8104 "));
    CHECK(has([](auto& s) { s.text.wrong_namespace = true; }, "xmlns:D=\"Dav:\""));
    CHECK_FALSE(has([](auto& s) { s.text.undeclared_prefix = true; }, "xmlns:D="));
    CHECK(has([](auto& s) { s.text.label = "ISO-8859-1"; }, "encoding=\"ISO-8859-1\""));
    CHECK(has([](auto& s) { s.text.invalid_octets = true; }, "\xff</m:subject>"));
    CHECK_FALSE(has([](auto& s) { s.text.cut_short = true; }, "</D:multistatus>"));
    CHECK_FALSE(has([](auto& s) { s.text.missing = testing::httpmail_text_options::absence::left_out; },
                    "404 Not Found"));
    CHECK(has([](auto& s) { s.values.from_is_name = true; },
              "<m:from>Carol, C.</m:from>\r\n\t\t\t\t<h:fromaddr>carol@example.org</h:fromaddr>"));
    CHECK(has([](auto& s) { s.values.everything = true; }, "<D:getcontentlength>"));
    CHECK(support::well_formed(
        list([](auto& s) { s.text.prefixes = testing::httpmail_text_options::prefix_style::shuffled; })));
    CHECK(support::well_formed(list([](auto&) {})));
    CHECK(list([](auto& s) {
              s.text.prefixes = testing::httpmail_text_options::prefix_style::shuffled;
          }).find("<D:") == std::string::npos);
}

TEST_CASE("answers of bulk verbs and other statuses for success")
{
    auto const erase = [](auto change) {
        httpmail_server_settings s;
        change(s);
        pair       p(std::move(s));
        auto const path = p.server->add_message("inbox", message("x"));
        auto const at   = path.rfind('/') + 1;
        auto const good =
            p.client.ask("BDELETE", path.substr(0, at), {}, bulk_body("delete", {path.substr(at)}));
        auto const bad = p.client.ask("BDELETE", path.substr(0, at), {}, bulk_body("delete", {"none"}));
        return std::pair(good.status, bad.status);
    };
    using answers = testing::httpmail_verb_options::bulk_answer;
    CHECK(erase([](auto&) {}) == std::pair(207, 207));
    CHECK(erase([](auto& s) { s.verbs.bulk_answers = answers::failures; }) == std::pair(204, 207));
    CHECK(erase([](auto& s) { s.verbs.bulk_answers = answers::silent; }) == std::pair(201, 201));
    CHECK(erase([](auto& s) { s.verbs.success["BDELETE"] = 200; }) == std::pair(200, 207));
    CHECK(erase([](auto& s) { s.verbs.bulk = 405; }) == std::pair(405, 405));
    httpmail_server_settings s;
    s.verbs.success         = {{"PROPFIND", 200}, {"DELETE", 204}};
    s.verbs.delete_to_trash = true;
    pair       p(std::move(s));
    auto const path = p.server->add_message("inbox", message("x"));
    CHECK(p.client.ask("PROPFIND", "/cgi-bin/hmdata", {{"Depth", "0"}}).status == 200);
    CHECK(p.client.ask("DELETE", path).status == 204);
    CHECK(p.server->folder("deleteditems")->items.size() == 1);
}

TEST_SUITE_END();
