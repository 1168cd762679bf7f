//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The servers that the other live tests talk to, tried with the plainest of clients.

#include <doctest/doctest.h>

#include <support/certs.hpp>
#include <support/dovecot.hpp>
#include <support/maildir.hpp>
#include <support/postfix.hpp>
#include <support/process.hpp>
#include <support/raw_smtp.hpp>
#include <support/temp_dir.hpp>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using support::raw_smtp;

/// Sends one message; returns the reply to the last command it came to.
support::raw_reply send_mail(raw_smtp& smtp, std::string_view to, std::string_view message)
{
    auto reply = smtp.command("MAIL FROM:<sender@elsewhere.test>");
    if (reply.code == 250)
        reply = smtp.command("RCPT TO:<" + std::string(to) + ">");
    if (reply.code == 250)
        reply = smtp.data(message);
    return reply;
}

support::raw_reply send_mail(std::uint16_t port, std::string_view to, std::string_view message)
{
    raw_smtp smtp(port);
    CHECK(smtp.read_reply().code == 220);
    CHECK(smtp.command("EHLO client.test").code == 250);
    return send_mail(smtp, to, message);
}

/// Runs `openssl s_client` against a server, with lines to send; returns all it wrote.
support::run_result s_client(std::uint16_t port, std::filesystem::path const& ca, std::string_view host,
                             std::string const& lines, std::vector<std::string> const& more = {})
{
    support::temp_dir const dir("s_client");
    support::write_file(dir / "input", lines);
    support::process_options options;
    options.argv  = {support::find_program("openssl", "openssl").string(),
                     "s_client",
                     "-connect",
                     "127.0.0.1:" + std::to_string(port),
                     "-CAfile",
                     ca.string(),
                     "-verify_hostname",
                     std::string(host),
                     "-verify_return_error",
                     "-quiet",
                     "-crlf"};
    options.input = dir / "input";
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    return support::run(options);
}

std::string const message = "From: Alice <alice@example.test>\r\n"
                            "Subject: hello\r\n"
                            "Bcc: hidden@example.test\r\n"
                            "\r\n"
                            ".a line with a dot\r\n"
                            "..\r\n"
                            "From here on, caf\xc3\xa9\r\n"
                            "last line\r\n";

} // namespace

TEST_SUITE_BEGIN("live/servers");

TEST_CASE("a process reports its exit status and its output")
{
    support::process_options options;
    options.argv        = {"/bin/sh", "-c", "echo \"out $WORD\"; echo err >&2; exit 3"};
    options.environment = {"WORD=here"};
    auto const result   = support::run(options);
    CHECK(result.status == 3);
    CHECK(result.output == "out here\nerr\n");
    CHECK_THROWS_WITH_AS(support::run_checked(options), doctest::Contains("failed with status 3:\nout here"),
                         std::runtime_error);

    options.argv = {"/bin/sh", "-c", "kill -TERM $$"};
    CHECK(support::run(options).status == 128 + SIGTERM);
}

TEST_CASE("a program that does not exist is reported at once")
{
    support::process_options options;
    options.argv = {"/nonexistent/program"};
    CHECK_THROWS_WITH_AS(support::process{options}, doctest::Contains("/nonexistent/program"),
                         std::system_error);
    CHECK_THROWS_WITH_AS(support::find_program("no-such-program", "some-package"),
                         doctest::Contains("install the package some-package"), std::runtime_error);
}

TEST_CASE("a process that goes on too long is given up and killed with its children")
{
    support::process_options options;
    options.argv = {"/bin/sh", "-c", "trap '' TERM; sleep 600 & sleep 600; sleep 600"};
    CHECK_THROWS_WITH_AS(support::run(options, std::chrono::milliseconds(200)),
                         doctest::Contains("did not end"), std::runtime_error);

    pid_t group = 0;
    {
        support::process child(options);
        group = child.pid();
        CHECK(support::poll_until(support::default_patience,
                                  [&] { return support::group_members(group).size() == 3; }));
        CHECK(child.running());
        CHECK_FALSE(child.wait(std::chrono::milliseconds(50)));
        CHECK_FALSE(child.stop(std::chrono::milliseconds(200)));
        CHECK(child.wait() == 128 + SIGKILL);
    }
    CHECK(support::group_members(group).empty());
}

