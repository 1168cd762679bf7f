//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The HTTPMail server without its network, given requests that no client sends.

#include <posthorn/testing/detail/httpmail_http.hpp>
#include <posthorn/testing/detail/httpmail_site.hpp>

#include <doctest/doctest.h>

#include <support/raw_http.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace posthorn::testing;
using posthorn::testing::detail::httpmail_body_reader;
using posthorn::testing::detail::httpmail_framing;
using posthorn::testing::detail::httpmail_read_head;
using posthorn::testing::detail::httpmail_site;
using posthorn::testing::detail::httpmail_xml_reader;

TEST_SUITE_BEGIN("testing/httpmail_site");

namespace {

/// Requests of all kinds, to be spoilt.
std::vector<std::string> requests(std::string const& root, std::string const& folder,
                                  std::string const& message)
{
    std::string const host =
        " HTTP/1.1\r\nHost: h\r\nDepth: 1\r\nTranslate: f\r\nX-Timestamp: folders=1, ACTIVE=2\r\n";
    std::string const to = "Destination: http://h" + folder + "x/\r\nRange: rows=0-1,-2\r\nOverwrite: F\r\n";
    std::vector<std::string> all;
    auto const add = [&](std::string const& verb, std::string const& target, std::string const& body) {
        all.push_back(verb + " " + target + host + to +
                      "Authorization: Basic YTpi\r\nContent-Type: message/rfc821\r\nContent-Length: " +
                      std::to_string(body.size()) + "\r\n\r\n" + body);
    };
    add("PROPFIND", root, support::propfind_body({"hm:inbox", "h:maxpoll"}));
    add("PROPFIND", folder,
        support::propfind_body({"m:subject", "m:from", "D:getcontentlength", "m:date", "m:received"}));
    add("GET", message, "");
    add("PROPPATCH", message, support::patch_body("hm:read", "1"));
    add("BPROPPATCH", folder, support::patch_body("hm:read", "1", {"1", message, "./Re:x"}));
    add("BMOVE", folder, support::bulk_body("move", {"1", "x", message}));
    add("BDELETE", folder, support::bulk_body("delete", {"1"}));
    add("MOVE", message, "");
    add("COPY", folder, "");
    add("MKCOL", folder + "new/", "");
    add("DELETE", message, "");
    add("POST", root + "sendmsg", "MAIL FROM:<a@b>\r\nRCPT TO:<b@c>\r\n\r\nSubject: x\r\n\r\n");
    add("PUT", folder + "x.EML",
        "From: =?utf-8?B?w6k=?= <a@b>\r\nDate: Thu, 1 Jan 2004 00:00:00 +0100\r\nSubject: "
        "=?x?Q?=zz?=\r\n\r\n");
    add("SEARCH", folder,
        "<s xmlns='DAV:'><sql>SELECT \"DAV:uid\" AS x, \"urn:schemas:httpmail:subject\" FROM SCOPE('DEEP "
        "TRAVERSAL OF \"\"') WHERE NOT "
        "(\"DAV:isfolder\" = 1 OR \"a\" LIKE '%x_') GROUP BY \"DAV:ishidden\" ORDER BY \"DAV:uid\" "
        "DESC</sql></s>");
    add("BPROPFIND", folder,
        "<D:propfind "
        "xmlns:D='DAV:'><D:target><D:href>1</D:href></D:target><D:prop><D:uid/></D:prop></D:propfind>");
    all.push_back("POST " + folder +
                  " HTTP/1.1\r\nHost: h\r\nContent-Type: message/rfc822\r\nTransfer-Encoding: "
                  "chunked\r\n\r\n5\r\na: b\r\n2;x\r\n\r\n\r\n0\r\n\r\n");
    return all;
}

/// As a connection does it. @return The status, 0 if there is none.
int serve(httpmail_site& site, std::string_view bytes)
{
    std::size_t const end = bytes.find("\r\n\r\n");
    if (end == bytes.npos)
        return 0;
    httpmail_request request;
    httpmail_framing framing;
    if (int const bad = httpmail_read_head(bytes.substr(0, end + 4), request, framing); bad != 0)
        return bad;
    bytes.remove_prefix(end + 4);
    httpmail_body_reader reader(framing, 1000000);
    while (!reader.done() && reader.status() == 0)
    {
        std::size_t const used = reader.feed(bytes, request.body);
        REQUIRE(used <= bytes.size());
        bytes.remove_prefix(used);
        if (used == 0)
            break;
    }
    if (reader.status() != 0)
        return reader.status();
    static_cast<void>(site.begin(request));
    auto answer = site.admit(request);
    if (answer.status == 0)
        answer = site.answer(request);
    auto const out = detail::httpmail_write(answer, request, site.settings().transfer, true);
    CHECK((answer.status == 0 || out.head.ends_with("\r\n\r\n")));
    CHECK(out.head.find("\r\n\r\n") == out.head.size() - 4); // nobody can end a head with what he sends
    site.note(request, answer.status);
    site.end(true);
    return answer.status;
}

std::uint64_t octets(httpmail_site& site)
{
    return site.with_store([](auto& store) {
        auto const count = [](auto const& self, detail::httpmail_node const& node) -> std::uint64_t {
            std::uint64_t n = 0;
            for (auto const& item : node.items)
                n += item->content.size();
            for (auto const& child : node.children)
                n += self(self, *child);
            return n;
        };
        CHECK(count(count, store.root()) == store.octets());
        return store.octets();
    });
}

} // namespace

