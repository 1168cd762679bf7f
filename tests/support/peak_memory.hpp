//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How much memory the process takes at the most, from some moment on.

#ifndef POSTHORN_TESTS_SUPPORT_PEAK_MEMORY_HPP
#define POSTHORN_TESTS_SUPPORT_PEAK_MEMORY_HPP

#include <posthorn/core/config.hpp>

#include <support/allocations.hpp>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace support {

/// Measures from its construction on. Sanitizers keep what was freed, so that under them grown() means nothing.
class peak_memory
{
public:
    peak_memory()
    {
        // Sets the high-water mark to what is in use now. Where that is not allowed, as much is used as ever was, lest what
        // another test has taken hides what is measured.
        std::ofstream("/proc/self/clear_refs") << "5\n";
        begin_             = read("VmRSS:");
        std::size_t const high = read("VmHWM:");
        if (high > begin_ + (std::size_t(256) << 10))
        {
            ballast_.assign(high - begin_, 'x');
            begin_ = read("VmRSS:");
        }
        if (begin_ == 0)
            throw std::runtime_error("the system does not tell how much memory a process takes");
    }

#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS)
    static constexpr bool meaningful = true;
#else
    static constexpr bool meaningful = false;
#endif

    /// Octets by which the peak exceeds what was in use at the beginning.
    std::size_t grown() const { return read("VmHWM:") - std::min(begin_, read("VmHWM:")); }

    /// Is the peak within `most` octets? Always, where it cannot be measured.
    bool within(std::size_t most) const { return !meaningful || grown() <= most; }

private:
    static std::size_t read(std::string const& what)
    {
        std::ifstream status("/proc/self/status");
        std::string   word;
        while (status >> word)
        {
            std::size_t kib = 0;
            if (word == what && status >> kib)
                return kib * 1024;
        }
        return 0;
    }

    std::vector<char> ballast_;
    std::size_t       begin_ = 0;
};

} // namespace support

#endif
