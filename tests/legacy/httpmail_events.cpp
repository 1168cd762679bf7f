//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What happens besides answers: logins, redirects, certificates, silence, lost connections, the end at any moment. Traces are compared
// with the texts kept for them in traces/.

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/legacy/transport_settings.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/httpmail_server.hpp>

#include <doctest/doctest.h>

#include "support/legacy_httpmail.hpp"
#include "support/legacy_scripts.hpp"
#include "support/temp_dir.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

TEST_SUITE_BEGIN("legacy/httpmail_events");

namespace {

using namespace support;
using posthorn::testing::httpmail_fault;
using posthorn::testing::httpmail_redirect_options;
using posthorn::testing::httpmail_request;
using posthorn::testing::httpmail_response;
using posthorn::testing::httpmail_server_settings;

std::string mail(std::string const& subject)
{
    return "From: bob@example.net\r\nSubject: " + subject + "\r\n\r\nhello\r\n";
}

void fault(httpmail_site& site, std::string const& method, httpmail_fault::what kind, std::size_t times = 1)
{
    httpmail_fault f;
    f.method = method;
    f.kind   = kind;
    f.times  = times;
    site->fail(f);
}

HRESULT get(httpmail_session& s, std::string const& at, DWORD context)
{
    return s.called("CommandGET", s.transport->CommandGET(at.c_str(), nullptr, FALSE, context));
}

} // namespace

// ---- 401 -----------------------------------------------------------------------------------------------------

TEST_CASE("401: the client is asked, and what it gives is right")
{
    httpmail_site    site;
    httpmail_session s;
    auto const       at = site.url(site->add_message("inbox", mail("one")));
    auto const       me = site.owner();
    s.client->on_logon  = [&](INETSERVER* given) {
        log_on_as(*given, me.szUserName, me.szPassword);
        return S_OK;
    };
    s.connect(site.record());
    get(s, at, 1);
    s.until_done(1);
    CHECK(s.transport->IsState(IXP_IS_AUTHENTICATED) == S_OK);
    INETSERVER now = {};
    CHECK(s.transport->GetServerInfo(&now) == S_OK);
    CHECK(std::string(now.szPassword) == me.szPassword);
    get(s, at, 2); // and is not asked again
    s.until_done(2);
    s.close(site.port(), "httpmail_logon");
}

TEST_CASE("401: wrong credentials are changed, twice")
{
    httpmail_site    site;
    httpmail_session s;
    auto const       me    = site.owner();
    int              asked = 0;
    s.client->on_logon     = [&](INETSERVER* given) {
        log_on_as(*given, me.szUserName, ++asked == 2 ? me.szPassword : "still wrong");
        return S_OK;
    };
    auto where = site.owner();
    log_on_as(where, "alice@example.com", "wrong");
    s.connect(where);
    CHECK(s.called("CommandPOST", s.transport->CommandPOST(site.folder("drafts").c_str(), stream_of(mail("posted")).get(), "message/rfc822", 3)) == S_OK);
    s.until_done(3);
    CHECK(asked == 2);
    REQUIRE(site->folder("drafts")->items.size() == 1);
    CHECK(site->folder("drafts")->items[0].content == mail("posted"));
    s.close(site.port(), "httpmail_logon_changed");
}

TEST_CASE("401: S_FALSE ends the request, the others, and the connection")
{
    httpmail_site    site;
    httpmail_session s;
    s.connect(site.record());
    get(s, site.folder("inbox"), 4);
    s.called("CommandDELETE", s.transport->CommandDELETE(site.folder("inbox").c_str(), 5));
    s.until_disconnected();
    s.compare(site.port(), "httpmail_logon_refused");
    CHECK(s.transport->CommandDELETE(site.folder("inbox").c_str(), 5) == IXP_E_NOT_CONNECTED);
    s.connect(site.owner()); // it can be used again
    get(s, site.folder("inbox") + "none", 6);
    s.until_done(6);
}

TEST_CASE("401: without fAuthenticate nobody is asked")
{
    httpmail_site    site;
    httpmail_session s;
    s.connect(site.owner(), false);
    get(s, site.folder("inbox"), 7);
    s.until_done(7);
    s.close(site.port(), "httpmail_logon_never");
}

