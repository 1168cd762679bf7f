//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The connection ends after every octet of a dialogue, in either direction, by FIN or by RST: what the client reports
// must agree with what the server has stored.

#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <asio/buffer.hpp>
#include <asio/ip/address_v4.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/socket_base.hpp>
#include <asio/write.hpp>
#include <doctest/doctest.h>

#include <support/dialogue.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using support::lines;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("hostile/cuts");

namespace {

using tcp = asio::ip::tcp;

constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

/// Where the connection ends.
struct cut
{
    std::size_t to_server = unlimited; ///< Octets of the client that pass.
    std::size_t to_client = unlimited; ///< Octets of the server that pass.
    bool        reset     = false;     ///< RST towards both, else FIN.
};

/// Passes one connection on, and ends it where it was told to.
class relay
{
public:
    relay(asio::any_io_executor const& ex, std::uint16_t to, cut how)
        : state_(std::make_shared<state>(ex, to, how))
    {
    }
    relay(relay const&)            = delete;
    relay& operator=(relay const&) = delete;
    ~relay() { state_->end(); }

    std::uint16_t port() const { return state_->acceptor.local_endpoint().port(); }

    void start()
    {
        spawn(state_->acceptor.get_executor(), run(state_), [](std::exception_ptr) {});
    }

    std::size_t to_server() const noexcept { return state_->to_server; }
    std::size_t to_client() const noexcept { return state_->to_client; }

private:
    struct state
    {
        state(asio::any_io_executor const& ex, std::uint16_t to, cut c)
            : acceptor(ex, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), client(ex), server(ex),
              target(to), how(c)
        {
        }

        void end() noexcept
        {
            std::error_code ignored;
            acceptor.close(ignored);
            for (auto* const s : {&client, &server})
            {
                if (s->is_open() && how.reset)
                    s->set_option(asio::socket_base::linger(true, 0), ignored);
                s->close(ignored);
            }
        }

        tcp::acceptor acceptor;
        tcp::socket   client;
        tcp::socket   server;
        std::uint16_t target;
        cut           how;
        std::size_t   to_server = 0; ///< Passed.
        std::size_t   to_client = 0;
    };

    static task<void> run(std::shared_ptr<state> s)
    {
        s->client = co_await s->acceptor.async_accept(use_task);
        tcp::endpoint const to(asio::ip::address_v4::loopback(), s->target);
        co_await s->server.async_connect(to, use_task);
        std::ignore = co_await when_all(pass(s, s->client, s->server, s->how.to_server, s->to_server),
                                        pass(s, s->server, s->client, s->how.to_client, s->to_client));
    }

    static task<void> pass(std::shared_ptr<state> s, tcp::socket& from, tcp::socket& to, std::size_t most,
                           std::size_t& passed)
    {
        std::array<char, 65536> chunk;
        while (passed != most)
        {
            auto const got      = co_await from.async_read_some(asio::buffer(chunk), use_task_nothrow);
            auto const& [ec, n] = got;
            if (ec)
            {
                std::error_code ignored;
                to.shutdown(tcp::socket::shutdown_send, ignored);
                co_return;
            }
            std::size_t const size = std::min(n, most - passed);
            passed += size;
            std::ignore = co_await asio::async_write(to, asio::buffer(chunk.data(), size), use_task_nothrow);
        }
        s->end();
    }

    std::shared_ptr<state> state_;
};

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
