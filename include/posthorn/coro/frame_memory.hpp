//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Memory for coroutine frames and handlers: a free list per thread, so that a steady flow of tasks
// does not touch the heap.

#ifndef POSTHORN_CORO_FRAME_MEMORY_HPP
#define POSTHORN_CORO_FRAME_MEMORY_HPP

#include <posthorn/core/config.hpp>

#include <array>
#include <cstddef>
#include <new>

#if !defined(POSTHORN_HAS_ASAN) && !(defined(__MINGW32__) && !defined(__clang__))
#define POSTHORN_KEEPS_FRAMES 1
#endif

namespace posthorn::detail {

/** Blocks of the sizes coroutines need, kept by the thread that freed them.

    Sizes are rounded up to `granule`; what is larger than `largest` goes to the heap directly, and so does
    everything under AddressSanitizer, which could not see a use after free otherwise, and with GCC for Windows, whose
    run-time library gives back the memory of thread_local objects before their destructors run. Each thread keeps at most
    `most_kept` blocks of a size.
*/
class frame_memory
{
public:
    static constexpr std::size_t granule   = 64;
    static constexpr std::size_t largest   = 4096;
    static constexpr std::size_t most_kept = 256;

    static void* allocate(std::size_t size)
    {
#if defined(POSTHORN_KEEPS_FRAMES)
        if (size <= largest)
        {
            std::size_t const index = index_of(size);
            if (lists* l = mine(); l != nullptr)
            {
                auto& list = l->sizes[index];
                if (block* b = list.first; b != nullptr)
                {
                    list.first = b->next;
                    --list.count;
                    return b;
                }
            }
            return ::operator new((index + 1) * granule);
        }
#endif
        return ::operator new(size);
    }

    static void deallocate(void* memory, [[maybe_unused]] std::size_t size) noexcept
    {
#if defined(POSTHORN_KEEPS_FRAMES)
        if (size <= largest)
        {
            if (lists* l = mine(); l != nullptr)
            {
                auto& list = l->sizes[index_of(size)];
                if (list.count < most_kept)
                {
                    list.first = ::new (memory) block {list.first};
                    ++list.count;
                    return;
                }
            }
        }
#endif
        ::operator delete(memory);
    }

private:
    struct block
    {
        block* next;
    };
    struct list
    {
        block*      first = nullptr;
        std::size_t count = 0;
    };
    struct lists
    {
        std::array<list, largest / granule> sizes;
    };

    static constexpr std::size_t index_of(std::size_t size) noexcept
    {
        return size == 0 ? 0 : (size - 1) / granule;
    }

    // Frames can outlive the thread's own objects: statics that hold a task are destroyed after them.
    // The state is trivially destructible, so it can still be asked then.
    enum class stage : unsigned char { unused, live, gone };

    struct janitor
    {
        ~janitor()
        {
            state() = stage::gone;
            for (auto& list : storage().sizes)
                while (block* b = list.first)
                {
                    list.first = b->next;
                    ::operator delete(b);
                }
        }
    };

    static stage& state() noexcept
    {
        static thread_local stage s = stage::unused;
        return s;
    }

    static lists& storage() noexcept
    {
        static thread_local lists l;
        return l;
    }

    static lists* mine() noexcept
    {
        if (state() == stage::live)
            return &storage();
        return first_use();
    }

    POSTHORN_NOINLINE static lists* first_use() noexcept
    {
        if (state() == stage::gone)
            return nullptr;
        static thread_local janitor j;
        state() = stage::live;
        return &storage();
    }
};

/// An allocator on frame_memory, for the handlers of Asio operations.
template <class T>
class frame_allocator
{
public:
    using value_type = T;

    frame_allocator() noexcept = default;
    template <class U>
    frame_allocator(frame_allocator<U> const&) noexcept
    {
    }

    T*   allocate(std::size_t n) { return static_cast<T*>(frame_memory::allocate(n * sizeof(T))); }
    void deallocate(T* p, std::size_t n) noexcept { frame_memory::deallocate(p, n * sizeof(T)); }

    template <class U>
    friend bool operator==(frame_allocator const&, frame_allocator<U> const&) noexcept
    {
        return true;
    }
};

} // namespace posthorn::detail

#endif
