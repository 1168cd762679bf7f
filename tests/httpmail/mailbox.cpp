//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/coro/scope.hpp>
#include <posthorn/httpmail/mailbox.hpp>

#include <doctest/doctest.h>

#include <support/failures.hpp>
#include <support/mailboxes.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

using namespace support::mailboxes;
using support::code_of_failure;
using support::mail_answer;
using support::mail_answers;
using support::mail_site;
using support::member;
using support::with_mailbox;

TEST_SUITE_BEGIN("httpmail/mailbox");

TEST_CASE("the entry leads to another server, which asks for Digest and tells where everything is")
{
    mail_answers a;
    a["PROPFIND /httpmail.asp"] = {mail_answer("302 Object moved", "", "Location: http://localhost:$P/hm?\r\n")};
    mail_answer challenge("401 Authorization Required", "",
                          "WWW-Authenticate: Digest realm=\"hotmail.com\", nonce=\"MTA4\", qop=\"auth\"\r\n"
                          "X-Dav-Error: 401 Wrong email address\r\nConnection: close\r\n");
    a["PROPFIND /hm?"] = {challenge, hotmail_root()};
    mailbox_settings settings;
    settings.http.login              = {"alice@example.com", "open sesame"};
    settings.http.rules.digest_hosts = {"localhost"};
    with_mailbox(a, settings, "/httpmail.asp", [](mail_site& s) -> task<void> {
        auto& entry  = s.answers["PROPFIND /httpmail.asp"][0].fields;
        entry        = "Location: http://localhost:" + std::to_string(s.server.port()) + "/hm?\r\n";
        CHECK_FALSE(s.box.is_open());
        auto const root = co_await s.box.open();
        CHECK(s.box.is_open());
        CHECK(s.box.speaks() == dialect::hotmail);
        CHECK(root.at == s.server.url("/hm?", "localhost"));
        CHECK(root.inbox == s.server.url(inbox, "localhost"));
        CHECK(root.send_message == s.server.url("/hm/sendmsg", "localhost"));
        CHECK(root.outbox.empty());
        CHECK(root.polling_interval == std::chrono::minutes(30));
        CHECK(root.adbar == "AdPane=Off*");
        CHECK(s.box.times().get("ACTIVE") == 1086862331U);
        auto const& r = s.server.requests();
        REQUIRE(r.size() == 3);
        for (auto const& one : r)
        {
            CHECK(one.body == root_request);
            CHECK(one.field("Depth") == "0");
            CHECK(one.field("Content-Type") == "text/xml");
        }
        CHECK_FALSE(r[1].has("Authorization"));
        CHECK(r[2].field("Authorization").value_or("").find("uri=\"/hm?\"") != std::string::npos);
        // It is known now.
        auto const again = co_await s.box.open();
        CHECK(again.inbox == root.inbox);
        CHECK(s.server.requests().size() == 3);
    });
}

TEST_CASE("a mailbox is not opened on a server that nobody has named")
{
    mail_answers a;
    a["PROPFIND /httpmail.asp"] = {mail_answer("302 Object moved")};
    with_mailbox(hotmail(a), mailbox_settings(), "/httpmail.asp", [](mail_site& s) -> task<void> {
        s.answers["PROPFIND /httpmail.asp"][0].fields =
            "Location: http://localhost:" + std::to_string(s.server.port()) + "/hm?\r\n";
        auto const ec = co_await code_of_failure(s.box.open());
        CHECK(ec == httpmail::errc::foreign_url);
        CHECK_FALSE(s.box.is_open());
    });
}

TEST_CASE("what is no mailbox")
{
    mail_answers a;
    a["PROPFIND /a"] = {mail_answer::list("", "X-Dav-Error: 200 No error\r\n")};
    a["PROPFIND /b"] = {mail_answer::list(member("/b", "<hm:inbox/>"), "X-Dav-Error: 200 No error\r\n")};
    a["PROPFIND /c"] = {mail_answer("402 Payment Required: subscribe at example.com")};
    for (auto const* entry : {"/a", "/b", "/c"})
        with_mailbox(a, mailbox_settings(), entry, [](mail_site& s) -> task<void> {
            auto const ec = co_await code_of_failure(s.box.open());
            if (s.asked("PROPFIND /c") != 0)
                CHECK(ec == dav::errc::subscription_required);
            else
                CHECK(ec == httpmail::errc::not_a_mailbox);
        });
}

