//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A mailbox in a folder of Apache's mod_dav and of lighttpd's mod_webdav: messages are files, what is known of them are dead
// properties.

#include <posthorn/httpmail.hpp>

#include <doctest/doctest.h>

#include <support/apache.hpp>
#include <support/failures.hpp>
#include <support/lighttpd.hpp>
#include <support/mail_site.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace posthorn::httpmail;
using support::code_of_failure;

namespace {

mailbox_settings settings_for(support::apache_options::login how)
{
    mailbox_settings s;
    if (how != support::apache_options::login::none)
        s.http.login = {"alice", "open sesame"};
    s.http.rules.allow_plaintext = how == support::apache_options::login::basic;
    return s;
}

void with_apache(support::apache_options::login how, std::function<task<void>(mailbox&, support::apache&)> body)
{
    support::apache_options options;
    options.auth = how;
    support::apache server(options);
    support::run([&]() -> task<void> {
        http::url const entry(server.url("/dav/"));
        mailbox         box(entry, settings_for(how));
        co_await body(box, server);
    });
}

void with_lighttpd(bool digest, std::function<task<void>(mailbox&)> body)
{
    support::lighttpd_options options;
    options.digest = digest;
    support::lighttpd server(options);
    support::run([&]() -> task<void> {
        using login = support::apache_options::login;
        http::url const entry(server.url("/dav/"));
        mailbox         box(entry, settings_for(digest ? login::digest : login::none));
        co_await body(box);
    });
}

std::string mail(std::string const& subject)
{
    return "From: bob@example.net\r\nTo: alice@example.com\r\nSubject: " + subject + "\r\n\r\nThis is " + subject + ".\r\n";
}

/// Stores a message, and its subject as a server that reads messages would know it.
task<http::url> deliver(mailbox& box, http::url folder, std::string subject)
{
    std::shared_ptr<source> const content = std::make_shared<string_source>(mail(subject));
    auto const                    report  = co_await box.append(folder, content);
    CHECK(report.accepted());
    CHECK(report.status == 201);
    REQUIRE(report.location);
    dav::property_update update;
    update.set(names::m_subject, subject).set(names::m_from, "Bob <bob@example.net>").set(names::read, "0");
    update.set(names::m_date, "2004-06-10T10:12:09").apart();
    auto const done = co_await box.dav().proppatch(*report.location, update);
    CHECK(done.ok());
    co_return *report.location;
}

std::string subjects(std::vector<message_info> const& all)
{
    std::vector<std::string> each;
    for (auto const& m : all)
        each.push_back(m.subject + (m.read == true ? "+" : m.read == false ? "-" : "?"));
    std::sort(each.begin(), each.end());
    std::string text;
    for (auto const& one : each)
        text += one + ' ';
    return text;
}

/// Folders, and the properties of the root that tell where they are.
task<void> furnish(mailbox& box)
{
    auto const top = box.root().folder_root;
    dav::property_update update;
    for (auto const* name : {"Inbox", "Drafts", "Deleted Items"})
    {
        auto const made = co_await box.create_folder(top, name);
        auto const property = made.target().find("Inbox") != std::string::npos    ? names::inbox
                              : made.target().find("Drafts") != std::string::npos ? names::drafts
                                                                                  : names::deleteditems;
        update.set(property, made.str());
    }
    update.set(names::maxpoll, "5").apart();
    auto const done = co_await box.dav().proppatch(top, update);
    CHECK(done.ok());
    auto const root = co_await box.reopen();
    CHECK(root.inbox.target() == "/dav/Inbox/");
    CHECK(root.deleted_items.target() == "/dav/Deleted%20Items/");
    CHECK(root.polling_interval == std::chrono::minutes(5));
}

/// Stored, listed, fetched, marked, copied, moved, deleted.
task<void> life(mailbox& box)
{
    auto const root = co_await box.open();
    CHECK(box.speaks() == dialect::dav);
    CHECK(root.inbox.empty());
    co_await furnish(box);
    auto const inbox = box.root().inbox;

    std::vector<http::url> at;
    for (auto const* subject : {"one", "two", "three", "four & <five>"})
    {
        auto const where = co_await deliver(box, inbox, subject);
        at.push_back(where);
    }
    auto all = co_await box.list(inbox);
    CHECK(subjects(all) == "four & <five>- one- three- two- ");
    for (auto const& m : all)
    {
        CHECK(m.from == "Bob <bob@example.net>");
        CHECK(m.date == dav::to_time("2004-06-10T10:12:09Z"));
        CHECK(m.size == mail(m.subject).size());
    }
    auto const text = co_await box.fetch_text(at[1]);
    CHECK(text == mail("two"));

    co_await box.mark(at[0], true);
    std::vector<http::url> const middle(at.begin() + 1, at.begin() + 3);
    auto const                   marked = co_await box.mark(middle, true);
    CHECK(all_done(marked));
    co_await box.mark(at[1], false);
    all = co_await box.list(inbox);
    CHECK(subjects(all) == "four & <five>- one+ three+ two- ");
    auto const counts = co_await box.count(inbox);
    CHECK(counts.messages == 4);
    CHECK(counts.unread == 2);

    // Properties go along; a name that is taken is not.
    auto const drafts = box.root().drafts;
    auto const copied = co_await box.copy(at[0], drafts);
    REQUIRE(copied);
    auto const again = co_await box.copy(at[0], drafts);
    REQUIRE(again);
    CHECK(*again != *copied);
    auto const moved = co_await box.move(middle, drafts);
    CHECK(all_done(moved));
    REQUIRE(moved[0].location);
    auto const two = co_await box.fetch_text(*moved[0].location);
    CHECK(two == mail("two"));
    all = co_await box.list(drafts);
    CHECK(subjects(all) == "one+ one+ three+ two- ");

    // To the deleted items, then for good.
    std::vector<http::url> const some = {at[0], at[3]};
    auto const deleted = co_await box.remove(some, deletion::to_deleted_items);
    CHECK(all_done(deleted));
    auto const trash = box.root().deleted_items;
    all              = co_await box.list(trash);
    CHECK(subjects(all) == "four & <five>- one+ ");
    std::vector<http::url> rest;
    for (auto const& m : all)
        rest.push_back(m.url);
    rest.push_back(at[1]); // it was moved
    auto const gone = co_await box.remove(rest, deletion::to_deleted_items);
    CHECK(gone[0].ok());
    CHECK(gone[1].ok());
    CHECK(gone[2].fate == fate::refused);
    CHECK(gone[2].status == 404);
    all = co_await box.list(trash);
    CHECK(all.empty());
    all = co_await box.list(inbox);
    CHECK(all.empty());
    auto const missing = co_await code_of_failure(box.get(at[1]));
    CHECK(missing == httpmail::errc::message_gone);
}

/// Folders in folders. @param afterwards What is left of a message's properties when the folder above has been renamed.
task<void> life_of_folders(mailbox& box, std::string afterwards)
{
    auto const root = co_await box.open();
    co_await furnish(box);
    auto const top  = root.folder_root;
    auto const work = co_await box.create_folder(top, "work & \xc3\xa9tudes");
    auto const sub  = co_await box.create_folder(work, "2004");
    auto const deep = co_await box.create_folder(sub, "june");
    auto const first = co_await deliver(box, deep, "deep");
    CHECK(same_resource(parent_of(first), deep));
    auto const  tree = co_await box.folder_tree();
    std::string seen;
    for (auto const& f : tree)
        if (f.depth != 0 || f.url.target().find("work") != std::string::npos)
            seen += std::to_string(f.depth) + f.name() + ' ';
    CHECK(seen == "0work & \xc3\xa9tudes 12004 2june ");
    CHECK(std::count_if(tree.begin(), tree.end(), [](folder const& f) { return f.kind == folder_kind::inbox; }) == 1);
    auto const exists = co_await code_of_failure(box.create_folder(top, "Drafts"));
    CHECK(exists == httpmail::errc::folder_exists);
    auto const taken = co_await code_of_failure(box.rename_folder(work, "Drafts"));
    CHECK(taken == httpmail::errc::folder_exists);
    auto const renamed = co_await box.rename_folder(work, "play");
    CHECK(renamed.target() == "/dav/play/");
    auto const none = co_await code_of_failure(box.folders(work));
    CHECK(none == dav::errc::not_found);
    auto const inside = co_await box.list(http::url(renamed.str() + "2004/june/"));
    CHECK(subjects(inside) == afterwards);
    co_await box.delete_folder(renamed);
    auto const away = co_await code_of_failure(box.folders(renamed));
    CHECK(away == dav::errc::not_found);
    auto const special = co_await code_of_failure(box.delete_folder(box.root().inbox));
    CHECK(special == httpmail::errc::special_folder);
}

/// Contacts, once there is a folder for them.
task<void> life_of_contacts(mailbox& box)
{
    auto const none = co_await code_of_failure(box.contacts());
    CHECK(none == httpmail::errc::no_such_folder);
    auto const           made = co_await box.create_folder(box.root().folder_root, "Contacts");
    dav::property_update update;
    update.set(names::contacts, made.str());
    auto const done = co_await box.dav().proppatch(box.root().folder_root, update);
    CHECK(done.ok());
    auto const root = co_await box.reopen();
    CHECK(root.contacts == made);
    contact c;
    c.set(contact_field::display_name, "Bob <Example> & Co").set(contact_field::email, "bob@example.net");
    auto const at  = co_await box.add_contact(c);
    auto const all = co_await box.contacts();
    REQUIRE(all.size() == 1);
    CHECK(all[0].url == at);
    CHECK(all[0].get(contact_field::display_name) == "Bob <Example> & Co");
    CHECK(all[0].get(contact_field::email) == "bob@example.net");
    std::map<contact_field, std::string> const change = {{contact_field::email, ""}, {contact_field::mobile_phone, "+1 555 0100"}};
    co_await box.change_contact(at, change);
    auto const one = co_await box.read_contact(at);
    CHECK(one.get(contact_field::email).empty());
    CHECK(one.get(contact_field::mobile_phone) == "+1 555 0100");
    co_await box.delete_contact(at);
    auto const gone = co_await code_of_failure(box.read_contact(at));
    CHECK(gone == dav::errc::not_found);
}

/// Folders that come and go.
task<void> life_of_polls(mailbox& box)
{
    auto now = co_await box.poll();
    CHECK(now.first);
    now = co_await box.poll();
    CHECK_FALSE(now.any());
    auto const made = co_await box.create_folder(box.root().folder_root, "new");
    now             = co_await box.poll();
    CHECK(now.folders);
    co_await box.delete_folder(made);
    now = co_await box.poll();
    CHECK(now.folders);
    now = co_await box.poll();
    CHECK_FALSE(now.any());
}

/// A hundred messages, all asked for at once.
task<void> many_messages(mailbox& box)
{
    auto const root = co_await box.open();
    co_await furnish(box);
    constexpr int count = 100;
    int           stored = 0, got = 0;
    auto const inbox = box.root().inbox;
    auto const put   = [&](std::size_t i) -> task<void> {
        std::shared_ptr<source> const content = std::make_shared<string_source>(mail(std::to_string(i)));
        auto const                    report  = co_await box.append(inbox, content);
        stored += report.accepted() ? 1 : 0;
    };
    co_await httpmail::detail::in_parallel(count, count, put);
    CHECK(stored == count);
    auto const all = co_await box.list(inbox);
    CHECK(all.size() == count);
    auto const get = [&](std::size_t i) -> task<void> {
        auto const text = co_await box.fetch_text(all[i].url);
        got += text.starts_with("From: bob@example.net\r\n") ? 1 : 0;
    };
    co_await httpmail::detail::in_parallel(all.size(), all.size(), get);
    CHECK(got == count);
    CHECK(box.web().connections() <= 2 * box.settings().connections);
    CHECK(box.web().idle() <= box.settings().connections);
}

} // namespace

