//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A load generator: how fast this library hands over mail, and at what cost. One thread.
//
//   smtp_load --host H --port P --n N --conns C --file MESSAGE [--tls none|implicit|starttls] [--auth 0|1] [--reuse 0|1]
//             [--ca FILE] [--stream 0|1] [--mode sequential|pipelined|chunked|burst] [--user U --pass P]
//             [--resume 0|1] [--hold 0|1] [--via client|pool]
//
// --file: a message with CRLF. --reuse 0: a connection for each message. --stream 1: the file is read while it is sent.
// Without --mode, the fastest that the server allows: bursts, and single messages by BDAT where it is offered.
// --resume 0: every TLS handshake is a full one. --hold 1: all connections are ready before the first message, and what each
// takes of memory is told. --via pool: every message is given to the pool by itself.
//
// Prints a line of JSON; its first nine members are the figures, the others tell more. The exit code is 0 only if every message
// was accepted.

#include "support/arguments.hpp"
#include "support/content.hpp"
#include "support/figures.hpp"

#include <posthorn/smtp.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace smtp = posthorn::smtp;
using posthorn::task;

namespace {

enum class mode : unsigned char
{
    fastest,
    sequential,
    pipelined,
    chunked,
    burst
};

mode mode_of(std::string const& name)
{
    if (name == "sequential")
        return mode::sequential;
    if (name == "pipelined")
        return mode::pipelined;
    if (name == "chunked")
        return mode::chunked;
    if (name == "burst")
        return mode::burst;
    if (name != "fastest")
        throw std::runtime_error("--mode is sequential, pipelined, chunked, burst or fastest");
    return mode::fastest;
}

struct plan
{
    std::size_t n      = 0;
    std::size_t conns  = 1;
    std::string file;
    bool        reuse  = true;
    bool        stream = false;
    bool        hold   = false;
    bool        pooled = false; ///< Every message through pool::send().
    mode        how    = mode::fastest;
};

/// What a run has come to.
struct tally
{
    std::size_t           started = 0; ///< Connections that are ready.
    std::size_t           taken   = 0;
    std::size_t           decided = 0; ///< Messages, whatever became of them.
    std::string           first_failure;
    std::string           first_exception;
    std::optional<double> session_kib;
    support::figures      cost;

    void count(smtp::report const& r)
    {
        ++decided;
        taken += r.outcome() == smtp::overall::accepted ? 1 : 0;
        if (r.outcome() != smtp::overall::accepted && first_failure.empty())
            first_failure = r.describe();
    }

    void count(std::exception const& e)
    {
        if (first_exception.empty())
            first_exception = e.what();
    }
};

/// Makes messages that are used again once they have been decided.
class mail_maker
{
public:
    mail_maker(plan const& p, std::string_view text) : plan_(&p), text_(text) {}

    std::shared_ptr<smtp::message> make() const
    {
        std::shared_ptr<posthorn::source> content;
        if (plan_->stream)
            content = std::make_shared<posthorn::file_source>(plan_->file);
        else
            content = std::make_shared<posthorn::memory_source>(text_);
        return std::make_shared<smtp::message>(smtp::envelope("load@example.org", {"sink@example.net"}), std::move(content));
    }

private:
    plan const*      plan_;
    std::string_view text_;
};

/// The share of one connection, as a range of messages for a burst. A message that was decided is given again.
class share
{
public:
    share(mail_maker const& maker, std::size_t n) : maker_(&maker), left_(n) {}

    class iterator
    {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type       = smtp::message_pointer;
        using difference_type  = std::ptrdiff_t;

        iterator() = default;
        explicit iterator(share& s) : share_(&s) {}

        smtp::message_pointer operator*() const { return share_->take(); }
        iterator&             operator++()
        {
            --share_->left_;
            return *this;
        }
        void operator++(int) { ++*this; }

        bool                  operator==(std::default_sentinel_t) const { return share_->left_ == 0; }

    private:
        share* share_ = nullptr;
    };

    iterator                begin() { return iterator(*this); }
    std::default_sentinel_t end() const { return {}; }

