//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// One connection of a scripted server: the deeds that the steps of a script consist of.

#ifndef POSTHORN_TESTING_DETAIL_SCRIPT_SESSION_HPP
#define POSTHORN_TESTING_DETAIL_SCRIPT_SESSION_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/testing/detail/dot_decoder.hpp>
#include <posthorn/testing/detail/socket_transport.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <regex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/// Text in quotes, with line ends and everything else that does not print as escapes.
inline std::string in_quotes(std::string_view text, std::size_t most = 400)
{
    std::string const shown = printable(text, most);
    std::string       out   = "\"";
    for (std::size_t i = 0; i < shown.size(); ++i)
    {
        if (shown.compare(i, 4, "\\x0d") == 0 || shown.compare(i, 4, "\\x0a") == 0)
        {
            out += shown[i + 3] == 'd' ? "\\r" : "\\n";
            i += 3;
        }
        else
            out += shown[i];
    }
    return out + '"';
}

/// What is remembered of the connections of a scripted server, for any thread.
class script_record
{
public:
    void opened()
    {
        std::lock_guard const lock(mutex_);
        connections_.emplace_back();
    }

    void received(std::uint64_t number, std::string_view bytes)
    {
        std::lock_guard const lock(mutex_);
        auto&                 c = connections_[static_cast<std::size_t>(number - 1)];
        c.received += bytes;
        note(c, "C: ", bytes);
    }

    void sent(std::uint64_t number, std::string_view bytes)
    {
        std::lock_guard const lock(mutex_);
        note(connections_[static_cast<std::size_t>(number - 1)], "S: ", bytes);
    }

    void event(std::uint64_t number, std::string_view what)
    {
        std::lock_guard const lock(mutex_);
        auto&                 c = connections_[static_cast<std::size_t>(number - 1)];
        c.transcript += "-- ";
        c.transcript += what;
        c.transcript += '\n';
    }

    void failed(std::string what)
    {
        std::lock_guard const lock(mutex_);
        failures_.push_back(std::move(what));
    }

    std::vector<std::string> failures() const
    {
        std::lock_guard const lock(mutex_);
        return failures_;
    }

    std::size_t connections() const
    {
        std::lock_guard const lock(mutex_);
        return connections_.size();
    }

    std::string received(std::uint64_t number) const
    {
        std::lock_guard const lock(mutex_);
        return number == 0 || number > connections_.size()
                   ? std::string()
                   : connections_[static_cast<std::size_t>(number - 1)].received;
    }

    std::string transcript(std::uint64_t number) const
    {
        std::lock_guard const lock(mutex_);
        return number == 0 || number > connections_.size()
                   ? std::string()
                   : connections_[static_cast<std::size_t>(number - 1)].transcript;
    }

private:
    struct connection
    {
        std::string received;
        std::string transcript;
    };

    /// One line of transcript for each line; long floods are cut.
    static void note(connection& c, std::string_view who, std::string_view bytes)
    {
        std::size_t lines = 0;
        for (; !bytes.empty() && lines != 200; ++lines)
        {
            std::size_t const lf   = bytes.find('\n');
            auto const        line = bytes.substr(0, lf == bytes.npos ? lf : lf + 1);
            c.transcript += who;
            c.transcript += in_quotes(line);
            c.transcript += '\n';
            bytes.remove_prefix(line.size());
        }
        if (!bytes.empty())
        {
            c.transcript += who;
            c.transcript += "... and " + std::to_string(bytes.size()) + " octets\n";
        }
    }

    mutable std::mutex       mutex_;
    std::deque<connection>   connections_;
    std::vector<std::string> failures_;
};

/// A step did not go as the script says.
class script_failure : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

/** The connection as a script sees it.

    Every deed ends by the patience that was set, or fails.
*/
class script_session
{
public:
    using milliseconds = std::chrono::milliseconds;

    script_session(socket_transport::socket_type socket, std::uint64_t number, script_record& record,
                   std::optional<net::tls_context> context, milliseconds patience)
        : number_(number), record_(&record), context_(std::move(context)), patience_(patience)
    {
        auto transport =
            std::make_unique<socket_transport>(std::move(socket), "connection " + std::to_string(number));
        transport_ = transport.get();
        stream_    = net::stream(std::move(transport));
        timer_.emplace(stream_.get_executor());
        record_->opened();
    }
    script_session(script_session const&)            = delete;
    script_session& operator=(script_session const&) = delete;

    std::uint64_t number() const noexcept { return number_; }

    /// Begins a step: its time runs from now.
    void begin_step() { renew(); }

    /// The text of an error that ended a step.
    std::string why(std::system_error const& e) const
    {
        if (e.code() == condition::timeout)
            return "nothing happened within " + std::to_string(patience_.count()) + " ms" + so_far();
        if (e.code() == errc::closed)
            return "the script has closed the connection already";
        return "the connection failed: " + printable(e.what());
    }

    // ---- what the client is expected to do -----------------------------------------------------------------

    enum class match : unsigned char
    {
        exact,
        prefix,
        regex,
        any
    };

