//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a client of the HTTPMail transport sees of each command, call by call, on success and on failure: each trace, with every member
// of the structures, is compared with the text kept for it in traces/.

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/testing/httpmail_server.hpp>

#include <doctest/doctest.h>

#include "support/legacy_httpmail.hpp"

#include <cstdint>
#include <string>
#include <vector>

TEST_SUITE_BEGIN("legacy/httpmail_sequences");

namespace {

using namespace support;
using posthorn::testing::httpmail_fault;
using posthorn::testing::httpmail_response;
using posthorn::testing::httpmail_server_settings;

std::string mail(std::string const& subject)
{
    return "From: \"Bob Example\" <bob@example.net>\r\nTo: alice@example.com\r\nSubject: " + subject +
           "\r\nDate: Thu, 10 Jun 2004 10:12:09 +0000\r\n\r\nhello\r\n";
}

/// The next request with this method is answered like this.
void answer(httpmail_site& site, std::string const& method, int status)
{
    httpmail_fault f;
    f.method   = method;
    f.kind     = httpmail_fault::what::answer;
    f.response = httpmail_response(status);
    site->fail(f);
}

/// Connected, as the owner of the mailbox, and the server has been asked once, so that the traces begin alike.
struct connected : httpmail_session
{
    explicit connected(httpmail_server_settings s = httpmail_server_settings()) : site(std::move(s)) { connect(site.owner()); }

    void close(std::string const& name) { httpmail_session::close(site.port(), name); }

    httpmail_site site;
};

} // namespace

// ---- 5.10: connecting ----------------------------------------------------------------------------------------

TEST_CASE("5.10: Connect tells two states and asks the server nothing; Disconnect two others")
{
    httpmail_site    site;
    httpmail_session s;
    IXPSTATUS        now = IXP_LAST;
    CHECK(s.transport->GetStatus(&now) == S_OK);
    CHECK(now == IXP_DISCONNECTED);
    s.connect(site.owner());
    CHECK(s.transport->IsState(IXP_IS_CONNECTED) == S_OK);
    CHECK(s.transport->IsState(IXP_IS_READY) == S_OK);
    CHECK(s.transport->IsState(IXP_IS_AUTHENTICATED) == S_FALSE);
    s.close(site.port(), "httpmail_connect");
    CHECK(site->totals().connections == 0);
}

// ---- GetProperty ---------------------------------------------------------------------------------------------

TEST_CASE("GetProperty: E_PENDING and an answer the first time, at once later; each property")
{
    connected c([] {
        httpmail_server_settings s;
        s.signature = "-- \r\nAlice";
        return s;
    }());
    LPSTR     text = nullptr;
    CHECK(c.called("GetProperty", c.transport->GetProperty(HTTPMAIL_PROP_INBOX, &text)) == E_PENDING);
    CHECK(text == nullptr);
    c.until_done(0);
    CHECK(c.called("GetProperty", c.transport->GetProperty(HTTPMAIL_PROP_INBOX, &text)) == S_OK);
    REQUIRE(text != nullptr);
    CHECK(std::string(text) == c.site.folder("inbox"));
    CoTaskMemFree(text);
    for (int p = HTTPMAIL_PROP_ADBAR; p != HTTPMAIL_PROP_MAXPOLLINGINTERVAL; ++p)
    {
        c.called("GetProperty", c.transport->GetProperty(static_cast<HTTPMAILPROPTYPE>(p), nullptr));
        c.until_done(0);
    }
    DWORD number = 7;
    CHECK(c.called("GetPropertyDw", c.transport->GetPropertyDw(HTTPMAIL_PROP_MAXPOLLINGINTERVAL, &number)) == S_OK);
    CHECK(number == 30);
    CHECK(c.called("GetPropertyDw", c.transport->GetPropertyDw(HTTPMAIL_PROP_MAXPOLLINGINTERVAL, nullptr)) == E_PENDING);
    c.until_done(0);
    CHECK(c.site->requests("PROPFIND").size() == 2); // a challenge, and the answer
    c.close("httpmail_getprop");
}

