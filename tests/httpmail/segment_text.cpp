//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/segment_text.hpp>

#include <doctest/doctest.h>

using posthorn::httpmail::segment_text;

TEST_SUITE_BEGIN("httpmail/segment_text");

TEST_CASE("segments are UTF-8, or else Windows-1252")
{
    CHECK(segment_text("Inbox") == "Inbox");
    CHECK(segment_text("Deleted%20Items") == "Deleted Items");
    CHECK(segment_text("caf%C3%A9") == "caf\xc3\xa9");
    CHECK(segment_text("f%f4%f3") == "f\xc3\xb4\xc3\xb3");
    CHECK(segment_text("%80") == "\xe2\x82\xac");
    CHECK(segment_text("a%81") == "a\xef\xbf\xbd");
    CHECK(segment_text("%C3%A9%E9") == "\xc3\x83\xc2\xa9\xc3\xa9");
    CHECK(segment_text("").empty());
    CHECK(segment_text("a%0Ab") == "a\\x0ab");
    CHECK(segment_text("100%") == "100%");
}

TEST_SUITE_END();
