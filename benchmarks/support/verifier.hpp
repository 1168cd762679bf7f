//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Compares what arrives by DATA or BDAT with the message that is expected, octet by octet.

#ifndef POSTHORN_BENCHMARKS_SUPPORT_VERIFIER_HPP
#define POSTHORN_BENCHMARKS_SUPPORT_VERIFIER_HPP

#include "content.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace support {

class verifier
{
public:
    verifier(content const& expected, bool body_only) : expected_(&expected), body_only_(body_only) {}

    void begin() noexcept
    {
        at_    = 0;
        wrong_ = false;
        slow_  = body_only_;
        head_  = body_only_;
        where_ = place::line_begin;
    }

    /// What DATA brings, up to the final dot. @return How much belonged to it. @param end Set after the final dot.
    std::size_t data(std::string_view bytes, bool& end)
    {
        std::size_t used = 0;
        if (slow_)
            used = decode(bytes, end);
        while (!slow_ && !end && used != bytes.size())
        {
            auto const n = std::min(bytes.size() - used, expected_->wire.size() - at_);
            if (std::memcmp(expected_->wire.data() + at_, bytes.data() + used, n) == 0)
            {
                at_ += n;
                used += n;
                end = at_ == expected_->wire.size();
                continue;
            }
            // Not what was expected octet by octet: what it means decides, and where it ends.
            std::string_view const so_far(expected_->wire.data() + (body_only_ ? expected_->body_on_wire : 0),
                                          at_ - (body_only_ ? expected_->body_on_wire : 0));
            bool never = false;
            slow_      = true;
            where_     = place::line_begin;
            at_        = body_only_ ? expected_->body : 0;
            decode(so_far, never);
            used += decode(bytes.substr(used), end);
        }
        if (end && slow_)
            wrong_ = wrong_ || at_ != expected_->plain.size();
        return used;
    }

    /// A piece of a chunk of BDAT.
    void chunk(std::string_view bytes) noexcept
    {
        auto const left = expected_->plain.size() - at_;
        if (wrong_ || bytes.size() > left || std::memcmp(expected_->plain.data() + at_, bytes.data(), bytes.size()) != 0)
            wrong_ = true;
        else
            at_ += bytes.size();
    }

    /// After the last chunk.
    void last_chunk() noexcept { wrong_ = wrong_ || at_ != expected_->plain.size(); }

    bool wrong() const noexcept { return wrong_; }

private:
    enum class place : unsigned char
    {
        line_begin,
        middle,
        cr,
        dot,
        dot_cr
    };

    std::size_t decode(std::string_view bytes, bool& end)
    {
        for (std::size_t i = 0; i != bytes.size(); ++i)
        {
            char const c = bytes[i];
            switch (where_)
            {
            case place::line_begin:
                if (c == '.')
                    where_ = place::dot;
                else
                    put(c);
                break;
            case place::dot:
                if (c == '\r')
                    where_ = place::dot_cr;
                else
                    put(c);
                break;
            case place::dot_cr:
                if (c == '\n')
                {
                    end = true;
                    return i + 1;
                }
                put('\r');
                put(c);
                break;
            case place::cr:
                put(c);
                if (c == '\n')
                    where_ = place::line_begin;
                break;
            case place::middle: put(c); break;
            }
            if (head_ && where_ == place::line_begin)
            {
                bool const empty = line_ <= 2;
                line_            = 0;
                if (empty) // the body follows, which can be compared at once
                {
                    head_ = false;
                    slow_ = false;
                    at_   = expected_->body_on_wire;
                    return i + 1;
                }
            }
        }
        return bytes.size();
    }

    void put(char c) noexcept
    {
        where_ = c == '\r' ? place::cr : place::middle;
        if (head_)
            ++line_;
        else if (at_ != expected_->plain.size() && expected_->plain[at_] == c)
            ++at_;
        else
            wrong_ = true;
    }

    content const* expected_;
    std::size_t             at_    = 0; ///< In the wire form; if slow_, or in chunks, in the plain form.
    std::size_t             line_  = 0; ///< Octets of a line of the header section.
    place                   where_ = place::line_begin;
    bool                    body_only_;
    bool                    wrong_ = false;
    bool                    slow_  = false;
    bool                    head_  = false; ///< Still in the header section, which may be anything.
};

} // namespace support

#endif
