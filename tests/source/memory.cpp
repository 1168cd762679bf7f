//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/source/memory.hpp>

#include <posthorn/coro/task.hpp>
#include <posthorn/source/source.hpp>

#include <support/run_task.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

TEST_SUITE_BEGIN("source/memory");

namespace {

posthorn::task<std::vector<std::string>> drain(posthorn::source& s)
{
    std::vector<std::string> blocks;
    for (;;)
    {
        auto const block = co_await s.next();
        if (block.empty())
            break;
        blocks.emplace_back(block);
    }
    auto const after = co_await s.next(); // the end stays the end
    CHECK(after.empty());
    co_return blocks;
}

void check(posthorn::source& s, std::string_view bytes)
{
    CHECK(s.size() == bytes.size());
    CHECK(s.rewindable());
    REQUIRE(s.contiguous().has_value());
    CHECK(*s.contiguous() == bytes);
    for (int round = 0; round != 3; ++round)
    {
        auto const blocks = support::run([&] { return drain(s); });
        if (bytes.empty())
            CHECK(blocks.empty());
        else
            CHECK(blocks == std::vector<std::string> {std::string(bytes)});
        support::run([&] { return s.rewind(); });
    }
    CHECK(*s.contiguous() == bytes);
}

} // namespace

TEST_CASE("a view gives its bytes in one block, as often as it is rewound, without copying them")
{
    std::string const       bytes("Subject: x\r\n\r\nbody\0\xff", 20);
    posthorn::memory_source s(bytes);
    check(s, bytes);
    CHECK(s.contiguous()->data() == bytes.data());
    auto const block = support::run([&] { return s.next(); });
    CHECK(block.data() == bytes.data());
}

TEST_CASE("a string source owns its bytes")
{
    std::string             bytes(1000, 'x');
    posthorn::string_source s(bytes);
    bytes.assign(1000, 'y');
    check(s, std::string(1000, 'x'));
    posthorn::string_source small(std::string("ab")); // kept inside of the object itself
    check(small, "ab");
}

TEST_CASE("empty sources end at once")
{
    posthorn::memory_source view {std::string_view()};
    check(view, "");
    posthorn::string_source own {std::string()};
    check(own, "");
}

TEST_CASE("what a source does not know it does not claim")
{
    struct minimal final : posthorn::source
    {
        posthorn::task<std::string_view> next() override { co_return std::string_view(); }
        posthorn::task<void>             rewind() override { co_return; }
    };
    minimal const s;
    CHECK_FALSE(s.size().has_value());
    CHECK_FALSE(s.contiguous().has_value());
    CHECK_FALSE(s.rewindable());
}

TEST_SUITE_END();
