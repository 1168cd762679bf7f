//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Many messages over one connection, and over several.

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/smtp/burst.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/source/file.hpp>
#include <posthorn/source/generator.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include <support/burst.hpp>
#include <support/dialogue.hpp>
#include <support/failures.hpp>
#include <support/run_task.hpp>
#include <support/temp_dir.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace std::chrono_literals;
using support::burst_results;
using support::client_with_sink;
using support::code_in;
using support::collect;
using support::lines;
using support::numbered;
using support::numbered_messages;
using support::with_sink;
using testing::script;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("smtp/burst");

namespace {

constexpr auto accepted = smtp::disposition::accepted;
constexpr auto perm     = smtp::disposition::refused_permanently;
constexpr auto temp     = smtp::disposition::refused_temporarily;
constexpr auto not_sent = smtp::disposition::not_sent;
constexpr auto in_doubt = smtp::disposition::in_doubt;

smtp::burst_options burst_with(smtp::chunking how)
{
    smtp::burst_options o;
    o.sending.chunking = how;
    return o;
}

/// With DATA and with BDAT.
constexpr smtp::chunking both_ways[] = {smtp::chunking::off, smtp::chunking::on};

testing::smtp_reply refusal(std::string_view kind)
{
    return kind == "4" ? testing::smtp_reply(451, "4.3.0 later") : testing::smtp_reply(550, "5.1.1 no");
}

async_generator<smtp::message> generate(std::size_t count, bool slowly)
{
    for (std::size_t i = 0; i != count; ++i)
    {
        if (slowly)
            co_await support::hop();
        co_yield numbered(i);
    }
}

async_generator<smtp::message_pointer> generate_pointers(std::size_t count)
{
    for (std::size_t i = 0; i != count; ++i)
        co_yield std::make_shared<smtp::message const>(numbered(i));
}

/// Gives `count` messages and throws.
async_generator<smtp::message> generate_and_fail(std::size_t count, bool slowly)
{
    for (std::size_t i = 0; i != count; ++i)
        co_yield numbered(i);
    if (slowly)
        co_await support::sleep_for(30ms);
    throw support::boom(7);
}

async_generator<std::string> blocks_of(std::string text, std::size_t size)
{
    for (std::size_t at = 0; at < text.size(); at += size)
    {
        co_await support::hop();
        co_yield text.substr(at, size);
    }
}

async_generator<std::string> blocks_that_end_badly(std::string text)
{
    co_yield text;
    co_await support::hop();
    throw support::boom(3);
}

smtp::message with_content(std::size_t number, std::shared_ptr<source> content)
{
    auto m    = numbered(number);
    m.content = std::move(content);
    return m;
}

} // namespace

// Round trips --------------------------------------------------------------------------------------------------

namespace {

struct cost
{
    std::uint64_t report = 0; ///< As the report says, or the session.
    std::uint64_t server = 0; ///< As the sink has counted.
};

/// One message to three recipients.
cost cost_of_one(smtp::send_options options)
{
    cost               c;
    smtp_sink_settings settings;
    settings.delay = 5ms;
    with_sink(settings, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
        auto const    before = sink.totals().round_trips;
        auto const    turns  = s.round_trips();
        smtp::message m      = numbered(0);
        m.envelope.add("r0@z.test").add("r0@w.test");
        auto const report = co_await s.send(m, options);
        CHECK(report.all_accepted());
        c.report = report.round_trips();
        CHECK(s.round_trips() - turns == c.report);
        c.server = sink.totals().round_trips - before;
    });
    return c;
}

cost cost_of_burst(std::size_t count, smtp::burst_options options, std::size_t size)
{
    cost               c;
    smtp_sink_settings settings;
    settings.delay = 5ms;
    with_sink(settings, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
        auto const    before   = sink.totals().round_trips;
        auto const    turns    = s.round_trips();
        auto const    messages = numbered_messages(count, size);
        burst_results results;
        co_await collect(s.send_burst(messages, options), results);
        CHECK(!results.failure);
        CHECK(results.complete(count));
        CHECK(results.accepted() == count);
        c.report = s.round_trips() - turns;
        c.server = sink.totals().round_trips - before;
        CHECK(sink.totals().messages == count);
        support::check_stored(sink, size);
    });
    return c;
}

} // namespace

TEST_CASE("a single message takes n + 3 round trips, or 2 pipelined, or 1 with BDAT")
{
    smtp::send_options sequential;
    sequential.pipelining = false;
    smtp::send_options pipelined;
    smtp::send_options chunked;
    chunked.chunking = smtp::chunking::on;

    auto const a = cost_of_one(sequential);
    auto const b = cost_of_one(pipelined);
    auto const c = cost_of_one(chunked);
    MESSAGE("round trips for 3 recipients: " << a.report << " sequential, " << b.report << " pipelined, "
                                             << c.report << " chunked");
    CHECK(a.report == 6);
    CHECK(a.server == 6);
    CHECK(b.report == 2);
    CHECK(b.server == 2);
    CHECK(c.report == 1);
    CHECK(c.server == 1);
}

