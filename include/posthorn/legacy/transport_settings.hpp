//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What INETSERVER cannot say: trust, the name in EHLO, the log's clock. The defaults are right for old programs.

#ifndef POSTHORN_LEGACY_TRANSPORT_SETTINGS_HPP
#define POSTHORN_LEGACY_TRANSPORT_SETTINGS_HPP

#include <posthorn/net/tls_settings.hpp>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::legacy {

/// Settings of a transport beyond those of the old interface.
struct transport_settings
{
    transport_settings() = default;

    /// Which certificates are trusted. By default the system's authorities.
    net::tls_settings tls;

    /// The name for HELO and EHLO. Empty: the host's name. ISF_SMTP_USEIPFORHELO goes before it.
    std::string hello_name;

    /** Whether a password may cross an unprotected connection by AUTH LOGIN or PLAIN, where the server offers nothing better.

        Old programs expect it: the account says whether to use TLS, and not whether the password is worth protecting. */
    bool allow_plaintext_logon = true;

    /** HTTPMail: further hosts that may get the proof of a Digest login, "host" or "*.domain", if the server's URL leads there. */
    std::vector<std::string> digest_hosts;
};

namespace detail {

struct shared_settings
{
    std::mutex         mutex;
    transport_settings value;

    static shared_settings& instance()
    {
        static shared_settings only;
        return only;
    }
};

} // namespace detail

/** Settings of the transports made from now on by CoCreateInstance and CreateSMTPTransport, which take none.
    May be called on any thread. */
inline void set_default_transport_settings(transport_settings settings)
{
    auto&           shared = detail::shared_settings::instance();
    std::lock_guard lock(shared.mutex);
    shared.value = std::move(settings);
}

/// The present ones. May be called on any thread.
inline transport_settings default_transport_settings()
{
    auto&           shared = detail::shared_settings::instance();
    std::lock_guard lock(shared.mutex);
    return shared.value;
}

} // namespace posthorn::legacy

#endif
