//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Accounts in a database of Cyrus SASL, for a Postfix that asks that library instead of a Dovecot.

#ifndef POSTHORN_TESTS_SUPPORT_CYRUS_SASL_HPP
#define POSTHORN_TESTS_SUPPORT_CYRUS_SASL_HPP

#include <support/postfix.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace support {

/** The database of passwords and the settings that name the mechanisms offered. Needs root.

    The library reads both when a Postfix process starts, so it has to outlive every Postfix that uses it. */
class cyrus_sasl
{
public:
    /// @param mechanisms As in mech_list, e.g. "NTLM SCRAM-SHA-512".
    cyrus_sasl(std::vector<std::pair<std::string, std::string>> const& users, std::string_view mechanisms) : dir_("cyrus-sasl")
    {
        require_root("saslpasswd2");
        require_plugins();
        auto const program = find_program("saslpasswd2", "sasl2-bin").string();
        for (auto const& [name, password] : users)
        {
            write_file(dir_ / "password", password);
            process_options command;
            command.argv  = {program, "-p", "-c", "-f", database(), "-u", realm(), name};
            command.input = dir_ / "password";
            run_checked(command);
        }
        auto const owner = find_user("postfix", "postfix");
        for (auto const& path : {dir_.path(), database()})
            if (::chown(path.c_str(), owner.uid, owner.gid) != 0)
                throw std::runtime_error("cannot give " + path.string() + " to the user postfix");
        settings_ = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: " + database().string() +
                    "\nmech_list: " + std::string(mechanisms) + '\n';
    }

    /// Makes a Postfix use it.
    void configure(postfix_options& server) const
    {
        server.main_cf["smtpd_sasl_auth_enable"]      = "yes";
        server.main_cf["smtpd_sasl_type"]             = "cyrus";
        server.main_cf["smtpd_sasl_path"]             = "smtpd";
        // Debian's Postfix looks here, whatever the parameter says; others want to be told.
        server.files["sasl/smtpd.conf"]               = settings_;
        server.main_cf["cyrus_sasl_config_path"]      = "$config_directory/sasl";
        server.main_cf["smtpd_sasl_local_domain"]     = realm();
        server.main_cf["smtpd_sasl_security_options"] = "";
    }

private:
    static constexpr char const* realm() noexcept { return "example.test"; }

    std::filesystem::path database() const { return dir_ / "sasldb2"; }

    static void require_plugins()
    {
        for (auto const& folder : {"/usr/lib/sasl2", "/usr/lib/x86_64-linux-gnu/sasl2", "/usr/lib/aarch64-linux-gnu/sasl2"})
            if (std::filesystem::exists(std::filesystem::path(folder) / "libscram.so") &&
                std::filesystem::exists(std::filesystem::path(folder) / "libsasldb.so"))
                return;
        throw std::runtime_error("this test needs the mechanisms of Cyrus SASL: install libsasl2-modules and libsasl2-modules-db");
    }

    temp_dir    dir_;
    std::string settings_;
};

} // namespace support

#endif
