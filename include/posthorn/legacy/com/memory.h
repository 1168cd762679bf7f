//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Memory that crosses interfaces, and blocks of memory under streams, where there is no Windows.

#ifndef POSTHORN_LEGACY_COM_MEMORY_H
#define POSTHORN_LEGACY_COM_MEMORY_H

#include "types.h"
#include "unknown.h"

/// The allocator itself. @param dwMemContext 1. @return S_OK; E_INVALIDARG for another context or a NULL.
STDAPI CoGetMalloc(DWORD dwMemContext, LPMALLOC* ppMalloc);

/// Memory that another side of an interface may free. @return NULL if there is none.
extern "C" LPVOID STDAPICALLTYPE CoTaskMemAlloc(SIZE_T cb);
/// Another size: NULL as memory allocates, 0 as size frees. @return NULL if there is none; the old block is then kept.
extern "C" LPVOID STDAPICALLTYPE CoTaskMemRealloc(LPVOID pv, SIZE_T cb);
/// Gives it back; NULL is allowed.
extern "C" void STDAPICALLTYPE CoTaskMemFree(LPVOID pv);

#define GMEM_FIXED 0x0000
#define GMEM_MOVEABLE 0x0002
#define GMEM_ZEROINIT 0x0040
#define GHND (GMEM_MOVEABLE | GMEM_ZEROINIT)
#define GPTR (GMEM_FIXED | GMEM_ZEROINIT)
#define LMEM_FIXED 0x0000
#define LMEM_ZEROINIT 0x0040
#define LPTR (LMEM_FIXED | LMEM_ZEROINIT)

/** A block of memory.

    @param uFlags  GMEM_FIXED: the handle is the memory's address. GMEM_MOVEABLE: it is not, and GlobalLock tells the address.
    @param dwBytes Its size.
    @return NULL if there is no memory.
*/
extern "C" HGLOBAL WINAPI GlobalAlloc(UINT uFlags, SIZE_T dwBytes);
/// Another size; a movable block keeps its handle, a fixed one gets a new one. @return NULL if there is no memory.
extern "C" HGLOBAL WINAPI GlobalReAlloc(HGLOBAL hMem, SIZE_T dwBytes, UINT uFlags);
extern "C" LPVOID WINAPI  GlobalLock(HGLOBAL hMem);   ///< The address, which holds until GlobalUnlock. NULL for NULL.
extern "C" BOOL WINAPI    GlobalUnlock(HGLOBAL hMem); ///< Whether others still hold it.
extern "C" SIZE_T WINAPI  GlobalSize(HGLOBAL hMem);   ///< Its size; of NULL: 0.
extern "C" HGLOBAL WINAPI GlobalFree(HGLOBAL hMem);   ///< Frees it. @return NULL.

/// Fixed blocks by the other name they have; FormatMessage gives such ones.
extern "C" HLOCAL WINAPI LocalAlloc(UINT uFlags, SIZE_T dwBytes);
extern "C" HLOCAL WINAPI LocalFree(HLOCAL hMem); ///< Frees it. @return NULL.

#endif
