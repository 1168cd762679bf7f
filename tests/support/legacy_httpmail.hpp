//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A client of the legacy HTTPMail interface: writes down every callback with all that it points to, and does in it what a test
// says. And a server for it, whose answers are the same every time.

#ifndef POSTHORN_TESTS_SUPPORT_LEGACY_HTTPMAIL_HPP
#define POSTHORN_TESTS_SUPPORT_LEGACY_HTTPMAIL_HPP

#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/httpmail_entries.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/testing/httpmail_server.hpp>
#include <posthorn/testing/server_thread.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace support {

inline std::string text_of(HTTPMAILCOMMAND c)
{
    static char const* const names[] = {"NONE",     "GETPROP", "GET",         "PUT",      "POST",        "DELETE",       "BDELETE",     "PROPFIND",
                                        "PROPPATCH", "MKCOL",   "COPY",        "BCOPY",    "MOVE",        "BMOVE",        "MEMBERINFO",  "FINDFOLDERS",
                                        "MARKREAD", "SENDMESSAGE", "LISTCONTACTS", "CONTACTINFO", "POSTCONTACT", "PATCHCONTACT"};
    return c >= 0 && c <= HTTPMAIL_PATCHCONTACT ? std::string("HTTPMAIL_") + names[c] : std::to_string(c);
}

/// In one line.
inline std::string escaped(std::string_view text)
{
    std::string out = "\"";
    for (char const c : text)
        switch (c)
        {
        case '\r': out += "\\r"; break;
        case '\n': out += "\\n"; break;
        case '\t': out += "\\t"; break;
        default: out += c; break;
        }
    return out + '"';
}
inline std::string escaped(char const* text) { return text == nullptr ? std::string("NULL") : escaped(std::string_view(text)); }

inline std::string counters(DWORD increment, DWORD current, DWORD total)
{
    return std::to_string(increment) + "/" + std::to_string(current) + "/" + std::to_string(total);
}

inline std::string text_of(HTTPMAILPOST const& p)
{
    return "{" + escaped(p.pszLocation) + ", resend " + std::to_string(p.fResend) + ", " +
           counters(p.cbIncrement, p.cbCurrent, p.cbTotal) + "}";
}

inline std::string text_of(HTTPMEMBERINFO const& m)
{
    return "{" + escaped(m.pszHref) + ", folder " + std::to_string(m.fIsFolder) + ", " + escaped(m.pszDisplayName) + ", subs " +
           std::to_string(m.fHasSubs) + ", nosubs " + std::to_string(m.fNoSubs) + ", unread " + std::to_string(m.dwUnreadCount) +
           ", visible " + std::to_string(m.dwVisibleCount) + ", special " + std::to_string(m.tySpecial) + ", read " +
           std::to_string(m.fRead) + ", attachment " + std::to_string(m.fHasAttachment) + ", to " + escaped(m.pszTo) + ", from " +
           escaped(m.pszFrom) + ", subject " + escaped(m.pszSubject) + ", date " + escaped(m.pszDate) + ", length " +
           std::to_string(m.dwContentLength) + "}";
}

inline std::string text_of(HTTPCONTACTID const& c)
{
    return "{" + escaped(c.pszHref) + ", id " + escaped(c.pszId) + ", type " + std::to_string(c.tyContact) + ", modified " +
           escaped(c.pszModified) + "}";
}

inline std::string text_of(HTTPCONTACTINFO const& c)
{
    HTTPCONTACTID const id  = {c.pszHref, c.pszId, c.tyContact, c.pszModified};
    std::string         out = text_of(id);
    for (auto const& m : legacy::detail::contact_members)
        out += "\n    " + std::string(posthorn::httpmail::to_string(m.field)) + " " + escaped(c.*m.member);
    return out;
}