TEST_CASE("spoilt requests harm nothing, in any dialect")
{
    std::mt19937                                  random(20040610);
    std::array<httpmail_server_settings, 5> const kinds = {
        httpmail_server_settings::hotmail(), httpmail_server_settings::exchange(),
        httpmail_server_settings::dav(), httpmail_server_settings::b1gmail(),
        httpmail_server_settings::sogo()};
    for (auto settings : kinds)
    {
        settings.auth.required  = false;
        settings.redirect.first = httpmail_redirect_options::kind::none;
        settings.quota          = 100000;
        settings.log_body       = 10;
        settings.log            = false;
        httpmail_site site(settings);
        std::string   folder, message, root;
        site.with_urls([&](auto& store, auto& urls) {
            auto& inbox = *store.special("inbox");
            for (int i = 0; i < 5; ++i)
                message = urls.path(inbox, store.add(inbox, "Subject: x\r\n\r\n"));
            folder = urls.path(inbox);
            root   = urls.mailbox();
            return 0;
        });
        auto const  good     = requests(root, folder, message);
        std::size_t answered = 0;
        for (auto const& one : good)
            answered += serve(site, one) != 0 ? 1U : 0U;
        CHECK(answered >= good.size() - 1); // SOGo closes instead of answering bad SQL
        for (int round = 0; round < 4000; ++round)
        {
            std::string spoilt = good[random() % good.size()];
            for (unsigned n = random() % 4; n-- != 0;)
            {
                std::size_t const at = random() % spoilt.size();
                switch (random() % 5)
                {
                case 0: spoilt[at] = static_cast<char>(random()); break;
                case 1: spoilt.erase(at, 1 + random() % 8); break;
                case 2: spoilt.insert(at, spoilt.substr(random() % spoilt.size(), random() % 20)); break;
                case 3:
                    spoilt.insert(at, std::string(1 + random() % 3, "</>\"'&%?;=,\r\n#"[random() % 14]));
                    break;
                default: spoilt.resize(at == 0 ? 1 : at); break;
                }
                if (spoilt.empty())
                    spoilt = "x";
            }
            serve(site, spoilt);
            if (round % 500 == 0)
                octets(site);
        }
        octets(site);
        CHECK(site.totals().in_progress == 0);
    }
}

TEST_CASE("a head and a chunked body are the same in one piece and octet by octet")
{
    std::string const body = "5\r\nhello\r\na;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nNEXT";
    httpmail_framing  framing;
    framing.chunked = true;
    for (std::size_t split = 1; split <= body.size(); ++split)
    {
        httpmail_body_reader reader(framing, 100);
        std::string          out, pending;
        std::size_t          given = 0;
        while (!reader.done() && given < body.size())
        {
            std::size_t const step = std::min(split, body.size() - given);
            pending += body.substr(given, step);
            given += step;
            pending.erase(0, reader.feed(pending, out));
        }
        pending += body.substr(given);
        CHECK(reader.done());
        CHECK(reader.status() == 0);
        CHECK(out == "hello0123456789");
        CHECK(pending == "NEXT");
    }
}

TEST_CASE("bodies of XML: what is in them, and what is refused")
{
    auto const update = httpmail_xml_reader::read(support::patch_body("hm:read", " 1 ", {"a", "b"}));
    REQUIRE(update.good);
    CHECK(update.target_first);
    REQUIRE(update.targets.size() == 2);
    CHECK(update.targets[1].href == "b");
    REQUIRE(update.changes.size() == 1);
    CHECK(update.changes[0].name == httpmail_name("urn:schemas:httpmail:", "read"));
    CHECK(update.changes[0].value == " 1 ");
    auto const removed = httpmail_xml_reader::read(
        "<p xmlns='DAV:'><remove><prop><x "
        "xmlns='u'/></prop></remove><target><href>a</href><dest>d</dest></target></p>");
    REQUIRE(removed.good);
    CHECK(removed.changes.at(0).remove);
    CHECK_FALSE(removed.target_first);
    CHECK(removed.targets.at(0).destination == "d");
    CHECK_FALSE(httpmail_xml_reader::read("").good);
    CHECK_FALSE(httpmail_xml_reader::read("<a><b></a>").good);
    CHECK_FALSE(httpmail_xml_reader::read("<!DOCTYPE a><a/>").good);
}

TEST_SUITE_END();
