//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A byte queue in one piece of memory: filled at the end by reads, drained at the front by parsers.

#ifndef POSTHORN_CORE_BUFFER_HPP
#define POSTHORN_CORE_BUFFER_HPP

#include <posthorn/core/config.hpp>
#include <posthorn/core/secret.hpp>

#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace posthorn {

/** Bytes waiting between a stream and a core.

    prepare() gives room, commit() makes written room readable, consume() drops what was read.
    Nothing is freed until release() or destruction, so a steady flow allocates nothing.
    Thread-safe like std::string.
*/
class byte_buffer
{
public:
    byte_buffer() noexcept = default;
    byte_buffer(byte_buffer&& other) noexcept
        : data_(std::move(other.data_)), capacity_(std::exchange(other.capacity_, 0)),
          begin_(std::exchange(other.begin_, 0)), end_(std::exchange(other.end_, 0))
    {
    }
    byte_buffer& operator=(byte_buffer&& other) noexcept
    {
        data_     = std::move(other.data_);
        capacity_ = std::exchange(other.capacity_, 0);
        begin_    = std::exchange(other.begin_, 0);
        end_      = std::exchange(other.end_, 0);
        return *this;
    }

    /// The readable bytes; valid until the next prepare(), append() or release().
    std::string_view data() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
    std::size_t      size() const noexcept { return end_ - begin_; }
    bool             empty() const noexcept { return begin_ == end_; }
    std::size_t      capacity() const noexcept { return capacity_; }

    /// Room for at least `size` more bytes, and all the room there is. Invalidates data().
    std::span<char> prepare(std::size_t size)
    {
        if (capacity_ - end_ < size)
            make_room(size);
        return {data_.get() + end_, capacity_ - end_};
    }

    /// Makes the first `size` bytes of the room given by prepare() readable.
    void commit(std::size_t size) noexcept
    {
        POSTHORN_ASSERT(size <= capacity_ - end_);
        end_ += size;
    }

    /// Drops `size` bytes from the front. @pre size <= this->size()
    void consume(std::size_t size) noexcept
    {
        POSTHORN_ASSERT(size <= this->size());
        begin_ += size;
        if (begin_ == end_)
            begin_ = end_ = 0;
    }

    void append(std::string_view bytes)
    {
        if (bytes.empty())
            return;
        auto const room = prepare(bytes.size());
        std::memcpy(room.data(), bytes.data(), bytes.size());
        commit(bytes.size());
    }

    void clear() noexcept { begin_ = end_ = 0; }

    /// Overwrites everything that was ever stored, readable or not: after credentials passed through.
    void wipe() noexcept
    {
        secure_wipe(data_.get(), capacity_);
        clear();
    }

    /// Overwrites what is readable and drops it: enough where nothing was consumed since the buffer was empty.
    void wipe_content() noexcept
    {
        secure_wipe(data_.get() + begin_, size());
        clear();
    }

    /// Gives the memory back. @pre empty()
    void release() noexcept
    {
        data_.reset();
        capacity_ = begin_ = end_ = 0;
    }

private:
    void make_room(std::size_t size)
    {
        std::size_t const used = end_ - begin_;
        if (capacity_ - used >= size && begin_ >= used)
        {
            if (used != 0)
                std::memcpy(data_.get(), data_.get() + begin_, used);
        }
        else
        {
            if (size > std::numeric_limits<std::size_t>::max() / 4 - used)
                throw std::length_error("posthorn::byte_buffer");
            std::size_t wanted = capacity_ == 0 ? 512 : capacity_;
            while (wanted - used < size)
                wanted *= 2;
            std::unique_ptr<char[]> fresh(new char[wanted]);
            if (used != 0)
                std::memcpy(fresh.get(), data_.get() + begin_, used);
            secure_wipe(data_.get(), capacity_); // no copy may be left behind, see wipe()
            data_     = std::move(fresh);
            capacity_ = wanted;
        }
        begin_ = 0;
        end_   = used;
    }

    std::unique_ptr<char[]> data_;
    std::size_t             capacity_ = 0;
    std::size_t             begin_    = 0;
    std::size_t             end_      = 0;
};

} // namespace posthorn

#endif
