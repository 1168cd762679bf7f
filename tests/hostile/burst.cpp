//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Bursts against servers that answer each step as they like, end the connection anywhere, and against callers that stop
// anywhere: every report agrees with what the server has stored, and nobody gets another one's message.

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/net/transport.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/source/generator.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address_v4.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <doctest/doctest.h>

#include <support/burst.hpp>
#include <support/dialogue.hpp>
#include <support/relay.hpp>
#include <support/run_task.hpp>
#include <support/run_to_end.hpp>
#include <support/steps.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
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
using support::collect;
using support::lines;
using support::run_to_end;
using testing::smtp_sink;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("hostile/burst");

namespace {

using tcp = asio::ip::tcp;

constexpr auto accepted = smtp::disposition::accepted;
constexpr auto not_sent = smtp::disposition::not_sent;
constexpr auto in_doubt = smtp::disposition::in_doubt;

constexpr smtp::chunking both_ways[] = {smtp::chunking::off, smtp::chunking::on};

// A server that answers as it likes ----------------------------------------------------------------------------

/// What a server does at one step.
enum class answer
{
    yes,
    later, ///< 4xx
    no,    ///< 5xx
    leave, ///< 421, and the end of the connection.
    vanish ///< The end of the connection, without a word; after content also what was just stored may be so ended.
};
constexpr std::size_t answers = 5;

/// Chooses one of `n` possibilities.
using chooser = std::function<std::size_t(std::size_t n)>;

/// What such a server has stored: for each recipient the contents.
class store
{
public:
    void put(std::string const& recipient, std::string const& content) { all_[recipient].push_back(content); }

    std::vector<std::string> const& of(std::string const& recipient) const
    {
        static std::vector<std::string> const none;
        auto const                            found = all_.find(recipient);
        return found == all_.end() ? none : found->second;
    }

    std::map<std::string, std::vector<std::string>> const& all() const noexcept { return all_; }

private:
    std::map<std::string, std::vector<std::string>> all_;
};

/// One connection of such a server; keeps to the state machine of RFC 5321 and RFC 3030 between the answers.
class moody_dialogue
{
public:
    moody_dialogue(chooser choose, store& kept) : choose_(std::move(choose)), store_(&kept) {}

    std::string output = "220 moody.test\r\n";
    bool        ended  = false;

    void feed(std::string_view bytes)
    {
        in_ += bytes;
        while (!ended && step())
        {
        }
    }

private:
    bool step()
    {
        if (content_)
            return take_content();
        std::size_t const lf = in_.find("\r\n");
        if (lf == std::string::npos)
            return false;
        std::string const line = in_.substr(0, lf);
        if (line.starts_with("BDAT "))
        {
            std::size_t const size = std::stoul(line.substr(5));
            if (in_.size() < lf + 2 + size)
                return false;
            std::string const chunk = in_.substr(lf + 2, size);
            in_.erase(0, lf + 2 + size);
            take_chunk(chunk, line.ends_with(" LAST"));
            return true;
        }
        in_.erase(0, lf + 2);
        take_line(line);
        return true;
    }

    void take_line(std::string const& line)
    {
        if (line.starts_with("EHLO"))
            say("250-moody.test\r\n250-PIPELINING\r\n250 CHUNKING");
        else if (line.starts_with("MAIL"))
            open_ || failed_ ? say("503 nested") : take_mail();
        else if (line.starts_with("RCPT"))
            !open_ ? say("503 MAIL first") : failed_ ? say("503 RSET first") : take_rcpt(line);
        else if (line == "DATA")
            take_data();
        else if (line == "RSET")
            take_rset();
        else if (line == "QUIT")
        {
            say("221 bye");
            ended = true;
        }
        else
            say("500 what?");
    }

    answer ask() { return static_cast<answer>(choose_(answers)); }

    /// @return Whether it is yes; otherwise it was answered.
    bool agreed(answer a)
    {
        switch (a)
        {
        case answer::yes: return true;
        case answer::later: say("451 4.3.0 later"); break;
        case answer::no: say("550 5.7.1 no"); break;
        case answer::leave:
            say("421 4.3.2 bye");
            ended = true;
            break;
        case answer::vanish: ended = true; break;
        }
        return false;
    }

    void take_mail()
    {
        if (!agreed(ask()))
            return;
        open_ = true;
        say("250 ok");
    }

