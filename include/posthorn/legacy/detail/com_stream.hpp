//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Defines the functions that make streams.

#ifndef POSTHORN_LEGACY_DETAIL_COM_STREAM_HPP
#define POSTHORN_LEGACY_DETAIL_COM_STREAM_HPP

#include <posthorn/legacy/com.h>
#include <posthorn/legacy/detail/com_memory.hpp>
#include <posthorn/legacy/detail/file_stream.hpp>
#include <posthorn/legacy/detail/memory_stream.hpp>
#include <posthorn/legacy/detail/wide_text.hpp>

#include <cstring>
#include <new>

namespace posthorn::legacy::detail {

/// Runs what may throw for lack of memory only.
template <class Function>
HRESULT or_out_of_memory(Function&& function) noexcept
{
    try
    {
        return function();
    }
    catch (std::bad_alloc const&)
    {
        return E_OUTOFMEMORY;
    }
}

} // namespace posthorn::legacy::detail

extern "C" {

HRESULT STDAPICALLTYPE CreateStreamOnHGlobal(HGLOBAL hGlobal, BOOL fDeleteOnRelease, LPSTREAM* ppstm)
{
    namespace detail = posthorn::legacy::detail;
    if (ppstm == nullptr)
        return E_INVALIDARG;
    *ppstm = nullptr;
    if (hGlobal != nullptr && detail::movable_block::of(hGlobal) == nullptr)
        return E_INVALIDARG;
    HGLOBAL const handle = hGlobal != nullptr ? hGlobal : GlobalAlloc(GMEM_MOVEABLE, 0);
    if (handle == nullptr)
        return E_OUTOFMEMORY;
    HRESULT const result = detail::or_out_of_memory(
        [&] { return detail::make_memory_stream(detail::movable_block::of(handle), fDeleteOnRelease != FALSE, ppstm); });
    if (FAILED(result) && hGlobal == nullptr)
        GlobalFree(handle);
    return result;
}

HRESULT STDAPICALLTYPE GetHGlobalFromStream(LPSTREAM pstm, HGLOBAL* phglobal)
{
    namespace detail = posthorn::legacy::detail;
    if (pstm == nullptr || phglobal == nullptr)
        return E_INVALIDARG;
    *phglobal    = nullptr;
    void* object = nullptr;
    if (FAILED(pstm->QueryInterface(detail::memory_stream::legacy_interface_id(), &object)))
        return E_INVALIDARG;
    auto* const stream = static_cast<detail::memory_stream*>(object);
    *phglobal          = stream->block()->handle();
    stream->Release();
    return S_OK;
}

IStream* STDAPICALLTYPE SHCreateMemStream(BYTE const* pInit, UINT cbInit)
{
    HGLOBAL const block = GlobalAlloc(GMEM_MOVEABLE, pInit == nullptr ? 0 : cbInit);
    if (block == nullptr)
        return nullptr;
    if (pInit != nullptr && cbInit != 0)
        std::memcpy(posthorn::legacy::detail::movable_block::of(block)->memory(), pInit, cbInit);
    IStream* stream = nullptr;
    if (FAILED(CreateStreamOnHGlobal(block, TRUE, &stream)))
        GlobalFree(block);
    return stream;
}

HRESULT STDAPICALLTYPE SHCreateStreamOnFileA(LPCSTR pszFile, DWORD grfMode, IStream** ppstm)
{
    namespace detail = posthorn::legacy::detail;
    if (ppstm == nullptr)
        return E_INVALIDARG;
    *ppstm = nullptr;
    if (pszFile == nullptr)
        return E_INVALIDARG;
    return detail::or_out_of_memory([&] { return detail::make_file_stream(pszFile, grfMode, false, ppstm); });
}

HRESULT STDAPICALLTYPE SHCreateStreamOnFileEx(LPCWSTR pszFile, DWORD grfMode, DWORD, BOOL fCreate, IStream* pstmTemplate,
                                              IStream** ppstm)
{
    namespace detail = posthorn::legacy::detail;
    if (ppstm == nullptr)
        return E_INVALIDARG;
    *ppstm = nullptr;
    if (pszFile == nullptr || pstmTemplate != nullptr)
        return E_INVALIDARG;
    return detail::or_out_of_memory(
        [&] { return detail::make_file_stream(detail::to_narrow(pszFile), grfMode, fCreate != FALSE, ppstm); });
}

HRESULT STDAPICALLTYPE SHCreateStreamOnFileW(LPCWSTR pszFile, DWORD grfMode, IStream** ppstm)
{
    return SHCreateStreamOnFileEx(pszFile, grfMode, FILE_ATTRIBUTE_NORMAL, FALSE, nullptr, ppstm);
}

} // extern "C"

#endif
