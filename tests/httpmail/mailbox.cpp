//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/coro/scope.hpp>
#include <posthorn/httpmail/mailbox.hpp>
#include <posthorn/source/memory.hpp>

#include <doctest/doctest.h>

#include <support/mail_site.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace posthorn::httpmail;
using support::failure_of;
using support::mail_answer;
using support::mail_answers;
using support::mail_site;
using support::member;
using support::with_mailbox;

namespace {

constexpr char const* root_request = "<?xml version=\"1.0\"?>\r\n"
                                     "<D:propfind xmlns:D=\"DAV:\" xmlns:h=\"http://schemas.microsoft.com/hotmail/\" "
                                     "xmlns:hm=\"urn:schemas:httpmail:\">\r\n"
                                     "\t<D:prop>\r\n\t\t<h:adbar/>\r\n\t\t<hm:contacts/>\r\n\t\t<hm:inbox/>\r\n\t\t<hm:outbox/>\r\n"
                                     "\t\t<hm:sendmsg/>\r\n\t\t<hm:sentitems/>\r\n\t\t<hm:deleteditems/>\r\n\t\t<hm:drafts/>\r\n"
                                     "\t\t<hm:msgfolderroot/>\r\n\t\t<h:maxpoll/>\r\n\t\t<h:sig/>\r\n\t</D:prop>\r\n</D:propfind>\r\n";

/// The root as Hotmail tells it, below /hm/.
mail_answer hotmail_root()
{
    return mail_answer::list(member("$H/hm", "<h:adbar>AdPane=Off*</h:adbar><hm:contacts>$H/hm/abdata/</hm:contacts>"
                                             "<hm:inbox>$H/hm/folders/ACTIVE/</hm:inbox><hm:sendmsg>$H/hm/sendmsg</hm:sendmsg>"
                                             "<hm:sentitems>$H/hm/folders/sAVeD/</hm:sentitems>"
                                             "<hm:deleteditems>$H/hm/folders/trAsH/</hm:deleteditems>"
                                             "<hm:drafts>$H/hm/folders/drAfT/</hm:drafts>"
                                             "<hm:msgfolderroot>$H/hm/folders/</hm:msgfolderroot><h:maxpoll>30</h:maxpoll><h:sig/>"),
                             "X-Dav-Error: 200 No error\r\nX-Timestamp: folders=1086862002, ACTIVE=1086862331\r\n");
}

mail_answers hotmail(mail_answers more = {})
{
    more.insert({"PROPFIND /hm?", {hotmail_root()}});
    return more;
}

mail_answers exchange(mail_answers more = {})
{
    mail_answer root("207 Multi-Status",
                     "<?xml version=\"1.0\"?><a:multistatus xmlns:d=\"urn:schemas:httpmail:\" xmlns:a=\"DAV:\"><a:response><a:href>"
                     "https://internal.example/x/alice/</a:href><a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop>"
                     "<d:inbox>https://internal.example/x/alice/Inbox</d:inbox>"
                     "<d:deleteditems>https://internal.example/x/alice/Deleted%20Items</d:deleteditems>"
                     "<d:sendmsg>https://internal.example/x/alice/##DavMailSubmissionURI##</d:sendmsg>"
                     "<d:contacts>https://internal.example/x/alice/Contacts</d:contacts>"
                     "<d:msgfolderroot>https://internal.example/x/alice/</d:msgfolderroot></a:prop></a:propstat></a:response>"
                     "</a:multistatus>",
                     "Content-Type: text/xml\r\nMS-Exchange-Permanent-URL: https://internal.example/p/\r\n");
    more.insert({"PROPFIND /x/alice/", {root}});
    return more;
}

mail_answers plain_dav(mail_answers more = {})
{
    more.insert({"PROPFIND /dav/", {mail_answer::list("<D:response><D:href>/dav/</D:href></D:response>")}});
    return more;
}

void with_hotmail(mail_answers more, std::function<task<void>(mail_site&)> body)
{
    with_mailbox(hotmail(std::move(more)), mailbox_settings(), "/hm?", std::move(body));
}

void with_exchange(mail_answers more, std::function<task<void>(mail_site&)> body)
{
    with_mailbox(exchange(std::move(more)), mailbox_settings(), "/x/alice/", std::move(body));
}

void with_dav(mail_answers more, std::function<task<void>(mail_site&)> body)
{
    with_mailbox(plain_dav(std::move(more)), mailbox_settings(), "/dav/", std::move(body));
}

std::string const inbox = "/hm/folders/ACTIVE/";

std::vector<http::url> urls(mail_site const& s, std::string const& folder, int count)
{
    std::vector<http::url> all;
    for (int i = 1; i <= count; ++i)
        all.push_back(s.url(folder + "MSG" + std::to_string(i)));
    return all;
}

std::string fates(std::vector<item_outcome> const& items)
{
    std::string text;
    for (auto const& i : items)
        text += (text.empty() ? "" : " ") + std::string(to_string(i.fate)) + ':' + std::to_string(i.status);
    return text;
}

std::shared_ptr<source> text(std::string s) { return std::make_shared<string_source>(std::move(s)); }

smtp::envelope to_bob()
{
    return smtp::envelope("alice@example.com", {"bob@example.net", "carol@example.org"});
}

std::string joined(std::vector<message_info> const& all)
{
    std::string seen;
    for (auto const& m : all)
        seen += std::string(dav::last_segment(m.url.target())) + ' ';
    return seen;
}

} // namespace

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
        auto const ec = co_await failure_of(s.box.open());
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
            auto const ec = co_await failure_of(s.box.open());
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
        auto const junk = co_await failure_of(s.box.find(folder_kind::junk_email));
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
        auto const small = co_await failure_of(s.box.fetch_text(s.url(inbox + "MSG1"), 5));
        CHECK(small == posthorn::errc::limit_exceeded);
        for (auto const* gone : {"MSG2", "MSG3"})
        {
            auto const ec = co_await failure_of(s.box.get(s.url(inbox + gone)));
            CHECK(ec == httpmail::errc::message_gone);
        }
        auto const expired = co_await failure_of(s.box.get(s.url(inbox + "MSG4")));
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
        auto const empty = co_await failure_of(s.box.get(http::url()));
        CHECK(empty == http::errc::bad_url);
    });
}

