//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Starting COM, making objects and telling errors in words, where there is no Windows.

#ifndef POSTHORN_LEGACY_COM_FUNCTIONS_H
#define POSTHORN_LEGACY_COM_FUNCTIONS_H

#include "guid.h"
#include "types.h"
#include "unknown.h"

#include <stdarg.h>

typedef enum tagCOINIT
{
    COINIT_MULTITHREADED     = 0x0,
    COINIT_APARTMENTTHREADED = 0x2,
    COINIT_DISABLE_OLE1DDE   = 0x4,
    COINIT_SPEED_OVER_MEMORY = 0x8
} COINIT;

typedef enum tagCLSCTX
{
    CLSCTX_INPROC_SERVER  = 0x1,
    CLSCTX_INPROC_HANDLER = 0x2,
    CLSCTX_LOCAL_SERVER   = 0x4,
    CLSCTX_REMOTE_SERVER  = 0x10
} CLSCTX;
#define CLSCTX_INPROC (CLSCTX_INPROC_SERVER | CLSCTX_INPROC_HANDLER)
#define CLSCTX_SERVER (CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER | CLSCTX_REMOTE_SERVER)
#define CLSCTX_ALL (CLSCTX_INPROC_HANDLER | CLSCTX_SERVER)

/** Starts COM on the calling thread. Each success, S_FALSE too, asks for one CoUninitialize.

    @param pvReserved NULL.
    @return S_OK the first time; S_FALSE if it was started; RPC_E_CHANGED_MODE if it was started the other way;
            E_INVALIDARG for a pointer that is not NULL or an unknown flag.
*/
STDAPI CoInitialize(LPVOID pvReserved);
/// The same. @param dwCoInit COINIT_APARTMENTTHREADED, as CoInitialize has it, or COINIT_MULTITHREADED.
STDAPI CoInitializeEx(LPVOID pvReserved, DWORD dwCoInit);
/// Takes one start back. Where there was none it does nothing.
STDAPI_(void) CoUninitialize();

/// What CoInitialize is to programs that use OLE.
STDAPI        OleInitialize(LPVOID pvReserved);
STDAPI_(void) OleUninitialize();

/** Makes an object.

    @param rclsid       Its class.
    @param pUnkOuter    NULL; else CLASS_E_NOAGGREGATION.
    @param dwClsContext With CLSCTX_INPROC_SERVER; else REGDB_E_CLASSNOTREG.
    @param riid         The interface wanted.
    @param ppv          Gets it, or NULL.
    @return S_OK; E_POINTER if `ppv` is NULL; CO_E_NOTINITIALIZED if COM was not started on this thread, and no thread
            runs it multithreaded; REGDB_E_CLASSNOTREG for an unknown class; E_NOINTERFACE; E_OUTOFMEMORY.
*/
STDAPI CoCreateInstance(REFCLSID rclsid, LPUNKNOWN pUnkOuter, DWORD dwClsContext, REFIID riid, LPVOID* ppv);

/// The factory of a class. @param pvReserved NULL. Results as of CoCreateInstance.
STDAPI CoGetClassObject(REFCLSID rclsid, DWORD dwClsContext, LPVOID pvReserved, REFIID riid, LPVOID* ppv);

// What FormatMessage is asked to do.
#define FORMAT_MESSAGE_ALLOCATE_BUFFER 0x00000100
#define FORMAT_MESSAGE_IGNORE_INSERTS 0x00000200
#define FORMAT_MESSAGE_FROM_STRING 0x00000400
#define FORMAT_MESSAGE_FROM_HMODULE 0x00000800
#define FORMAT_MESSAGE_FROM_SYSTEM 0x00001000
#define FORMAT_MESSAGE_MAX_WIDTH_MASK 0x000000FF

/** The text of an HRESULT: one sentence, in English, ended by CR LF unless FORMAT_MESSAGE_MAX_WIDTH_MASK is given.

    @param dwFlags      FORMAT_MESSAGE_FROM_SYSTEM or FORMAT_MESSAGE_FROM_HMODULE, which mean the same here.
    @param lpSource     Ignored.
    @param dwMessageId  The HRESULT.
    @param dwLanguageId Ignored.
    @param lpBuffer     Room for the text; with FORMAT_MESSAGE_ALLOCATE_BUFFER the address of a pointer, which gets
                        memory to be freed by LocalFree.
    @param nSize        How many characters there is room for; with FORMAT_MESSAGE_ALLOCATE_BUFFER at least to be allocated.
    @param arguments    Ignored: no text has inserts.
    @return The number of characters without the NUL, or 0: an unknown code, or too little room.
*/
extern "C" DWORD WINAPI FormatMessageA(DWORD dwFlags, LPCVOID lpSource, DWORD dwMessageId, DWORD dwLanguageId, LPSTR lpBuffer,
                                       DWORD nSize, va_list* arguments);

inline DWORD FormatMessage(DWORD dwFlags, LPCVOID lpSource, DWORD dwMessageId, DWORD dwLanguageId, LPSTR lpBuffer, DWORD nSize,
                           va_list* arguments)
{
    return FormatMessageA(dwFlags, lpSource, dwMessageId, dwLanguageId, lpBuffer, nSize, arguments);
}

#endif
