//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/mail_filter.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

using namespace posthorn::httpmail;

namespace {

/// Filters it in pieces of every size; all must give the same.
std::string filtered(std::string_view text, bool normalise = true, bool drop = true)
{
    filter_options o;
    o.normalise = normalise;
    o.drop_bcc  = drop;
    std::string whole;
    for (std::size_t size = text.size() + 1; size != 0; --size)
    {
        mail_filter f(o);
        std::string out;
        for (int round = 0; round != 2; ++round) // it starts again after its end
        {
            out.clear();
            for (std::size_t at = 0; at < text.size(); at += size)
                f.feed(text.substr(at, size), out);
            f.finish(out);
            if (size == text.size() + 1)
                whole = out;
            CHECK(out == whole);
        }
    }
    return whole;
}

} // namespace

TEST_SUITE_BEGIN("httpmail/mail_filter");

TEST_CASE("lines end with CRLF")
{
    CHECK(filtered("a: b\n\nc\rd\r\ne") == "a: b\r\n\r\nc\r\nd\r\ne");
    CHECK(filtered("\n\r\r\n") == "\r\n\r\n\r\n");
    CHECK(filtered("a\r") == "a\r\n");
    CHECK(filtered("a\n\nb\r", false) == "a\n\nb\r");
    CHECK(filtered("") == "");
    CHECK(filtered("a: b\r\n\r\n.\r\nx\n", true, false) == "a: b\r\n\r\n.\r\nx\r\n");
}

TEST_CASE("no blind recipient is given away")
{
    CHECK(filtered("From: a\nBcc: x@y,\n z@y,\n\tw@y\nTo: b\n\nBcc: in the body\n") == "From: a\r\nTo: b\r\n\r\nBcc: in the body\r\n");
    CHECK(filtered("BCC : x\nresent-bcc:y\nBccx: z\n\n") == "Bccx: z\r\n\r\n");
    CHECK(filtered("bcc: x") == "");
    CHECK(filtered("Bcc") == "Bcc");
    CHECK(filtered("Bcc: a\r\n\r\nb", false) == "\r\nb");
    CHECK(filtered("Bcc: a\n\nb", false) == "\nb");
    CHECK(filtered("no field at all but a long line\nBcc: x\nshort\n\nb") == "no field at all but a long line\r\nshort\r\n\r\nb");
    CHECK(filtered(" leading\nBcc: x\n") == " leading\r\n");
    CHECK(filtered("Bcc: x\n", true, false) == "Bcc: x\r\n");
}

TEST_SUITE_END();
