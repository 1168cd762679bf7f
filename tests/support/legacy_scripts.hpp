//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Scripts that the tests of the legacy SMTP transport begin with, and settings that make traces the same everywhere.

#ifndef POSTHORN_TESTS_SUPPORT_LEGACY_SCRIPTS_HPP
#define POSTHORN_TESTS_SUPPORT_LEGACY_SCRIPTS_HPP

#include <posthorn/legacy/transport_settings.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_settings.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/scripted_server.hpp>

#include <string>
#include <utility>

namespace support {

/// EHLO and HELO name the client like this, whatever the machine is called.
struct named_client
{
    named_client()
    {
        settings.hello_name = "client.test";
        posthorn::legacy::set_default_transport_settings(settings);
    }
    named_client(named_client const&)            = delete;
    named_client& operator=(named_client const&) = delete;
    ~named_client() { posthorn::legacy::set_default_transport_settings({}); }

    posthorn::legacy::transport_settings settings;
};

/// The same, and an authority that is trusted.
struct trusting_client : named_client
{
    trusting_client()
    {
        settings.tls.ca_pem = authority.pem();
        posthorn::legacy::set_default_transport_settings(settings);
    }

    /// Settings of a server with a certificate of its own.
    static posthorn::testing::scripted_server_settings with(posthorn::testing::certificate const& c)
    {
        posthorn::net::tls_settings how;
        how.certificate_pem = c.chain_pem;
        how.key_pem         = c.key_pem;
        posthorn::testing::scripted_server_settings s;
        s.tls_context.emplace(how);
        return s;
    }

    posthorn::testing::certificate_authority authority;
};

/// Greeting and HELO, as a client without wishes says it.
inline posthorn::testing::script plain_opening()
{
    return posthorn::testing::script()
        .reply("220 scripted.test Service ready")
        .expect("HELO client.test")
        .reply("250 scripted.test");
}

/// Greeting and EHLO.
inline posthorn::testing::script ehlo_opening(std::string reply)
{
    return posthorn::testing::script().reply("220 scripted.test ESMTP").expect("EHLO client.test").reply(std::move(reply));
}

} // namespace support

#endif
