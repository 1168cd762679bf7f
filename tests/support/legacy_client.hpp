//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A client of the legacy SMTP interface: writes down every callback with all its arguments, and does in it what a test says.

#ifndef POSTHORN_TESTS_SUPPORT_LEGACY_CLIENT_HPP
#define POSTHORN_TESTS_SUPPORT_LEGACY_CLIENT_HPP

#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/imnxport/error_text.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/testing/scripted_server.hpp>
#include <posthorn/testing/server_thread.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace support {

namespace legacy = posthorn::legacy;

inline constexpr std::chrono::seconds long_enough {20};

inline std::string hresult_text(HRESULT hr)
{
    if (char const* const name = legacy::error_name(hr))
        return name;
    std::ostringstream out;
    out << "0x" << std::hex << static_cast<std::uint32_t>(hr);
    return out.str();
}

inline std::string text_of(IXPSTATUS s)
{
    static char const* const names[] = {"IXP_FINDINGHOST", "IXP_CONNECTING", "IXP_SECURING",      "IXP_CONNECTED",   "IXP_AUTHORIZING",
                                        "IXP_AUTHRETRY",   "IXP_AUTHORIZED", "IXP_DISCONNECTING", "IXP_DISCONNECTED"};
    return s >= 0 && s < IXP_LAST ? names[s] : std::to_string(s);
}

inline std::string text_of(SMTPCOMMAND c)
{
    static char const* const names[] = {"SMTP_NONE", "SMTP_BANNER", "SMTP_CONNECTED", "SMTP_SEND_MESSAGE", "SMTP_AUTH",
                                        "SMTP_EHLO", "SMTP_HELO",   "SMTP_MAIL",      "SMTP_RCPT",         "SMTP_RSET",
                                        "SMTP_QUIT", "SMTP_DATA",   "SMTP_DOT",       "SMTP_SEND_STREAM",  "SMTP_CUSTOM"};
    return c >= 0 && c <= SMTP_CUSTOM ? names[c] : std::to_string(c);
}

inline std::string quoted(char const* s)
{
    return s == nullptr ? std::string("NULL") : '"' + std::string(s) + '"';
}

inline std::string text_of(IXPRESULT const& r)
{
    return hresult_text(r.hrResult) + ", " + quoted(r.pszResponse) + ", " + std::to_string(r.uiServerError) + ", " +
           hresult_text(r.hrServerError) + ", socket " + std::to_string(r.dwSocketError) + ", " + quoted(r.pszProblem);
}

/// The callback object. Hooks run after the callback was written down.
class legacy_client final : public legacy::detail::unknown<ISMTPCallback, ITransportCallback>
{
public:
    std::vector<std::string> trace;
    std::vector<SMTPCOMMAND> finished; ///< Commands of responses with fDone.
    bool                     disconnected = false;
    bool                     failed       = false; ///< OnError was called.
    bool                     ready        = false; ///< SMTP_CONNECTED came.
    std::thread::id          thread       = std::this_thread::get_id();
    bool                     wrong_thread = false;
    ISMTPTransport*          expected     = nullptr; ///< Of whom all calls must come, if set.
    bool                     wrong_caller = false;

    std::function<HRESULT(DWORD*)>          on_timeout;
    std::function<HRESULT(INETSERVER*)>     on_logon;
    std::function<INT(HRESULT)>             on_prompt;
    std::function<void(IXPSTATUS)>          on_status;
    std::function<void(IXPRESULT const&)>   on_error;
    std::function<void(SMTPRESPONSE const&)> on_response;
    std::function<void(CMDTYPE, char const*)> on_command;

    STDMETHODIMP OnTimeout(DWORD* seconds, IInternetTransport* t) override
    {
        note("OnTimeout(" + std::to_string(*seconds) + ")", t);
        return on_timeout ? on_timeout(seconds) : S_FALSE;
    }

    STDMETHODIMP OnLogonPrompt(LPINETSERVER server, IInternetTransport* t) override
    {
        note("OnLogonPrompt(" + quoted(server->szAccount) + ", " + quoted(server->szUserName) + ", " + quoted(server->szPassword) + ")", t);
        return on_logon ? on_logon(server) : S_FALSE;
    }

