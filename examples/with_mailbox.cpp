//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Runs a program beside a server of HTTPMail with a few messages: `with_mailbox PROGRAM ARGUMENT...` adds the server's URL, a name
// and a password to the arguments, and tells afterwards what became of the mailbox.

#include <posthorn/testing/httpmail_server.hpp>
#include <posthorn/testing/server_thread.hpp>

#include "run_program.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace testing = posthorn::testing;

int main(int argc, char** argv)
{
    if (argc < 2)
    {
        std::cerr << "usage: with_mailbox PROGRAM ARGUMENT...\n";
        return 64;
    }
    try
    {
        testing::server_thread<testing::httpmail_server> server(testing::httpmail_server_settings::hotmail());
        server->add_message("inbox", "From: Bob <bob@example.net>\r\nTo: alice@example.com\r\nSubject: first\r\n\r\nhello\r\n");
        server->add_message("inbox", "From: Carol <carol@example.net>\r\nTo: alice@example.com\r\nSubject: second\r\n\r\nbye\r\n");
        server->add_contact({{"cn", "Bob"}, {"email1", "bob@example.net"}});
        std::vector<std::string> words(argv + 1, argv + argc);
        words.push_back(server->url());
        words.push_back(server->settings().user);
        words.push_back(server->settings().password);
        int const status = run_program(std::move(words));
        for (auto const* const name : {"inbox", "deleteditems", "sentitems"})
            std::cout << name << ": " << server->folder(name)->items.size() << '\n';
        for (auto const& m : server->submissions())
            std::cout << "sent: from " << m.from << " to " << m.recipients.size() << '\n';
        bool const good = status == 0 && server->folder("inbox")->items.size() == 1 && server->folder("deleteditems")->items.size() == 1 &&
                          server->folder("deleteditems")->items[0].read && server->submissions().size() == 1;
        return good ? 0 : status != 0 ? status : 1;
    }
    catch (std::exception const& e)
    {
        std::cerr << e.what() << '\n';
        return 70;
    }
}