    /// Message `index` was decided: it starts again when it is taken.
    task<void> give_back(std::size_t index)
    {
        auto m = std::move(under_way_.at(index % under_way_.size()));
        co_await m->content->rewind();
        idle_.push_back(std::move(m));
    }

private:
    smtp::message_pointer take()
    {
        std::shared_ptr<smtp::message> m;
        if (idle_.empty())
            m = maker_->make();
        else
        {
            m = std::move(idle_.back());
            idle_.pop_back();
        }
        auto& place = under_way_.at(given_++ % under_way_.size());
        if (place)
            throw std::logic_error("more messages under way than there are places");
        place = m;
        return m;
    }

    mail_maker const*                           maker_;
    std::size_t                                 left_;
    std::size_t                                 given_ = 0;
    std::vector<std::shared_ptr<smtp::message>> idle_;
    std::vector<std::shared_ptr<smtp::message>> under_way_ = std::vector<std::shared_ptr<smtp::message>>(1024);
};

smtp::send_options options_of(mode how, bool chunking_offered)
{
    smtp::send_options o;
    o.pipelining = how != mode::sequential;
    o.chunking   = smtp::chunking::off;
    if (how == mode::chunked || (how == mode::fastest && chunking_offered))
        o.chunking = smtp::chunking::on;
    if (how == mode::burst)
        o.chunking = smtp::chunking::automatic;
    return o;
}

class load
{
public:
    load(plan const& p, smtp::pool& pool, std::string_view text, tally& t)
        : plan_(&p), pool_(&pool), maker_(p, text), tally_(&t)
    {
    }

    task<void> run()
    {
        auto const ex = co_await posthorn::this_coro::executor;
        everybody_ready_.emplace(ex, asio::steady_timer::time_point::max());
        before_ = support::resident_kib();
        tally_->cost.start();
        if (plan_->conns == 1)
            co_await one(plan_->n);
        else
        {
            std::vector<task<void>> all;
            all.reserve(plan_->conns);
            for (std::size_t i = 0; i != plan_->conns; ++i)
                all.push_back(one(plan_->n / plan_->conns + (i < plan_->n % plan_->conns ? 1 : 0)));
            co_await posthorn::when_all(std::move(all));
        }
        if (!stopped_)
            stop();
        co_await pool_->drain();
    }

private:
    task<void> one(std::size_t n)
    {
        try
        {
            if (plan_->pooled)
                co_await through_pool(n);
            else
            {
                std::function<task<void>(smtp::client&)> share_of_it = [this, n](smtp::client& c) { return over(c, n); };
                co_await pool_->use(std::move(share_of_it));
            }
        }
        catch (std::exception const& e)
        {
            tally_->count(e);
        }
    }

    task<void> through_pool(std::size_t n)
    {
        auto const                 mail    = maker_.make();
        smtp::send_options const   options = options_of(plan_->how == mode::fastest ? mode::pipelined : plan_->how, false);
        smtp::report               report;
        for (std::size_t i = 0; i != n; ++i)
        {
            if (i != 0)
                co_await mail->content->rewind();
            co_await pool_->send(*mail, options, report);
            count(report);
        }
    }

    task<void> over(smtp::client& c, std::size_t n)
    {
        if (plan_->hold)
        {
            co_await c.connect();
            co_await meet();
        }
        bool const burst = plan_->how == mode::burst || (plan_->how == mode::fastest && plan_->reuse);
        if (burst)
            co_await in_bursts(c, n);
        else
            co_await one_by_one(c, n);
    }

    task<void> in_bursts(smtp::client& c, std::size_t n)
    {
        smtp::burst_options const options(options_of(mode::burst, true));
        share                     mails(maker_, n);
        auto                      results = c.send_burst(mails, options);
        auto                      result  = co_await results.next();
        while (result)
        {
            if (result->failure && tally_->first_failure.empty())
                tally_->first_failure = result->failure->what();
            count(result->report);
            co_await mails.give_back(result->index);
            result = co_await results.next();
        }
    }

    task<void> one_by_one(smtp::client& c, std::size_t n)
    {
        auto const   mail = maker_.make();
        smtp::report report;
        for (std::size_t i = 0; i != n; ++i)
        {
            if (i != 0)
                co_await mail->content->rewind();
            if (!c.is_connected())
                co_await c.connect();
            bool const               offered = c.current()->capabilities().has(smtp::feature::chunking);
            smtp::send_options const options = options_of(plan_->how, offered);
            co_await c.send(*mail, options, report);
            count(report);
            if (!plan_->reuse)
                co_await c.quit();
        }
    }

