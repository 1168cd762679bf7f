//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Accounts, as far as the transports read them: InetServerFromAccount and ITransportCallbackService::GetAccount.

#ifndef POSTHORN_LEGACY_IMNACT_H
#define POSTHORN_LEGACY_IMNACT_H

#include "com.h"
#include "imnxport/identifiers.h"
#include "imnxport/other_codes.h"

#if !defined(_WIN32)
#ifdef GetProp
#undef GetProp
#endif
#ifdef SetProp
#undef SetProp
#endif
#endif

// Lengths of texts in characters, with the NUL.
#define CCHMAX_ORG_NAME 256
#define CCHMAX_DISPLAY_NAME 256
#define CCHMAX_ACCOUNT_NAME 256
#define CCHMAX_SERVER_NAME 256
#define CCHMAX_PASSWORD 256
#define CCHMAX_USERNAME 256
#define CCHMAX_EMAIL_ADDRESS 256
#define CCHMAX_CONNECTOID 256
#define CCHMAX_SEARCH_BASE 256
#define CCHMAX_ROOT_FOLDER 256
#define CCHMAX_SIGNATURE 16
#define CCHMAX_SERVICE 256

// Types of servers, as bits
#define SRV_NNTP 0x01
#define SRV_IMAP 0x02
#define SRV_POP3 0x04
#define SRV_SMTP 0x08
#define SRV_LDAP 0x10
#define SRV_HTTPMAIL 0x20
#define SRV_MAIL (SRV_IMAP | SRV_POP3 | SRV_SMTP | SRV_HTTPMAIL)
#define SRV_ALL (SRV_NNTP | SRV_MAIL | SRV_LDAP)

// Values of AP_RAS_CONNECTION_TYPE
#define CONNECTION_TYPE_LAN 0
#define CONNECTION_TYPE_MANUAL 1
#define CONNECTION_TYPE_RAS 2
#define CONNECTION_TYPE_INETSETTINGS 3

/// Value of AP_SMTP_USE_SICILY: with which name and password to log on.
typedef enum tagSMTPAUTHTYPE POSTHORN_LEGACY_INT
{
    SMTP_AUTH_NONE                    = 0, ///< None.
    SMTP_AUTH_SICILY                  = 1, ///< By NTLM.
    SMTP_AUTH_USE_POP3ORIMAP_SETTINGS = 2, ///< Those of the incoming server.
    SMTP_AUTH_USE_SMTP_SETTINGS       = 3  ///< Its own.
} SMTPAUTHTYPE;

typedef enum POSTHORN_LEGACY_INT
{
    ACCT_NEWS     = 0,
    ACCT_MAIL     = 1,
    ACCT_DIR_SERV = 2,
    ACCT_LAST     = 3
} ACCTTYPE;

/// Type of a property: the lower half of its tag.
typedef enum POSTHORN_LEGACY_INT
{
    TYPE_ERROR         = 1000,
    TYPE_DWORD         = 1001,
    TYPE_LONG          = 1002,
    TYPE_WORD          = 1003,
    TYPE_SHORT         = 1004,
    TYPE_BYTE          = 1005,
    TYPE_CHAR          = 1006,
    TYPE_FILETIME      = 1007,
    TYPE_STRING        = 1008,
    TYPE_BINARY        = 1009,
    TYPE_FLAGS         = 1010,
    TYPE_STREAM        = 1011,
    TYPE_WSTRING       = 1012,
    TYPE_BOOL          = 1013,
    TYPE_PASS          = 1014,
    TYPE_ULARGEINTEGER = 1015, ///< Not in the oldest headers.
    TYPE_LAST          = 1016
} PROPTYPE;

