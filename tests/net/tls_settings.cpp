//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/tls_settings.hpp>

#include <doctest/doctest.h>

TEST_SUITE_BEGIN("net/tls_settings");

namespace net = posthorn::net;

TEST_CASE("the defaults verify everything and speak nothing old")
{
    net::tls_settings const s;
    CHECK(s.verify_peer);
    CHECK(s.verify_host);
    CHECK(s.minimum_version == net::tls_version::tls_1_2);
    CHECK(s.maximum_version == net::tls_version::tls_1_3);
    CHECK(s.ca_file.empty());
    CHECK(s.ca_directory.empty());
    CHECK(s.ca_pem.empty());
    CHECK(s.pins.empty());
    CHECK(s.resumption);
    CHECK(s.client_auth == net::tls_client_auth::none);
}

TEST_CASE("versions have an order") { CHECK(net::tls_version::tls_1_2 < net::tls_version::tls_1_3); }

TEST_SUITE_END();