TEST_CASE("a burst takes a round trip for each message with DATA, and much less than one with BDAT")
{
    auto const data   = cost_of_burst(100, burst_with(smtp::chunking::off), 0);
    auto const bdat   = cost_of_burst(100, burst_with(smtp::chunking::automatic), 0);
    auto const larger = cost_of_burst(100, burst_with(smtp::chunking::automatic), 20000);
    MESSAGE("round trips for 100 messages: " << data.report << " (sink: " << data.server << ") with DATA, "
                                             << bdat.report << " (" << bdat.server << ") with BDAT, "
                                             << larger.report << " (" << larger.server
                                             << ") with BDAT and 20 kB each");
    CHECK(data.report <= 110);
    CHECK(data.server <= 110);
    CHECK(bdat.report <= 20);
    CHECK(bdat.server <= 20);
    CHECK(larger.report <= 20);
}

TEST_CASE("small messages of a burst leave together, in few system calls")
{
    with_sink({}, [](smtp::session& s, smtp_sink&) -> task<void> {
        auto const    messages = numbered_messages(96);
        auto const    before   = s.stream().counters().writes;
        burst_results results;
        co_await collect(s.send_burst(messages), results);
        CHECK(results.accepted() == 96);
        auto const writes = s.stream().counters().writes - before;
        MESSAGE("writes for 96 small messages: " << writes);
        CHECK(writes <= 24);
    });
}

// Where messages come from -------------------------------------------------------------------------------------

TEST_CASE("messages come from ranges of all kinds, and from generators")
{
    constexpr std::size_t count = 40;
    for (auto const chunking : both_ways)
        for (int kind = 0; kind != 9; ++kind)
        {
            CAPTURE(kind);
            auto const options = burst_with(chunking);
            with_sink({}, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
                auto                               messages = numbered_messages(count);
                std::vector<smtp::message_pointer> pointers;
                for (auto const& m : messages)
                    pointers.push_back(std::make_shared<smtp::message const>(m));
                burst_results results;
                auto          numbers = std::views::iota(std::size_t(0), count) |
                               std::views::transform([](std::size_t i) { return numbered(i); });
                auto                                of_all = messages | std::views::drop(0);
                async_generator<smtp::burst_result> burst;
                switch (kind)
                {
                case 0: burst = s.send_burst(messages, options); break;
                case 1: burst = s.send_burst(std::move(messages), options); break;
                case 2: burst = s.send_burst(pointers, options); break;
                case 3: burst = s.send_burst(std::move(pointers), options); break;
                case 4: burst = s.send_burst(std::span<smtp::message const>(messages), options); break;
                case 5: burst = s.send_burst(std::move(numbers), options); break;
                case 6: burst = s.send_burst(of_all, options); break;
                case 7: burst = s.send_burst(generate(count, false), options); break;
                default: burst = s.send_burst(generate_pointers(count), options); break;
                }
                co_await collect(std::move(burst), results);
                CHECK(!results.failure);
                CHECK(results.complete(count));
                CHECK(results.accepted() == count);
                for (std::size_t i = 0; i != count; ++i)
                {
                    auto const& r = results.of(i);
                    CHECK(!r.failure);
                    CHECK(r.report.recipients()[0].address == "r" + std::to_string(i) + "@y.test");
                    CHECK(r.report.transfer() ==
                          (chunking == smtp::chunking::on ? smtp::transfer::bdat : smtp::transfer::data));
                    std::size_t const dot = chunking == smtp::chunking::on ? 0 : 3; // as on the wire
                    CHECK(r.report.content_bytes() == support::numbered_text(i).size() + dot);
                }
                CHECK(sink.totals().messages == count);
                support::check_stored(sink);
            });
        }
}

TEST_CASE("an empty burst says nothing and leaves the session as it was")
{
    with_sink({}, [](smtp::session& s, smtp_sink& sink) -> task<void> {
        auto const                 before = sink.commands().size();
        std::vector<smtp::message> none;
        burst_results              results;
        co_await collect(s.send_burst(none), results);
        co_await collect(s.send_burst(generate(0, true)), results);
        co_await collect(s.send_burst(async_generator<smtp::message>()), results);
        CHECK(results.all.empty());
        CHECK(!results.failure);
        CHECK(s.is_open());
        CHECK(!s.is_busy());
        CHECK(sink.commands().size() == before);
        auto const message = numbered(0);
        auto const report  = co_await s.send(message);
        CHECK(report.all_accepted());
    });
    client_with_sink({}, [](smtp::client& c, smtp_sink& sink) -> task<void> {
        burst_results results;
        co_await collect(c.send_burst(generate(0, true)), results);
        CHECK(results.all.empty());
        CHECK(!c.is_connected());
        CHECK(sink.totals().connections == 0);
    });
}

namespace {

/// The next message comes only when the report of the one before has.
async_generator<smtp::message> wait_for_reports(std::size_t count, std::size_t const& reported)
{
    for (std::size_t i = 0; i != count; ++i)
    {
        while (reported < i)
            co_await support::sleep_for(1ms);
        co_yield numbered(i);
    }
}

} // namespace

