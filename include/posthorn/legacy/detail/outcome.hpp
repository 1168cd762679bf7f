//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What IXPRESULT tells, owned; and how replies and errors of the engine become one.

#ifndef POSTHORN_LEGACY_DETAIL_OUTCOME_HPP
#define POSTHORN_LEGACY_DETAIL_OUTCOME_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/legacy/detail/result_codes.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/net/connect.hpp>
#include <posthorn/net/error.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/reply.hpp>
#include <posthorn/smtp/session_error.hpp>

#include <cerrno>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::legacy::detail {

/// The number that Winsock has for a system error; 0 for what is none.
inline DWORD winsock_number(std::error_code const& code) noexcept
{
    std::string_view const category = code.category().name();
    if (category == "asio.netdb" || category == "asio.addrinfo")
        return 11001;
    bool const system = category == "asio.system" || code.category() == std::system_category();
    if (!system && code.category() != std::generic_category())
        return code == condition::timeout ? 10060 : 0;
#if defined(_WIN32)
    if (system)
        return static_cast<DWORD>(code.value());
#endif
    switch (code.value())
    {
    case EACCES:
    case EPERM: return 10013;
    case EINVAL: return 10022;
    case EMFILE:
    case ENFILE: return 10024;
    case EADDRINUSE: return 10048;
    case EADDRNOTAVAIL: return 10049;
    case ENETDOWN: return 10050;
    case ENETUNREACH: return 10051;
    case ENETRESET: return 10052;
    case ECONNABORTED: return 10053;
    case EPIPE:
    case ECONNRESET: return 10054;
    case ENOBUFS: return 10055;
    case ENOTCONN: return 10057;
    case ETIMEDOUT: return 10060;
    case ECONNREFUSED: return 10061;
#if defined(EHOSTDOWN)
    case EHOSTDOWN: return 10064;
#endif
    case EHOSTUNREACH: return 10065;
    default: return 0;
    }
}

/// A result with texts of its own.
struct outcome
{
    outcome() = default;
    explicit outcome(HRESULT hr) noexcept : result(hr) {}

    /// About a reply line. @param text The whole line, without its end.
    outcome(int code, std::string text)
        : result(from_smtp_reply(code)), response(std::move(text)), number(static_cast<UINT>(code)), meaning(result)
    {
    }

    HRESULT     result = S_OK;
    std::string response; ///< Empty: none.
    UINT        number  = 0;
    HRESULT     meaning = S_OK;
    DWORD       socket  = 0;
    std::string problem; ///< Empty: none.

    /// As the client sees it. Valid while the outcome is.
    IXPRESULT view()
    {
        IXPRESULT r     = {};
        r.hrResult      = result;
        r.pszResponse   = response.empty() ? nullptr : response.data();
        r.uiServerError = number;
        r.hrServerError = meaning;
        r.dwSocketError = socket;
        r.pszProblem    = problem.empty() ? nullptr : problem.data();
        return r;
    }
};

/// The text of a line of a reply as it came, without its end.
inline std::string line_text(smtp::reply const& r, std::size_t i)
{
    bool const last = i + 1 == r.line_count();
    return std::to_string(r.code()) + (last ? " " : "-") + std::string(r.line(i).raw);
}

/// About a complete reply: its last line stands for it.
inline outcome outcome_of(smtp::reply const& r)
{
    if (r.empty())
        return outcome(IXP_E_SMTP_RESPONSE_ERROR);
    return outcome(r.code(), line_text(r, r.line_count() - 1));
}

/// A failure that is no error of the engine: it has its code already.
class legacy_failure : public std::exception
{
public:
    explicit legacy_failure(outcome o) : outcome_(std::move(o)) {}

    detail::outcome const& what_happened() const noexcept { return outcome_; }
    char const*            what() const noexcept override { return "a failure of the legacy adapter"; }

private:
    detail::outcome outcome_;
};

/// The code for an error of a connection that is up. @param stage The status at that time.
inline HRESULT result_of_error(std::error_code const& code, IXPSTATUS stage) noexcept
{
    if (code == posthorn::errc::timeout)
        return IXP_E_TIMEOUT;
    if (code == smtp::errc::tls_required_unavailable)
        return IXP_E_SMTP_NO_STARTTLS_SUPPORT;
    if (code == smtp::errc::tls_refused)
        return IXP_E_SMTP_454_STARTTLS_FAILED;
    switch (stage)
    {
    case IXP_FINDINGHOST: return IXP_E_CANT_FIND_HOST;
    case IXP_CONNECTING: return IXP_E_FAILED_TO_CONNECT;
    case IXP_SECURING: return IXP_E_SECURE_CONNECT_FAILED;
    default: break;
    }
    if (code == condition::authentication)
        return IXP_E_SICILY_LOGON_FAILED;
    if (code == condition::protocol)
        return IXP_E_SMTP_RESPONSE_ERROR;
    return IXP_E_CONNECTION_DROPPED;
}

inline outcome outcome_of(error const& e, IXPSTATUS stage)
{
    outcome o(result_of_error(e.code(), stage));
    o.socket = winsock_number(e.code());
    if (auto const* const c = dynamic_cast<net::connect_error const*>(&e); c != nullptr && !c->attempts().empty())
        o.socket = winsock_number(c->attempts().back().error);
    if (stage == IXP_FINDINGHOST && o.result == IXP_E_CANT_FIND_HOST)
        o.socket = e.code() == net::errc::resolve_temporary || e.code() == net::errc::resolve_timed_out ? 11002 : 11001;
    auto const* const s = dynamic_cast<smtp::session_error const*>(&e);
    if (s != nullptr && s->reply() != nullptr)
    {
        outcome const said = outcome_of(*s->reply());
        o.response         = said.response;
        o.number           = said.number;
        o.meaning          = said.meaning;
        bool const refused = e.code() == smtp::errc::greeting_refused || e.code() == smtp::errc::greeting_deferred ||
                             e.code() == smtp::errc::ehlo_refused || e.code() == smtp::errc::service_unavailable;
        if (refused)
            o.result = said.result;
    }
    return o;
}

/// Whatever ended a connection.
inline outcome outcome_of(std::exception_ptr const& failure, IXPSTATUS stage)
{
    try
    {
        std::rethrow_exception(failure);
    }
    catch (legacy_failure const& e)
    {
        return e.what_happened();
    }
    catch (error const& e)
    {
        return outcome_of(e, stage);
    }
    catch (std::system_error const& e)
    {
        outcome o(result_of_error(e.code(), stage));
        o.socket = winsock_number(e.code());
        return o;
    }
    catch (std::bad_alloc const&)
    {
        return outcome(E_OUTOFMEMORY);
    }
    catch (...)
    {
        return outcome(E_FAIL);
    }
}

} // namespace posthorn::legacy::detail

#endif
