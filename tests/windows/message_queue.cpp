//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The pump on Windows, in the company of the system's message queue; and classes that COM finds though no DLL has them.

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"
#include "support/legacy_scripts.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

TEST_SUITE_BEGIN("windows/message_queue");

namespace {

using namespace support;

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

UINT const own_message = WM_USER + 1;

/// A window of the program's own, which counts its messages.
struct own_window
{
    own_window()
    {
        WNDCLASSW c     = {};
        c.lpfnWndProc   = &on_message;
        c.hInstance     = ::GetModuleHandleW(nullptr);
        c.lpszClassName = L"posthorn.tests.window";
        ::RegisterClassW(&c); // fails the second time, when it is there
        handle = ::CreateWindowExW(0, c.lpszClassName, L"", 0, 0, 0, 0, 0, HWND_MESSAGE, nullptr, c.hInstance, nullptr);
        REQUIRE(handle != nullptr);
        seen() = 0;
    }
    own_window(own_window const&)            = delete;
    own_window& operator=(own_window const&) = delete;
    ~own_window() { ::DestroyWindow(handle); }

    static int& seen()
    {
        static int n = 0;
        return n;
    }

    HWND handle = nullptr;

private:
    static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM w, LPARAM l)
    {
        if (message != own_message)
            return ::DefWindowProcW(window, message, w, l);
        ++seen();
        return 0;
    }
};

/// As old programs have it.
int message_loop()
{
    MSG message = {};
    while (::GetMessageW(&message, nullptr, 0, 0) > 0)
    {
        ::TranslateMessage(&message);
        ::DispatchMessageW(&message);
    }
    return static_cast<int>(message.wParam);
}

} // namespace

TEST_CASE("a plain message loop runs all callbacks, however many are due")
{
    on_its_way c;
    c.s.client->on_response = [&](SMTPRESPONSE const& r) {
        if (r.command == SMTP_CONNECTED)
            c.s.transport->Disconnect();
    };
    c.s.client->on_status = [](IXPSTATUS status) {
        if (status == IXP_DISCONNECTED)
            ::PostQuitMessage(7);
    };
    CHECK(message_loop() == 7);
    CHECK(c.s.client->disconnected);
    CHECK_FALSE(c.s.client->wrong_thread);
    MSG message = {};
    CHECK_FALSE(::PeekMessageW(&message, nullptr, WM_QUIT, WM_QUIT, PM_REMOVE));
    c.server.check();
}

TEST_CASE("nothing is called before messages are dispatched")
{
    on_its_way c;
    MSG        message = {};
    REQUIRE(::MsgWaitForMultipleObjects(0, nullptr, FALSE, 20000, QS_ALLINPUT) == WAIT_OBJECT_0);
    CHECK(c.s.client->trace.empty());
    CHECK(::PeekMessageW(&message, nullptr, 0, 0, PM_NOREMOVE));
    CHECK(message.hwnd == legacy::pump_handle());
    CHECK(c.s.client->trace.empty());
    c.s.until_ready();
    CHECK(c.s.transport->DropConnection() == S_OK);
}

TEST_CASE("pump() dispatches messages of other windows, and leaves WM_QUIT")
{
    on_its_way c;
    own_window w;
    ::PostMessageW(w.handle, own_message, 0, 0);
    ::PostQuitMessage(3);
    ::PostMessageW(w.handle, own_message, 0, 0);
    c.s.until_ready();
    c.s.until([&] { return own_window::seen() == 2; });
    CHECK_FALSE(legacy::pump_until([] { return false; }, std::chrono::milliseconds(20)));
    MSG message = {};
    REQUIRE(::PeekMessageW(&message, nullptr, 0, 0, PM_REMOVE));
    CHECK(message.message == WM_QUIT);
    CHECK(message.wParam == 3);
    CHECK(c.s.transport->DropConnection() == S_OK);
}

