//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the HTTPMail server reads in messages: header fields, encoded words, dates; and how it writes dates.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_HEADERS_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_HEADERS_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/detail/httpmail_charset.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::testing::detail {

/// Takes a line from the front, without its end.
inline std::string_view httpmail_take_line(std::string_view& text)
{
    std::size_t const end  = text.find('\n');
    auto              line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

/// The value of a header field of a message, unfolded and otherwise raw.
inline std::optional<std::string> httpmail_raw_header(std::string_view message, std::string_view name)
{
    std::optional<std::string> value;
    while (!message.empty())
    {
        auto const line = httpmail_take_line(message);
        if (line.empty())
            break;
        bool const folded = ascii::is_blank(line.front());
        if (value && !folded)
            break;
        if (value)
            value->append(line);
        else if (!folded && line.size() > name.size() && line[name.size()] == ':' &&
                 ascii::istarts_with(line, name))
            value = std::string(line.substr(name.size() + 1));
    }
    if (value)
        value = std::string(ascii::trim(*value));
    return value;
}

/// Decodes one encoded word without its "=?" and "?=" (RFC 2047), or nothing.
inline std::optional<std::string> httpmail_decode_word(std::string_view word)
{
    std::size_t const first = word.find('?');
    if (first == word.npos || first + 2 >= word.size() || word[first + 2] != '?')
        return std::nullopt;
    auto const  charset = word.substr(0, first);
    auto const  text    = word.substr(first + 3);
    std::string octets;
    if (ascii::to_lower(word[first + 1]) == 'b')
    {
        if (!codec::base64_decode(text, octets))
            return std::nullopt;
    }
    else
        for (std::size_t i = 0; i < text.size(); ++i)
        {
            int const high = text[i] == '=' && i + 2 < text.size() ? ascii::hex_value(text[i + 1]) : -1;
            int const low  = high >= 0 ? ascii::hex_value(text[i + 2]) : -1;
            if (low >= 0)
            {
                octets += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
                i += 2;
            }
            else
                octets += text[i] == '_' ? ' ' : text[i];
        }
    bool const utf_8 = ascii::iequals(charset, "utf-8") || ascii::iequals(charset, "us-ascii");
    return utf_8 ? octets : httpmail_from_code_page(octets);
}

/// Decodes the encoded words of a header; white space between two of them goes.
inline std::string httpmail_decode_words(std::string_view text)
{
    std::string out;
    bool        after_word = false;
    while (!text.empty())
    {
        std::size_t const begin = text.find("=?");
        std::size_t       end   = begin == text.npos ? text.npos : text.find('?', begin + 2);
        end = end == text.npos || end + 3 > text.size() ? text.npos : text.find("?=", end + 3);
        auto const word =
            end == text.npos ? std::nullopt : httpmail_decode_word(text.substr(begin + 2, end - begin - 2));
        if (!word)
        {
            std::size_t const plain = begin == text.npos ? text.size() : begin + 2;
            out += text.substr(0, plain);
            text.remove_prefix(plain);
            after_word = false;
            continue;
        }
        auto const between = text.substr(0, begin);
        if (!after_word || !ascii::trim(between).empty())
            out += between;
        out += *word;
        text.remove_prefix(end + 2);
        after_word = true;
    }
    return out;
}

/// A header as the settings want it shown, in UTF-8; nothing if it is not there.
inline std::optional<std::string> httpmail_header(std::string_view message, std::string_view name,
                                                  httpmail_value_options const&       options,
                                                  httpmail_value_options::header_form form)
{
    auto value = httpmail_raw_header(message, name);
    if (!value)
        return value;
    if (ascii::has_eight_bit(*value))
    {
        bool const utf_8 = httpmail_is_utf_8(*value);
        if (options.eight_bit == httpmail_value_options::raw_octets::latin_1)
            value = httpmail_from_code_page(*value, true);
        else if (!utf_8 && options.eight_bit == httpmail_value_options::raw_octets::missing)
            return std::nullopt;
        else if (!utf_8)
            value = httpmail_from_code_page(*value);
    }
    if (form != httpmail_value_options::header_form::raw)
        value = httpmail_decode_words(*value);
    if (form == httpmail_value_options::header_form::unquoted)
        std::erase(*value, '"');
    return value;
}

/// The display name of the first address, or the address where there is none.
inline std::string httpmail_display_name(std::string_view address)
{
    std::size_t const angle = address.find('<');
    std::string       name(ascii::trim(address.substr(0, angle)));
    std::erase(name, '"');
    return name.empty() ? std::string(address) : name;
}

/// The first address, without its name.
inline std::string httpmail_bare_address(std::string_view address)
{
    std::size_t const open = address.rfind('<');
    if (open == address.npos)
        return std::string(ascii::trim(address));
    return std::string(address.substr(open + 1, address.find('>', open) - open - 1));
}

inline constexpr std::array<char const*, 12> httpmail_months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Reads a Date field (RFC 5322 3.3) as seconds since 1970.
inline std::optional<std::int64_t> httpmail_read_date(std::string_view text)
{
    if (std::size_t const comma = text.find(','); comma != text.npos)
        text.remove_prefix(comma + 1);
    std::string const line(text.substr(0, 60));
    int               day = 0, year = 0, hour = 0, minute = 0, second = 0, used = 0;
    char              month[4] = {};
    if (std::sscanf(line.c_str(), " %2d %3[A-Za-z] %4d %2d:%2d%n", &day, month, &year, &hour, &minute,
                    &used) < 5)
        return std::nullopt;
    std::string_view rest = std::string_view(line).substr(static_cast<std::size_t>(used));
    if (rest.starts_with(':') && rest.size() >= 3 && std::sscanf(line.c_str() + used, ":%2d", &second) == 1)
        rest.remove_prefix(3);
    unsigned number = 0;
    while (number < 12 && !ascii::iequals(httpmail_months[number], month))
        ++number;
    auto const date = std::chrono::year(year) / std::chrono::month(number + 1) /
                      std::chrono::day(static_cast<unsigned>(day < 0 ? 0 : day));
    if (number == 12 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 60)
        return std::nullopt;
    std::int64_t offset = 0;
    rest                = ascii::trim(rest);
    if (rest.size() >= 5 && (rest[0] == '+' || rest[0] == '-'))
    {
        int zone = 0;
        for (char const c : rest.substr(1, 4))
            zone = ascii::is_digit(c) ? zone * 10 + (c - '0') : zone;
        offset = (zone / 100 * 60 + zone % 100) * 60 * (rest[0] == '-' ? -1 : 1);
    }
    std::int64_t const days = std::chrono::sys_days(date).time_since_epoch().count();
    return days * 86400 + hour * 3600 + minute * 60 + second - offset;
}

/// Writes a time in a form of the settings.
inline std::string httpmail_write_date(std::int64_t seconds, httpmail_value_options::date_form form)
{
    constexpr std::array<char const*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::int64_t               last = 253402300799; // the year 9999
    seconds                                   = seconds < 0 ? 0 : seconds > last ? last : seconds;
    std::chrono::sys_seconds const    at{std::chrono::seconds(seconds)};
    auto const                        day = std::chrono::floor<std::chrono::days>(at);
    std::chrono::year_month_day const date(day);
    std::chrono::hh_mm_ss const       time(at - day);
    int const                         year  = static_cast<int>(date.year());
    unsigned const                    month = static_cast<unsigned>(date.month());
    unsigned const                    dom   = static_cast<unsigned>(date.day());
    int const                         h     = static_cast<int>(time.hours().count());
    int const                         m     = static_cast<int>(time.minutes().count());
    int const                         s     = static_cast<int>(time.seconds().count());
    char                              text[80];
    if (form == httpmail_value_options::date_form::http)
        std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT",
                      days[std::chrono::weekday(day).c_encoding()], dom, httpmail_months[month - 1], year, h,
                      m, s);
    else
        std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d%s", year, month, dom, h, m, s,
                      form == httpmail_value_options::date_form::zoned ? ".000Z" : "");
    return text;
}

} // namespace posthorn::testing::detail

#endif
