//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/mailbox.hpp>

#include <doctest/doctest.h>

#include <support/failures.hpp>
#include <support/mailboxes.hpp>

#include <string>
#include <vector>

using namespace support::mailboxes;
using support::code_of_failure;
using support::mail_answer;
using support::mail_answers;
using support::mail_site;
using support::member;
using support::with_mailbox;

TEST_SUITE_BEGIN("httpmail/mailbox_dialects");

TEST_CASE("Exchange: found out by its fields, its own name for itself is not believed")
{
    mail_answers a;
    std::string const put = "PUT /x/alice/%23%23DavMailSubmissionURI%23%23";
    a[put]                = {mail_answer("404 Not Found"), mail_answer("200 OK")};
    a["PROPPATCH /x/alice/Inbox/Re:%20foo.EML"] = {mail_answer("200 OK")};
    a["BPROPPATCH /x/alice/Inbox/"]             = {mail_answer("200 OK")};
    a["BMOVE /x/alice/Inbox/"] = {mail_answer("207 Multi-Status",
                                              "<a:multistatus xmlns:a='DAV:'><a:response><a:href>https://internal.example/x/alice/Inbox/Re:%20foo.EML</a:href>"
                                              "<a:status>HTTP/1.1 201 Created</a:status><a:location>https://internal.example/x/alice/Deleted%20Items/Re:%20foo-2.EML"
                                              "</a:location></a:response></a:multistatus>",
                                              "Content-Type: text/xml\r\n")};
    with_exchange(a, [put](mail_site& s) -> task<void> {
        auto const root = co_await s.box.open();
        CHECK(s.box.speaks() == dialect::exchange);
        CHECK(root.inbox == s.url("/x/alice/Inbox"));
        CHECK(root.send_message.target() == "/x/alice/%23%23DavMailSubmissionURI%23%23");
        auto const foo = s.url("/x/alice/Inbox/Re:%20foo.EML");
        co_await s.box.mark(foo, true);
        CHECK(s.server.last().field("If-Match") == "*");
        CHECK(s.server.last().field("Brief") == "t");
        std::vector<http::url> const one = {foo};
        auto const marked = co_await s.box.mark(one, true);
        CHECK(all_done(marked));
        CHECK(s.server.last().field("If-Match") == "*");
        CHECK(s.server.last().body.find("<D:href>" + foo.str() + "</D:href>") != std::string::npos);
        auto const moved = co_await s.box.remove(one, deletion::to_deleted_items);
        CHECK(fates(moved) == "done:201");
        CHECK(moved[0].location == s.url("/x/alice/Deleted%20Items/Re:%20foo-2.EML"));
        CHECK(s.server.last().field("Destination") == s.url("/x/alice/Deleted%20Items/").str());
        CHECK(s.server.last().field("Overwrite") == "F");
        CHECK(s.server.last().field("Allow-Rename") == "t");
        // 404 there means that the connection is not logged in.
        send_options o;
        o.save_in_sent    = false;
        auto const report = co_await s.box.send(to_bob(), text("a: b\r\n\r\nc\r\n"), o);
        CHECK(report.accepted());
        CHECK(s.asked(put) == 2);
        CHECK(s.server.last().field("Saveinsent") == "f");
        CHECK(s.server.last().field("Translate") == "f");
        CHECK(s.server.last().body.ends_with("\r\n\r\na: b\r\n\r\nc\r\n"));
    });
}

