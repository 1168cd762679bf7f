//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Thirty-one things that two servers in use, b1gMail 7.4 (B) and SOGo 5.8 (S), were seen to do, each switched on in the embedded server:
// first what the server does, where a bare request shows it, then how the mailbox copes.

#include <posthorn/httpmail/mailbox.hpp>

#include <doctest/doctest.h>

#include <support/embedded_mailbox.hpp>
#include <support/failures.hpp>
#include <support/mailboxes.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace support::mailboxes;
using support::code_of_failure;

namespace {

void with_b1gmail(std::function<task<void>(mail_pair&)> body) { with_pair(httpmail_server_settings::b1gmail(), std::move(body)); }

/// @param d SOGo looks like Exchange, but does not say so.
void with_sogo(std::function<task<void>(mail_pair&)> body, dialect d = dialect::exchange)
{
    auto const s = httpmail_server_settings::sogo();
    auto       m = logged_in(s);
    m.dialect    = d;
    with_pair(s, m, std::move(body));
}

/// What a request gets that is not the mailbox's.
struct raw_answer
{
    int           status = 0;
    http::headers fields;
    std::string   body;

    bool has(std::string_view part) const { return body.find(part) != body.npos; }
};

task<raw_answer> raw(mail_pair& p, http::request r)
{
    r.redirects = http::redirects::keep;
    auto       answer = co_await p.box.web().send(std::move(r));
    raw_answer a;
    a.status = answer.status();
    a.fields = answer.fields();
    a.body   = co_await answer.text();
    co_return a;
}

std::string without_slash(std::string target)
{
    while (target.ends_with('/'))
        target.pop_back();
    return target;
}

std::string id_of(std::string const& target) { return std::string(dav::last_segment(target)); }

std::size_t count(std::string_view text, std::string_view part)
{
    std::size_t n = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
        ++n;
    return n;
}

http::request asking(mail_pair const& p, std::string const& target, std::string const& props,
                     std::string const& spaces = "xmlns:D=\"DAV:\" xmlns:hm=\"urn:schemas:httpmail:\" xmlns:m=\"urn:schemas:mailheader:\"")
{
    http::request r("PROPFIND", p.url(target));
    r.fields.set("Depth", "1");
    r.set_body("<?xml version=\"1.0\"?><D:propfind " + spaces + "><D:prop>" + props + "</D:prop></D:propfind>", "text/xml");
    return r;
}

std::string message(std::string const& fields) { return fields + "\r\nhello\r\n"; }

/// A body whose size nobody knows.
struct unsized final : source
{
    explicit unsized(std::string s) : content(std::move(s)) {}

    task<std::string_view> next() override
    {
        std::string_view const block = given ? std::string_view() : std::string_view(content);
        given                        = true;
        co_return block;
    }
    task<void> rewind() override
    {
        given = false;
        co_return;
    }
    bool rewindable() const override { return true; }

    std::string content;
    bool        given = false;
};

} // namespace

TEST_SUITE_BEGIN("httpmail/observations");

// ---- what loses mail ----

TEST_CASE("11.1 B: a MOVE without the last slash is refused, or renames the folder: both URLs get theirs")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const    work = p.server.add_folder("work");
        auto const    at   = p.server.add_message("work", mail("a"));
        auto const    root = co_await p.box.open();
        http::request bare("MOVE", p.url(at));
        bare.fields.set("Destination", root.deleted_items.str() + id_of(at));
        auto const refused = co_await raw(p, std::move(bare));
        CHECK(refused.status == 400);
        http::request worse("MOVE", p.url(without_slash(at)));
        worse.fields.set("Destination", root.deleted_items.str() + id_of(at) + "/");
        auto const renamed = co_await raw(p, std::move(worse));
        CHECK(renamed.status == 201);
        CHECK_FALSE(p.server.folder("work").has_value());
        CHECK(p.server.folder("-5").has_value());
        CHECK(p.server.folder(work)->items.size() == 1);
    });
    with_b1gmail([](mail_pair& p) -> task<void> {
        p.server.add_folder("work");
        auto const at   = p.server.add_message("work", mail("a"));
        auto const root = co_await p.box.open();
        auto const done = co_await p.box.move(p.url(without_slash(at)), root.deleted_items);
        static_cast<void>(done);
        CHECK(p.server.folder("work")->items.empty());
        CHECK(p.server.folder("deleteditems")->items.size() == 1);
        auto const sent = p.server.requests("MOVE");
        REQUIRE(sent.size() == 1);
        CHECK(sent[0].target.ends_with('/'));
        CHECK(sent[0].field("Destination").value_or("").ends_with('/'));
    });
    // Where a message has no slash its destination has none; after 400 it is tried with one.
    auto s               = httpmail_server_settings::hotmail();
    s.tree.slash_matters = true;
    with_pair(s, [](mail_pair& p) -> task<void> {
        auto const at   = p.server.add_message("inbox", mail("a"));
        auto const root = co_await p.box.open();
        auto const done = co_await p.box.move(p.url(at), root.deleted_items);
        static_cast<void>(done);
        auto const sent = p.server.requests("MOVE");
        REQUIRE(sent.size() == 2);
        CHECK(sent[0].status == 400);
        CHECK(sent[1].field("Destination") == sent[0].field("Destination").value_or("") + "/");
        CHECK(p.server.folder("deleteditems")->items.size() == 1);
    });
}

