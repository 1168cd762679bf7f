//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include "settings.hpp"

#include <posthorn/core/error.hpp>
#include <posthorn/http/login_rules.hpp>
#include <posthorn/http/protocol_log.hpp>
#include <posthorn/net/tls_context.hpp>

#include "../tool/checks.hpp"

#include <asio/ip/address.hpp>

#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace tool {

namespace {

namespace http     = posthorn::http;
namespace httpmail = posthorn::httpmail;

bool is_on_this_host(http::origin const& o)
{
    std::error_code ec;
    auto const      address = asio::ip::make_address(o.host, ec);
    return o.host == "localhost" || (!ec && address.is_loopback());
}

void set_login(options const& o, http::client_settings& s)
{
    int const  passwords = (o.password ? 1 : 0) + (o.password_file ? 1 : 0) + (o.password_env ? 1 : 0);
    bool const bearer    = o.auth == "bearer";
    require(passwords <= 1, "the password is given more than once: use one of --password, --password-file and --password-env");
    require(!o.user || !o.user->empty(), "--user: the name is empty; leave it out to go without a login");
    require(o.user || bearer || passwords == 0, "a password without a user: add --user NAME");
    require(passwords != 0 || !o.user, "a user without a password: add --password-file FILE or --password-env NAME");
    require(passwords != 0 || o.auth.empty(),
            "--auth " + o.auth + " needs a login: add " + (bearer ? "" : "--user NAME and ") + "--password-file FILE");
    if (passwords == 0)
        return;
    auto secret = password_of(o.password, o.password_file, o.password_env);
    require(!secret.empty(), "the password is empty");
    s.login.user = o.user.value_or("");
    (bearer ? s.login.token : s.login.password) = std::move(secret);
}

void set_rules(options const& o, http::origin const& entry, http::login_rules& rules)
{
    bool on_this_host = is_on_this_host(entry);
    for (auto const& server : o.trusted)
    {
        if (server.find("://") == server.npos)
        {
            require(!server.empty() && server.find('/') == server.npos,
                    "--trust: " + in_quotes(server) + " is no host; give https://HOST[:PORT], HOST or *.DOMAIN");
            rules.digest_hosts.push_back(server);
            continue;
        }
        auto const u = parsed("--trust", server, [](std::string const& text) { return http::url(text); });
        rules.origins.push_back(u.origin());
        on_this_host = on_this_host && (u.secure() || is_on_this_host(u.origin()));
    }
    // What does not leave this host is shown to nobody.
    rules.allow_plaintext = o.allow_plaintext || on_this_host;
    struct row
    {
        std::string_view  name;
        http::auth_scheme scheme;
    };
    constexpr row all[] = {{"bearer", http::auth_scheme::bearer},        {"digest", http::auth_scheme::digest_sha256},
                               {"ntlm", http::auth_scheme::ntlm},            {"digest", http::auth_scheme::digest_md5},
                               {"basic", http::auth_scheme::basic}};
    for (auto const& one : all)
        if (!o.auth.empty() && one.name != o.auth)
            rules.disabled.push_back(one.scheme);
}

void set_tls(options const& o, http::client_settings& s)
{
    if (o.ca.empty())
        return;
    require_file(o.ca, "--ca");
    s.tls.ca_file = o.ca;
    try
    {
        posthorn::net::tls_context const check(s.tls);
    }
    catch (posthorn::error const& e)
    {
        throw usage_error(std::string("--ca: ") + e.what() + "; give a file with certificates in PEM");
    }
}

} // namespace

http::url entry_of(options const& o)
{
    try
    {
        return http::url(o.url);
    }
    catch (posthorn::error const& e) // which does not quote it, since there may be a password in it
    {
        throw usage_error(std::string("--url: ") + e.what() +
                          "; give https://HOST[:PORT]/PATH or http://HOST[:PORT]/PATH, and the user by --user");
    }
}

httpmail::mailbox_settings settings_of(options const& o)
{
    auto const                 entry = entry_of(o);
    httpmail::mailbox_settings s;
    set_login(o, s.http);
    set_rules(o, entry.origin(), s.http.rules);
    set_tls(o, s.http);
    s.dialect = httpmail::parse_dialect(o.dialect);
    if (o.trace)
        s.http.on_event = http::protocol_log([](std::string_view line) { std::cerr << line << '\n'; });
    return s;
}

} // namespace tool