TEST_CASE("a slow generator does not hold back the reports of earlier messages")
{
    for (auto const chunking : both_ways)
        with_sink({}, [chunking](smtp::session& s, smtp_sink&) -> task<void> {
            std::size_t reported = 0;
            auto        burst    = s.send_burst(wait_for_reports(10, reported), burst_with(chunking));
            auto        result   = co_await burst.next();
            while (result)
            {
                CHECK(result->index == reported);
                CHECK(result->report.all_accepted());
                ++reported;
                result = co_await burst.next();
            }
            CHECK(reported == 10);
        });
    client_with_sink({}, [](smtp::client& c, smtp_sink&) -> task<void> {
        std::size_t reported = 0;
        auto        burst    = c.send_burst(wait_for_reports(10, reported));
        auto        result   = co_await burst.next();
        while (result)
        {
            ++reported;
            result = co_await burst.next();
        }
        CHECK(reported == 10);
    });
}

TEST_CASE("what the generator throws comes after all results, and the session stays usable")
{
    for (bool const slowly : {false, true})
        for (std::size_t const count : {0u, 1u, 5u, 40u})
        {
            CAPTURE(count);
            with_sink({}, [&](smtp::session& s, smtp_sink&) -> task<void> {
                burst_results results;
                co_await collect(s.send_burst(generate_and_fail(count, slowly)), results);
                CHECK(results.complete(count));
                CHECK(results.accepted() == count);
                REQUIRE(results.failure);
                CHECK_THROWS_AS(std::rethrow_exception(results.failure), support::boom);
                auto const message = numbered(0);
                auto const report  = co_await s.send(message);
                CHECK(report.all_accepted());
            });
            // Also if some of the messages must move to other connections first.
            smtp_sink_settings settings;
            settings.max_messages_per_connection = 3;
            client_with_sink(settings, [&](smtp::client& c, smtp_sink& sink) -> task<void> {
                burst_results results;
                co_await collect(c.send_burst(generate_and_fail(count, slowly)), results);
                CHECK(results.complete(count));
                CHECK(results.accepted() == count);
                CHECK(sink.totals().messages == count);
                REQUIRE(results.failure);
                CHECK_THROWS_AS(std::rethrow_exception(results.failure), support::boom);
            });
        }
}

TEST_CASE("streamed content goes in bursts")
{
    support::temp_dir const dir("burst");
    for (auto const chunking : both_ways)
        for (std::size_t const size : {100u, 5000u, 300000u})
        {
            CAPTURE(size);
            for (std::size_t i = 0; i != 12; ++i)
                support::write_file(dir / std::to_string(i), support::numbered_text(i, size));
            with_sink({}, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
                std::vector<smtp::message> messages;
                for (std::size_t i = 0; i != 12; ++i)
                {
                    auto const text = support::numbered_text(i, size);
                    if (i % 3 == 0)
                        messages.push_back(numbered(i, size));
                    else if (i % 3 == 1)
                        messages.push_back(
                            with_content(i, std::make_shared<file_source>(dir / std::to_string(i))));
                    else
                        messages.push_back(
                            with_content(i, std::make_shared<generator_source>(blocks_of(text, 1777))));
                }
                burst_results results;
                co_await collect(s.send_burst(messages, burst_with(chunking)), results);
                INFO(results.describe());
                CHECK(!results.failure);
                CHECK(results.complete(12));
                CHECK(results.accepted() == 12);
                CHECK(sink.totals().messages == 12);
                support::check_stored(sink, size);
            });
        }
}

// Messages that fail alone -------------------------------------------------------------------------------------

namespace {

std::vector<smtp::message> with_defects()
{
    auto all = numbered_messages(9);
    all[0].envelope.recipients.clear();
    all[2].content                         = nullptr;
    all[4].envelope.parameters.envid       = std::string(200, 'x'); // too long
    all[6].envelope.parameters.mt_priority = 3;                     // not offered
    all[8].content =
        std::make_shared<string_source>("Subject: x\r\n\r\nbad\0octet\r\n" + std::string(1, '\0'));
    return all;
}

} // namespace

TEST_CASE("messages with a defect fail alone")
{
    for (auto const chunking : both_ways)
    {
        smtp_sink_settings settings;
        settings.withdraw("BINARYMIME"); // so that NULs cannot be carried
        with_sink(settings, [chunking](smtp::session& s, smtp_sink& sink) -> task<void> {
            auto const    messages = with_defects();
            burst_results results;
            co_await collect(s.send_burst(messages, burst_with(chunking)), results);
            INFO(results.describe());
            CHECK(!results.failure);
            CHECK(results.complete(9));
            for (std::size_t i = 0; i != 9; ++i)
            {
                CAPTURE(i);
                auto const& r = results.of(i);
                CHECK(r.failure.has_value() == (i % 2 == 0));
                if (i % 2 == 0)
                {
                    CHECK(r.failure->phase() == smtp::phase::prepare);
                    CHECK(r.report.count(not_sent) == r.report.recipients().size());
                }
                else
                    CHECK(r.report.all_accepted());
            }
            CHECK(results.failure_of(0) == smtp::errc::no_recipients);
            CHECK(results.failure_of(2) == posthorn::errc::invalid_argument);
            CHECK(results.failure_of(6) == smtp::errc::extension_missing);
            CHECK(results.failure_of(8) == smtp::errc::binary_refused);
            CHECK(sink.totals().messages == 4);
            CHECK(s.is_open());
            support::check_stored(sink);
        });
    }
    // A client does not take them for lost with a connection.
    client_with_sink({}, [](smtp::client& c, smtp_sink& sink) -> task<void> {
        auto          messages = with_defects();
        burst_results results;
        co_await collect(c.send_burst(std::move(messages)), results);
        CHECK(results.complete(9));
        CHECK(sink.totals().connections == 1);
        CHECK(!results.failure);
    });
}

