//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the cores of SMTP cost for each message: parsing replies, encoding content, spelling commands.

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/smtp/command.hpp>
#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/ledger.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace smtp = posthorn::smtp;

namespace {

std::string mail_text(std::size_t size, std::string_view line)
{
    std::string text;
    while (text.size() < size)
        text += line;
    return text;
}

std::string_view const clean  = "the quick brown fox jumps over the lazy dog, and over it again, 70\r\n";
std::string_view const dotted = ".dots at the beginning\r\n";
std::string_view const bare   = "lines that end in a line feed only, as on every Unix system there is\n";

void encode(benchmark::State& state, std::string_view line)
{
    std::string const     text = mail_text(static_cast<std::size_t>(state.range(0)), line);
    smtp::content_encoder encoder;
    smtp::gather_list     slices;
    for (auto _ : state)
    {
        std::error_code  ec;
        std::string_view rest = text;
        encoder.reset();
        while (!rest.empty())
        {
            slices.clear();
            rest.remove_prefix(encoder.encode(rest, slices, ec));
            benchmark::DoNotOptimize(slices.slices().data());
        }
        encoder.finish(slices, ec);
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text.size()));
}

void content_clean(benchmark::State& state) { encode(state, clean); }
void content_dotted(benchmark::State& state) { encode(state, dotted); }
void content_bare_lf(benchmark::State& state) { encode(state, bare); }

/// The least any encoder that copies must cost.
void memory_copy(benchmark::State& state)
{
    std::string const text = mail_text(static_cast<std::size_t>(state.range(0)), clean);
    std::string       to(text.size(), '\0');
    for (auto _ : state)
    {
        std::memcpy(to.data(), text.data(), text.size());
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text.size()));
}

/// The five replies of a pipelined message with three recipients.
void replies(benchmark::State& state)
{
    std::string_view const wire = "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 no such user here\r\n250 2.1.5 Ok\r\n"
                                  "354 End data with <CR><LF>.<CR><LF>\r\n";
    smtp::ledger          due;
    posthorn::byte_buffer in;
    smtp::reply           reply;
    smtp::expectation     what;
    std::error_code       ec;
    for (auto _ : state)
    {
        due.expect(smtp::phase::mail);
        for (std::uint32_t i = 0; i != 3; ++i)
            due.expect(smtp::phase::rcpt, i);
        due.expect(smtp::phase::data);
        in.append(wire);
        while (due.next(in, what, reply, ec))
            benchmark::DoNotOptimize(reply.code());
    }
}

/// A whole transaction without its content: planning, spelling, judging.
void transaction(benchmark::State& state)
{
    smtp::envelope const e("sender@example.org", {"a@example.net", "b@example.net", "c@example.net"});
    smtp::transaction    t;
    smtp::report         report;
    smtp::ledger         due;
    smtp::reply const    ok(250, "2.1.0 Ok");
    smtp::reply const    go(354, "go ahead");
    smtp::mail_parameters const   none;
    smtp::transaction_options how;
    how.flight = smtp::flight::pipelined;
    std::error_code ec;
    for (auto _ : state)
    {
        t.begin(e, none, how, report);
        t.announce(due);
        t.consume(t.output().size());
        due.clear();
        ec = t.on_reply({smtp::phase::mail, 0}, ok);
        for (std::uint32_t i = 0; i != 3; ++i)
            ec = t.on_reply({smtp::phase::rcpt, i}, ok);
        ec = t.on_reply({smtp::phase::data, 0}, go);
        t.content_begins(due);
        t.content_ends();
        ec = t.on_reply({smtp::phase::content, 0}, ok);
        due.clear();
        benchmark::DoNotOptimize(report.accepted());
    }
}

void base64(benchmark::State& state)
{
    std::string const in(static_cast<std::size_t>(state.range(0)), 'x');
    std::string       out(posthorn::codec::base64_encoded_size(in.size()), '\0');
    for (auto _ : state)
    {
        posthorn::codec::base64_encode_to(in, out.data());
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

BENCHMARK(content_clean)->Arg(10 * 1024)->Arg(1024 * 1024);
BENCHMARK(content_dotted)->Arg(10 * 1024);
BENCHMARK(content_bare_lf)->Arg(10 * 1024);
BENCHMARK(memory_copy)->Arg(10 * 1024)->Arg(1024 * 1024);
BENCHMARK(replies);
BENCHMARK(transaction);
BENCHMARK(base64)->Arg(10 * 1024);

} // namespace
