//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What clients should not do and do: calls from inside of every callback, ends at every moment, transports that move
// between threads.

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"
#include "support/legacy_scripts.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

TEST_SUITE_BEGIN("legacy/smtp_misuse");

namespace {

using namespace support;
using sink_thread = posthorn::testing::server_thread<posthorn::testing::smtp_sink>;

/// A sink that makes the transport call every callback there is but OnTimeout and OnError.
posthorn::testing::smtp_sink_settings demanding()
{
    using posthorn::testing::smtp_sink_settings;
    auto const                  other = posthorn::testing::certificate_authority().issue();
    posthorn::net::tls_settings how;
    static posthorn::testing::certificate_authority const authority;
    posthorn::testing::certificate const wrong = authority.issue(std::vector<std::string>(1, "other.test"));
    how.certificate_pem                        = wrong.chain_pem;
    how.key_pem                                = wrong.key_pem;
    smtp_sink_settings s;
    s.tls = smtp_sink_settings::tls_mode::starttls;
    s.tls_context.emplace(how);
    s.users["user"] = "right";
    s.require_auth  = true;
    posthorn::legacy::transport_settings trust;
    trust.tls.ca_pem = authority.pem();
    trust.hello_name = "client.test";
    posthorn::legacy::set_default_transport_settings(trust);
    return s;
}

/// A client that sends a message and disconnects, and at one of its callbacks does something else first.
class saboteur final : public legacy::detail::unknown<ISMTPCallback, ITransportCallback>
{
public:
    explicit saboteur(std::size_t when, std::function<void(saboteur&)> what) : when_(when), what_(std::move(what)) {}

    STDMETHODIMP OnTimeout(DWORD*, IInternetTransport*) override { return step(), S_OK; }
    STDMETHODIMP OnLogonPrompt(LPINETSERVER server, IInternetTransport*) override
    {
        step();
        log_on_as(*server, "user", "right");
        return S_OK;
    }
    STDMETHODIMP_(INT) OnPrompt(HRESULT, LPCTSTR, LPCTSTR, UINT, IInternetTransport*) override { return step(), IDYES; }
    STDMETHODIMP OnStatus(IXPSTATUS s, IInternetTransport*) override
    {
        disconnected = s == IXP_DISCONNECTED;
        return step(), S_OK;
    }
    STDMETHODIMP OnError(IXPSTATUS, LPIXPRESULT, IInternetTransport*) override { return step(), S_OK; }
    STDMETHODIMP OnCommand(CMDTYPE, LPSTR, HRESULT, IInternetTransport*) override { return step(), S_OK; }
    STDMETHODIMP OnResponse(LPSMTPRESPONSE r) override
    {
        step();
        if (!transport)
            return S_OK;
        if (r->command == SMTP_CONNECTED)
        {
            legacy_message m("from@x.test", {"to@x.test"}, "Subject: s\r\n\r\ntext\r\n");
            transport->SendMessage(&m.message);
        }
        if (r->command == SMTP_SEND_MESSAGE)
            transport->Disconnect();
        return S_OK;
    }

    std::size_t                     calls        = 0;
    bool                            disconnected = false;
    bool                            done         = false; ///< What was to be done was done.
    legacy::com_ptr<ISMTPTransport> transport;

private:
    void step()
    {
        if (calls++ == when_ && !done)
        {
            done = true;
            what_(*this);
        }
    }

    std::size_t                    when_;
    std::function<void(saboteur&)> what_;
};

constexpr std::size_t never = static_cast<std::size_t>(-1);

/// Runs the whole dialogue. @return The client, which the transport does not hold any more if it was released.
legacy::com_ptr<saboteur> start(std::uint16_t port, std::size_t when, std::function<void(saboteur&)> what)
{
    auto const client = legacy::com_ptr<saboteur>::attach(new saboteur(when, std::move(what)));
    REQUIRE(CreateSMTPTransport(client->transport.put()) == S_OK);
    REQUIRE(client->transport->InitNew(nullptr, client.get()) == S_OK);
    auto where    = server_at(port);
    where.dwFlags = ISF_SSLONSAMEPORT;
    log_on_as(where, "user", "wrong");
    REQUIRE(client->transport->Connect(&where, iitAUTHENTICATE, iitENABLE_ONCOMMAND) == S_OK);
    return client;
}

std::size_t whole_dialogue(sink_thread& sink)
{
    auto const client = start(sink->port(), never, nullptr);
    REQUIRE(legacy::pump_until([&] { return client->disconnected; }, long_enough));
    client->transport->HandsOffCallback();
    CHECK(sink->messages().size() == 1);
    sink->forget();
    return client->calls;
}

} // namespace

