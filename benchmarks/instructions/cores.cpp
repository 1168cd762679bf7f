//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Runs each core a fixed number of times under callgrind, which writes one dump for each of them. Started by
// ../instructions.py.

#include "../micro/core_work.hpp"

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>

#include <valgrind/callgrind.h>

#include <cstddef>
#include <cstdio>

namespace {

constexpr std::size_t rounds = 200;

/// Counts `rounds` calls, after some that bring memory to its size. @return A sum nobody needs, so that nothing is left out.
template <class Work>
std::size_t count(char const* name, Work work)
{
    std::size_t sum = 0;
    for (int i = 0; i != 3; ++i)
        sum += work();
    CALLGRIND_ZERO_STATS;
    for (std::size_t i = 0; i != rounds; ++i)
        sum += work();
    CALLGRIND_DUMP_STATS_AT(name);
    return sum;
}

posthorn::task<std::size_t> one() { co_return 1; }

posthorn::task<std::size_t> calls(std::size_t n)
{
    std::size_t sum = 0;
    for (std::size_t i = 0; i != n; ++i)
    {
        auto const x = co_await one();
        sum += x;
    }
    co_return sum;
}

} // namespace

int main()
{
    std::size_t sum = 0;
    sum += count("content_clean_10k", core_work::encoding(10'240, core_work::clean_line));
    sum += count("content_dotted_10k", core_work::encoding(10'240, core_work::dotted_line));
    sum += count("content_bare_lf_10k", core_work::encoding(10'240, core_work::bare_line));
    sum += count("replies_5", core_work::replies());
    sum += count("reply_12_lines", core_work::long_reply());
    sum += count("capabilities", core_work::reading_capabilities());
    sum += count("transaction_3_recipients", core_work::transaction());
    sum += count("base64_encode_10k", core_work::base64_encoding(10'240));
    sum += count("base64_decode_10k", core_work::base64_decoding(10'240));
    sum += count("task_calls_100", [] { return posthorn::sync_wait(calls(100)); });
    std::printf("%zu rounds, %zu\n", rounds, sum);
}
