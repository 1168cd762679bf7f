//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/gather_list.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace smtp = posthorn::smtp;

TEST_SUITE_BEGIN("smtp/gather_list");

TEST_CASE("short runs are copied behind each other, long ones referenced, in order")
{
    std::string const long_run(smtp::gather_list::short_run + 1, 'x');
    smtp::gather_list list;
    {
        std::string const gone = "short";
        list.add(gone);
        list.add("");
        list.add("er");
    }
    list.add(long_run);
    list.add("end");
    REQUIRE(list.slices().size() == 3);
    CHECK(list.slices()[0] == "shorter");
    CHECK(list.slices()[1].data() == long_run.data());
    CHECK(list.slices()[2] == "end");
    CHECK(list.size() == 7 + long_run.size() + 3);
    CHECK(list.room() == smtp::gather_list::max_slices - 3);
    list.clear();
    CHECK(list.empty());
    CHECK(list.slices().empty());
    CHECK(list.room() == smtp::gather_list::max_slices);
}

TEST_CASE("a full scratch area is no obstacle: runs are referenced then")
{
    std::string const run = "123456";
    smtp::gather_list list(10);
    list.add(run);
    list.add(run);
    REQUIRE(list.slices().size() == 2);
    CHECK(list.slices()[0] == run);
    CHECK(list.slices()[1].data() == run.data());
    list.add("7890"); // fits again, but does not follow the first slice
    CHECK(list.slices().size() == 3);
    CHECK(list.size() == 16);
}

TEST_CASE("a list can be moved with its slices")
{
    smtp::gather_list a;
    a.add("short");
    std::string const long_run(1000, 'x');
    a.add(long_run);
    smtp::gather_list b(std::move(a));
    REQUIRE(b.slices().size() == 2);
    CHECK(b.slices()[0] == "short");
    CHECK(b.slices()[1].data() == long_run.data());
    a.clear();
    CHECK(a.empty());
    a.add("again");
    CHECK(a.slices()[0] == "again");
    a = std::move(b);
    CHECK(a.size() == 1005);
}

TEST_SUITE_END();
