//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Every documented result of every method of the HTTPMail transport and of the objects that go with it.

#include <posthorn/legacy/create.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/legacy/transport_settings.hpp>

#include <doctest/doctest.h>

#include "support/allocations.hpp"
#include "support/legacy_account.hpp"
#include "support/legacy_httpmail.hpp"

#include <asio/io_context.hpp>

#include <sys/resource.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

TEST_SUITE_BEGIN("legacy/httpmail_results");

namespace {

using namespace support;
using posthorn::testing::httpmail_server_settings;

/// One without InitNew.
legacy::com_ptr<IHTTPMailTransport2> bare() { return legacy::create_httpmail_transport(legacy::transport_settings()); }

/// A method with good arguments.
struct method
{
    char const*                                  name;
    std::function<HRESULT(IHTTPMailTransport2&)> call;
};

std::string const url = "http://127.0.0.1:1/folder/";

/// Arguments that are good.
struct arguments
{
    arguments()
    {
        request = legacy::com_ptr<IPropFindRequest>::attach(new legacy::detail::prop_find_request);
        patch   = legacy::com_ptr<IPropPatchRequest>::attach(new legacy::detail::prop_patch_request);
        REQUIRE(request->AddProperty(DAVNAMESPACE_DAV, "displayname") == S_OK);
        REQUIRE(patch->SetProperty(DAVNAMESPACE_DAV, "displayname", "x") == S_OK);
    }

