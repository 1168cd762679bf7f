//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How often this thread took memory from the heap: the replaced operators stand in tests/coro/allocations.cpp, once
// for the whole test program.

#ifndef POSTHORN_TESTS_SUPPORT_ALLOCATIONS_HPP
#define POSTHORN_TESTS_SUPPORT_ALLOCATIONS_HPP

#include <posthorn/core/config.hpp>

#include <cstddef>

// Sanitizers bring an allocator of their own, and frames are not recycled under AddressSanitizer.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define POSTHORN_TESTS_HAVE_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define POSTHORN_TESTS_HAVE_TSAN 1
#endif
#if !defined(POSTHORN_HAS_ASAN) && !defined(POSTHORN_TESTS_HAVE_TSAN)
#define POSTHORN_TESTS_COUNT_ALLOCATIONS 1
#endif

namespace support {

/// How often this thread has called operator new. Always 0 under sanitizers.
std::size_t allocations() noexcept;

/// From now on so many calls of operator new by this thread succeed, and then none; negative: all. Without effect under
/// sanitizers.
void grant_allocations(std::ptrdiff_t n) noexcept;

/// How often this thread has called std::aligned_alloc, where Asio gets the memory that it recycles by itself.
/// Always 0 under sanitizers and without glibc.
std::size_t aligned_allocations() noexcept;

} // namespace support

#endif
