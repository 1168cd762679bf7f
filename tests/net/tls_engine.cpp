//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_engine.hpp>
#include <posthorn/net/tls_error.hpp>
#include <posthorn/net/tls_settings.hpp>
#include <posthorn/testing/certificates.hpp>

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <support/tls_pair.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

TEST_SUITE_BEGIN("net/tls_engine");

namespace net = posthorn::net;
namespace pt  = posthorn::testing;
using net::tls_engine;
using net::tls_errc;
using net::tls_role;
using net::tls_settings;
using net::tls_status;
using posthorn::condition;
using support::tls_pair;

namespace {

net::tls_context client_context(tls_settings const& s = support::tls_client_settings())
{
    return net::tls_context(s);
}
net::tls_context server_context(tls_settings const& s = support::tls_server_settings())
{
    return net::tls_context(s);
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string text_of(tls_engine const& e, std::error_code ec) { return e.make_error(ec).what(); }

std::string bytes(std::size_t size)
{
    std::string  text(size, '\0');
    std::mt19937 random(7);
    for (auto& c : text)
        c = static_cast<char>(random() & 0xffU);
    return text;
}

std::error_code settings_failure(net::tls_context const& c, tls_role role, std::string host)
{
    try
    {
        tls_engine const made(c, role, std::move(host));
    }
    catch (posthorn::error const& e)
    {
        return e.code();
    }
    return {};
}

/// One handshake and one exchange.
void check_conversation(tls_pair& p)
{
    REQUIRE(p.ok());
    tls_pair::write(p.client, "EHLO there\r\n");
    CHECK(tls_pair::pass(p.client, p.server) == "EHLO there\r\n");
    tls_pair::write(p.server, "250 hello\r\n");
    CHECK(tls_pair::pass(p.server, p.client) == "250 hello\r\n");
}

/// Is the octet at `at` the version in the head of a record that is not encrypted (RFC 8446, 5.1)?
bool is_version_in_the_clear(std::string_view records, std::size_t at)
{
    for (std::size_t head = 0; head + 5 <= records.size();)
    {
        if (at == head + 1 || at == head + 2)
            return records[head] != '\x17';
        head += 5 + static_cast<unsigned char>(records[head + 3]) * 256U +
                static_cast<unsigned char>(records[head + 4]);
    }
    return false;
}

/// Drops session tickets and the like, so that what comes next is what the test is about.
void settle(tls_pair& p)
{
    CHECK(tls_pair::pass(p.server, p.client).empty());
    CHECK(tls_pair::pass(p.client, p.server).empty());
}

} // namespace

TEST_CASE("two engines talk, whatever the size of the pieces their bytes come in")
{
    auto const c = client_context();
    auto const s = server_context();
    for (std::size_t chunk = 1; chunk <= 64; ++chunk)
    {
        CAPTURE(chunk);
        tls_pair p(c, s);
        p.shake_hands([chunk] { return chunk; });
        check_conversation(p);
        CHECK(p.client.info().verified);
    }
    std::mt19937 random(42);
    for (int round = 0; round != 20; ++round)
    {
        CAPTURE(round);
        tls_pair p(c, s);
        p.shake_hands([&random] { return std::size_t{1} + random() % 700; });
        check_conversation(p);
    }
}

TEST_CASE("a mebibyte crosses in both directions in records of full size")
{
    for (auto const version : {net::tls_version::tls_1_2, net::tls_version::tls_1_3})
    {
        auto settings            = support::tls_client_settings();
        settings.maximum_version = version;
        tls_pair p(client_context(settings), server_context());
        p.shake_hands();
        REQUIRE(p.ok());
        settle(p);
        auto const big = bytes(1U << 20U);
        tls_pair::write(p.client, big);
        tls_pair::write(p.server, big);
        CHECK(p.client.output().size() <= big.size() + 64 * 40); // 64 records, 22 to 29 octets on top of each
        CHECK(tls_pair::pass(p.client, p.server) == big);
        CHECK(tls_pair::pass(p.server, p.client) == big);
        CHECK(p.client.input().empty());
        CHECK_FALSE(p.client.pending());
    }
}

TEST_CASE("the facts of a session are told by both sides alike")
{
    for (bool const old : {false, true})
    {
        CAPTURE(old);
        auto settings            = support::tls_client_settings();
        settings.maximum_version = old ? net::tls_version::tls_1_2 : net::tls_version::tls_1_3;
        settings.alpn            = {"http/1.1"};
        auto serving             = support::tls_server_settings();
        serving.alpn             = {"h2", "http/1.1"};
        tls_pair p(client_context(settings), server_context(serving));
        p.shake_hands();
        REQUIRE(p.ok());
        auto const& c = p.client.info();
        auto const& s = p.server.info();
        CHECK(c.version == (old ? "TLSv1.2" : "TLSv1.3"));
        CHECK(c.version == s.version);
        CHECK(c.cipher == s.cipher);
        CHECK(c.bits >= 128);
        CHECK(c.alpn == "http/1.1");
        CHECK(s.alpn == "http/1.1");
        CHECK(s.server_name == "mail.example.test");
        CHECK(c.verified);
        CHECK_FALSE(s.verified);
        CHECK_FALSE(c.resumed);
        CHECK(s.peer() == nullptr);
        REQUIRE(c.peer() != nullptr);
        CHECK(c.peer()->subject == "CN=mail.example.test");
        CHECK(c.peer()->issuer == "CN=posthorn test authority");
        CHECK(c.peer()->names == std::vector<std::string>{"mail.example.test"});
        CHECK(c.tls_exporter.size() == 32);
        CHECK(c.tls_exporter == s.tls_exporter);
        CHECK(c.tls_server_end_point.size() == 32);
        CHECK(c.tls_server_end_point == s.tls_server_end_point);
    }
}

TEST_CASE("channel bindings differ from connection to connection, that of the end point does not")
{
    auto const c = client_context();
    auto const s = server_context();
    tls_pair   one(c, s);
    tls_pair   two(c, s);
    one.shake_hands();
    two.shake_hands();
    REQUIRE(one.ok());
    REQUIRE(two.ok());
    CHECK(one.client.info().tls_exporter != two.client.info().tls_exporter);
    CHECK(one.client.info().tls_server_end_point == two.client.info().tls_server_end_point);
}

// ---- certificates

TEST_CASE("a certificate is accepted or refused for the right reason, which the text names")
{
    using namespace std::chrono_literals;
    auto const&                     ca = support::test_authority();
    pt::certificate_authority const other("somebody else");
    auto const                      middle = ca.intermediate();

    pt::certificate_options expired({"mail.example.test"});
    expired.not_before = -48h;
    expired.not_after  = -24h;
    pt::certificate_options early({"mail.example.test"});
    early.not_before = 24h;
    early.not_after  = 48h;
    pt::certificate_options cn_only({"mail.example.test"});
    cn_only.names.clear();
    pt::certificate_options nasty({"mail.example.test"});
    nasty.common_name = "evil\r\n\x1b[2J";

    pt::certificate_options old_authority({"old authority"});
    old_authority.not_before = -48h;
    old_authority.not_after  = -24h;

    auto lonely      = middle.issue({"mail.example.test"});
    lonely.chain_pem = lonely.pem;

    struct row
    {
        char const*              name;
        pt::certificate          certificate;
        char const*              host;
        std::error_code          expected;
        std::vector<std::string> words; ///< What the text must contain.
    };
    std::string const subject = "certificate at depth 0: subject \"CN=mail.example.test\"";
    row const         table[] = {
                {"good", ca.issue({"mail.example.test"}), "mail.example.test", {}, {}},
                {"good in other case", ca.issue({"mail.example.test"}), "MAIL.Example.test", {}, {}},
                {"good with a trailing dot", ca.issue({"mail.example.test"}), "mail.example.test.", {}, {}},
                {"one of several names", ca.issue({"a.test", "mail.example.test"}), "mail.example.test", {}, {}},
                {"by an intermediate", middle.issue({"mail.example.test"}), "mail.example.test", {}, {}},
                {"by two intermediates",
                 middle.intermediate("third").issue({"mail.example.test"}),
                 "mail.example.test",
                 {},
                 {}},
                {"wrong name",
                 ca.issue({"mail.example.test", "mx.example.test"}),
                 "smtp.example.test",
                 tls_errc::host_name_mismatch,
                 {"for another host", "it is for mail.example.test, mx.example.test, not for smtp.example.test",
                  subject, "issuer \"CN=posthorn test authority\"", "connect by a name of the certificate"}},
                {"a name that only begins alike",
                 ca.issue({"mail.example.test"}),
                 "mail.example.test.evil.test",
                 tls_errc::host_name_mismatch,
                 {"not for mail.example.test.evil.test"}},
                {"expired",
                 ca.issue(expired),
                 "mail.example.test",
                 tls_errc::expired,
                 {"has expired", "it expired on 2", " UTC", subject, "renew"}},
                {"not yet valid",
                 ca.issue(early),
                 "mail.example.test",
                 tls_errc::not_yet_valid,
                 {"not valid yet", "it is valid from 2", " UTC", subject, "local clock"}},
                {"unknown authority",
                 other.issue({"mail.example.test"}),
                 "mail.example.test",
                 tls_errc::untrusted,
                 {"not signed by a trusted authority", subject, "issuer \"CN=somebody else\"", "ca_file"}},
                {"self-signed",
                 pt::self_signed(pt::certificate_options({"mail.example.test"})),
                 "mail.example.test",
                 tls_errc::self_signed,
                 {"self-signed", subject, "ca_file", "pin"}},
                {"address", ca.issue({"192.0.2.7", "2001:db8::7"}), "192.0.2.7", {}, {}},
                {"address of version 6", ca.issue({"192.0.2.7", "2001:db8::7"}), "2001:db8::7", {}, {}},
                {"address of version 6 in brackets", ca.issue({"2001:db8::7"}), "[2001:db8::7]", {}, {}},
                {"address with a zone", ca.issue({"fe80::7"}), "fe80::7%eth0", {}, {}},
                {"wrong address",
                 ca.issue({"192.0.2.7", "2001:db8::7"}),
                 "192.0.2.8",
                 tls_errc::host_name_mismatch,
                 {"it is for 192.0.2.7, 2001:db8:0:0:0:0:0:7, not for 192.0.2.8"}},
                {"wildcard", ca.issue({"*.example.test"}), "mail.example.test", {}, {}},
                {"wildcard over two labels",
                 ca.issue({"*.example.test"}),
                 "a.mail.example.test",
                 tls_errc::host_name_mismatch,
                 {"it is for *.example.test, not for a.mail.example.test"}},
                {"wildcard for the domain itself",
                 ca.issue({"*.example.test"}),
                 "example.test",
                 tls_errc::host_name_mismatch,
                 {"not for example.test"}},
                {"wildcard within a label",
                 ca.issue({"ma*.example.test"}),
                 "mail.example.test",
                 tls_errc::host_name_mismatch,
                 {"it is for ma*.example.test"}},
                {"wildcard for an address", ca.issue({"*.0.2.7"}), "192.0.2.7", tls_errc::host_name_mismatch, {}},
                {"common name only",
                 ca.issue(cn_only),
                 "mail.example.test",
                 tls_errc::host_name_mismatch,
                 {"it names no host (the common name does not count), not for mail.example.test"}},
                {"intermediate missing",
                 lonely,
                 "mail.example.test",
                 tls_errc::untrusted,
                 {"issuer \"CN=posthorn test intermediate\"", "forgot to send an intermediate"}},
                {"intermediate expired",
                 ca.intermediate(old_authority).issue({"mail.example.test"}),
                 "mail.example.test",
                 tls_errc::expired,
                 {"certificate at depth 1: subject \"CN=old authority\""}},
                {"control characters in a name",
                 ca.issue(nasty),
                 "other.test",
                 tls_errc::host_name_mismatch,
                 {"evil"}},
    };
    auto const client = client_context();
    for (auto const version : {net::tls_version::tls_1_2, net::tls_version::tls_1_3})
        for (auto const& r : table)
        {
            CAPTURE(r.name);
            auto serving            = support::tls_server_settings(r.certificate);
            serving.maximum_version = version;
            tls_pair p(client, server_context(serving), r.host);
            p.shake_hands();
            CHECK(p.client_error == r.expected);
            CHECK(p.client_done == !r.expected);
            if (!r.expected)
            {
                CHECK(p.client.info().verified);
                CHECK(p.server_done);
                continue;
            }
            CHECK(p.client_error == condition::tls);
            auto const text = text_of(p.client, p.client_error);
            for (auto const& words : r.words)
                CHECK_MESSAGE(contains(text, words), text);
            CHECK_FALSE(posthorn::ascii::has_control(text));
            CHECK_FALSE(p.client.make_error(p.client_error).context().hint.empty());

            // The server learns about it, too: at once, or in TLS 1.3 perhaps after its own part is done.
            std::error_code told = p.server_error;
            tls_status      last = tls_status::done;
            if (!told)
                tls_pair::read_all(p.server, told, last);
            CHECK(told == tls_errc::alert_received);
        }
}

TEST_CASE("what is not to be verified is not, and nothing is called verified then")
{
    auto settings        = support::tls_client_settings();
    settings.verify_host = false;
    tls_pair other_name(client_context(settings), server_context(), "other.test");
    other_name.shake_hands();
    CHECK(other_name.ok());
    CHECK(other_name.client.info().verified);

    tls_settings none;
    none.verify_peer = false;
    tls_pair stranger(client_context(none), server_context(support::tls_server_settings(pt::self_signed())),
                      "other.test");
    stranger.shake_hands();
    CHECK(stranger.ok());
    CHECK_FALSE(stranger.client.info().verified);
    CHECK(stranger.client.info().peer() != nullptr);
    tls_pair nameless(client_context(none), server_context(), "");
    nameless.shake_hands();
    CHECK(nameless.ok());
    CHECK(nameless.server.info().server_name.empty());
}

TEST_CASE("an address is not sent as a server name")
{
    tls_pair p(client_context(),
               server_context(support::tls_server_settings(support::test_authority().issue({"192.0.2.7"}))),
               "192.0.2.7");
    p.shake_hands();
    REQUIRE(p.ok());
    CHECK(p.server.info().server_name.empty());
}

TEST_CASE("the certificate of the peer or an intermediate authority can be trusted by itself")
{
    auto const   own = pt::self_signed(pt::certificate_options({"mail.example.test"}));
    tls_settings s;
    s.ca_pem = own.pem;
    tls_pair p(client_context(s), server_context(support::tls_server_settings(own)));
    p.shake_hands();
    CHECK(p.ok());

    auto const middle = support::test_authority().intermediate();
    auto       leaf   = middle.issue({"mail.example.test"});
    leaf.chain_pem    = leaf.pem;
    s.ca_pem          = middle.pem();
    tls_pair q(client_context(s), server_context(support::tls_server_settings(leaf)));
    q.shake_hands();
    CHECK(q.ok());
}

TEST_CASE("the default settings trust no authority of a test")
{
    tls_pair p{net::tls_context()};
    p.shake_hands();
    CHECK(p.client_error == tls_errc::untrusted);
}

TEST_CASE("a pin admits its key only")
{
    auto const leaf = support::test_authority().issue({"mail.example.test"});
    auto const s    = server_context(support::tls_server_settings(leaf));
    tls_pair   plain(client_context(), s);
    plain.shake_hands();
    REQUIRE(plain.ok());
    auto const pin       = plain.client.info().peer()->spki_sha256;
    auto const wrong_pin = std::string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");

    SUBCASE("the right one among others")
    {
        auto settings = support::tls_client_settings();
        settings.pins = {wrong_pin, "sha256//" + pin};
        tls_pair p(client_context(settings), s);
        p.shake_hands();
        CHECK(p.ok());
    }
    SUBCASE("a wrong one, although the chain is good")
    {
        auto settings = support::tls_client_settings();
        settings.pins = {wrong_pin};
        tls_pair p(client_context(settings), s);
        p.shake_hands();
        CHECK(p.client_error == tls_errc::pin_mismatch);
        auto const text = text_of(p.client, p.client_error);
        CHECK_MESSAGE(contains(text, "none of 1 pins fits; the peer's key is sha256//" + pin), text);
        CHECK(contains(text, "CN=mail.example.test"));
        std::error_code told = p.server_error;
        tls_status      last = tls_status::done;
        if (!told)
            tls_pair::read_all(p.server, told, last);
        CHECK(told == tls_errc::alert_received);
    }
    SUBCASE("the right one does not replace the verification")
    {
        tls_settings settings;
        settings.ca_pem = pt::certificate_authority("somebody else").pem();
        settings.pins   = {pin};
        tls_pair p(client_context(settings), s);
        p.shake_hands();
        CHECK(p.client_error == tls_errc::untrusted);
    }
    SUBCASE("instead of the verification")
    {
        tls_settings settings;
        settings.verify_peer = false;
        settings.pins        = {pin};
        tls_pair good(client_context(settings), s);
        good.shake_hands();
        CHECK(good.ok());
        settings.pins = {wrong_pin};
        tls_pair bad(client_context(settings), s);
        bad.shake_hands();
        CHECK(bad.client_error == tls_errc::pin_mismatch);
    }
    SUBCASE("of the authority: good if verified, worthless if merely sent along")
    {
        auto const middle     = support::test_authority().intermediate();
        auto const below      = middle.issue({"mail.example.test"});
        auto const below_only = server_context(support::tls_server_settings(below));
        tls_pair   look(client_context(), below_only);
        look.shake_hands();
        REQUIRE(look.ok());
        REQUIRE(look.client.info().chain.size() == 2);

        auto settings = support::tls_client_settings();
        settings.pins = {look.client.info().chain[1].spki_sha256};
        tls_pair good(client_context(settings), below_only);
        good.shake_hands();
        CHECK(good.ok());

        settings.verify_peer = false;
        tls_pair bad(client_context(settings), below_only);
        bad.shake_hands();
        CHECK(bad.client_error == tls_errc::pin_mismatch);
    }
}

TEST_CASE("certificates of clients are asked for, verified and required as set")
{
    auto const& ca      = support::test_authority();
    auto        serving = support::tls_server_settings();
    serving.ca_pem      = ca.pem();
    auto const with     = [&](pt::certificate const& own) {
        auto s            = support::tls_client_settings();
        s.certificate_pem = own.chain_pem;
        s.key_pem         = own.key_pem;
        return client_context(s);
    };
    auto const good    = with(ca.issue({"client.test"}));
    auto const foreign = with(pt::certificate_authority("somebody else").issue({"client.test"}));

    for (auto const version : {net::tls_version::tls_1_2, net::tls_version::tls_1_3})
    {
        serving.maximum_version = version;
        serving.client_auth     = net::tls_client_auth::required;
        auto const required     = server_context(serving);
        serving.client_auth     = net::tls_client_auth::optional;
        auto const optional     = server_context(serving);

        tls_pair proper(good, required);
        proper.shake_hands();
        REQUIRE(proper.ok());
        CHECK(proper.server.info().verified);
        CHECK(proper.server.info().peer()->subject == "CN=client.test");

        tls_pair without(client_context(), required);
        without.shake_hands();
        CHECK(without.server_error == tls_errc::no_certificate);
        std::error_code told = without.client_error;
        tls_status      last = tls_status::done;
        if (!told)
            tls_pair::read_all(without.client, told, last);
        CHECK(told == tls_errc::alert_received);
        auto const text = text_of(without.client, told);
        CHECK_MESSAGE(contains(text, "client certificate"), text);
        CHECK_MESSAGE(contains(text, version == net::tls_version::tls_1_3 ? "alert 116 (certificate required)"
                                                                          : "alert 40 (handshake failure)"),
                      text);

        tls_pair optionally(client_context(), optional);
        optionally.shake_hands();
        REQUIRE(optionally.ok());
        CHECK_FALSE(optionally.server.info().verified);

        tls_pair stranger(foreign, optional);
        stranger.shake_hands();
        CHECK(stranger.server_error == tls_errc::untrusted);
        CHECK(contains(text_of(stranger.server, stranger.server_error), "CN=client.test"));
    }
}

// ---- versions, ciphers, protocols

TEST_CASE("without a common version both sides say so, and what to change")
{
    auto modern            = support::tls_client_settings();
    modern.minimum_version = net::tls_version::tls_1_3;
    auto old               = support::tls_server_settings();
    old.maximum_version    = net::tls_version::tls_1_2;
    tls_pair p(client_context(modern), server_context(old));
    p.shake_hands();
    CHECK(p.server_error == tls_errc::protocol_version);
    CHECK(p.client_error == tls_errc::protocol_version);
    auto const client = text_of(p.client, p.client_error);
    auto const server = text_of(p.server, p.server_error);
    CHECK_MESSAGE(contains(client, "alert 70 (protocol version)"), client);
    CHECK_MESSAGE(contains(client, "lower minimum_version"), client);
    CHECK_MESSAGE(contains(server, "only TLS 1.2 is allowed"), server);

    auto dated             = support::tls_client_settings();
    dated.maximum_version  = net::tls_version::tls_1_2;
    auto strict            = support::tls_server_settings();
    strict.minimum_version = net::tls_version::tls_1_3;
    tls_pair q(client_context(dated), server_context(strict));
    q.shake_hands();
    CHECK(q.client_error == tls_errc::protocol_version);
    CHECK(contains(text_of(q.client, q.client_error), "raise maximum_version"));
}

TEST_CASE("an answer in a version that was not offered is refused by the client itself")
{
    // ServerHello of TLS 1.0, as an old server might send it.
    std::string hello("\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01", 11);
    hello += std::string(32, 'r') + std::string("\x00\xc0\x13\x00", 4);
    tls_engine      e(client_context(), tls_role::client, "mail.example.test");
    std::error_code ec;
    CHECK(e.handshake(ec) == tls_status::want_read);
    e.input().append(hello);
    CHECK(e.handshake(ec) == tls_status::closed);
    CHECK(ec == tls_errc::protocol_version);
    CHECK(contains(text_of(e, ec), "TLS 1.2 and 1.3 are allowed"));
    CHECK_FALSE(e.output().empty());
}

TEST_CASE("without a common cipher or application protocol the handshake fails with the alert's name")
{
    auto c            = support::tls_client_settings();
    c.ciphersuites    = "TLS_AES_128_GCM_SHA256";
    auto s            = support::tls_server_settings();
    s.ciphersuites    = "TLS_AES_256_GCM_SHA384";
    s.minimum_version = c.minimum_version = net::tls_version::tls_1_3;
    tls_pair p(client_context(c), server_context(s));
    p.shake_hands();
    CHECK(p.server_error == tls_errc::handshake_failed);
    CHECK(p.client_error == tls_errc::alert_received);
    CHECK(contains(text_of(p.client, p.client_error), "alert 40 (handshake failure)"));

    auto asks = support::tls_client_settings();
    asks.alpn = {"smtp"};
    auto has  = support::tls_server_settings();
    has.alpn  = {"h2"};
    tls_pair q(client_context(asks), server_context(has));
    q.shake_hands();
    CHECK(q.client_error == tls_errc::alert_received);
    CHECK(contains(text_of(q.client, q.client_error), "alert 120 (no application protocol)"));
}

// ---- resumption

TEST_CASE("a second connection resumes the session of the first one")
{
    for (int round = 0; round != 4; ++round) // both versions, first connection dropped or closed properly
    {
        CAPTURE(round);
        auto settings            = support::tls_client_settings();
        settings.maximum_version = round < 2 ? net::tls_version::tls_1_2 : net::tls_version::tls_1_3;
        auto const c             = client_context(settings);
        auto const s             = server_context();
        {
            tls_pair first(c, s, "mail.example.test", "mail.example.test:25");
            first.shake_hands();
            REQUIRE(first.ok());
            CHECK_FALSE(first.client.info().resumed);
            settle(first);
            if (round % 2 == 1)
                first.client.shutdown();
        }
        CHECK(c.remembered_sessions() == (round < 2 ? 1 : 2));
        if (round >= 2)
        {
            tls_pair used_up(c, s, "mail.example.test", "mail.example.test:25");
            CHECK(c.remembered_sessions() == 1); // a ticket is used once
        }
        {
            tls_pair second(c, s, "mail.example.test", "mail.example.test:25");
            second.shake_hands();
            REQUIRE(second.ok());
            CHECK(second.client.info().resumed);
            CHECK(second.server.info().resumed);
            CHECK(second.client.info().verified);
            REQUIRE(second.client.info().peer() != nullptr);
            CHECK(second.client.info().peer()->subject == "CN=mail.example.test");
            check_conversation(second);
        }
        tls_pair elsewhere(c, s, "mail.example.test", "mail.example.test:465");
        elsewhere.shake_hands();
        CHECK_FALSE(elsewhere.client.info().resumed);
        tls_pair nameless(c, s, "mail.example.test");
        nameless.shake_hands();
        CHECK_FALSE(nameless.client.info().resumed);
    }
}

TEST_CASE("a session proves no other host than the one it was made with")
{
    auto const c = client_context();
    auto const s = server_context();
    tls_pair   first(c, s, "mail.example.test", "key");
    first.shake_hands();
    REQUIRE(first.ok());
    settle(first);
    tls_pair second(c, s, "other.example.test", "key");
    second.shake_hands();
    CHECK(second.client_error == tls_errc::host_name_mismatch);
}

TEST_CASE("resumption can be turned off on either side")
{
    for (bool const client_side : {false, true})
    {
        auto cs                            = support::tls_client_settings();
        auto ss                            = support::tls_server_settings();
        (client_side ? cs : ss).resumption = false;
        auto const c                       = client_context(cs);
        auto const s                       = server_context(ss);
        for (int i = 0; i != 2; ++i)
        {
            tls_pair p(c, s, "mail.example.test", "key");
            p.shake_hands();
            REQUIRE(p.ok());
            CHECK_FALSE(p.client.info().resumed);
            settle(p);
        }
        CHECK((client_side ? c.remembered_sessions() : 0) == 0);
    }
}

TEST_CASE("a server that has forgotten the session gets a full handshake")
{
    auto const c = client_context();
    tls_pair   first(c, server_context(), "mail.example.test", "key");
    first.shake_hands();
    settle(first);
    tls_pair second(c, server_context(), "mail.example.test", "key"); // another context: other ticket keys
    second.shake_hands();
    REQUIRE(second.ok());
    CHECK_FALSE(second.client.info().resumed);
    CHECK(second.client.info().verified);
}

TEST_CASE("the number of remembered sessions is bounded")
{
    auto settings         = support::tls_client_settings();
    settings.max_sessions = 3;
    auto const c          = client_context(settings);
    auto const s          = server_context();
    for (int i = 0; i != 5; ++i)
    {
        tls_pair p(c, s, "mail.example.test", "key" + std::to_string(i));
        p.shake_hands();
        settle(p);
        CHECK(c.remembered_sessions() <= 3);
    }
    CHECK(c.remembered_sessions() == 3);
}

// ---- the end

TEST_CASE("a proper end is told from a connection cut short")
{
    for (auto const version : {net::tls_version::tls_1_2, net::tls_version::tls_1_3})
    {
        auto settings            = support::tls_client_settings();
        settings.maximum_version = version;
        auto const      c        = client_context(settings);
        auto const      s        = server_context();
        std::error_code ec;
        tls_status      last = tls_status::done;

        tls_pair proper(c, s);
        proper.shake_hands();
        tls_pair::write(proper.server, "221 bye\r\n");
        proper.server.shutdown();
        proper.server.shutdown();
        tls_pair::carry(proper.server, proper.client, 100000);
        proper.client.on_eof();
        CHECK(tls_pair::read_all(proper.client, ec, last) == "221 bye\r\n");
        CHECK(last == tls_status::closed);
        CHECK_FALSE(ec);
        CHECK(proper.server.write("x", ec) == 0);
        CHECK(ec == posthorn::errc::closed);
        tls_pair::write(proper.client, "QUIT\r\n"); // our own side is still open
        CHECK(tls_pair::pass(proper.client, proper.server) == "QUIT\r\n");

        tls_pair cut(c, s);
        cut.shake_hands();
        tls_pair::write(cut.server, "250 ");
        tls_pair::carry(cut.server, cut.client, 100000);
        cut.client.on_eof();
        CHECK(tls_pair::read_all(cut.client, ec, last) == "250 ");
        CHECK(last == tls_status::closed);
        CHECK(ec == tls_errc::truncated);
        CHECK(ec == condition::temporary);
        CHECK(contains(text_of(cut.client, ec), "without close_notify"));
        CHECK(cut.client.write("x", ec) == 0);
        CHECK(ec == tls_errc::truncated);
    }
}

TEST_CASE("a reply cut at any octet is truncated, never shortened silently")
{
    auto const c = client_context();
    auto const s = server_context();
    tls_pair   model(c, s);
    model.shake_hands();
    settle(model);
    tls_pair::write(model.server, "250 done\r\n");
    std::size_t const size = model.server.output().size();
    for (std::size_t cut = 0; cut <= size; ++cut)
    {
        CAPTURE(cut);
        tls_pair p(c, s);
        p.shake_hands();
        REQUIRE(p.ok());
        settle(p);
        tls_pair::write(p.server, "250 done\r\n");
        tls_pair::carry(p.server, p.client, cut);
        p.client.on_eof();
        std::error_code ec;
        tls_status      last = tls_status::done;
        CHECK(tls_pair::read_all(p.client, ec, last) == (cut == size ? "250 done\r\n" : ""));
        CHECK(ec == tls_errc::truncated);
    }
}

TEST_CASE("a handshake cut at any octet ends with an error on the side that was cut off")
{
    for (auto const version : {net::tls_version::tls_1_2, net::tls_version::tls_1_3})
    {
        auto settings            = support::tls_client_settings();
        settings.maximum_version = version;
        auto const  c            = client_context(settings);
        auto const  s            = server_context();
        std::size_t whole        = 0; // octets from the server that the client needs to finish
        for (std::size_t cut = 0; whole == 0; ++cut)
        {
            CAPTURE(cut);
            tls_pair        p(c, s);
            std::size_t     left = cut;
            std::error_code ec;
            tls_status      status = p.client.handshake(ec);
            while (status == tls_status::want_read)
            {
                tls_pair::carry(p.client, p.server, 1U << 20U);
                if (!p.server_done && !p.server_error)
                    p.server_done = p.server.handshake(p.server_error) == tls_status::done;
                REQUIRE_FALSE(p.server_error);
                std::size_t const n = tls_pair::carry(p.server, p.client, left);
                left -= n;
                if (left == 0)
                    p.client.on_eof();
                else
                    REQUIRE(n != 0);
                status = p.client.handshake(ec);
            }
            if (status == tls_status::done)
                whole = cut;
            else
                REQUIRE(ec == tls_errc::truncated);
        }
        CHECK(whole > 500);

        tls_engine      client(c, tls_role::client, "mail.example.test");
        std::error_code ec;
        client.handshake(ec);
        std::string const hello(client.output().data());
        for (std::size_t cut = 0; cut != hello.size(); ++cut)
        {
            tls_engine server(s, tls_role::server);
            server.input().append(hello.substr(0, cut));
            server.on_eof();
            REQUIRE(server.handshake(ec) == tls_status::closed);
            REQUIRE(ec == tls_errc::truncated);
        }
    }
}

TEST_CASE("an end inside the handshake is reported as such")
{
    tls_engine      e(client_context(), tls_role::client, "mail.example.test");
    std::error_code ec;
    e.handshake(ec);
    e.input().append(std::string_view("\x15\x03\x03\x00\x02\x01\x00", 7)); // close_notify
    CHECK(e.handshake(ec) == tls_status::closed);
    CHECK(ec == tls_errc::closed);
}

// ---- peers that do something else

TEST_CASE("plain text in place of TLS is recognised and quoted")
{
    struct row
    {
        std::string_view sent;
        std::string_view words;
    };
    row const table[] = {
        {"220 mail.example.test ESMTP\r\n", "plain text: \"220 mail.example.test ESMTP\""},
        {"2", "plain text: \"2\""},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", "plain text: \"HTTP/1.1 400 Bad Request\""},
        {std::string_view("\x00\x01\x02", 3), "\\x00\\x01\\x02"},
        {"\r\n", "which is no TLS"},
        {"\x16\x04\x01\x00\x10", "which is no TLS"},
        {"\xff\xff\xff\xff", "\\xff\\xff\\xff\\xff"},
        {"220 \x1b[2J\r\n", "\\x1b"},
    };
    for (auto const& r : table)
    {
        CAPTURE(r.words);
        tls_engine      e(client_context(), tls_role::client, "mail.example.test");
        std::error_code ec;
        e.handshake(ec);
        e.output().clear();
        e.input().append(r.sent);
        CHECK(e.handshake(ec) == tls_status::closed);
        CHECK(ec == tls_errc::not_tls);
        CHECK(ec == condition::protocol);
        auto const text = text_of(e, ec);
        CHECK_MESSAGE(contains(text, r.words), text);
        CHECK(e.output().empty());
        CHECK_FALSE(posthorn::ascii::has_control(text));
    }
    tls_engine      e(client_context(), tls_role::client, "mail.example.test");
    std::error_code ec;
    e.handshake(ec);
    e.input().append("220 mail.example.test");
    e.handshake(ec);
    CHECK(contains(text_of(e, ec), "use STARTTLS, or the port for implicit TLS"));

