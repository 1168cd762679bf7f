//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/url.hpp>

#include <posthorn/core/ascii.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

TEST_SUITE_BEGIN("net/url");

namespace net = posthorn::net;
using net::url;
using net::url_offence;
using net::url_scheme;

namespace {

// On the heap and of exact size, so that a sanitizer sees every octet read too many.
net::url_problem parse(std::string_view text, url& out)
{
    std::unique_ptr<char[]> const copy(new char[text.size()]);
    std::memcpy(copy.get(), text.data(), text.size());
    return net::parse_url(std::string_view(copy.get(), text.size()), out);
}

} // namespace

TEST_CASE("every scheme is known in any case, and its parts are found")
{
    for (int i = 0; i <= static_cast<int>(url_scheme::https); ++i)
    {
        auto const        scheme = static_cast<url_scheme>(i);
        std::string const name(net::name_of(scheme));
        CAPTURE(name);
        std::string const rest = is_local(scheme) ? ":/run/s" : "://mx.example:2525/p";
        for (std::string const& written : {name, posthorn::ascii::to_upper(name)})
        {
            url u;
            REQUIRE(parse(written + rest, u).ok());
            CHECK(u.scheme == scheme);
            CHECK(to_string(u) == name + rest);
        }
    }
    CHECK(net::is_implicit_tls(url_scheme::smtps));
    CHECK(net::is_implicit_tls(url_scheme::submissions));
    CHECK(net::is_implicit_tls(url_scheme::https));
    CHECK_FALSE(net::is_implicit_tls(url_scheme::submission));
}

TEST_CASE("user, password, host, port and path are separated and decoded")
{
    url const u =
        net::parse_url("submission://me%40example.com:p%3A%2f%40ss:w%C3%B6rd@mx.example:587/a/b%20c?d=e@f");
    CHECK(u.user == "me@example.com");
    REQUIRE(u.password);
    CHECK(u.password->view() == "p:/@ss:w\xc3\xb6rd");
    CHECK(u.host == "mx.example");
    CHECK(u.port == 587);
    CHECK(u.path == "/a/b%20c?d=e@f");

    url const plain = net::parse_url("smtp://mx.example");
    CHECK_FALSE(plain.user);
    CHECK_FALSE(plain.password);
    CHECK_FALSE(plain.port);
    CHECK(plain.path.empty());

    url const user_only = net::parse_url("smtps://me@mx.example");
    CHECK(user_only.user == "me");
    CHECK_FALSE(user_only.password);

    url const empty_password = net::parse_url("smtps://me:@mx.example");
    REQUIRE(empty_password.password);
    CHECK(empty_password.password->empty());

    CHECK(net::parse_url("smtp://j\xc3\xbcrgen:\xc3\xa4@b\xc3\xbc" "cher.example").user == "j\xc3\xbcrgen");
    CHECK(net::parse_url("http://h?x=1").path == "?x=1");
    CHECK(net::parse_url("smtp://h/x@y:z").host == "h");
}

TEST_CASE("IPv6 addresses stand in brackets, zones behind %25")
{
    CHECK(net::parse_url("smtp://[2001:db8::1]:25").host == "2001:db8::1");
    CHECK(net::parse_url("smtp://[2001:db8::1]:25").port == 25);
    CHECK(net::parse_url("smtp://[::1]/x").path == "/x");
    url const zoned = net::parse_url("smtp://u@[fe80::1%25eth0]:25");
    CHECK(zoned.host == "fe80::1%eth0");
    CHECK(to_string(zoned) == "smtp://u@[fe80::1%25eth0]:25");
    CHECK(to_string(net::to_host_port(zoned, 1)) == "[fe80::1%eth0]:25");
}

TEST_CASE("Unix sockets follow their scheme as a path")
{
    CHECK(net::parse_url("lmtp+unix:/run/dovecot/lmtp").path == "/run/dovecot/lmtp");
    CHECK(net::parse_url("smtp+unix:relative/path").path == "relative/path");
    CHECK(net::parse_url("lmtp+unix:///run/lmtp").path == "/run/lmtp");
    CHECK(net::parse_url("lmtp+unix:/with%20space").path == "/with space");
    CHECK(to_string(net::parse_url("lmtp+unix:/with%20space")) == "lmtp+unix:/with%20space");
    auto const peer = net::to_host_port(net::parse_url("lmtp+unix:/run/lmtp"), 24);
    CHECK(peer.is_local());
    CHECK(peer.path() == "/run/lmtp");
    CHECK(net::to_host_port(net::parse_url("lmtp://h"), 24).port() == 24);
}

