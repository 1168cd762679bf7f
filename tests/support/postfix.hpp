//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A Postfix of the test's own: it receives on ports of 127.0.0.1 and delivers into maildirs.

#ifndef POSTHORN_TESTS_SUPPORT_POSTFIX_HPP
#define POSTHORN_TESTS_SUPPORT_POSTFIX_HPP

#include <grp.h>
#include <support/certs.hpp>
#include <support/maildir.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace support {

/// One port on which a Postfix receives mail.
struct postfix_listener
{
    bool          enabled = false;
    std::uint16_t port    = 0; ///< 0: a free one.
    /// Settings for this port only, such as {"smtpd_discard_ehlo_keywords", "chunking"}; no spaces in the
    /// values.
    std::map<std::string, std::string> overrides;
};

/// Settings of a postfix.
struct postfix_options
{
    postfix_listener smtp = {true, 0, {}}; ///< Plain SMTP; STARTTLS is offered if there is a certificate.
    postfix_listener submission = {false, 0, {}}; ///< STARTTLS is required.
    postfix_listener smtps      = {false, 0, {}}; ///< TLS from the first byte.

    /// Needed by `submission` and `smtps`.
    std::optional<certificate> tls;

    /// dovecot::auth_socket(); empty: no AUTH.
    std::filesystem::path sasl_socket;
    /// Hide and refuse AUTH on connections without TLS.
    bool auth_only_with_tls = false;

    /// The local parts of the mailboxes at example.test. With `+anything` appended they work too.
    std::vector<std::string> mailboxes = {"alice", "bob", "carol"};

    /// Lines of check_recipient_access, such as "bad@example.test 550 5.1.1 no such person".
    std::vector<std::string> recipient_access;
    /// Lines of header_checks, such as "/^Subject: spam/ REJECT 5.7.1 no spam".
    std::vector<std::string> header_checks;
    /// EHLO keywords that are not announced, such as "chunking" or "size".
    std::vector<std::string> discard_ehlo_keywords;

    std::uint64_t message_size_limit = std::uint64_t(100) << 20; ///< Bytes; 0: none.

    /// Put postscreen before `smtp`: "220-..." at once and the rest of the greeting after this time
    /// (seconds).
    std::optional<int> postscreen_greet_wait;

    /// Files for the folder of main.cf, which tables name as `texthash:$config_directory/NAME`.
    std::map<std::string, std::string> files;
    /// Parameters of main.cf: added, or replacing what this class sets.
    std::map<std::string, std::string> main_cf;
    /// Lines added to master.cf.
    std::string master_cf;
};

/** A Postfix that runs from a temporary folder: mail for `mailboxes` at example.test goes into maildirs, mail
    for any other domain, from those who may relay, into the mailbox `relayed`. Nothing leaves the machine,
    and nothing is added to or taken from a message but the trace on top.

    Relaying is for the authenticated; main_cf {"mynetworks", "127.0.0.0/8"} opens it to all.
    The constructor returns when every port answers; the destructor when all processes are gone. Needs root.

    @par Thread safety The functions that only read may be called while others do.
*/
class postfix
{
public:
    explicit postfix(postfix_options options = {}) : options_(std::move(options)), dir_("postfix")
    {
        require_root("Postfix");
        if ((options_.submission.enabled || options_.smtps.enabled) && !options_.tls)
            throw std::invalid_argument("postfix_options: submission and smtps need a certificate");
        for (auto* listener : {&options_.smtp, &options_.submission, &options_.smtps})
            if (listener->enabled && listener->port == 0)
                listener->port = free_port();

        process_options ask;
        ask.argv = {find_program("postconf", "postfix").string(),
                    "-d",
                    "-h",
                    "daemon_directory",
                    "mail_owner",
                    "setgid_group"};
        std::istringstream answer(run_checked(ask));
        answer >> daemons_ >> owner_ >> group_;

        create_folders();
        write_main_cf();
        write_master_cf();
        age_files();
        start();
    }
    postfix(postfix const&)            = delete;
    postfix& operator=(postfix const&) = delete;
    ~postfix() { end(); }

    std::uint16_t port() const noexcept { return options_.smtp.port; }
    std::uint16_t submission_port() const noexcept { return options_.submission.port; }
    std::uint16_t smtps_port() const noexcept { return options_.smtps.port; }

    /// The log so far. It is written by another process: to find something in it, use wait_for_log().
    std::string log() const
    {
        return std::filesystem::exists(log_file()) ? read_file(log_file()) : std::string();
    }