TEST_CASE("what pump() has left is run by a message loop")
{
    on_its_way c;
    c.s.until([&] { return !c.s.client->trace.empty(); });
    c.s.client->on_response = [&](SMTPRESPONSE const& r) {
        if (r.command == SMTP_CONNECTED)
            ::PostQuitMessage(0);
    };
    CHECK(message_loop() == 0);
    CHECK(c.s.client->ready);
    CHECK(c.s.transport->DropConnection() == S_OK);
}

TEST_CASE("an exception of a callback comes out of pump(), and the rest stays due")
{
    on_its_way c;
    c.s.client->on_status = [&](IXPSTATUS) {
        c.s.client->on_status = nullptr;
        throw std::runtime_error("of a callback");
    };
    auto const pumps = [&] { legacy::pump_until([&] { return c.s.client->ready; }, long_enough); };
    CHECK_THROWS_WITH_AS(pumps(), "of a callback", std::runtime_error);
    c.s.until_ready();
    CHECK(c.s.transport->DropConnection() == S_OK);
}

TEST_CASE("each thread has a queue of its own, which ends with it")
{
    HWND const mine  = legacy::pump_handle();
    HWND       other = nullptr;
    std::thread([&] { other = legacy::pump_handle(); }).join();
    CHECK(mine != nullptr);
    CHECK(other != nullptr);
    CHECK(other != mine);
    CHECK(::IsWindow(mine));
    CHECK_FALSE(::IsWindow(other));
}

TEST_CASE("CoCreateInstance and CoGetClassObject find what is linked in, and leave the rest to the system")
{
    IUnknown* one = nullptr;
    void*     any = &one;
    CHECK(CoCreateInstance(CLSID_ISMTPTransport, nullptr, CLSCTX_INPROC_SERVER, IID_IUnknown, &any) == CO_E_NOTINITIALIZED);
    CHECK(any == nullptr);
    for (DWORD const apartment : {DWORD(COINIT_APARTMENTTHREADED), DWORD(COINIT_MULTITHREADED)})
        std::thread([apartment] {
            REQUIRE(CoInitializeEx(nullptr, apartment) == S_OK);
            for (auto const* const id : {&CLSID_ISMTPTransport, &CLSID_IHTTPMailTransport, &CLSID_IPropFindRequest, &CLSID_IPropPatchRequest})
            {
                legacy::com_ptr<IUnknown> made, from_factory;
                CHECK(CoCreateInstance(*id, nullptr, CLSCTX_INPROC_SERVER, IID_IUnknown, made.put_void()) == S_OK);
                CHECK(made);
                legacy::com_ptr<IClassFactory> factory;
                REQUIRE(CoGetClassObject(*id, CLSCTX_INPROC_SERVER, nullptr, IID_IClassFactory, factory.put_void()) == S_OK);
                CHECK(factory->CreateInstance(nullptr, IID_IUnknown, from_factory.put_void()) == S_OK);
                CHECK(from_factory);
            }
            legacy::com_ptr<IUnknown> made;
            CHECK(CoCreateInstance(CLSID_ISMTPTransport, nullptr, CLSCTX_LOCAL_SERVER, IID_IUnknown, made.put_void()) == REGDB_E_CLASSNOTREG);
            CHECK(CoCreateInstance(CLSID_ISMTPTransport, nullptr, CLSCTX_INPROC_SERVER, IID_IUnknown, nullptr) == E_POINTER);
            // A class of the system: the table of global interfaces.
            CLSID const table = {0x00000323, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
            CHECK(CoCreateInstance(table, nullptr, CLSCTX_INPROC_SERVER, IID_IUnknown, made.put_void()) == S_OK);
            CHECK(made);
            CLSID const unknown = {0x12345678, 0, 0, {1, 2, 3, 4, 5, 6, 7, 8}};
            legacy::com_ptr<IUnknown> none;
            CHECK(CoCreateInstance(unknown, nullptr, CLSCTX_INPROC_SERVER, IID_IUnknown, none.put_void()) == REGDB_E_CLASSNOTREG);
            CHECK(CoGetClassObject(unknown, CLSCTX_INPROC_SERVER, nullptr, IID_IClassFactory, none.put_void()) == REGDB_E_CLASSNOTREG);
            CoUninitialize();
        }).join();
}

TEST_SUITE_END();
