//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The mailbox against the server of testing/httpmail_server.hpp, whose parsers are not the client's: every dialect, and what
// real servers do with it.

#include <posthorn/coro/scope.hpp>
#include <posthorn/httpmail/mailbox.hpp>

#include <doctest/doctest.h>

#include <support/embedded_mailbox.hpp>
#include <support/failures.hpp>
#include <support/mailboxes.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace support::mailboxes;
using support::code_of_failure;

TEST_SUITE_BEGIN("httpmail/embedded_server");

namespace {

/// What every dialect can do.
task<void> life(mail_pair& p)
{
    auto const inbox_url = co_await p.box.find(folder_kind::inbox);
    auto const trash     = co_await p.box.find(folder_kind::deleted_items);
    auto const folders   = co_await p.box.folders();
    CHECK(folders.size() >= 4);

    for (auto const* const s : {"one", "two", "three", "four"})
        p.server.add_message("inbox", mail(s));
    auto const list = co_await p.box.list(inbox_url);
    CHECK(subjects(list) == "four|one|three|two");
    for (auto const& m : list)
    {
        CHECK(m.read == false);
        CHECK(m.size == mail(m.subject).size());
        REQUIRE(m.date.has_value());
        if (p.box.speaks() != dialect::exchange) // there it is the time of arrival
            CHECK((m.date == dav::to_time("2004-06-10T10:12:09Z")));
        auto const text = co_await p.box.fetch_text(m.url);
        CHECK(text == mail(m.subject));
    }

    auto const urls   = urls_of(list);
    auto const marked = co_await p.box.mark(urls, true);
    CHECK(all_done(marked));
    co_await p.box.mark(urls[0], false);
    auto const  again  = co_await p.box.list(inbox_url);
    std::size_t unread = 0;
    for (auto const& m : again)
        unread += m.read == false ? 1U : 0U;
    CHECK(unread == 1);

    auto const                   work = co_await p.box.create_folder(p.box.root().folder_root, "work");
    std::vector<http::url> const some(urls.begin(), urls.begin() + 3);
    auto const                   moved = co_await p.box.move(some, work);
    CHECK(all_done(moved));
    auto const there = co_await p.box.list(work);
    REQUIRE(there.size() == 3);
    auto const copied = co_await p.box.copy(there[0].url, inbox_url);
    CHECK(p.server.folder("inbox")->items.size() == 2);
    co_await p.box.remove(there[1].url, deletion::to_deleted_items);
    std::vector<http::url> const one(1, there[2].url);
    auto const                   removed = co_await p.box.remove(one, deletion::for_good);
    CHECK(all_done(removed));
    CHECK(p.server.folder("deleteditems")->items.size() == 1);
    auto const gone = co_await code_of_failure(p.box.fetch_text(there[2].url));
    CHECK(gone == httpmail::errc::message_gone);
    auto const in_trash = co_await p.box.list(trash);
    auto const emptied =
        co_await p.box.remove(urls_of(in_trash), deletion::to_deleted_items); // from there it is final
    CHECK(all_done(emptied));
    CHECK(p.server.folder("deleteditems")->items.empty());

    auto const renamed = co_await p.box.rename_folder(work, "caf\xc3\xa9");
    REQUIRE(p.server.folder("caf\xc3\xa9").has_value());
    CHECK(renamed.target() == p.server.folder("caf\xc3\xa9")->path);
    auto const stored = co_await p.box.append(renamed, text(mail("stored")));
    CHECK(stored.accepted());
    auto const after = co_await p.box.list(renamed);
    CHECK(after.size() == 2);
    co_await p.box.delete_folder(renamed);
    CHECK_FALSE(p.server.folder("caf\xc3\xa9").has_value());
}

task<void> contacts_life(mail_pair& p)
{
    contact made;
    made.set(contact_field::display_name, "Bob & Co").set(contact_field::email, "<bob@example.net>");
    auto const at  = co_await p.box.add_contact(made);
    auto const all = co_await p.box.contacts();
    REQUIRE(all.size() == 1);
    CHECK(all[0].get(contact_field::display_name) == "Bob & Co");
    std::map<contact_field, std::string> change;
    change[contact_field::mobile_phone] = "+1 555 0100";
    co_await p.box.change_contact(all[0].url, change);
    auto const where = at.empty() ? all[0].url : at;
    auto const now   = co_await p.box.read_contact(where);
    CHECK(now.get(contact_field::mobile_phone) == "+1 555 0100");
    CHECK(now.get(contact_field::email).find("bob@example.net") != std::string_view::npos);
    co_await p.box.delete_contact(now.url);
    auto const none = co_await p.box.contacts();
    CHECK(none.empty());
}

task<void> sending(mail_pair& p)
{
    auto const kept = co_await p.box.send(to_bob(), text(mail("sent")));
    CHECK(kept.accepted());
    send_options options;
    options.save_in_sent = false;
    auto const bare      = co_await p.box.send(to_bob(), text(mail("bare")), options);
    CHECK(bare.accepted());
    auto const all = p.server.submissions();
    REQUIRE(all.size() == 2);
    CHECK(all[0].from == "alice@example.com");
    CHECK(all[0].recipients.size() == 2);
    CHECK(all[0].recipients.back() == "carol@example.org");
    CHECK(all[0].content == mail("sent"));
    CHECK(all[0].save == true);
    CHECK(all[1].save == false);
    CHECK(p.server.folder("sentitems")->items.size() == 1);
    smtp::envelope const foreign("mallory@example.com", {"bob@example.net"});
    auto const           refused = co_await p.box.send(foreign, text(mail("x")));
    CHECK(refused.fate == fate::refused);
    CHECK(refused.status == 403);
}

} // namespace