TEST_CASE("401: several requests at once ask once")
{
    httpmail_site    site;
    httpmail_session s;
    auto const       me    = site.owner();
    int              asked = 0;
    s.client->on_logon     = [&](INETSERVER* given) {
        ++asked;
        log_on_as(*given, me.szUserName, me.szPassword);
        return S_OK;
    };
    s.connect(site.record());
    for (DWORD i = 0; i != 10; ++i)
        CHECK(s.transport->MemberInfo(site.folder("inbox").c_str(), HTTP_MEMBERINFO_ALLPROPS, 1, FALSE, i) == S_OK);
    CHECK(s.transport->IsState(IXP_IS_BUSY) == S_OK);
    CHECK(s.transport->IsState(IXP_IS_READY) == S_FALSE);
    s.until([&] { return s.client->finished.size() == 10; });
    CHECK(s.transport->IsState(IXP_IS_BUSY) == S_FALSE);
    CHECK(asked == 1);
}

TEST_CASE("401: an answer that comes when the client has connected elsewhere goes nowhere")
{
    httpmail_site    site, other;
    httpmail_session s;
    auto             elsewhere = other.record();
    log_on_as(elsewhere, "other", "other's password");
    s.client->on_logon = [&](INETSERVER* given) {
        s.transport->DropConnection();
        CHECK(s.transport->Connect(&elsewhere, iitDONT_AUTHENTICATE, iitDISABLE_ONCOMMAND) == S_OK);
        log_on_as(*given, "me", "a secret for the first server");
        return S_OK;
    };
    s.connect(site.record());
    get(s, site.folder("inbox"), 8);
    s.until([&] { return s.client->trace.back() == "OnStatus(IXP_CONNECTED)" && s.client->trace.size() > 6; });
    INETSERVER now = {};
    CHECK(s.transport->GetServerInfo(&now) == S_OK);
    CHECK(std::string(now.szUserName) == "other");
    CHECK(std::string(now.szPassword) == "other's password");
}

// ---- Redirects -----------------------------------------------------------------------------------------------

TEST_CASE("redirects: the entry leads elsewhere, and the properties are those of that place")
{
    httpmail_server_settings how;
    how.redirect.first = httpmail_redirect_options::kind::absolute;
    httpmail_site    site(how);
    httpmail_session s;
    s.connect(site.owner());
    s.called("GetProperty", s.transport->GetProperty(HTTPMAIL_PROP_MSGFOLDERROOT, nullptr));
    s.until_done(0);
    s.close(site.port(), "httpmail_redirect_entry");
}

namespace {

/// Redirects what is posted to one place after the other. The last one takes it.
httpmail_server_settings redirecting(int status, std::shared_ptr<std::vector<std::string>> places)
{
    httpmail_server_settings how;
    how.auth.required = false;
    how.on_request    = [status, places](httpmail_request const& r) {
        httpmail_response answer(0);
        if (r.method != "POST" || places->empty())
            return answer;
        answer.status = status;
        answer.fields.emplace_back("Location", places->front());
        places->erase(places->begin());
        return answer;
    };
    return how;
}

} // namespace

TEST_CASE("redirects: a body goes out again, with fResend")
{
    for (int const status : {302, 307})
    {
        auto const       places = std::make_shared<std::vector<std::string>>();
        httpmail_site    site(redirecting(status, places));
        httpmail_session s;
        places->push_back(site->folder("deleteditems")->path);
        places->push_back(site->folder("sentitems")->path);
        s.connect(site.owner());
        CHECK(s.called("CommandPOST", s.transport->CommandPOST(site.folder("drafts").c_str(), stream_of(mail("posted")).get(), "message/rfc822", 10)) == S_OK);
        DWORD current = 0;
        s.client->on_response = [&](HTTPMAILRESPONSE const& r) {
            if (r.fDone)
                return;
            current = r.rPostInfo.fResend ? r.rPostInfo.cbIncrement : current + r.rPostInfo.cbIncrement;
            CHECK(r.rPostInfo.cbCurrent == current);
        };
        s.until_done(10);
        CHECK(current == mail("posted").size());
        REQUIRE(site->folder("sentitems")->items.size() == 1);
        CHECK(site->folder("sentitems")->items[0].content == mail("posted"));
        s.close(site.port(), "httpmail_redirect_post");
    }
}

