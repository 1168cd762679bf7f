//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Values of properties: their declared types, and text read as booleans, numbers, times and octets.

#ifndef POSTHORN_DAV_VALUE_HPP
#define POSTHORN_DAV_VALUE_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/ascii.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <version>

#if !defined(__cpp_lib_to_chars)
#include <locale>
#include <sstream>
#endif

namespace posthorn::dav {

/// The attribute `dt` of a value.
enum class value_type : unsigned char
{
    none, ///< Not said: text that readers must know how to take.
    string,
    boolean,
    integer,    ///< `i2`, `int`, `i4`, `i8` and the unsigned ones.
    real,       ///< `r4`, `float`, `r8`
    fixed_14_4, ///< A decimal with up to four places.
    date_time,
    base64,
    hex,
    uuid,
    uri,
    other
};

/// A type, and whether there are several values (`mv.`).
struct value_kind
{
    value_type type = value_type::none;
    bool       many = false;

    friend constexpr bool operator==(value_kind const&, value_kind const&) = default;
};

/// The meaning of an attribute `dt`. @param text E.g. "boolean" or "mv.string".
constexpr value_kind parse_value_kind(std::string_view text) noexcept
{
    struct entry
    {
        std::string_view text;
        value_type       type;
    };
    constexpr entry known[] = {
        {"string", value_type::string},
        {"boolean", value_type::boolean},
        {"int", value_type::integer},
        {"i2", value_type::integer},
        {"i4", value_type::integer},
        {"i8", value_type::integer},
        {"i1", value_type::integer},
        {"ui1", value_type::integer},
        {"ui2", value_type::integer},
        {"ui4", value_type::integer},
        {"ui8", value_type::integer},
        {"r4", value_type::real},
        {"r8", value_type::real},
        {"float", value_type::real},
        {"fixed.14.4", value_type::fixed_14_4},
        {"dateTime.tz", value_type::date_time},
        {"dateTime", value_type::date_time},
        {"dateTime.rfc1123", value_type::date_time}, // lighttpd
        {"bin.base64", value_type::base64},
        {"bin.hex", value_type::hex},
        {"uuid", value_type::uuid},
        {"uri", value_type::uri},
    };
    value_kind kind;
    kind.many = text.substr(0, 3) == "mv.";
    if (kind.many)
        text.remove_prefix(3);
    kind.type = value_type::other;
    for (auto const& e : known)
        if (ascii::iequals(text, e.text))
            kind.type = e.type;
    return kind;
}

/// Without white space of XML at both ends.
constexpr std::string_view trim_value(std::string_view s) noexcept
{
    constexpr auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!s.empty() && is_space(s.front()))
        s.remove_prefix(1);
    while (!s.empty() && is_space(s.back()))
        s.remove_suffix(1);
    return s;
}