TEST_SUITE_BEGIN("live/httpmail_dav");

TEST_CASE("the life of a mailbox on Apache")
{
    for (auto const how : {support::apache_options::login::none, support::apache_options::login::basic, support::apache_options::login::digest})
        with_apache(how, [](mailbox& box, support::apache& server) -> task<void> {
            co_await life(box);
            // The server was never asked what it does not know.
            CHECK(server.access_log().find("BDELETE") == std::string::npos);
        });
}

TEST_CASE("the life of a mailbox on lighttpd")
{
    for (bool const digest : {false, true})
        with_lighttpd(digest, life);
}

TEST_CASE("folders on Apache: made, found in each other, renamed without replacing, deleted")
{
    with_apache(support::apache_options::login::digest, [](mailbox& box, support::apache&) -> task<void> { co_await life_of_folders(box, "deep- "); });
}

TEST_CASE("folders on lighttpd: made, found in each other, renamed without replacing, deleted")
{
    for (bool const digest : {false, true})
        // Properties of what is deeper down stay behind there: the message has lost its subject.
        with_lighttpd(digest, [](mailbox& box) { return life_of_folders(box, "? "); });
}

TEST_CASE("contacts on Apache are files with properties")
{
    with_apache(support::apache_options::login::none, [](mailbox& box, support::apache&) -> task<void> { co_await life_of_contacts(box); });
}

TEST_CASE("contacts on lighttpd are files with properties")
{
    for (bool const digest : {false, true})
        with_lighttpd(digest, life_of_contacts);
}

TEST_CASE("polling notices folders that come and go on Apache")
{
    with_apache(support::apache_options::login::none, [](mailbox& box, support::apache&) -> task<void> { co_await life_of_polls(box); });
}

TEST_CASE("polling notices folders that come and go on lighttpd")
{
    for (bool const digest : {false, true})
        with_lighttpd(digest, life_of_polls);
}

TEST_CASE("hundreds of messages fetched over a few connections on Apache")
{
    with_apache(support::apache_options::login::digest, [](mailbox& box, support::apache&) -> task<void> { co_await many_messages(box); });
}

TEST_CASE("hundreds of messages fetched over a few connections on lighttpd")
{
    for (bool const digest : {false, true})
        with_lighttpd(digest, many_messages);
}

TEST_SUITE_END();
