//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The SMTP client against a real Postfix, with Dovecot behind it for the logins.

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/net/error.hpp>
#include <posthorn/net/tls_error.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/protocol_log.hpp>
#include <posthorn/source/file.hpp>
#include <posthorn/source/generator.hpp>
#include <posthorn/source/memory.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_future.hpp>
#include <doctest/doctest.h>

#include <support/certs.hpp>
#include <support/dovecot.hpp>
#include <support/failures.hpp>
#include <support/live_mail.hpp>
#include <support/maildir.hpp>
#include <support/postfix.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace {

namespace net  = posthorn::net;
namespace smtp = posthorn::smtp;
using posthorn::condition;
using smtp::disposition;
using smtp::phase;
using support::mail_to;
using support::sender;
using support::thrown;
using smtp::tls_mode;

// Accounts --------------------------------------------------------------------------------------------------

constexpr char const* password       = "xyzzy-Plugh-42";
constexpr char const* wrong_password = "wrong-Frobozz-7";

/// Both passwords as they may go over the wire: as they are, as in LOGIN, as in PLAIN; and the user of LOGIN.
constexpr char const* secrets[] = {
    "xyzzy-Plugh-42",  "eHl6enktUGx1Z2gtNDI",  "AGFsaWNlAHh5enp5LVBsdWdoLTQy",
    "wrong-Frobozz-7", "d3JvbmctRnJvYm96ei03", "AGFsaWNlAHdyb25nLUZyb2JvenotNw",
    "YWxpY2U="};

bool tells_a_secret(std::string_view text)
{
    return std::any_of(std::begin(secrets), std::end(secrets),
                       [&](std::string_view s) { return text.find(s) != text.npos; });
}

support::certificates& authority()
{
    static support::certificates certificates;
    return certificates;
}

support::dovecot_options account_options()
{
    support::dovecot_options options;
    options.users = {{"alice", password, {}}};
    return options;
}

support::dovecot& accounts()
{
    static support::dovecot server(account_options());
    return server;
}

// Servers ---------------------------------------------------------------------------------------------------

/// Messages go by DATA: what is counted here would be other numbers with BDAT.
support::postfix_options by_data()
{
    support::postfix_options options;
    options.discard_ehlo_keywords = {"chunking"};
    return options;
}

support::postfix_options with_tls()
{
    auto options          = by_data();
    options.tls           = authority().server();
    options.smtps.enabled = true;
    return options;
}

support::postfix_options with_logins()
{
    auto options        = with_tls();
    options.sasl_socket = accounts().auth_socket();
    return options;
}

support::postfix_options without(std::vector<std::string> keywords)
{
    auto options                  = by_data();
    options.discard_ehlo_keywords = std::move(keywords);
    options.discard_ehlo_keywords.push_back("chunking");
    return options;
}

/// Refuses some of the mailboxes at RCPT, and spam after the data.
support::postfix_options picky()
{
    auto options             = by_data();
    options.recipient_access = {
        "bad@example.test 550 5.1.1 no such person", "worse@example.test 554 5.7.1 never",
        "busy@example.test 450 4.2.1 come back later", "closing@example.test 421 4.3.0 closing down"};
    options.header_checks = {"/^Subject: spam/ REJECT 5.7.1 no spam please",
                             "/^Subject: greylisted/ REJECT 4.7.1 not yet"};
    return options;
}

/** How a Postfix counted the commands of each session that had any, e.g. "ehlo=1 mail=1 rcpt=0/1 quit=1".

    @param count Waits until so many sessions have ended.
*/
std::vector<std::string> sessions(support::postfix const& server, std::size_t count)
{
    std::vector<std::string> found;
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

std::string only_session(support::postfix const& server) { return sessions(server, 1).front(); }

// Clients ---------------------------------------------------------------------------------------------------

/// The event loop of a test. It is declared before the clients that run on it.
class event_loop
{
public:
    template <class T>
    T run(posthorn::task<T> t)
    {
        auto result = posthorn::spawn(context, std::move(t), asio::use_future);
        context.restart();
        context.run();
        return result.get();
    }

    asio::io_context context{1};
};

/// What a client's events said, one line each, and what its protocol log said.
struct diary
{
    smtp::event_handler handler()
    {
        return [this](smtp::event const& e) {
            note(e);
            smtp::protocol_log([this](std::string_view line) { log.append(line).append("\n"); })(e);
            if (also)
                also(e);
        };
    }

    std::string                             events;
    std::string                             log;
    std::function<void(smtp::event const&)> also;

private:
    void note(smtp::event const& e)
    {
        if (std::holds_alternative<smtp::events::connected>(e))
            events += "connected";
        else if (auto const* secured = std::get_if<smtp::events::secured>(&e))
            events += secured->resumed ? "secured again" : "secured";
        else if (auto const* login = std::get_if<smtp::events::authenticated>(&e))
            events.append("authenticated ").append(login->mechanism);
        else if (auto const* command = std::get_if<smtp::events::command>(&e))
            events.append("command ").append(to_string(command->phase));
        else if (auto const* replied = std::get_if<smtp::events::replied>(&e))
            events.append("replied ").append(to_string(replied->phase)) +=
                ' ' + std::to_string(replied->reply.code());
        else if (std::holds_alternative<smtp::events::progress>(e))
            events += "progress";
        else if (auto const* finished = std::get_if<smtp::events::finished>(&e))
            events.append("finished ").append(to_string(finished->report.outcome()));
        else if (auto const* closed = std::get_if<smtp::events::closed>(&e))
            events += closed->reason ? "closed: " + closed->reason.message() : "closed";
        events += '\n';
    }
};

smtp::client_settings settings_for(std::uint16_t port, tls_mode tls, diary& d)
{
    smtp::client_settings settings;
    settings.server            = net::host_port("127.0.0.1", port);
    settings.tls               = tls;
    settings.session.ehlo_name = "client.test";
    settings.session.on_event  = d.handler();
    if (tls != tls_mode::none)
        settings.tls_settings.ca_file = authority().ca();
    return settings;
}

smtp::client_settings with_login(smtp::client_settings settings, std::string const& mechanism,
                                 char const* secret = password)
{
    settings.login              = {"alice", secret};
    settings.mechanisms.allowed = {mechanism};
    return settings;
}

// Messages --------------------------------------------------------------------------------------------------

std::string const& text = support::dotted_text;

smtp::message mail_from(std::shared_ptr<posthorn::source> content, std::string_view to = "alice@example.test")
{
    smtp::message mail;
    mail.envelope = smtp::envelope(sender, {to});
    mail.content  = std::move(content);
    return mail;
}

/// What SMTP delivers of a text: every line ends with CRLF.
std::string normalised(std::string_view sent)
{
    std::string out;
    for (std::size_t i = 0; i < sent.size(); ++i)
    {
        if (sent[i] != '\r' && sent[i] != '\n')
        {
            out += sent[i];
            continue;
        }
        out += "\r\n";
        if (sent[i] == '\r' && i + 1 < sent.size() && sent[i + 1] == '\n')
            ++i;
    }
    if (!out.empty() && out.back() != '\n')
        out += "\r\n";
    return out;
}

/// Empty if both are the same, else where they differ: nobody wants to read megabytes.
std::string difference(std::string_view a, std::string_view b)
{
    auto const [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (x == a.end() && y == b.end())
        return {};
    auto const at    = static_cast<std::size_t>(x - a.begin());
    auto const begin = at < 20 ? 0 : at - 20;
    return "sizes " + std::to_string(a.size()) + " and " + std::to_string(b.size()) + ", different at " +
           std::to_string(at) + ": \"" + posthorn::printable(a.substr(begin, 60)) + "\" and \"" +
           posthorn::printable(b.substr(begin, 60)) + '"';
}

/// The delivered messages of a mailbox without their traces, by their recipients as the client named them.
std::map<std::string, std::string> delivered(support::postfix const& server, std::string_view user,
                                             std::size_t count)
{
    std::map<std::string, std::string> found;
    for (auto const& stored : server.wait_for_mail(user, count))
    {
        auto mail = support::parse_delivered(stored);
        CHECK_MESSAGE(found.emplace(mail.original_to, mail.as_sent()).second, "twice: ", mail.original_to);
    }
    CHECK(found.size() == count);
    return found;
}

/** Sends one more message to a user: it must be the only one in the mailbox.

    What was accepted before would be there by then. */
void check_nothing_came_before(support::postfix const& server, std::string const& user)
{
    diary               d;
    event_loop          loop;
    smtp::client        client(settings_for(server.port(), tls_mode::none, d));
    smtp::message const last = mail_to({user + "+last@example.test"}, "Subject: the last\r\n\r\n");
    CHECK(loop.run(client.send(last)).all_accepted());
    loop.run(client.quit());
    auto const mails = server.wait_for_mail(user, 1);
    CHECK(mails.size() == 1);
    CHECK(support::parse_delivered(mails.front()).original_to == user + "+last@example.test");
}

/// A text in blocks whose sizes are taken from a list, again and again.
posthorn::async_generator<std::string> in_blocks(std::string whole, std::vector<std::size_t> sizes)
{
    std::size_t at = 0;
    for (std::size_t i = 0; at < whole.size(); ++i)
    {
        std::string block = whole.substr(at, sizes[i % sizes.size()]);
        at += block.size();
        co_yield std::move(block);
    }
}

/// Lines without end.
posthorn::async_generator<std::string> for_ever()
{
    std::string const line(62, 'x');
    std::string       block = "Subject: for ever\r\n\r\n";
    for (;;)
    {
        co_yield block;
        if (block.size() < 64 * 1024)
            for (block.clear(); block.size() < 64 * 1024;)
                block += line + "\r\n";
    }
}

/** Lines of letters, dots and octets above 127, with line ends of all kinds, none longer than 998 octets.

    @param word What stands between them: with a long one there are fewer lines, less work for the server.
*/
std::string noise(std::size_t size, unsigned seed, std::string_view word = "word")
{
    std::string_view const pieces[] = {".",  "..", "\r\n", "\n",   "\r", "\r\n.\r\n", "\n.\n", "x",
                                       "\t", " ",  word,   "\xe9", "=",  "\r\n..",    "\r.",   "From "};
    std::mt19937           random(seed);
    std::string            out  = "Subject: noise\r\n\r\n";
    std::size_t            line = 0;
    while (out.size() < size)
    {
        auto const piece = pieces[random() % std::size(pieces)];
        line             = piece.find_first_of("\r\n") == piece.npos ? line + piece.size() : 2;
        if (line > 900)
        {
            out += "\r\n";
            line = piece.size();
        }
        out += piece;
    }
    return out;
}

} // namespace

TEST_SUITE_BEGIN("live/smtp_postfix");

// ---- connections ------------------------------------------------------------------------------------------

TEST_CASE("a message goes in the clear where TLS is not asked for")
{
    support::postfix server(by_data());
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));

    auto const mail   = mail_to({"alice@example.test"});
    auto const report = loop.run(client.send(mail));
    CHECK(report.outcome() == smtp::overall::accepted);
    REQUIRE(report.recipients().size() == 1);
    CHECK(report.recipients()[0].address == "alice@example.test");
    CHECK(report.recipients()[0].outcome == disposition::accepted);
    CHECK(report.recipients()[0].phase == phase::content);
    CHECK(report.recipients()[0].code == 250);
    CHECK(report.recipients()[0].enhanced == smtp::enhanced_code{2, 0, 0});
    CHECK(report.final_reply().text().find("queued as ") != std::string::npos);
    CHECK(report.content_bytes() == text.size() + 2 + 3); // two stuffed dots and the final one
    CHECK(client.is_connected());
    CHECK_FALSE(client.current()->is_secure());
    loop.run(client.quit());

    auto const mails = server.wait_for_mail("alice");
    REQUIRE(mails.size() == 1);
    auto const got = support::parse_delivered(mails[0]);
    CHECK(got.return_path == sender);
    CHECK(got.as_sent() == text);
    REQUIRE(got.received.size() == 1);
    CHECK(got.received[0].find("from client.test") == 0);
    CHECK(got.received[0].find("with ESMTP id") != std::string::npos);
    CHECK(only_session(server) == "ehlo=1 mail=1 rcpt=1 data=1 quit=1");
}