TEST_CASE("marking: one by PROPPATCH, several by BPROPPATCH with last segments")
{
    mail_answers a;
    a["PROPPATCH " + inbox + "MSG1"] = {mail_answer("200 OK")};
    a["BPROPPATCH " + inbox]         = {mail_answer::list(
        member("$H" + inbox + "MSG1", "<hm:read/>") +
        "<D:response><D:href>$H" + inbox + "MSG2</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>")};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        co_await s.box.mark(s.url(inbox + "MSG1"), true);
        CHECK(s.server.last().body == "<?xml version=\"1.0\"?>\r\n"
                                      "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:hm=\"urn:schemas:httpmail:\">\r\n"
                                      "\t<D:set>\r\n\t\t<D:prop>\r\n\t\t\t<hm:read>1</hm:read>\r\n\t\t</D:prop>\r\n\t</D:set>\r\n</D:propertyupdate>\r\n");
        auto const all = co_await s.box.mark(urls(s, inbox, 2), false);
        CHECK(fates(all) == "done:200 refused:404");
        CHECK(all[1].error == dav::errc::not_found);
        CHECK(all[0].item == s.url(inbox + "MSG1"));
        CHECK(s.server.last().body ==
              "<?xml version=\"1.0\"?>\r\n"
              "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:hm=\"urn:schemas:httpmail:\">\r\n"
              "\t<D:target>\r\n\t\t<D:href>MSG1</D:href>\r\n\t\t<D:href>MSG2</D:href>\r\n\t</D:target>\r\n"
              "\t<D:set>\r\n\t\t<D:prop>\r\n\t\t\t<hm:read>0</hm:read>\r\n\t\t</D:prop>\r\n\t</D:set>\r\n</D:propertyupdate>\r\n");
    });
}

