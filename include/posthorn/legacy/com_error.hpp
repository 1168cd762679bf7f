//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Result codes as errors of the modern kind.

#ifndef POSTHORN_LEGACY_COM_ERROR_HPP
#define POSTHORN_LEGACY_COM_ERROR_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/legacy/imnxport.h>

#include <string>
#include <string_view>
#include <system_error>

namespace posthorn::legacy {

namespace detail {

class result_category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn.legacy"; }

    std::string message(int value) const override
    {
        char const* const known = error_text(static_cast<HRESULT>(value));
        if (known != nullptr)
            return known;
        constexpr char digits[] = "0123456789ABCDEF";
        std::string    text     = "result 0x";
        for (int shift = 28; shift >= 0; shift -= 4)
            text += digits[static_cast<unsigned>(value) >> shift & 15u];
        return text;
    }

    bool equivalent(int value, std::error_condition const& wanted) const noexcept override
    {
        if (wanted.category() != condition_category())
            return std::error_category::equivalent(value, wanted);
        return holds(static_cast<condition>(wanted.value()), static_cast<HRESULT>(value));
    }

private:
    static bool holds(condition wanted, HRESULT result) noexcept
    {
        switch (wanted)
        {
        case condition::canceled: return result == IXP_E_USER_CANCEL || result == E_ABORT;
        case condition::timeout: return result == IXP_E_TIMEOUT;
        case condition::unreachable:
            return result == IXP_E_CANT_FIND_HOST || result == IXP_E_FAILED_TO_CONNECT ||
                   result == IXP_E_SOCKET_CONNECT_ERROR;
        case condition::authentication:
            return result == IXP_E_SICILY_LOGON_FAILED || result == IXP_E_LOAD_SICILY_FAILED;
        case condition::tls:
            return result == IXP_E_SECURE_CONNECT_FAILED || result == IXP_E_INVALID_CERT_CN ||
                   result == IXP_E_INVALID_CERT_DATE || result == IXP_E_SMTP_NO_STARTTLS_SUPPORT ||
                   result == IXP_E_SMTP_454_STARTTLS_FAILED;
        case condition::protocol: return result == IXP_E_SMTP_RESPONSE_ERROR;
        case condition::temporary:
            return result == IXP_E_SMTP_421_NOT_AVAILABLE || result == IXP_E_SMTP_450_MAILBOX_BUSY ||
                   result == IXP_E_SMTP_451_ERROR_PROCESSING || result == IXP_E_SMTP_452_NO_SYSTEM_STORAGE ||
                   result == IXP_E_SMTP_454_STARTTLS_FAILED;
        case condition::permanent:
            return (result >= IXP_E_SMTP_500_SYNTAX_ERROR && result <= IXP_E_SMTP_504_COMMAND_PARAM_NOTIMPL) ||
                   result == IXP_E_SMTP_530_STARTTLS_REQUIRED || result == IXP_E_SMTP_550_MAILBOX_NOT_FOUND ||
                   result == IXP_E_SMTP_551_USER_NOT_LOCAL || result == IXP_E_SMTP_552_STORAGE_OVERFLOW ||
                   result == IXP_E_SMTP_553_MAILBOX_NAME_SYNTAX || result == IXP_E_SMTP_554_TRANSACT_FAILED;
        }
        return false;
    }
};

} // namespace detail

/// The category of result codes. Values of posthorn::condition can be compared to its codes.
inline std::error_category const& result_category() noexcept
{
    static detail::result_category_type const instance;
    return instance;
}

/// A result code as std::error_code. All successes become no error.
inline std::error_code to_error_code(HRESULT result) noexcept
{
    return {SUCCEEDED(result) ? 0 : static_cast<int>(result), result_category()};
}

/// A call to an interface failed. `result()` tells how.
class com_error : public error
{
public:
    /// @param operation What was called.
    com_error(HRESULT result, std::string_view operation)
        : error(to_error_code(result), error_context {{}, std::string(operation), {}, {}, {}})
    {
    }

    HRESULT result() const noexcept { return static_cast<HRESULT>(code().value()); }
};

/** Passes successes on.

    @param operation What was called.
    @throw com_error for a failure.
*/
inline HRESULT check(HRESULT result, std::string_view operation)
{
    if (FAILED(result))
        throw com_error(result, operation);
    return result;
}

} // namespace posthorn::legacy

#endif
