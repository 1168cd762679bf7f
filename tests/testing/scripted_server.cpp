//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/error.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/scripted_server.hpp>
#include <posthorn/testing/server_thread.hpp>

#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <support/temp_dir.hpp>
#include <support/tls_server_settings.hpp>
#include <support/wire.hpp>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using support::wire;
using testing::script;
using testing::scripted_server;
using testing::scripted_server_settings;

TEST_SUITE_BEGIN("testing/scripted_server");

namespace {

using server_thread = testing::server_thread<scripted_server>;

/// Limits so short that a step that waits in vain does not hold the tests up.
scripted_server_settings impatient()
{
    scripted_server_settings s;
    s.patience = 50ms;
    return s;
}

using strings = std::vector<std::string>;

/// Plays a script against a client and returns the failures.
strings play(script const& s, std::function<void(wire&)> const& client,
             scripted_server_settings const& settings = scripted_server_settings())
{
    server_thread server(s, settings);
    wire          w(server->port());
    client(w);
    w.drop();
    server.call(server->until_done());
    return server->failures();
}

/// The failure of the only step of a script, without "connection 1, step 1, ".
std::string failure(script const& s, std::function<void(wire&)> const& client,
                    scripted_server_settings const& settings = scripted_server_settings())
{
    auto const failures = play(s, client, settings);
    REQUIRE(failures.size() == 1);
    std::string const begin = "connection 1, step 1, ";
    REQUIRE(failures[0].substr(0, begin.size()) == begin);
    return failures[0].substr(begin.size());
}

/// A client that says something and waits for the end.
std::function<void(wire&)> says(std::string text)
{
    return [text](wire& w) {
        w.send(text);
        w.receive_all();
    };
}

/// A client that says something and closes its direction.
std::function<void(wire&)> says_and_closes(std::string text)
{
    return [text](wire& w) {
        w.send(text);
        w.half_close();
        w.receive_all();
    };
}

std::function<void(wire&)> silent() { return says(""); }

struct tls_sides
{
    tls_sides()
    {
        server = net::tls_context(support::tls_server_settings(ca.issue({"scripted.test"})));
        net::tls_settings c;
        c.ca_pem = ca.pem();
        client   = net::tls_context(c);
    }

    testing::certificate_authority ca;
    net::tls_context               server;
    net::tls_context               client;
};

} // namespace

TEST_CASE("a conversation that follows the script leaves no failure, and a transcript")
{
    script const talk =
        script().opening({"PIPELINING", "SIZE 1000"}).expect("MAIL FROM:<a@b>").reply("250 ok").quit();
    server_thread server(talk);
    wire          client(server->port());
    CHECK(client.receive_line() == "220 scripted.test ESMTP\r\n");
    CHECK(client.ask("EHLO me") == "250-scripted.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n");
    CHECK(client.ask("MAIL FROM:<a@b>") == "250 ok\r\n");
    CHECK(client.ask("QUIT") == "221 2.0.0 bye\r\n");
    client.close();
    server.call(server->until_done());
    CHECK(server->failures() == strings());
    CHECK(server->connections() == 1);
    CHECK(server->received() == "EHLO me\r\nMAIL FROM:<a@b>\r\nQUIT\r\n");
    CHECK(server->transcript() == "S: \"220 scripted.test ESMTP\\r\\n\"\n"
                                  "C: \"EHLO me\\r\\n\"\n"
                                  "S: \"250-scripted.test\\r\\n\"\n"
                                  "S: \"250-PIPELINING\\r\\n\"\n"
                                  "S: \"250 SIZE 1000\\r\\n\"\n"
                                  "C: \"MAIL FROM:<a@b>\\r\\n\"\n"
                                  "S: \"250 ok\\r\\n\"\n"
                                  "C: \"QUIT\\r\\n\"\n"
                                  "S: \"221 2.0.0 bye\\r\\n\"\n"
                                  "-- closed by the client\n"
                                  "-- closed by the script\n");
    CHECK(server->transcript(2).empty());
    CHECK(server->received(0).empty());
}

