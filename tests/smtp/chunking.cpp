//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Content by BDAT (RFC 3030): what arrives, how it is cut, and what happens when a part of it is refused.

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/source/file.hpp>
#include <posthorn/source/generator.hpp>
#include <posthorn/source/memory.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include <support/burst.hpp>
#include <support/dialogue.hpp>
#include <support/run_task.hpp>
#include <support/temp_dir.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using support::lines;
using support::talk;
using support::with_sink;
using testing::script;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("smtp/chunking");

namespace {

constexpr auto accepted = smtp::disposition::accepted;
constexpr auto perm     = smtp::disposition::refused_permanently;
constexpr auto temp     = smtp::disposition::refused_temporarily;
constexpr auto not_sent = smtp::disposition::not_sent;
constexpr auto in_doubt = smtp::disposition::in_doubt;

smtp::send_options chunked(std::size_t size, std::size_t window = 4)
{
    smtp::send_options o;
    o.chunking     = smtp::chunking::on;
    o.chunk_size   = size;
    o.chunk_window = window;
    return o;
}

/// What normalising makes of it.
std::string with_crlf(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i != text.size(); ++i)
    {
        bool const cr = text[i] == '\r', lf = text[i] == '\n';
        if (cr && i + 1 != text.size() && text[i + 1] == '\n')
            ++i;
        if (cr || lf)
            out += "\r\n";
        else
            out += text[i];
    }
    if (!out.ends_with("\r\n") && !out.empty())
        out += "\r\n";
    return out;
}

std::string some_lines(std::size_t size, std::string_view end, std::size_t line)
{
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
    {
        text += i % 7 == 0 ? "." : "";
        text += std::string(i % line, static_cast<char>('a' + i % 26));
        text += end;
    }
    text.resize(size);
    return text;
}

async_generator<std::string> blocks_of(std::string text, std::size_t size)
{
    for (std::size_t at = 0; at < text.size(); at += size)
    {
        co_await support::hop();
        co_yield text.substr(at, size);
    }
}

smtp::message mail_of(std::shared_ptr<source> content)
{
    return smtp::message(smtp::envelope("a@b.test", {"x@y.test"}), std::move(content));
}

smtp::message mail_of(std::string text) { return mail_of(std::make_shared<string_source>(std::move(text))); }

/// Sends it to a sink. @return What the sink has stored.
testing::smtp_sink_message stored(smtp::message m, smtp::send_options options)
{
    testing::smtp_sink_message got;
    with_sink({}, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
        auto const r = co_await s.send(m, options);
        CHECK(r.all_accepted());
        CHECK(r.transfer() == smtp::transfer::bdat);
        auto all = sink.messages();
        REQUIRE(all.size() == 1);
        got = std::move(all[0]);
        CHECK(got.transfer == "BDAT");
        CHECK(r.content_bytes() == got.size);
    });
    return got;
}

} // namespace

// What arrives -------------------------------------------------------------------------------------------------

TEST_CASE("content of every size around the size of a chunk arrives as it is")
{
    constexpr std::size_t chunk = 64;
    with_sink({}, [](smtp::session& s, smtp_sink& sink) -> task<void> {
        for (std::size_t size = 0; size != 4 * chunk + 3; ++size)
        {
            CAPTURE(size);
            std::string text = some_lines(size, "\r\n", 30);
            if (!text.empty() && text.back() == '\r')
                text.back() = 'x';
            auto const expected = with_crlf(text);
            auto const message  = mail_of(text);
            auto const r        = co_await s.send(message, chunked(chunk));
            CHECK(r.all_accepted());
            auto const all = sink.messages();
            REQUIRE(all.size() == size + 1);
            CHECK(all[size].content == expected);
            CHECK(all[size].chunks == std::max<std::size_t>(1, (size + chunk - 1) / chunk));
        }
    });
}

TEST_CASE("content around the default size of a chunk goes in as few chunks as possible")
{
    std::size_t const chunk = smtp::send_options().chunk_size;
    for (std::size_t const size : {chunk - 1, chunk, chunk + 1, 4 * chunk, 5 * chunk + 17})
    {
        CAPTURE(size);
        std::string text = some_lines(size, "\r\n", 70);
        text.replace(text.size() - 2, 2, "\r\n");
        auto const got = stored(mail_of(text), chunked(chunk));
        CHECK(got.content == with_crlf(text));
        CHECK(got.chunks == (size + chunk - 1) / chunk);
    }
}

