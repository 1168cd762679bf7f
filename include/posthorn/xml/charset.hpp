//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// From the octets of a document to UTF-8: which charset it is in, and the conversion, piece by piece.

#ifndef POSTHORN_XML_CHARSET_HPP
#define POSTHORN_XML_CHARSET_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/config.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/xml/detail/characters.hpp>
#include <posthorn/xml/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::xml {

enum class charset : unsigned char
{
    utf_8,
    windows_1252, ///< Also what labels of ISO-8859-1 and US-ASCII mean in practice.
    utf_16_le,
    utf_16_be
};

/** The charset a label names.

    The labels of ISO-8859-1 and US-ASCII give Windows-1252, a superset but for control characters that no document may
    contain. "UTF-16" is big-endian: a byte order mark is looked at before any label.
    @return Nothing for a label that is not known here.
*/
constexpr std::optional<charset> charset_of(std::string_view label) noexcept
{
    struct entry
    {
        std::string_view label;
        charset          value;
    };
    constexpr entry known[] = {
        {"utf-8", charset::utf_8},
        {"utf8", charset::utf_8},
        {"windows-1252", charset::windows_1252},
        {"cp1252", charset::windows_1252},
        {"cp-1252", charset::windows_1252},
        {"x-cp1252", charset::windows_1252},
        {"iso-8859-1", charset::windows_1252},
        {"iso8859-1", charset::windows_1252},
        {"iso_8859-1", charset::windows_1252},
        {"latin1", charset::windows_1252},
        {"l1", charset::windows_1252},
        {"us-ascii", charset::windows_1252},
        {"ascii", charset::windows_1252},
        {"utf-16", charset::utf_16_be},
        {"utf-16be", charset::utf_16_be},
        {"utf-16le", charset::utf_16_le},
    };
    for (auto const& e : known)
        if (ascii::iequals(label, e.label))
            return e.value;
    return std::nullopt;
}

/// Where the charset of a document is known from, besides the document itself.
struct charset_hints
{
    charset_hints() = default;

    std::string
        external; ///< The `charset` parameter of Content-Type; empty: none. An unknown one counts as none.
    std::optional<charset> fallback; ///< Taken instead of a declared charset that is not known here.
};

namespace detail {

/// The characters of Windows-1252 from 0x80 to 0x9f; 0 where there is none.
inline constexpr std::array<std::uint16_t, 32> windows_1252_high = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

/// The value of the encoding pseudo-attribute of an XML declaration, or nothing.
constexpr std::string_view declared_encoding(std::string_view declaration) noexcept
{
    constexpr auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    for (std::size_t at = 0; (at = declaration.find("encoding", at)) != declaration.npos; at += 8)
    {
        std::size_t i    = at + 8;
        auto const  skip = [&] {
            while (i < declaration.size() && is_space(declaration[i]))
                ++i;
        };
        if (at == 0 || !is_space(declaration[at - 1]))
            continue;
        skip();
        if (i == declaration.size() || declaration[i] != '=')
            continue;
        ++i;
        skip();
        if (i == declaration.size() || (declaration[i] != '"' && declaration[i] != '\''))
            continue;
        std::size_t const end = declaration.find(declaration[i], i + 1);
        return end == declaration.npos ? std::string_view() : declaration.substr(i + 1, end - i - 1);
    }
    return {};
}

/// How many octets at the front are ASCII, or a few less.
inline std::size_t ascii_prefix(std::string_view s) noexcept
{
    std::size_t i = 0;
    for (; s.size() - i >= 8; i += 8)
    {
        std::uint64_t word = 0;
        std::memcpy(&word, s.data() + i, 8);
        if ((word & 0x8080808080808080U) != 0)
            return i;
    }
    while (i != s.size() && !ascii::is_eight_bit(s[i]))
        ++i;
    return i;
}

/// How many octets at the front are well-formed UTF-8 that may stand in XML.
inline std::size_t valid_utf8(std::string_view s) noexcept
{
    std::size_t i = 0;
    while (i != s.size())
    {
        i += ascii_prefix(s.substr(i));
        if (i == s.size())
            break;
        std::size_t const n = posthorn::detail::utf8_sequence(s.substr(i, 4));
        // U+FFFE and U+FFFF are no characters of XML.
        if (n == 0 ||
            (n == 3 && s[i] == '\xef' && s[i + 1] == '\xbf' && static_cast<unsigned char>(s[i + 2]) >= 0xbe))
            break;
        i += n;
    }
    return i;
}

/// Can more octets complete the sequence at the front, which is not well-formed as it is?
constexpr bool is_unfinished_utf8(std::string_view s) noexcept
{
    auto const        lead = static_cast<unsigned char>(s[0]);
    std::size_t const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
    if (s.size() >= size || lead > 0xf4)
        return false;
    for (std::size_t i = 1; i < s.size(); ++i)
        if ((static_cast<unsigned char>(s[i]) & 0xc0U) != 0x80)
            return false;
    return true;
}

} // namespace detail

