//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The other translation unit.

#include <posthorn/posthorn.hpp>

std::error_category const& seen_by_the_second_unit() noexcept
{
    return posthorn::library_category();
}
