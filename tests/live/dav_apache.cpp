//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Apache with mod_dav_fs: folders are collections, messages are resources whose properties are dead ones.

#include <posthorn/dav/client.hpp>

#include <doctest/doctest.h>

#include <support/apache.hpp>
#include <support/certs.hpp>
#include <support/dav_site.hpp>
#include <support/failures.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace posthorn;
using support::dav_site;
using support::code_of_failure;

TEST_SUITE_BEGIN("live/dav_apache");

namespace {

constexpr xml::name hm_read{dav::httpmail_space, "read"};
constexpr xml::name hm_special{dav::httpmail_space, "special"};
constexpr xml::name m_subject{dav::mailheader_space, "subject"};
constexpr xml::name m_from{dav::mailheader_space, "from"};
constexpr xml::name m_date{dav::mailheader_space, "date"};

using login = support::apache_options::login;

struct way
{
    char const* name;
    login       auth;
    bool        tls;
};

constexpr way ways[] = {{"without login", login::none, false},
                        {"Basic", login::basic, false},
                        {"Digest", login::digest, false},
                        {"Basic over TLS", login::basic, true},
                        {"Digest over TLS", login::digest, true}};

/// An Apache, and how to reach it.
struct place
{
    explicit place(way const& w) : kind(w)
    {
        support::apache_options options;
        options.auth           = w.auth;
        options.depth_infinity = w.auth == login::basic;
        if (w.tls)
        {
            certs.emplace();
            options.tls = certs->server();
            access.ca   = certs->ca();
        }
        httpd.emplace(options);
        access.root = httpd->url("/dav/");
        if (w.auth != login::none)
            access.password = "open sesame";
    }

    way                                  kind;
    std::optional<support::certificates> certs;
    std::optional<support::apache>       httpd;
    support::dav_access                  access;
};

std::string message(int n)
{
    return "From: Bob <bob@example.net>\r\nSubject: Message " + std::to_string(n) + "\r\n\r\nHello no. " +
           std::to_string(n) + "\r\n";
}

std::size_t lines_with(std::string const& log, std::string_view what)
{
    std::size_t n = 0;
    for (std::size_t at = 0; (at = log.find(what, at)) != log.npos; at += what.size())
        ++n;
    return n;
}

} // namespace

