//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A fast SMTP server that throws mail away after it has compared every octet with what it expects: one thread, epoll.
//
//   sink --file MESSAGE [--port P] [--address A] [--tls none|implicit|starttls --cert FILE --key FILE] [--user U --pass P]
//        [--pipelining 0|1] [--chunking 0|1] [--size 0|1] [--eightbit 0|1] [--codes 0|1] [--tickets 0|1]
//        [--verify whole|body] [--refuse N] [--spin 0|1]
//
// It prints `listening PORT`, and `{"accepted", "wrong", "refused", "connections", "resumed"}` at SIGTERM, as it does in its
// reply to HELP. A message that is not the expected one is refused with 554. --verify body: header sections may differ, for
// clients that write their own. --refuse N: every Nth message is refused with 550. --spin 1: never sleeps
// while there are connections, so that clients need not pay for waking another core.

#include "support/arguments.hpp"
#include "support/content.hpp"
#include "support/verifier.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

volatile std::sig_atomic_t stopped    = 0;
volatile std::sig_atomic_t stopped_by = 0; ///< A process.

struct options
{
    std::string   tls;
    std::string   user;
    std::string   password;
    bool          pipelining = true;
    bool          chunking   = true;
    bool          size       = true;
    bool          eight_bit  = true;
    bool          codes      = true; ///< ENHANCEDSTATUSCODES
    bool          body_only  = false;
    bool          spin       = false;
    std::uint64_t refuse     = 0;
};

struct counters
{
    std::uint64_t accepted    = 0;
    std::uint64_t wrong       = 0;
    std::uint64_t refused     = 0;
    std::uint64_t connections = 0;
    std::uint64_t resumed     = 0;

    std::string json() const
    {
        return "{\"accepted\": " + std::to_string(accepted) + ", \"wrong\": " + std::to_string(wrong) +
               ", \"refused\": " + std::to_string(refused) + ", \"connections\": " + std::to_string(connections) +
               ", \"resumed\": " + std::to_string(resumed) + "}";
    }
};

enum class mode : unsigned char
{
    handshake,
    command,
    auth,
    data,
    chunk,
    closing
};

struct connection
{
    connection(int f, support::content const& expected, bool body_only) : fd(f), body(expected, body_only) {}

    int           fd;
    SSL*          tls = nullptr;
    mode          now = mode::command;
    std::string   line; ///< The beginning of a command that is not complete.
    std::string   out;
    std::size_t   chunk_left    = 0;
    bool          chunk_last    = false;
    bool          chunk_wanted  = false; ///< Else it is swallowed.
    bool          sender        = false;
    bool          recipient     = false;
    bool          content_begun = false;
    bool          start_tls     = false;
    bool          waits_to_write = false;
    bool          shuts_down    = false;
    support::verifier body;
};

class server
{
public:
    server(options o, support::content const& expected, SSL_CTX* tls)
        : options_(std::move(o)), expected_(&expected), tls_(tls), buffer_(std::size_t(256) * 1024)
    {
        poll_ = epoll_create1(EPOLL_CLOEXEC);
        if (poll_ < 0)
            throw std::runtime_error("epoll_create1 failed");
    }

    int listen(std::string const& address, std::uint16_t port)
    {
        listener_     = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int const one = 1;
        setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        sockaddr_in where {};
        where.sin_family = AF_INET;
        where.sin_port   = htons(port);
        if (inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1)
            throw std::runtime_error("not an IPv4 address: " + address);
        if (bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0 || ::listen(listener_, 4096) != 0)
            throw std::runtime_error("cannot listen: " + std::string(std::strerror(errno)));
        socklen_t size = sizeof where;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
        watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
        return ntohs(where.sin_port);
    }

    void run()
    {
        std::array<epoll_event, 512> events {};
        while (stopped == 0)
        {
            int const timeout = options_.spin && open_ != 0 ? 0 : -1;
            int const n       = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), timeout);
            for (int i = 0; i < n; ++i)
            {
                auto const& e = events[static_cast<std::size_t>(i)];
                if (e.data.fd == listener_)
                    accept_all();
                else if (auto* const c = connections_[static_cast<std::size_t>(e.data.fd)].get())
                    serve(*c, e.events);
            }
        }
    }

    counters const& seen() const noexcept { return seen_; }

