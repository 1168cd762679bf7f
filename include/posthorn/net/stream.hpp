//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// stream: bytes over TCP, a Unix socket or a caller's own transport, in the clear or inside TLS, with one
// deadline for whatever it waits for.

#ifndef POSTHORN_NET_STREAM_HPP
#define POSTHORN_NET_STREAM_HPP

#include <posthorn/core/buffer.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tls_engine.hpp>
#include <posthorn/net/transport.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/error.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/steady_timer.hpp>

#if !defined(_WIN32)
#include <sys/socket.h>
#include <sys/uio.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::net {

/// What a stream has moved so far. For sockets a "write" or "read" is one system call that moved bytes.
struct stream_counters
{
    std::uint64_t bytes_written = 0; ///< Handed to the transport, ciphertext if TLS is on.
    std::uint64_t bytes_read    = 0;
    std::uint64_t writes        = 0;
    std::uint64_t reads         = 0;
};

/** A connected byte stream.

    One read and one write may be in flight at the same time; a second read or write may not. Movable; operations
    in flight stay valid when it is moved.

    @par Errors
    A deadline that passes ends the waiting operation with posthorn::errc::timeout, close() with posthorn::errc::closed, a cancelled
    task with condition::canceled, a certificate or TLS problem with condition::tls. Everything else is the
    system's code. After any of them the stream should be closed.

    @par Thread safety
    One thread at a time, its executor's.
*/
class stream
{
public:
    using socket_type = asio::generic::stream_protocol::socket;

    /// No connection; every operation fails with posthorn::errc::closed.
    stream() noexcept = default;

    /// Takes over a connected TCP or Unix socket.
    template <class Socket>
        requires std::is_constructible_v<socket_type, Socket&&>
    explicit stream(Socket socket, std::string peer = {})
    {
        std::error_code ignored;
        std::string     local;
        if constexpr (requires { socket.local_endpoint(ignored).address(); })
            local = socket.local_endpoint(ignored).address().to_string();
        impl_ = std::make_unique<impl>(socket_type(std::move(socket)), std::move(peer), std::move(local));
    }

    /// Takes over a caller's own transport.
    explicit stream(std::unique_ptr<transport> t) : impl_(std::make_unique<impl>(std::move(t))) {}

    bool is_open() const noexcept { return impl_ != nullptr && !impl_->closed; }

    /// @pre a connection was given
    asio::any_io_executor get_executor() const { return impl_->executor(); }

    /// With whom, for error texts.
    std::string const& peer() const noexcept
    {
        static std::string const none;
        return impl_ ? impl_->peer : none;
    }

    /// Our own address on a TCP connection, e.g. "192.0.2.1"; empty elsewhere.
    std::string const& local_address() const noexcept
    {
        static std::string const none;
        return impl_ ? impl_->local : none;
    }

    /** Limits how long operations may wait from now on, until it is changed or removed.

        An operation that waits when the moment comes fails with posthorn::errc::timeout.
    */
    void expires_at(clock::time_point when)
    {
        if (is_open())
            impl_->limit.expires_at(when);
    }

    /// Removes the limit. To be called when a connection goes idle: a pending limit keeps its event loop running.
    void expires_never() noexcept
    {
        if (!is_open())
            return;
        impl_->limit.expires_at(deadline::never); // forgets that the old one has passed
        impl_->limit.disarm();
    }

    /// Removes the limit for a moment: a timer that runs is kept for the next one, and keeps its event loop running meanwhile.
    void expires_later() noexcept
    {
        if (is_open())
            impl_->limit.expires_at(deadline::never);
    }

    /** Reads what there is, at least one byte. @return The number of bytes; 0 at the end of the stream.

        @pre `into` is not empty

        Under TLS the end is 0 only after a proper close by the peer; a connection cut short is an error.
    */
    task<std::size_t> read_some(std::span<char> into)
    {
        impl& s = open();
        return s.tls ? s.read_tls(into) : s.read_raw(into);
    }

