//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Transports for an executor: no thread pumps, and the sockets are the event loop's own.

#include <posthorn/legacy/create.hpp>

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/testing/script.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"
#include "support/legacy_scripts.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <optional>
#include <thread>

TEST_SUITE_BEGIN("legacy/create");

namespace {

using namespace support;
using posthorn::testing::script;

script one_message()
{
    return plain_opening()
        .expect("MAIL FROM:<a@x.test>")
        .reply("250 ok")
        .expect("RCPT TO:<b@x.test>")
        .reply("250 ok")
        .expect("DATA")
        .reply("354 go")
        .expect_data("text\r\n")
        .reply("250 ok")
        .quit();
}

/// Sends a message and disconnects from inside of the callbacks.
void direct(legacy_client& client, ISMTPTransport& t)
{
    client.on_response = [&t](SMTPRESPONSE const& r) {
        if (r.command == SMTP_CONNECTED)
        {
            legacy_message m("a@x.test", {"b@x.test"}, "text");
            t.SendMessage(&m.message);
        }
        if (r.command == SMTP_SEND_MESSAGE)
            t.Disconnect();
    };
}

} // namespace

TEST_CASE_FIXTURE(named_client, "an event loop runs until the transport is done, and no longer")
{
    script_thread    server(one_message());
    asio::io_context io;
    auto const       client = legacy::com_ptr<legacy_client>::attach(new legacy_client);
    auto const       t      = legacy::create_smtp_transport(io);
    CHECK(t->InitNew(nullptr, client.get()) == S_OK);
    direct(*client, *t);
    auto where = server_at(server.port());
    CHECK(t->Connect(&where, FALSE, TRUE) == S_OK);
    CHECK(legacy::pump(0) == 0); // nothing of it comes to the thread's pump
    CHECK(client->trace.empty());
    io.run();
    CHECK(client->disconnected);
    CHECK(client->has_finished(SMTP_SEND_MESSAGE));
    CHECK_FALSE(client->wrong_thread);
    server.check();
    t->HandsOffCallback();
}

TEST_CASE_FIXTURE(named_client, "a thread pool: callbacks never overlap")
{
    script_thread     server(one_message());
    asio::thread_pool pool(4);
    auto const        client = legacy::com_ptr<legacy_client>::attach(new legacy_client);
    auto              t      = legacy::create_smtp_transport(pool.get_executor());
    std::promise<void> ended;
    direct(*client, *t);
    client->on_status = [&](IXPSTATUS s) {
        if (s == IXP_DISCONNECTED)
            ended.set_value();
    };
    CHECK(t->InitNew(nullptr, client.get()) == S_OK);
    auto where = server_at(server.port());
    CHECK(t->Connect(&where, FALSE, TRUE) == S_OK);
    CHECK(ended.get_future().wait_for(long_enough) == std::future_status::ready);
    pool.join();
    CHECK(client->has_finished(SMTP_SEND_MESSAGE));
    server.check();
    t->HandsOffCallback();
}

TEST_CASE_FIXTURE(named_client, "an event loop that is destroyed at any moment takes the connection with it and leaks nothing")
{
    for (std::size_t n = 0;; ++n)
    {
        CAPTURE(n);
        posthorn::testing::scripted_server_settings patient;
        patient.more = posthorn::testing::scripted_server_settings::surplus::play_last;
        script_thread server(one_message(), patient);
        auto const    client = legacy::com_ptr<legacy_client>::attach(new legacy_client);
        legacy::com_ptr<ISMTPTransport2> t;
        bool                             complete = false;
        {
            asio::io_context io;
            t = legacy::create_smtp_transport(io);
            CHECK(t->InitNew(nullptr, client.get()) == S_OK);
            direct(*client, *t);
            auto where = server_at(server.port());
            CHECK(t->Connect(&where, FALSE, TRUE) == S_OK);
            for (std::size_t i = 0; i != n && !complete; ++i)
                complete = io.run_one_for(std::chrono::milliseconds(20000)) == 0;
        }
        if (n % 2 == 0) // may be called, whatever it answers
            t->Disconnect();
        t->HandsOffCallback();
        t.reset();
        CHECK(client->AddRef() == 2);
        client->Release();
        if (complete)
            break;
        REQUIRE(n < 10000);
    }
}

TEST_CASE_FIXTURE(named_client, "settings of its own, for the thread that pumps")
{
    script_thread  server(script().reply("220 hi").expect("HELO own.name").reply("250 ok").quit());
    legacy_session s;
    s.transport->HandsOffCallback();
    auto own       = settings;
    own.hello_name = "own.name";
    s.transport    = legacy::create_smtp_transport(own);
    s.client->expected = s.transport.get();
    CHECK(s.transport->InitNew(nullptr, s.client.get()) == S_OK);
    auto where = server_at(server.port());
    s.connect(where);
    s.until_ready();
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();
}

TEST_SUITE_END();
