//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// smtp_sink: an SMTP or LMTP server that takes mail fast, checks what clients say, and remembers it for tests.

#ifndef POSTHORN_TESTING_SMTP_SINK_HPP
#define POSTHORN_TESTING_SMTP_SINK_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/testing/detail/delay_line.hpp>
#include <posthorn/testing/detail/server_base.hpp>
#include <posthorn/testing/detail/smtp_dialogue.hpp>
#include <posthorn/testing/detail/smtp_record.hpp>
#include <posthorn/testing/smtp_sink_settings.hpp>

#include <asio/any_io_executor.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing {

namespace detail {

/// The connections of a sink.
class smtp_sink_server final : public server_base
{
public:
    smtp_sink_server(asio::any_io_executor const& ex, smtp_sink_settings s)
        : server_base(ex, s.listen), settings_(std::move(s)), record_(settings_)
    {
    }

    smtp_sink_settings const& settings() const noexcept { return settings_; }
    smtp_record&              record() noexcept { return record_; }

private:
    /// One connection; its end is recorded however it comes.
    struct session
    {
        session(smtp_sink_server& s, socket_type socket, std::uint64_t n)
            : server(&s), number(n), stream(std::move(socket), "connection " + std::to_string(n)),
              dialogue(s.settings_, s.record_, n)
        {
            server->record_.opened(number);
        }
        session(session const&)            = delete;
        session& operator=(session const&) = delete;
        ~session()
        {
            dialogue.lost("stopped"); // unless another reason is known
            server->record_.ended(number, dialogue.ending());
        }

        smtp_sink_server* server;
        std::uint64_t     number;
        net::stream       stream;
        smtp_dialogue     dialogue;
        byte_buffer       input;
        std::size_t       room     = 4096; ///< For one read; grows with what arrives at once.
        delay_line*       line     = nullptr;
        bool              answered = false; ///< Is a batch of replies a round trip, or the greeting?
    };

    task<void> converse(socket_type socket, std::uint64_t number) override
    {
        session s(*this, std::move(socket), number);
        try
        {
            if (settings_.delay.count() > 0)
                co_await converse_slowly(s);
            else
                co_await run(s);
        }
        catch (std::system_error const& e)
        {
            if (!stopping())
                s.dialogue.lost(printable(e.what()));
        }
    }

    task<void> converse_slowly(session& s)
    {
        delay_line line(executor(), s.stream, settings_.delay);
        s.line    = &line;
        auto body = [this, &s, &line](scope& both) {
            both.spawn(line.run());
            return run_and_finish(s, line);
        };
        co_await with_scope(std::move(body));
    }

    task<void> run_and_finish(session& s, delay_line& line)
    {
        co_await run(s);
        line.finish();
    }

    task<void> run(session& s)
    {
        bool const too_many =
            settings_.max_connections != 0 && record_.totals().open > settings_.max_connections;
        await_input(s);
        if (settings_.tls == smtp_sink_settings::tls_mode::implicit)
            co_await secure(s);
        if (too_many)
            s.dialogue.turn_away();
        else
            s.dialogue.greet();
        while (true)
        {
            co_await write(s);
            if (s.dialogue.next() == smtp_dialogue::wish::close)
                break;
            if (s.dialogue.next() == smtp_dialogue::wish::start_tls)
            {
                if (s.line != nullptr)
                    co_await s.line->drained();
                s.input.clear();
                co_await secure(s);
                continue;
            }
            bool const more = co_await read(s);
            if (!more)
                break;
        }
        if (s.line != nullptr)
            co_await s.line->drained();
        await_input(s, std::chrono::seconds(5)); // a peer that reads nothing must not hold the end up
        co_await s.stream.shutdown();
    }

    task<void> secure(session& s)
    {
        co_await s.stream.start_tls(*settings_.tls_context, net::tls_role::server, std::string(),
                                    std::string());
        s.dialogue.secured();
    }

    /// Reads and feeds. @return Whether the conversation goes on.
    task<bool> read(session& s)
    {
        await_input(s);
        auto const  space   = s.input.prepare(s.room).first(s.room);
        std::size_t n       = 0;
        bool        expired = false;
        try
        {
            n = co_await s.stream.read_some(space);
        }
        catch (std::system_error const& e)
        {
            if (e.code() != condition::timeout)
                throw;
            expired = true;
        }
        if (stopping())
            throw error(errc::canceled); // hooks may be gone
        if (expired)
        {
            await_input(s, std::chrono::seconds(1));
            s.dialogue.timed_out();
            co_return true;
        }
        if (n == 0)
        {
            s.dialogue.lost("closed by the client");
            co_return false;
        }
        record_.read(s.number);
        if (n == s.room)
            s.room = std::min<std::size_t>(s.room * 4, 65536);
        s.input.commit(n);
        s.input.consume(s.dialogue.feed(s.input.data()));
        s.answered = true;
        if (s.dialogue.next() == smtp_dialogue::wish::input)
            notify_waiters();
        co_return true;
    }