TEST_CASE("content with other line ends is normalised, in memory and streamed, and fills its chunks")
{
    for (std::string_view const end : {"\n", "\r", "\r\n", "\n\n\r\r\n"})
        for (std::size_t const line : {1u, 2u, 20u, 200u, 990u})
            for (std::size_t const chunk : {1u, 17u, 4096u, 100000u})
            {
                CAPTURE(line);
                CAPTURE(chunk);
                std::size_t const size     = chunk == 1 ? 500 : 150000;
                auto const        text     = some_lines(size, end, line);
                auto const        expected = with_crlf(text);
                auto const        memory   = stored(mail_of(text), chunked(chunk));
                CHECK(memory.fingerprint == testing::fingerprint::of(expected));
                CHECK(memory.size == expected.size());
                CHECK(memory.bare_newlines == 0);
                // Each chunk holds as many octets as allowed, or as many more as the line ends add.
                CHECK(memory.chunks <= expected.size() / chunk + 1);
                auto const source = std::make_shared<generator_source>(blocks_of(text, 1001));
                auto const stream = stored(mail_of(source), chunked(chunk));
                CHECK(stream.fingerprint == memory.fingerprint);
                CHECK(stream.chunks <= expected.size() / chunk + 2);
            }
}

TEST_CASE("files and generators of unknown size go in chunks")
{
    support::temp_dir const dir("chunking");
    auto const              text = some_lines(1000000, "\r\n", 80) + "\r\n";
    support::write_file(dir / "mail", text);
    auto const file = stored(mail_of(std::make_shared<file_source>(dir / "mail")), chunked(100000));
    CHECK(file.content == with_crlf(text));
    for (std::size_t const block : {1000u, 100000u, 333333u})
    {
        auto const got =
            stored(mail_of(std::make_shared<generator_source>(blocks_of(text, block))), chunked(100000));
        CHECK(got.fingerprint == file.fingerprint);
    }
    auto const nothing = stored(mail_of(std::make_shared<generator_source>(blocks_of("", 1))), chunked(1000));
    CHECK(nothing.size == 0);
}

TEST_CASE("dots are not doubled, and 8-bit content is announced")
{
    auto const dots = stored(mail_of(std::string(".\r\n..\r\n.a\r\n.\r\n")), chunked(5));
    CHECK(dots.content == ".\r\n..\r\n.a\r\n.\r\n");
    auto const eight = stored(mail_of(std::string("Subject: x\r\n\r\n\xc3\xa4\xff\r\n")), chunked(1000));
    CHECK(eight.from.parameter("BODY") == "8BITMIME");
    CHECK(eight.eight_bit);
    CHECK(eight.content == "Subject: x\r\n\r\n\xc3\xa4\xff\r\n");
}

TEST_CASE("NULs, long lines and verbatim line ends go as BINARYMIME by themselves")
{
    std::string const  nul("Subject: x\r\n\r\na\0b\r\n", 19);
    std::string const  overlong = "Subject: x\r\n\r\n" + std::string(5000, 'y') + "\r\n";
    std::string const  bare     = "Subject: x\n\nbare\r\rends";
    smtp::send_options verbatim;
    verbatim.endings = smtp::line_endings::verbatim;
    smtp::send_options const normal;
    for (auto const& [text, options] :
         {std::pair(nul, normal), std::pair(overlong, normal), std::pair(bare, verbatim)})
        for (std::size_t const chunk : {1u, 7u, 100000u})
        {
            auto how       = options;
            how.chunk_size = chunk;
            auto const got = stored(mail_of(text), how);
            CHECK(got.content == text);
            CHECK(got.from.parameter("BODY") == "BINARYMIME");
            CHECK(got.from.parameter("SIZE") == std::to_string(text.size()));
        }
    // Streamed and verbatim: what it is need not be known.
    verbatim.chunk_size = 10;
    auto const streamed =
        stored(mail_of(std::make_shared<generator_source>(blocks_of(nul + bare, 3))), verbatim);
    CHECK(streamed.content == nul + bare);
}