    tls_engine server(server_context(), tls_role::server);
    server.input().append("EHLO client.test\r\n");
    CHECK(server.handshake(ec) == tls_status::closed);
    CHECK(ec == tls_errc::not_tls);
    CHECK(contains(text_of(server, ec), "EHLO client.test"));
}

TEST_CASE("garbage during the handshake ends in a typed error, whatever it is")
{
    auto const   c = client_context();
    auto const   s = server_context();
    std::mt19937 random(1);
    for (int round = 0; round != 300; ++round)
    {
        CAPTURE(round);
        tls_pair        p(c, s);
        std::error_code ec;
        p.client.handshake(ec);
        tls_pair::carry(p.client, p.server, 1U << 20U);
        p.server.handshake(p.server_error);
        std::string sent(p.server.output().data());
        auto const  at = random() % sent.size();
        sent[at]       = static_cast<char>(sent[at] ^ static_cast<char>(1U << (random() % 8U)));
        p.client.input().append(sent);
        p.client.on_eof();
        // Only the version in the head of a record in the clear is protected by nothing, and means nothing.
        if (p.client.handshake(ec) == tls_status::done)
        {
            CHECK(is_version_in_the_clear(sent, at));
            continue;
        }
        CHECK(ec == condition::tls);
        CHECK_FALSE(p.client.established());
        CHECK_FALSE(text_of(p.client, ec).empty());
    }
}

