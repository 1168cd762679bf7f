//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/timestamps.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace posthorn::httpmail;

TEST_SUITE_BEGIN("httpmail/timestamps");

TEST_CASE("as servers write them")
{
    auto t = parse_timestamps("folders=1035823428, ACTIVE=1035813212");
    CHECK(t.get("folders") == 1035823428U);
    CHECK(t.get("ACTIVE") == 1035813212U);
    CHECK_FALSE(t.get("trAsH"));
    CHECK(t.str() == "folders=1035823428, ACTIVE=1035813212");
    CHECK(parse_timestamps("ACTIVE=2,folders=1").str() == "folders=1, ACTIVE=2");
    t.merge(parse_timestamps("ACTIVE=5, a=1"));
    CHECK(t.str() == "folders=1035823428, ACTIVE=5, a=1");
    CHECK(t == parse_timestamps(t.str()));
}

TEST_CASE("what is malformed is left out")
{
    CHECK(parse_timestamps("").empty());
    CHECK(parse_timestamps("folders, =1, a=, b=x, c=-1, d=1x, e=99999999999999999999").empty());
    CHECK(parse_timestamps("x = 7 ,, y=8").str() == "x=7, y=8");
    timestamps t;
    t.set("a b", 1);
    t.set("a=b", 1);
    t.set("a\nb", 1);
    t.set("\xe9", 1);
    t.set("a\"b", 1); // what follows would be read as a quoted string
    CHECK_FALSE(t.empty());
    CHECK(t.str().empty());
    std::string many;
    for (int i = 0; i != 2000; ++i)
        many += "n" + std::to_string(i) + "=1,";
    CHECK_FALSE(parse_timestamps(many).get("n1000"));
    CHECK(parse_timestamps(many).get("n999"));
}

TEST_SUITE_END();
