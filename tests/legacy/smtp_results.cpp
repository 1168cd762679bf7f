//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Every documented result of every method of the SMTP transport. include/posthorn/legacy/README.md tells which case has which.

#include <posthorn/legacy/create.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/testing/script.hpp>

#include <doctest/doctest.h>

#include "support/allocations.hpp"
#include "support/legacy_account.hpp"
#include "support/legacy_client.hpp"
#include "support/legacy_methods.hpp"
#include "support/legacy_scripts.hpp"

#include <asio/io_context.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

TEST_SUITE_BEGIN("legacy/smtp_results");

namespace {

using namespace support;
using posthorn::testing::script;

char* text(char const* t)
{
    return const_cast<char*>(t);
}

/// Calls a method with less memory than it needs, then with more and more, until it has enough.
/// @param frugal It may need none.
template <class F>
HRESULT with_too_little_memory(F&& call, bool frugal = false)
{
    for (std::ptrdiff_t n = 0;; ++n)
    {
        grant_allocations(n);
        HRESULT const result = call();
        grant_allocations(-1);
        CHECK((n != 0 || frugal || result == E_OUTOFMEMORY));
        if (result != E_OUTOFMEMORY)
            return result;
        REQUIRE(n < 10000);
    }
}

/// The soft limit of descriptors, as long as the object lives.
class few_descriptors
{
public:
    few_descriptors()
    {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        rlimit none  = before_;
        none.rlim_cur = 0;
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    }
    few_descriptors(few_descriptors const&)            = delete;
    few_descriptors& operator=(few_descriptors const&) = delete;
    ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_ {};
};

/// A transport that never heard of InitNew.
legacy::com_ptr<ISMTPTransport2> bare()
{
    legacy::com_ptr<ISMTPTransport> t;
    REQUIRE(CreateSMTPTransport(t.put()) == S_OK);
    return t.as<ISMTPTransport2>();
}

struct connected_session : named_client
{
    explicit connected_session(script rest, script opening = plain_opening(), DWORD flags = 0) : server(opening.then(rest))
    {
        auto where    = server_at(server.port());
        where.dwFlags = flags;
        s.connect(where);
        s.until_ready();
        two = s.transport.as<ISMTPTransport2>();
    }

    script_thread                    server;
    legacy_session                   s;
    legacy::com_ptr<ISMTPTransport2> two;
};

} // namespace

TEST_CASE("GetServerInfo")
{
    INETSERVER got = {};
    CHECK(bare()->GetServerInfo(nullptr) == E_INVALIDARG);
    CHECK(bare()->GetServerInfo(&got) == IXP_E_NOT_INIT);
    legacy_session fresh;
    CHECK(fresh.transport->GetServerInfo(&got) == IXP_E_NOT_CONNECTED);

    connected_session c(script().expect_close());
    CHECK(c.two->GetServerInfo(&got) == S_OK);
    CHECK(std::string(got.szServerName) == "127.0.0.1");
    CHECK(got.dwPort == c.server.port());
    CHECK(c.two->DropConnection() == S_OK);
    CHECK(c.two->GetServerInfo(&got) == S_OK); // 6.28: the last record, for those who show an error
}

TEST_CASE("GetIXPType and GetStatus")
{
    auto const t = bare();
    CHECK(t->GetIXPType() == IXP_SMTP);
    CHECK(t->GetStatus(nullptr) == E_INVALIDARG);
    IXPSTATUS status = IXP_LAST;
    CHECK(t->GetStatus(&status) == S_OK);
    CHECK(status == IXP_DISCONNECTED);
}

