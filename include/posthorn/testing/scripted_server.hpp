//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// scripted_server: a peer that does exactly what a script says, however hostile, and tells where a client departs from it.

#ifndef POSTHORN_TESTING_SCRIPTED_SERVER_HPP
#define POSTHORN_TESTING_SCRIPTED_SERVER_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/detail/script_session.hpp>
#include <posthorn/testing/detail/server_base.hpp>
#include <posthorn/testing/listener.hpp>
#include <posthorn/testing/script.hpp>

#include <asio/any_io_executor.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::testing {

/// How a scripted server treats its clients.
struct scripted_server_settings
{
    scripted_server_settings() = default;

    /// What happens when there are more connections than scripts.
    enum class surplus
    {
        refused,   ///< Nothing listens any more once the last script was begun.
        play_last, ///< The last script is played again.
        start_over ///< The first script is played next.
    };

    listen_settings           listen;
    std::chrono::milliseconds patience{5000}; ///< For each step that waits; script::within() changes it.
    surplus                   more = surplus::refused;
    std::optional<net::tls_context> tls_context; ///< For script::start_tls() without a context.
};

namespace detail {

/// Plays a script on each connection.
class script_player final : public server_base
{
public:
    script_player(asio::any_io_executor const& ex, std::vector<script> scripts, scripted_server_settings s)
        : server_base(ex, s.listen), scripts_(std::move(scripts)), settings_(std::move(s))
    {
        if (scripts_.empty())
            throw error(errc::invalid_argument, "a scripted server needs a script");
    }

    script_record const& record() const noexcept { return record_; }

    static task<void> until_done(std::shared_ptr<script_player> self)
    {
        for (;;)
        {
            auto const done = [player = self.get()] {
                return player->open_ == 0 && player->begun_ >= player->scripts_.size();
            };
            try
            {
                co_await with_timeout(until(self, done), self->settings_.patience);
                co_return;
            }
            catch (std::system_error const& e)
            {
                if (e.code() != condition::timeout)
                    throw;
            }
            if (self->open_ != 0)
                continue; // its steps have their own limits
            for (std::size_t i = self->begun_; i != self->scripts_.size(); ++i)
                self->record_.failed("no connection came for script " + std::to_string(i + 1));
            co_return;
        }
    }

private:
    bool wants_more(std::uint64_t accepted) const override
    {
        return settings_.more != scripted_server_settings::surplus::refused || accepted < scripts_.size();
    }

    script const& script_for(std::uint64_t number) const
    {
        auto const index = static_cast<std::size_t>(number - 1);
        return settings_.more == scripted_server_settings::surplus::start_over
                   ? scripts_[index % scripts_.size()]
                   : scripts_[std::min(index, scripts_.size() - 1)];
    }

    struct presence
    {
        explicit presence(script_player& p) : player(&p)
        {
            ++player->begun_;
            ++player->open_;
        }
        presence(presence const&)            = delete;
        presence& operator=(presence const&) = delete;
        ~presence() { --player->open_; }

        script_player* player;
    };

    task<void> converse(socket_type socket, std::uint64_t number) override
    {
        presence const here(*this);
        script_session s(std::move(socket), number, record_, settings_.tls_context, settings_.patience);
        script const&  play = script_for(number);
        std::string    fault;
        for (std::size_t i = 0; i != play.steps_.size() && fault.empty(); ++i)
        {
            auto const& step = play.steps_[i];
            try
            {
                s.begin_step();
                co_await step.run(s);
                continue;
            }
            catch (script_failure const& e)
            {
                fault = e.what();
            }
            catch (std::system_error const& e)
            {
                if (stopping() || e.code() == condition::canceled)
                    co_return;
                fault = s.why(e);
            }
            catch (std::exception const& e)
            {
                fault = printable(e.what());
            }
            fault = "step " + std::to_string(i + 1) + ", " + step.name + ": " + fault;
        }
        if (!fault.empty())
        {
            record_.event(number, "FAILED: " + fault);
            record_.failed("connection " + std::to_string(number) + ", " + fault);
        }
        co_await s.close();
    }

    std::vector<script> const      scripts_;
    scripted_server_settings const settings_;
    script_record                  record_;
    std::size_t                    begun_ = 0;
    std::size_t                    open_  = 0;
};

} // namespace detail

/** Plays one script for each connection, in the order of the connections; they may run at the same time.

    A client that departs from the script is told nothing: the failure is noted and the connection closed. No script
    hangs: every step that waits has a limit.

    @code
    testing::scripted_server server(ex, testing::script().opening().expect("QUIT").reply("221 bye").expect_close());
    server.start();
    // ... the client under test ...
    co_await server.until_done();
    CHECK(server.failures().empty());
    @endcode

    @par Thread safety
    As smtp_sink.
*/
class scripted_server
{
public:
    /** Listens.
        @param ex       Where it works; must not run handlers concurrently.
        @param scripts  For the first connection, the second, and so on.
        @param settings Limits, and what to do with further connections.
        @throws std::system_error if it cannot listen there; error with errc::invalid_argument if there is no script.
    */
    scripted_server(asio::any_io_executor const& ex, std::vector<script> scripts,
                    scripted_server_settings settings)
        : player_(std::make_shared<detail::script_player>(ex, std::move(scripts), std::move(settings)))
    {
    }
    scripted_server(asio::any_io_executor const& ex, std::vector<script> scripts)
        : scripted_server(ex, std::move(scripts), scripted_server_settings())
    {
    }
    scripted_server(asio::any_io_executor const& ex, script only, scripted_server_settings settings)
        : scripted_server(ex, std::vector<script>(1, std::move(only)), std::move(settings))
    {
    }
    scripted_server(asio::any_io_executor const& ex, script only)
        : scripted_server(ex, std::move(only), scripted_server_settings())
    {
    }
    scripted_server(scripted_server const&)            = delete;
    scripted_server& operator=(scripted_server const&) = delete;
    ~scripted_server() { stop(); }

    std::uint16_t port() const noexcept { return player_->where().port(); } ///< 0 for a Unix socket.

    /// Serves until stop(), or until all scripts were played if further connections are refused. Either this or start(), once.
    task<void> serve() { return detail::server_base::serve(player_); }

    /// Serves in the background of the executor.
    void start() { player_->start(); }

    /// Ends all connections and refuses new ones. What was recorded stays.
    void stop() { player_->stop(); }

    /** Waits until every script was played and no connection is open, or the server was stopped.

        A script for which no connection comes within the patience is a failure.
    */
    task<void> until_done() { return detail::script_player::until_done(player_); }

    /// Where clients departed from their scripts, e.g. `connection 1, step 3, expect "QUIT": got the line "NOOP"`.
    std::vector<std::string> failures() const { return player_->record().failures(); }

    std::size_t connections() const { return player_->record().connections(); } ///< How many there have been.

    /// All that a client sent, without TLS. @param connection From 1.
    std::string received(std::uint64_t connection = 1) const
    {
        return player_->record().received(connection);
    }

    /// The conversation line by line, with "C: " before what the client sent, "S: " before what it got, "-- " before events.
    std::string transcript(std::uint64_t connection = 1) const
    {
        return player_->record().transcript(connection);
    }

private:
    std::shared_ptr<detail::script_player> player_;
};

} // namespace posthorn::testing

#endif