TEST_CASE("a test that is killed leaves no process behind")
{
    int report[2];
    REQUIRE(::pipe(report) == 0);
    pid_t const killed = ::fork();
    if (killed == 0)
    {
        support::process_options options;
        options.argv = {"/bin/sh", "-c", "sleep 600 & sleep 600"};
        support::process child(options);
        pid_t const      group = child.pid();
        if (::write(report[1], &group, sizeof group) == sizeof group)
            ::pause();
        ::_exit(1);
    }
    pid_t group = 0;
    REQUIRE(::read(report[0], &group, sizeof group) == sizeof group);
    CHECK_FALSE(support::group_members(group).empty());
    ::kill(killed, SIGKILL);
    ::waitpid(killed, nullptr, 0);
    CHECK(support::poll_until(support::default_patience,
                              [&] { return support::group_members(group).empty(); }));
    ::close(report[0]);
    ::close(report[1]);
}

TEST_CASE("a child inherits no open file of the test")
{
    support::temp_dir const dir("inherit");
    support::write_file(dir / "file", "");
    auto const               server = support::free_port();
    support::unique_socket   open(::socket(AF_INET, SOCK_STREAM, 0));
    support::process_options options;
    options.argv    = {"/bin/sh", "-c", "ls /proc/$$/fd | tr '\\n' ' '"};
    auto const text = support::run(options).output;
    CHECK(open.get() > 2);
    CHECK(server != 0);
    CHECK(text.find(std::to_string(open.get())) == std::string::npos);
    CHECK(text.substr(0, 6) == "0 1 2 ");
}

TEST_CASE("free ports are free and all different")
{
    std::set<std::uint16_t> seen;
    for (int i = 0; i < 50; ++i)
    {
        auto const port = support::free_port();
        CHECK(seen.insert(port).second);
        CHECK_FALSE(support::connect_tcp(port));
    }
    CHECK_FALSE(support::wait_for_port(*seen.begin(), std::chrono::milliseconds(20)));
}

TEST_CASE("a temporary folder can be traversed by all and is gone afterwards")
{
    std::filesystem::path path;
    {
        support::temp_dir const dir("gone");
        path = dir.path();
        support::write_file(dir / "file", std::string("a\0b\n", 4));
        CHECK(support::read_file(dir / "file") == std::string("a\0b\n", 4));
        CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::others_exec) !=
              std::filesystem::perms::none);
        support::write_file(dir / "lines", "1\n2\n3\n4\n");
        CHECK(support::file_tail(dir / "lines", 2) == "3\n4\n");
        CHECK(support::file_tail(dir / "lines", 9) == "1\n2\n3\n4\n");
    }
    CHECK(std::filesystem::exists(path) == (std::getenv("POSTHORN_KEEP_TEMP") != nullptr));
}