    task<void> expect_line(match how, std::string pattern)
    {
        std::string const line = co_await take_line();
        bool              good = true;
        if (how == match::exact)
            good = line == pattern;
        else if (how == match::prefix)
            good = line.compare(0, pattern.size(), pattern) == 0;
        else if (how == match::regex)
            good = std::regex_match(line, std::regex(pattern));
        if (!good)
            throw script_failure("got the line " + in_quotes(line));
    }

    task<void> expect_bytes(std::string bytes)
    {
        for (;;)
        {
            auto const        got = input_.data();
            std::size_t const n   = std::min(got.size(), bytes.size());
            auto const        pair =
                std::mismatch(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n), got.begin());
            auto const same = static_cast<std::size_t>(pair.first - bytes.begin());
            if (same != n)
                throw script_failure("octet " + std::to_string(same) + " differs: got " +
                                     in_quotes(got.substr(same)));
            if (n == bytes.size())
                break;
            bool const more = co_await fill();
            if (!more)
                throw script_failure("the client closed" + so_far());
            renew();
        }
        input_.consume(bytes.size());
    }

    /// @param wanted The content without stuffing, or nothing for any.
    task<void> expect_data(std::optional<std::string> wanted)
    {
        dot_decoder decoder;
        std::string content;
        for (;;)
        {
            auto const used =
                decoder.feed(input_.data(), [&content](std::string_view piece) { content += piece; });
            input_.consume(used);
            if (decoder.done())
                break;
            bool const more = co_await fill();
            if (!more)
                throw script_failure("the client closed within the content, after " +
                                     std::to_string(content.size()) + " octets");
            renew();
        }
        if (wanted && content != *wanted)
            throw script_failure("got the content " + in_quotes(content));
    }

    task<void> expect_nothing(milliseconds quiet)
    {
        if (input_.empty())
        {
            deadline_       = net::clock::now() + quiet;
            bool const more = co_await fill_or_time_out();
            if (!more)
                co_return;
        }
        throw script_failure("got " + in_quotes(input_.data()));
    }

    task<void> expect_close()
    {
        if (input_.empty())
        {
            bool const more = co_await fill_until_ended();
            if (!more)
                co_return;
        }
        throw script_failure("got " + in_quotes(input_.data()));
    }

    task<void> read_some()
    {
        if (input_.empty())
        {
            bool const more = co_await fill();
            if (!more)
                throw script_failure("the client closed");
        }
        input_.clear();
    }

    /// Takes what comes, says nothing, until the client goes away.
    task<void> stall()
    {
        for (;;)
        {
            input_.clear();
            bool const more = co_await fill_until_ended();
            if (!more)
                break;
        }
    }

    // ---- what the server does ------------------------------------------------------------------------------

    task<void> send(std::string bytes)
    {
        record_->sent(number_, bytes);
        co_await write(bytes);
    }

    task<void> send_segments(std::vector<std::string> segments, milliseconds delay)
    {
        for (std::size_t i = 0; i != segments.size(); ++i)
        {
            if (i != 0)
                co_await sleep(delay);
            record_->sent(number_, segments[i]);
            co_await write(segments[i]);
        }
    }

    /// Ends quietly if the client has had enough.
    task<void> send_slowly(std::string text, std::size_t step, milliseconds delay)
    {
        record_->event(number_, "slowly: " + in_quotes(text));
        std::string_view rest = text;
        while (!rest.empty())
        {
            auto const piece = rest.substr(0, std::max<std::size_t>(step, 1));
            rest.remove_prefix(piece.size());
            bool const there = co_await write_if_open(piece);
            if (!there)
                co_return;
            if (!rest.empty())
                co_await sleep(delay);
        }
    }

    /// Ends quietly if the client has had enough.
    task<void> send_flood(std::string pattern, std::uint64_t count)
    {
        record_->event(number_, "flood: " + std::to_string(count) + " times " + in_quotes(pattern));
        std::string   block;
        std::uint64_t in_block = 0;
        while (in_block != count && (block.empty() || block.size() + pattern.size() <= 65536))
        {
            block += pattern;
            ++in_block;
        }
        while (count != 0)
        {
            std::uint64_t const now = std::min(count, in_block);
            auto const          piece =
                std::string_view(block).substr(0, static_cast<std::size_t>(now) * pattern.size());
            bool const there = co_await write_if_open(piece);
            if (!there)
                co_return;
            count -= now;
        }
    }

    task<void> pause(milliseconds time) { return sleep(time); }

    task<void> start_tls(std::optional<net::tls_context> context)
    {
        prepare_tls();
        co_await stream_.start_tls(chosen(context), net::tls_role::server, std::string(), std::string());
        record_->event(number_, "TLS is on");
    }

    task<void> refuse_tls(std::optional<net::tls_context> context)
    {
        prepare_tls();
        std::string reason;
        try
        {
            co_await stream_.start_tls(chosen(context), net::tls_role::server, std::string(), std::string());
        }
        catch (std::system_error const& e)
        {
            if (e.code() == condition::timeout || e.code() == condition::canceled)
                throw;
            reason = printable(e.what());
        }
        if (reason.empty())
            throw script_failure("the handshake succeeded");
        record_->event(number_, "no TLS: " + reason);
        stream_.close();
    }

    /// Like a good server, which reads what has arrived first: the client gets all that was sent to it.
    task<void> close()
    {
        if (!stream_.is_open())
            co_return;
        record_->event(number_, "closed by the script");
        renew();
        if (!stream_.is_secure())
        {
            std::string const rest = transport_->take_arrived();
            if (!rest.empty())
                record_->received(number_, rest);
        }
        co_await stream_.shutdown();
    }

    task<void> cut()
    {
        check_open();
        record_->event(number_, "cut by the script");
        std::ignore = transport_->take_arrived();
        stream_.close();
        co_return;
    }

    task<void> half_close()
    {
        check_open();
        record_->event(number_, "half closed by the script");
        transport_->half_close();
        co_return;
    }

    task<void> reset()
    {
        check_open();
        record_->event(number_, "reset by the script");
        transport_->reset();
        stream_.close();
        co_return;
    }

    void set_patience(milliseconds patience)
    {
        patience_ = patience;
        renew();
    }