TEST_CASE("IsState")
{
    static constexpr IXPISSTATE all[] = {IXP_IS_CONNECTED, IXP_IS_BUSY, IXP_IS_READY, IXP_IS_AUTHENTICATED};
    auto const                  answers = [](ISMTPTransport& t) {
        std::vector<HRESULT> a;
        for (auto const q : all)
            a.push_back(t.IsState(q));
        return a;
    };
    using results = std::vector<HRESULT>;
    CHECK(answers(*bare()) == results {IXP_E_NOT_INIT, IXP_E_NOT_INIT, IXP_E_NOT_INIT, IXP_E_NOT_INIT});
    CHECK(bare()->IsState(static_cast<IXPISSTATE>(4)) == E_INVALIDARG);
    CHECK(bare()->IsState(static_cast<IXPISSTATE>(-1)) == E_INVALIDARG);

    named_client   name;
    script_thread  server(ehlo_opening("250-x\r\n250 AUTH PLAIN").expect_prefix("AUTH PLAIN").reply("235 ok").expect("RSET").reply("250 ok").expect_close());
    legacy_session s;
    CHECK(answers(*s.transport) == results {S_FALSE, IXP_E_NOT_CONNECTED, IXP_E_NOT_CONNECTED, IXP_E_NOT_CONNECTED});
    auto where = server_at(server.port());
    log_on_as(where, "u", "p");
    CHECK(s.connect(where, true) == S_OK);
    CHECK(answers(*s.transport) == results {S_FALSE, S_OK, S_FALSE, S_FALSE});
    results while_logging_on;
    s.client->on_status = [&](IXPSTATUS st) {
        if (st == IXP_AUTHORIZING)
            while_logging_on = answers(*s.transport);
    };
    s.until_ready();
    CHECK(while_logging_on == results {S_OK, S_OK, S_FALSE, S_FALSE});
    CHECK(answers(*s.transport) == results {S_OK, S_FALSE, S_OK, S_OK});
    CHECK(s.transport->CommandRSET() == S_OK);
    CHECK(answers(*s.transport) == results {S_OK, S_OK, S_FALSE, S_OK});
    s.until_done(SMTP_RSET);
    CHECK(s.transport->DropConnection() == S_OK);
    CHECK(answers(*s.transport) == results {S_FALSE, IXP_E_NOT_CONNECTED, IXP_E_NOT_CONNECTED, IXP_E_NOT_CONNECTED});
    server.check();
}

TEST_CASE("InetServerFromAccount")
{
    auto const account = legacy::com_ptr<legacy_account>::attach(new legacy_account);
    INETSERVER got     = {};
    CHECK(bare()->InetServerFromAccount(account.get(), &got) == IXP_E_NOT_INIT);
    legacy_session s;
    auto&          t = *s.transport;
    CHECK(t.InetServerFromAccount(nullptr, &got) == E_INVALIDARG);
    CHECK(t.InetServerFromAccount(account.get(), nullptr) == E_INVALIDARG);
    CHECK(t.InetServerFromAccount(account.get(), &got) == IXP_E_INVALID_ACCOUNT);

    account->texts[AP_SMTP_SERVER] = "mail.example";
    REQUIRE(t.InetServerFromAccount(account.get(), &got) == S_OK);
    CHECK(std::string(got.szServerName) == "mail.example");
    CHECK(got.dwPort == 25);
    CHECK(got.dwTimeout == 60);
    CHECK(got.fSSL == FALSE);
    CHECK(got.dwFlags == 0);
    CHECK(got.szUserName[0] == '\0');

    account->texts[AP_ACCOUNT_NAME]          = "Work";
    account->texts[AP_SMTP_USERNAME]         = "me";
    account->texts[AP_SMTP_PASSWORD]         = "secret";
    account->texts[AP_RAS_CONNECTOID]        = "modem";
    account->numbers[AP_SMTP_PORT]           = 587;
    account->numbers[AP_SMTP_SSL]            = 1;
    account->numbers[AP_SMTP_TIMEOUT]        = 90;
    account->numbers[AP_RAS_CONNECTION_TYPE] = 2;
    account->numbers[AP_SMTP_PROMPT_PASSWORD] = 1;
    account->numbers[AP_SMTP_USE_SICILY]     = SMTP_AUTH_USE_SMTP_SETTINGS;
    REQUIRE(t.InetServerFromAccount(account.get(), &got) == S_OK);
    CHECK(std::string(got.szAccount) == "Work");
    CHECK(std::string(got.szUserName) == "me");
    CHECK(std::string(got.szPassword) == "secret");
    CHECK(std::string(got.szConnectoid) == "modem");
    CHECK(got.rasconntype == RAS_CONNECT_RAS);
    CHECK(got.dwPort == 587);
    CHECK(got.fSSL == TRUE);
    CHECK(got.dwTimeout == 90);
    CHECK(got.fTrySicily == FALSE);
    CHECK(got.dwFlags == (ISF_ALWAYSPROMPTFORPASSWORD | ISF_QUERYAUTHSUPPORT));

    account->numbers[AP_SMTP_USE_SICILY] = SMTP_AUTH_SICILY;
    REQUIRE(t.InetServerFromAccount(account.get(), &got) == S_OK);
    CHECK(got.fTrySicily == TRUE);
    CHECK(got.szUserName[0] == '\0');

    account->numbers.erase(AP_SMTP_PROMPT_PASSWORD);
    account->numbers[AP_SMTP_USE_SICILY] = SMTP_AUTH_USE_POP3ORIMAP_SETTINGS;
    REQUIRE(t.InetServerFromAccount(account.get(), &got) == S_OK);
    CHECK(got.szUserName[0] == '\0');
    CHECK(got.dwFlags == (ISF_ALWAYSPROMPTFORPASSWORD | ISF_QUERYAUTHSUPPORT)); // the user is asked

    account->numbers[AP_SMTP_USE_SICILY] = SMTP_AUTH_NONE;
    REQUIRE(t.InetServerFromAccount(account.get(), &got) == S_OK);
    CHECK(got.dwFlags == 0);

    account->texts[AP_SMTP_SERVER] = std::string(300, 'x'); // does not fit
    CHECK(t.InetServerFromAccount(account.get(), &got) == IXP_E_INVALID_ACCOUNT);
}