TEST_CASE("redirects: one that never ends is given up")
{
    auto const places = std::make_shared<std::vector<std::string>>();
    for (int i = 0; i != 100; ++i)
        places->push_back("/elsewhere/" + std::to_string(i));
    httpmail_site    site(redirecting(302, places));
    httpmail_session s;
    s.connect(site.owner());
    DWORD passes = 0;
    s.client->on_response = [&](HTTPMAILRESPONSE const& r) {
        if (r.fDone)
            CHECK(r.rIxpResult.hrResult == IXP_E_HTTP_BAD_REQUEST);
        if (r.fDone)
            CHECK(r.rIxpResult.uiServerError == 302);
        passes += r.fDone ? 0U : 1U;
    };
    CHECK(s.transport->CommandPOST(site.folder("drafts").c_str(), stream_of("x").get(), nullptr, 11) == S_OK);
    s.until_done(11);
    CHECK(passes == 11);
}

TEST_CASE("redirects: 305 is not followed")
{
    httpmail_server_settings how;
    how.on_request = [](httpmail_request const&) {
        httpmail_response answer(305);
        answer.fields.emplace_back("Location", "http://proxy.invalid/");
        return answer;
    };
    httpmail_site    site(how);
    httpmail_session s;
    s.connect(site.owner());
    get(s, site.folder("inbox"), 12);
    s.until_done(12);
    s.close(site.port(), "httpmail_redirect_proxy");
}

// ---- Statuses ------------------------------------------------------------------------------------------------

TEST_CASE("4.4: each status has its code, and its words")
{
    int                      status = 0;
    httpmail_server_settings how;
    how.on_request = [&](httpmail_request const&) {
        httpmail_response answer(status);
        answer.reason = "because";
        return answer;
    };
    httpmail_site    site(how);
    httpmail_session s;
    s.connect(site.owner());
    struct row
    {
        int     status;
        HRESULT code;
    };
    row const rows[] = {{400, IXP_E_HTTP_BAD_REQUEST},       {402, IXP_E_HTTP_BAD_REQUEST},      {403, IXP_E_HTTP_FORBIDDEN},
                        {404, IXP_E_HTTP_NOT_FOUND},         {405, IXP_E_HTTP_METHOD_NOT_ALLOW}, {406, IXP_E_HTTP_NOT_ACCEPTABLE},
                        {407, IXP_E_HTTP_PROXY_AUTH_REQ},    {408, IXP_E_HTTP_REQUEST_TIMEOUT},  {409, IXP_E_HTTP_CONFLICT},
                        {410, IXP_E_HTTP_GONE},              {411, IXP_E_HTTP_LENGTH_REQUIRED},  {412, IXP_E_HTTP_PRECOND_FAILED},
                        {422, IXP_E_HTTP_BAD_REQUEST},       {425, IXP_E_HTTP_INSUFFICIENT_STORAGE}, {500, IXP_E_HTTP_INTERNAL_ERROR},
                        {501, IXP_E_HTTP_NOT_IMPLEMENTED},   {502, IXP_E_HTTP_BAD_GATEWAY},      {503, IXP_E_HTTP_SERVICE_UNAVAIL},
                        {504, IXP_E_HTTP_GATEWAY_TIMEOUT},   {505, IXP_E_HTTP_VERS_NOT_SUP},     {507, IXP_E_HTTP_INSUFFICIENT_STORAGE},
                        {599, IXP_E_HTTP_INTERNAL_ERROR}};
    IXPRESULT   last = {};
    std::string words;
    s.client->on_response = [&](HTTPMAILRESPONSE const& r) {
        last  = r.rIxpResult;
        words = r.rIxpResult.pszResponse == nullptr ? "" : r.rIxpResult.pszResponse;
    };
    for (auto const& r : rows)
    {
        CAPTURE(r.status);
        status = r.status;
        s.transport->CommandDELETE(site.folder("inbox").c_str(), 13);
        s.until_done(13);
        CHECK(last.hrResult == r.code);
        CHECK(last.uiServerError == static_cast<UINT>(r.status));
        CHECK(last.hrServerError == r.code);
        CHECK(words == "because");
    }
}

// ---- Connections ---------------------------------------------------------------------------------------------

TEST_CASE("a server that is not there, by name or by port: the request has its end, and the transport goes on")
{
    httpmail_session s;
    INETSERVER       where = {};
    std::strcpy(where.szServerName, "http://127.0.0.1:1/");
    s.connect(where);
    get(s, "http://127.0.0.1:1/x", 20);
    s.until_done(20);
    get(s, "http://nobody.invalid/x", 21);
    s.until_done(21);
    CHECK(s.transport->IsState(IXP_IS_READY) == S_OK);
    s.close("none", "httpmail_unreachable");
}

