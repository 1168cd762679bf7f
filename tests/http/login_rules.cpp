//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/login_rules.hpp>

#include <doctest/doctest.h>

using namespace posthorn;
using http::auth_scheme;
using http::origin;

TEST_SUITE_BEGIN("http/login_rules");

TEST_CASE("nobody gets anything unless it is said")
{
    http::login_rules const r;
    for (auto s : {auth_scheme::bearer, auth_scheme::digest_sha256, auth_scheme::ntlm, auth_scheme::digest_md5, auth_scheme::basic})
        CHECK_FALSE(r.allows(origin(true, "h.example", 443), s));
}

TEST_CASE("a named origin gets all that is safe there")
{
    http::login_rules r;
    r.origins = {origin(true, "h.example", 443), origin(false, "h.example", 80)};
    CHECK(r.allows(origin(true, "h.example", 443), auth_scheme::basic));
    CHECK(r.allows(origin(true, "h.example", 443), auth_scheme::ntlm));
    CHECK(r.allows(origin(false, "h.example", 80), auth_scheme::digest_md5));
    CHECK(r.allows(origin(false, "h.example", 80), auth_scheme::ntlm));
    CHECK_FALSE(r.allows(origin(false, "h.example", 80), auth_scheme::basic));
    CHECK_FALSE(r.allows(origin(false, "h.example", 80), auth_scheme::bearer));
    CHECK_FALSE(r.allows(origin(true, "h.example", 444), auth_scheme::digest_md5));
    CHECK_FALSE(r.allows(origin(true, "x.h.example", 443), auth_scheme::digest_md5));
    r.allow_plaintext = true;
    CHECK(r.allows(origin(false, "h.example", 80), auth_scheme::basic));
    r.disabled = {auth_scheme::basic};
    CHECK_FALSE(r.allows(origin(true, "h.example", 443), auth_scheme::basic));
}

TEST_CASE("hosts for Digest get nothing else")
{
    http::login_rules r;
    r.digest_hosts    = {"*.hotmail.example", "exact.example"};
    r.allow_plaintext = true;
    origin const bay(false, "bay15.oe.hotmail.example", 80);
    CHECK(r.allows(bay, auth_scheme::digest_md5));
    CHECK(r.allows(bay, auth_scheme::digest_sha256));
    CHECK_FALSE(r.allows(bay, auth_scheme::basic));
    CHECK_FALSE(r.allows(bay, auth_scheme::ntlm));
    CHECK_FALSE(r.allows(bay, auth_scheme::bearer));
    CHECK(r.allows(origin(true, "exact.example", 8443), auth_scheme::digest_md5));
    for (char const* host : {"hotmail.example", "nothotmail.example", "hotmail.example.evil.test", "x.exact.example", ""})
        CHECK_FALSE(r.allows(origin(true, host, 443), auth_scheme::digest_md5));
}

TEST_SUITE_END();
