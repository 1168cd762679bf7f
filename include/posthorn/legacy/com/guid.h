//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Identifiers of interfaces and classes, where there is no Windows.

#ifndef POSTHORN_LEGACY_COM_GUID_H
#define POSTHORN_LEGACY_COM_GUID_H

#include "hresult.h"
#include "types.h"

/// A globally unique identifier, with the layout it has on Windows.
typedef struct _GUID
{
    uint32_t Data1;
    uint16_t Data2;
    uint16_t Data3;
    BYTE     Data4[8];
} GUID;

typedef GUID        IID;
typedef GUID        CLSID;
typedef GUID*       LPGUID;
typedef IID*        LPIID;
typedef CLSID*      LPCLSID;
typedef GUID const& REFGUID;
typedef IID const&  REFIID;
typedef CLSID const& REFCLSID;

inline bool operator==(REFGUID a, REFGUID b)
{
    return memcmp(&a, &b, sizeof(GUID)) == 0;
}
#if __cplusplus < 202002L // later standards derive it
inline bool operator!=(REFGUID a, REFGUID b)
{
    return !(a == b);
}
#endif

/// Whether two identifiers are the same one: TRUE or FALSE.
inline BOOL IsEqualGUID(REFGUID a, REFGUID b)
{
    return a == b ? TRUE : FALSE;
}
inline BOOL IsEqualIID(REFIID a, REFIID b)
{
    return IsEqualGUID(a, b);
}
inline BOOL IsEqualCLSID(REFCLSID a, REFCLSID b)
{
    return IsEqualGUID(a, b);
}
inline BOOL InlineIsEqualGUID(REFGUID a, REFGUID b)
{
    return IsEqualGUID(a, b);
}

/// The identifier of zeros only.
extern "C" GUID const GUID_NULL;

// Defines an identifier of the program's own in this translation unit.
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) \
    static GUID const name = {l, w1, w2, {b1, b2, b3, b4, b5, b6, b7, b8}}

/** Writes `{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}`.

    @param guid   The identifier.
    @param text   Room for the text and its NUL, 39 characters in all.
    @param length How many characters there is room for.
    @return The number of characters written with the NUL, 39; or 0 if there is too little room.
*/
extern "C" int WINAPI StringFromGUID2(REFGUID guid, LPOLESTR text, int length);

/// The same into new memory, which the caller gives back by CoTaskMemFree. S_OK, E_INVALIDARG or E_OUTOFMEMORY.
STDAPI StringFromCLSID(REFCLSID clsid, LPOLESTR* text);
STDAPI StringFromIID(REFIID iid, LPOLESTR* text);

/** Reads `{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}`, in either case of letters. NULL reads as GUID_NULL.

    @return S_OK; E_INVALIDARG if `clsid` is NULL; CO_E_CLASSSTRING if the text is no identifier, which sets GUID_NULL.
*/
STDAPI CLSIDFromString(LPCOLESTR text, LPCLSID clsid);
/// The same; a text that is no identifier gives E_INVALIDARG.
STDAPI IIDFromString(LPCOLESTR text, LPIID iid);

#endif
