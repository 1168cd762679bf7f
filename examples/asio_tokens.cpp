//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Tasks in a program on Asio: as a callback, as a future, in asio::awaitable, with a deadline; and Asio inside a task.

#include <posthorn/smtp.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

namespace smtp = posthorn::smtp;

namespace {

posthorn::task<smtp::report> send_one(std::uint16_t port, std::string subject)
{
    smtp::client_settings settings("smtp://127.0.0.1:" + std::to_string(port));
    settings.tls = smtp::tls_mode::none; // only because the server of this example is in the same process
    smtp::client        client(settings);
    smtp::message const mail("me@example.org", {"you@example.net"}, "Subject: " + subject + "\r\n\r\nHello!\r\n");
    auto const          report = co_await client.send(mail);
    co_await client.quit();
    co_return report;
}

/// An Asio operation inside a task, and a deadline around another task.
posthorn::task<smtp::report> send_later(std::uint16_t port)
{
    auto const         executor = co_await posthorn::this_coro::executor;
    asio::steady_timer timer(executor, std::chrono::milliseconds(10));
    co_await timer.async_wait(posthorn::use_task);
    auto sending = send_one(port, "later");
    co_return co_await posthorn::with_timeout(std::move(sending), std::chrono::seconds(30));
}

void print(char const* how, smtp::report const& report)
{
    std::cout << how << ": " << to_string(report.outcome()) << '\n';
}

#if defined(ASIO_HAS_CO_AWAIT)
asio::awaitable<void> from_awaitable(asio::io_context& loop, std::uint16_t port)
{
    auto const report = co_await posthorn::spawn(loop, send_one(port, "awaitable"), asio::use_awaitable);
    print("asio::awaitable", report);
}
#endif

} // namespace

int main()
{
    try
    {
        asio::io_context             loop;
        posthorn::testing::smtp_sink sink(loop.get_executor());
        sink.start();
        auto const port = sink.port();

        posthorn::spawn(loop, send_one(port, "callback"), [](std::exception_ptr failure, smtp::report const& report) {
            if (!failure)
                print("callback", report);
        });
        posthorn::spawn(loop, send_later(port), [](std::exception_ptr failure, smtp::report const& report) {
            if (!failure)
                print("with a deadline", report);
        });
        std::uint64_t messages = 3;
#if defined(ASIO_HAS_CO_AWAIT)
        asio::co_spawn(loop, from_awaitable(loop, port), asio::detached);
        ++messages;
#endif
        auto        future = posthorn::spawn(loop, send_one(port, "future"), asio::use_future);
        std::thread thread([&loop] { loop.run(); });
        auto const  report = future.get();
        while (sink.totals().messages < messages || sink.totals().open != 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        sink.stop();
        thread.join();
        print("future", report);
    }
    catch (std::exception const& e)
    {
        std::cerr << e.what() << '\n';
        return 1;
    }
}
