//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Logins by Kerberos: a KDC, Dovecot behind Postfix, and an acceptor in this process, which can also cheat.

#if defined(POSTHORN_WITH_GSSAPI)

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/gssapi.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/protocol_log.hpp>

#include <doctest/doctest.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>
#include <support/certs.hpp>
#include <support/dovecot.hpp>
#include <support/kerberos.hpp>
#include <support/postfix.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace posthorn;

TEST_SUITE_BEGIN("live/gssapi");

namespace {

constexpr char const* password = "pencil & Stift";

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

struct outcome
{
    std::string                        mechanism;
    std::optional<smtp::session_error> failure;
    std::string                        log;
    bool                               sent = false;

    std::string     text() const { return failure ? failure->what() : "no failure"; }
    std::error_code code() const { return failure ? failure->code() : std::error_code(); }
};

/// Postfix with TLS, and Dovecot behind it, which knows tickets and alice's password.
class mail_server
{
public:
    explicit mail_server(support::kerberos const& realm) : accounts_(with(realm)), server_(behind()) {}

    /// Relaying needs the login.
    outcome log_in(std::vector<std::string>                           mechanisms,
                   std::function<void(smtp::client_settings&)> const& change = {})
    {
        outcome               o;
        smtp::client_settings s;
        s.server               = net::host_port(std::string("localhost"), server_.port());
        s.tls_settings.ca_file = authority_.ca();
        s.mechanisms.allowed   = std::move(mechanisms);
        s.session.on_event = smtp::protocol_log([&o](std::string_view line) { o.log.append(line) += '\n'; });
        if (change)
            change(s);
        sync_wait(send(std::move(s), o));
        return o;
    }

    support::postfix&       postfix() { return server_; }
    support::dovecot const& accounts() const { return accounts_; }

private:
    static support::dovecot_options with(support::kerberos const& realm)
    {
        support::dovecot_options o;
        o.users      = {{"alice", password, {}}};
        o.mechanisms = "gssapi plain";
        o.extra      = realm.for_dovecot();
        return o;
    }

    support::postfix_options behind() const
    {
        support::postfix_options o;
        o.tls         = authority_.server();
        o.sasl_socket = accounts_.auth_socket();
        return o;
    }

    static task<void> send(smtp::client_settings settings, outcome& into)
    {
        smtp::client        client(std::move(settings));
        smtp::message const mail("alice@example.test", {"somebody@far.away.test"},
                                 "Subject: ticket\r\n\r\nHello\r\n");
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

    support::certificates authority_;
    support::dovecot      accounts_;
    support::postfix      server_;
};

void with_password(smtp::client_settings& s)
{
    s.login = sasl::credentials("alice", secret_string(password));
}

/// The server's side, with the keys of smtp/localhost.
class acceptor
{
public:
    acceptor()                           = default;
    acceptor(acceptor const&)            = delete;
    acceptor& operator=(acceptor const&) = delete;
    ~acceptor()
    {
        OM_uint32 ignored = 0;
        if (context_ != GSS_C_NO_CONTEXT)
            gss_delete_sec_context(&ignored, &context_, GSS_C_NO_BUFFER);
    }

    /// The proof that answers the ticket.
    std::string accept(std::string token)
    {
        OM_uint32       minor = 0;
        gss_buffer_desc in    = of(token);
        gss_buffer_desc out   = GSS_C_EMPTY_BUFFER;
        check("accept",
              gss_accept_sec_context(&minor, &context_, GSS_C_NO_CREDENTIAL, &in, GSS_C_NO_CHANNEL_BINDINGS,
                                     nullptr, nullptr, &out, nullptr, nullptr, nullptr));
        return taken(out);
    }

    std::string seal(std::string text)
    {
        OM_uint32       minor = 0;
        gss_buffer_desc in    = of(text);
        gss_buffer_desc out   = GSS_C_EMPTY_BUFFER;
        check("wrap", gss_wrap(&minor, context_, 0, GSS_C_QOP_DEFAULT, &in, nullptr, &out));
        return taken(out);
    }

