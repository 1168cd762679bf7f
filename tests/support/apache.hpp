//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// An Apache httpd of the test's own, with WebDAV by mod_dav_fs, Basic or Digest, plain or with TLS.

#ifndef POSTHORN_TESTS_SUPPORT_APACHE_HPP
#define POSTHORN_TESTS_SUPPORT_APACHE_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/hex.hpp>
#include <posthorn/crypto/digest.hpp>

#include <support/certs.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

struct apache_options
{
    enum class login
    {
        none,
        basic,
        digest
    };

    login auth = login::none; ///< Needed for all below /dav/.
    /// Who there is.
    std::vector<std::pair<std::string, std::string>> users = {{"alice", "open sesame"}, {"bob", "builder"}};
    std::optional<certificate>                       tls; ///< With a certificate the port speaks TLS.
    bool                     depth_infinity = false; ///< Serve PROPFIND with Depth infinity; otherwise 403.
    std::string              extra;                  ///< Lines at the end of the configuration.
    std::vector<std::string> modules;                ///< More modules, such as "rewrite".
};

/** An Apache that runs from a temporary folder, on a port of 127.0.0.1.

    What is below /dav/ stands in the folder dav(), what is below /plain/ in plain(), without login and WebDAV. The
    constructor returns when it answers; the destructor when its processes are gone.
*/
class apache
{
public:
    static constexpr char const* realm = "posthorn tests";

    explicit apache(apache_options options = {})
        : options_(std::move(options)), dir_("apache"), port_(free_port())
    {
        program_ = find_program("apache2", "apache2-bin").string();
        write_configuration();
        start();
    }
    apache(apache const&)            = delete;
    apache& operator=(apache const&) = delete;

    std::uint16_t         port() const noexcept { return port_; }
    std::filesystem::path dav() const { return dir_ / "dav"; }
    std::filesystem::path plain() const { return dir_ / "plain"; }

    /// @param target Begins with a slash.
    std::string url(std::string_view target, std::string_view host = "localhost") const
    {
        return (options_.tls ? "https://" : "http://") + std::string(host) + ':' + std::to_string(port_) +
               std::string(target);
    }

    /// One line for each request, in the form "METHOD target status".
    std::string access_log() const { return file_or_nothing("access.log"); }

    /// The same once it holds `text` so many times, or after a while without: a line is written after the answer was sent.
    std::string access_log_with(std::string_view text, std::size_t times) const
    {
        std::string log;
        poll_until(default_patience, [&] {
            log           = access_log();
            std::size_t n = 0;
            for (auto at = log.find(text); at != log.npos; at = log.find(text, at + text.size()))
                ++n;
            return n >= times;
        });
        return log;
    }
    std::string error_log() const { return file_or_nothing("error.log"); }

