//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The main job, in one process: a server with STARTTLS and AUTH, and a client that verifies it, logs in, and sends one
// message to three recipients of whom the server refuses one.

#include <posthorn/smtp.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

namespace smtp    = posthorn::smtp;
namespace testing = posthorn::testing;

namespace {

posthorn::net::tls_context server_identity(testing::certificate_authority const& authority)
{
    auto const                  identity = authority.issue({"localhost", "127.0.0.1"});
    posthorn::net::tls_settings settings;
    settings.certificate_pem = identity.chain_pem;
    settings.key_pem         = identity.key_pem;
    return posthorn::net::tls_context(settings);
}

testing::smtp_sink_settings server_settings(testing::certificate_authority const& authority)
{
    testing::smtp_sink_settings settings;
    settings.tls                           = testing::smtp_sink_settings::tls_mode::starttls;
    settings.tls_context                   = server_identity(authority);
    settings.require_tls_for_auth          = true;
    settings.require_auth                  = true;
    settings.users["postman"]              = "tooting";
    settings.refuse["nobody@example.test"] = testing::smtp_reply(550, "5.1.1 There is nobody of that name");
    return settings;
}

smtp::client_settings client_settings(testing::certificate_authority const& authority, std::uint16_t port)
{
    smtp::client_settings settings("smtp://127.0.0.1:" + std::to_string(port)); // STARTTLS is required by default
    settings.tls_settings.ca_pem = authority.pem();
    settings.login               = posthorn::sasl::credentials("postman", "tooting");
    settings.session.on_event    = smtp::protocol_log([](std::string_view line) { std::cout << "  " << line << '\n'; });
    return settings;
}

std::string_view const text = "From: Postman <postman@example.test>\r\n"
                              "To: Alice <alice@example.test>, Bob <bob@example.test>\r\n"
                              "Subject: The main job\r\n"
                              "\r\n"
                              "Dear all,\r\n"
                              ".a line that begins with a dot, and\n"
                              "a line that ends with a bare line feed.\r\n";

/// @return What went wrong; empty if everything is as it should be.
posthorn::task<std::string> main_job()
{
    auto const                           executor = co_await posthorn::this_coro::executor;
    testing::certificate_authority const authority;
    testing::smtp_sink                   sink(executor, server_settings(authority));
    sink.start();

    std::cout << "the dialogue:\n";
    smtp::client  client(client_settings(authority, sink.port()));
    smtp::message mail("postman@example.test", {"alice@example.test", "nobody@example.test", "bob@example.test"},
                       std::string(text));
    auto const report = co_await client.send(mail);
    co_await client.quit();

    std::cout << "the report:\n" << report.describe() << "the server's last word: " << report.final_reply().describe() << '\n';
    auto const stored = sink.messages();
    for (auto const& m : stored)
    {
        std::cout << "stored by the server, from <" << m.from.address << "> by " << m.user << ", for";
        for (auto const& r : m.recipients)
            std::cout << " <" << r.address << '>';
        std::cout << ":\n" << m.content;
    }

    if (report.outcome() != smtp::overall::partial || report.accepted() != 2)
        co_return "the report is not: two accepted, one refused";
    if (report.recipients()[1].outcome != smtp::disposition::refused_permanently || report.recipients()[1].code != 550)
        co_return "the refusal is not reported as it was";
    if (stored.size() != 1 || stored[0].recipients.size() != 2 || !stored[0].secure || stored[0].user != "postman")
        co_return "the server did not store one message for two recipients, by TLS and with a login";
    std::string expected(text);
    expected.replace(expected.find("and\na"), 5, "and\r\na");
    if (stored[0].content != expected)
        co_return "the stored message differs from the one that was sent";
    if (!sink.violations().empty())
        co_return "the server saw a violation of the protocol: " + sink.violations().front();
    co_return std::string();
}

} // namespace

int main()
{
    try
    {
        std::string const problem = posthorn::sync_wait(main_job());
        if (!problem.empty())
        {
            std::cout << "main job: FAILED: " << problem << '\n';
            return 1;
        }
    }
    catch (std::exception const& e)
    {
        std::cout << "main job: FAILED: " << e.what() << '\n';
        return 1;
    }
    std::cout << "main job: ok\n";
}
