//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/cookie_jar.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace posthorn;
using http::cookie_jar;
using http::url;

TEST_SUITE_BEGIN("http/cookie_jar");

namespace {

std::string sent(cookie_jar& jar, std::string_view to, std::int64_t now = 0)
{
    return std::string(jar.field(url(to), now).view());
}

} // namespace

TEST_CASE("a cookie without Domain goes back to its origin and to nobody else")
{
    cookie_jar jar;
    CHECK(jar.store(url("http://mail.example:8080/a/b"), "s=1", 0));
    CHECK(sent(jar, "http://mail.example:8080/a/c") == "s=1");
    CHECK(sent(jar, "http://mail.example:8080/a") == "s=1");
    CHECK(sent(jar, "http://mail.example:8080/ab") == "");
    CHECK(sent(jar, "http://mail.example:8080/") == "");
    CHECK(sent(jar, "http://mail.example/a/c") == "");
    CHECK(sent(jar, "http://sub.mail.example:8080/a/c") == "");
    CHECK(sent(jar, "https://mail.example:8080/a/c") == "");
    CHECK(sent(jar, "http://evil.example:8080/a/c") == "");
}

TEST_CASE("http on its usual port becomes https on its usual port, never the other way round")
{
    cookie_jar jar;
    jar.store(url("http://h.example/"), "a=1", 0);
    jar.store(url("https://h.example/"), "b=2", 0);
    jar.store(url("https://h.example/"), "c=3; Secure", 0);
    CHECK(sent(jar, "https://h.example/") == "a=1; b=2; c=3");
    CHECK(sent(jar, "http://h.example/") == "a=1");
}

TEST_CASE("plain http can neither set Secure cookies nor change what https set")
{
    cookie_jar jar;
    CHECK_FALSE(jar.store(url("http://h.example:443/"), "a=1; Secure", 0));
    jar.store(url("https://h.example/"), "s=good; Domain=h.example; Path=/", 0);
    CHECK_FALSE(jar.store(url("http://h.example/"), "s=evil; Domain=h.example; Path=/", 0));
    CHECK_FALSE(jar.store(url("http://h.example/"), "s=; Max-Age=0; Domain=h.example; Path=/", 0));
    CHECK(sent(jar, "https://h.example/") == "s=good");
    CHECK(sent(jar, "http://h.example/") == "");
}

TEST_CASE("Domain reaches hosts under it, if the sender is one of them")
{
    cookie_jar jar;
    CHECK(jar.store(url("http://bay15.oe.hotmail.example/"), "d=1; Domain=hotmail.example", 0));
    CHECK(sent(jar, "http://oe40.hotmail.example/") == "d=1");
    CHECK(sent(jar, "http://hotmail.example/") == "d=1");
    CHECK(sent(jar, "http://nothotmail.example/") == "");
    CHECK_FALSE(jar.store(url("http://evil.example/"), "x=1; Domain=hotmail.example", 0));
    CHECK_FALSE(jar.store(url("http://hotmail.example/"), "x=1; Domain=bay15.hotmail.example", 0));
    CHECK_FALSE(jar.store(url("http://a.example/"), "x=1; Domain=example", 0));
    CHECK_FALSE(jar.store(url("http://192.0.2.1/"), "x=1; Domain=2.1", 0));
    CHECK(jar.store(url("http://192.0.2.1/"), "x=1; Domain=192.0.2.1", 0));
    CHECK(jar.store(url("http://localhost/"), "x=2; Domain=localhost", 0));
    CHECK(sent(jar, "http://192.0.2.1/") == "x=1");
    CHECK(sent(jar, "http://localhost/") == "x=2");
    CHECK(sent(jar, "http://sub.localhost/") == "");
}

TEST_CASE("foreign domains only where the caller lists them")
{
    cookie_jar jar;
    CHECK_FALSE(jar.store(url("http://services.msn.example/"), "f=1; Domain=hotmail.example", 0));
    jar.allow_foreign_domain("hotmail.example");
    CHECK(jar.store(url("http://services.msn.example/"), "f=1; Domain=hotmail.example", 0));
    CHECK(sent(jar, "http://bay.hotmail.example/") == "f=1");
    CHECK(sent(jar, "http://services.msn.example/") == "");
}

TEST_CASE("a Path that the request does not lie under is no reason to refuse a cookie")
{
    cookie_jar jar;
    CHECK(jar.store(url("http://h.example/login"), "p=1; Path=/mail/", 0));
    CHECK(sent(jar, "http://h.example/login") == "");
    CHECK(sent(jar, "http://h.example/mail/x") == "p=1");
    CHECK(jar.store(url("http://h.example/login"), "r=1; Path=relative", 0));
    CHECK(sent(jar, "http://h.example/login") == "r=1");
}

TEST_CASE("longer paths first, then older cookies; a new value keeps the place")
{
    cookie_jar jar;
    jar.store(url("http://h.example/"), "a=1; Path=/", 0);
    jar.store(url("http://h.example/"), "b=2; Path=/", 0);
    jar.store(url("http://h.example/"), "c=3; Path=/deep", 0);
    jar.store(url("http://h.example/"), "a=4; Path=/", 0);
    CHECK(sent(jar, "http://h.example/deep/x") == "c=3; a=4; b=2");
    CHECK(jar.size() == 3);
}

TEST_CASE("what has expired is forgotten, also what arrives expired")
{
    cookie_jar jar;
    auto const h = url("http://h.example/");
    jar.store(h, "a=1; Max-Age=10", 100);
    CHECK(sent(jar, "http://h.example/", 109) == "a=1");
    CHECK(sent(jar, "http://h.example/", 110) == "");
    CHECK(jar.size() == 0);
    jar.store(h, "auth=dXNlcg==:cGFzcw==; Max-Age=0", 100); // what a server does that tells the password
    CHECK(jar.size() == 0);
    jar.store(h, "a=1", 100);
    jar.store(h, "a=; Expires=Thu, 01-Jan-1970 00:00:01 GMT", 100);
    CHECK(jar.size() == 0);
}

TEST_CASE("the jar is bounded, for each host and in all")
{
    cookie_jar jar;
    for (int i = 0; i != 200; ++i)
        jar.store(url("http://h.example/"), "n" + std::to_string(i) + "=x", 0);
    CHECK(jar.size() == cookie_jar::most_per_domain);
    CHECK(sent(jar, "http://h.example/").find("n199=x") != std::string::npos);
    for (int i = 0; i != 3000; ++i)
        jar.store(url("http://h" + std::to_string(i) + ".example/"), "n=x", 0);
    CHECK(jar.size() == cookie_jar::most);
    jar.clear();
    CHECK(jar.size() == 0);
}

TEST_SUITE_END();
