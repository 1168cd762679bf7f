//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// connection: one request after another over one stream; the cores decide, this moves octets and keeps the time.

#ifndef POSTHORN_HTTP_CONNECTION_HPP
#define POSTHORN_HTTP_CONNECTION_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/http/body_decoder.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/http/event.hpp>
#include <posthorn/http/framing.hpp>
#include <posthorn/http/head_parser.hpp>
#include <posthorn/http/headers.hpp>
#include <posthorn/http/redirect.hpp>
#include <posthorn/http/request.hpp>
#include <posthorn/http/response_head.hpp>
#include <posthorn/http/timeouts.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/net/tls_error.hpp>
#include <posthorn/source/source.hpp>

#include <asio/cancellation_type.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

namespace posthorn::http {

/// A request as it goes on the wire. Everything in it stays valid until exchange() ends.
struct outgoing
{
    outgoing() = default;

    std::string_view method;
    secret_string    head;           ///< By write_request_head().
    source*          body = nullptr; ///< As announced in `head`.
    std::optional<std::uint64_t> length; ///< Of the body; nothing: it is sent chunked.
    bool                     expect_continue = false;
    progress_function const* on_upload       = nullptr;
};

/** One connection to one server, or to a proxy.

    One exchange at a time: exchange() sends a request and receives the head of the final response, read() gives its body.

    @par Errors
    error with an errc of HTTP, posthorn::errc::timeout, closed, condition::canceled or tls. After any of them the connection is
    closed. Where the connection ended before a response it is errc::connection_ended, or in_doubt if the server may have done
    what it was asked for and the method is not one that only reads.

    @par Thread safety
    One thread at a time, the executor's.
*/
class connection
{
public:
    /// @param s Connected, and under TLS if it is to be.
    connection(net::stream s, timeouts t, head_limits l) : stream_(std::move(s)), times_(t), limits_(l) {}
    connection(connection const&)            = delete;
    connection& operator=(connection const&) = delete;

    /** Sends a request and receives the head of its final response.

        A body that is not small is sent while the response is waited for. If the server refuses early the rest is not sent, and the
        connection cannot be used again.
        @pre is_open() and body_done() */
    task<response_head> exchange(outgoing const& out)
    {
        begin();
        tell_request(out);
        response_head head;
        if (is_small(out))
        {
            co_await send_small(out);
            arm_head();
            head = co_await receive_head(out);
        }
        else
        {
            auto body = [this, &out](scope& s) { return talk(s, out); };
            head      = co_await with_scope(body);
        }
        std::error_code ec;
        frame_ = frame_of(head, out.method, ec);
        if (ec)
            fail(ec, "the head of the response");
        if (frame_.end == body_end::length && frame_.length > longest_body_)
            fail(errc::body_too_long, "the head of the response", std::to_string(frame_.length) + " octets are announced");
        reusable_   = frame_.reusable && sent_all_ && !write_failed_;
        keep_alive_ = keep_alive_of(head);
        decoder_    = body_decoder(frame_, limits_);
        body_begin_ = last_read_ = net::clock::now();
        if (body_done())
            rest();
        co_return head;
    }

    /// The next block of the body; empty at its end. Valid until the next call.
    task<std::string_view> read()
    {
        in_.consume(std::exchange(given_, std::size_t(0)));
        for (;;)
        {
            std::error_code  ec;
            std::string_view block;
            if (!in_.empty() && !decoder_.done())
            {
                std::size_t const n = decoder_.decode(in_.data(), block, ec);
                if (ec)
                    fail(ec, "the body of the response");
                if (decoder_.octets() > longest_body_)
                    fail(errc::body_too_long, "the body of the response");
                if (!block.empty())
                {
                    given_ = n;
                    tell_body(event::kind::response_body, block, shown_in_);
                    co_return block;
                }
                in_.consume(n);
            }
            if (body_done())
                break;
            if (in_.empty())
                co_await fill_body();
        }
        rest();
        co_return std::string_view();
    }

    bool           body_done() const noexcept { return decoder_.done(); }
    framing const& frame() const noexcept { return frame_; }
    headers const& trailers() const noexcept { return decoder_.trailers(); }

    /** Can another request be sent? Only if the body was read, all was in good order, and nothing has arrived that nobody asked
        for: that could be taken for the answer to the next request. */
    bool is_reusable()
    {
        return reusable_ && body_done() && given_ == in_.size() && stream_.is_open() && stream_.peek() == net::stream::idle_state::quiet;
    }