TEST_CASE("a server that obeys PROPPATCH and answers 400 gets BPROPPATCH from then on")
{
    mail_answers a;
    a["PROPPATCH " + inbox + "MSG1"] = {mail_answer("400 Bad Request", "<html>", "Content-Type: text/html\r\n")};
    a["BPROPPATCH " + inbox]         = {mail_answer("201 Created")};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        co_await s.box.mark(s.url(inbox + "MSG1"), true);
        co_await s.box.mark(s.url(inbox + "MSG1"), false);
        CHECK(s.asked("PROPPATCH " + inbox + "MSG1") == 1);
        CHECK(s.asked("BPROPPATCH " + inbox) == 2);
    });
}

TEST_CASE("moving: BMOVE to the folder, MOVE to the new URL; the server says where it is")
{
    mail_answers a;
    a["BMOVE " + inbox] = {mail_answer::list("<D:response><D:href>$H" + inbox + "MSG1</D:href><D:location>$H/hm/folders/trAsH/MSG9"
                                             "</D:location><D:status>HTTP/1.1 200 OK</D:status></D:response>")};
    a["MOVE " + inbox + "MSG1"] = {mail_answer("201 Created", "", "Location: $H/hm/folders/trAsH/MSG9\r\n")};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        auto const trash = s.url("/hm/folders/trAsH/");
        auto const all   = co_await s.box.move(urls(s, inbox, 1), trash);
        CHECK(fates(all) == "done:200");
        CHECK(all[0].location == s.url("/hm/folders/trAsH/MSG9"));
        CHECK(s.server.last().field("Destination") == trash.str());
        CHECK(s.server.last().field("Depth") == "1");
        CHECK(s.server.last().body == "<?xml version=\"1.0\"?>\r\n<D:move xmlns:D=\"DAV:\">\r\n\t<D:target>\r\n\t\t<D:href>MSG1</D:href>\r\n"
                                      "\t</D:target>\r\n</D:move>\r\n");
        auto const where = co_await s.box.move(s.url(inbox + "MSG1"), trash);
        CHECK(where == s.url("/hm/folders/trAsH/MSG9"));
        CHECK(s.server.last().field("Destination") == trash.str() + "MSG1");
        CHECK(s.server.last().field("Allow-Rename") == "t");
        CHECK_FALSE(s.server.last().has("Overwrite"));
    });
}

TEST_CASE("with the tree in the query both URLs of a MOVE end with a slash")
{
    mail_answers a;
    a["PROPFIND /httpmail.php"] = {mail_answer::list(
        member("$H/httpmail.php", "<hm:inbox>$H/httpmail.php?/folders/0/</hm:inbox><hm:msgfolderroot>$H/httpmail.php?/folders/</hm:msgfolderroot>"
                                  "<hm:deleteditems>$H/httpmail.php?/folders/-5/</hm:deleteditems><hm:sendmsg>$H/httpmail.php?/sendmsg</hm:sendmsg>"))};
    a["MOVE /httpmail.php?/folders/0/4711/"]    = {mail_answer("201 Created")};
    a["BMOVE /httpmail.php?/folders/0/"]        = {mail_answer("201 Created")};
    a["MKCOL /httpmail.php?/folders/Work/"]     = {mail_answer("201 Created", "", "Location: httpmail.php?/folders/17/\r\n")};
    a["POST /httpmail.php?/folders/0/"]         = {mail_answer("201 Created", "", "Location: httpmail.php?/folders/0/\r\n")};
    with_mailbox(a, mailbox_settings(), "/httpmail.php", [](mail_site& s) -> task<void> {
        auto const trash = s.url("/httpmail.php?/folders/-5/");
        auto const where = co_await s.box.move(s.url("/httpmail.php?/folders/0/4711"), trash);
        CHECK_FALSE(where);
        CHECK(s.server.last().field("Destination") == trash.str() + "4711/");
        std::vector<http::url> const two = {s.url("/httpmail.php?/folders/0/4711/"), s.url("/httpmail.php?/folders/0/4712/")};
        auto const all = co_await s.box.move(two, trash);
        CHECK(all_done(all));
        CHECK(s.server.last().body.find("<D:href>4712</D:href>") != std::string::npos);
        auto const made = co_await s.box.create_folder(s.url("/httpmail.php?/folders/"), "Work");
        CHECK(made == s.url("/httpmail.php?/folders/17/"));
        auto const stored = co_await s.box.append(s.url("/httpmail.php?/folders/0/"), text("a: b\n\nc\n"));
        CHECK(stored.accepted());
        CHECK_FALSE(stored.location); // it names the folder only
        CHECK(s.server.last().body == "a: b\r\n\r\nc\r\n");
    });
}