    /// Waits until the log holds the text; false if it does not by the deadline.
    bool wait_for_log(std::string_view text, milliseconds limit = default_patience) const
    {
        return poll_until(limit, [&] { return log().find(text) != std::string::npos; });
    }

    /// The files of a mailbox (`alice`, `relayed`), oldest first.
    std::vector<std::filesystem::path> mailbox_files(std::string_view user) const
    {
        return maildir_files(dir_ / "mail" / user);
    }

    /// The messages of a mailbox as stored, oldest first.
    std::vector<std::string> mailbox(std::string_view user) const
    {
        std::vector<std::string> messages;
        for (auto const& file : mailbox_files(user))
            messages.push_back(read_file(file));
        return messages;
    }

    /// Waits until a mailbox has at least `count` messages and returns them; throws with the log if it has
    /// not.
    std::vector<std::string> wait_for_mail(std::string_view user, std::size_t count = 1,
                                           milliseconds limit = default_patience) const
    {
        if (!poll_until(limit, [&] { return mailbox_files(user).size() >= count; }))
            throw std::runtime_error("Postfix delivered " + std::to_string(mailbox_files(user).size()) +
                                     " of " + std::to_string(count) + " messages to " + std::string(user) +
                                     "; its log:\n" + file_tail(log_file(), 40));
        return mailbox(user);
    }

    /// Deletes the messages of a mailbox.
    void clear_mailbox(std::string_view user)
    {
        for (auto const& file : mailbox_files(user))
            std::filesystem::remove(file);
    }

    /// The master process, which leads the group of all others; 0 when stopped.
    pid_t pid() const noexcept { return process_ ? process_->pid() : 0; }

    /** Ends it; false if it had to be killed.

        What is being delivered is finished first, if that takes no longer than a moment: a message whose file
        is in its mailbox but still in the queue would be delivered again after start().
    */
    bool stop()
    {
        if (process_)
            poll_until(std::chrono::seconds(2), [this] { return queue_is_idle(); });
        return end();
    }

    /// Starts it after stop(), with the same configuration, ports, queue and mailboxes.
    void start()
    {
        process_options command;
        command.argv   = {(daemons_ / "master").string(), "-c", (dir_ / "etc").string(), "-s"};
        command.output = dir_ / "console.log";
        // As the postfix command sets it, so that the master can log before it has read main.cf.
        command.environment = {"POSTLOG_SERVICE=" + (dir_ / "queue/public/postlog").string(),
                               "POSTLOG_HOSTNAME=mail"};
        auto const logged   = log().size();
        auto const failed   = [&] {
            return !process_->running() || log().find(" fatal: ", logged) != std::string::npos;
        };
        process_.emplace(command);
        bool ready = false;
        poll_until(default_patience, [&] { return (ready = answers()) || failed(); });
        if (!ready || failed())
        {
            auto const text =
                "Postfix does not start:\n" + file_tail(dir_ / "console.log") + file_tail(log_file());
            end();
            throw std::runtime_error(text);
        }
    }

    void restart()
    {
        stop();
        start();
    }

private:
    std::filesystem::path log_file() const { return dir_ / "log/postfix.log"; }

    bool end()
    {
        bool const clean = !process_ || process_->stop();
        process_.reset();
        return clean;
    }

    bool queue_is_idle() const
    {
        for (auto const* name : {"queue/incoming", "queue/active"})
            if (!std::filesystem::is_empty(dir_ / name))
                return false;
        return true;
    }

    bool answers() const
    {
        milliseconds const patience = std::chrono::seconds(1);
        for (auto const* listener : {&options_.smtp, &options_.submission})
            if (listener->enabled && !detail::greets(connect_tcp(listener->port), "220", patience))
                return false;
        return !options_.smtps.enabled || connect_tcp(options_.smtps.port);
    }

    /// The folders that the package's scripts create for the system's own instance, with the same owners.
    void create_folders() const
    {
        auto const  owner = find_user(owner_, "postfix");
        auto const  mail  = find_user("mail", "base-passwd");
        auto const* group = ::getgrnam(group_.c_str());
        if (group == nullptr)
            throw std::runtime_error("this test needs the group " + group_ + ": install the package postfix");
        auto const make = [this](std::string_view name, uid_t user, gid_t group_id, mode_t mode) {
            auto const path = dir_ / name;
            if (::mkdir(path.c_str(), 0700) != 0 || ::chown(path.c_str(), user, group_id) != 0 ||
                ::chmod(path.c_str(), mode) != 0)
                throw std::system_error(errno, std::generic_category(), "cannot create " + path.string());
        };
        for (auto const* name : {"etc", "log", "queue", "queue/pid"})
            make(name, 0, 0, 0755);
        make("data", owner.uid, owner.gid, 0700);
        make("mail", mail.uid, mail.gid, 0755);
        for (auto const* name : {"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
                                 "incoming", "private", "saved", "trace"})
            make(std::string("queue/") + name, owner.uid, 0, 0700);
        make("queue/maildrop", owner.uid, group->gr_gid, 0730);
        make("queue/public", owner.uid, group->gr_gid, 0710);
    }