    std::string open(std::string sealed)
    {
        OM_uint32       minor = 0;
        gss_buffer_desc in    = of(sealed);
        gss_buffer_desc out   = GSS_C_EMPTY_BUFFER;
        check("unwrap", gss_unwrap(&minor, context_, &in, &out, nullptr, nullptr));
        return taken(out);
    }

private:
    static gss_buffer_desc of(std::string& s)
    {
        gss_buffer_desc b;
        b.length = s.size();
        b.value  = s.data();
        return b;
    }

    static std::string taken(gss_buffer_desc& b)
    {
        std::string const text(static_cast<char const*>(b.value), b.length);
        OM_uint32         ignored = 0;
        gss_release_buffer(&ignored, &b);
        return text;
    }

    static void check(std::string const& what, OM_uint32 result)
    {
        if (GSS_ERROR(result))
            throw std::runtime_error("the acceptor cannot " + what + ": " + std::to_string(result));
    }

    gss_ctx_id_t context_ = GSS_C_NO_CONTEXT;
};

/// One login without a wire between the two sides.
struct pair
{
    explicit pair(std::string identity = {}) : client(with(std::move(identity)), "smtp", "localhost") {}

    static sasl::credentials with(std::string identity)
    {
        sasl::credentials c;
        c.authorization_identity = std::move(identity);
        return c;
    }

    /// Up to where both have proved who they are.
    void establish()
    {
        auto const token = client.initial_response();
        CHECK(client.respond(server.accept(std::string(token->view()))).empty());
        CHECK_FALSE(client.satisfied());
    }

    std::string respond(std::string_view challenge) { return std::string(client.respond(challenge).view()); }

    /// The code with which the client refuses the challenge; after that it takes nothing more.
    std::error_code refused(std::string_view challenge)
    {
        std::error_code code;
        try
        {
            static_cast<void>(client.respond(challenge));
        }
        catch (error const& e)
        {
            INFO(e.what());
            CHECK(e.code() == condition::authentication);
            code = e.code();
        }
        CHECK_FALSE(client.satisfied());
        CHECK_THROWS_AS(client.respond(""), error);
        CHECK_THROWS_AS(client.respond(challenge), error);
        return code;
    }

