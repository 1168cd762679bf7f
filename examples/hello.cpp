//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The first program of the README: sends one message and prints what became of it.

#include <posthorn/smtp.hpp>

#include <exception>
#include <iostream>
#include <string>

namespace smtp = posthorn::smtp;

namespace {

posthorn::task<> notify(std::string url)
{
    smtp::client  client {smtp::client_settings(url)};
    smtp::message mail("me@example.org", {"alice@example.net", "bob@example.net"},
                       "Subject: hello\r\n\r\nHello, both of you.\r\n");
    auto const report = co_await client.send(mail);
    for (auto const& r : report.recipients())
        std::cout << r.address << ": " << to_string(r.outcome) << '\n';
    co_await client.quit();
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 2)
    {
        std::cerr << "usage: hello smtps://USER:PASSWORD@HOST\n";
        return 64;
    }
    try
    {
        posthorn::sync_wait(notify(argv[1]));
    }
    catch (std::exception const& e)
    {
        std::cerr << e.what() << '\n';
        return 1;
    }
}
