//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Turns content into what DATA and BDAT carry: line endings, dot-stuffing, checks and measures, in one pass.

#ifndef POSTHORN_SMTP_DOT_STUFFING_HPP
#define POSTHORN_SMTP_DOT_STUFFING_HPP

#include <posthorn/core/config.hpp>
#include <posthorn/smtp/detail/content_scan.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/gather_list.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>

namespace posthorn::smtp {

/// What to do about a CR or an LF that is not part of CRLF.
enum class line_endings
{
    normalise, ///< Each becomes CRLF.
    strict,    ///< errc::bare_line_ending.
    verbatim   ///< Sent as it is: for BODY=BINARYMIME, never with dot-stuffing.
};

/// How to encode and what to accept.
struct content_options
{
    line_endings endings         = line_endings::normalise;
    bool         dot_stuffing    = true;  ///< For DATA: dots doubled at line starts, a lone dot at the end.
    bool         allow_eight_bit = true;  ///< Otherwise errc::eight_bit_refused.
    bool         allow_nul       = false; ///< Otherwise errc::binary_refused.
    std::size_t  max_line        = 998;   ///< Octets without line end; 0 for any. Ignored by verbatim.
};

/// What content consists of.
struct content_facts
{
    std::uint64_t size         = 0; ///< Octets with line endings done, without stuffing: the value for SIZE=.
    std::size_t   longest_line = 0; ///< Octets without line end.
    bool          eight_bit    = false;
    bool          nul          = false;
    bool          bare_endings = false; ///< A CR or LF outside of CRLF.
    std::uint64_t leading_dots = 0; ///< Lines that begin with a dot.
};

namespace detail {

/// What encoder and measure share: the state at a boundary of chunks and the facts so far.
class content_state
{
public:
    /// What follows from the masks of one block and the state before it.
    struct events
    {
        std::uint64_t bare_lf   = 0; ///< These LFs have no CR before them.
        std::uint64_t no_lf     = 0; ///< These octets follow a CR and are no LF.
        std::uint64_t first_dot = 0; ///< These dots begin a line.
    };

    events look(scan_masks const& m, std::uint64_t valid) const noexcept
    {
        std::uint64_t const after_cr  = m.cr << 1U | std::uint64_t{after_cr_};
        std::uint64_t const after_eol = (m.cr | m.lf) << 1U | std::uint64_t{line_start_};
        events              e;
        e.bare_lf   = m.lf & ~after_cr;
        e.no_lf     = after_cr & ~m.lf & valid;
        e.first_dot = m.dot & after_eol;
        return e;
    }

    /// Where in the block the line grows beyond `most` octets; 64 if nowhere.
    std::size_t overlong(scan_masks const& m, std::size_t n, std::size_t most) const noexcept
    {
        if (most >= scan_block)
        {
            // Only the line that was open before the block can be so long.
            auto const first =
                std::min<std::size_t>(n, static_cast<std::size_t>(std::countr_zero(m.cr | m.lf)));
            return line_size_ + first > most ? most - std::min(line_size_, most) : scan_block;
        }
        std::size_t size = line_size_;
        for (std::size_t i = 0; i < n; ++i)
        {
            bool const eol = ((m.cr | m.lf) >> i & 1U) != 0;
            size           = eol ? 0 : size + 1;
            if (size > most)
                return i;
        }
        return scan_block;
    }