    task<void> write(session& s)
    {
        byte_buffer& output = s.dialogue.output();
        if (output.empty())
            co_return;
        if (s.answered)
            record_.answered(s.number);
        if (s.line != nullptr)
            s.line->give(output.data());
        else
        {
            std::string_view const            piece = output.data();
            std::span<std::string_view const> pieces(&piece, 1);
            co_await s.stream.write(pieces);
        }
        output.clear();
    }

    void await_input(session& s)
    {
        if (settings_.idle_timeout.count() > 0)
            await_input(s, settings_.idle_timeout);
    }

    static void await_input(session& s, std::chrono::milliseconds most)
    {
        s.stream.expires_at(net::clock::now() + most);
    }

    void notify_waiters()
    {
        std::uint64_t const messages = record_.totals().messages;
        if (std::exchange(seen_, messages) != messages)
            notify();
    }

    smtp_sink_settings settings_;
    smtp_record        record_;
    std::uint64_t      seen_ = 0;
};

} // namespace detail

/** Takes mail, for tests and for measuring.

    It implements RFC 5321 with the extensions of its settings, independently of the client in this library, and strictly:
    whatever a client does against the rules gets the reply that the RFCs ask for, and what a reply cannot tell is noted in
    violations(). It listens from its construction on; connections are served from start() or serve() on.

    Thousands of connections are served by one thread, the executor's. Client and sink can share an event loop.

    @code
    task<void> test()
    {
        auto const ex = co_await this_coro::executor;
        testing::smtp_sink sink(ex);
        sink.start();
        // ... send something to 127.0.0.1, sink.port() ...
        CHECK(sink.messages().size() == 1);
        CHECK(sink.violations().empty());
    } // stops here
    @endcode

    @par Thread safety
    What was recorded can be read from any thread, stop() called from any thread. Everything else, and the destruction,
    belongs to the executor's thread, or to times when its event loop does not run. It is destroyed before its event loop.
*/
class smtp_sink
{
public:
    /** Listens.
        @param ex       Where it works; must not run handlers concurrently.
        @param settings What it offers and demands.
        @throws std::system_error if it cannot listen there; error with errc::invalid_argument if TLS is wanted and there
                is no context.
    */
    smtp_sink(asio::any_io_executor const& ex, smtp_sink_settings settings)
        : server_(std::make_shared<detail::smtp_sink_server>(ex, checked(std::move(settings))))
    {
    }
    explicit smtp_sink(asio::any_io_executor const& ex) : smtp_sink(ex, smtp_sink_settings()) {}
    smtp_sink(smtp_sink const&)            = delete;
    smtp_sink& operator=(smtp_sink const&) = delete;
    ~smtp_sink() { stop(); }

    std::uint16_t port() const noexcept { return server_->where().port(); } ///< 0 for a Unix socket.
    smtp_sink_settings const& settings() const noexcept { return server_->settings(); }

    /** Serves until stop(). Either this or start(), once.

        @par Cancellation
        Ends all connections.
    */
    task<void> serve() { return detail::server_base::serve(server_); }

    /// Serves in the background of the executor.
    void start() { server_->start(); }

    /// Ends all connections and refuses new ones. Hooks are not called any more. What was recorded stays.
    void stop() { server_->stop(); }

    /// Waits until at least `count` messages have been accepted, or the sink was stopped.
    task<void> until_messages(std::size_t count)
    {
        auto* const server = server_.get();
        return detail::server_base::until(
            server_, [server, count] { return server->record().totals().messages >= count; });
    }

    /// Waits until at least `count` connections were accepted and none is open any more, or the sink was stopped.
    task<void> until_idle(std::size_t count = 1)
    {
        auto* const server = server_.get();
        return detail::server_base::until(server_, [server, count] {
            auto const totals = server->record().totals();
            return totals.connections >= count && totals.open == 0;
        });
    }

    /// Accepted messages, in the order in which their content ended.
    std::vector<smtp_sink_message> messages() const { return server_->record().messages(); }

    /// Messages that were refused after their content.
    std::vector<smtp_sink_message> refused_messages() const { return server_->record().refused_messages(); }

    /// All lines received outside of content, in order, of all connections.
    std::vector<smtp_sink_command> commands() const { return server_->record().commands(); }

    /// The lines of one connection.
    std::vector<std::string> commands(std::uint64_t connection) const
    {
        std::vector<std::string> lines;
        for (auto& command : commands())
            if (command.connection == connection)
                lines.push_back(std::move(command.line));
        return lines;
    }

    std::vector<smtp_sink_connection> connections() const { return server_->record().connections(); }
    smtp_sink_totals                  totals() const { return server_->record().totals(); }

    /** What clients did against the rules that a reply cannot tell, e.g. lines without CRLF, commands before the reply to
        one that must be waited for, 8-bit content that was not announced. The first thousand.
    */
    std::vector<std::string> violations() const { return server_->record().violations(); }

    /// Forgets what was recorded, but for the connections that are open.
    void forget() { server_->record().forget(); }

private:
    static smtp_sink_settings checked(smtp_sink_settings settings)
    {
        if (settings.tls != smtp_sink_settings::tls_mode::none && !settings.tls_context)
            throw error(errc::invalid_argument, "smtp_sink_settings::tls needs tls_context");
        return settings;
    }

    std::shared_ptr<detail::smtp_sink_server> server_;
};

} // namespace posthorn::testing

#endif
