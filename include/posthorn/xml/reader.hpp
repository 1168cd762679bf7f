//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Reads XML as a stream of elements and texts: Expat's grammar, own namespaces, charsets, limits and repairs.

#ifndef POSTHORN_XML_READER_HPP
#define POSTHORN_XML_READER_HPP

#include <posthorn/core/config.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/xml/charset.hpp>
#include <posthorn/xml/detail/expat.hpp>
#include <posthorn/xml/error.hpp>
#include <posthorn/xml/mender.hpp>
#include <posthorn/xml/name.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::xml {

/// One attribute. Declarations of namespaces are none.
struct attribute
{
    name             key;
    std::string_view value;
};

/// The beginning of an element. All views are valid during the call that brought it.
struct element
{
    name                       key;
    std::span<attribute const> attributes;

    /// The value of an attribute, or nullptr.
    std::string_view const* find(name const& n) const noexcept
    {
        for (auto const& a : attributes)
            if (a.key == n)
                return &a.value;
        return nullptr;
    }
};

/** Takes what a reader finds. An exception thrown here leaves reader::feed() as it is; the reader cannot be used
    afterwards.
*/
class handler
{
public:
    virtual void start(element const& e) = 0;
    /// Text, in pieces of any size, between the tags of the innermost open element.
    virtual void text(std::string_view part) = 0;
    virtual void end(name const& n)          = 0;

protected:
    ~handler() = default;
};

/// Upper bounds for one document.
struct reader_limits
{
    std::size_t   depth      = 64;               ///< Nested elements.
    std::size_t   attributes = 64;               ///< Of one element, namespace declarations included.
    std::size_t   markup     = 64 * 1024;        ///< Octets of one tag, comment or instruction.
    std::size_t   free_text  = 64 * 1024;        ///< Octets held back to judge one element of free text.
    std::size_t   memory     = 16 * 1024 * 1024; ///< Octets Expat may take, for names above all.
    std::uint64_t total      = std::uint64_t{1} << 30U; ///< Octets of the document.
};

/// A prefix that means a namespace where a document forgot to declare it.
struct assumed_prefix
{
    std::string_view prefix;
    std::string_view space;
};

/// How to read.
struct reader_settings
{
    reader_settings() = default;

    charset_hints charset;
    reader_limits limits;
    bool          mend = true; ///< Repair as mender does; false: a conforming parser.

    std::span<std::string_view const> free_text; ///< See mender; must outlive the reader.
    std::span<assumed_prefix const>   assumed;   ///< Must outlive the reader.
};

/** A push parser for XML 1.0 with namespaces.

    Feed it whatever arrived, in pieces of any size; the handler hears of it. Document type declarations are refused
    before anything in them is looked at, so there are no entities to expand and nothing external to fetch.

    Memory is bounded by the limits, whatever the size of the document.

    @par Thread safety
    One thread at a time.
*/
class reader
{
public:
    /// @param h Must outlive the reader.
    explicit reader(handler& h, reader_settings settings = {})
        : handler_(&h), settings_(std::move(settings)), decoder_(settings_.charset),
          mender_(settings_.free_text, settings_.limits.markup, settings_.limits.free_text),
          parser_(settings_.limits.memory)
    {
        attributes_.reserve(8);
        XML_SetUserData(parser_.get(), this);
        XML_SetElementHandler(parser_.get(), on_start, on_end);
        XML_SetCharacterDataHandler(parser_.get(), on_text);
        XML_SetStartDoctypeDeclHandler(parser_.get(), on_doctype);
    }
    reader(reader const&)            = delete;
    reader& operator=(reader const&) = delete;

    /** Read a piece.
        @param in Not kept.
        @return Nothing, or what is wrong with the document: one of errc, and the same with every further call.
        @throws What the handler throws; std::bad_alloc.
    */
    std::error_code feed(std::string_view in)
    {
        if (failed_)
            return failed_;
        if (in.size() > settings_.limits.total - total_)
            return fail(errc::too_large, {});
        total_ += in.size();
        auto const ec = decoder_.feed(in, [this](std::string_view piece) { mend(piece); });
        return settle(ec);
    }