    void take_rcpt(std::string const& line)
    {
        if (!agreed(ask()))
            return;
        auto const begin = line.find('<') + 1;
        to_.push_back(line.substr(begin, line.find('>') - begin));
        say("250 ok");
    }

    void take_data()
    {
        if (!open_ || to_.empty())
            return say(open_ ? "554 no recipients" : "503 MAIL first");
        if (!agreed(ask()))
            return;
        content_ = true;
        say("354 go");
    }

    void take_rset()
    {
        if (!agreed(ask()))
            return; // and the transaction stays as it is
        reset();
        say("250 ok");
    }

    bool take_content()
    {
        std::size_t const end = in_.starts_with(".\r\n") ? 0 : in_.find("\r\n.\r\n");
        if (end == std::string::npos)
            return false;
        body_ = end == 0 ? std::string() : in_.substr(0, end + 2);
        in_.erase(0, end == 0 ? 3 : end + 5);
        content_ = false;
        finish();
        return true;
    }

    void take_chunk(std::string const& chunk, bool last)
    {
        if (!open_ || to_.empty() || failed_)
        {
            say("503 not now");
            return;
        }
        body_ += chunk;
        if (last)
            return finish();
        if (agreed(ask()))
            say("250 ok");
        else
            failed_ = true; // RSET must follow
    }

    /// One more possibility: it is stored and the reply is lost.
    void finish()
    {
        std::size_t const a      = choose_(answers + 1);
        bool const        stored = a == 0 || a == answers;
        if (stored)
            for (auto const& r : to_)
                store_->put(r, body_);
        reset();
        if (a == answers)
            ended = true;
        else if (agreed(static_cast<answer>(a)))
            say("250 stored");
    }

    void reset()
    {
        open_ = failed_ = false;
        to_.clear();
        body_.clear();
    }

    void say(std::string_view line)
    {
        output += line;
        output += "\r\n";
    }

    chooser                  choose_;
    store*                   store_;
    std::string              in_;
    std::string              body_;
    std::vector<std::string> to_;
    bool                     open_    = false;
    bool                     failed_  = false;
    bool                     content_ = false;
};

/// Serves such dialogues, one after the other or at once.
class moody_server
{
public:
    moody_server(asio::any_io_executor const& ex, chooser choose)
        : state_(std::make_shared<state>(ex, std::move(choose)))
    {
        spawn(ex, accept(state_), [](std::exception_ptr) {});
    }
    moody_server(moody_server const&)            = delete;
    moody_server& operator=(moody_server const&) = delete;
    ~moody_server()
    {
        std::error_code ignored;
        state_->acceptor.close(ignored);
    }

    std::uint16_t port() const { return state_->acceptor.local_endpoint().port(); }
    store const&  kept() const noexcept { return state_->kept; }
    std::size_t   connections() const noexcept { return state_->connections; }

    /// Waits until all connections have ended.
    task<void> until_idle()
    {
        while (state_->open != 0)
            co_await support::hop();
    }

private:
    struct state
    {
        state(asio::any_io_executor const& ex, chooser c)
            : acceptor(ex, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), choose(std::move(c))
        {
        }

        tcp::acceptor acceptor;
        chooser       choose;
        store         kept;
        std::size_t   connections = 0;
        std::size_t   open        = 0;
    };

    static task<void> accept(std::shared_ptr<state> s)
    {
        auto const ex = co_await this_coro::executor;
        for (;;)
        {
            auto socket = co_await s->acceptor.async_accept(use_task);
            ++s->connections;
            ++s->open;
            auto const at_end = [s](std::exception_ptr) { --s->open; };
            spawn(ex, serve(s, std::move(socket)), at_end);
        }
    }

    static task<void> serve(std::shared_ptr<state> s, tcp::socket socket)
    {
        moody_dialogue         d(s->choose, s->kept);
        std::array<char, 4096> chunk;
        for (;;)
        {
            auto const said = std::exchange(d.output, std::string());
            auto const out  = asio::buffer(said);
            std::ignore     = co_await asio::async_write(socket, out, use_task_nothrow);
            if (d.ended)
                break;
            auto const room     = asio::buffer(chunk);
            auto const got      = co_await socket.async_read_some(room, use_task_nothrow);
            auto const& [ec, n] = got;
            if (ec)
                break;
            d.feed(std::string_view(chunk.data(), n));
        }
        // What was sent must arrive: no reset because of octets that nobody has read.
        std::error_code ignored;
        socket.shutdown(tcp::socket::shutdown_send, ignored);
        for (bool more = true; more;)
        {
            auto const room     = asio::buffer(chunk);
            auto const got      = co_await socket.async_read_some(room, use_task_nothrow);
            auto const& [ec, n] = got;
            more                = !ec;
        }
    }

