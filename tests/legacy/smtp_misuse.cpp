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

#include "support/legacy_account.hpp"
#include "support/legacy_client.hpp"
#include "support/legacy_methods.hpp"
#include "support/legacy_scripts.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

TEST_SUITE_BEGIN("legacy/smtp_misuse");

namespace {

using namespace support;
using sink_thread = posthorn::testing::server_thread<posthorn::testing::smtp_sink>;

/// A sink that makes the transport call every callback there is but OnTimeout and OnError; for those see in_trouble().
struct demanding : trusting_client
{
    demanding() : sink(settings_of(authority)) {}

    static posthorn::testing::smtp_sink_settings settings_of(posthorn::testing::certificate_authority const& authority)
    {
        using posthorn::testing::smtp_sink_settings;
        posthorn::testing::certificate const wrong = authority.issue(std::vector<std::string>(1, "other.test"));
        posthorn::net::tls_settings          how;
        how.certificate_pem = wrong.chain_pem;
        how.key_pem         = wrong.key_pem;
        smtp_sink_settings s;
        s.tls = smtp_sink_settings::tls_mode::starttls;
        s.tls_context.emplace(how);
        s.users["user"] = "right";
        s.require_auth  = true;
        return s;
    }

    sink_thread sink;
};

/// A client that sends a message and disconnects, and at one of its callbacks does something else first.
class saboteur final : public legacy::detail::unknown<ISMTPCallback, ITransportCallback>
{
public:
    explicit saboteur(std::size_t when, std::function<void(saboteur&)> what) : when_(when), what_(std::move(what)) {}

    STDMETHODIMP OnTimeout(DWORD*, IInternetTransport*) override { return note_trouble(), step(), S_FALSE; }
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
    STDMETHODIMP OnError(IXPSTATUS, LPIXPRESULT, IInternetTransport*) override { return note_trouble(), step(), S_OK; }
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
            leaving = transport->Disconnect() == S_OK;
        return S_OK;
    }