TEST_CASE("Connect: what is wrong with the arguments, and before InitNew")
{
    auto good = server_at(25);
    CHECK(bare()->Connect(&good, FALSE, FALSE) == IXP_E_NOT_INIT);
    legacy_session s;
    auto const     with = [&](std::function<void(INETSERVER&)> const& change) {
        auto where = good;
        change(where);
        return s.transport->Connect(&where, TRUE, FALSE);
    };
    CHECK(s.transport->Connect(nullptr, FALSE, FALSE) == E_INVALIDARG);
    CHECK(with([](INETSERVER& w) { w.szServerName[0] = '\0'; }) == E_INVALIDARG);
    CHECK(with([](INETSERVER& w) { std::strcpy(w.szServerName, "a\r\nRSET"); }) == E_INVALIDARG);
    CHECK(with([](INETSERVER& w) { std::memset(w.szServerName, 'a', sizeof w.szServerName); }) == E_INVALIDARG);
    CHECK(with([](INETSERVER& w) { std::memset(w.szUserName, 'a', sizeof w.szUserName); }) == E_INVALIDARG);
    CHECK(with([](INETSERVER& w) { std::memset(w.szPassword, 'a', sizeof w.szPassword); }) == E_INVALIDARG);
    CHECK(with([](INETSERVER& w) { std::memset(w.szAccount, 'a', sizeof w.szAccount); }) == E_INVALIDARG);
    CHECK(with([](INETSERVER& w) { w.dwPort = 0; }) == E_INVALIDARG);
    CHECK(with([](INETSERVER& w) { w.dwPort = 65536; }) == E_INVALIDARG);
    CHECK(s.client->trace.empty());
}

TEST_CASE("Connect: IXP_E_ALREADY_CONNECTED, and so InitNew, as long as the status is not IXP_DISCONNECTED")
{
    connected_session c(script().quit());
    auto              where = server_at(c.server.port());
    CHECK(c.two->Connect(&where, FALSE, FALSE) == IXP_E_ALREADY_CONNECTED); // 6.19: also while idle
    CHECK(c.two->InitNew(nullptr, c.s.client.get()) == IXP_E_ALREADY_CONNECTED); // 6.29
    CHECK(c.two->Disconnect() == S_OK);
    CHECK(c.two->Connect(&where, FALSE, FALSE) == IXP_E_ALREADY_CONNECTED);
    c.s.until_disconnected();
    CHECK(c.two->InitNew(nullptr, c.s.client.get()) == S_OK);
    c.server.check();

    legacy_session early;
    CHECK(early.transport->Connect(&where, FALSE, FALSE) == S_OK);
    CHECK(early.transport->Connect(&where, FALSE, FALSE) == IXP_E_ALREADY_CONNECTED); // before anything was pumped
}

TEST_CASE("Connect: IXP_E_LOAD_SICILY_FAILED for credentials that NTLM cannot use")
{
    legacy_session s;
    auto           where = server_at(25);
    log_on_as(where, "\xff\xfe", "secret"); // no UTF-8
    where.fTrySicily = TRUE;
    CHECK(s.transport->Connect(&where, TRUE, FALSE) == IXP_E_LOAD_SICILY_FAILED);
}

TEST_CASE("Connect: IXP_E_SOCKET_CONNECT_ERROR for an address that the system has no way to")
{
    legacy_session s;
    auto           where = server_at(25);
    std::strcpy(where.szServerName, "255.255.255.255"); // everybody
    CHECK(s.transport->Connect(&where, FALSE, FALSE) == IXP_E_SOCKET_CONNECT_ERROR);
}

TEST_CASE("Connect: IXP_E_SOCKET_INIT_ERROR without descriptors, E_FAIL if TLS cannot be set up")
{
    legacy_session s;
    auto           where = server_at(25);
    {
        few_descriptors const none;
        CHECK(s.transport->Connect(&where, FALSE, FALSE) == IXP_E_SOCKET_INIT_ERROR);
    }
    legacy::transport_settings broken;
    broken.tls.ca_file = "/nonexistent/authorities.pem";
    auto const t       = legacy::create_smtp_transport(broken);
    CHECK(t->InitNew(nullptr, s.client.get()) == S_OK);
    where.fSSL = TRUE;
    CHECK(t->Connect(&where, FALSE, FALSE) == E_FAIL);
    t->HandsOffCallback();
}

