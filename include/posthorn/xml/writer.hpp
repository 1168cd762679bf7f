//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Writes XML: escapes texts, checks names, chooses prefixes.

#ifndef POSTHORN_XML_WRITER_HPP
#define POSTHORN_XML_WRITER_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/config.hpp>
#include <posthorn/xml/charset.hpp>
#include <posthorn/xml/error.hpp>
#include <posthorn/xml/name.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::xml {

/// Can all of this be written? UTF-8 without control characters other than tab and line ends.
inline bool is_text(std::string_view text) noexcept
{
    if (detail::valid_utf8(text) != text.size())
        return false;
    for (char const c : text)
        if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return false;
    return true;
}

/** Append text so that a reader gets the same back, as the content of an element or a quoted attribute value.
    @throws error errc::bad_text unless is_text(); nothing was appended then.
*/
inline void escape(std::string_view text, std::string& out, bool attribute = false)
{
    if (!is_text(text))
        throw error(errc::bad_text, "control characters, or no UTF-8");
    for (char const c : text)
        switch (c)
        {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '\r': out += "&#13;"; break; // else it would become a line feed
        case '"': out += attribute ? "&quot;" : "\""; break;
        case '\t': out += attribute ? "&#9;" : "\t"; break;
        case '\n': out += attribute ? "&#10;" : "\n"; break;
        default: out += c; break;
        }
}

/** Writes a document in UTF-8 onto a string.

    Namespaces are declared on the root element, each with its prefix, so that readers which only look at prefixes get
    what they expect. Elements stand on lines of their own, indented by tabs, unless they hold text.

    @par Example
    @code
    std::string out;
    writer w(out);
    w.bind("D", "DAV:");
    w.start({"DAV:", "prop"});
    w.element({"DAV:", "displayname"}, "a & b");
    w.end();
    @endcode

    @par Thread safety
    Like std::string.
*/
class writer
{
public:
    /// @param out Gets the declaration `<?xml version="1.0"?>` at once; must outlive the writer.
    explicit writer(std::string& out) : out_(&out) { out += "<?xml version=\"1.0\"?>\r\n"; }

    /** A prefix for a namespace, to be declared on the root element. A namespace that is bound already keeps its
        prefix.
        @pre No element was written; the prefix is a name and not in use.
    */
    void bind(std::string_view prefix, std::string_view space)
    {
        POSTHORN_ASSERT(open_.empty() && !started_ && is_local_name(prefix));
        if (space.empty() || prefix_of(space) != nullptr)
            return;
        bindings_.emplace_back(std::string(prefix), std::string(space));
    }

    /// As bind(), with a prefix made up here.
    void bind(std::string_view space) { bind("n" + std::to_string(bindings_.size()), space); }

    /** Opens an element.
        @throws error errc::bad_name if the local part is no name or the namespace is not bound.
    */
    void start(name const& n)
    {
        std::string q = qualified(n);
        begin_line();
        *out_ += '<';
        *out_ += q;
        declare();
        open_.push_back(std::move(q));
        in_tag_ = true;
    }

    /// Of the element just opened. @throws error As of start() and escape().
    void attribute(name const& n, std::string_view value)
    {
        POSTHORN_ASSERT(in_tag_);
        std::string const q = qualified(n);
        *out_ += ' ';
        *out_ += q;
        *out_ += "=\"";
        escape(value, *out_, true);
        *out_ += '"';
    }

    /// Text inside the open element. @throws error As of escape().
    void text(std::string_view t)
    {
        POSTHORN_ASSERT(!open_.empty());
        if (std::exchange(in_tag_, false))
            *out_ += '>';
        escape(t, *out_);
        inline_ = true;
    }

    /// Closes the innermost element.
    void end()
    {
        POSTHORN_ASSERT(!open_.empty());
        std::string const q = std::move(open_.back());
        open_.pop_back();
        if (std::exchange(in_tag_, false))
            *out_ += "/>";
        else
        {
            if (!inline_)
                indent();
            *out_ += "</" + q + '>';
        }
        inline_ = false;
        *out_ += "\r\n";
    }

    /// An element without content.
    void empty(name const& n)
    {
        start(n);
        end();
    }

    /// An element with nothing but text. @throws error As of start() and text().
    void element(name const& n, std::string_view content)
    {
        start(n);
        text(content);
        end();
    }

private:
    std::string const* prefix_of(std::string_view space) const noexcept
    {
        for (auto const& b : bindings_)
            if (b.second == space)
                return &b.first;
        return nullptr;
    }

    std::string qualified(name const& n) const
    {
        if (!is_local_name(n.local))
            throw error(errc::bad_name, printable(n.local, 100));
        if (n.space.empty())
            return std::string(n.local);
        auto const* prefix = prefix_of(n.space);
        if (prefix == nullptr)
            throw error(errc::bad_name, "this namespace has no prefix: " + printable(n.space, 200));
        return *prefix + ':' + std::string(n.local);
    }

    void declare()
    {
        if (std::exchange(started_, true))
            return;
        for (auto const& [prefix, space] : bindings_)
        {
            *out_ += " xmlns:" + prefix + "=\"";
            escape(space, *out_, true);
            *out_ += '"';
        }
    }

    void indent() { out_->append(open_.size(), '\t'); }

    void begin_line()
    {
        if (std::exchange(in_tag_, false))
            *out_ += ">\r\n";
        if (!inline_)
            indent();
    }

    std::string*                                     out_;
    std::vector<std::pair<std::string, std::string>> bindings_; ///< Prefix and namespace.
    std::vector<std::string>                         open_;
    bool                                             started_ = false;
    bool                                             in_tag_  = false; ///< The last start tag has no end yet.
    bool                                             inline_  = false; ///< The open element has text.
};

} // namespace posthorn::xml

#endif
