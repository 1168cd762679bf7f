//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Where the sources about the old SMTP interface contradict each other, or are silent: what was decided, by number.

#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/scripted_server.hpp>

#include <doctest/doctest.h>

#include "support/legacy_client.hpp"
#include "support/legacy_scripts.hpp"
#include "support/own_stream.hpp"
#include "support/temp_dir.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/address_v6.hpp>
#include <asio/ip/host_name.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

TEST_SUITE_BEGIN("legacy/smtp_decisions");

namespace {

using namespace support;
using posthorn::testing::script;

char* text(char const* t)
{
    return const_cast<char*>(t);
}

/// A session that is ready; ended() checks that the server heard nothing else.
struct ready : named_client
{
    explicit ready(script rest, script opening = plain_opening(), DWORD flags = 0) : server(opening.then(rest))
    {
        auto where    = server_at(server.port());
        where.dwFlags = flags;
        log_on_as(where, "user", "secret");
        s.connect(where);
        s.until_ready();
        two = s.transport.as<ISMTPTransport2>();
        s.client->on_response = [this](SMTPRESPONSE const& r) {
            last         = r.rIxpResult.hrResult;
            last_command = r.command;
        };
    }

    void ended()
    {
        if (!s.client->disconnected)
            CHECK(two->Disconnect() == S_OK);
        s.until_disconnected();
        server.check();
    }

    HRESULT after(HRESULT result, SMTPCOMMAND answer)
    {
        REQUIRE(result == S_OK);
        s.until_done(answer);
        return last;
    }

    script_thread                    server;
    legacy_session                   s;
    legacy::com_ptr<ISMTPTransport2> two;
    HRESULT                          last         = E_FAIL;
    SMTPCOMMAND                      last_command = SMTP_NONE;
};

std::size_t count(std::string const& in, std::string const& what)
{
    std::size_t n = 0;
    for (auto at = in.find(what); at != in.npos; at = in.find(what, at + 1))
        ++n;
    return n;
}

script const to_r = script().expect("MAIL FROM:<f@x.test>").reply("250 ok").expect("RCPT TO:<r@x.test>").reply("250 ok");

/// Seeks, and reads a message from there.
void at(IStream& s, std::int64_t where)
{
    LARGE_INTEGER to;
    to.QuadPart = where;
    REQUIRE(s.Seek(to, STREAM_SEEK_SET, nullptr) == S_OK);
}

} // namespace

TEST_CASE("6.4: 235 and 245 both are IXP_S_SMTP_245_AUTH_SUCCESS")
{
    for (char const* const reply : {"235 in", "245 in"})
    {
        ready r(script().expect_prefix("AUTH PLAIN ").reply(reply).quit());
        CHECK(r.after(r.two->CommandAUTH(text("PLAIN")), SMTP_AUTH) == IXP_S_SMTP_245_AUTH_SUCCESS);
        CHECK(r.two->IsState(IXP_IS_AUTHENTICATED) == S_OK);
        r.ended();
    }
}

TEST_CASE_FIXTURE(named_client, "6.5: Connect does not wait: a host that does not answer is told by OnError")
{
    legacy_session s;
    auto           where = server_at(1);
    CHECK(s.transport->Connect(&where, FALSE, FALSE) == S_OK);
    CHECK(s.client->trace.empty());
    s.until_disconnected();
    CHECK(s.client->failed);
}

TEST_CASE("6.10: SMTP_SEND_STREAM is progress: increments add up to cbCurrent, the last of which is cbTotal; none is the end")
{
    std::string const long_text = "Subject: x\r\n\r\n" + std::string(100, 'a') + "\r\n";
    std::string       content;
    for (int i = 0; i != 500; ++i)
        content += long_text;
    ready r(script(to_r).expect("DATA").reply("354 go").expect_data(content).reply("250 ok").quit());
    DWORD sum = 0, total = 0;
    int   parts = 0;
    r.s.client->on_response = [&](SMTPRESPONSE const& p) {
        if (p.command != SMTP_SEND_STREAM)
            return;
        ++parts;
        sum += p.rStreamInfo.cbIncrement;
        total = p.rStreamInfo.cbTotal;
        CHECK_FALSE(p.fDone);
        CHECK(p.rIxpResult.hrResult == S_OK);
        CHECK(p.rStreamInfo.cbCurrent == sum);
    };
    legacy_message m("f@x.test", {"r@x.test"}, content);
    REQUIRE(r.two->SendMessage(&m.message) == S_OK);
    r.s.until_done(SMTP_SEND_MESSAGE);
    CHECK(parts > 1);
    CHECK(sum == content.size());
    CHECK(total == content.size());
    r.ended();
}