TEST_CASE("11.2 B: whole URLs as targets and `set` before `target` do nothing and are called done: only last parts go, targets first")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const    at   = p.server.add_message("inbox", mail("a"));
        auto const    root = co_await p.box.open();
        http::request whole("BMOVE", root.inbox);
        whole.fields.set("Destination", root.deleted_items.str());
        whole.set_body("<D:move xmlns:D=\"DAV:\"><D:target><D:href>" + p.url(at).str() + "</D:href></D:target></D:move>", "text/xml");
        auto const moved = co_await raw(p, std::move(whole));
        CHECK(moved.status / 100 == 2);
        CHECK(p.server.folder("inbox")->items.size() == 1);
        http::request late("BPROPPATCH", root.inbox);
        late.set_body("<D:propertyupdate xmlns:D=\"DAV:\" xmlns:hm=\"urn:schemas:httpmail:\"><D:set><D:prop><hm:read>1</hm:read></D:prop></D:set>"
                      "<D:target><D:href>" + id_of(at) + "</D:href></D:target></D:propertyupdate>",
                      "text/xml");
        auto const marked = co_await raw(p, std::move(late));
        CHECK(marked.status == 201);
        CHECK(p.server.folder("inbox")->unread() == 1);

        std::vector<http::url> const one  = {p.url(at)};
        auto const                   read = co_await p.box.mark(one, true);
        CHECK(all_done(read));
        CHECK(p.server.folder("inbox")->unread() == 0);
        std::vector<http::url> const none = {p.url(root.inbox.target() + "98/"), p.url(root.inbox.target() + "99/")};
        auto const                   lie  = co_await p.box.move(none, root.deleted_items);
        CHECK(fates(lie) == "done:200 done:200"); // the server's word
        auto const sure = co_await p.box.list(root.deleted_items);
        CHECK(sure.empty());
        auto const done = co_await p.box.move(one, root.deleted_items);
        CHECK(all_done(done));
        CHECK(p.server.folder("deleteditems")->items.size() == 1);
        auto const gone = co_await p.box.remove(none, deletion::for_good);
        CHECK(all_done(gone));
    });
}

TEST_CASE("11.3 B: deleting is final outside the trash too, a folder's messages survive in the trash, the inbox is left alone")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        auto const work = p.url(p.server.add_folder("work"));
        p.server.add_message("work", mail("kept"));
        for (auto const* one : {"a", "b", "c"})
            p.server.add_message("inbox", mail(one));
        auto const list = co_await p.box.list(root.inbox);
        co_await p.box.remove(list.at(0).url, deletion::for_good);
        std::vector<http::url> const two  = {list.at(1).url, list.at(2).url};
        auto const                   done = co_await p.box.remove(two, deletion::for_good);
        CHECK(all_done(done));
        CHECK(p.server.folder("inbox")->items.empty());
        CHECK(p.server.folder("deleteditems")->items.empty());
        co_await p.box.delete_folder(work);
        CHECK_FALSE(p.server.folder("work").has_value());
        auto const trash = co_await p.box.list(root.deleted_items);
        CHECK(subjects(trash) == "kept");
        auto const lie = co_await raw(p, http::request("DELETE", root.inbox));
        CHECK(lie.status == 201);
        CHECK(p.server.folder("inbox").has_value());
        auto const sent = p.server.requests("DELETE").size();
        auto const ec   = co_await code_of_failure(p.box.delete_folder(root.inbox));
        CHECK(ec == httpmail::errc::special_folder);
        CHECK(p.server.requests("DELETE").size() == sent);
    });
}

TEST_CASE("11.4 B: a message that is not there is an empty one with 200, S: 404; both are gone")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        auto const none = p.url(root.inbox.target() + "999/");
        auto const a    = co_await raw(p, http::request("GET", none));
        CHECK(a.status == 200);
        CHECK(a.fields.get("Content-Type") == "message/rfc822");
        CHECK(a.body.empty());
        auto const ec = co_await code_of_failure(p.box.fetch_text(none));
        CHECK(ec == httpmail::errc::message_gone);
    });
    with_sogo([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        auto const none = p.url(root.folder_root.target() + "Inbox/none.EML");
        auto const a    = co_await raw(p, http::request("GET", none));
        CHECK(a.status == 404);
        auto const ec = co_await code_of_failure(p.box.fetch_text(none));
        CHECK(ec == httpmail::errc::message_gone);
    });
}

TEST_CASE("11.5 B: the query is read as it stands, so it is sent as it came")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", mail("inbox"));
        auto const at    = p.server.add_message("deleteditems", mail("trash"));
        auto const trash = root.deleted_items.target();
        CHECK(trash.ends_with("?/folders/-5/"));
        auto encoded = trash;
        for (auto i = encoded.find('/', encoded.find('?')); i != encoded.npos; i = encoded.find('/', i))
            encoded.replace(i, 1, "%2F");
        auto const bad = co_await raw(p, asking(p, encoded, "<m:subject/>"));
        CHECK(bad.status == 400);
        auto const other = co_await raw(p, asking(p, trash.substr(0, trash.size() - 3) + "%2D5/", "<m:subject/>"));
        CHECK(other.has("inbox</m:subject>")); // another folder, silently
        p.server.forget();

        auto const list = co_await p.box.list(root.deleted_items);
        CHECK(subjects(list) == "trash");
        CHECK(list.at(0).url.target() == at);
        auto const text_of_it = co_await p.box.fetch_text(list[0].url);
        CHECK(text_of_it == mail("trash"));
        co_await p.box.mark(list[0].url, true);
        auto const where = co_await p.box.move(list[0].url, root.inbox);
        static_cast<void>(where);
        CHECK(p.server.folder("inbox")->items.size() == 2);
        for (auto const& r : p.server.requests())
        {
            CHECK(r.target.find('%') == r.target.npos);
            CHECK(r.target.find("?/folders/-5/") != r.target.npos);
        }
    });
}

