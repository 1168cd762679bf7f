//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Octets to be written together: references to long runs, short ones gathered in a scratch area.

#ifndef POSTHORN_SMTP_GATHER_LIST_HPP
#define POSTHORN_SMTP_GATHER_LIST_HPP

#include <posthorn/core/config.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::smtp {

/** A bounded list of slices for one gathered write.

    Long runs are referenced, so their memory must stay until the write is done. Runs of up to `short_run`
    octets are copied behind each other into the scratch area, which costs less than a slice of their own. The
    scratch area is allocated at its first use and kept: clean content, which needs none, never pays for it.
*/
class gather_list
{
public:
    static constexpr std::size_t max_slices = 252; ///< Below the 256 that net::stream hands to one system call.
    static constexpr std::size_t short_run  = 512;

    explicit gather_list(std::size_t scratch_size = 16 * 1024) noexcept : scratch_size_(scratch_size) {}

    gather_list(gather_list&& other) noexcept
        : slices_(std::move(other.slices_)), scratch_(std::move(other.scratch_)), scratch_size_(other.scratch_size_),
          scratch_used_(std::exchange(other.scratch_used_, 0)), count_(std::exchange(other.count_, 0)),
          size_(std::exchange(other.size_, 0))
    {
    }
    gather_list& operator=(gather_list&& other) noexcept
    {
        slices_       = std::move(other.slices_);
        other.slices_.clear();
        scratch_      = std::move(other.scratch_);
        scratch_size_ = other.scratch_size_;
        scratch_used_ = std::exchange(other.scratch_used_, 0);
        count_        = std::exchange(other.count_, 0);
        size_         = std::exchange(other.size_, 0);
        return *this;
    }

    /// What to write, in order. Valid until clear() or the next add().
    std::span<std::string_view const> slices() const noexcept { return {slices_.data(), count_}; }

    /// Octets of all slices.
    std::size_t size() const noexcept { return size_; }
    bool        empty() const noexcept { return size_ == 0; }

    /// Slices that can be added for certain; more octets may fit if they are short.
    std::size_t room() const noexcept { return max_slices - count_; }

    /// Octets that can be added as short runs for certain.
    std::size_t scratch_room() const noexcept { return scratch_size_ - scratch_used_; }

    /// Is any of the slices in the scratch area?
    bool uses_scratch() const noexcept { return scratch_used_ != 0; }

    /// Appends octets that stay where they are until they are written. @pre room() != 0
    void add(std::string_view run)
    {
        if (run.empty())
            return;
        size_ += run.size();
        if (run.size() <= short_run && run.size() <= scratch_size_ - scratch_used_)
        {
            if (!scratch_)
                scratch_.reset(new char[scratch_size_]);
            char* const to = scratch_.get() + scratch_used_;
            std::memcpy(to, run.data(), run.size());
            scratch_used_ += run.size();
            if (count_ != 0 && slices_[count_ - 1].data() + slices_[count_ - 1].size() == to &&
                last_is_scratch_)
                slices_[count_ - 1] = {slices_[count_ - 1].data(), slices_[count_ - 1].size() + run.size()};
            else
                push({to, run.size()}, true);
        }
        else
            push(run, false);
    }

    /// Forgets the slices and keeps the scratch memory.
    void clear() noexcept
    {
        count_ = size_ = scratch_used_ = 0;
        last_is_scratch_ = false;
    }

private:
    void push(std::string_view slice, bool is_scratch)
    {
        POSTHORN_ASSERT(count_ < max_slices);
        if (count_ == slices_.size())
            slices_.resize(std::min(max_slices, std::max<std::size_t>(2 * count_, 16)));
        slices_[count_++] = slice;
        last_is_scratch_  = is_scratch;
    }

    std::vector<std::string_view> slices_; ///< As long as was ever needed.
    std::unique_ptr<char[]>       scratch_;
    std::size_t                   scratch_size_;
    std::size_t                   scratch_used_    = 0;
    std::size_t                   count_           = 0;
    std::size_t                   size_            = 0;
    bool                          last_is_scratch_ = false;
};

} // namespace posthorn::smtp

#endif