    bool is_open() const noexcept { return stream_.is_open(); }
    void close() noexcept { stream_.close(); }

    /// Nothing may wait beyond this moment.
    void expires_at(net::clock::time_point total) noexcept { total_ = total; }

    void limit_body(std::uint64_t most) noexcept { longest_body_ = most; }

    /// Who is told what goes over it; empty: nobody.
    void watch(event_handler h) { on_event_ = std::move(h); }

    /// Has any octet of a response to the last request come?
    bool was_answered() const noexcept { return answered_; }

    /// Can the server have received the last request as a whole?
    bool possibly_complete() const noexcept { return handed_over_ && !stream_.certainly_unsent(); }

    /// What the server said about how long it keeps the connection.
    std::optional<std::chrono::seconds> keep_alive() const noexcept { return keep_alive_; }

    /// For CONNECT: what follows belongs to another protocol. @throws error with errc::ambiguous_framing if some of it has come already.
    net::stream release()
    {
        if (given_ != in_.size())
            fail(errc::ambiguous_framing, "CONNECT", "something follows the answer before anything was said");
        return std::move(stream_);
    }

    std::string const&           peer() const noexcept { return stream_.peer(); }
    net::stream_counters const& counters() const noexcept { return stream_.counters(); }

private:
    static constexpr std::size_t small  = 32 * 1024;  // fits into any socket's buffer
    static constexpr std::size_t piece  = 128 * 1024; // of a large body; the time limit is for each
    static constexpr std::size_t window = 64 * 1024;

    [[noreturn]] void fail(std::error_code code, std::string phase, std::string detail = {})
    {
        error_context context;
        context.phase  = std::move(phase);
        context.peer   = stream_.peer();
        context.detail = std::move(detail);
        stream_.close();
        throw error(code, std::move(context));
    }

    void begin()
    {
        if (!stream_.is_open())
            fail(posthorn::errc::closed, "sending the request");
        in_.consume(std::exchange(given_, std::size_t(0)));
        if (!in_.empty() || !body_done())
            fail(posthorn::errc::bad_sequence, "sending the request");
        reusable_ = answered_ = handed_over_ = sent_all_ = write_failed_ = continued_ = stopping_ = false;
        continue_.reset();
        interim_ = 0;
    }

    /// Limits waiting to `most` from now, and to what is left in all.
    void arm(net::clock::duration most, net::clock::time_point other = net::deadline::never)
    {
        auto const now  = net::clock::now();
        auto const when = most >= net::deadline::never - now ? net::deadline::never : now + most;
        stream_.expires_at(std::min({when, total_, other}));
    }

    void arm_head() { arm(times_.head); }

    // Telling who watches ----------------------------------------------------------------------------------------

    void tell(event::kind what, std::string_view text, std::size_t octets = 0) const
    {
        event e;
        e.what   = what;
        e.peer   = stream_.peer();
        e.text   = text;
        e.octets = octets;
        on_event_(e);
    }

    void tell_request(outgoing const& out)
    {
        if (!on_event_)
            return;
        std::string type;
        auto const  text = public_head(out.head.view(), type);
        shown_out_       = is_public_body(type);
        tell(event::kind::request_head, text);
    }

    void tell_response(response_head const& head)
    {
        if (!on_event_)
            return;
        shown_in_ = is_public_body(head.fields.get("Content-Type").value_or(""));
        tell(event::kind::response_head, public_head(head));
    }

    void tell_body(event::kind what, std::string_view block, bool shown) const
    {
        if (on_event_ && !block.empty())
            tell(what, shown ? block : std::string_view(), block.size());
    }

    /// The exchange is over; a pending limit would keep the event loop running.
    void rest() noexcept
    {
        stream_.expires_never();
        if (in_.empty())
            in_.release();
    }

    // Sending --------------------------------------------------------------------------------------------------

    static bool is_small(outgoing const& out)
    {
        if (out.body == nullptr)
            return true;
        auto const whole = out.body->contiguous();
        return whole && whole->size() <= small && out.length && !(out.expect_continue && !whole->empty());
    }

