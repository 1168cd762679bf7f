//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A stream that belongs to the client of a legacy transport, as old programs bring it along: it knows who holds it, notices
// when it is given back on another thread than its own, and does what a test says whenever it is read. And what other streams of
// tests begin with.

#ifndef POSTHORN_TESTS_SUPPORT_OWN_STREAM_HPP
#define POSTHORN_TESTS_SUPPORT_OWN_STREAM_HPP

#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace support {

/// A stream that can do nothing: what a test needs, its own one overrides.
class bare_stream : public posthorn::legacy::detail::unknown<IStream, ISequentialStream>
{
public:
    STDMETHODIMP Read(void*, ULONG, ULONG*) override { return E_NOTIMPL; }
    STDMETHODIMP Seek(LARGE_INTEGER, DWORD, ULARGE_INTEGER*) override { return E_NOTIMPL; }
    STDMETHODIMP Write(void const*, ULONG, ULONG*) override { return E_NOTIMPL; }
    STDMETHODIMP SetSize(ULARGE_INTEGER) override { return E_NOTIMPL; }
    STDMETHODIMP CopyTo(IStream*, ULARGE_INTEGER, ULARGE_INTEGER*, ULARGE_INTEGER*) override { return E_NOTIMPL; }
    STDMETHODIMP Commit(DWORD) override { return E_NOTIMPL; }
    STDMETHODIMP Revert() override { return E_NOTIMPL; }
    STDMETHODIMP LockRegion(ULARGE_INTEGER, ULARGE_INTEGER, DWORD) override { return E_NOTIMPL; }
    STDMETHODIMP UnlockRegion(ULARGE_INTEGER, ULARGE_INTEGER, DWORD) override { return E_NOTIMPL; }
    STDMETHODIMP Stat(STATSTG*, DWORD) override { return E_NOTIMPL; }
    STDMETHODIMP Clone(IStream**) override { return E_NOTIMPL; }
};

class own_stream final : public bare_stream
{
public:
    explicit own_stream(std::string text) : text_(std::move(text)) {}

    static posthorn::legacy::com_ptr<own_stream> of(std::string text)
    {
        return posthorn::legacy::com_ptr<own_stream>::attach(new own_stream(std::move(text)));
    }

    /// How many references there are.
    ULONG count()
    {
        ULONG const n = unknown::AddRef() - 1;
        unknown::Release();
        return n;
    }

    /// Was it given back or read on a thread that is not its own?
    bool was_elsewhere() const noexcept { return elsewhere_; }

    std::function<HRESULT()> on_read; ///< Before octets are handed out; a failure is the answer.
    std::function<HRESULT()> on_seek; ///< The same for Seek.
    int                      reads = 0;

    STDMETHODIMP_(ULONG) Release() override
    {
        note_thread();
        return unknown::Release();
    }

    STDMETHODIMP Read(void* to, ULONG size, ULONG* got) override
    {
        note_thread();
        ++reads;
        *got = 0;
        if (HRESULT const result = on_read ? on_read() : S_OK; FAILED(result))
            return result;
        auto const n = std::min<std::size_t>(size, text_.size() - at_);
        std::copy_n(text_.data() + at_, n, static_cast<char*>(to));
        at_ += n;
        *got = static_cast<ULONG>(n);
        return S_OK;
    }

    STDMETHODIMP Seek(LARGE_INTEGER move, DWORD origin, ULARGE_INTEGER* now) override
    {
        note_thread();
        if (HRESULT const result = on_seek ? on_seek() : S_OK; FAILED(result))
            return result;
        std::size_t const base = origin == STREAM_SEEK_SET ? 0 : origin == STREAM_SEEK_CUR ? at_ : text_.size();
        at_                    = base + static_cast<std::size_t>(move.QuadPart);
        if (now != nullptr)
            now->QuadPart = at_;
        return S_OK;
    }

private:
    void note_thread() noexcept
    {
        if (std::this_thread::get_id() != thread_)
            elsewhere_ = true;
    }

    std::string const     text_;
    std::size_t           at_     = 0;
    std::thread::id const thread_ = std::this_thread::get_id();
    std::atomic<bool>     elsewhere_ {false};
};

} // namespace support

#endif
