//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The base of all errors: codes every floor shares, the conditions callers test for, and the exception
// that carries what was being done, with whom, and what to do about it.

#ifndef POSTHORN_CORE_ERROR_HPP
#define POSTHORN_CORE_ERROR_HPP

#include <posthorn/core/config.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace posthorn {

/// Errors that belong to no single protocol. Floors above add categories of their own.
enum class errc
{
    canceled = 1,     ///< The operation was cancelled by its caller.
    timeout,          ///< A deadline passed before the operation finished.
    invalid_argument, ///< A value given by the caller cannot be used; nothing was sent.
    bad_sequence,     ///< The operation is not allowed in the present state; nothing was sent.
    busy,             ///< Another operation is running on the same object.
    limit_exceeded,   ///< A configured bound was breached.
    closed,           ///< The object was closed or is no longer usable.
    connection_lost,  ///< The peer ended the connection while something was due.
    abandoned,        ///< The event loop dropped the operation without completing it.
    no_executor,      ///< The operation needs an executor and none is known.
    unsupported,      ///< This build or the peer lacks a feature that was asked for.
    malformed         ///< Input does not follow its grammar.
};

/** What callers ask of an error, whatever category it comes from.

    Compare an `error_code` to one of these: `if (ec == posthorn::condition::timeout)`.
*/
enum class condition
{
    canceled = 1, ///< Stopped on request: errc::canceled and the system's "operation canceled".
    timeout,      ///< Too late: errc::timeout and the system's "timed out".
    temporary,    ///< The same request may work later.
    permanent,    ///< The same request will fail again.
    tls,          ///< TLS could not be set up as required.
    protocol,     ///< The peer broke the protocol.
    unreachable,  ///< No connection could be made.
    authentication ///< The peer refused the credentials.
};

namespace detail {

class library_category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn"; }

    std::string message(int value) const override
    {
        switch (static_cast<errc>(value))
        {
        case errc::canceled: return "the operation was cancelled";
        case errc::timeout: return "the deadline passed";
        case errc::invalid_argument: return "an argument cannot be used";
        case errc::bad_sequence: return "the operation is not allowed in this state";
        case errc::busy: return "another operation is running on this object";
        case errc::limit_exceeded: return "a configured limit was exceeded";
        case errc::closed: return "the object is closed";
        case errc::connection_lost: return "the peer closed the connection";
        case errc::abandoned: return "the event loop dropped the operation before it completed";
        case errc::no_executor: return "no executor is known for this operation";
        case errc::unsupported: return "a feature that was asked for is not available";
        case errc::malformed: return "malformed input";
        }
        return "unknown error";
    }
};

class condition_category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn.condition"; }

    std::string message(int value) const override
    {
        switch (static_cast<condition>(value))
        {
        case condition::canceled: return "cancelled";
        case condition::timeout: return "timed out";
        case condition::temporary: return "temporary failure";
        case condition::permanent: return "permanent failure";
        case condition::tls: return "TLS failure";
        case condition::protocol: return "protocol violation by the peer";
        case condition::unreachable: return "peer unreachable";
        case condition::authentication: return "authentication refused";
        }
        return "unknown condition";
    }

    bool equivalent(std::error_code const& code, int value) const noexcept override
    {
        auto const is_library = [&](errc e) {
            return code == std::error_code(static_cast<int>(e), library());
        };
        switch (static_cast<condition>(value))
        {
        case condition::canceled:
            return is_library(errc::canceled) || is_system(code, std::errc::operation_canceled, 995);
        case condition::timeout:
            return is_library(errc::timeout) || is_system(code, std::errc::timed_out, 10060);
        case condition::unreachable:
            return is_system(code, std::errc::connection_refused, 10061) ||
                   is_system(code, std::errc::host_unreachable, 10065) ||
                   is_system(code, std::errc::network_unreachable, 10051);
        default: return false; // the categories of the upper floors claim these themselves
        }
    }

    // Some versions of Asio have a system category whose codes equal no std::errc, so the numbers decide.
    static bool is_system(std::error_code const& code, std::errc portable, int windows) noexcept
    {
        if (code == portable)
            return true;
#if defined(_WIN32)
        int const native = windows;
#else
        static_cast<void>(windows);
        int const native = static_cast<int>(portable);
#endif
        return code.value() == native && std::string_view(code.category().name()) == "asio.system";
    }

    static std::error_category const& library() noexcept
    {
        static library_category_type const instance;
        return instance;
    }
};

} // namespace detail

/// The category of errc.
inline std::error_category const& library_category() noexcept
{
    return detail::condition_category_type::library();
}

/// The category of condition.
inline std::error_category const& condition_category() noexcept
{
    static detail::condition_category_type const instance;
    return instance;
}

inline std::error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), library_category()};
}

inline std::error_condition make_error_condition(condition c) noexcept
{
    return {static_cast<int>(c), condition_category()};
}

/** What an error says beyond its code. All texts are free of secrets and of control characters.

    Empty members are left out of what().
*/
struct error_context
{
    std::string phase;     ///< The stage of the work, e.g. "greeting", "tls handshake", "rcpt".
    std::string operation; ///< What was being done, e.g. the command as it was written, redacted.
    std::string peer;      ///< With whom, e.g. "mx.example:25".
    std::string detail;    ///< What exactly was wrong.
    std::string hint;      ///< What the caller can do about it.
};

/** The base of all exceptions thrown by the library.

    It is a std::system_error, so `code()` can be compared to errc, condition or std::errc.
    Copying never throws.
*/
class error : public std::system_error
{
public:
    explicit error(std::error_code code, error_context context = {})
        : std::system_error(code), state_(std::make_shared<state const>(code, std::move(context)))
    {
    }

    /// A short form: the code and what exactly was wrong.
    error(std::error_code code, std::string detail) : error(code, with_detail(std::move(detail))) {}

    /// One line: where, what, with whom, why, and what to do. Never contains a secret.
    char const* what() const noexcept override { return state_->text.c_str(); }

    /// The parts of what().
    error_context const& context() const noexcept { return state_->context; }

private:
    static error_context with_detail(std::string detail)
    {
        error_context c;
        c.detail = std::move(detail);
        return c;
    }

    struct state
    {
        state(std::error_code code, error_context c) : context(std::move(c)), text(compose(code, context)) {}

        static std::string compose(std::error_code code, error_context const& c)
        {
            std::string text;
            auto const  add = [&text](std::string_view before, std::string_view part) {
                if (part.empty())
                    return;
                if (!text.empty())
                    text += before;
                text += part;
            };
            add("", c.phase);
            add(": ", c.operation);
            add(" with ", c.peer);
            add(": ", code.message());
            add(": ", c.detail);
            if (!c.hint.empty())
            {
                text += " (";
                text += c.hint;
                text += ')';
            }
            return text;
        }

        error_context context;
        std::string   text;
    };

    std::shared_ptr<state const> state_;
};

} // namespace posthorn

template <>
struct std::is_error_code_enum<posthorn::errc> : std::true_type
{
};
template <>
struct std::is_error_condition_enum<posthorn::condition> : std::true_type
{
};

#endif