TEST_CASE("a mailbox is made, filled, listed, changed, moved and deleted")
{
    for (auto const& w : ways)
    {
        CAPTURE(w.name);
        place at(w);
        support::with_dav(at.access, [](dav_site& s) -> task<void> {
            // Folders.
            auto const inbox = co_await s->mkcol(s.url("Inbox/"));
            CHECK(inbox.status == 201);
            REQUIRE(inbox.location);
            CHECK(same_resource(*inbox.location, s.url("Inbox/")));
            auto const other = co_await s->mkcol(s.url("Other/"));
            CHECK(other.ok());
            auto ec = co_await code_of_failure(s->mkcol(s.url("Inbox/")));
            CHECK(ec == dav::errc::not_supported);
            ec = co_await code_of_failure(s->mkcol(s.url("no/such/parent/")));
            CHECK(ec == dav::errc::conflict);
            auto const special = co_await s.set("Inbox/", hm_special, "inbox");
            CHECK(special.ok());

            // Messages, and their properties.
            for (int n = 1; n <= 3; ++n)
            {
                std::string const path = "Inbox/MSG" + std::to_string(n) + ".eml";
                auto const        put  = co_await s.put(path, message(n));
                CHECK(put.status == 201);
                dav::property_update update;
                update.set(hm_read, n == 2 ? "1" : "0")
                    .set(m_subject, "Caf\xc3\xa9 & <bar> no. " + std::to_string(n) + " \xf0\x9f\x98\x80")
                    .set(m_from, "Bob <bob@example.net>")
                    .set(m_date, "2004-06-0" + std::to_string(n) + "T08:15:30");
                auto const patched = co_await s->proppatch(s.url(path), update);
                CHECK(patched.ok());
                CHECK(patched.details.size() == 1);
            }
            auto const changed = co_await s.put("Inbox/MSG3.eml", message(33));
            CHECK(changed.status == 204);

            // The list, with all that a client of HTTPMail asks for.
            dav::property_list const wanted(hm_read, m_subject, m_from, m_date, dav::names::getcontentlength,
                                            dav::names::resourcetype, dav::names::getlastmodified,
                                            hm_special);
            auto          list = co_await s->propfind(s.url("Inbox/"), dav::depth::one_noroot, wanted);
            dav::response r;
            std::size_t   count = 0;
            for (;;)
            {
                bool const more = co_await list.next(r);
                if (!more)
                    break;
                ++count;
                auto const segment = dav::last_segment(r.href());
                REQUIRE(segment.size() == 8);
                std::string const number(1, segment[3]);
                CHECK_FALSE(r.is_collection());
                CHECK(r.find(hm_read)->as_boolean() == (number == "2"));
                CHECK(r.text(m_subject) == "Caf\xc3\xa9 & <bar> no. " + number + " \xf0\x9f\x98\x80");
                CHECK(r.text(m_from) == "Bob <bob@example.net>");
                CHECK(r.find(m_date)->as_time() == dav::to_time("2004-06-0" + number + "T08:15:30Z"));
                CHECK(r.find(dav::names::getcontentlength)->as_integer() ==
                      static_cast<std::int64_t>(message(number == "3" ? 33 : 1).size()));
                CHECK(r.find(dav::names::getlastmodified)->as_time().has_value());
                CHECK_FALSE(r.text(hm_special)); // not there
                bool missing = false;
                for (auto const& p : r.properties())
                    missing = missing || (p.name() == hm_special && p.status() == 404);
                CHECK(missing);
                auto const from = list.url_of(r);
                REQUIRE(from);
                CHECK(from->origin() == s.url().origin());
            }
            CHECK(count == 3);
            CHECK_FALSE(list.repairs().any());

            // One message.
            auto const text = co_await s.get(s.url("Inbox/MSG1.eml"));
            CHECK(text == message(1));
            auto                 first = co_await s->get(s.url("Inbox/MSG1.eml"));
            dav::request_options unchanged;
            unchanged.if_none_match = std::string(*first.fields().get("ETag"));
            co_await first.discard();
            auto again = co_await s->get(s.url("Inbox/MSG1.eml"), unchanged);
            CHECK(again.status() == 304);
            co_await again.discard();
            auto const read = co_await s.property("Inbox/MSG1.eml", hm_read);
            CHECK(read == "0"); // GET marks nothing
            auto const marked = co_await s.set("Inbox/MSG1.eml", hm_read, "1");
            CHECK(marked.ok());
            auto const now = co_await s.property("Inbox/MSG1.eml", hm_read);
            CHECK(now == "1");

            // COPY and MOVE take the properties along.
            auto const copied = co_await s->copy(s.url("Inbox/MSG1.eml"), s.url("Other/copy.eml"));
            CHECK(copied.status == 201);
            auto const subject = co_await s.property("Other/copy.eml", m_subject);
            CHECK(subject == "Caf\xc3\xa9 & <bar> no. 1 \xf0\x9f\x98\x80");
            dav::transfer_options keep;
            keep.overwrite = false;
            ec = co_await code_of_failure(s->copy(s.url("Inbox/MSG2.eml"), s.url("Other/copy.eml"), keep));
            CHECK(ec == dav::errc::conflict);
            auto const replaced = co_await s->copy(s.url("Inbox/MSG2.eml"), s.url("Other/copy.eml"));
            CHECK(replaced.status == 204);
            auto const moved = co_await s->move(s.url("Inbox/MSG2.eml"), s.url("Other/MSG2.eml"));
            CHECK(moved.status == 201);
            ec = co_await code_of_failure(s->get(s.url("Inbox/MSG2.eml")));
            CHECK(ec == dav::errc::not_found);
            auto const kept = co_await s.property("Other/MSG2.eml", hm_read);
            CHECK(kept == "1");
            ec = co_await code_of_failure(s->move(s.url("Inbox/gone.eml"), s.url("Other/gone.eml")));
            CHECK(ec == dav::errc::not_found);
            ec = co_await code_of_failure(s->copy(s.url("Inbox/MSG1.eml"), s.url("no/such/parent.eml")));
            CHECK(ec == dav::errc::conflict);

            // A folder is renamed, copied with and without its members, deleted.
            auto const renamed = co_await s->move(s.url("Other/"), s.url("Renamed"));
            CHECK(renamed.status == 201);
            auto names = co_await s.names("Renamed/", dav::depth::one_noroot);
            CHECK(names == std::vector<std::string>{"MSG2.eml", "copy.eml"});
            dav::transfer_options shallow;
            shallow.reach     = dav::depth::zero;
            auto const hollow = co_await s->copy(s.url("Renamed/"), s.url("Hollow/"), shallow);
            CHECK(hollow.ok());
            names = co_await s.names("Hollow/", dav::depth::one_noroot);
            CHECK(names.empty());
            auto const whole = co_await s->copy(s.url("Renamed/"), s.url("Whole/"));
            CHECK(whole.ok());
            names = co_await s.names("Whole/", dav::depth::one_noroot);
            CHECK(names.size() == 2);
            auto const removed = co_await s->remove(s.url("Renamed/"));
            CHECK(removed.status == 204);
            auto const message_removed = co_await s->remove(s.url("Inbox/MSG1.eml"));
            CHECK(message_removed.ok());
            ec = co_await code_of_failure(s->remove(s.url("Inbox/MSG1.eml")));
            CHECK(ec == dav::errc::not_found);
            names = co_await s.names("", dav::depth::one_noroot);
            CHECK(names == std::vector<std::string>{"Hollow", "Inbox", "Whole"});
        });
    }
}

