//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A certification authority of the test's own and the certificates it signs, made by the openssl command.

#ifndef POSTHORN_TESTS_SUPPORT_CERTS_HPP
#define POSTHORN_TESTS_SUPPORT_CERTS_HPP

#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// A certificate and its key, both PEM.
struct certificate
{
    std::filesystem::path file;
    std::filesystem::path key;
};

/// What certificates::issue() writes into a certificate.
struct certificate_request
{
    std::string              common_name = "mail.example.test";
    std::vector<std::string> names       = {"DNS:localhost", "DNS:mail.example.test", "IP:127.0.0.1"};
    std::chrono::seconds     not_before  = -std::chrono::hours(1);       ///< Counted from now.
    std::chrono::seconds     not_after   = std::chrono::hours(24 * 365); ///< Counted from now.
};

/** A certification authority with keys on the curve P-256, which are made in no time.

    It has signed server() for `localhost`, `mail.example.test` and 127.0.0.1. For a peer that must not be
    trusted, make a second one of these; for an expired or misnamed certificate, call issue().
*/
class certificates
{
public:
    certificates() : openssl_(find_program("openssl", "openssl").string()), dir_("certs")
    {
        write_file(dir_ / "ca.cnf",
                   "[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=root\n"
                   "[dn]\nO=posthorn tests\nCN=posthorn test authority\n"
                   "[root]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n"
                   "subjectKeyIdentifier=hash\n"
                   "[ca]\ndefault_ca=mine\n"
                   "[mine]\ndatabase=index.txt\nunique_subject=no\nrand_serial=yes\nnew_certs_dir=.\n"
                   "certificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\npolicy=any\n"
                   "[any]\ncommonName=supplied\n");
        write_file(dir_ / "index.txt", "");
        openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config",
                 "ca.cnf", "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650"});
        server_ = issue("server");
    }

    /// The authority's certificate, the only one a client has to trust.
    std::filesystem::path ca() const { return dir_ / "ca.pem"; }

    certificate const& server() const noexcept { return server_; }

    /// Makes a key and a certificate for servers and clients, in files called `file` .pem and .key.
    certificate issue(std::string const& file, certificate_request const& request = {})
    {
        std::string names;
        for (auto const& name : request.names)
            names += (names.empty() ? "" : ",") + name;
        write_file(dir_ / (file + ".ext"),
                   "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
                   "extendedKeyUsage=serverAuth,clientAuth\nsubjectKeyIdentifier=hash\n"
                   "authorityKeyIdentifier=keyid\n" +
                       (names.empty() ? "" : "subjectAltName=" + names + "\n"));
        openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config",
                 "ca.cnf", "-subj", "/CN=" + request.common_name, "-keyout", file + ".key", "-out",
                 file + ".csr"});
        openssl({"ca", "-batch", "-notext", "-config", "ca.cnf", "-in", file + ".csr", "-out", file + ".pem",
                 "-extfile", file + ".ext", "-startdate", timestamp(request.not_before), "-enddate",
                 timestamp(request.not_after)});
        return {dir_ / (file + ".pem"), dir_ / (file + ".key")};
    }

private:
    void openssl(std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), openssl_);
        process_options options;
        options.argv        = std::move(arguments);
        options.environment = {"RANDFILE=" + (dir_ / "rand").string()};
        options.directory   = dir_.path();
        run_checked(options);
    }

    static std::string timestamp(std::chrono::seconds from_now)
    {
        auto const when = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + from_now);
        std::tm    utc{};
        std::array<char, 32> text{};
        ::gmtime_r(&when, &utc);
        return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%d%H%M%SZ", &utc)};
    }

    std::string openssl_;
    temp_dir    dir_;
    certificate server_;
};

} // namespace support

#endif
