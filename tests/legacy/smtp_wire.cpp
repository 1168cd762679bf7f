//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the SMTP transport writes is what a session of this library writes, octet by octet; and nothing gets in between.

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/smtp/address.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/parameters.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/source/memory.hpp>
#include <posthorn/testing/script.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"
#include "support/legacy_scripts.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

TEST_SUITE_BEGIN("legacy/smtp_wire");

namespace {

using namespace support;
using posthorn::task;
using posthorn::testing::script;

script taking_one(std::string_view content)
{
    return ehlo_opening("250 scripted.test")
        .expect("MAIL FROM:<from@x.test>")
        .reply("250 ok")
        .expect("RCPT TO:<r1@x.test>")
        .reply("250 ok")
        .expect("RCPT TO:<r2@x.test>")
        .reply("250 ok")
        .expect("DATA")
        .reply("354 go")
        .expect_data(std::string(content))
        .reply("250 ok")
        .quit();
}

std::string by_transport(std::string const& text, std::string const& arrives)
{
    named_client const name;
    script_thread      server(taking_one(arrives));
    legacy_session     s;
    auto               where = server_at(server.port());
    where.dwFlags            = ISF_QUERYDSNSUPPORT;
    s.connect(where);
    s.until_ready();
    legacy_message m("from@x.test", {"r1@x.test", "r2@x.test"}, text);
    CHECK(s.transport->SendMessage(&m.message) == S_OK);
    s.until_done(SMTP_SEND_MESSAGE);
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();
    return server.received();
}

task<void> send_one(std::uint16_t port, std::string text)
{
    namespace net  = posthorn::net;
    namespace smtp = posthorn::smtp;
    auto                   socket = co_await net::connect(net::host_port("127.0.0.1", port));
    smtp::session_settings settings;
    settings.ehlo_name = "client.test";
    smtp::session s(net::stream(std::move(socket)), settings);
    co_await s.greet();
    co_await s.hello();
    smtp::message const m("from@x.test", {"r1@x.test", "r2@x.test"}, std::move(text));
    auto const          report = co_await s.send(m);
    CHECK(report.accepted() == 2);
    co_await s.quit();
}

/// The same by single commands.
std::string by_commands(std::string const& text, std::string const& arrives)
{
    named_client const name;
    script_thread      server(taking_one(arrives));
    legacy_session     s;
    auto               where = server_at(server.port());
    where.dwFlags            = ISF_QUERYDSNSUPPORT;
    s.connect(where);
    s.until_ready();
    auto const does = [&](HRESULT result, SMTPCOMMAND answer) {
        REQUIRE(result == S_OK);
        s.until_done(answer);
    };
    char       from[] = "from@x.test", first[] = "r1@x.test", second[] = "r2@x.test";
    auto const stream = stream_of(text);
    does(s.transport->CommandMAIL(from), SMTP_MAIL);
    does(s.transport->CommandRCPT(first), SMTP_RCPT);
    does(s.transport->CommandRCPT(second), SMTP_RCPT);
    does(s.transport->CommandDATA(), SMTP_DATA);
    does(s.transport->SendDataStream(stream.get(), 0), SMTP_DOT);
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();
    return server.received();
}

script taking_dsn(std::string const& ret)
{
    return ehlo_opening("250-scripted.test\r\n250 DSN")
        .expect("MAIL FROM:<from@x.test>" + ret)
        .reply("250 ok")
        .expect("RCPT TO:<r1@x.test> NOTIFY=SUCCESS,DELAY")
        .reply("250 ok")
        .expect("RCPT TO:<r2@x.test> NOTIFY=NEVER")
        .reply("250 ok")
        .expect("DATA")
        .reply("354 go")
        .expect_data("text\r\n")
        .reply("250 ok")
        .quit();
}

/// @param full With RET=FULL and an ENVID, by SendMessage2; else by SendMessage.
std::string dsn_by_transport(bool full, std::string const& ret)
{
    named_client const name;
    script_thread      server(taking_dsn(ret));
    legacy_session     s;
    auto               where = server_at(server.port());
    where.dwFlags            = ISF_QUERYDSNSUPPORT;
    s.connect(where);
    s.until_ready();
    legacy_message m("from@x.test", {}, "text\r\n");
    m.add("r1@x.test", ADDR_TO | ADDR_DSN_SUCCESS | ADDR_DSN_DELAY);
    m.add("r2@x.test", ADDR_TO | ADDR_DSN_NEVER);
    char         id[] = "a+b";
    SMTPMESSAGE2 two  = {};
    two.smtpMsg       = m.message;
    two.pszDSNENVID   = id;
    two.dsnRet        = DSNRET_FULL;
    CHECK((full ? s.transport.as<ISMTPTransport2>()->SendMessage2(&two) : s.transport->SendMessage(&m.message)) == S_OK);
    s.until_done(SMTP_SEND_MESSAGE);
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();
    return server.received();
}

task<void> send_dsn(std::uint16_t port, bool full)
{
    namespace net  = posthorn::net;
    namespace smtp = posthorn::smtp;
    auto                   socket = co_await net::connect(net::host_port("127.0.0.1", port));
    smtp::session_settings settings;
    settings.ehlo_name = "client.test";
    smtp::session s(net::stream(std::move(socket)), settings);
    co_await s.greet();
    co_await s.hello();
    smtp::reverse_path    from(smtp::address("from@x.test"));
    smtp::mail_parameters parameters;
    if (full)
    {
        parameters.ret   = smtp::return_content::full;
        parameters.envid = "a+b";
    }
    co_await s.mail(std::move(from), std::move(parameters));
    smtp::rcpt_parameters first, second;
    first.notify_on  = smtp::notify::success | smtp::notify::delay;
    second.notify_on = smtp::notify::never;
    smtp::address r1("r1@x.test"), r2("r2@x.test");
    co_await s.rcpt(std::move(r1), std::move(first));
    co_await s.rcpt(std::move(r2), std::move(second));
    co_await s.open_data();
    posthorn::string_source text {std::string("text\r\n")};
    smtp::send_options const options;
    co_await s.finish_data(text, options, true);
    co_await s.quit();
}

std::string dsn_by_session(bool full, std::string const& ret)
{
    script_thread server(taking_dsn(ret));
    posthorn::sync_wait(send_dsn(server.port(), full));
    server.check();
    return server.received();
}

std::string by_session(std::string const& text, std::string const& arrives)
{
    script_thread server(taking_one(arrives));
    posthorn::sync_wait(send_one(server.port(), text));
    server.check();
    return server.received();
}

} // namespace