    /// Moves over the first `n` octets of a block. @param all Its masks and events.
    void advance(scan_masks const& all, events const& e, std::size_t n, bool verbatim) noexcept
    {
        if (n == 0)
            return;
        std::uint64_t const valid = low_bits(n);
        std::uint64_t const cr    = all.cr & valid;
        std::uint64_t const lf    = all.lf & valid;
        std::uint64_t const bare  = (e.bare_lf | e.no_lf) & valid;
        facts_.size += n;
        if (bare != 0)
        {
            facts_.bare_endings = true;
            if (!verbatim)
                facts_.size += static_cast<std::uint64_t>(std::popcount(bare));
        }
        facts_.eight_bit = facts_.eight_bit || (all.eight & valid) != 0;
        facts_.nul       = facts_.nul || (all.nul & valid) != 0;
        facts_.leading_dots += static_cast<std::uint64_t>(std::popcount(e.first_dot & valid));

        // Lines: each ends at a CR or at an LF without one.
        std::uint64_t const eol   = cr | lf;
        std::size_t         begin = after_cr_ && (lf & 1U) != 0 ? 1 : 0;
        for (std::uint64_t rest = cr | (lf & e.bare_lf); rest != 0; rest &= rest - 1)
        {
            auto const at       = static_cast<std::size_t>(std::countr_zero(rest));
            auto const size     = line_size_ + (at - begin);
            facts_.longest_line = std::max(facts_.longest_line, size);
            line_size_          = 0;
            begin               = at + 1;
            if (begin < 64 && ((lf & ~e.bare_lf) >> begin & 1U) != 0) // the LF of this CR
                ++begin;
        }
        line_size_ += n - begin;
        after_cr_   = (cr >> (n - 1) & 1U) != 0;
        line_start_ = (eol >> (n - 1) & 1U) != 0;
    }

    /** Moves over the whole blocks at the front of `in` that are clean: nearly all content is such blocks.

        All line ends are CRLF, and there is no NUL. What look() and advance() would do about such a block, with everything in
        registers.

        @param most      The longest line that is allowed.
        @param eight_bit Are octets above 127 allowed?
        @param dots      Are lines that begin with a dot? They are counted then.
        @return Their octets.
    */
    std::size_t pass_clean(std::string_view in, std::size_t most, bool eight_bit, bool dots) noexcept
    {
#if defined(POSTHORN_SCAN_AVX2)
        if (in.size() >= 4 * scan_block && cpu_has_avx2())
            return pass_clean_avx2(in, most, eight_bit, dots);
#endif
        return pass_clean_by<line_scan>(in, most, eight_bit, dots);
    }

private:
#if defined(POSTHORN_SCAN_AVX2)
    __attribute__((target("avx2"))) std::size_t pass_clean_avx2(std::string_view in, std::size_t most, bool eight_bit, bool dots) noexcept
    {
        return pass_clean_by<line_scan_avx2>(in, most, eight_bit, dots);
    }
#endif
    template <class Scan>
#if defined(POSTHORN_SCAN_AVX2)
    __attribute__((always_inline))
#endif
    inline std::size_t pass_clean_by(std::string_view in, std::size_t most, bool eight_bit, bool dots) noexcept
    {
        std::uint64_t after_cr   = after_cr_ ? 1 : 0;
        std::uint64_t line_start = line_start_ ? 1 : 0;
        bool          eight      = false;
        std::size_t   open       = line_size_;
        std::size_t   longest    = facts_.longest_line;
        std::size_t   done       = 0;
        for (; in.size() - done >= scan_block; done += scan_block)
        {
            char const* const p      = in.data() + done;
            line_masks const  m      = Scan::at(p);
            std::uint64_t     leading = line_start & (p[0] == '.' ? 1U : 0U);
            if ((m.cr | m.lf) == 0 && after_cr == 0)
            {
                std::size_t const line = open + scan_block;
                if (m.nul || (m.eight && !eight_bit) || line > most || (leading != 0 && !dots))
                    break;
                facts_.leading_dots += leading;
                open       = line;
                line_start = 0;
                eight      = eight || m.eight;
                continue;
            }
            if (m.lf != (m.cr << 1U | after_cr) || m.nul || (m.eight && !eight_bit))
                break;
            leading += after_cr & (p[1] == '.' ? 1U : 0U);
            std::size_t line      = open;
            std::size_t begin     = after_cr; // behind the LF of a CR in the block before
            std::size_t most_here = longest;
            for (std::uint64_t rest = m.cr; rest != 0; rest &= rest - 1)
            {
                auto const at = static_cast<std::size_t>(std::countr_zero(rest));
                most_here     = std::max(most_here, line + at - begin);
                line          = 0;
                begin         = at + 2;
                leading += begin < scan_block && p[begin] == '.' ? 1U : 0U;
            }
            line += scan_block - std::min(begin, scan_block);
            if (std::max(most_here, line) > most || (leading != 0 && !dots))
                break;
            facts_.leading_dots += leading;
            open       = line;
            longest    = most_here;
            after_cr   = m.cr >> (scan_block - 1);
            line_start = (m.cr | m.lf) >> (scan_block - 1);
            eight      = eight || m.eight;
        }
        after_cr_           = after_cr != 0;
        line_start_         = line_start != 0;
        line_size_          = open;
        facts_.longest_line = longest;
        facts_.eight_bit    = facts_.eight_bit || eight;
        facts_.size += done;
        return done;
    }

public:
    /// What is known of the whole content, which begins here.
    void know(content_facts const& f) noexcept { facts_ = f; }
    void stand(bool line_start) noexcept { line_start_ = line_start; }

