//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/error.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_info.hpp>
#include <posthorn/testing/certificates.hpp>

#include <doctest/doctest.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <support/temp_dir.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

TEST_SUITE_BEGIN("testing/certificates");

namespace net = posthorn::net;
namespace pt  = posthorn::testing;

namespace {

std::vector<net::detail::x509_handle> parse(std::string const& pem)
{
    return net::detail::pem_input::text(pem, "test").certificates();
}

bool signed_by(std::string const& pem, std::string const& authority)
{
    auto const lower = parse(pem);
    auto const upper = parse(authority);
    return X509_verify(lower.front().get(), X509_get0_pubkey(upper.front().get())) == 1;
}

} // namespace

TEST_CASE("an authority signs itself and what it issues")
{
    pt::certificate_authority const ca("my authority");
    CHECK(signed_by(ca.pem(), ca.pem()));
    CHECK(X509_check_ca(parse(ca.pem()).front().get()) == 1);
    auto const made = ca.issue({"mail.example.test"});
    CHECK(signed_by(made.pem, ca.pem()));
    CHECK(made.pem == made.chain_pem);
    auto const x = parse(made.pem);
    CHECK(X509_check_ca(x.front().get()) == 0);
    CHECK(net::detail::describe(x.front().get()).issuer == "CN=my authority");
    CHECK_FALSE(signed_by(made.pem, pt::certificate_authority().pem()));
}

TEST_CASE("every certificate has a serial number and a key of its own")
{
    pt::certificate_authority const ca;
    auto const                      a = ca.issue();
    auto const                      b = ca.issue();
    CHECK(a.key_pem != b.key_pem);
    CHECK(net::detail::describe(parse(a.pem).front().get()).serial !=
          net::detail::describe(parse(b.pem).front().get()).serial);
}

TEST_CASE("an intermediate is sent along, the root is not")
{
    pt::certificate_authority const root;
    auto const                      middle = root.intermediate("middle");
    auto const                      low    = middle.intermediate("low");
    auto const                      made   = low.issue({"mail.example.test"});
    auto const                      chain  = parse(made.chain_pem);
    REQUIRE(chain.size() == 3);
    CHECK(net::detail::describe(chain[1].get()).subject == "CN=low");
    CHECK(net::detail::describe(chain[2].get()).subject == "CN=middle");
    CHECK(signed_by(made.pem, low.pem()));
    CHECK(signed_by(low.pem(), middle.pem()));
    CHECK(signed_by(middle.pem(), root.pem()));
}

TEST_CASE("names, addresses and dates are as asked for")
{
    using namespace std::chrono_literals;
    pt::certificate_options o({"*.example.test", "192.0.2.7", "::1"});
    o.not_before    = 1h;
    o.not_after     = 2h;
    auto const x    = parse(pt::self_signed(o).pem);
    auto const info = net::detail::describe(x.front().get());
    CHECK(info.subject == "CN=*.example.test");
    CHECK(info.issuer == info.subject);
    CHECK(info.names == std::vector<std::string>{"*.example.test", "192.0.2.7", "0:0:0:0:0:0:0:1"});
    CHECK(info.not_after - info.not_before == 1h);
    CHECK(X509_cmp_current_time(X509_get0_notBefore(x.front().get())) > 0);

    pt::certificate_options bare;
    bare.names.clear();
    CHECK(net::detail::describe(parse(pt::self_signed(bare).pem).front().get()).names.empty());
}

TEST_CASE("files are written, and the key is for its owner only")
{
    support::temp_dir const dir("certificates");
    auto const              made = pt::certificate_authority().intermediate().issue();
    made.write(dir / "a.pem", dir / "a.key");
    CHECK(support::read_file(dir / "a.pem") == made.chain_pem);
    CHECK(support::read_file(dir / "a.key") == made.key_pem);
    auto const others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    CHECK((std::filesystem::status(dir / "a.key").permissions() & others) == std::filesystem::perms::none);
    CHECK_THROWS_AS(made.write(dir / "none" / "a.pem", dir / "none" / "a.key"), std::system_error);
}

TEST_CASE("a key can be encrypted")
{
    auto const made   = pt::self_signed();
    auto const locked = pt::encrypt_key(made.key_pem, "a password");
    CHECK(std::string_view(locked).substr(0, 37) == "-----BEGIN ENCRYPTED PRIVATE KEY-----");
    CHECK_THROWS_AS(pt::encrypt_key("no key", "x"), posthorn::error);
}

TEST_SUITE_END();