TEST_CASE("an altered octet of a reply is noticed")
{
    auto const c = client_context();
    auto const s = server_context();
    for (std::size_t at : {0U, 1U, 3U, 5U, 12U, 20U})
    {
        CAPTURE(at);
        tls_pair p(c, s);
        p.shake_hands();
        settle(p);
        tls_pair::write(p.server, "250 done\r\n");
        std::string sent(p.server.output().data());
        sent[at] = static_cast<char>(sent[at] ^ 0x40);
        p.client.input().append(sent);
        std::error_code ec;
        tls_status      last = tls_status::done;
        p.client.on_eof();
        CHECK(tls_pair::read_all(p.client, ec, last).empty());
        CHECK(ec == condition::tls);
        CHECK(ec != tls_errc::alert_received);
        CHECK(p.client.read(std::span<char>(sent), last, ec) == 0); // and it stays so
        CHECK(ec == condition::tls);
    }
}

TEST_CASE("an alert after the handshake is reported by its name")
{
    tls_pair p;
    p.shake_hands();
    settle(p);
    // The server receives something it cannot decrypt and says so.
    p.server.input().append(std::string_view("\x17\x03\x03\x00\x14xxxxxxxxxxxxxxxxxxxx", 25));
    std::error_code ec;
    tls_status      last = tls_status::done;
    tls_pair::read_all(p.server, ec, last);
    CHECK(ec == tls_errc::protocol_error);
    tls_pair::carry(p.server, p.client, 1000);
    tls_pair::read_all(p.client, ec, last);
    CHECK(ec == tls_errc::alert_received);
    CHECK(contains(text_of(p.client, ec), "alert 20 (bad record MAC)"));
}

