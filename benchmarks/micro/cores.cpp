//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the cores of SMTP cost for each message: parsing replies, encoding content, spelling commands.

#include "core_work.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace {

template <class Work>
void repeat(benchmark::State& state, Work work, std::int64_t octets = 0)
{
    for (auto _ : state)
    {
        auto result = work();
        benchmark::DoNotOptimize(result);
        benchmark::ClobberMemory();
    }
    if (octets != 0)
        state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * octets);
}

void encode(benchmark::State& state, std::string_view line)
{
    core_work::encoding work(static_cast<std::size_t>(state.range(0)), line);
    auto const          octets = static_cast<std::int64_t>(work.size());
    repeat(state, std::move(work), octets);
}

void content_clean(benchmark::State& state) { encode(state, core_work::clean_line); }
void content_dotted(benchmark::State& state) { encode(state, core_work::dotted_line); }
void content_bare_lf(benchmark::State& state) { encode(state, core_work::bare_line); }

/// The least any encoder that copies must cost.
void memory_copy(benchmark::State& state)
{
    std::string const text = core_work::text_of(static_cast<std::size_t>(state.range(0)), core_work::clean_line);
    std::string       to(text.size(), '\0');
    for (auto _ : state)
    {
        std::memcpy(to.data(), text.data(), text.size());
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text.size()));
}

/// The least that looking for one kind of octet costs.
void memory_scan(benchmark::State& state)
{
    std::string const text(static_cast<std::size_t>(state.range(0)), 'x');
    for (auto _ : state)
    {
        auto const* found = std::memchr(text.data(), '\n', text.size());
        benchmark::DoNotOptimize(found);
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text.size()));
}

void replies(benchmark::State& state) { repeat(state, core_work::replies()); }
void long_reply(benchmark::State& state) { repeat(state, core_work::long_reply()); }
void capabilities(benchmark::State& state) { repeat(state, core_work::reading_capabilities()); }
void transaction(benchmark::State& state) { repeat(state, core_work::transaction()); }

void base64_encode(benchmark::State& state)
{
    repeat(state, core_work::base64_encoding(static_cast<std::size_t>(state.range(0))), state.range(0));
}

void base64_decode(benchmark::State& state)
{
    repeat(state, core_work::base64_decoding(static_cast<std::size_t>(state.range(0))), state.range(0));
}

BENCHMARK(content_clean)->Arg(10 * 1024)->Arg(1024 * 1024);
BENCHMARK(content_dotted)->Arg(10 * 1024);
BENCHMARK(content_bare_lf)->Arg(10 * 1024);
BENCHMARK(memory_copy)->Arg(10 * 1024)->Arg(1024 * 1024);
BENCHMARK(memory_scan)->Arg(10 * 1024)->Arg(1024 * 1024);
BENCHMARK(replies);
BENCHMARK(long_reply);
BENCHMARK(capabilities);
BENCHMARK(transaction);
BENCHMARK(base64_encode)->Arg(10 * 1024);
BENCHMARK(base64_decode)->Arg(10 * 1024);

} // namespace
