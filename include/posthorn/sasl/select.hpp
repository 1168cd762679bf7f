//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Which mechanisms to try: offered by the server, allowed by the caller, possible with the credentials, and not giving
// the password away.

#ifndef POSTHORN_SASL_SELECT_HPP
#define POSTHORN_SASL_SELECT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/sasl/cram_md5.hpp>
#include <posthorn/sasl/digest_md5.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/external.hpp>
#include <posthorn/sasl/gssapi.hpp>
#include <posthorn/sasl/login.hpp>
#include <posthorn/sasl/mechanism.hpp>
#include <posthorn/sasl/ntlm.hpp>
#include <posthorn/sasl/oauth.hpp>
#include <posthorn/sasl/plain.hpp>
#include <posthorn/sasl/scram.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::sasl {

/// Makes a mechanism of the caller's own. Null if the credentials do not suit it.
using mechanism_factory = std::function<std::unique_ptr<mechanism>(credentials const&)>;

/// What may be used, and under which circumstances.
struct selection
{
    std::vector<std::string> allowed; ///< Names, in the order to try; empty means every one known, the best first.
    bool                     allow_plaintext = false; ///< Also without TLS: shows the password to the network.

    /// Mechanisms of the caller's own, by name. They are tried before those known here, and replace them.
    std::map<std::string, mechanism_factory> custom;

    // Filled in by the protocol. --------------------------------------------------------------------------------

    bool          secure = false;       ///< Is the connection inside TLS?
    std::string   service;              ///< The name of the protocol at IANA, e.g. "smtp".
    std::string   host;                 ///< The server, as the caller knows it.
    std::uint16_t port = 0;             ///< Its port; 0 if that means nothing.
    std::string   tls_exporter;         ///< Channel bindings of the TLS session; empty if there are none.
    std::string   tls_server_end_point;
};

/** Every mechanism known here, the best first: those that bind the login to the TLS session, those where the server
    proves itself as well, those that do not show the password, and those that do.

    EXTERNAL and ANONYMOUS are only tried if the caller names them. */
inline std::vector<std::string_view> known_mechanisms()
{
    return {"OAUTHBEARER",        "XOAUTH2",
            "SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS",
            "SCRAM-SHA-1-PLUS",   "SCRAM-SHA-512",
            "SCRAM-SHA-256",      "SCRAM-SHA-1",
#if defined(POSTHORN_WITH_GSSAPI)
            "GSSAPI",
#endif
            "DIGEST-MD5",         "CRAM-MD5",
            "PLAIN",              "LOGIN",
            "NTLM"};
}

namespace detail {

inline std::unique_ptr<mechanism> make_scram(std::string_view name, credentials const& c, selection const& s,
                                             bool plus_offered)
{
    crypto::hash const h = ascii::istarts_with(name, "SCRAM-SHA-512")   ? crypto::hash::sha512
                           : ascii::istarts_with(name, "SCRAM-SHA-256") ? crypto::hash::sha256
                                                                        : crypto::hash::sha1;
    scram_binding b;
    // RFC 9266: tls-exporter, but servers from before it know only the other one.
    b.type = s.tls_exporter.empty() ? "tls-server-end-point" : "tls-exporter";
    b.data = s.tls_exporter.empty() ? s.tls_server_end_point : s.tls_exporter;
    if (!b.data.empty())
        b.how = plus_offered ? scram_binding::use::impossible : scram_binding::use::unoffered;
    if (name.size() > 5 && ascii::iequals(name.substr(name.size() - 5), "-PLUS"))
    {
        if (b.data.empty())
            return nullptr;
        b.how = scram_binding::use::bound;
    }
    return std::make_unique<scram>(h, c, std::move(b));
}

} // namespace detail

/** Makes a mechanism of this library by name.

    @param plus_offered Did the server offer SCRAM with channel binding?
    @return Null if the name is not known, or if the credentials or the connection do not have what it needs. */
