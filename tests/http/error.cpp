//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/error.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <system_error>

using namespace posthorn;

TEST_SUITE_BEGIN("http/error");

namespace {

constexpr int first_error = static_cast<int>(http::errc::bad_status_line);
constexpr int last_error  = static_cast<int>(http::errc::bad_challenge);

} // namespace

TEST_CASE("every error has a sentence of its own")
{
    std::set<std::string> sentences;
    for (int value = first_error; value <= last_error; ++value)
    {
        CAPTURE(value);
        auto const text = http::category().message(value);
        CHECK(text != "unknown error");
        CHECK(sentences.insert(text).second);
    }
    CHECK(http::category().message(last_error + 1) == "unknown error");
    CHECK(std::string(http::category().name()) == "posthorn.http");
}

TEST_CASE("every error but an undecided outcome answers to a condition, and none is both temporary and permanent")
{
    for (int value = first_error; value <= last_error; ++value)
    {
        std::error_code const ec(value, http::category());
        CAPTURE(ec.message());
        bool const temporary = ec == condition::temporary;
        bool const permanent = ec == condition::permanent;
        bool const some      = temporary || permanent || ec == condition::protocol || ec == condition::authentication;
        CHECK(some != (ec == http::errc::in_doubt));
        CHECK_FALSE((temporary && permanent));
        CHECK_FALSE(ec == condition::timeout);
        CHECK_FALSE(ec == condition::canceled);
    }
}

TEST_CASE("a request_error tells the method, the URL, the status, and where a redirect leads")
{
    http::request_error::facts f;
    f.method   = "BMOVE";
    f.url      = "http://h.example/x";
    f.status   = 302;
    f.location = "http://evil.example/";
    error_context context;
    context.phase  = "the head of the response";
    context.peer   = "h.example:80";
    context.detail = "why";
    http::request_error const e(http::errc::redirect_refused, f, context);
    CHECK(std::string(e.what()) == "the head of the response: BMOVE http://h.example/x with h.example:80: this redirect is not followed: why; status 302");
    CHECK(e.method() == "BMOVE");
    CHECK(e.url() == "http://h.example/x");
    CHECK(e.status() == 302);
    CHECK(e.location() == "http://evil.example/");
    CHECK(e.code() == condition::permanent);
}

TEST_SUITE_END();
