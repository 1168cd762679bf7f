//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Transports as tasks: one of this library on the task's executor, one that needs a pump, and a foreign one.

#include <posthorn/legacy/awaitable.hpp>

#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/when_any.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/legacy/create.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump_task.hpp>
#include <posthorn/testing/script.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"
#include "support/legacy_scripts.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

TEST_SUITE_BEGIN("legacy/awaitable");

namespace {

using namespace support;
using posthorn::task;
using posthorn::testing::script;
using legacy::awaitable_transport;

script whole_dialogue()
{
    return plain_opening()
        .expect("MAIL FROM:<a@x.test>")
        .reply("250 ok")
        .expect("RCPT TO:<b@x.test>")
        .reply("250 ok")
        .expect("DATA")
        .reply("354 go")
        .expect_data("text\r\n")
        .reply("250 queued as 7")
        .expect("EHLO client.test")
        .reply("250-x\r\n250 y")
        .expect("MAIL FROM:<a@x.test>")
        .reply("250 ok")
        .expect("RCPT TO:<bad@x.test>")
        .reply("550 no")
        .expect("RSET")
        .reply("250 ok")
        .expect("DATA")
        .reply("354 go")
        .expect_data("more\r\n")
        .reply("250 ok")
        .quit();
}

task<void> converse(awaitable_transport& mail, std::uint16_t port)
{
    auto const where = server_at(port);
    co_await mail.connect(where, false);
    legacy_message m("a@x.test", {"b@x.test"}, "text");
    auto const     sent = co_await mail.send(m.message);
    CHECK(sent.ok());
    CHECK(sent.response == "250 queued as 7");
    CHECK(sent.number == 250);
    auto answer = co_await mail.ehlo();
    CHECK(answer.result == IXP_S_SMTP_250_MAIL_ACTION_OKAY);
    CHECK(answer.response == "250 y");
    answer = co_await mail.mail("a@x.test");
    CHECK(answer.ok());
    answer = co_await mail.rcpt("bad@x.test");
    CHECK_FALSE(answer.ok());
    CHECK(answer.result == IXP_E_SMTP_550_MAILBOX_NOT_FOUND);
    answer = co_await mail.rset();
    CHECK(answer.ok());
    answer = co_await mail.data();
    CHECK(answer.result == IXP_S_SMTP_354_START_MAIL_INPUT);
    auto content = stream_of("more\r\n");
    answer       = co_await mail.stream(std::move(content), 0);
    CHECK(answer.command == SMTP_DOT);
    CHECK(answer.ok());
    co_await mail.disconnect();
    co_await mail.disconnect(); // nothing to do
}

task<void> by_commands(std::uint16_t port)
{
    auto const          ex = co_await posthorn::this_coro::executor;
    awaitable_transport mail(legacy::create_smtp_transport(ex));
    for (int i = 0; i != 2; ++i)
    {
        auto where    = server_at(port);
        where.dwFlags = ISF_QUERYDSNSUPPORT;
        co_await mail.connect(where, false);
        auto answer = co_await mail.mail("a@x.test");
        CHECK(answer.ok());
        answer = co_await mail.rcpt("b@x.test", ADDR_DSN_NEVER);
        CHECK(answer.command == SMTP_RCPT);
        CHECK(answer.ok());
        answer = co_await mail.quit();
        CHECK(answer.command == SMTP_QUIT);
        CHECK(answer.result == IXP_S_SMTP_221_CLOSING);
        CHECK(mail.get()->IsState(IXP_IS_CONNECTED) == S_FALSE); // so that another connection can follow at once
    }
}

task<void> quit_without_answer(std::uint16_t port)
{
    auto const          ex = co_await posthorn::this_coro::executor;
    awaitable_transport mail(legacy::create_smtp_transport(ex));
    auto const          where = server_at(port);
    co_await mail.connect(where, false);
    HRESULT told = S_OK;
    try
    {
        auto const answer = co_await mail.quit();
    }
    catch (legacy::transport_error const& e)
    {
        told = e.answer().result;
    }
    CHECK(told == IXP_E_CONNECTION_DROPPED);
}

task<void> on_executor(std::uint16_t port)
{
    auto const          ex = co_await posthorn::this_coro::executor;
    awaitable_transport mail(legacy::create_smtp_transport(ex));
    co_await converse(mail, port);
}

task<void> on_thread(std::uint16_t port)
{
    legacy::com_ptr<ISMTPTransport> t;
    legacy::check(CreateSMTPTransport(t.put()), "CreateSMTPTransport");
    awaitable_transport mail(t);
    auto                work = converse(mail, port);
    auto                pump = legacy::pump_along();
    co_await posthorn::when_any(std::move(work), std::move(pump));
}

/// A transport of somebody else: it knows how to connect and to send, and calls from a thread of its own.
class foreign final : public legacy::detail::unknown<ISMTPTransport, IInternetTransport>
{
public:
    ~foreign() override
    {
        for (auto& t : threads_)
            t.join();
    }
    STDMETHODIMP GetServerInfo(LPINETSERVER) override { return E_NOTIMPL; }
    STDMETHODIMP_(IXPTYPE) GetIXPType() override { return IXP_SMTP; }
    STDMETHODIMP IsState(IXPISSTATE) override { return E_NOTIMPL; }
    STDMETHODIMP InetServerFromAccount(IImnAccount*, LPINETSERVER) override { return E_NOTIMPL; }
    STDMETHODIMP Connect(LPINETSERVER, boolean, boolean) override
    {
        later([this] {
            callback_->OnStatus(IXP_CONNECTED, this);
            respond(SMTP_CONNECTED, S_OK);
        });
        return S_OK;
    }
    STDMETHODIMP HandsOffCallback() override { return callback_.reset(), S_OK; }
    STDMETHODIMP Disconnect() override
    {
        later([this] { callback_->OnStatus(IXP_DISCONNECTED, this); });
        return S_OK;
    }
    STDMETHODIMP DropConnection() override { return E_NOTIMPL; }
    STDMETHODIMP GetStatus(IXPSTATUS*) override { return E_NOTIMPL; }
    STDMETHODIMP InitNew(LPSTR, ISMTPCallback* c) override { return callback_ = legacy::com_ptr<ISMTPCallback>(c), S_OK; }
    STDMETHODIMP SendMessage(LPSMTPMESSAGE) override
    {
        later([this] { respond(SMTP_SEND_MESSAGE, IXP_E_SMTP_REJECTED_SENDER); });
        return S_OK;
    }
    STDMETHODIMP CommandMAIL(LPSTR) override { return IXP_E_BUSY; }
    STDMETHODIMP CommandRCPT(LPSTR) override
    {
        later([this] {
            IXPRESULT r     = {};
            r.hrResult      = IXP_E_CONNECTION_DROPPED;
            r.dwSocketError = 10054;
            callback_->OnError(IXP_CONNECTED, &r, this);
            callback_->OnStatus(IXP_DISCONNECTED, this);
        });
        return S_OK;
    }
    STDMETHODIMP CommandEHLO() override { return S_OK; } // and never a word
    STDMETHODIMP CommandHELO() override { return E_NOTIMPL; }
    STDMETHODIMP CommandAUTH(LPSTR) override { return E_NOTIMPL; }
    STDMETHODIMP CommandQUIT() override { return E_NOTIMPL; }
    STDMETHODIMP CommandRSET() override { return E_NOTIMPL; }
    STDMETHODIMP CommandDATA() override { return E_NOTIMPL; }
    STDMETHODIMP CommandDOT() override { return E_NOTIMPL; }
    STDMETHODIMP SendDataStream(IStream*, ULONG) override { return E_NOTIMPL; }

private:
    template <class F>
    void later(F f)
    {
        threads_.emplace_back(std::move(f));
    }