/// `1`, `t`, `true`, `0`, `f`, `false` in any case; another whole number is true unless 0. Else nothing.
inline std::optional<bool> to_boolean(std::string_view text) noexcept
{
    text = trim_value(text);
    if (ascii::iequals(text, "true") || ascii::iequals(text, "t"))
        return true;
    if (ascii::iequals(text, "false") || ascii::iequals(text, "f"))
        return false;
    long long number     = 0;
    auto const [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number != 0;
}

/// A decimal that fits. Else nothing.
inline std::optional<std::int64_t> to_integer(std::string_view text) noexcept
{
    text = trim_value(text);
    if (text.size() > 1 && text[0] == '+' && ascii::is_digit(text[1]))
        text.remove_prefix(1);
    std::int64_t number  = 0;
    auto const [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

/// A decimal, with exponent or not. Else nothing; also for infinities and NaN.
inline std::optional<double> to_real(std::string_view text)
{
    text = trim_value(text);
    if (text.size() > 1 && text[0] == '+' && text[1] != '-')
        text.remove_prefix(1);
    if (text.find_first_not_of("0123456789+-.eE") != text.npos)
        return std::nullopt;
    double number = 0;
#if defined(__cpp_lib_to_chars)
    auto const [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc() || end != text.data() + text.size())
        return std::nullopt;
#else
    std::istringstream in{std::string(text)}; // libc++ reads no reals with from_chars before version 20
    in.imbue(std::locale::classic());
    if (text.empty() || text.front() == ' ' || !(in >> number) ||
        in.peek() != std::istringstream::traits_type::eof())
        return std::nullopt;
#endif
    return number;
}

/// A `fixed.14.4`, in ten-thousandths: exact, as sums of money should be.
inline std::optional<std::int64_t> to_fixed_14_4(std::string_view text) noexcept
{
    text                = trim_value(text);
    bool const negative = !text.empty() && text[0] == '-';
    if (!text.empty() && (text[0] == '-' || text[0] == '+'))
        text.remove_prefix(1);
    std::int64_t value  = 0;
    std::size_t  places = 0, digits = 0;
    bool         point = false;
    for (char const c : text)
    {
        if (c == '.' && !point)
        {
            point = true;
            continue;
        }
        if (!ascii::is_digit(c) || ++digits > 18)
            return std::nullopt;
        if (point && ++places > 4)
        {
            if (c != '0')
                return std::nullopt;
            continue;
        }
        if (value > (INT64_MAX - 9) / 10)
            return std::nullopt;
        value = value * 10 + (c - '0');
    }
    if (digits == 0)
        return std::nullopt;
    for (; places < 4; ++places)
    {
        if (value > INT64_MAX / 10)
            return std::nullopt;
        value *= 10;
    }
    return negative ? -value : value;
}

/// Digits of `bin.hex`, white space allowed between them. Else nothing.
inline std::optional<std::string> to_octets_from_hex(std::string_view text)
{
    std::string out;
    int         high = -1;
    for (char const c : text)
    {
        if (trim_value(std::string_view(&c, 1)).empty())
            continue;
        int const digit = ascii::hex_value(c);
        if (digit < 0)
            return std::nullopt;
        if (high < 0)
            high = digit;
        else
        {
            out += static_cast<char>(static_cast<unsigned char>(high * 16 + digit));
            high = -1;
        }
    }
    if (high >= 0)
        return std::nullopt;
    return out;
}

/// Base64, line breaks allowed. Else nothing.
inline std::optional<std::string> to_octets_from_base64(std::string_view text)
{
    std::string packed;
    for (char const c : text)
        if (!trim_value(std::string_view(&c, 1)).empty())
            packed += c;
    return codec::base64_decode(packed);
}

using time_point = std::chrono::sys_time<std::chrono::milliseconds>;

namespace detail {

/// Reads a date field by field.
class date_scanner
{
public:
    explicit date_scanner(std::string_view text) noexcept : rest_(trim_value(text)) {}

    /// `YYYY-MM-DDThh:mm:ss[.fff][Z|+hh:mm]`; without a zone it is UTC.
    std::optional<time_point> iso() noexcept
    {
        int const year = number(4);
        take('-');
        int const month = number(2);
        take('-');
        int const day  = number(2);
        int       hour = 0, minute = 0, second = 0, milliseconds = 0;
        if (!rest_.empty())
        {
            if (!try_take(' '))
                take('T');
            hour = number(2);
            take(':');
            minute = number(2);
            if (try_take(':'))
                second = number(2);
            if (try_take('.') || try_take(','))
                milliseconds = fraction();
        }
        int const offset = zone();
        return result(year, month, day, hour, minute, second, milliseconds, offset);
    }

    /// `Mon, 07 Jun 2004 08:15:30 GMT` and its relatives of RFC 5322.
    std::optional<time_point> mail() noexcept
    {
        if (auto const comma = rest_.find(','); comma != rest_.npos)
            rest_.remove_prefix(comma + 1);
        blanks();
        int const day = number(1, 2);
        separator();
        int const month = month_name();
        separator();
        int const year = number(4);
        blanks();
        int const hour = number(1, 2);
        take(':');
        int const minute = number(2);
        int       second = 0;
        if (try_take(':'))
            second = number(2);
        blanks();
        int const offset = zone();
        return result(year, month, day, hour, minute, second, 0, offset);
    }

private:
    int number(std::size_t digits) noexcept { return number(digits, digits); }

    int number(std::size_t least, std::size_t most) noexcept
    {
        int         value = 0;
        std::size_t n     = 0;
        for (; n < most && n < rest_.size() && ascii::is_digit(rest_[n]); ++n)
            value = value * 10 + (rest_[n] - '0');
        if (n < least)
            good_ = false;
        rest_.remove_prefix(n);
        return value;
    }

    int fraction() noexcept
    {
        int value = 0, scale = 100;
        good_ = good_ && !rest_.empty() && ascii::is_digit(rest_[0]);
        for (; !rest_.empty() && ascii::is_digit(rest_[0]); rest_.remove_prefix(1), scale /= 10)
            value += (rest_[0] - '0') * scale;
        return value;
    }

    bool try_take(char c) noexcept
    {
        if (rest_.empty() || ascii::to_upper(rest_[0]) != c)
            return false;
        rest_.remove_prefix(1);
        return true;
    }

    void take(char c) noexcept { good_ = try_take(c) && good_; }

    void blanks() noexcept { rest_ = rest_.substr(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

    void separator() noexcept
    {
        if (!try_take('-'))
            blanks();
    }

    int month_name() noexcept
    {
        constexpr std::string_view months = "janfebmaraprmayjunjulaugsepoctnovdec";
        for (std::size_t m = 0; m < 12; ++m)
            if (ascii::istarts_with(rest_, months.substr(m * 3, 3)))
            {
                rest_.remove_prefix(3);
                return static_cast<int>(m) + 1;
            }
        good_ = false;
        return 0;
    }

    /// In minutes east of UTC.
    int zone() noexcept
    {
        if (rest_.empty())
            return 0;
        for (std::string_view const utc : {"Z", "GMT", "UTC", "UT"})
            if (ascii::iequals(rest_, utc))
                return rest_ = {}, 0;
        bool const west = rest_[0] == '-';
        if (!west && rest_[0] != '+')
            return good_ = false, 0;
        rest_.remove_prefix(1);
        int const hours = number(2);
        try_take(':');
        int const minutes = number(2);
        good_             = good_ && hours < 24 && minutes < 60;
        return (west ? -1 : 1) * (hours * 60 + minutes);
    }

    std::optional<time_point> result(int year, int month, int day, int hour, int minute, int second,
                                     int milliseconds, int offset) const noexcept
    {
        std::chrono::year_month_day const date{std::chrono::year(year),
                                               std::chrono::month(static_cast<unsigned>(month)),
                                               std::chrono::day(static_cast<unsigned>(day))};
        if (!good_ || !rest_.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60)
            return std::nullopt;
        return time_point(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
               std::chrono::minutes(minute - offset) + std::chrono::seconds(second) +
               std::chrono::milliseconds(milliseconds);
    }

    std::string_view rest_;
    bool             good_ = true;
};

} // namespace detail

/** A time in any of the forms servers write: `2004-06-10T10:12:09.000Z`, with an offset, without a zone (UTC), or
    `Mon, 07 Jun 2004 08:15:30 GMT`. Else nothing.
*/
inline std::optional<time_point> to_time(std::string_view text) noexcept
{
    if (auto const t = detail::date_scanner(text).iso())
        return t;
    return detail::date_scanner(text).mail();
}

} // namespace posthorn::dav

#endif