TEST_CASE("GetProperty: a property that the server does not tell, and a server that refuses")
{
    connected c;
    answer(c.site, "PROPFIND", 503);
    c.called("GetProperty", c.transport->GetProperty(HTTPMAIL_PROP_SIG, nullptr));
    c.until_done(0);
    LPSTR text = nullptr;
    CHECK(c.called("GetProperty", c.transport->GetProperty(HTTPMAIL_PROP_SIG, &text)) == E_PENDING);
    c.until_done(0);
    CHECK(c.called("GetProperty", c.transport->GetProperty(HTTPMAIL_PROP_SIG, &text)) == IXP_E_HTTP_ROOT_PROP_NOT_FOUND);
    c.close("httpmail_getprop_failed");
}

// ---- GET -----------------------------------------------------------------------------------------------------

TEST_CASE("CommandGET: pieces whose counters add up, and the end")
{
    connected         c;
    auto const        at = c.site.url(c.site->add_message("inbox", mail("one")));
    DWORD             sum = 0;
    c.client->on_response = [&](HTTPMAILRESPONSE const& r) {
        sum += r.rGetInfo.cbIncrement;
        CHECK(r.rGetInfo.cbCurrent == sum);
    };
    c.called("CommandGET", c.transport->CommandGET(at.c_str(), nullptr, FALSE, 77));
    c.until_done(77);
    CHECK(sum == mail("one").size());
    CHECK(c.transport->IsState(IXP_IS_AUTHENTICATED) == S_OK);
    c.close("httpmail_get");
}

TEST_CASE("CommandGET: Accept and Translate")
{
    connected  c;
    auto const at      = c.site.url(c.site->add_message("inbox", mail("one")));
    LPCSTR     types[] = {"message/rfc822", "*/*", nullptr};
    c.transport->CommandGET(at.c_str(), types, TRUE, 1);
    c.until_done(1);
    c.transport->CommandGET(at.c_str(), nullptr, FALSE, 2);
    c.until_done(2);
    auto const all = c.site->requests("GET");
    REQUIRE(all.size() >= 2);
    CHECK(all[all.size() - 2].field("Accept").value_or("") == "message/rfc822, */*");
    CHECK(all[all.size() - 2].field("Translate").value_or("") == "f");
    CHECK(all.back().field("Translate").has_value() == false);
    CHECK(all.back().field("User-Agent").value_or("") == "Old-Client/5.0");
}

TEST_CASE("CommandGET: the body of a refusal is no content")
{
    connected c;
    c.called("CommandGET", c.transport->CommandGET((c.site.folder("inbox") + "nothing.eml").c_str(), nullptr, FALSE, 5));
    c.until_done(5);
    c.close("httpmail_get_failed");
}

// ---- PUT, POST, SendMessage ----------------------------------------------------------------------------------

TEST_CASE("CommandPUT")
{
    connected c([] {
        httpmail_server_settings s;
        s.verbs.put_stores = true;
        return s;
    }());
    std::string bytes = mail("put");
    auto const  at    = c.site.folder("drafts") + "new.eml";
    c.called("CommandPUT", c.transport->CommandPUT(at.c_str(), bytes.data(), static_cast<ULONG>(bytes.size()), 8));
    bytes.assign(bytes.size(), 'x'); // a copy was made
    c.until_done(8);
    REQUIRE(c.site->folder("drafts")->items.size() == 1);
    CHECK(c.site->folder("drafts")->items[0].content == mail("put"));
    answer(c.site, "PUT", 507);
    c.called("CommandPUT", c.transport->CommandPUT(at.c_str(), bytes.data(), static_cast<ULONG>(bytes.size()), 9));
    c.until_done(9);
    c.close("httpmail_put");
}

TEST_CASE("CommandPOST")
{
    connected c;
    auto const at = c.site.folder("drafts");
    {
        auto const stream = stream_of(mail("posted"));
        c.called("CommandPOST", c.transport->CommandPOST(at.c_str(), stream.get(), "message/rfc822", 10));
    }
    c.until_done(10);
    REQUIRE(c.site->folder("drafts")->items.size() == 1);
    CHECK(c.site->folder("drafts")->items[0].content == mail("posted"));
    answer(c.site, "POST", 402);
    c.called("CommandPOST", c.transport->CommandPOST(at.c_str(), stream_of("x").get(), nullptr, 11));
    c.until_done(11);
    c.close("httpmail_post");
}