    target_list                        names {std::vector<std::string>({"one", "two"})};
    target_list                        one {std::vector<std::string>({"one"})};
    target_list                        people {std::vector<std::string>({"bob@example.net"})};
    legacy::com_ptr<IStream>           stream = stream_of("text");
    legacy::com_ptr<IPropFindRequest>  request;
    legacy::com_ptr<IPropPatchRequest> patch;
    HTTPCONTACTINFO                    info = {};
    char                               data[4] = {'d', 'a', 't', 'a'};
};

/// All that ask the server for something.
std::vector<method> requests(arguments& a)
{
    LPCSTR const p = url.c_str();
    return {{"CommandGET", [=](auto& t) { return t.CommandGET(p, nullptr, FALSE, 1); }},
            {"CommandPUT", [=, &a](auto& t) { return t.CommandPUT(p, a.data, 4, 1); }},
            {"CommandPOST", [=, &a](auto& t) { return t.CommandPOST(p, a.stream.get(), nullptr, 1); }},
            {"CommandDELETE", [=](auto& t) { return t.CommandDELETE(p, 1); }},
            {"CommandBDELETE", [=, &a](auto& t) { return t.CommandBDELETE(p, &a.names.list, 1); }},
            {"CommandPROPFIND", [=, &a](auto& t) { return t.CommandPROPFIND(p, a.request.get(), 0, 1); }},
            {"CommandPROPPATCH", [=, &a](auto& t) { return t.CommandPROPPATCH(p, a.patch.get(), 1); }},
            {"CommandMKCOL", [=](auto& t) { return t.CommandMKCOL(p, 1); }},
            {"CommandCOPY", [=](auto& t) { return t.CommandCOPY(p, p, FALSE, 1); }},
            {"CommandBCOPY", [=, &a](auto& t) { return t.CommandBCOPY(p, &a.names.list, p, nullptr, FALSE, 1); }},
            {"CommandMOVE", [=](auto& t) { return t.CommandMOVE(p, p, FALSE, 1); }},
            {"CommandBMOVE", [=, &a](auto& t) { return t.CommandBMOVE(p, &a.names.list, p, &a.names.list, FALSE, 1); }},
            {"MemberInfo", [=](auto& t) { return t.MemberInfo(p, HTTP_MEMBERINFO_ALLPROPS, 1, FALSE, 1); }},
            {"FindFolders", [=](auto& t) { return t.FindFolders(p, 1); }},
            {"MarkRead", [=, &a](auto& t) { return t.MarkRead(p, &a.names.list, TRUE, 1); }},
            {"SendMessage", [=, &a](auto& t) { return t.SendMessage(p, "a@example.com", &a.people.list, TRUE, a.stream.get(), 1); }},
            {"ListContacts", [=](auto& t) { return t.ListContacts(p, 1); }},
            {"ListContactInfos", [=](auto& t) { return t.ListContactInfos(p, 1); }},
            {"ContactInfo", [=](auto& t) { return t.ContactInfo(p, 1); }},
            {"PostContact", [=, &a](auto& t) { return t.PostContact(p, &a.info, 1); }},
            {"PatchContact", [=, &a](auto& t) { return t.PatchContact(p, &a.info, 1); }},
            {"RootMemberInfo", [=](auto& t) { return t.RootMemberInfo(p, 0, 1, FALSE, 1, "1", nullptr); }},
            {"FolderMemberInfo", [=](auto& t) { return t.FolderMemberInfo(p, 0, 1, FALSE, 1, "1", "ACTIVE"); }}};
}

/// The same with an argument that is NULL, or wrong.
std::vector<method> mistakes(arguments& a)
{
    LPCSTR const  p       = url.c_str();
    static LPCSTR holes[] = {"one", nullptr};
    static HTTPTARGETLIST const hole  = {2, holes};
    static HTTPTARGETLIST const empty = {0, nullptr};
    static LPCSTR               lines[] = {"text/plain\r\nX-Evil: 1", nullptr};
    auto* const                 h = const_cast<HTTPTARGETLIST*>(&hole);
    auto* const                 e = const_cast<HTTPTARGETLIST*>(&empty);
    return {{"GET: no path", [](auto& t) { return t.CommandGET(nullptr, nullptr, FALSE, 1); }},
            {"GET: no URL", [](auto& t) { return t.CommandGET("folder/x", nullptr, FALSE, 1); }},
            {"GET: two lines", [=](auto& t) { return t.CommandGET(p, lines, FALSE, 1); }},
            {"PUT: no path", [&a](auto& t) { return t.CommandPUT(nullptr, a.data, 4, 1); }},
            {"PUT: no data", [=](auto& t) { return t.CommandPUT(p, nullptr, 4, 1); }},
            {"PUT: nothing", [=, &a](auto& t) { return t.CommandPUT(p, a.data, 0, 1); }},
            {"POST: no path", [&a](auto& t) { return t.CommandPOST(nullptr, a.stream.get(), nullptr, 1); }},
            {"POST: no stream", [=](auto& t) { return t.CommandPOST(p, nullptr, nullptr, 1); }},
            {"POST: two lines", [=, &a](auto& t) { return t.CommandPOST(p, a.stream.get(), lines[0], 1); }},
            {"DELETE: no path", [](auto& t) { return t.CommandDELETE(nullptr, 1); }},
            {"BDELETE: no path", [&a](auto& t) { return t.CommandBDELETE(nullptr, &a.names.list, 1); }},
            {"BDELETE: no targets", [=](auto& t) { return t.CommandBDELETE(p, nullptr, 1); }},
            {"BDELETE: a hole", [=](auto& t) { return t.CommandBDELETE(p, h, 1); }},
            {"BDELETE: nothing", [=](auto& t) { return t.CommandBDELETE(p, e, 1); }},
            {"PROPFIND: no path", [&a](auto& t) { return t.CommandPROPFIND(nullptr, a.request.get(), 0, 1); }},
            {"PROPFIND: no request", [=](auto& t) { return t.CommandPROPFIND(p, nullptr, 0, 1); }},
            {"PROPFIND: no depth", [=, &a](auto& t) { return t.CommandPROPFIND(p, a.request.get(), 2, 1); }},
            {"PROPPATCH: no path", [&a](auto& t) { return t.CommandPROPPATCH(nullptr, a.patch.get(), 1); }},
            {"PROPPATCH: no request", [=](auto& t) { return t.CommandPROPPATCH(p, nullptr, 1); }},
            {"MKCOL: no path", [](auto& t) { return t.CommandMKCOL(nullptr, 1); }},
            {"COPY: no path", [=](auto& t) { return t.CommandCOPY(nullptr, p, FALSE, 1); }},
            {"COPY: no destination", [=](auto& t) { return t.CommandCOPY(p, nullptr, FALSE, 1); }},
            {"MOVE: no path", [=](auto& t) { return t.CommandMOVE(nullptr, p, FALSE, 1); }},
            {"MOVE: no destination", [=](auto& t) { return t.CommandMOVE(p, nullptr, FALSE, 1); }},
            {"BCOPY: no path", [=, &a](auto& t) { return t.CommandBCOPY(nullptr, &a.names.list, p, nullptr, FALSE, 1); }},
            {"BCOPY: no targets", [=](auto& t) { return t.CommandBCOPY(p, nullptr, p, nullptr, FALSE, 1); }},
            {"BCOPY: no destination", [=, &a](auto& t) { return t.CommandBCOPY(p, &a.names.list, nullptr, nullptr, FALSE, 1); }},
            {"BCOPY: too few names", [=, &a](auto& t) { return t.CommandBCOPY(p, &a.names.list, p, &a.one.list, FALSE, 1); }},
            {"BMOVE: no path", [=, &a](auto& t) { return t.CommandBMOVE(nullptr, &a.names.list, p, nullptr, FALSE, 1); }},
            {"BMOVE: no targets", [=](auto& t) { return t.CommandBMOVE(p, nullptr, p, nullptr, FALSE, 1); }},
            {"BMOVE: no destination", [=, &a](auto& t) { return t.CommandBMOVE(p, &a.names.list, nullptr, nullptr, FALSE, 1); }},
            {"BMOVE: too few names", [=, &a](auto& t) { return t.CommandBMOVE(p, &a.names.list, p, &a.one.list, FALSE, 1); }},
            {"GetProperty: none", [](auto& t) { return t.GetProperty(HTTPMAIL_PROP_INVALID, nullptr); }},
            {"GetProperty: past the last", [](auto& t) { return t.GetProperty(HTTPMAIL_PROP_LAST, nullptr); }},
            {"GetProperty: a number", [](auto& t) { return t.GetProperty(HTTPMAIL_PROP_MAXPOLLINGINTERVAL, nullptr); }},
            {"GetPropertyDw: a text", [](auto& t) { return t.GetPropertyDw(HTTPMAIL_PROP_INBOX, nullptr); }},
            {"MemberInfo: no path", [](auto& t) { return t.MemberInfo(nullptr, 0, 1, FALSE, 1); }},
            {"MemberInfo: no depth", [=](auto& t) { return t.MemberInfo(p, 0, 5, FALSE, 1); }},
            {"FindFolders: no path", [](auto& t) { return t.FindFolders(nullptr, 1); }},
            {"MarkRead: no path", [&a](auto& t) { return t.MarkRead(nullptr, &a.names.list, TRUE, 1); }},
            {"MarkRead: no targets", [=](auto& t) { return t.MarkRead(p, nullptr, TRUE, 1); }},
            {"SendMessage: no path", [&a](auto& t) { return t.SendMessage(nullptr, "a@x.test", &a.people.list, TRUE, a.stream.get(), 1); }},
            {"SendMessage: no sender", [=, &a](auto& t) { return t.SendMessage(p, nullptr, &a.people.list, TRUE, a.stream.get(), 1); }},
            {"SendMessage: no recipients", [=, &a](auto& t) { return t.SendMessage(p, "a@x.test", nullptr, TRUE, a.stream.get(), 1); }},
            {"SendMessage: no stream", [=, &a](auto& t) { return t.SendMessage(p, "a@x.test", &a.people.list, TRUE, nullptr, 1); }},
            {"SendMessage: no address", [=, &a](auto& t) { return t.SendMessage(p, "a@x.test\r\nRCPT", &a.people.list, TRUE, a.stream.get(), 1); }},
            {"SendMessage: no addresses", [=, &a](auto& t) { return t.SendMessage(p, "a@x.test", &a.names.list, TRUE, a.stream.get(), 1); }},
            {"ListContacts: no path", [](auto& t) { return t.ListContacts(nullptr, 1); }},
            {"ListContactInfos: no path", [](auto& t) { return t.ListContactInfos(nullptr, 1); }},
            {"ContactInfo: no path", [](auto& t) { return t.ContactInfo(nullptr, 1); }},
            {"PostContact: no path", [&a](auto& t) { return t.PostContact(nullptr, &a.info, 1); }},
            {"PostContact: no contact", [=](auto& t) { return t.PostContact(p, nullptr, 1); }},
            {"PatchContact: no path", [&a](auto& t) { return t.PatchContact(nullptr, &a.info, 1); }},
            {"PatchContact: no contact", [=](auto& t) { return t.PatchContact(p, nullptr, 1); }},
            {"RootMemberInfo: no path", [](auto& t) { return t.RootMemberInfo(nullptr, 0, 1, FALSE, 1, nullptr, nullptr); }},
            {"RootMemberInfo: no stamp", [=](auto& t) { return t.RootMemberInfo(p, 0, 1, FALSE, 1, "yesterday", nullptr); }},
            {"FolderMemberInfo: no path", [](auto& t) { return t.FolderMemberInfo(nullptr, 0, 1, FALSE, 1, nullptr, nullptr); }},
            {"FolderMemberInfo: a stamp of nothing", [=](auto& t) { return t.FolderMemberInfo(p, 0, 1, FALSE, 1, "1", nullptr); }}};
}

/// A record of a server that is not there.
INETSERVER nowhere()
{
    INETSERVER s = {};
    std::strcpy(s.szServerName, "http://127.0.0.1:1/");
    return s;
}

} // namespace

