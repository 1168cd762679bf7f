//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What handing over mail costs at least: raw epoll, buffers made beforehand, replies only counted. No library can be faster with
// the same flights.
//
//   floor --port P --n N --file MESSAGE [--host A] [--conns C] [--shape classic|pipe|pipex|bdat1|bdat]
//         [--tls none|implicit --ca FILE] [--auth 0|1 --user U --pass P] [--reuse 0|1] [--resume 0|1] [--stream 0|1]
//         [--hold 0|1]
//
// classic: a command at a time, 4 round trips. pipe: MAIL, RCPT and DATA together, then the content; 2. pipex: the content of a
// message with the envelope of the next; 1. bdat1: a message by BDAT in one write; 1. bdat: whole transactions back to back.
// --stream 1: bdat1 out of the file, in blocks. The line of JSON is that of smtp_load.

#include "support/arguments.hpp"
#include "support/content.hpp"
#include "support/figures.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

enum class shape : unsigned char
{
    classic,
    pipe,
    pipex,
    bdat1,
    bdat
};

shape shape_of(std::string const& name)
{
    if (name == "classic")
        return shape::classic;
    if (name == "pipe")
        return shape::pipe;
    if (name == "pipex")
        return shape::pipex;
    if (name == "bdat1")
        return shape::bdat1;
    if (name == "bdat")
        return shape::bdat;
    throw std::runtime_error("--shape is classic, pipe, pipex, bdat1 or bdat");
}

struct plan
{
    std::size_t n     = 0;
    std::size_t conns = 1;
    shape       how   = shape::pipex;
    bool        reuse = true;
    bool        resume = true;
    bool        stream = false;
    bool        hold   = false;
    sockaddr_in to {};
    std::string host;
    std::string file;
    std::string login; ///< The AUTH command; empty for none.
};

/// What is written, made once.
struct texts
{
    std::string mail = "MAIL FROM:<load@example.org>\r\n";
    std::string rcpt = "RCPT TO:<sink@example.net>\r\n";
    std::string data = "DATA\r\n";
    std::string envelope;     ///< The three together.
    std::string content;      ///< With the dot.
    std::string exchange;     ///< Content, and the next envelope.
    std::string chunk_head;   ///< MAIL, RCPT, BDAT.
    std::string transactions; ///< By BDAT, back to back.
    std::size_t transaction = 0; ///< Size of one of them.
    std::size_t batch       = 1; ///< How many.
};

texts make_texts(plan const& p)
{
    texts       t;
    std::size_t size = 0;
    std::string plain;
    t.envelope = t.mail + t.rcpt + t.data;
    if (p.stream)
    {
        struct stat facts {};
        if (stat(p.file.c_str(), &facts) != 0)
            throw std::runtime_error("cannot read " + p.file);
        size = static_cast<std::size_t>(facts.st_size);
    }
    else
    {
        support::content const c(p.file);
        plain = c.plain;
        size  = plain.size();
        if (p.how != shape::bdat && p.how != shape::bdat1)
            t.content = c.wire;
    }
    if (p.how == shape::pipex)
        t.exchange = t.content + t.envelope;
    t.chunk_head = t.mail + t.rcpt + "BDAT " + std::to_string(size) + " LAST\r\n";
    if (!p.stream && (p.how == shape::bdat || p.how == shape::bdat1))
    {
        auto const one = t.chunk_head + plain;
        t.transaction  = one.size();
        if (p.how == shape::bdat)
            t.batch = std::clamp<std::size_t>(std::size_t(256) * 1024 / one.size(), 1, 64);
        for (std::size_t i = 0; i != t.batch; ++i)
            t.transactions += one;
    }
    return t;
}

enum class stage : unsigned char
{
    greeting,
    handshake,
    hello,
    login,
    ready,
    mail,
    quit
};

struct connection
{
    int               fd = -1;
    SSL*              tls = nullptr;
    std::size_t       share     = 0; ///< Messages that have not begun.
    std::size_t       on_way    = 0; ///< Of a burst.
    std::size_t       replies   = 0; ///< Still to come.
    std::string_view  out;
    std::size_t       column = 0; ///< In a line of a reply.
    int               file   = -1;
    std::vector<char> block;
    stage             now  = stage::greeting;
    unsigned char     step = 0;
    bool              final_line = false;
};