TEST_CASE("a null pointer is a message that fails, not the end")
{
    with_sink({}, [](smtp::session& s, smtp_sink&) -> task<void> {
        std::vector<smtp::message_pointer> messages;
        messages.push_back(std::make_shared<smtp::message const>(numbered(0)));
        messages.push_back(nullptr);
        messages.push_back(std::make_shared<smtp::message const>(numbered(2)));
        burst_results results;
        co_await collect(s.send_burst(messages), results);
        CHECK(results.complete(3));
        CHECK(results.accepted() == 2);
        CHECK(results.failure_of(1) == posthorn::errc::invalid_argument);
    });
}

TEST_CASE("content that fails half-way: with BDAT alone, with DATA the connection has to end")
{
    for (auto const chunking : both_ways)
        for (bool const binary : {false, true})
        {
            bool const bdat = chunking == smtp::chunking::on;
            CAPTURE(bdat);
            CAPTURE(binary);
            smtp_sink_settings settings;
            with_sink(settings, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
                std::string const text = support::numbered_text(2, 3000);
                auto              fails =
                    binary ? std::make_shared<generator_source>(blocks_of(text + std::string(1, '\0'), 1000))
                                        : std::make_shared<generator_source>(blocks_that_end_badly(text));
                auto messages               = numbered_messages(6);
                messages[2].content         = std::move(fails);
                smtp::burst_options options = burst_with(chunking);
                options.sending.chunk_size  = 500;
                burst_results results;
                co_await collect(s.send_burst(messages, options), results);
                INFO(results.describe());
                CHECK(!results.failure);
                CHECK(results.outcome(0) == accepted);
                CHECK(results.outcome(1) == accepted);
                CHECK(results.outcome(2) == not_sent);
                REQUIRE(results.of(2).failure);
                CHECK(results.of(2).failure->phase() == smtp::phase::content);
                if (binary)
                    CHECK(results.failure_of(2) == smtp::errc::binary_refused);
                CHECK(s.is_open() == bdat);
                CHECK(results.complete(6));
                CHECK(results.accepted() == (bdat ? 5 : 2));
                for (std::size_t i = 3; i != 6; ++i)
                    CHECK(results.outcome(i) == (bdat ? accepted : not_sent));
                CHECK(sink.totals().messages == (bdat ? 5 : 2));
                support::check_stored(sink);
            });
        }
}

TEST_CASE("a source that cannot even begin fails alone, in a client too")
{
    class broken final : public source
    {
    public:
        task<std::string_view> next() override
        {
            throw support::boom(1);
            co_return std::string_view();
        }
        bool       rewindable() const override { return true; }
        task<void> rewind() override { co_return; }
    };
    for (auto const chunking : both_ways)
        client_with_sink({}, [chunking](smtp::client& c, smtp_sink& sink) -> task<void> {
            auto messages       = numbered_messages(4);
            messages[1].content = std::make_shared<broken>();
            burst_results results;
            co_await collect(c.send_burst(messages, burst_with(chunking)), results);
            INFO(results.describe());
            CHECK(results.complete(4));
            CHECK(results.accepted() == 3);
            CHECK(results.outcome(1) == not_sent);
            REQUIRE(results.of(1).failure);
            CHECK(results.of(1).failure->phase() == smtp::phase::prepare);
            CHECK(sink.totals().connections == 1);
        });
}

TEST_CASE("refusals are about one message")
{
    for (auto const chunking : both_ways)
        for (bool const pipelining : {true, false})
            for (char const* const kind : {"4", "5"})
            {
                CAPTURE(pipelining);
                CAPTURE(std::string(kind));
                auto const         no   = refusal(kind);
                auto const         said = kind[0] == '4' ? temp : perm;
                smtp_sink_settings settings;
                if (!pipelining)
                    settings.withdraw("PIPELINING");
                settings.on_mail = [&](testing::smtp_path const& p) {
                    return p.address == "s1@b.test" ? no : testing::smtp_reply();
                };
                settings.refuse["r3@y.test"] = no;
                settings.refuse["r5@z.test"] = no;
                settings.on_message          = [&](testing::smtp_sink_message const& m) {
                    return m.from.address == "s7@b.test" ? no : testing::smtp_reply();
                };
                settings.on_data = [&](testing::smtp_sink_message const& m) {
                    return m.from.address == "s9@b.test" ? no : testing::smtp_reply();
                };
                with_sink(settings, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
                    auto messages = numbered_messages(12);
                    messages[5].envelope.add("r5@z.test");
                    burst_results results;
                    co_await collect(s.send_burst(messages, burst_with(chunking)), results);
                    INFO(results.describe());
                    CHECK(!results.failure);
                    CHECK(results.complete(12));
                    bool const data = chunking == smtp::chunking::off;
                    for (std::size_t i = 0; i != 12; ++i)
                    {
                        bool const refused = i == 1 || i == 3 || i == 7 || (i == 9 && data);
                        CAPTURE(i);
                        CHECK(results.outcome(i) == (refused ? said : accepted));
                        CHECK(!results.of(i).failure);
                    }
                    CHECK(results.outcome(5, 1) == said);
                    CHECK(results.of(1).report.recipients()[0].phase == smtp::phase::mail);
                    CHECK(results.of(3).report.recipients()[0].phase == smtp::phase::rcpt);
                    CHECK(results.of(7).report.recipients()[0].phase == smtp::phase::content);
                    CHECK(sink.totals().messages == (data ? 8 : 9));
                    support::check_stored(sink);
                    // and the session goes on
                    auto const message = numbered(20);
                    auto const report  = co_await s.send(message);
                    CHECK(report.all_accepted());
                });
            }
}

