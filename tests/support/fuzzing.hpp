//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What fuzz targets share: a property that ends the run if it does not hold, and input in memory of its own.

#ifndef POSTHORN_TESTS_SUPPORT_FUZZING_HPP
#define POSTHORN_TESTS_SUPPORT_FUZZING_HPP

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace support {

inline void require(bool property)
{
    if (!property)
        std::abort();
}

/// A copy in memory of exactly its size: AddressSanitizer notices who reads beyond it.
class exact_copy
{
public:
    explicit exact_copy(std::string_view text) : octets_(new char[text.size()]), size_(text.size())
    {
        std::memcpy(octets_.get(), text.data(), text.size());
    }

    std::string_view view() const noexcept { return {octets_.get(), size_}; }

private:
    std::unique_ptr<char[]> octets_;
    std::size_t             size_;
};

} // namespace support

#endif
