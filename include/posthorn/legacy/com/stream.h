//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Streams of bytes: ISequentialStream and IStream, and the functions that make them, where there is no Windows.

#ifndef POSTHORN_LEGACY_COM_STREAM_H
#define POSTHORN_LEGACY_COM_STREAM_H

#include "guid.h"
#include "types.h"
#include "unknown.h"

extern "C" {
extern IID const IID_ISequentialStream;
extern IID const IID_IStream;
}

typedef enum tagSTREAM_SEEK
{
    STREAM_SEEK_SET = 0, ///< From the start.
    STREAM_SEEK_CUR = 1, ///< From the current position.
    STREAM_SEEK_END = 2  ///< From the end.
} STREAM_SEEK;

typedef enum tagSTATFLAG
{
    STATFLAG_DEFAULT = 0, ///< With the name.
    STATFLAG_NONAME  = 1, ///< Without the name, which then need not be freed.
    STATFLAG_NOOPEN  = 2
} STATFLAG;

typedef enum tagSTGTY
{
    STGTY_STORAGE   = 1,
    STGTY_STREAM    = 2,
    STGTY_LOCKBYTES = 3,
    STGTY_PROPERTY  = 4
} STGTY;

typedef enum tagSTGC
{
    STGC_DEFAULT                            = 0,
    STGC_OVERWRITE                          = 1,
    STGC_ONLYIFCURRENT                      = 2,
    STGC_DANGEROUSLYCOMMITMERELYTODISKCACHE = 4
} STGC;

// How a stream is opened.
#define STGM_READ 0x00000000
#define STGM_WRITE 0x00000001
#define STGM_READWRITE 0x00000002
#define STGM_SHARE_EXCLUSIVE 0x00000010
#define STGM_SHARE_DENY_WRITE 0x00000020
#define STGM_SHARE_DENY_READ 0x00000030
#define STGM_SHARE_DENY_NONE 0x00000040
#define STGM_FAILIFTHERE 0x00000000
#define STGM_CREATE 0x00001000
#define STGM_DELETEONRELEASE 0x04000000

#define FILE_ATTRIBUTE_NORMAL 0x00000080

/// What IStream::Stat tells.
typedef struct tagSTATSTG
{
    LPOLESTR       pwcsName; ///< Name, to be freed by CoTaskMemFree; or NULL.
    DWORD          type;     ///< One of STGTY.
    ULARGE_INTEGER cbSize;   ///< Length in bytes.
    FILETIME       mtime;    ///< Last change.
    FILETIME       ctime;    ///< Creation.
    FILETIME       atime;    ///< Last access.
    DWORD          grfMode;  ///< STGM_... it was opened with.
    DWORD          grfLocksSupported;
    CLSID          clsid;
    DWORD          grfStateBits;
    DWORD          reserved;
} STATSTG;

/// Reads and writes bytes in order.
struct ISequentialStream : public IUnknown
{
    /** @param pv      Where the bytes go; NULL gives STG_E_INVALIDPOINTER.
        @param cb      How many are wanted.
        @param pcbRead Gets how many there were; may be NULL.
        @return S_OK, or S_FALSE if a stream says by it that there were fewer; look at `*pcbRead` instead.
    */
    virtual HRESULT STDMETHODCALLTYPE Read(void* pv, ULONG cb, ULONG* pcbRead) = 0;

    /** @param pv         The bytes; NULL gives STG_E_INVALIDPOINTER.
        @param cb         How many.
        @param pcbWritten Gets how many were written; may be NULL.
        @return S_OK; STG_E_ACCESSDENIED if the stream is for reading only; STG_E_MEDIUMFULL if there is no room.
    */
    virtual HRESULT STDMETHODCALLTYPE Write(void const* pv, ULONG cb, ULONG* pcbWritten) = 0;
};

/// A stream with a position.
struct IStream : public ISequentialStream
{
    /** Moves the position, also beyond the end.

        @param dlibMove        The offset.
        @param dwOrigin        One of STREAM_SEEK.
        @param plibNewPosition Gets the new position, from the start; may be NULL.
        @return S_OK; STG_E_INVALIDFUNCTION for an unknown origin or a position before the start.
    */
    virtual HRESULT STDMETHODCALLTYPE Seek(LARGE_INTEGER dlibMove, DWORD dwOrigin, ULARGE_INTEGER* plibNewPosition) = 0;

    /// Cuts the stream or lengthens it by zeros. The position stays.
    virtual HRESULT STDMETHODCALLTYPE SetSize(ULARGE_INTEGER libNewSize) = 0;

