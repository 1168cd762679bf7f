//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The pump and the message loop over it.

#include <posthorn/legacy/pump.hpp>

#include <posthorn/legacy/imnxport.h>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"
#include "support/legacy_scripts.hpp"

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <thread>

TEST_SUITE_BEGIN("legacy/pump");

namespace {

using namespace support;
using posthorn::testing::script;

/// Waits for the handle of the calling thread. @return Whether it is ready.
bool wait_for_handle(int handle, int milliseconds)
{
    pollfd p {handle, POLLIN, 0};
    return ::poll(&p, 1, milliseconds) == 1;
}

/// A connection on its way: there will be callbacks.
struct on_its_way : named_client
{
    on_its_way()
    {
        auto where = server_at(server.port());
        REQUIRE(s.transport->Connect(&where, FALSE, TRUE) == S_OK);
    }

    script_thread  server {plain_opening().quit()};
    legacy_session s;
};

} // namespace

TEST_CASE("nothing is called before the thread pumps, whatever becomes due")
{
    on_its_way c;
    REQUIRE(wait_for_handle(legacy::pump_handle(), 20000)); // something is due
    CHECK(c.s.client->trace.empty());
    std::thread([] { CHECK(legacy::pump(0) == 0); }).join(); // another thread has nothing to do with it
    CHECK(c.s.client->trace.empty());
    CHECK(legacy::pump(0) > 0);
    CHECK_FALSE(c.s.client->trace.empty());
    c.s.until_ready();
    CHECK(c.s.transport->Disconnect() == S_OK);
    CHECK_FALSE(c.s.client->disconnected);
    c.s.until_disconnected();
    CHECK_FALSE(c.s.client->wrong_thread);
    c.server.check();
}

TEST_CASE("pump_handle() is readable exactly while something is due")
{
    int const handle = legacy::pump_handle();
    CHECK(handle == legacy::pump_handle());
    while (legacy::pump(0) != 0) // what the cases before have left
    {
    }
    CHECK_FALSE(wait_for_handle(handle, 0));
    on_its_way c;
    int        other = -1;
    std::thread([&] { other = legacy::pump_handle(); }).join();
    CHECK(other != handle);
    // A foreign event loop: it waits for the handle and for nothing else.
    while (!c.s.client->ready)
    {
        REQUIRE(wait_for_handle(handle, 20000));
        legacy::pump(0);
    }
    CHECK(c.s.transport->Disconnect() == S_OK);
    while (!c.s.client->disconnected)
    {
        REQUIRE(wait_for_handle(handle, 20000));
        legacy::pump(0);
    }
    while (legacy::pump(0) != 0)
    {
    }
    CHECK_FALSE(wait_for_handle(handle, 0));
    c.server.check();
}

TEST_CASE("pump() returns when there is nothing to do, pump_until() when its time is over")
{
    CHECK(legacy::pump(0) == 0);
    CHECK(legacy::pump(1) == 0);
    CHECK_FALSE(legacy::pump_until([] { return false; }, std::chrono::milliseconds(1)));
    CHECK(legacy::pump_until([] { return true; }, std::chrono::milliseconds(0)));
    legacy::pump_until([] { return true; });
    on_its_way c;
    legacy::pump_until([&] { return c.s.client->ready; });
    CHECK(c.s.transport->DropConnection() == S_OK);
}

TEST_CASE("a GetMessage loop, ended by PostQuitMessage")
{
    on_its_way c;
    c.s.client->on_response = [&](SMTPRESPONSE const& r) {
        if (r.command == SMTP_CONNECTED)
            c.s.transport->Disconnect();
    };
    c.s.client->on_status = [](IXPSTATUS status) {
        if (status == IXP_DISCONNECTED)
            PostQuitMessage(7);
    };
    MSG message = {};
    while (GetMessage(&message, nullptr, 0, 0) > 0)
    {
        CHECK(message.message != WM_QUIT);
        TranslateMessage(&message);
        DispatchMessage(&message);
    }
    CHECK(message.message == WM_QUIT);
    CHECK(message.wParam == 7);
    CHECK(c.s.client->disconnected);
    CHECK_FALSE(PeekMessage(&message, nullptr, 0, 0, PM_REMOVE)); // WM_QUIT comes once
    c.server.check();
}

