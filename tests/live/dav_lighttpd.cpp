//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// lighttpd with mod_webdav and its SQLite store: another server, with other habits.

#include <posthorn/dav/client.hpp>

#include <doctest/doctest.h>

#include <support/dav_site.hpp>
#include <support/failures.hpp>
#include <support/lighttpd.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace posthorn;
using support::dav_site;
using support::code_of_failure;

TEST_SUITE_BEGIN("live/dav_lighttpd");

namespace {

constexpr xml::name hm_read{dav::httpmail_space, "read"};
constexpr xml::name m_subject{dav::mailheader_space, "subject"};

/// Runs `body` against a fresh server, without login and with Digest (SHA-256).
void both_ways(std::function<task<void>(dav_site&)> const& body)
{
    for (bool const digest : {false, true})
    {
        CAPTURE(digest);
        support::lighttpd_options options;
        options.digest = digest;
        support::lighttpd   server(options);
        support::dav_access access;
        access.root = server.url("/dav/");
        if (digest)
            access.password = "open sesame";
        support::with_dav(access, body);
    }
}

} // namespace

TEST_CASE("a mailbox is made, filled, listed, changed, moved and deleted")
{
    both_ways([](dav_site& s) -> task<void> {
        auto const inbox = co_await s->mkcol(s.url("Inbox/"));
        CHECK(inbox.status == 201);
        auto const other = co_await s->mkcol(s.url("Other/"));
        CHECK(other.ok());
        auto ec = co_await code_of_failure(s->mkcol(s.url("Inbox/")));
        CHECK(ec == dav::errc::not_supported);
        ec = co_await code_of_failure(s->mkcol(s.url("no/such/parent/")));
        CHECK(ec == dav::errc::conflict);

        for (auto const* name : {"a.eml", "b.eml"})
        {
            std::string const path = "Inbox/" + std::string(name);
            auto const        put  = co_await s.put(path, "Subject: x\r\n\r\n" + std::string(name));
            CHECK(put.ok());
            // One property for each request: of several this server keeps the first only.
            std::string const flag = std::to_string(name[0] == 'a');
            auto const        read = co_await s.set(path, hm_read, flag);
            CHECK(read.ok());
            auto const subject = co_await s.set(path, m_subject, "Caf\xc3\xa9 & <bar> " + std::string(name));
            CHECK(subject.ok());
        }

        dav::property_list const wanted(hm_read, m_subject, dav::names::getcontentlength,
                                        dav::names::resourcetype, dav::names::getlastmodified);
        auto                     list = co_await s->propfind(s.url("Inbox/"), dav::depth::one_noroot, wanted);
        auto const               all  = co_await list.collect();
        CHECK(all.size() == 2);
        for (auto const& r : all)
        {
            std::string const name(dav::last_segment(r.href()));
            CHECK_FALSE(r.is_collection());
            CHECK(r.find(hm_read)->as_boolean() == (name == "a.eml"));
            CHECK(r.text(m_subject) == "Caf\xc3\xa9 & <bar> " + name);
            CHECK(r.find(dav::names::getcontentlength)->as_integer() == 19);
            CHECK(r.find(dav::names::getlastmodified)->kind().type == dav::value_type::date_time);
            CHECK(r.find(dav::names::getlastmodified)->as_time().has_value());
        }
        CHECK_FALSE(list.repairs().any());

        auto const copied = co_await s->copy(s.url("Inbox/a.eml"), s.url("Other/c.eml"));
        CHECK(copied.ok());
        auto const taken_along = co_await s.property("Other/c.eml", m_subject);
        CHECK(taken_along == "Caf\xc3\xa9 & <bar> a.eml");
        dav::transfer_options keep;
        keep.overwrite = false;
        ec             = co_await code_of_failure(s->copy(s.url("Inbox/b.eml"), s.url("Other/c.eml"), keep));
        CHECK(ec == dav::errc::conflict);
        auto const moved = co_await s->move(s.url("Inbox/a.eml"), s.url("Other/a.eml"));
        CHECK(moved.ok());
        auto const still = co_await s.property("Other/a.eml", hm_read);
        CHECK(still == "1");
        auto const text = co_await s.get(s.url("Other/a.eml"));
        CHECK(text == "Subject: x\r\n\r\na.eml");
        ec = co_await code_of_failure(s->get(s.url("Inbox/a.eml")));
        CHECK(ec == dav::errc::not_found);

        dav::property_update removal;
        removal.remove(hm_read);
        auto const without = co_await s->proppatch(s.url("Other/a.eml"), removal);
        CHECK(without.ok());
        auto const gone = co_await s.property("Other/a.eml", hm_read);
        CHECK_FALSE(gone);

        auto const renamed = co_await s->move(s.url("Other/"), s.url("Renamed/"));
        CHECK(renamed.ok());
        auto names = co_await s.names("Renamed/", dav::depth::one_noroot);
        CHECK(names == std::vector<std::string>{"a.eml", "c.eml"});
        auto const removed = co_await s->remove(s.url("Renamed/"));
        CHECK(removed.ok());
        names = co_await s.names("", dav::depth::one_noroot);
        CHECK(names == std::vector<std::string>{"Inbox"});
    });
}

