//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Message source fed by an async generator of strings.

#ifndef POSTHORN_SOURCE_GENERATOR_HPP
#define POSTHORN_SOURCE_GENERATOR_HPP

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/source/source.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn {

/// Whatever a coroutine yields. It cannot start again, so such a message is never sent a second time.
class generator_source final : public source
{
public:
    /// @param size The number of bytes in all, if known.
    explicit generator_source(async_generator<std::string> blocks, std::optional<std::uint64_t> size = {})
        : blocks_(std::move(blocks)), size_(size)
    {
    }

    task<std::string_view> next() override
    {
        for (;;) // an empty block is not the end
        {
            auto block = co_await blocks_.next();
            current_   = block ? std::move(*block) : std::string();
            if (!block || !current_.empty())
                break;
        }
        co_return current_;
    }

    std::optional<std::uint64_t> size() const override { return size_; }

    task<void> rewind() override
    {
        throw error(errc::unsupported, "a generator cannot start again");
        co_return;
    }

private:
    async_generator<std::string>  blocks_;
    std::optional<std::uint64_t> size_;
    std::string                  current_;
};

} // namespace posthorn

#endif
