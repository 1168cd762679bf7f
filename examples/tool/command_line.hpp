//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How the tools describe their options, and read the command line.

#ifndef POSTHORN_EXAMPLES_TOOL_COMMAND_LINE_HPP
#define POSTHORN_EXAMPLES_TOOL_COMMAND_LINE_HPP

#include <CLI/CLI.hpp>

#include "exit_code.hpp"

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <optional>
#include <string>

namespace tool {

/// Options under a heading of the help.
class section
{
public:
    section(CLI::App& app, char const* heading) : app_(&app), heading_(heading) {}

    /// @param value What the help calls the value.
    template <class T>
    CLI::Option* option(char const* name, T& to, char const* value, std::string const& what) const
    {
        return app_->add_option(name, to, wrapped(what))->group(heading_)->type_name(value);
    }
    CLI::Option* flag(char const* name, bool& to, std::string const& what) const
    {
        return app_->add_flag(name, to, wrapped(what))->group(heading_);
    }

private:
    /// In lines that fit beside the names.
    static std::string wrapped(std::string text)
    {
        constexpr std::size_t width = 70;
        for (std::size_t begin = 0; text.size() - begin > width;)
        {
            auto const space = text.rfind(' ', begin + width);
            if (space == std::string::npos || space <= begin)
                break;
            text[space] = '\n';
            begin       = space + 1;
        }
        return text;
    }

    CLI::App*   app_;
    char const* heading_;
};

/** Reads the command line.
    @return The status to exit with at once (after --help, or after a mistake was explained), or nothing. */
inline std::optional<int> parse(CLI::App& app, int argc, char** argv)
{
    try
    {
        app.parse(argc, argv);
    }
    catch (CLI::ExtrasError const&)
    {
        // What is too much may be a password: one whose option was misspelt, or with a blank in it.
        auto const  words    = app.remaining(true);
        auto const  is_name  = [](std::string const& word) { return word.size() > 1 && word[0] == '-'; };
        auto const* password = app.get_option_no_throw("--password");
        bool const  hide     = (password != nullptr && password->count() != 0) || std::any_of(words.begin(), words.end(), is_name);
        std::cerr << "Some arguments were not expected:";
        for (auto const& word : words)
            std::cerr << ' ' << (is_name(word) ? word.substr(0, word.find('=')) : hide ? std::string("[...]") : word);
        std::cerr << "\nRun with --help for more information.\n";
        return usage;
    }
    catch (CLI::ParseError const& e)
    {
        return app.exit(e) == 0 ? success : usage;
    }
    return std::nullopt;
}

} // namespace tool

#endif
