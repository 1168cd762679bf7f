//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// From a host, addresses or a path to a connected socket: the race of RFC 8305, deadlines, who failed why.

#ifndef POSTHORN_NET_CONNECT_HPP
#define POSTHORN_NET_CONNECT_HPP

#include <posthorn/core/printable.hpp>
#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/net/detail/executor.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/error.hpp>
#include <posthorn/net/happy_eyeballs.hpp>
#include <posthorn/net/resolve.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/error.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/socket_base.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace posthorn::net {

/// How a connection is made.
struct connect_options
{
    connect_options() = default;

    resolve_options resolve; ///< The lookup of the host, and which families may be used.
    race_settings   race;    ///< How attempts are staggered.

    std::chrono::milliseconds attempt_timeout {30'000}; ///< For each address; zero: the system's own limit.
    std::chrono::milliseconds total_timeout {0}; ///< For everything including the lookup; zero: no limit.

    /// The local addresses to connect from. If one is set, addresses of a family without one are left out.
    std::optional<asio::ip::address_v4> source_v4;
    std::optional<asio::ip::address_v6> source_v6;

    bool keep_alive = false; ///< SO_KEEPALIVE. TCP_NODELAY is always set.

    /// Told how each attempt ended: no error for the connection that is used, condition::canceled for those
    /// that lost. An exception from it ends the whole.
    std::function<void(tcp::endpoint const&, std::error_code)> on_attempt;
};

/// One address that was tried, or left out.
struct connect_attempt
{
    tcp::endpoint                       endpoint;
    std::error_code                     error;   ///< Why there is no connection.
    std::chrono::steady_clock::duration elapsed; ///< From the start of the attempt to its end.
};

/** No address could be connected to: errc::connect_failed, connect_timed_out (none answered in time) or
    no_addresses (none could be tried). what() lists every address and the reason.
*/
class connect_error : public error
{
public:
    /// @param untried How many addresses were not reached before the deadline.
    connect_error(errc code, std::string const& peer, std::vector<connect_attempt> attempts,
                  std::size_t untried = 0)
        : error(make_error_code(code), describe(peer, attempts, untried)),
          attempts_(std::make_shared<std::vector<connect_attempt> const>(std::move(attempts)))
    {
    }

    /// In the order in which they were started.
    std::vector<connect_attempt> const& attempts() const noexcept { return *attempts_; }

private:
    static error_context describe(std::string const& peer, std::vector<connect_attempt> const& attempts,
                                  std::size_t untried)
    {
        error_context c;
        c.phase = "connecting";
        c.peer  = peer;
        for (connect_attempt const& a : attempts)
        {
            using std::chrono::milliseconds;
            auto const elapsed = std::chrono::duration_cast<milliseconds>(a.elapsed);
            c.detail += c.detail.empty() ? "" : "; ";
            c.detail += detail_of(a.endpoint) + ": " + a.error.message();
            if (elapsed.count() != 0)
                c.detail += " after " + std::to_string(elapsed.count()) + " ms";
        }
        if (untried != 0)
            c.detail += "; " + std::to_string(untried) + " more not tried";
        return c;
    }

    static std::string detail_of(tcp::endpoint const& e)
    {
        std::string const address = e.address().to_string();
        return (e.address().is_v6() ? '[' + address + ']' : address) + ':' + std::to_string(e.port());
    }

    std::shared_ptr<std::vector<connect_attempt> const> attempts_;
};

namespace detail {

using steady = std::chrono::steady_clock;

/// What the attempts of one race and their referee share.
class race_state
{
public:
    race_state(asio::any_io_executor const& ex, std::vector<tcp::endpoint> endpoints,
               connect_options const& o)
        : executor(ex), options(&o),
          candidates(interleave(std::move(endpoints), o.race.first_family_count,
                                [](tcp::endpoint const& e) { return e.address().is_v6(); })),
          race(candidates.size(), o.race), wake_(ex)
    {
        attempts.reserve(candidates.size());
    }