TEST_CASE("deleting: to the deleted items, and for good what is there already")
{
    mail_answers a;
    a["BMOVE " + inbox]              = {mail_answer("201 Created")};
    a["BDELETE /hm/folders/trAsH/"]  = {mail_answer("204 No Content")};
    a["MOVE " + inbox + "MSG1"]      = {mail_answer("201 Created")};
    a["DELETE /hm/folders/trAsH/MSG2"] = {mail_answer("200 OK")};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        std::vector<http::url> const some = {s.url("/hm/folders/trAsH/MSG2"), s.url(inbox + "MSG1")};
        auto const                   all  = co_await s.box.remove(some, deletion::to_deleted_items);
        CHECK(fates(all) == "done:200 done:200");
        CHECK(s.server.last().body == "<?xml version=\"1.0\"?>\r\n<D:delete xmlns:D=\"DAV:\">\r\n\t<D:target>\r\n\t\t<D:href>MSG2</D:href>\r\n"
                                      "\t</D:target>\r\n</D:delete>\r\n");
        co_await s.box.remove(some[0], deletion::to_deleted_items);
        co_await s.box.remove(some[1], deletion::to_deleted_items);
        CHECK(s.asked("DELETE /hm/folders/trAsH/MSG2") == 1);
        CHECK(s.asked("MOVE " + inbox + "MSG1") == 1);
    });
}

TEST_CASE("bulk methods that a server does not know are replaced by single ones, a few at a time, and never tried again")
{
    for (auto const* no : {"403 Forbidden", "405 Method Not Allowed", "501 Not Implemented", "400 Bad Request"})
    {
        CAPTURE(no);
        mail_answers a;
        a["BDELETE " + inbox] = {mail_answer(no)};
        for (int i = 1; i <= 20; ++i)
            a["DELETE " + inbox + "MSG" + std::to_string(i)] = {mail_answer(i == 7 ? "423 Locked" : "204 No Content")};
        mailbox_settings settings;
        settings.connections = 3;
        settings.bulk_size   = 8;
        with_mailbox(hotmail(a), settings, "/hm?", [](mail_site& s) -> task<void> {
            auto const all = co_await s.box.remove(urls(s, inbox, 20), deletion::for_good);
            for (std::size_t i = 0; i != all.size(); ++i)
                CHECK(all[i].fate == (i == 6 ? fate::refused : fate::done));
            CHECK(all[6].error == dav::errc::locked);
            CHECK(s.asked("BDELETE " + inbox) == 1);
            CHECK(s.server.requests().size() == 22);
            CHECK(s.server.connections() <= 3);
            auto const again = co_await s.box.remove(urls(s, inbox, 2), deletion::for_good);
            CHECK(all_done(again));
            CHECK(s.asked("BDELETE " + inbox) == 1);
        });
    }
}

TEST_CASE("a bulk request that is forbidden for its own reasons is no lesson")
{
    mail_answers a;
    a["BDELETE " + inbox]       = {mail_answer("403 Forbidden"), mail_answer("204 No Content")};
    a["DELETE " + inbox + "MSG1"] = {mail_answer("403 Forbidden")};
    a["BMOVE " + inbox]         = {mail_answer("507 Insufficient Storage")};
    a["BCOPY " + inbox]         = {mail_answer::list("<D:response><D:href>/hm/folders/</D:href><D:status>HTTP/1.1 507 Full</D:status></D:response>")};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        auto const no = co_await s.box.remove(urls(s, inbox, 1), deletion::for_good);
        CHECK(fates(no) == "refused:403");
        auto const yes = co_await s.box.remove(urls(s, inbox, 1), deletion::for_good);
        CHECK(fates(yes) == "done:200");
        auto const full = co_await s.box.move(urls(s, inbox, 2), s.url("/hm/folders/drAfT/"));
        CHECK(fates(full) == "refused:507 refused:507");
        auto const unclear = co_await s.box.copy(urls(s, inbox, 2), s.url("/hm/folders/drAfT/"));
        CHECK(fates(unclear) == "in_doubt:507 in_doubt:507");
    });
}

