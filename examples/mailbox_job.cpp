//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A mailbox, in one process: a server of HTTPMail, and a client that logs in, lists folders and messages, fetches and moves one,
// and sends another.

#include <posthorn/httpmail.hpp>
#include <posthorn/testing/httpmail_server.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace httpmail = posthorn::httpmail;
namespace smtp     = posthorn::smtp;
namespace testing  = posthorn::testing;

namespace {

std::string const greeting = "From: Bob <bob@example.net>\r\n"
                             "To: Alice <alice@example.com>\r\n"
                             "Subject: Greetings\r\n"
                             "Date: Thu, 10 Jun 2004 10:12:09 +0000\r\n"
                             "\r\n"
                             "Dear Alice,\r\n"
                             ".a line that begins with a dot\r\n";

std::string const reply = "From: Alice <alice@example.com>\r\n"
                          "To: Bob <bob@example.net>\r\n"
                          "Subject: Re: Greetings\r\n"
                          "\r\n"
                          "Dear Bob\r\n";

httpmail::mailbox_settings client_settings(testing::httpmail_server_settings const& server)
{
    httpmail::mailbox_settings settings;
    settings.http.login = posthorn::sasl::credentials(server.user, server.password); // Digest, which does not show the password
    return settings;
}

/// @return What the server does not have as it should; empty if there is nothing.
std::string looked_at(testing::httpmail_server const& server, std::string const& personal)
{
    auto const inbox = server.folder("inbox");
    auto const moved = server.folder(personal);
    auto const sent  = server.folder("sentitems");
    if (!inbox || !moved || !sent)
        return "the server has lost a folder";
    if (inbox->items.size() != 1 || inbox->items[0].content == greeting)
        return "the inbox does not hold the one message that was left there";
    if (moved->items.size() != 1 || moved->items[0].content != greeting || !moved->items[0].read)
        return "the message is not in the folder that it was moved to, and read";
    auto const mail = server.submissions();
    if (mail.size() != 1 || mail[0].from != "alice@example.com" || mail[0].recipients != std::vector<std::string>{"bob@example.net"} ||
        mail[0].content != reply)
        return "the server was not given the message to send";
    if (sent->items.size() != 1 || sent->items[0].content != reply)
        return "there is no copy of what was sent";
    return {};
}

/// @return What went wrong; empty if everything is as it should be.
posthorn::task<std::string> mailbox_job()
{
    auto const               ex       = co_await posthorn::this_coro::executor;
    auto const               settings = testing::httpmail_server_settings::hotmail();
    testing::httpmail_server server(ex, settings);
    server.add_message("inbox", greeting);
    server.add_message("inbox", "From: carol@example.net\r\nSubject: Another one\r\n\r\n");
    server.add_folder("Personal");
    server.start();

    httpmail::mailbox box(posthorn::http::url(server.url()), client_settings(settings));
    auto const        root    = co_await box.open();
    auto const        folders = co_await box.folders();
    std::cout << "the mailbox at " << root.at.str() << " speaks the dialect " << to_string(box.speaks()) << "\nits folders:\n";
    for (auto const& f : folders)
        std::cout << "  " << f.name() << " (" << to_string(f.kind) << "), " << f.messages.value_or(0) << " messages, "
                  << f.unread.value_or(0) << " unread\n";
    auto const personal = std::find_if(folders.begin(), folders.end(), [](auto const& f) { return f.name() == "Personal"; });
    if (personal == folders.end())
        co_return "the list of folders lacks one";

    std::cout << "the inbox:\n";
    auto const          inbox = co_await box.find(httpmail::folder_kind::inbox);
    auto                list  = box.messages(inbox);
    posthorn::http::url wanted;
    auto                m = co_await list.next();
    while (m)
    {
        std::cout << "  " << m->from << ": " << m->subject << '\n';
        if (m->subject == "Greetings")
            wanted = m->url;
        m = co_await list.next();
    }
    if (wanted.empty())
        co_return "the list of messages lacks one";

    auto const text = co_await box.fetch_text(wanted);
    std::cout << "the message:\n" << text;
    if (text != greeting)
        co_return "the fetched message differs from the one that is there";
    co_await box.mark(wanted, true);
    auto const where = co_await box.move(wanted, personal->url);
    if (where)
        std::cout << "it was moved to " << where->str() << '\n';

    smtp::message mail("alice@example.com", {"bob@example.net"}, reply);
    auto const    report = co_await box.send(mail);
    std::cout << "the answer was sent: " << to_string(report.fate) << ", " << report.status << ' ' << report.text << '\n';
    if (!report.accepted())
        co_return "the server did not take the message";
    co_return looked_at(server, personal->url.target());
}

} // namespace

int main()
{
    try
    {
        std::string const problem = posthorn::sync_wait(mailbox_job());
        if (!problem.empty())
        {
            std::cout << "mailbox job: FAILED: " << problem << '\n';
            return 1;
        }
    }
    catch (std::exception const& e)
    {
        std::cout << "mailbox job: FAILED: " << e.what() << '\n';
        return 1;
    }
    std::cout << "mailbox job: ok\n";
}
