//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/secret.hpp>

#include <posthorn/core/buffer.hpp>
#include <posthorn/core/config.hpp>

#include <doctest/doctest.h>

#include <support/memory_watch.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// <sanitizer/allocator_interface.h>, which g++ does not bring along.
#if defined(POSTHORN_HAS_ASAN)
extern "C" {
int         __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(void const volatile*, std::size_t),
                                                      void (*on_free)(void const volatile*));
std::size_t __sanitizer_get_allocated_size(void const volatile*);
}
#endif

using posthorn::secret_string;

TEST_SUITE_BEGIN("core/secret");

TEST_CASE("wiping overwrites exactly the memory it is given")
{
    for (std::size_t size = 0; size != 100; ++size)
        for (std::size_t begin = 0; begin != 9; ++begin)
        {
            std::array<char, 128> memory;
            memory.fill('x');
            posthorn::secure_wipe(memory.data() + begin, size);
            bool right = true;
            for (std::size_t i = 0; i != memory.size(); ++i)
                right = right && memory[i] == (i >= begin && i < begin + size ? '\0' : 'x');
            CHECK(right);
        }
    posthorn::secure_wipe(nullptr, 0);
}

TEST_CASE("it holds any text, and gives it only on request")
{
    static_assert(std::is_convertible_v<char const*, secret_string>);
    static_assert(std::is_constructible_v<secret_string, std::string>);
    static_assert(!std::is_convertible_v<secret_string, std::string_view>);
    static_assert(!std::is_convertible_v<secret_string, std::string>);
    static_assert(std::is_nothrow_move_constructible_v<secret_string>);
    static_assert(std::is_nothrow_move_assignable_v<secret_string>);

    secret_string const none;
    CHECK(none.empty());
    CHECK(none.size() == 0);
    CHECK(none.view() == "");
    CHECK(secret_string("").empty());
    secret_string const s(std::string_view("a\0b", 3));
    CHECK(s.size() == 3);
    CHECK_FALSE(s.empty());
    CHECK(s.view() == std::string_view("a\0b", 3));
}

TEST_CASE("it grows octet by octet, by pieces, and by a piece of itself")
{
    secret_string s;
    std::string   model;
    for (int i = 0; i != 1000; ++i)
    {
        char const c = static_cast<char>('a' + i % 26);
        s.push_back(c);
        model += c;
        CHECK(s.view() == model);
    }
    s.append("");
    CHECK(s.view() == model);

    secret_string itself("12345");
    std::string   copy = "12345";
    for (int i = 0; i != 12; ++i) // some of these grow, some do not
    {
        itself.append(itself.view().substr(1, 3));
        copy += copy.substr(1, 3);
        CHECK(itself.view() == copy);
        if (i < 6)
        {
            itself.append(itself.view());
            copy += std::string(copy);
            CHECK(itself.view() == copy);
        }
    }
}

TEST_CASE("copies are independent, and what was moved from is empty and usable")
{
    secret_string a("first");
    secret_string b(a);
    a.append("!");
    CHECK(b.view() == "first");
    CHECK(a.view() == "first!");
    b = a;
    CHECK(b.view() == "first!");
    secret_string& same = b;
    b                   = same;
    CHECK(b.view() == "first!");
    b = std::move(same);
    CHECK(b.view() == "first!");

    secret_string c(std::move(a));
    CHECK(c.view() == "first!");
    CHECK(a.empty());
    a.append("new");
    CHECK(a.view() == "new");
    a = std::move(c);
    CHECK(a.view() == "first!");
    CHECK(c.empty());
    c = "assigned";
    CHECK(c.view() == "assigned");
    std::swap(a, c);
    CHECK(a.view() == "assigned");
    CHECK(c.view() == "first!");
    c.clear();
    CHECK(c.empty());
    c.push_back('x');
    CHECK(c.view() == "x");
}

TEST_CASE("two are equal if every octet and the length are")
{
    CHECK(secret_string() == secret_string(""));
    CHECK(secret_string("abc") == secret_string("abc"));
    CHECK_FALSE(secret_string("abc") == secret_string("abd"));
    CHECK_FALSE(secret_string("xbc") == secret_string("abc"));
    CHECK_FALSE(secret_string("abc") == secret_string("ab"));
    CHECK_FALSE(secret_string("ab") == secret_string("abc"));
    CHECK_FALSE(secret_string("a") == secret_string());
    CHECK(secret_string("abc") != secret_string("ABC"));
    CHECK(secret_string(std::string_view("\x80\0", 2)) != secret_string(std::string_view("\x80", 1)));
}

// Freed memory cannot be looked at, but AddressSanitizer tells before it is freed.
#if defined(POSTHORN_HAS_ASAN)

using support::needle;
using support::watch;
using support::watched;

TEST_CASE("the watch notices what an ordinary string leaves behind")
{
    watch const w = watched([] { std::string const s(needle); });
    CHECK(w.leaked == 1);
}

TEST_CASE("no secret is left in memory that was freed")
{
    auto const clean = [](std::string const& name, auto f) {
        INFO(name);
        watch const w = watched(f);
        CHECK(w.freed != 0);
        CHECK(w.leaked == 0);
    };
    clean("destruction", [] { secret_string const s(needle); });
    clean("clear", [] {
        secret_string s(needle);
        s.clear();
        CHECK(s.empty());
    });
    clean("growth", [] {
        secret_string s;
        for (int i = 0; i != 20; ++i)
            s.append(needle);
    });
    clean("growth by octets", [] {
        secret_string s;
        for (char const c : needle)
            s.push_back(c);
    });
    clean("copy assignment", [] {
        secret_string s(needle);
        s = secret_string("other");
        secret_string const t("more");
        s = t;
    });
    clean("move", [] {
        secret_string s(needle);
        secret_string t(std::move(s));
        s = std::move(t);
        s = "x";
    });
    clean("a vector that grows", [] {
        std::vector<secret_string> many;
        for (int i = 0; i != 20; ++i)
            many.emplace_back(needle);
    });
    clean("a buffer that grew, after wipe()", [] {
        posthorn::byte_buffer b;
        for (int i = 0; i != 100; ++i)
            b.append(needle);
        b.consume(1000);
        for (int i = 0; i != 50; ++i)
            b.append(needle);
        b.wipe();
    });
}

#endif

TEST_SUITE_END();
