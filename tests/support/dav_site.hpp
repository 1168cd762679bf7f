//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A WebDAV client with a login for a server on loopback, and short ways to ask it.

#ifndef POSTHORN_TESTS_SUPPORT_DAV_SITE_HPP
#define POSTHORN_TESTS_SUPPORT_DAV_SITE_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/http/client.hpp>
#include <posthorn/source/memory.hpp>

#include <support/multistatus.hpp>
#include <support/run_task.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace support {

/// How to reach a server.
struct dav_access
{
    dav_access() = default;

    std::string           root; ///< The URL of the top collection, with a slash at its end.
    std::string           user = "alice";
    std::string           password; ///< Empty: no login.
    std::filesystem::path ca;       ///< Empty: no TLS, or nobody is trusted.
};

class dav_site
{
public:
    explicit dav_site(dav_access const& a) : root_(a.root), web_(settings(a)), dav_(web_) {}

    posthorn::dav::client*  operator->() noexcept { return &dav_; }
    posthorn::http::client& web() noexcept { return web_; }

    /// @param path Below the top collection, encoded.
    posthorn::http::url url(std::string_view path = {}) const
    {
        return root_.with_target(root_.target() + std::string(path));
    }

    posthorn::task<posthorn::dav::outcome> put(std::string path, std::string content)
    {
        auto body = std::make_shared<posthorn::string_source>(std::move(content));
        co_return co_await dav_.put(url(path), std::move(body), "message/rfc822");
    }

    posthorn::task<std::string> get(posthorn::http::url from)
    {
        auto answer = co_await dav_.get(std::move(from));
        co_return co_await answer.text();
    }

    posthorn::task<posthorn::dav::outcome> set(std::string path, posthorn::xml::name name, std::string value)
    {
        posthorn::dav::property_update update;
        update.set(name, std::move(value));
        co_return co_await dav_.proppatch(url(path), std::move(update));
    }

    /// The text of one property of one resource; nothing if it has none.
    posthorn::task<std::optional<std::string>> property(std::string path, posthorn::xml::name name)
    {
        auto list =
            co_await dav_.propfind(url(path), posthorn::dav::depth::zero, posthorn::dav::property_list(name));
        auto                       one = co_await list.next();
        std::optional<std::string> text;
        if (one && one->text(name))
            text = std::string(*one->text(name));
        co_return text;
    }

    /// The last segments of what a collection lists, sorted.
    posthorn::task<std::vector<std::string>> names(std::string path, posthorn::dav::depth reach)
    {
        auto                     list = co_await dav_.propfind(url(path), reach,
                                                               posthorn::dav::property_list(posthorn::dav::names::resourcetype));
        std::vector<std::string> found;
        posthorn::dav::response  r;
        for (;;)
        {
            bool const more = co_await list.next(r);
            if (!more)
                break;
            found.emplace_back(posthorn::dav::last_segment(r.href()));
        }
        std::sort(found.begin(), found.end());
        co_return found;
    }

private:
    static posthorn::http::client_settings settings(dav_access const& a)
    {
        posthorn::http::client_settings s;
        if (!a.password.empty())
        {
            s.login.user            = a.user;
            s.login.password        = a.password;
            s.rules.origins         = {posthorn::http::url(a.root).origin()};
            s.rules.allow_plaintext = true;
        }
        if (!a.ca.empty())
            s.tls.ca_file = a.ca;
        return s;
    }

    posthorn::http::url    root_;
    posthorn::http::client web_;
    posthorn::dav::client  dav_;
};

/// Runs `body(dav_site&)` in an event loop of its own.
inline void with_dav(dav_access const& access, std::function<posthorn::task<void>(dav_site&)> body)
{
    run([&]() -> posthorn::task<void> {
        dav_site site(access);
        co_await body(site);
    });
}

} // namespace support

#endif