/** Makes UTF-8 of a document, wherever the network cuts it.

    The charset comes from the byte order mark, else from Content-Type, else from the XML declaration, else it is
    UTF-8 (RFC 7303, 3.2). What is invalid in it becomes U+FFFD and is counted. The byte order mark is taken away; the
    declaration stays. The output is well-formed UTF-8, but may hold control characters.

    @par Thread safety
    Like std::string.
*/
class decoder
{
public:
    explicit decoder(charset_hints hints = {}) : hints_(std::move(hints)) {}

    /** Decode a piece.
        @param in   Octets, not kept.
        @param sink Called with pieces of UTF-8, which are views of `in` or of a buffer that the next piece overwrites.
        @return Nothing, or errc::unsupported_charset, again with each further call.
    */
    template <class Sink>
    std::error_code feed(std::string_view in, Sink&& sink)
    {
        if (failed_)
            return failed_;
        if (!known_)
        {
            std::size_t const taken = std::min(in.size(), head_limit - std::min(head_.size(), head_limit));
            head_.append(in.substr(0, taken));
            in.remove_prefix(taken);
            if (!detect(false))
                return failed_;
            std::string const head = std::exchange(head_, {});
            convert(std::string_view(head).substr(mark_), sink);
        }
        convert(in, sink);
        return {};
    }

    /// The input has ended. @param sink As of feed().
    template <class Sink>
    std::error_code finish(Sink&& sink)
    {
        if (!failed_ && !known_)
        {
            if (!detect(true))
                return failed_;
            std::string const head = std::exchange(head_, {});
            convert(std::string_view(head).substr(mark_), sink);
        }
        if (!failed_ && !held_.empty())
        {
            held_.clear();
            replace(sink);
        }
        return failed_;
    }

    /// The charset, once it is known.
    std::optional<charset> detected() const noexcept { return known_; }

    /// How many invalid octets or code units became U+FFFD.
    std::size_t replaced() const noexcept { return replaced_; }

    /// The label that was not known; of use after errc::unsupported_charset. Not safe to show.
    std::string const& label() const noexcept { return label_; }

private:
    static constexpr std::size_t head_limit = 1024;

    /// Decides on the charset if head_ is enough for it.
    bool detect(bool last)
    {
        std::string_view const head  = head_;
        auto const             marks = [&](std::string_view mark, charset c) {
            if (head.substr(0, mark.size()) != mark)
                return false;
            mark_  = mark.size();
            known_ = c;
            return true;
        };
        if (!last && head.size() < 4)
            return false;
        if (marks("\xef\xbb\xbf", charset::utf_8) || marks("\xff\xfe", charset::utf_16_le) ||
            marks("\xfe\xff", charset::utf_16_be))
            return true;
        if (head.substr(0, 2) == std::string_view("<\0", 2))
            known_ = charset::utf_16_le;
        else if (head.substr(0, 2) == std::string_view("\0<", 2))
            known_ = charset::utf_16_be;
        else if (auto const external = charset_of(hints_.external))
            known_ = external;
        if (known_)
            return true;

        constexpr std::string_view opening = "<?xml";
        if (head.substr(0, opening.size()) != opening.substr(0, head.size()))
        {
            known_ = charset::utf_8;
            return true;
        }
        std::size_t const end = head.find("?>");
        if (end == head.npos && !last && head.size() < head_limit)
            return false;
        auto const encoding = detail::declared_encoding(head.substr(0, end));
        known_              = encoding.empty() ? charset::utf_8 : charset_of(encoding);
        if (!known_)
            known_ = hints_.fallback;
        if (!known_)
        {
            label_  = encoding;
            failed_ = errc::unsupported_charset;
            return false;
        }
        // The declaration has just been read octet by octet, so this label is a lie.
        if (known_ == charset::utf_16_le || known_ == charset::utf_16_be)
            known_ = charset::utf_8;
        return true;
    }