TEST_CASE("making one: S_OK, E_POINTER, E_NOINTERFACE, CLASS_E_NOAGGREGATION; the identity rule")
{
    REQUIRE(SUCCEEDED(CoInitialize(nullptr)));
    legacy::com_ptr<IHTTPMailTransport> t;
    CHECK(CoCreateInstance(CLSID_IHTTPMailTransport, nullptr, CLSCTX_INPROC_SERVER, IID_IHTTPMailTransport, t.put_void()) == S_OK);
    auto const identity = t.as<IUnknown>();
    CHECK(t.as<IInternetTransport>().as<IUnknown>() == identity);
    CHECK(t.as<IHTTPMailTransport2>().as<IUnknown>() == identity);
    void* none = &none;
    CHECK(t->QueryInterface(IID_ISMTPTransport, &none) == E_NOINTERFACE);
    CHECK(none == nullptr);
    CHECK(t->QueryInterface(IID_IUnknown, nullptr) == E_POINTER);
    CHECK(CoCreateInstance(CLSID_IHTTPMailTransport, identity.get(), CLSCTX_INPROC_SERVER, IID_IUnknown, &none) == CLASS_E_NOAGGREGATION);
    CHECK(CoCreateInstance(CLSID_IHTTPMailTransport, nullptr, CLSCTX_INPROC_SERVER, IID_IStream, &none) == E_NOINTERFACE);
    CHECK(CoCreateInstance(CLSID_IHTTPMailTransport, nullptr, CLSCTX_INPROC_SERVER, IID_IUnknown, nullptr) == E_POINTER);
    CoUninitialize();
    CHECK(t->GetIXPType() == IXP_HTTPMail);
}