TEST_CASE("keys are updated in the middle of a conversation, on request of either side")
{
    tls_pair p;
    p.shake_hands();
    check_conversation(p);
    REQUIRE(SSL_key_update(p.server.native_handle(), SSL_KEY_UPDATE_REQUESTED) == 1);
    tls_pair::write(p.server, "250 new keys\r\n");
    CHECK(tls_pair::pass(p.server, p.client) == "250 new keys\r\n");
    check_conversation(p);
    REQUIRE(SSL_key_update(p.client.native_handle(), SSL_KEY_UPDATE_REQUESTED) == 1);
    check_conversation(p);
    check_conversation(p);
}

TEST_CASE("a peer that asks for a renegotiation is not obeyed")
{
    auto settings            = support::tls_client_settings();
    settings.maximum_version = net::tls_version::tls_1_2;
    tls_pair p(client_context(settings), server_context());
    p.shake_hands();
    REQUIRE(p.ok());
    // The client's own OpenSSL is made to ask, which the settings of this library never do.
    SSL_clear_options(p.client.native_handle(), SSL_OP_NO_RENEGOTIATION);
    REQUIRE(SSL_renegotiate(p.client.native_handle()) == 1);
    std::error_code ec;
    p.client.write("x", ec);
    tls_pair::carry(p.client, p.server, 1000);
    tls_status last = tls_status::done;
    tls_pair::read_all(p.server, ec, last);
    CHECK_FALSE(ec);
    tls_pair::carry(p.server, p.client, 1000);
    tls_pair::read_all(p.client, ec, last);
    CHECK(ec == tls_errc::renegotiation_refused);
}