    bool after_cr() const noexcept { return after_cr_; }
    bool line_start() const noexcept { return line_start_; }

    /// The end of the content. @return What is missing to end the last line.
    std::string_view finish(bool verbatim) noexcept
    {
        facts_.longest_line = std::max(facts_.longest_line, line_size_);
        line_size_          = 0;
        if (after_cr_)
            facts_.bare_endings = true;
        std::string_view const missing = verbatim ? "" : after_cr_ ? "\n" : line_start_ ? "" : "\r\n";
        facts_.size += missing.size();
        after_cr_   = false;
        line_start_ = true;
        return missing;
    }

    /// With the line that has not ended yet.
    content_facts facts() const noexcept
    {
        content_facts f = facts_;
        f.longest_line  = std::max(f.longest_line, line_size_);
        return f;
    }

private:
    content_facts facts_;
    std::size_t   line_size_  = 0;
    bool          after_cr_   = false;
    bool          line_start_ = true;
};

} // namespace detail

/** Measures content without encoding it: for SIZE= and to choose BODY=.

    Give it the chunks in order, then call finish(). It accepts everything.
*/
class content_measure
{
public:
    explicit content_measure(line_endings endings = line_endings::normalise) noexcept
        : verbatim_(endings == line_endings::verbatim)
    {
    }

    void update(std::string_view in) noexcept
    {
        for (;;)
        {
            in.remove_prefix(state_.pass_clean(in, in.npos, true, true));
            if (in.empty())
                break;
            auto const block  = in.substr(0, detail::scan_block);
            auto const masks  = detail::scan(block);
            auto const events = state_.look(masks, detail::low_bits(block.size()));
            state_.advance(masks, events, block.size(), verbatim_);
            in.remove_prefix(block.size());
        }
    }

    /// Counts the line end that is missing, if any. Nothing may follow.
    content_facts finish() noexcept
    {
        state_.finish(verbatim_);
        return state_.facts();
    }

    /// So far.
    content_facts facts() const noexcept { return state_.facts(); }

private:
    detail::content_state state_;
    bool                  verbatim_;
};

/** Encodes content for DATA or BDAT without copying the bulk of it.

    Chunks of any size go in; slices of them, with little pieces between, come out. The state lives over the
    bounds of chunks, and the result does not depend on where they are. After normalising, the octets on the
    wire have no CR or LF outside of CRLF, and no line but the end of the data consists of a single dot: no
    reader, however lenient, finds another end.

    @par Example
    @code
    content_encoder encoder;
    gather_list     out;
    while (!chunk.empty())
    {
        chunk.remove_prefix(encoder.encode(chunk, out, ec)); // then write out.slices(), out.clear()
    }
    encoder.finish(out, ec);                                 // then write the rest
    @endcode
*/
class content_encoder
{
public:
    explicit content_encoder(content_options options = {}) noexcept : options_(options) {}

