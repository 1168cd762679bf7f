//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The AUTH command (RFC 4954): carries the octets of SASL mechanisms, and decides which failure ends the login.

#ifndef POSTHORN_SMTP_DETAIL_LOGIN_HPP
#define POSTHORN_SMTP_DETAIL_LOGIN_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/coro/offload.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>
#include <posthorn/sasl/select.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/command.hpp>
#include <posthorn/smtp/detail/conversation.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/verb.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace posthorn::smtp::detail {

/// What a negative reply to AUTH says.
constexpr errc auth_refusal(int code) noexcept
{
    switch (code)
    {
    case 530:
    case 538: return errc::auth_needs_tls;
    case 534: return errc::auth_too_weak;
    case 500:
    case 501:
    case 502:
    case 503:
    case 504: return errc::auth_unavailable;
    default: return code >= 500 ? errc::auth_failed : errc::auth_temporary;
    }
}

/// Is it the mechanism that failed, and not the credentials or the server?
inline bool worth_another_mechanism(std::error_code code) noexcept
{
    // Not after sasl::errc::server_not_verified: whoever that is must not get the password by another mechanism.
    if (code == sasl::errc::server_not_verified || code == sasl::errc::refused)
        return false;
    return code == errc::auth_too_weak || code == errc::auth_needs_tls || code == errc::auth_unavailable ||
           code == errc::bad_challenge || code.category() == sasl::category();
}

/// One login on one conversation. Must outlive its tasks.
class login
{
public:
    explicit login(conversation& c) noexcept : c_(&c) {}

    /// Tries the mechanisms that sasl::choose() gives in turn. @return The one that succeeded.
    task<std::string> run(std::vector<std::string> offered, sasl::credentials who, sasl::selection how)
    {
        auto candidates = choose(offered, who, how);
        std::optional<session_error> last;
        for (auto& candidate : candidates)
        {
            auto failure = co_await attempt(*candidate);
            if (!failure)
            {
                std::string name(candidate->name());
                c_->emit(events::authenticated {name});
                co_return name;
            }
            last.emplace(std::move(*failure));
            if (!worth_another_mechanism(last->code()))
                break;
        }
        throw *last;
    }

private:
    std::vector<std::unique_ptr<sasl::mechanism>> choose(std::vector<std::string> const& offered,
                                                         sasl::credentials const& who, sasl::selection const& how) const
    {
        try
        {
            return sasl::choose(offered, who, how);
        }
        catch (posthorn::error const& e)
        {
            throw c_->make_error(errc::auth_unavailable, phase::auth, "AUTH", nullptr, e.context().detail,
                                 e.context().hint);
        }
    }

    /// One run of a mechanism. @return Nothing if the server accepts it.
    task<std::optional<session_error>> attempt(sasl::mechanism& m)
    {
        std::string const operation = "AUTH " + std::string(m.name());
        auto              failure   = co_await open(m, operation);
        if (failure)
            co_return failure;
        co_await c_->exchange(phase::auth, verb::auth);
        while (c_->last.intermediate())
        {
            failure = co_await answer(m, operation);
            co_await c_->exchange(phase::auth, verb::auth_response);
            if (!failure)
                continue;
            if (!c_->last.negative()) // it does not take a cancelled login for what it is
                c_->fail(errc::unexpected_code, phase::auth, operation);
            if (!c_->is_open())
                c_->refuse(errc::service_unavailable, phase::auth, operation);
            co_return failure;
        }
        if (c_->last.code() == 421)
            c_->refuse(errc::service_unavailable, phase::auth, operation);
        if (!c_->last.positive())
            failure.emplace(c_->make_error(auth_refusal(c_->last.code()), phase::auth, operation, &c_->last,
                                           m.problem().empty() ? std::string() : "before that: " + std::string(m.problem())));
        else if (!m.satisfied())
            c_->fail(sasl::errc::server_not_verified, phase::auth, operation);
        co_return failure;
    }

    /// Puts the AUTH command into the output.
    task<std::optional<session_error>> open(sasl::mechanism& m, std::string const& operation)
    {
        std::optional<secret_string> initial;
        auto                         work    = [&m] { return m.initial_response(); };
        auto                         failure = co_await compute(m, std::move(work), initial, operation);
        if (!failure)
            failure = guarded(operation, [&] {
                command_writer  w(c_->out);
                std::error_code ec = initial ? w.auth(m.name(), initial->view()) : w.auth(m.name());
                if (ec == errc::line_too_long) // RFC 4954, 4: then it follows the first, empty challenge
                    ec = w.auth(m.name());
                c_->spelled(ec, w, phase::auth);
            });
        co_return failure;
    }

    /// Puts the response to the challenge into the output; `*` if there is none.
    task<std::optional<session_error>> answer(sasl::mechanism& m, std::string const& operation)
    {
        secret_string challenge, response;
        auto          failure = guarded(operation, [&] {
            // "334", "334 " and "334 =" are all an empty challenge.
            auto const text = c_->last.line_count() != 0 ? ascii::trim(c_->last.line(0).raw) : std::string_view();
            if (!text.empty() && text != "=" && !codec::base64_decode(text, challenge))
                throw c_->make_error(errc::bad_challenge, phase::auth, operation);
        });
        auto work = [&m, given = std::move(challenge)] { return m.respond(given.view()); };
        if (!failure)
            failure = co_await compute(m, std::move(work), response, operation);
        if (!failure)
            failure = guarded(operation, [&] {
                command_writer w(c_->out);
                c_->spelled(w.auth_response(response.view()), w, phase::auth);
            });
        if (failure)
        {
            command_writer w(c_->out);
            c_->spelled(w.auth_cancel(), w, phase::auth);
        }
        co_return failure;
    }

    /// What takes long is computed on another thread. It is waited for, since it uses the mechanism.
    template <class F>
    task<std::optional<session_error>> compute(sasl::mechanism& m, F work, std::invoke_result_t<F&>& result,
                                               std::string const& operation)
    {
        std::exception_ptr failed;
        try
        {
            if (m.expensive())
                result = co_await offload(std::move(work));
            else
                result = work();
        }
        catch (...)
        {
            failed = std::current_exception();
        }
        std::optional<session_error> failure;
        if (failed)
            failure = guarded(operation, [&] { std::rethrow_exception(failed); });
        co_return failure;
    }

    /// A mechanism's refusal to go on as a failure of the login.
    template <class F>
    std::optional<session_error> guarded(std::string const& operation, F&& f)
    {
        try
        {
            f();
        }
        catch (session_error const& e)
        {
            return e;
        }
        catch (posthorn::error const& e)
        {
            return c_->make_error(e.code(), phase::auth, operation, nullptr, e.context().detail, e.context().hint);
        }
        return std::nullopt;
    }

    conversation* c_;
};

} // namespace posthorn::smtp::detail

#endif