    std::shared_ptr<state> state_;
};

/// What one dialogue is about.
struct plan
{
    std::size_t            messages   = 2;
    std::size_t            recipients = 1;
    smtp::chunking         chunking   = smtp::chunking::off;
    smtp::recipient_policy policy     = smtp::recipient_policy::each;
    std::size_t            window     = 16;
    std::size_t            chunk_size = 256 * 1024;
    bool                   pipelining = true;
    bool                   client     = false; ///< Which may open several connections; else one session.
    bool                   streamed   = false;
};

std::string recipient_of(std::size_t message, std::size_t recipient)
{
    return "r" + std::to_string(message) + "@y" + std::to_string(recipient) + ".test";
}

std::string text_of(std::size_t message)
{
    return "Subject: " + std::to_string(message) + "\r\n\r\n" + std::string(message + 1, 'x') + "\r\n";
}

async_generator<std::string> content_of(std::size_t message)
{
    auto const text = text_of(message);
    co_yield text.substr(0, 10);
    co_await support::hop();
    co_yield text.substr(10);
}

std::vector<smtp::message> messages_of(plan const& p)
{
    std::vector<smtp::message> all;
    for (std::size_t i = 0; i != p.messages; ++i)
    {
        smtp::envelope e("s" + std::to_string(i) + "@b.test", {});
        for (std::size_t k = 0; k != p.recipients; ++k)
            e.add(recipient_of(i, k));
        if (p.streamed)
            all.emplace_back(std::move(e), std::make_shared<generator_source>(content_of(i)));
        else
            all.emplace_back(std::move(e), std::make_shared<string_source>(text_of(i)));
    }
    return all;
}

smtp::burst_options options_of(plan const& p)
{
    smtp::burst_options o;
    o.window             = p.window;
    o.sending.chunking   = p.chunking;
    o.sending.policy     = p.policy;
    o.sending.chunk_size = p.chunk_size;
    o.sending.pipelining = p.pipelining;
    return o;
}

/// Each recipient has what the reports say, and never anything else.
void check_truth(plan const& p, burst_results const& results, store const& kept)
{
    CHECK(results.complete(results.all.size()));
    CHECK(results.all.size() <= p.messages);
    std::vector<bool> reported(p.messages);
    for (auto const& r : results.all)
    {
        reported[r.index] = true;
        REQUIRE(r.report.recipients().size() == p.recipients);
        for (std::size_t k = 0; k != p.recipients; ++k)
        {
            auto const  outcome = r.report.recipients()[k].outcome;
            auto const& stored  = kept.of(recipient_of(r.index, k));
            if (outcome == accepted)
                CHECK(stored.size() == 1);
            else if (outcome == in_doubt)
                CHECK(stored.size() <= 1);
            else
                CHECK(stored.empty());
            if (outcome == in_doubt)
                CHECK(r.failure);
            for (auto const& content : stored)
                CHECK(content == text_of(r.index));
        }
        if (p.policy == smtp::recipient_policy::all_or_nothing)
            CHECK((r.report.all_accepted() || r.failure));
    }
    for (std::size_t i = 0; i != p.messages; ++i)
        for (std::size_t k = 0; !reported[i] && k != p.recipients; ++k)
            CHECK(kept.of(recipient_of(i, k)).empty());
}

/// What came of it.
struct played
{
    burst_results results;
    std::size_t   connections = 0;
};

/// One burst, and then, if the session is open, one message that must get through.
task<void> play(plan p, chooser choose, bool& yes_to_all, played& into)
{
    auto const   ex = co_await this_coro::executor;
    moody_server server(ex, std::move(choose));
    auto const   messages = messages_of(p);
    auto const   options  = options_of(p);
    auto         next     = smtp::message("last@b.test", {"last@y.test"}, text_of(99));
    if (p.client)
    {
        smtp::client client(support::client_settings(server.port()));
        co_await collect(client.send_burst(messages, options), into.results);
        yes_to_all        = true;
        auto const report = co_await client.send(next);
        CHECK(report.all_accepted());
        co_await client.quit();
    }
    else
    {
        auto          stream = co_await support::dial(server.port());
        smtp::session session(std::move(stream), support::session_settings());
        std::ignore = co_await session.greet();
        co_await session.hello();
        co_await collect(session.send_burst(messages, options), into.results);
        CHECK(!into.results.failure);
        CHECK(!session.is_busy());
        yes_to_all      = true;
        bool const open = session.is_open();
        if (open)
        {
            CHECK(into.results.all.size() == p.messages);
            CHECK(session.looks_alive());
            auto const report = co_await session.send(next);
            CHECK(report.all_accepted());
        }
        co_await session.quit();
        CHECK(server.kept().of("last@y.test").size() == (open ? 1 : 0));
    }
    co_await server.until_idle();
    check_truth(p, into.results, server.kept());
    into.connections = server.connections();
    // Nothing that was not asked for.
    for (auto const& [recipient, contents] : server.kept().all())
        CHECK((recipient.front() == 'r' || contents == std::vector<std::string>{text_of(99)}));
}

played play(plan const& p, chooser const& choose)
{
    bool   yes = false;
    played result;
    auto   guarded = [&](std::size_t n) { return yes ? 0 : choose(n); };
    sync_wait(with_timeout(play(p, guarded, yes, result), support::no_hang));
    return result;
}

/// Every path through a tree of choices, one after the other.
class odometer
{
public:
    std::size_t choose(std::size_t n)
    {
        if (at_ == digits_.size())
            digits_.emplace_back(0, n);
        auto const chosen = digits_[at_].first;
        ++at_;
        return std::min(chosen, n - 1);
    }

