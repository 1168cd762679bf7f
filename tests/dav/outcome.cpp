//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/multistatus_reader.hpp>
#include <posthorn/dav/outcome.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace dav  = posthorn::dav;
namespace http = posthorn::http;

namespace {

/// What the items become after a reply with these responses.
std::vector<int> statuses(dav::bulk_outcome const& o)
{
    std::vector<int> all;
    for (auto const& i : o.items)
        all.push_back(i.status);
    return all;
}

dav::bulk_outcome match(http::url const& base, std::vector<dav::target> const& targets,
                        std::string const& responses)
{
    dav::multistatus_reader reader;
    dav::bulk_matcher       matcher(base, targets);
    dav::response           r;
    CHECK_FALSE(reader.feed("<D:multistatus xmlns:D='DAV:'>" + responses + "</D:multistatus>"));
    while (reader.next(r))
        matcher.add(r);
    CHECK_FALSE(reader.finish());
    return matcher.take(207);
}

std::string item(std::string const& href, std::string const& status)
{
    return "<D:response><D:href>" + href + "</D:href><D:status>HTTP/1.1 " + status +
           "</D:status></D:response>";
}

http::url const inbox("http://h.example/dav/Inbox/");

} // namespace

TEST_SUITE_BEGIN("dav/outcome");

TEST_CASE("targets are known in whatever form they are answered")
{
    std::vector<dav::target> const targets = {dav::target("a.eml"),
                                              dav::target("http://h.example/dav/Inbox/b.eml"),
                                              dav::target("/dav/Inbox/c%20d"), dav::target("Re:%20x.EML")};
    auto const                     o       = match(inbox, targets,
                                                   item("/dav/Inbox/a.eml", "403") + item("b.eml", "404") +
                                                       item("HTTP://H.EXAMPLE:80/dav/Inbox/c%20d/", "423") +
                                                       item("http://h.example/dav/Inbox/Re:%20x.EML", "409"));
    CHECK(statuses(o) == std::vector<int>{403, 404, 423, 409});
    CHECK(o.others.empty());
    CHECK(o.items[3].href == "Re:%20x.EML");
}

TEST_CASE("one response can speak for several targets")
{
    std::vector<dav::target> const targets = {dav::target("a"), dav::target("b"), dav::target("c")};
    auto const                     o       = match(inbox, targets,
                                                   "<D:response><D:href>a</D:href><D:href>c</D:href><D:status>HTTP/1.1 507 "
                                                                             "Full</D:status></D:response>");
    CHECK(statuses(o) == std::vector<int>{507, 200, 507});
    CHECK(o.items[0].error() == dav::errc::storage_full);
    CHECK_FALSE(o.all_ok());
}

TEST_CASE("of several responses about one target the failure counts")
{
    std::vector<dav::target> const targets = {dav::target("a"), dav::target("b")};
    auto const                     o =
        match(inbox, targets,
              item("a", "200 OK") + item("a", "403 No") + item("a", "200 OK") + item("b", "201 Created"));
    CHECK(statuses(o) == std::vector<int>{403, 201});
}

TEST_CASE("a last segment that two targets share decides nothing")
{
    std::vector<dav::target> const targets = {dav::target("http://h.example/dav/A/x"),
                                              dav::target("http://h.example/dav/B/x"),
                                              dav::target("http://h.example/dav/A/y")};
    auto const                     o =
        match(inbox, targets, item("http://other/x", "500 Oops") + item("http://other/y", "404 Gone"));
    CHECK(statuses(o) == std::vector<int>{200, 200, 404});
    CHECK(o.others.size() == 1);
    CHECK_FALSE(o.all_ok());
}

TEST_CASE("the properties of a response decide where it has no status of its own")
{
    std::vector<dav::target> const targets = {dav::target("a")};
    auto const                     o       = match(inbox, targets,
                                                   "<D:response><D:href>a</D:href><D:propstat><D:prop><D:x/></D:prop><D:status>HTTP/"
                                                                             "1.1 200 OK</D:status></D:propstat>"
                                                                             "<D:propstat><D:prop><D:y/></D:prop><D:status>HTTP/1.1 409 Conflict</D:status>"
                                                                             "<D:responsedescription>why</D:responsedescription></D:propstat></D:response>");
    CHECK(statuses(o) == std::vector<int>{409});
    CHECK(o.items[0].description == "why");
}

TEST_CASE("an outcome knows what its status means")
{
    dav::outcome o;
    o.status = 201;
    CHECK(o.ok());
    CHECK_FALSE(o.error());
    o.status = 423;
    CHECK_FALSE(o.ok());
    CHECK(o.error() == dav::errc::locked);
}

TEST_SUITE_END();
