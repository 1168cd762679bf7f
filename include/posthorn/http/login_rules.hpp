//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// To which origins credentials may go, and by which schemes.

#ifndef POSTHORN_HTTP_LOGIN_RULES_HPP
#define POSTHORN_HTTP_LOGIN_RULES_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::http {

/// Ways to log in, the strongest first.
enum class auth_scheme : unsigned char
{
    bearer,        ///< RFC 6750; needs a token.
    digest_sha256, ///< RFC 7616.
    ntlm,          ///< NTLM itself, or inside of Negotiate; binds the connection.
    digest_md5,    ///< RFC 2617 and 7616.
    basic          ///< RFC 7617; gives the password away.
};

/** Who may get the credentials.

    Nobody by default: a server that redirects could otherwise send them anywhere, or collect Digest responses for guessing. Names are not
    guessed from one another; what else is trusted has to be said.
*/
struct login_rules
{
    login_rules() = default;

    /// These may get them by every scheme. https is not implied by http, nor the other way round.
    std::vector<origin> origins;

    /** Further hosts that may get the proof of Digest, which does not show the password: "host" or "*.domain". The port
        does not matter; an https session is never continued on http. */
    std::vector<std::string> digest_hosts;

    /// May Basic and Bearer be used without TLS? Everybody on the way can then read the password.
    bool allow_plaintext = false;

    /// Schemes not to be used.
    std::vector<auth_scheme> disabled;

    bool is_disabled(auth_scheme s) const noexcept { return std::find(disabled.begin(), disabled.end(), s) != disabled.end(); }

    /// May `o` get the credentials by this scheme?
    bool allows(origin const& o, auth_scheme s) const
    {
        if (is_disabled(s))
            return false;
        bool const shows = s == auth_scheme::basic || s == auth_scheme::bearer;
        if (shows && !o.secure && !allow_plaintext)
            return false;
        if (std::find(origins.begin(), origins.end(), o) != origins.end())
            return true;
        bool const digest = s == auth_scheme::digest_sha256 || s == auth_scheme::digest_md5;
        return digest && std::any_of(digest_hosts.begin(), digest_hosts.end(),
                                     [&o](std::string const& pattern) { return matches(pattern, o.host); });
    }

private:
    static bool matches(std::string_view pattern, std::string_view host)
    {
        if (pattern.substr(0, 2) != "*.")
            return ascii::iequals(pattern, host);
        pattern.remove_prefix(1);
        return host.size() > pattern.size() && ascii::iequals(host.substr(host.size() - pattern.size()), pattern);
    }
};

} // namespace posthorn::http

#endif
