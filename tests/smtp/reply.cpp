//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/reply.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace smtp = posthorn::smtp;
using smtp::errc;

namespace {

struct outcome
{
    std::error_code ec;
    smtp::reply     r;
    std::size_t     taken = 0;
    bool            done  = false;
};

/// Parses `wire` in the given pieces, each in an allocation of exactly its size, up to the end of the first
/// reply.
outcome parse(std::vector<std::string_view> const& pieces, smtp::reply_limits limits = {})
{
    outcome            o;
    smtp::reply_parser parser(limits);
    for (auto const piece : pieces)
    {
        std::unique_ptr<char[]> copy(new char[piece.size()]);
        if (!piece.empty())
            std::memcpy(copy.get(), piece.data(), piece.size());
        o.taken += parser.parse({copy.get(), piece.size()}, o.r, o.ec);
        o.done = parser.done();
        if (o.ec || o.done)
            break;
    }
    return o;
}

outcome parse(std::string_view wire) { return parse(std::vector<std::string_view>{wire}); }

std::vector<std::string_view> octets(std::string_view in)
{
    std::vector<std::string_view> pieces;
    for (std::size_t i = 0; i < in.size(); ++i)
        pieces.push_back(in.substr(i, 1));
    return pieces;
}

} // namespace

TEST_SUITE_BEGIN("smtp/reply");

TEST_CASE("a reply is the same wherever the network cuts it, and the next one stays with the caller")
{
    std::string_view const wire = "250-mx.example hello\r\n250-SIZE 1000\n250-\r\n250 2.1.0 fine\r\n";
    std::string_view const more = "354 go\r\n";
    auto const             both = std::string(wire) + std::string(more);
    for (std::size_t a = 0; a <= both.size(); ++a)
        for (std::size_t b = a; b <= both.size(); ++b)
        {
            auto const all = std::string_view(both);
            auto const o   = parse({all.substr(0, a), all.substr(a, b - a), all.substr(b)});
            REQUIRE_FALSE(o.ec);
            REQUIRE(o.done);
            REQUIRE(o.taken == wire.size());
            REQUIRE(o.r.wire() == wire);
            REQUIRE(o.r.line_count() == 4);
            REQUIRE(o.r.line(0).text == "mx.example hello");
            REQUIRE(o.r.line(1).text == "SIZE 1000");
            REQUIRE(o.r.line(2).raw.empty());
            REQUIRE(o.r.line(3).raw == "2.1.0 fine");
            REQUIRE(o.r.line(3).text == "fine");
        }
    CHECK(parse(octets(both)).r.wire() == wire);
}

TEST_CASE("an unfinished reply is neither done nor an error")
{
    std::string_view const wire = "250-a\r\n250 b\r\n";
    for (std::size_t size = 0; size < wire.size(); ++size)
    {
        smtp::reply_parser parser;
        smtp::reply        r;
        std::error_code    ec;
        CHECK(parser.parse(wire.substr(0, size), r, ec) == size);
        CHECK_FALSE(ec);
        CHECK_FALSE(parser.done());
        CHECK(parser.in_reply() == (size != 0));
        CHECK(r.wire() == wire.substr(0, size));
    }
}

TEST_CASE("one read can hold many replies")
{
    std::string_view   in = "250 one\r\n550-no\r\n550 never\r\n354\r\n221 2.0.0 bye\r\n";
    smtp::reply_parser parser;
    smtp::reply        r;
    std::error_code    ec;
    std::vector<int>   codes;
    while (!in.empty())
    {
        in.remove_prefix(parser.parse(in, r, ec));
        REQUIRE_FALSE(ec);
        REQUIRE(parser.done());
        codes.push_back(r.code());
    }
    CHECK(codes == std::vector<int>{250, 550, 354, 221});
    CHECK(parser.parse("", r, ec) == 0);
    CHECK_FALSE(parser.in_reply());
    CHECK(parser.done());
    CHECK(r.code() == 221);
}

