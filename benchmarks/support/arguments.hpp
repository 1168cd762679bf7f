//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The command line of a benchmark: pairs of `--name value`.

#ifndef POSTHORN_BENCHMARKS_SUPPORT_ARGUMENTS_HPP
#define POSTHORN_BENCHMARKS_SUPPORT_ARGUMENTS_HPP

#include <charconv>
#include <cstddef>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace support {

class arguments
{
public:
    /// @throws std::runtime_error unless there is a value for each name.
    arguments(int argc, char const* const* argv)
    {
        for (int i = 1; i < argc; i += 2)
        {
            std::string_view const name = argv[i];
            if (!name.starts_with("--") || i + 1 == argc)
                throw std::runtime_error("expected --name value at " + std::string(name));
            given_[std::string(name.substr(2))] = argv[i + 1];
        }
    }

    std::string text(std::string const& name, std::string const& otherwise)
    {
        known_.insert(name);
        auto const at = given_.find(name);
        return at == given_.end() ? otherwise : at->second;
    }

    std::string required(std::string const& name)
    {
        if (!given_.contains(name))
            throw std::runtime_error("--" + name + " is missing");
        return text(name, std::string());
    }

    std::size_t number(std::string const& name, std::size_t otherwise)
    {
        auto const  value = text(name, std::to_string(otherwise));
        std::size_t n     = 0;
        auto const  end   = value.data() + value.size();
        auto const  read  = std::from_chars(value.data(), end, n);
        if (read.ec != std::errc() || read.ptr != end)
            throw std::runtime_error("--" + name + " is no number: " + value);
        return n;
    }

    bool flag(std::string const& name, bool otherwise)
    {
        auto const n = number(name, otherwise ? 1 : 0);
        if (n > 1)
            throw std::runtime_error("--" + name + " is 0 or 1");
        return n == 1;
    }

    /// After all were asked for. @throws std::runtime_error if something else was given.
    void finish() const
    {
        for (auto const& [name, value] : given_)
            if (!known_.contains(name))
                throw std::runtime_error("unknown option --" + name);
    }

private:
    std::map<std::string, std::string> given_;
    std::set<std::string>              known_;
};

} // namespace support

#endif
