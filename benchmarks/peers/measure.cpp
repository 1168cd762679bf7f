//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Runs a program that tells nothing by itself and prints what it cost as the others do; it is their parent, and small, since the
// memory of a parent counts for the child.
//
//   measure MESSAGES PROGRAM [ARGUMENT ...]

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv)
{
    if (argc < 3)
    {
        std::fprintf(stderr, "usage: measure MESSAGES PROGRAM [ARGUMENT ...]\n");
        return 64;
    }
    double const n     = std::strtod(argv[1], nullptr);
    auto const   begin = std::chrono::steady_clock::now();
    pid_t const  child = fork();
    if (child == 0)
    {
        execvp(argv[2], argv + 2);
        std::perror(argv[2]);
        _exit(127);
    }
    int    status = 0;
    rusage used {};
    if (child < 0 || wait4(child, &status, 0, &used) != child)
        return 1;
    double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    double const cpu     = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                       static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    std::printf("{\"messages\": %.0f, \"seconds\": %.6f, \"messages_per_second\": %.1f, \"cpu_us_per_message\": %.3f, "
                "\"peak_rss_kib\": %ld, \"cpu_seconds\": %.6f}\n",
                n, seconds, n / seconds, cpu * 1e6 / n, used.ru_maxrss, cpu);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
