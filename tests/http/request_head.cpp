//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/request_head.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <system_error>

using namespace posthorn;
using http::headers;
using http::request_extras;
using http::url;

TEST_SUITE_BEGIN("http/request_head");

namespace {

std::string written(std::string_view method, url const& to, headers const& fields = {}, request_extras const& more = {})
{
    return std::string(http::write_request_head(method, to, fields, more).view());
}

std::error_code code_of(std::string_view method, url const& to, headers const& fields, request_extras const& more = {})
{
    try
    {
        written(method, to, fields, more);
    }
    catch (error const& e)
    {
        CHECK(std::string_view(e.what()).find("hunter2") == std::string_view::npos);
        return e.code();
    }
    return {};
}

url const at("http://h.example/a?b");

} // namespace

TEST_CASE("the three forms of a target")
{
    CHECK(written("GET", at) == "GET /a?b HTTP/1.1\r\nHost: h.example\r\n\r\n");
    request_extras more;
    more.form = http::target_form::absolute;
    CHECK(written("GET", at, {}, more) == "GET http://h.example/a?b HTTP/1.1\r\nHost: h.example\r\n\r\n");
    more.form = http::target_form::authority;
    CHECK(written("CONNECT", url("https://h.example/"), {}, more) == "CONNECT h.example:443 HTTP/1.1\r\nHost: h.example:443\r\n\r\n");
    CHECK(written("CONNECT", url("https://[::1]:8443/"), {}, more) == "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n");
}

TEST_CASE("the caller's fields and the client's")
{
    request_extras more;
    more.user_agent          = "agent";
    more.authorization       = "Basic x";
    more.proxy_authorization = "Basic y";
    more.cookie              = "a=b";
    more.length              = 3;
    more.expect_continue     = true;
    CHECK(written("PROPFIND", at, {{"Depth", "1,noroot"}}, more) ==
          "PROPFIND /a?b HTTP/1.1\r\nHost: h.example\r\nUser-Agent: agent\r\nDepth: 1,noroot\r\nAuthorization: Basic x\r\nProxy-Authorization: Basic y\r\n"
          "Cookie: a=b\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    CHECK(written("GET", at, {{"user-agent", "mine"}, {"authorization", "mine"}}, more).find("agent\r\n") == std::string::npos);
    CHECK(written("GET", at, {{"authorization", "mine"}}, more).find("Basic x") == std::string::npos);
}

TEST_CASE("how a body is announced")
{
    request_extras more;
    CHECK(written("GET", at).find("Content-Length") == std::string::npos);
    CHECK(written("DELETE", at).find("Content-Length") == std::string::npos);
    CHECK(written("POST", at).find("Content-Length: 0\r\n") != std::string::npos);
    CHECK(written("MKCOL", at).find("Content-Length: 0\r\n") != std::string::npos);
    more.length          = 0;
    more.expect_continue = true;
    CHECK(written("PUT", at, {}, more).find("Expect") == std::string::npos);
    more.length.reset();
    more.chunked = true;
    CHECK(written("PUT", at, {}, more).find("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n") != std::string::npos);
}

TEST_CASE("nothing can be injected")
{
    CHECK(code_of("GE T", at, {}) == http::errc::bad_method);
    CHECK(code_of("GET\r\nX: y", at, {}) == http::errc::bad_method);
    CHECK(code_of("", at, {}) == http::errc::bad_method);
    CHECK(code_of("GET", url(), {}) == http::errc::bad_url);
    CHECK(code_of("GET", at, {{"A", "hunter2\r\nB: c"}}) == http::errc::bad_header);
    CHECK(code_of("GET", at, {{"A", "hunter2\nB: c"}}) == http::errc::bad_header);
    CHECK(code_of("GET", at, {{"A", "hunter2\rB: c"}}) == http::errc::bad_header);
    CHECK(code_of("GET", at, {{"A", std::string("hunter2\0", 8)}}) == http::errc::bad_header);
    CHECK(code_of("GET", at, {{"A", " hunter2"}}) == http::errc::bad_header);
    CHECK(code_of("GET", at, {{"A:", "x"}}) == http::errc::bad_header);
    CHECK(code_of("GET", at, {{"A\r\n", "x"}}) == http::errc::bad_header);
    CHECK(code_of("GET", at, {{"", "x"}}) == http::errc::bad_header);
    request_extras more;
    more.cookie = "hunter2\r\nX: y";
    CHECK(code_of("GET", at, {}, more) == http::errc::bad_header);
    more        = request_extras();
    more.authorization = "Bearer hunter2\r\nX: y";
    CHECK(code_of("GET", at, {}, more) == http::errc::bad_header);
    more            = request_extras();
    more.user_agent = "a\r\nX: y";
    CHECK(code_of("GET", at, {}, more) == http::errc::bad_header);
    CHECK(written("GET", url("http://h.example/a b\r\nX: y")).find("\r\nX: y") == std::string::npos);
}

TEST_CASE("only the client says where messages end and whom they are for")
{
    for (char const* name : {"Host", "content-length", "Transfer-Encoding", "Connection", "TE", "Trailer", "Upgrade", "Expect", "Keep-Alive", "Proxy-Authorization",
                             "Proxy-Connection"})
    {
        CAPTURE(name);
        CHECK(code_of("GET", at, {{name, "x"}}) == http::errc::bad_header);
    }
}

TEST_SUITE_END();