TEST_CASE("11.6 B: a cookie with the password, expired as it comes and stronger than the login, is not kept")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", mail("a"));
        auto const list = co_await p.box.list(root.inbox);
        CHECK(list.size() == 1);
        auto const a = co_await raw(p, http::request("GET", list.at(0).url));
        CHECK(a.fields.get("Set-Cookie").value_or("").starts_with("httpmail_auth="));
        for (auto const& r : p.server.requests())
            CHECK_FALSE(r.has("Cookie"));
        http::request old("GET", list[0].url);
        old.fields.set("Cookie", "httpmail_auth=YWxpY2U=%3Ab2xk");
        auto const beaten = co_await code_of_failure(raw(p, std::move(old)));
        CHECK(beaten == posthorn::condition::authentication); // beside a good Authorization
        CHECK(p.server.requests().back().status == 401);
        CHECK(p.server.requests().back().has("Authorization"));
    });
}

TEST_CASE("11.7 S: one ETag for all messages is neither their name nor a reason not to fetch them")
{
    with_sogo([](mail_pair& p) -> task<void> {
        auto const    root = co_await p.box.open();
        auto const    one  = p.server.add_message("inbox", mail("one"));
        auto const    two  = p.server.add_message("inbox", mail("two"));
        auto const    a    = co_await raw(p, http::request("GET", p.url(one)));
        http::request conditional("GET", p.url(two));
        conditional.fields.set("If-None-Match", std::string(a.fields.get("ETag").value_or("none")));
        auto const never_seen = co_await raw(p, std::move(conditional));
        CHECK(never_seen.status == 304);
        p.server.forget();
        auto const list = co_await p.box.list(root.inbox);
        REQUIRE(list.size() == 2);
        CHECK(list[0].id != list[1].id);
        for (auto const& m : list)
        {
            auto const body = co_await p.box.fetch_text(m.url);
            CHECK(body.find("Subject: " + m.subject + "\n") != body.npos);
        }
        for (auto const& r : p.server.requests())
            CHECK_FALSE(r.has("If-None-Match"));
    });
}

// ---- XML ----

TEST_CASE("11.8 B: forbidden characters as references, S: halves of surrogates; the other messages are still listed")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        p.server.add_message("inbox", mail("bell\x07!\x1b"));
        p.server.add_message("inbox", mail("plain"));
        auto const root = co_await p.box.open();
        auto const a    = co_await raw(p, asking(p, root.inbox.target(), "<m:subject/>"));
        CHECK(a.has("bell&#7;!&#27;"));
        auto const list = co_await p.box.list(root.inbox);
        CHECK(subjects(list) == "bell!|plain");
    });
    with_sogo([](mail_pair& p) -> task<void> {
        p.server.add_message("inbox", mail("\xf0\x9f\x98\x80 hello"));
        p.server.add_message("inbox", mail("plain"));
        auto const root = co_await p.box.open();
        auto const a    = co_await raw(p, asking(p, root.inbox.target() + "/", "<m:subject/>"));
        CHECK(a.has("&#55357;&#56832;"));
        auto const list = co_await p.box.list(root.inbox);
        CHECK(subjects(list) == "plain|\xf0\x9f\x98\x80 hello");
    });
}

TEST_CASE("11.9 S binds hm to Hotmail's namespace, B knows five prefixes and nothing else: read by namespace, written with those")
{
    with_sogo([](mail_pair& p) -> task<void> {
        p.server.add_message("inbox", mail("a"), true);
        p.server.add_message("inbox", mail("b"));
        auto const root = co_await p.box.open();
        auto const a    = co_await raw(p, asking(p, root.inbox.target() + "/", "<hm:read/><m:subject/>"));
        CHECK(a.has("xmlns:hm=\"http://schemas.microsoft.com/hotmail/\""));
        CHECK_FALSE(a.has("<hm:read"));
        auto const list = co_await p.box.list(root.inbox);
        REQUIRE(list.size() == 2);
        for (auto const& m : list)
            CHECK(m.read == (m.subject == "a"));
    });
    with_b1gmail([](mail_pair& p) -> task<void> {
        p.server.add_message("inbox", mail("a"));
        auto const root = co_await p.box.open();
        auto const a    = co_await raw(p, asking(p, root.inbox.target(), "<x:subject/>", "xmlns:D=\"DAV:\" xmlns:x=\"urn:schemas:mailheader:\""));
        CHECK(a.status == 207);
        CHECK_FALSE(a.has("subject"));
        auto const list = co_await p.box.list(root.inbox);
        CHECK(subjects(list) == "a");
    });
}

TEST_CASE("11.10 S: status before prop, paths for hrefs, an empty propstat, D:href among the properties, a slash behind messages")
{
    with_sogo([](mail_pair& p) -> task<void> {
        auto const at   = p.server.add_message("inbox", mail("a"));
        auto const root = co_await p.box.open();
        auto const a    = co_await raw(p, asking(p, root.inbox.target() + "/", "<m:subject/>"));
        CHECK(a.body.find(":status>") < a.body.find(":prop>"));
        CHECK(count(a.body, ":href>" + at + "<") == 2); // of the response, and among its properties
        auto const b = co_await raw(p, asking(p, root.inbox.target() + "/", "<m:none/>"));
        CHECK(b.has(" 200 "));
        auto const list = co_await p.box.list(root.inbox);
        REQUIRE(list.size() == 1);
        CHECK(list[0].url == p.url(at));
        CHECK(at.ends_with(".EML/"));
        auto const with    = co_await p.box.fetch_text(list[0].url);
        auto const without = co_await p.box.fetch_text(p.url(without_slash(at)));
        CHECK(with.find("Subject: a\n") != with.npos);
        CHECK(with == without);
    });
}

