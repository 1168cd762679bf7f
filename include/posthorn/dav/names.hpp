//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Names of properties: the namespaces of WebDAV mail servers, their usual prefixes, names that own their text.

#ifndef POSTHORN_DAV_NAMES_HPP
#define POSTHORN_DAV_NAMES_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/xml/name.hpp>

#include <string>
#include <string_view>

namespace posthorn::dav {

inline constexpr std::string_view dav_space        = "DAV:";
inline constexpr std::string_view httpmail_space   = "urn:schemas:httpmail:";
inline constexpr std::string_view mailheader_space = "urn:schemas:mailheader:";
inline constexpr std::string_view contacts_space   = "urn:schemas:contacts:";
inline constexpr std::string_view hotmail_space    = "http://schemas.microsoft.com/hotmail/";
inline constexpr std::string_view exchange_space   = "http://schemas.microsoft.com/exchange/";

/// Of the attribute `dt`, as servers send it and as DavMail writes it.
inline constexpr std::string_view datatypes_space       = "urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/";
inline constexpr std::string_view other_datatypes_space = "urn:schemas-microsoft-com:datatypes";

/// Of the element `v` around each of several values. It is not the namespace of the prefix `xml`.
inline constexpr std::string_view values_space = "xml:";

/** Is this `DAV:`? Servers also write `Dav:` (Lycos) and `DAV` (SOGo's error bodies). */
constexpr bool is_dav(std::string_view space) noexcept
{
    return space == dav_space || ascii::iequals(space, dav_space) || space == "DAV";
}

/** The prefix of a namespace in requests, or nothing.

    Some servers look at nothing else, so these are always the same.
*/
constexpr std::string_view usual_prefix(std::string_view space) noexcept
{
    struct entry
    {
        std::string_view space, prefix;
    };
    constexpr entry known[] = {{dav_space, "D"},        {hotmail_space, "h"},  {httpmail_space, "hm"},
                               {mailheader_space, "m"}, {contacts_space, "c"}, {exchange_space, "ex"}};
    for (auto const& e : known)
        if (e.space == space)
            return e.prefix;
    return {};
}

/// A name that owns its text.
struct property_name
{
    property_name() = default;
    property_name(xml::name const& n) : space(n.space), local(n.local) {}
    property_name(std::string_view s, std::string_view l) : space(s), local(l) {}

    operator xml::name() const noexcept { return {space, local}; }

    std::string space; ///< The namespace.
    std::string local;

    friend bool operator==(property_name const&, property_name const&) = default;
};

/// Properties of WebDAV itself (RFC 4918, 15).
namespace names {

inline constexpr xml::name displayname{dav_space, "displayname"};
inline constexpr xml::name getcontentlength{dav_space, "getcontentlength"};
inline constexpr xml::name getcontenttype{dav_space, "getcontenttype"};
inline constexpr xml::name getetag{dav_space, "getetag"};
inline constexpr xml::name getlastmodified{dav_space, "getlastmodified"};
inline constexpr xml::name creationdate{dav_space, "creationdate"};
inline constexpr xml::name resourcetype{dav_space, "resourcetype"};
inline constexpr xml::name collection{dav_space, "collection"};

} // namespace names

} // namespace posthorn::dav

#endif
