//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/dav/depth.hpp>

#include <doctest/doctest.h>

using posthorn::dav::depth;

TEST_SUITE_BEGIN("dav/depth");

TEST_CASE("what stands in the field, and what stands in for it")
{
    struct
    {
        depth       d;
        char const* field;
        bool        leaves_out_root;
        depth       plain;
    } const cases[] = {
        {depth::zero, "0", false, depth::zero},
        {depth::one, "1", false, depth::one},
        {depth::one_noroot, "1,noroot", true, depth::one},
        {depth::infinity, "infinity", false, depth::infinity},
        {depth::infinity_noroot, "infinity,noroot", true, depth::infinity},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.field);
        CHECK(to_string(c.d) == c.field);
        CHECK(leaves_out_root(c.d) == c.leaves_out_root);
        CHECK(without_noroot(c.d) == c.plain);
    }
}

TEST_SUITE_END();