TEST_CASE("requests: E_INVALIDARG, before anything else is looked at")
{
    arguments        a;
    httpmail_session s;
    auto const       two = s.transport.as<IHTTPMailTransport2>();
    auto const       raw = bare();
    auto             where = nowhere();
    for (auto const& m : mistakes(a))
    {
        CAPTURE(m.name);
        CHECK(m.call(*raw) == E_INVALIDARG);
        CHECK(m.call(*two) == E_INVALIDARG);
    }
    REQUIRE(two->Connect(&where, TRUE, FALSE) == S_OK);
    for (auto const& m : mistakes(a))
    {
        CAPTURE(m.name);
        CHECK(m.call(*two) == E_INVALIDARG);
    }
    CHECK(two->DropConnection() == S_OK);
}

TEST_CASE("requests: IXP_E_NOT_INIT, IXP_E_NOT_CONNECTED, S_OK any number of times")
{
    arguments        a;
    httpmail_session s;
    auto const       two = s.transport.as<IHTTPMailTransport2>();
    auto const       raw = bare();
    auto             where = nowhere();
    for (auto const& m : requests(a))
    {
        CAPTURE(m.name);
        CHECK(m.call(*raw) == IXP_E_NOT_INIT);
        CHECK(m.call(*two) == IXP_E_NOT_CONNECTED);
    }
    REQUIRE(two->Connect(&where, TRUE, FALSE) == S_OK);
    std::size_t given = 0;
    for (auto const& m : requests(a))
    {
        CAPTURE(m.name);
        CHECK(m.call(*two) == S_OK);
        ++given;
    }
    std::size_t refused   = 0;
    s.client->on_response = [&](HTTPMAILRESPONSE const& r) {
        refused += r.rIxpResult.hrResult == IXP_E_FAILED_TO_CONNECT && r.fDone && r.dwContext == 1 ? 1U : 0U;
    };
    s.until([&] { return refused == given; });
    CHECK(two->Disconnect() == S_OK);
    for (auto const& m : requests(a))
    {
        CAPTURE(m.name);
        CHECK(m.call(*two) == IXP_E_NOT_CONNECTED); // it is leaving
    }
    s.until_disconnected();
}