    sasl::gssapi client;
    acceptor     server;
};

/// The same with one octet changed, near the end.
std::string damaged(std::string token)
{
    token.at(token.size() - 3) = static_cast<char>(token[token.size() - 3] ^ 1);
    return token;
}

} // namespace

TEST_CASE("a ticket logs in, and the mail is relayed")
{
    support::kerberos realm({"alice", "bob"});
    mail_server       server(realm);
    realm.log_in("alice");
    realm.use_cache("alice");
    auto const done = server.log_in({"GSSAPI"});
    INFO(done.text());
    INFO(done.log);
    INFO(server.accounts().log());
    REQUIRE(done.sent);
    CHECK(done.mechanism == "GSSAPI");
    CHECK(has(server.postfix().wait_for_mail("relayed").at(0), "(Authenticated sender: alice@example.test)"));

    SUBCASE("the ticket of the user that is named, and no other one")
    {
        for (std::string const user : {"alice", "alice@EXAMPLE.TEST"})
        {
            auto const named =
                server.log_in({"GSSAPI"}, [&](smtp::client_settings& s) { s.login.user = user; });
            INFO(named.text());
            CHECK(named.sent);
        }
        for (std::string const user :
             {"bob", "bob@EXAMPLE.TEST", "alice@ELSEWHERE.TEST", "alice@example.test", "alice/admin"})
        {
            CAPTURE(user);
            auto const other =
                server.log_in({"GSSAPI"}, [&](smtp::client_settings& s) { s.login.user = user; });
            CHECK(other.code() == sasl::errc::unusable_credentials);
            CHECK(has(other.text(), "the ticket of " + user));
            CHECK(has(other.text(), "klist"));
            CHECK_FALSE(has(other.log, "C: AUTH"));
        }
        realm.log_in("bob");
        realm.use_cache("bob");
        CHECK(server.log_in({"GSSAPI"}, [](smtp::client_settings& s) { s.login.user = "bob"; }).sent);
        CHECK(has(server.postfix().wait_for_mail("relayed", 4).at(3),
                  "(Authenticated sender: bob@example.test)"));
    }
    SUBCASE("without the KDC, as long as the ticket for the server is there")
    {
        realm.stop();
        CHECK(server.log_in({"GSSAPI"}).sent);
    }
    SUBCASE("it is better than a password that is shown")
    {
        auto const both = server.log_in({}, with_password);
        CHECK(both.sent);
        CHECK(both.mechanism == "GSSAPI");
        CHECK_FALSE(has(both.log, "C: AUTH PLAIN"));
    }
    SUBCASE("a server whose keys are others refuses it, and no password follows")
    {
        realm.admin({"cpw", "-randkey", "smtp/localhost"});
        realm.log_out("alice");
        realm.log_in("alice");
        auto const refused = server.log_in({"GSSAPI", "PLAIN"}, with_password);
        INFO(refused.log);
        CHECK(refused.code() == smtp::errc::auth_failed);
        CHECK(refused.code() == condition::authentication);
        CHECK_FALSE(has(refused.log, "C: AUTH PLAIN"));
    }
    SUBCASE("acting as somebody else is the server's decision")
    {
        auto const as = server.log_in(
            {"GSSAPI"}, [](smtp::client_settings& s) { s.login.authorization_identity = "root"; });
        INFO(as.log);
        CHECK(as.code() == smtp::errc::auth_failed);
    }
}

TEST_CASE("without a ticket that can be used nothing is sent, the error says what to do, and the next "
          "mechanism is tried")
{
    support::kerberos realm;
    mail_server       server(realm);
    auto const        no_ticket = [&](std::string_view                                   why,
                               std::function<void(smtp::client_settings&)> const& change) {
        auto const alone = server.log_in({"GSSAPI"}, change);
        CHECK(alone.code() == sasl::errc::unusable_credentials);
        CHECK(alone.code() == condition::authentication);
        INFO(alone.text());
        CHECK(has(alone.text(), why));
        CHECK(has(alone.text(), "kinit"));
        CHECK_FALSE(has(alone.log, "C: AUTH"));

        auto const next = server.log_in({"GSSAPI", "PLAIN"}, [&](smtp::client_settings& s) {
            with_password(s);
            if (change)
                change(s);
        });
        INFO(next.text());
        CHECK(next.sent);
        CHECK(next.mechanism == "PLAIN");
        CHECK_FALSE(has(next.log, "C: AUTH GSSAPI"));
    };
    SUBCASE("no cache") { no_ticket("No Kerberos credentials available", {}); }
    SUBCASE("a destroyed cache")
    {
        realm.log_in("alice");
        realm.use_cache("alice");
        CHECK(server.log_in({"GSSAPI"}).sent);
        realm.log_out("alice");
        no_ticket("No Kerberos credentials available", {});
    }
    SUBCASE("an expired ticket")
    {
        realm.log_in("alice", "1s");
        realm.use_cache("alice");
        std::this_thread::sleep_for(std::chrono::milliseconds(2100));
        no_ticket("expired", {});
    }
    SUBCASE("a server that the realm does not know")
    {
        realm.log_in("alice");
        realm.use_cache("alice");
        no_ticket("Server smtp/127.0.0.1@EXAMPLE.TEST not found in Kerberos database",
                  [](smtp::client_settings& s) { s.tls_host = "127.0.0.1"; });
    }
    SUBCASE("a server of a realm that cannot be found")
    {
        realm.log_in("alice");
        realm.use_cache("alice");
        no_ticket("ELSEWHERE.TEST", [](smtp::client_settings& s) { s.tls_host = "mail.example.test"; });
    }
    SUBCASE("no KDC")
    {
        realm.log_in("alice");
        realm.use_cache("alice");
        realm.stop();
        no_ticket("Cannot contact any KDC", {});
    }
}

TEST_CASE("both sides prove who they are, and no security layer is used")
{
    support::kerberos realm;
    realm.log_in("alice");
    realm.use_cache("alice");
    for (bool const ignored : {false, true})
    {
        pair       p("somebody");
        auto const first = std::string(p.client.initial_response()->view());
        if (ignored) // too long for the AUTH command, or not taken by the server
            CHECK(p.respond("") == first);
        CHECK_FALSE(p.client.satisfied());
        CHECK(p.respond(p.server.accept(first)).empty());
        CHECK_FALSE(p.client.satisfied());
        auto const choice = p.respond(p.server.seal(std::string("\x07\0\x10\0", 4)));
        CHECK(p.client.satisfied());
        CHECK(p.server.open(choice) == std::string("\x01\0\0\0somebody", 12));
        CHECK_THROWS_AS(p.client.respond("more"), error);
        CHECK_FALSE(p.client.satisfied());
    }
    pair       asked; // without an initial response
    auto const first = asked.respond("");
    CHECK(asked.respond(asked.server.accept(first)).empty());
    CHECK(asked.server.open(asked.respond(asked.server.seal(std::string("\x01\0\0\0", 4)))) ==
          std::string("\x01\0\0\0", 4));
    CHECK(asked.client.satisfied());
}

TEST_CASE("a server that does not prove who it is gets no further")
{
    support::kerberos realm;
    realm.log_in("alice");
    realm.use_cache("alice");
    pair       p, other;
    auto const token       = std::string(p.client.initial_response()->view());
    auto const other_token = std::string(other.client.initial_response()->view());
    SUBCASE("a proof that was tampered with")
    {
        CHECK(p.refused(damaged(p.server.accept(token))) == sasl::errc::server_not_verified);
    }
    SUBCASE("the proof of another login")
    {
        CHECK(p.refused(other.server.accept(other_token)) == sasl::errc::server_not_verified);
    }
    SUBCASE("our own ticket") { CHECK(p.refused(token) == sasl::errc::bad_challenge); }
    SUBCASE("no token") { CHECK(p.refused("let me in") == sasl::errc::bad_challenge); }
    SUBCASE("a token that ends early")
    {
        CHECK(p.refused(p.server.accept(token).substr(0, 20)) == sasl::errc::bad_challenge);
    }
    SUBCASE("nothing, once the ticket was sent")
    {
        CHECK(p.respond("") == token);
        CHECK(p.refused("") == sasl::errc::bad_challenge);
    }
    SUBCASE("the offer of layers at once")
    {
        CHECK(other.respond(other.server.accept(other_token)).empty());
        CHECK(p.refused(other.server.seal(std::string("\x01\0\0\0", 4))) == sasl::errc::bad_challenge);
    }
}

TEST_CASE("an offer of security layers must be sealed, whole, and allow none")
{
    support::kerberos realm;
    realm.log_in("alice");
    realm.use_cache("alice");
    pair p;
    p.establish();
    SUBCASE("not sealed") { CHECK(p.refused(std::string("\x01\0\0\0", 4)) == sasl::errc::bad_challenge); }
    SUBCASE("empty") { CHECK(p.refused("") == sasl::errc::bad_challenge); }
    SUBCASE("tampered with")
    {
        CHECK(p.refused(damaged(p.server.seal(std::string("\x01\0\0\0", 4)))) ==
              sasl::errc::server_not_verified);
    }
    SUBCASE("sealed for another login")
    {
        pair other;
        other.establish();
        CHECK(p.refused(other.server.seal(std::string("\x01\0\0\0", 4))) == sasl::errc::server_not_verified);
    }
    SUBCASE("too short")
    {
        CHECK(p.refused(p.server.seal(std::string("\x01\0\0", 3))) == sasl::errc::bad_challenge);
    }
    SUBCASE("too long")
    {
        CHECK(p.refused(p.server.seal(std::string("\x01\0\0\0\0", 5))) == sasl::errc::bad_challenge);
    }
    SUBCASE("nothing in it") { CHECK(p.refused(p.server.seal({})) == sasl::errc::bad_challenge); }
    SUBCASE("only with a layer")
    {
        CHECK(p.refused(p.server.seal(std::string("\x06\0\x10\0", 4))) == sasl::errc::bad_challenge);
    }
}

TEST_SUITE_END();

#endif
