//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What two servers in use were seen to do, b1gMail and SOGo, and how the client copes. More of it is in the suites
// httpmail/mailbox, mailbox_changes and mailbox_dialects.

#include <posthorn/httpmail/mailbox.hpp>

#include <doctest/doctest.h>

#include <support/failures.hpp>
#include <support/mailboxes.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace support::mailboxes;
using support::code_of_failure;
using support::mail_answer;
using support::mail_answers;
using support::mail_site;
using support::member;
using support::with_mailbox;

namespace {

std::string const base = "/httpmail.php?/folders/";

mail_answers b1gmail(mail_answers more = {})
{
    more["PROPFIND /httpmail.php"] = {mail_answer::list(
        member("$H/httpmail.php", "<hm:inbox>$H/httpmail.php?/folders/0/</hm:inbox><hm:msgfolderroot>$H/httpmail.php?/folders/</hm:msgfolderroot>"
                                  "<hm:deleteditems>$H/httpmail.php?/folders/-5/</hm:deleteditems><hm:sendmsg>$H/httpmail.php?/sendmsg</hm:sendmsg>"
                                  "<hm:outbox/><hm:contacts/><h:sig>-- &amp;lt;me&amp;gt;</h:sig>"),
        "X-Dav-Error: 200 No error\r\nSet-Cookie: httpmail_auth=YWxpY2U=:c2VjcmV0; Max-Age=0\r\n")};
    return more;
}

void with_b1gmail(mail_answers more, std::function<task<void>(mail_site&)> body)
{
    with_mailbox(b1gmail(std::move(more)), mailbox_settings(), "/httpmail.php", std::move(body));
}

} // namespace

TEST_SUITE_BEGIN("httpmail/observed_servers");

TEST_CASE("b1gMail says done of what does not exist: that is all it says")
{
    mail_answers a;
    a["BMOVE " + base + "0/"] = {mail_answer("207 Multi-status",
                                             "<D:multistatus xmlns:D='DAV:'><D:response><D:href>$H" + base + "0/99999</D:href><D:location>$H" + base +
                                                 "-5/99999</D:location><D:status>HTTP/1.1 200 OK</D:status></D:response></D:multistatus>",
                                             "Content-Type: text/xml; charset=utf-8\r\nConnection: close\r\n")};
    a["BDELETE " + base + "0/"] = {mail_answer("201 Created", "", "Content-Type: text/html\r\n")};
    with_b1gmail(a, [](mail_site& s) -> task<void> {
        std::vector<http::url> const none  = {s.url(base + "0/99999/")};
        auto const                   moved = co_await s.box.move(none, s.url(base + "-5/"));
        CHECK(fates(moved) == "done:200");
        CHECK(moved[0].location == s.url(base + "-5/99999"));
        CHECK(s.server.last().body.find("<D:href>99999</D:href>") != std::string::npos); // a whole URL would be taken for another number
        auto const gone = co_await s.box.remove(none, deletion::for_good);
        CHECK(fates(gone) == "done:200");
    });
}

TEST_CASE("b1gMail's tree in the query is never encoded anew")
{
    mail_answers a;
    a["PROPFIND " + base + "-5/"]     = {mail_answer::list(member("$H" + base + "-5/8/", "<hm:read>1</hm:read>"))};
    a["GET " + base + "-5/8/"]        = {mail_answer("200 OK", "mail")};
    a["PROPFIND " + base + "%2D5/"]   = {mail_answer::list("")};
    with_b1gmail(a, [](mail_site& s) -> task<void> {
        auto const trash = co_await s.box.find(folder_kind::deleted_items);
        auto const list  = co_await s.box.list(trash);
        REQUIRE(list.size() == 1);
        auto const mail = co_await s.box.fetch_text(list[0].url);
        CHECK(mail == "mail");
        auto const given = co_await s.box.list(s.url(base + "%2D5/")); // as it was given
        CHECK(given.empty());
    });
}

TEST_CASE("b1gMail's cookie, which holds the password and has expired, is not kept")
{
    mail_answers a;
    a["PROPFIND " + base] = {mail_answer::list("")};
    with_b1gmail(a, [](mail_site& s) -> task<void> {
        auto const root = co_await s.box.open();
        CHECK(root.outbox.empty());
        CHECK(root.contacts.empty());
        CHECK(root.signature == "-- &lt;me&gt;"); // escaped twice, which nobody can tell from what is meant
        auto const all = co_await s.box.folders();
        CHECK(all.empty());
        for (auto const& r : s.server.requests())
            CHECK_FALSE(r.has("Cookie"));
    });
}

TEST_CASE("b1gMail refuses an entry URL with a bare question mark; it is sent as it was given")
{
    mail_answers a;
    a["PROPFIND /httpmail.php?"] = {mail_answer("400 Bad Request")};
    with_mailbox(b1gmail(a), mailbox_settings(), "/httpmail.php?", [](mail_site& s) -> task<void> {
        auto const ec = co_await code_of_failure(s.box.open());
        CHECK(ec == dav::errc::bad_request);
    });
}

