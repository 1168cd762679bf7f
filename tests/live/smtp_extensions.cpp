//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The extensions of SMTP and the refusals at every stage, against a real Postfix; and LMTP against a real Dovecot. Every
// way a message can go is tried: DATA and BDAT, pipelined and one command at a time.

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/protocol_log.hpp>
#include <posthorn/source/file.hpp>
#include <posthorn/source/generator.hpp>
#include <posthorn/source/memory.hpp>

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>
#include <doctest/doctest.h>

#include <support/dovecot.hpp>
#include <support/failures.hpp>
#include <support/live_mail.hpp>
#include <support/maildir.hpp>
#include <support/postfix.hpp>
#include <support/process.hpp>
#include <support/raw_smtp.hpp>
#include <support/temp_dir.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace net  = posthorn::net;
namespace smtp = posthorn::smtp;
using posthorn::condition;
using smtp::disposition;
using smtp::overall;
using smtp::phase;
using support::mail_to;
using support::sender;
using support::thrown;
using strings = std::vector<std::string>;

// Ways ------------------------------------------------------------------------------------------------------

/// How a message goes.
struct way
{
    std::string_view name;
    bool             pipelining;
    smtp::chunking   chunking;

    bool chunks() const { return chunking == smtp::chunking::on; }
};

constexpr way ways[] = {{"DATA, one command at a time", false, smtp::chunking::off},
                        {"DATA, pipelined", true, smtp::chunking::off},
                        {"BDAT, one command at a time", false, smtp::chunking::on},
                        {"BDAT, pipelined", true, smtp::chunking::on}};

smtp::send_options by(way const& w)
{
    smtp::send_options o;
    o.pipelining = w.pipelining;
    o.chunking   = w.chunking;
    return o;
}

// Clients ---------------------------------------------------------------------------------------------------

/// A client with its event loop and its protocol log.
class talker
{
public:
    explicit talker(std::uint16_t port) : talker(net::host_port("127.0.0.1", port), smtp::protocol::smtp) {}
    talker(net::host_port server, smtp::protocol p) : client(settings(std::move(server), p)) {}

    template <class T>
    T run(posthorn::task<T> t)
    {
        auto result = posthorn::spawn(context_, std::move(t), asio::use_future);
        context_.restart();
        context_.run();
        return result.get();
    }

    smtp::report send(smtp::message const& m, smtp::send_options const& o = {})
    {
        return run(client.send(m, o));
    }

    std::vector<smtp::burst_result> burst(std::vector<smtp::message> const& mails,
                                          smtp::send_options const&         o)
    {
        return run(collect(mails, smtp::burst_options(o)));
    }

    void quit() { run(client.quit()); }

private:
    smtp::client_settings settings(net::host_port server, smtp::protocol p)
    {
        smtp::client_settings s;
        s.server            = std::move(server);
        s.tls               = smtp::tls_mode::none;
        s.session.ehlo_name = "client.test";
        s.session.protocol  = p;
        s.session.on_event =
            smtp::protocol_log([this](std::string_view line) { log.append(line).append("\n"); });
        return s;
    }

    posthorn::task<std::vector<smtp::burst_result>> collect(std::vector<smtp::message> const& mails,
                                                            smtp::burst_options               o)
    {
        std::vector<smtp::burst_result> all;
        auto                            results = client.send_burst(mails, std::move(o));
        for (;;)
        {
            auto one = co_await results.next();
            if (!one)
                break;
            all.push_back(std::move(*one));
        }
        co_return all;
    }

    asio::io_context context_{1};

public:
    std::string  log;
    smtp::client client;
};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// Messages --------------------------------------------------------------------------------------------------

std::string const& text = support::dotted_text;

smtp::message mail_from(std::shared_ptr<posthorn::source> content)
{
    smtp::message mail;
    mail.envelope = smtp::envelope(sender, {"alice@example.test"});
    mail.content  = std::move(content);
    return mail;
}

/// Lines with dots at their beginnings, numbered, in all lengths.
std::string lines_of(std::size_t size, std::string_view end = "\r\n")
{
    std::string out = "Subject: large" + std::string(end) + std::string(end);
    for (int i = 0; out.size() < size; ++i)
        out.append(i % 7 == 0 ? "." : "")
            .append("line ")
            .append(std::to_string(i))
            .append(static_cast<std::size_t>(i) % 300, 'x')
            .append(end);
    return out;
}

posthorn::async_generator<std::string> in_blocks(std::string whole, std::size_t size)
{
    for (std::size_t at = 0; at < whole.size(); at += size)
    {
        std::string block = whole.substr(at, size);
        co_yield std::move(block);
    }
}

// Servers ---------------------------------------------------------------------------------------------------

support::postfix_options without(strings keywords)
{
    support::postfix_options options;
    options.discard_ehlo_keywords = std::move(keywords);
    return options;
}

/** How a Postfix counted the commands of each session that had any, e.g. "ehlo=1 mail=1 rcpt=0/1 quit=1".

    @param count Waits until so many sessions have ended.
*/
strings sessions(support::postfix const& server, std::size_t count)
{
    strings found;
    support::poll_until(support::default_patience, [&] {
        found.clear();
        std::istringstream log(server.log());
        for (std::string line; std::getline(log, line);)
        {
            std::string_view const mark  = ": disconnect from unknown[127.0.0.1] ";
            auto const             begin = line.find(mark);
            auto const             end   = line.rfind(" commands=");
            if (begin != line.npos && end != line.npos && begin + mark.size() < end)
                found.push_back(line.substr(begin + mark.size(), end - begin - mark.size()));
        }
        return found.size() >= count;
    });
    if (found.size() != count)
        throw std::runtime_error(std::to_string(found.size()) + " sessions instead of " +
                                 std::to_string(count) + " in the log:\n" + server.log());
    return found;
}

