//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What can be told without a KDC. Exchanges with tickets are in live/gssapi.

#if defined(POSTHORN_WITH_GSSAPI)

#include <posthorn/core/error.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/gssapi.hpp>
#include <posthorn/sasl/mechanism.hpp>
#include <posthorn/sasl/select.hpp>

#include <doctest/doctest.h>

#include <support/temp_dir.hpp>

#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using namespace posthorn;

TEST_SUITE_BEGIN("sasl/gssapi");

namespace {

/// For as long as it lives Kerberos has no tickets, and knows no server.
class no_kerberos
{
public:
    no_kerberos() : dir_("kerberos")
    {
        support::write_file(dir_ / "krb5.conf",
                            "[libdefaults]\ndefault_realm = EXAMPLE.TEST\ndns_lookup_kdc = false\n"
                            "dns_lookup_realm = false\ndns_canonicalize_hostname = false\n");
        ::setenv("KRB5_CONFIG", (dir_ / "krb5.conf").c_str(), 1);
        ::setenv("KRB5CCNAME", ("FILE:" + (dir_ / "cache").string()).c_str(), 1);
        ::setenv("KRB5_CLIENT_KTNAME", ("FILE:" + (dir_ / "keys").string()).c_str(), 1);
    }
    no_kerberos(no_kerberos const&)            = delete;
    no_kerberos& operator=(no_kerberos const&) = delete;
    ~no_kerberos()
    {
        for (auto const* name : {"KRB5_CONFIG", "KRB5CCNAME", "KRB5_CLIENT_KTNAME"})
            ::unsetenv(name);
    }

private:
    support::temp_dir dir_;
};

/// The text of the refusal to begin; nothing of the credentials can be used afterwards either.
std::string refused(sasl::credentials who, std::string host)
{
    sasl::gssapi m(std::move(who), "smtp", std::move(host));
    std::string  text = "nothing was refused";
    try
    {
        static_cast<void>(m.initial_response());
    }
    catch (error const& e)
    {
        CHECK(e.code() == sasl::errc::unusable_credentials);
        CHECK(e.code() == condition::authentication);
        text = e.what();
    }
    CHECK_FALSE(m.satisfied());
    return text;
}

sasl::credentials acting_as(std::string identity)
{
    sasl::credentials c;
    c.authorization_identity = std::move(identity);
    return c;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

} // namespace

TEST_CASE("names that cannot be part of a principal are refused")
{
    no_kerberos const none;
    for (std::string const host : {"", "a@b.test", "a.test/b", "a\\b", "a\nb", "a\x7f"})
    {
        CAPTURE(host);
        auto const text = refused({}, host);
        CHECK(has(text, "host name"));
        CHECK_FALSE(has(text, "\n"));
    }
    CHECK(has(refused({}, std::string("a\0b.test", 8)), "host name"));
    CHECK(has(refused({"al\nice", {}}, "mail.test"), "identity"));
    CHECK(has(refused({std::string("a\0b", 3), {}}, "mail.test"), "identity"));
    CHECK(has(refused(acting_as(std::string("a\0b", 3)), "mail.test"), "identity"));
    CHECK(has(refused(acting_as(std::string(1025, 'x')), "mail.test"), "identity"));
}

TEST_CASE("without a ticket the error says what to do")
{
    no_kerberos const none;
    auto              text = refused({}, "mail.test");
    CHECK(has(text, "the ticket for smtp@mail.test"));
    CHECK(has(text, "kinit"));
    text = refused({"alice", "hunter2"}, "mail.test");
    CHECK(has(text, "the ticket of alice"));
    CHECK(has(text, "kinit"));
    CHECK_FALSE(has(text, "hunter2"));
    CHECK(has(refused({"DOMAIN\\alice", {}}, "mail.test"), "of DOMAIN\\alice"));
}

TEST_CASE("a challenge that makes no sense ends it")
{
    no_kerberos const none;
    sasl::gssapi      m({}, "smtp", "mail.test");
    CHECK(m.name() == "GSSAPI");
    CHECK_FALSE(m.plaintext());
    CHECK(m.expensive());
    CHECK_FALSE(m.satisfied());
    for (std::string const challenge :
         {"hello", ""}) // what it would answer to the empty one it can say no more
    {
        std::error_code code;
        try
        {
            static_cast<void>(m.respond(challenge));
        }
        catch (error const& e)
        {
            code = e.code();
        }
        CHECK(code == sasl::errc::bad_challenge);
        CHECK_FALSE(m.satisfied());
    }
    CHECK_THROWS_AS(m.initial_response(), error);

    sasl::gssapi asked({}, "smtp", "mail.test"); // an empty one asks it to begin, for which it has no ticket
    std::error_code code;
    try
    {
        static_cast<void>(asked.respond(""));
    }
    catch (error const& e)
    {
        code = e.code();
    }
    CHECK(code == sasl::errc::unusable_credentials);
    CHECK_THROWS_AS(asked.respond(""), error);
}

TEST_CASE("it is tried before what shows a password or can be guessed from what is seen")
{
    sasl::selection s;
    s.secure  = true;
    s.service = "smtp";
    s.host    = "mail.test";
    auto const chosen =
        sasl::choose({"PLAIN", "CRAM-MD5", "GSSAPI", "SCRAM-SHA-256"}, {"user", "hunter2"}, s);
    std::vector<std::string> names;
    for (auto const& m : chosen)
        names.emplace_back(m->name());
    CHECK(names == std::vector<std::string>{"SCRAM-SHA-256", "GSSAPI", "CRAM-MD5", "PLAIN"});
    s.allowed = {"gssapi"};
    CHECK(sasl::choose({"PLAIN", "GSSAPI"}, {}, s).size() == 1); // needs no credentials
}

TEST_SUITE_END();

#endif
