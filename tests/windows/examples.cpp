//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The examples in the style of old code, built for Windows and run under Wine, say the same as those built for this system: beside
// the same servers, under TLS, with an authority that only this test knows.

#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/httpmail_server.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/tls_server_settings.hpp"

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

TEST_SUITE_BEGIN("windows/examples");

namespace {

namespace testing = posthorn::testing;

std::string variable(char const* name)
{
    char const* const value = std::getenv(name);
    if (value == nullptr)
        throw std::runtime_error(std::string(name) + " is not set: run this by CTest");
    return value;
}

/// What a program says, without the carriage returns that Windows adds, the number of the port, and the machine's name, of which Wine
/// leaves the domain out.
struct said
{
    said(support::run_result const& r, std::string_view port) : status(r.status)
    {
        for (char const c : r.output)
            if (c != '\r')
                text += c;
        replace(port, "PORT");
        std::string_view const hello = "-> EHLO ";
        if (std::size_t const at = text.find(hello); at != text.npos)
        {
            std::size_t const begin = at + hello.size(), end = text.find('\n', begin);
            replace(" " + text.substr(begin, end - begin + 1), " NAME\n");
        }
    }

    void replace(std::string_view what, std::string_view by)
    {
        for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size())
            text.replace(at, what.size(), by);
    }

    int         status;
    std::string text;
};

/// Runs an example. @param trusted A file with the authority, for which OpenSSL looks everywhere in one variable; or empty.
support::run_result run_here(std::string const& example, std::vector<std::string> const& arguments, std::string const& trusted)
{
    support::process_options how;
    how.argv = {variable("POSTHORN_EXAMPLES_HERE") + "/" + example + "_here"};
    how.argv.insert(how.argv.end(), arguments.begin(), arguments.end());
    if (!trusted.empty())
        how.environment.push_back("SSL_CERT_FILE=" + trusted);
    return support::run(how);
}

support::run_result run_there(std::string const& example, std::vector<std::string> const& arguments, std::string const& trusted)
{
    support::process_options how;
    how.argv = {"/bin/sh", POSTHORN_SOURCE_DIR "/tests/windows/wine.sh", variable("POSTHORN_EXAMPLES_WINDOWS") + "/" + example + ".exe"};
    how.argv.insert(how.argv.end(), arguments.begin(), arguments.end());
    how.environment = {"WINEPREFIX=" + variable("WINEPREFIX"), "HOME=" + variable("WINEPREFIX")};
    if (!trusted.empty())
        how.environment.push_back("SSL_CERT_FILE=Z:" + trusted);
    return support::run(how, std::chrono::minutes(2));
}

/// A file with an authority of this test's own.
struct authority_file
{
    authority_file() { support::write_file(path, authority.pem()); }

    testing::certificate_authority authority;
    support::temp_dir              dir;
    std::string                    path = (dir / "authority.pem").string();
};

/// The sink's host and port, and that TLS begins at once.
std::vector<std::string> arguments_for(testing::server_thread<testing::smtp_sink>& sink)
{
    return {"127.0.0.1", std::to_string(sink->port()), "ssl"};
}

testing::smtp_sink_settings secured_sink(testing::certificate_authority const& authority)
{
    testing::smtp_sink_settings s;
    s.tls = testing::smtp_sink_settings::tls_mode::implicit;
    s.tls_context.emplace(support::tls_server_settings(authority.issue()));
    return s;
}

/// A mailbox as with_mailbox has it, whose answers do not depend on the time.
struct site
{
    explicit site(testing::certificate_authority const& authority) : server(settings_with(authority))
    {
        server->add_message("inbox", "From: Bob <bob@example.net>\r\nTo: alice@example.com\r\nSubject: first\r\n\r\nhello\r\n");
        server->add_message("inbox", "From: Carol <carol@example.net>\r\nTo: alice@example.com\r\nSubject: second\r\n\r\nbye\r\n");
        server->add_contact({{"cn", "Bob"}, {"email1", "bob@example.net"}});
    }

    std::vector<std::string> arguments() { return {server->url(), server->settings().user, server->settings().password}; }
    std::string              port() { return std::to_string(server->port()); }

    testing::server_thread<testing::httpmail_server> server;

private:
    static testing::httpmail_server_settings settings_with(testing::certificate_authority const& authority)
    {
        auto s = testing::httpmail_server_settings::hotmail();
        s.now  = [] { return std::int64_t(1086862329); };
        s.tls_context.emplace(support::tls_server_settings(authority.issue()));
        return s;
    }
};

} // namespace

TEST_CASE_FIXTURE(authority_file, "legacy_smtp: under TLS, to a server that takes the message")
{
    testing::server_thread<testing::smtp_sink> sink_here(secured_sink(authority)), sink_there(secured_sink(authority));
    said const here(run_here("legacy_smtp", arguments_for(sink_here), path), std::to_string(sink_here->port()));
    said const there(run_there("legacy_smtp", arguments_for(sink_there), path), std::to_string(sink_there->port()));
    CHECK(there.text == here.text);
    CHECK(here.status == 0);
    CHECK(there.status == 0);
    CHECK(here.text.find("status 2\n") != std::string::npos); // IXP_SECURING
    CHECK(here.text.find("result 0x00000000\n") != std::string::npos);
    REQUIRE(sink_here->messages().size() == 1);
    REQUIRE(sink_there->messages().size() == 1);
    CHECK(sink_there->messages()[0].size == sink_here->messages()[0].size);
    CHECK(sink_there->messages()[0].fingerprint == sink_here->messages()[0].fingerprint);
    CHECK(sink_there->messages()[0].secure);
    CHECK(sink_there->violations().empty());
}

TEST_CASE_FIXTURE(authority_file, "legacy_smtp: a certificate that nobody trusts")
{
    testing::server_thread<testing::smtp_sink> sink(secured_sink(authority));
    said const here(run_here("legacy_smtp", arguments_for(sink), ""), std::to_string(sink->port()));
    said const there(run_there("legacy_smtp", arguments_for(sink), ""), std::to_string(sink->port()));
    CHECK(there.text == here.text);
    CHECK(here.status == 1);
    CHECK(there.status == 1);
    CHECK(sink->messages().empty());
}

TEST_CASE_FIXTURE(authority_file, "legacy_httpmail: a whole session under TLS")
{
    site       site_here(authority), site_there(authority);
    said const here(run_here("legacy_httpmail", site_here.arguments(), path), site_here.port());
    said const there(run_there("legacy_httpmail", site_there.arguments(), path), site_there.port());
    CHECK(there.text == here.text);
    CHECK(here.status == 0);
    CHECK(there.status == 0);
    CHECK(here.text.find("folder https://") != std::string::npos);
    CHECK(here.text.find("result 0x00000000\n") != std::string::npos);
    for (auto* const one : {&site_here, &site_there})
    {
        auto& server = one->server;
        CHECK(server->folder("inbox")->items.size() == 1);
        CHECK(server->folder("deleteditems")->items.size() == 1);
        CHECK(server->submissions().size() == 1);
    }
}

TEST_CASE_FIXTURE(authority_file, "legacy_httpmail: a certificate that nobody trusts")
{
    site       mailbox(authority);
    said const here(run_here("legacy_httpmail", mailbox.arguments(), ""), mailbox.port());
    said const there(run_there("legacy_httpmail", mailbox.arguments(), ""), mailbox.port());
    CHECK(there.text == here.text);
    CHECK(here.status == 1);
    CHECK(there.status == 1);
    CHECK(mailbox.server->submissions().empty());
}

TEST_SUITE_END();
