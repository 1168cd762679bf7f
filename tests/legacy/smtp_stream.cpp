//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The client's stream: who holds it for how long, and what a client may do while it is read: the one place where its code
// runs in the middle of the engine's.

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"
#include "support/legacy_scripts.hpp"
#include "support/own_stream.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>

TEST_SUITE_BEGIN("legacy/smtp_stream");

namespace {

using namespace support;
using posthorn::testing::script;
using sink_thread = posthorn::testing::server_thread<posthorn::testing::smtp_sink>;

std::string const mail = "Subject: s\r\n\r\ntext\r\n";

/// A transport that is ready to send what a stream of the client holds.
struct sending : named_client
{
    explicit sending(std::uint16_t port, std::string text = mail) : stream(own_stream::of(std::move(text))), message("from@x.test", {"to@x.test"}, "")
    {
        auto where = server_at(port);
        REQUIRE(s.transport->Connect(&where, iitDONT_AUTHENTICATE, iitENABLE_ONCOMMAND) == S_OK);
        s.until_ready();
        message.message.pstmMsg = stream.get();
        message.message.cbSize  = 0;
    }

    HRESULT send() { return s.transport->SendMessage(&message.message); }

    legacy_session              s;
    legacy::com_ptr<own_stream> stream;
    legacy_message              message;
};

/// Sends a message, and at one of its callbacks does something. @return Whether there was such a callback.
bool meddle(sink_thread& sink, std::size_t when, std::function<void(sending&)> const& what)
{
    sending     one(sink->port());
    std::size_t calls = 0;
    bool        done  = false;
    bool        over  = false;
    auto const  step  = [&] {
        if (calls++ == when)
        {
            done = true;
            what(one);
        }
    };
    REQUIRE(one.send() == S_OK);
    CHECK(one.stream->count() == 2);
    one.s.client->on_command  = [&](CMDTYPE, char const*) { step(); };
    one.s.client->on_response = [&](SMTPRESPONSE const& r) {
        over = r.command == SMTP_SEND_MESSAGE;
        if (!over)
            step();
    };
    one.s.until([&] { return done || over; });
    CHECK(one.stream->count() == 1); // at once, and not when the engine gets round to it
    CHECK_FALSE(one.stream->was_elsewhere());
    one.s.client->on_command  = nullptr;
    one.s.client->on_response = nullptr;
    return done;
}

/// Sends a message whose stream does something when it is read for the first time.
template <class F>
void read_and(sending& one, F what)
{
    one.stream->on_read = [&one, what] {
        one.stream->on_read = nullptr;
        return what(one);
    };
    REQUIRE(one.send() == S_OK);
}

script taking(std::string const& content)
{
    return plain_opening().expect("MAIL FROM:<from@x.test>").reply("250 ok").expect("RCPT TO:<to@x.test>").reply("250 ok").expect("DATA").reply("354 go")
        .expect_data(content).reply("250 ok");
}

/// The same, but the content does not come to an end.
script cut_short()
{
    return plain_opening().expect("MAIL FROM:<from@x.test>").reply("250 ok").expect("RCPT TO:<to@x.test>").reply("250 ok").expect("DATA").reply("354 go")
        .expect_close();
}

/// The same, after some of it.
script interrupted()
{
    return plain_opening().expect("MAIL FROM:<from@x.test>").reply("250 ok").expect("RCPT TO:<to@x.test>").reply("250 ok").expect("DATA").reply("354 go")
        .read_some().stall();
}

/// More than is read at once.
std::string long_mail()
{
    std::string text = "Subject: long\r\n\r\n";
    while (text.size() < 100000)
        text += "A line of a message that goes on and on, as some do.\r\n";
    return text;
}

} // namespace

TEST_CASE("the last Release inside of each callback of a message gives the stream back, on the client's thread")
{
    sink_thread sink(posthorn::testing::smtp_sink_settings {});
    std::size_t n = 0;
    while (meddle(sink, n, [](sending& one) { CHECK(one.s.transport.detach()->Release() > 0); }))
        ++n;
    CHECK(n > 8);
    sink.call(sink->until_idle(1));
}

