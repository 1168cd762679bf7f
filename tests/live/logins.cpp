//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Every mechanism that a server of Debian knows, succeeding and failing against it: Postfix with Dovecot or Cyrus SASL behind
// it, Dovecot's submission service, and tokens that Dovecot checks with an endpoint of ours.

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/parameters.hpp>
#include <posthorn/smtp/protocol_log.hpp>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <doctest/doctest.h>

#include <support/certs.hpp>
#include <support/cyrus_sasl.hpp>
#include <support/dovecot.hpp>
#include <support/postfix.hpp>
#include <support/temp_dir.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace posthorn;

TEST_SUITE_BEGIN("live/logins");

namespace {

constexpr char const* password = "pencil & Stift";

support::certificates& authority()
{
    static support::certificates c;
    return c;
}

support::dovecot_options with_users(std::string mechanisms, std::string extra = {})
{
    support::dovecot_options o;
    o.users      = {{"alice", password, {}}};
    o.mechanisms = std::move(mechanisms);
    o.extra      = std::move(extra);
    return o;
}

support::postfix_options relaying()
{
    support::postfix_options o;
    o.tls = authority().server();
    return o;
}

support::postfix_options behind(support::dovecot const& accounts)
{
    auto o        = relaying();
    o.sasl_socket = accounts.auth_socket();
    return o;
}

struct outcome
{
    std::string                        mechanism;
    std::optional<smtp::session_error> failure;
    std::string                        log;
    bool                               sent = false;
};

task<void> log_in_and_send(smtp::client_settings settings, outcome& into)
{
    smtp::client        client(std::move(settings));
    smtp::message const mail("alice@example.test", {"somebody@far.away.test"}, "Subject: login\r\n\r\nHello\r\n");
    try
    {
        auto const report = co_await client.send(mail);
        into.sent         = report.all_accepted();
        into.mechanism    = client.mechanism();
    }
    catch (smtp::session_error const& e)
    {
        into.failure.emplace(e);
    }
    co_await client.quit();
}

void watch(smtp::client_settings& s, outcome& o)
{
    s.session.on_event = smtp::protocol_log([&o](std::string_view line) { o.log.append(line) += '\n'; });
}

/// Relaying needs the login.
outcome log_in(std::uint16_t port, std::function<void(smtp::client_settings&)> change)
{
    outcome               o;
    smtp::client_settings s;
    s.server               = net::host_port(std::string("localhost"), port);
    s.connection.resolve   = {};
    s.tls_settings.ca_file = authority().ca();
    watch(s, o);
    change(s);
    sync_wait(log_in_and_send(std::move(s), o));
    return o;
}

outcome log_in(std::uint16_t port, char const* mechanism, std::string_view with)
{
    return log_in(port, [=](smtp::client_settings& s) {
        s.login = sasl::credentials("alice", secret_string(with));
        if (mechanism != nullptr)
            s.mechanisms.allowed = {mechanism};
    });
}

/// A message that needs nothing, and one that asks for a notification of success.
task<void> send_with_dsn(smtp::client_settings settings, bool burst, outcome& into)
{
    smtp::client               client(std::move(settings));
    std::vector<smtp::message> mails(2, smtp::message("alice@example.test", {"somebody@far.away.test"},
                                                      "Subject: notify me\r\n\r\nHello\r\n"));
    auto& asking                                   = mails[1].envelope;
    asking.parameters.ret                          = smtp::return_content::headers;
    asking.parameters.envid                        = "number+7";
    asking.recipients.at(0).parameters.notify_on   = smtp::notify::success;
    asking.recipients.at(0).parameters.orcpt       = smtp::original_recipient("rfc822", "somebody@before.test");
    into.sent                                      = true;
    try
    {
        if (!burst)
            for (auto const& mail : mails)
            {
                auto const report = co_await client.send(mail);
                into.sent         = into.sent && report.all_accepted();
            }
        else
        {
            auto results = client.send_burst(mails);
            auto one     = co_await results.next();
            while (one)
            {
                into.sent = into.sent && one->report.all_accepted();
                one       = co_await results.next();
            }
        }
    }
    catch (smtp::session_error const& e)
    {
        into.failure.emplace(e);
        into.sent = false;
    }
    co_await client.quit();
}

/// Answers Dovecot's questions about tokens: `good` is alice's.
class token_endpoint
{
public:
    token_endpoint() : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}), port_(acceptor_.local_endpoint().port())
    {
        thread_ = std::thread([this] { serve(); });
    }
    token_endpoint(token_endpoint const&)            = delete;
    token_endpoint& operator=(token_endpoint const&) = delete;
    ~token_endpoint()
    {
        stop_ = true;
        std::error_code       ignored;
        asio::ip::tcp::socket knock(io_);
        knock.connect({asio::ip::address_v4::loopback(), port_}, ignored);
        thread_.join();
    }

    std::uint16_t port() const noexcept { return port_; }