TEST_CASE("what cannot be carried is refused before anything leaves")
{
    std::string const nul("Subject: x\r\n\r\na\0b\r\n", 19);
    struct row
    {
        char const*        withdrawn;
        smtp::chunking     how;
        smtp::line_endings ends;
        smtp::errc         code;
    };
    using ends = smtp::line_endings;
    for (auto const& r :
         {row{"CHUNKING", smtp::chunking::on, ends::normalise, smtp::errc::binary_refused},
          row{"CHUNKING", smtp::chunking::automatic, ends::normalise, smtp::errc::binary_refused},
          row{"BINARYMIME", smtp::chunking::on, ends::normalise, smtp::errc::binary_refused},
          row{"", smtp::chunking::off, ends::normalise, smtp::errc::binary_refused},
          row{"", smtp::chunking::off, ends::verbatim, smtp::errc::bad_parameter},
          row{"CHUNKING", smtp::chunking::automatic, ends::verbatim, smtp::errc::extension_missing},
          row{"BINARYMIME", smtp::chunking::automatic, ends::verbatim, smtp::errc::extension_missing}})
    {
        CAPTURE(std::string(r.withdrawn));
        smtp_sink_settings settings;
        settings.withdraw(r.withdrawn);
        with_sink(settings, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
            auto const         before  = sink.commands().size();
            auto const         message = mail_of(nul);
            smtp::send_options options;
            options.chunking = r.how;
            options.endings  = r.ends;
            auto const e     = co_await support::send_failure_of(s.send(message, options));
            REQUIRE(e);
            CHECK(e->code() == r.code);
            CHECK(e->report().recipients()[0].outcome == not_sent);
            CHECK(sink.commands().size() == before);
            CHECK(s.is_open());
        });
    }
    smtp_sink_settings plain;
    plain.withdraw("CHUNKING");
    with_sink(plain, [](smtp::session& s, smtp_sink&) -> task<void> {
        auto const message = mail_of(std::string("Subject: x\r\n\r\nx\r\n"));
        auto const e       = co_await support::send_failure_of(s.send(message, chunked(100)));
        REQUIRE(e);
        CHECK(e->code() == smtp::errc::extension_missing);
    });
}

TEST_CASE(
    "content that is scattered over chunks arrives whatever else is on its way: TLS, no pipelining, LMTP")
{
    auto const text     = some_lines(700000, "\n", 60);
    auto const expected = testing::fingerprint::of(with_crlf(text));
    for (int kind = 0; kind != 4; ++kind)
        for (std::size_t const chunk : {2000u, 100000u})
        {
            CAPTURE(kind);
            smtp_sink_settings settings;
            if (kind == 0)
                settings.withdraw("PIPELINING");
            if (kind == 1)
                settings.lmtp = true;
            if (kind == 2)
            {
                settings.tls         = smtp_sink_settings::tls_mode::implicit;
                settings.tls_context = support::server_tls();
            }
            if (kind == 3)
                settings.offer("PRDR");
            support::client_with_sink(
                settings,
                [&](smtp::client& c, smtp_sink& sink) -> task<void> {
                    for (int i = 0; i != 3; ++i)
                    {
                        smtp::message message = mail_of(text);
                        message.envelope.add("z@y.test");
                        auto const r = co_await c.send(message, chunked(chunk));
                        CHECK(r.all_accepted());
                    }
                    CHECK(sink.totals().messages == 3);
                    for (auto const& m : sink.messages())
                        CHECK(m.fingerprint == expected);
                },
                [kind](smtp::client_settings& s) {
                    if (kind == 1)
                        s.session.protocol = smtp::protocol::lmtp;
                    if (kind == 2)
                        s.tls = smtp::tls_mode::implicit;
                });
        }
}

// The window ---------------------------------------------------------------------------------------------------

namespace {

task<void> open(smtp::session& s)
{
    std::ignore = co_await s.greet();
    co_await s.hello();
}

script opening(std::vector<std::string> keywords = {"PIPELINING", "CHUNKING"})
{
    return script().opening(keywords);
}

/// The commands of an envelope with one recipient.
script envelope() { return script().expect_prefix("MAIL").expect_prefix("RCPT"); }

/// A line of content that is one chunk of 10 octets.
std::string const chunk_text = "12345678\r\n";

script chunk(bool last = false)
{
    return script().expect(last ? "BDAT 10 LAST" : "BDAT 10").expect_bytes(chunk_text);
}

std::string chunks(std::size_t n)
{
    std::string text;
    for (; n != 0; --n)
        text += chunk_text;
    return text;
}

} // namespace