private:
    static constexpr std::size_t longest_line = 1024 * 1024;

    void renew() { deadline_ = net::clock::now() + patience_; }

    void check_open() const
    {
        if (!stream_.is_open())
            throw script_failure("the script has closed the connection already");
    }

    std::string so_far() const
    {
        return input_.empty() ? std::string() : "; there is only " + in_quotes(input_.data());
    }

    /// Reads more. @return Whether the client is still there.
    task<bool> fill()
    {
        auto const room = input_.prepare(16384);
        stream_.expires_at(deadline_);
        std::size_t const n = co_await stream_.read_some(room);
        if (n == 0)
            record_->event(number_, "closed by the client");
        else
            record_->received(number_, std::string_view(room.data(), n));
        input_.commit(n);
        co_return n != 0;
    }

    /// @return Whether something came. @throws script_failure if the client closed.
    task<bool> fill_or_time_out()
    {
        try
        {
            bool const more = co_await fill();
            if (more)
                co_return true;
        }
        catch (std::system_error const& e)
        {
            if (e.code() != condition::timeout)
                throw;
            co_return false;
        }
        throw script_failure("the client closed");
    }

    /// Like fill(), but every end of the connection will do.
    task<bool> fill_until_ended()
    {
        std::string how;
        try
        {
            co_return co_await fill();
        }
        catch (std::system_error const& e)
        {
            if (e.code() == condition::timeout || e.code() == condition::canceled || e.code() == errc::closed)
                throw;
            how = printable(e.what());
        }
        record_->event(number_, "ended by the client: " + how);
        co_return false;
    }

    task<std::string> take_line()
    {
        std::size_t looked = 0;
        for (;;)
        {
            auto const        got = input_.data();
            std::size_t const lf  = got.find('\n', looked);
            if (lf != got.npos)
            {
                if (lf == 0 || got[lf - 1] != '\r')
                    throw script_failure("got a line that does not end in CRLF: " +
                                         in_quotes(got.substr(0, lf + 1)));
                std::string line(got.substr(0, lf - 1));
                input_.consume(lf + 1);
                co_return line;
            }
            looked = got.size();
            if (looked > longest_line)
                throw script_failure("got a line without end: " + in_quotes(got));
            bool const more = co_await fill();
            if (!more)
                throw script_failure("the client closed" + so_far());
        }
    }

    task<void> write(std::string_view bytes)
    {
        renew();
        stream_.expires_at(deadline_);
        std::span<std::string_view const> const pieces(&bytes, 1);
        co_await stream_.write(pieces);
    }

    task<bool> write_if_open(std::string_view bytes)
    {
        try
        {
            co_await write(bytes);
            co_return true;
        }
        catch (std::system_error const& e)
        {
            if (e.code() == condition::timeout || e.code() == condition::canceled || e.code() == errc::closed)
                throw;
        }
        record_->event(number_, "the client does not listen any more");
        co_return false;
    }

    task<void> sleep(milliseconds time)
    {
        timer_->expires_after(time);
        co_await timer_->async_wait(use_task);
        renew();
    }

    void prepare_tls()
    {
        if (!input_.empty())
            throw script_failure("before the handshake, in the clear, came " + in_quotes(input_.data()));
        stream_.expires_at(deadline_);
    }

    net::tls_context chosen(std::optional<net::tls_context> const& context) const
    {
        if (!context && !context_)
            throw script_failure("there is no TLS context, neither in the step nor in the settings");
        return context ? *context : *context_;
    }

    std::uint64_t                     number_;
    script_record*                    record_;
    std::optional<net::tls_context>   context_;
    milliseconds                      patience_;
    net::stream                       stream_;
    socket_transport*                 transport_ = nullptr; ///< Owned by the stream.
    std::optional<asio::steady_timer> timer_;
    byte_buffer                       input_;
    net::clock::time_point            deadline_ = net::clock::now();
};

} // namespace posthorn::testing::detail

#endif