// ---- whole lives ----

TEST_CASE("Hotmail: redirect, Digest, the life of a mailbox, contacts, sending")
{
    with_pair(httpmail_server_settings::hotmail(), [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        CHECK(p.box.speaks() == dialect::hotmail);
        CHECK(root.polling_interval == std::chrono::minutes(30));
        CHECK(root.outbox.empty());
        co_await life(p);
        co_await contacts_life(p);
        co_await sending(p);
        CHECK(p.server.requests("BMOVE").size() >= 1);
        CHECK(p.server.requests("BPROPPATCH").size() >= 1);
    });
}

TEST_CASE("Exchange: Basic, SEARCH, the life of a mailbox, contacts, sending")
{
    with_pair(httpmail_server_settings::exchange(), [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        CHECK(p.box.speaks() == dialect::exchange);
        CHECK(root.send_message.target().ends_with("/%23%23DavMailSubmissionURI%23%23"));
        co_await life(p);
        co_await contacts_life(p);
        co_await sending(p);
        CHECK(p.server.requests("SEARCH").size() >= 4);
    });
}

TEST_CASE("plain WebDAV: the life of a mailbox, in single requests")
{
    with_pair(httpmail_server_settings::dav(), [](mail_pair& p) -> task<void> {
        co_await p.box.open();
        CHECK(p.box.speaks() == dialect::dav);
        co_await life(p);
        auto const ec = co_await code_of_failure(p.box.send(to_bob(), text(mail("x"))));
        CHECK(ec == httpmail::errc::cannot_send);
        CHECK(p.server.requests("BMOVE").empty());
        auto const people = p.url(p.server.add_folder("people"));
        CHECK(p.server.set_property(p.box.root().at.target(), {"urn:schemas:httpmail:", "contacts"}, people.str()));
        auto const root = co_await p.box.reopen();
        CHECK(root.contacts == people);
        co_await contacts_life(p);
    });
}

TEST_CASE("every way of writing lists gives the same messages")
{
    using style = posthorn::testing::httpmail_text_options::prefix_style;
    for (auto const prefixes : {style::fixed, style::lettered, style::swapped, style::shuffled})
        for (bool const status_first : {false, true})
        {
            auto s              = httpmail_server_settings::hotmail();
            s.text.prefixes     = prefixes;
            s.text.status_first = status_first;
            s.text.indented     = !status_first;
            s.text.typed        = status_first;
            s.text.relative     = status_first;
            with_pair(s, [](mail_pair& p) -> task<void> {
                p.server.add_message("inbox", mail("caf\xc3\xa9"));
                auto const at   = co_await p.box.find(folder_kind::inbox);
                auto const list = co_await p.box.list(at);
                CHECK(subjects(list) == "caf\xc3\xa9");
                auto const all = co_await p.box.folders();
                CHECK(all.size() == 5);
            });
        }
}

