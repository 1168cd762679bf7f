//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// posthorn-send: sends a message from a file or the standard input, and tells what became of it for each recipient.

#include <posthorn/smtp.hpp>

#include "job.hpp"
#include "options.hpp"
#include "progress_bar.hpp"
#include "result.hpp"

#include <unistd.h>

#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace {

namespace smtp = posthorn::smtp;

/// Is the connection, or the will to go on, lost for the messages that follow as well?
bool ends_all(std::exception_ptr const& e)
{
    try
    {
        std::rethrow_exception(e);
    }
    catch (smtp::send_error const& failed)
    {
        return failed.code() == posthorn::condition::canceled;
    }
    catch (...)
    {
        return true;
    }
}

/// @throws what is no error of the library
std::optional<tool::failure> reason(std::exception_ptr const& e)
{
    if (!e)
        return std::nullopt;
    try
    {
        std::rethrow_exception(e);
    }
    catch (posthorn::error const& failed)
    {
        return tool::failure(failed);
    }
}

/// One message after the other.
posthorn::task<> send_each(smtp::client& client, tool::job const& j, tool::result& r)
{
    for (std::size_t i = 0; i != j.count; ++i)
    {
        smtp::report       report;
        std::exception_ptr failed;
        try
        {
            if (i != 0)
                co_await j.mail.content->rewind();
            co_await client.send(j.mail, client.settings().sending, report);
        }
        catch (...)
        {
            failed = std::current_exception();
        }
        r.add(i, std::move(report), reason(failed));
        if (failed && ends_all(failed))
            std::rethrow_exception(failed);
    }
}

/// None waits for the one before.
posthorn::task<> send_burst(smtp::client& client, tool::job const& j, tool::result& r)
{
    std::vector<smtp::message_pointer> const mails(j.count,
                                                   smtp::message_pointer(std::shared_ptr<void>(), &j.mail));
    auto                                     results = client.send_burst(mails);
    for (;;)
    {
        auto one = co_await results.next();
        if (!one)
            break;
        std::optional<tool::failure> why;
        if (one->failure)
            why.emplace(*one->failure);
        r.add(one->index, std::move(one->report), std::move(why));
    }
}

/// Every `step`-th message, from `first` on, one after the other, over whichever connection is free.
posthorn::task<> send_share(smtp::pool& pool, tool::job const& j, tool::result& r, std::size_t first)
{
    for (std::size_t i = first; i < j.count; i += j.connections)
    {
        smtp::report       report;
        std::exception_ptr failed;
        try
        {
            co_await pool.send(j.mail, j.settings.sending, report);
        }
        catch (...)
        {
            failed = std::current_exception();
        }
        r.add(i, std::move(report), reason(failed));
        if (failed && ends_all(failed))
            std::rethrow_exception(failed);
    }
}

/// The same as a burst over one connection.
posthorn::task<> burst_share(smtp::client& client, tool::job const& j, tool::result& r, std::size_t first)
{
    std::size_t const                        many = (j.count - first + j.connections - 1) / j.connections;
    std::vector<smtp::message_pointer> const mails(many, smtp::message_pointer(std::shared_ptr<void>(), &j.mail));
    auto                                     results = client.send_burst(mails);
    auto                                     one     = co_await results.next();
    while (one)
    {
        std::optional<tool::failure> why;
        if (one->failure)
            why.emplace(*one->failure);
        r.add(first + one->index * j.connections, std::move(one->report), std::move(why));
        one = co_await results.next();
    }
}

posthorn::task<> send_by_pool(tool::job const& j, tool::result& r)
{
    smtp::pool_settings settings(j.settings);
    settings.max_connections = j.connections;
    settings.max_messages    = 0;
    auto const                    ex = co_await posthorn::this_coro::executor;
    smtp::pool                    pool(ex, std::move(settings));
    std::exception_ptr            failed;
    std::vector<posthorn::task<>> shares;
    for (std::size_t first = 0; first != j.connections && first < j.count; ++first)
        if (j.burst)
            shares.push_back(pool.use([&j, &r, first](smtp::client& c) { return burst_share(c, j, r, first); }));
        else
            shares.push_back(send_share(pool, j, r, first));
    try
    {
        co_await posthorn::when_all(std::move(shares));
    }
    catch (...)
    {
        failed = std::current_exception();
    }
    r.end(reason(failed));
    co_await pool.drain();
}

posthorn::task<> send_all(tool::job const& j, tool::result& r)
{
    if (j.connections > 1)
    {
        co_await send_by_pool(j, r);
        co_return;
    }
    smtp::client       client(j.settings); // in here, because it must not outlive the event loop
    std::exception_ptr failed;
    try
    {
        if (j.burst)
            co_await send_burst(client, j, r);
        else
            co_await send_each(client, j, r);
    }
    catch (...)
    {
        failed = std::current_exception();
    }
    r.end(reason(failed));
    co_await client.quit();
}

/// The limit for everything is the limit of one message, if there is only one.
posthorn::task<> send_in_time(tool::job const& j, tool::result& r)
{
    auto const most = j.settings.session.timeouts.total;
    auto       all  = send_all(j, r);
    if (j.count == 1 && !j.burst)
        co_await std::move(all);
    else
        co_await posthorn::with_timeout(std::move(all), most);
}

/// Who watches the connection.
smtp::event_handler watcher(tool::options const& o, tool::result& r, tool::progress_bar& bar)
{
    smtp::event_handler trace;
    if (o.trace)
        trace = smtp::protocol_log([](std::string_view line) { std::cerr << line << '\n'; });
    bool const show = !o.trace && !o.json && ::isatty(STDERR_FILENO) != 0;
    return [trace, show, &r, &bar](smtp::event const& e) {
        if (trace)
            trace(e);
        if (show)
            if (auto const* progress = std::get_if<smtp::events::progress>(&e))
                bar.advance(*progress);
        r.note(e);
    };
}

int run(tool::options const& o)
{
    tool::job          j = tool::make_job(o);
    tool::result       r(j.mail.envelope, j.count);
    tool::progress_bar bar(j.count);
    j.settings.session.on_event = watcher(o, r, bar);
    posthorn::sync_wait(send_in_time(j, r));
    bar.clear();
    if (o.json)
        std::cout << r.to_json() << '\n';
    else
        std::cout << r.describe();
    if (auto const text = r.complaint(); !o.json && !text.empty())
        std::cerr << "posthorn-send: " << text << '\n';
    return r.code();
}

} // namespace

int main(int argc, char** argv)
{
    try
    {
        tool::options o;
        if (auto const status = tool::parse_command_line(argc, argv, o))
            return *status;
        return run(o);
    }
    catch (std::exception const& e) // what cannot be obeyed
    {
        std::cerr << "posthorn-send: " << e.what() << '\n';
        return tool::usage;
    }
}
