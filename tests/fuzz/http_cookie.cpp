//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Cookies: what a jar gives back can be sent, goes to whom it may go only, and the jar stays bounded. Lines are Set-Cookie fields,
// from hosts in turn.

#include <posthorn/http/cookie_jar.hpp>
#include <posthorn/http/date.hpp>
#include <posthorn/http/syntax.hpp>
#include <posthorn/http/url.hpp>

#include <support/fuzzing.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace http = posthorn::http;
using support::require;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    std::string_view     in(reinterpret_cast<char const*>(data), size);
    http::url const      hosts[] = {http::url("https://a.mail.example/x/y"), http::url("http://b.mail.example/"), http::url("http://192.0.2.1/")};
    http::cookie_jar     jar;
    std::int64_t const   now = 1'700'000'000;
    for (std::size_t n = 0; !in.empty(); ++n)
    {
        auto const line = in.substr(0, in.find('\n'));
        in.remove_prefix(line.size() == in.size() ? line.size() : line.size() + 1);
        auto const parsed = http::parse_cookie(line, now);
        require(!jar.store(hosts[n % 3], line, now) || parsed);
        if (parsed)
            require(parsed->value.size() + parsed->name.size() <= http::longest_cookie);
        static_cast<void>(http::parse_date(line));
        if (auto const date = http::parse_cookie_date(line))
            require(http::parse_date(http::format_date(*date)) == date);
    }
    require(jar.size() <= http::cookie_jar::most);
    for (auto const* to : {"https://a.mail.example/x/z", "http://a.mail.example/", "http://b.mail.example/", "https://mail.example/", "http://192.0.2.1/", "http://evil.test/"})
    {
        auto const value = jar.field(http::url(to), now);
        require(http::is_field_value(value.view()) || value.view().find_first_of("\r\n") == std::string_view::npos);
        if (std::string_view(to) == "http://evil.test/")
            require(value.empty());
    }
    return 0;
}
