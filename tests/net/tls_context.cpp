//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/core/error.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_error.hpp>
#include <posthorn/net/tls_settings.hpp>
#include <posthorn/testing/certificates.hpp>

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <support/temp_dir.hpp>
#include <support/tls_pair.hpp>

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

TEST_SUITE_BEGIN("net/tls_context");

namespace net = posthorn::net;
namespace pt  = posthorn::testing;
using net::tls_errc;
using net::tls_settings;
using support::tls_pair;

namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// The text of the error that these settings give; empty for none.
std::string failure(tls_settings const& s)
{
    try
    {
        net::tls_context const made(s);
    }
    catch (posthorn::error const& e)
    {
        CHECK(e.code() == tls_errc::configuration);
        CHECK(e.code() == posthorn::condition::permanent);
        CHECK(ERR_peek_error() == 0);
        return e.what();
    }
    return {};
}

std::string cut_in_half(std::string text)
{
    text.resize(text.size() / 2);
    return text;
}

} // namespace

TEST_CASE("settings that cannot be used are refused with the name of the setting and the reason")
{
    support::temp_dir const dir("tls");
    auto const&             ca     = support::test_authority();
    auto const              own    = ca.issue({"mail.example.test"});
    auto const              other  = ca.issue({"other.example.test"});
    auto const              locked = pt::encrypt_key(own.key_pem, "Xyzzy-4711");
    support::write_file(dir / "empty.pem", "");
    support::write_file(dir / "text.pem", "no certificate at all\n");
    support::write_file(dir / "broken.pem", cut_in_half(own.pem));

    struct row
    {
        char const*                        name;
        std::function<void(tls_settings&)> change;
        std::vector<std::string>           words;
    };
    auto const path    = [&](char const* name) { return (dir / name).string(); };
    row const  table[] = {
         {"missing CA file",
          [&](auto& s) { s.ca_file = dir / "none.pem"; },
          {"TLS settings: ", "ca_file " + path("none.pem") + " cannot be opened: No such file or directory"}},
         {"empty CA file",
          [&](auto& s) { s.ca_file = dir / "empty.pem"; },
          {path("empty.pem") + " contains no certificate", "-----BEGIN CERTIFICATE-----"}},
         {"CA file with other text",
          [&](auto& s) { s.ca_file = dir / "text.pem"; },
          {"contains no certificate"}},
         {"damaged CA file",
          [&](auto& s) { s.ca_file = dir / "broken.pem"; },
          {path("broken.pem") + ": a certificate is damaged"}},
         {"a folder as CA file", [&](auto& s) { s.ca_file = dir.path(); }, {dir.path().string()}},
         {"damaged CA text",
          [&](auto& s) { s.ca_pem = cut_in_half(ca.pem()); },
          {"ca_pem: a certificate is damaged"}},
         {"a good and a damaged certificate",
          [&](auto& s) { s.ca_pem = ca.pem() + cut_in_half(ca.pem()); },
          {"ca_pem: a certificate is damaged"}},
         {"missing CA directory",
          [&](auto& s) { s.ca_directory = dir / "none"; },
          {"ca_directory " + path("none") + " is not a directory: No such file"}},
         {"a file as CA directory",
          [&](auto& s) { s.ca_directory = dir / "text.pem"; },
          {"is not a directory"}},
         {"key of another certificate",
          [&](auto& s) { s.key_pem = other.key_pem; },
          {"the key in key_pem does not belong to the certificate in certificate_pem (CN=mail.example.test)"}},
         {"damaged key",
          [&](auto& s) { s.key_pem = cut_in_half(own.key_pem); },
          {"key_pem contains no usable private key"}},
         {"no key in the key",
          [&](auto& s) { s.key_pem = own.pem; },
          {"key_pem contains no usable private key"}},
         {"no key at all",
          [&](auto& s) { s.key_pem = ""; },
          {"certificate_pem contains no usable private key"}},
         {"missing key file",
          [&](auto& s) { s.key_file = dir / "none.key"; },
          {"key_file " + path("none.key") + " cannot be opened"}},
         {"missing certificate file",
          [&](auto& s) { s.certificate_file = dir / "none.pem"; },
          {"certificate_file "}},
         {"a key without certificate",
          [&](auto& s) { s.certificate_pem = ""; },
          {"there is a key but no certificate"}},
         {"encrypted key without password",
          [&](auto& s) { s.key_pem = locked; },
          {"the key is encrypted", "give key_password"}},
         {"encrypted key with a wrong password",
          [&](auto& s) {
             s.key_pem      = locked;
             s.key_password = "Plugh-0815";
         },
          {"the key cannot be decrypted", "check key_password"}},
         {"pin that is no base64",
          [&](auto& s) { s.pins = {"?"}; },
          {"the pin \"?\" is not the base64 of a SHA-256"}},
         {"pin of wrong length", [&](auto& s) { s.pins = {"AAAA"}; }, {"the pin \"AAAA\""}},
         {"versions the wrong way round",
          [&](auto& s) {
             s.minimum_version = net::tls_version::tls_1_3;
             s.maximum_version = net::tls_version::tls_1_2;
         },
          {"minimum_version is above maximum_version"}},
         {"unknown cipher",
          [&](auto& s) { s.ciphers = "ROT13"; },
          {"ciphers \"ROT13\": no cipher match", "openssl ciphers"}},
         {"unknown cipher suite",
          [&](auto& s) { s.ciphersuites = "TLS_ROT13"; },
          {"ciphersuites \"TLS_ROT13\""}},
         {"empty application protocol", [&](auto& s) { s.alpn = {""}; }, {"application protocol"}},
         {"long application protocol",
          [&](auto& s) { s.alpn = {std::string(256, 'a')}; },
          {"application protocol"}},
    };
    tls_settings good;
    good.certificate_pem = own.chain_pem;
    good.key_pem         = own.key_pem;
    REQUIRE(failure(good).empty());
    for (auto const& r : table)
    {
        CAPTURE(r.name);
        auto settings = good;
        r.change(settings);
        auto const text = failure(settings);
        REQUIRE_FALSE(text.empty());
        for (auto const& words : r.words)
            CHECK_MESSAGE(contains(text, words), text);
        CHECK_FALSE(contains(text, "4711"));
        CHECK_FALSE(contains(text, "0815"));
        for (std::size_t at = 30; at + 20 < own.key_pem.size(); at += 16)
            CHECK_FALSE(contains(text, own.key_pem.substr(at, 12)));
    }
}

