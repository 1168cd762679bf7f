//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// libcurl: the multi interface by curl_multi_socket_action() and epoll, one thread. Connections are used again by its cache.

#include "driver.hpp"

#include <curl/curl.h>

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

class load;

/// One connection's share.
struct transfer
{
    load*       owner = nullptr;
    CURL*       easy  = nullptr;
    std::size_t left  = 0;
    std::size_t at    = 0; ///< In the message.
    std::FILE*  file  = nullptr;
};

class load
{
public:
    explicit load(driver::plan const& p)
        : plan_(&p), text_(p.stream ? std::string() : support::read_file(p.file)), transfers_(p.conns)
    {
        poll_  = epoll_create1(EPOLL_CLOEXEC);
        multi_ = curl_multi_init();
        to_    = curl_slist_append(nullptr, "<sink@example.net>");
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &load::on_socket);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &load::on_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(p.conns + 1));
    }
    load(load const&)            = delete;
    load& operator=(load const&) = delete;
    ~load()
    {
        for (auto& t : transfers_)
        {
            curl_easy_cleanup(t.easy);
            if (t.file != nullptr)
                std::fclose(t.file);
        }
        curl_multi_cleanup(multi_);
        curl_slist_free_all(to_);
        close(poll_);
    }

    std::size_t run()
    {
        for (std::size_t i = 0; i != transfers_.size(); ++i)
            begin(transfers_[i], plan_->share(i));
        int                           running = 0;
        std::array<epoll_event, 256> events {};
        curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
        while (active_ != 0)
        {
            int const n = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), static_cast<int>(timeout_));
            if (n == 0)
            {
                timeout_ = -1;
                curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
            }
            for (int i = 0; i < n; ++i)
            {
                auto const& e    = events[static_cast<std::size_t>(i)];
                int const   what = ((e.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                                 ((e.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                                 ((e.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
                curl_multi_socket_action(multi_, e.data.fd, what, &running);
            }
            collect();
        }
        return accepted_;
    }

private:
    void begin(transfer& t, std::size_t n)
    {
        t.owner = this;
        t.left  = n;
        if (n == 0)
            return;
        if (plan_->stream)
            t.file = std::fopen(plan_->file.c_str(), "rb");
        t.easy         = curl_easy_init();
        auto const url = (plan_->tls == "implicit" ? "smtps://" : "smtp://") + plan_->host + ":" + std::to_string(plan_->port) +
                         "/load.example.org";
        curl_easy_setopt(t.easy, CURLOPT_URL, url.c_str());
        curl_easy_setopt(t.easy, CURLOPT_MAIL_FROM, "<load@example.org>");
        curl_easy_setopt(t.easy, CURLOPT_MAIL_RCPT, to_);
        curl_easy_setopt(t.easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(t.easy, CURLOPT_READFUNCTION, &load::on_read);
        curl_easy_setopt(t.easy, CURLOPT_READDATA, &t);
        curl_easy_setopt(t.easy, CURLOPT_PRIVATE, &t);
        curl_easy_setopt(t.easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(t.easy, CURLOPT_FORBID_REUSE, plan_->reuse ? 0L : 1L);
        if (plan_->tls == "starttls")
            curl_easy_setopt(t.easy, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
        if (!plan_->ca.empty())
            curl_easy_setopt(t.easy, CURLOPT_CAINFO, plan_->ca.c_str());
        if (plan_->auth)
        {
            curl_easy_setopt(t.easy, CURLOPT_USERNAME, plan_->user.c_str());
            curl_easy_setopt(t.easy, CURLOPT_PASSWORD, plan_->pass.c_str());
            curl_easy_setopt(t.easy, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN");
        }
        ++active_;
        add(t);
    }

    void add(transfer& t)
    {
        t.at = 0;
        if (t.file != nullptr)
            std::rewind(t.file);
        curl_multi_add_handle(multi_, t.easy);
    }

    void collect()
    {
        int left = 0;
        while (auto* const m = curl_multi_info_read(multi_, &left))
        {
            if (m->msg != CURLMSG_DONE)
                continue;
            transfer* t = nullptr;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
            if (m->data.result == CURLE_OK)
                ++accepted_;
            else
                std::fprintf(stderr, "libcurl: %s\n", curl_easy_strerror(m->data.result));
            curl_multi_remove_handle(multi_, t->easy);
            if (--t->left != 0)
                add(*t);
            else
                --active_;
        }
    }

    static std::size_t on_read(char* to, std::size_t size, std::size_t n, void* arg)
    {
        auto* const t = static_cast<transfer*>(arg);
        if (t->file != nullptr)
            return std::fread(to, 1, size * n, t->file);
        auto const& text  = t->owner->text_;
        auto const  piece = std::min(size * n, text.size() - t->at);
        std::memcpy(to, text.data() + t->at, piece);
        t->at += piece;
        return piece;
    }

    static int on_socket(CURL*, curl_socket_t fd, int what, void* arg, void* known)
    {
        auto* const self = static_cast<load*>(arg);
        epoll_event e {};
        e.data.fd = fd;
        if (what == CURL_POLL_REMOVE)
            return epoll_ctl(self->poll_, EPOLL_CTL_DEL, fd, &e) * 0;
        e.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
        epoll_ctl(self->poll_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e);
        if (known == nullptr)
            curl_multi_assign(self->multi_, fd, self);
        return 0;
    }

    static int on_timer(CURLM*, long ms, void* arg)
    {
        static_cast<load*>(arg)->timeout_ = ms;
        return 0;
    }

    driver::plan const*   plan_;
    std::string           text_;
    std::vector<transfer> transfers_;
    CURLM*                multi_    = nullptr;
    curl_slist*           to_       = nullptr;
    long                  timeout_  = 0;
    std::size_t           active_   = 0;
    std::size_t           accepted_ = 0;
    int                   poll_     = -1;
};

} // namespace

int main(int argc, char** argv)
{
    driver::plan const p(argc, argv);
    support::raise_file_limit();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    std::size_t      accepted = 0;
    support::figures cost;
    {
        load all(p);
        cost.start();
        accepted = all.run();
        cost.stop();
    }
    cost.print(p.n, {});
    curl_global_cleanup();
    return accepted == p.n ? 0 : 1;
}
