//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/changes.hpp>

#include <doctest/doctest.h>

namespace http = posthorn::http;
using namespace posthorn::httpmail;

namespace {

folder at(char const* url, unsigned unread, char const* name = "")
{
    folder f;
    f.url          = http::url(url);
    f.unread       = unread;
    f.display_name = name;
    return f;
}

} // namespace

TEST_SUITE_BEGIN("httpmail/changes");

TEST_CASE("two looks are compared")
{
    root_properties root;
    root.inbox = http::url("http://h/in/");
    folder_snapshot one, two;
    one.add(at("http://h/in/", 1));
    one.add(at("http://h/a/", 1), "Mon");
    two.add(at("http://h/in/", 1));
    two.add(at("http://h/a/", 1), "Mon");
    CHECK_FALSE(compare(one, two, root).any());
    folder_snapshot three;
    three.add(at("http://h/in/", 2));
    three.add(at("http://h/a/", 1), "Tue");
    auto const c = compare(one, three, root);
    CHECK(c.any());
    CHECK(c.inbox);
    CHECK_FALSE(c.folders);
    CHECK(c.contents.size() == 2);
    folder_snapshot renamed, fewer, more;
    renamed.add(at("http://h/in/", 1));
    renamed.add(at("http://h/a/", 1, "b"), "Mon");
    CHECK(compare(one, renamed, root).folders);
    fewer.add(at("http://h/in/", 1));
    CHECK(compare(one, fewer, root).folders);
    CHECK(compare(fewer, one, root).folders);
    CHECK_FALSE(compare(one, three, root_properties()).inbox);
}

TEST_CASE("the server's times")
{
    root_properties root;
    root.inbox = http::url("http://h/ACTIVE/");
    auto const told = [&](char const* before, char const* now) {
        changes c;
        note_times(c, parse_timestamps(before), parse_timestamps(now), root);
        return (c.folders ? 1 : 0) + (c.inbox ? 2 : 0);
    };
    CHECK(told("folders=1, ACTIVE=1", "folders=1, ACTIVE=1") == 0);
    CHECK(told("folders=1, ACTIVE=1", "folders=2, ACTIVE=1") == 1);
    CHECK(told("folders=1, ACTIVE=1", "folders=1, ACTIVE=2") == 2);
    CHECK(told("", "folders=1, ACTIVE=2") == 0);
    CHECK(told("x=1", "x=2") == 0);
}

TEST_SUITE_END();
