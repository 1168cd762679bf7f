//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The headers here against Wine's, wherever both define a thing.

#include <imnxport.h>

#include "support/legacy_abi.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

TEST_SUITE_BEGIN("legacy/wine");

namespace {

support::abi_facts own_facts()
{
    support::abi_facts facts;
    LEGACY_NUMBERS_IN_WINE(LEGACY_ABI_NUMBER)
    LEGACY_NUMBERS_AS_WINE_SPELLS(LEGACY_ABI_NUMBER)
    LEGACY_STRUCTS_IN_WINE(LEGACY_ABI_STRUCT)
    LEGACY_MEMBERS_IN_WINE(LEGACY_ABI_MEMBER)
    LEGACY_INTERFACES_IN_WINE(LEGACY_ABI_INTERFACE)
    LEGACY_METHODS_IN_WINE(LEGACY_ABI_METHOD)
#define LEGACY_ABI_IDENTIFIER(name) facts.identifiers[#name] = guid_text(name);
    LEGACY_IDENTIFIERS_IN_WINE(LEGACY_ABI_IDENTIFIER)
    return facts;
}

} // namespace

TEST_CASE("numbers are Wine's, under the documented names and under Wine's own")
{
    auto       wine = support::wine_abi_facts().numbers;
    auto const own  = own_facts().numbers;

    // Wine has the oldest revision: these bounds grew by one later.
    CHECK(wine.at("HTTPMAIL_PROP_LAST") == HTTPMAIL_PROP_LAST - 1);
    CHECK(wine.at("HTTPMAIL_SF_LAST") == HTTPMAIL_SF_LAST - 1);
    CHECK(wine.at("TYPE_LAST") == TYPE_LAST - 1);
    for (char const* bound : {"HTTPMAIL_PROP_LAST", "HTTPMAIL_SF_LAST", "TYPE_LAST"})
        wine.erase(bound);

    CHECK(own.size() > 200);
    REQUIRE(own.size() == wine.size());
    for (auto const& [name, value] : wine)
    {
        CAPTURE(name);
        CHECK(own.at(name) == value);
    }
}

TEST_CASE("identifiers are Wine's")
{
    auto const wine = support::wine_abi_facts().identifiers;
    CHECK(wine.size() > 10);
    for (auto const& [name, value] : wine)
    {
        CAPTURE(name);
        CHECK(own_facts().identifiers.at(name) == value);
    }
}

TEST_CASE("structures have Wine's layout")
{
    auto const wine = support::wine_abi_facts();
    auto const own  = own_facts();
    CHECK(own.structs.size() == 8);
    for (auto const& [name, facts] : wine.structs)
    {
        CAPTURE(name);
        CHECK(own.structs.at(name).size == facts.size);
        CHECK(own.structs.at(name).alignment == facts.alignment);
    }
    REQUIRE(own.members.size() == wine.members.size());
    for (std::size_t i = 0; i != own.members.size(); ++i)
    {
        CAPTURE(own.members[i].owner);
        CAPTURE(own.members[i].name);
        CHECK(own.members[i].offset == wine.members[i].offset);
        CHECK(own.members[i].size == wine.members[i].size);
        CHECK(own.members[i].pointer == wine.members[i].pointer);
    }
}

TEST_CASE("methods have Wine's places")
{
    auto const wine = support::wine_abi_facts();
    auto const own  = own_facts();
    CHECK(own.slots.size() > 50);
    CHECK(own.slots == wine.slots);
    CHECK(own.counts == wine.counts);
}

TEST_SUITE_END();
