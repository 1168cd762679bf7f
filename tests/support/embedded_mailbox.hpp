//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A mailbox and the server of testing/httpmail_server.hpp in one event loop, and short forms for what tests of them say.

#ifndef POSTHORN_TESTS_SUPPORT_EMBEDDED_MAILBOX_HPP
#define POSTHORN_TESTS_SUPPORT_EMBEDDED_MAILBOX_HPP

#include <posthorn/coro/this_coro.hpp>
#include <posthorn/httpmail/mailbox.hpp>
#include <posthorn/testing/httpmail_server.hpp>

#include <support/mailboxes.hpp>
#include <support/run_task.hpp>

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace support::mailboxes {

using posthorn::testing::httpmail_fault;
using posthorn::testing::httpmail_server;
using posthorn::testing::httpmail_server_settings;

inline std::string mail(std::string const& subject)
{
    return "From: \"Bob Example\" <bob@example.net>\r\nTo: alice@example.com\r\nSubject: " + subject +
           "\r\nDate: Thu, 10 Jun 2004 10:12:09 +0000\r\n\r\nhello\r\n.\r\n";
}

/// The server and the mailbox, in one event loop.
struct mail_pair
{
    mail_pair(asio::any_io_executor const& ex, httpmail_server_settings s, mailbox_settings m)
        : server(ex, std::move(s)), box(http::url(server.url()), std::move(m))
    {
        server.start();
    }

    http::url url(std::string const& target) const { return http::url(server.origin()).with_target(target); }

    httpmail_server server;
    mailbox         box;
};

inline mailbox_settings logged_in(httpmail_server_settings const& s)
{
    mailbox_settings m;
    m.http.login                 = {s.user, s.password};
    m.http.rules.allow_plaintext = true;
    return m;
}

inline void with_pair(httpmail_server_settings s, mailbox_settings m, std::function<task<void>(mail_pair&)> body)
{
    support::run([&]() -> task<void> {
        auto const ex = co_await posthorn::this_coro::executor;
        mail_pair  p(ex, s, m);
        co_await body(p);
    });
}

inline void with_pair(httpmail_server_settings const& s, std::function<task<void>(mail_pair&)> body)
{
    with_pair(s, logged_in(s), std::move(body));
}

inline std::string subjects(std::vector<message_info> const& all)
{
    std::multiset<std::string> sorted;
    for (auto const& m : all)
        sorted.insert(m.subject);
    std::string text;
    for (auto const& s : sorted)
        text += (text.empty() ? "" : "|") + s;
    return text;
}

inline std::vector<http::url> urls_of(std::vector<message_info> const& all)
{
    std::vector<http::url> urls;
    for (auto const& m : all)
        urls.push_back(m.url);
    return urls;
}

inline httpmail_fault fault(httpmail_fault::what kind, std::string method)
{
    httpmail_fault f;
    f.kind   = kind;
    f.method = std::move(method);
    return f;
}

} // namespace support::mailboxes

#endif
