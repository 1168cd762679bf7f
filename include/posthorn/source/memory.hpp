//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Message sources in memory: a view of bytes kept by the caller, or a string of their own.

#ifndef POSTHORN_SOURCE_MEMORY_HPP
#define POSTHORN_SOURCE_MEMORY_HPP

#include <posthorn/source/source.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn {

/// Bytes that stay valid and unchanged while the source is in use; they are not copied.
class memory_source final : public source
{
public:
    explicit memory_source(std::string_view bytes) noexcept : bytes_(bytes) {}

    task<std::string_view> next() override
    {
        std::string_view const block = given_ ? std::string_view() : bytes_;
        given_                       = true;
        co_return block;
    }

    std::optional<std::uint64_t>    size() const override { return bytes_.size(); }
    std::optional<std::string_view> contiguous() const override { return bytes_; }
    bool                            rewindable() const override { return true; }

    task<void> rewind() override
    {
        given_ = false;
        co_return;
    }

private:
    std::string_view bytes_;
    bool             given_ = false;
};

/// Bytes owned by the source.
class string_source final : public source
{
public:
    explicit string_source(std::string bytes) noexcept : bytes_(std::move(bytes)) {}

    task<std::string_view> next() override
    {
        std::string_view const block = given_ ? std::string_view() : std::string_view(bytes_);
        given_                       = true;
        co_return block;
    }

    std::optional<std::uint64_t>    size() const override { return bytes_.size(); }
    std::optional<std::string_view> contiguous() const override { return bytes_; }
    bool                            rewindable() const override { return true; }

    task<void> rewind() override
    {
        given_ = false;
        co_return;
    }

private:
    std::string bytes_;
    bool        given_ = false;
};

} // namespace posthorn

#endif