TEST_CASE("policies hold for each message of a burst")
{
    using smtp::recipient_policy;
    for (auto const chunking : both_ways)
        for (auto const policy :
             {recipient_policy::each, recipient_policy::at_least_one, recipient_policy::all_or_nothing})
        {
            smtp_sink_settings settings;
            settings.refuse["r2@z.test"] = refusal("5");
            settings.refuse["r4@y.test"] = refusal("5");
            with_sink(settings, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
                auto messages = numbered_messages(6);
                messages[2].envelope.add("r2@z.test");
                auto options           = burst_with(chunking);
                options.sending.policy = policy;
                burst_results results;
                co_await collect(s.send_burst(messages, options), results);
                INFO(results.describe());
                CHECK(results.complete(6));
                bool const all = policy == recipient_policy::all_or_nothing;
                CHECK(results.outcome(2, 0) == (all ? not_sent : accepted));
                CHECK(results.outcome(2, 1) == perm);
                CHECK(results.of(2).failure.has_value() == all);
                CHECK(results.outcome(4) == perm);
                CHECK(results.of(4).failure.has_value() == (policy != recipient_policy::each));
                for (std::size_t const i : {0u, 1u, 3u, 5u})
                {
                    CHECK(results.outcome(i) == accepted);
                    CHECK(!results.of(i).failure);
                }
                CHECK(sink.totals().messages == (all ? 4 : 5));
            });
        }
}

TEST_CASE("bursts under TLS, with PRDR, over LMTP, with limits, and without any extension")
{
    for (int kind = 0; kind != 6; ++kind)
        for (auto const chunking : {smtp::chunking::off, smtp::chunking::automatic})
        {
            CAPTURE(kind);
            smtp_sink_settings settings;
            std::size_t const  size = kind == 5 ? 200000 : 0;
            if (kind == 0 || kind == 5)
            {
                settings.tls         = smtp_sink_settings::tls_mode::starttls;
                settings.tls_context = support::server_tls();
                settings.require_tls = true;
            }
            if (kind == 1)
                settings.offer("PRDR");
            if (kind == 2)
                settings.lmtp = true;
            if (kind == 3)
                settings.keywords.clear();
            if (kind == 4)
                settings.offer("LIMITS RCPTMAX=1");
            client_with_sink(
                settings,
                [&](smtp::client& c, smtp_sink& sink) -> task<void> {
                    auto messages = numbered_messages(30, size);
                    for (std::size_t i = 0; i < 30; i += 3)
                        messages[i].envelope.add("r" + std::to_string(i) + "@z.test");
                    burst_results results;
                    co_await collect(c.send_burst(messages, burst_with(chunking)), results);
                    INFO(results.describe());
                    CHECK(!results.failure);
                    CHECK(results.complete(30));
                    CHECK(results.accepted() == 30);
                    CHECK(sink.totals().connections == 1);
                    CHECK(sink.totals().recipients == 40);
                    support::check_stored(sink, size);
                },
                [kind](smtp::client_settings& s) {
                    if (kind == 0 || kind == 5)
                        s.tls = smtp::tls_mode::required;
                    if (kind == 2)
                        s.session.protocol = smtp::protocol::lmtp;
                });
        }
}

TEST_CASE("recipients that are too many for one transaction get another one within the burst")
{
    smtp_sink_settings settings;
    settings.max_recipients = 2;
    for (auto const chunking : both_ways)
        with_sink(settings, [chunking](smtp::session& s, smtp_sink& sink) -> task<void> {
            auto messages = numbered_messages(7);
            for (int i = 0; i != 4; ++i)
                messages[3].envelope.add("r3@z" + std::to_string(i) + ".test");
            burst_results results;
            co_await collect(s.send_burst(messages, burst_with(chunking)), results);
            INFO(results.describe());
            CHECK(results.complete(7));
            CHECK(results.accepted() == 7);
            CHECK(sink.totals().recipients == 11);
            CHECK(sink.totals().messages == 9);
            support::check_stored(sink);
        });
}

TEST_CASE("a burst is one operation, and its end, early or not, is the end of the operation")
{
    with_sink({}, [](smtp::session& s, smtp_sink&) -> task<void> {
        auto const messages = numbered_messages(3);
        auto       burst    = s.send_burst(messages);
        CHECK(!s.is_busy());
        std::ignore = co_await burst.next();
        CHECK(s.is_busy());
        auto const e = co_await support::failure_of(s.send(messages[0]));
        CHECK((e && e->code() == posthorn::errc::busy));
        burst_results second;
        co_await collect(s.send_burst(messages), second);
        CHECK(code_in(second.failure) == posthorn::errc::busy);
        std::ignore     = co_await burst.next();
        std::ignore     = co_await burst.next();
        auto const none = co_await burst.next();
        CHECK(!none);
        CHECK(!s.is_busy());
        CHECK(s.is_open());
        s.close();
        burst_results closed;
        co_await collect(s.send_burst(messages), closed);
        CHECK(code_in(closed.failure) == posthorn::errc::closed);
        CHECK(closed.all.empty());
    });
}