TEST_CASE("TLS protects a connection in each of the modes that ask for it")
{
    support::postfix server(with_tls());
    diary            d;
    event_loop       loop;
    auto             settings = settings_for(server.port(), tls_mode::required, d);
    bool             verified = true;
    std::string      commands = "ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1";

    SUBCASE("required, by STARTTLS") {}
    SUBCASE("required, by STARTTLS, by the name of the host")
    {
        settings.server = net::host_port("localhost", server.port());
    }
    SUBCASE("required, by STARTTLS, with another name in the certificate")
    {
        settings.tls_host = "mail.example.test";
    }
    SUBCASE("implicit")
    {
        settings = settings_for(server.smtps_port(), tls_mode::implicit, d);
        commands = "ehlo=1 mail=1 rcpt=1 data=1 quit=1";
    }
    SUBCASE("implicit, by URL")
    {
        auto from_url = smtp::client_settings("smtps://localhost:" + std::to_string(server.smtps_port()));
        from_url.tls_settings = settings.tls_settings;
        from_url.session      = settings.session;
        settings              = from_url;
        commands              = "ehlo=1 mail=1 rcpt=1 data=1 quit=1";
    }
    SUBCASE("TLS 1.2, if nothing newer is allowed")
    {
        settings.tls_settings.maximum_version = net::tls_version::tls_1_2;
    }
    SUBCASE("opportunistic, without trust")
    {
        settings = settings_for(server.port(), tls_mode::opportunistic, d);
        settings.tls_settings.ca_file.clear();
        settings.tls_host = "somebody.else.test";
        verified          = false;
    }

    auto const expected =
        settings.tls_settings.maximum_version == net::tls_version::tls_1_2 ? "TLSv1.2" : "TLSv1.3";
    smtp::client client(settings);
    auto const   mail = mail_to({"alice@example.test"});
    CHECK(loop.run(client.send(mail)).all_accepted());
    REQUIRE(client.current() != nullptr);
    CHECK(client.current()->is_secure());
    CHECK(client.current()->stream().tls().version == expected);
    CHECK(client.current()->stream().tls().verified == verified);
    loop.run(client.quit());

    auto const mails = server.wait_for_mail("alice");
    REQUIRE(mails.size() == 1);
    auto const got = support::parse_delivered(mails[0]);
    CHECK(got.as_sent() == text);
    CHECK(got.received.at(0).find("with ESMTPS id") != std::string::npos);
    CHECK(got.received.at(0).find(expected) != std::string::npos);
    CHECK(only_session(server) == commands);
}

TEST_CASE("opportunistic TLS goes on in the clear where none is offered")
{
    support::postfix server(by_data());
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::opportunistic, d));
    auto const       mail = mail_to({"alice@example.test"});
    CHECK(loop.run(client.send(mail)).all_accepted());
    CHECK_FALSE(client.current()->is_secure());
    loop.run(client.quit());
    CHECK(support::parse_delivered(server.wait_for_mail("alice").at(0)).as_sent() == text);
    CHECK(only_session(server) == "ehlo=1 mail=1 rcpt=1 data=1 quit=1");
}

TEST_CASE("the second TLS connection resumes the session of the first")
{
    support::postfix server(with_tls());
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::required, d));
    auto const       mail = mail_to({"alice@example.test"});
    for (int i = 0; i < 2; ++i)
    {
        CHECK(loop.run(client.send(mail)).all_accepted());
        CHECK(client.current()->stream().tls().verified);
        loop.run(client.quit());
    }
    CHECK(d.events.find("secured\n") != std::string::npos);
    CHECK(d.events.find("secured again\n") > d.events.find("secured\n"));
    CHECK(d.events.find("secured again\n") != std::string::npos);
    CHECK(d.log.find("certificate verified, session resumed\n") != std::string::npos);
}

TEST_CASE("required TLS that is not offered ends the connection before anything is said")
{
    support::postfix server(without({"starttls"}));
    diary            d;
    event_loop       loop;
    smtp::client     client(with_login(settings_for(server.port(), tls_mode::required, d), "PLAIN"));
    auto const       mail = mail_to({"alice@example.test"});
    auto const       e    = thrown<smtp::session_error>([&] { loop.run(client.send(mail)); });
    REQUIRE(e);
    CHECK(e->code() == smtp::errc::tls_required_unavailable);
    CHECK(e->code() == condition::tls);
    CHECK(e->code() != condition::temporary);
    CHECK(e->phase() == phase::starttls);
    CHECK_FALSE(client.is_connected());
    CHECK(only_session(server) == "ehlo=1 quit=1");
}

TEST_CASE("a certificate that fails a check ends the connection, and the error names the check")
{
    support::certificates const  stranger;
    support::certificate_request request;
    auto                         options  = with_logins();
    bool                         trusted  = true;
    char const*                  host     = "localhost";
    net::tls_errc                expected = net::tls_errc::untrusted;
    std::vector<char const*>     said     = {"certificate at depth 0", "mail.example.test",
                                             "posthorn test authority"};

    SUBCASE("the authority is not trusted")
    {
        trusted = false;
        said.push_back("unable to get local issuer certificate");
        said.push_back("ca_file");
    }
    SUBCASE("it is for other hosts")
    {
        host     = "wrong.example.test";
        expected = net::tls_errc::host_name_mismatch;
        said.insert(said.end(),
                    {"it is for localhost, mail.example.test, 127.0.0.1", "not for wrong.example.test"});
    }
    SUBCASE("it has expired")
    {
        request.not_before = -std::chrono::hours(48);
        request.not_after  = -std::chrono::hours(24);
        options.tls        = authority().issue("expired", request);
        expected           = net::tls_errc::expired;
        said.push_back("it expired on ");
    }
    SUBCASE("it is not valid yet")
    {
        request.not_before = std::chrono::hours(24);
        options.tls        = authority().issue("future", request);
        expected           = net::tls_errc::not_yet_valid;
        said.push_back("it is valid from ");
    }

    support::postfix server(options);
    for (bool const implicit : {false, true})
    {
        CAPTURE(implicit);
        diary d;
        auto  settings    = implicit ? settings_for(server.smtps_port(), tls_mode::implicit, d)
                                     : settings_for(server.port(), tls_mode::required, d);
        settings.tls_host = host;
        if (!trusted)
            settings.tls_settings.ca_file = stranger.ca();
        event_loop   loop;
        smtp::client client(with_login(settings, "PLAIN"));
        auto const   mail = mail_to({"alice@example.test"});
        auto const   e    = thrown<smtp::session_error>([&] { loop.run(client.send(mail)); });
        REQUIRE(e);
        CHECK(e->code() == expected);
        CHECK(e->code() == condition::tls);
        CHECK(e->phase() == phase::tls);
        for (auto const* words : said)
            CHECK_MESSAGE(std::string_view(e->what()).find(words) != std::string_view::npos, words, " in ",
                          e->what());
        CHECK_FALSE(client.is_connected());
        CHECK_FALSE(tells_a_secret(d.log));
        CHECK(d.log.find("C: MAIL") == std::string::npos);
        CHECK(d.log.find("C: AUTH") == std::string::npos);
        CHECK(d.events.find("secured") == std::string::npos);
    }
    CHECK(only_session(server) == "ehlo=1 starttls=0/1");
    CHECK(server.log().find("status=sent") == std::string::npos);
}