TEST_CASE("hello without extensions is one line")
{
    CHECK(play(script().opening().quit(), [](wire& w) {
              w.receive_line();
              CHECK(w.ask("EHLO me") == "250 scripted.test\r\n");
              w.ask("QUIT");
          }).empty());
}

TEST_CASE("expected lines: exact, prefix, expression, any")
{
    CHECK(play(script().expect("a"), says("a\r\n")).empty());
    CHECK(play(script().expect(""), says("\r\n")).empty());
    CHECK(play(script().expect_prefix("ab"), says("abc\r\n")).empty());
    CHECK(play(script().expect_match("RCPT TO:<[a-z]+>"), says("RCPT TO:<abc>\r\n")).empty());
    CHECK(play(script().expect_any().expect_any(), says("whatever\r\n\r\n")).empty());
    CHECK(play(script().expect("ab").expect("c"), [](wire& w) {
              for (char const* piece : {"a", "b", "\r", "\nc\r", "\n"})
                  w.send(piece);
              w.receive_all();
          }).empty());

    CHECK(failure(script().expect("a"), says("b\r\n")) == "expect \"a\": got the line \"b\"");
    CHECK(failure(script().expect("a"), says("A\r\n")) == "expect \"a\": got the line \"A\"");
    CHECK(failure(script().expect("a"), says("a \r\n")) == "expect \"a\": got the line \"a \"");
    CHECK(failure(script().expect("a"), says("a\n")) ==
          "expect \"a\": got a line that does not end in CRLF: \"a\\n\"");
    CHECK(failure(script().expect_prefix("ab"), says("a\r\n")) == "expect_prefix \"ab\": got the line \"a\"");
    CHECK(failure(script().expect_match("a+"), says("aab\r\n")) ==
          "expect_match \"a+\": got the line \"aab\"");
    CHECK(failure(script().expect_any(), says("\x01\n")).find("\\x01\\n") != std::string::npos);
    CHECK(failure(script().expect("a"), says_and_closes("half")) ==
          "expect \"a\": the client closed; there is only \"half\"");
    CHECK(failure(script().expect("a"), silent(), impatient()) ==
          "expect \"a\": nothing happened within 50 ms");
    CHECK(failure(script().expect("a"), says("a\r"), impatient()) ==
          "expect \"a\": nothing happened within 50 ms; there is only \"a\\r\"");
    CHECK(failure(script().expect("a"), says(std::string(1100000, 'x'))).substr(0, 40) ==
          "expect \"a\": got a line without end: \"xxx");
    CHECK_THROWS_AS(script().expect_match("("), std::regex_error);
}

TEST_CASE("expected octets")
{
    CHECK(play(script().expect_bytes("ab\nc").expect("d"), says("ab\ncd\r\n")).empty());
    CHECK(play(script().expect_bytes("abc"), [](wire& w) {
              for (char const* piece : {"a", "b", "c"})
                  w.send(piece);
              w.receive_all();
          }).empty());
    CHECK(failure(script().expect_bytes("abc"), says("abx")) ==
          "expect_bytes \"abc\": octet 2 differs: got \"x\"");
    CHECK(failure(script().expect_bytes("abc"), says("x")) ==
          "expect_bytes \"abc\": octet 0 differs: got \"x\"");
    CHECK(failure(script().expect_bytes("abc"), says_and_closes("ab")) ==
          "expect_bytes \"abc\": the client closed; there is only \"ab\"");
    CHECK(failure(script().expect_bytes("abc"), says("ab"), impatient()) ==
          "expect_bytes \"abc\": nothing happened within 50 ms; there is only \"ab\"");
}

