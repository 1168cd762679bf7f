//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the compiler and the build can do: checks, sanitizer detection, the assertion macro.

#ifndef POSTHORN_CORE_CONFIG_HPP
#define POSTHORN_CORE_CONFIG_HPP

#include <posthorn/core/version.hpp>

#include <cassert>
#include <version>

#if !defined(__cpp_impl_coroutine)
#error "posthorn needs C++20 coroutines: compile with -std=c++20 (g++ 12, clang 19 or newer)"
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POSTHORN_HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define POSTHORN_HAS_ASAN 1
#endif

/// Checks a precondition; redefine it before the first include to use another handler.
#ifndef POSTHORN_ASSERT
#define POSTHORN_ASSERT(condition) assert(condition)
#endif

/// Keeps a function out of line, where inlining would cost speed or confuse a compiler's flow analysis.
#if defined(__GNUC__)
#define POSTHORN_NOINLINE __attribute__((noinline))
#else
#define POSTHORN_NOINLINE
#endif

#endif