TEST_CASE("GetProperty, GetPropertyDw: E_FAIL without a server, IXP_E_NOT_INIT, E_PENDING, S_OK, IXP_E_HTTP_ROOT_PROP_NOT_FOUND")
{
    auto const raw = bare();
    LPSTR      text = nullptr;
    DWORD      number = 0;
    CHECK(raw->GetProperty(HTTPMAIL_PROP_INBOX, &text) == IXP_E_NOT_INIT);
    CHECK(raw->GetPropertyDw(HTTPMAIL_PROP_MAXPOLLINGINTERVAL, &number) == IXP_E_NOT_INIT);
    httpmail_site    site;
    httpmail_session s;
    CHECK(s.transport->GetProperty(HTTPMAIL_PROP_INBOX, &text) == E_FAIL);
    CHECK(s.transport->GetPropertyDw(HTTPMAIL_PROP_MAXPOLLINGINTERVAL, &number) == E_FAIL);
    s.connect(site.owner());
    CHECK(s.transport->GetPropertyDw(HTTPMAIL_PROP_MAXPOLLINGINTERVAL, &number) == E_PENDING);
    s.until_done(0);
    CHECK(s.transport->GetPropertyDw(HTTPMAIL_PROP_MAXPOLLINGINTERVAL, &number) == S_OK);
    CHECK(number == 30);
    CHECK(s.transport->GetProperty(HTTPMAIL_PROP_OUTBOX, &text) == IXP_E_HTTP_ROOT_PROP_NOT_FOUND);
    CHECK(text == nullptr);
    CHECK(s.transport->GetProperty(HTTPMAIL_PROP_INBOX, &text) == S_OK);
    CoTaskMemFree(text);
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    s.connect(site.owner()); // and what was known is forgotten
    CHECK(s.transport->GetProperty(HTTPMAIL_PROP_INBOX, &text) == E_PENDING);
}

TEST_CASE("InitNew: S_OK, E_INVALIDARG, IXP_E_ALREADY_CONNECTED, IXP_E_SOCKET_INIT_ERROR")
{
    auto const t      = bare();
    auto const client = legacy::com_ptr<httpmail_client>::attach(new httpmail_client);
    CHECK(t->InitNew(nullptr, nullptr, client.get()) == E_INVALIDARG);
    CHECK(t->InitNew("Client", nullptr, nullptr) == E_INVALIDARG);
    CHECK(t->InitNew("Client\r\nX-Evil: 1", nullptr, client.get()) == E_INVALIDARG);
    rlimit before {};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit none   = before;
    none.rlim_cur = 0;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    HRESULT const result = t->InitNew("Client", nullptr, client.get());
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(result == IXP_E_SOCKET_INIT_ERROR);
    CHECK(t->InitNew("Client", nullptr, client.get()) == S_OK);
    CHECK(t->InitNew("Client", "/dev/null", client.get()) == S_OK);
    auto where = nowhere();
    CHECK(t->Connect(&where, FALSE, FALSE) == S_OK);
    CHECK(t->InitNew("Client", nullptr, client.get()) == IXP_E_ALREADY_CONNECTED);
    CHECK(t->DropConnection() == S_OK);
    CHECK(t->InitNew("Client", nullptr, client.get()) == S_OK);
    CHECK(t->HandsOffCallback() == S_OK);
}