    void respond(SMTPCOMMAND command, HRESULT result)
    {
        SMTPRESPONSE r        = {};
        r.command             = command;
        r.fDone               = TRUE;
        r.rIxpResult.hrResult = result;
        r.pTransport          = this;
        callback_->OnResponse(&r);
    }

    legacy::com_ptr<ISMTPCallback> callback_;
    std::vector<std::thread>       threads_;
};

task<void> with_foreign()
{
    auto const          t = legacy::com_ptr<ISMTPTransport>::attach(new foreign);
    legacy::smtp_hooks  hooks;
    std::vector<int>    statuses;
    hooks.on_status = [&](IXPSTATUS s) { statuses.push_back(s); };
    awaitable_transport mail(t, hooks);
    auto const          where = server_at(25);
    co_await mail.connect(where, false);
    legacy_message m("a@x.test", {"b@x.test"}, "text");
    auto const     answer = co_await mail.send(m.message);
    CHECK(answer.result == IXP_E_SMTP_REJECTED_SENDER);
    HRESULT refused = S_OK;
    try
    {
        co_await mail.mail("a@x.test");
    }
    catch (legacy::com_error const& e)
    {
        refused = e.result();
    }
    CHECK(refused == IXP_E_BUSY);
    SMTPMESSAGE2 two = {};
    try
    {
        co_await mail.send(two);
    }
    catch (legacy::com_error const& e)
    {
        refused = e.result();
    }
    CHECK(refused == E_NOINTERFACE);
    unsigned socket = 0;
    try
    {
        co_await mail.rcpt("b@x.test");
    }
    catch (legacy::transport_error const& e)
    {
        refused = e.result();
        socket  = e.answer().socket;
    }
    CHECK(refused == IXP_E_CONNECTION_DROPPED);
    CHECK(socket == 10054);
    std::error_code late;
    try
    {
        auto waiting = mail.ehlo();
        co_await posthorn::with_timeout(std::move(waiting), std::chrono::milliseconds(20));
    }
    catch (std::system_error const& e)
    {
        late = e.code();
    }
    CHECK(late == posthorn::errc::timeout);
    co_await mail.disconnect();
    CHECK(statuses == std::vector<int> {IXP_CONNECTED, IXP_DISCONNECTED, IXP_DISCONNECTED});
}

task<void> to_nobody()
{
    auto const          ex = co_await posthorn::this_coro::executor;
    awaitable_transport mail(legacy::create_smtp_transport(ex));
    auto const          where = server_at(1);
    HRESULT             why   = S_OK;
    bool                kind  = false;
    try
    {
        co_await mail.connect(where, false);
    }
    catch (legacy::transport_error const& e)
    {
        why  = e.answer().result;
        kind = e.code() == posthorn::condition::unreachable;
        CHECK(e.answer().socket == 10061);
    }
    CHECK(why == IXP_E_FAILED_TO_CONNECT);
    CHECK(kind);
}

} // namespace

