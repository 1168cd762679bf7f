//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The command line of posthorn-send, as it was given.

#ifndef POSTHORN_EXAMPLES_SEND_OPTIONS_HPP
#define POSTHORN_EXAMPLES_SEND_OPTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tool {

/// Every option of the program. An optional one that was not given leaves the default of the library.
struct options
{
    // Server
    std::string                url;
    std::string                tls;
    std::string                ca;
    std::string                cert;
    std::string                key;
    std::string                tls_min;
    std::vector<std::string>   pins;
    std::vector<std::string>   tlsa;
    std::string                proxy;
    bool                       insecure = false;
    std::optional<std::string> ehlo;
    std::string                source;
    bool                       ipv4            = false;
    bool                       ipv6            = false;
    double                     connect_timeout = 0; ///< Seconds; 0: not given.
    double                     timeout         = 0; ///< The same.

    // Login
    std::optional<std::string> user;
    std::optional<std::string> password;
    std::optional<std::string> password_file;
    std::optional<std::string> password_env;
    std::optional<std::string> token;
    std::optional<std::string> token_file;
    std::string                authzid;
    std::vector<std::string>   mechanisms;
    bool                       allow_plaintext = false;

    // Envelope
    std::string                  from;
    std::vector<std::string>     to;
    std::string                  policy;
    std::optional<std::string>   notify;
    std::vector<std::string>     orcpt;
    std::string                  ret;
    std::optional<std::string>   envid;
    bool                         require_tls = false;
    std::optional<int>           priority;
    std::optional<std::string>   deliver_by;
    std::optional<std::uint32_t> hold_for;
    std::optional<std::string>   hold_until;
    std::string                  smtputf8;
    bool                         drop_unsupported = false;

    // Message
    std::string message = "-";
    std::string line_endings;

    // Transfer
    std::string                pipelining;
    std::string                chunking;
    std::optional<std::size_t> chunk_size;
    std::size_t                count       = 1;
    std::size_t                connections = 1;
    bool                       burst       = false;

    // Output
    bool json  = false;
    bool trace = false;
};

/** Reads the command line.
    @return The status to exit with at once (after --help, or after a mistake was explained), or nothing. */
std::optional<int> parse_command_line(int argc, char** argv, options& o);

} // namespace tool

#endif