TEST_CASE("Connect: S_OK, E_INVALIDARG, IXP_E_NOT_INIT, IXP_E_ALREADY_CONNECTED, E_FAIL")
{
    auto       where = nowhere();
    auto const raw   = bare();
    CHECK(raw->Connect(&where, FALSE, FALSE) == IXP_E_NOT_INIT);
    httpmail_session s;
    CHECK(s.transport->Connect(nullptr, FALSE, FALSE) == E_INVALIDARG);
    INETSERVER bad = {};
    CHECK(s.transport->Connect(&bad, FALSE, FALSE) == E_INVALIDARG);
    std::strcpy(bad.szServerName, "ftp://example.com/");
    CHECK(s.transport->Connect(&bad, FALSE, FALSE) == E_INVALIDARG);
    std::memset(bad.szServerName, 'x', sizeof bad.szServerName); // without an end
    CHECK(s.transport->Connect(&bad, FALSE, FALSE) == E_INVALIDARG);
    CHECK(s.transport->Connect(&where, FALSE, FALSE) == S_OK);
    CHECK(s.transport->Connect(&where, FALSE, FALSE) == IXP_E_ALREADY_CONNECTED);
    CHECK(s.transport->DropConnection() == S_OK);
    INETSERVER host = {}; // a name and a port, as for other protocols
    std::strcpy(host.szServerName, "127.0.0.1");
    host.dwPort = 1;
    CHECK(s.transport->Connect(&host, FALSE, FALSE) == S_OK);
    CHECK(s.transport->DropConnection() == S_OK);
    CHECK(s.transport->HandsOffCallback() == S_OK);
    CHECK(s.transport->HandsOffCallback() == S_FALSE);
    CHECK(s.transport->Connect(&where, FALSE, FALSE) == IXP_E_NOT_INIT); // nobody would hear of it

    legacy::transport_settings broken;
    broken.tls.ca_file = "/nonexistent/authorities.pem";
    auto const t       = legacy::create_httpmail_transport(broken);
    CHECK(t->InitNew("Client", nullptr, s.client.get()) == S_OK);
    std::strcpy(where.szServerName, "https://127.0.0.1:1/");
    CHECK(t->Connect(&where, FALSE, FALSE) == E_FAIL);
    CHECK(t->HandsOffCallback() == S_OK);
}

TEST_CASE("GetServerInfo, GetStatus, IsState, Disconnect, DropConnection")
{
    auto const raw = bare();
    INETSERVER now = {};
    IXPSTATUS  status = IXP_LAST;
    CHECK(raw->GetServerInfo(nullptr) == E_INVALIDARG);
    CHECK(raw->GetServerInfo(&now) == IXP_E_NOT_INIT);
    CHECK(raw->GetStatus(nullptr) == E_INVALIDARG);
    CHECK(raw->GetStatus(&status) == S_OK);
    CHECK(status == IXP_DISCONNECTED);
    CHECK(raw->IsState(static_cast<IXPISSTATE>(9)) == E_INVALIDARG);
    CHECK(raw->IsState(IXP_IS_CONNECTED) == IXP_E_NOT_INIT);
    CHECK(raw->Disconnect() == IXP_E_NOT_INIT);
    CHECK(raw->DropConnection() == IXP_E_NOT_INIT);
    CHECK(raw->HandsOffCallback() == S_FALSE);
    httpmail_session s;
    CHECK(s.transport->GetServerInfo(&now) == IXP_E_NOT_CONNECTED);
    CHECK(s.transport->Disconnect() == IXP_E_NOT_CONNECTED);
    CHECK(s.transport->DropConnection() == IXP_E_NOT_CONNECTED);
    CHECK(s.transport->IsState(IXP_IS_CONNECTED) == S_FALSE);
    for (auto const q : {IXP_IS_BUSY, IXP_IS_READY, IXP_IS_AUTHENTICATED})
        CHECK(s.transport->IsState(q) == IXP_E_NOT_CONNECTED);
    auto where = nowhere();
    CHECK(s.transport->Connect(&where, FALSE, FALSE) == S_OK);
    CHECK(s.transport->IsState(IXP_IS_CONNECTED) == S_FALSE);
    CHECK(s.transport->IsState(IXP_IS_BUSY) == S_OK);
    CHECK(s.transport->IsState(IXP_IS_READY) == S_FALSE);
    CHECK(s.transport->IsState(IXP_IS_AUTHENTICATED) == S_FALSE);
    s.until([&] { return s.client->connected; });
    CHECK(s.transport->IsState(IXP_IS_CONNECTED) == S_OK);
    CHECK(s.transport->IsState(IXP_IS_BUSY) == S_FALSE);
    CHECK(s.transport->IsState(IXP_IS_READY) == S_OK);
    CHECK(s.transport->GetServerInfo(&now) == S_OK);
    CHECK(std::string(now.szServerName) == where.szServerName);
    CHECK(s.transport->DropConnection() == S_OK);
    CHECK(s.client->disconnected); // told from inside of the method
    CHECK(s.transport->GetServerInfo(&now) == S_OK);
}

