//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Encoded words in the texts of header fields (RFC 2047): some servers hand them on as they came.

#ifndef POSTHORN_HTTPMAIL_ENCODED_WORDS_HPP
#define POSTHORN_HTTPMAIL_ENCODED_WORDS_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/httpmail/detail/code_page.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::httpmail {

namespace detail {

/// One encoded word.
struct encoded_word
{
    std::string charset; ///< Lower case, without a language.
    std::string octets;
    std::size_t size = 0; ///< Of the word in the text.
};

/// RFC 2047 allows 75; longer ones occur. A bound, so that time does not grow with the square of a text.
inline constexpr std::size_t longest_word = 2000;

inline std::optional<std::string> decode_q(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i != text.size(); ++i)
    {
        if (text[i] == '_')
            out += ' ';
        else if (text[i] != '=')
            out += text[i];
        else
        {
            int const high = text.size() - i > 2 ? ascii::hex_value(text[i + 1]) : -1;
            int const low  = high < 0 ? -1 : ascii::hex_value(text[i + 2]);
            if (low < 0)
                return std::nullopt;
            out += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
            i += 2;
        }
    }
    return out;
}

/// The word that `text` begins with; nothing if it is none that can be read here.
inline std::optional<encoded_word> read_word(std::string_view text)
{
    text = text.substr(0, longest_word);
    if (text.substr(0, 2) != "=?")
        return std::nullopt;
    auto const second = text.find('?', 2);
    if (second == text.npos || text.size() - second < 5 || text[second + 2] != '?')
        return std::nullopt;
    auto const end = text.find("?=", second + 3);
    if (end == text.npos)
        return std::nullopt;
    encoded_word w;
    w.size            = end + 2;
    auto const name   = text.substr(2, second - 2);
    w.charset         = ascii::to_lower(name.substr(0, name.find('*'))); // RFC 2231, 5
    auto const inside = text.substr(second + 3, end - second - 3);
    char const how    = ascii::to_lower(text[second + 1]);
    auto const octets = how == 'q' ? decode_q(inside) : how == 'b' ? codec::base64_decode(inside) : std::nullopt;
    if (!octets || inside.find(' ') != inside.npos)
        return std::nullopt;
    w.octets = *octets;
    for (std::string_view const known : {"utf-8", "us-ascii", "iso-8859-1", "windows-1252"})
        if (w.charset == known)
            return w;
    return std::nullopt;
}

} // namespace detail

/** The text with its encoded words decoded; what cannot be decoded stays as it is.

    @return May hold any characters, line ends among them, where the words do. */
inline std::string decode_words(std::string_view text)
{
    std::string out, octets, charset, between;
    auto const  flush = [&] {
        out += charset == "utf-8" ? detail::from_utf8(octets) : detail::from_windows_1252(octets);
        octets.clear();
        charset.clear();
    };
    while (!text.empty())
    {
        if (auto const word = detail::read_word(text))
        {
            // Characters are cut in two between words, so those of one charset are decoded together.
            if (!charset.empty() && charset != word->charset)
                flush();
            between.clear();
            charset = word->charset;
            octets += word->octets;
            text.remove_prefix(word->size);
            continue;
        }
        char const c     = text.front();
        bool const space = ascii::is_blank(c) || c == '\r' || c == '\n';
        text.remove_prefix(1);
        if (space && !charset.empty())
        {
            between += c;
            continue;
        }
        if (!charset.empty())
            flush();
        out += between;
        between.clear();
        out += c;
    }
    if (!charset.empty())
        flush();
    return out + between;
}

} // namespace posthorn::httpmail

#endif
