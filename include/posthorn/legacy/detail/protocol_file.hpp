//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The protocol log of a transport: a file that grows by one line for each line on the wire. Credentials never get here, and
// content does not either.

#ifndef POSTHORN_LEGACY_DETAIL_PROTOCOL_FILE_HPP
#define POSTHORN_LEGACY_DETAIL_PROTOCOL_FILE_HPP

#include <posthorn/core/printable.hpp>

#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace posthorn::legacy::detail {

/// `SMTP: 10:09:18 [tx] MAIL FROM:<a@b.example>`
class protocol_file
{
public:
    /// Appends to a file. If it cannot be opened nothing is logged.
    protocol_file(char const* path, std::string_view protocol) : protocol_(protocol), file_(std::fopen(path, "ab")) {}

    void sent(std::string_view line) { write("[tx]", line); }
    void received(std::string_view line) { write("[rx]", line); }

private:
    struct closer
    {
        void operator()(std::FILE* f) const noexcept { std::fclose(f); }
    };

    void write(std::string_view direction, std::string_view line)
    {
        if (!file_)
            return;
        std::time_t const now   = std::time(nullptr);
        std::tm           parts = {};
#if defined(_WIN32)
        ::localtime_s(&parts, &now);
#else
        ::localtime_r(&now, &parts);
#endif
        char              clock[16];
        std::size_t const n = std::strftime(clock, sizeof clock, "%H:%M:%S", &parts);
        std::string       text(protocol_);
        text.append(": ").append(clock, n).append(" ").append(direction).append(" ").append(printable(line)).append("\n");
        std::fwrite(text.data(), 1, text.size(), file_.get());
        std::fflush(file_.get());
    }

    std::string                        protocol_;
    std::unique_ptr<std::FILE, closer> file_;
};

} // namespace posthorn::legacy::detail

#endif