private:
    void watch(int fd, std::uint32_t what, int how) const
    {
        epoll_event e {};
        e.events  = what;
        e.data.fd = fd;
        epoll_ctl(poll_, how, fd, &e);
    }

    void accept_all()
    {
        for (;;)
        {
            int const fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0)
                return;
            int const one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            if (connections_.size() <= static_cast<std::size_t>(fd))
                connections_.resize(static_cast<std::size_t>(fd) + 1);
            auto& c = connections_[static_cast<std::size_t>(fd)];
            c       = std::make_unique<connection>(fd, *expected_, options_.body_only);
            ++seen_.connections;
            ++open_;
            watch(fd, EPOLLIN, EPOLL_CTL_ADD);
            if (options_.tls == "implicit")
                begin_tls(*c);
            else
                greet(*c);
        }
    }

    void greet(connection& c)
    {
        c.out += "220 sink.example ESMTP\r\n";
        flush(c);
    }

    void begin_tls(connection& c)
    {
        c.tls = SSL_new(tls_);
        SSL_set_fd(c.tls, c.fd);
        SSL_set_accept_state(c.tls);
        c.now = mode::handshake;
    }

    void end(connection& c)
    {
        if (c.tls != nullptr)
            SSL_free(c.tls);
        --open_;
        int const fd = c.fd;
        connections_[static_cast<std::size_t>(fd)].reset();
        close(fd);
    }

    void serve(connection& c, std::uint32_t events)
    {
        if ((events & EPOLLOUT) != 0 && !flush(c))
            return end(c);
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
            return;
        if (c.now == mode::handshake && !shake_hands(c))
            return;
        bool ended = false;
        bool more  = true;
        while (more && !ended)
        {
            auto const n = c.tls != nullptr ? receive_tls(c, more, ended) : receive(c, more, ended);
            if (n == 0)
                break;
            consume(c, std::string_view(buffer_.data(), n));
            if (!flush(c))
                ended = true;
            if (c.start_tls)
            {
                c.start_tls = false;
                c.line.clear();
                begin_tls(c);
                more = false;
            }
        }
        if (ended || (c.now == mode::closing && c.out.empty()))
            finish(c, ended);
    }

    static void tell_if_cut(connection const& c)
    {
        if (c.now == mode::data || c.now == mode::chunk)
            std::fprintf(stderr, "sink: a connection ended in the middle of a message: %s\n", std::strerror(errno));
    }

    void finish(connection& c, bool ended)
    {
        tell_if_cut(c);
        if (c.tls != nullptr && !ended)
            SSL_shutdown(c.tls);
        end(c);
    }

    /// @return Whether it is done.
    bool shake_hands(connection& c)
    {
        int const done = SSL_accept(c.tls);
        if (done == 1)
        {
            c.now = mode::command;
            if (SSL_session_reused(c.tls) == 1)
                ++seen_.resumed;
            if (options_.tls == "implicit")
                greet(c);
            return true;
        }
        int const why = SSL_get_error(c.tls, done);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            end(c);
        return false;
    }

    std::size_t receive(connection& c, bool& more, bool& ended)
    {
        auto const n = recv(c.fd, buffer_.data(), buffer_.size(), 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            ended = true;
        more = n == static_cast<ssize_t>(buffer_.size());
        return n > 0 ? static_cast<std::size_t>(n) : 0;
    }

    std::size_t receive_tls(connection& c, bool& more, bool& ended)
    {
        std::size_t got = 0;
        while (buffer_.size() - got >= 16384)
        {
            int const n = SSL_read(c.tls, buffer_.data() + got, static_cast<int>(buffer_.size() - got));
            if (n <= 0)
            {
                int const why = SSL_get_error(c.tls, n);
                ended         = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
                more          = false;
                return got;
            }
            got += static_cast<std::size_t>(n);
        }
        return got;
    }

    /// @return false if the connection is gone.
    bool flush(connection& c)
    {
        while (!c.out.empty())
        {
            ssize_t n = 0;
            if (c.tls != nullptr && c.now != mode::handshake)
            {
                n = SSL_write(c.tls, c.out.data(), static_cast<int>(c.out.size()));
                if (n <= 0)
                {
                    int const why = SSL_get_error(c.tls, static_cast<int>(n));
                    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
                        return false;
                    break;
                }
            }
            else
            {
                n = send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
                if (n < 0 && errno != EAGAIN)
                    return false;
                if (n < 0)
                    break;
            }
            c.out.erase(0, static_cast<std::size_t>(n));
        }
        if (c.out.empty() == c.waits_to_write)
        {
            c.waits_to_write = !c.out.empty();
            watch(c.fd, c.waits_to_write ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
        }
        return true;
    }

    // What arrived ------------------------------------------------------------------------------------------

    void consume(connection& c, std::string_view bytes)
    {
        while (!bytes.empty() && c.now != mode::closing && !c.start_tls)
        {
            if (c.now == mode::data)
            {
                bool end = false;
                bytes.remove_prefix(c.body.data(bytes, end));
                if (end)
                {
                    c.now = mode::command;
                    judge(c);
                }
            }
            else if (c.now == mode::chunk)
            {
                auto const piece = bytes.substr(0, c.chunk_left);
                if (c.chunk_wanted)
                    c.body.chunk(piece);
                c.chunk_left -= piece.size();
                bytes.remove_prefix(piece.size());
                if (c.chunk_left == 0)
                    end_chunk(c);
            }
            else
            {
                auto const at = bytes.find('\n');
                if (at == std::string_view::npos)
                {
                    c.line += bytes;
                    if (c.line.size() > 65536)
                        c.now = mode::closing;
                    return;
                }
                if (c.line.empty())
                    obey(c, bytes.substr(0, at));
                else
                {
                    c.line += bytes.substr(0, at);
                    std::string const whole = c.line;
                    c.line.clear();
                    obey(c, whole);
                }
                bytes.remove_prefix(at + 1);
            }
        }
    }

    void judge(connection& c)
    {
        c.sender = c.recipient = c.content_begun = false;
        if (c.body.wrong())
        {
            ++seen_.wrong;
            c.out += options_.codes ? "554 5.6.0 Not the expected message\r\n" : "554 Not the expected message\r\n";
            return;
        }
        ++judged_;
        if (options_.refuse != 0 && judged_ % options_.refuse == 0)
        {
            ++seen_.refused;
            c.out += options_.codes ? "550 5.7.1 Refused\r\n" : "550 Refused\r\n";
            return;
        }
        ++seen_.accepted;
        c.out += options_.codes ? "250 2.0.0 Ok: taken\r\n" : "250 Ok: taken\r\n";
    }

    void end_chunk(connection& c)
    {
        c.now = mode::command;
        if (!c.chunk_wanted)
            c.out += options_.codes ? "503 5.5.1 No recipient\r\n" : "503 No recipient\r\n";
        else if (c.chunk_last)
        {
            c.body.last_chunk();
            judge(c);
        }
        else
            c.out += options_.codes ? "250 2.0.0 Chunk\r\n" : "250 Chunk\r\n";
    }

    void ok(connection& c, char const* code)
    {
        c.out += "250 ";
        if (options_.codes)
            c.out += code;
        c.out += "Ok\r\n";
    }

    void wrong_order(connection& c) { c.out += options_.codes ? "503 5.5.1 Bad sequence\r\n" : "503 Bad sequence\r\n"; }

    static bool is(std::string_view line, char const (&verb)[5]) noexcept
    {
        if (line.size() < 4)
            return false;
        for (std::size_t i = 0; i != 4; ++i)
            if ((line[i] & ~0x20) != verb[i])
                return false;
        return line.size() == 4 || line[4] == ' ';
    }

    /// Some clients put a space before the path.
    static bool is_path(std::string_view rest, std::string_view what) noexcept
    {
        if (!rest.starts_with(what))
            return false;
        rest.remove_prefix(what.size());
        return rest.starts_with('<') || rest.starts_with(" <");
    }

    void obey(connection& c, std::string_view line)
    {
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (c.now == mode::auth)
            return check_login(c, line);
        if (is(line, "MAIL"))
        {
            if (c.sender || !is_path(line.substr(4), " FROM:"))
                return wrong_order(c);
            c.sender = true;
            return ok(c, "2.1.0 ");
        }
        if (is(line, "RCPT"))
        {
            if (!c.sender || !is_path(line.substr(4), " TO:"))
                return wrong_order(c);
            c.recipient = true;
            return ok(c, "2.1.5 ");
        }
        if (is(line, "DATA"))
        {
            if (!c.recipient || c.content_begun)
                return wrong_order(c);
            c.body.begin();
            c.now = mode::data;
            c.out += "354 Go on\r\n";
            return;
        }
        if (is(line, "BDAT") && options_.chunking)
            return begin_chunk(c, line.substr(4));
        if (is(line, "RSET"))
        {
            c.sender = c.recipient = c.content_begun = false;
            return ok(c, "2.0.0 ");
        }
        if (is(line, "NOOP"))
            return ok(c, "2.0.0 ");
        if (is(line, "EHLO"))
            return introduce(c);
        if (is(line, "HELO"))
        {
            c.out += "250 sink.example\r\n";
            return;
        }
        if (is(line, "QUIT"))
        {
            c.out += options_.codes ? "221 2.0.0 Bye\r\n" : "221 Bye\r\n";
            c.now = mode::closing;
            return;
        }
        if (is(line, "HELP"))
        {
            c.out += "214 " + seen_.json() + "\r\n";
            return;
        }
        if (is(line, "STAR") || line.substr(0, 8) == "STARTTLS")
        {
            if (options_.tls != "starttls" || c.tls != nullptr)
                return wrong_order(c);
            c.out += "220 Go on\r\n";
            c.start_tls = true;
            return;
        }
        if (is(line, "AUTH") && !options_.user.empty())
        {
            if (line.substr(4, 6) != " PLAIN")
                c.out += "504 Unknown mechanism\r\n";
            else if (line.size() > 11)
                check_login(c, line.substr(11));
            else
            {
                c.out += "334 \r\n";
                c.now = mode::auth;
            }
            return;
        }
        c.out += "500 What?\r\n";
    }

    void introduce(connection& c)
    {
        c.sender = c.recipient = false;
        std::string lines = "sink.example\n";
        if (options_.pipelining)
            lines += "PIPELINING\n";
        if (options_.size)
            lines += "SIZE 1073741824\n";
        if (options_.tls == "starttls" && c.tls == nullptr)
            lines += "STARTTLS\n";
        if (!options_.user.empty())
            lines += "AUTH PLAIN\n";
        if (options_.codes)
            lines += "ENHANCEDSTATUSCODES\n";
        if (options_.chunking)
            lines += "CHUNKING\n";
        if (options_.eight_bit)
            lines += "8BITMIME\n";
        std::size_t begin = 0;
        while (begin != lines.size())
        {
            auto const end = lines.find('\n', begin);
            c.out += end + 1 == lines.size() ? "250 " : "250-";
            c.out.append(lines, begin, end - begin);
            c.out += "\r\n";
            begin = end + 1;
        }
    }

    void begin_chunk(connection& c, std::string_view rest)
    {
        std::size_t n = 0;
        while (rest.starts_with(' '))
            rest.remove_prefix(1);
        auto const read = std::from_chars(rest.data(), rest.data() + rest.size(), n);
        if (read.ec != std::errc())
        {
            c.out += "501 No size\r\n";
            c.now = mode::closing; // where the next command begins cannot be known
            return;
        }
        rest           = std::string_view(read.ptr, static_cast<std::size_t>(rest.data() + rest.size() - read.ptr));
        c.chunk_last   = rest.ends_with("LAST") || rest.ends_with("last");
        c.chunk_wanted = c.recipient;
        c.chunk_left   = n;
        if (c.chunk_wanted && !c.content_begun)
        {
            c.content_begun = true;
            c.body.begin();
        }
        c.now = mode::chunk;
        if (n == 0)
            end_chunk(c);
    }

    void check_login(connection& c, std::string_view base64)
    {
        c.now = mode::command;
        std::string const        text(base64);
        std::vector<unsigned char> plain(text.size() + 4);
        int const                n      = EVP_DecodeBlock(plain.data(), reinterpret_cast<unsigned char const*>(text.data()),
                                                          static_cast<int>(text.size()));
        std::string              wanted = '\0' + options_.user + '\0' + options_.password;
        std::string              given(plain.begin(), plain.begin() + std::max(n, 0));
        while (n > 0 && given.ends_with('\0')) // the padding
            given.pop_back();
        if (given.ends_with(wanted))
            c.out += options_.codes ? "235 2.7.0 Welcome\r\n" : "235 Welcome\r\n";
        else
            c.out += options_.codes ? "535 5.7.8 No\r\n" : "535 No\r\n";
    }

    options                                  options_;
    support::content const*                  expected_;
    SSL_CTX*                                 tls_;
    std::vector<char>                        buffer_;
    std::vector<std::unique_ptr<connection>> connections_; ///< By descriptor.
    counters                                 seen_;
    std::uint64_t                            judged_   = 0;
    std::size_t                              open_     = 0; ///< Connections.
    int                                      poll_     = -1;
    int                                      listener_ = -1;
};

SSL_CTX* make_context(support::arguments& given, bool tickets)
{
    SSL_CTX* const    context     = SSL_CTX_new(TLS_server_method());
    std::string const certificate = given.required("cert");
    std::string const key         = given.required("key");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_id_context(context, reinterpret_cast<unsigned char const*>("sink"), 4);
    if (!tickets)
        SSL_CTX_set_num_tickets(context, 0);
    if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
        throw std::runtime_error("cannot use the certificate or the key");
    return context;
}

int run(int argc, char** argv)
{
    support::arguments given(argc, argv);
    options            o;
    o.tls        = given.text("tls", "none");
    o.user       = given.text("user", "");
    o.password   = given.text("pass", "");
    o.pipelining = given.flag("pipelining", true);
    o.chunking   = given.flag("chunking", true);
    o.size       = given.flag("size", true);
    o.eight_bit  = given.flag("eightbit", true);
    o.codes      = given.flag("codes", true);
    o.spin       = given.flag("spin", false);
    o.refuse     = given.number("refuse", 0);
    if (auto const verify = given.text("verify", "whole"); verify == "body")
        o.body_only = true;
    else if (verify != "whole")
        throw std::runtime_error("--verify is whole or body");
    if (o.tls != "none" && o.tls != "implicit" && o.tls != "starttls")
        throw std::runtime_error("--tls is none, implicit or starttls");
    bool const             tickets = given.flag("tickets", true);
    auto const             port    = static_cast<std::uint16_t>(given.number("port", 0));
    auto const             address = given.text("address", "127.0.0.1");
    support::content const expected(given.required("file"));
    SSL_CTX* const         tls = o.tls == "none" ? nullptr : make_context(given, tickets);
    given.finish();

    struct sigaction act {};
    act.sa_flags     = SA_SIGINFO;
    act.sa_sigaction = [](int, siginfo_t* why, void*) {
        stopped    = 1;
        stopped_by = why->si_pid;
    };
    sigaction(SIGTERM, &act, nullptr);
    sigaction(SIGINT, &act, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    rlimit most {};
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);

    server all(o, expected, tls);
    std::printf("listening %d\n", all.listen(address, port));
    std::fflush(stdout);
    all.run();
    std::printf("%s\n", all.seen().json().c_str());
    if (stopped_by != getppid())
        std::fprintf(stderr, "sink: stopped by process %d\n", static_cast<int>(stopped_by));
    SSL_CTX_free(tls);
    return 0;
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
        std::fprintf(stderr, "sink: %s\n", e.what());
        return 1;
    }
}
