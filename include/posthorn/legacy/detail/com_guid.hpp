//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Defines the functions that write identifiers as text and read them.

#ifndef POSTHORN_LEGACY_DETAIL_COM_GUID_HPP
#define POSTHORN_LEGACY_DETAIL_COM_GUID_HPP

#include <posthorn/legacy/com.h>

#include <cstddef>
#include <cstdint>


namespace posthorn::legacy::detail {

/// Length of an identifier's text, with braces and NUL.
inline constexpr std::size_t guid_text_size = 39;

/// The bytes in the order their digits have in the text.
inline void guid_to_bytes(GUID const& guid, std::uint8_t (&bytes)[16]) noexcept
{
    for (unsigned i = 0; i != 4; ++i)
        bytes[i] = static_cast<std::uint8_t>(guid.Data1 >> (24 - 8 * i));
    for (unsigned i = 0; i != 2; ++i)
    {
        bytes[4 + i] = static_cast<std::uint8_t>(guid.Data2 >> (8 - 8 * i));
        bytes[6 + i] = static_cast<std::uint8_t>(guid.Data3 >> (8 - 8 * i));
    }
    for (unsigned i = 0; i != 8; ++i)
        bytes[8 + i] = guid.Data4[i];
}

inline GUID guid_from_bytes(std::uint8_t const (&bytes)[16]) noexcept
{
    GUID guid {};
    for (unsigned i = 0; i != 4; ++i)
        guid.Data1 = guid.Data1 << 8 | bytes[i];
    guid.Data2 = static_cast<std::uint16_t>(bytes[4] << 8 | bytes[5]);
    guid.Data3 = static_cast<std::uint16_t>(bytes[6] << 8 | bytes[7]);
    for (unsigned i = 0; i != 8; ++i)
        guid.Data4[i] = bytes[8 + i];
    return guid;
}

/// Whether a hyphen stands before this byte.
constexpr bool hyphen_before(unsigned byte) noexcept
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

inline void write_guid(GUID const& guid, OLECHAR* text) noexcept
{
    std::uint8_t bytes[16];
    guid_to_bytes(guid, bytes);
    *text++ = L'{';
    for (unsigned i = 0; i != 16; ++i)
    {
        if (hyphen_before(i))
            *text++ = L'-';
        *text++ = L"0123456789ABCDEF"[bytes[i] >> 4];
        *text++ = L"0123456789ABCDEF"[bytes[i] & 15];
    }
    *text++ = L'}';
    *text   = L'\0';
}

/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(OLECHAR c) noexcept
{
    if (c >= L'0' && c <= L'9')
        return static_cast<int>(c - L'0');
    if (c >= L'A' && c <= L'F')
        return static_cast<int>(c - L'A') + 10;
    if (c >= L'a' && c <= L'f')
        return static_cast<int>(c - L'a') + 10;
    return -1;
}

inline bool read_guid(OLECHAR const* text, GUID& guid) noexcept
{
    std::uint8_t bytes[16] {};
    if (*text++ != L'{')
        return false;
    for (unsigned i = 0; i != 16; ++i)
    {
        if (hyphen_before(i) && *text++ != L'-')
            return false;
        for (unsigned half = 0; half != 2; ++half)
        {
            int const value = hex_value(*text++); // the NUL is no digit, so nothing behind it is read
            if (value < 0)
                return false;
            bytes[i] = static_cast<std::uint8_t>(bytes[i] << 4 | value);
        }
    }
    if (text[0] != L'}' || text[1] != L'\0')
        return false;
    guid = guid_from_bytes(bytes);
    return true;
}

inline HRESULT read_guid(OLECHAR const* text, GUID* guid, HRESULT malformed) noexcept
{
    if (guid == nullptr)
        return E_INVALIDARG;
    *guid = GUID_NULL;
    if (text == nullptr)
        return S_OK;
    return read_guid(text, *guid) ? S_OK : malformed;
}

} // namespace posthorn::legacy::detail

extern "C" {

int WINAPI StringFromGUID2(REFGUID guid, LPOLESTR text, int length)
{
    namespace detail = posthorn::legacy::detail;
    if (text == nullptr || length < static_cast<int>(detail::guid_text_size))
        return 0;
    detail::write_guid(guid, text);
    return static_cast<int>(detail::guid_text_size);
}

HRESULT STDAPICALLTYPE StringFromCLSID(REFCLSID clsid, LPOLESTR* text)
{
    namespace detail = posthorn::legacy::detail;
    if (text == nullptr)
        return E_INVALIDARG;
    *text = static_cast<LPOLESTR>(CoTaskMemAlloc(detail::guid_text_size * sizeof(OLECHAR)));
    if (*text == nullptr)
        return E_OUTOFMEMORY;
    detail::write_guid(clsid, *text);
    return S_OK;
}

HRESULT STDAPICALLTYPE StringFromIID(REFIID iid, LPOLESTR* text)
{
    return StringFromCLSID(iid, text);
}

HRESULT STDAPICALLTYPE CLSIDFromString(LPCOLESTR text, LPCLSID clsid)
{
    return posthorn::legacy::detail::read_guid(text, clsid, CO_E_CLASSSTRING);
}

HRESULT STDAPICALLTYPE IIDFromString(LPCOLESTR text, LPIID iid)
{
    return posthorn::legacy::detail::read_guid(text, iid, E_INVALIDARG);
}

} // extern "C"

#endif
