//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The table of TLS: every mode against everything a server may do, with every kind of certificate. What comes of it, and
// what the user is told, is compared as a whole with the text in tls_cases.txt beside this file.

#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/script.hpp>

#include <doctest/doctest.h>

#include <support/dialogue.hpp>

#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using support::failure_of;
using support::serve;
using testing::certificate_options;
using testing::script;

TEST_SUITE_BEGIN("smtp/tls_cases");

namespace {

struct kind
{
    char const*      name;
    net::tls_context server;
    bool             right; ///< Is it a certificate to trust?
};

net::tls_context serving(testing::certificate const& c)
{
    net::tls_settings s;
    s.certificate_pem = c.chain_pem;
    s.key_pem         = c.key_pem;
    return net::tls_context(s);
}

std::vector<kind> certificates()
{
    auto const& authority = support::trust().authority;

    certificate_options expired;
    expired.not_before = -48h;
    expired.not_after  = -24h;
    certificate_options early;
    early.not_before = 24h;
    early.not_after  = 48h;

    testing::certificate_authority const stranger("somebody else");
    std::vector<kind>                    all;
    all.push_back({"good", serving(support::trust().own), true});
    all.push_back(
        {"by an intermediate", serving(authority.intermediate().issue(certificate_options())), true});
    all.push_back({"wrong name", serving(authority.issue(certificate_options({"other.test"}))), false});
    all.push_back({"expired", serving(authority.issue(expired)), false});
    all.push_back({"not yet valid", serving(authority.issue(early)), false});
    all.push_back({"untrusted authority", serving(stranger.issue(certificate_options())), false});
    all.push_back({"self-signed", serving(testing::self_signed()), false});
    return all;
}

/// What a server does. Those with a handshake meet every certificate.
struct behaviour
{
    char const* name;
    enum
    {
        handshake,      ///< `server` is what comes before it.
        after_starttls, ///< Something else happens, but only to clients that ask for TLS.
        anyway
    } what;
    script (*server)();
};

script hears_no_more() { return script().expect_close(); }

behaviour const after_a_greeting[]{
    {"STARTTLS", behaviour::handshake,
     [] { return script().opening({"STARTTLS"}).expect("STARTTLS").reply("220 go"); }},
    {"no STARTTLS", behaviour::anyway, [] { return script().opening({"SIZE"}).quit(); }},
    {"STARTTLS refused for now", behaviour::after_starttls,
     [] {
         return script().opening({"STARTTLS"}).expect("STARTTLS").reply("454 4.7.0 TLS not available").quit();
     }},
    {"STARTTLS refused for good", behaviour::after_starttls,
     [] { return script().opening({"STARTTLS"}).expect("STARTTLS").reply("502 5.5.1 no").quit(); }},
    {"goes on in the clear after 220", behaviour::after_starttls,
     [] {
         return script()
             .opening({"STARTTLS"})
             .expect("STARTTLS")
             .reply("220 go")
             .read_some()
             .reply("250 hello")
             .then(hears_no_more());
     }},
    {"text behind the reply to STARTTLS", behaviour::after_starttls,
     [] {
         return script()
             .opening({"STARTTLS"})
             .expect("STARTTLS")
             .send("220 go\r\n250 injected\r\n")
             .then(hears_no_more());
     }},
    {"closes after 220", behaviour::after_starttls,
     [] { return script().opening({"STARTTLS"}).expect("STARTTLS").reply("220 go").read_some().close(); }},
    {"EHLO refused", behaviour::anyway, nullptr}, // see ehlo_refused()
    {"TLS where plain text is expected", behaviour::anyway,
     [] { return script().send(std::string("\x15\x03\x03\x00\x02\x02\x28", 7)).then(hears_no_more()); }},
};

behaviour const from_the_first_octet[]{
    {"TLS at once", behaviour::handshake, [] { return script(); }},
    {"greets in the clear", behaviour::anyway,
     [] { return script().reply("220 x ready").read_some().then(hears_no_more()); }},
    {"closes at once", behaviour::anyway, [] { return script().read_some().close(); }},
    {"speaks HTTP", behaviour::anyway,
     [] { return script().read_some().send("HTTP/1.1 400 Bad Request\r\n\r\n").then(hears_no_more()); }},
};

script ehlo_refused(smtp::tls_mode mode)
{
    script s = script().reply("220 x").expect_prefix("EHLO").reply("502 5.5.1 no");
    return mode == smtp::tls_mode::required ? s.quit() : s.expect_prefix("HELO").reply("250 hi").quit();
}

/// Without what differs from run to run.
std::string settled(std::string text)
{
    text = std::regex_replace(text, std::regex("127\\.0\\.0\\.1:[0-9]+"), "127.0.0.1:PORT");
    text = std::regex_replace(text, std::regex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC"), "DATE");
    text = std::regex_replace(text, std::regex("[A-Za-z0-9+/]{43}="), "PIN");
    return text;
}

std::string outcome_of(script server, smtp::tls_mode mode)
{
    std::string text;
    auto const  result = serve(
         {std::move(server)},
         [&text](smtp::client& c) -> task<void> {
            auto const e = co_await failure_of(c.connect());
            if (e)
                text = std::string("fails: ") + e->code().category().name() + ": " + settled(e->what());
            else if (!c.current()->is_secure())
                text = "connected in the clear";
            else
                text = c.current()->stream().tls().verified ? "connected under TLS, verified"
                                                             : "connected under TLS, not verified";
            CHECK(c.is_connected() == !e);
            if (!e)
                co_await c.quit();
        },
         [mode](smtp::client_settings& s) { s.tls = mode; });
    CHECK_PLAYED(result);
    return text;
}

/// One line: mode | server | certificate | outcome.
void add(std::string& table, char const* mode_name, smtp::tls_mode mode, behaviour const& b,
         std::vector<kind> const& kinds)
{
    auto line = [&](char const* certificate, script server) {
        CAPTURE(mode_name);
        CAPTURE(b.name);
        CAPTURE(certificate);
        table += std::string(mode_name) + " | " + b.name + " | " + certificate + " | " +
                 outcome_of(std::move(server), mode) + '\n';
    };
    if (!b.server)
        return line("-", ehlo_refused(mode));
    if (mode == smtp::tls_mode::none && b.what == behaviour::handshake)
        return line("-", script().opening({"STARTTLS"}).quit()); // never asked for
    if (mode == smtp::tls_mode::none && b.what == behaviour::after_starttls)
        return;
    if (b.what != behaviour::handshake)
        return line("-", b.server());
    for (auto const& k : kinds)
    {
        script     server = b.server();
        bool const fits   = k.right || mode == smtp::tls_mode::opportunistic;
        if (fits)
            server.start_tls(k.server).then(mode == smtp::tls_mode::implicit ? script().opening({}).quit()
                                                                             : script().hello({}).quit());
        else
            server.expect_tls_failure(k.server);
        line(k.name, std::move(server));
    }
}

} // namespace

TEST_CASE("TLS: each mode, against each server, with each certificate")
{
    auto const  kinds = certificates();
    std::string table;
    for (auto const& b : after_a_greeting)
        add(table, "required", smtp::tls_mode::required, b, kinds);
    for (auto const& b : after_a_greeting)
        add(table, "opportunistic", smtp::tls_mode::opportunistic, b, kinds);
    for (auto const& b : after_a_greeting)
        add(table, "none", smtp::tls_mode::none, b, kinds);
    for (auto const& b : from_the_first_octet)
        add(table, "implicit", smtp::tls_mode::implicit, b, kinds);

    std::ifstream     file(POSTHORN_SOURCE_DIR "/tests/smtp/tls_cases.txt");
    std::string const expected(std::istreambuf_iterator<char>(file), {});
    if (table != expected)
        MESSAGE(table);
    CHECK((table == expected));
}

TEST_SUITE_END();