    /// @return Whether there is another path.
    bool advance()
    {
        digits_.resize(std::min(at_, digits_.size()));
        at_ = 0;
        while (!digits_.empty() && digits_.back().first + 1 == digits_.back().second)
            digits_.pop_back();
        if (digits_.empty())
            return false;
        ++digits_.back().first;
        return true;
    }

    std::string describe() const
    {
        std::string text;
        for (auto const& [chosen, n] : digits_)
            text += std::to_string(chosen) + " of " + std::to_string(n) + ", ";
        return text;
    }

private:
    std::vector<std::pair<std::size_t, std::size_t>> digits_;
    std::size_t                                      at_ = 0;
};

std::size_t play_all(plan const& p)
{
    odometer    wheel;
    std::size_t count = 0;
    do
    {
        played result;
        CAPTURE(wheel.describe());
        result = play(p, [&wheel](std::size_t n) { return wheel.choose(n); });
        ++count;
        if (!p.client)
            CHECK(result.connections == 1);
        REQUIRE(count < 100000);
    } while (wheel.advance());
    return count;
}

} // namespace

TEST_CASE("every way in which a server can answer two messages: the reports tell what it has stored")
{
    std::size_t count = 0;
    for (auto const chunking : both_ways)
        for (auto const policy : {smtp::recipient_policy::each, smtp::recipient_policy::all_or_nothing})
            for (bool const pipelining : {true, false})
            {
                plan p;
                p.chunking   = chunking;
                p.policy     = policy;
                p.pipelining = pipelining;
                count += play_all(p);
            }
    MESSAGE("dialogues: " << count);
    CHECK(count > 1000);
}

TEST_CASE("every way in which a server can answer two messages in two chunks each")
{
    plan p;
    p.chunking       = smtp::chunking::on;
    p.chunk_size     = 12;
    auto const count = play_all(p);
    MESSAGE("dialogues: " << count);
}

TEST_CASE(
    "a server that answers at random: the reports tell what it has stored, over one connection or several")
{
    std::size_t                           count = 0;
    std::map<smtp::disposition, unsigned> seen;
    for (std::uint32_t seed = 1; seed <= 4000; ++seed)
    {
        CAPTURE(seed);
        std::mt19937 random(seed);
        auto const   below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
        plan         p;
        p.messages   = 1 + below(12);
        p.recipients = 1 + below(3);
        p.chunking   = both_ways[below(2)];
        p.policy     = static_cast<smtp::recipient_policy>(below(3));
        p.window     = 1 + below(10);
        p.chunk_size = below(2) == 0 ? 1000 : 7;
        p.pipelining = below(5) != 0;
        p.client     = below(2) == 0;
        p.streamed   = below(4) == 0;
        // The answer is yes mostly, or nothing would come of the burst.
        std::size_t const mood   = 2 + below(30);
        auto const        choose = [&](std::size_t n) { return below(mood) == 0 ? below(n) : 0; };
        auto const        result = play(p, choose);
        for (auto const& r : result.results.all)
            for (auto const& one : r.report.recipients())
                ++seen[one.outcome];
        ++count;
    }
    std::string text;
    for (auto const& [outcome, n] : seen)
        text += ' ' + std::string(smtp::to_string(outcome)) + ' ' + std::to_string(n);
    MESSAGE("dialogues: " << count << ", outcomes:" << text);
    CHECK(seen.size() == 5);
}