TEST_CASE("the last Release inside of each callback: nothing is called after it, and the connection is closed")
{
    sink_thread       sink(demanding());
    std::size_t const all = whole_dialogue(sink);
    REQUIRE(all > 30);
    for (std::size_t n = 0; n != all; ++n)
    {
        CAPTURE(n);
        auto client = start(sink->port(), n, [](saboteur& s) { CHECK(s.transport.detach()->Release() > 0); });
        REQUIRE(legacy::pump_until([&] { return client->done; }, long_enough));
        CHECK(client->calls == n + 1);
        legacy::pump(0);
        CHECK(client->calls == n + 1);
        CHECK(client->AddRef() == 2); // nobody else holds it
        client->Release();
    }
    sink.call(sink->until_idle(1));
}

TEST_CASE("HandsOffCallback at each moment: nothing is called after it")
{
    sink_thread       sink(demanding());
    std::size_t const all = whole_dialogue(sink);
    for (std::size_t n = 0; n != all; ++n)
    {
        CAPTURE(n);
        auto client = start(sink->port(), n, [](saboteur& s) { CHECK(s.transport->HandsOffCallback() == S_OK); });
        REQUIRE(legacy::pump_until([&] { return client->done; }, long_enough));
        // What it does by itself goes on, until it waits for a word of the client, or comes to an end.
        legacy::pump_until([&] {
            return client->transport->IsState(IXP_IS_READY) == S_OK || client->transport->IsState(IXP_IS_READY) == IXP_E_NOT_CONNECTED;
        }, long_enough);
        CHECK(client->calls == n + 1);
        client->transport.reset();
    }
    sink.call(sink->until_idle(1));
}

TEST_CASE("DropConnection inside of each callback")
{
    sink_thread       sink(demanding());
    std::size_t const all = whole_dialogue(sink);
    for (std::size_t n = 0; n != all - 1; ++n)
    {
        CAPTURE(n);
        auto client = start(sink->port(), n, [](saboteur& s) {
            CHECK(s.transport->DropConnection() == S_OK);
            CHECK(s.disconnected); // before it returned
            CHECK(s.transport->DropConnection() == IXP_E_NOT_CONNECTED);
        });
        REQUIRE(legacy::pump_until([&] { return client->done; }, long_enough));
        legacy::pump(0);
        CHECK(client->calls == n + 2);
        client->transport->HandsOffCallback();
    }
    sink.call(sink->until_idle(1));
}

TEST_CASE("Disconnect inside of each callback, and then a new Connect inside of the last one")
{
    sink_thread       sink(demanding());
    std::size_t const all = whole_dialogue(sink);
    for (std::size_t n = 0; n != all - 1; ++n)
    {
        CAPTURE(n);
        auto client = start(sink->port(), n, [](saboteur& s) { CHECK(s.transport->Disconnect() == S_OK); });
        REQUIRE(legacy::pump_until([&] { return client->disconnected; }, long_enough));
        CHECK(client->transport->IsState(IXP_IS_CONNECTED) == S_FALSE);
        client->transport->HandsOffCallback();
    }
    sink->forget();
    auto client = start(sink->port(), all - 1, [&](saboteur& s) { // in IXP_DISCONNECTED
        auto where    = server_at(sink->port());
        where.dwFlags = ISF_SSLONSAMEPORT;
        log_on_as(where, "user", "right");
        CHECK(s.transport->Connect(&where, TRUE, FALSE) == S_OK);
    });
    REQUIRE(legacy::pump_until([&] { return client->done && client->disconnected && sink->messages().size() == 2; }, long_enough));
    client->transport->HandsOffCallback();
    sink.call(sink->until_idle(1));
}

