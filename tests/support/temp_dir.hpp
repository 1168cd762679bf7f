//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A folder of its own for each test, gone when the test ends; and files read and written in one piece.

#ifndef POSTHORN_TESTS_SUPPORT_TEMP_DIR_HPP
#define POSTHORN_TESTS_SUPPORT_TEMP_DIR_HPP

#if !defined(_WIN32)
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace support {

/** A new folder under /tmp (on Windows where temporary files go) that other users can traverse: servers drop their privileges.

    Removed with all it holds by the destructor, unless the environment has POSTHORN_KEEP_TEMP; the path
    is then printed. /tmp and not TMPDIR, because Unix-domain sockets live here and their paths must be short.
*/
class temp_dir
{
public:
    explicit temp_dir(std::string_view name = "test")
    {
#if defined(_WIN32)
        std::random_device chance;
        path_ = std::filesystem::temp_directory_path() / ("posthorn-" + std::string(name) + "-" + std::to_string(chance()));
        if (!std::filesystem::create_directory(path_))
            throw std::runtime_error(path_.string() + " is there already");
#else
        std::string pattern = "/tmp/posthorn-" + std::string(name) + "-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::system_error(errno, std::generic_category(), "cannot create " + pattern);
        path_ = pattern;
        if (::chmod(pattern.c_str(), 0755) != 0)
            throw std::system_error(errno, std::generic_category(), "cannot open up " + pattern);
#endif
    }
    temp_dir(temp_dir const&)            = delete;
    temp_dir& operator=(temp_dir const&) = delete;
    ~temp_dir()
    {
        if (std::getenv("POSTHORN_KEEP_TEMP") != nullptr)
        {
            std::fprintf(stderr, "kept: %s\n", path_.string().c_str());
            return;
        }
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::filesystem::path const& path() const noexcept { return path_; }
    std::filesystem::path        operator/(std::string_view name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// The whole file; throws when it cannot be read.
inline std::string read_file(std::filesystem::path const& path)
{
    std::ifstream in(path, std::ios::binary);
    if (!in)
        throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Writes the whole file, replacing what was there.
inline void write_file(std::filesystem::path const& path, std::string_view content)
{
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.flush();
    if (!out)
        throw std::runtime_error("cannot write " + path.string());
}

/// The last `count` lines of a file, for an error text; never throws for a missing file.
inline std::string file_tail(std::filesystem::path const& path, int count = 20)
{
    std::error_code ec;
    if (!std::filesystem::exists(path, ec))
        return "(no " + path.string() + ")\n";
    std::string text  = read_file(path);
    auto        start = text.size();
    for (int n = 0; start > 0; --start)
        if (text[start - 1] == '\n' && start != text.size() && ++n == count)
            break;
    return text.substr(start);
}

} // namespace support

#endif
