//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a run of a load generator cost, and the line of JSON that tells it.

#ifndef POSTHORN_BENCHMARKS_SUPPORT_FIGURES_HPP
#define POSTHORN_BENCHMARKS_SUPPORT_FIGURES_HPP

#include "allocations.hpp"
#include "system_calls.hpp"

#include <sys/resource.h>
#include <sys/time.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace support {

/// A line of /proc/self/status that is in KiB; 0 if there is none. @param name With its colon.
inline std::size_t status_kib(std::string_view name)
{
    std::ifstream status("/proc/self/status");
    std::string   word;
    std::size_t   kib = 0;
    while (status >> word)
        if (word == name && status >> kib)
            return kib;
    return 0;
}

/// Memory of this process now, in KiB.
inline std::size_t resident_kib() { return status_kib("VmRSS:"); }

/// The most that it ever was. ru_maxrss would be that of the parent as well, up to exec.
inline std::size_t peak_kib() { return status_kib("VmHWM:"); }

/// More descriptors than a shell usually allows.
inline void raise_file_limit()
{
    rlimit most {};
    if (getrlimit(RLIMIT_NOFILE, &most) == 0)
    {
        most.rlim_cur = most.rlim_max;
        setrlimit(RLIMIT_NOFILE, &most);
    }
}

/// From the first connection to the last reply.
class figures
{
public:
    void start()
    {
        calls_       = counted_calls;
        allocations_ = counted_allocations;
        cpu_         = cpu_now();
        begin_       = std::chrono::steady_clock::now();
    }

    void stop()
    {
        seconds_     = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
        cpu_         = cpu_now() - cpu_;
        allocations_ = counted_allocations - allocations_;
        calls_       = difference(counted_calls, calls_);
    }

    /// @param session_kib Of memory, for each connection; where that was measured.
    void print(std::size_t messages, std::optional<double> session_kib) const
    {
        double const n = messages == 0 ? 1 : static_cast<double>(messages);
        std::printf("{\"messages\": %zu, \"seconds\": %.6f, \"messages_per_second\": %.1f, \"cpu_us_per_message\": %.3f, "
                    "\"peak_rss_kib\": %zu, ",
                    messages, seconds_, static_cast<double>(messages) / seconds_, cpu_ * 1e6 / n, peak_kib());
        std::printf("\"round_trips_per_message\": %.4f, \"writes_per_message\": %.4f, \"reads_per_message\": %.4f, \"allocations_per_message\": %.4f, "
                    "\"waits_per_message\": %.4f, \"epoll_changes_per_message\": %.4f, \"timer_changes_per_message\": %.4f, ",
                    per(calls_.flights, n), per(calls_.writes, n), per(calls_.reads, n), per(allocations_, n), per(calls_.waits, n),
                    per(calls_.changes, n), per(calls_.timers, n));
        print("session_kib", session_kib);
        std::printf("\"cpu_seconds\": %.6f}\n", cpu_);
        std::fflush(stdout);
    }

private:
    static void print(char const* name, std::optional<double> value)
    {
        if (value)
            std::printf("\"%s\": %.4f, ", name, *value);
        else
            std::printf("\"%s\": null, ", name);
    }

    static double per(std::uint64_t count, double n) { return static_cast<double>(count) / n; }

    static double cpu_now()
    {
        rusage now {};
        getrusage(RUSAGE_SELF, &now);
        auto const seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
        return seconds(now.ru_utime) + seconds(now.ru_stime);
    }

    static system_calls difference(system_calls a, system_calls const& b)
    {
        a.writes -= b.writes;
        a.reads -= b.reads;
        a.waits -= b.waits;
        a.changes -= b.changes;
        a.timers -= b.timers;
        a.flights -= b.flights;
        return a;
    }

    std::chrono::steady_clock::time_point begin_;
    double                                seconds_     = 0;
    double                                cpu_         = 0;
    std::uint64_t                         allocations_ = 0;
    system_calls                          calls_;
};

} // namespace support

#endif