    std::size_t                     calls        = 0;
    std::size_t                     trouble      = static_cast<std::size_t>(-1); ///< Which call was the first OnTimeout or OnError.
    bool                            leaving      = false; ///< Disconnect was called.
    bool                            disconnected = false;
    bool                            done         = false; ///< What was to be done was done.
    legacy::com_ptr<ISMTPTransport> transport;

private:
    void note_trouble() { trouble = std::min(trouble, calls); }

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

legacy::com_ptr<saboteur> connect(INETSERVER where, std::size_t when, std::function<void(saboteur&)> what)
{
    auto const client = legacy::com_ptr<saboteur>::attach(new saboteur(when, std::move(what)));
    REQUIRE(CreateSMTPTransport(client->transport.put()) == S_OK);
    REQUIRE(client->transport->InitNew(nullptr, client.get()) == S_OK);
    REQUIRE(client->transport->Connect(&where, iitAUTHENTICATE, iitENABLE_ONCOMMAND) == S_OK);
    return client;
}

/// Runs the whole dialogue. @return The client, which the transport does not hold any more if it was released.
legacy::com_ptr<saboteur> start(std::uint16_t port, std::size_t when, std::function<void(saboteur&)> what)
{
    auto where    = server_at(port);
    where.dwFlags = ISF_SSLONSAMEPORT;
    log_on_as(where, "user", "wrong");
    return connect(where, when, std::move(what));
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

/// A client of a server that does not answer MAIL, or closes there.
struct troubled
{
    troubled(bool silent, std::size_t when, std::function<void(saboteur&)> what)
        : server(silent ? plain_opening().expect_prefix("MAIL ").stall() : plain_opening().expect_prefix("MAIL ").close())
    {
        auto where      = server_at(server.port());
        where.dwTimeout = silent ? 1 : 30;
        client          = connect(where, when, std::move(what));
    }
    troubled(troubled const&)            = delete;
    troubled& operator=(troubled const&) = delete;
    ~troubled()
    {
        if (client->transport)
            client->transport->HandsOffCallback();
    }

    script_thread             server;
    legacy::com_ptr<saboteur> client;
};

/// One client for each callback that trouble brings, from the first OnTimeout or OnError to IXP_DISCONNECTED; at that one it
/// does something. They all run at the same time, for silence takes a second.
class in_trouble : named_client
{
public:
    explicit in_trouble(std::function<void(saboteur&)> what)
    {
        for (bool const silent : {false, true})
        {
            auto const [first, end] = range(silent);
            REQUIRE(end - first == (silent ? 3 : 2));
            for (auto n = first; n != end; ++n)
                all_.push_back(std::make_unique<troubled>(silent, n, what));
        }
    }

    /// Pumps until something holds for each client.
    void until(std::function<bool(saboteur&)> const& holds)
    {
        auto const all     = [&] { return std::all_of(all_.begin(), all_.end(), [&](auto const& one) { return holds(*one->client); }); };
        bool const in_time = legacy::pump_until(all, long_enough); // may throw what a callback throws
        REQUIRE(in_time);
    }

    template <class F>
    void each(F f)
    {
        for (auto const& one : all_)
            f(one->client);
    }

private:
    static std::pair<std::size_t, std::size_t> range(bool silent)
    {
        static std::array<std::pair<std::size_t, std::size_t>, 2> known {};
        auto&                                                     mine = known[silent ? 1 : 0];
        if (mine.second == 0)
        {
            troubled one(silent, never, nullptr);
            REQUIRE(legacy::pump_until([&] { return one.client->disconnected; }, long_enough));
            mine = {one.client->trouble, one.client->calls};
        }
        return mine;
    }

    std::vector<std::unique_ptr<troubled>> all_;
};

bool has_done(saboteur& s)
{
    return s.done;
}

/// How many references a client has besides the test's own.
ULONG others(legacy::com_ptr<saboteur> const& client)
{
    ULONG const n = client->AddRef() - 2;
    client->Release();
    return n;
}

/// What a method that is in order answers at present. @param content One that goes on after DATA.
HRESULT expected_of(saboteur& s, bool content)
{
    HRESULT const busy = s.transport->IsState(IXP_IS_BUSY);
    if (busy == IXP_E_NOT_CONNECTED)
        return busy;
    if (busy == S_OK || s.leaving)
        return IXP_E_BUSY;
    return content ? IXP_E_INVALID_STATE : S_OK;
}

/// Calls every method, except those that would be taken: of those the dialogue consists.
void call_everything(saboteur& s)
{
    auto const two   = s.transport.as<ISMTPTransport2>();
    INETSERVER other = {};
    IXPSTATUS  st    = IXP_LAST;
    CHECK(two->GetServerInfo(&other) == S_OK); // 6.28: also in OnError
    CHECK(std::string(other.szServerName) == "127.0.0.1");
    CHECK(two->GetStatus(&st) == S_OK);
    CHECK(two->GetIXPType() == IXP_SMTP);
    auto const account             = legacy::com_ptr<legacy_account>::attach(new legacy_account);
    account->texts[AP_SMTP_SERVER] = "mail.example";
    CHECK(two->InetServerFromAccount(account.get(), &other) == S_OK);
    CHECK(two->InitNew(nullptr, &s) == (s.disconnected ? S_OK : IXP_E_ALREADY_CONNECTED));
    auto where = server_at(25);
    if (!s.disconnected)
        CHECK(two->Connect(&where, FALSE, FALSE) == IXP_E_ALREADY_CONNECTED);
    CHECK(two->CommandMAIL(nullptr) == E_INVALIDARG);
    for (auto const& m : content_commands())
    {
        CAPTURE(m.name);
        CHECK(m.call(*two) == expected_of(s, true));
    }
    for (auto const& group : {commands(), messages()})
        for (auto const& m : group)
        {
            CAPTURE(m.name);
            HRESULT const expected = expected_of(s, false);
            if (expected != S_OK)
                CHECK(m.call(*two) == expected);
        }
    CHECK(two->SetWindow() == NOERROR);
    CHECK(two->ResetWindow() == NOERROR);
    CHECK(two->SetWindow() == NOERROR);
}

} // namespace

TEST_CASE("the last Release inside of each callback: nothing is called after it, and the connection is closed")
{
    demanding         world;
    auto&             sink = world.sink;
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
    demanding         world;
    auto&             sink = world.sink;
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

TEST_CASE("HandsOffCallback between any two steps of the pump, and before the first")
{
    demanding world;
    auto&     sink = world.sink;
    auto&     due  = *legacy::detail::pump_queue::of_this_thread();
    bool      over = false;
    std::size_t n  = 0;
    for (; !over; ++n)
    {
        CAPTURE(n);
        auto const client = start(sink->port(), never, nullptr);
        for (std::size_t i = 0; i != n && !over; ++i)
        {
            REQUIRE(due.wait_until(legacy::detail::pump_queue::clock::now() + long_enough));
            due.run_one();
            over = client->disconnected;
        }
        auto const before = client->calls;
        CHECK(client->transport->HandsOffCallback() == S_OK);
        CHECK(others(client) == 0);
        auto const& t = client->transport;
        REQUIRE(legacy::pump_until([&] { return t->IsState(IXP_IS_READY) == S_OK || t->IsState(IXP_IS_READY) == IXP_E_NOT_CONNECTED; }, long_enough));
        CHECK(client->calls == before);
        client->transport.reset();
    }
    CHECK(n > 30);
    sink.call(sink->until_idle(1));
}

TEST_CASE("DropConnection inside of each callback")
{
    demanding         world;
    auto&             sink = world.sink;
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
    demanding         world;
    auto&             sink = world.sink;
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
    demanding         world;
    auto&             sink = world.sink;
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
    demanding         world;
    auto&             sink = world.sink;
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
    demanding         world;
    auto&             sink = world.sink;
    std::size_t const all = whole_dialogue(sink);
    for (std::size_t n = 0; n != all; ++n)
    {
        CAPTURE(n);
        auto client = start(sink->port(), n, call_everything);
        REQUIRE(legacy::pump_until([&] { return client->disconnected; }, long_enough));
        CHECK(sink->messages().size() == 1);
        sink->forget();
        client->transport->HandsOffCallback();
    }
}

// ---- trouble: the same inside of OnTimeout, OnError and what follows -----------------------------------------

TEST_CASE("the last Release inside of OnTimeout, OnError, and the status after them")
{
    std::map<saboteur*, std::size_t> at;
    in_trouble                       all([&](saboteur& s) {
        CHECK(s.transport.detach()->Release() > 0);
        at[&s] = s.calls;
    });
    all.until(has_done);
    legacy::pump(0);
    all.each([&](legacy::com_ptr<saboteur> const& c) {
        CHECK(others(c) == 0);
        CHECK(c->calls == at[c.get()]);
    });
}

TEST_CASE("HandsOffCallback inside of OnTimeout, OnError, and the status after them: nothing is called after it")
{
    std::map<saboteur*, std::size_t> at;
    in_trouble all([&](saboteur& s) {
        CHECK(s.transport->HandsOffCallback() == S_OK);
        at[&s] = s.calls;
    });
    all.until([](saboteur& s) { return s.done && s.transport->IsState(IXP_IS_BUSY) == IXP_E_NOT_CONNECTED; });
    all.each([&](legacy::com_ptr<saboteur> const& c) { CHECK(c->calls == at[c.get()]); });
}

TEST_CASE("DropConnection inside of OnTimeout, OnError, and the status after them")
{
    std::map<saboteur*, std::size_t> at;
    in_trouble all([&](saboteur& s) {
        HRESULT const expected = s.disconnected ? IXP_E_NOT_CONNECTED : S_OK;
        CHECK(s.transport->DropConnection() == expected);
        CHECK(s.disconnected);
        CHECK(s.transport->DropConnection() == IXP_E_NOT_CONNECTED);
        at[&s] = s.calls;
    });
    all.until(has_done);
    legacy::pump(0);
    all.each([&](legacy::com_ptr<saboteur> const& c) { CHECK(c->calls == at[c.get()]); });
}

TEST_CASE("Disconnect inside of OnTimeout, OnError, and the status after them")
{
    in_trouble all([](saboteur& s) {
        HRESULT const expected = s.disconnected ? IXP_E_NOT_CONNECTED : S_OK;
        CHECK(s.transport->Disconnect() == expected);
    });
    all.until([](saboteur& s) { return s.done && s.disconnected; });
    all.each([](legacy::com_ptr<saboteur> const& c) {
        IXPSTATUS last = IXP_LAST;
        CHECK(c->transport->GetStatus(&last) == S_OK);
        CHECK(last == IXP_DISCONNECTED); // and not IXP_DISCONNECTING after it
    });
}

TEST_CASE("OnTimeout, OnError, and the status after them pump")
{
    in_trouble all([](saboteur&) { legacy::pump(20); });
    all.until([](saboteur& s) { return s.done && s.disconnected; });
}

TEST_CASE("OnTimeout, OnError, and the status after them throw: the connection ends all the same")
{
    int        raised = 0, caught = 0;
    in_trouble all([&](saboteur&) {
        ++raised;
        throw std::runtime_error("from a callback");
    });
    for (bool over = false; !over;)
        try
        {
            all.until([](saboteur& s) { return s.done && s.disconnected; });
            over = true;
        }
        catch (std::runtime_error const&)
        {
            ++caught;
        }
    CHECK(raised == 5);
    CHECK(caught == raised);
}

TEST_CASE("SetWindow moves a transport to another thread inside of OnTimeout, OnError, and the status after them")
{
    in_trouble all([](saboteur& s) { CHECK(s.transport.as<ISMTPTransport2>()->ResetWindow() == NOERROR); });
    all.until(has_done);
    bool ended = true;
    std::thread([&] {
        all.each([&](legacy::com_ptr<saboteur> const& c) { ended = ended && c->transport.as<ISMTPTransport2>()->SetWindow() == NOERROR; });
        all.each([&](legacy::com_ptr<saboteur> const& c) { ended = ended && legacy::pump_until([&] { return c->disconnected; }, long_enough); });
        all.each([](legacy::com_ptr<saboteur> const& c) { c->transport.reset(); });
    }).join();
    CHECK(ended);
}

TEST_CASE("every method inside of OnTimeout, OnError, and the status after them answers")
{
    in_trouble all(call_everything);
    all.until([](saboteur& s) { return s.done && s.disconnected; });
}

TEST_CASE("two transports on one thread")
{
    demanding world;
    auto&     sink = world.sink;
    auto const  a = start(sink->port(), never, nullptr);
    auto const  b = start(sink->port(), never, nullptr);
    REQUIRE(legacy::pump_until([&] { return a->disconnected && b->disconnected; }, long_enough));
    CHECK(sink->messages().size() == 2);
    a->transport->HandsOffCallback();
    b->transport->HandsOffCallback();
}

TEST_CASE("a transport on each of eight threads: each hears of its own on its own")
{
    demanding                world;
    auto&                    sink = world.sink;
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
    demanding         world;
    auto&             sink = world.sink;
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
    demanding                 world;
    auto&                     sink = world.sink;
    legacy::com_ptr<saboteur> client;
    std::thread([&] { client = start(sink->port(), never, nullptr); }).join();
    legacy::pump(0);
    CHECK(client->calls == 0);
    CHECK(client->transport.as<ISMTPTransport2>()->SetWindow() == NOERROR);
    REQUIRE(legacy::pump_until([&] { return client->disconnected; }, long_enough));
    CHECK(sink->messages().size() == 1);
    client->transport->HandsOffCallback();
}

TEST_CASE("transports that are released without ever being pumped leave nothing behind")
{
    demanding world;
    auto&     sink = world.sink;
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