    /** Copies from the position of this stream to that of another, and moves both.

        @param pstm       The other one; NULL gives STG_E_INVALIDPOINTER.
        @param cb         How many bytes at most.
        @param pcbRead    Gets how many were read; may be NULL.
        @param pcbWritten Gets how many were written; may be NULL.
    */
    virtual HRESULT STDMETHODCALLTYPE
    CopyTo(IStream* pstm, ULARGE_INTEGER cb, ULARGE_INTEGER* pcbRead, ULARGE_INTEGER* pcbWritten) = 0;

    virtual HRESULT STDMETHODCALLTYPE Commit(DWORD grfCommitFlags) = 0; ///< Writes out what was held back.
    virtual HRESULT STDMETHODCALLTYPE Revert()                     = 0; ///< Without effect: streams here are direct.

    /// STG_E_INVALIDFUNCTION: streams here lock nothing.
    virtual HRESULT STDMETHODCALLTYPE LockRegion(ULARGE_INTEGER libOffset, ULARGE_INTEGER cb, DWORD dwLockType)   = 0;
    virtual HRESULT STDMETHODCALLTYPE UnlockRegion(ULARGE_INTEGER libOffset, ULARGE_INTEGER cb, DWORD dwLockType) = 0;

    /** @param pstatstg    Gets what is known of the stream; NULL gives STG_E_INVALIDPOINTER.
        @param grfStatFlag STATFLAG_DEFAULT or STATFLAG_NONAME; another one gives STG_E_INVALIDFLAG.
    */
    virtual HRESULT STDMETHODCALLTYPE Stat(STATSTG* pstatstg, DWORD grfStatFlag) = 0;

    /// Another stream over the same bytes, with a position of its own that starts at this one's.
    virtual HRESULT STDMETHODCALLTYPE Clone(IStream** ppstm) = 0;
};
typedef IStream* LPSTREAM;

/** A stream over a block of memory.

    @param hGlobal          A block made by GlobalAlloc with GMEM_MOVEABLE, or NULL for a new one.
    @param fDeleteOnRelease Whether the last Release of the stream frees the block.
    @param ppstm            Gets the stream.
    @return S_OK; E_INVALIDARG if `ppstm` is NULL or the block is not movable; E_OUTOFMEMORY.
*/
STDAPI CreateStreamOnHGlobal(HGLOBAL hGlobal, BOOL fDeleteOnRelease, LPSTREAM* ppstm);

/// The block under a stream of CreateStreamOnHGlobal. S_OK, or E_INVALIDARG for another stream or a NULL.
STDAPI GetHGlobalFromStream(LPSTREAM pstm, HGLOBAL* phglobal);

/** A stream over a file. It is never shared with others by locks: the STGM_SHARE flags are accepted and ignored.

    @param pszFile Its path.
    @param grfMode STGM_READ, STGM_WRITE or STGM_READWRITE, with STGM_CREATE to make or empty the file.
    @param ppstm   Gets the stream.
    @return S_OK; E_INVALIDARG for a NULL; STG_E_INVALIDFLAG for an unknown flag; E_OUTOFMEMORY; HRESULT_FROM_WIN32 of the
            system's number: 2 no such file, 3 no such folder, 4 too many open files, 5 access denied or no plain file,
            80 there is one, 112 no room, 206 the name is too long, 1117 all else.
*/
STDAPI SHCreateStreamOnFileA(LPCSTR pszFile, DWORD grfMode, IStream** ppstm);
STDAPI SHCreateStreamOnFileW(LPCWSTR pszFile, DWORD grfMode, IStream** ppstm);

/** The same with more to say.

    @param dwAttributes Ignored: attributes of files are a matter of Windows.
    @param fCreate      Without STGM_CREATE: TRUE makes a new file, and fails if there is one; FALSE opens one that is there.
    @param pstmTemplate Must be NULL.
*/
STDAPI SHCreateStreamOnFileEx(LPCWSTR pszFile, DWORD grfMode, DWORD dwAttributes, BOOL fCreate, IStream* pstmTemplate,
                              IStream** ppstm);

/// A stream over new memory that starts with a copy of `cbInit` bytes. @return NULL if there is no memory.
extern "C" IStream* STDAPICALLTYPE SHCreateMemStream(BYTE const* pInit, UINT cbInit);

inline HRESULT SHCreateStreamOnFile(LPCSTR pszFile, DWORD grfMode, IStream** ppstm)
{
    return SHCreateStreamOnFileA(pszFile, grfMode, ppstm);
}

#endif