// Properties: a number, which counts from AP_FIRST, above a type.
#define AP_FIRST 0x1234
#define AP_ACCOUNT_NAME 0x123503F0u
#define AP_RAS_CONNECTION_TYPE 0x123903E9u
#define AP_RAS_CONNECTOID 0x123A03F0u
#define AP_RAS_CONNECTION_FLAGS 0x123B03E9u
#define AP_ACCOUNT_ID 0x123D03F0u
#define AP_HTTPMAIL_SERVER 0x132E03F0u
#define AP_HTTPMAIL_USERNAME 0x132F03F0u
#define AP_HTTPMAIL_PASSWORD 0x133003F6u
#define AP_HTTPMAIL_PROMPT_PASSWORD 0x133103F5u
#define AP_HTTPMAIL_USE_SICILY 0x133203E9u
#define AP_HTTPMAIL_FRIENDLY_NAME 0x133303F0u
#define AP_HTTPMAIL_DOMAIN_MSN 0x133403F5u
#define AP_HTTPMAIL_POLL 0x133503F5u
#define AP_SMTP_SERVER 0x142803F0u
#define AP_SMTP_USERNAME 0x142903F0u
#define AP_SMTP_PASSWORD 0x142A03F6u
#define AP_SMTP_USE_SICILY 0x142C03E9u
#define AP_SMTP_PORT 0x142D03E9u
#define AP_SMTP_SSL 0x142E03F5u
#define AP_SMTP_TIMEOUT 0x142F03E9u
#define AP_SMTP_DISPLAY_NAME 0x143003F0u
#define AP_SMTP_ORG_NAME 0x143103F0u
#define AP_SMTP_EMAIL_ADDRESS 0x143203F0u
#define AP_SMTP_REPLY_EMAIL_ADDRESS 0x143303F0u
#define AP_SMTP_SPLIT_MESSAGES 0x143403F5u
#define AP_SMTP_SPLIT_SIZE 0x143503E9u
#define AP_SMTP_CERTIFICATE 0x143603F1u
#define AP_SMTP_SIGNATURE 0x143703F0u
#define AP_SMTP_PROMPT_PASSWORD 0x143803F5u

/// Properties by tag.
POSTHORN_LEGACY_INTERFACE("FD465484-1384-11D0-ABBD-0020AFDFD10A") IPropertyContainer : public IUnknown
{
    /** @param dwPropTag AP_...
        @param pb        Where the value goes; NULL to learn its size.
        @param pcb       Size of the room in bytes; gets that of the value.
        @return S_OK, E_NoPropData, E_BufferTooSmall, E_PropNotFound, E_InvalidPropTag, E_InvalidPropertySet, E_OUTOFMEMORY.
    */
    virtual HRESULT STDMETHODCALLTYPE GetProp(DWORD dwPropTag, BYTE* pb, ULONG* pcb) = 0;

    virtual HRESULT STDMETHODCALLTYPE GetPropDw(DWORD dwPropTag, DWORD* pdw)               = 0; ///< One that is a number.
    virtual HRESULT STDMETHODCALLTYPE GetPropSz(DWORD dwPropTag, LPSTR psz, ULONG cchMax) = 0; ///< One that is a text.
    virtual HRESULT STDMETHODCALLTYPE SetProp(DWORD dwPropTag, BYTE* pb, ULONG cb)         = 0;
    virtual HRESULT STDMETHODCALLTYPE SetPropDw(DWORD dwPropTag, DWORD dw)                 = 0;
    virtual HRESULT STDMETHODCALLTYPE SetPropSz(DWORD dwPropTag, LPSTR psz)                = 0;
};

/// An account. Here only programs implement it.
POSTHORN_LEGACY_INTERFACE("FD465482-1384-11D0-ABBD-0020AFDFD10A") IImnAccount : public IPropertyContainer
{
    virtual HRESULT STDMETHODCALLTYPE Exist()                                                      = 0;
    virtual HRESULT STDMETHODCALLTYPE SetAsDefault()                                               = 0;
    virtual HRESULT STDMETHODCALLTYPE Delete()                                                     = 0;
    virtual HRESULT STDMETHODCALLTYPE SaveChanges()                                                = 0;
    virtual HRESULT STDMETHODCALLTYPE GetAccountType(ACCTTYPE* pAcctType)                          = 0;
    virtual HRESULT STDMETHODCALLTYPE GetServerTypes(DWORD* pdwSrvTypes)                           = 0; ///< SRV_...
    virtual HRESULT STDMETHODCALLTYPE ShowProperties(HWND hwnd, DWORD dwFlags)                     = 0;
    virtual HRESULT STDMETHODCALLTYPE ValidateProperty(DWORD dwPropTag, BYTE* pb, ULONG cb)        = 0;
    virtual HRESULT STDMETHODCALLTYPE DoWizard(HWND hwnd, DWORD dwFlags)                           = 0;
    virtual HRESULT STDMETHODCALLTYPE DoImportWizard(HWND hwnd, CLSID clsid, DWORD dwFlags)        = 0;
};

#endif
