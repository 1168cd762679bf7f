//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/xml/charset.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace xml = posthorn::xml;
using namespace std::string_view_literals;

namespace {

struct decoded
{
    std::error_code ec;
    std::string     text;
    std::size_t     replaced = 0;
};

decoded decode(std::string_view in, xml::charset_hints const& hints, std::size_t first, std::size_t piece)
{
    xml::decoder d(hints);
    decoded      r;
    auto const   sink = [&](std::string_view s) { r.text += s; };
    for (std::size_t size = first; !in.empty() && !r.ec; size = piece)
    {
        std::string const part(in.substr(0, size));
        in.remove_prefix(part.size());
        r.ec = d.feed(part, sink);
    }
    if (!r.ec)
        r.ec = d.finish(sink);
    r.replaced = d.replaced();
    return r;
}

/// Decodes whole, in two pieces for every cut, and octet by octet; all must agree.
decoded decode(std::string_view in, xml::charset_hints const& hints = {})
{
    auto const whole = decode(in, hints, in.npos, in.npos);
    for (std::size_t cut = 0; cut <= in.size(); ++cut)
    {
        CAPTURE(cut);
        auto const r = decode(in, hints, cut, in.npos);
        CHECK(r.ec == whole.ec);
        CHECK(r.text == whole.text);
        CHECK(r.replaced == whole.replaced);
    }
    CHECK(decode(in, hints, 1, 1).text == whole.text);
    return whole;
}

xml::charset_hints labelled(std::string label)
{
    xml::charset_hints h;
    h.external = std::move(label);
    return h;
}

std::string utf16(std::u16string_view text, bool big)
{
    std::string out;
    for (auto const u : text)
    {
        auto const high = static_cast<char>(u >> 8), low = static_cast<char>(u & 0xff);
        out += big ? high : low;
        out += big ? low : high;
    }
    return out;
}

} // namespace

TEST_SUITE_BEGIN("xml/charset");

TEST_CASE("without any label it is UTF-8")
{
    CHECK(decode("<a>caf\xc3\xa9 \xf0\x9f\x98\x80</a>").text == "<a>caf\xc3\xa9 \xf0\x9f\x98\x80</a>");
    CHECK(decode("").text.empty());
    CHECK(decode("<").text == "<");
    CHECK(decode("<?xml version=\"1.0\"?><a/>").text == "<?xml version=\"1.0\"?><a/>");
}

TEST_CASE("the declaration names Windows-1252, as Hotmail's did")
{
    auto const r = decode("<?xml version=\"1.0\" encoding=\"Windows-1252\"?><a>\x80 caf\xe9 \x93x\x94</a>");
    CHECK(r.text == "<?xml version=\"1.0\" encoding=\"Windows-1252\"?><a>\xe2\x82\xac caf\xc3\xa9 "
                    "\xe2\x80\x9cx\xe2\x80\x9d</a>");
    CHECK(r.replaced == 0);
}

TEST_CASE("labels of ISO-8859-1 and US-ASCII mean Windows-1252")
{
    for (auto const* label : {"ISO-8859-1", "iso8859-1", "latin1", "US-ASCII", "cp1252"})
    {
        CAPTURE(label);
        CHECK(decode("<?xml version='1.0' encoding='" + std::string(label) + "'?><a>\x80</a>")
                  .text.ends_with("<a>\xe2\x82\xac</a>"));
        CHECK(decode("<a>\x80</a>", labelled(label)).text == "<a>\xe2\x82\xac</a>");
    }
}

TEST_CASE("the charset of Content-Type wins over the declaration, a byte order mark over both")
{
    CHECK(decode("<?xml version=\"1.0\" encoding=\"Windows-1252\"?><a>\xc3\xa9</a>", labelled("utf-8"))
              .text.ends_with("<a>\xc3\xa9</a>"));
    auto const r = decode("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"Windows-1252\"?><a>\xc3\xa9</a>",
                          labelled("latin1"));
    CHECK(r.text == "<?xml version=\"1.0\" encoding=\"Windows-1252\"?><a>\xc3\xa9</a>");
}

