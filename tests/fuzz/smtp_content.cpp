//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Content: decode(encode(x)) is normalise(x), wherever x is cut and however little room there is.
// The first octet chooses options, the second seeds the cuts.

#include <posthorn/smtp/dot_stuffing.hpp>

#include <support/fuzzing.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace smtp = posthorn::smtp;
using support::require;

namespace {

std::string normalised(std::string_view in)
{
    std::string out;
    for (std::size_t i = 0; i < in.size(); ++i)
    {
        if (in[i] != '\r' && in[i] != '\n')
        {
            out += in[i];
            continue;
        }
        out += "\r\n";
        if (in.substr(i, 2) == "\r\n")
            ++i;
    }
    if (!out.empty() && out.back() != '\n')
        out += "\r\n";
    return out;
}

std::optional<std::string> decoded(std::string_view wire)
{
    std::string body;
    for (;;)
    {
        auto const end = wire.find("\r\n");
        if (end == wire.npos)
            return std::nullopt;
        auto line = wire.substr(0, end);
        wire.remove_prefix(end + 2);
        if (line == ".")
            return wire.empty() ? std::optional(body) : std::nullopt;
        if (!line.empty() && line[0] == '.')
            line.remove_prefix(1);
        body += line;
        body += "\r\n";
    }
}

struct result
{
    std::error_code     ec;
    std::string         wire;
    smtp::content_facts facts;
    std::uint64_t       offset = 0;
};

/// @param step Chooses the sizes of the chunks; 0: one chunk.
result encode(std::string_view in, smtp::content_options const& options, unsigned step, std::size_t scratch)
{
    result                           r;
    smtp::content_encoder            encoder(options);
    smtp::gather_list                list(scratch);
    std::vector<support::exact_copy> alive;
    auto const                       write = [&] {
        for (auto const slice : list.slices())
            r.wire += slice;
        list.clear();
    };
    unsigned state = step;
    while (!in.empty() && !r.ec)
    {
        std::size_t n = in.size();
        if (step != 0)
        {
            state = state * 1103515245U + 12345U;
            n     = 1 + (state >> 16U) % (step % 2 ? 5U : 150U);
        }
        auto const chunk = in.substr(0, n);
        in.remove_prefix(chunk.size());
        alive.emplace_back(chunk);
        std::string_view rest = alive.back().view();
        while (!rest.empty() && !r.ec)
        {
            rest.remove_prefix(encoder.encode(rest, list, r.ec));
            if (!rest.empty())
                write();
        }
    }
    if (!r.ec)
        encoder.finish(list, r.ec);
    write();
    r.facts  = encoder.facts();
    r.offset = encoder.offset();
    return r;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    if (size < 2)
        return 0;
    unsigned const         choice = data[0];
    unsigned const         step   = data[1];
    std::string_view const in(reinterpret_cast<char const*>(data) + 2, size - 2);

    smtp::content_options options;
    options.endings         = choice % 4 == 0   ? smtp::line_endings::strict
                              : choice % 4 == 1 ? smtp::line_endings::verbatim
                                                : smtp::line_endings::normalise;
    options.dot_stuffing    = options.endings != smtp::line_endings::verbatim && (choice & 4U) != 0;
    options.allow_eight_bit = (choice & 8U) != 0;
    options.allow_nul       = (choice & 16U) != 0;
    options.max_line        = (choice & 32U) != 0 ? 998 : (choice & 64U) != 0 ? 20 : 0;

    auto const whole = encode(in, options, 0, 16384);
    auto const cut   = encode(in, options, step + 1, choice & 128U ? 16384 : step % 40);
    require(whole.ec == cut.ec && whole.offset == cut.offset);
    if (whole.ec)
    {
        require(whole.offset < in.size());
        return 0;
    }
    require(whole.wire == cut.wire);
    require(whole.facts.size == cut.facts.size && whole.facts.longest_line == cut.facts.longest_line);
    require(whole.facts.bare_endings == cut.facts.bare_endings);

    smtp::content_measure measure(options.endings);
    measure.update(in.substr(0, in.size() / 2));
    measure.update(in.substr(in.size() / 2));
    auto const facts = measure.finish();
    require(facts.size == whole.facts.size && facts.longest_line == whole.facts.longest_line);
    require(facts.eight_bit == whole.facts.eight_bit && facts.nul == whole.facts.nul);

    if (options.endings == smtp::line_endings::verbatim)
        require(whole.wire == in && facts.size == in.size());
    else
    {
        auto const expected = normalised(in);
        require(facts.size == expected.size());
        require(options.dot_stuffing ? decoded(whole.wire) == expected : whole.wire == expected);
        if (options.endings == smtp::line_endings::strict)
            require(expected == in || expected == std::string(in) + "\r\n");
    }
    return 0;
}
