//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/error.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <system_error>

namespace smtp = posthorn::smtp;
using posthorn::condition;
using smtp::errc;

namespace {

constexpr int first_error = static_cast<int>(errc::bad_reply);
constexpr int last_error  = static_cast<int>(errc::in_doubt);

} // namespace

TEST_SUITE_BEGIN("smtp/error");

TEST_CASE("every error has a sentence of its own")
{
    std::set<std::string> sentences;
    for (int value = first_error; value <= last_error; ++value)
    {
        CAPTURE(value);
        auto const text = smtp::category().message(value);
        CHECK(text != "unknown error");
        CHECK(text.size() > 10);
        CHECK(sentences.insert(text).second);
    }
    CHECK(smtp::category().message(last_error + 1) == "unknown error");
    CHECK(smtp::category().message(0) == "unknown error");
    CHECK(std::string(smtp::category().name()) == "posthorn.smtp");
}

TEST_CASE(
    "every error but an undecided outcome answers to a condition, and none is both temporary and permanent")
{
    for (int value = first_error; value <= last_error; ++value)
    {
        std::error_code const ec(value, smtp::category());
        CAPTURE(ec.message());
        bool const temporary = ec == condition::temporary;
        bool const permanent = ec == condition::permanent;
        bool const some      = temporary || permanent || ec == condition::protocol || ec == condition::tls ||
                          ec == condition::authentication;
        bool const open = ec == errc::in_doubt || ec == errc::not_all_accepted;
        CHECK(some != open);
        CHECK_FALSE((temporary && permanent));
        CHECK_FALSE(ec == condition::timeout);
        CHECK_FALSE(ec == condition::canceled);
        CHECK_FALSE(ec == condition::unreachable);
    }
}

TEST_CASE("errors are of the kind callers act on")
{
    auto const is = [](errc e, condition c) { return smtp::make_error_code(e) == c; };
    CHECK(is(errc::mixed_codes, condition::protocol));
    CHECK(is(errc::tls_leftover, condition::tls));
    CHECK(is(errc::tls_leftover, condition::protocol));
    CHECK(is(errc::tls_required_unavailable, condition::tls));
    CHECK(is(errc::service_unavailable, condition::temporary));
    CHECK(is(errc::auth_temporary, condition::temporary));
    CHECK(is(errc::auth_temporary, condition::authentication));
    CHECK(is(errc::auth_failed, condition::permanent));
    CHECK(is(errc::message_too_big, condition::permanent));
    CHECK_FALSE(is(errc::auth_temporary, condition::permanent));
    CHECK_FALSE(smtp::make_error_code(errc::bad_reply) == std::errc::invalid_argument);
}

TEST_CASE("a defect is true when something is wrong")
{
    smtp::defect d;
    CHECK_FALSE(d);
    d.code = errc::bad_address;
    CHECK(d);
}

TEST_SUITE_END();