TEST_CASE("SendMessage: the envelope, and the message")
{
    connected   c;
    target_list to({"bob@example.net", "carol@example.net"});
    LPSTR where = nullptr;
    c.transport->GetProperty(HTTPMAIL_PROP_SENDMSG, nullptr);
    c.until_done(0);
    REQUIRE(c.transport->GetProperty(HTTPMAIL_PROP_SENDMSG, &where) == S_OK);
    c.called("SendMessage", c.transport->SendMessage(where, "alice@example.com", &to.list, TRUE, stream_of(mail("sent")).get(), 12));
    c.until_done(12);
    REQUIRE(c.site->submissions().size() == 1);
    CHECK(c.site->folder("sentitems")->items.size() == 1);
    c.called("SendMessage", c.transport->SendMessage(where, "alice@example.com", &to.list, FALSE, stream_of(mail("sent")).get(), 13));
    c.until_done(13);
    CHECK(c.site->submissions().size() == 2);
    CHECK(c.site->folder("sentitems")->items.size() == 1);
    c.called("SendMessage", c.transport->SendMessage(where, "mallory@example.com", &to.list, FALSE, stream_of(mail("sent")).get(), 14));
    c.until_done(14);
    CoTaskMemFree(where);
    auto const all = c.site->requests("POST");
    REQUIRE_FALSE(all.empty());
    CHECK(all[0].field("SAVEINSENT").value_or("") == "t");
    CHECK(all[0].field("Content-Type").value_or("") == "message/rfc821");
    CHECK(all[0].body == "MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\nRCPT TO:<carol@example.net>\r\n\r\n" + mail("sent"));
    c.close("httpmail_send");
}

// ---- DELETE, BDELETE -----------------------------------------------------------------------------------------

TEST_CASE("CommandDELETE")
{
    connected  c;
    auto const at = c.site.url(c.site->add_message("inbox", mail("one")));
    c.called("CommandDELETE", c.transport->CommandDELETE(at.c_str(), 20));
    c.until_done(20);
    CHECK(c.site->folder("inbox")->items.empty());
    c.called("CommandDELETE", c.transport->CommandDELETE(at.c_str(), 21));
    c.until_done(21);
    c.close("httpmail_delete");
}

TEST_CASE("CommandBDELETE: the failures are listed")
{
    connected   c;
    auto const  segment = [](std::string const& path) { return path.substr(path.rfind('/') + 1); };
    target_list all({segment(c.site->add_message("inbox", mail("one"))), "nothing.eml", segment(c.site->add_message("inbox", mail("two")))});
    c.called("CommandBDELETE", c.transport->CommandBDELETE(c.site.folder("inbox").c_str(), &all.list, 22));
    c.until_done(22);
    CHECK(c.site->folder("inbox")->items.empty());
    answer(c.site, "BDELETE", 501);
    c.called("CommandBDELETE", c.transport->CommandBDELETE(c.site.folder("inbox").c_str(), &all.list, 23));
    c.until_done(23);
    c.close("httpmail_bdelete");
}

// ---- PROPFIND, PROPPATCH -------------------------------------------------------------------------------------

namespace {

template <class Request>
legacy::com_ptr<Request> make_request(CLSID const& id, IID const& iid)
{
    legacy::com_ptr<Request> r;
    REQUIRE(SUCCEEDED(CoInitialize(nullptr)));
    REQUIRE(CoCreateInstance(id, nullptr, CLSCTX_INPROC_SERVER, iid, r.put_void()) == S_OK);
    CoUninitialize();
    return r;
}

std::string taken(LPSTR text)
{
    REQUIRE(text != nullptr);
    std::string const copy = text;
    CoTaskMemFree(text);
    return copy;
}

} // namespace

