//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Whose thread a transport is: steps that are pumped from inside of another transport's, last references that are given back
// on another thread, and threads that end.

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/testing/script.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"
#include "support/legacy_scripts.hpp"
#include "support/own_stream.hpp"

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <future>
#include <thread>
#include <utility>

TEST_SUITE_BEGIN("legacy/smtp_threads");

namespace {

using namespace support;
using posthorn::testing::script;

/// A transport that is ready.
struct ready_transport
{
    explicit ready_transport(std::uint16_t port)
    {
        auto where = server_at(port);
        REQUIRE(s.transport->Connect(&where, FALSE, FALSE) == S_OK);
        s.until_ready();
    }

    legacy_session s;
};

/// How many references a callback has.
ULONG count(legacy_client& c)
{
    ULONG const n = c.AddRef() - 1;
    c.Release();
    return n;
}

/// Waits until something is due on this thread, and runs nothing.
void until_due()
{
    pollfd p {legacy::pump_handle(), POLLIN, 0};
    REQUIRE(::poll(&p, 1, 20000) == 1);
}

} // namespace

TEST_CASE_FIXTURE(named_client, "a callback that another transport's callback has pumped may move the outer one: it is the same thread")
{
    script_thread   first(plain_opening().expect("RSET").reply("250 ok").quit());
    script_thread   second(plain_opening().expect("RSET").reply("250 ok").quit());
    ready_transport a(first.port()), b(second.port());
    HRESULT         reset = E_FAIL, set = E_FAIL;
    b.s.client->on_response = [&](SMTPRESPONSE const& r) {
        if (r.command != SMTP_RSET)
            return;
        reset = a.s.transport.as<ISMTPTransport2>()->ResetWindow();
        set   = a.s.transport.as<ISMTPTransport2>()->SetWindow();
    };
    a.s.client->on_response = [&](SMTPRESPONSE const& r) {
        if (r.command != SMTP_RSET)
            return;
        CHECK(b.s.transport->CommandRSET() == S_OK);
        b.s.until_done(SMTP_RSET);
    };
    CHECK(a.s.transport->CommandRSET() == S_OK);
    a.s.until_done(SMTP_RSET);
    CHECK(reset == NOERROR);
    CHECK(set == NOERROR);
    for (auto* const one : {&a, &b})
    {
        CHECK(one->s.transport->Disconnect() == S_OK);
        one->s.until_disconnected();
    }
    first.check();
    second.check();
}

TEST_CASE_FIXTURE(named_client, "the last Release of a transport inside of a callback that its stream has pumped")
{
    script_thread   first(plain_opening().expect("DATA").reply("354 go").expect_close());
    script_thread   second(plain_opening().expect("RSET").reply("250 ok").quit());
    ready_transport a(first.port()), b(second.port());
    auto const      stream  = own_stream::of("text\r\n");
    b.s.client->on_response = [&](SMTPRESPONSE const& r) {
        if (r.command == SMTP_RSET)
            CHECK(a.s.transport.detach()->Release() == 0);
    };
    bool       done   = false;
    stream->on_read   = [&] {
        CHECK(b.s.transport->CommandRSET() == S_OK);
        b.s.until_done(SMTP_RSET);
        CHECK(stream->count() == 2); // Read itself runs
        done = true;
        return S_OK;
    };
    CHECK(a.s.transport->CommandDATA() == S_OK);
    a.s.until_done(SMTP_DATA);
    CHECK(a.s.transport->SendDataStream(stream.get(), 0) == S_OK);
    b.s.until([&] { return done; });
    CHECK(stream->count() == 1);
    CHECK(count(*a.s.client) == 1);
    first.check();
    CHECK(stream->reads == 1);
    CHECK_FALSE(stream->was_elsewhere());
    CHECK(b.s.transport->Disconnect() == S_OK);
    b.s.until_disconnected();
    second.check();
}

TEST_CASE_FIXTURE(named_client, "the last Release on another thread is carried to the transport's own, and no callback comes before it")
{
    // Whatever is due then: after every number of steps between a command and its answer.
    for (std::size_t steps = 0; steps != 12; ++steps)
    {
        CAPTURE(steps);
        script_thread   server(plain_opening().expect("RSET").reply("250-ok\r\n250-ok\r\n250 ok").expect_close());
        ready_transport one(server.port());
        CHECK(one.s.transport->CommandRSET() == S_OK);
        for (std::size_t i = 0; i != steps && !one.s.client->has_finished(SMTP_RSET); ++i)
        {
            until_due();
            legacy::detail::pump_queue::of_this_thread()->run_one();
        }
        if (!one.s.client->has_finished(SMTP_RSET))
            until_due();
        auto const before = one.s.client->trace.size();
        std::thread([&] { one.s.transport.reset(); }).join();
        CHECK(count(*one.s.client) == 2); // the transport still is there
        one.s.until([&] { return count(*one.s.client) == 1; });
        CHECK(one.s.client->trace.size() == before);
    }
}

TEST_CASE_FIXTURE(named_client, "the last Release on another thread, and the transport's own ends without pumping again")
{
    script_thread                  server(plain_opening().expect_close());
    std::promise<ISMTPTransport*>  made;
    std::promise<void>             released;
    legacy::com_ptr<legacy_client> client;
    std::thread                    owner([&] {
        ready_transport one(server.port());
        client = one.s.client;
        made.set_value(one.s.transport.detach());
        released.get_future().wait();
    });
    CHECK(made.get_future().get()->Release() == 0);
    CHECK(count(*client) > 1); // it is the owner's to end it
    released.set_value();
    owner.join();
    CHECK(count(*client) == 1);
    server.check(); // the connection is closed
}

TEST_CASE_FIXTURE(named_client, "the last Release after the transport's own thread has ended")
{
    script_thread                   server(plain_opening().expect_close());
    legacy::com_ptr<legacy_client>  client;
    legacy::com_ptr<ISMTPTransport> transport;
    std::thread([&] {
        ready_transport one(server.port());
        client = one.s.client;
        std::swap(transport, one.s.transport);
    }).join();
    CHECK(count(*client) == 2);
    CHECK(transport.detach()->Release() == 0);
    CHECK(count(*client) == 1);
    server.check();
}

TEST_CASE_FIXTURE(named_client, "the last Release on another thread while the transport is held back, in the middle of a step")
{
    script_thread   server(plain_opening().expect("DATA").reply("354 go").read_some().stall());
    ready_transport one(server.port());
    auto const      stream = own_stream::of("text\r\n");
    bool            done   = false;
    stream->on_read        = [&] {
        CHECK(one.s.transport.as<ISMTPTransport2>()->ResetWindow() == NOERROR);
        std::thread([&] { one.s.transport.reset(); }).join();
        CHECK(count(*one.s.client) == 2); // not from under the feet of what runs
        done = true;
        return S_OK;
    };
    CHECK(one.s.transport->CommandDATA() == S_OK);
    one.s.until_done(SMTP_DATA);
    CHECK(one.s.transport->SendDataStream(stream.get(), 0) == S_OK);
    one.s.until([&] { return done; });
    CHECK(count(*one.s.client) == 1);
    server.check();
}

TEST_SUITE_END();