TEST_CASE("a connection that is lost in each phase of a request")
{
    httpmail_server_settings how;
    how.auth.required = false;
    for (auto const kind : {httpmail_fault::what::close, httpmail_fault::what::close_after, httpmail_fault::what::cut})
    {
        for (std::size_t octets : {std::size_t(5), std::size_t(100), std::size_t(250)})
        {
            if (kind != httpmail_fault::what::cut && octets != 5)
                continue;
            CAPTURE(octets);
            httpmail_site    site(how);
            httpmail_session s;
            auto const       at = site.url(site->add_message("inbox", std::string(5000, 'x')));
            httpmail_fault   f;
            f.kind   = kind;
            f.octets = octets;
            f.times  = 0;
            site->fail(f);
            s.connect(site.owner());
            HRESULT result = S_OK;
            s.client->on_response = [&](HTTPMAILRESPONSE const& r) { result = r.rIxpResult.hrResult; };
            CHECK(get(s, at, 22) == S_OK);
            s.until_done(22);
            CHECK(result == IXP_E_CONNECTION_DROPPED);
            result = S_OK;
            CHECK(s.transport->CommandPOST(site.folder("drafts").c_str(), stream_of(mail("x")).get(), "message/rfc822", 23) == S_OK);
            s.until_done(23);
            CHECK(result == (octets == 250 ? S_OK : IXP_E_CONNECTION_DROPPED)); // its answer is not that long
            result = S_OK;
            CHECK(s.transport->MemberInfo(site.folder("inbox").c_str(), HTTP_MEMBERINFO_ALLPROPS, 1, TRUE, 24) == S_OK);
            s.until_done(24);
            CHECK(result == IXP_E_CONNECTION_DROPPED);
            CHECK(s.transport->IsState(IXP_IS_READY) == S_OK);
        }
    }
}

TEST_CASE("silence: OnTimeout may go on; S_FALSE ends it all")
{
    httpmail_server_settings how;
    how.auth.required = false;
    httpmail_site    site(how);
    httpmail_session s;
    auto             where = site.owner();
    where.dwTimeout        = 1;
    int asked              = 0;
    s.client->on_timeout   = [&](DWORD*) { return ++asked == 1 ? S_OK : S_FALSE; };
    fault(site, "DELETE", httpmail_fault::what::stall);
    s.connect(where);
    s.called("CommandDELETE", s.transport->CommandDELETE(site.folder("inbox").c_str(), 30));
    get(s, site.folder("inbox"), 31); // waits for its turn
    s.until_disconnected();
    CHECK(asked == 2);
    s.compare(site.port(), "httpmail_timeout");
}

TEST_CASE("Disconnect: what was asked for has its end first")
{
    httpmail_server_settings how;
    how.auth.required = false;
    httpmail_site    site(how);
    httpmail_session s;
    fault(site, "GET", httpmail_fault::what::stall);
    s.connect(site.owner());
    get(s, site.folder("inbox"), 32);
    s.called("CommandDELETE", s.transport->CommandDELETE(site.folder("inbox").c_str(), 33));
    s.until([&] { return site->totals().connections != 0; });
    s.called("Disconnect", s.transport->Disconnect());
    CHECK(s.called("Disconnect", s.transport->Disconnect()) == S_OK);
    CHECK(s.transport->CommandDELETE(site.folder("inbox").c_str(), 34) == IXP_E_NOT_CONNECTED);
    s.until_disconnected();
    s.compare(site.port(), "httpmail_disconnect_busy");
}

TEST_CASE("requests that change something keep their order; those that read run beside each other")
{
    httpmail_server_settings how;
    how.auth.required  = false;
    how.transfer.delay = std::chrono::milliseconds(20);
    httpmail_site    site(how);
    httpmail_session s;
    auto const       at = site.url(site->add_message("inbox", mail("one")));
    s.connect(site.owner());
    for (DWORD i = 0; i != 6; ++i)
        CHECK(s.transport->CommandGET(at.c_str(), nullptr, FALSE, i) == S_OK);
    CHECK(s.transport->CommandDELETE(at.c_str(), 6) == S_OK);
    CHECK(s.transport->CommandGET(at.c_str(), nullptr, FALSE, 7) == S_OK);
    std::vector<HRESULT> results(8, E_UNEXPECTED);
    s.client->on_response = [&](HTTPMAILRESPONSE const& r) {
        if (r.fDone)
            results[r.dwContext] = r.rIxpResult.hrResult;
    };
    s.until([&] { return s.client->finished.size() == 8; });
    CHECK(results == std::vector<HRESULT>({S_OK, S_OK, S_OK, S_OK, S_OK, S_OK, S_OK, IXP_E_HTTP_NOT_FOUND}));
    CHECK(s.client->finished.back() == 7);
    CHECK(s.client->finished[6] == 6);
    CHECK(site->totals().connections == 4);
}

