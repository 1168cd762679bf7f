//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Which mechanisms to try, and in which order: by strength, by what the server offers, and by what is safe.

#ifndef POSTHORN_SASL_SELECT_HPP
#define POSTHORN_SASL_SELECT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/login.hpp>
#include <posthorn/sasl/mechanism.hpp>
#include <posthorn/sasl/plain.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::sasl {

/// What may be used.
struct selection
{
    std::vector<std::string> allowed; ///< Names, in the order to try; empty means every one known, the best first.
    bool                     allow_plaintext = false; ///< Also without TLS: shows the password to the network.
    bool                     secure          = false; ///< Is the connection inside TLS?
};

/// The mechanisms known here, the best first.
inline std::vector<std::string_view> known_mechanisms()
{
    return {"PLAIN", "LOGIN"};
}

/// A new run of the mechanism with that name (any case), or null if it is not known.
inline std::unique_ptr<mechanism> make_mechanism(std::string_view name, credentials const& c)
{
    if (ascii::iequals(name, "PLAIN"))
        return std::make_unique<plain>(c);
    if (ascii::iequals(name, "LOGIN"))
        return std::make_unique<login>(c);
    return nullptr;
}

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
    std::vector<std::string_view> wanted(s.allowed.begin(), s.allowed.end());
    if (wanted.empty())
        wanted = known_mechanisms();

    std::vector<std::unique_ptr<mechanism>> usable;
    std::string                             unsafe;
    for (std::string_view name : wanted)
    {
        auto m = make_mechanism(name, c);
        if (!m)
            throw error(errc::no_mechanism, "the mechanism " + printable(name) + " is not known");
        bool const again = std::any_of(usable.begin(), usable.end(),
                                       [&](auto const& u) { return u->name() == m->name(); });
        if (again || !is_offered(name)) // a second try with the same credentials could lock the account
            continue;
        if (m->plaintext() && !s.secure && !s.allow_plaintext)
        {
            unsafe += unsafe.empty() ? "" : ", ";
            unsafe += m->name();
            continue;
        }
        usable.push_back(std::move(m));
    }
    if (!usable.empty())
        return usable;

    auto const list = [](auto const& names) {
        std::string text;
        for (auto const& n : names)
            text.append(text.empty() ? "" : " ").append(printable(n));
        return text.empty() ? std::string("none") : text;
    };
    error_context context;
    context.phase  = "auth";
    context.detail = "the server offers: " + list(offered) + "; allowed: " + list(wanted);
    if (!unsafe.empty())
        context.hint = "use TLS, or allow plaintext mechanisms (" + unsafe + ") on an unprotected connection";
    else if (offered.empty())
        context.hint = "many servers offer authentication only after STARTTLS or on another port";
    throw error(errc::no_mechanism, std::move(context));
}

} // namespace posthorn::sasl

#endif