TEST_CASE("what is written between two parts of a split message is sent after them")
{
    auto       serving = support::tls_server_settings();
    auto const s       = server_context(serving);
    auto const c       = client_context();
    tls_pair   p(c, s);
    // Records of at most 512 octets: a session ticket, which carries the client's name and more, may be
    // split.
    SSL_set_max_send_fragment(p.server.native_handle(), 512);
    p.shake_hands();
    REQUIRE(p.ok());
    settle(p);
    // A ticket of more than 512 octets, by its own application data.
    SSL_SESSION* const session = SSL_get1_session(p.server.native_handle());
    std::string const  note(600, 'n');
    REQUIRE(SSL_SESSION_set1_ticket_appdata(session, note.data(), note.size()) == 1);
    SSL_SESSION_free(session);
    REQUIRE(SSL_new_session_ticket(p.server.native_handle()) == 1);
    tls_pair::write(p.server, "250 later\r\n");
    REQUIRE(p.server.output().size() > 700);

    std::error_code ec;
    tls_status      last = tls_status::done;
    tls_pair::carry(p.server, p.client, 600); // one record of the ticket and a part of the next
    CHECK(tls_pair::read_all(p.client, ec, last).empty());
    CHECK(last == tls_status::want_read);
    tls_pair::write(p.client, "one ");
    tls_pair::write(p.client, "two");
    CHECK(p.client.output().empty()); // TLS cannot encrypt now
    CHECK(tls_pair::pass(p.server, p.client) == "250 later\r\n");
    CHECK(tls_pair::pass(p.client, p.server) == "one two");
}

