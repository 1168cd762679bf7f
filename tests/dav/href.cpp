//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/href.hpp>

#include <doctest/doctest.h>

#include <string>

namespace dav  = posthorn::dav;
namespace http = posthorn::http;

TEST_SUITE_BEGIN("dav/href");

TEST_CASE("the last segment, with the tree in the path or in the query")
{
    CHECK(dav::last_segment("http://h/cgi-bin/hmdata/u@h/folders/ACTIVE/MSG1085345148.94") ==
          "MSG1085345148.94");
    CHECK(dav::last_segment("http://h/folders/ACTIVE/") == "ACTIVE");
    CHECK(dav::last_segment("http://h/interface/httpmail.php?/folders/0/4711/") == "4711");
    CHECK(dav::last_segment("MSG1") == "MSG1");
    CHECK(dav::last_segment("/") == "");
    CHECK(dav::last_segment("") == "");
}

TEST_CASE("hrefs are resolved against the URL that answered")
{
    http::url const base("http://mail.example:8080/dav/Inbox/");
    auto const      resolved = [&](std::string_view href) {
        auto const u = dav::resolve_href(base, href);
        return u ? u->str() : "none";
    };
    CHECK(resolved("http://other.example/x") == "http://other.example/x");
    CHECK(resolved("/dav/a%20b") == "http://mail.example:8080/dav/a%20b");
    CHECK(resolved("a.eml") == "http://mail.example:8080/dav/Inbox/a.eml");
    CHECK(resolved("Re:%20foo.EML") == "http://mail.example:8080/dav/Inbox/Re:%20foo.EML");
    CHECK(resolved("/dav/##DavMailSubmissionURI##") ==
          "http://mail.example:8080/dav/%23%23DavMailSubmissionURI%23%23");
    CHECK(resolved("/dav/caf\xc3\xa9 <1>.eml") == "http://mail.example:8080/dav/caf%C3%A9%20%3C1%3E.eml");
    CHECK(resolved("http://") == "none");
}

TEST_CASE("hrefs are compared by what they mean")
{
    http::url const base("http://mail.example/dav/Inbox/");
    auto const same = [&](std::string_view a, std::string_view b) { return dav::is_same_href(base, a, b); };
    CHECK(same("HTTP://Mail.Example:80/dav/Inbox", "/dav/Inbox/"));
    CHECK(same("/dav/%7ebob/a%2fb", "/dav/~bob/a%2Fb"));
    CHECK(same("a.eml", "http://mail.example/dav/Inbox/a.eml"));
    CHECK(same("Re:%20a.EML", "/dav/Inbox/Re:%20a.EML"));
    CHECK_FALSE(same("/dav/a%2Fb", "/dav/a/b"));
    CHECK_FALSE(same("/dav/A", "/dav/a"));
    CHECK_FALSE(same("/dav/a?x", "/dav/a?y"));
    CHECK_FALSE(same("https://mail.example/dav/a", "http://mail.example/dav/a"));
    CHECK(same("http://", "http://"));
    CHECK_FALSE(same("http://", "/"));
}

TEST_CASE("a member's URL is appended, never resolved")
{
    CHECK(dav::child_url(http::url("http://h/interface/httpmail.php?/folders/0/"), "Work").str() ==
          "http://h/interface/httpmail.php?/folders/0/Work");
    CHECK(dav::child_url(http::url("http://h/dav"), "a b/\xc3\xa9", true).str() ==
          "http://h/dav/a%20b%2F%C3%A9/");
    CHECK(dav::with_slash(http::url("http://h/p?/folders/0")).str() == "http://h/p?/folders/0/");
    CHECK(dav::with_slash(http::url("http://h/p/")).str() == "http://h/p/");
}

TEST_SUITE_END();
