//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/tlsa.hpp>

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/hex.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_error.hpp>
#include <posthorn/net/tls_settings.hpp>
#include <posthorn/testing/certificates.hpp>

#include <doctest/doctest.h>

#include <support/tls_pair.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using net::tls_errc;
using net::tlsa_record;

TEST_SUITE_BEGIN("net/tlsa");

namespace {

/// The SHA-256 of the key of certificate `n` of what the server presents.
std::string key_digest(testing::certificate const& own, std::size_t n)
{
    net::tls_settings anything;
    anything.verify_peer = false;
    support::tls_pair look(net::tls_context(anything), net::tls_context(support::tls_server_settings(own)));
    look.shake_hands();
    REQUIRE(look.ok());
    REQUIRE(look.client.info().chain.size() > n);
    return *codec::base64_decode(look.client.info().chain[n].spki_sha256);
}

struct outcome
{
    bool            ok       = false;
    bool            verified = false;
    std::error_code code;
    std::string     text;
};

outcome connect(testing::certificate const& own, std::vector<tlsa_record> records, std::string host = "mail.example.test")
{
    net::tls_settings settings; // no authority is trusted
    settings.tlsa = std::move(records);
    support::tls_pair p(net::tls_context(settings), net::tls_context(support::tls_server_settings(own)), std::move(host));
    p.shake_hands();
    outcome o;
    o.ok       = p.ok();
    o.verified = p.ok() && p.client.info().verified;
    o.code     = p.client_error;
    if (o.code)
        o.text = p.client.make_error(o.code).what();
    return o;
}

std::string settings_error(std::vector<tlsa_record> records, std::string host = "mail.example.test", bool verify = true)
{
    try
    {
        net::tls_settings settings;
        settings.tlsa        = std::move(records);
        settings.verify_peer = verify;
        net::tls_context const context(settings);
        net::tls_engine        engine(context, net::tls_role::client, std::move(host));
    }
    catch (error const& e)
    {
        CHECK(e.code() == tls_errc::configuration);
        return e.what();
    }
    return {};
}

} // namespace

TEST_CASE("records are read as dig shows them")
{
    tlsa_record const r("3 1 1 0B9FA5A59EED715C26C1020C711B4F6EC42D58B0 015E14337A39DAD301C5AFC3");
    CHECK(r.usage == 3);
    CHECK(r.selector == 1);
    CHECK(r.matching == 1);
    CHECK(codec::hex_encode(r.data) == "0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3");
    CHECK(tlsa_record("  2 0 255  ab").matching == 255);
    for (auto const bad : {"", "3", "3 1", "3 1 1", "3 1 1 ", "3 1 1 a", "3 1 1 xy", "256 1 1 ab", "a 1 1 ab", "3 1 1ab",
                           "3,1,1,ab", "1000 1 1 ab"})
    {
        CAPTURE(std::string(bad));
        CHECK_THROWS_AS(tlsa_record{std::string_view(bad)}, error);
    }
}

TEST_CASE("DANE-EE fits the key, whatever the name, the date and the authority")
{
    testing::certificate_authority const unknown("nobody trusts me");
    auto const                           own  = unknown.issue({"mail.example.test"});
    std::string const                    key  = key_digest(own, 0);
    auto const                           good = connect(own, {tlsa_record(3, 1, 1, key)});
    CHECK(good.ok);
    CHECK(good.verified);
    CHECK(connect(own, {tlsa_record(3, 1, 1, key)}, "other.example.test").ok);
    CHECK(connect(own, {tlsa_record(3, 1, 1, std::string(32, 'x')), tlsa_record(3, 1, 1, key)}).ok); // a key that is coming
    CHECK(connect(own, {tlsa_record(1, 1, 1, key), tlsa_record(3, 1, 1, key)}).ok);

    testing::certificate_options old({"mail.example.test"});
    old.not_before = -48h;
    old.not_after  = -24h;
    auto const expired = unknown.issue(old);
    CHECK(connect(expired, {tlsa_record(3, 1, 1, key_digest(expired, 0))}).ok);
}

TEST_CASE("a certificate that does not fit is refused, and the text says what would fit")
{
    testing::certificate_authority const unknown("nobody trusts me");
    auto const                           own = unknown.issue({"mail.example.test"});
    for (std::uint8_t const usage : {std::uint8_t(2), std::uint8_t(3)})
    {
        auto const bad = connect(own, {tlsa_record(usage, 1, 1, std::string(32, 'x'))});
        CHECK_FALSE(bad.ok);
        CHECK(bad.code == tls_errc::dane_mismatch);
        CHECK(bad.code == condition::tls);
        CHECK(bad.text.find("TLSA") != bad.text.npos);
        CHECK(bad.text.find(codec::hex_encode(key_digest(own, 0))) != bad.text.npos);
    }
}

TEST_CASE("DANE-TA fits an authority that the server sends along, and then name and date count")
{
    testing::certificate_authority const root("root");
    auto const                           between = root.intermediate();
    auto const                           own     = between.issue({"mail.example.test"});
    std::string const                    key     = key_digest(own, 1);
    CHECK(connect(own, {tlsa_record(2, 1, 1, key)}).ok);
    CHECK(connect(own, {tlsa_record(2, 1, 1, key)}, "other.example.test").code == tls_errc::host_name_mismatch);
    CHECK(connect(own, {tlsa_record(2, 1, 1, key_digest(own, 0))}).code == tls_errc::dane_mismatch);
    testing::certificate_options old({"mail.example.test"});
    old.not_before     = -48h;
    old.not_after      = -24h;
    auto const expired = between.issue(old);
    CHECK(connect(expired, {tlsa_record(2, 1, 1, key)}).code == tls_errc::expired);
}

TEST_CASE("records that cannot be used are an error before anything is sent")
{
    CHECK(settings_error({tlsa_record(0, 1, 1, std::string(32, 'x')), tlsa_record(1, 1, 1, std::string(32, 'x'))}).find("usage") !=
          std::string::npos);
    CHECK(settings_error({tlsa_record(3, 1, 1, "short")}).find("none of the TLSA records") != std::string::npos);
    CHECK(settings_error({tlsa_record(3, 9, 9, "x")}).find("none of the TLSA records") != std::string::npos);
    CHECK(settings_error({tlsa_record(3, 1, 1, std::string(32, 'x'))}, "192.0.2.1").find("names") != std::string::npos);
    CHECK(settings_error({tlsa_record(3, 1, 1, std::string(32, 'x'))}, "mail.example.test", false).find("verify_peer") !=
          std::string::npos);
    CHECK(settings_error({tlsa_record(3, 1, 1, std::string(32, 'x'))}).empty());
}

TEST_SUITE_END();
