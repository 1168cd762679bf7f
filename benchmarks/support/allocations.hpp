//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Counts what a program takes from the heap by operator new; nothing under sanitizers, which bring an allocator of their own. To
// be included by one file of a program.

#ifndef POSTHORN_BENCHMARKS_SUPPORT_ALLOCATIONS_HPP
#define POSTHORN_BENCHMARKS_SUPPORT_ALLOCATIONS_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace support {

inline std::uint64_t counted_allocations = 0; // of one thread or few: what is lost to races does not matter

inline void* allocate(std::size_t size)
{
    ++counted_allocations;
    void* const p = std::malloc(size == 0 ? 1 : size);
    if (p == nullptr)
        throw std::bad_alloc();
    return p;
}

inline void* allocate(std::size_t size, std::align_val_t alignment)
{
    ++counted_allocations;
    auto const  a = static_cast<std::size_t>(alignment);
    void* const p = std::aligned_alloc(a, (size + a - 1) / a * a);
    if (p == nullptr)
        throw std::bad_alloc();
    return p;
}

/// Not inlined: compilers that saw std::free() would think that it does not belong to operator new.
[[gnu::noinline]] inline void release(void* p) noexcept
{
    std::free(p);
}

} // namespace support

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

void* operator new(std::size_t size) { return support::allocate(size); }
void* operator new[](std::size_t size) { return support::allocate(size); }
void* operator new(std::size_t size, std::align_val_t a) { return support::allocate(size, a); }
void* operator new[](std::size_t size, std::align_val_t a) { return support::allocate(size, a); }
void  operator delete(void* p) noexcept { support::release(p); }
void  operator delete[](void* p) noexcept { support::release(p); }
void  operator delete(void* p, std::size_t) noexcept { support::release(p); }
void  operator delete[](void* p, std::size_t) noexcept { support::release(p); }
void  operator delete(void* p, std::align_val_t) noexcept { support::release(p); }
void  operator delete[](void* p, std::align_val_t) noexcept { support::release(p); }
void  operator delete(void* p, std::size_t, std::align_val_t) noexcept { support::release(p); }
void  operator delete[](void* p, std::size_t, std::align_val_t) noexcept { support::release(p); }

#endif

#endif