    /// Waits until every connection is ready.
    task<void> meet()
    {
        ++tally_->started;
        if (tally_->started == plan_->conns)
        {
            auto const now       = support::resident_kib();
            tally_->session_kib = static_cast<double>(now > before_ ? now - before_ : 0) / static_cast<double>(plan_->conns);
            everybody_ready_->cancel();
            co_return;
        }
        co_await everybody_ready_->async_wait(posthorn::use_task_nothrow);
    }

    void count(smtp::report const& r)
    {
        tally_->count(r);
        if (tally_->decided == plan_->n && plan_->reuse)
            stop();
    }

    /// The last report is there; what follows is QUIT. Where that belongs to each message it is counted.
    void stop()
    {
        stopped_ = true;
        tally_->cost.stop();
    }

    plan const*                       plan_;
    smtp::pool*                       pool_;
    mail_maker                        maker_;
    tally*                            tally_;
    std::optional<asio::steady_timer> everybody_ready_;
    std::size_t                       before_  = 0;
    bool                              stopped_ = false;
};

int run(int argc, char** argv)
{
    support::arguments given(argc, argv);
    plan               p;
    p.n      = given.number("n", 1);
    p.conns  = given.number("conns", 1);
    p.file   = given.required("file");
    p.reuse  = given.flag("reuse", true);
    p.stream = given.flag("stream", false);
    p.hold   = given.flag("hold", false);
    p.how    = mode_of(given.text("mode", "fastest"));
    p.pooled = given.text("via", "client") == "pool";

    smtp::client_settings settings;
    auto const            port = given.number("port", 25);
    settings.server = posthorn::net::host_port(given.text("host", "127.0.0.1"), static_cast<std::uint16_t>(port));
    auto const tls  = given.text("tls", "none");
    if (tls != "none" && tls != "implicit" && tls != "starttls")
        throw std::runtime_error("--tls is none, implicit or starttls");
    settings.tls = tls == "none"       ? smtp::tls_mode::none
                   : tls == "implicit" ? smtp::tls_mode::implicit
                                       : smtp::tls_mode::required;
    settings.tls_settings.ca_file    = given.text("ca", "");
    settings.tls_settings.resumption = given.flag("resume", true);
    settings.session.ehlo_name       = "load.example.org";
    auto const user                  = given.text("user", "user");
    auto const pass                  = given.text("pass", "pass");
    if (given.flag("auth", false))
    {
        settings.login                      = {user, posthorn::secret_string(pass)};
        settings.mechanisms.allowed         = {"PLAIN"};
        settings.mechanisms.allow_plaintext = tls == "none";
    }
    given.finish();
    if (p.conns == 0 || (!p.reuse && p.how == mode::burst))
        throw std::runtime_error("--conns is at least 1, and a burst needs --reuse 1");

    support::raise_file_limit();
    std::string const   text = p.stream ? std::string() : support::read_file(p.file);
    smtp::pool_settings pooling(std::move(settings));
    pooling.max_connections = p.conns;
    pooling.max_messages    = p.pooled && !p.reuse ? 1 : 0;

    asio::io_context   io(1);
    tally              t;
    std::exception_ptr failure;
    {
        smtp::pool pool(io.get_executor(), std::move(pooling));
        load       all(p, pool, text, t);
        posthorn::spawn(io, all.run(), [&failure](std::exception_ptr e) { failure = std::move(e); });
        io.run();
    }
    if (failure)
        std::rethrow_exception(failure);
    t.cost.print(p.n, t.session_kib);
    if (t.taken == p.n)
        return 0;
    std::fprintf(stderr, "smtp_load: %zu of %zu accepted; first failure: %s; first exception: %s\n", t.taken, p.n,
                 t.first_failure.c_str(), t.first_exception.c_str());
    return 1;
}

} // namespace

int main(int argc, char** argv)
{
    try
    {
        return run(argc, argv);
    }
    catch (std::exception const& e)
    {
        std::fprintf(stderr, "smtp_load: %s\n", e.what());
        return 1;
    }
}
