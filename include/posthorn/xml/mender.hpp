//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Repairs what mail servers get wrong in XML, in a stream, before a strict parser sees it.

#ifndef POSTHORN_XML_MENDER_HPP
#define POSTHORN_XML_MENDER_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/config.hpp>
#include <posthorn/xml/detail/characters.hpp>
#include <posthorn/xml/detail/expat.hpp>
#include <posthorn/xml/detail/html_entities.hpp>
#include <posthorn/xml/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::xml {

/// What had to be changed to make a document readable.
struct repairs
{
    std::size_t ampersands = 0; ///< `&` that began no reference; now `&amp;`.
    std::size_t entities   = 0; ///< Entities of HTML that were replaced by their characters.
    std::size_t references = 0; ///< Character references dropped, joined (surrogates) or replaced by U+FFFD.
    std::size_t markup     = 0; ///< Elements of free text in which `<` was escaped.
    std::size_t controls   = 0; ///< Control characters dropped.
    std::size_t octets     = 0; ///< Octets or code units invalid in the charset, now U+FFFD.

    constexpr bool any() const noexcept
    {
        return (ampersands | entities | references | markup | controls | octets) != 0;
    }

    friend bool operator==(repairs const&, repairs const&) = default;
};

/** Turns UTF-8 that servers take for XML into XML.

    A well-formed document passes unchanged, octet for octet, so nothing is repaired that a strict parser would have
    taken. (But an element of `free_text` must not hold another of its name, nor a comment with its own end tag.)

    Outside of comments, instructions and CDATA:
    @li `&` that begins no reference becomes `&amp;`; entities of HTML become their characters;
    @li references to characters that no document may contain are dropped; two that are a pair of surrogates become the
        one character that was meant, half a pair U+FFFD;
    @li in the elements of `free_text`, `<` becomes `&lt;` if their content is not well-formed.

    Everywhere, control characters other than tab and line ends are dropped. The structure is never repaired. A document
    type declaration is refused here, where HTML's is seen as well, which no parser of XML takes for one.

    Of the input, at most one reference and one element of free text are held back.

    @par Thread safety
    Like std::string.
*/
class mender
{
public:
    /** @param free_text Local names of the elements whose text may hold stray `<`; must outlive the mender.
        @param markup_limit Octets of one tag, comment or instruction.
        @param text_limit   Octets of one element of free text from its first `<` on.
    */
    explicit mender(std::span<std::string_view const> free_text = {}, std::size_t markup_limit = 64 * 1024,
                    std::size_t text_limit = 64 * 1024)
        : free_text_(free_text), markup_limit_(markup_limit), text_limit_(text_limit)
    {
    }

    /** Mend a piece.
        @param in   UTF-8; not kept.
        @param sink Called with pieces of the result, views that are valid during the call.
        @return Nothing, errc::markup_too_long, errc::text_too_long or errc::doctype_refused; then of no further use.
    */
    template <class Sink>
    std::error_code feed(std::string_view in, Sink&& sink)
    {
        std::size_t begin = 0; // of what can be passed on as it is
        std::size_t i     = 0;
        auto const  pass  = [&](std::size_t end) {
            if (end > begin)
                emit(in.substr(begin, end - begin), sink);
            begin = end;
        };
        while (i != in.size() && !failed_)
        {
            if (state_ == state::reference)
            {
                i     = reference(in, i, sink);
                begin = i;
                continue;
            }
            if (high_ != 0 && in[i] != '&')
                half_a_pair(sink);
            std::size_t const at = next_special(in, i);
            count_markup(at - i + (at == in.size() ? 0 : 1));
            i = at;
            if (i == in.size() || failed_)
                break;
            char const c = in[i];
            if (is_dropped(c))
            {
                pass(i);
                begin = ++i;
                ++made_.controls;
                continue;
            }
            if (c == '&' &&
                (state_ == state::text || state_ == state::tag || (state_ == state::free && !cdata_)))
            {
                pass(i);
                count_markup(longest_reference);
                begin  = ++i;
                held_  = '&';
                outer_ = state_;
                state_ = state::reference;
                continue;
            }
            i = markup(in, i, pass, sink);
        }
        if (!failed_ && state_ != state::reference)
            pass(in.size());
        remember(in);
        return failed_;
    }

    /// The input has ended: what was held back is passed on as it is.
    template <class Sink>
    std::error_code finish(Sink&& sink)
    {
        if (failed_)
            return failed_;
        if (state_ == state::reference)
            no_reference(sink);
        if (high_ != 0)
            half_a_pair(sink);
        if (state_ == state::free)
        {
            state_ = state::text;
            emit(std::exchange(suspect_, {}), sink);
        }
        return {};
    }