TEST_CASE("implicit TLS on a port without it fails and says so")
{
    support::postfix server(by_data());
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::implicit, d));
    auto const       e = thrown<smtp::session_error>([&] { loop.run(client.connect()); });
    REQUIRE(e);
    CHECK(e->code() == net::tls_errc::not_tls);
    CHECK(e->code() == condition::tls);
    CHECK(e->phase() == phase::tls);
}

TEST_CASE("a port on which nobody listens is unreachable, and the error tells what was tried")
{
    diary      d;
    event_loop loop;
    auto const port = support::free_port();
    auto       s    = settings_for(port, tls_mode::none, d);
    s.server        = net::host_port("localhost", port);
    smtp::client client(s);
    auto const   mail = mail_to({"alice@example.test"});
    auto const   e    = thrown<posthorn::error>([&] { loop.run(client.send(mail)); });
    REQUIRE(e);
    CHECK(e->code() == condition::unreachable);
    CHECK(std::string_view(e->what()).find("127.0.0.1") != std::string_view::npos);
    CHECK(std::string_view(e->what()).find(std::to_string(port)) != std::string_view::npos);
    CHECK(d.events.empty());
}

TEST_CASE("nothing is written before the last line of a greeting that comes with a pause")
{
    auto options                  = by_data();
    options.postscreen_greet_wait = 1;
    support::postfix server(options);
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));
    auto const       mail  = mail_to({"alice@example.test"});
    auto const       begin = std::chrono::steady_clock::now();
    CHECK(loop.run(client.send(mail)).all_accepted());
    CHECK(std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(500));
    loop.run(client.quit());
    CHECK(server.wait_for_mail("alice").size() == 1);
    CHECK(server.log().find("PREGREET") == std::string::npos);
    CHECK(d.log.find("S: 220-mail.example.test ESMTP one moment please\n"
                     "S: 220 mail.example.test ESMTP Postfix\n"
                     "C: EHLO client.test\n") != std::string::npos);
}

TEST_CASE("quit ends a connection politely, once, and the next message opens another")
{
    support::postfix server(by_data());
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));
    loop.run(client.quit());
    CHECK(d.events.empty());
    loop.run(client.connect());
    CHECK(client.is_connected());
    loop.run(client.connect());
    loop.run(client.quit());
    CHECK_FALSE(client.is_connected());
    CHECK(client.current() == nullptr);
    loop.run(client.quit());
    CHECK(only_session(server) == "ehlo=1 quit=1");

    auto const mail = mail_to({"alice@example.test"});
    CHECK(loop.run(client.send(mail)).all_accepted());
    client.close();
    CHECK_FALSE(client.is_connected());
    CHECK(sessions(server, 2)[1] == "ehlo=1 mail=1 rcpt=1 data=1");
}

// ---- logins -----------------------------------------------------------------------------------------------

TEST_CASE("PLAIN and LOGIN log in under TLS, and the login may relay")
{
    support::postfix server(with_logins());
    for (auto const* mechanism : {"PLAIN", "LOGIN"})
        for (auto const mode : {tls_mode::required, tls_mode::implicit})
        {
            CAPTURE(mechanism);
            CAPTURE(static_cast<int>(mode));
            diary        d;
            event_loop   loop;
            auto const   port = mode == tls_mode::implicit ? server.smtps_port() : server.port();
            smtp::client client(with_login(settings_for(port, mode, d), mechanism));
            auto const   mail = mail_to({"someone@far.away.test"});
            CHECK(loop.run(client.send(mail)).all_accepted());
            CHECK(client.mechanism() == mechanism);
            loop.run(client.quit());

            auto const mails = server.wait_for_mail("relayed");
            REQUIRE(mails.size() == 1);
            CHECK(mails[0].find("(Authenticated sender: alice)") != std::string::npos);
            CHECK(support::parse_delivered(mails[0]).received.at(0).find("with ESMTPSA id") !=
                  std::string::npos);
            CHECK(support::parse_delivered(mails[0]).as_sent() == text);
            server.clear_mailbox("relayed");

            CHECK(d.log.find(std::string("C: AUTH ") + mechanism + (*mechanism == 'P' ? " ***\n" : "\n")) !=
                  std::string::npos);
            CHECK(d.log.find(std::string("*: authenticated with ") + mechanism + '\n') != std::string::npos);
            CHECK_FALSE(tells_a_secret(d.log));
        }
}

TEST_CASE("a wrong password is a refused login, and is told to nobody")
{
    support::postfix server(with_logins());
    std::size_t      count = 0;
    for (auto const* mechanism : {"PLAIN", "LOGIN"})
    {
        CAPTURE(mechanism);
        diary        d;
        event_loop   loop;
        smtp::client client(
            with_login(settings_for(server.port(), tls_mode::required, d), mechanism, wrong_password));
        auto const mail = mail_to({"alice@example.test"});
        auto const e    = thrown<smtp::session_error>([&] { loop.run(client.send(mail)); });
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::auth_failed);
        CHECK(e->code() == condition::authentication);
        CHECK(e->code() == condition::permanent);
        CHECK(e->phase() == phase::auth);
        REQUIRE(e->reply() != nullptr);
        CHECK(e->reply()->code() == 535);
        CHECK(std::string_view(e->what()).find("535 5.7.8") != std::string_view::npos);
        CHECK_FALSE(tells_a_secret(e->what()));
        CHECK_FALSE(tells_a_secret(d.log));
        CHECK_FALSE(tells_a_secret(d.events));
        CHECK(d.log.find("S: 535 5.7.8 ") != std::string::npos);
        CHECK_FALSE(client.is_connected());
        CHECK(sessions(server, ++count).back() == "ehlo=2 starttls=1 auth=0/1 quit=1");
    }
}

TEST_CASE("a password is never sent without TLS unless that is allowed")
{
    auto options               = with_logins();
    options.auth_only_with_tls = false;
    support::postfix server(options);
    diary            d;
    event_loop       loop;
    auto             settings   = settings_for(server.port(), tls_mode::none, d);
    settings.login              = {"alice", password};
    settings.mechanisms.allowed = {"PLAIN", "LOGIN"};
    auto const mail             = mail_to({"someone@far.away.test"});

    SUBCASE("it is not allowed")
    {
        smtp::client client(settings);
        auto const   e = thrown<smtp::session_error>([&] { loop.run(client.send(mail)); });
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::auth_unavailable);
        CHECK(e->code() == condition::authentication);
        CHECK(e->reply() == nullptr);
        CHECK(std::string_view(e->what()).find("use TLS") != std::string_view::npos);
        CHECK(std::string_view(e->what()).find("PLAIN LOGIN") != std::string_view::npos);
        CHECK(only_session(server) == "ehlo=1 quit=1");
    }
    SUBCASE("it is allowed")
    {
        settings.mechanisms.allow_plaintext = true;
        smtp::client client(settings);
        CHECK(loop.run(client.send(mail)).all_accepted());
        loop.run(client.quit());
        CHECK(only_session(server) == "ehlo=1 auth=1 mail=1 rcpt=1 data=1 quit=1");
    }
    CHECK_FALSE(tells_a_secret(d.log));
}

TEST_CASE("a login where none is offered fails without a command")
{
    auto options               = with_logins();
    options.auth_only_with_tls = true;
    support::postfix server(options);
    diary            d;
    event_loop       loop;
    auto             settings           = with_login(settings_for(server.port(), tls_mode::none, d), "PLAIN");
    settings.mechanisms.allow_plaintext = true;
    smtp::client client(settings);
    auto const   e = thrown<smtp::session_error>([&] { loop.run(client.connect()); });
    REQUIRE(e);
    CHECK(e->code() == smtp::errc::auth_unavailable);
    CHECK(std::string_view(e->what()).find("the server offers: none") != std::string_view::npos);
    CHECK(std::string_view(e->what()).find("only after STARTTLS") != std::string_view::npos);
    CHECK(only_session(server) == "ehlo=1 quit=1");
}

TEST_CASE("a login that cannot be checked now is temporary")
{
    support::dovecot mine(account_options());
    auto             options = with_tls();
    options.sasl_socket      = mine.auth_socket();
    support::postfix server(options);
    diary            d;
    d.also = [&](smtp::event const& e) {
        auto const* command = std::get_if<smtp::events::command>(&e);
        if (command != nullptr && command->phase == phase::auth)
            mine.stop();
    };
    event_loop   loop;
    smtp::client client(with_login(settings_for(server.port(), tls_mode::required, d), "PLAIN"));
    auto const   e = thrown<smtp::session_error>([&] { loop.run(client.connect()); });
    REQUIRE(e);
    CHECK(e->code() == smtp::errc::auth_temporary);
    CHECK(e->code() == condition::authentication);
    CHECK(e->code() == condition::temporary);
    CHECK(e->code() != condition::permanent);
    CHECK_FALSE(tells_a_secret(d.log));
}