TEST_CASE("HandsOffCallback: S_OK once")
{
    CHECK(bare()->HandsOffCallback() == S_FALSE);
    legacy_session s;
    CHECK(s.transport->HandsOffCallback() == S_OK);
    CHECK(s.transport->HandsOffCallback() == S_FALSE);
    auto where = server_at(25);
    CHECK(s.transport->Connect(&where, FALSE, FALSE) == IXP_E_NOT_INIT); // nobody would hear of it
}

TEST_CASE("Disconnect and DropConnection")
{
    CHECK(bare()->Disconnect() == IXP_E_NOT_INIT);
    CHECK(bare()->DropConnection() == IXP_E_NOT_INIT);
    legacy_session fresh;
    CHECK(fresh.transport->Disconnect() == IXP_E_NOT_CONNECTED); // 6.31
    CHECK(fresh.transport->DropConnection() == IXP_E_NOT_CONNECTED); // 6.18
    {
        connected_session c(script().quit());
        CHECK(c.two->Disconnect() == S_OK);
        CHECK(c.two->Disconnect() == S_OK);
        c.s.until_disconnected();
        CHECK(c.two->Disconnect() == IXP_E_NOT_CONNECTED);
        c.server.check();
    }
    connected_session c(script().expect_close());
    CHECK(c.two->DropConnection() == S_OK);
    CHECK(c.two->DropConnection() == IXP_E_NOT_CONNECTED);
    c.server.check();
}

TEST_CASE("InitNew")
{
    CHECK(bare()->InitNew(nullptr, nullptr) == E_INVALIDARG);
    legacy_session s;
    auto const     other = legacy::com_ptr<legacy_client>::attach(new legacy_client);
    CHECK(s.transport->InitNew(nullptr, other.get()) == S_OK);
    CHECK(s.client->AddRef() == 2); // the one before was given back
    s.client->Release();
    CHECK(s.transport->InitNew(text("/nonexistent/folder/smtp.log"), s.client.get()) == S_OK); // without a log
}

TEST_CASE("E_INVALIDARG for what is NULL or cannot be a part of a command")
{
    connected_session c(script().quit());
    auto&             t = *c.two;
    CHECK(t.SendMessage(nullptr) == E_INVALIDARG);
    CHECK(t.SendMessage2(nullptr) == E_INVALIDARG);
    SMTPMESSAGE  empty  = {};
    SMTPMESSAGE2 empty2 = {};
    CHECK(t.SendMessage(&empty) == E_INVALIDARG);
    CHECK(t.SendMessage2(&empty2) == E_INVALIDARG);
    CHECK(t.CommandMAIL(nullptr) == E_INVALIDARG);
    CHECK(t.CommandRCPT(nullptr) == E_INVALIDARG);
    CHECK(t.CommandRCPT2(nullptr, ADDR_TO) == E_INVALIDARG);
    CHECK(t.CommandAUTH(nullptr) == E_INVALIDARG);
    CHECK(t.SendDataStream(nullptr, 0) == E_INVALIDARG);

    std::string const longest(3000, 'a');
    for (char const* const bad : {"", " ", "a@x.test\r\nDATA", "<a@x.test>\r\nDATA", "<a@x.test", "a b", "<a@x.test>SIZE=1",
                                  "<a@x.test> SIZE=1\r\nRSET", "<a@x.test> =", "a@x.test> SIZE=1", longest.c_str(), "\xff@x.test"})
    {
        CAPTURE(bad);
        CHECK(t.CommandMAIL(text(bad)) == E_INVALIDARG);
        CHECK(t.CommandRCPT(text(bad)) == E_INVALIDARG);
        CHECK(t.CommandRCPT2(text(bad), ADDR_DSN_NEVER) == E_INVALIDARG);
    }
    CHECK(t.CommandRCPT(text("<>")) == E_INVALIDARG);
    for (char const* const bad : {"", "PL AIN", "PLAIN\r\nRSET", "PLAIN not-base64!", "PLAIN AAAA\r\n", longest.c_str()})
    {
        CAPTURE(bad);
        CHECK(t.CommandAUTH(text(bad)) == E_INVALIDARG);
    }

    legacy_message m("a@x.test", {"b@x.test"}, "x");
    SMTPMESSAGE2   two = {};
    two.smtpMsg        = m.message;
    two.dsnRet         = static_cast<DSNRET>(7);
    CHECK(t.SendMessage2(&two) == E_INVALIDARG);
    two.dsnRet      = DSNRET_DEFAULT;
    two.pszDSNENVID = text("a\r\nRSET");
    CHECK(t.SendMessage2(&two) == E_INVALIDARG);
    CHECK(t.Disconnect() == S_OK);
    c.s.until_disconnected();
    c.server.check(); // nothing of all that was sent
}