TEST_CASE("expected content")
{
    CHECK(play(script().expect_data().expect("QUIT"), says("a\r\n.\r\nQUIT\r\n")).empty());
    CHECK(play(script().expect_data("a\r\n.b\r\n"), says("a\r\n..b\r\n.\r\n")).empty());
    CHECK(play(script().expect_data(""), says(".\r\n")).empty());
    CHECK(failure(script().expect_data("a\r\n"), says("b\r\n.\r\n")) ==
          "expect_data \"a\\r\\n\": got the content \"b\\r\\n\"");
    CHECK(failure(script().expect_data(), says_and_closes("abc\n.\n")) ==
          "expect_data: the client closed within the content, after 6 octets");
    CHECK(failure(script().expect_data(), says("abc\r\n."), impatient()) ==
          "expect_data: nothing happened within 50 ms");
}

TEST_CASE("nothing may have arrived")
{
    CHECK(play(script().expect_nothing(30ms).send("x"), [](wire& w) {
              CHECK(w.receive_until("x") == "x");
          }).empty());
    CHECK(failure(script().expect_nothing(10s), says("abc")) == "expect_nothing: got \"abc\"");
    CHECK(failure(script().expect_nothing(10s), says_and_closes("")) == "expect_nothing: the client closed");
    // What came together with something expected counts as well.
    CHECK(play(script().expect("a").expect_nothing(30ms), says("a\r\nb")) ==
          strings{"connection 1, step 2, expect_nothing: got \"b\""});
    // After the silence the conversation goes on.
    CHECK(play(script().expect_nothing(30ms).send("x").expect("y"), [](wire& w) {
              w.receive_until("x");
              w.send("y\r\n");
          }).empty());
}

TEST_CASE("the client has to close")
{
    CHECK(play(script().expect_close(), [](wire& w) { w.drop(); }).empty());
    CHECK(play(script().expect_close(), says_and_closes("")).empty());
    CHECK(failure(script().expect_close(), says("abc")) == "expect_close: got \"abc\"");
    CHECK(failure(script().expect_close(), silent(), impatient()) ==
          "expect_close: nothing happened within 50 ms");
}

