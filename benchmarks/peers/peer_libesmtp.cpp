//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// libesmtp: a session for each connection, in a thread of its own. As shipped it leaves Nagle's algorithm on, which stalls it for
// 40 ms a message; here that is off, by a function that stands before the C library's.

#include "driver.hpp"

#include <openssl/ssl.h> // before libesmtp.h, which declares more then

#include <auth-client.h>
#include <libesmtp.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

extern "C" int socket(int domain, int type, int protocol) noexcept
{
    auto const fd  = static_cast<int>(syscall(SYS_socket, domain, type, protocol));
    int const  one = 1;
    if (fd >= 0 && (domain == AF_INET || domain == AF_INET6))
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

namespace {

/// Where reading a message stands.
struct reading
{
    std::string const* text = nullptr;
    std::string const* path = nullptr; ///< Of a message that is read while it is sent.
    std::FILE*         file = nullptr;
    bool               done = false;
    std::string        block;
};

/// Called with a null length to start, then until it gives nothing.
char const* next_block(void** state, int* size, void* arg)
{
    auto* const r = static_cast<reading*>(arg);
    *state        = nullptr; // which the library would free
    if (size == nullptr)
    {
        r->done = false;
        if (r->path == nullptr)
            return nullptr;
        if (r->file == nullptr)
            r->file = std::fopen(r->path->c_str(), "rb");
        std::rewind(r->file);
        r->block.resize(std::size_t(64) * 1024);
        return nullptr;
    }
    if (r->path != nullptr)
    {
        *size = static_cast<int>(std::fread(r->block.data(), 1, r->block.size(), r->file));
        return *size == 0 ? nullptr : r->block.data();
    }
    *size = r->done ? 0 : static_cast<int>(r->text->size());
    if (r->done)
        return nullptr;
    r->done = true;
    return r->text->data();
}

int answer(auth_client_request_t request, char** result, int fields, void* arg)
{
    auto* const p = static_cast<driver::plan*>(arg);
    for (int i = 0; i != fields; ++i)
        result[i] = (request[i].flags & AUTH_PASS) != 0   ? p->pass.data()
                    : (request[i].flags & AUTH_USER) != 0 ? p->user.data()
                                                          : nullptr;
    return 1;
}

/** Asked whether to go on. The certificate is for an address, which the library does not look for there; that the chain is right
    is checked by OpenSSL. */
void on_event(smtp_session_t, int number, void* arg, ...)
{
    if (number != SMTP_EV_WRONG_PEER_CERTIFICATE)
        return;
    std::va_list more;
    va_start(more, arg);
    *va_arg(more, int*) = 1;
    va_end(more);
}

class session
{
public:
    session(driver::plan const& p, std::string const& text, SSL_CTX* tls, std::size_t n)
        : session_(smtp_create_session()), login_(auth_create_context())
    {
        reading_.text = &text;
        if (p.stream)
            reading_.path = &p.file;
        auto const server = p.host + ":" + std::to_string(p.port);
        smtp_set_server(session_, server.c_str());
        smtp_set_hostname(session_, "load.example.org");
        smtp_set_eventcb(session_, on_event, nullptr);
        if (p.tls == "starttls")
        {
            smtp_starttls_enable(session_, Starttls_REQUIRED);
            smtp_starttls_set_ctx(session_, tls);
        }
        if (p.auth)
        {
            auth_set_mechanism_flags(login_, AUTH_PLUGIN_PLAIN, 0);
            auth_set_interact_cb(login_, answer, const_cast<driver::plan*>(&p));
            smtp_auth_set_context(session_, login_);
        }
        messages_.reserve(n);
        for (std::size_t i = 0; i != n; ++i)
        {
            auto* const m = smtp_add_message(session_);
            smtp_set_reverse_path(m, p.from);
            smtp_set_messagecb(m, next_block, &reading_);
            smtp_add_recipient(m, p.to);
            messages_.push_back(m);
        }
    }
    session(session const&)            = delete;
    session& operator=(session const&) = delete;
    ~session()
    {
        smtp_destroy_session(session_);
        auth_destroy_context(login_);
        if (reading_.file != nullptr)
            std::fclose(reading_.file);
    }

    /// @return How many were accepted.
    std::size_t run()
    {
        if (smtp_start_session(session_) == 0)
        {
            char text[256] {};
            smtp_strerror(smtp_errno(), text, sizeof text);
            throw std::runtime_error(std::string("libesmtp: ") + text);
        }
        return static_cast<std::size_t>(std::count_if(messages_.begin(), messages_.end(), [](smtp_message_t m) {
            auto const* const status = smtp_message_transfer_status(m);
            return status != nullptr && status->code / 100 == 2;
        }));
    }

private:
    smtp_session_t              session_;
    auth_context_t              login_;
    reading                     reading_;
    std::vector<smtp_message_t> messages_;
};

} // namespace

int main(int argc, char** argv)
{
    driver::plan const p(argc, argv);
    std::string const  text = p.stream ? std::string() : support::read_file(p.file);
    std::signal(SIGPIPE, SIG_IGN);
    auth_client_init();
    SSL_CTX* tls = nullptr;
    if (p.tls == "implicit")
    {
        std::fprintf(stderr, "only --tls none and starttls\n");
        return 2;
    }
    if (p.tls == "starttls")
    {
        tls = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
        if (SSL_CTX_load_verify_locations(tls, p.ca.c_str(), nullptr) != 1)
            return 2;
    }
    return driver::run_threads(p, [&](std::size_t n) {
        std::size_t accepted = 0;
        if (p.reuse)
            return session(p, text, tls, n).run();
        for (std::size_t i = 0; i != n; ++i)
            accepted += session(p, text, tls, 1).run();
        return accepted;
    });
}