TEST_CASE("11.11 B: unknown properties are empty ones, a signature is escaped twice, neither outbox nor contacts")
{
    auto s      = httpmail_server_settings::b1gmail();
    s.signature = "-- &lt;me&gt;"; // as that server has it, before it writes XML
    with_pair(s, [](mail_pair& p) -> task<void> {
        p.server.add_message("inbox", mail("a"));
        auto const root = co_await p.box.open();
        CHECK(root.outbox.empty());
        CHECK(root.contacts.empty());
        CHECK(root.signature == "-- &lt;me&gt;"); // nobody can tell what is meant
        auto const outbox = co_await code_of_failure(p.box.find(folder_kind::outbox));
        CHECK(outbox == httpmail::errc::no_such_folder);
        auto const contacts = co_await code_of_failure(p.box.contacts());
        CHECK(contacts == httpmail::errc::no_such_folder);
        list_options              options;
        dav::property_name const made_up(xml::name{dav::mailheader_space, "nothing"});
        options.more.push_back(made_up);
        auto const list = co_await p.box.list(root.inbox, options);
        REQUIRE(list.size() == 1);
        CHECK(list[0].get(made_up) == ""); // there, and empty
        CHECK(list[0].from_address.empty());
    });
}

TEST_CASE("11.12 S: errors in the namespace DAV, without its colon, are errors by their status")
{
    with_sogo([](mail_pair& p) -> task<void> {
        auto const    at   = p.server.add_message("inbox", mail("a"));
        auto const    root = co_await p.box.open();
        http::request r("MOVE", p.url(at));
        r.fields.set("Destination", root.drafts.str() + "/a.EML");
        auto const a = co_await raw(p, std::move(r));
        CHECK(a.status == 501);
        CHECK(a.has("<D:error xmlns:D=\"DAV\">"));
        auto const ec = co_await code_of_failure(p.box.move(p.url(at), root.drafts));
        CHECK(ec == dav::errc::not_supported);
        auto const missing = co_await code_of_failure(p.box.folders(p.url(root.folder_root.target() + "none/")));
        CHECK(missing == dav::errc::not_found);
    });
}

// ---- values ----

TEST_CASE("11.13 B: fields decoded, octets read as Latin-1, tabs kept; S: without quotation marks, or missing")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const root    = co_await p.box.open();
        auto const subject = [&](std::string s) -> task<std::string> {
            auto const at   = p.server.add_message("inbox", mail(s));
            auto const list = co_await p.box.list(root.inbox);
            CHECK(list.at(list.size() - 1).url == p.url(at));
            CHECK(list.at(list.size() - 1).from == "\"Bob Example\" <bob@example.net>");
            co_return list.at(list.size() - 1).subject;
        };
        auto seen = co_await subject("=?utf-8?Q?caf=C3=A9?=");
        CHECK(seen == "caf\xc3\xa9");
        seen = co_await subject("caf\xc3\xa9");
        CHECK(seen == "caf\xc3\x83\xc2\xa9"); // doubled
        seen = co_await subject("\x93quoted\x94");
        CHECK(seen == "\xc2\x93quoted\xc2\x94"); // control characters of C1
        seen = co_await subject("two\r\n\tlines");
        CHECK(seen == "two\tlines");
    });
    with_sogo([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", message("From: \"Carol, C.\" <carol@example.org>\r\nSubject: raw \xe9\r\n"));
        auto const list = co_await p.box.list(root.inbox);
        REQUIRE(list.size() == 1);
        CHECK(list[0].from == "Carol, C. <carol@example.org>"); // no list of addresses any more
        CHECK(list[0].subject.empty());
    });
}

TEST_CASE("11.14 S: dates as HTTP writes them, or with +0000, or none; B: the time of delivery for a bad date")
{
    with_sogo(
        [](mail_pair& p) -> task<void> {
            auto const root  = co_await p.box.open();
            auto const where = root.folder_root.target() + "Inbox/";
            p.server.add_message("inbox", message("Subject: good\r\nDate: Mon, 07 Jun 2004 10:15:30 +0200\r\n"));
            auto const bad = p.server.add_message("inbox", message("Subject: bad\r\nDate: yesterday\r\n"));
            p.server.set_property(bad, {"DAV:", "getlastmodified"}, "Tue, 08 Jun 2004 08:15:30 +0000");
            auto const list = co_await p.box.list(p.url(where));
            REQUIRE(list.size() == 2);
            CHECK(list[0].date_text == "Mon, 07 Jun 2004 08:15:30 GMT");
            CHECK((list[0].date == dav::to_time("2004-06-07T08:15:30Z")));
            CHECK(list[1].date_text == "Tue, 08 Jun 2004 08:15:30 +0000"); // what else there is
            CHECK((list[1].date == dav::to_time("2004-06-08T08:15:30Z")));
        },
        dialect::dav);
    auto s = httpmail_server_settings::b1gmail();
    s.now  = [] { return std::int64_t(1086862331); };
    with_pair(s, [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", message("Subject: bad\r\nDate: yesterday\r\n"));
        auto const list = co_await p.box.list(root.inbox);
        REQUIRE(list.size() == 1);
        REQUIRE(list[0].date.has_value());
        auto const received = p.server.folder("inbox")->items[0].received;
        CHECK(std::chrono::duration_cast<std::chrono::seconds>(list[0].date->time_since_epoch()).count() == received);
        CHECK(received / 86400 == 1086862331 / 86400);
    });
}

