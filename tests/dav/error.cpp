//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/status_error.hpp>

#include <doctest/doctest.h>

#include <string>

namespace dav = posthorn::dav;

TEST_SUITE_BEGIN("dav/error");

TEST_CASE("a status has a meaning")
{
    for (int const good : {200, 201, 202, 204, 207, 299})
        CHECK_FALSE(dav::refusal(good));
    struct
    {
        int       status;
        dav::errc expected;
    } const cases[] = {
        {302, dav::errc::unexpected_status},
        {400, dav::errc::bad_request},
        {401, dav::errc::auth_required},
        {402, dav::errc::subscription_required},
        {403, dav::errc::forbidden},
        {404, dav::errc::not_found},
        {405, dav::errc::not_supported},
        {407, dav::errc::auth_required},
        {408, dav::errc::server_busy},
        {409, dav::errc::conflict},
        {410, dav::errc::not_found},
        {412, dav::errc::conflict},
        {413, dav::errc::storage_full},
        {415, dav::errc::not_supported},
        {416, dav::errc::range_end},
        {422, dav::errc::bad_request},
        {423, dav::errc::locked},
        {424, dav::errc::dependency_failed},
        {425, dav::errc::storage_full},
        {440, dav::errc::session_expired},
        {500, dav::errc::server_error},
        {501, dav::errc::not_supported},
        {502, dav::errc::server_error},
        {503, dav::errc::server_busy},
        {507, dav::errc::storage_full},
        {0, dav::errc::unexpected_status},
        {999, dav::errc::unexpected_status},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.status);
        CHECK(dav::refusal(c.status) == c.expected);
        CHECK_FALSE(dav::refusal(c.status).message().starts_with("unknown"));
    }
}

TEST_CASE("callers ask for conditions")
{
    using posthorn::condition;
    CHECK(dav::refusal(503) == condition::temporary);
    CHECK(dav::refusal(423) == condition::temporary);
    CHECK(dav::refusal(403) == condition::permanent);
    CHECK(dav::refusal(401) == condition::authentication);
    CHECK(dav::refusal(440) == condition::authentication);
    CHECK(make_error_code(dav::errc::not_multistatus) == condition::protocol);
    CHECK_FALSE(dav::refusal(403) == condition::temporary);
}

TEST_CASE("a refusal says who, what and why, and is safe to show")
{
    dav::status_error::facts f;
    f.method    = "PROPFIND";
    f.url       = "http://mail.example/dav/";
    f.status    = 402;
    f.reason    = "A subscription is needed \x1b[31m";
    f.dav_error = "402 Pay";
    dav::status_error const e(dav::refusal(402), f);
    CHECK(std::string(e.what()) ==
          "PROPFIND http://mail.example/dav/: the account needs a subscription: 402 A subscription is "
          "needed \\x1b[31m, X-Dav-Error: 402 Pay");
    CHECK(e.reason().find('\x1b') == std::string::npos);
    CHECK(e.status() == 402);
    CHECK(e.code() == dav::errc::subscription_required);
}

TEST_SUITE_END();