    template <class Sink>
    void convert(std::string_view in, Sink& sink)
    {
        if (in.empty())
            return;
        switch (*known_)
        {
        case charset::utf_8: convert_utf8(in, sink); break;
        case charset::windows_1252: convert_windows(in, sink); break;
        default: convert_utf16(in, sink); break;
        }
    }

    template <class Sink>
    void replace(Sink& sink)
    {
        ++replaced_;
        sink(detail::replacement);
    }

    template <class Sink>
    void convert_utf8(std::string_view in, Sink& sink)
    {
        while (!held_.empty() && !in.empty()) // the front of a sequence, up to three octets
        {
            held_ += in[0];
            in.remove_prefix(1);
            settle_held(sink);
        }
        while (!in.empty())
        {
            std::size_t const good = detail::valid_utf8(in);
            if (good != 0)
                sink(in.substr(0, good));
            in.remove_prefix(good);
            if (in.empty())
                break;
            if (detail::is_unfinished_utf8(in))
            {
                held_ = in;
                break;
            }
            replace(sink);
            in.remove_prefix(1);
        }
    }

    template <class Sink>
    void settle_held(Sink& sink)
    {
        while (!held_.empty())
        {
            std::size_t const good = detail::valid_utf8(held_);
            if (good == 0 && detail::is_unfinished_utf8(held_))
                return;
            if (good != 0)
                sink(std::string_view(held_).substr(0, good));
            else
                replace(sink);
            held_.erase(0, good == 0 ? 1 : good);
        }
    }

    template <class Sink>
    void convert_windows(std::string_view in, Sink& sink)
    {
        while (!in.empty())
        {
            auto const piece = in.substr(0, 4096);
            in.remove_prefix(piece.size());
            if (detail::ascii_prefix(piece) == piece.size())
            {
                sink(piece);
                continue;
            }
            buffer_.clear();
            for (char const c : piece)
            {
                auto const u = static_cast<unsigned char>(c);
                if (u < 0x80)
                {
                    buffer_ += c;
                    continue;
                }
                std::uint32_t const point = u < 0xa0 ? detail::windows_1252_high[u - 0x80U] : u;
                if (point == 0)
                {
                    ++replaced_;
                    buffer_ += detail::replacement;
                }
                else
                    detail::append_utf8(point, buffer_);
            }
            sink(std::string_view(buffer_));
        }
    }

    template <class Sink>
    void convert_utf16(std::string_view in, Sink& sink)
    {
        buffer_.clear();
        for (char const c : in)
        {
            held_ += c;
            if (held_.size() % 2 == 0)
                settle_unit();
            if (buffer_.size() >= 4096)
            {
                sink(std::string_view(buffer_));
                buffer_.clear();
            }
        }
        if (!buffer_.empty())
            sink(std::string_view(buffer_));
    }

    /// held_ has one code unit, or two of which the first is a high surrogate.
    void settle_unit()
    {
        auto const unit = [&](std::size_t at) -> std::uint32_t {
            auto const a = static_cast<unsigned char>(held_[at]);
            auto const b = static_cast<unsigned char>(held_[at + 1]);
            return *known_ == charset::utf_16_be ? std::uint32_t{a} << 8U | b : std::uint32_t{b} << 8U | a;
        };
        auto const bad = [&] {
            ++replaced_;
            buffer_ += detail::replacement;
        };
        if (held_.size() == 4)
        {
            if (std::uint32_t const low = unit(2); detail::is_low_surrogate(low))
            {
                detail::append_utf8(detail::join_surrogates(unit(0), low), buffer_);
                held_.clear();
                return;
            }
            bad();
            held_.erase(0, 2);
        }
        std::uint32_t const first = unit(0);
        if (detail::is_high_surrogate(first))
            return;
        held_.clear();
        // Control characters are left to whoever reads the text.
        if (detail::is_low_surrogate(first) || first >= 0xfffe)
            bad();
        else
            detail::append_utf8(first, buffer_);
    }

    charset_hints          hints_;
    std::optional<charset> known_;
    std::error_code        failed_;
    std::string            head_; ///< What came before the charset was known.
    std::string            held_; ///< The front of a character.
    std::string            buffer_;
    std::string            label_;
    std::size_t            mark_     = 0; ///< Octets of the byte order mark.
    std::size_t            replaced_ = 0;
};

} // namespace posthorn::xml

#endif
