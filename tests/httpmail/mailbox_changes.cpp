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

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

using namespace support::mailboxes;
using support::code_of_failure;
using support::mail_answer;
using support::mail_answers;
using support::mail_site;
using support::member;
using support::with_mailbox;

TEST_SUITE_BEGIN("httpmail/mailbox_changes");

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
    for (auto const* no : {"403 Forbidden", "405 Method Not Allowed", "501 Not Implemented"})
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
        auto const           nobody = co_await code_of_failure(s.box.send(empty, text("x")));
        CHECK(nobody == httpmail::errc::no_recipients);
        auto const nothing = co_await code_of_failure(s.box.send(to_bob(), nullptr));
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
        auto const                    ec      = co_await code_of_failure(s.box.append(s.url(inbox), endless));
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
        auto const                    ec      = co_await code_of_failure(s.box.send(to_bob(), content));
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
        ec = co_await code_of_failure(s.box.remove(one, deletion::for_good));
        codes.push_back(ec);
        co_await warm();
        ec = co_await code_of_failure(s.box.move(one, trash));
        codes.push_back(ec);
        co_await warm();
        ec = co_await code_of_failure(s.box.remove(urls(s, inbox, 2), deletion::for_good));
        codes.push_back(ec);
        co_await warm();
        ec = co_await code_of_failure(s.box.move(urls(s, inbox, 2), trash));
        codes.push_back(ec);
        co_await warm();
        ec = co_await code_of_failure(s.box.rename_folder(work, "play"));
        codes.push_back(ec);
        co_await warm();
        ec = co_await code_of_failure(s.box.delete_folder(work));
        codes.push_back(ec);
        co_await warm();
        ec = co_await code_of_failure(s.box.create_folder(s.url("/hm/folders/"), "work"));
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
        auto const old = co_await code_of_failure(s.box.create_folder(top, "old"));
        CHECK(old == httpmail::errc::folder_exists);
        auto const renamed = co_await s.box.rename_folder(made, "Archive");
        CHECK(renamed == made);
        CHECK(s.server.last().field("Destination") == s.url("/hm/folders/Archive/").str());
        CHECK(s.server.last().field("Overwrite") == "F");
        auto const taken = co_await code_of_failure(s.box.rename_folder(made, "Archive"));
        CHECK(taken == httpmail::errc::folder_exists);
        co_await s.box.delete_folder(made);
        auto const before = s.server.requests().size();
        for (auto const* name : {"", "a/b", "..", "a\nb", "\xff"})
        {
            auto const bad = co_await code_of_failure(s.box.create_folder(top, name));
            CHECK(bad == httpmail::errc::bad_name);
        }
        for (auto const* special : {"/hm/folders/ACTIVE/", "/hm/folders/", "/hm/", "/hm/folders/trAsH"})
        {
            auto const ec = co_await code_of_failure(s.box.delete_folder(s.url(special)));
            CHECK(ec == httpmail::errc::special_folder);
            auto const too = co_await code_of_failure(s.box.rename_folder(s.url(special), "x"));
            CHECK(too == httpmail::errc::special_folder);
        }
        auto const foreign = co_await code_of_failure(s.box.delete_folder(http::url("http://elsewhere.example/a/")));
        CHECK(foreign == httpmail::errc::foreign_url);
        CHECK(s.server.requests().size() == before);
    });
}

TEST_SUITE_END();
