//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/body_decoder.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

using namespace posthorn;
using http::body_decoder;
using http::body_end;
using http::framing;

TEST_SUITE_BEGIN("http/body_decoder");

namespace {

struct result
{
    std::string     body;
    std::error_code ec;
    bool            done  = false;
    std::size_t     taken = 0;
    http::headers   trailers;
};

result decode(framing f, std::string_view text, std::size_t first, std::size_t then, http::head_limits limits = {})
{
    result       r;
    body_decoder d(f, limits);
    for (std::size_t piece = first; r.taken != text.size() && !r.ec && !d.done(); piece = then)
    {
        auto const              n = std::min(piece, text.size() - r.taken);
        std::unique_ptr<char[]> copy(new char[n]);
        std::copy_n(text.data() + r.taken, n, copy.get());
        std::string_view rest(copy.get(), n);
        while (!rest.empty() && !r.ec && !d.done())
        {
            std::string_view out;
            auto const       taken = d.decode(rest, out, r.ec);
            r.body.append(out);
            rest.remove_prefix(taken);
            r.taken += taken;
        }
        if (r.ec || d.done())
            break;
    }
    r.done     = d.done();
    r.trailers = d.trailers();
    CHECK(d.octets() == r.body.size());
    return r;
}

result decode_everywhere(framing f, std::string_view text, http::head_limits limits = {})
{
    auto const whole = decode(f, text, text.size(), text.size(), limits);
    for (std::size_t cut = 1; cut < text.size(); ++cut)
    {
        auto const r = decode(f, text, cut, text.size(), limits);
        CHECK(r.ec == whole.ec);
        CHECK(r.done == whole.done);
        if (!whole.ec)
            CHECK(r.body == whole.body);
        CHECK(r.trailers == whole.trailers);
    }
    auto const single = decode(f, text, 1, 1, limits);
    CHECK(single.ec == whole.ec);
    CHECK(single.body == whole.body);
    if (!whole.ec)
        CHECK(single.taken == whole.taken);
    return whole;
}

framing const chunked(body_end::chunked, 0);

} // namespace

TEST_CASE("no body, and one of length zero, are done at once")
{
    CHECK(body_decoder().done());
    CHECK(body_decoder(framing(body_end::none, 0)).done());
    CHECK(body_decoder(framing(body_end::length, 0)).done());
    CHECK_FALSE(body_decoder(framing(body_end::close, 0)).done());
}

TEST_CASE("a length takes that many octets and no more")
{
    auto const r = decode_everywhere(framing(body_end::length, 5), "helloHTTP/1.1");
    CHECK(r.body == "hello");
    CHECK(r.taken == 5);
    CHECK(r.done);
}

TEST_CASE("up to the close everything is body")
{
    body_decoder     d(framing(body_end::close, 0));
    std::error_code  ec;
    std::string_view out;
    CHECK(d.decode("abc", out, ec) == 3);
    CHECK(out == "abc");
    CHECK_FALSE(d.done());
    d.finish(ec);
    CHECK_FALSE(ec);
    CHECK(d.done());
}

TEST_CASE("chunks, extensions and trailers, cut anywhere")
{
    auto const r = decode_everywhere(chunked, "5\r\nhello\r\n1;a=b;c=\"d;e\"\r\n \r\n00A  ; x\r\n0123456789\r\n5 \t\r\nworld\r\n0\r\nX-Sum: 1\r\nY: z\r\n\r\nHTTP/1.1");
    CHECK_FALSE(r.ec);
    CHECK(r.done);
    CHECK(r.body == "hello 0123456789world");
    CHECK(r.trailers == http::headers{{"X-Sum", "1"}, {"Y", "z"}});
    CHECK(r.taken == std::string_view("5\r\nhello\r\n1;a=b;c=\"d;e\"\r\n \r\n00A  ; x\r\n0123456789\r\n5 \t\r\nworld\r\n0\r\nX-Sum: 1\r\nY: z\r\n\r\n").size());
    CHECK(decode_everywhere(chunked, "0\r\n\r\n").done);
    CHECK(decode_everywhere(chunked, "000;ext\r\n\r\n").done);
}