TEST_CASE("the folders of Hotmail: special ones without a name, others in a code page")
{
    mail_answers a;
    a["PROPFIND /hm/folders/"] = {mail_answer::list(
        member("$H/hm/folders/ACTIVE/", "<D:isfolder>1</D:isfolder><hm:special>inbox</hm:special><D:hassubs>0</D:hassubs>"
                                        "<D:nosubs>1</D:nosubs><hm:unreadcount>1</hm:unreadcount><D:visiblecount>2</D:visiblecount>") +
        member("$H/hm/folders/caf%E9/", "<D:isfolder>1</D:isfolder><D:displayname>caf&#233;</D:displayname><D:hassubs>0</D:hassubs>") +
        member("$H/hm/folders/x%E9/", "<D:isfolder>1</D:isfolder>"))};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        auto const all = co_await s.box.folders();
        REQUIRE(all.size() == 3);
        CHECK(all[0].kind == folder_kind::inbox);
        CHECK(all[0].name() == "inbox");
        CHECK(all[0].unread == 1U);
        CHECK(all[0].messages == 2U);
        CHECK(all[0].has_children == false);
        CHECK(all[0].may_have_children == false);
        CHECK(all[1].name() == "caf\xc3\xa9");
        CHECK(all[1].url == s.url("/hm/folders/caf%E9/"));
        CHECK(all[2].name() == "x\xc3\xa9");
        CHECK(s.server.last().field("Depth") == "1,noroot");
        CHECK(s.server.last().body == "<?xml version=\"1.0\"?>\r\n"
                                      "<D:propfind xmlns:D=\"DAV:\" xmlns:hm=\"urn:schemas:httpmail:\">\r\n"
                                      "\t<D:prop>\r\n\t\t<D:isfolder/>\r\n\t\t<D:displayname/>\r\n\t\t<hm:special/>\r\n\t\t<D:hassubs/>\r\n"
                                      "\t\t<D:nosubs/>\r\n\t\t<hm:unreadcount/>\r\n\t\t<D:visiblecount/>\r\n\t</D:prop>\r\n</D:propfind>\r\n");
        auto const junk = co_await code_of_failure(s.box.find(folder_kind::junk_email));
        CHECK(junk == httpmail::errc::no_such_folder);
        auto const sent = co_await s.box.find(folder_kind::sent_items);
        CHECK(sent == s.url("/hm/folders/sAVeD/"));
    });
}

TEST_CASE("the messages of Hotmail, whatever is in their fields")
{
    mail_answers a;
    a["PROPFIND " + inbox] = {mail_answer::list(
        member("$H" + inbox + "MSG1", "<D:isfolder>0</D:isfolder><hm:read>0</hm:read><m:hasattachment>1</m:hasattachment><m:to>alice@example.com</m:to>"
                                      "<m:from>Bob Example</m:from><h:fromaddr>bob@example.net</h:fromaddr><m:subject>Fish & chips &#1;&#55357;&#56832;</m:subject>"
                                      "<m:date>2004-06-10T10:12:09</m:date><D:getcontentlength>371</D:getcontentlength>") +
        member("$H" + inbox, "<D:isfolder>1</D:isfolder>") + member("MSG2", "<hm:read>1</hm:read><m:subject></m:subject>"))};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        list_options o;
        o.more         = {names::m_message_id};
        auto const all = co_await s.box.list(s.url(inbox), o);
        REQUIRE(all.size() == 2);
        CHECK(all[0].url == s.url(inbox + "MSG1"));
        CHECK(all[0].read == false);
        CHECK(all[0].has_attachment == true);
        CHECK(all[0].from == "Bob Example");
        CHECK(all[0].from_address == "bob@example.net");
        CHECK(all[0].subject == "Fish & chips \xf0\x9f\x98\x80");
        CHECK(all[0].date == dav::to_time("2004-06-10T10:12:09Z"));
        CHECK(all[0].size == 371U);
        CHECK(all[1].url == s.url(inbox + "MSG2"));
        CHECK(all[1].read == true);
        CHECK_FALSE(all[1].date);
        CHECK(s.server.last().body.find("<m:message-id/>") != std::string::npos);
        list_options one;
        one.most         = 1;
        auto const first = co_await s.box.list(s.url(inbox), one);
        CHECK(first.size() == 1);
        auto const n = co_await s.box.count(s.url(inbox));
        CHECK(n.messages == 2);
        CHECK(n.unread == 1);
    });
}

