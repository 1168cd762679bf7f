//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What all transports share: the server's description, statuses, results, the base of transports and of callbacks.

#ifndef POSTHORN_LEGACY_IMNXPORT_TRANSPORT_H
#define POSTHORN_LEGACY_IMNXPORT_TRANSPORT_H

#include "../com.h"
#include "../imnact.h"
#include "codes.h"
#include "identifiers.h"

struct IInternetTransport;

// Lengths of texts in characters, with the NUL.
#define CCHMAX_DOMAIN 256
#define CCHMAX_PHONE_NUMBER 128

// TCP ports
#define DEFAULT_IMAP_PORT 143
#define DEFAULT_POP3_PORT 110
#define DEFAULT_SMTP_PORT 25
#define DEFAULT_NNTP_PORT 119

typedef enum tagRASCONNTYPE POSTHORN_LEGACY_INT
{
    RAS_CONNECT_LAN    = 0, ///< By a network that is there.
    RAS_CONNECT_MANUAL = 1, ///< The user dials.
    RAS_CONNECT_RAS    = 2  ///< By a dial-up entry.
} RASCONNTYPE;

// INETSERVER::dwFlags
#define ISF_SMTP_USEIPFORHELO 0x01       // HELO and EHLO name the client by its IP address
#define ISF_ALWAYSPROMPTFORPASSWORD 0x02 // the password is not kept: ask for it each time
#define ISF_SSLONSAMEPORT 0x04           // TLS by STARTTLS
#define ISF_QUERYDSNSUPPORT 0x08         // EHLO, and look for DSN
#define ISF_QUERYAUTHSUPPORT 0x10        // EHLO, and look for AUTH

/// A server and how to log on there.
typedef struct INETSERVER
{
    CHAR        szAccount[CCHMAX_ACCOUNT_NAME];   ///< The account's name, for display.
    CHAR        szUserName[CCHMAX_USERNAME];      ///< Who logs on.
    CHAR        szPassword[CCHMAX_PASSWORD];      ///< The password.
    CHAR        szServerName[CCHMAX_SERVER_NAME]; ///< Name or address of the host; of HTTPMail the URL.
    CHAR        szConnectoid[CCHMAX_CONNECTOID];  ///< The dial-up entry; ignored.
    RASCONNTYPE rasconntype;                      ///< How to dial; ignored.
    DWORD       dwPort;                           ///< TCP port.
    BOOL        fSSL;                             ///< TLS; from the first octet unless dwFlags has ISF_SSLONSAMEPORT.
    BOOL        fTrySicily;                       ///< Log on by NTLM.
    DWORD       dwTimeout;                        ///< Seconds without any traffic until OnTimeout; 0 for no limit.
    DWORD       dwFlags;                          ///< ISF_...
} INETSERVER, *LPINETSERVER;

typedef enum tagIXPTYPE POSTHORN_LEGACY_INT
{
    IXP_NNTP     = 0,
    IXP_SMTP     = 1,
    IXP_POP3     = 2,
    IXP_IMAP     = 3,
    IXP_RAS      = 4,
    IXP_HTTPMail = 5
} IXPTYPE;

typedef enum tagIXPSTATUS POSTHORN_LEGACY_INT
{
    IXP_FINDINGHOST   = 0, ///< The host's name is being resolved.
    IXP_CONNECTING    = 1, ///< An address of the host is being tried.
    IXP_SECURING      = 2, ///< TLS is being set up.
    IXP_CONNECTED     = 3, ///< Connected.
    IXP_AUTHORIZING   = 4, ///< Logging on.
    IXP_AUTHRETRY     = 5, ///< Logging on again after a refusal.
    IXP_AUTHORIZED    = 6, ///< Logged on; IXP_CONNECTED follows at once.
    IXP_DISCONNECTING = 7, ///< Saying goodbye.
    IXP_DISCONNECTED  = 8, ///< Not connected.
    IXP_LAST          = 9  ///< No status: one above the last.
} IXPSTATUS;

/// What came of an operation. The texts belong to the transport and may be NULL.
typedef struct tagIXPRESULT
{
    HRESULT hrResult;      ///< The result.
    LPSTR   pszResponse;   ///< The last line of the server.
    UINT    uiServerError; ///< The number in that line, or 0.
    HRESULT hrServerError; ///< The code for that number.
    DWORD   dwSocketError; ///< The socket's error as Winsock numbers it, or 0.
    LPSTR   pszProblem;    ///< What it is about, e.g. the address that was refused.
} IXPRESULT, *LPIXPRESULT;

typedef enum tagCMDTYPE POSTHORN_LEGACY_INT
{
    CMD_SEND = 0, ///< A line to the server.
    CMD_RESP = 1  ///< A line from the server.
} CMDTYPE;

