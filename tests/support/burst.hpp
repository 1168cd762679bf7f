//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Bursts: all their results, and sessions and clients that talk to a sink.

#ifndef POSTHORN_TESTS_SUPPORT_BURST_HPP
#define POSTHORN_TESTS_SUPPORT_BURST_HPP

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/smtp/burst.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/testing/fingerprint.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include <support/dialogue.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace support {

/// What a burst has given.
struct burst_results
{
    std::vector<posthorn::smtp::burst_result> all; ///< In the order in which they came.
    std::exception_ptr                        failure;

    /// The result of message number `index`; fails the test if there is not exactly one.
    posthorn::smtp::burst_result const& of(std::size_t index) const
    {
        auto const is    = [index](auto const& r) { return r.index == index; };
        auto const found = std::find_if(all.begin(), all.end(), is);
        REQUIRE(std::count_if(all.begin(), all.end(), is) == 1);
        return *found;
    }

    posthorn::smtp::disposition outcome(std::size_t index, std::size_t recipient = 0) const
    {
        auto const& r = of(index);
        REQUIRE(recipient < r.report.recipients().size());
        return r.report.recipients()[recipient].outcome;
    }

    std::error_code failure_of(std::size_t index) const
    {
        auto const& r = of(index);
        return r.failure ? r.failure->code() : std::error_code();
    }

    std::size_t accepted() const
    {
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](auto const& r) {
            return r.report.outcome() == posthorn::smtp::overall::accepted;
        }));
    }

    /// Is there exactly one result for each of the first `count` messages, and no other?
    bool complete(std::size_t count) const
    {
        std::vector<std::size_t> indices;
        for (auto const& r : all)
            indices.push_back(r.index);
        std::sort(indices.begin(), indices.end());
        for (std::size_t i = 0; i != indices.size(); ++i)
            if (indices[i] != i)
                return false;
        return indices.size() == count;
    }

    std::string describe() const
    {
        std::string text;
        for (auto const& r : all)
        {
            text += std::to_string(r.index) + ": " + r.report.describe();
            if (r.failure)
                text += "    " + std::string(r.failure->what()) + '\n';
        }
        return text;
    }
};

/// Takes everything out of a burst.
inline posthorn::task<void> collect(posthorn::async_generator<posthorn::smtp::burst_result> burst,
                                    burst_results&                                          into)
{
    try
    {
        auto result = co_await burst.next();
        while (result)
        {
            into.all.push_back(std::move(*result));
            result = co_await burst.next();
        }
    }
    catch (std::exception const&)
    {
        into.failure = std::current_exception();
    }
}

/// Content that tells which message it belongs to. @param size Octets, at the least.
inline std::string numbered_text(std::size_t number, std::size_t size = 0)
{
    std::string text = "Subject: message " + std::to_string(number) + "\r\n\r\n";
    do
        text += "This is the content of message " + std::to_string(number) + " and of no other one.\r\n";
    while (text.size() < size);
    return text;
}

inline posthorn::smtp::message numbered(std::size_t number, std::size_t size = 0)
{
    std::string const to = "r" + std::to_string(number) + "@y.test";
    return posthorn::smtp::message("s" + std::to_string(number) + "@b.test", {to},
                                   numbered_text(number, size));
}

inline std::vector<posthorn::smtp::message> numbered_messages(std::size_t count, std::size_t size = 0)
{
    std::vector<posthorn::smtp::message> all;
    for (std::size_t i = 0; i != count; ++i)
        all.push_back(numbered(i, size));
    return all;
}

/// The number of a message that numbered() has made, by its sender.
inline std::size_t number_of(posthorn::testing::smtp_sink_message const& m)
{
    return static_cast<std::size_t>(std::stoul(m.from.address.substr(1)));
}

/// Each stored message has the content of the one it says it is, and its recipients.
inline void check_stored(posthorn::testing::smtp_sink const& sink, std::size_t size = 0)
{
    for (auto const& m : sink.messages())
    {
        std::size_t const number = number_of(m);
        CAPTURE(number);
        CHECK(m.fingerprint == posthorn::testing::fingerprint::of(numbered_text(number, size)));
        for (auto const& r : m.recipients)
            CHECK(r.address.rfind("r" + std::to_string(number) + "@", 0) == 0);
    }
}

using sink_session_body =
    std::function<posthorn::task<void>(posthorn::smtp::session&, posthorn::testing::smtp_sink&)>;
using sink_client_body =
    std::function<posthorn::task<void>(posthorn::smtp::client&, posthorn::testing::smtp_sink&)>;
using change_client = std::function<void(posthorn::smtp::client_settings&)>;

namespace detail {

inline posthorn::task<void> session_with_sink(posthorn::testing::smtp_sink_settings settings,
                                              sink_session_body                     body)
{
    auto const                   ex = co_await posthorn::this_coro::executor;
    posthorn::testing::smtp_sink sink(ex, std::move(settings));
    sink.start();
    {
        auto                    stream = co_await dial(sink.port());
        posthorn::smtp::session session(std::move(stream), session_settings());
        std::ignore = co_await session.greet();
        co_await session.hello();
        co_await body(session, sink);
        co_await session.quit();
    }
    co_await sink.until_idle();
    CHECK(sink.violations() == lines());
}

inline posthorn::task<void> client_with_sink(posthorn::testing::smtp_sink_settings settings,
                                             sink_client_body body, change_client change)
{
    auto const                   ex = co_await posthorn::this_coro::executor;
    posthorn::testing::smtp_sink sink(ex, std::move(settings));
    sink.start();
    {
        auto s = client_settings(sink.port());
        if (change)
            change(s);
        posthorn::smtp::client client(std::move(s));
        co_await body(client, sink);
        co_await client.quit();
    }
    co_await sink.until_idle(0);
    CHECK(sink.violations() == lines());
}

} // namespace detail

/// A session that has said hello to a sink; QUIT follows, and the sink must have nothing to complain about.
inline void with_sink(posthorn::testing::smtp_sink_settings settings, sink_session_body body)
{
    posthorn::sync_wait(
        posthorn::with_timeout(detail::session_with_sink(std::move(settings), std::move(body)), no_hang));
}

/// The same with a client.
inline void client_with_sink(posthorn::testing::smtp_sink_settings settings, sink_client_body body,
                             change_client change = {})
{
    posthorn::sync_wait(posthorn::with_timeout(
        detail::client_with_sink(std::move(settings), std::move(body), std::move(change)), no_hang));
}

} // namespace support

#endif
