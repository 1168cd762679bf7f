//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A PostgreSQL of the test's own: of Debian's servers the one that knows SCRAM with channel binding (-PLUS).

#ifndef POSTHORN_TESTS_SUPPORT_POSTGRESQL_HPP
#define POSTHORN_TESTS_SUPPORT_POSTGRESQL_HPP

#include <support/certs.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace support {

/** Listens on a port of 127.0.0.1, for connections with TLS and logins by SCRAM-SHA-256 only. Needs root, since it does not
    run as root itself.

    The constructor returns when it answers; the destructor when its processes are gone. */
class postgresql
{
public:
    postgresql(std::string const& user, std::string_view password, certificate const& tls)
        : dir_("postgresql"), programs_(find_programs()), port_(free_port())
    {
        require_root("PostgreSQL");
        give(dir_.path(), 0700);
        write_file(dir_ / "password", std::string(password) + '\n');
        give(dir_ / "password", 0600);
        auto command = as_its_user("initdb", {"-D", data(), "-U", user, "-A", "scram-sha-256", "--pwfile", dir_ / "password",
                                              "--encoding=UTF8", "--locale=C", "--no-sync"});
        run_checked(command);

        copy(tls.file, "server.crt");
        copy(tls.key, "server.key");
        write_file(data() / "pg_hba.conf", "hostssl all all 127.0.0.1/32 scram-sha-256\n");
        command = as_its_user("postgres", {"-D", data(), "-p", std::to_string(port_), "-c", "listen_addresses=127.0.0.1", "-c",
                                           "unix_socket_directories=", "-c", "ssl=on", "-c", "fsync=off"});
        command.output = dir_ / "console.log";
        process_.emplace(command);
        bool ready = false;
        poll_until(default_patience, [&] { return (ready = log().find("ready to accept connections") != std::string::npos) ||
                                                  !process_->running(); });
        if (!ready)
            throw std::runtime_error("PostgreSQL does not start:\n" + log());
    }
    postgresql(postgresql const&)            = delete;
    postgresql& operator=(postgresql const&) = delete;

    std::uint16_t port() const noexcept { return port_; }
    std::string   log() const { return read_file(dir_ / "console.log"); }

private:
    std::filesystem::path data() const { return dir_ / "data"; }

    static std::filesystem::path find_programs()
    {
        std::vector<std::filesystem::path> found;
        std::error_code                    none;
        for (auto const& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none))
            if (std::filesystem::exists(version.path() / "bin/postgres"))
                found.push_back(version.path() / "bin");
        if (found.empty())
            throw std::runtime_error("this test needs PostgreSQL: install the package postgresql-15");
        return *std::max_element(found.begin(), found.end());
    }

    void give(std::filesystem::path const& path, mode_t mode) const
    {
        auto const owner = find_user("postgres", "postgresql-common");
        if (::chown(path.c_str(), owner.uid, owner.gid) != 0 || ::chmod(path.c_str(), mode) != 0)
            throw std::runtime_error("cannot give " + path.string() + " to the user postgres");
    }

    void copy(std::filesystem::path const& from, char const* name) const
    {
        write_file(data() / name, read_file(from));
        give(data() / name, 0600);
    }

    process_options as_its_user(char const* program, std::vector<std::string> const& arguments) const
    {
        process_options o;
        o.argv = {find_program("setpriv", "util-linux").string(), "--reuid=postgres", "--regid=postgres", "--clear-groups",
                  programs_ / program};
        o.argv.insert(o.argv.end(), arguments.begin(), arguments.end());
        return o;
    }

    temp_dir               dir_;
    std::filesystem::path  programs_;
    std::uint16_t          port_;
    std::optional<process> process_;
};

} // namespace support

#endif
