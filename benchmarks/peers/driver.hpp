//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What all drivers of other libraries have in common: the command line of smtp_load, as far as it makes sense for them.

#ifndef POSTHORN_BENCHMARKS_PEERS_DRIVER_HPP
#define POSTHORN_BENCHMARKS_PEERS_DRIVER_HPP

#include "../support/arguments.hpp"
#include "../support/content.hpp"
#include "../support/figures.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace driver {

struct plan
{
    plan(int argc, char** argv)
    {
        support::arguments given(argc, argv);
        host   = given.text("host", "127.0.0.1");
        port   = static_cast<std::uint16_t>(given.number("port", 25));
        n      = given.number("n", 1);
        conns  = given.number("conns", 1);
        file   = given.required("file");
        tls    = given.text("tls", "none");
        ca     = given.text("ca", "");
        auth   = given.flag("auth", false);
        user   = given.text("user", "user");
        pass   = given.text("pass", "pass");
        reuse  = given.flag("reuse", true);
        stream = given.flag("stream", false);
        given.finish();
    }

    /// Of one of the connections.
    std::size_t share(std::size_t connection) const { return n / conns + (connection < n % conns ? 1 : 0); }

    std::string   host;
    std::uint16_t port  = 25;
    std::size_t   n     = 1;
    std::size_t   conns = 1;
    std::string   file;
    std::string   tls;
    std::string   ca;
    bool          auth = false;
    std::string   user;
    std::string   pass;
    bool          reuse  = true;
    bool          stream = false;
    char const*   from   = "load@example.org";
    char const*   to     = "sink@example.net";
};

/** Runs `send_share(messages)`, which returns how many were accepted, in a thread for each connection, and prints what it cost.
    @return The exit code. */
template <class F>
int run_threads(plan const& p, F send_share)
{
    support::raise_file_limit();
    support::figures         cost;
    std::atomic<std::size_t> accepted {0};
    auto const               one = [&](std::size_t connection) {
        try
        {
            accepted += send_share(p.share(connection));
        }
        catch (std::exception const& e)
        {
            std::fprintf(stderr, "%s\n", e.what());
        }
    };
    cost.start();
    if (p.conns == 1)
        one(0);
    else
    {
        std::vector<std::thread> all;
        for (std::size_t i = 0; i != p.conns; ++i)
            all.emplace_back(one, i);
        for (auto& t : all)
            t.join();
    }
    cost.stop();
    cost.print(p.n, {});
    return accepted == p.n ? 0 : 1;
}

} // namespace driver

#endif