TEST_CASE("IXP_E_INVALID_ADDRESS_LIST")
{
    connected_session c(script().quit());
    auto const        both = [&](SMTPMESSAGE& m) {
        SMTPMESSAGE2 two = {};
        two.smtpMsg      = m;
        CHECK(c.two->SendMessage2(&two) == IXP_E_INVALID_ADDRESS_LIST);
        CHECK(c.two->SendMessage(&m) == IXP_E_INVALID_ADDRESS_LIST);
    };
    legacy_message none("a@x.test", {"b@x.test"}, "x");
    none.message.rAddressList.cAddress = 0;
    both(none.message);
    legacy_message null("a@x.test", {"b@x.test"}, "x");
    null.message.rAddressList.prgAddress = nullptr;
    both(null.message);
    for (char const* const bad : {"", "b@x.test\r\nDATA", "b@x.test\n", "b@x@y", "<b@x.test", "b@x.test> SIZE=1", "b\x01@x.test", "\xe4@x.test"})
        for (int const type : {ADDR_TO, ADDR_FROM})
        {
            CAPTURE(bad);
            legacy_message m("a@x.test", {"b@x.test"}, "x");
            m.add(bad, type);
            both(m.message);
        }
    legacy_message endless("a@x.test", {"b@x.test"}, "x");
    std::memset(endless.addresses[1].szEmail, 'b', sizeof endless.addresses[1].szEmail);
    both(endless.message);
    CHECK(c.two->Disconnect() == S_OK);
    c.s.until_disconnected();
    c.server.check();
}

TEST_CASE("IXP_E_NOT_INIT and IXP_E_NOT_CONNECTED")
{
    auto const     raw = bare();
    legacy_session s;
    auto const     fresh = s.transport.as<ISMTPTransport2>();
    for (auto const& m : all_methods())
    {
        CAPTURE(m.name);
        CHECK(m.call(*raw) == IXP_E_NOT_INIT); // 6.30
        CHECK(m.call(*fresh) == IXP_E_NOT_CONNECTED);
    }
    connected_session c(script().close());
    c.s.until_disconnected();
    for (auto const& m : all_methods())
        CHECK(m.call(*c.two) == IXP_E_NOT_CONNECTED);
}

TEST_CASE("6.30: arguments are checked first, then InitNew, then the connection, then whether it is busy")
{
    legacy_message bad("a@x.test", {"b@x.test\r\nDATA"}, "x");
    SMTPMESSAGE2   bad2 = {};
    bad2.smtpMsg        = bad.message;
    auto const arguments = [&](ISMTPTransport2& t) {
        INETSERVER nowhere = {};
        CHECK(t.GetServerInfo(nullptr) == E_INVALIDARG);
        CHECK(t.IsState(static_cast<IXPISSTATE>(4)) == E_INVALIDARG);
        CHECK(t.InetServerFromAccount(nullptr, &nowhere) == E_INVALIDARG);
        CHECK(t.Connect(nullptr, FALSE, FALSE) == E_INVALIDARG);
        CHECK(t.Connect(&nowhere, FALSE, FALSE) == E_INVALIDARG);
        CHECK(t.InitNew(nullptr, nullptr) == E_INVALIDARG);
        CHECK(t.SendMessage(nullptr) == E_INVALIDARG);
        CHECK(t.SendMessage2(nullptr) == E_INVALIDARG);
        CHECK(t.SendMessage(&bad.message) == IXP_E_INVALID_ADDRESS_LIST);
        CHECK(t.SendMessage2(&bad2) == IXP_E_INVALID_ADDRESS_LIST);
        CHECK(t.CommandMAIL(nullptr) == E_INVALIDARG);
        CHECK(t.CommandRCPT(nullptr) == E_INVALIDARG);
        CHECK(t.CommandRCPT2(nullptr, ADDR_TO) == E_INVALIDARG);
        CHECK(t.CommandAUTH(nullptr) == E_INVALIDARG);
        CHECK(t.SendDataStream(nullptr, 0) == E_INVALIDARG);
    };
    arguments(*bare());
    legacy_session fresh;
    arguments(*fresh.transport.as<ISMTPTransport2>());
    connected_session c(script().expect("RSET").reply("250 ok").expect_close());
    arguments(*c.two);
    CHECK(c.two->CommandRSET() == S_OK);
    arguments(*c.two); // while it is busy
    for (auto const& m : content_commands())
        CHECK(m.call(*c.two) == IXP_E_BUSY); // which comes before the state that rules them out
    c.s.until_done(SMTP_RSET);
    CHECK(c.two->DropConnection() == S_OK);
    c.server.check();
}