    /** Writes all of it. A failure is not the end: the reason may have been sent before.
        @return False if the connection takes no more. */
    task<bool> put(std::span<std::string_view const> pieces)
    {
        std::error_code failed;
        try
        {
            co_await stream_.write(pieces);
        }
        catch (std::system_error const& e)
        {
            failed = e.code();
        }
        if (failed == condition::canceled || failed == condition::timeout || failed == posthorn::errc::closed)
            fail(failed, "sending the request");
        write_failed_ = static_cast<bool>(failed);
        write_error_  = failed;
        co_return !failed;
    }

    task<void> send_small(outgoing const& out)
    {
        std::array<std::string_view, 2> pieces{out.head.view(), std::string_view()};
        if (out.body != nullptr)
            pieces[1] = out.body->contiguous().value_or(std::string_view());
        if (out.body != nullptr && pieces[1].size() != out.length)
            fail(errc::bad_body, "sending the request");
        handed_over_ = true;
        tell_body(event::kind::request_body, pieces[1], shown_out_);
        arm(times_.idle);
        std::ignore = co_await put(pieces);
        sent_all_   = true;
        if (out.body != nullptr)
            report(out, pieces[1].size());
    }

    /// Listens while the body is being sent.
    task<response_head> talk(scope& s, outgoing const& out)
    {
        s.spawn(send_large(out));
        auto head = co_await receive_head(out);
        // A success that comes early may depend on what is still to come; who refuses does not want it.
        if (!sent_all_ && !write_failed_ && head.status / 100 != 2)
        {
            stopping_ = true;
            s.cancel();
        }
        co_return head;
    }

    task<void> send_large(outgoing const& out)
    {
        try
        {
            co_await send_pieces(out);
        }
        catch (...)
        {
            if (!stopping_)
                throw;
        }
    }

    task<void> send_pieces(outgoing const& out)
    {
        std::array<std::string_view, 4> pieces{out.head.view()};
        if (out.expect_continue)
        {
            arm(times_.idle);
            bool const sent = co_await put(std::span<std::string_view const>(pieces.data(), 1));
            pieces[0] = {};
            if (!sent)
                co_return arm_head();
            co_await wait_for_continue();
        }
        auto             begin = net::clock::now();
        auto const       whole = out.body->contiguous();
        std::string_view left  = whole.value_or(std::string_view());
        std::uint64_t    done  = 0;
        std::string      size;
        for (bool last = false; !last;)
        {
            std::string_view block = left.substr(0, piece);
            if (whole)
                left.remove_prefix(block.size());
            else
            {
                stream_.expires_at(total_); // waiting for the caller's source is not waiting for the server
                auto const before = net::clock::now();
                block             = co_await out.body->next();
                begin += net::clock::now() - before;
            }
            done += block.size();
            last = block.empty() || (whole && left.empty() && out.length);
            if (out.length && (done > *out.length || (last && done != *out.length)))
                fail(errc::bad_body, "sending the request", std::to_string(done) + " octets of " + std::to_string(*out.length));
            if (!out.length)
            {
                size      = chunk_size(block.size());
                pieces[1] = size;
                pieces[3] = "\r\n";
            }
            pieces[2] = block;
            // With a known length nothing may follow, so that the server has all with the last octet.
            handed_over_ = last || done == out.length;
            if (last && out.length && block.empty() && pieces[0].empty())
                break;
            tell_body(event::kind::request_body, block, shown_out_);
            arm(times_.idle, times_.body_rate.limit(begin, done));
            bool const sent = co_await put(pieces);
            if (!sent)
                co_return arm_head();
            pieces[0] = {};
            report(out, done);
        }
        sent_all_ = true;
        arm_head();
    }

    static void report(outgoing const& out, std::uint64_t done)
    {
        if (out.on_upload != nullptr && *out.on_upload)
            (*out.on_upload)(done, out.length);
    }

    static std::string chunk_size(std::size_t n)
    {
        static constexpr char digits[] = "0123456789abcdef";
        std::string           text;
        do
        {
            text.insert(text.begin(), digits[n & 15U]);
            n >>= 4U;
        } while (n != 0);
        return text + "\r\n";
    }

    /// Until 100, or for as long as it is worth waiting: servers that do not know it say nothing.
    task<void> wait_for_continue()
    {
        if (continued_)
            co_return;
        stream_.expires_at(total_);
        continue_.emplace(stream_.get_executor());
        continue_->expires_after(std::min<net::clock::duration>(times_.continue_wait, std::chrono::hours(24)));
        std::ignore = co_await continue_->async_wait(use_task_nothrow);
        auto const asked = co_await this_coro::cancelled;
        if (asked != asio::cancellation_type::none)
            throw error(posthorn::errc::canceled);
    }

