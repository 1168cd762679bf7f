//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Dates of HTTP (RFC 9110, 5.6.7) and of cookies (RFC 6265, 5.1.1), as seconds since 1970.

#ifndef POSTHORN_HTTP_DATE_HPP
#define POSTHORN_HTTP_DATE_HPP

#include <posthorn/core/ascii.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::http {

namespace detail {

/// 1 to 12 for "jan" to "dec", by the first three letters; 0 for none.
constexpr int month_of(std::string_view name) noexcept
{
    constexpr std::string_view names = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (std::size_t m = 0; m != 12; ++m)
        if (ascii::istarts_with(name, names.substr(3 * m, 3)))
            return static_cast<int>(m) + 1;
    return 0;
}

/// Takes `least` to `most` digits off the front. -1 for none.
constexpr int take_digits(std::string_view& s, std::size_t least, std::size_t most) noexcept
{
    int         value = 0;
    std::size_t n     = 0;
    for (; n != most && n != s.size() && ascii::is_digit(s[n]); ++n)
        value = value * 10 + (s[n] - '0');
    if (n < least)
        return -1;
    s.remove_prefix(n);
    return value;
}

/// Nothing if there is no such moment. A leap second counts as the second before.
constexpr std::optional<std::int64_t> moment(int year, int month, int day, int hour, int minute, int second) noexcept
{
    namespace c = std::chrono;
    c::year_month_day const date{c::year(year), c::month(static_cast<unsigned>(month)), c::day(static_cast<unsigned>(day))};
    if (month < 1 || day < 1 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return std::nullopt;
    auto const days = c::sys_days(date).time_since_epoch().count();
    return std::int64_t(days) * 86400 + hour * 3600 + minute * 60 + (second == 60 ? 59 : second);
}

} // namespace detail

/** Reads the Date, Last-Modified or Retry-After of a server: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or
    `Sun Nov  6 08:49:37 1994`. The name of the day is not checked.

    @param this_year For the second form: a year more than 50 years ahead is one of the past.
    @return Seconds since 1970; nothing if it is no date. */
constexpr std::optional<std::int64_t> parse_date(std::string_view text, int this_year = 2026) noexcept
{
    text             = ascii::trim(text);
    auto const comma = text.find(',');
    int        year = 0, month = 0, day = 0;
    auto const skip = [&text](char c) {
        bool const there = !text.empty() && text.front() == c;
        if (there)
            text.remove_prefix(1);
        return there;
    };
    auto const take_month = [&text] {
        int const m = text.size() < 3 ? 0 : detail::month_of(text);
        text.remove_prefix(m == 0 ? 0 : 3);
        return m;
    };
    int  hour = 0, minute = 0, second = 0;
    auto take_time = [&] {
        hour = detail::take_digits(text, 2, 2);
        if (!skip(':'))
            return false;
        minute = detail::take_digits(text, 2, 2);
        if (!skip(':'))
            return false;
        second = detail::take_digits(text, 2, 2);
        return true;
    };
    if (comma == text.npos) // asctime
    {
        if (text.size() < 4 || text[3] != ' ')
            return std::nullopt;
        text.remove_prefix(4);
        month = take_month();
        if (!skip(' '))
            return std::nullopt;
        skip(' ');
        day = detail::take_digits(text, 1, 2);
        if (!skip(' ') || !take_time() || !skip(' '))
            return std::nullopt;
        year = detail::take_digits(text, 4, 4);
    }
    else
    {
        text.remove_prefix(comma + 1);
        if (!skip(' '))
            return std::nullopt;
        day              = detail::take_digits(text, 1, 2);
        bool const rfc850 = !text.empty() && text.front() == '-';
        char const between = rfc850 ? '-' : ' ';
        if (!skip(between))
            return std::nullopt;
        month = take_month();
        if (!skip(between))
            return std::nullopt;
        std::size_t const before = text.size();
        year                     = detail::take_digits(text, 2, 4);
        if (before - text.size() == 2)
        {
            year += this_year / 100 * 100;
            if (year > this_year + 50)
                year -= 100;
        }
        if (!skip(' ') || !take_time() || !skip(' '))
            return std::nullopt;
        if (text != "GMT" && text != "UTC" && text != "+0000")
            return std::nullopt;
        text = {};
    }
    if (!text.empty() || year < 0)
        return std::nullopt;
    return detail::moment(year, month, day, hour, minute, second);
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`. @param when Seconds since 1970, of the years 1 to 9999.
inline std::string format_date(std::int64_t when)
{
    namespace c = std::chrono;
    constexpr std::string_view days = "SunMonTueWedThuFriSat", months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    c::sys_seconds const      moment{c::seconds(when)};
    auto const                day  = c::floor<c::days>(moment);
    c::year_month_day const   date(day);
    auto const                rest = (moment - day).count();
    auto const two = [](auto n) {
        std::string s = std::to_string(n);
        return s.size() < 2 ? '0' + s : s;
    };
    std::string year = std::to_string(static_cast<int>(date.year()));
    year.insert(0, year.size() < 4 ? 4 - year.size() : 0, '0');
    std::string text(days.substr(3 * c::weekday(day).c_encoding(), 3));
    text += ", " + two(static_cast<unsigned>(date.day())) + ' ';
    text += months.substr(3 * (static_cast<unsigned>(date.month()) - 1), 3);
    text += ' ' + year + ' ' + two(rest / 3600) + ':' + two(rest / 60 % 60) + ':' + two(rest % 60) + " GMT";
    return text;
}

/** Reads the Expires of a cookie: whatever has a time, a day, a month and a year among its words (RFC 6265, 5.1.1).
    @return Seconds since 1970; nothing if it is no date. */
constexpr std::optional<std::int64_t> parse_cookie_date(std::string_view text) noexcept
{
    auto const delimiter = [](char c) {
        auto const u = static_cast<unsigned char>(c);
        return u == 9 || (u >= 0x20 && u <= 0x2f) || (u >= 0x3b && u <= 0x40) || (u >= 0x5b && u <= 0x60) || (u >= 0x7b && u <= 0x7e);
    };
    int  hour = 0, minute = 0, second = 0, day = 0, month = 0, year = -1;
    bool has_time = false, has_day = false;
    while (!text.empty())
    {
        if (delimiter(text.front()))
        {
            text.remove_prefix(1);
            continue;
        }
        std::size_t n = 0;
        while (n != text.size() && !delimiter(text[n]))
            ++n;
        std::string_view word = text.substr(0, n), rest = word;
        text.remove_prefix(n);
        auto const ends = [&rest] { return rest.empty() || !ascii::is_digit(rest.front()); };
        if (!has_time)
        {
            int const h = detail::take_digits(rest, 1, 2);
            if (h >= 0 && rest.substr(0, 1) == ":")
            {
                rest.remove_prefix(1);
                int const m = detail::take_digits(rest, 1, 2);
                if (m >= 0 && rest.substr(0, 1) == ":")
                {
                    rest.remove_prefix(1);
                    int const s = detail::take_digits(rest, 1, 2);
                    if (s >= 0 && ends())
                    {
                        hour = h, minute = m, second = s;
                        has_time = true;
                        continue;
                    }
                }
            }
            rest = word;
        }
        if (!has_day)
        {
            int const d = detail::take_digits(rest, 1, 2);
            if (d >= 0 && ends())
            {
                day     = d;
                has_day = true;
                continue;
            }
            rest = word;
        }
        if (month == 0 && word.size() >= 3)
        {
            month = detail::month_of(word);
            if (month != 0)
                continue;
        }
        if (year < 0)
        {
            int const y = detail::take_digits(rest, 2, 4);
            if (y >= 0 && ends())
                year = y;
        }
    }
    if (year >= 70 && year <= 99)
        year += 1900;
    else if (year >= 0 && year <= 69)
        year += 2000;
    if (!has_time || !has_day || month == 0 || year < 1601 || second > 59)
        return std::nullopt;
    return detail::moment(year, month, day, hour, minute, second);
}

} // namespace posthorn::http

#endif
