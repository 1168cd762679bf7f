//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What Connect needs, from the properties of an account.

#ifndef POSTHORN_LEGACY_DETAIL_ACCOUNT_HPP
#define POSTHORN_LEGACY_DETAIL_ACCOUNT_HPP

#include <posthorn/legacy/imnxport.h>

#include <cstddef>

namespace posthorn::legacy::detail {

/// A text property; empty if there is none.
template <std::size_t N>
void read_text(IPropertyContainer& from, DWORD tag, char (&into)[N])
{
    if (FAILED(from.GetPropSz(tag, into, static_cast<ULONG>(N))))
        into[0] = '\0';
    into[N - 1] = '\0';
}

/// A number; the default if there is none.
inline DWORD read_number(IPropertyContainer& from, DWORD tag, DWORD otherwise)
{
    DWORD value = otherwise;
    if (FAILED(from.GetPropDw(tag, &value)))
        value = otherwise;
    return value;
}

/** The SMTP server of an account.

    Where the account says to log on as at its incoming server, whose properties have no published tags, name and password
    stay empty, and the user will be asked.
    @return S_OK or IXP_E_INVALID_ACCOUNT. */
inline HRESULT smtp_server_of(IImnAccount& account, INETSERVER& server)
{
    INETSERVER s = {};
    read_text(account, AP_SMTP_SERVER, s.szServerName);
    if (s.szServerName[0] == '\0')
        return IXP_E_INVALID_ACCOUNT;
    read_text(account, AP_ACCOUNT_NAME, s.szAccount);
    read_text(account, AP_RAS_CONNECTOID, s.szConnectoid);
    s.rasconntype = static_cast<RASCONNTYPE>(read_number(account, AP_RAS_CONNECTION_TYPE, CONNECTION_TYPE_LAN));
    s.dwPort      = read_number(account, AP_SMTP_PORT, DEFAULT_SMTP_PORT);
    s.fSSL        = read_number(account, AP_SMTP_SSL, FALSE) != 0 ? TRUE : FALSE;
    s.dwTimeout   = read_number(account, AP_SMTP_TIMEOUT, 60);
    if (read_number(account, AP_SMTP_PROMPT_PASSWORD, FALSE) != 0)
        s.dwFlags |= ISF_ALWAYSPROMPTFORPASSWORD;
    switch (read_number(account, AP_SMTP_USE_SICILY, SMTP_AUTH_NONE))
    {
    case SMTP_AUTH_SICILY:
        s.fTrySicily = TRUE;
        s.dwFlags |= ISF_QUERYAUTHSUPPORT;
        break;
    case SMTP_AUTH_USE_POP3ORIMAP_SETTINGS: s.dwFlags |= ISF_QUERYAUTHSUPPORT | ISF_ALWAYSPROMPTFORPASSWORD; break;
    case SMTP_AUTH_USE_SMTP_SETTINGS:
        read_text(account, AP_SMTP_USERNAME, s.szUserName);
        read_text(account, AP_SMTP_PASSWORD, s.szPassword);
        s.dwFlags |= ISF_QUERYAUTHSUPPORT;
        break;
    default: break;
    }
    server = s;
    return S_OK;
}

/** The HTTPMail server of an account: a URL.
    @return S_OK or IXP_E_INVALID_ACCOUNT. */
inline HRESULT httpmail_server_of(IImnAccount& account, INETSERVER& server)
{
    INETSERVER s = {};
    read_text(account, AP_HTTPMAIL_SERVER, s.szServerName);
    if (s.szServerName[0] == '\0')
        return IXP_E_INVALID_ACCOUNT;
    read_text(account, AP_ACCOUNT_NAME, s.szAccount);
    read_text(account, AP_HTTPMAIL_USERNAME, s.szUserName);
    read_text(account, AP_HTTPMAIL_PASSWORD, s.szPassword);
    read_text(account, AP_RAS_CONNECTOID, s.szConnectoid);
    s.rasconntype = static_cast<RASCONNTYPE>(read_number(account, AP_RAS_CONNECTION_TYPE, CONNECTION_TYPE_LAN));
    s.fTrySicily  = read_number(account, AP_HTTPMAIL_USE_SICILY, FALSE) != 0 ? TRUE : FALSE;
    if (read_number(account, AP_HTTPMAIL_PROMPT_PASSWORD, FALSE) != 0)
        s.dwFlags |= ISF_ALWAYSPROMPTFORPASSWORD;
    server = s;
    return S_OK;
}

} // namespace posthorn::legacy::detail

#endif
