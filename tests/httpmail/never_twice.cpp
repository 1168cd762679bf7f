//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What destroys or moves is never sent twice on its own after an unclear outcome: each verb, in every dialect, with a connection
// that ends before anything was done, and after all was.

#include <posthorn/httpmail/mailbox.hpp>

#include <doctest/doctest.h>

#include <support/embedded_mailbox.hpp>
#include <support/failures.hpp>
#include <support/mailboxes.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace support::mailboxes;
using support::code_of_failure;
using support::mail_answer;
using support::mail_answers;
using support::mail_site;

namespace {

httpmail_server_settings server_of(dialect d)
{
    switch (d)
    {
    case dialect::hotmail: return httpmail_server_settings::hotmail();
    case dialect::exchange: return httpmail_server_settings::exchange();
    case dialect::dav: break;
    }
    return httpmail_server_settings::dav();
}

/// What a test works on: messages in the inbox, an empty folder, and whether the server obeys before the connection ends.
struct scene
{
    explicit scene(mail_pair& pair) : p(pair) {}

    mail_pair&             p;
    std::vector<http::url> messages;
    http::url              work;
    bool                   obeyed = false;

    std::size_t in_inbox() const { return p.server.folder("inbox")->items.size(); }
    std::size_t in_work() const { return p.server.folder(work.target())->items.size(); }
};

/** Runs `act` in each of the dialects, with the answer to `method` lost, on a connection that was used before: there any other
    request would be sent again. Its failure has to be http::errc::in_doubt, and `method` to be sent once. */
void lost(std::vector<dialect> const& dialects, std::string const& method, std::function<task<void>(scene&)> act,
          std::function<void(scene&)> after)
{
    for (auto const d : dialects)
        for (auto const kind : {httpmail_fault::what::close, httpmail_fault::what::close_after})
        {
            auto const settings = server_of(d);
            auto       m        = logged_in(settings);
            m.connections       = 1;
            m.dialect           = d;
            with_pair(settings, m, [&](mail_pair& p) -> task<void> {
                bool const obeyed = kind == httpmail_fault::what::close_after;
                CAPTURE(to_string(d));
                CAPTURE(obeyed);
                scene s(p);
                s.obeyed = obeyed;
                s.work   = p.url(p.server.add_folder("work"));
                for (auto const* one : {"a", "b", "c"})
                    p.server.add_message("inbox", mail(one));
                auto const at   = co_await p.box.find(folder_kind::inbox);
                auto const list = co_await p.box.list(at);
                s.messages      = urls_of(list);
                REQUIRE(s.messages.size() == 3);
                p.server.forget();
                p.server.fail(fault(kind, method));
                auto const ec = co_await code_of_failure(act(s));
                CHECK(ec == http::errc::in_doubt);
                CHECK(fate_of(ec, true) == fate::in_doubt);
                CHECK(p.server.requests(method).size() == 1);
                CHECK(p.server.requests().size() == 1);
                after(s);
                // The mailbox goes on.
                auto const later = co_await p.box.list(at);
                CHECK(later.size() == s.in_inbox());
            });
        }
}

std::vector<dialect> const all_dialects = {dialect::hotmail, dialect::exchange, dialect::dav};
std::vector<dialect> const bulk_dialects = {dialect::hotmail, dialect::exchange};

/// The fates of all that a failed operation on many was asked for.
task<std::string> fates_of_failure(task<std::vector<item_outcome>> t)
{
    std::string all;
    try
    {
        auto const done = co_await std::move(t);
        all             = "no failure: " + fates(done);
    }
    catch (bulk_error const& e)
    {
        CHECK(e.code() == http::errc::in_doubt);
        all = fates(e.items());
    }
    co_return all;
}

} // namespace

TEST_SUITE_BEGIN("httpmail/never_twice");

TEST_CASE("deleting one message")
{
    auto const act = [](scene& s) -> task<void> { co_await s.p.box.remove(s.messages[0], deletion::for_good); };
    lost(all_dialects, "DELETE", act, [](scene& s) { CHECK(s.in_inbox() == (s.obeyed ? 2U : 3U)); });
}

TEST_CASE("deleting many messages by BDELETE: all of them are in doubt, and none is deleted by itself")
{
    auto const act = [](scene& s) -> task<void> {
        auto const done = co_await s.p.box.remove(s.messages, deletion::for_good);
        static_cast<void>(done);
    };
    lost(bulk_dialects, "BDELETE", act, [](scene& s) { CHECK(s.in_inbox() == (s.obeyed ? 0U : 3U)); });
}