    /** The input has ended.
        @return Nothing if a complete document was read.
        @throws As feed().
    */
    std::error_code finish()
    {
        if (failed_)
            return failed_;
        auto const ec = decoder_.finish([this](std::string_view piece) { mend(piece); });
        if (settle(ec))
            return failed_;
        if (settings_.mend)
            mender_.finish([this](std::string_view piece) { gather(piece); });
        flush();
        if (!failed_)
            parse({}, true);
        return settle({});
    }

    /** For the handler: what it was told cannot be used. feed() returns `ec`, and nothing more is told.
        @param detail As of detail(). */
    void stop(std::error_code ec, std::string detail = {}) { fail(ec, std::move(detail)); }

    /// Has the root element ended? The rest, if any, is comments and white space.
    bool complete() const noexcept { return complete_; }

    /// What was repaired so far.
    xml::repairs repairs() const noexcept
    {
        auto r   = mender_.made();
        r.octets = decoder_.replaced();
        return r;
    }

    /// Octets the parser holds now, apart from what the handler keeps.
    std::size_t memory() const noexcept { return parser_.budget().used; }

    /// More about the error: safe to show, without anything of the document but names.
    std::string const& detail() const noexcept { return detail_; }

private:
    struct binding
    {
        std::string prefix;
        std::string space;
        std::size_t depth = 0;
    };

    std::error_code fail(std::error_code ec, std::string detail)
    {
        if (!failed_)
        {
            failed_ = ec;
            detail_ = std::move(detail);
        }
        return failed_;
    }

    std::error_code settle(std::error_code ec)
    {
        if (thrown_)
            std::rethrow_exception(std::exchange(thrown_, nullptr));
        if (ec)
            fail(ec, ec == errc::unsupported_charset ? printable(decoder_.label(), 40) : std::string());
        return failed_;
    }

    void mend(std::string_view piece)
    {
        if (failed_)
            return;
        if (!settings_.mend)
            return parse(piece, false);
        auto const ec = mender_.feed(piece, [this](std::string_view part) { gather(part); });
        flush();
        if (ec)
            fail(ec, {});
    }

    /// Repairs cut the text into crumbs, and each call of the parser has its price.
    void gather(std::string_view part)
    {
        constexpr std::size_t crumb = 64, enough = 4096;
        if (crumbs_.empty() && part.size() > crumb)
            return parse(part, false);
        crumbs_ += part;
        if (crumbs_.size() >= enough)
            flush();
    }

    void flush()
    {
        if (!crumbs_.empty())
            parse(crumbs_, false);
        crumbs_.clear();
    }

    void parse(std::string_view piece, bool last)
    {
        if (failed_ || parser_.parse(piece, last) || failed_)
            return;
        auto const code = XML_GetErrorCode(parser_.get());
        if (code == XML_ERROR_NO_MEMORY && !parser_.budget().exceeded)
            throw std::bad_alloc();
        fail(meaning(code), std::string(XML_ErrorString(code)) + " at line " +
                                std::to_string(XML_GetCurrentLineNumber(parser_.get())) + ", column " +
                                std::to_string(XML_GetCurrentColumnNumber(parser_.get()) + 1));
    }

    std::error_code meaning(XML_Error code) const noexcept
    {
        switch (code)
        {
        case XML_ERROR_NO_MEMORY: return errc::too_large;
        case XML_ERROR_UNDEFINED_ENTITY: return errc::unknown_entity;
        case XML_ERROR_DUPLICATE_ATTRIBUTE: return errc::duplicate_attribute;
        case XML_ERROR_NO_ELEMENTS: return started_ ? errc::truncated : errc::empty;
        case XML_ERROR_UNCLOSED_TOKEN:
        case XML_ERROR_UNCLOSED_CDATA_SECTION:
        case XML_ERROR_PARTIAL_CHAR: return errc::truncated;
        default: return errc::not_well_formed;
        }
    }

    /// Calls into C++ from C: nothing may be thrown through Expat.
    template <class F>
    static void guarded(void* self, F const& f) noexcept
    {
        auto& r = *static_cast<reader*>(self);
        if (r.failed_)
            return; // Expat may finish what it has begun
        try
        {
            f(r);
        }
        catch (...)
        {
            r.thrown_ = std::current_exception();
            r.failed_ = posthorn::errc::closed;
        }
        if (r.failed_)
            XML_StopParser(r.parser_.get(), XML_FALSE);
    }

