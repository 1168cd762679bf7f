//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Many messages: as a burst over one connection, and through a pool from many tasks at once.
//
//     many smtps://USER:PASSWORD@HOST 1000

#include <posthorn/smtp.hpp>

#include <asio/io_context.hpp>

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace smtp = posthorn::smtp;

namespace {

smtp::message make_mail(std::size_t number)
{
    return smtp::message("me@example.org", {"you@example.net"},
                         "Subject: number " + std::to_string(number) + "\r\n\r\nHello!\r\n");
}

posthorn::task<std::size_t> burst(smtp::client_settings settings, std::vector<smtp::message> const& mails)
{
    std::size_t  accepted = 0;
    smtp::client client(std::move(settings));
    auto         results = client.send_burst(mails);
    auto         one     = co_await results.next();
    while (one) // as soon as it is known, which need not be in order
    {
        accepted += one->report.all_accepted() ? 1 : 0;
        one = co_await results.next();
    }
    co_await client.quit();
    co_return accepted;
}

posthorn::task<std::size_t> through_pool(smtp::client_settings settings, std::vector<smtp::message> const& mails)
{
    auto const ex = co_await posthorn::this_coro::executor;
    smtp::pool pool(ex, smtp::pool_settings(std::move(settings)));
    std::vector<posthorn::task<smtp::report>> sending;
    for (auto const& mail : mails)
        sending.push_back(pool.send(mail));
    auto const  reports  = co_await posthorn::when_all(std::move(sending));
    std::size_t accepted = 0;
    for (auto const& report : reports)
        accepted += report.all_accepted() ? 1 : 0;
    co_await pool.drain();
    co_return accepted;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2)
    {
        std::cerr << "usage: many URL [COUNT]\n";
        return 64;
    }
    try
    {
        smtp::client_settings settings {std::string_view(argv[1])};
        std::vector<smtp::message> mails;
        for (std::size_t i = 0; i != (argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 100); ++i)
            mails.push_back(make_mail(i));
        std::cout << "burst: " << posthorn::sync_wait(burst(settings, mails)) << " accepted\n";
        std::cout << "pool: " << posthorn::sync_wait(through_pool(settings, mails)) << " accepted\n";
    }
    catch (std::exception const& e)
    {
        std::cerr << e.what() << '\n';
        return 1;
    }
    return 0;
}