private:
    void serve()
    {
        while (!stop_)
        {
            std::error_code       ec;
            asio::ip::tcp::socket peer(io_);
            acceptor_.accept(peer, ec);
            if (ec || stop_)
                continue;
            std::string request;
            asio::read_until(peer, asio::dynamic_buffer(request), "\r\n\r\n", ec);
            bool const        good = request.find("Bearer good\r\n") != request.npos;
            std::string const body = good ? R"({"active": true, "username": "alice", "scope": "mail"})"
                                          : R"({"active": false})";
            asio::write(peer,
                        asio::buffer("HTTP/1.1 " + std::string(good ? "200 OK" : "401 Unauthorized") +
                                     "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
                                     std::to_string(body.size()) + "\r\n\r\n" + body),
                        ec);
        }
    }

    asio::io_context        io_;
    asio::ip::tcp::acceptor acceptor_;
    std::uint16_t           port_;
    std::atomic<bool>       stop_ {false};
    std::thread             thread_;
};

bool has(std::string_view text, std::string_view part)
{
    return text.find(part) != text.npos;
}

/// @return The log of the good login.
std::string check_good_and_wrong_password(std::uint16_t port, char const* mechanism)
{
    auto const good = log_in(port, mechanism, password);
    INFO(good.log);
    CHECK(good.sent);
    CHECK(good.mechanism == mechanism);
    CHECK_FALSE(has(good.log, "pencil"));

    auto const bad = log_in(port, mechanism, "wrong");
    INFO(bad.log);
    REQUIRE(bad.failure);
    CHECK(bad.failure->code() == condition::authentication);
    CHECK(bad.failure->code() == smtp::errc::auth_failed);
    CHECK_FALSE(bad.sent);
    return good.log;
}

} // namespace

TEST_CASE("each mechanism of Dovecot logs in with the right password, and is refused with a wrong one")
{
    support::dovecot accounts(with_users("plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256"));
    support::postfix server(behind(accounts));
    for (auto const* mechanism : {"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"})
    {
        CAPTURE(std::string(mechanism));
        check_good_and_wrong_password(server.port(), mechanism);
    }
}