TEST_CASE_FIXTURE(named_client, "a transport for the executor of the task")
{
    script_thread server(whole_dialogue());
    posthorn::sync_wait(on_executor(server.port()));
    server.check();
}

TEST_CASE_FIXTURE(named_client, "a transport that needs its thread to pump, with pump_along()")
{
    script_thread server(whole_dialogue());
    posthorn::sync_wait(on_thread(server.port()));
    server.check();
}

TEST_CASE("a foreign transport, which calls from another thread")
{
    posthorn::sync_wait(with_foreign());
}

TEST_CASE("a connection that fails is an exception that tells all")
{
    posthorn::sync_wait(to_nobody());
}

TEST_CASE_FIXTURE(named_client, "QUIT, after which another connection can follow, and RCPT with wishes about DSN")
{
    std::vector<script> const both(2, ehlo_opening("250-x\r\n250 DSN").expect("MAIL FROM:<a@x.test>").reply("250 ok")
                                          .expect("RCPT TO:<b@x.test> NOTIFY=NEVER").reply("250 ok").quit());
    script_thread server(both);
    posthorn::sync_wait(by_commands(server.port()));
    server.check();
}

TEST_CASE_FIXTURE(named_client, "a server that closes in place of answering QUIT")
{
    script_thread server(plain_opening().expect("QUIT").close());
    posthorn::sync_wait(quit_without_answer(server.port()));
    server.check();
}

TEST_SUITE_END();