TEST_CASE("messages of several folders go in pieces, one request for each")
{
    mail_answers a;
    a["BDELETE " + inbox]           = {mail_answer("204 No Content")};
    a["BDELETE /hm/folders/drAfT/"] = {mail_answer("204 No Content")};
    mailbox_settings settings;
    settings.bulk_size = 3;
    with_mailbox(hotmail(a), settings, "/hm?", [](mail_site& s) -> task<void> {
        auto all  = urls(s, inbox, 7);
        auto more = urls(s, "/hm/folders/drAfT/", 2);
        all.insert(all.begin() + 1, more.begin(), more.end());
        auto const done = co_await s.box.remove(all, deletion::for_good);
        CHECK(done.size() == 9);
        CHECK(all_done(done));
        CHECK(s.asked("BDELETE " + inbox) == 3);
        CHECK(s.asked("BDELETE /hm/folders/drAfT/") == 1);
    });
}

TEST_CASE("sending: the envelope before the message, blind copies out of it")
{
    mail_answers a;
    a["POST /hm/sendmsg"] = {mail_answer("201 Created", "", "Location: $H/hm/folders/sAVeD/MSG7\r\n"),
                             mail_answer("403 Forbidden", "", "X-Dav-Error: 403 Not yours\r\n"),
                             mail_answer("201 Created"),
                             mail_answer("200 OK", "<form><input type=password></form>", "Content-Type: text/html\r\n")};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        auto const report = co_await s.box.send(to_bob(), text("From: alice@example.com\nBCC: carol@example.org,\n dave@example.org\nSubject: s\n\nYes.\nBcc: no\n"));
        CHECK(report.accepted());
        CHECK(report.status == 201);
        CHECK(report.location == s.url("/hm/folders/sAVeD/MSG7"));
        CHECK(report.recipients == std::vector<std::string>{"bob@example.net", "carol@example.org"});
        CHECK(s.server.last().body == "MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\nRCPT TO:<carol@example.org>\r\n\r\n"
                                      "From: alice@example.com\r\nSubject: s\r\n\r\nYes.\r\nBcc: no\r\n");
        CHECK(s.server.last().field("SAVEINSENT") == "t");
        CHECK(s.server.last().field("Content-Type") == "message/rfc821");
        CHECK(s.server.last().field("Content-Length") == std::to_string(s.server.last().body.size()));
        smtp::message const forged("mallory@example.com", {"bob@example.net"}, "a: b\r\n\r\n");
        auto const          refused = co_await s.box.send(forged);
        CHECK(refused.fate == fate::refused);
        CHECK(refused.error == dav::errc::forbidden);
        CHECK(refused.text == "Forbidden, X-Dav-Error: 403 Not yours");
        send_options o;
        o.save_in_sent  = false;
        o.keep_bcc      = true;
        auto const kept = co_await s.box.send(to_bob(), text("Bcc: x@example.com\r\n\r\n"), o);
        CHECK(kept.accepted());
        CHECK(s.server.last().field("SAVEINSENT") == "f");
        CHECK(s.server.last().body.find("Bcc: x@example.com") != std::string::npos);
        auto const page = co_await s.box.send(to_bob(), text("a: b\r\n\r\n"));
        CHECK(page.fate == fate::refused);
        CHECK(page.error == dav::errc::session_expired);
        smtp::envelope const empty("a@example.com", {});
        auto const           nobody = co_await failure_of(s.box.send(empty, text("x")));
        CHECK(nobody == httpmail::errc::no_recipients);
        auto const nothing = co_await failure_of(s.box.send(to_bob(), nullptr));
        CHECK(nothing == posthorn::errc::invalid_argument);
        CHECK(s.asked("POST /hm/sendmsg") == 4);
    });
}

