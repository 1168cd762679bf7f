//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Strings that hold credentials: wiped when they go, never printed.

#ifndef POSTHORN_CORE_SECRET_HPP
#define POSTHORN_CORE_SECRET_HPP

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn {

/// Overwrites memory in a way the optimiser may not drop.
inline void secure_wipe(void* data, std::size_t size) noexcept
{
    if (size == 0)
        return;
    std::memset(data, 0, size);
#if defined(__GNUC__)
    asm volatile("" : : "r"(data) : "memory");
#else
    for (auto p = static_cast<unsigned char volatile*>(data); size-- != 0; ++p)
        *p = 0;
#endif
}

/** A string whose memory is wiped on destruction, assignment and growth.

    It converts from any text, and to none: reading it takes a visible call of view().
    Thread-safe like std::string.
*/
class secret_string
{
public:
    secret_string() noexcept = default;
    secret_string(std::string_view text) { append(text); }
    secret_string(char const* text) : secret_string(std::string_view(text)) {}
    secret_string(std::string const& text) : secret_string(std::string_view(text)) {}
    secret_string(secret_string const& other) : secret_string(other.view()) {}
    secret_string(secret_string&& other) noexcept
        : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0))
    {
    }
    secret_string& operator=(secret_string const& other)
    {
        if (this != &other)
            *this = secret_string(other);
        return *this;
    }
    secret_string& operator=(secret_string&& other) noexcept
    {
        if (this != &other)
        {
            clear();
            data_     = std::move(other.data_);
            size_     = std::exchange(other.size_, 0);
            capacity_ = std::exchange(other.capacity_, 0);
        }
        return *this;
    }
    ~secret_string() { clear(); }

    /// The text; valid until the next change.
    std::string_view view() const noexcept { return {data_.get(), size_}; }

    bool        empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    /// Adds text at the end. On growth the old memory is wiped.
    void append(std::string_view text)
    {
        if (size_ + text.size() > capacity_)
        {
            std::size_t const wanted = (size_ + text.size()) * 2;
            auto              fresh  = std::make_unique<char[]>(wanted);
            if (size_ != 0)
                std::memcpy(fresh.get(), data_.get(), size_);
            if (!text.empty()) // before the wipe: `text` may be part of this string
                std::memcpy(fresh.get() + size_, text.data(), text.size());
            secure_wipe(data_.get(), size_);
            data_     = std::move(fresh);
            capacity_ = wanted;
        }
        else if (!text.empty())
            std::memmove(data_.get() + size_, text.data(), text.size());
        size_ += text.size();
    }

    void push_back(char c) { append({&c, 1}); }

    /// Wipes and releases the memory.
    void clear() noexcept
    {
        secure_wipe(data_.get(), size_);
        data_.reset();
        size_ = capacity_ = 0;
    }

    friend bool operator==(secret_string const& a, secret_string const& b) noexcept
    {
        // Takes the same time wherever the first difference is.
        unsigned char differ = a.size_ == b.size_ ? 0 : 1;
        for (std::size_t i = 0; i < a.size_ && i < b.size_; ++i)
            differ = static_cast<unsigned char>(differ | (a.data_[i] ^ b.data_[i]));
        return differ == 0;
    }

private:
    std::unique_ptr<char[]> data_;
    std::size_t             size_     = 0;
    std::size_t             capacity_ = 0;
};

} // namespace posthorn

#endif