// ---- use and misuse

TEST_CASE("small reads lose nothing, and the first octets can be looked at one by one")
{
    tls_pair p;
    p.shake_hands();
    settle(p);
    tls_pair::write(p.server, "250-a\r\n250 b\r\n");
    tls_pair::carry(p.server, p.client, 1000);
    CHECK(p.client.pending());
    std::string     all;
    std::error_code ec;
    tls_status      last = tls_status::done;
    char            c    = 0;
    CHECK(p.client.read(std::span<char>(), last, ec) == 0);
    CHECK(last == tls_status::done);
    while (p.client.read(std::span(&c, 1), last, ec) == 1)
        all += c;
    CHECK(all == "250-a\r\n250 b\r\n");
    CHECK(last == tls_status::want_read);
    CHECK_FALSE(p.client.pending());
}

TEST_CASE("nothing can be read or written before the handshake")
{
    tls_engine      e(client_context(), tls_role::client, "mail.example.test");
    std::error_code ec;
    tls_status      last = tls_status::done;
    char            room[8];
    CHECK(e.read(room, last, ec) == 0);
    CHECK(ec == posthorn::errc::bad_sequence);
    CHECK(e.write("x", ec) == 0);
    CHECK(ec == posthorn::errc::bad_sequence);
    e.shutdown();
    CHECK(e.output().empty());
    CHECK(e.handshake(ec) == tls_status::want_read);
    CHECK_FALSE(ec);
    CHECK_FALSE(e.output().empty());
}