// Memory -------------------------------------------------------------------------------------------------------

namespace {

/// Messages that are counted as long as anybody keeps them.
async_generator<smtp::message_pointer> count_living(std::size_t count, std::size_t& living, std::size_t& most)
{
    for (std::size_t i = 0; i != count; ++i)
    {
        auto const gone = [&living](smtp::message const* m) {
            --living;
            delete m;
        };
        smtp::message_pointer m(new smtp::message(numbered(i)), gone);
        most = std::max(most, ++living);
        co_yield std::move(m);
    }
}

} // namespace

TEST_CASE("no more messages are alive than the window holds")
{
    for (auto const chunking : both_ways)
        for (std::size_t const window : {1u, 4u, 16u})
        {
            CAPTURE(window);
            smtp_sink_settings settings;
            settings.retention = smtp_sink_settings::keep::totals;
            settings.log       = false;
            auto options       = burst_with(chunking);
            options.window     = window;
            std::size_t living = 0, most = 0;
            with_sink(settings, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
                burst_results results;
                co_await collect(s.send_burst(count_living(1000, living, most), options), results);
                CHECK(results.accepted() == 1000);
                CHECK(sink.totals().messages == 1000);
            });
            CHECK(living == 0);
            CHECK(most <= window + 1); // one is asked for ahead

            settings.max_messages_per_connection = 100;
            most                                 = 0;
            client_with_sink(settings, [&](smtp::client& c, smtp_sink& sink) -> task<void> {
                burst_results results;
                co_await collect(c.send_burst(count_living(1000, living, most), options), results);
                CHECK(results.accepted() == 1000);
                CHECK(sink.totals().messages == 1000);
            });
            CHECK(living == 0);
            CHECK(most <= window + 1);
        }
}

TEST_CASE("no more octets are on their way than allowed, but one message may always go")
{
    smtp_sink_settings settings;
    settings.delay = 2ms;
    for (auto const chunking : both_ways)
        with_sink(settings, [chunking](smtp::session& s, smtp_sink& sink) -> task<void> {
            auto options         = burst_with(chunking);
            options.octets       = 5000;
            auto messages        = numbered_messages(20, 3000);
            messages[7]          = numbered(7, 100000);
            std::size_t   living = 0, most = 0;
            burst_results results;
            auto          counted = messages | std::views::transform([&](smtp::message const& m) {
                               auto const gone = [&living](smtp::message const* one) {
                                   --living;
                                   delete one;
                               };
                               most = std::max(most, ++living);
                               return smtp::message_pointer(new smtp::message(m), gone);
                           });
            co_await collect(s.send_burst(counted, options), results);
            CHECK(results.accepted() == 20);
            CHECK(most == 2);
            CHECK(living == 0);
            CHECK(sink.totals().messages == 20);
        });
}

// Connections that end -----------------------------------------------------------------------------------------

TEST_CASE("a session reports what was on its way when the connection ends, and asks for nothing more")
{
    for (auto const chunking : both_ways)
    {
        smtp_sink_settings settings;
        settings.max_messages_per_connection = 5;
        std::size_t living = 0, most = 0;
        with_sink(settings, [&](smtp::session& s, smtp_sink& sink) -> task<void> {
            auto options   = burst_with(chunking);
            options.window = 8;
            burst_results results;
            co_await collect(s.send_burst(count_living(100, living, most), options), results);
            INFO(results.describe());
            CHECK(!results.failure);
            CHECK(!s.is_open());
            CHECK(results.accepted() == 5);
            CHECK(sink.totals().messages == 5);
            CHECK(results.complete(results.all.size()));
            CHECK(results.all.size() <= 13);
            CHECK(results.all.size() > 5);
            for (std::size_t i = 0; i != results.all.size(); ++i)
            {
                CAPTURE(i);
                CHECK(results.outcome(i) == (i < 5 ? accepted : i == 5 ? temp : not_sent));
                // What send() would have thrown: 421 to MAIL is a refusal, and on a closed connection it throws.
                CHECK(results.of(i).failure.has_value() == (i > 5));
            }
        });
        CHECK(living == 0);
    }
}

TEST_CASE(
    "a client goes on with other connections when the server has had enough: nothing is lost or doubled")
{
    for (auto const chunking : both_ways)
        for (std::size_t const window : {1u, 3u, 16u, 64u})
            for (std::size_t const each : {1u, 7u})
            {
                CAPTURE(window);
                CAPTURE(each);
                smtp_sink_settings settings;
                settings.max_messages_per_connection = each;
                client_with_sink(settings, [&](smtp::client& c, smtp_sink& sink) -> task<void> {
                    auto const messages = numbered_messages(100);
                    auto       options  = burst_with(chunking);
                    options.window      = window;
                    burst_results results;
                    co_await collect(c.send_burst(messages, options), results);
                    INFO(results.describe());
                    CHECK(!results.failure);
                    CHECK(results.complete(100));
                    CHECK(results.accepted() == 100);
                    CHECK(sink.totals().messages == 100);
                    CHECK(sink.totals().connections == (100 + each - 1) / each);
                    std::set<std::size_t> numbers;
                    for (auto const& m : sink.messages())
                        numbers.insert(support::number_of(m));
                    CHECK(numbers.size() == 100);
                    support::check_stored(sink);
                });
            }
}