TEST_CASE("the trace of a delivered message is told from the message")
{
    std::string const trace = "Return-Path: <a@b.test>\n"
                              "X-Original-To: alice+x@example.test\n"
                              "Delivered-To: alice@example.test\n"
                              "Received: from client.test\n\tby mail.example.test; today\n";

    SUBCASE("all of it is read")
    {
        auto const mail = support::parse_delivered(trace + "Subject: x\n\nbody\n");
        CHECK(mail.return_path == "a@b.test");
        CHECK(mail.original_to == "alice+x@example.test");
        CHECK(mail.delivered_to == "alice@example.test");
        REQUIRE(mail.received.size() == 1);
        CHECK(mail.received[0] == "from client.test\tby mail.example.test; today");
        CHECK(mail.message == "Subject: x\n\nbody\n");
        CHECK(mail.as_sent() == "Subject: x\r\n\r\nbody\r\n");
    }
    SUBCASE("trace headers of the message itself stay in it")
    {
        std::string const sent = "Received: from before\nReturn-Path: <x@y.test>\n\nbody\n";
        CHECK(support::below_trace(trace + sent) == sent);
    }
    SUBCASE("two hops are two Received")
    {
        auto const mail =
            support::parse_delivered(trace + "Received: from first\nReceived: from sent\n\n", 2);
        CHECK(mail.received.size() == 2);
        CHECK(mail.received[1] == "from first");
        CHECK(mail.message == "Received: from sent\n\n");
    }
    SUBCASE("an empty return path, an empty message, no message")
    {
        CHECK(support::parse_delivered("Return-Path: <>\n\n").return_path.empty());
        CHECK(support::parse_delivered("Return-Path: <>\n\n").message == "\n");
        CHECK(support::below_trace(trace).empty());
        CHECK(support::below_trace("").empty());
        CHECK(support::below_trace("no header, no line end") == "no header, no line end");
    }
}

TEST_CASE("Postfix delivers a message to alice, byte for byte")
{
    support::postfix server;
    CHECK(server.mailbox("alice").empty());

    auto const reply = send_mail(server.port(), "alice@example.test", message);
    CHECK(reply.code == 250);

    auto const mails = server.wait_for_mail("alice");
    REQUIRE(mails.size() == 1);
    auto const mail = support::parse_delivered(mails[0]);
    CHECK(mail.return_path == "sender@elsewhere.test");
    CHECK(mail.original_to == "alice@example.test");
    CHECK(mail.delivered_to == "alice@example.test");
    REQUIRE(mail.received.size() == 1);
    CHECK(mail.received[0].find("from client.test") == 0);
    CHECK(mail.as_sent() == message);
    CHECK(server.wait_for_log("status=sent"));
    CHECK(server.mailbox("bob").empty());

    server.clear_mailbox("alice");
    CHECK(server.mailbox("alice").empty());
    CHECK_THROWS_WITH_AS(server.wait_for_mail("alice", 1, std::chrono::milliseconds(50)),
                         doctest::Contains("delivered 0 of 1 messages to alice"), std::runtime_error);
}

TEST_CASE("Postfix keeps lines of any length, headers it would rather change, and bytes that are not text")
{
    support::postfix server;
    for (std::string const& odd :
         {"X-Long: " + std::string(5000, 'h') + "\r\n\r\n" + std::string(100000, 'b') + "\r\n",
          std::string("Received: from nowhere\r\nReturn-Path: <x@y.test>\r\nContent-Length: 3\r\n\r\nx\r\n"),
          "Subject: all bytes\r\n\r\n" +
              [] {
                  std::string all;
                  for (int c = 0; c < 256; ++c)
                      if (c != '\r' && c != '\n')
                          all += static_cast<char>(c);
                  return all;
              }() +
              "\r\n"})
    {
        server.clear_mailbox("bob");
        CHECK(send_mail(server.port(), "bob@example.test", odd).code == 250);
        auto const mails = server.wait_for_mail("bob");
        REQUIRE(mails.size() == 1);
        CHECK(support::parse_delivered(mails[0]).as_sent() == odd);
    }
}

