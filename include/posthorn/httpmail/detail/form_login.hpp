//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Logging in by the form of a login page, which gives cookies for all requests to come.

#ifndef POSTHORN_HTTPMAIL_DETAIL_FORM_LOGIN_HPP
#define POSTHORN_HTTPMAIL_DETAIL_FORM_LOGIN_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/http/client.hpp>
#include <posthorn/httpmail/login_form.hpp>
#include <posthorn/source/source.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::httpmail::detail {

/// A body that is wiped when it goes.
class secret_source final : public source
{
public:
    explicit secret_source(secret_string text) noexcept : text_(std::move(text)) {}

    task<std::string_view> next() override
    {
        std::string_view const block = given_ ? std::string_view() : text_.view();
        given_                       = true;
        co_return block;
    }
    std::optional<std::uint64_t>    size() const override { return text_.size(); }
    std::optional<std::string_view> contiguous() const override { return text_.view(); }
    bool                            rewindable() const override { return true; }
    task<void>                      rewind() override
    {
        given_ = false;
        co_return;
    }

private:
    secret_string text_;
    bool          given_ = false;
};

/** Logs in. Whether that was successful shows the next request: Exchange gives cookies for a wrong password, too.

    The password goes where Basic would be allowed, and nowhere else.
    @throws error http::errc::auth_not_allowed. */
inline task<void> log_in_by_form(http::client& web, http::url entry)
{
    auto answer = co_await web.get(entry);
    auto const page  = answer.url();
    auto const html  = co_await answer.text();
    auto const found = find_login_form(html);
    login_form form;
    if (found)
        form = *found;
    else
        form.action = "/exchweb/bin/auth/owaauth.dll"; // of Exchange 2003
    auto const to = form.action.empty() ? std::optional(page) : page.resolve(form.action);
    if (!to || !web.settings().rules.allows(to->origin(), http::auth_scheme::basic))
        throw error(http::errc::auth_not_allowed, to ? to->origin().str() : std::string("the form leads nowhere"));
    auto const&   who = web.settings().login;
    http::request r("POST", *to);
    r.body = std::make_shared<secret_source>(fill_in(form, entry.str(), who.user, who.password.view()));
    r.fields.set("Content-Type", "application/x-www-form-urlencoded");
    r.redirects = http::redirects::keep;
    auto done   = co_await web.send(std::move(r));
    co_await done.discard();
}

} // namespace posthorn::httpmail::detail

#endif