TEST_CASE("noroot is read as 1: the folder itself is listed, and left out here")
{
    both_ways([](dav_site& s) -> task<void> {
        auto const put = co_await s.put("m.eml", "x");
        CHECK(put.ok());
        auto names = co_await s.names("", dav::depth::one_noroot);
        CHECK(names == std::vector<std::string>{"m.eml"});
        names = co_await s.names("", dav::depth::one);
        CHECK(names == std::vector<std::string>{"dav", "m.eml"});
        auto const ec = co_await code_of_failure(s.names("", dav::depth::infinity));
        CHECK(ec == dav::errc::forbidden);
    });
}

TEST_CASE("OPTIONS, allprop and propname")
{
    both_ways([](dav_site& s) -> task<void> {
        auto const f = co_await s->options(s.url());
        CHECK(f.has_class("1"));
        CHECK(f.has_method("PROPPATCH"));
        CHECK_FALSE(f.has_method("SEARCH"));
        auto const put = co_await s.put("m.eml", "x");
        CHECK(put.ok());
        auto const set = co_await s.set("m.eml", m_subject, "y");
        CHECK(set.ok());
        auto all = co_await s->propfind(s.url("m.eml"), dav::depth::zero, dav::property_list::all());
        auto one = co_await all.next();
        REQUIRE(one);
        CHECK(one->text(dav::names::getcontenttype) == "message/rfc822");
        auto names = co_await s->propfind(s.url("m.eml"), dav::depth::zero, dav::property_list::names_only());
        auto named = co_await names.next();
        REQUIRE(named);
        CHECK(named->text(m_subject) == "");
        CHECK(named->text({"", "getetag"}) == ""); // it forgets the namespace, in this answer only
    });
}

TEST_CASE("what it does not know is told as not supported, and the session goes on")
{
    both_ways([](dav_site& s) -> task<void> {
        auto const put = co_await s.put("m.eml", "x");
        CHECK(put.ok());
        std::vector<dav::target> one = {dav::target("m.eml")};
        auto ec = co_await code_of_failure(s->bmove(s.url(), s.url("x/"), one, dav::transfer_options()));
        CHECK(ec == dav::errc::not_supported);
        ec = co_await code_of_failure(s->bdelete(s.url(), one));
        CHECK(ec == dav::errc::not_supported);
        ec = co_await code_of_failure(s->search(s.url(), "x"));
        CHECK(ec == dav::errc::not_supported);
        auto const text = co_await s.get(s.url("m.eml"));
        CHECK(text == "x");
    });
}

TEST_CASE("a body in XML that is not labelled as such is refused")
{
    support::lighttpd   server;
    support::dav_access access;
    access.root = server.url("/dav/");
    support::with_dav(access, [](dav_site& s) -> task<void> {
        http::request r("PROPFIND", s.url());
        r.set_body(dav::propfind_body(dav::property_list::all()), "text/plain");
        r.fields.set("Depth", "0");
        auto const answer = co_await s.web().send(std::move(r));
        CHECK(answer.status() == 415);
    });
}

TEST_SUITE_END();
