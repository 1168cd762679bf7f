//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A mailbox against a server whose answers are given by a test, by method and target.

#ifndef POSTHORN_TESTS_SUPPORT_MAIL_SITE_HPP
#define POSTHORN_TESTS_SUPPORT_MAIL_SITE_HPP

#include <posthorn/coro/this_coro.hpp>
#include <posthorn/httpmail/mailbox.hpp>

#include <doctest/doctest.h>

#include <support/http_server.hpp>
#include <support/run_task.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// One answer; `$H` in its fields and body stands for the origin that was asked.
struct mail_answer
{
    mail_answer(std::string s, std::string b = {}, std::string f = {})
        : status(std::move(s)), body(std::move(b)), fields(std::move(f))
    {
    }
    mail_answer(char const* s) : status(s) {}

    static mail_answer list(std::string items, std::string f = {})
    {
        return {"207 Multi-Status",
                "<?xml version=\"1.0\" encoding=\"Windows-1252\"?>\r\n<D:multistatus xmlns:D=\"DAV:\" "
                "xmlns:m=\"urn:schemas:mailheader:\" xmlns:hm=\"urn:schemas:httpmail:\" xmlns:c=\"urn:schemas:contacts:\" "
                "xmlns:h=\"http://schemas.microsoft.com/hotmail/\">" + items + "</D:multistatus>",
                "Content-Type: text/xml\r\n" + f};
    }
    /// The connection ends without an answer.
    static mail_answer cut()
    {
        mail_answer a("");
        a.cuts = true;
        return a;
    }
    /// There is no answer.
    static mail_answer hold()
    {
        mail_answer a("");
        a.holds = true;
        return a;
    }

    std::string status, body, fields;
    bool        cuts = false, holds = false;
    std::chrono::milliseconds delay{0}; ///< Before the answer.
};

/// A response of a multistatus. @param props Elements. @param status Beside them.
inline std::string member(std::string const& href, std::string const& props)
{
    return "<D:response><D:href>" + href + "</D:href><D:propstat><D:prop>" + props +
           "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>";
}

/// Answers in their turn; the last one again and again. `METHOD *` is for all other targets.
using mail_answers = std::map<std::string, std::vector<mail_answer>>;

/// The server and the mailbox, in the event loop of the running task.
struct mail_site
{
    mail_site(asio::any_io_executor const& ex, mail_answers a, posthorn::httpmail::mailbox_settings settings,
              std::string const& entry)
        : answers(std::move(a)), server(ex, [this](http_request const& r) { return answer(r); }),
          box(server.url(entry), std::move(settings))
    {
    }

    http_answer answer(http_request const& r)
    {
        std::string const key   = r.method + ' ' + r.target;
        auto              known = answers.find(key);
        if (known == answers.end())
            known = answers.find(r.method + " *");
        if (known == answers.end())
        {
            unexpected.push_back(key);
            return http_response("404 Not Found");
        }
        auto&       turn   = turns[known->first];
        auto const& a      = known->second[std::min(turn, known->second.size() - 1)];
        ++turn;
        if (a.cuts || a.holds)
        {
            http_answer none;
            none.cut  = a.cuts;
            none.hold = a.holds;
            return none;
        }
        std::string const home = "http://" + r.field("Host").value_or("");
        auto response = http_response(a.status, with_home(a.body, home), with_home(a.fields, home));
        if (a.delay.count() == 0)
            return response;
        http_answer late;
        late.pattern = std::move(response);
        late.times   = 1;
        late.pause   = a.delay;
        return late;
    }

    static std::string with_home(std::string text, std::string const& home)
    {
        for (auto at = text.find("$H"); at != text.npos; at = text.find("$H", at + home.size()))
            text.replace(at, 2, home);
        return text;
    }

    posthorn::http::url url(std::string const& target) const { return server.url(target); }

    /// How often this was asked.
    std::size_t asked(std::string const& key) const
    {
        return static_cast<std::size_t>(std::count_if(server.requests().begin(), server.requests().end(),
                                                      [&](auto const& r) { return r.method + ' ' + r.target == key; }));
    }

    /// Lets everything else go on until this was asked once.
    posthorn::task<void> until_asked(std::string key)
    {
        while (asked(key) == 0)
            co_await hop();
    }

    mail_answers                       answers;
    std::map<std::string, std::size_t> turns;
    std::vector<std::string>           unexpected; ///< What no answer was given for.
    http_server                        server;
    posthorn::httpmail::mailbox        box;
};

/// Runs `body(site&)`.
inline void with_mailbox(mail_answers answers, posthorn::httpmail::mailbox_settings settings, std::string const& entry,
                         std::function<posthorn::task<void>(mail_site&)> body)
{
    run([&]() -> posthorn::task<void> {
        auto const ex = co_await posthorn::this_coro::executor;
        mail_site  s(ex, answers, settings, entry);
        co_await body(s);
        std::string all;
        for (auto const& u : s.unexpected)
            all += u + '\n';
        CHECK(all == "");
    });
}

} // namespace support

#endif