TEST_CASE("InetServerFromAccount: S_OK, E_INVALIDARG, IXP_E_NOT_INIT, IXP_E_INVALID_ACCOUNT")
{
    auto const account = legacy::com_ptr<legacy_account>::attach(new legacy_account);
    INETSERVER got     = {};
    CHECK(bare()->InetServerFromAccount(account.get(), &got) == IXP_E_NOT_INIT);
    httpmail_session s;
    CHECK(s.transport->InetServerFromAccount(nullptr, &got) == E_INVALIDARG);
    CHECK(s.transport->InetServerFromAccount(account.get(), nullptr) == E_INVALIDARG);
    CHECK(s.transport->InetServerFromAccount(account.get(), &got) == IXP_E_INVALID_ACCOUNT);
    account->texts[AP_HTTPMAIL_SERVER]            = "http://services.example/entry.asp";
    account->texts[AP_ACCOUNT_NAME]               = "Hot";
    account->texts[AP_HTTPMAIL_USERNAME]          = "me";
    account->texts[AP_HTTPMAIL_PASSWORD]          = "pw";
    account->numbers[AP_HTTPMAIL_USE_SICILY]      = 1;
    account->numbers[AP_HTTPMAIL_PROMPT_PASSWORD] = 1;
    CHECK(s.transport->InetServerFromAccount(account.get(), &got) == S_OK);
    CHECK(std::string(got.szServerName) == "http://services.example/entry.asp");
    CHECK(std::string(got.szAccount) == "Hot");
    CHECK(std::string(got.szUserName) == "me");
    CHECK(std::string(got.szPassword) == "pw");
    CHECK(got.fTrySicily == TRUE);
    CHECK(got.dwFlags == ISF_ALWAYSPROMPTFORPASSWORD);
}

// ---- The request objects -------------------------------------------------------------------------------------

namespace {

std::string xml_of(LPSTR text)
{
    REQUIRE(text != nullptr);
    std::string all = text;
    CoTaskMemFree(text);
    return all;
}

template <class Request>
void check_arbiter(Request& r)
{
    DWORD n = 7;
    CHECK(r.AddNamespace(nullptr, &n) == E_INVALIDARG);
    CHECK(r.AddNamespace("urn:x:", nullptr) == E_INVALIDARG);
    CHECK(r.GetNamespaceID(nullptr, &n) == E_INVALIDARG);
    CHECK(r.GetNamespaceID("urn:x:", nullptr) == E_INVALIDARG);
    CHECK(r.GetNamespaceID("urn:x:", &n) == E_INVALIDARG);
    CHECK(n == DAVNAMESPACE_UNKNOWN);
    CHECK(r.AddNamespace("urn:x:", &n) == S_OK);
    CHECK(n == 5);
    CHECK(r.AddNamespace("urn:x:", &n) == S_OK);
    CHECK(n == 5);
    CHECK(r.AddNamespace("DAV:", &n) == S_OK);
    CHECK(n == DAVNAMESPACE_DAV);
    CHECK(r.GetNamespaceID("urn:schemas:contacts:", &n) == S_OK);
    CHECK(n == DAVNAMESPACE_CONTACTS);
    LPSTR prefix = nullptr;
    CHECK(r.GetNamespacePrefix(0, nullptr) == E_INVALIDARG);
    CHECK(r.GetNamespacePrefix(6, &prefix) == E_INVALIDARG);
    CHECK(prefix == nullptr);
    char const* const known[] = {"D", "h", "hm", "m", "c", "n5"};
    for (DWORD i = 0; i != 6; ++i)
    {
        CHECK(r.GetNamespacePrefix(i, &prefix) == S_OK);
        CHECK(xml_of(prefix) == known[i]);
    }
}

} // namespace

TEST_CASE("IPropFindRequest: results, and the XML")
{
    auto const r = legacy::com_ptr<IPropFindRequest>::attach(new legacy::detail::prop_find_request);
    check_arbiter(*r);
    CHECK(r->AddProperty(0, nullptr) == E_INVALIDARG);
    CHECK(r->AddProperty(6, "x") == E_INVALIDARG);
    CHECK(r->AddProperty(DAVNAMESPACE_UNKNOWN, "x") == E_INVALIDARG);
    CHECK(r->AddProperty(0, "no name") == E_INVALIDARG);
    CHECK(r->AddProperty(5, "own") == S_OK);
    CHECK(r->AddProperty(DAVNAMESPACE_HTTPMAIL, "read") == S_OK);
    CHECK(r->GenerateXML(nullptr) == E_INVALIDARG);
    LPSTR xml = nullptr;
    CHECK(r->GenerateXML(&xml) == S_OK);
    auto const text = xml_of(xml);
    CHECK(text.find("xmlns:n5=\"urn:x:\"") != std::string::npos);
    CHECK(text.find("<n5:own/>") != std::string::npos);
    CHECK(text.find("<hm:read/>") != std::string::npos);
    CHECK(r.as<IDAVNamespaceArbiter>().as<IUnknown>() == r.as<IUnknown>());
}