    /** Encode the next octets of the content.

        @param in Referenced by `out`: it must stay until the slices were written.
        @param out Slices are added to it; give room by clear() when they were written.
        @param ec Cleared, or errc::bare_line_ending, eight_bit_refused, binary_refused, line_length,
            or errc::bad_parameter for verbatim with dot-stuffing. The content cannot be completed then:
            offset() tells where the offence is.
        @return Octets taken from `in`: fewer than all if `out` is full (none if it was so before) or after an
            error.
    */
    std::size_t encode(std::string_view in, gather_list& out, std::error_code& ec)
    {
        ec.clear();
        bool const verbatim = options_.endings == line_endings::verbatim;
        if (verbatim && options_.dot_stuffing)
        {
            ec = errc::bad_parameter; // bare line ends could forge the end of the data
            return 0;
        }
        if (trusted_)
            return encode_trusted(in, out);
        std::size_t const most    = options_.max_line == 0 || verbatim ? in.npos : options_.max_line;
        std::size_t       pos     = 0; // the octets before it were scanned
        std::size_t       written = 0; // and those before it are in `out`
        bool              clean   = true; // was the last block?
        while (pos < in.size() && out.room() > reserve)
        {
            if (clean)
            {
                pos += state_.pass_clean(in.substr(pos), most, options_.allow_eight_bit, !options_.dot_stuffing);
                if (pos == in.size())
                    break;
            }
            auto const block = in.substr(pos, detail::scan_block);
            auto const n     = block.size();
            auto const masks = detail::scan(block);
            auto const e     = state_.look(masks, detail::low_bits(n));
            if (refused(masks, e, n, ec))
            {
                out.add(in.substr(written, pos - written));
                offset_ += pos;
                return pos;
            }
            std::size_t         done = n;
            std::uint64_t const insert =
                verbatim ? 0 : e.bare_lf | e.no_lf | (options_.dot_stuffing ? e.first_dot : 0);
            clean = insert == 0;
            for (auto rest = insert; rest != 0; rest &= rest - 1)
            {
                auto const bit = static_cast<std::size_t>(std::countr_zero(rest));
                if (out.room() <= reserve)
                {
                    done = bit;
                    break;
                }
                auto const at = pos + bit;
                auto const is = [&](std::uint64_t mask) { return (mask >> bit & 1U) != 0; };
                out.add(in.substr(written, at - written));
                written = at;
                if (is(e.bare_lf))
                    out.add("\r");
                else if (is(e.no_lf))
                    out.add("\n");
                if (options_.dot_stuffing && is(e.first_dot))
                    out.add(".");
            }
            state_.advance(masks, e, done, verbatim);
            pos += done;
            if (done != n)
                break;
        }
        out.add(in.substr(written, pos - written));
        offset_ += pos;
        return pos;
    }

    /** End the content: its last line end if that is missing, and for DATA the final dot.

        Right after encode() there is always room for it in the same list, so that the end of the content and
        the dot leave in one write. Call it once.
        @param ec Cleared, or errc::bare_line_ending if strict content ends with CR.
    */
    void finish(gather_list& out, std::error_code& ec)
    {
        ec.clear();
        bool const verbatim = options_.endings == line_endings::verbatim;
        if (state_.after_cr() && options_.endings == line_endings::strict)
        {
            --offset_;
            ec = errc::bare_line_ending;
            return;
        }
        out.add(state_.finish(verbatim));
        if (options_.dot_stuffing)
            out.add(".\r\n");
    }

    /// Octets encoded so far; after an error, the position of the offending octet in the content.
    std::uint64_t offset() const noexcept { return offset_; }

    /// What the content consists of, so far.
    content_facts facts() const noexcept { return state_.facts(); }

