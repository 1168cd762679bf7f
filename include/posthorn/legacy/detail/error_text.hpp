//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Names and sentences for result codes, and FormatMessage, which gives them out.

#ifndef POSTHORN_LEGACY_DETAIL_ERROR_TEXT_HPP
#define POSTHORN_LEGACY_DETAIL_ERROR_TEXT_HPP

#include <posthorn/legacy/detail/error_table.hpp>
#include <posthorn/legacy/imnxport.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace posthorn::legacy {

namespace detail {

/// What is known of a code, or nullptr.
inline error_entry const* find_error(HRESULT code) noexcept
{
    for (error_entry const& entry : error_table)
        if (entry.code == code)
            return &entry;
    return nullptr;
}

} // namespace detail

char const* error_text(HRESULT result)
{
    auto const* const entry = detail::find_error(result);
    return entry == nullptr ? nullptr : entry->text;
}

char const* error_name(HRESULT result)
{
    auto const* const entry = detail::find_error(result);
    return entry == nullptr ? nullptr : entry->name;
}

} // namespace posthorn::legacy

#if !defined(_WIN32)

extern "C" DWORD WINAPI FormatMessageA(DWORD dwFlags, LPCVOID, DWORD dwMessageId, DWORD, LPSTR lpBuffer, DWORD nSize, va_list*)
{
    char const* const sentence = posthorn::legacy::error_text(static_cast<HRESULT>(dwMessageId));
    bool const        asked    = (dwFlags & (FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_FROM_HMODULE)) != 0;
    if (sentence == nullptr || !asked || lpBuffer == nullptr)
        return 0;

    bool const             one_line = (dwFlags & FORMAT_MESSAGE_MAX_WIDTH_MASK) == FORMAT_MESSAGE_MAX_WIDTH_MASK;
    std::string_view const text     = sentence;
    std::string_view const end      = one_line ? "" : "\r\n";
    std::size_t const      length   = text.size() + end.size();

    char* to = lpBuffer;
    if ((dwFlags & FORMAT_MESSAGE_ALLOCATE_BUFFER) != 0)
    {
        to = static_cast<char*>(LocalAlloc(LMEM_FIXED, std::max<std::size_t>(length + 1, nSize)));
        std::memcpy(lpBuffer, &to, sizeof to); // lpBuffer is the address of a pointer
        if (to == nullptr)
            return 0;
    }
    else if (length >= nSize)
        return 0;
    std::memcpy(to, text.data(), text.size());
    std::memcpy(to + text.size(), end.data(), end.size());
    to[length] = '\0';
    return static_cast<DWORD>(length);
}

#endif

#endif