TEST_CASE("a callback that pumps, as a modal dialog does: what comes next is called from inside of it")
{
    sink_thread       sink(demanding());
    std::size_t const all = whole_dialogue(sink);
    for (std::size_t n = 0; n != all; ++n)
    {
        CAPTURE(n);
        auto client = start(sink->port(), n, [](saboteur& s) {
            // A prompt waits for its answer, so nothing can come before it is given.
            auto const before = s.calls;
            legacy::pump_until([&] { return s.calls != before; }, std::chrono::milliseconds(20));
        });
        REQUIRE(legacy::pump_until([&] { return client->disconnected; }, long_enough));
        CHECK(sink->messages().size() == 1);
        sink->forget();
        client->transport->HandsOffCallback();
    }
}

TEST_CASE("a callback that throws: the exception comes out of pump(), and the transport goes on")
{
    sink_thread       sink(demanding());
    std::size_t const all = whole_dialogue(sink);
    for (std::size_t n = 0; n != all; ++n)
    {
        CAPTURE(n);
        auto client = start(sink->port(), n, [](saboteur&) { throw std::runtime_error("from a callback"); });
        int  thrown = 0;
        for (bool over = false; !over;)
            try
            {
                legacy::pump_until([&] { return client->disconnected || (client->done && client->transport->IsState(IXP_IS_READY) == S_OK); },
                                   long_enough);
                over = true;
            }
            catch (std::runtime_error const&)
            {
                ++thrown;
            }
        CHECK(thrown == 1);
        client->transport->HandsOffCallback();
        client->transport.reset();
    }
    sink.call(sink->until_idle(1));
}

TEST_CASE("every method inside of each callback answers, and the dialogue goes on where it can")
{
    sink_thread       sink(demanding());
    std::size_t const all = whole_dialogue(sink);
    for (std::size_t n = 0; n != all; ++n)
    {
        CAPTURE(n);
        auto client = start(sink->port(), n, [](saboteur& s) {
            auto const two   = s.transport.as<ISMTPTransport2>();
            INETSERVER other = {};
            IXPSTATUS  st    = IXP_LAST;
            CHECK(two->GetServerInfo(&other) == S_OK);
            CHECK(two->GetStatus(&st) == S_OK);
            CHECK(two->GetIXPType() == IXP_SMTP);
            CHECK(two->InitNew(nullptr, &s) == (s.disconnected ? S_OK : IXP_E_ALREADY_CONNECTED));
            CHECK(two->CommandMAIL(nullptr) == E_INVALIDARG);
            CHECK(two->CommandDOT() != S_OK);
            CHECK(two->SetWindow() == NOERROR);
            CHECK(two->ResetWindow() == NOERROR);
            CHECK(two->SetWindow() == NOERROR);
        });
        REQUIRE(legacy::pump_until([&] { return client->disconnected; }, long_enough));
        CHECK(sink->messages().size() == 1);
        sink->forget();
        client->transport->HandsOffCallback();
    }
}

TEST_CASE("two transports on one thread")
{
    sink_thread sink(demanding());
    auto const  a = start(sink->port(), never, nullptr);
    auto const  b = start(sink->port(), never, nullptr);
    REQUIRE(legacy::pump_until([&] { return a->disconnected && b->disconnected; }, long_enough));
    CHECK(sink->messages().size() == 2);
    a->transport->HandsOffCallback();
    b->transport->HandsOffCallback();
}

