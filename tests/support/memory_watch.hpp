//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Looks for a secret in memory that is freed. Freed memory cannot be looked at, but AddressSanitizer tells before.

#ifndef POSTHORN_TESTS_SUPPORT_MEMORY_WATCH_HPP
#define POSTHORN_TESTS_SUPPORT_MEMORY_WATCH_HPP

#include <posthorn/core/config.hpp>

#if defined(POSTHORN_HAS_ASAN)

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#if __has_include(<sanitizer/allocator_interface.h>)
#include <sanitizer/allocator_interface.h>
#else // g++ has the functions, but not their header
extern "C" {
std::size_t __sanitizer_get_allocated_size(void const volatile*);
int         __sanitizer_install_malloc_and_free_hooks(void (*)(void const volatile*, std::size_t),
                                                      void (*)(void const volatile*));
}
#endif

namespace support {

/// No part of it is a part of a word: "directory" would be found in a passphrase that has "correct" in it.
inline constexpr std::string_view needle = "xQ7zVk9-Wj3Y_hZ8u%Gw5Lq";

struct watch
{
    std::size_t              freed  = 0;
    std::size_t              leaked = 0; ///< Blocks that were freed with a part of a needle inside.
    std::vector<std::string> needles;    ///< Texts to look for; parts of 4 octets of the first one, the others whole.
};

namespace detail {

inline thread_local watch* active = nullptr;

inline void on_free(void const volatile* memory)
{
    if (active == nullptr || memory == nullptr)
        return;
    watch& w = *active;
    active   = nullptr; // what is freed by the way is not of interest
    void const* const      block = const_cast<void const*>(memory);
    std::string_view const all(static_cast<char const*>(block), __sanitizer_get_allocated_size(block));
    ++w.freed;
    bool found = false;
    for (std::size_t n = 0; n != w.needles.size() && !found; ++n)
    {
        std::string_view const one  = w.needles[n];
        std::size_t const      part = n == 0 ? 4 : one.size();
        for (std::size_t i = 0; i + part <= one.size() && !found; ++i)
            found = all.find(one.substr(i, part)) != all.npos;
    }
    w.leaked += found ? 1 : 0;
    active = &w;
}

inline bool install()
{
    auto const       ignore = [](void const volatile*, std::size_t) {};
    static int const done   = __sanitizer_install_malloc_and_free_hooks(ignore, on_free);
    return done != 0;
}

} // namespace detail

/// Watches what `f` frees in this thread. @param needles Other forms of the secret, looked for as a whole.
template <class F>
watch watched(F f, std::vector<std::string> needles = {})
{
    REQUIRE(detail::install());
    watch w;
    w.needles = std::move(needles);
    w.needles.insert(w.needles.begin(), std::string(needle));
    detail::active = &w;
    f();
    detail::active = nullptr;
    return w;
}

} // namespace support

#endif

#endif