TEST_CASE("CommandPROPFIND: an object for each resource, with its properties")
{
    connected  c;
    c.site->add_message("inbox", mail("one"));
    c.site->add_message("inbox", mail("two"), true);
    auto const request = make_request<IPropFindRequest>(CLSID_IPropFindRequest, IID_IPropFindRequest);
    DWORD      own     = 0;
    CHECK(request->AddNamespace("urn:example:", &own) == S_OK);
    CHECK(request->AddProperty(DAVNAMESPACE_HTTPMAIL, "read") == S_OK);
    CHECK(request->AddProperty(DAVNAMESPACE_MAIL, "subject") == S_OK);
    CHECK(request->AddProperty(own, "nothing") == S_OK);
    legacy::com_ptr<IPropFindMultiResponse> kept;
    c.client->on_response = [&](HTTPMAILRESPONSE const& r) {
        if (r.rPropFindInfo.pMultiResponse != nullptr)
            kept = legacy::com_ptr<IPropFindMultiResponse>(r.rPropFindInfo.pMultiResponse);
    };
    c.called("CommandPROPFIND", c.transport->CommandPROPFIND(c.site.folder("inbox").c_str(), request.get(), 1, 30));
    c.until_done(30);
    REQUIRE(kept);
    CHECK(kept->IsComplete() == TRUE);
    ULONG n = 0;
    REQUIRE(kept->GetLength(&n) == S_OK);
    CHECK(n == 3);
    std::vector<std::string> seen;
    for (ULONG i = 0; i != n; ++i)
    {
        legacy::com_ptr<IPropFindResponse> one;
        REQUIRE(kept->GetResponse(i, one.put()) == S_OK);
        CHECK(one->IsComplete() == TRUE);
        LPSTR href = nullptr, text = nullptr;
        CHECK(one->GetHref(&href) == S_OK);
        CHECK(taken(href).find(c.site.folder("inbox")) == 0);
        CHECK(one->GetProperty(own, "nothing", &text) == E_FAIL);
        CHECK(one->GetProperty(own + 1, "nothing", &text) == E_INVALIDARG);
        CHECK(one->GetProperty(DAVNAMESPACE_MAIL, nullptr, &text) == E_INVALIDARG);
        CHECK(one->GetProperty(DAVNAMESPACE_MAIL, "subject", nullptr) == E_INVALIDARG);
        CHECK(one->GetHref(nullptr) == E_INVALIDARG);
        if (one->GetProperty(DAVNAMESPACE_MAIL, "subject", &text) != S_OK)
            continue;
        seen.push_back(taken(text));
        REQUIRE(one->GetProperty(DAVNAMESPACE_HTTPMAIL, "read", &text) == S_OK);
        CHECK(taken(text) == (seen.back() == "two" ? "1" : "0"));
    }
    CHECK(seen.size() == 2);
    CHECK(kept->GetLength(nullptr) == E_INVALIDARG);
    CHECK(kept->GetResponse(0, nullptr) == E_INVALIDARG);
    legacy::com_ptr<IPropFindResponse> none;
    CHECK(kept->GetResponse(n, none.put()) == E_INVALIDARG);
    c.called("CommandPROPFIND", c.transport->CommandPROPFIND((c.site.folder("inbox") + "none").c_str(), request.get(), 0, 31));
    c.until_done(31);
    c.close("httpmail_propfind");
}

TEST_CASE("CommandPROPFIND: many resources come in slices of one growing object")
{
    connected c;
    for (int i = 0; i != 40; ++i)
        c.site->add_message("inbox", mail("m" + std::to_string(i)));
    auto const request = make_request<IPropFindRequest>(CLSID_IPropFindRequest, IID_IPropFindRequest);
    CHECK(request->AddProperty(DAVNAMESPACE_DAV, "displayname") == S_OK);
    c.called("CommandPROPFIND", c.transport->CommandPROPFIND(c.site.folder("inbox").c_str(), request.get(), 1, 32));
    c.until_done(32);
    c.close("httpmail_propfind_slices");
}

TEST_CASE("CommandPROPPATCH")
{
    connected  c;
    auto const at      = c.site.url(c.site->add_message("inbox", mail("one")));
    auto const request = make_request<IPropPatchRequest>(CLSID_IPropPatchRequest, IID_IPropPatchRequest);
    CHECK(request->SetProperty(DAVNAMESPACE_HTTPMAIL, "read", "1") == S_OK);
    c.called("CommandPROPPATCH", c.transport->CommandPROPPATCH(at.c_str(), request.get(), 33));
    c.until_done(33);
    CHECK(c.site->folder("inbox")->items[0].read);
    CHECK(c.site->lock(at.substr(at.find('/', 8))));
    c.called("CommandPROPPATCH", c.transport->CommandPROPPATCH(at.c_str(), request.get(), 34));
    c.until_done(34);
    c.close("httpmail_proppatch");
}

