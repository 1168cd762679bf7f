//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The command line of posthorn-mailbox, as it was given.

#ifndef POSTHORN_EXAMPLES_MAILBOX_OPTIONS_HPP
#define POSTHORN_EXAMPLES_MAILBOX_OPTIONS_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace tool {

/// What is to be done.
enum class command
{
    props,
    folders,
    list,
    get,
    put,
    send,
    mark,
    move,
    copy,
    remove,
    mkdir,
    rename,
    rmdir,
    contacts_list,
    contacts_show,
    contacts_add,
    contacts_edit,
    contacts_remove,
    raw
};

/// Every option of the program.
struct options
{
    // Server
    std::string              url;
    std::string              ca;
    std::string              dialect = "auto";
    std::vector<std::string> trusted; ///< Further servers of the mailbox: origins, hosts, *.domains.

    // Login
    std::optional<std::string> user;
    std::optional<std::string> password;
    std::optional<std::string> password_file;
    std::optional<std::string> password_env;
    std::string                auth;
    bool                       allow_plaintext = false;

    // Output
    bool json  = false;
    bool trace = false;

    // The command, and what it is about
    tool::command            what = command::props;
    std::string              place;    ///< A folder, or the URL of contacts show, edit and raw.
    std::vector<std::string> messages; ///< Or contacts.
    std::string              file;     ///< To read or to write.
    std::string              name;     ///< For a folder.
    std::string              flag;     ///< read or unread.
    std::optional<std::size_t> limit;
    bool                       for_good = false;
    bool                       no_copy  = false;
    std::string                from;
    std::vector<std::string>   to;
    std::vector<std::string>   fields; ///< Of a contact, FIELD=VALUE; or header fields.
    std::string                method;
};

/** Reads the command line.
    @return The status to exit with at once (after --help, or after a mistake was explained), or nothing. */
std::optional<int> parse_command_line(int argc, char** argv, options& o);

} // namespace tool

#endif