TEST_CASE("OPTIONS tells what mod_dav can do")
{
    place at(ways[1]);
    support::with_dav(at.access, [](dav_site& s) -> task<void> {
        auto const f = co_await s->options(s.url());
        CHECK(f.has_class("1"));
        CHECK(f.has_class("2"));
        for (auto const* m : {"PROPFIND", "PROPPATCH", "COPY", "MOVE", "DELETE", "LOCK"})
            CHECK(f.has_method(m));
        CHECK_FALSE(f.has_method("BMOVE"));
        CHECK(f.fields.get("MS-Author-Via") == "DAV");
    });
}

TEST_CASE("noroot is refused by Apache with 400; the client goes on without it and remembers")
{
    place at(ways[0]);
    std::filesystem::create_directory(at.httpd->dav() / "Inbox");
    support::write_file(at.httpd->dav() / "Inbox/a.eml", message(1));
    support::with_dav(at.access, [](dav_site& s) -> task<void> {
        for (int i = 0; i < 3; ++i)
        {
            auto const names = co_await s.names("Inbox/", dav::depth::one_noroot);
            CHECK(names == std::vector<std::string>{"a.eml"});
        }
        auto const all = co_await s.names("Inbox/", dav::depth::one);
        CHECK(all == std::vector<std::string>{"Inbox", "a.eml"});
    });
    at.httpd->stop();
    auto const log = at.httpd->access_log();
    CHECK(lines_with(log, "PROPFIND /dav/Inbox/ 400") == 1);
    CHECK(lines_with(log, "PROPFIND /dav/Inbox/ 207") == 4);
}

TEST_CASE("depth infinity is served only where it is allowed")
{
    place open(ways[1]), closed(ways[0]);
    for (auto* at : {&open, &closed})
    {
        std::filesystem::create_directories(at->httpd->dav() / "a/b/c");
        support::write_file(at->httpd->dav() / "a/b/c/m.eml", message(1));
    }
    support::with_dav(open.access, [](dav_site& s) -> task<void> {
        auto const all = co_await s.names("", dav::depth::infinity);
        CHECK(all == std::vector<std::string>{"a", "b", "c", "dav", "m.eml"});
        auto const below = co_await s.names("", dav::depth::infinity_noroot);
        CHECK(below == std::vector<std::string>{"a", "b", "c", "m.eml"});
    });
    support::with_dav(closed.access, [](dav_site& s) -> task<void> {
        auto const ec = co_await code_of_failure(s.names("", dav::depth::infinity));
        CHECK(ec == dav::errc::forbidden);
    });
}

TEST_CASE("allprop and propname tell of dead properties too")
{
    place at(ways[0]);
    support::write_file(at.httpd->dav() / "m.eml", message(1));
    // mod_dav_fs keeps its property database beside the files.
    support::with_dav(at.access, [](dav_site& s) -> task<void> {
        auto const set = co_await s.set("m.eml", m_subject, "x");
        CHECK(set.ok());
        auto list = co_await s->propfind(s.url("m.eml"), dav::depth::zero, dav::property_list::all());
        auto one  = co_await list.next();
        REQUIRE(one);
        CHECK(one->text(m_subject) == "x");
        CHECK(one->text(dav::names::getcontenttype) == "message/rfc822");
        auto named = co_await s->propfind(s.url("m.eml"), dav::depth::zero, dav::property_list::names_only());
        auto names = co_await named.next();
        REQUIRE(names);
        CHECK(names->text(m_subject) == "");
        CHECK(names->find(dav::names::getetag).has_value());
    });
}

