//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/xml/mender.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace xml = posthorn::xml;

namespace {

constexpr std::string_view free_text[] = {"from", "subject"};

struct mended
{
    std::error_code ec;
    std::string     text;
    xml::repairs    made;
};

mended mend(std::string_view in, std::size_t first, std::size_t piece)
{
    xml::mender m(free_text, 200, 300);
    mended      r;
    auto const  sink = [&](std::string_view s) { r.text += s; };
    for (std::size_t size = first; !in.empty() && !r.ec; size = piece)
    {
        std::string const part(in.substr(0, size));
        in.remove_prefix(part.size());
        r.ec = m.feed(part, sink);
    }
    if (!r.ec)
        r.ec = m.finish(sink);
    r.made = m.made();
    return r;
}

/// Whole, in two pieces for every cut, and octet by octet; all must agree.
mended mend(std::string_view in)
{
    auto const whole = mend(in, in.npos, in.npos);
    for (std::size_t cut = 0; cut <= in.size(); ++cut)
    {
        CAPTURE(cut);
        auto const r = mend(in, cut, in.npos);
        CHECK(r.ec == whole.ec);
        if (whole.ec) // how much was passed on before is left open
            continue;
        CHECK(r.text == whole.text);
        CHECK(r.made == whole.made);
    }
    if (!whole.ec)
        CHECK(mend(in, 1, 1).text == whole.text);
    return whole;
}

} // namespace

TEST_SUITE_BEGIN("xml/mender");

TEST_CASE("a well-formed document passes unchanged")
{
    for (std::string_view const in : {
             "<a/>",
             "<?xml version=\"1.0\"?>\r\n<a b='1 > 2' c=\"it's\">x &amp; y &lt; &#233; &#x1F600;\t</a>",
             "<a><!-- a & b < c -- d&eacute; --><![CDATA[ & < &nbsp; ]] ]]> & outside is mended</a>",
             "<a><?php a & b < c ?><b/></a>",
             "<m:from>Bob &lt;b@example.net&gt;</m:from><x>y</x>",
             "<m:from/><x><y/></x>",
             "<m:from a='/'>Bob</m:from >",
             "<from>a <b>bold</b> word</from>",
             "<from>a<![CDATA[ </from> & < ]]>b</from>",
             "<from>a<!-- comment -->b</from>",
         })
    {
        CAPTURE(in);
        auto const  r = mend(in);
        std::string expected(in);
        if (auto const at = expected.find("& outside"); at != expected.npos)
            expected.insert(at + 1, "amp;");
        CHECK(r.text == expected);
        CHECK(r.made.any() == (expected != in));
    }
}

TEST_CASE("an ampersand that begins no reference is text")
{
    struct
    {
        std::string_view in, out;
    } const cases[] = {
        {"<a>Fish & chips</a>", "<a>Fish &amp; chips</a>"},
        {"<a>AT&T</a>", "<a>AT&amp;T</a>"},
        {"<a>&&amp;&</a>", "<a>&amp;&amp;&amp;</a>"},
        {"<a>&;&#;&#x;&#xg;&#12a;</a>", "<a>&amp;;&amp;#;&amp;#x;&amp;#xg;&amp;#12a;</a>"},
        {"<a b='x&y' c=\"&\"/>", "<a b='x&amp;y' c=\"&amp;\"/>"},
        {"<a>&unknown; &Amp;</a>", "<a>&amp;unknown; &amp;Amp;</a>"},
        {"<a>&abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz;</a>",
         "<a>&amp;abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz;</a>"},
        {"<a>&", "<a>&amp;"},
        {"<a>&am", "<a>&amp;am"},
        {"<a>?x=1&y=2&z=3;</a>", "<a>?x=1&amp;y=2&amp;z=3;</a>"},
        {"<from>a & b</from>", "<from>a &amp; b</from>"},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.in);
        auto const r = mend(c.in);
        CHECK(r.text == c.out);
        CHECK(r.made.ampersands >= 1);
    }
    CHECK(mend("<a>Fish & chips & more</a>").made.ampersands == 2);
}

TEST_CASE("entities of HTML become their characters")
{
    auto const r = mend("<m:subject>caf&eacute;&nbsp;bar &euro; &Omega;&omega;&thetasym;</m:subject>");
    CHECK(r.text == "<m:subject>caf\xc3\xa9\xc2\xa0"
                    "bar \xe2\x82\xac \xce\xa9\xcf\x89\xcf\x91</m:subject>");
    CHECK(r.made.entities == 6);
    CHECK(r.made.ampersands == 0);
}

