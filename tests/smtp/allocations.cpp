//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Sending on a connection that is in use takes no memory from the heap.

#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/source/memory.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include <support/allocations.hpp>
#include <support/dialogue.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

using namespace posthorn;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("smtp/allocations");

namespace {

constexpr int warm_up = 20;

struct way
{
    bool        tls;
    bool        pipelining;
    std::size_t size;

    int counted() const { return size < 10000 ? 1000 : 50; }
};

// Content above 64 KiB is written and the server listened to at once.
constexpr way ways[] = {{false, false, 300},   {false, true, 300},   {true, false, 300},
                        {true, true, 300},     {false, true, 20000}, {true, true, 20000},
                        {false, true, 200000}, {true, true, 200000}};

smtp_sink_settings sink_settings(way const& w)
{
    smtp_sink_settings s;
    s.retention = smtp_sink_settings::keep::totals;
    s.log       = false;
    if (!w.pipelining)
        s.withdraw("PIPELINING");
    if (w.tls)
    {
        s.tls         = smtp_sink_settings::tls_mode::implicit;
        s.tls_context = support::server_tls();
    }
    return s;
}

smtp::message message_of(way const& w)
{
    std::string text = "Subject: test\r\n\r\n";
    while (text.size() < w.size)
        text += ".A line that begins with a dot, which has to be doubled on its way.\r\nAnd one that does "
                "not.\r\n";
    return smtp::message("sender-with-a-long-name@example.test",
                         {"recipient-with-a-long-name@example.test", "another-recipient@example.test"},
                         std::move(text));
}

/// Sends through a session. @return Heap allocations of this thread while the last messages were sent.
task<std::size_t> count_session(std::uint16_t port, way w)
{
    auto          stream = co_await support::dial(port);
    smtp::session session(std::move(stream), support::session_settings());
    if (w.tls)
        co_await session.secure(support::client_tls(), std::string("127.0.0.1"), std::string());
    std::ignore = co_await session.greet();
    co_await session.hello();
    auto const               message = message_of(w);
    smtp::send_options const options;
    smtp::report             report;
    std::size_t              before = 0;
    for (int i = 0; i != warm_up + w.counted(); ++i)
    {
        if (i == warm_up)
            before = support::allocations();
        co_await session.send(message, options, report);
        if (!report.all_accepted())
            FAIL("a message was not accepted");
    }
    auto const taken = support::allocations() - before;
    co_await session.quit();
    co_return taken;
}

/// The same through a client.
task<std::size_t> count_client(std::uint16_t port, way w)
{
    auto settings = support::client_settings(port);
    if (w.tls)
        settings.tls = smtp::tls_mode::implicit;
    smtp::client             client(settings);
    auto const               message = message_of(w);
    smtp::send_options const options;
    smtp::report             report;
    std::size_t              before = 0;
    for (int i = 0; i != warm_up + w.counted(); ++i)
    {
        if (i == warm_up)
            before = support::allocations();
        co_await client.send(message, options, report);
        if (!report.all_accepted())
            FAIL("a message was not accepted");
    }
    auto const taken = support::allocations() - before;
    co_await client.quit();
    co_return taken;
}

} // namespace

#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS)
TEST_CASE("the counter sees what this thread takes from the heap")
{
    auto const before = support::allocations();
    auto const some   = std::make_unique<std::string>(1000, 'x');
    auto const taken  = support::allocations() - before;
    CHECK(some->size() == 1000);
    CHECK(taken >= 2);
}
#endif

TEST_CASE("messages on one session take nothing from the heap")
{
    for (auto const& w : ways)
    {
        CAPTURE(w.tls);
        CAPTURE(w.pipelining);
        CAPTURE(w.size);
        testing::server_thread<smtp_sink> sink(sink_settings(w));
        CHECK(sync_wait(count_session(sink->port(), w)) == 0); // nothing to count under sanitizers
        CHECK(sink->totals().messages == static_cast<std::uint64_t>(warm_up + w.counted()));
    }
}

TEST_CASE("messages through a client take nothing from the heap")
{
    for (auto const& w : ways)
    {
        CAPTURE(w.tls);
        CAPTURE(w.pipelining);
        CAPTURE(w.size);
        testing::server_thread<smtp_sink> sink(sink_settings(w));
        CHECK(sync_wait(count_client(sink->port(), w)) == 0); // nothing to count under sanitizers
        CHECK(sink->totals().messages == static_cast<std::uint64_t>(warm_up + w.counted()));
    }
}

TEST_SUITE_END();
