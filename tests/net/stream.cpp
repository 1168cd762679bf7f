//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/net/stream.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/net/tls_engine.hpp>
#include <posthorn/net/tls_error.hpp>

#include <doctest/doctest.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/socket_base.hpp>
#include <asio/steady_timer.hpp>

#include <openssl/ssl.h>

#include <support/run_task.hpp>
#include <support/steps.hpp>
#include <support/tls_pair.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <unistd.h>

TEST_SUITE_BEGIN("net/stream");

using namespace std::chrono_literals;
namespace net = posthorn::net;
using net::tls_errc;
using net::tls_role;
using posthorn::condition;
using posthorn::errc;
using posthorn::task;
using posthorn::when_all;
using idle_state = net::stream::idle_state;
using tcp        = asio::ip::tcp;

namespace {

constexpr auto        patience = 60s; // for what is expected to happen
constexpr std::size_t any      = std::numeric_limits<std::size_t>::max();

std::string bytes(std::size_t size)
{
    std::string  text(size, '\0');
    std::mt19937 random(static_cast<unsigned>(size));
    for (auto& c : text)
        c = static_cast<char>(random() & 0xffU);
    return text;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// ---- a transport in memory

/// One direction.
struct lane
{
    explicit lane(asio::any_io_executor const& ex) : changed(ex, net::clock::time_point::max()) {}

    void notify() { changed.cancel(); }

    std::string        data;
    std::size_t        capacity = 100000; ///< How much may be under way.
    std::size_t        most     = any;    ///< After so many bytes the direction ends, and the rest is lost.
    std::size_t        total    = 0;      ///< How much was taken from the writer.
    bool               ended    = false;
    asio::steady_timer changed;
};

struct limits
{
    std::size_t max_read   = any;
    std::size_t max_write  = any;
    std::size_t fail_read  = 0; ///< The read of this number fails, counted from 1.
    std::size_t fail_write = 0;
    std::size_t moves      = 0; ///< How much the failing write moves in spite of that.
};

class memory_transport final : public net::transport
{
public:
    memory_transport(asio::any_io_executor ex, std::shared_ptr<lane> in, std::shared_ptr<lane> out,
                     std::string name)
        : executor_(std::move(ex)), in_(std::move(in)), out_(std::move(out)), name_(std::move(name))
    {
    }
    ~memory_transport() override { out_->ended = true; }

    void limit(limits const& l)
    {
        limits_ = l;
        reads_ = writes_ = 0;
    }

    asio::any_io_executor get_executor() override { return executor_; }

    task<std::size_t> read_some(std::span<char> into) override
    {
        auto const before = cancels_;
        if (++reads_ == limits_.fail_read)
            throw std::system_error(std::make_error_code(std::errc::connection_reset));
        while (in_->data.empty() && !in_->ended)
            co_await wait(*in_, before);
        std::size_t const n = std::min({into.size(), in_->data.size(), limits_.max_read});
        in_->data.copy(into.data(), n);
        in_->data.erase(0, n);
        in_->notify();
        co_return n;
    }

    task<std::size_t> write_some(std::string_view text) override
    {
        auto const before = cancels_;
        if (++writes_ == limits_.fail_write)
        {
            put(text.substr(0, std::min(text.size(), limits_.moves)));
            throw std::system_error(std::make_error_code(std::errc::connection_reset));
        }
        while (out_->data.size() >= out_->capacity)
            co_await wait(*out_, before);
        std::size_t const n = std::min({text.size(), limits_.max_write, out_->capacity - out_->data.size()});
        put(text.substr(0, n));
        co_return n;
    }

    void cancel() noexcept override
    {
        ++cancels_;
        in_->notify();
        out_->notify();
    }

    void close() noexcept override
    {
        out_->ended = true;
        cancel();
    }

    std::string description() const override { return name_; }

private:
    void put(std::string_view text)
    {
        std::size_t const left = out_->most - std::min(out_->most, out_->total);
        out_->data += text.substr(0, left);
        out_->total += text.size();
        out_->ended = out_->ended || out_->total >= out_->most;
        out_->notify();
    }

    task<void> wait(lane& on, std::uint64_t before)
    {
        auto const ignored = co_await on.changed.async_wait(posthorn::use_task_nothrow);
        auto const asked   = co_await posthorn::this_coro::cancelled;
        static_cast<void>(ignored);
        if (asked != asio::cancellation_type::none || cancels_ != before)
            throw posthorn::error(errc::canceled);
    }

    asio::any_io_executor executor_;
    std::shared_ptr<lane> in_;
    std::shared_ptr<lane> out_;
    std::string           name_;
    limits                limits_;
    std::size_t           reads_   = 0;
    std::size_t           writes_  = 0;
    std::uint64_t         cancels_ = 0;
};

// ---- connections

enum class carrier
{
    tcp,
    local,
    memory
};
constexpr std::array carriers = {carrier::tcp, carrier::local, carrier::memory};

struct tcp_ends
{
    explicit tcp_ends(asio::any_io_executor const& ex) : client(ex), server(ex)
    {
        tcp::acceptor acceptor(ex, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        client.connect(acceptor.local_endpoint());
        acceptor.accept(server);
    }

    tcp::socket client;
    tcp::socket server;
};

/// Two ends of a connection. Nothing waits for ever: both have a limit of time.
struct ends
{
    ends(asio::any_io_executor const& ex, carrier c)
    {
        switch (c)
        {
        case carrier::tcp:
        {
            tcp_ends pair(ex);
            client = net::stream(std::move(pair.client), "the server");
            server = net::stream(std::move(pair.server), "the client");
            break;
        }
        case carrier::local:
        {
            asio::local::stream_protocol::socket a(ex);
            asio::local::stream_protocol::socket b(ex);
            asio::local::connect_pair(a, b);
            client = net::stream(std::move(a), "the server");
            server = net::stream(std::move(b), "the client");
            break;
        }
        case carrier::memory:
        {
            up     = std::make_shared<lane>(ex);
            down   = std::make_shared<lane>(ex);
            auto a = std::make_unique<memory_transport>(ex, down, up, "the server");
            auto b = std::make_unique<memory_transport>(ex, up, down, "the client");
            near   = a.get();
            far    = b.get();
            client = net::stream(std::move(a));
            server = net::stream(std::move(b));
            break;
        }
        }
        client.expires_at(net::clock::now() + patience);
        server.expires_at(net::clock::now() + patience);
    }

    std::shared_ptr<lane> up; ///< Of memory: from client to server.
    std::shared_ptr<lane> down;
    memory_transport*     near = nullptr;
    memory_transport*     far  = nullptr;
    net::stream           client;
    net::stream           server;
};

net::tls_context client_context()
{
    static net::tls_context const made(support::tls_client_settings());
    return made;
}

net::tls_context server_context()
{
    static net::tls_context const made(support::tls_server_settings());
    return made;
}

task<void> secure_client(net::stream& s)
{
    return s.start_tls(client_context(), tls_role::client, "mail.example.test", "");
}

task<void> secure_server(net::stream& s)
{
    return s.start_tls(server_context(), tls_role::server, "", "");
}

task<void> secure(ends& e)
{
    co_await when_all(secure_client(e.client), secure_server(e.server));
}

task<void> secure_if(ends& e, bool tls)
{
    if (tls)
        co_await secure(e);
}

task<void> say(net::stream& s, std::string_view text)
{
    std::string_view const piece = text;
    co_await s.write(std::span(&piece, 1));
}

/// Reads exactly `size` bytes, or up to the end.
task<std::string> receive(net::stream& s, std::size_t size, std::size_t chunk)
{
    std::string text;
    std::string room(chunk, '\0');
    while (text.size() < size)
    {
        std::span<char> const into(room.data(), std::min(chunk, size - text.size()));
        std::size_t const     n = co_await s.read_some(into);
        if (n == 0)
            break;
        text.append(room, 0, n);
    }
    co_return text;
}

task<std::string> receive(net::stream& s, std::size_t size) { return receive(s, size, 65536); }

/// How a task ends.
template <class T>
task<std::error_code> code_of(task<T> t)
{
    std::error_code code;
    try
    {
        if constexpr (std::is_void_v<T>)
            co_await std::move(t);
        else
            std::ignore = co_await std::move(t);
    }
    catch (std::system_error const& e)
    {
        code = e.code();
    }
    co_return code;
}

/// What a failing task says.
template <class T>
task<posthorn::error> error_of(task<T> t)
{
    std::optional<posthorn::error> caught;
    try
    {
        if constexpr (std::is_void_v<T>)
            co_await std::move(t);
        else
            std::ignore = co_await std::move(t);
    }
    catch (posthorn::error const& e)
    {
        caught.emplace(e);
    }
    if (!caught)
        throw std::runtime_error("it did not fail");
    co_return *caught;
}

net::clock::time_point soon(net::clock::duration d = 30ms) { return net::clock::now() + d; }

/// Runs the coroutine `f(ex)` on an executor of its own.
template <class F>
task<void> on_executor(F& f)
{
    auto const ex = co_await posthorn::this_coro::executor;
    co_await f(ex);
}

template <class F>
void run(F f)
{
    support::run([&f] { return on_executor(f); });
}

/// The same with every carrier, in the clear and under TLS, on a connection made.
template <class F>
task<void> with_ends(F& f, carrier c, bool tls)
{
    auto const ex = co_await posthorn::this_coro::executor;
    ends       e(ex, c);
    co_await secure_if(e, tls);
    co_await f(e);
}

template <class F>
void run_over(carrier c, bool tls, F f)
{
    CAPTURE(static_cast<int>(c));
    CAPTURE(tls);
    support::run([&] { return with_ends(f, c, tls); });
}

template <class F>
void run_everywhere(F f)
{
    for (carrier const c : carriers)
        for (bool const tls : {false, true})
            run_over(c, tls, f);
}

/// A peer whose TLS engine is in the hands of the test, over a stream in the clear.
class engine_peer
{
public:
    explicit engine_peer(net::stream& s) : stream_(&s), engine_(server_context(), tls_role::server) {}

    net::tls_engine& engine() { return engine_; }

    task<void> handshake()
    {
        for (;;)
        {
            std::error_code ec;
            auto const      status = engine_.handshake(ec);
            co_await flush();
            if (ec)
                throw engine_.make_error(ec);
            if (status == net::tls_status::done)
                co_return;
            co_await fill();
        }
    }

    void ask_for_new_keys()
    {
        REQUIRE(SSL_key_update(engine_.native_handle(), SSL_KEY_UPDATE_REQUESTED) == 1);
    }

    task<void> send(std::string_view text)
    {
        std::error_code ec;
        REQUIRE(engine_.write(text, ec) == text.size());
        co_await flush();
    }

    /// Sends one half of a message of the handshake layer: a session ticket in two records.
    task<void> begin_split()
    {
        SSL* const ssl = engine_.native_handle();
        SSL_set_max_send_fragment(ssl, 512);
        SSL_SESSION* const session = SSL_get1_session(ssl);
        std::string const  note(600, 'n');
        REQUIRE(SSL_SESSION_set1_ticket_appdata(session, note.data(), note.size()) == 1);
        SSL_SESSION_free(session);
        REQUIRE(SSL_new_session_ticket(ssl) == 1);
        std::error_code ec;
        REQUIRE(engine_.write("y", ec) == 1);
        rest_ = engine_.output().data();
        engine_.output().clear();
        REQUIRE(rest_.size() > 700);
        std::string const half = rest_.substr(0, 600);
        rest_.erase(0, 600);
        co_await say(*stream_, half);
    }

    /// Sends the other half, and "y" as data.
    task<void> end_split() { co_await say(*stream_, rest_); }

    /// Exactly `size` bytes.
    task<std::string> receive(std::size_t size)
    {
        std::string text;
        std::string room(20000, '\0');
        while (text.size() < size)
        {
            std::span<char> const into(room.data(), std::min(room.size(), size - text.size()));
            std::error_code       ec;
            auto                  status = net::tls_status::done;
            std::size_t const     n      = engine_.read(into, status, ec);
            if (ec)
                throw engine_.make_error(ec);
            text.append(room, 0, n);
            if (n == 0)
                co_await fill();
        }
        co_return text;
    }

    /// How much plaintext is in what has arrived, whatever the way it ends.
    std::size_t drain(std::string_view arrived)
    {
        engine_.input().append(arrived);
        std::string room(20000, '\0');
        for (std::size_t total = 0;;)
        {
            std::error_code   ec;
            auto              status = net::tls_status::done;
            std::size_t const n      = engine_.read(room, status, ec);
            total += n;
            if (n == 0)
                return total;
        }
    }

    task<void> flush()
    {
        std::string const out(engine_.output().data());
        engine_.output().clear();
        co_await say(*stream_, out);
    }

private:
    task<void> fill()
    {
        std::string       room(20000, '\0');
        std::size_t const n = co_await stream_->read_some(room);
        if (n == 0)
            engine_.on_eof();
        else
            engine_.input().append(std::string_view(room.data(), n));
    }

    net::stream*    stream_;
    net::tls_engine engine_;
    std::string     rest_;
};

/// What a task that runs beside the test has come to.
struct beside
{
    bool            done = false;
    std::error_code code;
};

template <class T>
task<void> note_end(task<T> t, std::shared_ptr<beside> b)
{
    b->code = co_await code_of(std::move(t));
    b->done = true;
}

template <class T>
std::shared_ptr<beside> start(asio::any_io_executor const& ex, task<T> t)
{
    auto const b = std::make_shared<beside>();
    posthorn::spawn(ex, note_end(std::move(t), b), [](std::exception_ptr e) {
        if (e)
            std::rethrow_exception(e);
    });
    return b;
}

task<void> until_done(std::shared_ptr<beside> b)
{
    auto const latest = net::clock::now() + patience;
    while (!b->done)
    {
        REQUIRE(net::clock::now() < latest);
        co_await support::sleep_for(1ms);
    }
}

/// Gives what runs beside every chance to come to its wait.
task<void> settle()
{
    for (int i = 0; i != 20; ++i)
        co_await support::hop();
    co_await support::sleep_for(2ms);
    for (int i = 0; i != 20; ++i)
        co_await support::hop();
}

task<void> echo(net::stream& s, std::size_t chunk)
{
    std::string room(chunk, '\0');
    for (;;)
    {
        std::size_t const n = co_await s.read_some(room);
        if (n == 0)
            break;
        co_await say(s, std::string_view(room).substr(0, n));
    }
}

task<void> send_and_hear(net::stream& s, std::string_view text, std::size_t chunk, bool& same)
{
    auto const all = co_await when_all(say(s, text), receive(s, text.size(), chunk));
    same           = std::get<1>(all) == text;
    co_await s.shutdown();
}

} // namespace

// ---- data

TEST_CASE("what one end writes the other end reads, whatever the sizes")
{
    for (std::size_t const size : {1U, 2U, 100U, 16383U, 16384U, 16385U, 70000U, 300000U})
    {
        for (std::size_t const chunk : {1U, 7U, 1000U, 16384U, 65536U})
        {
            if (size / chunk > 20000)
                continue;
            CAPTURE(size);
            CAPTURE(chunk);
            auto const text = bytes(size);
            run_everywhere([&](ends& e) -> task<void> {
                bool same = false;
                co_await when_all(send_and_hear(e.client, text, chunk, same),
                                  echo(e.server, 65536 / (chunk % 5 + 1)));
                CHECK(same);
            });
        }
    }
}

TEST_CASE("five megabytes pass, both ways at once")
{
    auto const text = bytes(5'000'000);
    run_everywhere([&](ends& e) -> task<void> {
        bool same = false;
        co_await when_all(send_and_hear(e.client, text, 50000, same), echo(e.server, 60000));
        CHECK(same);
    });
}

TEST_CASE("a transport may move as little as it likes")
{
    auto const text = bytes(3000);
    for (std::size_t const most : {1U, 2U, 5U, 1000U})
    {
        for (bool const tls : {false, true})
        {
            CAPTURE(most);
            run([&](asio::any_io_executor ex) -> task<void> {
                ends   e(ex, carrier::memory);
                limits l;
                l.max_read  = most;
                l.max_write = most;
                e.near->limit(l);
                e.far->limit(l);
                co_await secure_if(e, tls);
                e.up->capacity   = most + 3;
                e.down->capacity = most + 1;
                bool same = false;
                co_await when_all(send_and_hear(e.client, text, 100, same), echo(e.server, 100));
                CHECK(same);
            });
        }
    }
}

TEST_CASE("both ends may write much at once if both read meanwhile")
{
    auto const a = bytes(3'000'000);
    auto const b = bytes(2'999'999);
    run_everywhere([&](ends& e) -> task<void> {
        auto const all = co_await when_all(say(e.client, a), say(e.server, b), receive(e.client, b.size()),
                                           receive(e.server, a.size()));
        CHECK(std::get<2>(all) == b);
        CHECK(std::get<3>(all) == a);
    });
}

TEST_CASE("pieces arrive joined, however many and however large")
{
    auto const source = bytes(2'000'000);
    for (std::size_t const count : {1U, 2U, 3U, 63U, 64U, 65U, 129U, 200U})
    {
        CAPTURE(count);
        std::vector<std::string_view> pieces;
        std::string                   whole;
        std::mt19937                  random(static_cast<unsigned>(count));
        for (std::size_t i = 0; i != count; ++i)
        {
            std::size_t const records = 16384U * (random() % 4) + random() % 3;
            std::array const  sizes   = {
                std::size_t{0}, std::size_t{random() % 50}, std::size_t{random() % 3000},
                i % 29 == 0 ? records : 1U};
            std::size_t const size    = sizes[random() % sizes.size()];
            pieces.push_back(std::string_view(source).substr(random() % 1000000, size));
            whole += pieces.back();
        }
        whole.append("!");
        pieces.push_back("!"); // so that there is something
        run_everywhere([&](ends& e) -> task<void> {
            auto const all = co_await when_all(e.client.write(pieces), receive(e.server, whole.size()));
            CHECK(std::get<1>(all) == whole);
        });
    }
}

TEST_CASE("nothing is written for no pieces or empty ones")
{
    run_everywhere([](ends& e) -> task<void> {
        std::array<std::string_view, 3> const empty {};
        auto const                            before = e.client.counters().bytes_written;
        co_await e.client.write(std::span<std::string_view const>());
        co_await e.client.write(empty);
        CHECK(e.client.counters().bytes_written == before);
        CHECK_FALSE(e.client.certainly_unsent());
        co_await say(e.client, "x");
        auto const text = co_await receive(e.server, 1);
        CHECK(text == "x");
    });
}

TEST_CASE("the counters tell what was moved, and small pieces leave in one system call")
{
    for (carrier const c : {carrier::tcp, carrier::local})
    {
        run_over(c, false, [](ends& e) -> task<void> {
            std::vector<std::string_view> const pieces(64, "0123456789");
            co_await e.client.write(pieces);
            CHECK(e.client.counters().bytes_written == 640);
            CHECK(e.client.counters().writes == 1);
            auto const text = co_await receive(e.server, 640);
            CHECK(e.server.counters().bytes_read == 640);
            CHECK(e.server.counters().reads == 1);
            CHECK(e.server.counters().bytes_written == 0);
            CHECK(e.client.counters().bytes_read == 0);
        });
        run_over(c, true, [](ends& e) -> task<void> {
            auto const                          before = e.client.counters();
            std::vector<std::string_view> const pieces(200, "0123456789");
            co_await e.client.write(pieces);
            CHECK(e.client.counters().writes == before.writes + 1);
            CHECK(e.client.counters().bytes_written > before.bytes_written + 2000);
            CHECK(e.client.counters().bytes_written < before.bytes_written + 2100); // one record
            auto const text = co_await receive(e.server, 2000);
            CHECK(text.size() == 2000);
            CHECK(e.server.counters().bytes_read == e.client.counters().bytes_written);
        });
    }
}

// ---- ends

TEST_CASE("a proper end is read as 0, as often as one asks")
{
    run_everywhere([](ends& e) -> task<void> {
        co_await say(e.client, "last words");
        co_await e.client.shutdown();
        CHECK_FALSE(e.client.is_open());
        auto const text = co_await receive(e.server, 1000);
        CHECK(text == "last words");
        for (int i = 0; i != 3; ++i)
        {
            char              byte = 0;
            std::size_t const n    = co_await e.server.read_some(std::span(&byte, 1));
            CHECK(n == 0);
        }
        co_await e.client.shutdown(); // again: nothing
    });
}

TEST_CASE("under TLS an end without close_notify is an error, in the clear it is an end")
{
    run_everywhere([](ends& e) -> task<void> {
        co_await say(e.server, "cut he");
        e.server.close();
        auto const text = co_await receive(e.client, 6);
        CHECK(text == "cut he");
        std::error_code const code = co_await code_of(receive(e.client, 1));
        if (e.client.is_secure())
        {
            CHECK(code == tls_errc::truncated);
            auto const error = co_await error_of(receive(e.client, 1));
            CHECK(error.context().peer == "the server");
        }
        else
            CHECK_FALSE(code);
    });
}

TEST_CASE("a reset is an error that names the peer")
{
    run([](asio::any_io_executor ex) -> task<void> {
        tcp_ends    pair(ex);
        net::stream s(std::move(pair.client), "mx.example.test:25");
        s.expires_at(net::clock::now() + patience);
        pair.server.set_option(asio::socket_base::linger(true, 0));
        pair.server.close();
        auto const error = co_await error_of(receive(s, 1));
        CHECK(error.code() == std::error_code(asio::error::connection_reset));
        CHECK(error.context().peer == "mx.example.test:25");
        CHECK(contains(error.what(), "mx.example.test:25"));
    });
}

// ---- TLS

TEST_CASE("TLS facts are known on both ends, and only after the handshake")
{
    for (carrier const c : carriers)
    {
        run_over(c, false, [](ends& e) -> task<void> {
            CHECK_FALSE(e.client.is_secure());
            co_await secure(e);
            CHECK(e.client.is_secure());
            CHECK(e.server.is_secure());
            CHECK(e.client.tls().verified);
            CHECK(e.client.tls().version == e.server.tls().version);
            CHECK(e.server.tls().server_name == "mail.example.test");
            std::error_code const code = co_await code_of(secure_client(e.client));
            CHECK(code == errc::bad_sequence); // once is enough
        });
    }
}

TEST_CASE("text before the handshake is read in the clear, what follows is not")
{
    for (carrier const c : carriers)
    {
        run_over(c, false, [](ends& e) -> task<void> {
            co_await say(e.server, "220 go ahead\r\n");
            auto const line = co_await receive(e.client, 14);
            CHECK(line == "220 go ahead\r\n");
            co_await secure(e);
            co_await say(e.client, "secret");
            auto const text = co_await receive(e.server, 6);
            CHECK(text == "secret");
        });
    }
}

TEST_CASE("sessions are resumed by their key, and only by it")
{
    run([](asio::any_io_executor ex) -> task<void> {
        net::tls_context const c(support::tls_client_settings());
        net::tls_context const s(support::tls_server_settings());
        std::string const      none;
        std::string const      host = "mail.example.test";
        struct round
        {
            char const* key;
            bool        resumed;
        };
        for (auto const& [key, resumed] :
             {round {"mail:25", false}, round {"mail:25", true}, round {"other:25", false}, round {"", false},
              round {"mail:25", true}})
        {
            CAPTURE(key);
            ends              e(ex, carrier::tcp);
            std::string const name = key;
            co_await when_all(e.client.start_tls(c, tls_role::client, host, name),
                              e.server.start_tls(s, tls_role::server, none, none));
            CHECK(e.client.tls().resumed == resumed);
            co_await say(e.server, "x"); // the tickets come before
            auto const text = co_await receive(e.client, 1);
            CHECK(text == "x");
            co_await e.client.shutdown();
        }
    });
}

TEST_CASE("key updates asked for by the peer do not disturb traffic in both directions")
{
    auto const text = bytes(400'000);
    for (carrier const c : carriers)
    {
        run_over(c, false, [&](ends& e) -> task<void> {
            engine_peer peer(e.server);
            co_await when_all(secure_client(e.client), peer.handshake());
            auto const talk = [](engine_peer& p, std::string_view all) -> task<void> {
                for (std::size_t at = 0; at < all.size(); at += 5000)
                {
                    p.ask_for_new_keys();
                    co_await p.send(all.substr(at, 5000));
                    auto const heard = co_await p.receive(std::min<std::size_t>(5000, all.size() - at));
                    CHECK(heard == all.substr(at, 5000));
                }
            };
            auto const all = co_await when_all(talk(peer, text), say(e.client, text),
                                               receive(e.client, text.size(), 3000));
            CHECK(std::get<2>(all) == text);
        });
    }
}

TEST_CASE("a write in the middle of a split message of the peer is sent when the rest has come")
{
    run_over(carrier::memory, false, [](ends& e) -> task<void> {
        auto const  ex = e.client.get_executor();
        engine_peer peer(e.server);
        co_await when_all(secure_client(e.client), peer.handshake());
        co_await peer.begin_split();
        auto const reading = start(ex, receive(e.client, 2));
        co_await settle();
        auto const before = e.client.counters().bytes_written;
        co_await say(e.client, "kept");
        CHECK(e.client.counters().bytes_written == before); // TLS cannot encrypt now
        CHECK_FALSE(e.client.certainly_unsent());
        co_await peer.end_split();
        auto const text = co_await peer.receive(4);
        CHECK(text == "kept");
        CHECK_FALSE(reading->done);
        co_await peer.send("z");
        co_await until_done(reading);
        CHECK_FALSE(reading->code);
    });
}

namespace {

/// A read that is sending what a write has left to it, and cannot get on.
task<std::shared_ptr<beside>> blocked_reader(ends& e, engine_peer& peer, std::size_t most)
{
    auto const ex = e.client.get_executor();
    co_await when_all(secure_client(e.client), peer.handshake());
    co_await peer.begin_split();
    auto const reading = start(ex, receive(e.client, 2));
    co_await settle();
    co_await say(e.client, "kept ");
    limits slow;
    slow.max_write = most;
    e.near->limit(slow);
    e.up->capacity = most == 1 ? e.up->data.size() + 1 : 0; // nothing can leave, or one byte
    co_await peer.end_split();
    co_await settle();
    CHECK_FALSE(reading->done);
    co_return reading;
}

} // namespace

TEST_CASE("a write waits for a read that is writing")
{
    for (std::size_t const most : {any, std::size_t{1}})
    {
        run_over(carrier::memory, false, [most](ends& e) -> task<void> {
            engine_peer peer(e.server);
            auto const  reading = co_await blocked_reader(e, peer, most);
            auto const  writing = start(e.client.get_executor(), say(e.client, "and after"));
            co_await settle();
            CHECK_FALSE(reading->done);
            CHECK_FALSE(writing->done);
            e.up->capacity = 100000;
            e.up->notify();
            auto const text = co_await peer.receive(14);
            CHECK(text == "kept and after");
            co_await until_done(writing);
            CHECK_FALSE(writing->code);
            CHECK_FALSE(reading->done);
            co_await peer.send("z");
            co_await until_done(reading);
            CHECK_FALSE(reading->code);
        });
    }
}

TEST_CASE("a write that waits for a read is ended by the limit, by close() and by cancellation")
{
    for (int how = 0; how != 3; ++how)
    {
        CAPTURE(how);
        run_over(carrier::memory, false, [how](ends& e) -> task<void> {
            engine_peer               peer(e.server);
            auto const                reading = co_await blocked_reader(e, peer, any);
            asio::cancellation_signal stop;
            std::error_code           code;
            bool                      done    = false;
            auto const                writing = [](net::stream& s, std::error_code& c) -> task<void> {
                c = co_await code_of(say(s, "never"));
            };
            auto const note = [&done](std::exception_ptr) { done = true; };
            posthorn::spawn(e.client.get_executor(), writing(e.client, code),
                            asio::bind_cancellation_slot(stop.slot(), note));
            co_await settle();
            REQUIRE_FALSE(done);
            if (how == 0)
                e.client.expires_at(soon());
            else if (how == 1)
                e.client.close();
            else
                stop.emit(asio::cancellation_type::terminal);
            while (!done)
                co_await support::sleep_for(1ms);
            CHECK(e.client.certainly_unsent());
            if (how == 0)
                CHECK(code == errc::timeout);
            else if (how == 1)
                CHECK(code == errc::closed);
            else
                CHECK(code == condition::canceled);
            e.client.close();
            co_await until_done(reading);
            CHECK(reading->code == (how == 0 ? errc::timeout : errc::closed));
        });
    }
}

TEST_CASE("data is handed out before the read tries to send anything")
{
    run_over(carrier::memory, false, [](ends& e) -> task<void> {
        auto const  ex = e.client.get_executor();
        engine_peer peer(e.server);
        co_await when_all(secure_client(e.client), peer.handshake());
        co_await peer.begin_split();
        std::string room(10, '\0');
        auto const  reading = start(ex, e.client.read_some(room));
        co_await settle();
        co_await say(e.client, "kept");
        limits broken;
        broken.fail_write = 1;
        e.near->limit(broken);
        co_await peer.end_split();
        co_await until_done(reading);
        CHECK_FALSE(reading->code);
        CHECK(room.front() == 'y');
        std::error_code const code = co_await code_of(receive(e.client, 1));
        CHECK(code == std::errc::connection_reset);
        std::error_code const written = co_await code_of(say(e.client, "x"));
        CHECK(written == errc::bad_sequence); // half a record may be out
        CHECK(e.client.certainly_unsent());
    });
}

// ---- idle connections

TEST_CASE("peek() tells quiet, data and end apart, and takes nothing away")
{
    for (carrier const c : {carrier::tcp, carrier::local})
    {
        for (bool const tls : {false, true})
        {
            run_over(c, tls, [](ends& e) -> task<void> {
                for (int i = 0; i != 5; ++i)
                    CHECK(e.client.peek() == idle_state::quiet); // session tickets are no data
                co_await say(e.server, "421 bye\r\n");
                while (e.client.peek() == idle_state::quiet)
                    co_await support::sleep_for(1ms);
                CHECK(e.client.peek() == idle_state::data);
                CHECK(e.client.peek() == idle_state::data);
                auto const text = co_await receive(e.client, 9);
                CHECK(text == "421 bye\r\n");
                CHECK(e.client.peek() == idle_state::quiet);
                co_await e.server.shutdown();
                while (e.client.peek() == idle_state::quiet)
                    co_await support::sleep_for(1ms);
                CHECK(e.client.peek() == idle_state::ended);
                e.client.close();
                CHECK(e.client.peek() == idle_state::ended);
            });
        }
        run_over(c, true, [](ends& e) -> task<void> {
            e.server.close(); // without close_notify
            while (e.client.peek() == idle_state::quiet)
                co_await support::sleep_for(1ms);
            CHECK(e.client.peek() == idle_state::ended);
        });
    }
}

TEST_CASE("peek() sees nothing behind a transport of the caller's, but its end")
{
    for (bool const tls : {false, true})
    {
        run_over(carrier::memory, tls, [](ends& e) -> task<void> {
            co_await say(e.server, "x");
            CHECK(e.client.peek() == idle_state::quiet);
            e.client.close();
            CHECK(e.client.peek() == idle_state::ended);
        });
    }
    run_over(carrier::memory, true, [](ends& e) -> task<void> {
        co_await say(e.server, "xy");
        auto const x = co_await receive(e.client, 1);
        CHECK(x == "x");
        CHECK(e.client.peek() == idle_state::data); // it has arrived already
        auto const y = co_await receive(e.client, 1);
        CHECK(y == "y");
    });
}

TEST_CASE("session tickets and key updates that came while idle are answered by the next write")
{
    run([](asio::any_io_executor ex) -> task<void> {
        ends        e(ex, carrier::tcp);
        engine_peer peer(e.server);
        co_await when_all(secure_client(e.client), peer.handshake());
        peer.ask_for_new_keys();
        std::error_code ec;
        REQUIRE(SSL_do_handshake(peer.engine().native_handle()) == 1); // puts the update out, without data
        co_await peer.flush();
        for (int i = 0; i != 20; ++i)
        {
            CHECK(e.client.peek() == idle_state::quiet);
            co_await support::sleep_for(1ms);
        }
        co_await say(e.client, "NOOP\r\n");
        auto const text = co_await peer.receive(6);
        CHECK(text == "NOOP\r\n");
    });
}

// ---- limits of time

TEST_CASE("a read that waits too long ends with a timeout that names the peer")
{
    run_everywhere([](ends& e) -> task<void> {
        e.client.expires_at(soon());
        auto const error = co_await error_of(receive(e.client, 1));
        CHECK(error.code() == errc::timeout);
        CHECK(error.code() == condition::timeout);
        CHECK(error.context().peer == "the server");
        std::error_code const again = co_await code_of(receive(e.client, 1));
        CHECK(again == errc::timeout); // until it is moved
        e.client.expires_at(soon(patience));
        co_await say(e.server, "late");
        auto const text = co_await receive(e.client, 4);
        CHECK(text == "late");
    });
}

TEST_CASE("a write that waits too long ends with a timeout, and the peer has not got all of it")
{
    auto const text = bytes(30'000'000);
    run_everywhere([&](ends& e) -> task<void> {
        e.client.expires_at(soon());
        auto const error = co_await error_of(say(e.client, text));
        CHECK(error.code() == errc::timeout);
        CHECK(error.context().peer == "the server");
        bool const tls = e.client.is_secure();
        if (e.up == nullptr)
            CHECK(e.client.certainly_unsent()); // of a socket it is known how much it took
        e.client.close();
        std::size_t total = 0;
        std::string room(65536, '\0');
        for (;;)
        {
            std::size_t n = 0;
            try
            {
                n = co_await e.server.read_some(room);
            }
            catch (std::system_error const&)
            {
                CHECK(tls); // truncated
            }
            if (n == 0)
                break;
            total += n;
        }
        CHECK(total < text.size());
    });
}

TEST_CASE("one limit ends both directions")
{
    auto const text = bytes(30'000'000);
    run_everywhere([&](ends& e) -> task<void> {
        e.client.expires_at(soon());
        auto const all = co_await when_all(code_of(say(e.client, text)), code_of(receive(e.client, 1)));
        CHECK(std::get<0>(all) == errc::timeout);
        CHECK(std::get<1>(all) == errc::timeout);
    });
}

TEST_CASE("a limit is moved while an operation waits, to later and to sooner")
{
    run_everywhere([](ends& e) -> task<void> {
        auto const ex = e.client.get_executor();
        e.client.expires_at(soon(20ms));
        auto const first = start(ex, receive(e.client, 4));
        co_await support::hop();
        e.client.expires_at(soon(patience));
        co_await support::sleep_for(60ms);
        CHECK_FALSE(first->done);
        co_await say(e.server, "okay");
        co_await until_done(first);
        CHECK_FALSE(first->code);

        auto const second = start(ex, receive(e.client, 4));
        co_await support::hop();
        e.client.expires_at(soon());
        co_await until_done(second);
        CHECK(second->code == errc::timeout);
    });
}

TEST_CASE("an operation that a limit has stopped says so even if the limit was moved before it could")
{
    auto const text = bytes(30'000'000);
    run_everywhere([&](ends& e) -> task<void> {
        auto const moving = [](net::stream& s) -> task<std::error_code> {
            std::error_code const code = co_await code_of(receive(s, 1));
            s.expires_at(soon(patience));
            co_return code;
        };
        e.client.expires_at(soon());
        auto const all = co_await when_all(moving(e.client), code_of(say(e.client, text)));
        CHECK(std::get<0>(all) == errc::timeout);
        CHECK(std::get<1>(all) == errc::timeout);
    });
}

TEST_CASE("a limit that has passed while nothing waited stops the next operation, unless it is removed")
{
    run_everywhere([](ends& e) -> task<void> {
        e.client.expires_at(soon(-1s));
        co_await settle();
        std::error_code const read = co_await code_of(receive(e.client, 1));
        CHECK(read == errc::timeout);
        std::error_code const written = co_await code_of(say(e.client, "x"));
        CHECK(written == errc::timeout);
        CHECK(e.client.certainly_unsent());
        e.client.expires_never();
        co_await say(e.client, "x");
        auto const text = co_await receive(e.server, 1);
        CHECK(text == "x");
    });
}

TEST_CASE("a limit that was removed or closed leaves no work behind")
{
    for (carrier const c : carriers)
    {
        asio::io_context io(1);
        ends             e(io.get_executor(), c);
        e.client.expires_at(soon(1h));
        e.server.expires_at(soon(1h));
        e.client.expires_never();
        e.server.close();
        e.server.expires_at(soon(1h)); // a closed one has no limit
        auto const begin = net::clock::now();
        io.run();
        CHECK(net::clock::now() - begin < 30min);
        CHECK(e.client.is_open());
    }
}

// ---- close() and cancellation

TEST_CASE("close() ends the operations that wait with closed")
{
    auto const text = bytes(30'000'000);
    run_everywhere([&](ends& e) -> task<void> {
        auto const ex      = e.client.get_executor();
        auto const reading = start(ex, receive(e.client, 1));
        auto const writing = start(ex, say(e.client, text));
        co_await settle();
        CHECK_FALSE(reading->done);
        CHECK_FALSE(writing->done);
        e.client.close();
        CHECK_FALSE(e.client.is_open());
        co_await until_done(reading);
        co_await until_done(writing);
        CHECK(reading->code == errc::closed);
        CHECK(writing->code == errc::closed);
        std::error_code const read = co_await code_of(receive(e.client, 1));
        CHECK(read == errc::closed);
        auto const error = co_await error_of(say(e.client, "x"));
        CHECK(error.code() == errc::closed);
        CHECK(error.context().peer == "the server");
        CHECK(e.client.certainly_unsent());
        e.client.close();
    });
}

TEST_CASE("a cancelled task ends as cancelled, and what was not touched goes on")
{
    run_everywhere([](ends& e) -> task<void> {
        auto const                ex = e.client.get_executor();
        asio::cancellation_signal stop;
        std::error_code           code;
        bool                      done    = false;
        auto const                reading = [](net::stream& s, std::error_code& c) -> task<void> {
            c = co_await code_of(receive(s, 1));
        };
        auto const note = [&done](std::exception_ptr) { done = true; };
        posthorn::spawn(ex, reading(e.client, code),
                        asio::bind_cancellation_slot(stop.slot(), note));
        co_await settle();
        REQUIRE_FALSE(done);
        stop.emit(asio::cancellation_type::terminal);
        while (!done)
            co_await support::sleep_for(1ms);
        CHECK(code == condition::canceled);
        CHECK(e.client.is_open());
        co_await say(e.server, "on");
        auto const text = co_await receive(e.client, 2);
        CHECK(text == "on");
        co_await say(e.client, "and on");
        auto const more = co_await receive(e.server, 6);
        CHECK(more == "and on");
    });
}

TEST_CASE("who never has to wait lets others run all the same")
{
    constexpr int enough = 1000;
    for (carrier const c : {carrier::tcp, carrier::local})
        for (bool const tls : {false, true})
        {
            run_over(c, tls, [](ends& e) -> task<void> {
                auto const other = start(e.client.get_executor(), support::hop());
                int        n     = 0;
                for (; n != enough && !other->done; ++n)
                    co_await say(e.client, "x");
                CHECK(n < enough / 10);
            });
            run_over(c, tls, [](ends& e) -> task<void> {
                e.client.expires_at(soon(-1s));
                std::error_code code;
                int             n = 0;
                for (; n != enough && !code; ++n)
                    code = co_await code_of(say(e.client, "x"));
                CHECK(n < enough / 10);
                CHECK(code == errc::timeout);
                CHECK(e.client.certainly_unsent());
            });
            run_over(c, tls, [](ends& e) -> task<void> {
                asio::cancellation_signal stop;
                std::error_code           code;
                int                       n       = 0;
                bool                      done    = false;
                auto const                writing = [](net::stream& s, std::error_code& ec, int& i) -> task<void> {
                    for (; i != enough && !ec; ++i)
                        ec = co_await code_of(say(s, "x"));
                };
                auto const ex = e.client.get_executor();
                posthorn::spawn(ex, writing(e.client, code, n),
                                asio::bind_cancellation_slot(stop.slot(), [&done](std::exception_ptr) { done = true; }));
                asio::post(ex, [&stop] { stop.emit(asio::cancellation_type::terminal); });
                while (!done)
                    co_await support::sleep_for(1ms);
                CHECK(n < enough / 10);
                CHECK(code == condition::canceled);
            });
        }
    for (carrier const c : {carrier::tcp, carrier::local})
        run_over(c, false, [](ends& e) -> task<void> {
            std::string const text(enough + 1, 'x');
            co_await say(e.server, text);
            auto const first = co_await receive(e.client, 1);
            CHECK(first.size() == 1);
            auto const other = start(e.client.get_executor(), support::hop());
            int        n     = 0;
            for (; n != enough && !other->done; ++n)
                std::ignore = co_await receive(e.client, 1);
            CHECK(n < enough / 10);
        });
}

TEST_CASE("after a write under TLS was cut nothing more is written, neither by a write nor by an answer")
{
    auto const text = bytes(60000);
    run([&](asio::any_io_executor ex) -> task<void> {
        ends        e(ex, carrier::memory);
        engine_peer peer(e.server);
        co_await when_all(secure_client(e.client), peer.handshake());
        std::size_t const before = e.up->total;
        e.up->capacity           = 1000;
        e.client.expires_at(soon());
        std::error_code const code = co_await code_of(say(e.client, text));
        CHECK(code == errc::timeout);
        e.client.expires_at(soon(patience));
        e.up->capacity = 1'000'000;
        peer.ask_for_new_keys();
        co_await peer.send("one");
        auto const one = co_await receive(e.client, 3);
        CHECK(one == "one");
        auto const reading = start(ex, receive(e.client, 3));
        co_await settle();
        std::error_code const again = co_await code_of(say(e.client, "again"));
        CHECK(again == errc::bad_sequence);
        CHECK(e.client.certainly_unsent());
        co_await peer.send("two");
        co_await until_done(reading);
        CHECK_FALSE(reading->code);
        co_await e.client.shutdown();
        CHECK(e.up->total == before + 1000);
    });
}

// ---- certainly_unsent()

TEST_CASE("certainly_unsent() is never said of what the peer has got, in the clear")
{
    std::string const                                text = bytes(300);
    std::string_view const                           t    = text;
    std::vector<std::vector<std::string_view>> const sets = {
        {t}, {t.substr(0, 1)}, {t.substr(0, 100), t.substr(100, 1)}, {t, "", ""}, {"", t.substr(0, 10), ""},
        {t.substr(0, 7), t.substr(7, 5), "", t.substr(12, 9), ""}};
    std::size_t failures = 0;
    std::size_t certain  = 0;
    for (auto const& pieces : sets)
    {
        std::size_t total = 0;
        std::size_t last  = 0; // where the last piece that is not empty begins
        for (auto const& p : pieces)
        {
            if (!p.empty())
                last = total;
            total += p.size();
        }
        for (std::size_t const most : {std::size_t{1}, std::size_t{4}, any})
            for (std::size_t const moves : {std::size_t{0}, std::size_t{1}, any})
                for (std::size_t n = 1;; ++n)
                {
                    bool failed = false;
                    run([&](asio::any_io_executor ex) -> task<void> {
                        ends   e(ex, carrier::memory);
                        limits l;
                        l.max_write  = most;
                        l.fail_write = n;
                        l.moves      = moves;
                        e.near->limit(l);
                        std::error_code const code = co_await code_of(e.client.write(pieces));
                        failed                     = static_cast<bool>(code);
                        bool const got_all         = e.up->total == total;
                        if (failed)
                        {
                            CHECK(code == std::errc::connection_reset);
                            CHECK_FALSE((e.client.certainly_unsent() && got_all));
                            // The failing write was not the one of the last piece.
                            if (e.client.counters().bytes_written < last)
                                CHECK(e.client.certainly_unsent());
                            certain += e.client.certainly_unsent() ? 1U : 0U;
                        }
                        else
                        {
                            CHECK(got_all);
                            CHECK_FALSE(e.client.certainly_unsent());
                        }
                    });
                    if (!failed)
                        break;
                    ++failures;
                }
    }
    CHECK(failures > 100);
    CHECK(certain > 20);
}

TEST_CASE("certainly_unsent() is never said of what the peer has got, under TLS")
{
    auto const  text    = bytes(150'000);
    std::size_t certain = 0;
    for (std::size_t const size : {1U, 16384U, 20000U, 65536U, 150000U})
        for (std::size_t const most : {std::size_t{5000}, any})
            for (std::size_t const moves : {std::size_t{0}, std::size_t{4000}, any})
                for (std::size_t n = 1;; n += n > 3 && size > 20000 ? 5 : 1)
                {
                    CAPTURE(size);
                    CAPTURE(most);
                    CAPTURE(moves);
                    CAPTURE(n);
                    bool failed = false;
                    run([&](asio::any_io_executor ex) -> task<void> {
                        ends        e(ex, carrier::memory);
                        engine_peer peer(e.server);
                        co_await when_all(secure_client(e.client), peer.handshake());
                        limits l;
                        l.max_write  = most;
                        l.fail_write = n;
                        l.moves      = moves;
                        e.near->limit(l);
                        e.up->capacity = 1'000'000;
                        std::array const pieces = {std::string_view(text).substr(0, size / 2),
                                                   std::string_view(text).substr(size / 2, size - size / 2)};
                        std::error_code const code = co_await code_of(e.client.write(pieces));
                        failed                     = static_cast<bool>(code);
                        std::size_t const got      = peer.drain(e.up->data);
                        CHECK(got <= size);
                        if (failed)
                        {
                            CHECK_FALSE((e.client.certainly_unsent() && got == size));
                            certain += e.client.certainly_unsent() ? 1U : 0U;
                        }
                        else
                            CHECK(got == size);
                    });
                    if (!failed)
                        break;
                }
    CHECK(certain > 5);
}

TEST_CASE("certainly_unsent() holds when a reset cuts the write of a socket")
{
    auto const text = bytes(20'000'000);
    for (bool const tls : {false, true})
    {
        for (std::size_t const heard : {1U, 10000U, 1'000'000U})
        {
            run([&](asio::any_io_executor ex) -> task<void> {
                tcp_ends    pair(ex);
                net::stream client(std::move(pair.client), "the server");
                // A second stream on the same connection, so that the first can be reset.
                tcp::socket twin(ex, tcp::v4(), ::dup(pair.server.native_handle()));
                net::stream server(std::move(pair.server), "the client");
                client.expires_at(soon(patience));
                server.expires_at(soon(patience));
                if (tls)
                    co_await when_all(secure_client(client), secure_server(server));
                auto const cut = [](net::stream& s, tcp::socket& t, std::size_t size) -> task<std::size_t> {
                    auto const got = co_await receive(s, size);
                    t.set_option(asio::socket_base::linger(true, 0));
                    s.close();
                    t.close();
                    co_return got.size();
                };
                auto const all = co_await when_all(code_of(say(client, text)), cut(server, twin, heard));
                CHECK(std::get<0>(all));
                CHECK(std::get<1>(all) == heard);
                CHECK(client.certainly_unsent());
            });
        }
    }
}

TEST_CASE("a failing read of a transport is reported as it is, with the peer")
{
    for (bool const tls : {false, true})
    {
        run_over(carrier::memory, tls, [](ends& e) -> task<void> {
            limits l;
            l.fail_read = 1;
            e.near->limit(l);
            auto const error = co_await error_of(receive(e.client, 1));
            CHECK(error.code() == std::errc::connection_reset);
            CHECK(error.context().peer == "the server");
        });
    }
}

// ---- failing handshakes

namespace {

task<std::error_code> shake(net::stream& s, net::tls_context c, tls_role role, std::string host)
{
    auto                  tls  = s.start_tls(std::move(c), role, std::move(host), std::string());
    std::error_code const code = co_await code_of(std::move(tls));
    if (code)
        s.close();
    else if (role == tls_role::server)
    {
        std::error_code const end = co_await code_of(receive(s, 1)); // the client's alert may come after
        co_return end;
    }
    co_return code;
}

} // namespace

TEST_CASE("an untrusted or wrong certificate fails on both ends, with the reason")
{
    for (carrier const c : carriers)
    {
        run([&](asio::any_io_executor ex) -> task<void> {
            posthorn::testing::certificate_authority const other;
            net::tls_settings                              settings;
            settings.ca_pem = other.pem();
            ends                   e(ex, c);
            net::tls_context const distrustful(settings);
            std::string const      host = "mail.example.test";
            std::string const      none;
            auto const all = co_await when_all(shake(e.client, distrustful, tls_role::client, host),
                                               shake(e.server, server_context(), tls_role::server, none));
            CHECK(std::get<0>(all) == tls_errc::untrusted);
            CHECK(std::get<1>(all) == tls_errc::alert_received);
        });
        run([&](asio::any_io_executor ex) -> task<void> {
            ends              e(ex, c);
            std::string const host = "other.example.test";
            auto const        server = start(ex, secure_server(e.server));
            auto const        error  = co_await error_of(
                e.client.start_tls(client_context(), tls_role::client, host, std::string()));
            CHECK(error.code() == tls_errc::host_name_mismatch);
            CHECK(error.code() == condition::tls);
            CHECK(error.context().peer == "the server");
            CHECK(contains(error.what(), "mail.example.test"));
            CHECK_FALSE(e.client.is_secure());
            e.client.close();
            co_await until_done(server);
        });
    }
}

TEST_CASE("a peer without TLS is recognised")
{
    for (carrier const c : carriers)
    {
        run_over(c, false, [](ends& e) -> task<void> {
            co_await say(e.server, "220 mail.example.test ESMTP\r\n");
            auto const error = co_await error_of(secure_client(e.client));
            CHECK(error.code() == tls_errc::not_tls);
            CHECK(contains(error.what(), "220 mail.example.test ESMTP"));
            CHECK(error.context().peer == "the server");
            std::error_code const code = co_await code_of(receive(e.client, 1));
            CHECK(code == tls_errc::not_tls); // there is no way back to the clear
        });
    }
}

TEST_CASE("a handshake obeys the limit, close() and cancellation")
{
    for (carrier const c : carriers)
    {
        run_over(c, false, [](ends& e) -> task<void> {
            e.client.expires_at(soon());
            auto const error = co_await error_of(secure_client(e.client));
            CHECK(error.code() == errc::timeout);
            CHECK(error.context().peer == "the server");
            CHECK_FALSE(e.client.is_secure());
        });
        run_over(c, false, [](ends& e) -> task<void> {
            auto const shaking = start(e.client.get_executor(), secure_client(e.client));
            co_await settle();
            e.client.close();
            co_await until_done(shaking);
            CHECK(shaking->code == errc::closed);
        });
        run_over(c, false, [](ends& e) -> task<void> {
            asio::cancellation_signal stop;
            std::error_code           code;
            bool                      done    = false;
            auto const                shaking = [](net::stream& s, std::error_code& found) -> task<void> {
                found = co_await code_of(secure_client(s));
            };
            auto const note = [&done](std::exception_ptr) { done = true; };
            posthorn::spawn(e.client.get_executor(), shaking(e.client, code),
                            asio::bind_cancellation_slot(stop.slot(), note));
            co_await settle();
            REQUIRE_FALSE(done);
            stop.emit(asio::cancellation_type::terminal);
            while (!done)
                co_await support::sleep_for(1ms);
            CHECK(code == condition::canceled);
            CHECK_FALSE(e.client.is_secure());
        });
    }
}

TEST_CASE("a handshake fails if the connection ends after any of its bytes")
{
    for (bool const to_client : {true, false})
    {
        std::size_t whole = 0;
        for (std::size_t most = 0; whole == 0; ++most)
        {
            CAPTURE(most);
            CAPTURE(to_client);
            run([&](asio::any_io_executor ex) -> task<void> {
                ends        e(ex, carrier::memory);
                lane&       short_one = to_client ? *e.down : *e.up;
                short_one.most        = most;
                short_one.ended       = most == 0;
                std::string const host = "mail.example.test";
                std::string const none;
                auto const        client = start(
                    ex, shake(e.client, client_context(), tls_role::client, host));
                auto const        server = start(
                    ex, shake(e.server, server_context(), tls_role::server, none));
                net::stream&      hears  = to_client ? e.client : e.server;
                auto const&       ending = to_client ? client : server;
                co_await until_done(ending);
                if (hears.is_secure())
                    whole = most;
                else if (to_client)
                    CHECK_FALSE(e.client.is_open()); // it has failed
                e.client.close();
                e.server.close();
                co_await until_done(client);
                co_await until_done(server);
            });
            REQUIRE(most < 5000);
        }
        CHECK(whole > 100);
    }
}

// ---- objects

TEST_CASE("a stream without connection is closed")
{
    run([](asio::any_io_executor) -> task<void> {
        net::stream s;
        CHECK_FALSE(s.is_open());
        CHECK_FALSE(s.is_secure());
        CHECK(s.peer().empty());
        CHECK(s.local_address().empty());
        CHECK(s.peek() == idle_state::ended);
        CHECK(s.counters().reads == 0);
        CHECK(s.certainly_unsent());
        s.expires_at(soon());
        s.expires_never();
        s.close();
        co_await s.shutdown();
        std::error_code const read = co_await code_of(receive(s, 1));
        CHECK(read == errc::closed);
        std::error_code const written = co_await code_of(say(s, "x"));
        CHECK(written == errc::closed);
        auto const            secured = [](net::stream& t) -> task<void> { co_await secure_client(t); };
        std::error_code const shaken  = co_await code_of(secured(s));
        CHECK(shaken == errc::closed);
    });
}

TEST_CASE("a stream knows its own address and its peer's name")
{
    run([](asio::any_io_executor ex) -> task<void> {
        ends const e(ex, carrier::tcp);
        CHECK(e.client.local_address() == "127.0.0.1");
        CHECK(e.client.peer() == "the server");
        ends const l(ex, carrier::local);
        CHECK(l.client.local_address().empty());
        ends const m(ex, carrier::memory);
        CHECK(m.client.peer() == "the server");
        CHECK(m.client.get_executor() == ex);
        co_return;
    });
}

TEST_CASE("a stream is moved while its operations wait")
{
    auto const text = bytes(10'000'000);
    run_everywhere([&](ends& e) -> task<void> {
        auto const                            ex = e.client.get_executor();
        std::string                           room(100, '\0');
        std::array<std::string_view, 1> const pieces  = {text};
        auto const                            reading = start(ex, e.client.read_some(room));
        auto const                            writing = start(ex, e.client.write(pieces));
        co_await settle();
        CHECK_FALSE(reading->done);
        CHECK_FALSE(writing->done);
        net::stream other = std::move(e.client);
        net::stream third;
        third = std::move(other);
        CHECK_FALSE(other.is_open()); // NOLINT: that is what a moved one is
        CHECK(third.peer() == "the server");
        CHECK(third.is_secure() == e.server.is_secure());
        auto const heard = co_await receive(e.server, text.size());
        CHECK(heard == text);
        co_await say(e.server, "hello");
        co_await until_done(reading);
        co_await until_done(writing);
        CHECK_FALSE(reading->code);
        CHECK_FALSE(writing->code);
        CHECK(room.substr(0, 5) == "hello");
        auto const waiting = start(ex, receive(third, 1));
        co_await settle();
        third.expires_at(soon());
        co_await until_done(waiting);
        CHECK(waiting->code == errc::timeout);
    });
}

TEST_CASE("an event loop may be destroyed at any step of a conversation")
{
    for (carrier const c : carriers)
    {
        for (bool const tls : {false, true})
        {
            CAPTURE(static_cast<int>(c));
            CAPTURE(tls);
            bool       done  = false;
            auto const whole = [](carrier k, bool secured, bool& ended) -> task<void> {
                auto const ex = co_await posthorn::this_coro::executor;
                ends       e(ex, k);
                if (e.up)
                    e.up->capacity = 700;
                co_await secure_if(e, secured);
                std::string const text = bytes(3000);
                bool              same = false;
                co_await when_all(send_and_hear(e.client, text, 1000, same), echo(e.server, 1000));
                CHECK(same);
                ended = true;
            };
            std::size_t const steps = support::destroy_after_each_step(
                [&](asio::io_context& io) {
                    done = false;
                    posthorn::spawn(io, whole(c, tls, done), [](std::exception_ptr e) { CHECK_FALSE(e); });
                },
                [&](std::size_t, bool complete) { CHECK((!complete || done)); });
            CHECK(steps > 3);
        }
    }
}

TEST_SUITE_END();