TEST_CASE("a login page is filled in where the password may go, and a wrong password is told")
{
    auto         a    = exchange();
    auto const   root = a["PROPFIND /x/alice/"][0];
    mail_answer const login("440 Login Timeout", "", "Connection: close\r\n");
    mail_answer const page("200 OK", "<html><form action='/auth/owaauth.dll'><input type=hidden name=a value='b c'>"
                                     "<input name=username><input type=password name=password></form>", "Content-Type: text/html\r\n");
    a["PROPFIND /x/alice/"]      = {login, root, login, login, page, page};
    a["GET /x/alice/"]           = {page, mail_answer("440 Login Timeout")};
    a["POST /auth/owaauth.dll"]  = {mail_answer("302 Moved", "", "Location: $H/x/alice/\r\nSet-Cookie: sessionid=4e1c; path=/\r\n")};
    a["POST /exchweb/bin/auth/owaauth.dll"] = {mail_answer("302 Moved", "", "Location: $H/x/alice/\r\n")};
    mailbox_settings settings;
    settings.http.login = {"EXAMPLE\\alice", "open sesame"};
    with_mailbox(a, settings, "/x/alice/", [](mail_site& s) -> task<void> {
        auto const ec = co_await code_of_failure(s.box.open()); // no TLS
        CHECK(ec == http::errc::auth_not_allowed);
        CHECK(s.asked("POST /auth/owaauth.dll") == 0);
    });
    settings.http.rules.allow_plaintext = true;
    with_mailbox(a, settings, "/x/alice/", [](mail_site& s) -> task<void> {
        auto const found = co_await s.box.open();
        CHECK(found.inbox == s.url("/x/alice/Inbox"));
        CHECK(s.server.last().field("Cookie") == "sessionid=4e1c");
        auto const& post = s.server.requests().at(2);
        CHECK(post.body == "destination=http%3A%2F%2F127.0.0.1%3A" + std::to_string(s.server.port()) +
                               "%2Fx%2Falice%2F&flags=4&username=EXAMPLE%5Calice&password=open+sesame&trusted=4&a=b+c");
        CHECK(post.field("Content-Type") == "application/x-www-form-urlencoded");
        auto const wrong = co_await code_of_failure(s.box.reopen());
        CHECK(wrong == http::errc::auth_failed);
        CHECK(s.asked("POST /exchweb/bin/auth/owaauth.dll") == 1);
        auto const again = co_await code_of_failure(s.box.reopen());
        CHECK(again == http::errc::auth_failed);
    });
}

TEST_CASE("Exchange lists messages by SEARCH, page after page")
{
    auto const row = [](int n) {
        return member("https://internal.example/x/alice/Inbox/" + std::to_string(n) + ".EML",
                      "<hm:read>0</hm:read><hm:subject>s" + std::to_string(n) + "</hm:subject><hm:datereceived>2004-06-10T10:12:09.000Z</hm:datereceived>");
    };
    mail_answers a;
    a["SEARCH /x/alice/Inbox/"] = {mail_answer::list(row(1) + row(2), "Content-Range: rows 0-1; total=5\r\n"),
                                   mail_answer::list(row(2) + row(3), "Content-Range: rows 2-3; total=5\r\n"), // one has moved
                                   mail_answer::list(row(4), "Content-Range: rows 4-4; total=5\r\n"),
                                   mail_answer::list(row(5) + row(6), "Content-Range: rows 0-1\r\n"), mail_answer("416 Range")};
    mailbox_settings settings;
    settings.page_size = 2;
    with_mailbox(exchange(a), settings, "/x/alice/", [](mail_site& s) -> task<void> {
        auto const all = co_await s.box.list(s.url("/x/alice/Inbox"));
        CHECK(joined(all) == "1.EML 2.EML 3.EML 4.EML ");
        CHECK(all[0].url == s.url("/x/alice/Inbox/1.EML"));
        CHECK(all[0].subject == "s1");
        CHECK(s.server.last().field("Range") == "rows=4-5");
        CHECK(s.server.last().body.find("ORDER BY \"urn:schemas:httpmail:datereceived\" DESC") != std::string::npos);
        auto const more = co_await s.box.list(s.url("/x/alice/Inbox"));
        CHECK(joined(more) == "5.EML 6.EML ");
        CHECK(s.asked("SEARCH /x/alice/Inbox/") == 5);
    });
}