/// What the union has for the command.
inline std::string arm_of(HTTPMAILRESPONSE const& r)
{
    std::string out;
    switch (r.command)
    {
    case HTTPMAIL_GETPROP:
        return ", {type " + std::to_string(r.rGetPropInfo.type) + ", " + escaped(r.rGetPropInfo.pszProp) + ", " +
               std::to_string(r.rGetPropInfo.dwProp) + "}";
    case HTTPMAIL_GET:
        return ", {known " + std::to_string(r.rGetInfo.fTotalKnown) + ", " +
               counters(r.rGetInfo.cbIncrement, r.rGetInfo.cbCurrent, r.rGetInfo.cbTotal) + ", " +
               (r.rGetInfo.pvBody == nullptr ? "NULL" : escaped(std::string_view(static_cast<char const*>(r.rGetInfo.pvBody), r.rGetInfo.cbIncrement))) +
               ", " + escaped(r.rGetInfo.pszContentType) + "}";
    case HTTPMAIL_PUT: return ", " + text_of(r.rPutInfo);
    case HTTPMAIL_POST: return ", " + text_of(r.rPostInfo);
    case HTTPMAIL_SENDMESSAGE: return ", " + text_of(r.rSendMessageInfo);
    case HTTPMAIL_PROPFIND:
    {
        auto* const all = r.rPropFindInfo.pMultiResponse;
        if (all == nullptr)
            return ", NULL";
        ULONG n = 0;
        REQUIRE(all->GetLength(&n) == S_OK);
        return ", {complete " + std::to_string(all->IsComplete()) + ", " + std::to_string(n) + "}";
    }
    case HTTPMAIL_MKCOL: return ", {" + escaped(r.rMkColInfo.pszLocation) + "}";
    case HTTPMAIL_COPY:
    case HTTPMAIL_MOVE: return ", {" + escaped(r.rCopyMoveInfo.pszLocation) + "}";
    case HTTPMAIL_BCOPY:
    case HTTPMAIL_BMOVE:
        out = ", " + std::to_string(r.rBCopyMoveList.cBCopyMove);
        for (ULONG i = 0; i != r.rBCopyMoveList.cBCopyMove; ++i)
        {
            auto const& one = r.rBCopyMoveList.prgBCopyMove[i];
            out += "\n  {" + escaped(one.pszHref) + ", " + escaped(one.pszLocation) + ", " + hresult_text(one.hrResult) + "}";
        }
        return out;
    case HTTPMAIL_MARKREAD:
    case HTTPMAIL_BDELETE:
        out = ", " + std::to_string(r.rMemberErrorList.cMemberError);
        for (ULONG i = 0; i != r.rMemberErrorList.cMemberError; ++i)
        {
            auto const& one = r.rMemberErrorList.prgMemberError[i];
            out += "\n  {" + escaped(one.pszHref) + ", " + hresult_text(one.hrResult) + "}";
        }
        return out;
    case HTTPMAIL_MEMBERINFO:
        out = ", " + std::to_string(r.rMemberInfoList.cMemberInfo) + ", " + escaped(r.rMemberInfoList.pszRootTimeStamp) + ", " +
              escaped(r.rMemberInfoList.pszFolderTimeStamp);
        for (ULONG i = 0; i != r.rMemberInfoList.cMemberInfo; ++i)
            out += "\n  " + text_of(r.rMemberInfoList.prgMemberInfo[i]);
        return out;
    case HTTPMAIL_LISTCONTACTS:
        out = ", " + std::to_string(r.rContactIdList.cContactId);
        for (ULONG i = 0; i != r.rContactIdList.cContactId; ++i)
            out += "\n  " + text_of(r.rContactIdList.prgContactId[i]);
        return out;
    case HTTPMAIL_CONTACTINFO:
        out = ", " + std::to_string(r.rContactInfoList.cContactInfo);
        for (ULONG i = 0; i != r.rContactInfoList.cContactInfo; ++i)
            out += "\n  " + text_of(r.rContactInfoList.prgContactInfo[i]);
        return out;
    case HTTPMAIL_POSTCONTACT: return ", " + text_of(r.rPostContactInfo);
    case HTTPMAIL_PATCHCONTACT: return ", " + text_of(r.rPatchContactInfo);
    default: return "";
    }
}

/// The callback object. Hooks run after the callback was written down.
class httpmail_client final : public legacy::detail::unknown<IHTTPMailCallback, ITransportCallback>
{
public:
    std::vector<std::string> trace;
    std::vector<DWORD>       finished; ///< Contexts of responses with fDone.
    bool                     disconnected = false;
    bool                     connected    = false;
    std::thread::id          thread       = std::this_thread::get_id();
    bool                     wrong_thread = false;
    IHTTPMailTransport*      expected     = nullptr; ///< Of whom all calls must come, if set.
    bool                     wrong_caller = false;

    std::function<HRESULT(DWORD*)>                 on_timeout;
    std::function<HRESULT(INETSERVER*)>            on_logon;
    std::function<INT(HRESULT)>                    on_prompt;
    std::function<void(IXPSTATUS)>                 on_status;
    std::function<void(IXPRESULT const&)>          on_error;
    std::function<void(HTTPMAILRESPONSE const&)>   on_response;

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
        connected    = connected || status == IXP_CONNECTED;
        disconnected = status == IXP_DISCONNECTED;
        if (on_status)
            on_status(status);
        return S_OK;
    }

    STDMETHODIMP OnError(IXPSTATUS status, LPIXPRESULT result, IInternetTransport* t) override
    {
        note("OnError(" + text_of(status) + ", " + text_of(*result) + ")", t);
        if (on_error)
            on_error(*result);
        return S_OK;
    }

    STDMETHODIMP OnCommand(CMDTYPE type, LPSTR line, HRESULT response, IInternetTransport* t) override
    {
        note("OnCommand(" + std::string(type == CMD_SEND ? "CMD_SEND" : "CMD_RESP") + ", " + quoted(line) + ", " + hresult_text(response) + ")", t);
        return S_OK;
    }

    STDMETHODIMP OnResponse(LPHTTPMAILRESPONSE r) override
    {
        note("OnResponse(" + text_of(r->command) + ", " + std::to_string(r->dwContext) + ", " + (r->fDone ? "TRUE, " : "FALSE, ") +
                 text_of(r->rIxpResult) + arm_of(*r) + ")",
             r->pTransport);
        if (r->fDone)
            finished.push_back(r->dwContext);
        if (on_response)
            on_response(*r);
        return S_OK;
    }

    STDMETHODIMP GetParentWindow(HWND* window) override
    {
        *window = nullptr;
        return E_FAIL;
    }

    bool has_finished(DWORD context) const { return std::find(finished.begin(), finished.end(), context) != finished.end(); }

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