TEST_CASE("DropConnection inside of each callback of a message gives the stream back before it returns")
{
    sink_thread sink(posthorn::testing::smtp_sink_settings {});
    std::size_t n     = 0;
    auto const  drops = [](sending& one) {
        CHECK(one.s.transport->DropConnection() == S_OK);
        CHECK(one.stream->count() == 1);
    };
    while (meddle(sink, n, drops))
        ++n;
    CHECK(n > 8);
    sink.call(sink->until_idle(1));
}

TEST_CASE("a message that was not begun: its stream is given back by whatever ends it")
{
    sink_thread sink(posthorn::testing::smtp_sink_settings {});
    {
        sending one(sink->port());
        REQUIRE(one.send() == S_OK);
        CHECK(one.s.transport->DropConnection() == S_OK);
        CHECK(one.stream->count() == 1);
    }
    sending one(sink->port());
    REQUIRE(one.send() == S_OK);
    CHECK(one.s.transport.detach()->Release() == 0);
    CHECK(one.stream->count() == 1);
}

TEST_CASE("Disconnect in the middle of a message gives the stream back before the connection ends")
{
    named_client   name;
    script_thread  server(plain_opening().expect("MAIL FROM:<from@x.test>").reply("250 ok").expect_prefix("RCPT").reply("250 ok").quit());
    sending        one(server.port());
    bool           held_at_quit = true;
    one.s.client->on_command    = [&](CMDTYPE type, char const* line) {
        if (type == CMD_SEND && std::string(line).find("RCPT") == 0)
            CHECK(one.s.transport->Disconnect() == S_OK);
        if (type == CMD_SEND && std::string(line) == "QUIT")
            held_at_quit = one.stream->count() != 1;
    };
    REQUIRE(one.send() == S_OK);
    one.s.until_disconnected();
    CHECK_FALSE(held_at_quit);
    server.check();
}

// ---- while it is read ----------------------------------------------------------------------------------------

TEST_CASE("Read that calls DropConnection: the client has heard of the end when it returns, and nothing comes after it")
{
    script_thread server(cut_short());
    sending       one(server.port());
    std::size_t   heard = 0;
    read_and(one, [&heard](sending& o) {
        CHECK(o.s.transport->DropConnection() == S_OK);
        CHECK(o.s.client->disconnected);
        heard = o.s.client->trace.size();
        return S_OK;
    });
    one.s.until_disconnected();
    server.check();
    legacy::pump(0);
    CHECK(one.s.client->trace.size() == heard);
    CHECK(one.stream->reads == 1);
    CHECK(one.stream->count() == 1);
    CHECK_FALSE(one.stream->was_elsewhere());
}

TEST_CASE("Read that calls Disconnect: in the middle of a message there is no QUIT")
{
    script_thread server(interrupted());
    sending       one(server.port(), long_mail());
    read_and(one, [](sending& o) {
        CHECK(o.s.transport->Disconnect() == S_OK);
        CHECK_FALSE(o.s.client->disconnected);
        return S_OK;
    });
    one.s.until_disconnected();
    server.check();
    CHECK(one.stream->count() == 1);
    CHECK_FALSE(one.s.client->failed);
    CHECK_FALSE(one.s.client->has_finished(SMTP_SEND_MESSAGE));
    CHECK(server.received().find("QUIT") == std::string::npos);
}

TEST_CASE("Read that calls HandsOffCallback: the message goes on in silence")
{
    script_thread server(taking(mail).expect_close());
    sending       one(server.port());
    std::size_t   heard = 0;
    read_and(one, [&heard](sending& o) {
        CHECK(o.s.transport->HandsOffCallback() == S_OK);
        heard = o.s.client->trace.size();
        return S_OK;
    });
    one.s.until([&] { return one.s.transport->IsState(IXP_IS_READY) == S_OK; });
    CHECK(one.s.client->trace.size() == heard);
    CHECK(one.stream->count() == 1);
    CHECK(one.s.transport->DropConnection() == S_OK);
    server.check();
}

