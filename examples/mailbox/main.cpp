//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// posthorn-mailbox: reads and changes a mailbox by HTTPMail, on servers of Hotmail's and Exchange's kind and of WebDAV.

#include <posthorn/coro.hpp>

#include "../tool/checks.hpp"
#include "commands.hpp"
#include "failure.hpp"
#include "options.hpp"
#include "session.hpp"

#include <exception>
#include <iostream>

namespace {

posthorn::task<void> command_of(tool::session& s)
{
    using tool::command;
    switch (s.given().what)
    {
    case command::props: return tool::show_properties(s);
    case command::folders: return tool::list_folders(s);
    case command::list: return tool::list_messages(s);
    case command::get: return tool::get_message(s);
    case command::put: return tool::put_message(s);
    case command::send: return tool::send_message(s);
    case command::mark:
    case command::move:
    case command::copy:
    case command::remove: return tool::change_messages(s);
    case command::mkdir: return tool::make_folder(s);
    case command::rename: return tool::rename_folder(s);
    case command::rmdir: return tool::remove_folder(s);
    case command::contacts_list: return tool::list_contacts(s);
    case command::contacts_show: return tool::show_contact(s);
    case command::contacts_add: return tool::add_contact(s);
    case command::contacts_edit: return tool::edit_contact(s);
    case command::contacts_remove: return tool::remove_contacts(s);
    case command::raw: break;
    }
    return tool::send_raw(s);
}

posthorn::task<int> run(tool::options const& o)
{
    tool::session s(o); // in here, because it must not outlive the event loop
    try
    {
        co_await command_of(s);
    }
    catch (posthorn::error const& e)
    {
        s.complain(tool::code_of_failure(e.code()), tool::explain(e));
    }
    co_return s.code();
}

} // namespace

int main(int argc, char** argv)
{
    try
    {
        tool::options o;
        if (auto const status = tool::parse_command_line(argc, argv, o))
            return *status;
        int const status = posthorn::sync_wait(run(o));
        if (!std::cout.flush())
            throw tool::usage_error("cannot write to the standard output");
        return status;
    }
    catch (std::exception const& e) // what cannot be obeyed
    {
        std::cerr << "posthorn-mailbox: " << e.what() << '\n';
        return tool::usage;
    }
}