/// A server that has one mailbox and no clock.
class httpmail_site
{
public:
    explicit httpmail_site(posthorn::testing::httpmail_server_settings s = posthorn::testing::httpmail_server_settings())
        : server_(with_time(std::move(s)))
    {
    }

    posthorn::testing::httpmail_server* operator->() noexcept { return server_.operator->(); }

    std::string url(std::string const& target) { return server_->origin() + target; }
    std::string folder(std::string const& which) { return url(server_->folder(which).value().path); }
    std::string port() { return std::to_string(server_->port()); }

    INETSERVER record()
    {
        INETSERVER s = {};
        std::strcpy(s.szAccount, "Test account");
        std::strcpy(s.szServerName, server_->url().c_str());
        s.dwTimeout = 30;
        return s;
    }

    /// The same, with the name and the password of the owner.
    INETSERVER owner()
    {
        auto s = record();
        log_on_as(s, server_->settings().user.c_str(), server_->settings().password.c_str());
        return s;
    }

private:
    static posthorn::testing::httpmail_server_settings with_time(posthorn::testing::httpmail_server_settings s)
    {
        if (!s.now)
            s.now = [] { return std::int64_t(1086862329); };
        return s;
    }

    posthorn::testing::server_thread<posthorn::testing::httpmail_server> server_;
};

/// A transport with a client and a server.
struct httpmail_session
{
    explicit httpmail_session(char const* log = nullptr)
    {
        REQUIRE(SUCCEEDED(CoInitialize(nullptr)));
        REQUIRE(CoCreateInstance(CLSID_IHTTPMailTransport, nullptr, CLSCTX_INPROC_SERVER, IID_IHTTPMailTransport, transport.put_void()) == S_OK);
        CoUninitialize();
        REQUIRE(transport->InitNew("Old-Client/5.0", log, client.get()) == S_OK);
        client->expected = transport.get();
    }
    httpmail_session(httpmail_session const&)            = delete;
    httpmail_session& operator=(httpmail_session const&) = delete;
    ~httpmail_session()
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

    void connect(INETSERVER server, bool authenticate = true)
    {
        client->connected = false;
        called("Connect", transport->Connect(&server, authenticate ? iitAUTHENTICATE : iitDONT_AUTHENTICATE, iitDISABLE_ONCOMMAND));
        until([this] { return client->connected; });
    }

    /// Pumps until a condition holds; what came meanwhile is shown if it does not.
    template <class Predicate>
    void until(Predicate done)
    {
        bool const in_time = legacy::pump_until(done, long_enough);
        REQUIRE_MESSAGE(in_time, client->text());
    }

    /// Pumps until a request has had its end.
    void until_done(DWORD context)
    {
        until([this, context] { return client->has_finished(context); });
        client->finished.clear();
    }

    void until_disconnected()
    {
        until([this] { return client->disconnected; });
    }

    /// Disconnects, and compares. @param port Of the server: it is another one each time.
    void close(std::string const& port, std::string const& name)
    {
        called("Disconnect", transport->Disconnect());
        until_disconnected();
        compare(port, name);
    }

    void compare(std::string const& port, std::string const& name)
    {
        std::string text = client->text();
        for (std::size_t at = 0; (at = text.find(":" + port, at)) != text.npos;)
            text.replace(at, port.size() + 1, ":PORT");
        check_trace(name, text);
        CHECK_FALSE(client->wrong_thread);
        CHECK_FALSE(client->wrong_caller);
    }

    legacy::com_ptr<httpmail_client>    client = legacy::com_ptr<httpmail_client>::attach(new httpmail_client);
    legacy::com_ptr<IHTTPMailTransport> transport;
};

/// A list of names, as old programs have it on the stack.
struct target_list
{
    explicit target_list(std::vector<std::string> all) : names(std::move(all))
    {
        for (auto const& n : names)
            pointers.push_back(n.c_str());
        list.cTarget   = static_cast<ULONG>(pointers.size());
        list.prgTarget = pointers.data();
    }
    target_list(target_list const&)            = delete;
    target_list& operator=(target_list const&) = delete;

    std::vector<std::string> names;
    std::vector<LPCSTR>      pointers;
    HTTPTARGETLIST           list = {};
};

} // namespace support

#endif
