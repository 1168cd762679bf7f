//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a client of the SMTP transport sees, call by call: each trace is compared with the text kept for it in traces/.

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/legacy/transport_settings.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/script.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

TEST_SUITE_BEGIN("legacy/smtp_sequences");

namespace {

using namespace support;
using posthorn::testing::script;

/// EHLO and HELO name the client like this, whatever the machine is called.
struct named_client
{
    named_client()
    {
        posthorn::legacy::transport_settings s;
        s.hello_name = "client.test";
        posthorn::legacy::set_default_transport_settings(s);
    }
    ~named_client() { posthorn::legacy::set_default_transport_settings({}); }
};

/// Banner, and HELO as a client without wishes says it.
script plain_opening()
{
    return script().reply("220 scripted.test Service ready").expect("HELO client.test").reply("250 scripted.test");
}

script ehlo_opening(std::string reply)
{
    return script().reply("220 scripted.test ESMTP").expect("EHLO client.test").reply(std::move(reply));
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
    for (DWORD const flag : {ISF_QUERYAUTHSUPPORT, ISF_QUERYDSNSUPPORT})
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

TEST_SUITE_END();