TEST_CASE("Postfix announces its extensions, and not those it was told to hide")
{
    support::postfix const everything;
    raw_smtp               all(everything.port());
    auto const             greeting = all.read_reply();
    CHECK(greeting.code == 220);
    CHECK(greeting.text() == "mail.example.test ESMTP Postfix");
    auto const ehlo = all.command("EHLO client.test");
    for (auto const* keyword : {"PIPELINING", "SIZE 104857600", "VRFY", "ETRN", "ENHANCEDSTATUSCODES",
                                "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"})
        CHECK_MESSAGE(ehlo.offers(keyword), keyword);
    CHECK_FALSE(ehlo.offers("STARTTLS"));
    CHECK_FALSE(ehlo.offers("AUTH"));
    CHECK(all.command("QUIT").code == 221);
    CHECK(all.at_end());

    support::postfix_options options;
    options.discard_ehlo_keywords = {"chunking", "pipelining", "size"};
    options.main_cf               = {{"myhostname", "other.example.test"}};
    support::postfix const less(options);
    raw_smtp               few(less.port());
    CHECK(few.read_reply().text() == "other.example.test ESMTP Postfix");
    auto const shorter = few.command("EHLO client.test");
    CHECK_FALSE(shorter.offers("CHUNKING"));
    CHECK_FALSE(shorter.offers("PIPELINING"));
    CHECK_FALSE(shorter.offers("SIZE"));
    CHECK(shorter.offers("DSN"));
}

TEST_CASE("Postfix refuses what it is told to refuse, at the stage it is told")
{
    support::postfix_options options;
    options.recipient_access = {
        "bad@example.test 550 5.1.1 no such person", "busy@example.test 450 4.2.1 come back later",
        "full@example.test 452 4.2.2 mailbox full", "closing@example.test 421 4.3.2 closing down"};
    options.header_checks      = {"/^Subject: spam/ REJECT 5.7.1 no spam please"};
    options.message_size_limit = 5000;
    support::postfix server(options);

    raw_smtp smtp(server.port());
    CHECK(smtp.read_reply().code == 220);
    CHECK(smtp.command("EHLO client.test").offers("SIZE 5000"));
    CHECK(smtp.command("MAIL FROM:<a@elsewhere.test> SIZE=5001").code == 552);
    CHECK(smtp.command("RSET").code == 250);
    CHECK(smtp.command("MAIL FROM:<a@elsewhere.test>").code == 250);
    auto const bad = smtp.command("RCPT TO:<bad@example.test>");
    CHECK(bad.code == 550);
    CHECK(bad.text().find("5.1.1") == 0);
    CHECK(bad.text().find("no such person") != std::string::npos);
    CHECK(smtp.command("RCPT TO:<busy@example.test>").code == 450);
    CHECK(smtp.command("RCPT TO:<full@example.test>").code == 452);
    CHECK(smtp.command("RCPT TO:<nobody@example.test>").code == 550);
    CHECK(smtp.command("RCPT TO:<someone@elsewhere.test>").code == 554);
    CHECK(smtp.command("RCPT TO:<bob+extension@example.test>").code == 250);
    CHECK(smtp.data("Subject: spam for you\r\n\r\n").code == 550);
    CHECK(
        send_mail(smtp, "bob@example.test", std::string(4000, 'x') + "\r\n" + std::string(4000, 'x') + "\r\n")
            .code == 552);
    CHECK(send_mail(smtp, "bob+extension@example.test", "Subject: fine\r\n\r\n").code == 250);
    CHECK(send_mail(smtp, "closing@example.test", "").code == 421);
    CHECK(smtp.at_end());

    auto const mails = server.wait_for_mail("bob");
    REQUIRE(mails.size() == 1);
    CHECK(support::below_trace(mails[0]) == "Subject: fine\n\n");
}

TEST_CASE("Postfix keeps what it would relay in a mailbox")
{
    support::postfix_options options;
    options.main_cf = {{"mynetworks", "127.0.0.0/8"}};
    support::postfix server(options);
    CHECK(send_mail(server.port(), "someone@far.away.test", message).code == 250);
    auto const mails = server.wait_for_mail("relayed");
    REQUIRE(mails.size() == 1);
    CHECK(support::parse_delivered(mails[0]).delivered_to == "someone@far.away.test");
    CHECK(support::parse_delivered(mails[0]).as_sent() == message);
}