TEST_CASE("a server that wants a login first refuses the recipients, not the message")
{
    auto options    = with_logins();
    options.main_cf = {{"smtpd_recipient_restrictions", "permit_sasl_authenticated, reject"}};
    support::postfix server(options);
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::required, d));
    auto const       mail   = mail_to({"alice@example.test"});
    auto const       report = loop.run(client.send(mail));
    CHECK(report.outcome() == smtp::overall::refused);
    CHECK(report.recipients()[0].code == 554);
    loop.run(client.quit());
    CHECK(only_session(server) == "ehlo=2 starttls=1 mail=1 rcpt=0/1 data=0/1 quit=1");
}

// ---- recipients -------------------------------------------------------------------------------------------

TEST_CASE("the report of three recipients is exact when one is refused")
{
    support::postfix   server(picky());
    diary              d;
    event_loop         loop;
    smtp::client       client(settings_for(server.port(), tls_mode::none, d));
    auto const         mail = mail_to({"alice@example.test", "bad@example.test", "carol@example.test"});
    smtp::send_options options;
    bool               sent = true;
    SUBCASE("each: nothing is an error") { options.policy = smtp::recipient_policy::each; }
    SUBCASE("at least one: two are enough") { options.policy = smtp::recipient_policy::at_least_one; }
    SUBCASE("all or nothing: nobody gets it")
    {
        options.policy = smtp::recipient_policy::all_or_nothing;
        sent           = false;
    }

    for (bool const pipelining : {true, false})
    {
        CAPTURE(pipelining);
        options.pipelining = pipelining;

        smtp::report report;
        auto const   e = thrown<smtp::send_error>([&] { loop.run(client.send(mail, options, report)); });
        CHECK(e.has_value() != sent);
        if (e)
        {
            CHECK(e->code() == smtp::errc::not_all_accepted);
            CHECK(e->report().describe() == report.describe());
            CHECK(report.outcome() == smtp::overall::not_sent);
            CHECK(report.final_reply().empty());
        }
        else
        {
            CHECK(report.outcome() == smtp::overall::partial);
            CHECK(report.accepted() == 2);
            CHECK(report.final_reply().code() == 250);
        }

        REQUIRE(report.recipients().size() == 3);
        for (std::size_t const i : {0U, 2U})
        {
            auto const& one = report.recipients()[i];
            CHECK(one.address == (i == 0 ? "alice@example.test" : "carol@example.test"));
            CHECK(one.outcome == (sent ? disposition::accepted : disposition::not_sent));
            CHECK(one.phase == (sent ? phase::content : phase::rcpt));
            CHECK(one.code == (sent ? 250 : 0));
            if (!sent)
                CHECK(one.text.find("all or nothing") != std::string::npos);
        }
        auto const& bad = report.recipients()[1];
        CHECK(bad.address == "bad@example.test");
        CHECK(bad.outcome == disposition::refused_permanently);
        CHECK(bad.phase == phase::rcpt);
        CHECK(bad.code == 550);
        CHECK(bad.enhanced == smtp::enhanced_code{5, 1, 1});
        CHECK(bad.text == "<bad@example.test>: Recipient address rejected: no such person");
        CHECK(client.is_connected());
    }
    loop.run(client.quit());

    if (sent)
    {
        for (auto const* user : {"alice", "carol"})
            for (auto const& mail_of : server.wait_for_mail(user, 2))
                CHECK(support::parse_delivered(mail_of).as_sent() == text);
        CHECK(only_session(server) == "ehlo=1 mail=2 rcpt=4/6 data=2 quit=1");
    }
    else
    {
        // The transaction that came to nothing is ended by RSET before the next, and never by DATA.
        CHECK(only_session(server) == "ehlo=1 mail=2 rcpt=4/6 rset=1 quit=1");
        check_nothing_came_before(server, "alice");
        check_nothing_came_before(server, "carol");
    }
}

TEST_CASE("where every recipient is refused nothing is sent, and the session goes on")
{
    support::postfix   server(picky());
    diary              d;
    event_loop         loop;
    smtp::client       client(settings_for(server.port(), tls_mode::none, d));
    smtp::send_options options;
    smtp::report       report;
    auto               mail = mail_to({"bad@example.test", "worse@example.test"});

    SUBCASE("for good")
    {
        loop.run(client.send(mail, options, report));
        CHECK(report.outcome() == smtp::overall::refused);
        CHECK(
            report.describe() ==
            "bad@example.test: refused_permanently (rcpt 550 5.1.1 <bad@example.test>: Recipient address "
            "rejected: no such person)\n"
            "worse@example.test: refused_permanently (rcpt 554 5.7.1 <worse@example.test>: Recipient address "
            "rejected: never)\n");

        options.policy = smtp::recipient_policy::at_least_one;
        auto const e   = thrown<smtp::send_error>([&] { loop.run(client.send(mail, options, report)); });
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::all_refused);
        CHECK(e->code() == condition::permanent);
        CHECK(std::string_view(e->what()).find("no such person") != std::string_view::npos);
    }
    SUBCASE("for now")
    {
        mail = mail_to({"busy@example.test", "busy@example.test"});
        loop.run(client.send(mail, options, report));
        CHECK(report.outcome() == smtp::overall::temporary);
        CHECK(report.count(disposition::refused_temporarily) == 2);
        CHECK(report.recipients()[0].phase == phase::rcpt);
        CHECK(report.recipients()[0].code == 450);
        CHECK(report.recipients()[0].enhanced == smtp::enhanced_code{4, 2, 1});
        CHECK(report.recipients()[0].text ==
              "<busy@example.test>: Recipient address rejected: come back later");

        options.policy = smtp::recipient_policy::at_least_one;
        auto const e   = thrown<smtp::send_error>([&] { loop.run(client.send(mail, options, report)); });
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::all_deferred);
        CHECK(e->code() == condition::temporary);
    }
    SUBCASE("some for good and some for now: later there is hope")
    {
        mail = mail_to({"bad@example.test", "busy@example.test"});
        loop.run(client.send(mail, options, report));
        CHECK(report.outcome() == smtp::overall::temporary);
        options.policy = smtp::recipient_policy::at_least_one;
        auto const e   = thrown<smtp::send_error>([&] { loop.run(client.send(mail, options, report)); });
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::all_deferred);
    }

    auto const good = mail_to({"alice@example.test"});
    CHECK(loop.run(client.send(good)).all_accepted());
    CHECK(loop.run(client.send(good)).all_accepted());
    loop.run(client.quit());
    CHECK(server.wait_for_mail("alice", 2).size() == 2);
    // Pipelined DATA is refused by the server; a transaction that is still open is ended by RSET first.
    CHECK(only_session(server) == "ehlo=1 mail=4 rcpt=2/6 data=2/4 rset=2 quit=1");
}

TEST_CASE(
    "a server that closes at RCPT leaves the others not sent, and the next message opens a new connection")
{
    support::postfix server(picky());
    for (bool const pipelining : {true, false})
    {
        CAPTURE(pipelining);
        diary              d;
        event_loop         loop;
        smtp::client       client(settings_for(server.port(), tls_mode::none, d));
        smtp::send_options options;
        options.pipelining = pipelining;
        auto const mail    = mail_to({"alice@example.test", "closing@example.test", "carol@example.test"});
        auto const report  = loop.run(client.send(mail, options));
        CHECK(report.outcome() == smtp::overall::temporary);
        CHECK(report.recipients()[0].outcome == disposition::not_sent);
        CHECK(report.recipients()[0].phase == phase::rcpt);
        CHECK(report.recipients()[1].outcome == disposition::refused_temporarily);
        CHECK(report.recipients()[1].code == 421);
        CHECK(report.recipients()[1].enhanced == smtp::enhanced_code{4, 3, 0});
        CHECK(report.recipients()[2].outcome == disposition::not_sent);
        CHECK(report.final_reply().empty());
        CHECK_FALSE(client.is_connected());
        CHECK(d.events.substr(d.events.rfind("closed")).find("closed: the server closes the connection") ==
              0);

        options.policy = smtp::recipient_policy::at_least_one;
        auto const e   = thrown<smtp::send_error>([&] { loop.run(client.send(mail, options)); });
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::all_deferred);
        CHECK(e->code() == condition::temporary);

        auto const good = mail_to({"bob@example.test"});
        CHECK(loop.run(client.send(good)).all_accepted());
        loop.run(client.quit());
    }
    CHECK(server.wait_for_mail("bob", 2).size() == 2);
    check_nothing_came_before(server, "alice");
    check_nothing_came_before(server, "carol");
}