// Connections that are cut -------------------------------------------------------------------------------------

namespace {

struct cut_result
{
    std::size_t           to_server = 0;
    std::size_t           to_client = 0;
    burst_results         results;
    std::set<std::size_t> stored;
    std::size_t           messages = 0; ///< In the sink, each with all its recipients.
};

task<void> burst_through(smtp::chunking chunking, support::cut where, std::size_t size, cut_result& into)
{
    auto const         ex = co_await this_coro::executor;
    smtp_sink_settings settings;
    settings.log = false;
    smtp_sink sink(ex, settings);
    sink.start();
    support::relay between(ex, sink.port(), where);
    between.start();
    {
        smtp::client        client(support::client_settings(between.port()));
        auto const          messages = support::numbered_messages(3, size);
        smtp::burst_options options;
        options.sending.chunking = chunking;
        co_await collect(client.send_burst(messages, options), into.results);
        co_await client.quit();
    }
    into.to_server = between.to_server();
    into.to_client = between.to_client();
    co_await sink.until_idle();
    support::check_stored(sink, size);
    CHECK(sink.violations() == lines());
    for (auto const& m : sink.messages())
        into.stored.insert(support::number_of(m));
    into.messages = static_cast<std::size_t>(sink.totals().messages);
}

cut_result burst_through(smtp::chunking chunking, support::cut where, std::size_t size = 0)
{
    cut_result r;
    sync_wait(with_timeout(burst_through(chunking, where, size, r), support::no_hang));
    CHECK(r.messages == r.stored.size());
    CHECK(r.results.complete(r.results.all.size()));
    for (auto const& one : r.results.all)
    {
        CAPTURE(one.index);
        auto const outcome = one.report.recipients()[0].outcome;
        bool const stored  = r.stored.count(one.index) != 0;
        CHECK((outcome == accepted || outcome == not_sent || outcome == in_doubt));
        CHECK((outcome == accepted) == !one.failure);
        if (outcome == accepted)
            CHECK(stored);
        if (outcome == not_sent)
            CHECK(!stored);
    }
    for (auto const number : r.stored)
        CHECK(number < r.results.all.size());
    return r;
}

} // namespace

TEST_CASE("a burst of three messages, cut after every octet: the reports agree with what the server stored")
{
    std::size_t count = 0;
    for (auto const chunking : both_ways)
    {
        auto const whole = burst_through(chunking, support::cut());
        REQUIRE(whole.stored.size() == 3);
        CHECK(whole.results.accepted() == 3);
        std::map<smtp::disposition, std::size_t> seen;
        for (bool const reset : {false, true})
            for (bool const upwards : {true, false})
            {
                std::size_t const all = upwards ? whole.to_server : whole.to_client;
                for (std::size_t n = 0; n <= all; ++n)
                {
                    support::cut where;
                    (upwards ? where.to_server : where.to_client) = n;
                    where.reset                                   = reset;
                    CAPTURE(reset);
                    CAPTURE(upwards);
                    CAPTURE(n);
                    auto const r = burst_through(chunking, where);
                    for (auto const& one : r.results.all)
                        ++seen[one.report.recipients()[0].outcome];
                    ++count;
                }
            }
        CHECK(seen.size() == 3);
    }
    MESSAGE("dialogues: " << count);
}

namespace {

constexpr std::size_t large = 300000;

} // namespace