class client
{
public:
    client(plan const& p, texts const& t, SSL_CTX* tls) : plan_(&p), texts_(&t), tls_(tls), all_(p.conns)
    {
        poll_ = epoll_create1(EPOLL_CLOEXEC);
        if (tls_ != nullptr)
        {
            SSL_CTX_set_app_data(tls_, this);
            SSL_CTX_sess_set_new_cb(tls_, [](SSL* s, SSL_SESSION* session) {
                static_cast<client*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(s)))->keep(session);
                return 1;
            });
        }
    }
    client(client const&)            = delete;
    client& operator=(client const&) = delete;
    ~client()
    {
        for (auto* const s : sessions_)
            SSL_SESSION_free(s);
        close(poll_);
    }

    void run()
    {
        before_ = support::resident_kib();
        cost_.start();
        for (std::size_t i = 0; i != all_.size(); ++i)
        {
            all_[i].share = plan_->n / plan_->conns + (i < plan_->n % plan_->conns ? 1 : 0);
            if (all_[i].share == 0 && !plan_->hold)
                continue;
            ++used_;
            open(all_[i]);
        }
        std::array<epoll_event, 512> events {};
        while (running_ != 0)
        {
            int const n = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < n; ++i)
            {
                auto const& e = events[static_cast<std::size_t>(i)];
                serve(*static_cast<connection*>(e.data.ptr), e.events);
            }
        }
        cost_.print(plan_->n, session_kib_);
    }

