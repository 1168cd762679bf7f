//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The program posthorn-send, run as a process against real servers, and against one that offers every extension and
// remembers what it saw: what the program prints, and what it returns.

#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <support/certs.hpp>
#include <support/dovecot.hpp>
#include <support/maildir.hpp>
#include <support/postfix.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>
#include <support/tool_run.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using nlohmann::json;
using strings = std::vector<std::string>;
using support::message_file;

// The program is built like the test.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

std::string tool() { return support::tool_path("POSTHORN_SEND_PATH", "posthorn-send"); }

/// A run of the program.
class run : public support::tool_run
{
public:
    explicit run(strings const& arguments, std::filesystem::path const& input = {}, strings const& environment = {})
        : tool_run(command(arguments), input, environment)
    {
    }

    /// The one JSON object it printed.
    json object() const
    {
        auto const text = out();
        if (std::count(text.begin(), text.end(), '\n') != 1 || text.back() != '\n')
            throw std::runtime_error("not one line: " + text + err());
        return json::parse(text);
    }

private:
    static strings command(strings const& arguments)
    {
        strings words = {tool()};
        words.insert(words.end(), arguments.begin(), arguments.end());
        return words;
    }
};

constexpr char const* password       = "xyzzy-Plugh-42";
constexpr char const* wrong_password = "wrong-Frobozz-7";

/// As they may go over the wire: as they are, as in LOGIN, as in PLAIN; and the user of LOGIN.
constexpr char const* secrets[] = {
    "xyzzy-Plugh-42",  "eHl6enktUGx1Z2gtNDI",  "AGFsaWNlAHh5enp5LVBsdWdoLTQy",
    "wrong-Frobozz-7", "d3JvbmctRnJvYm96ei03", "AGFsaWNlAHdyb25nLUZyb2JvenotNw",
    "YWxpY2U="};

