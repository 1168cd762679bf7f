//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/header_facts.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

using posthorn::smtp::look_at_header;

TEST_SUITE_BEGIN("smtp/header_facts");

namespace {

/// With every kind of line end.
template <class F>
void for_all_line_ends(std::string_view text, F f)
{
    for (std::string_view const end : {"\n", "\r\n", "\r"})
    {
        std::string changed;
        for (char const c : text)
            if (c == '\n')
                changed += end;
            else
                changed += c;
        CAPTURE(changed);
        f(changed);
    }
}

} // namespace

TEST_CASE("a header section is UTF-8 if it has octets above 127 and all of them are UTF-8")
{
    struct row
    {
        char const* text;
        bool        utf8;
    };
    row const rows[]{
        {"", false},
        {"\n", false},
        {"Subject: x\n\nbody \xc3\xbc\n", false},
        {"Subject: \xc3\xbc\n\nbody\n", true},
        {"Subject: \xc3\xbc", true},
        {"Subject: \xe6\x97\xa5\xe6\x9c\xac\nFrom: \xf0\x9f\x93\xaf@x.test\n\n", true},
        {"Subject: x\n \xc3\xbc on the second line\n\n", true},
        {"Subject: \xe4\n\n", false},                 // ISO 8859-1
        {"Subject: \xe4\nFrom: \xc3\xbc\n\n", false}, // both
        {"Subject: \xc0\xaf\n\n", false},             // overlong
        {"Subject: \xed\xa0\x80\n\n", false},         // a surrogate
        {"Subject: \xc2\x85\n\n", false},             // a C1 control
        {"Subject: x\n\n\nSubject: \xc3\xbc\n", false},
        {"\nSubject: \xc3\xbc\n", false},
        {"\xc3\xbc\n", false}, // no field, so there is no header section
        {"no field\nSubject: \xc3\xbc\n", false},
        {"Subject: x\nno field \xc3\xbc: it has spaces\n", false},
        {"S\xc3\xbc: x\n", false}, // names of fields are ASCII
        {": \xc3\xbc\n", false},
    };
    for (auto const& r : rows)
        for_all_line_ends(r.text,
                          [&](std::string const& text) { CHECK(look_at_header(text).utf8 == r.utf8); });
}

TEST_CASE("a character that is cut by the end of what is known does not make the rest malformed")
{
    std::string const text = "Subject: \xc3\xbc \xe6\x97\xa5 \xf0\x9f\x93\xaf\nX: \xe6\x97\xa5\n\n";
    auto const        from = text.find('\xbc') + 1;
    for (std::size_t n = 0; n <= text.size(); ++n)
    {
        CAPTURE(n);
        CHECK(look_at_header(std::string_view(text).substr(0, n)).utf8 == (n >= from));
    }
    CHECK_FALSE(look_at_header("Subject: \xc3\xbc \x80").utf8); // this was not cut
}

TEST_CASE("TLS-Required: No is found wherever it is a field of its own")
{
    struct row
    {
        char const* text;
        bool        optional;
    };
    row const rows[]{
        {"TLS-Required: No\n\n", true},
        {"Subject: x\ntls-required:no\nTo: y@z.test\n\n", true},
        {"TLS-Required:\t No \t\n\n", true},
        {"TLS-Required:\n No\n\n", true},
        {"TLS-Required: No\n \n\n", true},
        {"TLS-Required : No\n\n", true},
        {"TLS-Required: No", true},
        {"TLS-Required: Yes\nTLS-Required: No\n\n", true},
        {"TLS-Required: Yes\n\n", false},
        {"TLS-Required:\n\n", false},
        {"TLS-Required: No\n thanks\n\n", false},
        {"TLS-Required: No, thanks\n\n", false},
        {"X-TLS-Required: No\n\n", false},
        {"TLS-Required-Too: No\n\n", false},
        {"Subject: x\n TLS-Required: No\n\n", false}, // a continued line
        {"Subject: x\n\nTLS-Required: No\n", false},  // the body
        {"TLS-Required: x\nSubject: No\n\n", false},
    };
    for (auto const& r : rows)
        for_all_line_ends(
            r.text, [&](std::string const& text) { CHECK(look_at_header(text).tls_optional == r.optional); });
}

TEST_CASE("whatever octets a message begins with, reading them ends")
{
    std::string all;
    for (int repeated = 0; repeated != 3; ++repeated)
        for (int i = 0; i != 256; ++i)
            all += static_cast<char>(i);
    for (std::size_t i = 0; i != all.size(); ++i)
    {
        static_cast<void>(look_at_header(std::string_view(all).substr(i)));
        static_cast<void>(look_at_header("Subject: " + all.substr(i)));
    }
    std::string const lines(100000, '\n');
    CHECK_FALSE(look_at_header(lines).utf8);
    static_assert(look_at_header("TLS-Required: No\r\n\r\n").tls_optional);
}

TEST_SUITE_END();
