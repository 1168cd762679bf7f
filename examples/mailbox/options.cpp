//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include "options.hpp"

#include "../tool/command_line.hpp"

#include <string>

namespace tool {

namespace {

void add_server(CLI::App& app, options& o)
{
    section const g(app, "Server");
    g.option("--url", o.url, "URL", "Where the provider says that the mailbox is: https:// or http://HOST[:PORT]/PATH")->required();
    g.option("--dialect", o.dialect, "DIALECT", "What the server speaks; by default it is found out (auto)")
        ->check(CLI::IsMember({"auto", "hotmail", "exchange", "dav"}));
    g.option("--ca", o.ca, "FILE", "File with the authorities to trust, PEM, instead of the system's");
    g.option("--trust", o.trusted, "SERVER",
             "Another server that the mailbox may be on, if --url leads elsewhere (repeatable): https://HOST[:PORT], or HOST or "
             "*.DOMAIN for logins by Digest only")
        ->allow_extra_args(false);
}

void add_login(CLI::App& app, options& o)
{
    section const g(app, "Login");
    g.option("--user", o.user, "NAME", "Log in as");
    g.option("--password", o.password, "TEXT", "The password; other users of this host can see it in the list of processes");
    g.option("--password-file", o.password_file, "FILE", "File whose first line is the password");
    g.option("--password-env", o.password_env, "NAME", "Environment variable that holds the password");
    g.option("--auth", o.auth, "SCHEME",
             "The only way to log in; by default the best that the server offers. With bearer the password is the access token")
        ->check(CLI::IsMember({"basic", "digest", "ntlm", "bearer"}));
    g.flag("--allow-plaintext-auth", o.allow_plaintext,
           "Show the password to the network if there is no TLS (servers on this host get it all the same)");
}

void add_output(CLI::App& app, options& o)
{
    section const g(app, "Output");
    g.flag("--json", o.json, "Print an array of objects");
    g.flag("--trace", o.trace, "Write requests and answers to the standard error, without secrets");
}

/// A command below an application, or below another command.
CLI::App* add(CLI::App& above, options& o, command what, char const* name, std::string const& help)
{
    auto* const c = above.add_subcommand(name, help);
    c->fallthrough();
    c->parse_complete_callback([&o, what] { o.what = what; });
    return c;
}

char const* const folder_help = "A URL, absolute or relative to the root of folders; or inbox, sent, drafts, deleted, outbox";
char const* const message_help = "The URL of a message, as the command list gives it";

void add_folder(CLI::App* c, options& o, char const* name = "FOLDER") { c->add_option(name, o.place, folder_help)->required(); }

void add_messages(CLI::App* c, options& o) { c->add_option("MESSAGE", o.messages, message_help)->required(); }

void add_reading(CLI::App& app, options& o)
{
    add(app, o, command::props, "props", "What the server says about the mailbox");
    auto* const folders = add(app, o, command::folders, "folders", "All folders, or those in one");
    folders->add_option("URL", o.place, folder_help);
    auto* const list = add(app, o, command::list, "list", "The messages of a folder");
    add_folder(list, o);
    list->add_option("--limit", o.limit, "So many at the most")->type_name("N");
    auto* const get = add(app, o, command::get, "get", "Fetches a message");
    get->add_option("MESSAGE", o.place, message_help)->required();
    get->add_option("-o,--output", o.file, "Where to store it; by default it is printed")->type_name("FILE");
}

void add_writing(CLI::App& app, options& o)
{
    auto* const put = add(app, o, command::put, "put", "Stores a message in a folder");
    add_folder(put, o);
    put->add_option("FILE", o.file, "The message; - for the standard input")->required();
    auto* const send = add(app, o, command::send, "send", "Sends a message");
    send->add_option("--from", o.from, "The sender")->required()->type_name("ADDRESS");
    send->add_option("--to", o.to, "A recipient (repeatable)")->required()->allow_extra_args(false)->type_name("ADDRESS");
    send->add_flag("--no-copy", o.no_copy, "Do not keep a copy among the sent items");
    send->add_option("FILE", o.file, "The message; - for the standard input")->required();
}

void add_changes(CLI::App& app, options& o)
{
    auto* const mark = add(app, o, command::mark, "mark", "Marks messages as read or unread");
    mark->add_option("FLAG", o.flag, "read or unread")->required()->check(CLI::IsMember({"read", "unread"}));
    add_messages(mark, o);
    auto* const move = add(app, o, command::move, "move", "Moves messages to a folder");
    add_folder(move, o, "DEST");
    add_messages(move, o);
    auto* const copy = add(app, o, command::copy, "copy", "Copies messages to a folder");
    add_folder(copy, o, "DEST");
    add_messages(copy, o);
    auto* const remove = add(app, o, command::remove, "delete", "Moves messages to the deleted items; destroys those that are there");
    remove->add_flag("--for-good", o.for_good, "Destroy them all");
    add_messages(remove, o);
}

void add_folder_changes(CLI::App& app, options& o)
{
    auto* const mkdir = add(app, o, command::mkdir, "mkdir", "Creates a folder");
    mkdir->add_option("PARENT", o.place, std::string(folder_help) + "; . for the root")->required();
    mkdir->add_option("NAME", o.name, "What to call it")->required();
    auto* const rename = add(app, o, command::rename, "rename", "Renames a folder");
    add_folder(rename, o);
    rename->add_option("NAME", o.name, "What to call it")->required();
    auto* const rmdir = add(app, o, command::rmdir, "rmdir", "Deletes a folder and all that is in it");
    add_folder(rmdir, o);
}

void add_contacts(CLI::App& app, options& o)
{
    auto* const c = app.add_subcommand("contacts", "Lists, shows and changes contacts");
    c->fallthrough();
    c->require_subcommand(1);
    char const* const field_help = "FIELD=VALUE, e.g. email=bob@example.net; FIELD as 'contacts show' prints it";
    add(*c, o, command::contacts_list, "list", "All contacts");
    auto* const show = add(*c, o, command::contacts_show, "show", "All fields of a contact");
    show->add_option("CONTACT", o.place, "Its URL")->required();
    auto* const create = add(*c, o, command::contacts_add, "add", "Stores a contact");
    create->add_option("FIELD", o.fields, field_help)->required();
    auto* const edit = add(*c, o, command::contacts_edit, "edit", "Changes fields of a contact; an empty VALUE takes one away");
    edit->add_option("CONTACT", o.place, "Its URL")->required();
    edit->add_option("FIELD", o.fields, field_help)->required();
    auto* const remove = add(*c, o, command::contacts_remove, "remove", "Deletes contacts");
    remove->add_option("CONTACT", o.messages, "Their URLs")->required();
}

void add_raw(CLI::App& app, options& o)
{
    auto* const raw = add(app, o, command::raw, "raw", "Sends a request of your own, and prints the answer");
    raw->add_option("VERB", o.method, "E.g. PROPFIND")->required();
    raw->add_option("URL", o.place, folder_help)->required();
    raw->add_option("--header", o.fields, "A header field, 'NAME: VALUE' (repeatable)")->allow_extra_args(false)->type_name("FIELD");
    raw->add_option("--body", o.file, "What to send; - for the standard input")->type_name("FILE");
}

} // namespace

std::optional<int> parse_command_line(int argc, char** argv, options& o)
{
    CLI::App app{"Reads and changes a mailbox by HTTPMail, as Hotmail, Exchange and servers of WebDAV offer it."};
    app.name("posthorn-mailbox");
    app.footer("Exit codes: 0 done, 65 refused for good, 75 try again later, 69 server unreachable, 77 login refused,\n"
               "76 protocol or TLS error, 74 in doubt, 64 usage.");
    app.require_subcommand(1);
    add_server(app, o);
    add_login(app, o);
    add_output(app, o);
    add_reading(app, o);
    add_writing(app, o);
    add_changes(app, o);
    add_folder_changes(app, o);
    add_contacts(app, o);
    add_raw(app, o);
    return parse(app, argc, argv);
}

} // namespace tool