TEST_CASE("11.15 S counts CRLF where GET gives LF, B what GET gives: a size is a hint")
{
    with_sogo([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", mail("a"));
        auto const list = co_await p.box.list(root.inbox);
        auto const body = co_await p.box.fetch_text(list.at(0).url);
        CHECK(list[0].size == mail("a").size());
        CHECK(body.size() == mail("a").size() - count(mail("a"), "\r\n"));
    });
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", mail("a"));
        auto const list = co_await p.box.list(root.inbox);
        auto const body = co_await p.box.fetch_text(list.at(0).url);
        CHECK(list[0].size == body.size());
    });
}

TEST_CASE("11.16 attachments: B tells m:hasattachment, S hm:hasattachment")
{
    auto const look = [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", "Content-Type: multipart/mixed\r\n" + mail("with"));
        p.server.add_message("inbox", mail("without"));
        auto const list = co_await p.box.list(p.url(p.server.folder("inbox")->path));
        REQUIRE(list.size() == 2);
        for (auto const& m : list)
            CHECK(m.has_attachment == (m.subject == "with"));
    };
    with_b1gmail(look);
    with_sogo(look);
    with_sogo(look, dialect::dav); // by PROPFIND
}

TEST_CASE("11.17 B: CRLF is added to what is stored, which counts as read; GET marks nothing as read")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", mail("delivered"));
        auto const stored = co_await p.box.append(root.inbox, text(mail("posted")));
        CHECK(stored.accepted());
        auto list = co_await p.box.list(root.inbox);
        REQUIRE(list.size() == 2);
        for (auto const& m : list)
        {
            bool const posted = m.subject == "posted";
            CHECK(m.read == posted);
            CHECK(m.size == mail(m.subject).size() + (posted ? 2 : 0));
            auto const body = co_await p.box.fetch_text(m.url);
            CHECK(body == mail(m.subject) + (posted ? "\r\n" : ""));
        }
        list = co_await p.box.list(root.inbox);
        CHECK(list.at(0).read == false);
        CHECK(p.server.folder("inbox")->unread() == 1);
    });
    with_sogo([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", mail("a"));
        auto list = co_await p.box.list(root.inbox);
        auto const body = co_await p.box.fetch_text(list.at(0).url);
        CHECK_FALSE(body.empty());
        list = co_await p.box.list(root.inbox);
        CHECK(list.at(0).read == false);
    });
}

// ---- methods ----

TEST_CASE("11.18 B ignores Depth, and lists the folder when asked for a message, with wrong hrefs: messages are never asked for so")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const  root = co_await p.box.open();
        auto const  one  = p.server.add_message("inbox", mail("a"));
        auto const  two  = p.server.add_message("inbox", mail("b"));
        std::string first;
        for (auto const* depth : {"0", "1", "1,noroot", "infinity"})
        {
            auto r = asking(p, root.inbox.target(), "<m:subject/>");
            r.fields.set("Depth", depth);
            auto const a = co_await raw(p, std::move(r));
            CHECK(count(a.body, "<D:response>") == 2);
            CHECK((first.empty() || first == a.body));
            first = a.body;
        }
        auto const wrong = co_await raw(p, asking(p, one, "<m:subject/>"));
        CHECK(count(wrong.body, "<D:response>") == 2);
        CHECK(wrong.has(one + id_of(two) + "/"));
        p.server.forget();

        auto const list = co_await p.box.list(root.inbox);
        CHECK(subjects(list) == "a|b");
        auto const body = co_await p.box.fetch_text(p.url(one));
        CHECK(body == mail("a"));
        co_await p.box.mark(p.url(one), true);
        auto const where = co_await p.box.move(p.url(one), root.drafts);
        static_cast<void>(where);
        co_await p.box.remove(p.url(two), deletion::for_good);
        for (auto const& r : p.server.requests("PROPFIND"))
            CHECK(r.target == root.inbox.target());
        CHECK(p.server.requests("PROPFIND").size() == 1);
    });
}

TEST_CASE("11.19 B: PROPPATCH is obeyed and answered by 400, as all is that it does not know; a missing folder is an empty list")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        auto const at   = p.server.add_message("inbox", mail("a"));
        co_await p.box.mark(p.url(at), true);
        CHECK(p.server.requests("PROPPATCH").back().status == 400);
        CHECK(p.server.folder("inbox")->unread() == 0);
        co_await p.box.mark(p.url(at), false);
        CHECK(p.server.folder("inbox")->unread() == 1);
        CHECK(p.server.requests("PROPPATCH").size() == 1); // learnt
        CHECK(p.server.requests("BPROPPATCH").size() == 2);
        for (auto const* method : {"OPTIONS", "HEAD", "PUT", "SEARCH", "LOCK", "BPROPFIND"})
        {
            CAPTURE(method);
            auto const a = co_await raw(p, http::request(method, root.inbox));
            CHECK(a.status == 400);
        }
        auto const none = co_await p.box.list(p.url(root.folder_root.target() + "77/"));
        CHECK(none.empty());
    });
}

