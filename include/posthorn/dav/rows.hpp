//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Ranges of rows: paging through the result of a SEARCH.

#ifndef POSTHORN_DAV_ROWS_HPP
#define POSTHORN_DAV_ROWS_HPP

#include <posthorn/core/ascii.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace posthorn::dav {

/// Rows of a result, counted from 0.
struct row_range
{
    row_range() = default;
    row_range(std::uint64_t f, std::uint64_t l) : first(f), last(l) {}

    std::uint64_t                first = 0;
    std::optional<std::uint64_t> last; ///< Inclusive; nothing: to the end.

    /// For the field Range.
    std::string str() const
    {
        return "rows=" + std::to_string(first) + '-' + (last ? std::to_string(*last) : std::string());
    }
};

/// Which rows a result has. Believe this and not what was asked for: servers send what they like.
struct row_content
{
    std::uint64_t                first = 0;
    std::uint64_t                last  = 0; ///< Inclusive.
    std::optional<std::uint64_t> total;

    friend bool operator==(row_content const&, row_content const&) = default;
};

/// Reads the field Content-Range: `rows 0-49; total=228`. Nothing if it is about something else.
inline std::optional<row_content> parse_row_content(std::string_view text) noexcept
{
    row_content r;
    text              = ascii::trim(text);
    auto const number = [&](std::uint64_t& n) {
        auto const [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
        if (ec != std::errc())
            return false;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        return true;
    };
    auto const take = [&](char c) {
        text = ascii::trim(text);
        if (text.empty() || text[0] != c)
            return false;
        text = ascii::trim(text.substr(1));
        return true;
    };
    if (!ascii::istarts_with(text, "rows") || text.size() == 4 || !ascii::is_blank(text[4]))
        return std::nullopt;
    text = ascii::trim(text.substr(4));
    if (!number(r.first) || !take('-') || !number(r.last) || r.last < r.first)
        return std::nullopt;
    if (take(';') && ascii::istarts_with(text, "total="))
    {
        text.remove_prefix(6);
        std::uint64_t total = 0;
        if (number(total))
            r.total = total;
    }
    return r;
}

} // namespace posthorn::dav

#endif