TEST_CASE("a message looks the same on the wire, whatever its lines are like")
{
    struct sample
    {
        char const* text;
        char const* arrives; ///< Without stuffing.
    };
    static constexpr sample samples[] = {{"Subject: s\r\n\r\nbody\r\n", "Subject: s\r\n\r\nbody\r\n"},
                                         {"no end", "no end\r\n"},
                                         {".\r\n..\r\n.x\r\n.", ".\r\n..\r\n.x\r\n.\r\n"},
                                         {"a\nb\rc\r\nd\n.\ne", "a\r\nb\r\nc\r\nd\r\n.\r\ne\r\n"},
                                         {"x\r\n.\nQUIT\r\n", "x\r\n.\r\nQUIT\r\n"},
                                         {"", ""}};
    for (auto const& one : samples)
    {
        CAPTURE(one.text);
        auto const wanted = by_session(one.text, one.arrives);
        CHECK(by_transport(one.text, one.arrives) == wanted);
        CHECK(by_commands(one.text, one.arrives) == wanted);
    }
}

TEST_CASE("5.7: wishes about DSN look the same on the wire: those of recipients by SendMessage, RET=FULL and ENVID by SendMessage2")
{
    for (bool const full : {false, true})
    {
        std::string const ret = full ? " RET=FULL ENVID=a+2Bb" : "";
        CHECK(dsn_by_transport(full, ret) == dsn_by_session(full, ret));
    }
}

TEST_CASE("octets above 127 and long lines go as they are")
{
    named_client const name;
    std::string const  text = "\xe4\xf6\xfc " + std::string(2000, 'a') + "\r\n";
    script_thread      server(plain_opening().expect("MAIL FROM:<a@x.test>").reply("250 ok").expect("RCPT TO:<b@x.test>").reply("250 ok")
                                  .expect("DATA").reply("354 go").expect_data(text).reply("250 ok").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    s.connect(where);
    s.until_ready();
    legacy_message m("a@x.test", {"b@x.test"}, text);
    CHECK(s.transport->SendMessage(&m.message) == S_OK);
    s.until_done(SMTP_SEND_MESSAGE);
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();
}

TEST_CASE("no text of the client becomes a command of its own")
{
    named_client const name;
    script_thread      server(ehlo_opening("250-x\r\n250 DSN").quit());
    legacy_session     s;
    auto               where = server_at(server.port());
    where.dwFlags            = ISF_QUERYDSNSUPPORT;
    s.connect(where);
    s.until_ready();
    auto const two = s.transport.as<ISMTPTransport2>();
    for (char const* const evil : {"a@x.test\r\nRCPT TO:<evil@x.test>", "a@x.test\nDATA", "a@x.test\rDATA", "<a@x.test> X=1\r\nDATA",
                                   "<a@x.test>\r\n", "a@x.test\r\n.\r\n", "a\r\n@x.test", "\"a\r\nb\"@x.test", "a@[127.0.0.1\r\n]"})
    {
        CAPTURE(evil);
        auto* const p = const_cast<char*>(evil);
        CHECK(FAILED(two->CommandMAIL(p)));
        CHECK(FAILED(two->CommandRCPT(p)));
        CHECK(FAILED(two->CommandRCPT2(p, ADDR_DSN_SUCCESS)));
        CHECK(FAILED(two->CommandAUTH(p)));
        for (int const type : {ADDR_FROM, ADDR_TO})
        {
            legacy_message m("a@x.test", {"b@x.test"}, "text");
            m.add(evil, type);
            CHECK(FAILED(two->SendMessage(&m.message)));
            SMTPMESSAGE2 m2 = {};
            m2.smtpMsg      = m.message;
            CHECK(FAILED(two->SendMessage2(&m2)));
        }
        legacy_message good("a@x.test", {"b@x.test"}, "text");
        SMTPMESSAGE2   m2 = {};
        m2.smtpMsg        = good.message;
        m2.pszDSNENVID    = p;
        CHECK(FAILED(two->SendMessage2(&m2)));
    }
    CHECK(two->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();
}

TEST_CASE("names and passwords cross the wire inside of base64 only, whatever they hold")
{
    named_client const name;
    script_thread      server(ehlo_opening("250-x\r\n250 AUTH PLAIN").expect("AUTH PLAIN AHUNClJTRVQAcA0KREFUQQ==").reply("235 ok").quit());
    legacy_session     s;
    auto               where = server_at(server.port());
    log_on_as(where, "u\r\nRSET", "p\r\nDATA");
    s.connect(where, true);
    s.until_ready();
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();
}

TEST_SUITE_END();