TEST_CASE("lenient where real servers are sloppy")
{
    struct
    {
        char const* wire;
        int         code;
        char const* text;
    } const cases[] = {
        {"250\r\n", 250, ""},
        {"250\n", 250, ""},
        {"250 \r\n", 250, ""},
        {"250 ok\n", 250, "ok"},
        {"250  two blanks \r\n", 250, " two blanks "},
        {"200 odd\r\n", 200, "odd"},
        {"599 odd\r\n", 599, "odd"},
        {"571 second digit\r\n", 571, "second digit"},
        {"299-\r\n299 -\r\n", 299, "\n-"},
        {"250 a\rb\r\n", 250, "a\rb"},
        {"250 a\r\r\n", 250, "a\r"},
        {"334 =\r\n", 334, "="},
        {"354-go\r\n354\r\n", 354, "go\n"},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.wire);
        auto const o = parse(c.wire);
        REQUIRE_FALSE(o.ec);
        REQUIRE(o.done);
        CHECK(o.r.code() == c.code);
        CHECK(o.r.text() == c.text);
    }
}

TEST_CASE("what is no reply is refused, wherever it is cut")
{
    struct
    {
        std::string_view wire;
        errc             expected;
    } const cases[] = {
        {"hello\r\n", errc::bad_reply},
        {"\r\n", errc::bad_reply},
        {"\n", errc::bad_reply},
        {"25\r\n", errc::bad_reply},
        {"2\n", errc::bad_reply},
        {"150 x\r\n", errc::bad_reply},
        {"199 x\r\n", errc::bad_reply},
        {"600 x\r\n", errc::bad_reply},
        {"000 x\r\n", errc::bad_reply},
        {" 250 x\r\n", errc::bad_reply},
        {"2x0 x\r\n", errc::bad_reply},
        {"25x x\r\n", errc::bad_reply},
        {"250_x\r\n", errc::bad_reply},
        {"250\tx\r\n", errc::bad_reply},
        {"2500 x\r\n", errc::bad_reply},
        {"250\r \n", errc::bad_reply},
        {"250\rx\r\n", errc::bad_reply},
        {"250\r\r\n", errc::bad_reply},
        {std::string_view("\0\0\0", 3), errc::bad_reply},
        {"250-a\r\n251 b\r\n", errc::mixed_codes},
        {"250-a\r\n550-b\r\n", errc::mixed_codes},
        {"250-a\r\nb\r\n", errc::bad_reply},
        {"250-a\r\n\r\n", errc::bad_reply},
        {"250-a\r\nHTTP/1.1 400 Bad Request\r\n", errc::bad_reply},
        {"HTTP/1.1 400 Bad Request\r\n", errc::not_smtp},
        {"HTTP 1\r\n", errc::bad_reply},
        {"* OK IMAP4rev1 ready\r\n", errc::not_smtp},
        {"+OK POP3 ready\r\n", errc::not_smtp},
        {"SSH-2.0-OpenSSH_9.2\r\n", errc::not_smtp},
        {std::string_view("\x15\x03\x01\x00\x02\x02\x46", 7), errc::tls_where_plain_expected},
        {std::string_view("\x16\x03\x03\x00\x02\x02\x46", 7), errc::tls_where_plain_expected},
        {std::string_view("\x16\x02\x03\x00\x02\x02\x46", 7), errc::bad_reply},
        {std::string_view("\x16\x03\x09\x00\x02\x02\x46", 7), errc::bad_reply},
        {"\x15\n", errc::bad_reply},
        {"\x15\x03\n", errc::bad_reply},
        {"HT\n", errc::bad_reply},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.wire);
        for (std::size_t cut = 0; cut <= c.wire.size(); ++cut)
        {
            auto const o = parse({c.wire.substr(0, cut), c.wire.substr(cut)});
            REQUIRE(o.ec == c.expected);
            REQUIRE_FALSE(o.done);
        }
        CHECK(parse(octets(c.wire)).ec == c.expected);
    }
}

TEST_CASE("a peer that speaks TLS or HTTP is recognised before it ends a line")
{
    CHECK(parse(std::string_view("\x15\x03\x01", 3)).ec == errc::tls_where_plain_expected);
    CHECK(parse("HTTP/").ec == errc::not_smtp);
    CHECK_FALSE(parse("HTTP").ec);
    CHECK(parse("x").ec == errc::bad_reply);
}