TEST_CASE("6.11: what of a stream is sent")
{
    struct sample
    {
        char const*  what;
        std::int64_t position;
        ULONG        size;
        char const*  sent;
        DWORD        total;
    };
    // The stream holds "0123456789".
    static constexpr sample samples[] = {{"from the position", 2, 5, "23456\r\n", 5},
                                         {"the rest", 4, 0, "456789\r\n", 6},
                                         {"from the start, if less follows and the whole is enough", 6, 8, "01234567\r\n", 8},
                                         {"from the start, at the end of the stream", 10, 10, "0123456789\r\n", 10},
                                         {"what there is, if there is not enough at all", 3, 20, "3456789\r\n", 7},
                                         {"nothing, at the end", 10, 0, "", 0}};
    for (auto const& one : samples)
    {
        CAPTURE(one.what);
        ready r(script(to_r).expect("DATA").reply("354 go").expect_data(one.sent).reply("250 ok").quit());
        DWORD total             = 99;
        r.s.client->on_response = [&](SMTPRESPONSE const& p) {
            if (p.command == SMTP_SEND_STREAM)
                total = p.rStreamInfo.cbTotal;
        };
        legacy_message m("f@x.test", {"r@x.test"}, "0123456789");
        m.message.cbSize = one.size;
        at(*m.stream, one.position);
        REQUIRE(r.two->SendMessage(&m.message) == S_OK);
        r.s.until_done(SMTP_SEND_MESSAGE);
        CHECK(total == one.total);
        r.ended();
    }
    ready r(script(to_r).expect("DATA").reply("354 go").expect_data("234\r\n").reply("250 ok").quit()); // the same for SendDataStream
    CHECK(r.after(r.two->CommandMAIL(text("f@x.test")), SMTP_MAIL) == IXP_S_SMTP_250_MAIL_ACTION_OKAY);
    CHECK(r.after(r.two->CommandRCPT(text("r@x.test")), SMTP_RCPT) == IXP_S_SMTP_250_MAIL_ACTION_OKAY);
    CHECK(r.after(r.two->CommandDATA(), SMTP_DATA) == IXP_S_SMTP_354_START_MAIL_INPUT);
    auto const stream = stream_of("0123456789");
    at(*stream, 2);
    CHECK(r.after(r.two->SendDataStream(stream.get(), 3), SMTP_DOT) == IXP_S_SMTP_250_MAIL_ACTION_OKAY);
    r.ended();
}

TEST_CASE("6.12, 6.41: brackets are added unless they are there, text after them is passed on, and no space comes before them")
{
    ready r(script()
                .expect("MAIL FROM:<a@x.test>")
                .reply("250 ok")
                .expect("MAIL FROM:<a@x.test>")
                .reply("250 ok")
                .expect("MAIL FROM:<a@x.test> SIZE=100 BODY=8BITMIME")
                .reply("250 ok")
                .expect("MAIL FROM:<>")
                .reply("250 ok")
                .expect("RCPT TO:<\"a b>\"@x.test>")
                .reply("250 ok")
                .expect("RCPT TO:<a@x.test> NOTIFY=NEVER")
                .reply("250 ok")
                .expect("RCPT TO:<postmaster>")
                .reply("250 ok")
                .quit());
    for (char const* const from : {"a@x.test", "<a@x.test>", "<a@x.test> SIZE=100 BODY=8BITMIME", "<>"})
        r.after(r.two->CommandMAIL(text(from)), SMTP_MAIL);
    for (char const* const to : {"<\"a b>\"@x.test>", "<a@x.test> NOTIFY=NEVER", "Postmaster"})
        r.after(r.two->CommandRCPT(text(to)), SMTP_RCPT);
    r.ended();
}