TEST_CASE("a server that gives all rows whatever is asked for is believed once; one without SEARCH is asked by PROPFIND")
{
    mail_answers a;
    std::string  nine;
    for (int i = 0; i != 9; ++i)
        nine += member("/x/alice/Inbox/" + std::to_string(i) + "/", "<hm:read>1</hm:read>");
    a["SEARCH /x/alice/Inbox/"]   = {mail_answer::list(nine, "Content-Range: rows 0-8; total=9\r\n")};
    a["SEARCH /x/alice/Drafts/"]  = {mail_answer("501 Not Implemented")};
    a["PROPFIND /x/alice/Old/"]   = {mail_answer::list(member("/x/alice/Old/1.EML", "<hm:subject>a</hm:subject>"))};
    a["SEARCH /x/alice/Old/"]     = {mail_answer("403 Forbidden")};
    mailbox_settings settings;
    settings.page_size = 3;
    with_mailbox(exchange(a), settings, "/x/alice/", [](mail_site& s) -> task<void> {
        auto const old = co_await s.box.list(s.url("/x/alice/Old"));
        CHECK(joined(old) == "1.EML ");
        auto const again = co_await s.box.list(s.url("/x/alice/Old"));
        CHECK(again.size() == 1);
        CHECK(s.asked("SEARCH /x/alice/Old/") == 1);
    });
    with_mailbox(exchange(a), settings, "/x/alice/", [](mail_site& s) -> task<void> {
        auto const all = co_await s.box.list(s.url("/x/alice/Inbox/"));
        CHECK(all.size() == 9);
        CHECK(s.asked("SEARCH /x/alice/Inbox/") == 1);
        // By now it is known to search: this is the folder's own failure.
        auto const ec = co_await code_of_failure(s.box.list(s.url("/x/alice/Drafts")));
        CHECK(ec == dav::errc::not_supported);
    });
}

TEST_CASE("rows that cannot be are the last ones")
{
    mail_answers a;
    a["SEARCH /x/alice/Inbox/"] = {mail_answer::list(member("/x/alice/Inbox/1.EML", "<hm:read>1</hm:read>"),
                                                     "Content-Range: rows 0-18446744073709551615; total=18446744073709551615\r\n")};
    with_exchange(a, [](mail_site& s) -> task<void> {
        auto const all = co_await s.box.list(s.url("/x/alice/Inbox/"));
        CHECK(all.size() == 1);
        CHECK(s.asked("SEARCH /x/alice/Inbox/") == 1);
    });
}

TEST_CASE("a dialect that was told is spoken, whatever the server says of itself")
{
    mail_answers a;
    std::string  missing;
    for (auto const* name : {"inbox", "sendmsg", "msgfolderroot"})
        missing += "<D:propstat><D:status>HTTP/1.1 404 Not Found</D:status><D:prop><hm:" + std::string(name) + "/></D:prop></D:propstat>";
    a["PROPFIND /so/Mail/"]          = {mail_answer::list("<D:response><D:href>/so/Mail/</D:href>" + missing + "</D:response>"),
                               mail_answer::list(member("/so/Mail/", "<D:isfolder>1</D:isfolder>") + member("/so/Mail/folderINBOX/", "<D:isfolder>1</D:isfolder>"))};
    a["SEARCH /so/Mail/folderINBOX/"] = {mail_answer::list(member("/so/Mail/folderINBOX/1.eml/", "<hm:hasattachment>1</hm:hasattachment>"),
                                                           "Content-Range: rows 0-0; total=1\r\n")};
    a["BDELETE /so/Mail/folderINBOX/"]       = {mail_answer("403 Forbidden")};
    a["DELETE /so/Mail/folderINBOX/1.eml/"]  = {mail_answer("204 No Content")};
    mailbox_settings settings;
    settings.dialect = dialect::exchange;
    settings.fields.set("X-Mine", "yes");
    with_mailbox(a, settings, "/so/Mail/", [](mail_site& s) -> task<void> {
        auto const folders = co_await s.box.folders();
        CHECK(s.box.speaks() == dialect::exchange);
        REQUIRE(folders.size() == 1);
        CHECK(s.server.requests()[0].field("Brief") == "t");
        auto const list = co_await s.box.list(folders[0].url);
        REQUIRE(list.size() == 1);
        CHECK(list[0].has_attachment == true);
        std::vector<http::url> const one = {list[0].url};
        auto const                   gone = co_await s.box.remove(one, deletion::for_good);
        CHECK(all_done(gone));
        auto const unsent = co_await code_of_failure(s.box.send(to_bob(), text("x")));
        CHECK(unsent == httpmail::errc::cannot_send);
        for (auto const& r : s.server.requests())
            CHECK(r.field("X-Mine") == "yes");
    });
}