TEST_CASE("a message that cannot start again is held in memory, up to a limit")
{
    struct once final : source
    {
        task<std::string_view> next() override
        {
            std::string_view const block = given ? "" : "Subject: x\n\nbody";
            given                        = true;
            co_return block;
        }
        task<void> rewind() override { return support::fail(1); }
        bool given = false;
    };
    mail_answers a;
    a["POST /hm/sendmsg"] = {mail_answer("201 Created")};
    mailbox_settings settings;
    settings.most_in_memory = 20;
    with_mailbox(hotmail(a), settings, "/hm?", [](mail_site& s) -> task<void> {
        std::shared_ptr<source> const one = std::make_shared<once>();
        auto const                    done = co_await s.box.send(to_bob(), one);
        CHECK(done.accepted());
        CHECK(done.content_bytes == 18);
        CHECK(s.server.last().body.ends_with("\r\n\r\nSubject: x\r\n\r\nbody"));
        s.answers["POST " + inbox]     = {mail_answer("201 Created")};
        std::string const       longer(30, 'x');
        struct unsized final : source
        {
            task<std::string_view> next() override { return support::ready(std::string_view("12345678901234567890x")); }
            task<void>             rewind() override { return support::fail(1); }
        };
        std::shared_ptr<source> const endless = std::make_shared<unsized>();
        auto const                    ec      = co_await failure_of(s.box.append(s.url(inbox), endless));
        CHECK(ec == posthorn::errc::limit_exceeded);
    });
}

TEST_CASE("a message whose answer never came is in doubt, and is not sent again")
{
    mail_answers a;
    a["POST /hm/sendmsg"]   = {mail_answer::cut()};
    a["POST " + inbox]      = {mail_answer::cut()};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        std::optional<send_report> sent, stored;
        try
        {
            auto const r = co_await s.box.send(to_bob(), text("a: b\r\n\r\n"));
            static_cast<void>(r);
        }
        catch (send_error const& e)
        {
            sent = e.report();
        }
        try
        {
            auto const r = co_await s.box.append(s.url(inbox), text("a: b\r\n\r\n"));
            static_cast<void>(r);
        }
        catch (send_error const& e)
        {
            stored = e.report();
        }
        REQUIRE(sent);
        CHECK(sent->fate == fate::in_doubt);
        CHECK(sent->recipients.size() == 2);
        REQUIRE(stored);
        CHECK(stored->fate == fate::in_doubt);
        CHECK(s.asked("POST /hm/sendmsg") == 1);
        CHECK(s.asked("POST " + inbox) == 1);
    });
}

TEST_CASE("a message that cannot have arrived is not done")
{
    mail_answers a;
    a["POST /hm/sendmsg"] = {mail_answer("302 Found", "", "Location: http://elsewhere.example/\r\n")};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        std::optional<send_report> redirected, cut;
        try
        {
            auto const r = co_await s.box.send(to_bob(), text("a: b\r\n\r\n"));
            static_cast<void>(r);
        }
        catch (send_error const& e)
        {
            redirected = e.report();
            CHECK(e.code() == http::errc::redirect_refused);
        }
        REQUIRE(redirected);
        CHECK(redirected->fate == fate::not_done);

        // The reader of a great message fails before its end.
        struct broken final : source
        {
            task<std::string_view>       next() override { return ++n == 3 ? failing() : support::ready(std::string_view("12345678")); }
            static task<std::string_view> failing()
            {
                throw posthorn::error(posthorn::errc::malformed, "broken");
                co_return std::string_view();
            }
            task<void> rewind() override { co_return; }
            bool       rewindable() const override { return true; }
            int        n = 0;
        };
        std::shared_ptr<source> const content = std::make_shared<broken>();
        auto const                    ec      = co_await failure_of(s.box.send(to_bob(), content));
        CHECK(ec == posthorn::errc::malformed);
        CHECK(s.asked("POST /hm/sendmsg") == 1);
    });
}