TEST_CASE("IXP_E_BUSY while a command runs, while the transport still connects, and after Disconnect")
{
    connected_session c(script().expect("RSET").reply("250 ok").quit());
    CHECK(c.two->CommandRSET() == S_OK);
    for (auto const& m : all_methods())
        CHECK(m.call(*c.two) == IXP_E_BUSY);
    c.s.until_done(SMTP_RSET);
    CHECK(c.two->Disconnect() == S_OK);
    for (auto const& m : all_methods())
        CHECK(m.call(*c.two) == IXP_E_BUSY);
    c.s.until_disconnected();
    c.server.check();

    // 6.24: fDone of the banner is TRUE, but the transport goes on by itself.
    script_thread  server(plain_opening().expect_close());
    legacy_session s;
    HRESULT        in_banner = S_OK;
    s.client->on_response    = [&](SMTPRESPONSE const& r) {
        if (r.command == SMTP_BANNER)
            in_banner = s.transport->CommandRSET();
    };
    named_client name;
    auto const   t     = legacy::create_smtp_transport(name.settings);
    s.transport->HandsOffCallback();
    s.transport        = t;
    s.client->expected = s.transport.get();
    REQUIRE(s.transport->InitNew(nullptr, s.client.get()) == S_OK);
    auto where = server_at(server.port());
    CHECK(s.connect(where) == S_OK);
    CHECK(s.transport->CommandRSET() == IXP_E_BUSY);
    s.until_ready();
    CHECK(in_banner == IXP_E_BUSY);
    CHECK(s.transport->DropConnection() == S_OK);
    server.check();
}

TEST_CASE("IXP_E_INVALID_STATE: after DATA only the content can follow, and without DATA it cannot")
{
    connected_session c(script().expect("DATA").reply("354 go").expect_data("text\r\n").reply("250 ok").quit());
    for (auto const& m : content_commands())
        CHECK(m.call(*c.two) == IXP_E_INVALID_STATE);
    CHECK(c.two->CommandDATA() == S_OK);
    c.s.until_done(SMTP_DATA);
    for (auto const& m : commands())
        CHECK(m.call(*c.two) == IXP_E_INVALID_STATE);
    for (auto const& m : messages())
        CHECK(m.call(*c.two) == IXP_E_INVALID_STATE);
    CHECK(content_commands()[1].call(*c.two) == S_OK);
    c.s.until_done(SMTP_DOT);
    CHECK(c.two->Disconnect() == S_OK);
    c.s.until_disconnected();
    c.server.check();
}

TEST_CASE("IXP_E_SOCKET_WRITE_ERROR, and of SendMessage IXP_E_NOT_CONNECTED, if the connection turns out to be gone")
{
    connected_session c(script().close());
    c.server.check(); // it has closed, and nothing was pumped since
    for (auto const& m : commands())
        CHECK(m.call(*c.two) == IXP_E_SOCKET_WRITE_ERROR);
    for (auto const& m : messages())
        CHECK(m.call(*c.two) == IXP_E_NOT_CONNECTED);
    CHECK(c.two->CommandRCPT2(text("a@x.test"), ADDR_DSN_DELAY) == IXP_E_SOCKET_WRITE_ERROR);
    CHECK(c.two->ResetWindow() == NOERROR);
    CHECK(c.two->SetWindow() == IXP_E_CONN);
    c.s.until_disconnected();
    CHECK(c.s.client->failed);

    connected_session d(script().expect("DATA").reply("354 go").close());
    CHECK(d.two->CommandDATA() == S_OK);
    d.s.until_done(SMTP_DATA);
    d.server.check();
    for (auto const& m : content_commands())
        CHECK(m.call(*d.two) == IXP_E_SOCKET_WRITE_ERROR);
    d.s.until_disconnected();
    for (auto const& m : content_commands())
        CHECK(m.call(*d.two) == IXP_E_NOT_CONNECTED);
}