std::string delivered(support::postfix const& server, std::string const& user = "alice")
{
    auto const mails = server.wait_for_mail(user);
    CHECK(mails.size() == 1);
    return support::parse_delivered(mails.at(0)).as_sent();
}

} // namespace

TEST_SUITE_BEGIN("live/smtp_extensions");

// ---- PIPELINING -------------------------------------------------------------------------------------------

TEST_CASE("PIPELINING and CHUNKING save round trips, and without them everything goes one by one")
{
    struct row
    {
        strings  discarded;
        way      how;
        unsigned round_trips; ///< With three recipients.
    };
    row const rows[] = {
        {{}, ways[0], 1 + 3 + 1 + 1},
        {{}, ways[1], 2},
        {{}, ways[2], 1 + 3 + 1},
        {{}, ways[3], 1},
        {{"pipelining"}, ways[1], 1 + 3 + 1 + 1},
        {{"pipelining"}, ways[3], 1 + 3 + 1},
        {{"pipelining", "chunking"}, {"automatic", true, smtp::chunking::automatic}, 1 + 3 + 1 + 1},
        {{"chunking"}, {"automatic", true, smtp::chunking::automatic}, 2}};
    for (auto const& r : rows)
    {
        CAPTURE(r.how.name);
        CAPTURE(r.discarded.size());
        support::postfix server(without(r.discarded));
        talker           t(server.port());
        auto const       mail   = mail_to({"alice@example.test", "bob@example.test", "carol@example.test"});
        auto const       report = t.send(mail, by(r.how));
        CHECK(report.all_accepted());
        CHECK(report.round_trips() == r.round_trips);
        CHECK(report.transfer() == (r.how.chunks() ? smtp::transfer::bdat : smtp::transfer::data));
        t.quit();
        CHECK(sessions(server, 1)[0] ==
              std::string("ehlo=1 mail=1 rcpt=3 ") + (r.how.chunks() ? "bdat=1" : "data=1") + " quit=1");
        for (auto const* user : {"alice", "bob", "carol"})
            CHECK(delivered(server, user) == text);
    }
}

// ---- CHUNKING ---------------------------------------------------------------------------------------------