TEST_CASE("what was cancelled while the server was at it is in doubt")
{
    mail_answers a;
    a["POST /hm/sendmsg"]         = {mail_answer::hold()};
    a["DELETE " + inbox + "MSG1"] = {mail_answer::hold()};
    a["GET " + inbox + "MSG9"]    = {mail_answer("200 OK", "mail")};
    mailbox_settings settings;
    settings.connections = 1;
    settings.use_bulk    = false;
    with_mailbox(hotmail(a), settings, "/hm?", [](mail_site& s) -> task<void> {
        auto const root = co_await s.box.open();
        static_cast<void>(root);
        std::optional<send_report> sent;
        auto const send_one = [&]() -> task<void> {
            try
            {
                auto const r = co_await s.box.send(to_bob(), text("a: b\r\n\r\n"));
                static_cast<void>(r);
            }
            catch (send_error const& e)
            {
                sent = e.report();
                CHECK(e.code() == condition::canceled);
            }
        };
        auto const sending = [&](scope& all) -> task<void> {
            all.spawn(send_one());
            co_await s.until_asked("POST /hm/sendmsg");
            all.cancel();
        };
        co_await with_scope(sending);
        REQUIRE(sent);
        CHECK(sent->fate == fate::in_doubt);

        std::vector<item_outcome> items;
        auto const delete_three = [&]() -> task<void> {
            try
            {
                auto const r = co_await s.box.remove(urls(s, inbox, 3), deletion::for_good);
                static_cast<void>(r);
            }
            catch (bulk_error const& e)
            {
                items = e.items();
                CHECK(e.code() == condition::canceled);
            }
        };
        auto const deleting = [&](scope& all) -> task<void> {
            all.spawn(delete_three());
            co_await s.until_asked("DELETE " + inbox + "MSG1");
            all.cancel();
        };
        co_await with_scope(deleting);
        CHECK(fates(items) == "in_doubt:0 not_done:0 not_done:0");
        // The mailbox goes on.
        auto const mail = co_await s.box.fetch_text(s.url(inbox + "MSG9"));
        CHECK(mail == "mail");
    });
}

TEST_CASE("nothing that destroys is done twice after an unclear outcome")
{
    mail_answers a;
    a["GET " + inbox + "MSG1"]       = {mail_answer("200 OK", "mail")};
    a["DELETE " + inbox + "MSG1"]    = {mail_answer::cut()};
    a["MOVE " + inbox + "MSG1"]      = {mail_answer::cut()};
    a["BDELETE " + inbox]            = {mail_answer::cut()};
    a["BMOVE " + inbox]              = {mail_answer::cut()};
    a["MOVE /hm/folders/work/"]      = {mail_answer::cut()};
    a["DELETE /hm/folders/work/"]    = {mail_answer::cut()};
    a["MKCOL /hm/folders/work/"]     = {mail_answer::cut()};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        auto const one   = s.url(inbox + "MSG1");
        auto const work  = s.url("/hm/folders/work/");
        auto const trash = s.url("/hm/folders/trAsH/");
        auto const warm  = [&]() -> task<void> { // a kept connection, on which others would be tried again
            auto const mail = co_await s.box.fetch_text(one);
            CHECK(mail == "mail");
        };
        std::vector<std::error_code> codes;
        std::error_code              ec;
        co_await warm();
        ec = co_await failure_of(s.box.remove(one, deletion::for_good));
        codes.push_back(ec);
        co_await warm();
        ec = co_await failure_of(s.box.move(one, trash));
        codes.push_back(ec);
        co_await warm();
        ec = co_await failure_of(s.box.remove(urls(s, inbox, 2), deletion::for_good));
        codes.push_back(ec);
        co_await warm();
        ec = co_await failure_of(s.box.move(urls(s, inbox, 2), trash));
        codes.push_back(ec);
        co_await warm();
        ec = co_await failure_of(s.box.rename_folder(work, "play"));
        codes.push_back(ec);
        co_await warm();
        ec = co_await failure_of(s.box.delete_folder(work));
        codes.push_back(ec);
        co_await warm();
        ec = co_await failure_of(s.box.create_folder(s.url("/hm/folders/"), "work"));
        codes.push_back(ec);
        for (auto const& code : codes)
        {
            CHECK(code == http::errc::in_doubt);
            CHECK(fate_of(code, true) == fate::in_doubt);
        }
        for (auto const& [key, all] : s.answers)
            if (all[0].cuts)
            {
                CAPTURE(key);
                CHECK(s.asked(key) == 1);
            }
    });
}

