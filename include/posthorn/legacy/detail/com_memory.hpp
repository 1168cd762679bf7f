//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Defines the allocator of COM and the blocks of memory that streams stand on.

#ifndef POSTHORN_LEGACY_DETAIL_COM_MEMORY_HPP
#define POSTHORN_LEGACY_DETAIL_COM_MEMORY_HPP

#include <posthorn/legacy/com.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace posthorn::legacy::detail {

/// What stands before each piece of memory given out, so that its size is known.
struct alignas(std::max_align_t) memory_head
{
    std::size_t size = 0;
};

inline memory_head* head_of(void* memory) noexcept
{
    return static_cast<memory_head*>(memory) - 1;
}

/// @return nullptr if there is no memory. Memory of no bytes has an address too.
inline void* allocate(std::size_t size) noexcept
{
    if (size > PTRDIFF_MAX - sizeof(memory_head))
        return nullptr;
    void* const raw = std::malloc(sizeof(memory_head) + size);
    if (raw == nullptr)
        return nullptr;
    return new (raw) memory_head {size} + 1;
}

/// @return nullptr if there is no memory: the old piece is kept then.
inline void* reallocate(void* memory, std::size_t size) noexcept
{
    if (size > PTRDIFF_MAX - sizeof(memory_head))
        return nullptr;
    void* const raw = std::realloc(head_of(memory), sizeof(memory_head) + size);
    if (raw == nullptr)
        return nullptr;
    auto* const head = static_cast<memory_head*>(raw);
    head->size       = size;
    return head + 1;
}

inline void deallocate(void* memory) noexcept
{
    if (memory != nullptr)
        std::free(head_of(memory));
}

/// The one IMalloc. It is always there, so it counts no references.
class task_malloc final : public IMalloc
{
public:
    STDMETHODIMP QueryInterface(REFIID riid, void** object) override
    {
        if (object == nullptr)
            return E_POINTER;
        bool const known = riid == IID_IUnknown || riid == IID_IMalloc;
        *object          = known ? static_cast<IMalloc*>(this) : nullptr;
        return known ? S_OK : E_NOINTERFACE;
    }
    STDMETHODIMP_(ULONG) AddRef() override { return 1; }
    STDMETHODIMP_(ULONG) Release() override { return 1; }

    STDMETHODIMP_(void*) Alloc(SIZE_T size) override { return allocate(size); }
    STDMETHODIMP_(void*) Realloc(void* memory, SIZE_T size) override
    {
        if (memory == nullptr)
            return allocate(size);
        if (size == 0)
        {
            deallocate(memory);
            return nullptr;
        }
        return reallocate(memory, size);
    }
    STDMETHODIMP_(void) Free(void* memory) override { deallocate(memory); }
    STDMETHODIMP_(SIZE_T) GetSize(void* memory) override
    {
        return memory == nullptr ? static_cast<SIZE_T>(-1) : head_of(memory)->size;
    }
    STDMETHODIMP_(int) DidAlloc(void*) override { return -1; }
    STDMETHODIMP_(void) HeapMinimize() override {}

    static task_malloc& instance() noexcept
    {
        static task_malloc only;
        return only;
    }
};

/// A block that may move: its handle is the address of this, marked by a bit that addresses of memory never have.
class movable_block
{
public:
    /// @return nullptr if there is no memory.
    static HGLOBAL make(std::size_t size, bool zeros) noexcept
    {
        auto* const block  = new (std::nothrow) movable_block;
        void* const memory = allocate(size);
        if (block == nullptr || memory == nullptr)
        {
            delete block;
            deallocate(memory);
            return nullptr;
        }
        if (zeros)
            std::memset(memory, 0, size);
        block->memory_ = memory;
        block->size_   = size;
        return block->handle();
    }

    /// The block of a handle, or nullptr if the handle is that of a fixed one or NULL.
    static movable_block* of(HGLOBAL handle) noexcept
    {
        auto const bits = reinterpret_cast<std::uintptr_t>(handle);
        return (bits & mark) == 0 ? nullptr : reinterpret_cast<movable_block*>(bits & ~mark);
    }

    HGLOBAL handle() noexcept { return reinterpret_cast<HGLOBAL>(reinterpret_cast<std::uintptr_t>(this) | mark); }

    void*       memory() noexcept { return memory_; }
    std::size_t size() const noexcept { return size_; }