TEST_CASE("what goes by BDAT arrives byte for byte, from every kind of source, in one chunk and in many")
{
    support::postfix  server;
    support::temp_dir dir("bdat");
    struct row
    {
        std::string name;
        std::string sent;
        std::size_t chunk_size;
    };
    std::string const large  = lines_of(5'000'000);
    row const         rows[] = {{"one chunk", text, 1 << 20},
                                {"chunks of seven octets", text, 7},
                                {"many chunks", lines_of(200'000), 1000},
                                {"LF only", lines_of(50'000, "\n"), 1 << 20},
                                {"LF only, in many chunks", lines_of(50'000, "\n"), 333},
                                {"without an end of the last line", "Subject: x\r\n\r\nbody", 5},
                                {"a dot alone", "Subject: x\r\n\r\n.\r\n.\r\n", 8},
                                {"5 MB in one chunk", large, 16 << 20},
                                {"5 MB in chunks", large, 256 << 10},
                                {"5 MB of LF only", lines_of(5'000'000, "\n"), 256 << 10}};
    for (auto const& r : rows)
        for (int source = 0; source < 3; ++source)
            for (bool const pipelining : {true, false})
            {
                if (!pipelining && source != 0)
                    continue;
                CAPTURE(r.name);
                CAPTURE(source);
                CAPTURE(pipelining);
                std::shared_ptr<posthorn::source> content;
                if (source == 0)
                    content = std::make_shared<posthorn::memory_source>(r.sent);
                else if (source == 1)
                {
                    support::write_file(dir / "content", r.sent);
                    content = std::make_shared<posthorn::file_source>(dir / "content");
                }
                else
                    content = std::make_shared<posthorn::generator_source>(in_blocks(r.sent, 50'000));
                talker t(server.port());
                auto   how        = by(ways[3]);
                how.chunk_size    = r.chunk_size;
                how.pipelining    = pipelining;
                auto const mail   = mail_from(content);
                auto const report = t.send(mail, how);
                CHECK(report.all_accepted());
                CHECK(report.transfer() == smtp::transfer::bdat);
                // Every LF has got its CR, and no dot a second one.
                std::string expected = contains(r.sent, "\r\n") ? r.sent : support::to_crlf(r.sent);
                if (expected.back() != '\n')
                    expected += "\r\n";
                CHECK(report.content_bytes() == expected.size());
                auto const got = delivered(server);
                CHECK(got.size() == expected.size());
                CHECK((got == expected));
                server.clear_mailbox("alice");
                t.quit();
            }
}

TEST_CASE("where CHUNKING is not offered, BDAT is refused or replaced by DATA, as was asked")
{
    support::postfix server(without({"chunking"}));
    talker           t(server.port());
    auto const       mail = mail_to({"alice@example.test"});
    auto const       e    = thrown<smtp::send_error>([&] { t.send(mail, by(ways[3])); });
    REQUIRE(e);
    CHECK(e->code() == smtp::errc::extension_missing);
    CHECK(contains(e->what(), "CHUNKING"));
    CHECK(e->report().outcome() == overall::not_sent);

    smtp::send_options verbatim;
    verbatim.endings = smtp::line_endings::verbatim;
    auto const v     = thrown<smtp::send_error>([&] { t.send(mail, verbatim); });
    REQUIRE(v);
    CHECK(v->code() == smtp::errc::extension_missing);

    CHECK(t.send(mail).transfer() == smtp::transfer::data);
    t.quit();
    CHECK(delivered(server) == text);
    CHECK(sessions(server, 1)[0] == "ehlo=1 mail=1 rcpt=1 data=1 quit=1");
}

TEST_CASE("binary content needs BINARYMIME, which Postfix does not offer: nothing is sent of it")
{
    support::postfix   server;
    talker             t(server.port());
    auto const         nul = mail_to({"alice@example.test"}, std::string("Subject: x\r\n\r\na\0b\r\n", 19));
    auto const         ok  = mail_to({"alice@example.test"});
    smtp::send_options verbatim;
    verbatim.endings = smtp::line_endings::verbatim;
    auto const a     = thrown<smtp::send_error>([&] { t.send(nul, by(ways[3])); });
    auto const b     = thrown<smtp::send_error>([&] { t.send(ok, verbatim); });
    REQUIRE(a);
    REQUIRE(b);
    CHECK(a->code() == smtp::errc::binary_refused);
    CHECK(b->code() == smtp::errc::extension_missing);
    CHECK(contains(b->what(), "BINARYMIME"));
    t.quit();
    CHECK(sessions(server, 1)[0] == "ehlo=1 quit=1");
}

TEST_CASE("what Postfix does after a refused BDAT")
{
    support::postfix_options options;
    options.recipient_access = {"bad@example.test 550 5.1.1 no such person"};
    options.header_checks    = {"/^Subject: spam/ REJECT 5.7.1 no spam please"};
    support::postfix  server(options);
    support::raw_smtp s(server.port());
    s.read_reply();
    s.command("EHLO client.test");
    auto const open = [&](std::string const& to) {
        auto const mail = s.command("MAIL FROM:<a@elsewhere.test>").code;
        s.command("RCPT TO:<" + to + ">");
        return mail;
    };
    auto const chunk = [&](std::string const& content, bool last) {
        s.send("BDAT " + std::to_string(content.size()) + (last ? " LAST\r\n" : "\r\n") + content);
        return s.read_reply();
    };

    // No recipient: the content is read and dropped, and after the last chunk the transaction is over.
    CHECK(open("bad@example.test") == 250);
    CHECK(chunk("Subject: x\r\n\r\n", true).code == 554);
    CHECK(open("alice@example.test") == 250);
    CHECK(s.command("RSET").code == 250);

    // A chunk that is not the last one is refused, and so are those that follow it; the last one ends it all.
    CHECK(open("bad@example.test") == 250);
    CHECK(chunk("Subject: x\r\n\r\n", false).code == 554);
    CHECK(chunk("body\r\n", false).code == 551);
    CHECK(chunk("body\r\n", true).code == 551);
    CHECK(open("alice@example.test") == 250);
    CHECK(s.command("RSET").code == 250);

    // Without the last one everything is refused until RSET.
    CHECK(open("bad@example.test") == 250);
    CHECK(chunk("Subject: x\r\n\r\n", false).code == 554);
    CHECK(open("alice@example.test") == 503);
    CHECK(chunk("Subject: x\r\n\r\n", true).code == 551);
    CHECK(s.command("RSET").code == 250);

    // Refused after the last chunk: the transaction is over.
    CHECK(open("alice@example.test") == 250);
    CHECK(chunk("Subject: spam\r\n\r\n", false).code == 250);
    CHECK(chunk("body\r\n", true).code == 550);
    CHECK(open("alice@example.test") == 250);
    CHECK(chunk("Subject: fine\r\n\r\n", true).code == 250);

    // Without a transaction it is refused and its content is not taken for commands.
    CHECK(chunk("NOOP\r\n", true).code == 503);
    CHECK(s.command("QUIT").code == 221);
    CHECK(delivered(server) == "Subject: fine\r\n\r\n");
}

// ---- SMTPUTF8 ---------------------------------------------------------------------------------------------

TEST_CASE("a local part beyond ASCII goes by SMTPUTF8 or not at all; a domain alone also as A-labels")
{
    for (bool const offered : {true, false})
        for (auto const& w : ways)
        {
            CAPTURE(offered);
            CAPTURE(w.name);
            auto options      = without(offered ? strings{} : strings{"smtputf8"});
            options.mailboxes = {"alice", "gr\xc3\xbcn"};
            options.main_cf   = {{"mynetworks", "127.0.0.0/8"}};
            support::postfix server(options);
            talker           t(server.port());

            auto const local  = mail_to({"alice@example.test", "gr\xc3\xbcn@example.test"});
            auto const report = t.send(local, by(w));
            CHECK(report.recipients()[0].accepted());
            CHECK(report.recipients()[1].accepted() == offered);
            CHECK(contains(t.log, " SMTPUTF8") == offered);
            if (!offered)
            {
                CHECK(report.outcome() == overall::partial);
                CHECK(report.recipients()[1].outcome == disposition::refused_permanently);
                CHECK(report.recipients()[1].phase == phase::prepare);
                CHECK(report.recipients()[1].enhanced == smtp::enhanced_code{5, 6, 7});
                CHECK_FALSE(contains(t.log, "gr\xc3\xbcn"));
            }
            else
            {
                CHECK(delivered(server, "gr\xc3\xbcn") == text);
                CHECK(contains(server.mailbox("gr\xc3\xbcn").at(0), "with UTF8SMTP id"));
            }

            // Nothing but the domain is beyond ASCII: it needs no extension.
            t.log.clear();
            auto const domain = mail_to({"someone@gr\xc3\xbcn.example"});
            CHECK(t.send(domain, by(w)).all_accepted());
            CHECK(contains(t.log, "C: RCPT TO:<someone@xn--grn-ioa.example>\n"));
            CHECK_FALSE(contains(t.log, " SMTPUTF8"));
            CHECK(support::parse_delivered(server.wait_for_mail("relayed").at(0)).original_to ==
                  "someone@xn--grn-ioa.example");

            // A sender with such a local part can only be named by SMTPUTF8.
            smtp::message from   = mail_to({"alice@example.test"});
            from.envelope.sender = smtp::reverse_path("gr\xc3\xbcn@elsewhere.test");
            auto const e         = thrown<smtp::send_error>([&] { t.send(from, by(w)); });
            CHECK(e.has_value() != offered);
            if (e)
                CHECK(e->code() == smtp::errc::smtputf8_required);
            t.quit();
        }
}

TEST_CASE("a header section in UTF-8 asks for SMTPUTF8, and without it goes only where that was chosen")
{
    std::string const content = "Subject: gr\xc3\xbcn\r\n\r\nbody\r\n";
    for (bool const offered : {true, false})
    {
        support::postfix server(without(offered ? strings{} : strings{"smtputf8"}));
        talker             t(server.port());
        auto const         mail = mail_to({"alice@example.test"}, content);
        smtp::send_options as_it_is;
        if (!offered)
        {
            auto const e = thrown<smtp::send_error>([&] { t.send(mail); });
            REQUIRE(e);
            CHECK(e->code() == smtp::errc::smtputf8_required);
            CHECK_FALSE(contains(t.log, "C: DATA"));
            as_it_is.smtputf8 = smtp::smtputf8_use::never;
        }
        CHECK(t.send(mail, as_it_is).all_accepted());
        CHECK(contains(t.log, " SMTPUTF8") == offered);
        CHECK(contains(t.log, " BODY=8BITMIME"));
        t.quit();
        CHECK(delivered(server) == content);
    }
}

// ---- DSN --------------------------------------------------------------------------------------------------

TEST_CASE("NOTIFY, RET, ENVID and ORCPT reach Postfix, which reports accordingly")
{
    support::postfix_options options;
    options.main_cf = {{"mynetworks", "127.0.0.0/8"},
                       {"transport_maps", "texthash:$config_directory/transport"}};
    options.files   = {{"transport", "fails.test fails:\n"}};
    // smtpd would refuse the recipients of the error service at once.
    options.master_cf = "fails unix - n n - - pipe user=nobody argv=/bin/false\n";
    support::postfix server(options);
    struct row
    {
        std::string          name;
        std::string          to;
        smtp::notify         when;
        smtp::return_content ret;
        bool                 reported;
        std::string          action;
    };
    using enum smtp::notify;
    row const rows[] = {
        {"success", "alice@example.test", success, smtp::return_content::headers, true, "delivered"},
        {"success, whole", "alice@example.test", success | failure, smtp::return_content::full, true,
         "delivered"},
        {"success is not asked for", "alice@example.test", failure, smtp::return_content::full, false, ""},
        {"failure", "someone@fails.test", failure | delay, smtp::return_content::full, true, "failed"},
        {"failure, header", "someone@fails.test", failure, smtp::return_content::headers, true, "failed"},
        {"never", "someone@fails.test", never, smtp::return_content::full, false, ""},
        {"not asked about", "someone@fails.test", unspecified, smtp::return_content::unspecified, true,
         "failed"},
    };
    for (auto const& w : {ways[0], ways[1], ways[3]})
        for (auto const& r : rows)
        {
            CAPTURE(w.name);
            CAPTURE(r.name);
            talker        t(server.port());
            smtp::message mail                               = mail_to({r.to});
            mail.envelope.parameters.ret                     = r.ret;
            mail.envelope.parameters.envid                   = "id+1=2";
            mail.envelope.recipients[0].parameters.notify_on = r.when;
            mail.envelope.recipients[0].parameters.orcpt.emplace("first+one@else.test");
            auto const report = t.send(mail, by(w));
            CHECK(report.all_accepted());
            t.quit();
            auto const& id   = report.final_reply().text();
            auto const  name = id.substr(id.rfind(' ') + 1);
            CHECK(server.wait_for_log(name + ": removed"));
            if (!r.reported)
            {
                // A report would have been queued before the message was removed.
                CHECK_FALSE(contains(server.log(), name + ": sender non-delivery notification"));
                CHECK_FALSE(contains(server.log(), name + ": sender delivery status notification"));
                CHECK(server.mailbox("relayed").empty());
            }
            else
            {
                auto const answer = server.wait_for_mail("relayed").at(0);
                CHECK(contains(answer, "Original-Envelope-Id: id+1=2\n"));
                CHECK(contains(answer, "Original-Recipient: rfc822;first+one@else.test\n"));
                CHECK(contains(answer, "Action: " + r.action + "\n"));
                // Of success only the header is returned, by RFC 3461 6.2.
                CHECK(contains(answer, "last line") ==
                      (r.ret != smtp::return_content::headers && r.action == "failed"));
            }
            server.clear_mailbox("relayed");
        }
}

TEST_CASE("where DSN is not offered its parameters are refused, or left out and named")
{
    for (auto const& w : ways)
    {
        support::postfix server(without({"dsn"}));
        talker           t(server.port());
        smtp::message    mail                            = mail_to({"alice@example.test"});
        mail.envelope.parameters.envid                   = "id";
        mail.envelope.recipients[0].parameters.notify_on = smtp::notify::never;
        auto       how                                   = by(w);
        auto const e = thrown<smtp::send_error>([&] { t.send(mail, how); });
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::extension_missing);
        CHECK_FALSE(contains(t.log, "C: MAIL"));

        how.unsupported   = smtp::unsupported::drop;
        auto const report = t.send(mail, how);
        CHECK(report.all_accepted());
        REQUIRE(!report.dropped().empty());
        for (auto const keyword : report.dropped())
            CHECK(keyword == "DSN");
        CHECK_FALSE(contains(t.log, "ENVID"));
        CHECK_FALSE(contains(t.log, "NOTIFY"));
        t.quit();
        CHECK(delivered(server) == text);
    }
}

// ---- SIZE -------------------------------------------------------------------------------------------------

TEST_CASE("a message that is too big is refused before anything is sent, or by the server if it does not "
          "tell its limit")
{
    auto const big = lines_of(60'000);
    for (bool const offered : {true, false})
        for (auto const& w : ways)
        {
            CAPTURE(offered);
            CAPTURE(w.name);
            auto options               = without(offered ? strings{} : strings{"size"});
            options.message_size_limit = 20'000;
            support::postfix server(options);
            talker           t(server.port());
            auto const       mail = mail_to({"alice@example.test", "bob@example.test"}, big);
            auto             how  = by(w);
            how.chunk_size        = 5000;
            if (offered)
            {
                auto const e = thrown<smtp::send_error>([&] { t.send(mail, how); });
                REQUIRE(e);
                CHECK(e->code() == smtp::errc::message_too_big);
                CHECK(e->report().outcome() == overall::not_sent);
                CHECK(e->report().content_bytes() == 0);
                CHECK_FALSE(contains(t.log, "C: MAIL"));
            }
            else
            {
                auto const report = t.send(mail, how);
                CHECK(report.outcome() == overall::refused);
                for (auto const& one : report.recipients())
                {
                    CHECK(one.phase == phase::content);
                    CHECK(one.code == 552);
                    CHECK(one.enhanced == smtp::enhanced_code{5, 3, 4});
                }
                CHECK_FALSE(contains(t.log, "SIZE="));
            }
            // The session goes on.
            auto const small = mail_to({"alice@example.test"});
            CHECK(t.send(small, how).all_accepted());
            t.quit();
            CHECK(delivered(server) == text);
            CHECK(server.mailbox("bob").empty());
            CHECK(sessions(server, 1).size() == 1);
        }
}

// ---- 8BITMIME ---------------------------------------------------------------------------------------------

TEST_CASE("8-bit content is announced, and not sent where it cannot be")
{
    std::string const eight = "Subject: x\r\n\r\ncaf\xc3\xa9\r\n";
    for (bool const offered : {true, false})
        for (auto const& w : ways)
        {
            CAPTURE(offered);
            CAPTURE(w.name);
            support::postfix server(without(offered ? strings{} : strings{"8bitmime"}));
            talker           t(server.port());
            auto const       plain = mail_to({"bob@example.test"});
            CHECK(t.send(plain, by(w)).all_accepted());
            CHECK_FALSE(contains(t.log, "BODY="));
            CHECK(delivered(server, "bob") == text);

            auto const mail = mail_to({"alice@example.test"}, eight);
            auto const e    = thrown<smtp::send_error>([&] { t.send(mail, by(w)); });
            CHECK(e.has_value() != offered);
            CHECK(contains(t.log, "BODY=8BITMIME") == offered);
            if (e)
            {
                CHECK(e->code() == smtp::errc::eight_bit_refused);
                CHECK(e->report().outcome() == overall::not_sent);
            }
            else
                CHECK(delivered(server) == eight);

            // What is not in memory is found out on the way, and nobody gets a part of it.
            auto const late = mail_from(std::make_shared<posthorn::generator_source>(in_blocks(eight, 5)));
            auto const l    = thrown<smtp::send_error>([&] { t.send(late, by(w)); });
            CHECK(l.has_value() != offered);
            if (l)
            {
                CHECK(l->code() == smtp::errc::eight_bit_refused);
                CHECK(l->report().outcome() == overall::not_sent);
            }
            server.clear_mailbox("bob");
            CHECK(t.send(plain, by(w)).all_accepted());
            t.quit();
            CHECK(delivered(server, "bob") == text);
            CHECK(server.wait_for_log("removed"));
            CHECK(server.mailbox("alice").size() == (offered ? 2 : 0));
        }
}

// ---- refusals ---------------------------------------------------------------------------------------------

TEST_CASE("a client that is refused before any message gets an error that says where")
{
    struct row
    {
        std::string stage;
        std::string action;
        int         code;
        phase       where;
        smtp::errc  error;
        condition   kind;
    };
    row const rows[] = {
        {"client", "550 5.7.1 go away", 550, phase::greeting, smtp::errc::greeting_refused,
         condition::permanent},
        {"client", "450 4.7.1 not now", 450, phase::greeting, smtp::errc::greeting_deferred,
         condition::temporary},
        {"client", "421 4.3.2 closing", 421, phase::greeting, smtp::errc::service_unavailable,
         condition::temporary},
        {"helo", "550 5.7.1 go away", 550, phase::hello, smtp::errc::ehlo_refused, condition::permanent},
        {"helo", "450 4.7.1 not now", 450, phase::hello, smtp::errc::ehlo_refused, condition::permanent},
        {"helo", "421 4.3.2 closing", 421, phase::hello, smtp::errc::service_unavailable,
         condition::temporary},
    };
    for (auto const& r : rows)
    {
        CAPTURE(r.stage);
        CAPTURE(r.action);
        support::postfix_options options;
        // The greeting that the harness waits for comes on another port.
        options.smtps   = {};
        options.main_cf = {{"smtpd_delay_reject", "no"},
                           {"smtpd_" + r.stage + "_restrictions",
                            std::string(r.stage == "client" ? "check_client_access" : "check_helo_access") +
                                " texthash:$config_directory/refused"}};
        options.files   = {
              {"refused", std::string(r.stage == "client" ? "127.0.0.7 " : "client.test ") + r.action + "\n"}};
        support::postfix      server(options);
        smtp::client_settings settings;
        std::string           log;
        settings.server               = net::host_port("127.0.0.1", server.port());
        settings.tls                  = smtp::tls_mode::none;
        settings.session.ehlo_name    = "client.test";
        settings.connection.source_v4 = asio::ip::make_address_v4("127.0.0.7");
        settings.session.on_event =
            smtp::protocol_log([&](std::string_view line) { log.append(line).append("\n"); });
        asio::io_context context(1);
        smtp::client     client(settings);
        auto const       mail = mail_to({"alice@example.test"});
        auto             done = posthorn::spawn(context, client.send(mail), asio::use_future);
        context.run();
        auto const e = thrown<smtp::session_error>([&] { done.get(); });
        INFO(log);
        REQUIRE(e);
        CHECK(e->code() == r.error);
        CHECK(e->code() == r.kind);
        CHECK(e->phase() == r.where);
        REQUIRE(e->reply() != nullptr);
        CHECK(e->reply()->code() == r.code);
        CHECK_FALSE(client.is_connected());
        CHECK_FALSE(contains(log, "C: MAIL"));
    }
}

TEST_CASE(
    "a refusal at any stage is reported exactly, however the message goes, and the next message is delivered")
{
    struct stage
    {
        std::string_view name;
        char const*      restriction; ///< The parameter of main.cf; empty: header_checks.
        bool             delayed;     ///< Until RCPT.
        phase            where;
    };
    stage const stages[] = {{"client", "smtpd_client_restrictions", true, phase::rcpt},
                            {"helo", "smtpd_helo_restrictions", true, phase::rcpt},
                            {"sender, delayed", "smtpd_sender_restrictions", true, phase::rcpt},
                            {"sender", "smtpd_sender_restrictions", false, phase::mail},
                            {"recipient", "smtpd_recipient_restrictions", true, phase::rcpt},
                            {"data", "smtpd_data_restrictions", true, phase::data},
                            {"end of data", "smtpd_end_of_data_restrictions", true, phase::content},
                            {"header", "", true, phase::content}};
    for (auto const& s : stages)
        for (int const code : {550, 450, 421})
        {
            if (code == 421 && *s.restriction == '\0')
                continue; // cleanup cannot close the connection
            support::postfix_options options;
            std::string const        action = std::to_string(code) + (code == 550   ? " 5.7.1 no"
                                                                      : code == 450 ? " 4.7.1 later"
                                                                                    : " 4.3.2 closing");
            options.main_cf                 = {{"smtpd_delay_reject", s.delayed ? "yes" : "no"}};
            if (*s.restriction != '\0')
            {
                options.main_cf.emplace(s.restriction,
                                        "check_sender_access texthash:$config_directory/refused");
                options.files = {{"refused", "bad@elsewhere.test " + action + "\n"}};
            }
            else
                options.header_checks = {std::string("/^Subject: refused/ REJECT ") +
                                         (code == 550 ? "5.7.1 no" : "4.7.1 later")};
            support::postfix server(options);
            std::size_t      sent = 0;
            for (auto const& w : ways)
            {
                CAPTURE(s.name);
                CAPTURE(code);
                CAPTURE(w.name);
                talker        t(server.port());
                smtp::message refused = mail_to({"alice@example.test", "bob@example.test"},
                                                "Subject: refused\r\n\r\n" + lines_of(3000));
                if (*s.restriction != '\0')
                    refused.envelope.sender = smtp::reverse_path("bad@elsewhere.test");
                auto how       = by(w);
                how.chunk_size = 1000;
                smtp::report report;
                t.run(t.client.send(refused, how, report));
                INFO(t.log);
                bool const for_good = code == 550;
                // 421 to a chunk that is not the last one says nothing about the message.
                bool const nothing = code == 421 && s.where == phase::data && w.chunks();
                CHECK(report.outcome() == (for_good  ? overall::refused
                                           : nothing ? overall::not_sent
                                                     : overall::temporary));
                // BDAT has no word of its own before the content.
                auto const where = s.where == phase::data && w.chunks() ? phase::content : s.where;
                for (auto const& one : report.recipients())
                {
                    // Of 421 at RCPT the second recipient learns nothing.
                    bool const silent =
                        nothing || (code == 421 && where == phase::rcpt && &one != &report.recipients()[0]);
                    CHECK(one.outcome == (for_good ? disposition::refused_permanently
                                          : silent ? disposition::not_sent
                                                   : disposition::refused_temporarily));
                    CHECK(one.phase == where);
                    CHECK(one.code == (*s.restriction == '\0' && code == 450 ? 451 : code));
                }
                CHECK(report.final_reply().empty() == (where != phase::content));
                CHECK(t.client.is_connected() == (code != 421));
                auto const good = mail_to({"carol@example.test"});
                CHECK(t.send(good, how).all_accepted());
                ++sent;
                t.quit();
            }
            CHECK(server.wait_for_mail("carol", sent).size() == sent);
            CHECK(server.mailbox("alice").empty());
            CHECK(server.mailbox("bob").empty());
        }
}

TEST_CASE("one refused recipient among others changes nothing for them, however the message goes")
{
    support::postfix_options options;
    options.recipient_access = {"bad@example.test 550 5.1.1 no such person",
                                "busy@example.test 450 4.2.1 come back later"};
    support::postfix server(options);
    std::size_t      count = 0;
    for (auto const& w : ways)
    {
        CAPTURE(w.name);
        talker     t(server.port());
        auto const mail =
            mail_to({"bad@example.test", "alice@example.test", "busy@example.test", "carol@example.test"});
        auto const report = t.send(mail, by(w));
        CHECK(report.outcome() == overall::partial);
        CHECK(report.recipients()[0].outcome == disposition::refused_permanently);
        CHECK(report.recipients()[1].accepted());
        CHECK(report.recipients()[2].outcome == disposition::refused_temporarily);
        CHECK(report.recipients()[3].accepted());
        t.quit();
        ++count;
        for (auto const* user : {"alice", "carol"})
            CHECK(server.wait_for_mail(user, count).size() == count);

        auto how   = by(w);
        how.policy = smtp::recipient_policy::all_or_nothing;
        talker     strict(server.port());
        auto const e = thrown<smtp::send_error>([&] { strict.send(mail, how); });
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::not_all_accepted);
        CHECK(e->report().count(disposition::not_sent) == 2);
        CHECK(e->report().accepted() == 0);
        CHECK(e->report().content_bytes() == 0);
        CHECK_FALSE(contains(strict.log, "C: BDAT"));
        CHECK_FALSE(contains(strict.log, "C: DATA"));
        strict.quit();
    }
    CHECK(server.mailbox("alice").size() == count);
}

// ---- bursts -----------------------------------------------------------------------------------------------

TEST_CASE("a burst of a hundred messages over one session is delivered, each exactly once")
{
    struct row
    {
        std::string_view name;
        strings          discarded;
        smtp::chunking   chunking;
        bool             chunks;
        std::size_t      round_trips; ///< At the most, with those before the first message.
    };
    // With DATA each content waits for the word of the server, and leaves together with the next envelope.
    row const rows[] = {{"DATA", {}, smtp::chunking::off, false, 105},
                        {"BDAT", {}, smtp::chunking::on, true, 25},
                        {"automatic", {}, smtp::chunking::automatic, true, 25},
                        {"automatic without CHUNKING", {"chunking"}, smtp::chunking::automatic, false, 105},
                        {"BDAT without PIPELINING", {"pipelining"}, smtp::chunking::on, true, 305},
                        {"neither", {"pipelining", "chunking"}, smtp::chunking::automatic, false, 405}};
    for (auto const& r : rows)
    {
        CAPTURE(r.name);
        support::postfix           server(without(r.discarded));
        talker                     t(server.port());
        std::vector<smtp::message> mails;
        int const                  count = 100;
        for (int i = 0; i < count; ++i)
        {
            auto const number = std::to_string(i);
            mails.push_back(mail_to({"alice+" + number + "@example.test"},
                                    "Subject: number " + number + "\r\n\r\n" +
                                        lines_of(static_cast<std::size_t>(i) * 100)));
        }
        smtp::send_options how;
        how.chunking       = r.chunking;
        auto const results = t.burst(mails, how);
        REQUIRE(results.size() == count);
        std::set<std::size_t> indices;
        for (auto const& one : results)
        {
            CHECK(one.report.all_accepted());
            CHECK_FALSE(one.failure);
            CHECK(one.report.transfer() == (r.chunks ? smtp::transfer::bdat : smtp::transfer::data));
            indices.insert(one.index);
        }
        CHECK(indices.size() == count);
        auto const turns = t.client.current()->round_trips();
        MESSAGE(r.name, ": ", turns, " round trips");
        CHECK(turns <= r.round_trips);
        t.quit();

        std::set<std::string> got;
        for (auto const& stored : server.wait_for_mail("alice", count))
        {
            auto const mail   = support::parse_delivered(stored);
            auto const number = mail.original_to.substr(6, mail.original_to.find('@') - 6);
            CHECK(got.insert(number).second);
            auto const& sent = mails.at(static_cast<std::size_t>(std::stoi(number)));
            CHECK((mail.as_sent() == sent.content->contiguous()));
        }
        CHECK(got.size() == count);
        auto const session = sessions(server, 1)[0];
        CHECK(contains(session, "mail=100 rcpt=100"));
        CHECK(contains(session, r.chunks ? "bdat=100" : "data=100"));
        CHECK(server.wait_for_log("removed"));
        CHECK(server.mailbox("alice").size() == count);
    }
}

TEST_CASE("refusals within a burst stay with the messages they are about")
{
    support::postfix_options options;
    options.recipient_access = {"bad@example.test 550 5.1.1 no such person",
                                "busy@example.test 450 4.2.1 come back later"};
    options.header_checks    = {"/^Subject: spam/ REJECT 5.7.1 no spam please"};
    // Postfix leaves the transaction open then, and the next message is on its way already.
    options.main_cf = {
        {"smtpd_end_of_data_restrictions", "check_sender_access texthash:$config_directory/late"}};
    options.files = {{"late", "late@elsewhere.test 450 4.7.1 not now\n"}};
    for (auto const& w : ways)
    {
        CAPTURE(w.name);
        support::postfix           server(options);
        talker                     t(server.port());
        std::vector<smtp::message> mails;
        int const                  count = 100;
        for (int i = 0; i < count; ++i)
        {
            std::string const mine = "alice+" + std::to_string(i) + "@example.test";
            std::string const body = "\r\n\r\n" + lines_of(500);
            switch (i % 5)
            {
            case 1: mails.push_back(mail_to({"bad@example.test"}, "Subject: x" + body)); break;
            case 2: mails.push_back(mail_to({"busy@example.test", mine}, "Subject: x" + body)); break;
            case 3: mails.push_back(mail_to({mine}, "Subject: spam" + body)); break;
            default:
                mails.push_back(mail_to({mine}, "Subject: x" + body));
                if (i % 5 == 4)
                    mails.back().envelope.sender = smtp::reverse_path("late@elsewhere.test");
            }
        }
        auto how           = by(w);
        how.chunk_size     = 200;
        auto const results = t.burst(mails, how);
        REQUIRE(results.size() == count);
        for (auto const& one : results)
        {
            CAPTURE(one.index);
            CAPTURE(one.report.describe());
            CHECK_FALSE(one.failure);
            switch (one.index % 5)
            {
            case 1:
                CHECK(one.report.outcome() == overall::refused);
                CHECK(one.report.recipients()[0].phase == phase::rcpt);
                break;
            case 2:
                CHECK(one.report.outcome() == overall::partial);
                CHECK(one.report.recipients()[0].code == 450);
                break;
            case 3:
                CHECK(one.report.outcome() == overall::refused);
                CHECK(one.report.recipients()[0].phase == phase::content);
                CHECK(one.report.recipients()[0].code == 550);
                break;
            case 4:
                CHECK(one.report.outcome() == overall::temporary);
                CHECK(one.report.recipients()[0].phase == phase::content);
                CHECK(one.report.recipients()[0].code == 450);
                break;
            default: CHECK(one.report.all_accepted());
            }
        }
        t.quit();
        std::set<std::string> got;
        for (auto const& stored : server.wait_for_mail("alice", 40))
            CHECK(got.insert(support::parse_delivered(stored).original_to).second);
        CHECK(got.size() == 40);
        CHECK(sessions(server, 1).size() == 1);
    }
}

// ---- LMTP -------------------------------------------------------------------------------------------------

TEST_CASE("Dovecot answers for each recipient over LMTP, by TCP and by a Unix socket")
{
    support::dovecot_options options;
    options.lmtp           = true;
    options.users[1].quota = 100; // bob's mailbox is full after the content
    support::dovecot server(options);
    std::size_t      count = 0;
    for (bool const local : {false, true})
        for (auto const& w : ways)
        {
            CAPTURE(local);
            CAPTURE(w.name);
            auto const where = local ? net::host_port::local(server.lmtp_socket())
                                     : net::host_port("127.0.0.1", server.lmtp_port());
            talker     t(where, smtp::protocol::lmtp);
            t.run(t.client.connect());
            CHECK(t.client.current()->capabilities().has(smtp::feature::chunking));
            CHECK(t.client.current()->capabilities().has(smtp::feature::pipelining));
            auto how       = by(w);
            how.chunk_size = 50;
            for (int i = 0; i < 2; ++i)
            {
                auto const mail = mail_to(
                    {"alice@example.test", "nobody@example.test", "bob@example.test", "carol@example.test"});
                auto const report = t.send(mail, how);
                INFO(t.log);
                CHECK(report.outcome() == overall::partial);
                CHECK(report.transfer() == (w.chunks() ? smtp::transfer::bdat : smtp::transfer::data));
                auto const r = report.recipients();
                CHECK(r[0].accepted());
                CHECK(r[0].phase == phase::content);
                CHECK(r[1].outcome == disposition::refused_permanently);
                CHECK(r[1].phase == phase::rcpt);
                CHECK(r[1].code == 550);
                CHECK(r[2].outcome == disposition::refused_permanently);
                CHECK(r[2].phase == phase::content);
                CHECK(r[2].code == 552);
                CHECK(r[3].accepted());
                ++count;
            }
            // Nobody gets it, and the session goes on.
            auto const none = mail_to({"nobody@example.test"});
            auto const bad  = t.send(none, how);
            CHECK(bad.outcome() == overall::refused);
            auto const good = mail_to({"carol@example.test"});
            CHECK(t.send(good, how).all_accepted());
            t.quit();
        }
    auto const mails = server.mailbox("alice");
    CHECK(mails.size() == count);
    for (auto const& one : mails)
        CHECK(support::parse_delivered(one).as_sent() == text);
    CHECK(server.mailbox("carol").size() == count + 8);
    CHECK(server.mailbox("bob").empty());
}

TEST_CASE("a burst over LMTP is delivered, each message exactly once")
{
    support::dovecot_options options;
    options.lmtp = true;
    for (auto const& w : ways)
    {
        CAPTURE(w.name);
        support::dovecot           server(options);
        talker                     t(net::host_port::local(server.lmtp_socket()), smtp::protocol::lmtp);
        std::vector<smtp::message> mails;
        for (int i = 0; i < 50; ++i)
            mails.push_back(mail_to({"alice@example.test", "nobody@example.test", "carol@example.test"},
                                    "Subject: number " + std::to_string(i) + "\r\n\r\n" + lines_of(200)));
        auto const results = t.burst(mails, by(w));
        REQUIRE(results.size() == 50);
        for (auto const& one : results)
        {
            CHECK(one.report.outcome() == overall::partial);
            CHECK(one.report.accepted() == 2);
            CHECK(one.report.recipients()[1].code == 550);
        }
        t.quit();
        for (auto const* user : {"alice", "carol"})
        {
            std::set<std::string> got;
            for (auto const& stored : server.mailbox(user))
                CHECK(got.insert(support::parse_delivered(stored).message).second);
            CHECK(got.size() == 50);
        }
    }
}

TEST_SUITE_END();