// ---- MKCOL, COPY, MOVE, BCOPY, BMOVE -------------------------------------------------------------------------

TEST_CASE("CommandMKCOL")
{
    connected c;
    auto const at = c.site.url(c.site->folder("inbox")->path.substr(0, c.site->folder("inbox")->path.rfind('/', c.site->folder("inbox")->path.size() - 2) + 1)) + "work/";
    c.called("CommandMKCOL", c.transport->CommandMKCOL(at.c_str(), 40));
    c.until_done(40);
    CHECK(c.site->folder("work").has_value());
    c.called("CommandMKCOL", c.transport->CommandMKCOL(at.c_str(), 41));
    c.until_done(41);
    c.close("httpmail_mkcol");
}

TEST_CASE("CommandCOPY and CommandMOVE")
{
    connected  c;
    auto const path = c.site->add_message("inbox", mail("one"));
    auto const at   = c.site.url(path);
    auto const to   = c.site.folder("drafts") + path.substr(path.rfind('/') + 1);
    c.called("CommandCOPY", c.transport->CommandCOPY(at.c_str(), to.c_str(), TRUE, 42));
    c.until_done(42);
    CHECK(c.site->folder("drafts")->items.size() == 1);
    CHECK(c.site->requests("COPY").back().field("Allow-Rename").value_or("") == "t");
    CHECK(c.site->requests("COPY").back().field("Overwrite").value_or("") == "T");
    auto const other = c.site.folder("deleteditems") + path.substr(path.rfind('/') + 1);
    c.called("CommandMOVE", c.transport->CommandMOVE(at.c_str(), other.c_str(), FALSE, 43));
    c.until_done(43);
    CHECK(c.site->folder("deleteditems")->items.size() == 1);
    CHECK_FALSE(c.site->requests("MOVE").back().field("Allow-Rename").has_value());
    CHECK_FALSE(c.site->requests("MOVE").back().field("Overwrite").has_value());
    c.called("CommandCOPY", c.transport->CommandCOPY(at.c_str(), to.c_str(), FALSE, 44));
    c.until_done(44);
    c.called("CommandMOVE", c.transport->CommandMOVE(at.c_str(), to.c_str(), FALSE, 45));
    c.until_done(45);
    c.close("httpmail_copy_move");
}

TEST_CASE("CommandBCOPY and CommandBMOVE: each target with its result and its place")
{
    connected   c;
    auto const  segment = [](std::string const& path) { return path.substr(path.rfind('/') + 1); };
    target_list all({segment(c.site->add_message("inbox", mail("one"))), "nothing.eml", segment(c.site->add_message("inbox", mail("two")))});
    auto const  from = c.site.folder("inbox");
    c.called("CommandBCOPY", c.transport->CommandBCOPY(from.c_str(), &all.list, c.site.folder("drafts").c_str(), nullptr, TRUE, 46));
    c.until_done(46);
    CHECK(c.site->folder("drafts")->items.size() == 2);
    c.called("CommandBMOVE", c.transport->CommandBMOVE(from.c_str(), &all.list, c.site.folder("deleteditems").c_str(), nullptr, FALSE, 47));
    c.until_done(47);
    CHECK(c.site->folder("deleteditems")->items.size() == 2);
    CHECK(c.site->folder("inbox")->items.empty());
    answer(c.site, "BCOPY", 403);
    c.called("CommandBCOPY", c.transport->CommandBCOPY(from.c_str(), &all.list, c.site.folder("drafts").c_str(), nullptr, TRUE, 48));
    c.until_done(48);
    answer(c.site, "BMOVE", 507);
    c.called("CommandBMOVE", c.transport->CommandBMOVE(from.c_str(), &all.list, c.site.folder("drafts").c_str(), nullptr, TRUE, 49));
    c.until_done(49);
    c.close("httpmail_bcopy_bmove");
}

// ---- MemberInfo, FindFolders, MarkRead -----------------------------------------------------------------------