TEST_CASE("a server of WebDAV: nothing is replaced, new names are made up, copies that it cannot make are made by hand")
{
    mail_answers a;
    a["MOVE /dav/in/a.eml"] = {mail_answer("412 Precondition Failed"), mail_answer("201 Created")};
    a["COPY /dav/in/a.eml"] = {mail_answer("501 Not Implemented")};
    a["GET /dav/in/a.eml"]  = {mail_answer("200 OK", "a: b\n\n\xff")};
    a["PROPPATCH /dav/in/a.eml"] = {mail_answer::list("<D:response><D:href>/dav/in/a.eml</D:href><D:propstat><D:prop><hm:read/></D:prop>"
                                                      "<D:status>HTTP/1.1 403 Forbidden</D:status></D:propstat></D:response>")};
    a["PUT /dav/out/mine.eml"]   = {mail_answer("201 Created"), mail_answer("412 Precondition Failed")};
    with_dav(a, [](mail_site& s) -> task<void> {
        auto const one   = s.url("/dav/in/a.eml");
        auto const out   = s.url("/dav/out/");
        auto const where = co_await s.box.move(one, out);
        CHECK(s.box.speaks() == dialect::dav);
        CHECK(s.box.root().folder_root == s.url("/dav/"));
        REQUIRE(where);
        CHECK(where->str().starts_with(out.str() + "a-"));
        CHECK(where->str().ends_with(".eml"));
        CHECK(s.server.last().field("Overwrite") == "F");
        CHECK(s.server.last().field("Destination") == where->str());
        auto const read = co_await code_of_failure(s.box.mark(one, true));
        CHECK(read == dav::errc::forbidden);
        append_options o;
        o.name            = "mine.eml";
        auto const stored = co_await s.box.append(out, text("a: b\n\nc\n"), o);
        CHECK(stored.location == s.url("/dav/out/mine.eml"));
        CHECK(s.server.last().field("If-None-Match") == "*");
        CHECK(s.server.last().body == "a: b\r\n\r\nc\r\n");
        auto const taken = co_await s.box.append(out, text("a: b\n\nc\n"), o);
        CHECK(taken.fate == fate::refused);
        CHECK(taken.error == dav::errc::conflict);
        auto const nowhere = co_await code_of_failure(s.box.send(to_bob(), text("x")));
        CHECK(nowhere == httpmail::errc::cannot_send);
        auto const no_trash = co_await code_of_failure(s.box.remove(one, deletion::to_deleted_items));
        CHECK(no_trash == httpmail::errc::no_such_folder);
        s.answers["PUT *"] = {mail_answer("412 Precondition Failed"), mail_answer("201 Created"), mail_answer("507 Insufficient Storage")};
        auto const copied  = co_await s.box.copy(one, out);
        REQUIRE(copied);
        CHECK(copied->target() == s.server.last().target);
        CHECK(parent_of(*copied) == out);
        CHECK(s.server.last().body == "a: b\n\n\xff");
        std::vector<http::url> const two = {one, one};
        auto const full = co_await s.box.copy(two, out);
        CHECK(fates(full) == "refused:507 refused:507");
    });
}