TEST_CASE("a burst of large messages, cut anywhere: the reports agree with what the server stored")
{
    std::size_t count = 0;
    for (auto const chunking : both_ways)
    {
        auto const whole = burst_through(chunking, support::cut(), large);
        REQUIRE(whole.stored.size() == 3);
        std::mt19937 random(7);
        for (int i = 0; i != 100; ++i)
        {
            bool const        upwards = i % 4 != 0;
            std::size_t const n       = random() % (upwards ? whole.to_server : whole.to_client);
            support::cut      where;
            (upwards ? where.to_server : where.to_client) = n;
            where.reset                                   = i % 2 == 0;
            CAPTURE(upwards);
            CAPTURE(n);
            std::ignore = burst_through(chunking, where, large);
            ++count;
        }
    }
    MESSAGE("dialogues: " << count);
}

// Callers that stop --------------------------------------------------------------------------------------------

namespace {

struct way
{
    char const*    name;
    smtp::chunking chunking;
    bool           tls;
    bool           generator;
    std::size_t    size;
};

constexpr way ways[] = {{"DATA", smtp::chunking::off, false, false, 0},
                        {"BDAT", smtp::chunking::on, false, false, 0},
                        {"generated, DATA", smtp::chunking::off, false, true, 0},
                        {"generated, BDAT", smtp::chunking::on, false, true, 0},
                        {"large, BDAT", smtp::chunking::on, false, false, 400000},
                        {"large, DATA", smtp::chunking::off, false, false, 400000},
                        {"TLS, BDAT", smtp::chunking::on, true, true, 30000}};

smtp_sink_settings sink_settings(way const& w)
{
    smtp_sink_settings s;
    s.retention = smtp_sink_settings::keep::fingerprints;
    if (w.tls)
    {
        s.tls         = smtp_sink_settings::tls_mode::implicit;
        s.tls_context = support::server_tls();
    }
    return s;
}

smtp::client_settings settings_for(way const& w, std::uint16_t port)
{
    auto s = support::client_settings(port);
    if (w.tls)
        s.tls = smtp::tls_mode::implicit;
    return s;
}

constexpr std::size_t few = 5; ///< Messages in a burst that is stopped somewhere.

/// Messages that are counted.
async_generator<smtp::message_pointer> generate(std::size_t size, std::shared_ptr<std::size_t> living)
{
    for (std::size_t i = 0; i != few; ++i)
    {
        co_await support::hop();
        auto const gone = [living](smtp::message const* m) {
            --*living;
            delete m;
        };
        ++*living;
        smtp::message_pointer m(new smtp::message(support::numbered(i, size)), gone);
        co_yield std::move(m);
    }
}

/// A burst of one of these ways. @param kept Stays as long as it.
async_generator<smtp::burst_result> start(smtp::client& client, way const& w,
                                          std::vector<smtp::message> const& kept,
                                          std::shared_ptr<std::size_t>      living)
{
    smtp::burst_options options;
    options.window             = 3;
    options.sending.chunking   = w.chunking;
    options.sending.chunk_size = 100000;
    if (w.generator)
        return client.send_burst(generate(w.size, std::move(living)), options);
    return client.send_burst(kept, options);
}

/// What stopping somewhere left behind must be true, and the client usable.
void check_after(asio::io_context& io, smtp::client& client, smtp_sink& sink, burst_results const& results,
                 std::size_t size, std::set<smtp::disposition>& seen)
{
    auto const once_more = [&client]() -> task<void> {
        auto const m = support::numbered(100);
        auto const r = co_await client.send(m);
        CHECK(r.all_accepted());
        co_await client.quit();
    };
    REQUIRE(run_to_end(io, once_more()));
    REQUIRE(run_to_end(io, sink.until_idle()));
    std::map<std::size_t, std::size_t> stored;
    for (auto const& m : sink.messages())
    {
        auto const number = support::number_of(m);
        ++stored[number];
        CHECK(m.fingerprint ==
              testing::fingerprint::of(support::numbered_text(number, number == 100 ? 0 : size)));
    }
    CHECK(stored[100] == 1);
    CHECK(results.complete(results.all.size()));
    for (auto const& r : results.all)
    {
        auto const outcome = r.report.recipients()[0].outcome;
        seen.insert(outcome);
        CHECK(stored[r.index] <= 1);
        CHECK((outcome == accepted) == !r.failure);
        CHECK((outcome == accepted || outcome == not_sent || outcome == in_doubt));
        if (outcome == accepted)
            CHECK(stored[r.index] == 1);
        if (outcome == not_sent)
            CHECK(stored[r.index] == 0);
    }
    CHECK(sink.violations() == lines());
}

/// @return Whether it was over before.
bool cancel_after(way const& w, std::size_t n, std::set<smtp::disposition>& seen)
{
    asio::io_context          io(1);
    smtp_sink                 sink(io.get_executor(), sink_settings(w));
    smtp::client              client(settings_for(w, sink.port()));
    auto const                messages = support::numbered_messages(few, w.size);
    auto const                living   = std::make_shared<std::size_t>(0);
    asio::cancellation_signal stop;
    burst_results             results;
    bool                      done = false;
    sink.start();
    spawn(io, collect(start(client, w, messages, living), results),
          asio::bind_cancellation_slot(stop.slot(), [&done](std::exception_ptr e) {
              done = true;
              CHECK(!e);
          }));
    for (std::size_t i = 0; i != n && !done; ++i)
        io.run_one();
    bool const over = done;
    if (!over)
    {
        auto const at = std::chrono::steady_clock::now();
        stop.emit(asio::cancellation_type::terminal);
        REQUIRE(run_to_end(io, done));
        CHECK(std::chrono::steady_clock::now() - at < 3s);
    }
    if (results.failure)
    {
        std::error_code code;
        try
        {
            std::rethrow_exception(results.failure);
        }
        catch (std::system_error const& e)
        {
            code = e.code();
        }
        CHECK(code == condition::canceled);
    }
    else
        CHECK(results.accepted() == few);
    check_after(io, client, sink, results, w.size, seen);
    io.poll();
    CHECK(*living == 0);
    // Whatever was stored has been reported.
    for (auto const& m : sink.messages())
        CHECK((support::number_of(m) == 100 || support::number_of(m) < results.all.size()));
    return over;
}

} // namespace

