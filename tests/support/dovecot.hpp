//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A Dovecot of the test's own: SASL for Postfix, and on request LMTP and the submission service.

#ifndef POSTHORN_TESTS_SUPPORT_DOVECOT_HPP
#define POSTHORN_TESTS_SUPPORT_DOVECOT_HPP

#include <support/certs.hpp>
#include <support/maildir.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

/// Someone who can log in, and receive mail over LMTP.
struct dovecot_user
{
    std::string name;
    std::string password; ///< Without a colon, which separates the fields of the password file.
    /// If set, LMTP answers 552 after the data of a message that takes the mailbox over so many bytes.
    std::optional<std::uint64_t> quota;
};

struct dovecot_options
{
    /// Who there is. Names also work with `@example.test` appended.
    std::vector<dovecot_user> users = {
        {"alice", "secret", {}}, {"bob", "builder", {}}, {"carol", "singer", {}}};
    std::string mechanisms = "plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256";
    bool        lmtp       = false; ///< Listen for LMTP on a port and on a Unix-domain socket.
    /// Listen for submission and pass the mail on to this port of 127.0.0.1 (where a Postfix may start
    /// later).
    std::optional<std::uint16_t> submission_relay_port;
    /// With a certificate the services offer STARTTLS.
    std::optional<certificate> tls;
    /// Lines added at the end of the configuration.
    std::string extra;
};

/** A Dovecot that runs from a temporary folder, on ports of 127.0.0.1.

    The constructor returns when it answers; the destructor when its processes are gone. Needs root.
*/
class dovecot
{
public:
    explicit dovecot(dovecot_options options = {}) : options_(std::move(options)), dir_("dovecot")
    {
        require_root("Dovecot");
        program_ = find_program("dovecot", "dovecot-core").string();
        if (options_.lmtp)
        {
            require_part("lmtp", "dovecot-lmtpd");
            lmtp_port_ = free_port();
        }
        if (options_.submission_relay_port)
        {
            require_part("submission", "dovecot-submissiond");
            submission_port_ = free_port();
        }
        write_configuration();
        start();
    }
    dovecot(dovecot const&)            = delete;
    dovecot& operator=(dovecot const&) = delete;
    ~dovecot() { stop(); }

    /// Where Postfix asks for authentication: postfix_options::sasl_socket.
    std::filesystem::path auth_socket() const { return dir_ / "run/auth-postfix"; }

    std::uint16_t         lmtp_port() const noexcept { return lmtp_port_; }
    std::filesystem::path lmtp_socket() const { return dir_ / "run/lmtp"; }
    std::uint16_t         submission_port() const noexcept { return submission_port_; }

    /// The messages LMTP delivered to a user, oldest first.
    std::vector<std::string> mailbox(std::string_view user) const
    {
        std::vector<std::string> messages;
        for (auto const& file : maildir_files(dir_ / "mail" / user / "Maildir"))
            messages.push_back(read_file(file));
        return messages;
    }

    std::string log() const { return read_file(log_file()); }
    pid_t       pid() const noexcept { return process_ ? process_->pid() : 0; }

    /// Starts it after stop(), with the same configuration and ports.
    void start()
    {
        process_options command;
        command.argv   = {program_, "-F", "-c", dir_ / "dovecot.conf"};
        command.output = dir_ / "console.log";
        process_.emplace(command);
        bool ready = false;
        poll_until(default_patience, [&] { return (ready = answers()) || !process_->running(); });
        if (!ready)
        {
            auto const text =
                "Dovecot does not start:\n" + file_tail(dir_ / "console.log") + file_tail(log_file());
            stop();
            throw std::runtime_error(text);
        }
    }

    /// Ends it; false if it had to be killed.
    bool stop()
    {
        bool const clean = !process_ || process_->stop();
        process_.reset();
        return clean;
    }

private:
    std::filesystem::path log_file() const { return dir_ / "dovecot.log"; }

    static void require_part(char const* name, char const* package)
    {
        std::filesystem::path const folders[] = {"/usr/lib/dovecot", "/usr/libexec/dovecot",
                                                 "/usr/local/libexec/dovecot"};
        for (auto const& folder : folders)
            if (std::filesystem::exists(folder / name))
                return;
        throw std::runtime_error(std::string("this test needs Dovecot's ") + name +
                                 " service: install the package " + package);
    }

