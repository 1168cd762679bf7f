//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A run of posthorn-mailbox: the mailbox, the options, what is printed, and the exit code so far.

#ifndef POSTHORN_EXAMPLES_MAILBOX_SESSION_HPP
#define POSTHORN_EXAMPLES_MAILBOX_SESSION_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/mailbox.hpp>
#include <posthorn/source/source.hpp>

#include "../tool/exit_code.hpp"
#include "options.hpp"
#include "output.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tool {

class session
{
public:
    explicit session(options const& o);

    options const& given() const noexcept { return *options_; }
    exit_code      code() const noexcept { return code_; }

    posthorn::httpmail::mailbox box;

    /** The URL of a folder: a well-known name, an absolute URL, or one relative to the root of folders.
        @throws usage_error, what mailbox::find() throws */
    posthorn::task<posthorn::http::url> folder(std::string text);

    /// The URL of a message or contact. @throws usage_error, also for well-known folders
    posthorn::task<posthorn::http::url> item(std::string text);

    /// The same for options::messages.
    posthorn::task<std::vector<posthorn::http::url>> items();

    /// Prints records. @param columns Of the table.
    void print(std::vector<record> const& rows, std::vector<std::string> const& columns) const;

    /// Prints one record, as a table of names and values.
    void print(record const& one) const;

    /// Something did not go as it was wanted. @param text For people; it is written to the standard error.
    void complain(exit_code code, std::string const& text);

private:
    posthorn::http::url located(std::string const& text) const;

    options const* options_;
    exit_code      code_ = success;
};

/// options::file, or the standard input. @throws usage_error
std::shared_ptr<posthorn::source> open_file(std::string const& name, std::string const& option);

} // namespace tool

#endif