    content_options const& options() const noexcept { return options_; }

    /// Start again, for the next message.
    void reset(content_options options) noexcept
    {
        trusted_ = false;
        options_ = options;
        state_   = detail::content_state();
        offset_  = 0;
    }
    void reset() noexcept { reset(options_); }

    /** The content was measured, as a whole, and does not change any more: if all of it can be sent as it is, only lines that begin with a
        dot are looked for. To be called after reset(), before the first octet.
        @param f From content_measure with the same line_endings. */
    void trust(content_facts const& f) noexcept
    {
        bool const verbatim = options_.endings == line_endings::verbatim;
        bool const fits     = verbatim || options_.max_line == 0 || f.longest_line <= options_.max_line;
        trusted_ = fits && !f.bare_endings && (options_.allow_nul || !f.nul) && (options_.allow_eight_bit || !f.eight_bit);
        if (!trusted_)
            return;
        dots_ = options_.dot_stuffing ? f.leading_dots : 0;
        state_.know(f);
    }

private:
    /// A dot is doubled by two slices that share it.
    std::size_t encode_trusted(std::string_view in, gather_list& out)
    {
        if (out.room() <= reserve)
            return 0;
        std::size_t pos = 0, written = 0;
        while (dots_ != 0 && pos < in.size() && out.room() > reserve)
        {
            auto const* const dot = static_cast<char const*>(std::memchr(in.data() + pos, '.', in.size() - pos));
            if (dot == nullptr)
            {
                pos = in.size();
                break;
            }
            auto const at    = static_cast<std::size_t>(dot - in.data());
            bool const first = at == 0 ? state_.line_start() : in[at - 1] == '\n';
            pos              = at + 1;
            if (!first)
                continue;
            out.add(in.substr(written, pos - written));
            written = at;
            --dots_;
        }
        if (dots_ == 0)
            pos = in.size();
        out.add(in.substr(written, pos - written));
        if (pos != 0)
            state_.stand(in[pos - 1] == '\n');
        offset_ += pos;
        return pos;
    }

    /// One event adds up to three slices, the rest of the run one, finish() two.
    static constexpr std::size_t reserve = 6;

    /// Finds the first octet of a block that the options do not allow.
    bool refused(detail::scan_masks const& m, detail::content_state::events const& e, std::size_t n,
                 std::error_code& ec) noexcept
    {
        std::uint64_t const eight = options_.allow_eight_bit ? 0 : m.eight;
        std::uint64_t const nul   = options_.allow_nul ? 0 : m.nul;
        std::uint64_t const bare  = options_.endings == line_endings::strict ? e.bare_lf | e.no_lf : 0;
        std::size_t const   limit = options_.endings == line_endings::verbatim ? 0 : options_.max_line;
        std::size_t const   line  = limit == 0 ? detail::scan_block : state_.overlong(m, n, limit);
        if ((eight | nul | bare) == 0 && line == detail::scan_block)
            return false;
        // The first in the order of the content, wherever the chunks are cut.
        auto const first = static_cast<std::size_t>(std::countr_zero(eight | nul | bare));
        auto const at    = std::min(first, line);
        auto const is    = [&](std::uint64_t mask) { return (mask >> at & 1U) != 0; };
        offset_ += at;
        if (at == line)
            ec = errc::line_length;
        else if (is(bare))
        {
            ec = errc::bare_line_ending;
            if (is(e.no_lf))
                --offset_; // the CR before it
        }
        else
            ec = is(nul) ? errc::binary_refused : errc::eight_bit_refused;
        return true;
    }

    content_options       options_;
    detail::content_state state_;
    std::uint64_t         offset_  = 0;
    std::uint64_t         dots_    = 0;     ///< Of trusted content: lines to come that begin with a dot.
    bool                  trusted_ = false; ///< See trust().
};

} // namespace posthorn::smtp

#endif
