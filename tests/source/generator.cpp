//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/source/generator.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/source/source.hpp>

#include <support/run_task.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

TEST_SUITE_BEGIN("source/generator");

namespace {

posthorn::async_generator<std::string> each(std::vector<std::string> blocks)
{
    for (auto& b : blocks)
    {
        co_await support::hop();
        co_yield std::move(b);
    }
}

posthorn::async_generator<std::string> one_and_fail()
{
    co_yield std::string("one");
    throw support::boom(7);
}

posthorn::task<std::string> drain(posthorn::source& s, std::size_t& blocks)
{
    std::string all;
    for (;;)
    {
        auto const block = co_await s.next();
        if (block.empty())
            break;
        ++blocks;
        all += block;
    }
    auto const after = co_await s.next();
    CHECK(after.empty());
    co_return all;
}

posthorn::task<std::string> first_then_failure(posthorn::source& s)
{
    auto const        block = co_await s.next();
    std::string const first(block);
    int               number = 0;
    try
    {
        co_await s.next();
    }
    catch (support::boom const& e)
    {
        number = e.number;
    }
    co_return first + std::to_string(number);
}

} // namespace

TEST_CASE("it gives what the coroutine yields, and an empty block is not the end")
{
    posthorn::generator_source s(each({"", "a", "", "", std::string(10000, 'b'), "c", ""}));
    std::size_t                blocks = 0;
    CHECK(support::run([&] { return drain(s, blocks); }) == "a" + std::string(10000, 'b') + "c");
    CHECK(blocks == 3);
}

TEST_CASE("a generator of nothing, or of nothing but empty blocks, is empty")
{
    std::size_t                blocks = 0;
    posthorn::generator_source nothing(each({}));
    CHECK(support::run([&] { return drain(nothing, blocks); }) == "");
    posthorn::generator_source empty(each({"", ""}));
    CHECK(support::run([&] { return drain(empty, blocks); }) == "");
    CHECK(blocks == 0);
}

TEST_CASE("its size is known only if it was told, and it cannot start again")
{
    posthorn::generator_source unknown(each({"abc"}));
    CHECK_FALSE(unknown.size().has_value());
    CHECK_FALSE(unknown.contiguous().has_value());
    CHECK_FALSE(unknown.rewindable());
    CHECK(support::code_of([&] { return unknown.rewind(); }) == posthorn::errc::unsupported);

    posthorn::generator_source known(each({"abc"}), 3);
    CHECK(known.size() == 3);
    CHECK_FALSE(known.rewindable());
}

TEST_CASE("what the coroutine throws reaches who reads")
{
    posthorn::generator_source s(one_and_fail());
    CHECK(support::run([&] { return first_then_failure(s); }) == "one7");
}

TEST_SUITE_END();