TEST_CASE("Postfix starts again after a stop with its ports and its mail, and leaves no process behind")
{
    auto const begin = std::chrono::steady_clock::now();
    pid_t      first = 0;
    pid_t      last  = 0;
    {
        support::postfix server;
        first = server.pid();
        CHECK(send_mail(server.port(), "carol@example.test", message).code == 250);
        server.wait_for_mail("carol");
        CHECK(support::group_members(first).size() > 2);

        CHECK(server.stop());
        CHECK(server.pid() == 0);
        CHECK(support::group_members(first).empty());
        CHECK_FALSE(support::connect_tcp(server.port()));

        server.start();
        CHECK(server.mailbox("carol").size() == 1);
        CHECK(send_mail(server.port(), "carol@example.test", message).code == 250);
        CHECK(server.wait_for_mail("carol", 2).size() == 2);

        server.restart();
        last = server.pid();
        CHECK(send_mail(server.port(), "carol@example.test", message).code == 250);
        CHECK(server.wait_for_mail("carol", 3).size() == 3);
        CHECK(server.log().find("fatal:") == std::string::npos);
        CHECK(server.log().find("panic:") == std::string::npos);
    }
    CHECK(last != 0);
    CHECK(last != first);
    CHECK(support::group_members(last).empty());
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(30));
}

TEST_CASE("several Postfix run at once and keep their mail apart")
{
    support::postfix one;
    support::postfix two;
    CHECK(one.port() != two.port());
    CHECK(send_mail(one.port(), "alice@example.test", "Subject: one\r\n\r\n").code == 250);
    CHECK(send_mail(two.port(), "alice@example.test", "Subject: two\r\n\r\n").code == 250);
    CHECK(support::below_trace(one.wait_for_mail("alice").at(0)) == "Subject: one\n\n");
    CHECK(support::below_trace(two.wait_for_mail("alice").at(0)) == "Subject: two\n\n");
}

TEST_CASE("a Postfix that cannot start says why")
{
    support::postfix_options options;
    options.main_cf = {{"queue_directory", "/nonexistent/queue"}};
    CHECK_THROWS_WITH_AS(support::postfix{options}, doctest::Contains("/nonexistent/queue"),
                         std::runtime_error);

    options                    = {};
    options.submission.enabled = true;
    CHECK_THROWS_AS(support::postfix{options}, std::invalid_argument);

    options         = {};
    options.main_cf = {{"smtpd_relay_restrictions", "permit"}};
    CHECK_THROWS_WITH_AS(support::postfix{options},
                         doctest::Contains("specify at least one working instance"), std::runtime_error);
}

TEST_CASE("postscreen greets in two lines with a pause between")
{
    support::postfix_options options;
    options.postscreen_greet_wait = 1;
    support::postfix server(options);
    for (int i = 0; i < 2; ++i)
    {
        raw_smtp   smtp(server.port());
        auto const begin    = std::chrono::steady_clock::now();
        auto const greeting = smtp.read_reply();
        CHECK(std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(500));
        CHECK(greeting.code == 220);
        REQUIRE(greeting.lines.size() == 2);
        CHECK(greeting.lines[0] == "mail.example.test ESMTP one moment please");
        CHECK(greeting.lines[1] == "mail.example.test ESMTP Postfix");
        CHECK(smtp.command("EHLO client.test").code == 250);
        CHECK(send_mail(smtp, "alice@example.test", message).code == 250);
    }
    CHECK(server.wait_for_mail("alice", 2).size() == 2);
}

