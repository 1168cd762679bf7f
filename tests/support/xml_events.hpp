//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What an XML reader tells its handler, as one line of text that tests can compare.

#ifndef POSTHORN_TESTS_SUPPORT_XML_EVENTS_HPP
#define POSTHORN_TESTS_SUPPORT_XML_EVENTS_HPP

#include <posthorn/xml/reader.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace support {

/// Writes `<{space}name key='value'>text</>`; pieces of text are joined as they come.
class xml_events final : public posthorn::xml::handler
{
public:
    void start(posthorn::xml::element const& e) override
    {
        seen += '<' + to_string(e.key);
        for (auto const& a : e.attributes)
            seen += ' ' + to_string(a.key) + "='" + std::string(a.value) + '\'';
        seen += '>';
    }
    void text(std::string_view part) override { seen += part; }
    void end(posthorn::xml::name const&) override { seen += "</>"; }

    std::string seen;
};

struct xml_result
{
    std::error_code        ec;
    std::string            events;
    std::string            detail;
    posthorn::xml::repairs repairs;
};

/** Reads a document in pieces of `piece` octets, the first of which is `first` octets long.

    Each piece is an allocation of its own size, so that sanitizers see a read past the end.
*/
inline xml_result read_xml(std::string_view document, posthorn::xml::reader_settings const& settings = {},
                           std::size_t first = std::string_view::npos,
                           std::size_t piece = std::string_view::npos)
{
    xml_events            events;
    posthorn::xml::reader reader(events, settings);
    xml_result            r;
    for (std::size_t size = first; !document.empty() && !r.ec; size = piece)
    {
        auto const part = document.substr(0, size);
        document.remove_prefix(part.size());
        auto const copy = std::make_unique<char[]>(part.size());
        std::memcpy(copy.get(), part.data(), part.size());
        r.ec = reader.feed({copy.get(), part.size()});
    }
    if (!r.ec)
        r.ec = reader.finish();
    r.events  = events.seen;
    r.detail  = reader.detail();
    r.repairs = reader.repairs();
    return r;
}

} // namespace support

#endif
