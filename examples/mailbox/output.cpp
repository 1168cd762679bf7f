//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include "output.hpp"

#include <posthorn/core/printable.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tool {

namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }

std::size_t characters(std::string_view text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string cut(std::string text, std::size_t most)
{
    if (characters(text) <= most)
        return text;
    std::size_t end = 0;
    for (std::size_t seen = 0; end != text.size(); ++end)
        if (begins_character(text[end]) && ++seen > most - 3)
            break;
    return text.substr(0, end) + "...";
}

std::string text_of(record const& value)
{
    if (value.is_null())
        return "-";
    if (value.is_boolean())
        return value.get<bool>() ? "yes" : "no";
    if (value.is_array())
    {
        std::string all;
        for (auto const& one : value)
            all += (all.empty() ? "" : ", ") + text_of(one);
        return all;
    }
    if (value.is_string())
        return posthorn::printable(value.get_ref<std::string const&>(), std::numeric_limits<std::size_t>::max());
    return value.dump();
}

/// A URL that is cut is of no use.
bool is_place(std::string const& column) { return column == "href" || column == "location" || column == "file"; }

/// @param widths Of all columns but the last.
std::string line_of(std::vector<std::string> const& cells, std::vector<std::size_t> const& widths)
{
    std::string line;
    for (std::size_t i = 0; i != cells.size(); ++i)
    {
        line += cells[i];
        if (i + 1 != cells.size())
            line += std::string(widths[i] - characters(cells[i]) + 2, ' ');
    }
    return line + '\n';
}

} // namespace

std::string to_json(std::vector<record> const& rows)
{
    record all = record::array();
    for (auto const& r : rows)
        all.push_back(r);
    return all.dump(-1, ' ', false, record::error_handler_t::replace) + '\n';
}

std::string to_table(std::vector<record> const& rows, std::vector<std::string> const& columns)
{
    constexpr std::size_t                 widest = 40;
    std::vector<std::vector<std::string>> lines{columns};
    for (auto const& r : rows)
    {
        std::vector<std::string> cells;
        for (auto const& name : columns)
        {
            auto const at   = r.find(name);
            auto       text = at == r.end() ? std::string("-") : text_of(*at);
            cells.push_back(is_place(name) || name == columns.back() ? std::move(text) : cut(std::move(text), widest));
        }
        lines.push_back(std::move(cells));
    }
    std::vector<std::size_t> widths(columns.size());
    for (auto const& cells : lines)
        for (std::size_t i = 0; i != cells.size(); ++i)
            widths[i] = std::max(widths[i], characters(cells[i]));
    std::string text;
    for (auto const& cells : lines)
        text += line_of(cells, widths);
    return text;
}

std::string to_lines(record const& r)
{
    std::size_t widest = 0;
    for (auto const& [name, value] : r.items())
        widest = std::max(widest, name.size());
    std::string text;
    for (auto const& [name, value] : r.items())
        text += line_of({name, text_of(value)}, {widest});
    return text;
}

} // namespace tool
