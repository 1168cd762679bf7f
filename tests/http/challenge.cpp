//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/challenge.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace posthorn;

TEST_SUITE_BEGIN("http/challenge");

namespace {

/// `scheme:token68:parameters`, for comparison.
std::string shown(std::vector<http::challenge> const& all)
{
    std::string text;
    for (auto const& c : all)
    {
        text += text.empty() ? "" : " | ";
        text += c.scheme;
        text += c.token68.empty() ? "" : " <" + c.token68 + ">";
        for (auto const* name : {"realm", "nonce", "qop", "algorithm", "opaque", "charset", "title", "stale"})
            if (auto const value = c.parameters.get(name))
                text += ' ' + std::string(name) + '=' + std::string(*value);
    }
    return text;
}

std::string parsed(std::vector<std::string> const& fields, bool expect_malformed = false)
{
    http::headers h;
    for (auto const& f : fields)
        h.add("Www-Authenticate", f);
    bool       malformed = false;
    auto const all       = http::parse_challenges(h, "WWW-Authenticate", malformed);
    CHECK(malformed == expect_malformed);
    return shown(all);
}

} // namespace

TEST_CASE("one challenge, and several in one field or in many")
{
    CHECK(parsed({"Digest realm=\"hotmail.com\", nonce=\"MTAy==\", qop=\"auth\""}) == "digest realm=hotmail.com nonce=MTAy== qop=auth");
    CHECK(parsed({"basic realm=\"SOGo\""}) == "basic realm=SOGo");
    CHECK(parsed({"Newauth realm=\"apps\", title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\""}) == "newauth realm=apps title=Login to \"apps\" | basic realm=simple");
    CHECK(parsed({"Negotiate", "NTLM", "Basic realm=\"x\""}) == "negotiate | ntlm | basic realm=x");
    CHECK(parsed({"Negotiate, NTLM, Basic realm=\"x\""}) == "negotiate | ntlm | basic realm=x");
    CHECK(parsed({"Digest realm=a,nonce=b , Digest realm=a, nonce=c, algorithm=SHA-256"}) == "digest realm=a nonce=b | digest realm=a nonce=c algorithm=SHA-256");
}

TEST_CASE("base64 behind a scheme")
{
    CHECK(parsed({"NTLM TlRMTVNTUAACAAAA=="}) == "ntlm <TlRMTVNTUAACAAAA==>");
    CHECK(parsed({"Negotiate abc=, Basic realm=x"}) == "negotiate <abc=> | basic realm=x");
    CHECK(parsed({"Basic realm=x"}) == "basic realm=x");
    CHECK(parsed({"Basic realm"}) == "basic <realm>");
}

TEST_CASE("blanks and empty members where the grammar allows them")
{
    CHECK(parsed({" ,, Digest  realm = \"a\" ,, nonce =b,"}) == "digest realm=a nonce=b");
    CHECK(parsed({""}) == "");
}

TEST_CASE("values without the quotes they need")
{
    CHECK(parsed({"Digest realm=me@host/x, nonce=a+b/c=="}) == "digest realm=me@host/x nonce=a+b/c==");
}

TEST_CASE("what comes before a defect counts, the defective challenge does not")
{
    CHECK(parsed({"Basic realm=\"a\", Digest realm=\"never ends"}, true) == "basic realm=a");
    CHECK(parsed({"Basic realm=a, realm=b"}, true) == "");
    CHECK(parsed({"realm=\"a\""}, true) == "");
    CHECK(parsed({"NTLM abc=, realm=x"}, true) == "");
    CHECK(parsed({"=x"}, true) == "");
    CHECK(parsed({"Basic realm=\"a\"x"}, true) == "");
    CHECK(parsed({"Basic;x"}, true) == "");
    CHECK(parsed({"(", "Basic realm=ok"}, true) == "basic realm=ok");
    CHECK(parsed({"Digest realm=, nonce=x"}, true) == "");
}

TEST_CASE("numbers of challenges and parameters are bounded")
{
    std::string many;
    for (int i = 0; i != 100; ++i)
        many += "S" + std::to_string(i) + " realm=x, ";
    http::headers h{{"WWW-Authenticate", many}};
    bool          malformed = false;
    CHECK(http::parse_challenges(h, "WWW-Authenticate", malformed).size() == 16);
    CHECK(malformed);
    many = "Digest a=b";
    for (int i = 0; i != 100; ++i)
        many += ", p" + std::to_string(i) + "=x";
    CHECK(http::parse_challenges({{"WWW-Authenticate", many}}, "WWW-Authenticate", malformed).empty());
    CHECK(malformed);
}

TEST_CASE("Authentication-Info is a list of parameters")
{
    auto const info = http::parse_auth_info("rspauth=\"abc\", cnonce=\"d\", nc=00000001, qop=auth");
    REQUIRE(info);
    CHECK(info->get("rspauth") == "abc");
    CHECK(info->get("nc") == "00000001");
    CHECK(info->size() == 4);
    CHECK_FALSE(http::parse_auth_info("Digest x=y"));
    CHECK_FALSE(http::parse_auth_info("x"));
}

TEST_SUITE_END();