TEST_CASE("6.13: ISF_SMTP_USEIPFORHELO says HELO and EHLO with the address of the connection; without it they name the host")
{
    for (bool const extended : {false, true})
    {
        std::string const verb = extended ? "EHLO" : "HELO";
        DWORD const       ask  = extended ? ISF_QUERYAUTHSUPPORT : 0;
        {
            ready r(script().quit(), script().reply("220 hi").expect(verb + " [127.0.0.1]").reply("250 ok"), ISF_SMTP_USEIPFORHELO | ask);
            r.ended();
        }
        posthorn::legacy::set_default_transport_settings({});
        std::error_code   ignored;
        std::string const host = asio::ip::host_name(ignored);
        bool const        good = std::regex_match(host, std::regex("[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*"));
        script_thread     server(script().reply("220 hi").expect(verb + " " + (good ? host : "localhost")).reply("250 ok").quit());
        legacy_session    s;
        auto              where = server_at(server.port());
        where.dwFlags           = ask;
        s.connect(where);
        s.until_ready();
        s.transport->Disconnect();
        s.until_disconnected();
        server.check();
    }
}

TEST_CASE_FIXTURE(named_client, "6.13: the same over IPv6, where the machine has it")
{
    asio::io_context        io;
    std::error_code         missing;
    asio::ip::tcp::acceptor probe(io);
    probe.open(asio::ip::tcp::v6(), missing);
    if (!missing)
        probe.bind(asio::ip::tcp::endpoint(asio::ip::address_v6::loopback(), 0), missing);
    if (missing)
    {
        MESSAGE("there is no ::1 here");
        return;
    }
    posthorn::testing::scripted_server_settings there;
    there.listen.address = "::1";
    script_thread  server(script().reply("220 hi").expect("HELO [IPv6:::1]").reply("250 ok").quit(), there);
    legacy_session s;
    auto           where = server_at(server.port());
    where.dwFlags        = ISF_SMTP_USEIPFORHELO;
    std::strcpy(where.szServerName, "::1");
    s.connect(where);
    s.until_ready();
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();
}

TEST_CASE("6.14: CommandAUTH carries a mechanism through with the credentials of the server record")
{
    ready r(script()
                .expect("AUTH LOGIN")
                .reply("334 VXNlcm5hbWU6")
                .expect("dXNlcg==")
                .reply("334 UGFzc3dvcmQ6")
                .expect("c2VjcmV0")
                .reply("535 no")
                .expect("AUTH PLAIN AGEAYg==") // as it was given
                .reply("235 in")
                .expect("AUTH X-OWN") // one that is not known here
                .reply("504 no such")
                .expect("AUTH X-OWN")
                .reply("334 abc=")
                .expect("*")
                .reply("501 cancelled")
                .expect("AUTH PLAIN =")
                .reply("535 no")
                .quit());
    CHECK(r.after(r.two->CommandAUTH(text("LOGIN")), SMTP_AUTH) == IXP_E_SICILY_LOGON_FAILED);
    CHECK(count(r.s.client->text(), "OnResponse(SMTP_AUTH, FALSE, IXP_S_SMTP_334_AUTH_READY_RESPONSE") == 2);
    CHECK(r.two->IsState(IXP_IS_AUTHENTICATED) == S_FALSE);
    CHECK(r.after(r.two->CommandAUTH(text("PLAIN AGEAYg==")), SMTP_AUTH) == IXP_S_SMTP_245_AUTH_SUCCESS);
    CHECK(r.after(r.two->CommandAUTH(text("X-OWN")), SMTP_AUTH) == IXP_E_SICILY_LOGON_FAILED);
    CHECK(r.after(r.two->CommandAUTH(text("X-OWN")), SMTP_AUTH) == IXP_E_SICILY_LOGON_FAILED);
    CHECK(r.after(r.two->CommandAUTH(text("PLAIN =")), SMTP_AUTH) == IXP_E_SICILY_LOGON_FAILED);
    CHECK(count(r.s.client->text(), "OnLogonPrompt") == 0);
    CHECK(count(r.s.client->text(), "secret") == 0); // 6.20
    CHECK(count(r.s.client->text(), "c2VjcmV0") == 0);
    r.ended();
}

