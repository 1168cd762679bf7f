//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/framing.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

using namespace posthorn;
using http::body_end;

TEST_SUITE_BEGIN("http/framing");

namespace {

http::response_head head(int status, http::headers fields, int minor = 1)
{
    http::response_head h;
    h.status        = status;
    h.fields        = std::move(fields);
    h.minor_version = minor;
    return h;
}

http::framing frame(http::response_head const& h, std::string_view method = "GET")
{
    std::error_code ec;
    auto const      f = http::frame_of(h, method, ec);
    CHECK_FALSE(ec);
    return f;
}

std::error_code code(http::response_head const& h, std::string_view method = "GET")
{
    std::error_code ec;
    http::frame_of(h, method, ec);
    return ec;
}

} // namespace

TEST_CASE("where bodies end")
{
    auto const length = frame(head(200, {{"Content-Length", "42"}}));
    CHECK(length.end == body_end::length);
    CHECK(length.length == 42);
    CHECK(length.reusable);
    auto const chunked = frame(head(207, {{"transfer-encoding", "Chunked"}}));
    CHECK(chunked.end == body_end::chunked);
    CHECK(chunked.reusable);
    auto const close = frame(head(200, {}));
    CHECK(close.end == body_end::close);
    CHECK_FALSE(close.reusable);
}

TEST_CASE("responses without a body, whatever they announce")
{
    CHECK(frame(head(200, {{"Content-Length", "42"}}), "HEAD").end == body_end::none);
    CHECK(frame(head(200, {{"Transfer-Encoding", "chunked"}}), "HEAD").reusable);
    CHECK(frame(head(304, {{"Content-Length", "42"}})).reusable);
    CHECK(frame(head(204, {})).end == body_end::none);
    CHECK(frame(head(204, {{"Content-Length", "0"}})).reusable);
    CHECK(frame(head(200, {}), "CONNECT").end == body_end::none);
    CHECK(frame(head(407, {{"Content-Length", "3"}}), "CONNECT").end == body_end::length);
    CHECK(frame(head(100, {})).end == body_end::none);
}

TEST_CASE("after a body that should not be there the connection is not used again")
{
    CHECK_FALSE(frame(head(204, {{"Content-Length", "5"}})).reusable);
    CHECK_FALSE(frame(head(204, {{"Transfer-Encoding", "chunked"}})).reusable);
    CHECK(code(head(100, {{"Content-Length", "5"}})) == http::errc::ambiguous_framing);
    CHECK(code(head(103, {{"Transfer-Encoding", "chunked"}})) == http::errc::ambiguous_framing);
}

TEST_CASE("two ways to see the end are refused")
{
    CHECK(code(head(200, {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}})) == http::errc::ambiguous_framing);
    CHECK(code(head(200, {{"Content-Length", "5"}, {"Content-Length", "6"}})) == http::errc::ambiguous_framing);
    CHECK(code(head(200, {{"Content-Length", "5"}, {"Content-Length", "5"}})) == http::errc::ambiguous_framing);
    CHECK(code(head(200, {{"Transfer-Encoding", "chunked"}}, 0)) == http::errc::ambiguous_framing);
}

TEST_CASE("lengths that are none")
{
    for (char const* bad : {"", "-1", "+5", "5, 5", "5,6", "0x10", "1e3", "5 5", "99999999999999999999", "9223372036854775808"})
    {
        CAPTURE(bad);
        CHECK(code(head(200, {{"Content-Length", bad}})) == http::errc::bad_content_length);
    }
}

TEST_CASE("codings other than chunked are refused")
{
    for (char const* bad : {"gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "", "xchunked", "chunked;q=1", "\"chunked\""})
    {
        CAPTURE(bad);
        CHECK(code(head(200, {{"Transfer-Encoding", bad}})) == http::errc::bad_transfer_encoding);
    }
    CHECK(code(head(200, {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}})) == http::errc::bad_transfer_encoding);
}

TEST_CASE("which connections can be used again")
{
    CHECK_FALSE(frame(head(200, {{"Content-Length", "1"}, {"Connection", "x, Close"}})).reusable);
    CHECK_FALSE(frame(head(200, {{"Content-Length", "1"}}, 0)).reusable);
    CHECK(frame(head(200, {{"Content-Length", "1"}, {"Connection", "Keep-Alive"}}, 0)).reusable);
    CHECK_FALSE(frame(head(200, {{"Content-Length", "1"}, {"Proxy-Connection", "close"}})).reusable);
    CHECK_FALSE(frame(head(204, {{"Connection", "close"}})).reusable);
}

TEST_CASE("how long the server keeps a connection")
{
    using std::chrono::seconds;
    CHECK(http::keep_alive_of(head(200, {{"Keep-Alive", "timeout=5, max=100"}})) == seconds(5));
    CHECK(http::keep_alive_of(head(200, {{"keep-alive", "max=100, Timeout=15"}})) == seconds(15));
    for (char const* odd : {"", "300", "timeout", "timeout=", "timeout=-1", "timeout=99999999999"})
        CHECK_FALSE(http::keep_alive_of(head(200, {{"Keep-Alive", odd}})));
    CHECK_FALSE(http::keep_alive_of(head(200, {})));
}

TEST_SUITE_END();