    bool answers() const
    {
        milliseconds const patience = std::chrono::seconds(5);
        return detail::greets(connect_unix(auth_socket()), "VERSION\t", patience) &&
               (lmtp_port_ == 0 || (detail::greets(connect_tcp(lmtp_port_), "220 ", patience) &&
                                    detail::greets(connect_unix(lmtp_socket()), "220 ", patience))) &&
               (submission_port_ == 0 || detail::greets(connect_tcp(submission_port_), "220 ", patience));
    }

    void write_configuration() const
    {
        auto const mail = find_user("mail", "base-passwd");
        find_user("postfix", "postfix");
        auto const home = dir_ / "mail";
        std::filesystem::create_directory(home);
        if (::chown(home.c_str(), mail.uid, mail.gid) != 0)
            throw std::runtime_error("cannot give " + home.string() + " to the user mail");

        std::string users;
        for (auto const& user : options_.users)
        {
            users += user.name + ":{PLAIN}" + user.password + ':' + std::to_string(mail.uid) + ':' +
                     std::to_string(mail.gid) + "::" + (home / user.name).string() + "::";
            if (user.quota)
                users += "userdb_quota_rule=*:bytes=" + std::to_string(*user.quota);
            users += '\n';
        }
        write_file(dir_ / "users", users);

        auto const        run = dir_ / "run";
        std::string const passwd_file =
            " {\n  driver = passwd-file\n  args = username_format=%n " + (dir_ / "users").string() + "\n}\n";
        auto const inet = [](char const* name, std::uint16_t port) {
            return std::string("  inet_listener ") + name +
                   " {\n    address = 127.0.0.1\n    port = " + std::to_string(port) + "\n  }\n";
        };

        std::string conf = "base_dir = " + run.string() + "\nstate_dir = " + (dir_ / "state").string() +
                           "\nlog_path = " + log_file().string() +
                           "\nauth_verbose = yes\n"
                           "hostname = mail.example.test\n"
                           "listen = 127.0.0.1\n"
                           "protocols =" +
                           (options_.lmtp ? " lmtp" : "") +
                           (options_.submission_relay_port ? " submission" : "") +
                           "\ndisable_plaintext_auth = no\n"
                           "auth_username_chars =\n"
                           "auth_failure_delay = 0\n"
                           "auth_mechanisms = " +
                           options_.mechanisms +
                           "\n"
                           "first_valid_uid = 1\nfirst_valid_gid = 1\n"
                           "mail_location = maildir:~/Maildir\n"
                           "passdb" +
                           passwd_file + "userdb" + passwd_file;
        if (options_.tls)
            conf += "ssl = yes\nssl_cert = <" + options_.tls->file.string() + "\nssl_key = <" +
                    options_.tls->key.string() + '\n';
        else
            conf += "ssl = no\n";
        // Without its penalty, a refused password makes the next attempt wait.
        conf +=
            "service anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n"
            "service auth {\n  unix_listener auth-postfix {\n    user = postfix\n    mode = 0660\n  }\n}\n";
        if (options_.lmtp)
            conf += "mail_plugins = quota\n"
                    "plugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_grace = 0\n}\n"
                    "service lmtp {\n" +
                    inet("lmtp", lmtp_port_) + "  unix_listener lmtp {\n    mode = 0666\n  }\n}\n";
        if (options_.submission_relay_port)
            conf += "submission_relay_host = 127.0.0.1\nsubmission_relay_port = " +
                    std::to_string(*options_.submission_relay_port) +
                    "\nsubmission_relay_trusted = no\n"
                    "service submission-login {\n" +
                    inet("submission", submission_port_) + "}\n";
        conf += options_.extra;
        write_file(dir_ / "dovecot.conf", conf);
    }

    dovecot_options        options_;
    temp_dir               dir_;
    std::string            program_;
    std::uint16_t          lmtp_port_       = 0;
    std::uint16_t          submission_port_ = 0;
    std::optional<process> process_;
};

} // namespace support

#endif
