//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/sasl/select.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sasl = posthorn::sasl;

TEST_SUITE_BEGIN("sasl/select");

namespace {

using names = std::vector<std::string>;

sasl::selection inside_tls(names allowed = {})
{
    sasl::selection s;
    s.allowed = std::move(allowed);
    s.secure  = true;
    return s;
}

names chosen(names const& offered, sasl::selection const& s)
{
    names found;
    for (auto const& m : sasl::choose(offered, sasl::credentials("user", "hunter2"), s))
        found.emplace_back(m->name());
    return found;
}

/// The error's text; it never holds the password.
std::string refused(names const& offered, sasl::selection const& s)
{
    try
    {
        static_cast<void>(chosen(offered, s));
    }
    catch (posthorn::error const& e)
    {
        CHECK(e.code() == sasl::errc::no_mechanism);
        CHECK(e.code() == posthorn::condition::authentication);
        std::string const text = e.what();
        CHECK(text.find("hunter2") == text.npos);
        return text;
    }
    return "nothing was refused";
}

bool has(std::string const& text, std::string_view part) { return text.find(part) != text.npos; }

} // namespace

TEST_CASE("the best comes first, in whatever order and case the server offers")
{
    CHECK(chosen({"LOGIN", "PLAIN"}, inside_tls()) == names {"PLAIN", "LOGIN"});
    CHECK(chosen({"login", "KERBEROS_V4", "pLaIn"}, inside_tls()) == names {"PLAIN", "LOGIN"});
    CHECK(chosen({"CRAM-X", "LOGIN"}, inside_tls()) == names {"LOGIN"});
    CHECK(chosen({"PLAIN", "PLAIN"}, inside_tls()) == names {"PLAIN"});
}

TEST_CASE("what is allowed sets the order")
{
    CHECK(chosen({"PLAIN", "LOGIN"}, inside_tls({"login", "Plain"})) == names {"LOGIN", "PLAIN"});
    CHECK(chosen({"PLAIN", "LOGIN"}, inside_tls({"LOGIN"})) == names {"LOGIN"});
}

TEST_CASE("a mechanism that is allowed twice is tried once: each failed login may count")
{
    CHECK(chosen({"PLAIN", "LOGIN"}, inside_tls({"PLAIN", "LOGIN", "plain"})) == names {"PLAIN", "LOGIN"});
}

TEST_CASE("without TLS no password is shown unless that is allowed")
{
    sasl::selection s;
    auto const      text = refused({"PLAIN", "LOGIN"}, s);
    CHECK(has(text, "the server offers: PLAIN LOGIN"));
    CHECK(has(text, "allowed: all that are known here"));
    CHECK(has(text, "use TLS"));
    CHECK(has(text, "(PLAIN LOGIN)"));
    s.allow_plaintext = true;
    CHECK(chosen({"PLAIN", "LOGIN"}, s) == names {"PLAIN", "LOGIN"});
    s.allow_plaintext = false;
    s.secure          = true;
    CHECK(chosen({"PLAIN", "LOGIN"}, s) == names {"PLAIN", "LOGIN"});
}

TEST_CASE("if nothing fits, the error tells what was offered and what is allowed")
{
    auto text = refused({"GSSAPI", "NTLM"}, inside_tls({"LOGIN"}));
    CHECK(has(text, "the server offers: GSSAPI NTLM; allowed: LOGIN"));
    CHECK_FALSE(has(text, "use TLS"));
    text = refused({}, inside_tls());
    CHECK(has(text, "the server offers: none; allowed: all that are known here"));
    CHECK(has(text, "STARTTLS"));
    text = refused({"X\x1b[2J"}, inside_tls());
    CHECK(has(text, "X\\x1b[2J"));
    CHECK_FALSE(has(text, "\x1b"));
}

TEST_CASE("an allowed mechanism that does not exist is an error, not silently ignored")
{
    CHECK(has(refused({"PLAIN"}, inside_tls({"PLAIN", "PLAIM"})), "PLAIM"));
    CHECK_FALSE(has(refused({"PLAIN"}, inside_tls({"P\nM"})), "\n"));
}

TEST_CASE("mechanisms are made by name in any case, each with credentials of its own")
{
    sasl::credentials c("user", "hunter2");
    c.token = posthorn::secret_string("token");
    sasl::selection s;
    s.tls_exporter = "x";
    for (auto const name : sasl::known_mechanisms())
    {
        CAPTURE(std::string(name));
        auto const m = sasl::make_mechanism(name, c, s, true);
        REQUIRE(m != nullptr);
        CHECK(m->name() == name);
    }
    for (auto const name : {"EXTERNAL", "ANONYMOUS"})
        CHECK(sasl::make_mechanism(name, c, s, false)->name() == name);
    REQUIRE(sasl::make_mechanism("plain", c, s, false) != nullptr);
    CHECK(sasl::make_mechanism("plain", c, s, false)->name() == "PLAIN");
    CHECK(sasl::make_mechanism("", c, s, false) == nullptr);
    CHECK(sasl::make_mechanism("PLAIN2", c, s, false) == nullptr);
}