TEST_CASE("a redirect to another host is followed where the host is trusted, and nowhere else")
{
    auto s           = httpmail_server_settings::hotmail();
    s.redirect.first = posthorn::testing::httpmail_redirect_options::kind::foreign;
    s.redirect.host  = "localhost";
    with_pair(s, [](mail_pair& p) -> task<void> {
        auto const ec = co_await code_of_failure(p.box.open());
        CHECK(ec);
        for (auto const& r : p.server.requests())
            CHECK_FALSE(r.has("Authorization"));
    });
    auto m                    = logged_in(s);
    m.http.rules.digest_hosts = {"localhost"};
    with_pair(s, m, [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        CHECK(root.at.origin().host == "localhost");
        p.server.add_message("inbox", mail("here"));
        auto const list = co_await p.box.list(root.inbox);
        CHECK(subjects(list) == "here");
    });
}

TEST_CASE("redirects that lead nowhere end with an error")
{
    using kind = posthorn::testing::httpmail_redirect_options::kind;
    for (auto const k : {kind::loop, kind::no_location})
    {
        auto s           = httpmail_server_settings::hotmail();
        s.redirect.first = k;
        with_pair(s, [](mail_pair& p) -> task<void> {
            auto const ec = co_await code_of_failure(p.box.open());
            CHECK(ec);
            CHECK(p.server.requests().size() < 20);
        });
    }
}

TEST_CASE("nonces that grow stale, counts, and a password that is wrong")
{
    auto s            = httpmail_server_settings::hotmail();
    s.auth.nonce_uses = 2;
    with_pair(s, [](mail_pair& p) -> task<void> { co_await life(p); });
    auto wrong       = logged_in(s);
    wrong.http.login = {s.user, "guess"};
    with_pair(s, wrong, [](mail_pair& p) -> task<void> {
        auto const ec = co_await code_of_failure(p.box.open());
        CHECK(ec == posthorn::condition::authentication);
        CHECK(p.server.requests().size() <= 4);
    });
}

TEST_CASE("a login form, a wrong password, and a session that ends")
{
    auto s           = httpmail_server_settings::exchange();
    s.auth.form      = true;
    auto wrong       = logged_in(s);
    wrong.http.login = {s.user, "guess"};
    with_pair(s, wrong, [](mail_pair& p) -> task<void> {
        auto const ec = co_await code_of_failure(p.box.open());
        CHECK(ec);
        CHECK(p.server.requests("POST").size() <= 2);
    });
    with_pair(s, [](mail_pair& p) -> task<void> {
        co_await p.box.open();
        co_await life(p);
        auto const at = co_await p.box.find(folder_kind::inbox);
        p.server.end_sessions();
        auto const ec = co_await code_of_failure(p.box.list(at));
        CHECK(ec == dav::errc::session_expired);
        co_await p.box.reopen();
        auto const list = co_await p.box.list(at);
        CHECK(list.size() == 2);
    });
}

TEST_CASE("no subscription: the server's words are kept")
{
    auto s         = httpmail_server_settings::hotmail();
    s.subscription = false;
    with_pair(s, [](mail_pair& p) -> task<void> {
        auto const ec = co_await code_of_failure(p.box.open());
        CHECK(ec == dav::errc::subscription_required);
    });
}

// ---- b1gMail and SOGo; each of their oddities is in httpmail/observations ----