    repairs const& made() const noexcept { return made_; }

private:
    enum class state : unsigned char
    {
        text,
        opening, ///< After `<`, while it is open what follows.
        tag,     ///< In a start or end tag.
        comment,
        cdata,
        instruction,
        other,     ///< `<!` and something else: for the parser to refuse.
        reference, ///< After `&`; see outer_.
        free       ///< After the first `<` in an element of free text: collects until its end tag.
    };

    // Which octets a state must look at.
    static constexpr std::uint8_t in_text = 1, in_tag = 2, in_quotes = 4, in_markup = 8, in_free = 16,
                                  name_end = 32, dropped = 128;

    static constexpr std::array<std::uint8_t, 256> classes = [] {
        std::array<std::uint8_t, 256> table{};
        for (std::size_t c = 0; c < 0x20; ++c)
            table[c] = c == '\t' || c == '\n' || c == '\r' ? name_end : 0xff;
        table['<'] = in_text;
        table['&'] = in_text | in_tag | in_quotes | in_free;
        table['>'] = in_tag | in_markup | in_free;
        table['"'] = table['\''] = in_tag;
        table['/'] = table['['] = in_free;
        for (char const c : {' ', '>', '&', '"', '\'', '/'})
            table[static_cast<unsigned char>(c)] |= name_end;
        return table;
    }();

    static std::uint8_t class_of(char c) noexcept { return classes[static_cast<unsigned char>(c)]; }
    static bool         is_dropped(char c) noexcept { return (class_of(c) & dropped) != 0; }

    std::size_t next_special(std::string_view in, std::size_t i) const noexcept
    {
        std::uint8_t mask = in_markup;
        switch (state_)
        {
        case state::text: mask = in_text; break;
        case state::opening: return i;
        case state::tag:
            if (quote_ != 0) // the other quote is passed over
            {
                while (i != in.size() && in[i] != quote_ && (class_of(in[i]) & in_quotes) == 0)
                    ++i;
                return i;
            }
            mask = in_tag;
            break;
        case state::free: mask = in_free; break;
        default: break;
        }
        auto const* const begin = in.data();
        auto const* const end   = begin + in.size();
        auto const*       p     = begin + i;
        while (end - p >= 4 &&
               ((class_of(p[0]) | class_of(p[1]) | class_of(p[2]) | class_of(p[3])) & mask) == 0)
            p += 4;
        while (p != end && (class_of(*p) & mask) == 0)
            ++p;
        return static_cast<std::size_t>(p - begin);
    }

    void count_markup(std::size_t octets) noexcept
    {
        if (state_ == state::text || state_ == state::cdata || state_ == state::free)
            return;
        markup_ += octets;
        if (markup_ > markup_limit_)
            failed_ = errc::markup_too_long;
    }

    template <class Sink>
    void emit(std::string_view piece, Sink& sink)
    {
        if (piece.empty())
            return;
        if (state_ != state::free && !(state_ == state::reference && outer_ == state::free))
            sink(piece);
        else if (piece.size() > text_limit_ - std::min(suspect_.size(), text_limit_))
            failed_ = errc::text_too_long;
        else
            suspect_ += piece;
    }

    /// The octet `back` places before in[i], which may have come with an earlier piece.
    char before(std::string_view in, std::size_t i, std::size_t back) const noexcept
    {
        return i >= back ? in[i - back] : last_[last_.size() - (back - i)];
    }

    void remember(std::string_view in) noexcept
    {
        if (in.size() >= last_.size())
            std::copy(in.end() - static_cast<std::ptrdiff_t>(last_.size()), in.end(), last_.begin());
        else
            for (char const c : in)
            {
                last_[0] = last_[1];
                last_[1] = c;
            }
    }

