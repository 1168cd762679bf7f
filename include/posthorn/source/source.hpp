//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// source: where the bytes of a message or request body come from, block by block.

#ifndef POSTHORN_SOURCE_SOURCE_HPP
#define POSTHORN_SOURCE_SOURCE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace posthorn {

/** A sequence of bytes that is pulled while it is sent, so that memory does not grow with the message.

    @par Thread safety
    One task at a time. A source that several messages share at once must be one per message.
*/
class source
{
public:
    virtual ~source() = default;

    /** The next block, empty at the end. Valid until the next call of any member.

        @throws Whatever reading can throw; the message is then not sent.
    */
    virtual task<std::string_view> next() = 0;

    /// How many bytes it gives in all, if that is known before reading.
    virtual std::optional<std::uint64_t> size() const { return std::nullopt; }

    /// All bytes at once, if they are in memory: they are then sent without copying and next() is not called.
    virtual std::optional<std::string_view> contiguous() const { return std::nullopt; }

    /// Can it start again? Only then can a message be sent a second time, after a connection failed.
    virtual bool rewindable() const { return false; }

    /// Starts again from the first byte. @pre rewindable()
    virtual task<void> rewind() = 0;

protected:
    source()                         = default;
    source(source const&)            = default;
    source& operator=(source const&) = default;
};

} // namespace posthorn

#endif
