//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/head_parser.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

using namespace posthorn;
using http::head_limits;
using http::head_parser;

TEST_SUITE_BEGIN("http/head_parser");

namespace {

struct result
{
    http::response_head head;
    std::error_code     ec;
    bool                done  = false;
    std::size_t         taken = 0;
};

/// Feeds `text` in pieces of these sizes: one of `first`, then of `then`.
result parse(std::string_view text, std::size_t first, std::size_t then, head_limits limits = {}, head_parser::part what = head_parser::part::response)
{
    result      r;
    head_parser p(limits, what);
    for (std::size_t piece = first; r.taken != text.size() && !r.ec && !p.done(); piece = then)
    {
        auto const n = std::min(piece, text.size() - r.taken);
        // An exact copy, so that sanitizers see reads beyond its end.
        std::unique_ptr<char[]> copy(new char[n]);
        std::copy_n(text.data() + r.taken, n, copy.get());
        auto const taken = p.parse(std::string_view(copy.get(), n), r.ec);
        CHECK(taken <= n);
        r.taken += taken;
    }
    r.done = p.done();
    if (r.done)
        r.head = p.take();
    return r;
}

/// The same outcome wherever it is cut.
result parse_everywhere(std::string_view text, head_limits limits = {}, head_parser::part what = head_parser::part::response)
{
    auto const whole = parse(text, text.size(), text.size(), limits, what);
    for (std::size_t cut = 1; cut < text.size(); ++cut)
    {
        auto const r = parse(text, cut, text.size(), limits, what);
        CHECK(r.ec == whole.ec);
        CHECK(r.done == whole.done);
        CHECK(r.head.fields == whole.head.fields);
    }
    auto const single = parse(text, 1, 1, limits, what);
    CHECK(single.ec == whole.ec);
    CHECK(single.head.fields == whole.head.fields);
    CHECK(single.head.reason == whole.head.reason);
    return whole;
}

std::error_code code_of(std::string_view text, head_limits limits = {}) { return parse_everywhere(text, limits).ec; }

std::string head(std::string_view lines) { return "HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\n"; }

} // namespace

TEST_CASE("status line and fields, cut anywhere")
{
    auto const r = parse_everywhere("HTTP/1.1 207 Multi-Status\r\nServer: Microsoft-IIS/5.0\r\nX-Dav-Error:  200 No error \r\nEmpty:\r\nempty: \t\r\n\r\n<body");
    REQUIRE(r.done);
    CHECK(r.taken == std::string_view("HTTP/1.1 207 Multi-Status\r\nServer: Microsoft-IIS/5.0\r\nX-Dav-Error:  200 No error \r\nEmpty:\r\nempty: \t\r\n\r\n").size());
    CHECK(r.head.status == 207);
    CHECK(r.head.reason == "Multi-Status");
    CHECK(r.head.minor_version == 1);
    CHECK(r.head.fields == http::headers{{"Server", "Microsoft-IIS/5.0"}, {"X-Dav-Error", "200 No error"}, {"Empty", ""}, {"empty", ""}});
}

TEST_CASE("status lines as servers write them")
{
    CHECK(parse_everywhere("HTTP/1.0 200 OK\r\n\r\n").head.minor_version == 0);
    CHECK(parse_everywhere("HTTP/1.9 200 OK\r\n\r\n").head.minor_version == 1);
    CHECK(parse_everywhere("HTTP/1.1 440 \r\n\r\n").head.status == 440);
    CHECK(parse_everywhere("HTTP/1.1 440\r\n\r\n").head.status == 440);
    CHECK(parse_everywhere("HTTP/1.1 999  odd  \xe4 reason\r\n\r\n").head.reason == " odd  \xe4 reason");
}

TEST_CASE("what is no status line")
{
    for (std::string_view bad : {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1200 OK\r\n\r\n",
                                 "HTTP/1.1 099 OK\r\n\r\n", "HTTP/11 200 OK\r\n\r\n", "HTTP/1.10 200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n",
                                 " HTTP/1.1 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n", "220 mail.example ESMTP\r\n", "HTTP/1.1 -20 OK\r\n\r\n", "HTTP/1.1 200 a\x1b[0m\r\n\r\n",
                                 "HTTP/1.1\t200 OK\r\n\r\n", "<html>"})
    {
        CAPTURE(bad);
        CHECK(code_of(bad) == http::errc::bad_status_line);
    }
    CHECK(code_of("HTTP/2.0 200 OK\r\n\r\n") == http::errc::bad_version);
    CHECK(code_of("HTTP/0.9 200 OK\r\n\r\n") == http::errc::bad_version);
}