inline std::unique_ptr<mechanism> make_mechanism(std::string_view name, credentials const& c, selection const& s,
                                                 bool plus_offered)
{
    auto const is = [name](std::string_view other) { return ascii::iequals(name, other); };
    if (is("ANONYMOUS"))
        return std::make_unique<anonymous>(c);
    if (is("EXTERNAL"))
        return std::make_unique<external>(c);
#if defined(POSTHORN_WITH_GSSAPI)
    if (is("GSSAPI"))
        return std::make_unique<gssapi>(c, s.service, s.host);
#endif
    if (is("OAUTHBEARER") || is("XOAUTH2"))
    {
        if (c.token.empty())
            return nullptr;
        if (is("XOAUTH2"))
            return std::make_unique<xoauth2>(c);
        return std::make_unique<oauthbearer>(c, s.host, s.port);
    }
    if (c.password.empty() && c.user.empty())
        return nullptr;
    if (c.password.empty() && !c.token.empty())
        return nullptr; // an empty password was not meant
    if (ascii::istarts_with(name, "SCRAM-"))
        return detail::make_scram(name, c, s, plus_offered);
    if (is("DIGEST-MD5"))
        return std::make_unique<digest_md5>(c, s.service, s.host);
    if (is("CRAM-MD5"))
        return std::make_unique<cram_md5>(c);
    if (is("PLAIN"))
        return std::make_unique<plain>(c);
    if (is("LOGIN"))
        return std::make_unique<login>(c);
    if (is("NTLM"))
        return std::make_unique<ntlm>(c);
    return nullptr;
}

namespace detail {

inline bool is_known(std::string_view name, selection const& s)
{
    auto const known = known_mechanisms();
    auto const same  = [name](std::string_view one) { return ascii::iequals(one, name); };
    return std::any_of(known.begin(), known.end(), same) || same("EXTERNAL") || same("ANONYMOUS") ||
           std::any_of(s.custom.begin(), s.custom.end(), [&](auto const& one) { return same(one.first); });
}

inline std::unique_ptr<mechanism> make_any(std::string_view name, credentials const& c, selection const& s, bool plus_offered)
{
    for (auto const& [own, factory] : s.custom)
        if (ascii::iequals(own, name))
            return factory(c);
    return make_mechanism(name, c, s, plus_offered);
}

template <class Names>
std::string list_of(Names const& names)
{
    std::string text;
    for (auto const& n : names)
        text.append(text.empty() ? "" : " ").append(printable(n));
    return text.empty() ? std::string("none") : text;
}

} // namespace detail

/** The mechanisms to try in turn.

    @param offered The names the server announced.
    @throws error with errc::no_mechanism, which tells what was offered, what is allowed and what stood in the way.
*/
inline std::vector<std::unique_ptr<mechanism>> choose(std::vector<std::string> const& offered, credentials const& c,
                                                      selection const& s)
{
    auto const is_offered = [&](std::string_view name) {
        return std::any_of(offered.begin(), offered.end(),
                           [&](std::string const& o) { return ascii::iequals(o, name); });
    };
    bool const plus_offered = std::any_of(offered.begin(), offered.end(), [](std::string const& o) {
        return ascii::istarts_with(o, "SCRAM-") && o.size() > 5 &&
               ascii::iequals(std::string_view(o).substr(o.size() - 5), "-PLUS");
    });
    std::vector<std::string_view> wanted(s.allowed.begin(), s.allowed.end());
    if (wanted.empty())
    {
        for (auto const& own : s.custom)
            wanted.push_back(own.first);
        auto const known = known_mechanisms();
        wanted.insert(wanted.end(), known.begin(), known.end());
    }

    std::vector<std::unique_ptr<mechanism>> usable;
    std::vector<std::string_view>           unsafe, impossible;
    for (std::string_view name : wanted)
    {
        if (!detail::is_known(name, s))
            throw error(errc::no_mechanism, "the mechanism " + printable(name) + " is not known");
        bool const again = std::any_of(usable.begin(), usable.end(),
                                       [&](auto const& u) { return ascii::iequals(u->name(), name); });
        if (again || !is_offered(name)) // a second try with the same credentials could lock the account
            continue;
        auto m = detail::make_any(name, c, s, plus_offered);
        if (!m)
            impossible.push_back(name);
        else if (m->plaintext() && !s.secure && !s.allow_plaintext)
            unsafe.push_back(name);
        else
            usable.push_back(std::move(m));
    }
    if (!usable.empty())
        return usable;

    error_context context;
    context.phase  = "auth";
    context.detail = "the server offers: " + detail::list_of(offered) + "; allowed: " +
                     (s.allowed.empty() ? "all that are known here" : detail::list_of(wanted));
    if (!unsafe.empty())
        context.hint = "use TLS, or allow plaintext mechanisms (" + detail::list_of(unsafe) + ") on an unprotected connection";
    else if (!impossible.empty())
        context.hint = "the credentials lack what these need: " + detail::list_of(impossible);
    else if (offered.empty())
        context.hint = "many servers offer authentication only after STARTTLS or on another port";
    throw error(errc::no_mechanism, std::move(context));
}

} // namespace posthorn::sasl

#endif
