//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Why an XML document cannot be read, or a text cannot be written.

#ifndef POSTHORN_XML_ERROR_HPP
#define POSTHORN_XML_ERROR_HPP

#include <posthorn/core/error.hpp>

#include <string>
#include <system_error>
#include <type_traits>

namespace posthorn::xml {

enum class errc
{
    not_well_formed = 1, ///< The document breaks the grammar of XML, and no repair is known.
    truncated,           ///< The input ended before the root element did.
    empty,               ///< There is no root element at all.
    doctype_refused,     ///< A document type declaration: entities and external files are never looked at.
    unknown_entity,      ///< A reference to an entity that nothing can have declared.
    unbound_prefix,      ///< A name whose prefix no namespace declaration has introduced.
    duplicate_attribute, ///< Two attributes of one element with the same expanded name.
    unsupported_charset, ///< The document is labelled with a charset that is not known here.
    too_deep,            ///< More nested elements than reader_limits::depth.
    too_many_attributes, ///< More attributes on one element than reader_limits::attributes.
    markup_too_long,     ///< A tag, comment or instruction longer than reader_limits::markup.
    text_too_long,       ///< The text of one element exceeds its limit.
    too_large,           ///< The document is longer than reader_limits::total.
    bad_name,            ///< A name that cannot be written in XML.
    bad_text             ///< Characters that cannot be written in XML.
};

namespace detail {

class category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn.xml"; }

    std::string message(int value) const override
    {
        switch (static_cast<errc>(value))
        {
        case errc::not_well_formed: return "the document is not well-formed XML";
        case errc::truncated: return "the document ends too early";
        case errc::empty: return "the document has no element";
        case errc::doctype_refused: return "the document has a document type declaration, which is refused";
        case errc::unknown_entity: return "the document refers to an entity that is not known";
        case errc::unbound_prefix: return "a prefix is not bound to a namespace";
        case errc::duplicate_attribute: return "an element has the same attribute twice";
        case errc::unsupported_charset: return "the charset of the document is not supported";
        case errc::too_deep: return "elements are nested too deeply";
        case errc::too_many_attributes: return "an element has too many attributes";
        case errc::markup_too_long: return "a tag, comment or instruction is too long";
        case errc::text_too_long: return "the text of an element is too long";
        case errc::too_large: return "the document is too large";
        case errc::bad_name: return "this is not a name in XML";
        case errc::bad_text: return "this text cannot be written in XML";
        }
        return "unknown XML error";
    }

    bool equivalent(int value, std::error_condition const& c) const noexcept override
    {
        switch (static_cast<errc>(value))
        {
        case errc::bad_name:
        case errc::bad_text: return c == posthorn::condition::permanent; // the caller's doing
        default: return c == posthorn::condition::protocol;
        }
    }
};

} // namespace detail

/// The category of errc.
inline std::error_category const& category() noexcept
{
    static detail::category_type const instance;
    return instance;
}

inline std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), category()}; }

} // namespace posthorn::xml

template <>
struct std::is_error_code_enum<posthorn::xml::errc> : std::true_type
{
};

#endif