    STDMETHODIMP_(INT) OnPrompt(HRESULT error, LPCTSTR text, LPCTSTR caption, UINT type, IInternetTransport* t) override
    {
        note("OnPrompt(" + hresult_text(error) + ", " + quoted(text) + ", " + quoted(caption) + ", " + std::to_string(type) + ")", t);
        return on_prompt ? on_prompt(error) : IDNO;
    }

    STDMETHODIMP OnStatus(IXPSTATUS status, IInternetTransport* t) override
    {
        IXPSTATUS now = IXP_LAST;
        t->GetStatus(&now);
        note("OnStatus(" + text_of(status) + ")" + (now == status ? "" : " but GetStatus tells " + text_of(now)), t);
        if (status == IXP_DISCONNECTED)
            disconnected = true;
        if (on_status)
            on_status(status);
        return S_OK;
    }

    STDMETHODIMP OnError(IXPSTATUS status, LPIXPRESULT result, IInternetTransport* t) override
    {
        note("OnError(" + text_of(status) + ", " + text_of(*result) + ")", t);
        failed = true;
        if (on_error)
            on_error(*result);
        return S_OK;
    }

    STDMETHODIMP OnCommand(CMDTYPE type, LPSTR line, HRESULT response, IInternetTransport* t) override
    {
        note("OnCommand(" + std::string(type == CMD_SEND ? "CMD_SEND" : "CMD_RESP") + ", " + quoted(line) + ", " + hresult_text(response) + ")", t);
        if (on_command)
            on_command(type, line);
        return S_OK;
    }

    STDMETHODIMP OnResponse(LPSMTPRESPONSE r) override
    {
        std::string text = "OnResponse(" + text_of(r->command) + ", " + (r->fDone ? "TRUE, " : "FALSE, ") + text_of(r->rIxpResult);
        if (r->command == SMTP_SEND_STREAM)
            text += ", " + std::to_string(r->rStreamInfo.cbIncrement) + "/" + std::to_string(r->rStreamInfo.cbCurrent) + "/" +
                    std::to_string(r->rStreamInfo.cbTotal);
        note(text + ")", r->pTransport);
        if (r->fDone)
            finished.push_back(r->command);
        if (r->command == SMTP_CONNECTED && SUCCEEDED(r->rIxpResult.hrResult))
            ready = true;
        if (on_response)
            on_response(*r);
        return S_OK;
    }

    bool has_finished(SMTPCOMMAND c) const { return std::find(finished.begin(), finished.end(), c) != finished.end(); }

    std::string text() const
    {
        std::string all;
        for (auto const& one : trace)
            all += one + "\n";
        return all;
    }

private:
    void note(std::string line, IInternetTransport* t)
    {
        trace.push_back(std::move(line));
        wrong_thread = wrong_thread || std::this_thread::get_id() != thread;
        wrong_caller = wrong_caller || t == nullptr || (expected != nullptr && t != expected);
    }
};

/// Comments of a test in the trace: what was called in between.
struct legacy_session
{
    explicit legacy_session(char* log = nullptr)
    {
        REQUIRE(CreateSMTPTransport(transport.put()) == S_OK);
        REQUIRE(transport->InitNew(log, client.get()) == S_OK);
        client->expected = transport.get();
    }
    legacy_session(legacy_session const&)            = delete;
    legacy_session& operator=(legacy_session const&) = delete;
    ~legacy_session()
    {
        if (transport)
            transport->HandsOffCallback();
    }

    /// Writes down what the test does.
    HRESULT called(char const* what, HRESULT result)
    {
        client->trace.push_back("-- " + std::string(what) + ": " + hresult_text(result));
        return result;
    }

    HRESULT connect(INETSERVER& server, bool authenticate = false)
    {
        return called("Connect", transport->Connect(&server, authenticate ? iitAUTHENTICATE : iitDONT_AUTHENTICATE, iitENABLE_ONCOMMAND));
    }

