//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// body_decoder: octets of a connection to octets of a body, chunked or not (RFC 9112, 6 and 7), without copies.

#ifndef POSTHORN_HTTP_BODY_DECODER_HPP
#define POSTHORN_HTTP_BODY_DECODER_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/framing.hpp>
#include <posthorn/http/head_parser.hpp>
#include <posthorn/http/headers.hpp>
#include <posthorn/http/response_head.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::http {

/** Finds the body among the octets of a connection.

    Chunk extensions are skipped, within limits. Trailers are kept apart. Nothing of the body is stored.
*/
class body_decoder
{
public:
    body_decoder() = default; ///< For no body.

    /// @param limits For trailers, and for chunk extensions.
    explicit body_decoder(framing f, head_limits limits = {})
        : end_(f.end), left_(f.length), limits_(limits), trailer_parser_(limits, head_parser::part::trailers),
          state_(f.end == body_end::chunked ? state::size : state::data)
    {
        if (f.end == body_end::none || (f.end == body_end::length && f.length == 0))
            state_ = state::done;
    }

    /** Takes octets up to the end of the first piece of body among them.

        @param in  What has arrived.
        @param out The piece, a part of `in`; may be empty.
        @param ec  Set to bad_chunk, or to what head_parser says about trailers.
        @return How many octets were taken. 0 if done() or `in` is empty. */
    std::size_t decode(std::string_view in, std::string_view& out, std::error_code& ec)
    {
        out = {};
        ec.clear();
        std::size_t at = 0;
        while (at != in.size() && state_ != state::done && !ec)
        {
            if (state_ == state::data)
            {
                auto const room = end_ == body_end::close ? in.size() - at
                                                          : static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size() - at));
                out = in.substr(at, room);
                octets_ += room;
                left_ -= end_ == body_end::close ? 0 : room;
                if (left_ == 0 && end_ != body_end::close)
                    state_ = end_ == body_end::chunked ? state::data_cr : state::done;
                return at + room;
            }
            if (state_ == state::trailers)
            {
                at += trailer_parser_.parse(in.substr(at), ec);
                if (trailer_parser_.done())
                {
                    trailers_ = trailer_parser_.take().fields;
                    state_    = state::done;
                }
                continue;
            }
            if (!take(in[at++]))
                ec = errc::bad_chunk;
        }
        return at;
    }

    /// Tells that the connection has ended in good order. @param ec Set to truncated_body if the body has not.
    void finish(std::error_code& ec)
    {
        ec.clear();
        if (end_ == body_end::close)
            state_ = state::done;
        if (state_ != state::done)
            ec = errc::truncated_body;
    }

    bool          done() const noexcept { return state_ == state::done; }
    std::uint64_t octets() const noexcept { return octets_; } ///< Of the body so far.
    headers const& trailers() const noexcept { return trailers_; }

private:
    enum class state : unsigned char
    {
        size,      ///< Digits of the size of a chunk.
        padding,   ///< Blanks behind it.
        extension, ///< `;` and what follows.
        size_lf,
        data,
        data_cr,
        data_lf,
        trailers,
        done
    };

    /// One octet of the chunked coding outside of data and trailers. False if it is wrong.
    bool take(char c)
    {
        switch (state_)
        {
        case state::size:
            if (int const digit = ascii::hex_value(c); digit >= 0)
            {
                // Any more digits could mean a number with no room in 63 bits.
                if (++digits_ > 16 || left_ > (most - static_cast<std::uint64_t>(digit)) / 16)
                    return false;
                left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
                return true;
            }
            if (digits_ == 0)
                return false;
            [[fallthrough]];
        case state::padding:
            if (c == ';')
                state_ = state::extension;
            else if (c == '\r')
                state_ = state::size_lf;
            else if (ascii::is_blank(c)) // old servers pad their sizes
                state_ = state::padding;
            else
                return false;
            return count_extension();
        case state::extension:
            if (c == '\r')
                state_ = state::size_lf;
            else if (c != '\t' && ascii::is_control(c))
                return false;
            return count_extension();
        case state::size_lf:
            if (c != '\n' || left_ > most - octets_)
                return false;
            line_  = 0;
            state_ = left_ == 0 ? state::trailers : state::data;
            return true;
        case state::data_cr:
            state_ = state::data_lf;
            return c == '\r';
        case state::data_lf:
            state_  = state::size;
            digits_ = 0;
            return c == '\n';
        case state::data:
        case state::trailers:
        case state::done: break;
        }
        return false;
    }

    /// Extensions may be somewhat longer than the data, no more: they cost work and bring nothing.
    bool count_extension() noexcept
    {
        ++line_;
        ++extensions_;
        return line_ <= limits_.line && (extensions_ <= limits_.total || extensions_ / 2 <= octets_);
    }

    static constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

    body_end      end_  = body_end::none;
    std::uint64_t left_ = 0; ///< Of the body, or of the chunk.
    head_limits   limits_;
    head_parser   trailer_parser_;
    headers       trailers_;
    state         state_      = state::done;
    unsigned      digits_     = 0;
    std::size_t   line_       = 0;
    std::uint64_t extensions_ = 0;
    std::uint64_t octets_     = 0;
};

} // namespace posthorn::http

#endif