    void write_main_cf() const
    {
        auto const mail = find_user("mail", "base-passwd");
        auto const etc  = dir_ / "etc";

        std::map<std::string, std::string> cf = {
            {"compatibility_level", "3.6"},
            {"queue_directory", dir_ / "queue"},
            {"data_directory", dir_ / "data"},
            {"maillog_file", log_file()},
            {"maillog_file_prefixes", dir_.path()},
            {"myhostname", "mail.example.test"},
            {"mydomain", "example.test"},
            {"myorigin", "$myhostname"},
            {"mydestination", ""},
            {"mynetworks", ""},
            {"inet_interfaces", "loopback-only"},
            {"inet_protocols", "ipv4"},
            {"smtpd_banner", "$myhostname ESMTP $mail_name"},
            {"alias_maps", ""},
            {"alias_database", ""},
            {"biff", "no"},
            {"recipient_delimiter", "+"},
            {"disable_dns_lookups", "yes"},
            {"smtpd_peername_lookup", "no"},
            {"smtputf8_enable", "yes"},
            {"enable_long_queue_ids", "yes"},
            // Where mail goes.
            {"virtual_mailbox_domains", "example.test"},
            {"virtual_mailbox_base", dir_ / "mail"},
            {"virtual_mailbox_maps", "texthash:$config_directory/mailboxes"},
            {"virtual_minimum_uid", "1"},
            {"virtual_uid_maps", "static:" + std::to_string(mail.uid)},
            {"virtual_gid_maps", "static:" + std::to_string(mail.gid)},
            {"virtual_mailbox_limit", "0"},
            {"default_transport", "virtual"},
            {"local_transport", "virtual"},
            // Messages are stored as they come.
            {"local_header_rewrite_clients", ""},
            {"message_drop_headers", ""},
            {"message_size_limit", std::to_string(options_.message_size_limit)},
            {"header_size_limit", "10000000"},
            // What a test does must not slow it down or get it locked out.
            {"default_process_limit", "200"},
            {"in_flow_delay", "0"},
            {"smtpd_client_connection_count_limit", "0"},
            {"smtpd_client_connection_rate_limit", "0"},
            {"smtpd_client_message_rate_limit", "0"},
            {"smtpd_client_recipient_rate_limit", "0"},
            {"smtpd_client_new_tls_session_rate_limit", "0"},
            {"smtpd_client_auth_rate_limit", "0"},
            {"smtpd_error_sleep_time", "0"},
            {"smtpd_soft_error_limit", "1000"},
            {"smtpd_hard_error_limit", "1000"},
            {"smtpd_junk_command_limit", "1000"},
            // Who may do what.
            {"smtpd_relay_restrictions",
             "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"},
            {"smtpd_recipient_restrictions",
             "check_recipient_access texthash:$config_directory/recipient_access"},
            {"smtpd_discard_ehlo_keywords", joined(options_.discard_ehlo_keywords)},
        };
        if (!options_.header_checks.empty())
            cf["header_checks"] = "regexp:$config_directory/header_checks";
        if (options_.tls)
        {
            cf["smtpd_tls_cert_file"]       = options_.tls->file;
            cf["smtpd_tls_key_file"]        = options_.tls->key;
            cf["smtpd_tls_security_level"]  = "may";
            cf["smtpd_tls_loglevel"]        = "1";
            cf["smtpd_tls_received_header"] = "yes";
            cf["smtpd_tls_auth_only"]       = options_.auth_only_with_tls ? "yes" : "no";
        }
        if (!options_.sasl_socket.empty())
        {
            cf["smtpd_sasl_auth_enable"]          = "yes";
            cf["smtpd_sasl_type"]                 = "dovecot";
            cf["smtpd_sasl_path"]                 = options_.sasl_socket;
            cf["smtpd_sasl_security_options"]     = "noanonymous";
            cf["smtpd_sasl_authenticated_header"] = "yes";
        }
        if (options_.postscreen_greet_wait)
        {
            cf["postscreen_greet_wait"]   = std::to_string(*options_.postscreen_greet_wait) + "s";
            cf["postscreen_greet_banner"] = "$myhostname ESMTP one moment please";
            cf["postscreen_greet_action"] = "enforce";
            cf["postscreen_access_list"]  = "";
            // Who has passed once is not remembered: the pause comes every time.
            cf["postscreen_cache_map"] = "";
        }
        for (auto const& [name, value] : options_.main_cf)
            cf[name] = value;

        std::string text;
        for (auto const& [name, value] : cf)
            text += name + " = " + value + '\n';
        write_file(etc / "main.cf", text);

        std::string mailboxes;
        for (auto const& name : options_.mailboxes)
            mailboxes += name + "@example.test " + name + "/\n";
        write_file(etc / "mailboxes", mailboxes);
        write_file(etc / "relayed", "!/@example\\.test$/ relayed/\n");
        write_file(etc / "recipient_access", lines(options_.recipient_access));
        write_file(etc / "header_checks", lines(options_.header_checks));
        for (auto const& [name, content] : options_.files)
        {
            std::filesystem::create_directories((etc / name).parent_path());
            write_file(etc / name, content);
        }
    }