TEST_CASE("a message that is refused after its data was refused for everybody")
{
    support::postfix   server(picky());
    diary              d;
    event_loop         loop;
    smtp::client       client(settings_for(server.port(), tls_mode::none, d));
    smtp::send_options options;
    smtp::report       report;
    bool               temporary = false;
    SUBCASE("for good") {}
    SUBCASE("for now") { temporary = true; }

    auto const mail = mail_to({"alice@example.test", "bad@example.test", "carol@example.test"},
                              temporary ? "Subject: greylisted\r\n\r\n" : "Subject: spam\r\n\r\n");
    loop.run(client.send(mail, options, report));
    CHECK(report.outcome() == (temporary ? smtp::overall::temporary : smtp::overall::refused));
    CHECK(report.final_reply().code() == (temporary ? 451 : 550));
    for (std::size_t const i : {0U, 2U})
    {
        auto const& one = report.recipients()[i];
        CHECK(one.outcome ==
              (temporary ? disposition::refused_temporarily : disposition::refused_permanently));
        CHECK(one.phase == phase::content);
        CHECK(one.code == (temporary ? 451 : 550));
        CHECK(one.enhanced == smtp::enhanced_code{temporary ? 4 : 5, 7, 1});
        CHECK(one.text == (temporary ? "not yet" : "no spam please"));
    }
    CHECK(report.recipients()[1].phase == phase::rcpt);
    CHECK(report.recipients()[1].enhanced == smtp::enhanced_code{5, 1, 1});

    options.policy = smtp::recipient_policy::at_least_one;
    auto const e   = thrown<smtp::send_error>([&] { loop.run(client.send(mail, options, report)); });
    REQUIRE(e);
    CHECK(e->code() == (temporary ? smtp::errc::message_deferred : smtp::errc::message_refused));
    CHECK(e->reply() != nullptr);

    // A refused message may leave its transaction open, see live/smtp_extensions: RSET goes before the next.
    auto const good = mail_to({"bob@example.test"});
    CHECK(loop.run(client.send(good)).all_accepted());
    loop.run(client.quit());
    CHECK(only_session(server) == "ehlo=1 mail=3 rcpt=5/7 data=1/3 rset=2 quit=1");
    CHECK(support::parse_delivered(server.wait_for_mail("bob").at(0)).as_sent() == text);
    check_nothing_came_before(server, "alice");
}

TEST_CASE("several hundred recipients go in one flight, and each has its own outcome")
{
    support::postfix server(by_data());
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));
    smtp::message    mail = mail_to({});
    int const        all  = 400;
    for (int i = 0; i < all; ++i)
        mail.envelope.add((i % 10 == 0 ? "bob+number-" : "unknown.person.") + std::to_string(i) +
                          "@example.test");
    auto const report = loop.run(client.send(mail));
    CHECK(report.outcome() == smtp::overall::partial);
    CHECK(report.round_trips() == 2);
    REQUIRE(report.recipients().size() == all);
    for (std::size_t i = 0; i < all; ++i)
    {
        auto const& one  = report.recipients()[i];
        bool const  good = i % 10 == 0;
        CHECK(one.outcome == (good ? disposition::accepted : disposition::refused_permanently));
        CHECK(one.address == mail.envelope.recipients[i].address.view());
        CHECK(one.code == (good ? 250 : 550));
        if (!good)
            CHECK(one.text.find("<unknown.person." + std::to_string(i) + "@example.test>") == 0);
    }
    loop.run(client.quit());
    CHECK(delivered(server, "bob", all / 10).count("bob+number-390@example.test") == 1);
    CHECK(only_session(server) == "ehlo=1 mail=1 rcpt=40/400 data=1 quit=1");
}

TEST_CASE("pipelining saves the round trips and changes nothing else")
{
    support::postfix with(by_data());
    support::postfix bare(without({"pipelining"}));
    auto const       mail =
        mail_to({"alice@example.test", "bob@example.test", "carol@example.test", "alice+2@example.test"});

    auto const send = [&](support::postfix const& server, bool pipelining) {
        diary              d;
        event_loop         loop;
        smtp::client       client(settings_for(server.port(), tls_mode::none, d));
        smtp::send_options options;
        options.pipelining = pipelining;
        loop.run(client.connect());
        auto const writes = client.current()->stream().counters().writes;
        auto       report = loop.run(client.send(mail, options));
        CHECK(report.all_accepted());
        CHECK(client.current()->stream().counters().writes - writes == report.round_trips());
        loop.run(client.quit());
        return report.round_trips();
    };
    CHECK(send(with, true) == 2); // MAIL, RCPT x 4, DATA; the content
    CHECK(send(with, false) == 1 + 4 + 1 + 1);
    CHECK(send(bare, true) == 1 + 4 + 1 + 1);
    for (auto const* server : {&with, &bare})
        for (auto const& session : sessions(*server, server == &with ? 2 : 1))
            CHECK(session == "ehlo=1 mail=1 rcpt=4 data=1 quit=1");
}

// ---- sizes ------------------------------------------------------------------------------------------------

TEST_CASE(
    "a message larger than the server takes is refused before anything is sent, where that can be known")
{
    auto options               = by_data();
    options.message_size_limit = 5000;
    std::string const big      = "Subject: big\r\n\r\n" + std::string(998, 'x') + "\r\n" + [] {
        std::string lines;
        for (int i = 0; i < 100; ++i)
            lines += "0123456789012345678901234567890123456789\r\n";
        return lines;
    }();
    REQUIRE(big.size() > 5000);
    auto mail      = mail_to({"alice@example.test"}, big);
    bool announced = true;
    int  code      = 0;
    SUBCASE("SIZE is announced and the size is known") {}
    SUBCASE("SIZE is announced and the size of a generator is known")
    {
        mail = mail_from(std::make_shared<posthorn::generator_source>(in_blocks(big, {100}), big.size()));
    }
    SUBCASE("SIZE is not announced")
    {
        announced = false;
        options.discard_ehlo_keywords.push_back("size");
        code = 552;
    }
    SUBCASE("the size is not known")
    {
        mail = mail_from(std::make_shared<posthorn::generator_source>(in_blocks(big, {100})));
        code = 552;
    }

    support::postfix   server(options);
    diary              d;
    event_loop         loop;
    smtp::client       client(settings_for(server.port(), tls_mode::none, d));
    smtp::report       report;
    smtp::send_options how;
    auto const         e = thrown<smtp::send_error>([&] { loop.run(client.send(mail, how, report)); });
    if (code == 0)
    {
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::message_too_big);
        CHECK(e->code() == condition::permanent);
        CHECK(e->phase() == phase::prepare);
        CHECK(report.outcome() == smtp::overall::not_sent);
        CHECK(report.recipients()[0].phase == phase::prepare);
        CHECK(report.content_bytes() == 0);
        CHECK(report.round_trips() == 0);
    }
    else
    {
        CHECK_FALSE(e);
        CHECK(report.outcome() == smtp::overall::refused);
        CHECK(report.recipients()[0].phase == phase::content);
        CHECK(report.recipients()[0].code == code);
        CHECK(report.recipients()[0].enhanced == smtp::enhanced_code{5, 3, 4});
    }

    // The session goes on in either case.
    CHECK(client.is_connected());
    auto const small = mail_to({"bob@example.test"});
    CHECK(loop.run(client.send(small)).all_accepted());
    loop.run(client.quit());
    CHECK(server.wait_for_mail("bob").size() == 1);
    CHECK(only_session(server) ==
          (code == 0 ? "ehlo=1 mail=1 rcpt=1 data=1 quit=1" : "ehlo=1 mail=2 rcpt=2 data=1/2 rset=1 quit=1"));
    CHECK((d.log.find(" SIZE=") != std::string::npos) == announced);
    CHECK(server.mailbox("alice").empty());
}

TEST_CASE("a refused MAIL is reset, because Postfix takes no other before that")
{
    auto options               = by_data();
    options.message_size_limit = 5000;
    support::postfix server(options);
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));
    for (bool const pipelining : {true, false})
    {
        CAPTURE(pipelining);
        smtp::send_options how;
        how.pipelining = pipelining;
        // Claims another size than the one that was checked.
        smtp::message claim =
            mail_from(std::make_shared<posthorn::generator_source>(in_blocks(text, {text.size()})));
        claim.envelope.add("bob@example.test");
        claim.envelope.parameters.extra.emplace_back("SIZE", "6000");
        auto const report = loop.run(client.send(claim, how));
        CHECK(report.outcome() == smtp::overall::refused);
        for (auto const& one : report.recipients())
        {
            CHECK(one.outcome == disposition::refused_permanently);
            CHECK(one.phase == phase::mail);
            CHECK(one.code == 552);
            CHECK(one.enhanced == smtp::enhanced_code{5, 3, 4});
        }
        auto const good = mail_to({"alice@example.test"});
        CHECK(loop.run(client.send(good, how)).all_accepted());
    }
    loop.run(client.quit());
    CHECK(server.wait_for_mail("alice", 2).size() == 2);
    CHECK(server.mailbox("bob").empty());
    CHECK(only_session(server).find("rset=2 quit=1") != std::string::npos);
}

// ---- content ----------------------------------------------------------------------------------------------