TEST_CASE("b1gMail: what works works, with slashes kept and last parts as targets")
{
    auto s = httpmail_server_settings::b1gmail();
    with_pair(s, [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        CHECK(root.contacts.empty());
        p.server.add_folder("work");
        for (auto const* const one : {"a", "b", "c"})
            p.server.add_message("inbox", mail(one));
        auto const folders = co_await p.box.folders();
        CHECK(folders.size() == 6);
        auto const list = co_await p.box.list(root.inbox);
        CHECK(subjects(list) == "a|b|c");
        CHECK(list[0].url.target().ends_with('/'));
        auto const urls   = urls_of(list);
        auto const marked = co_await p.box.mark(urls, true);
        CHECK(all_done(marked));
        CHECK(p.server.folder("inbox")->unread() == 0);
        auto const work  = p.url(p.server.folder("work")->path);
        auto const moved = co_await p.box.move(urls, work);
        CHECK(all_done(moved));
        CHECK(p.server.folder("work")->items.size() == 3);
        CHECK(p.server.folder("work")->name == "work"); // nothing was renamed
        auto const there = co_await p.box.list(work);
        auto const back  = co_await p.box.move(there[0].url, root.inbox);
        CHECK(p.server.folder("inbox")->items.size() == 1);
        auto const text_of_it = co_await p.box.fetch_text(there[1].url);
        CHECK(text_of_it.find("Subject: ") != std::string::npos);
        auto const ec = co_await code_of_failure(p.box.fetch_text(p.url(p.server.folder("work")->path + "999/")));
        CHECK(ec == httpmail::errc::message_gone);
        auto const trashed = co_await p.box.remove(urls_of(there), deletion::to_deleted_items);
        CHECK(all_done(trashed));
        auto const sent = co_await p.box.send(to_bob(), text(mail("sent")));
        CHECK(sent.accepted());
        auto const made = co_await p.box.create_folder(root.folder_root, "new");
        CHECK(made.target() == p.server.folder("new")->path);
        auto const renamed = co_await p.box.rename_folder(made, "other");
        CHECK(renamed.target() == made.target());
        CHECK(p.server.folder("other").has_value());
        co_await p.box.delete_folder(renamed);
        CHECK_FALSE(p.server.folder("other").has_value());
        for (auto const& r : p.server.requests())
            CHECK_FALSE(r.has("Cookie"));
    });
}

TEST_CASE("SOGo: lists, fetching, storing and deleting; what it refuses is done by single requests or told")
{
    auto s    = httpmail_server_settings::sogo();
    auto m    = logged_in(s);
    m.dialect = dialect::exchange;
    with_pair(s, m, [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        for (auto const* const one : {"a", "b \xf0\x9f\x98\x80", "c"})
            p.server.add_message("inbox", mail(one));
        auto const list = co_await p.box.list(root.inbox);
        CHECK(subjects(list) == "a|b \xf0\x9f\x98\x80|c");
        CHECK(p.server.requests("SEARCH").size() == 1); // all rows came at once
        auto const first = co_await p.box.fetch_text(list[0].url);
        CHECK(first.find('\r') == std::string::npos);
        auto const stored = co_await p.box.append(root.drafts, text(mail("draft")));
        CHECK(stored.accepted());
        CHECK(p.server.folder("drafts")->items.size() == 1);
        auto const moved = co_await p.box.move(urls_of(list), root.drafts);
        CHECK(fates(moved) == "refused:501 refused:501 refused:501");
        CHECK(p.server.folder("inbox")->items.size() == 3);
        auto const removed = co_await p.box.remove(urls_of(list), deletion::for_good);
        CHECK(all_done(removed));
        CHECK(p.server.requests("BDELETE").size() == 1);
        CHECK(p.server.requests("DELETE").size() == 3);
        auto const ec = co_await code_of_failure(p.box.rename_folder(p.url(p.server.add_folder("work")), "other"));
        CHECK(ec);
        CHECK(p.server.folder("work").has_value());
    });
}

TEST_CASE("b1gMail: the login is Basic without TLS only where that is allowed")
{
    auto const s                 = httpmail_server_settings::b1gmail();
    auto       m                 = logged_in(s);
    m.http.rules.allow_plaintext = false;
    with_pair(s, m, [](mail_pair& p) -> task<void> {
        auto const ec = co_await code_of_failure(p.box.open());
        CHECK(ec);
        CHECK(p.server.requests().size() == 1);
        for (auto const& r : p.server.requests())
            CHECK_FALSE(r.has("Authorization"));
    });
}

