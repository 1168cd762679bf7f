//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// One line on the terminal that shows how much of the content has left.

#ifndef POSTHORN_EXAMPLES_SEND_PROGRESS_BAR_HPP
#define POSTHORN_EXAMPLES_SEND_PROGRESS_BAR_HPP

#include <posthorn/smtp/event.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

namespace tool {

/// The destructor takes the line away.
class progress_bar
{
public:
    /// @param messages How many will be sent.
    explicit progress_bar(std::size_t messages) : messages_(messages) {}
    progress_bar(progress_bar const&)            = delete;
    progress_bar& operator=(progress_bar const&) = delete;
    ~progress_bar() { clear(); }

    void advance(posthorn::smtp::events::progress const& p)
    {
        done_ += p.increment;
        if (p.total)
            total_ = *p.total * messages_;
        auto const now = std::chrono::steady_clock::now();
        if (shown_ && now - *shown_ < std::chrono::milliseconds(100))
            return;
        shown_                 = now;
        std::string const line = text();
        std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
        std::fflush(stderr);
    }

    void clear()
    {
        if (!shown_)
            return;
        std::fputs("\r\x1b[K", stderr);
        std::fflush(stderr);
        shown_.reset();
    }

private:
    std::string text() const
    {
        if (!total_ || *total_ == 0)
            return std::to_string(done_ / 1024) + " KiB sent";
        constexpr std::size_t width = 40;
        auto const            part  = std::min(1.0, static_cast<double>(done_) /
                                                        static_cast<double>(*total_)); // line ends may add some
        auto const            full  = static_cast<std::size_t>(part * width);
        return '[' + std::string(full, '#') + std::string(width - full, '.') + "] " +
               std::to_string(static_cast<int>(part * 100)) + "% of " + std::to_string(*total_ / 1024) +
               " KiB";
    }

    std::size_t                                          messages_;
    std::uint64_t                                        done_ = 0;
    std::optional<std::uint64_t>                         total_;
    std::optional<std::chrono::steady_clock::time_point> shown_;
};

} // namespace tool

#endif