    static void XMLCALL on_start(void* self, XML_Char const* raw, XML_Char const** attributes)
    {
        guarded(self, [&](reader& r) { r.start(raw, attributes); });
    }
    static void XMLCALL on_end(void* self, XML_Char const* raw)
    {
        guarded(self, [&](reader& r) { r.end(raw); });
    }
    static void XMLCALL on_text(void* self, XML_Char const* text, int size)
    {
        guarded(self, [&](reader& r) { r.handler_->text({text, static_cast<std::size_t>(size)}); });
    }
    static void XMLCALL on_doctype(void* self, XML_Char const*, XML_Char const*, XML_Char const*, int)
    {
        guarded(self, [](reader& r) { r.fail(errc::doctype_refused, {}); });
    }

    void start(std::string_view raw, XML_Char const* const* pairs)
    {
        if (depth_ == settings_.limits.depth)
            return static_cast<void>(fail(errc::too_deep, {}));
        ++depth_;
        started_          = true;
        std::size_t count = 0;
        for (auto const* p = pairs; *p != nullptr; p += 2)
        {
            if (++count > settings_.limits.attributes)
                return static_cast<void>(fail(errc::too_many_attributes, {}));
            declare(p[0], p[1]);
        }
        attributes_.clear();
        for (auto const* p = pairs; *p != nullptr; p += 2)
            if (!is_declaration(p[0]))
                attributes_.push_back({resolve(p[0], true), p[1]});
        for (std::size_t i = 0; i < attributes_.size(); ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (attributes_[i].key == attributes_[j].key)
                    fail(errc::duplicate_attribute, to_string(attributes_[i].key));
        element e;
        e.key        = resolve(raw, false);
        e.attributes = attributes_;
        if (!failed_)
            handler_->start(e);
    }

    void end(std::string_view raw)
    {
        auto const key = resolve(raw, false);
        handler_->end(key);
        while (bound_ != 0 && bindings_[bound_ - 1].depth == depth_)
            --bound_;
        complete_ = --depth_ == 0;
    }

    static bool is_declaration(std::string_view raw) noexcept
    {
        return raw.starts_with("xmlns") && (raw.size() == 5 || raw[5] == ':');
    }

    void declare(std::string_view raw, std::string_view space)
    {
        if (!is_declaration(raw))
            return;
        // The memory of those that went out of scope is used again.
        if (bound_ == bindings_.size())
            bindings_.emplace_back();
        auto& b = bindings_[bound_++];
        b.prefix.assign(raw.substr(raw.size() == 5 ? 5 : 6));
        b.space.assign(space);
        b.depth = depth_;
    }

    name resolve(std::string_view raw, bool is_attribute)
    {
        constexpr std::string_view xml_space = "http://www.w3.org/XML/1998/namespace";

        auto const colon  = raw.find(':');
        auto const prefix = colon == raw.npos ? std::string_view() : raw.substr(0, colon);
        auto const local  = colon == raw.npos ? raw : raw.substr(colon + 1);
        if (colon == raw.npos && is_attribute)
            return {{}, local};
        if (local.empty() || (colon != raw.npos && prefix.empty()) || local.find(':') != local.npos)
        {
            fail(errc::not_well_formed, "this is no qualified name: " + printable(raw, 100));
            return {};
        }
        for (std::size_t i = bound_; i-- != 0;)
            if (bindings_[i].prefix == prefix)
            {
                if (!prefix.empty() && bindings_[i].space.empty())
                    break;
                return {bindings_[i].space, local};
            }
        if (prefix.empty())
            return {{}, local};
        if (prefix == "xml")
            return {xml_space, local};
        if (settings_.mend)
            for (auto const& a : settings_.assumed)
                if (a.prefix == prefix)
                    return {a.space, local};
        fail(errc::unbound_prefix, printable(prefix, 100));
        return {};
    }

    handler*               handler_;
    reader_settings        settings_;
    decoder                decoder_;
    mender                 mender_;
    detail::expat_parser   parser_;
    std::string            crumbs_; ///< Mended, and not parsed yet.
    std::vector<attribute> attributes_;
    std::vector<binding>   bindings_; ///< The first bound_ are in force.
    std::size_t            bound_    = 0;
    std::size_t            depth_    = 0;
    std::uint64_t          total_    = 0;
    bool                   started_  = false;
    bool                   complete_ = false;
    std::exception_ptr     thrown_;
    std::error_code        failed_;
    std::string            detail_;
};

} // namespace posthorn::xml

#endif
