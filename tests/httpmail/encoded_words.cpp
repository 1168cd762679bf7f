//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/encoded_words.hpp>

#include <doctest/doctest.h>

#include <string>

using posthorn::httpmail::decode_words;

TEST_SUITE_BEGIN("httpmail/encoded_words");

TEST_CASE("words are decoded, what stands around them stays")
{
    CHECK(decode_words("plain") == "plain");
    CHECK(decode_words("=?ISO-8859-1?Q?caf=E9_bar?= <a@b>") == "caf\xc3\xa9 bar <a@b>");
    CHECK(decode_words("Re: =?utf-8?b?w6l0w6k=?=") == "Re: \xc3\xa9t\xc3\xa9");
    CHECK(decode_words("=?us-ascii*en?q?a?=\r\n =?us-ascii?q?b?=") == "ab");
    CHECK(decode_words("=?us-ascii?q?a?= b =?us-ascii?q?c?=") == "a b c");
    CHECK(decode_words("=?utf-8?q?=C3?= =?utf-8?q?=A9?=") == "\xc3\xa9"); // cut in two
    CHECK(decode_words("=?utf-8?q?=C3?==?iso-8859-1?q?=A9?=") == "\xef\xbf\xbd\xc2\xa9");
    CHECK(decode_words("=?windows-1252?q?=80=81?=") == "\xe2\x82\xac\xef\xbf\xbd");
    CHECK(decode_words("=?utf-8?q?" "?= ") == " ");
    CHECK(decode_words("") == "");
}

TEST_CASE("what is no word, or in an unknown character set, stays as it is")
{
    for (auto const* text : {"=?", "=?utf-8", "=?utf-8?q", "=?utf-8?q?", "=?utf-8?q?a", "=?utf-8?q?a?", "=?utf-8?x?a?=", "=?utf-8?q?=4?=",
                             "=?utf-8?q?=XY?=", "=?utf-8?b?*?=", "=?koi8-r?q?=C1?=", "=?utf-8?q?a b?=", "=?utf-8?qq?a?=", "a = b ? c"})
        CHECK(decode_words(text) == text);
}

TEST_CASE("time grows with the text, and not with its square")
{
    std::string many;
    for (int i = 0; i != 200000; ++i)
        many += "=?a?q?";
    CHECK(decode_words(many).size() == many.size());
}

TEST_SUITE_END();
