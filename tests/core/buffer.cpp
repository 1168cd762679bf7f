//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/buffer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

using posthorn::byte_buffer;

TEST_SUITE_BEGIN("core/buffer");

TEST_CASE("a new buffer is empty and owns nothing")
{
    byte_buffer b;
    CHECK(b.empty());
    CHECK(b.size() == 0);
    CHECK(b.capacity() == 0);
    CHECK(b.data() == "");
    CHECK(b.prepare(0).empty());
    b.append("");
    b.consume(0);
    b.wipe();
    b.clear();
    b.release();
    CHECK(b.capacity() == 0);
}

TEST_CASE("only what was committed can be read")
{
    byte_buffer b;
    auto const  room = b.prepare(10);
    REQUIRE(room.size() >= 10);
    std::memcpy(room.data(), "0123456789", 10);
    CHECK(b.empty());
    b.commit(4);
    CHECK(b.data() == "0123");
    b.commit(2);
    CHECK(b.data() == "012345");
    b.prepare(1);
    CHECK(b.data() == "012345");
}

TEST_CASE("it behaves like a string that is appended to and erased from the front")
{
    byte_buffer b;
    std::string model;
    unsigned    seed = 1;
    auto const  next = [&seed](unsigned below) { return (seed = seed * 1103515245 + 12345) / 65536 % below; };
    for (int i = 0; i != 20000; ++i)
    {
        switch (next(6))
        {
        case 0:
        case 1:
        {
            std::string const text(next(300), static_cast<char>('a' + next(26)));
            b.append(text);
            model += text;
            break;
        }
        case 2:
        {
            std::size_t const wanted = next(700);
            auto const        room   = b.prepare(wanted);
            REQUIRE(room.size() >= wanted);
            std::fill(room.begin(), room.end(), '#');
            std::size_t const used = wanted == 0 ? 0 : next(static_cast<unsigned>(wanted));
            b.commit(used);
            model.append(used, '#');
            break;
        }
        case 3:
        case 4:
        {
            std::size_t const n = next(static_cast<unsigned>(b.size()) + 1);
            b.consume(n);
            model.erase(0, n);
            break;
        }
        default:
            if (next(50) == 0)
            {
                b.clear();
                model.clear();
                if (next(2) == 0)
                    b.release();
            }
        }
        REQUIRE(b.data() == model);
        REQUIRE(b.size() == model.size());
        REQUIRE(b.empty() == model.empty());
    }
}

TEST_CASE("a steady flow moves the bytes to the front instead of growing")
{
    byte_buffer b;
    b.append(std::string(100, 'x'));
    std::size_t const capacity = b.capacity();
    char const* const memory   = b.data().data();
    for (int i = 0; i != 1000; ++i)
    {
        b.append(std::string(100, static_cast<char>('a' + i % 26)));
        b.consume(100);
        CHECK(b.data() == std::string(100, static_cast<char>('a' + i % 26)));
    }
    CHECK(b.capacity() == capacity);
    CHECK(b.data().data() >= memory);
    CHECK(b.data().data() < memory + capacity);
}

TEST_CASE("emptying it makes all room available again")
{
    byte_buffer b;
    b.append(std::string(400, 'x'));
    std::size_t const capacity = b.capacity();
    b.consume(400);
    CHECK(b.prepare(0).size() == capacity);
    b.append("abc");
    b.clear();
    CHECK(b.prepare(0).size() == capacity);
    b.release();
    CHECK(b.capacity() == 0);
    b.append("again");
    CHECK(b.data() == "again");
}

TEST_CASE("exactly as much as there is room for needs no growth")
{
    byte_buffer b;
    b.prepare(1);
    std::size_t const capacity = b.capacity();
    b.append(std::string(capacity, 'x'));
    CHECK(b.capacity() == capacity);
    b.append("y");
    CHECK(b.capacity() > capacity);
    CHECK(b.data() == std::string(capacity, 'x') + 'y');
}

TEST_CASE("moving and swapping hand over the memory and leave an empty buffer behind")
{
    byte_buffer a;
    a.append("alpha!");
    a.consume(1);
    char const* const memory = a.data().data();
    byte_buffer       b(std::move(a));
    CHECK(b.data() == "lpha!");
    CHECK(b.data().data() == memory);
    CHECK(a.empty());
    CHECK(a.capacity() == 0);
    a.append("usable");
    CHECK(a.data() == "usable");

    std::swap(a, b);
    CHECK(a.data() == "lpha!");
    CHECK(b.data() == "usable");

    b = std::move(a);
    CHECK(b.data() == "lpha!");
    CHECK(a.empty());
    CHECK(a.prepare(0).empty());

    byte_buffer& same = b;
    b                 = std::move(same);
    CHECK(b.data() == "lpha!");
}

TEST_CASE("wiping overwrites all that was ever stored, also what was consumed")
{
    byte_buffer b;
    b.append("AUTH PLAIN secret");
    b.consume(11);
    char const* const memory   = b.data().data() - 11;
    std::size_t const capacity = b.capacity();
    b.prepare(capacity - 17); // no compaction: the memory stays
    b.wipe();
    CHECK(b.empty());
    REQUIRE(b.capacity() == capacity);
    char const* const now = b.prepare(capacity).data();
    REQUIRE(now == memory);
    CHECK(std::all_of(now, now + capacity, [](char c) { return c == '\0'; }));
}

TEST_CASE("wiping the content leaves the memory behind it alone")
{
    byte_buffer b;
    b.append("AUTH PLAIN secret");
    char const* const memory = b.data().data();
    b.wipe_content();
    CHECK(b.empty());
    auto const room = b.prepare(17);
    REQUIRE(room.data() == memory);
    CHECK(std::all_of(room.begin(), room.begin() + 17, [](char c) { return c == '\0'; }));
    b.wipe_content(); // of nothing
    CHECK(b.empty());
}

TEST_CASE("a size beyond all memory is refused, and the content stays")
{
    byte_buffer b;
    b.append("kept");
    CHECK_THROWS_AS(b.prepare(std::numeric_limits<std::size_t>::max()), std::length_error);
    CHECK_THROWS_AS(b.prepare(std::numeric_limits<std::size_t>::max() / 2 + 10), std::length_error);
    CHECK(b.data() == "kept");
}

TEST_SUITE_END();
