//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/endpoint.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

TEST_SUITE_BEGIN("net/endpoint");

namespace net = posthorn::net;
using net::host_offence;
using net::host_port;

namespace {

// On the heap and of exact size, so that a sanitizer sees every octet read too many.
net::host_check check(std::string_view text)
{
    std::unique_ptr<char[]> const copy(new char[text.size()]);
    std::memcpy(copy.get(), text.data(), text.size());
    return net::check_host(std::string_view(copy.get(), text.size()));
}

std::error_code failure(std::string const& host, std::string const& service)
{
    try
    {
        host_port const made(host, service);
    }
    catch (posthorn::error const& e)
    {
        return e.code();
    }
    return {};
}

std::error_code parse_failure(std::string_view text, std::string_view service = "25")
{
    try
    {
        auto const parsed = net::parse_host_port(text, service);
    }
    catch (posthorn::error const& e)
    {
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("host names and addresses that are well-formed")
{
    std::string const label63(63, 'a');
    std::string const longest = label63 + '.' + label63 + '.' + label63 + '.' + std::string(61, 'b');
    REQUIRE(longest.size() == 253);
    std::string const good[] = {
        "localhost", "mx.example", "MX.Example.", "a", "1and1.com", "3com", "x--y.example", "_dmarc.example",
        "my_host", "xn--mller-kva.example", "m\xc3\xbcller.example", "192.0.2.1", "0.0.0.0",
        "255.255.255.255", "::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8", "::ffff:192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "64:ff9b::192.0.2.33", "fe80::1%eth0",
        "fe80::1%25", "0xz", "12a.34b", label63, longest, longest + '.'};
    for (auto const& host : good)
    {
        CAPTURE(host);
        CHECK(check(host).ok());
    }
}

TEST_CASE("malformed hosts are refused with the offence and its position")
{
    struct row
    {
        std::string  host;
        host_offence offence;
        std::size_t  position;
    };
    using enum host_offence;
    std::string const label63(63, 'a');
    row const         rows[] = {
        {"", empty, 0},
        {".", empty_label, 0},
        {".a", empty_label, 0},
        {"a..b", empty_label, 2},
        {"a..", empty_label, 2},
        {"-a.example", edge_hyphen, 0},
        {"a.-b", edge_hyphen, 2},
        {"ab-.example", edge_hyphen, 2},
        {"a b", bad_character, 1},
        {"a\nb", bad_character, 1},
        {"a\r\nRCPT", bad_character, 1},
        {std::string("a\0b", 3), bad_character, 1},
        {"a/b", bad_character, 1},
        {"us@er", bad_character, 2},
        {"[1]", bad_character, 0},
        {"a%41", bad_character, 1},
        {"x\xc2\x85y", bad_character, 1},
        {"a\xff.example", bad_utf8, 1},
        {"a\xc3", bad_utf8, 1},
        {"a\xed\xa0\x80", bad_utf8, 1},
        {label63 + "a.example", long_label, 63},
        {"x." + label63 + "a", long_label, 65},
        {label63 + '.' + label63 + '.' + label63 + '.' + std::string(62, 'b'), too_long, 253},
        {"1.2.3", bad_address, 4},
        {"1.2.3.4.5", bad_address, 8},
        {"256.1.1.1", bad_address, 8},
        {"1.1.1.256", bad_address, 6},
        {"01.2.3.4", bad_address, 7},
        {"1.2.3.4.", bad_address, 6},
        {"127.1", bad_address, 4},
        {"2130706433", bad_address, 0},
        {"0x7f000001", bad_address, 0},
        {"a.0x", bad_address, 2},
        {"127.0.0.0x1", bad_address, 8},
        {"mx.example.42", bad_address, 11},
        {":", bad_address, 0},
        {":::", bad_address, 0},
        {"::1::", bad_address, 0},
        {"1:2:3:4:5:6:7", bad_address, 0},
        {"1:2:3:4:5:6:7:8:9", bad_address, 0},
        {"1:2:3:4:5:6:7:8::", bad_address, 0},
        {"::1:2:3:4:5:6:7:8", bad_address, 0},
        {"1:2:3:4:5:6:7:", bad_address, 0},
        {":1:2:3:4:5:6:7", bad_address, 0},
        {"12345::", bad_address, 0},
        {"g::", bad_address, 0},
        {"::1.2.3", bad_address, 0},
        {"::1.2.3.4:5", bad_address, 0},
        {"1:2:3:4:5:6:7:1.2.3.4", bad_address, 0},
        {"fe80::1%", bad_address, 0},
        {"fe80::1%a b", bad_address, 0},
        {"::1%" + label63 + "a", bad_address, 0},
        {"host:25", bad_address, 0},
    };
    for (row const& r : rows)
    {
        CAPTURE(r.host);
        auto const found = check(r.host);
        CHECK(found.offence == r.offence);
        CHECK(found.position == r.position);
        CHECK_FALSE(describe(found.offence).empty());
    }
}

TEST_CASE("ports are decimal numbers from 1 to 65535 without ornaments")
{
    CHECK(net::parse_port("1") == 1);
    CHECK(net::parse_port("25") == 25);
    CHECK(net::parse_port("65535") == 65535);
    for (std::string_view bad :
         {"", "0", "65536", "99999", "100000", "025", "+25", "-1", " 25", "25 ", "0x19", "smtp", "2 5"})
    {
        CAPTURE(bad);
        CHECK_FALSE(net::parse_port(bad));
    }
}

TEST_CASE("the services of mail are known without a file of the system")
{
    CHECK(net::well_known_port("smtp") == 25);
    CHECK(net::well_known_port("Submission") == 587);
    CHECK(net::well_known_port("submissions") == 465);
    CHECK(net::well_known_port("smtps") == 465);
    CHECK(net::well_known_port("lmtp") == 24);
    CHECK(net::well_known_port("https") == 443);
    CHECK_FALSE(net::well_known_port("gopher"));
}

TEST_CASE("a peer is made of a checked host and service")
{
    host_port const a("mx.example", 25);
    CHECK(a.host() == "mx.example");
    CHECK(a.service() == "25");
    CHECK(a.port() == 25);
    CHECK_FALSE(a.is_local());
    CHECK_FALSE(a.empty());
    CHECK(host_port("[::1]", "submission").host() == "::1");
    CHECK(host_port("::1", "submission").port() == 587);
    CHECK_FALSE(host_port("::1", "imap-4").port());
    CHECK(host_port("a", 1) == host_port("a", "1"));
    CHECK_FALSE(host_port("a", 1) == host_port("a", 2));
    CHECK(host_port().empty());

    CHECK(failure("", "25") == net::errc::bad_host_name);
    CHECK(failure("a b", "25") == net::errc::bad_host_name);
    CHECK(failure("[a]", "25") == net::errc::bad_host_name);
    CHECK(failure("a", "") == net::errc::bad_port);
    CHECK(failure("a", "0") == net::errc::bad_port);
    CHECK(failure("a", "70000") == net::errc::bad_port);
    CHECK(failure("a", "sm tp") == net::errc::bad_port);
    CHECK(failure("a", "25\r\n") == net::errc::bad_port);
    CHECK(failure("a", std::string(64, 'a')) == net::errc::bad_port);
    CHECK(failure("a", "") == posthorn::condition::permanent);
    CHECK_THROWS_AS(host_port("a", 0), posthorn::error);
}

TEST_CASE("peers are read in every notation")
{
    struct row
    {
        std::string_view text;
        std::string_view host;
        std::string_view service;
        std::string_view printed;
    };
    row const rows[] = {
        {"mx.example", "mx.example", "25", "mx.example:25"},
        {"mx.example:587", "mx.example", "587", "mx.example:587"},
        {"mx.example:submission", "mx.example", "submission", "mx.example:submission"},
        {"192.0.2.1:2525", "192.0.2.1", "2525", "192.0.2.1:2525"},
        {"[2001:db8::1]", "2001:db8::1", "25", "[2001:db8::1]:25"},
        {"[2001:db8::1]:465", "2001:db8::1", "465", "[2001:db8::1]:465"},
        {"2001:db8::1", "2001:db8::1", "25", "[2001:db8::1]:25"},
        {"[fe80::1%eth0]:25", "fe80::1%eth0", "25", "[fe80::1%eth0]:25"},
    };
    for (row const& r : rows)
    {
        CAPTURE(r.text);
        auto const peer = net::parse_host_port(r.text, "25");
        CHECK(peer.host() == r.host);
        CHECK(peer.service() == r.service);
        CHECK(to_string(peer) == r.printed);
        CHECK(net::parse_host_port(to_string(peer)) == peer);
    }
    for (std::string_view text : {"unix:/run/lmtp", "unix:relative/lmtp", "/run/lmtp"})
    {
        auto const peer = net::parse_host_port(text);
        CHECK(peer.is_local());
        CHECK(peer.path() == (text[0] == '/' ? text : text.substr(5)));
        CHECK(net::parse_host_port(to_string(peer)) == peer);
    }
    CHECK(to_string(host_port()).empty());
    CHECK(to_string(host_port::local("/a\nb")) == "unix:/a\\x0ab");
}

TEST_CASE("malformed peers are refused")
{
    using net::errc;
    CHECK(parse_failure("") == errc::bad_host_name);
    CHECK(parse_failure(":25") == errc::bad_host_name);
    CHECK(parse_failure("a:b:c") == errc::bad_host_name);
    CHECK(parse_failure("[::1") == errc::bad_host_name);
    CHECK(parse_failure("[]:25") == errc::bad_host_name);
    CHECK(parse_failure("[a]:25") == errc::bad_host_name);
    CHECK(parse_failure("[192.0.2.1]:25") == errc::bad_host_name);
    CHECK(parse_failure("[::1]25") == errc::bad_host_name);
    CHECK(parse_failure("[::1]:") == errc::bad_port);
    CHECK(parse_failure("a:") == errc::bad_port);
    CHECK(parse_failure("a:0") == errc::bad_port);
    CHECK(parse_failure("a:25 ") == errc::bad_port);
    CHECK(parse_failure("a", "") == errc::bad_port);
    CHECK(parse_failure("unix:") == errc::bad_host_name);
    CHECK(parse_failure(std::string_view("unix:/a\0b", 9)) == errc::bad_host_name);
}

TEST_CASE("an error shows the offending host, made harmless")
{
    try
    {
        host_port const made("evil\r\nhost", 25);
        FAIL("accepted");
    }
    catch (posthorn::error const& e)
    {
        std::string const text = e.what();
        CHECK(text.find("evil\\x0d\\x0ahost") != std::string::npos);
        CHECK(text.find('\r') == std::string::npos);
    }
}

TEST_SUITE_END();