TEST_CASE("a transport on each of eight threads: each hears of its own on its own")
{
    sink_thread              sink(demanding());
    std::atomic<int>         right {0};
    std::vector<std::thread> threads;
    for (int i = 0; i != 8; ++i)
        threads.emplace_back([&] {
            auto const here = std::this_thread::get_id();
            for (int k = 0; k != 3; ++k)
            {
                auto const client = legacy::com_ptr<legacy_client>::attach(new legacy_client);
                legacy::com_ptr<ISMTPTransport> t;
                auto                            where = server_at(sink->port());
                where.dwFlags                         = ISF_SSLONSAMEPORT;
                log_on_as(where, "user", "right");
                client->on_prompt   = [](HRESULT) { return IDYES; };
                client->on_response = [&](SMTPRESPONSE const& r) {
                    if (r.command == SMTP_CONNECTED)
                    {
                        legacy_message m("from@x.test", {"to@x.test"}, "Subject: s\r\n\r\n");
                        t->SendMessage(&m.message);
                    }
                    if (r.command == SMTP_SEND_MESSAGE && r.rIxpResult.hrResult == S_OK)
                        t->Disconnect();
                };
                bool const ended = CreateSMTPTransport(t.put()) == S_OK && t->InitNew(nullptr, client.get()) == S_OK &&
                                   t->Connect(&where, TRUE, TRUE) == S_OK &&
                                   legacy::pump_until([&] { return client->disconnected; }, long_enough);
                t->HandsOffCallback();
                if (ended && client->thread == here && !client->wrong_thread && client->has_finished(SMTP_SEND_MESSAGE))
                    ++right;
            }
        });
    for (auto& t : threads)
        t.join();
    CHECK(right == 24);
    CHECK(sink->messages().size() == 24);
}

TEST_CASE("SetWindow moves a transport to another thread, at each moment")
{
    sink_thread       sink(demanding());
    std::size_t const all = whole_dialogue(sink);
    for (std::size_t n = 0; n != all; ++n)
    {
        CAPTURE(n);
        auto client = start(sink->port(), n, [](saboteur& s) { CHECK(s.transport.as<ISMTPTransport2>()->ResetWindow() == NOERROR); });
        REQUIRE(legacy::pump_until([&] { return client->done; }, long_enough));
        auto const so_far = client->calls;
        legacy::pump(0);
        CHECK(client->calls == so_far); // it waits
        bool ended = false;
        std::thread([&] {
            ended = client->transport.as<ISMTPTransport2>()->SetWindow() == NOERROR &&
                    legacy::pump_until([&] { return client->disconnected; }, long_enough);
            client->transport->HandsOffCallback();
            client->transport.reset();
        }).join();
        CHECK(ended);
        CHECK(sink->messages().size() == 1);
        sink->forget();
    }
}

TEST_CASE("a thread that ends: its transports wait for another one")
{
    sink_thread               sink(demanding());
    legacy::com_ptr<saboteur> client;
    std::thread([&] { client = start(sink->port(), never, nullptr); }).join();
    legacy::pump(0);
    CHECK(client->calls == 0);
    CHECK(client->transport.as<ISMTPTransport2>()->SetWindow() == NOERROR);
    REQUIRE(legacy::pump_until([&] { return client->disconnected; }, long_enough));
    CHECK(sink->messages().size() == 1);
    client->transport->HandsOffCallback();
}

TEST_CASE("the last Release on another thread is carried to the transport's own")
{
    sink_thread sink(demanding());
    auto const  client = start(sink->port(), never, nullptr);
    REQUIRE(legacy::pump_until([&] { return client->calls > 5; }, long_enough));
    auto const before = client->calls;
    std::thread([&] { client->transport.reset(); }).join();
    CHECK(client->AddRef() == 3); // the transport still is there
    client->Release();
    REQUIRE(legacy::pump_until([&] {
        bool const alone = client->AddRef() == 2;
        client->Release();
        return alone;
    }, long_enough));
    CHECK(client->calls >= before);
    sink.call(sink->until_idle(2 - 1));
}

TEST_CASE("transports that are released without ever being pumped leave nothing behind")
{
    sink_thread sink(demanding());
    for (int i = 0; i != 10; ++i)
    {
        auto const client = start(sink->port(), never, nullptr);
        client->transport.reset();
        CHECK(client->calls == 0);
        CHECK(client->AddRef() == 2);
        client->Release();
    }
}

TEST_SUITE_END();