// ---- OnCommand and the log -----------------------------------------------------------------------------------

TEST_CASE("OnCommand and the log have every line, challenges too, and no password")
{
    support::temp_dir dir;
    std::string const file = (dir.path() / "HttpMail.log").string();
    httpmail_site     site;
    httpmail_session  s(file.c_str());
    auto              where = site.owner();
    CHECK(s.called("Connect", s.transport->Connect(&where, iitAUTHENTICATE, iitENABLE_ONCOMMAND)) == S_OK);
    s.called("CommandDELETE", s.transport->CommandDELETE((site.folder("inbox") + "none").c_str(), 40));
    s.until_done(40);
    s.close(site.port(), "httpmail_lines");
    std::ifstream     in(file);
    std::string const log((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    CHECK(std::count(log.begin(), log.end(), '\n') == 4);
    CHECK(log.find("HTTPMAIL: ") == 0);
    CHECK(log.find(" [tx] DELETE /cgi-bin/hmdata/alice@example.com/folders/ACTIVE/none HTTP/1.1\n") != std::string::npos);
    CHECK(log.find(" [rx] HTTP/1.1 404 Not Found\n") != std::string::npos);
    CHECK(log.find("sesame") == std::string::npos);
}

// ---- TLS -----------------------------------------------------------------------------------------------------

namespace {

httpmail_server_settings secured(posthorn::testing::certificate const& c)
{
    posthorn::net::tls_settings how;
    how.certificate_pem = c.chain_pem;
    how.key_pem         = c.key_pem;
    httpmail_server_settings s;
    s.tls_context.emplace(how);
    return s;
}

} // namespace

TEST_CASE_FIXTURE(trusting_client, "TLS: a good certificate; one for another host or that has expired, which the client may take or not; one that nobody trusts")
{
    {
        httpmail_site    site(secured(authority.issue()));
        httpmail_session s;
        s.connect(site.owner());
        get(s, site.folder("inbox") + "none", 50);
        s.until_done(50);
        s.close(site.port(), "httpmail_tls");
    }
    for (bool const fine : {true, false})
    {
        httpmail_site    site(secured(authority.issue(std::vector<std::string>(1, "other.test"))));
        httpmail_session s;
        s.client->on_prompt = [=](HRESULT) { return fine ? IDYES : IDNO; };
        s.connect(site.owner());
        get(s, site.folder("inbox") + "none", 51);
        s.until([&] { return s.client->has_finished(51) || s.client->disconnected; });
        if (fine)
        {
            s.client->finished.clear();
            get(s, site.folder("inbox") + "none", 52); // and is not asked again
            s.until_done(52);
            s.close(site.port(), "httpmail_tls_host_yes");
        }
        else
        {
            s.until_disconnected();
            s.compare(site.port(), "httpmail_tls_host_no");
        }
    }
    for (bool const fine : {true, false})
    {
        posthorn::testing::certificate_options expired;
        expired.not_before = -std::chrono::hours(48);
        expired.not_after  = -std::chrono::hours(24);
        httpmail_site    site(secured(authority.issue(expired)));
        httpmail_session s;
        s.client->on_prompt = [=](HRESULT) { return fine ? IDYES : IDNO; };
        s.connect(site.owner());
        get(s, site.folder("inbox") + "none", 54);
        s.until([&] { return s.client->has_finished(54) || s.client->disconnected; });
        if (fine)
            s.close(site.port(), "httpmail_tls_date_yes");
        else
        {
            s.until_disconnected();
            s.compare(site.port(), "httpmail_tls_date_no");
        }
    }
    {
        posthorn::testing::certificate_authority const stranger;
        httpmail_site                                  site(secured(stranger.issue()));
        httpmail_session                               s;
        s.connect(site.owner());
        get(s, site.folder("inbox"), 53);
        s.until_done(53);
        s.close(site.port(), "httpmail_tls_untrusted");
    }
}

TEST_SUITE_END();
