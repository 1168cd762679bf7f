//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A lighttpd of the test's own, with WebDAV and its SQLite store of properties.

#ifndef POSTHORN_TESTS_SUPPORT_LIGHTTPD_HPP
#define POSTHORN_TESTS_SUPPORT_LIGHTTPD_HPP

#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace support {

struct lighttpd_options
{
    bool digest =
        false; ///< Digest (SHA-256) is needed below /dav/, as user alice with the password "open sesame".
};

/** A lighttpd that runs from a temporary folder, on a port of 127.0.0.1. What is below /dav/ stands in dav().

    The constructor returns when it answers; the destructor when it is gone.
*/
class lighttpd
{
public:
    explicit lighttpd(lighttpd_options const& options = {}) : dir_("lighttpd"), port_(free_port())
    {
        auto const program = find_program("lighttpd", "lighttpd").string();
        if (!std::filesystem::exists("/usr/lib/lighttpd/mod_webdav.so"))
            throw std::runtime_error(
                "this test needs lighttpd's mod_webdav: install the package lighttpd-mod-webdav");
        for (auto const* folder : {"root", "root/dav", "tmp"})
            std::filesystem::create_directory(dir_ / folder);
        std::string conf = "server.modules = (\"mod_auth\", \"mod_authn_file\", \"mod_webdav\")\n"
                           "server.document-root = \"" +
                           (dir_ / "root").string() +
                           "\"\n"
                           "server.bind = \"127.0.0.1\"\nserver.port = " +
                           std::to_string(port_) +
                           "\n"
                           "server.upload-dirs = (\"" +
                           (dir_ / "tmp").string() +
                           "\")\n"
                           "server.errorlog = \"" +
                           (dir_ / "error.log").string() +
                           "\"\n"
                           "server.tag = \"lighttpd\"\n"
                           "mimetype.assign = (\".eml\" => \"message/rfc822\")\n"
                           "$HTTP[\"url\"] =~ \"^/dav($|/)\" {\n  webdav.activate = \"enable\"\n"
                           "  webdav.sqlite-db-name = \"" +
                           (dir_ / "tmp/dav.db").string() + "\"\n}\n";
        if (options.digest)
        {
            write_file(dir_ / "users", "alice:open sesame\n");
            conf += "auth.backend = \"plain\"\nauth.backend.plain.userfile = \"" + (dir_ / "users").string() +
                    "\"\n"
                    "auth.require = (\"/dav\" => (\"method\" => \"digest\", \"algorithm\" => \"SHA-256\", "
                    "\"realm\" => \"posthorn tests\", "
                    "\"require\" => \"valid-user\"))\n";
        }
        write_file(dir_ / "lighttpd.conf", conf);

        process_options command;
        command.argv   = {program, "-D", "-f", dir_ / "lighttpd.conf"};
        command.output = dir_ / "console.log";
        process_.emplace(command);
        bool ready = false;
        poll_until(default_patience,
                   [&] { return (ready = static_cast<bool>(connect_tcp(port_))) || !process_->running(); });
        if (!ready)
        {
            auto const text = "lighttpd does not start:\n" + file_tail(dir_ / "console.log") +
                              file_tail(dir_ / "error.log");
            process_.reset();
            throw std::runtime_error(text);
        }
    }
    lighttpd(lighttpd const&)            = delete;
    lighttpd& operator=(lighttpd const&) = delete;

    std::filesystem::path dav() const { return dir_ / "root/dav"; }

    /// @param target Begins with a slash.
    std::string url(std::string_view target) const
    {
        return "http://127.0.0.1:" + std::to_string(port_) + std::string(target);
    }

private:
    temp_dir               dir_;
    std::uint16_t          port_;
    std::optional<process> process_;
};

} // namespace support

#endif
