//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The field X-Timestamp, by which Hotmail told when its folders had changed.

#ifndef POSTHORN_HTTPMAIL_TIMESTAMPS_HPP
#define POSTHORN_HTTPMAIL_TIMESTAMPS_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/http/syntax.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace posthorn::httpmail {

/** When what has changed, in seconds since 1970: `folders=1035823428, ACTIVE=1035813212`.

    `folders` is the list of folders; any other name is the last segment of a folder's URL. A value.
*/
class timestamps
{
public:
    static constexpr std::string_view folders   = "folders";
    static constexpr std::size_t      most_names = 1000; ///< Of one field; the rest is not read.

    timestamps() = default;

    bool empty() const noexcept { return times_.empty(); }

    std::optional<std::uint64_t> get(std::string_view name) const noexcept
    {
        auto const at = times_.find(name);
        return at == times_.end() ? std::nullopt : std::optional(at->second);
    }

    void set(std::string_view name, std::uint64_t seconds) { times_.insert_or_assign(std::string(name), seconds); }

    /// Those of `other` replace the same ones here.
    void merge(timestamps const& other)
    {
        for (auto const& [name, seconds] : other.times_)
            set(name, seconds);
    }

    /// As in the field; names that cannot stand there are left out.
    std::string str() const
    {
        std::string out;
        for (auto const& [name, seconds] : times_)
        {
            if (name.find_first_of(",= \"") != name.npos || ascii::has_control(name) || ascii::has_eight_bit(name))
                continue;
            if (!out.empty())
                out += ", ";
            out += name + '=' + std::to_string(seconds);
        }
        return out;
    }

    friend bool operator==(timestamps const&, timestamps const&) = default;

private:
    /// `folders` comes first, as clients and servers wrote it.
    struct order
    {
        using is_transparent = void;
        bool operator()(std::string_view a, std::string_view b) const noexcept
        {
            if (a == b || a == folders || b == folders)
                return a == folders && b != folders;
            return a < b;
        }
    };

    std::map<std::string, std::uint64_t, order> times_;
};

/// Reads the field. What is malformed in it is left out.
inline timestamps parse_timestamps(std::string_view field)
{
    timestamps  t;
    std::size_t n = 0;
    for (std::string_view one; n < timestamps::most_names && http::next_member(field, one); ++n)
    {
        auto const equals = one.find('=');
        if (equals == one.npos)
            continue;
        auto const    name   = ascii::trim(one.substr(0, equals));
        auto const    number = ascii::trim(one.substr(equals + 1));
        std::uint64_t seconds = 0;
        auto const [end, ec] = std::from_chars(number.data(), number.data() + number.size(), seconds);
        if (!name.empty() && ec == std::errc() && end == number.data() + number.size())
            t.set(name, seconds);
    }
    return t;
}

} // namespace posthorn::httpmail

#endif
