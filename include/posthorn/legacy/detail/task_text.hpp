//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Texts that a client frees by CoTaskMemFree.

#ifndef POSTHORN_LEGACY_DETAIL_TASK_TEXT_HPP
#define POSTHORN_LEGACY_DETAIL_TASK_TEXT_HPP

#include <posthorn/legacy/com.h>

#include <cstring>
#include <string_view>

namespace posthorn::legacy::detail {

/// @param to Gets a copy; NULL on failure. @return S_OK or E_OUTOFMEMORY.
inline HRESULT give_text(std::string_view text, LPSTR* to) noexcept
{
    *to = static_cast<LPSTR>(CoTaskMemAlloc(text.size() + 1));
    if (*to == nullptr)
        return E_OUTOFMEMORY;
    std::memcpy(*to, text.data(), text.size());
    (*to)[text.size()] = '\0';
    return S_OK;
}

} // namespace posthorn::legacy::detail

#endif
