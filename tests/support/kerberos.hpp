//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A Kerberos realm of the test's own: MIT's KDC with its database, keytabs, and tickets.

#ifndef POSTHORN_TESTS_SUPPORT_KERBEROS_HPP
#define POSTHORN_TESTS_SUPPORT_KERBEROS_HPP

#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

/** A KDC for the realm EXAMPLE.TEST that runs from a temporary folder, on a port of 127.0.0.1.

    The principals are those of `users`, whose password is password(), and smtp/localhost, whose keys are in keytab().
    The host mail.example.test is said to be in the realm ELSEWHERE.TEST, of which nothing is known.

    It points the Kerberos library of this process to itself by the environment, for as long as it lives, and to a
    ticket cache that does not exist: see use_cache(). So no other thread may run while it is made or ended.
*/
class kerberos
{
public:
    explicit kerberos(std::vector<std::string> const& users = {"alice"})
        : dir_("kerberos"), port_(free_port()), kdc_(find_program("krb5kdc", "krb5-kdc").string()),
          kadmin_(find_program("kadmin.local", "krb5-admin-server").string()),
          kinit_(find_program("kinit", "krb5-user").string())
    {
        std::string const tool = find_program("kdb5_util", "krb5-kdc").string();
        write_configuration(port_);
        run_checked(command({tool, "-r", realm(), "create", "-s", "-P", "master"}));
        for (auto const& user : users)
            admin({"addprinc", "-pw", password(), user});
        admin({"addprinc", "-randkey", "smtp/localhost"});
        admin({"ktadd", "-k", keytab(), "smtp/localhost"});
        std::filesystem::permissions(keytab(), std::filesystem::perms(0644)); // servers drop their privileges
        start();
    }
    kerberos(kerberos const&)            = delete;
    kerberos& operator=(kerberos const&) = delete;

    static std::string realm() { return "EXAMPLE.TEST"; }
    static std::string password() { return "ticket, please"; }

    std::filesystem::path configuration() const { return dir_ / "krb5.conf"; }
    std::filesystem::path keytab() const { return dir_ / "smtp.keytab"; }

    /// The name of a ticket cache, there or not.
    std::string cache(std::string_view name) const { return "FILE:" + (dir_ / name).string() + ".cache"; }

    /// Gets a ticket for a user, in a cache with that name. @param lifetime As kinit(1) takes it.
    void log_in(std::string const& user, std::string const& lifetime = "1h") const
    {
        write_file(dir_ / "password", password() + '\n');
        auto how  = command({kinit_, "-c", cache(user), "-l", lifetime, user});
        how.input = dir_ / "password";
        run_checked(how);
    }

    /// Throws the tickets of a user away.
    void log_out(std::string const& user) const { std::filesystem::remove(dir_ / (user + ".cache")); }

    /// From now on this process uses the cache with this name, there or not.
    void use_cache(std::string_view name) { cache_.set(cache(name)); }

    /// Runs a command of kadmin(1) on the database.
    void admin(std::vector<std::string> words) const
    {
        words.insert(words.begin(), {kadmin_, "-r", realm()});
        run_checked(command(std::move(words)));
    }

    /// Lines for Dovecot's configuration, so that it accepts tickets for smtp/localhost.
    std::string for_dovecot() const
    {
        return "auth_krb5_keytab = " + keytab().string() +
               "\nauth_gssapi_hostname = localhost\n"
               "import_environment = $import_environment KRB5RCACHENAME=none: KRB5_CONFIG=" +
               configuration().string() + '\n';
    }

    void start()
    {
        write_configuration(port_);
        auto how   = command({kdc_, "-n", "-r", realm()});
        how.output = dir_ / "console.log";
        process_.emplace(how);
        bool ready = false;
        poll_until(default_patience,
                   [&] { return (ready = bool(connect_tcp(port_))) || !process_->running(); });
        if (!ready)
            throw std::runtime_error("krb5kdc does not start:\n" + file_tail(dir_ / "console.log") + log());
    }

    void stop()
    {
        process_.reset();
        // Nothing is there, while free_port() holds the other one, so that UDP would be tried for long.
        write_configuration(1);
    }

    std::string log() const { return file_tail(dir_ / "kdc.log"); }

private:
    /// A variable of this process's environment, restored by the destructor.
    class variable
    {
    public:
        variable(char const* name, std::string const& value) : name_(name)
        {
            if (char const* const before = std::getenv(name))
                before_ = before;
            set(value);
        }
        variable(variable const&)            = delete;
        variable& operator=(variable const&) = delete;
        ~variable()
        {
            if (before_)
                ::setenv(name_.c_str(), before_->c_str(), 1);
            else
                ::unsetenv(name_.c_str());
        }

        void set(std::string const& value) { ::setenv(name_.c_str(), value.c_str(), 1); }

    private:
        std::string                name_;
        std::optional<std::string> before_;
    };

    process_options command(std::vector<std::string> argv) const
    {
        process_options how;
        how.argv        = std::move(argv);
        how.environment = {"KRB5_CONFIG=" + configuration().string(),
                           "KRB5_KDC_PROFILE=" + (dir_ / "kdc.conf").string(), "KRB5RCACHENAME=none:"};
        how.directory   = dir_.path();
        return how;
    }

    void write_configuration(std::uint16_t port) const
    {
        std::string const address = "127.0.0.1:" + std::to_string(port);
        write_file(configuration(), "[libdefaults]\n"
                                    "default_realm = " +
                                        realm() +
                                        "\n"
                                        "dns_lookup_realm = false\n"
                                        "dns_lookup_kdc = false\n"
                                        "dns_canonicalize_hostname = false\n"
                                        "rdns = false\n"
                                        "udp_preference_limit = 1\n" // free_port() holds the one of UDP
                                        "[realms]\n" +
                                        realm() + " = {\n  kdc = " + address +
                                        "\n}\n"
                                        "[domain_realm]\n"
                                        "mail.example.test = ELSEWHERE.TEST\n");
        write_file(dir_ / "kdc.conf", "[realms]\n" + realm() +
                                          " = {\n  database_name = " + (dir_ / "principals").string() +
                                          "\n  key_stash_file = " + (dir_ / "stash").string() +
                                          "\n  acl_file = " + (dir_ / "kadm5.acl").string() +
                                          "\n  kdc_listen = \"\"\n  kdc_tcp_listen = " + address +
                                          "\n}\n[logging]\nkdc = FILE:" + (dir_ / "kdc.log").string() + '\n');
    }

    temp_dir               dir_;
    std::uint16_t          port_;
    std::string            kdc_;
    std::string            kadmin_;
    std::string            kinit_;
    std::optional<process> process_;
    variable               configuration_{"KRB5_CONFIG", configuration().string()};
    variable               cache_{"KRB5CCNAME", cache("none")};
    variable               keytab_{"KRB5_KTNAME", "FILE:" + keytab().string()};
    variable               client_keytab_{"KRB5_CLIENT_KTNAME", cache("none")};
    variable               replays_{"KRB5RCACHENAME", "none:"};
};

} // namespace support

#endif