TEST_CASE("content of every kind arrives byte for byte, from every kind of source")
{
    std::string all_octets = "Subject: all octets\r\n\r\n";
    for (int c = 1; c < 256; ++c)
        if (c != '\r' && c != '\n')
            all_octets += static_cast<char>(c);
    std::string const subject = "Subject: x\r\n\r\n";

    std::vector<std::pair<char const*, std::string>> const contents = {
        {"a dot as the very first octet", ".Dotted: header\r\nSubject: x\r\n\r\nbody\r\n"},
        {"lone dots", subject + ".\r\n.\r\n..\r\n...\r\n.\r\n.\r\n"},
        {"the end of DATA in the middle",
         subject + "before\r\n.\r\nMAIL FROM:<evil@elsewhere.test>\r\nQUIT\r\n"},
        {"a line full of dots", subject + std::string(998, '.') + "\r\n." + std::string(997, '.')},
        {"many dots",
         [&] {
             std::string lines = subject;
             for (int i = 0; i < 3000; ++i)
                 lines += ".\n..x\n";
             return lines;
         }()},
        {"bare line feeds", "Subject: x\n\none\n.\n\n.two\n"},
        {"bare carriage returns", "Subject: x\r\rone\r.\r\r.two\r"},
        {"all line ends at once", "Subject: x\r\n\ra\nb\rc\r\nd\n\re\r\r\nf\n\n\r\r\r\n.\n.\r.\r\n"},
        {"no end of the last line", subject + "last"},
        {"no end of the last line, which is a dot", subject + "."},
        {"an end that is a carriage return", subject + "last\r"},
        {"an empty body", subject},
        {"a long line", subject + std::string(998, 'a') + "\r\n" + std::string(998, '\xe4') + "\r\nb\r\n"},
        {"UTF-8", subject + "caf\xc3\xa9\r\n"},
        {"all octets", all_octets},
        {"small noise", noise(5000, 1)},
        {"noise around a block", noise(64 * 1024 - 3, 2)},
        {"noise of 100 KiB", noise(100 * 1024, 3)},
    };

    support::postfix        server(by_data());
    support::temp_dir const files("content");
    diary                   d;
    event_loop              loop;
    smtp::client            client(settings_for(server.port(), tls_mode::none, d));

    std::map<std::string, std::string> expected;
    std::size_t                        number = 0;
    auto const send = [&](std::shared_ptr<posthorn::source> source, std::string const& content) {
        std::string const to     = "alice+" + std::to_string(number++) + "@example.test";
        auto const        mail   = mail_from(std::move(source), to);
        auto const        report = loop.run(client.send(mail));
        CHECK_MESSAGE(report.all_accepted(), report.describe());
        CHECK(report.round_trips() == 2);
        expected[to] = normalised(content);
    };
    for (auto const& [name, content] : contents)
    {
        CAPTURE(name);
        send(std::make_shared<posthorn::memory_source>(content), content);
        auto const file = files / std::to_string(number);
        support::write_file(file, content);
        send(std::make_shared<posthorn::file_source>(file), content);
        for (std::vector<std::size_t> const& sizes :
             {std::vector<std::size_t>{1}, {2, 1, 0, 3, 1}, {64, 0, 63, 65, 127, 1}, {16383, 16385, 5}})
            send(std::make_shared<posthorn::generator_source>(in_blocks(content, sizes)), content);
    }
    loop.run(client.quit());

    auto const got = delivered(server, "alice", expected.size());
    for (auto const& [to, content] : expected)
    {
        auto const i = static_cast<std::size_t>(std::stoi(to.substr(6))) / 6;
        CHECK_MESSAGE(difference(got.at(to), content).empty(), contents[i].first, ", ", to, ": ",
                      difference(got.at(to), content));
    }
    auto const n = std::to_string(expected.size());
    CHECK(only_session(server) == "ehlo=1 mail=" + n + " rcpt=" + n + " data=" + n + " quit=1");
}

TEST_CASE("messages of 5 MB arrive byte for byte, in the clear and under TLS")
{
    support::postfix        server(with_tls());
    support::temp_dir const files("large");
    std::string const       content = noise(5'000'000, 4, std::string(700, 'w'));
    support::write_file(files / "message", content);

    std::map<std::string, std::string> expected;
    for (auto const mode : {tls_mode::none, tls_mode::required})
        for (int kind = 0; kind < 3; ++kind)
        {
            std::shared_ptr<posthorn::source> source;
            if (kind == 0)
                source = std::make_shared<posthorn::memory_source>(content);
            else if (kind == 1)
                source = std::make_shared<posthorn::file_source>(files / "message");
            else
                source = std::make_shared<posthorn::generator_source>(
                    in_blocks(content, {70'001, 1, 12'345, 0, 333}));
            std::string const to =
                "alice+" + std::to_string(kind) + (mode == tls_mode::none ? "" : "-tls") + "@example.test";
            diary        d;
            event_loop   loop;
            smtp::client client(settings_for(server.port(), mode, d));
            auto const   mail   = mail_from(source, to);
            auto const   report = loop.run(client.send(mail));
            CHECK(report.all_accepted());
            CHECK(report.content_bytes() > content.size());
            CHECK(report.round_trips() == 2);
            loop.run(client.quit());
            expected[to] = normalised(content);
        }
    auto const got = delivered(server, "alice", expected.size());
    for (auto const& [to, what] : expected)
        CHECK_MESSAGE(difference(got.at(to), what).empty(), to, ": ", difference(got.at(to), what));
}

TEST_CASE("a message without any content is a message all the same")
{
    support::postfix server(by_data());
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));
    auto const       nothing = mail_to({"alice@example.test"}, "");
    auto const       blocks =
        mail_from(std::make_shared<posthorn::generator_source>(in_blocks("", {1})), "bob@example.test");
    for (auto const* mail : {&nothing, &blocks})
    {
        auto const report = loop.run(client.send(*mail));
        CHECK(report.all_accepted());
        CHECK(report.content_bytes() == 3);
    }
    CHECK(support::below_trace(server.wait_for_mail("alice").at(0)).size() <= 1); // Postfix ends the header
    CHECK(support::below_trace(server.wait_for_mail("bob").at(0)).size() <= 1);
}

TEST_CASE("content that SMTP cannot carry is refused before anything is sent, if it is in memory")
{
    auto               options = by_data();
    smtp::send_options how;
    std::string        content;
    smtp::errc         expected = smtp::errc::line_length;
    SUBCASE("a line of 999 octets") { content = "Subject: x\r\n\r\n" + std::string(999, 'x') + "\r\n"; }
    SUBCASE("a last line of 999 octets") { content = "Subject: x\r\n\r\n" + std::string(999, 'x'); }
    SUBCASE("a NUL")
    {
        content  = std::string("Subject: x\r\n\r\na\0b\r\n", 20);
        expected = smtp::errc::binary_refused;
    }
    SUBCASE("8-bit octets without 8BITMIME")
    {
        options  = without({"8bitmime"});
        content  = "Subject: x\r\n\r\ncaf\xc3\xa9\r\n";
        expected = smtp::errc::eight_bit_refused;
    }
    SUBCASE("a bare line feed, if they are not to be changed")
    {
        content     = "Subject: x\r\n\r\na\nb\r\n";
        how.endings = smtp::line_endings::strict;
        expected    = smtp::errc::bare_line_ending;
    }

    support::postfix server(options);
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));
    auto const       mail = mail_to({"alice@example.test"}, content);
    auto const       e    = thrown<smtp::send_error>([&] { loop.run(client.send(mail, how)); });
    REQUIRE(e);
    CHECK(e->code() == expected);
    CHECK(e->code() == condition::permanent);
    CHECK(e->phase() == phase::prepare);
    CHECK(e->report().outcome() == smtp::overall::not_sent);
    CHECK(e->report().recipients()[0].phase == phase::prepare);
    CHECK(client.is_connected());

    // What comes in blocks is found out in the middle: then the connection ends before the content does.
    auto const blocks = mail_from(std::make_shared<posthorn::generator_source>(in_blocks(content, {7})));
    auto const late   = thrown<smtp::send_error>([&] { loop.run(client.send(blocks, how)); });
    REQUIRE(late);
    CHECK(late->code() == expected);
    CHECK(late->phase() == phase::content);
    CHECK(late->report().outcome() == smtp::overall::not_sent);
    CHECK_FALSE(client.is_connected());
    CHECK(only_session(server) == "ehlo=1 mail=1 rcpt=1 data=0/1");
    check_nothing_came_before(server, "alice");
}

TEST_CASE("lines of any length are sent if that is asked for")
{
    support::postfix   server(by_data());
    diary              d;
    event_loop         loop;
    smtp::client       client(settings_for(server.port(), tls_mode::none, d));
    smtp::send_options how;
    how.max_line = 0;
    std::string const content =
        "Subject: x\r\n\r\n" + std::string(100'000, 'x') + "\r\n." + std::string(5000, 'y') + "\r\n";
    auto const mail = mail_to({"alice@example.test"}, content);
    CHECK(loop.run(client.send(mail, how)).all_accepted());
    CHECK(
        difference(support::parse_delivered(server.wait_for_mail("alice").at(0)).as_sent(), content).empty());
}

TEST_CASE("8-bit content is announced where the server can be told, and only if there is any")
{
    support::postfix server(by_data());
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));
    auto const       ascii = mail_to({"alice@example.test"});
    auto const       eight = mail_to({"alice@example.test"}, "Subject: x\r\n\r\ncaf\xc3\xa9\r\n");
    CHECK(loop.run(client.send(ascii)).all_accepted());
    CHECK(d.log.find("BODY=") == std::string::npos);
    CHECK(loop.run(client.send(eight)).all_accepted());
    CHECK(d.log.find("C: MAIL FROM:<sender@elsewhere.test> SIZE=21 BODY=8BITMIME\n") != std::string::npos);
}

// ---- addresses and parameters -----------------------------------------------------------------------------

