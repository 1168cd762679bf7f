//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The README's two ways to read what is unread, by callbacks and by co_await: both run here, against the same mailbox, and the README
// shows what runs.

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/httpmail.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/testing/httpmail_server.hpp>
#include <posthorn/testing/server_thread.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

TEST_SUITE_BEGIN("legacy/side_by_side");

namespace {

namespace httpmail = posthorn::httpmail;
namespace testing  = posthorn::testing;

// README: callbacks
class UnreadReader : public IHTTPMailCallback
{
public:
    HRESULT Run(const char* url, const char* user, const char* password)
    {
        HRESULT hr = CoCreateInstance(CLSID_IHTTPMailTransport, NULL, CLSCTX_INPROC_SERVER, IID_IHTTPMailTransport, (void**)&m_transport);
        if (FAILED(hr))
            return hr;
        INETSERVER server = {};
        strncpy(server.szServerName, url, sizeof(server.szServerName) - 1);
        strncpy(server.szUserName, user, sizeof(server.szUserName) - 1);
        strncpy(server.szPassword, password, sizeof(server.szPassword) - 1);
        server.dwTimeout = 30;
        hr = m_transport->InitNew("example", NULL, this);
        if (SUCCEEDED(hr))
            hr = m_transport->Connect(&server, iitAUTHENTICATE, iitDISABLE_ONCOMMAND);
        if (SUCCEEDED(hr))
            hr = m_transport->GetProperty(HTTPMAIL_PROP_INBOX, NULL);
        MSG msg;
        while (hr == E_PENDING && GetMessage(&msg, NULL, 0, 0) > 0)
            DispatchMessage(&msg);
        m_transport->HandsOffCallback();
        m_transport->Release();
        return hr == E_PENDING ? m_result : hr;
    }
    std::string text;

