//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Real proxies of a test's own: microsocks (SOCKS5) and tinyproxy (HTTP).

#ifndef POSTHORN_TESTS_SUPPORT_PROXIES_HPP
#define POSTHORN_TESTS_SUPPORT_PROXIES_HPP

#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// A proxy that runs as long as this lives.
class proxy
{
public:
    static std::unique_ptr<proxy> microsocks(std::vector<std::string> login = {})
    {
        std::unique_ptr<proxy>   p(new proxy);
        std::vector<std::string> argv = {find_program("microsocks", "microsocks").string(), "-i", "127.0.0.1", "-p",
                                         std::to_string(p->port)};
        argv.insert(argv.end(), login.begin(), login.end());
        p->start(std::move(argv));
        return p;
    }

    static std::unique_ptr<proxy> tinyproxy(std::string const& login)
    {
        std::unique_ptr<proxy> p(new proxy);
        write_file(p->dir_ / "tinyproxy.conf", "Port " + std::to_string(p->port) +
                                                           "\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\n"
                                                           "Allow 127.0.0.1\nDisableViaHeader Yes\n" +
                                                           (login.empty() ? std::string() : "BasicAuth " + login + "\n"));
        p->start({find_program("tinyproxy", "tinyproxy-bin").string(), "-d", "-c", p->dir_ / "tinyproxy.conf"});
        return p;
    }

    std::uint16_t port = free_port();

private:
    proxy() : dir_("proxy") {}

    void start(std::vector<std::string> argv)
    {
        process_options o;
        o.argv   = std::move(argv);
        o.output = dir_ / "log";
        process_.emplace(o);
        bool const ready = poll_until(
            default_patience, [this] { return static_cast<bool>(connect_tcp(port)); });
        if (!ready)
            throw std::runtime_error("the proxy does not start:\n" + file_tail(dir_ / "log"));
    }

    temp_dir               dir_;
    std::optional<process> process_;
};

} // namespace support

#endif