    /** Writes all of `pieces`, in as few system calls as possible. They stay valid until the task ends.

        Under TLS small pieces are joined to full records, and after a failure nothing more can be written. If
        it fails, certainly_unsent() tells more.
    */
    task<void> write(std::span<std::string_view const> pieces)
    {
        impl& s = open();
        s.gone = s.total = 0;
        for (auto const& piece : pieces)
            s.total += piece.size();
        return s.tls ? s.write_tls(pieces) : s.write_raw(pieces, s.unsent, s.gone, 0);
    }

    /** The beginning of write(): what can leave without waiting does.
        @return Whether that was all. If not, write_rest() with the same pieces must be next. */
    bool write_now(std::span<std::string_view const> pieces) noexcept
    {
        return impl_ != nullptr && impl_->begin_write(pieces);
    }

    /// Goes on after write_now(); as write().
    task<void> write_rest(std::span<std::string_view const> pieces)
    {
        impl& s = open();
        return s.tls ? s.write_tls(pieces) : s.write_raw(pieces, s.unsent, s.gone, s.gone);
    }

    /** After a failed write(): did the last byte certainly stay here?

        False means that the peer may have received all of it.
    */
    bool certainly_unsent() const noexcept { return impl_ == nullptr || impl_->unsent; }

    /** How many of the octets given to the last write() the peer may have received, at the most.

        Also while it is running. After a success these are all of them. */
    std::size_t possibly_sent() const noexcept
    {
        return impl_ == nullptr ? 0 : impl_->unsent ? impl_->gone : impl_->total;
    }

    /** Starts TLS on this stream.

        @param context  Settings and trust.
        @param role     Who we are.
        @param host     The name to present and to verify; empty for a server.
        @param session  Names the session to resume; empty for none.

        @throws posthorn::error with condition::tls; the text says which check failed on which certificate. An alert
                was sent if possible.
    */
    task<void> start_tls(tls_context context, tls_role role, std::string host, std::string session)
    {
        return open().handshake(std::move(context), role, std::move(host), std::move(session));
    }

    bool is_secure() const noexcept { return impl_ && impl_->tls && impl_->secured; }

    /// Facts about the TLS session. @pre is_secure()
    tls_info const& tls() const { return impl_->tls->info(); }

    /** Tells the peer that nothing more will come (TLS close_notify), and closes. Failures are ignored.

        Waits only for the write; the caller bounds it with expires_at().
    */
    task<void> shutdown()
    {
        if (!is_open())
            co_return;
        if (impl_->tls && impl_->secured)
        {
            try
            {
                co_await impl_->write_turn();
                // A socket closed on top of session tickets that nobody read would reset the connection.
                static_cast<void>(impl_->peek_tls());
                impl_->tls->shutdown();
                co_await impl_->flush_rest();
            }
            catch (std::exception const&)
            {
                // The connection is given up anyway.
            }
        }
        close();
    }

    /// Ends the connection at once, without a word. Operations in flight fail with posthorn::errc::closed.
    void close() noexcept
    {
        if (impl_)
            impl_->close();
    }

    /// What is there to read without waiting, on a connection that should be quiet.
    enum class idle_state { quiet, data, ended };

    /// Looks whether the peer has said or ended anything. Reads nothing that matters; never waits.
    idle_state peek()
    {
        return is_open() ? impl_->peek() : idle_state::ended;
    }

    stream_counters const& counters() const noexcept
    {
        static stream_counters const none;
        return impl_ ? impl_->counters : none;
    }

private:
    static constexpr std::size_t record        = 16384; // the most a TLS record can carry
    static constexpr unsigned    most_in_a_row = 16;    // costs a wait for each megabyte of large writes

    struct impl
    {
        /// The right to flush what the engine puts out, while it lives.
        class writer_guard
        {
        public:
            explicit writer_guard(impl& owner) noexcept : owner_(&owner) { owner.writing_tls = true; }
            writer_guard(writer_guard const&)            = delete;
            writer_guard& operator=(writer_guard const&) = delete;
            ~writer_guard()
            {
                owner_->writing_tls = false;
                owner_->wake_writer();
            }

        private:
            impl* owner_;
        };