namespace {

names order(std::vector<std::string> const& offered, sasl::credentials const& c, sasl::selection const& s)
{
    names all;
    for (auto const& m : sasl::choose(offered, c, s))
        all.emplace_back(m->name());
    return all;
}

} // namespace

TEST_CASE("the best mechanism comes first, and what the credentials cannot do does not come")
{
    std::vector<std::string> const everything = {"LOGIN", "PLAIN", "CRAM-MD5", "NTLM", "DIGEST-MD5", "SCRAM-SHA-1",
                                                 "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER",
                                                 "EXTERNAL", "ANONYMOUS", "X-UNKNOWN"};
    sasl::selection s = inside_tls();
    sasl::credentials const password("user", "hunter2");
    CHECK(order(everything, password, s) == names{"SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN", "NTLM"});
    s.tls_exporter = "binding";
    CHECK(order(everything, password, s)[0] == "SCRAM-SHA-256-PLUS");
    sasl::credentials token;
    token.user  = "user";
    token.token = posthorn::secret_string("t");
    CHECK(order(everything, token, s) == names{"OAUTHBEARER", "XOAUTH2"});
    s.allowed = {"EXTERNAL"};
    CHECK(order(everything, sasl::credentials(), s) == names{"EXTERNAL"});
}

TEST_CASE("S9 without TLS neither a password nor a token is shown, whatever is taken off the offer")
{
    sasl::selection         in_the_clear;
    sasl::credentials const password("user", "hunter2");
    CHECK(order({"PLAIN", "LOGIN", "SCRAM-SHA-1"}, password, in_the_clear) == names{"SCRAM-SHA-1"});
    CHECK(has(refused({"PLAIN", "LOGIN"}, in_the_clear), "use TLS"));
    sasl::credentials token;
    token.token = posthorn::secret_string("t");
    CHECK_THROWS_AS(sasl::choose({"XOAUTH2", "OAUTHBEARER"}, token, in_the_clear), posthorn::error);
}

TEST_CASE("a removed offer of channel binding is told to the server")
{
    sasl::selection s = inside_tls({"SCRAM-SHA-1"});
    s.tls_server_end_point = "binding";
    sasl::credentials const c("user", "hunter2");
    auto const first = [&](std::vector<std::string> const& offered) {
        auto const all = sasl::choose(offered, c, s);
        return std::string(all[0]->initial_response()->view().substr(0, 3));
    };
    CHECK(first({"SCRAM-SHA-1"}) == "y,,");
    CHECK(first({"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"}) == "n,,");
    s.tls_server_end_point.clear();
    CHECK(first({"SCRAM-SHA-1"}) == "n,,");
}

namespace {

class own final : public sasl::mechanism
{
public:
    std::string_view name() const noexcept override { return "X-OWN"; }
    bool             plaintext() const noexcept override { return false; }
    std::optional<posthorn::secret_string> initial_response() override { return std::nullopt; }
    posthorn::secret_string                respond(std::string_view) override { return {}; }
};

} // namespace

TEST_CASE("a mechanism of the caller's own comes before all others, or where it is asked for")
{
    sasl::selection s = inside_tls();
    s.custom["X-OWN"] = [](sasl::credentials const&) { return std::make_unique<own>(); };
    sasl::credentials const c("user", "hunter2");
    CHECK(order({"PLAIN", "x-own"}, c, s) == names{"X-OWN", "PLAIN"});
    s.allowed = {"PLAIN", "X-OWN"};
    CHECK(order({"PLAIN", "x-own"}, c, s) == names{"PLAIN", "X-OWN"});
    s.custom["X-OWN"] = [](sasl::credentials const&) -> std::unique_ptr<sasl::mechanism> { return nullptr; };
    CHECK(order({"PLAIN", "x-own"}, c, s) == names{"PLAIN"});
}

TEST_CASE("the errors of the folder have sentences of their own and mean failed authentication")
{
    names seen;
    for (auto const e : {sasl::errc::unusable_credentials, sasl::errc::bad_challenge, sasl::errc::refused,
                         sasl::errc::server_not_verified,
                         sasl::errc::no_mechanism})
    {
        std::error_code const ec = e;
        CHECK(std::string(ec.category().name()) == "posthorn.sasl");
        CHECK(ec == posthorn::condition::authentication);
        CHECK(ec != posthorn::condition::temporary);
        for (auto const& s : seen)
            CHECK(s != ec.message());
        seen.push_back(ec.message());
    }
    CHECK(std::error_code(77, sasl::category()).message() == "unknown authentication error");
}

TEST_CASE("credentials are empty only without user and password")
{
    CHECK(sasl::credentials().empty());
    CHECK_FALSE(sasl::credentials("user", "").empty());
    CHECK_FALSE(sasl::credentials("", "x").empty());
}

TEST_SUITE_END();