TEST_CASE("a list that fails because of one property is asked for with fewer")
{
    mail_answers a;
    a["PROPFIND " + inbox] = {mail_answer("501 Not Implemented"),
                              mail_answer::list(member(inbox + "MSG1", "<hm:read>1</hm:read>"))};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        auto const all = co_await s.box.list(s.url(inbox));
        CHECK(all.size() == 1);
        CHECK(s.server.last().body.find("m:subject") == std::string::npos);
    });
}

TEST_CASE("a message is fetched as it stands, into a string, a reader or a sink")
{
    std::string const mail = "Subject: x\r\n\r\nTwelve?\r\n.\r\n-- \r\nBob\r\n";
    mail_answers      a;
    a["GET " + inbox + "MSG1"] = {mail_answer("200 OK", mail, "Content-Type: message/rfc822\r\n")};
    a["GET " + inbox + "MSG2"] = {mail_answer("200 OK", "", "Content-Type: message/rfc822\r\n")}; // b1gMail: there is none
    a["GET " + inbox + "MSG3"] = {mail_answer("404 Not Found")};
    a["GET " + inbox + "MSG4"] = {mail_answer("200 OK", "<html><form><input type='password'></form>", "Content-Type: text/html\r\n")};
    mailbox_settings settings;
    settings.connections = 1;
    with_mailbox(hotmail(a), settings, "/hm?", [&](mail_site& s) -> task<void> {
        auto const whole = co_await s.box.fetch_text(s.url(inbox + "MSG1"));
        CHECK(whole == mail);
        CHECK(s.server.last().field("Accept") == "message/rfc822, */*");
        CHECK(s.server.last().field("Translate") == "f");
        std::string   got;
        std::uint64_t told = 0;
        fetch_options o;
        o.on_progress         = [&](std::uint64_t done, auto total) { told = total == mail.size() ? done : 0; };
        message_sink const to = [&](std::string_view block) -> task<void> {
            got += block;
            co_return;
        };
        auto const size = co_await s.box.fetch(s.url(inbox + "MSG1"), to, o);
        CHECK(size == mail.size());
        CHECK(got == mail);
        CHECK(told == mail.size());
        auto const small = co_await code_of_failure(s.box.fetch_text(s.url(inbox + "MSG1"), 5));
        CHECK(small == posthorn::errc::limit_exceeded);
        for (auto const* gone : {"MSG2", "MSG3"})
        {
            auto const ec = co_await code_of_failure(s.box.get(s.url(inbox + gone)));
            CHECK(ec == httpmail::errc::message_gone);
        }
        auto const expired = co_await code_of_failure(s.box.get(s.url(inbox + "MSG4")));
        CHECK(expired == dav::errc::session_expired);
        auto reader = co_await s.box.get(s.url(inbox + "MSG1"));
        CHECK(reader.size() == mail.size());
        auto const block = co_await reader.next();
        CHECK(block == mail);
        auto const rest = co_await reader.next();
        CHECK(rest.empty());
        // Its lane is free, though it still lives.
        auto const more = co_await s.box.fetch_text(s.url(inbox + "MSG1"));
        CHECK(more == mail);
        auto const empty = co_await code_of_failure(s.box.get(http::url()));
        CHECK(empty == http::errc::bad_url);
    });
}

