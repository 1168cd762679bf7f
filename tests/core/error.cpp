//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/error.hpp>

#include <doctest/doctest.h>

#include <asio/error.hpp>

#include <exception>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

using posthorn::condition;
using posthorn::errc;
using posthorn::error;
using posthorn::error_context;

TEST_SUITE_BEGIN("core/error");

namespace {

std::vector<condition> const conditions {condition::canceled,  condition::timeout,     condition::temporary,
                                         condition::permanent, condition::tls,         condition::protocol,
                                         condition::unreachable, condition::authentication};

/// The only condition `ec` equals, or none.
std::vector<condition> matching(std::error_code ec)
{
    std::vector<condition> found;
    for (condition const c : conditions)
        if (ec == c)
            found.push_back(c);
    return found;
}

std::vector<condition> only(condition c) { return {c}; }

std::string what_of(error_context c) { return error(errc::timeout, std::move(c)).what(); }

} // namespace

TEST_CASE("every code has a sentence of its own")
{
    std::vector<std::string> seen;
    for (int i = 1; i <= static_cast<int>(errc::malformed); ++i)
    {
        std::error_code const ec = static_cast<errc>(i);
        CHECK(ec.category() == posthorn::library_category());
        CHECK(std::string(ec.category().name()) == "posthorn");
        CHECK(ec.message() != "unknown error");
        for (auto const& earlier : seen)
            CHECK(earlier != ec.message());
        seen.push_back(ec.message());
    }
    CHECK(std::error_code(999, posthorn::library_category()).message() == "unknown error");
    CHECK(std::error_code(static_cast<int>(errc::malformed) + 1, posthorn::library_category()).message() ==
          "unknown error");
}

TEST_CASE("every condition has a name")
{
    for (condition const c : conditions)
    {
        std::error_condition const e = c;
        CHECK(e.category() == posthorn::condition_category());
        CHECK(e.message() != "unknown condition");
        CHECK_FALSE(e.message().empty());
    }
    CHECK(std::error_condition(99, posthorn::condition_category()).message() == "unknown condition");
}

TEST_CASE("codes of the library, of the system and of Asio meet in the same conditions")
{
    CHECK(matching(errc::canceled) == only(condition::canceled));
    CHECK(matching(errc::timeout) == only(condition::timeout));
    CHECK(matching(errc::invalid_argument).empty());
    CHECK(matching(errc::connection_lost).empty());
    CHECK(matching({}).empty());

    CHECK(matching(std::make_error_code(std::errc::operation_canceled)) == only(condition::canceled));
    CHECK(matching(std::make_error_code(std::errc::timed_out)) == only(condition::timeout));
    CHECK(matching(std::make_error_code(std::errc::connection_refused)) == only(condition::unreachable));
    CHECK(matching(std::make_error_code(std::errc::host_unreachable)) == only(condition::unreachable));
    CHECK(matching(std::make_error_code(std::errc::network_unreachable)) == only(condition::unreachable));
    CHECK(matching(std::make_error_code(std::errc::connection_reset)).empty());

    auto const system = [](std::errc e) { return std::error_code(static_cast<int>(e), std::system_category()); };
    CHECK(matching(system(std::errc::operation_canceled)) == only(condition::canceled));
    CHECK(matching(system(std::errc::timed_out)) == only(condition::timeout));
    CHECK(matching(system(std::errc::connection_refused)) == only(condition::unreachable));

    CHECK(matching(asio::error::operation_aborted) == only(condition::canceled));
    CHECK(matching(asio::error::timed_out) == only(condition::timeout));
    CHECK(matching(asio::error::connection_refused) == only(condition::unreachable));
    CHECK(matching(asio::error::host_unreachable) == only(condition::unreachable));
    CHECK(matching(asio::error::network_unreachable) == only(condition::unreachable));
    CHECK(matching(asio::error::eof).empty());
    CHECK(matching(asio::error::host_not_found).empty());
}

TEST_CASE("the numbers of another category are not mistaken for ours")
{
    struct stranger final : std::error_category
    {
        char const* name() const noexcept override { return "stranger"; }
        std::string message(int) const override { return "hello"; }
    };
    stranger const category;
    for (int i = 0; i != 200; ++i)
        CHECK(matching({i, category}).empty());
}

TEST_CASE("the text says where, what, with whom, why and what to do, and leaves out what is not known")
{
    std::string const late = "the deadline passed";
    error_context     c;
    CHECK(what_of(c) == late);
    c.phase = "rcpt";
    CHECK(what_of(c) == "rcpt: " + late);
    c.operation = "RCPT TO:<a@b>";
    CHECK(what_of(c) == "rcpt: RCPT TO:<a@b>: " + late);
    c.peer = "mx.example:25";
    CHECK(what_of(c) == "rcpt: RCPT TO:<a@b> with mx.example:25: " + late);
    c.detail = "after 300 s";
    CHECK(what_of(c) == "rcpt: RCPT TO:<a@b> with mx.example:25: " + late + ": after 300 s");
    c.hint = "try later";
    CHECK(what_of(c) == "rcpt: RCPT TO:<a@b> with mx.example:25: " + late + ": after 300 s (try later)");

    error_context peer;
    peer.peer = "mx.example:25";
    CHECK(what_of(peer) == "mx.example:25: " + late);
    error_context hint;
    hint.hint = "try later";
    CHECK(what_of(hint) == late + " (try later)");

    error const e(errc::timeout, c);
    CHECK(e.context().phase == "rcpt");
    CHECK(e.context().operation == "RCPT TO:<a@b>");
    CHECK(e.context().peer == "mx.example:25");
    CHECK(e.context().detail == "after 300 s");
    CHECK(e.context().hint == "try later");
}

TEST_CASE("the short form gives only the detail")
{
    error const e(errc::malformed, "no colon");
    CHECK(std::string(e.what()) == "malformed input: no colon");
    CHECK(e.context().detail == "no colon");
    CHECK(e.context().phase.empty());
    CHECK(std::string(error(errc::busy).what()) == "another operation is running on this object");
}

TEST_CASE("it is caught as what the standard library has, and its code survives")
{
    static_assert(std::is_base_of_v<std::system_error, error>);
    bool caught = false;
    try
    {
        throw error(asio::error::operation_aborted, "x");
    }
    catch (std::system_error const& e)
    {
        caught = e.code() == condition::canceled && e.code() == std::error_code(asio::error::operation_aborted);
    }
    CHECK(caught);
}

TEST_CASE("copying cannot throw, and copies share the text")
{
    static_assert(std::is_nothrow_copy_constructible_v<error>);
    static_assert(std::is_nothrow_copy_assignable_v<error>);
    error const a(errc::closed, "first");
    error       b(a);
    CHECK(b.what() == a.what()); // the same memory
    error const c(errc::timeout, "second");
    b = c;
    CHECK(b.what() == c.what());
    CHECK(b.code() == errc::timeout);
    auto const in_flight = std::make_exception_ptr(a);
    try
    {
        std::rethrow_exception(in_flight);
    }
    catch (error const& e)
    {
        CHECK(std::string(e.what()) == "the object is closed: first");
    }
}

TEST_SUITE_END();