    STDMETHODIMP OnResponse(LPHTTPMAILRESPONSE r)
    {
        m_result = r->rIxpResult.hrResult;
        if (FAILED(m_result))
            return m_transport->Disconnect();
        if (r->command == HTTPMAIL_MEMBERINFO)
            for (ULONG i = 0; i < r->rMemberInfoList.cMemberInfo; i++)
                if (!r->rMemberInfoList.prgMemberInfo[i].fRead)
                    m_unread.push_back(r->rMemberInfoList.prgMemberInfo[i].pszHref);
        if (r->command == HTTPMAIL_GET && r->rGetInfo.pvBody != NULL)
            text.append((const char*)r->rGetInfo.pvBody, r->rGetInfo.cbIncrement);
        if (!r->fDone)
            return S_OK;
        if (r->command == HTTPMAIL_GETPROP)
            return m_transport->MemberInfo(r->rGetPropInfo.pszProp, HTTP_MEMBERINFO_MESSAGEPROPS, 1, FALSE, 0);
        if (r->command == HTTPMAIL_GET)
        {
            HTTPTARGETLIST none = {};
            return m_transport->MarkRead(m_current.c_str(), &none, TRUE, 0);
        }
        if (m_unread.empty())
            return m_transport->Disconnect();
        m_current = m_unread.front();
        m_unread.pop_front();
        return m_transport->CommandGET(m_current.c_str(), NULL, TRUE, 0);
    }
    STDMETHODIMP OnStatus(IXPSTATUS status, IInternetTransport*)
    {
        if (status == IXP_DISCONNECTED)
            PostQuitMessage(0);
        return S_OK;
    }
    STDMETHODIMP OnLogonPrompt(LPINETSERVER, IInternetTransport*) { return S_FALSE; }
    STDMETHODIMP_(INT) OnPrompt(HRESULT, LPCTSTR, LPCTSTR, UINT, IInternetTransport*) { return IDNO; }
    STDMETHODIMP OnTimeout(DWORD*, IInternetTransport*) { return S_FALSE; }
    STDMETHODIMP OnError(IXPSTATUS, LPIXPRESULT, IInternetTransport*) { return S_OK; }
    STDMETHODIMP OnCommand(CMDTYPE, LPSTR, HRESULT, IInternetTransport*) { return S_OK; }
    STDMETHODIMP GetParentWindow(HWND*) { return E_FAIL; }
    STDMETHODIMP QueryInterface(REFIID, void**) { return E_NOINTERFACE; }
    STDMETHODIMP_(ULONG) AddRef() { return 2; }
    STDMETHODIMP_(ULONG) Release() { return 1; }

private:
    IHTTPMailTransport*     m_transport = NULL;
    HRESULT                 m_result    = E_FAIL;
    std::deque<std::string> m_unread;
    std::string             m_current;
};
// README end

// README: co_await
posthorn::task<std::string> read_unread(posthorn::http::url entry, posthorn::sasl::credentials login)
{
    httpmail::mailbox_settings settings;
    settings.http.login = std::move(login);
    httpmail::mailbox box(std::move(entry), settings);
    std::string       text;
    auto const        inbox = co_await box.find(httpmail::folder_kind::inbox);
    auto              list  = box.messages(inbox);
    auto              m     = co_await list.next();
    while (m)
    {
        if (m->read == false)
        {
            text += co_await box.fetch_text(m->url);
            co_await box.mark(m->url, true);
        }
        m = co_await list.next();
    }
    co_return text;
}
// README end

using server_thread = testing::server_thread<testing::httpmail_server>;

void fill(server_thread& server)
{
    for (auto const* const name : {"first", "second", "third"})
        server->add_message("inbox", std::string("From: bob@example.net\r\nSubject: ") + name + "\r\n\r\n" + name + " text\r\n");
}

std::size_t unread(server_thread& server)
{
    auto const  inbox = server->folder("inbox");
    std::size_t n     = 0;
    for (auto const& m : inbox->items)
        n += m.read ? 0U : 1U;
    return n;
}

std::string file(std::string const& name)
{
    std::ifstream in(POSTHORN_SOURCE_DIR "/" + name, std::ios::binary);
    REQUIRE(in);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

/// What stands between two lines. Fails if there is no such place.
std::string between(std::string const& text, std::string const& begin, std::string const& end)
{
    auto const a = text.find(begin);
    REQUIRE(a != text.npos);
    auto const b = text.find(end, a + begin.size());
    REQUIRE(b != text.npos);
    return text.substr(a + begin.size(), b - a - begin.size());
}

} // namespace

TEST_CASE("both read the same, and leave nothing unread")
{
    server_thread old_server(testing::httpmail_server_settings::hotmail());
    server_thread new_server(testing::httpmail_server_settings::hotmail());
    fill(old_server);
    fill(new_server);
    CHECK(unread(old_server) == 3);

    REQUIRE(SUCCEEDED(CoInitialize(nullptr)));
    UnreadReader old_way;
    CHECK(old_way.Run(old_server->url().c_str(), old_server->settings().user.c_str(), "secret") == IXP_E_USER_CANCEL);
    CHECK(old_way.text.empty());
    UnreadReader again;
    CHECK(again.Run(old_server->url().c_str(), old_server->settings().user.c_str(), old_server->settings().password.c_str()) == S_OK);
    CoUninitialize();
    auto const text = posthorn::sync_wait(
        read_unread(posthorn::http::url(new_server->url()), {new_server->settings().user, new_server->settings().password}));

    for (auto const* const one : {"first text\r\n", "second text\r\n", "third text\r\n"})
        CHECK(text.find(one) != text.npos);
    CHECK(again.text == text);
    CHECK(unread(old_server) == 0);
    CHECK(unread(new_server) == 0);
}

TEST_CASE("the README shows these")
{
    auto const readme = file("README.md");
    auto const source = file("tests/legacy/side_by_side.cpp");
    for (auto const* const way : {"callbacks", "co_await"})
    {
        auto const code = between(source, std::string("// README: ") + way + "\n", "// README end\n");
        CHECK(code.size() > 300);
        CHECK(readme.find("```cpp\n" + code + "```\n") != readme.npos);
    }
}

TEST_SUITE_END();