    void write_master_cf() const
    {
        std::string text;
        auto const  listen = [&text](postfix_listener const& listener, std::string_view service,
                                    std::string_view limit, std::string_view overrides) {
            if (!listener.enabled)
                return;
            text += "127.0.0.1:" + std::to_string(listener.port) + " inet n - n - ";
            text.append(limit).append(" ").append(service).append("\n").append(overrides);
            for (auto const& [name, value] : listener.overrides)
                text += "  -o " + name + '=' + value + '\n';
        };
        bool const screened = options_.postscreen_greet_wait.has_value();
        listen(options_.smtp, screened ? "postscreen" : "smtpd", screened ? "1" : "-", "");
        listen(options_.submission, "smtpd", "-", "  -o smtpd_tls_security_level=encrypt\n");
        listen(options_.smtps, "smtpd", "-", "  -o smtpd_tls_wrappermode=yes\n");
        if (screened)
        {
            text += "smtpd pass - - n - - smtpd\n";
            for (auto const& [name, value] : options_.smtp.overrides)
                text += "  -o " + name + '=' + value + '\n';
            text += "dnsblog unix - - n - 0 dnsblog\n"
                    "tlsproxy unix - - n - 0 tlsproxy\n";
        }
        text +=
            "pickup unix n - n 60 1 pickup\n"
            "cleanup unix n - n - 0 cleanup\n"
            "qmgr unix n - n 300 1 qmgr\n"
            "tlsmgr unix - - n 1000? 1 tlsmgr\n"
            "rewrite unix - - n - - trivial-rewrite\n"
            "bounce unix - - n - 0 bounce\n"
            "defer unix - - n - 0 bounce\n"
            "trace unix - - n - 0 bounce\n"
            "verify unix - - n - 1 verify\n"
            "flush unix n - n 1000? 0 flush\n"
            "proxymap unix - - n - - proxymap\n"
            "proxywrite unix - - n - 1 proxymap\n"
            "smtp unix - - n - - smtp\n"
            "relay unix - - n - - smtp\n"
            "showq unix n - n - - showq\n"
            "error unix - - n - - error\n"
            "retry unix - - n - - error\n"
            "discard unix - - n - - discard\n"
            "lmtp unix - - n - - lmtp\n"
            "anvil unix - - n - 1 anvil\n"
            "scache unix - - n - 1 scache\n"
            "postlog unix-dgram n - n - 1 postlogd\n"
            // smtpd knows the mailboxes; the delivery agent has one more, for the other domains.
            "virtual unix - n n - - virtual\n"
            "  -o "
            "virtual_mailbox_maps=texthash:$config_directory/mailboxes,regexp:$config_directory/relayed\n";
        text += options_.master_cf;
        write_file(dir_ / "etc/master.cf", text);
    }

    /// Every Postfix program waits until the files it reads are more than a second old, lest they are being
    /// edited.
    void age_files() const
    {
        for (auto const& entry : std::filesystem::directory_iterator(dir_ / "etc"))
            std::filesystem::last_write_time(entry.path(), entry.last_write_time() - std::chrono::hours(1));
    }

    static std::string lines(std::vector<std::string> const& all)
    {
        std::string text;
        for (auto const& line : all)
            text += line + '\n';
        return text;
    }

    static std::string joined(std::vector<std::string> const& words)
    {
        std::string text;
        for (auto const& word : words)
            text += (text.empty() ? "" : ", ") + word;
        return text;
    }

    postfix_options        options_;
    temp_dir               dir_;
    std::filesystem::path  daemons_;
    std::string            owner_;
    std::string            group_;
    std::optional<process> process_;
};

} // namespace support

#endif