TEST_CASE_FIXTURE(named_client, "6.14: CommandAUTH asks for what is missing")
{
    script_thread  server(plain_opening().expect("AUTH PLAIN AG1lAG15").reply("235 in").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    s.client->on_logon   = [](INETSERVER* given) {
        log_on_as(*given, "me", "my");
        return S_OK;
    };
    s.connect(where);
    s.until_ready();
    CHECK(s.transport->CommandAUTH(text("PLAIN")) == S_OK);
    s.until_done(SMTP_AUTH);
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();
}

TEST_CASE_FIXTURE(named_client, "6.14: EXTERNAL and ANONYMOUS need no name, so nobody is asked for one")
{
    script_thread  server(plain_opening().expect("AUTH EXTERNAL =").reply("235 in").expect("AUTH ANONYMOUS =").reply("235 in").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    s.connect(where);
    s.until_ready();
    for (char const* const how : {"EXTERNAL", "anonymous"})
    {
        CHECK(s.transport->CommandAUTH(text(how)) == S_OK);
        s.until_done(SMTP_AUTH);
    }
    CHECK(count(s.client->text(), "OnLogonPrompt") == 0);
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();
}

TEST_CASE("6.15, 6.45: SMTP_CONNECTED and IXP_AUTHORIZED come without a logon, too, which IXP_IS_AUTHENTICATED denies")
{
    ready r(script().quit());
    CHECK(count(r.s.client->text(), "OnStatus(IXP_AUTHORIZED)\nOnStatus(IXP_CONNECTED)\nOnResponse(SMTP_CONNECTED, TRUE, S_OK") == 1);
    CHECK(count(r.s.client->text(), "IXP_AUTHORIZING") == 0);
    CHECK(r.two->IsState(IXP_IS_AUTHENTICATED) == S_FALSE);
    r.ended();
}

TEST_CASE("6.17: a command in flight gets no response when the connection dies, but OnError and IXP_DISCONNECTED")
{
    {
        ready r(script().expect("RSET").reset());
        CHECK(r.two->CommandRSET() == S_OK);
        r.s.until_disconnected();
        CHECK(count(r.s.client->text(), "SMTP_RSET") == 0);
        CHECK(count(r.s.client->text(), "OnError(IXP_CONNECTED, IXP_E_CONNECTION_DROPPED, NULL, 0, S_OK, socket 10054, NULL)\nOnStatus(IXP_DISCONNECTED)") == 1);
    }
    ready          r(script(to_r).expect("DATA").close());
    legacy_message m("f@x.test", {"r@x.test"}, "text");
    CHECK(r.two->SendMessage(&m.message) == S_OK);
    r.s.until_disconnected();
    CHECK(count(r.s.client->text(), "SMTP_SEND_MESSAGE") == 0);
    CHECK(r.s.client->failed);
}

TEST_CASE("6.20: OnCommand's text has no line end, and credentials are masked")
{
    ready r(script().expect_prefix("AUTH PLAIN ").reply("235 in").expect("RSET").reply("250-two\r\n250 lines").quit());
    r.s.client->on_command = [](CMDTYPE, char const* line) { CHECK(std::string(line).find_first_of("\r\n") == std::string::npos); };
    r.after(r.two->CommandAUTH(text("PLAIN")), SMTP_AUTH);
    r.after(r.two->CommandRSET(), SMTP_RSET);
    CHECK(count(r.s.client->text(), "OnCommand(CMD_SEND, \"AUTH PLAIN ***\", S_OK)") == 1);
    CHECK(count(r.s.client->text(), "OnResponse(SMTP_RSET, FALSE, IXP_S_SMTP_250_MAIL_ACTION_OKAY, \"250-two\"") == 1);
    CHECK(count(r.s.client->text(), "OnResponse(SMTP_RSET, TRUE, IXP_S_SMTP_250_MAIL_ACTION_OKAY, \"250 lines\"") == 1);
    r.ended();
}

TEST_CASE_FIXTURE(named_client, "6.21: the log has a line for each line of the protocol, masked, without content, and grows")
{
    temp_dir const    dir("legacy-log");
    std::string const file = (dir / "Smtp.log").string();
    for (int round = 0; round != 2; ++round)
    {
        script_thread server(ehlo_opening("250-x\r\n250 AUTH PLAIN").expect_prefix("AUTH PLAIN ").reply("235 in").then(to_r).expect("DATA").reply("354 go")
                                 .expect_data("body of the mail\r\n").reply("250 ok").quit());
        legacy_session s(text(file.c_str()));
        auto           where = server_at(server.port());
        log_on_as(where, "user", "secret");
        CHECK(s.transport->Connect(&where, TRUE, FALSE) == S_OK); // OnCommand is another matter
        s.until_ready();
        legacy_message m("f@x.test", {"r@x.test"}, "body of the mail\r\n");
        CHECK(s.transport->SendMessage(&m.message) == S_OK);
        s.until_done(SMTP_SEND_MESSAGE);
        CHECK(s.transport->Disconnect() == S_OK);
        s.until_disconnected();
        CHECK(count(s.client->text(), "OnCommand") == 0);
    }
    std::ifstream            in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
    {
        CHECK(std::regex_match(line, std::regex("SMTP: [0-2][0-9]:[0-5][0-9]:[0-6][0-9] \\[[rt]x\\] .*")));
        lines.push_back(line.substr(15));
    }
    std::vector<std::string> const wanted = {"[rx] 220 scripted.test ESMTP", "[tx] EHLO client.test", "[rx] 250-x", "[rx] 250 AUTH PLAIN",
                                             "[tx] AUTH PLAIN ***", "[rx] 235 in", "[tx] MAIL FROM:<f@x.test>", "[rx] 250 ok",
                                             "[tx] RCPT TO:<r@x.test>", "[rx] 250 ok", "[tx] DATA", "[rx] 354 go", "[tx] .", "[rx] 250 ok",
                                             "[tx] QUIT", "[rx] 221 2.0.0 bye"};
    REQUIRE(lines.size() == 2 * wanted.size());
    CHECK(std::vector<std::string>(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(wanted.size())) == wanted);
    CHECK(std::vector<std::string>(lines.begin() + static_cast<std::ptrdiff_t>(wanted.size()), lines.end()) == wanted);
}

TEST_CASE("6.22: commands answer with the code of the reply, the milestones with S_OK; and what replies without a name are")
{
    ready r(script()
                .expect("RSET")
                .reply("250 ok")
                .expect("RSET")
                .reply("252 cannot tell")
                .expect("RSET")
                .reply("555 no")
                .expect("RSET")
                .reply("499 no")
                .expect("DATA")
                .reply("350 go on")
                .expect_data("")
                .reply("250 ok")
                .quit());
    HRESULT const expected[] = {IXP_S_SMTP_250_MAIL_ACTION_OKAY, S_OK, IXP_E_SMTP_UNKNOWN_RESPONSE_CODE, IXP_E_SMTP_UNKNOWN_RESPONSE_CODE};
    for (HRESULT const one : expected)
        CHECK(r.after(r.two->CommandRSET(), SMTP_RSET) == one);
    CHECK(r.after(r.two->CommandDATA(), SMTP_DATA) == IXP_S_SMTP_CONTINUE); // 6.44
    CHECK(r.after(r.two->CommandDOT(), SMTP_DOT) == IXP_S_SMTP_250_MAIL_ACTION_OKAY);
    CHECK(count(r.s.client->text(), "OnResponse(SMTP_CONNECTED, TRUE, S_OK, NULL, 0, S_OK") == 1);
    r.ended();
}

TEST_CASE("6.22: what is no reply at all is IXP_E_SMTP_RESPONSE_ERROR, and the end of the connection")
{
    ready r(script().expect("RSET").reply("hello there").expect_close());
    CHECK(r.two->CommandRSET() == S_OK);
    r.s.until_disconnected();
    CHECK(count(r.s.client->text(), "OnError(IXP_CONNECTED, IXP_E_SMTP_RESPONSE_ERROR") == 1);
    r.server.check();
}

TEST_CASE("6.25, 6.26, 6.27: of a message only progress and the end are told; the first refusal ends it and names the address")
{
    ready r(script()
                .expect("MAIL FROM:<f@x.test>")
                .reply("250 ok")
                .expect("RCPT TO:<r@x.test>")
                .reply("250 ok")
                .expect("RCPT TO:<bad@x.test>")
                .reply("553 no")
                .expect("RSET")
                .reply("250 ok")
                .quit());
    legacy_message m("f@x.test", {"r@x.test", "bad@x.test", "other@x.test"}, "text");
    CHECK(r.after(r.two->SendMessage(&m.message), SMTP_SEND_MESSAGE) == IXP_E_SMTP_REJECTED_RECIPIENTS);
    auto const trace = r.s.client->text();
    auto const begin = trace.find("SMTP_CONNECTED");
    CHECK(count(trace.substr(begin), "OnResponse(") == 1);
    CHECK(count(trace, "\"553 no\", 553, IXP_E_SMTP_553_MAILBOX_NAME_SYNTAX, socket 0, \"bad@x.test\")") == 1);
    r.ended();
}

TEST_CASE("6.32, 6.34, 6.42, 6.43: types and names")
{
    static_assert(std::is_same_v<decltype(&ITransportCallback::OnPrompt), INT (ITransportCallback::*)(HRESULT, char const*, char const*, UINT, IInternetTransport*)>);
    static_assert(std::is_same_v<decltype(SMTPMESSAGE::rAddressList), INETADDRLIST>);
    // 6.42: the names of the SDK, and Wine's for code that was written against its header
    static_assert(iitDONT_AUTHENTICATe == iitDONT_AUTHENTICATE);
    static_assert(IXP_E_SCOKET_INIT_ERROR == IXP_E_SOCKET_INIT_ERROR);
    static_assert(IXP_E_SMTP_220_READY == IXP_S_SMTP_220_READY);
    CHECK((ADDR_TO | ADDR_DSN_SUCCESS | ADDR_DSN_DELAY) == 0xA0); // ORed
    CHECK(((ADDR_TO | ADDR_DSN_SUCCESS) & ADDR_TOFROM_MASK) == ADDR_TO);
}

TEST_CASE("5.6: of several senders the last one counts, and an address may have its brackets")
{
    ready          r(script(to_r).expect("DATA").reply("354 go").expect_data("text\r\n").reply("250 ok").quit());
    legacy_message m("first@x.test", {"<r@x.test>"}, "text");
    m.add("<f@x.test>", ADDR_FROM);
    CHECK(r.after(r.two->SendMessage(&m.message), SMTP_SEND_MESSAGE) == S_OK);
    r.ended();
}

TEST_CASE_FIXTURE(named_client, "1.1: OnTimeout may change the time, an idle connection never asks, and 0 asks for no limit")
{
    script_thread  server(plain_opening().expect("RSET").pause(std::chrono::milliseconds(2500)).reply("250 ok").quit());
    legacy_session s;
    auto           where = server_at(server.port());
    where.dwTimeout      = 1;
    std::vector<DWORD> asked;
    s.client->on_timeout = [&](DWORD* seconds) {
        asked.push_back(*seconds);
        *seconds = 60;
        return S_OK;
    };
    s.connect(where);
    s.until_ready();
    legacy::pump_until([] { return false; }, std::chrono::milliseconds(1200)); // nothing is waited for
    CHECK(asked.empty());
    CHECK(s.transport->CommandRSET() == S_OK);
    s.until_done(SMTP_RSET);
    CHECK(asked == std::vector<DWORD> {1});
    CHECK(s.transport->Disconnect() == S_OK);
    s.until_disconnected();
    server.check();

    script_thread  patient(plain_opening().expect("RSET").pause(std::chrono::milliseconds(300)).reply("250 ok").quit());
    legacy_session unlimited;
    where           = server_at(patient.port());
    where.dwTimeout = 0;
    unlimited.connect(where);
    unlimited.until_ready();
    CHECK(unlimited.transport->CommandRSET() == S_OK);
    unlimited.until_done(SMTP_RSET);
    CHECK(unlimited.transport->Disconnect() == S_OK);
    unlimited.until_disconnected();
    CHECK(count(unlimited.client->text(), "OnTimeout") == 0);
}

TEST_CASE("a stream that fails in the middle of a message ends the connection, for what was sent cannot be taken back")
{
    class failing final : public support::bare_stream
    {
    public:
        STDMETHODIMP Read(void* to, ULONG size, ULONG* got) override
        {
            if (read_++ != 0)
                return STG_E_READFAULT;
            std::memset(to, 'a', size);
            return *got = size, S_OK;
        }

    private:
        int read_ = 0;
    };
    ready          r(script(to_r).expect("DATA").reply("354 go").read_some().stall());
    auto const     stream = legacy::com_ptr<failing>::attach(new failing);
    legacy_message m("f@x.test", {"r@x.test"}, "");
    m.message.pstmMsg = stream.get();
    m.message.cbSize  = 100000;
    CHECK(r.two->SendMessage(&m.message) == S_OK);
    r.s.until_disconnected();
    CHECK(count(r.s.client->text(), "OnError(IXP_CONNECTED, STG_E_READFAULT") == 1);
    CHECK(stream->AddRef() == 2); // it was given back
    stream->Release();
    r.server.check();
}

TEST_SUITE_END();