TEST_CASE("authorities and certificates are loaded from files, folders and text alike")
{
    support::temp_dir const dir("tls");
    auto const&             ca  = support::test_authority();
    auto const              own = ca.issue({"mail.example.test"});
    own.write(dir / "own.pem", dir / "own.key");
    support::write_file(dir / "ca.pem",
                        pt::certificate_authority("another").pem() + "words in between\n" + ca.pem());
    support::write_file(dir / "both.pem", own.key_pem + own.chain_pem);

    // A folder as made by `openssl rehash`.
    std::filesystem::create_directory(dir / "folder");
    auto const certificates = net::detail::pem_input::text(ca.pem(), "ca").certificates();
    char       name[32];
    std::snprintf(name, sizeof name, "%08lx.0",
                  X509_NAME_hash_ex(X509_get_subject_name(certificates[0].get()), nullptr, nullptr, nullptr));
    support::write_file(dir / "folder" / name, ca.pem());

    std::vector<tls_settings> clients(4);
    clients[0].ca_file            = dir / "ca.pem";
    clients[1].ca_directory       = dir / "folder";
    clients[2].ca_pem             = ca.pem();
    clients[3].ca_pem             = ca.pem();
    clients[3].system_authorities = true;
    std::vector<tls_settings> servers(4);
    servers[0].certificate_file = dir / "own.pem";
    servers[0].key_file         = dir / "own.key";
    servers[1].certificate_file = dir / "both.pem";
    servers[2].certificate_pem  = own.chain_pem + own.key_pem;
    servers[3].certificate_pem  = own.chain_pem;
    servers[3].key_pem          = pt::encrypt_key(own.key_pem, "Xyzzy-4711");
    servers[3].key_password     = "Xyzzy-4711";
    for (auto const& c : clients)
        for (auto const& s : servers)
        {
            tls_pair p{net::tls_context(c), net::tls_context(s)};
            p.shake_hands();
            CHECK(p.ok());
        }
}

TEST_CASE("copies share one state, and so do all default contexts")
{
    net::tls_context const one(support::tls_client_settings());
    net::tls_context const copy = one;
    CHECK(copy.native_handle() == one.native_handle());
    CHECK(net::tls_context().native_handle() == net::tls_context().native_handle());
    CHECK(net::tls_context(support::tls_client_settings()).native_handle() != one.native_handle());
}

TEST_CASE("the system's authorities are loaded once for the whole process")
{
    CHECK(net::detail::system_authorities() != nullptr);
    CHECK(net::detail::system_authorities() == net::detail::system_authorities());
}

TEST_CASE("what is needed no longer is not kept: a context outlives its settings and files")
{
    support::temp_dir const dir("tls");
    auto own = std::make_unique<pt::certificate>(support::test_authority().issue({"mail.example.test"}));
    own->write(dir / "own.pem", dir / "own.key");
    auto settings              = std::make_unique<tls_settings>();
    settings->certificate_file = dir / "own.pem";
    settings->key_file         = dir / "own.key";
    settings->alpn             = {"http/1.1"};
    net::tls_context const server(*settings);
    settings.reset();
    own.reset();
    std::filesystem::remove(dir / "own.pem");
    std::filesystem::remove(dir / "own.key");
    auto asking = support::tls_client_settings();
    asking.alpn = {"http/1.1"};
    tls_pair p{net::tls_context(asking), server};
    p.shake_hands();
    REQUIRE(p.ok());
    CHECK(p.client.info().alpn == "http/1.1");
}

TEST_SUITE_END();