TEST_CASE("LIMITS MAILMAX is kept without waiting for a refusal")
{
    for (auto const chunking : both_ways)
        for (std::size_t const most : {1u, 3u, 10u})
            for (bool const generated : {false, true})
            {
                CAPTURE(most);
                std::size_t        refused = 0;
                smtp_sink_settings settings;
                settings.offer("LIMITS MAILMAX=" + std::to_string(most));
                settings.max_messages_per_connection = most;
                client_with_sink(
                    settings,
                    [&](smtp::client& c, smtp_sink& sink) -> task<void> {
                        auto const    messages = numbered_messages(100);
                        auto const    options  = burst_with(chunking);
                        burst_results results;
                        if (generated)
                            co_await collect(c.send_burst(generate(100, true), options), results);
                        else
                            co_await collect(c.send_burst(messages, options), results);
                        INFO(results.describe());
                        CHECK(!results.failure);
                        CHECK(results.complete(100));
                        CHECK(results.accepted() == 100);
                        CHECK(sink.totals().messages == 100);
                        CHECK(sink.totals().connections == (100 + most - 1) / most);
                        co_await c.quit();
                        co_await sink.until_idle();
                        for (auto const& one : sink.connections())
                            CHECK(one.ending == "QUIT");
                        support::check_stored(sink);
                    },
                    [&refused](smtp::client_settings& s) {
                        s.session.on_event = [&refused](smtp::event const& e) {
                            if (auto const* r = std::get_if<smtp::events::replied>(&e))
                                refused += r->reply.negative() ? 1 : 0;
                        };
                    });
                CHECK(refused == 0);
            }
}

TEST_CASE("a server that takes nothing on any connection ends the burst, and every message has its result")
{
    struct row
    {
        char const* name;
        script      play;
    };
    script const opening = script().opening({"PIPELINING", "CHUNKING"});
    for (auto const& r :
         {row{"at once", script(opening).close()}, row{"reset", script(opening).reset()},
          row{"421 at once", script(opening).reply("421 4.3.2 no").close()},
          row{"421 to MAIL", script(opening).expect_prefix("MAIL").reply("421 4.3.2 no").close()},
          row{"no greeting", script().close()}, row{"421 greeting", script().reply("421 4.3.2 no").close()}})
        for (auto const chunking : both_ways)
        {
            CAPTURE(std::string(r.name));
            std::size_t   connections = 0;
            burst_results results;
            auto const    attempt = [&]() -> task<void> {
                auto const               ex = co_await this_coro::executor;
                std::vector<script>      scripts(8, r.play);
                testing::scripted_server server(ex, std::move(scripts));
                server.start();
                {
                    smtp::client client(support::client_settings(server.port()));
                    auto const   messages = numbered_messages(50);
                    co_await collect(client.send_burst(messages, burst_with(chunking)), results);
                }
                connections = server.connections();
            };
            sync_wait(with_timeout(attempt(), support::no_hang));
            INFO(results.describe());
            REQUIRE(results.failure);
            CHECK((code_in(results.failure) == condition::temporary ||
                   code_in(results.failure) == condition::unreachable ||
                   code_in(results.failure) == posthorn::errc::connection_lost));
            CHECK(connections <= 2);
            CHECK(results.complete(results.all.size()));
            CHECK(results.all.size() <= 50);
            for (auto const& one : results.all)
            {
                CHECK(one.report.count(accepted) == 0);
                CHECK(one.report.count(perm) == 0);
                CHECK(one.report.count(in_doubt) == 0);
            }
        }
}

namespace {

/// The server's side of some messages by DATA, pipelined, one by one, the first on its connection.
script data_messages(std::size_t first, std::size_t count)
{
    script s;
    for (std::size_t i = first; i != first + count; ++i)
    {
        if (i != first)
            s.expect("RSET").send("250 ok\r\n");
        s.expect_prefix("MAIL FROM:<s" + std::to_string(i) + "@")
            .expect_prefix("RCPT")
            .expect("DATA")
            .send("250 ok\r\n250 ok\r\n354 go\r\n")
            .expect_data(support::numbered_text(i))
            .reply("250 queued");
    }
    return s;
}

} // namespace

TEST_CASE("a message with which two connections have ended stays behind, and the others go on")
{
    script const  opening = script().opening({"PIPELINING"});
    burst_results results;
    auto const    played =
        support::serve({script(opening).then(data_messages(0, 2)).expect("RSET").expect_prefix("MAIL FROM:<s2@").close(),
                        script(opening).expect_prefix("MAIL FROM:<s2@").close(),
                        script(opening).then(data_messages(3, 3)).quit()},
                       [&results](smtp::client& c) -> task<void> {
                           auto const messages = numbered_messages(6);
                           co_await collect(c.send_burst(messages), results);
                           co_await c.quit();
                       });
    CHECK_PLAYED(played);
    INFO(results.describe());
    CHECK(!results.failure);
    CHECK(results.complete(6));
    CHECK(results.accepted() == 5);
    CHECK(results.outcome(2) == not_sent);
    CHECK(results.failure_of(2) == posthorn::errc::connection_lost);
}

