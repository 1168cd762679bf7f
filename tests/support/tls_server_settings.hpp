//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a server needs to show a certificate that was made for a test.

#ifndef POSTHORN_TESTS_SUPPORT_TLS_SERVER_SETTINGS_HPP
#define POSTHORN_TESTS_SUPPORT_TLS_SERVER_SETTINGS_HPP

#include <posthorn/net/tls_settings.hpp>
#include <posthorn/testing/certificates.hpp>

namespace support {

inline posthorn::net::tls_settings tls_server_settings(posthorn::testing::certificate const& own)
{
    posthorn::net::tls_settings s;
    s.certificate_pem = own.chain_pem;
    s.key_pem         = own.key_pem;
    return s;
}

} // namespace support

#endif
