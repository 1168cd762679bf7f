//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/authenticator.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

using namespace posthorn;
using http::auth_attempt;
using http::auth_scheme;
using http::authenticator;
using http::origin;
using next = http::authenticator::next;

TEST_SUITE_BEGIN("http/authenticator");

namespace {

origin const home(true, "h.example", 443);

authenticator make(sasl::credentials who = sasl::credentials("user", secret_string("pass")), bool tokens = false)
{
    http::login_rules r;
    r.origins = {home, origin(false, "h.example", 80)};
    return authenticator(std::move(who), r, tokens);
}

http::headers asks(std::string const& challenge) { return {{"WWW-Authenticate", challenge}}; }

std::string sent(authenticator& a, auth_attempt& t, origin const& o = home)
{
    return std::string(a.authorization(o, "GET", "/", {}, t).view());
}

template <class F>
std::error_code code_of(F&& f)
{
    try
    {
        f();
    }
    catch (error const& e)
    {
        CHECK(std::string_view(e.what()).find("pass") == std::string_view::npos);
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("Basic: asked once, then sent at once")
{
    auto         a = make();
    auth_attempt t;
    CHECK(sent(a, t) == "");
    CHECK(a.on_challenge(home, asks("Basic realm=x"), t) == next::again);
    CHECK(sent(a, t) == "Basic dXNlcjpwYXNz");
    a.on_success(home, {}, t);
    auth_attempt another;
    CHECK(sent(a, another) == "Basic dXNlcjpwYXNz");
    CHECK(sent(a, another, origin(true, "h.example", 444)) == "");
    CHECK(sent(a, another, origin(false, "h.example", 80)) == "");
}

TEST_CASE("a refusal of Basic is final, and forgets it")
{
    auto         a = make();
    auth_attempt t;
    a.on_challenge(home, asks("Basic realm=x"), t);
    sent(a, t);
    CHECK(code_of([&] { a.on_challenge(home, asks("Basic realm=x, Digest realm=x, nonce=y"), t); }) == http::errc::auth_failed);
    auth_attempt another;
    CHECK(sent(a, another) == "");
}

TEST_CASE("non-ASCII passwords go as UTF-8, names with a colon do not go")
{
    auto         a = make(sasl::credentials("u", secret_string("\xc3\xa4")));
    auth_attempt t;
    a.on_challenge(home, asks("Basic realm=x"), t);
    CHECK(sent(a, t) == "Basic dTrDpA==");
    auto         b = make(sasl::credentials("u:v", secret_string("pass")));
    auth_attempt s;
    b.on_challenge(home, asks("Basic realm=x"), s);
    CHECK(code_of([&] { sent(b, s); }) == http::errc::auth_unavailable);
}

TEST_CASE("the strongest scheme is taken")
{
    auto const scheme = [](std::string const& challenge) {
        auto         a = make();
        auth_attempt t;
        a.on_challenge(home, asks(challenge), t);
        sent(a, t);
        return t.sent;
    };
    CHECK(scheme("Basic realm=x, Digest realm=x, nonce=y") == auth_scheme::digest_md5);
    CHECK(scheme("Digest realm=x, nonce=y, Digest realm=x, nonce=z, algorithm=SHA-256, Basic realm=x") == auth_scheme::digest_sha256);
    CHECK(scheme("Digest realm=x, nonce=y, algorithm=unknown, Basic realm=x") == auth_scheme::basic);
    CHECK(scheme("Bearer realm=x, Basic realm=x") == auth_scheme::basic); // there is no token
}

TEST_CASE("Digest: a stale nonce is replaced, a wrong password is not tried again")
{
    auto         a = make();
    auth_attempt t;
    CHECK(a.on_challenge(home, asks("Digest realm=x, nonce=one"), t) == next::again);
    CHECK(sent(a, t).find("nonce=\"one\"") != std::string::npos);
    CHECK(a.on_challenge(home, asks("Digest realm=x, nonce=two, stale=true"), t) == next::again);
    CHECK(sent(a, t).find("nonce=\"two\"") != std::string::npos);
    CHECK(code_of([&] { a.on_challenge(home, asks("Digest realm=x, nonce=three"), t); }) == http::errc::auth_failed);
}

TEST_CASE("Digest: a nonce that was accepted before may be forgotten without a word, once")
{
    auto         a = make();
    auth_attempt t;
    a.on_challenge(home, asks("Digest realm=x, nonce=one"), t);
    sent(a, t);
    a.on_success(home, {}, t);
    auth_attempt later;
    sent(a, later);
    CHECK(a.on_challenge(home, asks("Digest realm=x, nonce=two"), later) == next::again);
    sent(a, later);
    CHECK(code_of([&] { a.on_challenge(home, asks("Digest realm=x, nonce=three"), later); }) == http::errc::auth_failed);
}

TEST_CASE("a server that says stale for ever is not followed for ever")
{
    auto         a = make();
    auth_attempt t;
    int          rounds = 0;
    auto const   code   = code_of([&] {
        for (;; ++rounds)
        {
            a.on_challenge(home, asks("Digest realm=x, stale=true, nonce=n" + std::to_string(rounds)), t);
            sent(a, t);
        }
    });
    CHECK(code == http::errc::auth_failed);
    CHECK(rounds < 10);
}

TEST_CASE("Bearer: one new token for each request")
{
    auto a = make({}, true);
    a.set_token("first");
    auth_attempt t;
    CHECK(a.on_challenge(home, asks("Bearer"), t) == next::again);
    CHECK(sent(a, t) == "Bearer first");
    CHECK(a.on_challenge(home, asks("Bearer error=\"invalid_token\""), t) == next::new_token);
    a.set_token("second");
    CHECK(sent(a, t) == "Bearer second");
    CHECK(code_of([&] { a.on_challenge(home, asks("Bearer"), t); }) == http::errc::auth_failed);
    auto         fresh = make({}, true);
    auth_attempt s;
    CHECK(fresh.on_challenge(home, asks("Bearer"), s) == next::new_token);
}

TEST_CASE("without credentials a challenge is a response like others")
{
    auto         a = make({});
    auth_attempt t;
    CHECK(a.on_challenge(home, asks("Basic realm=x"), t) == next::nothing);
    auto         b = make();
    auth_attempt s;
    CHECK(b.on_challenge(home, {}, s) == next::nothing);
}

TEST_CASE("origins that are not named, and plain http, get no password")
{
    auto         a = make();
    auth_attempt t;
    CHECK(code_of([&] { a.on_challenge(origin(true, "evil.example", 443), asks("Basic realm=x"), t); }) == http::errc::auth_not_allowed);
    CHECK(code_of([&] { a.on_challenge(origin(true, "evil.example", 443), asks("Digest realm=x, nonce=y"), t); }) == http::errc::auth_not_allowed);
    CHECK(code_of([&] { a.on_challenge(origin(true, "evil.example", 443), asks("NTLM"), t); }) == http::errc::auth_not_allowed);
    CHECK(code_of([&] { a.on_challenge(origin(false, "h.example", 80), asks("Basic realm=x"), t); }) == http::errc::auth_not_allowed);
    CHECK(a.on_challenge(origin(false, "h.example", 80), asks("Digest realm=x, nonce=y"), t) == next::again);
}

TEST_CASE("nothing that is known here")
{
    auto         a = make();
    auth_attempt t;
    CHECK(code_of([&] { a.on_challenge(home, asks("Kerberos, Hoba"), t); }) == http::errc::auth_unavailable);
    CHECK(code_of([&] { a.on_challenge(home, asks("Digest realm=\"never ends"), t); }) == http::errc::bad_challenge);
}

TEST_CASE("auth-int wants the body's hash of the right kind")
{
    auto         a = make();
    auth_attempt t;
    CHECK_FALSE(a.wants_body_hash(home));
    a.on_challenge(home, asks("Digest realm=x, nonce=y, qop=auth-int, algorithm=SHA-256"), t);
    CHECK(a.wants_body_hash(home) == crypto::hash::sha256);
}

TEST_CASE("NTLM goes with the connection")
{
    auto         a = make();
    auth_attempt t;
    CHECK(a.on_challenge(home, asks("Negotiate, NTLM"), t) == next::handshake);
    CHECK(a.connection_scheme(home) == "NTLM");
    CHECK(sent(a, t) == "");
    CHECK(a.connection_scheme(origin(true, "other.example", 443)).empty());
    CHECK(code_of([&] { a.on_handshake_refused(home); }) == http::errc::auth_failed);
    CHECK(a.connection_scheme(home).empty());
    auto         b = make();
    auth_attempt s;
    CHECK(b.on_challenge(home, asks("Negotiate"), s) == next::handshake);
    CHECK(b.connection_scheme(home) == "Negotiate");
}

TEST_CASE("the messages of NTLM")
{
    // The challenge of [MS-NLMP], 4.2.4.3: server challenge 0123456789abcdef, names Domain and Server.
    std::string const challenge = "TlRMTVNTUAACAAAADAAMADgAAAAzgoriASNFZ4mrze8AAAAAAAAAACQAJABEAAAABgBwFwAAAA9TAGUAcgB2AGUAcgACAAwARABvAG0AYQBpAG4AAQAMAFMAZQByAHYAZQByAAAAAAA=";
    sasl::credentials who("User", secret_string("Password"));
    who.domain = "Domain";
    http::ntlm_exchange talk(who, "NTLM");
    CHECK(std::string(talk.first().view()).substr(0, 21) == "NTLM TlRMTVNTUAABAAAA");
    CHECK_FALSE(talk.second(asks("NTLM"), "WWW-Authenticate"));
    auto const third = talk.second(asks("NTLM " + challenge), "WWW-Authenticate");
    REQUIRE(third);
    auto const message = codec::base64_decode(third->view().substr(5));
    REQUIRE(message);
    CHECK(message->substr(0, 9) == std::string("NTLMSSP\0\x03", 9));
    CHECK(message->find(std::string("D\0o\0m\0a\0i\0n\0U\0s\0e\0r\0", 20)) != std::string::npos);
    http::ntlm_exchange bad(who, "NTLM");
    static_cast<void>(bad.first());
    CHECK_THROWS_AS(bad.second(asks("NTLM TlRMTVNTUAA="), "WWW-Authenticate"), error);
}

TEST_CASE("new credentials forget what the old ones proved")
{
    auto         a = make();
    auth_attempt t;
    a.on_challenge(home, asks("Basic realm=x"), t);
    a.set_login(sasl::credentials("other", secret_string("pass")));
    CHECK(sent(a, t) == "");
    CHECK(a.has_credentials());
}

TEST_SUITE_END();
