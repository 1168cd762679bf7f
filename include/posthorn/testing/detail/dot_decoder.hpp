//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Reads the content of a DATA command: finds its end, takes the stuffed dots out, sees line ends that are none.

#ifndef POSTHORN_TESTING_DETAIL_DOT_DECODER_HPP
#define POSTHORN_TESTING_DETAIL_DOT_DECODER_HPP

#include <cstddef>
#include <string_view>

namespace posthorn::testing::detail {

/// Counts CR without LF and LF without CR in bytes that arrive in pieces.
class newline_check
{
public:
    void feed(std::string_view bytes) noexcept
    {
        std::size_t at = 0;
        if (after_cr_ && !bytes.empty())
        {
            after_cr_ = false;
            if (bytes[0] == '\n')
                at = 1;
            else
                ++bare_;
        }
        while (at < bytes.size())
        {
            std::size_t const found = bytes.find('\n', at);
            std::size_t const end   = found == bytes.npos ? bytes.size() : found;
            bool              pair  = false; // a CR right before the LF, the only place for one
            auto const        line  = bytes.substr(0, end);
            for (std::size_t cr = line.find('\r', at); cr != line.npos; cr = line.find('\r', cr + 1))
                if (cr + 1 == end)
                    pair = true;
                else
                    ++bare_;
            if (found == bytes.npos)
                after_cr_ = pair;
            else
                bare_ += pair ? 0U : 1U;
            at = end + 1;
        }
    }

    /// Nothing more will come: a CR at the end stays alone.
    void finish() noexcept
    {
        bare_ += after_cr_ ? 1U : 0U;
        after_cr_ = false;
    }

    std::size_t bare() const noexcept { return bare_; }

private:
    std::size_t bare_     = 0;
    bool        after_cr_ = false;
};

/** The strict reading of RFC 5321 4.5.2: only CRLF ends a line, only CRLF.CRLF ends the content.

    The command line before the content counts as the line that has just ended.
*/
class dot_decoder
{
public:
    /** Decodes what belongs to the content.

        @param in   The next bytes.
        @param emit Called with pieces of decoded content.
        @return How many bytes were used: all of them unless done().
    */
    template <class Emit>
    std::size_t feed(std::string_view in, Emit&& emit)
    {
        std::size_t at = 0; // what was looked at
        run_           = 0; // what of it is still to be emitted
        while (at != in.size() && state_ != state::done)
        {
            char const c = in[at];
            switch (state_)
            {
            case state::line_start:
                if (c != '.')
                {
                    state_ = state::middle;
                    break;
                }
                flush(in, at, emit);
                run_   = ++at;
                state_ = state::dot;
                break;
            case state::dot: // not emitted: it is stuffing or the end
                if (c == '\r')
                {
                    run_   = ++at;
                    state_ = state::dot_cr;
                }
                else
                    state_ = state::middle;
                break;
            case state::dot_cr: // the CR is held back
                if (c == '\n')
                {
                    run_   = ++at;
                    state_ = state::done;
                }
                else
                {
                    emit(std::string_view("\r"));
                    ++bare_;
                    state_ = state::middle;
                }
                break;
            case state::cr: // emitted or in the run
                if (c == '\n')
                {
                    ++at;
                    state_ = state::line_start;
                }
                else
                {
                    ++bare_;
                    state_ = state::middle;
                }
                break;
            case state::middle: at = skip_line(in, at); break;
            case state::done: break;
            }
        }
        flush(in, at, emit);
        return at;
    }

    bool        done() const noexcept { return state_ == state::done; }
    std::size_t bare_newlines() const noexcept { return bare_; }

private:
    enum class state : unsigned char
    {
        line_start,
        dot,
        dot_cr,
        cr,
        middle,
        done
    };

    /// Goes on to the end of the line, or of what there is.
    std::size_t skip_line(std::string_view in, std::size_t at) noexcept
    {
        std::size_t const found = in.find('\n', at);
        std::size_t const end   = found == in.npos ? in.size() : found;
        // A CR anywhere but right before the LF is alone.
        auto const line = in.substr(0, end);
        for (std::size_t cr = line.find('\r', at); cr != line.npos; cr = line.find('\r', cr + 1))
        {
            if (cr + 1 != end)
                ++bare_;
            else
            {
                state_ = state::cr;
                return end;
            }
        }
        if (found == in.npos)
            return end;
        ++bare_; // an LF that follows no CR
        return found + 1;
    }

    template <class Emit>
    void flush(std::string_view in, std::size_t end, Emit& emit)
    {
        if (end > run_)
            emit(in.substr(run_, end - run_));
        run_ = end;
    }

    std::size_t bare_  = 0;
    std::size_t run_   = 0;
    state       state_ = state::line_start;
};

} // namespace posthorn::testing::detail

#endif