    void start()
    {
        process_options command;
        command.argv   = {program_, "-d", dir_.path(), "-f", dir_ / "httpd.conf", "-DFOREGROUND"};
        command.output = dir_ / "console.log";
        process_.emplace(command);
        bool ready = false;
        poll_until(default_patience,
                   [&] { return (ready = static_cast<bool>(connect_tcp(port_))) || !process_->running(); });
        if (!ready)
        {
            auto const text =
                "Apache does not start:\n" + file_tail(dir_ / "console.log") + file_tail(dir_ / "error.log");
            process_.reset();
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
    std::string file_or_nothing(std::string_view name) const
    {
        return std::filesystem::exists(dir_ / name) ? read_file(dir_ / name) : std::string();
    }

    void write_configuration() const
    {
        // The workers of a server that root starts are somebody else.
        std::string user;
        for (auto const* folder : {"dav", "plain", "lock"})
            std::filesystem::create_directory(dir_ / folder);
        if (::geteuid() == 0)
        {
            auto const www = find_user("www-data", "base-passwd");
            user           = "User www-data\nGroup www-data\n";
            for (auto const* folder : {"dav", "lock"})
                if (::chown((dir_ / folder).c_str(), www.uid, www.gid) != 0)
                    throw std::runtime_error("cannot give a folder to the user www-data");
        }

        std::string users;
        for (auto const& [name, password] : options_.users)
            if (options_.auth == apache_options::login::basic)
                users += name + ":{SHA}" +
                         posthorn::codec::base64_encode(digest(posthorn::crypto::hash::sha1, password)) +
                         '\n';
            else
                users += name + ':' + realm + ':' +
                         posthorn::codec::hex_encode(
                             digest(posthorn::crypto::hash::md5, name + ':' + realm + ':' + password)) +
                         '\n';
        write_file(dir_ / "users", users);

        std::string conf = "ServerName localhost\nListen 127.0.0.1:" + std::to_string(port_) + '\n' + user +
                           "PidFile " + (dir_ / "pid").string() + "\nDefaultRuntimeDir " +
                           dir_.path().string() + "\nErrorLog " + (dir_ / "error.log").string() + '\n';
        std::vector<std::string> modules = {"mpm_event",  "authn_core", "authn_file",   "authz_core",
                                            "authz_user", "auth_basic", "auth_digest",  "dav",
                                            "dav_fs",     "dav_lock",   "mime",         "dir",
                                            "alias",      "ssl",        "socache_shmcb"};
        modules.insert(modules.end(), options_.modules.begin(), options_.modules.end());
        for (auto const& m : modules)
            conf += "LoadModule " + m + "_module " + module_file(m) + '\n';
        conf += "TypesConfig /dev/null\nAddType message/rfc822 .eml\n"
                "LogFormat \"%m %U%q %>s\" short\nCustomLog " +
                (dir_ / "access.log").string() +
                " short\n"
                "StartServers 1\nServerLimit 2\nThreadsPerChild 8\nMaxRequestWorkers 16\nMinSpareThreads "
                "1\nMaxSpareThreads 16\n"
                "DocumentRoot " +
                (dir_ / "plain").string() + "\nAlias /plain/ " + (dir_ / "plain").string() +
                "/\n"
                "Alias /dav/ " +
                (dir_ / "dav").string() +
                "/\n"
                "DavLockDB " +
                (dir_ / "lock/db").string() +
                "\nDavMinTimeout 0\n"
                "<Directory " +
                dir_.path().string() +
                ">\n  Require all granted\n  DirectoryIndex disabled\n  DirectorySlash Off\n</Directory>\n"
                "<Location /dav/>\n  Dav On\n";
        if (options_.depth_infinity)
            conf += "  DavDepthInfinity On\n";
        if (options_.auth != apache_options::login::none)
        {
            bool const basic = options_.auth == apache_options::login::basic;
            conf += std::string("  AuthType ") + (basic ? "Basic" : "Digest") + "\n  AuthName \"" + realm +
                    "\"\n  AuthUserFile " + (dir_ / "users").string() + "\n  Require valid-user\n";
            if (!basic)
                conf += "  AuthDigestDomain /dav/\n  AuthDigestProvider file\n";
        }
        conf += "</Location>\n";
        if (options_.tls)
            conf += "SSLEngine on\nSSLCertificateFile " + options_.tls->file.string() +
                    "\nSSLCertificateKeyFile " + options_.tls->key.string() + '\n';
        write_file(dir_ / "httpd.conf", conf + options_.extra);
    }

    static std::string digest(posthorn::crypto::hash h, std::string_view text)
    {
        auto const d = posthorn::crypto::digest(h, text);
        return std::string(d.view());
    }

    static std::string module_file(std::string const& name)
    {
        for (auto const* folder :
             {"/usr/lib/apache2/modules", "/usr/libexec/apache2", "/usr/lib64/httpd/modules"})
            if (auto const file = std::filesystem::path(folder) / ("mod_" + name + ".so");
                std::filesystem::exists(file))
                return file.string();
        throw std::runtime_error("this test needs Apache's mod_" + name +
                                 ": install the package apache2-bin");
    }

    apache_options         options_;
    temp_dir               dir_;
    std::uint16_t          port_;
    std::string            program_;
    std::optional<process> process_;
};

} // namespace support

#endif