TEST_CASE("deleting many messages by DELETE: the first is in doubt, the others are not begun")
{
    auto const act = [](scene& s) -> task<void> {
        auto const told = co_await fates_of_failure(s.p.box.remove(s.messages, deletion::for_good));
        CHECK(told == "in_doubt:0 not_done:0 not_done:0");
        throw posthorn::error(http::errc::in_doubt); // which fates_of_failure() has seen
    };
    lost({dialect::dav}, "DELETE", act, [](scene& s) { CHECK(s.in_inbox() == (s.obeyed ? 2U : 3U)); });
}

TEST_CASE("moving one message")
{
    auto const act = [](scene& s) -> task<void> {
        auto const where = co_await s.p.box.move(s.messages[0], s.work);
        static_cast<void>(where);
    };
    lost(all_dialects, "MOVE", act, [](scene& s) {
        CHECK(s.in_inbox() == (s.obeyed ? 2U : 3U));
        CHECK(s.in_work() == (s.obeyed ? 1U : 0U));
    });
}

TEST_CASE("moving many messages by BMOVE: all of them are in doubt, and none is moved by itself")
{
    auto const act = [](scene& s) -> task<void> {
        auto const done = co_await s.p.box.move(s.messages, s.work);
        static_cast<void>(done);
    };
    lost(bulk_dialects, "BMOVE", act, [](scene& s) {
        CHECK(s.in_inbox() == (s.obeyed ? 0U : 3U));
        CHECK(s.in_work() == (s.obeyed ? 3U : 0U));
    });
    for (auto const d : bulk_dialects)
    {
        auto const settings = server_of(d);
        with_pair(settings, [](mail_pair& p) -> task<void> {
            p.server.add_message("inbox", mail("a"));
            p.server.add_message("inbox", mail("b"));
            auto const work = p.url(p.server.add_folder("work"));
            auto const at   = co_await p.box.find(folder_kind::inbox);
            auto const list = co_await p.box.list(at);
            p.server.fail(fault(httpmail_fault::what::close_after, "BMOVE"));
            auto const told = co_await fates_of_failure(p.box.move(urls_of(list), work));
            CHECK(told == "in_doubt:0 in_doubt:0");
        });
    }
}

TEST_CASE("moving into the deleted items")
{
    auto const act = [](scene& s) -> task<void> { co_await s.p.box.remove(s.messages[0], deletion::to_deleted_items); };
    lost(all_dialects, "MOVE", act, [](scene& s) {
        CHECK(s.in_inbox() == (s.obeyed ? 2U : 3U));
        CHECK(s.p.server.folder("deleteditems")->items.size() == (s.obeyed ? 1U : 0U));
    });
}

TEST_CASE("renaming a folder")
{
    auto const act = [](scene& s) -> task<void> {
        auto const where = co_await s.p.box.rename_folder(s.work, "play");
        static_cast<void>(where);
    };
    lost(all_dialects, "MOVE", act, [](scene& s) {
        CHECK(s.p.server.folder("work").has_value() != s.obeyed);
        CHECK(s.p.server.folder("play").has_value() == s.obeyed);
    });
}

TEST_CASE("deleting a folder")
{
    auto const act = [](scene& s) -> task<void> { co_await s.p.box.delete_folder(s.work); };
    lost(all_dialects, "DELETE", act, [](scene& s) { CHECK(s.p.server.folder("work").has_value() != s.obeyed); });
}

TEST_CASE("deleting a contact")
{
    auto const act = [](scene& s) -> task<void> {
        // A server of plain WebDAV makes no difference between a message and a contact: both are files.
        bool const files = s.p.box.speaks() == dialect::dav;
        auto const at    = files ? s.messages[0] : s.p.url(s.p.server.add_contact({{"cn", "Bob"}}));
        co_await s.p.box.delete_contact(at);
    };
    lost(all_dialects, "DELETE", act, [](scene& s) {
        if (s.p.box.speaks() == dialect::dav)
            CHECK(s.in_inbox() == (s.obeyed ? 2U : 3U));
        else
            CHECK(s.p.server.folder("contacts")->items.size() == (s.obeyed ? 0U : 1U));
    });
}

TEST_CASE("making a folder")
{
    auto const act = [](scene& s) -> task<void> {
        auto const where = co_await s.p.box.create_folder(s.p.box.root().folder_root, "play");
        static_cast<void>(where);
    };
    lost(all_dialects, "MKCOL", act, [](scene& s) { CHECK(s.p.server.folder("play").has_value() == s.obeyed); });
}

TEST_CASE("copying one message")
{
    auto const act = [](scene& s) -> task<void> {
        auto const where = co_await s.p.box.copy(s.messages[0], s.work);
        static_cast<void>(where);
    };
    lost(all_dialects, "COPY", act, [](scene& s) { CHECK(s.in_work() == (s.obeyed ? 1U : 0U)); });
}