TEST_CASE("11.20 S: 403 to bulk methods leads to single ones, and is remembered; 501 to MOVE is told")
{
    with_sogo([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        for (auto const* one : {"a", "b", "c", "d"})
            p.server.add_message("inbox", mail(one));
        auto const                   list = co_await p.box.list(root.inbox);
        auto const                   all  = urls_of(list);
        std::vector<http::url> const two(all.begin(), all.begin() + 2), others(all.begin() + 2, all.end());
        auto const                   moved = co_await p.box.move(all, root.drafts);
        CHECK(fates(moved) == "refused:501 refused:501 refused:501 refused:501");
        auto const marked = co_await p.box.mark(two, true);
        CHECK(fates(marked) == "refused:403 refused:403");
        auto const gone = co_await p.box.remove(two, deletion::for_good);
        CHECK(all_done(gone));
        auto const rest = co_await p.box.remove(others, deletion::for_good);
        CHECK(all_done(rest));
        CHECK(p.server.requests("BDELETE").size() == 1);
        CHECK(p.server.requests("BDELETE")[0].status == 403);
        CHECK(p.server.requests("DELETE").size() == 4);
        CHECK(p.server.folder("inbox")->items.empty());
    });
}

TEST_CASE("11.21 where things are: B's Locations are relative, or wrong for COPY, and it doubles folders; S tells none and names them itself")
{
    with_b1gmail([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        auto const made = co_await p.box.create_folder(root.folder_root, "caf\xc3\xa9");
        CHECK(made.target() == p.server.folder("caf\xc3\xa9")->path);
        CHECK(p.server.requests("MKCOL")[0].target.find("caf%C3%A9") != std::string::npos);
        http::request r("MOVE", made);
        r.fields.set("Destination", root.folder_root.str() + "work/");
        auto const a = co_await raw(p, std::move(r));
        CHECK(a.fields.get("Location").value_or("").starts_with("httpmail.php?/folders/"));
        auto const renamed = co_await p.box.rename_folder(made, "play");
        CHECK(renamed == made);
        auto const stored = co_await p.box.append(made, text(mail("a")));
        CHECK(stored.accepted());
        CHECK_FALSE(stored.location); // it names the folder
        auto const list   = co_await p.box.list(made);
        auto const copied = co_await p.box.copy(list.at(0).url, root.inbox);
        auto const there  = co_await p.box.list(root.inbox);
        REQUIRE(there.size() == 1);
        REQUIRE(copied);
        CHECK(*copied != there[0].url); // the server's word; who must know lists again
        CHECK(id_of(copied->target()) == id_of(list[0].url.target()));
        auto const gone = co_await code_of_failure(p.box.fetch_text(*copied));
        CHECK(gone == httpmail::errc::message_gone);
        auto const twice = co_await p.box.create_folder(root.folder_root, "play");
        CHECK(twice != made);
    });
    with_sogo([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        auto const made = co_await p.box.create_folder(root.folder_root, "work");
        CHECK(made.target() == p.server.folder("work")->path);
        CHECK(made.target().ends_with("/folderwork/"));
        auto const ec = co_await code_of_failure(p.box.create_folder(root.folder_root, "work"));
        CHECK(ec.category() == dav::category());
        CHECK(p.server.requests("MKCOL").back().status == 500);
        auto const no = co_await code_of_failure(p.box.rename_folder(made, "play"));
        CHECK(no == httpmail::errc::folder_exists); // 412 for any name
        CHECK(p.server.folder("work").has_value());
    });
}

TEST_CASE("11.22 B: envelopes in upper case; foreign senders, too many recipients, too much: 403; a copy is kept whatever is said")
{
    auto s        = httpmail_server_settings::b1gmail();
    s.max_message = 500;
    with_pair(s, [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        send_options unsaved;
        unsaved.save_in_sent = false;
        auto const sent      = co_await p.box.send(to_bob(), text(mail("a")), unsaved);
        CHECK(sent.accepted());
        CHECK(p.server.submissions().size() == 1);
        CHECK(p.server.folder("sentitems")->items.size() == 1);

        http::request lower("POST", root.send_message);
        lower.set_body("mail from:<alice@example.com>\r\nrcpt to:<bob@example.net>\r\n\r\n" + mail("b"), "message/rfc821");
        auto const low = co_await raw(p, std::move(lower));
        CHECK(low.status == 403);
        http::request plain("POST", root.send_message);
        plain.set_body(mail("c"), "message/rfc822");
        auto const other = co_await raw(p, std::move(plain));
        CHECK(other.status == 403);

        std::vector<std::string> many;
        for (int i = 0; i != 21; ++i)
            many.push_back("b" + std::to_string(i) + "@example.net");
        smtp::envelope to_many("alice@example.com", {"b@example.net"});
        to_many.recipients.clear();
        for (auto const& one : many)
            to_many.recipients.push_back(smtp::envelope("a@example.com", {one}).recipients.front());
        smtp::envelope const foreign("mallory@example.com", {"bob@example.net"});
        auto const           stranger = co_await p.box.send(foreign, text(mail("d")));
        auto const           crowd    = co_await p.box.send(to_many, text(mail("e")));
        auto const           large    = co_await p.box.append(root.drafts, text(mail(std::string(600, 'x'))));
        for (auto const* report : {&stranger, &crowd, &large})
        {
            CHECK(report->fate == fate::refused);
            CHECK(report->status == 403);
            CHECK(report->error == dav::errc::forbidden);
        }
        CHECK(p.server.submissions().size() == 1);
        CHECK(p.server.folder("drafts")->items.empty());
    });
}

