//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The names of Windows for plain types, where there is no Windows. Widths are those of Windows on every system: LONG and
// DWORD have 32 bits where long has 64.

#ifndef POSTHORN_LEGACY_COM_TYPES_H
#define POSTHORN_LEGACY_COM_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef __cplusplus
#error "These headers are for C++"
#endif

typedef char               CHAR;
typedef unsigned char      UCHAR;
typedef unsigned char      BYTE;
typedef unsigned char      boolean;
typedef int16_t            SHORT;
typedef uint16_t           USHORT;
typedef uint16_t           WORD;
typedef int32_t            INT;
typedef int32_t            LONG;
typedef int32_t            BOOL;
typedef uint32_t           UINT;
typedef uint32_t           ULONG;
typedef uint32_t           DWORD;
typedef int64_t            LONGLONG;
typedef uint64_t           ULONGLONG;
typedef intptr_t           INT_PTR;
typedef uintptr_t          UINT_PTR;
typedef intptr_t           LONG_PTR;
typedef uintptr_t          ULONG_PTR;
typedef uintptr_t          DWORD_PTR;
typedef size_t             SIZE_T;
typedef UINT_PTR           WPARAM;
typedef LONG_PTR           LPARAM;
typedef LONG_PTR           LRESULT;
typedef LONG               HRESULT;
typedef LONG               SCODE;

/// Wide characters are those of the compiler, so that L"..." can be passed; on Windows they have 16 bits.
typedef wchar_t WCHAR;
typedef WCHAR   OLECHAR;

/// TCHAR is char: the interfaces know no Unicode.
typedef char TCHAR;

typedef void*          LPVOID;
typedef void*          PVOID;
typedef void const*    LPCVOID;
typedef CHAR*          LPSTR;
typedef CHAR*          PSTR;
typedef CHAR const*    LPCSTR;
typedef CHAR const*    PCSTR;
typedef TCHAR*         LPTSTR;
typedef TCHAR const*   LPCTSTR;
typedef WCHAR*         LPWSTR;
typedef WCHAR const*   LPCWSTR;
typedef OLECHAR*       LPOLESTR;
typedef OLECHAR const* LPCOLESTR;
typedef BYTE*          LPBYTE;
typedef BOOL*          LPBOOL;
typedef LONG*          LPLONG;
typedef WORD*          LPWORD;
typedef DWORD*         LPDWORD;

typedef void*  HANDLE;
typedef HANDLE HGLOBAL;
typedef HANDLE HLOCAL;

/// Windows do not exist here; the type keeps its name and its width.
typedef struct HWND__* HWND;

typedef union _LARGE_INTEGER LARGE_INTEGER, *PLARGE_INTEGER;
typedef union _ULARGE_INTEGER ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _FILETIME
{
    DWORD dwLowDateTime;  ///< Lower half of a count of 100 nanoseconds since 1601-01-01 UTC.
    DWORD dwHighDateTime; ///< Upper half.
} FILETIME, *LPFILETIME;

// Members without a name of their own, as Windows has them.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#endif

/// A signed 64-bit number and its halves.
union _LARGE_INTEGER
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    struct { LONG HighPart; DWORD LowPart; };
    struct { LONG HighPart; DWORD LowPart; } u;
#else
    struct { DWORD LowPart; LONG HighPart; };
    struct { DWORD LowPart; LONG HighPart; } u;
#endif
    LONGLONG QuadPart;
};

/// An unsigned 64-bit number and its halves.
union _ULARGE_INTEGER
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    struct { DWORD HighPart; DWORD LowPart; };
    struct { DWORD HighPart; DWORD LowPart; } u;
#else
    struct { DWORD LowPart; DWORD HighPart; };
    struct { DWORD LowPart; DWORD HighPart; } u;
#endif
    ULONGLONG QuadPart;
};

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

#define MAXDWORD 0xFFFFFFFFu
#define INFINITE 0xFFFFFFFFu
#define MAX_PATH 260

#define LISet32(number, value) ((number).QuadPart = static_cast<LONG>(value))
#define ULISet32(number, value) ((number).QuadPart = static_cast<ULONG>(value))

#define ZeroMemory(destination, length) memset((destination), 0, (length))
#define FillMemory(destination, length, fill) memset((destination), (fill), (length))
#define CopyMemory(destination, source, length) memcpy((destination), (source), (length))
#define MoveMemory(destination, source, length) memmove((destination), (source), (length))

// Calling conventions and how interfaces are written: one convention for all.
#define WINAPI
#define CALLBACK
#define APIENTRY
#define STDMETHODCALLTYPE
#define STDAPICALLTYPE
#define EXTERN_C extern "C"
#define STDAPI EXTERN_C HRESULT STDAPICALLTYPE
#define STDAPI_(type) EXTERN_C type STDAPICALLTYPE
#define STDMETHODIMP HRESULT STDMETHODCALLTYPE
#define STDMETHODIMP_(type) type STDMETHODCALLTYPE
#define STDMETHOD(method) virtual HRESULT STDMETHODCALLTYPE method
#define STDMETHOD_(type, method) virtual type STDMETHODCALLTYPE method
#define PURE = 0
#define THIS_
#define THIS void

/** Adds one and gives the new value, as an indivisible step: what AddRef is usually written with.

    Also for long, since old code counts references in one.
*/
inline LONG InterlockedIncrement(LONG volatile* number)
{
    return __atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST);
}
inline long InterlockedIncrement(long volatile* number)
{
    return __atomic_add_fetch(number, 1L, __ATOMIC_SEQ_CST);
}
inline ULONG InterlockedIncrement(ULONG volatile* number)
{
    return __atomic_add_fetch(number, 1u, __ATOMIC_SEQ_CST);
}

/// Subtracts one and gives the new value, as an indivisible step.
inline LONG InterlockedDecrement(LONG volatile* number)
{
    return __atomic_sub_fetch(number, 1, __ATOMIC_SEQ_CST);
}
inline long InterlockedDecrement(long volatile* number)
{
    return __atomic_sub_fetch(number, 1L, __ATOMIC_SEQ_CST);
}
inline ULONG InterlockedDecrement(ULONG volatile* number)
{
    return __atomic_sub_fetch(number, 1u, __ATOMIC_SEQ_CST);
}

#endif
