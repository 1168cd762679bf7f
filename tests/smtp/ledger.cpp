//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/ledger.hpp>

#include <posthorn/core/buffer.hpp>
#include <posthorn/smtp/error.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace smtp = posthorn::smtp;
using smtp::errc;
using smtp::ledger;
using smtp::phase;

TEST_SUITE_BEGIN("smtp/ledger");

namespace {

struct answer
{
    phase         what;
    std::uint32_t index;
    int           code;
    std::string   text;

    friend bool operator==(answer const&, answer const&) = default;
};

/// Takes all complete replies; `ec` is what the last call gave.
void take_all(ledger& l, posthorn::byte_buffer& in, smtp::reply& r, std::vector<answer>& answers, std::error_code& ec)
{
    smtp::expectation what;
    while (l.next(in, what, r, ec))
        answers.push_back({what.what, what.index, r.code(), r.text()});
}

constexpr phase all_phases[] = {phase::greeting, phase::hello, phase::starttls, phase::auth, phase::mail, phase::rcpt,
                                phase::data,     phase::content, phase::rset,   phase::quit, phase::command};

std::error_code feed(ledger& l, std::string_view wire)
{
    posthorn::byte_buffer in;
    smtp::reply           r;
    std::vector<answer>   answers;
    std::error_code       ec;
    in.append(wire);
    take_all(l, in, r, answers, ec);
    return ec;
}

} // namespace

TEST_CASE("replies are matched in order, wherever the input is cut")
{
    std::string_view const    wire = "250-first\r\n250 of two lines\r\n250\r\n550 5.1.1 no\n354 go\r\n";
    std::vector<answer> const wanted {{phase::mail, 0, 250, "first\nof two lines"},
                                      {phase::rcpt, 0, 250, ""},
                                      {phase::rcpt, 1, 550, "no"},
                                      {phase::data, 0, 354, "go"}};
    for (std::size_t first = 0; first <= wire.size(); ++first)
        for (std::size_t second = first; second <= wire.size(); ++second)
        {
            ledger l;
            l.expect(phase::mail);
            l.expect(phase::rcpt, 0);
            l.expect(phase::rcpt, 1);
            l.expect(phase::data);
            posthorn::byte_buffer in;
            smtp::reply           r;
            std::vector<answer>   answers;
            for (auto const piece : {wire.substr(0, first), wire.substr(first, second - first), wire.substr(second)})
            {
                std::error_code ec;
                in.append(piece);
                take_all(l, in, r, answers, ec);
                REQUIRE_FALSE(ec);
                REQUIRE(in.empty());
            }
            REQUIRE(answers == wanted);
            CHECK(l.idle());
            CHECK_FALSE(l.inside_reply());
        }
}

TEST_CASE("octet by octet it tells when a reply has begun")
{
    ledger l;
    l.expect(phase::command);
    posthorn::byte_buffer in;
    smtp::reply           r;
    smtp::expectation     what;
    std::error_code       ec;
    CHECK_FALSE(l.next(in, what, r, ec));
    CHECK_FALSE(l.inside_reply());
    for (char const c : std::string_view("250-a\r\n250 b\r"))
    {
        in.append({&c, 1});
        CHECK_FALSE(l.next(in, what, r, ec));
        CHECK_FALSE(ec);
        CHECK(l.inside_reply());
        CHECK(l.due() == 1);
    }
    in.append("\n");
    CHECK(l.next(in, what, r, ec));
    CHECK_FALSE(l.inside_reply());
    CHECK(what.what == phase::command);
}

TEST_CASE("what comes after the reply stays in the buffer")
{
    ledger l;
    l.expect(phase::starttls);
    posthorn::byte_buffer in;
    in.append("220 go\r\nEHLO attacker\r\n");
    smtp::reply       r;
    smtp::expectation what;
    std::error_code   ec;
    CHECK(l.next(in, what, r, ec));
    CHECK(in.data() == "EHLO attacker\r\n");
}

TEST_CASE("a reply that nothing asked for is an error, and 421 says why")
{
    for (auto const& [wire, code] : {std::pair<std::string_view, errc> {"250 hello?\r\n", errc::unsolicited_reply},
                                     {"550 go away\r\n", errc::unsolicited_reply},
                                     {"354 go\r\n", errc::unsolicited_reply},
                                     {"421 idle for too long\r\n", errc::service_unavailable}})
    {
        CAPTURE(wire);
        ledger never;
        CHECK(feed(never, wire) == code);

        ledger used;
        used.expect(phase::mail);
        posthorn::byte_buffer in;
        in.append("250 ok\r\n");
        in.append(wire);
        smtp::reply         r;
        std::vector<answer> answers;
        std::error_code     ec;
        take_all(used, in, r, answers, ec);
        CHECK(answers.size() == 1);
        CHECK(ec == code);
        CHECK(r.wire() == wire); // for the error's text
    }
}