TEST_CASE("11.23 S: all rows whatever is asked for, and in no order: Content-Range is believed; bad SQL ends the connection")
{
    auto const s = httpmail_server_settings::sogo();
    auto       m = logged_in(s);
    m.dialect    = dialect::exchange;
    m.page_size  = 2;
    with_pair(s, m, [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        for (auto const* one : {"c", "a", "b", "e", "d"})
            p.server.add_message("inbox", mail(one));
        auto const    past = dav::row_range(100, 149);
        http::request r("SEARCH", root.inbox);
        r.fields.set("Range", past.str());
        r.set_body(dav::search_body(message_search()), "text/xml");
        auto const a = co_await raw(p, std::move(r));
        CHECK(a.status == 207); // not 416
        CHECK(a.fields.get("Content-Range") == "rows 0-4; total=5");
        p.server.forget();
        auto const list = co_await p.box.list(root.inbox);
        CHECK(subjects(list) == "a|b|c|d|e");
        CHECK(list.at(0).subject == "c");
        CHECK(p.server.requests("SEARCH").size() == 1);
        CHECK(p.server.requests("SEARCH")[0].field("Range") == "rows=0-1");
        auto const bad = co_await code_of_failure(p.box.dav().search(root.inbox, "SELEKT"));
        CHECK(bad.category() == http::category());
        auto const again = co_await p.box.list(root.inbox);
        CHECK(again.size() == 5);
    });
}

TEST_CASE("11.24 S: BPROPFIND makes up values for what is not there, so the mailbox does not ask so")
{
    with_sogo([](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        auto const at   = p.server.add_message("inbox", mail("a"), true);
        std::vector<dav::target> const targets = {dav::target(id_of(at)), dav::target(p.url(at).str()), dav::target("none.EML")};
        dav::property_list const       what(names::read, names::m_subject);
        auto list = co_await p.box.dav().bpropfind(root.inbox, targets, dav::depth::zero, what);
        auto all  = co_await list.collect();
        REQUIRE(all.size() == 3);
        CHECK(all[0].text(names::read) == "1");
        CHECK(all[1].text(names::read) == "1"); // relative and absolute
        CHECK(all[2].text(names::read) == "0"); // made up
        CHECK_FALSE(all[2].text(names::m_subject));
        CHECK(all[2].status() != 404);
        p.server.forget();
        auto const seen = co_await p.box.list(root.inbox);
        CHECK(seen.size() == 1);
        CHECK(p.server.requests("BPROPFIND").empty());
    });
}

TEST_CASE("11.25 S: Brief leaves out what is missing; B ignores Brief, Translate, X-Timestamp and Range; lists are the same")
{
    auto const question = [](mail_pair const& p, std::string const& at, bool brief) {
        auto r = asking(p, at, "<m:subject/><m:nothing/>");
        if (brief)
        {
            r.fields.set("Brief", "t");
            r.fields.set("Translate", "f");
            r.fields.set("X-Timestamp", "folders=1");
            r.fields.set("Range", "rows=0-0");
        }
        return r;
    };
    with_sogo([question](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", mail("a"));
        p.server.add_message("inbox", mail("b"));
        auto const all   = co_await raw(p, question(p, root.inbox.target() + "/", false));
        auto const brief = co_await raw(p, question(p, root.inbox.target() + "/", true));
        CHECK(all.has("404"));
        CHECK_FALSE(brief.has("404"));
        p.server.forget();
        auto const list = co_await p.box.list(root.inbox);
        CHECK(subjects(list) == "a|b");
        CHECK(p.server.requests("SEARCH").at(0).field("Brief") == "t");
    });
    with_b1gmail([question](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", mail("a"));
        p.server.add_message("inbox", mail("b"));
        auto const all   = co_await raw(p, question(p, root.inbox.target(), false));
        auto const brief = co_await raw(p, question(p, root.inbox.target(), true));
        CHECK(all.body == brief.body);
        CHECK_FALSE(brief.fields.has("X-Timestamp"));
        p.server.forget();
        auto const list = co_await p.box.list(root.inbox);
        CHECK(subjects(list) == "a|b");
        CHECK_FALSE(p.server.requests("PROPFIND").at(0).has("Brief"));
    });
}

TEST_CASE("11.26 S: one message without Received breaks the list of all, which is asked for again with fewer properties")
{
    with_sogo(
        [](mail_pair& p) -> task<void> {
            auto const root = co_await p.box.open();
            auto const at   = root.folder_root.target() + "Inbox/";
            p.server.add_message("inbox", mail("one"));
            auto const a = co_await raw(p, asking(p, at, "<m:received/>"));
            CHECK(a.status == 501);
            p.server.forget();
            list_options options;
            options.more.emplace_back(xml::name{dav::mailheader_space, "received"});
            auto const list = co_await p.box.list(p.url(at), options);
            REQUIRE(list.size() == 1);
            CHECK(list[0].read == false);
            auto const sent = p.server.requests("PROPFIND");
            CHECK(sent.back().status == 207);
            CHECK(sent.back().body.find("received") == std::string::npos);
        },
        dialect::dav);
}

TEST_CASE("11.27 B refuses a bare question mark, so URLs stay as they were given")
{
    auto s       = httpmail_server_settings::b1gmail();
    s.tree.entry = s.tree.base + "?";
    with_pair(s, [](mail_pair& p) -> task<void> {
        auto const ec = co_await code_of_failure(p.box.open());
        CHECK(ec == dav::errc::bad_request);
        CHECK(p.server.requests().back().target.ends_with("httpmail.php?"));
    });
    with_b1gmail([](mail_pair& p) -> task<void> {
        co_await p.box.open();
        for (auto const& r : p.server.requests())
            CHECK(r.target.ends_with("httpmail.php"));
    });
}