TEST_CASE("passwords beyond ASCII go as UTF-8, by Basic and by Digest")
{
    for (bool const basic : {false, true})
    {
        auto s        = httpmail_server_settings::hotmail();
        s.password    = "p\xc3\xa4ss w\xc3\xb6rd";
        s.auth.basic  = basic;
        s.auth.digest = !basic;
        with_pair(s, [](mail_pair& p) -> task<void> {
            auto const root = co_await p.box.open();
            CHECK_FALSE(root.inbox.empty());
        });
    }
}

TEST_CASE("Digest in its variants: without qop, opaque, SHA-256, lower-case schemes, another field name")
{
    auto const opens = [](std::function<void(httpmail_server_settings&)> change) {
        auto s = httpmail_server_settings::hotmail();
        change(s);
        bool good = false;
        with_pair(s, [&](mail_pair& p) -> task<void> {
            auto const ec = co_await code_of_failure(p.box.open());
            good          = !ec;
        });
        return good;
    };
    CHECK(opens([](auto& s) { s.auth.qop = false; }));
    CHECK(opens([](auto& s) { s.auth.opaque = "0123"; }));
    CHECK(opens([](auto& s) { s.auth.algorithm = "MD5"; }));
    CHECK(opens([](auto& s) { s.auth.algorithm = "SHA-256"; }));
    CHECK(opens([](auto& s) { s.auth.lower_case = true; }));
    CHECK(opens([](auto& s) { s.auth.challenge_name = "Www-Authenticate"; }));
    CHECK(opens([](auto& s) { s.auth.close_after_401 = false; }));
    CHECK(opens([](auto& s) { s.auth.lax = true; }));
    CHECK(opens([](auto& s) { s.auth.session_cookie = true; }));
    CHECK(opens([](auto& s) { s.redirect.second = true; }));
    CHECK(opens(
        [](auto& s) { s.redirect.first = posthorn::testing::httpmail_redirect_options::kind::relative; }));
    CHECK(opens([](auto& s) { s.redirect.status = 307; }));
}

// ---- faults and defects ----

TEST_CASE("defects of lists are repaired")
{
    auto const seen = [](std::string const& subject, std::function<void(httpmail_server_settings&)> change) {
        auto s = httpmail_server_settings::hotmail();
        change(s);
        std::string result;
        with_pair(s, [&](mail_pair& p) -> task<void> {
            p.server.add_message("inbox", mail(subject));
            p.server.add_message("inbox", mail("other"));
            auto const at   = co_await p.box.find(folder_kind::inbox);
            auto const list = co_await p.box.list(at);
            result          = subjects(list);
        });
        return result;
    };
    CHECK(seen("Fish & chips", [](auto& s) { s.text.bare_ampersands = true; }) == "Fish & chips|other");
    CHECK(seen("a <b> c", [](auto& s) { s.text.bare_angles = true; }) == "a <b> c|other");
    CHECK(seen("caf\xc3\xa9", [](auto& s) { s.text.html_entities = true; }) == "caf\xc3\xa9|other");
    CHECK(seen("caf\xc3\xa9 \xe2\x82\xac", [](auto& s) { s.text.label = "ISO-8859-1"; }) ==
          "caf\xc3\xa9 \xe2\x82\xac|other");
    CHECK(seen("x\x01y", [](auto& s) { s.text.control_references = true; }) == "other|xy");
    CHECK(seen("x\x01y", [](auto& s) { s.text.raw_controls = true; }) == "other|xy");
    CHECK(seen("\xf0\x9f\x98\x80", [](auto& s) { s.text.surrogate_references = true; }) ==
          "other|\xf0\x9f\x98\x80");
    CHECK(seen("x", [](auto& s) { s.text.digit_names = true; }) == "other|x");
    CHECK(seen("x", [](auto& s) { s.text.wrong_namespace = true; }) == "other|x");
    CHECK(seen("x", [](auto& s) { s.text.undeclared_prefix = true; }) == "other|x");
    CHECK(seen("x", [](auto& s) { s.verbs.success["PROPFIND"] = 200; }) == "other|x");
    CHECK(seen("x", [](auto& s) { s.values.everything = true; }) == "other|x");
    CHECK(seen("x", [](auto& s) {
              s.verbs.without_root = posthorn::testing::httpmail_verb_options::noroot::refused;
          }) == "other|x");
    CHECK(seen("x", [](auto& s) {
              s.verbs.without_root = posthorn::testing::httpmail_verb_options::noroot::ignored;
          }) == "other|x");
    CHECK(seen("x", [](auto& s) { s.transfer.chunked = true; }) == "other|x");
    CHECK(seen("x", [](auto& s) { s.transfer.until_close = true; }) == "other|x");
    CHECK(seen("x", [](auto& s) { s.transfer.requests_per_connection = 1; }) == "other|x");
}