TEST_CASE("folders: created where the server says, renamed without replacing, deleted")
{
    mail_answers a;
    a["MKCOL /hm/folders/Projects/"] = {mail_answer("201 Created", "", "Location: $H/hm/folders/F0007/\r\n")};
    a["MKCOL /hm/folders/b%20%26c/"] = {mail_answer("201 Created")};
    a["MKCOL /hm/folders/old/"]      = {mail_answer("405 Method Not Allowed")};
    a["PROPFIND /hm/folders/"]       = {mail_answer::list(member("/hm/folders/F8/", "<D:isfolder>1</D:isfolder><D:displayname>b &amp;c</D:displayname>"))};
    a["MOVE /hm/folders/F0007/"]     = {mail_answer("201 Created", "", "Location: $H/hm/folders/F0007/\r\n"), mail_answer("412 Precondition Failed")};
    a["DELETE /hm/folders/F0007/"]   = {mail_answer("200 OK")};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        auto const top  = s.url("/hm/folders/");
        auto const made = co_await s.box.create_folder(top, "Projects");
        CHECK(made == s.url("/hm/folders/F0007/"));
        CHECK(s.server.last().field("Content-Type") == "text/xml");
        CHECK(s.server.last().body.empty());
        auto const found = co_await s.box.create_folder(top, "b &c");
        CHECK(found == s.url("/hm/folders/F8/"));
        auto const old = co_await failure_of(s.box.create_folder(top, "old"));
        CHECK(old == httpmail::errc::folder_exists);
        auto const renamed = co_await s.box.rename_folder(made, "Archive");
        CHECK(renamed == made);
        CHECK(s.server.last().field("Destination") == s.url("/hm/folders/Archive/").str());
        CHECK(s.server.last().field("Overwrite") == "F");
        auto const taken = co_await failure_of(s.box.rename_folder(made, "Archive"));
        CHECK(taken == httpmail::errc::folder_exists);
        co_await s.box.delete_folder(made);
        auto const before = s.server.requests().size();
        for (auto const* name : {"", "a/b", "..", "a\nb", "\xff"})
        {
            auto const bad = co_await failure_of(s.box.create_folder(top, name));
            CHECK(bad == httpmail::errc::bad_name);
        }
        for (auto const* special : {"/hm/folders/ACTIVE/", "/hm/folders/", "/hm/", "/hm/folders/trAsH"})
        {
            auto const ec = co_await failure_of(s.box.delete_folder(s.url(special)));
            CHECK(ec == httpmail::errc::special_folder);
            auto const too = co_await failure_of(s.box.rename_folder(s.url(special), "x"));
            CHECK(too == httpmail::errc::special_folder);
        }
        auto const foreign = co_await failure_of(s.box.delete_folder(http::url("http://elsewhere.example/a/")));
        CHECK(foreign == httpmail::errc::foreign_url);
        CHECK(s.server.requests().size() == before);
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
        auto const none = co_await failure_of(s.box.read_contact(all[0].url));
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
        auto const no = co_await failure_of(s.box.add_contact(c));
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
        auto const ec = co_await failure_of(s.box.open()); // no TLS
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
        auto const wrong = co_await failure_of(s.box.reopen());
        CHECK(wrong == http::errc::auth_failed);
        CHECK(s.asked("POST /exchweb/bin/auth/owaauth.dll") == 1);
        auto const again = co_await failure_of(s.box.reopen());
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
        auto const ec = co_await failure_of(s.box.list(s.url("/x/alice/Drafts")));
        CHECK(ec == dav::errc::not_supported);
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
        auto const read = co_await failure_of(s.box.mark(one, true));
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
        auto const nowhere = co_await failure_of(s.box.send(to_bob(), text("x")));
        CHECK(nowhere == httpmail::errc::cannot_send);
        auto const no_trash = co_await failure_of(s.box.remove(one, deletion::to_deleted_items));
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
        auto const full = co_await failure_of(s.box.add_contact(c));
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
        auto const ec = co_await failure_of(s.box.folder_tree());
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
            auto const ec = co_await failure_of(one(5));
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