TEST_CASE("an unasked reply is no error before it is complete")
{
    ledger l;
    CHECK_FALSE(feed(l, "421 closing"));
    CHECK(l.inside_reply());
}

TEST_CASE("421 answers whatever is due")
{
    for (phase const p : all_phases)
    {
        ledger l;
        l.expect(p, 7);
        posthorn::byte_buffer in;
        in.append("421 bye\r\n");
        smtp::reply       r;
        smtp::expectation what;
        std::error_code   ec;
        CHECK(l.next(in, what, r, ec));
        CHECK_FALSE(ec);
        CHECK(what.what == p);
        CHECK(what.index == 7);
    }
}

TEST_CASE("only a code that can answer the command is let through")
{
    for (phase const p : all_phases)
        for (int code = 200; code != 600; ++code)
        {
            bool good = code >= 400;
            if (code < 300)
                good = p != phase::data;
            else if (code < 400)
                good = p == phase::data || p == phase::auth || p == phase::command || p == phase::content;
            ledger l;
            l.expect(p);
            auto const ec = feed(l, std::to_string(code) + " x\r\n");
            if (good ? static_cast<bool>(ec) : ec != errc::unexpected_code)
                FAIL_CHECK(to_string(p) << " answered by " << code << ": " << ec.message());
            CHECK(smtp::admissible(p, code) == good);
        }
}

TEST_CASE("what is no reply, or too long, is an error that stays")
{
    ledger l(smtp::reply_limits {20, 40, 3});
    l.expect(phase::mail);
    posthorn::byte_buffer in;
    smtp::reply           r;
    smtp::expectation     what;
    std::error_code       ec;
    in.append("250 ok\r\n");
    CHECK(l.next(in, what, r, ec));
    l.expect(phase::rcpt);
    in.append("250 a line of more than twenty octets\r\n");
    CHECK_FALSE(l.next(in, what, r, ec));
    CHECK(ec == errc::reply_line_too_long);
    CHECK(l.due() == 1);
    in.append("250 fine\r\n");
    CHECK_FALSE(l.next(in, what, r, ec));
    CHECK(ec == errc::reply_line_too_long);

    ledger mixed;
    mixed.expect(phase::mail);
    CHECK(feed(mixed, "250-a\r\n550 b\r\n") == errc::mixed_codes);
    ledger garbage;
    garbage.expect(phase::greeting);
    CHECK(feed(garbage, "HTTP/1.1 400 Bad Request\r\n") == errc::not_smtp);
}

TEST_CASE("giving up forgets what is due")
{
    ledger l;
    l.expect(phase::mail);
    l.expect(phase::rcpt);
    CHECK(l.due() == 2);
    CHECK(l.front().what == phase::mail);
    l.clear();
    CHECK(l.idle());
    CHECK(feed(l, "250 ok\r\n") == errc::unsolicited_reply);
    ledger again;
    again.expect(phase::mail);
    again.clear();
    again.expect(phase::rset);
    CHECK(again.front().what == phase::rset);
    CHECK(again.due() == 1);
}

TEST_CASE("a hundred thousand replies can be due at once")
{
    constexpr std::uint32_t many = 100'000;
    ledger                  l;
    for (std::uint32_t i = 0; i != many; ++i)
        l.expect(phase::rcpt, i);
    CHECK(l.due() == many);
    posthorn::byte_buffer in;
    smtp::reply           r;
    smtp::expectation     what;
    std::error_code       ec;
    std::uint32_t         wrong = 0;
    for (std::uint32_t i = 0; i != many; ++i)
    {
        in.append("250 " + std::to_string(i) + "\r\n");
        wrong += !l.next(in, what, r, ec) || what.index != i || r.text() != std::to_string(i);
    }
    CHECK(wrong == 0);
    CHECK(l.idle());
}

TEST_CASE("a ledger that is never idle stays in order, and its memory does not grow with time")
{
    for (std::uint32_t const window : {1U, 2U, 63U, 64U, 65U, 1000U})
    {
        CAPTURE(window);
        ledger                l;
        posthorn::byte_buffer in;
        smtp::reply           r;
        smtp::expectation     what;
        std::error_code       ec;
        std::uint32_t         next = 0, wrong = 0;
        std::size_t           most = 0;
        for (; next != window; ++next)
            l.expect(phase::rcpt, next);
        for (std::uint32_t i = 0; i != 20'000; ++i)
        {
            l.expect(phase::rcpt, next++);
            in.append("250\r\n");
            wrong += !l.next(in, what, r, ec) || what.index != i || l.due() != window;
            most = most < l.capacity() ? l.capacity() : most;
        }
        CHECK(wrong == 0);
        CHECK(l.front().index == 20'000);
        CHECK(most <= 4 * window + 256);
    }
}

TEST_SUITE_END();