TEST_CASE("MemberInfo: folders, messages, depths")
{
    connected  c;
    auto const one = c.site.url(c.site->add_message("inbox", mail("one")));
    c.site->add_message("inbox", mail("two"), true);
    LPSTR root = nullptr;
    c.transport->GetProperty(HTTPMAIL_PROP_MSGFOLDERROOT, nullptr);
    c.until_done(0);
    REQUIRE(c.transport->GetProperty(HTTPMAIL_PROP_MSGFOLDERROOT, &root) == S_OK);
    auto const ask = [&](std::string const& at, MEMBERINFOFLAGS flags, DWORD depth, BOOL with_root, DWORD context) {
        c.called(("MemberInfo " + std::to_string(flags) + " " + std::to_string(depth) + " " + std::to_string(with_root)).c_str(),
                 c.transport->MemberInfo(at.c_str(), flags, depth, with_root, context));
        c.until_done(context);
    };
    auto const inbox = c.site.folder("inbox");
    ask(root, HTTP_MEMBERINFO_FOLDERPROPS, 1, FALSE, 50);
    ask(inbox, HTTP_MEMBERINFO_MESSAGEPROPS, 1, FALSE, 51);
    ask(inbox, HTTP_MEMBERINFO_ALLPROPS, 1, TRUE, 52);
    ask(one, HTTP_MEMBERINFO_MESSAGEPROPS, 0, TRUE, 53);
    ask(inbox, HTTP_MEMBERINFO_COMMONPROPS, DEPTH_INFINITY, FALSE, 54);
    ask(inbox + "none/", HTTP_MEMBERINFO_COMMONPROPS, 1, FALSE, 55);
    CoTaskMemFree(root);
    c.close("httpmail_memberinfo");
}

TEST_CASE("MemberInfo: many messages come in slices, each with new entries only")
{
    connected c;
    for (int i = 0; i != 70; ++i)
        c.site->add_message("inbox", mail("m" + std::to_string(i)));
    std::vector<ULONG> slices;
    c.client->on_response = [&](HTTPMAILRESPONSE const& r) { slices.push_back(r.rMemberInfoList.cMemberInfo); };
    c.transport->MemberInfo(c.site.folder("inbox").c_str(), HTTP_MEMBERINFO_COMMONPROPS, 1, FALSE, 56);
    c.until_done(56);
    CHECK(slices == std::vector<ULONG>({32, 32, 6}));
}

TEST_CASE("MemberInfo: a list that breaks off has its end")
{
    connected c([] {
        httpmail_server_settings s;
        s.text.cut_short = true;
        return s;
    }());
    c.site->add_message("inbox", mail("one"));
    c.called("MemberInfo", c.transport->MemberInfo(c.site.folder("inbox").c_str(), HTTP_MEMBERINFO_COMMONPROPS, 1, FALSE, 57));
    c.until_done(57);
    c.close("httpmail_memberinfo_cut");
}

TEST_CASE("FindFolders: told as by MemberInfo, without the root; servers may refuse")
{
    connected c([] {
        httpmail_server_settings s;
        s.verbs.search = true;
        return s;
    }());
    auto const inbox = c.site->folder("inbox")->path;
    auto const root  = c.site.url(inbox.substr(0, inbox.rfind('/', inbox.size() - 2) + 1));
    c.called("FindFolders", c.transport->FindFolders(root.c_str(), 58));
    c.until_done(58);
    answer(c.site, "SEARCH", 501);
    c.called("FindFolders", c.transport->FindFolders(root.c_str(), 59));
    c.until_done(59);
    c.close("httpmail_findfolders");
}

TEST_CASE("MarkRead: the failures are listed; one resource by itself")
{
    connected   c;
    auto const  segment = [](std::string const& path) { return path.substr(path.rfind('/') + 1); };
    auto const  first   = c.site->add_message("inbox", mail("one"));
    target_list all({segment(first), "nothing.eml", segment(c.site->add_message("inbox", mail("two")))});
    target_list none({});
    auto const  inbox = c.site.folder("inbox");
    c.called("MarkRead", c.transport->MarkRead(inbox.c_str(), &all.list, TRUE, 60));
    c.until_done(60);
    CHECK(c.site->folder("inbox")->items[0].read);
    CHECK(c.site->folder("inbox")->items[1].read);
    c.called("MarkRead", c.transport->MarkRead(c.site.url(first).c_str(), &none.list, FALSE, 61));
    c.until_done(61);
    CHECK_FALSE(c.site->folder("inbox")->items[0].read);
    answer(c.site, "BPROPPATCH", 405);
    c.called("MarkRead", c.transport->MarkRead(inbox.c_str(), &all.list, TRUE, 62));
    c.until_done(62);
    c.close("httpmail_markread");
}