    /// Pumps until a condition holds; what came meanwhile is shown if it does not.
    template <class Predicate>
    void until(Predicate done)
    {
        bool const in_time = legacy::pump_until(done, long_enough);
        REQUIRE_MESSAGE(in_time, client->text());
    }

    void until_ready()
    {
        until([this] { return client->ready || client->disconnected; });
        REQUIRE_MESSAGE(client->ready, client->text());
    }
    void until_done(SMTPCOMMAND c)
    {
        client->finished.clear();
        until([this, c] { return client->has_finished(c) || client->disconnected; });
    }
    void until_disconnected()
    {
        until([this] { return client->disconnected; });
    }

    legacy::com_ptr<legacy_client>  client = legacy::com_ptr<legacy_client>::attach(new legacy_client);
    legacy::com_ptr<ISMTPTransport> transport;
};

inline INETSERVER server_at(std::uint16_t port)
{
    INETSERVER s = {};
    std::strcpy(s.szAccount, "Test account");
    std::strcpy(s.szServerName, "127.0.0.1");
    s.dwPort    = port;
    s.dwTimeout = 30;
    return s;
}

inline void log_on_as(INETSERVER& s, char const* name, char const* password)
{
    std::strcpy(s.szUserName, name);
    std::strcpy(s.szPassword, password);
}

/// A server that plays scripts, in a thread of its own.
class script_thread
{
public:
    template <class... Args>
    explicit script_thread(Args&&... args) : server_(std::forward<Args>(args)...)
    {
    }

    std::uint16_t port() const { return server_->port(); }

    /// Nothing departed from the scripts.
    void check()
    {
        server_.call(server_->until_done());
        std::string failures;
        for (auto const& f : server_->failures())
            failures += f + "\n";
        CHECK(failures == "");
    }

    std::string received(std::uint64_t connection = 1) { return server_->received(connection); }

private:
    posthorn::testing::server_thread<posthorn::testing::scripted_server> server_;
};

/// A stream of the system over a text.
inline legacy::com_ptr<IStream> stream_of(std::string_view text)
{
    legacy::com_ptr<IStream> s;
    REQUIRE(CreateStreamOnHGlobal(nullptr, TRUE, s.put()) == S_OK);
    ULONG written = 0;
    REQUIRE(s->Write(text.data(), static_cast<ULONG>(text.size()), &written) == S_OK);
    LARGE_INTEGER start;
    start.QuadPart = 0;
    REQUIRE(s->Seek(start, STREAM_SEEK_SET, nullptr) == S_OK);
    return s;
}

/// A message description on the heap of the test, as old programs have it on the stack.
struct legacy_message
{
    legacy_message(std::string_view from, std::vector<std::string_view> to, std::string_view text) : stream(stream_of(text))
    {
        if (!from.empty())
            add(from, ADDR_FROM);
        for (auto const one : to)
            add(one, ADDR_TO);
        message.cbSize  = static_cast<ULONG>(text.size());
        message.pstmMsg = stream.get();
        refresh();
    }

    void add(std::string_view address, int type)
    {
        INETADDR a = {};
        a.addrtype = static_cast<INETADDRTYPE>(type);
        std::copy(address.begin(), address.end(), a.szEmail);
        addresses.push_back(a);
        refresh();
    }

    void refresh()
    {
        message.rAddressList.cAddress   = static_cast<ULONG>(addresses.size());
        message.rAddressList.prgAddress = addresses.data();
    }

    legacy::com_ptr<IStream> stream;
    std::vector<INETADDR>    addresses;
    SMTPMESSAGE              message = {};
};

/// Compares a trace with the text kept for it in tests/legacy/traces; with POSTHORN_WRITE_TRACES set it is written instead.
inline void check_trace(std::string const& name, std::string const& got)
{
    std::string const path = std::string(POSTHORN_SOURCE_DIR) + "/tests/legacy/traces/" + name + ".txt";
    if (std::getenv("POSTHORN_WRITE_TRACES") != nullptr)
        std::ofstream(path, std::ios::binary) << got;
    std::ifstream     file(path, std::ios::binary);
    std::string const wanted((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    INFO("the trace of " << path);
    CHECK(got == wanted);
}

} // namespace support

#endif