TEST_CASE("an address beyond ASCII is sent where SMTPUTF8 is offered, and nowhere else")
{
    auto options      = by_data();
    options.mailboxes = {"alice", "gr\xc3\xbcn"};
    bool offered      = true;
    SUBCASE("offered") {}
    SUBCASE("not offered")
    {
        options.discard_ehlo_keywords.push_back("smtputf8");
        offered = false;
    }
    support::postfix server(options);
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));
    auto const       mail   = mail_to({"alice@example.test", "gr\xc3\xbcn@example.test"});
    auto const       report = loop.run(client.send(mail));
    if (!offered)
    {
        // Whom it cannot be sent to is refused, and the others get it.
        CHECK(report.outcome() == smtp::overall::partial);
        CHECK(report.recipients()[0].accepted());
        CHECK(report.recipients()[1].outcome == disposition::refused_permanently);
        CHECK(report.recipients()[1].phase == phase::prepare);
        CHECK(report.recipients()[1].enhanced == smtp::enhanced_code{5, 6, 7});
        CHECK(report.recipients()[1].text.find("SMTPUTF8") != std::string::npos);
        smtp::send_options all;
        all.policy   = smtp::recipient_policy::all_or_nothing;
        auto const e = thrown<smtp::send_error>([&] { loop.run(client.send(mail, all)); });
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::smtputf8_required);
        CHECK(e->report().accepted() == 0);
        CHECK(client.is_connected());
        loop.run(client.quit());
        CHECK(server.wait_for_mail("alice").size() == 1);
        CHECK(d.log.find("SMTPUTF8") == std::string::npos);
        CHECK(only_session(server) == "ehlo=1 mail=1 rcpt=1 data=1 quit=1");
        return;
    }
    CHECK(report.all_accepted());
    CHECK(d.log.find("SMTPUTF8\nC: RCPT TO:<alice@example.test>\nC: RCPT TO:<gr\xc3\xbcn@example.test>\n") !=
          std::string::npos);
    CHECK(support::parse_delivered(server.wait_for_mail("gr\xc3\xbcn").at(0)).as_sent() == text);
    CHECK(support::parse_delivered(server.wait_for_mail("alice").at(0))
              .received.at(0)
              .find("with UTF8SMTP id") != std::string::npos);
}

TEST_CASE("the parameters for delivery reports reach the server that offers them, and no other")
{
    smtp::message mail                               = mail_to({"alice@example.test"});
    mail.envelope.parameters.ret                     = smtp::return_content::headers;
    mail.envelope.parameters.envid                   = "id+1=2";
    mail.envelope.recipients[0].parameters.notify_on = smtp::notify::success | smtp::notify::failure;
    mail.envelope.recipients[0].parameters.orcpt.emplace("somebody@else.test");

    auto options    = by_data();
    options.main_cf = {{"mynetworks", "127.0.0.0/8"}};
    support::postfix knows(options);
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(knows.port(), tls_mode::none, d));
    CHECK(loop.run(client.send(mail)).all_accepted());
    // The report of success comes back to the sender, whose mail Postfix keeps.
    auto const answer = knows.wait_for_mail("relayed").at(0);
    CHECK(answer.find("Original-Envelope-Id: id+1=2\n") != std::string::npos);
    CHECK(answer.find("Original-Recipient: rfc822;somebody@else.test\n") != std::string::npos);
    CHECK(answer.find("Action: delivered\n") != std::string::npos);
    CHECK(answer.find("last line") == std::string::npos);

    support::postfix bare(without({"dsn"}));
    smtp::client     other(settings_for(bare.port(), tls_mode::none, d));
    auto const       e = thrown<smtp::send_error>([&] { loop.run(other.send(mail)); });
    REQUIRE(e);
    CHECK(e->code() == smtp::errc::extension_missing);
    CHECK(std::string_view(e->what()).find("DSN") != std::string_view::npos);
    loop.run(other.quit());
    CHECK(only_session(bare) == "ehlo=1 quit=1");
}

TEST_CASE("the null sender is a sender")
{
    support::postfix    server(by_data());
    diary               d;
    event_loop          loop;
    smtp::client        client(settings_for(server.port(), tls_mode::none, d));
    smtp::message const mail("", {"alice@example.test"}, text);
    CHECK(loop.run(client.send(mail)).all_accepted());
    CHECK(d.log.find("C: MAIL FROM:<> ") != std::string::npos);
    CHECK(support::parse_delivered(server.wait_for_mail("alice").at(0)).return_path.empty());
}

// ---- sessions ---------------------------------------------------------------------------------------------

TEST_CASE("many messages share one session, and a report that is used again tells of the last one only")
{
    support::postfix         server(with_logins());
    diary                    d;
    event_loop               loop;
    smtp::client             client(with_login(settings_for(server.port(), tls_mode::required, d), "PLAIN"));
    smtp::report             report;
    smtp::send_options const options;
    int const                all = 100;
    for (int i = 0; i < all; ++i)
    {
        std::string const to   = "alice+" + std::to_string(i) + "@example.test";
        auto const        mail = mail_to({to}, "Subject: number " + std::to_string(i) + "\r\n\r\n");
        loop.run(client.send(mail, options, report));
        REQUIRE(report.all_accepted());
        REQUIRE(report.recipients().size() == 1);
        CHECK(report.recipients()[0].address == to);
        CHECK(report.round_trips() == 2);
    }
    loop.run(client.quit());
    auto const got = delivered(server, "alice", all);
    for (int i = 0; i < all; ++i)
        CHECK(got.at("alice+" + std::to_string(i) + "@example.test") ==
              "Subject: number " + std::to_string(i) + "\r\n\r\n");
    CHECK(only_session(server) == "ehlo=2 starttls=1 auth=1 mail=100 rcpt=100 data=100 quit=1");
}

TEST_CASE("a client moves on to a new connection when the server was restarted")
{
    support::postfix server(with_logins());
    diary            d;
    event_loop       loop;
    smtp::client     client(with_login(settings_for(server.port(), tls_mode::required, d), "PLAIN"));
    auto const       first  = mail_to({"alice+1@example.test"});
    auto const       second = mail_to({"alice+2@example.test"});
    auto const       third  = mail_to({"alice+3@example.test"});
    bool             done   = false;
    CHECK(loop.run(client.send(first)).all_accepted());

    SUBCASE("which can be seen before the message is sent") { server.restart(); }
    SUBCASE("which is found out by sending")
    {
        d.also = [&](smtp::event const& e) {
            auto const* command = std::get_if<smtp::events::command>(&e);
            if (command != nullptr && command->phase == phase::mail && !std::exchange(done, true))
                server.restart();
        };
    }
    SUBCASE("and fails while it is down, and only then")
    {
        server.stop();
        auto const e = thrown<posthorn::error>([&] { loop.run(client.send(second)); });
        REQUIRE(e);
        CHECK(e->code() == condition::unreachable);
        server.start();
    }
    CHECK(loop.run(client.send(second)).all_accepted());
    CHECK(loop.run(client.send(third)).all_accepted());
    loop.run(client.quit());
    CHECK(delivered(server, "alice", 3).at("alice+2@example.test") == text);
    // The last session has both messages; the first one was lost, whatever it came to.
    CHECK(server.wait_for_log("ehlo=2 starttls=1 auth=1 mail=2 rcpt=2 data=2 quit=1 commands=11"));
    auto const connected = [&] {
        std::size_t n = 0;
        for (std::size_t at = d.events.find("connected"); at != d.events.npos;
             at             = d.events.find("connected", at + 1))
            ++n;
        return n;
    }();
    CHECK(connected == 2);
}

TEST_CASE("a client moves on to a new connection when the server grew tired of the old one")
{
    auto options    = by_data();
    options.main_cf = {{"smtpd_timeout", "1s"}};
    support::postfix server(options);
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));
    auto const       mail = mail_to({"alice@example.test"});
    CHECK(loop.run(client.send(mail)).all_accepted());
    CHECK(only_session(server) == "ehlo=1 mail=1 rcpt=1 data=1"); // waits for "421 4.4.2 timeout exceeded"
    CHECK(loop.run(client.send(mail)).all_accepted());
    loop.run(client.quit());
    CHECK(server.wait_for_mail("alice", 2).size() == 2);
    CHECK(sessions(server, 2)[1] == "ehlo=1 mail=1 rcpt=1 data=1 quit=1");
}

TEST_CASE("a message is not sent a second time once the server has taken MAIL")
{
    support::postfix server(by_data());
    diary            d;
    event_loop       loop;
    smtp::client     client(settings_for(server.port(), tls_mode::none, d));
    auto const       first  = mail_to({"alice+1@example.test"});
    auto const       second = mail_to({"alice+2@example.test"});
    CHECK(loop.run(client.send(first)).all_accepted());
    d.also = [&](smtp::event const& e) {
        auto const* replied = std::get_if<smtp::events::replied>(&e);
        if (replied != nullptr && replied->phase == phase::data)
            server.stop();
    };
    auto const e = thrown<smtp::send_error>([&] { loop.run(client.send(second)); });
    REQUIRE(e);
    CHECK(e->report().recipients()[0].outcome != disposition::accepted);
    CHECK(e->report().recipients()[0].phase == phase::content);
    d.also = nullptr;
    server.start();
    CHECK(loop.run(client.send(first)).all_accepted());
    auto const mails = server.wait_for_mail("alice", 2);
    CHECK(mails.size() == 2);
    for (auto const& mail : mails)
        CHECK(support::parse_delivered(mail).original_to == "alice+1@example.test");
}

// ---- events -----------------------------------------------------------------------------------------------

