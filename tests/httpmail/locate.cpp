//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/locate.hpp>

#include <doctest/doctest.h>

namespace http = posthorn::http;
using namespace posthorn::httpmail;

TEST_SUITE_BEGIN("httpmail/locate");

TEST_CASE("the folder of a message, with the tree in the path or in the query")
{
    auto const parent = [](char const* u) { return parent_of(http::url(u)).str(); };
    CHECK(parent("http://h/f/ACTIVE/MSG1") == "http://h/f/ACTIVE/");
    CHECK(parent("http://h/f/ACTIVE/") == "http://h/f/");
    CHECK(parent("http://h/p.php?/folders/0/4711/") == "http://h/p.php?/folders/0/");
    CHECK(parent("http://h/p.php?/folders/0/4711") == "http://h/p.php?/folders/0/");
    CHECK(parent("http://h/a") == "http://h/");
    CHECK(parent("http://h/") == "http://h/");
    CHECK(has_tree_in_query(http::url("http://h/p.php?/folders/")));
    CHECK_FALSE(has_tree_in_query(http::url("http://h/p/?x=1")));
    CHECK_FALSE(has_tree_in_query(http::url("http://h/p/")));
}

TEST_CASE("where a message goes keeps its name byte for byte, and its slash")
{
    http::url const folder("http://h/f/trAsH");
    CHECK(destination_in(folder, http::url("http://h/f/ACTIVE/Re:%20f%F4.EML")).str() == "http://h/f/trAsH/Re:%20f%F4.EML");
    CHECK(destination_in(folder, http::url("http://h/f/ACTIVE/1/")).str() == "http://h/f/trAsH/1/");
    CHECK(destination_in(folder, http::url("http://h/f/ACTIVE/1"), "2").str() == "http://h/f/trAsH/2");
    CHECK(destination_in(http::url("http://h/p?/folders/-5/"), http::url("http://h/p?/folders/0/7/")).str() == "http://h/p?/folders/-5/7/");
}

TEST_CASE("hrefs elsewhere stay there, or come here")
{
    http::url const base("https://mail.example/x/");
    CHECK(locate(base, "http://internal/x/a", foreign_urls::refuse)->str() == "http://internal/x/a");
    CHECK(locate(base, "http://internal/x/a", foreign_urls::rewrite)->str() == "https://mail.example/x/a");
    CHECK(locate(base, "b", foreign_urls::rewrite)->str() == "https://mail.example/x/b");
    CHECK_FALSE(locate(base, "http://", foreign_urls::rewrite));
}

TEST_SUITE_END();