        impl(socket_type s, std::string name, std::string own)
            : socket(std::move(s)), limit(socket->get_executor(), [this] { interrupt(); }), peer(std::move(name)),
              local(std::move(own))
        {
            socket->non_blocking(true);
        }

        explicit impl(std::unique_ptr<transport> t)
            : custom(std::move(t)), limit(custom->get_executor(), [this] { interrupt(); }),
              peer(custom->description())
        {
        }

        asio::any_io_executor executor() { return socket ? socket->get_executor() : custom->get_executor(); }

        void interrupt() noexcept
        {
            ++interruptions;
            wake_writer();
            std::error_code ignored;
            if (socket)
                socket->cancel(ignored);
            else
                custom->cancel();
        }

        void close() noexcept
        {
            limit.disarm();
            closed = true;
            wake_writer();
            std::error_code ignored;
            if (socket)
                socket->close(ignored);
            else
                custom->close();
        }

        void wake_writer() noexcept
        {
            if (turn)
                turn->cancel();
        }

        /// The error of an operation as the caller should see it.
        [[noreturn]] void fail(std::error_code ec) const
        {
            if (closed)
                ec = posthorn::errc::closed;
            error_context context;
            context.peer = peer;
            throw error(ec, std::move(context));
        }

        void check() const
        {
            if (closed)
                fail(posthorn::errc::closed);
            if (limit.expired())
                fail(posthorn::errc::timeout);
        }

        /// The error of an operation that began when there had been `before` interruptions.
        [[noreturn]] void fail_wait(std::error_code ec, std::uint64_t before) const
        {
            // The limit may have been moved again since it stopped the operation.
            if (interruptions != before && ec == condition::canceled)
                ec = posthorn::errc::timeout;
            fail(ec);
        }

        task<void> wait(socket_type::wait_type what)
        {
            check();
            auto const  before  = interruptions;
            auto const  outcome = co_await socket->async_wait(what, use_task_nothrow);
            auto const& [ec]    = outcome;
            in_a_row            = 0;
            if (ec)
                fail_wait(ec, before);
        }

        /** May the socket be tried without waiting for it?

            Not always: where the peer is faster than we are nobody would ever wait, and on this thread nothing else
            would run: no cancellation, no time limit, no reader of an early refusal, no other connection.
        */
        bool may_try() const noexcept { return in_a_row < most_in_a_row; }

        static bool would_block(std::error_code ec) noexcept
        {
            return ec == asio::error::would_block || ec == asio::error::try_again || ec == asio::error::interrupted;
        }

        task<std::size_t> read_raw(std::span<char> into)
        {
            check();
            std::size_t n = 0;
            if (custom)
            {
                n = co_await read_custom(into);
                counters.reads += 1;
                counters.bytes_read += n;
                co_return n;
            }
            // A reply is not there yet when its command has just left: look first only if more was likely.
            for (bool look = more_likely && may_try();; look = true)
            {
                if (look)
                {
                    std::error_code ec;
                    n = socket->read_some(asio::buffer(into.data(), into.size()), ec);
                    if (!ec)
                    {
                        more_likely = n == into.size();
                        in_a_row += 1;
                        counters.reads += 1;
                        counters.bytes_read += n;
                        co_return n;
                    }
                    more_likely = false;
                    if (ec == asio::error::eof)
                        co_return 0;
                    if (!would_block(ec))
                        fail(ec);
                }
                // As wait() does, without a frame of its own for what happens to every reply.
                auto const  before  = interruptions;
                auto const  outcome = co_await socket->async_wait(socket_type::wait_read, use_task_nothrow);
                auto const& [ec]    = outcome;
                in_a_row            = 0;
                if (ec)
                    fail_wait(ec, before);
                check();
            }
        }

        task<std::size_t> read_custom(std::span<char> into)
        {
            auto const      before = interruptions;
            std::error_code failed;
            try
            {
                co_return co_await custom->read_some(into);
            }
            catch (std::system_error const& e)
            {
                failed = e.code();
            }
            fail_wait(failed, before);
        }