TEST_CASE("references to forbidden characters are dropped, pairs of surrogates joined, halves replaced")
{
    struct
    {
        std::string_view in, out;
        std::size_t      count;
    } const cases[] = {
        {"<a>x&#1;y&#11;z&#27;</a>", "<a>xyz</a>", 3},
        {"<a>&#0;&#x0;&#xFFFE;&#xffff;&#1114112;&#99999999999999;</a>", "<a></a>", 6},
        {"<a>&#9;&#10;&#xD;&#127;&#xE000;</a>", "<a>&#9;&#10;&#xD;&#127;&#xE000;</a>", 0},
        {"<a>&#55357;&#56832;</a>", "<a>\xf0\x9f\x98\x80</a>", 1},
        {"<a>&#xd83d;&#xDE00;!</a>", "<a>\xf0\x9f\x98\x80!</a>", 1},
        {"<a>&#55357;</a>", "<a>\xef\xbf\xbd</a>", 1},
        {"<a>&#56832;x</a>", "<a>\xef\xbf\xbdx</a>", 1},
        {"<a>&#55357;x&#56832;</a>", "<a>\xef\xbf\xbdx\xef\xbf\xbd</a>", 2},
        {"<a>&#55357;&#55357;&#56832;</a>", "<a>\xef\xbf\xbd\xf0\x9f\x98\x80</a>", 2},
        {"<a>&#55357;&amp;</a>", "<a>\xef\xbf\xbd&amp;</a>", 1},
        {"<a>&#55357;&eacute;</a>", "<a>\xef\xbf\xbd\xc3\xa9</a>", 1},
        {"<a>&#55357;&</a>", "<a>\xef\xbf\xbd&amp;</a>", 1},
        {"<a>&#55357;", "<a>\xef\xbf\xbd", 1},
        {"<a b='&#55357;&#56832;'/>", "<a b='\xf0\x9f\x98\x80'/>", 1},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.in);
        auto const r = mend(c.in);
        CHECK(r.text == c.out);
        CHECK(r.made.references == c.count);
    }
}

TEST_CASE("stray angle brackets in the text of an address or a subject are text")
{
    struct
    {
        std::string_view in, out;
    } const cases[] = {
        {"<m:from>Bob <bob@example.net></m:from>", "<m:from>Bob &lt;bob@example.net></m:from>"},
        {"<m:from><bob@example.net></m:from><x/>", "<m:from>&lt;bob@example.net></m:from><x/>"},
        {"<m:subject>a < b</m:subject>", "<m:subject>a &lt; b</m:subject>"},
        {"<m:subject>a <- & <b> &nbsp; </b</m:subject>",
         "<m:subject>a &lt;- &amp; &lt;b> \xc2\xa0 &lt;/b</m:subject>"},
        {"<m:subject>1 </ 2</m:subject>", "<m:subject>1 &lt;/ 2</m:subject>"},
        {"<subject>x <y</subject\t\r\n >z", "<subject>x &lt;y</subject\t\r\n >z"},
        {"<from>a <b></from><from>c <d></from>", "<from>a &lt;b></from><from>c &lt;d></from>"},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.in);
        auto const r = mend(c.in);
        CHECK(r.text == c.out);
        CHECK(r.made.markup >= 1);
    }
}

TEST_CASE("structure elsewhere is left alone")
{
    std::string_view const in = "<m:to>Bob <bob@example.net></m:to>";
    CHECK(mend(in).text == in);
    CHECK_FALSE(mend(in).made.any());
}

TEST_CASE("control characters are dropped wherever they stand")
{
    auto const r = mend("<a\x01 b='\x02'>x\x1f\ty\r\n\x0b</a><!--\x03--><\x04"
                        "b/>");
    CHECK(r.text == "<a b=''>x\ty\r\n</a><!----><b/>");
    CHECK(r.made.controls == 6);
}

TEST_CASE("markup that does not end is refused at the limit")
{
    for (auto const* opening : {"<a ", "<!--", "<!-->", "<?x ", "<!ELEMENT ", "<!-x", "<a b='", "</a ", "<"})
    {
        CAPTURE(opening);
        CHECK(mend(opening + std::string(400, 'x')).ec == xml::errc::markup_too_long);
    }
    std::string quotes = "<a ";
    for (int i = 0; i < 400; ++i)
        quotes += i % 2 == 0 ? "\"" : "'";
    CHECK(mend(quotes).ec == xml::errc::markup_too_long);
    std::string references = "<a b='";
    for (int i = 0; i < 100; ++i)
        references += "&amp;";
    CHECK(mend(references).ec == xml::errc::markup_too_long);
    CHECK_FALSE(mend("<a>" + std::string(1000, 'x') + "<![CDATA[" + std::string(1000, 'x') + "]]></a>").ec);
}

TEST_CASE("an element of free text that does not end is refused at the limit")
{
    CHECK(mend("<from>a <b" + std::string(400, 'x')).ec == xml::errc::text_too_long);
    // Without a stray bracket nothing is held back.
    CHECK_FALSE(mend("<from>" + std::string(4000, 'x') + "</from>").ec);
}

TEST_SUITE_END();