TEST_CASE("a PROPPATCH is all or nothing, and says which property was at fault")
{
    place at(ways[0]);
    support::write_file(at.httpd->dav() / "m.eml", message(1));
    support::with_dav(at.access, [](dav_site& s) -> task<void> {
        dav::property_update update;
        update.set(hm_read, "1").set(dav::names::getetag, "mine");
        auto const o = co_await s->proppatch(s.url("m.eml"), update);
        CHECK_FALSE(o.ok());
        REQUIRE(o.details.size() == 1);
        int read = 0, etag = 0;
        for (auto const& p : o.details[0].properties())
            (p.name() == hm_read ? read : etag) = p.status();
        CHECK(read == 424);
        CHECK(etag == 409); // where others say 403
        auto const value = co_await s.property("m.eml", hm_read);
        CHECK_FALSE(value);

        auto set = co_await s.set("m.eml", hm_read, "1");
        CHECK(set.ok());
        dav::property_update removal;
        removal.remove(hm_read);
        auto const removed = co_await s->proppatch(s.url("m.eml"), removal);
        CHECK(removed.ok());
        auto const gone = co_await s.property("m.eml", hm_read);
        CHECK_FALSE(gone);
    });
}

TEST_CASE("names that need care survive from the list to the next request")
{
    place                               at(ways[0]);
    std::vector<std::string_view> const names = {"Re: foo.EML",   "caf\xc3\xa9 & <b>.eml", "100% #1.eml",
                                                 "a+b;c=d,e.eml", "question?.eml",         "quote'\".eml",
                                                 "~tilde.eml"};
    support::with_dav(at.access, [&names](dav_site& s) -> task<void> {
        auto const made = co_await s->mkcol(s.url("In%20box/"));
        CHECK(made.ok());
        for (auto const name : names)
        {
            auto       body = std::make_shared<string_source>("Subject: x\r\n\r\n" + std::string(name));
            auto const put =
                co_await s->put(dav::child_url(s.url("In%20box/"), name), std::move(body), "message/rfc822");
            CHECK(put.status == 201);
        }
        auto list = co_await s->propfind(s.url("In%20box/"), dav::depth::one_noroot,
                                         dav::property_list(dav::names::resourcetype));
        auto all  = co_await list.collect();
        CHECK(all.size() == names.size());
        for (auto const& r : all)
        {
            auto const from = list.url_of(r);
            REQUIRE(from);
            auto const text = co_await s.get(*from);
            auto const name = http::percent_decode(dav::last_segment(r.href()));
            CHECK(std::find(names.begin(), names.end(), name) != names.end());
            CHECK(text == "Subject: x\r\n\r\n" + name);
        }
    });
    for (auto const name : names)
        CHECK(std::filesystem::exists(at.httpd->dav() / "In box" / name));
}

TEST_CASE("the root tells where the folders are, by dead properties")
{
    place at(ways[1]);
    support::with_dav(at.access, [](dav_site& s) -> task<void> {
        constexpr xml::name inbox{dav::httpmail_space, "inbox"},
            folders{dav::httpmail_space, "msgfolderroot"}, outbox{dav::httpmail_space, "outbox"};
        dav::property_update update;
        update.set(inbox, s.url("Inbox/").str()).set(folders, s.url().str());
        auto const set = co_await s->proppatch(s.url(), update);
        CHECK(set.ok());
        auto list =
            co_await s->propfind(s.url(), dav::depth::zero, dav::property_list(inbox, folders, outbox));
        auto root = co_await list.next();
        REQUIRE(root);
        CHECK(root->text(inbox) == s.url("Inbox/").str());
        CHECK(root->text(folders) == s.url().str());
        CHECK_FALSE(root->text(outbox));
    });
}

TEST_CASE("a locked member keeps its folder from being deleted")
{
    place at(ways[0]);
    support::with_dav(at.access, [](dav_site& s) -> task<void> {
        auto const made = co_await s->mkcol(s.url("Box/"));
        CHECK(made.ok());
        auto const put = co_await s.put("Box/locked.eml", message(1));
        CHECK(put.ok());
        http::request lock("LOCK", s.url("Box/locked.eml"));
        lock.set_body("<?xml version='1.0'?><D:lockinfo "
                      "xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></"
                      "D:locktype></D:lockinfo>",
                      "text/xml");
        auto locked = co_await s.web().send(std::move(lock));
        REQUIRE(locked.status() == 200);
        co_await locked.discard();
        auto ec = co_await code_of_failure(s->remove(s.url("Box/locked.eml")));
        CHECK(ec == dav::errc::locked);
        ec = co_await code_of_failure(s->remove(s.url("Box/")));
        CHECK(ec == dav::errc::dependency_failed);
        auto const names = co_await s.names("Box/", dav::depth::one_noroot);
        CHECK(names == std::vector<std::string>{"locked.eml"});
    });
}