TEST_CASE("contacts on Hotmail")
{
    mail_answers a;
    std::string const bob = "<D:id>C17</D:id><h:modified>1086850000</h:modified><c:cn>Bob Example</c:cn><c:givenname>Bob</c:givenname>";
    a["PROPFIND /hm/abdata/"]     = {mail_answer::list(member("$H/hm/abdata/C17", bob))};
    a["PROPFIND /hm/abdata/C17"]  = {mail_answer::list(member("$H/hm/abdata/C17", bob)), mail_answer::list("")};
    a["PROPPATCH /hm/abdata/C17"] = {mail_answer::list(member("$H/hm/abdata/C17", "<c:mobile/>"))};
    a["POST /hm/abdata/"]         = {mail_answer::list(member("$H/hm/abdata/C18", "<c:cn/>")), mail_answer("201 Created", "", "Location: C19\r\n"),
                                     mail_answer("403 Forbidden")};
    a["DELETE /hm/abdata/C17"]    = {mail_answer("204 No Content")};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        auto const all = co_await s.box.contacts();
        REQUIRE(all.size() == 1);
        CHECK(all[0].url == s.url("/hm/abdata/C17"));
        CHECK(all[0].id == "C17");
        CHECK(all[0].modified == "1086850000");
        CHECK(all[0].get(contact_field::display_name) == "Bob Example");
        CHECK(all[0].get(contact_field::given_name) == "Bob"); // the case of names does not matter
        auto const one = co_await s.box.read_contact(all[0].url);
        CHECK(one.get(contact_field::display_name) == "Bob Example");
        auto const none = co_await code_of_failure(s.box.read_contact(all[0].url));
        CHECK(none == dav::errc::not_found);
        std::map<contact_field, std::string> const mobile = {{contact_field::mobile_phone, "+1 555 0100"}};
        co_await s.box.change_contact(all[0].url, mobile);
        CHECK(s.server.last().body == "<?xml version=\"1.0\"?>\r\n<D:propertyupdate xmlns:D=\"DAV:\" xmlns:c=\"urn:schemas:contacts:\">\r\n"
                                      "\t<D:set>\r\n\t\t<D:prop>\r\n\t\t\t<c:mobile>+1 555 0100</c:mobile>\r\n\t\t</D:prop>\r\n\t</D:set>\r\n</D:propertyupdate>\r\n");
        contact c;
        c.set(contact_field::display_name, "Carol");
        auto const made = co_await s.box.add_contact(c);
        CHECK(made == s.url("/hm/abdata/C18"));
        auto const other = co_await s.box.add_contact(c);
        CHECK(other == s.url("/hm/abdata/C19"));
        auto const no = co_await code_of_failure(s.box.add_contact(c));
        CHECK(no == dav::errc::forbidden);
        co_await s.box.delete_contact(all[0].url);
    });
}

TEST_CASE("polling: by the server's times, by 304, by what has changed in the list")
{
    std::string const work = member("/hm/folders/work/", "<D:isfolder>1</D:isfolder><D:displayname>work</D:displayname><hm:unreadcount>1</hm:unreadcount>");
    std::string const two  = member("/hm/folders/work/", "<D:isfolder>1</D:isfolder><D:displayname>work</D:displayname><hm:unreadcount>2</hm:unreadcount>");
    mail_answers a;
    a["PROPFIND /hm/folders/"] = {mail_answer::list(work), mail_answer("304 Not Modified"), mail_answer::list(""),
                                  mail_answer::list(work, "X-Timestamp: folders=1086862002, ACTIVE=1086862400\r\n"), mail_answer::list(two),
                                  mail_answer::list(work + member("/hm/folders/new/", "<D:isfolder>1</D:isfolder>"))};
    mailbox_settings settings;
    settings.use_timestamps = true;
    with_mailbox(hotmail(a), settings, "/hm?", [](mail_site& s) -> task<void> {
        auto now = co_await s.box.poll();
        CHECK(now.first);
        CHECK_FALSE(now.any());
        CHECK_FALSE(s.server.last().has("X-Timestamp"));
        now = co_await s.box.poll();
        CHECK_FALSE(now.first);
        CHECK_FALSE(now.any());
        CHECK(s.server.last().field("X-Timestamp") == "folders=1086862002, ACTIVE=1086862331");
        now = co_await s.box.poll();
        CHECK_FALSE(now.any());
        now = co_await s.box.poll();
        CHECK(now.inbox);
        CHECK_FALSE(now.folders);
        now = co_await s.box.poll();
        REQUIRE(now.contents.size() == 1);
        CHECK(now.contents[0] == s.url("/hm/folders/work/"));
        now = co_await s.box.poll();
        CHECK(now.folders);
        CHECK(s.server.last().field("X-Timestamp") == "folders=1086862002, ACTIVE=1086862400");
    });
}

TEST_CASE("watching gives what has changed, and nothing else")
{
    auto const folder = [](int unread) {
        return member("/dav/a/", "<D:isfolder>1</D:isfolder><hm:unreadcount>" + std::to_string(unread) + "</hm:unreadcount>");
    };
    mail_answers a;
    a["PROPFIND /dav/"] = {mail_answer::list(folder(1)), mail_answer::list(folder(1)), mail_answer::list(folder(1)), mail_answer::list(folder(2)),
                           mail_answer::list(folder(2)), mail_answer::list("")};
    with_mailbox(a, mailbox_settings(), "/dav/", [](mail_site& s) -> task<void> {
        auto       news  = s.box.watch(std::chrono::milliseconds(0));
        auto const first = co_await news.next();
        REQUIRE(first);
        REQUIRE(first->contents.size() == 1);
        CHECK(first->contents[0] == s.url("/dav/a/"));
        CHECK(s.asked("PROPFIND /dav/") == 4);
        auto const second = co_await news.next();
        REQUIRE(second);
        CHECK(second->folders);
        CHECK(s.asked("PROPFIND /dav/") == 6);
    });
}

