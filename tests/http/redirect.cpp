//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/redirect.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

using namespace posthorn;
using http::url;

TEST_SUITE_BEGIN("http/redirect");

namespace {

http::response_head head(int status, http::headers fields)
{
    http::response_head h;
    h.status = status;
    h.fields = std::move(fields);
    return h;
}

struct outcome
{
    std::optional<http::redirection> next;
    std::error_code                  ec;
};

outcome decide(int status, std::string const& location, std::string_view method = "PROPFIND", std::string_view from = "http://a.example/x?y")
{
    outcome o;
    o.next = http::redirect_of(head(status, {{"Location", location}}), url(from), method, o.ec);
    return o;
}

} // namespace

TEST_CASE("methods that read go on with method and body")
{
    for (int status : {301, 302, 307, 308})
        for (std::string_view method : {"GET", "HEAD", "PROPFIND", "SEARCH", "OPTIONS", "BPROPFIND", "REPORT"})
        {
            auto const o = decide(status, "/z?", method);
            REQUIRE(o.next);
            CHECK(o.next->to.str() == "http://a.example/z?");
            CHECK(o.next->method == method);
            CHECK_FALSE(o.next->without_body);
            CHECK_FALSE(o.next->other_origin);
        }
}

TEST_CASE("to another origin go those that read and name nothing private, and no query")
{
    for (int status : {301, 302, 307, 308})
    {
        for (std::string_view method : {"GET", "HEAD", "OPTIONS", "PROPFIND"})
        {
            auto const o = decide(status, "http://b.example/z?", method);
            REQUIRE(o.next);
            CHECK(o.next->to.str() == "http://b.example/z?");
            CHECK(o.next->method == method);
            CHECK_FALSE(o.next->without_body);
            CHECK(o.next->other_origin);
        }
        for (std::string_view method : {"SEARCH", "BPROPFIND", "REPORT"})
            CHECK(decide(status, "http://b.example/z?", method).ec == http::errc::redirect_refused);
    }
}

TEST_CASE("methods that change something go on within their origin, on 307 and 308 only")
{
    for (std::string_view method : {"POST", "PUT", "MOVE", "MKCOL", "BMOVE", "BDELETE", "DELETE", "PROPPATCH", "ANY"})
    {
        CHECK(decide(307, "/z", method).next);
        CHECK(decide(308, "http://a.example/z", method).next);
        CHECK(decide(301, "/z", method).ec == http::errc::redirect_refused);
        CHECK(decide(302, "/z", method).ec == http::errc::redirect_refused);
        CHECK(decide(307, "http://b.example/z", method).ec == http::errc::redirect_refused);
        CHECK(decide(308, "http://a.example:81/z", method).ec == http::errc::redirect_refused);
        CHECK(decide(303, "http://b.example/z", method).ec == http::errc::redirect_refused);
        CHECK(decide(307, "https://a.example/z", method).ec == http::errc::redirect_refused);
    }
}

TEST_CASE("303 becomes GET")
{
    auto const post = decide(303, "/result", "POST");
    REQUIRE(post.next);
    CHECK(post.next->method == "GET");
    CHECK(post.next->without_body);
    CHECK(decide(303, "/result", "HEAD").next->method == "HEAD");
}

TEST_CASE("never from https to http")
{
    CHECK(decide(302, "http://a.example/z", "GET", "https://a.example/").ec == http::errc::redirect_downgrade);
    CHECK(decide(303, "http://a.example/z", "GET", "https://a.example/").ec == http::errc::redirect_downgrade);
    CHECK(decide(302, "https://a.example/z", "GET", "http://a.example/").next->other_origin);
}

TEST_CASE("relative locations, bare question marks, equal fields")
{
    CHECK(decide(302, "z?").next->to.str() == "http://a.example/z?");
    CHECK(decide(302, "?q").next->to.str() == "http://a.example/x?q");
    CHECK_FALSE(decide(302, "/z").next->other_origin);
    std::error_code ec;
    CHECK(http::redirect_of(head(302, {{"Location", "/z"}, {"Location", "/z"}}), url("http://a.example/"), "GET", ec));
}

TEST_CASE("what leads nowhere")
{
    std::error_code ec;
    for (char const* bad : {"mailto:x@y", "javascript:x", "ftp://h/", "http://", "http://u:p@h/", "https:", "file:///etc/passwd"})
    {
        CAPTURE(bad);
        CHECK(decide(302, bad).ec == http::errc::bad_redirect);
    }
    CHECK_FALSE(http::redirect_of(head(302, {{"Location", "/z"}, {"Location", "/y"}}), url("http://a.example/"), "GET", ec));
    CHECK(ec == http::errc::bad_redirect);
}

TEST_CASE("what is no redirect")
{
    for (int status : {200, 201, 300, 304, 305, 306, 401})
    {
        auto const o = decide(status, "/z");
        CHECK_FALSE(o.next);
        CHECK_FALSE(o.ec);
    }
    std::error_code ec;
    CHECK_FALSE(http::redirect_of(head(302, {}), url("http://a.example/"), "GET", ec));
    CHECK_FALSE(ec);
}

TEST_CASE("only fields that say what is wanted go to another origin")
{
    http::headers h{{"Accept", "x"}, {"Depth", "0"}, {"Authorization", "x"}, {"Cookie", "x"}, {"Destination", "x"}, {"Referer", "x"}, {"If-Match", "x"}, {"Range", "x"},
                    {"X-Timestamp", "x"}, {"Savedestination", "x"}, {"X-Api-Key", "x"}, {"Content-Type", "text/xml"}, {"User-Agent", "x"}, {"brief", "t"}};
    http::keep_public_fields(h);
    CHECK(h == http::headers{{"Accept", "x"}, {"Depth", "0"}, {"Content-Type", "text/xml"}, {"User-Agent", "x"}, {"brief", "t"}});
    http::drop_body_fields(h);
    CHECK_FALSE(h.has("Content-Type"));
}

TEST_CASE("which methods may be sent twice")
{
    for (std::string_view fine : {"GET", "HEAD", "OPTIONS", "PROPFIND", "BPROPFIND", "SEARCH", "REPORT", "PUT", "DELETE", "PROPPATCH", "BPROPPATCH"})
        CHECK(http::is_repeatable(fine));
    for (std::string_view bad : {"POST", "MKCOL", "MOVE", "COPY", "BMOVE", "BCOPY", "BDELETE", "LOCK", "get", ""})
        CHECK_FALSE(http::is_repeatable(bad));
}

TEST_SUITE_END();
