//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A stream over a block of memory.

#ifndef POSTHORN_LEGACY_DETAIL_MEMORY_STREAM_HPP
#define POSTHORN_LEGACY_DETAIL_MEMORY_STREAM_HPP

#include <posthorn/legacy/com.h>
#include <posthorn/legacy/detail/com_memory.hpp>
#include <posthorn/legacy/detail/stream_base.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

namespace posthorn::legacy::detail {

class memory_stream final : public stream_base
{
public:
    /// A stream has 4 GiB at most, as on Windows.
    static constexpr std::uint64_t largest = 0xFFFFFFFFu;

    /// What a stream and its clones have in common.
    struct shared_block
    {
        explicit shared_block(movable_block* under) noexcept : block(under) {}
        shared_block(shared_block const&)            = delete;
        shared_block& operator=(shared_block const&) = delete;
        ~shared_block()
        {
            if (owned)
                movable_block::free(block);
        }

        movable_block* const block;
        bool                 owned = false; ///< Whether the last stream frees the block.
    };

    explicit memory_stream(std::shared_ptr<shared_block> shared) noexcept
        : shared_(std::move(shared)), block_(shared_->block)
    {
    }

    /// Not an interface, but a way to recognise these streams among others.
    static IID const& legacy_interface_id() noexcept
    {
        static constexpr IID id = {0xB9C66AA7, 0x2F0E, 0x4B53, {0x9B, 0x0A, 0x61, 0x5C, 0xD4, 0x73, 0x18, 0x2E}};
        return id;
    }

    STDMETHODIMP QueryInterface(REFIID riid, void** object) override
    {
        if (object == nullptr || riid != legacy_interface_id())
            return stream_base::QueryInterface(riid, object);
        *object = this;
        AddRef();
        return S_OK;
    }

    movable_block* block() const noexcept { return block_; }

protected:
    HRESULT read_at(std::uint64_t offset, void* to, ULONG size, ULONG& got) noexcept override
    {
        std::size_t const end = block_->size();
        if (offset >= end)
            return S_OK;
        std::size_t const from = static_cast<std::size_t>(offset);
        std::size_t const take = std::min<std::size_t>(size, end - from);
        std::memcpy(to, static_cast<char const*>(block_->memory()) + from, take);
        got = static_cast<ULONG>(take);
        return S_OK;
    }

    HRESULT write_at(std::uint64_t offset, void const* from, ULONG size, ULONG& put) noexcept override
    {
        if (size == 0)
            return S_OK;
        if (offset > largest || size > largest - offset)
            return STG_E_MEDIUMFULL;
        std::size_t const start = static_cast<std::size_t>(offset);
        if (start + size > block_->size() && !block_->resize(start + size, true))
            return STG_E_MEDIUMFULL;
        std::memmove(static_cast<char*>(block_->memory()) + start, from, size);
        put = size;
        return S_OK;
    }

    HRESULT get_size(std::uint64_t& size) noexcept override
    {
        size = block_->size();
        return S_OK;
    }

    HRESULT set_size(std::uint64_t size) noexcept override
    {
        return size <= largest && block_->resize(static_cast<std::size_t>(size), true) ? S_OK : STG_E_MEDIUMFULL;
    }

    HRESULT describe(STATSTG& facts, bool) noexcept override
    {
        facts.cbSize.QuadPart = block_->size();
        facts.grfMode         = STGM_READWRITE;
        return S_OK;
    }

    HRESULT make_clone(IStream** clone) noexcept override
    {
        return make_object<memory_stream>(IID_IStream, reinterpret_cast<void**>(clone), shared_);
    }

private:
    std::shared_ptr<shared_block> const shared_;
    movable_block* const                block_;
};

/** A stream over a block. May throw std::bad_alloc.

    @param owned Whether the last stream over it frees it. If there is no stream the block stays the caller's.
*/
inline HRESULT make_memory_stream(movable_block* block, bool owned, IStream** stream)
{
    auto const    shared = std::make_shared<memory_stream::shared_block>(block);
    HRESULT const result = make_object<memory_stream>(IID_IStream, reinterpret_cast<void**>(stream), shared);
    shared->owned        = owned && SUCCEEDED(result);
    return result;
}

} // namespace posthorn::legacy::detail

#endif
