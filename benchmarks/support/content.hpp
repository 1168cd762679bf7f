//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A message in the forms that a benchmark needs: as it is, and as DATA carries it.

#ifndef POSTHORN_BENCHMARKS_SUPPORT_CONTENT_HPP
#define POSTHORN_BENCHMARKS_SUPPORT_CONTENT_HPP

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace support {

/// @throws std::runtime_error if it cannot be read.
inline std::string read_file(std::string const& path)
{
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file)
        throw std::runtime_error("cannot read " + path);
    auto const  size = static_cast<std::size_t>(file.tellg());
    std::string text(size, '\0');
    file.seekg(0);
    file.read(text.data(), static_cast<std::streamsize>(size));
    if (!file)
        throw std::runtime_error("cannot read " + path);
    return text;
}

/// Doubles the dots at beginnings of lines. @param content With CRLF.
inline std::string dots_doubled(std::string_view content)
{
    std::string stuffed;
    stuffed.reserve(content.size() + content.size() / 64 + 8);
    std::size_t begin = 0;
    while (begin != content.size())
    {
        if (content[begin] == '.')
            stuffed += '.';
        auto const at  = content.find('\n', begin);
        auto const end = at == std::string_view::npos ? content.size() : at + 1;
        stuffed.append(content.substr(begin, end - begin));
        begin = end;
    }
    return stuffed;
}

/// The message of a file: whole lines with CRLF.
struct content
{
    /// @throws std::runtime_error if the file is no message with CRLF.
    explicit content(std::string const& path) : plain(read_file(path)), wire(dots_doubled(plain))
    {
        if (!plain.ends_with("\r\n"))
            throw std::runtime_error(path + " does not end with CRLF");
        auto const head = plain.find("\r\n\r\n");
        auto const same = wire.find("\r\n\r\n");
        if (head == std::string::npos || same == std::string::npos)
            throw std::runtime_error(path + " has no body");
        body         = head + 4;
        body_on_wire = same + 4;
        wire += ".\r\n";
    }

    std::string plain;
    std::string wire;             ///< What follows DATA, with the final dot.
    std::size_t body         = 0; ///< Where it begins in `plain`.
    std::size_t body_on_wire = 0; ///< Where it begins in `wire`.
};

} // namespace support

#endif
