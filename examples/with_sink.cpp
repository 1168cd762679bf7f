//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Runs a program beside a server that takes its mail: `with_sink PROGRAM ARGUMENT...` adds the server's host and port to the
// arguments, and tells afterwards what arrived.

#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include "run_program.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace testing = posthorn::testing;

int main(int argc, char** argv)
{
    if (argc < 2)
    {
        std::cerr << "usage: with_sink PROGRAM ARGUMENT...\n";
        return 64;
    }
    try
    {
        testing::server_thread<testing::smtp_sink> sink;
        std::vector<std::string>                   words(argv + 1, argv + argc);
        words.push_back("127.0.0.1");
        words.push_back(std::to_string(sink->port()));
        int const status = run_program(std::move(words));
        for (auto const& m : sink->messages())
        {
            std::cout << "arrived: " << m.size << " octets from " << m.from.address << " to";
            for (auto const& r : m.recipients)
                std::cout << ' ' << r.address;
            std::cout << '\n';
        }
        for (auto const& v : sink->violations())
            std::cout << "against the rules: " << v << '\n';
        bool const good = status == 0 && !sink->messages().empty() && sink->violations().empty();
        return good ? 0 : status != 0 ? status : 1;
    }
    catch (std::exception const& e)
    {
        std::cerr << e.what() << '\n';
        return 70;
    }
}