TEST_CASE("with Dovecot behind it, Postfix authenticates users, with and without TLS")
{
    support::certificates    certs;
    support::dovecot         dovecot;
    support::postfix_options options;
    options.tls                = certs.server();
    options.sasl_socket        = dovecot.auth_socket();
    options.submission.enabled = true;
    options.smtps.enabled      = true;
    support::postfix server(options);

    // printf '\0alice\0secret' | base64
    std::string const good = "AUTH PLAIN AGFsaWNlAHNlY3JldA==";
    std::string const bad  = "AUTH PLAIN AGFsaWNlAHdyb25n";

    SUBCASE("every mechanism is offered and passwords are checked")
    {
        raw_smtp smtp(server.port());
        CHECK(smtp.read_reply().code == 220);
        auto const ehlo = smtp.command("EHLO client.test");
        CHECK(ehlo.offers("STARTTLS"));
        REQUIRE(ehlo.offers("AUTH"));
        for (auto const* mechanism :
             {"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"})
            CHECK_MESSAGE(ehlo.text().find(std::string(" ") + mechanism) != std::string::npos, mechanism);

        CHECK(smtp.command("MAIL FROM:<alice@example.test>").code == 250);
        CHECK(smtp.command("RCPT TO:<someone@far.away.test>").code == 554);
        CHECK(smtp.command("RSET").code == 250);
        for (int i = 0; i < 3; ++i)
            CHECK(smtp.command(bad).code == 535);
        CHECK(smtp.command(good).code == 235);
        CHECK(send_mail(smtp, "someone@far.away.test", message).code == 250);
        CHECK(server.wait_for_mail("relayed").at(0).find("Authenticated sender: alice") != std::string::npos);
    }
    SUBCASE("the submission port requires STARTTLS")
    {
        raw_smtp smtp(server.submission_port());
        CHECK(smtp.read_reply().code == 220);
        auto const ehlo = smtp.command("EHLO client.test");
        CHECK(ehlo.offers("STARTTLS"));
        CHECK_FALSE(ehlo.offers("AUTH"));
        CHECK(smtp.command("MAIL FROM:<alice@example.test>").code == 530);
    }
    SUBCASE("TLS works on both kinds of port and the certificate is good for the names it should")
    {
        std::string const session = "EHLO client.test\n" + good + "\nQUIT\n";
        for (auto const* host : {"localhost", "mail.example.test"})
        {
            auto const implicit = s_client(server.smtps_port(), certs.ca(), host, session, {"-ign_eof"});
            CHECK(implicit.status == 0);
            CHECK(implicit.output.find("220 mail.example.test ESMTP") != std::string::npos);
            CHECK(implicit.output.find("235 2.7.0") != std::string::npos);
        }
        auto const started = s_client(server.submission_port(), certs.ca(), "localhost", session,
                                      {"-ign_eof", "-starttls", "smtp"});
        CHECK(started.status == 0);
        CHECK(started.output.find("235 2.7.0") != std::string::npos);
    }
    SUBCASE("a client that trusts another authority, or expects another name, gets no further")
    {
        support::certificates const others;
        CHECK(s_client(server.smtps_port(), others.ca(), "localhost", "QUIT\n").status != 0);
        CHECK(s_client(server.smtps_port(), certs.ca(), "wrong.example.test", "QUIT\n").status != 0);
    }
    SUBCASE("Dovecot can go away and come back")
    {
        auto const group = dovecot.pid();
        CHECK(dovecot.stop());
        CHECK(support::group_members(group).empty());
        dovecot.start();
        server.restart();
        raw_smtp smtp(server.port());
        CHECK(smtp.read_reply().code == 220);
        CHECK(smtp.command("EHLO client.test").code == 250);
        CHECK(smtp.command(good).code == 235);
    }
}

