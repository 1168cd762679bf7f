//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// IUnknown, IClassFactory and IMalloc, where there is no Windows.

#ifndef POSTHORN_LEGACY_COM_UNKNOWN_H
#define POSTHORN_LEGACY_COM_UNKNOWN_H

#include "guid.h"
#include "hresult.h"
#include "types.h"

extern "C" {
extern IID const IID_IUnknown;
extern IID const IID_IClassFactory;
extern IID const IID_IMalloc;
}

/// The base of every interface. Interfaces have no virtual destructor: it would move the slots behind it.
struct IUnknown
{
    /** Asks for another interface of the same object.

        @param riid      Which one.
        @param ppvObject Gets it with a reference added, or NULL.
        @return S_OK, E_NOINTERFACE, or E_POINTER if `ppvObject` is NULL.
    */
    virtual HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void** ppvObject) = 0;

    /// Adds a reference. @return The number of references, for tests only.
    virtual ULONG STDMETHODCALLTYPE AddRef() = 0;

    /// Gives a reference back; the last one ends the object. @return The number of references left, for tests only.
    virtual ULONG STDMETHODCALLTYPE Release() = 0;
};
typedef IUnknown* LPUNKNOWN;

/// Makes objects of one class.
struct IClassFactory : public IUnknown
{
    /** @param pUnkOuter Must be NULL: no class here can be aggregated (CLASS_E_NOAGGREGATION).
        @param riid      The interface wanted.
        @param ppvObject Gets it, or NULL.
    */
    virtual HRESULT STDMETHODCALLTYPE CreateInstance(IUnknown* pUnkOuter, REFIID riid, void** ppvObject) = 0;

    /// Has no effect here: nothing is ever unloaded.
    virtual HRESULT STDMETHODCALLTYPE LockServer(BOOL fLock) = 0;
};
typedef IClassFactory* LPCLASSFACTORY;

/// The allocator whose memory crosses interfaces, see CoGetMalloc.
struct IMalloc : public IUnknown
{
    virtual void*  STDMETHODCALLTYPE Alloc(SIZE_T cb)             = 0; ///< New memory, or NULL.
    virtual void*  STDMETHODCALLTYPE Realloc(void* pv, SIZE_T cb) = 0; ///< Another size; NULL if there is no memory.
    virtual void   STDMETHODCALLTYPE Free(void* pv)               = 0; ///< Gives memory back; NULL is allowed.
    virtual SIZE_T STDMETHODCALLTYPE GetSize(void* pv)            = 0; ///< The size asked for; of NULL: all bits set.
    virtual int    STDMETHODCALLTYPE DidAlloc(void* pv)           = 0; ///< Always -1: it cannot be told.
    virtual void   STDMETHODCALLTYPE HeapMinimize()               = 0; ///< Does nothing.
};
typedef IMalloc* LPMALLOC;

#endif