TEST_CASE("a list that ends too early is an error, and no short list")
{
    auto s     = httpmail_server_settings::hotmail();
    auto cut   = fault(httpmail_fault::what::cut, "PROPFIND");
    cut.target = "/folders/ACTIVE/";
    cut.octets = 1200;
    s.faults   = {cut};
    with_pair(s, [](mail_pair& p) -> task<void> {
        for (int i = 0; i < 20; ++i)
            p.server.add_message("inbox", mail("m" + std::to_string(i)));
        auto const at = co_await p.box.find(folder_kind::inbox);
        auto const ec = co_await code_of_failure(p.box.list(at));
        CHECK(ec);
        auto const again = co_await p.box.list(at);
        CHECK(again.size() == 20);
    });
}

TEST_CASE("bulk verbs that are refused are replaced, whatever the refusal is")
{
    for (int const status : {403, 405, 501}) // 400: see httpmail/never_twice
    {
        auto s       = httpmail_server_settings::hotmail();
        s.verbs.bulk = status;
        with_pair(s, [status](mail_pair& p) -> task<void> {
            CAPTURE(status);
            for (int i = 0; i < 6; ++i)
                p.server.add_message("inbox", mail("m" + std::to_string(i)));
            auto const at   = co_await p.box.find(folder_kind::inbox);
            auto const list = co_await p.box.list(at);
            auto const done = co_await p.box.remove(urls_of(list), deletion::to_deleted_items);
            CHECK(all_done(done));
            CHECK(p.server.folder("deleteditems")->items.size() == 6);
            CHECK(p.server.requests("BMOVE").size() == 1);
            CHECK(p.server.requests("MOVE").size() == 6);
            CHECK(p.server.totals().most_at_once <= 4);
        });
    }
}

TEST_CASE("errors with pages in place of answers, throttling, quota, locks")
{
    auto s        = httpmail_server_settings::hotmail();
    s.error_pages = true;
    with_pair(s, [](mail_pair& p) -> task<void> {
        auto const root = co_await p.box.open();
        auto const ec   = co_await code_of_failure(p.box.list(p.url(root.folder_root.target() + "none/")));
        CHECK(ec == dav::errc::not_multistatus);
    });
    auto full  = httpmail_server_settings::hotmail();
    full.quota = 10;
    with_pair(full, [](mail_pair& p) -> task<void> {
        auto const at     = co_await p.box.find(folder_kind::drafts);
        auto const stored = co_await p.box.append(at, text(mail("too much")));
        CHECK(stored.fate == fate::refused);
        CHECK(stored.error == dav::errc::storage_full);
    });
    with_pair(httpmail_server_settings::hotmail(), [](mail_pair& p) -> task<void> {
        auto const at   = co_await p.box.find(folder_kind::inbox);
        auto const path = p.server.add_message("inbox", mail("held"));
        p.server.lock(path);
        auto const ec = co_await code_of_failure(p.box.remove(p.url(path), deletion::for_good));
        CHECK(ec == dav::errc::locked);
        auto busy     = fault(httpmail_fault::what::answer, "PROPFIND");
        busy.response = posthorn::testing::httpmail_response(503);
        p.server.fail(busy);
        auto const later = co_await code_of_failure(p.box.list(at));
        CHECK(later == dav::errc::server_busy);
        auto const list = co_await p.box.list(at);
        CHECK(list.size() == 1);
    });
}