TEST_CASE("an engine is not made from what cannot work")
{
    auto const c = client_context();
    CHECK(settings_failure(c, tls_role::client, "mail.example.test") == std::error_code());
    CHECK(settings_failure(c, tls_role::client, "") == tls_errc::configuration);
    CHECK(settings_failure(c, tls_role::client, "a b") == tls_errc::configuration);
    CHECK(settings_failure(c, tls_role::client, std::string("mail.example.test\0.evil.test", 27)) ==
          tls_errc::configuration);
    CHECK(settings_failure(c, tls_role::client, "mail\r\nexample") == tls_errc::configuration);
    CHECK(settings_failure(c, tls_role::client,
                           "b\xc3\xbc"
                           "cher.test") == tls_errc::configuration);
    CHECK(settings_failure(c, tls_role::client, std::string(300, 'a')) == tls_errc::configuration);
    CHECK(settings_failure(c, tls_role::server, "") == tls_errc::configuration);
}

TEST_CASE("the error queue of the thread is left empty, and rubbish in it does no harm")
{
    ERR_raise(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER);
    tls_pair p;
    p.shake_hands();
    CHECK(p.ok());
    CHECK(ERR_peek_error() == 0);
    ERR_raise(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER);
    settle(p);
    ERR_raise(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER);
    check_conversation(p);
    CHECK(ERR_peek_error() == 0);

    tls_pair bad(client_context(), server_context(), "other.test");
    bad.shake_hands();
    CHECK(bad.client_error);
    CHECK(ERR_peek_error() == 0);
}

