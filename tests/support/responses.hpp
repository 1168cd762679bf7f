//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Responses of a multistatus from text, for readers of properties.

#ifndef POSTHORN_TESTS_SUPPORT_RESPONSES_HPP
#define POSTHORN_TESTS_SUPPORT_RESPONSES_HPP

#include <posthorn/dav/multistatus_reader.hpp>

#include <doctest/doctest.h>

#include <string>

namespace support {

/// The one response with these properties, all with success. Prefixes are the usual ones.
inline posthorn::dav::response response_with(std::string const& props, std::string const& beside = {})
{
    posthorn::dav::multistatus_reader reader;
    auto const ec = reader.feed("<D:multistatus xmlns:D='DAV:' xmlns:hm='urn:schemas:httpmail:' xmlns:m='urn:schemas:mailheader:' "
                                "xmlns:c='urn:schemas:contacts:' xmlns:h='http://schemas.microsoft.com/hotmail/' "
                                "xmlns:ex='http://schemas.microsoft.com/exchange/'><D:response><D:href>/x</D:href>" +
                                beside + "<D:propstat><D:prop>" + props +
                                "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>");
    REQUIRE_FALSE(ec);
    posthorn::dav::response r;
    REQUIRE(reader.next(r));
    return r;
}

} // namespace support

#endif
