//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The body of a COM method: no exception leaves it.

#ifndef POSTHORN_LEGACY_DETAIL_GUARDED_HPP
#define POSTHORN_LEGACY_DETAIL_GUARDED_HPP

#include <posthorn/legacy/com.h>

#include <new>
#include <utility>

namespace posthorn::legacy::detail {

/// @return What `f` does; E_OUTOFMEMORY or E_FAIL if it throws.
template <class F>
HRESULT guarded(F&& f) noexcept
{
    try
    {
        return std::forward<F>(f)();
    }
    catch (std::bad_alloc const&)
    {
        return E_OUTOFMEMORY;
    }
    catch (...)
    {
        return E_FAIL;
    }
}

} // namespace posthorn::legacy::detail

#endif