    // Receiving ------------------------------------------------------------------------------------------------

    task<response_head> receive_head(outgoing const& out)
    {
        head_parser parser(limits_);
        for (;;)
        {
            std::error_code   ec;
            std::size_t const n = parser.parse(in_.data(), ec);
            answered_           = answered_ || n != 0;
            in_.consume(n);
            if (ec)
                fail(ec, "the head of the response", parser.detail());
            if (!parser.done())
            {
                co_await fill_head(out);
                continue;
            }
            auto head = parser.take();
            tell_response(head);
            if (!head.interim())
                co_return head;
            take_interim(head);
        }
    }

    void take_interim(response_head const& head)
    {
        std::error_code ec;
        frame_of(head, {}, ec);
        if (!ec && head.status == 101)
            ec = errc::unexpected_upgrade;
        if (!ec && ++interim_ > limits_.interim)
            ec = errc::too_many_interim;
        if (ec)
            fail(ec, "the head of the response");
        if (head.status == 100)
        {
            continued_ = true;
            if (continue_)
                continue_->cancel();
        }
    }

    task<void> fill_head(outgoing const& out)
    {
        std::size_t     n = 0;
        std::error_code failed;
        auto const      room = in_.prepare(4096);
        try
        {
            n = co_await stream_.read_some(room);
        }
        catch (std::system_error const& e)
        {
            failed = e.code();
        }
        in_.commit(n);
        if (n != 0)
            co_return;
        // Without close_notify an idle connection ends often; there it is an end like others.
        bool const tls = failed == condition::tls && failed != net::tls_errc::truncated && !write_failed_;
        bool const own = failed == condition::canceled || failed == condition::timeout || failed == posthorn::errc::closed;
        std::string const phase = answered_ ? "the head of the response" : "waiting for the response";
        if (own || tls)
            fail(failed, phase);
        std::string const detail = write_failed_ ? write_error_.message() : failed ? failed.message() : std::string();
        bool const        doubt  = possibly_complete() && !is_reading(out.method);
        fail(doubt ? errc::in_doubt : errc::connection_ended, phase, detail);
    }

    task<void> fill_body()
    {
        auto const now = net::clock::now();
        body_begin_ += now - last_read_; // the time of the consumer does not count
        arm(times_.idle, times_.body_rate.limit(body_begin_, decoder_.octets()));
        std::error_code failed;
        std::string     why;
        std::size_t     n    = 0;
        auto const      room = in_.prepare(window);
        try
        {
            n = co_await stream_.read_some(room);
        }
        catch (std::system_error const& e)
        {
            failed = e.code();
        }
        last_read_ = net::clock::now();
        in_.commit(n);
        if (n != 0)
            co_return;
        if (failed == condition::canceled || failed == condition::timeout || failed == posthorn::errc::closed)
            fail(failed, "the body of the response");
        if (failed) // also an end without close_notify under TLS, which anybody could have caused
            fail(errc::truncated_body, "the body of the response", failed.message());
        decoder_.finish(failed);
        if (failed)
            fail(failed, "the body of the response", std::to_string(decoder_.octets()) + " octets came");
    }

    net::stream            stream_;
    timeouts               times_;
    head_limits            limits_;
    net::clock::time_point total_        = net::deadline::never;
    std::uint64_t          longest_body_ = std::numeric_limits<std::uint64_t>::max();
    event_handler          on_event_;
    byte_buffer            in_;
    std::size_t            given_ = 0; ///< At the front of `in_`, in the hands of the caller.
    body_decoder           decoder_;
    framing                frame_;
    std::optional<std::chrono::seconds> keep_alive_;
    std::optional<asio::steady_timer>   continue_;
    net::clock::time_point body_begin_, last_read_;
    std::error_code        write_error_;
    std::size_t            interim_      = 0;
    bool                   reusable_     = false;
    bool                   answered_     = false;
    bool                   handed_over_  = false; ///< The last octet was given to the stream.
    bool                   sent_all_     = false;
    bool                   write_failed_ = false;
    bool                   continued_    = false;
    bool                   shown_out_    = false; ///< The body of the request may be shown.
    bool                   shown_in_     = false; ///< That of the response may.
    bool                   stopping_     = false; ///< What is still being sent is not wanted.
};

} // namespace posthorn::http

#endif