TEST_CASE("a reset by the client is an end, and the transcript knows")
{
    server_thread server(script().send("unread").expect_close());
    {
        wire         client(server->port());
        linger const hard{1, 0};
        CHECK(client.receive_until("unread") == "unread");
        REQUIRE(::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    }
    server.call(server->until_done());
    CHECK(server->failures().empty());
    CHECK(server->transcript().find("-- ended by the client: ") != std::string::npos);
}

TEST_CASE("reading whatever there is")
{
    CHECK(play(script().read_some().expect_close(), [](wire& w) { w.send("abc"); }).empty());
    CHECK(failure(script().read_some(), says_and_closes("")) == "read_some: the client closed");
    CHECK(failure(script().read_some(), silent(), impatient()) == "read_some: nothing happened within 50 ms");
}

TEST_CASE("sending: at once, in segments, slowly, in floods")
{
    CHECK(
        play(script().send("abc").reply("d"), [](wire& w) { CHECK(w.receive_all() == "abcd\r\n"); }).empty());
    CHECK(play(script().send_segments({"ab", "", "c"}, 5ms), [](wire& w) {
              CHECK(w.receive_all() == "abc");
          }).empty());
    CHECK(play(script().send_slowly("abcdefg", 3, 5ms), [](wire& w) {
              CHECK(w.receive_all() == "abcdefg");
          }).empty());
    CHECK(play(script().send_flood("250-x\r\n", 100000), [](wire& w) {
              std::string const all = w.receive_all();
              CHECK(all.size() == 700000);
              CHECK(all.substr(699993) == "250-x\r\n");
          }).empty());
    CHECK(play(script().send_flood("", 5).send_flood("x", 0), [](wire& w) {
              CHECK(w.receive_all() == "");
          }).empty());
}

TEST_CASE("segments arrive one by one")
{
    auto const    begin = std::chrono::steady_clock::now();
    server_thread server(script().send_segments({"a", "b", "c"}, 30ms));
    wire          client(server->port());
    CHECK(client.receive_all() == "abc");
    CHECK(std::chrono::steady_clock::now() - begin >= 60ms);
}

TEST_CASE("a client that has had enough of a flood or of drops is no failure, one that stops reading is")
{
    CHECK(play(script().send_flood("x", 1000000000).expect_close(), [](wire& w) {
              w.receive_until("x");
          }).empty());
    CHECK(play(script().send_slowly(std::string(100000, 'x'), 1, 1ms).expect_close(), [](wire& w) {
              w.receive_until("x");
          }).empty());
    server_thread server(script().send_flood("x", 1000000000), impatient());
    wire          client(server->port());
    server.call(server->until_done());
    REQUIRE(server->failures().size() == 1);
    CHECK(server->failures()[0] == "connection 1, step 1, send_flood: nothing happened within 50 ms");
}

TEST_CASE("a pause reads nothing and ends by itself")
{
    auto const begin = std::chrono::steady_clock::now();
    CHECK(play(script().pause(100ms).expect("a"), says("a\r\n"), impatient()).empty());
    CHECK(std::chrono::steady_clock::now() - begin >= 100ms);
}

TEST_CASE("closing: properly, half, by reset")
{
    server_thread proper(script().expect("a").send("x").close());
    wire          a(proper->port());
    a.send("a\r\nmore that nobody reads");
    CHECK(a.receive_all() == "x");
    CHECK_FALSE(a.was_reset());
    CHECK(proper->received() == "a\r\nmore that nobody reads");

    server_thread half(script().half_close().expect("still here").expect_close());
    wire          b(half->port());
    CHECK(b.receive_all() == "");
    b.send("still here\r\n");
    b.close();
    half.call(half->until_done());
    CHECK(half->failures().empty());

    server_thread hard(script().expect("a").reset());
    wire          c(hard->port());
    c.send("a\r\n");
    CHECK(c.receive_all() == "");
    CHECK(c.was_reset());
    CHECK(hard->transcript().find("-- reset by the script\n") != std::string::npos);

    CHECK(play(script().cut(), [](wire& w) {
              CHECK(w.receive_all() == "");
              CHECK_FALSE(w.was_reset());
          }).empty());
}

TEST_CASE("after the script has closed, nothing more can be done")
{
    for (script const& end : {script().close(), script().cut(), script().reset()})
    {
        CHECK(play(script().then(end).send("x"), silent()) ==
              strings{"connection 1, step 2, send \"x\": the script has closed the connection already"});
        CHECK(play(script().then(end).expect("x"), silent()) ==
              strings{"connection 1, step 2, expect \"x\": the script has closed the connection already"});
        CHECK(play(script().then(end).reset(), silent()) ==
              strings{"connection 1, step 2, reset: the script has closed the connection already"});
        CHECK(play(script().then(end).close(), silent()).empty());
    }
}

TEST_CASE("stalling lasts until the client goes away")
{
    server_thread server(script().stall());
    {
        wire client(server->port());
        client.send("EHLO me\r\n");
        client.send("MAIL FROM:<>\r\n");
    }
    server.call(server->until_done());
    CHECK(server->failures().empty());
    CHECK(server->received() == "EHLO me\r\nMAIL FROM:<>\r\n");
    CHECK(failure(script().stall(), says("abc"), impatient()) == "stall: nothing happened within 50 ms");
}

TEST_CASE("the patience can be changed by a step")
{
    CHECK(play(script().within(20ms).expect("a"), silent()) ==
          strings{"connection 1, step 2, expect \"a\": nothing happened within 20 ms"});
    CHECK(play(
              script().within(30s).send("x").expect("a"),
              [](wire& w) {
                  w.receive_until("x");
                  std::this_thread::sleep_for(100ms); // longer than the patience of the settings
                  w.send("a\r\n");
              },
              impatient())
              .empty());
}

TEST_CASE("a function of the test can be a step")
{
    bool called = false;
    CHECK(play(script().run([&called] { called = true; }), silent()).empty());
    CHECK(called);
    CHECK(failure(script().run([] { throw std::runtime_error("not like this"); }), silent()) ==
          "run: not like this");
}

TEST_CASE("scripts can be joined and repeated")
{
    script s = script().expect("a");
    s.then(s).repeat(2, script().expect("b"));
    CHECK(s.size() == 4);
    s.repeat(2, s);
    CHECK(s.size() == 12);
    CHECK(play(s, says("a\r\na\r\nb\r\nb\r\na\r\na\r\nb\r\nb\r\na\r\na\r\nb\r\nb\r\n")).empty());
    CHECK(play(s, says("a\r\na\r\nb\r\nc\r\n")) ==
          strings{"connection 1, step 4, expect \"b\": got the line \"c\""});
}

TEST_CASE("a handshake in the middle, and an orderly end of TLS")
{
    tls_sides const          tls;
    scripted_server_settings settings;
    settings.tls_context = tls.server;
    script const talk =
        script().opening({"STARTTLS"}).expect("STARTTLS").reply("220 go").start_tls().hello({}).quit();
    server_thread server(talk, settings);
    wire          client(server->port());
    client.receive_line();
    client.ask("EHLO me");
    client.ask("STARTTLS");
    REQUIRE(client.start_tls(tls.client, "scripted.test") == "");
    CHECK(client.ask("EHLO me") == "250 scripted.test\r\n");
    CHECK(client.ask("QUIT") == "221 2.0.0 bye\r\n");
    client.close();
    server.call(server->until_done());
    CHECK(server->failures() == strings());
    CHECK(server->transcript().find("-- TLS is on\n") != std::string::npos);
    CHECK(server->transcript().find("-- closed by the client\n") != std::string::npos);
}

TEST_CASE("a TLS connection can be closed with and without close_notify")
{
    tls_sides const tls;
    CHECK(play(script().start_tls(tls.server).send("x").close(), [&tls](wire& w) {
              REQUIRE(w.start_tls(tls.client, "scripted.test") == "");
              CHECK(w.receive_all() == "x");
              CHECK_FALSE(w.was_truncated());
          }).empty());
    CHECK(play(script().start_tls(tls.server).send("x").cut(), [&tls](wire& w) {
              REQUIRE(w.start_tls(tls.client, "scripted.test") == "");
              CHECK(w.receive_all() == "x");
              CHECK(w.was_truncated());
          }).empty());
    server_thread server(script().start_tls(tls.server).expect_close());
    {
        wire client(server->port());
        REQUIRE(client.start_tls(tls.client, "scripted.test") == "");
        client.drop();
    }
    server.call(server->until_done());
    CHECK(server->failures().empty());
    CHECK(server->transcript().find("-- ended by the client: ") != std::string::npos); // cut short
}

TEST_CASE("a handshake that the client refuses is what some scripts expect")
{
    tls_sides const tls;
    tls_sides const stranger;
    auto const      refuses = [&](wire& w) {
        CHECK(w.start_tls(stranger.client, "scripted.test") != "");
        w.receive_all();
    };
    auto const accepts = [&](wire& w) {
        CHECK(w.start_tls(tls.client, "scripted.test") == "");
        w.receive_all();
    };
    CHECK(play(script().expect_tls_failure(tls.server), refuses).empty());
    CHECK(failure(script().expect_tls_failure(tls.server), accepts) ==
          "expect_tls_failure: the handshake succeeded");
    CHECK(failure(script().start_tls(tls.server), refuses).substr(0, 11) == "start_tls: ");
    CHECK(failure(script().start_tls(tls.server), says("NOOP\r\n")).substr(0, 11) == "start_tls: ");
    CHECK(failure(script().start_tls(tls.server), silent(), impatient()) ==
          "start_tls: nothing happened within 50 ms");
    CHECK(failure(script().expect_tls_failure(tls.server), silent(), impatient()) ==
          "expect_tls_failure: nothing happened within 50 ms");
    CHECK(failure(script().start_tls(), silent()) ==
          "start_tls: there is no TLS context, neither in the step nor in the settings");
    CHECK(
        play(script().expect("STARTTLS").start_tls(tls.server), says("STARTTLS\r\nNOOP\r\n")) ==
        strings{"connection 1, step 2, start_tls: before the handshake, in the clear, came \"NOOP\\r\\n\""});
}

TEST_CASE("each connection has its own script, and they run side by side")
{
    std::vector<script> const scripts{script().send("1").expect("a"), script().send("2").expect("b")};
    server_thread             server(scripts);
    wire                      first(server->port());
    CHECK(first.receive_until("1") == "1");
    wire second(server->port());
    CHECK(second.receive_until("2") == "2");
    second.send("x\r\n");
    second.receive_all();
    first.send("a\r\n");
    first.receive_all();
    server.call(server->until_done());
    CHECK(server->failures() == strings{"connection 2, step 2, expect \"b\": got the line \"x\""});
    CHECK(server->transcript(2).find("-- FAILED: step 2, expect \"b\"") != std::string::npos);
}

TEST_CASE("further connections are refused, or get the last script, or all again")
{
    std::vector<script> const scripts{script().send("1"), script().send("2")};
    scripted_server_settings  settings;
    for (auto const more :
         {scripted_server_settings::surplus::refused, scripted_server_settings::surplus::play_last,
          scripted_server_settings::surplus::start_over})
    {
        settings.more = more;
        server_thread server(scripts, settings);
        CHECK(wire(server->port()).receive_all() == "1");
        CHECK(wire(server->port()).receive_all() == "2");
        if (more == scripted_server_settings::surplus::refused)
            CHECK_THROWS(wire(server->port()));
        else
            CHECK(wire(server->port()).receive_all() ==
                  (more == scripted_server_settings::surplus::play_last ? "2" : "1"));
        server.call(server->until_done());
        CHECK(server->failures().empty());
    }
}

TEST_CASE("a script that was never begun is a failure")
{
    std::vector<script> const scripts(3, script());
    server_thread             server(scripts, impatient());
    wire(server->port()).receive_all();
    server.call(server->until_done());
    CHECK(server->failures() ==
          strings{"no connection came for script 2", "no connection came for script 3"});
    asio::io_context loop;
    CHECK_THROWS_AS(scripted_server(loop.get_executor(), std::vector<script>()), error);
}

TEST_CASE("a server that is stopped or destroyed leaves its connections, without failures")
{
    {
        server_thread server(script().expect("a"));
        wire          client(server->port());
        server->stop();
        CHECK(client.receive_all() == "");
        server.call(server->until_done());
        CHECK(server->failures().empty());
    }
    for (int const turns : {0, 1, 2, 3, 10})
    {
        std::optional<asio::io_context> loop(std::in_place);
        std::optional<scripted_server>  server(std::in_place, loop->get_executor(),
                                               script().send("x").expect("a"));
        server->start();
        wire client(server->port());
        for (int i = 0; i != turns; ++i)
            loop->poll_one();
        server.reset();
        loop.reset();
        client.receive_all();
    }
}

TEST_CASE("a Unix socket serves as well")
{
    support::temp_dir const  dir("script");
    scripted_server_settings settings;
    settings.listen.path = (dir / "socket").string();
    server_thread server(script().send("x").expect_close(), settings);
    wire          client(dir / "socket");
    CHECK(client.receive_until("x") == "x");
    client.close();
    server.call(server->until_done());
    CHECK(server->failures().empty());
}

TEST_SUITE_END();
