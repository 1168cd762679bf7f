//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/verb.hpp>

#include <doctest/doctest.h>

namespace smtp = posthorn::smtp;
using smtp::verb;

TEST_SUITE_BEGIN("smtp/verb");

TEST_CASE("what AUTH carries is never described")
{
    CHECK(smtp::describe(verb::auth, "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n") == "AUTH PLAIN ***");
    CHECK(smtp::describe(verb::auth, "AUTH LOGIN\r\n") == "AUTH LOGIN");
    CHECK(smtp::describe(verb::raw, "  auth\tplain  c2VjcmV0") == "  auth\\x09plain ***");
    CHECK(smtp::describe(verb::raw, "X-EXPS NTLM c2VjcmV0") == "X-EXPS NTLM ***");
    CHECK(smtp::describe(verb::auth_response, "c2VjcmV0\r\n") == "***");
    CHECK(smtp::describe(verb::auth_response, "\r\n") == "***");
    CHECK(smtp::describe(verb::auth_response, "*\r\n") == "*");
    CHECK(smtp::describe(verb::mail, "MAIL FROM:<a@b> AUTH=<>\r\n") == "MAIL FROM:<a@b> AUTH=<>");
    CHECK(smtp::describe(verb::raw, "AUTHENTICATE x") == "AUTHENTICATE x");
    CHECK(smtp::describe(verb::raw, "x\x1b[2J") == "x\\x1b[2J");
    CHECK(smtp::describe(verb::raw, "").empty());
}

TEST_CASE("the visible part of a line is a part of it, and tells whether something is hidden")
{
    CHECK(smtp::visible(verb::auth, "AUTH PLAIN x\r\n").text == "AUTH PLAIN");
    CHECK(smtp::visible(verb::auth, "AUTH PLAIN x\r\n").redacted);
    CHECK_FALSE(smtp::visible(verb::quit, "QUIT\r\n").redacted);
    CHECK(smtp::visible(verb::quit, "QUIT\r\n").text == "QUIT");
    CHECK(smtp::visible(verb::raw, "AUTH").text == "AUTH");
    CHECK_FALSE(smtp::visible(verb::raw, "AUTH").redacted);
}

TEST_SUITE_END();
