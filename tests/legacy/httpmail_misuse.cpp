//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What clients of the HTTPMail transport should not do and do: calls from inside of every callback, ends at every moment, streams that
// call back, transports that end on other threads.

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/testing/httpmail_server.hpp>

#include <doctest/doctest.h>

#include "support/legacy_httpmail.hpp"

#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

TEST_SUITE_BEGIN("legacy/httpmail_misuse");

namespace {

using namespace support;
using posthorn::testing::httpmail_fault;
using posthorn::testing::httpmail_server_settings;

std::string const text_of_mail = "Subject: s\r\n\r\ntext\r\n";

/// Runs whatever comes within this time.
void pump_for(std::chrono::milliseconds time)
{
    legacy::pump_until([] { return false; }, time);
}

/// A stream whose every call is told to somebody, and which knows who released it last.
class watched_stream final : public legacy::detail::unknown<IStream, ISequentialStream>
{
public:
    explicit watched_stream(std::string text) : text_(std::move(text)) {}

    std::function<void()>* on_read   = nullptr; ///< Called in Read, if set.
    std::function<void()>* on_seek   = nullptr;
    std::thread::id*       last_seen = nullptr; ///< Gets the thread of the last Release.
    int*                   alive     = nullptr;

    STDMETHODIMP Read(void* to, ULONG size, ULONG* read) override
    {
        ULONG const n = static_cast<ULONG>(std::min<std::size_t>(size, text_.size() - at_));
        std::memcpy(to, text_.data() + at_, n);
        at_ += n;
        if (read != nullptr)
            *read = n;
        if (on_read != nullptr && *on_read)
            (*on_read)();
        return S_OK;
    }
    STDMETHODIMP Seek(LARGE_INTEGER move, DWORD origin, ULARGE_INTEGER* now) override
    {
        auto const base = origin == STREAM_SEEK_SET ? 0 : origin == STREAM_SEEK_CUR ? static_cast<long long>(at_) : static_cast<long long>(text_.size());
        at_             = static_cast<std::size_t>(base + move.QuadPart);
        if (now != nullptr)
            now->QuadPart = at_;
        if (on_seek != nullptr && *on_seek)
            (*on_seek)();
        return S_OK;
    }
    STDMETHODIMP Write(void const*, ULONG, ULONG*) override { return E_NOTIMPL; }
    STDMETHODIMP SetSize(ULARGE_INTEGER) override { return E_NOTIMPL; }
    STDMETHODIMP CopyTo(IStream*, ULARGE_INTEGER, ULARGE_INTEGER*, ULARGE_INTEGER*) override { return E_NOTIMPL; }
    STDMETHODIMP Commit(DWORD) override { return S_OK; }
    STDMETHODIMP Revert() override { return E_NOTIMPL; }
    STDMETHODIMP LockRegion(ULARGE_INTEGER, ULARGE_INTEGER, DWORD) override { return E_NOTIMPL; }
    STDMETHODIMP UnlockRegion(ULARGE_INTEGER, ULARGE_INTEGER, DWORD) override { return E_NOTIMPL; }
    STDMETHODIMP Stat(STATSTG*, DWORD) override { return E_NOTIMPL; }
    STDMETHODIMP Clone(IStream**) override { return E_NOTIMPL; }

private:
    void last_release() noexcept override
    {
        if (last_seen != nullptr)
            *last_seen = std::this_thread::get_id();
        if (alive != nullptr)
            --*alive;
        delete this;
    }

    std::string text_;
    std::size_t at_ = 0;
};

legacy::com_ptr<watched_stream> make_stream(std::string text = text_of_mail)
{
    return legacy::com_ptr<watched_stream>::attach(new watched_stream(std::move(text)));
}

/// A client that does a bit of everything and disconnects, and at one of its callbacks does something else first.
class saboteur final : public legacy::detail::unknown<IHTTPMailCallback, ITransportCallback>
{
public:
    saboteur(httpmail_site& site, std::size_t when, std::function<void(saboteur&)> what)
        : inbox(site.folder("inbox")), drafts(site.folder("drafts")), user_(site->settings().user), password_(site->settings().password),
          when_(when), what_(std::move(what))
    {
    }