        /// @return Whether everything left. What did not, and failures, are for write_raw().
        bool begin_write(std::span<std::string_view const> pieces) noexcept
        {
            gone = total = 0;
            unsent       = true;
            for (auto const& piece : pieces)
                total += piece.size();
            if (tls || custom || closed || limit.expired() || failed_write || !may_try())
                return false;
            gone = try_write(pieces, 0, failed_write);
            if (gone == 0)
                return false;
            in_a_row += 1;
            counters.writes += 1;
            counters.bytes_written += gone;
            unsent = gone != total;
            return !unsent;
        }

        /// @param kept Did the last byte certainly stay here? Kept up to date, for the case of a failure.
        /// @param left How many may have left, as long as it did.
        /// @param from Octets that have left before.
        task<void> write_raw(std::span<std::string_view const> pieces, bool& kept, std::size_t& left, std::size_t from)
        {
            kept             = true;
            std::size_t done = left = from;
            check();
            if (failed_write)
                fail(std::exchange(failed_write, {}));
            while (!pieces.empty() && pieces.back().empty())
                pieces = pieces.first(pieces.size() - 1);
            std::size_t offset = from; // into the first piece
            for (; !pieces.empty() && offset >= pieces.front().size(); pieces = pieces.subspan(1))
                offset -= pieces.front().size();
            while (!pieces.empty())
            {
                if (pieces.front().size() == offset)
                {
                    pieces = pieces.subspan(1);
                    offset = 0;
                    continue;
                }
                std::size_t n = 0;
                if (custom)
                {
                    auto const piece = pieces.front().substr(offset);
                    kept             = pieces.size() > 1; // what a failed write moved is not known
                    left             = done + piece.size();
                    n                = co_await write_custom(piece);
                }
                else
                {
                    n = may_try() ? write_now(pieces, offset) : 0;
                    if (n == 0)
                    {
                        co_await wait(socket_type::wait_write);
                        continue;
                    }
                    in_a_row += 1;
                }
                counters.writes += 1;
                counters.bytes_written += n;
                done += n;
                left = done;
                for (n += offset; !pieces.empty() && n >= pieces.front().size(); pieces = pieces.subspan(1))
                    n -= pieces.front().size();
                offset = n;
            }
            kept = false;
        }

        /// One gather write without waiting; 0 if the transport takes nothing now.
        std::size_t write_now(std::span<std::string_view const> pieces, std::size_t offset)
        {
            std::error_code   ec;
            std::size_t const n = try_write(pieces, offset, ec);
            if (ec)
                fail(ec);
            return n;
        }

        /// @param failed Set if that is not for want of room.
        std::size_t try_write(std::span<std::string_view const> pieces, std::size_t offset, std::error_code& failed) noexcept
        {
            std::error_code ec;
#if defined(MSG_NOSIGNAL) && !defined(_WIN32)
            // Asio hands over no more than 64 pieces; text with many dots has more.
            std::array<::iovec, 256> buffers;
            std::size_t              count = 0;
            for (auto piece : pieces.first(std::min(pieces.size(), buffers.size())))
            {
                buffers[count++] = {const_cast<char*>(piece.data()) + offset, piece.size() - offset};
                offset           = 0;
            }
            ::msghdr message   = {};
            message.msg_iov    = buffers.data();
            message.msg_iovlen = count;
            auto const        sent = ::sendmsg(socket->native_handle(), &message, MSG_NOSIGNAL);
            std::size_t const n    = sent > 0 ? static_cast<std::size_t>(sent) : 0;
            if (sent < 0)
                ec.assign(errno, asio::error::get_system_category());
#else
            std::array<asio::const_buffer, 64> buffers;
            std::size_t                        count = 0;
            for (auto piece : pieces.first(std::min(pieces.size(), buffers.size())))
            {
                buffers[count++] = asio::buffer(piece.data() + offset, piece.size() - offset);
                offset           = 0;
            }
            std::size_t const n = socket->write_some(std::span(buffers.data(), count), ec);
#endif
            if (ec && !would_block(ec))
                failed = ec;
            return ec ? 0 : n;
        }