TEST_CASE("other protocols are guessed at the start of a connection only")
{
    smtp::reply_parser parser;
    smtp::reply        r;
    std::error_code    ec;
    parser.parse("220 hello\r\n", r, ec);
    REQUIRE(parser.done());
    parser.parse("HTTP/1.1 400 no\r\n", r, ec);
    CHECK(ec == errc::bad_reply);
    CHECK(parser.parse("250 fine\r\n", r, ec) == 0);
    CHECK(ec == errc::bad_reply);
    CHECK_FALSE(parser.done());
    parser.reset();
    CHECK_FALSE(parser.done());
    parser.parse("HTTP/1.1 400 no\r\n", r, ec);
    CHECK(ec == errc::not_smtp);
}

TEST_CASE("a broken reply is kept for the error text")
{
    CHECK(parse("250-a\r\nwhat is this?\r\n").r.wire() == "250-a\r\nwhat is this?\r\n");
    CHECK(parse("no\x1b[2J\r\n").r.describe() == "no\\x1b[2J\\x0d\\x0a");
}

TEST_CASE("limits hold at exactly their value, wherever the input is cut")
{
    smtp::reply_limits limits;
    limits.line  = 10;
    limits.total = 25;
    limits.lines = 3;
    struct
    {
        char const* wire;
        errc        expected; // 0: none
    } const cases[] = {
        {"250 1234\r\n", errc()},
        {"250 12345\r\n", errc::reply_line_too_long},
        {"250 123456", errc()},
        {"250 1234567", errc::reply_line_too_long},
        {"250-12\r\n250-12\r\n250 123\r\n", errc()},
        {"250-12\r\n250-12\r\n250 1234\r\n", errc::reply_too_long},
        {"250-\n250-\n250 \n", errc()},
        {"250-\n250-\n250-\n250 \n", errc::reply_too_many_lines},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.wire);
        std::string_view const wire = c.wire;
        for (std::size_t cut = 0; cut <= wire.size(); ++cut)
        {
            auto const o = parse({wire.substr(0, cut), wire.substr(cut)}, limits);
            if (c.expected == errc())
                REQUIRE_FALSE(o.ec);
            else
                REQUIRE(o.ec == c.expected);
        }
    }
}

TEST_CASE("a gigabyte of continuation lines, or of one line, ends early in bounded memory")
{
    std::string lines;
    while (lines.size() < 1024 * 1024)
        lines += "250-x\r\n";
    std::string const one_line(1024 * 1024, 'x');
    for (bool const endless_line : {false, true})
    {
        smtp::reply_parser parser;
        smtp::reply        r;
        std::error_code    ec;
        std::size_t        fed = 0;
        if (endless_line)
            parser.parse("250 ", r, ec);
        for (int i = 0; i < 1024; ++i)
            fed += parser.parse(endless_line ? one_line : lines, r, ec);
        CHECK(ec == (endless_line ? errc::reply_line_too_long : errc::reply_too_many_lines));
        CHECK(fed <= parser.limits().total);
        CHECK(r.wire().size() <= parser.limits().total);
    }
    // Long lines, few of them: the total is bounded as well.
    std::string long_lines;
    for (int i = 0; i < 20; ++i)
        long_lines += "250-" + std::string(8000, 'x') + "\r\n";
    CHECK(parse(long_lines).ec == errc::reply_too_long);
}

TEST_CASE("enhanced codes are read where they agree with the code")
{
    struct
    {
        char const* wire;
        char const* enhanced; // empty: none
        char const* text;
    } const cases[] = {
        {"250 2.1.0 ok\r\n", "2.1.0", "ok"},
        {"250 2.1.0\r\n", "2.1.0", ""},
        {"550 5.1.1  no\r\n", "5.1.1", "no"},
        {"452 4.999.999 x\r\n", "4.999.999", "x"},
        {"550 4.1.1 disagrees\r\n", "", "4.1.1 disagrees"},
        {"354 3.0.0 no such class\r\n", "", "3.0.0 no such class"},
        {"250 2.1 ok\r\n", "", "2.1 ok"},
        {"250 2.1.0ok\r\n", "", "2.1.0ok"},
        {"250 2.1.0.1 ok\r\n", "", "2.1.0.1 ok"},
        {"250 2.1234.0 ok\r\n", "", "2.1234.0 ok"},
        {"250 2..0 ok\r\n", "", "2..0 ok"},
        {"250 2\r\n", "", "2"},
        {"250 2.\r\n", "", "2."},
        {"220 2.example.net ESMTP\r\n", "", "2.example.net ESMTP"},
        {"550-no\r\n550 5.7.1 never\r\n", "5.7.1", "no\nnever"},
        {"550-5.7.1 no\r\n550 5.7.2 never\r\n", "5.7.1", "no\nnever"},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.wire);
        auto const o = parse(c.wire);
        REQUIRE(o.done);
        auto const e = o.r.enhanced();
        CHECK((e ? e->to_string() : "") == c.enhanced);
        CHECK(o.r.text() == c.text);
    }
    auto const both = parse("550-5.7.1 no\r\n550 5.7.2 never\r\n").r;
    CHECK(both.line(1).enhanced == smtp::enhanced_code{5, 7, 2});
}