    /// The local end for a candidate: none if any will do. False if the candidate must be left out.
    bool source_for(tcp::endpoint const& to, std::optional<tcp::endpoint>& from) const
    {
        bool const v6 = to.address().is_v6();
        if (v6 && options->source_v6)
            from.emplace(*options->source_v6, static_cast<asio::ip::port_type>(0));
        else if (!v6 && options->source_v4)
            from.emplace(*options->source_v4, static_cast<asio::ip::port_type>(0));
        else
            return !options->source_v4 && !options->source_v6;
        return true;
    }

    /// The next attempt to start, entered into the list.
    std::optional<std::size_t> next()
    {
        auto const i = race.next(steady::now());
        if (i)
            attempts.push_back(connect_attempt {candidates[*i], asio::error::operation_aborted, {}});
        return i;
    }

    void lost(std::size_t i, std::error_code why, steady::duration elapsed)
    {
        attempts[i].error   = why;
        attempts[i].elapsed = elapsed;
        race.failed();
        tell(i, why);
    }

    void connected(std::size_t i, tcp::socket&& socket)
    {
        std::error_code result;
        if (race.succeeded(i))
            winner.emplace(std::move(socket));
        else
            result = asio::error::operation_aborted;
        attempts[i].error = result;
        tell(i, result);
    }

    /// Waits for the end of an attempt or the time of the next one.
    task<void> news()
    {
        if (!news_)
        {
            wake_.expires_at(race.wake_at().value_or(steady::time_point::max()));
            std::ignore = co_await wake_.async_wait(use_task_nothrow);
        }
        news_ = false;
    }

    asio::any_io_executor        executor;
    connect_options const*       options;
    std::vector<tcp::endpoint>   candidates;
    connection_race              race;
    std::vector<connect_attempt> attempts;
    std::optional<tcp::socket>   winner;
    std::exception_ptr           hook_failure; ///< What options->on_attempt threw.

private:
    void tell(std::size_t i, std::error_code result)
    {
        news_ = true;
        wake_.cancel();
        if (!options->on_attempt)
            return;
        try
        {
            options->on_attempt(candidates[i], result);
        }
        catch (...)
        {
            hook_failure = std::current_exception();
            throw;
        }
    }