TEST_CASE("another protocol is told at its first octet")
{
    head_parser     p;
    std::error_code ec;
    p.parse("2", ec);
    CHECK(ec == http::errc::bad_status_line);
    CHECK(p.detail() == "it sent: 2");
}

TEST_CASE("what is no field")
{
    using namespace std::string_literals;
    for (std::string const& bad : {"Name : v\r\n"s, "Name\r\n"s, ": v\r\n"s, "Na me: v\r\n"s, "Name\t: v\r\n"s, "Na\xe4: v\r\n"s, "Name: a\0b\r\n"s, "Name: a\x07\r\n"s,
                                   " folded: first\r\n"s, "\tfolded\r\n"s, "(x): y\r\n"s, "Content-Length: 1\r\n 0\r\n"s, "Transfer-Encoding: chunked\r\n\t, x\r\n"s})
    {
        CAPTURE(bad);
        CHECK(code_of(head(bad)) == http::errc::bad_field);
    }
}

TEST_CASE("line endings that two readers could see differently")
{
    for (std::string_view bad : {"A: b\nC: d\r\n", "A: b\n\n", "A: b\rC: d\r\n", "A: b\r\r\n", "\n", "\r\r\n"})
    {
        CAPTURE(bad);
        CHECK(code_of(head(bad)) == http::errc::bare_line_ending);
    }
    CHECK(code_of("HTTP/1.1 200 OK\n\n") == http::errc::bare_line_ending);
    CHECK(code_of("HTTP/1.1 200 O\rK\r\n\r\n") == http::errc::bare_line_ending);
}

TEST_CASE("folded lines are joined")
{
    CHECK(parse_everywhere(head("A: b\r\n  c\r\n\td \r\n \r\nE: f\r\n")).head.fields == http::headers{{"A", "b c d"}, {"E", "f"}});
    CHECK(parse_everywhere(head("A:\r\n b\r\n")).head.fields == http::headers{{"A", "b"}});
}

TEST_CASE("limits hold wherever the cuts are")
{
    head_limits limits;
    limits.line   = 40;
    limits.total  = 100;
    limits.fields = 3;
    CHECK(code_of(head("A: " + std::string(35, 'x') + "\r\n"), limits) == std::error_code());
    CHECK(code_of(head("A: " + std::string(36, 'x') + "\r\n"), limits) == http::errc::line_too_long);
    CHECK(code_of("HTTP/1.1 200 " + std::string(100, 'x'), limits) == http::errc::line_too_long);
    std::string const line = "A: " + std::string(30, 'x') + "\r\n";
    CHECK(code_of(head(line + line), limits) == std::error_code());
    CHECK(code_of(head(line + line + "Bb: 1234567890\r\n"), limits) == http::errc::head_too_long);
    CHECK(code_of(head("A:\r\nB:\r\nC:\r\n"), limits) == std::error_code());
    CHECK(code_of(head("A:\r\nB:\r\nC:\r\nD:\r\n"), limits) == http::errc::too_many_fields);
}

TEST_CASE("a line without end takes no more memory than its limit")
{
    head_limits limits;
    limits.line = 1000;
    head_parser     p(limits);
    std::error_code ec;
    std::size_t     fed = p.parse("HTTP/1.1 200 OK\r\nA: ", ec);
    while (!ec && fed < 100'000)
        fed += p.parse("xxxxxxxxxxxxxxxx", ec);
    CHECK(ec == http::errc::line_too_long);
    CHECK(fed < 1100);
}

TEST_CASE("trailers are fields only")
{
    auto const r = parse_everywhere("A: b\r\nC: d\r\n\r\nrest", {}, head_parser::part::trailers);
    CHECK(r.done);
    CHECK(r.head.fields == http::headers{{"A", "b"}, {"C", "d"}});
    CHECK(parse_everywhere("\r\n", {}, head_parser::part::trailers).done);
}

TEST_CASE("a parser is ready for the next head when the last was taken")
{
    head_parser     p;
    std::error_code ec;
    std::string     text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    auto const      n    = p.parse(text, ec);
    REQUIRE(p.done());
    CHECK(p.take().interim());
    CHECK_FALSE(p.begun());
    CHECK(p.parse(std::string_view(text).substr(n), ec) == text.size() - n);
    CHECK(p.take().status == 200);
}

TEST_SUITE_END();