    /** Gives it another size. What is new reads as zeros if asked for. It grows by more than is needed, so that many small
        steps cost no more than a few copies.

        @return false if there is no memory: it is as before then.
    */
    bool resize(std::size_t size, bool zeros) noexcept
    {
        std::size_t const room = head_of(memory_)->size;
        if (size > room || size < room / 4)
        {
            std::size_t const more  = size > room && room < PTRDIFF_MAX / 4 ? room + room / 2 : size;
            void*             moved = more > size ? reallocate(memory_, more) : nullptr;
            if (moved == nullptr)
                moved = reallocate(memory_, size);
            if (moved == nullptr)
                return false;
            memory_ = moved;
        }
        if (zeros && size > size_)
            std::memset(static_cast<char*>(memory_) + size_, 0, size - size_);
        size_ = size;
        return true;
    }

    void        lock() noexcept { ++locks_; }
    bool        unlock() noexcept { return locks_ != 0 && --locks_ != 0; }
    static void free(movable_block* block) noexcept { delete block; }

private:
    static constexpr std::uintptr_t mark = 2;

    movable_block() = default;
    ~movable_block() { deallocate(memory_); }

    void*       memory_ = nullptr;
    std::size_t size_   = 0;
    unsigned    locks_  = 0;
};

} // namespace posthorn::legacy::detail

extern "C" {

HRESULT STDAPICALLTYPE CoGetMalloc(DWORD dwMemContext, LPMALLOC* ppMalloc)
{
    if (ppMalloc == nullptr)
        return E_INVALIDARG;
    *ppMalloc = nullptr;
    if (dwMemContext != 1)
        return E_INVALIDARG;
    *ppMalloc = &posthorn::legacy::detail::task_malloc::instance();
    return S_OK;
}

LPVOID STDAPICALLTYPE CoTaskMemAlloc(SIZE_T cb)
{
    return posthorn::legacy::detail::task_malloc::instance().Alloc(cb);
}

LPVOID STDAPICALLTYPE CoTaskMemRealloc(LPVOID pv, SIZE_T cb)
{
    return posthorn::legacy::detail::task_malloc::instance().Realloc(pv, cb);
}

void STDAPICALLTYPE CoTaskMemFree(LPVOID pv)
{
    posthorn::legacy::detail::task_malloc::instance().Free(pv);
}

HGLOBAL WINAPI GlobalAlloc(UINT uFlags, SIZE_T dwBytes)
{
    namespace detail = posthorn::legacy::detail;
    bool const zeros = (uFlags & GMEM_ZEROINIT) != 0;
    if ((uFlags & GMEM_MOVEABLE) != 0)
        return detail::movable_block::make(dwBytes, zeros);
    void* const memory = detail::allocate(dwBytes);
    if (memory != nullptr && zeros)
        std::memset(memory, 0, dwBytes);
    return memory;
}

HGLOBAL WINAPI GlobalReAlloc(HGLOBAL hMem, SIZE_T dwBytes, UINT uFlags)
{
    namespace detail = posthorn::legacy::detail;
    bool const zeros = (uFlags & GMEM_ZEROINIT) != 0;
    if (hMem == nullptr)
        return nullptr;
    if (auto* const block = detail::movable_block::of(hMem))
        return block->resize(dwBytes, zeros) ? hMem : nullptr;
    std::size_t const before = detail::head_of(hMem)->size;
    void* const       moved  = detail::reallocate(hMem, dwBytes);
    if (moved != nullptr && zeros && dwBytes > before)
        std::memset(static_cast<char*>(moved) + before, 0, dwBytes - before);
    return moved;
}

LPVOID WINAPI GlobalLock(HGLOBAL hMem)
{
    auto* const block = posthorn::legacy::detail::movable_block::of(hMem);
    if (block == nullptr)
        return hMem;
    block->lock();
    return block->memory();
}

BOOL WINAPI GlobalUnlock(HGLOBAL hMem)
{
    auto* const block = posthorn::legacy::detail::movable_block::of(hMem);
    return block != nullptr && block->unlock() ? TRUE : FALSE;
}

SIZE_T WINAPI GlobalSize(HGLOBAL hMem)
{
    namespace detail = posthorn::legacy::detail;
    if (hMem == nullptr)
        return 0;
    auto const* const block = detail::movable_block::of(hMem);
    return block == nullptr ? detail::head_of(hMem)->size : block->size();
}

HGLOBAL WINAPI GlobalFree(HGLOBAL hMem)
{
    namespace detail = posthorn::legacy::detail;
    if (auto* const block = detail::movable_block::of(hMem))
        detail::movable_block::free(block);
    else
        detail::deallocate(hMem);
    return nullptr;
}

HLOCAL WINAPI LocalAlloc(UINT uFlags, SIZE_T dwBytes)
{
    return GlobalAlloc(uFlags, dwBytes);
}

HLOCAL WINAPI LocalFree(HLOCAL hMem)
{
    return GlobalFree(hMem);
}

} // extern "C"

#endif