TEST_CASE("IXP_S_SMTP_NO_DSN_SUPPORT: a failure, and nothing is sent")
{
    connected_session c(script().quit(), ehlo_opening("250 scripted.test"), ISF_QUERYDSNSUPPORT);
    CHECK(FAILED(IXP_S_SMTP_NO_DSN_SUPPORT)); // 6.3
    legacy_message plain("a@x.test", {"b@x.test"}, "x");
    legacy_message m("a@x.test", {}, "x");
    m.add("b@x.test", ADDR_TO | ADDR_DSN_DELAY);
    CHECK(c.two->SendMessage(&m.message) == IXP_S_SMTP_NO_DSN_SUPPORT);
    SMTPMESSAGE2 two = {};
    two.smtpMsg      = m.message;
    CHECK(c.two->SendMessage2(&two) == IXP_S_SMTP_NO_DSN_SUPPORT);
    two.smtpMsg = plain.message;
    two.dsnRet  = DSNRET_FULL;
    CHECK(c.two->SendMessage2(&two) == IXP_S_SMTP_NO_DSN_SUPPORT);
    two.dsnRet      = DSNRET_DEFAULT;
    two.pszDSNENVID = text("id");
    CHECK(c.two->SendMessage2(&two) == IXP_S_SMTP_NO_DSN_SUPPORT);
    CHECK(c.two->CommandRCPT2(text("b@x.test"), ADDR_DSN_NEVER) == IXP_S_SMTP_NO_DSN_SUPPORT);
    CHECK(c.two->Disconnect() == S_OK);
    c.s.until_disconnected();
    c.server.check();
}

TEST_CASE("SetWindow and ResetWindow")
{
    CHECK(bare()->SetWindow() == IXP_E_NOT_INIT);
    CHECK(bare()->ResetWindow() == IXP_E_NOT_INIT);
    legacy_session s;
    auto const     t = s.transport.as<ISMTPTransport2>();
    CHECK(t->ResetWindow() == NOERROR);
    CHECK(t->ResetWindow() == E_UNEXPECTED); // there is none any more
    CHECK(t->SetWindow() == NOERROR);
    CHECK(t->SetWindow() == NOERROR);

    asio::io_context io;
    auto const       other = legacy::create_smtp_transport(io);
    CHECK(other->InitNew(nullptr, s.client.get()) == S_OK);
    CHECK(other->SetWindow() == E_FAIL); // it has an executor in place of a window
    CHECK(other->ResetWindow() == E_UNEXPECTED);
    other->HandsOffCallback();
}

TEST_CASE("SetWindow: E_UNEXPECTED on another thread while a callback runs")
{
    connected_session c(script().expect("RSET").reply("250 ok").quit());
    HRESULT           set = S_OK, reset = S_OK;
    c.s.client->on_response = [&](SMTPRESPONSE const& r) {
        if (r.command == SMTP_RSET)
            std::thread([&] {
                set   = c.two->SetWindow();
                reset = c.two->ResetWindow();
            }).join();
    };
    CHECK(c.two->CommandRSET() == S_OK);
    c.s.until_done(SMTP_RSET);
    CHECK(set == E_UNEXPECTED);
    CHECK(reset == E_UNEXPECTED);
    CHECK(c.two->Disconnect() == S_OK);
    c.s.until_disconnected();
    c.server.check();
}

TEST_CASE("making one: S_OK, E_INVALIDARG, E_POINTER, CLASS_E_NOAGGREGATION, E_NOINTERFACE")
{
    CHECK(CreateSMTPTransport(nullptr) == E_INVALIDARG);
    REQUIRE(SUCCEEDED(CoInitialize(nullptr)));
    for (auto const& id : {CLSID_ISMTPTransport, CLSID_ISMTPTransport2}) // 6.39: the second one is Wine's
    {
        legacy::com_ptr<ISMTPTransport> t;
        CHECK(CoCreateInstance(id, nullptr, CLSCTX_INPROC_SERVER, IID_ISMTPTransport, t.put_void()) == S_OK);
        legacy::com_ptr<IUnknown> const identity = t.as<IUnknown>();
        CHECK(t.as<IInternetTransport>().as<IUnknown>() == identity);
        CHECK(t.as<ISMTPTransport2>().as<IUnknown>() == identity);
        CHECK(t.as<ISMTPTransport2>().as<ISMTPTransport>() == t.get());
        void* none = &none;
        CHECK(t->QueryInterface(IID_IHTTPMailTransport, &none) == E_NOINTERFACE);
        CHECK(none == nullptr);
        CHECK(t->QueryInterface(IID_IUnknown, nullptr) == E_POINTER);
        CHECK(CoCreateInstance(id, identity.get(), CLSCTX_INPROC_SERVER, IID_ISMTPTransport, &none) == CLASS_E_NOAGGREGATION);
        CHECK(CoCreateInstance(id, nullptr, CLSCTX_INPROC_SERVER, IID_IStream, &none) == E_NOINTERFACE);
        CHECK(none == nullptr);
    }
    CHECK(CoCreateInstance(CLSID_ISMTPTransport, nullptr, CLSCTX_INPROC_SERVER, IID_ISMTPTransport, nullptr) == E_POINTER);
    void* none = nullptr;
    CHECK(CoCreateInstance(CLSID_ImnAccountManager, nullptr, CLSCTX_INPROC_SERVER, IID_IUnknown, &none) == REGDB_E_CLASSNOTREG); // only its name is known
    CoUninitialize();
}