TEST_CASE("bad chunks")
{
    for (std::string_view bad : {"\r\n", "x\r\n", "-5\r\nhello\r\n", "+5\r\nhello\r\n", "0x5\r\nhello\r\n", " 5\r\nhello\r\n", "5\nhello\r\n", "5\rhello\r\n", "5\r\nhelloXX",
                                 "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r\r\n", "5\r\nhello\r\n\r\n", "5 5\r\nhello\r\n", "5\r\r\nhello", "5;a\nb\r\nhello", "5;a\x01\r\nhello",
                                 "5\r\nhello5\r\nhello", "\"5\"\r\nhello"})
    {
        CAPTURE(bad);
        CHECK(decode_everywhere(chunked, bad).ec == http::errc::bad_chunk);
    }
}

TEST_CASE("chunks whose size has no room")
{
    for (std::string_view bad : {"8000000000000000\r\n", "ffffffffffffffff\r\n", "fffffffffffffffff\r\n", "00000000000000005\r\n", "7ffffffffffffffff\r\n"})
    {
        CAPTURE(bad);
        CHECK(decode_everywhere(chunked, bad).ec == http::errc::bad_chunk);
    }
    CHECK_FALSE(decode_everywhere(chunked, "7fffffffffffffff\r\nabc").ec);
    CHECK(decode_everywhere(chunked, "1\r\na\r\n7fffffffffffffff\r\nabc").ec == http::errc::bad_chunk);
}

TEST_CASE("trailers are held to the rules and limits of heads")
{
    http::head_limits limits;
    limits.fields = 2;
    limits.line   = 30;
    CHECK(decode_everywhere(chunked, "0\r\nA b\r\n\r\n", limits).ec == http::errc::bad_field);
    CHECK(decode_everywhere(chunked, "0\r\nA: b\n\r\n", limits).ec == http::errc::bare_line_ending);
    CHECK(decode_everywhere(chunked, "0\r\nA:\r\nB:\r\nC:\r\n\r\n", limits).ec == http::errc::too_many_fields);
    CHECK(decode_everywhere(chunked, "0\r\nA: " + std::string(40, 'x') + "\r\n\r\n", limits).ec == http::errc::line_too_long);
}

TEST_CASE("extensions are bounded, each and in all")
{
    http::head_limits limits;
    limits.line  = 30;
    limits.total = 100;
    CHECK(decode_everywhere(chunked, "1;" + std::string(40, 'x') + "\r\na\r\n", limits).ec == http::errc::bad_chunk);
    std::string text;
    for (int i = 0; i != 20; ++i)
        text += "1;xxxxxxxxxx\r\na\r\n";
    CHECK(decode_everywhere(chunked, text, limits).ec == http::errc::bad_chunk);
    text.clear();
    for (int i = 0; i != 20; ++i)
        text += "a;xxxxxxxxxx\r\n0123456789\r\n"; // no more than the data: some servers sign each chunk
    CHECK_FALSE(decode_everywhere(chunked, text, limits).ec);
}

TEST_CASE("an end of the connection within a body is a truncation")
{
    std::error_code  ec;
    std::string_view out;
    for (std::string_view part : {"", "5", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "0\r\n", "0\r\nA: b\r\n"})
    {
        body_decoder d(chunked);
        while (!part.empty())
            part.remove_prefix(d.decode(part, out, ec));
        d.finish(ec);
        CHECK(ec == http::errc::truncated_body);
    }
    body_decoder d(framing(body_end::length, 5));
    d.decode("hell", out, ec);
    d.finish(ec);
    CHECK(ec == http::errc::truncated_body);
}

TEST_CASE("pieces point into what was given")
{
    body_decoder      d(chunked);
    std::error_code   ec;
    std::string_view  out;
    std::string const text = "5\r\nhello\r\n";
    CHECK(d.decode(text, out, ec) == 8);
    CHECK(out.data() == text.data() + 3);
}

TEST_SUITE_END();