TEST_CASE("RootMemberInfo and FolderMemberInfo: the server's time stamps come along")
{
    connected c([] {
        httpmail_server_settings s;
        s.verbs.stamps = posthorn::testing::httpmail_verb_options::timestamps::not_modified;
        return s;
    }());
    auto const two   = c.transport.as<IHTTPMailTransport2>();
    auto const inbox = c.site->folder("inbox")->path;
    auto const root  = c.site.url(inbox.substr(0, inbox.rfind('/', inbox.size() - 2) + 1));
    c.called("RootMemberInfo", two->RootMemberInfo(root.c_str(), HTTP_MEMBERINFO_COMMONPROPS, 1, FALSE, 63, "1", "2"));
    c.until_done(63);
    CHECK(c.site->requests("PROPFIND").back().field("X-Timestamp").value_or("") == "folders=1, ACTIVE=2");
    c.called("FolderMemberInfo", two->FolderMemberInfo(c.site.url(inbox).c_str(), HTTP_MEMBERINFO_COMMONPROPS, 1, FALSE, 64, "1", "ACTIVE"));
    c.until_done(64);
    CHECK(c.site->requests("PROPFIND").back().field("X-Timestamp").value_or("") == "ACTIVE=1");
    c.called("FolderMemberInfo", two->FolderMemberInfo((c.site.url(inbox) + "none/").c_str(), HTTP_MEMBERINFO_COMMONPROPS, 1, FALSE, 65, nullptr, nullptr));
    c.until_done(65);
    c.close("httpmail_stamps");
}

// ---- Contacts ------------------------------------------------------------------------------------------------

TEST_CASE("contacts: made, listed, read, changed")
{
    connected       c;
    auto const      folder = c.site.folder("contacts");
    HTTPCONTACTINFO info   = {};
    std::string     name = "Bob & Co", email = "bob@example.net", phone = "+1 555 0100";
    info.pszDisplayName = name.data();
    info.pszEmail       = email.data();
    c.called("PostContact", c.transport->PostContact(folder.c_str(), &info, 70));
    c.until_done(70);
    c.called("ListContacts", c.transport->ListContacts(folder.c_str(), 71));
    std::string at;
    c.client->on_response = [&](HTTPMAILRESPONSE const& r) {
        if (r.command == HTTPMAIL_LISTCONTACTS && r.rContactIdList.cContactId != 0)
            at = r.rContactIdList.prgContactId[0].pszHref;
    };
    c.until_done(71);
    REQUIRE_FALSE(at.empty());
    HTTPCONTACTINFO change = {};
    change.pszMobilePhone  = phone.data();
    c.called("PatchContact", c.transport->PatchContact(at.c_str(), &change, 72));
    c.until_done(72);
    c.called("ContactInfo", c.transport->ContactInfo(at.c_str(), 73));
    c.until_done(73);
    c.called("ListContactInfos", c.transport->ListContactInfos(folder.c_str(), 74));
    c.until_done(74);
    c.close("httpmail_contacts");
}

TEST_CASE("contacts: refusals")
{
    connected       c;
    auto const      folder = c.site.folder("contacts");
    auto const      none   = folder + "none";
    HTTPCONTACTINFO info   = {};
    std::string     name   = "Bob";
    info.pszDisplayName    = name.data();
    c.transport->GetProperty(HTTPMAIL_PROP_CONTACTS, nullptr);
    c.until_done(0);
    c.client->trace.clear();
    answer(c.site, "POST", 409);
    c.called("PostContact", c.transport->PostContact(folder.c_str(), &info, 75));
    c.until_done(75);
    c.called("PatchContact", c.transport->PatchContact(none.c_str(), &info, 76));
    c.until_done(76);
    c.called("ContactInfo", c.transport->ContactInfo(none.c_str(), 77));
    c.until_done(77);
    c.called("ListContacts", c.transport->ListContacts((none + "/").c_str(), 78));
    c.until_done(78);
    c.called("ListContactInfos", c.transport->ListContactInfos((none + "/").c_str(), 79));
    c.until_done(79);
    c.close("httpmail_contacts_failed");
}

TEST_SUITE_END();