TEST_CASE("UTF-16 is known by its mark, by its first character, or by its label")
{
    std::u16string const document = u"<a>\u00e9\u20ac\U0001F600</a>";
    std::string const    expected = "<a>\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80</a>";
    CHECK(decode(utf16(u"\ufeff" + document, true)).text == expected);
    CHECK(decode(utf16(u"\ufeff" + document, false)).text == expected);
    CHECK(decode(utf16(document, true)).text == expected);
    CHECK(decode(utf16(document, false)).text == expected);
    CHECK(decode(utf16(u"\n" + document, true), labelled("UTF-16")).text == "\n" + expected);
    CHECK(decode(utf16(u"\n" + document, false), labelled("utf-16le")).text == "\n" + expected);
}

TEST_CASE("a document that is read octet by octet and says UTF-16 is UTF-8")
{
    CHECK(decode("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>\xc3\xa9</a>")
              .text.ends_with("<a>\xc3\xa9</a>"));
}

TEST_CASE("what is invalid becomes U+FFFD and is counted")
{
    struct
    {
        std::string_view in, out;
        std::size_t      count;
    } const cases[] = {
        {"<a>\xe9</a>", "<a>\xef\xbf\xbd</a>", 1},                                 // Latin-1 under no label
        {"<a>\xc0\xaf</a>", "<a>\xef\xbf\xbd\xef\xbf\xbd</a>", 2},                 // overlong
        {"<a>\xed\xa0\x80</a>", "<a>\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</a>", 3}, // a surrogate
        {"<a>\xef\xbf\xbf</a>", "<a>\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</a>", 3}, // U+FFFF is no character
        {"<a>\xf5\x80</a>", "<a>\xef\xbf\xbd\xef\xbf\xbd</a>", 2},
        {"<a>\xe2\x82", "<a>\xef\xbf\xbd", 1}, // cut off
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.out);
        auto const r = decode(c.in);
        CHECK(r.text == c.out);
        CHECK(r.replaced == c.count);
    }
    CHECK(decode("<a>\x81</a>", labelled("windows-1252")).text == "<a>\xef\xbf\xbd</a>");
    CHECK(
        decode(utf16(u"<a>", true) + "\xd8\x01\0<"sv.data() + std::string("\0"sv) + "b", labelled("utf-16be"))
            .replaced >= 1);
    std::string const lone = utf16(u"<a>", true) + std::string("\xd8\x3d\0x\xde\0"sv) + utf16(u"</a>", true);
    auto const        r    = decode(lone);
    CHECK(r.text == "<a>\xef\xbf\xbdx\xef\xbf\xbd</a>");
    CHECK(r.replaced == 2);
}

TEST_CASE("an unknown charset is a typed error, unless there is a fallback or Content-Type knows better")
{
    std::string_view const document = "<?xml version=\"1.0\" encoding=\"x-klingon\"?><a>\xe9</a>";
    CHECK(decode(document).ec == xml::errc::unsupported_charset);
    CHECK(decode(document, labelled("latin1")).text.ends_with("<a>\xc3\xa9</a>"));
    xml::charset_hints hints;
    hints.fallback = xml::charset::windows_1252;
    CHECK(decode(document, hints).text.ends_with("<a>\xc3\xa9</a>"));
    // An unknown label outside counts as none.
    CHECK(decode("<a>\xc3\xa9</a>", labelled("x-klingon")).text == "<a>\xc3\xa9</a>");
}

TEST_CASE("a declaration without end does not hold back the document for ever")
{
    std::string const document = "<?xml version=\"1.0\" " + std::string(3000, 'x');
    xml::decoder      d;
    std::size_t       passed = 0;
    REQUIRE_FALSE(d.feed(document, [&](std::string_view s) { passed += s.size(); }));
    CHECK(passed == document.size());
}

TEST_SUITE_END();