TEST_CASE("a failed engine repeats its error and keeps its alert")
{
    tls_pair p(client_context(), server_context(), "other.test");
    p.shake_hands([] { return std::size_t{100000}; });
    REQUIRE(p.client_error == tls_errc::host_name_mismatch);
    std::error_code again;
    CHECK(p.client.handshake(again) == tls_status::closed);
    CHECK(again == tls_errc::host_name_mismatch);
    CHECK(contains(text_of(p.client, again), "other.test"));
    CHECK(p.client.make_error(again).context().phase == "TLS handshake");
    // The alert went to the server, which names it.
    CHECK(p.server_error == tls_errc::alert_received);
}

TEST_CASE("engines of one context may work in several threads")
{
    auto const               c = client_context();
    auto const               s = server_context();
    std::vector<std::thread> threads;
    std::atomic<int>         good{0};
    for (int t = 0; t != 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i != 10; ++i)
            {
                tls_pair p(c, s, "mail.example.test", "key");
                p.shake_hands();
                if (!p.ok())
                    continue;
                std::error_code ec;
                tls_status      last = tls_status::done;
                tls_pair::carry(p.server, p.client, 1U << 20U);
                tls_pair::read_all(p.client, ec, last);
                good += ec ? 0 : 1;
            }
        });
    for (auto& t : threads)
        t.join();
    CHECK(good == 40);
}

TEST_SUITE_END();