        task<std::size_t> write_custom(std::string_view bytes)
        {
            auto const      before = interruptions;
            std::error_code failed;
            try
            {
                co_return co_await custom->write_some(bytes);
            }
            catch (std::system_error const& e)
            {
                failed = e.code();
            }
            fail_wait(failed, before);
        }

        /** Sends the ciphertext that is waiting. Only for whoever has the writer_guard.

            @param kept As in write_raw(), about the ciphertext that is there now.
        */
        task<void> flush(bool& kept)
        {
            bool        ignored = true;
            bool*       state   = &kept;
            std::size_t octets  = 0; // of ciphertext
            while (!tls->output().empty())
            {
                // Taken out first: reading, meanwhile, may make the engine add an answer to a key update.
                std::swap(flying, tls->output());
                std::string_view const waiting = flying.data();
                cut                            = true; // unless it succeeds, the peer has half a record
                co_await write_raw(std::span(&waiting, 1), *state, octets, 0);
                cut = false;
                flying.clear();
                state = &ignored;
            }
        }

        /// Sends what the engine has put out by itself.
        task<void> flush_rest()
        {
            writer_guard const mine(*this);
            bool               ignored = true;
            co_await flush(ignored);
        }

        /// Waits while a read sends what the engine has put out by itself.
        task<void> write_turn()
        {
            while (writing_tls)
            {
                check();
                if (!turn)
                    turn.emplace(executor());
                turn->expires_at(clock::time_point::max());
                auto const  before = interruptions;
                auto const  woken  = co_await turn->async_wait(use_task_nothrow);
                auto const  asked  = co_await this_coro::cancelled;
                auto const& [ec]   = woken;
                if (asked != asio::cancellation_type::none)
                    fail_wait(ec, before);
            }
            check();
            if (cut)
                fail(posthorn::errc::bad_sequence);
        }

        task<void> write_tls(std::span<std::string_view const> pieces)
        {
            unsent = true;
            check();
            if (writing_tls || cut)
                co_await write_turn();
            writer_guard const mine(*this);
            bool               ignored = true;
            joined.clear();
            for (auto piece : pieces)
            {
                while (!piece.empty())
                {
                    if (tls->output().size() >= 4 * record)
                        co_await flush(ignored); // more follows, so the last byte is not in it
                    // Records as full as possible: each costs a header, a tag and some microseconds.
                    if (joined.empty() && piece.size() >= record)
                    {
                        std::size_t const n = std::min(piece.size() - piece.size() % record, 4 * record);
                        encrypt(piece.substr(0, n));
                        piece.remove_prefix(n);
                    }
                    else
                    {
                        std::size_t const n = std::min(piece.size(), record - joined.size());
                        joined.append(piece.substr(0, n));
                        piece.remove_prefix(n);
                        if (joined.size() < record)
                            continue;
                        encrypt(joined.data());
                        joined.wipe_content();
                    }
                }
            }
            if (!joined.empty())
            {
                encrypt(joined.data());
                joined.wipe_content(); // it may have been a password
            }
            gone = total == 0 ? 0 : total - 1; // `unsent` tells about the last one
            co_await flush(unsent);
            unsent = false;
        }

        void encrypt(std::string_view plain)
        {
            gone += plain.size(); // it leaves with the next flush
            std::error_code ec;
            tls->write(plain, ec);
            if (ec)
                throw named(tls->make_error(ec));
        }

        task<std::size_t> read_tls(std::span<char> into)
        {
            check();
            if (peeked && !into.empty())
            {
                into.front() = *peeked;
                peeked.reset();
                co_return 1;
            }
            for (;;)
            {
                std::error_code   ec;
                tls_status        status = tls_status::done;
                std::size_t const n      = tls->read(into, status, ec);
                if (ec)
                    throw named(tls->make_error(ec));
                if (n != 0)
                    co_return n;
                if (status == tls_status::closed)
                    co_return 0;
                // An answer to a key update, or a write that fell into the middle of a message of the handshake
                // layer and was kept until now. Not before data is handed out: it may fail.
                if (!tls->output().empty() && !writing_tls && !cut)
                    co_await flush_rest();
                co_await read_ciphertext();
            }
        }