TEST_CASE("malformed URLs are refused with the offence and its position")
{
    struct row
    {
        std::string text;
        url_offence offence;
        std::size_t position;
    };
    using enum url_offence;
    row const rows[] = {
        {"", empty, 0},
        {"smtp://" + std::string(8200, 'a'), too_long, 8192},
        {"mx.example", missing_scheme, 0},
        {"mx.example:25", missing_scheme, 0},
        {"://h", missing_scheme, 0},
        {"//h", missing_scheme, 0},
        {"s_mtp://h", missing_scheme, 0},
        {"ftp://h", unknown_scheme, 0},
        {"mailto:a", unknown_scheme, 0},
        {"smtp+unix2:/a", unknown_scheme, 0},
        {"smtp:", missing_authority, 5},
        {"smtp:h", missing_authority, 5},
        {"smtp:/h", missing_authority, 5},
        {"smtp://", bad_host, 7},
        {"smtp:///p", bad_host, 7},
        {"smtp://:25", bad_host, 7},
        {"smtp://u@", bad_host, 9},
        {"smtp://u@:25", bad_host, 9},
        {"smtp://h h", forbidden_character, 8},
        {" smtp://h", forbidden_character, 0},
        {"smtp://h\n", forbidden_character, 8},
        {"smtp://h/\r\nX", forbidden_character, 9},
        {std::string("smtp://h\0", 9), forbidden_character, 8},
        {"smtp://u\x7f@h", forbidden_character, 8},
        {"smtp://@h", empty_user, 7},
        {"smtp://:pw@h", empty_user, 7},
        {"smtp://a@b@h", second_at, 8},
        {"smtp://a:b@c@h", second_at, 10},
        {"smtp://u%@h", bad_percent, 8},
        {"smtp://u%4@h", bad_percent, 8},
        {"smtp://u%zz@h", bad_percent, 8},
        {"smtp://u:a%@h", bad_percent, 10},
        {"smtp://u%00@h", encoded_control, 8},
        {"smtp://u:a%0d%0aQUIT@h", encoded_control, 10},
        {"smtp://u:%7f@h", encoded_control, 9},
        {"smtp://u\xff@h", bad_utf8, 8},
        {"smtp://u:\xc3@h", bad_utf8, 9},
        {"smtp://u<@h", forbidden_character, 8},
        {"smtp://u:a[b@h", forbidden_character, 10},
        {"smtp://u:a/b@h", bad_port, 9},
        {"smtp://h..x", bad_host, 9},
        {"smtp://h%41", bad_host, 8},
        {"smtp://h\xff", bad_host, 8},
        {"smtp://-h", bad_host, 7},
        {"smtp://1.2.3", bad_host, 11},
        {"smtp://2001:db8::1", bad_host, 7},
        {"smtp://[::1", open_bracket, 7},
        {"smtp://[::1/x]", open_bracket, 7},
        {"smtp://[]", bad_host, 8},
        {"smtp://[h]", bad_host, 8},
        {"smtp://[::1]x", bad_host, 12},
        {"smtp://[fe80::1%eth0]", bad_percent, 15},
        {"smtp://[v1.x]", bad_host, 8},
        {"smtp://h:", bad_port, 9},
        {"smtp://h:0", bad_port, 9},
        {"smtp://h:65536", bad_port, 9},
        {"smtp://h:025", bad_port, 9},
        {"smtp://h:smtp", bad_port, 9},
        {"smtp://h:25:26", bad_port, 9},
        {"smtp://[::1]:", bad_port, 13},
        {"smtp://h/#f", fragment, 9},
        {"smtp://h#f", fragment, 8},
        {"smtp://h/%4", bad_percent, 9},
        {"smtp://h/a\"b", forbidden_character, 10},
        {"smtp://h/\xc3\xbc", forbidden_character, 9},
        {"lmtp+unix:", bad_local_path, 10},
        {"lmtp+unix://host/p", bad_local_path, 10},
        {"lmtp+unix://", bad_local_path, 10},
        {"lmtp+unix:/a%00b", encoded_control, 12},
        {"lmtp+unix:/a?b", forbidden_character, 12},
        {"lmtp+unix:/a#b", fragment, 12},
        {"lmtp+unix:/a\xff", bad_utf8, 12},
    };
    for (row const& r : rows)
    {
        CAPTURE(r.text);
        url        u;
        auto const found = parse(r.text, u);
        CHECK(static_cast<int>(found.offence) == static_cast<int>(r.offence));
        CHECK(found.position == r.position);
        CHECK_FALSE(describe(found).empty());
    }
}

TEST_CASE("no prefix and no single changed octet of a URL is read beyond its end or leaks the password")
{
    std::string const whole = "smtps://user%40x:se%63ret@[2001:db8::1%25e0]:465/path";
    for (std::size_t n = 0; n <= whole.size(); ++n)
    {
        url u;
        parse(std::string_view(whole).substr(0, n), u);
        for (unsigned octet = 0; octet != 256 && n < whole.size(); ++octet)
        {
            std::string changed = whole;
            changed[n]          = static_cast<char>(octet);
            auto const p        = parse(changed, u);
            if (!p.ok())
                CHECK(p.position <= changed.size());
        }
    }
}

TEST_CASE("the password is in no text: neither printed URLs nor errors")
{
    url const u = net::parse_url("smtps://me:secret@mx.example");
    CHECK(to_string(u) == "smtps://me:***@mx.example");

    for (std::string_view bad :
         {"smtps://me:sec/ret@h", "smtps://me:sec@ret@h", "smtps://me:secret@", "smtps://me:secret@h:x",
          "smtps://me:sec#ret@h", "smtps://me:sec ret@h", "smtps://me:secret%@h", "smtps//me:secret@h"})
    {
        CAPTURE(bad);
        try
        {
            auto const parsed = net::parse_url(bad);
            FAIL("accepted");
        }
        catch (net::url_error const& e)
        {
            std::string const text = e.what();
            CHECK(text.find("sec") == std::string::npos);
            CHECK(text.find("ret") == std::string::npos);
            CHECK(text.find(std::to_string(e.problem().position)) != std::string::npos);
            CHECK(e.code() == net::errc::bad_url);
            CHECK(e.code() == posthorn::condition::permanent);
        }
    }
}

TEST_SUITE_END();