TEST_CASE("Read that gives back the last reference of the transport")
{
    script_thread server(cut_short());
    sending       one(server.port());
    bool          done = false;
    read_and(one, [&done](sending& o) {
        CHECK(o.s.transport.detach()->Release() == 0);
        CHECK(o.s.client->AddRef() == 2); // nobody else holds the callback any more
        o.s.client->Release();
        done = true;
        return S_OK;
    });
    one.s.until([&] { return done; });
    CHECK(one.stream->count() == 1);
    server.check();
    CHECK_FALSE(one.stream->was_elsewhere());
    CHECK(one.stream->reads == 1);
}

TEST_CASE("Read that pumps: callbacks may come meanwhile, but the stream is not read again before it has answered")
{
    script_thread server(taking(long_mail()).quit());
    sending       one(server.port(), long_mail());
    int           inside = 0, most = 0, pumped = 0;
    one.stream->on_read  = [&] {
        most = std::max(most, ++inside);
        pumped += static_cast<int>(legacy::pump(1));
        --inside;
        return S_OK;
    };
    REQUIRE(one.send() == S_OK);
    one.s.until_done(SMTP_SEND_MESSAGE);
    CHECK(most == 1);
    CHECK(pumped > 0); // progress, for one thing
    CHECK(one.stream->reads > 2);
    CHECK(one.s.transport->Disconnect() == S_OK);
    one.s.until_disconnected();
    server.check();
}

TEST_CASE("Read that pumps a callback that drops the connection: it is not read again")
{
    script_thread server(interrupted());
    sending       one(server.port(), long_mail());
    bool          inside = false, dropped = false;
    one.s.client->on_response = [&](SMTPRESPONSE const& r) {
        if (r.command == SMTP_SEND_STREAM && inside)
            dropped = one.s.transport->DropConnection() == S_OK;
    };
    one.stream->on_read = [&] {
        CHECK_FALSE(dropped);
        inside = true;
        legacy::pump(1);
        inside = false;
        return S_OK;
    };
    REQUIRE(one.send() == S_OK);
    one.s.until_disconnected();
    CHECK(dropped);
    server.check();
    CHECK(one.stream->count() == 1);
}

TEST_CASE("Read that throws ends the connection: E_FAIL, or E_OUTOFMEMORY if that is what it throws")
{
    for (bool const memory : {false, true})
    {
        script_thread server(cut_short());
        sending       one(server.port());
        HRESULT       told    = S_OK;
        one.s.client->on_error = [&](IXPRESULT const& r) { told = r.hrResult; };
        read_and(one, [memory](sending&) -> HRESULT {
            if (memory)
                throw std::bad_alloc();
            throw std::runtime_error("from a stream");
        });
        one.s.until_disconnected(); // the exception does not come out of pump(): it is no callback's
        CHECK(told == (memory ? E_OUTOFMEMORY : E_FAIL));
        CHECK(one.stream->count() == 1);
        server.check();
    }
}

TEST_CASE("Seek that gives a command: that one goes out, and the message finds the transport busy")
{
    script_thread server(plain_opening().expect("RSET").reply("250 ok").quit());
    sending       one(server.port());
    HRESULT       inside = E_FAIL;
    one.stream->on_seek  = [&] {
        one.stream->on_seek = nullptr;
        inside              = one.s.transport->CommandRSET();
        return S_OK;
    };
    CHECK(one.send() == IXP_E_BUSY);
    CHECK(inside == S_OK);
    CHECK(one.stream->count() == 1);
    one.s.until_done(SMTP_RSET);
    CHECK(one.s.transport->Disconnect() == S_OK);
    one.s.until_disconnected();
    server.check();
}

TEST_CASE("Seek that drops the connection, and Seek that throws: the message is not taken")
{
    script_thread server(plain_opening().expect_close());
    sending       one(server.port());
    one.stream->on_seek = []() -> HRESULT { throw std::runtime_error("from a stream"); };
    CHECK(one.send() == E_FAIL);
    CHECK(one.stream->count() == 1);
    one.stream->on_seek = [&] { return one.s.transport->DropConnection() == S_OK ? S_OK : E_FAIL; };
    CHECK(one.send() == IXP_E_NOT_CONNECTED);
    CHECK(one.s.client->disconnected);
    CHECK(one.stream->count() == 1);
    server.check();
}

TEST_SUITE_END();