        task<void> read_ciphertext()
        {
            auto              room = tls->input().prepare(record + 512);
            std::size_t const n    = co_await read_raw(room);
            if (n == 0)
                tls->on_eof();
            else
                tls->input().commit(n);
        }

        task<void> handshake(tls_context context, tls_role role, std::string host, std::string session)
        {
            check();
            if (tls)
                fail(posthorn::errc::bad_sequence);
            tls = std::make_unique<tls_engine>(std::move(context), role, std::move(host), std::move(session));
            for (;;)
            {
                std::error_code ec;
                auto const      status = tls->handshake(ec);
                if (ec)
                {
                    error const reason = named(tls->make_error(ec));
                    co_await send_alert();
                    throw reason;
                }
                co_await flush_rest();
                if (status == tls_status::done)
                    break;
                co_await read_ciphertext();
            }
            secured = true;
        }

        /// Tells the peer why, if it can be told without waiting for long.
        task<void> send_alert()
        {
            try
            {
                co_await flush_rest();
            }
            catch (std::exception const&)
            {
                // The handshake's own failure is what matters.
            }
        }

        error named(error const& e) const
        {
            error_context context = e.context();
            if (context.peer.empty())
                context.peer = peer;
            return error(e.code(), std::move(context));
        }

        idle_state peek()
        {
            if (tls)
                return peek_tls();
            if (custom)
                return idle_state::quiet; // nobody can tell without reading
            char            byte = 0;
            std::error_code ec;
            socket->receive(asio::buffer(&byte, 1), socket_type::message_peek, ec);
            if (!ec)
                return idle_state::data;
            return would_block(ec) ? idle_state::quiet : idle_state::ended;
        }

        // Session tickets and key updates may be waiting; only application data or an end count.
        idle_state peek_tls()
        {
            while (!peeked)
            {
                char            byte   = 0;
                tls_status      status = tls_status::done;
                std::error_code ec;
                if (tls->read(std::span(&byte, 1), status, ec) != 0)
                {
                    peeked = byte; // for the next read
                    break;
                }
                if (ec || status == tls_status::closed)
                    return idle_state::ended;
                if (custom)
                    return idle_state::quiet;
                auto              room = tls->input().prepare(record);
                std::size_t const n    = socket->read_some(asio::buffer(room.data(), room.size()), ec);
                if (ec)
                    return would_block(ec) ? idle_state::quiet : idle_state::ended;
                counters.reads += 1;
                counters.bytes_read += n;
                tls->input().commit(n);
            }
            return idle_state::data;
        }

        std::optional<socket_type>  socket;
        std::unique_ptr<transport>  custom;
        deadline                    limit;
        std::unique_ptr<tls_engine> tls;
        std::optional<asio::steady_timer> turn; ///< Where a write waits for a read that is writing.
        byte_buffer                 joined; ///< Small pieces on their way into one record.
        byte_buffer                 flying; ///< Ciphertext being written.
        std::string                 peer;
        std::string                 local;
        stream_counters             counters;
        std::uint64_t               interruptions = 0; ///< How often the limit has stopped operations.
        unsigned                    in_a_row      = 0; ///< Reads and writes since somebody waited.
        std::optional<char>         peeked;            ///< Decrypted by peek().
        std::error_code             failed_write;      ///< For the write that comes next to tell.
        bool                        more_likely = false;
        bool                        writing_tls = false; ///< Somebody is going to flush what the engine puts out.
        bool                        cut         = false; ///< A record was not written to its end, or is on its way.
        bool                        unsent      = true;
        std::size_t                 gone        = 0; ///< Octets of the running write that may have left.
        std::size_t                 total       = 0; ///< Octets of the running write.
        bool                        secured     = false;
        bool                        closed      = false;
    };

    impl& open() const
    {
        if (!impl_)
            throw error(posthorn::errc::closed, "the stream has no connection");
        return *impl_;
    }

    std::unique_ptr<impl> impl_;
};

} // namespace posthorn::net

#endif