    /// in[i] is special in a state that is not about references. @return Where to go on.
    template <class Pass, class Sink>
    std::size_t markup(std::string_view in, std::size_t i, Pass const& pass, Sink& sink)
    {
        char const c = in[i];
        switch (state_)
        {
        case state::text:
            markup_ = 0;
            if (!element_.empty()) // free text: from here on nothing is passed on before its end tag
            {
                pass(i);
                state_ = state::free;
                cdata_ = false;
                close_ = std::string::npos;
            }
            else
            {
                state_ = state::opening;
                opening_.clear();
            }
            return i + 1;
        case state::opening: return opening(in, i);
        case state::tag:
            if (c == quote_)
                quote_ = 0;
            else if (quote_ == 0 && c != '>')
                quote_ = c;
            else if (quote_ == 0)
            {
                if (before(in, i, 1) != '/' && opening_[0] != '/' && is_free_text(opening_))
                    element_ = opening_;
                state_ = state::text;
            }
            return i + 1;
        case state::comment:
            if (markup_ >= 3 && before(in, i, 1) == '-' && before(in, i, 2) == '-') // "<!-->" does not end it
                state_ = state::text;
            return i + 1;
        case state::cdata:
            if (before(in, i, 1) == ']' && before(in, i, 2) == ']')
                state_ = state::text;
            return i + 1;
        case state::instruction:
            if (before(in, i, 1) == '?')
                state_ = state::text;
            return i + 1;
        case state::free:
            pass(i + 1);
            if (!failed_)
                free_markup(c, sink);
            return i + 1;
        default: return i + 1;
        }
    }

    /// Collects what follows `<` until it is clear what it is.
    std::size_t opening(std::string_view in, std::size_t i)
    {
        constexpr std::string_view comment = "!--", cdata = "![CDATA[", doctype = "!DOCTYPE";
        for (; i != in.size(); ++i)
        {
            char const c = in[i];
            if (is_dropped(c))
                return i;
            if (opening_.empty() && c == '?')
                return state_ = state::instruction, i + 1;
            if ((opening_.empty() && c == '!') || (!opening_.empty() && opening_[0] == '!'))
            {
                opening_ += c;
                count_markup(1);
                if (opening_ == comment)
                {
                    markup_       = 0;
                    return state_ = state::comment, i + 1;
                }
                if (opening_ == cdata)
                    return state_ = state::cdata, i + 1;
                if (ascii::iequals(opening_, doctype))
                    return failed_ = errc::doctype_refused, i;
                if (comment.substr(0, opening_.size()) != opening_ &&
                    cdata.substr(0, opening_.size()) != opening_ &&
                    !ascii::iequals(doctype.substr(0, opening_.size()), opening_))
                    return state_ = state::other, i;
                continue;
            }
            // A name; a slash may begin that of an end tag.
            std::size_t j = i + (c == '/' && opening_.empty() ? 1 : 0);
            while (j != in.size() && (class_of(in[j]) & name_end) == 0)
                ++j;
            std::size_t const room = longest_name - opening_.size();
            bool const        ends = j != in.size() || j - i > room;
            j                      = std::min(j, i + room);
            opening_.append(in, i, j - i);
            count_markup(j - i);
            i = j;
            if (!ends)
                return i;
            if (i != in.size() && is_dropped(in[i]))
                return i;
            if (opening_.empty())
                opening_ = '>'; // no name at all
            quote_ = 0;
            state_ = state::tag;
            return i;
        }
        return i;
    }

    bool is_free_text(std::string_view qualified) const noexcept
    {
        auto const colon = qualified.find(':');
        auto const local = colon == qualified.npos ? qualified : qualified.substr(colon + 1);
        return std::find(free_text_.begin(), free_text_.end(), local) != free_text_.end();
    }

    /// The last octet of suspect_ is one that may matter.
    template <class Sink>
    void free_markup(char c, Sink& sink)
    {
        std::string_view const all = suspect_;
        if (c == '[')
        {
            cdata_ = cdata_ || all.ends_with("<![CDATA[");
            return;
        }
        if (cdata_)
        {
            if (all.ends_with("]]>"))
                cdata_ = false;
            return;
        }
        if (c == '/')
        {
            if (all.ends_with("</"))
                close_ = all.size() - 2;
            return;
        }
        if (c != '>' || close_ == std::string::npos)
            return;
        auto tail = all.substr(close_ + 2);
        if (!tail.starts_with(element_))
            return;
        tail.remove_prefix(element_.size());
        if (tail.find_first_not_of(" \t\r\n") != tail.size() - 1)
            return;
        judge(sink);
    }

    /// The element of free text is complete.
    template <class Sink>
    void judge(Sink& sink)
    {
        std::string const all = std::exchange(suspect_, {});
        state_                = state::text;
        element_.clear();
        std::string_view content = std::string_view(all).substr(0, close_);
        if (content.empty() || detail::is_well_formed_content(content))
            return emit(all, sink);
        ++made_.markup;
        for (std::size_t less = 0; (less = content.find('<')) != content.npos;)
        {
            emit(content.substr(0, less), sink);
            emit("&lt;", sink);
            content.remove_prefix(less + 1);
        }
        emit(content, sink);
        emit(std::string_view(all).substr(close_), sink);
    }