bool tells_a_secret(std::string_view text)
{
    return std::any_of(std::begin(secrets), std::end(secrets),
                       [&](std::string_view s) { return text.find(s) != text.npos; });
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

support::certificates& authority()
{
    static support::certificates certificates;
    return certificates;
}

support::dovecot& accounts()
{
    static support::dovecot server([] {
        support::dovecot_options options;
        options.users = {{"alice", password, {}}};
        return options;
    }());
    return server;
}

support::postfix_options server_options()
{
    support::postfix_options options;
    options.tls              = authority().server();
    options.smtps.enabled    = true;
    options.sasl_socket      = accounts().auth_socket();
    options.recipient_access = {"bad@example.test 550 5.1.1 no such person",
                                "busy@example.test 450 4.2.1 come back later",
                                "grey@example.test 451 4.7.1 Greylisted, try again in 300 seconds"};
    options.header_checks    = {"/^Subject: spam/ REJECT 5.7.1 no spam please"};
    // Messages go by DATA.
    options.discard_ehlo_keywords = {"chunking"};
    return options;
}

std::string url(std::string const& scheme, std::uint16_t port)
{
    return scheme + "://localhost:" + std::to_string(port);
}

strings operator+(strings a, strings const& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// The options of most runs: in the clear, from the usual sender, result as JSON.
strings to(support::postfix const& server, strings const& recipients)
{
    strings arguments = {"--url",  url("smtp", server.port()), "--tls", "none",
                         "--from", "sender@elsewhere.test",    "--json"};
    for (auto const& one : recipients)
        arguments.insert(arguments.end(), {"--to", one});
    return arguments;
}

std::string const text = "From: Alice <alice@example.test>\r\n"
                         "Subject: hello\r\n"
                         "\r\n"
                         ".a line with a dot\r\n"
                         "caf\xc3\xa9\r\n";

} // namespace

TEST_SUITE_BEGIN("live/posthorn_send");

TEST_CASE("an accepted message is reported in full, and the exit code is 0")
{
    support::postfix      server(server_options());
    message_file const    message(text);
    std::string           mechanism = "SCRAM-SHA-256"; // the strongest one offered
    auto                  how       = strings{"--user",     "alice",
                       "--password", password,
                       "--ca",       authority().ca(),
                       "--from",     "sender@elsewhere.test",
                       "--to",       "alice@example.test",
                       "--to",       "someone@far.away.test",
                       "--json"};
    std::filesystem::path input;

    SUBCASE("by STARTTLS, which is the default, from a file")
    {
        how = how + strings{"--url", url("smtp", server.port()), "--message", message.path()};
    }
    SUBCASE("by implicit TLS with LOGIN, from the standard input")
    {
        how       = how + strings{"--url", url("smtps", server.smtps_port()), "--auth", "LOGIN"};
        input     = message.path();
        mechanism = "LOGIN";
    }
    SUBCASE("with the login in the URL, from the standard input by name")
    {
        how   = strings(how.begin() + 4, how.end()) + strings{"--url",
                                                            std::string("submission://alice:") + password +
                                                                "@localhost:" + std::to_string(server.port()),
                                                            "--message", "-"};
        input = message.path();
    }

    run       send(how, input);
    int const status = send.status();
    INFO(send.err());
    CHECK(status == 0);
    CHECK(send.err().empty());
    CHECK_FALSE(tells_a_secret(send.out()));
    auto const result = send.object();
    CHECK(result.at("outcome") == "accepted");
    CHECK(result.at("reply").at("code") == 250);
    CHECK(result.at("reply").at("enhanced") == "2.0.0");
    CHECK(contains(result.at("reply").at("text").get<std::string>(), "queued as "));
    REQUIRE(result.at("recipients").size() == 2);
    for (std::size_t const i : {0U, 1U})
    {
        auto const& one = result.at("recipients")[i];
        CHECK(one.at("address") == (i == 0 ? "alice@example.test" : "someone@far.away.test"));
        CHECK(one.at("outcome") == "accepted");
        CHECK(one.at("phase") == "content");
        CHECK(one.at("code") == 250);
        CHECK(one.at("enhanced") == "2.0.0");
        CHECK(one.at("text") == result.at("reply").at("text"));
    }
    CHECK(result.at("tls").at("version") == "TLSv1.3");
    CHECK(result.at("tls").at("cipher") == "TLS_AES_256_GCM_SHA384");
    CHECK(result.at("tls").at("verified") == true);
    CHECK(result.at("auth") == mechanism);
    CHECK(result.at("transfer") == "DATA");
    CHECK(result.at("round_trips") == 2);
    CHECK(result.at("bytes") == text.size() + 1 + 3);
    CHECK(result.at("error").is_null());

    CHECK(support::parse_delivered(server.wait_for_mail("alice").at(0)).as_sent() == text);
    auto const relayed = server.wait_for_mail("relayed").at(0);
    CHECK(contains(relayed, "(Authenticated sender: alice)"));
    CHECK(support::parse_delivered(relayed).return_path == "sender@elsewhere.test");
}

TEST_CASE("refusals are reported for each recipient, and the exit code tells the worst of them")
{
    support::postfix server(server_options());
    message_file     message(text);
    struct expectation
    {
        strings          recipients;
        strings          outcomes;
        std::vector<int> codes;
        std::string      outcome;
        int              status;
    };
    expectation expected;
    std::string last = "content";
    SUBCASE("one refused for good: 65")
    {
        expected = {{"alice@example.test", "bad@example.test", "carol@example.test"},
                    {"accepted", "refused_permanently", "accepted"},
                    {250, 550, 250},
                    "partial",
                    65};
    }
    SUBCASE("all refused for good: 65")
    {
        expected = {{"bad@example.test"}, {"refused_permanently"}, {550}, "refused", 65};
        last     = "rcpt";
    }
    SUBCASE("one refused for now: 75")
    {
        expected = {{"alice@example.test", "busy@example.test", "carol@example.test"},
                    {"accepted", "refused_temporarily", "accepted"},
                    {250, 450, 250},
                    "partial",
                    75};
    }
    SUBCASE("all refused for now: 75")
    {
        expected = {{"busy@example.test"}, {"refused_temporarily"}, {450}, "temporary", 75};
        last     = "rcpt";
    }
    SUBCASE("greylisted: 75")
    {
        expected = {{"grey@example.test"}, {"refused_temporarily"}, {451}, "temporary", 75};
        last     = "rcpt";
    }
    SUBCASE("some for good and some for now: 65")
    {
        expected = {{"bad@example.test", "busy@example.test"},
                    {"refused_permanently", "refused_temporarily"},
                    {550, 450},
                    "temporary",
                    65};
        last     = "rcpt";
    }
    SUBCASE("the message refused after its data: 65")
    {
        support::write_file(message.path(), "Subject: spam\r\n\r\n");
        expected = {{"alice@example.test", "carol@example.test"},
                    {"refused_permanently", "refused_permanently"},
                    {550, 550},
                    "refused",
                    65};
    }

    run       send(to(server, expected.recipients) + strings{"--message", message.path()});
    int const status = send.status();
    INFO(send.err());
    CHECK(status == expected.status);
    auto const result = send.object();
    CHECK(result.at("outcome") == expected.outcome);
    CHECK(result.at("tls").is_null());
    CHECK(result.at("auth").is_null());
    CHECK(result.at("error").is_null());
    CHECK(result.at("reply").is_null() == (last == "rcpt"));
    REQUIRE(result.at("recipients").size() == expected.recipients.size());
    for (std::size_t i = 0; i < expected.recipients.size(); ++i)
    {
        auto const& one = result.at("recipients")[i];
        CHECK(one.at("address") == expected.recipients[i]);
        CHECK(one.at("outcome") == expected.outcomes[i]);
        CHECK(one.at("code") == expected.codes[i]);
        if (contains(expected.recipients[i], "bad@"))
        {
            CHECK(one.at("phase") == "rcpt");
            CHECK(one.at("enhanced") == "5.1.1");
            CHECK(one.at("text") == "<bad@example.test>: Recipient address rejected: no such person");
        }
        else if (contains(expected.recipients[i], "busy@"))
        {
            CHECK(one.at("phase") == "rcpt");
            CHECK(one.at("enhanced") == "4.2.1");
        }
        else if (contains(expected.recipients[i], "grey@"))
        {
            CHECK(one.at("phase") == "rcpt");
            CHECK(one.at("enhanced") == "4.7.1");
            CHECK(contains(one.at("text").get<std::string>(), "Greylisted, try again in 300 seconds"));
        }
        else
            CHECK(one.at("phase") == "content");
    }
    if (expected.outcome == "partial")
        for (auto const* user : {"alice", "carol"})
            CHECK(support::parse_delivered(server.wait_for_mail(user).at(0)).as_sent() == text);
}

TEST_CASE("what fails before a message can be handed over has exit codes of its own")
{
    support::postfix                server(server_options());
    message_file const              message(text);
    support::certificates           stranger;
    std::optional<support::postfix> other;
    std::string const               ca = authority().ca();
    strings     how    = {"--from",    "sender@elsewhere.test", "--to",   "alice@example.test",
                          "--message", message.path(),          "--json", "--trace"};
    int         status = 0;
    std::string category;
    std::string phase;
    std::string said;

    SUBCASE("unreachable: 69")
    {
        auto const port = support::free_port();
        how             = how + strings{"--url", url("smtp", port), "--tls", "none"};
        status          = 69;
        phase           = "connect";
        said            = "127.0.0.1";
    }
    SUBCASE("login refused: 77")
    {
        how      = how + strings{"--url",      url("smtp", server.port()),
                            "--ca",       ca,
                            "--user",     "alice",
                            "--password", wrong_password,
                            "--auth",     "PLAIN"};
        status   = 77;
        category = "posthorn.smtp";
        phase    = "auth";
        said     = "535";
    }
    SUBCASE("no login without TLS: 77")
    {
        how      = how + strings{"--url",      url("smtp", server.port()),
                            "--tls",      "none",
                            "--user",     "alice",
                            "--password", password,
                            "--auth",     "PLAIN"};
        status   = 77;
        category = "posthorn.smtp";
        phase    = "auth";
        said     = "use TLS";
    }
    SUBCASE("the authority is not trusted: 76")
    {
        how      = how + strings{"--url", url("smtps", server.smtps_port()), "--ca", stranger.ca()};
        status   = 76;
        category = "posthorn.tls";
        phase    = "tls";
        said     = "unable to get local issuer certificate";
    }
    SUBCASE("the certificate is for another host: 76")
    {
        support::certificate_request request;
        request.names = {"DNS:other.example.test"};
        auto options  = server_options();
        options.tls   = authority().issue("other", request);
        other.emplace(options);
        how      = how + strings{"--url", url("smtp", other->port()), "--ca", ca};
        status   = 76;
        category = "posthorn.tls";
        phase    = "tls";
        said     = "it is for other.example.test, not for localhost";
    }
    SUBCASE("required TLS is not offered: 76")
    {
        other.emplace();
        how      = how + strings{"--url", url("smtp", other->port()), "--tls", "starttls"};
        status   = 76;
        category = "posthorn.smtp";
        phase    = "starttls";
        said     = "TLS is required and the server does not offer it";
    }
    SUBCASE("implicit TLS on a plain port: 76")
    {
        how      = how + strings{"--url", url("smtp", server.port()), "--tls", "implicit", "--ca", ca};
        status   = 76;
        category = "posthorn.tls";
        phase    = "tls";
    }

    run       send(how);
    int const got = send.status();
    INFO(send.err());
    CHECK(got == status);
    auto const result = send.object();
    CHECK(result.at("outcome") == "not_sent");
    CHECK(result.at("reply").is_null());
    for (auto const& one : result.at("recipients"))
        CHECK(one.at("outcome") == "not_sent");
    CHECK(result.at("auth").is_null());
    CHECK(result.at("bytes") == 0);
    REQUIRE(result.at("error").is_object());
    CHECK(result.at("error").at("phase") == phase);
    CHECK(result.at("error").at("code").is_number_integer());
    CHECK(contains(result.at("error").at("message").get<std::string>(), said));
    if (!category.empty())
        CHECK(result.at("error").at("category") == category);
    CHECK_FALSE(contains(send.err(), "C: MAIL"));
    CHECK_FALSE(tells_a_secret(send.out()));
    CHECK_FALSE(tells_a_secret(send.err()));
}

TEST_CASE("a message whose end may have arrived is in doubt: 74")
{
    auto options    = server_options();
    options.main_cf = {{"smtpd_end_of_data_restrictions", "sleep 60"}};
    support::postfix   server(options);
    message_file const message(text);
    run send(to(server, {"alice@example.test"}) + strings{"--message", message.path(), "--trace"});
    REQUIRE(support::poll_until(support::default_patience,
                                [&] { return contains(send.err(), "octets of content]"); }));
    server.stop();
    int const status = send.status();
    INFO(send.err());
    CHECK(status == 74);
    auto const result = send.object();
    CHECK(result.at("outcome") == "in_doubt");
    CHECK(result.at("recipients").at(0).at("outcome") == "in_doubt");
    CHECK(result.at("error").is_object());
}

TEST_CASE("what cannot be understood is a usage error: 64, and nothing is printed but why")
{
    message_file const message(text);
    strings const      good = {"--from", "a@example.test", "--to",        "b@example.test",
                               "--json", "--message",      message.path()};
    strings            bad;
    SUBCASE("nothing given") {}
    SUBCASE("no URL") { bad = good; }
    SUBCASE("no recipient") { bad = {"--url", "smtp://localhost", "--from", "a@example.test"}; }
    SUBCASE("an unknown option") { bad = good + strings{"--url", "smtp://localhost", "--bogus"}; }
    SUBCASE("an unknown scheme") { bad = good + strings{"--url", "gopher://localhost"}; }
    SUBCASE("another scheme") { bad = good + strings{"--url", "http://localhost"}; }
    SUBCASE("a port that is none") { bad = good + strings{"--url", "smtp://localhost:66666"}; }
    SUBCASE("an unknown kind of TLS") { bad = good + strings{"--url", "smtp://localhost", "--tls", "maybe"}; }
    SUBCASE("an address that is none")
    {
        bad = good + strings{"--url", "smtp://localhost", "--to", "a b@example.test"};
    }
    SUBCASE("an address with a line end")
    {
        bad = good + strings{"--url", "smtp://localhost", "--to", "a@example.test\r\nDATA"};
    }
    SUBCASE("a message that is not there")
    {
        bad = {"--url", "smtp://localhost", "--from",    "a@example.test",
               "--to",  "b@example.test",   "--message", message.path() + ".gone"};
    }
    SUBCASE("a file of certificates that is not there")
    {
        bad = good + strings{"--url", "smtps://localhost", "--ca", message.path() + ".gone"};
    }
    run send(bad);
    CHECK(send.status() == 64);
    CHECK(send.out().empty());
    CHECK_FALSE(send.err().empty());
}

TEST_CASE("the help tells the options and the exit codes")
{
    run send({"--help"});
    CHECK(send.status() == 0);
    CHECK(contains(send.out(), "--url"));
    CHECK(contains(send.out(), "75"));
    CHECK(send.err().empty());
}

TEST_CASE("without --json it tells people what became of the message")
{
    support::postfix   server(server_options());
    message_file const message(text);
    auto how = to(server, {"alice@example.test", "bad@example.test"}) + strings{"--message", message.path()};
    how.erase(std::find(how.begin(), how.end(), "--json"));
    run send(how);
    CHECK(send.status() == 65);
    CHECK(contains(send.out(), "alice@example.test: accepted (content 250 2.0.0 "));
    CHECK(contains(send.out(),
                   "bad@example.test: refused_permanently (rcpt 550 5.1.1 <bad@example.test>: Recipient "
                   "address rejected: no such person)\n"));
    CHECK(send.err().empty());
}

TEST_CASE("the trace shows the dialogue on the standard error, without secrets")
{
    support::postfix   server(server_options());
    message_file const message(text);
    for (std::string const mechanism : {"PLAIN", "LOGIN"})
    {
        CAPTURE(mechanism);
        run send({"--url", url("smtp", server.port()), "--ca", authority().ca(), "--user", "alice",
                  "--password", password, "--auth", mechanism, "--from", "sender@elsewhere.test", "--to",
                  "alice@example.test", "--message", message.path(), "--trace", "--json"});
        CHECK(send.status() == 0);
        auto const trace = send.err();
        for (std::string const& line :
             {std::string("S: 220 mail.example.test ESMTP Postfix\n"), std::string("C: STARTTLS\n"),
              std::string("*: TLSv1.3 "), "C: AUTH " + mechanism, "*: authenticated with " + mechanism + "\n",
              std::string("C: MAIL FROM:<sender@elsewhere.test> SIZE="),
              std::string("C: RCPT TO:<alice@example.test>\n"), std::string("C: DATA\n"),
              std::string(" octets of content]\n"), std::string("C: QUIT\n"),
              std::string("S: 221 2.0.0 Bye\n"), std::string("*: closed\n")})
            CHECK_MESSAGE(contains(trace, line), line, " in ", trace);
        CHECK_FALSE(contains(trace, "line with a dot"));
        CHECK_FALSE(tells_a_secret(trace));
        CHECK_FALSE(tells_a_secret(send.out()));
        CHECK(send.object().at("outcome") == "accepted");
        // Every line is marked.
        std::istringstream lines(trace);
        for (std::string line; std::getline(lines, line);)
            CHECK_MESSAGE((line.find("C: ") == 0 || line.find("S: ") == 0 || line.find("*: ") == 0), line);
    }
}

TEST_CASE("a message of 25 MB is delivered byte for byte, under TLS and after a login, in little memory")
{
    support::postfix server(server_options());
    std::string      content = "Subject: large\r\n\r\n";
    content.reserve(26'000'000);
    for (int i = 0; content.size() < 25'000'000; ++i)
    {
        if (i % 5 == 0)
            content += '.';
        content +=
            "line " + std::to_string(i) + ' ' + std::string(static_cast<std::size_t>(i) % 500, 'x') + "\r\n";
    }
    message_file const message(content);
    run send({"--url", url("smtp", server.port()), "--ca", authority().ca(), "--user", "alice", "--password",
              password, "--auth", "PLAIN", "--from", "sender@elsewhere.test", "--to", "alice@example.test",
              "--message", message.path(), "--json"});
    auto const kib = send.peak_memory();
    CHECK(send.status() == 0);
    auto const result = send.object();
    CHECK(result.at("outcome") == "accepted");
    CHECK(result.at("tls").at("verified") == true);
    CHECK(result.at("auth") == "PLAIN");
    CHECK(result.at("bytes") > content.size());
    MESSAGE("peak resident memory: ", kib, " KiB");
    CHECK(kib > 0);
    if (!sanitized) // then most of it is the sanitizer's
        CHECK(kib < 16 * 1024);
    auto const stored = server.wait_for_mail("alice");
    REQUIRE(stored.size() == 1);
    auto const got = support::parse_delivered(stored[0]).as_sent();
    CHECK(got.size() == content.size());
    CHECK((got == content));
}

// ---- options --------------------------------------------------------------------------------------------------

namespace {

namespace testing = posthorn::testing;
using sink        = testing::server_thread<testing::smtp_sink>;

/// Offers every extension, STARTTLS, and logins.
testing::smtp_sink_settings everything()
{
    testing::smtp_sink_settings settings;
    posthorn::net::tls_settings tls;
    tls.certificate_file = authority().server().file;
    tls.key_file         = authority().server().key;
    settings.tls         = testing::smtp_sink_settings::tls_mode::starttls;
    settings.tls_context.emplace(tls);
    for (auto const* keyword :
         {"REQUIRETLS", "MT-PRIORITY MIXER", "DELIVERBY 10", "FUTURERELEASE 86400 2036-01-01T00:00:00Z"})
        settings.keywords.emplace_back(keyword);
    settings.users  = {{"alice", password}};
    settings.refuse = {{"bad@example.test", testing::smtp_reply(550, "5.1.1 no such person")},
                       {"busy@example.test", testing::smtp_reply(450, "4.2.1 come back later")}};
    return settings;
}

strings envelope_to(sink const& server)
{
    return {"--url",  url("smtp", server->port()), "--ca",  authority().ca(),
            "--from", "sender@elsewhere.test",     "--json"};
}

std::string all_lines(sink const& server)
{
    std::string lines;
    for (auto const& one : server->commands())
        lines += one.line + '\n';
    return lines;
}

/// Checks a value of the result that is named by a JSON pointer.
struct fact
{
    std::string where;
    json        value;
};

/// A run, what the server must have seen of it, and what must come out.
struct option_case
{
    std::string       name;
    strings           options   = {};
    strings           seen      = {};
    strings           unseen    = {};
    int               status    = 0;
    std::vector<fact> facts     = {};
    std::string       content   = text;
    std::string       recipient = "alice@example.test";
};

void check(option_case const& c, testing::smtp_sink_settings settings)
{
    CAPTURE(c.name);
    sink const         server(std::move(settings));
    message_file const message(c.content);
    auto               how = envelope_to(server) + strings{"--to", c.recipient, "--message", message.path()};
    for (std::string const once : {"--from", "--ca"}) // the case has another one, or wants none
        if (std::find(c.options.begin(), c.options.end(), once) != c.options.end() ||
            (once == "--ca" &&
             std::find(c.options.begin(), c.options.end(), "--insecure") != c.options.end()))
        {
            auto const at = std::find(how.begin(), how.end(), once);
            how.erase(at, at + 2);
        }
    run        send(how + c.options);
    auto const status = send.status();
    INFO(send.out());
    INFO(send.err());
    CHECK(status == c.status);
    auto const lines = all_lines(server);
    for (auto const& part : c.seen)
        CHECK_MESSAGE(contains(lines, part), part, " in ", lines);
    for (auto const& part : c.unseen)
        CHECK_MESSAGE(!contains(lines, part), part, " in ", lines);
    auto const result = send.object();
    for (auto const& f : c.facts)
        CHECK_MESSAGE(result.at(json::json_pointer(f.where)) == f.value, f.where, ": ",
                      result.at(json::json_pointer(f.where)).dump(), " is not ", f.value.dump());
    if (c.status == 0)
        CHECK(result.at("error").is_null());
    CHECK(server->violations().empty());
}

} // namespace

TEST_CASE("the options of the envelope become parameters that the server sees")
{
    std::string const mail    = "MAIL FROM:<sender@elsewhere.test> ";
    std::string const rcpt    = "RCPT TO:<alice@example.test> ";
    option_case const cases[] = {
        {"no reports", {"--notify", "never"}, {rcpt + "NOTIFY=NEVER\n"}},
        {"reports", {"--notify", "success,failure,delay"}, {rcpt + "NOTIFY=SUCCESS,FAILURE,DELAY\n"}},
        {"original recipient", {"--orcpt", "a+b@else.test"}, {rcpt + "ORCPT=rfc822;a+2Bb@else.test\n"}},
        {"original recipient with its type", {"--orcpt", "x400;c=de"}, {rcpt + "ORCPT=x400;c+3Dde\n"}},
        {"original recipients",
         {"--to", "bob@example.test", "--orcpt", "a@else.test", "--orcpt", "b@else.test"},
         {rcpt + "ORCPT=rfc822;a@else.test\n", "RCPT TO:<bob@example.test> ORCPT=rfc822;b@else.test\n"}},
        {"one original recipient for all",
         {"--to", "bob@example.test", "--orcpt", "a@else.test"},
         {rcpt + "ORCPT=rfc822;a@else.test\n", "RCPT TO:<bob@example.test> ORCPT=rfc822;a@else.test\n"}},
        {"whole message in reports", {"--ret", "full"}, {" RET=FULL"}},
        {"header in reports", {"--ret", "hdrs"}, {" RET=HDRS"}},
        {"envelope id", {"--envid", "id+1=2"}, {" ENVID=id+2B1+3D2"}},
        {"TLS all the way", {"--require-tls"}, {" REQUIRETLS"}},
        {"priority", {"--priority", "3"}, {" MT-PRIORITY=3"}},
        {"negative priority", {"--priority", "-9"}, {" MT-PRIORITY=-9"}},
        {"deliver by, or return", {"--deliver-by", "3600"}, {" BY=3600;R"}, {" BY=3600;RT"}},
        {"the same, spelled out", {"--deliver-by", "3600;R"}, {" BY=3600;R"}, {" BY=3600;RT"}},
        {"the same, traced", {"--deliver-by", "3600T"}, {" BY=3600;RT"}},
        {"deliver by, or tell", {"--deliver-by", "-5;N"}, {" BY=-5;N"}, {" BY=-5;NT"}},
        {"the same, traced", {"--deliver-by", "3600;NT"}, {" BY=3600;NT"}},
        {"hold for", {"--hold-for", "60"}, {" HOLDFOR=60"}},
        {"hold until", {"--hold-until", "2030-12-24T18:00:00Z"}, {" HOLDUNTIL=2030-12-24T18:00:00Z"}},
        {"SMTPUTF8 in any case", {"--smtputf8", "force"}, {" SMTPUTF8"}},
        {"SMTPUTF8 if needed", {"--smtputf8", "auto", "--to", "gr\xc3\xbcn@example.test"}, {" SMTPUTF8"}},
        {"SMTPUTF8 if needed, and it is not", {"--smtputf8", "auto"}, {mail}, {"SMTPUTF8"}},
        {"SMTPUTF8 never",
         {"--smtputf8", "never", "--to", "gr\xc3\xbcn@example.test"},
         {rcpt.substr(0, rcpt.size() - 1) + "\n"},
         {"SMTPUTF8", "gr\xc3\xbcn"},
         65,
         {{"/outcome", "partial"},
          {"/recipients/0/outcome", "accepted"},
          {"/recipients/1/outcome", "refused_permanently"},
          {"/recipients/1/enhanced", "5.6.7"},
          {"/error", nullptr}}},
        {"the null sender", {"--from", ""}, {"MAIL FROM:<>"}},
        {"everybody or nobody",
         {"--policy", "all-or-nothing", "--to", "bad@example.test"},
         {"RCPT TO:<bad@example.test>"},
         {"\nDATA"},
         65,
         {{"/outcome", "not_sent"},
          {"/recipients/0/outcome", "not_sent"},
          {"/recipients/1/outcome", "refused_permanently"},
          {"/error/category", "posthorn.smtp"},
          {"/bytes", 0}}},
        {"everybody or nobody, for now",
         {"--policy", "all-or-nothing", "--to", "busy@example.test"},
         {},
         {"\nDATA"},
         75,
         {{"/outcome", "temporary"},
          {"/recipients/0/outcome", "not_sent"},
          {"/recipients/1/outcome", "refused_temporarily"}}},
        {"whoever can be had",
         {"--policy", "at-least-one", "--to", "bad@example.test"},
         {"\nDATA"},
         {},
         65,
         {{"/outcome", "partial"}, {"/error", nullptr}}},
        {"nobody can be had",
         {"--policy", "at-least-one"},
         {},
         {},
         75,
         {{"/outcome", "temporary"}, {"/error/category", "posthorn.smtp"}},
         text,
         "busy@example.test"},
    };
    for (auto const& c : cases)
        check(c, everything());
}

TEST_CASE("what a server does not offer is an error, or left out if that is allowed")
{
    struct row
    {
        std::string keyword;
        strings     options;
        std::string parameter;
        bool        droppable = true;
    };
    row const rows[] = {{"DSN", {"--notify", "never"}, "NOTIFY"},
                        {"DSN", {"--orcpt", "a@b.test", "--ret", "hdrs", "--envid", "1"}, "ENVID"},
                        {"MT-PRIORITY", {"--priority", "1"}, "MT-PRIORITY="},
                        {"DELIVERBY", {"--deliver-by", "100"}, " BY="},
                        {"FUTURERELEASE", {"--hold-for", "5"}, "HOLDFOR"},
                        {"FUTURERELEASE", {"--hold-until", "2030-01-01T00:00:00Z"}, "HOLDUNTIL"},
                        {"REQUIRETLS", {"--require-tls"}, " REQUIRETLS", false},
                        {"SMTPUTF8", {"--smtputf8", "force"}, " SMTPUTF8", false},
                        {"CHUNKING", {"--chunking", "on"}, "BDAT", false}};
    for (auto const& r : rows)
        for (bool const drop : {false, true})
        {
            option_case c;
            c.name    = r.keyword + (drop ? " dropped" : "");
            c.options = r.options + (drop ? strings{"--drop-unsupported"} : strings{});
            c.unseen  = {r.parameter};
            if (!drop || !r.droppable)
            {
                c.unseen.emplace_back("MAIL");
                c.status = 65;
                c.facts  = {{"/outcome", "not_sent"},
                            {"/reply", nullptr},
                            {"/recipients/0/outcome", "not_sent"},
                            {"/recipients/0/phase", "prepare"},
                            {"/error/category", "posthorn.smtp"},
                            {"/error/phase", "prepare"}};
            }
            auto settings = everything();
            settings.withdraw(r.keyword);
            check(c, settings);
        }
}

TEST_CASE("the options of the server, the content and the transfer do what they say")
{
    std::string const lf    = "Subject: x\n\nbody\n";
    std::string const lines = [] {
        std::string all = "Subject: x\r\n\r\n";
        for (int i = 0; i < 100; ++i)
            all += "0123456789\r\n";
        return all;
    }();
    option_case const cases[] = {
        {"name in EHLO", {"--ehlo", "me.example.test"}, {"EHLO me.example.test\n"}},
        {"address in EHLO", {"--ehlo", "[192.0.2.1]"}, {"EHLO [192.0.2.1]\n"}},
        {"by IPv4", {"--ipv4"}, {"MAIL"}},
        {"from an address of this host", {"--source", "127.0.0.2"}, {"MAIL"}},
        {"by IPv6, where nobody listens",
         {"--ipv6"},
         {},
         {"EHLO"},
         69,
         {{"/outcome", "not_sent"}, {"/recipients/0/phase", "connect"}, {"/error/phase", "connect"}}},
        {"in the clear", {"--tls", "none"}, {"MAIL"}, {"STARTTLS"}, 0, {{"/tls", nullptr}}},
        {"unverified", {"--insecure"}, {"STARTTLS"}, {}, 0, {{"/tls/verified", false}}},
        {"opportunistic", {"--tls", "opportunistic"}, {"STARTTLS"}, {}, 0, {{"/tls/verified", false}}},
        {"TLS 1.3", {"--tls-min", "1.3"}, {}, {}, 0, {{"/tls/version", "TLSv1.3"}}},
        {"time enough", {"--timeout", "60", "--connect-timeout", "60"}, {"MAIL"}},
        {"with pipelining", {"--pipelining", "auto"}, {"\nDATA"}, {}, 0, {{"/round_trips", 2}}},
        {"without pipelining", {"--pipelining", "off"}, {"\nDATA"}, {}, 0, {{"/round_trips", 4}}},
        {"by BDAT",
         {"--chunking", "on"},
         {"BDAT " + std::to_string(text.size()) + " LAST"},
         {"\nDATA"},
         0,
         {{"/transfer", "BDAT"}, {"/round_trips", 1}, {"/bytes", text.size()}}},
        {"in chunks",
         {"--chunking", "on", "--chunk-size", "500"},
         {"BDAT 500\n", " LAST"},
         {"\nDATA"},
         0,
         {{"/transfer", "BDAT"}, {"/bytes", lines.size()}},
         lines},
        {"by DATA", {"--chunking", "off"}, {"\nDATA"}, {"BDAT"}, 0, {{"/transfer", "DATA"}}},
        {"by what suits", {"--chunking", "auto"}, {"\nDATA"}, {"BDAT"}, 0, {{"/transfer", "DATA"}}},
        {"line ends made right",
         {"--line-endings", "normalise"},
         {"\nDATA"},
         {},
         0,
         {{"/bytes", lf.size() + 3 + 3}},
         lf},
        {"line ends refused",
         {"--line-endings", "strict"},
         {},
         {},
         65,
         {{"/outcome", "not_sent"}, {"/error/category", "posthorn.smtp"}},
         lf},
        {"line ends left alone",
         {"--line-endings", "verbatim"},
         {" BODY=BINARYMIME", "BDAT " + std::to_string(lf.size()) + " LAST"},
         {"\nDATA"},
         0,
         {{"/transfer", "BDAT"}, {"/bytes", lf.size()}},
         lf},
    };
    for (auto const& c : cases)
        check(c, everything());
}

TEST_CASE("a login takes its password from where it is told, and shows it to nobody")
{
    message_file const message(text);
    message_file const secret(std::string(password) + "\r\nanother line\n");
    struct row
    {
        strings     options;
        strings     environment = {};
        std::string mechanism   = "PLAIN";
    };
    row const rows[] = {
        {{"--user", "alice", "--password", password}, {}},
        {{"--user", "alice", "--password-file", secret.path()}, {}},
        {{"--user", "alice", "--password-env", "MAIL_SECRET"}, {std::string("MAIL_SECRET=") + password}},
        {{"--user", "alice", "--password-file", secret.path(), "--auth", "LOGIN"}, {}, "LOGIN"},
        {{"--user", "alice", "--password-file", secret.path(), "--auth", "LOGIN", "--auth", "PLAIN"},
         {},
         "LOGIN"},
        {{"--user", "alice", "--password-file", secret.path(), "--tls", "none", "--allow-plaintext-auth"},
         {}}};
    for (auto const& r : rows)
    {
        auto settings         = everything();
        settings.require_auth = true;
        sink const server(std::move(settings));
        run        send(envelope_to(server) +
                            strings{"--to", "alice@example.test", "--message", message.path(), "--trace"} +
                            r.options,
                        {}, r.environment);
        auto const status = send.status();
        INFO(send.err());
        CHECK(status == 0);
        CHECK(send.object().at("auth") == r.mechanism);
        CHECK(contains(send.err(), "C: AUTH " + r.mechanism));
        CHECK_FALSE(tells_a_secret(send.err()));
        CHECK_FALSE(tells_a_secret(send.out()));
        REQUIRE(server->messages().size() == 1);
        CHECK(server->messages()[0].user == "alice");
    }
}

TEST_CASE("a client shows its certificate, and the oldest version of TLS can be set")
{
    auto options    = server_options();
    options.main_cf = {{"smtpd_tls_ask_ccert", "yes"},
                       {"smtpd_tls_CAfile", authority().ca()},
                       {"smtpd_tls_protocols", "TLSv1.2"}};
    support::postfix             server(options);
    message_file const           message(text);
    support::certificate_request request;
    request.common_name = "client.example.test";
    auto const    mine  = authority().issue("client", request);
    strings const how   = {
          "--url", url("smtp", server.port()), "--ca",      authority().ca(), "--from", "sender@elsewhere.test",
          "--to",  "alice@example.test",       "--message", message.path(),   "--json"};

    run with(how + strings{"--cert", mine.file, "--key", mine.key, "--source", "127.0.0.3"});
    CHECK(with.status() == 0);
    CHECK(with.object().at("tls").at("version") == "TLSv1.2");
    auto const trace = support::parse_delivered(server.wait_for_mail("alice").at(0)).received.at(0);
    CHECK(contains(trace, "[127.0.0.3]"));
    CHECK(contains(trace, "Client CN \"client.example.test\""));
    CHECK(contains(trace, "verified OK"));

    run newer(how + strings{"--tls-min", "1.3"});
    CHECK(newer.status() == 76);
    CHECK(newer.object().at("error").at("phase") == "tls");
}

TEST_CASE("LMTP and Unix sockets are reached by their URLs")
{
    support::dovecot_options options;
    options.lmtp           = true;
    options.users[1].quota = 10;
    support::dovecot   server(options);
    support::temp_dir  dir("sink");
    message_file const message(text);
    strings const      rest = {"--from",    "sender@elsewhere.test", "--to",  "alice@example.test",
                               "--message", message.path(),          "--json"};

    for (auto const& how : {strings{"--url", "lmtp+unix:" + server.lmtp_socket().string()},
                            strings{"--url", url("lmtp", server.lmtp_port()), "--tls", "none"}})
    {
        run send(how + rest + strings{"--to", "nobody@example.test", "--to", "bob@example.test", "--trace"});
        CHECK(send.status() == 65);
        INFO(send.err());
        CHECK(contains(send.err(), "C: LHLO "));
        auto const result = send.object();
        CHECK(result.at("outcome") == "partial");
        CHECK(result.at("recipients").at(0).at("outcome") == "accepted");
        CHECK(result.at("recipients").at(1).at("phase") == "rcpt");
        CHECK(result.at("recipients").at(1).at("code") == 550);
        CHECK(result.at("recipients").at(2).at("phase") == "content");
        CHECK(result.at("recipients").at(2).at("code") == 552);
    }
    CHECK(server.mailbox("alice").size() == 2);

    auto settings        = everything();
    settings.listen.path = (dir / "smtp").string();
    sink const local(std::move(settings));
    run        send(strings{"--url", "smtp+unix:" + (dir / "smtp").string()} + rest);
    CHECK(send.status() == 0);
    CHECK(local->messages().size() == 1);
    run nobody(strings{"--url", "smtp+unix:" + (dir / "nobody").string()} + rest);
    CHECK(nobody.status() == 69);
}

TEST_CASE("a message is sent many times, one after the other or as a burst")
{
    message_file const message(text);
    std::size_t const  count = 30;
    for (bool const burst : {false, true})
        for (std::string const from : {"file", "input"})
        {
            CAPTURE(burst);
            CAPTURE(from);
            sink const server(everything());
            auto const how = envelope_to(server) +
                             strings{"--to", "alice@example.test", "--count", std::to_string(count)} +
                             (burst ? strings{"--burst"} : strings{}) +
                             (from == "file" ? strings{"--message", message.path()} : strings{});
            run send(how, from == "file" ? std::filesystem::path() : std::filesystem::path(message.path()));
            auto const status = send.status();
            INFO(send.err());
            CHECK(status == 0);
            auto const result = send.object();
            CHECK(result.at("outcome") == "accepted");
            CHECK(result.at("error").is_null());
            CHECK(result.at("recipients").size() == 1);
            CHECK(result.at("transfer") == (burst ? "BDAT" : "DATA"));
            CHECK(result.at("bytes") == count * (burst ? text.size() : text.size() + 1 + 3));
            CHECK(result.at("messages") == json({{"total", count},
                                                 {"accepted", count},
                                                 {"partial", 0},
                                                 {"refused", 0},
                                                 {"temporary", 0},
                                                 {"in_doubt", 0},
                                                 {"not_sent", 0}}));
            REQUIRE(server->messages().size() == count);
            for (auto const& one : server->messages())
                CHECK(one.content == text);
            CHECK(server->connections().size() == 1);
            if (burst)
                CHECK(server->connections()[0].round_trips < 2 * count); // fewer than DATA and content take
            CHECK(server->violations().empty());
        }
}

TEST_CASE("many messages go over several connections, each one by one or as a burst")
{
    message_file const message(text);
    std::size_t const  count = 41;
    for (bool const burst : {false, true})
    {
        CAPTURE(burst);
        sink const server(everything());
        run        send(envelope_to(server) +
                        strings{"--to", "alice@example.test", "--count", std::to_string(count), "--connections", "4", "--message",
                                message.path()} +
                        (burst ? strings{"--burst"} : strings{}));
        auto const status = send.status();
        INFO(send.err());
        CHECK(status == 0);
        CHECK(send.object().at("messages").at("accepted") == count);
        CHECK(server->messages().size() == count);
        CHECK(server->connections().size() == 4);
        for (auto const& c : server->connections())
            CHECK(c.ending == "QUIT");
        CHECK(server->violations().empty());
    }
    sink const server(everything());
    run        alone(envelope_to(server) +
                     strings{"--to", "alice@example.test", "--connections", "4", "--message", message.path()});
    CHECK(alone.status() == 64);
    CHECK(contains(alone.err(), "--count"));
}

TEST_CASE("a key that is pinned, or told by DNSSEC, is accepted and no other; the error tells which it is")
{
    sink const         server(everything());
    message_file const message(text);
    // By name: TLSA records are about names.
    strings const how = {"--url",  "smtp://localhost:" + std::to_string(server->port()), "--from", "sender@elsewhere.test", "--to",
                         "alice@example.test", "--message", message.path(), "--json"};
    auto const after = [](std::string const& whole, std::string const& part) {
        auto const at = whole.find(part);
        REQUIRE(at != whole.npos);
        auto const begin = at + part.size();
        return whole.substr(begin, whole.find_first_of(" ;(", begin) - begin);
    };
    run wrong_tlsa(how + strings{"--tlsa", "3 1 1 " + std::string(64, 'a')});
    CHECK(wrong_tlsa.status() == 76);
    std::string const digest = after(wrong_tlsa.object().at("error").at("message"), "`3 1 1` would be ");
    run               right_tlsa(how + strings{"--tlsa", "3 1 1 " + std::string(64, 'a'), "--tlsa", "3 1 1 " + digest});
    CHECK(right_tlsa.status() == 0);
    CHECK(right_tlsa.object().at("tls").at("verified") == true);

    strings const     trusting = how + strings{"--ca", authority().ca()};
    std::string const none     = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    run               wrong_pin(trusting + strings{"--pin", none});
    CHECK(wrong_pin.status() == 76);
    std::string const pin = "sha256//" + after(wrong_pin.object().at("error").at("message"), "the peer's key is sha256//");
    run               right_pin(trusting + strings{"--pin", none, "--pin", pin});
    CHECK(right_pin.status() == 0);

    for (auto const& bad : {strings{"--tlsa", "3 1 1 xyz"}, strings{"--pin", "abc"}, strings{"--tlsa", "3 1 1 " + digest, "--insecure"},
                            strings{"--pin", pin, "--tls", "none"}})
    {
        run refused(how + bad);
        CHECK(refused.status() == 64);
        CHECK(contains(refused.err(), bad[0]));
    }
    CHECK(server->messages().size() == 2);
}

TEST_CASE("a server is reached by way of a proxy")
{
    support::temp_dir        dir("proxy");
    std::uint16_t const      port = support::free_port();
    support::process_options options;
    options.argv   = {support::find_program("microsocks", "microsocks").string(), "-i", "127.0.0.1", "-p", std::to_string(port),
                      "-u", "user", "-P", password};
    options.output = dir / "log";
    support::process const proxy(options);
    REQUIRE(support::poll_until(support::default_patience,
                                [&] { return static_cast<bool>(support::connect_tcp(port)); }));
    sink const         server(everything());
    message_file const message(text);
    strings const      how = envelope_to(server) + strings{"--to", "alice@example.test", "--message", message.path()};
    std::string const  at  = "@127.0.0.1:" + std::to_string(port);
    run good(how + strings{"--proxy", std::string("socks5h://user:") + password + at});
    CHECK(good.status() == 0);
    run wrong(how + strings{"--proxy", std::string("socks5h://user:") + wrong_password + at});
    CHECK(wrong.status() == 69);
    CHECK_FALSE(tells_a_secret(wrong.out()));
    CHECK(contains(wrong.object().at("error").at("message").get<std::string>(), "login"));
    run unknown(how + strings{"--proxy", std::string("ftp://user:") + password + at});
    CHECK(unknown.status() == 64);
    CHECK_FALSE(tells_a_secret(unknown.err()));
    CHECK(server->messages().size() == 1);
}

TEST_CASE("of many messages the worst counts, and the first that did not go well is shown")
{
    message_file const message(text);
    for (bool const burst : {false, true})
    {
        CAPTURE(burst);
        auto settings = everything();
        int  asked    = 0;
        // The third is refused for now, the fifth for good.
        settings.on_rcpt = [&asked](testing::smtp_path const&) {
            ++asked;
            if (asked == 3)
                return testing::smtp_reply(451, "4.3.0 not now");
            return asked == 5 ? testing::smtp_reply(550, "5.1.1 never") : testing::smtp_reply();
        };
        sink const server(std::move(settings));
        run        send(envelope_to(server) +
                        strings{"--to", "alice@example.test", "--count", "8", "--message", message.path()} +
                        (burst ? strings{"--burst"} : strings{}));
        CHECK(send.status() == 65);
        auto const result = send.object();
        CHECK(result.at("outcome") == "refused");
        CHECK(result.at("recipients").at(0).at("code") == 451);
        CHECK(result.at("messages").at("total") == 8);
        CHECK(result.at("messages").at("accepted") == 6);
        CHECK(result.at("messages").at("temporary") == 1);
        CHECK(result.at("messages").at("refused") == 1);
        CHECK(server->messages().size() == 6);
    }
}

TEST_CASE("messages that were not tried any more are not sent")
{
    message_file const message(text);
    for (bool const burst : {false, true})
    {
        run send(strings{"--url", url("smtp", support::free_port()), "--tls", "none", "--from",
                         "sender@elsewhere.test", "--to", "alice@example.test", "--message", message.path(),
                         "--json", "--count", "4"} +
                 (burst ? strings{"--burst"} : strings{}));
        CHECK(send.status() == 69);
        auto const result = send.object();
        CHECK(result.at("outcome") == "not_sent");
        CHECK(result.at("messages").at("not_sent") == 4);
        CHECK(result.at("recipients").at(0).at("outcome") == "not_sent");
        CHECK(result.at("error").at("phase") == "connect");
    }
}

TEST_CASE("the time limits end a run")
{
    message_file const message(text);
    strings const      rest = {
             "--tls",     "none",         "--from", "sender@elsewhere.test", "--to", "alice@example.test",
             "--message", message.path(), "--json"};
    auto const begin = std::chrono::steady_clock::now();
    SUBCASE("for one message, at the end of its content: in doubt, 74")
    {
        auto settings       = everything();
        settings.on_message = [](testing::smtp_sink_message const&) {
            std::this_thread::sleep_for(std::chrono::seconds(3));
            return testing::smtp_reply();
        };
        sink const server(std::move(settings));
        run        send(strings{"--url", url("smtp", server->port()), "--timeout", "0.5"} + rest);
        CHECK(send.status() == 74);
        CHECK(send.object().at("outcome") == "in_doubt");
    }
    SUBCASE("for one message, before that: 75")
    {
        auto settings    = everything();
        settings.on_mail = [](testing::smtp_path const&) {
            std::this_thread::sleep_for(std::chrono::seconds(2));
            return testing::smtp_reply();
        };
        sink const server(std::move(settings));
        for (auto const& count :
             {strings{}, strings{"--count", "3"}, strings{"--count", "3", "--burst", "--chunking", "off"}})
        {
            run send(strings{"--url", url("smtp", server->port()), "--timeout", "0.5"} + rest + count);
            CHECK(send.status() == 75);
            auto const result = send.object();
            CHECK(result.at("outcome") == "not_sent");
            CHECK(result.at("error").is_object());
            if (!count.empty())
                CHECK(result.at("messages").at("not_sent") == 3);
        }
    }
    SUBCASE("for the connection: 69")
    {
        // Whose queue of connections is full does not answer.
        support::unique_socket              deaf(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        auto const                          port = support::free_port();
        std::vector<support::unique_socket> queue;
        REQUIRE(support::detail::bind_loopback(deaf.get(), port));
        REQUIRE(::listen(deaf.get(), 0) == 0);
        auto const address = support::detail::loopback(port);
        for (int i = 0; i < 4; ++i)
        {
            queue.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            std::ignore =
                ::connect(queue.back().get(), reinterpret_cast<sockaddr const*>(&address), sizeof address);
        }
        for (std::string const option : {"--connect-timeout", "--timeout"})
        {
            run send(strings{"--url", url("smtp", port), option, "0.3"} + rest);
            CHECK(send.status() == 69);
            CHECK(send.object().at("error").at("phase") == "connect");
        }
    }
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

TEST_CASE("a terminal shows the progress, unless the output is for programs")
{
    message_file const message("Subject: x\r\n\r\n" + std::string(100, 'x') + "\r\n");
    sink const         server(everything());
    auto const         on_terminal = [&](std::string const& more) {
        support::process_options o;
        o.argv = {support::find_program("script", "bsdutils").string(),
                  "-q",
                  "-e",
                  "-c",
                  tool() + " --url " + url("smtp", server->port()) +
                      " --tls none --from a@example.test --to alice@example.test --message " +
                      message.path() + more,
                  "/dev/null"};
        return support::run(o);
    };
    auto const shown = on_terminal("");
    CHECK(shown.status == 0);
    CHECK(contains(shown.output, "[####"));
    CHECK(contains(shown.output, "100% of "));
    CHECK(contains(shown.output, "alice@example.test: accepted"));
    CHECK_FALSE(contains(on_terminal(" --json").output, "[####"));
    CHECK_FALSE(contains(on_terminal(" --trace").output, "[####"));
}

TEST_CASE(
    "options that contradict each other, or that no server could obey, are usage errors that say what to do")
{
    message_file const   message(text);
    message_file const   empty("");
    support::temp_dir    folder("folder");
    support::certificate mine = authority().server();
    strings const        good = {"--url", "smtp://localhost:1", "--from", "a@example.test",
                                 "--to",  "b@example.test",     "--json"};
    struct row
    {
        strings     options;
        std::string said;
    };
    std::string const file   = message.path();
    row const         rows[] = {
                {{"--user", "a", "--password", "x", "--password-file", file}, "more than once"},
                {{"--user", "a", "--password", "x", "--password-env", "HOME"}, "more than once"},
                {{"--user", "a", "--password-file", file + ".gone"}, "cannot read"},
                {{"--user", "a", "--password-file", folder.path()}, "is a folder"},
                {{"--user", "a", "--password-file", empty.path()}, "password is empty"},
                {{"--user", "a", "--password-env", "NO_SUCH_VARIABLE"}, "NO_SUCH_VARIABLE"},
                {{"--user", "a"}, "--password-file"},
                {{"--user", ""}, "name is empty"},
                {{"--password", "x"}, "--user"},
                {{"--auth", "PLAIN"}, "--user"},
                {{"--allow-plaintext-auth"}, "--user"},
                {{"--user", "a", "--password", "x", "--auth", "TELEPATHY"}, "TELEPATHY"},
                {{"--ipv4", "--ipv6"}, "contradict"},
                {{"--ipv6", "--source", "127.0.0.1"}, "other family"},
                {{"--ipv4", "--source", "::1"}, "other family"},
                {{"--source", "localhost"}, "no IP address"},
                {{"--cert", mine.file}, "--key"},
                {{"--key", mine.key}, "--cert"},
                {{"--cert", mine.file, "--key", file}, file},
                {{"--cert", file, "--key", mine.key}, file},
                {{"--ca", file}, file},
                {{"--ca", folder.path()}, "is a folder"},
                {{"--tls-min", "1.1"}, "1.1"},
                {{"--ehlo", "not a name"}, "--ehlo"},
                {{"--connect-timeout", "0"}, "--connect-timeout"},
                {{"--timeout", "soon"}, "--timeout"},
                {{"--to", "a b@example.test"}, "--to: 'a b@example.test'"},
                {{"--policy", "some"}, "--policy"},
                {{"--notify", "never,success"}, "never"},
                {{"--notify", "always"}, "always"},
                {{"--notify", ""}, "--notify"},
                {{"--orcpt", "a@b.test", "--orcpt", "c@d.test"}, "--orcpt"},
                {{"--ret", "some"}, "--ret"},
                {{"--envid", std::string(101, 'x')}, "ENVID"},
                {{"--envid", ""}, "--envid"},
                {{"--require-tls", "--tls", "none"}, "--require-tls"},
                {{"--priority", "10"}, "--priority"},
                {{"--deliver-by", "soon"}, "--deliver-by"},
                {{"--deliver-by", "10;X"}, "--deliver-by"},
                {{"--deliver-by", "0;R"}, "BY"},
                {{"--deliver-by", "1000000000"}, "BY"},
                {{"--hold-for", "0"}, "--hold-for"},
                {{"--hold-for", "5", "--hold-until", "2030-01-01T00:00:00Z"}, "exclude"},
                {{"--hold-until", "tomorrow"}, "HOLDUNTIL"},
                {{"--smtputf8", "maybe"}, "--smtputf8"},
                {{"--line-endings", "verbatim", "--chunking", "off"}, "BDAT"},
                {{"--chunk-size", "0"}, "--chunk-size"},
                {{"--count", "0"}, "--count"},
                {{"--message", folder.path()}, "is a folder"},
                {{"b@example.test"}, "b@example.test"},
    };
    for (auto const& r : rows)
    {
        run send(good + (r.options[0] == "--message" ? strings{} : strings{"--message", file}) + r.options);
        auto const status = send.status();
        INFO(r.options[0], ' ', r.options.back());
        CHECK(status == 64);
        CHECK(send.out().empty());
        CHECK_MESSAGE(contains(send.err(), r.said), send.err());
    }
    struct other
    {
        std::string address;
        strings     options;
        std::string said;
    };
    for (other const& o :
         {other{"smtps://localhost", {"--tls", "starttls"}, "use smtp://"},
          other{"smtps://localhost", {"--tls", "none"}, "use smtp://"},
          other{"smtp://a:secret-Word@localhost", {"--user", "b"}, "given twice"},
          other{"smtp://a:secret-Word@localhost", {"--password", "x"}, "more than once"},
          other{"smtp+unix:/nowhere", {"--ipv4"}, "Unix socket"},
          other{"lmtp+unix:/nowhere", {"--source", "127.0.0.1"}, "Unix socket"},
          other{"https://localhost", {}, "smtp://"}, other{"smtp://a:secret-Word@local host", {}, "--url"}})
    {
        run send(strings{"--url", o.address, "--from", "a@example.test", "--to", "b@example.test",
                         "--message", file} +
                 o.options);
        CHECK(send.status() == 64);
        CHECK_MESSAGE(contains(send.err(), o.said), send.err());
        CHECK_FALSE(contains(send.err(), "secret-Word"));
    }
}

TEST_SUITE_END();