    STDMETHODIMP OnTimeout(DWORD*, IInternetTransport*) override { return step(), S_FALSE; }
    STDMETHODIMP OnLogonPrompt(LPINETSERVER server, IInternetTransport*) override
    {
        step();
        log_on_as(*server, user_.c_str(), password_.c_str());
        return S_OK;
    }
    STDMETHODIMP_(INT) OnPrompt(HRESULT, LPCTSTR, LPCTSTR, UINT, IInternetTransport*) override { return step(), IDYES; }
    STDMETHODIMP OnStatus(IXPSTATUS s, IInternetTransport*) override
    {
        disconnected = s == IXP_DISCONNECTED;
        step();
        if (s == IXP_CONNECTED && transport && !std::exchange(begun_, true))
            begin();
        return S_OK;
    }
    STDMETHODIMP OnError(IXPSTATUS, LPIXPRESULT, IInternetTransport*) override { return step(), S_OK; }
    STDMETHODIMP OnCommand(CMDTYPE, LPSTR, HRESULT, IInternetTransport*) override { return step(), S_OK; }
    STDMETHODIMP OnResponse(LPHTTPMAILRESPONSE r) override
    {
        step();
        if (r->fDone)
            ++ends;
        if (r->fDone && r->dwContext == 4 && transport)
            transport->CommandDELETE(inbox.c_str(), 5); // it stalls
        return S_OK;
    }
    STDMETHODIMP GetParentWindow(HWND*) override { return E_FAIL; }

    std::size_t                         calls        = 0;
    std::size_t                         ends         = 0;
    bool                                disconnected = false;
    bool                                done         = false; ///< What was to be done was done.
    std::string                         inbox, drafts;
    legacy::com_ptr<IHTTPMailTransport> transport;