TEST_CASE("contacts elsewhere: a file with properties, or nothing")
{
    mail_answers a;
    a["PROPFIND /dav/"]  = {mail_answer::list(member("/dav/", "<hm:contacts>/dav/people/</hm:contacts>"))};
    a["PUT *"]           = {mail_answer("201 Created")};
    a["PROPPATCH *"]     = {mail_answer("200 OK"), mail_answer("507 Insufficient Storage")};
    a["DELETE *"]        = {mail_answer("204 No Content")};
    with_mailbox(a, mailbox_settings(), "/dav/", [](mail_site& s) -> task<void> {
        contact c;
        c.set(contact_field::display_name, "Carol");
        auto const made = co_await s.box.add_contact(c);
        CHECK(parent_of(made) == s.url("/dav/people/"));
        CHECK(s.server.last().target == made.target());
        auto const full = co_await code_of_failure(s.box.add_contact(c));
        CHECK(full == dav::errc::storage_full);
        CHECK(s.server.last().method == "DELETE");
    });
    auto b             = exchange();
    b["PROPPATCH *"]   = {mail_answer("207 Multi-Status")};
    with_mailbox(b, mailbox_settings(), "/x/alice/", [](mail_site& s) -> task<void> {
        contact c;
        c.set(contact_field::display_name, "Carol").set(contact_field::email, "");
        auto const made = co_await s.box.add_contact(c);
        CHECK(parent_of(made) == s.url("/x/alice/Contacts/"));
        CHECK(made.target().ends_with(".EML"));
        CHECK(s.server.last().field("If-None-Match") == "*");
        CHECK(s.server.last().field("Translate") == "f");
        CHECK(s.server.last().body.find(">urn:content-classes:person<") != std::string::npos);
        CHECK(s.server.last().body.find(">IPM.Contact<") != std::string::npos);
        CHECK(s.server.last().body.find("remove") == std::string::npos);
    });
}

TEST_CASE("prefixes mean nothing, a folder by its role in the list, a list without Depth that answers with all")
{
    mail_answers a;
    a["PROPFIND /dav/"] = {mail_answer::list("<D:response><D:href>/dav/</D:href></D:response>"),
                           mail_answer("207 Multi-Status",
                                       "<?xml version='1.0'?><D:multistatus xmlns:D='DAV:' xmlns:hm='http://schemas.microsoft.com/hotmail/' xmlns:a='urn:schemas:httpmail:'>"
                                       "<D:response><D:href>/dav/</D:href></D:response><D:response><D:href>/dav/Bin/</D:href><D:propstat>"
                                       "<D:status>HTTP/1.1 200 OK</D:status><D:prop><D:isfolder>1</D:isfolder><a:special>deleteditems</a:special><D:href>x</D:href></D:prop>"
                                       "</D:propstat></D:response></D:multistatus>",
                                       "Content-Type: text/xml\r\n")};
    a["DELETE /dav/Bin/1.eml"] = {mail_answer("204 No Content")};
    a["MOVE /dav/in/1.eml"]    = {mail_answer("201 Created")};
    with_mailbox(a, mailbox_settings(), "/dav/", [](mail_site& s) -> task<void> {
        auto const bin = co_await s.box.find(folder_kind::deleted_items);
        CHECK(bin == s.url("/dav/Bin/"));
        co_await s.box.remove(s.url("/dav/Bin/1.eml"), deletion::to_deleted_items);
        co_await s.box.remove(s.url("/dav/in/1.eml"), deletion::to_deleted_items);
        CHECK(s.server.last().field("Destination") == s.url("/dav/Bin/1.eml").str());
    });
}

TEST_CASE("Exchange does not care about the case of letters, and its special folders are left alone in any; others do care")
{
    mail_answers a;
    a["DELETE *"] = {mail_answer("204 No Content")};
    with_exchange(a, [](mail_site& s) -> task<void> {
        auto const root = co_await s.box.open();
        CHECK(root.inbox == s.url("/x/alice/Inbox"));
        for (auto const* special : {"/x/alice/inbox/", "/X/ALICE/INBOX", "/x/alice/deleted%20items/", "/x/Alice/", "/x/alice/%49nbox/"})
        {
            CAPTURE(special);
            auto const gone = co_await code_of_failure(s.box.delete_folder(s.url(special)));
            CHECK(gone == httpmail::errc::special_folder);
            auto const renamed = co_await code_of_failure(s.box.rename_folder(s.url(special), "x"));
            CHECK(renamed == httpmail::errc::special_folder);
        }
        CHECK(s.server.requests().size() == 1);
        co_await s.box.delete_folder(s.url("/x/alice/Inbox/work/"));
        CHECK(s.asked("DELETE /x/alice/Inbox/work/") == 1);
    });
    with_hotmail(a, [](mail_site& s) -> task<void> {
        co_await s.box.delete_folder(s.url("/hm/folders/active/")); // not ACTIVE
        CHECK(s.asked("DELETE /hm/folders/active/") == 1);
    });
}

TEST_SUITE_END();
