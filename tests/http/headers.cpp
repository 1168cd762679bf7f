//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/headers.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace posthorn;

TEST_SUITE_BEGIN("http/headers");

TEST_CASE("names have no case, fields keep their order")
{
    http::headers h{{"Set-Cookie", "a=1"}, {"Depth", "1"}};
    h.add("set-cookie", "b=2");
    CHECK(h.get("SET-COOKIE") == "a=1");
    CHECK(h.count("Set-Cookie") == 2);
    CHECK(h.all("Set-Cookie") == std::vector<std::string_view>{"a=1", "b=2"});
    CHECK_FALSE(h.get("Cookie"));
    CHECK(h.has("depth"));
    CHECK(h.size() == 3);
    CHECK(h.last()->value == "b=2");
}

TEST_CASE("set() leaves one field, erase() none")
{
    http::headers h{{"A", "1"}, {"B", "2"}, {"a", "3"}};
    h.set("A", "4");
    CHECK(h == http::headers{{"B", "2"}, {"A", "4"}});
    CHECK(h.erase("b") == 1);
    CHECK(h.erase("b") == 0);
    h.retain([](std::string_view) { return false; });
    CHECK(h.empty());
    CHECK(h.last() == nullptr);
}

TEST_CASE("members are found in all fields of a name")
{
    http::headers const h{{"Connection", "foo, Close"}, {"connection", "upgrade"}, {"X", "keep-alive"}};
    CHECK(h.has_member("Connection", "close"));
    CHECK(h.has_member("Connection", "UPGRADE"));
    CHECK_FALSE(h.has_member("Connection", "keep-alive"));
    CHECK_FALSE(h.has_member("Connection", "clos"));
}

TEST_SUITE_END();
