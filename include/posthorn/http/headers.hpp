//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The fields of a message: names without case, values as they came, in their order.

#ifndef POSTHORN_HTTP_HEADERS_HPP
#define POSTHORN_HTTP_HEADERS_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/http/syntax.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::http {

/// One header field.
struct header
{
    header() = default;
    header(std::string n, std::string v) : name(std::move(n)), value(std::move(v)) {}

    std::string name;
    std::string value; ///< Without blanks at its ends.

    friend bool operator==(header const&, header const&) = default;
};

/** Header fields in the order of the message. Nothing is checked here: whoever puts them on the wire does that.

    Thread-safe like std::vector.
*/
class headers
{
public:
    using const_iterator = std::vector<header>::const_iterator;

    headers() = default;
    headers(std::initializer_list<header> fields) : fields_(fields) {}

    bool           empty() const noexcept { return fields_.empty(); }
    std::size_t    size() const noexcept { return fields_.size(); } ///< Fields, not names.
    const_iterator begin() const noexcept { return fields_.begin(); }
    const_iterator end() const noexcept { return fields_.end(); }

    /// The value of the first field of this name. Valid until the next change.
    std::optional<std::string_view> get(std::string_view name) const noexcept
    {
        for (auto const& f : fields_)
            if (ascii::iequals(f.name, name))
                return f.value;
        return std::nullopt;
    }

    bool has(std::string_view name) const noexcept { return get(name).has_value(); }

    /// How many fields have this name.
    std::size_t count(std::string_view name) const noexcept
    {
        return static_cast<std::size_t>(std::count_if(
            fields_.begin(), fields_.end(), [name](header const& f) { return ascii::iequals(f.name, name); }));
    }

    /// The values of all fields of this name, in order. Valid until the next change.
    std::vector<std::string_view> all(std::string_view name) const
    {
        std::vector<std::string_view> values;
        for (auto const& f : fields_)
            if (ascii::iequals(f.name, name))
                values.emplace_back(f.value);
        return values;
    }

    /// Is `member` in the comma-separated lists of the fields of this name, whatever its case?
    bool has_member(std::string_view name, std::string_view member) const noexcept
    {
        for (auto const& f : fields_)
        {
            if (!ascii::iequals(f.name, name))
                continue;
            std::string_view list = f.value, one;
            while (next_member(list, one))
                if (ascii::iequals(one, member))
                    return true;
        }
        return false;
    }

    /// Adds a field behind those that are there.
    void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }

    /// The only field of this name from now on.
    void set(std::string_view name, std::string value)
    {
        erase(name);
        fields_.emplace_back(std::string(name), std::move(value));
    }

    /// @return How many there were.
    std::size_t erase(std::string_view name)
    {
        return std::erase_if(fields_, [name](header const& f) { return ascii::iequals(f.name, name); });
    }

    /// Keeps the fields for which `keep(name)` is true.
    template <class Predicate>
    void retain(Predicate keep)
    {
        std::erase_if(fields_, [&keep](header const& f) { return !keep(std::string_view(f.name)); });
    }

    /// The field that was added last; null if there is none. Valid until the next change.
    header* last() noexcept { return fields_.empty() ? nullptr : &fields_.back(); }

    void clear() noexcept { fields_.clear(); }

    friend bool operator==(headers const&, headers const&) = default;

private:
    std::vector<header> fields_;
};

} // namespace posthorn::http

#endif