TEST_CASE("polling by X-Timestamp: told, 304, an empty list")
{
    using stamps = posthorn::testing::httpmail_verb_options::timestamps;
    for (auto const how : {stamps::off, stamps::told, stamps::not_modified, stamps::empty_list})
    {
        auto s           = httpmail_server_settings::hotmail();
        s.verbs.stamps   = how;
        auto m           = logged_in(s);
        m.use_timestamps = true;
        with_pair(s, m, [](mail_pair& p) -> task<void> {
            p.server.add_message("inbox", mail("old"));
            auto const first = co_await p.box.poll();
            CHECK(first.first);
            auto const same = co_await p.box.poll();
            CHECK_FALSE(same.any());
            p.server.add_message("inbox", mail("new"));
            auto const news = co_await p.box.poll();
            CHECK(news.inbox);
        });
    }
}

TEST_CASE("polling by the list of folders: Exchange and plain WebDAV")
{
    for (auto const& s : {httpmail_server_settings::exchange(), httpmail_server_settings::dav()})
        with_pair(s, [](mail_pair& p) -> task<void> {
            p.server.add_message("inbox", mail("old"));
            auto const first = co_await p.box.poll();
            CHECK(first.first);
            auto const same = co_await p.box.poll();
            CHECK_FALSE(same.any());
            p.server.add_message("inbox", mail("new"));
            auto const news = co_await p.box.poll();
            CHECK(news.any());
            auto const again = co_await p.box.poll();
            CHECK_FALSE(again.any());
            p.server.add_folder("work");
            auto const more = co_await p.box.poll();
            CHECK(more.folders);
        });
}

TEST_CASE("folders in folders: Exchange and plain WebDAV")
{
    for (auto const& s : {httpmail_server_settings::exchange(), httpmail_server_settings::dav()})
        with_pair(s, [](mail_pair& p) -> task<void> {
            auto const root = co_await p.box.open();
            auto const work = co_await p.box.create_folder(root.folder_root, "work");
            auto const year = co_await p.box.create_folder(work, "2004");
            auto const june = co_await p.box.create_folder(year, "june");
            CHECK(june.target() == work.target() + "2004/june/");
            auto const  tree = co_await p.box.folder_tree();
            std::string seen;
            for (auto const& f : tree)
                if (f.url.target().find("/work/") != std::string::npos)
                    seen += std::to_string(f.depth) + std::string(dav::last_segment(f.url.target())) + ' ';
            CHECK(seen == "0work 12004 2june ");
        });
}

TEST_CASE("thousands of messages listed, hundreds fetched over four connections on a slow line")
{
    auto s           = httpmail_server_settings::hotmail();
    s.transfer.delay = std::chrono::milliseconds(5);
    s.log            = false;
    with_pair(s, [](mail_pair& p) -> task<void> {
        for (int i = 0; i < 5000; ++i)
            p.server.add_message("inbox", mail("m" + std::to_string(i)));
        auto const at   = co_await p.box.find(folder_kind::inbox);
        auto const list = co_await p.box.list(at);
        REQUIRE(list.size() == 5000);
        auto const  before = p.server.totals();
        std::size_t octets = 0, next = 0;
        auto const  fetch = [&]() -> task<void> {
            while (next < 500)
            {
                auto const& m    = list[next++];
                auto const  body = co_await p.box.fetch_text(m.url);
                octets += body.size();
            }
        };
        auto body = [&](posthorn::scope& all) {
            for (int i = 1; i < 4; ++i)
                all.spawn(fetch());
            return fetch();
        };
        co_await posthorn::with_scope(body);
        auto const after = p.server.totals();
        CHECK(octets > 500 * 100);
        CHECK(after.requests - before.requests <= 504); // three new connections may be challenged
        CHECK(after.peak <= 4);
        CHECK(after.most_at_once == 4);
    });
}

TEST_SUITE_END();
