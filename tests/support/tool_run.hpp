//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// One of the tools, run as a process of its own: what it prints, and what it returns.

#ifndef POSTHORN_TESTS_SUPPORT_TOOL_RUN_HPP
#define POSTHORN_TESTS_SUPPORT_TOOL_RUN_HPP

#include <support/process.hpp>
#include <support/temp_dir.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

/// The program to test. CTest names it by a variable; whoever runs the test by hand has to.
inline std::string tool_path(char const* variable, std::string const& name)
{
    char const* path = std::getenv(variable);
    if (path == nullptr || *path == '\0')
        throw std::runtime_error("this test runs " + name + ": configure with POSTHORN_BUILD_EXAMPLES=ON, or set " + variable +
                                 " to the program");
    if (::access(path, X_OK) != 0)
        throw std::runtime_error(std::string(variable) + " names no program: " + path);
    return std::filesystem::absolute(path).string();
}

/// A run of a program, with standard output and standard error apart.
class tool_run
{
public:
    /// @param command The program and its arguments.
    explicit tool_run(std::vector<std::string> command, std::filesystem::path const& input = {},
                      std::vector<std::string> const& environment = {})
        : dir_("tool"), name_(std::filesystem::path(command.front()).filename().string()),
          process_(options(std::move(command), input, environment))
    {
    }

    /// Waits for its end. @return The exit status.
    int status()
    {
        auto const s = process_.wait();
        if (!s)
            throw std::runtime_error(name_ + " does not end; it wrote:\n" + err());
        return *s;
    }

    /// Waits for its end. @return The most memory it held at a time, in KiB.
    std::size_t peak_memory()
    {
        std::size_t most = 0;
        do
            most = std::max(most, peak_so_far());
        while (!process_.wait(milliseconds(1)));
        return most;
    }

    std::string out() const { return content("out"); }
    std::string err() const { return content("err"); }

private:
    process_options options(std::vector<std::string> command, std::filesystem::path const& input,
                            std::vector<std::string> const& environment) const
    {
        process_options o;
        o.environment = environment;
        o.argv        = {"/bin/sh", "-c", "err=$1; shift; exec \"$@\" 2>\"$err\"", "sh", dir_ / "err"};
        o.argv.insert(o.argv.end(), command.begin(), command.end());
        o.input  = input;
        o.output = dir_ / "out";
        return o;
    }

    std::string content(char const* name) const
    {
        return std::filesystem::exists(dir_ / name) ? read_file(dir_ / name) : std::string();
    }

    /// The kernel's high-water mark of the process; 0 when it has ended.
    std::size_t peak_so_far() const
    {
        std::ifstream status("/proc/" + std::to_string(process_.pid()) + "/status");
        for (std::string word; status >> word;)
            if (word == "VmHWM:")
            {
                std::size_t kib = 0;
                status >> kib;
                return kib;
            }
        return 0;
    }

    temp_dir    dir_;
    std::string name_;
    process     process_;
};

/// A message in a file.
class message_file
{
public:
    explicit message_file(std::string_view text) : dir_("message") { write_file(path(), text); }

    std::string path() const { return (dir_ / "message").string(); }

private:
    temp_dir dir_;
};

} // namespace support

#endif