TEST_CASE("folders in folders are found level by level; circles and endless lists end")
{
    mail_answers a;
    auto const folder = [](std::string const& at) { return "<D:response><D:href>" + at + "</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"; };
    a["PROPFIND /dav/"]       = {mail_answer::list(folder("/dav/")), mail_answer::list(folder("/dav/") + folder("/dav/a/") + folder("/dav/b/") + member("/dav/c.eml", ""))};
    a["PROPFIND /dav/a/"]     = {mail_answer::list(folder("/dav/a/") + folder("/dav/a/x/"))};
    a["PROPFIND /dav/b/"]     = {mail_answer::list(folder("/dav/b/") + folder("/dav/"))};
    a["PROPFIND /dav/a/x/"]   = {mail_answer::list(folder("/dav/a/x/") + folder("/dav/a/"))};
    with_mailbox(a, mailbox_settings(), "/dav/", [](mail_site& s) -> task<void> {
        auto const  all = co_await s.box.folder_tree();
        std::string seen;
        for (auto const& f : all)
            seen += std::to_string(f.depth) + f.url.target() + ' ';
        CHECK(seen == "0/dav/a/ 1/dav/a/x/ 0/dav/b/ ");
        CHECK(s.server.last().field("Depth") == "1");
    });
    mailbox_settings few;
    few.most_folders = 2;
    with_mailbox(a, few, "/dav/", [](mail_site& s) -> task<void> {
        auto const ec = co_await code_of_failure(s.box.folder_tree());
        CHECK(ec == posthorn::errc::limit_exceeded);
    });
}

TEST_CASE("many requests share a few connections; cancelling one leaves the others alone")
{
    mail_answers a;
    for (int i = 1; i <= 30; ++i)
        a["GET " + inbox + "MSG" + std::to_string(i)] = {i == 5 ? mail_answer::hold() : mail_answer("200 OK", "mail")};
    mailbox_settings settings;
    settings.connections = 3;
    with_mailbox(hotmail(a), settings, "/hm?", [](mail_site& s) -> task<void> {
        int        got = 0, stopped = 0;
        auto const one = [&](int i) -> task<void> {
            auto const mail = co_await s.box.fetch_text(s.url(inbox + "MSG" + std::to_string(i)));
            got += mail == "mail" ? 1 : 0;
        };
        auto const slow_one = [&]() -> task<void> {
            auto const ec = co_await code_of_failure(one(5));
            stopped += ec == condition::canceled ? 1 : 0;
        };
        auto const slow = [&](scope& inner) -> task<void> {
            inner.spawn(slow_one());
            while (got != 29)
                co_await support::hop();
            inner.cancel();
        };
        auto const all = [&](scope& outer) -> task<void> {
            for (int i = 1; i <= 30; ++i)
                if (i != 5)
                    outer.spawn(one(i));
            co_await with_scope(slow);
        };
        co_await with_scope(all);
        CHECK(got == 29);
        CHECK(stopped == 1);
        CHECK(s.server.connections() <= 3);
        co_await one(1);
        CHECK(got == 30);
        CHECK(s.asked("PROPFIND /hm?") == 1); // all waited for the same discovery
    });
}

TEST_CASE("with one connection only, each message can be fetched while the list goes on")
{
    mail_answers a;
    std::string  items;
    for (int i = 1; i <= 50; ++i)
    {
        auto const at = inbox + "MSG" + std::to_string(i);
        items += member(at, "<hm:read>0</hm:read>");
        a["GET " + at] = {mail_answer("200 OK", "mail")};
    }
    a["PROPFIND " + inbox] = {mail_answer::list(items)};
    mailbox_settings settings;
    settings.connections = 1;
    with_mailbox(hotmail(a), settings, "/hm?", [](mail_site& s) -> task<void> {
        auto list = s.box.messages(s.url(inbox));
        int  n    = 0;
        for (;;)
        {
            auto const m = co_await list.next();
            if (!m)
                break;
            auto const mail = co_await s.box.fetch_text(m->url);
            n += mail == "mail" ? 1 : 0;
        }
        CHECK(n == 50);
    });
}

TEST_SUITE_END();
