//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/digest.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

using namespace posthorn;
using http::digest_session;

TEST_SUITE_BEGIN("http/digest");

namespace {

std::optional<http::digest_challenge> read(std::string const& field)
{
    bool       malformed = false;
    auto const all       = http::parse_challenges({{"WWW-Authenticate", field}}, "WWW-Authenticate", malformed);
    REQUIRE(all.size() == 1);
    return http::read_digest_challenge(all.front());
}

/// The value of a directive in a header, without quotes.
std::string directive(std::string_view header, std::string_view name)
{
    header.remove_prefix(7);
    auto const all = http::parse_auth_info(header);
    REQUIRE(all);
    return std::string(all->get(name).value_or("-"));
}

sasl::credentials who(std::string user, char const* password)
{
    return sasl::credentials(std::move(user), secret_string(password));
}

std::string answer(std::string const& challenge, std::string_view method = "GET", std::string_view body_hash = {})
{
    auto const c = read(challenge);
    REQUIRE(c);
    digest_session s(*c, who("Mufasa", "Circle of Life"), "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
    return std::string(s.authorization(method, "/dir/index.html", body_hash).view());
}

constexpr char const* rfc7616 = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
                                "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

constexpr char const* only_int = "Digest realm=\"http-auth@example.org\", qop=\"auth-int\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"";

constexpr char const* rfc2617 = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                                "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";

} // namespace

TEST_CASE("the example of RFC 7616, 3.9.1: MD5 and SHA-256")
{
    auto const md5 = answer(std::string(rfc7616) + ", algorithm=MD5");
    CHECK(md5 == "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", "
                 "response=\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5, opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", qop=auth, nc=00000001, "
                 "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\"");
    auto const sha = answer(std::string(rfc7616) + ", algorithm=SHA-256");
    CHECK(directive(sha, "response") == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    CHECK(directive(sha, "algorithm") == "SHA-256");
}

TEST_CASE("the example of RFC 2617, 3.5")
{
    digest_session s(*read(rfc2617), who("Mufasa", "Circle Of Life"), "0a4f113b");
    auto const     first = std::string(s.authorization("GET", "/dir/index.html", {}).view());
    CHECK(directive(first, "response") == "6629fae49393a05397450978507c4ef1");
    CHECK(directive(first, "algorithm") == "-");
    CHECK(directive(first, "opaque") == "5ccc069c403ebaf9f0171e9517f40e41");
    CHECK(directive(first, "nc") == "00000001");
    CHECK(directive(std::string(s.authorization("GET", "/dir/index.html", {}).view()), "nc") == "00000002");
    CHECK(s.uses() == 2);
}

TEST_CASE("the first request of a Hotmail session")
{
    auto const c = read("Digest realm=\"hotmail.com\", nonce=\"MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==\", qop=\"auth\"");
    REQUIRE(c);
    CHECK_FALSE(c->stale);
    digest_session s(*c, who("alice@example.com", "open sesame"), "0a4f113b7c9d2e61");
    auto const     sent = std::string(s.authorization("PROPFIND", "/cgi-bin/hmdata?", {}).view());
    CHECK(directive(sent, "response") == "269c81d03450e8b9b6a8bbf1b3cbc654");
    CHECK(directive(sent, "uri") == "/cgi-bin/hmdata?");
    CHECK(sent.find("qop=auth, nc=00000001, ") != std::string::npos); // unquoted, lower case
}

TEST_CASE("session algorithms bind the key to the first nonces")
{
    CHECK(directive(answer(std::string(rfc7616) + ", algorithm=MD5-sess"), "response") == "e783283f46242139c486a698fec7211d");
    CHECK(directive(answer(std::string(rfc7616) + ", algorithm=\"SHA-256-SESS\""), "response") == "2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7");
}

TEST_CASE("auth-int covers the body, and is used only if nothing else is offered")
{
    CHECK_FALSE(read(rfc7616)->needs_body_hash());
    CHECK(read(only_int)->needs_body_hash());
    auto const hash = [](crypto::hash h, std::string_view body) { return crypto::digest(h, body); };
    auto const md5  = answer(only_int, "PUT", hash(crypto::hash::md5, "hello").view());
    CHECK(directive(md5, "response") == "d60e6b8267b29ef517cde6217a27c886");
    CHECK(directive(md5, "qop") == "auth-int");
    auto const sha = answer(std::string(only_int) + ", algorithm=SHA-256", "PUT", hash(crypto::hash::sha256, "hello").view());
    CHECK(directive(sha, "response") == "6b4705c2528d6c01ebb853e8e21bb8de972b23d9ab0c714a16f31ba10e94f585");
    digest_session s(*read(std::string(only_int) + ", algorithm=MD5-sess"), who("Mufasa", "Circle of Life"), "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
    auto const     empty = hash(crypto::hash::md5, "");
    static_cast<void>(s.authorization("PUT", "/dir/index.html", empty.view()));
    CHECK(directive(std::string(s.authorization("PUT", "/dir/index.html", empty.view()).view()), "response") == "3f6de3a90e60fbb9d637c5371efc28b9");
}

TEST_CASE("without qop there is no counter and no nonce of ours")
{
    digest_session s(*read("Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\""), who("Mufasa", "Circle Of Life"), "0a4f113b");
    auto const     sent = std::string(s.authorization("GET", "/dir/index.html", {}).view());
    CHECK(directive(sent, "response") == "670fd8c2df070c60b045671b8b24ff02");
    CHECK(directive(sent, "cnonce") == "-");
    CHECK(directive(sent, "nc") == "-");
    CHECK(directive(sent, "qop") == "-");
}

TEST_CASE("names as hashes, and names that are not ASCII")
{
    auto const hashed = answer(std::string(rfc7616) + ", algorithm=SHA-256, userhash=true");
    CHECK(directive(hashed, "username") == "a947aad205e80e429958a387394944c6b496301e79f89d35a4cc23b6ee12b5b6");
    CHECK(directive(hashed, "userhash") == "true");
    CHECK(directive(hashed, "response") == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    auto const name = who("J\xc3\xa4s\xc3\xb8n Doe", "x");
    digest_session utf8(*read("Digest realm=r, nonce=n, qop=auth, charset=UTF-8"), name);
    CHECK(std::string(utf8.authorization("GET", "/", {}).view()).find("username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, ") != std::string::npos);
    digest_session plain(*read("Digest realm=r, nonce=n, qop=auth"), name);
    CHECK(std::string(plain.authorization("GET", "/", {}).view()).find("username=\"J\xc3\xa4s\xc3\xb8n Doe\", ") != std::string::npos);
    digest_session quotes(*read("Digest realm=\"a \\\"b\\\"\", nonce=n, qop=auth"), who("DOM\\user", "x"));
    CHECK(std::string(quotes.authorization("GET", "/", {}).view()).find("username=\"DOM\\\\user\", realm=\"a \\\"b\\\"\", ") != std::string::npos);
}

TEST_CASE("the server's proof is checked, its next nonce is used")
{
    digest_session s(*read(rfc2617), who("Mufasa", "Circle Of Life"), "0a4f113b");
    static_cast<void>(s.authorization("GET", "/dir/index.html", {}));
    s.on_success(*http::parse_auth_info("rspauth=\"376602cfd2f4e8e5e78b948a85263e85\", cnonce=\"0a4f113b\", nc=00000001, qop=auth"));
    CHECK(s.challenge().nonce == "dcd98b7102dd2f0e8b11d0f600bfb0c093");
    CHECK_THROWS_AS(s.on_success(*http::parse_auth_info("rspauth=\"376602cfd2f4e8e5e78b948a85263e86\", cnonce=\"0a4f113b\", nc=00000001, qop=auth")), error);
    s.on_success(*http::parse_auth_info("rspauth=\"00\", nc=00000007")); // of another request
    s.on_success(*http::parse_auth_info("nextnonce=\"second\""));
    CHECK(s.uses() == 0);
    auto const sent = std::string(s.authorization("GET", "/dir/index.html", {}).view());
    CHECK(directive(sent, "nc") == "00000001");
    CHECK(directive(sent, "response") == "d085522e9a011f2d3170cba731d6d58c");
}

TEST_CASE("challenges that are not known here")
{
    CHECK_FALSE(read("Digest realm=x, nonce=y, algorithm=SHA-512-256"));
    CHECK_FALSE(read("Digest realm=x, nonce=y, algorithm=-sess"));
    CHECK_FALSE(read("Digest realm=x, nonce=y, qop=\"auth-conf\""));
    CHECK_FALSE(read("Digest realm=x, nonce=y, algorithm=MD5-sess"));
    CHECK_FALSE(read("Digest realm=x"));
    CHECK_FALSE(read("Basic realm=x, nonce=y"));
    CHECK(read("DIGEST realm=x, nonce=y, algorithm=md5, stale=TRUE")->stale);
}

TEST_CASE("controls are refused instead of being sent")
{
    CHECK_THROWS_AS(digest_session(*read("Digest realm=x, nonce=y"), who("a\r\nb", "x")), error);
    CHECK_THROWS_AS(digest_session(*read("Digest realm=\"x\ty\", nonce=y"), who("a", "x")), error);
}

TEST_CASE("each session has a nonce of its own")
{
    digest_session a(*read(rfc2617), who("u", "p")), b(*read(rfc2617), who("u", "p"));
    CHECK(directive(a.authorization("GET", "/", {}).view(), "cnonce") != directive(b.authorization("GET", "/", {}).view(), "cnonce"));
}

TEST_SUITE_END();