TEST_CASE(
    "cancelled after any number of steps a burst ends at once, tells the truth, and leaves the client usable")
{
    std::size_t count = 0;
    for (auto const& w : ways)
    {
        std::set<smtp::disposition> seen;
        CAPTURE(std::string(w.name));
        std::size_t n    = 0;
        bool        over = false;
        for (; !over; ++n)
        {
            CAPTURE(n);
            over = cancel_after(w, n, seen);
            REQUIRE(n < 100000);
        }
        count += n;
        CHECK(n > 5);
        CHECK(seen.size() == 3);
    }
    MESSAGE("cancellations: " << count);
}

TEST_CASE("a burst that is dropped after some results closes the connection, and what was reported is true")
{
    for (auto const& w : ways)
        for (std::size_t k = 0; k <= few + 1; ++k)
        {
            CAPTURE(std::string(w.name));
            CAPTURE(k);
            asio::io_context io(1);
            smtp_sink        sink(io.get_executor(), sink_settings(w));
            smtp::client     client(settings_for(w, sink.port()));
            auto const       messages = support::numbered_messages(few, w.size);
            auto const       living   = std::make_shared<std::size_t>(0);
            burst_results    results;
            sink.start();
            auto const some = [&]() -> task<void> {
                auto burst = start(client, w, messages, living);
                for (std::size_t i = 0; i != k; ++i)
                {
                    auto result = co_await burst.next();
                    CHECK(result.has_value() == (i < few));
                    if (result)
                        results.all.push_back(std::move(*result));
                }
            };
            REQUIRE(run_to_end(io, some()));
            if (k == 1 && !w.generator)
                CHECK(!client.is_connected());
            if (k >= few)
                CHECK(client.is_connected()); // nothing was on its way
            std::set<smtp::disposition> seen;
            check_after(io, client, sink, results, w.size, seen);
            io.poll();
            CHECK(*living == 0);
            CHECK(results.accepted() == std::min(k, few));
        }
}

namespace {

/// A whole life in one coroutine, which owns everything.
task<void> whole_life(way w, std::shared_ptr<std::size_t> living)
{
    auto const ex = co_await this_coro::executor;
    smtp_sink  sink(ex, sink_settings(w));
    sink.start();
    auto const    messages = support::numbered_messages(few, w.size);
    smtp::client  client(settings_for(w, sink.port()));
    burst_results results;
    co_await collect(start(client, w, messages, living), results);
    CHECK(results.accepted() == few);
    co_await client.quit();
    co_await sink.until_idle();
}

} // namespace