    asio::steady_timer wake_;
    bool               news_ = false;
};

inline task<void> connect_one(tcp::socket& socket, tcp::endpoint to, std::optional<tcp::endpoint> from)
{
    socket.open(to.protocol());
    if (from)
        socket.bind(*from);
    co_await socket.async_connect(to, use_task);
    // The system may give a socket that looks for a closed local port this very port:
    // it then talks to itself.
    std::error_code lost;
    if (socket.local_endpoint(lost) == to)
        throw std::system_error(asio::error::make_error_code(asio::error::connection_refused));
}

/// Runs one attempt to its end and reports it. Throws only what is not a failure of the network.
inline task<void> run_attempt(race_state& state, std::size_t i)
{
    connect_options const&       options = *state.options;
    tcp::endpoint const          to      = state.candidates[i];
    auto const                   begun   = steady::now();
    std::error_code              failure;
    std::optional<tcp::endpoint> from;
    tcp::socket                  socket(state.executor);
    if (!state.source_for(to, from))
        failure = errc::no_source_address;
    else
    {
        try
        {
            if (options.attempt_timeout.count() > 0)
                co_await with_timeout(connect_one(socket, to, from), bounded(options.attempt_timeout));
            else
                co_await connect_one(socket, to, from);
            // Hints; a connection without them still works.
            std::error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            if (options.keep_alive)
                socket.set_option(asio::socket_base::keep_alive(true), ignored);
        }
        catch (std::system_error const& e)
        {
            failure = e.code();
        }
    }
    if (failure)
        state.lost(i, failure, steady::now() - begun);
    else
        state.connected(i, std::move(socket));
}

/// Starts attempts when the rules say so, until the race is decided; then stops what still runs.
inline task<void> referee(scope& attempts, race_state& state)
{
    while (state.race.undecided())
    {
        while (auto const i = state.next())
            attempts.spawn(run_attempt(state, *i)); // may be over at once
        if (!state.race.undecided())
            break;
        co_await state.news();
        auto const cancelled = co_await this_coro::cancelled;
        if (cancelled != asio::cancellation_type::none)
            throw std::system_error(asio::error::make_error_code(asio::error::operation_aborted));
    }
    attempts.cancel();
}

inline task<void> run_race(race_state& state)
{
    auto body = [&state](scope& attempts) { return referee(attempts, state); };
    co_await with_scope(body);
}

/// Why there is no winner.
inline connect_error race_failure(race_state&& state, std::string const& peer, bool too_late)
{
    bool tried     = false;
    bool timed_out = true;
    for (connect_attempt& a : state.attempts)
    {
        if (too_late && a.error == condition::canceled)
            a.error = posthorn::errc::timeout;
        if (a.error == make_error_code(errc::no_source_address))
            continue;
        tried     = true;
        timed_out = timed_out && a.error == condition::timeout;
    }
    errc code = errc::connect_failed;
    if (too_late || (tried && timed_out))
        code = errc::connect_timed_out;
    else if (!tried)
        code = errc::no_addresses;
    std::size_t const untried = state.candidates.size() - state.attempts.size();
    return connect_error(code, peer, std::move(state.attempts), untried);
}

inline task<tcp::socket> connect_to_any(std::vector<tcp::endpoint> endpoints, connect_options const& options,
                                        std::string peer, steady::time_point deadline)
{
    auto const      ex = co_await this_coro::executor;
    race_state      state(io_executor(ex, "connecting"), std::move(endpoints), options);
    std::error_code failure;
    try
    {
        if (deadline != steady::time_point::max())
            co_await with_deadline(run_race(state), deadline);
        else
            co_await run_race(state);
    }
    catch (std::system_error const& e)
    {
        failure = e.code();
        if (failure != posthorn::errc::timeout && failure != condition::canceled)
            throw;
    }
    if (state.hook_failure)
        std::rethrow_exception(state.hook_failure);
    if (state.winner)
        co_return std::move(*state.winner);
    if (failure == condition::canceled)
    {
        error_context c;
        c.phase = "connecting";
        c.peer  = peer;
        throw error(posthorn::errc::canceled, c);
    }
    throw race_failure(std::move(state), peer, failure == posthorn::errc::timeout);
}

inline steady::time_point deadline_of(connect_options const& options)
{
    return options.total_timeout.count() > 0 ? steady::now() + bounded(options.total_timeout)
                                             : steady::time_point::max();
}

} // namespace detail

/** Connects to the first of several addresses that answers (RFC 8305): attempts are staggered, families
    take turns.

    All attempts have ended, and all sockets but the one returned are closed, when it returns or throws.

    @param endpoints In the order of preference, as resolve() gives them.
    @return A socket on the task's executor.
    @throws connect_error; error with posthorn::errc::canceled or no_executor; what options.on_attempt throws.

    @par Cancellation
    Ends all attempts. A connection that was already made is returned all the same.
*/
inline task<tcp::socket> connect(std::vector<tcp::endpoint> endpoints, connect_options options)
{
    auto const  deadline = detail::deadline_of(options);
    std::string peer;
    co_return co_await detail::connect_to_any(std::move(endpoints), options, peer, deadline);
}

/// The same with default options.
inline task<tcp::socket> connect(std::vector<tcp::endpoint> endpoints)
{
    co_return co_await connect(std::move(endpoints), connect_options());
}

/** Looks up a host and connects to the first of its addresses that answers.

    @throws resolve_error; connect_error; error with errc::bad_host_name if `peer` is empty,
            posthorn::errc::invalid_argument if it is a Unix socket (see connect_unix()), canceled or
            no_executor.

    @par Cancellation
    Ends the lookup or all attempts.
*/
inline task<tcp::socket> connect(host_port peer, connect_options options)
{
    if (peer.is_local())
        throw error(posthorn::errc::invalid_argument, to_string(peer) + " is no TCP address");
    if (peer.empty())
        throw error(errc::bad_host_name, std::string(describe(host_offence::empty)));
    auto const      deadline = detail::deadline_of(options);
    resolve_options lookup   = options.resolve;
    if (options.total_timeout.count() > 0 &&
        (lookup.timeout.count() <= 0 || options.total_timeout < lookup.timeout))
        lookup.timeout = options.total_timeout;
    auto       endpoints = co_await detail::resolve(peer, lookup);
    auto const name      = to_string(peer);
    co_return co_await detail::connect_to_any(std::move(endpoints), options, name, deadline);
}

/// The same with default options.
inline task<tcp::socket> connect(host_port peer)
{
    co_return co_await connect(std::move(peer), connect_options());
}

#if defined(ASIO_HAS_LOCAL_SOCKETS)

namespace detail {

using local_socket = asio::local::stream_protocol::socket;

inline task<void> connect_path(local_socket& socket, asio::local::stream_protocol::endpoint to)
{
    asio::steady_timer pause(socket.get_executor());
    for (std::chrono::milliseconds wait(5);; wait = std::min(wait * 2, std::chrono::milliseconds(200)))
    {
        // Linux refuses at once with EAGAIN while the queue of the listener is full. Asio reports that as "no
        // buffer space", or, in versions that take it for a connection in progress, as success.
        auto const      tried = co_await socket.async_connect(to, use_task_nothrow);
        auto const      ec    = std::get<0>(tried);
        std::error_code unconnected;
        socket.remote_endpoint(unconnected);
        if (!ec && !unconnected)
            co_return;
        if (ec && ec != asio::error::no_buffer_space && ec != asio::error::would_block &&
            ec != asio::error::try_again)
            throw std::system_error(ec);
        socket.close();
        pause.expires_after(wait);
        co_await pause.async_wait(use_task);
    }
}

} // namespace detail

/** Connects to a Unix socket.

    Waits while the listener's queue is full. Of the options only the timeouts count; the shorter one is used.

    @throws error with errc::connect_failed or connect_timed_out, posthorn::errc::canceled or no_executor.

    @par Cancellation
    Ends the attempt.
*/
inline task<asio::local::stream_protocol::socket> connect_unix(std::string path, connect_options options)
{
    auto const           ex = co_await this_coro::executor;
    detail::local_socket socket(detail::io_executor(ex, "connecting"));
    auto                 limit = options.attempt_timeout;
    if (limit.count() <= 0 || (options.total_timeout.count() > 0 && options.total_timeout < limit))
        limit = options.total_timeout;
    std::error_code failure;
    try
    {
        asio::local::stream_protocol::endpoint const to(path); // throws if the path is too long
        if (limit.count() > 0)
            co_await with_timeout(detail::connect_path(socket, to), detail::bounded(limit));
        else
            co_await detail::connect_path(socket, to);
        co_return std::move(socket);
    }
    catch (std::system_error const& e)
    {
        failure = e.code();
    }
    error_context c;
    c.phase = "connecting";
    c.peer  = "unix:" + printable(path);
    if (failure == condition::canceled)
        throw error(posthorn::errc::canceled, c);
    if (failure == posthorn::errc::timeout)
        throw error(errc::connect_timed_out, c);
    c.detail = failure.message();
    throw error(errc::connect_failed, c);
}

/// The same with default options.
inline task<asio::local::stream_protocol::socket> connect_unix(std::string path)
{
    co_return co_await connect_unix(std::move(path), connect_options());
}

#endif

} // namespace posthorn::net

#endif
