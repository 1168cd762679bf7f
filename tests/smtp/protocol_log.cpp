//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/protocol_log.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/smtp/event.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smtp   = posthorn::smtp;
namespace events = posthorn::smtp::events;

TEST_SUITE_BEGIN("smtp/protocol_log");

namespace {

/// The lines that an event becomes, by way of the handler as a session holds it.
std::vector<std::string> lines_of(smtp::event const& e)
{
    std::vector<std::string>  lines;
    auto const                keep    = [&lines](std::string_view line) { lines.emplace_back(line); };
    smtp::event_handler const handler = smtp::protocol_log(keep);
    handler(e);
    return lines;
}

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("each line on the wire is a line in the log")
{
    CHECK(lines_of(events::command {smtp::phase::mail, "MAIL FROM:<a@b>"}) == lines {"C: MAIL FROM:<a@b>"});
    smtp::reply const one(250, "ok");
    CHECK(lines_of(events::replied {smtp::phase::mail, one}) == lines {"S: 250 ok"});
    smtp::reply const three(550, "5.1.1 no\n5.1.1 such\n5.1.1 user");
    CHECK(lines_of(events::replied {smtp::phase::rcpt, three}) ==
          lines {"S: 550-5.1.1 no", "S: 550-5.1.1 such", "S: 550 5.1.1 user"});
    smtp::reply const bare(250, "");
    CHECK(lines_of(events::replied {smtp::phase::rcpt, bare}) == lines {"S: 250 "});
}

TEST_CASE("what happens beside the dialogue is marked as such")
{
    CHECK(lines_of(events::connected {"mx.example:25"}) == lines {"*: connected to mx.example:25"});
    CHECK(lines_of(events::secured {"TLSv1.3", "TLS_AES_128_GCM_SHA256", true, false}) ==
          lines {"*: TLSv1.3 TLS_AES_128_GCM_SHA256, certificate verified"});
    CHECK(lines_of(events::secured {"TLSv1.2", "X", false, true}) ==
          lines {"*: TLSv1.2 X, certificate NOT verified, session resumed"});
    CHECK(lines_of(events::authenticated {"PLAIN"}) == lines {"*: authenticated with PLAIN"});
    CHECK(lines_of(events::closed {{}}) == lines {"*: closed"});
    CHECK(lines_of(events::closed {posthorn::errc::timeout}) == lines {"*: closed: the deadline passed"});
}

TEST_CASE("content is shown as its size only, and the end of a message not at all")
{
    CHECK(lines_of(events::progress {1234, 5678, std::nullopt}) == lines {"C: [1234 octets of content]"});
    smtp::report const r;
    CHECK(lines_of(events::finished {r}).empty());
}

TEST_CASE("nothing that either side sends can control a terminal or forge a line")
{
    CHECK(lines_of(events::command {smtp::phase::command, "X\r\nS: 250 ok\x1b[2J"}) ==
          lines {"C: X\\x0d\\x0aS: 250 ok\\x1b[2J"});
    smtp::reply const nasty(250, "a\rb\x1b]0;x\x07\xff\xc2\x9b");
    CHECK(lines_of(events::replied {smtp::phase::command, nasty}) ==
          lines {"S: 250 a\\x0db\\x1b]0;x\\x07\\xff\\xc2\\x9b"});
    CHECK(lines_of(events::connected {"a\nb"}) == lines {"*: connected to a\\x0ab"});
    CHECK(lines_of(events::authenticated {"a\nb"}) == lines {"*: authenticated with a\\x0ab"});
}

TEST_SUITE_END();
