//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/submission.hpp>

#include <doctest/doctest.h>

#include <string>
#include <system_error>
#include <vector>

namespace smtp = posthorn::smtp;
using namespace posthorn::httpmail;

TEST_SUITE_BEGIN("httpmail/submission");

TEST_CASE("the lines before a message")
{
    std::vector<smtp::address> const to = {smtp::address("bob@example.net"), smtp::address("\"a b\"@example.org")};
    CHECK(submission_head(smtp::reverse_path("alice@example.com"), to) ==
          "MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\nRCPT TO:<\"a b\"@example.org>\r\n\r\n");
    CHECK(submission_head(smtp::reverse_path(), to).starts_with("MAIL FROM:<>\r\n"));
    std::error_code ec;
    try
    {
        static_cast<void>(submission_head(smtp::reverse_path(), {}));
    }
    catch (std::system_error const& e)
    {
        ec = e.code();
    }
    CHECK(ec == posthorn::httpmail::errc::no_recipients);
}

TEST_CASE("domains go in ASCII")
{
    CHECK(wire_address(smtp::address("a@b\xc3\xbc" "cher.example")) == "a@xn--bcher-kva.example");
    CHECK(wire_address(smtp::address("\xc3\xa9@example.com")) == "\xc3\xa9@example.com");
}

TEST_SUITE_END();