TEST_CASE("what may have arrived is in doubt and does not move")
{
    script const  opening = script().opening({"PIPELINING"});
    burst_results results;
    auto const    played = support::serve({script(opening)
                                               .then(data_messages(0, 1))
                                               .expect("RSET")
                                               .expect_prefix("MAIL")
                                               .expect_prefix("RCPT")
                                               .expect("DATA")
                                               .send("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
                                               .expect_data()
                                               .close(),
                                           script(opening).then(data_messages(2, 2)).quit()},
                                          [&results](smtp::client& c) -> task<void> {
                                           auto const messages = numbered_messages(4);
                                           co_await collect(c.send_burst(messages), results);
                                           co_await c.quit();
                                       });
    CHECK_PLAYED(played);
    INFO(results.describe());
    CHECK(results.complete(4));
    CHECK(results.outcome(0) == accepted);
    CHECK(results.outcome(1) == in_doubt);
    CHECK(results.outcome(2) == accepted);
    CHECK(results.outcome(3) == accepted);
}

TEST_CASE("a kept connection that is dead is replaced before or within a burst")
{
    script const opening = script().opening({"PIPELINING"});
    for (auto const& end : {script().close(), script().reset(), script().reply("421 4.4.2 idle").close(),
                            script().expect("NOOP").close(), script().expect("NOOP").reply("421 4.4.2 idle").close(),
                            script().expect("NOOP").reply("250 ok").expect_prefix("MAIL").close(),
                            script().expect("NOOP").reply("250 ok").expect_prefix("MAIL").reply("421 4.4.2 idle").close()})
    {
        burst_results results;
        auto const    played = support::serve({script(opening).then(data_messages(9, 1)).then(end),
                                               script(opening).then(data_messages(0, 3)).quit()},
                                              [&results](smtp::client& c) -> task<void> {
                                               auto const first = numbered(9);
                                               auto const r     = co_await c.send(first);
                                               CHECK(r.all_accepted());
                                               co_await support::sleep_for(20ms);
                                               auto const messages = numbered_messages(3);
                                               co_await collect(c.send_burst(messages), results);
                                               co_await c.quit();
                                           });
        CHECK_PLAYED(played);
        INFO(results.describe());
        CHECK(!results.failure);
        CHECK(results.accepted() == 3);
    }
}

namespace {

async_generator<smtp::message> with_pauses(std::size_t count, std::chrono::milliseconds pause)
{
    for (std::size_t i = 0; i != count; ++i)
    {
        if (i != 0)
            co_await support::sleep_for(pause);
        co_yield numbered(i);
    }
}

} // namespace

TEST_CASE("a connection that ends while the next message is awaited does not get it")
{
    for (auto const chunking : both_ways)
    {
        smtp_sink_settings settings;
        settings.idle_timeout = 150ms;
        client_with_sink(settings, [&](smtp::client& c, smtp_sink& sink) -> task<void> {
            burst_results results;
            co_await collect(c.send_burst(with_pauses(3, 400ms), burst_with(chunking)), results);
            INFO(results.describe());
            CHECK(!results.failure);
            CHECK(results.complete(3));
            CHECK(results.accepted() == 3);
            CHECK(sink.totals().messages == 3);
            CHECK(sink.totals().connections == 3);
        });
    }
}

TEST_CASE("messages that cannot start again move as long as nothing was read of them")
{
    smtp_sink_settings settings;
    settings.max_messages_per_connection = 2;
    client_with_sink(settings, [](smtp::client& c, smtp_sink& sink) -> task<void> {
        std::vector<smtp::message> messages;
        for (std::size_t i = 0; i != 7; ++i)
            messages.push_back(with_content(
                i, std::make_shared<generator_source>(blocks_of(support::numbered_text(i), 10))));
        burst_results results;
        co_await collect(c.send_burst(messages, burst_with(smtp::chunking::off)), results);
        INFO(results.describe());
        CHECK(results.complete(7));
        CHECK(results.accepted() == 7);
        CHECK(sink.totals().messages == 7);
        support::check_stored(sink);
    });
}

TEST_CASE("close() ends a client's burst: it does not connect again")
{
    client_with_sink({}, [](smtp::client& c, smtp_sink& sink) -> task<void> {
        auto const messages = numbered_messages(60);
        auto       burst    = c.send_burst(messages);
        auto       first    = co_await burst.next();
        REQUIRE(first);
        c.close();
        burst_results results;
        results.all.push_back(std::move(*first));
        co_await collect(std::move(burst), results);
        CHECK(code_in(results.failure) == posthorn::errc::closed);
        CHECK(results.complete(results.all.size()));
        CHECK(results.all.size() < 60);
        CHECK(sink.totals().connections == 1);
    });
}

TEST_CASE("the client is busy during a burst, and free when it was dropped")
{
    client_with_sink({}, [](smtp::client& c, smtp_sink&) -> task<void> {
        auto const messages = numbered_messages(60);
        {
            auto burst   = c.send_burst(messages);
            std::ignore  = co_await burst.next();
            auto const e = co_await support::failure_of(c.send(messages[0]));
            CHECK((e && e->code() == posthorn::errc::busy));
        }
        CHECK(!c.is_connected());
        auto const report = co_await c.send(messages[0]);
        CHECK(report.all_accepted());
    });
}

TEST_SUITE_END();