TEST_CASE("each mechanism of Cyrus SASL logs in with the right password, and is refused with a wrong one")
{
    support::cyrus_sasl const accounts({{"alice", password}},
                                       "PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 NTLM");
    auto options = relaying();
    accounts.configure(options);
    support::postfix server(options);
    for (auto const* mechanism :
         {"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "NTLM"})
    {
        CAPTURE(std::string(mechanism));
        check_good_and_wrong_password(server.port(), mechanism);
    }
    CHECK(log_in(server.port(), nullptr, password).mechanism == "SCRAM-SHA-512");
}

TEST_CASE("ANONYMOUS: Postfix takes it from Dovecot and from Cyrus SASL, unless it was told not to")
{
    auto const anonymously = [](std::uint16_t port) {
        return log_in(port, [](smtp::client_settings& s) {
            s.login.user         = "trace@example.test";
            s.mechanisms.allowed = {"ANONYMOUS"};
        });
    };
    auto const taken = [&](support::postfix const& server) {
        auto const o = anonymously(server.port());
        INFO(o.log);
        CHECK(o.mechanism == "ANONYMOUS");
        CHECK(has(o.log, "authenticated with ANONYMOUS"));
        CHECK_FALSE(o.sent); // for Postfix nobody in particular is not somebody it relays for
    };
    auto const refused = [&](support::postfix const& server) {
        auto const o = anonymously(server.port());
        INFO(o.log);
        REQUIRE(o.failure);
        CHECK(o.failure->code() == smtp::errc::auth_unavailable);
        CHECK_FALSE(has(o.log, "C: AUTH"));
        CHECK_FALSE(o.sent);
    };

    support::dovecot const dovecot(with_users("plain anonymous"));
    auto                   options                  = behind(dovecot);
    options.main_cf["smtpd_sasl_security_options"]  = "";
    taken(support::postfix(options));
    options.main_cf["smtpd_sasl_security_options"] = "noanonymous";
    refused(support::postfix(options));

    support::cyrus_sasl const cyrus({{"alice", password}}, "PLAIN ANONYMOUS");
    auto                      with_cyrus = relaying();
    cyrus.configure(with_cyrus);
    taken(support::postfix(with_cyrus));
    with_cyrus.main_cf["smtpd_sasl_security_options"] = "noanonymous";
    refused(support::postfix(with_cyrus));
}

TEST_CASE("EXTERNAL: Dovecot takes the name in the client's certificate, and refuses a name that is not there")
{
    support::postfix_options open;
    open.main_cf = {{"mynetworks", "127.0.0.0/8"}};
    support::postfix relay(open);
    auto const ca     = authority().ca().string();
    auto       options = with_users("plain external",
                              "ssl_ca = <" + ca +
                                  "\nssl_verify_client_cert = yes\nssl_require_crl = no\n"
                                  "auth_ssl_username_from_cert = yes\nssl_cert_username_field = commonName\n"
                                        // Whoever has the certificate needs no password.
                                        "passdb {\n  driver = static\n  mechanisms = external\n  args = nopassword=y\n}\n");
    options.submission_relay_port = relay.port();
    options.tls                   = authority().server();
    support::dovecot const service(options);

    support::certificate_request person;
    person.common_name = "alice";
    person.names.clear();
    auto const certificate = authority().issue("alice", person);
    auto const externally  = [&](bool with_certificate, std::string const& act_as) {
        return log_in(service.submission_port(), [&](smtp::client_settings& s) {
            s.login.authorization_identity = act_as;
            s.mechanisms.allowed           = {"EXTERNAL"};
            if (with_certificate)
            {
                s.tls_settings.certificate_file = certificate.file;
                s.tls_settings.key_file         = certificate.key;
            }
        });
    };
    for (std::string const act_as : {"", "alice"})
    {
        CAPTURE(act_as);
        auto const good = externally(true, act_as);
        INFO(good.log);
        INFO(service.log());
        CHECK(good.sent);
        CHECK(good.mechanism == "EXTERNAL");
    }
    CHECK(relay.wait_for_mail("relayed", 2).size() == 2);

    auto const without = externally(false, "");
    INFO(without.log);
    REQUIRE(without.failure);
    CHECK(without.failure->code() == condition::authentication);
    CHECK_FALSE(without.sent);

    auto const someone_else = externally(true, "bob");
    INFO(someone_else.log);
    REQUIRE(someone_else.failure);
    CHECK(someone_else.failure->code() == smtp::errc::auth_failed);
    CHECK_FALSE(someone_else.sent);
}

TEST_CASE("the best that the server offers is chosen, and without TLS nothing that shows the password")
{
    support::dovecot accounts(with_users("plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256"));
    support::postfix server(behind(accounts));
    CHECK(log_in(server.port(), nullptr, password).mechanism == "SCRAM-SHA-256");
    auto const in_the_clear = log_in(server.port(), [](smtp::client_settings& s) {
        s.tls   = smtp::tls_mode::none;
        s.login = sasl::credentials("alice", secret_string(password));
    });
    CHECK(in_the_clear.mechanism == "SCRAM-SHA-256");

    support::dovecot plain_accounts(with_users("plain login"));
    support::postfix plain_server(behind(plain_accounts));
    auto const       refused = log_in(plain_server.port(), [](smtp::client_settings& s) {
        s.tls   = smtp::tls_mode::none;
        s.login = sasl::credentials("alice", secret_string(password));
    });
    REQUIRE(refused.failure);
    CHECK(refused.failure->code() == smtp::errc::auth_unavailable);
    CHECK_FALSE(has(refused.log, "C: AUTH"));
}

TEST_CASE("XOAUTH2 and OAUTHBEARER: a good token logs in, an expired one is refused, and replaced once if it can be")
{
    token_endpoint    endpoint;
    support::temp_dir dir("oauth");
    support::write_file(dir / "oauth2.conf.ext", "introspection_mode = auth\nintrospection_url = http://127.0.0.1:" +
                                                     std::to_string(endpoint.port()) +
                                                     "/introspect\nusername_attribute = username\n"
                                                     "active_attribute = active\nactive_value = true\n");
    support::dovecot accounts(with_users("plain xoauth2 oauthbearer",
                                         "passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = " +
                                             (dir / "oauth2.conf.ext").string() + "\n}\n"));
    support::postfix server(behind(accounts));
    for (auto const* mechanism : {"XOAUTH2", "OAUTHBEARER"})
    {
        CAPTURE(std::string(mechanism));
        auto const with = [&](std::string const& token) {
            return log_in(server.port(), [&](smtp::client_settings& s) {
                s.login.user         = "alice";
                s.login.token        = secret_string(token);
                s.mechanisms.allowed = {mechanism};
            });
        };
        auto const good = with("good");
        INFO(good.log);
        INFO(accounts.log());
        CHECK(good.sent);
        CHECK(good.mechanism == mechanism);

        auto const expired = with("expired");
        REQUIRE(expired.failure);
        CHECK(expired.failure->code() == smtp::errc::auth_failed);
        CHECK_FALSE(has(expired.failure->what(), "expired\001"));

        std::vector<bool> asked;
        auto const        renewed = log_in(server.port(), [&](smtp::client_settings& s) {
            s.login.user         = "alice";
            s.mechanisms.allowed = {mechanism};
            s.token_source       = [&asked](bool refresh) -> task<secret_string> {
                asked.push_back(refresh);
                co_return secret_string(refresh ? "good" : "expired");
            };
        });
        INFO(renewed.log);
        CHECK(renewed.sent);
        CHECK(asked == std::vector<bool>{false, true});
    }
}

TEST_CASE("Dovecot's submission service: logins over STARTTLS, and what is offered only after them")
{
    support::postfix_options open;
    open.main_cf = {{"mynetworks", "127.0.0.0/8"}};
    support::postfix relay(open);
    auto             options       = with_users("plain scram-sha-256");
    options.submission_relay_port  = relay.port();
    options.tls                    = authority().server();
    support::dovecot const service(options);
    auto const             port = service.submission_port();

    for (auto const* mechanism : {"PLAIN", "SCRAM-SHA-256"})
    {
        CAPTURE(std::string(mechanism));
        auto const log = check_good_and_wrong_password(port, mechanism);
        CHECK(has(log, "certificate verified"));
    }
    CHECK(relay.wait_for_mail("relayed", 2).size() == 2);

    for (bool const burst : {false, true})
    {
        CAPTURE(burst);
        relay.clear_mailbox("alice");
        outcome               o;
        smtp::client_settings s;
        s.server               = net::host_port(std::string("localhost"), port);
        s.tls_settings.ca_file = authority().ca();
        s.login                = sasl::credentials("alice", secret_string(password));
        watch(s, o);
        sync_wait(send_with_dsn(std::move(s), burst, o));
        INFO((o.failure ? std::string(o.failure->what()) : std::string()));
        INFO(o.log);
        CHECK(o.sent);
        CHECK(has(o.log, " RET=HDRS ENVID=number+2B7"));
        CHECK(has(o.log, " NOTIFY=SUCCESS ORCPT=rfc822;somebody@before.test"));
        auto const notification = relay.wait_for_mail("alice").at(0);
        CHECK(has(notification, "Original-Envelope-Id: number+7"));
        CHECK(has(notification, "Original-Recipient: rfc822;somebody@before.test"));
        CHECK(has(notification, "Action: delivered"));
    }
}

TEST_SUITE_END();