TEST_CASE("sending a message")
{
    auto const act = [](scene& s) -> task<void> {
        auto const report = co_await s.p.box.send(to_bob(), text(mail("sent")));
        static_cast<void>(report);
    };
    auto const after = [](scene& s) { CHECK(s.p.server.submissions().size() == (s.obeyed ? 1U : 0U)); };
    lost({dialect::hotmail}, "POST", act, after);
    lost({dialect::exchange}, "PUT", act, after);
}

TEST_CASE("plain WebDAV: a taken name makes it try another one, and a lost answer ends that")
{
    auto const settings = server_of(dialect::dav);
    auto       m        = logged_in(settings);
    m.connections       = 1;
    with_pair(settings, m, [](mail_pair& p) -> task<void> {
        auto const work = p.url(p.server.add_folder("work"));
        p.server.add_message("inbox", mail("a"));
        auto const at   = co_await p.box.find(folder_kind::inbox);
        auto const list = co_await p.box.list(at);
        auto       taken = fault(httpmail_fault::what::answer, "MOVE");
        taken.response   = posthorn::testing::httpmail_response(412);
        p.server.fail(taken);
        p.server.fail(fault(httpmail_fault::what::close_after, "MOVE"));
        auto const ec = co_await code_of_failure(p.box.move(list.at(0).url, work));
        CHECK(ec == http::errc::in_doubt);
        auto const sent = p.server.requests("MOVE");
        REQUIRE(sent.size() == 2);
        CHECK(sent[0].field("Destination") != sent[1].field("Destination"));
        CHECK(sent[1].field("Overwrite") == "F");
        CHECK(p.server.folder("work")->items.size() == 1);
    });
}

TEST_CASE("Hotmail: a destination that is refused without its slash is tried with one, and a lost answer ends that")
{
    auto m        = logged_in(server_of(dialect::hotmail));
    m.connections = 1;
    with_pair(server_of(dialect::hotmail), m, [](mail_pair& p) -> task<void> {
        auto const work = p.url(p.server.add_folder("work"));
        p.server.add_message("inbox", mail("a"));
        auto const at      = co_await p.box.find(folder_kind::inbox);
        auto const list    = co_await p.box.list(at);
        auto       refused = fault(httpmail_fault::what::answer, "MOVE");
        refused.response   = posthorn::testing::httpmail_response(404);
        p.server.fail(refused);
        p.server.fail(fault(httpmail_fault::what::close, "MOVE"));
        auto const ec = co_await code_of_failure(p.box.move(list.at(0).url, work));
        CHECK(ec == http::errc::in_doubt);
        auto const sent = p.server.requests("MOVE");
        REQUIRE(sent.size() == 2);
        CHECK(sent[1].field("Destination") == sent[0].field("Destination").value_or("") + "/");
        CHECK(p.server.folder("inbox")->items.size() == 1);
    });
}

TEST_CASE("400 to a bulk request is no proof that nothing was done: only marks are tried by themselves")
{
    for (auto const d : bulk_dialects)
    {
        auto settings       = server_of(d);
        settings.verbs.bulk = 400;
        with_pair(settings, [](mail_pair& p) -> task<void> {
            p.server.add_message("inbox", mail("a"));
            p.server.add_message("inbox", mail("b"));
            auto const work  = p.url(p.server.add_folder("work"));
            auto const at    = co_await p.box.find(folder_kind::inbox);
            auto const list  = co_await p.box.list(at);
            auto const urls  = urls_of(list);
            auto const moved = co_await p.box.move(urls, work);
            CHECK(fates(moved) == "refused:400 refused:400");
            CHECK(p.server.requests("MOVE").empty());
            auto const copied = co_await p.box.copy(urls, work);
            CHECK(fates(copied) == "refused:400 refused:400");
            CHECK(p.server.requests("COPY").empty());
            auto const removed = co_await p.box.remove(urls, deletion::for_good);
            CHECK(fates(removed) == "refused:400 refused:400");
            CHECK(p.server.requests("DELETE").empty());
            CHECK(p.server.folder("inbox")->items.size() == 2);
            auto const marked = co_await p.box.mark(urls, true);
            CHECK(all_done(marked));
            CHECK(p.server.folder("inbox")->unread() == 0);
            CHECK(p.server.requests("PROPPATCH").size() == 2);
        });
    }
    // One that obeys and answers 400: the messages are gone, and nobody looks for them once more.
    mail_answers a;
    a["BDELETE " + inbox] = {mail_answer("400 Bad Request", "<html>", "Content-Type: text/html\r\n")};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        auto const removed = co_await s.box.remove(urls(s, inbox, 2), deletion::for_good);
        CHECK(fates(removed) == "refused:400 refused:400");
        CHECK(s.unexpected.empty());
    });
}

TEST_SUITE_END();