private:
    void keep(SSL_SESSION* session)
    {
        sessions_.push_back(session);
        if (sessions_.size() > 256)
        {
            SSL_SESSION_free(sessions_.front());
            sessions_.erase(sessions_.begin());
        }
    }

    void open(connection& c)
    {
        ++running_;
        c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (c.fd < 0)
            throw std::runtime_error("no more sockets");
        int const one = 1;
        setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(c.fd, reinterpret_cast<sockaddr const*>(&plan_->to), sizeof plan_->to) != 0 && errno != EINPROGRESS)
            throw std::runtime_error("cannot connect");
        c.now     = stage::greeting;
        c.replies = 1;
        c.step    = 0;
        if (tls_ != nullptr)
        {
            c.tls = SSL_new(tls_);
            SSL_set_fd(c.tls, c.fd);
            SSL_set_connect_state(c.tls);
            expect_address(c.tls);
            if (plan_->resume && !sessions_.empty())
            {
                SSL_set_session(c.tls, sessions_.back());
                SSL_SESSION_free(sessions_.back());
                sessions_.pop_back();
            }
            c.now = stage::handshake;
        }
        epoll_event e {};
        e.events   = EPOLLIN | EPOLLOUT | EPOLLET;
        e.data.ptr = &c;
        epoll_ctl(poll_, EPOLL_CTL_ADD, c.fd, &e);
    }

    void expect_address(SSL* s) const
    {
        auto* const check = SSL_get0_param(s);
        if (X509_VERIFY_PARAM_set1_ip_asc(check, plan_->host.c_str()) != 1)
            throw std::runtime_error("--host must be an address");
    }

    void serve(connection& c, std::uint32_t events)
    {
        if ((events & EPOLLERR) != 0)
            throw std::runtime_error("a connection failed");
        if (c.now == stage::handshake)
        {
            int const done = SSL_connect(c.tls);
            if (done != 1)
            {
                int const why = SSL_get_error(c.tls, done);
                if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
                    throw std::runtime_error("the handshake failed");
                return;
            }
            c.now = stage::greeting;
        }
        if (!c.out.empty() || c.file >= 0)
            write(c);
        if ((events & EPOLLIN) != 0)
            receive(c);
    }

    void receive(connection& c)
    {
        for (;;)
        {
            ssize_t n = 0;
            if (c.tls != nullptr)
            {
                n = SSL_read(c.tls, buffer_.data(), static_cast<int>(buffer_.size()));
                if (n <= 0 && SSL_get_error(c.tls, static_cast<int>(n)) == SSL_ERROR_WANT_READ)
                    return;
            }
            else
            {
                n = recv(c.fd, buffer_.data(), buffer_.size(), 0);
                if (n < 0 && errno == EAGAIN)
                    return;
            }
            if (n <= 0)
                throw std::runtime_error("the server has closed the connection");
            count(c, std::string_view(buffer_.data(), static_cast<std::size_t>(n)));
            bool const enough = c.tls == nullptr && n != static_cast<ssize_t>(buffer_.size());
            while (c.replies == 0 && c.fd >= 0 && c.now != stage::ready)
                go_on(c);
            if (c.fd < 0 || enough || (c.tls != nullptr && SSL_has_pending(c.tls) == 0))
                return;
        }
    }

    /// Whole replies. What they say only matters if it is a refusal.
    void count(connection& c, std::string_view bytes)
    {
        while (!bytes.empty())
        {
            if (c.column == 0 && bytes[0] != '2' && bytes[0] != '3')
                throw std::runtime_error("refused: " + std::string(bytes.substr(0, bytes.find('\r'))));
            if (c.column <= 3 && c.column + bytes.size() > 3)
                c.final_line = bytes[3 - c.column] == ' ';
            auto const end = bytes.find('\n');
            if (end == std::string_view::npos)
            {
                c.column += bytes.size();
                return;
            }
            c.column = 0;
            bytes.remove_prefix(end + 1);
            if (!c.final_line)
                continue;
            if (c.now == stage::mail && plan_->how == shape::bdat)
                answered(c);
            else if (c.replies == 0)
                throw std::runtime_error("a reply that nobody asked for");
            else
                --c.replies;
        }
    }

    /// A reply of a burst; every third one is for a message.
    void answered(connection& c)
    {
        if (++c.step != 3)
            return;
        c.step = 0;
        --c.on_way;
        if (c.on_way <= texts_->batch && c.share != 0 && c.out.empty())
            next_batch(c);
        if (c.on_way == 0 && c.share == 0)
            done(c);
    }

    void next_batch(connection& c)
    {
        auto const n = std::min(texts_->batch, c.share);
        c.share -= n;
        c.on_way += n;
        c.replies = 1; // never reached: answered() counts
        say(c, std::string_view(texts_->transactions).substr(0, n * texts_->transaction), 1);
    }

    void say(connection& c, std::string_view what, std::size_t replies)
    {
        c.out     = what;
        c.replies = replies;
        write(c);
    }

    void write(connection& c)
    {
        for (;;)
        {
            if (c.out.empty() && c.file >= 0)
                next_block(c);
            if (c.out.empty())
                return;
            ssize_t n = 0;
            if (c.tls != nullptr)
            {
                n = SSL_write(c.tls, c.out.data(), static_cast<int>(c.out.size()));
                if (n <= 0 && SSL_get_error(c.tls, static_cast<int>(n)) == SSL_ERROR_WANT_WRITE)
                    return;
            }
            else
            {
                n = send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
                if (n < 0 && errno == EAGAIN)
                    return;
            }
            if (n <= 0)
                throw std::runtime_error("cannot write");
            c.out.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    void next_block(connection& c)
    {
        auto const n = read(c.file, c.block.data(), c.block.size());
        if (n < 0)
            throw std::runtime_error("cannot read the message");
        c.out = std::string_view(c.block.data(), static_cast<std::size_t>(n));
        if (n == 0)
        {
            close(c.file);
            c.file = -1;
        }
    }

    void begin_stream(connection& c)
    {
        c.block.resize(std::size_t(128) * 1024);
        c.file          = ::open(plan_->file.c_str(), O_RDONLY | O_CLOEXEC);
        auto const head = texts_->chunk_head.copy(c.block.data(), c.block.size());
        auto const n    = read(c.file, c.block.data() + head, c.block.size() - head);
        if (n < 0)
            throw std::runtime_error("cannot read the message");
        say(c, std::string_view(c.block.data(), head + static_cast<std::size_t>(n)), 3);
    }

    /// All that was expected has come.
    void go_on(connection& c)
    {
        switch (c.now)
        {
        case stage::greeting:
            c.now = stage::hello;
            return say(c, "EHLO load.example.org\r\n", 1);
        case stage::hello:
            if (!plan_->login.empty())
            {
                c.now = stage::login;
                return say(c, plan_->login, 1);
            }
            return be_ready(c);
        case stage::login: return be_ready(c);
        case stage::mail: return mail(c);
        case stage::quit:
            if (c.tls != nullptr)
            {
                SSL_shutdown(c.tls);
                SSL_free(c.tls);
                c.tls = nullptr;
            }
            close(c.fd);
            c.fd = -1;
            --running_;
            if (c.share != 0)
                open(c);
            else if (running_ == 0 && !plan_->reuse)
                cost_.stop();
            return;
        case stage::handshake:
        case stage::ready: return;
        }
    }

    void be_ready(connection& c)
    {
        if (!plan_->hold)
            return begin(c);
        c.now = stage::ready;
        if (++ready_ != all_.size())
            return;
        auto const now = support::resident_kib();
        session_kib_   = static_cast<double>(now > before_ ? now - before_ : 0) / static_cast<double>(all_.size());
        for (auto& other : all_)
            begin(other);
    }

    void begin(connection& c)
    {
        c.now  = stage::mail;
        c.step = 0;
        if (c.share == 0)
            return done(c);
        if (plan_->how == shape::bdat && !plan_->stream)
            return next_batch(c);
        mail(c);
    }

    void mail(connection& c)
    {
        auto const step = c.step++;
        if (plan_->stream || plan_->how == shape::bdat1)
        {
            if (step == 1 && finished(c))
                return;
            c.step = 1;
            if (plan_->stream)
                return begin_stream(c);
            return say(c, texts_->transactions, 3);
        }
        if (plan_->how == shape::pipex)
        {
            if (step == 0)
                return say(c, texts_->envelope, 3);
            if (c.share > 1 && plan_->reuse && step != 2)
            {
                --c.share;
                c.step = 1;
                return say(c, texts_->exchange, 4);
            }
            if (step == 1)
                return say(c, texts_->content, 1);
            c.step = 0;
            finished(c);
            return;
        }
        if (plan_->how == shape::pipe)
        {
            if (step == 1)
                return say(c, texts_->content, 1);
            if (step == 2 && finished(c))
                return;
            c.step = 1;
            return say(c, texts_->envelope, 3);
        }
        switch (step)
        {
        case 1: return say(c, texts_->rcpt, 1);
        case 2: return say(c, texts_->data, 1);
        case 3: return say(c, texts_->content, 1);
        default:
            if (step == 4 && finished(c))
                return;
            c.step = 1;
            return say(c, texts_->mail, 1);
        }
    }

    /// A message is through. @return Whether nothing more is to be sent on this connection.
    bool finished(connection& c)
    {
        --c.share;
        if (c.share != 0 && plan_->reuse)
            return false;
        done(c);
        return true;
    }

    void done(connection& c)
    {
        ++through_;
        if (through_ == used_ && plan_->reuse)
            cost_.stop();
        c.now = stage::quit;
        say(c, "QUIT\r\n", 1);
    }

    plan const*                plan_;
    texts const*               texts_;
    SSL_CTX*                   tls_;
    std::vector<connection>    all_;
    std::vector<char>          buffer_ = std::vector<char>(std::size_t(64) * 1024);
    std::vector<SSL_SESSION*>  sessions_;
    support::figures           cost_;
    std::optional<double>      session_kib_;
    std::size_t                before_  = 0;
    std::size_t                ready_   = 0;
    std::size_t                running_ = 0;
    std::size_t                through_ = 0;
    std::size_t                used_    = 0;
    int                        poll_    = -1;
};

std::string login_command(std::string const& user, std::string const& password)
{
    std::string const          plain = '\0' + user + '\0' + password;
    std::vector<unsigned char> text(plain.size() * 2 + 8);
    int const                  n = EVP_EncodeBlock(text.data(), reinterpret_cast<unsigned char const*>(plain.data()),
                                                   static_cast<int>(plain.size()));
    return "AUTH PLAIN " + std::string(text.begin(), text.begin() + n) + "\r\n";
}

SSL_CTX* make_context(std::string const& ca, bool resume)
{
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, resume ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
    if (SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr) != 1)
        throw std::runtime_error("cannot read " + ca);
    return context;
}