TEST_CASE("the event loop can be destroyed after any number of steps of a burst")
{
    std::size_t count = 0;
    for (auto const& w : ways)
    {
        CAPTURE(std::string(w.name));
        auto const         living = std::make_shared<std::size_t>(0);
        std::exception_ptr failure;
        auto const         steps = support::destroy_after_each_step(
            [&](asio::io_context& io) {
                spawn(io, whole_life(w, living), [&](std::exception_ptr e) { failure = e; });
            },
            [&](std::size_t n, bool complete) {
                CAPTURE(n);
                CHECK(!failure);
                CHECK(*living == 0);
                static_cast<void>(complete);
            });
        CHECK(steps > 20);
        count += steps;
    }
    MESSAGE("steps: " << count);
}

// Writes that fail ---------------------------------------------------------------------------------------------

namespace {

/// Says what it was told to say, whatever it hears, and takes nothing after the first write.
class deaf_transport final : public net::transport
{
public:
    deaf_transport(asio::any_io_executor const& ex, std::string hello, std::string rest)
        : bell_(ex, asio::steady_timer::time_point::max()), rest_(std::move(rest)), hello_(std::move(hello))
    {
    }

    asio::any_io_executor get_executor() override { return bell_.get_executor(); }

    task<std::size_t> read_some(std::span<char> into) override
    {
        while (to_read_.empty())
        {
            auto const woken = co_await bell_.async_wait(use_task_nothrow);
            std::ignore      = woken;
            if (stopped_)
                throw std::system_error(std::make_error_code(std::errc::operation_canceled));
        }
        std::size_t const n = std::min(into.size(), to_read_.size());
        std::copy_n(to_read_.begin(), n, into.begin());
        to_read_.erase(0, n);
        co_return n;
    }

    task<std::size_t> write_some(std::string_view bytes) override
    {
        bool const first = writes_++ == 0;
        to_read_ += first ? hello_ : std::exchange(rest_, std::string());
        bell_.cancel();
        if (!first)
            throw std::system_error(std::make_error_code(std::errc::broken_pipe));
        co_return bytes.size();
    }

    void cancel() noexcept override
    {
        stopped_ = true;
        bell_.cancel();
    }
    void close() noexcept override { cancel(); }

private:
    asio::steady_timer bell_;
    std::string        to_read_ = "220 deaf.test\r\n";
    std::string        rest_;
    std::string        hello_;
    int                writes_  = 0;
    bool               stopped_ = false;
};

} // namespace

TEST_CASE(
    "a write that fails although everything was answered ends the connection, and nothing spins or waits")
{
    for (auto const chunking : both_ways)
        for (std::size_t const count : {0u, 1u, 4u}) // messages of a burst; 0: send()
            for (bool const generated : {false, true})
            {
                bool const bdat = chunking == smtp::chunking::on;
                CAPTURE(bdat);
                CAPTURE(count);
                auto const attempt = [&]() -> task<void> {
                    auto const ex = co_await this_coro::executor;
                    auto       t  = std::make_unique<deaf_transport>(
                        ex, "250-deaf.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
                        bdat ? "250 ok\r\n250 ok\r\n250 ok\r\n" : "250 ok\r\n250 ok\r\n354 go\r\n");
                    smtp::session session(net::stream(std::move(t)), support::session_settings());
                    std::ignore = co_await session.greet();
                    co_await session.hello();
                    auto const messages = support::numbered_messages(std::max<std::size_t>(count, 1));
                    smtp::burst_options options;
                    options.sending.chunking = chunking;
                    options.window           = 1;
                    if (count == 0)
                    {
                        smtp::report r;
                        auto const   e =
                            co_await support::failure_of(session.send(messages[0], options.sending, r));
                        CHECK(e.has_value() == !bdat);
                        CHECK(r.recipients()[0].outcome == (bdat ? accepted : not_sent));
                        CHECK(!session.is_open());
                        co_return;
                    }
                    auto const    living = std::make_shared<std::size_t>(0);
                    burst_results results;
                    if (generated)
                        co_await collect(session.send_burst(generate(0, living), options), results);
                    else
                        co_await collect(session.send_burst(messages, options), results);
                    INFO(results.describe());
                    CHECK(!results.failure);
                    REQUIRE(!results.all.empty());
                    CHECK(results.outcome(0) == (bdat ? accepted : not_sent));
                    CHECK(results.of(0).failure.has_value() == !bdat);
                    CHECK(results.all.size() == 1);
                    CHECK(!session.is_open());
                };
                sync_wait(with_timeout(attempt(), support::no_hang));
            }
}

TEST_SUITE_END();