/// What a program implements to hear of a transport. Never called but on the transport's thread while that one pumps.
POSTHORN_LEGACY_INTERFACE("0DF2C7E1-3435-11D0-81D0-00C04FD85AB4") ITransportCallback : public IUnknown
{
    /** There was no traffic for the time that was set.

        @param pdwTimeout The limit in seconds, which may be changed.
        @return S_OK to wait on; S_FALSE to disconnect.
    */
    virtual HRESULT STDMETHODCALLTYPE OnTimeout(DWORD* pdwTimeout, IInternetTransport* pTransport) = 0;

    /** A name and a password are needed.

        @param pInetServer The server; fill in szUserName and szPassword and nothing else.
        @return S_OK to log on with them; S_FALSE to disconnect.
    */
    virtual HRESULT STDMETHODCALLTYPE OnLogonPrompt(LPINETSERVER pInetServer, IInternetTransport* pTransport) = 0;

    /** The certificate is not in order: go on?

        @param hrError    IXP_E_INVALID_CERT_CN or IXP_E_INVALID_CERT_DATE.
        @param pszText    A question to show.
        @param pszCaption Its title.
        @param uType      MB_...
        @return IDYES or IDOK to go on; all else disconnects.
    */
    virtual INT STDMETHODCALLTYPE
    OnPrompt(HRESULT hrError, LPCTSTR pszText, LPCTSTR pszCaption, UINT uType, IInternetTransport* pTransport) = 0;

    /// The status has changed. Return S_OK.
    virtual HRESULT STDMETHODCALLTYPE OnStatus(IXPSTATUS ixpstatus, IInternetTransport* pTransport) = 0;

    /// The connection failed; IXP_DISCONNECTED follows. Refusals are told by OnResponse instead. Return S_OK.
    virtual HRESULT STDMETHODCALLTYPE OnError(IXPSTATUS ixpstatus, LPIXPRESULT pResult, IInternetTransport* pTransport) = 0;

    /** A line went out or came in; only if Connect was asked for it. Without line ends and without credentials.

        @param hrResponse The code of a line that came in, S_OK for one that goes out.
        @return S_OK.
    */
    virtual HRESULT STDMETHODCALLTYPE
    OnCommand(CMDTYPE cmdtype, LPSTR pszLine, HRESULT hrResponse, IInternetTransport* pTransport) = 0;
};

/// What a callback object may implement besides.
POSTHORN_LEGACY_INTERFACE("CA30F3FF-C9AC-11D1-9A3A-00C04FA309D4") ITransportCallbackService : public IUnknown
{
    /// The window for the transport's dialogs. @param dwReserved 0. @return S_OK or E_FAIL.
    virtual HRESULT STDMETHODCALLTYPE GetParentWindow(DWORD dwReserved, HWND* phwndParent) = 0;

    /// The account. @param pdwServerType Gets one bit SRV_... @param ppAccount Gets it with a reference added.
    virtual HRESULT STDMETHODCALLTYPE GetAccount(LPDWORD pdwServerType, IImnAccount** ppAccount) = 0;
};

typedef enum tagIXPISSTATE POSTHORN_LEGACY_INT
{
    IXP_IS_CONNECTED     = 0, ///< Is there a connection?
    IXP_IS_BUSY          = 1, ///< Is a command running?
    IXP_IS_READY         = 2, ///< Can a command be given?
    IXP_IS_AUTHENTICATED = 3  ///< Was there a logon?
} IXPISSTATE;

// For the flags of Connect
#define iitAUTHENTICATE TRUE
#define iitDONT_AUTHENTICATE FALSE
#define iitENABLE_ONCOMMAND TRUE
#define iitDISABLE_ONCOMMAND FALSE

/// A connection to a server.
POSTHORN_LEGACY_INTERFACE("1F636C01-364E-11D0-81D3-00C04FD85AB4") IInternetTransport : public IUnknown
{
    /// The server as Connect got it, with what OnLogonPrompt changed. S_OK, E_INVALIDARG, IXP_E_NOT_INIT, IXP_E_NOT_CONNECTED.
    virtual HRESULT STDMETHODCALLTYPE GetServerInfo(LPINETSERVER pInetServer) = 0;

    /// Which protocol this is; not an HRESULT.
    virtual IXPTYPE STDMETHODCALLTYPE GetIXPType() = 0;

    /// S_OK for yes, S_FALSE for no; IXP_E_NOT_INIT; IXP_E_NOT_CONNECTED unless asked for IXP_IS_CONNECTED; E_INVALIDARG.
    virtual HRESULT STDMETHODCALLTYPE IsState(IXPISSTATE isstate) = 0;

    /// Fills in what Connect needs from an account. S_OK, E_INVALIDARG, IXP_E_INVALID_ACCOUNT, IXP_E_NOT_INIT.
    virtual HRESULT STDMETHODCALLTYPE InetServerFromAccount(IImnAccount* pAccount, LPINETSERVER pInetServer) = 0;

    /** Starts to connect; how it goes is told by the callback.

        @param pInetServer     The server, of which a copy is made.
        @param fAuthenticate   iitAUTHENTICATE to log on.
        @param fCommandLogging iitENABLE_ONCOMMAND to hear of every line.
        @return S_OK, E_INVALIDARG, E_OUTOFMEMORY, IXP_E_NOT_INIT, IXP_E_ALREADY_CONNECTED; what can be known at once:
                IXP_E_LOAD_SICILY_FAILED, IXP_E_SOCKET_INIT_ERROR, IXP_E_SOCKET_CONNECT_ERROR, E_FAIL if TLS cannot be set up.
    */
    virtual HRESULT STDMETHODCALLTYPE Connect(LPINETSERVER pInetServer, boolean fAuthenticate, boolean fCommandLogging) = 0;

    /// Lets the callback go: it is never called again. S_OK, or S_FALSE if there was none.
    virtual HRESULT STDMETHODCALLTYPE HandsOffCallback() = 0;

    /// Ends the connection politely. S_OK, IXP_E_NOT_INIT, IXP_E_NOT_CONNECTED.
    virtual HRESULT STDMETHODCALLTYPE Disconnect() = 0;

    /// Ends the connection now. S_OK, IXP_E_NOT_INIT, IXP_E_NOT_CONNECTED.
    virtual HRESULT STDMETHODCALLTYPE DropConnection() = 0;

    /// The present status. S_OK or E_INVALIDARG.
    virtual HRESULT STDMETHODCALLTYPE GetStatus(IXPSTATUS* pCurrentStatus) = 0;
};

#endif
