//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The commands of posthorn-mailbox, each a task.

#ifndef POSTHORN_EXAMPLES_MAILBOX_COMMANDS_HPP
#define POSTHORN_EXAMPLES_MAILBOX_COMMANDS_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/http/url.hpp>

#include "options.hpp"
#include "session.hpp"

#include <optional>

namespace tool {

// In the order of the help. They throw posthorn::error and usage_error.

posthorn::task<void> show_properties(session& s);
posthorn::task<void> list_folders(session& s);
posthorn::task<void> list_messages(session& s);
posthorn::task<void> get_message(session& s);
posthorn::task<void> put_message(session& s);
posthorn::task<void> send_message(session& s);

/// mark, move, copy, delete.
posthorn::task<void> change_messages(session& s);

posthorn::task<void> make_folder(session& s);
posthorn::task<void> rename_folder(session& s);
posthorn::task<void> remove_folder(session& s);

posthorn::task<void> list_contacts(session& s);
posthorn::task<void> show_contact(session& s);
posthorn::task<void> add_contact(session& s);
posthorn::task<void> edit_contact(session& s);
posthorn::task<void> remove_contacts(session& s);

posthorn::task<void> send_raw(session& s);

/// A URL as it is printed: null if there is none.
record shown(posthorn::http::url const& u);
record shown(std::optional<posthorn::http::url> const& u);

} // namespace tool

#endif
