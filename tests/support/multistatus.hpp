//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a multistatus reader finds, as text that tests can compare, wherever the body was cut.

#ifndef POSTHORN_TESTS_SUPPORT_MULTISTATUS_HPP
#define POSTHORN_TESTS_SUPPORT_MULTISTATUS_HPP

#include <posthorn/dav/multistatus_reader.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace support {

inline std::string describe(posthorn::dav::property const& p, int inherited)
{
    std::string text = to_string(p.name());
    if (p.status() != inherited)
        text += '!' + std::to_string(p.status());
    if (p.kind().type != posthorn::dav::value_type::none)
        text += ':' + std::to_string(static_cast<int>(p.kind().type)) + (p.kind().many ? "*" : "");
    text += "=" + std::string(p.text());
    return text;
}

/// One line: hrefs, status, location, description, conditions, properties.
inline std::string describe(posthorn::dav::response const& r)
{
    std::string text;
    for (std::size_t i = 0; i < r.href_count(); ++i)
        text += (i == 0 ? "" : ",") + std::string(r.href(i));
    if (r.status() != 0)
        text += " status=" + std::to_string(r.status());
    if (!r.location().empty())
        text += " location=" + std::string(r.location());
    if (!r.description().empty())
        text += " description=" + std::string(r.description());
    for (std::size_t i = 0; i < r.condition_count(); ++i)
        text += " condition=" + to_string(r.condition(i));
    for (auto const& p : r.properties())
        text += " " + describe(p, 200);
    return text;
}

struct multistatus_result
{
    std::error_code          ec;
    std::vector<std::string> responses;
    std::string              description;
    posthorn::xml::repairs   repairs;
    std::string              detail;
};

/// Reads a body of which the first piece has `first` octets and the others `piece`, each an allocation of its own size.
inline multistatus_result read_multistatus(std::string_view                         body,
                                           posthorn::dav::multistatus_limits const& limits = {},
                                           std::size_t first = std::string_view::npos,
                                           std::size_t piece = std::string_view::npos)
{
    posthorn::dav::multistatus_reader reader(limits);
    posthorn::dav::response           response;
    multistatus_result                r;
    auto const                        take = [&] {
        while (reader.next(response))
            r.responses.push_back(describe(response));
    };
    for (std::size_t size = first; !body.empty() && !r.ec; size = piece)
    {
        auto const part = body.substr(0, size);
        body.remove_prefix(part.size());
        auto const copy = std::make_unique<char[]>(part.size());
        std::memcpy(copy.get(), part.data(), part.size());
        r.ec = reader.feed({copy.get(), part.size()});
        take();
    }
    if (!r.ec)
        r.ec = reader.finish();
    take();
    r.description = reader.description();
    r.repairs     = reader.repairs();
    r.detail      = reader.detail();
    return r;
}

} // namespace support

#endif
