//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What all streams share: the position, the checks of arguments, copying. Where the bytes are is told by derived classes.

#ifndef POSTHORN_LEGACY_DETAIL_STREAM_BASE_HPP
#define POSTHORN_LEGACY_DETAIL_STREAM_BASE_HPP

#include <posthorn/legacy/com.h>
#include <posthorn/legacy/detail/unknown.hpp>

#include <algorithm>
#include <cstdint>

namespace posthorn::legacy::detail {

/// Bytes at offsets. One thread at a time.
class stream_base : public unknown<IStream, ISequentialStream>
{
public:
    STDMETHODIMP Read(void* pv, ULONG cb, ULONG* pcbRead) override
    {
        ULONG got = 0;
        if (pcbRead != nullptr)
            *pcbRead = 0;
        if (pv == nullptr)
            return STG_E_INVALIDPOINTER;
        HRESULT const result = read_at(position_, pv, cb, got);
        position_ += got;
        if (pcbRead != nullptr)
            *pcbRead = got;
        return result;
    }

    STDMETHODIMP Write(void const* pv, ULONG cb, ULONG* pcbWritten) override
    {
        ULONG put = 0;
        if (pcbWritten != nullptr)
            *pcbWritten = 0;
        if (pv == nullptr)
            return STG_E_INVALIDPOINTER;
        HRESULT const result = write_at(position_, pv, cb, put);
        position_ += put;
        if (pcbWritten != nullptr)
            *pcbWritten = put;
        return result;
    }

    STDMETHODIMP Seek(LARGE_INTEGER dlibMove, DWORD dwOrigin, ULARGE_INTEGER* plibNewPosition) override
    {
        std::uint64_t from = 0;
        if (plibNewPosition != nullptr)
            plibNewPosition->QuadPart = position_;
        switch (dwOrigin)
        {
        case STREAM_SEEK_SET: break;
        case STREAM_SEEK_CUR: from = position_; break;
        case STREAM_SEEK_END:
        {
            HRESULT const result = get_size(from);
            if (FAILED(result))
                return result;
            break;
        }
        default: return STG_E_INVALIDFUNCTION;
        }
        // Both are at most INT64_MAX, so neither the sum nor the difference leaves 64 bits.
        std::int64_t const move = dlibMove.QuadPart;
        if (move < 0 ? from < 0 - static_cast<std::uint64_t>(move)
                     : static_cast<std::uint64_t>(move) > static_cast<std::uint64_t>(INT64_MAX) - from)
            return STG_E_INVALIDFUNCTION;
        position_ = from + static_cast<std::uint64_t>(move);
        if (plibNewPosition != nullptr)
            plibNewPosition->QuadPart = position_;
        return S_OK;
    }

    STDMETHODIMP SetSize(ULARGE_INTEGER libNewSize) override { return set_size(libNewSize.QuadPart); }

    STDMETHODIMP CopyTo(IStream* pstm, ULARGE_INTEGER cb, ULARGE_INTEGER* pcbRead, ULARGE_INTEGER* pcbWritten) override
    {
        std::uint64_t read = 0, written = 0;
        HRESULT const result = pstm == nullptr ? STG_E_INVALIDPOINTER : copy(*pstm, cb.QuadPart, read, written);
        if (pcbRead != nullptr)
            pcbRead->QuadPart = read;
        if (pcbWritten != nullptr)
            pcbWritten->QuadPart = written;
        return result;
    }

    STDMETHODIMP Commit(DWORD) override { return S_OK; }
    STDMETHODIMP Revert() override { return S_OK; }
    STDMETHODIMP LockRegion(ULARGE_INTEGER, ULARGE_INTEGER, DWORD) override { return STG_E_INVALIDFUNCTION; }
    STDMETHODIMP UnlockRegion(ULARGE_INTEGER, ULARGE_INTEGER, DWORD) override { return STG_E_INVALIDFUNCTION; }

    STDMETHODIMP Stat(STATSTG* pstatstg, DWORD grfStatFlag) override
    {
        if (pstatstg == nullptr)
            return STG_E_INVALIDPOINTER;
        *pstatstg = STATSTG();
        if (grfStatFlag != STATFLAG_DEFAULT && grfStatFlag != STATFLAG_NONAME)
            return STG_E_INVALIDFLAG;
        pstatstg->type = STGTY_STREAM;
        return describe(*pstatstg, grfStatFlag == STATFLAG_DEFAULT);
    }

    STDMETHODIMP Clone(IStream** ppstm) override
    {
        if (ppstm == nullptr)
            return STG_E_INVALIDPOINTER;
        *ppstm               = nullptr;
        HRESULT const result = make_clone(ppstm);
        if (FAILED(result))
            return result;
        LARGE_INTEGER here;
        here.QuadPart = static_cast<LONGLONG>(position_);
        return (*ppstm)->Seek(here, STREAM_SEEK_SET, nullptr);
    }

protected:
    /// Reads up to `size` bytes. @param got Starts at 0. Behind the end there are none.
    virtual HRESULT read_at(std::uint64_t offset, void* to, ULONG size, ULONG& got) noexcept = 0;

    /// Writes `size` bytes, behind the end too: zeros fill what is between. @param put Starts at 0.
    virtual HRESULT write_at(std::uint64_t offset, void const* from, ULONG size, ULONG& put) noexcept = 0;

    virtual HRESULT get_size(std::uint64_t& size) noexcept = 0; ///< At most INT64_MAX.
    virtual HRESULT set_size(std::uint64_t size) noexcept  = 0;

    virtual HRESULT describe(STATSTG& facts, bool with_name) noexcept = 0; ///< All but the type.
    virtual HRESULT make_clone(IStream** clone) noexcept              = 0;

private:
    HRESULT copy(IStream& to, std::uint64_t most, std::uint64_t& read, std::uint64_t& written) noexcept
    {
        // What is there now and no more: the other stream may write behind these very bytes.
        std::uint64_t size   = 0;
        HRESULT       result = get_size(size);
        if (FAILED(result))
            return result;
        std::uint64_t left = std::min(most, size > position_ ? size - position_ : 0);
        unsigned char piece[8192];
        while (left != 0)
        {
            ULONG got = 0;
            result    = Read(piece, static_cast<ULONG>(std::min<std::uint64_t>(left, sizeof piece)), &got);
            read += got;
            left -= got;
            if (FAILED(result) || got == 0)
                return FAILED(result) ? result : S_OK;
            for (ULONG done = 0; done != got;)
            {
                ULONG put = 0;
                result    = to.Write(piece + done, got - done, &put);
                put       = std::min(put, got - done); // a foreign stream may say anything
                written += put;
                done += put;
                if (FAILED(result))
                    return result;
                if (put == 0)
                    return STG_E_MEDIUMFULL;
            }
        }
        return S_OK;
    }

    std::uint64_t position_ = 0; // at most INT64_MAX
};

} // namespace posthorn::legacy::detail

#endif
