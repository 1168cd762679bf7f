//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/status_line.hpp>

#include <doctest/doctest.h>

#include <string_view>

namespace dav = posthorn::dav;

TEST_SUITE_BEGIN("dav/status_line");

TEST_CASE("the code is what counts")
{
    struct
    {
        std::string_view line;
        int              code;
    } const cases[] = {
        {"HTTP/1.1 200 OK", 200},
        {"HTTP/1.1 404 Resource Not Found", 404},
        {"HTTP/1.1 207", 207},
        {" \r\n HTTP/1.0  423 Locked ", 423},
        {"HTTP/1.1\t507", 507},
        {"200 OK", 200},
        {"HTTP/1.1 OK", 0},
        {"HTTP/1.1 2000 OK", 0},
        {"HTTP/1.1 20 OK", 0},
        {"HTTP/1.1 099 x", 0},
        {"HTTP/1.1 ", 0},
        {"HTTP/1.1", 0},
        {"", 0},
        {"OK", 0},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.line);
        CHECK(dav::parse_status_line(c.line) == c.code);
    }
}

TEST_SUITE_END();