TEST_CASE("a folder that can be deleted in part only: the answer names what stays")
{
    support::require_root("Apache");
    place      at(ways[0]);
    auto const www = support::find_user("www-data", "base-passwd");
    std::filesystem::create_directories(at.httpd->dav() / "Box/Sub");
    for (auto const* name : {"Box/free.eml", "Box/Sub/stays.eml"})
        support::write_file(at.httpd->dav() / name, message(1));
    // Sub belongs to root: the server may look into it and remove nothing.
    REQUIRE(::chown((at.httpd->dav() / "Box").c_str(), www.uid, www.gid) == 0);
    support::with_dav(at.access, [](dav_site& s) -> task<void> {
        auto const o = co_await s->remove(s.url("Box/"));
        CHECK_FALSE(o.ok());
        CHECK(o.error());
        bool named = false;
        for (auto const& r : o.details)
            named = named || (dav::last_segment(r.href()) == "stays.eml" && r.worst_status() / 100 != 2);
        CHECK(named);
        auto const text = co_await s.get(s.url("Box/Sub/stays.eml"));
        CHECK(text == message(1));
    });
}

TEST_CASE("what mod_dav does not know is told as not supported, and the session goes on")
{
    place at(ways[2]);
    support::with_dav(at.access, [](dav_site& s) -> task<void> {
        auto const put = co_await s.put("m.eml", message(1));
        CHECK(put.ok());
        std::vector<dav::target> one = {dav::target("m.eml")};
        dav::property_update     update;
        update.set(hm_read, "1");
        auto ec = co_await code_of_failure(s->bmove(s.url(), s.url("x/"), one, dav::transfer_options()));
        CHECK(ec == dav::errc::not_supported);
        ec = co_await code_of_failure(s->bcopy(s.url(), s.url("x/"), one, dav::transfer_options()));
        CHECK(ec == dav::errc::not_supported);
        ec = co_await code_of_failure(s->bdelete(s.url(), one));
        CHECK(ec == dav::errc::not_supported);
        ec = co_await code_of_failure(s->bproppatch(s.url(), one, update));
        CHECK(ec == dav::errc::not_supported);
        ec = co_await code_of_failure(s->bpropfind(s.url(), one, dav::depth::zero, dav::property_list(hm_read)));
        CHECK(ec == dav::errc::not_supported);
        ec = co_await code_of_failure(s->search(s.url(), "SELECT \"DAV:uid\" FROM \"\""));
        CHECK((ec == dav::errc::not_supported || ec == dav::errc::bad_request));
        auto const text = co_await s.get(s.url("m.eml"));
        CHECK(text == message(1));
    });
}

TEST_CASE("a folder of 20 000 messages is read as a stream")
{
    place at(ways[2]);
    std::filesystem::create_directory(at.httpd->dav() / "Big");
    for (int n = 0; n < 20'000; ++n)
        support::write_file(at.httpd->dav() / "Big" / ("MSG" + std::to_string(n) + ".eml"), "x");
    support::with_dav(at.access, [](dav_site& s) -> task<void> {
        auto list = co_await s->propfind(
            s.url("Big/"), dav::depth::one_noroot,
            dav::property_list(dav::names::getcontentlength, dav::names::resourcetype, hm_read));
        dav::response r;
        std::size_t   count = 0;
        for (;;)
        {
            bool const more = co_await list.next(r);
            if (!more)
                break;
            ++count;
            if (r.find(dav::names::getcontentlength)->as_integer() != 1)
                FAIL("a wrong size");
        }
        CHECK(count == 20'000);
        CHECK(s.web().connections() <= 2);
    });
}

TEST_CASE("a wrong password is refused, by Basic and by Digest")
{
    for (auto const& w : {ways[1], ways[2]})
    {
        CAPTURE(w.name);
        place at(w);
        at.access.password = "wrong";
        support::with_dav(at.access, [](dav_site& s) -> task<void> {
            auto const ec = co_await code_of_failure(s.names("", dav::depth::one));
            CHECK(ec == http::errc::auth_failed);
            CHECK(ec == condition::authentication);
        });
        at.access.password.clear();
        support::with_dav(at.access, [](dav_site& s) -> task<void> {
            auto const ec = co_await code_of_failure(s.names("", dav::depth::one));
            CHECK(ec == dav::errc::auth_required);
        });
    }
}

TEST_CASE("a server whose certificate nobody vouches for gets nothing")
{
    place                 at(ways[3]);
    support::certificates others;
    at.access.ca = others.ca();
    support::with_dav(at.access, [](dav_site& s) -> task<void> {
        auto const ec = co_await code_of_failure(s.names("", dav::depth::one));
        CHECK(ec == condition::tls);
    });
    at.httpd->stop();
    CHECK(at.httpd->access_log().empty());
}

TEST_SUITE_END();