    // Of the streams that were given.
    int             alive = 0;
    std::thread::id released_by;

private:
    void begin()
    {
        transport->MemberInfo(inbox.c_str(), HTTP_MEMBERINFO_ALLPROPS, 1, FALSE, 1);
        transport->GetProperty(HTTPMAIL_PROP_INBOX, nullptr);
        auto const stream = make_stream(std::string(100'000, 'x'));
        ++alive;
        stream->alive     = &alive;
        stream->last_seen = &released_by;
        transport->CommandPOST(drafts.c_str(), stream.get(), "message/rfc822", 3);
        transport->CommandGET(inbox.c_str(), nullptr, FALSE, 4);
    }

    void step()
    {
        if (calls++ == when_ && !done)
        {
            done = true;
            what_(*this);
        }
    }

    std::string                    user_, password_;
    std::size_t                    when_;
    std::function<void(saboteur&)> what_;
    bool                           begun_ = false;
};

constexpr std::size_t never = static_cast<std::size_t>(-1);

httpmail_server_settings stalling()
{
    httpmail_server_settings s;
    httpmail_fault           f;
    f.method = "DELETE";
    f.kind   = httpmail_fault::what::stall;
    f.times  = 0;
    s.faults.push_back(f);
    return s;
}

/// Runs the whole dialogue, which has every callback but OnPrompt; it ends with OnTimeout, OnError and IXP_DISCONNECTED.
legacy::com_ptr<saboteur> start(httpmail_site& site, std::size_t when, std::function<void(saboteur&)> what)
{
    auto const client = legacy::com_ptr<saboteur>::attach(new saboteur(site, when, std::move(what)));
    REQUIRE(SUCCEEDED(CoInitialize(nullptr)));
    REQUIRE(CoCreateInstance(CLSID_IHTTPMailTransport, nullptr, CLSCTX_INPROC_SERVER, IID_IHTTPMailTransport, client->transport.put_void()) == S_OK);
    CoUninitialize();
    REQUIRE(client->transport->InitNew("Client", nullptr, client.get()) == S_OK);
    auto where      = site.record();
    where.dwTimeout = 1;
    REQUIRE(client->transport->Connect(&where, iitAUTHENTICATE, iitENABLE_ONCOMMAND) == S_OK);
    return client;
}

/// How many callbacks there are.
std::size_t all_callbacks(httpmail_site& site)
{
    auto const client = start(site, never, [](saboteur&) {});
    REQUIRE(legacy::pump_until([&] { return client->disconnected; }, long_enough));
    CHECK(client->ends != 0); // all five, unless the machine is so slow that another one has OnTimeout
    CHECK(client->alive == 0);
    CHECK(client->released_by == std::this_thread::get_id());
    client->transport->HandsOffCallback();
    return client->calls;
}

/// Once for each callback; those near the end wait for OnTimeout, so a few of the middle are left out.
template <class F>
void at_each_callback(F&& f)
{
    httpmail_site     probe(stalling());
    std::size_t const all = all_callbacks(probe);
    CHECK(all > 20);
    for (std::size_t i = 0; i != all; ++i)
    {
        CAPTURE(i);
        httpmail_site site(stalling());
        f(site, i, all);
    }
}

/// Waits for the moment. How many requests are refused before the login varies, so it may not come at all near the end.
bool reached(saboteur const& client)
{
    return legacy::pump_until([&] { return client.done || client.disconnected; }, long_enough);
}

/// Nothing comes any more.
void quiet(saboteur const& client, std::size_t calls)
{
    pump_for(std::chrono::milliseconds(10));
    CHECK(client.calls == calls);
}

} // namespace

TEST_CASE("the last Release, inside each callback: the stream is given back at once, and nothing comes any more")
{
    at_each_callback([](httpmail_site& site, std::size_t i, std::size_t) {
        std::size_t calls = 0;
        auto const  client = start(site, i, [&](saboteur& s) {
            calls       = s.calls;
            s.transport = nullptr; // the transport itself holds one as long as the callback runs
        });
        REQUIRE(reached(*client));
        if (!client->done)
            return client->transport->HandsOffCallback(), void();
        CHECK(client->alive == 0);
        quiet(*client, calls);
        if (client->released_by != std::thread::id())
            CHECK(client->released_by == std::this_thread::get_id());
    });
}

TEST_CASE("DropConnection, inside each callback")
{
    at_each_callback([](httpmail_site& site, std::size_t i, std::size_t) {
        std::size_t calls  = 0;
        auto const  client = start(site, i, [&](saboteur& s) {
            bool const    over   = s.disconnected;
            HRESULT const result = s.transport->DropConnection();
            CHECK(result == (over ? IXP_E_NOT_CONNECTED : S_OK));
            CHECK(s.disconnected);
            CHECK(s.alive == 0);
            calls = s.calls;
        });
        REQUIRE(reached(*client));
        if (!client->done)
            return client->transport->HandsOffCallback(), void();
        // After a callback in which it ended the client may still have begun something: that fails at once.
        quiet(*client, calls);
        client->transport->HandsOffCallback();
    });
}

TEST_CASE("Disconnect, inside each callback: every request has its end")
{
    at_each_callback([](httpmail_site& site, std::size_t i, std::size_t) {
        std::size_t given  = 0;
        auto const  client = start(site, i, [&](saboteur& s) {
            bool const over = s.disconnected;
            CHECK(s.transport->Disconnect() == (over ? IXP_E_NOT_CONNECTED : S_OK));
            given = 1;
        });
        REQUIRE(legacy::pump_until([&] { return client->disconnected; }, long_enough));
        CHECK(client->alive == 0);
        CHECK(given == (client->done ? 1U : 0U));
        quiet(*client, client->calls);
        client->transport->HandsOffCallback();
    });
}

TEST_CASE("HandsOffCallback, inside each callback: nothing comes any more, and the requests go on")
{
    at_each_callback([](httpmail_site& site, std::size_t i, std::size_t) {
        std::size_t calls  = 0;
        auto const  client = start(site, i, [&](saboteur& s) {
            CHECK(s.transport->HandsOffCallback() == S_OK);
            CHECK(s.transport->HandsOffCallback() == S_FALSE);
            calls = s.calls;
        });
        REQUIRE(reached(*client));
        if (!client->done)
            return client->transport->HandsOffCallback(), void();
        quiet(*client, calls);
        client->transport->DropConnection();
        CHECK(client->alive == 0);
    });
}

TEST_CASE("a pump of its own, and an exception, inside each callback")
{
    at_each_callback([](httpmail_site& site, std::size_t i, std::size_t) {
        auto const client = start(site, i, [&](saboteur&) {
            pump_for(std::chrono::milliseconds(2));
            throw std::runtime_error("from a callback");
        });
        bool       thrown = false;
        bool const ended  = [&] {
            for (;;)
                try
                {
                    return legacy::pump_until([&] { return client->disconnected || (client->done && i < client->calls); }, long_enough);
                }
                catch (std::runtime_error const&)
                {
                    thrown = true;
                }
        }();
        CHECK(ended);
        if (!thrown) // the flag was raised before the exception had come out
            try
            {
                pump_for(std::chrono::milliseconds(1));
            }
            catch (std::runtime_error const&)
            {
            }
        client->transport->DropConnection();
        client->transport->HandsOffCallback();
        CHECK(client->alive == 0);
    });
}

TEST_CASE("other methods, inside each callback")
{
    at_each_callback([](httpmail_site& site, std::size_t i, std::size_t) {
        auto const client = start(site, i, [&](saboteur& s) {
            auto&      t    = *s.transport.get();
            bool const over = s.disconnected;
            INETSERVER now  = {};
            IXPSTATUS  status = IXP_LAST;
            CHECK(t.GetServerInfo(&now) == S_OK);
            CHECK(t.GetStatus(&status) == S_OK);
            CHECK(t.InitNew("Client", nullptr, &s) == (over ? S_OK : IXP_E_ALREADY_CONNECTED));
            CHECK(t.IsState(IXP_IS_CONNECTED) == (over || status == IXP_CONNECTING ? S_FALSE : S_OK));
            HRESULT const wanted = t.CommandMKCOL((s.inbox + "x/").c_str(), 50);
            CHECK((wanted == S_OK || wanted == IXP_E_NOT_CONNECTED));
            CHECK(t.MemberInfo(s.inbox.c_str(), 0, 1, FALSE, 51) == wanted);
            CHECK(t.Connect(&now, TRUE, FALSE) == (over ? S_OK : IXP_E_ALREADY_CONNECTED));
        });
        REQUIRE(reached(*client));
        if (!client->done)
            return client->transport->HandsOffCallback(), void();
        client->transport->DropConnection();
        client->transport->HandsOffCallback();
        CHECK(client->alive == 0);
    });
}

// ---- Streams that call back ----------------------------------------------------------------------------------

TEST_CASE("a stream whose Read or Seek drops, disconnects, releases, hands off, throws, or asks for more")
{
    httpmail_server_settings how;
    how.auth.required = false;
    enum class deed
    {
        drop,
        disconnect,
        release,
        hand_off,
        fail,
        ask
    };
    for (bool const in_read : {true, false})
        for (auto const what : {deed::drop, deed::disconnect, deed::release, deed::hand_off, deed::fail, deed::ask})
        {
            CAPTURE(in_read);
            CAPTURE(static_cast<int>(what));
            httpmail_site    site(how);
            httpmail_session s;
            s.connect(site.owner());
            bool                  done = false;
            std::function<void()> act  = [&] {
                if (std::exchange(done, true))
                    return;
                switch (what)
                {
                case deed::drop: s.transport->DropConnection(); break;
                case deed::disconnect: s.transport->Disconnect(); break;
                case deed::release: s.transport = nullptr; break;
                case deed::hand_off: s.transport->HandsOffCallback(); break;
                case deed::fail: throw std::runtime_error("from a stream");
                case deed::ask: s.transport->CommandMKCOL((site.folder("inbox") + "x/").c_str(), 2); break;
                }
            };
            int             alive = 1;
            std::thread::id by;
            HRESULT         result = S_OK;
            {
                auto const stream = make_stream();
                stream->alive     = &alive;
                stream->last_seen = &by;
                (in_read ? stream->on_read : stream->on_seek) = &act;
                auto const held = s.transport; // a method must not lose its object
                result          = held->CommandPOST(site.folder("drafts").c_str(), stream.get(), "message/rfc822", 1);
            }
            legacy::pump_until([&] { return done && alive == 0; }, long_enough);
            pump_for(std::chrono::milliseconds(10));
            CHECK(done);
            CHECK(alive == 0);
            CHECK(by == std::this_thread::get_id());
            if (!in_read && what == deed::fail)
                CHECK(result == E_FAIL);
            if (in_read && what == deed::fail)
                CHECK(s.client->has_finished(1));
            if (what == deed::ask)
                s.until([&] { return s.client->has_finished(1) && s.client->has_finished(2); });
        }
}

// ---- Threads -------------------------------------------------------------------------------------------------

TEST_CASE("the thread that owns a transport ends in the middle of a request")
{
    httpmail_site site(stalling());
    auto const    client = legacy::com_ptr<httpmail_client>::attach(new httpmail_client);
    std::thread([&] {
        legacy::com_ptr<IHTTPMailTransport> t;
        REQUIRE(SUCCEEDED(CoInitialize(nullptr)));
        REQUIRE(CoCreateInstance(CLSID_IHTTPMailTransport, nullptr, CLSCTX_INPROC_SERVER, IID_IHTTPMailTransport, t.put_void()) == S_OK);
        CoUninitialize();
        REQUIRE(t->InitNew("Client", nullptr, client.get()) == S_OK);
        auto where = site.owner();
        REQUIRE(t->Connect(&where, TRUE, FALSE) == S_OK);
        REQUIRE(t->CommandDELETE(site.folder("inbox").c_str(), 1) == S_OK);
        legacy::pump_until([&] { return site->totals().connections != 0; }, long_enough);
    }).join();
    CHECK(client->finished.empty());
}

TEST_SUITE_END();