TEST_CASE("IPropPatchRequest: results, and the XML")
{
    auto const r = legacy::com_ptr<IPropPatchRequest>::attach(new legacy::detail::prop_patch_request);
    check_arbiter(*r);
    CHECK(r->SetProperty(0, nullptr, "x") == E_INVALIDARG);
    CHECK(r->SetProperty(0, "x", nullptr) == E_INVALIDARG);
    CHECK(r->SetProperty(6, "x", "y") == E_INVALIDARG);
    CHECK(r->SetProperty(0, "x", "\x01") == E_INVALIDARG);
    CHECK(r->RemoveProperty(0, nullptr) == E_INVALIDARG);
    CHECK(r->RemoveProperty(6, "x") == E_INVALIDARG);
    CHECK(r->SetProperty(5, "own", "a & b") == S_OK);
    CHECK(r->RemoveProperty(DAVNAMESPACE_MAIL, "subject") == S_OK);
    CHECK(r->GenerateXML(nullptr) == E_INVALIDARG);
    LPSTR xml = nullptr;
    CHECK(r->GenerateXML(&xml) == S_OK);
    auto const text = xml_of(xml);
    CHECK(text.find("<n5:own>a &amp; b</n5:own>") != std::string::npos);
    CHECK(text.find("<D:remove>") < text.find("<m:subject/>"));
}

#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS)

namespace {

template <class F>
HRESULT with_too_little_memory(F&& call)
{
    for (std::ptrdiff_t n = 0;; ++n)
    {
        grant_allocations(n);
        HRESULT const result = call();
        grant_allocations(-1);
        if (result != E_OUTOFMEMORY)
            return result;
        REQUIRE(n < 10000);
    }
}

} // namespace

TEST_CASE("E_OUTOFMEMORY: a method that has too little memory does nothing, and works when it has enough")
{
    legacy::com_ptr<IUnknown>  made;
    legacy::transport_settings settings;
    settings.tls.ca_pem = std::string(1000, ' '); // what is copied, too, takes memory
    legacy::set_default_transport_settings(settings);
    REQUIRE(SUCCEEDED(CoInitialize(nullptr)));
    auto const make = [&] {
        return CoCreateInstance(CLSID_IHTTPMailTransport, nullptr, CLSCTX_INPROC_SERVER, IID_IUnknown, made.put_void());
    };
    CHECK(with_too_little_memory(make) == S_OK);
    CoUninitialize();
    legacy::set_default_transport_settings({});

    arguments        a;
    httpmail_session s;
    auto const       two = s.transport.as<IHTTPMailTransport2>();
    auto             where = nowhere();
    CHECK(with_too_little_memory([&] { return two->InitNew("A client whose name is long enough", "/dev/null", s.client.get()); }) == S_OK);
    CHECK(with_too_little_memory([&] { return two->Connect(&where, TRUE, FALSE); }) == S_OK);
    std::size_t given = 0;
    for (auto const& m : requests(a))
    {
        CAPTURE(m.name);
        CHECK(with_too_little_memory([&] { return m.call(*two); }) == S_OK);
        ++given;
    }
    CHECK(with_too_little_memory([&] { return two->GetProperty(HTTPMAIL_PROP_INBOX, nullptr); }) == E_PENDING);
    s.until([&] { return s.client->finished.size() == given + 1; });
    CHECK(with_too_little_memory([&] { return two->Disconnect(); }) == S_OK);
    s.until_disconnected();
}

#endif

TEST_CASE("with an executor there is no pump")
{
    httpmail_site    site;
    asio::io_context io;
    auto const       t      = legacy::create_httpmail_transport(io);
    auto const       client = legacy::com_ptr<httpmail_client>::attach(new httpmail_client);
    CHECK(t->InitNew("Client", nullptr, client.get()) == S_OK);
    auto where = site.owner();
    CHECK(t->Connect(&where, TRUE, FALSE) == S_OK);
    CHECK(t->MemberInfo(site.folder("inbox").c_str(), 0, 1, TRUE, 1) == S_OK);
    while (!client->has_finished(1))
        io.run_one();
    CHECK(t->Disconnect() == S_OK);
    io.run();
    CHECK(client->disconnected);
    t->HandsOffCallback();
}

TEST_SUITE_END();
