//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The connection ends after every octet of a dialogue, in either direction, by FIN or by RST: what the client reports
// must agree with what the server has stored.

#include <posthorn/coro/this_coro.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include <support/dialogue.hpp>
#include <support/relay.hpp>

#include <cstddef>
#include <system_error>
#include <variant>
#include <vector>

using namespace posthorn;
using support::cut;
using support::relay;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("hostile/cuts");

namespace {

/// How the message is sent.
struct way
{
    bool tls        = false;
    bool pipelining = false;
    bool chunking   = false; ///< The content leaves with the envelope.
};

/// What came of it.
struct result
{
    std::size_t                    to_server = 0;
    std::size_t                    to_client = 0;
    std::vector<smtp::disposition> outcomes; ///< Of the recipients; empty if it did not come to that.
    std::size_t                    stored = 0;
    bool end_left = false; ///< The client has handed the end of the content to its system.
    bool threw    = false;
};

task<void> send_through(way how, cut where, result& into)
{
    auto const         ex = co_await this_coro::executor;
    smtp_sink_settings server_settings;
    server_settings.log = false;
    if (!how.pipelining)
        server_settings.withdraw("PIPELINING");
    if (how.tls)
    {
        server_settings.tls         = smtp_sink_settings::tls_mode::implicit;
        server_settings.tls_context = support::server_tls();
    }
    server_settings.refuse["bad@y.test"] = testing::smtp_reply(550, "5.1.1 nobody");
    smtp_sink sink(ex, server_settings);
    sink.start();
    relay between(ex, sink.port(), where);
    between.start();
    {
        auto settings = support::client_settings(between.port());
        if (how.tls)
        {
            settings.tls                     = smtp::tls_mode::implicit;
            settings.tls_settings.resumption = false;
        }
        bool ended = false;
        std::string const content("Subject: t\r\n\r\n.Hello\r\n");
        settings.session.on_event = [&ended, &content](smtp::event const& e) {
            auto const* const progress = std::get_if<smtp::events::progress>(&e);
            ended                      = ended || (progress != nullptr && progress->current >= content.size());
        };
        smtp::client        client(settings);
        smtp::message const message("a@b.test", {"x@y.test", "bad@y.test", "z@y.test"},
                                    content);
        smtp::send_options  options;
        smtp::report        report;
        options.chunking   = how.chunking ? smtp::chunking::on : smtp::chunking::off;
        options.chunk_size = 10;
        try
        {
            co_await client.send(message, options, report);
        }
        catch (std::system_error const&)
        {
            into.threw = true;
        }
        into.end_left = ended;
        for (auto const& one : report.recipients())
            into.outcomes.push_back(one.outcome);
        co_await client.quit();
    }
    into.to_server = between.to_server();
    into.to_client = between.to_client();
    // Whatever was on its way to the server arrives before the sink sees the end of the connection.
    co_await sink.until_idle();
    into.stored = static_cast<std::size_t>(sink.totals().messages);
}

result send_through(way how, cut where)
{
    result r;
    sync_wait(with_timeout(send_through(how, where, r), support::no_hang));
    return r;
}

/// The report must agree with the server's store.
void check(way how, result const& r)
{
    using smtp::disposition;
    REQUIRE(r.outcomes.size() == 3);
    CHECK(r.stored <= 1);
    CHECK(r.outcomes[0] == r.outcomes[2]);
    switch (r.outcomes[0])
    {
    case disposition::accepted:
        CHECK(r.stored == 1);
        CHECK(!r.threw);
        break;
    case disposition::not_sent:
        CHECK(r.stored == 0);
        CHECK(r.threw);
        break;
    case disposition::in_doubt:
        CHECK(r.end_left);
        CHECK(r.threw);
        break;
    default: FAIL_CHECK("nobody has refused this recipient");
    }
    bool const refused = r.outcomes[1] == disposition::refused_permanently;
    if (how.chunking && !refused) // its reply may come after the end of the content has left
        CHECK(r.outcomes[1] == r.outcomes[0]);
    else
        CHECK((refused || r.outcomes[1] == disposition::not_sent));
    if (r.outcomes[0] == disposition::accepted || (!how.chunking && r.outcomes[0] == disposition::in_doubt))
        CHECK(refused);
}

void cut_everywhere(way how, std::size_t step)
{
    auto const whole = send_through(how, cut());
    check(how, whole);
    REQUIRE(whole.stored == 1);
    std::size_t seen[5] = {};
    for (bool const reset : {false, true})
        for (bool const upwards : {true, false})
        {
            std::size_t const all = upwards ? whole.to_server : whole.to_client;
            for (std::size_t n = 0; n <= all; n += step)
            {
                cut where;
                (upwards ? where.to_server : where.to_client) = n;
                where.reset                                   = reset;
                CAPTURE(reset);
                CAPTURE(upwards);
                CAPTURE(n);
                auto const r = send_through(how, where);
                check(how, r);
                ++seen[static_cast<std::size_t>(r.outcomes[0])];
            }
        }
    // Every outcome that a cut can have was seen.
    CHECK(seen[static_cast<std::size_t>(smtp::disposition::accepted)] != 0);
    CHECK(seen[static_cast<std::size_t>(smtp::disposition::not_sent)] != 0);
    CHECK(seen[static_cast<std::size_t>(smtp::disposition::in_doubt)] != 0);
}

} // namespace

TEST_CASE("cut after every octet, sequential: the report agrees with what the server stored")
{
    cut_everywhere({false, false}, 1);
}

TEST_CASE("cut after every octet, pipelined: the report agrees with what the server stored")
{
    cut_everywhere({false, true}, 1);
}

TEST_CASE("cut after every octet, chunked: the report agrees with what the server stored")
{
    cut_everywhere({false, true, true}, 1);
}

TEST_CASE("cut after every octet, chunk by chunk: the report agrees with what the server stored")
{
    cut_everywhere({false, false, true}, 1);
}

TEST_CASE("S24 cut anywhere under TLS, chunked: the report agrees with what the server stored")
{
    cut_everywhere({true, true, true}, 11);
}

TEST_CASE("S24 cut anywhere under TLS, sequential: the report agrees with what the server stored")
{
    cut_everywhere({true, false}, 11);
}

TEST_CASE("S24 cut anywhere under TLS, pipelined: the report agrees with what the server stored")
{
    cut_everywhere({true, true}, 11);
}

TEST_CASE(
    "S24 cut at each octet of the last records under TLS: the report agrees with what the server stored")
{
    way const  how{true, true};
    auto const whole = send_through(how, cut());
    for (bool const reset : {false, true})
        for (std::size_t n = whole.to_client - 200; n <= whole.to_client; ++n)
        {
            CAPTURE(reset);
            CAPTURE(n);
            cut where;
            where.to_client = n;
            where.reset     = reset;
            check(how, send_through(how, where));
        }
    for (std::size_t n = whole.to_server - 300; n <= whole.to_server; ++n)
    {
        CAPTURE(n);
        cut where;
        where.to_server = n;
        check(how, send_through(how, where));
    }
}

TEST_SUITE_END();