// ---- HTTP and logins ----

TEST_CASE("11.28 passwords beyond ASCII go as UTF-8, schemes may be in lower case: B and S")
{
    for (bool const sogo : {false, true})
    {
        auto s     = sogo ? httpmail_server_settings::sogo() : httpmail_server_settings::b1gmail();
        s.password = "p\xc3\xa4ss";
        auto good  = logged_in(s);
        if (sogo)
            good.dialect = dialect::exchange;
        auto latin       = good;
        latin.http.login = {s.user, "p\xe4ss"};
        with_pair(s, good, [sogo](mail_pair& p) -> task<void> {
            auto const root = co_await p.box.open();
            CHECK_FALSE(root.folder_root.empty());
            CHECK(p.server.requests()[0].status == 401);
            CHECK(p.server.settings().auth.lower_case == sogo);
        });
        with_pair(s, latin, [](mail_pair& p) -> task<void> {
            auto const ec = co_await code_of_failure(p.box.open());
            CHECK(ec == posthorn::condition::authentication);
        });
    }
}

TEST_CASE("11.29 Digest over the whole target, with its query: a `uri` without it is 400; a repeated count is taken, an old nonce stale")
{
    auto s            = httpmail_server_settings::b1gmail();
    s.auth.basic      = false;
    s.auth.digest     = true;
    s.auth.algorithm  = "MD5";
    s.auth.once       = false;
    s.auth.nonce_uses = 4;
    with_pair(s, [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", mail("a"));
        for (int i = 0; i != 6; ++i)
        {
            auto const list = co_await p.box.list(root.inbox);
            CHECK(list.size() == 1);
        }
        std::size_t stale = 0, good = 0;
        std::string last;
        for (auto const& r : p.server.requests())
        {
            auto const sent = r.field("Authorization");
            stale += sent && r.status == 401 ? 1U : 0U;
            if (!sent || r.status != 207)
                continue;
            ++good;
            CHECK(sent->find("uri=\"" + r.target + '"') != sent->npos);
            CHECK(sent->find("algorithm=MD5") != sent->npos);
            last = *sent;
        }
        CHECK(good == 7);
        CHECK(stale == 1);
        auto again = asking(p, root.inbox.target(), "<m:subject/>");
        again.fields.set("Authorization", last);
        auto const repeated = co_await raw(p, std::move(again));
        CHECK(repeated.status == 207);
        auto cut = asking(p, root.inbox.target(), "<m:subject/>");
        cut.fields.set("Authorization", std::regex_replace(last, std::regex("(uri=\"[^\"?]*)\\?[^\"]*"), "$1"));
        auto const refused = co_await raw(p, std::move(cut));
        CHECK(refused.status == 400);
    });
}

TEST_CASE("11.30 B: 207 ends the connection, 200 and 201 keep it")
{
    auto const s  = httpmail_server_settings::b1gmail();
    auto       m  = logged_in(s);
    m.connections = 1;
    with_pair(s, m, [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        p.server.add_message("inbox", mail("a"));
        for (int i = 0; i != 2; ++i)
        {
            auto const list = co_await p.box.list(root.inbox);
            auto const body = co_await p.box.fetch_text(list.at(0).url);
            CHECK(body == mail("a"));
            std::vector<http::url> const one  = urls_of(list);
            auto const                   done = co_await p.box.mark(one, i == 0); // 201
            CHECK(all_done(done));
        }
        auto const  all   = p.server.requests();
        std::size_t lists = 0;
        for (std::size_t i = 0; i + 1 < all.size(); ++i)
        {
            CAPTURE(i);
            bool const ended = all[i].status == 207;
            lists += ended ? 1U : 0U;
            CHECK((all[i].connection != all[i + 1].connection) == ended);
        }
        CHECK(lists == 3);
    });
}

TEST_CASE("11.31 chunked bodies and Expect work on both, and the mailbox needs neither")
{
    auto const store = [](mail_pair& p, std::string method, std::string target) -> task<void> {
        http::request r(std::move(method), p.url(target));
        r.fields.set("Content-Type", "message/rfc822");
        r.body            = std::make_shared<unsized>(mail("chunked"));
        r.expect_continue = true;
        auto const a      = co_await raw(p, std::move(r));
        CHECK(a.status == 201);
        auto const seen = p.server.requests().back();
        CHECK(seen.field("Transfer-Encoding") == "chunked");
        CHECK(seen.field("Expect") == "100-continue");
        CHECK(seen.body == mail("chunked"));
        p.server.forget();
        std::shared_ptr<source> const content = std::make_shared<unsized>(mail("counted"));
        auto const                    stored  = co_await p.box.append(p.url(p.server.folder("drafts")->path), content);
        CHECK(stored.accepted());
        CHECK(p.server.folder("drafts")->items.size() == 2);
        for (auto const& one : p.server.requests())
        {
            CHECK_FALSE(one.has("Transfer-Encoding"));
            CHECK_FALSE(one.has("Expect"));
        }
        CHECK(p.server.requests().back().field("Content-Length") == std::to_string(mail("counted").size()));
    };
    with_b1gmail([store](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        co_await store(p, "POST", root.drafts.target());
    });
    with_sogo([store](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        co_await store(p, "PUT", root.drafts.target() + "/x.EML");
    });
}

TEST_SUITE_END();
