//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/dialect.hpp>

#include <doctest/doctest.h>

namespace http = posthorn::http;
using namespace posthorn::httpmail;

TEST_SUITE_BEGIN("httpmail/dialect");

TEST_CASE("dialects have names")
{
    for (auto const d : {dialect::hotmail, dialect::exchange, dialect::dav})
    {
        CHECK(parse_dialect(to_string(d)) == d);
        CHECK(rules_of(d).is == d);
    }
    CHECK(parse_dialect("Hotmail") == dialect::hotmail);
    CHECK_FALSE(parse_dialect("auto"));
    CHECK_FALSE(parse_dialect(""));
    CHECK(to_string(static_cast<dialect>(99)) == "unknown");
}

TEST_CASE("what decides between dialects")
{
    http::headers const nothing;
    CHECK(guess_dialect(nothing, "") == dialect::dav);
    CHECK(guess_dialect(nothing, "http://h/sendmsg") == dialect::hotmail);
    CHECK(guess_dialect(nothing, "http://h/alice/##DavMailSubmissionURI##") == dialect::exchange);
    CHECK(guess_dialect(nothing, "http://h/alice/%23%23DavMailSubmissionURI%23%23") == dialect::exchange);
    CHECK(guess_dialect(http::headers{{"x-dav-error", "200 No error"}}, "") == dialect::hotmail);
    CHECK(guess_dialect(http::headers{{"HMServer", "H: DAV73"}}, "") == dialect::hotmail);
    CHECK(guess_dialect(http::headers{{"MS-Exchange-Permanent-URL", "http://h/p"}}, "http://h/s") == dialect::exchange);
}

TEST_CASE("nothing is replaced where names are not the server's own")
{
    CHECK(rules_of(dialect::hotmail).overwrite);
    CHECK_FALSE(rules_of(dialect::exchange).overwrite);
    CHECK_FALSE(rules_of(dialect::dav).overwrite);
    CHECK_FALSE(rules_of(dialect::dav).bulk);
    CHECK_FALSE(rules_of(dialect::dav).can_send);
    CHECK(rules_of(dialect::exchange).foreign == foreign_urls::rewrite);
    CHECK(rules_of(dialect::hotmail).foreign == foreign_urls::refuse);
}

TEST_SUITE_END();