TEST_CASE("a PeekMessage loop that waits with MsgWaitForMultipleObjects")
{
    on_its_way c;
    while (!c.s.client->ready)
    {
        REQUIRE(MsgWaitForMultipleObjects(0, nullptr, FALSE, 20000, QS_ALLINPUT) == WAIT_OBJECT_0);
        MSG message = {};
        while (PeekMessage(&message, nullptr, 0, 0, PM_REMOVE))
        {
            TranslateMessage(&message);
            DispatchMessage(&message);
        }
    }
    CHECK(c.s.transport->DropConnection() == S_OK);
}

TEST_CASE("the message functions at their limits")
{
    MSG message = {};
    CHECK(GetMessage(nullptr, nullptr, 0, 0) == -1);
    CHECK_FALSE(PeekMessage(nullptr, nullptr, 0, 0, PM_REMOVE));
    CHECK_FALSE(PeekMessage(&message, nullptr, 0, 0, PM_REMOVE));
    CHECK(DispatchMessage(nullptr) == 0);
    message.message = WM_USER;
    CHECK(DispatchMessage(&message) == 0);
    CHECK_FALSE(TranslateMessage(&message));
    CHECK(MsgWaitForMultipleObjects(0, nullptr, FALSE, 0, QS_ALLINPUT) == WAIT_TIMEOUT);
    HANDLE const one = nullptr;
    CHECK(MsgWaitForMultipleObjects(1, &one, FALSE, 0, QS_ALLINPUT) == WAIT_FAILED);
    PostQuitMessage(1);
    CHECK(MsgWaitForMultipleObjects(0, nullptr, FALSE, 0, QS_ALLINPUT) == WAIT_OBJECT_0);
    CHECK(PeekMessage(&message, nullptr, 0, 0, PM_NOREMOVE));
    CHECK(message.message == WM_QUIT);
    CHECK(GetMessage(&message, nullptr, 0, 0) == FALSE);
    CHECK(message.wParam == 1);

    on_its_way c;
    REQUIRE(MsgWaitForMultipleObjects(0, nullptr, FALSE, 20000, QS_ALLINPUT) == WAIT_OBJECT_0);
    CHECK_FALSE(PeekMessage(&message, nullptr, WM_USER, WM_USER, PM_REMOVE)); // not what is due
    CHECK(PeekMessage(&message, nullptr, 0, 0, PM_REMOVE));
    CHECK(PeekMessage(&message, nullptr, 0, 0, PM_REMOVE)); // what was not dispatched is not lost
    PostQuitMessage(2);
    CHECK(GetMessage(&message, nullptr, 0, 0) == TRUE); // what is due goes before WM_QUIT
    DispatchMessage(&message);
    CHECK(c.s.transport->DropConnection() == S_OK);
    while (GetMessage(&message, nullptr, 0, 0) > 0)
        DispatchMessage(&message);
    CHECK(message.wParam == 2);
}

TEST_CASE("objects that are destroyed after the thread's queue find that nothing is due, and can give a transport back")
{
    struct late
    {
        late() = default;
        late(late const&)            = delete;
        late& operator=(late const&) = delete;
        ~late() { *seen = legacy::pump(0); }

        std::size_t*                    seen = nullptr;
        legacy::com_ptr<ISMTPTransport> transport;
    };
    auto const  client = legacy::com_ptr<legacy_client>::attach(new legacy_client);
    std::size_t seen   = 99;
    std::thread([&] {
        thread_local late one;
        one.seen = &seen;
        REQUIRE(CreateSMTPTransport(one.transport.put()) == S_OK); // makes the queue, which is destroyed first
        CHECK(one.transport->InitNew(nullptr, client.get()) == S_OK);
    }).join();
    CHECK(seen == 0);
    CHECK(client->AddRef() == 2); // the transport is gone
    client->Release();
}

TEST_SUITE_END();
