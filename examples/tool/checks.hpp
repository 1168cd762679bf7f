//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the tools check before there is a connection: files, passwords, and texts that have to mean something.

#ifndef POSTHORN_EXAMPLES_TOOL_CHECKS_HPP
#define POSTHORN_EXAMPLES_TOOL_CHECKS_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/core/secret.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace tool {

/// The command line cannot be obeyed; the text says why, and what to do.
struct usage_error : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

inline std::string in_quotes(std::string_view text) { return "'" + posthorn::printable(text) + "'"; }

inline void require(bool good, std::string const& otherwise)
{
    if (!good)
        throw usage_error(otherwise);
}

/// A file of the command line that has to be there. It is not opened: what comes from a pipe can be read only once.
inline void require_file(std::string const& name, std::string const& option)
{
    std::error_code ec;
    require(!std::filesystem::is_directory(name, ec), option + ": " + in_quotes(name) + " is a folder; name a file");
    require(::access(name.c_str(), R_OK) == 0,
            option + ": cannot read " + in_quotes(name) + ": " + std::generic_category().message(errno));
}

/// Makes something of a text, or explains why that cannot be done.
template <class F>
auto parsed(std::string const& option, std::string const& text, F&& parse)
{
    try
    {
        return parse(text);
    }
    catch (posthorn::error const& e)
    {
        throw usage_error(option + ": " + in_quotes(text) + ": " + e.what());
    }
}

inline posthorn::secret_string first_line(std::string const& name, char const* option)
{
    require_file(name, option);
    std::ifstream in(name, std::ios::binary);
    std::string   line;
    std::getline(in, line);
    posthorn::secret_string result(std::string_view(line).substr(0, line.find('\r')));
    posthorn::secure_wipe(line.data(), line.size());
    return result;
}

/// The password, from wherever the command line says that it is; empty if it says nothing.
inline posthorn::secret_string password_of(std::optional<std::string> const& text, std::optional<std::string> const& file,
                                           std::optional<std::string> const& variable)
{
    posthorn::secret_string password;
    if (text)
        password = *text;
    if (file)
        password = first_line(*file, "--password-file");
    if (variable)
    {
        char const* const value = std::getenv(variable->c_str());
        require(value != nullptr,
                "--password-env: there is no environment variable " + in_quotes(*variable) + "; set and export it");
        password = value;
    }
    return password;
}

} // namespace tool

#endif