    /// Goes on with a reference from in[i]. @return Where to go on.
    template <class Sink>
    std::size_t reference(std::string_view in, std::size_t i, Sink& sink)
    {
        for (; i != in.size(); ++i)
        {
            char const c = in[i];
            if (c == ';')
            {
                complete_reference(sink);
                return i + 1;
            }
            bool const possible = ascii::is_alnum(c) || (c == '#' && held_.size() == 1);
            if (!possible || held_.size() == longest_reference)
            {
                no_reference(sink);
                return i;
            }
            held_ += c;
        }
        return i;
    }

    /// held_ has `&` and a name or number; `;` has just come.
    template <class Sink>
    void complete_reference(Sink& sink)
    {
        std::string_view const body = std::string_view(held_).substr(1);
        if (body == "amp" || body == "lt" || body == "gt" || body == "quot" || body == "apos")
        {
            if (high_ != 0)
                half_a_pair(sink);
            held_ += ';';
            emit(held_, sink);
            state_ = outer_;
        }
        else if (body.starts_with('#'))
            character_reference(body.substr(1), sink);
        else if (std::uint32_t const c = detail::html_character(body))
        {
            if (high_ != 0)
                half_a_pair(sink);
            ++made_.entities;
            emit_character(c, sink);
            state_ = outer_;
        }
        else
        {
            held_ += ';';
            no_reference(sink);
        }
    }

    /// @param digits All between `&#` and `;`.
    template <class Sink>
    void character_reference(std::string_view digits, Sink& sink)
    {
        std::string_view const number = digits.starts_with('x') ? digits.substr(1) : digits;
        std::uint32_t const    base   = number.size() != digits.size() ? 16 : 10;
        std::uint32_t          value  = 0;
        bool                   valid  = !number.empty();
        for (char const c : number)
        {
            int const digit = base == 16 ? ascii::hex_value(c) : ascii::is_digit(c) ? c - '0' : -1;
            if (digit < 0)
                valid = false;
            else if (value <= 0x10ffff)
                value = value * base + static_cast<std::uint32_t>(digit);
        }
        if (!valid)
        {
            held_ += ';';
            return no_reference(sink);
        }
        if (detail::is_low_surrogate(value) && high_ != 0)
        {
            ++made_.references;
            emit_character(detail::join_surrogates(std::exchange(high_, 0U), value), sink);
        }
        else
        {
            if (high_ != 0)
                half_a_pair(sink);
            if (detail::is_high_surrogate(value))
                high_ = value;
            else if (detail::is_low_surrogate(value))
            {
                ++made_.references;
                emit(detail::replacement, sink);
            }
            else if (!detail::is_character(value))
                ++made_.references;
            else
            {
                held_ += ';';
                emit(held_, sink);
            }
        }
        state_ = outer_;
    }

    /// held_ was no reference after all.
    template <class Sink>
    void no_reference(Sink& sink)
    {
        if (high_ != 0)
            half_a_pair(sink);
        ++made_.ampersands;
        emit("&amp;", sink);
        emit(std::string_view(held_).substr(1), sink);
        state_ = outer_;
    }

    template <class Sink>
    void half_a_pair(Sink& sink)
    {
        high_ = 0;
        ++made_.references;
        emit(detail::replacement, sink);
    }

    template <class Sink>
    void emit_character(std::uint32_t c, Sink& sink)
    {
        std::string text;
        detail::append_utf8(c, text);
        emit(text, sink);
    }

    static constexpr std::size_t longest_name      = 256;
    static constexpr std::size_t longest_reference = 32;

    std::span<std::string_view const> free_text_;
    std::size_t                       markup_limit_;
    std::size_t                       text_limit_;
    repairs                           made_;
    std::error_code                   failed_;
    state                             state_ = state::text;
    state                             outer_ = state::text; ///< Where a reference stands.
    bool                              cdata_ = false;       ///< In a CDATA section of free text.
    char                              quote_ = 0;           ///< The quote an attribute value began with.
    std::array<char, 2>               last_{};
    std::size_t                       markup_ = 0; ///< Octets of the present markup.
    std::size_t                       close_  = 0; ///< Where the last `</` stands in suspect_.
    std::uint32_t                     high_   = 0; ///< A high surrogate that waits for its other half.
    std::string                       held_;       ///< A reference without its end.
    std::string                       opening_;    ///< What follows `<`, up to the end of the name.
    std::string                       element_;    ///< The qualified name of the open element of free text.
    std::string                       suspect_;    ///< Its content from the first `<` on.
};

} // namespace posthorn::xml

#endif
