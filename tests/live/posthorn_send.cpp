//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The program posthorn-send, run as a process against a real Postfix: what it prints, and what it returns.

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <support/certs.hpp>
#include <support/dovecot.hpp>
#include <support/maildir.hpp>
#include <support/postfix.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using nlohmann::json;
using strings = std::vector<std::string>;

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

/// The program to test. CTest names it; whoever runs the test by hand has to.
std::string tool()
{
    char const* path = std::getenv("POSTHORN_SEND_PATH");
    if (path == nullptr || *path == '\0')
        throw std::runtime_error(
            "this test runs posthorn-send: configure with POSTHORN_BUILD_EXAMPLES=ON, or "
            "set POSTHORN_SEND_PATH to the program");
    if (::access(path, X_OK) != 0)
        throw std::runtime_error(std::string("POSTHORN_SEND_PATH names no program: ") + path);
    return std::filesystem::absolute(path).string();
}

/// A run of the program, with standard output and standard error apart.
class run
{
public:
    explicit run(strings const& arguments, std::filesystem::path const& input = {})
        : dir_("send"), process_(options(arguments, input))
    {
    }

    /// Waits for its end. @return The exit status.
    int status()
    {
        auto const s = process_.wait();
        if (!s)
            throw std::runtime_error("posthorn-send does not end; it wrote:\n" + err());
        return *s;
    }

    /// Waits for its end. @return The most memory it held at a time, in KiB.
    std::size_t peak_memory()
    {
        std::size_t most = 0;
        do
            most = std::max(most, peak_so_far());
        while (!process_.wait(support::milliseconds(1)));
        return most;
    }

    std::string out() const { return content("out"); }
    std::string err() const { return content("err"); }

    /// The one JSON object it printed.
    json object() const
    {
        auto const text = out();
        if (std::count(text.begin(), text.end(), '\n') != 1 || text.back() != '\n')
            throw std::runtime_error("not one line: " + text + err());
        return json::parse(text);
    }

private:
    support::process_options options(strings const& arguments, std::filesystem::path const& input) const
    {
        support::process_options o;
        o.argv = {"/bin/sh", "-c", "err=$1; shift; exec \"$@\" 2>\"$err\"", "sh", dir_ / "err", tool()};
        o.argv.insert(o.argv.end(), arguments.begin(), arguments.end());
        o.input  = input;
        o.output = dir_ / "out";
        return o;
    }

    std::string content(char const* name) const
    {
        return std::filesystem::exists(dir_ / name) ? support::read_file(dir_ / name) : std::string();
    }

    /// The kernel's high-water mark of the process; 0 when it has ended.
    std::size_t peak_so_far() const
    {
        std::ifstream status("/proc/" + std::to_string(process_.pid()) + "/status");
        for (std::string word; status >> word;)
            if (word == "VmHWM:")
            {
                std::size_t kib = 0;
                status >> kib;
                return kib;
            }
        return 0;
    }

    support::temp_dir dir_;
    support::process  process_;
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
                                "busy@example.test 450 4.2.1 come back later"};
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

/// A message in a file.
class message_file
{
public:
    explicit message_file(std::string_view text) : dir_("message") { support::write_file(path(), text); }

    std::string path() const { return (dir_ / "message").string(); }

private:
    support::temp_dir dir_;
};

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
    std::string           mechanism = "PLAIN";
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
        bool const at_rcpt = contains(expected.recipients[i], "b");
        if (contains(expected.recipients[i], "bad@"))
        {
            CHECK(one.at("phase") == "rcpt");
            CHECK(one.at("enhanced") == "5.1.1");
            CHECK(one.at("text") == "<bad@example.test>: Recipient address rejected: no such person");
        }
        else if (at_rcpt)
        {
            CHECK(one.at("phase") == "rcpt");
            CHECK(one.at("enhanced") == "4.2.1");
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

TEST_SUITE_END();
