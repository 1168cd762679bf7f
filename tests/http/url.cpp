//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/url.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

using namespace posthorn;
using http::hash_sign;
using http::url;

TEST_SUITE_BEGIN("http/url");

namespace {

std::string resolved(std::string_view base, std::string_view reference, hash_sign hash = hash_sign::fragment)
{
    auto const r = url(base).resolve(reference, hash);
    return r ? r->str() : "none";
}

} // namespace

TEST_CASE("path and query are kept octet by octet")
{
    url const u("http://Host.Example:8080/a/%7euser/../B?q=/x?y%2F&");
    CHECK(u.origin() == http::origin(false, "host.example", 8080));
    CHECK(u.target() == "/a/%7euser/../B?q=/x?y%2F&");
    CHECK(u.path() == "/a/%7euser/../B");
    CHECK(u.query() == "?q=/x?y%2F&");
    CHECK(u.str() == "http://host.example:8080/a/%7euser/../B?q=/x?y%2F&");
}

TEST_CASE("a bare question mark is part of the URL")
{
    CHECK(url("http://h/p?").target() == "/p?");
    CHECK(url("http://h/p").target() == "/p");
    CHECK(url("http://h/p?") != url("http://h/p"));
    CHECK(url("http://h?/folders/").target() == "/?/folders/");
    CHECK(url("http://h").target() == "/");
}

TEST_CASE("usual ports are left out, unusual ones kept")
{
    CHECK(url("https://h:443/").origin().authority() == "h");
    CHECK(url("https://h:80/").origin().authority() == "h:80");
    CHECK(url("http://h:/").origin().authority() == "h");
    CHECK(url("http://[::1]:81/").origin().authority() == "[::1]:81");
    CHECK(url("http://[::1]/").origin().str() == "http://[::1]");
    CHECK(url("http://h/").origin() != url("https://h/").origin());
}

TEST_CASE("what cannot stand in a request is encoded, and nothing else")
{
    CHECK(url("http://h/a b\"c<d>e\\f").target() == "/a%20b%22c%3Cd%3Ee%5Cf");
    CHECK(url("http://h/\xe4\x7f").target() == "/%E4%7F");
    CHECK(url("http://h/a\r\nX: y").target() == "/a%0D%0AX:%20y");
    CHECK(url("http://h/100%/%4/%zz/%41").target() == "/100%25/%254/%25zz/%41");
    CHECK(url("http://h/a|b[c]{d}^`").target() == "/a|b[c]{d}^`");
}

TEST_CASE("a fragment is dropped, or part of the path where servers forget to encode it")
{
    CHECK(url("http://h/a#b?c").target() == "/a");
    CHECK(url("http://h#b").target() == "/");
    CHECK(url::read("http://h/##Submission##", hash_sign::literal)->target() == "/%23%23Submission%23%23");
}

TEST_CASE("what is no URL of HTTP")
{
    for (std::string_view bad : {"", "h", "/p", "ftp://h/", "http:/h", "http://", "http:///p", "http://u@h/", "http://u:p@h/", "http://h:0/",
                                 "http://h:65536/", "http://h:x/", "http://[::1/", "http://[::1]x/", "http://[h]/", "http://[fe80::1%25eth0]/",
                                 "http://a..b/", "http://-a/", "http://a b/", "http://h\\evil/", "http://1.2.3/", "http://h%41/",
                                 "http://h\r\nx/", "javascript:alert(1)"})
    {
        CAPTURE(bad);
        CHECK_FALSE(url::read(bad));
        CHECK_THROWS_AS(url{bad}, error);
    }
    CHECK_FALSE(url::read("http://h/" + std::string(20000, 'a')));
}

TEST_CASE("the error does not repeat a password")
{
    try
    {
        url const u("http://user:secret@h/");
        FAIL("accepted");
    }
    catch (error const& e)
    {
        CHECK(e.code() == http::errc::bad_url);
        CHECK(std::string_view(e.what()).find("secret") == std::string_view::npos);
    }
}

TEST_CASE("references are resolved as RFC 3986, 5.4 says, where they are relative")
{
    std::string_view const base = "http://a/b/c/d;p?q";
    CHECK(resolved(base, "g") == "http://a/b/c/g");
    CHECK(resolved(base, "./g") == "http://a/b/c/g");
    CHECK(resolved(base, "g/") == "http://a/b/c/g/");
    CHECK(resolved(base, "/g") == "http://a/g");
    CHECK(resolved(base, "//g") == "http://g/");
    CHECK(resolved(base, "?y") == "http://a/b/c/d;p?y");
    CHECK(resolved(base, "?") == "http://a/b/c/d;p?");
    CHECK(resolved(base, "g?y") == "http://a/b/c/g?y");
    CHECK(resolved(base, "g?y/./x") == "http://a/b/c/g?y/./x");
    CHECK(resolved(base, "#s") == "http://a/b/c/d;p?q");
    CHECK(resolved(base, "g#s") == "http://a/b/c/g");
    CHECK(resolved(base, ";x") == "http://a/b/c/;x");
    CHECK(resolved(base, "") == "http://a/b/c/d;p?q");
    CHECK(resolved(base, ".") == "http://a/b/c/");
    CHECK(resolved(base, "..") == "http://a/b/");
    CHECK(resolved(base, "../g") == "http://a/b/g");
    CHECK(resolved(base, "../..") == "http://a/");
    CHECK(resolved(base, "../../../g") == "http://a/g");
    CHECK(resolved(base, "g;x=1/../y") == "http://a/b/c/y");
    CHECK(resolved(base, "...g") == "http://a/b/c/...g");
    CHECK(resolved(base, "mailto:x@y") == "none");
    CHECK(resolved(base, "Re:%20foo.EML") == "none");
    CHECK(resolved(base, "https://x/y") == "https://x/y");
    CHECK(resolved(base, " /g \r\n") == "http://a/g");
    CHECK(resolved(base, "/a/../b") == "http://a/a/../b");
    CHECK(resolved(base, "/a#b", hash_sign::literal) == "http://a/a%23b");
    CHECK(resolved("https://h/x", "//g/y") == "https://g/y");
}

TEST_CASE("relative references of servers that keep their tree in the query")
{
    CHECK(resolved("http://h/interface/httpmail.php?/folders/", "httpmail.php?/folders/1/") ==
          "http://h/interface/httpmail.php?/folders/1/");
    CHECK(resolved("http://h/interface/httpmail.php?/folders/", "?/folders/1/") == "http://h/interface/httpmail.php?/folders/1/");
}

TEST_CASE("resources are compared without what encoding and a last slash change")
{
    CHECK(same_resource(url("http://H:80/a%2db/"), url("http://h/a-b")));
    CHECK(same_resource(url("http://h/%e4"), url("http://h/%E4")));
    CHECK_FALSE(same_resource(url("http://h/a%2Fb"), url("http://h/a/b")));
    CHECK_FALSE(same_resource(url("http://h/a"), url("https://h/a")));
    CHECK_FALSE(same_resource(url("http://h/a"), url("http://h/A")));
    CHECK_FALSE(same_resource(url("http://h/p?"), url("http://h/p")));
}

TEST_CASE("percent encoding of segments")
{
    CHECK(http::percent_encode("a b/\xc3\xa4?") == "a%20b%2F%C3%A4%3F");
    CHECK(http::percent_decode("a%20b%2f%zz%4") == "a b/%zz%4");
    CHECK(http::percent_decode(http::percent_encode("\x01\xff%")) == "\x01\xff%");
    CHECK(url("http://h/x").with_target("y z").str() == "http://h/y%20z");
}

TEST_SUITE_END();