TEST_CASE("b1gMail's requests have the prefixes that it knows, targets first, and MAIL in upper case")
{
    mail_answers a;
    a["PROPFIND " + base + "0/"]   = {mail_answer::list("")};
    a["BPROPPATCH " + base + "0/"] = {mail_answer("201 Created", "", "Content-Type: text/html\r\n")};
    a["POST /httpmail.php?/sendmsg"] = {mail_answer("201 Created"), mail_answer("403 Forbidden")};
    with_b1gmail(a, [](mail_site& s) -> task<void> {
        auto const list = co_await s.box.list(s.url(base + "0/"));
        CHECK(list.empty());
        CHECK(s.server.last().body.find("<D:propfind xmlns:D=\"DAV:\" xmlns:hm=\"urn:schemas:httpmail:\" xmlns:m=\"urn:schemas:mailheader:\">") != std::string::npos);
        std::vector<http::url> const one  = {s.url(base + "0/7/")};
        auto const                   done = co_await s.box.mark(one, true);
        CHECK(all_done(done));
        auto const& body = s.server.last().body;
        CHECK(body.find("<D:target>") < body.find("<D:set>"));
        auto const sent = co_await s.box.send(to_bob(), text("a: b\r\n\r\n"));
        CHECK(sent.accepted());
        CHECK(s.server.last().body.starts_with("MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\n"));
        auto const refused = co_await s.box.send(to_bob(), text("a: b\r\n\r\n")); // a foreign sender, too many recipients, too large: all the same
        CHECK(refused.fate == fate::refused);
    });
}

TEST_CASE("SOGo has one ETag for all messages: it is never used")
{
    mail_answers a;
    a["PROPFIND /dav/in/"]   = {mail_answer::list(member("/dav/in/1.eml/", "<D:getetag>\"1\"</D:getetag>") + member("/dav/in/2.eml/", "<D:getetag>\"1\"</D:getetag>"))};
    a["GET /dav/in/1.eml/"]  = {mail_answer("200 OK", "a: b\n\none\n", "ETag: \"1\"\r\n")};
    a["GET /dav/in/2.eml/"]  = {mail_answer("200 OK", "a: b\n\ntwo\n", "ETag: \"1\"\r\n")};
    with_dav(a, [](mail_site& s) -> task<void> {
        auto const list = co_await s.box.list(s.url("/dav/in"));
        REQUIRE(list.size() == 2);
        for (auto const& m : list)
        {
            auto const mail = co_await s.box.fetch_text(m.url);
            CHECK(mail.size() == 10); // bare LF, as it came
            CHECK_FALSE(s.server.last().has("If-None-Match"));
            CHECK_FALSE(s.server.last().has("If-Match"));
        }
    });
}

TEST_CASE("SOGo's challenge is in lower case, and passwords go as UTF-8")
{
    mail_answers a;
    a["PROPFIND /dav/"] = {mail_answer("401 Unauthorized", "", "www-authenticate: basic realm=\"SOGo\"\r\n"),
                           mail_answer::list("<D:response><D:href>/dav/</D:href></D:response>")};
    mailbox_settings settings;
    settings.http.login                 = {"alice", "p\xc3\xa9"};
    settings.http.rules.allow_plaintext = true;
    with_mailbox(a, settings, "/dav/", [](mail_site& s) -> task<void> {
        auto const root = co_await s.box.open();
        CHECK(root.folder_root == s.url("/dav/"));
        CHECK(s.server.last().field("Authorization") == "Basic YWxpY2U6cMOp");
    });
}

TEST_CASE("SOGo does not rename, and says so in a namespace of its own")
{
    mail_answers a;
    a["MOVE /dav/work/"]    = {mail_answer("412 Precondition Failed")};
    a["MOVE /dav/in/1.eml"] = {mail_answer("501 Not Implemented", "<D:error xmlns:D=\"DAV\">not implemented</D:error>", "Content-Type: text/xml\r\n")};
    a["MKCOL /dav/work/"]   = {mail_answer("201 Created")};
    a["PROPFIND /dav/"]     = {mail_answer::list("<D:response><D:href>/dav/</D:href></D:response>"),
                               mail_answer::list(member("/dav/folderwork/", "<D:isfolder>1</D:isfolder><D:displayname>work</D:displayname>"))};
    with_dav(a, [](mail_site& s) -> task<void> {
        auto const rename = co_await code_of_failure(s.box.rename_folder(s.url("/dav/work/"), "play"));
        CHECK(rename == httpmail::errc::folder_exists); // 412 can mean nothing else
        auto const move = co_await code_of_failure(s.box.move(s.url("/dav/in/1.eml"), s.url("/dav/work/")));
        CHECK(move == dav::errc::not_supported);
        auto const made = co_await s.box.create_folder(s.url("/dav/"), "work");
        CHECK(made == s.url("/dav/folderwork/"));
    });
}

TEST_SUITE_END();
