//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/dot_stuffing.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace smtp = posthorn::smtp;
using smtp::errc;

namespace {

// ---- an independent view of what must come out ------------------------------------------------------------

/// Octet by octet, as RFC 5321 and the documentation put it.
std::string normalised(std::string_view in)
{
    std::string out;
    for (std::size_t i = 0; i < in.size(); ++i)
    {
        if (in[i] == '\r')
        {
            out += "\r\n";
            if (i + 1 < in.size() && in[i + 1] == '\n')
                ++i;
        }
        else if (in[i] == '\n')
            out += "\r\n";
        else
            out += in[i];
    }
    if (!out.empty() && out.back() != '\n')
        out += "\r\n";
    return out;
}

/// The receiver of RFC 5321, 4.5.2: only CRLF ends a line. Nothing if the data does not end exactly at the
/// end.
std::optional<std::string> strict_decode(std::string_view wire)
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

/// Where a receiver sees the final dot that takes CRLF and also CR or LF alone, or both, for a line end.
std::size_t lenient_end(std::string_view wire, bool cr, bool lf)
{
    std::size_t begin = 0;
    for (std::size_t i = 0; i < wire.size(); ++i)
    {
        bool const pair = wire.substr(i, 2) == "\r\n";
        if (!pair && !(cr && wire[i] == '\r') && !(lf && wire[i] == '\n'))
            continue;
        if (wire.substr(begin, i - begin) == ".")
            return begin;
        i += pair ? 1 : 0;
        begin = i + 1;
    }
    return wire.npos;
}

// ---- the encoder under test -------------------------------------------------------------------------------

struct encoded
{
    std::error_code     ec;
    std::string         wire;
    smtp::content_facts facts;
    std::uint64_t       offset = 0;
};

/// Gives the chunks to the encoder, each in an allocation of exactly its size. With `keep` the list is
/// written only when it is full, so that slices of several chunks live side by side.
encoded encode(std::vector<std::string_view> const& chunks, smtp::content_options options = {},
               bool keep = false, std::size_t scratch = 16 * 1024)
{
    encoded                              r;
    smtp::content_encoder                encoder(options);
    smtp::gather_list                    list(scratch);
    std::vector<std::unique_ptr<char[]>> alive;
    auto const                           write = [&] {
        std::size_t size = 0;
        for (auto const slice : list.slices())
        {
            r.wire += slice;
            size += slice.size();
        }
        if (size != list.size())
            FAIL("the list tells ", list.size(), " octets and has ", size);
        list.clear();
    };
    for (auto const chunk : chunks)
    {
        alive.emplace_back(new char[chunk.size()]);
        if (!chunk.empty())
            std::memcpy(alive.back().get(), chunk.data(), chunk.size());
        std::string_view in(alive.back().get(), chunk.size());
        while (!in.empty() && !r.ec)
        {
            auto const taken = encoder.encode(in, list, r.ec);
            in.remove_prefix(taken);
            if (!in.empty() || !keep)
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

smtp::content_options with(smtp::line_endings endings, bool stuffing = true)
{
    smtp::content_options o;
    o.endings      = endings;
    o.dot_stuffing = stuffing;
    return o;
}

std::vector<std::string_view> octets(std::string_view in)
{
    std::vector<std::string_view> chunks;
    for (std::size_t i = 0; i < in.size(); ++i)
        chunks.push_back(in.substr(i, 1));
    return chunks;
}

/// Calls `f` with every string over {CR, LF, '.', 'x'} of up to `most` octets.
template <class F>
void for_all_strings(std::size_t most, F f)
{
    std::string s;
    for (std::size_t size = 0; size <= most; ++size)
        for (std::size_t code = 0; code < std::size_t{1} << (2 * size); ++code)
        {
            s.clear();
            for (std::size_t i = 0; i < size; ++i)
                s += "\r\n.x"[code >> (2 * i) & 3U];
            f(std::string_view(s));
        }
}

/// doctest's macros are too slow for millions of checks: count failures and show the first.
struct tally
{
    void operator()(bool ok, std::string_view what, std::string_view input)
    {
        if (ok || ++failures > 1)
            return;
        first = std::string(what) + " for:";
        for (char const c : input)
            first += c == '\r' ? " CR" : c == '\n' ? " LF" : c == '.' ? " dot" : " x";
    }

    std::size_t failures = 0;
    std::string first;
};

} // namespace

TEST_SUITE_BEGIN("smtp/dot_stuffing");

TEST_CASE("the end of the data is exact")
{
    CHECK(encode({""}).wire == ".\r\n");
    CHECK(encode({"a\r\n"}).wire == "a\r\n.\r\n");
    CHECK(encode({"a"}).wire == "a\r\n.\r\n");
    CHECK(encode({"a\r"}).wire == "a\r\n.\r\n");
    CHECK(encode({"a\n"}).wire == "a\r\n.\r\n");
    CHECK(encode({"a\r", "\n"}).wire == "a\r\n.\r\n");
    CHECK(encode({"."}).wire == "..\r\n.\r\n");
    CHECK(encode({".\r\n"}).wire == "..\r\n.\r\n");
    CHECK(encode({"\r\n.\r\n"}).wire == "\r\n..\r\n.\r\n");
    CHECK(encode({"a.b\r\n.c\r\n"}).wire == "a.b\r\n..c\r\n.\r\n");
}

TEST_CASE("a chunk for BDAT is neither stuffed nor ended by a dot")
{
    auto const bdat = with(smtp::line_endings::normalise, false);
    CHECK(encode({""}, bdat).wire.empty());
    CHECK(encode({".\r\n."}, bdat).wire == ".\r\n.\r\n");
    CHECK(encode({"a\nb\rc"}, bdat).wire == "a\r\nb\r\nc\r\n");
    auto const binary = with(smtp::line_endings::verbatim, false);
    CHECK(encode({"\n.\r.\nx"}, binary).wire == "\n.\r.\nx");
    CHECK(encode({""}, binary).wire.empty());
}

TEST_CASE("verbatim content is never sent with dot-stuffing, because it could forge the end")
{
    auto const r = encode({"a\n.\n"}, with(smtp::line_endings::verbatim, true));
    CHECK(r.ec == errc::bad_parameter);
    CHECK(r.wire.empty());
}

TEST_CASE("every short string of CR, LF, dot and x is decoded to its normalised form, cut anywhere")
{
    tally       check;
    std::size_t tried = 0;
    for_all_strings(8, [&](std::string_view in) {
        auto const expected = normalised(in);
        auto const whole    = encode({in});
        auto const chunk    = encode({in}, with(smtp::line_endings::normalise, false));
        check(strict_decode(whole.wire) == expected, "a strict receiver reads something else", in);
        check(chunk.wire == expected, "BDAT carries something else", in);
        check(whole.facts.size == expected.size() && chunk.facts.size == expected.size(), "the size is wrong",
              in);
        auto const end = whole.wire.size() - 3;
        check(lenient_end(whole.wire, false, true) == end, "an early end for a reader that takes LF", in);
        check(lenient_end(whole.wire, true, false) == end, "an early end for a reader that takes CR", in);
        check(lenient_end(whole.wire, true, true) == end, "an early end for a reader that takes both", in);
        for (std::size_t cut = 1; cut < in.size(); ++cut)
        {
            ++tried;
            check(encode({in.substr(0, cut), in.substr(cut)}).wire == whole.wire, "the cut matters", in);
        }
        check(encode(octets(in)).wire == whole.wire, "octet by octet differs", in);
    });
    INFO(check.first);
    CHECK(check.failures == 0);
    CHECK(tried > 400000);
}

TEST_CASE("strict content is sent as it is or refused at the first bare line end")
{
    tally check;
    for_all_strings(6, [&](std::string_view in) {
        std::size_t bare = in.npos;
        for (std::size_t i = 0; i < in.size() && bare == in.npos; ++i)
        {
            bool const after_cr = i != 0 && in[i - 1] == '\r';
            if (in[i] == '\r' && (i + 1 == in.size() || in[i + 1] != '\n'))
                bare = i;
            else if (in[i] == '\n' && !after_cr)
                bare = i;
        }
        for (std::size_t cut = 0; cut <= in.size(); ++cut)
        {
            auto const r = encode({in.substr(0, cut), in.substr(cut)}, with(smtp::line_endings::strict));
            if (bare == in.npos)
                check(!r.ec && strict_decode(r.wire) == normalised(in), "refused or changed", in);
            else
                check(r.ec == errc::bare_line_ending && r.offset == bare, "not refused at the right octet",
                      in);
        }
    });
    INFO(check.first);
    CHECK(check.failures == 0);
}

TEST_CASE("long random content survives any chunk size, list size and scratch size")
{
    std::mt19937 random(20260821);
    for (int round = 0; round < 60; ++round)
    {
        std::string in;
        auto const  density = 1 + random() % 120;
        while (in.size() < 6000)
            in += random() % density == 0 ? "\r\n.\0\x80y"[random() % 6] : 'x';
        smtp::content_options options;
        options.allow_nul = true;
        options.max_line  = 0;
        auto const whole  = encode({in}, options);
        REQUIRE_FALSE(whole.ec);
        CHECK(strict_decode(whole.wire) == normalised(in));
        CHECK(whole.facts.eight_bit == (in.find('\x80') != in.npos));
        CHECK(whole.facts.nul == (in.find('\0') != in.npos));
        for (std::size_t const scratch : {0U, 1U, 3U, 100U, 16384U})
            for (bool const keep : {false, true})
            {
                std::vector<std::string_view> chunks;
                for (std::string_view rest = in; !rest.empty();)
                {
                    auto const n = std::min<std::size_t>(rest.size(), 1 + random() % 400);
                    chunks.push_back(rest.substr(0, n));
                    rest.remove_prefix(n);
                }
                auto const cut = encode(chunks, options, keep, scratch);
                REQUIRE(cut.wire == whole.wire);
                CHECK(cut.facts.size == whole.facts.size);
                CHECK(cut.facts.longest_line == whole.facts.longest_line);
            }
    }
}

TEST_CASE("lines that need nothing give the same in whole blocks and octet by octet, wherever their ends fall")
{
    std::mt19937 random(20261125);
    int          accepted = 0;
    for (int round = 0; round < 1000; ++round)
    {
        auto const  longest = 1 + random() % 200;
        auto const  dots    = 2 + random() % 30;
        std::string in(random() % 70, 'a'); // another place for all that follows
        while (in.size() < 1500)
        {
            in += random() % dots == 0 ? "\r\n." : "\r\n";
            in.append(random() % longest, random() % 40 == 0 ? '\xe9' : '.');
            if (in.back() == '.')
                in.back() = 'x';
            if (random() % 50 == 0)
                in += "\n\r\0"[random() % 3];
        }
        smtp::content_options options;
        options.allow_nul       = random() % 2 == 0;
        options.allow_eight_bit = random() % 2 == 0;
        options.max_line        = random() % 2 == 0 ? 0 : 20 + random() % 180;
        auto const whole        = encode({in}, options);
        auto const single       = encode(octets(in), options);
        REQUIRE(whole.ec == single.ec);
        REQUIRE(whole.offset == single.offset);
        if (whole.ec)
            continue; // how much of the block before the offence is in the list is nobody's business
        accepted += 1;
        REQUIRE(whole.wire == single.wire);
        REQUIRE(whole.facts.size == single.facts.size);
        REQUIRE(whole.facts.longest_line == single.facts.longest_line);
        REQUIRE(whole.facts.eight_bit == single.facts.eight_bit);
        REQUIRE(whole.facts.nul == single.facts.nul);
        REQUIRE(whole.facts.bare_endings == single.facts.bare_endings);
        smtp::content_measure measure, measured;
        measure.update(in);
        for (auto const octet : octets(in))
            measured.update(octet);
        auto const a = measure.finish(), b = measured.finish();
        REQUIRE(a.size == b.size);
        REQUIRE(a.longest_line == b.longest_line);
        REQUIRE(a.eight_bit == b.eight_bit);
    }
    CHECK(accepted > 50);
    CHECK(accepted < 1000);
}

TEST_CASE("the worst case for a list is a dot or a bare LF at every octet, with no scratch to help")
{
    for (std::string_view const pattern : {"\n", "\r", ".\n", "\r.", "\n."})
    {
        std::string in;
        while (in.size() < 5000)
            in += pattern;
        CHECK(strict_decode(encode({in}, {}, true, 0).wire) == normalised(in));
        CHECK(strict_decode(encode(octets(in), {}, true, 0).wire) == normalised(in));
    }
}

TEST_CASE("clean content is referenced and not copied")
{
    std::string in;
    while (in.size() < 100000)
        in += std::string(70, 'x') + "\r\n";
    smtp::content_encoder encoder;
    smtp::gather_list     list;
    std::error_code       ec;
    CHECK(encoder.encode(in, list, ec) == in.size());
    REQUIRE(list.slices().size() == 1);
    CHECK(list.slices()[0].data() == in.data());
    encoder.finish(list, ec);
    CHECK(list.slices().size() == 2);
    CHECK(list.size() == in.size() + 3);
}

TEST_CASE("many dots make few slices")
{
    std::string in;
    for (int i = 0; i < 100; ++i)
        in += "." + std::string(60, 'x') + "\r\n";
    smtp::content_encoder encoder;
    smtp::gather_list     list;
    std::error_code       ec;
    CHECK(encoder.encode(in, list, ec) == in.size());
    encoder.finish(list, ec);
    CHECK(list.slices().size() == 1);
}

TEST_CASE("a full list stops the encoder and loses nothing")
{
    std::string in;
    for (int i = 0; i < 800; ++i)
        in += ".\n" + std::string(smtp::gather_list::short_run + 1, 'x');
    smtp::content_options options;
    smtp::content_encoder encoder(options);
    smtp::gather_list     list;
    std::error_code       ec;
    std::string           wire;
    int                   calls = 0;
    for (std::string_view rest = in; !rest.empty(); ++calls)
    {
        rest.remove_prefix(encoder.encode(rest, list, ec));
        REQUIRE_FALSE(ec);
        CHECK(list.slices().size() <= smtp::gather_list::max_slices);
        if (!rest.empty())
            CHECK(encoder.encode(rest, list, ec) == 0); // still full
        for (auto const s : list.slices())
            wire += s;
        list.clear();
    }
    encoder.finish(list, ec);
    for (auto const s : list.slices())
        wire += s;
    CHECK(calls > 2);
    CHECK(strict_decode(wire) == normalised(in));
}

TEST_CASE("content that was measured comes out as if it had not been, wherever it is cut and however often the list is full")
{
    std::mt19937 random(20261125);
    auto const   number = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
    int          dotted = 0;
    for (int round = 0; round != 400; ++round)
    {
        std::string in;
        for (int lines = number(40); lines != 0; --lines)
        {
            in += std::string(static_cast<std::size_t>(number(3) == 0 ? number(2) : 0), '.');
            in += std::string(static_cast<std::size_t>(number(8) == 0 ? number(900) : number(90)), number(5) == 0 ? '.' : 'x');
            in += "\r\n";
        }
        if (number(3) == 0)
            in += number(1) == 0 ? "." : "no line end";
        if (number(4) == 0)
            in += "\n bare";
        if (number(9) == 0)
            in += "\xc3\xa4\r\n";
        smtp::content_options options;
        options.dot_stuffing    = number(3) != 0;
        options.allow_eight_bit = number(1) != 0;
        smtp::content_measure measure;
        measure.update(in);
        auto const facts = measure.finish();
        dotted += facts.leading_dots != 0 ? 1 : 0;

        auto const encoded = [&](bool trusting, std::size_t most) {
            smtp::content_encoder encoder(options);
            encoder.reset(options);
            if (trusting)
                encoder.trust(facts);
            smtp::gather_list list;
            std::error_code   ec;
            std::string       wire;
            auto const        drain = [&] {
                for (auto const s : list.slices())
                    wire += s;
                list.clear();
            };
            std::string_view rest = in;
            while (!rest.empty() && !ec)
            {
                auto const n = encoder.encode(rest.substr(0, most), list, ec);
                rest.remove_prefix(n);
                if (n == 0 || number(3) == 0)
                    drain();
            }
            if (!ec)
                encoder.finish(list, ec);
            drain();
            return ec ? ec.message() + std::to_string(encoder.offset()) : wire + "|" + std::to_string(encoder.offset());
        };
        auto const plain = encoded(false, in.size());
        CHECK(encoded(true, in.size()) == plain);
        CHECK(encoded(true, static_cast<std::size_t>(1 + number(100))) == plain);
    }
    CHECK(dotted > 100);
}

TEST_CASE("what the server does not take is refused at the right octet, wherever the chunks are cut")
{
    std::string const long_line(999, 'x');
    std::string const fine_line(998, 'x');
    struct
    {
        char const*   name;
        std::string   in;
        bool          eight;
        bool          nul;
        errc          expected;
        std::uint64_t offset;
    } const cases[] = {
        {"8-bit", "ab\r\n\xc3\xa9", false, false, errc::eight_bit_refused, 4},
        {"NUL", std::string("ab\0c", 4), true, false, errc::binary_refused, 2},
        {"a long line", "ab\r\n" + long_line + "\r\n", true, false, errc::line_length, 4 + 998},
        {"a long last line", long_line, true, false, errc::line_length, 998},
        {"a long line after a CR", "a\r" + long_line, true, false, errc::line_length, 2 + 998},
        {"8-bit before NUL", std::string("a\x80\0", 3), false, false, errc::eight_bit_refused, 1},
        {"NUL before 8-bit", std::string("a\0\x80", 3), false, false, errc::binary_refused, 1},
        {"8-bit before a long line", "\x80" + long_line, false, false, errc::eight_bit_refused, 0},
        {"a long line before 8-bit", long_line + "\x80", false, false, errc::line_length, 998},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.name);
        smtp::content_options options;
        options.allow_eight_bit = c.eight;
        options.allow_nul       = c.nul;
        for (std::size_t cut = 0; cut <= c.in.size(); ++cut)
        {
            auto const all = std::string_view(c.in);
            auto const r   = encode({all.substr(0, cut), all.substr(cut)}, options);
            REQUIRE(r.ec == c.expected);
            REQUIRE(r.offset == c.offset);
            REQUIRE(r.wire.size() <= c.offset + 1);
        }
    }
    CHECK_FALSE(encode({fine_line}).ec);
    CHECK_FALSE(encode({fine_line + "\r\n" + fine_line + "\n." + fine_line.substr(1)}).ec);
    smtp::content_options any;
    any.max_line = 0;
    CHECK_FALSE(encode({long_line}, any).ec);
}

TEST_CASE("a small limit for lines holds inside of a block as well")
{
    smtp::content_options options;
    options.max_line = 5;
    CHECK_FALSE(encode({"12345\r\n12345\n12345\r.2345"}, options).ec);
    auto const r = encode({"123\r\n12345\r\n123456"}, options);
    CHECK(r.ec == errc::line_length);
    CHECK(r.offset == 17);
}

TEST_CASE("facts tell the longest line, whatever its end and wherever it is cut")
{
    struct
    {
        std::string in;
        std::size_t longest;
    } const cases[] = {
        {"", 0},
        {"abc", 3},
        {"abc\r\nab", 3},
        {"ab\nabcd\n", 4},
        {"ab\rabcd\ra", 4},
        {"\r\n\r\n", 0},
        {"\n\r\n\r", 0},
        {"a\r\nb\r\nc\r\n", 1},
        {std::string(63, 'x') + "\r\n" + std::string(62, 'y') + "\r\n", 63},
        {std::string(64, 'x') + "\r\n" + std::string(65, 'y') + "\r\nz", 65},
        {std::string(62, 'x') + "\r\n" + std::string(300, 'y') + "\r" + std::string(299, 'z'), 300},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.in);
        auto const all = std::string_view(c.in);
        for (std::size_t cut = 0; cut <= all.size(); ++cut)
        {
            REQUIRE(encode({all.substr(0, cut), all.substr(cut)}).facts.longest_line == c.longest);
            smtp::content_measure measure;
            measure.update(all.substr(0, cut));
            measure.update(all.substr(cut));
            auto const facts = measure.finish();
            REQUIRE(facts.longest_line == c.longest);
            REQUIRE(facts.size == normalised(all).size());
        }
    }
}

TEST_CASE("a measure predicts the size that is announced")
{
    tally check;
    for_all_strings(6, [&](std::string_view in) {
        for (std::size_t cut = 0; cut <= in.size(); ++cut)
        {
            smtp::content_measure measure;
            measure.update(in.substr(0, cut));
            measure.update(in.substr(cut));
            check(measure.finish().size == normalised(in).size(), "the normalised size is wrong", in);
            smtp::content_measure raw(smtp::line_endings::verbatim);
            raw.update(in.substr(0, cut));
            raw.update(in.substr(cut));
            check(raw.finish().size == in.size(), "the verbatim size is wrong", in);
        }
        smtp::content_measure whole;
        whole.update(in);
        auto const facts = whole.finish();
        auto const text  = normalised(in);
        bool const bare  = text != in && text != std::string(in) + "\r\n";
        check(facts.bare_endings == bare, "bare line ends are told wrongly", in);
    });
    INFO(check.first);
    CHECK(check.failures == 0);
}

TEST_CASE("an encoder starts again after reset")
{
    smtp::content_encoder encoder;
    smtp::gather_list     list;
    std::error_code       ec;
    encoder.encode("abc\r", list, ec);
    list.clear();
    encoder.reset();
    encoder.encode(".x", list, ec);
    encoder.finish(list, ec);
    std::string wire;
    for (auto const s : list.slices())
        wire += s;
    CHECK(wire == "..x\r\n.\r\n");
    CHECK(encoder.facts().size == 4);
    CHECK(encoder.offset() == 2);
}

TEST_CASE("the wide scan and the portable one agree with a look at each octet")
{
    std::mt19937           random(7);
    std::array<char, 64>   block{};
    std::string_view const special("\r\n.\0\x80\xff\x01\x0b\x0c\x0e\x2d\x2f\x7f\x8d\x8a\xae", 16);
    auto const             same = [](smtp::detail::scan_masks const& a, smtp::detail::scan_masks const& b) {
        return a.cr == b.cr && a.lf == b.lf && a.dot == b.dot && a.nul == b.nul && a.eight == b.eight;
    };
    for (int round = 0; round < 20000; ++round)
    {
        smtp::detail::scan_masks expected;
        for (std::size_t i = 0; i < block.size(); ++i)
        {
            char const c = random() % 2 ? special[random() % special.size()] : static_cast<char>(random());
            std::uint64_t const bit = std::uint64_t{1} << i;
            block[i]                = c;
            expected.cr |= c == '\r' ? bit : 0;
            expected.lf |= c == '\n' ? bit : 0;
            expected.dot |= c == '.' ? bit : 0;
            expected.nul |= c == '\0' ? bit : 0;
            expected.eight |= static_cast<unsigned char>(c) > 127 ? bit : 0;
        }
        REQUIRE(same(smtp::detail::scan(block.data()), expected));
        REQUIRE(same(smtp::detail::scan_portable(block.data()), expected));
    }
}

TEST_SUITE_END();