#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS)

TEST_CASE("E_OUTOFMEMORY: a method that has too little memory does nothing, and works when it has enough")
{
    legacy::com_ptr<ISMTPTransport> made;
    legacy::transport_settings      large; // to copy them takes memory, too
    large.tls.ca_pem = std::string(1000, 'x');
    legacy::set_default_transport_settings(large);
    CHECK(with_too_little_memory([&] { return CreateSMTPTransport(made.put()); }) == S_OK);
    REQUIRE(SUCCEEDED(CoInitialize(nullptr)));
    auto const create = [&] { return CoCreateInstance(CLSID_ISMTPTransport, nullptr, CLSCTX_INPROC_SERVER, IID_ISMTPTransport, made.put_void()); };
    CHECK(with_too_little_memory(create) == S_OK);
    CoUninitialize();
    legacy::set_default_transport_settings({});

    named_client   name;
    script_thread  server(ehlo_opening("250 scripted.test")
                             .expect_prefix("MAIL FROM:")
                             .reply("250 ok")
                             .expect("RCPT TO:<a@x.test>")
                             .reply("250 ok")
                             .expect("RCPT TO:<a@x.test>")
                             .reply("250 ok")
                             .expect("EHLO client.test")
                             .reply("250 ok")
                             .expect("HELO client.test")
                             .reply("250 ok")
                             .expect_prefix("AUTH PLAIN")
                             .reply("235 ok")
                             .expect("RSET")
                             .reply("250 ok")
                             .expect("DATA")
                             .reply("354 go")
                             .expect_data("text\r\n")
                             .reply("250 ok")
                             .repeat(2, script()
                                            .expect("MAIL FROM:<a@x.test>")
                                            .reply("250 ok")
                                            .expect("RCPT TO:<b@x.test>")
                                            .reply("250 ok")
                                            .expect("DATA")
                                            .reply("354 go")
                                            .expect_data("Subject: s\r\n\r\n")
                                            .reply("250 ok"))
                             .quit());
    legacy_session s;
    auto const     t = s.transport.as<ISMTPTransport2>();
    s.client->trace.reserve(1000);
    CHECK(with_too_little_memory([&] { return t->InitNew(text("/dev/null"), s.client.get()); }) == S_OK);
    auto where    = server_at(server.port());
    where.dwFlags = ISF_QUERYDSNSUPPORT;
    log_on_as(where, "u", "p");
    std::strcpy(where.szAccount, "none");
    CHECK(with_too_little_memory([&] { return t->Connect(&where, FALSE, FALSE); }) == S_OK);
    s.until_ready();
    auto const does = [&](method const& m, SMTPCOMMAND answer) {
        CAPTURE(m.name);
        bool const frugal = answer == SMTP_EHLO || answer == SMTP_HELO || answer == SMTP_RSET || answer == SMTP_DATA;
        CHECK(with_too_little_memory([&] { return m.call(*t); }, frugal) == S_OK);
        s.until_done(answer);
    };
    auto const all = commands();
    does(all[0], SMTP_MAIL);
    does(all[1], SMTP_RCPT);
    does(all[2], SMTP_RCPT);
    does(all[3], SMTP_EHLO);
    does(all[4], SMTP_HELO);
    does(all[5], SMTP_AUTH);
    does(all[7], SMTP_RSET);
    does(all[8], SMTP_DATA);
    auto const stream = stream_of("text\r\n");
    does({"SendDataStream", [&](ISMTPTransport2& x) { return x.SendDataStream(stream.get(), 0); }}, SMTP_DOT);
    for (bool const two : {false, true})
    {
        legacy_message m("a@x.test", {"b@x.test"}, "Subject: s\r\n\r\n");
        SMTPMESSAGE2   m2 = {};
        m2.smtpMsg        = m.message;
        does({"SendMessage", [&](ISMTPTransport2& x) { return two ? x.SendMessage2(&m2) : x.SendMessage(&m.message); }}, SMTP_SEND_MESSAGE);
    }
    CHECK(with_too_little_memory([&] { return t->Disconnect(); }) == S_OK);
    s.until_disconnected();
    server.check();
}

#endif

TEST_SUITE_END();
