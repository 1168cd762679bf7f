//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Runs a program and waits for its end.

#ifndef POSTHORN_EXAMPLES_RUN_PROGRAM_HPP
#define POSTHORN_EXAMPLES_RUN_PROGRAM_HPP

#include <cerrno>
#include <cstring>
#include <iostream>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <vector>

extern char** environ; // NOLINT: POSIX has it so

/// @return Its exit status; 127 if it cannot be started, 126 if it ended otherwise.
inline int run_program(std::vector<std::string> words)
{
    std::vector<char*> argv;
    for (auto& w : words)
        argv.push_back(w.data());
    argv.push_back(nullptr);
    pid_t     child  = 0;
    int const failed = ::posix_spawnp(&child, argv.front(), nullptr, nullptr, argv.data(), environ);
    if (failed != 0)
    {
        std::cerr << words.front() << ": " << std::strerror(failed) << '\n';
        return 127;
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

#endif