TEST_CASE("never more chunks than the window allows are on their way without an answer")
{
    for (std::size_t const window : {0u, 1u, 2u, 4u, 6u})
    {
        CAPTURE(window);
        std::size_t const at_once = std::max<std::size_t>(window, 1);
        script            s       = opening().then(envelope()).repeat(at_once, chunk()).expect_nothing(20ms);
        s.send("250 ok\r\n250 ok\r\n").expect_nothing(20ms); // the envelope opens no window
        for (std::size_t i = at_once; i != 8; ++i)
            s.reply("250 got it").then(chunk(i == 7)).expect_nothing(5ms);
        for (std::size_t i = 0; i != at_once; ++i)
            s.reply("250 got it");
        auto const result = talk(s.expect_close(), [&](smtp::session& session) -> task<void> {
            co_await open(session);
            auto const message = mail_of(chunks(8));
            auto const r       = co_await session.send(message, chunked(10, window));
            CHECK(r.all_accepted());
        });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("without PIPELINING every command and every chunk waits for its answer")
{
    script const s = opening({"CHUNKING"})
                         .expect_prefix("MAIL")
                         .expect_nothing(5ms)
                         .reply("250 ok")
                         .expect_prefix("RCPT")
                         .expect_nothing(5ms)
                         .reply("250 ok")
                         .then(chunk())
                         .expect_nothing(5ms)
                         .reply("250 ok")
                         .then(chunk(true))
                         .reply("250 ok")
                         .expect_close();
    auto const result = talk(s, [](smtp::session& session) -> task<void> {
        co_await open(session);
        auto const message = mail_of(chunks(2));
        auto const r       = co_await session.send(message, chunked(10));
        CHECK(r.all_accepted());
        CHECK(r.round_trips() == 4);
    });
    CHECK_PLAYED(result);
}

TEST_CASE("under all_or_nothing no chunk leaves before every recipient was accepted")
{
    for (bool const refused : {false, true})
    {
        CAPTURE(refused);
        script s = opening().then(envelope()).expect_prefix("RCPT").expect_nothing(10ms);
        if (refused)
            s.send("250 ok\r\n250 ok\r\n550 no\r\n").expect("RSET").then(envelope()).expect_nothing(10ms);
        s.send(refused ? "250 ok\r\n250 ok\r\n250 ok\r\n" : "250 ok\r\n250 ok\r\n250 ok\r\n")
            .then(chunk(true))
            .reply("250 queued")
            .expect_close();
        auto const result = talk(s, [refused](smtp::session& session) -> task<void> {
            co_await open(session);
            auto options   = chunked(10);
            options.policy = smtp::recipient_policy::all_or_nothing;
            auto message   = mail_of(chunks(1));
            message.envelope.add("z@y.test");
            smtp::report r;
            auto const   e = co_await support::failure_of(session.send(message, options, r));
            CHECK(e.has_value() == refused);
            CHECK(r.recipients()[0].outcome == (refused ? not_sent : accepted));
            CHECK(session.is_open());
            if (refused)
            {
                message.envelope.recipients.pop_back();
                co_await session.send(message, options, r);
                CHECK(r.all_accepted());
            }
        });
        CHECK_PLAYED(result);
    }
}

// Refusals on the way ------------------------------------------------------------------------------------------

namespace {

/// What the next message meets on a session that is still usable: RSET, and everything from the beginning.
script next_message()
{
    return script()
        .expect("RSET")
        .then(envelope())
        .then(chunk(true))
        .send("250 ok\r\n250 ok\r\n250 ok\r\n250 queued\r\n");
}

/// One message in eight chunks, two of which may be on their way; then another one if the session is open.
void eight_chunks(script const& s, smtp::disposition outcome, smtp::phase where, bool usable, bool throws)
{
    script play = opening().then(envelope()).then(s);
    if (usable)
        play.then(next_message()).expect_close();
    auto const result = talk(play, [&](smtp::session& session) -> task<void> {
        co_await open(session);
        auto const   message = mail_of(chunks(8));
        auto const   options = chunked(10, 2);
        smtp::report r;
        auto const   e = co_await support::failure_of(session.send(message, options, r));
        CHECK(e.has_value() == throws);
        CHECK(r.recipients()[0].outcome == outcome);
        CHECK(r.recipients()[0].phase == where);
        CHECK(session.is_open() == usable);
        if (usable)
        {
            auto const next   = mail_of(chunks(1));
            auto const second = co_await session.send(next, options);
            CHECK(second.all_accepted());
        }
    });
    CHECK_PLAYED(result);
}

script const two_chunks = script().then(chunk()).then(chunk());

} // namespace

TEST_CASE("a chunk that is refused stops the rest, and the session stays usable")
{
    using p = smtp::phase;
    // the first, the second, the third, and one that was on its way already
    eight_chunks(script(two_chunks)
                     .send("250 ok\r\n250 ok\r\n552 5.3.4 too big\r\n")
                     .expect_nothing(10ms)
                     .reply("503 5.5.1 what?"),
                 perm, p::content, true, false);
    eight_chunks(script(two_chunks)
                     .send("250 ok\r\n250 ok\r\n250 ok\r\n")
                     .then(chunk())
                     .send("452 4.3.1 disk\r\n503 what?\r\n"),
                 temp, p::content, true, false);
    // the server forgets that it has refused
    eight_chunks(script(two_chunks).send("250 ok\r\n250 ok\r\n552 too big\r\n250 ok\r\n"), perm, p::content,
                 true, false);
    // the last one
    script all = script(two_chunks).send("250 ok\r\n250 ok\r\n");
    for (int i = 2; i != 8; ++i)
        all.reply("250 ok").then(chunk(i == 7));
    eight_chunks(script(all).send("250 ok\r\n554 5.7.1 spam\r\n"), perm, p::content, true, false);
    eight_chunks(script(all).send("552 too big\r\n503 what?\r\n"), perm, p::content, true, false);
}

TEST_CASE("an envelope that is refused while chunks are on their way")
{
    using p = smtp::phase;
    eight_chunks(script(two_chunks)
                     .send("550 5.7.1 not you\r\n")
                     .expect_nothing(10ms)
                     .send("503 what?\r\n503 what?\r\n503 what?\r\n"),
                 perm, p::mail, true, false);
    eight_chunks(script(two_chunks).send("451 4.3.0 later\r\n503 what?\r\n503 what?\r\n503 what?\r\n"), temp,
                 p::mail, true, false);
    eight_chunks(
        script(two_chunks).send("250 ok\r\n550 5.1.1 nobody\r\n554 no recipients\r\n554 no recipients\r\n"),
        perm, p::rcpt, true, false);
    // chunks without recipients that the server does not mind
    eight_chunks(script(two_chunks).send("250 ok\r\n450 4.2.1 busy\r\n250 ok\r\n250 ok\r\n"), temp, p::rcpt,
                 true, false);
}

TEST_CASE("a message in one flight whose envelope is refused is not sent, whatever is said about its content")
{
    struct row
    {
        char const*       replies;
        smtp::disposition outcome;
        bool              usable;
    };
    for (auto const& r : {row{"550 no\r\n503 what?\r\n503 what?\r\n", perm, true},
                          row{"550 no\r\n503 what?\r\n250 thanks\r\n", perm, true},
                          row{"550 no\r\n250 ok\r\n503 what?\r\n", perm, true},
                          row{"250 ok\r\n550 no\r\n554 no recipients\r\n", perm, true},
                          row{"250 ok\r\n550 no\r\n250 thanks\r\n", perm, true},
                          row{"250 ok\r\n250 ok\r\n554 spam\r\n", perm, true},
                          row{"250 ok\r\n250 ok\r\n452 full\r\n", temp, true},
                          // a server that takes a message it has refused cannot be believed
                          row{"550 no\r\n250 ok\r\n250 thanks\r\n", in_doubt, false},
                          row{"250 ok\r\n250 ok\r\n354 go\r\n", in_doubt, false},
                          row{"250 ok\r\n250 ok\r\n353 go\r\n", in_doubt, false}})
    {
        CAPTURE(std::string(r.replies));
        script s = opening().then(envelope()).then(chunk(true)).send(r.replies);
        if (r.usable)
            s.then(next_message());
        auto const result = talk(s.expect_close(), [&r](smtp::session& session) -> task<void> {
            co_await open(session);
            auto const   message = mail_of(chunks(1));
            auto const   options = chunked(10);
            smtp::report report;
            auto const   e = co_await support::failure_of(session.send(message, options, report));
            CHECK(e.has_value() == !r.usable);
            CHECK(report.recipients()[0].outcome == r.outcome);
            CHECK(session.is_open() == r.usable);
            if (r.usable)
            {
                auto const second = co_await session.send(message, options);
                CHECK(second.all_accepted());
            }
        });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("421 or the end of the connection in the middle: not sent, unless the end has left")
{
    using p = smtp::phase;
    eight_chunks(script(two_chunks).send("250 ok\r\n250 ok\r\n421 4.3.2 bye\r\n").close(), not_sent,
                 p::content, false, false);
    eight_chunks(script(two_chunks).send("421 4.3.2 bye\r\n").close(), temp, p::mail, false, false);
    eight_chunks(script(two_chunks).send("250 ok\r\n421 4.3.2 bye\r\n").close(), temp, p::rcpt, false, false);
    eight_chunks(script(two_chunks).close(), not_sent, p::mail, false, true);
    eight_chunks(script(two_chunks).send("250 ok\r\n250 ok\r\n250 ok\r\n").then(chunk()).close(), not_sent,
                 p::content, false, true);
    script all = script(two_chunks).send("250 ok\r\n250 ok\r\n");
    for (int i = 2; i != 8; ++i)
        all.reply("250 ok").then(chunk(i == 7));
    eight_chunks(script(all).close(), in_doubt, p::content, false, true);
    eight_chunks(script(all).reply("250 ok").close(), in_doubt, p::content, false, true);
    eight_chunks(script(all).reply("250 ok").reply("421 4.3.2 bye").close(), temp, p::content, false, false);
    eight_chunks(script(all).reply("421 4.3.2 bye").close(), not_sent, p::content, false, false);
}

TEST_CASE("content that cannot be had stops the message between two chunks, and RSET saves the session")
{
    class ends_badly final : public source
    {
    public:
        task<std::string_view> next() override
        {
            if (at_++ == 3)
                throw support::boom(1);
            co_await support::hop();
            co_return std::string_view(chunk_text);
        }
        task<void> rewind() override { co_return; }

    private:
        int at_ = 0;
    };
    script const s = opening()
                         .then(envelope())
                         .then(two_chunks)
                         .then(chunk())
                         .send("250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n")
                         .then(next_message())
                         .expect_close();
    auto const result = talk(s, [](smtp::session& session) -> task<void> {
        co_await open(session);
        auto const   message = mail_of(std::make_shared<ends_badly>());
        auto const   options = chunked(10);
        smtp::report r;
        auto const   e = co_await support::send_failure_of(session.send(message, options, r));
        REQUIRE(e);
        CHECK(std::string(e->what()).find("boom") != std::string::npos);
        CHECK(r.recipients()[0].outcome == not_sent);
        CHECK(session.is_open());
        auto const next   = mail_of(chunks(1));
        auto const second = co_await session.send(next, options);
        CHECK(second.all_accepted());
    });
    CHECK_PLAYED(result);
}

TEST_CASE("a sink that refuses what is too big hears RSET and goes on")
{
    smtp_sink_settings settings;
    settings.max_message_size = 20000;
    settings.delay            = 1ms;
    settings.withdraw("SIZE"); // or MAIL would be refused
    with_sink(settings, [](smtp::session& s, smtp_sink& sink) -> task<void> {
        for (int i = 0; i != 3; ++i)
        {
            auto const big = mail_of(some_lines(500000, "\r\n", 50));
            auto const no  = co_await s.send(big, chunked(5000));
            CHECK(no.recipients()[0].outcome == perm);
            CHECK(no.content_bytes() < 100000); // the rest stayed here
            auto const small = mail_of(some_lines(15000, "\r\n", 50));
            auto const yes   = co_await s.send(small, chunked(5000));
            CHECK(yes.all_accepted());
        }
        CHECK(sink.totals().messages == 3);
    });
}

TEST_SUITE_END();