TEST_CASE("certificates can be expired, not yet valid, or for another name")
{
    support::certificates certs;
    auto const            verify = [&](support::certificate const& cert, char const* host) {
        support::process_options options;
        options.argv = {support::find_program("openssl", "openssl").string(),
                        "verify",
                        "-CAfile",
                        certs.ca().string(),
                        "-verify_hostname",
                        host,
                        cert.file.string()};
        return support::run(options);
    };
    CHECK(verify(certs.server(), "localhost").status == 0);

    support::certificate_request request;
    request.not_before = -std::chrono::hours(48);
    request.not_after  = -std::chrono::hours(24);
    CHECK(verify(certs.issue("expired", request), "localhost").output.find("expired") != std::string::npos);

    request            = {};
    request.not_before = std::chrono::hours(24);
    CHECK(verify(certs.issue("future", request), "localhost").output.find("not yet valid") !=
          std::string::npos);

    request          = {};
    request.names    = {"DNS:other.example.test", "DNS:*.wild.example.test"};
    auto const other = certs.issue("other", request);
    CHECK(verify(other, "localhost").status != 0);
    CHECK(verify(other, "other.example.test").status == 0);
    CHECK(verify(other, "any.wild.example.test").status == 0);
}

TEST_CASE("Dovecot takes mail over LMTP and answers for each recipient")
{
    support::dovecot_options options;
    options.lmtp           = true;
    options.users[1].quota = 100;
    pid_t group            = 0;
    {
        support::dovecot server(options);
        group = server.pid();

        for (int i = 0; i < 2; ++i)
        {
            raw_smtp lmtp = i == 0 ? raw_smtp(server.lmtp_port()) : raw_smtp(server.lmtp_socket());
            CHECK(lmtp.read_reply().code == 220);
            CHECK(lmtp.command("LHLO client.test").code == 250);
            CHECK(lmtp.command("MAIL FROM:<sender@elsewhere.test>").code == 250);
            CHECK(lmtp.command("RCPT TO:<alice@example.test>").code == 250);
            CHECK(lmtp.command("RCPT TO:<nobody@example.test>").code == 550);
            CHECK(lmtp.command("RCPT TO:<bob@example.test>").code == 250);
            CHECK(lmtp.command("RCPT TO:<carol@example.test>").code == 250);
            CHECK(lmtp.data(message).code == 250);
            CHECK(lmtp.read_reply().code == 552);
            CHECK(lmtp.read_reply().code == 250);
            CHECK(lmtp.command("QUIT").code == 221);
        }
        auto const mails = server.mailbox("alice");
        REQUIRE(mails.size() == 2);
        CHECK(support::parse_delivered(mails[0]).return_path == "sender@elsewhere.test");
        CHECK(support::parse_delivered(mails[0]).as_sent() == message);
        CHECK(server.mailbox("bob").empty());
        CHECK(server.mailbox("carol").size() == 2);

        raw_smtp lmtp(server.lmtp_port());
        CHECK(lmtp.read_reply().code == 220);
        CHECK(lmtp.command("LHLO client.test").code == 250);
        CHECK(send_mail(lmtp, "carol@example.test", message).code == 250);
        auto const third = support::parse_delivered(server.mailbox("carol").at(2));
        CHECK(third.delivered_to == "carol@example.test");
        CHECK(third.as_sent() == message);
        CHECK(server.stop());
    }
    CHECK(support::group_members(group).empty());
}

TEST_CASE("Dovecot's submission service passes mail on to Postfix")
{
    support::postfix         relay;
    support::dovecot_options options;
    options.submission_relay_port = relay.port();
    support::dovecot server(options);

    raw_smtp smtp(server.submission_port());
    CHECK(smtp.read_reply().code == 220);
    CHECK_FALSE(smtp.command("EHLO client.test").offers("DSN"));
    CHECK(smtp.command("AUTH PLAIN AGFsaWNlAHNlY3JldA==").code == 235);
    CHECK(smtp.command("EHLO client.test").offers("DSN"));
    CHECK(send_mail(smtp, "carol@example.test", message).code == 250);
    auto const mails = relay.wait_for_mail("carol");
    REQUIRE(mails.size() == 1);
    CHECK(support::parse_delivered(mails[0], 2).as_sent() == message);
}

TEST_SUITE_END();