TEST_CASE("text is kept as it is and shown without control characters")
{
    std::string_view const wire("250 a\x1b[31m\x00\xff\xc3\xa9\r\n", 16);
    auto const             o = parse(wire);
    REQUIRE(o.done);
    CHECK(o.r.line(0).raw == wire.substr(4, 10));
    CHECK(o.r.wire() == wire);
    CHECK(o.r.describe() == "250 a\\x1b[31m\\x00\\xff\xc3\xa9");
}

TEST_CASE("a reply is described in one line")
{
    CHECK(parse("550-5.1.1 no such user\r\n550 5.1.1 here\r\n").r.describe() ==
          "550 5.1.1 no such user / 5.1.1 here");
    CHECK(parse("250\r\n").r.describe() == "250");
    CHECK(smtp::reply().describe().empty());
    CHECK(parse("250 " + std::string(500, 'x') + "\r\n").r.describe(20) == "250 xxxxxxxxxxxxxxxx...");
}

TEST_CASE("the first digit decides")
{
    auto const is = [](int code) {
        smtp::reply const r(code, "x");
        return std::string() + (r.positive() ? 'p' : '-') + (r.intermediate() ? 'i' : '-') +
               (r.transient() ? 't' : '-') + (r.permanent() ? 'f' : '-') + (r.negative() ? 'n' : '-');
    };
    CHECK(is(250) == "p----");
    CHECK(is(354) == "-i---");
    CHECK(is(421) == "--t-n");
    CHECK(is(554) == "---fn");
    smtp::reply const none;
    CHECK(none.empty());
    CHECK_FALSE(none.negative());
    CHECK_FALSE(none.positive());
    CHECK(none.begin() == none.end());
}

TEST_CASE("a refusal becomes an error where success is needed")
{
    CHECK_FALSE(smtp::refusal(smtp::reply(250, "")));
    CHECK_FALSE(smtp::refusal(smtp::reply(354, "")));
    CHECK(smtp::refusal(smtp::reply(421, "")) == errc::service_unavailable);
    CHECK(smtp::refusal(smtp::reply(450, "")) == errc::command_deferred);
    CHECK(smtp::refusal(smtp::reply(550, "")) == errc::command_refused);
}

TEST_CASE("a reply made by hand equals the one that was parsed")
{
    smtp::reply const r(250, "mx.example\nSIZE 10\n2.0.0 ok");
    auto const        o = parse("250-mx.example\r\n250-SIZE 10\r\n250 2.0.0 ok\r\n");
    CHECK(r.wire() == o.r.wire());
    CHECK(r.text() == o.r.text());
    CHECK(r.code() == o.r.code());
    CHECK(r.enhanced() == o.r.enhanced());
    CHECK(smtp::reply(250, "").wire() == "250 \r\n");
}

TEST_CASE("copies live on their own")
{
    smtp::reply copy;
    {
        auto const o = parse("250 2.0.0 a text that is too long for the small string buffer\r\n");
        copy         = o.r;
    }
    CHECK(copy.line(0).text == "a text that is too long for the small string buffer");
    copy.clear();
    CHECK(copy.empty());
    CHECK(copy.line_count() == 0);
}

TEST_CASE("a parser and a reply that are used again keep their memory")
{
    smtp::reply_parser parser;
    smtp::reply        r;
    std::error_code    ec;
    std::string const  wire = "250-" + std::string(300, 'x') + "\r\n250 2.1.5 recipient ok\r\n";
    parser.parse(wire, r, ec);
    char const* const memory = r.wire().data();
    for (int i = 0; i < 1000; ++i)
    {
        REQUIRE(parser.parse(wire, r, ec) == wire.size());
        REQUIRE(parser.done());
        REQUIRE(r.wire().data() == memory);
    }
}

TEST_SUITE_END();
