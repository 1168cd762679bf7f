//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a client of the SMTP transport sees, call by call: each trace is compared with the text kept for it in traces/.

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/script.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"
#include "support/legacy_scripts.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

TEST_SUITE_BEGIN("legacy/smtp_sequences");

namespace {

using namespace support;
using posthorn::testing::script;

/// Connects, and waits for SMTP_CONNECTED.
void open(legacy_session& s, INETSERVER& where, bool authenticate = false)
{
    s.connect(where, authenticate);
    s.until_ready();
}

/// Disconnects, and compares.
void close(legacy_session& s, script_thread& server, std::string const& name)
{
    s.called("Disconnect", s.transport->Disconnect());
    s.until_disconnected();
    server.check();
    check_trace(name, s.client->text());
    CHECK_FALSE(s.client->wrong_thread);
    CHECK_FALSE(s.client->wrong_caller);
}

/// The same where the connection ends by itself.
void ended(legacy_session& s, script_thread& server, std::string const& name)
{
    s.until_disconnected();
    server.check();
    check_trace(name, s.client->text());
    CHECK_FALSE(s.client->wrong_thread);
    CHECK_FALSE(s.client->wrong_caller);
}

/// A port at which nobody listens.
std::uint16_t closed_port()
{
    asio::io_context        io;
    asio::ip::tcp::acceptor probe(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    return probe.local_endpoint().port();
}

/// A port at which nobody takes connections: those that wait have filled the queue, and more are not answered.
class full_backlog
{
public:
    full_backlog() : acceptor_(io_)
    {
        acceptor_.open(asio::ip::tcp::v4());
        acceptor_.bind(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        acceptor_.listen(0);
        for (int i = 0; i != 4; ++i)
        {
            auto& s = waiting_.emplace_back(io_);
            s.async_connect(acceptor_.local_endpoint(), [](std::error_code const&) {}); // begins at once; nobody waits for it
        }
    }
    full_backlog(full_backlog const&)            = delete;
    full_backlog& operator=(full_backlog const&) = delete;

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    asio::io_context                   io_;
    asio::ip::tcp::acceptor            acceptor_;
    std::vector<asio::ip::tcp::socket> waiting_;
};

std::string const short_mail = "Subject: hi\r\n\r\nhello\r\n";

script mail_to(std::string const& to, std::string const& reply)
{
    return script().expect("MAIL FROM:<from@x.test>").reply("250 ok").expect("RCPT TO:<" + to + ">").reply(reply);
}

} // namespace

TEST_CASE_FIXTURE(named_client, "5.3: connecting without logging on says HELO and ends with SMTP_CONNECTED")
{
    script_thread  server(plain_opening().quit());
    legacy_session s;
    auto           where = server_at(server.port());
    s.connect(where);
    s.until_ready();
    s.called("Disconnect", s.transport->Disconnect());
    s.until_disconnected();
    server.check();
    check_trace("connect_plain", s.client->text());
    CHECK_FALSE(s.client->wrong_thread);
    CHECK_FALSE(s.client->wrong_caller);
}

TEST_CASE_FIXTURE(named_client, "5.3: each flag that asks about the server brings EHLO, whose lines come one by one")
{
    for (auto const flag : {DWORD(ISF_QUERYAUTHSUPPORT), DWORD(ISF_QUERYDSNSUPPORT)})
    {
        script_thread  server(ehlo_opening("250-scripted.test\r\n250-AUTH LOGIN\r\n250 DSN").quit());
        legacy_session s;
        auto           where = server_at(server.port());
        where.dwFlags        = flag;
        s.connect(where);
        s.until_ready();
        s.called("Disconnect", s.transport->Disconnect());
        s.until_disconnected();
        server.check();
        check_trace("connect_ehlo", s.client->text());
    }
}

TEST_CASE_FIXTURE(named_client, "5.6: a message to three recipients")
{
    script_thread server(plain_opening()
                             .expect("MAIL FROM:<from@x.test>")
                             .reply("250 ok")
                             .expect("RCPT TO:<r1@x.test>")
                             .reply("250 ok 1")
                             .expect("RCPT TO:<r2@x.test>")
                             .reply("251 will forward")
                             .expect("RCPT TO:<r3@x.test>")
                             .reply("250 ok 3")
                             .expect("DATA")
                             .reply("354 go")
                             .expect_data("Subject: hi\r\n\r\n.dot\r\nlast\r\n")
                             .reply("250 queued")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    s.connect(where);
    s.until_ready();
    {
        legacy_message m("from@x.test", {"r1@x.test", "r2@x.test", "r3@x.test"}, "Subject: hi\r\n\r\n.dot\r\nlast\r\n");
        s.called("SendMessage", s.transport->SendMessage(&m.message));
    }
    s.until_done(SMTP_SEND_MESSAGE);
    s.called("Disconnect", s.transport->Disconnect());
    s.until_disconnected();
    server.check();
    check_trace("send_message", s.client->text());
}


// ---- 5.4, 5.5: logging on ------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(named_client, "5.4: a logon with challenges")
{
    script_thread server(ehlo_opening("250-scripted.test\r\n250 AUTH LOGIN")
                             .expect("AUTH LOGIN")
                             .reply("334 VXNlcm5hbWU6")
                             .expect("dXNlcg==")
                             .reply("334 UGFzc3dvcmQ6")
                             .expect("c2VjcmV0")
                             .reply("235 welcome")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "secret");
    open(s, where, true);
    CHECK(s.transport->IsState(IXP_IS_AUTHENTICATED) == S_OK);
    close(s, server, "logon");
}

TEST_CASE_FIXTURE(named_client, "5.4: without a password the client is asked first")
{
    script_thread server(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").expect("AUTH PLAIN AG1lAG15IHNlY3JldA==").reply("235 ok").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    where.dwFlags        = ISF_ALWAYSPROMPTFORPASSWORD;
    s.client->on_logon   = [](INETSERVER* given) {
        log_on_as(*given, "me", "my secret");
        return S_OK;
    };
    open(s, where, true);
    INETSERVER now = {};
    CHECK(s.transport->GetServerInfo(&now) == S_OK);
    CHECK(std::string(now.szUserName) == "me");
    CHECK(std::string(now.szPassword) == "my secret");
    close(s, server, "logon_prompt_first");
}

TEST_CASE_FIXTURE(named_client, "5.5: a refused logon is tried again with what the client gives")
{
    script_thread server(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN")
                             .expect("AUTH PLAIN AHVzZXIAd3Jvbmc=")
                             .reply("535 5.7.8 no")
                             .expect("AUTH PLAIN AHVzZXIAcmlnaHQ=")
                             .reply("235 ok")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "wrong");
    s.client->on_logon = [](INETSERVER* given) {
        log_on_as(*given, "user", "right");
        return S_OK;
    };
    open(s, where, true);
    close(s, server, "logon_retry");
}

TEST_CASE_FIXTURE(named_client, "5.5: S_FALSE from OnLogonPrompt ends the connection")
{
    script_thread server(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").expect("AUTH PLAIN AHVzZXIAd3Jvbmc=").reply("535 5.7.8 no").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "wrong");
    s.connect(where, true);
    ended(s, server, "logon_cancelled");
    CHECK(s.client->failed);
}

TEST_CASE_FIXTURE(named_client, "5.5: as often as the client has something to try")
{
    script_thread server(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN")
                             .expect("AUTH PLAIN AHVzZXIAd3Jvbmc=")
                             .reply("535 5.7.8 no")
                             .expect("AUTH PLAIN AHVzZXIAd29yc2U=")
                             .reply("535 5.7.8 still no")
                             .expect("AUTH PLAIN AHVzZXIAcmlnaHQ=")
                             .reply("235 ok")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "wrong");
    s.client->on_logon = [](INETSERVER* given) {
        log_on_as(*given, "user", std::string(given->szPassword) == "wrong" ? "worse" : "right");
        return S_OK;
    };
    open(s, where, true);
    close(s, server, "logon_retry_twice");
}

TEST_CASE_FIXTURE(named_client, "5.5: S_FALSE, or a failure, from OnLogonPrompt before anything was tried")
{
    for (HRESULT const answer : {S_FALSE, E_FAIL, E_ABORT})
    {
        script_thread  server(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").quit());
        legacy_session s;
        auto           where = server_at(server.port());
        where.dwFlags        = ISF_ALWAYSPROMPTFORPASSWORD;
        s.client->on_logon   = [answer](INETSERVER* given) {
            log_on_as(*given, "not", "taken");
            return answer;
        };
        s.connect(where, true);
        ended(s, server, "logon_cancelled_first");
        INETSERVER now = {};
        CHECK(s.transport->GetServerInfo(&now) == S_OK);
        CHECK(now.szUserName[0] == '\0');
    }
}

TEST_CASE_FIXTURE(named_client, "5.5: a server that closes after a refusal is connected to once more")
{
    std::vector<script> both;
    both.push_back(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").expect("AUTH PLAIN AHVzZXIAd3Jvbmc=").reply("535 5.7.8 no").close());
    both.push_back(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").expect("AUTH PLAIN AHVzZXIAcmlnaHQ=").reply("235 ok").quit());
    script_thread  server(both);
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "wrong");
    s.client->on_logon = [&](INETSERVER* given) {
        posthorn::legacy::pump_until([] { return false; }, std::chrono::milliseconds(200)); // as a dialog does; meanwhile the server closes
        log_on_as(*given, "user", "right");
        return S_OK;
    };
    open(s, where, true);
    close(s, server, "logon_reconnect");
}

TEST_CASE_FIXTURE(named_client, "5.5: the same if the end is noticed only when the logon is tried again")
{
    std::vector<script> both;
    both.push_back(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").expect("AUTH PLAIN AHVzZXIAd3Jvbmc=").reply("535 5.7.8 no").expect_prefix("AUTH PLAIN ").close());
    both.push_back(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").expect("AUTH PLAIN AHVzZXIAcmlnaHQ=").reply("235 ok").quit());
    script_thread  server(both);
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "wrong");
    s.client->on_logon = [&](INETSERVER* given) {
        log_on_as(*given, "user", "right");
        return S_OK;
    };
    open(s, where, true);
    close(s, server, "logon_reconnect_late");
}

TEST_CASE_FIXTURE(named_client, "5.5: a connection that ends in the first logon is not made once more")
{
    script_thread  server(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").expect_prefix("AUTH PLAIN ").close());
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "wrong");
    s.connect(where, true);
    ended(s, server, "logon_dropped");
}

TEST_CASE_FIXTURE(named_client, "5.5: an answer to OnLogonPrompt belongs to the server that was asked about, and to no other")
{
    script_thread  first(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").expect_close());
    script_thread  second(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").expect("AUTH PLAIN AHVzZXIyAHB3Mg==").reply("235 ok").quit());
    legacy_session s;
    auto           where = server_at(first.port());
    where.dwFlags        = ISF_ALWAYSPROMPTFORPASSWORD;
    s.client->on_logon   = [&](INETSERVER* given) {
        auto other = server_at(second.port());
        log_on_as(other, "user2", "pw2");
        CHECK(s.transport->DropConnection() == S_OK);
        CHECK(s.transport->Connect(&other, iitAUTHENTICATE, iitENABLE_ONCOMMAND) == S_OK);
        log_on_as(*given, "user", "secret");
        s.client->disconnected = false;
        return S_OK;
    };
    CHECK(s.connect(where, true) == S_OK);
    s.until_ready();
    INETSERVER now = {};
    CHECK(s.transport->GetServerInfo(&now) == S_OK);
    CHECK(std::string(now.szUserName) == "user2");
    CHECK(std::string(now.szPassword) == "pw2");
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    first.check();
    second.check();
}

TEST_CASE_FIXTURE(named_client, "5.4: a server without AUTH fails a logon that has a name")
{
    script_thread  server(ehlo_opening("250 scripted.test").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "secret");
    s.connect(where, true);
    ended(s, server, "logon_not_offered");
}

TEST_CASE_FIXTURE(named_client, "5.4: a server without AUTH does not matter if no name was given")
{
    script_thread  server(ehlo_opening("250 scripted.test").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    where.dwFlags        = ISF_ALWAYSPROMPTFORPASSWORD;
    open(s, where, true);
    CHECK(s.transport->IsState(IXP_IS_AUTHENTICATED) == S_FALSE);
    close(s, server, "logon_not_needed");
}

TEST_CASE_FIXTURE(named_client, "5.1: a mechanism that the server refuses gives way to another one")
{
    script_thread server(ehlo_opening("250-scripted.test\r\n250 AUTH CRAM-MD5 PLAIN")
                             .expect("AUTH CRAM-MD5")
                             .reply("504 not today")
                             .expect("AUTH PLAIN AHVzZXIAc2VjcmV0")
                             .reply("235 ok")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "secret");
    open(s, where, true);
    close(s, server, "logon_other_mechanism");
}

TEST_CASE_FIXTURE(named_client, "fTrySicily logs on by NTLM and by nothing else")
{
    script_thread server(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN NTLM")
                             .expect("AUTH NTLM TlRMTVNTUAABAAAABYKIogAAAAAoAAAAAAAAACgAAAAKAGFKAAAADw==")
                             .reply("535 no")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "secret");
    where.fTrySicily = TRUE;
    s.connect(where, true);
    ended(s, server, "logon_ntlm");
}

TEST_CASE_FIXTURE(named_client, "fTrySicily: the challenge of NTLM is answered")
{
    // Type 2, as of a server of the domain "Domain".
    std::string const challenge = "TlRMTVNTUAACAAAADAAMADgAAAAzgoriASNFZ4mrze8AAAAAAAAAACQAJABEAAAABgBwFwAAAA9TAGUAcgB2AGUAcgACAAwARABvAG0AYQBpAG4A"
                                  "AQAMAFMAZQByAHYAZQByAAAAAAA=";
    script_thread server(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN NTLM")
                             .expect("AUTH NTLM TlRMTVNTUAABAAAABYKIogAAAAAoAAAAAAAAACgAAAAKAGFKAAAADw==")
                             .reply("334 " + challenge)
                             .expect_prefix("TlRMTVNTUAADAAAA") // type 3
                             .reply("235 welcome")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "secret");
    where.fTrySicily = TRUE;
    open(s, where, true);
    CHECK(s.transport->IsState(IXP_IS_AUTHENTICATED) == S_OK);
    close(s, server, "logon_ntlm_taken");
}

// ---- TLS -----------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(trusting_client, "5.1: fSSL without flags is TLS from the first octet")
{
    script_thread  server(script().start_tls().then(plain_opening()).quit(), with(authority.issue()));
    legacy_session s;
    auto           where = server_at(server.port());
    where.fSSL           = TRUE;
    open(s, where);
    close(s, server, "tls_implicit");
}

TEST_CASE_FIXTURE(trusting_client, "5.4: ISF_SSLONSAMEPORT is STARTTLS, and EHLO again")
{
    script_thread server(ehlo_opening("250-scripted.test\r\n250 STARTTLS")
                             .expect("STARTTLS")
                             .reply("220 go")
                             .start_tls()
                             .expect("EHLO client.test")
                             .reply("250 inside.test")
                             .quit(),
                         with(authority.issue()));
    legacy_session s;
    auto           where = server_at(server.port());
    where.fSSL           = TRUE;
    where.dwFlags        = ISF_SSLONSAMEPORT;
    open(s, where);
    close(s, server, "tls_starttls");
}

TEST_CASE_FIXTURE(trusting_client, "5.4: OnPrompt asks about a certificate for another host, and IDYES goes on")
{
    script_thread server(ehlo_opening("250-scripted.test\r\n250 STARTTLS")
                             .expect("STARTTLS")
                             .reply("220 go")
                             .start_tls()
                             .expect("EHLO client.test")
                             .reply("250 inside.test")
                             .quit(),
                         with(authority.issue(std::vector<std::string>(1, "other.test"))));
    legacy_session s;
    auto           where = server_at(server.port());
    where.dwFlags        = ISF_SSLONSAMEPORT;
    s.client->on_prompt  = [](HRESULT) { return IDYES; };
    open(s, where);
    close(s, server, "tls_prompt_host_yes");
}

TEST_CASE_FIXTURE(trusting_client, "5.4: OnPrompt asks about a certificate that has expired, and IDNO ends the connection")
{
    posthorn::testing::certificate_options expired;
    expired.not_before = -std::chrono::hours(48);
    expired.not_after  = -std::chrono::hours(24);
    script_thread  server(script().start_tls().expect_close(), with(authority.issue(expired)));
    legacy_session s;
    auto           where = server_at(server.port());
    where.fSSL           = TRUE;
    s.connect(where);
    ended(s, server, "tls_prompt_date_no");
}

TEST_CASE_FIXTURE(trusting_client, "5.4: Disconnect inside of OnPrompt: what it answers is no error any more")
{
    for (INT const answer : {IDNO, IDYES})
    {
        script_thread  server(script().start_tls().expect_close(), with(authority.issue(std::vector<std::string>(1, "other.test"))));
        legacy_session s;
        auto           where = server_at(server.port());
        where.fSSL           = TRUE;
        s.client->on_prompt  = [&, answer](HRESULT) {
            CHECK(s.transport->Disconnect() == S_OK);
            return answer;
        };
        s.connect(where);
        ended(s, server, "tls_prompt_disconnect");
        CHECK_FALSE(s.client->failed);
    }
}

TEST_CASE_FIXTURE(trusting_client, "5.4: OnPrompt asks about host and date, once each; IDOK goes on, and 0 does not")
{
    posthorn::testing::certificate_options bad(std::vector<std::string>(1, "other.test"));
    bad.not_before = std::chrono::hours(24);
    bad.not_after  = std::chrono::hours(48);
    for (bool const goes_on : {true, false})
    {
        auto           steps = script().start_tls();
        script_thread  server(goes_on ? steps.then(plain_opening()).quit() : steps.expect_close(), with(authority.issue(bad)));
        legacy_session s;
        auto           where = server_at(server.port());
        where.fSSL           = TRUE;
        s.client->on_prompt  = [=, &s](HRESULT) {
            auto const asked = std::count_if(s.client->trace.begin(), s.client->trace.end(),
                                             [](std::string const& l) { return l.find("OnPrompt") == 0; });
            return goes_on || asked == 1 ? IDOK : 0;
        };
        s.connect(where);
        if (!goes_on)
        {
            ended(s, server, "tls_prompt_both_no");
            continue;
        }
        s.until_ready();
        close(s, server, "tls_prompt_both_yes");
    }
}

TEST_CASE_FIXTURE(named_client, "5.9: a certificate that nobody trusts is no matter of opinion")
{
    posthorn::testing::certificate_authority unknown;
    script_thread  server(script().expect_tls_failure(), trusting_client::with(unknown.issue()));
    legacy_session s;
    auto           where = server_at(server.port());
    where.fSSL           = TRUE;
    s.connect(where);
    ended(s, server, "tls_untrusted");
}

TEST_CASE_FIXTURE(named_client, "4.3: STARTTLS that is not offered, and STARTTLS that is refused")
{
    {
        script_thread  server(ehlo_opening("250 scripted.test").quit());
        legacy_session s;
        auto           where = server_at(server.port());
        where.dwFlags        = ISF_SSLONSAMEPORT;
        s.connect(where);
        ended(s, server, "tls_not_offered");
    }
    script_thread  server(ehlo_opening("250-scripted.test\r\n250 STARTTLS").expect("STARTTLS").reply("454 not now").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    where.dwFlags        = ISF_SSLONSAMEPORT;
    s.connect(where);
    ended(s, server, "tls_refused");
}

// ---- 5.6: what can go wrong with a message -------------------------------------------------------------------

TEST_CASE_FIXTURE(named_client, "5.6: a refused sender")
{
    script_thread server(plain_opening().expect("MAIL FROM:<from@x.test>").reply("451 later").expect("RSET").reply("250 flushed").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    legacy_message m("from@x.test", {"r1@x.test"}, short_mail);
    s.called("SendMessage", s.transport->SendMessage(&m.message));
    s.until_done(SMTP_SEND_MESSAGE);
    close(s, server, "send_sender_refused");
}

TEST_CASE_FIXTURE(named_client, "5.6: one refused recipient aborts the message, and the next one goes through")
{
    script_thread server(plain_opening()
                             .then(mail_to("good@x.test", "250 ok"))
                             .expect("RCPT TO:<bad@x.test>")
                             .reply("550 no such user")
                             .expect("RSET")
                             .reply("250 flushed")
                             .then(mail_to("good@x.test", "250 ok"))
                             .expect("DATA")
                             .reply("354 go")
                             .expect_data(short_mail)
                             .reply("250 queued")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    legacy_message bad("from@x.test", {"good@x.test", "bad@x.test", "never@x.test"}, short_mail);
    s.called("SendMessage", s.transport->SendMessage(&bad.message));
    s.until_done(SMTP_SEND_MESSAGE);
    legacy_message good("from@x.test", {"good@x.test"}, short_mail);
    s.called("SendMessage", s.transport->SendMessage(&good.message));
    s.until_done(SMTP_SEND_MESSAGE);
    close(s, server, "send_recipient_refused");
}

TEST_CASE_FIXTURE(named_client, "5.6: DATA refused, and content refused")
{
    script_thread server(plain_opening()
                             .then(mail_to("r1@x.test", "250 ok"))
                             .expect("DATA")
                             .reply("503 no valid recipients")
                             .expect("RSET")
                             .reply("250 flushed")
                             .then(mail_to("r1@x.test", "250 ok"))
                             .expect("DATA")
                             .reply("354 go")
                             .expect_data(short_mail)
                             .reply("554 spam")
                             .expect("RSET")
                             .reply("250 flushed")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    for (int i = 0; i != 2; ++i)
    {
        legacy_message m("from@x.test", {"r1@x.test"}, short_mail);
        s.called("SendMessage", s.transport->SendMessage(&m.message));
        s.until_done(SMTP_SEND_MESSAGE);
    }
    close(s, server, "send_content_refused");
}

TEST_CASE_FIXTURE(named_client, "1.5: a message without sender, and one without recipients, are answered and nothing is sent")
{
    script_thread  server(plain_opening().quit());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    legacy_message from_nobody("", {"r1@x.test"}, short_mail);
    s.called("SendMessage", s.transport->SendMessage(&from_nobody.message));
    s.until_done(SMTP_SEND_MESSAGE);
    legacy_message to_nobody("from@x.test", {}, short_mail);
    s.called("SendMessage", s.transport->SendMessage(&to_nobody.message));
    s.until_done(SMTP_SEND_MESSAGE);
    close(s, server, "send_incomplete");
}

TEST_CASE_FIXTURE(named_client, "5.6: the progress of a long message adds up")
{
    std::string text = "Subject: long\r\n\r\n";
    while (text.size() < 40000)
        text += "A line of a message that goes on and on, as some do.\r\n";
    script_thread server(plain_opening().then(mail_to("r1@x.test", "250 ok")).expect("DATA").reply("354 go").expect_data(text).reply("250 queued").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    legacy_message m("from@x.test", {"r1@x.test"}, text);
    s.called("SendMessage", s.transport->SendMessage(&m.message));
    s.until_done(SMTP_SEND_MESSAGE);
    close(s, server, "send_long");
}

// ---- 5.7: DSN ------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(named_client, "5.7: DSN goes with MAIL and RCPT")
{
    script_thread server(ehlo_opening("250-scripted.test\r\n250 DSN")
                             .expect("MAIL FROM:<from@x.test> RET=HDRS ENVID=id+2B1")
                             .reply("250 ok")
                             .expect("RCPT TO:<a@x.test> NOTIFY=SUCCESS,FAILURE,DELAY")
                             .reply("250 ok")
                             .expect("RCPT TO:<b@x.test> NOTIFY=NEVER")
                             .reply("250 ok")
                             .expect("RCPT TO:<c@x.test>")
                             .reply("250 ok")
                             .expect("DATA")
                             .reply("354 go")
                             .expect_data(short_mail)
                             .reply("250 queued")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    where.dwFlags        = ISF_QUERYDSNSUPPORT;
    open(s, where);
    auto const     two = s.transport.as<ISMTPTransport2>();
    legacy_message m("from@x.test", {}, short_mail);
    m.add("a@x.test", ADDR_TO | ADDR_DSN_SUCCESS | ADDR_DSN_FAILURE | ADDR_DSN_DELAY);
    m.add("b@x.test", ADDR_TO | ADDR_DSN_NEVER | ADDR_DSN_SUCCESS);
    m.add("c@x.test", ADDR_TO);
    char         id[] = "id+1";
    SMTPMESSAGE2 both = {};
    both.smtpMsg      = m.message;
    both.pszDSNENVID  = id;
    both.dsnRet       = DSNRET_HDRS;
    s.called("SendMessage2", two->SendMessage2(&both));
    s.until_done(SMTP_SEND_MESSAGE);
    close(s, server, "dsn");
}

// ---- 5.8: single commands ------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(named_client, "5.8: every command, one at a time")
{
    script_thread server(plain_opening()
                             .expect("EHLO client.test")
                             .reply("250-scripted.test\r\n250-DSN\r\n250 AUTH PLAIN")
                             .expect("AUTH PLAIN AHVzZXIAc2VjcmV0")
                             .reply("235 ok")
                             .expect("MAIL FROM:<from@x.test>")
                             .reply("250 ok")
                             .expect("RCPT TO:<bad@x.test>")
                             .reply("550 no such user")
                             .expect("RSET")
                             .reply("250 flushed")
                             .expect("MAIL FROM:<from@x.test> BODY=8BITMIME")
                             .reply("250 ok")
                             .expect("RCPT TO:<a@x.test>")
                             .reply("250 ok")
                             .expect("RCPT TO:<b@x.test> NOTIFY=FAILURE")
                             .reply("250 ok")
                             .expect("DATA")
                             .reply("354 go")
                             .expect_data(short_mail)
                             .reply("250 queued")
                             .expect("HELO client.test")
                             .reply("250 scripted.test")
                             .expect("MAIL FROM:<>")
                             .reply("250 ok")
                             .expect("DATA")
                             .reply("354 go")
                             .expect_data("")
                             .reply("554 empty")
                             .quit());
    legacy_session s;
    auto           where = server_at(server.port());
    log_on_as(where, "user", "secret");
    open(s, where);
    auto const two  = s.transport.as<ISMTPTransport2>();
    auto const does = [&](char const* what, HRESULT result, SMTPCOMMAND answer) {
        s.called(what, result);
        REQUIRE(result == S_OK);
        s.until_done(answer);
    };
    auto const text = [](char const* t) { return const_cast<char*>(t); };
    does("CommandEHLO", two->CommandEHLO(), SMTP_EHLO);
    does("CommandAUTH", two->CommandAUTH(text("PLAIN")), SMTP_AUTH);
    does("CommandMAIL", two->CommandMAIL(text("from@x.test")), SMTP_MAIL);
    does("CommandRCPT", two->CommandRCPT(text("bad@x.test")), SMTP_RCPT);
    does("CommandRSET", two->CommandRSET(), SMTP_RSET);
    does("CommandMAIL", two->CommandMAIL(text("<from@x.test> BODY=8BITMIME")), SMTP_MAIL);
    does("CommandRCPT", two->CommandRCPT(text("<a@x.test>")), SMTP_RCPT);
    does("CommandRCPT2", two->CommandRCPT2(text("b@x.test"), ADDR_DSN_FAILURE), SMTP_RCPT);
    does("CommandDATA", two->CommandDATA(), SMTP_DATA);
    auto const stream = stream_of(short_mail);
    does("SendDataStream", two->SendDataStream(stream.get(), static_cast<ULONG>(short_mail.size())), SMTP_DOT);
    does("CommandHELO", two->CommandHELO(), SMTP_HELO);
    does("CommandMAIL", two->CommandMAIL(text("<>")), SMTP_MAIL);
    does("CommandDATA", two->CommandDATA(), SMTP_DATA);
    does("CommandDOT", two->CommandDOT(), SMTP_DOT);
    s.called("CommandQUIT", two->CommandQUIT());
    ended(s, server, "commands");
}

// ---- 5.9: trouble --------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(named_client, "5.9: a host that does not exist")
{
    legacy_session s;
    auto           where = server_at(25);
    std::strcpy(where.szServerName, "no-such-host.invalid");
    s.connect(where);
    s.until_disconnected();
    auto got = s.client->text();
    auto at  = got.find("socket 11002"); // what a machine without a network is told
    if (at != got.npos)
        got.replace(at, 12, "socket 11001");
    check_trace("error_host", got);
}

TEST_CASE_FIXTURE(named_client, "5.9: a port at which nobody listens")
{
    legacy_session s;
    auto           where = server_at(closed_port());
    s.connect(where);
    s.until_disconnected();
    check_trace("error_connect", s.client->text());
}

TEST_CASE_FIXTURE(named_client, "5.3: a greeting that refuses")
{
    script_thread  server(script().reply("554 go away").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    s.connect(where);
    ended(s, server, "error_banner");
}

TEST_CASE_FIXTURE(named_client, "5.3: EHLO refused, HELO taken")
{
    script_thread  server(ehlo_opening("500 what?").expect("HELO client.test").reply("250 scripted.test").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    where.dwFlags        = ISF_QUERYDSNSUPPORT;
    open(s, where);
    close(s, server, "connect_fallback");
}

TEST_CASE_FIXTURE(named_client, "5.9: a server that closes in the middle of a command, and one that closes while nothing happens")
{
    {
        script_thread  server(plain_opening().expect("MAIL FROM:<from@x.test>").close());
        legacy_session s;
        auto           where = server_at(server.port());
        open(s, where);
        char from[] = "from@x.test";
        s.called("CommandMAIL", s.transport->CommandMAIL(from));
        ended(s, server, "error_dropped");
    }
    script_thread  server(plain_opening().close());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    ended(s, server, "error_dropped_idle");
}

TEST_CASE_FIXTURE(named_client, "5.8: 421 is answered, and ends the connection")
{
    script_thread  server(plain_opening().expect("RSET").reply("421 closing").expect_close());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    s.called("CommandRSET", s.transport->CommandRSET());
    ended(s, server, "error_421");
}

TEST_CASE_FIXTURE(named_client, "5.9: a silent server: OnTimeout is asked until it says S_FALSE")
{
    script_thread  server(plain_opening().expect("RSET").stall());
    legacy_session s;
    auto           where = server_at(server.port());
    where.dwTimeout      = 1;
    int asked            = 0;
    s.client->on_timeout = [&](DWORD* seconds) {
        CHECK(*seconds == 1);
        return ++asked == 1 ? S_OK : S_FALSE;
    };
    open(s, where);
    s.called("CommandRSET", s.transport->CommandRSET());
    ended(s, server, "error_timeout");
    CHECK(asked == 2);
}

TEST_CASE_FIXTURE(named_client, "5.9: a server that falls silent at each stage of Connect")
{
    full_backlog   nobody;
    script_thread  at_tls(script().read_some().stall());
    script_thread  at_banner(script().stall());
    script_thread  at_logon(ehlo_opening("250-scripted.test\r\n250 AUTH PLAIN").expect_prefix("AUTH PLAIN ").stall());
    legacy_session connecting, securing, waiting, logging_on; // all at once: it takes a second
    auto const     begin = [](legacy_session& s, std::uint16_t port, bool tls, bool logon) {
        auto where      = server_at(port);
        where.dwTimeout = 1;
        where.fSSL      = tls;
        log_on_as(where, "user", "secret");
        s.connect(where, logon);
    };
    begin(connecting, nobody.port(), false, false);
    begin(securing, at_tls.port(), true, false);
    begin(waiting, at_banner.port(), false, false);
    begin(logging_on, at_logon.port(), false, true);
    for (auto* const s : {&connecting, &securing, &waiting, &logging_on})
        s->until_disconnected();
    check_trace("timeout_connecting", connecting.client->text());
    check_trace("timeout_securing", securing.client->text());
    check_trace("timeout_banner", waiting.client->text());
    check_trace("timeout_logon", logging_on.client->text());
}

TEST_CASE_FIXTURE(named_client, "5.9: Disconnect while the transport still connects: there is nobody to say QUIT to")
{
    full_backlog   nobody;
    script_thread  silent(script().stall());
    legacy_session connecting, waiting;
    auto           where = server_at(nobody.port());
    connecting.connect(where);
    connecting.until([&] { return connecting.client->trace.back() == "OnStatus(IXP_CONNECTING)"; });
    connecting.called("Disconnect", connecting.transport->Disconnect());
    connecting.until_disconnected();
    check_trace("disconnect_connecting", connecting.client->text());
    where = server_at(silent.port());
    waiting.connect(where);
    waiting.until([&] { return waiting.client->trace.back() == "OnStatus(IXP_CONNECTED)"; });
    waiting.called("Disconnect", waiting.transport->Disconnect());
    waiting.until_disconnected();
    check_trace("disconnect_banner", waiting.client->text());
    silent.check();
}

TEST_CASE_FIXTURE(named_client, "5.9: a server that answers neither QUIT nor what ran before it is waited for, but not for ever")
{
    script_thread  at_quit(plain_opening().expect("QUIT").within(std::chrono::seconds(15)).stall());
    script_thread  before(plain_opening().expect("RSET").within(std::chrono::seconds(15)).stall());
    legacy_session quitting, resetting;
    auto           where = server_at(at_quit.port());
    where.dwTimeout      = 0; // the transport's own patience
    open(quitting, where);
    where.dwPort = before.port();
    open(resetting, where);
    resetting.called("CommandRSET", resetting.transport->CommandRSET());
    resetting.until([&] { return resetting.client->trace.back().find("RSET\"") != std::string::npos; });
    resetting.called("Disconnect", resetting.transport->Disconnect());
    quitting.called("Disconnect", quitting.transport->Disconnect());
    quitting.until_disconnected(); // long_enough is 20 seconds
    resetting.until_disconnected();
    check_trace("disconnect_no_answer", quitting.client->text());
    check_trace("disconnect_busy_no_answer", resetting.client->text());
}

TEST_CASE_FIXTURE(named_client, "5.9: 421 in place of a greeting")
{
    script_thread  server(script().reply("421 too many connections").expect_close());
    legacy_session s;
    auto           where = server_at(server.port());
    s.connect(where);
    ended(s, server, "error_banner_421");
}

TEST_CASE_FIXTURE(named_client, "5.9: Disconnect while a command waits: it is not answered any more")
{
    script_thread  server(plain_opening().expect("RSET").pause(std::chrono::milliseconds(100)).reply("250 at last").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    s.called("CommandRSET", s.transport->CommandRSET());
    s.until([&] { return s.client->trace.back().find("RSET\"") != std::string::npos; });
    s.called("Disconnect", s.transport->Disconnect());
    s.called("Disconnect", s.transport->Disconnect());
    ended(s, server, "disconnect_busy");
}

TEST_CASE_FIXTURE(named_client, "5.9: Disconnect after DATA drops the connection, for QUIT would be part of the message")
{
    script_thread  server(plain_opening().then(mail_to("r1@x.test", "250 ok")).expect("DATA").reply("354 go").expect_close());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    char from[] = "from@x.test", to[] = "r1@x.test";
    s.called("CommandMAIL", s.transport->CommandMAIL(from));
    s.until_done(SMTP_MAIL);
    s.called("CommandRCPT", s.transport->CommandRCPT(to));
    s.until_done(SMTP_RCPT);
    s.called("CommandDATA", s.transport->CommandDATA());
    s.until_done(SMTP_DATA);
    s.called("Disconnect", s.transport->Disconnect());
    ended(s, server, "disconnect_in_data");
}

TEST_CASE_FIXTURE(named_client, "5.9: DropConnection tells of the end before it returns, and nothing is sent")
{
    script_thread  server(plain_opening().expect_close());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    HRESULT const result = s.transport->DropConnection();
    CHECK(s.client->disconnected);
    s.called("DropConnection", result);
    server.check();
    check_trace("drop", s.client->text());
}

TEST_CASE_FIXTURE(named_client, "5.9: the last Release closes an open connection and calls nobody")
{
    script_thread  server(plain_opening().expect_close());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    auto const before = s.client->trace.size();
    CHECK(s.transport.detach()->Release() == 0);
    server.check();
    posthorn::legacy::pump(0);
    CHECK(s.client->trace.size() == before);
    CHECK(s.client->AddRef() == 2); // the transport has given its reference back
    s.client->Release();
}

TEST_CASE_FIXTURE(named_client, "5.9: after HandsOffCallback the work goes on in silence")
{
    script_thread  server(plain_opening().expect("RSET").reply("250 ok").expect_close());
    legacy_session s;
    auto           where = server_at(server.port());
    open(s, where);
    auto const before = s.client->trace.size();
    CHECK(s.transport->CommandRSET() == S_OK);
    CHECK(s.transport->HandsOffCallback() == S_OK);
    CHECK(s.transport->HandsOffCallback() == S_FALSE);
    s.until([&] { return s.transport->IsState(IXP_IS_READY) == S_OK; });
    CHECK(s.transport->DropConnection() == S_OK);
    CHECK(s.client->trace.size() == before);
    server.check();
}

TEST_SUITE_END();