TEST_CASE("the events come in the order of what happens")
{
    support::postfix server(with_logins());
    diary            d;
    event_loop       loop;
    smtp::client     client(with_login(settings_for(server.port(), tls_mode::required, d), "LOGIN"));
    auto const       mail = mail_to({"alice@example.test", "unknown@example.test"});

    std::uint64_t moved = 0;
    d.also              = [&](smtp::event const& e) {
        if (auto const* p = std::get_if<smtp::events::progress>(&e))
        {
            moved += p->increment;
            CHECK(p->current == moved);
            CHECK(p->total == text.size());
        }
    };
    auto const report = loop.run(client.send(mail));
    CHECK(report.content_bytes() == moved);
    loop.run(client.quit());
    CHECK(d.events == "connected\n"
                      "replied greeting 220\n"
                      "command hello\n"
                      "replied hello 250\n"
                      "command starttls\n"
                      "replied starttls 220\n"
                      "secured\n"
                      "command hello\n"
                      "replied hello 250\n"
                      "command auth\n"
                      "replied auth 334\n"
                      "command auth\n"
                      "replied auth 334\n"
                      "command auth\n"
                      "replied auth 235\n"
                      "authenticated LOGIN\n"
                      "command mail\n"
                      "command rcpt\n"
                      "command rcpt\n"
                      "command data\n"
                      "replied mail 250\n"
                      "replied rcpt 250\n"
                      "replied rcpt 550\n"
                      "replied data 354\n"
                      "progress\n"
                      "replied content 250\n"
                      "finished partial\n"
                      "command quit\n"
                      "replied quit 221\n"
                      "closed\n");
}

TEST_CASE("the protocol log can be read, and shows no secret")
{
    support::postfix server(with_logins());
    diary            d;
    event_loop       loop;
    smtp::client     client(with_login(settings_for(server.port(), tls_mode::required, d), "PLAIN"));
    auto const       mail   = mail_to({"alice@example.test"});
    auto const       report = loop.run(client.send(mail));
    loop.run(client.quit());
    CHECK_FALSE(tells_a_secret(d.log));

    // What the server offers may differ from one Postfix to the next, so it is not compared.
    std::istringstream lines(d.log);
    std::string        shown;
    for (std::string line; std::getline(lines, line);)
    {
        CHECK_MESSAGE((line.find("C: ") == 0 || line.find("S: ") == 0 || line.find("*: ") == 0), line);
        if (line.find("S: 250-") != 0 && line.find("S: 250 SMTPUTF8") != 0)
            shown += line + '\n';
    }
    std::string const queued = report.final_reply().text();
    CHECK(shown == "*: connected to 127.0.0.1:" + std::to_string(server.port()) +
                       "\n"
                       "S: 220 mail.example.test ESMTP Postfix\n"
                       "C: EHLO client.test\n"
                       "C: STARTTLS\n"
                       "S: 220 2.0.0 Ready to start TLS\n"
                       "*: TLSv1.3 TLS_AES_256_GCM_SHA384, certificate verified\n"
                       "C: EHLO client.test\n"
                       "C: AUTH PLAIN ***\n"
                       "S: 235 2.7.0 Authentication successful\n"
                       "*: authenticated with PLAIN\n"
                       "C: MAIL FROM:<sender@elsewhere.test> SIZE=" +
                       std::to_string(text.size()) +
                       "\n"
                       "C: RCPT TO:<alice@example.test>\n"
                       "C: DATA\n"
                       "S: 250 2.1.0 Ok\n"
                       "S: 250 2.1.5 Ok\n"
                       "S: 354 End data with <CR><LF>.<CR><LF>\n"
                       "C: [" +
                       std::to_string(report.content_bytes()) +
                       " octets of content]\n"
                       "S: 250 2.0.0 " +
                       queued +
                       "\n"
                       "C: QUIT\n"
                       "S: 221 2.0.0 Bye\n"
                       "*: closed\n");
}

// ---- cancellation and time --------------------------------------------------------------------------------

TEST_CASE("cancelling in the middle of the content leaves the message not sent")
{
    support::postfix server(with_tls());
    for (auto const mode : {tls_mode::none, tls_mode::required})
    {
        CAPTURE(static_cast<int>(mode));
        diary                     d;
        event_loop                loop;
        smtp::client              client(settings_for(server.port(), mode, d));
        asio::cancellation_signal signal;
        d.also = [&](smtp::event const& e) {
            auto const* progress = std::get_if<smtp::events::progress>(&e);
            if (progress != nullptr && progress->current > 2'000'000)
                asio::post(loop.context, [&] { signal.emit(asio::cancellation_type::terminal); });
        };
        auto const         mail = mail_from(std::make_shared<posthorn::generator_source>(for_ever()));
        std::exception_ptr failure;
        posthorn::spawn(loop.context, client.send(mail),
                        asio::bind_cancellation_slot(
                            signal.slot(), [&](std::exception_ptr e, smtp::report const&) { failure = e; }));
        loop.context.restart();
        loop.context.run();
        REQUIRE(failure);
        auto const e = thrown<smtp::send_error>([&] { std::rethrow_exception(failure); });
        REQUIRE(e);
        CHECK(e->code() == condition::canceled);
        CHECK(e->phase() == phase::content);
        CHECK(e->report().recipients()[0].outcome == disposition::not_sent);
        CHECK(e->report().recipients()[0].phase == phase::content);
        CHECK(e->report().content_bytes() > 2'000'000);
        CHECK_FALSE(client.is_connected());
    }
    for (auto const& session : sessions(server, 2))
        CHECK(session.find("data=0/1") != std::string::npos);
    check_nothing_came_before(server, "alice");
}

TEST_CASE("a time limit for the whole leaves the message not sent")
{
    auto options = with_tls();
    SUBCASE("in the middle of the content")
    {
        support::postfix server(options);
        for (auto const mode : {tls_mode::none, tls_mode::required})
            for (bool const by_settings : {false, true})
            {
                CAPTURE(by_settings);
                diary      d;
                event_loop loop;
                auto       settings = settings_for(server.port(), mode, d);
                if (by_settings)
                    settings.session.timeouts.total = std::chrono::seconds(1);
                smtp::client client(settings);
                auto const   mail = mail_from(std::make_shared<posthorn::generator_source>(for_ever()));
                auto const   e    = thrown<posthorn::error>([&] {
                    if (by_settings)
                        loop.run(client.send(mail));
                    else
                        loop.run(posthorn::with_timeout(client.send(mail), std::chrono::seconds(1)));
                });
                REQUIRE(e);
                CHECK(e->code() == condition::timeout);
                CHECK_FALSE(client.is_connected());
                CHECK(d.events.find("finished not_sent\n") != std::string::npos);
            }
        for (auto const& session : sessions(server, 4))
            CHECK(session.find("data=0/1") != std::string::npos);
        check_nothing_came_before(server, "alice");
    }
    SUBCASE("while the server takes its time to greet")
    {
        options.postscreen_greet_wait = 30;
        options.smtps.enabled         = false;
        support::postfix server(options);
        for (bool const by_settings : {false, true})
        {
            diary      d;
            event_loop loop;
            auto       settings = settings_for(server.port(), tls_mode::none, d);
            if (by_settings)
                settings.session.timeouts.greeting = std::chrono::milliseconds(300);
            smtp::client client(settings);
            auto const   begin = std::chrono::steady_clock::now();
            auto const   mail  = mail_to({"alice@example.test"});
            auto const   e     = thrown<posthorn::error>([&] {
                if (by_settings)
                    loop.run(client.send(mail));
                else
                    loop.run(posthorn::with_timeout(client.send(mail), std::chrono::milliseconds(300)));
            });
            REQUIRE(e);
            CHECK(e->code() == condition::timeout);
            CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(15));
            CHECK_FALSE(client.is_connected());
            CHECK(d.log.find("C: ") == std::string::npos);
        }
    }
}

TEST_CASE("without a reply to the end of the content the message is in doubt")
{
    auto options    = by_data();
    options.main_cf = {{"smtpd_end_of_data_restrictions", "sleep 60"}};
    support::postfix server(options);
    diary            d;
    event_loop       loop;
    auto             settings = settings_for(server.port(), tls_mode::none, d);
    bool             timeout  = false;
    bool             lost     = false;

    asio::cancellation_signal signal;
    SUBCASE("because it was cancelled")
    {
        d.also = [&](smtp::event const& e) {
            if (std::holds_alternative<smtp::events::progress>(e))
                asio::post(loop.context, [&] { signal.emit(asio::cancellation_type::terminal); });
        };
    }
    SUBCASE("because it took too long")
    {
        settings.session.timeouts.final = std::chrono::milliseconds(300);
        timeout                         = true;
    }
    SUBCASE("because the server died")
    {
        d.also = [&](smtp::event const& e) {
            if (std::holds_alternative<smtp::events::progress>(e))
                server.stop();
        };
        lost = true;
    }

    smtp::client       client(settings);
    auto const         mail = mail_to({"alice@example.test", "unknown@example.test"});
    std::exception_ptr failure;
    posthorn::spawn(loop.context, client.send(mail),
                    asio::bind_cancellation_slot(
                        signal.slot(), [&](std::exception_ptr e, smtp::report const&) { failure = e; }));
    loop.context.restart();
    loop.context.run();
    REQUIRE(failure);
    auto const e = thrown<smtp::send_error>([&] { std::rethrow_exception(failure); });
    REQUIRE(e);
    CHECK((e->code() == condition::timeout) == timeout);
    CHECK((e->code() == condition::canceled) == (!timeout && !lost));
    CHECK(e->report().outcome() == smtp::overall::in_doubt);
    CHECK(e->report().recipients()[0].outcome == disposition::in_doubt);
    CHECK(e->report().recipients()[0].phase == phase::content);
    CHECK(e->report().recipients()[0].code == 0);
    CHECK(e->report().recipients()[1].outcome == disposition::refused_permanently);
    CHECK(e->report().final_reply().empty());
    CHECK_FALSE(client.is_connected());
}

TEST_SUITE_END();
