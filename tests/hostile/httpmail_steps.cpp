//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A session with a mailbox that is destroyed, or cancelled, after each of its steps: what it says became of the work is true.

#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/httpmail/mailbox.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <support/failures.hpp>
#include <support/mailboxes.hpp>
#include <support/run_to_end.hpp>
#include <support/steps.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace support::mailboxes;
using support::mail_answer;
using support::mail_answers;
using support::mail_site;
using support::member;

TEST_SUITE_BEGIN("hostile/httpmail_steps");

namespace {

constexpr int count = 4;

mail_answers world()
{
    mail_answers a;
    std::string  items;
    for (int i = 1; i <= count; ++i)
    {
        auto const at   = inbox + "MSG" + std::to_string(i);
        items += member(at, "<hm:read>0</hm:read>");
        a["GET " + at]    = {mail_answer("200 OK", "mail")};
        a["DELETE " + at] = {mail_answer("204 No Content")};
    }
    a["PROPFIND " + inbox]    = {mail_answer::list(items)};
    a["BPROPPATCH " + inbox]  = {mail_answer("201 Created")};
    a["BDELETE " + inbox]     = {mail_answer("405 Method Not Allowed")};
    a["POST /hm/sendmsg"]     = {mail_answer("201 Created")};
    return hotmail(std::move(a));
}

mailbox_settings two_connections()
{
    mailbox_settings s;
    s.connections = 2;
    return s;
}

/// What the session learns of what it has done.
struct diary
{
    std::optional<send_report>               sent;
    std::optional<std::vector<item_outcome>> marked, deleted;
    bool                                     end = false;
};

task<void> send_one(mailbox& box, diary& d)
{
    try
    {
        d.sent = co_await box.send(to_bob(), text("a: b\n\nc\n"));
    }
    catch (send_error const& e)
    {
        d.sent = e.report();
        throw;
    }
}

task<void> delete_all(mailbox& box, diary& d, std::vector<http::url> all)
{
    try
    {
        d.deleted = co_await box.remove(std::move(all), deletion::for_good);
    }
    catch (bulk_error const& e)
    {
        d.deleted = e.items();
        throw;
    }
}

/// Lists, fetches, marks; then deletes one by one and sends, both at once.
task<void> session(mailbox& box, diary& d)
{
    auto const root = co_await box.open();
    auto const list = co_await box.list(root.inbox);
    CHECK(list.size() == count);
    std::vector<http::url> all;
    for (auto const& m : list)
        all.push_back(m.url);
    auto const mail = co_await box.fetch_text(all[0]);
    CHECK(mail == "mail");
    d.marked = co_await box.mark(all, true);
    std::vector<task<void>> both;
    both.push_back(delete_all(box, d, all));
    both.push_back(send_one(box, d));
    co_await when_all(std::move(both));
    d.end = true;
}

/// Is what was said true? Whatever the server has got is not "not done", and what was done the server has got, once.
void compare(diary const& d, mail_site const& s)
{
    auto const posts = s.asked("POST /hm/sendmsg");
    CHECK(posts <= 1);
    if (d.sent)
    {
        CHECK((posts == 0 || d.sent->fate == fate::done || d.sent->fate == fate::in_doubt));
        CHECK((posts == 1 || d.sent->fate == fate::not_done || d.sent->fate == fate::in_doubt));
    }
    for (int i = 1; i <= count; ++i)
    {
        auto const n = s.asked("DELETE " + inbox + "MSG" + std::to_string(i));
        CHECK(n <= 1);
        if (!d.deleted)
            continue;
        auto const how = (*d.deleted)[static_cast<std::size_t>(i - 1)].fate;
        CHECK((n == 0 || how == fate::done || how == fate::in_doubt));
        CHECK((n == 1 || how == fate::not_done || how == fate::in_doubt));
    }
}

} // namespace

TEST_CASE("a session can be destroyed after any of its steps")
{
    bool       done  = false;
    auto const steps = support::destroy_after_each_step(
        [&](asio::io_context& io) {
            done         = false;
            auto program = [](asio::io_context& loop, bool& end) -> task<void> {
                auto const s = std::make_unique<mail_site>(loop.get_executor(), world(), two_connections(), "/hm?");
                diary      d;
                co_await session(s->box, d);
                end = d.end;
            };
            spawn(io, program(io, done), [](std::exception_ptr) {});
        },
        [&](std::size_t, bool complete) { CHECK((done || !complete)); });
    CHECK(done);
    CHECK(steps > 40);
}

TEST_CASE("a session can be cancelled after any of its steps: what it says is true, and the mailbox goes on")
{
    bool        over    = false;
    std::size_t doubts = 0;
    for (std::size_t n = 0; !over; ++n)
    {
        CAPTURE(n);
        asio::io_context          io(1);
        mail_site                 s(io.get_executor(), world(), two_connections(), "/hm?");
        diary                     d;
        asio::cancellation_signal stop;
        bool                      done = false;
        std::exception_ptr        failure;
        spawn(io, session(s.box, d), asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr e) {
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
            CHECK((over || d.end));
        // The server has read all there was by the time it has answered this.
        auto const after = [](mail_site& site) -> task<void> {
            for (int i = 0; i != 3; ++i)
            {
                auto const mail = co_await site.box.fetch_text(site.url(inbox + "MSG1"));
                CHECK(mail == "mail");
            }
        };
        REQUIRE(support::run_to_end(io, after(s)));
        compare(d, s);
        doubts += d.sent && d.sent->fate == fate::in_doubt ? 1 : 0;
    }
    CHECK(doubts != 0); // else this would have tested little
}

TEST_SUITE_END();
