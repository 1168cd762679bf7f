//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A session of WebDAV that is destroyed, or cancelled, after each of its steps.

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/http/client.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <support/failures.hpp>
#include <support/http_server.hpp>
#include <support/run_to_end.hpp>
#include <support/steps.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <vector>

using namespace posthorn;
using support::http_request;
using support::http_response;

TEST_SUITE_BEGIN("hostile/dav_steps");

namespace {

constexpr xml::name hm_read{dav::httpmail_space, "read"};

/// Refuses noroot, lists in chunks, takes changes.
std::string answer(http_request const& r)
{
    std::string const fields = "Content-Type: text/xml\r\n";
    if (r.method == "PROPFIND" && r.field("Depth") == "1,noroot")
        return http_response("400 Bad Request", "no");
    std::string const item =
        "<D:response><D:href>/dav/a</D:href><D:propstat><D:prop><hm:read>1</hm:read></D:prop>"
        "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>";
    std::string const open = "<D:multistatus xmlns:D='DAV:' xmlns:hm='urn:schemas:httpmail:'>";
    if (r.method == "PROPFIND")
    {
        auto const chunk = [](std::string const& text) {
            char size[20];
            std::snprintf(size, sizeof size, "%zx\r\n", text.size());
            return size + text + "\r\n";
        };
        return "HTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\n" + fields + "\r\n" +
               chunk(open + item) + chunk(item) + chunk("</D:multistatus>") + "0\r\n\r\n";
    }
    return http_response("207 Multi-Status", open + item + "</D:multistatus>", fields);
}

/// One of each kind: a list with fallback, a change, a bulk request, a list that is dropped.
task<void> session(dav::client& client, http::url root)
{
    auto          list = co_await client.propfind(root, dav::depth::one_noroot, dav::property_list(hm_read));
    dav::response r;
    std::size_t   count = 0;
    for (;;)
    {
        bool const more = co_await list.next(r);
        if (!more)
            break;
        ++count;
    }
    CHECK(count == 2);
    dav::property_update update;
    update.set(hm_read, "1");
    auto const patched = co_await client.proppatch(root, update);
    CHECK(patched.ok());
    std::vector<dav::target> targets = {dav::target("a")};
    auto const               bulk    = co_await client.bproppatch(root, targets, update);
    CHECK(bulk.all_ok());
    auto dropped = co_await client.propfind(root, dav::depth::zero, dav::property_list(hm_read));
    auto one     = co_await dropped.next();
    CHECK(one.has_value());
}

struct world
{
    explicit world(asio::io_context& io) : server(io.get_executor(), answer), client(web) {}

    support::http_server server;
    http::client         web;
    dav::client          client;
};

} // namespace

TEST_CASE("a session can be destroyed after any of its steps")
{
    bool       done  = false;
    auto const steps = support::destroy_after_each_step(
        [&](asio::io_context& io) {
            done         = false;
            auto program = [](asio::io_context& loop, bool& end) -> task<void> {
                auto const w    = std::make_unique<world>(loop);
                auto const root = w->server.url("/dav/");
                co_await session(w->client, root);
                end = true;
            };
            spawn(io, program(io, done), [](std::exception_ptr) {});
        },
        [&](std::size_t, bool complete) { CHECK((done || !complete)); });
    CHECK(done);
    CHECK(steps > 20);
}

TEST_CASE("a session can be cancelled after any of its steps, and the client goes on")
{
    bool over = false;
    for (std::size_t n = 0; !over; ++n)
    {
        CAPTURE(n);
        asio::io_context          io(1);
        world                     w(io);
        auto const                root = w.server.url("/dav/");
        asio::cancellation_signal stop;
        bool                      done = false;
        std::exception_ptr        failure;
        spawn(io, session(w.client, root),
              asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr e) {
                  done    = true;
                  failure = e;
              }));
        for (std::size_t i = 0; i != n && !done; ++i)
            io.run_one();
        over = done;
        stop.emit(asio::cancellation_type::terminal);
        REQUIRE(support::run_to_end(io, done));
        if (failure)
            CHECK(support::code_in(failure) == condition::canceled);
        else
            CHECK((over || n != 0)); // the last step may have been on its way
        REQUIRE(support::run_to_end(io, session(w.client, root)));
    }
}

TEST_SUITE_END();