int run(int argc, char** argv)
{
    support::arguments given(argc, argv);
    plan               p;
    p.n      = given.number("n", 1);
    p.conns  = given.number("conns", 1);
    p.how    = shape_of(given.text("shape", "pipex"));
    p.reuse  = given.flag("reuse", true);
    p.resume = given.flag("resume", true);
    p.stream = given.flag("stream", false);
    p.hold   = given.flag("hold", false);
    p.file   = given.required("file");
    p.host   = given.text("host", "127.0.0.1");
    p.to.sin_family = AF_INET;
    p.to.sin_port   = htons(static_cast<std::uint16_t>(given.number("port", 25)));
    if (inet_pton(AF_INET, p.host.c_str(), &p.to.sin_addr) != 1)
        throw std::runtime_error("--host is an IPv4 address");
    auto const user = given.text("user", "user");
    auto const pass = given.text("pass", "pass");
    if (given.flag("auth", false))
        p.login = login_command(user, pass);
    auto const tls = given.text("tls", "none");
    if (tls != "none" && tls != "implicit")
        throw std::runtime_error("--tls is none or implicit");
    auto const ca = given.text("ca", "");
    given.finish();
    if (p.conns == 0 || (!p.reuse && p.how == shape::bdat))
        throw std::runtime_error("--conns is at least 1, and bdat needs --reuse 1");

    support::raise_file_limit();
    std::signal(SIGPIPE, SIG_IGN);
    texts const    t       = make_texts(p);
    SSL_CTX* const context = tls == "none" ? nullptr : make_context(ca, p.resume);
    {
        client all(p, t, context);
        all.run();
    }
    SSL_CTX_free(context);
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
        std::fprintf(stderr, "floor: %s\n", e.what());
        return 1;
    }
}
