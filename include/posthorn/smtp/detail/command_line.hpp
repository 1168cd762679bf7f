//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Building one command line in place, and what its parts may consist of.

#ifndef POSTHORN_SMTP_DETAIL_COMMAND_LINE_HPP
#define POSTHORN_SMTP_DETAIL_COMMAND_LINE_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/core/config.hpp>
#include <posthorn/smtp/domain.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace posthorn::smtp {

namespace detail {

/// Builds one line in the free room of a buffer; nothing is readable there before commit().
class line_builder
{
public:
    /// @param bound No line will be longer; CRLF excluded.
    line_builder(byte_buffer& out, std::size_t bound) : out_(&out), room_(out.prepare(bound + 2)) {}

    void push_back(char c) noexcept
    {
        POSTHORN_ASSERT(size_ + 2 < room_.size());
        room_[size_++] = c;
    }

    void append(std::string_view text) noexcept
    {
        POSTHORN_ASSERT(text.size() + size_ + 2 <= room_.size());
        if (!text.empty())
            std::memcpy(room_.data() + size_, text.data(), text.size());
        size_ += text.size();
    }

    void append_number(std::uint64_t value) noexcept
    {
        char        digits[20];
        std::size_t n = sizeof digits;
        do
        {
            digits[--n] = static_cast<char>('0' + value % 10);
            value /= 10;
        } while (value != 0);
        append({digits + n, sizeof digits - n});
    }

    void append_base64(std::string_view octets) noexcept
    {
        POSTHORN_ASSERT(codec::base64_encoded_size(octets.size()) + size_ + 2 <= room_.size());
        char* const begin = room_.data() + size_;
        size_ += static_cast<std::size_t>(codec::base64_encode_to(octets, begin) - begin);
    }

    /// The line so far.
    std::string_view line() const noexcept { return {room_.data(), size_}; }

    /// Ends the line and makes it readable. @return Its size with CRLF.
    std::size_t commit() noexcept
    {
        room_[size_++] = '\r';
        room_[size_++] = '\n';
        out_->commit(size_);
        return size_;
    }

private:
    byte_buffer*    out_;
    std::span<char> room_;
    std::size_t     size_ = 0;
};

/// An attribute of XCLIENT or XFORWARD, a parameter keyword: letters, digits, inner hyphens.
constexpr bool is_keyword(std::string_view s) noexcept
{
    if (s.empty() || !ascii::is_alnum(s[0]))
        return false;
    for (char const c : s)
        if (!ascii::is_alnum(c) && c != '-')
            return false;
    return true;
}

/// Is it UTF-8 without C1 controls?
constexpr bool is_clean_utf8(std::string_view s) noexcept
{
    while (!s.empty())
    {
        std::size_t const n = ascii::is_eight_bit(s[0]) ? utf8_non_ascii(s) : 1;
        if (n == 0)
            return false;
        s.remove_prefix(n);
    }
    return true;
}

} // namespace detail

} // namespace posthorn::smtp

#endif
